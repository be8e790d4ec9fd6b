/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/hidden.h"

#include "tests/unit/fs_files.h"

/* Files that are unlinked before the rmdir of their object. */

static void for_two_seconds(void **state)
{
	(void)state;
	assert_false(hidden_has(1, 0));
	hidden_add(1, 0);
	hidden_add(1, HIDDEN_ENTRIES - 1);
	assert_true(hidden_has(1, 0));
	assert_true(hidden_has(1, HIDDEN_ENTRIES - 1));
	assert_false(hidden_has(1, 1));
	assert_false(hidden_has(2, 0));
	clock_skew += HIDDEN_SECONDS - 1;
	assert_true(hidden_has(1, 0));
	/* the next one in the directory extends it for all of them */
	hidden_add(1, 5);
	clock_skew += HIDDEN_SECONDS - 1;
	assert_true(hidden_has(1, 0));
	clock_skew += 2;
	assert_false(hidden_has(1, 0));
	assert_false(hidden_has(1, 5));
	/* a later one does not hide them again */
	hidden_add(1, 5);
	assert_false(hidden_has(1, 0));
	assert_true(hidden_has(1, 5));
}

static void shown_again(void **state)
{
	(void)state;
	hidden_add(1, 0);
	hidden_add(1, 1);
	hidden_show(1, 0);
	hidden_show(2, 1);
	assert_false(hidden_has(1, 0));
	assert_true(hidden_has(1, 1));
	hidden_forget(1);
	assert_false(hidden_has(1, 1));
	hidden_forget(1);
}

static void in_so_many_directories(void **state)
{
	(void)state;
	hidden_add(1, 0);
	clock_skew++;
	for (uint64_t dir = 2; dir <= HIDDEN_DIRECTORIES; dir++)
		hidden_add(dir, 0);
	assert_true(hidden_has(1, 0));
	/* what has been hidden longest shows again */
	hidden_add(HIDDEN_DIRECTORIES + 1, 0);
	assert_false(hidden_has(1, 0));
	for (uint64_t dir = 2; dir <= HIDDEN_DIRECTORIES + 1; dir++)
		assert_true(hidden_has(dir, 0));
}

static void generations(void **state)
{
	(void)state;
	assert_int_equal(hidden_generation(7), 0);
	hidden_renew(7);
	unsigned int first = hidden_generation(7);
	assert_int_not_equal(first, 0);
	hidden_renew(8);
	assert_int_not_equal(hidden_generation(8), first);
	hidden_renew(7);
	assert_int_not_equal(hidden_generation(7), first);
	hidden_forget(7);
	assert_int_equal(hidden_generation(7), 0);
	assert_int_not_equal(hidden_generation(8), 0);
	hidden_forget(8);
}

/* --- in the tree --- */

static int look(const char *name)
{
	struct node dir = key_dir(), node;

	return node_lookup(store, &dir, name, &node);
}

struct seen {
	const char *name;
	bool is;
};

static int see(
    const char *name, const struct node *node, uint64_t next, void *arg)
{
	struct seen *seen = arg;

	(void)node;
	(void)next;
	seen->is = seen->is || strcmp(name, seen->name) == 0;
	return 0;
}

static bool is_listed(const char *name)
{
	struct node dir = key_dir();
	struct seen seen = {.name = name};

	assert_int_equal(node_list(store, &dir, 0, see, &seen), 0);
	return seen.is;
}

static void unlinked_while_it_is_open(void **state)
{
	struct node dir = key_dir();

	(void)state;
	struct file *file = open_key("max_uses", O_RDWR);
	call.uid = 0;
	assert_int_equal(node_unlink(new_request(), &dir, "max_uses"), 0);
	call.uid = 1000;
	assert_int_equal(look("max_uses"), -ENOENT);
	assert_int_equal(node_unlink(new_request(), &dir, "max_uses"), -ENOENT);
	assert_false(is_listed("max_uses"));
	assert_true(is_listed("uses"));
	/* an open file goes on */
	check_read(file, 0, 100, "1\n");
	assert_int_equal(write_at(file, "5\n", 0), 0);
	close_file(file);
	clock_skew += HIDDEN_SECONDS + 1;
	assert_int_equal(look("max_uses"), 0);
	assert_true(is_listed("max_uses"));
	check_value("max_uses", "5\n");
}

static void created_again(void **state)
{
	struct node dir = key_dir(), node;

	(void)state;
	call.uid = 0;
	assert_int_equal(node_unlink(new_request(), &dir, "max_uses"), 0);
	assert_int_equal(
	    node_create(new_request(), &dir, "max_uses", O_WRONLY, 0600, &node),
	    0);
	assert_int_equal(look("max_uses"), 0);
	assert_int_equal(node_unlink(new_request(), &dir, "uses"), 0);
	/* its own owner and mode count */
	call.uid = 4711;
	assert_int_equal(
	    node_create(new_request(), &dir, "uses", O_WRONLY, 0600, &node),
	    -EACCES);
	assert_string_equal(rq.action, "create");
	call.uid = 1000;
}

static void the_object_goes(void **state)
{
	struct node keys, dir = key_dir(), above = group_dir();

	(void)state;
	call.uid = 0;
	keys = look_up(&above, "keys");
	/* fixed directories come back with another generation */
	assert_int_equal(node_remove(new_request(), &dir, "enroll.d"), 0);
	assert_int_equal(look("enroll.d"), -ENOENT);
	assert_int_equal(node_unlink(new_request(), &dir, "uses"), 0);
	assert_int_equal(node_remove(new_request(), &keys, "auto"), 0);
	call.uid = 1000;
	assert_false(hidden_has(dir.ino, 0));
	assert_int_equal(
	    hidden_generation(ino_make(KIND_DROPS, 0, key.object.id)), 0);
}

static void an_object_that_may_not_be_deleted(void **state)
{
	struct node dir = key_dir();

	(void)state;
	test_set(&key, STORE_MANAGED, 1);
	call.uid = 0;
	assert_int_equal(node_unlink(new_request(), &dir, "uses"), -EPERM);
	assert_string_equal(rq.action, "unlink");
	assert_string_equal(rq.name, "uses");
	call.uid = 1000;
	assert_int_equal(look("uses"), 0);
}

static int time_passes(void **state)
{
	(void)state;
	clock_skew += HIDDEN_SECONDS + 1;
	return 0;
}

static int time_passes_for_the_store(void **state)
{
	time_passes(state);
	return store_teardown(state);
}

#define HIDDEN_TEST(f) cmocka_unit_test_teardown(f, time_passes)
#define NODE_TEST(f)                     \
	cmocka_unit_test_setup_teardown( \
	    f, store_setup, time_passes_for_the_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    HIDDEN_TEST(for_two_seconds),
	    HIDDEN_TEST(shown_again),
	    HIDDEN_TEST(in_so_many_directories),
	    HIDDEN_TEST(generations),
	    NODE_TEST(unlinked_while_it_is_open),
	    NODE_TEST(created_again),
	    NODE_TEST(the_object_goes),
	    NODE_TEST(an_object_that_may_not_be_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
