/*
 * Static files, all of them in memory and prepared once: type, ETag by content, gzip. A request's
 * path is looked up in a sorted table and nothing else, so there is no path that could escape.
 * Names that carry a hash never change: a year; everything else asks again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "net/http_req.h"
#include "stacgate/ids.h"
#include "stacgate/static.h"

#define FILES_MAX 20000u
#define BYTES_MAX ((size_t)256 << 20)
#define DEPTH_MAX 16u
#define GZIP_MIN 1024u

struct entry {
    const char *path, *type;
    const unsigned char *bytes, *gzip;
    size_t len, gzip_len;
    char etag[36], etag_gzip[41];
    bool immutable, text, foreign; /* foreign: of --static */
};

static struct entry *entries;
static size_t entry_count, total_bytes;

static const struct {
    const char *end, *type;
    bool text;
} types[] = {{".html", "text/html; charset=utf-8", true},
             {".js", "text/javascript; charset=utf-8", true},
             {".mjs", "text/javascript; charset=utf-8", true},
             {".css", "text/css; charset=utf-8", true},
             {".json", "application/json; charset=utf-8", true},
             {".map", "application/json; charset=utf-8", true},
             {".svg", "image/svg+xml; charset=utf-8", true},
             {".txt", "text/plain; charset=utf-8", true},
             {".xml", "application/xml; charset=utf-8", true},
             {".webmanifest", "application/manifest+json; charset=utf-8", true},
             {".wasm", "application/wasm", true},
             {".ico", "image/x-icon", true},
             {".png", "image/png", false},
             {".jpg", "image/jpeg", false},
             {".jpeg", "image/jpeg", false},
             {".gif", "image/gif", false},
             {".webp", "image/webp", false},
             {".avif", "image/avif", false},
             {".woff2", "font/woff2", false},
             {".woff", "font/woff", false},
             {".ttf", "font/ttf", true},
             {".mp3", "audio/mpeg", false},
             {".mp4", "video/mp4", false},
             {".pdf", "application/pdf", false}};

/* Paths of interfaces: an unknown one there is never answered with a page. */
static const char *const no_pages[] = {"/api", "/socket", "/ws", "/test", "/problems", "/metrics"};

static const char *type_of(const char *path, bool *ret_text)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        size_t k = strlen(types[i].end);
        if (n > k && strcasecmp(path + n - k, types[i].end) == 0) {
            *ret_text = types[i].text;
            return types[i].type;
        }
    }
    *ret_text = false;
    return "application/octet-stream";
}

/* "name-1a2b3c4d.js", "name.1a2b3c4d.css": eight or more characters of a hash, a digit among them,
 * before the extension. */
static bool hashed_name(const char *path)
{
    const char *name = strrchr(path, '/'), *dot = name ? strrchr(name, '.') : NULL;
    if (!dot)
        return false;
    size_t n = 0;
    bool digit = false;
    for (const char *p = dot; p > name && (p[-1] == '_' || (p[-1] >= '0' && p[-1] <= '9') ||
                                           ((p[-1] | 32) >= 'a' && (p[-1] | 32) <= 'z'));
         p--, n++)
        digit |= p[-1] >= '0' && p[-1] <= '9';
    return n >= 8 && digit && dot - n > name &&
           (dot[-(long)n - 1] == '-' || dot[-(long)n - 1] == '.');
}

static void entry_gzip(struct entry *e)
{
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    size_t bound = deflateBound(&z, e->len);
    unsigned char *out = xmalloc(bound);
    z.next_in = (Bytef *)(uintptr_t)e->bytes;
    z.avail_in = (uInt)e->len;
    z.next_out = out;
    z.avail_out = (uInt)bound;
    bool ok = deflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out < e->len;
    e->gzip_len = ok ? z.total_out : 0;
    e->gzip = ok ? xrealloc(out, e->gzip_len) : NULL;
    if (!ok)
        free(out);
    deflateEnd(&z);
}

static void entry_add(const char *path, const unsigned char *bytes, size_t len, bool foreign)
{
    char hash[65];
    entries = xrealloc(entries, (entry_count + 1) * sizeof(*entries));
    struct entry *e = &entries[entry_count++];
    *e = (struct entry){.path = path,
                        .bytes = bytes,
                        .len = len,
                        .immutable = hashed_name(path),
                        .foreign = foreign};
    e->type = type_of(path, &e->text);
    sha256_hex(bytes, len, hash);
    snprintf(e->etag, sizeof(e->etag), "\"%.32s\"", hash);
    snprintf(e->etag_gzip, sizeof(e->etag_gzip), "\"%.32s-gzip\"", hash);
}

static int entry_order(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static const struct entry *entry_find(const char *path)
{
    struct entry key = {.path = path};
    return entry_count ? bsearch(&key, entries, entry_count, sizeof(*entries), entry_order) : NULL;
}

/* Whether gz is e's content compressed, by the checksum and the size at its end (RFC 1952 2.3.1).
 */
static bool is_gzip_of(const struct entry *gz, const struct entry *e)
{
    const unsigned char *end = gz->bytes + gz->len;
    if (gz->len < 18 || gz->len >= e->len || gz->bytes[0] != 0x1f || gz->bytes[1] != 0x8b)
        return false;
    uint32_t crc = (uint32_t)crc32(0, e->bytes, (uInt)e->len);
    for (unsigned i = 0; i < 4; i++)
        if (end[-8 + (int)i] != (unsigned char)(crc >> 8 * i) ||
            end[-4 + (int)i] != (unsigned char)(e->len >> 8 * i))
            return false;
    return true;
}

/* What was read from a directory is the heap's; ours is the program's. */
static void foreign_free(struct entry *e)
{
    if (!e->foreign)
        return;
    free((char *)(uintptr_t)e->path);
    free((unsigned char *)(uintptr_t)e->bytes);
}

/* Of one path, ours stays. */
static void drop_doubles(void)
{
    size_t n = 0;
    for (size_t i = 0; i < entry_count; i++) {
        struct entry *last = n ? &entries[n - 1] : NULL, *e = &entries[i];
        if (!last || strcmp(last->path, e->path) != 0) {
            entries[n++] = *e;
        } else {
            struct entry kept = last->foreign ? *e : *last;
            foreign_free(last->foreign ? last : e);
            *last = kept;
        }
    }
    entry_count = n;
}

/* Sorted; compressed by what "x.js.gz" holds for "x.js", else here. */
static void entries_ready(void)
{
    char name[520];
    qsort(entries, entry_count, sizeof(*entries), entry_order);
    drop_doubles();
    for (size_t i = 0; i < entry_count; i++) {
        struct entry *e = &entries[i];
        if (e->gzip || !e->text || e->len < GZIP_MIN)
            continue;
        snprintf(name, sizeof(name), "%s.gz", e->path);
        const struct entry *gz = entry_find(name);
        if (gz && is_gzip_of(gz, e)) {
            e->gzip = gz->bytes;
            e->gzip_len = gz->len;
        } else {
            entry_gzip(e);
        }
    }
}

void static_use(const struct static_file *files, const char *below)
{
    for (; files->path; files++)
        if (strncmp(files->path, below, strlen(below)) == 0)
            entry_add(files->path, files->bytes, files->len, false);
    entries_ready();
}

/* ---- a directory, read once ---- */

static int complain(char **ret_error, const char *path, const char *what)
{
    char text[600];
    snprintf(text, sizeof(text), "--static: %s: %s.", *path ? path : "/", what);
    *ret_error = xstrdup(text);
    return -EINVAL;
}

static int file_read(int fd, const char *path, size_t size, char **ret_error)
{
    total_bytes += size;
    if (total_bytes > BYTES_MAX || entry_count == FILES_MAX)
        return complain(ret_error, path,
                        "more than 256 MiB or 20,000 files: serve them with a web server in front");
    unsigned char *bytes = xmalloc(size + 1);
    size_t got = 0;
    for (ssize_t n = 1; got < size && n > 0; got += n > 0 ? (size_t)n : 0)
        n = read(fd, bytes + got, size - got);
    if (got < size) {
        free(bytes);
        return complain(ret_error, path, "cannot be read whole");
    }
    entry_add(xstrdup(path), bytes, size, true);
    return 0;
}

static int directory_read(int dir_fd, const char *path, unsigned depth, char **ret_error);

static int member_read(int dir_fd, const char *path, const char *name, unsigned depth,
                       char **ret_error)
{
    char whole[512];
    struct stat st;
    if (snprintf(whole, sizeof(whole), "%s/%s", path, name) >= (int)sizeof(whole))
        return complain(ret_error, path, "a path is longer than 511 bytes");
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP
                   ? 0
                   : complain(ret_error, whole, strerror(errno)); /* a link is passed over */
    int e = 0;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return directory_read(fd, whole, depth + 1, ret_error);
    if (S_ISREG(st.st_mode))
        e = file_read(fd, whole, (size_t)st.st_size, ret_error);
    close(fd);
    return e;
}

/* Takes dir_fd. */
static int directory_read(int dir_fd, const char *path, unsigned depth, char **ret_error)
{
    DIR *dir = depth <= DEPTH_MAX ? fdopendir(dir_fd) : NULL;
    if (!dir) {
        close(dir_fd);
        return complain(ret_error, path,
                        depth > DEPTH_MAX ? "directories are nested more than 16 deep"
                                          : strerror(errno));
    }
    int e = 0;
    for (struct dirent *d; !e && (d = readdir(dir));)
        if (d->d_name[0] != '.')
            e = member_read(dir_fd, path, d->d_name, depth, ret_error);
    closedir(dir);
    return e;
}

int static_use_directory(const char *dir, char **ret_error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return complain(ret_error, dir, strerror(errno));
    int e = directory_read(fd, "", 0, ret_error);
    entries_ready();
    return e                           ? e
           : entry_find("/index.html") ? 0
                                       : complain(ret_error, dir, "there is no index.html in it");
}

/* ---- serving ---- */

static bool is_page_path(const char *path)
{
    for (size_t i = 0; i < sizeof(no_pages) / sizeof(*no_pages); i++) {
        size_t n = strlen(no_pages[i]);
        if (strncasecmp(path, no_pages[i], n) == 0 && (path[n] == '/' || !path[n]))
            return false;
    }
    const char *last = strrchr(path, '/');
    return last && !strchr(last, '.');
}

/* If-None-Match is a list of tags, or "*"; comparison is weak, and which coding a tag was for does
 * not matter (RFC 9110 13.1.2). */
static bool unchanged(const struct http_req *r, const struct entry *e)
{
    const char *s = http_header(r, "if-none-match");
    if (!s || strcmp(s, "*") == 0)
        return s != NULL;
    while (*s) {
        s += strspn(s, " \t,");
        if (strncmp(s, "W/", 2) == 0)
            s += 2;
        size_t n = strcspn(s, ",");
        while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
            n--;
        if ((n == strlen(e->etag) && memcmp(s, e->etag, n) == 0) ||
            (n == strlen(e->etag_gzip) && memcmp(s, e->etag_gzip, n) == 0))
            return true;
        s += strcspn(s, ",");
    }
    return false;
}

/* A client built elsewhere may set style attributes; nothing else is loosened for it. */
static void page_policy(struct http_req *r)
{
    http_set(r, "Content-Security-Policy",
             "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src "
             "'self' data: blob:; font-src 'self' data:; "
             "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
             "frame-ancestors 'none'");
    http_set(r, "Referrer-Policy", "strict-origin-when-cross-origin");
    http_set(r, "Cross-Origin-Opener-Policy", "same-origin");
}

static void set_headers(struct http_req *r, const struct entry *e, bool gzip)
{
    http_set(r, "ETag", gzip ? e->etag_gzip : e->etag);
    http_set(r, "Cache-Control", e->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (e->gzip)
        http_set(r, "Vary", "Accept-Encoding");
    if (e->foreign && strncmp(e->type, "text/html", 9) == 0)
        page_policy(r);
}

/* Players ask for parts of a film, and go on with what was cut: a part is of the file as it is. */
static void serve(struct http_req *r, const struct entry *e)
{
    bool gzip = e->gzip && http_takes_gzip(r) && !http_header(r, "range");
    bool same = unchanged(r, e);
    size_t from = 0, to = e->len;
    int part = gzip || same ? 0 : http_range(r, e->etag, e->len, &from, &to);

    if (part < 0) {
        http_refuse_with(r, F_range);
        return;
    }
    set_headers(r, e, gzip);
    if (same) {
        http_respond(r, 304, NULL, NULL);
        return;
    }
    if (gzip)
        http_set(r, "Content-Encoding", "gzip");
    r->prepared = true;
    struct str bytes = gzip ? (struct str){(const char *)e->gzip, e->gzip_len}
                            : (struct str){(const char *)e->bytes + from, to - from};
    http_respond_bytes(r, part ? 206 : 200, e->type, bytes, NULL);
}

bool static_serve(struct http_req *r)
{
    enum http_method m = http_method(r);
    const char *path = http_path(r);
    if ((m != HTTP_M_GET && m != HTTP_M_HEAD) || *path != '/')
        return false;
    const struct entry *e = entry_find(path);
    if (!e && is_page_path(path))
        e = entry_find("/index.html");
    if (e)
        serve(r, e);
    return e != NULL;
}

bool static_serve_as(struct http_req *r, const char *path)
{
    const struct entry *e = entry_find(path);
    if (e)
        serve(r, e);
    return e != NULL;
}
