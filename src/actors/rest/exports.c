/*
 * Exports over REST: jobs are rows that the exporter works through; a finished one is a file that
 * its owner downloads, whole or in part, until it expires.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../services/exporter.h"
#include "run.h"

#define MANAGE .manage = "exports:manage"
#define FILE_MS 30000

const struct field schema_exports[] = {
    {.name = "status", .type = FIELD_CHOICE, .choices = "pending|processing|completed|failed"},
    {.name = "type", .type = FIELD_CHOICE, .choices = "csv|json|xlsx|pdf|zip|sql"},
    {.name = "establishmentId", .type = FIELD_TENANT},
    LIST_FIELDS,
    {.name = NULL}};

RUN_OP(exports_list, .sql = SQL_EXPORTS_LIST, .params = "tuqmp", MANAGE, .key = time_valid)
RUN_OP(exports_history, .sql = SQL_EXPORTS_LIST, .params = "tuqmp", MANAGE, .key = time_valid)
RUN_OP(exports_list_old, .sql = SQL_EXPORTS_LIST, .params = "tuqmp", MANAGE, .key = time_valid)
RUN_OP(exports_get, .sql = SQL_EXPORTS_GET, .params = "tuim", MANAGE)

/* ---- POST /api/exports ---- */

/* What cannot be made yet is refused by name, like every other choice. */
#define EXPORT_TYPE                                                                                \
    {                                                                                              \
        .name = "type", .type = FIELD_CHOICE, .flags = FIELD_REQUIRED, .choices = "csv|json"       \
    }

#define DATASETS "users|courses|enrollments|assessments|results|content|groups"
static const struct field range_schema[] = {
    {.name = "start", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "end", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};
static const struct field config_schema[] = {
    {.name = "dataset", .type = FIELD_CHOICE, .choices = DATASETS},
    {.name = "datasets", .type = FIELD_TEXTS, .max = 10, .choices = DATASETS},
    {.name = "dateRange", .type = FIELD_OBJECT, .max = 200, .inner = range_schema},
    {.name = "filters", .type = FIELD_OBJECT, .max = 4096},
    {.name = NULL}};
const struct field schema_export_new[] = {
    EXPORT_TYPE,
    {.name = "config",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED,
     .max = 8192,
     .inner = config_schema},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "userId", .type = FIELD_CALLER, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

static int refuse_config(struct rest *r, const char *field, enum field_code code)
{
    return rest_refuse_fields(r, P_invalid, &(struct field_error){.field = field, .code = code}, 1);
}

static int begun(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    if (!db_error(m) && db_rows(m, 1) && db_null(m, 1, 0, 0)) {
        export_begin(r->tenant, db_text(m, 1, 0, 3));
        return rest_reply_value(r, m, r->op->success, 1, 0, 2, 0);
    }
    return rest_outcome(r, m, 1);
}

static bool repeated(struct mp names, struct str name)
{
    unsigned times = 0;

    for (struct mp_iter it = mp_iter(names); mp_next(&it);) {
        struct str other = mp_str(it.value);
        times += other.n == name.n && memcmp(other.p, name.p, name.n) == 0;
    }
    return times > 1;
}

/* One of the chosen data sets has such a field. */
static bool filter_fits(struct mp names, struct str field)
{
    bool fits = false;

    for (struct mp_iter it = mp_iter(names); !fits && mp_next(&it);)
        fits = export_filter_known(mp_str(it.value), field);
    return fits;
}

/* A value (null: none is there), or several of which a row has one. */
static bool filter_value_good(struct mp value, bool several)
{
    enum mp_type t = mp_type(value);

    if (t != MP_ARRAY)
        return t == MP_STR || t == MP_BOOL || t == MP_NIL;
    for (struct mp_iter it = mp_iter(value); several && mp_next(&it);)
        several = filter_value_good(it.value, false);
    return several && mp_count(value) > 0;
}

/* Is something of it wrong? Then it was refused. */
static bool refused(struct rest *r, struct mp names, struct mp filters)
{
    if (mp_count(names) == 0)
        return refuse_config(r, "config.datasets", E_required), true;
    for (struct mp_iter it = mp_iter(names); mp_next(&it);)
        if (repeated(names, mp_str(it.value)))
            return refuse_config(r, "config.datasets", E_repeated), true;
    for (struct mp_iter it = mp_iter(filters); mp_next(&it);) {
        if (!filter_fits(names, mp_str(it.key)))
            return refuse_config(r, "config.filters", E_unknown), true;
        if (!filter_value_good(it.value, true))
            return refuse_config(r, "config.filters", E_type), true;
    }
    return false;
}

static void put_setting(struct buf *b, const char *name, struct mp value)
{
    mp_put_cstr(b, name);
    mp_put_raw(b, value);
}

/* What to export: names, a msgpack array of texts; range, {start, end} or absent; filters, fields
 * of rows, or absent. */
struct wanted {
    struct mp names, range, filters;
};

/* Who may not list the school's people does not export them either. */
static bool may_export(const struct rest *r, struct mp names)
{
    for (struct mp_iter it = mp_iter(names); mp_next(&it);)
        if (str_is(mp_str(it.value), "users") && !identity_can(r->who, "users:read"))
            return false;
    return true;
}

static int create(struct actor *self, struct rest *r, struct wanted w)
{
    struct buf settings = BUF_INIT;

    if (refused(r, w.names, w.filters))
        return ACTOR_DONE;
    if (!may_export(r, w.names))
        return rest_refuse(r, P_forbidden);
    mp_put_map(&settings, 1 + (w.range.p != NULL) + (w.filters.p != NULL));
    put_setting(&settings, "datasets", w.names);
    if (w.range.p)
        put_setting(&settings, "dateRange", w.range);
    if (w.filters.p)
        put_setting(&settings, "filters", w.filters);
    struct db_group *g = rest_group(r, DB_READ);
    db_errors_as_result(g);
    db_stmt(g, SQL_EXPORTS_LOCK);
    db_stmt(g, SQL_EXPORTS_CREATE);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_strv_put(g, rest_arg(r, "type"));
    rest_put_json(g, mp_view(settings.data, settings.len));
    rest_keep_answer(g, r);
    buf_finish(&settings);
    return rest_ask(self, g, begun);
}

static int create_from(struct actor *self, struct rest *r, struct mp config)
{
    struct wanted w = {mp_get(config, "datasets"), mp_get(config, "dateRange"),
                       mp_get(config, "filters")};
    struct mp one = mp_get(config, "dataset");
    struct buf list = BUF_INIT;

    if (one.p && w.names.p)
        return refuse_config(r, "config.dataset", E_repeated);
    if (one.p) {
        mp_put_array(&list, 1);
        mp_put_raw(&list, one);
        w.names = mp_view(list.data, list.len);
    }
    int done = create(self, r, w);
    buf_finish(&list);
    return done;
}

int op_exports_create(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)m;
    return create_from(self, r, mp_get(r->body, "config"));
}

/* ---- the old client's form of it ---- */

/* In the order in which that client names them, which is the file's. */
static const struct field included_schema[] = {
    {.name = "courses", .type = FIELD_BOOL},     {.name = "users", .type = FIELD_BOOL},
    {.name = "assessments", .type = FIELD_BOOL}, {.name = "results", .type = FIELD_BOOL},
    {.name = "content", .type = FIELD_BOOL},     {.name = "enrollments", .type = FIELD_BOOL},
    {.name = "groups", .type = FIELD_BOOL},      {.name = NULL}};
const struct field schema_export_old[] = {
    EXPORT_TYPE,
    {.name = "dateRange", .type = FIELD_OBJECT, .max = 200, .inner = range_schema},
    {.name = "includeData",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED,
     .max = 400,
     .inner = included_schema},
    {.name = NULL}};

int op_exports_create_old(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct buf names = BUF_INIT, list = BUF_INIT;
    uint32_t count = 0;

    (void)m;
    for (struct mp_iter it = mp_iter(mp_get(r->body, "includeData")); mp_next(&it);)
        if (mp_bool(it.value, false)) {
            mp_put_raw(&names, it.key);
            count++;
        }
    mp_put_array(&list, count);
    buf_put(&list, names.data, names.len);
    int done = create(self, r,
                      (struct wanted){.names = mp_view(list.data, list.len),
                                      .range = mp_get(r->body, "dateRange")});
    buf_finish(&names);
    buf_finish(&list);
    return done;
}

/* ---- DELETE /api/exports/:id ---- */

static int removed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return ACTOR_DONE;
}

static int remove_work(void *arg, struct body **ret_body)
{
    char path[512];

    (void)ret_body;
    if (export_path(arg, path, sizeof(path)))
        unlink(path); /* there may be none yet */
    return 0;
}

/* The file goes after the answer; one that a running job is still writing is removed by that job.
 */
static int deleted(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    if (db_error(m) || db_rows(m, 0) == 0 || !db_null(m, 0, 0, 0))
        return rest_outcome(r, m, 0);
    char *name = xstrdup(db_text(m, 0, 0, 3));
    rest_reply_value(r, m, 200, 0, 0, 2, 0);
    if (actor_offload(self, remove_work, name, free, FILE_MS, removed) == 0)
        return 0;
    free(name);
    return ACTOR_DONE;
}

int op_exports_delete(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_EXPORTS_DELETE);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_str(g, http_param(r->http, "id"));
    db_bool(g, identity_can(r->who, "exports:manage"));
    rest_put_versions(g, r);
    return rest_ask(self, g, deleted);
}

/* ---- GET /api/exports/:id/download ---- */

struct mapped { /* the bytes of a body that is a mapped file */
    void *p;
    size_t n;
};
struct download {
    char name[80], filename[200];
    bool csv;
};

static void unmap(struct body *b)
{
    struct mapped *map = (struct mapped *)(void *)b->bytes;

    if (map->n)
        munmap(map->p, map->n);
    free(b);
}

/* In the thread pool: the pages are read there, so that sending does not wait for the disk. No
 * body: the file is gone. */
static int map_work(void *arg, struct body **ret_body)
{
    struct mapped map = {0};
    struct stat st;
    char path[512];

    if (!export_path(arg, path, sizeof(path)))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        map.n = (size_t)st.st_size;
        map.p = mmap(NULL, map.n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    }
    close(fd);
    if (map.p == MAP_FAILED)
        return -ENOMEM;
    *ret_body = body_alloc(sizeof(map));
    memcpy((*ret_body)->bytes, &map, sizeof(map));
    (*ret_body)->drop = unmap;
    return 0;
}

/* The name in ASCII for old browsers; it holds only what the exporter put there. */
static void set_names(struct http_req *req, const struct download *d)
{
    char text[300];

    snprintf(text, sizeof(text), "attachment; filename=\"%s\"", d->filename);
    http_set(req, "Content-Disposition", text);
    http_set(req, "Content-Security-Policy", FILE_POLICY);
    http_set(req, "Cache-Control", "no-store");
}

static int mapped(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct download *d = r->own;
    size_t from, to;
    char tag[90];

    (void)self;
    if (!m->body)
        return rest_refuse(r, P_gone);
    struct mapped *map = (struct mapped *)(void *)m->body->bytes;
    snprintf(tag, sizeof(tag), "\"%.70s\"", d->name);
    int part = http_range(r->http, tag, map->n, &from, &to);
    if (part < 0)
        return rest_refuse(r, P_range);
    http_set(r->http, "ETag", tag);
    set_names(r->http, d);
    return rest_reply_bytes(r, part ? 206 : 200,
                            d->csv ? "text/csv; charset=utf-8" : "application/json; charset=utf-8",
                            (struct str){(const char *)map->p + from, to - from}, m->body);
}

static int found(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct download *d = rest_own(r, sizeof(*d));

    rest_took(r, m);
    if (db_rows(m, 0) == 0 || !db_null(m, 0, 0, 0))
        return rest_outcome(r, m, 0);
    snprintf(d->name, sizeof(d->name), "%s", db_text(m, 0, 0, 1));
    snprintf(d->filename, sizeof(d->filename), "%s", db_text(m, 0, 0, 2));
    d->csv = strcmp(db_text(m, 0, 0, 3), "csv") == 0;
    for (char *c = d->filename; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e || *c == '"' || *c == '\\')
            *c = '_';
    return actor_offload(self, map_work, xstrdup(d->name), free, FILE_MS, mapped);
}

int op_exports_download(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_EXPORTS_FILE);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_str(g, http_param(r->http, "id"));
    db_bool(g, identity_can(r->who, "exports:manage"));
    db_bool(g, http_method(r->http) != HTTP_M_HEAD);
    return rest_ask(self, g, found);
}

int op_exports_download_old(struct actor *self, void *state, const struct msg *m)
{
    return op_exports_download(self, state, m);
}
