/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tree.h"

#include "fs/attrs.h"

/*
 * Numbers stand in inode numbers and in the store: one that is no longer used
 * is not given again. Maxima leave room for what is merely wrong, so that it is
 * told as that and not as too long.
 */
enum { WORD = 16, NUMBER = 32, TIME = 40 };

/* clang-format off */

static const struct attr root_attr[] = {
	{1, "enroll", AT_CONVERSATION | AT_PUBLIC | AT_FIXED | AT_DOCUMENT, .take = take_enroll,
	 .help = "provisioning key and CSR in, certificate out"},
	{4, "renew", AT_CONVERSATION | AT_PUBLIC | AT_FIXED | AT_DOCUMENT, .take = take_renew,
	 .help = "CSR and proof of the present key in, a new certificate out"},
	{5, "log", AT_VOLATILE | AT_DOCUMENT | AT_AUDIT, .read = read_log, .measure = measure_log,
	 .help = "the audit trail, a JSON object a line, each with the hash of the one before"},
	{6, "log.head", AT_VOLATILE | AT_AUDIT, .show = show_log_head, .measure = measure_log_head,
	 .help = "the hash of its last line, to be kept elsewhere"},
	{7, "metrics", AT_VOLATILE | AT_DOCUMENT, .snapshot = snapshot_metrics,
	 .help = "what there is and what happens, in the text format of Prometheus"},
	{2, "domain", AT_FIXED, .show = show_domain, .help = "the name in keys and certificates"},
	{3, "version", AT_FIXED, .show = show_version, .measure = measure_version, .help = "of enrollfs"},
};

static const struct attr group_attr[] = {
	{1, "description", 0, STORE_DESCRIPTION_MAX, show_group_description,
	 .store = store_description, .help = "a line for people"},
	{2, "enabled", 0, WORD, show_group_enabled, .store = store_enabled,
	 .help = "0: its keys can neither be copied nor enrol"},
	{3, "signing_cert", AT_VOLATILE | AT_ROOT_OWNED, NAME_MAX_LEN, show_group_signing_cert,
	 .store = store_signing_cert, .help = "the certificate that its new keys begin with"},
	{4, "created", AT_FIXED, .show = show_created, .help = "when it was made"},
	{5, "modified", AT_VOLATILE, .show = show_modified, .help = "when it was last edited"},
};

static const struct attr key_attr[] = {
	{1, "key", AT_VOLATILE | AT_LINK, .show = show_key_link, .present = key_exportable,
	 .help = "the provisioning key, for whatever follows links"},
	{2, ".key", AT_VOLATILE | AT_HIDDEN | AT_DOCUMENT, .size = size_key, .copy = copy_key,
	 .present = key_exportable, .help = "the provisioning key; opening it counts as a copy"},
	{3, "max_uses", 0, NUMBER, show_max_uses, .store = store_max_uses,
	 .help = "how many machines may enrol: a number, max, or +N and -N to change it"},
	{4, "uses", AT_VOLATILE, .show = show_uses, .help = "how many have (the utilization count)"},
	{5, "remaining", AT_VOLATILE, .show = show_remaining, .help = "how many are left"},
	{6, "signing_cert", AT_VOLATILE | AT_ROOT_OWNED, NAME_MAX_LEN, show_key_signing_cert,
	 .store = store_signing_cert, .help = "the certificate that signs what enrols"},
	{7, "enabled", 0, WORD, show_key_enabled, .store = store_enabled,
	 .help = "0: it can neither be copied nor enrol"},
	{8, "expires", 0, TIME, show_expires, .store = store_expires,
	 .help = "never, a date or time, seconds since the epoch, or N with s m h d w"},
	{9, "exportable", 0, WORD, show_exportable, .store = store_exportable,
	 .help = "0, once and for all: the secret's readable copy is destroyed"},
	{10, "managed", AT_VOLATILE | AT_ROOT_OWNED, WORD, show_managed, .store = store_managed,
	 .help = "1: read-only; copying and enrolling go on"},
	{11, "state", AT_VOLATILE, .show = show_key_state,
	 .help = "active, exhausted, disabled or expired"},
	{12, "description", 0, STORE_DESCRIPTION_MAX, show_key_description,
	 .store = store_description, .help = "a line for people"},
	{13, "id", AT_FIXED, .show = show_id, .help = "its number, never given again"},
	{14, "copies", AT_VOLATILE, .show = show_copies, .help = "how often it was copied"},
	{15, "last_copied", AT_VOLATILE, .show = show_last_copied, .help = "when, or never"},
	{16, "last_used", AT_VOLATILE, .show = show_last_used, .help = "when, or never"},
	{17, "created", AT_FIXED, .show = show_created, .help = "when it was made"},
	{18, "modified", AT_VOLATILE, .show = show_modified, .help = "when it was last edited"},
	{19, "modified_by", AT_VOLATILE, .show = show_modified_by, .help = "by which uid"},
	{20, "enroll", AT_CONVERSATION | AT_DOCUMENT | AT_FIXED, .take = take_key_enroll,
	 .help = "CSR in, certificate out"},
};

static const struct attr member_attr[] = {
	{1, "cert.pem", AT_VOLATILE | AT_DOCUMENT, .show = show_cert_pem, .size = size_cert_pem,
	 .help = "its certificate"},
	{2, "chain.pem", AT_VOLATILE | AT_DOCUMENT, .show = show_chain_pem, .size = size_chain_pem,
	 .help = "from the issuer to the root"},
	{3, "fullchain.pem", AT_VOLATILE | AT_DOCUMENT, .show = show_fullchain_pem,
	 .size = size_fullchain_pem, .help = "both"},
	{4, "csr.pem", AT_VOLATILE | AT_DOCUMENT, .show = show_csr_pem, .size = size_csr_pem,
	 .help = "what it asked with"},
	{5, "serial", AT_VOLATILE, .show = show_member_serial, .help = "of the certificate, hex"},
	{6, "fingerprint", AT_VOLATILE, .show = show_fingerprint, .size = size_fingerprint,
	 .help = "SHA-256 of the certificate, hex"},
	{7, "not_before", AT_VOLATILE, .show = show_member_not_before, .help = "valid from"},
	{8, "not_after", AT_VOLATILE, .show = show_member_not_after, .help = "valid until"},
	{9, "provisioning_key", AT_VOLATILE, .show = show_provisioning_key,
	 .help = "the key it enrolled with"},
	{10, "signing_cert", AT_VOLATILE, .show = show_member_signing_cert,
	 .help = "the certificate that signed its"},
	{11, "state", AT_VOLATILE, .show = show_member_state, .help = "active, expired or revoked"},
	{12, "enrolled", AT_FIXED, .show = show_enrolled, .help = "when"},
	{13, "enrolled_by", AT_FIXED, .show = show_enrolled_by, .help = "by which uid"},
	{15, "revocation", AT_VOLATILE, NUMBER, show_revocation, .store = store_revocation,
	 .help = "none, or why; writing a reason of RFC 5280 revokes all its certificates"},
	{16, "renew", AT_CONVERSATION | AT_DOCUMENT | AT_FIXED, .take = take_member_renew,
	 .help = "CSR in, a new certificate out"},
	{14, "description", 0, STORE_DESCRIPTION_MAX, show_member_description,
	 .store = store_description, .help = "a line for people"},
};

static const struct attr cert_attr[] = {
	{1, "cert.pem", AT_VOLATILE | AT_DOCUMENT, .show = show_cert_pem, .size = size_cert_pem,
	 .take = take_cert_pem, .help = "the certificate; takes an outside CA's answer and its chain"},
	{2, "chain.pem", AT_VOLATILE | AT_DOCUMENT, .show = show_chain_pem, .size = size_chain_pem,
	 .help = "from its issuer to the root; empty for a root"},
	{3, "csr.pem", AT_VOLATILE | AT_DOCUMENT, .show = show_csr_pem, .size = size_csr_pem,
	 .help = "its certificate request, for an outside CA"},
	{4, "issuer", AT_VOLATILE, NAME_MAX_LEN, show_issuer, .store = store_issuer,
	 .help = "none yet, self, a name in certs/, or external; writing self or a name has it signed"},
	{5, "algorithm", AT_VOLATILE, WORD, show_algorithm, .store = store_algorithm,
	 .help = "of its key; while it waits, writing makes a new key pair"},
	{6, "subject", AT_VOLATILE, STORE_SUBJECT_MAX, show_subject, .store = store_subject,
	 .help = "its distinguished name (RFC 4514)"},
	{7, "state", AT_VOLATILE, .show = show_cert_state, .help = "pending, active, disabled or expired"},
	{8, "enabled", 0, WORD, show_cert_enabled, .store = store_enabled,
	 .help = "0: it signs nothing"},
	{9, "validity_days", 0, NUMBER, show_validity_days, .store = store_validity_days,
	 .help = "lifetime of what it issues"},
	{10, "ca_validity_days", 0, NUMBER, show_ca_validity_days, .store = store_ca_validity_days,
	 .help = "lifetime it is made with"},
	{11, "crl_days", 0, NUMBER, show_crl_days, .store = store_crl_days,
	 .help = "lifetime of its revocation list"},
	{12, "serial", AT_VOLATILE, .show = show_cert_serial, .help = "hex"},
	{13, "fingerprint", AT_VOLATILE, .show = show_fingerprint, .size = size_fingerprint,
	 .help = "SHA-256 of the certificate, hex"},
	{14, "not_before", AT_VOLATILE, .show = show_cert_not_before, .help = "valid from"},
	{15, "not_after", AT_VOLATILE, .show = show_cert_not_after, .help = "valid until"},
	{16, "issued", AT_VOLATILE, .show = show_issued, .help = "how many certificates it issued"},
	{17, "revoked", AT_VOLATILE, .show = show_revoked, .help = "how many of them were revoked"},
	{18, "managed", AT_VOLATILE | AT_ROOT_OWNED, WORD, show_managed, .store = store_managed,
	 .help = "1: read-only; signing goes on"},
	{19, "created", AT_FIXED, .show = show_created, .help = "when it was made"},
	{20, "modified", AT_VOLATILE, .show = show_modified, .help = "when it was last edited"},
	{21, "import", AT_DOCUMENT, .take = take_import,
	 .help = "takes a certificate, its chain and its private key, instead of its own"},
	{22, "crl.pem", AT_VOLATILE | AT_DOCUMENT, .snapshot = snapshot_crl_pem,
	 .help = "its revocation list (RFC 5280), fresh"},
	{23, "crl.der", AT_VOLATILE | AT_DOCUMENT, .snapshot = snapshot_crl_der,
	 .help = "the same, DER"},
	{24, "index.txt", AT_VOLATILE | AT_DOCUMENT, .snapshot = snapshot_index,
	 .help = "all that it issued, as the database of openssl-ca(1)"},
	{25, "index.txt.attr", AT_FIXED | AT_DOCUMENT, .show = show_index_attr,
	 .help = "what openssl wants to find beside index.txt"},
};

static const struct attr drop_attr[] = {
	{40, ".csr", AT_VOLATILE | AT_DOCUMENT | AT_DROP, .show = show_drop_csr, .size = size_drop_csr,
	 .take = take_drop, .help = "what it asked with; dropping one here enrols it under its name"},
	{41, ".crt", AT_VOLATILE | AT_DOCUMENT, .show = show_drop_crt,
	 .size = size_drop_crt, .help = "the answer: its certificate and chain"},
};

static const struct attr table_attr[] = {
	/* the root's row is theirs too: their numbers are not those of its
	 * files */
	{30, "keys.tsv", AT_VOLATILE | AT_DOCUMENT, .snapshot = snapshot_keys,
	 .help = "all provisioning keys, a row each"},
	{31, "members.tsv", AT_VOLATILE | AT_DOCUMENT, .snapshot = snapshot_members,
	 .help = "all members, a row each"},
};

/* for what has a directory there, and what has not */
static const struct attr export_store_attr[] = {
	{1, "store.json", AT_VOLATILE | AT_DOCUMENT, .show = show_export, .measure = measure_export,
	 .help = "the store itself: its id, domain and fixed directories"},
};

static const struct attr export_group_attr[] = {
	{1, "group.json", AT_VOLATILE | AT_DOCUMENT, .show = show_export, .measure = measure_export,
	 .help = "the group, for a restore"},
};

static const struct attr export_attr[] = {
	{1, ".json", AT_VOLATILE | AT_DOCUMENT, .show = show_export, .measure = measure_export,
	 .help = "the key or certificate, for a restore; secrets encrypted"},
};

static const struct attr segment_attr[] = {
	{1, ".jsonl", AT_VOLATILE | AT_DOCUMENT, .read = read_segment, .measure = measure_segment,
	 .help = "1,000 records of what came, for a restore"},
};

/* `trail` is the last, also by name: what is copied in this order is never
 * newer than that. */
static const struct fixed_dir export_dir[] = {
	{"app_connector", KIND_EXPORT_GROUPS, STORE_APP_CONNECTOR},
	{"service_edge", KIND_EXPORT_GROUPS, STORE_SERVICE_EDGE},
	{"certs", KIND_EXPORT_CERTS, STORE_CERTS},
	{"trail", KIND_EXPORT_TRAIL, 0},
};

static const struct fixed_dir export_group_dir[] = {
	{"keys", KIND_EXPORT_KEYS, 0},
};

static const struct fixed_dir root_dir[] = {
	{"app_connector", KIND_GROUPS, STORE_APP_CONNECTOR},
	{"service_edge", KIND_GROUPS, STORE_SERVICE_EDGE},
	{"certs", KIND_CERTS, STORE_CERTS},
	{"tables", KIND_TABLES, 0},
	{"export", KIND_EXPORT, 0},
};

static const struct fixed_dir group_dir[] = {
	{"keys", KIND_KEYS, 0},
	{"members", KIND_MEMBERS, 0},
};

static const struct fixed_dir key_dir[] = {
	{"enroll.d", KIND_DROPS, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ATTRS(array) .attr = (array), .attrs = COUNT(array)
#define DIRS(array) .dir = (array), .dirs = COUNT(array)

const struct kind tree[KINDS] = {
	[KIND_ROOT] = {.name = "the mount", .row = STORE_PLACE, ATTRS(root_attr), DIRS(root_dir)},
	[KIND_GROUPS] = {.name = "groups", .row = STORE_PLACE, .child = KIND_GROUP,
		.changed = list_changed},
	[KIND_GROUP] = {.name = "a group", .row = STORE_GROUP, ATTRS(group_attr), DIRS(group_dir)},
	[KIND_KEYS] = {.name = "keys", .row = STORE_GROUP, .child = KIND_KEY, .changed = keys_changed,
		.follows = true},
	[KIND_KEY] = {.name = "a key", .row = STORE_KEY, ATTRS(key_attr), DIRS(key_dir)},
	[KIND_MEMBERS] = {.name = "members", .row = STORE_GROUP, .child = KIND_MEMBER,
		.changed = members_changed, .told = true, .follows = true},
	[KIND_MEMBER] = {.name = "a member", .row = STORE_MEMBER, ATTRS(member_attr)},
	[KIND_CERTS] = {.name = "certificates", .row = STORE_PLACE, .child = KIND_CERT,
		.changed = list_changed},
	[KIND_CERT] = {.name = "a certificate", .row = STORE_CERT, ATTRS(cert_attr)},
	[KIND_DROPS] = {.name = "dropped requests", .row = STORE_KEY, .child = KIND_DROP,
		.changed = list_changed, .find = find_drop, .each = each_drop, .is_volatile = true, .follows = true},
	[KIND_DROP] = {.name = "a dropped request", .row = STORE_MEMBER, ATTRS(drop_attr), .flat = true},
	[KIND_TABLES] = {.name = "tables", .row = STORE_PLACE, ATTRS(table_attr), .follows = true,
		.audit = true},
	[KIND_EXPORT] = {.name = "the export", .row = STORE_PLACE, ATTRS(export_store_attr),
		DIRS(export_dir), .exported = true},
	[KIND_EXPORT_GROUPS] = {.name = "exported groups", .row = STORE_PLACE,
		.child = KIND_EXPORT_GROUP, .changed = list_changed, .is_volatile = true,
		.exported = true},
	[KIND_EXPORT_GROUP] = {.name = "an exported group", .row = STORE_GROUP,
		ATTRS(export_group_attr), DIRS(export_group_dir), .is_volatile = true,
		.exported = true},
	[KIND_EXPORT_KEYS] = {.name = "exported keys", .row = STORE_GROUP, .child = KIND_EXPORT_KEY,
		.changed = keys_changed, .is_volatile = true, .exported = true},
	[KIND_EXPORT_KEY] = {.name = "an exported key", .row = STORE_KEY, ATTRS(export_attr),
		.flat = true, .exported = true},
	[KIND_EXPORT_CERTS] = {.name = "exported certificates", .row = STORE_PLACE,
		.child = KIND_EXPORT_CERT, .changed = list_changed, .is_volatile = true,
		.exported = true},
	[KIND_EXPORT_CERT] = {.name = "an exported certificate", .row = STORE_CERT,
		ATTRS(export_attr), .flat = true, .exported = true},
	[KIND_EXPORT_TRAIL] = {.name = "the exported trail", .row = STORE_PLACE,
		.child = KIND_EXPORT_SEGMENT, .changed = list_changed, .exported = true},
	[KIND_EXPORT_SEGMENT] = {.name = "a segment of the trail", .row = STORE_SEGMENT,
		ATTRS(segment_attr), .flat = true, .exported = true},
};

const struct attr *tree_attr(const struct kind *kind, unsigned int number)
{
	for (size_t i = 0; i < kind->attrs; i++)
		if (kind->attr[i].number == number)
			return &kind->attr[i];
	return NULL;
}
