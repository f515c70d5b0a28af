/*
 * The exporter: one statement a page, one write a page, in turn, so that an export holds one page
 * in memory however long it is. The file gets its name when it is whole.
 */
#include "exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql.h"
#include "stacgate/actor.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "stacgate/json.h"
#include "stacgate/log.h"

#define PAGE_ROWS 1000
#define KEEP_S 604800 /* seven days */
#define DB_MS 60000
#define FILE_MS 60000
#define TRIES_MAX 3
#define RETRY_MS 2000
#define SWEEP_MS 300000
#define FIRST_SWEEP_MS 700
#define DATASETS_MAX 7

enum { MSG_EXPORT_BEGIN = 430 };

#define FILTERS_MAX 8

static const struct dataset {
    const char *name;
    const struct sql *page;
    const char *filters[FILTERS_MAX]; /* fields of its rows */
} datasets[DATASETS_MAX] = {
    {"users", SQL_EXPORTS_DATA_USERS, {"role", "isActive", "department", "position"}},
    {"courses",
     SQL_EXPORTS_DATA_COURSES,
     {"category", "type", "level", "language", "instructorId", "isPublic", "isActive"}},
    {"enrollments",
     SQL_EXPORTS_DATA_ENROLLMENTS,
     {"userId", "courseId", "sessionId", "status", "email"}},
    {"assessments",
     SQL_EXPORTS_DATA_ASSESSMENTS,
     {"assessmentType", "courseId", "status", "createdBy"}},
    {"results", SQL_EXPORTS_DATA_RESULTS, {"assessmentId", "userId", "status", "email"}},
    {"content", SQL_EXPORTS_DATA_CONTENT, {"courseId", "contentType", "isRequired", "isActive"}},
    {"groups", SQL_EXPORTS_DATA_GROUPS, {"courseId", "createdBy", "status", "isPublic"}},
};

static const struct dataset *dataset_named(struct str name)
{
    for (unsigned i = 0; i < DATASETS_MAX; i++)
        if (str_is(name, datasets[i].name))
            return &datasets[i];
    return NULL;
}

bool export_filter_known(struct str dataset, struct str field)
{
    const struct dataset *d = dataset_named(dataset);

    for (unsigned i = 0; d && i < FILTERS_MAX && d->filters[i]; i++)
        if (str_is(field, d->filters[i]))
            return true;
    return false;
}

bool export_path(const char *name, char *out, size_t out_size)
{
    int n = snprintf(out, out_size, "%s/exports/%s", config.data, name);

    return n > 0 && n < (int)out_size && *name && *name != '.' && !strchr(name, '/');
}

/* ---- the file, touched in the thread pool only ---- */

struct file { /* shared by the actor and the job that works on it; both on one loop */
    unsigned refs;
    int fd;
    char path[512], whole[512];
};

static void file_unref(struct file *f)
{
    if (!f || --f->refs > 0)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

enum file_act { FILE_OPEN, FILE_WRITE, FILE_WHOLE, FILE_REMOVE };
struct file_job {
    struct file *file;
    enum file_act act;
    struct body *owner; /* of text */
    struct str lead, text;
    char lead_bytes[160];
};

static int write_all(int fd, struct str s)
{
    for (size_t done = 0; done < s.n;) {
        ssize_t n = write(fd, s.p + done, s.n - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int open_new(struct file *f)
{
    char dir[512];

    snprintf(dir, sizeof(dir), "%s/exports", config.data);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -errno;
    f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return f->fd < 0 ? -errno : 0;
}

static int file_work(void *arg, struct body **ret_body)
{
    struct file_job *j = arg;

    (void)ret_body;
    switch (j->act) {
    case FILE_OPEN:
        return open_new(j->file);
    case FILE_WRITE: {
        int err = write_all(j->file->fd, j->lead);
        return err ? err : write_all(j->file->fd, j->text);
    }
    case FILE_WHOLE:
        if (write_all(j->file->fd, j->lead) < 0 || fsync(j->file->fd) < 0)
            return -errno;
        return rename(j->file->path, j->file->whole) < 0 ? -errno : 0;
    case FILE_REMOVE:
        unlink(j->file->path);
        unlink(j->file->whole);
        return 0;
    }
    return 0;
}

static void file_job_free(void *arg)
{
    struct file_job *j = arg;

    file_unref(j->file);
    body_unref(j->owner);
    free(j);
}

static int file_do(struct actor *self, struct file *f, enum file_act act, const char *lead,
                   struct str text, struct body *owner, actor_step *next)
{
    struct file_job *j = xcalloc(1, sizeof(*j));

    j->file = f;
    f->refs++;
    j->act = act;
    j->owner = body_ref(owner);
    j->text = text;
    snprintf(j->lead_bytes, sizeof(j->lead_bytes), "%s", lead);
    j->lead = str_of(j->lead_bytes);
    int err = actor_offload(self, file_work, j, file_job_free, FILE_MS, next);
    if (err)
        file_job_free(j);
    return err;
}

/* ---- one job ---- */

struct export
{
    char tenant[64], id[65], user[65], type[8];
    char after[65]; /* the last id of the page before */
    struct buf settings;
    const struct dataset *chosen[DATASETS_MAX];
    unsigned count, at, pages, tries;
    struct file *file;
    int64_t rows, bytes;
    bool busy, staff, csv, first; /* first: the data set has no row yet */
};

static actor_step begin, taken, opened, page_read, page_written, noted, whole, finished, removed,
    given_up;

static struct db_group *group(struct export *e, const struct sql *sql, enum db_lane lane)
{
    struct db_group *g = db_group(lane, &(struct db_context){.establishment_id = e->tenant,
                                                             .user_id = *e->user ? e->user : NULL});

    db_stmt(g, sql);
    db_str(g, e->tenant);
    return g;
}

static void tell_owner(struct export *e, struct str job)
{
    struct buf b = BUF_INIT;
    const char *why;
    size_t at;

    if (json_to_mp(job.p, job.n, &b, &why, &at) == 0)
        user_tell(e->user, "export:progress", mp_view(b.data, b.len));
    buf_finish(&b);
}

static int begin(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;
    struct db_group *g = group(e, SQL_EXPORTS_TAKE, DB_READ);

    (void)m;
    e->busy = true;
    e->at = e->pages = 0;
    e->rows = e->bytes = 0;
    e->after[0] = 0;
    e->first = true;
    file_unref(e->file);
    e->file = NULL;
    db_str(g, e->id);
    return db_ask(self, g, DB_MS, taken);
}

static bool take_settings(struct export *e, const struct msg *m)
{
    const char *why;
    size_t at;
    struct str text = db_strv(m, 0, 0, 1);

    snprintf(e->type, sizeof(e->type), "%s", db_text(m, 0, 0, 0));
    snprintf(e->user, sizeof(e->user), "%s", db_text(m, 0, 0, 2));
    e->staff = db_true(m, 0, 0, 3);
    e->csv = strcmp(e->type, "csv") == 0;
    e->count = 0;
    e->settings.len = 0;
    if (json_to_mp(text.p, text.n, &e->settings, &why, &at) < 0)
        return false;
    struct mp names = mp_get(mp_view(e->settings.data, e->settings.len), "datasets");
    for (struct mp_iter it = mp_iter(names); mp_next(&it) && e->count < DATASETS_MAX;) {
        const struct dataset *d = dataset_named(mp_str(it.value));
        if (d)
            e->chosen[e->count++] = d;
    }
    return true;
}

static int taken(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;
    char name[80];

    if (db_rows(m, 0) == 0 || !take_settings(e, m)) {
        e->busy = false;
        return actor_passivate(self);
    }
    e->file = xcalloc(1, sizeof(*e->file));
    *e->file = (struct file){.refs = 1, .fd = -1};
    snprintf(name, sizeof(name), "%s.%s", e->id, e->type);
    if (!export_path(name, e->file->whole, sizeof(e->file->whole)))
        return -ENAMETOOLONG;
    snprintf(name, sizeof(name), "%s.part", e->id);
    if (!export_path(name, e->file->path, sizeof(e->file->path)))
        return -ENAMETOOLONG;
    return file_do(self, e->file, FILE_OPEN, "", STR(""), NULL, opened);
}

static int read_page(struct actor *self, struct export *e)
{
    struct db_group *g = group(e, e->chosen[e->at]->page, DB_SLOW);
    struct buf text = BUF_INIT;

    mp_to_json(mp_view(e->settings.data, e->settings.len), &text);
    db_str(g, e->user);
    db_bool(g, e->staff);
    db_strn(g, (const char *)text.data, text.len);
    db_str(g, e->type);
    db_str(g, e->after);
    db_i64(g, PAGE_ROWS);
    db_bool(g, e->first);
    buf_finish(&text);
    return db_ask(self, g, DB_MS, page_read);
}

/* What stands in front of a data set's first page. */
static void lead_of(struct export *e, char *out, size_t size)
{
    const char *name = e->chosen[e->at]->name;
    bool start = e->at == 0;

    if (!e->csv)
        snprintf(out, size, "%s\"%s\": [", start ? "{\n" : ",\n", name);
    else if (e->count == 1)
        snprintf(out, size, "\xef\xbb\xbf"); /* spreadsheets then know that it is UTF-8 */
    else
        snprintf(out, size, "%s\"%s\"\r\n", start ? "\xef\xbb\xbf" : "\r\n", name);
}

static int opened(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;

    (void)m;
    return e->count
               ? read_page(self, e)
               : file_do(self, e->file, FILE_WHOLE, e->csv ? "" : "{}\n", STR(""), NULL, whole);
}

static int page_read(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;
    struct str text = db_strv(m, 0, 0, 0);
    int64_t rows = db_int(m, 0, 0, 3); /* of those that it went through, the ones that are kept */
    bool last = db_int(m, 0, 0, 2) < PAGE_ROWS;
    char lead[160] = "";

    if (e->pages == 0)
        lead_of(e, lead, sizeof(lead));
    e->first = e->first && rows == 0;
    e->rows += rows;
    e->pages++;
    e->bytes += (int64_t)(strlen(lead) + text.n);
    snprintf(e->after, sizeof(e->after), "%s", last ? "" : db_text(m, 0, 0, 1));
    return file_do(self, e->file, FILE_WRITE, lead, text.p ? text : STR(""), m->body, page_written);
}

static int page_written(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;
    struct db_group *g = group(e, SQL_EXPORTS_PROGRESS, DB_READ);
    int64_t part = e->after[0] ? 100 - 100 / (int64_t)(e->pages + 1) : 100;

    (void)m;
    db_str(g, e->id);
    db_i64(g, (100 * (int64_t)e->at + part) / (int64_t)e->count * 99 / 100);
    db_i64(g, e->rows);
    return db_ask(self, g, DB_MS, noted);
}

static int remove_file(struct actor *self, struct export *e)
{
    return file_do(self, e->file, FILE_REMOVE, "", STR(""), NULL, removed);
}

/* The data set's end in a file of JSON. */
static int close_dataset(struct actor *self, struct export *e)
{
    const char *end = e->csv ? "" : e->at + 1 == e->count ? "\n]\n}\n" : "\n]";

    e->bytes += (int64_t)strlen(end);
    e->at++;
    e->pages = 0;
    e->first = true;
    if (e->at == e->count)
        return file_do(self, e->file, FILE_WHOLE, end, STR(""), NULL, whole);
    return file_do(self, e->file, FILE_WRITE, end, STR(""), NULL, opened);
}

static int noted(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;

    if (db_rows(m, 0) == 0)
        return remove_file(self, e);
    tell_owner(e, db_strv(m, 0, 0, 0));
    return e->after[0] ? read_page(self, e) : close_dataset(self, e);
}

static int whole(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;
    struct db_group *g = group(e, SQL_EXPORTS_DONE, DB_READ);

    (void)m;
    db_str(g, e->id);
    db_i64(g, e->bytes);
    db_i64(g, e->rows);
    db_i64(g, KEEP_S);
    return db_ask(self, g, DB_MS, finished);
}

static int finished(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;

    if (db_rows(m, 0) == 0)
        return remove_file(self, e);
    tell_owner(e, db_strv(m, 0, 0, 0));
    e->busy = false;
    return actor_passivate(self);
}

static int removed(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;

    (void)m;
    e->busy = false;
    return actor_passivate(self);
}

static int given_up(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;

    if (db_rows(m, 0))
        tell_owner(e, db_strv(m, 0, 0, 0));
    return e->file ? remove_file(self, e) : removed(self, e, m);
}

/* A few tries from the start; then the owner is told. When even that fails, the next start of the
 * server finds the job. */
static int failed(struct actor *self, void *state, int err)
{
    struct export *e = state;

    log_msg(LOG_WARN, "export", "%s, try %u: %s", e->id, e->tries + 1,
            strerror(err < 0 ? -err : err));
    if (++e->tries < TRIES_MAX)
        return actor_after(self, RETRY_MS, begin) ? 0 : -ENOMEM;
    if (e->tries > TRIES_MAX)
        return ACTOR_DONE;
    struct db_group *g = group(e, SQL_EXPORTS_FAILED, DB_READ);
    db_str(g, e->id);
    db_bool(g, err == -ENOSPC);
    return db_ask(self, g, DB_MS, given_up);
}

static int receive(struct actor *self, void *state, const struct msg *m)
{
    struct export *e = state;

    return m->kind == MSG_EXPORT_BEGIN && !e->busy ? begin(self, state, m) : 0;
}

static int init(struct actor *self, void *state, const void *arg)
{
    struct export *e = state;
    const char *name = arg, *slash = strchr(name, '/');

    (void)self;
    if (!slash || (size_t)(slash - name) >= sizeof(e->tenant) || strlen(slash + 1) >= sizeof(e->id))
        return -EINVAL;
    snprintf(e->tenant, sizeof(e->tenant), "%.*s", (int)(slash - name), name);
    snprintf(e->id, sizeof(e->id), "%s", slash + 1);
    return 0;
}

static void terminate(struct actor *self, void *state, int result)
{
    struct export *e = state;

    (void)self;
    (void)result;
    file_unref(e->file);
    buf_finish(&e->settings);
}

static const struct actor_type export_type = {.name = "export",
                                              .state_size = sizeof(struct export),
                                              .mailbox_max = 16,
                                              .init = init,
                                              .receive = receive,
                                              .fail = failed,
                                              .terminate = terminate};

void export_begin(const char *tenant, const char *id)
{
    char name[140];

    if (snprintf(name, sizeof(name), "%s/%s", tenant, id) < (int)sizeof(name))
        actor_send(actor_whereis("export", name), MSG_EXPORT_BEGIN, NULL);
}

/* ---- what was left, and what is over ---- */

static actor_step sweep, swept;

static int sweep(struct actor *self, void *state, const struct msg *m)
{
    bool *started = state;

    (void)m;
    if (!db_available()) {
        actor_after(self, FIRST_SWEEP_MS, sweep);
        return 0;
    }
    struct db_group *g = db_group(DB_READ, &(struct db_context){0});
    db_stmt(g, SQL_EXPORTS_EXPIRE);
    if (!*started)
        db_stmt(g, SQL_EXPORTS_UNFINISHED);
    return db_ask(self, g, DB_MS, swept);
}

static int unlink_work(void *arg, struct body **ret_body)
{
    static const char *const types[] = {"csv", "json"};
    char name[80], path[512];

    (void)ret_body;
    for (unsigned i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%s.%s", (const char *)arg, types[i]);
        if (export_path(name, path, sizeof(path)))
            unlink(path);
    }
    return 0;
}

static int unlinked(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return 0;
}

static int swept(struct actor *self, void *state, const struct msg *m)
{
    bool *started = state;

    for (int row = 0; row < db_rows(m, 0); row++) {
        char *id = xstrdup(db_text(m, 0, row, 0));
        if (actor_offload(self, unlink_work, id, free, FILE_MS, unlinked) < 0)
            free(id);
    }
    for (int row = 0; !*started && row < db_rows(m, 1); row++)
        export_begin(db_text(m, 1, row, 0), db_text(m, 1, row, 1));
    *started = true;
    actor_after(self, SWEEP_MS, sweep);
    return 0;
}

static int sweep_failed(struct actor *self, void *state, int err)
{
    (void)state;
    (void)err;
    if (actor_failed_step(self) != unlinked)
        actor_after(self, SWEEP_MS, sweep);
    return 0;
}

static int sweeper_init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, FIRST_SWEEP_MS, sweep) ? 0 : -ENOMEM;
}

static const struct actor_type sweeper_type = {.name = "export_sweeper",
                                               .state_size = sizeof(bool),
                                               .mailbox_max = 8,
                                               .init = sweeper_init,
                                               .fail = sweep_failed};

static int start(unsigned loop)
{
    return loop > 0 || actor_spawn(&sweeper_type, NULL) ? 0 : -ENOMEM;
}

void exporter_setup(void)
{
    actor_kind("export", &export_type);
}

const struct loop_service exporter_service = {.name = "exporter", .start = start};
