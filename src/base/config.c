/*
 * Options from the command line, the environment and a file, into the one `config`. Each option
 * remembers the rank of where its value came from, and a lower rank never replaces a higher one; so
 * the order of reading does not matter and config_load() may be called again for the words that
 * follow one it stopped at.
 */
#include "stacgate/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stacgate/buf.h"

#define LINE_MAX_BYTES 8192 /* of the configuration file */

struct config config = {
#define OPT(field, name, env, type, otherwise, fr, en) .field = otherwise,
#include "../../config/options.def"
#undef OPT
};

enum kind { INT, MS, SIZE, BOOL, STR };
enum rank { BY_DEFAULT, BY_FILE, BY_ENV, BY_COMMAND };

struct option {
    const char *name, *env, *fr, *en;
    size_t offset;
    enum kind kind;
};

static const struct option options[] = {
#define OPT(field, name, env, type, otherwise, fr, en)                                             \
    {name, env, fr, en, offsetof(struct config, field), type},
#include "../../config/options.def"
#undef OPT
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

static enum rank ranks[OPTION_COUNT];

/* Where a value stands, for sentences: "--port", "PORT" or "stacgate.conf:3: port". */
struct place {
    enum rank rank;
    const char *text;
};

bool config_speaks_french(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (!value || !*value)
            continue;
        /* C and POSIX name no language. */
        bool none =
            strcmp(value, "C") == 0 || strncmp(value, "C.", 2) == 0 || strcmp(value, "POSIX") == 0;
        return none || strncasecmp(value, "fr", 2) == 0;
    }
    return true;
}

/* Both sentences take the same arguments, in the same order. */
__attribute__((format(printf, 2, 4), format(printf, 3, 4))) static int
complain(char **ret_error, const char *fr, const char *en, ...)
{
    va_list args;
    va_start(args, en);
    char *text;
    if (vasprintf(&text, config_speaks_french() ? fr : en, args) < 0)
        text = xstrdup("out of memory");
    va_end(args);
    *ret_error = text;
    return -EINVAL;
}

/* ---- values */

struct unit {
    const char *name;
    uint64_t factor;
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit time_units[] = {{"", 1},        {"ms", 1},       {"s", 1000}, {"m", 60000},
                                         {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit size_units[] = {{"", 1},           {"k", 1u << 10},   {"kib", 1u << 10},
                                         {"m", 1u << 20},   {"mib", 1u << 20}, {"g", 1u << 30},
                                         {"gib", 1u << 30}, {NULL, 0}};

static bool parse_number(const char *text, const struct unit *units, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (v > (max - (uint64_t)(*p - '0')) / 10)
            return false;
        v = v * 10 + (uint64_t)(*p - '0');
    }
    if (p == text)
        return false;
    for (; units->name; units++) {
        if (strcasecmp(p, units->name) == 0) {
            *ret = v * units->factor;
            return v <= max / units->factor;
        }
    }
    return false;
}

static bool parse_bool(const char *text, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"on", true},   {"true", true},   {"1", true},  {"yes", true}, {"oui", true},
                 {"off", false}, {"false", false}, {"0", false}, {"no", false}, {"non", false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

static const char *const wanted_fr[] = {
    [INT] = "un nombre entier de 0 à 4294967295",
    [MS] = "une durée, par exemple 500ms, 5s ou 10m",
    [SIZE] = "une taille, par exemple 4096, 64k ou 1m",
    [BOOL] = "on ou off",
    [STR] = "un texte",
};
static const char *const wanted_en[] = {
    [INT] = "a whole number from 0 to 4294967295",
    [MS] = "a duration, such as 500ms, 5s or 10m",
    [SIZE] = "a size, such as 4096, 64k or 1m",
    [BOOL] = "on or off",
    [STR] = "a text",
};

/* Texts live as long as the process, also when a higher rank replaces them: readers hold bare
 * pointers. */
struct kept {
    struct kept *next;
    char text[];
};
static struct kept *kept_texts;

static const char *keep(const char *text)
{
    size_t n = strlen(text) + 1;
    struct kept *k = xmalloc(sizeof *k + n);
    memcpy(k->text, text, n);
    k->next = kept_texts;
    kept_texts = k;
    return k->text;
}

static bool store(const struct option *o, const char *text)
{
    void *field = (char *)&config + o->offset;
    uint64_t v;
    switch (o->kind) {
    case INT:
    case MS:
        if (!parse_number(text, o->kind == INT ? no_units : time_units, UINT32_MAX, &v))
            return false;
        *(uint32_t *)field = (uint32_t)v;
        return true;
    case SIZE:
        return parse_number(text, size_units, UINT64_MAX, field);
    case BOOL:
        return parse_bool(text, field);
    case STR:
        *(const char **)field = *text ? keep(text) : NULL;
        return true;
    }
    return false;
}

static int set(const struct option *o, const char *text, struct place place, char **ret_error)
{
    enum rank *rank = &ranks[o - options];
    if (*rank > place.rank)
        return 0;
    if (!store(o, text))
        return complain(ret_error, "%s : « %.100s » ne convient pas, il faut %s",
                        "%s: \"%.100s\" does not do, it takes %s", place.text, text,
                        config_speaks_french() ? wanted_fr[o->kind] : wanted_en[o->kind]);
    *rank = place.rank;
    return 0;
}

static const struct option *find(const char *name, size_t n)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
            return &options[i];
    return NULL;
}

/* ---- the file: lines `name = value`; '#' at a line's start or after a space begins a comment */

static char *trim(char *s)
{
    s += strspn(s, " \t\r\n");
    for (char *end = s + strlen(s); end > s && strchr(" \t\r\n", end[-1]); end--)
        end[-1] = '\0';
    return s;
}

static void cut_comment(char *line)
{
    for (char *p = line; *p; p++) {
        if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
            *p = '\0';
            return;
        }
    }
}

static int read_line(char *line, const char *file, unsigned number, char **ret_error)
{
    cut_comment(line);
    char *name = trim(line);
    if (!*name)
        return 0;
    char *value = strchr(name, '=');
    if (!value)
        return complain(ret_error, "%s:%u : il faut « nom = valeur »",
                        "%s:%u: a line must read \"name = value\"", file, number);
    *value++ = '\0';
    name = trim(name);
    const struct option *o = find(name, strlen(name));
    if (!o || strcmp(name, "config") == 0)
        return complain(
            ret_error, "%s:%u : pas d'option « %.100s » dans un fichier (voir stacgate --help)",
            "%s:%u: a file has no option \"%.100s\" (see stacgate --help)", file, number, name);
    struct buf place = BUF_INIT;
    buf_printf(&place, "%s:%u: %s", file, number, o->name);
    int err = set(o, trim(value), (struct place){BY_FILE, buf_cstr(&place)}, ret_error);
    buf_finish(&place);
    return err;
}

static int read_file(const char *file, char **ret_error)
{
    char line[LINE_MAX_BYTES];
    FILE *f = fopen(file, "re");
    if (!f)
        return complain(ret_error, "le fichier de configuration %s ne s'ouvre pas (%s)",
                        "the configuration file %s does not open (%s)", file, strerror(errno));
    int err = 0;
    for (unsigned number = 1; !err && fgets(line, sizeof line, f); number++) {
        if (strlen(line) == sizeof line - 1)
            err = complain(ret_error, "%s:%u : la ligne est trop longue",
                           "%s:%u: the line is too long", file, number);
        else
            err = read_line(line, file, number, ret_error);
    }
    if (!err && ferror(f))
        err = complain(ret_error, "le fichier de configuration %s ne se lit pas (%s)",
                       "the configuration file %s cannot be read (%s)", file, strerror(errno));
    fclose(f);
    return err;
}

/* ---- environment and command line */

static int read_environment(char **ret_error)
{
    int err = 0;
    for (size_t i = 0; i < OPTION_COUNT && !err; i++) {
        const char *value = getenv(options[i].env);
        if (value && *value)
            err = set(&options[i], value, (struct place){BY_ENV, options[i].env}, ret_error);
    }
    return err;
}

/* The option that a word names, or NULL. *ret_value: what stands after '=', or NULL. */
static const struct option *option_of(const char *word, const char **ret_value)
{
    if (strncmp(word, "--", 2) != 0)
        return NULL;
    size_t n = strcspn(word + 2, "=");
    *ret_value = word[2 + n] == '=' ? word + 2 + n + 1 : NULL;
    return find(word + 2, n);
}

/* Reads the option at argv[*at] and moves past it. */
static int read_word(const struct option *o, const char *value, int argc, char **argv, int *at,
                     char **ret_error)
{
    struct buf place = BUF_INIT;
    bool unused;
    buf_printf(&place, "--%s", o->name);
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    ++*at;
    if (!value && o->kind == BOOL && !(next && parse_bool(next, &unused))) {
        value = "on";
    } else if (!value && next) {
        value = next;
        ++*at;
    }
    int err = value ? set(o, value, (struct place){BY_COMMAND, buf_cstr(&place)}, ret_error)
                    : complain(ret_error, "--%s : il manque la valeur, %s",
                               "--%s: its value is missing, %s", o->name,
                               config_speaks_french() ? wanted_fr[o->kind] : wanted_en[o->kind]);
    buf_finish(&place);
    return err;
}

int config_load(int argc, char **argv, int first, int *ret_next, char **ret_error)
{
    int at = first;
    while (at < argc) {
        const char *value = NULL;
        const struct option *o = option_of(argv[at], &value);
        if (!o)
            break;
        int err = read_word(o, value, argc, argv, &at, ret_error);
        if (err)
            return err;
    }
    int err = read_environment(ret_error);
    if (!err && config.config)
        err = read_file(config.config, ret_error);
    if (!err)
        *ret_next = at;
    return err;
}

void config_reset(void)
{
    config = (struct config){
#define OPT(field, name, env, type, otherwise, fr, en) .field = otherwise,
#include "../../config/options.def"
#undef OPT
    };
    memset(ranks, 0, sizeof ranks);
    while (kept_texts) {
        struct kept *k = kept_texts;
        kept_texts = k->next;
        free(k);
    }
}

/* ---- help */

static void put_value(struct buf *b, const struct option *o, const void *field)
{
    static const struct unit scales[][4] = {
        [INT] = {{"", 1}},
        [MS] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}},
        [SIZE] = {{"g", 1u << 30}, {"m", 1u << 20}, {"k", 1u << 10}},
    };
    if (o->kind == BOOL) {
        buf_puts(b, *(const bool *)field ? "on" : "off");
        return;
    }
    if (o->kind == STR) {
        const char *text = *(const char *const *)field;
        buf_puts(b, text ? text : "-");
        return;
    }
    uint64_t v = o->kind == SIZE ? *(const uint64_t *)field : *(const uint32_t *)field;
    const struct unit *u = scales[o->kind];
    while (u->name && (v == 0 || v % u->factor != 0))
        u++;
    buf_printf(b, "%llu%s", (unsigned long long)(u->name ? v / u->factor : v),
               u->name              ? u->name
               : o->kind == MS && v ? "ms"
                                    : "");
}

void config_print_help(bool french)
{
    static const struct config defaults = {
#define OPT(field, name, env, type, otherwise, fr, en) .field = otherwise,
#include "../../config/options.def"
#undef OPT
    };
    struct buf b = BUF_INIT;
    buf_puts(&b, french ? "Options (ligne de commande, sinon environnement, sinon fichier de "
                          "configuration, sinon la valeur entre crochets) :\n"
                        : "Options (command line, else environment, else configuration file, else "
                          "the value in brackets):\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        buf_printf(&b, "  --%-18s %s [", o->name, french ? o->fr : o->en);
        put_value(&b, o, (const char *)&defaults + o->offset);
        buf_printf(&b, "] %s\n", o->env);
    }
    fwrite(b.data, 1, b.len, stdout);
    buf_finish(&b);
}
