/*
 * The rules at the door: CSRF, origins, Accept, ETags, languages, problem documents, rates, cursors
 * of lists and the table of operations.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "actors/rest/answers.h"
#include "actors/rest/named.h"
#include "actors/rest/op.h"
#include "actors/rest/rate.h"
#include "stacgate/json.h"
#include "stacgate/maintenance.h"

#define OWN "https://ecole.fr"
#define LISTED "https://app.ecole.fr, https://autre.fr:8443"

Test(csrf, the_whole_rule)
{
    static const struct {
        const char *site, *origin, *referer;
        bool allowed;
    } cases[] = {{NULL, NULL, NULL, true},
                 {"same-origin", NULL, NULL, true},
                 {"none", NULL, NULL, true},
                 {"same-origin", OWN, OWN "/x", true},
                 {"same-site", NULL, NULL, false},
                 {"cross-site", NULL, NULL, false},
                 {"nonsense", NULL, NULL, false},
                 {"", NULL, NULL, false},
                 {"Same-Origin", NULL, NULL, false},
                 {NULL, OWN, NULL, true},
                 {NULL, "HTTPS://ECOLE.FR", NULL, true},
                 {NULL, "null", NULL, false},
                 {NULL, "", NULL, false},
                 {NULL, "http://ecole.fr", NULL, false},
                 {NULL, "https://ecole.fr:444", NULL, false},
                 {NULL, "https://ecole.fr.evil.com", NULL, false},
                 {NULL, "https://evil.com", NULL, false},
                 {NULL, "https://ecole.fr@evil.com", NULL, false},
                 {NULL, "https://ecole.f", NULL, false},
                 {NULL, NULL, "https://evil.com/", false},
                 {NULL, NULL, OWN "/", false},
                 {"cross-site", OWN, NULL, false},
                 {"same-site", OWN, NULL, false},
                 {"cross-site", "https://app.ecole.fr", NULL, true},
                 {NULL, "https://autre.fr:8443", NULL, true},
                 {NULL, "https://autre.fr", NULL, false},
                 {"same-site", "https://app.ecole.fr.evil.com", NULL, false}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(csrf_allows(cases[i].site, cases[i].origin, cases[i].referer, OWN, LISTED),
                     cases[i].allowed, "%s %s %s", cases[i].site, cases[i].origin,
                     cases[i].referer);
    cr_expect_not(csrf_allows(NULL, "", NULL, "", NULL),
                  "a request without Host has no origin of its own");
}

Test(cors, exact_matches_only)
{
    cr_expect(origin_listed("https://app.ecole.fr", LISTED));
    cr_expect(origin_listed("https://autre.fr:8443", LISTED));
    cr_expect_not(origin_listed("https://app.ecole.f", LISTED));
    cr_expect_not(origin_listed("https://app.ecole.fr,", LISTED));
    cr_expect_not(origin_listed("null", "null"));
    cr_expect_not(origin_listed("*", NULL));
    cr_expect_not(origin_listed(NULL, LISTED));
}

Test(accept, json_or_not)
{
    static const struct {
        const char *accept;
        bool json;
    } cases[] = {{NULL, true},
                 {"", true},
                 {"*/*", true},
                 {"application/json", true},
                 {"application/*;q=0.1", true},
                 {"text/html,application/xhtml+xml,*/*;q=0.8", true},
                 {"APPLICATION/JSON; charset=utf-8", true},
                 {"text/html", false},
                 {"application/json;q=0", false},
                 {"application/json;q=0.0, text/html", false},
                 {"application/json;q=0.5", true},
                 {"image/*", false},
                 {"application/jsonx", false},
                 {"application/json;q=0, */*", true}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(accepts_json(cases[i].accept), cases[i].json, "%s", cases[i].accept);
}

Test(etag, whole_tags)
{
    const char *tag = "\"3-abc\"";

    cr_expect(etag_matches("\"3-abc\"", tag));
    cr_expect(etag_matches("\"x\", W/\"3-abc\"", tag));
    cr_expect(etag_matches("\"3-abc-gzip\"", tag));
    cr_expect(etag_matches("*", tag));
    cr_expect_not(etag_matches(NULL, tag));
    cr_expect_not(etag_matches("\"3-ab\"", tag));
    cr_expect_not(etag_matches("\"3-abcd\"", tag));
    cr_expect_not(etag_matches("\"4-abc\"", tag));
    cr_expect_not(etag_matches("3-abc", tag));
    cr_expect_not(etag_matches("\"3-abc", tag));
    cr_expect_not(etag_matches("\"3-abx-gzip\"", tag));
    cr_expect(etag_matches(", \"a,b\" ,, \"3-abc\" ", tag));
    cr_expect_not(etag_matches("\"3-abc\" \"x\"", tag), "what is malformed names nothing");
    cr_expect_not(etag_matches("\"3-abc\", *", tag));
}

Test(etag, lists_and_their_forms)
{
    static const char *const good[] = {
        "*", " * ", "\"\"", "\"a\",W/\"b\"", "\"a,b\"", "\"\xc3\xa9\"", ", \"a\" , , \"b\" ,"};
    static const char *const bad[] = {"",         ",",           "a",       "\"a",
                                      "*, \"a\"", "\"a\" \"b\"", "w/\"a\"", "W/ \"a\"",
                                      "\"a b\"",  "\"a\", *",    "\"a\"b"};

    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(tags_well_formed(good[i]), "%s", good[i]);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(tags_well_formed(bad[i]), "%s", bad[i]);
}

Test(etag, versions_of_strong_tags)
{
    static const struct {
        const char *list;
        int64_t version;
    } cases[] = {{"\"3-abc\"", 3}, {"\"17-abc-gzip\"", 17},
                 {"\"0-\"", 0},    {"W/\"3-abc\"", -1},
                 {"\"3\"", -1},    {"\"x-3\"", -1},
                 {"\"-3-a\"", -1}, {"\"9999999999999999999-a\"", -1}};
    struct tag tag;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *at = cases[i].list;
        cr_assert_eq(tag_next(&at, &tag), TAG_ONE, "%s", cases[i].list);
        cr_expect_eq(tag_version(&tag), cases[i].version, "%s", cases[i].list);
        cr_expect_eq(tag_next(&at, &tag), TAG_END);
    }
}

Test(language, french_first)
{
    cr_expect_eq(language_of(NULL), FRENCH);
    cr_expect_eq(language_of("de, es;q=0.5"), FRENCH);
    cr_expect_eq(language_of("en"), ENGLISH);
    cr_expect_eq(language_of("en-GB,en;q=0.9"), ENGLISH);
    cr_expect_eq(language_of("fr-CH, fr;q=0.9, en;q=0.8"), FRENCH);
    cr_expect_eq(language_of("fr;q=0.3, en;q=0.7"), ENGLISH);
    cr_expect_eq(language_of("en;q=0.2, fr;q=0.7"), FRENCH);
    cr_expect_eq(language_of("enough"), FRENCH);
}

static struct mp parsed(const struct buf *json, struct buf *out)
{
    const char *why;
    size_t at;

    cr_assert_eq(json_to_mp((const char *)json->data, json->len, out, &why, &at), 0, "%s", why);
    return mp_view(out->data, out->len);
}

Test(problem, every_kind_is_a_document_in_two_languages)
{
    for (enum problem p = 0; p < PROBLEMS; p++) {
        struct buf text[2] = {BUF_INIT, BUF_INIT}, mp[2] = {BUF_INIT, BUF_INIT};
        struct mp doc[2];
        for (int l = FRENCH; l <= ENGLISH; l++) {
            problem_print(&text[l], p, (enum language)l, "/api/x\"y", "id1", NULL, NULL, 0);
            doc[l] = parsed(&text[l], &mp[l]);
            cr_expect_eq(mp_int(mp_get(doc[l], "status"), 0), problem_status(p));
            cr_expect(str_is(mp_str(mp_get(doc[l], "instance")), "/api/x\"y"));
            cr_expect(str_is(mp_str(mp_get(doc[l], "requestId")), "id1"));
            cr_expect_gt(mp_str(mp_get(doc[l], "message")).n, 0);
        }
        struct str a = mp_str(mp_get(doc[0], "type")), b = mp_str(mp_get(doc[1], "type"));
        cr_expect(a.n == b.n && memcmp(a.p, b.p, a.n) == 0 && !memchr(a.p, '_', a.n),
                  "types are the same in both languages");
        a = mp_str(mp_get(doc[0], "message"));
        b = mp_str(mp_get(doc[1], "message"));
        cr_expect(a.n != b.n || memcmp(a.p, b.p, a.n) != 0,
                  "problem %d says the same in both languages", (int)p);
        for (int l = 0; l < 2; l++) {
            buf_finish(&text[l]);
            buf_finish(&mp[l]);
        }
    }
}

Test(problem, field_errors_name_their_limit)
{
    struct buf text = BUF_INIT, mp = BUF_INIT;
    struct field_error errors[] = {{.field = "password", .code = E_too_short, .limit = 8},
                                   {.field = "x", .code = E_unknown}};

    problem_print(&text, P_invalid, ENGLISH, "/", "r", NULL, errors, 2);
    struct mp doc = parsed(&text, &mp), list = mp_get(doc, "errors");
    cr_expect_eq(mp_count(list), 2);
    cr_expect(str_is(mp_str(mp_get(mp_at(list, 0), "code")), "too_short"));
    cr_expect(str_is(mp_str(mp_get(mp_at(list, 0), "message")), "must have at least 8 characters"));
    cr_expect(str_is(mp_str(mp_get(mp_at(list, 1), "field")), "x"));
    cr_expect(memmem(text.data, text.len, "must have at least 8 characters.", 32),
              "the message old clients show says it");
    buf_finish(&text);
    buf_finish(&mp);
}

Test(problem, general_ones_by_status)
{
    static const int statuses[] = {400, 401, 403, 404, 405, 406, 408, 409, 411, 412, 413, 414,
                                   415, 417, 421, 422, 426, 429, 431, 500, 501, 503, 505};

    for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        cr_expect_eq(problem_status(problem_of_status(statuses[i])), statuses[i], "%d",
                     statuses[i]);
    cr_expect_eq(problem_of_status(401), P_unauthenticated);
    cr_expect_eq(problem_of_status(503), P_unavailable);
}

Test(rate, burst_then_steady)
{
    struct rate_policy p = {"t1", 60, 60, 5}; /* one a second, five at once */
    int64_t now = 1000000000;

    for (int i = 0; i < 5; i++) {
        struct rate_state st = rate_take(&p, "a", now);
        cr_expect(st.allowed, "%d", i);
        cr_expect_eq(st.remaining, (uint32_t)(4 - i));
    }
    struct rate_state st = rate_take(&p, "a", now);
    cr_expect_not(st.allowed);
    cr_expect_eq(st.retry_s, 1);
    cr_expect_eq(st.reset_s, 5);
    cr_expect(rate_take(&p, "b", now).allowed, "another key has its own bucket");
    cr_expect(rate_take(&p, "a", now + 1000000).allowed, "one more after a second");
    cr_expect_not(rate_take(&p, "a", now + 1000000).allowed);
    cr_expect(rate_take(&p, "a", now + 60000000).allowed);
}

Test(rate, refusals_cost_nothing)
{
    struct rate_policy p = {"t2", 60, 60, 1};
    int64_t now = 5000000;

    cr_expect(rate_take(&p, "a", now).allowed);
    for (int i = 0; i < 1000; i++)
        cr_expect_not(rate_take(&p, "a", now).allowed);
    cr_expect(rate_take(&p, "a", now + 1000000).allowed);
}

Test(operations, the_table_is_whole)
{
    for (unsigned i = 0; i < rest_op_count; i++) {
        const struct rest_op *op = &rest_ops[i];
        cr_expect(strncmp(op->path, "/api/", 5) == 0 && op->first && op->response &&
                      op->success >= 200 && op->success < 400,
                  "%s", op->name);
        cr_expect(op->french && op->english && strcmp(op->french, op->english) != 0, "%s",
                  op->name);
        cr_expect(op->method != HTTP_M_GET || op->body == schema_none, "%s: a GET takes no body",
                  op->name);
        cr_expect(op->method == HTTP_M_GET || op->rate != RATE_FREE, "%s: what writes is counted",
                  op->name);
        char name[64];
        size_t inner = strcspn(op->response + (*op->response == '['), "]");
        snprintf(name, sizeof(name), "%.*s", (int)inner, op->response + (*op->response == '['));
        cr_expect(answer_known(name), "%s: %s is no row of answers.def", op->name, name);
        if (op->permission) /* asserts that the catalogue has it */
            cr_expect_not(identity_can(NULL, op->permission));
        for (unsigned k = 0; k < i; k++)
            cr_expect(rest_ops[k].method != op->method || strcmp(rest_ops[k].path, op->path) != 0,
                      "%s twice", op->path);
    }
}

static void every_id_named(const struct rest_op *op, const struct field *f)
{
    for (; f->name; f++) {
        cr_expect(!field_is_id(f) || named_field(op, f), "%s.%s: no row of named.def", op->name,
                  f->name);
        if (f->inner)
            every_id_named(op, f->inner);
    }
}

Test(operations, every_id_says_what_it_names)
{
    for (unsigned i = 0; i < rest_op_count; i++) {
        const struct rest_op *op = &rest_ops[i];
        for (const char *p = op->path; (p = strpbrk(p, ":*"));) {
            p++;
            cr_expect(named_in_path(op, p), "%s: no row of named.def for what is at %s", op->path,
                      p);
        }
        every_id_named(op, op->query);
        every_id_named(op, op->body);
    }
}

Test(operations, identity_fields_are_never_plain)
{
    static const char *const names[] = {"establishmentId", "userId",     "createdBy",
                                        "senderId",        "approvedBy", "uploadedBy"};

    for (unsigned i = 0; i < rest_op_count; i++)
        for (const struct field *f = rest_ops[i].body; f->name; f++)
            for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
                if (strcmp(f->name, names[k]) == 0 && rest_ops[i].who != WHO_ANYONE)
                    cr_expect(f->type == FIELD_CALLER || f->type == FIELD_TENANT ||
                                  f->type == FIELD_IGNORED,
                              "%s.%s", rest_ops[i].name, f->name);
}

/* ---- cursors: through a request whose query holds one ---- */

/* Of an operation's list, with a filter ("": none). */
static bool decode_as(const struct rest_op *op, const char *filter, const char *text,
                      struct cursor *c)
{
    struct buf q = BUF_INIT;
    struct rest r = {.op = op};

    mp_put_map(&q, 2 + (*filter != 0));
    mp_put_cstr(&q, "limit");
    mp_put_int(&q, 7);
    mp_put_cstr(&q, "cursor");
    mp_put_cstr(&q, text);
    if (*filter) {
        mp_put_cstr(&q, "q");
        mp_put_cstr(&q, filter);
    }
    r.query = mp_view(q.data, q.len);
    bool good = rest_cursor(&r, time_valid, c);
    buf_finish(&q);
    return good;
}

static bool decode(const char *text, struct cursor *c)
{
    return decode_as(&rest_ops[0], "", text, c);
}

Test(cursor, there_and_back)
{
    static const char *const plain[] = {
        "2026-11-02 18:13:48.413617|f69a1831-8f7f-43eb-b6ec-0baaa890d59f", "1970-01-01 00:00:00|a",
        "2026-11-02 18:13:48.4|ab", "2026-11-02 18:13:48|abc"};

    for (unsigned i = 0; i < 4; i++) {
        struct buf code = BUF_INIT;
        struct cursor c;
        cursor_encode(&(struct rest){.op = &rest_ops[0]}, plain[i], &code);
        cr_assert(decode(buf_cstr(&code), &c), "%s", plain[i]);
        cr_expect(strncmp(c.key, plain[i], strlen(c.key)) == 0 &&
                      strcmp(c.id, strrchr(plain[i], '|') + 1) == 0,
                  "%s|%s", c.key, c.id);
        cr_expect_not(decode_as(&rest_ops[1], "", buf_cstr(&code), &c), "another list's");
        cr_expect_not(decode_as(&rest_ops[0], "x", buf_cstr(&code), &c), "the list so filtered");
        buf_finish(&code);
    }
}

Test(cursor, damage_is_seen)
{
    static const char *const bad[] = {
        "",     "a",   "!!!!", "bm9uc2Vuc2U", "MjAyNi0xMS0wMnw", "fHg", "bm90IGEgdGltZXxhYmM",
        "____", "AAAA"};
    struct cursor c;

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(decode(bad[i], &c), "%s", bad[i]);
    char longer[500];
    memset(longer, 'A', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    cr_expect_not(decode(longer, &c));
}

/* ---- keys that are being worked on ---- */

Test(idempotency, a_full_table_is_no_key_that_runs)
{
    static char names[KEYS_RUNNING_MAX][24];

    for (int i = 0; i < KEYS_RUNNING_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "u key-%d", i);
        cr_assert_eq(idempotency_enter(names[i]), PROBLEMS, "%d", i);
    }
    cr_expect_eq(idempotency_enter("u key-0"), P_running);
    cr_expect_eq(idempotency_enter("u other"), P_unavailable);
    cr_expect_eq(problem_status(P_unavailable), 503, "and a 503 always says when to come back");
    idempotency_forget(names[7]);
    cr_expect_eq(idempotency_enter("u other"), PROBLEMS);
    cr_expect_eq(idempotency_enter("u key-7"), P_unavailable);
}

/* The answers of two who switch at once may come in another order than their commits. */
Test(maintenance, the_newest_counts)
{
    struct identity admin = {.role = ROLE_ADMIN}, learner = {.role = ROLE_APPRENANT};
    struct buf words = BUF_INIT;

    cr_expect_not(maintenance_known());
    cr_expect(maintenance_refuses(NULL) && maintenance_refuses(&learner));
    cr_expect_not(maintenance_refuses(&admin) || maintenance_on());
    maintenance_switch(false, 7, (struct str){NULL, 0});
    maintenance_switch(true, 6, str_of("old"));
    cr_expect(maintenance_known() && !maintenance_on() && !maintenance_refuses(NULL));
    maintenance_words(&words);
    cr_expect_eq(words.len, 0);
    maintenance_switch(true, 8, str_of("Retour à midi"));
    maintenance_switch(false, 8, (struct str){NULL, 0});
    cr_expect(maintenance_on() && maintenance_refuses(&learner) && !maintenance_refuses(&admin));
    maintenance_words(&words);
    cr_expect_str_eq(buf_cstr(&words), "Retour à midi");
    buf_finish(&words);
}
