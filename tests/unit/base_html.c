/* What an allow-list lets through, what it does not, in texts and in JSON, and that cleaning twice
 * changes nothing. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/html.h"

static char *clean(const char *in)
{
    struct buf b = BUF_INIT, again = BUF_INIT;

    html_clean(str_of(in), &b);
    html_clean((struct str){(const char *)b.data, b.len}, &again);
    cr_expect(b.len == again.len && (b.len == 0 || memcmp(b.data, again.data, b.len) == 0),
              "%s: %s then %s", in, buf_cstr(&b), buf_cstr(&again));
    char *text = strdup(buf_cstr(&b));
    buf_finish(&b);
    buf_finish(&again);
    return text;
}

static void expect(const char *in, const char *out)
{
    char *got = clean(in);

    cr_expect_str_eq(got, out, "%s: %s", in, got);
    free(got);
}

Test(html, what_people_write_stays)
{
    expect("<p>Un <b>mot</b> &amp; <em>deux</em></p>", "<p>Un <b>mot</b> &amp; <em>deux</em></p>");
    expect("<UL><LI>un<LI>deux</UL>", "<ul><li>un<li>deux</li></li></ul>");
    expect("ligne<br/>suite<hr>", "ligne<br>suite<hr>");
    expect("<a href=\"https://exemple.fr/a?b=1\">ici</a>",
           "<a href=\"https://exemple.fr/a?b=1\" rel=\"noopener\">ici</a>");
    expect("1 < 2 et 3 > 2", "1 &lt; 2 et 3 &gt; 2");
    // Letters are themselves; what means something in HTML, and what is no letter at all, stays as
    // it is.
    expect("<p>l&#39;&eacute;l&egrave;ve, &OElig;uvre&#8230; &#xE0;&#XE7;&nbsp;!</p>",
           "<p>l&#39;élève, Œuvre… àç\u00a0!</p>");
    expect(
        "&lt;b&gt; &amp;eacute; &#60;b&#62; &#x3c; &quot; &#128; &#xd800; &#x110000; &#; &eacute "
        "&foo; &;& &#x;",
        "&lt;b&gt; &amp;eacute; &#60;b&#62; &#x3c; &quot; &#128; &#xd800; &#x110000; &#; &eacute "
        "&foo; &;& &#x;");
    expect("", "");
}

Test(html, nothing_that_runs_gets_through)
{
    expect("<script>alert(1)</script>après", "après");
    expect("<SCRIPT src=x>alert(1)</SCRIPT >après", "après");
    expect("<img src=x onerror=alert(1)>a", "a");
    expect("<p onclick=\"x()\" style='y'>a</p>", "<p>a</p>");
    expect("<a href=\"javascript:alert(1)\">a</a>", "<a>a</a>");
    expect("<a href='JaVaScRiPt:x'>a</a>", "<a>a</a>");
    expect("<a href=\"https://x\" onmouseover=\"y\">a</a>",
           "<a href=\"https://x\" rel=\"noopener\">a</a>");
    expect("<a href=https://x>a</a>", "<a>a</a>");
    expect("<svg><script>x</script></svg>b", "b");
    expect("<style>p{}</style><!-- <b> -->c", "c");
    expect("<<script>x</script>", "&lt;");
    expect("<b <script>x", "<b>x</b>");
    expect("<a href=\"https://x\"><img src=\"y\">", "<a href=\"https://x\" rel=\"noopener\"></a>");
}

Test(html, what_stands_in_quotes_ends_no_tag)
{
    expect("<p title=\">\">a</p>", "<p>a</p>");
    expect("<a title='a>b' href = \"https://x\" data-x=\"<b>\">c</a>",
           "<a href=\"https://x\" rel=\"noopener\">c</a>");
    expect("<p title=\"l'été>\">a</p>", "<p>a</p>");
    // Marks that end nowhere, or stand where no value begins, are none.
    expect("<p title=\">a</p>b", "<p>a</p>b");
    expect("<p x\">a</p>", "<p>a</p>");
    expect("<p title=a'>b</p>'", "<p>b</p>'");
    // Behind marks that led nowhere they are marks again.
    char far[6000] = "<p a=\">";
    memset(far + strlen(far), 'x', 5000);
    strcat(far, "</p><p a=\">\">y</p>");
    char *got = clean(far);
    cr_expect_str_eq(strstr(got, "xx</p>") + 2, "</p><p>y</p>");
    free(got);
}

Test(html, what_a_tag_parted_stays_apart)
{
    expect("&<x>eacute; &#<x>233; a&<!-- -->amp;", "&amp;eacute; &amp;#233; a&amp;amp;");
    expect("&<b>eacute;", "&<b>eacute;</b>");
    expect("&eacute;<x>a & b<x>", "éa & b");
}

Test(html, tags_are_balanced)
{
    expect("<b><i>a</b>c", "<b><i>a</i></b>c");
    expect("a</b></p>", "a");
    expect("<p>a", "<p>a</p>");
}

Test(html, deep_nests_end)
{
    char in[4000] = "";

    for (int i = 0; i < 500; i++)
        strcat(in, "<div>");
    char *got = clean(in);
    cr_expect_eq(strlen(got), 64 * (strlen("<div>") + strlen("</div>")));
    free(got);
}

/* ---- in JSON ---- */

static void expect_json(const char *in, const char *member, const char *out)
{
    struct buf b = BUF_INIT, again = BUF_INIT;
    bool changed = html_clean_json(str_of(in), member, &b);

    cr_expect_eq(changed, strcmp(in, out) != 0, "%s", in);
    cr_expect_str_eq(changed ? buf_cstr(&b) : in, out, "%s", in);
    cr_expect(changed || b.len == 0);
    cr_expect_not(html_clean_json(str_of(out), member, &again), "%s: twice", out);
    buf_finish(&b);
    buf_finish(&again);
}

Test(html, json_keeps_what_needs_no_change)
{
    static const char *const same[] = {
        "null",
        "[]",
        "\"\"",
        "{\"a\" : [1e400, -0, true], \"b\": \"2 < 3 & 4 > 1\"}",
        "\"<p>Un <b>mot</b></p>\"",
        "\"\\\"<\\\\\"",
        "\"JavaScript : les bases\"",
        "[\"vendredi : \\u00e9t\\u00e9\", \"data:image/png;base64,AA\", \"d:\"]"};

    for (unsigned i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        expect_json(same[i], NULL, same[i]);
}

Test(html, json_is_cleaned_to_its_depths)
{
    expect_json(
        "{\"a\" : \"<script>x</script>é\", \"b\":[{\"<img src=x>k\":\"<i onx=1>y\"}], \"c\":1}",
        NULL, "{\"a\" : \"é\", \"b\":[{\"k\":\"<i>y</i>\"}], \"c\":1}");
    expect_json("\"<a href=\\\"https://x\\\" onclick=\\\"y\\\">z</a>\"", NULL,
                "\"<a href=\\\"https://x\\\" rel=\\\"noopener\\\">z</a>\"");
    expect_json("[\"\\u003cscript>x\\u003c/script>\"]", NULL, "[\"\"]");
    expect_json("[\" \\tJava\\nScript:x\", \"\\u0001data:text/html,x\"]", NULL,
                "[\" \\tJava\\nScript :x\", \"\\u0001data :text/html,x\"]");
    expect_json("[\"<u></u>javascript:x\", \"<x>vbscript:x\"]", NULL,
                "[\"<u></u>javascript:x\", \"vbscript :x\"]");
    // References are read as a browser reads an attribute; what is no type that runs is left alone.
    expect_json(
        "[\"&#106;avascript:x\", \"&#x6A;ava&Tab;script&colon;x\", \"java&#0000010script&#58x\"]",
        NULL,
        "[\"&#106;avascript :x\", \"&#x6A;ava&Tab;script &colon;x\", "
        "\"java&#0000010script &#58x\"]");
    expect_json(
        "[\"data: text/html,x\", \"&#1;data:&#32;image/svg+xml,x\", \"data:text&sol;html\"]", NULL,
        "[\"data : text/html,x\", \"&#1;data :&#32;image/svg+xml,x\", "
        "\"data :text&sol;html\"]");
    expect_json(
        "[\"&amp;#106;avascript:x\", \"&#999999999999;:\", \"&#;javascript:\", \"data:,x\"]", NULL,
        "[\"&amp;#106;avascript:x\", \"&#999999999999;:\", \"&#;javascript:\", \"data:,x\"]");
    expect_json("[\"\\\\\", \"<b>\"]", NULL, "[\"\\\\\", \"<b></b>\"]");
}

/* Titles are text, and stay what was written. */
Test(html, json_of_some_members)
{
    expect_json("[{\"title\" : \"<b>\", \"content\" : \"<b>\", "
                "\"sub\":[{\"content\":[\"<i>\"],\"x\":\"<i>\"}]}]",
                "content",
                "[{\"title\" : \"<b>\", \"content\" : \"<b></b>\", "
                "\"sub\":[{\"content\":[\"<i></i>\"],\"x\":\"<i>\"}]}]");
    expect_json("{\"a\":\"<b>\",\"ab\":\"<b>\",\"b\":\"<b>\"}", "a|b",
                "{\"a\":\"<b></b>\",\"ab\":\"<b>\",\"b\":\"<b></b>\"}");
    expect_json("{\"title\": \"content\", \"x\": \"<b>\"}", "content",
                "{\"title\": \"content\", \"x\": \"<b>\"}");
}

/* ---- style sheets ---- */

static void expect_sheet(const char *in, const char *out)
{
    struct buf b = BUF_INIT;

    css_clean(str_of(in), &b);
    cr_expect_str_eq(buf_cstr(&b), out, "%s", in);
    cr_expect_eq(css_fetches(str_of(in)), strcmp(in, out) != 0, "%s", in);
    cr_expect_not(css_fetches(str_of(out)), "%s", out);
    buf_finish(&b);
}

Test(css, what_fetches_nothing_stays)
{
    expect_sheet(".a > b{color:red;content:\"é\"}@media (min-width:1px){a:hover{top:calc(1px)}}",
                 ".a > b{color:red;content:\"é\"}@media (min-width:1px){a:hover{top:calc(1px)}}");
    expect_sheet("a{b:my-curl (x)}", "a{b:my-curl (x)}");
    expect_sheet("", "");
}

Test(css, nothing_is_fetched)
{
    expect_sheet("@IMPORT \"//x\";a{color:red}", "@_IMPORT \"//x\";a{color:red}");
    expect_sheet("a{b:URL(//x) url('y')}", "a{b:URL_(//x) url_('y')}");
    expect_sheet("a{b:-webkit-image-set(\"x\" 1x),image(\"y\"),src(\"z\")}",
                 "a{b:-webkit-image-set_(\"x\" 1x),image_(\"y\"),src_(\"z\")}");
    expect_sheet("a{b:u\\rl(x) \\75rl(x) \\000075 rl(x)}", "a{b:u_rl(x) _75rl(x) _000075 rl(x)}");
    expect_sheet("a{c:\"\\201C\"; d:'\\e900 x'; e:\"\\\"\"}\\",
                 "a{c:\"\u201c\"; d:'\ue900x'; e:\"_\"\"}_");
    expect_sheet("</style><img src=x>", " /style> img src=x>");
    expect_sheet("a{x:expression(1);y:javascript:z}", "a{x:expression_(1);y:javascript_:z}");
    expect_sheet("urlurl(", "urlurl_(");
    expect_sheet("\\110000 \\d800 \\9f", "_110000 _d800 _9f");
}

/* By name, and only there: a lesson on style sheets keeps its words. */
Test(css, in_json_by_its_names)
{
    expect_json(
        "{\"customCss\" : \"a{b:url(x)}\", \"text\" : \"url(x)\", \"primary_color\":\"url(y)\"}",
        NULL,
        "{\"customCss\" : \"a{b:url_(x)}\", \"text\" : \"url(x)\", \"primary_color\":\"url_(y)\"}");
    expect_json("{\"customCss\" : null, \"url(\" : \"url(x)\"}", NULL,
                "{\"customCss\" : null, \"url(\" : \"url(x)\"}");
    expect_json("{\"fontFamily\" : \"x\\\\75rl(<b>\"}", NULL, "{\"fontFamily\" : \"x_75rl( b>\"}");
}
