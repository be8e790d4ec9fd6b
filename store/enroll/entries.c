/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll/entries.h"

#include <errno.h>
#include <stdio.h>

bool entries_set(const char *list)
{
	return list && *list;
}

int entries_refuse(
    int number, struct span entry, const char *fault, char why[ALLOWED_WHY])
{
	char text[ALLOWED_QUOTED];

	snprintf(why, ALLOWED_WHY, "entry %d, \"%s\", %s", number,
	    span_quote(entry, text, sizeof(text)), fault);
	return -EINVAL;
}

static int check(int number, struct span entry, entries_fault fault_of,
    char why[ALLOWED_WHY])
{
	const char *fault = entry.len ? fault_of(entry) : "is blank";

	return fault ? entries_refuse(number, entry, fault, why) : 0;
}

int entries_check_lines(
    const char *text, entries_fault fault_of, char why[ALLOWED_WHY])
{
	struct span line;
	int rc = 0;

	for (int number = 1; !rc && span_line(&text, &line); number++)
		rc = check(number, line, fault_of, why);
	return rc;
}

int entries_check_words(
    const char *text, entries_fault fault_of, char why[ALLOWED_WHY])
{
	struct span word;
	int number = 1, rc = 0;

	if (!*text)
		return 0;
	for (; !rc && span_word(&text, &word); number++)
		rc = check(number, word, fault_of, why);
	return number == 1 ? check(number, word, fault_of, why) : rc;
}

bool entries_allow(const struct allowed_lists *lists,
    bool (*in_list)(const char *list, const void *asked), const void *asked,
    const char **owner)
{
	*owner = "group";
	if (entries_set(lists->group) && !in_list(lists->group, asked))
		return false;
	*owner = "key";
	return !entries_set(lists->key) || in_list(lists->key, asked);
}
