/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/exported.h"
#include "store/db/query.h"

/* The statements of export, restore and fsck. */

/* clang-format off */

/* Objects of a kind whose `owned` and rows in file_owner do not say the same;
 * illegal names. */
#define OWNED_FAULT(table, kind, who, alive) \
	"SELECT " who " || ': what is said of owners of its files is not what is stored' FROM " table \
	" t WHERE " alive " AND (t.owned <> 0) <> EXISTS " \
	"(SELECT 1 FROM file_owner WHERE kind = " kind " AND object = t.id)"
#define NAME_FAULT(table) \
	"SELECT '" table " ' || id || ': is called ' || name FROM " table " WHERE removed IS NULL AND " \
	"(name NOT GLOB '[A-Za-z0-9]*' OR name GLOB '*[^A-Za-z0-9._-]*' OR length(name) > 64)"

/* Where keys (k) and members (m) of groups (g) stand, for people. */
#define KIND_NAME "CASE g.place WHEN 2 THEN 'app_connector/' ELSE 'service_edge/' END"
#define KEY_PATH KIND_NAME " || g.name || '/keys/' || k.name"
#define MEMBER_PATH KIND_NAME " || g.name || '/members/' || m.name"

/* In a restore: a value of the JSON object ?1; a binary one, empty or missing:
 * NULL. */
#define J(name) "json_extract(?1, '$." name "')"
#define BINARY(name) "nullif(from_hex(" J(name) "), x'')"

/*
 * What all objects have. While a restore lasts, what is alive has `removed` 0:
 * names of two versions may meet. The newer version wins.
 */
#define OBJECT_COLUMNS \
	"id, name, uid, gid, mode, bare, owned, created, modified, modified_by, removed, version, "
#define OBJECT_VALUES \
	J("id") ", " J("name") ", " J("uid") ", " J("gid") ", " J("mode") ", " J("bare") ", " \
	J("owned") ", " J("created") ", " J("modified") ", " J("modified_by") ", coalesce(" \
	J("removed") ", 0), coalesce(" J("version") ", 0), "
#define NEWER(table, more) \
	" WHERE true ON CONFLICT (id) DO UPDATE SET name = excluded.name, uid = excluded.uid, " \
	"gid = excluded.gid, mode = excluded.mode, bare = excluded.bare, owned = excluded.owned, " \
	"modified = excluded.modified, modified_by = excluded.modified_by, " \
	"removed = excluded.removed, version = excluded.version, " more \
	" WHERE excluded.version > " table ".version"

/* Segments of the journal, of those that s.n names; 1,000 records each. */
#define SEGMENT_ROWS(source) \
	"SELECT s.n, printf('%08d', s.n), 0, 0, 0, 0, 0, j.at, j.at, 0, j.at, j.at, j.at, 0, " \
	"j.seq - (s.n - 1) * 1000, j.upto - coalesce((SELECT upto FROM journal " \
	"WHERE seq = (s.n - 1) * 1000), 0) FROM " source " s JOIN journal_text j " \
	"ON j.seq = min(s.n * 1000, (SELECT max(seq) FROM journal)) " \
	"WHERE s.n > 0 AND j.seq > (s.n - 1) * 1000"

/* How many certificates were first issued with each key (n), and when last. */
#define FIRST_ISSUED \
	"(SELECT k.id, count(i.id) AS n, max(i.created) AS at FROM prov_key k " \
	"LEFT JOIN issued i ON i.prov_key = k.id AND i.first = 1 GROUP BY k.id)"

const char *const db_upkeep_text[DB_QUERIES - DB_UPKEEP] = {
	/* -> what a restore needs of the store as a JSON object, version, the
	 * last line of the audit trail or NULL, its moment, its number, that of
	 * its record in the journal, the latest second that anything shows */
	[DB_EXPORT_STORE - DB_UPKEEP] =
		"SELECT json_object('kind', 'store', 'domain', CAST((SELECT value FROM setting "
		"WHERE name = 'domain') AS TEXT), 'seal_check', hex((SELECT value FROM setting "
		"WHERE name = 'seal_check')), 'audit_private', "
		"(SELECT 1 FROM setting WHERE name = 'audit_private'), 'places', (SELECT json_group_array(json_object("
		EXPORT_PLACE ")) FROM place)), (SELECT max(version) FROM place), a.line, a.at, a.seq, "
		"(SELECT seq FROM journal WHERE audit IS NOT NULL ORDER BY seq DESC LIMIT 1), "
		"max(a.at / 1000000000, s.shown, s.latest) FROM (SELECT 1) LEFT JOIN audit s "
		"ON s.seq = (SELECT max(seq) FROM audit) LEFT JOIN audit_line a ON a.seq = s.seq",
	/* ?1 id -> what a restore needs of it as a JSON object, version */
	[DB_EXPORT_CERT - DB_UPKEEP] =
		"SELECT json_object(" EXPORT_CERT ", 'sealed_key', hex(sealed_key)), version "
		"FROM cert WHERE id = ?1 AND removed IS NULL",
	[DB_EXPORT_GROUP - DB_UPKEEP] =
		"SELECT json_object(" EXPORT_GROUP "), version FROM grp "
		"WHERE id = ?1 AND removed IS NULL",
	[DB_EXPORT_KEY - DB_UPKEEP] =
		"SELECT json_object(" EXPORT_KEY ", 'secret_hash', hex(secret_hash), 'sealed_secret', "
		"hex(sealed_secret)), version FROM prov_key WHERE id = ?1 AND removed IS NULL",

	/* ?1 segment; columns DB_OBJECT_, DB_SEGMENT_ */
	[DB_SEGMENT_GET - DB_UPKEEP] = SEGMENT_ROWS("(SELECT ?1 AS n)"),
	/* ?1 its number, eight digits */
	[DB_SEGMENT_FIND - DB_UPKEEP] =
		SEGMENT_ROWS("(SELECT CAST(?1 AS INTEGER) AS n)") " AND printf('%08d', s.n) = ?1",
	/* ?1 after this segment */
	[DB_SEGMENT_EACH - DB_UPKEEP] =
		"WITH RECURSIVE counted(n) AS (SELECT ?1 + 1 UNION ALL SELECT n + 1 FROM counted "
		"WHERE n * 1000 < (SELECT max(seq) FROM journal)) " SEGMENT_ROWS("counted"),
	/* ?1 the record before its first, ?2 offset, ?3 length of what all
	 * records have -> seq, text, where it ends: what is there and behind
	 * it */
	[DB_SEGMENT_READ - DB_UPKEEP] =
		"SELECT seq, text, upto FROM (SELECT seq, text, upto + (seq - ?1) * ?3 - "
		"coalesce((SELECT upto FROM journal WHERE seq = ?1), 0) AS upto FROM journal_text "
		"WHERE seq > ?1 AND seq <= ?1 + 1000) WHERE upto > ?2 ORDER BY seq",
	/* ?1 seq -> text */
	[DB_JOURNAL_TEXT - DB_UPKEEP] = "SELECT text FROM journal_text WHERE seq = ?1",

	/* A restore. References may go ahead of what they name, and everything
	 * is in one transaction. */
	[DB_RESTORE_DEFER - DB_UPKEEP] = "PRAGMA defer_foreign_keys = ON",
	[DB_RESTORE_CACHE - DB_UPKEEP] = "PRAGMA cache_size = -262144",
	/* while it is there, nothing is noted in the journal */
	[DB_RESTORE_BEGIN - DB_UPKEEP] = "INSERT INTO setting (name, value) VALUES ('restoring', x'01')",
	[DB_RESTORE_END - DB_UPKEEP] = "DELETE FROM setting WHERE name = 'restoring'",
	/* ?1 JSON of the store -> domain, seal check */
	[DB_RESTORE_STORE - DB_UPKEEP] = "SELECT " J("domain") ", from_hex(" J("seal_check") ")",
	/* ?1 the same -> how many records it names, the hash of the last one's
	 * line; or NULLs */
	[DB_RESTORE_MARK - DB_UPKEEP] = "SELECT " J("records") ", " J("log_head"),
	/* ?1 the same */
	[DB_RESTORE_SETTINGS - DB_UPKEEP] =
		"INSERT INTO setting (name, value) VALUES ('store_id', CAST(" J("store") " AS BLOB)), "
		"('domain', CAST(" J("domain") " AS BLOB)), ('seal_check', from_hex(" J("seal_check") "))",
	/* ?1 the same; one of version 0.1.0 says nothing of it */
	[DB_RESTORE_AUDIT - DB_UPKEEP] =
		"INSERT INTO setting (name, value) SELECT 'audit_private', x'01' WHERE " J("audit_private"),
	/* ?1 the same, ?2 now in seconds: what files show at least; and what
	 * the last line says of that, where it is ahead of its moment */
	[DB_RESTORE_FLOOR - DB_UPKEEP] =
		"INSERT INTO setting (name, value) SELECT 'shown_floor', "
		"CAST(1 + max(?2, coalesce(" J("latest") ", 0), (SELECT coalesce(max(at), 0) FROM audit) / "
		"1000000000) AS BLOB)",
	[DB_RESTORE_LATEST - DB_UPKEEP] =
		"UPDATE audit SET latest = " J("latest") " WHERE seq = (SELECT max(seq) FROM audit) "
		"AND at / 1000000000 < " J("latest"),
	/* ?1 JSON of an object -> kind, id, whether it was removed */
	[DB_RESTORE_KIND - DB_UPKEEP] = "SELECT " J("kind") ", " J("id") ", " J("removed") " IS NOT NULL",
	/* ?1 JSON of the store or of one; those that are newer */
	[DB_RESTORE_PLACES - DB_UPKEEP] =
		"INSERT INTO place (id, uid, gid, mode, owned, created, changed, version) "
		"SELECT json_extract(value, '$.id'), json_extract(value, '$.uid'), "
		"json_extract(value, '$.gid'), json_extract(value, '$.mode'), "
		"json_extract(value, '$.owned'), json_extract(value, '$.created'), "
		"json_extract(value, '$.created'), coalesce(json_extract(value, '$.version'), 0) "
		"FROM json_each(CASE " J("kind") " WHEN 'store' THEN " J("places") " ELSE json_array(json(?1)) END) WHERE true ON CONFLICT (id) DO UPDATE SET "
		"uid = excluded.uid, gid = excluded.gid, mode = excluded.mode, owned = excluded.owned, "
		"version = excluded.version WHERE excluded.version > place.version",
	/* ?1 JSON of an object, or of the store, ?2 its kind: the owners of its
	 * files */
	[DB_RESTORE_OWNERS - DB_UPKEEP] =
		"INSERT INTO file_owner (ino, kind, object, uid, gid, mode) SELECT "
		"json_extract(f.value, '$[0]'), ?2, json_extract(o.value, '$.id'), "
		"json_extract(f.value, '$[1]'), json_extract(f.value, '$[2]'), "
		"json_extract(f.value, '$[3]') FROM json_each(CASE " J("kind") " WHEN 'store' THEN "
		J("places") " ELSE json_array(json(?1)) END) o, json_each(o.value, '$.files') f",
	/* ?1 JSON of one that is newer than what is there, or the first */
	[DB_RESTORE_CERT - DB_UPKEEP] =
		"INSERT INTO cert (" OBJECT_COLUMNS "issuer, algorithm, subject, sealed_key, csr, der, "
		"chain, spki_hash, serial, not_before, not_after, enabled, managed, validity_days, "
		"ca_validity_days, crl_days) SELECT " OBJECT_VALUES J("issuer") ", " J("algorithm") ", "
		J("subject") ", " BINARY("sealed_key") ", from_hex(" J("csr") "), from_hex(" J("der") "), "
		BINARY("chain") ", from_hex(" J("spki_hash") "), from_hex(" J("serial") "), "
		J("not_before") ", " J("not_after") ", " J("enabled") ", " J("managed") ", "
		J("validity_days") ", " J("ca_validity_days") ", " J("crl_days")
		NEWER("cert", "issuer = excluded.issuer, algorithm = excluded.algorithm, "
		"subject = excluded.subject, csr = excluded.csr, der = excluded.der, "
		"chain = excluded.chain, spki_hash = excluded.spki_hash, serial = excluded.serial, "
		"not_before = excluded.not_before, not_after = excluded.not_after, "
		"enabled = excluded.enabled, managed = excluded.managed, "
		"validity_days = excluded.validity_days, ca_validity_days = excluded.ca_validity_days, "
		"crl_days = excluded.crl_days, sealed_key = CASE WHEN excluded.removed = 0 THEN "
		"coalesce(excluded.sealed_key, CASE WHEN excluded.spki_hash = cert.spki_hash "
		"THEN cert.sealed_key END) END"),
	[DB_RESTORE_GROUP - DB_UPKEEP] =
		"INSERT INTO grp (" OBJECT_COLUMNS "place, description, enabled, signing_cert, "
		"keys_changed, members_changed) SELECT " OBJECT_VALUES J("place") ", "
		J("description") ", " J("enabled") ", " J("signing_cert") ", " J("created") ", "
		J("created") NEWER("grp", "description = excluded.description, "
		"enabled = excluded.enabled, signing_cert = excluded.signing_cert"),
	[DB_RESTORE_KEY - DB_UPKEEP] =
		"INSERT INTO prov_key (" OBJECT_COLUMNS "grp, description, enabled, signing_cert, "
		"secret_hash, sealed_secret, max_uses, uses, lost, expires, managed, copies, last_copied, "
		"last_used) SELECT " OBJECT_VALUES J("grp") ", " J("description") ", " J("enabled") ", "
		J("signing_cert") ", " BINARY("secret_hash") ", " BINARY("sealed_secret") ", "
		J("max_uses") ", " J("uses") ", coalesce(" J("lost") ", 0), " J("expires") ", " J("managed") ", "
		J("copies") ", " J("last_copied") ", " J("last_used")
		NEWER("prov_key", "description = excluded.description, enabled = excluded.enabled, "
		"signing_cert = excluded.signing_cert, max_uses = excluded.max_uses, "
		"expires = excluded.expires, managed = excluded.managed, "
		"uses = max(prov_key.uses, excluded.uses), lost = max(prov_key.lost, excluded.lost), "
		"copies = max(prov_key.copies, excluded.copies), "
		"last_copied = max(prov_key.last_copied, excluded.last_copied), "
		"last_used = max(prov_key.last_used, excluded.last_used), "
		"secret_hash = CASE WHEN excluded.removed = 0 "
		"THEN coalesce(excluded.secret_hash, prov_key.secret_hash) END, "
		"sealed_secret = CASE WHEN excluded.removed = 0 AND " J("exportable") " "
		"THEN coalesce(excluded.sealed_secret, prov_key.sealed_secret) END"),
	/* ?1 a record -> seq, at, seq of its line, id of its certificate, line,
	 * certificate, member, data, its kind */
	[DB_RESTORE_RECORD - DB_UPKEEP] =
		"SELECT " J("seq") ", " J("at") ", " J("log.seq") ", " J("issued.id") ", " J("log") ", "
		J("issued") ", " J("member") ", " J("data") ", " J("data.kind"),
	/* ?1 JSON of the line, ?2 its moment, ?3 id of its certificate or NULL;
	 * in its parts, which are all of it if no text in it has a backslash
	 * and the moment is the time that it names */
	[DB_RESTORE_LOG - DB_UPKEEP] =
		"INSERT INTO audit (seq, at, uid, gid, pid, comm, action, object, more, result, reason, "
		"prev, upto, issued, line) SELECT " J("seq") ", ?2, " J("uid") ", " J("gid") ", " J("pid")
		", " J("comm") ", " J("action") ", " J("object") ", nullif(substr(rest, 1, "
		"instr(rest, ',\"result\":') - 1), ''), nullif(" J("result") ", 'ok'), " J("reason")
		", from_hex(" J("prev") "), coalesce((SELECT upto FROM audit ORDER BY seq DESC LIMIT 1), 0) "
		"+ length(CAST(?1 AS BLOB)) + 1, ?3, '' FROM (SELECT substr(?1, instr(?1, ',\"object\":\"' || "
		J("object") " || '\"') + length(" J("object") ") + 12) AS rest)",
	/* ?1 seq, ?2 line: keeps it whole if its parts do not make it */
	[DB_RESTORE_WHOLE - DB_UPKEEP] =
		"UPDATE audit SET line = ?2 WHERE seq = ?1 "
		"AND (SELECT line FROM audit_line WHERE seq = ?1) IS NOT ?2",
	/* ?1 at or NULL, ?2 seq of its line or NULL, ?3 id of its certificate
	 * or NULL, ?4 data or NULL */
	[DB_RESTORE_NOTE - DB_UPKEEP] =
		"INSERT INTO journal (at, audit, issued, data) VALUES (?1, ?2, ?3, ?4)",
	/* ?1 JSON of it */
	[DB_RESTORE_ISSUED - DB_UPKEEP] =
		"INSERT INTO issued (id, member, prov_key, cert, first, serial, spki_hash, names, der, csr, "
		"created, not_before, not_after) VALUES (" J("id") ", " J("member") ", " J("prov_key") ", "
		J("cert") ", " J("first") ", from_hex(" J("serial") "), "
		"substr(from_hex(" J("spki_hash") "), 1, 16), " J("names") ", from_hex(" J("der") "), from_hex(" J("csr") "), " J("created") ", "
		J("not_before") ", " J("not_after") ")",
	[DB_RESTORE_MEMBER - DB_UPKEEP] =
		"INSERT INTO member (id, name, uid, gid, mode, created, modified, modified_by, grp, "
		"prov_key, enrolled, enrolled_by, removed) VALUES (" J("id") ", " J("name") ", " J("uid") ", "
		J("gid") ", " J("mode") ", " J("created") ", " J("created") ", " J("enrolled_by") ", "
		J("grp") ", " J("prov_key") ", " J("created") ", " J("enrolled_by") ", 0)",
	[DB_RESTORE_MEMBER_CHANGED - DB_UPKEEP] =
		"UPDATE member SET name = " J("name") ", uid = " J("uid") ", gid = " J("gid") ", mode = "
		J("mode") ", bare = " J("bare") ", owned = " J("owned") ", modified = " J("modified") ", "
		"modified_by = " J("modified_by") ", removed = coalesce(" J("removed") ", 0), description = "
		J("description") " WHERE id = " J("id"),
	[DB_RESTORE_REVOKED - DB_UPKEEP] =
		"UPDATE issued SET revoked = " J("revoked") ", reason = " J("reason") " WHERE id = " J("id"),
	/* the list itself is not exported: it covers fewer than none, so that
	 * another is signed */
	[DB_RESTORE_CRL - DB_UPKEEP] =
		"INSERT INTO crl (cert, number, made, this_update, next_update, covers, days, der) VALUES ("
		J("cert") ", " J("number") ", " J("made") ", " J("this_update") ", " J("next_update")
		", -1, " J("days") ", x'') ON CONFLICT (cert) DO UPDATE SET number = excluded.number, "
		"made = excluded.made, this_update = excluded.this_update, "
		"next_update = excluded.next_update, days = excluded.days",
	/* -> the newest JSON of each group, key, certificate and fixed
	 * directory in the journal */
	[DB_RESTORE_NEWEST - DB_UPKEEP] =
		"SELECT data FROM journal WHERE seq IN (SELECT max(seq) FROM journal WHERE "
		"json_extract(data, '$.kind') IN ('place', 'cert', 'grp', 'prov_key') "
		"GROUP BY json_extract(data, '$.kind'), json_extract(data, '$.id'))",
	[DB_RESTORE_CERTS - DB_UPKEEP] = "UPDATE cert SET removed = NULL WHERE removed = 0",
	[DB_RESTORE_GROUPS - DB_UPKEEP] = "UPDATE grp SET removed = NULL WHERE removed = 0",
	[DB_RESTORE_KEYS - DB_UPKEEP] = "UPDATE prov_key SET removed = NULL WHERE removed = 0",
	/* -> kind, id and path of each that is alive, whether its secret is
	 * missing */
	[DB_RESTORE_ALIVE - DB_UPKEEP] =
		"SELECT 1, id, 'certs/' || name, sealed_key IS NULL FROM cert WHERE removed = 0 UNION ALL "
		"SELECT 2, id, " KIND_NAME " || name || '/group', 0 FROM grp g WHERE removed = 0 UNION ALL "
		"SELECT 3, k.id, " KEY_PATH ", k.secret_hash IS NULL FROM prov_key k "
		"JOIN grp g ON g.id = k.grp WHERE k.removed = 0",
	/* ?1 id: it is not among those that are alive any more; */
	[DB_RESTORE_LEAVE_CERT - DB_UPKEEP] =
		"UPDATE cert SET removed = 1, sealed_key = NULL WHERE id = ?1",
	[DB_RESTORE_LEAVE_KEY - DB_UPKEEP] =
		"UPDATE prov_key SET removed = 1, secret_hash = NULL, sealed_secret = NULL WHERE id = ?1",
	/* ?2 now: and it is deleted now; of certificates, if nothing depends on
	 * it (?3 now in seconds) */
	[DB_RESTORE_DROP_CERT - DB_UPKEEP] =
		"UPDATE cert SET removed = ?2 WHERE id = ?1 "
		"AND NOT EXISTS (SELECT 1 FROM grp WHERE signing_cert = ?1 AND removed IS NULL) "
		"AND NOT EXISTS (SELECT 1 FROM prov_key WHERE signing_cert = ?1 AND removed IS NULL) "
		"AND NOT EXISTS (SELECT 1 FROM cert c WHERE c.issuer = ?1 AND c.removed IS NULL) "
		"AND NOT EXISTS (SELECT 1 FROM issued WHERE cert = ?1 AND not_after > ?3)",
	[DB_RESTORE_DROP_KEY - DB_UPKEEP] = "UPDATE prov_key SET removed = ?2 WHERE id = ?1",
	/* -> paths that two have */
	[DB_RESTORE_TWICE - DB_UPKEEP] =
		"SELECT 'certs/' || name || ': there are two of them' FROM cert WHERE removed = 0 "
		"GROUP BY name HAVING count(*) > 1 UNION ALL "
		"SELECT " KIND_NAME " || name || ': there are two of them' FROM grp g WHERE removed = 0 "
		"GROUP BY place, name HAVING count(*) > 1 UNION ALL "
		"SELECT " KEY_PATH " || ': there are two of them' FROM prov_key k JOIN grp g ON g.id = k.grp "
		"WHERE k.removed = 0 GROUP BY k.grp, k.name HAVING count(*) > 1 UNION ALL "
		"SELECT " MEMBER_PATH " || ': there are two of them' FROM member m JOIN grp g ON g.id = m.grp "
		"WHERE m.removed = 0 GROUP BY m.grp, m.name HAVING count(*) > 1",
	/* ?1 now */
	[DB_RESTORE_COUNTS - DB_UPKEEP] =
		"UPDATE cert SET counted = ?1, issued = (SELECT count(*) FROM issued WHERE cert = cert.id) + "
		"(SELECT count(*) FROM cert s WHERE s.issuer = cert.id), revoked = (SELECT count(*) "
		"FROM issued WHERE cert = cert.id AND revoked IS NOT NULL) + (SELECT count(*) FROM cert s "
		"WHERE s.issuer = cert.id AND s.removed IS NOT NULL "
		"AND s.not_after > s.removed / 1000000000)",
	[DB_RESTORE_LISTS - DB_UPKEEP] = "UPDATE grp SET keys_changed = ?1, members_changed = ?1",
	[DB_RESTORE_MEMBERS - DB_UPKEEP] = "UPDATE member SET removed = NULL WHERE removed = 0",
	[DB_RESTORE_VACATED - DB_UPKEEP] =
		"UPDATE vacated SET version = max(coalesce((SELECT max(version) FROM cert), 0), "
		"coalesce((SELECT max(version) FROM grp), 0), coalesce((SELECT max(version) FROM prov_key), 0))",
	/* -> path, how many uses are without a certificate, of which there was
	 * one */
	[DB_RESTORE_LOST - DB_UPKEEP] =
		"SELECT " KEY_PATH ", k.uses - k.lost - f.n FROM prov_key k JOIN grp g ON g.id = k.grp "
		"JOIN " FIRST_ISSUED " f ON f.id = k.id WHERE k.uses - k.lost > f.n",
	/* the larger of what was counted and what is there */
	[DB_RESTORE_USES - DB_UPKEEP] =
		"UPDATE prov_key SET uses = max(uses, f.n + lost), lost = max(uses, f.n + lost) - f.n, "
		"last_used = max(last_used, coalesce(f.at, 0)) FROM " FIRST_ISSUED " f "
		"WHERE f.id = prov_key.id AND prov_key.uses - prov_key.lost <> f.n",

	/* What has to hold; each row is a fault, as a line for people. */
	[DB_CHECK_INTEGRITY - DB_UPKEEP] =
		"SELECT 'database: ' || integrity_check FROM pragma_integrity_check "
		"WHERE integrity_check <> 'ok'",
	[DB_CHECK_REFERENCES - DB_UPKEEP] =
		"SELECT 'database: row ' || rowid || ' of ' || \"table\" || ' names a missing one of ' "
		"|| parent FROM pragma_foreign_key_check",
	[DB_CHECK_USES - DB_UPKEEP] =
		"SELECT " KEY_PATH " || ': ' || k.uses || ' uses, but ' || (count(i.id) + k.lost) || "
		"' certificates were first issued with it' "
		"FROM prov_key k JOIN grp g ON g.id = k.grp "
		"LEFT JOIN issued i ON i.prov_key = k.id AND i.first = 1 "
		"GROUP BY k.id HAVING k.uses <> count(i.id) + k.lost",
	[DB_CHECK_ISSUED - DB_UPKEEP] =
		"SELECT 'certs/' || name || ': issued says ' || issued || ', but it issued ' || n FROM "
		"(SELECT c.name, c.issued, (SELECT count(*) FROM issued WHERE cert = c.id) + "
		"(SELECT count(*) FROM cert s WHERE s.issuer = c.id) AS n FROM cert c) "
		"WHERE issued <> n",
	[DB_CHECK_REVOKED - DB_UPKEEP] =
		"SELECT 'certs/' || name || ': revoked says ' || revoked || ', but it is ' || n FROM "
		"(SELECT c.name, c.revoked, "
		"(SELECT count(*) FROM issued WHERE cert = c.id AND revoked IS NOT NULL) + "
		"(SELECT count(*) FROM cert s WHERE s.issuer = c.id AND s.removed IS NOT NULL "
		"AND s.not_after > s.removed / 1000000000) AS n FROM cert c) "
		"WHERE revoked <> n",
	[DB_CHECK_FIRST - DB_UPKEEP] =
		"SELECT " MEMBER_PATH " || ': enrolled ' || count(i.id) || ' times' "
		"FROM member m JOIN grp g ON g.id = m.grp "
		"LEFT JOIN issued i ON i.member = m.id AND i.first = 1 "
		"GROUP BY m.id HAVING count(i.id) <> 1",
	/* ?1 now in seconds */
	[DB_CHECK_VALID - DB_UPKEEP] =
		"SELECT " MEMBER_PATH " || ': ' || count(*) || ' valid certificates' "
		"FROM member m JOIN grp g ON g.id = m.grp JOIN issued i ON i.member = m.id "
		"WHERE i.revoked IS NULL AND i.not_after > ?1 "
		"GROUP BY m.id HAVING count(*) > CASE WHEN m.removed IS NULL THEN 2 ELSE 0 END",
	[DB_CHECK_GROUPS - DB_UPKEEP] =
		"SELECT " MEMBER_PATH " || ': its key belongs to another group' FROM member m "
		"JOIN grp g ON g.id = m.grp JOIN prov_key k ON k.id = m.prov_key WHERE k.grp <> m.grp "
		"UNION ALL SELECT " KEY_PATH " || ': its group has been deleted' FROM prov_key k "
		"JOIN grp g ON g.id = k.grp WHERE k.removed IS NULL AND g.removed IS NOT NULL "
		"UNION ALL SELECT " KEY_PATH " || ': its signing certificate has been deleted' "
		"FROM prov_key k JOIN grp g ON g.id = k.grp JOIN cert c ON c.id = k.signing_cert "
		"WHERE k.removed IS NULL AND c.removed IS NOT NULL "
		"UNION ALL SELECT 'group ' || g.name || ': its signing certificate has been deleted' "
		"FROM grp g JOIN cert c ON c.id = g.signing_cert "
		"WHERE g.removed IS NULL AND c.removed IS NOT NULL",
	/* kinds as enum store_kind has them */
	[DB_CHECK_FILE_OWNERS - DB_UPKEEP] =
		"SELECT 'owner of file ' || ino || ': what it belongs to is gone' FROM file_owner "
		"WHERE NOT CASE kind WHEN 0 THEN object IN (SELECT id FROM place) "
		"WHEN 1 THEN object IN (SELECT id FROM cert WHERE removed IS NULL) "
		"WHEN 2 THEN object IN (SELECT id FROM grp WHERE removed IS NULL) "
		"WHEN 3 THEN object IN (SELECT id FROM prov_key WHERE removed IS NULL) "
		"WHEN 4 THEN object IN (SELECT id FROM member WHERE removed IS NULL) ELSE 0 END",
	[DB_CHECK_OWNED - DB_UPKEEP] =
		OWNED_FAULT("place", "0", "'fixed directory ' || t.id", "1")
		" UNION ALL " OWNED_FAULT("cert", "1", "'certs/' || t.name", "t.removed IS NULL")
		" UNION ALL " OWNED_FAULT("grp", "2", "'group ' || t.name", "t.removed IS NULL")
		" UNION ALL " OWNED_FAULT("prov_key", "3", "'key ' || t.name", "t.removed IS NULL")
		" UNION ALL " OWNED_FAULT("member", "4", "'member ' || t.name", "t.removed IS NULL"),
	[DB_CHECK_SECRETS - DB_UPKEEP] =
		"SELECT 'deleted key ' || name || ': its secret is still there' FROM prov_key "
		"WHERE removed IS NOT NULL AND (secret_hash IS NOT NULL OR sealed_secret IS NOT NULL) "
		"UNION ALL SELECT 'deleted certificate ' || name || ': its private key is still there' "
		"FROM cert WHERE removed IS NOT NULL AND sealed_key IS NOT NULL",
	[DB_CHECK_NAMES - DB_UPKEEP] =
		NAME_FAULT("cert") " UNION ALL " NAME_FAULT("grp") " UNION ALL " NAME_FAULT("prov_key")
		" UNION ALL " NAME_FAULT("member")
		" UNION ALL SELECT 'group ' || name || ': stands nowhere' FROM grp "
		"WHERE place NOT IN (2, 3) "
		"UNION ALL SELECT 'fixed directories: ' || count(*) || ' of 4' FROM place "
		"WHERE id IN (1, 2, 3, 4) HAVING count(*) <> 4",
	[DB_CHECK_MEMBERS - DB_UPKEEP] =
		"SELECT " MEMBER_PATH " || ': certificate ' || i.id || ' is of another key' "
		"FROM issued i JOIN member m ON m.id = i.member JOIN grp g ON g.id = m.grp "
		"WHERE i.prov_key <> m.prov_key "
		"UNION ALL SELECT " MEMBER_PATH " || ': certificate ' || i.id || ' came before the first' "
		"FROM issued i JOIN member m ON m.id = i.member JOIN grp g ON g.id = m.grp "
		"WHERE i.first = 1 AND EXISTS (SELECT 1 FROM issued WHERE member = m.id AND id < i.id) "
		"UNION ALL SELECT " MEMBER_PATH " || ': its group has been deleted' FROM member m "
		"JOIN grp g ON g.id = m.grp WHERE m.removed IS NULL AND g.removed IS NOT NULL "
		"UNION ALL SELECT " MEMBER_PATH " || ': certificate ' || i.id || ': revoked for ' || i.reason "
		"FROM issued i JOIN member m ON m.id = i.member JOIN grp g ON g.id = m.grp "
		"WHERE i.reason NOT IN ('unspecified', 'keyCompromise', 'cACompromise', "
		"'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn', "
		"'aACompromise') "
		"UNION ALL SELECT 'group ' || g.name || ': its signing certificate waits' FROM grp g "
		"JOIN cert c ON c.id = g.signing_cert WHERE g.removed IS NULL AND c.der = x'' "
		"UNION ALL SELECT " KEY_PATH " || ': its signing certificate waits' FROM prov_key k "
		"JOIN grp g ON g.id = k.grp JOIN cert c ON c.id = k.signing_cert "
		"WHERE k.removed IS NULL AND c.der = x'' "
		"UNION ALL SELECT 'deleted certificate ' || c.name || ': one that it issued was still valid' "
		"FROM cert c WHERE c.removed IS NOT NULL AND EXISTS (SELECT 1 FROM issued i "
		"WHERE i.cert = c.id AND i.not_after > c.removed / 1000000000)",
	/* AUTOINCREMENT: what was given is not given again; nothing is deleted
	 * from the trail */
	[DB_CHECK_IDS - DB_UPKEEP] =
		"SELECT 'database: ids of ' || s.name || ' would be given again' FROM sqlite_sequence s "
		"WHERE s.seq < CASE s.name WHEN 'cert' THEN (SELECT max(id) FROM cert) "
		"WHEN 'grp' THEN (SELECT max(id) FROM grp) "
		"WHEN 'prov_key' THEN (SELECT max(id) FROM prov_key) "
		"WHEN 'member' THEN (SELECT max(id) FROM member) "
		"WHEN 'issued' THEN (SELECT max(id) FROM issued) ELSE 0 END "
		"UNION ALL SELECT 'log: ' || s.seq || ' lines were written, and the last is ' || "
		"coalesce((SELECT max(seq) FROM audit), 0) FROM sqlite_sequence s "
		"WHERE s.name = 'audit' AND s.seq <> coalesce((SELECT max(seq) FROM audit), 0)",
	/* -> name, the list, the certificate's der, number, this and next
	 * update, covers, revoked */
	[DB_CHECK_CRLS - DB_UPKEEP] =
		"SELECT c.name, l.der, c.der, l.number, l.this_update, l.next_update, l.covers, c.revoked "
		"FROM crl l JOIN cert c ON c.id = l.cert WHERE l.covers >= 0",
	/* -> id, name, sealed key, SPKI hash, der, serial, not before, not
	 * after, subject, csr */
	[DB_CHECK_CERTS - DB_UPKEEP] =
		"SELECT id, name, sealed_key, spki_hash, der, serial, not_before, not_after, subject, csr "
		"FROM cert WHERE removed IS NULL",
	/* -> id, path, sealed secret, its hash */
	[DB_CHECK_KEYS - DB_UPKEEP] =
		"SELECT k.id, " KEY_PATH ", k.sealed_secret, k.secret_hash FROM prov_key k "
		"JOIN grp g ON g.id = k.grp WHERE k.removed IS NULL",
	/* -> id, path, der, csr, the signing certificate's der, serial, SPKI
	 * hash, dates, names */
	[DB_CHECK_CERTIFICATES - DB_UPKEEP] =
		"SELECT i.id, " MEMBER_PATH ", i.der, i.csr, c.der, i.serial, i.spki_hash, i.not_before, "
		"i.not_after, i.names FROM issued i JOIN member m ON m.id = i.member "
		"JOIN grp g ON g.id = m.grp JOIN cert c ON c.id = i.cert ORDER BY i.id",
	/* -> seq, line, upto */
	[DB_CHECK_LOG - DB_UPKEEP] = "SELECT seq, line, upto FROM audit_line ORDER BY seq",
	/* what the export has to have */
	[DB_CHECK_JOURNAL - DB_UPKEEP] =
		"SELECT 'export: record ' || seq || ' does not stand where it should' FROM journal_text t "
		"WHERE upto IS NOT coalesce((SELECT upto FROM journal WHERE seq = t.seq - 1), "
		"CASE WHEN seq = 1 THEN 0 END) + length(CAST(text AS BLOB)) "
		"UNION ALL SELECT 'export: ' || noted || ' records of ' || n || ' ' || what FROM ("
		"SELECT 'certificates' AS what, (SELECT count(*) FROM issued) AS n, "
		"(SELECT count(*) FROM journal WHERE issued IS NOT NULL) + "
		"(SELECT count(*) FROM audit WHERE issued IS NOT NULL) AS noted UNION ALL "
		"SELECT 'lines of the log', (SELECT count(*) FROM audit), "
		"(SELECT count(*) FROM journal WHERE audit IS NOT NULL) UNION ALL "
		"SELECT 'revocations', (SELECT count(*) FROM issued WHERE revoked IS NOT NULL), "
		"(SELECT count(*) FROM journal WHERE json_extract(data, '$.kind') = 'revoked')) "
		"WHERE n <> noted "
		"UNION ALL SELECT 'a restore was not finished' FROM setting WHERE name = 'restoring'",
};
