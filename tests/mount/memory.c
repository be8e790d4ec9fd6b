/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Preloaded into the daemon: it is refused memory when memory.py says so,
 * through a file (FAULTS) that both have mapped: the one request after so many
 * from now, whoever makes it, the libraries included. A sanitizer's malloc is
 * behind this one, so that it works with them too.
 *
 * Requests as long as the buffer of a thread that serves requests are counted
 * apart. `armed` 2 refuses all of them until it is 0 again.
 */
enum { THREAD_BUFFER = 1 << 20, ONCE = 1 };

static struct control {
	_Atomic int32_t armed, after, hits, threads;
} * control;

__attribute__((constructor)) static void map_control(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = mmap(
	    NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		abort();
	close(fd);
	control = at;
}

/* What AddressSanitizer asks for when a thread starts: refused that, it ends
 * the program. */
static __thread int spared __attribute__((tls_model("initial-exec")));

static int fails(size_t size)
{
	if (!control || !control->armed || spared ||
	    control->threads != (size >= THREAD_BUFFER) ||
	    (control->armed == ONCE && control->after-- != 0))
		return 0;
	if (control->armed == ONCE)
		control->armed = 0;
	control->hits++;
	errno = ENOMEM;
	return 1;
}

/* Looked up once: dlsym is slow. */
#define REAL(name)                                                  \
	({                                                          \
		static __typeof__(&name) real;                      \
		if (!real)                                          \
			real = (__typeof__(&name))(uintptr_t)dlsym( \
			    RTLD_NEXT, #name);                      \
		real;                                               \
	})

void *malloc(size_t size)
{
	return fails(size) ? NULL : REAL(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(count * size) ? NULL : REAL(calloc)(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(size) ? NULL : REAL(realloc)(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails(size) ? NULL : REAL(aligned_alloc)(alignment, size);
}

/* With a sanitizer these two would not come by malloc. */
char *strndup(const char *text, size_t max)
{
	size_t n = strnlen(text, max);
	char *copy = malloc(n + 1);

	if (copy) {
		memcpy(copy, text, n);
		copy[n] = '\0';
	}
	return copy;
}

char *strdup(const char *text)
{
	return strndup(text, strlen(text));
}

int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	spared = 1;
	int rc = REAL(pthread_getattr_np)(thread, attr);
	spared = 0;
	return rc;
}
