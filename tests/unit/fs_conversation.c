/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/pem.h>

#include "fs/quota.h"
#include "tests/unit/fs_files.h"

/* Requests through one open file, and documents that are collected. */

/* Appends the PEM text of a fresh request. */
static void pem_csr(const char *name, struct bytes *out)
{
	CLEANUP_BYTES struct bytes der = {0};
	char *text;

	test_simple_csr(name, &der);
	const unsigned char *p = der.data;
	X509_REQ *request = d2i_X509_REQ(NULL, &p, (long)der.len);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509_REQ(bio, request), 1);
	long n = BIO_get_mem_data(bio, &text);
	assert_int_equal(bytes_add(out, text, (size_t)n), 0);
	BIO_free(bio);
	X509_REQ_free(request);
}

static int write_bytes(
    struct file *file, const struct bytes *data, size_t from, size_t size)
{
	return file_write(
	    file, new_request(), data->data + from, size, (off_t)from);
}

static void read_all(struct file *file, off_t from, struct bytes *out)
{
	assert_int_equal(file_read(file, new_request(), from, 65536, out), 0);
	assert_int_equal(bytes_add(out, "", 1), 0);
}

static void check_chain(struct file *file, off_t from)
{
	CLEANUP_BYTES struct bytes reply = {0};
	const char *begin = "-----BEGIN CERTIFICATE-----";

	read_all(file, from, &reply);
	assert_memory_equal(reply.data, begin, strlen(begin));
	/* the member's, its signing certificate's and the root's */
	const char *text = (char *)reply.data;
	int n = 0;
	while ((text = strstr(text, begin)) && ++n)
		text++;
	assert_int_equal(n, 3);
}

static void a_byte_at_a_time(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *file = open_key("enroll", O_RDWR);
	for (size_t i = 0; i < csr.len; i++)
		assert_int_equal(write_bytes(file, &csr, i, 1), 0);
	assert_int_equal(file_flush(file), 0);
	check_chain(file, (off_t)csr.len);
	check_value("uses", "1\n");
	assert_int_equal(close_file(file), 0);
}

static void the_reply_begins_where_it_is_read_first(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0}, whole = {0}, part = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *file = open_key("enroll", O_RDWR);
	assert_int_equal(write_bytes(file, &csr, 0, csr.len), 0);
	read_all(file, (off_t)csr.len, &whole);
	/* on from there, and from the beginning by lseek(2) */
	assert_int_equal(
	    file_read(file, new_request(), (off_t)csr.len + 5, 5, &part), 0);
	assert_memory_equal(part.data, "BEGIN", 5);
	check_chain(file, 0);
	bytes_free(&part);
	assert_int_equal(
	    file_read(file, new_request(), (off_t)whole.len, 100, &part), 0);
	assert_int_equal(part.len, 0);
	close_file(file);
}

static void incomplete_at_flush(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *file = open_key("enroll", O_WRONLY);
	assert_int_equal(file_flush(file), 0);
	assert_int_equal(write_bytes(file, &csr, 0, 100), 0);
	assert_int_equal(file_flush(file), -EINVAL);
	assert_int_equal(close_file(file), -EINVAL);
	check_reason("closed with an incomplete request of 100 bytes");
	assert_string_equal(rq.action, "request");
	assert_string_equal(rq.file, "enroll");
	assert_string_equal(rq.object.name, "auto");
	assert_int_equal(rq.call.uid, call.uid);
	/* one that could still read may go on after a flush */
	file = open_key("enroll", O_RDWR);
	assert_int_equal(write_bytes(file, &csr, 0, 100), 0);
	assert_int_equal(file_flush(file), 0);
	assert_int_equal(write_bytes(file, &csr, 100, csr.len - 100), 0);
	check_chain(file, (off_t)csr.len);
	assert_int_equal(close_file(file), 0);
	check_value("uses", "1\n");
}

static void read_before_it_is_complete(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0}, nothing = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *file = open_key("enroll", O_RDWR);
	check_read(file, 0, 100, "");
	assert_int_equal(write_bytes(file, &csr, 0, 100), 0);
	assert_int_equal(
	    file_read(file, new_request(), 100, 100, &nothing), -EINVAL);
	check_reason("before the request was complete");
	assert_string_equal(rq.action, "request");
	assert_int_equal(nothing.len, 0);
	/* who only reads gets nothing */
	struct file *reader = open_key("enroll", O_RDONLY);
	check_read(reader, 0, 100, "");
	assert_int_equal(close_file(reader), 0);
	assert_int_equal(close_file(file), -EINVAL);
}

static void two_writers(void **state)
{
	CLEANUP_BYTES struct bytes one = {0}, two = {0};

	(void)state;
	set_value("max_uses", "2\n");
	pem_csr("web1", &one);
	pem_csr("web2", &two);
	struct file *first = open_key("enroll", O_RDWR),
		    *second = open_key("enroll", O_RDWR);
	size_t half = 200;
	assert_int_equal(write_bytes(first, &one, 0, half), 0);
	assert_int_equal(write_bytes(second, &two, 0, half), 0);
	assert_int_equal(write_bytes(second, &two, half, two.len - half), 0);
	check_chain(second, (off_t)two.len);
	check_value("uses", "1\n");
	assert_int_equal(write_bytes(first, &one, half, one.len - half), 0);
	check_chain(first, (off_t)one.len);
	check_value("uses", "2\n");
	struct node dir = group_dir(), members = look_up(&dir, "members");
	look_up(&members, "web1");
	look_up(&members, "web2");
	close_file(first);
	close_file(second);
}

static void a_refusal_is_read(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0}, reply = {0};

	(void)state;
	pem_csr("web1", &csr);
	set_value("enabled", "0\n");
	struct file *file = open_key("enroll", O_RDWR);
	assert_int_equal(write_bytes(file, &csr, 0, csr.len), -EKEYREVOKED);
	assert_true(rq.call.recorded); /* by the store */
	read_all(file, (off_t)csr.len, &reply);
	assert_non_null(strstr((char *)reply.data, "disabled"));
	/* what follows is refused alike, and not logged again */
	assert_int_equal(write_at(file, "\n", (off_t)csr.len), -EKEYREVOKED);
	assert_true(rq.call.recorded);
	assert_int_equal(file_flush(file), 0);
	assert_int_equal(close_file(file), 0);
}

static void after_the_reply(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *file = open_key("enroll", O_RDWR | O_APPEND);
	assert_int_equal(
	    file_write(file, new_request(), csr.data, csr.len, FILE_END), 0);
	assert_int_equal(write_at(file, "\n", FILE_END), 0);
	assert_int_equal(write_at(file, "more", FILE_END), -EINVAL);
	check_reason("has had its reply");
	assert_false(rq.call.recorded);
	/* what was carried out stays, whatever is truncated */
	file_truncate(file);
	check_chain(file, 0);
	close_file(file);
}

static void where_a_request_begins(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *file = open_key("enroll", O_RDWR);
	assert_int_equal(write_at(file, "x", 10), -EINVAL);
	check_reason("no holes");
	assert_int_equal(write_at(file, "garbage to come", 0), 0);
	/* truncated: wherever the file position stands */
	file_truncate(file);
	assert_int_equal(file_write(file, new_request(), csr.data, 100, 15), 0);
	assert_int_equal(write_at(file, "x", 14), -EINVAL);
	assert_int_equal(
	    file_write(file, new_request(), csr.data + 100, csr.len - 100, 115),
	    0);
	check_chain(file, (off_t)csr.len + 15);
	close_file(file);
}

static void a_request_has_a_maximum(void **state)
{
	static char large[STORE_REQUEST_MAX + 1];
	const char *begin = "-----BEGIN CERTIFICATE REQUEST-----\n";

	(void)state;
	memset(large, '\n', sizeof(large));
	memcpy(large, begin, strlen(begin));
	struct file *file = open_key("enroll", O_WRONLY);
	assert_int_equal(
	    file_write(file, new_request(), large, sizeof(large), 0), -EFBIG);
	assert_int_equal(file_flush(file), 0);
	assert_int_equal(close_file(file), 0);
}

static void strangers_are_counted(void **state)
{
	(void)state;
	struct node root = get_node(INO_ROOT);
	struct file *file = open_file(&root, "enroll", O_RDWR);

	assert_int_equal(write_at(file, "x", 5), -EINVAL);
	assert_true(rq.stranger);
	assert_string_equal(rq.action, "enroll");
	assert_int_equal(write_at(file, "1|corp.example|", 0), 0);
	assert_int_equal(close_file(file), -EINVAL);
	assert_true(rq.stranger);
	assert_string_equal(rq.action, "enroll");
}

static void a_user_has_so_many_conversations(void **state)
{
	struct file *file[CONVERSATIONS_PER_USER + 1];
	CLEANUP_BYTES struct bytes csr = {0}, other = {0};

	(void)state;
	pem_csr("web1", &csr);
	pem_csr("web2", &other);
	struct node dir = key_dir();
	for (int i = 0; i < CONVERSATIONS_PER_USER; i++)
		file[i] = open_key("enroll", O_RDWR);
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), -ENOSPC);
	assert_int_equal(try_open(&dir, "enroll", O_RDONLY), 0);
	/* the place of one that has its answer is free, whenever the kernel
	 * releases it */
	assert_int_equal(write_bytes(file[0], &csr, 0, 100), 0);
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), -ENOSPC);
	assert_int_equal(write_bytes(file[0], &csr, 100, csr.len - 100), 0);
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), 0);
	file[CONVERSATIONS_PER_USER] = open_key("enroll", O_RDWR);
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), -ENOSPC);
	assert_int_equal(write_bytes(file[1], &other, 0, other.len), -EDQUOT);
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), 0);
	close_file(file[CONVERSATIONS_PER_USER]);
	for (int i = 0; i < CONVERSATIONS_PER_USER; i++)
		assert_int_equal(close_file(file[i]), 0);
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), 0);
}

/* --- documents that are collected --- */

static void a_document_is_collected(void **state)
{
	(void)state;
	struct node dir = waiting_cert_dir();
	struct file *file = open_file(&dir, "cert.pem", O_RDWR);
	assert_int_equal(write_at(file, "-----BEGIN CERTIFICATE-----\n", 0), 0);
	/* it reads as it was at open */
	check_read(file, 0, 100, "");
	/* nothing that is read could complete it */
	assert_int_equal(file_flush(file), -EINVAL);
	assert_int_equal(close_file(file), -EINVAL);
	assert_string_equal(rq.action, "request");
	file = open_file(&dir, "import", O_WRONLY);
	assert_int_equal(write_at(file, "x", 3), -EINVAL);
	assert_string_equal(rq.action, "set");
	assert_string_equal(rq.file, "import");
	close_file(file);
}

/* --- requests that are dropped --- */

/* Creates a file in enroll.d and opens it. */
static struct file *drop(const char *name, struct node *out)
{
	struct node key_at = key_dir(), dir = look_up(&key_at, "enroll.d");
	struct file *file = NULL;

	new_request();
	assert_int_equal(node_create(&rq, &dir, name, O_WRONLY, 0644, out), 0);
	assert_int_equal(file_open(&rq, out, O_WRONLY, &file), 0);
	return file;
}

static void a_request_is_dropped(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0};
	struct node node, found;
	struct file *other;

	(void)state;
	pem_csr("ignored", &csr);
	struct file *file = drop("web7.csr", &node);
	/* nobody else opens it before it is complete */
	struct node key_at = key_dir(), dir = look_up(&key_at, "enroll.d");
	found = look_up(&dir, "web7.csr");
	assert_int_equal(
	    file_open(new_request(), &found, O_RDONLY, &other), -EEXIST);
	assert_int_equal(write_bytes(file, &csr, 0, csr.len), 0);
	/* now it is the member's */
	found = look_up(&dir, "web7.csr");
	assert_int_equal(found.draft, 0);
	assert_string_equal(found.row.object.name, "web7");
	assert_int_equal(file_flush(file), 0);
	assert_int_equal(close_file(file), 0);
	file = open_file(&dir, "web7.crt", O_RDONLY);
	check_chain(file, 0);
	close_file(file);
}

static void a_request_that_was_not_dropped_whole(void **state)
{
	struct node node, found;

	(void)state;
	struct file *file = drop("web8.csr", &node);
	assert_int_equal(
	    write_at(file, "-----BEGIN CERTIFICATE REQUEST-----\n", 0), 0);
	assert_int_equal(file_flush(file), -EINVAL);
	assert_int_equal(close_file(file), -EINVAL);
	assert_string_equal(rq.action, "request");
	assert_string_equal(rq.file, ".csr");
	struct node key_at = key_dir(), dir = look_up(&key_at, "enroll.d");
	assert_int_equal(node_lookup(store, &dir, "web8.csr", &found), -ENOENT);
}

static void a_name_that_could_not_be_opened_is_free(void **state)
{
	static struct file *file[CONVERSATIONS_PER_USER];
	struct node key_at = key_dir(), dir = look_up(&key_at, "enroll.d");
	struct node node;
	struct file *none;

	(void)state;
	for (int i = 0; i < CONVERSATIONS_PER_USER; i++)
		file[i] = open_key("enroll", O_RDWR);
	/* more than all drafts of a directory */
	for (int i = 0; i <= DRAFTS_PER_DIRECTORY; i++) {
		new_request();
		assert_int_equal(
		    node_create(&rq, &dir, "web9.csr", O_WRONLY, 0644, &node),
		    0);
		assert_int_equal(
		    file_open(&rq, &node, O_WRONLY, &none), -ENOSPC);
		node_uncreate(&node);
	}
	for (int i = 0; i < CONVERSATIONS_PER_USER; i++)
		close_file(file[i]);
	close_file(drop("web9.csr", &node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(a_byte_at_a_time),
	    STORE_TEST(the_reply_begins_where_it_is_read_first),
	    STORE_TEST(incomplete_at_flush),
	    STORE_TEST(read_before_it_is_complete),
	    STORE_TEST(two_writers),
	    STORE_TEST(a_refusal_is_read),
	    STORE_TEST(after_the_reply),
	    STORE_TEST(where_a_request_begins),
	    STORE_TEST(a_request_has_a_maximum),
	    STORE_TEST(strangers_are_counted),
	    STORE_TEST(a_user_has_so_many_conversations),
	    STORE_TEST(a_document_is_collected),
	    STORE_TEST(a_request_is_dropped),
	    STORE_TEST(a_request_that_was_not_dropped_whole),
	    STORE_TEST(a_name_that_could_not_be_opened_is_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
