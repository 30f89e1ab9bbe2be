#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/core/check.h"
#include "rpc.pb-c.h"
#include "rpctest.pb-c.h"

/* The other side as nng's own library makes it, in a process of its own; of common/rpc there is nothing in
 * here. Says "ready URL" on stdout when it listens, or dials.
 *
 * nng_peer rep URL: serves Echo until it is killed.
 *
 * nng_peer device FRONT BACK: passes on what it is asked at FRONT, until it is killed.
 *
 * nng_peer req URL COUNT BYTES ROUNDS: asks Echo COUNT times on each of its contexts, with up to BYTES; says
 * "round", and waits until its connection has been lost and there is a new one; all that ROUNDS times. Ends
 * with 0 when all answers were right.
 *
 * For tls+tcp:// the environment has NNG_PEER_CERTIFICATE (a PEM file with the key behind the certificate)
 * and NNG_PEER_CA; the other side's certificate must bear the name "localhost". */

enum { CONTEXTS = 8, LONG_MS = 60000 };

#define ECHO_PATH "quintet.rpctest.v1.TestService/Echo"

static nng_socket peer;

static void must(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "nng_peer: %s: %s\n", what, nng_strerror(rv));
    exit(2);
}

static void ready(const char *url)
{
    printf("ready %s\n", url);
    fflush(stdout);
}

/* NULL for an address without TLS. */
static nng_tls_config *tls_of(const char *url, nng_tls_mode mode)
{
    nng_tls_config *tls = NULL;
    if (strncmp(url, "tls+", 4) != 0)
        return NULL;
    must(nng_tls_config_alloc(&tls, mode), "tls");
    must(nng_tls_config_cert_key_file(tls, getenv("NNG_PEER_CERTIFICATE"), NULL), "certificate");
    must(nng_tls_config_ca_file(tls, getenv("NNG_PEER_CA")), "authority");
    must(nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_REQUIRED), "tls");
    if (mode == NNG_TLS_MODE_CLIENT)
        must(nng_tls_config_server_name(tls, "localhost"), "tls");
    return tls;
}

static void listen_at(nng_socket socket, const char *url)
{
    nng_listener listener;
    nng_tls_config *tls = tls_of(url, NNG_TLS_MODE_SERVER);
    must(nng_listener_create(&listener, socket, url), url);
    if (tls != NULL)
        must(nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, tls), "tls");
    must(nng_listener_start(listener, 0), url);
}

static void dial_to(nng_socket socket, const char *url)
{
    nng_dialer dialer;
    nng_tls_config *tls = tls_of(url, NNG_TLS_MODE_CLIENT);
    must(nng_dialer_create(&dialer, socket, url), url);
    if (tls != NULL)
        must(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, tls), "tls");
    must(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), url);
}

static nng_aio *aio_new(void)
{
    nng_aio *aio;
    must(nng_aio_alloc(&aio, NULL, NULL), "aio");
    return aio;
}

/* Both take LONG_MS at most; send() frees the message. */
static int send_on(nng_ctx ctx, nng_aio *aio, nng_msg *message)
{
    nng_aio_set_timeout(aio, LONG_MS);
    nng_aio_set_msg(aio, message);
    nng_ctx_send(ctx, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0)
        nng_msg_free(message);
    return nng_aio_result(aio);
}

static int receive_on(nng_ctx ctx, nng_aio *aio, nng_duration timeout_ms, nng_msg **ret_message)
{
    nng_aio_set_timeout(aio, timeout_ms);
    nng_ctx_recv(ctx, aio);
    nng_aio_wait(aio);
    *ret_message = nng_aio_result(aio) == 0 ? nng_aio_get_msg(aio) : NULL;
    return nng_aio_result(aio);
}

/* Runs it on a thread for each context. */
static void run_contexts(void *(*run)(void *number))
{
    static size_t numbers[CONTEXTS];
    pthread_t threads[CONTEXTS];
    for (size_t i = 0; i < CONTEXTS; i++) {
        numbers[i] = i;
        QN_CHECK(pthread_create(&threads[i], NULL, run, &numbers[i]) == 0);
    }
    for (size_t i = 0; i < CONTEXTS; i++)
        pthread_join(threads[i], NULL);
}

/* REP. */

static nng_msg *answer_of(const Quintet__Rpc__V1__Request *request)
{
    enum { CALLS_MAX = 64 };
    static const Quintet__Rpc__V1__Result blank = QUINTET__RPC__V1__RESULT__INIT;
    Quintet__Rpc__V1__Result results[CALLS_MAX];
    Quintet__Rpc__V1__Result *list[CALLS_MAX];
    Quintet__Rpc__V1__Response response = QUINTET__RPC__V1__RESPONSE__INIT;
    QN_CHECK(request->n_calls <= CALLS_MAX);
    response.n_results = request->n_calls;
    response.results = list;
    for (size_t i = 0; i < request->n_calls; i++) {
        QN_CHECK(strcmp(request->method, ECHO_PATH) == 0);
        const ProtobufCBinaryData *payload = &request->calls[i]->payload;
        Quintet__Rpctest__V1__EchoRequest *in =
            quintet__rpctest__v1__echo_request__unpack(NULL, payload->len, payload->data);
        QN_CHECK(in != NULL);
        Quintet__Rpctest__V1__EchoResponse out = QUINTET__RPCTEST__V1__ECHO_RESPONSE__INIT;
        out.text = in->text;
        out.data = in->data;
        results[i] = blank;
        list[i] = &results[i];
        results[i].payload.data = malloc(quintet__rpctest__v1__echo_response__get_packed_size(&out) + 1);
        results[i].payload.len = quintet__rpctest__v1__echo_response__pack(&out, results[i].payload.data);
        quintet__rpctest__v1__echo_request__free_unpacked(in, NULL);
    }
    nng_msg *message;
    must(nng_msg_alloc(&message, quintet__rpc__v1__response__get_packed_size(&response)), "message");
    quintet__rpc__v1__response__pack(&response, nng_msg_body(message));
    for (size_t i = 0; i < request->n_calls; i++)
        free(results[i].payload.data);
    return message;
}

static void *serve(void *number)
{
    (void)number;
    nng_ctx ctx;
    nng_aio *aio = aio_new();
    must(nng_ctx_open(&ctx, peer), "context");
    for (;;) {
        nng_msg *message;
        must(receive_on(ctx, aio, NNG_DURATION_INFINITE, &message), "receive");
        Quintet__Rpc__V1__Request *request =
            quintet__rpc__v1__request__unpack(NULL, nng_msg_len(message), nng_msg_body(message));
        QN_CHECK(request != NULL);
        if (request->goodbye)
            nng_pipe_close(nng_msg_get_pipe(message));
        else
            send_on(ctx, aio, answer_of(request)); /* fails when the client has gone */
        quintet__rpc__v1__request__free_unpacked(request, NULL);
        nng_msg_free(message);
    }
    return NULL;
}

static int serve_at(const char *url)
{
    must(nng_rep0_open(&peer), "socket");
    must(nng_socket_set_size(peer, NNG_OPT_RECVMAXSZ, 0), "size");
    listen_at(peer, url);
    ready(url);
    run_contexts(serve);
    return 0;
}

/* REQ. */

static size_t count, bytes_max, n_rounds;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t n_connections;

/* On a thread of nng's. */
static void on_connected(nng_pipe pipe, nng_pipe_ev what, void *arg)
{
    (void)pipe, (void)what, (void)arg;
    pthread_mutex_lock(&lock);
    n_connections++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void await_connection(size_t n)
{
    pthread_mutex_lock(&lock);
    while (n_connections < n)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static uint32_t next_random(uint32_t *state)
{
    return *state = *state * 1664525 + 1013904223;
}

static nng_msg *question_of(const Quintet__Rpctest__V1__EchoRequest *echo)
{
    Quintet__Rpc__V1__Call call = QUINTET__RPC__V1__CALL__INIT;
    Quintet__Rpc__V1__Call *calls[] = {&call};
    Quintet__Rpc__V1__Request request = QUINTET__RPC__V1__REQUEST__INIT;
    call.timeout_ms = LONG_MS;
    call.request_id = (char *)"nng";
    call.payload.data = malloc(quintet__rpctest__v1__echo_request__get_packed_size(echo) + 1);
    call.payload.len = quintet__rpctest__v1__echo_request__pack(echo, call.payload.data);
    request.method = (char *)ECHO_PATH;
    request.n_calls = 1;
    request.calls = calls;
    nng_msg *message;
    must(nng_msg_alloc(&message, quintet__rpc__v1__request__get_packed_size(&request)), "message");
    quintet__rpc__v1__request__pack(&request, nng_msg_body(message));
    free(call.payload.data);
    return message;
}

static void check_answer(nng_msg *message, const Quintet__Rpctest__V1__EchoRequest *asked)
{
    Quintet__Rpc__V1__Response *response =
        quintet__rpc__v1__response__unpack(NULL, nng_msg_len(message), nng_msg_body(message));
    QN_CHECK(response != NULL && response->n_results == 1 && response->results[0]->status == 0);
    const ProtobufCBinaryData *payload = &response->results[0]->payload;
    Quintet__Rpctest__V1__EchoResponse *echo =
        quintet__rpctest__v1__echo_response__unpack(NULL, payload->len, payload->data);
    QN_CHECK(echo != NULL && strcmp(echo->text, asked->text) == 0);
    QN_CHECK(echo->data.len == asked->data.len);
    QN_CHECK(echo->data.len == 0 || memcmp(echo->data.data, asked->data.data, asked->data.len) == 0);
    quintet__rpctest__v1__echo_response__free_unpacked(echo, NULL);
    quintet__rpc__v1__response__free_unpacked(response, NULL);
}

static void *ask(void *number)
{
    uint32_t random = *(size_t *)number + 1;
    nng_ctx ctx;
    nng_aio *aio = aio_new();
    must(nng_ctx_open(&ctx, peer), "context");
    uint8_t *data = malloc(bytes_max + 1);
    for (size_t i = 0; i < bytes_max; i++)
        data[i] = (uint8_t)(next_random(&random) >> 24);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        Quintet__Rpctest__V1__EchoRequest echo = QUINTET__RPCTEST__V1__ECHO_REQUEST__INIT;
        snprintf(text, sizeof(text), "%zu.%zu", *(size_t *)number, i);
        echo.text = text;
        /* Mostly small ones; each hundredth up to the largest, which each context sends at least once. */
        size_t below = i % 100 == 50 ? bytes_max : i % 10 == 0 ? 10000 : 100;
        echo.data.data = data;
        echo.data.len = i == 0 ? bytes_max : next_random(&random) % (below < bytes_max ? below : bytes_max);
        nng_msg *answer;
        must(send_on(ctx, aio, question_of(&echo)), "send");
        must(receive_on(ctx, aio, LONG_MS, &answer), "receive");
        check_answer(answer, &echo);
        nng_msg_free(answer);
    }
    free(data);
    nng_ctx_close(ctx);
    nng_aio_free(aio);
    return NULL;
}

static int ask_at(const char *url)
{
    must(nng_req0_open(&peer), "socket");
    must(nng_socket_set_size(peer, NNG_OPT_RECVMAXSZ, 0), "size");
    must(nng_socket_set_ms(peer, NNG_OPT_RECONNMINT, 10), "redial");
    must(nng_socket_set_ms(peer, NNG_OPT_RECONNMAXT, 100), "redial");
    must(nng_pipe_notify(peer, NNG_PIPE_EV_ADD_POST, on_connected, NULL), "notify");
    dial_to(peer, url);
    ready(url);
    for (size_t i = 1; i <= n_rounds; i++) {
        await_connection(i);
        run_contexts(ask);
        puts("round");
        fflush(stdout);
    }
    return 0;
}

static int pass_on(const char *front_url, const char *back_url)
{
    nng_socket front, back;
    must(nng_rep0_open_raw(&front), "socket");
    must(nng_req0_open_raw(&back), "socket");
    must(nng_socket_set_size(front, NNG_OPT_RECVMAXSZ, 0), "size");
    must(nng_socket_set_size(back, NNG_OPT_RECVMAXSZ, 0), "size");
    dial_to(back, back_url);
    listen_at(front, front_url);
    ready(front_url);
    must(nng_device(front, back), "device");
    return 0;
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never outlives the test */
    QN_CHECK(argc >= 3);
    if (strcmp(argv[1], "rep") == 0)
        return serve_at(argv[2]);
    QN_CHECK(argc >= 4);
    if (strcmp(argv[1], "device") == 0)
        return pass_on(argv[2], argv[3]);
    QN_CHECK(argc == 6 && strcmp(argv[1], "req") == 0);
    count = strtoul(argv[3], NULL, 10);
    bytes_max = strtoul(argv[4], NULL, 10);
    n_rounds = strtoul(argv[5], NULL, 10);
    int code = ask_at(argv[2]);
    fflush(stdout);
    _Exit(code); /* closing is not what is tried here (common/rpc/gate.h) */
}
