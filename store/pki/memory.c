/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/report.h"
#include "store/pki/internal.h"

/*
 * Private keys live in OpenSSL's secure heap: locked, and in no core dump. On
 * its own, OpenSSL puts a key's numbers there, but not values derived from them
 * (an RSA key's Montgomery parameters hold the primes), and its decoders free
 * copies of the DER without wiping. So every allocation while a private key is
 * decoded comes from the secure heap, and every free wipes.
 */
enum {
	/* bytes; room for SIGNERS (store/objects/signer.h) keys of the largest
	 * kind, in use by as many threads */
	SECURE_HEAP = 1 << 23,
	SECURE_MIN = 32, /* smallest block */
};

static _Thread_local bool use_secure_heap;

/*
 * Whether an allocation has failed in this thread. OpenSSL's error queue is no
 * substitute: parts of OpenSSL drop that error, or report an unknown algorithm
 * instead.
 */
static _Thread_local bool alloc_failed;

bool pki_alloc_failed(void)
{
	bool failed = alloc_failed;

	alloc_failed = false;
	return failed;
}

void pki_use_secure_heap(bool on)
{
	use_secure_heap = on;
}

static void *allocate(size_t size, const char *file, int line)
{
	if (!size)
		return NULL;
	/* uninitialized, CRYPTO_secure_malloc would call back into this */
	void *data = use_secure_heap && CRYPTO_secure_malloc_initialized()
			 ? CRYPTO_secure_malloc(size, file, line)
			 : malloc(size);
	if (!data)
		alloc_failed = true;
	return data;
}

static void wipe_and_free(void *data, const char *file, int line)
{
	if (CRYPTO_secure_allocated(data)) {
		CRYPTO_secure_free(data, file, line);
		return;
	}
	if (data)
		explicit_bzero(data, malloc_usable_size(data));
	free(data);
}

static size_t usable_size(void *data)
{
	if (!data)
		return 0;
	return CRYPTO_secure_allocated(data) ? CRYPTO_secure_actual_size(data)
					     : malloc_usable_size(data);
}

/* Not realloc(3), which leaves the old content unwiped. */
static void *reallocate(void *data, size_t size, const char *file, int line)
{
	size_t old_size = usable_size(data);

	if (data && size == 0) {
		wipe_and_free(data, file, line);
		return NULL;
	}
	if (data && size <= old_size)
		return data;
	void *new_data = allocate(size, file, line);
	if (!new_data)
		return NULL;
	if (data)
		memcpy(new_data, data, old_size);
	wipe_and_free(data, file, line);
	return new_data;
}

/* Runs before main: OpenSSL accepts no other allocator after its first
 * allocation. */
__attribute__((constructor)) static void install_allocator(void)
{
	CRYPTO_set_mem_functions(allocate, reallocate, wipe_and_free);
}

void pki_start(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	if (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN) != 1)
		report(LOG_NOTICE,
		    "cannot lock memory (see RLIMIT_MEMLOCK): private keys may be swapped out");
}
