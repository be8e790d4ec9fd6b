/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"
#include "store/backup/line.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/lists/render.h"
#include "store/objects/path.h"
#include "store/objects/shown.h"

/* Tables with a row for each key or member, for awk(1), grep(1) and sort(1). */

struct table {
	struct snapshot_writer *writer;
	struct snapshot_times *times;
	int64_t now; /* seconds */
};

/* Records that a state changes by itself at a date, or changed in the past. */
static void note_change(const struct table *t, int64_t seconds)
{
	if (seconds == STORE_NEVER)
		return;
	if (seconds > t->now && seconds < t->times->until)
		t->times->until = seconds;
	if (seconds <= t->now && seconds * CLOCK_SECOND > t->times->made)
		t->times->made = seconds * CLOCK_SECOND;
}

static const char *time_text(int64_t seconds, char out[CLOCK_TEXT])
{
	if (seconds == STORE_NEVER)
		return "never";
	clock_text(seconds, out);
	return out;
}

static const char *moment_text(int64_t moment, char out[CLOCK_TEXT])
{
	return time_text(
	    moment == STORE_NEVER ? STORE_NEVER : moment / CLOCK_SECOND, out);
}

static int add_key(const union store_any *row, void *arg)
{
	const struct table *t = arg;
	const struct store_key *k = &row->key;
	char expires[CLOCK_TEXT], created[CLOCK_TEXT], used[CLOCK_TEXT],
	    limit[24] = "max";
	CLEANUP_BYTES struct bytes line = {0};

	note_change(t, k->expires);
	if (k->max_uses != STORE_UNLIMITED)
		snprintf(limit, sizeof(limit), "%" PRId64, k->max_uses);
	int rc = bytes_printf(&line,
	    "%s\t%s\t%s\t%s\t%s\t%" PRId64 "\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n",
	    store_place_name(k->object.place), k->object.group_name,
	    k->object.name, store_state_name(store_key_state(k)), limit,
	    k->uses, k->signing_cert, time_text(k->expires, expires),
	    k->enabled, k->exportable, k->object.managed,
	    moment_text(k->object.created, created),
	    moment_text(k->last_used, used));
	return rc ? rc : snapshot_add(t->writer, line.data, line.len);
}

static int add_member(const union store_any *row, void *arg)
{
	const struct table *t = arg;
	const struct store_member *m = &row->member;
	char not_after[CLOCK_TEXT], enrolled[CLOCK_TEXT];
	CLEANUP_BYTES struct bytes line = {0};

	if (!m->revoked)
		note_change(t, m->not_after);
	int rc = bytes_printf(&line, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
	    store_place_name(m->object.place), m->object.group_name,
	    m->object.name, store_state_name(store_member_state(m)), m->serial,
	    time_text(m->not_after, not_after), m->signing_cert,
	    m->provisioning_key, moment_text(m->enrolled, enrolled));
	return rc ? rc : snapshot_add(t->writer, line.data, line.len);
}

static const struct {
	enum store_kind kind;
	store_each_fn add;
	const char *header;
} tables[STORE_LISTS] = {
    [STORE_KEYS_TABLE] = {STORE_KEY, add_key,
	"kind\tgroup\tname\tstate\tmax_uses\tuses\tsigning_cert\texpires\tenabled\t"
	"exportable\tmanaged\tcreated\tlast_used\n"},
    [STORE_MEMBERS_TABLE] = {STORE_MEMBER, add_member,
	"kind\tgroup\tname\tstate\tserial\tnot_after\tsigning_cert\tprovisioning_key\t"
	"enrolled\n"},
};

/* Gives the content a later second than the last one, also if it changed by
 * itself. */
static void advance_shown(
    struct store *store, enum store_list which, struct snapshot_times *times)
{
	int64_t *listed = &store->shown.listed[which];

	if (times->made / CLOCK_SECOND <= *listed)
		times->made = (*listed + 1) * CLOCK_SECOND;
	*listed = times->made / CLOCK_SECOND;
}

static int fill(struct store *store, struct snapshot_writer *writer, void *arg)
{
	enum store_list which = *(const enum store_list *)arg;
	struct table t = {
	    writer, snapshot_times(writer), clock_now() / CLOCK_SECOND};
	const char *header = tables[which].header;
	int rc = audit_last(store, &t.times->basis, &t.times->made);

	if (!rc)
		rc = snapshot_add(writer, header, strlen(header));
	if (!rc)
		rc = store_each_all(
		    store, tables[which].kind, tables[which].add, &t);
	if (!rc)
		advance_shown(store, which, t.times);
	return rc;
}

int list_table(struct store *store, enum store_list which, bool look,
    struct store_snapshot **out)
{
	int64_t seq, at;
	int rc = audit_last(store, &seq, &at);

	return rc ? rc
		  : snapshot_get_lazily(
			store, which, seq, look, fill, &which, out);
}
