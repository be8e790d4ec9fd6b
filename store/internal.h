/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

/* struct store, for store/, objects/, enroll/, lists/ and backup/. */
#include "store/backup/anchor.h"
#include "store/backup/journal.h"
#include "store/base/recent.h"
#include "store/base/text_cache.h"
#include "store/db/db.h"
#include "store/enroll/budget.h"
#include "store/lists/expiry.h"
#include "store/lists/metrics.h"
#include "store/lists/notice.h"
#include "store/lists/orders.h"
#include "store/lists/render.h"
#include "store/objects/before.h"
#include "store/objects/shown.h"
#include "store/objects/signer.h"
#include "store/pki/pki.h"
#include "store/store.h"

struct object_kind;

/* Lock order: lists.render or lists.render_global first, then one of the
 * others; two of these are never held together. */
struct store {
	struct db *db;
	const struct object_kind *const *kinds; /* by enum store_kind */
	uid_t uid; /* of the process that opened the store */
	gid_t gid;
	gid_t export_gid;
	int64_t crl_delay; /* in clock_ticks */
	gid_t audit_gid;   /* if audit_named */
	bool audit_named, audit_private;
	void (*enrolled)(int64_t group, void *arg);
	void (*expired)(int64_t member, void *arg);
	void *enrolled_arg;

	char id[64];	  /* of the store, hex */
	char *path;	  /* for messages */
	char *mountpoint; /* to be shown; or NULL */
	int dir;	  /* its directory, see db_directory */
	struct pki_sealer *sealer;
	int lock; /* descriptor of the lock file, or -1 */
	int held; /* descriptor of the store's file, locked too; or -1 */
	bool read_only;
	bool open; /* store_open has succeeded */
	char domain[DOMAIN_MAX_LEN + 1];

	/* public keys and names that have certificates */
	struct recent issued;
	struct budget unproven; /* of renewals */
	struct metrics metrics;
	struct shown shown;
	struct journal journal;
	struct anchor anchor; /* never changes while it is open */
	struct db_hooks hooks;
	struct edit_counts edits;
	struct signer_cache signers;
	struct list_cache lists;
	struct list_notices notices;
	struct expiry expiry; /* the keeper's */
	pthread_t keeper;
	struct orders orders;
	struct text_cache log_text;
};

#endif
