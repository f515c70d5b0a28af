/*
 * Why this floor refuses: a word a row of faults.def, which has the status and what people are
 * told. F_none is 0: nothing is wrong.
 */
#ifndef SG_FAULTS_H
#define SG_FAULTS_H

struct http_fault; /* stacgate/http.h */

enum fault {
    F_none,
#define FAULT(word, status, fr, en) F_##word,
#include "net/faults.def"
#undef FAULT
    FAULTS
};

const struct http_fault *fault_row(enum fault why); /* not of F_none */

#endif
