/*
 * Static files: an in-memory table made at build (the pages), or a directory read once at start
 * (--static): no path of a request ever reaches the file system. ETag, Last-Modified-free, 304,
 * HEAD, gzip made once, or taken from "x.js.gz" beside "x.js"; hashed names are immutable for a
 * year.
 */
#ifndef STACGATE_STATIC_H
#define STACGATE_STATIC_H

#include <stddef.h>

#include "stacgate/http.h"

struct static_file {
    const char *path; /* "/index.html", "/assets/app-1a2b3c.js" */
    const unsigned char *bytes;
    size_t len;
};
extern const struct static_file static_embedded[]; /* ends with path NULL; generated */

/* Those whose path begins with `below` ("/": all). Before the runtime starts, as the next. */
void static_use(const struct static_file *files, const char *below);
/* Beside them, and never in their place. No dot files, no links. Negative errno with a sentence
 * (free()). */
int static_use_directory(const char *dir, char **ret_error);
/* Answers GET and HEAD when a file (or "/", or a page path without a dot: index.html) fits. false:
 * not ours. */
bool static_serve(struct http_req *r);
/* Answers with the file of this path, whatever was asked. false: there is none, not answered. */
bool static_serve_as(struct http_req *r, const char *path);

#endif
