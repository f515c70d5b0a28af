/*
 * Members of groups: who they are comes from the fixture's two files; each connects with its cookie
 * and joins its topic. Against the floor probe a member is in its group as soon as its handshake is
 * answered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/load.h"
#include "stacgate/ids.h"
#include "stacgate/table.h"

#define JOIN_DEADLINE_US 120000000
#define FAILURES_TOLD 3
#define ROOM "salle" /* what old clients call their room */

static char run_id[9]; /* makes op ids of this run unlike any other's */

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, why);
    exit(1);
}

struct lines lines_read(const char *file)
{
    struct lines l = {0};
    char *line = NULL;
    size_t room = 0;
    FILE *f = file ? fopen(file, "re") : NULL;
    if (!f)
        give_up(file ? file : "--cookies and --rooms", file ? strerror(errno) : "files are needed");
    while (getline(&line, &room, f) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if ((l.count & (l.count - 1)) == 0)
            l.line = xrealloc(l.line, (l.count ? 2 * (size_t)l.count : 1) * sizeof *l.line);
        l.line[l.count++] = xstrdup(line);
    }
    free(line);
    fclose(f);
    return l;
}

static void lines_finish(struct lines *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        free(l->line[i]);
    free(l->line);
}

const char *gathering_topic(struct gathering *g, const struct client *c)
{
    return g->rooms.line[g->line_of[c->index]];
}

/* ---- what comes in */

static void failed(struct gathering *g, const char *why)
{
    if (g->failed++ < FAILURES_TOLD)
        fprintf(stderr, "bench_load: a member failed: %s\n", why);
}

static void on_joined(struct gathering *g, struct client *c)
{
    c->joined = true;
    g->joined++;
    g->last_join = mono_us();
    samples_add(&g->join_times, g->last_join - g->began[c->index]);
}

/* A text of the reply between `before` and the next quote or comma. */
static struct str reply_part(const char *p, size_t n, const char *before)
{
    const char *at = memmem(p, n, before, strlen(before));
    if (!at)
        return (struct str){NULL, 0};
    at += strlen(before);
    size_t left = (size_t)(p + n - at), len = 0;
    while (len < left && at[len] != '"' && at[len] != ',')
        len++;
    return (struct str){at, len};
}

/* What a stock client's params function would give at its next join. */
static void keep_place(struct gathering *g, const struct client *c, const char *p, size_t n)
{
    struct str epoch = reply_part(p, n, "\"epoch\":\""), seq = reply_part(p, n, "\"head\":"),
               ticket = reply_part(p, n, "\"ticket\":\"");
    struct buf b = BUF_INIT;
    if (!g->resumes || !epoch.p || !seq.p)
        return;
    g->recovered += memmem(p, n, "\"recovered\":true", 16) != NULL;
    buf_printf(&b, "{\"epoch\":\"%.*s\",\"since\":%.*s", (int)epoch.n, epoch.p, (int)seq.n, seq.p);
    if (g->o->tickets && ticket.p)
        buf_printf(&b, ",\"ticket\":\"%.*s\"", (int)ticket.n, ticket.p);
    buf_puts(&b, "}");
    free(g->places[c->index]);
    g->places[c->index] = xstrdup(buf_cstr(&b));
    buf_finish(&b);
}

static void on_opened(struct swarm *s, struct client *c)
{
    struct gathering *g = s->state;
    const char *place = g->places[c->index], *topic = gathering_topic(g, c);
    char join[640];
    int n;
    if (g->o->floor) {
        on_joined(g, c);
        return;
    }
    if (g->o->relay)
        n = snprintf(join, sizeof join,
                     "{\"type\":\"join_room\",\"data\":{\"roomId\":\"" ROOM
                     "\",\"roomType\":\"studygroup\",\"resourceId\":\"%s\"}}",
                     strchr(topic, ':') + 1);
    else
        n = snprintf(join, sizeof join, "[\"1\",\"1\",\"%s\",\"phx_join\",%s]", topic,
                     place ? place : "{}");
    client_text(s, c, join, (size_t)n);
}

static void on_closed(struct swarm *s, struct client *c, const char *why)
{
    struct gathering *g = s->state;
    if (!c->joined)
        failed(g, why);
    else if (g->closed_later++ < FAILURES_TOLD)
        fprintf(stderr, "bench_load: a member was closed: %s (code %u)\n", why, c->close_code);
}

/* An envelope's event: its first string after the topic. Neither ref is a string in a broadcast,
 * and no string here has escapes. */
static struct str envelope_event(const char *p, size_t n)
{
    const char *end = p + n, *q = p;
    struct str found = {NULL, 0};
    int strings = 2;
    for (int ref = 0; ref < 2 && q < end; ref++) {
        strings += q[1] == '"';
        q = memchr(q + 1, ',', (size_t)(end - q - 1));
        if (!q)
            return found;
    }
    for (q = p; strings > 0; strings--) {
        const char *from = memchr(q, '"', (size_t)(end - q));
        const char *to = from ? memchr(from + 1, '"', (size_t)(end - from - 1)) : NULL;
        if (!to)
            return (struct str){NULL, 0};
        found = (struct str){from + 1, (size_t)(to - from - 1)};
        q = to + 1;
    }
    return found;
}

static void on_reply(struct gathering *g, struct client *c, const char *p, size_t n)
{
    static const char ok_word[] = "\"status\":\"ok\"";
    bool ok = memmem(p, n, ok_word, sizeof ok_word - 1) != NULL;
    if (!c->joined && ok) {
        keep_place(g, c, p, n);
        on_joined(g, c);
        if (g->on && g->on->joined)
            g->on->joined(g, c, n);
    } else if (!c->joined) {
        char why[160];
        snprintf(why, sizeof why, "%.*s", (int)(n < 150 ? n : 150), p);
        failed(g, why);
    } else if (g->on && g->on->reply) {
        g->on->reply(g, c, ok, p, n);
    }
}

static bool starts(const char *p, size_t n, const char *with)
{
    return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

static void on_old_text(struct gathering *g, struct client *c, const char *p, size_t n)
{
    if (starts(p, n, "{\"type\":\"content_update\""))
        g->on->event(g, c, STR("message"), p, n);
    else if (starts(p, n, "{\"type\":\"room_joined\""))
        on_joined(g, c);
    else if (starts(p, n, "{\"type\":\"error\"") && g->on->reply)
        g->on->reply(g, c, false, p, n);
    else if (c->joined)
        g->on->event(g, c, STR("other"), p, n);
}

static void on_text(struct swarm *s, struct client *c, const char *p, size_t n)
{
    struct gathering *g = s->state;
    if (g->o->relay && !g->o->floor) {
        on_old_text(g, c, p, n);
        return;
    }
    struct str name = g->o->floor ? STR("message") : envelope_event(p, n);
    if (str_is(name, "phx_reply"))
        on_reply(g, c, p, n);
    else if (g->on && g->on->event)
        g->on->event(g, c, name, p, n);
}

static const struct swarm_events swarm_events = {on_opened, on_text, on_closed};

/* ---- who takes part */

/* Lines by topic, in the order the topics first appear. */
static void pick(struct gathering *g)
{
    const struct options *o = g->o;
    struct table seen = TABLE_INIT;
    uint32_t *numbers = xcalloc(o->groups, sizeof *numbers),
             *have = xcalloc(o->groups, sizeof *have);
    uint32_t topics = 0, picked = 0;
    for (uint32_t i = 0; i < g->rooms.count && picked < o->groups * o->members; i++) {
        const char *topic = g->rooms.line[i];
        uint32_t *number = table_get(&seen, topic, strlen(topic));
        if (!number && topics < o->groups) {
            number = &numbers[topics];
            *number = topics++;
            table_put(&seen, topic, strlen(topic), number);
        }
        if (!number || have[*number] == o->members)
            continue;
        struct client *c = &g->swarm.clients[picked];
        c->group = *number;
        g->line_of[picked++] = i;
        g->by_group[*number * o->members + have[*number]++] = c;
    }
    if (picked < o->groups * o->members)
        give_up(o->rooms, "has fewer groups or members than asked for");
    table_finish(&seen);
    free(numbers);
    free(have);
}

void gathering_init(struct gathering *g, const struct options *o, const struct gathering_events *on,
                    void *state)
{
    uint32_t count = o->groups * o->members;
    *g = (struct gathering){.o = o, .on = on, .state = state};
    g->cookies = lines_read(o->cookies);
    g->rooms = lines_read(o->rooms);
    if (g->cookies.count < g->rooms.count)
        give_up(o->cookies, "has fewer lines than the file of rooms");
    int err = swarm_init(&g->swarm, count, (uint16_t)o->port, &swarm_events, g);
    if (err)
        give_up("epoll", strerror(-err));
    if (o->tls)
        swarm_use_tls(&g->swarm);
    if (o->deflate)
        swarm_use_deflate(&g->swarm);
    g->line_of = xcalloc(count, sizeof *g->line_of);
    g->by_group = xcalloc(count, sizeof(struct client *));
    g->began = xcalloc(count, sizeof *g->began);
    g->places = xcalloc(count, sizeof(char *));
    random_token(run_id, sizeof run_id);
    pick(g);
}

void gathering_cut(struct gathering *g)
{
    swarm_cut(&g->swarm);
    samples_finish(&g->join_times);
    g->join_times = (struct samples){0};
    g->started = g->joined = g->failed = g->recovered = 0;
}

void gathering_finish(struct gathering *g)
{
    for (uint32_t i = 0; i < g->swarm.count; i++)
        free(g->places[i]);
    free(g->places);
    swarm_finish(&g->swarm);
    samples_finish(&g->join_times);
    lines_finish(&g->cookies);
    lines_finish(&g->rooms);
    free(g->line_of);
    free(g->by_group);
    free(g->began);
}

static void connect_next(struct gathering *g)
{
    struct client *c = &g->swarm.clients[g->started++];
    struct buf header = BUF_INIT;
    char path[64] = "/socket/websocket?vsn=2.0.0";
    if (g->o->relay)
        snprintf(path, sizeof path, "/ws/collaboration");
    if (g->o->floor)
        snprintf(path, sizeof path, "/%u", c->group);
    else
        buf_printf(&header, "%s\r\n", g->cookies.line[g->line_of[c->index]]);
    c->slow = g->o->slow && c->index == 0;
    g->began[c->index] = mono_us();
    client_connect(&g->swarm, c, path, buf_cstr(&header));
    buf_finish(&header);
}

void gathering_join(struct gathering *g)
{
    g->first_connect = mono_us();
    while (g->joined + g->failed < g->swarm.count) {
        while (g->started < g->swarm.count &&
               g->started - g->joined - g->failed < g->o->concurrency)
            connect_next(g);
        swarm_turn(&g->swarm, 100000);
        if (mono_us() - g->first_connect > JOIN_DEADLINE_US)
            give_up("joining", "not everybody was in after two minutes");
    }
}

void gathering_settle(struct gathering *g, uint32_t seconds)
{
    int64_t end = mono_us() + (int64_t)seconds * 1000000;
    for (int64_t now; (now = mono_us()) < end;)
        swarm_turn(&g->swarm, end - now);
}

/* ---- messages */

void push_message(struct gathering *g, struct client *c, uint32_t id)
{
    static const char filler[] = "une phrase de taille moyenne, comme on en lit dans un groupe; ";
    char text[16384];
    uint32_t content = g->o->content < 8000 ? g->o->content : 8000;
    int n;
    if (g->o->relay)
        n = snprintf(text, sizeof text,
                     "{\"type\":\"text_change\",\"roomId\":\"" ROOM
                     "\",\"data\":{\"operation\":{\"type\":\"insert\",\"at\":%u},"
                     "\"content\":\"<<%08x>>",
                     id, id);
    else
        n = snprintf(text, sizeof text,
                     "[\"1\",\"%u\",\"%s\",\"message:new\",{\"opId\":\"%s-%x\",\"type\":\"text\","
                     "\"content\":\"<<%08x>>",
                     c->next_ref++, gathering_topic(g, c), run_id, id, id);
    for (uint32_t i = 12; i < content; i++)
        text[n++] = filler[i % (sizeof filler - 1)];
    memcpy(text + n, g->o->relay ? "\"}}" : "\"}]", 3);
    client_text(&g->swarm, c, text, (size_t)n + 3);
}

bool message_id(const char *p, size_t n, uint32_t *ret_id)
{
    const char *mark = memmem(p, n, "<<", 2);
    if (!mark || mark + 12 > p + n)
        return false;
    *ret_id = (uint32_t)strtoul(mark + 2, NULL, 16);
    return true;
}

struct usage usage_now(const struct options *o)
{
    pid_t server = (pid_t)o->server_pid;

    return (struct usage){mono_us(), server ? cpu_of(server) : 0,
                          server ? cpu_of_first_thread(server) : 0,
                          o->postgres_pid ? cpu_of_family((pid_t)o->postgres_pid) : 0};
}
