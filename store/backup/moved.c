/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/moved.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backup/line.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"

struct moving {
	struct store *store;
	struct db_conn *conn;
	int folder;
	char name[NAME_MAX + 1], draft[NAME_MAX + 1];
	FILE *file;
	int64_t seq; /* of the last event that was read */
	int64_t line;
	bool found;
	unsigned char hash[PKI_HASH]; /* of the last line */
};

static int failed(const struct moving *m, const char *name, int rc)
{
	(void)m;
	report(LOG_ERR, "%s: %s", name, strerror(-rc));
	return rc;
}

/* --- its place --- */

static int open_folder(struct moving *m, const struct store_trim *trim)
{
	bool beside = !trim->folder && !db_is_server(m->store->path);
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	m->folder = beside ? openat(m->store->dir, ".", flags)
			   : open(trim->folder ? trim->folder : ".", flags);
	return m->folder < 0
		   ? failed(m, trim->folder ? trim->folder : m->store->path,
			 -errno)
		   : 0;
}

/* A store on a server has no name of its own: its URI is none of a file. */
static int name_file(
    struct moving *m, struct store_trim *trim, int64_t first, int64_t last)
{
	const char *path = m->store->path, *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) : 0;
	bool server = db_is_server(path);
	int n = snprintf(m->name, sizeof(m->name),
	    "%s.trail-%" PRId64 "-%" PRId64 ".jsonl",
	    server  ? "enrollfs"
	    : slash ? slash + 1
		    : path,
	    first, last);

	if (n >= (int)sizeof(m->name) - 9)
		return failed(m, path, -ENAMETOOLONG);
	snprintf(m->draft, sizeof(m->draft), ".%.*s.draft", n, m->name);
	if (trim->folder || server)
		snprintf(trim->file, sizeof(trim->file), "%s%s%s",
		    trim->folder ? trim->folder : "", trim->folder ? "/" : "",
		    m->name);
	else
		snprintf(trim->file, sizeof(trim->file), "%.*s/%s", (int)dir,
		    path, m->name);
	return 0;
}

/* --- its content --- */

static int add_line(const struct db_row *row, void *arg)
{
	struct moving *m = arg;
	CLEANUP_BYTES struct bytes line = {0};
	int rc = line_of_event(row, &line);

	m->found = true;
	m->seq = db_int(row, DB_EVENT_SEQ);
	m->line = db_int(row, DB_EVENT_LINE);
	if (!rc)
		rc = pki_sha256(line.data, line.len, m->hash);
	if (!rc)
		rc = bytes_add(&line, "\n", 1);
	if (!rc && fwrite(line.data, 1, line.len, m->file) != line.len)
		rc = -errno;
	return rc;
}

static int add_lines(struct moving *m, int64_t last)
{
	int rc = 0;

	do {
		m->found = false;
		rc = db_each(m->conn, DB_TRIM_LINES,
		    DB_ARGS(DB_INT(m->line), DB_INT(m->seq), DB_INT(INT64_MAX),
			DB_INT(last)),
		    add_line, m);
	} while (!rc && m->found);
	if (!rc && (fflush(m->file) || fchmod(fileno(m->file), 0440) ||
		       fsync(fileno(m->file))))
		rc = -errno;
	return rc;
}

static int write_draft(struct moving *m, int64_t last)
{
	if (unlinkat(m->folder, m->draft, 0) && errno != ENOENT)
		return -errno;
	int fd = openat(
	    m->folder, m->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	m->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!m->file) {
		int rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	int rc = add_lines(m, last);
	if (fclose(m->file) && !rc)
		rc = -errno;
	return rc;
}

/* --- a file that is there --- */

static FILE *open_file(const struct moving *m, const char *name)
{
	int fd = openat(
	    m->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

static bool same(FILE *a, FILE *b)
{
	int one, other;

	do {
		one = getc(a);
		other = getc(b);
	} while (one == other && one != EOF);
	return one == other && !ferror(a) && !ferror(b);
}

/* A trim that was interrupted has written the same lines. */
static int compare(const struct moving *m)
{
	FILE *there = open_file(m, m->name), *here = open_file(m, m->draft);
	int rc = there && here && same(there, here) ? 0 : -EEXIST;

	if (there)
		fclose(there);
	if (here)
		fclose(here);
	unlinkat(m->folder, m->draft, 0);
	return rc;
}

/* A link is made of nothing that has the name already. */
static int publish(const struct moving *m)
{
	int rc = 0;

	if (linkat(m->folder, m->draft, m->folder, m->name, 0))
		rc = errno == EEXIST ? compare(m) : -errno;
	else if (unlinkat(m->folder, m->draft, 0))
		rc = -errno;
	return rc || !fsync(m->folder) ? rc : -errno;
}

static int write_file(struct moving *m, struct store_trim *trim,
    struct anchor *anchor, int64_t last)
{
	int rc = open_folder(m, trim);

	if (!rc)
		rc = name_file(m, trim, anchor->line + 1, last);
	if (rc)
		return rc;
	m->line = anchor->line;
	rc = write_draft(m, last);
	if (!rc)
		rc = publish(m);
	if (rc) {
		unlinkat(m->folder, m->draft, 0);
		return failed(m, trim->file, rc);
	}
	trim->lines = last - anchor->line;
	anchor->line = last;
	hex_text(m->hash, PKI_HASH, anchor->hash);
	return 0;
}

int moved_write(
    struct store *store, struct store_trim *trim, struct anchor *anchor)
{
	struct moving m = {
	    .store = store, .conn = db_reader(store->db), .folder = -1};
	int64_t last = 0;

	if (!trim->before)
		return 0;
	int rc = db_each(m.conn, DB_TRIM_LAST_LINE,
	    DB_ARGS(DB_INT(trim->before * CLOCK_SECOND)), db_read_int, &last);
	if (!rc && last > anchor->line)
		rc = write_file(&m, trim, anchor, last);
	if (m.folder >= 0)
		close(m.folder);
	return rc;
}
