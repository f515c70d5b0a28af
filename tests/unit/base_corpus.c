/* Every file of the base floor's fuzz corpora, through the function the fuzzer calls: a finding
 * stays found. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>

#include "stacgate/buf.h"

#define LLVMFuzzerTestOneInput fuzz_json
#include "fuzz/base_json.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_mp
#include "fuzz/base_mp.c"
#undef LLVMFuzzerTestOneInput

static void replay_file(const char *path, int (*target)(const uint8_t *, size_t))
{
    struct buf bytes = BUF_INIT;
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    for (size_t n = 1; n > 0; bytes.len += n)
        n = fread(buf_reserve(&bytes, 4096), 1, 4096, f);
    fclose(f);
    /* An exact copy, so that ASan sees a read past the end. */
    uint8_t *copy = xmalloc(bytes.len);
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    target(copy, bytes.len);
    free(copy);
    buf_finish(&bytes);
}

static void replay(const char *corpus, int (*target)(const uint8_t *, size_t))
{
    char dir[4096], path[8192];
    int files = 0;
    snprintf(dir, sizeof dir, STACGATE_SOURCE_DIR "/tests/fuzz/corpus/%s", corpus);
    DIR *d = opendir(dir);
    cr_assert(d, "%s", dir);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        replay_file(path, target);
        files++;
    }
    closedir(d);
    cr_assert_geq(files, 10, "%s holds %d files", dir, files);
}

Test(corpus, json)
{
    replay("base_json", fuzz_json);
}
Test(corpus, mp)
{
    replay("base_mp", fuzz_mp);
}
