/* Every file of this floor's fuzz corpora, through the function the fuzzer calls: a finding stays
 * found. */
#include "unit/corpus.h"

#define LLVMFuzzerTestOneInput fuzz_board_ops
#include "fuzz/app_board_ops.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_tags
#include "fuzz/app_tags.c"
#undef LLVMFuzzerTestOneInput

Test(app_corpus, board_ops)
{
    replay("app_board_ops", fuzz_board_ops, 10);
}

Test(app_corpus, tags)
{
    replay("app_tags", fuzz_tags, 7);
}
