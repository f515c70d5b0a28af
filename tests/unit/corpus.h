/*
 * Every file of a fuzz corpus, through the function the fuzzer calls: a finding stays found. For
 * tests/unit/<floor>_corpus.c.
 */
#ifndef STACGATE_TESTS_CORPUS_H
#define STACGATE_TESTS_CORPUS_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>

#include "stacgate/buf.h"

static void replay_file(const char *path, int (*target)(const uint8_t *, size_t))
{
    struct buf bytes = BUF_INIT;
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    for (size_t n = 1; n > 0; bytes.len += n)
        n = fread(buf_reserve(&bytes, 4096), 1, 4096, f);
    fclose(f);
    uint8_t *copy =
        xmalloc(bytes.len + !bytes.len); /* an exact copy: ASan sees a read past its end */
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    target(copy, bytes.len);
    free(copy);
    buf_finish(&bytes);
}

static void replay(const char *corpus, int (*target)(const uint8_t *, size_t), int least)
{
    char dir[4096], path[8192];
    int files = 0;
    snprintf(dir, sizeof(dir), STACGATE_SOURCE_DIR "/tests/fuzz/corpus/%s", corpus);
    DIR *d = opendir(dir);
    cr_assert(d, "%s", dir);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        replay_file(path, target);
        files++;
    }
    closedir(d);
    cr_assert_geq(files, least, "%s holds %d files", dir, files);
}

#endif
