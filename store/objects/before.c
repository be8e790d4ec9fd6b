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

int before_check(struct store *store, const struct store_edit *edit,
    const struct store_object *o)
{
	return edit->put_back &&
		       *edits_of(store, o, edit->field) != edit->before->edits
		   ? -ECANCELED
		   : 0;
}

void before_note(struct store *store, const struct store_edit *edit,
    const union store_any *was)
{
	uint64_t *edits = edits_of(store, &was->object, edit->field);
	struct store_before *before = edit->before;

	/* After another caller's edit, that one's value is what returns. */
	if (before && (!before->known || before->edits != *edits)) {
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
