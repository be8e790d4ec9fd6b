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

/* With STORE, the URI of a PostgreSQL database, each test has a schema of its
 * own there, named as its folder. */
static inline int test_schema(const char *statement)
{
	char command[512];

	snprintf(command, sizeof(command),
	    "psql -qX \"$STORE\" -c 'SET client_min_messages = error' -c '%s \"%s\" %s'",
	    statement, temp_folder + 1,
	    strncmp(statement, "DROP", 4) == 0 ? "CASCADE" : "");
	return getenv("STORE") ? system(command) : 0;
}

/* For what looks into the store's file. */
#define ONLY_WITH_A_FILE()           \
	do {                         \
		if (getenv("STORE")) \
			skip();      \
	} while (0)

static inline struct store *test_open(const char *domain)
{
	struct store *opened = NULL;
	char path[512], secret[160];
	struct store_options options = {.path = path, .domain = domain};

	snprintf(path, sizeof(path), "%s", temp_file("store"));
	snprintf(secret, sizeof(secret), "%s", temp_file("store.key"));
	if (getenv("STORE")) {
		snprintf(path, sizeof(path),
		    "%s&options=-csearch_path%%3D\"%s\"", getenv("STORE"),
		    temp_folder + 1);
		options.master_key = secret;
	}
	store_open(&options, &opened);
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
	if (temp_setup(state) || test_schema("CREATE SCHEMA") ||
	    !(store = test_open("corp.example")))
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
	return test_schema("DROP SCHEMA") | temp_teardown(state);
}

#define STORE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)

#endif
