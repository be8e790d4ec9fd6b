/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BACKUP_EXPORT_H
#define STORE_BACKUP_EXPORT_H

/* The format of exported files, for writing and reading them. */
#include "store/internal.h"

/* An object's file, and each record of a segment, has a head and ends with a
 * MAC. */
enum {
	EXPORT_SEGMENT = 1000,
	EXPORT_TAIL = sizeof(",\"mac\":\"\"}") - 1 + (size_t)2 * PKI_HASH
};

/* Append the head of a file, path being below export/; of a record of a
 * segment. Return 0 or -ENOMEM. */
int export_file_head(const char *store_id, const char *path, struct bytes *out);
int export_record_head(const char *store_id, int64_t segment, struct bytes *out);

/* Writes the path of a segment's file below export/. Returns whether a path is
 * a segment's, and sets *number. */
void export_segment_path(int64_t segment, char out[STORE_PATH]);
bool export_segment_number(const char *path, int64_t *number);

/* Appends the MAC over everything in out, and the closing brace. Returns 0,
 * -ENOMEM or -EIO. */
int export_seal(const struct store *store, struct bytes *out);

/* Checks an object's file or a record: its head and its MAC. Returns NULL if
 * they are right, or else the fault, to follow a file's name. */
const char *export_wrong(const struct store *store, const char *text,
    size_t len, const struct bytes *head);

/* export_wrong for a record, which must have this number. */
const char *export_record_wrong(const struct store *store, const char *line,
    size_t len, const struct bytes *head, int64_t seq);

/* Removes the padding of an object's file. Returns NULL or the fault. */
const char *export_unpad(struct bytes *text);

/* Writes the store's id from the head of store.json to id, which has size
 * bytes. Returns NULL or the fault. The id is not authenticated yet. */
const char *export_store_id(const char *text, char *id, size_t size);

#endif
