#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/app/parts.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

enum { LIMIT_MS = 20000 };

static char empty[] = "";
static struct qn_rpc_tls_settings no_tls = {empty, empty, empty};

/* Addresses. */

static size_t complaints(const char *address, const struct qn_rpc_tls_settings *tls)
{
    struct qn_config_report report = {0};
    qn_buf_init(&report.lines, 4096);
    qn_parts_check_address("QUINTET_RPC_LISTEN", address, tls, &report);
    if (report.n_complaints > 0)
        assert_true(qn_str_starts(qn_buf_view(&report.lines), QN_STR("QUINTET_RPC_LISTEN: ")));
    qn_buf_fini(&report.lines);
    return report.n_complaints;
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"ipc://.quintet/rpc/x", "ipc:///run/x",         "tcp://127.0.0.1:7001",
                                       "tcp://[::1]:7001",     "tcp://localhost:7001", "inproc://x"};
    static const char *const bad[] = {"",         "ipc://",    "/run/x",  "udp://x:1",
                                      "tcp:/x:1", "TCP://x:1", "http://x"};
    for (size_t i = 0; i < QN_COUNT(good); i++)
        assert_int_equal(complaints(good[i], &no_tls), 0);
    for (size_t i = 0; i < QN_COUNT(bad); i++)
        assert_int_equal(complaints(bad[i], &no_tls), 1);
}

/* Mutual TLS wants all three files, whichever one is left out. */
static void test_tls_address_wants_all_files(void **state)
{
    (void)state;
    static char file[] = "file.pem";
    struct qn_rpc_tls_settings whole = {file, file, file, false};
    assert_int_equal(complaints("tls+tcp://x:1", &whole), 0);
    assert_int_equal(complaints("tls+tcp://x:1", &no_tls), 1);
    for (size_t i = 0; i < 3; i++) {
        struct qn_rpc_tls_settings lacking = whole;
        *(char **[]){&lacking.certificate_file, &lacking.key_file, &lacking.ca_file}[i] =
            i == 1 ? NULL : empty;
        assert_int_equal(complaints("tls+tcp://x:1", &lacking), 1);
        assert_int_equal(complaints("tcp://127.0.0.1:1", &lacking), 0);
    }
}

/* What leaves the machine is encrypted, unless somebody has said that it need not be. */
static void test_plain_tcp_beyond_this_machine_must_be_asked_for(void **state)
{
    (void)state;
    static const char *const beyond[] = {"tcp://0.0.0.0:7001", "tcp://[::]:7001", "tcp://profile:7001",
                                         "tcp://localhost.example.com:7001"};
    const struct qn_rpc_tls_settings allowing = {.allow_plain = true};
    for (size_t i = 0; i < QN_COUNT(beyond); i++) {
        assert_int_equal(complaints(beyond[i], &no_tls), 1);
        assert_int_equal(complaints(beyond[i], &allowing), 0);
    }
}

/* Life. */

static char folder[64], address[128];
static size_t n_done;

static void on_done(struct qn_part *part)
{
    (void)part;
    n_done++;
}

/* Runs the loop until the part is, or is not, ready. */
static void await_ready(struct qn_loop *loop, struct qn_part *part, bool want)
{
    struct qn_buf detail;
    qn_buf_init(&detail, 1024);
    uint64_t end_ms = qn_clock_now_ms() + LIMIT_MS;
    while (part->ready(part, &detail) != want) {
        qn_loop_turn(loop);
        assert_true(qn_clock_now_ms() < end_ms);
        qn_buf_clear(&detail);
    }
    assert_true(strstr(detail.data, folder) != NULL);
    qn_buf_fini(&detail);
}

static size_t sockets(void)
{
    size_t n = 0;
    DIR *dir = opendir(strchr(address, '/') + 2);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += qn_str_ends(qn_str_c(entry->d_name), QN_STR(".sock"));
    closedir(dir);
    return n;
}

/* The client part opens before there is anybody, and is ready as long as somebody is there who takes calls.
 */
static void test_life(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_rpc_server_settings server_settings = {address, 4};
    struct qn_rpc_client_settings client_settings = {address};
    struct qn_part_rpc_server server = QN_PART_RPC_SERVER(&server_settings, &no_tls, NULL, 0);
    struct qn_part_rpc_client client = QN_PART_RPC_CLIENT("parts", &client_settings, &no_tls);
    struct qn_error err = {0};
    n_done = 0;

    assert_int_equal(client.part.open(&client.part, loop, &err), QN_OK);
    assert_string_equal(client.part.name, "parts");
    await_ready(loop, &client.part, false);
    assert_int_equal(server.part.open(&server.part, loop, &err), QN_OK);
    assert_int_equal(sockets(), 1);
    await_ready(loop, &server.part, true);
    await_ready(loop, &client.part, true);

    server.part.drain(&server.part, LIMIT_MS, on_done);
    assert_int_equal(n_done, 0); /* never from within */
    loop_fixture_run_until_count(&n_done, 1, LIMIT_MS);
    await_ready(loop, &client.part, false);
    server.part.close(&server.part, on_done);
    loop_fixture_run_until_count(&n_done, 2, LIMIT_MS);
    assert_null(server.server);
    assert_int_equal(sockets(), 0);
    client.part.close(&client.part, on_done);
    loop_fixture_run_until_count(&n_done, 3, LIMIT_MS);
    assert_null(client.client);
    loop_fixture_end();
    qn_metric_reset();
}

static void test_address_that_cannot_be_listened_on(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    static char nowhere[] = "ipc:///proc/quintet-no-such-place/x";
    struct qn_rpc_server_settings settings = {nowhere, 4};
    struct qn_part_rpc_server server = QN_PART_RPC_SERVER(&settings, &no_tls, NULL, 0);
    struct qn_error err = {0};
    assert_int_not_equal(server.part.open(&server.part, loop, &err), QN_OK);
    assert_true(err.message[0] != '\0');
    /* What it had begun lets go in its own turn. */
    for (uint64_t end_ms = qn_clock_now_ms() + LIMIT_MS; qn_loop_turn(loop);)
        assert_true(qn_clock_now_ms() < end_ms);
    loop_fixture_end();
    qn_metric_reset();
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/quintet-parts.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(address, sizeof(address), "ipc://%s/rpc", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rmdir(strchr(address, '/') + 2);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tls_address_wants_all_files),
        cmocka_unit_test(test_plain_tcp_beyond_this_machine_must_be_asked_for),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_address_that_cannot_be_listened_on),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
