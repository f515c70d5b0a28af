/*
 * Refusals as RFC 9457 problem documents in the reader's language. One row a kind in problems.def:
 * a stable word (the last part of `type`), the status and the texts. Words never change.
 */
#ifndef STACGATE_REST_PROBLEM_H
#define STACGATE_REST_PROBLEM_H

#include "stacgate/buf.h"
#include "stacgate/http.h"

enum language { FRENCH, ENGLISH };
enum language language_of(const char *accept_language); /* NULL: French */

enum problem {
#define PROBLEM(word, ...) P_##word,
#include "problems.def"
#undef PROBLEM
    PROBLEMS
};

enum field_code {
#define FIELD_CODE(word, fr, en) E_##word,
#include "field_codes.def"
#undef FIELD_CODE
    FIELD_CODES
};

struct field_error {
    const char *field;
    enum field_code code;
    int64_t limit;           /* what the code's text names: the least or the most */
    const char *const *text; /* what fits, in each language; NULL: the code's own text */
    const char *choices;     /* "a|b|c" of E_choice, shown behind the text; NULL: none */
};

int problem_status(enum problem what);
enum problem problem_of_status(int status); /* the general one of a status */
/* By their words, as SQL names them; PROBLEMS, FIELD_CODES: there is no such word. */
enum problem problem_named(struct str word);
enum field_code field_code_named(struct str word);

/* Answers req. detail: what was wrong, in each language, for who wrote the request; NULL: the
 * kind's message. retry_s 0: no Retry-After. Sets Cache-Control: no-store. */
void problem_answer(struct http_req *req, enum problem what, const char *const *detail,
                    uint32_t retry_s, const struct field_error *errors, unsigned n);
/* The document's text, for tests and for problem_answer. */
void problem_print(struct buf *out, enum problem what, enum language lang, const char *instance,
                   const char *request_id, const char *const *detail,
                   const struct field_error *errors, unsigned n);
void problem_schema(struct buf *out); /* JSON Schema of such documents, for the interface's own */
void problem_refuse(struct http_req *req, const struct http_fault *why); /* http_on_refused */

#endif
