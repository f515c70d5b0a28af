/*
 * Drawing a board. One row a type; what is not a finite number, a colour or text where one is
 * wanted is left out, so that whatever a client stored, the picture is well formed. Geometry is in
 * the board's own units; the picture's box is what its elements cover.
 */
#include "board_svg.h"

#include <math.h>
#include <stdlib.h>

#define MARGIN 24.0
#define COORDINATE_MAX 1e7
#define FONT "system-ui, sans-serif"

struct box {
    double x0, y0, x1, y1; /* x0 > x1: nothing yet */
};

struct pen {
    struct buf *out;
    const struct board_model *board;
    struct mp el;
    struct box *box;
    double x, y, w, h;
};

/* ---- values ---- */

static double number(struct mp el, const char *key, double otherwise)
{
    double v = mp_float(mp_get(el, key), otherwise);

    return isfinite(v) && fabs(v) <= COORDINATE_MAX ? v : otherwise;
}

static void cover(struct box *b, double x, double y)
{
    if (b->x0 > b->x1) {
        *b = (struct box){x, y, x, y};
        return;
    }
    b->x0 = fmin(b->x0, x);
    b->y0 = fmin(b->y0, y);
    b->x1 = fmax(b->x1, x);
    b->y1 = fmax(b->y1, y);
}

/* Two decimals at most. A drawing is mostly numbers: this is a tenth of what printf takes. */
static void put_number(struct buf *out, double v)
{
    char text[32], *p = text + sizeof(text);
    uint64_t n = (uint64_t)llround(fabs(v) * 100);
    unsigned cents = (unsigned)(n % 100);

    if (cents) {
        if (cents % 10)
            *--p = (char)('0' + cents % 10);
        *--p = (char)('0' + cents / 10);
        *--p = '.';
    }
    uint64_t whole = n / 100;
    do
        *--p = (char)('0' + whole % 10);
    while (whole /= 10);
    if (v < 0 && n)
        *--p = '-';
    buf_put(out, p, (size_t)(text + sizeof(text) - p));
}

static void put_attribute(struct buf *out, const char *name, double v)
{
    buf_printf(out, " %s=\"", name);
    put_number(out, v);
    buf_puts(out, "\"");
}

/* Text and attribute values alike. Characters that XML 1.0 does not have become U+FFFD. */
static void put_text(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (ch == '&')
            buf_puts(out, "&amp;");
        else if (ch == '<')
            buf_puts(out, "&lt;");
        else if (ch == '>')
            buf_puts(out, "&gt;");
        else if (ch == '"')
            buf_puts(out, "&quot;");
        else if (ch < 0x20 && ch != '\t' && ch != '\n')
            buf_puts(out, "\xef\xbf\xbd");
        else
            buf_put(out, &s.p[i], 1);
    }
}

/* "#rgb", "#rrggbb", "#rrggbbaa", or a word of letters: nothing with a parenthesis, so no url(). */
static bool is_colour(struct str s)
{
    if (s.n < 3 || s.n > 24)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool hex = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');

        if (!(s.p[0] == '#' ? i == 0 || hex : letter))
            return false;
    }
    return true;
}

static void put_colour(const struct pen *p, const char *attribute, const char *key,
                       const char *otherwise)
{
    struct str s = mp_str(mp_get(p->el, key));

    buf_printf(p->out, " %s=\"", attribute);
    put_text(p->out, s.p && is_colour(s) ? s : str_of(otherwise));
    buf_puts(p->out, "\"");
}

static void put_stroke(const struct pen *p, const char *otherwise)
{
    put_colour(p, "stroke", "stroke", otherwise);
    put_attribute(p->out, "stroke-width", fmin(fmax(number(p->el, "strokeWidth", 2), 0.1), 200));
    buf_puts(p->out, " stroke-linecap=\"round\" stroke-linejoin=\"round\"");
}

/* ---- text ---- */

static void put_line(const struct pen *p, struct str line, double x, double y, double size,
                     const char *anchor)
{
    buf_puts(p->out, "<text");
    put_attribute(p->out, "x", x);
    put_attribute(p->out, "y", y);
    put_attribute(p->out, "font-size", size);
    buf_printf(p->out, " text-anchor=\"%s\" font-family=\"" FONT "\" xml:space=\"preserve\"",
               anchor);
    put_colour(p, "fill", "color", "#1f2937");
    buf_puts(p->out, ">");
    put_text(p->out, line);
    buf_puts(p->out, "</text>");
}

static void put_lines(const struct pen *p, struct str s, double x, double y, double size,
                      const char *anchor)
{
    while (s.p) {
        const char *end = memchr(s.p, '\n', s.n);
        struct str line = {s.p, end ? (size_t)(end - s.p) : s.n};

        put_line(p, line, x, y, size, anchor);
        cover(p->box, x + (double)line.n * size * 0.6 * (*anchor == 's'), y);
        y += size * 1.3;
        s = end ? (struct str){end + 1, s.n - line.n - 1} : (struct str){0};
    }
}

static double text_size(const struct pen *p, double otherwise)
{
    return fmin(fmax(number(p->el, "size", otherwise), 1), 500);
}

static void draw_text(const struct pen *p)
{
    double size = text_size(p, 18);

    cover(p->box, p->x, p->y);
    put_lines(p, mp_str(mp_get(p->el, "text")), p->x, p->y + size, size, "start");
}

static void draw_label(const struct pen *p)
{
    struct str label = mp_str(mp_get(p->el, "label"));
    double size = text_size(p, 16);

    if (label.p)
        put_lines(p, label, p->x + p->w / 2, p->y + p->h / 2 + size / 3, size, "middle");
}

/* ---- shapes ---- */

static void put_place(const struct pen *p)
{
    put_attribute(p->out, "x", fmin(p->x, p->x + p->w));
    put_attribute(p->out, "y", fmin(p->y, p->y + p->h));
    put_attribute(p->out, "width", fabs(p->w));
    put_attribute(p->out, "height", fabs(p->h));
    cover(p->box, p->x, p->y);
    cover(p->box, p->x + p->w, p->y + p->h);
}

static void draw_rect(const struct pen *p)
{
    buf_puts(p->out, "<rect");
    put_place(p);
    put_colour(p, "fill", "fill", "none");
    put_stroke(p, "#1f2937");
    buf_puts(p->out, "/>");
    draw_label(p);
}

static void draw_ellipse(const struct pen *p)
{
    buf_puts(p->out, "<ellipse");
    put_attribute(p->out, "cx", p->x + p->w / 2);
    put_attribute(p->out, "cy", p->y + p->h / 2);
    put_attribute(p->out, "rx", fabs(p->w) / 2);
    put_attribute(p->out, "ry", fabs(p->h) / 2);
    cover(p->box, p->x, p->y);
    cover(p->box, p->x + p->w, p->y + p->h);
    put_colour(p, "fill", "fill", "none");
    put_stroke(p, "#1f2937");
    buf_puts(p->out, "/>");
    draw_label(p);
}

static void draw_sticky(const struct pen *p)
{
    double size = text_size(p, 16);

    buf_puts(p->out, "<rect rx=\"4\"");
    put_place(p);
    put_colour(p, "fill", "fill", "#fde68a");
    buf_puts(p->out, "/>");
    put_lines(p, mp_str(mp_get(p->el, "text")), p->x + 10, p->y + 8 + size, size, "start");
}

/* An image or what an old installation drew: a frame that says so. */
static void draw_frame(const struct pen *p)
{
    buf_puts(p->out, "<rect");
    put_place(p);
    buf_puts(p->out, " fill=\"none\" stroke=\"#9ca3af\" stroke-dasharray=\"6 4\"/>");
    draw_label(p);
}

/* ---- lines ---- */

static bool point_at(const struct pen *p, struct mp point, double *x, double *y)
{
    double a = mp_float(mp_at(point, 0), NAN), b = mp_float(mp_at(point, 1), NAN);

    if (!isfinite(a) || !isfinite(b) || fabs(a) > COORDINATE_MAX || fabs(b) > COORDINATE_MAX)
        return false;
    *x = p->x + a;
    *y = p->y + b;
    return true;
}

static struct element *end_of(const struct pen *p, const char *key)
{
    struct str id = mp_str(mp_get(p->el, key));

    return id.p ? table_get(&p->board->elements, id.p, id.n) : NULL;
}

static void middle(const struct element *e, double *x, double *y)
{
    struct mp el = body_mp(e->data);

    *x = number(el, "x", 0) + number(el, "w", 0) / 2;
    *y = number(el, "y", 0) + number(el, "h", 0) / 2;
}

/* Where a line from the middle of e towards (x, y) leaves its box. */
static void edge(const struct element *e, double x, double y, double *at_x, double *at_y)
{
    struct mp el = body_mp(e->data);
    double part = 1;

    middle(e, at_x, at_y);
    double dx = x - *at_x, dy = y - *at_y;
    if (dx != 0)
        part = fmin(part, fabs(number(el, "w", 0) / 2 / dx));
    if (dy != 0)
        part = fmin(part, fabs(number(el, "h", 0) / 2 / dy));
    *at_x += dx * part;
    *at_y += dy * part;
}

/* The points as path commands; how many. Between two elements, when it names them. */
static unsigned put_path(const struct pen *p, double last[4])
{
    const struct element *from = end_of(p, "from"), *to = end_of(p, "to");
    unsigned n = 0;
    double x, y;

    if (from && to) {
        double middles[4];

        middle(from, &middles[0], &middles[1]);
        middle(to, &middles[2], &middles[3]);
        edge(from, middles[2], middles[3], &last[0], &last[1]);
        edge(to, middles[0], middles[1], &last[2], &last[3]);
        buf_puts(p->out, "M");
        put_number(p->out, last[0]), buf_puts(p->out, " "), put_number(p->out, last[1]);
        buf_puts(p->out, "L");
        put_number(p->out, last[2]), buf_puts(p->out, " "), put_number(p->out, last[3]);
        return 2;
    }
    for (struct mp_iter it = mp_iter(mp_get(p->el, "points")); mp_next(&it);) {
        if (!point_at(p, it.value, &x, &y))
            continue;
        buf_puts(p->out, n ? "L" : "M");
        put_number(p->out, x), buf_puts(p->out, " "), put_number(p->out, y);
        cover(p->box, x, y);
        last[0] = n ? last[2] : x;
        last[1] = n ? last[3] : y;
        last[2] = x;
        last[3] = y;
        n++;
    }
    return n;
}

static void draw_line(const struct pen *p)
{
    double last[4] = {0};

    buf_puts(p->out, "<path d=\"");
    put_path(p, last);
    buf_puts(p->out, "\" fill=\"none\"");
    put_stroke(p, "#1f2937");
    buf_puts(p->out, "/>");
}

/* The head is two strokes from the tip, 25 degrees to either side. */
static void draw_arrow(const struct pen *p)
{
    double last[4] = {0}, size = 6 + 3 * fmin(fmax(number(p->el, "strokeWidth", 2), 0.1), 20);

    buf_puts(p->out, "<path d=\"");
    unsigned n = put_path(p, last);
    if (n > 1) {
        double back = atan2(last[1] - last[3], last[0] - last[2]);

        for (int side = -1; side <= 1; side += 2) {
            double a = back + side * 0.44;

            buf_puts(p->out, "M");
            put_number(p->out, last[2]), buf_puts(p->out, " "), put_number(p->out, last[3]);
            buf_puts(p->out, "L");
            put_number(p->out, last[2] + size * cos(a)), buf_puts(p->out, " ");
            put_number(p->out, last[3] + size * sin(a));
        }
    }
    buf_puts(p->out, "\" fill=\"none\"");
    put_stroke(p, "#1f2937");
    buf_puts(p->out, "/>");
    if (end_of(p, "from") && end_of(p, "to"))
        put_lines(p, mp_str(mp_get(p->el, "label")), (last[0] + last[2]) / 2,
                  (last[1] + last[3]) / 2 - 6, text_size(p, 14), "middle");
}

/* A stroke whose pen was pressed: each piece as wide as its pressure, from half to one and a half.
 */
static void draw_pressed(const struct pen *p, double width)
{
    double x, y, from_x = 0, from_y = 0;
    bool begun = false;

    buf_puts(p->out, "<g fill=\"none\"");
    put_stroke(p, "#1f2937");
    buf_puts(p->out, ">");
    for (struct mp_iter it = mp_iter(mp_get(p->el, "points")); mp_next(&it);) {
        if (!point_at(p, it.value, &x, &y))
            continue;
        double pressure = fmin(fmax(mp_float(mp_at(it.value, 2), 0.5), 0), 1);
        if (begun) {
            buf_puts(p->out, "<path d=\"M");
            put_number(p->out, from_x), buf_puts(p->out, " "), put_number(p->out, from_y);
            buf_puts(p->out, "L");
            put_number(p->out, x), buf_puts(p->out, " "), put_number(p->out, y);
            buf_puts(p->out, "\"");
            put_attribute(p->out, "stroke-width", width * (0.5 + pressure));
            buf_puts(p->out, "/>");
        }
        begun = true;
        from_x = x;
        from_y = y;
        cover(p->box, x, y);
    }
    buf_puts(p->out, "</g>");
}

static void draw_freehand(const struct pen *p)
{
    struct mp first = mp_at(mp_get(p->el, "points"), 0);

    if (mp_count(first) > 2)
        draw_pressed(p, fmin(fmax(number(p->el, "strokeWidth", 2), 0.1), 200));
    else
        draw_line(p);
}

/* ---- the picture ---- */

static const struct {
    const char *type;
    void (*draw)(const struct pen *p);
} rows[] = {
    {"freehand", draw_freehand}, {"line", draw_line},   {"arrow", draw_arrow},
    {"rect", draw_rect},         {"text", draw_text},   {"ellipse", draw_ellipse},
    {"sticky", draw_sticky},     {"image", draw_frame},
};

static void draw(struct pen *p)
{
    struct str type = mp_str(mp_get(p->el, "type"));
    double turn = number(p->el, "rotation", 0), opacity = number(p->el, "opacity", 1);

    p->x = number(p->el, "x", 0);
    p->y = number(p->el, "y", 0);
    p->w = number(p->el, "w", 0);
    p->h = number(p->el, "h", 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!str_is(type, rows[i].type))
            continue;
        buf_puts(p->out, "<g");
        if (opacity < 1)
            put_attribute(p->out, "opacity", fmax(opacity, 0));
        if (turn != 0) {
            buf_puts(p->out, " transform=\"rotate(");
            put_number(p->out, turn), buf_puts(p->out, " ");
            put_number(p->out, p->x + p->w / 2), buf_puts(p->out, " ");
            put_number(p->out, p->y + p->h / 2), buf_puts(p->out, ")\"");
        }
        buf_puts(p->out, ">");
        rows[i].draw(p);
        buf_puts(p->out, "</g>\n");
    }
}

void board_svg(const struct board_model *b, struct str title, struct buf *out)
{
    struct box box = {1, 1, 0, 0};
    struct buf body = BUF_INIT;
    uint32_t n;
    struct element **list = board_sorted(b, &n);

    for (uint32_t i = 0; i < n; i++)
        draw(&(struct pen){.out = &body, .board = b, .el = body_mp(list[i]->data), .box = &box});
    if (box.x0 > box.x1)
        box = (struct box){0, 0, 640, 400};
    double w = box.x1 - box.x0 + 2 * MARGIN, h = box.y1 - box.y0 + 2 * MARGIN;
    buf_puts(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"");
    put_attribute(out, "width", w);
    put_attribute(out, "height", h);
    buf_puts(out, " viewBox=\"");
    put_number(out, box.x0 - MARGIN), buf_puts(out, " ");
    put_number(out, box.y0 - MARGIN), buf_puts(out, " ");
    put_number(out, w), buf_puts(out, " ");
    put_number(out, h), buf_puts(out, "\">\n<title>");
    put_text(out, title);
    buf_puts(out, "</title>\n<rect");
    put_attribute(out, "x", box.x0 - MARGIN);
    put_attribute(out, "y", box.y0 - MARGIN);
    buf_puts(out, " width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    buf_put(out, body.data, body.len);
    buf_puts(out, "</svg>\n");
    buf_finish(&body);
    free(list);
}
