/*
 * The ephemeral lane without a channel: what a frame takes, in which order, and that nobody is sent
 * more than 512 kbit/s, whatever the encoding and however much is said.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/realtime/lane.h"
#include "stacgate/json.h"

static const char cursor[] = "cursor", typing[] = "typing";

/* A value of JSON text. */
static void say(struct lane *l, const char *event, const char *user, const char *json)
{
    struct buf b = BUF_INIT;
    const char *why;
    size_t at;

    cr_assert_eq(json_to_mp(json, strlen(json), &b, &why, &at), 0, "%s", why);
    lane_say(l, event, str_of(user), mp_view(b.data, b.len), 7);
    buf_finish(&b);
}

static unsigned length(const struct says *s)
{
    unsigned n = 0;

    for (; s; s = s->next)
        n++;
    return n;
}

Test(lane, the_latest_of_each_in_one_frame_the_same_in_both_forms)
{
    struct lane l = {0};
    struct buf json = BUF_INIT, mp = BUF_INIT, back = BUF_INIT;

    say(&l, cursor, "ada", "{\"x\":1}");
    say(&l, typing, "bob", "{\"isTyping\":true}");
    say(&l, cursor, "bob", "{\"x\":2}");
    say(&l, cursor, "ada", "{\"x\":3}");
    cr_expect_eq(mp_int(mp_get(lane_pending(&l, cursor, STR("ada")), "x"), 0), 3);
    cr_expect_eq(mp_type(lane_pending(&l, typing, STR("ada"))), MP_NONE);
    struct says *said = lane_take(&l, &json, &mp);
    cr_expect_eq(length(said), 3);
    cr_expect(str_is(says_user(said), "ada") && said->event == cursor && said->from == 7);
    cr_expect_str_eq(buf_cstr(&json), "{\"cursor\":{\"ada\":{\"x\":3},\"bob\":{\"x\":2}},"
                                      "\"typing\":{\"bob\":{\"isTyping\":true}}}");
    mp_to_json(mp_view(mp.data, mp.len), &back);
    cr_expect_str_eq(buf_cstr(&back), buf_cstr(&json));
    says_free(said);
    cr_expect_null(lane_take(&l, &json, &mp));
    cr_expect_eq(mp_type(lane_pending(&l, cursor, STR("ada"))), MP_NONE);
    lane_finish(&l);
    buf_finish(&json);
    buf_finish(&mp);
    buf_finish(&back);
}

Test(lane, a_form_that_nobody_reads_is_not_made)
{
    struct lane l = {0};
    struct buf json = BUF_INIT;

    say(&l, cursor, "ada", "{\"x\":1}");
    says_free(lane_take(&l, &json, NULL));
    cr_expect_str_eq(buf_cstr(&json), "{\"cursor\":{\"ada\":{\"x\":1}}}");
    say(&l, cursor, "ada", "{\"x\":1}");
    struct says *said = lane_take(&l, NULL, NULL);
    cr_expect_eq(length(said), 1);
    says_free(said);
    lane_finish(&l);
    buf_finish(&json);
}

Test(lane, what_is_owed_is_waited_for_also_after_a_quiet_time)
{
    struct lane l = {0};

    cr_expect_eq(lane_wait(&l, 1000000), 0, "the first goes at once");
    lane_told(&l, 1000000, 100);
    cr_expect_eq(lane_wait(&l, 1000000), LANE_TICK_MIN_MS);
    cr_expect_eq(lane_wait(&l, 1000049), 1);
    cr_expect_eq(lane_wait(&l, 1000150), 1, "gathered, until it is quiet");
    cr_expect_eq(lane_wait(&l, 1000200), 0);
    lane_told(&l, 2000000, LANE_FRAME_MAX); /* half a second's worth */
    cr_expect_eq(lane_wait(&l, 2000200), 300);
    cr_expect_eq(lane_wait(&l, 2000499), 1);
    cr_expect_eq(lane_wait(&l, 2000500), 0);
}

/* Twenty seconds of `senders` who say `json` (with their number) twenty times a second; what a
 * member of that form got a second. Everybody is heard as often as everybody else. */
static double crowd(unsigned senders, const char *json_form, bool json, uint32_t *ret_longest)
{
    struct lane l = {0};
    uint32_t heard[512] = {0};
    int64_t begun = 5000000, due = begun, now = begun;
    uint64_t bytes = 0;

    *ret_longest = 0;
    for (; now < begun + 20000; now++) {
        if ((now - begun) % 50 == 0)
            for (unsigned i = 0; i < senders; i++) {
                char user[64];
                snprintf(user, sizeof(user), "6ba7b810-9dad-11d1-80b4-%012u", i);
                say(&l, cursor, user, json_form);
            }
        if (now < due)
            continue;
        struct buf out = BUF_INIT;
        struct says *said = json ? lane_take(&l, &out, NULL) : lane_take(&l, NULL, &out);
        for (const struct says *s = said; s; s = s->next)
            heard[strtoul(says_user(s).p + 24, NULL, 10)]++;
        cr_assert(said->next == NULL || out.len <= LANE_FRAME_MAX, "a frame of %zu bytes", out.len);
        *ret_longest = out.len > *ret_longest ? (uint32_t)out.len : *ret_longest;
        bytes += out.len + LANE_ENVELOPE;
        lane_told(&l, now, out.len);
        due = now + l.interval_ms;
        says_free(said);
        buf_finish(&out);
    }
    for (unsigned i = 1; i < senders; i++)
        cr_assert(heard[i] + 1 >= heard[0] && heard[0] + 1 >= heard[i], "%u heard %u and %u times",
                  i, heard[i], heard[0]);
    lane_finish(&l);
    return (double)bytes / (double)(due - begun) * 1000;
}

Test(lane, nobody_gets_more_than_512_kbit_a_second)
{
    char *large = malloc(4200);
    uint32_t longest;

    snprintf(large, 4200, "{\"x\":-123.4567890123,\"y\":0.1234567890123,\"tool\":\"%04000d\"}", 0);
    static const char small[] = "{\"x\":-123.4567890123,\"y\":0.1234567890123}";
    const char *said[] = {small, large};
    for (int i = 0; i < 2; i++)
        for (int json = 0; json < 2; json++) {
            double rate = crowd(300, said[i], json, &longest);
            cr_expect_leq(rate, LANE_BYTES_PER_S, "%d %s: %.0f B/s", i, json ? "JSON" : "msgpack",
                          rate);
            cr_expect_geq(rate, 0.9 * LANE_BYTES_PER_S, "the lane is not used: %.0f B/s", rate);
            cr_expect_leq(longest, LANE_FRAME_MAX);
        }
    free(large);
}

/* One stroke may be longer in JSON than half a second's worth: it goes alone, and is paid for. */
Test(lane, one_that_is_too_long_by_itself_goes_alone)
{
    struct lane l = {0};
    char *huge = malloc(50100);
    struct buf json = BUF_INIT;

    snprintf(huge, 50100, "{\"points\":\"%050000d\"}", 0);
    say(&l, cursor, "ada", "{\"x\":1}");
    say(&l, "draw", "bob", huge);
    say(&l, cursor, "eve", "{\"x\":2}");
    struct says *said = lane_take(&l, &json, NULL);
    cr_expect_eq(length(said), 1);
    cr_expect_str_eq(buf_cstr(&json), "{\"cursor\":{\"ada\":{\"x\":1}}}");
    says_free(said);
    buf_clear(&json);
    said = lane_take(&l, &json, NULL);
    cr_expect_eq(length(said), 1);
    cr_expect(str_is(says_user(said), "bob"));
    lane_told(&l, 1000, json.len);
    cr_expect_gt(l.interval_ms, 830);
    says_free(said);
    said = lane_take(&l, &json, NULL);
    cr_expect(str_is(says_user(said), "eve"));
    says_free(said);
    lane_finish(&l);
    buf_finish(&json);
    free(huge);
}
