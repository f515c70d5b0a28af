/*
 * Static files: an in-memory table made at build (the pages), or a directory read once at start
 * (--static): no path of a request ever reaches the file system. ETag, Last-Modified-free, 304,
 * HEAD, gzip made once; hashed names are immutable for a year.
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

int static_use(const struct static_file *files);             /* before the runtime starts */
int static_use_directory(const char *dir, char **ret_error); /* instead; no dot files, no links */
/* Answers GET and HEAD when a file (or "/", or a page path without a dot: index.html) fits. false:
 * not ours. */
bool static_serve(struct http_req *r);

#endif
