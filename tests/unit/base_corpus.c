/* Every file of the base floor's fuzz corpora, through the function the fuzzer calls: a finding
 * stays found. */
#include "unit/corpus.h"

#define LLVMFuzzerTestOneInput fuzz_json
#include "fuzz/base_json.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_html
#include "fuzz/base_html.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_mp
#include "fuzz/base_mp.c"
#undef LLVMFuzzerTestOneInput

Test(corpus, json)
{
    replay("base_json", fuzz_json, 10);
}
Test(corpus, html)
{
    replay("base_html", fuzz_html, 7);
}
Test(corpus, mp)
{
    replay("base_mp", fuzz_mp, 10);
}
