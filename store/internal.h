/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

/* What the files of the store share. */
#include <limits.h>
#include <pthread.h>

#include "store/base/histogram.h"
#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

enum {
	SIGNERS = 64,
	EDITS = 4096,
	SIGNER_DEPTH = 16, /* certificates above each other; a loop in a damaged
			      store ends here */
	SNAPSHOTS = 64,
	REPLACED = 64,
	MAKERS = 16,
	CLOCK_SKEW = 60, /* seconds that a certificate begins in the past, for
			    clocks behind ours */
	DAY = 86400,
};

/* --- metrics.c: what happens, counted --- */

enum metrics_event {
	METRICS_ENROLLED,
	METRICS_AGAIN, /* the same certificate once more */
	METRICS_RENEWED,
	METRICS_COPIED,
	METRICS_EVENTS
};

enum { METRICS_ERRORS = 136 }; /* above the largest errno */

struct metrics {
	int64_t started; /* moment */
	_Atomic uint64_t event[METRICS_EVENTS];
	_Atomic uint64_t refused[METRICS_ERRORS];
	struct histogram sign;
	/* what was shown last, and since when; with its `making` held */
	unsigned char shown[PKI_HASH];
	int64_t shown_since;
	unsigned int pad; /* how many there were before it within that second */
};

/* --- shown.c: the seconds that files show --- */

enum { SHOWN_SLOTS = 1024 };

struct shown {
	/* The highest second that files of an object have shown to somebody;
	 * several share one. */
	_Atomic int64_t looked[SHOWN_SLOTS];
	/* For jobs alone: the highest second that was given to anything, and
	 * the highest that was shown where another may stand now. */
	int64_t latest, vacated;
	/* The same from the start to the end: what everything shows at least;
	 * the moment of the start, which is later than that of the last. */
	int64_t floor, started;
	int64_t
	    listed[STORE_LISTS]; /* of the tables, with their `listing` held */
};

struct store {
	struct db *db;
	uid_t uid; /* who has started this */
	gid_t gid;
	gid_t export_gid;
	gid_t audit_gid; /* if audit_named */
	bool audit_named, audit_private;
	struct shown shown;
	void (*enrolled)(int64_t group, void *arg);
	void *enrolled_arg;

	char id[64]; /* of the store, hex */
	char *path;
	struct metrics metrics;
	struct pki_sealer *sealer;
	int lock; /* descriptor of the lock file */
	int held; /* and of the store, locked too */
	bool read_only;
	bool open; /* whole: what is closed before was not opened */
	char domain[DOMAIN_MAX_LEN + 1];

	/* How often each value was edited, by a hash of it; the writer's
	 * alone. */
	uint64_t edits[EDITS];

	/* Signing certificates ready to use, by id modulo SIGNERS. */
	pthread_mutex_t signers_lock;
	struct signer *signers[SIGNERS];
	unsigned int forgotten; /* how often one was dropped: what was loaded
				   meanwhile is not kept */

	/*
	 * Lists ready to read, see snapshot.h. One of `making`, by the object's
	 * id, is held while one is made; what is called then may take any other
	 * lock, and nobody who holds another takes one of these.
	 */
	pthread_mutex_t making[MAKERS],
	    listing[STORE_LISTS]; /* the latter: of everything (id 0) */
	pthread_mutex_t snapshots_lock;
	struct store_snapshot *snapshots[SNAPSHOTS], *lists[STORE_LISTS];
	struct store_snapshot
	    *replaced[REPLACED]; /* and still read, the oldest first */
	int replaced_count;
};

/* --- object.c: what is the same for every kind --- */

struct store_make {
	struct store *store;
	struct store_call *call;
	int64_t parent;
	const char *name;
	mode_t mode;
	gid_t gid;
	int64_t now;
};

struct object_kind {

	enum db_query get, find, each, rename;
	enum db_query all; /* of keys and members */
			   /* Whether find and each want the parent first. */
	bool by_parent;
	/* Whether each says only what all objects have: what a listing
	 * shows. */
	bool brief;
	/* Reads what follows the common columns. */
	void (*read)(const struct db_row *row, union store_any *out);
	/* In a job. make answers the new id. */
	int64_t (*make)(struct db_conn *conn, const struct store_make *make);
	int (*remove)(struct db_conn *conn, struct store_call *call,
	    const union store_any *object, int64_t now);
	/* Whether removing would be refused for another reason than what is in
	 * it; NULL: never. */
	int (*may_remove)(
	    struct db_conn *conn, struct store_call *call, int64_t id);
	/* Set the directory's owner; the bits of files that have their own. */
	enum db_query chown, owned;
	/* Raises the seconds that its files show. */
	enum db_query shows;
	/* The query that sets a field, 0 if it has no such one. */
	enum db_query set[STORE_FIELDS];
	/* Finds a field that can be put back: number or text. false: it
	 * cannot. */
	bool (*value)(const union store_any *object, enum store_field field,
	    struct store_before *out);
	/* Names that mean something else where one is named, NULL at the end;
	 * or NULL. */
	const char *const *reserved;
};

extern const struct object_kind store_place_kind, store_cert_kind,
    store_group_kind, store_key_kind, store_member_kind, store_segment_kind;

/* --- before.c: edits that are taken back --- */

/* For value of struct object_kind. */
bool before_number(struct store_before *out, int64_t number);
bool before_text(struct store_before *out, const char *text);

/* In a job, first: -ECANCELED if the edit puts back what somebody else has
 * changed since. */
int before_check(struct store *store, const struct store_edit *edit,
    const struct store_object *o);

/* In a job that has edited a value of an object, which is as it was before:
 * counts and notes it. */
void before_note(struct store *store, const struct store_edit *edit,
    const union store_any *was);

/* --- shown.c, in jobs --- */

/* Somebody changes an object, as it was before; by_others: what others show of
 * it, as its name. */
int shown_edited(struct db_conn *conn, const struct store_object *before,
    bool by_others, int64_t now);

/* It has gone from where it was: deleted, or under another name. */
void shown_removed(struct db_conn *conn, const struct store_object *before);

/* One has been made; something has become of one that nobody has edited. */
int shown_made(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now);
int shown_used(
    struct db_conn *conn, enum store_kind kind, int64_t id, int64_t now);

/*
 * What the next line of the audit trail shows, if that is ahead of its moment,
 * else 0; given what the last one did. latest: the highest second that anything
 * shows, likewise.
 */
void shown_line(
    struct db_conn *conn, int64_t at, int64_t *shown, int64_t *latest);

/* When a store is opened: what was shown before. */
int shown_open(struct store *store);

void metrics_event(struct store *store, enum metrics_event event);
void metrics_refused(struct store *store, int error);

/* By enum store_kind. */
extern const struct object_kind *const object_kinds[STORE_KINDS];

/* The name of a fixed directory. */
const char *store_place_name(int place);

/* store_get on a given connection. */
int object_get(struct db_conn *conn, enum store_kind kind, int64_t id,
    union store_any *out);

/* The same of one that is to be changed: -EPERM if it is managed. */
int object_get_writable(struct db_conn *conn, struct store_call *call,
    enum store_kind kind, int64_t id, union store_any *out);

/* In a job: the list that the object stands in has changed. */
int object_touch_list(
    struct db_conn *conn, const struct store_object *object, int64_t now);

/* db_submit, and a reason where the store itself fails. */
int store_submit(
    struct store *store, struct store_call *call, db_job_fn fn, void *arg);

/* A row callback that stores the first column as an int64_t. */
int read_first_int(const struct db_row *row, void *arg);

/* --- member.c --- */

/* In a job: revokes a member's unexpired certificates but the `keep` newest;
 * counts them with who issued them. How many, or -errno. */
int member_revoke(struct db_conn *conn, int64_t member, int keep,
    const char *reason, int64_t now);

/* In a job: store_set of STORE_REVOCATION. */
int member_set_revocation(struct db_conn *conn, struct store_call *call,
    const struct store_member *member, const char *reason, int64_t now);

/* --- crl.c --- */

/*
 * Signs the revocation lists that lack what was revoked, so that a store that
 * is mounted read-only next has them; on a read-only store warns of them.
 */
void lists_settle(struct store *store);

/* --- owner.c --- */

/* In a job that deletes an object: its files' owners go with it. */
int owner_drop_all(struct db_conn *conn, const struct store_object *object);

/* --- signer.c --- */

/* A signing certificate with its chain. Immutable, counted. */
struct signer {
	int64_t id;
	int refs;
	struct pki_ca *ca;  /* NULL if there is no private key */
	struct bytes chain; /* PEM, itself to the root inclusive */
	size_t above;	    /* where its issuer begins in that */
	int depth;	    /* how many certificates the chain has */
	int path_left; /* how many CAs may stand below it, or PKI_NO_LIMIT */

	unsigned char root[PKI_HASH]; /* SHA-256 of the root's DER */
};

/* From the cache or the store; release it with signer_put. -EIO (logged) if it
 * cannot be opened. */
int signer_get(struct store *store, int64_t cert, struct signer **out);
void signer_put(struct signer *signer);
void signer_cleanup(struct signer **signer);
#define CLEANUP_SIGNER __attribute__((cleanup(signer_cleanup)))

/* Drops one from the cache (its key was destroyed); all of them, at the end. */
void signer_forget(struct store *store, int64_t cert);
void signer_forget_all(struct store *store);

/* --- cert.c --- */

/* In a job: a signing certificate has issued another one. */
int cert_issued(struct db_conn *conn, int64_t cert, int64_t now);

/* --- authority.c: signing certificates until they can sign --- */

/* The make of store_cert_kind. */
int64_t cert_make(struct db_conn *conn, const struct store_make *make);

struct new_cert {
	int64_t issuer; /* 0: itself */
	const struct pki_ca *issuer_ca;
	int path_length;
	int64_t days;
	int64_t not_after_limit; /* of the issuer, seconds */
};

/* In a job: makes one with its certificate. The id and, if wanted, what can
 * sign with it. */
int cert_make_signed(const struct store_make *make, struct db_conn *conn,
    const struct new_cert *want, int64_t *id, struct pki_ca **ca,
    int64_t *not_after);

/* Seals under the master key what belongs to a row, and stores it with the
 * query (id, sealed). */
int seal_into(struct store *store, struct db_conn *conn, enum db_query query,
    const char *kind, int64_t id, const void *secret, size_t len);

/* --- audit.c --- */

/* How many lines of the trail in a row never share a second with the one after
 * them. */
enum { EXPORT_ROUND = 16384 };

struct audit {
	const char *action; /* mkdir rmdir rename set copy enroll renew install
			       import ... */
	const char *object; /* path below the mount */
	const char *name;   /* one more member and its value, or NULL */
	const char *value;
	int error;	/* why it was refused; the reason is the call's */
	int64_t issued; /* the certificate that this brings, or 0: it is
			   exported with the record */
};

/* In a job: appends one record of what this job does. */
int audit_add(struct db_conn *conn, const struct store_call *call, int64_t now,
    const struct audit *entry);

/* The number of the last record, and the moment that the trail shows; both only
 * grow. */
int audit_last(struct store *store, int64_t *seq, int64_t *at);

/* Has the writer append a refusal when it comes to it: nobody waits for
 * that. */
void audit_post(struct store *store, const struct store_call *call,
    const char *action, const char *object, int error);

/* --- master.c --- */

/* Reads the master key; with make, makes the file if it is missing, but not
 * among a service's credentials. Logs what is wrong. See also
 * store_find_key. */
int master_key(const struct store_options *options, bool make,
    unsigned char key[PKI_SECRET]);

/* --- store.c: the steps of opening one --- */

/* One with nothing open; store_close frees it. */
int store_new(const struct store_options *options, struct store **out);

/* Takes hold of its path; nobody else has it from now on. -EBUSY; -EEXIST if it
 * must be new. */
int store_lock(struct store *store, const struct store_options *options);

/* Removes a database with its log and index. */
int store_unlink(const char *path);

/* Reads the master key; with make, makes it if it is missing. */
int store_open_sealer(struct store *store, const struct store_options *options,
    bool make, const char *store_id);

/* --- create.c --- */

/* Nothing of that name; nothing, but a write-ahead log with something in it. */
bool store_is_missing(const char *path);
bool store_has_lost_its_file(const char *path);

/* Makes a store that is missing, with its lock held. What is wrong is
 * logged. */
int store_create(struct store *store, const struct store_options *options);

/*
 * For who fills a new store: opens store->db under another name, the path with
 * a suffix; then closes it and, if rc is 0, gives it its own name. What is not
 * made is removed. Answers rc, or -errno.
 */
int store_draft(struct store *store, const char *path, const char *suffix,
    char draft[PATH_MAX]);
int store_draft_done(
    struct store *store, const char *draft, const char *path, int rc);

/* --- request.c --- */

struct request {
	const char *key_text; /* as it came; NULL without a key */
	size_t key_len;
	const unsigned char *csr;
	size_t csr_len;
	const unsigned char *proof; /* NULL without one */
	size_t proof_len;
};

/* Splits a request; pure. -EBADMSG, -EINVAL: the first of two CSRs is none, and
 * why. */
int request_split(enum store_request form, const void *data, size_t len,
    struct request *out, const char **reason);

/* Whether the CN of a renewal's proof is the SHA-256 of the request's DER in
 * hex. 0, -EKEYREJECTED. */
int request_named_by(const struct pki_csr *csr, const struct pki_csr *proof);

/* Whether it is longer than a request may be, or its DER says that it will
 * be. */
bool request_too_long(enum store_request form, const void *data, size_t len);

/* --- issue.c: what enrolling and renewing have in common: a CSR becomes a
 * certificate --- */

/* The newest certificate on a public key. */
struct known {
	int64_t id; /* 0: none */
	int64_t member, key, cert;
	int64_t not_after;
	bool revoked, first;
	char name[NAME_MAX_LEN + 1]; /* of the member */
};

struct issuance {
	struct store *store;
	struct store_call *call;
	struct pki_csr *csr; /* NULL: it did not parse, and why */
	int csr_error;
	const char *csr_reason;
	struct known known; /* of its public key */
	bool known_ca;	    /* which is a signing certificate's */

	/* the certificate that is to sign, as the store said */
	int64_t cert, cert_not_before, cert_not_after, validity_days;
	bool cert_enabled;
	struct signer *signer;

	/* for whom */
	int place;
	int64_t group;
	bool group_enabled;
	char group_name[NAME_MAX_LEN + 1], member[NAME_MAX_LEN + 1];
	char uri[STORE_PATH + DOMAIN_MAX_LEN + 16];
	char names[STORE_PATH]; /* of that, as the store has them */

	/* what is to be stored */
	unsigned char serial[PKI_SERIAL];
	int64_t not_before, not_after;
	struct bytes der;
};

/* request_split, and the reason of its refusals; -EFBIG. */
int issuance_split(struct issuance *i, enum store_request form,
    const void *data, size_t len, struct request *out);

/* Begins; a bad CSR is told by issuance_check_csr in its turn. */
void issuance_parse(struct issuance *i, const void *csr, size_t len);
void issuance_end(struct issuance *i);

/* What is known of a public key. */
int issuance_look_up(
    struct store *store, const unsigned char *spki_hash, struct known *out);

/* Looks up the CSR's. */
int issuance_look(struct issuance *i);

/* -EBADMSG, -EKEYREJECTED */
int issuance_check_csr(struct issuance *i);

/* The public key has a certificate that cannot be given again: -EEXIST,
 * -EKEYEXPIRED; 0: it has none, or one that is still valid. */
int issuance_check_known(struct issuance *i, int64_t seconds);

/* -EKEYREVOKED: the group or the signing certificate is disabled. */
int issuance_check_switches(struct issuance *i);

/* -EKEYEXPIRED: the signing certificate is not valid now. */
int issuance_check_cert(struct issuance *i, int64_t seconds);

/* Takes hold of what can sign with a certificate. */
int issuance_signer(struct issuance *i, int64_t cert);

/* Gives it the member's name, and the URI that follows. */
void issuance_name(struct issuance *i, const char *name);

/* Signs with cert. */
int issuance_sign(struct issuance *i, int64_t seconds);

/* Appends the full chain of this certificate, which the signer signed. */
int issuance_reply(
    const struct issuance *i, const struct bytes *der, struct bytes *reply);

/* The member's path below the mount. */
void issuance_path(const struct issuance *i, char out[STORE_PATH]);

/*
 * The names in a certificate's URI as the store has them:
 * <place>/<group>/<member>. Splits them in place. -EIO: they are none.
 */
struct issued_names {
	int place;
	const char *group, *member;
};
int issued_names(char *names, struct issued_names *out);

/* A row callback that appends the first column to a struct bytes. */
int read_first_blob(const struct db_row *row, void *arg);

/* --- enroll.c: one enrolment in its two halves, for tests that change things
 * in between --- */

struct enrolment {
	struct issuance i;
	int64_t key; /* id */
	const char
	    *wanted; /* the member's name that is asked for, NULL: the CSR's */
	bool recognised; /* the caller has shown that he may use this key */
	bool with_text;	 /* he presented its text, with this root in it */
	unsigned char root[PKI_HASH];

	/* what the store said of it */
	char key_name[NAME_MAX_LEN + 1];
	bool key_enabled;
	int64_t expires, max_uses, uses;
};

/* Parses and recognises. */
int enrolment_begin(struct enrolment *e, const void *data, size_t len);
/* Looks, checks, signs. 1: *reply has the certificate it already has; 0:
 * commit. */
int enrolment_prepare(struct enrolment *e, struct bytes *reply);
/* Counts and stores. -EAGAIN: something has changed since, prepare again. */
int enrolment_commit(struct enrolment *e, struct bytes *reply);
void enrolment_end(struct enrolment *e);

/* --- renew.c: one renewal, likewise --- */

struct renewal {
	struct issuance i;
	int64_t member; /* id; 0: it is not known yet who asks */
	bool by_proof;
	struct pki_csr *proof; /* NULL: it did not parse, and why */
	int proof_error;
	const char *proof_reason;
	int64_t
	    shown; /* the certificate whose key was shown, or the present one */

	int64_t present, present_not_after;
	bool present_revoked;
};

int renewal_begin(struct renewal *r, const void *data, size_t len);
int renewal_prepare(struct renewal *r, struct bytes *reply);
int renewal_commit(struct renewal *r, struct bytes *reply);
void renewal_end(struct renewal *r);

#endif
