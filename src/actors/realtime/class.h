/*
 * What is a live class's own in its channel: who hosts it, what it stands at, its polls, who was
 * there. What it stands at is a few msgpack values, each replaced whole by the event that changes
 * it, so that memory, the database and every client hold the same.
 */
#ifndef STACGATE_REALTIME_CLASS_H
#define STACGATE_REALTIME_CLASS_H

#include "poll.h"

#define CLASS_POLLS_MAX 200
#define CLASS_HANDS_MAX 1000
#define CLASS_HELP_MAX 64 /* calls for help whose op ids are remembered */

/* hands: [user id …] in the order they went up · locks: {chat, board, hands} · muted: {user id:
 * [what …]} · spotlight: {userId} or {whiteboardId} · breakout: {rooms: [{groupId, whiteboardId,
 * name, userIds}], endsAt: nil or text} */
enum live { LIVE_HANDS, LIVE_LOCKS, LIVE_MUTED, LIVE_SPOTLIGHT, LIVE_BREAKOUT, LIVE_FIELDS };
extern const char *const live_names[LIVE_FIELDS];

struct class_poll {
    struct poll *poll;
    struct body *shown; /* {id, question, options, multiple, anonymous, openedBy, openedAt} */
};

struct stay; /* an interval of presence */
struct attendance {
    struct table here;   /* the open interval of each person … */
    struct stay *over;   /* … and those that ended, until they are stored */
    int64_t written_ms;  /* loop time */
    uint32_t failed;     /* channel.asides_failed when the write under way began */
    bool writing, dirty; /* dirty: somebody came or went since the last write */
};

struct class
{
    struct body *info; /* the session as REST gives it, but for what changes here */
    char *host_id, *group_id;
    bool guest; /* the host is not of the group */
    char status[16];
    char started[ISO_SIZE], ended[ISO_SIZE]; /* "": not yet */
    int64_t max_participants;                /* 0: no limit */
    int64_t
        version; /* of what REST can change: one more with each change, and when it is cancelled */
    struct body *live[LIVE_FIELDS]; /* NULL: nothing */
    struct class_poll *polls;
    uint32_t poll_count;
    struct attendance attendance;
    struct body *rooms;     /* the group's breakout rooms as last looked up; NULL: not yet */
    int64_t close_again_ms; /* loop time before which the clock closes no rooms again */
    uint64_t helped[CLASS_HELP_MAX];
    unsigned helped_at;
};

static inline struct class *class_of(const struct channel *c)
{
    return c->state;
}
static inline struct mp live_of(const struct channel *c, enum live field)
{
    const struct body *b = class_of(c)->live[field];

    return b ? body_mp(b) : (struct mp){0};
}

/* class.c */
bool class_hosts(const struct channel *c, const struct user *u);
bool class_over(const struct channel *c);
int class_host_check(struct channel *c, const struct user *u,
                     struct refusal *ret);                      /* and not over */
void live_set(struct channel *c, enum live field, struct mp v); /* absent, nil: nothing */

int class_unchanged(struct op *op); /* logged as such: PUSH_DONE */
bool words_have(struct mp list, const char *word);
/* The list with the word at its end, or without it. */
void words_put(struct buf *b, struct mp list, const char *word, bool with);

/* class_breakout.c */
int breakout_open_check(struct channel *c, struct op *op, struct refusal *ret);
int breakout_move_check(struct channel *c, struct op *op, struct refusal *ret);
int breakout_left_check(struct channel *c, struct op *op, struct refusal *ret);
int breakout_broadcast_check(struct channel *c, struct op *op, struct refusal *ret);
int breakout_close_check(struct channel *c, struct op *op, struct refusal *ret);
int breakout_help_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret);
void breakout_opened(struct channel *c, struct op *op);
void breakout_moved(struct channel *c, struct op *op);
void breakout_closed(struct channel *c, struct op *op);
void breakout_class_ended(struct channel *c, struct op *op);
void breakout_host_changed(struct channel *c, const char *old_id);
void breakout_left(struct channel *c, struct user *u); /* left the group: and their room */
void breakout_loaded(struct channel *c);               /* after the members */
void breakout_tick(struct channel *c);                 /* each second */

/* class_poll.c */
void class_polls_load(struct channel *c, struct mp list);
void class_polls_finish(struct channel *c);
void class_polls_put(struct channel *c, struct user *u, struct object *o);
void class_polls_end(struct channel *c); /* the class is over: so are they */
int class_poll_open_check(struct channel *c, struct op *op, struct refusal *ret);
int class_poll_vote_check(struct channel *c, struct op *op, struct refusal *ret);
int class_poll_close_check(struct channel *c, struct op *op, struct refusal *ret);
void class_poll_opened(struct channel *c, struct op *op);
void class_poll_voted(struct channel *c, struct op *op);
void class_poll_closed(struct channel *c, struct op *op);

/* class_attendance.c */
void attendance_load(struct channel *c, struct mp list);
void attendance_tick(struct channel *c); /* each second */
uint32_t attendance_count(const struct channel *c, const struct user *but);
void attendance_finish(struct channel *c);

/* class_reach.c: what a class does to its group's chat and boards, as its host. */
void class_reach_chat(struct channel *c, const struct user *host, const char *event,
                      struct mp payload);
void class_reach_boards(struct channel *c, const struct user *host, bool lock);

#endif
