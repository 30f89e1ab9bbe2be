#ifndef QN_TESTS_UNIT_COMMON_HTTP_ASKER_H
#define QN_TESTS_UNIT_COMMON_HTTP_ASKER_H

#include "common/http/http_client.h"
#include "tests/harness/wire.h"

/* The HTTP client on the loop fixture's loop, and a server that the test plays itself: a listening socket,
 * whose connections are wires. */

enum { ASKER_ARENA_BYTES = 16 * 1024 * 1024, ASKER_TIMEOUT_MS = 20000 };

struct asker {
    struct qn_loop *loop;
    struct qn_http_client *client;
    int listen_fd;    /* -1: nothing listens, the port is somebody else's */
    char address[64]; /* "127.0.0.1:41873" */
    bool closed;
};

/* A loop, a listening socket and a client that is to connect to it ('options.url' NULL) or elsewhere. */
void asker_open(struct asker *asker, struct qn_http_client_options options);
/* The same on a loop that is there, without a socket. */
void asker_open_at(struct asker *asker, struct qn_loop *loop, struct qn_http_client_options options,
                   const char *address);
void asker_close_client(struct asker *asker);
/* Closes all that is not closed, the loop too. */
void asker_close(struct asker *asker);

struct asked {
    struct qn_http_request request;
    struct qn_arena arena;
    bool starting;
    bool done;
    void (*then)(struct asked *asked); /* within 'done', or NULL */
    void *context;
};

void ask(struct asker *asker, struct asked *asked, const struct qn_http_ask *what);
void ask_within(struct asker *asker, struct asked *asked, const struct qn_http_ask *what,
                uint64_t timeout_ms);
void ask_get(struct asker *asker, struct asked *asked, const char *path);
void ask_post(struct asker *asker, struct asked *asked, const char *path, const char *body);
/* Once more, with an arena that is empty again. */
void ask_again(struct asker *asker, struct asked *asked, const struct qn_http_ask *what);

void await(struct asked *asked);
/* Waits, compares, frees. */
void await_answer(struct asked *asked, unsigned code, const char *body);
/* 'words': part of the message. */
void await_failure(struct asked *asked, enum qn_status status, const char *words);
void asked_free(struct asked *asked);

/* Waits for a request on 'wire' that ends in 'text', answers it, forgets it. */
void serve(struct wire *wire, const char *text, const char *answer);

/* 200 with "Content-Length: 2", body "ok". */
extern const char *const answer_ok;

#endif
