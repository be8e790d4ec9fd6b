/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/sqlite/gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* SQLite's "unix" layer takes the lowest 17 bits of a length. */
enum { ROOM = (1 << 17) - 1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Written once, under the lock: all logs have the same methods. */
static sqlite3_io_methods unix_methods, methods;
static size_t tail;

static struct gather *gather_of(sqlite3_file *file)
{
	return (struct gather *)((char *)file + tail);
}

/* What cannot be written is dropped: the transaction fails. */
static int flush(sqlite3_file *file)
{
	struct gather *g = gather_of(file);
	int len = (int)g->len;

	g->len = 0;
	return len ? unix_methods.xWrite(file, g->data, len, g->at) : SQLITE_OK;
}

static int write_log(
    sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	struct gather *g = gather_of(file);
	size_t n = (size_t)size;
	int code = SQLITE_OK;

	if (!g->data)
		g->data = malloc(ROOM);
	if (g->len &&
	    (offset != g->at + (sqlite3_int64)g->len || n > ROOM - g->len))
		code = flush(file);
	if (code != SQLITE_OK)
		return code;
	if (!g->data || n > ROOM)
		return unix_methods.xWrite(file, data, size, offset);
	if (!g->len)
		g->at = offset;
	memcpy(g->data + g->len, data, n);
	g->len += n;
	return SQLITE_OK;
}

static int read_log(sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
	int code = flush(file);

	return code == SQLITE_OK ? unix_methods.xRead(file, to, size, offset)
				 : code;
}

static int truncate_log(sqlite3_file *file, sqlite3_int64 size)
{
	int code = flush(file);

	return code == SQLITE_OK ? unix_methods.xTruncate(file, size) : code;
}

static int sync_log(sqlite3_file *file, int flags)
{
	int code = flush(file);

	return code == SQLITE_OK ? unix_methods.xSync(file, flags) : code;
}

static int size_of_log(sqlite3_file *file, sqlite3_int64 *size)
{
	int code = flush(file);

	return code == SQLITE_OK ? unix_methods.xFileSize(file, size) : code;
}

/* What is left was rolled back. */
static int close_log(sqlite3_file *file)
{
	free(gather_of(file)->data);
	return unix_methods.xClose(file);
}

void gather_writes(sqlite3_file *file, size_t offset)
{
	pthread_mutex_lock(&lock);
	if (!tail) {
		tail = offset;
		unix_methods = methods = *file->pMethods;
		methods.xClose = close_log;
		methods.xRead = read_log;
		methods.xWrite = write_log;
		methods.xTruncate = truncate_log;
		methods.xSync = sync_log;
		methods.xFileSize = size_of_log;
	}
	pthread_mutex_unlock(&lock);
	*gather_of(file) = (struct gather){0};
	file->pMethods = &methods;
}
