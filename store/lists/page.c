/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/page.h"

#include <string.h>

#include "store/pki/pki.h"

/* A file as a string. Its path is from where make runs; the Makefile names it
 * as well, for a change of it. */
#define EMBED(name, file)                                         \
	__asm__(".section .rodata\n.global " #name "\n" #name     \
		":\n.incbin \"" file "\"\n.byte 0\n.previous\n"); \
	extern const char name[];

EMBED(page_html, "store/lists/page/page.html")
EMBED(page_css, "store/lists/page/page.css")
EMBED(page_js, "store/lists/page/page.js")

/* What stands in page.html for the JSON. */
static const char rows[] = "@rows@";

static int add_hash(struct snapshot_writer *writer, const char *text)
{
	char hash[PKI_HASH_BASE64];
	int rc = pki_sha256_base64(text, strlen(text), hash);

	return rc ? rc : snapshot_add(writer, hash, strlen(hash));
}

/* Appends what a marker stands for. Sets *len to the marker's length; 0: here
 * is none. */
static int add_marked(struct snapshot_writer *writer, const char *at,
    const char *title, size_t *len)
{
	const struct {
		const char *marker, *text;
		bool hash;
	} known[] = {
	    {"@title@", title, false},
	    {"@style@", page_css, false},
	    {"@style-hash@", page_css, true},
	    {"@script@", page_js, false},
	    {"@script-hash@", page_js, true},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *text = known[i].text;
		*len = strlen(known[i].marker);
		if (strncmp(at, known[i].marker, *len) == 0)
			return known[i].hash
				   ? add_hash(writer, text)
				   : snapshot_add(writer, text, strlen(text));
	}
	*len = 0;
	return 0;
}

/* Appends page.html from here up to `end`. */
static int add_part(struct snapshot_writer *writer, const char *from,
    const char *end, const char *title)
{
	int rc = 0;

	while (from < end && !rc) {
		size_t len = strcspn(from, "@");
		if (len) {
			rc = snapshot_add(writer, from, len);
			from += len;
			continue;
		}
		rc = add_marked(writer, from, title, &len);
		if (!rc && !len)
			rc = snapshot_add(writer, from, len = 1);
		from += len;
	}
	return rc;
}

int page_begin(struct snapshot_writer *writer, const char *title)
{
	return add_part(writer, page_html, strstr(page_html, rows), title);
}

int page_end(struct snapshot_writer *writer)
{
	const char *behind = strstr(page_html, rows) + strlen(rows);

	return add_part(writer, behind, behind + strlen(behind), "");
}
