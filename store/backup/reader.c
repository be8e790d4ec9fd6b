/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backup/export.h"
#include "store/backup/line.h"
#include "store/base/clock.h"
#include "store/base/report.h"
#include "store/internal.h"

enum { FILE_MAX = 4 << 20, RECORD_MAX = 1 << 20 };

int copy_wrong(const struct copy *copy, const char *path, const char *what)
{
	report(LOG_ERR, "%s/%s %s", copy->from, path, what);
	return -EBADMSG;
}

static void advance(struct copy *copy, size_t bytes)
{
	copy->done += (int64_t)bytes;
	if (copy->how->progress)
		copy->how->progress(copy->done, copy->total, copy->how->arg);
}

/* --- files --- */

typedef int (*entry_fn)(
    struct copy *copy, const char *path, size_t size, void *arg);

static bool is_object(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && strcmp(path + len - 5, ".json") == 0;
}

static int visit(struct copy *copy, const FTSENT *entry, const char *path,
    entry_fn fn, void *arg)
{
	int64_t number;

	switch (entry->fts_info) {
	case FTS_D:
	case FTS_DP:
		return 0;
	case FTS_F:
		if (!is_object(path) && !export_segment_number(path, &number))
			return copy_wrong(copy, path, "is not of an export");
		return fn(copy, path, (size_t)entry->fts_statp->st_size, arg);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return copy_wrong(copy, path, strerror(entry->fts_errno));
	default:
		return copy_wrong(copy, path, "is no regular file");
	}
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Skips names with a leading dot: an interrupted rsync(1) leaves such files. */
static int each_entry(struct copy *copy, entry_fn fn, void *arg)
{
	char *roots[] = {strdup(copy->from), NULL};
	FTS *fts = roots[0]
		       ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name)
		       : NULL;
	size_t prefix = strlen(copy->from) + 1;
	FTSENT *entry;
	int rc = fts ? 0 : -ENOMEM;

	while (!rc && (entry = fts_read(fts)) != NULL) {
		if (entry->fts_level == 0 && entry->fts_info != FTS_D &&
		    entry->fts_info != FTS_DP)
			rc = copy_wrong(copy, "",
			    entry->fts_errno ? strerror(entry->fts_errno)
					     : "is no folder");
		else if (entry->fts_level > 0 && entry->fts_name[0] == '.')
			fts_set(fts, entry, FTS_SKIP);
		else if (entry->fts_level > 0)
			rc = visit(
			    copy, entry, entry->fts_path + prefix, fn, arg);
	}
	if (fts)
		fts_close(fts);
	free(roots[0]);
	return rc;
}

static int measure(struct copy *copy, const char *path, size_t size, void *arg)
{
	int64_t number;

	(void)arg;
	bool segment = export_segment_number(path, &number);
	if (segment && number < copy->first) {
		copy->earlier++;
		return 0;
	}
	copy->total += (int64_t)size;
	if (segment && number > copy->segments)
		copy->segments = number;
	return 0;
}

int copy_measure(struct copy *copy)
{
	return each_entry(copy, measure, NULL);
}

/* Opens a file of the copy. Returns a descriptor, or -EBADMSG, logged. */
static int open_file(const struct copy *copy, const char *path)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s/%s", copy->from, path) >=
	    (int)sizeof(name))
		return copy_wrong(copy, path, "has too long a name");
	struct stat st;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return copy_wrong(copy, path,
		    errno == ENOENT ? "is missing" : strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return copy_wrong(copy, path, "is no regular file");
}

/* --- objects --- */

static int read_whole(
    const struct copy *copy, const char *path, struct bytes *out)
{
	unsigned char chunk[16384];
	ssize_t n;
	int rc = 0, fd = open_file(copy, path);

	if (fd < 0)
		return fd;
	while (!rc && (n = read(fd, chunk, sizeof(chunk))) != 0)
		if (n < 0)
			rc = copy_wrong(copy, path, strerror(errno));
		else
			rc = out->len > FILE_MAX
				 ? copy_wrong(copy, path, "is too long")
				 : bytes_add(out, chunk, (size_t)n);
	close(fd);
	return rc;
}

int copy_read(const struct copy *copy, const char *path, struct bytes *out)
{
	int rc = read_whole(copy, path, out);

	if (rc)
		return rc;
	const char *what = export_unpad(out);
	return what ? copy_wrong(copy, path, what) : bytes_add(out, "", 1);
}

int copy_check(
    const struct copy *copy, const char *path, const struct bytes *text)
{
	CLEANUP_BYTES struct bytes head = {0};
	int rc = export_file_head(copy->store->id, path, &head);
	const char *what = rc ? NULL
			      : export_wrong(copy->store, (char *)text->data,
				    text->len - 1, &head);

	return what ? copy_wrong(copy, path, what) : rc;
}

struct each_file {
	copy_file_fn fn;
	void *arg;
};

static int take_file(struct copy *copy, const char *path, size_t size, void *arg)
{
	const struct each_file *each = arg;
	CLEANUP_BYTES struct bytes text = {0};

	if (!is_object(path))
		return 0;
	int rc = copy_read(copy, path, &text);
	if (!rc)
		rc = copy_check(copy, path, &text);
	if (!rc)
		rc = each->fn(path, (char *)text.data, each->arg);
	advance(copy, size);
	return rc;
}

int copy_each_file(struct copy *copy, copy_file_fn fn, void *arg)
{
	struct each_file each = {fn, arg};

	return each_entry(copy, take_file, &each);
}

/* --- the trail --- */

struct segment {
	int64_t number;
	char path[STORE_PATH];
	struct bytes head;
	int records;
	copy_record_fn fn;
	void *arg;
};

/* Returns the fault of a record, or NULL. */
static const char *take_record(
    struct copy *copy, struct segment *s, const char *line, size_t len)
{
	int64_t seq = (s->number - 1) * EXPORT_SEGMENT + ++s->records;
	const char *what = s->records > EXPORT_SEGMENT
			       ? "is one too many"
			       : export_record_wrong(
				     copy->store, line, len, &s->head, seq);

	if (what)
		return what;
	copy->records = seq;
	return s->fn(seq, line, line + s->head.len,
	    len - s->head.len - EXPORT_TAIL, s->arg);
}

static int take_lines(
    struct copy *copy, struct segment *s, FILE *file, char *line)
{
	bool last = s->number == copy->segments;
	char what[160];

	while (fgets(line, RECORD_MAX, file)) {
		size_t len = strlen(line);
		bool whole = len && line[len - 1] == '\n';
		if (!whole && last && feof(file)) {
			report(LOG_NOTICE,
			    "%s/%s: its last record is torn, and left out",
			    copy->from, s->path);
			copy->torn = true;
			return 0;
		}
		if (!whole)
			return copy_wrong(copy, s->path, "is cut off");
		line[--len] = '\0';
		const char *why = take_record(copy, s, line, len);
		if (why) {
			snprintf(what, sizeof(what),
			    "is wrong in line %d: the record %s", s->records,
			    why);
			return copy_wrong(copy, s->path, what);
		}
		advance(copy, len + 1);
	}
	if (ferror(file))
		return copy_wrong(copy, s->path, strerror(errno));
	return s->records < EXPORT_SEGMENT && !last
		   ? copy_wrong(copy, s->path, "is cut off")
		   : 0;
}

static int take_segment(struct copy *copy, struct segment *s, char *line)
{
	int fd = open_file(copy, s->path);

	if (fd < 0)
		return fd;
	FILE *file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	int rc = take_lines(copy, s, file, line);
	fclose(file);
	return rc;
}

int copy_each_record(struct copy *copy, copy_record_fn fn, void *arg)
{
	char *line = malloc(RECORD_MAX);
	int rc = line ? 0 : -ENOMEM;

	for (int64_t number = copy->first; !rc && number <= copy->segments;
	     number++) {
		struct segment s = {.number = number, .fn = fn, .arg = arg};
		export_segment_path(number, s.path);
		rc = export_record_head(copy->store->id, number, &s.head);
		if (!rc)
			rc = take_segment(copy, &s, line);
		bytes_free(&s.head);
	}
	free(line);
	return rc;
}
