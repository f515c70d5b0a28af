/* stacgate openapi: the REST operations as an OpenAPI 3.1 document on standard output; needs no
 * database. */
#include <stdio.h>

#include "command.h"
#include "stacgate/buf.h"
#include "stacgate/rest.h"

int cmd_openapi(const struct command *c, int argc, char **argv)
{
    struct buf b = BUF_INIT;
    int status = command_options(c, argc, argv, NULL);

    if (status >= 0)
        return status;
    openapi_document(&b);
    buf_puts(&b, "\n");
    size_t written = fwrite(b.data, 1, b.len, stdout);
    status = written == b.len && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
    buf_finish(&b);
    return status;
}
