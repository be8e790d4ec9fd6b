/* SPDX-License-Identifier: Apache-2.0 */
/* The schema: its steps, and the columns that the program knows of. */
#include <stdint.h>

#include "store/db/internal.h"
#include "tests/unit/unit.h"

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* A store that has done a step would differ from a new one. */
static void a_step_never_changes(void **state)
{
	(void)state;
	static const uint64_t hash[] = {
	    UINT64_C(0x69852edf136cda72),
	    UINT64_C(0x0d57e810b224cf6a),
	    UINT64_C(0xe9ed28e5e3b2d666),
	    UINT64_C(0x1f120ca01be6e890),
	    UINT64_C(0x06ad435a6c68aeb7),
	    UINT64_C(0x80e51ce913a6b5ca),
	    UINT64_C(0x3e0bac74db0e4029),
	    UINT64_C(0xf566819ffe804a28),
	    UINT64_C(0x729e7a134ab285a6),
	    UINT64_C(0xe81f03194259a409),
	};
	enum { STEPS = sizeof(hash) / sizeof(hash[0]) };

	assert_int_equal(db_steps_count, STEPS);
	for (int i = 0; i < STEPS; i++)
		if (hash_of(db_steps[i]) != hash[i])
			fail_msg("step %d is another one: 0x%016llx", i + 1,
			    (unsigned long long)hash_of(db_steps[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_step_never_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
