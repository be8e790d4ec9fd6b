/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FS_FILES_H
#define TESTS_UNIT_FS_FILES_H

/* Files of a store of the test's own, opened as the kernel would, and a clock
 * that can be set forward. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fs/draft.h"
#include "fs/file.h"
#include "fs/ino.h"
#include "tests/unit/stores.h"

static time_t clock_skew;

/* In place of the C library's, for what counts seconds. */
int clock_gettime(clockid_t id, struct timespec *at)
{
	int rc = (int)syscall(SYS_clock_gettime, id, at);

	if (!rc && id == CLOCK_MONOTONIC)
		at->tv_sec += clock_skew;
	return rc;
}

/* The last request: made anew by each of the functions below. */
static struct fs_request rq;

static inline struct fs_request *new_request(void)
{
	rq = (struct fs_request){.store = store, .call = call};
	return &rq;
}

static inline struct node get_node(uint64_t ino)
{
	struct node node;

	assert_int_equal(node_get(store, ino, &node), 0);
	return node;
}

static inline struct node group_dir(void)
{
	return get_node(ino_make(KIND_GROUP, 0, group.object.id));
}

static inline struct node key_dir(void)
{
	return get_node(ino_make(KIND_KEY, 0, key.object.id));
}

/* Of a new signing certificate, which waits for its issuer. */
static inline struct node waiting_cert_dir(void)
{
	union store_any cert;

	assert_int_equal(store_make(store, &call, STORE_CERT, STORE_CERTS,
			     &test_above, "waits", 0777, &cert),
	    0);
	return get_node(ino_make(KIND_CERT, 0, cert.object.id));
}

static inline struct node look_up(const struct node *dir, const char *name)
{
	struct node node;

	assert_int_equal(node_lookup(store, dir, name, &node), 0);
	return node;
}

/* Opens a file that has to open. */
static inline struct file *open_file(
    const struct node *dir, const char *name, int flags)
{
	struct node node = look_up(dir, name);
	struct file *file = NULL;

	assert_int_equal(file_open(new_request(), &node, flags, &file), 0);
	return file;
}

static inline struct file *open_key(const char *name, int flags)
{
	struct node dir = key_dir();

	return open_file(&dir, name, flags);
}

static inline int try_open(const struct node *dir, const char *name, int flags)
{
	struct node node = look_up(dir, name);
	struct file *file;
	int rc = file_open(new_request(), &node, flags, &file);

	if (!rc)
		file_close(file, &rq);
	return rc;
}

static inline int close_file(struct file *file)
{
	return file_close(file, new_request());
}

static inline int write_at(struct file *file, const char *text, off_t offset)
{
	return file_write(file, new_request(), text, strlen(text), offset);
}

typedef int (*read_fn)(struct file *file, struct fs_request *request,
    off_t offset, size_t size, struct bytes *out);

static inline void check_read_by(
    read_fn fn, struct file *file, off_t offset, size_t size, const char *want)
{
	CLEANUP_BYTES struct bytes data = {0};

	assert_int_equal(fn(file, new_request(), offset, size, &data), 0);
	assert_int_equal(data.len, strlen(want));
	assert_memory_equal(data.len ? (char *)data.data : "", want, data.len);
}

static inline void check_read(
    struct file *file, off_t offset, size_t size, const char *want)
{
	check_read_by(file_read, file, offset, size, want);
}

/* What a new open of the key's file reads. */
static inline void check_value(const char *name, const char *want)
{
	struct file *file = open_key(name, O_RDONLY);

	check_read(file, 0, 4096, want);
	assert_int_equal(close_file(file), 0);
}

/* Writes a value to a file of the key through an open of its own. */
static inline void set_value(const char *name, const char *text)
{
	struct file *file = open_key(name, O_WRONLY | O_TRUNC);

	assert_int_equal(write_at(file, text, 0), 0);
	assert_int_equal(close_file(file), 0);
}

static inline void check_reason(const char *text)
{
	if (!strstr(rq.call.reason, text))
		fail_msg("%s: not in: %s", text, rq.call.reason);
}

#endif
