/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/base/clock.h"
#include "store/db/db.h"
#include "store/pki/pki.h"
#include "store/store.h"

void line_free(struct line *line)
{
	for (int i = 0; i < LINE_PARTS; i++)
		bytes_free(&line->part[i]);
}

static int add_escaped(struct bytes *out, const char *text)
{
	int rc = 0;

	for (; *text && !rc; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			rc = bytes_printf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			rc = bytes_printf(out, "\\u%04x", c);
		else
			rc = bytes_add(out, text, 1);
	}
	return rc;
}

int line_set(struct line *line, enum line_part part, const char *text)
{
	int rc = text ? add_escaped(&line->part[part], text) : 0;

	return rc || !text ? rc : bytes_add(&line->part[part], "", 1);
}

int line_set_more(struct line *line, const char *name, const char *value)
{
	struct bytes *more = &line->part[LINE_MORE];
	int rc = bytes_printf(more, ",\"%s\":\"", name);

	if (!rc)
		rc = add_escaped(more, value);
	return rc ? rc : bytes_add(more, "\"", 2);
}

static int add_number(struct line *line, const char *name, int64_t number)
{
	struct bytes *more = &line->part[LINE_MORE];

	if (more->len)
		more->len--; /* its NUL */
	int rc = bytes_printf(more, ",\"%s\":%" PRId64, name, number);
	return rc ? rc : bytes_add(more, "", 1);
}

int line_set_key(struct line *line, int64_t id)
{
	return add_number(line, "key_id", id);
}

int line_set_login(struct line *line, int64_t loginuid, int64_t session)
{
	int rc = loginuid < 0 ? 0 : add_number(line, "loginuid", loginuid);

	return rc || session < 0 ? rc : add_number(line, "session", session);
}

const char *line_part(const struct line *line, enum line_part part)
{
	return line->part[part].len ? (char *)line->part[part].data : NULL;
}

int line_compose(const struct line *line, struct bytes *out)
{
	char time[CLOCK_TEXT], prev[2 * PKI_HASH + 1];
	const char *more = line_part(line, LINE_MORE),
		   *result = line_part(line, LINE_RESULT);

	clock_text(line->time, time);
	hex_text(line->prev, PKI_HASH, prev);
	int rc = bytes_printf(out,
	    "{\"seq\":%" PRId64 ",\"time\":\"%s\",\"uid\":%" PRId64
	    ",\"gid\":%" PRId64 ",\"pid\":%" PRId64
	    ",\"comm\":\"%s\",\"action\":\"%s\",\"object\":\"%s\"%s,\"result\":\"%s\"",
	    line->seq, time, line->uid, line->gid, line->pid,
	    line_part(line, LINE_COMM), line_part(line, LINE_ACTION),
	    line_part(line, LINE_OBJECT), more ? more : "",
	    result ? result : "ok");
	if (!rc && line_part(line, LINE_REASON))
		rc = bytes_printf(
		    out, ",\"reason\":\"%s\"", line_part(line, LINE_REASON));
	return rc ? rc : bytes_printf(out, ",\"prev\":\"%s\"}", prev);
}

/*
 * Texts of most lines, stored as the bytes 1, 2 and so on: parts have no control
 * characters. Stores have these numbers: others are only added, at the end.
 */
static const char *const frequent[] = {"app_connector/", "service_edge/",
    "/members/", ",\"provisioning_key\":\"", "\",\"key_id\":", "enroll"};

enum { FREQUENT = sizeof(frequent) / sizeof(frequent[0]) };

/* Returns the number of the frequent text at `at`, or 0; *len is its length. */
static unsigned char frequent_at(const char *at, size_t *len)
{
	for (int i = 0; i < FREQUENT; i++) {
		*len = strlen(frequent[i]);
		if (strncmp(at, frequent[i], *len) == 0)
			return (unsigned char)(i + 1);
	}
	return 0;
}

static int pack(const char *text, struct bytes *out)
{
	int rc = 0;

	while (*text && !rc) {
		size_t len;
		unsigned char number = frequent_at(text, &len);
		rc = bytes_add(out, number ? (void *)&number : text, 1);
		text += number ? len : 1;
	}
	return rc ? rc : bytes_add(out, "", 1);
}

int line_pack(const struct line *line, struct line *out)
{
	int rc = 0;

	*out = (struct line){0};
	for (int i = 0; i < LINE_PARTS && !rc; i++)
		if (line->part[i].len)
			rc = pack(
			    (const char *)line->part[i].data, &out->part[i]);
	return rc;
}

static int unpack(const unsigned char *text, size_t len, struct bytes *out)
{
	int rc = 0;

	for (; len && !rc; text++, len--)
		if (*text >= 1 && *text <= FREQUENT)
			rc = bytes_add(out, frequent[*text - 1],
			    strlen(frequent[*text - 1]));
		else
			rc = bytes_add(out, text, 1);
	return rc ? rc : bytes_add(out, "", 1);
}

static int read_part(const struct db_row *row, int column, struct bytes *out)
{
	size_t len;
	const void *text = db_blob(row, column, &len);

	return db_is_null(row, column) ? 0 : unpack(text, len, out);
}

int line_of_event(const struct db_row *row, struct bytes *out)
{
	struct line line = {
	    .seq = db_int(row, DB_EVENT_LINE),
	    .time = db_int(row, DB_EVENT_AT) / CLOCK_SECOND,
	    .uid = db_int(row, DB_EVENT_UID),
	    .gid = db_int(row, DB_EVENT_GID),
	    .pid = db_int(row, DB_EVENT_PID),
	};
	size_t len;
	const void *blob = db_blob(row, DB_EVENT_WHOLE, &len);
	int rc = 0;

	if (len)
		return bytes_add(out, blob, len);
	for (int i = 0; i < LINE_PARTS && !rc; i++)
		rc = read_part(row, DB_EVENT_COMM + i, &line.part[i]);
	blob = db_blob(row, DB_EVENT_PREV, &len);
	if (!rc && len == PKI_HASH)
		memcpy(line.prev, blob, PKI_HASH);
	if (!rc)
		rc = line_compose(&line, out);
	line_free(&line);
	return rc;
}

/* --- parsing --- */

/* Consumes a literal. */
static bool take(const char **at, const char *literal)
{
	size_t len = strlen(literal);

	if (strncmp(*at, literal, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool take_number(const char **at, const char *before, int64_t *out)
{
	char *end;

	if (!take(at, before))
		return false;
	*out = strtoll(*at, &end, 10);
	*at = end;
	return true;
}

/* Skips a string up to its closing quote. */
static const char *end_of_string(const char *at)
{
	while (*at && *at != '"')
		at += *at == '\\' && at[1] ? 2 : 1;
	return at;
}

static bool has_control(const char *at, const char *end)
{
	while (at < end && (unsigned char)*at >= ' ')
		at++;
	return at < end;
}

/* Consumes the text up to end as a part. */
static bool take_part(const char **at, const char *end, struct bytes *out)
{
	bool done = *end && !has_control(*at, end) &&
		    !bytes_add(out, *at, (size_t)(end - *at)) &&
		    !bytes_add(out, "", 1);

	*at = end;
	return done;
}

static bool take_string(const char **at, const char *before, struct bytes *out)
{
	return take(at, before) && take_part(at, end_of_string(*at), out) &&
	       take(at, "\"");
}

/* Skips `,"NAME":NUMBER`, if that is there. */
static const char *skip_number(const char *at, const char *name)
{
	size_t len = strlen(name);

	return strncmp(at, ",\"", 2) == 0 && strncmp(at + 2, name, len) == 0 &&
		       strncmp(at + 2 + len, "\":", 2) == 0
		   ? at + len + 4 + strspn(at + len + 4, "0123456789")
		   : at;
}

/* The end of the login, which may be unknown. */
static const char *end_of_login(const char *at)
{
	return skip_number(skip_number(at, "loginuid"), "session");
}

/* The end of a name, its text, the key's id, which lines of version 0.1.0 lack,
 * and the login. NULL: it is something else. */
static const char *end_of_more(const char *at)
{
	if (strncmp(at, ",\"", 2) != 0)
		return NULL;
	const char *value = end_of_string(at + 2);
	if (strncmp(value, "\":\"", 3) != 0)
		return NULL;
	value = end_of_string(value + 3);
	return *value ? end_of_login(skip_number(value + 1, "key_id")) : NULL;
}

static bool take_more(const char **at, struct line *out)
{
	const char *end = end_of_login(*at);

	if (strncmp(*at, ",\"result\":", 10) == 0)
		return true;
	if (end == *at)
		end = end_of_more(*at);
	return end && take_part(at, end, &out->part[LINE_MORE]);
}

static bool take_result(const char **at, struct line *out)
{
	if (take(at, ",\"result\":\"ok\""))
		return true;
	return take_string(at, ",\"result\":\"", &out->part[LINE_RESULT]);
}

#define PREV ((size_t)2 * PKI_HASH) /* number of hex digits */

static bool take_end(const char **at, struct line *out)
{
	if (strncmp(*at, ",\"reason\":", 10) == 0 &&
	    !take_string(at, ",\"reason\":\"", &out->part[LINE_REASON]))
		return false;
	return take(at, ",\"prev\":\"") && strlen(*at) > PREV &&
	       hex_bytes(*at, PREV, out->prev, PKI_HASH) == 0;
}

static bool take_all(const char *at, struct line *out)
{
	int64_t number;

	if (!take_number(&at, "{\"seq\":", &out->seq) ||
	    !take(&at, ",\"time\":\""))
		return false;
	at = end_of_string(at);
	if (!take_number(&at, "\",\"uid\":", &out->uid) ||
	    !take_number(&at, ",\"gid\":", &out->gid) ||
	    !take_number(&at, ",\"pid\":", &number))
		return false;
	out->pid = number;
	return take_string(&at, ",\"comm\":\"", &out->part[LINE_COMM]) &&
	       take_string(&at, ",\"action\":\"", &out->part[LINE_ACTION]) &&
	       take_string(&at, ",\"object\":\"", &out->part[LINE_OBJECT]) &&
	       take_more(&at, out) && take_result(&at, out) &&
	       take_end(&at, out);
}

int line_parse(const char *text, struct line *out)
{
	CLEANUP_BYTES struct bytes again = {0};
	int64_t time = out->time;

	*out = (struct line){.time = time};
	if (!take_all(text, out))
		return -EINVAL;
	int rc = line_compose(out, &again);
	if (rc)
		return rc;
	return again.len == strlen(text) &&
		       memcmp(again.data, text, again.len) == 0
		   ? 0
		   : -EINVAL;
}
