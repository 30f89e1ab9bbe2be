#include "tests/system/beside_fixture.h"

#include <stdio.h>

#define BASE   "/api/auth"
#define ORIGIN "Origin: http://localhost:3000" /* trusted by both */

struct beside beside;

const struct beside_direction beside_from_ours = {&beside.stack.url, &beside.product.url},
                              beside_from_theirs = {&beside.product.url, &beside.stack.url};

const char *beside_here(void **state)
{
    return *((const struct beside_direction *)*state)->here;
}

const char *beside_there(void **state)
{
    return *((const struct beside_direction *)*state)->there;
}

void beside_start(enum harness_tables made_by, const char *cache)
{
    qn_arena_init(&beside.arena, 64 * 1024 * 1024);
    beside.smtp = harness_smtp_start(HARNESS_SMTP_PLAIN, NULL, NULL);
    beside.n_mails = 0;
    harness_stack_start_on(
        &beside.stack, harness_tables_start_empty(made_by),
        (const char *const[]){
            "SMTP_FROM=no-reply@example.com", "QUINTET_AUTH_CHANGE_EMAIL=true",
            "QUINTET_AUTH_DELETE_USER=true", "QUINTET_AUTH_DELETE_USER_BY_MAIL=true", "QUINTET_TIMEOUT=20s",
            harness_text("SMTP_URL=smtp://127.0.0.1:%u", harness_smtp_port(beside.smtp)),
            harness_text("QUINTET_AUTH_COOKIE_CACHE=%s", cache ? "true" : "false"),
            harness_text("QUINTET_AUTH_COOKIE_CACHE_STRATEGY=%s", cache ? cache : "compact"), NULL});
    beside.admin = harness_postgres_admin(beside.stack.postgres, NULL);
    harness_postgres_do(beside.admin, "set timezone to 'UTC'");
    harness_product_start(&beside.product,
                          &(const struct harness_product_options){.postgres = beside.stack.postgres,
                                                                  .cookie_cache = cache,
                                                                  .delete_by_mail = true});
}

int beside_stop(void **state)
{
    (void)state;
    harness_product_stop(&beside.product);
    PQfinish(beside.admin);
    harness_stack_stop(&beside.stack);
    harness_smtp_stop(beside.smtp);
    qn_arena_fini(&beside.arena);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    beside_start(harness_tables_layout(), NULL);
    return 0;
}

int beside_run_on_both_layouts(const struct CMUnitTest *tests, size_t n)
{
    return harness_tables_run_on_each(tests, n, set_up, beside_stop);
}

struct harness_http_reply beside_post(const char *url, const char *route, const char *cookies,
                                      const char *json)
{
    return harness_http(&(const struct harness_http_request){
        .url = harness_text("%s" BASE "%s", url, route),
        .headers = {"Content-Type: application/json", ORIGIN, "User-Agent: Test/1.0",
                    "X-Forwarded-For: 203.0.113.7", cookies ? harness_text("Cookie: %s", cookies) : NULL},
        .body = qn_str_c(json)});
}

struct harness_http_reply beside_get(const char *url, const char *route, const char *cookies)
{
    return harness_http(&(const struct harness_http_request){
        .url = harness_text("%s" BASE "%s", url, route),
        .headers = {cookies ? harness_text("Cookie: %s", cookies) : NULL}});
}

void beside_expect(struct harness_http_reply reply, int status, const char *part)
{
    if (reply.status != status || !strstr(reply.body, part))
        fail_msg("%d %.400s, not %d with %s", reply.status, reply.body, status, part);
    harness_http_free(&reply);
}

void beside_expect_location(struct harness_http_reply reply, const char *location)
{
    const char *is = harness_http_header(&reply, "Location", 0);
    if (reply.status != 302 || !is || strcmp(is, location) != 0)
        fail_msg("%d %.400s, not on to %s", reply.status, is ? is : reply.body, location);
    harness_http_free(&reply);
}

const char *beside_session_of(struct harness_http_reply reply)
{
    const char *cookie = reply.status == 200 ? harness_http_cookie(&reply, BESIDE_TOKEN) : NULL;
    if (!cookie)
        fail_msg("no session: %d %.400s", reply.status, reply.body);
    harness_http_free(&reply);
    return harness_text("%s", cookie);
}

const char *beside_new_address(void)
{
    static unsigned n;
    return harness_text("somebody-%u@example.com", ++n);
}

struct harness_http_reply beside_sign_up_as(const char *url, const char *email, const char *password_json)
{
    return beside_post(
        url, "/sign-up/email", NULL,
        harness_text("{\"name\":\"Zoë 🌊\",\"email\":\"%s\",\"password\":%s}", email, password_json));
}

struct harness_http_reply beside_sign_in_as(const char *url, const char *email, const char *password_json)
{
    return beside_post(url, "/sign-in/email", NULL,
                       harness_text("{\"email\":\"%s\",\"password\":%s}", email, password_json));
}

const char *beside_sign_up(const char *url, const char *email)
{
    return beside_session_of(beside_sign_up_as(url, email, BESIDE_PASSWORD));
}

const char *beside_sign_in(const char *url, const char *email)
{
    return beside_session_of(beside_sign_in_as(url, email, BESIDE_PASSWORD));
}

const char *beside_shown(const char *url, const char *cookies)
{
    struct harness_http_reply reply = beside_get(url, "/get-session", cookies);
    assert_int_equal(reply.status, 200);
    const char *body = harness_text("%s", reply.body);
    harness_http_free(&reply);
    return body;
}

void beside_expect_read_by_both(const char *cookies)
{
    const char *ours = beside_shown(beside.stack.url, cookies);
    assert_string_equal(ours, beside_shown(beside.product.url, cookies));
    assert_non_null(strstr(ours, "\"session\":{\"expiresAt\":"));
}

void beside_expect_gone(const char *cookies)
{
    assert_string_equal(beside_shown(beside.stack.url, cookies), "null");
    assert_string_equal(beside_shown(beside.product.url, cookies), "null");
}

const char *beside_token_of(const char *cookie)
{
    const char *value = strchr(cookie, '=') + 1;
    return harness_text("%.*s", (int)strcspn(value, "."), value);
}

const char *beside_mailed(const char *url, const char *to)
{
    const char *link, *whom;
    if (url == beside.product.url) {
        const char *line = harness_product_mail(&beside.product);
        size_t len = strcspn(line, " ");
        whom = harness_text("%.*s", (int)len, line);
        link = harness_text("%s", line + len + 1);
    } else {
        harness_smtp_await(beside.smtp, beside.n_mails + 1);
        struct harness_smtp_mail mail = harness_smtp_mail(beside.smtp, beside.n_mails++);
        whom = mail.to;
        link = harness_smtp_link(&mail, &beside.arena);
    }
    assert_string_equal(whom, to);
    if (strncmp(link, BESIDE_SITE BASE, strlen(BESIDE_SITE BASE)) != 0)
        fail_msg("a link to elsewhere: %s", link);
    return link + strlen(BESIDE_SITE BASE);
}

long beside_count(const char *format, const char *text)
{
    return harness_postgres_number(beside.admin, harness_text(format, text));
}

const struct qn_json *beside_parse(const char *text)
{
    struct qn_json *value;
    assert_int_equal(
        qn_json_parse(qn_arena_str(&beside.arena, qn_str_c(text)), false, &beside.arena, &value, NULL),
        QN_OK);
    return value;
}

bool beside_same(const struct qn_json *one, const struct qn_json *other)
{
    if (one->kind != other->kind || one->n_items != other->n_items || one->boolean != other->boolean ||
        !qn_str_eq(one->text, other->text))
        return false;
    for (size_t i = 0; i < one->n_items; i++) {
        const struct qn_json *match = &other->items[i];
        if (one->kind == QN_JSON_OBJECT)
            for (size_t k = 0; k < other->n_items; k++)
                if (qn_str_eq(one->keys[i], other->keys[k]))
                    match = &other->items[k];
        if (!beside_same(&one->items[i], match))
            return false;
    }
    return true;
}
