/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/draft_name.h"

#include <fcntl.h>
#include <string.h>

#include "store/base/name.h"

bool draft_name_made(const char *name, int flags, mode_t mode)
{
	size_t len = strlen(name);

	if (!(flags & O_EXCL) || !len)
		return false;
	if (strchr(".#", name[0]) || name[len - 1] == '~' ||
	    strcmp(name, "4913") == 0)
		return true;
	return (flags & O_ACCMODE) == O_RDWR && (mode & 0777) == 0600;
}

/* Whether text can follow a file's name in a draft's. */
static bool separates(const char *text)
{
	return (*text && strchr(".~#,-", *text)) ||
	       strspn(text, "0123456789") >= 8;
}

static bool begins(const char *name, const char *file)
{
	size_t len = strlen(file);

	return strncmp(name, file, len) == 0 && separates(name + len);
}

/* As begins, with an object's name first. That may contain the file's name
 * itself, so each match is tried. */
static bool begins_dropped(const char *name, const char *file)
{
	size_t len = strlen(file);

	for (const char *at = strstr(name, file); at; at = strstr(at + 1, file))
		if (name_legal(name, (size_t)(at - name)) && separates(at + len))
			return true;
	return false;
}

static bool beside(const struct kind *kind, const char *name)
{
	for (const struct attr *attr = kind->attr;
	     attr < kind->attr + kind->attrs; attr++)
		if (kind->flat ? attr->flags & AT_DROP &&
				     begins_dropped(name, attr->name)
			       : begins(name, attr->name))
			return true;
	return false;
}

bool draft_name_beside(const struct kind *kind, const char *name)
{
	return beside(kind, name) ||
	       (*name && strchr(".#", *name) && beside(kind, name + 1));
}

bool draft_name_numbered(const char *name)
{
	size_t len = strlen(name), digits = 0;

	if (len < 5 || name[len - 1] != '~')
		return false;
	while (digits < len - 1 && name[len - 2 - digits] >= '0' &&
	       name[len - 2 - digits] <= '9')
		digits++;
	return digits && digits + 3 < len &&
	       memcmp(name + len - digits - 3, ".~", 2) == 0;
}

bool draft_name_drops(const struct kind *kind, const char *name)
{
	size_t len = strlen(name);

	for (const struct attr *attr = kind->attr;
	     attr < kind->attr + kind->attrs; attr++) {
		size_t tail = strlen(attr->name);
		if (kind->flat && attr->flags & AT_DROP && *name != '.' &&
		    len >= tail && strcmp(name + len - tail, attr->name) == 0)
			return true;
	}
	return false;
}
