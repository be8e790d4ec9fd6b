/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_TREE_H
#define FS_TREE_H

/*
 * The tree is one constant table: kinds of directories, and for each the files
 * in it. node.c is the engine over it and never names a kind. A new file is a
 * line in tree.c and a handler.
 */
#include "store/store.h"

enum kind_number {
	KIND_ROOT,
	KIND_GROUPS, /* app_connector and service_edge */
	KIND_GROUP,
	KIND_KEYS,
	KIND_KEY,
	KIND_MEMBERS,
	KIND_MEMBER,
	KIND_CERTS,
	KIND_CERT,
	KIND_DROPS, /* enroll.d */
	KIND_DROP,
	KIND_TABLES,
	KIND_EXPORT,
	KIND_EXPORT_GROUPS,
	KIND_EXPORT_GROUP,
	KIND_EXPORT_KEYS,
	KIND_EXPORT_KEY,
	KIND_EXPORT_CERTS,
	KIND_EXPORT_CERT,
	KIND_EXPORT_TRAIL,
	KIND_EXPORT_SEGMENT,
	KINDS
};

enum attr_flag {
	/* Changes through other inodes too (a use, a renaming elsewhere): the
	 * kernel caches nothing. */
	AT_VOLATILE = 1,
	/* Has been the same since the object was made. */
	AT_FIXED = 2,
	/* The content is shown as it is; else it is one value, and a newline
	 * follows. */
	AT_DOCUMENT = 4,
	/* No listing shows it. */
	AT_HIDDEN = 8,
	/* A symbolic link; the content is where it points. */
	AT_LINK = 16,
	/* Written by, and belongs to, the owner of the mount's root whatever
	 * the directory says. */
	AT_ROOT_OWNED = 32,
	/* A conversation for each open: what it takes is written, the reply is
	 * read. */
	AT_CONVERSATION = 64,
	/* For everybody. */
	AT_PUBLIC = 128,
	/* Making it enrols the member whose file it is. */
	AT_DROP = 256,
	/* Says something of every group: for the owner of the mount's root and
	 * its auditors. */
	AT_AUDIT = 512,
};

/* A value that somebody wrote. */
struct input {
	const char *text; /* without its final newline */
	bool bare;	  /* it had none */
	bool again;   /* the value this open has written before, now with its
			 newline */
	uint64_t bit; /* of the attribute, for store_edit */
	struct store_before *before; /* for store_edit; or NULL */
};

struct attr {
	/* Its place in inode numbers, in store_object.bare and .owned: from 1
	 * to 47, never given again. (The bits from 48 are those of directories
	 * that follow, by their kind.) */
	unsigned int number;
	const char *name;
	unsigned int flags;
	size_t max; /* bytes of a value written, without its newline */

	/* Appends the content, at open or for its size; 1: there is none yet,
	 * not even an empty value. */
	int (*show)(
	    struct store *store, const union store_any *row, struct bytes *out);
	/* The length of the content, where making it is not wanted; 1 as
	 * above. */
	int (*size)(
	    struct store *store, const union store_any *row, size_t *len);
	/* Instead of show: something that only grows, read as it is now; its
	 * length, and when it last grew. */
	int (*read)(struct store *store, const union store_any *row,
	    int64_t offset, size_t size, struct bytes *out);
	int (*measure)(struct store *store, const union store_any *row,
	    size_t *len, int64_t *changed);
	/* Instead of show: something large that readers share; NULL: there is
	 * none yet. look: asked for its length, not to be read. */
	int (*list)(struct store *store, const union store_any *row, bool look,
	    struct store_snapshot **out);
	/* Instead of show at an open for reading, where that is an event. */
	int (*copy)(struct store *store, struct store_call *call,
	    const union store_any *row, struct bytes *out);
	/* Checks and stores; 1 instead of 0: it counts once, and must not be
	 * carried out again. */
	int (*store)(struct store *store, struct store_call *call,
	    const union store_any *row, const struct input *input);
	/*
	 * Instead: what is written is collected, and carried out in the write
	 * that completes it. Called with all of it so far; 0, with a reply; 1:
	 * incomplete; or the refusal. member: the name of the file that is
	 * being dropped, else NULL.
	 */
	int (*submit)(struct store *store, struct store_call *call,
	    const union store_any *row, const char *member, const void *data,
	    size_t len, struct bytes *reply);
	/* Whether it is there at all; NULL: always. */
	bool (*present)(const union store_any *row);
	const char *help;
};

struct fixed_dir {
	const char *name;
	enum kind_number kind;
	int64_t id; /* of what stands behind it; 0: the same object */
};

struct kind {
	const char *name; /* for people */
	enum store_kind row;
	const struct attr *attr;
	size_t attrs;
	const struct fixed_dir *dir;
	size_t dirs;
	/* Its children beside the fixed ones; KIND_ROOT: none. */
	enum kind_number child;
	/* When its list of children last changed. */
	int64_t (*changed)(const union store_any *row);
	bool is_volatile; /* what it is or has changes through others; the
			     kernel keeps nothing of it */
	/* Its cached listing is invalidated after each enrollment. */
	bool notify;
	/* Its children, where they are not those that store_find and store_each
	 * know. */
	int (*find)(struct store *store, const union store_any *row,
	    const char *name, union store_any *out);
	int (*each)(struct store *store, const union store_any *row,
	    int64_t after, store_each_fn fn, void *arg);
	/* Has no directory: each object is shown as its files, named
	 * `<object><file>`. */
	bool flat;
	bool audit;    /* what is in it is AT_AUDIT, and so is it */
	bool exported; /* read-only, and readable by who makes backups alone */
	bool follows;  /* its owner and mode are those of the directory above */
};

extern const struct kind tree[KINDS];

/* The attribute with this number, or NULL. */
const struct attr *tree_attr(const struct kind *kind, unsigned int number);

#endif
