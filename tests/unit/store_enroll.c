/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/base/histogram.h"
#include "store/enroll/enroll.h"
#include "tests/unit/stores.h"

/* A request with the key's text in front. */
static void request(const struct bytes *der, struct bytes *out)
{
	assert_int_equal(store_key_copy(store, &call, key.object.id, out), 0);
	assert_int_equal(
	    pki_pem(PKI_LABEL_REQUEST, der->data, der->len, out), 0);
}

static int enroll(const struct bytes *whole, struct bytes *reply)
{
	return store_enroll(
	    store, &call, 0, NULL, whole->data, whole->len, reply);
}

/* A new machine through the key's own file. */
static int enroll_new(const char *name, struct bytes *reply)
{
	CLEANUP_BYTES struct bytes der = {0};

	test_simple_csr(name, &der);
	return store_enroll(
	    store, &call, key.object.id, NULL, der.data, der.len, reply);
}

static int64_t uses(void)
{
	return test_get(&key).key.uses;
}

static X509 *first_certificate(const struct bytes *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(x);
	return x;
}

static void a_machine_enrols(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, whole = {0}, reply = {0},
				   full = {0}, csr = {0};
	union store_any member;

	test_simple_csr("web1", &der);
	request(&der, &whole);
	assert_int_equal(enroll(&whole, &reply), 0);
	assert_int_equal(uses(), 1);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "web1", &member),
	    0);
	assert_int_equal(
	    store_document(store, &member, STORE_FULLCHAIN_PEM, &full), 0);
	assert_int_equal(full.len, reply.len);
	assert_memory_equal(full.data, reply.data, reply.len);
	assert_int_equal(store_document(store, &member, STORE_CSR_PEM, &csr), 0);
	assert_int_equal(csr.len, pki_pem_len(PKI_LABEL_REQUEST, der.len));
	assert_string_equal(member.member.provisioning_key, "auto");
	assert_string_equal(member.member.signing_cert, "connector");
	assert_int_equal(member.member.enrolled_by, 1000);
	X509 *x = first_certificate(&reply);
	assert_int_equal(member.member.not_after - member.member.not_before,
	    365 * 86400 + 60);
	assert_int_equal(ASN1_TIME_cmp_time_t(
			     X509_get0_notAfter(x), member.member.not_after),
	    0);
	X509_free(x);
}

static void lengths_are_exact(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes reply = {0};
	union store_any object[2];

	assert_int_equal(enroll_new("web1", &reply), 0);
	assert_int_equal(store_find(store, STORE_MEMBER, group.object.id,
			     "web1", &object[0]),
	    0);
	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "root", &object[1]), 0);
	for (size_t i = 0; i < COUNT(object); i++)
		for (int which = STORE_CERT_PEM; which <= STORE_FINGERPRINT;
		     which++) {
			CLEANUP_BYTES struct bytes text = {0};
			size_t len;
			assert_int_equal(
			    store_document(store, &object[i], which, &text), 0);
			assert_int_equal(
			    store_document_len(store, &object[i], which, &len),
			    0);
			assert_int_equal(text.len, len);
		}
}

static void a_retry_costs_nothing(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, whole = {0}, first = {0},
				   second = {0}, third = {0};

	test_simple_csr("web1", &der);
	request(&der, &whole);
	assert_int_equal(enroll(&whole, &first), 0);
	/* used up by now */
	assert_int_equal(enroll_new("web2", &third), -EDQUOT);
	assert_int_equal(third.len, 0);
	assert_int_equal(enroll(&whole, &second), 0);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	assert_int_equal(uses(), 1);
}

/* What is revoked or switched off while a retry is checked is not handed
 * out. */
static void a_retry_in_flight(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, first = {0}, second = {0};
	struct enrolment e = {
	    .i = {.store = store, .call = &call}, .key = key.object.id};
	int64_t seconds = clock_now() / CLOCK_SECOND;
	union store_any member;

	test_simple_csr("web1", &der);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     der.data, der.len, &first),
	    0);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "web1", &member),
	    0);
	struct db_conn *conn = db_reader(store->db);
	const struct db_value *args = DB_ARGS(
	    DB_INT(member.member.issued), DB_INT(seconds));
	assert_int_equal(db_exists(conn, DB_ENROLL_AGAIN, args), 1);
	test_set(&key, STORE_ENABLED, 0);
	assert_int_equal(db_exists(conn, DB_ENROLL_AGAIN, args), 0);
	test_set(&key, STORE_ENABLED, 1);
	assert_int_equal(
	    store_remove(store, &call, STORE_MEMBER, member.object.id), 0);
	assert_int_equal(db_exists(conn, DB_ENROLL_AGAIN, args), 0);
	assert_int_equal(enrolment_begin(&e, der.data, der.len), 0);
	assert_int_equal(enrolment_prepare(&e, &second), -EEXIST);
	assert_int_equal(second.len, 0);
	enrolment_end(&e);
}

/* Ed25519 with an empty subject: DER of less than 128 bytes has its length in
 * short form. */
static void the_shortest_request(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	test_csr(pair, NULL, TEST_NO_NAME, &der);
	EVP_PKEY_free(pair);
	assert_true(der.data[1] < 0x80);
	assert_false(store_request_complete(false, der.data, der.len - 1));
	assert_true(store_request_complete(false, der.data, der.len));
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     der.data, der.len, &reply),
	    0);
}

/* A signing certificate stays as long as its CRL may have to name something. */
static void an_issuer_of_revoked_certificates_stays(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes reply = {0};
	union store_any member, connector;

	assert_int_equal(enroll_new("web1", &reply), 0);
	assert_int_equal(
	    test_set_text(&key, STORE_SIGNING_CERT, "service_edge"), 0);
	assert_int_equal(
	    test_set_text(&group, STORE_SIGNING_CERT, "service_edge"), 0);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "web1", &member),
	    0);
	assert_int_equal(
	    store_remove(store, &call, STORE_MEMBER, member.object.id), 0);
	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	assert_int_equal(
	    store_remove(store, &call, STORE_CERT, connector.object.id), -EBUSY);
}

/* Its row is changed by every 32nd certificate; what is read has them all. */
static void every_certificate_is_counted(void **state)
{
	(void)state;
	enum { MANY = 70 };
	union store_any connector, in_list = test_get(&group);

	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	int64_t listed = in_list.group.members_changed;
	for (int i = 1; i <= MANY; i++) {
		CLEANUP_BYTES struct bytes reply = {0};
		char name[16];
		union store_any member;
		snprintf(name, sizeof(name), "m%d", i);
		assert_int_equal(enroll_new(name, &reply), 0);
		assert_int_equal(store_find(store, STORE_MEMBER,
				     group.object.id, name, &member),
		    0);
		connector = test_get(&connector);
		in_list = test_get(&group);
		assert_int_equal(connector.cert.issued, i);
		assert_true(connector.object.changed >= member.object.created);
		assert_true(in_list.group.members_changed > listed);
		assert_int_equal(
		    in_list.group.members_changed, member.object.created);
		listed = in_list.group.members_changed;
	}
}

/* Its one certificate is behind those that are counted, and then among them. */
static void an_issuer_of_one_stays(void **state)
{
	(void)state;
	enum { MANY = 33 };
	union store_any connector;

	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	for (int i = 1; i <= MANY; i++) {
		CLEANUP_BYTES struct bytes reply = {0};
		char name[16];
		snprintf(name, sizeof(name), "m%d", i);
		assert_int_equal(enroll_new(name, &reply), 0);
		assert_int_equal(
		    test_set_text(&key, STORE_SIGNING_CERT, "service_edge"), 0);
		assert_int_equal(
		    test_set_text(&group, STORE_SIGNING_CERT, "service_edge"),
		    0);
		assert_int_equal(
		    store_remove(store, &call, STORE_CERT, connector.object.id),
		    -EBUSY);
	}
	assert_int_equal(test_get(&connector).cert.issued, 1);
}

static void known_public_keys(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};
	union store_any other, member;

	test_simple_csr("web1", &der);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     der.data, der.len, &reply),
	    0);
	assert_int_equal(store_make(store, &call, STORE_KEY, group.object.id,
			     &test_above, "other", 0777, &other),
	    0);
	assert_int_equal(store_enroll(store, &call, other.object.id, NULL,
			     der.data, der.len, &reply),
	    -EEXIST);
	assert_int_equal(test_get(&other).key.uses, 0);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "web1", &member),
	    0);
	assert_int_equal(
	    store_remove(store, &call, STORE_MEMBER, member.object.id), 0);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     der.data, der.len, &reply),
	    -EEXIST);
	assert_int_equal(uses(), 1);
	union store_any connector;
	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	assert_int_equal(connector.cert.issued, 1);
	assert_int_equal(connector.cert.revoked, 1);
	/* a signing certificate's own key */
	CLEANUP_BYTES struct bytes ca = {0};
	assert_int_equal(
	    store_document(store, &connector, STORE_CSR_PEM, &ca), 0);
	assert_int_equal(store_enroll(store, &call, other.object.id, NULL,
			     ca.data, ca.len, &reply),
	    -EEXIST);
}

static const char *name_given(const char *cn, char out[65])
{
	CLEANUP_BYTES struct bytes reply = {0};

	assert_int_equal(enroll_new(cn, &reply), 0);
	X509 *x = first_certificate(&reply);
	X509_NAME_get_text_by_NID(
	    X509_get_subject_name(x), NID_commonName, out, 65);
	X509_free(x);
	return out;
}

static void member_names(void **state)
{
	(void)state;
	char name[65], longest[65];

	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	assert_string_equal(name_given("web1", name), "web1");
	name_given("web1", name);
	assert_memory_equal(name, "web1-", 5);
	assert_int_equal(strlen(name), 13);
	name_given("not a name", name);
	assert_memory_equal(name, "auto-", 5);
	assert_int_equal(strlen(name), 13);
	memset(longest, 'x', 64);
	longest[64] = '\0';
	assert_string_equal(name_given(longest, name), longest);
	name_given(longest, name);
	assert_int_equal(strlen(name), 64);
	assert_memory_equal(name, longest, 55);
	assert_int_equal(name[55], '-');
}

/* A URI that an unexpired certificate carries is not given again, though its
 * member has moved on. */
static void uris_are_unique(void **state)
{
	(void)state;
	char name[65];
	union store_any member;

	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	name_given("web1", name);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "web1", &member),
	    0);
	assert_int_equal(
	    store_rename(store, &call, STORE_MEMBER, member.object.id, "old"),
	    0);
	name_given("web1", name);
	assert_int_equal(strlen(name), 13);
	/* revoked with its member: free again */
	assert_int_equal(
	    store_remove(store, &call, STORE_MEMBER, member.object.id), 0);
	assert_string_equal(name_given("web1", name), "web1");
}

static void lifetimes(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes reply = {0}, again = {0};
	union store_any connector, member;

	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	test_set(&connector, STORE_VALIDITY_DAYS, 2);
	assert_int_equal(enroll_new("short", &reply), 0);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "short", &member),
	    0);
	assert_int_equal(
	    member.member.not_after - member.member.not_before, 2 * 86400 + 60);
	/* never past the signing certificate's own end */
	test_set(&connector, STORE_VALIDITY_DAYS, 36500);
	assert_int_equal(enroll_new("long", &again), 0);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "long", &member),
	    0);
	assert_int_equal(member.member.not_after, connector.cert.not_after);
}

/* --- refusals and their order --- */

static void refusals_in_order(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, good = {0}, bad = {0},
				   reply = {0};
	union store_any connector;

	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	test_simple_csr("web1", &der);
	der.data[der.len - 1] ^= 1; /* the last check but one before the limit:
				       a wrong signature */
	request(&der, &good);
	/* everything is wrong at once; each is mended in turn */
	test_set(&key, STORE_MAX_USES, 0);
	test_set(&key, STORE_EXPIRES, 1);
	test_set(&key, STORE_ENABLED, 0);
	test_set(&group, STORE_ENABLED, 0);
	test_set(&connector, STORE_ENABLED, 0);
	assert_int_equal(bytes_add(&bad, good.data, good.len), 0);
	memset(bad.data + 20, 'A', 20);
	assert_int_equal(enroll(&bad, &reply), -EBADMSG); /* checksum */
	assert_non_null(strstr(call.reason, "checksum"));
	assert_int_equal(enroll(&good, &reply), -EKEYREVOKED);
	assert_non_null(strstr(call.reason, "provisioning key is disabled"));
	test_set(&key, STORE_ENABLED, 1);
	assert_int_equal(enroll(&good, &reply), -EKEYREVOKED);
	assert_non_null(strstr(call.reason, "group"));
	test_set(&group, STORE_ENABLED, 1);
	assert_int_equal(enroll(&good, &reply), -EKEYREVOKED);
	assert_non_null(strstr(call.reason, "signing certificate"));
	test_set(&connector, STORE_ENABLED, 1);
	assert_int_equal(enroll(&good, &reply), -EKEYREJECTED); /* signature */
	assert_non_null(strstr(call.reason, "not signed"));
	CLEANUP_BYTES struct bytes fine = {0};
	test_simple_csr("web1", &fine);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     fine.data, fine.len, &reply),
	    -EKEYEXPIRED);
	test_set(&key, STORE_EXPIRES, STORE_NEVER);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     fine.data, fine.len, &reply),
	    -EDQUOT);
	assert_int_equal(uses(), 0);
	assert_int_equal(reply.len, 0);
	test_set(&key, STORE_MAX_USES, 1);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     fine.data, fine.len, &reply),
	    0);
}

static int with_text(void (*change)(struct pki_key_text *))
{
	CLEANUP_BYTES struct bytes der = {0}, whole = {0}, copy = {0},
				   reply = {0};
	struct pki_key_text text;
	const char *reason;

	assert_int_equal(store_key_copy(store, &call, key.object.id, &copy), 0);
	assert_int_equal(
	    pki_key_text_parse((char *)copy.data, copy.len - 1, &text, &reason),
	    0);
	change(&text);
	assert_int_equal(pki_key_text_format(&text, &whole), 0);
	test_simple_csr("web1", &der);
	assert_int_equal(bytes_add(&whole, der.data, der.len), 0);
	return enroll(&whole, &reply);
}

static void other_secret(struct pki_key_text *text)
{
	text->secret[0] ^= 1;
}

static void other_root(struct pki_key_text *text)
{
	text->root[0] ^= 1;
}

static void other_id(struct pki_key_text *text)
{
	text->id = 4711;
}

static void other_domain(struct pki_key_text *text)
{
	strcpy(text->domain, "evil.example");
}

static void same(struct pki_key_text *text)
{
	(void)text;
}

static void forged_key_texts(void **state)
{
	(void)state;
	assert_int_equal(with_text(other_secret), -EKEYREJECTED);
	assert_int_equal(with_text(other_root), -EKEYREJECTED);
	assert_int_equal(with_text(other_id), -EKEYREJECTED);
	assert_int_equal(with_text(other_domain), -EKEYREJECTED);
	assert_int_equal(uses(), 0);
	assert_int_equal(with_text(same), 0);
}

static void removed_keys_are_unknown(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, whole = {0}, reply = {0};

	test_simple_csr("web1", &der);
	request(&der, &whole);
	assert_int_equal(
	    store_remove(store, &call, STORE_KEY, key.object.id), 0);
	assert_int_equal(enroll(&whole, &reply), -EKEYREJECTED);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     der.data, der.len, &reply),
	    -ESTALE);
}

static void a_request_has_a_maximum(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes big = {0}, reply = {0};

	assert_int_equal(bytes_extend(&big, STORE_REQUEST_MAX + 1), 0);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     big.data, big.len, &reply),
	    -EFBIG);
}

/* --- changed in flight: between the checks and the count --- */

static void begin(struct enrolment *e, const char *name)
{
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};

	*e = (struct enrolment){
	    .i = {.store = store, .call = &call}, .key = key.object.id};
	test_simple_csr(name, &der);
	assert_int_equal(enrolment_begin(e, der.data, der.len), 0);
	assert_int_equal(enrolment_prepare(e, &reply), 0);
	assert_true(e->i.der.len > 0);
}

/* What was signed must not come out: the commit says so, and so does the second
 * look. */
static void refused(struct enrolment *e, int error)
{
	CLEANUP_BYTES struct bytes reply = {0};

	assert_int_equal(enrolment_commit(e, &reply), -EAGAIN);
	assert_int_equal(enrolment_prepare(e, &reply), error);
	assert_int_equal(reply.len, 0);
	assert_int_equal(uses(), 0);
	enrolment_end(e);
}

static void a_change_in_flight_is_obeyed(void **state)
{
	(void)state;
	struct enrolment e;
	union store_any connector;

	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	begin(&e, "web1");
	test_set(&key, STORE_MAX_USES, 0);
	refused(&e, -EDQUOT);
	test_set(&key, STORE_MAX_USES, 1);
	begin(&e, "web1");
	test_set(&key, STORE_ENABLED, 0);
	refused(&e, -EKEYREVOKED);
	test_set(&key, STORE_ENABLED, 1);
	begin(&e, "web1");
	test_set(&group, STORE_ENABLED, 0);
	refused(&e, -EKEYREVOKED);
	test_set(&group, STORE_ENABLED, 1);
	begin(&e, "web1");
	test_set(&connector, STORE_ENABLED, 0);
	refused(&e, -EKEYREVOKED);
	test_set(&connector, STORE_ENABLED, 1);
	begin(&e, "web1");
	test_set(&key, STORE_EXPIRES, clock_now() / CLOCK_SECOND);
	refused(&e, -EKEYEXPIRED);
	test_set(&key, STORE_EXPIRES, STORE_NEVER);
	begin(&e, "web1");
	assert_int_equal(
	    store_remove(store, &call, STORE_KEY, key.object.id), 0);
	CLEANUP_BYTES struct bytes reply = {0};
	assert_int_equal(enrolment_commit(&e, &reply), -EAGAIN);
	assert_int_equal(enrolment_prepare(&e, &reply), -ESTALE);
	enrolment_end(&e);
}

/* Not refused, but made again under what holds now. */
static void a_change_in_flight_is_followed(void **state)
{
	(void)state;
	struct enrolment e, rival;
	union store_any member;
	CLEANUP_BYTES struct bytes reply = {0}, other = {0};

	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	begin(&e, "web1");
	assert_int_equal(
	    test_set_text(&key, STORE_SIGNING_CERT, "service_edge"), 0);
	assert_int_equal(enrolment_commit(&e, &reply), -EAGAIN);
	assert_int_equal(enrolment_prepare(&e, &reply), 0);
	assert_int_equal(enrolment_commit(&e, &reply), 0);
	enrolment_end(&e);
	assert_int_equal(
	    store_find(store, STORE_MEMBER, group.object.id, "web1", &member),
	    0);
	assert_string_equal(member.member.signing_cert, "service_edge");

	begin(&e, "web2");
	begin(&rival, "web2");
	assert_int_equal(enrolment_commit(&rival, &other), 0);
	enrolment_end(&rival);
	assert_int_equal(enrolment_commit(&e, &reply), -EAGAIN);
	assert_int_equal(enrolment_prepare(&e, &reply), 0);
	assert_int_equal(strlen(e.i.member), 13);
	enrolment_end(&e);

	begin(&e, "web3");
	assert_int_equal(
	    store_rename(store, &call, STORE_GROUP, group.object.id, "munich"),
	    0);
	assert_int_equal(enrolment_commit(&e, &reply), -EAGAIN);
	assert_int_equal(enrolment_prepare(&e, &reply), 0);
	assert_string_equal(
	    e.i.uri, "spiffe://corp.example/app_connector/munich/web3");
	enrolment_end(&e);
}

/* The same public key twice at the same time: one use. */
static void twins(void **state)
{
	(void)state;
	struct enrolment e, twin;
	CLEANUP_BYTES struct bytes der = {0}, first = {0}, second = {0};

	test_set(&key, STORE_MAX_USES, STORE_UNLIMITED);
	test_simple_csr("web1", &der);
	e = twin = (struct enrolment){
	    .i = {.store = store, .call = &call}, .key = key.object.id};
	assert_int_equal(enrolment_begin(&e, der.data, der.len), 0);
	assert_int_equal(enrolment_begin(&twin, der.data, der.len), 0);
	assert_int_equal(enrolment_prepare(&e, &first), 0);
	assert_int_equal(enrolment_prepare(&twin, &second), 0);
	assert_int_equal(enrolment_commit(&e, &first), 0);
	assert_int_equal(enrolment_commit(&twin, &second), -EAGAIN);
	assert_int_equal(enrolment_prepare(&twin, &second), 1);
	assert_memory_equal(first.data, second.data, first.len);
	assert_int_equal(uses(), 1);
	enrolment_end(&e);
	enrolment_end(&twin);
}

/* --- what an enrollment costs --- */

static uint64_t signatures(void)
{
	uint64_t n = 0;

	for (int i = 0; i <= HISTOGRAM_BUCKETS; i++)
		n += atomic_load(&store->metrics.sign.bucket[i]);
	return n;
}

/* Enrolls n times, and returns how many signatures that took. */
static int64_t signed_for(int n, int error, const struct bytes *der)
{
	uint64_t before = signatures();

	for (int i = 0; i < n; i++) {
		CLEANUP_BYTES struct bytes new = {0}, reply = {0};
		test_simple_csr("other", &new);
		const struct bytes *csr = der ? der : &new;
		assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
				     csr->data, csr->len, &reply),
		    error);
	}
	return (int64_t)(signatures() - before);
}

/* What is certain to be refused, or has its certificate, is not signed. */
static void refusals_and_retries_sign_nothing(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0};

	test_set(&key, STORE_MAX_USES, 3);
	test_simple_csr("web1", &der);
	assert_int_equal(signed_for(1, 0, &der), 1);
	assert_int_equal(signed_for(5, 0, &der), 0);
	assert_int_equal(uses(), 1);
	/* a name that is taken: once it was seen */
	assert_int_equal(signed_for(2, 0, NULL), 2);
	/* the last use was another's: what is in memory is older */
	assert_in_range(signed_for(5, -EDQUOT, NULL), 0, 1);
	assert_int_equal(signed_for(5, -EDQUOT, NULL), 0);
	test_set(&key, STORE_MAX_USES, 9);
	test_set(&key, STORE_ENABLED, 0);
	assert_int_equal(signed_for(5, -EKEYREVOKED, NULL), 0);
	assert_int_equal(signed_for(5, -EKEYREVOKED, &der), 0);
	test_set(&key, STORE_ENABLED, 1);
	test_set(&key, STORE_EXPIRES, 1);
	assert_int_equal(signed_for(5, -EKEYEXPIRED, NULL), 0);
	assert_int_equal(signed_for(5, 0, &der), 0);
	/* as after a start: nothing was seen */
	memset(&store->issued, 0, sizeof(store->issued));
	test_set(&key, STORE_EXPIRES, STORE_NEVER);
	assert_in_range(signed_for(5, 0, &der), 0, 1);
	assert_int_equal(uses(), 3);
}

/* --- copying --- */

static int copy(void)
{
	CLEANUP_BYTES struct bytes text = {0};
	int rc = store_key_copy(store, &call, key.object.id, &text);

	assert_int_equal(text.len, rc ? 0 : store_key_text_len(store));
	return rc;
}

static void copying(void **state)
{
	(void)state;
	assert_int_equal(copy(), 0);
	assert_int_equal(copy(), 0);
	assert_int_equal(test_get(&key).key.copies, 2);
	assert_true(test_get(&key).key.last_copied > 0);
	assert_int_equal(uses(), 0);
	test_set(&key, STORE_MAX_USES, 0);
	assert_int_equal(copy(), -EDQUOT);
	test_set(&key, STORE_EXPIRES, 1);
	assert_int_equal(copy(), -EKEYEXPIRED);
	test_set(&group, STORE_ENABLED, 0);
	assert_int_equal(copy(), -EKEYREVOKED);
	assert_int_equal(test_get(&key).key.copies, 2);
	test_set(&group, STORE_ENABLED, 1);
	test_set(&key, STORE_EXPIRES, STORE_NEVER);
	test_set(&key, STORE_MAX_USES, 1);
	assert_int_equal(copy(), 0);
	assert_int_equal(test_get(&key).key.copies, 3);
}

static void a_secret_is_destroyed_once_and_for_all(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, whole = {0}, reply = {0};
	struct store_edit back = {.field = STORE_EXPORTABLE, .number = 1};

	test_simple_csr("web1", &der);
	request(&der, &whole);
	assert_int_equal(store_set(store, &call, &key.object, &back), 0);
	test_set(&key, STORE_EXPORTABLE, 0);
	assert_false(test_get(&key).key.exportable);
	assert_int_equal(copy(), -ENOENT);
	assert_int_equal(store_set(store, &call, &key.object, &back), -EPERM);
	/* its hash still recognises it */
	assert_int_equal(enroll(&whole, &reply), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(a_machine_enrols),
	    STORE_TEST(lengths_are_exact),
	    STORE_TEST(a_retry_costs_nothing),
	    STORE_TEST(a_retry_in_flight),
	    STORE_TEST(the_shortest_request),
	    STORE_TEST(an_issuer_of_revoked_certificates_stays),
	    STORE_TEST(every_certificate_is_counted),
	    STORE_TEST(an_issuer_of_one_stays),
	    STORE_TEST(known_public_keys),
	    STORE_TEST(member_names),
	    STORE_TEST(uris_are_unique),
	    STORE_TEST(lifetimes),
	    STORE_TEST(refusals_in_order),
	    STORE_TEST(forged_key_texts),
	    STORE_TEST(removed_keys_are_unknown),
	    STORE_TEST(a_request_has_a_maximum),
	    STORE_TEST(a_change_in_flight_is_obeyed),
	    STORE_TEST(a_change_in_flight_is_followed),
	    STORE_TEST(twins),
	    STORE_TEST(refusals_and_retries_sign_nothing),
	    STORE_TEST(copying),
	    STORE_TEST(a_secret_is_destroyed_once_and_for_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
