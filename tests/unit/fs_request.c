/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fs_files.h"

/* What is logged of a refusal. */

/* The trail, once what was posted is in it. */
static void read_trail(struct bytes *out)
{
	assert_int_equal(store_log_event(store, "test", "end"), 0);
	assert_int_equal(store_log_read(store, 0, 1000000, out), 0);
	assert_int_equal(bytes_add(out, "", 1), 0);
}

static bool is_logged(const char *part)
{
	CLEANUP_BYTES struct bytes trail = {0};

	read_trail(&trail);
	return strstr((char *)trail.data, part) != NULL;
}

static void log_of(
    const char *action, const struct node *node, const char *name, int rc)
{
	node_target(new_request(), action, node, name);
	request_log(&rq, rc);
}

static void action_and_object(void **state)
{
	(void)state;
	struct node root = get_node(INO_ROOT), dir = key_dir(),
		    file = look_up(&dir, "max_uses"), above = group_dir();

	log_of("t1", &dir, NULL, -EPERM);
	log_of("t2", &dir, "name", -EPERM);
	log_of("t3", &file, NULL, -EPERM);
	log_of("t4", &root, "name", -EPERM);
	log_of("t5", &root, NULL, -EPERM);
	log_of("t6", &above, "keys", -EPERM);
	assert_true(is_logged(
	    "\"action\":\"t1\",\"object\":\"app_connector/berlin/keys/auto\","));
	assert_true(is_logged(
	    "\"action\":\"t2\",\"object\":\"app_connector/berlin/keys/auto/name\","));
	assert_true(is_logged(
	    "\"action\":\"t3\",\"object\":\"app_connector/berlin/keys/auto/max_uses\","));
	assert_true(is_logged("\"action\":\"t4\",\"object\":\"name\","));
	assert_true(is_logged("\"action\":\"t5\",\"object\":\"\","));
	assert_true(is_logged(
	    "\"action\":\"t6\",\"object\":\"app_connector/berlin/keys\","));
}

static void a_reason_in_words(void **state)
{
	(void)state;
	struct node dir = key_dir();

	node_target(new_request(), "t1", &dir, NULL);
	request_log(&rq, store_refuse(&rq.call, -ENOENT, "because of %d", 7));
	assert_true(is_logged("\"reason\":\"because of 7\""));
	log_of("t2", &dir, NULL, -ENOSPC);
	assert_true(is_logged("\"reason\":\"there is no room for more\""));
}

static void names_that_are_none(void **state)
{
	(void)state;
	char name[NAME_MAX_LEN + 2];
	struct node dir = key_dir();

	memset(name, 'x', sizeof(name));
	name[NAME_MAX_LEN + 1] = '\0';
	log_of("t1", &dir, name, -EPERM);
	assert_true(is_logged("auto/(too long)\""));
	name[NAME_MAX_LEN] = '\0';
	log_of("t2", &dir, name, -EPERM);
	assert_true(is_logged("auto/xxxx"));
	log_of("t3", &dir, "1|corp.example|abc", -EPERM);
	log_of("t4", &dir, "a b", -EPERM);
	log_of("t5", &dir, "caf\xc3\xa9", -EPERM);
	assert_true(is_logged("auto/(not a name)\""));
	assert_false(is_logged("|abc"));
	assert_false(is_logged("/a b"));
	assert_false(is_logged("/caf"));
}

static void what_is_no_refusal(void **state)
{
	static const int none[] = {
	    0, 1, -ENOENT, -ESTALE, -ENOTDIR, -EISDIR, -ELOOP};
	struct node dir = key_dir();

	(void)state;
	for (size_t i = 0; i < COUNT(none); i++)
		log_of("unlogged", &dir, NULL, none[i]);
	/* without a target, and where the store has logged it */
	request_log(new_request(), -EPERM);
	node_target(new_request(), "unlogged", &dir, NULL);
	rq.call.recorded = true;
	request_log(&rq, -EPERM);
	assert_false(is_logged("unlogged"));
	assert_false(is_logged("EPERM"));
}

static void the_last_target_counts(void **state)
{
	(void)state;
	struct node dir = key_dir();

	new_request();
	request_stranger(&rq, "unlogged");
	node_target(&rq, "t1", &dir, NULL);
	request_log(&rq, -EPERM);
	assert_false(is_logged("unlogged"));
	assert_true(is_logged("\"action\":\"t1\""));
	/* strangers have no object, and a line a second */
	call.uid = 4711;
	node_target(new_request(), "unlogged", &dir, NULL);
	request_stranger(&rq, "t2");
	request_log(&rq, -EPERM);
	assert_true(is_logged("\"action\":\"t2\",\"object\":\"\","));
	call.uid = 1000;
	assert_false(is_logged("unlogged"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(action_and_object),
	    STORE_TEST(a_reason_in_words),
	    STORE_TEST(names_that_are_none),
	    STORE_TEST(what_is_no_refusal),
	    STORE_TEST(the_last_target_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
