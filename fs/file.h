/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_FILE_H
#define FS_FILE_H

/*
 * An open file. What open, read and write mean depends on what the file is: a
 * small table of functions for each (file_internal.h). Functions return 0 or
 * -errno and set the request's target and reason; one file may be used by
 * several threads at once.
 */
#include <sys/types.h>

#include "fs/node.h"

struct file;

/* As the offset of a write: after what this open has written (O_APPEND). */
enum { FILE_END = -1 };

/*
 * Opens a node with flags of open(2); file_close releases it. Returns 0, or
 * -EACCES (for writing what nobody can write), -ENOSPC (see quota_take), the
 * refusals of a copy, -EISDIR, -ELOOP (a symbolic link), -ENOMEM.
 */
int file_open(struct fs_request *rq, const struct node *node, int flags,
    struct file **out);

/* Appends a copy of at most size bytes at this offset. Fewer: the end. */
int file_read(struct file *file, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out);

/*
 * The same for a page of the kernel's cache, which all opens of the file share:
 * the present content, since a newer open could otherwise read in it what an
 * older one rendered. A copied key stays as this open copied it.
 */
int file_read_page(struct file *file, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out);

/*
 * Writes all of it or nothing. Returns 0, or -EINVAL (would leave a hole),
 * -EFBIG, or the errno of the handler that stores it.
 */
int file_write(struct file *file, struct fs_request *rq, const void *data,
    size_t size, off_t offset);

/*
 * Truncates to nothing: the next write begins a new value or request. What has
 * been stored already is not undone.
 */
void file_truncate(struct file *file);

/* Whether it was opened for writing. */
bool file_is_writable(const struct file *file);

/* Whether a write to it is answered when what follows from it is done. */
bool file_settles(const struct file *file);

/* Whether file_flush can return an error; else it need not be called. */
bool file_reports_close(const struct file *file);

/* A descriptor of it was closed. Returns 0, or -EINVAL (a request is incomplete
 * and cannot be completed any more). */
int file_flush(struct file *file);

/*
 * fstat(2): if this process has the inode open for reading, and the content was
 * fixed by the open, sets st_size and, until the first read, st_mtim to those
 * of that content. Returns whether that changed anything.
 */
bool file_stat(uint64_t ino, pid_t pid, struct stat *st);

/* Whether the inode is open. */
bool file_is_open(uint64_t ino);

/*
 * Closes and frees it. Returns 0, or -EINVAL (a request was left incomplete):
 * rq is then the request of the open file's owner, to be logged.
 */
int file_close(struct file *file, struct fs_request *rq);

/* Any file that is still open, or NULL. For the end, when no request is served
 * any more. */
struct file *file_any(void);

#endif
