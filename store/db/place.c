/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/db/engine.h"

/* Databases that are not open: which engine they belong to. */

bool db_is_server(const char *path)
{
	static const char *const scheme[] = {"postgresql://", "postgres://"};

	return strncmp(path, scheme[0], strlen(scheme[0])) == 0 ||
	       strncmp(path, scheme[1], strlen(scheme[1])) == 0;
}

const struct db_engine *db_engine_of(const char *path)
{
	return db_is_server(path) ? &db_pg : &db_sqlite;
}

int db_check_path(const char *path)
{
	const struct db_engine *engine = db_engine_of(path);

	return engine->check_path ? engine->check_path(path) : 0;
}

void db_wait_at_most(const char *path, int seconds)
{
	if (db_engine_of(path)->wait_at_most)
		db_engine_of(path)->wait_at_most(seconds);
}

void db_each_needed(const char *path, db_needed_fn fn, void *arg)
{
	if (db_engine_of(path)->each_needed)
		db_engine_of(path)->each_needed(path, fn, arg);
}

const char *const *db_files(const char *path)
{
	return db_engine_of(path)->files;
}

size_t db_path_max(const char *path)
{
	return db_engine_of(path)->path_max();
}

int db_directory(const char *path, int *dir)
{
	return db_engine_of(path)->directory(path, dir);
}

int db_is_missing(int dir, const char *path)
{
	return db_engine_of(path)->is_missing(dir, path);
}

bool db_has_lost_its_file(int dir, const char *path)
{
	return db_engine_of(path)->has_lost_its_file(dir, path);
}

int db_check_missing(int dir, const char *path)
{
	return db_engine_of(path)->check_missing(dir, path);
}

int db_remove(int dir, const char *path)
{
	return db_engine_of(path)->remove(dir, path);
}

int db_publish(int dir, const char *draft, const char *path)
{
	return db_engine_of(path)->publish(dir, draft, path);
}

int db_replace(int dir, const char *draft, const char *path)
{
	const struct db_engine *engine = db_engine_of(path);

	return engine->replace ? engine->replace(dir, draft, path) : -ENOTSUP;
}

int db_lock(int dir, const char *path, bool read_only, bool must_be_new, int *fd)
{
	return db_engine_of(path)->lock(dir, path, read_only, must_be_new, fd);
}

int db_hold(int dir, const char *path, int *fd)
{
	return db_engine_of(path)->hold(dir, path, fd);
}

int db_each_size(int dir, const char *path,
    int (*fn)(const char *file, int64_t bytes, void *arg), void *arg)
{
	return db_engine_of(path)->each_size(dir, path, fn, arg);
}
