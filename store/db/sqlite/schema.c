/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "store/base/report.h"
#include "store/db/exported.h"
#include "store/db/internal.h"

/* "enrl": whose file this is, for file(1) and for us. */
enum { APPLICATION_ID = 0x656e726c };

/*
 * The schema as the list of steps that made it; user_version counts those done.
 * Steps are only ever added. Moments are nanoseconds; not_before, not_after and
 * expires are seconds. `bare` has a bit for every attribute whose value was
 * last written without a final newline. Nothing is deleted that something else
 * may refer to: `removed` is when it went, its secrets go at once.
 * AUTOINCREMENT, so that ids, which are inode numbers, never come back.
 */
#define OBJECT                                                                               \
	"id INTEGER PRIMARY KEY AUTOINCREMENT,"                                              \
	"name TEXT NOT NULL,"                                                                \
	"uid INTEGER NOT NULL, gid INTEGER NOT NULL, mode INTEGER NOT NULL,"                 \
	"bare INTEGER NOT NULL DEFAULT 0,"                                                   \
	"created INTEGER NOT NULL, modified INTEGER NOT NULL, modified_by INTEGER NOT NULL," \
	"removed INTEGER,"

/* clang-format off */
#define STAMP(table, which) \
	"UPDATE " table " SET pad = CASE WHEN unixepoch() > stamp THEN 0 " \
	"WHEN pad < 1023 THEN pad + 1 ELSE 0 END, stamp = CASE WHEN unixepoch() > stamp " \
	"THEN unixepoch() WHEN pad < 1023 THEN stamp ELSE stamp + 1 END WHERE id = " which "; "

/* Columns, and triggers for what is exported of a kind of object (by its number
 * in file_owner). */
#define STAMPED(table, kind, columns) \
	"ALTER TABLE " table " ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0;" \
	"ALTER TABLE " table " ADD COLUMN pad INTEGER NOT NULL DEFAULT 0;" \
	"UPDATE " table " SET stamp = created / 1000000000;" \
	"CREATE TRIGGER " table "_made AFTER INSERT ON " table \
	" BEGIN " STAMP(table, "NEW.id") "END;" \
	"CREATE TRIGGER " table "_changed AFTER UPDATE OF " columns " ON " table \
	" BEGIN " STAMP(table, "NEW.id") "END;" \
	"CREATE TRIGGER " table "_file_owned AFTER INSERT ON file_owner WHEN NEW.kind = " kind \
	" BEGIN " STAMP(table, "NEW.object") "END;"

/*
 * The journal's own: while a restore writes into it what was written once,
 * nothing else does. An object is noted as it is afterwards, so these come
 * after the stamp.
 */
#define UNRESTORED "NOT EXISTS (SELECT 1 FROM setting WHERE name = 'restoring') "
#define WATCHED "WHEN " UNRESTORED "BEGIN "
#define VERSIONED(table) \
	"ALTER TABLE " table " ADD COLUMN version INTEGER NOT NULL DEFAULT 0;" \
	"UPDATE " table " SET version = stamp * 1024 + pad;" \
	"ALTER TABLE " table " DROP COLUMN stamp; ALTER TABLE " table " DROP COLUMN pad;"
#define VERSION(table, floor, which) \
	"UPDATE " table " SET version = max(unixepoch() * 1024, 1 + " floor ") WHERE id = " which "; "
#define NOTE(table, values, which) \
	"INSERT INTO journal (at, data) SELECT unixepoch() * 1000000000, json_object(" values ") " \
	"FROM " table " WHERE id = " which "; "

/*
 * Both of what is exported of a kind of object; `edits` are columns that only
 * people change. What takes a path that another has left (`gone` says so) has a
 * later version than that had.
 */
#define FLOOR "max(version, (SELECT version FROM vacated))"
#define GONE "OLD.name <> NEW.name OR NEW.removed IS NOT NULL"
#define NOTED(table, values, floor, edits, gone) \
	"CREATE TRIGGER " table "_made AFTER INSERT ON " table " " WATCHED \
	VERSION(table, floor, "NEW.id") NOTE(table, values, "NEW.id") "END;" \
	"CREATE TRIGGER " table "_changed AFTER UPDATE OF " edits " ON " table " " WATCHED \
	"UPDATE vacated SET version = max(version, OLD.version) WHERE " gone "; " \
	VERSION(table, floor, "NEW.id") NOTE(table, values, "NEW.id") "END;"
#define REVOKED_NOTE \
	"CREATE TRIGGER issued_revoked_at AFTER UPDATE OF revoked ON issued WHEN NEW.revoked " \
	"IS NOT NULL AND " UNRESTORED "BEGIN " \
	"INSERT INTO journal (at, data) VALUES (NEW.revoked, json_object('kind', 'revoked', 'id', " \
	"NEW.id, 'revoked', NEW.revoked, 'reason', NEW.reason)); END;"

/* An issued certificate in the journal's first version. */
#define ISSUED_THEN \
	"json_object('id', i.id, 'member', i.member, 'prov_key', i.prov_key, 'cert', i.cert, 'first', " \
	"i.first, 'serial', hex(i.serial), 'spki_hash', hex(i.spki_hash), 'uri', i.uri, 'created', " \
	"i.created, 'not_before', i.not_before, 'not_after', i.not_after, 'der', hex(i.der), 'csr', " \
	"hex(i.csr))"

/* A record of the journal without its long parts. */
#define RECORD(der, csr) \
	"'\"seq\":' || j.seq || ',\"at\":' || coalesce(j.at, a.at, i.created) || " \
	"coalesce(',\"log\":' || a.line, '') || CASE WHEN i.id IS NULL THEN '' ELSE " \
	"',\"issued\":' || " EXPORT_ISSUED("i", der, csr) " END || CASE WHEN i.first THEN " \
	"',\"member\":' || coalesce(m.origin, " EXPORT_ENROLLED("m") ") ELSE '' END || coalesce(',\"data\":' || j.data, '')"
#define CRL_NOTE \
	"INSERT INTO journal (at, data) VALUES (NEW.made, json_object('kind', 'crl', 'cert', " \
	"NEW.cert, 'number', NEW.number, 'made', NEW.made, 'this_update', NEW.this_update, " \
	"'next_update', NEW.next_update, 'days', NEW.days)); "
/* clang-format on */

static const char *const step[] = {
    /* store_id, domain, seal_check: written when the store is made */
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"

    /* the fixed directories: 1 the root, 2 app_connector, 3 service_edge, 4
     * certs */
    "CREATE TABLE place ("
    "id INTEGER PRIMARY KEY,"
    "uid INTEGER NOT NULL, gid INTEGER NOT NULL, mode INTEGER NOT NULL,"
    "created INTEGER NOT NULL,"
    "changed INTEGER NOT NULL" /* children came or went */
    ") STRICT;"

    /* signing (enrollment) certificates */
    "CREATE TABLE cert (" OBJECT
    "issuer INTEGER REFERENCES cert(id)," /* NULL: itself */
    "algorithm TEXT NOT NULL,"
    "subject TEXT NOT NULL,"
    "sealed_key BLOB,"	       /* PKCS #8 under the master key */
    "csr BLOB NOT NULL,"       /* DER */
    "der BLOB NOT NULL,"       /* the certificate */
    "spki_hash BLOB NOT NULL," /* SHA-256 of its subjectPublicKeyInfo */
    "serial BLOB NOT NULL,"
    "not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
    "enabled INTEGER NOT NULL DEFAULT 1,"
    "managed INTEGER NOT NULL DEFAULT 0,"
    "validity_days INTEGER NOT NULL, ca_validity_days INTEGER NOT NULL,"
    "crl_days INTEGER NOT NULL,"
    "issued INTEGER NOT NULL DEFAULT 0, revoked INTEGER NOT NULL DEFAULT 0,"
    "counted INTEGER NOT NULL DEFAULT 0" /* when one of the two changed */
    ") STRICT;"
    "CREATE UNIQUE INDEX cert_name ON cert (name) WHERE removed IS NULL;"
    "CREATE INDEX cert_spki ON cert (spki_hash);"
    "CREATE INDEX cert_issuer ON cert (issuer);"

    /* groups of both kinds */
    "CREATE TABLE grp (" OBJECT "place INTEGER NOT NULL REFERENCES place(id),"
    "description TEXT NOT NULL DEFAULT '',"
    "enabled INTEGER NOT NULL DEFAULT 1,"
    "signing_cert INTEGER NOT NULL REFERENCES cert(id)," /* what its new keys
							    begin with */
    "keys_changed INTEGER NOT NULL, members_changed INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX grp_name ON grp (place, name) WHERE removed IS NULL;"
    "CREATE INDEX grp_list ON grp (place, id) WHERE removed IS NULL;"
    "CREATE INDEX grp_cert ON grp (signing_cert) WHERE removed IS NULL;"

    /* provisioning keys */
    "CREATE TABLE prov_key (" OBJECT "grp INTEGER NOT NULL REFERENCES grp(id),"
    "description TEXT NOT NULL DEFAULT '',"
    "enabled INTEGER NOT NULL DEFAULT 1,"
    "signing_cert INTEGER NOT NULL REFERENCES cert(id),"
    "secret_hash BLOB,"	  /* SHA-256; NULL once removed */
    "sealed_secret BLOB," /* NULL: not exportable, or removed */
    "max_uses INTEGER CHECK (max_uses >= 0)," /* NULL: unlimited */
    "uses INTEGER NOT NULL DEFAULT 0," /* first certificates ever issued with it */
    "expires INTEGER,"		       /* NULL: never */
    "managed INTEGER NOT NULL DEFAULT 0,"
    "copies INTEGER NOT NULL DEFAULT 0,"
    "last_copied INTEGER NOT NULL DEFAULT 0, last_used INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE UNIQUE INDEX key_name ON prov_key (grp, name) WHERE removed IS NULL;"
    "CREATE INDEX key_list ON prov_key (grp, id) WHERE removed IS NULL;"
    "CREATE INDEX key_cert ON prov_key (signing_cert) WHERE removed IS NULL;"

    /* what has enrolled */
    "CREATE TABLE member (" OBJECT "grp INTEGER NOT NULL REFERENCES grp(id),"
    "description TEXT NOT NULL DEFAULT '',"
    "prov_key INTEGER NOT NULL REFERENCES prov_key(id),"
    "enrolled INTEGER NOT NULL, enrolled_by INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX member_name ON member (grp, name) WHERE removed IS NULL;"
    "CREATE INDEX member_list ON member (grp, id) WHERE removed IS NULL;"
    "CREATE INDEX member_key ON member (prov_key);"

    /* every certificate ever issued to a member; the newest is the member's
     * present one */
    "CREATE TABLE issued ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "member INTEGER NOT NULL REFERENCES member(id),"
    "prov_key INTEGER NOT NULL REFERENCES prov_key(id),"
    "cert INTEGER NOT NULL REFERENCES cert(id),"
    "first INTEGER NOT NULL," /* 1: it counts as a use of the key; 0: a renewal */
    "serial BLOB NOT NULL UNIQUE,"
    "spki_hash BLOB NOT NULL,"
    "uri TEXT NOT NULL,"
    "der BLOB NOT NULL, csr BLOB NOT NULL,"
    "created INTEGER NOT NULL,"
    "not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
    "revoked INTEGER, reason TEXT," /* when, and the RFC 5280 5.3.1 reason */
    "CHECK ((revoked IS NULL) = (reason IS NULL))"
    ") STRICT;"
    "CREATE INDEX issued_member ON issued (member, id);"
    "CREATE INDEX issued_spki ON issued (spki_hash, id);"
    "CREATE INDEX issued_uri ON issued (uri) WHERE revoked IS NULL;"
    "CREATE INDEX issued_cert ON issued (cert, not_after);"

    /* the audit trail: one JSON object a row, each with the hash of the one
     * before */
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL) STRICT;",

    /* owners and modes of single files; `owned` has a bit for each file of
     * an object with a row */
    "ALTER TABLE place ADD COLUMN owned INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE cert ADD COLUMN owned INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE grp ADD COLUMN owned INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE prov_key ADD COLUMN owned INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN owned INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE file_owner ("
    "ino INTEGER PRIMARY KEY," /* the file's inode number */
    "kind INTEGER NOT NULL, object INTEGER NOT NULL,"
    "uid INTEGER NOT NULL, gid INTEGER NOT NULL, mode INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX file_owner_object ON file_owner (kind, object);",

    /* A signing certificate that waits has empty der and serial. With a
     * chain it came from outside: DER of the certificates above, the issuer
     * first; issuer is NULL then. */
    "ALTER TABLE cert ADD COLUMN chain BLOB;"
    "UPDATE cert SET issued = issued + (SELECT count(*) FROM cert c WHERE c.issuer = cert.id), "
    "revoked = revoked + (SELECT count(*) FROM cert c WHERE c.issuer = cert.id "
    "AND c.removed IS NOT NULL AND c.not_after > c.removed / 1000000000);"
    /* the newest revocation list of each */
    "CREATE TABLE crl ("
    "cert INTEGER PRIMARY KEY REFERENCES cert(id),"
    "number INTEGER NOT NULL,"
    "made INTEGER NOT NULL,"
    "this_update INTEGER NOT NULL, next_update INTEGER NOT NULL," /* seconds */
    "covers INTEGER NOT NULL," /* cert.revoked when it was made */
    "days INTEGER NOT NULL,"   /* cert.crl_days */
    "der BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX issued_revoked ON issued (cert, not_after) WHERE revoked IS NOT NULL;",

    /* the trail as a file: where each line ends in it, newline included,
     * and when it was written */
    "ALTER TABLE audit ADD COLUMN upto INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE audit ADD COLUMN at INTEGER NOT NULL DEFAULT 0;"
    "UPDATE audit SET upto = t.upto FROM (SELECT seq, sum(length(CAST(line AS BLOB)) + 1) "
    "OVER (ORDER BY seq) AS upto FROM audit) t WHERE t.seq = audit.seq;"
    "CREATE UNIQUE INDEX audit_upto ON audit (upto);",

    /* When the exported view of each last changed: seconds, and for changes
     * within one a number below 1,024; the pair only grows, whatever the
     * clock does. */
    STAMPED("cert", "1",
	"name, uid, gid, mode, bare, owned, modified, issuer, algorithm, subject, "
	"sealed_key, "
	"csr, der, chain, enabled, managed, validity_days, ca_validity_days, crl_days")
	STAMPED("grp", "2",
	    "name, uid, gid, mode, bare, owned, modified, description, enabled, "
	    "signing_cert") STAMPED("prov_key", "3",
	    "name, uid, gid, mode, bare, owned, modified, description, enabled, "
	    "signing_cert, "
	    "secret_hash, sealed_secret, max_uses, uses, expires, managed, copies")
	    STAMPED("place", "0", "uid, gid, mode, owned"),

    /* clang-format off */
	/* Versions of what is exported instead of stamps: seconds * 1024 and a
	 * number below that, which only grow; the highest of those whose path
	 * another may take. */
	"DROP TRIGGER cert_made; DROP TRIGGER cert_changed; DROP TRIGGER cert_file_owned;"
	"DROP TRIGGER grp_made; DROP TRIGGER grp_changed; DROP TRIGGER grp_file_owned;"
	"DROP TRIGGER prov_key_made; DROP TRIGGER prov_key_changed;"
	"DROP TRIGGER prov_key_file_owned; DROP TRIGGER place_made;"
	"DROP TRIGGER place_changed; DROP TRIGGER place_file_owned;"
	VERSIONED("place") VERSIONED("cert") VERSIONED("grp") VERSIONED("prov_key")
	"CREATE TABLE vacated (version INTEGER NOT NULL) STRICT;"
	"INSERT INTO vacated SELECT max(coalesce((SELECT max(version) FROM cert), 0), "
	"coalesce((SELECT max(version) FROM grp), 0), coalesce((SELECT max(version) FROM prov_key), 0));"

	/* lost: uses whose certificates a restore has not found; origin: what
	 * of a member was noted when it enrolled, once something of that has
	 * changed */
	"ALTER TABLE prov_key ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE member ADD COLUMN origin TEXT;"

	/*
	 * Everything that a restore needs beside the files of groups, keys and
	 * certificates, in the order in which it came: a line of the audit
	 * trail, an issued certificate, or, as JSON, an object that was made,
	 * changed or deleted, a revocation, a revocation list's number. Nothing
	 * in it changes; `upto` is where a record ends, counted without what
	 * all have.
	 */
	"CREATE TABLE journal ("
	"seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	"at INTEGER," /* a moment; NULL: that of the line or certificate */
	"audit INTEGER REFERENCES audit(seq),"
	"issued INTEGER REFERENCES issued(id),"
	"data TEXT,"
	"upto INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE VIEW journal_text AS SELECT j.seq AS seq, j.upto AS upto, "
	"coalesce(j.at, a.at, i.created) AS at, "
	"'\"seq\":' || j.seq || ',\"at\":' || coalesce(j.at, a.at, i.created) || CASE "
	"WHEN j.audit IS NOT NULL THEN ',\"log\":' || a.line "
	"WHEN j.issued IS NOT NULL THEN ',\"issued\":' || " ISSUED_THEN " || "
	"CASE WHEN i.first THEN ',\"member\":' || coalesce(m.origin, " EXPORT_ENROLLED("m") ") "
	"ELSE '' END ELSE ',\"data\":' || j.data END AS text FROM journal j "
	"LEFT JOIN audit a ON a.seq = j.audit LEFT JOIN issued i ON i.id = j.issued "
	"LEFT JOIN member m ON m.id = i.member;"
	"CREATE TRIGGER journal_added AFTER INSERT ON journal BEGIN UPDATE journal SET upto = "
	"coalesce((SELECT upto FROM journal WHERE seq = NEW.seq - 1), 0) + (SELECT "
	"length(CAST(text AS BLOB)) FROM journal_text WHERE seq = NEW.seq) WHERE seq = NEW.seq; END;"
	"CREATE TRIGGER member_origin AFTER UPDATE OF name, uid, gid, mode ON member "
	"WHEN OLD.origin IS NULL AND (OLD.name, OLD.uid, OLD.gid, OLD.mode) IS NOT "
	"(NEW.name, NEW.uid, NEW.gid, NEW.mode) BEGIN "
	"UPDATE member SET origin = " EXPORT_ENROLLED("OLD") " WHERE id = OLD.id; END;"

	/* what there is already */
	"INSERT INTO journal (at, data) SELECT created, json_object(" EXPORT_CERT ") FROM cert;"
	"INSERT INTO journal (at, data) SELECT created, json_object(" EXPORT_GROUP ") FROM grp;"
	"INSERT INTO journal (at, data) SELECT created, json_object(" EXPORT_KEY ") FROM prov_key;"
	"INSERT INTO journal (issued) SELECT id FROM issued ORDER BY id;"
	"INSERT INTO journal (at, data) SELECT modified, json_object(" EXPORT_MEMBER ") FROM member;"
	"INSERT INTO journal (at, data) SELECT revoked, json_object('kind', 'revoked', 'id', id, "
	"'revoked', revoked, 'reason', reason) FROM issued WHERE revoked IS NOT NULL;"
	"INSERT INTO journal (audit) SELECT seq FROM audit ORDER BY seq;"
	"INSERT INTO journal (at, data) SELECT made, json_object('kind', 'crl', 'cert', cert, "
	"'number', number, 'made', made, 'this_update', this_update, 'next_update', next_update, "
	"'days', days) FROM crl;"

	/* and what comes: the journal's triggers instead of the stamps'
	 * alone */
	NOTED("place", EXPORT_PLACE, "(SELECT max(version) FROM place)", "uid, gid, mode, owned", "0")
	NOTED("cert", EXPORT_CERT, FLOOR,
		"name, uid, gid, mode, bare, owned, modified, removed, issuer, algorithm, subject, "
		"sealed_key, csr, der, chain, enabled, managed, validity_days, ca_validity_days, crl_days",
		GONE)
	NOTED("grp", EXPORT_GROUP, FLOOR,
		"name, uid, gid, mode, bare, owned, modified, removed, description, enabled, signing_cert",
		GONE)
	NOTED("prov_key", EXPORT_KEY, FLOOR,
		"name, uid, gid, mode, bare, owned, modified, removed, description, enabled, "
		"signing_cert, secret_hash, sealed_secret, max_uses, expires, managed", GONE)
	"CREATE TRIGGER prov_key_used AFTER UPDATE OF uses, lost, copies ON prov_key " WATCHED
	VERSION("prov_key", FLOOR, "NEW.id") "END;"
	/* its keys have other paths, too */
	"CREATE TRIGGER grp_moved AFTER UPDATE OF name ON grp " WATCHED
	"UPDATE vacated SET version = max(version, coalesce((SELECT max(version) FROM prov_key "
	"WHERE grp = NEW.id), 0)); UPDATE prov_key SET version = max(unixepoch() * 1024, "
	"1 + (SELECT version FROM vacated)) WHERE grp = NEW.id AND removed IS NULL; END;"
	"CREATE TRIGGER member_changed AFTER UPDATE OF name, uid, gid, mode, bare, owned, modified, "
	"description, removed ON member " WATCHED NOTE("member", EXPORT_MEMBER, "NEW.id") "END;"
	"CREATE TRIGGER issued_added AFTER INSERT ON issued " WATCHED
	"INSERT INTO journal (issued) VALUES (NEW.id); END;"
	REVOKED_NOTE
	"CREATE TRIGGER audit_added AFTER INSERT ON audit " WATCHED
	"INSERT INTO journal (audit) VALUES (NEW.seq); END;"
	"CREATE TRIGGER crl_made AFTER INSERT ON crl " WATCHED CRL_NOTE "END;"
	"CREATE TRIGGER crl_changed AFTER UPDATE OF number ON crl " WATCHED CRL_NOTE "END;",

	/*
	 * Less of the same. A line of the audit trail is kept in its parts, as
	 * they stand in it; `line` is empty then. more: members between object
	 * and result; result: NULL: ok; prev: the SHA-256 of the line before;
	 * issued: the certificate that it is about, which is noted with it.
	 */
		/* what the exported files say has changed */
	"UPDATE place SET version = max(unixepoch() * 1024, 1 + (SELECT max(version) FROM place));"
	"UPDATE cert SET version = max(unixepoch() * 1024, version + 1);"
	"UPDATE grp SET version = max(unixepoch() * 1024, version + 1);"
	"UPDATE prov_key SET version = max(unixepoch() * 1024, version + 1);"
	"DROP VIEW journal_text; DROP TRIGGER journal_added; DROP TRIGGER issued_added;"
	"DROP TRIGGER audit_added; DROP INDEX audit_upto;"
	"ALTER TABLE audit ADD COLUMN uid INTEGER;"
	"ALTER TABLE audit ADD COLUMN gid INTEGER;"
	"ALTER TABLE audit ADD COLUMN pid INTEGER;"
	"ALTER TABLE audit ADD COLUMN comm TEXT;"
	"ALTER TABLE audit ADD COLUMN action TEXT;"
	"ALTER TABLE audit ADD COLUMN object TEXT;"
	"ALTER TABLE audit ADD COLUMN more TEXT;"
	"ALTER TABLE audit ADD COLUMN result TEXT;"
	"ALTER TABLE audit ADD COLUMN reason TEXT;"
	"ALTER TABLE audit ADD COLUMN prev BLOB;"
	"ALTER TABLE audit ADD COLUMN issued INTEGER REFERENCES issued(id);"
	"CREATE VIEW audit_line AS SELECT seq, upto, at, issued, CASE WHEN line <> '' THEN line ELSE "
	"'{\"seq\":' || seq || ',\"time\":\"' || strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000000000, "
	"'unixepoch') || '\",\"uid\":' || uid || ',\"gid\":' || gid || ',\"pid\":' || pid || "
	"',\"comm\":\"' || comm || '\",\"action\":\"' || action || '\",\"object\":\"' || object || '\"' "
	"|| coalesce(more, '') || ',\"result\":\"' || coalesce(result, 'ok') || '\"' || "
	"coalesce(',\"reason\":\"' || reason || '\"', '') || ',\"prev\":\"' || lower(hex(prev)) || '\"}' "
	"END AS line FROM audit;"
	/* one in 64: what is between is near */
	"CREATE INDEX audit_upto ON audit (upto) WHERE seq % 64 = 0;"

	/*
	 * issued again, with less to look up by: its number is random, nobody
	 * looks for it, and an index of it would cost a page of the log for
	 * each. names: those in the URI: <place>/<group>/<member>.
	 */
	"DROP TRIGGER issued_revoked_at;"
	"CREATE TABLE issued_new ("
	"id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"member INTEGER NOT NULL REFERENCES member(id),"
	"prov_key INTEGER NOT NULL REFERENCES prov_key(id),"
	"cert INTEGER NOT NULL REFERENCES cert(id),"
	"first INTEGER NOT NULL,"
	"serial BLOB NOT NULL,"
	"spki_hash BLOB NOT NULL,"
	"names TEXT NOT NULL,"
	"created INTEGER NOT NULL,"
	"not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
	"revoked INTEGER, reason TEXT,"
	"der BLOB NOT NULL, csr BLOB NOT NULL,"
	"CHECK ((revoked IS NULL) = (reason IS NULL))"
	") STRICT;"
	"INSERT INTO issued_new SELECT id, member, prov_key, cert, first, serial, spki_hash, "
	"replace(replace(uri, 'spiffe://' || (SELECT CAST(value AS TEXT) FROM setting "
	"WHERE name = 'domain') || '/app_connector/', '2/'), 'spiffe://' || (SELECT CAST(value AS TEXT) "
	"FROM setting WHERE name = 'domain') || '/service_edge/', '3/'), created, not_before, not_after, "
	"revoked, reason, der, csr FROM issued;"
	"DROP TABLE issued;"
	"ALTER TABLE issued_new RENAME TO issued;"
	"CREATE INDEX issued_member ON issued (member, id);"
	"CREATE INDEX issued_spki ON issued (substr(spki_hash, 1, 16), id);"
	"CREATE INDEX issued_names ON issued (names) WHERE revoked IS NULL;"
	"CREATE INDEX issued_cert ON issued (cert, not_after);"
	"CREATE INDEX issued_revoked ON issued (cert, not_after) WHERE revoked IS NOT NULL;"
	REVOKED_NOTE

	"CREATE VIEW journal_text AS SELECT j.seq AS seq, j.upto AS upto, "
	"coalesce(j.at, a.at, i.created) AS at, " RECORD("hex(i.der)", "hex(i.csr)") " AS text, "
	"length(CAST(" RECORD("''", "''") " AS BLOB)) + coalesce(2 * (length(i.der) + length(i.csr)), 0) "
	"AS size FROM journal j LEFT JOIN audit_line a ON a.seq = j.audit "
	"LEFT JOIN issued i ON i.id = coalesce(j.issued, a.issued) LEFT JOIN member m ON m.id = i.member;"
	"UPDATE journal SET upto = t.upto FROM (SELECT seq, sum(size) OVER (ORDER BY seq) AS upto "
	"FROM journal_text) t WHERE t.seq = journal.seq;"
	"CREATE TRIGGER journal_added AFTER INSERT ON journal BEGIN UPDATE journal SET upto = "
	"coalesce((SELECT upto FROM journal WHERE seq = NEW.seq - 1), 0) + (SELECT size "
	"FROM journal_text WHERE seq = NEW.seq) WHERE seq = NEW.seq; END;"
	"CREATE TRIGGER audit_added AFTER INSERT ON audit " WATCHED
	"INSERT INTO journal (audit) VALUES (NEW.seq); END;",

	/* half of a hash is enough to know a public key by: nobody finds two
	 * with it */
	"UPDATE issued SET spki_hash = substr(spki_hash, 1, 16);"
	"DROP INDEX issued_spki;"
	"CREATE INDEX issued_spki ON issued (spki_hash, id);"
	"UPDATE journal SET upto = t.upto FROM (SELECT seq, sum(size) OVER (ORDER BY seq) AS upto "
	"FROM journal_text) t WHERE t.seq = journal.seq;",

	/*
	 * When owner, mode or name last changed, of directories and of files
	 * with an owner of their own. Not exported: a restored tree is made of
	 * new files, and ctime is never before mtime.
	 */
	"ALTER TABLE place ADD COLUMN ctime INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE cert ADD COLUMN ctime INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE grp ADD COLUMN ctime INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE prov_key ADD COLUMN ctime INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE member ADD COLUMN ctime INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE file_owner ADD COLUMN ctime INTEGER NOT NULL DEFAULT 0;",

	/*
	 * The seconds that files show where they are ahead of the moment of the
	 * change (see store/shown.c): edited of those that edits change, shown
	 * of those that change otherwise, made of all; of the trail, and
	 * latest: of everything.
	 */
	"ALTER TABLE cert ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE cert ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE cert ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE grp ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE grp ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE grp ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE prov_key ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE prov_key ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE prov_key ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE member ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE member ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE member ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE audit ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE audit ADD COLUMN latest INTEGER NOT NULL DEFAULT 0;",
    /* clang-format on */
};

enum { STEPS = sizeof(step) / sizeof(step[0]) };

static int migrate(struct db_conn *conn, int64_t from)
{
	char sql[96];
	/* a table that is made again goes for a moment; no row does */
	int rc = db_exec(conn, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE");

	for (int64_t i = from; !rc && i < STEPS; i++)
		rc = db_exec(conn, step[i]);
	snprintf(sql, sizeof(sql),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d;",
	    APPLICATION_ID, STEPS);
	if (!rc)
		rc = db_exec(conn, sql);
	if (!rc)
		rc = db_exec(conn, "COMMIT");
	if (rc && !sqlite3_get_autocommit(conn->sqlite))
		db_exec(conn, "ROLLBACK");
	return rc ? rc : db_exec(conn, "PRAGMA foreign_keys = ON");
}

/* SQLite answers which mode it is in; another than the one asked for is no
 * error to it. */
static int write_ahead(struct db_conn *conn)
{
	int64_t is_wal = 0;
	int rc = db_exec(conn, "PRAGMA journal_mode = WAL");

	if (!rc)
		rc = db_pragma_int(conn,
		    "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
		    &is_wal);
	if (rc || is_wal)
		return rc;
	report(LOG_ERR, "store: its filesystem cannot have a write-ahead log");
	return -EIO;
}

/* A file that is there and has no tables: a store's are in its write-ahead log
 * until it is copied. */
static int no_tables(const struct db *db)
{
	report(LOG_ERR,
	    "store %s: has no tables: its write-ahead log %s-wal is probably missing. Copy "
	    "both "
	    "files; if nothing was ever in it, remove it",
	    db->path, db->path);
	return -EINVAL;
}

int db_schema(struct db_conn *conn, const struct db *db)
{
	int64_t application, version, tables;
	int rc = db_pragma_int(conn, "PRAGMA application_id", &application);

	if (!rc)
		rc = db_pragma_int(conn, "PRAGMA user_version", &version);
	if (!rc)
		rc = db_pragma_int(
		    conn, "SELECT count(*) FROM sqlite_schema", &tables);
	if (rc)
		return rc;
	if (!db->made && tables == 0)
		return no_tables(db);
	if (!db->made && application != APPLICATION_ID) {
		report(LOG_ERR, "store: this is a database of another program");
		return -EINVAL;
	}
	if (version > STEPS) {
		report(LOG_ERR, "store: made by a later version of enrollfs");
		return -EINVAL;
	}
	if (db->read_only) {
		if (version == STEPS)
			return 0;
		report(LOG_ERR,
		    "store: has to be mounted writable once, to bring it up to date");
		return -EROFS;
	}
	/* a certificate with its request is a thousand bytes: in smaller pages
	 * much would stay free */
	if (db->made)
		rc = db_exec(conn, "PRAGMA page_size = 8192");
	if (!rc)
		rc = write_ahead(conn);
	return rc || version == STEPS ? rc : migrate(conn, version);
}

/* Whether the connection's schema has this. */
static bool has(struct db_conn *conn, const char *name, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	bool found = false;

	if (sqlite3_prepare_v2(conn->sqlite,
		"SELECT 1 FROM sqlite_schema WHERE name = ?1 AND sql IS ?2", -1,
		&statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) ==
		SQLITE_OK &&
	    sqlite3_bind_text(statement, 2, sql, -1, SQLITE_STATIC) == SQLITE_OK)
		found = sqlite3_step(statement) == SQLITE_ROW;
	sqlite3_finalize(statement);
	return found;
}

static int compare(struct db_conn *fresh, struct db_conn *conn,
    void (*fault)(const char *what, void *arg), void *arg)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(fresh->sqlite,
	    "SELECT name, sql, type FROM sqlite_schema ORDER BY rowid", -1,
	    &statement, NULL);

	while (code == SQLITE_OK || code == SQLITE_ROW) {
		char what[128];
		code = sqlite3_step(statement);
		if (code != SQLITE_ROW)
			break;
		const char *name = (const char *)sqlite3_column_text(
		    statement, 0);
		if (has(conn, name,
			(const char *)sqlite3_column_text(statement, 1)))
			continue;
		snprintf(what, sizeof(what), "%s %s",
		    sqlite3_column_text(statement, 2), name);
		fault(what, arg);
	}
	sqlite3_finalize(statement);
	return db_error(fresh->sqlite, code, "comparing the schema");
}

int db_check_schema(
    struct db_conn *conn, void (*fault)(const char *what, void *arg), void *arg)
{
	struct db_conn *fresh;

	if (conn->none)
		return -EIO;
	int rc = db_connect(":memory:",
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, DB_VFS_SHARED, &fresh);
	if (rc)
		return rc;
	rc = migrate(fresh, 0);
	if (!rc)
		rc = compare(fresh, conn, fault, arg);
	db_disconnect(fresh);
	return rc;
}
