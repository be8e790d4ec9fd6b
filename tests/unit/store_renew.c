/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "store/enroll/renew.h"
#include "tests/unit/stores.h"

/* Renewing and revoking, with changes in between and at the same time. */

static EVP_PKEY *first_key;
static union store_any member;

/* A proof of key's for a new request, both DER, one behind the other. */
static void with_proof(
    EVP_PKEY *proof, const struct bytes *csr, struct bytes *out)
{
	unsigned char hash[PKI_HASH];
	char name[2 * PKI_HASH + 1];

	pki_sha256(csr->data, csr->len, hash);
	hex_text(hash, PKI_HASH, name);
	assert_int_equal(bytes_add(out, csr->data, csr->len), 0);
	test_csr(proof, EVP_sha256(), TEST_NAMES(name), out);
}

static int setup(void **state)
{
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};

	if (store_setup(state))
		return -1;
	first_key = test_ec_key("P-256");
	test_csr(first_key, EVP_sha256(), TEST_NAMES("web1"), &der);
	return store_enroll(store, &call, key.object.id, NULL, der.data,
		   der.len, &reply) ||
	       store_find(store, STORE_MEMBER, group.object.id, "web1", &member);
}

static int teardown(void **state)
{
	EVP_PKEY_free(first_key);
	return store_teardown(state);
}

static int64_t count_on_server(const char *sql)
{
	char command[1024];
	long long n;

	snprintf(command, sizeof(command),
	    "psql -qtAX \"$STORE\" -c 'SET search_path TO \"%s\"' -c \"%s\"",
	    temp_folder + 1, sql);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	assert_int_equal(fscanf(out, "%lld", &n), 1);
	assert_int_equal(pclose(out), 0);
	return n;
}

static int64_t count(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;

	if (getenv("STORE"))
		return count_on_server(sql);
	assert_int_equal(sqlite3_open(temp_file("store"), &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return n;
}

static int64_t valid(void)
{
	return count("SELECT count(*) FROM issued WHERE revoked IS NULL");
}

static void begin(struct renewal *r, const struct bytes *request)
{
	struct bytes reply = {0};

	*r = (struct renewal){.i = {.store = store, .call = &call}};
	assert_int_equal(renewal_begin(r, request->data, request->len), 0);
	assert_int_equal(renewal_prepare(r, &reply), 0);
	assert_int_equal(reply.len, 0);
}

static void a_change_in_flight_is_obeyed(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes csr = {0}, request = {0}, reply = {0};
	struct store_edit reason = {
	    .field = STORE_REVOCATION, .text = "keyCompromise"};
	struct renewal r;

	test_simple_csr("new", &csr);
	with_proof(first_key, &csr, &request);

	begin(&r, &request);
	test_set(&group, STORE_ENABLED, 0);
	assert_int_equal(renewal_commit(&r, &reply), -EAGAIN);
	assert_int_equal(renewal_prepare(&r, &reply), -EKEYREVOKED);
	test_set(&group, STORE_ENABLED, 1);
	renewal_end(&r);

	begin(&r, &request);
	assert_int_equal(store_set(store, &call, &member.object, &reason), 0);
	assert_int_equal(renewal_commit(&r, &reply), -EAGAIN);
	assert_int_equal(renewal_prepare(&r, &reply), -EKEYREVOKED);
	renewal_end(&r);
	assert_int_equal(valid(), 0);
	assert_int_equal(reply.len, 0);
	assert_int_equal(count("SELECT count(*) FROM issued"), 1);
}

static void a_change_in_flight_is_followed(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes csr = {0}, request = {0}, reply = {0};
	struct renewal r;

	test_simple_csr("new", &csr);
	with_proof(first_key, &csr, &request);
	begin(&r, &request);
	assert_int_equal(
	    store_rename(store, &call, STORE_MEMBER, member.object.id, "db1"),
	    0);
	assert_int_equal(renewal_commit(&r, &reply), -EAGAIN);
	assert_int_equal(renewal_prepare(&r, &reply), 0);
	assert_int_equal(renewal_commit(&r, &reply), 0);
	assert_string_equal(
	    r.i.uri, "spiffe://corp.example/app_connector/berlin/db1");
	renewal_end(&r);
	assert_int_equal(valid(), 2);
}

/* The same request twice at the same time: one certificate, and both get it. */
static void twins(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes csr = {0}, request = {0}, reply = {0},
				   again = {0};
	struct renewal one, two;

	test_simple_csr("new", &csr);
	with_proof(first_key, &csr, &request);
	begin(&one, &request);
	begin(&two, &request);
	assert_int_equal(renewal_commit(&one, &reply), 0);
	assert_int_equal(renewal_commit(&two, &again), -EAGAIN);
	assert_int_equal(renewal_prepare(&two, &again), 1);
	assert_int_equal(again.len, reply.len);
	assert_memory_equal(again.data, reply.data, reply.len);
	renewal_end(&one);
	renewal_end(&two);
	assert_int_equal(count("SELECT count(*) FROM issued"), 2);
	assert_int_equal(test_get(&key).key.uses, 1);
}

/* --- what strangers can make us do --- */

static _Atomic int verified;

/* These stand before OpenSSL's, and count: the first one for ECDSA. */

int EVP_PKEY_verify(EVP_PKEY_CTX *ctx, const unsigned char *signature,
    size_t signature_len, const unsigned char *hash, size_t hash_len)
{
	int (*real)(EVP_PKEY_CTX *, const unsigned char *, size_t,
	    const unsigned char *, size_t);

	*(void **)&real = dlsym(RTLD_NEXT, "EVP_PKEY_verify");
	verified++;
	return real(ctx, signature, signature_len, hash, hash_len);
}

int ASN1_item_verify(const ASN1_ITEM *it, const X509_ALGOR *algorithm,
    const ASN1_BIT_STRING *signature, const void *data, EVP_PKEY *with)
{
	int (*real)(const ASN1_ITEM *, const X509_ALGOR *,
	    const ASN1_BIT_STRING *, const void *, EVP_PKEY *);

	*(void **)&real = dlsym(RTLD_NEXT, "ASN1_item_verify");
	verified++;
	return real(it, algorithm, signature, data, with);
}

/* One like it that takes long to verify; making a true one takes minutes. */
static EVP_PKEY *large_rsa_key(int bits, int exponent_bits)
{
	BIGNUM *n = BN_new(), *e = BN_new();
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *large = NULL;

	assert_true(BN_set_bit(n, bits - 1) && BN_set_bit(n, 0));
	assert_true(BN_set_bit(e, exponent_bits - 1) && BN_set_bit(e, 0));
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &large, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return large;
}

/* A request that names a key and is signed by another, of its type. */
static void signed_by_another(
    EVP_PKEY *named, const char *name, struct bytes *out)
{
	EVP_PKEY *signs = EVP_RSA_gen(2048);
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	unsigned char *der = NULL;

	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0);
	X509_REQ_set_subject_name(request, subject);
	X509_REQ_set_pubkey(request, named);
	assert_true(X509_REQ_sign(request, signs, EVP_sha256()) > 0);
	int n = i2d_X509_REQ(request, &der);
	assert_true(n > 0 && !bytes_add(out, der, (size_t)n));
	OPENSSL_free(der);
	X509_NAME_free(subject);
	X509_REQ_free(request);
	EVP_PKEY_free(signs);
}

static int renew_with(const struct bytes *csr, const struct bytes *proof)
{
	CLEANUP_BYTES struct bytes request = {0}, reply = {0};

	assert_int_equal(bytes_add(&request, csr->data, csr->len), 0);
	assert_int_equal(bytes_add(&request, proof->data, proof->len), 0);
	verified = 0;
	return store_renew(store, &call, 0, request.data, request.len, &reply);
}

static void only_a_known_keys_signature_is_verified(void **state)
{
	(void)state;
	static const struct {
		int bits, exponent_bits;
	} keys[] = {{16384, 17}, {3072, 3000}, {2048, 17}};
	unsigned char hash[PKI_HASH];
	char name[2 * PKI_HASH + 1];
	CLEANUP_BYTES struct bytes csr = {0}, request = {0}, reply = {0};

	test_simple_csr("new", &csr);
	pki_sha256(csr.data, csr.len, hash);
	hex_text(hash, PKI_HASH, name);
	for (size_t i = 0; i < COUNT(keys); i++) {
		CLEANUP_BYTES struct bytes proof = {0};
		EVP_PKEY *large = large_rsa_key(
		    keys[i].bits, keys[i].exponent_bits);
		signed_by_another(large, name, &proof);
		assert_int_equal(renew_with(&csr, &proof), -EKEYREJECTED);
		assert_int_equal(verified, 0);
		EVP_PKEY_free(large);
	}
	/* a member's is verified, the new one, and what was signed */
	with_proof(first_key, &csr, &request);
	verified = 0;
	assert_int_equal(
	    store_renew(store, &call, 0, request.data, request.len, &reply), 0);
	assert_int_equal(verified, 3);
}

/* Which of several refusals is told is as it was when everything was
 * verified. */
static void an_unknown_keys_proof_is_refused_as_before(void **state)
{
	(void)state;
	EVP_PKEY *unknown = test_ec_key("P-256");
	CLEANUP_BYTES struct bytes csr = {0}, weak = {0}, other = {0},
				   good = {0}, request = {0};
	static const struct bytes none = {
	    (unsigned char *)(uintptr_t) "\x30\x03\x02\x01", 5, 0};
	unsigned char hash[PKI_HASH];
	char name[2 * PKI_HASH + 1];

	test_simple_csr("new", &csr);
	pki_sha256(csr.data, csr.len, hash);
	hex_text(hash, PKI_HASH, name);
	test_csr(unknown, EVP_sha1(), TEST_NAMES(name), &weak);
	test_csr(unknown, EVP_sha256(), TEST_NAMES("web1"), &other);
	test_csr(unknown, EVP_sha256(), TEST_NAMES(name), &good);
	assert_int_equal(renew_with(&csr, &weak), -EBADMSG);
	assert_int_equal(renew_with(&csr, &other), -EKEYREJECTED);
	assert_int_equal(renew_with(&csr, &good), -EKEYREJECTED);
	assert_non_null(strstr(call.reason, "no certificate from here"));
	assert_int_equal(renew_with(&none, &good), -EBADMSG);
	assert_int_equal(renew_with(&csr, &none), -EBADMSG);
	assert_int_equal(verified, 0);
	/* a member's key, with a signature that is not its own */
	with_proof(first_key, &csr, &request);
	request.data[request.len - 1] ^= 1;
	assert_int_equal(
	    store_renew(store, &call, 0, request.data, request.len, &good),
	    -EKEYREJECTED);
	EVP_PKEY_free(unknown);
}

/* --- at the same time --- */

enum { MEMBERS = 6, RENEWALS = 8 };

struct worker {
	struct store_call call;
	union store_any member;
	int renewed;
};

static void *renews(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < RENEWALS; i++) {
		struct bytes csr = {0}, reply = {0};
		test_simple_csr("x", &csr);
		int rc = store_renew(store, &w->call, w->member.object.id,
		    csr.data, csr.len, &reply);
		w->renewed += rc == 0;
		bytes_free(&csr);
		bytes_free(&reply);
	}
	return NULL;
}

static void *reads(void *arg)
{
	union store_any cert;

	(void)arg;
	if (store_find(store, STORE_CERT, STORE_CERTS, "connector", &cert))
		return NULL;
	for (int i = 0; i < 40; i++)
		for (int which = 0; which <= STORE_INDEX; which++) {
			struct store_snapshot *snapshot = NULL;
			struct bytes data = {0};
			if (!store_snapshot(
				store, &cert, which, i % 2, &snapshot) &&
			    snapshot)
				store_snapshot_read(snapshot, 0, 1 << 20, &data);
			store_snapshot_put(snapshot);
			bytes_free(&data);
		}
	return NULL;
}

/* Whatever the order: nobody who was revoked has a valid certificate, and the
 * counters are right. */
static void revoked_while_renewing(void **state)
{
	(void)state;
	struct store_edit reason = {
	    .field = STORE_REVOCATION, .text = "keyCompromise"};
	struct worker worker[MEMBERS];
	pthread_t thread[MEMBERS + 2];
	union store_any connector;

	test_set(&key, STORE_MAX_USES, 100);
	for (int i = 0; i < MEMBERS; i++) {
		CLEANUP_BYTES struct bytes der = {0}, reply = {0};
		char name[8];
		snprintf(name, sizeof(name), "m%d", i);
		test_simple_csr(name, &der);
		assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
				     der.data, der.len, &reply),
		    0);
		worker[i] = (struct worker){.call = call};
		assert_int_equal(store_find(store, STORE_MEMBER,
				     group.object.id, name, &worker[i].member),
		    0);
	}
	for (int i = 0; i < MEMBERS; i++)
		pthread_create(&thread[i], NULL, renews, &worker[i]);
	for (int i = MEMBERS; i < MEMBERS + 2; i++)
		pthread_create(&thread[i], NULL, reads, NULL);
	for (int i = 0; i < MEMBERS; i += 2) {
		usleep(2000);
		assert_int_equal(
		    store_set(store, &call, &worker[i].member.object, &reason),
		    0);
	}
	for (int i = 0; i < MEMBERS + 2; i++)
		pthread_join(thread[i], NULL);
	for (int i = 1; i < MEMBERS; i += 2)
		assert_int_equal(worker[i].renewed, RENEWALS);
	/* web1's one, and two of each that was not revoked */
	assert_int_equal(valid(), 1 + 2 * (MEMBERS / 2));
	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "connector", &connector),
	    0);
	assert_int_equal(
	    connector.cert.issued, count("SELECT count(*) FROM issued"));
	assert_int_equal(
	    count("SELECT revoked FROM cert WHERE name = 'connector'"),
	    count("SELECT count(*) FROM issued WHERE revoked IS NOT NULL"));
	/* at the latest when another one is due */
	int64_t revoked = count(
	    "SELECT revoked FROM cert WHERE name = 'connector'");
	for (int i = 0; i < 400 && count("SELECT covers FROM crl") < revoked;
	     i++)
		reads(NULL);
	assert_int_equal(count("SELECT covers FROM crl"), revoked);
}

/* --- what proves nothing --- */

static void users_have_a_budget_each(void **state)
{
	const int64_t second = CLOCK_SECOND, all = second * BUDGET_SECONDS;
	static struct budget budget;

	(void)state;
	assert_true(budget_left(&budget, 0, second));
	assert_true(budget_left(&budget, 1, second));
	budget_use(&budget, 1, second, all / BUDGET_PART - 1);
	assert_true(budget_left(&budget, 1, second));
	budget_use(&budget, 1, second, 1);
	assert_false(budget_left(&budget, 1, second));
	assert_true(budget_left(&budget, 2, second));
	/* it comes back with time, and is not saved up */
	assert_true(budget_left(&budget, 1, second + 1));
	budget_use(&budget, 1, 100 * second, all / BUDGET_PART);
	assert_false(budget_left(&budget, 1, 100 * second));
	/* as many others as there are accounts do not make it forgotten */
	for (uid_t uid = 2; uid < 2 + BUDGET_USERS; uid++)
		budget_use(&budget, uid, 100 * second, 1);
	assert_false(budget_left(&budget, 1, 100 * second));
}

static int renewal(const struct bytes *request)
{
	CLEANUP_BYTES struct bytes reply = {0};
	struct store_call caller = call;

	return store_renew(
	    store, &caller, 0, request->data, request->len, &reply);
}

static void who_proves_nothing_uses_its_budget(void **state)
{
	CLEANUP_BYTES struct bytes der = {0}, good = {0}, bad = {0};
	EVP_PKEY *next = test_ec_key("P-256"), *unknown = test_ec_key("P-256");
	const int64_t used = BUDGET_SECONDS * CLOCK_SECOND / BUDGET_PART;

	(void)state;
	test_csr(next, EVP_sha256(), TEST_NAMES("web1"), &der);
	with_proof(first_key, &der, &good);
	with_proof(unknown, &der, &bad);
	assert_int_equal(renewal(&good), 0);
	assert_int_equal(store->unproven.account[0].until, 0);
	assert_int_equal(renewal(&bad), -EKEYREJECTED);
	assert_true(store->unproven.account[0].until > clock_ticks() - used);
	budget_use(&store->unproven, call.uid, clock_ticks(), 30 * used);
	assert_int_equal(renewal(&bad), -EBUSY);
	assert_int_equal(renewal(&good), -EBUSY);
	const uid_t before = call.uid++;
	assert_int_equal(renewal(&good), 0);
	call.uid = 0;
	budget_use(&store->unproven, 0, clock_ticks(), 30 * used);
	assert_int_equal(renewal(&bad), -EKEYREJECTED);
	call.uid = before;
	EVP_PKEY_free(unknown);
	EVP_PKEY_free(next);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_change_in_flight_is_obeyed),
	    TEST(a_change_in_flight_is_followed),
	    TEST(twins),
	    TEST(only_a_known_keys_signature_is_verified),
	    TEST(an_unknown_keys_proof_is_refused_as_before),
	    TEST(revoked_while_renewing),
	    TEST(users_have_a_budget_each),
	    TEST(who_proves_nothing_uses_its_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
