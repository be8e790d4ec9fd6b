/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REKEY_H
#define STORE_REKEY_H

/*
 * Another master key for a store that nobody has open: every secret is sealed
 * again, in a copy beside a file or in one transaction on a server; then that
 * replaces the store, and last the key's file. Between these two the store
 * opens with the new key alone, and says so to who has the old one; running all
 * of it again with the same new key finishes it.
 */
#include "store/store.h"

struct rekey;

/*
 * Reads the present master key and the new one, whose file is made if it is
 * missing: for who may read and write these. options have to stay. Free *out
 * with rekey_free.
 *
 * Returns 0, -ENOENT (no store), -ENOKEY, -EACCES, -EINVAL (of either key, as
 * store_open) or -errno, logged.
 */
int rekey_begin(const struct store_options *options, const char *new_key,
    struct rekey **out);

/* Whether the present key's directory belongs to root. If so, root has to run
 * rekey_stage and rekey_finish; if not, root should not: others may change what
 * is in it meanwhile. */
bool rekey_needs_root(const struct rekey *rekey);

/* Writes the new key beside the present one, so that what could fail has failed
 * before the store is changed. Returns 0 or -errno, logged. rekey_unstage
 * removes it, unless rekey_finish has put it in place. */
int rekey_stage(struct rekey *rekey);
void rekey_unstage(struct rekey *rekey);

/*
 * As the store's user: seals everything again, unless the store has the new key
 * already. Returns 0, -EBUSY (mounted, or another program has it open), -EINVAL
 * (the new key is the one before), -EKEYREJECTED (the present key is not the
 * store's), -EBADMSG (a secret does not open) or as store_open, logged: the
 * store is unchanged, unless it is -EIO of a disk that fails.
 */
int rekey_store(struct rekey *rekey);

/* After both: puts the new key in the present one's place. Returns 0 or -errno,
 * logged. */
int rekey_finish(struct rekey *rekey);

/* Unstages, and wipes the keys. NULL is permitted. */
void rekey_free(struct rekey *rekey);

#endif
