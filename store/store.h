/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * The store: groups, provisioning keys, members, signing certificates, and the
 * rules for them. fs/ includes this header and, from this folder, log.h,
 * snapshot.h, enrollment.h, approval.h, revocation.h, owner.h and call.h, but
 * nothing else.
 *
 * Functions return 0 or -errno. An errno of a refusal is the one that the
 * caller gets from the filesystem; call->reason explains it on one line,
 * without secrets. Contracts list the errnos with a meaning. Any function may
 * also return -ENOMEM or -EIO; one that changes the store also -EROFS
 * (read-only), -ENOSPC (disk full) or -EBUSY (another program locks the store,
 * or its disk does not respond), with nothing changed. When a change returns 0,
 * it is on disk. Functions may be called from any thread unless noted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "store/base/bytes.h"
#include "store/base/name.h"
#include "store/call.h"
#include "store/owner.h"
#include "store/revocation.h"

struct store;

/* --- the store's file --- */

/* In seconds. */
enum { STORE_CRL_DELAY = 10, STORE_CRL_DELAY_MAX = 3600 };

enum { STORE_TIMEOUT_MAX = 300 };

struct store_options {
	const char *path;   /* absolute, from store_locate */
	const char *domain; /* NULL: the store's; the host name for a new one */
	const char *master_key; /* NULL: path with .key appended */
	const char *mountpoint; /* absolute, to be shown; NULL: none */
	bool read_only;
	gid_t export_gid;  /* the group that may read export/ */
	int64_t crl_delay; /* seconds: revocation lists may lack revocations
			      for so long; 0: none that is opened does */
	const gid_t *audit_gid; /* the group that may read the audit trail;
				   NULL: the root's */
	/* Called after each enrollment, before store_enroll returns, unless
	 * NULL. */
	void (*enrolled)(int64_t group, void *arg);
	void *enrolled_arg; /* of the next one, too */
	/* Called after a member has gone by itself (expire_after), unless
	 * NULL. */
	void (*expired)(int64_t member, void *arg);
	int timeout;  /* seconds that a server is waited for; 0: 10 */
	bool upgrade; /* bring a store on a server up to date */
	bool alone;   /* refuse a store on a server that others have open */
	/* Called after each change of a member, before the functions that make
	 * it return, unless NULL. 0: any members may have changed. A renamed
	 * key or certificate changes no member. */
	void (*member_changed)(int64_t member, void *arg);
	void *member_changed_arg;
	/* Called by a thread before it waits until a change is on disk, unless
	 * NULL. */
	void (*waits)(void);
	bool must_be_new; /* an existing store is -EEXIST; a new one that cannot
			     be opened is removed */
	bool as_it_is; /* for store_check: do not warn about an incomplete copy,
			  accept missing tables */
	bool accept_older; /* open an incomplete copy: one made while mounted,
			      without its write-ahead log */
	int key_fd; /* the master key's file, from store_find_key; -1: missing;
		       0: not opened yet */
	/* The daemon's user: owns the root and the first certificates of a new
	 * store, and is the user of store_log_event. */
	uid_t uid;
	gid_t gid;
};

/* Whether the store is a database on a server: its path is a URI. */
bool store_is_on_server(const char *path);

/* Calls fn with each file that the server's library reads or connects to, and
 * that is there; and, with NULL, for each TCP port that it connects to. */
void store_each_needed(const char *path,
    void (*fn)(const char *file, int port, void *arg), void *arg);

/* The suffixes of the files of the store at this path, including the master
 * key's; NULL at the end. Call it before any other thread exists. */
const char *const *store_files(const char *path);

/* Replaces a store's malloc'ed path with its absolute path, see path_absolute;
 * a URI stays. Returns 0, or -1 (also: too long for a database, or not as
 * db_check_path wants it) with the error logged. */
int store_locate(char **path);

/* Sets up locked memory for secrets, see pki_start. Call it before any other
 * function. */
void store_start(void);

/*
 * Opens the master key's file while the process is still privileged, and sets
 * options->key_fd; the caller closes it. make: creates the file if neither it
 * nor the store exists, and only outside the store's directory. Returns 0 (also
 * if it is missing: store_open reports that) or -errno, logged.
 */
int store_find_key(struct store_options *options, bool make);

/*
 * Opens a store. Unless read-only, a missing one is created, with its master
 * key and first certificates. Close it with store_close. Logs errors.
 *
 * Returns 0, -EBUSY (another daemon has it, or another program locks it),
 * -ENOENT (read-only, and missing), -EEXIST (must_be_new; or only its other
 * files exist), -EINVAL (not a store, of a later version, hard-linked, another
 * or an illegal domain, a malformed master key), -EUCLEAN (an incomplete copy,
 * see accept_older), -ENOKEY (no master key), -EKEYREJECTED (another store's
 * master key), -EACCES (the master key's file belongs to another user, or
 * others may read it), or -errno.
 */
int store_open(const struct store_options *options, struct store **out);

/*
 * Creates the store options->path from a copy of export/. The master key must
 * exist. options->domain, if set, must be the copy's. Logs errors with the
 * file's name, and then leaves no store behind.
 *
 * Returns 0, -EBADMSG (the copy is damaged, edited, incomplete, of another
 * store, older than its own store.json, or lacks the line log_head),
 * -EKEYREJECTED (another store's master key), -EEXIST, or as store_open.
 */
struct store_restore {
	const char *from;     /* the copy's folder */
	bool skip_missing;    /* delete keys and certificates whose files are
				 missing */
	bool accept_older;    /* accept a trail that ends before the record that
				 store.json names */
	const char *log_head; /* as in store_check */
	/* Called with the bytes read so far and in all, unless NULL. */
	void (*progress)(int64_t done, int64_t total, void *arg);
	void *arg;
};
int store_restore(
    const struct store_options *options, const struct store_restore *how);

/*
 * Checks the database, rows, certificates and audit trail of a store that was
 * opened read-only. Calls found with one line for each fault. log_head: a hash
 * that some line of the audit trail must have (see store_log_head), or NULL.
 * Returns the number of faults, or -errno if it cannot be read.
 */
typedef void (*store_fault_fn)(const char *text, void *arg);
int store_check(
    struct store *store, const char *log_head, store_fault_fn found, void *arg);

/* Space on the store's filesystem (fstatvfs(3)). If that fails, only the block
 * sizes are set. */
void store_space(const struct store *store, struct statvfs *out);

/* Signs revocation lists that lack revocations, waits for queued changes, and
 * closes the store. NULL is permitted. */
void store_close(struct store *store);

/* --- domain --- */

/* The DNS name in provisioning keys and certificates. */
const char *store_domain(const struct store *store);

/* --- objects --- */

enum store_kind {
	STORE_PLACE,
	STORE_CERT,
	STORE_GROUP,
	STORE_KEY,
	STORE_MEMBER,
	STORE_SEGMENT,
	STORE_PENDING_REQUEST, /* that waits for approval */
	STORE_KINDS
};

/* The highest id: inode numbers have no room for more. */
#define STORE_ID_MAX INT64_C(0xffffffff)

/* Ids of the fixed directories. A group's kind is its place. */
enum {
	STORE_ROOT = 1,
	STORE_APP_CONNECTOR,
	STORE_SERVICE_EDGE,
	STORE_CERTS,
	STORE_PLACES
};

/* Common to all objects. Ids are never reused. Moments are in nanoseconds. */
struct store_object {
	enum store_kind kind;
	int64_t id;
	int64_t parent; /* id: the place of a group or certificate, the group of
			   a key or member, the key of a pending request */
	int place;	/* of the object or its group */
	char name[NAME_MAX_LEN + 1];	   /* empty for a place */
	char group_name[NAME_MAX_LEN + 1]; /* of keys, members and pending
					      requests */
	char key_name[NAME_MAX_LEN + 1];   /* of pending requests */
	uid_t uid;
	gid_t gid;
	mode_t mode;	/* permission bits of its directory */
	bool managed;	/* read-only, see below */
	uint64_t owned; /* bits of files with an owner of their own, see
			   store_chown_file */
	uint64_t bare;	/* bits of attributes last written without a final
			   newline, see store_edit */
	int64_t created;
	int64_t modified; /* last edit or renaming */
	uid_t modified_by;
	/* Moments that its files show, see store_shown: made for files that
	 * never change, edited for those that only edits change. */
	int64_t made, edited;
	int64_t changed; /* the last change of anything its files show; of a
			    place: of its list */
	int64_t ctime;	 /* last change of owner, mode or name; 0: none since it
			    was made */
};

enum {
	STORE_DESCRIPTION_MAX = 1024,
	STORE_SUBJECT_MAX = 1024,
	STORE_LINES_MAX = 4096, /* of a value with several lines */
};

struct store_group {
	struct store_object object;
	char description[STORE_DESCRIPTION_MAX + 1];
	bool enabled, approval;
	char signing_cert[NAME_MAX_LEN + 1];
	int64_t expire_after; /* seconds; 0: its members stay */
	int64_t keys_changed,
	    members_changed; /* last change of its keys, of its members */
	struct store_order order;
};

#define STORE_UNLIMITED INT64_C(-1) /* in max_uses */
#define STORE_NEVER INT64_C(-1)	    /* in expires, last_copied, last_used */

struct store_key {
	struct store_object object;
	char description[STORE_DESCRIPTION_MAX + 1];
	bool enabled, group_enabled, exportable, approval;
	char signing_cert[NAME_MAX_LEN + 1];
	int64_t max_uses, uses;
	int64_t expires; /* seconds */
	int64_t copies, last_copied, last_used;
	struct store_order order;
};

struct store_member {
	struct store_object object;
	char description[STORE_DESCRIPTION_MAX + 1];
	int64_t key; /* id of the provisioning key it enrolled with */
	char provisioning_key[NAME_MAX_LEN +
			      1]; /* that key's name, even if it is deleted */
	char signing_cert[NAME_MAX_LEN + 1];
	char serial[33]; /* hex */
	int64_t enrolled;
	uid_t enrolled_by;
	int64_t issued;		       /* id of the present certificate */
	int64_t not_before, not_after; /* seconds */
	bool revoked;
	char reason[24];	  /* CRLReason (RFC 5280 5.3.1) */
	size_t cert_len, csr_len; /* of the DER */
	int64_t issuer;		  /* id of the signing certificate */
};

struct store_cert {
	struct store_object object;
	bool pending;	/* it has no certificate yet */
	bool outside;	/* an outside CA signed it */
	int64_t issuer; /* id; 0: self-signed, or from outside */
	char issuer_name[NAME_MAX_LEN + 1];
	char algorithm[16];
	char subject[STORE_SUBJECT_MAX + 1]; /* RFC 4514 */
	bool enabled;
	int64_t validity_days, ca_validity_days, crl_days;
	char serial[41];
	int64_t not_before, not_after; /* seconds */
	int64_t issued, revoked;       /* numbers of certificates */
	char reason[24]; /* why its issuer has revoked it; empty: it has not */
	size_t cert_len, csr_len;
	/* in what it issues, a URL a line: of its list, of itself */
	char crl_url[STORE_LINES_MAX + 1], issuer_url[STORE_LINES_MAX + 1];
	char cross[NAME_MAX_LEN + 1]; /* the older root that vouches for it;
					 empty: none */
	size_t cross_len;
};

/* A segment of the exported journal. */
struct store_segment {
	struct store_object object;
	int64_t records;
	int64_t length; /* in bytes, without the envelopes of records */
};

/* A request that waits for approval. Its name is its code; `created` and
 * `modified_by` say when it came, and from which uid. */
struct store_pending {
	struct store_object object;
	char member[NAME_MAX_LEN + 1]; /* the name that it asks for */
	char from[64];		       /* where it came from */
	char fingerprint[65];	       /* SHA-256 of the public key, hex */
};

union store_any {
	struct store_object object;
	struct store_group group;
	struct store_key key;
	struct store_member member;
	struct store_cert cert;
	struct store_segment segment;
	struct store_pending pending;
};

/* Gets an object. Returns 0 or -ESTALE (it does not exist). */
int store_get(struct store *store, enum store_kind kind, int64_t id,
    union store_any *out);

/* Finds a child of a place or group by name. Returns 0 or -ENOENT. */
int store_find(struct store *store, enum store_kind kind, int64_t parent,
    const char *name, union store_any *out);

/* Called for each object. Returns 0 to continue, 1 to stop, or -errno to
 * fail. */
typedef int (*store_each_fn)(const union store_any *object, void *arg);

/*
 * Calls fn for the children with ids above `after`, in the order of ids.
 * Members are incomplete: of struct store_object they have kind, id, name,
 * owner, mode, bits and times, and nothing else. Returns 0, or what fn failed
 * with.
 */
int store_each(struct store *store, enum store_kind kind, int64_t parent,
    int64_t after, store_each_fn fn, void *arg);

/* Numbers of objects. */
struct store_counts {
	int64_t of[STORE_KINDS]; /* by enum store_kind; places are not counted */
	int64_t exportable;	 /* keys that can be copied */
	int64_t dropped;	 /* members whose provisioning key exists */
};
int store_count(struct store *store, struct store_counts *out);

/* Calls fn for all keys or all members, in the order of ids; no other kind is
 * permitted. Returns as store_each. */
int store_each_all(
    struct store *store, enum store_kind kind, store_each_fn fn, void *arg);

/* Calls fn for the members that enrolled with a key, complete, as
 * store_each. */
int store_each_enrolled(struct store *store, int64_t key, int64_t after,
    store_each_fn fn, void *arg);

/*
 * Makes a group, key, or pending certificate. It gets the caller as owner, and
 * the group and at most the permissions of `above`, its parent's owner.
 *
 * Returns 0, -EPERM (other kinds), -ENAMETOOLONG, -EINVAL (not a legal name),
 * -EEXIST (the name is taken), -ESTALE (the parent is deleted), -ENOENT (the
 * default signing certificate of such a group is missing or pending), or
 * -ENOSPC (also: no more ids).
 */
int store_make(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t parent, const struct store_owner *above,
    const char *name, mode_t mode, union store_any *out);

/*
 * Deletes an object. A member's unexpired certificates are revoked
 * (cessationOfOperation, RFC 5280 5.3.1). A pending request is rejected, see
 * approval.h; those of a key go with it.
 *
 * Returns 0, -ESTALE, -EPERM (managed, or other kinds), -ENOTEMPTY (a group
 * with keys or members), or -EBUSY (an order to revoke of a group or key is
 * unfinished; a certificate that a group or key names,
 * that has signed another signing certificate here, or that has signed an
 * unexpired one of a member, even a revoked one: it must sign the CRL).
 */
int store_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id);

/* Checks whether store_remove would be refused, whatever the object contains.
 * Returns as store_remove, but never -ENOTEMPTY. */
int store_may_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id);

/* Renames an object. Ids, counters and secrets stay. Returns 0, -ESTALE, -EPERM
 * (managed, other kinds, or member_names), -ENAMETOOLONG, -EINVAL (not a legal
 * name) or -EEXIST. */
int store_rename(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id, const char *name);

/* --- times of files --- */

/* The moment that a file shows for a moment of an object, list or trail. No two
 * contents of a file have both the size and the whole second in common: a
 * change moves the time on by a second, ahead of the clock if need be. */
int64_t store_shown(const struct store *store, int64_t moment);

/* The moment that a segment of the journal shows. */
int64_t store_shown_segment(const struct store *store, int64_t moment);

/* Notes that a volatile file of the object has shown this second to a caller:
 * its next content shows a later one. */
void store_look(
    struct store *store, const struct store_object *object, int64_t second);

/* The moment of the start: what files show that do not change while mounted. */
int64_t store_started(const struct store *store);

enum { STORE_PATH = 192 };

/* Writes the object's path below the mountpoint. */
void store_path(const struct store_object *object, char out[STORE_PATH]);

/* --- editing --- */

/* A managed object is read-only: store_remove, store_rename, store_chown,
 * store_cert_edit, store_cert_install, and store_set of any field but
 * STORE_MANAGED return -EPERM. Copying, enrollment and renewal go on. */

enum store_field {
	STORE_DESCRIPTION,
	STORE_ENABLED,
	STORE_SIGNING_CERT,
	STORE_MAX_USES,
	STORE_EXPIRES,
	STORE_EXPORTABLE,
	STORE_REVOCATION,
	STORE_VALIDITY_DAYS,
	STORE_CA_VALIDITY_DAYS, /* -EBUSY unless pending */
	STORE_CRL_DAYS,
	STORE_CRL_URL,
	STORE_ISSUER_URL,
	STORE_MANAGED,
	STORE_EXPIRE_AFTER, /* seconds; 0: never */
	STORE_APPROVAL,
	STORE_ALLOWED_NAMES, /* limits, see limits.h */
	STORE_MEMBER_NAMES,
	STORE_VALIDITY,
	STORE_KEY_TYPES,
	STORE_USAGES,
	STORE_ALGORITHM, /* from here on: store_cert_edit, not store_set */
	STORE_SUBJECT,
	STORE_ISSUER,
	STORE_CROSS,
	STORE_FIELDS
};

/* A value as it was before a caller began to write it in parts. Zero-initialize
 * it, and pass it to each edit of that value by the same caller. */
struct store_before {
	bool known; /* it can be put back */
	enum store_field field;
	int64_t number;
	char text[STORE_LINES_MAX + 1];
	uint64_t bit;
	bool bare;
	uint64_t edits; /* edits of this value, by any caller, as of the last
			   one with this struct */
};

struct store_edit {
	enum store_field field;
	const char *text; /* of DESCRIPTION, SIGNING_CERT, REVOCATION, CRL_URL,
			     ISSUER_URL, ALGORITHM, SUBJECT, ISSUER, CROSS,
			     limits */
	int64_t number;	  /* of the others; also STORE_UNLIMITED in MAX_USES,
			     STORE_NEVER in EXPIRES */
	bool relative;	  /* MAX_USES: add number to the present limit */
	uint64_t bit;	  /* the attribute's bit in store_object.bare */
	bool bare;	  /* its new value */
	struct store_before *before; /* filled in; or NULL */
	bool put_back;		     /* set by store_put_back only */
};

/*
 * Sets one value. REVOCATION revokes all unexpired certificates of a member; of
 * a group or key it gives an order (revocation.h), which ENABLED waits for; of
 * a signing certificate it puts that on its issuer's list and disables it.
 *
 * Returns 0, -ESTALE, -EPERM (managed; or EXPORTABLE, and the copy of the
 * secret is destroyed; REVOCATION of a certificate that no other here has
 * issued; ENABLED of a revoked one), -ENOENT (no enabled signing certificate
 * with that name), -ERANGE (MAX_USES below 0 or too large; a number of days too
 * large), -EBUSY (CA_VALIDITY_DAYS, and not pending), or -EINVAL (the kind has
 * no such field; relative to unlimited; less than 1 day; not URLs as pki_urls
 * wants them; not a reason of RFC 5280 5.3.1; a malformed limit). For
 * REVOCATION also -EEXIST (revoked already) or -EKEYEXPIRED (nothing to
 * revoke); for ENABLED -EBUSY (an order is unfinished).
 */
int store_set(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit);

/* Restores the value from before the edits with this struct. Returns as
 * store_set or store_cert_edit, or -ECANCELED (another caller has changed it
 * since, or it cannot be undone: EXPORTABLE, REVOCATION, ALGORITHM, ISSUER). */
int store_put_back(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_before *before);

/* --- pending signing certificates --- */

/*
 * Changes a pending certificate, which store_make makes: a key pair and a
 * request. ALGORITHM makes a new key pair, SUBJECT a new request. ISSUER signs
 * the request: with its own key if the text is `self`, or else with the signing
 * certificate of that name.
 *
 * Returns 0, -ESTALE, -EPERM (managed), -EBUSY (not pending), -EINVAL (an
 * unknown algorithm, not a subject of RFC 4514, or a secret in it; the issuer's
 * path length permits no CA below it), -EFBIG (too long a subject), or, for
 * ISSUER, -ENOENT (no enabled signing certificate with that name), -EACCES (the
 * caller owns neither that certificate nor the mount's root) or -EKEYEXPIRED.
 */
int store_cert_edit(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit);

/*
 * Installs a certificate from outside: PEM or PKCS #7, the certificate and its
 * issuers up to a self-signed one. It must be for the request's key or, with
 * import, come with its private key, which replaces the pair here. data is
 * everything received so far. Installing the certificate that it already has
 * changes nothing.
 *
 * Returns 0, 1 (valid so far, incomplete; call->reason names the missing part),
 * -EFBIG (over STORE_REQUEST_MAX), -EBADMSG, -EINVAL (a private key without
 * import, or a provisioning key), -EKEYEXPIRED, -EEXIST (the imported key is
 * another certificate's), -EBUSY (it has another certificate), -ESTALE or
 * -EPERM (managed).
 */
int store_cert_install(struct store *store, struct store_call *call,
    const struct store_object *object, bool import, const void *data,
    size_t len);

/* --- waiting for revocation lists --- */

/* How many wait at a time, and how many of one user but root. */
enum { STORE_WAITS = 64, STORE_USER_WAITS = 16 };

struct store_wait {
	/* Not 0, and no other's. */
	uint64_t number;
	/* Called once, in another thread, with 0, or -errno: a list cannot be
	 * signed. */
	void (*done)(struct store_wait *wait, int rc);

	/* The store's own. */
	struct store_wait *next;
	int64_t until; /* clock_ticks */
	uid_t uid;
	int64_t member, cert, revoked;
	int64_t kind, object; /* for store_wait_order */
};

/*
 * Waits, without a thread, until the revocation lists of all that have issued
 * the member's certificates have every revocation that there is now; of another
 * object, all lists. That takes as long as crl_delay and signing take; a minute
 * past crl_delay, done is called with -EBUSY.
 *
 * Returns 0 (they have), 1 (done will be called; it may have been), -EROFS
 * (read-only, and they lack some) or -EBUSY (too many wait already).
 */
int store_wait_listed(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_wait *wait);

/* Ends the wait with this number, or any (0): done will not be called. Returns
 * NULL if it has been, and has returned, or there is none. */
struct store_wait *store_wait_end(struct store *store, uint64_t number);

/* --- states --- */

enum store_state {
	STORE_ACTIVE,
	STORE_EXHAUSTED,
	STORE_DISABLED,
	STORE_EXPIRED,
	STORE_REVOKED,
	STORE_PENDING
};

/* The name of a state, as in the file `state`. */
const char *store_state_name(enum store_state state);

/* The present state. For a key, the first that applies of disabled (also by its
 * group), expired, exhausted. */
enum store_state store_key_state(const struct store_key *key);
enum store_state store_member_state(const struct store_member *member);
enum store_state store_cert_state(const struct store_cert *cert);

/* The number of uses left, not below 0; or STORE_UNLIMITED. */
int64_t store_key_remaining(const struct store_key *key);

/* --- copying --- */

/* The length of every provisioning key's text, including the newline. */
size_t store_key_text_len(const struct store *store);

/* Counts and records a copy of a provisioning key, and sets *out, which must be
 * empty, to its text. Returns 0, -EROFS, -ESTALE, -ENOENT (not exportable),
 * -EKEYREVOKED (disabled), -EKEYEXPIRED or -EDQUOT (used up). */
int store_key_copy(struct store *store, struct store_call *call, int64_t key,
    struct bytes *out);

/* --- certificates and requests --- */

enum store_document {
	STORE_CERT_PEM,
	STORE_CHAIN_PEM, /* from the issuer to the root inclusive; empty for a
			    root */
	STORE_FULLCHAIN_PEM,
	STORE_CSR_PEM,
	STORE_FINGERPRINT, /* SHA-256 of the DER, hex */
	STORE_CROSS_PEM,   /* what an older root has signed for a root */
};

/* Appends a document of a member or signing certificate; of a pending one,
 * nothing but STORE_CSR_PEM. Returns 0 or -ESTALE. */
int store_document(struct store *store, const union store_any *object,
    enum store_document which, struct bytes *out);

/* The length of a document, as store_document would append it, without
 * rendering it. Returns 0 or -ESTALE. */
int store_document_len(struct store *store, const union store_any *object,
    enum store_document which, size_t *len);

/* The moment that a document shows instead of the object's *moment, if that is
 * earlier: the roots above it may have changed. Returns 0 or -errno. */
int store_document_moment(struct store *store, const union store_any *object,
    enum store_document which, int64_t *moment);

/* Sets *out to a member with the certificate that it enrolled with in place of
 * its present one. Returns 0 or -ESTALE. */
int store_member_enrolled(
    struct store *store, const union store_any *member, union store_any *out);

/* --- export --- */

/*
 * Appends the backup file of a group, key or certificate, or, for the root,
 * store.json: a JSON object with sealed secrets and a MAC over the whole.
 * *changed is the moment of its last change; no two versions have the same
 * second and length. Returns 0 or -ESTALE.
 */
int store_export(struct store *store, const union store_any *object,
    struct bytes *out, int64_t *changed);

/*
 * A segment of the journal: up to 1,000 records, a JSON object a line, of
 * enrollments, certificates, revocations, changes, deletions and lines of the
 * audit trail, in order. Its name is its number. The journal only grows.
 * store_segment_read appends up to size bytes from offset on.
 */
int store_segment_size(
    struct store *store, const struct store_segment *segment, size_t *len);
int store_segment_read(struct store *store, const struct store_segment *segment,
    int64_t offset, size_t size, struct bytes *out);

/* The group that may read export/. */
gid_t store_export_group(const struct store *store);

#endif
