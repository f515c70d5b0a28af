/*
 * Reading and writing envelopes. The one invariant: what is written here is complete wire bytes, so
 * that the same bytes serve every member of a channel; nothing of a single member may get into a
 * broadcast.
 */
#include "envelope.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "old.h"
#include "scratch.h"
#include "stacgate/json.h"

#define DEFLATE_MIN 256 /* bytes of a message below which compressing costs more than it saves */

static bool is_null(struct mp v)
{
    return mp_type(v) == MP_NIL;
}

static int take_str(struct mp v, size_t max, bool nullable, struct str *ret)
{
    *ret = (struct str){0};
    if (nullable && is_null(v))
        return 0;
    if (mp_type(v) != MP_STR)
        return -EBADMSG;
    *ret = mp_str(v);
    return ret->n <= max ? 0 : -EBADMSG;
}

/* U+0000 is JSON, but nothing here may hold it: read with a stand-in, so that the push can be
 * refused by its ref. */
static bool without_nul(const char *text, size_t n, struct buf *in, const char **ret_why)
{
    static const char nul[] = "\\u0000";
    char *copy = xmalloc(n + 1), *p = copy;
    const char *why;
    size_t at;
    bool any = false;

    memcpy(copy, text, n);
    copy[n] = '\0';
    for (bool text_only = strlen(copy) == n; text_only && (p = strstr(p, nul)); p += 6) {
        memcpy(p, "\\ufffd", 6);
        any = true;
    }
    any = any && json_to_mp(copy, n, in, &why, &at) == 0;
    free(copy);
    if (any)
        *ret_why = "text holds U+0000";
    return any;
}

int envelope_read(enum encoding enc, const uint8_t *bytes, size_t n, struct buf *in,
                  struct envelope *ret, const char **ret_why)
{
    size_t at;
    struct mp v;

    ret->has_nul = false;
    buf_clear(in);
    if (is_json(enc)) {
        if (json_to_mp((const char *)bytes, n, in, ret_why, &at) < 0 &&
            !(ret->has_nul = without_nul((const char *)bytes, n, in, ret_why)))
            return -EINVAL;
        v = mp_view(in->data, in->len);
    } else {
        if (mp_check(bytes, n, false, ret_why) < 0)
            return -EINVAL;
        v = mp_view(bytes, n);
    }
    *ret_why = "not [join_ref, ref, topic, event, payload]";
    if (mp_type(v) != MP_ARRAY || mp_count(v) != 5)
        return -EBADMSG;
    struct mp_iter it = mp_iter(v);
    struct mp part[5];
    for (int i = 0; i < 5 && mp_next(&it); i++)
        part[i] = it.value;
    ret->payload = part[4];
    if (take_str(part[0], REF_MAX, true, &ret->join_ref) < 0 ||
        take_str(part[1], REF_MAX, true, &ret->ref) < 0 ||
        take_str(part[2], SIZE_MAX, false, &ret->topic) < 0 ||
        take_str(part[3], SIZE_MAX, false, &ret->event) < 0)
        return -EBADMSG;
    return 0;
}

static void put_str(struct buf *out, enum encoding enc, struct str s)
{
    if (!is_json(enc) && s.p)
        mp_put_str(out, s.p, s.n);
    else if (!is_json(enc))
        mp_put_nil(out);
    else if (s.p)
        json_put_str(out, s.p, s.n);
    else
        buf_put(out, "null", 4);
}

void value_put(struct buf *out, enum encoding enc, struct value v)
{
    const char *why;
    size_t at;

    if (!is_json(enc)) {
        if (v.mp.p)
            mp_put_raw(out, v.mp);
        else if (!v.json.p)
            mp_put_map(out, 0);
        else if (json_to_mp(v.json.p, v.json.n, out, &why, &at) < 0)
            mp_put_nil(
                out); /* the database made it: cannot happen, and must not end a class if it does */
    } else {
        if (v.json.p)
            buf_put(out, v.json.p, v.json.n);
        else if (v.mp.p)
            mp_to_json(v.mp, out);
        else
            buf_put(out, "{}", 2);
    }
}

static struct buf *head(enum encoding enc, struct str join_ref, struct str ref, struct str topic,
                        struct str event)
{
    const struct str parts[] = {join_ref, ref, topic, event};
    struct buf *b = scratch(SCRATCH_WIRE);

    if (!is_json(enc))
        mp_put_array(b, 5);
    for (int i = 0; i < 4; i++) {
        if (is_json(enc))
            buf_putc(b, i ? ',' : '[');
        put_str(b, enc, parts[i]);
    }
    if (is_json(enc))
        buf_putc(b, ',');
    return b;
}

static void tail(struct buf *out, enum encoding enc, struct buf *b)
{
    enum ws_opcode op = is_json(enc) ? WS_TEXT : WS_BINARY;

    if (is_json(enc))
        buf_putc(b, ']');
    if ((enc & ENC_DEFLATED) && b->len >= DEFLATE_MIN)
        ws_wire_deflated(out, op, b->data, b->len);
    else
        ws_wire(out, op, b->data, b->len);
}

void envelope_wire(struct buf *out, enum encoding enc, struct str join_ref, struct str ref,
                   struct str topic, struct str event, struct value payload)
{
    if (is_old(enc))
        return;
    struct buf *b = head(enc, join_ref, ref, topic, event);

    value_put(b, enc, payload);
    tail(out, enc, b);
}

void envelope_reply(struct buf *out, enum encoding enc, struct str join_ref, struct str ref,
                    struct str topic, bool ok, struct value response)
{
    struct object o;

    if (is_old(enc)) {
        if (!ok)
            old_error(out, enc, join_ref, response);
        return;
    }
    struct buf *b = head(enc, join_ref, ref, topic, STR("phx_reply"));

    object_begin(&o, b, enc);
    object_str(&o, "status", ok ? STR("ok") : STR("error"));
    object_value(&o, "response", response);
    object_end(&o);
    tail(out, enc, b);
}

void object_begin(struct object *o, struct buf *out, enum encoding enc)
{
    *o = (struct object){.out = out, .enc = enc, .at = out->len};
    if (!is_json(enc))
        buf_put(out, "\xde\0\0", 3); /* map16: the count is written by object_end */
}

static void key(struct object *o, const char *name)
{
    if (!is_json(o->enc)) {
        mp_put_cstr(o->out, name);
    } else {
        buf_putc(o->out, o->count ? ',' : '{');
        buf_putc(o->out, '"'); /* our own names: nothing to escape */
        buf_puts(o->out, name);
        buf_put(o->out, "\":", 2);
    }
    o->count++;
}

void object_str(struct object *o, const char *name, struct str v)
{
    key(o, name);
    put_str(o->out, o->enc, v);
}

void object_int(struct object *o, const char *name, int64_t v)
{
    key(o, name);
    if (!is_json(o->enc))
        mp_put_int(o->out, v);
    else
        buf_printf(o->out, "%lld", (long long)v);
}

void object_bool(struct object *o, const char *name, bool v)
{
    key(o, name);
    if (!is_json(o->enc))
        mp_put_bool(o->out, v);
    else
        buf_puts(o->out, v ? "true" : "false");
}

void object_value(struct object *o, const char *name, struct value v)
{
    key(o, name);
    value_put(o->out, o->enc, v);
}

/* JSON text of a map, without its braces. */
static struct str inside(struct str json)
{
    const char *p = json.p, *end = json.p + json.n;

    while (p < end && *p != '{')
        p++;
    while (end > p && end[-1] != '}')
        end--;
    for (p++, end--; p < end && *p == ' '; p++)
        ;
    return p < end ? (struct str){p, (size_t)(end - p)} : (struct str){0};
}

static void splice_mp(struct object *o, struct mp map)
{
    for (struct mp_iter it = mp_iter(map); mp_next(&it); o->count++) {
        mp_put_raw(o->out, it.key);
        mp_put_raw(o->out, it.value);
    }
}

void object_splice(struct object *o, struct value map)
{
    struct buf *other = scratch(SCRATCH_SPLICE);

    if (!is_json(o->enc) && !map.mp.p && map.json.p) {
        value_put(other, ENC_MP, map);
        map.mp = mp_view(other->data, other->len);
    }
    if (!is_json(o->enc)) {
        splice_mp(o, map.mp);
        return;
    }
    if (!map.json.p && map.mp.p) {
        value_put(other, ENC_JSON, map);
        map.json = (struct str){(char *)other->data, other->len};
    }
    struct str members = map.json.p ? inside(map.json) : (struct str){0};
    if (members.n == 0)
        return;
    buf_putc(o->out, o->count ? ',' : '{');
    buf_put(o->out, members.p, members.n);
    o->count++;
}

void object_end(struct object *o)
{
    if (is_json(o->enc)) {
        if (o->count == 0)
            buf_putc(o->out, '{');
        buf_putc(o->out, '}');
        return;
    }
    assert(o->count <= UINT16_MAX);
    o->out->data[o->at + 1] = (uint8_t)(o->count >> 8);
    o->out->data[o->at + 2] = (uint8_t)o->count;
}
