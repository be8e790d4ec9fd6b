/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tree.h"

#include "fs/attr.h"

/*
 * Numbers stand in inode numbers and in the store: one that is no longer used
 * is not given again. Maxima leave room for values that are merely wrong, so
 * that the error says that and not "too long".
 */
enum { WORD = 16, NUMBER = 32, TIME = 40 };

/* clang-format off */

static const struct attr root_attr[] = {
	{1, "enroll", AT_CONVERSATION | AT_PUBLIC | AT_FIXED | AT_DOCUMENT, .submit = enroll_submit,
	 .help = "provisioning key and CSR in, certificate out"},
	{4, "renew", AT_CONVERSATION | AT_PUBLIC | AT_FIXED | AT_DOCUMENT, .submit = renew_submit,
	 .help = "CSR and proof of the present key in, a new certificate out"},
	{5, "log", AT_VOLATILE | AT_DOCUMENT | AT_AUDIT, .read = log_read, .measure = log_measure,
	 .help = "the audit trail, a JSON object a line, each with the hash of the one before"},
	{6, "log.head", AT_VOLATILE | AT_AUDIT, .show = log_head_show, .measure = log_head_measure,
	 .help = "the hash of its last line, to be kept elsewhere"},
	{7, "metrics", AT_VOLATILE | AT_DOCUMENT, .list = metrics_list,
	 .help = "what there is and what happens, in the text format of Prometheus"},
	{2, "domain", AT_FIXED, .show = domain_show, .help = "the name in keys and certificates"},
	{3, "version", AT_FIXED, .show = version_show, .measure = version_measure, .help = "of enrollfs"},
};

static const struct attr group_attr[] = {
	{1, "description", 0, STORE_DESCRIPTION_MAX, group_description_show,
	 .store = description_store, .help = "a line for people"},
	{2, "enabled", 0, WORD, group_enabled_show, .store = enabled_store,
	 .help = "0: its keys can neither be copied nor enrol"},
	{3, "signing_cert", AT_VOLATILE | AT_ROOT_OWNED, NAME_MAX_LEN, group_signing_cert_show,
	 .store = signing_cert_store, .help = "the certificate that its new keys begin with"},
	{4, "created", AT_FIXED, .show = created_show, .help = "when it was made"},
	{5, "modified", AT_VOLATILE, .show = modified_show, .help = "when it was last edited"},
};

static const struct attr key_attr[] = {
	{1, "key", AT_VOLATILE | AT_LINK, .show = key_show, .present = key_present,
	 .help = "the provisioning key, for whatever follows links"},
	{2, ".key", AT_VOLATILE | AT_HIDDEN | AT_DOCUMENT, .size = key_size, .copy = key_copy,
	 .present = key_present, .help = "the provisioning key; opening it counts as a copy"},
	{3, "max_uses", 0, NUMBER, max_uses_show, .store = max_uses_store,
	 .help = "how many machines may enrol: a number, max, or +N and -N to change it"},
	{4, "uses", AT_VOLATILE, .show = uses_show, .help = "how many have (the utilization count)"},
	{5, "remaining", AT_VOLATILE, .show = remaining_show, .help = "how many are left"},
	{6, "signing_cert", AT_VOLATILE | AT_ROOT_OWNED, NAME_MAX_LEN, key_signing_cert_show,
	 .store = signing_cert_store, .help = "the certificate that signs what enrols"},
	{7, "enabled", 0, WORD, key_enabled_show, .store = enabled_store,
	 .help = "0: it can neither be copied nor enrol"},
	{8, "expires", 0, TIME, expires_show, .store = expires_store,
	 .help = "never, a date or time, seconds since the epoch, or N with s m h d w"},
	{9, "exportable", 0, WORD, exportable_show, .store = exportable_store,
	 .help = "0, once and for all: the secret's readable copy is destroyed"},
	{10, "managed", AT_VOLATILE | AT_ROOT_OWNED, WORD, managed_show, .store = managed_store,
	 .help = "1: read-only; copying and enrolling go on"},
	{11, "state", AT_VOLATILE, .show = key_state_show,
	 .help = "active, exhausted, disabled or expired"},
	{12, "description", 0, STORE_DESCRIPTION_MAX, key_description_show,
	 .store = description_store, .help = "a line for people"},
	{13, "id", AT_FIXED, .show = id_show, .help = "its number, never given again"},
	{14, "copies", AT_VOLATILE, .show = copies_show, .help = "how often it was copied"},
	{15, "last_copied", AT_VOLATILE, .show = last_copied_show, .help = "when, or never"},
	{16, "last_used", AT_VOLATILE, .show = last_used_show, .help = "when, or never"},
	{17, "created", AT_FIXED, .show = created_show, .help = "when it was made"},
	{18, "modified", AT_VOLATILE, .show = modified_show, .help = "when it was last edited"},
	{19, "modified_by", AT_VOLATILE, .show = modified_by_show, .help = "by which uid"},
	{20, "enroll", AT_CONVERSATION | AT_DOCUMENT | AT_FIXED, .submit = key_enroll_submit,
	 .help = "CSR in, certificate out"},
};

static const struct attr member_attr[] = {
	{1, "cert.pem", AT_VOLATILE | AT_DOCUMENT, .show = cert_pem_show, .size = cert_pem_size,
	 .help = "its certificate"},
	{2, "chain.pem", AT_VOLATILE | AT_DOCUMENT, .show = chain_pem_show, .size = chain_pem_size,
	 .help = "from the issuer to the root"},
	{3, "fullchain.pem", AT_VOLATILE | AT_DOCUMENT, .show = fullchain_pem_show,
	 .size = fullchain_pem_size, .help = "both"},
	{4, "csr.pem", AT_VOLATILE | AT_DOCUMENT, .show = csr_pem_show, .size = csr_pem_size,
	 .help = "what it asked with"},
	{5, "serial", AT_VOLATILE, .show = member_serial_show, .help = "of the certificate, hex"},
	{6, "fingerprint", AT_VOLATILE, .show = fingerprint_show, .size = fingerprint_size,
	 .help = "SHA-256 of the certificate, hex"},
	{7, "not_before", AT_VOLATILE, .show = member_not_before_show, .help = "valid from"},
	{8, "not_after", AT_VOLATILE, .show = member_not_after_show, .help = "valid until"},
	{9, "provisioning_key", AT_VOLATILE, .show = provisioning_key_show,
	 .help = "the key it enrolled with"},
	{10, "signing_cert", AT_VOLATILE, .show = member_signing_cert_show,
	 .help = "the certificate that signed its"},
	{11, "state", AT_VOLATILE, .show = member_state_show, .help = "active, expired or revoked"},
	{12, "enrolled", AT_FIXED, .show = enrolled_show, .help = "when"},
	{13, "enrolled_by", AT_FIXED, .show = enrolled_by_show, .help = "by which uid"},
	{15, "revocation", AT_VOLATILE, NUMBER, revocation_show, .store = revocation_store,
	 .help = "none, or why; writing a reason of RFC 5280 revokes all its certificates"},
	{16, "renew", AT_CONVERSATION | AT_DOCUMENT | AT_FIXED, .submit = member_renew_submit,
	 .help = "CSR in, a new certificate out"},
	{14, "description", 0, STORE_DESCRIPTION_MAX, member_description_show,
	 .store = description_store, .help = "a line for people"},
};

static const struct attr cert_attr[] = {
	{1, "cert.pem", AT_VOLATILE | AT_DOCUMENT, .show = cert_pem_show, .size = cert_pem_size,
	 .submit = cert_pem_submit, .help = "the certificate; takes an outside CA's answer and its chain"},
	{2, "chain.pem", AT_VOLATILE | AT_DOCUMENT, .show = chain_pem_show, .size = chain_pem_size,
	 .help = "from its issuer to the root; empty for a root"},
	{3, "csr.pem", AT_VOLATILE | AT_DOCUMENT, .show = csr_pem_show, .size = csr_pem_size,
	 .help = "its certificate request, for an outside CA"},
	{4, "issuer", AT_VOLATILE, NAME_MAX_LEN, issuer_show, .store = issuer_store,
	 .help = "none yet, self, a name in certs/, or external; writing self or a name has it signed"},
	{5, "algorithm", AT_VOLATILE, WORD, algorithm_show, .store = algorithm_store,
	 .help = "of its key; while it waits, writing makes a new key pair"},
	{6, "subject", AT_VOLATILE, STORE_SUBJECT_MAX, subject_show, .store = subject_store,
	 .help = "its distinguished name (RFC 4514)"},
	{7, "state", AT_VOLATILE, .show = cert_state_show, .help = "pending, active, disabled or expired"},
	{8, "enabled", 0, WORD, cert_enabled_show, .store = enabled_store,
	 .help = "0: it signs nothing"},
	{9, "validity_days", 0, NUMBER, validity_days_show, .store = validity_days_store,
	 .help = "lifetime of what it issues"},
	{10, "ca_validity_days", 0, NUMBER, ca_validity_days_show, .store = ca_validity_days_store,
	 .help = "lifetime it is made with"},
	{11, "crl_days", 0, NUMBER, crl_days_show, .store = crl_days_store,
	 .help = "lifetime of its revocation list"},
	{12, "serial", AT_VOLATILE, .show = cert_serial_show, .help = "hex"},
	{13, "fingerprint", AT_VOLATILE, .show = fingerprint_show, .size = fingerprint_size,
	 .help = "SHA-256 of the certificate, hex"},
	{14, "not_before", AT_VOLATILE, .show = cert_not_before_show, .help = "valid from"},
	{15, "not_after", AT_VOLATILE, .show = cert_not_after_show, .help = "valid until"},
	{16, "issued", AT_VOLATILE, .show = issued_show, .help = "how many certificates it issued"},
	{17, "revoked", AT_VOLATILE, .show = revoked_show, .help = "how many of them were revoked"},
	{18, "managed", AT_VOLATILE | AT_ROOT_OWNED, WORD, managed_show, .store = managed_store,
	 .help = "1: read-only; signing goes on"},
	{19, "created", AT_FIXED, .show = created_show, .help = "when it was made"},
	{20, "modified", AT_VOLATILE, .show = modified_show, .help = "when it was last edited"},
	{21, "import", AT_DOCUMENT, .submit = import_submit,
	 .help = "takes a certificate, its chain and its private key, instead of its own"},
	{22, "crl.pem", AT_VOLATILE | AT_DOCUMENT, .list = crl_pem_list,
	 .help = "its revocation list (RFC 5280), fresh"},
	{23, "crl.der", AT_VOLATILE | AT_DOCUMENT, .list = crl_der_list,
	 .help = "the same, DER"},
	{24, "index.txt", AT_VOLATILE | AT_DOCUMENT, .list = index_list,
	 .help = "all that it issued, as the database of openssl-ca(1)"},
	{25, "index.txt.attr", AT_FIXED | AT_DOCUMENT, .show = index_attr_show,
	 .help = "what openssl wants to find beside index.txt"},
};

static const struct attr drop_attr[] = {
	{40, ".csr", AT_VOLATILE | AT_DOCUMENT | AT_DROP, .show = drop_csr_show, .size = drop_csr_size,
	 .submit = drop_csr_submit, .help = "what it asked with; dropping one here enrols it under its name"},
	{41, ".crt", AT_VOLATILE | AT_DOCUMENT, .show = drop_crt_show,
	 .size = drop_crt_size, .help = "the answer: its certificate and chain"},
};

static const struct attr table_attr[] = {
	/* the root's row is theirs too: their numbers are not those of its
	 * files */
	{30, "keys.tsv", AT_VOLATILE | AT_DOCUMENT, .list = keys_list,
	 .help = "all provisioning keys, a row each"},
	{31, "members.tsv", AT_VOLATILE | AT_DOCUMENT, .list = members_list,
	 .help = "all members, a row each"},
};

/* for what has a directory there, and what has not */
static const struct attr export_store_attr[] = {
	{1, "store.json", AT_VOLATILE | AT_DOCUMENT, .show = export_show, .measure = export_measure,
	 .help = "the store itself: its id, domain and fixed directories"},
};

static const struct attr export_group_attr[] = {
	{1, "group.json", AT_VOLATILE | AT_DOCUMENT, .show = export_show, .measure = export_measure,
	 .help = "the group, for a restore"},
};

static const struct attr export_attr[] = {
	{1, ".json", AT_VOLATILE | AT_DOCUMENT, .show = export_show, .measure = export_measure,
	 .help = "the key or certificate, for a restore; secrets encrypted"},
};

static const struct attr segment_attr[] = {
	{1, ".jsonl", AT_VOLATILE | AT_DOCUMENT, .read = segment_read, .measure = segment_measure,
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
		.changed = members_changed, .notify = true, .follows = true},
	[KIND_MEMBER] = {.name = "a member", .row = STORE_MEMBER, ATTRS(member_attr)},
	[KIND_CERTS] = {.name = "certificates", .row = STORE_PLACE, .child = KIND_CERT,
		.changed = list_changed},
	[KIND_CERT] = {.name = "a certificate", .row = STORE_CERT, ATTRS(cert_attr)},
	[KIND_DROPS] = {.name = "dropped requests", .row = STORE_KEY, .child = KIND_DROP,
		.changed = list_changed, .find = drop_find, .each = drop_each, .is_volatile = true, .follows = true},
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
