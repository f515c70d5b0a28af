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
#include <stdint.h>

#include "stacgate/buf.h"
#include "stacgate/mp.h"

/* Raise it when it writes less or other things than before: all that is stored is then cleaned once
 * more. */
#define HTML_CLEANER 2

void html_clean(struct str in, struct buf *out);

/* A reference to a character that is no ASCII, which s begins with, as itself. How many bytes were
 * taken; 0: it is none, and out is as it was. */
size_t html_letter(struct str s, struct buf *out);

/* Takes the first character off s as a reader of an attribute does: a reference to ASCII (&#106;
 * &colon;) is what it names, of everything else it is the first byte. s is not empty. */
uint32_t html_first(struct str *s);

/* A text that may hold tags and may be put into a page as it is, or be an address there: html_clean
 * if it has any tag; one that begins like a program (javascript:), also by references, gets a blank
 * before its colon, with which it reads as before and is no address. Appends to out. */
void html_clean_text(struct str in, struct buf *out);

/*
 * Does a style sheet, or a value of one, hold what fetches something, runs, or hides such (an
 * escape), or what could end the element that it stands in?
 */
bool css_fetches(struct str css);

/* The same without those: the rules around them stay, what fetched means nothing. What
 * css_fetches() takes for good is not changed. Appends to out. */
void css_clean(struct str in, struct buf *out);

/*
 * Every string of a JSON text as html_clean_text makes it, keys too; with `members`, "a|b", only
 * what objects have under those names, and lists there. What is named like a style sheet or a value
 * of one (customCss, primary_color) goes through css_clean first. true: out has the new text;
 * false: nothing is to be changed, and out is as it was. json is well-formed, as the database
 * writes it.
 */
bool html_clean_json(struct str json, const char *members, struct buf *out);

#endif
