/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/pki/pki.h"
#include "tests/bench/bench.h"

/* Operations without a filesystem: the limits of the machine, for comparison. */

static void openssl_failed(const char *what)
{
	errno = 0;
	fail(what);
}

/* --- sign: ECDSA P-256, one verification and one signature of a digest --- */

struct signing {
	EVP_PKEY_CTX *verify, *sign;
	unsigned char digest[32], signature[80], out[80];
	size_t len;
};

static bool prepare_sign(struct thread *t)
{
	struct signing *s = calloc(1, sizeof(*s));
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!s || !key)
		openssl_failed("key");
	s->len = sizeof(s->signature);
	s->sign = EVP_PKEY_CTX_new(key, NULL);
	s->verify = EVP_PKEY_CTX_new(key, NULL);
	if (EVP_PKEY_sign_init(s->sign) != 1 ||
	    EVP_PKEY_verify_init(s->verify) != 1 ||
	    EVP_PKEY_sign(s->sign, s->signature, &s->len, s->digest,
		sizeof(s->digest)) != 1)
		openssl_failed("sign");
	t->state = s;
	return true;
}

static bool sign_once(struct thread *t)
{
	struct signing *s = t->state;
	size_t len = sizeof(s->out);

	if (EVP_PKEY_verify(s->verify, s->signature, s->len, s->digest,
		sizeof(s->digest)) != 1 ||
	    EVP_PKEY_sign(
		s->sign, s->out, &len, s->digest, sizeof(s->digest)) != 1)
		openssl_failed("verify and sign");
	return true;
}

/* --- issue CSRS: parse, verify and check a request, sign its certificate --- */

struct issuing {
	const struct requests *requests;
	struct pki_ca *ca;
	size_t next;
};

static bool prepare_issue(struct thread *t)
{
	struct issuing *s = calloc(1, sizeof(*s));
	struct bytes key = {0}, der = {0};
	struct pki_new_ca want = {.subject = "CN=bench",
	    .path_length = 0,
	    .serial = {1},
	    .not_before = time(NULL) - 60,
	    .not_after = time(NULL) + 86400};

	if (!s || pki_key_make("ec-p256", &key) ||
	    pki_ca_sign(&want, key.data, key.len, NULL, &der) ||
	    pki_ca_open(der.data, der.len, key.data, key.len, &s->ca))
		openssl_failed("signing certificate");
	s->requests = requests_read(t->argv[0]);
	t->state = s;
	return true;
}

static bool issue_once(struct thread *t)
{
	struct issuing *s = t->state;
	size_t i = s->next++ % s->requests->count;
	CLEANUP_CSR struct pki_csr *csr = NULL;
	CLEANUP_BYTES struct bytes der = {0};
	const char *reason;
	struct pki_leaf leaf = {
	    .common_name = "machine",
	    .unit = "group",
	    .organization = "corp.example",
	    .uri = "spiffe://corp.example/app_connector/group/machine",
	    .dns = "0123456789abcdef0123456789abcdef.corp.example",
	    .not_before = 1700000000,
	    .not_after = 1800000000,
	};

	if (pki_csr_parse(s->requests->text + s->requests->at[i],
		s->requests->at[i + 1] - s->requests->at[i], &csr, &reason) ||
	    pki_csr_verify(csr, &reason) || pki_csr_allowed(csr, &reason) ||
	    pki_serial(leaf.serial))
		openssl_failed("request");
	leaf.spki = pki_csr_spki(csr, &leaf.spki_len);
	if (pki_issue(s->ca, &leaf, &der))
		openssl_failed("issue");
	return true;
}

/* --- commit FILE BATCH BYTES: insert rows, BATCH in a durable transaction --- */

struct committing {
	sqlite3 *db;
	sqlite3_stmt *insert;
	int left;
};

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
		errno = 0;
		fail(sqlite3_errmsg(db));
	}
}

static bool prepare_commit(struct thread *t)
{
	struct committing *c = calloc(1, sizeof(*c));

	if (!c || sqlite3_open(t->argv[0], &c->db) != SQLITE_OK)
		fail(t->argv[0]);
	sql(c->db,
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, row BLOB)");
	if (sqlite3_prepare_v2(c->db,
		"INSERT INTO t (row) VALUES (randomblob(?1))", -1, &c->insert,
		NULL) != SQLITE_OK ||
	    sqlite3_bind_int(c->insert, 1, atoi(t->argv[2])) != SQLITE_OK)
		fail("insert");
	t->state = c;
	return true;
}

static bool commit_once(struct thread *t)
{
	struct committing *c = t->state;

	if (!c->left) {
		sql(c->db, "BEGIN");
		c->left = atoi(t->argv[1]);
	}
	if (sqlite3_step(c->insert) != SQLITE_DONE ||
	    sqlite3_reset(c->insert) != SQLITE_OK)
		fail("insert");
	if (--c->left == 0)
		sql(c->db, "COMMIT");
	return true;
}

/* --- fsync FILE BYTES: append and fdatasync --- */

static bool prepare_fsync(struct thread *t)
{
	int fd = open(
	    t->argv[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		fail(t->argv[0]);
	t->state = (void *)(intptr_t)fd;
	return true;
}

static bool fsync_once(struct thread *t)
{
	static const char data[65536];
	int fd = (int)(intptr_t)t->state;
	size_t len = (size_t)atoi(t->argv[1]);

	if (len > sizeof(data) || write(fd, data, len) != (ssize_t)len ||
	    fdatasync(fd))
		fail(t->argv[0]);
	return true;
}

/* --- spawn COMMAND: run it in a shell, with another $N each time --- */

static bool spawn_once(struct thread *t)
{
	static _Atomic int count;
	char number[16];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(number, sizeof(number), "%d",
		    atomic_fetch_add(&count, 1) + getpid());
		setenv("N", number, 1);
		execl("/bin/sh", "sh", "-c", t->argv[0], (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail(t->argv[0]);
	return true;
}

const struct work raw_work[] = {
    {"sign", "", 0, prepare_sign, sign_once},
    {"issue", "CSRS", 1, prepare_issue, issue_once},
    {"commit", "FILE BATCH BYTES", 3, prepare_commit, commit_once},
    {"fsync", "FILE BYTES", 2, prepare_fsync, fsync_once},
    {"spawn", "COMMAND", 1, NULL, spawn_once},
    {0},
};

/* --- requests --- */

static int add_request(FILE *file, int number)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();
	char name[32];

	snprintf(name, sizeof(name), "m%07d", number);
	X509_NAME *subject = X509_NAME_new();
	int ok = key && request && subject &&
		 X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		     (unsigned char *)name, -1, -1, 0) &&
		 X509_REQ_set_subject_name(request, subject) &&
		 X509_REQ_set_pubkey(request, key) &&
		 X509_REQ_sign(request, key, EVP_sha256()) &&
		 PEM_write_X509_REQ(file, request);
	X509_NAME_free(subject);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	return ok ? 0 : -1;
}

int requests_make(int count, const char *path)
{
	FILE *file = fopen(path, "we");
	int rc = file ? 0 : -1;

	for (int i = 0; i < count && !rc; i++)
		rc = add_request(file, i);
	if (rc || fclose(file))
		fail(path);
	return 0;
}
