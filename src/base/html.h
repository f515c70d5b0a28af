/*
 * HTML that people write, made harmless when it is stored. What comes out holds nothing but text,
 * the tags of a short list without attributes, and links to http, https and mailto addresses; tags
 * are balanced. It does not depend on how anybody parses what came in: whatever is not on the list
 * is escaped or left out. Cleaning twice changes nothing.
 */
#ifndef STACGATE_BASE_HTML_H
#define STACGATE_BASE_HTML_H

#include "stacgate/buf.h"
#include "stacgate/mp.h"

void html_clean(struct str in, struct buf *out);

#endif
