#include "tests/harness/rpc.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/loop/timer.h"
#include "common/rpc/transport.h"

/* A bound for what hangs, generous for sanitizers on a busy machine. */
enum { HANG_MS = 60000 };

extern char **environ;

static char folder[64];

static int remove_one(const char *path, const struct stat *what, int flag, struct FTW *walk)
{
    (void)what, (void)flag, (void)walk;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *rpc_folder(void)
{
    if (folder[0] == '\0') {
        snprintf(folder, sizeof(folder), "/tmp/qn-rpc-XXXXXX");
        if (mkdtemp(folder) == NULL)
            fail_msg("no folder");
        atexit(remove_folder);
    }
    return folder;
}

/* Kept reachable, for leak checkers. */
static char *texts[8192];
static size_t n_texts;

const char *rpc_text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text;
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0 || n_texts == QN_COUNT(texts))
        fail_msg("no memory for text");
    return texts[n_texts++] = text;
}

static const struct qn_handlers *const all_handlers[] = {&rpc_service_handlers};

struct qn_server *rpc_serve(struct qn_loop *loop, const struct qn_server_options *options)
{
    struct qn_server_options filled = *options;
    if (filled.handlers == NULL) {
        filled.handlers = all_handlers;
        filled.n_handlers = 1;
    }
    struct qn_server *server;
    struct qn_error err = {0};
    if (qn_server_open(loop, &filled, &server, &err) != QN_OK)
        fail_msg("cannot serve: %s", err.message);
    return server;
}

struct qn_client *rpc_connect(struct qn_loop *loop, const struct qn_client_options *options)
{
    struct qn_client_options filled = *options;
    filled.name = "test";
    struct qn_client *client;
    struct qn_error err = {0};
    if (qn_client_open(loop, &filled, &client, &err) != QN_OK)
        fail_msg("cannot connect: %s", err.message);
    return client;
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

void rpc_close_server(struct qn_server *server)
{
    bool closed = false;
    qn_server_close(server, set_flag, &closed);
    loop_fixture_run_until(&closed, HANG_MS);
}

void rpc_close_client(struct qn_client *client)
{
    bool closed = false;
    qn_client_close(client, set_flag, &closed);
    loop_fixture_run_until(&closed, HANG_MS);
}

void rpc_expect_no_messages(void)
{
    assert_int_equal(qn_message_live(), 0);
}

struct look {
    struct qn_timer timer;
    bool fired;
};

static void on_look(struct qn_timer *timer)
{
    container_of(timer, struct look, timer)->fired = true;
}

/* Lets the loop run for a little while: what is waited for here has no callback. */
static void run_a_little(struct qn_loop *loop)
{
    struct look look = {0};
    qn_timer_start(loop, &look.timer, 2, on_look);
    loop_fixture_run_until(&look.fired, HANG_MS);
}

void rpc_await_ready(struct qn_loop *loop, const struct qn_client *client, bool ready)
{
    uint64_t end_ms = qn_clock_now_ms() + HANG_MS;
    while (qn_client_ready(client) != ready) {
        if (qn_clock_now_ms() > end_ms)
            fail_msg("the client is still %sready", ready ? "not " : "");
        run_a_little(loop);
    }
}

/* Calls. */

static void on_done(struct qn_request *request)
{
    struct rpc_call *call = (struct rpc_call *)request;
    assert_false(call->done);
    call->done = true;
    call->took_ms = qn_clock_now_ms() - call->started_ms;
    if (call->count != NULL)
        call->order = ++*call->count;
}

struct rpc_call *rpc_call_new(uint64_t timeout_ms, size_t *count)
{
    struct rpc_call *call = calloc(1, sizeof(*call));
    assert_non_null(call);
    qn_arena_init(&call->arena, 16 << 20);
    call->ctx.deadline_ms = qn_clock_now_ms() + timeout_ms;
    call->ctx.request_id = QN_STR("test-request");
    call->count = count;
    return call;
}

void rpc_call_free(struct rpc_call *call)
{
    assert_true(call->done);
    qn_arena_fini(&call->arena);
    free(call);
}

void rpc_start(struct rpc_call *call, struct qn_client *client, const struct qn_method *method,
               const void *in)
{
    call->started_ms = qn_clock_now_ms();
    qn_request_start(&call->request, client, method, in, &call->ctx, &call->arena, on_done);
    assert_false(call->done); /* never from within the start */
}

void rpc_start_at(struct rpc_call *call, struct qn_client *client, uint64_t peer_id,
                  const struct qn_method *method, const void *in)
{
    call->started_ms = qn_clock_now_ms();
    qn_request_start_at(&call->request, client, peer_id, method, in, &call->ctx, &call->arena, on_done);
    assert_false(call->done);
}

void rpc_start_near(struct rpc_call *call, struct qn_client *client, const struct qn_method *method,
                    const void *in, const char *key)
{
    call->started_ms = qn_clock_now_ms();
    qn_request_start_near(&call->request, client, method, in, qn_str_c(key), &call->ctx, &call->arena,
                          on_done);
    assert_false(call->done);
}

void rpc_start_echo(struct rpc_call *call, struct qn_client *client, const char *text)
{
    Quintet__Rpctest__V1__EchoRequest in = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
    in.text = (char *)text;
    rpc_start(call, client, &quintet_rpctest_v1_test_service_echo, &in);
}

void rpc_start_echo_sized(struct rpc_call *call, struct qn_client *client, size_t data_bytes, uint32_t more)
{
    Quintet__Rpctest__V1__EchoRequest in = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
    in.more_bytes = more;
    in.data.len = data_bytes;
    in.data.data = calloc(1, data_bytes + 1);
    rpc_start(call, client, &quintet_rpctest_v1_test_service_echo, &in);
    free(in.data.data);
}

void rpc_start_many(struct rpc_call *call, struct qn_client *client, uint64_t number)
{
    Quintet__Rpctest__V1__EchoManyRequest in = QUINTET__RPCTEST__V1__ECHO_MANY_REQUEST__INIT;
    in.number = number;
    rpc_start(call, client, &quintet_rpctest_v1_test_service_echo_many, &in);
}

void rpc_start_once(struct rpc_call *call, struct qn_client *client, uint64_t number)
{
    rpc_start_once_sized(call, client, number, 0);
}

void rpc_start_once_sized(struct rpc_call *call, struct qn_client *client, uint64_t number, uint32_t more)
{
    Quintet__Rpctest__V1__OnceRequest in = QUINTET__RPCTEST__V1__ONCE_REQUEST__INIT;
    in.number = number;
    in.more_bytes = more;
    rpc_start(call, client, &quintet_rpctest_v1_test_service_once, &in);
}

void rpc_start_again(struct rpc_call *call, struct qn_client *client, uint64_t number)
{
    Quintet__Rpctest__V1__AgainRequest in = QUINTET__RPCTEST__V1__AGAIN_REQUEST__INIT;
    in.number = number;
    rpc_start(call, client, &quintet_rpctest_v1_test_service_again, &in);
}

void rpc_await(struct rpc_call *call)
{
    loop_fixture_run_until(&call->done, HANG_MS);
}

/* Peers. */

static void read_ready(struct rpc_peer *peer)
{
    char line[200];
    size_t len = 0;
    while (len < sizeof(line) - 1 && read(peer->out, line + len, 1) == 1 && line[len] != '\n')
        len++;
    line[len] = '\0';
    if (sscanf(line, "ready %159s", peer->address) != 1)
        fail_msg("the peer said '%s'", line);
}

struct rpc_peer rpc_peer_spawn(const char *const *argv)
{
    char program[256];
    struct rpc_peer peer = {0};
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    snprintf(program, sizeof(program), QN_BUILD_DIR "/host/%s", argv[0]);
    assert_int_equal(posix_spawn(&peer.pid, program, &actions, NULL, (char **)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    peer.out = ends[0];
    read_ready(&peer);
    return peer;
}

struct rpc_peer rpc_peer_start(const char *listen, const char *journal, bool hold)
{
    return rpc_peer_spawn((const char *[]){"rpc_peer", listen, journal, hold ? "hold" : NULL, NULL});
}

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int rpc_peer_end(struct rpc_peer *peer, int signal)
{
    int status;
    if (signal != 0)
        kill(peer->pid, signal);
    assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
    close(peer->out);
    peer->pid = 0;
    return exit_code(status);
}

int rpc_peer_await(struct rpc_peer *peer, struct qn_loop *loop)
{
    int status;
    uint64_t end_ms = qn_clock_now_ms() + HANG_MS;
    while (waitpid(peer->pid, &status, WNOHANG) == 0) {
        if (qn_clock_now_ms() > end_ms)
            fail_msg("the peer does not end");
        run_a_little(loop);
    }
    close(peer->out);
    peer->pid = 0;
    return exit_code(status);
}

static size_t count_lines(const char *journal, const uint64_t *number)
{
    FILE *file = fopen(journal, "re");
    if (file == NULL)
        return 0;
    unsigned long long found;
    size_t n = 0;
    while (fscanf(file, "%llu", &found) == 1)
        n += number == NULL || found == *number;
    fclose(file);
    return n;
}

size_t rpc_journal_count(const char *journal, uint64_t number)
{
    return count_lines(journal, &number);
}

size_t rpc_journal_lines(const char *journal)
{
    return count_lines(journal, NULL);
}
