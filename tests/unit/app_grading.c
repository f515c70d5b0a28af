/* What each type of question earns, right, wrong, in part and with nonsense; and what a question
 * must have. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "actors/services/grading.h"
#include "stacgate/json.h"

static struct mp parse(const char *json, struct buf *b)
{
    const char *why;
    size_t at;

    cr_assert_eq(json_to_mp(json, strlen(json), b, &why, &at), 0, "%s: %s", json, why);
    return mp_view(b->data, b->len);
}

/* The points (of 10) that an answer earns; -1: a person must grade it. The question is checked
 * first. */
static double earned(const char *question, const char *answer)
{
    struct buf q = BUF_INIT, a = BUF_INIT, checked = BUF_INIT, results = BUF_INIT;
    char text[4000], where[64];

    snprintf(text, sizeof(text), "[{\"id\":\"x\",\"text\":\"T\",\"points\":10,%s}]", question);
    const char *bad = questions_check(parse(text, &q), &checked, where);
    cr_assert_null(bad, "%s: %s", question, where);
    snprintf(text, sizeof(text), "{\"x\":%s}", answer);
    struct grade g = answers_grade(mp_view(checked.data, checked.len), parse(text, &a), &results);
    cr_expect_eq(g.most, 10.0);
    struct mp one = mp_at(mp_view(results.data, results.len), 0);
    cr_expect(str_is(mp_str(mp_get(one, "questionId")), "x"));
    cr_expect_eq(mp_type(mp_get(one, "points")) == MP_NIL, g.manual);
    buf_finish(&q);
    buf_finish(&a);
    buf_finish(&checked);
    buf_finish(&results);
    return g.manual ? -1 : g.points;
}
#define EARNS(points, question, answer)                                                            \
    cr_expect_float_eq(earned(question, answer), points, 0.001, "%s: %s", question, answer)

#define ABC                                                                                        \
    "\"options\":[{\"id\":\"a\",\"text\":\"A\"},{\"id\":\"b\",\"text\":\"B\"},{\"id\":\"c\","      \
    "\"text\":\"C\"}]"

Test(grading, single)
{
    const char *q = "\"type\":\"single\"," ABC ",\"answer\":\"b\"";
    EARNS(10, q, "\"b\"");
    EARNS(0, q, "\"a\"");
    EARNS(0, q, "[\"b\"]");
    EARNS(0, q, "null");
}

Test(grading, multiple)
{
    const char *q = "\"type\":\"multiple\"," ABC ",\"answer\":[\"a\",\"c\"]";
    const char *part = "\"type\":\"multiple\",\"partial\":true," ABC ",\"answer\":[\"a\",\"c\"]";
    EARNS(10, q, "[\"c\",\"a\"]");
    EARNS(0, q, "[\"a\"]");
    EARNS(0, q, "[\"a\",\"b\",\"c\"]");
    EARNS(5, part, "[\"a\"]");
    EARNS(5, part, "[\"a\",\"a\",\"a\"]");
    EARNS(5, part, "[\"a\",\"b\",\"c\"]");
    EARNS(0, part, "[\"b\"]");
    EARNS(0, q, "\"a\"");
}

Test(grading, true_false)
{
    const char *q = "\"type\":\"true-false\",\"answer\":false";
    EARNS(10, q, "false");
    EARNS(0, q, "true");
    EARNS(0, q, "\"false\"");
}

Test(grading, numeric)
{
    const char *q = "\"type\":\"numeric\",\"answer\":3.14,\"tolerance\":0.01";
    EARNS(10, q, "3.14");
    EARNS(10, q, "3.15");
    EARNS(10, q, "\" 3,14 \"");
    EARNS(0, q, "3.16");
    EARNS(0, q, "\"3,14 cm\"");
    EARNS(0, q, "{}");
    EARNS(10, "\"type\":\"numeric\",\"answer\":0.3", "0.30000000000000004");
    EARNS(0, "\"type\":\"numeric\",\"answer\":0", "\"\"");
    q = "\"type\":\"numeric\",\"answer\":-1234567.5";
    EARNS(10, q, "\"-1 234 567,5\"");
    EARNS(10, q, "\"\\u22121\\u202f234\\u00a0567.5\"");
    EARNS(0, q, "\"-1.234.567,5\"");
    EARNS(0, q, "\" \"");
}

Test(grading, short_text)
{
    const char *q = "\"type\":\"short-text\",\"answer\":[\"Évariste Galois\",\"Galois\"]";
    EARNS(10, q, "\"  évariste   GALOIS \"");
    EARNS(10, q, "\"galois\"");
    EARNS(0, q, "\"Gallois\"");
    EARNS(0, q, "\"\"");
    EARNS(0, "\"type\":\"short-text\",\"caseSensitive\":true,\"answer\":[\"Na\"]", "\"NA\"");
}

/* The same signs from another keyboard; an accent that is missing is missed. */
Test(grading, typed_another_way)
{
    const char *q = "\"type\":\"short-text\",\"answer\":[\"C'est l'été, ça\"]";
    EARNS(10, q, "\"c\\u2019est l\\u2019\\u00e9t\\u00e9, \\u00e7a\"");
    EARNS(10, q, "\"C'EST\\u00a0L'E\\u0301TE\\u0301,\\u202fC\\u0327A\"");
    EARNS(0, q, "\"c'est l'ete, ça\"");
    EARNS(0, q, "\"\\u0301\"");
    EARNS(10, "\"type\":\"short-text\",\"answer\":[\"e\\u0301te\\u0301\"]", "\"été\"");
    EARNS(10, "\"type\":\"fill-in\",\"answer\":[[\"aujourd'hui\"]]", "[\"aujourd\\u2019hui\"]");
    EARNS(0, "\"type\":\"essay\"", "\"\\u00a0\"");
}

Test(grading, ordering)
{
    const char *q = "\"type\":\"ordering\"," ABC ",\"answer\":[\"c\",\"a\",\"b\"]";
    EARNS(10, q, "[\"c\",\"a\",\"b\"]");
    EARNS(0, q, "[\"c\",\"b\",\"a\"]");
    EARNS(3.33, "\"type\":\"ordering\",\"partial\":true," ABC ",\"answer\":[\"c\",\"a\",\"b\"]",
          "[\"c\",\"b\",\"a\"]");
    EARNS(0, q, "[\"c\"]");
}

Test(grading, matching)
{
    const char *q = "\"type\":\"matching\",\"partial\":true," ABC
                    ",\"matches\":[{\"id\":\"1\",\"text\":\"I\"},{\"id\":\"2\",\"text\":\"II\"}],"
                    "\"answer\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"1\"}";
    EARNS(10, q, "{\"c\":\"1\",\"b\":\"2\",\"a\":\"1\"}");
    EARNS(6.67, q, "{\"c\":\"2\",\"b\":\"2\",\"a\":\"1\"}");
    EARNS(0, q, "[\"1\",\"2\",\"1\"]");
}

Test(grading, fill_in)
{
    const char *q = "\"type\":\"fill-in\",\"answer\":[[\"rouge\"],[\"bleu\",\"bleue\"]]";
    EARNS(10, q, "[\"Rouge\",\"bleue\"]");
    EARNS(0, q, "[\"rouge\"]");
    EARNS(5, "\"type\":\"fill-in\",\"partial\":true,\"answer\":[[\"rouge\"],[\"bleu\"]]",
          "[\"rouge\",\"vert\"]");
    EARNS(0, q, "[1,2]");
}

Test(grading, essay)
{
    EARNS(-1, "\"type\":\"essay\"", "\"Il était une fois\"");
    EARNS(0, "\"type\":\"essay\"", "\"  \"");
}

Test(grading, several_and_the_unanswered)
{
    struct buf q = BUF_INIT, checked = BUF_INIT, a = BUF_INIT, results = BUF_INIT;
    char where[64];

    cr_assert_null(questions_check(
        parse("[{\"type\":\"true-false\",\"text\":\"1\",\"answer\":true},"
              "{\"type\":\"boolean\",\"text\":\"2\",\"answer\":true,\"points\":2.5},"
              "{\"type\":\"essay\",\"text\":\"3\",\"points\":4}]",
              &q),
        &checked, where));
    struct grade g = answers_grade(mp_view(checked.data, checked.len),
                                   parse("{\"q1\":true,\"q3\":\"texte\",\"q9\":1}", &a), &results);
    cr_expect_float_eq(g.points, 1, 1e-9);
    cr_expect_float_eq(g.most, 7.5, 1e-9);
    cr_expect(g.manual);
    cr_expect_eq(mp_count(mp_view(results.data, results.len)), 3u);
    struct mp nothing = {0};
    struct buf none = BUF_INIT;
    cr_expect_eq(answers_grade(nothing, nothing, &none).most, 0.0);
    buf_finish(&none);
    buf_finish(&q);
    buf_finish(&checked);
    buf_finish(&a);
    buf_finish(&results);
}

Test(questions, what_is_missing_is_named)
{
    static const char *const bad[][2] = {
        {"[{\"text\":\"T\"}]", "questions.0.type"},
        {"[{\"type\":\"riddle\",\"text\":\"T\"}]", "questions.0.type"},
        {"[{\"type\":\"essay\"}]", "questions.0.text"},
        {"[{\"type\":\"essay\",\"text\":\"T\",\"points\":0}]", "questions.0.points"},
        {"[{\"type\":\"essay\",\"text\":\"T\",\"imageUrl\":\"javascript:x\"}]",
         "questions.0.imageUrl"},
        {"[{\"type\":\"essay\",\"text\":\"T\",\"id\":\"a\"},{\"type\":\"essay\",\"text\":\"T\","
         "\"id\":\"a\"}]",
         "questions.1.id"},
        {"[{\"type\":\"single\",\"text\":\"T\",\"answer\":\"a\"}]", "questions.0.options"},
        {"[{\"type\":\"single\",\"text\":\"T\"," ABC ",\"answer\":\"z\"}]", "questions.0.answer"},
        {"[{\"type\":\"multiple\",\"text\":\"T\"," ABC ",\"answer\":[]}]", "questions.0.answer"},
        {"[{\"type\":\"multiple\",\"text\":\"T\"," ABC ",\"answer\":[\"a\",\"a\"]}]",
         "questions.0.answer"},
        {"[{\"type\":\"true-false\",\"text\":\"T\",\"answer\":\"true\"}]", "questions.0.answer"},
        {"[{\"type\":\"numeric\",\"text\":\"T\",\"answer\":\"3\"}]", "questions.0.answer"},
        {"[{\"type\":\"numeric\",\"text\":\"T\",\"answer\":3,\"tolerance\":-1}]",
         "questions.0.tolerance"},
        {"[{\"type\":\"short-text\",\"text\":\"T\",\"answer\":\"a\"}]", "questions.0.answer"},
        {"[{\"type\":\"ordering\",\"text\":\"T\"," ABC ",\"answer\":[\"a\",\"b\"]}]",
         "questions.0.answer"},
        {"[{\"type\":\"matching\",\"text\":\"T\"," ABC ",\"answer\":{}}]", "questions.0.matches"},
        {"[{\"type\":\"fill-in\",\"text\":\"T\",\"answer\":[\"a\"]}]", "questions.0.answer"},
        {"[{\"type\":\"multiple\",\"text\":\"T\",\"partial\":1," ABC ",\"answer\":[\"a\"]}]",
         "questions.0.partial"},
        {"[{\"type\":\"essay\",\"text\":\" \\n\"}]", "questions.0.text"},
        {"[{\"type\":\"essay\",\"text\":\"T\",\"explanation\":{}}]", "questions.0.explanation"},
        {"[{\"type\":\"short-text\",\"text\":\"T\",\"answer\":[\"a\",\" \"]}]",
         "questions.0.answer"},
        {"[1]", "questions.0.type"}};

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf q = BUF_INIT, out = BUF_INIT;
        char where[64];
        const char *got = questions_check(parse(bad[i][0], &q), &out, where);
        cr_expect(got && strcmp(where, bad[i][1]) == 0, "%s: %s", bad[i][0],
                  got ? where : "accepted");
        cr_expect_eq(out.len, 0u);
        buf_finish(&q);
        buf_finish(&out);
    }
}

Test(questions, null_is_absent)
{
    struct buf q = BUF_INIT, out = BUF_INIT;
    char where[64];

    cr_assert_null(
        questions_check(parse("[{\"type\":\"essay\",\"text\":\"T\",\"id\":null,\"points\":"
                              "null,\"imageUrl\":null,\"explanation\":null}]",
                              &q),
                        &out, where),
        "%s", where);
    struct mp made = mp_at(mp_view(out.data, out.len), 0);
    cr_expect(str_is(mp_str(mp_get(made, "id")), "q1"));
    cr_expect_eq(mp_float(mp_get(made, "points"), 0), 1.0);
    cr_expect_eq(mp_count(made), 4u);
    buf_finish(&q);
    buf_finish(&out);
}
