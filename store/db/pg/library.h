/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DB_PG_LIBRARY_H
#define STORE_DB_PG_LIBRARY_H

/*
 * libpq, loaded when a store on a server is opened: a daemon whose store is a
 * file has neither it nor what it brings (Kerberos, LDAP, TLS).
 */
#include <libpq-fe.h>

/* clang-format off */
#define PG_LIBRARY(F) \
	F(PQclear) \
	F(PQcmdStatus) \
	F(PQcmdTuples) \
	F(PQconnectPoll) \
	F(PQconnectStartParams) \
	F(PQconninfoFree) \
	F(PQconninfoParse) \
	F(PQconsumeInput) \
	F(PQenterPipelineMode) \
	F(PQerrorMessage) \
	F(PQescapeIdentifier) \
	F(PQescapeLiteral) \
	F(PQexitPipelineMode) \
	F(PQfinish) \
	F(PQflush) \
	F(PQfreemem) \
	F(PQftype) \
	F(PQgetResult) \
	F(PQgetisnull) \
	F(PQgetlength) \
	F(PQgetvalue) \
	F(PQisBusy) \
	F(PQnfields) \
	F(PQntuples) \
	F(PQparameterStatus) \
	F(PQpipelineSync) \
	F(PQresultErrorField) \
	F(PQresultStatus) \
	F(PQsendPrepare) \
	F(PQsendQuery) \
	F(PQsendQueryParams) \
	F(PQsendQueryPrepared) \
	F(PQsetNoticeReceiver) \
	F(PQsetnonblocking) \
	F(PQsocket) \
	F(PQstatus) \
	F(PQtransactionStatus)
/* clang-format on */

struct pg_library {
#define PG_FUNCTION(name) __typeof__(&(name)) name;
	PG_LIBRARY(PG_FUNCTION)
#undef PG_FUNCTION
};

extern struct pg_library pq;

/* Loads it, if it is not. Returns 0, or -ENOENT, logged. Before there are
 * threads, and before files can no longer be read. */
int pg_load(void);

#endif
