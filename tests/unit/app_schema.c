/*
 * Input schemas: what each field type takes and refuses, identity fields, unknown and absent ones,
 * and forms as another way in.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/rest/schema.h"
#include "stacgate/json.h"

static const struct field row_schema[] = {{.name = "id", .type = FIELD_ID, .flags = FIELD_REQUIRED},
                                          {.name = "n", .type = FIELD_INT, .max = 9},
                                          {.name = NULL}};
static const struct field shape_schema[] = {{.name = "shape",
                                             .type = FIELD_CHOICE,
                                             .flags = FIELD_REQUIRED,
                                             .choices = "disc|ring|box|dot"},
                                            {.name = "colour", .type = FIELD_STR, .max = 9},
                                            {.name = "radius", .type = FIELD_NUMBER, .max = 5},
                                            {.name = "hole", .type = FIELD_NUMBER, .max = 5},
                                            {.name = "side", .type = FIELD_ANY},
                                            {.name = NULL}};
static const struct variant shape_variants[] = {{"disc|ring", "radius|hole", "radius", "", "{}"},
                                                {"box", "side", "side", "", "{}"},
                                                {"dot", "", "", "", "{}"},
                                                {.kinds = NULL}};
static const struct field schema[] = {
    {.name = "name", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 5},
    {.name = "text", .type = FIELD_STR, .min = 3, .max = 4},
    {.name = "id", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "email", .type = FIELD_EMAIL},
    {.name = "url", .type = FIELD_URL, .max = 60},
    {.name = "link", .type = FIELD_LINK, .min = 1, .max = 60},
    {.name = "css", .type = FIELD_CSS, .min = 1, .max = 40},
    {.name = "n", .type = FIELD_INT, .min = -2, .max = 9},
    {.name = "on", .type = FIELD_BOOL},
    {.name = "kind", .type = FIELD_CHOICE, .choices = "red|green"},
    {.name = "when", .type = FIELD_TIME},
    {.name = "tags", .type = FIELD_TEXTS, .max = 2},
    {.name = "extra", .type = FIELD_OBJECT, .max = 20},
    {.name = "one", .type = FIELD_OBJECT, .max = 200, .inner = row_schema},
    {.name = "rows", .type = FIELD_LIST, .max = 3, .inner = row_schema},
    {.name = "shapes",
     .type = FIELD_LIST,
     .min = 1,
     .max = 3,
     .inner = shape_schema,
     .variants = shape_variants,
     .by = "shape"},
    {.name = "colours",
     .type = FIELD_OBJECT,
     .max = 99,
     .inner = shape_schema + 1,
     .variants = shape_variants,
     .by = "form",
     .otherwise = "dot"},
    {.name = "form", .type = FIELD_CHOICE, .choices = "disc|ring|box|dot"},
    {.name = "few", .type = FIELD_TEXTS, .max = 2, .choices = "red|green"},
    {.name = "ids", .type = FIELD_IDS, .min = 1, .max = 2},
    {.name = "opId", .type = FIELD_OP_ID},
    {.name = "userId", .type = FIELD_CALLER},
    {.name = "establishmentId", .type = FIELD_TENANT},
    {.name = "rating", .type = FIELD_IGNORED},
    {.name = NULL}};

static const struct identity pupil = {
    .role = ROLE_APPRENANT, .user_id = "u1", .establishment_id = "e1"};
static const struct identity chief = {
    .role = ROLE_SUPER_ADMIN, .user_id = "u0", .establishment_id = ""};

/* Its names are good until the next check. */
static struct verdict check(const char *json, const struct identity *who, struct buf *out)
{
    static struct verdict v;
    struct buf in = BUF_INIT;
    const char *why;
    size_t at;

    cr_assert_eq(json_to_mp(json, strlen(json), &in, &why, &at), 0, "%s: %s", json, why);
    schema_check(schema, mp_view(in.data, in.len), who, out, &v);
    buf_finish(&in);
    return v;
}

/* The verdict on {"name":"x", <more>}: one error with this code, or none. */
static void one(const char *more, int code)
{
    char json[512];
    struct buf out = BUF_INIT;

    snprintf(json, sizeof(json), "{\"name\":\"x\",%s}", more);
    struct verdict v = check(json, &pupil, &out);
    if (code < 0)
        cr_expect_eq(v.count, 0, "%s refused with %d", more, v.count ? (int)v.errors[0].code : -1);
    else
        cr_expect(v.count == 1 && (int)v.errors[0].code == code, "%s: %u errors, first %d, not %d",
                  more, v.count, v.count ? (int)v.errors[0].code : -1, code);
    buf_finish(&out);
}

Test(schema, each_type)
{
    static const struct {
        const char *json;
        int code;
    } cases[] = {{"\"text\":\"abc\"", -1},
                 {"\"text\":\"éàü\"", -1},
                 {"\"text\":\"ab\"", E_too_short},
                 {"\"text\":\"abcde\"", E_too_long},
                 {"\"text\":\"éàüöë\"", E_too_long},
                 {"\"text\":5", E_type},
                 {"\"text\":null", -1},
                 {"\"text\":[\"abc\"]", E_type},
                 {"\"id\":\"aB3-_\"", -1},
                 {"\"id\":\"\"", -1},
                 {"\"id\":\"a b\"", E_format},
                 {"\"id\":\"a'b\"", E_format},
                 {"\"id\":7", E_type},
                 {"\"email\":\"a@b\"", -1},
                 {"\"email\":\"a@b.fr\"", -1},
                 {"\"email\":\"ab\"", E_format},
                 {"\"email\":\"@b\"", E_format},
                 {"\"email\":\"a@\"", E_format},
                 {"\"email\":\"a@b@c\"", E_format},
                 {"\"email\":\"a b@c\"", E_format},
                 {"\"email\":\"a@b..c\"", E_format},
                 {"\"email\":\"a\\r\\nb@c\"", E_format},
                 {"\"email\":\"a@.c\"", E_format},
                 {"\"email\":\"\u00e9@\u00e9cole.fr\"", -1},
                 {"\"email\":\"a\\u200b@b\"", E_format},
                 {"\"email\":\"a@b\\u202e\"", E_format},
                 {"\"email\":\"a\\u00a0b@c\"", E_format},
                 {"\"email\":\"a\\u0085@c\"", E_format},
                 {"\"url\":\"https://a.fr/x?y\"", -1},
                 {"\"url\":\"javascript:alert(1)\"", E_format},
                 {"\"url\":\"https://\"", E_format},
                 {"\"url\":\"https://a\\\"b\"", E_format},
                 {"\"url\":\"data:text/html,x\"", E_format},
                 {"\"link\":\"https://a.fr/x?y\"", -1},
                 {"\"link\":\"mailto:a@b\"", -1},
                 {"\"link\":\"/\"", -1},
                 {"\"link\":\"/a/b#c\"", -1},
                 {"\"link\":\"#c\"", -1},
                 {"\"link\":\"//a.fr\"", E_format},
                 {"\"link\":\"/\\\\a.fr\"", E_format},
                 {"\"link\":\"a/b\"", E_format},
                 {"\"link\":\"javascript:alert(1)\"", E_format},
                 {"\"link\":\"/a b\"", E_format},
                 {"\"link\":\"\"", E_required},
                 {"\"css\":\"#12aB90\"", -1},
                 {"\"css\":\"rgb(1, 2.5%, 3)\"", -1},
                 {"\"css\":\"'Open Sans', serif\"", -1},
                 {"\"css\":\"red;color:blue\"", E_format},
                 {"\"css\":\"url(//a)\"", E_format},
                 {"\"css\":\"red, Url('a')\"", E_format},
                 {"\"css\":\"\\\\72 ed\"", E_format},
                 {"\"css\":\"</style>\"", E_format},
                 {"\"n\":9", -1},
                 {"\"n\":9.0", -1},
                 {"\"n\":-2", -1},
                 {"\"n\":10", E_too_big},
                 {"\"n\":-3", E_too_small},
                 {"\"n\":1.5", E_type},
                 {"\"n\":\"1\"", E_type},
                 {"\"n\":true", E_type},
                 {"\"n\":1e300", E_type},
                 {"\"on\":true", -1},
                 {"\"on\":1", E_type},
                 {"\"on\":\"true\"", E_type},
                 {"\"kind\":\"red\"", -1},
                 {"\"kind\":\"green\"", -1},
                 {"\"kind\":\"re\"", E_choice},
                 {"\"kind\":\"red|green\"", E_choice},
                 {"\"kind\":\"\"", E_choice},
                 {"\"when\":\"2026-02-28\"", -1},
                 {"\"when\":\"2024-02-29T10:00\"", -1},
                 {"\"when\":\"2026-01-02T03:04:05.678Z\"", -1},
                 {"\"when\":\"2026-01-02T03:04:05+02:00\"", -1},
                 {"\"when\":\"2026-02-29\"", E_format},
                 {"\"when\":\"2026-13-01\"", E_format},
                 {"\"when\":\"2026-01-02T24:00\"", E_format},
                 {"\"when\":\"2026-01-02T10:00:00.Z\"", E_format},
                 {"\"when\":\"2026-01-02T10:00Zx\"", E_format},
                 {"\"when\":\"now\"", E_format},
                 {"\"when\":\"2026-01-02T10:00+15:59\"", -1},
                 {"\"when\":\"2026-01-02T10:00-1559\"", -1},
                 {"\"when\":\"2026-01-02T10:00+16:00\"", E_format},
                 {"\"when\":\"2026-01-02T10:00-23:59\"", E_format},
                 {"\"when\":\"\"", E_format},
                 {"\"tags\":[\"a\",\"b\"]", -1},
                 {"\"tags\":\"\"", -1},
                 {"\"tags\":[]", -1},
                 {"\"tags\":[\"a\",\"b\",\"c\"]", E_too_many},
                 {"\"tags\":[1]", E_type},
                 {"\"tags\":\"a\"", E_type},
                 {"\"tags\":[\"a\\nb\"]", E_format},
                 {"\"extra\":{\"a\":1}", -1},
                 {"\"extra\":[]", E_type},
                 {"\"extra\":{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}", E_too_long},
                 {"\"opId\":\"a-1\"", -1},
                 {"\"opId\":\"\"", E_format},
                 {"\"opId\":\"a b\"", E_format},
                 {"\"opId\":\"é\"", E_format},
                 {"\"rating\":{\"any\":[\"thing\"]}", -1},
                 {"\"surprise\":1", E_unknown},
                 {"\"\":1", E_unknown}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        one(cases[i].json, cases[i].code);
}

Test(schema, required_and_blank)
{
    static const struct {
        const char *json;
        int code;
    } cases[] = {{"{}", E_required},
                 {"{\"name\":null}", E_required},
                 {"{\"name\":\"\"}", E_required},
                 {"{\"name\":\"   \"}", E_format},
                 {"{\"name\":\"a\\u0007\"}", E_format},
                 {"{\"name\":\"\\u00a0\\u3000\"}", E_format},
                 {"{\"name\":\"\\u200b\"}", E_format},
                 {"{\"name\":\"\\u2800\\ufeff\"}", E_format},
                 {"{\"name\":\"a\\u0085\"}", E_format},
                 {"{\"name\":\"a\\u2028\"}", E_format},
                 {"{\"name\":\"\\u202ea\"}", E_format},
                 {"{\"name\":\"a\\u2067\"}", E_format},
                 {"{\"name\":\"e\\u0301\"}", -1},
                 {"{\"name\":\"\\u0645\\u200c\\u06cc\"}", -1},
                 {"{\"name\":\"\\ud83d\\ude00\\ufe0f\"}", -1},
                 {"{\"name\":\"abcdef\"}", E_too_long}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT;
        struct verdict v = check(cases[i].json, &pupil, &out);
        if (cases[i].code < 0)
            cr_expect_eq(v.count, 0, "%s", cases[i].json);
        else
            cr_expect(v.count == 1 && (int)v.errors[0].code == cases[i].code &&
                          strcmp(v.errors[0].field, "name") == 0,
                      "%s", cases[i].json);
        buf_finish(&out);
    }
}

Test(schema, identity_is_never_taken_from_input)
{
    static const struct {
        const char *json;
        const struct identity *who;
        bool identity;
        unsigned errors;
    } cases[] = {
        {"{\"name\":\"x\",\"userId\":\"u1\",\"establishmentId\":\"e1\"}", &pupil, false, 0},
        {"{\"name\":\"x\",\"userId\":\"u2\"}", &pupil, true, 1},
        {"{\"name\":\"x\",\"establishmentId\":\"e2\"}", &pupil, true, 1},
        {"{\"name\":\"x\",\"establishmentId\":\"e2\"}", &chief, false, 0},
        {"{\"name\":\"x\",\"userId\":\"u1\"}", &chief, true, 1},
        {"{\"name\":\"x\",\"establishmentId\":\"e2\"}", NULL, false, 0}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT;
        struct verdict v = check(cases[i].json, cases[i].who, &out);
        cr_expect(v.identity == cases[i].identity && v.count == cases[i].errors, "%s",
                  cases[i].json);
        buf_finish(&out);
    }
}

Test(schema, only_named_and_present_fields_get_through)
{
    struct buf out = BUF_INIT;
    struct verdict v =
        check("{\"rating\":5,\"id\":\"\",\"text\":null,\"name\":\"x\",\"n\":3}", &pupil, &out);
    struct mp map = mp_view(out.data, out.len);

    cr_expect_eq(v.count, 0);
    cr_expect_eq(mp_count(map), 2);
    cr_expect(str_is(mp_str(mp_get(map, "name")), "x"));
    cr_expect_eq(mp_int(mp_get(map, "n"), 0), 3);
    buf_finish(&out);
}

Test(schema, what_stands_inside_has_a_schema_too)
{
    static const struct {
        const char *json, *field;
        int code;
    } cases[] = {{"\"one\":{\"id\":\"a\",\"n\":10}", "one.n", E_too_big},
                 {"\"one\":{}", "one.id", E_required},
                 {"\"one\":{\"id\":\"a\",\"x\":1}", "one.x", E_unknown},
                 {"\"rows\":[{\"id\":\"a\"},{\"id\":\"a b\"}]", "rows.1.id", E_format},
                 {"\"rows\":[{\"id\":null}]", "rows.0.id", E_required},
                 {"\"rows\":[1]", "rows", E_type},
                 {"\"few\":[\"red\",\"blue\"]", "few", E_choice},
                 {"\"ids\":[]", "ids", E_required},
                 {"\"ids\":[\"a b\"]", "ids", E_format}};
    char json[200];

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT;
        struct verdict copy;
        snprintf(json, sizeof(json), "{\"name\":\"x\",%s}", cases[i].json);
        struct verdict v = check(json, &pupil, &out);
        verdict_copy(&copy, &v);
        cr_assert_eq(v.count, 1, "%s: %u errors", json, v.count);
        cr_expect_eq((int)v.errors[0].code, cases[i].code, "%s", json);
        cr_expect_str_eq(copy.errors[0].field, cases[i].field, "%s", json);
        buf_finish(&out);
    }
    struct buf out = BUF_INIT;
    cr_assert_eq(
        check("{\"name\":\"x\",\"rows\":[{\"id\":\"a\",\"n\":null},{\"n\":2,\"id\":\"b\"}]}",
              &pupil, &out)
            .count,
        0);
    struct mp rows = mp_get(mp_view(out.data, out.len), "rows");
    cr_expect_eq(mp_count(rows), 2);
    cr_expect_eq(mp_count(mp_at(rows, 0)), 1); /* null is absent */
    cr_expect_eq(mp_int(mp_get(mp_at(rows, 1), "n"), 0), 2);
    buf_finish(&out);
}

Test(schema, maps_of_several_kinds_have_what_their_kind_has)
{
    static const struct {
        const char *json, *field; /* NULL: it fits */
        int code;
    } cases[] = {
        {"\"shapes\":[{\"shape\":\"ring\",\"radius\":2.5,\"hole\":1,\"colour\":\"red\"}]", NULL, 0},
        {"\"shapes\":[{\"shape\":\"box\",\"side\":[{}],\"radius\":null}]", NULL, 0},
        {"\"shapes\":[{\"shape\":\"dot\"},{\"shape\":\"disc\"}]", "shapes.1.radius", E_required},
        {"\"shapes\":[{\"shape\":\"disc\",\"radius\":null}]", "shapes.0.radius", E_required},
        {"\"shapes\":[{\"shape\":\"dot\",\"radius\":1}]", "shapes.0.radius", E_unknown},
        {"\"shapes\":[{\"shape\":\"dot\",\"side\":1}]", "shapes.0.side", E_unknown},
        {"\"shapes\":[{\"shape\":\"disc\",\"radius\":\"1\"}]", "shapes.0.radius", E_type},
        {"\"shapes\":[{\"shape\":\"disc\",\"radius\":5.5}]", "shapes.0.radius", E_too_big},
        {"\"shapes\":[{\"shape\":\"disc\",\"radius\":-1}]", "shapes.0.radius", E_too_small},
        {"\"shapes\":[{\"shape\":\"star\",\"side\":1}]", "shapes.0.shape", E_choice},
        {"\"shapes\":[]", "shapes", E_required},
        {"\"colours\":{\"colour\":\"red\"}", NULL, 0},
        {"\"colours\":{\"radius\":1}", "colours.radius", E_unknown},
        {"\"form\":\"disc\",\"colours\":{\"radius\":1}", NULL, 0},
        {"\"form\":\"disc\",\"colours\":{}", "colours.radius", E_required},
        {"\"form\":\"disc\"", "colours", E_required},
        {"\"form\":null", NULL, 0}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[256];
        struct buf out = BUF_INIT;

        snprintf(json, sizeof(json), "{\"name\":\"x\",%s}", cases[i].json);
        struct verdict v = check(json, &pupil, &out);
        cr_expect_eq(v.count, cases[i].field ? 1u : 0u, "%s: %u errors", json, v.count);
        if (v.count && cases[i].field)
            cr_expect(strcmp(v.errors[0].field, cases[i].field) == 0 &&
                          (int)v.errors[0].code == cases[i].code,
                      "%s: %s %d", json, v.errors[0].field, (int)v.errors[0].code);
        buf_finish(&out);
    }
}

Test(schema, errors_are_bounded_and_name_the_first_unknown_field)
{
    struct buf in = BUF_INIT, out = BUF_INIT;
    struct verdict v;

    mp_put_map(&in, 40);
    for (int i = 0; i < 40; i++) {
        char key[120];
        memset(key, 'k', 100);
        snprintf(key + 100, 20, "%d", i);
        mp_put_cstr(&in, key);
        mp_put_int(&in, i);
    }
    schema_check(schema, mp_view(in.data, in.len), &pupil, &out, &v);
    cr_expect_leq(v.count, FIELD_ERRORS_MAX);
    cr_expect_eq(v.errors[0].code, E_unknown);
    cr_expect_eq(strlen(v.errors[0].field), 63);
    buf_finish(&in);
    buf_finish(&out);
}

Test(schema, a_form_is_the_same_as_json)
{
    struct buf raw = BUF_INIT, out = BUF_INIT;
    const char *form = "name=a%C3%A9+b&n=5&on=true&kind=red&&email=a%40b.fr";
    struct verdict v;

    cr_assert_eq(form_to_mp(schema, str_of(form), &raw), 0);
    schema_check(schema, mp_view(raw.data, raw.len), &pupil, &out, &v);
    struct mp map = mp_view(out.data, out.len);
    cr_expect_eq(v.count, 0);
    cr_expect(str_is(mp_str(mp_get(map, "name")), "aé b"));
    cr_expect(str_is(mp_str(mp_get(map, "email")), "a@b.fr"));
    cr_expect_eq(mp_int(mp_get(map, "n"), 0), 5);
    cr_expect(mp_bool(mp_get(map, "on"), false));
    buf_finish(&raw);
    buf_finish(&out);
}

Test(schema, a_list_is_several_pairs_of_a_form)
{
    struct buf raw = BUF_INIT, out = BUF_INIT;
    const char *form = "tags=un&name=x&tags=deux+mots";
    struct verdict v;

    cr_assert_eq(form_to_mp(schema, str_of(form), &raw), 0);
    schema_check(schema, mp_view(raw.data, raw.len), &pupil, &out, &v);
    struct mp tags = mp_get(mp_view(out.data, out.len), "tags");
    cr_expect_eq(v.count, 0);
    cr_expect_eq(mp_count(tags), 2);
    cr_expect(str_is(mp_str(mp_at(tags, 1)), "deux mots"));
    buf_clear(&raw);
    cr_assert_eq(form_to_mp(schema, str_of("name=x&tags="), &raw), 0);
    schema_check(schema, mp_view(raw.data, raw.len), &pupil, &out, &v);
    cr_expect_eq(v.count, 0, "a blank list is none");
    buf_clear(&raw);
    cr_assert_eq(form_to_mp(schema, str_of("name=x&tags=un"), &raw), 0);
    cr_expect_eq(mp_count(mp_get(mp_view(raw.data, raw.len), "tags")), 1);
    buf_finish(&raw);
    buf_finish(&out);
}

Test(schema, bad_forms)
{
    static const char *const bad[] = {"name=%",   "name=%4",       "name=%zz", "name=%00",
                                      "name=%ff", "name=a&name=b", "%ff=a"};
    char many[1200] = "";

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf out = BUF_INIT;
        cr_expect_lt(form_to_mp(schema, str_of(bad[i]), &out), 0, "%s", bad[i]);
        buf_finish(&out);
    }
    for (int i = 0; i < 70; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "k%d=1&", i);
    struct buf out = BUF_INIT;
    cr_expect_lt(form_to_mp(schema, str_of(many), &out), 0, "70 pairs");
    buf_finish(&out);
}
