/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "store/base/report.h"
#include "store/db/engine.h"

/* clang-format off */


/* When it was last edited, or what its files show instead (shown.c), which is
 * later. */
#define EDITED(t) \
	"greatest(" t ".modified, greatest(" t ".edited, " t ".made) * 1000000000)"

/* In the order of the DB_OBJECT_ columns; `changed` is an expression. */
#define OBJECT(t, changed) \
	t ".id, " t ".name, " t ".uid, " t ".gid, " t ".mode, " t ".bare, " t ".owned, " \
	t ".created, " t ".modified, " t ".modified_by, " EDITED(t) ", greatest(" t ".created, " t \
	".made * 1000000000), " changed ", " t ".ctime, "

/* For the columns that are read, see columns.h. */
#define READ(name, expression) expression ", "

/*
 * What a certificate has issued is counted in its row whenever a member's
 * certificate is the 32nd since the last time (DB_ISSUED_COUNT), so that not
 * every enrollment changes that row. Those behind the last multiple of 32 are
 * added where the row is read: as u.n, u.at (the latest moment) and u.until.
 * Whoever deletes certificates has to count again (DB_RESTORE_ISSUED).
 */
#define COUNTED_ID "(SELECT coalesce(max(id), 0) / 32 * 32 FROM issued)"
#define ISSUED_BY(which) \
	"(SELECT cert, count(*) AS n, max(created) AS at, max(not_after) AS until FROM issued " which "GROUP BY cert)"
#define UNCOUNTED(c) \
	"LEFT JOIN " ISSUED_BY("WHERE id > " COUNTED_ID " ") " u ON u.cert = " c ".id "

#define CERT_ROWS \
	"SELECT " OBJECT("c", "greatest(" EDITED("c") ", c.counted, u.at, c.shown * 1000000000, coalesce(" EDITED("i") ", 0), coalesce(" EDITED("x") ", 0))") \
	DB_CERT_READ(READ) \
	"0 FROM cert c LEFT JOIN cert i ON i.id = c.issuer LEFT JOIN cert x ON x.id = c.cross_by " UNCOUNTED("c") "WHERE c.removed IS NULL "

/* A signing certificate is on its issuer's list since it was revoked or, as its
 * private key is destroyed then, deleted: whether, when, why. */
#define CA_REVOKED(s) "(" s "removed IS NOT NULL OR " s "stop_since > 0)"
#define CA_REVOKED_AT "CASE WHEN stop_since > 0 THEN stop_since ELSE removed END"
#define CA_REASON "CASE WHEN stop_since > 0 THEN stop_reason ELSE 'cessationOfOperation' END"
/* In the count of its issuer: not if it had expired when it was deleted. */
#define CA_COUNTED(s) \
	"(" s "stop_since > 0 OR (" s "removed IS NOT NULL AND " s "not_after > " s "removed / 1000000000))"

/* No object depends on the certificate ?1; now: the parameter that is the
 * present second. */
#define CERT_UNUSED(now) \
	"id = ?1 AND removed IS NULL " \
	"AND NOT EXISTS (SELECT 1 FROM grp WHERE signing_cert = ?1 AND removed IS NULL) " \
	"AND NOT EXISTS (SELECT 1 FROM prov_key WHERE signing_cert = ?1 AND removed IS NULL) " \
	"AND NOT EXISTS (SELECT 1 FROM cert c WHERE c.issuer = ?1 AND c.removed IS NULL) " \
	"AND NOT EXISTS (SELECT 1 FROM cert c WHERE c.cross_by = ?1 AND c.removed IS NULL) " \
	"AND issued_until <= " now " AND NOT EXISTS " \
	"(SELECT 1 FROM issued WHERE id > " COUNTED_ID " AND cert = ?1 AND not_after > " now ")"

/* All certificates (theirs) of the members (o) of which a condition holds, from
 * the newest to the oldest; for what follows it. */
#define THEIRS(condition) \
	"WITH RECURSIVE theirs(id, previous, cert, created, names, revoked, not_after) AS (" \
	"SELECT i.id, i.previous, i.cert, i.created, i.names, i.revoked, i.not_after " \
	"FROM member o JOIN issued i ON i.id = o.newest WHERE " condition " UNION ALL " \
	"SELECT i.id, i.previous, i.cert, i.created, i.names, i.revoked, i.not_after " \
	"FROM theirs JOIN issued i ON i.id = theirs.previous AND i.id < theirs.id) "

/* A member's certificates that are neither revoked nor, at ?2, expired, but the
 * ?3 newest. The limit is out of reach: SQLite has no OFFSET without one. */
#define MEMBER_VALID \
	THEIRS("o.id = ?1") "SELECT id, cert FROM theirs WHERE revoked IS NULL AND not_after > ?2 " \
	"ORDER BY id DESC LIMIT 1000000000 OFFSET ?3"

/*
 * Whether one that is not the present holder has a valid certificate on a
 * group's name and a name in it: a member that had this name in it, or in
 * another group that had its name; or has this name in such a group. Kinds in
 * `former` are as in enum store_kind: 2 groups, 4 members.
 */
#define ONCE_CALLED_AS(grp) \
	"(SELECT b.id FROM grp a JOIN former b ON b.kind = 2 AND b.parent = a.place AND b.name = a.name " \
	"WHERE a.id = " grp ")"
#define NAME_HELD(grp, name, names, now, others) \
	"CASE WHEN EXISTS (SELECT 1 FROM former f WHERE f.kind = 4 AND f.parent = " grp " AND f.name = " name ") " \
	"OR EXISTS " ONCE_CALLED_AS(grp) " THEN EXISTS (" THEIRS(others "o.id IN (" \
	"SELECT f.id FROM former f WHERE f.kind = 4 AND f.parent = " grp " AND f.name = " name " UNION ALL " \
	"SELECT f.id FROM former f WHERE f.kind = 4 AND f.parent IN " ONCE_CALLED_AS(grp) " AND f.name = " name " UNION ALL " \
	"SELECT n.id FROM member n WHERE n.grp IN " ONCE_CALLED_AS(grp) " AND n.name = " name " AND n.removed IS NULL)") \
	"SELECT 1 FROM theirs WHERE names = " names " AND revoked IS NULL AND not_after > " now ") ELSE FALSE END"

/* A certificate is known by half the hash of its public key. */
#define HALF(hash) "substr(" hash ", 1, 16)"
#define KNOWN_KEY(hash) "spki_hash = " HALF(hash)
#define COMPROMISED(hash) "EXISTS (SELECT 1 FROM compromised WHERE " KNOWN_KEY(hash) ")"

/* Which certificate signs when a member's present one (i), of a key (k), is
 * renewed. */
#define RENEWED_BY "CASE WHEN k.removed IS NULL THEN k.signing_cert ELSE i.cert END"

/* What every change of a certificate that waits ends with. */
#define WAITS \
	"bare = (bare & ~?5) | ?6, modified = ?3, modified_by = ?4 " \
	"WHERE id = ?1 AND removed IS NULL AND length(der) = 0 AND csr = ?2"

#define GROUP_ROWS \
	"SELECT " OBJECT("g", "greatest(" EDITED("g") ", g.stop_at, " EDITED("c") ")") \
	DB_GROUP_READ(READ) \
	"0 FROM grp g JOIN cert c ON c.id = g.signing_cert WHERE g.removed IS NULL "

#define KEY_ROWS \
	"SELECT " OBJECT("k", "greatest(" EDITED("k") ", k.last_copied, k.last_used, k.stop_at, k.shown * 1000000000, " EDITED("g") ", " EDITED("c") ")") \
	DB_KEY_READ(READ) \
	"0 FROM prov_key k JOIN grp g ON g.id = k.grp JOIN cert c ON c.id = k.signing_cert " \
	"WHERE k.removed IS NULL "

/* The last column, DB_MEMBER_COLUMNS, is an expression. */
#define MEMBER_ROWS_AND(last) \
	"SELECT " OBJECT("m", "greatest(" EDITED("m") ", m.shown * 1000000000, i.created, " \
	"coalesce(i.revoked, 0), " EDITED("k") ", " EDITED("c") ")") \
	DB_MEMBER_READ(READ) \
	last " FROM member m JOIN grp g ON g.id = m.grp JOIN prov_key k ON k.id = m.prov_key " \
	"JOIN issued i ON i.id = m.newest " \
	"JOIN cert c ON c.id = i.cert WHERE m.removed IS NULL "

#define MEMBER_ROWS MEMBER_ROWS_AND("0")

/*
 * An order to revoke the certificates of all members of a group or key, which
 * `of` in their rows names. It begins (?1 id, ?2 now, ?3 reason), has members
 * left (?1 id), a step is done (?1 id, ?2 its last member, ?3 certificates, ?4
 * now), and it ends (the same without the member).
 */
#define ORDER_BEGIN(table, of) \
	"UPDATE " table " SET enabled = 0, stop_reason = ?3, stop_since = ?2, stop_done = 0, stop_count = 0, " \
	"stop_at = ?2, stop_last = greatest(coalesce((SELECT max(m.id) FROM member m WHERE m." of " = " table ".id " \
	"AND m.removed IS NULL), 0), 1) WHERE id = ?1"
#define ORDER(table) \
	"SELECT stop_reason, stop_done, stop_last, stop_count FROM " table " WHERE id = ?1 AND stop_last > 0"
#define ORDER_LEFT(table, of) \
	"SELECT count(m.id) FROM " table " t LEFT JOIN member m ON m." of " = t.id AND m.id > t.stop_done " \
	"AND m.id <= t.stop_last AND m.removed IS NULL WHERE t.id = ?1 AND t.stop_last > 0 GROUP BY t.id"
#define ORDER_NEXT(of) \
	"SELECT id FROM member WHERE " of " = ?1 AND id > ?2 AND id <= ?3 AND removed IS NULL ORDER BY id LIMIT ?4"
#define ORDER_STEP(table) \
	"UPDATE " table " SET stop_done = ?2, stop_count = stop_count + ?3, stop_at = ?4 WHERE id = ?1"
#define ORDER_END(table) \
	"UPDATE " table " SET stop_last = 0, stop_count = stop_count + ?2, stop_at = ?3 WHERE id = ?1"

/*
 * Requests that wait (p). An entry without an owner of its own follows
 * keys/<key>/pending, whose inode number is PENDING_INO + the key's id (kind 21
 * in fs/tree.h); without one of its own, that belongs to the owner of the
 * mount's root (r), with the mode 0750.
 */
#define PENDING_INO "1513209474796486656"
#define PENDING_ROWS \
	"SELECT p.id, p.name, coalesce(p.uid, f.uid, r.uid), coalesce(p.gid, f.gid, r.gid), " \
	"coalesce(p.mode, f.mode, 488), 0, p.owned, p.requested, p.requested, p.requested_by, p.requested, " \
	"p.requested, p.requested, greatest(p.ctime, coalesce(f.ctime, r.ctime)), " \
	DB_PENDING_READ(READ) \
	"0 FROM pending p JOIN prov_key k ON k.id = p.prov_key JOIN grp g ON g.id = k.grp " \
	"JOIN place r ON r.id = 1 LEFT JOIN file_owner f ON f.ino = p.prov_key + " PENDING_INO " " \
	"WHERE p.removed IS NULL AND k.removed IS NULL "

/* Requests (p) that keep a public key from enrolling with a key: those that
 * have waited for less than their time, with any key, and those that were
 * rejected with this one not long ago. */
#define WAITING(since) "p.removed IS NULL AND p.requested > " since
#define BARS(hash, since, key, rejected_since) \
	"p.spki_hash = " hash " AND ((" WAITING(since) ") OR " \
	"(p.rejected = 1 AND p.prov_key = " key " AND p.removed > " rejected_since "))"

/* See version_of in backup/journal.c. */
#define RAISE(table) \
	"UPDATE " table " SET version = greatest(version + 1, (SELECT version FROM vacated) + 1, ?2) WHERE id = ?1"
#define RAISE_ALL(table) \
	"UPDATE " table " SET version = greatest(version + 1, (SELECT version FROM vacated) + 1, ?1) " \
	"WHERE removed IS NULL"
#define VACATES(version) "UPDATE vacated SET version = greatest(version, " version ")"

/*
 * A change of one value: ?1 id, ?2 the attribute's bit in `bare`, ?3 that bit or
 * 0, ?4 now, ?5 who, ?6 the value.
 */
#define SET(table, assignment) \
	"UPDATE " table " SET " assignment ", bare = (bare & ~?2) | ?3, modified = ?4, " \
	"modified_by = ?5 WHERE id = ?1 AND removed IS NULL"

/* A new name: ?1 id, ?2 name, ?3 now, ?4 who; no row if another one (n) in the
 * same list has it. */
#define RENAME(table, same_list) \
	"UPDATE " table " SET name = ?2, modified = ?3, modified_by = ?4, " \
	"ctime = greatest(?3, ctime + 1) WHERE id = ?1 AND removed IS NULL AND NOT EXISTS " \
	"(SELECT 1 FROM " table " n WHERE n.name = ?2 AND n.id <> ?1 AND n.removed IS NULL " \
	same_list ")"

/* The seconds that its files show at least: ?1 id, ?2 edited, ?3 shown, ?4
 * made; see shown.c. Rows of others have `edited` and `made` too: these change
 * along with an edit and a new row, whose statements say that. */
#define SHOWS(table) \
	"UPDATE " table " SET edited = greatest(edited, ?2), shown = greatest(shown, ?3), made = greatest(made, ?4) " \
	"WHERE id = ?1"

/* A directory's owner: ?1 id, ?2 uid, ?3 gid, ?4 mode, ?5 now. */
#define CHOWN(table) \
	"UPDATE " table " SET uid = ?2, gid = ?3, mode = ?4, ctime = greatest(ctime, ?5) WHERE id = ?1"

/*
 * Which files have owners of their own: ?1 id, ?2 the files' bits, ?3 those
 * bits or 0, ?4 now or 0. A file that follows its directory again has no row
 * for its ctime: it shows the directory's.
 */
#define OWNED(table) \
	"UPDATE " table " SET owned = (owned & ~?2) | ?3, ctime = greatest(ctime, ?4) WHERE id = ?1"



/* Objects of a kind whose `owned` and rows in file_owner do not say the same. */
#define OWNED_FAULT(table, kind, who, alive) \
	"SELECT " who " || ': what is said of owners of its files is not what is stored' FROM " table \
	" t WHERE " alive " AND (t.owned <> 0) <> EXISTS " \
	"(SELECT 1 FROM file_owner WHERE kind = " kind " AND object = t.id)"

/* CRLReason (RFC 5280 5.3.1), without those that end again. */
#define REASONS \
	"'unspecified', 'keyCompromise', 'cACompromise', 'affiliationChanged', 'superseded', " \
	"'cessationOfOperation', 'privilegeWithdrawn', 'aACompromise'"

/* Where keys (k) and members (m) of groups (g) stand, for people. */
#define KIND_NAME "CASE g.place WHEN 2 THEN 'app_connector/' ELSE 'service_edge/' END"
#define KEY_PATH KIND_NAME " || g.name || '/keys/' || k.name"
#define MEMBER_PATH KIND_NAME " || g.name || '/members/' || m.name"

/* In the order of DB_EVENT_. */
#define EVENT_COLUMNS \
	"seq, at, ends, data, issued, line, line_ends, uid, gid, pid, comm, action, object, more, " \
	"result, reason, prev, whole, shown, latest"
#define EVENT_ROWS "SELECT " EVENT_COLUMNS " FROM event "

/* Segments of the exported trail, of those that s.n names; 1,000 records each. */
#define SEGMENT_ROWS(source) \
	"SELECT s.n, '', 0, 0, 0, 0, 0, e.at, e.at, 0, e.at, e.at, e.at, 0, " \
	"e.seq - (s.n - 1) * 1000, e.ends - coalesce((SELECT ends FROM event " \
	"WHERE seq = (s.n - 1) * 1000), 0) FROM " source " s JOIN event e " \
	"ON e.seq = (SELECT max(seq) FROM event WHERE seq <= s.n * 1000) " \
	"WHERE s.n > 0 AND e.seq > (s.n - 1) * 1000"

/*
 * Whether a revoked certificate (t) is on no revocation list of the signing
 * certificate, and will be on none: the newest one has what expired since
 * `since`, and the next has less. Nobody asks for lists of one that has been
 * removed, or expired until then as well.
 */
#define ON_NO_LIST(issuer, until) \
	"EXISTS (SELECT 1 FROM cert c LEFT JOIN crl l ON l.cert = c.id WHERE c.id = " issuer \
	" AND (c.removed IS NOT NULL OR c.not_after <= " until \
	" OR (l.covers >= 0 AND t.not_after < l.since)))"

/* How many certificates were first issued with each key (n), and when last. */
#define FIRST_ISSUED \
	"(SELECT k.id, count(i.id) AS n, max(i.created) AS at FROM prov_key k " \
	"LEFT JOIN issued i ON i.prov_key = k.id AND i.first = 1 GROUP BY k.id)"

/* Statements of what is exported: its columns behind the id, and the types of its
 * parameters. */
#define NAMED(number, column, name, type, export, merge) ", " #column
#define STORED_INT(text) text
#define STORED_TEXT(text) text
#define STORED_HEX(text) text
#define STORED_HEX_OR_NULL(text) text
#define STORED_PRESENT(text) ""
#define LETTER_INT "i"
#define LETTER_TEXT "t"
#define LETTER_HEX "b"
#define LETTER_HEX_OR_NULL "b"
#define LETTER_PRESENT ""
#define TYPE(number, column, name, type, export, merge) LETTER_##type
#define INTO(number, column, name, type, export, merge) STORED_##type(", " #column)
#define VALUE(number, column, name, type, export, merge) STORED_##type(", ?" #number)
#define ASSIGNED(number, column, name, type, export, merge) STORED_##type(", " #column " = ?" #number)

#define ROW(table, head, tail) \
	"SELECT id" head(NAMED) tail(NAMED) " FROM " table " WHERE id = ?1"
/* A member's certificate, and the member as it enrolled: ?1 the certificate. */
#define OF_ISSUED(number, column, name, type, export, merge) ", i." #column
#define OF_MEMBER(number, column, name, type, export, merge) ", m." #column
#define RECORD_OF_ISSUED \
	"SELECT i.id" DB_ISSUED_TAIL(OF_ISSUED) ", i.first, m.origin, m.id" DB_ENROLLED_TAIL(OF_MEMBER) \
	" FROM issued i JOIN member m ON m.id = i.member WHERE i.id = ?1"
#define ROW_TYPES(head, tail) "i" head(TYPE) tail(TYPE)
#define ROW_ADD(table, head, tail) \
	"INSERT INTO " table " (id" head(INTO) tail(INTO) ") VALUES (?1" head(VALUE) tail(VALUE) ")"
/* kept: a column that stays as it is. An id that is assigned is looked for in
 * all rows that refer to the table. */
#define ROW_CHANGE(table, kept, head, tail) \
	"UPDATE " table " SET " kept " = " kept head(ASSIGNED) tail(ASSIGNED) " WHERE id = ?1"

/* clang-format on */

static const struct {
	const char *name, *types;
	struct db_effect effect;
	const char *text;
} query[DB_QUERIES] = {
#define NONE                    \
	{                       \
		DB_NO_EFFECT, 0 \
	}
#define ADDS(kind)                 \
	{                          \
		DB_ADDS, DB_##kind \
	}
#define CHANGES(kind)                 \
	{                             \
		DB_CHANGES, DB_##kind \
	}
#define COUNTS(kind)                    \
	{                               \
		DB_COUNTS_UP, DB_##kind \
	}
#define LEAVES(kind)                 \
	{                            \
		DB_LEAVES, DB_##kind \
	}
#define FORGETS(kind)                 \
	{                             \
		DB_FORGETS, DB_##kind \
	}
#define TOUCHES(kind)                 \
	{                             \
		DB_TOUCHES, DB_##kind \
	}
#define TOUCHES_ANY(kind)                 \
	{                                 \
		DB_TOUCHES_ANY, DB_##kind \
	}
#define APART               \
	{                   \
		DB_APART, 0 \
	}
#define KEPT(kind)                 \
	{                          \
		DB_KEPT, DB_##kind \
	}
#define KEPT_UNCOUNTED(kind)                 \
	{                                    \
		DB_KEPT_UNCOUNTED, DB_##kind \
	}
#define Q(name, types, effect, text) [name] = {#name, types, effect, text},
#include "store/db/queries/backup.inc"
#include "store/db/queries/check.inc"
#include "store/db/queries/store.inc"
#include "store/db/queries/trim.inc"
#undef Q
};

const char *db_query_text(enum db_query number)
{
	return query[number].text;
}

const char *db_query_types(enum db_query number)
{
	return query[number].types;
}

const char *db_query_name(enum db_query number)
{
	return query[number].name;
}

const struct db_effect *db_query_effect(enum db_query number)
{
	return &query[number].effect;
}

bool db_effect_reported(const struct db_effect *effect)
{
	return effect->type != DB_NO_EFFECT && effect->type < DB_TOUCHES;
}

/* Whether there is a value for each type, of that type or NULL. */
static bool fits(const char *types, const struct db_value *args)
{
	static const char letter[] = {
	    [DB_INTEGER] = 'i', [DB_STRING] = 't', [DB_BYTES] = 'b'};

	for (; args && args->type != DB_END; args++, types++)
		if (!*types ||
		    (args->type != DB_NULL && letter[args->type] != *types))
			return false;
	return !*types;
}

int db_check_values(enum db_query number, const struct db_value *args)
{
	if (fits(db_query_types(number), args))
		return 0;
	report(LOG_ERR,
	    "store: %s: internal error: the values are not of the types %s",
	    db_query_name(number), db_query_types(number));
	return -EIO;
}
