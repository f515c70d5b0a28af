/*
 * Input schemas: a table of fields, checked by one function for JSON bodies, forms and query
 * strings alike. Ends with a row without a name.
 */
#ifndef STACGATE_REST_SCHEMA_H
#define STACGATE_REST_SCHEMA_H

#include "problem.h"
#include "stacgate/identity.h"
#include "stacgate/mp.h"

enum field_type {
    FIELD_STR,  /* text of min–max characters */
    FIELD_LINE, /* the same on one line: no control characters, not only blanks */
    FIELD_ID,   /* 1–64 characters of [A-Za-z0-9_-]: anything else cannot name a row */
    FIELD_URL,  /* http:// or https://, at most max characters, no blanks or control characters */
    FIELD_LINK, /* the same, mailto:, or a place here: /path (not //host) or #part */
    FIELD_CSS,  /* a value of CSS that can end no declaration and fetch nothing: a colour, a font, a
                   size */
    FIELD_EMAIL,   /* something@something, at most 254 bytes */
    FIELD_INT,     /* whole, min–max */
    FIELD_DECIMAL, /* a number, or one as text ("12.50", "12,50"), min–max, at most two decimals
                      kept by SQL */
    FIELD_NUMBER,  /* a number, min–max */
    FIELD_BOOL,
    FIELD_CHOICE, /* one of choices, "a|b|c" */
    FIELD_TIME,   /* ISO 8601 date or date-time */
    FIELD_TEXTS,  /* array of at most max one-line texts of at most 64 characters, of choices where
                     there are some; "" stands for none (old clients) */
    FIELD_OBJECT, /* a map of at most max bytes; it fits inner, or is anything */
    FIELD_LIST,   /* an array of min–max maps; each fits inner, or is anything */
    FIELD_ANY,    /* what the operation looks into itself */
    FIELD_IDS,    /* an array of min–max ids */
    FIELD_OP_ID,  /* 1–64 printable ASCII characters */
    FIELD_CALLER, /* an identity field: must be the caller's user id, else 403 */
    FIELD_TENANT, /* an identity field: must be the caller's establishment (a super_admin may name
                     any), else 403 */
    FIELD_IGNORED /* old clients send it; not theirs to set */
};
enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_BLANK_IS_ABSENT = 2, /* "" means absent (old clients) */
    FIELD_NULL_CLEARS = 4      /* null stays in the map: it takes away what is there */
};

/*
 * What maps of one kind have of their schema's fields: "a|b|c". A field that no variant names is of
 * all of them. Ends with a row without kinds.
 */
struct variant {
    const char *kinds; /* as the map says, or what stands beside it */
    const char *fields, *required;
    const char *form;    /* JSON Schema of what the operation checks beside, "": nothing */
    const char *example; /* of such a map, as JSON */
};

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    int64_t min, max;
    const char *choices;
    const struct field *inner; /* of FIELD_OBJECT and FIELD_LIST; NULL: not looked into */
    /* of inner: `by` is the field that says which, one of a FIELD_LIST's map, beside a FIELD_OBJECT
     * (which has to be there where the variant requires something); `otherwise`: when it is absent
     */
    const struct variant *variants;
    const char *by, *otherwise;
    const char *form; /* as a variant's, of all */
};
extern const struct field schema_none[];

#define FIELD_ERRORS_MAX 16
struct verdict {
    unsigned count; /* of errors; 0: it fits */
    bool identity;  /* an identity field names somebody else: 403, whatever the rest */
    struct field_error errors[FIELD_ERRORS_MAX];
    char names[FIELD_ERRORS_MAX][176]; /* theirs: "title", "questions.3.points" */
};
void verdict_copy(struct verdict *to, const struct verdict *from);

/*
 * Checks a map against the schema. Fields that are null (but for FIELD_NULL_CLEARS), ignored or
 * blank where blank is absent count as absent and are left out of `out`, which gets the checked
 * map; so it is with what is inside. who NULL: identity fields are the operation's business
 * (sign-up names its establishment).
 */
void schema_check(const struct field *schema, struct mp map, const struct identity *who,
                  struct buf *out, struct verdict *ret);

/* form.c. Pairs of text (a form, a query string) become a map typed by the schema. One at a time:
 * begin, pairs, end. */
struct schema_pairs {
    const struct field *schema;
    struct buf pairs;
    uint32_t count;
};
void schema_pairs_add(struct schema_pairs *p, struct str name, struct str value);
void schema_pairs_end(struct schema_pairs *p, struct buf *out); /* frees p's buffer */
/* application/x-www-form-urlencoded; a list's values come one a pair. -EINVAL: bad
 * percent-encoding, bad UTF-8, NUL, what is no list twice, or more than 64 pairs. */
int form_to_mp(const struct field *schema, struct str form, struct buf *out);

/* NULL: the schema has no field of this name. */
const struct field *field_named(const struct field *schema, struct str name);
/* f's maps of this kind have the field. */
bool variant_has(const struct field *f, const struct variant *v, struct str name);
bool id_valid(struct str s); /* could name a row: FIELD_ID */
bool time_valid(struct str s);
bool email_valid(struct str s);

#endif
