/* Options: forms, precedence, refusals with a sentence, and going on after a word that is none. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "stacgate/config.h"

static char *error;
static int next;
static char path[] = "/tmp/stacgate_test_conf_XXXXXX";

static void clean(void)
{
    clearenv();
    setenv("LANG", "en_GB.UTF-8", 1);
    config_reset();
    error = NULL;
    next = -1;
}

static int load(int argc, const char **argv)
{
    char *words[16];
    if (argc)
        memcpy(words, argv, (size_t)argc * sizeof *argv);
    return config_load(argc, words, 0, &next, &error);
}
#define LOAD(...)                                                                                  \
    load(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void write_file(const char *text)
{
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    setenv("STACGATE_CONFIG", path, 1);
}

Test(config, starts_as_the_defaults, .init = clean)
{
    cr_assert_eq(config.port, 5000);
    cr_assert_str_eq(config.host, "127.0.0.1");
    cr_assert(config.rate_limits);
    cr_assert_null(config.tls_cert);
    cr_assert_eq(load(0, NULL), 0);
    cr_assert_eq(next, 0);
    cr_assert_eq(config.port, 5000);
}

Test(config, forms_of_the_command_line, .init = clean)
{
    cr_assert_eq(LOAD("--port", "0", "--host=::1", "--test-endpoints", "--rate-limits", "off",
                      "--drain", "2s", "--frame-max=64k", "--insecure-lan=yes", "--data", "--odd"),
                 0, "%s", error);
    cr_assert_eq(next, 12);
    cr_assert_eq(config.port, 0);
    cr_assert_str_eq(config.host, "::1");
    cr_assert(config.test_endpoints);
    cr_assert_not(config.rate_limits);
    cr_assert_eq(config.drain_ms, 2000);
    cr_assert_eq(config.frame_max, 65536);
    cr_assert(config.insecure_lan);
    cr_assert_str_eq(config.data, "--odd");
}

Test(config, a_bare_switch_before_another_option, .init = clean)
{
    cr_assert_eq(LOAD("--test-endpoints", "--port", "81"), 0);
    cr_assert(config.test_endpoints);
    cr_assert_eq(config.port, 81);
}

Test(config, stops_at_words_that_are_no_option, .init = clean)
{
    cr_assert_eq(LOAD("--port", "81", "create", "--host", "x"), 0);
    cr_assert_eq(next, 2);
    cr_assert_eq(LOAD("--json"), 0);
    cr_assert_eq(next, 0);
    cr_assert_eq(LOAD("--portly=3"), 0);
    cr_assert_eq(next, 0);
    cr_assert_eq(LOAD("--"), 0);
    cr_assert_eq(next, 0);
}

Test(config, goes_on_after_another_words, .init = clean)
{
    char words[][12] = {"demo", "--port", "81", "--learners", "5", "--host", "h"}, *argv[7];
    for (int i = 0; i < 7; i++)
        argv[i] = words[i];
    setenv("PORT", "99", 1);
    setenv("STACGATE_HOST", "env", 1);
    cr_assert_eq(config_load(7, argv, 1, &next, &error), 0);
    cr_assert_eq(next, 3);
    cr_assert_str_eq(config.host, "env");
    cr_assert_eq(config_load(7, argv, 5, &next, &error), 0);
    cr_assert_eq(next, 7);
    cr_assert_eq(config.port, 81, "the environment does not win on the second call");
    cr_assert_str_eq(config.host, "h");
}

Test(config, precedence, .init = clean)
{
    write_file("port = 1\nhost = file\ndata = file\n");
    setenv("PORT", "2", 1);
    setenv("STACGATE_HOST", "env", 1);
    cr_assert_eq(LOAD("--port", "3"), 0, "%s", error);
    unlink(path);
    cr_assert_eq(config.port, 3);
    cr_assert_str_eq(config.host, "env");
    cr_assert_str_eq(config.data, "file");
}

Test(config, an_empty_variable_is_absent, .init = clean)
{
    setenv("PORT", "", 1);
    setenv("STACGATE_HOST", "", 1);
    cr_assert_eq(load(0, NULL), 0);
    cr_assert_eq(config.port, 5000);
    cr_assert_str_eq(config.host, "127.0.0.1");
}

Test(config, the_file, .init = clean)
{
    write_file("# comment\n\n  port=8080   # why\n\thost = 0.0.0.0\r\ndata = /a b/c#d\n"
               "rate-limits = off\nlog-file =\nqueue-hard = 2MiB");
    cr_assert_eq(load(0, NULL), 0, "%s", error);
    unlink(path);
    cr_assert_eq(config.port, 8080);
    cr_assert_str_eq(config.host, "0.0.0.0");
    cr_assert_str_eq(config.data, "/a b/c#d");
    cr_assert_not(config.rate_limits);
    cr_assert_null(config.log_file);
    cr_assert_eq(config.queue_hard, 2 << 20);
}

static void refused(int err, const char *sentence)
{
    cr_assert_eq(err, -22);
    cr_assert_str_eq(error, sentence);
    free(error);
    error = NULL;
}

Test(config, refusals_say_what_to_change, .init = clean)
{
    refused(LOAD("--port", "http"),
            "--port: \"http\" does not do, it takes a whole number from 0 to 4294967295");
    refused(LOAD("--port", "4294967296"),
            "--port: \"4294967296\" does not do, it takes a whole number from 0 to 4294967295");
    refused(LOAD("--port", "-1"),
            "--port: \"-1\" does not do, it takes a whole number from 0 to 4294967295");
    refused(LOAD("--port"), "--port: its value is missing, a whole number from 0 to 4294967295");
    refused(LOAD("--drain", "5y"),
            "--drain: \"5y\" does not do, it takes a duration, such as 500ms, 5s or 10m");
    refused(LOAD("--drain", "2000h"),
            "--drain: \"2000h\" does not do, it takes a duration, such as 500ms, 5s or 10m");
    refused(LOAD("--frame-max=99999999999999999999"),
            "--frame-max: \"99999999999999999999\" does not do, it takes a size, such as 4096, 64k "
            "or 1m");
    refused(LOAD("--rate-limits=maybe"),
            "--rate-limits: \"maybe\" does not do, it takes on or off");
    setenv("PORT", "many", 1);
    refused(load(0, NULL),
            "PORT: \"many\" does not do, it takes a whole number from 0 to 4294967295");
    setenv("LC_ALL", "fr_FR.UTF-8", 1);
    refused(load(0, NULL), "PORT : « many » ne convient pas, il faut un nombre entier de 0 à "
                           "4294967295");
}

static void file_refused(const char *text, const char *sentence)
{
    char want[256];
    strcpy(path, "/tmp/stacgate_test_conf_XXXXXX");
    write_file(text);
    snprintf(want, sizeof want, "%s%s", path, sentence);
    refused(load(0, NULL), want);
    unlink(path);
}

Test(config, refusals_of_a_file, .init = clean)
{
    static char longer[10000];
    file_refused("port\n", ":1: a line must read \"name = value\"");
    file_refused("\nprot = 1\n", ":2: a file has no option \"prot\" (see stacgate --help)");
    file_refused("config = x\n", ":1: a file has no option \"config\" (see stacgate --help)");
    file_refused("port = x\n",
                 ":1: port: \"x\" does not do, it takes a whole number from 0 to 4294967295");
    memset(longer, 'x', sizeof longer - 1);
    file_refused(longer, ":1: the line is too long");
    setenv("STACGATE_CONFIG", "/nowhere/x.conf", 1);
    refused(load(0, NULL),
            "the configuration file /nowhere/x.conf does not open (No such file or directory)");
    refused(LOAD("--config", "/tmp"),
            "the configuration file /tmp cannot be read (Is a directory)");
}

Test(config, language_of_the_locale, .init = clean)
{
    static const struct {
        const char *all, *lang;
        bool french;
    } rows[] = {{"", "en_GB.UTF-8", false},
                {"", "fr_CA", true},
                {"de_DE", "fr_FR", false},
                {"C", "en_GB", true},
                {"C.UTF-8", "", true},
                {"POSIX", "", true},
                {"", "", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setenv("LC_ALL", rows[i].all, 1);
        setenv("LANG", rows[i].lang, 1);
        cr_assert_eq(config_speaks_french(), rows[i].french, "row %zu", i);
    }
}

Test(config, every_option_is_named_once)
{
    static const char *const names[] = {
#define OPT(field, name, env, type, otherwise, fr, en) name, env,
#include "../../config/options.def"
#undef OPT
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(names[i], names[j]);
}

/* config/stacgate.conf names every option with its default: with its marks removed it loads and
 * changes nothing. */
Test(config, the_sample_file_is_complete_and_true, .init = clean)
{
    static const char *const names[] = {
#define OPT(field, name, env, type, otherwise, fr, en) "\n#" name " =",
#include "../../config/options.def"
#undef OPT
    };
    struct buf sample = BUF_INIT, bare = BUF_INIT;
    const char *file = STACGATE_SOURCE_DIR "/config/stacgate.conf";
    FILE *f = fopen(file, "r");
    cr_assert(f, "%s", file);
    for (size_t n = 1; n > 0; sample.len += n)
        n = fread(buf_reserve(&sample, 4096), 1, 4096, f);
    fclose(f);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert_eq(strstr(buf_cstr(&sample), names[i]) != NULL,
                     strcmp(names[i], "\n#config =") != 0,
                     "config/stacgate.conf and options.def differ about \"%s\"", names[i] + 1);
    for (const char *p = buf_cstr(&sample); *p; p++)
        if (*p != '#' || p[1] == ' ')
            buf_putc(&bare, *p);
    struct config defaults = config;
    write_file(buf_cstr(&bare));
    cr_assert_eq(load(0, NULL), 0, "%s", error);
    unlink(path);
#define OPT(field, name, env, type, otherwise, fr, en)                                             \
    same_##type(name, config.field, defaults.field);
#define same_INT(name, a, b) cr_assert_eq(a, b, "%s", name)
#define same_MS same_INT
#define same_SIZE same_INT
#define same_BOOL same_INT
#define same_STR(name, a, b)                                                                       \
    cr_assert(strcmp(name, "config") == 0 || (!(a) && !(b)) || ((a) && (b) && strcmp(a, b) == 0),  \
              "%s", name)
#include "../../config/options.def"
#undef OPT
    buf_finish(&sample);
    buf_finish(&bare);
}
