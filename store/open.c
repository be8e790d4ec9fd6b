/* SPDX-License-Identifier: Apache-2.0 */
#include "store/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/backup/journal.h"
#include "store/base/clock.h"
#include "store/internal.h"
#include "store/lists/crl.h"
#include "store/lists/keeper.h"
#include "store/lists/metrics.h"
#include "store/lists/render.h"
#include "store/master.h"
#include "store/objects/kind.h"
#include "store/objects/signer.h"
#include "store/refusals.h"

int store_new(const struct store_options *options, struct store **out)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->dir = store->lock = store->held = -1;
	store->read_only = options->read_only;

	store->export_gid = options->export_gid;
	store->crl_delay = options->crl_delay * CLOCK_SECOND;
	store->audit_named = options->audit_gid;
	store->audit_gid = options->audit_gid ? *options->audit_gid : 0;
	store->uid = options->uid;
	store->gid = options->gid;
	store->enrolled = options->enrolled;
	store->expired = options->expired;
	store->enrolled_arg = options->enrolled_arg;
	store->kinds = object_kinds;
	pthread_mutex_init(&store->signers.lock, NULL);
	pthread_mutex_init(&store->unproven.lock, NULL);
	list_cache_init(&store->lists);
	notice_init(&store->notices);
	orders_init(&store->orders);
	text_cache_init(&store->log_text);
	store->metrics.started = clock_now();
	store->path = strdup(options->path);
	if (options->mountpoint)
		store->mountpoint = strdup(options->mountpoint);
	if (!store->path || (options->mountpoint && !store->mountpoint)) {
		store_close(store);
		return -ENOMEM;
	}
	*out = store;
	return 0;
}

int store_open_sealer(struct store *store, const struct store_options *options,
    bool make, const char *store_id)
{
	unsigned char key[PKI_SECRET];
	int rc = master_key(options, make, key);
	if (!rc)
		rc = pki_sealer_new(key, store_id, &store->sealer);
	explicit_bzero(key, sizeof(key));
	return rc;
}

/* Forgets what the process knows of the database. */
static void others_wrote(void *context, bool edits)
{
	struct store *store = context;

	journal_hooks.lost(store);
	if (edits) {
		signer_forget_all(store);
		orders_wake(store);
	}
	notice_wake(store);
}

void store_set_hooks(struct store *store)
{
	store->hooks = journal_hooks;
	store->hooks.others = others_wrote;
	db_set_context(store->db, store, &store->hooks);
}

int store_lock(struct store *store, const struct store_options *options)
{
	int rc = db_directory(options->path, &store->dir);

	return rc ? rc
		  : db_lock(store->dir, options->path, store->read_only,
			options->must_be_new, &store->lock);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	orders_stop(store);
	keeper_stop(store);
	if (store->open && !store->read_only)
		lists_settle(store);
	if (store->open)
		refusal_log_rest(store);
	db_close(store->db);
	signer_forget_all(store);
	pki_sealer_free(store->sealer);
	if (store->held >= 0)
		close(store->held);
	if (store->lock >= 0)
		close(store->lock);
	if (store->dir >= 0)
		close(store->dir);
	list_cache_destroy(&store->lists);
	notice_destroy(&store->notices);
	orders_destroy(&store->orders);
	text_cache_destroy(&store->log_text);
	bytes_free(&store->journal.changed);
	pthread_mutex_destroy(&store->signers.lock);
	pthread_mutex_destroy(&store->unproven.lock);
	free(store->path);
	free(store->mountpoint);
	free(store);
}
