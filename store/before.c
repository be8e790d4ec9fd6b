/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "store/internal.h"

/*
 * Edits that are taken back: somebody who writes a value in parts may be
 * refused a later one, and then nothing of it is to stay. Whether anybody else
 * has edited the value meanwhile is told by counts in memory: no open file
 * outlives the daemon, and no other one has the store. Values that share a
 * count are at worst left as they are.
 */
static uint64_t *edits_of(
    struct store *store, const struct store_object *o, enum store_field field)
{
	uint64_t value = ((uint64_t)o->id * STORE_KINDS + o->kind) *
			     STORE_FIELDS +
			 field;

	return &store->edits[value % EDITS];
}

bool before_number(struct store_before *out, int64_t number)
{
	out->number = number;
	return true;
}

bool before_text(struct store_before *out, const char *text)
{
	snprintf(out->text, sizeof(out->text), "%s", text);
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

	/* Somebody else's edit between two of this writer's is what will be put
	 * back. */
	if (before && (!before->known || before->edits != *edits)) {
		before->field = edit->field;
		before->bit = edit->bit;
		before->bare = was->object.bare & edit->bit;
		before->known = object_kinds[was->object.kind]->value(
		    was, edit->field, before);
	}
	++*edits;
	if (before)
		before->edits = *edits;
}

static bool is_text(enum store_field field)
{
	return field == STORE_DESCRIPTION || field == STORE_SIGNING_CERT ||
	       field == STORE_SUBJECT;
}

int store_put_back(struct store *store, struct store_call *call,
    const struct store_object *object, struct store_before *before)
{
	struct store_edit edit = {
	    .field = before->field,
	    .text = is_text(before->field) ? before->text : NULL,
	    .number = before->number,
	    .bit = before->bit,
	    .bare = before->bare,
	    .before = before,
	    .put_back = true,
	};

	if (!before->known)
		return -ECANCELED;
	int rc = before->field == STORE_SUBJECT
		     ? store_cert_edit(store, call, object, &edit)
		     : store_set(store, call, object, &edit);
	if (!rc)
		before->known = false;
	return rc;
}
