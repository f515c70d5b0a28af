/*
 * Operations that are a push to a channel: what members see live is one act, whether it comes over
 * a socket or over REST. The channel's answer becomes the response, its refusal a problem.
 */
#include "groups.h"
#include "op.h"
#include "stacgate/channel.h"

/* Its item, or its reply; or the refusal that fits its reason. */
static int pushed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp reply = body_mp(m->body), item = mp_get(reply, "item");

    if (!str_is(mp_str(mp_get(reply, "status")), "ok"))
        return group_refuse(r, mp_get(reply, "response"));
    return rest_reply_mp_kept(self, r, r->op->success, item.p ? item : mp_get(reply, "response"));
}

int rest_push(struct actor *self, struct rest *r, const char *kind, const char *event,
              struct mp payload)
{
    return channel_push(self, kind, r->tenant, http_param(r->http, "id"), r->who, event, payload,
                        GROUP_PUSH_MS, pushed);
}

uint32_t rest_put_op_id(struct rest *r, struct buf *b)
{
    struct str given = rest_arg(r, "opId");
    char made_of_key[40];

    if (!given.p && !rest_key_op_id(r, made_of_key))
        return 0;
    mp_put_cstr(b, "opId");
    if (given.p)
        mp_put_str(b, given.p, given.n);
    else
        mp_put_cstr(b, made_of_key);
    return 1;
}
