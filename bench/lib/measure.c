/* Reads /proc; every figure is a difference of two readings taken by the caller. */
#include "lib/measure.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stacgate/buf.h"

static int read_small(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return -1;
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
    return n > 0 ? 0 : -1;
}

uint64_t cpu_of(pid_t pid)
{
    char path[600], text[128];
    uint64_t total = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, e->d_name);
        if (e->d_name[0] != '.' && read_small(path, text, sizeof text) == 0)
            total += strtoull(text, NULL, 10);
    }
    closedir(d);
    return total;
}

uint64_t cpu_of_first_thread(pid_t pid)
{
    char path[64], text[128];

    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, (int)pid);
    return read_small(path, text, sizeof text) == 0 ? strtoull(text, NULL, 10) : 0;
}

/* Fields of /proc/PID/stat after the name, which may hold spaces and parentheses itself. */
static int read_stat(const char *pid, int *ret_parent, uint64_t *ret_own, uint64_t *ret_children)
{
    char path[300], text[1024];
    unsigned long own[2], children[2];
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    if (read_small(path, text, sizeof text) < 0 || !strrchr(text, ')'))
        return -1;
    if (sscanf(strrchr(text, ')') + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
               ret_parent, &own[0], &own[1], &children[0], &children[1]) != 5)
        return -1;
    *ret_own = own[0] + own[1];
    *ret_children = children[0] + children[1];
    return 0;
}

uint64_t cpu_of_family(pid_t parent)
{
    uint64_t ticks = 0, own, children;
    int above;
    DIR *d = opendir("/proc");
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9' ||
            read_stat(e->d_name, &above, &own, &children) < 0)
            continue;
        if (atoi(e->d_name) == parent)
            ticks += own + children;
        else if (above == parent)
            ticks += own;
    }
    closedir(d);
    return ticks * (uint64_t)(1000000000 / sysconf(_SC_CLK_TCK));
}

uint64_t memory_of(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    char *line = read_small(path, text, sizeof text) == 0 ? strstr(text, "\nPss:") : NULL;
    return line ? strtoull(line + 5, NULL, 10) * 1024 : 0;
}

void samples_add(struct samples *s, int64_t us)
{
    uint32_t v = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    s->seen++;
    if (s->count == SAMPLES_MAX) {
        uint64_t place = (uint64_t)random() % s->seen;
        if (place < SAMPLES_MAX)
            s->us[place] = v;
        return;
    }
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->us = xrealloc(s->us, s->cap * sizeof *s->us);
    }
    s->us[s->count++] = v;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t samples_percentile(struct samples *s, double percent)
{
    if (s->count == 0)
        return 0;
    qsort(s->us, s->count, sizeof *s->us, by_size);
    size_t at = (size_t)((double)s->count * percent / 100);
    return s->us[at < s->count ? at : s->count - 1];
}

void samples_finish(struct samples *s)
{
    free(s->us);
    *s = (struct samples){0};
}
