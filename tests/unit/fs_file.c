/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/quota.h"
#include "tests/unit/fs_files.h"

/* Open files that are read, or hold one value. */

/* --- reading --- */

static void reads_have_offsets(void **state)
{
	(void)state;
	set_value("description", "0123456789\n");
	struct file *file = open_key("description", O_RDONLY);

	check_read(file, 0, 100, "0123456789\n");
	check_read(file, 0, 4, "0123");
	check_read(file, 8, 100, "89\n");
	check_read(file, 10, 1, "\n");
	check_read(file, 11, 100, "");
	check_read(file, 1000, 100, "");
	check_read(file, 3, 0, "");
	close_file(file);
}

static void content_is_that_of_the_open(void **state)
{
	(void)state;
	set_value("max_uses", "5\n");
	struct file *file = open_key("max_uses", O_RDONLY);

	set_value("max_uses", "1000\n");
	check_read(file, 0, 100, "5\n");
	/* the kernel's pages are shared by all opens */
	check_read_by(file_read_page, file, 0, 100, "1000\n");
	check_value("max_uses", "1000\n");
	close_file(file);
}

static void fstat_says_what_is_read(void **state)
{
	(void)state;
	set_value("max_uses", "5\n");
	struct node dir = key_dir(), node = look_up(&dir, "max_uses");
	struct file *file = open_key("max_uses", O_RDONLY);
	struct stat opened, now, st;

	assert_int_equal(node_stat(store, &node, &opened), 0);
	set_value("max_uses", "1000\n");
	dir = key_dir();
	node = look_up(&dir, "max_uses");
	assert_int_equal(node_stat(store, &node, &now), 0);
	st = now;
	assert_true(file_stat(node.ino, call.pid, &st));
	assert_int_equal(st.st_size, 2);
	assert_int_equal(st.st_mtim.tv_sec, opened.st_mtim.tv_sec);
	/* once something was read, the time is the present one */
	check_read(file, 0, 1, "5");
	st = now;
	assert_true(file_stat(node.ino, call.pid, &st));
	assert_int_equal(st.st_mtim.tv_sec, now.st_mtim.tv_sec);
	/* of other processes and files nothing is said */
	assert_false(file_stat(node.ino, call.pid + 1, &st));
	assert_false(file_stat(node.ino, 0, &st));
	assert_false(file_stat(dir.ino, call.pid, &st));
	close_file(file);
	assert_false(file_stat(node.ino, call.pid, &st));
}

static void every_open_of_a_key_is_a_copy(void **state)
{
	CLEANUP_BYTES struct bytes text = {0}, page = {0};

	(void)state;
	struct file *file = open_key(".key", O_RDONLY);
	assert_int_equal(file_read(file, new_request(), 0, 4096, &text), 0);
	assert_int_equal(text.len, store_key_text_len(store));
	check_value("copies", "1\n");
	/* a page is of this copy too, and counts as none */
	assert_int_equal(file_read_page(file, new_request(), 0, 4096, &page), 0);
	assert_int_equal(page.len, text.len);
	assert_memory_equal(page.data, text.data, text.len);
	close_file(file);
	check_value("copies", "1\n");
	set_value("enabled", "0\n");
	struct node dir = key_dir();
	assert_int_equal(try_open(&dir, ".key", O_RDONLY), -EKEYREVOKED);
	assert_string_equal(rq.action, "copy");
	check_value("copies", "1\n");
}

static void a_stream_grows(void **state)
{
	CLEANUP_BYTES struct bytes before = {0}, more = {0};

	(void)state;
	struct node root = get_node(INO_ROOT);
	struct file *file = open_file(&root, "log", O_RDONLY);
	assert_int_equal(file_read(file, new_request(), 0, 100000, &before), 0);
	assert_int_equal(store_log_event(store, "test", "here"), 0);
	assert_int_equal(
	    file_read(file, new_request(), (off_t)before.len, 100000, &more), 0);
	assert_int_equal(bytes_add(&more, "", 1), 0);
	assert_non_null(strstr((char *)more.data, "\"action\":\"test\""));
	assert_int_equal(strlen((char *)more.data), more.len - 1);
	/* it has no size that the open has fixed */
	struct node node = look_up(&root, "log");
	struct stat st = {0};
	assert_false(file_stat(node.ino, call.pid, &st));
	close_file(file);
}

static void readers_of_a_list_share_it(void **state)
{
	CLEANUP_BYTES struct bytes old = {0}, same = {0}, part = {0};
	union store_any other;

	(void)state;
	struct node root = get_node(INO_ROOT),
		    tables = look_up(&root, "tables");
	struct stat st;
	struct node node = look_up(&tables, "keys.tsv");
	assert_int_equal(node_stat(store, &node, &st), 0);
	struct file *file = open_file(&tables, "keys.tsv", O_RDONLY);
	assert_int_equal(file_read(file, new_request(), 0, 100000, &old), 0);
	assert_int_equal(old.len, st.st_size);
	assert_int_equal(store_make(store, &call, STORE_KEY, group.object.id,
			     &test_above, "another", 0777, &other),
	    0);
	assert_int_equal(file_read(file, new_request(), 0, 100000, &same), 0);
	assert_int_equal(same.len, old.len);
	assert_memory_equal(same.data, old.data, old.len);
	assert_int_equal(file_read(file, new_request(), 5, 7, &part), 0);
	assert_int_equal(part.len, 7);
	assert_memory_equal(part.data, old.data + 5, 7);
	close_file(file);
}

static void a_list_may_not_exist_yet(void **state)
{
	(void)state;
	struct node dir = waiting_cert_dir();
	struct file *file = open_file(&dir, "crl.pem", O_RDONLY);
	check_read(file, 0, 100, "");
	check_read_by(file_read_page, file, 0, 100, "");
	close_file(file);
}

/* --- opening --- */

static void what_does_not_open(void **state)
{
	(void)state;
	struct node dir = key_dir();
	struct file *file;

	assert_int_equal(
	    file_open(new_request(), &dir, O_RDONLY, &file), -EISDIR);
	assert_int_equal(try_open(&dir, "key", O_RDONLY), -ELOOP);
	assert_int_equal(try_open(&dir, "uses", O_WRONLY), -EACCES);
	assert_string_equal(rq.action, "open");
	assert_int_equal(try_open(&dir, "uses", O_RDWR), -EACCES);
	/* the certificate authority belongs to the owner of the mount's root */
	assert_int_equal(try_open(&dir, "signing_cert", O_WRONLY), -EACCES);
	check_reason("owner of the mount's root");
	assert_int_equal(try_open(&dir, "signing_cert", O_RDONLY), 0);
	assert_null(file_any());
}

static void a_user_has_so_many_files(void **state)
{
	static struct file *file[FILES_PER_USER];
	struct node dir, node;
	int n = 0, rc = 0;

	(void)state;
	dir = key_dir();
	node = look_up(&dir, "uses");
	while (n < FILES_PER_USER && !rc) {
		rc = file_open(new_request(), &node, O_RDONLY, &file[n]);
		n += !rc;
	}
	assert_int_equal(n, FILES_PER_USER);
	assert_int_equal(try_open(&dir, "uses", O_RDONLY), -ENOSPC);
	assert_true(rq.stranger);
	assert_ptr_equal(file_any(), file[n - 1]);
	/* another user has as many */
	call.uid++;
	assert_int_equal(try_open(&dir, "uses", O_RDONLY), 0);
	call.uid--;
	close_file(file[--n]);
	assert_int_equal(try_open(&dir, "uses", O_RDONLY), 0);
	while (n)
		close_file(file[--n]);
	assert_null(file_any());
}

/* --- writing a value --- */

static void a_write_is_stored_at_once(void **state)
{
	(void)state;
	struct file *file = open_key("max_uses", O_WRONLY | O_TRUNC);

	/* the flush that every redirection of a shell sends first */
	assert_int_equal(file_flush(file), 0);
	assert_int_equal(write_at(file, "7\n", 0), 0);
	check_value("max_uses", "7\n");
	/* from offset 0 it is a value of its own */
	assert_int_equal(write_at(file, "8\n", 0), 0);
	check_value("max_uses", "8\n");
	assert_int_equal(file_write(file, new_request(), "", 0, 0), 0);
	assert_int_equal(file_flush(file), 0);
	close_file(file);
	check_value("max_uses", "8\n");
}

static void a_value_may_come_in_parts(void **state)
{
	(void)state;
	struct file *file = open_key("max_uses", O_WRONLY | O_APPEND);

	assert_int_equal(write_at(file, "1", FILE_END), 0);
	check_value("max_uses", "1"); /* without its newline for now */
	assert_int_equal(write_at(file, "2", FILE_END), 0);
	check_value("max_uses", "12");
	assert_int_equal(write_at(file, "\n", 2), 0);
	check_value("max_uses", "12\n");
	close_file(file);
}

static void a_value_has_a_form(void **state)
{
	(void)state;
	set_value("max_uses", "3\n");
	struct file *file = open_key("max_uses", O_WRONLY);

	assert_int_equal(write_at(file, "4\n", 1), -EINVAL);
	check_reason("holes");
	assert_string_equal(rq.action, "set");
	file_truncate(file);
	assert_int_equal(write_at(file, "1\n2\n", 0), -EINVAL);
	file_truncate(file);
	assert_int_equal(
	    write_at(file, "0000000000000000000000000000000000000001", 0),
	    -EFBIG);
	file_truncate(file);
	assert_int_equal(write_at(file, "many\n", 0), -EINVAL);
	close_file(file);
	check_value("max_uses", "3\n");
}

static void after_a_refusal_nothing_is_taken(void **state)
{
	(void)state;
	set_value("max_uses", "3\n");
	struct file *file = open_key("max_uses", O_WRONLY);

	assert_int_equal(write_at(file, "x\n", 0), -EINVAL);
	assert_int_equal(write_at(file, "9\n", 2), -EINVAL);
	assert_int_equal(write_at(file, "9\n", 0), -EINVAL);
	check_reason("open the file again");
	check_value("max_uses", "3\n");
	file_truncate(file);
	assert_int_equal(write_at(file, "9\n", 0), 0);
	close_file(file);
	check_value("max_uses", "9\n");
}

static void a_value_is_put_back(void **state)
{
	(void)state;
	set_value("max_uses", "3\n");
	struct file *file = open_key("max_uses", O_WRONLY);

	assert_int_equal(write_at(file, "4", 0), 0);
	check_value("max_uses", "4");
	assert_int_equal(write_at(file, "x", 1), -EINVAL);
	check_reason("; what stood before is back");
	check_value("max_uses", "3\n");
	/* not where somebody else has changed it since */
	file_truncate(file);
	assert_int_equal(write_at(file, "5", 0), 0);
	set_value("max_uses", "6\n");
	assert_int_equal(write_at(file, "x", 1), -EINVAL);
	check_reason("; what stands there stays");
	check_value("max_uses", "6\n");
	close_file(file);
}

static void an_increment_counts_once(void **state)
{
	(void)state;
	set_value("max_uses", "3\n");
	struct file *file = open_key("max_uses", O_WRONLY);

	assert_int_equal(write_at(file, "+2", 0), 0);
	assert_int_equal(write_at(file, "\n", 2), 0);
	check_value("max_uses", "5\n");
	assert_int_equal(write_at(file, "+2\n", 0), -EINVAL);
	check_reason("once for each open");
	close_file(file);
	file = open_key("max_uses", O_WRONLY);
	assert_int_equal(write_at(file, "+2\n", 0), 0);
	/* truncating does not take it back, nor lets it count again */
	file_truncate(file);
	assert_int_equal(write_at(file, "+2\n", 0), -EINVAL);
	close_file(file);
}

static void reading_and_writing_one_open(void **state)
{
	(void)state;
	set_value("max_uses", "3\n");
	struct file *file = open_key("max_uses", O_RDWR);

	check_read(file, 0, 100, "3\n");
	assert_int_equal(write_at(file, "4\n", 0), 0);
	check_read(file, 0, 100, "3\n");
	check_read_by(file_read_page, file, 0, 100, "4\n");
	close_file(file);
}

static void a_deleted_object_is_stale(void **state)
{
	(void)state;
	struct file *file = open_key("max_uses", O_RDWR);

	assert_int_equal(
	    store_remove(store, &call, STORE_KEY, key.object.id), 0);
	assert_int_equal(write_at(file, "4\n", 0), -ESTALE);
	check_read(file, 0, 100, "1\n");
	CLEANUP_BYTES struct bytes page = {0};
	assert_int_equal(
	    file_read_page(file, new_request(), 0, 100, &page), -ESTALE);
	close_file(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(reads_have_offsets),
	    STORE_TEST(content_is_that_of_the_open),
	    STORE_TEST(fstat_says_what_is_read),
	    STORE_TEST(every_open_of_a_key_is_a_copy),
	    STORE_TEST(a_stream_grows),
	    STORE_TEST(readers_of_a_list_share_it),
	    STORE_TEST(a_list_may_not_exist_yet),
	    STORE_TEST(what_does_not_open),
	    STORE_TEST(a_user_has_so_many_files),
	    STORE_TEST(a_write_is_stored_at_once),
	    STORE_TEST(a_value_may_come_in_parts),
	    STORE_TEST(a_value_has_a_form),
	    STORE_TEST(after_a_refusal_nothing_is_taken),
	    STORE_TEST(a_value_is_put_back),
	    STORE_TEST(an_increment_counts_once),
	    STORE_TEST(reading_and_writing_one_open),
	    STORE_TEST(a_deleted_object_is_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
