#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

/* Half-open TCP, by a real cable that is really cut: the pool is in one network namespace, and a second one
 * is where PostgreSQL is, as it seems; there a relay hands bytes to the server's unix socket, which knows no
 * namespaces. Between them lies a veth pair. Taking down the far end drops every packet without a word: no
 * FIN, no RST, just as when a machine loses power. What was sent is never acknowledged, and only
 * TCP_USER_TIMEOUT ends that before the kernel's quarter of an hour.
 *
 * Wants the rights to make namespaces; without them it says so, loudly, and is left out. */

#define NEAR        "10.231.17.1"
#define FAR         "10.231.17.2"
#define FAR_ADDRESS "02:00:00:00:17:02" /* told, so that nobody asks for it when it is away */
enum {
    PORT = 5432,
    USER_TIMEOUT_MS = 10000, /* conninfo.c */
    /* The first retransmission must fail, and the machine may be busy. */
    BOUND_MS = 4 * USER_TIMEOUT_MS,
};

static pid_t far_side; /* sits in the far namespace and relays */

/* Runs a program to its end; false unless it ends with 0. */
static bool run(const char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* The relay: the far side's part of this program. One process a connection; each dies with its parent. */

static void pour(int from, int to)
{
    char bytes[16 * 1024];
    ssize_t n;
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0, put; at < n; at += put)
            if ((put = write(to, bytes + at, (size_t)(n - at))) <= 0)
                return;
}

static _Noreturn void relay(int client, const struct sockaddr_un *server)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)server, sizeof *server) != 0)
        _exit(1);
    pid_t back = fork();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (back == 0) {
        pour(fd, client);
        shutdown(client, SHUT_WR);
        _exit(0);
    }
    pour(client, fd);
    kill(back, SIGKILL);
    _exit(0);
}

static _Noreturn void be_far_side(int ready, const struct sockaddr_un *server)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    char ok = unshare(CLONE_NEWNET) == 0;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = ok && bind(listener, (const struct sockaddr *)&any, sizeof any) == 0 && listen(listener, 16) == 0;
    if (write(ready, &ok, 1) != 1 || !ok)
        _exit(1);
    for (int client; (client = accept(listener, NULL, NULL)) >= 0; close(client)) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            relay(client, server);
        }
    }
    _exit(0);
}

/* Both namespaces and the cable. False: not allowed here. */
static bool lay_cable(void)
{
    struct sockaddr_un server = {.sun_family = AF_UNIX};
    char pid[16], ok = 0;
    int pipe_fds[2];
    snprintf(server.sun_path, sizeof server.sun_path, "%s/.s.PGSQL.%d",
             harness_postgres_socket_folder(fix.server), harness_postgres_port(fix.server));
    if (unshare(CLONE_NEWNET) != 0 || pipe2(pipe_fds, O_CLOEXEC) != 0)
        return false;
    far_side = fork();
    if (far_side == 0)
        be_far_side(pipe_fds[1], &server);
    snprintf(pid, sizeof pid, "%d", (int)far_side);
    return read(pipe_fds[0], &ok, 1) == 1 && ok && RUN("ip", "link", "set", "lo", "up") &&
           RUN("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "address", FAR_ADDRESS,
               "netns", pid) &&
           RUN("ip", "address", "add", NEAR "/24", "dev", "near") && RUN("ip", "link", "set", "near", "up") &&
           RUN("ip", "neighbour", "replace", FAR, "lladdr", FAR_ADDRESS, "dev", "near", "nud", "permanent") &&
           RUN("nsenter", "-t", pid, "-n", "ip", "address", "add", FAR "/24", "dev", "far") &&
           RUN("nsenter", "-t", pid, "-n", "ip", "link", "set", "far", "up");
}

static void set_far_link(const char *state)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)far_side);
    assert_true(RUN("nsenter", "-t", pid, "-n", "ip", "link", "set", "far", state));
}

static bool is_ready_and_idle(void)
{
    return pg_fixture_is_ready() && pg_fixture_is_idle();
}

static void test_the_cable_is_cut(void **state)
{
    (void)state;
    struct pg_ask write = {0}, read = {0}, after = {0};
    if (far_side <= 0) {
        print_message("!!! NOT TESTED: half-open TCP. This wants the right to make network namespaces (root),"
                      " and ip and nsenter (iproute2, util-linux).\n");
        skip();
    }
    pg_fixture_open_url("postgresql://quintet:p%40ss%2Fw%3Ard%25@" FAR
                        "/quintet?connection_limit=2&connect_timeout=1&pool_timeout=1&sslmode=disable");
    pg_fixture_until_true(is_ready_and_idle, "up, through the cable");
    harness_postgres_do(fix.admin, "select pg_advisory_lock(1)");
    pg_ask_start(&write, &sql_wait_alone, 10 * BOUND_MS, "1");
    pg_fixture_until(SQL_WAITING, 1);

    /* One connection has sent all and waits; what is sent on the other now is never acknowledged. */
    set_far_link("down");
    uint64_t cut_ms = qn_clock_now_ms();
    pg_ask_start(&read, &sql_pid, 10 * BOUND_MS);
    qn_loop_turn(fix.loop);
    assert_int_equal(pg_pool_up(fix.pool), 2); /* nobody can know */
    while (pg_pool_up(fix.pool) > 0) {
        qn_loop_wait(fix.loop);
        if (qn_clock_now_ms() - cut_ms > BOUND_MS)
            fail_msg("after %d ms still taken for alive", BOUND_MS);
    }
    assert_true(qn_clock_now_ms() - cut_ms >= USER_TIMEOUT_MS / 2); /* it was no reset that told */
    pg_fixture_expect_logged("cause=lost", 2);
    assert_int_equal((int)pg_fixture_metric("quintet_pg_closes_total{cause=\"lost\"}"), 2);
    assert_false(pg_fixture_is_ready());
    pg_ask_wait(&write);
    assert_int_equal(write.status, QN_UNKNOWN); /* it may have happened */
    assert_string_equal(write.query.reason, "connection lost");
    pg_ask_wait(&read);
    assert_int_equal(read.status, QN_UNAVAILABLE); /* asked once more, and there was no connection */
    assert_string_equal(read.query.reason, "cannot connect");
    assert_true(pg_fixture_metric("quintet_pg_connects_total{outcome=\"timeout\"}") >= 1); /* a black hole */

    set_far_link("up");
    harness_postgres_do(fix.admin, "select pg_advisory_unlock(1)");
    pg_fixture_until_true(is_ready_and_idle, "up again, by itself");
    pg_ask_run(&after, &sql_pid, 20000);
    assert_int_equal(after.status, QN_OK);
    pg_fixture_close();
    kill(far_side, SIGKILL); /* the old backends' relays go with it */
    pg_fixture_end();
}

static void prepare(void)
{
    if (!lay_cable())
        far_side = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_cable_is_cut)};
    return pg_fixture_run(tests, NULL, prepare);
}
