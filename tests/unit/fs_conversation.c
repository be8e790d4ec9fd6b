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
	/* what follows is refused alike, and not logged again */
	assert_int_equal(write_at(file, "\n", (off_t)csr.len), -EKEYREVOKED);
	assert_true(rq.call.recorded);
	read_all(file, (off_t)csr.len, &reply);
	assert_non_null(strstr((char *)reply.data, "disabled"));
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

/* --- one request after another --- */

/* Writes a request and reads the reply, each behind what came before. Returns
 * where the next one begins. */
static off_t converse(struct file *file, off_t at, const struct bytes *csr)
{
	CLEANUP_BYTES struct bytes reply = {0};

	assert_int_equal(
	    file_write(file, new_request(), csr->data, csr->len, at), 0);
	at += (off_t)csr->len;
	check_chain(file, at);
	read_all(file, at, &reply);
	return at + (off_t)reply.len - 1; /* without the final NUL */
}

static void a_conversation_goes_on(void **state)
{
	struct bytes csr[3] = {0};
	off_t at = 0;

	(void)state;
	set_value("max_uses", "3\n");
	struct file *file = open_key("enroll", O_RDWR);
	for (int i = 0; i < 3; i++) {
		pem_csr(i ? i > 1 ? "web3" : "web2" : "web1", &csr[i]);
		at = converse(file, at, &csr[i]);
		/* behind the end there is nothing, and blanks begin nothing */
		check_read(file, at, 100, "");
		assert_int_equal(write_at(file, " \n", at), 0);
		check_chain(file, at - 100000 < 0 ? 0 : at - 100000);
	}
	check_value("uses", "3\n");
	/* the same again is the same reply */
	assert_int_equal(
	    file_write(file, new_request(), csr[0].data, csr[0].len, 7), 0);
	check_chain(file, 3);
	check_value("uses", "3\n");
	assert_int_equal(close_file(file), 0);
	for (int i = 0; i < 3; i++)
		bytes_free(&csr[i]);
}

static void not_before_the_reply_was_read_to_its_end(void **state)
{
	CLEANUP_BYTES struct bytes one = {0}, two = {0}, reply = {0};

	(void)state;
	set_value("max_uses", "2\n");
	pem_csr("web1", &one);
	pem_csr("web2", &two);
	struct file *file = open_key("enroll", O_RDWR);
	assert_int_equal(write_bytes(file, &one, 0, one.len), 0);
	assert_int_equal(write_bytes(file, &two, 0, two.len), -EINVAL);
	check_reason("read it to its end first");
	read_all(file, 0, &reply);
	struct file *other = open_key("enroll", O_RDWR);
	assert_int_equal(write_bytes(other, &one, 0, one.len), 0);
	/* a byte at a time; the end is not enough without the last byte */
	for (size_t i = 0; i < reply.len - 2; i++) {
		char byte[2] = {(char)reply.data[i]};
		check_read(other, (off_t)i, 1, byte);
		assert_int_equal(write_bytes(other, &two, 0, two.len), -EINVAL);
	}
	check_read(other, (off_t)reply.len - 1, 100, "");
	check_read(other, (off_t)reply.len + 99, 100, "");
	assert_int_equal(write_bytes(other, &two, 0, two.len), -EINVAL);
	check_read(other, (off_t)reply.len - 2, 1, "\n");
	check_value("uses", "1\n");
	assert_int_equal(write_bytes(other, &two, 0, two.len), 0);
	check_value("uses", "2\n");
	assert_int_equal(close_file(other), 0);
	assert_int_equal(close_file(file), 0);
}

static void the_next_request_in_parts(void **state)
{
	CLEANUP_BYTES struct bytes one = {0}, two = {0}, nothing = {0};
	off_t at;

	(void)state;
	set_value("max_uses", "2\n");
	pem_csr("web1", &one);
	pem_csr("web2", &two);
	struct file *file = open_key("enroll", O_RDWR);
	at = converse(file, 0, &one);
	for (size_t i = 0; i < two.len - 2; i++) {
		assert_int_equal(file_write(file, new_request(), two.data + i,
				     1, at + (off_t)i),
		    0);
		assert_int_equal(
		    file_read(file, new_request(), at, 100, &nothing), -EINVAL);
	}
	/* before its first byte, and behind a gap */
	assert_int_equal(write_at(file, "x", at - 1), -EINVAL);
	assert_int_equal(write_at(file, "x", at + (off_t)two.len + 1), -EINVAL);
	assert_int_equal(file_write(file, new_request(), two.data + two.len - 2,
			     2, at + (off_t)two.len - 2),
	    0);
	check_chain(file, at + (off_t)two.len);
	assert_int_equal(close_file(file), 0);
	check_value("uses", "2\n");
	/* left in the middle of the second one */
	file = open_key("enroll", O_RDWR);
	at = converse(file, 0, &one);
	assert_int_equal(file_write(file, new_request(), two.data, 77, at), 0);
	assert_int_equal(close_file(file), -EINVAL);
	check_reason("closed with an incomplete request of 77 bytes");
}

static void appended_requests(void **state)
{
	CLEANUP_BYTES struct bytes one = {0}, two = {0};

	(void)state;
	set_value("max_uses", "2\n");
	pem_csr("web1", &one);
	pem_csr("web2", &two);
	struct file *file = open_key("enroll", O_RDWR | O_APPEND);
	converse(file, FILE_END, &one);
	assert_int_equal(
	    file_write(file, new_request(), two.data, 50, FILE_END), 0);
	assert_int_equal(file_write(file, new_request(), two.data + 50,
			     two.len - 50, FILE_END),
	    0);
	check_chain(file, 0);
	check_value("uses", "2\n");
	assert_int_equal(close_file(file), 0);
}

static void a_refusal_ends_that_request_only(void **state)
{
	CLEANUP_BYTES struct bytes one = {0}, two = {0}, reply = {0};

	(void)state;
	pem_csr("web1", &one);
	pem_csr("web2", &two);
	struct file *file = open_key("enroll", O_RDWR);
	off_t at = converse(file, 0, &one);
	assert_int_equal(
	    file_write(file, new_request(), two.data, two.len, at), -EDQUOT);
	set_value("max_uses", "2\n");
	/* until the reason was read */
	assert_int_equal(
	    file_write(file, new_request(), two.data, two.len, at), -EDQUOT);
	assert_true(rq.call.recorded);
	assert_int_equal(write_at(file, "\n", at), -EDQUOT);
	read_all(file, at, &reply);
	assert_non_null(strstr((char *)reply.data, "used up"));
	assert_int_equal(write_at(file, "\n", at), 0);
	at = converse(file, at, &two);
	check_value("uses", "2\n");
	assert_int_equal(close_file(file), 0);
}

static void the_caller_is_the_opener(void **state)
{
	CLEANUP_BYTES struct bytes csr = {0}, reply = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *file = open_key("enroll", O_RDWR);
	new_request();
	rq.call.uid = call.uid + 1;
	rq.call.pid = call.pid + 1;
	assert_int_equal(file_write(file, &rq, csr.data, csr.len, 0), 0);
	assert_int_equal(rq.call.uid, call.uid);
	assert_int_equal(rq.call.pid, call.pid);
	struct node dir = group_dir(), members = look_up(&dir, "members"),
		    member = look_up(&members, "web1");
	struct file *by = open_file(&member, "enrolled_by", O_RDONLY);
	read_all(by, 0, &reply);
	assert_int_equal(atoi((char *)reply.data), call.uid);
	close_file(by);
	close_file(file);
}

static void the_next_request_takes_a_place(void **state)
{
	struct file *file[CONVERSATIONS_PER_USER];
	CLEANUP_BYTES struct bytes csr = {0};

	(void)state;
	pem_csr("web1", &csr);
	struct file *going = open_key("enroll", O_RDWR);
	off_t at = converse(going, 0, &csr);
	for (int i = 0; i < CONVERSATIONS_PER_USER; i++)
		file[i] = open_key("enroll", O_RDWR);
	assert_int_equal(
	    file_write(going, new_request(), csr.data, csr.len, at), -ENOSPC);
	check_reason("more than 64");
	/* nothing has begun, and the reply still is there */
	check_chain(going, (off_t)csr.len);
	assert_int_equal(write_at(going, "\n", at), 0);
	assert_int_equal(close_file(file[0]), 0);
	assert_int_equal(file_write(going, new_request(), csr.data, 100, at), 0);
	struct node dir = key_dir();
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), -ENOSPC);
	assert_int_equal(close_file(going), -EINVAL);
	assert_int_equal(try_open(&dir, "enroll", O_RDWR), 0);
	for (int i = 1; i < CONVERSATIONS_PER_USER; i++)
		assert_int_equal(close_file(file[i]), 0);
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
	    STORE_TEST(a_conversation_goes_on),
	    STORE_TEST(not_before_the_reply_was_read_to_its_end),
	    STORE_TEST(the_next_request_in_parts),
	    STORE_TEST(appended_requests),
	    STORE_TEST(a_refusal_ends_that_request_only),
	    STORE_TEST(the_caller_is_the_opener),
	    STORE_TEST(the_next_request_takes_a_place),
	    STORE_TEST(a_document_is_collected),
	    STORE_TEST(a_request_is_dropped),
	    STORE_TEST(a_request_that_was_not_dropped_whole),
	    STORE_TEST(a_name_that_could_not_be_opened_is_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
