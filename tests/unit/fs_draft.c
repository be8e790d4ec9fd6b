/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/draft.h"

#include "tests/unit/fs_files.h"

static const struct stat owner = {
    .st_uid = 1000, .st_gid = 100, .st_mode = S_IFREG | 0666};

static int drafts_end(void **state)
{
	(void)state;
	draft_end_all();
	clock_skew = 0;
	return 0;
}

static uint64_t make(uint64_t dir, const char *name)
{
	uint64_t id = 0;

	assert_int_equal(draft_create(dir, name, &owner, &id), 0);
	return id;
}

static int find(uint64_t dir, const char *name)
{
	uint64_t id;
	bool directory;

	return draft_find(dir, name, &id, &directory);
}

static void check_content(uint64_t id, const char *want)
{
	CLEANUP_BYTES struct bytes content = {0};
	struct stat st;

	assert_int_equal(draft_read(id, 0, DRAFT_MAX, &content), 0);
	assert_int_equal(content.len, strlen(want));
	assert_memory_equal(
	    content.len ? (char *)content.data : "", want, content.len);
	assert_int_equal(draft_stat(id, &st), 0);
	assert_int_equal(st.st_size, content.len);
}

static void names_are_those_of_a_directory(void **state)
{
	uint64_t id, other;
	bool directory;

	(void)state;
	id = make(1, ".a");
	other = make(2, ".a");
	assert_int_not_equal(id, other);
	assert_int_equal(draft_create(1, ".a", &owner, &other), -EEXIST);
	assert_int_equal(draft_find(1, ".a", &other, &directory), 0);
	assert_int_equal(other, id);
	assert_false(directory);
	assert_int_equal(find(1, ".b"), -ENOENT);
	assert_int_equal(find(3, ".a"), -ENOENT);
	assert_int_equal(draft_parent(id), 1);
	assert_int_equal(draft_parent(4711), 0);
	char name[300];
	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	assert_int_equal(draft_create(1, name, &owner, &other), -ENAMETOOLONG);
	assert_int_equal(draft_rename(id, name), -ENAMETOOLONG);
	name[255] = '\0';
	assert_int_equal(draft_create(1, name, &owner, &other), 0);
}

static void others_have_no_permission(void **state)
{
	struct store_call caller = {.uid = 1000};
	struct store_chown mode = {.mode = true, .to = {.mode = 0777}};
	struct draft_change change = {.owner = &mode};
	struct stat st;

	(void)state;
	uint64_t id = make(1, ".a");
	assert_int_equal(draft_stat(id, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0660);
	assert_int_equal(draft_change(&caller, id, &change), 0);
	assert_int_equal(draft_stat(id, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0770);
	caller.uid = 1001;
	assert_int_equal(draft_change(&caller, id, &change), -EPERM);
	assert_int_equal(draft_change(&caller, 4711, &change), -ESTALE);
}

static void writes_have_offsets(void **state)
{
	static char large[DRAFT_MAX];
	CLEANUP_BYTES struct bytes part = {0};

	(void)state;
	uint64_t id = make(1, ".a");
	assert_int_equal(draft_write(id, "abcdef", 6, 0), 0);
	assert_int_equal(draft_write(id, "CD", 2, 2), 0);
	check_content(id, "abCDef");
	assert_int_equal(draft_write(id, "g", 1, FILE_END), 0);
	check_content(id, "abCDefg");
	assert_int_equal(draft_read(id, 5, 100, &part), 0);
	assert_int_equal(part.len, 2);
	assert_memory_equal(part.data, "fg", 2);
	bytes_free(&part);
	assert_int_equal(draft_read(id, 7, 100, &part), 0);
	assert_int_equal(part.len, 0);
	assert_int_equal(draft_write(id, large, DRAFT_MAX, 1), -EFBIG);
	assert_int_equal(draft_write(id, "x", 1, DRAFT_MAX), -EFBIG);
	check_content(id, "abCDefg");
	assert_int_equal(draft_write(id, large, DRAFT_MAX, 0), 0);
	assert_int_equal(draft_write(4711, "x", 1, 0), -ESTALE);
	assert_int_equal(draft_read(4711, 0, 1, &part), -ESTALE);
}

static void a_hole_is_zero(void **state)
{
	CLEANUP_BYTES struct bytes content = {0};

	(void)state;
	uint64_t id = make(1, ".a");
	assert_int_equal(draft_write(id, "cd", 2, 2), 0);
	assert_int_equal(draft_read(id, 0, 100, &content), 0);
	assert_int_equal(content.len, 4);
	assert_memory_equal(content.data, "\0\0cd", 4);
}

static int resize(uint64_t id, off_t size)
{
	struct store_call caller = {.uid = 1000};

	return draft_change(
	    &caller, id, &(struct draft_change){.resize = true, .size = size});
}

static void truncating(void **state)
{
	CLEANUP_BYTES struct bytes content = {0};

	(void)state;
	uint64_t id = make(1, ".a");
	assert_int_equal(draft_write(id, "secret", 6, 0), 0);
	assert_int_equal(resize(id, 2), 0);
	check_content(id, "se");
	/* what was cut off does not come back */
	assert_int_equal(resize(id, 4), 0);
	assert_int_equal(draft_read(id, 0, 100, &content), 0);
	assert_memory_equal(content.data, "se\0\0", 4);
	assert_int_equal(resize(id, DRAFT_MAX + 1), -EFBIG);
	assert_int_equal(resize(id, -1), -EFBIG);
	assert_int_equal(draft_open(id, true), 0);
	check_content(id, "");
	draft_close(id);
}

static void unlinked_while_it_is_open(void **state)
{
	uint64_t id, next;
	struct stat st;

	(void)state;
	id = make(1, ".a");
	assert_int_equal(draft_open(id, false), 0);
	assert_int_equal(draft_open(id, false), 0);
	assert_int_equal(draft_write(id, "x", 1, 0), 0);
	draft_unlink(id);
	assert_int_equal(find(1, ".a"), -ENOENT);
	/* the name is free, the content is there */
	next = make(1, ".a");
	assert_int_not_equal(next, id);
	check_content(id, "x");
	check_content(next, "");
	draft_close(id);
	check_content(id, "x");
	draft_close(id);
	assert_int_equal(draft_stat(id, &st), -ESTALE);
	assert_int_equal(draft_open(id, false), -ESTALE);
	draft_unlink(next);
	assert_int_equal(draft_stat(next, &st), -ESTALE);
}

static void a_minute_after_the_last_close(void **state)
{
	(void)state;
	uint64_t id = make(1, ".a");
	assert_int_equal(draft_open(id, false), 0);
	clock_skew += 2 * DRAFT_SECONDS;
	assert_int_equal(find(1, ".a"), 0);
	draft_close(id);
	clock_skew += DRAFT_SECONDS - 1;
	assert_int_equal(find(1, ".a"), 0);
	clock_skew += 2;
	assert_int_equal(find(1, ".a"), -ENOENT);
}

static void reserved(void **state)
{
	(void)state;
	uint64_t id = make(1, "web1.csr");
	assert_int_equal(draft_reserve(id), 0);
	assert_int_equal(draft_open(id, false), -EEXIST);
	/* as if it was open */
	clock_skew += 2 * DRAFT_SECONDS;
	assert_int_equal(find(1, "web1.csr"), 0);
	draft_unlink(id);
	draft_close(id);
	assert_int_equal(draft_reserve(id), -ESTALE);
}

static void renaming_replaces(void **state)
{
	struct stat st;

	(void)state;
	uint64_t old = make(1, ".old"), id = make(1, ".new"),
		 elsewhere = make(2, ".old");
	assert_int_equal(draft_rename(id, ".old"), 0);
	assert_int_equal(find(1, ".new"), -ENOENT);
	assert_int_equal(draft_stat(old, &st), -ESTALE);
	assert_int_equal(draft_stat(elsewhere, &st), 0);
	assert_int_equal(draft_rename(id, ".old"), 0);
	assert_int_equal(draft_stat(id, &st), 0);
	assert_int_equal(draft_rename(4711, ".x"), -ESTALE);
}

static int fill(uint64_t first_dir, uid_t uid, int most)
{
	struct stat by = owner;
	char name[16];
	uint64_t id;
	int n = 0, rc = 0;

	by.st_uid = uid;
	for (; n < most && !rc; n += !rc) {
		snprintf(name, sizeof(name), ".%d", n);
		rc = draft_create(first_dir + (uint64_t)n / DRAFTS_PER_DIRECTORY,
		    name, &by, &id);
	}
	assert_true(!rc || rc == -ENOSPC);
	return n;
}

static void there_are_so_many(void **state)
{
	struct stat by = owner;
	uint64_t id;

	(void)state;
	assert_int_equal(fill(1, 1000, DRAFTS_PER_DIRECTORY), 64);
	by.st_uid = 1001;
	assert_int_equal(draft_create(1, ".more", &by, &id), -ENOSPC);
	draft_end_all();
	assert_int_equal(fill(1, 1000, DRAFTS_MAX), DRAFTS_PER_USER);
	for (uid_t uid = 1001; uid < 1004; uid++)
		assert_int_equal(fill(100 * uid, uid, DRAFTS_PER_USER), 256);
	assert_int_equal(fill(999, 2000, 1), 0);
	/* after their minute they make room */
	clock_skew += DRAFT_SECONDS + 1;
	assert_int_equal(fill(999, 2000, 1), 1);
}

/* --- as files of the tree --- */

static struct file *create(const char *name, struct node *out)
{
	struct node dir = key_dir();
	struct file *file = NULL;

	new_request();
	assert_int_equal(
	    node_create(&rq, &dir, name, O_RDWR | O_EXCL, 0600, out), 0);
	assert_int_equal(file_open(&rq, out, O_RDWR, &file), 0);
	return file;
}

static void an_open_draft(void **state)
{
	struct node node;
	struct stat st;

	(void)state;
	struct file *file = create(".max_uses.x", &node);
	assert_int_equal(write_at(file, "seven", 0), 0);
	assert_int_equal(write_at(file, "\n", FILE_END), 0);
	check_read(file, 0, 100, "seven\n");
	check_read(file, 3, 2, "en");
	check_read_by(file_read_page, file, 5, 100, "\n");
	/* both opens see one content */
	struct node dir = key_dir();
	struct file *other = open_file(&dir, ".max_uses.x", O_WRONLY | O_TRUNC);
	check_read(file, 0, 100, "");
	assert_int_equal(node_stat(store, &node, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(write_at(other, "x", DRAFT_MAX), -EFBIG);
	assert_string_equal(rq.action, "write");
	assert_string_equal(rq.file, "draft");
	close_file(other);
	close_file(file);
}

static void renamed_over_a_value(void **state)
{
	struct node node, dir = key_dir();

	(void)state;
	struct file *file = create(".max_uses.x", &node);
	assert_int_equal(write_at(file, "seven\n", 0), 0);
	assert_int_equal(
	    node_rename(new_request(), &dir, ".max_uses.x", &dir, "max_uses"),
	    -EINVAL);
	assert_string_equal(rq.action, "set");
	check_value("max_uses", "1\n");
	call.uid = 0; /* with every permission */
	assert_int_equal(write_at(file, "00007\n", 0), 0);
	assert_int_equal(
	    node_rename(new_request(), &dir, ".max_uses.x", &dir, "max_uses"),
	    0);
	call.uid = 1000;
	check_value("max_uses", "7\n");
	assert_int_equal(
	    node_lookup(store, &dir, ".max_uses.x", &node), -ENOENT);
	/* whoever has it open keeps it */
	check_read(file, 0, 100, "00007\n");
	close_file(file);
}

static int drafts_and_store_end(void **state)
{
	drafts_end(state);
	return store_teardown(state);
}

/* Makes full drafts of a user until there is no memory for them; how many. */
static int write_all(uid_t uid, uint64_t dir)
{
	static char data[DRAFT_MAX];
	struct stat of = owner;
	char name[16];
	uint64_t id;
	int rc = 0, n;

	of.st_uid = uid;
	for (n = 0; !rc; n++) {
		snprintf(name, sizeof(name), ".%d", n);
		assert_int_equal(
		    draft_create(dir + (uint64_t)n / 32, name, &of, &id), 0);
		rc = draft_write(id, data, sizeof(data), 0);
	}
	assert_int_equal(rc, -ENOSPC);
	if (n > 1) { /* what is there may be written again */
		assert_int_equal(draft_find(dir, ".0", &id, &(bool){false}), 0);
		assert_int_equal(draft_write(id, data, sizeof(data), 0), 0);
	}
	return n - 1;
}

static void their_memory_is_limited(void **state)
{
	const int each = DRAFT_BYTES_PER_USER / DRAFT_MAX,
		  all = DRAFT_BYTES_MAX / DRAFT_MAX;

	(void)state;
	assert_int_equal(write_all(1, 100), each);
	assert_int_equal(write_all(2, 200), all - each);
	assert_int_equal(write_all(3, 300), 0);
	assert_false(draft_tidy());
	clock_skew = DRAFT_SECONDS;
	assert_true(draft_tidy());
	assert_false(draft_tidy());
	assert_int_equal(write_all(3, 400), each);
}

#define DRAFT_TEST(f) cmocka_unit_test_teardown(f, drafts_end)
#define NODE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, store_setup, drafts_and_store_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    DRAFT_TEST(names_are_those_of_a_directory),
	    DRAFT_TEST(others_have_no_permission),
	    DRAFT_TEST(writes_have_offsets),
	    DRAFT_TEST(a_hole_is_zero),
	    DRAFT_TEST(truncating),
	    DRAFT_TEST(unlinked_while_it_is_open),
	    DRAFT_TEST(a_minute_after_the_last_close),
	    DRAFT_TEST(reserved),
	    DRAFT_TEST(renaming_replaces),
	    DRAFT_TEST(there_are_so_many),
	    DRAFT_TEST(their_memory_is_limited),
	    NODE_TEST(an_open_draft),
	    NODE_TEST(renamed_over_a_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
