#ifndef QN_TESTS_RPC_H
#define QN_TESTS_RPC_H

#include <sys/types.h>

#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/rpc_service.h"
#include "tests/harness/test.h"

/* Server and client of common/rpc on the loop of the fixture, and calls with all they need. What goes wrong
 * in here fails the test. */

/* A folder of this process in /tmp, made on first use and removed at exit. */
const char *rpc_folder(void);
/* Formatted text that lives as long as the process. */
const char *rpc_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Serves the test service, unless other handlers are given; 'options' may be zeroed but for 'listen'. */
struct qn_server *rpc_serve(struct qn_loop *loop, const struct qn_server_options *options);
struct qn_client *rpc_connect(struct qn_loop *loop, const struct qn_client_options *options);
/* Runs the loop until it is closed. */
void rpc_close_server(struct qn_server *server);
void rpc_close_client(struct qn_client *client);
/* None has been leaked; after all is closed. */
void rpc_expect_no_messages(void);
/* Runs the loop until the client has a peer (or, with false, none). */
void rpc_await_ready(struct qn_loop *loop, const struct qn_client *client, bool ready);

/* One request with its memory. */
struct rpc_call {
    struct qn_request request; /* first */
    struct qn_arena arena;
    struct qn_context ctx;
    bool done;
    size_t *count; /* of calls that are done; may be NULL */
    size_t order;  /* its number among them */
    uint64_t took_ms;
    uint64_t started_ms;
};

struct rpc_call *rpc_call_new(uint64_t timeout_ms, size_t *count);
void rpc_call_free(struct rpc_call *call);

void rpc_start(struct rpc_call *call, struct qn_client *client, const struct qn_method *method,
               const void *in);
/* To the peer of this id alone. */
void rpc_start_at(struct rpc_call *call, struct qn_client *client, uint64_t peer_id,
                  const struct qn_method *method, const void *in);
void rpc_start_echo(struct rpc_call *call, struct qn_client *client, const char *text);
void rpc_start_echo_sized(struct rpc_call *call, struct qn_client *client, size_t data_bytes, uint32_t more);
void rpc_start_many(struct rpc_call *call, struct qn_client *client, uint64_t number);
void rpc_start_once(struct rpc_call *call, struct qn_client *client, uint64_t number);
/* The answer has 'more' bytes. */
void rpc_start_once_sized(struct rpc_call *call, struct qn_client *client, uint64_t number, uint32_t more);
void rpc_start_again(struct rpc_call *call, struct qn_client *client, uint64_t number);
/* The same to the peer that 'key' belongs to. */
void rpc_start_near(struct rpc_call *call, struct qn_client *client, const struct qn_method *method,
                    const void *in, const char *key);
/* Runs the loop until it is done. */
void rpc_await(struct rpc_call *call);

static inline const Quintet__Rpctest__V1__EchoResponse *rpc_echo(const struct rpc_call *call)
{
    return call->request.out;
}

static inline const Quintet__Rpctest__V1__EchoManyResponse *rpc_many(const struct rpc_call *call)
{
    return call->request.out;
}

/* The service in a process of its own. */
struct rpc_peer {
    pid_t pid;
    int out; /* its stdout */
    char address[160];
};

/* A program of build/host that says "ready ADDRESS". argv: NULL ends it; its first is the program's name. */
struct rpc_peer rpc_peer_spawn(const char *const *argv);
/* Returns once it listens. */
struct rpc_peer rpc_peer_start(const char *listen, const char *journal, bool hold);
/* Kills and reaps it; its exit code, or -1 when a signal ended it. 0: only reaps. */
int rpc_peer_end(struct rpc_peer *peer, int signal);
/* Waits for the end of a peer that was told to end, while the loop runs. */
int rpc_peer_await(struct rpc_peer *peer, struct qn_loop *loop);

/* How many lines of the journal hold this number, and how many lines it has. */
size_t rpc_journal_count(const char *journal, uint64_t number);
size_t rpc_journal_lines(const char *journal);

#endif
