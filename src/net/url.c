/*
 * Percent-decoding (RFC 3986) and query parameters (as forms write them). What is malformed, not
 * UTF-8 or holds a NUL is refused here, so that nothing above need ask again.
 */
#include <stdlib.h>
#include <string.h>

#include "net/http_req.h"

static int hex_value(char b)
{
    return b >= '0' && b <= '9'   ? b - '0'
           : b >= 'a' && b <= 'f' ? b - 'a' + 10
           : b >= 'A' && b <= 'F' ? b - 'A' + 10
                                  : -1;
}

bool url_decode(char *s, bool plus, size_t *ret_len)
{
    char *out = s;
    for (const char *in = s; *in; in++) {
        char b = *in;
        if (b == '%') {
            int high = hex_value(in[1]), low = high < 0 ? -1 : hex_value(in[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            b = (char)(high * 16 + low);
            in += 2;
        } else if (b == '+' && plus) {
            b = ' ';
        }
        *out++ = b;
    }
    *out = '\0';
    *ret_len = (size_t)(out - s);
    return utf8_valid(s, *ret_len);
}

bool url_query(struct http_req *r, char *raw)
{
    struct http_pair *pairs = NULL;
    uint32_t count = 0;
    for (char *next; raw; raw = next) {
        next = strchr(raw, '&');
        if (next)
            *next++ = '\0';
        if (!*raw)
            continue;
        if (count == QUERY_MAX)
            return false;
        if (!pairs)
            pairs = (struct http_pair *)(void *)req_scrap(r, QUERY_MAX * sizeof(*pairs));
        char *value = strchr(raw, '=');
        if (value)
            *value++ = '\0';
        size_t n;
        if (!url_decode(raw, true, &n) || (value && !url_decode(value, true, &n)))
            return false;
        pairs[count++] = (struct http_pair){raw, value ? value : ""};
    }
    r->query = pairs;
    r->query_count = count;
    return true;
}
