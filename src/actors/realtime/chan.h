/*
 * A durable channel from inside: one actor, its members, the tail of its log in memory, and the
 * operations on their way into the log. Kinds (group.c, …) give tables; the machinery (channel.c,
 * commit.c, replay.c, presence.c, ephemeral.c) knows no kind.
 */
#ifndef STACGATE_REALTIME_CHAN_H
#define STACGATE_REALTIME_CHAN_H

#include "hub.h"
#include "lane.h"
#include "members.h"
#include "refusal.h"
#include "stacgate/db.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"

#define OP_ID_MAX 64
#define BATCH_MAX 128  /* operations a commit takes */
#define QUEUE_MAX 4096 /* operations that wait; more: unavailable */
#define TAIL_BYTES_MAX (8u << 20)
#define PAGE_BYTES                                                                                 \
    (48u * 1024) /* with what may still be queued when the next is asked for: 64 KiB ahead */

struct channel;
struct op;
struct push_kind;
struct joiner;

/* ---- operations ---- */

/* What the look-up found of the message that a push speaks of. */
struct message_info {
    bool found, deleted;
    char sender_id[64], type[16];
    int64_t created_ms;
};

/* One push on its way: queued → (looked up) → in a batch → answered. */
struct op {
    struct op *next;  /* links channel.queue, channel.batch or first->twins */
    struct op *twins; /* the same push again, while this one is under way: gets the same answer */
    const struct push_kind *kind;
    struct {               /* the key of channel.ops: nothing between, up to the op id's NUL */
        struct user *user; /* counted in user->ops */
        char op_id[OP_ID_MAX + 1];
    };
    bool keyed;        /* it stands in channel.ops */
    struct body *mail; /* holds payload and refs */
    struct mp payload;
    struct str join_ref, client_ref; /* the push's own refs, echoed */
    struct msg ask;                  /* REST: the question; session is 0 then */
    actor_id session;                /* 0 once it is answered … */
    actor_id from;                   /* … but this stays; 0: REST */
    uint32_t nonce;
    uint8_t enc, lang;
    bool uncounted;      /* ephemeral: its session does not count it as in flight */
    bool looked, repeat; /* the look-up is done; it found this op id in the log */
    bool must_look;      /* it would be refused, unless it is a repeat */
    uint32_t place;      /* in the look-up or the batch under way, from 1; 0: in none */
    bool own_op_id;      /* made by us: the client gave none */
    bool said;           /* it stands in channel_said (look.c) */
    bool unchanged; /* it was so already: only the log gets a row, so that the op id is known */
    int64_t hash;   /* of event and payload: the same op id with other content is a conflict */
    struct message_info message;
    struct {
        uint32_t before, after; /* choices (poll.h): what a vote changes */
    } vote;
    struct buf stored; /* the event's payload as it goes into the log: a msgpack map */
    char ref[64];      /* what the event is about: a message's or a user's id */
    int64_t seq;       /* the commit's answer … */
    char at[ISO_SIZE];
    bool fresh, conflict; /* … whether it made a new event; the op id was used for something else */
};

static inline struct mp op_stored(const struct op *op)
{
    return mp_view(op->stored.data, op->stored.len);
}
/* A push of REST names versions of which one must still stand, or none. */
static inline bool op_version_fits(const struct op *op, int64_t version)
{
    struct mp wanted = mp_get(op->payload, "versions");

    for (struct mp_iter it = mp_iter(wanted); mp_next(&it);)
        if (mp_int(it.value, -1) == version)
            return true;
    return !wanted.p;
}

#define PUSH_DURABLE 1 /* a side push's answer: like this, it is one of the kind's pushes */
#define PUSH_DONE 1    /* check's answer: it is so already */

enum push_flags {
    PUSH_LOOKUP = 1, /* needs message_info of the id in field `lookup` (when that field is there; a
                        kind without `lookup`: always) */
    PUSH_REST_ONLY = 2,
    PUSH_ID = 8,      /* its reply says the id of what it made */
    PUSH_CARD = 4,    /* its event carries who did it: a message's sender, else `user` */
    PUSH_TELLS = 32,  /* its state statement's first row is whom to tell (users_tell) */
    PUSH_SECRET = 16, /* what it stored has a `secret` for its state statement, which takes it from
                         the log: nobody is sent it */
};

/* A durable push and the event it becomes: one row a push. */
struct push_kind {
    const char *push, *event;
    uint8_t flags;
    uint8_t batch_class; /* 0: alone in its batch; else with others of the class: their state
                            statements need no order */
    const char *lookup;  /* the payload's field that names a message */
    /* May this user do it, is it well formed? Writes op->stored and op->ref. 0; or what refuse()
     * returns; PUSH_DONE: it is so already. What it stored then is logged when the push has an op
     * id of its client's (the state statement must take it for nothing); without, or when it
     * stored nothing, nothing is. */
    int (*check)(struct channel *c, struct op *op, struct refusal *ret);
    const struct sql *const *state;                    /* its state statement */
    uint8_t state_params;                              /* 2: topic, fence · 3: and the id */
    void (*applied)(struct channel *c, struct op *op); /* after the commit, in seq order, for new
                                                          events; NULL: nothing in memory changes */
    /* More fields of the reply and of REST's item. NULL: none. */
    void (*item)(struct channel *c, struct op *op, struct buf *out);
};

/* An ephemeral push, handled at once, or a question to the channel. 0, refused, or PUSH_DURABLE. */
struct side_push {
    const char *push;
    int (*handle)(struct channel *c, struct member *m, struct op *op, struct refusal *ret);
};

struct channel_kind {
    const char *name;               /* "group" */
    const char *manage;             /* the permission that makes one staff here */
    const struct push_kind *pushes; /* ends with push NULL */
    const struct side_push *sides;  /* ends with push NULL */
    void (*open)(struct channel *c,
                 struct db_group *g); /* adds its statements after channel_open's */
    int (*opened)(struct channel *c, const struct msg *m,
                  unsigned stmt);      /* their results; -ENOENT: no such thing; -EAGAIN: read
                                            them again */
    void (*closed)(struct channel *c); /* releases what is in state */
    int (*may_join)(struct channel *c, struct user *u, struct refusal *ret);
    /* The role that presence shows; NULL: in the group, else in the establishment. */
    const char *(*role)(const struct channel *c, const struct user *u);
    void (*describe)(struct channel *c, struct user *u,
                     struct object *o); /* role, readOnly, the object itself */
    void (*flush)(
        struct channel *c); /* each second: write what is not in the database yet; NULL: nothing */
    void (*committed)(struct channel *c,
                      const struct op *batch); /* after a batch's events went out; NULL: nothing */
    /* What pushes with PUSH_LOOKUP need to know first: a statement with the parameters of
     * realtime/lookup.sql and its first two columns; `looked` takes the others. NULL: nothing. */
    const struct sql *const *lookup;
    void (*looked)(struct channel *c, struct op *op, const struct msg *m, int row);
    /* `last`: the statement whose row is (messages, -, -, the seq at which they stand); NULL: this
     * kind has no messages. */
    void (*recent)(struct channel *c, struct db_group *g, uint32_t n);
    /* What a member that does not resume is sent: the state as it stands at last_seq, in pages.
     * NULL: nothing, its state is in the join reply. */
    struct pages *(*snapshot)(struct channel *c, enum encoding enc);
    /* The push `history`: takes id, tenant, before, after, limit; gives (list, -, is there more).
     */
    const struct sql *const *history;
    /* Somebody's place in the group by whose membership this channel lives changed (kin.h). */
    void (*kin)(struct channel *c, struct str user_id, enum member_role now);
    void (*wake)(struct channel *c, struct mp what); /* CH_WAKE, also while it opens; NULL: its
                                                        activation is enough */
    void (*archived)(struct channel *c, bool now);   /* that group is, or is no longer; NULL: no
                                                        matter */
    /* What others write too: adds a statement, reads its result (-ENOENT: it is no more). NULL:
     * only the channel writes what it holds. See look.c. */
    void (*look)(struct channel *c, struct db_group *g);
    int (*seen)(struct channel *c, const struct msg *m, unsigned stmt);
    /* Something that the database's statements have told it, for some of its members alone. */
    void (*tell)(struct channel *c, struct str event, struct mp payload);
    bool counts;     /* its presence is always a number */
    bool unnumbered; /* it has no log, no row in channels, and shows nobody's presence */
    /* What a join reply says of its user that only the database knows: adds the statement for these
     * people, keeps its rows until the next `described`. NULL: memory has everything. */
    void (*fetch)(struct channel *c, struct db_group *g, const struct joiner *waiting);
    void (*fetched)(struct channel *c, const struct msg *m);
    /* {locked, elementIds}: what of it is read-only, for who asks about the room. NULL: nothing. */
    void (*locks)(struct channel *c, struct object *o);
    /* What an old client's push that is only passed on needs: 0, or refused. NULL: to be in. */
    int (*may_relay)(struct channel *c, const struct user *u, struct refusal *ret);
    size_t state_size;
};

/* ---- the log's tail ---- */

/* data: msgpack [event, by, opId or nil, at, payload, card or nil] */
struct event {
    int64_t seq;
    struct body *data;
};

struct tail {
    struct event *events; /* a ring of cap (a power of two) from first, without gaps */
    uint32_t cap, start, count;
    size_t bytes;
};

/*
 * Payloads that several members read one after the other, each at its own pace: the last messages,
 * the parts of a board as it stands. Encoded once, shared by those who join at the same seq, freed
 * with the last reader.
 */
struct pages {
    const char *event; /* of each; a literal */
    uint32_t refs;     /* of the channel's loop only */
    uint32_t count, cap;
    uint32_t asked; /* last N; 0: a snapshot */
    int64_t seq;    /* where who has read them all stands */
    struct body **payload;
};

/* What one member has yet to read: pages, then the log after `after`. */
struct replay {
    struct pages *pages; /* NULL: read, or none */
    uint32_t next;       /* payload */
    int64_t after;
    char *join_ref; /* of every frame; NULL: the client gave none */
    bool behind;    /* it waits for events that the tail no longer has (behind.c) */
};

/* Members whose replay is slower than the tail: one read of the log at a time serves them. */
struct behind {
    uint32_t waiting; /* members */
    bool reading, stale;
};

/* A join that waits for the log or the messages to be read. */
struct joiner {
    struct joiner *next, **at; /* at: what points to it, while it waits */
    bool asked, fetched;       /* the kind's fetch asks for its user; has its answer */
    struct member_key key;     /* of channel.joiners_by_key */
    struct body *mail;
};

/* See look.c. */
struct look {
    bool asking, again; /* a look is under way; another is wanted */
    uint32_t said;      /* what it found said, on its way into the log */
};

struct departure; /* somebody who left since the last diff */
struct presence {
    struct member *gone, *gone_last; /* cut connections in the order in which their grace ends */
    struct departure *left;          /* the first of each user … */
    struct table left_by_user;       /* … by user */
    uint64_t next_ref;
    int64_t due_ms;                /* when the next tick comes; 0: none is to come */
    int64_t joined_ms, waiting_ms; /* loop time of the last join, and of the first that has not the
                                      list yet; 0: none */
    actor_ref timer;
    bool wanted, dirty,
        counting; /* wanted: somebody has not the list · counting: too many for lists */
};

enum channel_stage { CHANNEL_OPENING, CHANNEL_OPEN, CHANNEL_GONE };

struct channel {
    struct actor *self;
    const struct channel_kind *kind;
    struct channel *next_room, **at_room; /* in its school's list: rooms.c */
    unsigned kind_at;                     /* its place among kinds: channel_kind_name() */
    void *state;                          /* the kind's own */
    struct body *key;                     /* "<tenant>/<kind>:<id>", shared with the hubs */
    char *tenant, *topic;
    const char *id; /* inside topic */
    enum channel_stage stage;
    char epoch[64];
    int64_t fence, last_seq, first_seq;
    int64_t opened_ms, idle_ms;            /* loop time of activation, and of the last use */
    struct joiner *joiners, **joiners_end; /* until it is open, or until the log is read … */
    struct table joiners_by_key;           /* … and by connection */
    struct members members;
    struct tail tail;
    struct table ops; /* those under way that carry an op id of their client's, by it and user */
    struct op *queue, **queue_end;
    struct op *batch, **batch_end; /* in the commit under way */
    uint32_t queued, batched, attempts;
    bool committing, looking, loading;
    bool alone;            /* the batch being built holds one operation */
    uint32_t one_by_one;   /* operations of a batch that failed, each to be tried alone */
    bool known;            /* an op id of the batch may be in the log: it is looked up */
    bool stale;            /* a deletion came while the log was read: read it again */
    int64_t commit_us;     /* when the commit under way began */
    int64_t unknown_since; /* loop time since which the batch's outcome is unknown; 0: it is not */
    struct body *recent;   /* JSON list of the last messages as they stand … */
    int64_t recent_seq;    /* … at this head; */
    uint32_t recent_count, recent_asked; /* so many at most; so many are being read */
    char *old_room; /* what members of /ws/collaboration call this room; NULL: none came yet */
    struct pages *pages[ENCODINGS]; /* the last that were made; NULL: none */
    uint32_t asides, asides_failed; /* writes under way for which nobody waits; those that failed */
    actor_ref sweep;
    uint32_t replaying; /* members whose replay is not over */
    struct behind behind;
    struct look look;
    struct presence presence;
    struct lane lane; /* the ephemeral one */
    bool lane_armed;  /* a tick is to come */
};

/* channel.c */
/*
 * The application's own filter by tenant, beside the database's. A test build leaves it out (NULL),
 * to show that row-level security alone lets nothing through.
 */
static inline const char *tenant_filter(const char *tenant)
{
#ifdef STACGATE_CHECKS_OFF
    (void)tenant;
    return NULL;
#else
    return tenant;
#endif
}
static inline struct db_context channel_context(const struct channel *c)
{
    return (struct db_context){.establishment_id = c->tenant};
}
static inline struct str channel_topic(const struct channel *c)
{
    return str_of(c->topic);
}
void channel_publish(struct channel *c, enum ws_lane lane, struct body *const wire[ENCODINGS],
                     actor_id except);
/* An unnumbered event to members of these roles (bits) or with this permission (a literal). */
struct told_to {
    uint32_t roles;
    const char *permission;
};
void channel_tell(struct channel *c, const char *event, struct mp payload,
                  const struct told_to *to);
/* The same to the connections of those who are meant; old dialects have no such events. */
void channel_tell_those(struct channel *c, const char *event, struct mp payload,
                        bool (*meant)(const struct user *u, const char *arg), const char *arg);
/* Encodes one unnumbered event for every encoding in use and publishes it. */
void channel_broadcast(struct channel *c, enum ws_lane lane, const char *event,
                       struct value payload, actor_id except);
void channel_remove_member(struct channel *c, struct member *m, const char *client_event,
                           bool grace);
void channel_remove_user(struct channel *c, struct user *u, const char *client_event);
/* Pushes to the channel's own log as this person, with nobody who waits for the answer. */
void channel_act(struct channel *c, struct user *u, const char *event, struct mp payload);
/* The same for what stands in channel_said under this op id. */
void channel_say(struct channel *c, struct user *u, const char *event, struct mp payload,
                 const char *op_id);
void op_answer(struct channel *c, struct op *op, bool ok, struct value response,
               struct value item);                                           /* and frees it */
void op_refuse(struct channel *c, struct op *op, const struct refusal *why); /* and frees it */
void op_destroy(struct channel *c, struct op *op);
/* Sends a frame to one member; takes nothing. replies: how many pushes it answers. */
void member_send(struct channel *c, actor_id session, uint32_t nonce, uint8_t enc,
                 enum ws_lane lane, struct buf *wire, unsigned replies);

/* The push's op id, or one of ours. 0, or what refuse() returns. */
int op_take_id(struct op *op, struct refusal *why);
int64_t op_content_hash(struct str event, struct mp payload); /* op_hash.c */

/* A JSON column of a statement's first row, as msgpack in b, which is cleared first. */
static inline struct mp json_column(const struct msg *m, unsigned stmt, int col, struct buf *b)
{
    buf_clear(b);
    value_put(b, ENC_MP, value_json(db_strv(m, stmt, 0, col)));
    return mp_view(b->data, b->len);
}

/* commit.c */
void commit_enqueue(struct channel *c, struct op *op);
void commit_forget(struct channel *c, struct op *op); /* it is about to be freed */
void commit_pump(struct channel *c);
void batch_clear(struct channel *c); /* forgets it; its ops are the caller's */
int commit_failed(struct channel *c,
                  int err); /* the actor's fail handler: which ask it was, the flags say */

void commit_aside(struct channel *c, struct db_group *g); /* a write for which nobody waits */

/* ending.c */
void channel_fail(struct channel *c, int err); /* ends the actor: its members rejoin */
void channel_gone(struct channel *c);          /* what it is about was deleted: so ends the actor */
void waiting_refuse(struct channel *c, enum reason reason); /* joiners, and what is in no commit */
void commit_refuse_all(struct channel *c); /* pushes, what is in a commit included: unavailable */
/* It ends: what was being committed may have happened, what waited has not and may go again. */
void commit_cut(struct channel *c);

/* tail.c */
struct event *tail_at(const struct tail *t, uint32_t i);
int64_t tail_first(const struct channel *c);                    /* the head + 1 when it is empty */
void tail_push(struct tail *t, int64_t seq, struct body *data); /* takes the reference */
void tail_append(struct channel *c, int64_t seq, struct body *data); /* takes the reference */
void tail_trim(struct channel *c); /* after what was appended has gone out */
void tail_blank(struct channel *c, const char *message_id);
void tail_finish(struct tail *t);
void event_put(struct buf *out, enum encoding enc, const struct channel *c, int64_t seq,
               struct str join_ref, struct mp data);
void event_put_op(struct buf *out, enum encoding enc, const struct channel *c,
                  const struct op *op); /* the tail has it */
struct body *event_data(const struct op *op, const struct user *by);
/* Of a row of realtime/events_between.sql. */
struct body *event_loaded(const struct channel *c, const struct msg *m, unsigned stmt, int row);
/* A page (PAGE_BYTES) of what follows `after`, which is in `t` or just before it; the last one's
 * seq. */
int64_t tail_put(const struct tail *t, struct buf *out, enum encoding enc, const struct channel *c,
                 struct str join_ref, int64_t after);

/* presence.c: the role that others see */
const char *member_shown_role(const struct channel *c, const struct user *u);

/* replay.c */
void replay_join(struct channel *c,
                 struct joiner *j); /* answers it, now or when what it needs is read; takes it */
void replay_refuse(struct channel *c, struct joiner *j, enum reason reason); /* takes it */
struct mp joiner_user(const struct joiner *j); /* as user_put packed it */
void replay_fetch(struct channel *c);          /* asks for those who wait and were not asked for */
void replay_again(struct channel *c);          /* those who wait are looked at anew */
void joiner_wait(struct channel *c, struct joiner *j);
struct joiner *joiners_take(struct channel *c); /* all who wait, in their order */
void joiner_left(struct channel *c, actor_id session, uint32_t nonce);
void replay_next(struct channel *c, struct member *m); /* it has room for the next page */
void replay_end(struct channel *c, struct member *m);  /* it leaves, or has read everything */
void replay_forget_pages(struct channel *c);           /* what they show is no longer so */
void page_send(const struct member *m, struct buf *page, bool whole);

/* behind.c */
void behind_wait(struct channel *c, struct member *m);
extern actor_step behind_read;
void behind_failed(struct channel *c); /* behind_read's fail */
void replay_failed(struct channel *c); /* a read for joiners failed: they are refused */

void assessment_setup(void); /* hears of attempts that end; before the runtime starts */

/* look.c */
static inline bool look_wanted(const struct channel *c)
{
    return c->look.asking || c->look.again;
}
void channel_look(struct channel *c); /* now, or as soon as it can */
extern actor_step look_saw;
void look_failed(struct channel *c);            /* look_saw's fail */
void look_said(struct channel *c, bool stored); /* an operation with `said` is over */
/* These are its members and admins (lists of user ids); who may not be here any more leaves. */
void look_people(struct channel *c, struct mp members, struct mp admins);
int said_check(struct channel *c, struct op *op, struct refusal *ret); /* of what REST said */

/* pages.c */
struct pages *pages_create(const char *event, int64_t seq, uint32_t asked);
struct pages *pages_ref(struct pages *p);
void pages_unref(struct pages *p);                    /* NULL is allowed */
void pages_add(struct pages *p, struct buf *payload); /* takes the bytes, in the pages' encoding */

/* presence.c */
void presence_came(struct channel *c, struct member *m, bool resumed);
void presence_went(struct channel *c,
                   struct member *m);    /* before it is removed: told to the others */
void presence_wanted(struct channel *c); /* somebody joined, or ended a replay, without the list */
void presence_retry(struct channel *c);  /* somebody could not take it just now */
void presence_update(struct channel *c, struct member *m, struct str status);
void presence_grace(struct channel *c,
                    struct member *m); /* cut: others are told only when it does not come back */
struct member *presence_take_over(struct channel *c, struct user *u, uint64_t sid_hash);
void presence_finish(struct channel *c);

/* ephemeral.c. Events are told apart by these addresses. */
extern const char typing_event[], cursor_event[];
void ephemeral_put(struct channel *c, const char *event, struct user *u, struct mp value,
                   actor_id from);
struct mp
ephemeral_pending(const struct channel *c, const char *event,
                  const struct user *u); /* what the next frame will say; absent: nothing */
void ephemeral_finish(struct channel *c);

/* old_channel.c: what the members of the old dialects are told */
static inline bool old_here(const struct channel *c)
{
    return c->members.by_enc[ENC_COLLAB] + c->members.by_enc[ENC_FLAT] > 0;
}
/* A push of an old member that is not stored. false: it is one like any other. */
bool old_push(struct channel *c, struct member *m, struct str room, struct str event,
              struct mp payload);
void old_room_joined(struct channel *c, struct buf *out, const struct member *m, struct str room);
void old_tell_message(struct channel *c, struct op *op);
/* What one user says in the ephemeral lane. `from`: not to this connection. */
void old_tell_said(struct channel *c, const char *event, struct str user_id, struct mp value,
                   actor_id from);
void old_tell_joined(struct channel *c, const struct user *u);
void old_tell_left(struct channel *c, const char *user_id, struct str name, enum role role);

/* history.c: answers by itself, later. */
int history_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret);
/* group.c: what any channel may offer. */
int presence_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret);
/* group_message.c: text of 1 to max characters. */
bool fits_str(struct mp v, size_t max);

extern const struct channel_kind group_kind, board_kind, class_kind, course_kind,
    establishment_kind, assessment_kind;
/* Does this event show who did it (PUSH_CARD)? */
bool event_has_card(const struct channel_kind *k, struct str event);

#endif
