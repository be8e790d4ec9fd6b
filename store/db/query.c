/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/query.h"

/* clang-format off */

/* When it was last edited, or what its files show instead (shown.c), which is
 * later. */
#define EDITED(t) \
	"max(" t ".modified, max(" t ".edited, " t ".made) * 1000000000)"

/* In the order of the DB_OBJECT_ columns; `changed` is an expression. */
#define OBJECT(t, changed) \
	t ".id, " t ".name, " t ".uid, " t ".gid, " t ".mode, " t ".bare, " t ".owned, " \
	t ".created, " t ".modified, " t ".modified_by, " EDITED(t) ", max(" t ".created, " t \
	".made * 1000000000), " changed ", " t ".ctime, "

#define CERT_ROWS \
	"SELECT " OBJECT("c", "max(" EDITED("c") ", c.counted, c.shown * 1000000000, coalesce(" EDITED("i") ", 0))") \
	"c.issuer, i.name, c.algorithm, c.subject, c.enabled, " \
	"c.validity_days, c.ca_validity_days, c.crl_days, c.serial, c.not_before, c.not_after, " \
	"c.issued, c.revoked, length(c.der), length(c.csr), c.managed, c.chain IS NOT NULL " \
	"FROM cert c LEFT JOIN cert i ON i.id = c.issuer WHERE c.removed IS NULL "

#define CERT_UNUSED \
	"id = ?1 AND removed IS NULL " \
	"AND NOT EXISTS (SELECT 1 FROM grp WHERE signing_cert = ?1 AND removed IS NULL) " \
	"AND NOT EXISTS (SELECT 1 FROM prov_key WHERE signing_cert = ?1 AND removed IS NULL) " \
	"AND NOT EXISTS (SELECT 1 FROM cert c WHERE c.issuer = ?1 AND c.removed IS NULL) " \
	"AND NOT EXISTS (SELECT 1 FROM issued WHERE cert = ?1 AND not_after > ?3)"

/* A member's unexpired certificates that are not revoked, but the ?4 newest. */
#define MEMBER_VALID \
	"SELECT id, cert FROM issued WHERE member = ?1 AND revoked IS NULL AND not_after > ?3 " \
	"ORDER BY id DESC LIMIT -1 OFFSET ?4"

/* A certificate is known by half the hash of its public key. */
#define HALF(hash) "substr(" hash ", 1, 16)"
#define KNOWN_KEY(hash) "spki_hash = " HALF(hash)

/* Which certificate signs when a member's present one (i), of a key (k), is
 * renewed. */
#define RENEWED_BY "CASE WHEN k.removed IS NULL THEN k.signing_cert ELSE i.cert END"

/* What every change of a certificate that waits ends with. */
#define WAITS \
	"bare = (bare & ~?5) | ?6, modified = ?3, modified_by = ?4 " \
	"WHERE id = ?1 AND removed IS NULL AND der = x'' AND csr = ?2"

#define GROUP_ROWS \
	"SELECT " OBJECT("g", "max(" EDITED("g") ", " EDITED("c") ")") \
	"g.place, g.description, g.enabled, g.signing_cert, c.name, " \
	"g.keys_changed, g.members_changed " \
	"FROM grp g JOIN cert c ON c.id = g.signing_cert WHERE g.removed IS NULL "

#define KEY_ROWS \
	"SELECT " OBJECT("k", "max(" EDITED("k") ", k.last_copied, k.last_used, k.shown * 1000000000, " \
	EDITED("g") ", " EDITED("c") ")") \
	"k.grp, g.name, g.place, g.enabled, k.description, k.enabled, k.signing_cert, c.name, " \
	"k.max_uses, k.uses, k.expires, k.sealed_secret IS NOT NULL, k.managed, " \
	"k.copies, k.last_copied, k.last_used " \
	"FROM prov_key k JOIN grp g ON g.id = k.grp JOIN cert c ON c.id = k.signing_cert " \
	"WHERE k.removed IS NULL "

#define MEMBER_ROWS \
	"SELECT " OBJECT("m", "max(" EDITED("m") ", m.shown * 1000000000, i.created, " \
	"coalesce(i.revoked, 0), " EDITED("k") ", " EDITED("c") ")") \
	"m.grp, g.name, g.place, m.description, m.prov_key, k.name, m.enrolled, m.enrolled_by, " \
	"i.id, i.cert, c.name, i.serial, i.not_before, i.not_after, i.revoked, i.reason, " \
	"length(i.der), length(i.csr) " \
	"FROM member m JOIN grp g ON g.id = m.grp JOIN prov_key k ON k.id = m.prov_key " \
	"JOIN issued i ON i.id = (SELECT max(id) FROM issued WHERE member = m.id) " \
	"JOIN cert c ON c.id = i.cert WHERE m.removed IS NULL "

/*
 * A change of one value: ?1 id, ?2 the value, ?3 the attribute's bit in `bare`,
 * ?4 that bit or 0, ?5 now, ?6 who.
 */
#define SET(table, assignment) \
	"UPDATE " table " SET " assignment ", bare = (bare & ~?3) | ?4, modified = ?5, " \
	"modified_by = ?6 WHERE id = ?1 AND removed IS NULL"

/* A new name: ?1 id, ?2 name, ?3 now, ?4 who. */
#define RENAME(table) \
	"UPDATE " table " SET name = ?2, modified = ?3, modified_by = ?4, " \
	"ctime = max(?3, ctime + 1) WHERE id = ?1 AND removed IS NULL"

/* The seconds that its files show at least: ?1 id, ?2 edited, ?3 shown, ?4
 * made; see shown.c. */
#define SHOWS(table) \
	"UPDATE " table " SET edited = max(edited, ?2), shown = max(shown, ?3), made = max(made, ?4) " \
	"WHERE id = ?1"

/* A directory's owner: ?1 id, ?2 uid, ?3 gid, ?4 mode, ?5 now. */
#define CHOWN(table) \
	"UPDATE " table " SET uid = ?2, gid = ?3, mode = ?4, ctime = max(ctime, ?5) WHERE id = ?1"

/*
 * Which files have owners of their own: ?1 id, ?2 the files' bits, ?3 those
 * bits or 0, ?4 now or 0. A file that follows its directory again has no row
 * for its ctime: it shows the directory's.
 */
#define OWNED(table) \
	"UPDATE " table " SET owned = (owned & ~?2) | ?3, ctime = max(ctime, ?4) WHERE id = ?1"

static const char *const text[DB_UPKEEP] = {
	[DB_BEGIN] = "BEGIN IMMEDIATE",
	[DB_COMMIT] = "COMMIT",
	[DB_ROLLBACK] = "ROLLBACK",
	[DB_SAVEPOINT] = "SAVEPOINT job",
	[DB_ROLLBACK_TO] = "ROLLBACK TO job",
	[DB_RELEASE] = "RELEASE job",

	/* -> certificates, groups, keys, those that are exportable, members,
	 * those whose key is there, segments */
	[DB_COUNTS] =
		"SELECT (SELECT count(*) FROM cert WHERE removed IS NULL), "
		"(SELECT count(*) FROM grp WHERE removed IS NULL), "
		"(SELECT count(*) FROM prov_key WHERE removed IS NULL), "
		"(SELECT count(*) FROM prov_key WHERE removed IS NULL AND sealed_secret IS NOT NULL), "
		"m.n, m.n - (SELECT count(*) FROM prov_key k JOIN member m ON m.prov_key = k.id "
		"WHERE k.removed IS NOT NULL AND m.removed IS NULL), "
		"(SELECT (coalesce(max(seq), 0) + 999) / 1000 FROM journal) "
		"FROM (SELECT count(*) AS n FROM member WHERE removed IS NULL) m",

	/* ?1 name -> value */
	[DB_SETTING_GET] = "SELECT value FROM setting WHERE name = ?1",
	[DB_SETTING_ADD] = "INSERT INTO setting (name, value) VALUES (?1, ?2)",
	[DB_PLACE_GET] =
		"SELECT id, '', uid, gid, mode, 0, owned, created, created, uid, created, created, "
		"changed, ctime FROM place "
		"WHERE id = ?1",
	/* ?1 id, ?2 uid, ?3 gid, ?4 mode, ?5 now */
	[DB_PLACE_ADD] =
		"INSERT INTO place (id, uid, gid, mode, created, changed) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
	/* ?1 id, ?2 now */
	[DB_PLACE_CHANGED] = "UPDATE place SET changed = max(changed, ?2) WHERE id = ?1",

	[DB_PLACE_CHOWN] = CHOWN("place"),
	[DB_PLACE_OWNED] = OWNED("place"),

	[DB_CERT_GET] = CERT_ROWS "AND c.id = ?1",
	[DB_CERT_FIND] = CERT_ROWS "AND c.name = ?1",
	/* ?1 after this id */
	[DB_CERT_EACH] = CERT_ROWS "AND c.id > ?1 ORDER BY c.id",
	/* one that waits: ?1 name, ?2 uid, ?3 gid, ?4 mode, ?5 now, ?6
	 * algorithm, ?7 subject, ?8 csr, ?9 spki hash, ?10 CA validity days */
	[DB_CERT_ADD] =
		"INSERT INTO cert (name, uid, gid, mode, created, modified, modified_by, algorithm, "
		"subject, csr, der, spki_hash, serial, not_before, not_after, validity_days, "
		"ca_validity_days, crl_days) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?2, ?6, ?7, ?8, x'', ?9, "
		"x'', 0, 0, 365, ?10, 7)",
	/* ?1 id -> der, csr, sealed key, issuer, chain */
	[DB_CERT_MATERIAL] = "SELECT der, csr, sealed_key, issuer, chain FROM cert WHERE id = ?1",
	/* ?1 id, ?2 sealed key */
	[DB_CERT_SEAL] = "UPDATE cert SET sealed_key = ?2 WHERE id = ?1",
	/* These change one that waits, if its request is still the one that was
	 * looked at: ?1 id, ?2 that csr, ?3 now, ?4 who, ?5 the attribute's bit
	 * in `bare`, ?6 that bit or 0; */
	/* ?7 algorithm, ?8 csr, ?9 spki hash, ?10 sealed key, ?11 subject */
	[DB_CERT_REKEY] =
		"UPDATE cert SET algorithm = ?7, csr = ?8, spki_hash = ?9, sealed_key = ?10, "
		"subject = ?11, " WAITS,
	/* ?7 subject, ?8 csr */
	[DB_CERT_SET_SUBJECT] = "UPDATE cert SET subject = ?7, csr = ?8, " WAITS,
	/* ?7 der, ?8 serial, ?9 not before, ?10 not after, ?11 subject, ?12
	 * issuer or NULL, ?13 chain or NULL */
	[DB_CERT_SIGNED] =
		"UPDATE cert SET der = ?7, serial = ?8, not_before = ?9, not_after = ?10, subject = ?11, "
		"issuer = ?12, chain = ?13, " WAITS " AND (?12 IS NULL OR EXISTS "
		"(SELECT 1 FROM cert i WHERE i.id = ?12 AND i.removed IS NULL AND i.enabled = 1))",
	/* ?1 hash of a public key, ?2 id: does another certificate have it, or
	 * a member's? */
	[DB_CERT_KEY_TAKEN] =
		"SELECT 1 FROM cert WHERE spki_hash = ?1 AND id <> ?2 AND removed IS NULL UNION ALL "
		"SELECT 1 FROM issued WHERE " KNOWN_KEY("?1") " LIMIT 1",
	/* ?1 id -> what is said of those it issued, and of its newest
	 * revocation list */
	[DB_CERT_LISTS] =
		"SELECT c.issued, c.revoked, max(c.counted, c.created, max(c.shown, c.made) * 1000000000), "
		"c.not_after, c.crl_days, "
		"l.number, l.made, l.this_update, l.next_update, l.covers, l.days "
		"FROM cert c LEFT JOIN crl l ON l.cert = c.id WHERE c.id = ?1 AND c.removed IS NULL",
	/* ?1 after this id -> id, name, how many are missing from the newest revocation list */
	[DB_CERT_STALE] =
		"SELECT c.id, c.name, c.revoked - max(coalesce(l.covers, 0), 0) FROM cert c "
		"LEFT JOIN crl l ON l.cert = c.id WHERE c.removed IS NULL AND c.id > ?1 "
		"AND c.revoked > max(coalesce(l.covers, 0), 0) ORDER BY c.id",
	/* ?1 issuer, ?2 this update of the list before -> serial, when, why. A
	 * certificate that was deleted here is revoked: nobody has its key any
	 * more. */
	[DB_CRL_ENTRIES] =
		"SELECT serial, revoked, reason FROM issued "
		"WHERE cert = ?1 AND revoked IS NOT NULL AND not_after >= ?2 UNION ALL "
		"SELECT serial, removed, 'cessationOfOperation' FROM cert "
		"WHERE issuer = ?1 AND removed IS NOT NULL AND not_after >= ?2",
	/* ?1 cert, ?2 number, ?3 now, ?4 this update, ?5 next update, ?6
	 * covers, ?7 days, ?8 der, ?9 the number before: changes nothing if
	 * there is another by now */
	[DB_CRL_KEEP] =
		"INSERT INTO crl (cert, number, made, this_update, next_update, covers, days, der) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (cert) DO UPDATE SET "
		"number = ?2, made = ?3, this_update = ?4, next_update = ?5, covers = ?6, days = ?7, "
		"der = ?8 WHERE number = ?9",
	[DB_CRL_GET] = "SELECT der FROM crl WHERE cert = ?1",
	[DB_CRL_DROP] = "DELETE FROM crl WHERE cert = ?1",
	/* ?1 issuer -> not after, when and why it was revoked, serial, der or
	 * names */
	[DB_INDEX_CERTS] =
		"SELECT not_after, removed, 'cessationOfOperation', serial, der FROM cert "
		"WHERE issuer = ?1 ORDER BY id",
	[DB_INDEX_MEMBERS] =
		"SELECT not_after, revoked, reason, serial, names FROM issued "
		"WHERE cert = ?1 ORDER BY not_after, id",
	/* before it is removed: ?1 id, ?2 now, ?3 now in seconds; counts with
	 * its issuer */
	[DB_CERT_COUNT_REVOKED] =
		"UPDATE cert SET revoked = revoked + 1, counted = max(counted, ?2) WHERE id = "
		"(SELECT issuer FROM cert WHERE id = ?1 AND not_after > ?3)",
	/* ?1 name -> id of an enabled signing certificate */
	[DB_CERT_USABLE] =
		"SELECT id FROM cert WHERE name = ?1 AND removed IS NULL AND enabled = 1 "
		"AND sealed_key IS NOT NULL AND der <> x''",
	/* ?1 name -> id of a certificate that can sign, or could if it were
	 * enabled */
	[DB_CERT_NAMED] =
		"SELECT id FROM cert WHERE name = ?1 AND removed IS NULL AND der <> x''",
	/* ?1 id, ?2 now */
	[DB_CERT_ISSUED] = "UPDATE cert SET issued = issued + 1, counted = max(counted, ?2) WHERE id = ?1",
	/* ?1 hash of a public key: does a certificate here have it? */
	[DB_CERT_KNOWN] = "SELECT 1 FROM cert WHERE spki_hash = ?1",
	[DB_CERT_RENAME] = RENAME("cert"),
	/* ?1 id, ?3 now in seconds: does nothing depend on it? */
	[DB_CERT_UNUSED] = "SELECT 1 FROM cert WHERE " CERT_UNUSED,
	/* ?1 id, ?2 now, ?3 now in seconds; changes nothing while something
	 * depends on it */
	[DB_CERT_REMOVE] = "UPDATE cert SET removed = ?2, sealed_key = NULL WHERE " CERT_UNUSED,
	[DB_CERT_SET_ENABLED] = SET("cert", "enabled = ?2"),
	[DB_CERT_SET_VALIDITY_DAYS] = SET("cert", "validity_days = ?2"),
	[DB_CERT_SET_CA_VALIDITY_DAYS] = SET("cert", "ca_validity_days = ?2"),
	[DB_CERT_SET_CRL_DAYS] = SET("cert", "crl_days = ?2"),
	[DB_CERT_SET_MANAGED] = SET("cert", "managed = ?2"),

	[DB_CERT_CHOWN] = CHOWN("cert"),
	[DB_CERT_OWNED] = OWNED("cert"),
	[DB_CERT_SHOWS] = SHOWS("cert"),

	[DB_GROUP_GET] = GROUP_ROWS "AND g.id = ?1",
	/* ?1 place, ?2 name */
	[DB_GROUP_FIND] = GROUP_ROWS "AND g.place = ?1 AND g.name = ?2",
	/* ?1 uid, ?2 gid: of any group that is the user's, or that the user's
	 * group may write to */
	[DB_GROUP_OF_USER] =
		"SELECT 1 FROM grp WHERE removed IS NULL AND (uid = ?1 OR (gid = ?2 AND mode & 16)) "
		"LIMIT 1",
	/* ?1 place, ?2 after this id */
	[DB_GROUP_EACH] = GROUP_ROWS "AND g.place = ?1 AND g.id > ?2 ORDER BY g.id",
	/* ?1 place, ?2 name, ?3 uid, ?4 gid, ?5 mode, ?6 now, ?7 signing
	 * certificate */
	[DB_GROUP_ADD] =
		"INSERT INTO grp (place, name, uid, gid, mode, created, modified, modified_by, "
		"signing_cert, keys_changed, members_changed) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?3, ?7, ?6, ?6)",
	[DB_GROUP_RENAME] = RENAME("grp"),
	/* ?1 id, ?2 now; changes nothing while it has keys or members */
	[DB_GROUP_REMOVE] =
		"UPDATE grp SET removed = ?2 WHERE id = ?1 AND removed IS NULL "
		"AND NOT EXISTS (SELECT 1 FROM prov_key WHERE grp = ?1 AND removed IS NULL) "
		"AND NOT EXISTS (SELECT 1 FROM member WHERE grp = ?1 AND removed IS NULL)",
	/* ?1 id, ?2 now */
	[DB_GROUP_KEYS_CHANGED] = "UPDATE grp SET keys_changed = max(keys_changed, ?2) WHERE id = ?1",
	[DB_GROUP_MEMBERS_CHANGED] =
		"UPDATE grp SET members_changed = max(members_changed, ?2) WHERE id = ?1",
	[DB_GROUP_SET_DESCRIPTION] = SET("grp", "description = ?2"),
	[DB_GROUP_SET_ENABLED] = SET("grp", "enabled = ?2"),
	[DB_GROUP_SET_SIGNING_CERT] = SET("grp", "signing_cert = ?2"),

	[DB_GROUP_CHOWN] = CHOWN("grp"),
	[DB_GROUP_OWNED] = OWNED("grp"),
	[DB_GROUP_SHOWS] = SHOWS("grp"),

	[DB_KEY_GET] = KEY_ROWS "AND k.id = ?1",
	/* ?1 group, ?2 name */
	[DB_KEY_FIND] = KEY_ROWS "AND k.grp = ?1 AND k.name = ?2",
	/* ?1 group, ?2 after this id */
	[DB_KEY_ALL] = KEY_ROWS "ORDER BY k.id",
	[DB_KEY_EACH] = KEY_ROWS "AND k.grp = ?1 AND k.id > ?2 ORDER BY k.id",
	/* ?1 group, ?2 name, ?3 uid, ?4 gid, ?5 mode, ?6 now, ?7 secret hash;
	 * no row if the group is gone */
	[DB_KEY_ADD] =
		"INSERT INTO prov_key (grp, name, uid, gid, mode, created, modified, modified_by, "
		"signing_cert, secret_hash, max_uses) "
		"SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6, ?3, signing_cert, ?7, 1 FROM grp "
		"WHERE id = ?1 AND removed IS NULL",
	/* ?1 id, ?2 sealed secret */
	[DB_KEY_SEAL] = "UPDATE prov_key SET sealed_secret = ?2 WHERE id = ?1",
	[DB_KEY_RENAME] = RENAME("prov_key"),
	/* ?1 id, ?2 now */
	[DB_KEY_REMOVE] =
		"UPDATE prov_key SET removed = ?2, sealed_secret = NULL, secret_hash = NULL "
		"WHERE id = ?1 AND removed IS NULL",
	/* ?1 id, ?2 now, ?3 now in seconds, ?4 signing certificate; changes
	 * nothing unless the key is active, exportable and still names that
	 * certificate */
	[DB_KEY_COPY] =
		"UPDATE prov_key SET copies = copies + 1, last_copied = ?2 "
		"WHERE id = ?1 AND removed IS NULL AND sealed_secret IS NOT NULL AND signing_cert = ?4 "
		"AND enabled = 1 AND (expires IS NULL OR expires > ?3) AND (max_uses IS NULL OR uses < max_uses) "
		"AND EXISTS (SELECT 1 FROM grp WHERE grp.id = prov_key.grp AND grp.enabled = 1)",
	/* ?1 id -> sealed secret, signing certificate */
	[DB_KEY_SECRET] = "SELECT sealed_secret, signing_cert FROM prov_key WHERE id = ?1",
	[DB_KEY_SET_DESCRIPTION] = SET("prov_key", "description = ?2"),
	[DB_KEY_SET_ENABLED] = SET("prov_key", "enabled = ?2"),
	[DB_KEY_SET_MAX_USES] = SET("prov_key", "max_uses = ?2"),
	[DB_KEY_SET_SIGNING_CERT] = SET("prov_key", "signing_cert = ?2"),
	[DB_KEY_SET_MANAGED] = SET("prov_key", "managed = ?2"),
	[DB_KEY_SET_EXPIRES] = SET("prov_key", "expires = ?2"),
	/* only ever to 0 */
	[DB_KEY_SET_EXPORTABLE] =
		SET("prov_key", "sealed_secret = CASE WHEN ?2 THEN sealed_secret END"),

	[DB_KEY_CHOWN] = CHOWN("prov_key"),
	[DB_KEY_OWNED] = OWNED("prov_key"),
	[DB_KEY_SHOWS] = SHOWS("prov_key"),

	[DB_MEMBER_GET] = MEMBER_ROWS "AND m.id = ?1",
	/* ?1 group, ?2 name */
	[DB_MEMBER_FIND] = MEMBER_ROWS "AND m.grp = ?1 AND m.name = ?2",
	/* ?1 group, ?2 after this id */
	[DB_MEMBER_ALL] = MEMBER_ROWS "ORDER BY m.id",
	/* ?1 group, ?2 after this id; only the columns DB_OBJECT_ */
	[DB_MEMBER_EACH] =
		"SELECT " OBJECT("m", EDITED("m")) "0 FROM member m WHERE m.removed IS NULL "
		"AND m.grp = ?1 AND m.id > ?2 ORDER BY m.id",
	/* ?1 provisioning key, ?2 after this id: what enrolled with it */
	[DB_MEMBER_EACH_OF_KEY] = MEMBER_ROWS "AND m.prov_key = ?1 AND m.id > ?2 ORDER BY m.id",
	/* ?1 name, ?2 key, ?3 now, ?4 enrolled by; it belongs to whom its group
	 * belongs */
	[DB_MEMBER_ADD] =
		"INSERT INTO member (name, uid, gid, mode, created, modified, modified_by, grp, prov_key, "
		"enrolled, enrolled_by) "
		"SELECT ?1, g.uid, g.gid, g.mode & 0x1ff, ?3, ?3, ?4, g.id, k.id, ?3, ?4 "
		"FROM prov_key k JOIN grp g ON g.id = k.grp WHERE k.id = ?2",
	[DB_MEMBER_RENAME] = RENAME("member"),
	/* ?1 id, ?2 now */
	[DB_MEMBER_REMOVE] = "UPDATE member SET removed = ?2 WHERE id = ?1 AND removed IS NULL",
	/* Both: ?1 member, ?2 now, ?3 now in seconds, ?4 how many of the newest
	 * to leave, ?5 reason. The first counts, the second revokes. */
	[DB_MEMBER_COUNT_REVOKED] =
		"UPDATE cert SET counted = max(counted, ?2), revoked = revoked + (SELECT count(*) FROM "
		"(" MEMBER_VALID ") v WHERE v.cert = cert.id) "
		"WHERE id IN (SELECT cert FROM (" MEMBER_VALID "))",
	/* ?1 member -> the certificates that signed its */
	[DB_MEMBER_ISSUERS] = "SELECT DISTINCT cert FROM issued WHERE member = ?1",
	[DB_MEMBER_REVOKE] =
		"UPDATE issued SET revoked = ?2, reason = ?5 WHERE id IN (SELECT id FROM "
		"(" MEMBER_VALID "))",
	/* for the sake of the rest: what is set is in other rows */
	[DB_MEMBER_SET_NOTHING] = SET("member", "name = name"),
	[DB_MEMBER_SET_DESCRIPTION] = SET("member", "description = ?2"),

	[DB_MEMBER_CHOWN] = CHOWN("member"),
	[DB_MEMBER_OWNED] = OWNED("member"),
	[DB_MEMBER_SHOWS] = SHOWS("member"),

	/* ?1 key -> its secret's hash, or zeros: a row for any number, by the
	 * same way */
	[DB_ENROLL_SECRET] =
		"SELECT coalesce((SELECT secret_hash FROM prov_key WHERE id = ?1 "
		"AND removed IS NULL), zeroblob(32))",
	/* ?1 key; columns DB_ENROLL_ */
	[DB_ENROLL_KEY] =
		"SELECT k.name, k.enabled, k.expires, k.max_uses, k.uses, "
		"g.id, g.name, g.place, g.enabled, "
		"c.id, c.enabled, c.not_before, c.not_after, c.validity_days "
		"FROM prov_key k JOIN grp g ON g.id = k.grp JOIN cert c ON c.id = k.signing_cert "
		"WHERE k.id = ?1 AND k.removed IS NULL",
	/* ?1 hash of a public key -> the newest certificate on it: id, key,
	 * cert, not after, revoked, the member's name and id, whether it
	 * enrolled with it */
	[DB_ENROLL_KNOWN] =
		"SELECT i.id, i.prov_key, i.cert, i.not_after, i.revoked IS NOT NULL, m.name, "
		"m.id, i.first FROM issued i JOIN member m ON m.id = i.member "
		"WHERE i.spki_hash = " HALF("?1") " ORDER BY i.id DESC LIMIT 1",
	/* ?1 id, ?2 now in seconds -> the DER of a certificate that its machine
	 * may be given again */
	[DB_ENROLL_AGAIN] =
		"SELECT i.der FROM issued i JOIN prov_key k ON k.id = i.prov_key "
		"JOIN grp g ON g.id = k.grp JOIN cert c ON c.id = k.signing_cert "
		"WHERE i.id = ?1 AND i.revoked IS NULL AND i.not_after > ?2 AND k.removed IS NULL "
		"AND k.enabled = 1 AND g.enabled = 1 AND c.enabled = 1",
	/* ?1 group, ?2 name, ?3 names, ?4 now in seconds: has someone this
	 * name, or a certificate on it? */
	[DB_ENROLL_NAME_TAKEN] =
		"SELECT 1 FROM member WHERE grp = ?1 AND name = ?2 AND removed IS NULL UNION ALL "
		"SELECT 1 FROM issued WHERE names = ?3 AND revoked IS NULL AND not_after > ?4 LIMIT 1",
	/*
	 * The authority for a use: counts it only if everything that was looked
	 * at still holds. ?1 key, ?2 now, ?3 now in seconds, ?4 signing
	 * certificate, ?5 its validity days, ?6 group's name, ?7 hash of the
	 * public key, ?8 member's name, ?9 names
	 */
	[DB_ENROLL_SPEND] =
		"UPDATE prov_key SET uses = uses + 1, last_used = ?2 "
		"WHERE id = ?1 AND removed IS NULL AND enabled = 1 AND signing_cert = ?4 "
		"AND (expires IS NULL OR expires > ?3) AND (max_uses IS NULL OR uses < max_uses) "
		"AND EXISTS (SELECT 1 FROM grp g WHERE g.id = prov_key.grp AND g.enabled = 1 "
		"AND g.name = ?6) "
		"AND EXISTS (SELECT 1 FROM cert c WHERE c.id = ?4 AND c.enabled = 1 "
		"AND c.removed IS NULL AND c.not_after > ?3 AND c.validity_days = ?5) "
		"AND NOT EXISTS (SELECT 1 FROM issued WHERE " KNOWN_KEY("?7") ") "
		"AND NOT EXISTS (SELECT 1 FROM cert WHERE spki_hash = ?7) "
		"AND NOT EXISTS (SELECT 1 FROM member m WHERE m.grp = prov_key.grp AND m.name = ?8 "
		"AND m.removed IS NULL) "
		"AND NOT EXISTS (SELECT 1 FROM issued WHERE names = ?9 AND revoked IS NULL "
		"AND not_after > ?3)",
	/* ?1 member, ?2 key, ?3 cert, ?4 first, ?5 serial, ?6 spki hash, ?7
	 * names, ?8 der, ?9 csr, ?10 now, ?11 not before, ?12 not after */
	[DB_ISSUED_ADD] =
		"INSERT INTO issued (member, prov_key, cert, first, serial, spki_hash, names, der, csr, "
		"created, not_before, not_after) "
		"VALUES (?1, ?2, ?3, ?4, ?5, " HALF("?6") ", ?7, ?8, ?9, ?10, ?11, ?12)",
	/* ?1 id -> der, csr */
	[DB_ISSUED_MATERIAL] = "SELECT der, csr FROM issued WHERE id = ?1",
	/* ?1 member -> id, cert, lengths of der and csr */
	[DB_ISSUED_FIRST] =
		"SELECT id, cert, length(der), length(csr) FROM issued WHERE member = ?1 "
		"ORDER BY id LIMIT 1",

	/* ?1 member; columns DB_RENEW_ */
	[DB_RENEW_MEMBER] =
		"SELECT m.name, g.id, g.name, g.place, g.enabled, i.id, i.not_after, "
		"i.revoked IS NOT NULL, c.id, c.enabled, c.not_before, c.not_after, c.validity_days "
		"FROM member m JOIN grp g ON g.id = m.grp JOIN prov_key k ON k.id = m.prov_key "
		"JOIN issued i ON i.id = (SELECT max(id) FROM issued WHERE member = m.id) "
		"JOIN cert c ON c.id = " RENEWED_BY " WHERE m.id = ?1 AND m.removed IS NULL",
	/* ?1 member, ?2 names, ?3 now in seconds: has another a valid
	 * certificate on it? */
	[DB_RENEW_NAME_TAKEN] =
		"SELECT 1 FROM issued WHERE names = ?2 AND member <> ?1 AND revoked IS NULL "
		"AND not_after > ?3 LIMIT 1",
	/* ?1 member, ?2 since when, ?3 how many, ?4 now -> the first of so many
	 * issued since */
	[DB_RENEW_RECENT] =
		"SELECT id FROM issued WHERE member = ?1 AND created BETWEEN ?2 AND ?4 "
		"ORDER BY id DESC LIMIT 1 OFFSET ?3 - 1",
	/* ?1 id, ?2 now in seconds -> the DER of a renewed certificate that may
	 * be given again */
	[DB_RENEW_AGAIN] =
		"SELECT i.der FROM issued i JOIN member m ON m.id = i.member JOIN grp g ON g.id = m.grp "
		"WHERE i.id = ?1 AND i.revoked IS NULL AND i.not_after > ?2 AND m.removed IS NULL "
		"AND g.enabled = 1",
	/*
	 * Stores a renewed certificate only if everything that was looked at
	 * still holds. ?1 member, ?2 cert, ?3 its validity days, ?4 member's
	 * name, ?5 group's name, ?6 serial, ?7 hash of the public key, ?8
	 * names, ?9 der, ?10 csr, ?11 now, ?12 not before, ?13 not after, ?14
	 * now in seconds, ?15 the certificate that is proof
	 */
	[DB_RENEW_ADD] =
		"INSERT INTO issued (member, prov_key, cert, first, serial, spki_hash, names, der, csr, "
		"created, not_before, not_after) "
		"SELECT m.id, m.prov_key, ?2, 0, ?6, " HALF("?7") ", ?8, ?9, ?10, ?11, ?12, ?13 "
		"FROM member m JOIN grp g ON g.id = m.grp JOIN prov_key k ON k.id = m.prov_key "
		"JOIN issued i ON i.id = (SELECT max(id) FROM issued WHERE member = m.id) "
		"JOIN issued p ON p.id = ?15 JOIN cert c ON c.id = " RENEWED_BY " "
		"WHERE m.id = ?1 AND m.removed IS NULL AND m.name = ?4 AND g.name = ?5 "
		"AND g.enabled = 1 AND c.id = ?2 AND c.enabled = 1 AND c.removed IS NULL "
		"AND c.not_after > ?14 AND c.validity_days = ?3 AND p.member = m.id "
		"AND p.revoked IS NULL AND p.not_after > ?14 AND p.id = i.id "
		"AND NOT EXISTS (SELECT 1 FROM issued WHERE " KNOWN_KEY("?7") ") "
		"AND NOT EXISTS (SELECT 1 FROM cert WHERE spki_hash = ?7) "
		"AND NOT EXISTS (SELECT 1 FROM issued WHERE names = ?8 AND member <> ?1 "
		"AND revoked IS NULL AND not_after > ?14)",

	/* ?1 inode number -> uid, gid, mode, ctime */
	[DB_FILE_OWNER_GET] = "SELECT uid, gid, mode, ctime FROM file_owner WHERE ino = ?1",
	/* ?1 inode number, ?2 kind, ?3 object, ?4 uid, ?5 gid, ?6 mode, ?7
	 * ctime */
	[DB_FILE_OWNER_SET] =
		"INSERT OR REPLACE INTO file_owner (ino, kind, object, uid, gid, mode, ctime) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[DB_FILE_OWNER_DROP] = "DELETE FROM file_owner WHERE ino = ?1",
	/* ?1 kind, ?2 object, ?3 bits of files as in `owned`, by the attribute
	 * in the inode number */
	[DB_FILE_OWNER_DROP_SOME] =
		"DELETE FROM file_owner WHERE kind = ?1 AND object = ?2 "
		"AND (1 << (ino >> 48 & 255)) & ?3",
	/* ?1 kind, ?2 object */
	[DB_FILE_OWNER_DROP_ALL] = "DELETE FROM file_owner WHERE kind = ?1 AND object = ?2",

	/* -> seq, line, upto, at, shown */
	[DB_AUDIT_LAST] =
		"SELECT l.seq, l.line, l.upto, l.at, a.shown FROM audit_line l JOIN audit a "
		"ON a.seq = l.seq WHERE l.seq = (SELECT max(seq) FROM audit)",
	/* -> the last line's moment, what it shows, the latest that anything
	 * shows: see shown.c */
	[DB_AUDIT_MOMENT] = "SELECT at, shown, latest FROM audit ORDER BY seq DESC LIMIT 1",
	[DB_SHOWN_FLOOR] = "SELECT CAST(value AS INTEGER) FROM setting WHERE name = 'shown_floor'",
	/* ?1 seq, ?2 now, ?3 uid, ?4 gid, ?5 pid, ?6 comm, ?7 action, ?8
	 * object, ?9 more or NULL, ?10 result or NULL, ?11 reason or NULL, ?12
	 * hash of the line before, ?13 upto, ?14 issued certificate or NULL;
	 * texts as in the line, which is ?15 if these are not all of it, else
	 * empty; ?16 what it shows, ?17 the latest that anything shows */
	[DB_AUDIT_ADD] =
		"INSERT INTO audit (seq, at, uid, gid, pid, comm, action, object, more, result, reason, "
		"prev, upto, issued, line, shown, latest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
		"?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	/* ?1 offset -> line, upto: what is there and behind it */
	[DB_AUDIT_READ] =
		"SELECT line, upto FROM audit_line WHERE seq > coalesce((SELECT seq FROM audit "
		"WHERE seq % 64 = 0 AND upto <= ?1 ORDER BY upto DESC LIMIT 1), 0) AND upto > ?1 "
		"ORDER BY seq",
};

const char *db_query_text(enum db_query query)
{
	return query < DB_UPKEEP ? text[query] : db_upkeep_text[query - DB_UPKEEP];
}
