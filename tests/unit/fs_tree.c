/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "fs/file.h"
#include "fs/ino.h"
#include "fs/node.h"
#include "tests/unit/stores.h"

/* A walk over the table: what the engine relies on, and what people are
 * told. */

static const struct kind *kind;
static const struct attr *attr;

static void each_attr(void (*check)(void))
{
	for (kind = tree; kind < tree + KINDS; kind++)
		for (attr = kind->attr; attr < kind->attr + kind->attrs; attr++)
			check();
}

static void check_number(void)
{
	for (const struct attr *other = kind->attr; other < attr; other++) {
		assert_int_not_equal(other->number, attr->number);
		assert_string_not_equal(other->name, attr->name);
	}
	for (size_t i = 0; i < kind->dirs; i++)
		assert_string_not_equal(kind->dir[i].name, attr->name);
	assert_ptr_equal(tree_attr(kind, attr->number), attr);
}

/* What is said of owners is kept with the row: no two files of one row have the
 * same number. */
static void check_row(void)
{
	for (const struct kind *other = tree; other < kind; other++)
		for (size_t i = 0; i < other->attrs; i++)
			if (other->row == kind->row && !other->exported &&
			    !kind->exported)
				assert_int_not_equal(
				    other->attr[i].number, attr->number);
}

static void names_and_numbers_are_unique(void **state)
{
	(void)state;
	each_attr(check_number);
	each_attr(check_row);
}

static void kinds_fit_the_store(void **state)
{
	(void)state;
	for (kind = tree; kind < tree + KINDS; kind++) {
		assert_non_null(kind->name);
		assert_true(!kind->child || kind->changed);
		/* bits 48 to 63 of store_object.owned */
		for (const struct kind *other = tree; other < kind; other++)
			assert_true(!kind->follows || !other->follows ||
				    kind->row != other->row ||
				    (kind - other) % 16 != 0);
		assert_true(kind->dirs + kind->attrs + INO_COOKIE_FIXED <
			    INO_FIRST_CHILD);
		for (size_t i = 0; i < kind->dirs; i++)
			assert_true(kind->dir[i].id ||
				    tree[kind->dir[i].kind].row == kind->row);
	}
}

/* How long the kernel may cache a name and its attributes: the name, where a
 * lookup always finds the same; what others change, only if that is
 * invalidated. */
static void check_cached(void)
{
	struct node node = {.kind = kind, .attr = attr};
	bool fixed = node_entry_timeout(&node, true) > 0;
	bool renewed = attr->flags & AT_RENEWED;

	assert_true(node_entry_timeout(&node, false) == 0);
	assert_false(fixed && (attr->present || kind->flat || kind->exported ||
				  attr->flags & (AT_CONVERSATION | AT_LINK)));
	assert_true(node_lookup_timeout(&node, true) <= 1 ||
		    !(attr->flags & AT_VOLATILE));
	if (renewed)
		assert_true(kind->listed && attr->flags & AT_VOLATILE &&
			    node_timeout(&node) == 1 &&
			    node_lookup_timeout(&node, true) == 0);
	else if (attr->flags & AT_VOLATILE)
		assert_true(node_timeout(&node) == 0);
	node.draft = 1;
	assert_true(node_entry_timeout(&node, true) == 0);
}

static void the_kernel_caches_what_is_invalidated(void **state)
{
	(void)state;
	each_attr(check_cached);
}

static int count_ino(uint64_t ino, void *arg)
{
	const struct attr *file = tree_attr(&tree[ino_kind(ino)], ino_attr(ino));

	assert_true(file->flags & AT_RENEWED || file->store);
	++*(int *)arg;
	return 0;
}

static int count_files(uint64_t dir, void *arg)
{
	assert_true(node_is_listed(dir));
	return node_each_cached(dir, count_ino, arg);
}

static void each_file_that_a_renewal_changes(void **state)
{
	int files = 0;

	(void)state;
	node_each_listed(STORE_MEMBER, 5, count_files, &files);
	assert_int_equal(files, 11);
	assert_false(node_is_listed(ino_make(KIND_MEMBER, 1, 5)));
	assert_false(node_is_listed(ino_make(KIND_GROUP, 0, 5)));
	assert_false(node_is_listed(ino_make(INO_DRAFT, 0, 5)));
}

static char manual[200000];

static void check_manual(void)
{
	char name[64];

	snprintf(name, sizeof(name), "\n.It Pa %s Pq ", attr->name);
	if (!strstr(manual, name))
		fail_msg("enrollfs(5) does not name %s", attr->name);
}

static void every_file_is_in_the_manual(void **state)
{
	(void)state;
	FILE *f = fopen("fs/enrollfs.5", "r");

	assert_non_null(f);
	assert_true(fread(manual, 1, sizeof(manual) - 1, f) > 0);
	fclose(f);
	each_attr(check_manual);
}

/* --- on a real store: modes match what the handlers can do --- */

struct found {
	uint64_t ino[512];
	int count;
};

static int find_entry(
    const char *name, const struct node *node, uint64_t next, void *arg)
{
	struct found *found = arg;

	assert_true(next > 0);
	assert_in_range(found->count, 0, COUNT(found->ino) - 1);
	if (name[0] != '.')
		found->ino[found->count++] = node->ino;
	return 0;
}

static void check_file(struct node *node, const struct stat *st)
{
	CLEANUP_BYTES struct bytes data = {0};
	struct file *file;
	struct stat now;
	bool writable = node->attr->store || node->attr->submit;

	assert_int_equal((st->st_mode & 0222) != 0, writable);
	struct fs_request rq = {.store = store, .call = call};
	int rc = file_open(&rq, node, O_WRONLY, &file);
	assert_int_equal(rc, writable ? 0 : -EACCES);
	if (!rc)
		file_close(file, &rq);
	/* behind the record of the refusal, which has another length */
	store_log_event(store, "test", "");
	assert_int_equal(node_get(store, node->ino, node), 0);
	assert_int_equal(node_stat(store, node, &now), 0);
	assert_int_equal(file_open(&rq, node, O_RDONLY, &file), 0);
	assert_int_equal(file_read(file, &rq, 0, 100000, &data), 0);
	/* a report has the size of whoever asks, which node_stat does not know */
	if (!node->attr->report)
		assert_int_equal(data.len, now.st_size);
	file_close(file, &rq);
}

static uid_t test_root_owner(void)
{
	struct node root;

	assert_int_equal(node_get(store, INO_ROOT, &root), 0);
	return root.row.object.uid;
}

static void the_whole_tree(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes der = {0}, reply = {0};
	struct found found = {.ino = {INO_ROOT}, .count = 1};

	test_simple_csr("web1", &der);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     der.data, der.len, &reply),
	    0);
	struct store_edit edit = {.field = STORE_APPROVAL, .number = 1};
	assert_int_equal(store_set(store, &call, &key.object, &edit), 0);
	edit.field = STORE_MAX_USES;
	edit.number = 2;
	assert_int_equal(store_set(store, &call, &key.object, &edit), 0);
	bytes_free(&der);
	test_simple_csr("web2", &der);
	assert_int_equal(store_enroll(store, &call, key.object.id, NULL,
			     der.data, der.len, &reply),
	    -EINPROGRESS);
	call.uid = test_root_owner(); /* who may write everything */
	for (int i = 0; i < found.count; i++) {
		struct node node;
		struct stat st;
		assert_int_equal(node_get(store, found.ino[i], &node), 0);
		assert_int_equal(node_stat(store, &node, &st), 0);
		assert_int_equal(S_ISDIR(st.st_mode), !node.attr);
		if (!node.attr)
			assert_int_equal(
			    node_list(store, &node, 0, find_entry, &found), 0);
		else if (!S_ISLNK(st.st_mode))
			check_file(&node, &st);
	}
	call.uid = 1000;
	assert_in_range(found.count, 140, 260);
}

/* Listing one entry at a time, each from the cookie before, gives the same as
 * all at once. */
struct collected {
	char name[64][80];
	int count, most;
	uint64_t next;
};

static int collect(
    const char *name, const struct node *node, uint64_t next, void *arg)
{
	struct collected *c = arg;

	(void)node;
	if (c->count == c->most)
		return 1;
	snprintf(c->name[c->count++], sizeof(c->name[0]), "%s", name);
	c->next = next;
	return 0;
}

static void stop_anywhere(uint64_t ino)
{
	struct collected whole = {.most = 64}, parts = {0};
	struct node dir;
	int before;

	assert_int_equal(node_get(store, ino, &dir), 0);
	assert_int_equal(node_list(store, &dir, 0, collect, &whole), 0);
	do {
		before = parts.count;
		parts.most = before + 1;
		assert_int_equal(
		    node_list(store, &dir, parts.next, collect, &parts), 0);
	} while (parts.count > before);
	assert_int_equal(parts.count, whole.count);
	for (int i = 0; i < whole.count; i++)
		assert_string_equal(parts.name[i], whole.name[i]);
}

static void listing_can_stop_anywhere(void **state)
{
	(void)state;
	stop_anywhere(INO_ROOT);
	stop_anywhere(ino_make(KIND_CERTS, 0, STORE_CERTS));
	stop_anywhere(ino_make(KIND_GROUP, 0, group.object.id));
	stop_anywhere(ino_make(KIND_KEYS, 0, group.object.id));
	stop_anywhere(ino_make(KIND_KEY, 0, key.object.id));
}

static void numbers_that_name_nothing(void **state)
{
	(void)state;
	struct node node;

	assert_int_equal(node_get(store, ino_make(KINDS, 0, 1), &node), -ESTALE);
	assert_int_equal(
	    node_get(store, ino_make(KIND_KEY, 63, key.object.id), &node),
	    -ESTALE);
	assert_int_equal(
	    node_get(store, ino_make(KIND_KEY, 0, 4711), &node), -ESTALE);
	assert_int_equal(
	    node_get(store, ino_make(KIND_GROUPS, 0, 77), &node), -ESTALE);
	assert_int_equal(node_get(store, UINT64_MAX, &node), -ESTALE);
	assert_int_equal(node_get(store, 0, &node), -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_and_numbers_are_unique),
	    cmocka_unit_test(the_kernel_caches_what_is_invalidated),
	    cmocka_unit_test(each_file_that_a_renewal_changes),
	    cmocka_unit_test(kinds_fit_the_store),
	    cmocka_unit_test(every_file_is_in_the_manual),
	    STORE_TEST(the_whole_tree),
	    STORE_TEST(listing_can_stop_anywhere),
	    STORE_TEST(numbers_that_name_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
