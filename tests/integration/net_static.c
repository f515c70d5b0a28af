/*
 * Static files: the table made at build's form and a directory; tags, 304, gzip, HEAD, caching; and
 * that nothing of a path reaches the file system.
 */
#include "net_testing.h"

#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include "stacgate/static.h"

static char script[3000];
static const struct static_file files[] = {
    {"/index.html", (const unsigned char *)"<!doctype html>", 15},
    {"/assets/app-1a2B3c4d.js", (const unsigned char *)script, sizeof(script)},
    {"/assets/app-development.js", (const unsigned char *)script, sizeof(script)},
    {"/icon.png", (const unsigned char *)"\x89PNG", 4},
    {NULL, NULL, 0},
};

static void refuse(struct http_req *r, const struct http_fault *why)
{
    if (why->status != 404 || !static_serve(r))
        http_respond(r, why->status, NULL, NULL);
}

static char answer[8192];

static const char *ask(const char *request)
{
    int fd = dial();
    say_text(fd, request);
    shutdown(fd, SHUT_WR);
    hear(fd, answer, sizeof(answer), 3000);
    close(fd);
    return answer;
}

static const char *get(const char *path, const char *more)
{
    char request[512];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, more);
    return ask(request);
}

static void start(void)
{
    memset(script, ';', sizeof(script));
    static_use(files, "/");
    http_on_refused(refuse);
    server_start(NULL, NULL, 0, 1);
}

Test(static_files, pages_and_their_paths, .init = start, .fini = server_stop)
{
    cr_expect(strstr(get("/", ""), "\r\n\r\n<!doctype html>"));
    cr_expect(strstr(get("/groups/17", ""), "\r\n\r\n<!doctype html>"),
              "a page path is the application's");
    cr_expect(strstr(answer, "\r\nCache-Control: no-cache\r\n") &&
              strstr(answer, "\r\nContent-Security-Policy: "));
    static const char *const none[] = {
        "/groups/17.js",      "/assets/gone.js", "/api/nothing",
        "/socket/x",          "/../etc/passwd",  "/assets/../index.html",
        "/%2e%2e/index.html", "//etc/passwd",    "/icon.png/"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        cr_expect(status_of(get(none[i], "")) == 404 || strstr(answer, "<!doctype html>"), "%s: %s",
                  none[i], answer);
    cr_expect_eq(status_of(get("/api/nothing", "")), 404);
    cr_expect_eq(status_of(get("/API/nothing", "")), 404);
    cr_expect_eq(status_of(get("/groups/17.js", "")), 404);
    cr_expect_eq(status_of(ask("POST / HTTP/1.1\r\nHost: a\r\n\r\n")), 404);
}

Test(static_files, tags_and_caching, .init = start, .fini = server_stop)
{
    char tag[64] = "", again[128];
    get("/assets/app-1a2B3c4d.js", "");
    cr_expect(strstr(answer, "\r\nCache-Control: public, max-age=31536000, immutable\r\n"));
    cr_expect(strstr(answer, "\r\nContent-Type: text/javascript; charset=utf-8\r\n"));
    cr_assert_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", tag), 1);
    snprintf(again, sizeof(again), "If-None-Match: \"x\", %s\r\n", tag);
    cr_expect_eq(status_of(get("/assets/app-1a2B3c4d.js", again)), 304);
    cr_expect_not(strstr(answer, "Content-Length"));
    cr_expect_eq(status_of(get("/assets/app-1a2B3c4d.js", "If-None-Match: \"x\"\r\n")), 200);
    cr_expect(strstr(get("/assets/app-development.js", ""), "\r\nCache-Control: no-cache\r\n"),
              "a word is no hash");
}

Test(static_files, gzip_is_another_tag, .init = start, .fini = server_stop)
{
    char tag[64] = "", again[128];
    get("/assets/app-1a2B3c4d.js", "Accept-Encoding: gzip\r\n");
    cr_expect(strstr(answer, "\r\nContent-Encoding: gzip\r\n") &&
              strstr(answer, "\r\nVary: Accept-Encoding\r\n"));
    cr_assert_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", tag), 1);
    cr_expect(strstr(tag, "-gzip\""));
    snprintf(again, sizeof(again), "If-None-Match: %s\r\n", tag);
    cr_expect_eq(status_of(get("/assets/app-1a2B3c4d.js", again)), 304);
    cr_expect_not(strstr(get("/icon.png", "Accept-Encoding: gzip\r\n"), "Content-Encoding"));
    ask("HEAD /icon.png HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_expect(strstr(answer, "\r\nContent-Length: 4\r\n") && !strstr(answer, "PNG"));
}

Test(static_files, parts_of_a_file, .init = start, .fini = server_stop)
{
    char tag[64] = "", again[200];
    cr_expect(strstr(get("/icon.png", ""), "\r\nAccept-Ranges: bytes\r\n"));
    cr_assert_eq(sscanf(strstr(answer, "ETag: "), "ETag: %63s", tag), 1);
    cr_expect_eq(status_of(get("/icon.png", "Range: bytes=1-2\r\n")), 206);
    cr_expect(strstr(answer, "\r\nContent-Range: bytes 1-2/4\r\n") && strstr(answer, "\r\n\r\nPN"));
    cr_expect_not(strstr(answer, "\r\n\r\nPNG"));
    cr_expect(strstr(get("/icon.png", "Range: bytes=-1\r\n"), "\r\n\r\nG"));
    cr_expect_eq(status_of(get("/icon.png", "Range: bytes=4-\r\n")), 416);
    cr_expect(strstr(answer, "\r\nContent-Range: bytes */4\r\n") && !strstr(answer, "ETag"));
    cr_expect_eq(status_of(get("/icon.png", "Range: bytes=0-1,2-3\r\n")), 200);
    cr_expect_eq(status_of(get("/icon.png", "Range: bytes=1-2\r\nIf-Range: \"x\"\r\n")), 200);
    snprintf(again, sizeof(again), "Range: bytes=1-2\r\nIf-Range: %s\r\n", tag);
    cr_expect_eq(status_of(get("/icon.png", again)), 206);
    // What would come compressed is as it is in parts, or one could not go on with it.
    get("/assets/app-1a2B3c4d.js", "Accept-Encoding: gzip\r\nRange: bytes=0-1\r\n");
    cr_expect(status_of(answer) == 206 && !strstr(answer, "Content-Encoding") &&
              strstr(answer, "\r\n\r\n;;"));
    cr_expect_eq(status_of(ask("HEAD /icon.png HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n")),
                 200);
}

/* Compressed with a name inside, by which it is known again. */
static size_t compressed(const unsigned char *content, size_t len, unsigned char *out, size_t room)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)content,
                  .avail_in = (uInt)len,
                  .next_out = out,
                  .avail_out = (uInt)room};
    unsigned char name[] = "from-the-build";
    gz_header head = {.name = name};
    cr_assert_eq(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    deflateSetHeader(&z, &head);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static bool sent_from_the_build(const char *path)
{
    int fd = dial();
    char request[128];
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", path);
    say_text(fd, request);
    shutdown(fd, SHUT_WR);
    size_t n = hear(fd, answer, sizeof(answer), 3000);
    close(fd);
    cr_expect(strstr(answer, "\r\nContent-Encoding: gzip\r\n"), "%s", path);
    return memmem(answer, n, "from-the-build", 14);
}

Test(static_files, what_was_compressed_at_build_is_sent_unless_it_is_of_something_else)
{
    static unsigned char good[2000], other[2000], gz[300];
    memset(good, 'a', sizeof(good));
    memset(other, 'a', sizeof(other));
    other[1000] = 'b';
    size_t n = compressed(good, sizeof(good), gz, sizeof(gz));
    const struct static_file some[] = {{"/good.js", good, sizeof(good)},
                                       {"/good.js.gz", gz, n},
                                       {"/other.js", other, sizeof(other)},
                                       {"/other.js.gz", gz, n},
                                       {"/longer.js", good, sizeof(good) - 1},
                                       {"/longer.js.gz", gz, n},
                                       {NULL, NULL, 0}};
    static_use(some, "/");
    http_on_refused(refuse);
    server_start(NULL, NULL, 0, 1);
    cr_expect(sent_from_the_build("/good.js"));
    cr_expect_not(sent_from_the_build("/other.js"));
    cr_expect_not(sent_from_the_build("/longer.js"));
    server_stop();
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

Test(static_files, a_directory_is_read_once_without_links_and_dot_files)
{
    char dir[] = "/tmp/stacgate-static-XXXXXX", path[300], *error = NULL;
    cr_assert(mkdtemp(dir));
    cr_expect_eq(static_use_directory("/nonexistent-directory", &error), -EINVAL);
    cr_expect(strstr(error, "/nonexistent-directory"));
    free(error);
    const struct static_file own[] = {{"/index.html", (const unsigned char *)"<p>own", 6},
                                      {"/api/docs/fr.html", (const unsigned char *)"<p>docs", 7},
                                      {NULL, NULL, 0}};
    static_use(own, "/api/");
    write_file(dir, "index.html", "<p>ours");
    snprintf(path, sizeof(path), "%s/api", dir);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/api/docs", dir);
    mkdir(path, 0755);
    write_file(path, "fr.html", "<p>theirs");
    write_file(dir, ".secret", "no");
    snprintf(path, sizeof(path), "%s/sub", dir);
    mkdir(path, 0755);
    write_file(path, "a.css", "p{}");
    snprintf(path, sizeof(path), "%s/link.txt", dir);
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    cr_assert_eq(static_use_directory(dir, &error), 0, "%s", error);
    http_on_refused(refuse);
    server_start(NULL, NULL, 0, 1);
    write_file(dir, "late.txt", "after the start");
    cr_expect(strstr(get("/", ""), "<p>ours") &&
              strstr(answer, "style-src 'self' 'unsafe-inline'"));
    cr_expect(strstr(get("/api/docs/fr.html", ""), "<p>docs"), "ours below /api stays");
    cr_expect(strstr(answer, "style-src 'self';"), "and under the strict policy");
    cr_expect(strstr(get("/sub/a.css", ""), "p{}"));
    cr_expect_eq(status_of(get("/.secret", "")), 404);
    cr_expect_eq(status_of(get("/link.txt", "")), 404);
    cr_expect_eq(status_of(get("/late.txt", "")), 404);
    server_stop();
}
