/*
 * Every file of this floor's fuzz corpora, through the function the fuzzer calls: a finding stays
 * found.
 */
#include "unit/corpus.h"

#define LLVMFuzzerTestOneInput fuzz_http_head
#define feed feed_head
#include "fuzz/net_http_head.c"
#undef LLVMFuzzerTestOneInput
#undef feed
#define LLVMFuzzerTestOneInput fuzz_http_chunks
#define feed feed_chunks
#include "fuzz/net_http_chunks.c"
#undef LLVMFuzzerTestOneInput
#undef feed
#define LLVMFuzzerTestOneInput fuzz_ws_input
#include "fuzz/net_ws_input.c"
#undef LLVMFuzzerTestOneInput

Test(net_corpus, http_head)
{
    replay("net_http_head", fuzz_http_head, 1);
}
Test(net_corpus, http_chunks)
{
    replay("net_http_chunks", fuzz_http_chunks, 1);
}
Test(net_corpus, ws_input)
{
    replay("net_ws_input", fuzz_ws_input, 1);
}
