/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_TREE_H
#define FS_TREE_H

/*
 * The tree is one constant table: the kinds of directories, and the files in
 * each. node*.c is the engine over it and names no kind. A new file is a line
 * in tree.c, its handlers (attr.h), and a paragraph in enrollfs.5.
 */
#include "store/store.h"

struct store_snapshot;

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
	KIND_PENDING,
	KIND_PENDING_REQUEST,
	KINDS
};

/* Set by the constructors in tree.c. */
enum attr_flag {
	/* Changes through other inodes too (a use of the key, a rename of a
	 * certificate): the kernel must not cache it. */
	AT_VOLATILE = 1,
	/* Never changes. */
	AT_FIXED = 2,
	/* The content is shown as it is. Otherwise it is one value, to which a
	 * newline is added. */
	AT_DOCUMENT = 4,
	/* Not listed. */
	AT_HIDDEN = 8,
	/* A symbolic link; the content is its target. */
	AT_LINK = 16,
	/* Belongs to the owner of the mount's root, who alone may write it,
	 * whatever the owner of the directory. */
	AT_ROOT_OWNED = 32,
	/* Each open is a conversation: a request is written, the reply read. */
	AT_CONVERSATION = 64,
	/* Everybody may use it: it takes requests with a proof of their own. */
	AT_PUBLIC = 128,
	/* Creating it enrolls the member whose file it is. */
	AT_DROP = 256,
	/* About all groups: for the owner of the mount's root and the auditors
	 * (-o audit_gid). */
	AT_AUDIT = 512,
	/* AT_VOLATILE, but what it says changes only with its member's
	 * certificate, or with the name of a key or certificate. The kernel
	 * caches it for a moment, and the daemon invalidates it. */
	AT_RENEWED = 1024,
	/* A list: a value of any number of lines, which may be none. */
	AT_LINES = 2048,
};

/* A value that was written. */
struct input {
	const char *text; /* without its final newline */
	bool bare;	  /* it had none */
	bool again;	  /* this open has stored it already; now its newline
			     has come */
	uint64_t bit;	  /* of the attribute, for store_edit */
	struct store_before *before; /* for store_edit; or NULL */
};

/* A file. Handlers return 0 or -errno unless they say more; those that get a
 * call set its reason. */
struct attr {
	/* Part of inode numbers, and a bit in store_object.bare and .owned: 1
	 * to 47, never reused. (Bits from 48 are those of directories that
	 * follow their object, by kind.) */
	unsigned int number;
	const char *name;
	unsigned int flags;
	size_t max; /* of a value that is written, without its newline */

	/* Appends the content, at open or for its size. Returns 1 if there is
	 * none yet, not even an empty value. */
	int (*show)(
	    struct store *store, const union store_any *row, struct bytes *out);
	/* The length of the content, where it is known without rendering.
	 * Returns 1 as show. */
	int (*size)(
	    struct store *store, const union store_any *row, size_t *len);

	/* Instead of show, for a file that only grows: appends what is at an
	 * offset now. */
	int (*read)(struct store *store, const union store_any *row,
	    int64_t offset, size_t size, struct bytes *out);
	/* Its length, and when its content last changed. */
	int (*measure)(struct store *store, const union store_any *row,
	    size_t *len, int64_t *changed);

	/* Instead of show, for a large document: the snapshot that readers
	 * share, or NULL if there is none yet. look: for stat, not to be
	 * read. */
	int (*list)(struct store *store, const union store_any *row, bool look,
	    struct store_snapshot **out);

	/* Instead of show, where each user reads another text. */
	int (*report)(uid_t uid, struct bytes *out);

	/* Instead of show, where each open for reading is an event. */
	int (*copy)(struct store *store, struct store_call *call,
	    const union store_any *row, struct bytes *out);

	/* Checks and stores a value. Returns 1 instead of 0 if the same value
	 * must not be stored again by this open. */
	int (*store)(struct store *store, struct store_call *call,
	    const union store_any *row, const struct input *input);

	/*
	 * Instead of store: called by each write with all that was written so
	 * far. Returns 0 (done, with a reply), 1 (incomplete), or the refusal.
	 * member: the name under which a request is dropped, or NULL.
	 */
	int (*submit)(struct store *store, struct store_call *call,
	    const union store_any *row, const char *member, const void *data,
	    size_t len, struct bytes *reply);

	/* fsync(2); NULL: nothing is left to do. Returns 0, or 1: wait->done
	 * will be called. */
	int (*sync)(struct store *store, struct store_call *call,
	    const union store_any *row, struct store_wait *wait);

	/* The same of a write that stored a value, before it is answered. */
	int (*settle)(struct store *store, struct store_call *call,
	    const union store_any *row, struct store_wait *wait);

	/* Whether the file exists at all; NULL: always. */
	bool (*present)(const union store_any *row);
	const char *help; /* one line */
};

/* A directory that every object of a kind has. */
struct fixed_dir {
	const char *name;
	enum kind_number kind;
	int64_t id; /* of its object; 0: the same object */
};

/* A kind of directories. */
struct kind {
	const char *name; /* for people */
	enum store_kind row;
	const struct attr *attr; /* the files in it */
	size_t attrs;
	const struct fixed_dir *dir;
	size_t dirs;
	/* The kind of its children; KIND_ROOT: it has none. */
	enum kind_number child;
	/* When its list of children last changed. */
	int64_t (*changed)(const union store_any *row);
	/* Its name, attributes or listing change through other inodes: the
	 * kernel must not cache them. */
	bool is_volatile;
	/* Its cached listing is invalidated after each enrollment. */
	bool notify;
	/* The kernel caches for a moment what a listing shows of its files, and
	 * a change of the object invalidates it (listing.h). */
	bool listed;
	/* Finds and lists its children; NULL: store_find and store_each do. */
	int (*find)(struct store *store, const union store_any *row,
	    const char *name, union store_any *out);
	int (*each)(struct store *store, const union store_any *row,
	    int64_t after, store_each_fn fn, void *arg);
	/* Its objects have no directory: their files, named <object><file>, are
	 * listed in the directory above. */
	bool flat;
	bool audit;    /* it and its files are AT_AUDIT */
	bool exported; /* read-only, for the group of -o export_gid */
	bool follows;  /* it has the owner and mode of the directory above */
	/* With follows: instead, it belongs to the owner of the mount's root,
	 * with the mode 0750. */
	bool rooted;
};

extern const struct kind tree[KINDS];

/* Finds an attribute by its number; or NULL. */
const struct attr *tree_attr(const struct kind *kind, unsigned int number);

#endif
