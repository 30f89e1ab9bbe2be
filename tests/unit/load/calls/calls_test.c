#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/rpc/precheck.h"
#include "rpctest.qn.h"
#include "tests/harness/test.h"
#include "tests/load/calls/calls.h"

static const struct qn_service *const services[] = {&quintet_rpctest_v1_test_service};

#define ECHO "quintet.rpctest.v1.TestService/Echo"
#define MANY "quintet.rpctest.v1.TestService/EchoMany"

static char path[] = "/tmp/quintet-load-calls-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static const char *file_with(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static enum qn_status try_open(const struct load_calls_method *method, const char *cookie_file, bool http,
                               struct load_calls **ret_calls, struct qn_error *err)
{
    struct load_calls_options options = {
        .services = services,
        .n_services = 1,
        .http = http,
        .methods = method,
        .n_methods = 1,
        .cookie_file = cookie_file,
        .seed = 1,
    };
    *err = (struct qn_error){0};
    return load_calls_open(&options, ret_calls, err);
}

static struct load_calls *opened(const struct load_calls_method *method, const char *cookie_file, bool http)
{
    struct load_calls *calls;
    struct qn_error err;
    if (try_open(method, cookie_file, http, &calls, &err) != QN_OK)
        fail_msg("%s", err.message);
    return calls;
}

static void assert_echo(const struct load_ask *ask, const char *text, uint32_t more)
{
    struct qn_arena arena;
    void *message;
    qn_arena_init(&arena, 64 * 1024);
    assert_int_equal(
        qn_unpack(&quintet__rpctest__v1__echo_request__descriptor, ask->payload, &arena, &message, NULL),
        QN_OK);
    const Quintet__Rpctest__V1__EchoRequest *echo = message;
    assert_string_equal(echo->text, text);
    assert_int_equal(echo->more_bytes, more);
    qn_arena_fini(&arena);
}

static void test_data(void **state)
{
    (void)state;
    struct load_ask ask;
    struct load_calls *calls = opened(
        &(struct load_calls_method){.name = ECHO, .weight = 1, .data = "{\"text\":\"hi\",\"moreBytes\":7}"},
        NULL, false);
    for (int i = 0; i < 3; i++) {
        load_calls_next(calls, &ask);
        assert_echo(&ask, "hi", 7);
        assert_int_equal(ask.method, 0);
        assert_int_equal(ask.cookie.len, 0);
    }
    assert_ptr_equal(load_calls_rpc(calls, 0), &quintet_rpctest_v1_test_service_echo);
    load_calls_close(calls);
    calls = opened(&(struct load_calls_method){.name = ECHO, .weight = 1}, NULL, false);
    load_calls_next(calls, &ask);
    assert_echo(&ask, "", 0);
    load_calls_close(calls);
}

static void test_data_file(void **state)
{
    (void)state;
    struct load_ask ask;
    struct load_calls_method method = {
        .name = ECHO,
        .weight = 1,
        .data_file =
            file_with("{\"text\":\"a\"}\r\n\n  \n{\"text\":\"b\"}\n{\"text\":\"c\",\"more_bytes\":3}"),
    };
    struct load_calls *calls = opened(&method, NULL, false);
    const char *const want[] = {"a", "b", "c", "a", "b"};
    for (int i = 0; i < 5; i++) {
        load_calls_next(calls, &ask);
        assert_echo(&ask, want[i], want[i][0] == 'c' ? 3 : 0);
    }
    load_calls_close(calls);
}

static void test_cookies(void **state)
{
    (void)state;
    struct load_ask ask;
    struct load_calls *calls =
        opened(&(struct load_calls_method){.name = ECHO, .weight = 1}, file_with("a=1\nb=2; c=3\n"), false);
    const char *const want[] = {"a=1", "b=2; c=3", "a=1"};
    for (int i = 0; i < 3; i++) {
        load_calls_next(calls, &ask);
        assert_str(ask.cookie, want[i]);
    }
    load_calls_close(calls);
}

static void test_http(void **state)
{
    (void)state;
    static const struct {
        const char *name, *verb, *path, *data;
    } cases[] = {
        {ECHO, "POST", "/" ECHO, "{\"text\": \"hi\"}"},
        {"/a/b?c=d", "POST", "/a/b?c=d", "any text"},
        {"POST /a", "POST", "/a", "{}"},
        {"GET /healthz", "GET", "/healthz", "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load_ask ask;
        struct load_calls *calls =
            opened(&(struct load_calls_method){.name = cases[i].name, .weight = 1, .data = cases[i].data},
                   NULL, true);
        struct load_calls_http http = load_calls_http(calls, 0);
        load_calls_next(calls, &ask);
        assert_str(ask.payload, cases[i].data);
        assert_string_equal(http.verb, cases[i].verb);
        assert_str(http.path, cases[i].path);
        load_calls_close(calls);
    }
}

static void refuses(const struct load_calls_method *method, const char *cookie_file, bool http,
                    const char *says)
{
    struct load_calls *calls;
    struct qn_error err;
    if (try_open(method, cookie_file, http, &calls, &err) == QN_OK)
        fail_msg("taken, should have said: %s", says);
    if (!strstr(err.message, says))
        fail_msg("said \"%s\", should have said: %s", err.message, says);
}

#define METHOD(...) (&(const struct load_calls_method){.weight = 1, __VA_ARGS__})

static void test_refuses(void **state)
{
    (void)state;
    refuses(METHOD(.name = "Echo"), NULL, false, "no such method; is it " ECHO "?");
    refuses(METHOD(.name = "quintet.rpctest.v1.TestService.echo"), NULL, false, "is it " ECHO "?");
    refuses(METHOD(.name = "Sing"), NULL, false, "no such method (--list-methods lists them)");
    refuses(METHOD(.name = "/a/path"), NULL, false, "no such method");
    refuses(METHOD(.name = ECHO, .data = "{"), NULL, false, "--data: JSON, offset 1");
    refuses(METHOD(.name = ECHO, .data = "[]"), NULL, false, "--data: must be a JSON object");
    refuses(METHOD(.name = ECHO, .data = "{\"txt\":1}"), NULL, false,
            "txt: no such field; EchoRequest has text, data, more_bytes");
    refuses(METHOD(.name = ECHO, .data = "{\"text\":1}"), NULL, false, "--data: text: ");
    refuses(METHOD(.name = ECHO, .data = "{\"text\":1}"), NULL, true, "--data: text: "); /* over HTTP too */
    refuses(METHOD(.name = ECHO, .data_file = file_with("{}\n\n{\"text\":\"a\"}\n{\"moreBytes\":-1}\n")),
            NULL, false, ":4: more_bytes: ");
    refuses(METHOD(.name = ECHO, .data_file = file_with("\n \n")), NULL, false, "holds no line");
    refuses(METHOD(.name = ECHO, .data_file = "/nowhere/calls.jsonl"), NULL, false,
            "/nowhere/calls.jsonl: No such file or directory");
    refuses(METHOD(.name = ECHO, .data_file = "/tmp"), NULL, false, "/tmp: Is a directory");
    refuses(METHOD(.name = ECHO), "/nowhere/cookies.txt", false,
            "/nowhere/cookies.txt: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data), cmocka_unit_test(test_data_file), cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_http), cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
