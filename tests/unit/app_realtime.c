/* The parts of the real-time floor that need no loop: envelopes, objects, refusals, token buckets,
 * members. */
#include <criterion/criterion.h>
#include <errno.h>

#include "actors/realtime/envelope.h"
#include "actors/realtime/longpoll.h"
#include "actors/realtime/members.h"
#include "actors/realtime/rate.h"
#include "actors/realtime/refusal.h"
#include "actors/realtime/ticket.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"

static int read_json(const char *text, struct buf *scratch, struct envelope *e)
{
    const char *why;

    return envelope_read(ENC_JSON, (const uint8_t *)text, strlen(text), scratch, e, &why);
}

Test(envelope, reads_what_the_stock_client_sends)
{
    struct buf scratch = BUF_INIT;
    struct envelope e;

    cr_assert_eq(
        read_json("[\"1\",\"7\",\"group:g\",\"message:new\",{\"content\":\"é\"}]", &scratch, &e),
        0);
    cr_assert(str_is(e.join_ref, "1") && str_is(e.ref, "7") && str_is(e.topic, "group:g"));
    cr_assert(str_is(e.event, "message:new"));
    cr_assert(str_is(mp_str(mp_get(e.payload, "content")), "é"));
    cr_assert_eq(read_json("[null,\"1\",\"phoenix\",\"heartbeat\",{}]", &scratch, &e), 0);
    cr_assert_null(e.join_ref.p);
    buf_finish(&scratch);
}

Test(envelope, refuses_what_is_none)
{
    static const struct {
        const char *text;
        int err;
    } rows[] = {
        {"{", -EINVAL},
        {"[1,2", -EINVAL},
        {"[\"1\",\"1\",\"t\",\"e\",{\"a\":1,\"a\":2}]", -EINVAL},
        {"{}", -EBADMSG},
        {"[]", -EBADMSG},
        {"[\"1\",\"1\",\"t\",\"e\"]", -EBADMSG},
        {"[\"1\",\"1\",\"t\",\"e\",{},1]", -EBADMSG},
        {"[1,\"1\",\"t\",\"e\",{}]", -EBADMSG},
        {"[\"1\",\"1\",null,\"e\",{}]", -EBADMSG},
        {"[\"1234567890123456789012345678901234567890\",\"1\",\"t\",\"e\",{}]", -EBADMSG},
    };
    struct buf scratch = BUF_INIT;
    struct envelope e;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(read_json(rows[i].text, &scratch, &e), rows[i].err, "row %zu: %s", i,
                     rows[i].text);
    buf_finish(&scratch);
}

/* The payload of one unmasked frame of less than 64 KiB. */
static struct str frame_payload(const struct buf *b)
{
    size_t head = b->data[1] < 126 ? 2 : 4;

    return (struct str){(const char *)b->data + head, b->len - head};
}

Test(envelope, writes_the_same_message_in_both_encodings)
{
    struct buf json = BUF_INIT, mp = BUF_INIT, back = BUF_INIT;
    struct value payload = value_json(STR("{\"a\": [1, \"x\"], \"b\": null}"));

    envelope_wire(&json, ENC_JSON, (struct str){0}, STR("3"), STR("group:g"), STR("message"),
                  payload);
    envelope_wire(&mp, ENC_MP, (struct str){0}, STR("3"), STR("group:g"), STR("message"), payload);
    struct str text = frame_payload(&json), bytes = frame_payload(&mp);
    cr_assert_eq(json.data[0], 0x81);
    cr_assert_eq(mp.data[0], 0x82);
    mp_to_json(mp_view(bytes.p, bytes.n), &back);
    cr_assert_str_eq(buf_cstr(&back),
                     "[null,\"3\",\"group:g\",\"message\",{\"a\":[1,\"x\"],\"b\":null}]");
    cr_assert(
        str_is(text, "[null,\"3\",\"group:g\",\"message\",{\"a\": [1, \"x\"], \"b\": null}]"));
    buf_finish(&json);
    buf_finish(&mp);
    buf_finish(&back);
}

Test(object, splices_a_stored_map_whatever_its_form)
{
    struct buf stored = BUF_INIT;
    const char *why;
    size_t at;

    cr_assert_eq(json_to_mp("{\"x\":1,\"y\":{}}", 14, &stored, &why, &at), 0);
    const struct value forms[] = {value_mp(mp_view(stored.data, stored.len)),
                                  value_json(STR("{\"x\": 1, \"y\": {}}"))};
    for (int form = 0; form < 2; form++)
        for (int enc = 0; enc < ENVELOPES; enc++) {
            struct buf out = BUF_INIT, mp = BUF_INIT, text = BUF_INIT;
            struct object o;

            object_begin(&o, &out, (enum encoding)enc);
            object_int(&o, "seq", 7);
            object_splice(&o, forms[form]);
            object_str(&o, "n", (struct str){0});
            object_end(&o);
            if (is_json((enum encoding)enc))
                cr_assert_eq(json_to_mp((char *)out.data, out.len, &mp, &why, &at), 0, "%s", why);
            else
                cr_assert_eq(mp_check(out.data, out.len, false, &why), 0, "%s", why);
            mp_to_json(is_json((enum encoding)enc) ? mp_view(mp.data, mp.len)
                                                   : mp_view(out.data, out.len),
                       &text);
            cr_assert_str_eq(buf_cstr(&text), "{\"seq\":7,\"x\":1,\"y\":{},\"n\":null}");
            buf_finish(&out);
            buf_finish(&mp);
            buf_finish(&text);
        }
    buf_finish(&stored);
}

Test(object, an_empty_one_is_a_map)
{
    for (int enc = 0; enc < ENVELOPES; enc++) {
        struct buf out = BUF_INIT;
        struct object o;

        object_begin(&o, &out, (enum encoding)enc);
        object_splice(&o, value_json(STR("{}")));
        object_end(&o);
        cr_assert(is_json((enum encoding)enc) ? strncmp((char *)out.data, "{}", 2) == 0
                                              : mp_type(mp_view(out.data, out.len)) == MP_MAP);
        buf_finish(&out);
    }
}

Test(refusal, has_a_word_a_text_and_the_field)
{
    struct buf b = BUF_INIT;

    refusal_put(&b, ENC_JSON, &(struct refusal){REASON_invalid, "content", "required", 0}, true);
    cr_assert_str_eq(buf_cstr(&b),
                     "{\"reason\":\"invalid\",\"message\":\"What was sent is not valid.\","
                     "\"errors\":[{\"field\":\"content\",\"code\":\"required\"}]}");
    buf_clear(&b);
    refusal_put(&b, ENC_JSON, &(struct refusal){.reason = REASON_rate_limited, .retry_after = 3},
                false);
    cr_assert(strstr(buf_cstr(&b), "\"retryAfter\":3"));
    cr_assert(strstr(buf_cstr(&b), "patientez"));
    buf_finish(&b);
}

Test(rate, a_burst_then_the_rate_then_the_end)
{
    struct bucket b = {0};
    int refused = 0;

    for (int i = 0; i < 100; i++)
        cr_assert_eq(bucket_take(&b, 1000, 50, 100), RATE_OK);
    cr_assert_eq(bucket_take(&b, 1000, 50, 100), RATE_REFUSED);
    cr_assert_eq(bucket_take(&b, 1040, 50, 100), RATE_OK, "two tokens came in 40 ms");
    while (bucket_take(&b, 1040, 50, 100) == RATE_REFUSED)
        refused++;
    cr_assert_geq(refused, 890);
    cr_assert_leq(refused, 900);
}

static struct mp pack_user(struct buf *b, const char *id, const char *first)
{
    mp_put_array(b, 6);
    mp_put_cstr(b, id);
    mp_put_cstr(b, first);
    mp_put_cstr(b, "Durand");
    mp_put_cstr(b, "");
    mp_put_int(b, ROLE_FORMATEUR);
    mp_put_bool(b, true);
    return mp_view(b->data, b->len);
}

Test(members, a_user_lives_while_something_holds_it)
{
    struct members ms = {0};
    struct buf b = BUF_INIT, card = BUF_INIT;
    struct user *u = members_user(&ms, STR("u1"));
    const actor_id on_loop_1 = (actor_id)1 << 56 | 5;

    members_see(u, pack_user(&b, "u1", "Inès"));
    cr_assert_str_eq(user_name(u, NAME_FIRST), "Inès");
    cr_assert_str_eq(user_name(u, NAME_LAST), "Durand");
    cr_assert_str_eq(user_name(u, NAME_IMAGE), "");
    cr_assert(u->staff && u->role == ROLE_FORMATEUR);
    user_card(&card, u);
    cr_assert_eq(mp_type(mp_get(mp_view(card.data, card.len), "profileImageUrl")), MP_NIL);

    struct member *m = members_add(&ms, u, on_loop_1, 1);
    members_connected(&ms, m, 1);
    cr_assert_eq(ms.by_loop[1], 1);
    cr_assert_eq(members_find(&ms, on_loop_1, 1), m);
    members_rekey(&ms, m, on_loop_1, 2);
    cr_assert_null(members_find(&ms, on_loop_1, 1));
    cr_assert_eq(members_find(&ms, on_loop_1, 2), m);
    members_connected(&ms, m, -1);
    members_remove(&ms, m);
    cr_assert_null(members_find_user(&ms, STR("u1")), "nobody holds it any more");

    u = members_user(&ms, STR("u2"));
    u->belongs = MEMBER_MEMBER;
    members_user_release(&ms, u);
    cr_assert_eq(members_find_user(&ms, STR("u2")), u);
    members_finish(&ms);
    buf_finish(&b);
    buf_finish(&card);
}

Test(members, roles_have_names)
{
    cr_assert_eq(member_role_of(STR("moderator")), MEMBER_MODERATOR);
    cr_assert_eq(member_role_of(STR("king")), MEMBER_NONE);
    cr_assert_eq(member_role_of((struct str){0}), MEMBER_NONE);
}

/* ---- join tickets ---- */

static bool opens(const char *ticket, const char *user, const char *topic)
{
    char tenant[TICKET_TENANT_MAX + 1];

    return ticket_tenant(str_of(ticket), user, topic, tenant) && strcmp(tenant, "school-1") == 0;
}

Test(ticket, is_good_for_its_person_and_topic_only)
{
    char ticket[TICKET_MAX + 1], bad[TICKET_MAX + 1];

    ticket_setup();
    ticket_make(ticket, "user-1", "school-1", "group:g");
    cr_expect(opens(ticket, "user-1", "group:g"), "%s", ticket);
    cr_expect_not(opens(ticket, "user-2", "group:g"));
    cr_expect_not(opens(ticket, "user-1", "group:h"));
    for (size_t i = 0; ticket[i]; i++) { /* no character of it may change */
        strcpy(bad, ticket);
        bad[i] = bad[i] == '0' ? '1' : '0';
        cr_expect_not(opens(bad, "user-1", "group:g"), "%s", bad);
    }
    strcpy(bad, ticket);
    bad[strlen(bad) - 1] = '\0';
    cr_expect_not(opens(bad, "user-1", "group:g"));
    cr_expect_not(opens("", "user-1", "group:g"));
    cr_expect_not(opens("..", "user-1", "group:g"));
    ticket_setup(); /* another process */
    cr_expect_not(opens(ticket, "user-1", "group:g"));
}

static int64_t later(void)
{
    return INT64_C(4102444800000);
}

Test(ticket, ends)
{
    char ticket[TICKET_MAX + 1];

    ticket_setup();
    ticket_make(ticket, "user-1", "school-1", "group:g");
    ids_use(&(struct ids_source){.wall_ms = later});
    cr_expect_not(opens(ticket, "user-1", "group:g"));
    ids_use(&(struct ids_source){0});
}

Test(ticket, names_too_long_for_one_get_none)
{
    char ticket[TICKET_MAX + 1], tenant[100];

    memset(tenant, 't', sizeof(tenant) - 1);
    tenant[sizeof(tenant) - 1] = '\0';
    ticket_setup();
    ticket_make(ticket, "user-1", tenant, "group:g");
    cr_expect_str_empty(ticket);
}

Test(longpoll, a_token_is_another_text_each_time_and_reads_the_same)
{
    struct longpoll_token t = {.loop = 63, .answers = 40000}, back;
    char one[LONGPOLL_TOKEN_SIZE], two[LONGPOLL_TOKEN_SIZE];

    random_bytes(t.secret, sizeof(t.secret));
    longpoll_token_print(one, &t);
    longpoll_token_print(two, &t);
    cr_expect_str_neq(one, two);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(longpoll_token_read(i ? one : two, &back));
        cr_expect_eq(back.loop, 63);
        cr_expect_eq(back.answers, 40000);
        cr_expect_arr_eq(back.secret, t.secret, LONGPOLL_SECRET);
    }
}

Test(longpoll, what_is_no_token_is_not_read)
{
    struct longpoll_token t = {0};
    char text[LONGPOLL_TOKEN_SIZE + 1];

    longpoll_token_print(text, &t);
    text[5] = '=';
    cr_expect_not(longpoll_token_read(text, &t));
    longpoll_token_print(text, &t);
    text[LONGPOLL_TOKEN_SIZE - 2] = '\0';
    cr_expect_not(longpoll_token_read(text, &t));
    cr_expect_not(longpoll_token_read("lp.", &t));
    cr_expect_not(longpoll_token_read("", &t));
}

Test(handshake, each_refusal_says_why_in_two_languages)
{
    for (enum handshake_fault h = H_none + 1; h < HANDSHAKE_FAULTS; h++) {
        const struct http_fault *row = handshake_fault(h);
        cr_expect(row->status >= 400 && row->status < 600, "row %d", (int)h);
        cr_expect(strlen(row->text[0]) > 0 && strlen(row->text[1]) > 0, "row %d", (int)h);
        cr_expect(strcmp(row->text[0], row->text[1]) != 0, "row %d: %s", (int)h, row->text[0]);
    }
}
