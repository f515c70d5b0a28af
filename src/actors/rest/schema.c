/*
 * Checks input against its schema: one row of `checks` a field type. What is accepted is copied
 * into a fresh map, so an operation never sees a field that its schema does not name, nor one of
 * the wrong type.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/html.h"
#include "schema.h"

const struct field schema_none[] = {{.name = NULL}};

/* ---- one value ---- */

static bool fits(struct field_error *e, bool good, enum field_code code, int64_t limit)
{
    if (!good) {
        e->code = code;
        e->limit = limit;
    }
    return good;
}

/* Ranges of characters, in order: each from … to. */
struct range {
    uint32_t from, to;
};
/* What no line has: controls, ends of lines, and what turns the direction of all that follows. */
static const struct range never[] = {
    {0, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x202e}, {0x2066, 0x2069}, {0, 0}};
/* What nobody sees: blanks, and what only joins or marks its neighbours. */
static const struct range unseen[] = {
    {0x20, 0x20},     {0xa0, 0xa0},     {0xad, 0xad},     {0x115f, 0x1160},
    {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200f}, {0x202f, 0x202f},
    {0x205f, 0x2064}, {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},
    {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0, 0}};

static bool in_ranges(const struct range *r, uint32_t c)
{
    for (; r->to; r++)
        if (c >= r->from && c <= r->to)
            return true;
    return false;
}

/* The character at s->p, which moves behind it; the text is valid and not at its end. */
static uint32_t take_char(struct str *s)
{
    unsigned char c = (unsigned char)*s->p;
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t code = n == 1 ? c : c & (0xffu >> (n + 1));

    for (size_t i = 1; i < n && i < s->n; i++)
        code = code << 6 | ((unsigned char)s->p[i] & 0x3f);
    n = n < s->n ? n : s->n;
    *s = (struct str){s->p + n, s->n - n};
    return code;
}

static bool is_line(struct str s)
{
    bool blank = true;

    while (s.n) {
        uint32_t c = take_char(&s);
        if (in_ranges(never, c))
            return false;
        blank = blank && in_ranges(unseen, c);
    }
    return !blank;
}

static bool all_seen(struct str s)
{
    while (s.n) {
        uint32_t c = take_char(&s);
        if (in_ranges(never, c) || in_ranges(unseen, c))
            return false;
    }
    return true;
}

static bool check_str(const struct field *f, struct mp v, struct field_error *e)
{
    struct str s = mp_str(v);
    int64_t n = s.p ? (int64_t)utf8_length(s.p, s.n) : 0;

    return fits(e, mp_type(v) == MP_STR, E_type, 0) &&
           fits(e, n >= f->min, f->min == 1 ? E_required : E_too_short, f->min) &&
           fits(e, !f->max || n <= f->max, E_too_long, f->max);
}

static bool check_line(const struct field *f, struct mp v, struct field_error *e)
{
    return check_str(f, v, e) && fits(e, mp_str(v).n == 0 || is_line(mp_str(v)), E_format, 0);
}

bool id_valid(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return s.n >= 1 && s.n <= 64;
}

static bool check_id(const struct field *f, struct mp v, struct field_error *e)
{
    (void)f;
    return fits(e, mp_type(v) == MP_STR, E_type, 0) && fits(e, id_valid(mp_str(v)), E_format, 0);
}

bool email_valid(struct str s)
{
    const char *at = s.p ? memchr(s.p, '@', s.n) : NULL;

    if (!at || at == s.p || s.n > 254 || at - s.p > 64 || at + 1 == s.p + s.n || !all_seen(s))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == 0x7f || strchr("<>()[],;:\\\"", c) || (c == '@' && s.p + i != at))
            return false;
    }
    const char *domain = at + 1, *end = s.p + s.n;
    if (*domain == '.' || end[-1] == '.' || *domain == '-')
        return false;
    for (const char *c = domain; c + 1 < end; c++)
        if (c[0] == '.' && c[1] == '.')
            return false;
    return true;
}

static bool check_email(const struct field *f, struct mp v, struct field_error *e)
{
    (void)f;
    return fits(e, mp_type(v) == MP_STR, E_type, 0) && fits(e, email_valid(mp_str(v)), E_format, 0);
}

static size_t starts(struct str s, const char *with)
{
    size_t n = strlen(with);

    return s.n > n && strncmp(s.p, with, n) == 0 ? n : 0;
}

static bool is_address(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f || strchr("<>\"\\", s.p[i]))
            return false;
    return true;
}

/* Links are shown to others: no other scheme (javascript:, data:) gets in. */
static bool check_url(const struct field *f, struct mp v, struct field_error *e)
{
    struct str s = mp_str(v);

    return check_str(f, v, e) &&
           fits(e, (starts(s, "https://") || starts(s, "http://")) && is_address(s), E_format, 0);
}

static bool check_link(const struct field *f, struct mp v, struct field_error *e)
{
    struct str s = mp_str(v);

    if (!check_str(f, v, e))
        return false;
    bool here = s.n > 0 && (s.p[0] == '#' || (s.p[0] == '/' && (s.n == 1 || s.p[1] != '/')));
    return fits(e,
                (here || starts(s, "https://") || starts(s, "http://") || starts(s, "mailto:")) &&
                    is_address(s),
                E_format, 0);
}

static bool check_css(const struct field *f, struct mp v, struct field_error *e)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               " #%.,()'\"_-";
    struct str s = mp_str(v);

    if (!check_line(f, v, e))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(good, s.p[i]))
            return fits(e, false, E_format, 0);
    return fits(e, !css_fetches(s), E_format, 0);
}

static bool check_int(const struct field *f, struct mp v, struct field_error *e)
{
    enum mp_type t = mp_type(v);
    bool whole = (t == MP_INT || t == MP_UINT || t == MP_FLOAT) &&
                 mp_int(v, INT64_MIN) == mp_int(v, INT64_MAX);
    int64_t n = mp_int(v, 0);

    return fits(e, whole, E_type, 0) && fits(e, n >= f->min, E_too_small, f->min) &&
           fits(e, n <= f->max, E_too_big, f->max);
}

/* Digits, at most one point or comma, and no more than max; old clients send prices as text. */
static bool check_decimal(const struct field *f, struct mp v, struct field_error *e)
{
    struct str s = mp_str(v);
    double n = mp_float(v, 0);

    if (mp_type(v) == MP_STR) {
        char text[20], *end;
        bool plain = s.n > 0 && s.n < sizeof(text) && strspn(s.p, "0123456789.,-") >= s.n;
        if (!fits(e, plain, E_format, 0))
            return false;
        for (size_t i = 0; i < s.n; i++)
            text[i] = s.p[i] == ',' ? '.' : s.p[i];
        text[s.n] = 0;
        n = strtod(text, &end);
        if (!fits(e, *end == 0, E_format, 0))
            return false;
    } else if (!fits(e, mp_type(v) == MP_INT || mp_type(v) == MP_FLOAT, E_type, 0)) {
        return false;
    }
    return fits(e, n >= (double)f->min, E_too_small, f->min) &&
           fits(e, n <= (double)f->max, E_too_big, f->max);
}

static bool check_number(const struct field *f, struct mp v, struct field_error *e)
{
    enum mp_type t = mp_type(v);
    double n = mp_float(v, 0);

    return fits(e, t == MP_INT || t == MP_UINT || t == MP_FLOAT, E_type, 0) &&
           fits(e, n >= (double)f->min, E_too_small, f->min) &&
           fits(e, n <= (double)f->max, E_too_big, f->max);
}

static bool check_any(const struct field *f, struct mp v, struct field_error *e)
{
    (void)f;
    (void)v;
    (void)e;
    return true;
}

static bool check_bool(const struct field *f, struct mp v, struct field_error *e)
{
    (void)f;
    return fits(e, mp_type(v) == MP_BOOL, E_type, 0);
}

static bool is_choice(const char *choices, struct str s)
{
    for (const char *c = choices; *c;) {
        size_t n = strcspn(c, "|");
        if (n == s.n && memcmp(c, s.p, n) == 0)
            return true;
        c += n + (c[n] == '|');
    }
    return false;
}

static bool check_choice(const struct field *f, struct mp v, struct field_error *e)
{
    return fits(e, mp_type(v) == MP_STR, E_type, 0) &&
           fits(e, is_choice(f->choices, mp_str(v)), E_choice, 0);
}

static int digits(const char *p, const char *end, int n)
{
    int v = 0;

    if (end - p < n)
        return -1;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

/* Reads "HH:MM"; true when both are in range. */
static bool hour_minute(const char **p, const char *end, bool colon_optional)
{
    int h = digits(*p, end, 2);
    const char *m = *p + 2;

    if (h < 0 || h > 23)
        return false;
    if (m < end && *m == ':')
        m++;
    else if (!colon_optional)
        return false;
    int minute = digits(m, end, 2);
    *p = m + 2;
    return minute >= 0 && minute <= 59;
}

#define ZONE_HOURS_MAX 15 /* the database takes no more */

static bool zone_valid(const char *p, const char *end)
{
    if (p == end)
        return true; /* none: UTC */
    if (*p == 'Z')
        return p + 1 == end;
    if (*p != '+' && *p != '-')
        return false;
    p++;
    if (digits(p, end, 2) > ZONE_HOURS_MAX)
        return false;
    return hour_minute(&p, end, true) && p == end;
}

bool time_valid(struct str s)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *p = s.p, *end = s.p + s.n;

    if (!p || s.n < 10 || s.n > 35)
        return false;
    int year = digits(p, end, 4), month = digits(p + 5, end, 2), day = digits(p + 8, end, 2);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1900 || year > 9998 || p[4] != '-' || p[7] != '-' || month < 1 || month > 12 ||
        day < 1 || day > days[month - 1] - (month == 2 && !leap))
        return false;
    p += 10;
    if (p == end)
        return true;
    if (*p != 'T' && *p != ' ')
        return false;
    p++;
    if (!hour_minute(&p, end, false))
        return false;
    if (p < end && *p == ':') {
        int sec = digits(p + 1, end, 2);
        if (sec < 0 || sec > 59)
            return false;
        p += 3;
        if (p < end && *p == '.') {
            const char *frac = ++p;
            while (p < end && *p >= '0' && *p <= '9')
                p++;
            if (p == frac || p - frac > 9)
                return false;
        }
    }
    return zone_valid(p, end);
}

static bool check_time(const struct field *f, struct mp v, struct field_error *e)
{
    (void)f;
    return fits(e, mp_type(v) == MP_STR, E_type, 0) && fits(e, time_valid(mp_str(v)), E_format, 0);
}

static bool check_texts(const struct field *f, struct mp v, struct field_error *e)
{
    if (mp_type(v) == MP_STR && mp_str(v).n == 0)
        return true;
    if (!fits(e, mp_type(v) == MP_ARRAY, E_type, 0) ||
        !fits(e, mp_count(v) <= f->max, E_too_many, f->max))
        return false;
    for (struct mp_iter it = mp_iter(v); mp_next(&it);) {
        struct str s = mp_str(it.value);
        if (!fits(e, mp_type(it.value) == MP_STR, E_type, 0) || !fits(e, is_line(s), E_format, 0) ||
            !fits(e, utf8_length(s.p, s.n) <= 64, E_too_long, 64) ||
            !fits(e, !f->choices || is_choice(f->choices, s), E_choice, 0))
            return false;
    }
    return true;
}

static bool check_object(const struct field *f, struct mp v, struct field_error *e)
{
    return fits(e, mp_type(v) == MP_MAP, E_type, 0) &&
           fits(e, (int64_t)mp_bytes(v).n <= f->max, E_too_long, f->max);
}

static bool check_list(const struct field *f, struct mp v, struct field_error *e)
{
    if (!fits(e, mp_type(v) == MP_ARRAY, E_type, 0) ||
        !fits(e, mp_count(v) >= f->min, E_required, 0) ||
        !fits(e, mp_count(v) <= f->max, E_too_many, f->max))
        return false;
    for (struct mp_iter it = mp_iter(v); mp_next(&it);)
        if (!fits(e, mp_type(it.value) == MP_MAP, E_type, 0))
            return false;
    return true;
}

static bool check_ids(const struct field *f, struct mp v, struct field_error *e)
{
    if (!fits(e, mp_type(v) == MP_ARRAY, E_type, 0) ||
        !fits(e, mp_count(v) >= f->min, E_required, 0) ||
        !fits(e, mp_count(v) <= f->max, E_too_many, f->max))
        return false;
    for (struct mp_iter it = mp_iter(v); mp_next(&it);)
        if (!check_id(f, it.value, e))
            return false;
    return true;
}

static bool check_op_id(const struct field *f, struct mp v, struct field_error *e)
{
    struct str s = mp_str(v);

    (void)f;
    if (!fits(e, mp_type(v) == MP_STR, E_type, 0) || !fits(e, s.n >= 1 && s.n <= 64, E_format, 0))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7e)
            return fits(e, false, E_format, 0);
    return true;
}

/* What a value of the wrong type or form should be, by its field's type. */
static const struct {
    const char *type[2], *format[2];
} texts[] = {
#define FIELD_TEXT(name, ...) [FIELD_##name] = TEXTS_OF(__VA_ARGS__),
#define TEXTS_OF(...) TEXTS_IN(__VA_ARGS__)
#define TEXTS_IN(type_fr, type_en, fr, en)                                                         \
    {                                                                                              \
        {type_fr, type_en},                                                                        \
        {                                                                                          \
            fr, en                                                                                 \
        }                                                                                          \
    }
#include "field_texts.def"
#undef TEXTS_IN
#undef TEXTS_OF
#undef FIELD_TEXT
};

static const char *const *text_of(const struct field *f, enum field_code code)
{
    const char *const *text = code == E_type     ? texts[f->type].type
                              : code == E_format ? texts[f->type].format
                                                 : NULL;

    return text && text[0] ? text : NULL;
}

typedef bool check_value(const struct field *f, struct mp v, struct field_error *e);
static check_value *const checks[] = {
    [FIELD_STR] = check_str,         [FIELD_LINE] = check_line,     [FIELD_ID] = check_id,
    [FIELD_EMAIL] = check_email,     [FIELD_URL] = check_url,       [FIELD_INT] = check_int,
    [FIELD_BOOL] = check_bool,       [FIELD_CHOICE] = check_choice, [FIELD_TIME] = check_time,
    [FIELD_TEXTS] = check_texts,     [FIELD_OBJECT] = check_object, [FIELD_OP_ID] = check_op_id,
    [FIELD_DECIMAL] = check_decimal, [FIELD_LIST] = check_list,     [FIELD_IDS] = check_ids,
    [FIELD_CALLER] = check_id,       [FIELD_TENANT] = check_id,     [FIELD_LINK] = check_link,
    [FIELD_CSS] = check_css,         [FIELD_NUMBER] = check_number, [FIELD_ANY] = check_any};

/* ---- a map ---- */

const struct field *field_named(const struct field *schema, struct str name)
{
    for (; schema->name; schema++)
        if (str_is(name, schema->name))
            return schema;
    return NULL;
}

/* What one check goes through. */
struct check {
    const struct identity *who;
    struct verdict *v;
    char at[100]; /* where it is: "questions.3.", "" at the top */
    bool unknown; /* one field was said to be unknown; one is enough to find the mistake */
};

static void add_error(struct check *c, struct str name, struct field_error e)
{
    struct verdict *v = c->v;

    if (v->count == FIELD_ERRORS_MAX)
        return;
    snprintf(v->names[v->count], sizeof(v->names[0]), "%s%.*s", c->at, (int)name.n, name.p);
    e.field = v->names[v->count];
    v->errors[v->count++] = e;
}

void verdict_copy(struct verdict *to, const struct verdict *from)
{
    *to = *from;
    for (unsigned i = 0; i < to->count; i++)
        to->errors[i].field = to->names[i];
}

#define UNKNOWN_MAX 63

/* The first unknown name is shown, cut at a character. */
static void add_unknown(struct check *c, struct str name)
{
    size_t n = name.n < UNKNOWN_MAX ? name.n : UNKNOWN_MAX;

    if (c->unknown)
        return;
    c->unknown = true;
    while (n > 0 && n < name.n && ((unsigned char)name.p[n] & 0xc0) == 0x80)
        n--;
    name = n ? (struct str){name.p, n} : STR("?");
    add_error(c, name, (struct field_error){.code = E_unknown});
}

static bool absent(const struct field *f, struct mp v)
{
    enum mp_type t = mp_type(v);

    return t == MP_NONE || t == MP_NIL || f->type == FIELD_IGNORED ||
           ((f->flags & FIELD_BLANK_IS_ABSENT) && t == MP_STR && mp_str(v).n == 0);
}

static bool names_another(const struct field *f, struct mp v, const struct identity *who)
{
    if (!who || (f->type != FIELD_CALLER && f->type != FIELD_TENANT))
        return false;
    if (f->type == FIELD_TENANT)
        return who->role != ROLE_SUPER_ADMIN && !str_is(mp_str(v), who->establishment_id);
    return !str_is(mp_str(v), who->user_id);
}

/* ---- maps of several kinds ---- */

/* What a map that `says` it is has; NULL: it does not say, which its own field's check finds. */
static const struct variant *variant_of(const struct field *f, struct mp says)
{
    struct mp kind = f->variants ? mp_get(says, f->by) : (struct mp){0};
    bool silent = mp_type(kind) == MP_NONE || mp_type(kind) == MP_NIL;

    for (const struct variant *v = f->variants; v && v->kinds; v++)
        if (silent ? f->otherwise && is_choice(v->kinds, str_of(f->otherwise))
                   : is_choice(v->kinds, mp_str(kind)))
            return v;
    return NULL;
}

bool variant_has(const struct field *f, const struct variant *v, struct str name)
{
    if (is_choice(v->fields, name))
        return true;
    for (const struct variant *other = f->variants; other->kinds; other++)
        if (is_choice(other->fields, name))
            return false;
    return true;
}

static void check_required(struct check *c, const char *names, struct mp map)
{
    for (const char *p = names; *p;) {
        struct str name = {p, strcspn(p, "|")};
        char key[32];

        snprintf(key, sizeof(key), "%.*s", (int)name.n, name.p);
        struct mp v = mp_get(map, key);
        if (mp_type(v) == MP_NONE || mp_type(v) == MP_NIL)
            add_error(c, name, (struct field_error){.code = E_required});
        p += name.n + (p[name.n] == '|');
    }
}

static void check_variant(struct check *c, const struct field *f, struct mp says, struct mp map)
{
    const struct variant *v = variant_of(f, says);

    if (!v)
        return;
    check_required(c, v->required, map);
    for (struct mp_iter it = mp_iter(map); mp_next(&it);)
        if (mp_type(it.value) != MP_NIL && field_named(f->inner, mp_str(it.key)) &&
            !variant_has(f, v, mp_str(it.key)))
            add_error(c, mp_str(it.key), (struct field_error){.code = E_unknown});
}

/* It is not there: whether it has to be. */
static bool missing(const struct field *f, struct mp map)
{
    const struct variant *v = f->type == FIELD_OBJECT ? variant_of(f, map) : NULL;

    return f->flags & FIELD_REQUIRED || (v && *v->required);
}

static void check_map(struct check *c, const struct field *schema, struct mp map, struct buf *out);

/* A value whose maps have a schema of their own. */
static void check_inner(struct check *c, const struct field *f, struct mp v, struct mp map,
                        struct buf *out)
{
    size_t n = strlen(c->at);
    unsigned i = 0;

    if (f->type == FIELD_OBJECT) {
        snprintf(c->at + n, sizeof(c->at) - n, "%s.", f->name);
        check_variant(c, f, map, v);
        check_map(c, f->inner, v, out);
    } else {
        mp_put_array(out, mp_count(v));
        for (struct mp_iter it = mp_iter(v); mp_next(&it);) {
            snprintf(c->at + n, sizeof(c->at) - n, "%s.%u.", f->name, i++);
            check_variant(c, f, it.value, it.value);
            check_map(c, f->inner, it.value, out);
        }
    }
    c->at[n] = '\0';
}

/* One field of the map that is there. true: it is kept. */
static bool check_field(struct check *c, const struct field *f, struct mp v, struct mp map,
                        struct buf *kept)
{
    struct field_error e = {0};

    if (!checks[f->type](f, v, &e)) {
        e.text = text_of(f, e.code);
        e.choices = f->choices;
        add_error(c, str_of(f->name), e);
        return false;
    }
    if (names_another(f, v, c->who)) {
        c->v->identity = true;
        add_error(c, str_of(f->name), (struct field_error){.code = E_forbidden});
        return false;
    }
    mp_put_cstr(kept, f->name);
    if (f->inner)
        check_inner(c, f, v, map, kept);
    else
        mp_put_raw(kept, v);
    return true;
}

static void check_map(struct check *c, const struct field *schema, struct mp map, struct buf *out)
{
    struct buf kept = BUF_INIT;
    uint32_t count = 0;

    for (struct mp_iter it = mp_iter(map); mp_next(&it);)
        if (!field_named(schema, mp_str(it.key)))
            add_unknown(c, mp_str(it.key));
    for (const struct field *f = schema; f->name; f++) {
        struct mp v = mp_get(map, f->name);
        if (mp_type(v) == MP_NIL && f->flags & FIELD_NULL_CLEARS) {
            mp_put_cstr(&kept, f->name);
            mp_put_nil(&kept);
            count++;
        } else if (absent(f, v)) {
            if (missing(f, map))
                add_error(c, str_of(f->name), (struct field_error){.code = E_required});
        } else {
            count += check_field(c, f, v, map, &kept);
        }
    }
    mp_put_map(out, count);
    buf_put(out, kept.data, kept.len);
    buf_finish(&kept);
}

void schema_check(const struct field *schema, struct mp map, const struct identity *who,
                  struct buf *out, struct verdict *ret)
{
    struct check c = {.who = who, .v = ret};

    memset(ret, 0, sizeof(*ret));
    check_map(&c, schema, map, out);
}
