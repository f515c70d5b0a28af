/*
 * What `stacgate serve` is made of: the process (limits, signals, crashes), the database behind it
 * (prepared before the first request is answered, waited for when it is away), and the line that
 * says it can serve.
 */
#ifndef STACGATE_SERVE_H
#define STACGATE_SERVE_H

#include <stdbool.h>

#include "command.h"
#include "stacgate/loop.h"

/* serve_process.c */
void process_limits(void);        /* descriptors to the hard limit, no core dump unless --core */
void process_catch_crashes(void); /* a backtrace to the log before the process dies */
void process_catch_signals(void); /* SIGTERM and SIGINT drain, a second one ends at once; SIGHUP
                                     reads the certificate again, and drains without one */
bool process_stopping(void);
void process_running(bool on); /* the loops run: a signal is their matter from now on */

/* serve_database.c */
enum exit_status database_prepare(struct workplace *w); /* says what is wrong; an external database
                                                           that is away is EXIT_OK, waited for */
bool database_prepared(void);
bool database_has_demo(void);
enum exit_status database_status(void); /* what went wrong while it was waited for, or EXIT_OK */
void database_release(void);            /* ends the wait, the watch and the server's lock */

/* serve_ready.c: a loop_service; the last one, so that everything it tells of has started */
extern const struct loop_service ready_service;

#endif
