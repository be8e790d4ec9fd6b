/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tree.h"

#include "fs/attr.h"

/*
 * Numbers stand in inode numbers and in the store: one that is no longer used
 * is not given again. Maxima leave room for values that are merely wrong, so
 * that the error says that and not "too long".
 */
enum { WORD = 16, NUMBER = 32, TIME = 40 };

/* Constructors of attributes. Each sets exactly the handlers of its type, and
 * the flags that follow from them. The last argument is a line of help. */
/* clang-format off */

/* 1 to 47 are an attribute's bits in struct store_object. */
#define ATTR_NUMBER(n) ((n) + 0 * sizeof(struct { int unused; \
	_Static_assert((n) >= 1 && (n) <= 47, "an attribute's number"); }))
#define ATTR(n, text, bits, line) .number = ATTR_NUMBER(n), .name = text, \
	.flags = (bits), .help = line

/* One value of at most `most` bytes, which only a write changes. */
#define VALUE(n, text, most, show_fn, store_fn, line) \
	{ATTR(n, text, 0, line), .max = most, .show = show_fn, .store = store_fn}

/* A value that other changes of the store change too. */
#define SHARED_VALUE(n, text, most, show_fn, store_fn, line) \
	{ATTR(n, text, AT_VOLATILE, line), .max = most, .show = show_fn, \
	 .store = store_fn}

/* A value that can only be written. */
#define WRITTEN(n, text, most, store_fn, line) \
	{ATTR(n, text, AT_VOLATILE, line), .max = most, .store = store_fn}

/* A list of lines of at most `most` bytes; ROOT_LINES: that only the owner of
 * the mount's root may write. */
#define LINES(n, text, most, show_fn, store_fn, line) \
	{ATTR(n, text, AT_LINES, line), .max = most, .show = show_fn, \
	 .store = store_fn}
#define ROOT_LINES(n, text, most, show_fn, store_fn, line) \
	{ATTR(n, text, AT_LINES | AT_ROOT_OWNED, line), .max = most, \
	 .show = show_fn, .store = store_fn}

/* SHARED_VALUE of which fsync(2) waits for what follows from it. */
#define AWAITED(n, text, most, show_fn, store_fn, sync_fn, line) \
	{ATTR(n, text, AT_VOLATILE, line), .max = most, .show = show_fn, \
	 .store = store_fn, .sync = sync_fn}

/* AWAITED whose write waits too. */
#define ORDER(n, text, most, show_fn, store_fn, settle_fn, sync_fn, line) \
	{ATTR(n, text, AT_VOLATILE, line), .max = most, .show = show_fn, \
	 .store = store_fn, .settle = settle_fn, .sync = sync_fn}

/* A value that only the owner of the mount's root may write. */
#define ROOT_VALUE(n, text, most, show_fn, store_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_ROOT_OWNED, line), .max = most, \
	 .show = show_fn, .store = store_fn}

/* A value that nobody can write; SIZED: whose length is known without rendering
 * it. */
#define READ_ONLY(n, text, show_fn, line) \
	{ATTR(n, text, AT_VOLATILE, line), .show = show_fn}
#define SIZED(n, text, show_fn, size_fn, line) \
	{ATTR(n, text, AT_VOLATILE, line), .show = show_fn, .size = size_fn}

/* A value that never changes. */
#define CONSTANT(n, text, show_fn, line) \
	{ATTR(n, text, AT_FIXED, line), .show = show_fn}

/* A value with a time of its own; when: FIXED or VOLATILE. */
#define MEASURED(n, text, when, show_fn, measure_fn, bits, line) \
	{ATTR(n, text, AT_##when | (bits), line), .show = show_fn, \
	 .measure = measure_fn}

/* A text of any length; FIXED_DOCUMENT: that never changes. */
#define DOCUMENT(n, text, show_fn, size_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT, line), .show = show_fn, \
	 .size = size_fn}
#define FIXED_DOCUMENT(n, text, show_fn, line) \
	{ATTR(n, text, AT_FIXED | AT_DOCUMENT, line), .show = show_fn}

/* The same of a member, where they change only by a renewal or a rename. */
#define RENEWED(n, text, show_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_RENEWED, line), .show = show_fn}
#define RENEWED_SIZED(n, text, show_fn, size_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_RENEWED, line), .show = show_fn, .size = size_fn}
#define RENEWED_DOCUMENT(n, text, show_fn, size_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_RENEWED | AT_DOCUMENT, line), .show = show_fn, \
	 .size = size_fn}

/* A document that also changes with what stands above the object. */
#define CHAIN(n, text, show_fn, measure_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT, line), .show = show_fn, \
	 .measure = measure_fn}
#define RENEWED_CHAIN(n, text, show_fn, measure_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_RENEWED | AT_DOCUMENT, line), .show = show_fn, \
	 .measure = measure_fn}

/* A document that can be written, in any number of writes. */
#define COLLECTED(n, text, show_fn, size_fn, submit_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT, line), .show = show_fn, \
	 .size = size_fn, .submit = submit_fn}

/* The same, where creating the file enrolls a member. */
#define DROP(n, text, show_fn, size_fn, submit_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT | AT_DROP, line), \
	 .show = show_fn, .size = size_fn, .submit = submit_fn}

/* A document that can be written, and reads as empty. */
#define INPUT(n, text, submit_fn, line) \
	{ATTR(n, text, AT_DOCUMENT, line), .submit = submit_fn}

/* A value that can be written, and reads as empty. */
#define COMMAND(n, text, most, store_fn, line) \
	{ATTR(n, text, AT_DOCUMENT, line), .max = most, .store = store_fn}

/* A request is written, its reply is read. */
#define CONVERSATION(n, text, submit_fn, bits, line) \
	{ATTR(n, text, AT_CONVERSATION | AT_FIXED | AT_DOCUMENT | (bits), line), \
	 .submit = submit_fn}

/* One that only the owner of the mount's root may use. */
#define ROOT_CONVERSATION(n, text, submit_fn, line) \
	CONVERSATION(n, text, submit_fn, AT_ROOT_OWNED, line)

/* A file that only grows. */
#define STREAM(n, text, read_fn, measure_fn, bits, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT | (bits), line), .read = read_fn, \
	 .measure = measure_fn}

/* A large document, shared by all its readers. */
#define LIST(n, text, list_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT, line), .list = list_fn}

/* A symbolic link. */
#define LINK(n, text, show_fn, present_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_LINK, line), .show = show_fn, \
	 .present = present_fn}

/* A hidden file, each open of which is an event. */
#define SECRET(n, text, copy_fn, size_fn, present_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_HIDDEN | AT_DOCUMENT, line), \
	 .copy = copy_fn, .size = size_fn, .present = present_fn}

/* A text that is another one for each user. */
#define REPORT(n, text, report_fn, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT, line), .report = report_fn}

/* An object as a restore wants it. */
#define EXPORT(n, text, line) \
	{ATTR(n, text, AT_VOLATILE | AT_DOCUMENT, line), .show = export_show, \
	 .measure = export_measure}

/* clang-format on */

static const struct attr root_attr[] = {
    CONVERSATION(1, "enroll", enroll_submit, AT_PUBLIC,
	"provisioning key and CSR in, certificate out"),
    CONVERSATION(4, "renew", renew_submit, AT_PUBLIC,
	"CSR and proof of the present key in, a new certificate out"),
    STREAM(5, "log", log_read, log_measure, AT_AUDIT,
	"the audit trail, a JSON object a line, each with the hash of the one before"),
    MEASURED(6, "log.head", VOLATILE, log_head_show, log_head_measure, AT_AUDIT,
	"the hash of its last line, to be kept elsewhere"),
    LIST(7, "metrics", metrics_list, "metrics in the text format of Prometheus"),
    REPORT(8, "why", store_why,
	"what the reader was last refused, and the reasons"),
    ROOT_CONVERSATION(9, "whois", whois_submit,
	"a provisioning key in; where it is, or was, out"),
    CONSTANT(2, "domain", domain_show, "the name in keys and certificates"),
    MEASURED(
	3, "version", FIXED, version_show, version_measure, 0, "of enrollfs"),
};

static const struct attr group_attr[] = {
    VALUE(1, "description", STORE_DESCRIPTION_MAX, group_description_show,
	description_store, "a line for people"),
    SHARED_VALUE(2, "enabled", WORD, group_enabled_show, enabled_store,
	"0: its keys can neither be copied nor enroll"),
    ROOT_VALUE(3, "signing_cert", NAME_MAX_LEN, group_signing_cert_show,
	signing_cert_store, "the certificate that its new keys begin with"),
    CONSTANT(4, "created", created_show, "when it was made"),
    READ_ONLY(5, "modified", modified_show, "when it was last edited"),
    ROOT_LINES(6, "allowed_names", STORE_LINES_MAX, allowed_names_show,
	allowed_names_store,
	"DNS names and IP addresses that certificates may have beside ours"),
    ROOT_LINES(7, "member_names", STORE_LINES_MAX, member_names_show,
	member_names_store, "names that members may have, with * and ?"),
    ROOT_VALUE(8, "validity", NUMBER, validity_show, validity_store,
	"longest lifetime of members' certificates: N with s m h d w"),
    ROOT_LINES(9, "key_types", STORE_LINES_MAX, key_types_show, key_types_store,
	"of ec-p256 ec-p384 ec-p521 ed25519 rsa>=N"),
    ROOT_LINES(10, "usages", STORE_LINES_MAX, usages_show, usages_store,
	"of client and server"),
    ROOT_VALUE(11, "approval", WORD, group_approval_show, approval_store,
	"1: what enrolls with its keys waits for approval"),
    ORDER(12, "revocation", NUMBER, order_show, revocation_store, order_settle,
	revocation_sync,
	"none, or why; writing a reason of RFC 5280 revokes all that its members have"),
    VALUE(13, "expire_after", TIME, expire_after_show, expire_after_store,
	"how long after their last certificate its members go: never, or N with s m h d w"),
};

static const struct attr key_attr[] = {
    LINK(1, "key", key_show, key_present, "a link to the provisioning key"),
    SECRET(2, ".key", key_copy, key_size, key_present,
	"the provisioning key; opening it counts as a copy"),
    VALUE(3, "max_uses", NUMBER, max_uses_show, max_uses_store,
	"how many machines may enroll: a number, max, or +N and -N to change it"),
    READ_ONLY(4, "uses", uses_show, "how many have (the utilization count)"),
    READ_ONLY(5, "remaining", remaining_show, "how many are left"),
    ROOT_VALUE(6, "signing_cert", NAME_MAX_LEN, key_signing_cert_show,
	signing_cert_store, "the certificate that signs what enrolls"),
    SHARED_VALUE(7, "enabled", WORD, key_enabled_show, enabled_store,
	"0: it can neither be copied nor enroll"),
    VALUE(8, "expires", TIME, expires_show, expires_store,
	"never, a date or time, seconds since the epoch, or N with s m h d w"),
    VALUE(9, "exportable", WORD, exportable_show, exportable_store,
	"write 0 to make the key uncopyable; this cannot be undone"),
    ROOT_VALUE(10, "managed", WORD, managed_show, managed_store,
	"1: read-only; copying and enrolling stay possible"),
    READ_ONLY(
	11, "state", key_state_show, "active, exhausted, disabled or expired"),
    VALUE(12, "description", STORE_DESCRIPTION_MAX, key_description_show,
	description_store, "a line for people"),
    CONSTANT(13, "id", id_show, "its number, never given again"),
    READ_ONLY(14, "copies", copies_show, "how often it was copied"),
    READ_ONLY(15, "last_copied", last_copied_show, "when, or never"),
    READ_ONLY(16, "last_used", last_used_show, "when, or never"),
    CONSTANT(17, "created", created_show, "when it was made"),
    READ_ONLY(18, "modified", modified_show, "when it was last edited"),
    READ_ONLY(19, "modified_by", modified_by_show, "by which uid"),
    CONVERSATION(20, "enroll", key_enroll_submit, 0, "CSR in, certificate out"),
    LINES(21, "allowed_names", STORE_LINES_MAX, allowed_names_show,
	allowed_names_store, "of those that the group allows"),
    LINES(22, "member_names", STORE_LINES_MAX, member_names_show,
	member_names_store, "names that members may have, with * and ?"),
    VALUE(23, "validity", NUMBER, validity_show, validity_store,
	"longest lifetime of members' certificates: N with s m h d w"),
    LINES(24, "key_types", STORE_LINES_MAX, key_types_show, key_types_store,
	"of ec-p256 ec-p384 ec-p521 ed25519 rsa>=N"),
    LINES(25, "usages", STORE_LINES_MAX, usages_show, usages_store,
	"of client and server"),
    VALUE(26, "approval", WORD, key_approval_show, approval_store,
	"1: what enrolls waits in pending/ for approval"),
    ORDER(27, "revocation", NUMBER, order_show, revocation_store, order_settle,
	revocation_sync,
	"none, or why; writing a reason of RFC 5280 revokes all that enrolled with it"),
    COMMAND(28, "secret", TIME + WORD, secret_store,
	"write new to replace the secret, or new +30d: the one before enrolls so long"),
};

static const struct attr pending_attr[] = {
    READ_ONLY(1, "name", pending_name_show, "that the member will have"),
    DOCUMENT(2, "csr.pem", pending_csr_show, NULL, "the certificate request"),
    READ_ONLY(3, "fingerprint", pending_fingerprint_show,
	"SHA-256 of the public key, hex"),
    READ_ONLY(4, "code", pending_code_show,
	"its first 16 digits; the machine shows the same"),
    READ_ONLY(5, "requested", created_show, "when"),
    READ_ONLY(6, "requested_by", modified_by_show, "by which uid"),
    READ_ONLY(7, "from", pending_from_show, "where it came from"),
    WRITTEN(8, "approve", TIME, approve_store, "takes the code, and then signs"),
};

static const struct attr member_attr[] = {
    RENEWED_DOCUMENT(
	1, "cert.pem", cert_pem_show, cert_pem_size, "its certificate"),
    RENEWED_CHAIN(2, "chain.pem", chain_pem_show, chain_pem_measure,
	"from the issuer to the root"),
    RENEWED_CHAIN(3, "fullchain.pem", fullchain_pem_show, fullchain_pem_measure,
	"cert.pem and chain.pem"),
    RENEWED_DOCUMENT(
	4, "csr.pem", csr_pem_show, csr_pem_size, "the certificate request"),
    RENEWED(5, "serial", member_serial_show, "of the certificate, hex"),
    RENEWED_SIZED(6, "fingerprint", fingerprint_show, fingerprint_size,
	"SHA-256 of the certificate, hex"),
    RENEWED(7, "not_before", member_not_before_show, "valid from"),
    RENEWED(8, "not_after", member_not_after_show, "valid until"),
    RENEWED(9, "provisioning_key", provisioning_key_show,
	"the key it enrolled with"),
    RENEWED(10, "signing_cert", member_signing_cert_show,
	"the certificate that signed the member's"),
    READ_ONLY(11, "state", member_state_show, "active, expired or revoked"),
    CONSTANT(12, "enrolled", enrolled_show, "when"),
    CONSTANT(13, "enrolled_by", enrolled_by_show, "by which uid"),
    AWAITED(15, "revocation", NUMBER, revocation_show, revocation_store,
	revocation_sync,
	"none, or why; writing a reason of RFC 5280 revokes all its certificates"),
    CONVERSATION(
	16, "renew", member_renew_submit, 0, "CSR in, a new certificate out"),
    VALUE(14, "description", STORE_DESCRIPTION_MAX, member_description_show,
	description_store, "a line for people"),
};

static const struct attr cert_attr[] = {
    COLLECTED(1, "cert.pem", cert_pem_show, cert_pem_size, cert_pem_submit,
	"the certificate; write an outside CA's reply and its chain"),
    CHAIN(2, "chain.pem", chain_pem_show, chain_pem_measure,
	"from its issuer to the root; empty for a root"),
    DOCUMENT(3, "csr.pem", csr_pem_show, csr_pem_size,
	"its certificate request, for an outside CA"),
    SHARED_VALUE(4, "issuer", NAME_MAX_LEN, issuer_show, issuer_store,
	"none yet, self, a name in certs/, or external; writing self or a name has it signed"),
    SHARED_VALUE(5, "algorithm", WORD, algorithm_show, algorithm_store,
	"of its key; while it waits, writing makes a new key pair"),
    SHARED_VALUE(6, "subject", STORE_SUBJECT_MAX, subject_show, subject_store,
	"its distinguished name (RFC 4514)"),
    READ_ONLY(
	7, "state", cert_state_show, "pending, active, disabled or expired"),
    SHARED_VALUE(8, "enabled", WORD, cert_enabled_show, enabled_store,
	"0: it signs nothing"),
    VALUE(9, "validity_days", NUMBER, validity_days_show, validity_days_store,
	"lifetime of what it issues"),
    VALUE(10, "ca_validity_days", NUMBER, ca_validity_days_show,
	ca_validity_days_store, "lifetime it is made with"),
    VALUE(11, "crl_days", NUMBER, crl_days_show, crl_days_store,
	"lifetime of its revocation list"),
    READ_ONLY(12, "serial", cert_serial_show, "hex"),
    SIZED(13, "fingerprint", fingerprint_show, fingerprint_size,
	"SHA-256 of the certificate, hex"),
    READ_ONLY(14, "not_before", cert_not_before_show, "valid from"),
    READ_ONLY(15, "not_after", cert_not_after_show, "valid until"),
    READ_ONLY(16, "issued", issued_show, "how many certificates it issued"),
    READ_ONLY(17, "revoked", revoked_show, "how many of them were revoked"),
    ROOT_VALUE(18, "managed", WORD, managed_show, managed_store,
	"1: read-only; signing stays possible"),
    CONSTANT(19, "created", created_show, "when it was made"),
    READ_ONLY(20, "modified", modified_show, "when it was last edited"),
    INPUT(21, "import", import_submit,
	"takes a certificate, its chain and its private key, instead of its own"),
    LIST(22, "crl.pem", crl_pem_list, "its revocation list (RFC 5280), fresh"),
    LIST(23, "crl.der", crl_der_list, "the same in DER"),
    LIST(24, "index.txt", index_list,
	"all that it issued, as the database of openssl-ca(1)"),
    FIXED_DOCUMENT(25, "index.txt.attr", index_attr_show,
	"settings that openssl reads with index.txt"),
    LINES(26, "crl_url", STORE_LINES_MAX, crl_url_show, crl_url_store,
	"URLs of its revocation list, for what it issues from now on"),
    LINES(27, "issuer_url", STORE_LINES_MAX, issuer_url_show, issuer_url_store,
	"URLs of its certificate, for what it issues from now on"),
    ROOT_VALUE(29, "cross", NAME_MAX_LEN, cross_show, cross_store,
	"of a root: the older root in certs/ that vouches for it, or none"),
    DOCUMENT(30, "cross.pem", cross_pem_show, cross_pem_size,
	"what that root has signed"),
    AWAITED(28, "revocation", NUMBER, cert_revocation_show, revocation_store,
	revocation_sync,
	"none, or why; writing a reason of RFC 5280 puts it on its issuer's list"),
};

static const struct attr drop_attr[] = {
    DROP(40, ".csr", drop_csr_show, drop_csr_size, drop_csr_submit,
	"the request; dropping one here enrolls it under its name"),
    DOCUMENT(41, ".crt", drop_crt_show, drop_crt_size,
	"the reply: its certificate and chain"),
};

static const struct attr table_attr[] = {
    /* these share the root's row, so their numbers differ from those of its
     * files */
    LIST(30, "keys.tsv", keys_list, "all provisioning keys, a row each"),
    LIST(31, "members.tsv", members_list, "all members, a row each"),
    LIST(32, "keys.html", keys_page_list, "the same keys for a browser"),
    LIST(33, "members.html", members_page_list,
	"the newest 50,000 members for a browser"),
};

/* in export/, for objects with a directory there and without */
static const struct attr export_store_attr[] = {
    EXPORT(1, "store.json",
	"the store itself: its id, domain and fixed directories"),
};

static const struct attr export_group_attr[] = {
    EXPORT(1, "group.json", "the group, for a restore"),
};

static const struct attr export_attr[] = {
    EXPORT(
	1, ".json", "the key or certificate, for a restore; secrets encrypted"),
};

static const struct attr segment_attr[] = {
    STREAM(1, ".jsonl", segment_read, segment_measure, 0,
	"1,000 records of the journal, for a restore"),
};

/* `trail` is last, also by name: files that are copied before it are never
 * newer than it. */
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
    {"pending", KIND_PENDING, 0},
};

/* clang-format off */

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
	[KIND_MEMBER] = {.name = "a member", .row = STORE_MEMBER, ATTRS(member_attr), .listed = true},
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
	[KIND_PENDING] = {.name = "pending requests", .row = STORE_KEY, .child = KIND_PENDING_REQUEST,
		.changed = list_changed, .is_volatile = true, .follows = true, .rooted = true},
	[KIND_PENDING_REQUEST] = {.name = "a pending request", .row = STORE_PENDING_REQUEST,
		ATTRS(pending_attr), .is_volatile = true},
};

/* clang-format on */

const struct attr *tree_attr(const struct kind *kind, unsigned int number)
{
	for (size_t i = 0; i < kind->attrs; i++)
		if (kind->attr[i].number == number)
			return &kind->attr[i];
	return NULL;
}
