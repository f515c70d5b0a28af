/*
 * A whiteboard as a channel: its elements in memory (board_model.h), who may change them, and when
 * they are folded into whiteboards.data. The log is the truth; the fold is a shortcut to it.
 */
#ifndef STACGATE_REALTIME_BOARD_H
#define STACGATE_REALTIME_BOARD_H

#include "board_model.h"
#include "chan.h"

struct board {
    struct board_model model;
    struct board_draft draft; /* what the batch being built makes of it */
    struct body *info;        /* JSON of the board, but for what changes here */
    char *title, *group_id, *room_of;
    bool archived, allowed;
    int64_t version;                 /* of what REST's PATCH can set: its title */
    unsigned opened;                 /* times it was read before it agreed with its log */
    int64_t folded_seq;              /* where whiteboards.data stands, or will */
    struct db_group *folding;        /* the fold that a thread puts into words; NULL: none */
    int64_t changed_ms, fold_due_ms; /* loop time of the last change; no fold before */
};

static inline struct board *board_of(struct channel *c)
{
    return c->state;
}
static inline bool board_moderates(const struct user *u)
{
    return u->belongs >= MEMBER_MODERATOR || u->staff;
}

/* board.c: 0, or what refuse() returns */
int board_may_change(const struct board *b, const struct user *u, struct refusal *ret);
/* board_fold.c */
void board_fold(struct channel *c); /* when it is time */
/* board_view.c: the board in parts of a page each, as event "snapshot". */
struct pages *board_snapshot(struct channel *c, enum encoding enc);
/* board_hand.c: cursors, strokes under way. */
extern const struct side_push board_sides[];

#endif
