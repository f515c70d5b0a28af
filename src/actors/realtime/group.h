/*
 * What is a study group's own in its channel: its settings, who moderates, and the checks of its
 * pushes (group.c the tables and small pushes, group_message.c what is said, group_member.c who
 * belongs).
 */
#ifndef STACGATE_REALTIME_GROUP_H
#define STACGATE_REALTIME_GROUP_H

#include "chan.h"

#define CONTENT_MAX 8000         /* characters of a message */
#define METADATA_MAX (16 * 1024) /* bytes of its metadata, as JSON */
#define REASON_TEXT_MAX 500      /* characters of a report's or deletion's reason */
#define MUTE_MINUTES_MAX (365 * 24 * 60)

struct group {
    struct body *info;     /* JSON of the group, but for what changes here */
    struct body *settings; /* JSON of its settings, without `locked` */
    bool archived, moderator_only, locked, is_public;
    int64_t version; /* of what REST's PUT can set: one more with each change of it */
    int64_t max_members;
    uint32_t belong_count;
    int64_t flushed_ms;    /* loop time of the last write of read marks … */
    int64_t reads_told_ms; /* … and of their last telling */
    bool reads_untold;
    char *room_of;      /* the group whose breakout room this is (class_breakout.c); NULL: none */
    struct table polls; /* struct poll, by message id: those voted in lately */
    struct table timed; /* struct timed_poll, by message id: those whose time comes now */
};

static inline struct group *group_of(struct channel *c)
{
    return c->state;
}
static inline bool moderates(const struct user *u)
{
    return u->belongs >= MEMBER_MODERATOR || u->staff;
}

/* group_member.c. A breakout room's name, end and people are its class's: 0, or refused. */
int no_room_check(struct channel *c, struct refusal *ret);
void group_kin(struct channel *c, struct str user_id, enum member_role now);

/* group_message.c. May this user say something here? 0, or refused. */
int may_post(struct channel *c, const struct user *u, struct refusal *ret);
/* What a push speaks of is there; sets op->ref. 0, or what refuse() returns. */
int message_check(struct op *op, const char *field, struct refusal *ret);
void message_looked(struct channel *c, struct op *op, const struct msg *m, int row);
int message_new_check(struct channel *c, struct op *op, struct refusal *ret);
int message_edit_check(struct channel *c, struct op *op, struct refusal *ret);
int message_delete_check(struct channel *c, struct op *op, struct refusal *ret);
void message_deleted(struct channel *c, struct op *op);
int message_report_check(struct channel *c, struct op *op, struct refusal *ret);
int reaction_check(struct channel *c, struct op *op, struct refusal *ret);
void message_item(struct channel *c, struct op *op, struct buf *out);
void messages_committed(struct channel *c, const struct op *batch);

/* group_poll.c */
void poll_looked(struct channel *c, const struct op *op, const struct msg *m, int row);
int poll_vote_check(struct channel *c, struct op *op, struct refusal *ret);
int poll_close_check(struct channel *c, struct op *op, struct refusal *ret);
int poll_time_check(struct channel *c, struct op *op, struct refusal *ret);
void polls_wake(struct channel *c, struct mp what); /* [id, when (wall ms), author] */
void polls_tick(struct channel *c);                 /* each second */
void poll_voted(struct channel *c, struct op *op);
void poll_closed(struct channel *c, struct op *op);
void poll_item(struct channel *c, struct op *op, struct buf *out); /* of a new message */
void poll_vote_item(struct channel *c, struct op *op, struct buf *out);
void polls_forget(struct channel *c, const char *id); /* its message was deleted */
void polls_trim(
    struct channel *c); /* those that nobody used for a while; when nothing is under way */
void polls_finish(struct channel *c);

int member_join_check(struct channel *c, struct op *op, struct refusal *ret);
int member_leave_check(struct channel *c, struct op *op, struct refusal *ret);
int member_mute_check(struct channel *c, struct op *op, struct refusal *ret);
int member_kick_check(struct channel *c, struct op *op, struct refusal *ret);
int member_role_check(struct channel *c, struct op *op, struct refusal *ret);
int member_succeed_check(struct channel *c, struct op *op, struct refusal *ret);
int group_change_check(struct channel *c, struct op *op, struct refusal *ret);
int group_status_check(struct channel *c, struct op *op, struct refusal *ret);
int group_lock_check(struct channel *c, struct op *op, struct refusal *ret);
void member_joined(struct channel *c, struct op *op);
void member_left(struct channel *c, struct op *op);
void member_muted(struct channel *c, struct op *op);
void member_role_given(struct channel *c, struct op *op);
void group_changed(struct channel *c, struct op *op);
void group_archived(struct channel *c, bool now);
void group_locked(struct channel *c, struct op *op);
void member_item(struct channel *c, struct op *op, struct buf *out);

#endif
