/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_COLUMNS_H
#define STORE_DB_COLUMNS_H

/*
 * The columns of each kind of objects, once: the statements of export and
 * restore, an object's JSON and the merging of two versions are made of these.
 * In the order of the export, `files` between HEAD and TAIL.
 *
 *	C(number, column, name, type, export, merge)
 *
 * number: of the parameter in statements; ?1 is the id, which all have, and a
 * PRESENT column has 0 and no parameter; name: in JSON. Columns that are not
 * exported stand in the list of their kind in tests/unit/db_schema.c, with the
 * reason why.
 */
#include <stdbool.h>
#include <stdint.h>

/* What is exported: objects, numbered as enum store_kind, and in records of the
 * trail an issued certificate, its revocation, a member as it enrolled, the
 * number of a revocation list, and a compromised public key whose certificate
 * is not there any more. */
enum db_kind {
	DB_PLACE,
	DB_CERT,
	DB_GROUP,
	DB_KEY,
	DB_MEMBER,
	DB_ISSUED,
	DB_PENDING, /* as STORE_PENDING_REQUEST */
	DB_REVOKED,
	DB_ENROLLED,
	DB_CRL,
	DB_COMPROMISED,
	DB_KINDS
};

enum db_type {
	DB_COLUMN_INT,
	DB_COLUMN_TEXT,
	DB_COLUMN_HEX,	       /* a blob */
	DB_COLUMN_HEX_OR_NULL, /* NULL is exported as empty */
	DB_COLUMN_PRESENT, /* whether another column has a value; not stored */
};

enum db_export {
	DB_EXPORTED,
	DB_SEALED, /* ciphertext: in the object's own file, not in the trail */
	DB_NOT_EXPORTED,
};

/* What a restore stores where two versions of one object meet. */
enum db_merge {
	DB_MERGE_NEWER,	  /* what the newer version has */
	DB_MERGE_LARGER,  /* counters: the larger of both */
	DB_MERGE_ONCE,	  /* it never changes */
	DB_MERGE_CREATED, /* it begins with the object's `created` */
	DB_MERGE_PRIVATE_KEY,
	DB_MERGE_SECRET_HASH,
	DB_MERGE_SECRET,
	DB_MERGE_NOTHING,
};

/* clang-format off */

#define DB_OBJECT_HEAD(C) \
	C(2, name, name, TEXT, EXPORTED, NEWER) \
	C(3, uid, uid, INT, EXPORTED, NEWER) \
	C(4, gid, gid, INT, EXPORTED, NEWER) \
	C(5, mode, mode, INT, EXPORTED, NEWER) \
	C(6, bare, bare, INT, EXPORTED, NEWER) \
	C(7, owned, owned, INT, EXPORTED, NEWER) \
	C(8, created, created, INT, EXPORTED, ONCE) \
	C(9, modified, modified, INT, EXPORTED, NEWER) \
	C(10, modified_by, modified_by, INT, EXPORTED, NEWER) \
	C(11, removed, removed, INT, EXPORTED, NEWER)

#define DB_PLACE_HEAD(C) \
	C(2, uid, uid, INT, EXPORTED, NEWER) \
	C(3, gid, gid, INT, EXPORTED, NEWER) \
	C(4, mode, mode, INT, EXPORTED, NEWER) \
	C(5, owned, owned, INT, EXPORTED, NEWER) \
	C(6, created, created, INT, EXPORTED, ONCE)
#define DB_PLACE_TAIL(C) \
	C(7, version, version, INT, EXPORTED, NEWER) \
	C(8, changed, changed, INT, NOT_EXPORTED, CREATED)

#define DB_CERT_TAIL(C) \
	C(12, version, version, INT, EXPORTED, NEWER) \
	C(13, issuer, issuer, INT, EXPORTED, NEWER) \
	C(14, algorithm, algorithm, TEXT, EXPORTED, NEWER) \
	C(15, subject, subject, TEXT, EXPORTED, NEWER) \
	C(16, csr, csr, HEX, EXPORTED, NEWER) \
	C(17, der, der, HEX, EXPORTED, NEWER) \
	C(18, chain, chain, HEX_OR_NULL, EXPORTED, NEWER) \
	C(19, spki_hash, spki_hash, HEX, EXPORTED, NEWER) \
	C(20, serial, serial, HEX, EXPORTED, NEWER) \
	C(21, not_before, not_before, INT, EXPORTED, NEWER) \
	C(22, not_after, not_after, INT, EXPORTED, NEWER) \
	C(23, enabled, enabled, INT, EXPORTED, NEWER) \
	C(24, managed, managed, INT, EXPORTED, NEWER) \
	C(25, validity_days, validity_days, INT, EXPORTED, NEWER) \
	C(26, ca_validity_days, ca_validity_days, INT, EXPORTED, NEWER) \
	C(27, crl_days, crl_days, INT, EXPORTED, NEWER) \
	C(28, sealed_key, sealed_key, HEX_OR_NULL, SEALED, PRIVATE_KEY) \
	C(29, crl_url, crl_url, TEXT, EXPORTED, NEWER) \
	C(30, issuer_url, issuer_url, TEXT, EXPORTED, NEWER) \
	C(31, cross_by, cross_by, INT, EXPORTED, NEWER) \
	C(32, cross_der, cross_der, HEX_OR_NULL, EXPORTED, NEWER) \
	C(33, stop_reason, revocation, TEXT, EXPORTED, NEWER) \
	C(34, stop_since, revocation_since, INT, EXPORTED, NEWER) \
	C(35, trimmed, trimmed, INT, EXPORTED, LARGER) \
	C(36, trimmed_revoked, trimmed_revoked, INT, EXPORTED, LARGER)

/* What a request has to satisfy (enroll/allowed.h), a list each; n: their numbers. */
#define DB_LIMITS(C, n1, n2, n3, n4, n5) \
	C(n1, allowed_names, allowed_names, TEXT, EXPORTED, NEWER) \
	C(n2, member_names, member_names, TEXT, EXPORTED, NEWER) \
	C(n3, validity, validity, TEXT, EXPORTED, NEWER) \
	C(n4, key_types, key_types, TEXT, EXPORTED, NEWER) \
	C(n5, usages, usages, TEXT, EXPORTED, NEWER)

#define DB_GROUP_TAIL(C) \
	C(12, version, version, INT, EXPORTED, NEWER) \
	C(13, place, place, INT, EXPORTED, ONCE) \
	C(14, description, description, TEXT, EXPORTED, NEWER) \
	C(15, enabled, enabled, INT, EXPORTED, NEWER) \
	C(16, signing_cert, signing_cert, INT, EXPORTED, NEWER) \
	C(17, keys_changed, keys_changed, INT, NOT_EXPORTED, CREATED) \
	C(18, members_changed, members_changed, INT, NOT_EXPORTED, CREATED) \
	C(19, stop_reason, revocation, TEXT, EXPORTED, NEWER) \
	C(20, stop_since, revocation_since, INT, EXPORTED, NEWER) \
	C(21, stop_last, revocation_last, INT, EXPORTED, NEWER) \
	C(22, expire_after, expire_after, INT, EXPORTED, NEWER) \
	C(23, approval, approval, INT, EXPORTED, NEWER) \
	DB_LIMITS(C, 24, 25, 26, 27, 28)

#define DB_KEY_TAIL(C) \
	C(12, version, version, INT, EXPORTED, NEWER) \
	C(13, grp, grp, INT, EXPORTED, ONCE) \
	C(14, description, description, TEXT, EXPORTED, NEWER) \
	C(15, enabled, enabled, INT, EXPORTED, NEWER) \
	C(16, signing_cert, signing_cert, INT, EXPORTED, NEWER) \
	C(0, sealed_secret, exportable, PRESENT, EXPORTED, NOTHING) \
	C(17, max_uses, max_uses, INT, EXPORTED, NEWER) \
	C(18, uses, uses, INT, EXPORTED, LARGER) \
	C(19, lost, lost, INT, EXPORTED, LARGER) \
	C(20, expires, expires, INT, EXPORTED, NEWER) \
	C(21, managed, managed, INT, EXPORTED, NEWER) \
	C(22, copies, copies, INT, EXPORTED, LARGER) \
	C(23, last_copied, last_copied, INT, EXPORTED, LARGER) \
	C(24, last_used, last_used, INT, EXPORTED, LARGER) \
	C(25, secret_hash, secret_hash, HEX_OR_NULL, SEALED, SECRET_HASH) \
	C(26, sealed_secret, sealed_secret, HEX_OR_NULL, SEALED, SECRET) \
	C(27, stop_reason, revocation, TEXT, EXPORTED, NEWER) \
	C(28, stop_since, revocation_since, INT, EXPORTED, NEWER) \
	C(29, stop_last, revocation_last, INT, EXPORTED, NEWER) \
	C(30, old_secret_hash, old_secret_hash, HEX_OR_NULL, SEALED, SECRET_HASH) \
	C(31, old_until, old_until, INT, EXPORTED, NEWER) \
	C(32, secret_since, secret_since, INT, EXPORTED, NEWER) \
	C(33, former_secrets, former_secrets, HEX_OR_NULL, EXPORTED, NEWER) \
	C(34, trimmed, trimmed, INT, EXPORTED, LARGER) \
	C(35, approval, approval, INT, EXPORTED, NEWER) \
	DB_LIMITS(C, 36, 37, 38, 39, 40)

/* A member that has changed; what it began with stands in the record of its
 * first certificate. */
#define DB_MEMBER_TAIL(C) \
	C(12, description, description, TEXT, EXPORTED, NEWER)

#define DB_ISSUED_TAIL(C) \
	C(2, member, member, INT, EXPORTED, ONCE) \
	C(3, prov_key, prov_key, INT, EXPORTED, ONCE) \
	C(4, cert, cert, INT, EXPORTED, ONCE) \
	C(5, first, first, INT, EXPORTED, ONCE) \
	C(6, serial, serial, HEX, EXPORTED, ONCE) \
	C(7, spki_hash, spki_hash, HEX, EXPORTED, ONCE) \
	C(8, names, names, TEXT, EXPORTED, ONCE) \
	C(9, created, created, INT, EXPORTED, ONCE) \
	C(10, not_before, not_before, INT, EXPORTED, ONCE) \
	C(11, not_after, not_after, INT, EXPORTED, ONCE) \
	C(12, der, der, HEX, EXPORTED, ONCE) \
	C(13, csr, csr, HEX, EXPORTED, ONCE)

/* A request that waits for approval. Without a later record, it still does. */
#define DB_PENDING_TAIL(C) \
	C(2, name, name, TEXT, EXPORTED, ONCE) \
	C(3, uid, uid, INT, EXPORTED, NEWER) \
	C(4, gid, gid, INT, EXPORTED, NEWER) \
	C(5, mode, mode, INT, EXPORTED, NEWER) \
	C(6, owned, owned, INT, EXPORTED, NEWER) \
	C(7, prov_key, prov_key, INT, EXPORTED, ONCE) \
	C(8, member, member, TEXT, EXPORTED, ONCE) \
	C(9, spki_hash, spki_hash, HEX, EXPORTED, ONCE) \
	C(10, csr, csr, HEX, EXPORTED, NEWER) \
	C(11, requested, requested, INT, EXPORTED, ONCE) \
	C(12, requested_by, requested_by, INT, EXPORTED, ONCE) \
	C(13, origin, from, TEXT, EXPORTED, ONCE) \
	C(14, removed, removed, INT, EXPORTED, NEWER) \
	C(15, rejected, rejected, INT, EXPORTED, NEWER)

#define DB_REVOKED_TAIL(C) \
	C(2, revoked, revoked, INT, EXPORTED, ONCE) \
	C(3, reason, reason, TEXT, EXPORTED, ONCE)

#define DB_ENROLLED_TAIL(C) \
	C(2, name, name, TEXT, EXPORTED, ONCE) \
	C(3, uid, uid, INT, EXPORTED, ONCE) \
	C(4, gid, gid, INT, EXPORTED, ONCE) \
	C(5, mode, mode, INT, EXPORTED, ONCE) \
	C(6, grp, grp, INT, EXPORTED, ONCE) \
	C(7, prov_key, prov_key, INT, EXPORTED, ONCE) \
	C(8, created, created, INT, EXPORTED, ONCE) \
	C(9, enrolled_by, enrolled_by, INT, EXPORTED, ONCE)

#define DB_CRL_TAIL(C) \
	C(2, number, number, INT, EXPORTED, NEWER) \
	C(3, made, made, INT, EXPORTED, NEWER) \
	C(4, this_update, this_update, INT, EXPORTED, NEWER) \
	C(5, next_update, next_update, INT, EXPORTED, NEWER) \
	C(6, days, days, INT, EXPORTED, NEWER)

#define DB_COMPROMISED_TAIL(C) \
	C(2, spki_hash, spki_hash, HEX, EXPORTED, ONCE)

/* OF(kind, `kind` in JSON or NULL, name of the id, whether it has files, columns
 * before and behind these) */
#define DB_NO_HEAD(C)
#define DB_EXPORTED_KINDS(OF) \
	OF(PLACE, "place", "id", 1, DB_PLACE_HEAD, DB_PLACE_TAIL) \
	OF(CERT, "cert", "id", 1, DB_OBJECT_HEAD, DB_CERT_TAIL) \
	OF(GROUP, "grp", "id", 1, DB_OBJECT_HEAD, DB_GROUP_TAIL) \
	OF(KEY, "prov_key", "id", 1, DB_OBJECT_HEAD, DB_KEY_TAIL) \
	OF(MEMBER, "member", "id", 1, DB_OBJECT_HEAD, DB_MEMBER_TAIL) \
	OF(ISSUED, 0, "id", 0, DB_NO_HEAD, DB_ISSUED_TAIL) \
	OF(PENDING, "pending", "id", 1, DB_NO_HEAD, DB_PENDING_TAIL) \
	OF(REVOKED, "revoked", "id", 0, DB_NO_HEAD, DB_REVOKED_TAIL) \
	OF(ENROLLED, 0, "id", 0, DB_NO_HEAD, DB_ENROLLED_TAIL) \
	OF(CRL, "crl", "cert", 0, DB_NO_HEAD, DB_CRL_TAIL) \
	OF(COMPROMISED, "compromised", "id", 0, DB_NO_HEAD, DB_COMPROMISED_TAIL)

/* As a column: 1 if there is a value, 0 if that is NULL. */
#define DB_PRESENT(value) "CASE WHEN " value " IS NULL THEN 0 ELSE 1 END"

/*
 * The columns that are read of each kind, behind those of all kinds, and for enrolling and renewing:
 * S(name of the column for db_int() and others, expression).
 */
#define DB_GROUP_READ(S) \
	S(DB_GROUP_PLACE, "g.place") \
	S(DB_GROUP_DESCRIPTION, "g.description") \
	S(DB_GROUP_ENABLED, "g.enabled") \
	S(DB_GROUP_APPROVAL, "g.approval") \
	S(DB_GROUP_CERT, "g.signing_cert") \
	S(DB_GROUP_CERT_NAME, "c.name") \
	S(DB_GROUP_EXPIRE_AFTER, "g.expire_after") \
	S(DB_GROUP_KEYS_AT, "g.keys_changed") \
	S(DB_GROUP_STOP_REASON, "g.stop_reason") \
	S(DB_GROUP_STOP_LAST, "g.stop_last") \
	S(DB_GROUP_MEMBERS_AT, "greatest(g.members_changed, (SELECT n.created FROM member n " \
		"WHERE n.grp = g.id AND n.removed IS NULL ORDER BY n.id DESC LIMIT 1))")

#define DB_KEY_READ(S) \
	S(DB_KEY_GROUP, "k.grp") \
	S(DB_KEY_GROUP_NAME, "g.name") \
	S(DB_KEY_PLACE, "g.place") \
	S(DB_KEY_GROUP_ENABLED, "g.enabled") \
	S(DB_KEY_DESCRIPTION, "k.description") \
	S(DB_KEY_ENABLED, "k.enabled") \
	S(DB_KEY_APPROVAL, "k.approval") \
	S(DB_KEY_CERT, "k.signing_cert") \
	S(DB_KEY_CERT_NAME, "c.name") \
	S(DB_KEY_MAX_USES, "k.max_uses") \
	S(DB_KEY_USES, "k.uses") \
	S(DB_KEY_EXPIRES, "k.expires") \
	S(DB_KEY_EXPORTABLE, DB_PRESENT("k.sealed_secret")) \
	S(DB_KEY_MANAGED, "k.managed") \
	S(DB_KEY_COPIES, "k.copies") \
	S(DB_KEY_LAST_COPIED, "k.last_copied") \
	S(DB_KEY_LAST_USED, "k.last_used") \
	S(DB_KEY_STOP_REASON, "k.stop_reason") \
	S(DB_KEY_STOP_LAST, "k.stop_last")

#define DB_MEMBER_READ(S) \
	S(DB_MEMBER_GROUP, "m.grp") \
	S(DB_MEMBER_GROUP_NAME, "g.name") \
	S(DB_MEMBER_PLACE, "g.place") \
	S(DB_MEMBER_DESCRIPTION, "m.description") \
	S(DB_MEMBER_KEY, "m.prov_key") \
	S(DB_MEMBER_KEY_NAME, "k.name") \
	S(DB_MEMBER_ENROLLED, "m.created") \
	S(DB_MEMBER_ENROLLED_BY, "m.enrolled_by") \
	S(DB_MEMBER_ISSUED, "i.id") \
	S(DB_MEMBER_CERT, "i.cert") \
	S(DB_MEMBER_CERT_NAME, "c.name") \
	S(DB_MEMBER_SERIAL, "i.serial") \
	S(DB_MEMBER_NOT_BEFORE, "i.not_before") \
	S(DB_MEMBER_NOT_AFTER, "i.not_after") \
	S(DB_MEMBER_REVOKED, "i.revoked") \
	S(DB_MEMBER_REASON, "i.reason") \
	S(DB_MEMBER_DER_LEN, "length(i.der)") \
	S(DB_MEMBER_CSR_LEN, "length(i.csr)")

#define DB_CERT_READ(S) \
	S(DB_CERT_ISSUER, "c.issuer") \
	S(DB_CERT_ISSUER_NAME, "i.name") \
	S(DB_CERT_ALGORITHM, "c.algorithm") \
	S(DB_CERT_SUBJECT, "c.subject") \
	S(DB_CERT_ENABLED, "c.enabled") \
	S(DB_CERT_VALIDITY_DAYS, "c.validity_days") \
	S(DB_CERT_CA_VALIDITY_DAYS, "c.ca_validity_days") \
	S(DB_CERT_CRL_DAYS, "c.crl_days") \
	S(DB_CERT_SERIAL, "c.serial") \
	S(DB_CERT_NOT_BEFORE, "c.not_before") \
	S(DB_CERT_NOT_AFTER, "c.not_after") \
	S(DB_CERT_ISSUED_COUNT, "c.issued + coalesce(u.n, 0)") \
	S(DB_CERT_REVOKED_COUNT, "c.revoked") \
	S(DB_CERT_DER_LEN, "length(c.der)") \
	S(DB_CERT_CSR_LEN, "length(c.csr)") \
	S(DB_CERT_MANAGED, "c.managed") \
	S(DB_CERT_OUTSIDE, DB_PRESENT("c.chain")) \
	S(DB_CERT_CRL_URL, "c.crl_url") \
	S(DB_CERT_ISSUER_URL, "c.issuer_url") \
	S(DB_CERT_CROSS_NAME, "x.name") \
	S(DB_CERT_CROSS_LEN, "length(c.cross_der)") \
	S(DB_CERT_STOP_REASON, "c.stop_reason")

#define DB_PENDING_READ(S) \
	S(DB_PENDING_KEY, "p.prov_key") \
	S(DB_PENDING_KEY_NAME, "k.name") \
	S(DB_PENDING_GROUP_NAME, "g.name") \
	S(DB_PENDING_PLACE, "g.place") \
	S(DB_PENDING_MANAGED, "k.managed") \
	S(DB_PENDING_MEMBER, "p.member") \
	S(DB_PENDING_FROM, "p.origin") \
	S(DB_PENDING_SPKI, "p.spki_hash")

/* In the order of DB_LIMITS: the first one has the name `at`. */
#define DB_LIMITS_READ(S, at, table) \
	S(at, table ".allowed_names") \
	S(at##_2, table ".member_names") \
	S(at##_3, table ".validity") \
	S(at##_4, table ".key_types") \
	S(at##_5, table ".usages")

#define DB_ENROLL_READ(S) \
	S(DB_ENROLL_KEY_NAME, "k.name") \
	S(DB_ENROLL_KEY_ENABLED, "k.enabled") \
	S(DB_ENROLL_EXPIRES, "k.expires") \
	S(DB_ENROLL_MAX_USES, "k.max_uses") \
	S(DB_ENROLL_USES, "k.uses") \
	S(DB_ENROLL_GROUP, "g.id") \
	S(DB_ENROLL_GROUP_NAME, "g.name") \
	S(DB_ENROLL_PLACE, "g.place") \
	S(DB_ENROLL_GROUP_ENABLED, "g.enabled") \
	S(DB_ENROLL_CERT, "c.id") \
	S(DB_ENROLL_CERT_ENABLED, "c.enabled") \
	S(DB_ENROLL_CERT_NOT_BEFORE, "c.not_before") \
	S(DB_ENROLL_CERT_NOT_AFTER, "c.not_after") \
	S(DB_ENROLL_VALIDITY_DAYS, "c.validity_days") \
	S(DB_ENROLL_SECRET_HASH, "k.secret_hash") \
	S(DB_ENROLL_OLD_HASH, "k.old_secret_hash") \
	S(DB_ENROLL_OLD_UNTIL, "k.old_until") \
	S(DB_ENROLL_APPROVAL, "greatest(k.approval, g.approval)") \
	S(DB_ENROLL_GROUP_LIMITS, "g.limits") \
	S(DB_ENROLL_KEY_LIMITS, "k.limits") \
	DB_LIMITS_READ(S, DB_ENROLL_OF_GROUP, "g") \
	DB_LIMITS_READ(S, DB_ENROLL_OF_KEY, "k")

#define DB_RENEW_READ(S) \
	S(DB_RENEW_APPROVAL, "greatest(k.approval, g.approval)") \
	S(DB_RENEW_NAME, "m.name") \
	S(DB_RENEW_GROUP, "g.id") \
	S(DB_RENEW_GROUP_NAME, "g.name") \
	S(DB_RENEW_PLACE, "g.place") \
	S(DB_RENEW_GROUP_ENABLED, "g.enabled") \
	S(DB_RENEW_PRESENT, "i.id") \
	S(DB_RENEW_PRESENT_NOT_AFTER, "i.not_after") \
	S(DB_RENEW_PRESENT_REVOKED, DB_PRESENT("i.revoked")) \
	S(DB_RENEW_CERT, "c.id") \
	S(DB_RENEW_CERT_ENABLED, "c.enabled") \
	S(DB_RENEW_CERT_NOT_BEFORE, "c.not_before") \
	S(DB_RENEW_CERT_NOT_AFTER, "c.not_after") \
	S(DB_RENEW_VALIDITY_DAYS, "c.validity_days") \
	S(DB_RENEW_PRESENT_DER, "i.der") \
	S(DB_RENEW_PRESENT_SPKI, "i.spki_hash") \
	S(DB_RENEW_NARROWED, "(SELECT count(*) FROM narrowed n WHERE n.issued = i.id)") \
	S(DB_RENEW_GROUP_LIMITS, "g.limits") \
	S(DB_RENEW_KEY_LIMITS, "k.limits") \
	DB_LIMITS_READ(S, DB_RENEW_OF_GROUP, "g") \
	DB_LIMITS_READ(S, DB_RENEW_OF_KEY, "k")

/* clang-format on */

struct db_column {
	const char *column, *name;
	enum db_type type;
	enum db_export export;
	enum db_merge merge;
};

enum { DB_COLUMNS_MAX = 48 };

/* Of a row whose first column is the id. */
struct db_columns {
	const char *kind; /* in JSON, or NULL */
	const char *id;	  /* its name in JSON */
	bool files; /* owners of the object's files are exported with it */
	const struct db_column *column;
	int count;
	int head; /* columns before `files` */
};

extern const struct db_columns db_columns[DB_KINDS];

#endif
