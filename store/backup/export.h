/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_EXPORT_H
#define STORE_EXPORT_H

/* How what is exported looks; for those who write it and those who read it
 * again. */
#include "store/internal.h"

/* A file of an object, and a record of a segment, begin with a head and end
 * with a MAC. */
enum {
	EXPORT_SEGMENT = 1000,
	EXPORT_TAIL = sizeof(",\"mac\":\"\"}") - 1 + (size_t)2 * PKI_HASH
};

/* Appends the head of a file at this path below export/, or of a record of this
 * segment. */
int export_file_head(const char *store_id, const char *path, struct bytes *out);
int export_record_head(const char *store_id, int64_t segment, struct bytes *out);

/* The name of a segment's file; whether a path is one, and of which. */
void export_segment_path(int64_t segment, char out[STORE_PATH]);
bool export_segment_number(const char *path, int64_t *number);

/* Ends with the MAC of all that it has. 0 or -EIO/-ENOMEM. */
int export_seal(const struct store *store, struct bytes *out);

/*
 * What is wrong with a text that should begin with this head and end with the
 * MAC over all of it, NULL: nothing.
 */
const char *export_wrong(const struct store *store, const char *text,
    size_t len, const struct bytes *head);

/* The same of a record, which has to be the one of this number. */
const char *export_record_wrong(const struct store *store, const char *line,
    size_t len, const struct bytes *head, int64_t seq);

/* Takes off what fills up an object's file. What is wrong with that, or
 * NULL. */
const char *export_unpad(struct bytes *text);

/* Takes the store's id from what store.json begins with: less than size
 * bytes, NUL-terminated. What is wrong with it, or NULL; it is not
 * authenticated yet. */
const char *export_store_id(const char *text, char *id, size_t size);

#endif
