/*
 * The automata of gate.h. A state is named by what it expects next. Everything not listed is
 * refused: there is no lenient path.
 */
#include "gate.h"

#include <string.h>

static const char token_marks[] = "!#$%&'*+-.^_`|~";

bool http_token_char(uint8_t b)
{
    return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
           (b && strchr(token_marks, b));
}

enum head_state {
    H_START, /* a method's first byte, or an empty line before it */
    H_START_LF,
    H_METHOD,
    H_TARGET,
    H_VERSION, /* H_VERSION + i: the i-th byte of "HTTP/x.y" and its CR */
    H_VERSION_CR = H_VERSION + 8,
    H_LINE_LF,
    H_FIELD, /* a field name's first byte, or the head's end */
    H_NAME,
    H_VALUE,
    H_VALUE_LF,
    H_END_LF,
    H_DONE
};

void gate_init(struct gate *g)
{
    *g = (struct gate){0};
}

static enum fault head_version(struct gate *g, uint8_t b)
{
    static const char text[] = "HTTP/";
    unsigned i = g->state - H_VERSION;
    if (i < 5 ? b != (uint8_t)text[i] : i == 6 ? b != '.' : b < '0' || b > '9')
        return F_version_form;
    if (i == 5)
        g->major = b - '0';
    if (i == 7)
        g->minor = b - '0';
    g->state++;
    return F_none;
}

static enum fault head_byte(struct gate *g, uint8_t b)
{
    switch ((enum head_state)g->state) {
    case H_START:
        if (b == '\r' && g->empty_lines < GATE_EMPTY_LINES) {
            g->state = H_START_LF;
            return F_none;
        }
        if (!http_token_char(b))
            return F_first_byte;
        g->state = H_METHOD;
        return F_none;
    case H_START_LF:
        if (b != '\n')
            return F_bare_cr;
        g->empty_lines++;
        g->state = H_START;
        return F_none;
    case H_METHOD:
        if (b == ' ') {
            g->method_end = g->at;
            g->target_at = g->at + 1;
            g->state = H_TARGET;
            return F_none;
        }
        return http_token_char(b) ? F_none : F_method_token;
    case H_TARGET:
        if (b == ' ') {
            g->target_end = g->at;
            g->state = H_VERSION;
            return g->target_end > g->target_at ? F_none : F_target_empty;
        }
        return b > 0x20 && b < 0x7f && b != '#' ? F_none : F_target_byte;
    case H_VERSION_CR:
        g->state = H_LINE_LF;
        return b == '\r' ? F_none : F_line_end;
    case H_LINE_LF:
        g->line_end = g->at + 1;
        g->state = H_FIELD;
        return b == '\n' ? F_none : F_bare_cr;
    case H_FIELD:
        if (b == '\r') {
            g->state = H_END_LF;
            return F_none;
        }
        g->fields++;
        g->state = H_NAME;
        return http_token_char(b) ? F_none : F_field_first;
    case H_NAME:
        if (b == ':') {
            g->state = H_VALUE;
            return F_none;
        }
        return http_token_char(b) ? F_none : F_field_token;
    case H_VALUE:
        if (b == '\r') {
            g->state = H_VALUE_LF;
            return F_none;
        }
        return b == '\t' || (b >= 0x20 && b != 0x7f) ? F_none : F_field_control;
    case H_VALUE_LF:
        g->state = H_FIELD;
        return b == '\n' ? F_none : F_bare_cr;
    case H_END_LF:
        g->state = H_DONE;
        return b == '\n' ? F_none : F_bare_cr;
    default: /* H_VERSION … and, never, H_DONE */
        return head_version(g, b);
    }
}

enum gate_answer gate_head(struct gate *g, const uint8_t *p, size_t n, size_t *used,
                           enum fault *ret_why)
{
    for (size_t i = 0; i < n; i++) {
        enum fault why = head_byte(g, p[i]);
        if (why) {
            *ret_why = why;
            *used = i;
            return GATE_BAD;
        }
        if (g->state == H_START)
            g->skipped += 2;
        else if (g->state != H_START_LF)
            g->at++;
        if (g->state == H_DONE) {
            *used = i + 1;
            return GATE_DONE;
        }
    }
    *used = n;
    return GATE_MORE;
}

enum chunk_state {
    C_SIZE,   /* hexadecimal digits */
    C_EXT,    /* after the size: extensions, thrown away */
    C_QUOTED, /* inside a quoted extension value */
    C_QUOTED_PAIR,
    C_SIZE_LF,
    C_DATA,
    C_DATA_CR,
    C_DATA_LF,
    C_TRAILER, /* a trailer's first byte, or the body's end */
    C_TRAILER_NAME,
    C_TRAILER_VALUE,
    C_TRAILER_LF,
    C_END_LF,
    C_DONE
};

void chunks_init(struct chunks *c)
{
    *c = (struct chunks){0};
}

static int hex_digit(uint8_t b)
{
    return b >= '0' && b <= '9'   ? b - '0'
           : b >= 'a' && b <= 'f' ? b - 'a' + 10
           : b >= 'A' && b <= 'F' ? b - 'A' + 10
                                  : -1;
}

static enum fault chunk_size(struct chunks *c, uint8_t b)
{
    int digit = hex_digit(b);
    if (digit >= 0) {
        if (++c->digits > 15)
            return F_chunk_digits;
        c->left = c->left * 16 + (unsigned)digit;
        return F_none;
    }
    if (!c->digits)
        return F_chunk_no_size;
    c->state = b == '\r' ? C_SIZE_LF : C_EXT;
    return b == '\r' || b == ';' ? F_none : F_chunk_size;
}

static enum fault chunk_trailer(struct chunks *c, uint8_t b)
{
    switch ((enum chunk_state)c->state) {
    case C_TRAILER:
        c->state = b == '\r' ? C_END_LF : C_TRAILER_NAME;
        return b == '\r' || http_token_char(b) ? F_none : F_trailer_first;
    case C_TRAILER_NAME:
        if (b == ':')
            c->state = C_TRAILER_VALUE;
        return b == ':' || http_token_char(b) ? F_none : F_trailer_token;
    case C_TRAILER_VALUE:
        if (b == '\r')
            c->state = C_TRAILER_LF;
        return b == '\r' || b == '\t' || (b >= 0x20 && b != 0x7f) ? F_none : F_trailer_control;
    case C_TRAILER_LF:
        c->state = C_TRAILER;
        return b == '\n' ? F_none : F_bare_cr;
    default:
        c->state = C_DONE;
        return b == '\n' ? F_none : F_bare_cr;
    }
}

static enum fault chunk_byte(struct chunks *c, uint8_t b)
{
    switch ((enum chunk_state)c->state) {
    case C_SIZE:
        return chunk_size(c, b);
    case C_EXT:
        c->state = b == '\r' ? C_SIZE_LF : b == '"' ? C_QUOTED : C_EXT;
        return b == '\r' || b == '\t' || (b >= 0x20 && b < 0x7f) ? F_none : F_chunk_byte;
    case C_QUOTED:
        c->state = b == '"' ? C_EXT : b == '\\' ? C_QUOTED_PAIR : C_QUOTED;
        return b == '\t' || (b >= 0x20 && b != 0x7f) ? F_none : F_chunk_control;
    case C_QUOTED_PAIR:
        c->state = C_QUOTED;
        return b == '\t' || (b >= 0x20 && b != 0x7f) ? F_none : F_chunk_control;
    case C_SIZE_LF:
        c->state = c->left ? C_DATA : C_TRAILER;
        c->digits = 0;
        return b == '\n' ? F_none : F_bare_cr;
    case C_DATA_CR:
        c->state = C_DATA_LF;
        return b == '\r' ? F_none : F_chunk_longer;
    case C_DATA_LF:
        c->state = C_SIZE;
        return b == '\n' ? F_none : F_bare_cr;
    default:
        return chunk_trailer(c, b);
    }
}

static enum fault chunk_overhead(struct chunks *c)
{
    if (c->state >= C_TRAILER)
        return ++c->trailer > GATE_TRAILER_MAX ? F_trailer_size : F_none;
    return ++c->overhead > GATE_CHUNK_FREE + c->content ? F_chunk_lines : F_none;
}

enum gate_answer chunks_next(struct chunks *c, const uint8_t *p, size_t n, size_t *used,
                             const uint8_t **data, size_t *data_n, enum fault *ret_why)
{
    *data = NULL;
    *data_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (c->state == C_DATA) {
            *data = p + i;
            *data_n = n - i < c->left ? n - i : (size_t)c->left;
            c->left -= *data_n;
            c->content += *data_n;
            if (!c->left)
                c->state = C_DATA_CR;
            *used = i + *data_n;
            return GATE_MORE;
        }
        enum fault why = chunk_byte(c, p[i]);
        if (!why)
            why = chunk_overhead(c);
        if (why) {
            *ret_why = why;
            *used = i;
            return GATE_BAD;
        }
        if (c->state == C_DONE) {
            *used = i + 1;
            return GATE_DONE;
        }
    }
    *used = n;
    return GATE_MORE;
}
