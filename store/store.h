/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * What exists and its rules: groups, provisioning keys, members, signing
 * certificates, copying, enrolling. All that the filesystem sees of the store.
 *
 * Functions answer 0 or -errno. Wherever a rule refuses, the errno is the one
 * the caller of the filesystem gets, and call->reason says why in a line for
 * people; it never holds a secret. What a function has answered is on disk. All
 * of them may be called from any thread.
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

struct store;

/* --- the store's file --- */

struct store_options {
	const char *path;   /* absolute */
	const char *domain; /* NULL: what the store has, or for a new one the
			       host's name */
	const char *master_key; /* NULL: path with .key appended */
	const char *mountpoint; /* absolute, to be shown; NULL: none */
	bool read_only;
	gid_t export_gid;	/* who may read export/ */
	const gid_t *audit_gid; /* who may read the audit trail; NULL: the group
				   of the root */
	/* Called when something has enrolled, before that is answered; may be
	 * NULL. */
	void (*enrolled)(int64_t group, void *arg);
	void *enrolled_arg;
	bool must_be_new; /* -EEXIST if it is there; what could not be made is
			     taken away */
	bool as_it_is; /* for store_check: what is out of order is not mentioned */
	bool accept_older; /* a copy made while it was mounted, without its
			      write-ahead log, too */
	int key_fd; /* by store_find_key: the master key's file; -1: there is
		       none */
	/* Of the process: owns the root and certificates of a new store; the
	 * daemon's own actions are recorded with it. */
	uid_t uid;
	gid_t gid;
};

/* The suffixes of a store's files, its master key's too, NULL at the end.
 * Before there are threads. */
const char *const *store_files(void);

/*
 * Replaces a store's malloc'ed path by its absolute one, as path_absolute does.
 * -1, logged: also one that is too long for a database.
 */
int store_locate(char **path);

/* To be called first: secrets will be in memory that is locked, and wiped when
 * it is freed. */
void store_start(void);

/*
 * Opens the master key's file before privileges are dropped. make: creates it
 * if it lies outside the store's directory and neither it nor the store exists.
 * Returns 0 or -errno, logged; a missing file is left to store_open.
 */
int store_find_key(struct store_options *options, bool make);

/*
 * Opens the store; makes it, its master key and its default certificates if it
 * is not there. What is wrong is logged. -EBUSY: another daemon has it, or
 * another program has locked it; -ENOENT; -EINVAL: not a store, or another
 * domain; -EUCLEAN: a copy whose end is missing (see accept_older); -ENOKEY:
 * the master key is missing; -EKEYREJECTED: it is another one; -EACCES: others
 * can read it.
 */
int store_open(const struct store_options *options, struct store **out);

/*
 * Makes a store, which must be new, from a copy of export/: the path and domain
 * of options, and its master key, which must be there. What is wrong is logged,
 * with the file's name; then nothing is left behind. -EBADMSG: damaged, edited,
 * incomplete, older than its own store.json, without the line log_head or of
 * another store; -EKEYREJECTED: another master key; else as store_open.
 */
struct store_restore {
	const char *from;  /* the copy's folder */
	bool skip_missing; /* keys and certificates whose files are missing are
			      deleted */
	bool accept_older; /* its trail may end before the record that its
			      store.json names */
	const char *log_head; /* as in store_check */
	void (*progress)(
	    int64_t done, int64_t total, void *arg); /* in bytes; or NULL */
	void *arg;
};
int store_restore(
    const struct store_options *options, const struct store_restore *how);

/*
 * Checks everything in a store that has been opened read-only. found is called
 * for each fault, with a line for people. log_head: the hash that a line of the
 * audit trail has to have, or NULL. How many faults; -errno: it could not be
 * read.
 */
typedef void (*store_fault_fn)(const char *text, void *arg);
int store_check(
    struct store *store, const char *log_head, store_fault_fn found, void *arg);

/* The space of the disk that the store is on, as fstatvfs(3); all zero if it
 * cannot say. */
void store_space(const struct store *store, struct statvfs *out);

/* Waits for what was begun and closes. */
void store_close(struct store *store);

/* --- the audit trail --- */

/* Records something that the daemon itself does: mount, unmount. */
int store_log_event(struct store *store, const char *action, const char *object);

/* The trail as a file, a JSON object a line: its length and when it last grew.
 * It only grows. */
int store_log_stat(struct store *store, size_t *len, int64_t *changed);

/* Appends what is at an offset, at most size bytes. */
int store_log_read(
    struct store *store, int64_t offset, size_t size, struct bytes *out);

/* Appends the SHA-256 of its last line, without the newline, in hex: the next
 * line's `prev`. */
int store_log_head(struct store *store, struct bytes *out);

/*
 * Whether the trail and the tables are kept from others, as in every store that
 * was not made by version 0.1.0; and their group, given that of the mount's
 * root.
 */
bool store_audit_private(const struct store *store);
gid_t store_audit_group(const struct store *store, gid_t root);

/* --- what it is --- */

/* The DNS name that keys and certificates carry. */
const char *store_domain(const struct store *store);

/* --- objects --- */

enum store_kind {
	STORE_PLACE,
	STORE_CERT,
	STORE_GROUP,
	STORE_KEY,
	STORE_MEMBER,
	STORE_SEGMENT,
	STORE_KINDS
};

/* No object gets a higher id: its inode number would have no room for it. */
#define STORE_ID_MAX INT64_C(0xffffffff)

/* The ids of the fixed directories. A group's kind is the place it stands
 * in. */
enum {
	STORE_ROOT = 1,
	STORE_APP_CONNECTOR,
	STORE_SERVICE_EDGE,
	STORE_CERTS,
	STORE_PLACES
};

/* What all objects have. Ids are never reused. Moments in nanoseconds. */
struct store_object {
	enum store_kind kind;
	int64_t id;
	int64_t parent; /* a group's or certificate's place, a key's or member's
			   group */
	int place;	/* where it or its group stands */
	char name[NAME_MAX_LEN + 1];	   /* empty for a place */
	char group_name[NAME_MAX_LEN + 1]; /* of keys and members */
	uid_t uid;
	gid_t gid;
	mode_t mode;	/* permission bits of its directory */
	bool managed;	/* read-only until it is set back */
	uint64_t owned; /* files with an owner and mode of their own, see
			   store_chown_file */
	uint64_t bare;	/* attributes last written without a final newline, see
			   store_edit */
	int64_t created;
	int64_t modified; /* the last edit or renaming */
	uid_t modified_by;
	/* The times of its files, see store_shown: of those that never change,
	 * of those that only edits change */
	int64_t made, edited;
	int64_t changed; /* the last change of anything that is shown of it; of
			  * a place: of its list
			  */
	int64_t ctime; /* when owner, mode or name last changed; 0: not since it
			  was made */
};

enum { STORE_DESCRIPTION_MAX = 1024, STORE_SUBJECT_MAX = 1024 };

struct store_group {
	struct store_object object;
	char description[STORE_DESCRIPTION_MAX + 1];
	bool enabled;
	char signing_cert[NAME_MAX_LEN + 1];
	int64_t keys_changed,
	    members_changed; /* when its two lists last changed */
};

#define STORE_UNLIMITED INT64_C(-1) /* max_uses */
#define STORE_NEVER INT64_C(-1)	    /* expires, last_copied, last_used */

struct store_key {
	struct store_object object;
	char description[STORE_DESCRIPTION_MAX + 1];
	bool enabled, group_enabled, exportable;
	char signing_cert[NAME_MAX_LEN + 1];
	int64_t max_uses, uses;
	int64_t expires; /* seconds */
	int64_t copies, last_copied, last_used;
};

struct store_member {
	struct store_object object;
	char description[STORE_DESCRIPTION_MAX + 1];
	int64_t key; /* the provisioning key it enrolled with */
	char provisioning_key[NAME_MAX_LEN +
			      1]; /* its name, also when it has been deleted */
	char signing_cert[NAME_MAX_LEN + 1];
	char serial[33]; /* hex */
	int64_t enrolled;
	uid_t enrolled_by;
	int64_t issued; /* id of the present certificate, for store_document */
	int64_t not_before, not_after; /* seconds */
	bool revoked;
	char reason[24];	  /* why (RFC 5280 5.3.1) */
	size_t cert_len, csr_len; /* of the DER */
	int64_t issuer;		  /* id of the signing certificate */
};

struct store_cert {
	struct store_object object;
	bool pending;	/* it has no certificate yet */
	bool outside;	/* an outside CA signed it */
	int64_t issuer; /* 0: neither of the two, it is self-signed */
	char issuer_name[NAME_MAX_LEN + 1];
	char algorithm[16];
	char subject[STORE_SUBJECT_MAX + 1]; /* RFC 4514 */
	bool enabled;
	int64_t validity_days, ca_validity_days, crl_days;
	char serial[41];
	int64_t not_before, not_after; /* seconds */
	int64_t issued, revoked;       /* how many */
	size_t cert_len, csr_len;
};

/* Part of the journal that is exported. */
struct store_segment {
	struct store_object object;
	int64_t records;
	int64_t length; /* without what all records have */
};

union store_any {
	struct store_object object;
	struct store_group group;
	struct store_key key;
	struct store_member member;
	struct store_cert cert;
	struct store_segment segment;
};

/* The object with this id. -ESTALE if it is gone. */
int store_get(struct store *store, enum store_kind kind, int64_t id,
    union store_any *out);

/* The child of a place or group with this name. -ENOENT. */
int store_find(struct store *store, enum store_kind kind, int64_t parent,
    const char *name, union store_any *out);

/* Called for each object: 0 to go on, 1 to stop, -errno to fail with. */
typedef int (*store_each_fn)(const union store_any *object, void *arg);

/* The children with ids above `after`, by id; of members only what all objects
 * have. */
int store_each(struct store *store, enum store_kind kind, int64_t parent,
    int64_t after, store_each_fn fn, void *arg);

/* How many there are. */
struct store_counts {
	int64_t of[STORE_KINDS]; /* but places */
	int64_t exportable;	 /* keys */
	int64_t dropped; /* members whose key is there, and lists them */
};
int store_count(struct store *store, struct store_counts *out);

/* All of a kind, by id; keys and members only. */
int store_each_all(
    struct store *store, enum store_kind kind, store_each_fn fn, void *arg);

/* The members that enrolled with a key, by id. */
int store_each_enrolled(struct store *store, int64_t key, int64_t after,
    store_each_fn fn, void *arg);

/*
 * Makes a group, key or certificate (which waits), owned by the caller and the
 * parent's group, with at most the parent's permissions. -EEXIST; -EINVAL: not
 * a legal name; -EPERM for other kinds; -ESTALE: the parent is gone; -ENOENT:
 * the signing certificate that groups of this kind begin with is missing or
 * disabled.
 */
int store_make(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t parent, const struct store_owner *above,
    const char *name, mode_t mode, union store_any *out);

/* Deletes. -ENOTEMPTY: a group with keys or members; -EBUSY: a certificate that
 * a group or key names, or that issued one which has not expired, revoked or
 * not: it has to sign the CRL; -ESTALE. A member's unexpired certificates are
 * revoked (cessationOfOperation). */
int store_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id);

/* Whether it could be deleted if nothing were in it; the refusals of
 * store_remove but -ENOTEMPTY. */
int store_may_remove(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id);

/* Gives another name. -EEXIST; -EINVAL; -ESTALE. Ids, counters and secrets
 * stay. */
int store_rename(struct store *store, struct store_call *call,
    enum store_kind kind, int64_t id, const char *name);

/* --- the times that files show --- */

/*
 * Two contents of a file never have size and whole second in common: a moment
 * of an object, a list or the trail is a second later than before, ahead of the
 * clock if need be. What a file with it shows.
 */
int64_t store_shown(const struct store *store, int64_t moment);

/* To be called with each second that a volatile file of this object shows. */
void store_look(
    struct store *store, const struct store_object *object, int64_t second);

/* The moment of the start: of what is the same for as long as it is mounted. */
int64_t store_started(const struct store *store);

enum { STORE_PATH = 192 };

/* Writes where the object stands below the mount, for people. */
void store_path(const struct store_object *object, char out[STORE_PATH]);

/* --- editing --- */

/*
 * A managed object is read-only: store_remove, store_rename, store_chown and
 * store_set of anything but STORE_MANAGED answer -EPERM. Copying and enrolling
 * go on.
 */

enum store_field {
	STORE_DESCRIPTION,
	STORE_ENABLED,
	STORE_SIGNING_CERT,
	STORE_MAX_USES,
	STORE_EXPIRES,
	STORE_EXPORTABLE,
	STORE_REVOCATION,
	STORE_VALIDITY_DAYS,
	STORE_CA_VALIDITY_DAYS, /* -EBUSY unless it waits for its certificate */
	STORE_CRL_DAYS,
	STORE_MANAGED,
	STORE_ALGORITHM, /* this one and those that follow: store_cert_edit */
	STORE_SUBJECT,
	STORE_ISSUER,
	STORE_FIELDS
};

/*
 * What a value was before somebody began to write it. All zeros at first; given
 * to every edit of that value by the same writer.
 */
struct store_before {
	bool known; /* it can be put back; not for what cannot be undone */
	enum store_field field;
	int64_t number;
	char text[STORE_DESCRIPTION_MAX + 1];
	uint64_t bit;
	bool bare;
	uint64_t edits; /* of this value, by anybody, when it was last edited
			   with this */
};

struct store_edit {
	enum store_field field;
	const char *text; /* for DESCRIPTION, SIGNING_CERT, REVOCATION,
			     ALGORITHM, SUBJECT, ISSUER */
	int64_t number;	  /* for the others; in MAX_USES STORE_UNLIMITED, in
			     EXPIRES STORE_NEVER */
	bool relative;	  /* MAX_USES: number is added to what is there */
	uint64_t bit;	  /* the attribute's bit in store_object.bare */
	bool bare;	  /* what it becomes */
	struct store_before *before; /* to be filled in; or NULL */
	bool put_back; /* it is what before says; only store_put_back */
};

/*
 * Stores one value. -ESTALE; -ENOENT: no enabled signing certificate of that
 * name; -EPERM: a secret once destroyed stays so; -ERANGE: the limit would be
 * below 0 or too large; -EINVAL: relative to unlimited, a field this kind has
 * not, or no reason to revoke for. REVOCATION revokes every unexpired
 * certificate that the member was ever issued: -EEXIST: it is revoked;
 * -EKEYEXPIRED.
 */
int store_set(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit);

/*
 * Puts a value back to what it was before the edits that were given this.
 * -ECANCELED: somebody else has changed it since, or it cannot be undone
 * (EXPORTABLE, REVOCATION, ALGORITHM, ISSUER); else as store_set.
 */
int store_put_back(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_before *before);

/* --- signing certificates that wait for their certificate --- */

/*
 * What store_make makes of a certificate is a key pair and a request. These
 * change it or bring the certificate; once it is there all of them answer
 * -EBUSY.
 *
 * ALGORITHM makes a new key pair; SUBJECT another request; ISSUER has `self` or
 * a certificate here sign it: -EACCES: neither that nor the mount's root is the
 * caller's; -ENOENT: no enabled certificate of that name; -EKEYEXPIRED;
 * -EINVAL: its path length allows no CA below it, or the text is not of its
 * form.
 */
int store_cert_edit(struct store *store, struct store_call *call,
    const struct store_object *object, const struct store_edit *edit);

/*
 * Takes what an outside CA returned for its request, PEM: the certificate and
 * its chain up to a self-signed one. With import a private key is among them,
 * and takes the place of the one that is here. Called with all that has come so
 * far: 1: nothing is wrong, and something is missing; 0: installed; -EBADMSG;
 * -EKEYEXPIRED; -EEXIST: the key is known here; -EFBIG.
 */
int store_cert_install(struct store *store, struct store_call *call,
    const struct store_object *object, bool import, const void *data,
    size_t len);

/* --- states --- */

enum store_state {
	STORE_ACTIVE,
	STORE_EXHAUSTED,
	STORE_DISABLED,
	STORE_EXPIRED,
	STORE_REVOKED,
	STORE_PENDING
};

/* The word for a state. */
const char *store_state_name(enum store_state state);

/* As of now. A key's first reason in the order disabled, expired, exhausted. */
enum store_state store_key_state(const struct store_key *key);
enum store_state store_member_state(const struct store_member *member);
enum store_state store_cert_state(const struct store_cert *cert);

/* How many enrolments are left: STORE_UNLIMITED or a number, never below 0. */
int64_t store_key_remaining(const struct store_key *key);

/* --- copying --- */

/* Length of every provisioning key's text, newline included. */
size_t store_key_text_len(const struct store *store);

/*
 * Records one copy and puts the text into out, which is empty. -EDQUOT: used
 * up; -EKEYREVOKED: disabled; -EKEYEXPIRED; -ENOENT: not exportable; -EROFS;
 * -ESTALE.
 */
int store_key_copy(struct store *store, struct store_call *call, int64_t key,
    struct bytes *out);

/* --- certificates and requests --- */

enum store_document {
	STORE_CERT_PEM,
	STORE_CHAIN_PEM, /* from the issuer to the root inclusive; empty for a
			    root */
	STORE_FULLCHAIN_PEM,
	STORE_CSR_PEM,
	STORE_FINGERPRINT, /* hex SHA-256 of the certificate's DER */
};

/* Appends a document of a member or certificate. */
int store_document(struct store *store, const union store_any *object,
    enum store_document which, struct bytes *out);

/* How long it is, without making it where that can be helped. */
int store_document_len(struct store *store, const union store_any *object,
    enum store_document which, size_t *len);

/* A member with the certificate that it enrolled with in place of its present
 * one. */
int store_member_enrolled(
    struct store *store, const union store_any *member, union store_any *out);

/* --- export --- */

/*
 * Appends what a backup copies of a group, key or certificate, or, of the root,
 * of the store itself: a JSON object with secrets sealed and a MAC over all of
 * it. changed: when that last changed; no two versions of one object have the
 * same second and the same length. -ESTALE.
 */
int store_export(struct store *store, const union store_any *object,
    struct bytes *out, int64_t *changed);

/*
 * The journal, as segments of 1,000 records, a JSON object a line, that are
 * named by their numbers: what has enrolled, was issued, revoked, changed,
 * deleted, and the audit trail, in the order in which it came. It only grows.
 * What is at an offset now is appended, at most size bytes.
 */
int store_segment_size(
    struct store *store, const struct store_segment *segment, size_t *len);
int store_segment_read(struct store *store, const struct store_segment *segment,
    int64_t offset, size_t size, struct bytes *out);

/* The group that may read these. */
gid_t store_export_group(const struct store *store);

/* --- lists --- */

/* What can be long or costs a signature: made once, and shared by all who read
 * it. */
enum store_list {
	STORE_CRL_PEM,
	STORE_CRL_DER,
	STORE_INDEX,	  /* all that it issued, as openssl-ca(1) keeps them */
	STORE_KEYS_TABLE, /* of the root: all keys, and all members,
			     tab-separated */
	STORE_MEMBERS_TABLE,
	STORE_KEYS_PAGE, /* the same tables for a browser (HTML); of members
			    the newest STORE_PAGE_MEMBERS */
	STORE_MEMBERS_PAGE,
	STORE_METRICS, /* in the text format of Prometheus */
	STORE_LISTS
};

enum { STORE_PAGE_MEMBERS = 50000 };

struct store_snapshot;

/*
 * The present one of a certificate, or of the root. NULL: there is none, since
 * the certificate waits, or the store is read-only and has none. A revocation
 * list that is not fresh is signed first. A table is made anew by a look at it,
 * if it is old and that is not too dear; else the one of the last look is
 * served. Release it with store_snapshot_put. -ESTALE, -ENOSPC, -EIO.
 */
int store_snapshot(struct store *store, const union store_any *object,
    enum store_list which, bool look, struct store_snapshot **out);
void store_snapshot_put(struct store_snapshot *snapshot);

/* Its length; the moment that its content is from. */
size_t store_snapshot_size(const struct store_snapshot *snapshot);
int64_t store_snapshot_made(const struct store_snapshot *snapshot);

/* Appends what is at an offset, at most size bytes. -ESTALE: it has been
 * replaced so often since that it is kept no more. */
int store_snapshot_read(struct store_snapshot *snapshot, int64_t offset,
    size_t size, struct bytes *out);

/* --- enrolling --- */

enum { STORE_REQUEST_MAX = 65536 };

/* What a request is made of, one behind the other. */
enum store_request {
	STORE_CSR,
	STORE_KEY_AND_CSR,   /* a provisioning key's line comes first */
	STORE_CSR_AND_PROOF, /* a second CSR shows that the caller has a
				member's key */
};

/*
 * Whether data is a whole request, or one that can never become valid: in both
 * cases it is time to carry it out.
 */
bool store_request_complete(
    enum store_request form, const void *data, size_t len);

/*
 * Enrols: data is one complete request. key is the provisioning key's id, 0 if
 * its text comes in the request. member: the name it has to get, NULL: as the
 * CSR says. Appends the full chain. The same public key again gets the
 * certificate it has, and no use is spent. -EFBIG -EBADMSG -EKEYREJECTED
 * -EKEYREVOKED -EKEYEXPIRED -EEXIST -EDQUOT, in the order in which they are
 * checked; -EROFS, -ENOSPC, -EIO: nothing was spent. Logs refusals itself.
 */
int store_enroll(struct store *store, struct store_call *call, int64_t key,
    const char *member, const void *data, size_t len, struct bytes *reply);

/* A member gets no more certificates than these within a day. */
enum { STORE_RENEWALS_A_DAY = 1000 };

/*
 * Renews: a new certificate for the same member under its present names, by the
 * certificate that its provisioning key names now, or, where the key has been
 * deleted, by the one that signed its present one. member is its id, 0 if the
 * request brings a proof: a CSR of the key of one of its valid certificates
 * whose CN is the SHA-256 of the new CSR's DER in hex. Appends the full chain.
 * No use is spent; the same CSR again gets the same answer. Of more than two
 * valid certificates the oldest is revoked (superseded). -EFBIG -EBADMSG
 * -EKEYREJECTED -EKEYREVOKED -EKEYEXPIRED -EEXIST -EROFS -ENOSPC -EIO. Logs
 * refusals itself.
 */
int store_renew(struct store *store, struct store_call *call, int64_t member,
    const void *data, size_t len, struct bytes *reply);

#endif
