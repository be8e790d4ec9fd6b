/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/backup/export.h"
#include "store/backup/line.h"
#include "store/base/clock.h"
#include "store/internal.h"

/* The envelope of each exported object and record: the store's id and the path
 * in front, a MAC over everything behind. Pure functions. */

int export_file_head(const char *store_id, const char *path, struct bytes *out)
{
	return bytes_printf(out,
	    "{\"format\":1,\"store\":\"%s\",\"path\":\"%s\",", store_id, path);
}

void export_segment_path(int64_t segment, char out[STORE_PATH])
{
	snprintf(out, STORE_PATH, "trail/%08" PRId64 ".jsonl", segment);
}

bool export_segment_number(const char *path, int64_t *number)
{
	char want[STORE_PATH];

	if (strncmp(path, "trail/", 6) != 0)
		return false;
	*number = strtoll(path + 6, NULL, 10);
	if (*number < 1 || *number > 99999999)
		return false;
	export_segment_path(*number, want);
	return strcmp(path, want) == 0;
}

int export_record_head(const char *store_id, int64_t segment, struct bytes *out)
{
	char path[STORE_PATH];

	export_segment_path(segment, path);
	return bytes_printf(
	    out, "{\"store\":\"%s\",\"path\":\"%s\",", store_id, path);
}

int export_seal(const struct store *store, struct bytes *out)
{
	unsigned char mac[PKI_HASH];
	char text[2 * PKI_HASH + 1];
	int rc = pki_mac(store->sealer, out->data, out->len, mac);

	if (rc)
		return rc;
	hex_text(mac, PKI_HASH, text);
	return bytes_printf(out, ",\"mac\":\"%s\"}", text);
}

static bool has_id(const struct store *store, const char *text, size_t len)
{
	char want[sizeof(store->id) + 16];
	int n = snprintf(want, sizeof(want), "\"store\":\"%s\"", store->id);

	return memmem(text, len, want, (size_t)n);
}

const char *export_wrong(const struct store *store, const char *text,
    size_t len, const struct bytes *head)
{
	CLEANUP_BYTES struct bytes want = {0};
	size_t body = len - EXPORT_TAIL;

	if (len <= EXPORT_TAIL || text[len - 1] != '}')
		return "is cut off";
	if (!has_id(store, text, len))
		return "is of another store";
	if (bytes_add(&want, text, body) || export_seal(store, &want))
		return "could not be checked";
	if (memcmp(want.data + body, text + body, EXPORT_TAIL) != 0)
		return "is damaged or was edited: its MAC does not fit";
	if (body < head->len || memcmp(text, head->data, head->len) != 0)
		return "is the copy of another file";
	return NULL;
}

const char *export_record_wrong(const struct store *store, const char *line,
    size_t len, const struct bytes *head, int64_t seq)
{
	const char *what = export_wrong(store, line, len, head);
	char want[40];

	if (what)
		return what;
	size_t n = (size_t)snprintf(
	    want, sizeof(want), "\"seq\":%" PRId64 ",", seq);
	if (len - EXPORT_TAIL - head->len < n ||
	    memcmp(line + head->len, want, n) != 0)
		return "is not the one that belongs here";
	return NULL;
}

const char *export_unpad(struct bytes *text)
{
	/* a file that ends in its padding is cut off, too */
	if (!text->len || text->data[text->len - 1] != '\n')
		return "is cut off";
	while (text->len && (text->data[text->len - 1] == ' ' ||
				text->data[text->len - 1] == '\n'))
		text->len--;
	return NULL;
}

const char *export_store_id(const char *text, char *id, size_t size)
{
	static const char any[] = "{\"format\":",
			  head[] = "{\"format\":1,\"store\":\"";

	if (strncmp(text, any, strlen(any)) != 0)
		return "is damaged, or not of an export";
	if (strncmp(text, head, strlen(head)) != 0)
		return "was made by a later version of enrollfs";
	text += strlen(head);
	size_t len = strspn(text, "0123456789abcdef");
	if (len >= size)
		return "is damaged";
	memcpy(id, text, len);
	id[len] = '\0';
	return NULL;
}
