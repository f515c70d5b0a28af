/*
 * Handshakes of old clients that were refused a moment ago. That client comes back at once whatever
 * it is told, about twenty times a second: a repeat is held, and then given the same answer, so
 * that a refused one costs two handshakes and one look-up in `refusal-delay`. Per loop.
 */
#ifndef STACGATE_REALTIME_REFUSED_H
#define STACGATE_REALTIME_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#define REFUSED_KEY_MAX 64 /* a sid, or "@" and an address */

struct refusal_given {
    int status;      /* of HTTP */
    const char *why; /* a literal; NULL: maintenance */
};

/* This key was refused just now: a repeat within refusal-delay is answered the same. */
void refused_note(const char *key, struct refusal_given given);
/* ms until a repeat may be answered, with what; 0: it was not refused lately. */
uint32_t refused_lately(const char *key, struct refusal_given *ret);
/* One more is held; false: too many are (refusals-held), answer it now. Each true is followed by
 * one refused_released(). */
bool refused_held(void);
void refused_released(void);
void refused_finish(void); /* this loop's */

#endif
