#include "tests/unit/load/report/markup.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/utf8.h"
#include "tests/harness/test.h"

enum { ROOM = 64 * 1024 * 1024, ELEMENTS_MAX = 20000, DEPTH_MAX = 64, ATTRIBUTES_MAX = 24 };

struct reader {
    struct markup *markup;
    struct qn_str text;
    size_t at;
    size_t open[DEPTH_MAX]; /* indexes of the open elements */
    size_t depth;
};

static _Noreturn void wrong(const struct reader *r, const char *what)
{
    size_t from = r->at > 60 ? r->at - 60 : 0;
    size_t len = r->text.len - from < 120 ? r->text.len - from : 120;
    fail_msg("offset %zu: %s, near: %.*s", r->at, what, (int)len, r->text.ptr + from);
    abort(); /* fail_msg() does not return, but does not say so */
}

static bool ahead(const struct reader *r, const char *what)
{
    return qn_str_starts(qn_str_n(r->text.ptr + r->at, r->text.len - r->at), qn_str_c(what));
}

static void expect(struct reader *r, const char *what)
{
    if (!ahead(r, what))
        wrong(r, what);
    r->at += strlen(what);
}

static char peek(const struct reader *r)
{
    if (r->at >= r->text.len)
        wrong(r, "ends too early");
    return r->text.ptr[r->at];
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == ':';
}

static struct qn_str name(struct reader *r)
{
    size_t from = r->at;
    while (is_name(peek(r)))
        r->at++;
    if (r->at == from)
        wrong(r, "a name is missing");
    return qn_str_n(r->text.ptr + from, r->at - from);
}

/* One character of content or of an attribute's value. */
static void character(struct reader *r, struct qn_buf *to)
{
    static const struct {
        const char *reference, *is;
    } references[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}};
    for (size_t i = 0; i < QN_COUNT(references); i++)
        if (ahead(r, references[i].reference)) {
            qn_buf_write_c(to, references[i].is);
            r->at += strlen(references[i].reference);
            return;
        }
    char c = peek(r);
    if (c == '&' || c == '<' || ahead(r, "]]>"))
        wrong(r, "markup where there may be none");
    if ((unsigned char)c < 0x20 && c != '\n' && c != '\t')
        wrong(r, "a control character");
    qn_buf_write_byte(to, c);
    r->at++;
}

static void attribute(struct reader *r, struct markup_element *element)
{
    struct qn_buf value;
    struct qn_str key = name(r);
    qn_buf_init(&value, ROOM);
    expect(r, "=\"");
    while (peek(r) != '"')
        character(r, &value);
    r->at++;
    const char *text = qn_arena_copy(&r->markup->arena, value.data, value.len);
    if (qn_str_eq(key, QN_STR("id")))
        element->id = text;
    if (qn_str_eq(key, QN_STR("class")))
        element->class = text;
    if (qn_str_eq(key, QN_STR("src")) || qn_str_eq(key, QN_STR("href")))
        element->src = text;
    qn_buf_fini(&value);
}

static void begin(struct reader *r)
{
    struct markup *m = r->markup;
    assert_true(m->n_elements < ELEMENTS_MAX && r->depth < DEPTH_MAX);
    size_t index = m->n_elements++;
    struct markup_element *element = &m->elements[index];
    expect(r, "<");
    struct qn_str tag = name(r);
    element->name = qn_arena_copy(&m->arena, tag.ptr, tag.len);
    element->parent = r->depth ? r->open[r->depth - 1] : index;
    size_t from = r->at;
    for (int i = 0; peek(r) == ' '; i++) {
        assert_true(i < ATTRIBUTES_MAX);
        r->at++;
        attribute(r, element);
    }
    element->attributes = qn_str_n(r->text.ptr + from, r->at - from);
    element->text = "";
    bool is_closed = peek(r) == '/';
    r->at += is_closed;
    expect(r, ">");
    element->begin = element->end = r->at;
    if (!is_closed)
        r->open[r->depth++] = index;
}

static void end(struct reader *r)
{
    expect(r, "</");
    struct qn_str tag = name(r);
    expect(r, ">");
    if (r->depth == 0)
        wrong(r, "closes what was not opened");
    struct markup_element *element = &r->markup->elements[r->open[--r->depth]];
    if (!qn_str_eq(tag, qn_str_c(element->name)))
        wrong(r, "closes another element");
    element->end = r->at - tag.len - 3;
}

static void cdata(struct reader *r)
{
    const char *to = memmem(r->text.ptr + r->at, r->text.len - r->at, "]]>", 3);
    if (!to)
        wrong(r, "CDATA without an end");
    r->at = (size_t)(to - r->text.ptr) + 3;
}

/* The text of all that lies between an element's tags. */
static const char *text_of(struct reader *r, const struct markup_element *element)
{
    struct reader inner = {
        .markup = r->markup, .text = qn_str_n(r->text.ptr, element->end), .at = element->begin};
    struct qn_buf to;
    qn_buf_init(&to, ROOM);
    while (inner.at < element->end) {
        if (ahead(&inner, "<![CDATA["))
            cdata(&inner);
        else if (peek(&inner) == '<')
            inner.at = (size_t)((char *)memchr(inner.text.ptr + inner.at, '>', element->end - inner.at) -
                                inner.text.ptr) +
                       1;
        else
            character(&inner, &to);
    }
    const char *text = qn_arena_copy(&r->markup->arena, to.data ? to.data : "", to.len);
    qn_buf_fini(&to);
    return text;
}

void markup_read(struct markup *markup, struct qn_str text)
{
    struct reader r = {.markup = markup, .text = text};
    qn_arena_init(&markup->arena, ROOM);
    markup->n_elements = 0;
    markup->elements = qn_arena_array(&markup->arena, ELEMENTS_MAX, sizeof *markup->elements);
    assert_non_null(markup->elements);
    assert_true(qn_utf8_valid(text));
    expect(&r, "<!DOCTYPE html>\n");
    begin(&r);
    struct qn_buf ignored;
    qn_buf_init(&ignored, ROOM);
    while (r.depth > 0) {
        if (ahead(&r, "</"))
            end(&r);
        else if (ahead(&r, "<![CDATA["))
            cdata(&r);
        else if (peek(&r) == '<')
            begin(&r);
        else
            character(&r, &ignored);
    }
    qn_buf_fini(&ignored);
    expect(&r, "\n");
    if (r.at != text.len)
        wrong(&r, "goes on behind its end");
    for (size_t i = 0; i < markup->n_elements; i++) {
        struct markup_element *element = &markup->elements[i];
        /* The texts of the large ones are those of their parts. */
        if (element->end - element->begin < 1024 * 1024 && strcmp(element->name, "html") != 0 &&
            strcmp(element->name, "body") != 0 && strcmp(element->name, "main") != 0)
            element->text = text_of(&r, element);
        if (element->id && markup_by_id(markup, element->id) != element)
            fail_msg("two elements have the id %s", element->id);
    }
}

void markup_fini(struct markup *markup)
{
    qn_arena_fini(&markup->arena);
}

const struct markup_element *markup_find(const struct markup *markup, const char *tag, const char *class,
                                         size_t n)
{
    for (size_t i = 0; i < markup->n_elements; i++) {
        const struct markup_element *element = &markup->elements[i];
        if (strcmp(element->name, tag) != 0 ||
            (class && (!element->class || strcmp(element->class, class) != 0)))
            continue;
        if (n-- == 0)
            return element;
    }
    return NULL;
}

const struct markup_element *markup_by_id(const struct markup *markup, const char *id)
{
    for (size_t i = 0; i < markup->n_elements; i++)
        if (markup->elements[i].id && strcmp(markup->elements[i].id, id) == 0)
            return &markup->elements[i];
    return NULL;
}
