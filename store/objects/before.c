/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/before.h"

#include <errno.h>
#include <stdio.h>

#include "store/base/clock.h"
#include "store/internal.h"
#include "store/objects/kind.h"

/*
 * store_put_back: if a caller writes a value in parts and a later part is
 * refused, the value from before the first one returns, unless another caller
 * has edited it meanwhile. Counters in memory suffice: no open file outlives
 * the daemon, and no other daemon has the store. If two values share a counter,
 * the worst case is that one is not put back.
 */
static uint64_t *edits_of(
    struct store *store, const struct store_object *o, enum store_field field)
{
	uint64_t value = ((uint64_t)o->id * STORE_KINDS + o->kind) *
			     STORE_FIELDS +
			 field;

	return &store->edits.count[value % EDIT_SLOTS];
}

/* Saves the field's value in `was`. Returns false if it cannot be put back. */
static bool keep(struct store_before *before, const struct object_field *field,
    const union store_any *was)
{
	const void *at = (const char *)was + field->at;

	if (field->texts) /* before_check has kept it */
		return true;
	if (!field->at)
		return false;
	if (field->type == FIELD_TEXT || field->type == FIELD_CERT)
		snprintf(
		    before->text, sizeof(before->text), "%s", (const char *)at);
	else if (field->type == FIELD_BOOL)
		before->number = *(const bool *)at;
	else
		before->number = *(const int64_t *)at;
	return true;
}

/* Whether the value of now is the one that would be put back: after another
 * caller's edit, it is that one's. */
static bool is_first(const struct store_before *before, const uint64_t *edits)
{
	return before && (!before->known || before->edits != *edits);
}

struct text {
	int column;
	struct store_before *before;
};

static int read_text(const struct db_row *row, void *arg)
{
	const struct text *t = arg;

	db_text(row, t->column, t->before->text, sizeof(t->before->text));
	return 1;
}

int before_check(struct db_conn *conn, struct store *store,
    const struct store_edit *edit, const struct store_object *o)
{
	const struct object_field *field = &store->kinds[o->kind]
						->field[edit->field];
	const uint64_t *edits = edits_of(store, o, edit->field);

	if (edit->put_back && *edits != edit->before->edits)
		return -ECANCELED;
	if (edit->put_back || !field->texts || !is_first(edit->before, edits))
		return 0;
	return db_one(conn, field->texts, DB_ARGS(DB_INT(o->id)), read_text,
	    &(struct text){field->column, edit->before}, -ESTALE);
}

void before_note(struct store *store, const struct store_edit *edit,
    const union store_any *was)
{
	uint64_t *edits = edits_of(store, &was->object, edit->field);
	struct store_before *before = edit->before;

	if (is_first(before, edits)) {
		before->field = edit->field;
		before->bit = edit->bit;
		before->bare = was->object.bare & edit->bit;
		before->known = keep(before,
		    &store->kinds[was->object.kind]->field[edit->field], was);
	}
	++*edits;
	if (before)
		before->edits = *edits;
}
