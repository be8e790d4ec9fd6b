/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db/engine.h"

/* Databases that are not open: which engine they belong to. */

const struct db_engine *db_engine_of(const char *path)
{
	(void)path;
	return &db_sqlite;
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
