/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/store.h"

const char *store_place_name(int place)
{
	static const char *const name[STORE_PLACES] = {
	    [STORE_ROOT] = "",
	    [STORE_APP_CONNECTOR] = "app_connector",
	    [STORE_SERVICE_EDGE] = "service_edge",
	    [STORE_CERTS] = "certs",
	};

	return name[place];
}

void store_path(const struct store_object *o, char out[STORE_PATH])
{
	const char *place = store_place_name(o->place);

	if (o->kind == STORE_PLACE)
		snprintf(out, STORE_PATH, "%s", place);
	else if (o->kind == STORE_KEY)
		snprintf(out, STORE_PATH, "%s/%s/keys/%s", place, o->group_name,
		    o->name);
	else if (o->kind == STORE_PENDING_REQUEST)
		snprintf(out, STORE_PATH, "%s/%s/keys/%s/pending/%.16s", place,
		    o->group_name, o->key_name, o->name);
	else if (o->kind == STORE_MEMBER)
		snprintf(out, STORE_PATH, "%s/%s/members/%s", place,
		    o->group_name, o->name);
	else
		snprintf(out, STORE_PATH, "%s/%s", place, o->name);
}

int issued_names(char *names, struct issued_names *out)
{
	out->place = *strsep(&names, "/") - '0';
	out->group = strsep(&names, "/");
	out->member = names;
	return out->group && out->member && out->place > STORE_ROOT &&
		       out->place < STORE_PLACES
		   ? 0
		   : -EIO;
}
