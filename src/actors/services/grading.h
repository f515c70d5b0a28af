/*
 * Questions and their grades: what a question must have, and what an answer is worth. Pure
 * functions over msgpack; docs/learning.md has the forms of the nine types.
 */
#ifndef STACGATE_SERVICES_GRADING_H
#define STACGATE_SERVICES_GRADING_H

#include "stacgate/buf.h"
#include "stacgate/mp.h"

#define QUESTIONS_MAX 300
#define OPTIONS_MAX 60

/*
 * Checks an array of questions and appends it, normalised: an id each ("q1" … where none was
 * given), points (1 where none were), and nothing that its type does not have. NULL when it is
 * good; else where it is not, "3.answer" (from 0), in `where`.
 */
const char *questions_check(struct mp questions, struct buf *out, char where[64]);

struct grade {
    double points, most;
    bool manual; /* at least one question waits for a person */
};
/*
 * Grades answers (a map by question id) and appends an array of {questionId, points, maxPoints,
 * correct}; points and correct are null where a person must grade. Questions come from the
 * database; answers may be anything.
 */
struct grade answers_grade(struct mp questions, struct mp answers, struct buf *results);

#endif
