/*
 * The log: JSON lines through one mutex and one write(2). A line is at most LINE_MAX_BYTES, which
 * is what a pipe takes whole once poll() says it is writable; a reader that stands still therefore
 * costs lines (counted), never time.
 */
#include "stacgate/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stacgate/ids.h"
#include "utf8.h"

#define LINE_MAX_BYTES 4096 /* PIPE_BUF on Linux */
#define TEXT_MAX_BYTES 2048 /* of one log_msg() text */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = STDERR_FILENO;
static bool is_file; /* a regular file takes every line: no need to ask */
static bool torn;    /* the last line was written in part: begin the next with a line feed */
static _Atomic int level_max = LOG_INFO;
static _Atomic uint64_t lost;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static void use_fd(int fd)
{
    if (log_fd != STDERR_FILENO)
        close(log_fd);
    log_fd = fd;
    struct stat st;
    is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    torn = false;
}

void log_open(enum log_level max, const char *file)
{
    level_max = (int)max;
    int fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : STDERR_FILENO;
    int err = errno;
    pthread_mutex_lock(&mutex);
    use_fd(fd < 0 ? STDERR_FILENO : fd);
    pthread_mutex_unlock(&mutex);
    if (fd < 0)
        log_msg(LOG_ERROR, "log_file", "%s: %s; logging to standard error", file, strerror(err));
}

void log_close(void)
{
    pthread_mutex_lock(&mutex);
    use_fd(STDERR_FILENO);
    pthread_mutex_unlock(&mutex);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= level_max;
}

uint64_t log_lost(void)
{
    return lost;
}

/* Characters that could end, hide or reorder a line on somebody's terminal. */
static bool is_deceptive(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

/* One character of a value; bytes that are no UTF-8 show as U+FFFD. Returns how many bytes it was.
 */
static size_t put_character(struct buf *b, const uint8_t *p, size_t left)
{
    size_t n = utf8_step(p, left);
    uint32_t cp = n ? utf8_point(p, n) : 0xfffd;
    if (n == 0 || is_deceptive(cp)) {
        buf_printf(b, "\\u%04x", cp);
    } else {
        if (cp == '"' || cp == '\\')
            buf_putc(b, '\\');
        buf_put(b, p, n);
    }
    return n ? n : 1;
}

static void put_text(struct buf *b, const char *s)
{
    size_t n = strlen(s), i = 0;
    buf_putc(b, '"');
    /* 16: an escaped character, the mark, the quote, the brace and the line feed still fit. */
    while (i < n && b->len < LINE_MAX_BYTES - 16)
        i += put_character(b, (const uint8_t *)s + i, n - i);
    buf_puts(b, i < n ? "…\"" : "\"");
}

static bool has_room(const struct log_line *l, const char *key)
{
    return l->b.len > 0 && l->b.len + strlen(key) + 40 < LINE_MAX_BYTES;
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
    char at[ISO_SIZE];
    l->b = BUF_INIT;
    if (!log_enabled(level))
        return;
    iso_time(at, wall_ms());
    buf_printf(&l->b, "{\"at\":\"%s\",\"level\":\"%s\",\"event\":", at, level_names[level]);
    put_text(&l->b, event);
}

void log_str(struct log_line *l, const char *key, const char *value)
{
    if (!value || !has_room(l, key))
        return;
    buf_printf(&l->b, ",\"%s\":", key);
    put_text(&l->b, value);
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
    if (has_room(l, key))
        buf_printf(&l->b, ",\"%s\":%lld", key, (long long)value);
}

/* Under the mutex. */
static bool write_line(const struct buf *b)
{
    struct pollfd ready = {.fd = log_fd, .events = POLLOUT};
    if (!is_file && (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)))
        return false;
    if (torn && write(log_fd, "\n", 1) != 1)
        return false;
    ssize_t n = write(log_fd, b->data, b->len);
    torn = n > 0 && (size_t)n < b->len;
    return n == (ssize_t)b->len;
}

void log_end(struct log_line *l)
{
    if (l->b.len > 0) {
        int kept = errno;
        buf_puts(&l->b, "}\n");
        pthread_mutex_lock(&mutex);
        if (!write_line(&l->b))
            lost++;
        pthread_mutex_unlock(&mutex);
        errno = kept;
    }
    buf_finish(&l->b);
}

void log_msg(enum log_level level, const char *event, const char *fmt, ...)
{
    struct log_line l;
    char text[TEXT_MAX_BYTES];
    va_list args;
    if (!log_enabled(level))
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_begin(&l, level, event);
    log_str(&l, "text", text);
    log_end(&l);
}
