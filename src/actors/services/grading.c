/*
 * The nine question types, one row each: what a question of it must have, and the share (0 to 1) of
 * its points that an answer earns. An answer of the wrong form earns nothing; it is never an error.
 */
#include "grading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_text.h"

/* ---- what was answered ---- */

#define BY_HAND (-1.0)

static bool same(struct str a, struct str b)
{
    return a.p && b.p && a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool contains(struct mp list, struct str id)
{
    for (struct mp_iter it = mp_iter(list); mp_next(&it);)
        if (same(mp_str(it.value), id))
            return true;
    return false;
}

static struct mp get_str(struct mp map, struct str key)
{
    for (struct mp_iter it = mp_iter(map); mp_next(&it);)
        if (same(mp_str(it.key), key))
            return it.value;
    return (struct mp){0};
}

/* Part of the points only where the author allows it. */
static double share(struct mp question, unsigned right, unsigned of)
{
    if (of == 0)
        return 0;
    return right == of ? 1 : mp_bool(mp_get(question, "partial"), false) ? (double)right / of : 0;
}

static double grade_single(struct mp q, struct mp a)
{
    return same(mp_str(a), mp_str(mp_get(q, "answer"))) ? 1 : 0;
}

/* Each right choice counts up, each wrong one down, and each choice once however often it was sent.
 */
static double grade_multiple(struct mp q, struct mp a)
{
    struct mp key = mp_get(q, "answer");
    int right = 0, wrong = 0, of = (int)mp_count(key);

    if (mp_type(a) != MP_ARRAY)
        return 0;
    for (struct mp_iter it = mp_iter(mp_get(q, "options")); mp_next(&it);) {
        struct str id = mp_str(mp_get(it.value, "id"));
        if (!contains(a, id))
            continue;
        if (contains(key, id))
            right++;
        else
            wrong++;
    }
    if (wrong && !mp_bool(mp_get(q, "partial"), false))
        return 0;
    return right > wrong ? share(q, (unsigned)(right - wrong), (unsigned)of) : 0;
}

static double grade_true_false(struct mp q, struct mp a)
{
    return mp_type(a) == MP_BOOL && mp_bool(a, false) == mp_bool(mp_get(q, "answer"), false) ? 1
                                                                                             : 0;
}

static double grade_numeric(struct mp q, struct mp a)
{
    double given, right = mp_float(mp_get(q, "answer"), 0);
    double tolerance = fabs(mp_float(mp_get(q, "tolerance"), 0));

    /* A decimal written in binary is off by a hair: 0.3 is right where 0.1 + 0.2 is asked. */
    return answer_number(a, &given) &&
                   fabs(given - right) <= tolerance + 1e-9 * fmax(1, fabs(right))
               ? 1
               : 0;
}

static double grade_short_text(struct mp q, struct mp a)
{
    return answer_fits(mp_get(q, "answer"), mp_str(a), mp_bool(mp_get(q, "caseSensitive"), false))
               ? 1
               : 0;
}

static double grade_ordering(struct mp q, struct mp a)
{
    struct mp key = mp_get(q, "answer");
    unsigned right = 0;

    if (mp_type(a) != MP_ARRAY || mp_count(a) != mp_count(key))
        return 0;
    for (uint32_t i = 0; i < mp_count(key); i++)
        right += same(mp_str(mp_at(a, i)), mp_str(mp_at(key, i)));
    return share(q, right, mp_count(key));
}

static double grade_matching(struct mp q, struct mp a)
{
    unsigned right = 0;
    struct mp key = mp_get(q, "answer");

    if (mp_type(a) != MP_MAP)
        return 0;
    for (struct mp_iter it = mp_iter(key); mp_next(&it);)
        right += same(mp_str(get_str(a, mp_str(it.key))), mp_str(it.value));
    return share(q, right, mp_count(key));
}

static double grade_fill_in(struct mp q, struct mp a)
{
    struct mp key = mp_get(q, "answer");
    bool case_matters = mp_bool(mp_get(q, "caseSensitive"), false);
    unsigned right = 0;

    if (mp_type(a) != MP_ARRAY)
        return 0;
    for (uint32_t i = 0; i < mp_count(key); i++)
        right += answer_fits(mp_at(key, i), mp_str(mp_at(a, i)), case_matters);
    return share(q, right, mp_count(key));
}

/* Nothing written needs no reader. */
static double grade_essay(struct mp q, struct mp a)
{
    struct buf b = BUF_INIT;

    (void)q;
    answer_plain(mp_str(a), true, &b);
    bool empty = b.len == 0;
    buf_finish(&b);
    return empty ? 0 : BY_HAND;
}

/* ---- what a question must have ---- */

/* More than blanks, at most `most` characters. */
static bool words(struct str s, size_t most)
{
    size_t blanks = 0;

    while (blanks < s.n && strchr(" \t\r\n", s.p[blanks]))
        blanks++;
    return blanks < s.n && utf8_length(s.p, s.n) <= most;
}

static bool texts_valid(struct mp list)
{
    if (mp_type(list) != MP_ARRAY || mp_count(list) == 0 || mp_count(list) > OPTIONS_MAX)
        return false;
    for (struct mp_iter it = mp_iter(list); mp_next(&it);)
        if (!words(mp_str(it.value), 1000))
            return false;
    return true;
}

/* An array of {id, text}, ids all different. */
static bool options_valid(struct mp list, unsigned least)
{
    uint32_t n = mp_count(list);

    if (mp_type(list) != MP_ARRAY || n < least || n > OPTIONS_MAX)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct str id = mp_str(mp_get(mp_at(list, i), "id")),
                   text = mp_str(mp_get(mp_at(list, i), "text"));
        if (id.n == 0 || utf8_length(id.p, id.n) > 64 || !words(text, 2000))
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (same(id, mp_str(mp_get(mp_at(list, k), "id"))))
                return false;
    }
    return true;
}

static bool is_option(struct mp options, struct str id)
{
    for (struct mp_iter it = mp_iter(options); mp_next(&it);)
        if (same(mp_str(mp_get(it.value, "id")), id))
            return true;
    return false;
}

/* Ids of options, each at most once. */
static bool choices_valid(struct mp options, struct mp list, uint32_t least)
{
    if (mp_type(list) != MP_ARRAY || mp_count(list) < least || mp_count(list) > OPTIONS_MAX)
        return false;
    for (uint32_t i = 0; i < mp_count(list); i++) {
        if (!is_option(options, mp_str(mp_at(list, i))))
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (same(mp_str(mp_at(list, i)), mp_str(mp_at(list, k))))
                return false;
    }
    return true;
}

static const char *need_single(struct mp q)
{
    struct mp options = mp_get(q, "options");

    return !options_valid(options, 2)                         ? "options"
           : !is_option(options, mp_str(mp_get(q, "answer"))) ? "answer"
                                                              : NULL;
}

static const char *need_multiple(struct mp q)
{
    struct mp options = mp_get(q, "options");

    return !options_valid(options, 2)                        ? "options"
           : !choices_valid(options, mp_get(q, "answer"), 1) ? "answer"
                                                             : NULL;
}

static const char *need_true_false(struct mp q)
{
    return mp_type(mp_get(q, "answer")) == MP_BOOL ? NULL : "answer";
}

static const char *need_numeric(struct mp q)
{
    struct mp tolerance = mp_get(q, "tolerance"), answer = mp_get(q, "answer");

    if (mp_type(answer) != MP_INT && mp_type(answer) != MP_FLOAT)
        return "answer";
    return mp_type(tolerance) == MP_NONE || mp_type(tolerance) == MP_NIL ||
                   mp_float(tolerance, -1) >= 0
               ? NULL
               : "tolerance";
}

static const char *need_short_text(struct mp q)
{
    return texts_valid(mp_get(q, "answer")) ? NULL : "answer";
}

static const char *need_ordering(struct mp q)
{
    struct mp options = mp_get(q, "options"), answer = mp_get(q, "answer");

    return !options_valid(options, 2)                                                    ? "options"
           : mp_count(answer) != mp_count(options) || !choices_valid(options, answer, 2) ? "answer"
                                                                                         : NULL;
}

static const char *need_matching(struct mp q)
{
    struct mp options = mp_get(q, "options"), matches = mp_get(q, "matches"),
              answer = mp_get(q, "answer");

    if (!options_valid(options, 1))
        return "options";
    if (!options_valid(matches, 1))
        return "matches";
    if (mp_type(answer) != MP_MAP || mp_count(answer) != mp_count(options))
        return "answer";
    for (struct mp_iter it = mp_iter(answer); mp_next(&it);)
        if (!is_option(options, mp_str(it.key)) || !is_option(matches, mp_str(it.value)))
            return "answer";
    return NULL;
}

static const char *need_fill_in(struct mp q)
{
    struct mp answer = mp_get(q, "answer");

    if (mp_type(answer) != MP_ARRAY || mp_count(answer) == 0 || mp_count(answer) > OPTIONS_MAX)
        return "answer";
    for (struct mp_iter it = mp_iter(answer); mp_next(&it);)
        if (!texts_valid(it.value))
            return "answer";
    return NULL;
}

static const char *need_essay(struct mp q)
{
    (void)q;
    return NULL;
}

/* ---- the types ---- */

static const struct question_type {
    const char *name, *also; /* what it is called, and what others call it */
    const char *(*need)(struct mp question);
    double (*grade)(struct mp question, struct mp answer);
    const char *fields; /* beside those of all */
} types[] = {
    {"single", "single-choice", need_single, grade_single, "options|answer"},
    {"multiple", "multiple-choice", need_multiple, grade_multiple, "options|answer|partial"},
    {"true-false", "boolean", need_true_false, grade_true_false, "answer"},
    {"numeric", "number", need_numeric, grade_numeric, "answer|tolerance"},
    {"short-text", "short", need_short_text, grade_short_text, "answer|caseSensitive"},
    {"ordering", "order", need_ordering, grade_ordering, "options|answer|partial"},
    {"matching", "match", need_matching, grade_matching, "options|matches|answer|partial"},
    {"fill-in", "fill-in-the-blanks", need_fill_in, grade_fill_in, "answer|partial|caseSensitive"},
    {"essay", "long-text", need_essay, grade_essay, ""},
};

static const struct question_type *type_of(struct mp q)
{
    struct str name = mp_str(mp_get(q, "type"));

    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_is(name, types[i].name) || str_is(name, types[i].also))
            return &types[i];
    return NULL;
}

/* ---- checking ---- */

/* null is absent. */
static bool given(struct mp v)
{
    return mp_type(v) != MP_NONE && mp_type(v) != MP_NIL;
}

static const char *bad_flag(struct mp q)
{
    static const char *const flags[] = {"partial", "caseSensitive"};

    for (unsigned i = 0; i < 2; i++) {
        struct mp v = mp_get(q, flags[i]);
        if (given(v) && mp_type(v) != MP_BOOL)
            return flags[i];
    }
    return NULL;
}

static const char *bad_field(struct mp q, const struct question_type *t)
{
    struct mp points = mp_get(q, "points"), id = mp_get(q, "id"), image = mp_get(q, "imageUrl"),
              why = mp_get(q, "explanation");
    struct str url = mp_str(image);

    if (!t)
        return "type";
    if (!words(mp_str(mp_get(q, "text")), 10000))
        return "text";
    if (given(why) && (mp_type(why) != MP_STR || utf8_length(mp_str(why).p, mp_str(why).n) > 10000))
        return "explanation";
    if (given(id) && (mp_str(id).n == 0 || utf8_length(mp_str(id).p, mp_str(id).n) > 64))
        return "id";
    if (given(points) && !(mp_float(points, -1) > 0 && mp_float(points, -1) <= 1000))
        return "points";
    if (given(image) && !(url.n > 8 && url.n <= 500 && strncmp(url.p, "https://", 8) == 0))
        return "imageUrl";
    const char *bad = bad_flag(q);
    return bad ? bad : t->need(q);
}

static uint32_t put_field(struct buf *b, struct mp q, const char *name, size_t n)
{
    char key[24];

    snprintf(key, sizeof(key), "%.*s", (int)n, name);
    struct mp v = mp_get(q, key);
    if (!v.p || mp_type(v) == MP_NIL)
        return 0;
    mp_put_cstr(b, key);
    mp_put_raw(b, v);
    return 1;
}

static void put_question(struct buf *out, struct mp q, const struct question_type *t,
                         uint32_t place)
{
    static const char common[] = "text|imageUrl|explanation";
    const char *lists[] = {common, t->fields};
    struct buf b = BUF_INIT;
    uint32_t count = 3;
    char made[16];

    snprintf(made, sizeof(made), "q%u", place + 1);
    for (unsigned i = 0; i < 2; i++)
        for (const char *p = lists[i]; *p;) {
            size_t n = strcspn(p, "|");
            count += put_field(&b, q, p, n);
            p += n + (p[n] == '|');
        }
    mp_put_map(out, count);
    mp_put_cstr(out, "id");
    if (mp_str(mp_get(q, "id")).n)
        mp_put_raw(out, mp_get(q, "id"));
    else
        mp_put_cstr(out, made);
    mp_put_cstr(out, "type");
    mp_put_cstr(out, t->name);
    mp_put_cstr(out, "points");
    if (given(mp_get(q, "points")))
        mp_put_raw(out, mp_get(q, "points"));
    else
        mp_put_int(out, 1);
    buf_put(out, b.data, b.len);
    buf_finish(&b);
}

static bool id_repeated(struct mp questions, uint32_t place)
{
    struct str id = mp_str(mp_get(mp_at(questions, place), "id"));

    for (uint32_t i = 0; i < place; i++)
        if (same(id, mp_str(mp_get(mp_at(questions, i), "id"))))
            return true;
    return false;
}

const char *questions_check(struct mp questions, struct buf *out, char where[64])
{
    uint32_t place = 0, n = mp_count(questions);
    struct buf b = BUF_INIT;
    const char *bad = NULL;

    if (mp_type(questions) != MP_ARRAY || n > QUESTIONS_MAX) {
        snprintf(where, 64, "questions");
        return where;
    }
    mp_put_array(&b, n);
    for (struct mp_iter it = mp_iter(questions); !bad && mp_next(&it); place++) {
        const struct question_type *t = mp_type(it.value) == MP_MAP ? type_of(it.value) : NULL;
        bad = bad_field(it.value, t);
        if (!bad)
            put_question(&b, it.value, t, place);
        if (bad)
            snprintf(where, 64, "questions.%u.%s", place, bad);
    }
    for (uint32_t i = 1; !bad && i < n; i++)
        if (id_repeated(mp_view(b.data, b.len), i)) {
            bad = "id";
            snprintf(where, 64, "questions.%u.id", i);
        }
    if (!bad)
        buf_put(out, b.data, b.len);
    buf_finish(&b);
    return bad ? where : NULL;
}

/* ---- grading ---- */

static double round_points(double p)
{
    return round(p * 100) / 100;
}

static void put_result(struct buf *b, struct mp q, double share_of, double most)
{
    mp_put_map(b, 4);
    mp_put_cstr(b, "questionId");
    mp_put_raw(b, mp_get(q, "id"));
    mp_put_cstr(b, "maxPoints");
    mp_put_float(b, most);
    mp_put_cstr(b, "points");
    if (share_of == BY_HAND)
        mp_put_nil(b);
    else
        mp_put_float(b, round_points(share_of * most));
    mp_put_cstr(b, "correct");
    if (share_of == BY_HAND)
        mp_put_nil(b);
    else
        mp_put_bool(b, share_of >= 1);
}

struct grade answers_grade(struct mp questions, struct mp answers, struct buf *results)
{
    struct grade g = {0};

    mp_put_array(results, mp_type(questions) == MP_ARRAY ? mp_count(questions) : 0);
    for (struct mp_iter it = mp_iter(questions); mp_type(questions) == MP_ARRAY && mp_next(&it);) {
        const struct question_type *t = type_of(it.value);
        double most = mp_float(mp_get(it.value, "points"), 1);
        struct mp answer = get_str(answers, mp_str(mp_get(it.value, "id")));
        double part = !t ? BY_HAND : answer.p ? t->grade(it.value, answer) : 0;

        g.most += most;
        g.manual = g.manual || part == BY_HAND;
        if (part != BY_HAND)
            g.points += round_points(part * most);
        put_result(results, it.value, part, most);
    }
    return g;
}
