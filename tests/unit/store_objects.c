/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/clock.h"
#include "tests/unit/stores.h"

static union store_any find_cert(const char *name)
{
	union store_any cert;

	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, name, &cert), 0);
	return cert;
}

static void a_new_store_has_its_certificates(void **state)
{
	(void)state;
	union store_any root = find_cert("root"),
			connector = find_cert("connector"),
			edge = find_cert("service_edge");

	assert_int_equal(root.cert.issuer, 0);
	assert_string_equal(connector.cert.issuer_name, "root");
	assert_string_equal(edge.cert.subject, "CN=service_edge,O=corp.example");
	assert_int_equal(root.cert.ca_validity_days, 10950);
	assert_int_equal(edge.cert.ca_validity_days, 5475);
	assert_int_equal(connector.cert.validity_days, 365);
	assert_int_equal(strlen(root.cert.serial), 32);
	assert_int_equal(store_cert_state(&root.cert), STORE_ACTIVE);
}

static void defaults(void **state)
{
	(void)state;
	union store_any other;

	assert_string_equal(group.group.signing_cert, "connector");
	assert_true(group.group.enabled);
	assert_string_equal(key.key.signing_cert, "connector");
	assert_int_equal(key.key.max_uses, 1);
	assert_int_equal(key.key.expires, STORE_NEVER);
	assert_true(
	    key.key.enabled && key.key.exportable && !key.object.managed);
	assert_int_equal(key.object.uid, 1000);
	assert_int_equal(key.object.gid, 100);
	assert_int_equal(key.object.mode, 0755);
	assert_int_equal(
	    store_make(store, &call, STORE_GROUP, STORE_SERVICE_EDGE,
		&test_above, "berlin", 0700, &other),
	    0);
	assert_string_equal(other.group.signing_cert, "service_edge");
	assert_int_equal(other.object.mode, 0700);
}

static int make(const char *name)
{
	union store_any out;

	return store_make(store, &call, STORE_GROUP, STORE_APP_CONNECTOR,
	    &test_above, name, 0777, &out);
}

static void names(void **state)
{
	(void)state;
	char longest[66];

	memset(longest, 'a', 65);
	longest[65] = '\0';
	assert_int_equal(make(longest), -ENAMETOOLONG);
	longest[64] = '\0';
	assert_int_equal(make(longest), 0);
	assert_int_equal(make("0.a_b-C"), 0);
	static const char *const bad[] = {
	    "", ".a", "-a", "_a", "a b", "a/b", "ä", "a\n"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(make(bad[i]), -EINVAL);
	assert_int_equal(make("berlin"), -EEXIST);
	assert_true(call.reason[0]);
	assert_int_equal(make("Berlin"), 0);
}

static void ids_are_not_reused(void **state)
{
	(void)state;
	union store_any again;

	assert_int_equal(
	    store_remove(store, &call, STORE_KEY, key.object.id), 0);
	assert_int_equal(
	    store_remove(store, &call, STORE_KEY, key.object.id), -ESTALE);
	assert_int_equal(
	    store_get(store, STORE_KEY, key.object.id, &again), -ESTALE);
	assert_int_equal(store_make(store, &call, STORE_KEY, group.object.id,
			     &test_above, "auto", 0777, &again),
	    0);
	assert_true(again.object.id > key.object.id);
}

static void a_group_with_keys_stays(void **state)
{
	(void)state;
	union store_any out;

	assert_int_equal(
	    store_remove(store, &call, STORE_GROUP, group.object.id),
	    -ENOTEMPTY);
	assert_int_equal(
	    store_remove(store, &call, STORE_KEY, key.object.id), 0);
	assert_int_equal(
	    store_remove(store, &call, STORE_GROUP, group.object.id), 0);
	assert_int_equal(store_make(store, &call, STORE_KEY, group.object.id,
			     &test_above, "auto", 0777, &out),
	    -ESTALE);
}

static void renaming(void **state)
{
	(void)state;
	union store_any other;

	assert_int_equal(
	    store_rename(store, &call, STORE_KEY, key.object.id, "web"), 0);
	assert_string_equal(test_get(&key).object.name, "web");
	assert_int_equal(store_make(store, &call, STORE_KEY, group.object.id,
			     &test_above, "auto", 0777, &other),
	    0);
	assert_int_equal(
	    store_rename(store, &call, STORE_KEY, other.object.id, "web"),
	    -EEXIST);
	assert_int_equal(
	    store_rename(store, &call, STORE_KEY, other.object.id, ".web"),
	    -EINVAL);
}

static int limit(int64_t number, bool relative)
{
	struct store_edit edit = {
	    .field = STORE_MAX_USES, .number = number, .relative = relative};

	return store_set(store, &call, &key.object, &edit);
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(limit(5, true), 0);
	assert_int_equal(test_get(&key).key.max_uses, 6);
	assert_int_equal(limit(-6, true), 0);
	assert_int_equal(limit(-1, true), -ERANGE);
	assert_int_equal(test_get(&key).key.max_uses, 0);
	assert_int_equal(limit(INT64_MAX, false), 0);
	assert_int_equal(limit(1, true), -ERANGE);
	assert_int_equal(limit(STORE_UNLIMITED, false), 0);
	assert_int_equal(limit(1, true), -EINVAL);
	assert_int_equal(test_get(&key).key.max_uses, STORE_UNLIMITED);
}

static void states_have_an_order(void **state)
{
	(void)state;
	struct store_key k = {.enabled = true,
	    .group_enabled = true,
	    .max_uses = 1,
	    .expires = STORE_NEVER};

	assert_int_equal(store_key_state(&k), STORE_ACTIVE);
	k.uses = 1;
	assert_int_equal(store_key_state(&k), STORE_EXHAUSTED);
	assert_int_equal(store_key_remaining(&k), 0);
	k.uses = 7;
	assert_int_equal(store_key_remaining(&k), 0);
	k.expires = 1;
	assert_int_equal(store_key_state(&k), STORE_EXPIRED);
	k.group_enabled = false;
	assert_int_equal(store_key_state(&k), STORE_DISABLED);
	k = (struct store_key){.enabled = true,
	    .group_enabled = true,
	    .max_uses = STORE_UNLIMITED,
	    .expires = STORE_NEVER};
	k.uses = 1000;
	assert_int_equal(store_key_remaining(&k), STORE_UNLIMITED);
	assert_int_equal(store_key_state(&k), STORE_ACTIVE);
}

/* Nanoseconds end in 2262; dates do not. */
static void far_dates(void **state)
{
	(void)state;
	CLEANUP_BYTES struct bytes text = {0};

	test_set(&key, STORE_EXPIRES, CLOCK_MAX);
	union store_any now = test_get(&key);
	assert_int_equal(store_key_state(&now.key), STORE_ACTIVE);
	assert_int_equal(store_key_copy(store, &call, key.object.id, &text), 0);
	struct store_member member = {.not_after = CLOCK_MAX};
	assert_int_equal(store_member_state(&member), STORE_ACTIVE);
}

static void signing_certificates_by_name(void **state)
{
	(void)state;
	union store_any root;

	assert_int_equal(
	    test_set_text(&key, STORE_SIGNING_CERT, "service_edge"), 0);
	assert_string_equal(test_get(&key).key.signing_cert, "service_edge");
	assert_int_equal(
	    test_set_text(&key, STORE_SIGNING_CERT, "nobody"), -ENOENT);
	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "root", &root), 0);
	test_set(&root, STORE_ENABLED, 0);
	assert_int_equal(
	    test_set_text(&key, STORE_SIGNING_CERT, "root"), -ENOENT);
	/* a group's new keys begin with its present one */
	assert_int_equal(
	    test_set_text(&group, STORE_SIGNING_CERT, "service_edge"), 0);
	union store_any other;
	assert_int_equal(store_make(store, &call, STORE_KEY, group.object.id,
			     &test_above, "other", 0777, &other),
	    0);
	assert_string_equal(other.key.signing_cert, "service_edge");
}

static void certificates_in_use_stay(void **state)
{
	(void)state;
	union store_any root = find_cert("root"),
			connector = find_cert("connector"),
			edge = find_cert("service_edge");

	assert_int_equal(
	    store_remove(store, &call, STORE_CERT, root.object.id), -EBUSY);
	assert_int_equal(
	    store_remove(store, &call, STORE_CERT, connector.object.id), -EBUSY);
	assert_int_equal(
	    store_remove(store, &call, STORE_CERT, edge.object.id), 0);
	assert_int_equal(
	    store_find(store, STORE_CERT, STORE_CERTS, "service_edge", &edge),
	    -ENOENT);
}

static void fields_a_kind_has_not(void **state)
{
	(void)state;
	struct store_edit edit = {.field = STORE_MAX_USES, .number = 1};

	assert_int_equal(store_set(store, &call, &group.object, &edit), -EINVAL);
}

static void bare_is_kept_for_each_attribute(void **state)
{
	(void)state;
	struct store_edit edit = {
	    .field = STORE_MAX_USES, .number = 5, .bit = 4, .bare = true};

	assert_int_equal(store_set(store, &call, &key.object, &edit), 0);
	edit = (struct store_edit){
	    .field = STORE_ENABLED, .number = 1, .bit = 8, .bare = true};
	assert_int_equal(store_set(store, &call, &key.object, &edit), 0);
	assert_int_equal(test_get(&key).object.bare, 12);
	edit.bare = false;
	assert_int_equal(store_set(store, &call, &key.object, &edit), 0);
	assert_int_equal(test_get(&key).object.bare, 4);
}

static void times_move_with_what_changes(void **state)
{
	(void)state;
	union store_any before = test_get(&key), after;
	CLEANUP_BYTES struct bytes text = {0};

	assert_int_equal(store_key_copy(store, &call, key.object.id, &text), 0);
	after = test_get(&key);
	assert_true(after.object.changed > before.object.changed);
	assert_int_equal(after.object.modified, before.object.modified);
	before = after;
	test_set(&group, STORE_ENABLED, 0);
	after = test_get(&key);
	assert_true(after.object.changed > before.object.changed);
	before = after;
	test_set(&key, STORE_EXPIRES, clock_now() / CLOCK_SECOND + 1000);
	assert_true(test_get(&key).object.modified > before.object.modified);
	assert_int_equal(test_get(&key).object.modified_by, 1000);
	union store_any place;
	assert_int_equal(
	    store_get(store, STORE_PLACE, STORE_APP_CONNECTOR, &place), 0);
	int64_t list = place.object.changed;
	assert_int_equal(make("other"), 0);
	assert_int_equal(
	    store_get(store, STORE_PLACE, STORE_APP_CONNECTOR, &place), 0);
	assert_true(place.object.changed > list);
}

static int count(const union store_any *object, void *arg)
{
	int64_t *last = arg;

	assert_true(object->object.id > last[0]);
	last[0] = object->object.id;
	return ++last[1] == last[2];
}

static void lists_go_on_behind_an_id(void **state)
{
	(void)state;
	int64_t seen[3] = {0, 0, 0};

	assert_int_equal(make("g2"), 0);
	assert_int_equal(make("g3"), 0);
	seen[2] = 2;
	assert_int_equal(
	    store_each(store, STORE_GROUP, STORE_APP_CONNECTOR, 0, count, seen),
	    0);
	assert_int_equal(seen[1], 2);
	seen[1] = seen[2] = 0;
	assert_int_equal(store_each(store, STORE_GROUP, STORE_APP_CONNECTOR,
			     seen[0], count, seen),
	    0);
	assert_int_equal(seen[1], 1);
	seen[0] = seen[1] = 0;
	assert_int_equal(
	    store_each(store, STORE_GROUP, STORE_SERVICE_EDGE, 0, count, seen),
	    0);
	assert_int_equal(seen[1], 0);
}

/* --- opening --- */

static int reopen(const struct store_options *options)
{
	struct store *again;
	int rc = store_open(options, &again);

	if (!rc)
		store_close(again);
	return rc;
}

static void opening_again(void **state)
{
	(void)state;
	char path[160], lock[160];
	struct store_options options = {.path = path};
	struct stat st;

	ONLY_WITH_A_FILE();
	strcpy(path, temp_file("store"));
	strcpy(lock, temp_file("store.key"));
	assert_int_equal(reopen(&options), -EBUSY);
	store_close(store);
	assert_int_equal(reopen(&options), 0);
	options.domain = "other.example";
	assert_int_equal(reopen(&options), -EINVAL);
	options.domain = "Not a domain";
	assert_int_equal(reopen(&options), -EINVAL);
	options.domain = "corp.example";
	assert_int_equal(reopen(&options), 0);
	options.read_only = true;
	assert_int_equal(reopen(&options), 0);
	options.read_only = false;

	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	chmod(lock, 0640);
	assert_int_equal(reopen(&options), -EACCES);
	chmod(lock, 0600);
	FILE *f = fopen(lock, "w");
	for (int i = 0; i < 64; i++)
		fputc('a', f);
	fclose(f);
	assert_int_equal(reopen(&options), -EKEYREJECTED);
	f = fopen(lock, "w");
	fputs("short\n", f);
	fclose(f);
	assert_int_equal(reopen(&options), -EINVAL);
	unlink(lock);
	assert_int_equal(reopen(&options), -ENOKEY);
	store = NULL;
}

static void places_cannot_be_touched(void **state)
{
	(void)state;
	assert_int_equal(
	    store_remove(store, &call, STORE_PLACE, STORE_CERTS), -EPERM);
	assert_int_equal(
	    store_rename(store, &call, STORE_PLACE, STORE_CERTS, "x"), -EPERM);
	union store_any out;
	assert_int_equal(store_make(store, &call, STORE_MEMBER, group.object.id,
			     &test_above, "x", 0777, &out),
	    -EPERM);
}

static void missing_stores(void **state)
{
	(void)state;
	char path[160];
	struct store_options options = {.path = path, .read_only = true};

	strcpy(path, temp_file("none"));
	assert_int_equal(reopen(&options), -ENOENT);
	strcpy(path, temp_file("no/such/folder"));
	options.read_only = false;
	assert_int_equal(reopen(&options), -ENOENT);
}

/* Every line carries the hash of the one before, whatever a command is
 * called. */
static void the_trail_is_a_chain(void **state)
{
	(void)state;
	char prev[65], want[96];
	CLEANUP_BYTES struct bytes text = {0};
	unsigned char hash[PKI_HASH];
	CLEANUP_BYTES struct bytes log = {0};
	int seq = 0;

	strcpy(call.comm, "a\"b\\\n\xff");
	assert_int_equal(store_key_copy(store, &call, key.object.id, &text), 0);
	strcpy(call.comm, "test");
	memset(prev, '0', 64);
	prev[64] = '\0';
	assert_int_equal(store_log_read(store, 0, 65536, &log), 0);
	assert_int_equal(bytes_add(&log, "", 1), 0);
	for (char *line = strtok((char *)log.data, "\n"); line;
	     line = strtok(NULL, "\n")) {
		json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(json);
		assert_int_equal(
		    json_integer_value(json_object_get(json, "seq")), ++seq);
		json_decref(json);
		snprintf(want, sizeof(want), "\"prev\":\"%s\"}", prev);
		assert_non_null(strstr(line, want));
		assert_int_equal(pki_sha256(line, strlen(line), hash), 0);
		hex_text(hash, PKI_HASH, prev);
	}
	assert_int_equal(seq, 3); /* mkdir, mkdir, copy */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(a_new_store_has_its_certificates),
	    STORE_TEST(defaults),
	    STORE_TEST(names),
	    STORE_TEST(ids_are_not_reused),
	    STORE_TEST(a_group_with_keys_stays),
	    STORE_TEST(renaming),
	    STORE_TEST(limits),
	    STORE_TEST(states_have_an_order),
	    STORE_TEST(far_dates),
	    STORE_TEST(signing_certificates_by_name),
	    STORE_TEST(certificates_in_use_stay),
	    STORE_TEST(fields_a_kind_has_not),
	    STORE_TEST(bare_is_kept_for_each_attribute),
	    STORE_TEST(times_move_with_what_changes),
	    STORE_TEST(lists_go_on_behind_an_id),
	    STORE_TEST(opening_again),
	    STORE_TEST(places_cannot_be_touched),
	    STORE_TEST(missing_stores),
	    STORE_TEST(the_trail_is_a_chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
