/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/report.h"
#include "store/db/pg/pg.h"

/* What is in a store's URI. */

char *pg_where(const char *path, const char **suffix)
{
	size_t len = strcspn(path, "#");

	*suffix = path[len] ? path + len + 1 : "";
	return strndup(path, len);
}

const char *pg_uri_value(const PQconninfoOption *options, const char *keyword)
{
	for (; options && options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val ? options->val : "";
	return "";
}

PQconninfoOption *pg_uri_parse(const char *path)
{
	const char *suffix;
	char *where = pg_where(path, &suffix), *why = NULL;
	PQconninfoOption *options = where ? pq.PQconninfoParse(where, &why)
					  : NULL;

	/* what is wrong with it may be next to a password */
	if (!options)
		report(LOG_ERR,
		    "store postgresql://...: not a URI of libpq: %.*s",
		    why && !strchr(path, '@') && !strstr(path, "password")
			? (int)strcspn(why, "\n")
			: 0,
		    why ? why : "");
	pq.PQfreemem(why);
	free(where);
	return options;
}

void pg_uri_part(const char *list, int n, char *out, size_t size)
{
	for (; n && *list; n--) {
		list += strcspn(list, ",");
		list += *list == ',';
	}
	snprintf(out, size, "%.*s", (int)strcspn(list, ","), list);
}

int pg_uri_parts(const char *list)
{
	int n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* Whether all hosts are sockets on this one. */
static bool is_local(const PQconninfoOption *options)
{
	const char *host = pg_uri_value(options, "host");
	bool local = !*pg_uri_value(options, "hostaddr");

	for (; *host && local; host += strcspn(host, ","), host += *host == ',')
		local = *host == '/' || *host == '@' || *host == ',';
	return local;
}

/* 0: it is not one. */
static int port_at(const char *ports, int n)
{
	enum { DEFAULT = 5432 };
	char text[16], *end;

	pg_uri_part(ports, n, text, sizeof(text));
	long port = *text ? strtol(text, &end, 10) : DEFAULT;
	return *text && (*end || port < 1 || port > 65535) ? 0 : (int)port;
}

static const char *fault_of_lists(const PQconninfoOption *options)
{
	const char *hosts = pg_uri_value(options, "host"),
		   *addresses = pg_uri_value(options, "hostaddr"),
		   *ports = pg_uri_value(options, "port");
	int n = pg_uri_parts(*addresses ? addresses : hosts);

	if (*hosts && *addresses && pg_uri_parts(hosts) != n)
		return "it has to have as many hosts as addresses (hostaddr)";
	if (pg_uri_parts(ports) != 1 && pg_uri_parts(ports) != n)
		return "it has to have one port, or as many as hosts";
	if (n > PG_HOSTS)
		return "it has too many hosts: at most 8 are possible";
	for (int i = 0; i < pg_uri_parts(ports); i++)
		if (!port_at(ports, i))
			return "a port is a number from 1 to 65535";
	return NULL;
}

static const char *fault_of(const PQconninfoOption *options)
{
	if (*pg_uri_value(options, "password") ||
	    *pg_uri_value(options, "sslpassword"))
		return "a password in it is seen by all users of this host: put it into a file (passfile=FILE), or use a certificate";
	if (*pg_uri_value(options, "service"))
		return "a service file is not read: name the server in the URI";
	if (!is_local(options) &&
	    strcmp(pg_uri_value(options, "sslmode"), "verify-full") != 0)
		return "a server on the network has to be verified: add sslmode=verify-full and sslrootcert=FILE";
	return fault_of_lists(options);
}

int pg_check_path(const char *path)
{
	PQconninfoOption *options = pg_load() ? NULL : pg_uri_parse(path);

	if (!options)
		return -EINVAL;
	const char *fault = fault_of(options);
	/* the password must not be shown either */
	if (fault)
		report(LOG_ERR, "store %.*s...: %s",
		    (int)strcspn(path, ":") + 3, path, fault);
	pq.PQconninfoFree(options);
	return fault ? -EINVAL : 0;
}

static void need(const char *file, db_needed_fn fn, void *arg)
{
	if (*file == '/' && access(file, F_OK) == 0)
		fn(file, 0, arg);
}

/* Those of the servers, and of name servers. */
static void need_ports(
    const PQconninfoOption *options, db_needed_fn fn, void *arg)
{
	enum { NAMES = 53 };
	const char *ports = pg_uri_value(options, "port");

	if (is_local(options))
		return;
	fn(NULL, NAMES, arg);
	for (int i = 0; i < pg_uri_parts(ports); i++)
		fn(NULL, port_at(ports, i), arg);
}

void pg_each_needed(const char *path, db_needed_fn fn, void *arg)
{
	static const char *const keyword[] = {"host", "passfile", "sslrootcert",
	    "sslcert", "sslkey", "sslcrl", "sslcrldir"};
	static const char *const variable[] = {
	    "PGPASSFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"};
	PQconninfoOption *options = pg_uri_parse(path);

	for (size_t i = 0; i < sizeof(keyword) / sizeof(keyword[0]); i++)
		need(pg_uri_value(options, keyword[i]), fn, arg);
	for (size_t i = 0; i < sizeof(variable) / sizeof(variable[0]); i++)
		if (getenv(variable[i]))
			need(getenv(variable[i]), fn, arg);
	if (options)
		need_ports(options, fn, arg);
	pq.PQconninfoFree(options);
}
