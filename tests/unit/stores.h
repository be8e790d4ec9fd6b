/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STORES_H
#define TESTS_UNIT_STORES_H

/* A store with a group and a key in it, in a folder of the test's own. */
#include "store/enrollment.h"
#include "store/internal.h"
#include "store/log.h"
#include "store/snapshot.h"
#include "tests/unit/csrs.h"
#include "tests/unit/temp.h"
#include "tests/unit/unit.h"

static struct store *store;
static struct store_call call = {
    .uid = 1000, .gid = 100, .pid = 1, .comm = "test"};
static const struct store_owner test_above = {0, 100, 0755, 0};
static union store_any group, key;

static inline struct store *test_open(const char *domain)
{
	struct store *opened = NULL;
	struct store_options options = {
	    .path = strdup(temp_file("store")), .domain = domain};

	store_open(&options, &opened);
	free((void *)(uintptr_t)options.path);
	return opened;
}

static inline void test_set(
    const union store_any *object, enum store_field field, int64_t number)
{
	struct store_edit edit = {.field = field, .number = number};

	assert_int_equal(store_set(store, &call, &object->object, &edit), 0);
}

static inline int test_set_text(
    const union store_any *object, enum store_field field, const char *text)
{
	struct store_edit edit = {.field = field, .text = text};

	return store_set(store, &call, &object->object, &edit);
}

static inline union store_any test_get(const union store_any *object)
{
	union store_any now;

	assert_int_equal(
	    store_get(store, object->object.kind, object->object.id, &now), 0);
	return now;
}

static inline int store_setup(void **state)
{
	if (temp_setup(state) || !(store = test_open("corp.example")))
		return -1;
	if (store_make(store, &call, STORE_GROUP, STORE_APP_CONNECTOR,
		&test_above, "berlin", 0777, &group) ||
	    store_make(store, &call, STORE_KEY, group.object.id, &test_above,
		"auto", 0777, &key))
		return -1;
	return 0;
}

static inline int store_teardown(void **state)
{
	store_close(store);
	return temp_teardown(state);
}

#define STORE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)

#endif
