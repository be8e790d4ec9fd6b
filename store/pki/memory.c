/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/report.h"
#include "store/pki/internal.h"

/*
 * Private keys lie in OpenSSL's secure heap: locked, and in no core dump. By
 * itself it puts a key's numbers there, but not what it derives of them (an RSA
 * key's primes are the moduli it computes with), and its decoders free their
 * copies of the DER as they are. So whatever is allocated while a private key
 * is made ready comes from there, and nothing of OpenSSL's is freed unwiped.
 */
enum {
	/* SIGNERS keys of the largest kind, and what as many threads need to
	 * use them */
	SECURE_HEAP = 1 << 23,
	SMALLEST = 32,
};

static _Thread_local bool secret;

/*
 * Whether OpenSSL has been refused memory in this thread. Its error queue does
 * not tell: much of it drops that, or says instead that there is no such
 * algorithm.
 */
static _Thread_local bool refused;

bool pki_starved(void)
{
	bool was = refused;

	refused = false;
	return was;
}

void pki_secret(bool begins)
{
	secret = begins;
}

static void *take(size_t size, const char *file, int line)
{
	if (!size)
		return NULL;
	/* without a secure heap that comes back here */
	void *data = secret && CRYPTO_secure_malloc_initialized()
			 ? CRYPTO_secure_malloc(size, file, line)
			 : malloc(size);
	if (!data)
		refused = true;
	return data;
}

static void give_back(void *data, const char *file, int line)
{
	if (CRYPTO_secure_allocated(data)) {
		CRYPTO_secure_free(data, file, line);
		return;
	}
	if (data)
		explicit_bzero(data, malloc_usable_size(data));
	free(data);
}

static size_t size_of(void *data)
{
	if (!data)
		return 0;
	return CRYPTO_secure_allocated(data) ? CRYPTO_secure_actual_size(data)
					     : malloc_usable_size(data);
}

/* Not realloc: it would leave the old content behind. */
static void *take_more(void *data, size_t size, const char *file, int line)
{
	size_t had = size_of(data);

	if (data && size == 0) {
		give_back(data, file, line);
		return NULL;
	}
	if (data && size <= had)
		return data;
	void *more = take(size, file, line);
	if (!more)
		return NULL;
	if (data)
		memcpy(more, data, had);
	give_back(data, file, line);
	return more;
}

/* Before main: OpenSSL takes no others once it has used its own. */
__attribute__((constructor)) static void come_between(void)
{
	CRYPTO_set_mem_functions(take, take_more, give_back);
}

void pki_start(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	if (CRYPTO_secure_malloc_init(SECURE_HEAP, SMALLEST) != 1)
		report(LOG_NOTICE,
		    "private keys cannot be kept from the swap: memory is not locked (see RLIMIT_MEMLOCK)");
}
