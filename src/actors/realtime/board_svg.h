/*
 * A board as an SVG picture (SVG 1.1), drawn from the elements alone: nothing in it is script, a
 * link or a file of elsewhere, whatever the elements say.
 */
#ifndef STACGATE_REALTIME_BOARD_SVG_H
#define STACGATE_REALTIME_BOARD_SVG_H

#include "board_model.h"

void board_svg(const struct board_model *b, struct str title, struct buf *out);

#endif
