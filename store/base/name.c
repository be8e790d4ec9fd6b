/* SPDX-License-Identifier: Apache-2.0 */
#include "store/base/name.h"

#include <string.h>

static bool lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool letter_or_digit(char c)
{
	return lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool name_legal(const char *name, size_t len)
{
	if (len < 1 || len > NAME_MAX_LEN || !letter_or_digit(name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!letter_or_digit(name[i]) && name[i] != '.' &&
		    name[i] != '_' && name[i] != '-')
			return false;
	return true;
}

static bool label_legal(const char *label, size_t len)
{
	if (len < 1 || len > 63 || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!lower_or_digit(label[i]) && label[i] != '-')
			return false;
	return true;
}

bool domain_legal(const char *name)
{
	if (strlen(name) > DOMAIN_MAX_LEN)
		return false;
	for (;;) {
		size_t len = strcspn(name, ".");
		if (!label_legal(name, len))
			return false;
		if (!name[len])
			return true;
		name += len + 1;
	}
}
