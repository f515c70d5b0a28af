/*
 * HTML that people write, made harmless: when it is stored, when it is shown, and once what an
 * adopted database brought along. What comes out holds nothing but text, the tags of a short list
 * without attributes, and links to http, https and mailto addresses; tags are balanced, letters are
 * themselves (é, not &eacute;). It does not depend on how anybody parses what came in: whatever is
 * not on the list is escaped or left out. Cleaning twice changes nothing.
 */
#ifndef STACGATE_BASE_HTML_H
#define STACGATE_BASE_HTML_H

#include <stdbool.h>

#include "stacgate/buf.h"
#include "stacgate/mp.h"

/* Raise it when it writes less or other things than before: all that is stored is then cleaned once
 * more. */
#define HTML_CLEANER 1

void html_clean(struct str in, struct buf *out);

/* A reference to a character that is no ASCII, which s begins with, as itself. How many bytes were
 * taken; 0: it is none, and out is as it was. */
size_t html_letter(struct str s, struct buf *out);

/* A text that may hold tags and may be put into a page as it is, or be an address there: html_clean
 * if it has any tag; one that begins like a program (javascript:) gets a blank before its colon,
 * with which it reads as before and is no address. Appends to out. */
void html_clean_text(struct str in, struct buf *out);

/*
 * Every string of a JSON text as html_clean_text makes it, keys too; with `members`, "a|b", only
 * what objects have under those names, and lists there. true: out has the new text; false: nothing
 * is to be changed, and out is as it was. json is well-formed, as the database writes it.
 */
bool html_clean_json(struct str json, const char *members, struct buf *out);

#endif
