/*
 * One JSON object a line on standard error (or the file of --log-file), written with one write(2).
 * Every value is escaped, control and bidi characters included, so that no input can forge a line.
 * Never blocks for long: a line that cannot be written is counted and dropped. Thread-safe.
 */
#ifndef STACGATE_LOG_H
#define STACGATE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "stacgate/buf.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_open(enum log_level max, const char *file); /* NULL: standard error */
void log_close(void);
bool log_enabled(enum log_level level);

/* event: a stable snake_case word; the text is for people: log_msg(LOG_WARN, "loop_lag", "loop %u
 * stood %u ms", …). */
void log_msg(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A line of named fields: begin, any number of fields, end. */
struct log_line {
    struct buf b;
};
void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, const char *value); /* NULL: field left out */
void log_int(struct log_line *l, const char *key, int64_t value);
void log_end(struct log_line *l);

uint64_t log_lost(void); /* lines dropped since start */

#endif
