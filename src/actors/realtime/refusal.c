/* Refusals in words: the table of reasons.def, printed in the reader's language. */
#include "refusal.h"

#include <errno.h>

#include "figures.h"

static const struct {
    const char *word, *text[2];
} reasons[REASONS] = {
#define REASON(word, fr, en) {#word, {fr, en}},
#include "reasons.def"
#undef REASON
};

void refusal_put(struct buf *out, enum encoding enc, const struct refusal *r, bool english)
{
    struct object o, error;

    tally_add(&figures->refusals[r->reason], 1);
    object_begin(&o, out, enc);
    object_str(&o, "reason", str_of(reasons[r->reason].word));
    object_str(&o, "message", str_of(reasons[r->reason].text[english]));
    if (r->retry_after)
        object_int(&o, "retryAfter", r->retry_after);
    if (r->field) {
        struct buf list = BUF_INIT;

        if (!is_json(enc))
            mp_put_array(&list, 1);
        else
            buf_putc(&list, '[');
        object_begin(&error, &list, enc);
        object_str(&error, "field", str_of(r->field));
        object_str(&error, "code", str_of(r->code));
        object_end(&error);
        if (is_json(enc))
            buf_putc(&list, ']');
        object_value(&o, "errors", value_put_together(enc, &list));
        buf_finish(&list);
    }
    object_end(&o);
}

int refuse(struct refusal *ret, enum reason reason, const char *field, const char *code)
{
    *ret = (struct refusal){.reason = reason, .field = field, .code = code};
    return -EPERM;
}
