/* The log: one line an event whatever is in it, and a reader that stands still costs lines, not
 * time. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stacgate/json.h"
#include "stacgate/log.h"

static char path[] = "/tmp/stacgate_test_log_XXXXXX";
static char content[1 << 16];

static void open_log(enum log_level level)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    log_open(level, path);
}

static void read_log(void)
{
    log_close();
    FILE *f = fopen(path, "r");
    size_t n = fread(content, 1, sizeof content - 1, f);
    content[n] = '\0';
    fclose(f);
    unlink(path);
}

static void each_line_is_json(int lines)
{
    int found = 0;
    for (char *line = content, *end; (end = strchr(line, '\n')); line = end + 1, found++) {
        struct buf value = BUF_INIT;
        const char *why;
        size_t at;
        cr_assert_eq(json_to_mp(line, (size_t)(end - line), &value, &why, &at), 0, "%.*s",
                     (int)(end - line), line);
        cr_assert_leq(end - line, 4096);
        buf_finish(&value);
    }
    cr_assert_eq(found, lines);
}

Test(log, fields_and_levels)
{
    struct log_line l;
    open_log(LOG_INFO);
    log_msg(LOG_WARN, "loop_lag", "loop %u stood %u ms", 1u, 52u);
    log_msg(LOG_DEBUG, "hidden", "not at this level");
    log_begin(&l, LOG_INFO, "request");
    log_str(&l, "path", "/api/\"x\"");
    log_str(&l, "user", NULL);
    log_int(&l, "status", -204);
    log_end(&l);
    log_begin(&l, LOG_DEBUG, "hidden");
    log_str(&l, "path", "x");
    log_end(&l);
    read_log();
    each_line_is_json(2);
    cr_assert(strstr(content,
                     "\"level\":\"warn\",\"event\":\"loop_lag\",\"text\":\"loop 1 stood 52 ms\"}"));
    cr_assert(
        strstr(content, "\"event\":\"request\",\"path\":\"/api/\\\"x\\\"\",\"status\":-204}"));
    cr_assert_not(strstr(content, "user"));
    cr_assert_not(strstr(content, "hidden"));
}

Test(log, nothing_forges_a_line)
{
    open_log(LOG_INFO);
    log_msg(LOG_INFO, "x", "%s", "a\n{\"event\":\"forged\"}\r\x1b[2J\x7f");
    log_msg(LOG_INFO, "x", "%s",
            "\xe2\x80\xae\xe2\x81\xa6\xc2\x9b\xe2\x80\xa8 caf\xc3\xa9 \xff\xc3");
    read_log();
    each_line_is_json(2);
    cr_assert(strstr(content, "a\\u000a{\\\"event\\\":\\\"forged\\\"}\\u000d\\u001b[2J\\u007f"));
    cr_assert(strstr(content, "\\u202e\\u2066\\u009b\\u2028 caf\xc3\xa9 \\ufffd\\ufffd"));
}

Test(log, long_values_are_cut_within_the_line)
{
    static char longer[20000];
    struct log_line l;
    open_log(LOG_INFO);
    for (int control = 0; control < 2; control++) {
        memset(longer, control ? 1 : 'x', sizeof longer - 1);
        log_begin(&l, LOG_INFO, "long");
        log_int(&l, "before", 1);
        for (int i = 0; i < 50; i++)
            log_str(&l, "value", i == 0 ? longer : "more");
        log_int(&l, "after", 2);
        log_end(&l);
        log_msg(LOG_INFO, "long", "%s", longer);
    }
    for (int n = 3900; n < 4100; n++) {
        longer[n] = '\0';
        log_begin(&l, LOG_INFO, "edge");
        log_str(&l, "value", longer);
        log_end(&l);
        longer[n] = 1;
        if (n % 10 == 0) { /* read in pieces: 200 lines are more than the buffer */
            read_log();
            each_line_is_json(n == 3900 ? 5 : 10);
            strcpy(path, "/tmp/stacgate_test_log_XXXXXX");
            open_log(LOG_INFO);
        }
    }
    log_close();
    unlink(path);
}

Test(log, a_full_pipe_loses_lines_and_counts_them)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO); /* nobody reads it */
    log_open(LOG_INFO, NULL);
    for (int i = 0; i < 2000; i++)
        log_msg(LOG_INFO, "flood", "%0*d", 200, i);
    cr_assert_gt(log_lost(), 1000);
    cr_assert_lt(log_lost(), 2000);
    close(ends[0]);
    close(ends[1]);
}

Test(log, an_unusable_file_falls_back)
{
    log_open(LOG_ERROR, "/nowhere/at/all.log");
    cr_assert(log_enabled(LOG_ERROR));
    cr_assert_not(log_enabled(LOG_WARN));
    cr_assert_eq(log_lost(), 0);
}
