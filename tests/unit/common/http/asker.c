#include "tests/unit/common/http/asker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/listen.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

const char *const answer_ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

void asker_open_at(struct asker *asker, struct qn_loop *loop, struct qn_http_client_options options,
                   const char *address)
{
    char url[96];
    struct qn_error err = {0};
    *asker = (struct asker){.loop = loop, .listen_fd = -1};
    snprintf(asker->address, sizeof asker->address, "%s", address);
    snprintf(url, sizeof url, "http://%s", address);
    if (!options.url)
        options.url = url;
    if (qn_http_client_open(loop, &options, &asker->client, &err) != QN_OK)
        fail_msg("%s", err.message);
}

void asker_open(struct asker *asker, struct qn_http_client_options options)
{
    struct qn_error err = {0};
    char address[QN_LISTEN_TEXT_MAX];
    int fd;
    if (qn_listen_open("127.0.0.1:0", &fd, &err) != QN_OK)
        fail_msg("%s", err.message);
    assert_true(qn_listen_text(fd, address));
    asker_open_at(asker, loop_fixture_begin(), options, address);
    asker->listen_fd = fd;
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

void asker_close_client(struct asker *asker)
{
    qn_http_client_close(asker->client, on_closed, &asker->closed);
    assert_false(asker->closed);
    loop_fixture_run_until(&asker->closed, 10000);
    asker->client = NULL;
}

void asker_close(struct asker *asker)
{
    if (asker->client)
        asker_close_client(asker);
    if (asker->listen_fd >= 0)
        close(asker->listen_fd);
    loop_fixture_end();
}

static void on_done(struct qn_http_request *request)
{
    struct asked *asked = container_of(request, struct asked, request);
    assert_false(asked->starting); /* never from within the start */
    assert_false(asked->done);     /* once */
    asked->done = true;
    if (asked->then)
        asked->then(asked);
}

static void start(struct asker *asker, struct asked *asked, const struct qn_http_ask *what,
                  uint64_t timeout_ms)
{
    asked->done = false;
    asked->starting = true;
    qn_http_request_start(&asked->request, asker->client, what, timeout_ms, &asked->arena, on_done);
    asked->starting = false;
}

void ask_within(struct asker *asker, struct asked *asked, const struct qn_http_ask *what, uint64_t timeout_ms)
{
    *asked = (struct asked){0};
    qn_arena_init(&asked->arena, ASKER_ARENA_BYTES);
    start(asker, asked, what, timeout_ms);
}

void ask(struct asker *asker, struct asked *asked, const struct qn_http_ask *what)
{
    ask_within(asker, asked, what, ASKER_TIMEOUT_MS);
}

void ask_again(struct asker *asker, struct asked *asked, const struct qn_http_ask *what)
{
    qn_arena_fini(&asked->arena);
    start(asker, asked, what, ASKER_TIMEOUT_MS);
}

void ask_get(struct asker *asker, struct asked *asked, const char *path)
{
    ask(asker, asked, &(struct qn_http_ask){.method = "GET", .path = qn_str_c(path), .idempotent = true});
}

void ask_post(struct asker *asker, struct asked *asked, const char *path, const char *body)
{
    ask(asker, asked,
        &(struct qn_http_ask){.method = "POST", .path = qn_str_c(path), .body = qn_str_c(body)});
}

void await(struct asked *asked)
{
    loop_fixture_run_until(&asked->done, ASKER_TIMEOUT_MS);
}

void asked_free(struct asked *asked)
{
    qn_arena_fini(&asked->arena);
}

void await_answer(struct asked *asked, unsigned code, const char *body)
{
    await(asked);
    if (asked->request.status != QN_OK)
        fail_msg("%s: %s", qn_status_name(asked->request.status), asked->request.message);
    assert_int_equal(asked->request.http_status, code);
    assert_str(asked->request.body, body);
    asked_free(asked);
}

void await_failure(struct asked *asked, enum qn_status status, const char *words)
{
    await(asked);
    if (asked->request.status != status || !strstr(asked->request.message, words))
        fail_msg("%s, \"%s\" is not %s, \"%s\"", qn_status_name(asked->request.status),
                 asked->request.message ? asked->request.message : "", qn_status_name(status), words);
    assert_int_equal(asked->request.http_status, 0);
    assert_int_equal(asked->request.n_headers, 0);
    asked_free(asked);
}

void serve(struct wire *wire, const char *text, const char *answer)
{
    wire_expect(wire, text);
    assert_true(qn_str_ends(wire_seen(wire), qn_str_c(text)));
    wire_forget(wire);
    wire_send_c(wire, answer);
}
