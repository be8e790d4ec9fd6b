/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ENROLL_ENTRIES_H
#define STORE_ENROLL_ENTRIES_H

/* The entries of a list of allowed.h: lines or words. Pure functions. */
#include "store/base/span.h"
#include "store/enroll/allowed.h"

/* Of a quoted text; leaves enough of ALLOWED_WHY for what is around it. */
enum { ALLOWED_QUOTED = 140 };

/* Whether a list is not empty. */
bool entries_set(const char *list);

/* Refuses an entry, counted from 1: writes the text, with a fault that
 * completes "the entry ...". Returns -EINVAL. */
int entries_refuse(
    int number, struct span entry, const char *fault, char why[ALLOWED_WHY]);

/* Check each line or word. fault_of returns NULL, or a fault as above. Return
 * 0, or -EINVAL with `why` (also: an entry is blank). */
typedef const char *(*entries_fault)(struct span entry);
int entries_check_lines(
    const char *text, entries_fault fault_of, char why[ALLOWED_WHY]);
int entries_check_words(
    const char *text, entries_fault fault_of, char why[ALLOWED_WHY]);

/* Whether each list that is not empty has what is asked for. *owner is the
 * owner of the first one that has not: "group" or "key". */
bool entries_allow(const struct allowed_lists *lists,
    bool (*in_list)(const char *list, const void *asked), const void *asked,
    const char **owner);

#endif
