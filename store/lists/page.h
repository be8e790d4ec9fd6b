/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LISTS_PAGE_H
#define STORE_LISTS_PAGE_H

/*
 * The HTML around the JSON of a page: page/page.html with its style sheet and
 * its script in it, and the hashes of both in its Content-Security-Policy
 * (W3C CSP Level 3, 2.3.1), so that a browser runs these and nothing else.
 */
#include "store/lists/render.h"

/* Appends what comes before the JSON. title: ASCII without markup. Returns 0 or
 * -errno of snapshot_add. */
int page_begin(struct snapshot_writer *writer, const char *title);

/* Appends what comes behind it; likewise. */
int page_end(struct snapshot_writer *writer);

#endif
