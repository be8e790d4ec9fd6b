/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/draft_name.h"
#include "store/base/clock.h"

struct draft {
	struct draft *next;
	uint64_t id, dir;
	uid_t maker;
	char name[256]; /* empty: unlinked */
	struct stat st;
	struct bytes content;
	bool reserved;
	unsigned int open;
	time_t closed; /* monotonic; valid while it is not open */
};

enum { NOT_OTHERS = 0770 };

static struct {
	pthread_mutex_t lock;
	struct draft *first;
	uint64_t last_id;
} drafts = {.lock = PTHREAD_MUTEX_INITIALIZER};

static time_t now(void)
{
	return clock_ticks() / CLOCK_SECOND;
}

static bool is_over(const struct draft *d, time_t at)
{
	return !d->open && (!d->name[0] || at - d->closed >= DRAFT_SECONDS);
}

/* Takes the lock, and frees expired drafts. Returns whether there were any. */
static bool enter(void)
{
	time_t at = now();
	bool any = false;

	pthread_mutex_lock(&drafts.lock);
	for (struct draft **link = &drafts.first; *link;) {
		struct draft *d = *link;
		if (!is_over(d, at)) {
			link = &d->next;
			continue;
		}
		*link = d->next;
		bytes_free(&d->content);
		free(d);
		any = true;
	}
	return any;
}

static int leave(int rc)
{
	pthread_mutex_unlock(&drafts.lock);
	return rc;
}

static struct draft *by_id(uint64_t id)
{
	for (struct draft *d = drafts.first; d; d = d->next)
		if (d->id == id)
			return d;
	return NULL;
}

static struct draft *by_name(uint64_t dir, const char *name)
{
	for (struct draft *d = drafts.first; d; d = d->next)
		if (d->dir == dir && strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

static bool has_room(uint64_t dir, uid_t maker)
{
	int here = 0, of_maker = 0, all = 0;

	for (const struct draft *d = drafts.first; d; d = d->next) {
		here += d->dir == dir;
		of_maker += d->maker == maker;
		all++;
	}
	return here < DRAFTS_PER_DIRECTORY && of_maker < DRAFTS_PER_USER &&
	       all < DRAFTS_MAX;
}

int draft_create(
    uint64_t dir, const char *name, const struct stat *owner, uint64_t *id)
{
	enter();
	if (strlen(name) >= sizeof(((struct draft *)0)->name))
		return leave(-ENAMETOOLONG);
	if (by_name(dir, name))
		return leave(-EEXIST);
	if (!has_room(dir, owner->st_uid))
		return leave(-ENOSPC);
	struct draft *d = calloc(1, sizeof(*d));
	if (!d)
		return leave(-ENOMEM);
	d->id = *id = ++drafts.last_id;
	d->dir = dir;
	d->maker = owner->st_uid;
	strncpy(d->name, name, sizeof(d->name) - 1);
	d->st = *owner;
	d->st.st_mode = owner->st_mode & (S_IFMT | NOT_OTHERS);
	d->closed = now();
	d->next = drafts.first;
	drafts.first = d;
	return leave(0);
}

int draft_find(uint64_t dir, const char *name, uint64_t *id, bool *directory)
{
	enter();
	const struct draft *d = by_name(dir, name);
	if (d) {
		*id = d->id;
		*directory = S_ISDIR(d->st.st_mode);
	}
	return leave(d ? 0 : -ENOENT);
}

uint64_t draft_parent(uint64_t id)
{
	enter();
	const struct draft *d = by_id(id);
	uint64_t dir = d ? d->dir : 0;
	leave(0);
	return dir;
}

int draft_stat(uint64_t id, struct stat *st)
{
	enter();
	const struct draft *d = by_id(id);
	if (!d)
		return leave(-ESTALE);
	*st = d->st;
	st->st_size = (off_t)d->content.len;
	return leave(0);
}

/* Whether there is memory for so many bytes in this draft. */
static bool has_memory(const struct draft *d, size_t size)
{
	size_t of_maker = size, all = size;

	for (const struct draft *other = drafts.first; other;
	     other = other->next) {
		size_t n = other == d ? 0 : other->content.cap;
		of_maker += other->maker == d->maker ? n : 0;
		all += n;
	}
	return of_maker <= DRAFT_BYTES_PER_USER && all <= DRAFT_BYTES_MAX;
}

static int resize(struct draft *d, off_t size)
{
	if (size < 0 || size > DRAFT_MAX)
		return -EFBIG;
	if ((size_t)size > d->content.cap && !has_memory(d, (size_t)size))
		return -ENOSPC;
	if ((size_t)size > d->content.len)
		return bytes_extend(&d->content, (size_t)size - d->content.len);
	d->content.len = (size_t)size;
	return 0;
}

static int set_owner(
    struct store_call *call, struct draft *d, const struct store_chown *change)
{
	struct store_owner want,
	    now = {d->st.st_uid, d->st.st_gid, d->st.st_mode & 07777, 0};
	int rc = store_merge_owner(call, &now, change, &want);

	if (rc < 0)
		return rc;
	d->st.st_uid = want.uid;
	d->st.st_gid = want.gid;
	d->st.st_mode = (d->st.st_mode & S_IFMT) | (want.mode & NOT_OTHERS);
	return 0;
}

int draft_change(
    struct store_call *call, uint64_t id, const struct draft_change *change)
{
	enter();
	struct draft *d = by_id(id);
	int rc = d ? 0 : -ESTALE;
	if (!rc && change->owner)
		rc = set_owner(call, d, change->owner);
	if (!rc && change->resize)
		rc = resize(d, change->size);
	if (!rc)
		clock_gettime(CLOCK_REALTIME, &d->st.st_ctim);
	if (!rc && change->resize)
		d->st.st_mtim = d->st.st_ctim;
	if (!rc && change->mtime)
		d->st.st_mtim = change->at;
	return leave(rc);
}

int draft_open(uint64_t id, bool truncate)
{
	enter();
	struct draft *d = by_id(id);
	if (d && d->reserved)
		return leave(-EEXIST);
	if (d)
		d->open++;
	if (d && truncate)
		d->content.len = 0;
	return leave(d ? 0 : -ESTALE);
}

int draft_reserve(uint64_t id)
{
	enter();
	struct draft *d = by_id(id);
	if (d) {
		d->reserved = true;
		d->open++;
	}
	return leave(d ? 0 : -ESTALE);
}

void draft_close(uint64_t id)
{
	enter();
	struct draft *d = by_id(id);
	if (d) {
		d->open--;
		d->closed = now();
	}
	leave(0);
}

int draft_read(uint64_t id, off_t offset, size_t size, struct bytes *out)
{
	enter();
	const struct draft *d = by_id(id);
	return leave(d ? bytes_add_part(out, &d->content, (size_t)offset, size)
		       : -ESTALE);
}

int draft_write(uint64_t id, const void *data, size_t size, off_t offset)
{
	enter();
	struct draft *d = by_id(id);
	int rc = d ? 0 : -ESTALE;
	if (!rc) {
		size_t at = offset < 0 ? d->content.len : (size_t)offset;
		if (size > DRAFT_MAX || at > DRAFT_MAX - size)
			rc = -EFBIG;
		else if (at + size > d->content.len)
			rc = resize(d, (off_t)(at + size));
		if (!rc && size)
			memcpy(d->content.data + at, data, size);
	}
	if (!rc)
		clock_gettime(CLOCK_REALTIME, &d->st.st_mtim);
	if (!rc)
		d->st.st_ctim = d->st.st_mtim;
	return leave(rc);
}

int draft_rename(uint64_t id, const char *name)
{
	enter();
	struct draft *d = by_id(id);
	if (!d)
		return leave(-ESTALE);
	if (strlen(name) >= sizeof(d->name))
		return leave(-ENAMETOOLONG);
	struct draft *other = by_name(d->dir, name);
	if (other && other != d)
		other->name[0] = '\0';
	strncpy(d->name, name, sizeof(d->name) - 1);
	return leave(0);
}

bool draft_tidy(void)
{
	bool any = enter();

	leave(0);
	return any;
}

void draft_end_all(void)
{
	pthread_mutex_lock(&drafts.lock);
	while (drafts.first) {
		struct draft *d = drafts.first;
		drafts.first = d->next;
		bytes_free(&d->content);
		free(d);
	}
	leave(0);
}

void draft_unlink(uint64_t id)
{
	enter();
	struct draft *d = by_id(id);
	if (d)
		d->name[0] = '\0';
	leave(0);
}

void draft_unlink_numbered(uint64_t dir)
{
	enter();
	for (struct draft *d = drafts.first; d; d = d->next)
		if (d->dir == dir && draft_name_numbered(d->name))
			d->name[0] = '\0';
	leave(0);
}
