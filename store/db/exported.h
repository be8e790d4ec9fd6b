/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_EXPORTED_H
#define STORE_DB_EXPORTED_H

/*
 * What is exported of each kind of object, as arguments of json_object(): all
 * columns but the secrets. The journal's triggers (schema.c) and the exported
 * files (upkeep.c) are made of these, and upkeep.c reads them again in a
 * restore. Numbers of kinds are those of enum store_kind.
 */

/* clang-format off */

/* Files of an object that have owners of their own. */
#define EXPORT_FILES(kind, id) \
	"(SELECT json_group_array(json_array(ino, uid, gid, mode)) FROM (SELECT * FROM file_owner " \
	"WHERE file_owner.kind = " kind " AND file_owner.object = " id " ORDER BY ino))"

#define EXPORT_OBJECT(table, kind) \
	"'kind', '" table "', 'id', id, 'name', name, 'uid', uid, 'gid', gid, 'mode', mode, 'bare', " \
	"bare, 'owned', owned, 'created', created, 'modified', modified, 'modified_by', modified_by, " \
	"'removed', removed, 'files', " EXPORT_FILES(kind, table ".id") ", "

#define EXPORT_PLACE \
	"'kind', 'place', 'id', id, 'uid', uid, 'gid', gid, 'mode', mode, 'owned', owned, " \
	"'created', created, 'files', " EXPORT_FILES("0", "place.id") ", 'version', version"

#define EXPORT_CERT \
	EXPORT_OBJECT("cert", "1") "'version', version, 'issuer', issuer, 'algorithm', " \
	"algorithm, 'subject', subject, 'csr', hex(csr), 'der', hex(der), 'chain', hex(chain), " \
	"'spki_hash', hex(spki_hash), 'serial', hex(serial), 'not_before', not_before, 'not_after', " \
	"not_after, 'enabled', enabled, 'managed', managed, 'validity_days', validity_days, " \
	"'ca_validity_days', ca_validity_days, 'crl_days', crl_days"

#define EXPORT_GROUP \
	EXPORT_OBJECT("grp", "2") "'version', version, 'place', place, 'description', " \
	"description, 'enabled', enabled, 'signing_cert', signing_cert"

#define EXPORT_KEY \
	EXPORT_OBJECT("prov_key", "3") "'version', version, 'grp', grp, 'description', " \
	"description, 'enabled', enabled, 'signing_cert', signing_cert, 'exportable', " \
	"sealed_secret IS NOT NULL, 'max_uses', max_uses, 'uses', uses, 'lost', lost, 'expires', " \
	"expires, 'managed', managed, 'copies', copies, 'last_copied', last_copied, 'last_used', " \
	"last_used"

/* A member that has changed; and (of a row m) as it was made. */
#define EXPORT_MEMBER EXPORT_OBJECT("member", "4") "'description', description"
#define EXPORT_ENROLLED(m) \
	"json_object('id', " m ".id, 'name', " m ".name, 'uid', " m ".uid, 'gid', " m ".gid, 'mode', " \
	m ".mode, 'grp', " m ".grp, 'prov_key', " m ".prov_key, 'created', " m ".created, " \
	"'enrolled_by', " m ".enrolled_by)"

/* An issued certificate i: what never changes of it. Its two long ones are
 * given as they are, or, to know how long the text is, as nothing. */
#define EXPORT_ISSUED(i, der, csr) \
	"json_object('id', " i ".id, 'member', " i ".member, 'prov_key', " i ".prov_key, 'cert', " \
	i ".cert, 'first', " i ".first, 'serial', hex(" i ".serial), 'spki_hash', hex(" i \
	".spki_hash), 'names', " i ".names, 'created', " i ".created, 'not_before', " i \
	".not_before, 'not_after', " i ".not_after, 'der', " der ", 'csr', " csr ")"

#endif
