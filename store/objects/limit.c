/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/limit.h"

#include <errno.h>

#include "store/enroll/allowed.h"
#include "store/internal.h"
#include "store/limits.h"

static int check(const struct field_edit *e,
    int (*check_text)(const char *text, char why[ALLOWED_WHY]))
{
	char why[ALLOWED_WHY];
	int rc = check_text(e->edit->text, why);

	return rc ? store_refuse(e->call, rc, "%s", why) : 0;
}

#define DEFINE_RESOLVE(file, check_text)                                      \
	int limit_resolve_##file(const struct field_edit *e, int64_t *number) \
	{                                                                     \
		(void)number;                                                 \
		return check(e, check_text);                                  \
	}

DEFINE_RESOLVE(allowed_names, allowed_names_check)
DEFINE_RESOLVE(member_names, allowed_members_check)
DEFINE_RESOLVE(validity, allowed_validity_check)
DEFINE_RESOLVE(key_types, allowed_key_types_check)
DEFINE_RESOLVE(usages, allowed_usages_check)

struct wanted {
	int column;
	struct bytes *out;
};

static int read_text(const struct db_row *row, void *arg)
{
	const struct wanted *w = arg;
	size_t len;
	const void *text = db_blob(row, w->column, &len);
	int rc = bytes_add(w->out, text, len);

	return rc ? rc : 1;
}

int store_limit(struct store *store, const struct store_object *object,
    enum store_field limit, struct bytes *out)
{
	const struct object_field *field = &store->kinds[object->kind]
						->field[limit];
	struct wanted w = {field->column, out};

	return db_one(db_reader(store->db), field->texts,
	    DB_ARGS(DB_INT(object->id)), read_text, &w, -ESTALE);
}
