/*
 * What people's hands do on a board at this moment: cursors, strokes under way, selections, laser
 * pointers. None of it is stored; what is said last counts, but a stroke's points add up.
 */
#include "board.h"

#include <errno.h>

#define HAND_BYTES_MAX 4096
#define STROKE_BYTES_MAX (16 * 1024) /* of one sender in one frame */
#define POINTS_MAX 512               /* of one push */

static const char draw_event[] = "draw", laser_event[] = "laser", selection_event[] = "selection";

static bool absent(struct mp v)
{
    return mp_type(v) == MP_NONE || mp_type(v) == MP_NIL;
}

static bool is_number(struct mp v)
{
    return mp_type(v) == MP_INT || mp_type(v) == MP_FLOAT;
}

static int tell(struct channel *c, struct member *m, struct op *op, const char *event,
                struct refusal *ret)
{
    if (mp_bytes(op->payload).n > HAND_BYTES_MAX)
        return refuse(ret, REASON_too_large, event, "length");
    ephemeral_put(c, event, m->user, op->payload, m->key.session);
    op_destroy(c, op);
    return 0;
}

/* cursor and laser: a place, and what the client likes to say of it. */
static int point(struct channel *c, struct member *m, struct op *op, const char *event,
                 struct refusal *ret)
{
    if (!is_number(mp_get(op->payload, "x")))
        return refuse(ret, REASON_invalid, "x", "type");
    if (!is_number(mp_get(op->payload, "y")))
        return refuse(ret, REASON_invalid, "y", "type");
    return tell(c, m, op, event, ret);
}

static int cursor_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    return point(c, m, op, cursor_event, ret);
}

static int laser_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    return point(c, m, op, laser_event, ret);
}

static int selection_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    if (mp_type(mp_get(op->payload, "ids")) != MP_ARRAY)
        return refuse(ret, REASON_invalid, "ids", "type");
    return tell(c, m, op, selection_event, ret);
}

static bool fits_points(struct mp points)
{
    if (mp_type(points) != MP_ARRAY || mp_count(points) < 1 || mp_count(points) > POINTS_MAX)
        return false;
    for (struct mp_iter it = mp_iter(points); mp_next(&it);) {
        if (mp_type(it.value) != MP_ARRAY || mp_count(it.value) < 2 || mp_count(it.value) > 3)
            return false;
        for (struct mp_iter n = mp_iter(it.value); mp_next(&n);)
            if (!is_number(n.value))
                return false;
    }
    return true;
}

static void put_points(struct buf *b, struct mp points)
{
    for (struct mp_iter it = mp_iter(points); mp_next(&it);)
        mp_put_raw(b, it.value);
}

/* The next frame says all points of a stroke since the last one. */
static int draw_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    struct mp points = mp_get(op->payload, "points"), style = mp_get(op->payload, "style");
    struct str id = mp_str(mp_get(op->payload, "id"));
    struct mp said = ephemeral_pending(c, draw_event, m->user), before = {0};
    struct buf b = BUF_INIT;

    if (!id.p || id.n < 1 || id.n > BOARD_ID_MAX)
        return refuse(ret, REASON_invalid, "id", id.p ? "length" : "required");
    if (!fits_points(points))
        return refuse(ret, REASON_invalid, "points", "type");
    if (mp_bytes(op->payload).n > STROKE_BYTES_MAX)
        return refuse(ret, REASON_too_large, "points", "length");
    if (board_may_change(board_of(c), m->user, ret) < 0)
        return -EPERM;
    struct str said_id = mp_str(mp_get(said, "id"));
    if (said_id.n == id.n && said_id.p && memcmp(said_id.p, id.p, id.n) == 0)
        before = mp_get(said, "points");
    style = absent(style) ? mp_get(said, "style") : style;
    if (mp_bytes(before).n + mp_bytes(points).n > STROKE_BYTES_MAX)
        return refuse(ret, REASON_rate_limited, NULL, NULL);
    mp_put_map(&b, absent(style) ? 2 : 3);
    mp_put_cstr(&b, "id");
    mp_put_str(&b, id.p, id.n);
    mp_put_cstr(&b, "points");
    mp_put_array(&b, mp_count(before) + mp_count(points));
    put_points(&b, before);
    put_points(&b, points);
    if (!absent(style)) {
        mp_put_cstr(&b, "style");
        mp_put_raw(&b, style);
    }
    ephemeral_put(c, draw_event, m->user, mp_view(b.data, b.len), m->key.session);
    buf_finish(&b);
    op_destroy(c, op);
    return 0;
}

const struct side_push board_sides[] = {
    {"cursor", cursor_push},
    {"draw", draw_push},
    {"laser", laser_push},
    {"selection", selection_push},
    {"history", history_push},
    {"presence:update", presence_push},
    {0},
};
