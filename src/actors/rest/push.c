/*
 * Operations that are a push to a channel: what members see live is one act, whether it comes over
 * a socket or over REST. The channel's answer becomes the response, its refusal a problem; who may
 * not know of the group that it is about finds none.
 */
#include "op.h"
#include "stacgate/channel.h"

enum { PUSH_TRIES = 3 };

/* A refusal of the channel as a problem: by its reason, and by the code of its first error where
 * that says more. */
static const struct {
    const char *reason, *code;
    enum problem what;
} reasons[] = {{"not_found", NULL, P_not_found},
               {"unmatched_topic", NULL, P_not_found},
               {"forbidden", NULL, P_forbidden},
               {"not_joined", NULL, P_members_only},
               {"conflict", "full", P_group_full},
               {"conflict", "closed", P_poll_closed},
               {"conflict", "stale", P_stale},
               {"conflict", NULL, P_conflict},
               {"invalid", NULL, P_invalid},
               {"muted", NULL, P_muted},
               {"locked", NULL, P_locked},
               {"read_only", NULL, P_read_only},
               {"rate_limited", NULL, P_rate_limited},
               {"too_large", NULL, P_too_large},
               {"unavailable", NULL, P_unavailable}};

static int refuse_invalid(struct rest *r, struct mp error)
{
    char field[64];
    struct str name = mp_str(mp_get(error, "field"));
    struct field_error e = {.field = field, .code = E_format};

    if (!name.p)
        return rest_refuse(r, P_invalid);
    snprintf(field, sizeof(field), "%.*s", (int)name.n, name.p);
    return rest_refuse_fields(r, P_invalid, &e, 1);
}

int rest_push_refused(struct rest *r, struct mp response)
{
    struct str reason = mp_str(mp_get(response, "reason"));
    struct mp error = mp_at(mp_get(response, "errors"), 0);
    struct str code = mp_str(mp_get(error, "code"));
    int64_t retry = mp_int(mp_get(response, "retryAfter"), 0);

    if (str_is(reason, "invalid"))
        return refuse_invalid(r, error);
    if (str_is(code, "reused") && idempotency_key(r))
        return rest_refuse(r, P_key_reused);
    for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (str_is(reason, reasons[i].reason) &&
            (!reasons[i].code || str_is(code, reasons[i].code)))
            return rest_refuse_after(r, reasons[i].what, retry > 0 ? (uint32_t)retry : 0);
    return rest_refuse(r, P_internal);
}

static int looked(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    return db_rows(m, 0) ? rest_push_refused(r, body_mp(r->pushed.payload))
                         : rest_refuse(r, P_not_found);
}

int rest_push_refuse(struct actor *self, struct rest *r, struct mp response)
{
    struct str bytes = mp_bytes(response);
    struct db_group *g = rest_group(r, DB_READ);

    body_unref(r->pushed.payload);
    r->pushed.payload = body_make(bytes.p, bytes.n);
    db_stmt(g, SQL_GROUPS_SEEN);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_str(g, http_param(r->http, "id"));
    db_bool(g, identity_can(r->who, "study_groups:manage"));
    db_str(g, r->pushed.kind);
    return rest_ask(self, g, looked);
}

/* Its item, or its reply; or the refusal that fits its reason. */
static int pushed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp reply = body_mp(m->body), item = mp_get(reply, "item");

    if (!str_is(mp_str(mp_get(reply, "status")), "ok"))
        return rest_push_refuse(self, r, mp_get(reply, "response"));
    return rest_reply_mp_kept(self, r, r->op->success, item.p ? item : mp_get(reply, "response"));
}

int rest_push(struct actor *self, struct rest *r, const char *kind, const char *event,
              struct mp payload)
{
    return rest_push_to(self, r, kind, event, payload, pushed);
}

static int push_now(struct actor *self, struct rest *r)
{
    return channel_push(self, r->pushed.kind, r->tenant, http_param(r->http, "id"), r->who,
                        r->pushed.event, body_mp(r->pushed.payload), REST_PUSH_MS, r->pushed.next);
}

int rest_push_to(struct actor *self, struct rest *r, const char *kind, const char *event,
                 struct mp payload, actor_step *next)
{
    struct str bytes = mp_bytes(payload);

    body_unref(r->pushed.payload);
    r->pushed.kind = kind;
    r->pushed.event = event;
    r->pushed.payload = body_make(bytes.p, bytes.n);
    r->pushed.next = next;
    r->pushed.tries = 1;
    return push_now(self, r);
}

bool rest_push_again(struct actor *self, struct rest *r)
{
    return r->pushed.next && actor_failed_step(self) == r->pushed.next &&
           r->pushed.tries++ < PUSH_TRIES && push_now(self, r) == 0;
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
