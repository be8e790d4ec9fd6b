/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"

/* Workloads of clients of a mounted filesystem. */

static char *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		fail(path);
	char *text = malloc((size_t)st.st_size + 1);
	ssize_t n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n < 0)
		fail(path);
	text[n] = '\0';
	*len = (size_t)n;
	close(fd);
	return text;
}

const struct requests *requests_read(const char *path)
{
	static const char end[] = "-----END CERTIFICATE REQUEST-----\n";
	static struct requests all;
	static _Atomic int state;
	int none = 0;

	if (!atomic_compare_exchange_strong(&state, &none, 1)) {
		while (atomic_load(&state) != 2)
			usleep(1000);
		return &all;
	}
	size_t len, cap = 1024;
	all.text = read_file(path, &len);
	all.at = calloc(cap, sizeof(*all.at));
	for (const char *p = all.text; all.at && (p = strstr(p, end)) != NULL;) {
		p += strlen(end);
		if (++all.count == cap)
			all.at = realloc(all.at, (cap *= 2) * sizeof(*all.at));
		if (all.at)
			all.at[all.count] = (size_t)(p - all.text);
	}
	if (!all.at || !all.count)
		fail("no requests");
	atomic_store(&state, 2);
	return &all;
}

/* --- enroll, converse: CSRS FIRST ENROLL KEY...: a key for each thread --- */

struct enroller {
	const struct requests *requests;
	int fd; /* of converse */
	char key[512];
	size_t key_len;
};

static _Atomic size_t next_request;

static int open_enroll(const struct thread *t)
{
	int fd = open(t->argv[2], O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail(t->argv[2]);
	return fd;
}

static bool prepare_enroll(struct thread *t)
{
	struct enroller *e = calloc(1, sizeof(*e));
	size_t len;
	char *key = read_file(t->argv[3 + t->number % (t->argc - 3)], &len);

	if (!e || len >= sizeof(e->key))
		fail("key");
	memcpy(e->key, key, len);
	e->key_len = len;
	free(key);
	e->requests = requests_read(t->argv[0]);
	if (t->number == 0)
		atomic_store(&next_request, (size_t)atoll(t->argv[1]));
	t->state = e;
	return true;
}

/* One open for all requests of the thread. */
static bool prepare_converse(struct thread *t)
{
	prepare_enroll(t);
	((struct enroller *)t->state)->fd = open_enroll(t);
	return true;
}

/* Writes the next request and reads the reply in one read each. Returns false
 * if no request is left. */
static bool ask(const struct thread *t, int fd)
{
	const struct enroller *e = t->state;
	char text[8192];
	size_t i = atomic_fetch_add(&next_request, 1);

	if (i >= e->requests->count)
		return false;
	size_t len = e->requests->at[i + 1] - e->requests->at[i];
	memcpy(text, e->key, e->key_len);
	memcpy(text + e->key_len, e->requests->text + e->requests->at[i], len);
	if (write(fd, text, e->key_len + len) != (ssize_t)(e->key_len + len))
		fail(t->argv[2]);
	if (read(fd, text, sizeof(text)) < 500)
		fail("no certificate");
	return true;
}

static bool enroll(struct thread *t)
{
	int fd = open_enroll(t);
	bool done = ask(t, fd);

	close(fd);
	return done;
}

static bool converse(struct thread *t)
{
	return ask(t, ((const struct enroller *)t->state)->fd);
}

/* --- read FILE..., write FILE..., stat FILE...: a file for each thread --- */

static const char *file_of(const struct thread *t)
{
	return t->argv[t->number % t->argc];
}

static bool read_once(struct thread *t)
{
	char text[4096];
	int fd = open(file_of(t), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		fail(file_of(t));
	close(fd);
	return true;
}

/* Writes a different number each time. */
static bool write_once(struct thread *t)
{
	char text[32];
	size_t n = (size_t)t->state;
	int fd = open(file_of(t), O_WRONLY | O_TRUNC | O_CLOEXEC);

	t->state = (void *)(n + 1);
	int len = snprintf(text, sizeof(text), "%zu\n", 1000000 + n % 1000000);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		fail(file_of(t));
	close(fd);
	return true;
}

static bool stat_once(struct thread *t)
{
	struct stat st;

	if (stat(file_of(t), &st))
		fail(file_of(t));
	return true;
}

const struct work client_work[] = {
    {"enroll", "CSRS FIRST ENROLL KEY...", 4, prepare_enroll, enroll},
    {"converse", "CSRS FIRST ENROLL KEY...", 4, prepare_converse, converse},
    {"read", "FILE...", 1, NULL, read_once},
    {"write", "FILE...", 1, NULL, write_once},
    {"stat", "FILE...", 1, NULL, stat_once},
    {0},
};
