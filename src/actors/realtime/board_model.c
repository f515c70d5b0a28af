/*
 * Elements and what operations make of them. An element's properties are one packed map; a patch
 * copies those that it leaves and packs those that it sets behind them, so that whoever reads the
 * old one goes on reading it.
 */
#include "board_model.h"

#include <errno.h>
#include <stdlib.h>

#include "stacgate/json.h"

#define PROPERTIES_MAX 64
#define JSON_GROWS                                                                                 \
    6 /* a byte of msgpack is at most so many of JSON: a control character, escaped */

static const char *const types[] = {"freehand", "line",   "arrow", "rect",  "ellipse",
                                    "text",     "sticky", "image", "opaque"};

/* ---- what an operation may say ---- */

static int refuse(const char **ret_field, const char **ret_code, const char *field,
                  const char *code, int err)
{
    *ret_field = field;
    *ret_code = code;
    return err;
}

static bool plain(struct str s, size_t max)
{
    if (!s.p || s.n < 1 || s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] > 0x7e)
            return false;
    return true;
}

static bool known_type(struct str type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_is(type, types[i]))
            return true;
    return false;
}

bool board_element_fits(struct mp el)
{
    struct str bytes = mp_bytes(el);
    struct buf json = BUF_INIT;

    if (mp_count(el) > PROPERTIES_MAX || bytes.n > BOARD_ELEMENT_BYTES_MAX)
        return false;
    if (bytes.n * JSON_GROWS <= BOARD_ELEMENT_BYTES_MAX)
        return true;
    mp_to_json(el, &json);
    bool fits = json.len <= BOARD_ELEMENT_BYTES_MAX;
    buf_finish(&json);
    return fits;
}

static int check_put(struct mp op, const char **field, const char **code)
{
    struct mp el = mp_get(op, "el");

    if (mp_type(el) != MP_MAP)
        return refuse(field, code, "ops.el", mp_type(el) == MP_NONE ? "required" : "type", -EINVAL);
    if (!plain(mp_str(mp_get(el, "id")), BOARD_ID_MAX))
        return refuse(field, code, "ops.el.id", "format", -EINVAL);
    if (!known_type(mp_str(mp_get(el, "type"))))
        return refuse(field, code, "ops.el.type", "unknown", -EINVAL);
    if (!plain(mp_str(mp_get(el, "z")), BOARD_Z_MAX))
        return refuse(field, code, "ops.el.z", "format", -EINVAL);
    if (!board_element_fits(el))
        return refuse(field, code, "ops.el", "too_long", -E2BIG);
    return 0;
}

/* What makes an element what it is cannot be patched. */
static bool fixed(struct str key)
{
    return str_is(key, "id") || str_is(key, "type");
}

static int check_patch(struct mp op, const char **field, const char **code)
{
    struct mp set = mp_get(op, "set"), unset = mp_get(op, "unset");
    bool sets = mp_type(set) == MP_MAP, unsets = mp_type(unset) == MP_ARRAY;

    if (!sets && mp_type(set) != MP_NONE)
        return refuse(field, code, "ops.set", "type", -EINVAL);
    if (!unsets && mp_type(unset) != MP_NONE)
        return refuse(field, code, "ops.unset", "type", -EINVAL);
    if (!sets && !unsets)
        return refuse(field, code, "ops.set", "required", -EINVAL);
    for (struct mp_iter it = mp_iter(set); mp_next(&it);)
        if (fixed(mp_str(it.key)))
            return refuse(field, code, "ops.set", "fixed", -EINVAL);
    if (mp_type(mp_get(set, "z")) != MP_NONE && !plain(mp_str(mp_get(set, "z")), BOARD_Z_MAX))
        return refuse(field, code, "ops.set.z", "format", -EINVAL);
    if (mp_count(unset) > PROPERTIES_MAX || (sets && !board_element_fits(set)))
        return refuse(field, code, "ops.set", "too_long", -E2BIG);
    for (struct mp_iter it = mp_iter(unset); mp_next(&it);) {
        struct str key = mp_str(it.value);

        if (!key.p || fixed(key) || str_is(key, "z"))
            return refuse(field, code, "ops.unset", key.p ? "fixed" : "type", -EINVAL);
    }
    return 0;
}

static int check_op(struct mp op, const char **field, const char **code)
{
    struct str what = mp_str(mp_get(op, "op"));

    if (str_is(what, "put"))
        return check_put(op, field, code);
    if (!str_is(what, "patch") && !str_is(what, "del"))
        return refuse(field, code, "ops.op", what.p ? "unknown" : "required", -EINVAL);
    if (!plain(mp_str(mp_get(op, "id")), BOARD_ID_MAX))
        return refuse(field, code, "ops.id", "format", -EINVAL);
    return str_is(what, "patch") ? check_patch(op, field, code) : 0;
}

int board_ops_check(struct mp ops, const char **ret_field, const char **ret_code)
{
    int r;

    if (mp_type(ops) != MP_ARRAY)
        return refuse(ret_field, ret_code, "ops", mp_type(ops) == MP_NONE ? "required" : "type",
                      -EINVAL);
    if (mp_count(ops) < 1 || mp_count(ops) > BOARD_OPS_MAX)
        return refuse(ret_field, ret_code, "ops", "length", -EINVAL);
    for (struct mp_iter it = mp_iter(ops); mp_next(&it);)
        if ((r = check_op(it.value, ret_field, ret_code)) < 0)
            return r;
    return 0;
}

/* ---- what they name ---- */

static struct element *element_of(const struct board_model *b, struct str id)
{
    return table_get(&b->elements, id.p, id.n);
}

/* Only a put names its element in "el": another operation may carry one, and it means nothing. */
struct str board_op_target(struct mp op)
{
    bool puts = str_is(mp_str(mp_get(op, "op")), "put");

    return mp_str(mp_get(puts ? mp_get(op, "el") : op, "id"));
}

static bool any_locked(const struct board_model *b)
{
    const struct element *e;

    for (uint32_t i = 0; (e = table_each(&b->elements, &i));)
        if (e->locked)
            return true;
    return false;
}

bool board_ops_locked(const struct board_model *b, struct mp ops)
{
    for (struct mp_iter it = mp_iter(ops); mp_next(&it);) {
        struct str id = board_op_target(it.value);
        const struct element *e = id.p ? element_of(b, id) : NULL;

        if (e ? e->locked : !id.p && any_locked(b))
            return true;
    }
    return false;
}

/* ---- applying ---- */

static void element_free(struct element *e)
{
    body_unref(e->data);
    free(e->id);
    free(e);
}

static void remove_element(struct board_model *b, struct str id)
{
    struct element *e = table_remove(&b->elements, id.p, id.n);

    if (!e)
        return;
    b->bytes -= e->data->len;
    element_free(e);
}

static void give(struct board_model *b, struct element *e, struct body *data)
{
    if (e->data)
        b->bytes -= e->data->len;
    body_unref(e->data);
    e->data = data;
    b->bytes += data->len;
}

static void put(struct board_model *b, struct str id, struct body *data)
{
    struct element *e = element_of(b, id);

    if (!e) {
        e = xcalloc(1, sizeof(*e));
        e->id = xstrndup(id.p, id.n);
        table_put(&b->elements, e->id, id.n, e);
    }
    give(b, e, data);
}

static bool unset_names(struct mp unset, struct str key)
{
    for (struct mp_iter it = mp_iter(unset); mp_next(&it);) {
        struct str name = mp_str(it.value);

        if (name.n == key.n && memcmp(name.p, key.p, key.n) == 0)
            return true;
    }
    return false;
}

static bool has_key(struct mp map, struct str key)
{
    for (struct mp_iter it = mp_iter(map); mp_next(&it);) {
        struct str name = mp_str(it.key);

        if (name.n == key.n && memcmp(name.p, key.p, key.n) == 0)
            return true;
    }
    return false;
}

/* Sets, then unsets; null is a value like any other. */
struct body *board_patched(const struct body *data, struct mp set, struct mp unset)
{
    struct buf rest = BUF_INIT, out = BUF_INIT;
    uint32_t n = 0;

    for (struct mp_iter it = mp_iter(body_mp(data)); mp_next(&it);)
        if (!has_key(set, mp_str(it.key)) && !unset_names(unset, mp_str(it.key))) {
            mp_put_raw(&rest, it.key);
            mp_put_raw(&rest, it.value);
            n++;
        }
    for (struct mp_iter it = mp_iter(set); mp_next(&it);)
        if (!unset_names(unset, mp_str(it.key))) {
            mp_put_raw(&rest, it.key);
            mp_put_raw(&rest, it.value);
            n++;
        }
    mp_put_map(&out, n);
    buf_put(&out, rest.data, rest.len);
    buf_finish(&rest);
    struct body *patched = body_of(&out);
    buf_finish(&out);
    return patched;
}

static void clear(struct board_model *b)
{
    struct element *e;

    for (uint32_t i = 0; (e = table_each(&b->elements, &i));)
        element_free(e);
    table_finish(&b->elements);
    b->elements = TABLE_INIT;
    b->bytes = 0;
}

static void apply(struct board_model *b, struct mp op)
{
    struct str what = mp_str(mp_get(op, "op"));
    struct str id = board_op_target(op), bytes = mp_bytes(mp_get(op, "el"));
    struct element *e;

    if (str_is(what, "clear"))
        clear(b);
    else if (str_is(what, "put"))
        put(b, id, body_make(bytes.p, bytes.n));
    else if (str_is(what, "del"))
        remove_element(b, id);
    else if (str_is(what, "patch") && (e = element_of(b, id)))
        give(b, e, board_patched(e->data, mp_get(op, "set"), mp_get(op, "unset")));
}

void board_apply(struct board_model *b, struct mp ops)
{
    for (struct mp_iter it = mp_iter(ops); mp_next(&it);)
        apply(b, it.value);
}

static void lock_elements(struct board_model *b, struct mp ids, bool locked)
{
    for (struct mp_iter it = mp_iter(ids); mp_next(&it);) {
        struct str id = mp_str(it.value);
        struct element *e = id.p ? element_of(b, id) : NULL;

        if (e)
            e->locked = locked;
    }
}

void board_lock(struct board_model *b, struct mp what)
{
    struct mp locked = mp_get(what, "locked"), ids = mp_get(what, "ids");

    if (mp_type(locked) != MP_BOOL)
        return;
    if (mp_type(ids) == MP_ARRAY)
        lock_elements(b, ids, mp_bool(locked, false));
    else
        b->locked = mp_bool(locked, false);
}

int64_t board_take_log(struct board_model *b, struct mp log, int64_t seq)
{
    for (struct mp_iter it = mp_iter(log); mp_next(&it);) {
        struct mp payload = mp_at(it.value, 2);

        seq = mp_int(mp_at(it.value, 0), seq);
        if (str_is(mp_str(mp_at(it.value, 1)), "ops"))
            board_apply(b, mp_get(payload, "ops"));
        else
            board_lock(b, payload);
    }
    return seq;
}

void board_finish(struct board_model *b)
{
    clear(b);
    *b = (struct board_model){0};
}

/* ---- what the database holds ---- */

/* What is no element of ours is kept whole, under everything that is drawn. */
static void put_opaque(struct board_model *b, uint32_t n, struct mp v)
{
    struct buf data = BUF_INIT;
    char id[32], z[32];
    int k = snprintf(id, sizeof(id), "opaque-%u", n);

    snprintf(z, sizeof(z), "A%08u", n);
    mp_put_map(&data, 4);
    mp_put_cstr(&data, "id");
    mp_put_cstr(&data, id);
    mp_put_cstr(&data, "type");
    mp_put_cstr(&data, "opaque");
    mp_put_cstr(&data, "z");
    mp_put_cstr(&data, z);
    mp_put_cstr(&data, "data");
    mp_put_raw(&data, v);
    put(b, (struct str){id, (size_t)k}, body_of(&data));
    buf_finish(&data);
}

static bool ours(struct mp el)
{
    return mp_type(el) == MP_MAP && plain(mp_str(mp_get(el, "id")), BOARD_ID_MAX) &&
           known_type(mp_str(mp_get(el, "type"))) && plain(mp_str(mp_get(el, "z")), BOARD_Z_MAX);
}

static void load_list(struct board_model *b, struct mp list)
{
    uint32_t n = 0;

    for (struct mp_iter it = mp_iter(list); mp_next(&it);) {
        struct str bytes = mp_bytes(it.value);

        if (ours(it.value))
            put(b, mp_str(mp_get(it.value, "id")), body_make(bytes.p, bytes.n));
        else
            put_opaque(b, ++n, it.value);
    }
}

void board_load(struct board_model *b, struct mp data, bool locked, struct mp locked_ids)
{
    struct mp elements = mp_get(data, "elements");

    if (mp_type(data) == MP_ARRAY)
        load_list(b, data);
    else if (mp_type(elements) == MP_ARRAY)
        load_list(b, elements);
    else if (mp_type(data) != MP_NONE && mp_type(data) != MP_NIL &&
             (mp_type(data) != MP_MAP || mp_count(data)))
        put_opaque(b, 1, data);
    b->locked = locked;
    lock_elements(b, locked_ids, true);
}

static int by_z(const void *x, const void *y)
{
    const struct element *a = *(struct element *const *)x, *b = *(struct element *const *)y;
    struct str za = mp_str(mp_get(body_mp(a->data), "z")),
               zb = mp_str(mp_get(body_mp(b->data), "z"));
    int order = memcmp(za.p, zb.p, za.n < zb.n ? za.n : zb.n);

    if (!order)
        order = (za.n > zb.n) - (za.n < zb.n);
    return order ? order : strcmp(a->id, b->id);
}

struct element **board_sorted(const struct board_model *b, uint32_t *ret_n)
{
    struct element **list = xmalloc((b->elements.count + 1) * sizeof(struct element *)), *e;
    uint32_t n = 0;

    for (uint32_t i = 0; (e = table_each(&b->elements, &i));)
        list[n++] = e;
    qsort(list, n, sizeof(struct element *), by_z);
    *ret_n = n;
    return list;
}
