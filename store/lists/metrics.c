/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/backup/journal.h"
#include "store/base/clock.h"
#include "store/base/histogram.h"
#include "store/internal.h"
#include "store/lists/render.h"
#include "store/objects/order.h"
#include "store/objects/path.h"
#include "store/objects/shown.h"
#include "store/objects/waiting.h"

/* Numbers of objects and counters since the mount, in the text format of
 * Prometheus. */

enum { STATES = STORE_PENDING + 1 };

/* Numbers of objects by place and state. */
struct object_counts {
	int64_t groups[STORE_PLACES][2]; /* disabled, enabled */
	int64_t keys[STORE_PLACES][STATES], members[STORE_PLACES][STATES];
};

static int count_group(const union store_any *row, void *arg)
{
	struct object_counts *c = arg;

	c->groups[row->object.place][row->group.enabled]++;
	return 0;
}

static int count_key(const union store_any *row, void *arg)
{
	struct object_counts *c = arg;

	c->keys[row->object.place][store_key_state(&row->key)]++;
	return 0;
}

static int count_member(const union store_any *row, void *arg)
{
	struct object_counts *c = arg;

	c->members[row->object.place][store_member_state(&row->member)]++;
	return 0;
}

static int count_objects(struct store *store, struct object_counts *c)
{
	int rc = 0;

	for (int place = STORE_APP_CONNECTOR;
	     place <= STORE_SERVICE_EDGE && !rc; place++)
		rc = store_each(store, STORE_GROUP, place, 0, count_group, c);
	if (!rc)
		rc = store_each_all(store, STORE_KEY, count_key, c);
	return rc ? rc : store_each_all(store, STORE_MEMBER, count_member, c);
}

/* --- rendering --- */

static int add_header(
    struct bytes *out, const char *name, const char *type, const char *help)
{
	return bytes_printf(out,
	    "# HELP enrollfs_%s %s\n# TYPE enrollfs_%s %s\n", name, help, name,
	    type);
}

static int add_states(struct bytes *out, const char *name,
    const int64_t count[STORE_PLACES][STATES], const enum store_state *states,
    int n)
{
	int rc = 0;

	for (int place = STORE_APP_CONNECTOR; place <= STORE_SERVICE_EDGE;
	     place++)
		for (int i = 0; i < n && !rc; i++)
			rc = bytes_printf(out,
			    "enrollfs_%s{kind=\"%s\",state=\"%s\"} %" PRId64
			    "\n",
			    name, store_place_name(place),
			    store_state_name(states[i]),
			    count[place][states[i]]);
	return rc;
}

static int add_object_counts(struct store *store, struct bytes *out)
{
	static const enum store_state keys[] = {STORE_ACTIVE, STORE_EXHAUSTED,
	    STORE_DISABLED, STORE_EXPIRED},
				      members[] = {STORE_ACTIVE, STORE_EXPIRED,
					  STORE_REVOKED};
	struct object_counts c = {0};
	int rc = count_objects(store, &c);

	if (!rc)
		rc = add_header(
		    out, "groups", "gauge", "Groups by kind, enabled or not.");
	for (int place = STORE_APP_CONNECTOR;
	     place <= STORE_SERVICE_EDGE && !rc; place++)
		for (int on = 0; on < 2 && !rc; on++)
			rc = bytes_printf(out,
			    "enrollfs_groups{kind=\"%s\",enabled=\"%d\"} %" PRId64
			    "\n",
			    store_place_name(place), on, c.groups[place][on]);
	if (!rc)
		rc = add_header(out, "keys", "gauge",
		    "Provisioning keys by kind and state.");
	if (!rc)
		rc = add_states(out, "keys", c.keys, keys, 4);
	if (!rc)
		rc = add_header(
		    out, "members", "gauge", "Members by kind and state.");
	return rc ? rc : add_states(out, "members", c.members, members, 3);
}

static int count_order(const struct order *order, void *arg)
{
	(void)order;
	++*(int *)arg;
	return 0;
}

static int add_orders(struct store *store, struct bytes *out)
{
	int count = 0;
	int rc = order_each(db_reader(store->db), count_order, &count);

	if (!rc)
		rc = add_header(out, "revocations_unfinished", "gauge",
		    "Revocations of groups and keys that are being carried out.");
	return rc ? rc
		  : bytes_printf(
			out, "enrollfs_revocations_unfinished %d\n", count);
}

static int add_expiry(const union store_any *row, void *arg)
{
	const struct store_cert *c = &row->cert;

	if (c->pending)
		return 0;
	return bytes_printf(arg,
	    "enrollfs_certificate_expiry_timestamp_seconds{name=\"%s\"} %" PRId64
	    "\n",
	    c->object.name, c->not_after);
}

static int add_issued(const union store_any *row, void *arg)
{
	return bytes_printf(arg,
	    "enrollfs_certificates_issued_total{name=\"%s\"} %" PRId64 "\n",
	    row->object.name, row->cert.issued);
}

static int add_revoked(const union store_any *row, void *arg)
{
	return bytes_printf(arg,
	    "enrollfs_certificates_revoked_total{name=\"%s\"} %" PRId64 "\n",
	    row->object.name, row->cert.revoked);
}

static int add_certs(struct store *store, struct bytes *out)
{
	static const struct {
		const char *name, *type, *help;
		store_each_fn add;
	} list[] = {
	    {"certificate_expiry_timestamp_seconds", "gauge",
		"When a signing certificate expires.", add_expiry},
	    {"certificates_issued_total", "counter",
		"Certificates ever issued by a signing certificate.",
		add_issued},
	    {"certificates_revoked_total", "counter",
		"Certificates of a signing certificate that were revoked.",
		add_revoked},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]) && !rc; i++) {
		rc = add_header(out, list[i].name, list[i].type, list[i].help);
		if (!rc)
			rc = store_each(store, STORE_CERT, STORE_CERTS, 0,
			    list[i].add, out);
	}
	return rc;
}

static int add_pending(struct store *store, struct bytes *out)
{
	int64_t n = 0;
	int rc = db_each(db_reader(store->db), DB_PENDING_COUNT,
	    DB_ARGS(DB_INT(pending_since(clock_now()))), db_read_int, &n);

	if (!rc)
		rc = add_header(out, "pending_requests", "gauge",
		    "Requests that wait for approval.");
	return rc ? rc
		  : bytes_printf(
			out, "enrollfs_pending_requests %" PRId64 "\n", n);
}

static int add_counters(const struct metrics *m, struct bytes *out)
{
	static const char *const name[METRICS_EVENTS] = {
	    [METRICS_ENROLLED] = "enrolled",
	    [METRICS_AGAIN] = "again",
	    [METRICS_RENEWED] = "renewed",
	    [METRICS_COPIED] = "copied",
	};
	int rc = add_header(out, "events_total", "counter",
	    "Enrollments, retries, renewals and key copies since the mount.");

	for (int i = 0; i < METRICS_EVENTS && !rc; i++)
		rc = bytes_printf(out,
		    "enrollfs_events_total{event=\"%s\"} %" PRIu64 "\n",
		    name[i], atomic_load(&m->event[i]));
	if (!rc)
		rc = add_header(out, "refusals_total", "counter",
		    "Refusals since the mount, by errno.");
	for (int i = 1; i < METRICS_ERRORS && !rc; i++)
		if (atomic_load(&m->refused[i]))
			rc = bytes_printf(out,
			    "enrollfs_refusals_total{errno=\"%s\"} %" PRIu64
			    "\n",
			    strerrorname_np(i), atomic_load(&m->refused[i]));
	return rc;
}

static int add_histogram(struct bytes *out, const char *name, const char *help,
    const struct histogram *h)
{
	uint64_t below = 0;
	int rc = add_header(out, name, "histogram", help);

	for (int i = 0; i < HISTOGRAM_BUCKETS && !rc; i++) {
		below += atomic_load(&h->bucket[i]);
		rc = bytes_printf(out,
		    "enrollfs_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
		    (double)histogram_bound(i) / (double)CLOCK_SECOND, below);
	}
	below += atomic_load(&h->bucket[HISTOGRAM_BUCKETS]);
	return rc ? rc
		  : bytes_printf(out,
			"enrollfs_%s_bucket{le=\"+Inf\"} %" PRIu64
			"\nenrollfs_%s_sum %.9f\n"
			"enrollfs_%s_count %" PRIu64 "\n",
			name, below, name,
			(double)atomic_load(&h->sum) / (double)CLOCK_SECOND,
			name, below);
}

static int add_size(const char *file, int64_t bytes, void *arg)
{
	return bytes_printf(arg,
	    "enrollfs_store_size_bytes{file=\"%s\"} %" PRId64 "\n", file,
	    bytes);
}

static int add_store(struct store *store, struct bytes *out)
{
	int rc = add_header(
	    out, "store_size_bytes", "gauge", "Size of the store's files.");

	return rc ? rc : db_each_size(store->dir, store->path, add_size, out);
}

static int render(struct store *store, struct bytes *out)
{
	const struct metrics *m = &store->metrics;
	int rc = add_header(
	    out, "start_time_seconds", "gauge", "When this was mounted.");

	if (!rc)
		rc = bytes_printf(out,
		    "enrollfs_start_time_seconds %" PRId64 "\n",
		    m->started / CLOCK_SECOND);
	if (!rc)
		rc = add_object_counts(store, out);
	if (!rc)
		rc = add_pending(store, out);
	if (!rc)
		rc = add_orders(store, out);
	if (!rc)
		rc = add_certs(store, out);
	if (!rc)
		rc = add_counters(m, out);
	if (!rc)
		rc = add_histogram(out, "sign_duration_seconds",
		    "Duration of signing a member's certificate.", &m->sign);
	if (!rc)
		rc = add_histogram(out, "commit_duration_seconds",
		    "Duration of a commit of queued changes to disk.",
		    db_commits(store->db));
	return rc ? rc : add_store(store, out);
}

/*
 * rsync(1) detects a change by size and whole second. Contents within the same
 * second therefore differ in size: a comment pads to a multiple of
 * METRICS_ROUND plus the number of earlier contents of the second.
 */
enum { METRICS_ROUND = 1024 };

static void advance_shown(struct metrics *m)
{
	int64_t now = clock_now();

	if (now / CLOCK_SECOND > m->shown_since / CLOCK_SECOND) {
		m->shown_since = now;
		m->pad = 0;
	} else if (++m->pad == METRICS_ROUND) {
		m->shown_since = (m->shown_since / CLOCK_SECOND + 1) *
				 CLOCK_SECOND;
		m->pad = 0;
	}
}

static int add_padding(const struct metrics *m, struct bytes *out)
{
	size_t least = out->len + strlen("#\n");
	size_t size = (least + METRICS_ROUND - 1) / METRICS_ROUND *
			  METRICS_ROUND +
		      m->pad;

	return bytes_printf(out, "#%*s\n", (int)(size - least), "");
}

/* An unchanged content keeps its moment, so that rsync(1) does not copy it
 * again. */
static int fill(struct store *store, struct snapshot_writer *writer,
    enum store_list which, int64_t id)
{
	CLEANUP_BYTES struct bytes out = {0};
	struct metrics *m = &store->metrics;
	unsigned char hash[PKI_HASH];
	int rc = render(store, &out);

	(void)which;
	(void)id;
	if (!rc)
		rc = pki_sha256(out.data, out.len, hash);
	if (rc)
		return rc;
	if (!m->shown_since) { /* the last daemon's content is unknown */
		m->shown_since = store_started(store);
		m->pad = METRICS_ROUND - 1;
	}
	if (memcmp(hash, m->shown, PKI_HASH) != 0)
		advance_shown(m);
	memcpy(m->shown, hash, PKI_HASH);
	snapshot_times(writer)->made = m->shown_since;
	rc = add_padding(m, &out);
	return rc ? rc : snapshot_add(writer, out.data, out.len);
}

int list_metrics(struct store *store, bool look, struct store_snapshot **out)
{
	/* the basis always differs: rendered again when its time is up */
	return snapshot_look(
	    store, STORE_METRICS, 0, clock_now(), look, fill, out);
}

void metrics_event(struct store *store, enum metrics_event event)
{
	atomic_fetch_add_explicit(
	    &store->metrics.event[event], 1, memory_order_relaxed);
}

void metrics_refused(struct store *store, int error)
{
	int i = error < 0 && -error < METRICS_ERRORS ? -error : EIO;

	atomic_fetch_add_explicit(
	    &store->metrics.refused[i], 1, memory_order_relaxed);
}
