/*
 * Handshakes of old clients that were refused a moment ago. That client comes back at once whatever
 * it is told, about twenty times a second: a repeat is held, and then given the same answer, so
 * that a refused one costs two handshakes and one look-up in `refusal-delay`. Per loop.
 */
#ifndef STACGATE_REALTIME_REFUSED_H
#define STACGATE_REALTIME_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "handshake.h"

#define REFUSED_KEY_MAX 64 /* a sid, or "@" and an address */

/* This key was refused just now: a repeat within refusal-delay is answered the same. H_none: as it
 * is for maintenance. */
void refused_note(const char *key, enum handshake_fault why);
/* ms until a repeat may be answered, with what; 0: it was not refused lately. */
uint32_t refused_lately(const char *key, enum handshake_fault *ret);
/* One more is held; false: too many are (refusals-held), answer it now. Each true is followed by
 * one refused_released(). */
bool refused_held(void);
void refused_released(void);
void refused_finish(void); /* this loop's */

#endif
