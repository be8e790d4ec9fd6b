/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_FILE_INTERNAL_H
#define FS_FILE_INTERNAL_H

/* Shared by file*.c. */
#include <fcntl.h>
#include <pthread.h>

#include "fs/file.h"

/* What a kind of open file does. Functions but open, read and size may be NULL:
 * there is nothing to do. */
struct file_ops {
	/* Of its structure, whose first member is a struct file; zeroed. */
	size_t size;

	/* Where it fails, release is not called. */
	int (*open)(
	    struct file *file, struct fs_request *rq, const struct node *node);
	int (*read)(struct file *file, struct fs_request *rq, off_t offset,
	    size_t size, struct bytes *out);
	/* NULL: as read. */
	int (*read_page)(struct file *file, struct fs_request *rq, off_t offset,
	    size_t size, struct bytes *out);

	/* These are called with the file's lock held. */
	int (*write)(struct file *file, struct fs_request *rq, const void *data,
	    size_t size, off_t offset);
	void (*truncate)(struct file *file);
	int (*flush)(struct file *file);
	/* How much memory it has allocated for what was written, which is
	 * charged to the user. */
	size_t (*held)(const struct file *file);

	/* Frees all but the file itself. Returns as file_close. */
	int (*release)(struct file *file, struct fs_request *rq);

	/* The st_size of a content that was fixed by the open. */
	off_t (*length)(const struct file *file);
};

struct file {
	const struct file_ops *ops;
	struct file *next, *prev; /* in the list of open files */
	struct store *store;
	const struct attr *attr;
	uint64_t ino;
	uid_t uid; /* of the process that opened it */
	pid_t pid;
	int flags;
	bool permitted; /* see quota_take */
	long charged;	/* of QUOTA_BYTES */

	struct bytes content;	/* as of open; not changed after it */
	bool reports_close;	/* set by open; see file_reports_close */
	bool fixed;		/* all that is read was fixed by the open */
	struct timespec moment; /* then: its st_mtim */
	_Atomic bool was_read;

	pthread_mutex_t lock;
};

/* A file that shows what was rendered at open. */
extern const struct file_ops file_rendered_ops;
/* A file that only grows, read as it is now. */
extern const struct file_ops file_stream_ops;
/* A large document, shared by its readers. */
extern const struct file_ops file_list_ops;
/* One value, stored by each write. */
extern const struct file_ops file_value_ops;
/* A request or document, collected and submitted when it is complete. */
extern const struct file_ops file_conversation_ops;
/* A temporary file or backup in memory. */
extern const struct file_ops file_draft_ops;

static inline bool file_readable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_WRONLY;
}

static inline bool file_writable(const struct file *file)
{
	return (file->flags & O_ACCMODE) != O_RDONLY;
}

/* read: a part of the content as of open. */
int file_read_content(struct file *file, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out);

/* read_page: a part of the present content. */
int file_read_current(struct file *file, struct fs_request *rq, off_t offset,
    size_t size, struct bytes *out);

#endif
