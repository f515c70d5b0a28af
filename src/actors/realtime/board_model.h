/*
 * A board as a set of elements, by the rules of its log: operations are applied in the order of
 * their seq, and property by property the later one wins. Pure: no actor, no database, no clock, so
 * that the channel, REST's export and the tests share it.
 */
#ifndef STACGATE_REALTIME_BOARD_MODEL_H
#define STACGATE_REALTIME_BOARD_MODEL_H

#include "stacgate/actor.h"
#include "stacgate/mp.h"
#include "stacgate/table.h"

#define BOARD_ELEMENTS_MAX 20000
#define BOARD_BYTES_MAX (16u << 20)         /* of all elements, as msgpack */
#define BOARD_ELEMENT_BYTES_MAX (32 * 1024) /* of one, as JSON */
#define BOARD_OPS_MAX 256                   /* of one push */
#define BOARD_ID_MAX 64
#define BOARD_Z_MAX 64

/* data: a msgpack map {id, type, z, …}, never changed: a patch makes a new one. */
struct element {
    char *id;
    struct body *data;
    bool locked; /* read-only for all but moderators */
};

struct board_model {
    struct table elements; /* by id */
    size_t bytes;          /* of all data */
    bool locked;           /* the whole board: read-only for all but moderators */
};

void board_finish(struct board_model *b);

/*
 * Is this a list of operations that could be applied to some board: {"op":"put","el":{…}},
 * {"op":"patch","id","set":{…}?,"unset":[…]?} or {"op":"del","id"}? 0; -EINVAL or -E2BIG with the
 * field's path in *ret_field and the reason's word in *ret_code (literals).
 */
int board_ops_check(struct mp ops, const char **ret_field, const char **ret_code);

/* What an operation names: an element's id; none for "clear". */
struct str board_op_target(struct mp op);
/* At most 32 KiB as JSON, and 64 properties: an element, or what a patch sets. */
bool board_element_fits(struct mp el);
/* The element that a patch makes of `data`; the caller's to unref. */
struct body *board_patched(const struct body *data, struct mp set, struct mp unset);

/*
 * What pushes would make of a board that are checked and not applied yet: the elements that they
 * touch, and by how much the board grows (shrinks, below 0). Starts as {0}.
 */
struct board_draft {
    struct table touched; /* of struct drafted, by id */
    int64_t elements, bytes;
};
/*
 * Do they fit the board with `draft` on it? 0, and they join the draft; or -E2BIG, and it is as it
 * was: *ret_field and *ret_code (literals) say whether an element ("ops.el", "ops.set") or the
 * board
 * ("ops") would be too large. What does not grow always fits.
 */
int board_ops_fit(const struct board_model *b, struct mp ops, struct board_draft *draft,
                  const char **ret_field, const char **ret_code);
void board_draft_finish(struct board_draft *draft); /* and it is {0} again */

/* Is one of the elements that they name locked? "clear" names all. */
bool board_ops_locked(const struct board_model *b, struct mp ops);

/*
 * Applies operations that were checked, {"op":"clear"} too. A patch of an element that is not there
 * does nothing; put replaces.
 */
void board_apply(struct board_model *b, struct mp ops);
/* {"locked","ids"?}: the elements, or without ids the board; a map without "locked" does nothing.
 */
void board_lock(struct board_model *b, struct mp what);
/* What the log has since the fold, a list of [seq, event, payload]; the seq that it leads to. */
int64_t board_take_log(struct board_model *b, struct mp log, int64_t seq);

/*
 * The elements of whiteboards.data. {"elements":[…]} of ours as they are; anything else in it, and
 * any other shape, becomes `opaque` elements that carry it in `data`.
 */
void board_load(struct board_model *b, struct mp data, bool locked, struct mp locked_ids);

/* Every element in drawing order: by z, ties by id. The array is the caller's to free. */
struct element **board_sorted(const struct board_model *b, uint32_t *ret_n);

#endif
