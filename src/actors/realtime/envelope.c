/*
 * Reading and writing envelopes. The one invariant: what is written here is complete wire bytes, so that the same bytes
 * serve every member of a channel; nothing of a single member may get into a broadcast.
 */
#include "envelope.h"

#include <assert.h>
#include <errno.h>

#include "stacgate/json.h"

static _Thread_local struct buf scratch; /* the message under way, before its header's length is known */

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

int envelope_read(enum encoding enc, const uint8_t *bytes, size_t n, struct buf *in, struct envelope *ret,
                  const char **ret_why)
{
    size_t at;
    struct mp v;

    if (enc == ENC_JSON) {
        buf_clear(in);
        if (json_to_mp((const char *)bytes, n, in, ret_why, &at) < 0)
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
    if (mp_type(part[4]) != MP_MAP || take_str(part[0], REF_MAX, true, &ret->join_ref) < 0 ||
        take_str(part[1], REF_MAX, true, &ret->ref) < 0 ||
        take_str(part[2], SIZE_MAX, false, &ret->topic) < 0 ||
        take_str(part[3], SIZE_MAX, false, &ret->event) < 0)
        return -EBADMSG;
    return 0;
}

static void put_str(struct buf *out, enum encoding enc, struct str s)
{
    if (enc == ENC_MP && s.p)
        mp_put_str(out, s.p, s.n);
    else if (enc == ENC_MP)
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

    if (enc == ENC_MP) {
        if (v.mp.p)
            mp_put_raw(out, v.mp);
        else if (!v.json.p)
            mp_put_map(out, 0);
        else if (json_to_mp(v.json.p, v.json.n, out, &why, &at) < 0)
            mp_put_nil(out); /* the database made it: cannot happen, and must not end a class if it does */
    } else {
        if (v.json.p)
            buf_put(out, v.json.p, v.json.n);
        else if (v.mp.p)
            mp_to_json(v.mp, out);
        else
            buf_put(out, "{}", 2);
    }
}

static void head(enum encoding enc, struct str join_ref, struct str ref, struct str topic, struct str event)
{
    const struct str parts[] = {join_ref, ref, topic, event};

    buf_clear(&scratch);
    if (enc == ENC_MP)
        mp_put_array(&scratch, 5);
    for (int i = 0; i < 4; i++) {
        if (enc == ENC_JSON)
            buf_putc(&scratch, i ? ',' : '[');
        put_str(&scratch, enc, parts[i]);
    }
    if (enc == ENC_JSON)
        buf_putc(&scratch, ',');
}

static void tail(struct buf *out, enum encoding enc)
{
    if (enc == ENC_JSON)
        buf_putc(&scratch, ']');
    ws_wire(out, enc == ENC_JSON ? WS_TEXT : WS_BINARY, scratch.data, scratch.len);
}

void envelope_wire(struct buf *out, enum encoding enc, struct str join_ref, struct str ref, struct str topic,
                   struct str event, struct value payload)
{
    head(enc, join_ref, ref, topic, event);
    value_put(&scratch, enc, payload);
    tail(out, enc);
}

void envelope_reply(struct buf *out, enum encoding enc, struct str join_ref, struct str ref, struct str topic, bool ok,
                    struct value response)
{
    struct object o;

    head(enc, join_ref, ref, topic, STR("phx_reply"));
    object_begin(&o, &scratch, enc);
    object_str(&o, "status", ok ? STR("ok") : STR("error"));
    object_value(&o, "response", response);
    object_end(&o);
    tail(out, enc);
}

void object_begin(struct object *o, struct buf *out, enum encoding enc)
{
    *o = (struct object){.out = out, .enc = enc, .at = out->len};
    if (enc == ENC_MP)
        buf_put(out, "\xde\0\0", 3); /* map16: the count is written by object_end */
}

static void key(struct object *o, const char *name)
{
    if (o->enc == ENC_MP) {
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
    if (o->enc == ENC_MP)
        mp_put_int(o->out, v);
    else
        buf_printf(o->out, "%lld", (long long)v);
}

void object_bool(struct object *o, const char *name, bool v)
{
    key(o, name);
    if (o->enc == ENC_MP)
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
    static _Thread_local struct buf other;

    if (o->enc == ENC_MP && !map.mp.p && map.json.p) {
        buf_clear(&other);
        value_put(&other, ENC_MP, map);
        map.mp = mp_view(other.data, other.len);
    }
    if (o->enc == ENC_MP) {
        splice_mp(o, map.mp);
        return;
    }
    if (!map.json.p && map.mp.p) {
        buf_clear(&other);
        value_put(&other, ENC_JSON, map);
        map.json = (struct str){(char *)other.data, other.len};
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
    if (o->enc == ENC_JSON) {
        if (o->count == 0)
            buf_putc(o->out, '{');
        buf_putc(o->out, '}');
        return;
    }
    assert(o->count <= UINT16_MAX);
    o->out->data[o->at + 1] = (uint8_t)(o->count >> 8);
    o->out->data[o->at + 2] = (uint8_t)o->count;
}
