#ifndef QN_TESTS_HTTP_PROXY_H
#define QN_TESTS_HTTP_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An HTTP/1.1 proxy on loopback that does something to one kind of request, in threads of its own: for a
 * service in front of a real object store. A request is taken whole before it goes on, an answer too; each
 * goes on over a connection of its own, whatever the client does with its.
 *
 * Calls are made on one thread; whatever goes wrong in here ends the test process. */
struct http_proxy;

enum http_proxy_fault {
    HTTP_PROXY_FORWARD,
    HTTP_PROXY_503,  /* answered so, and not forwarded */
    HTTP_PROXY_HOLD, /* not forwarded until http_proxy_set() is called again; dropped if its client has gone
                        by then */
    HTTP_PROXY_HOLD_ANSWER, /* forwarded; its answer waits as long */
    HTTP_PROXY_CUT_ANSWER,  /* forwarded; half of the answer, then the connection is reset */
    HTTP_PROXY_CUT_REQUEST, /* half of it is forwarded, then both connections are reset */
    HTTP_PROXY_DROP_ANSWER, /* forwarded; the connection is reset instead of an answer */
    HTTP_PROXY_SLOW,        /* the answer comes byte by byte, with 1 ms between them */
};

/* Which requests it happens to: of this method (NULL: any) whose target holds 'part' (NULL: any), after
 * 'after' of them that pass, to 'times' of them (0: all). */
struct http_proxy_rule {
    enum http_proxy_fault fault;
    const char *method, *part;
    unsigned after, times;
};

/* On a free port, forwarding to 127.0.0.1:to_port. */
struct http_proxy *http_proxy_open(uint16_t to_port);
uint16_t http_proxy_port(const struct http_proxy *proxy);

/* In force when it returns, with its counts from zero; what is held goes on. Texts are kept by pointer. */
void http_proxy_set(struct http_proxy *proxy, const struct http_proxy_rule *rule);

/* How many requests have met the rule since it was set: those that it has happened to, held ones included. */
unsigned http_proxy_met(struct http_proxy *proxy);

/* Resets everything; frees it. */
void http_proxy_close(struct http_proxy *proxy);

#endif
