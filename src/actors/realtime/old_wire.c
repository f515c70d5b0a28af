/* Frames of the old dialects: text that browsers of years ago read, made once for all who get it.
 */
#include "old.h"

#include "scratch.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"

struct object *old_begin(struct old_frame *f, enum encoding enc, const char *type, struct str room)
{
    *f = (struct old_frame){.text = scratch(SCRATCH_WIRE), .enc = enc};
    if (enc == ENC_COLLAB) {
        buf_printf(f->text, "{\"type\":\"%s\"", type);
        if (room.p) {
            buf_puts(f->text, ",\"roomId\":");
            json_put_str(f->text, room.p, room.n);
        }
        buf_puts(f->text, ",\"data\":");
    }
    object_begin(&f->data, f->text, ENC_JSON);
    if (enc == ENC_FLAT) {
        object_str(&f->data, "type", str_of(type));
        if (room.p)
            object_str(&f->data, "studyGroupId", room);
    }
    return &f->data;
}

void old_end(struct old_frame *f, struct buf *out)
{
    object_end(&f->data);
    if (f->enc == ENC_COLLAB)
        buf_putc(f->text, '}');
    ws_wire(out, WS_TEXT, f->text->data, f->text->len);
}

void old_time(struct object *o, const char *name, int64_t at)
{
    char text[ISO_SIZE];

    iso_time(text, at);
    object_str(o, name, str_of(text));
}

void old_error(struct buf *out, enum encoding enc, struct str room, struct value refusal)
{
    struct old_frame f;
    struct buf mp = BUF_INIT;

    value_put(&mp, ENC_MP, refusal);
    struct mp r = mp_view(mp.data, mp.len);
    struct object *o = old_begin(&f, enc, "error", room);
    object_value(o, "error", value_mp(mp_get(r, "message")));
    object_value(o, "reason", value_mp(mp_get(r, "reason")));
    old_time(o, "timestamp", wall_ms());
    old_end(&f, out);
    buf_finish(&mp);
}
