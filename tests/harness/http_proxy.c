#include "tests/harness/http_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A thread accepts, and one for each connection reads a request, passes it on, and brings the answer back,
 * all by blocking calls; the end shuts their sockets, which wakes them. One lock for the rule and the lists.
 */

enum { CONNECTIONS_MAX = 4096, MESSAGE_MAX = 16 * 1024 * 1024, CHUNK = 65536 };

struct connection {
    struct http_proxy *proxy;
    pthread_t thread;
    int client, server; /* -1: none now */
};

struct http_proxy {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t acceptor;
    int listener;
    uint16_t port, to_port;
    bool end;
    struct http_proxy_rule rule;
    unsigned generation, passed, met; /* of the rule */
    struct connection *connections[CONNECTIONS_MAX];
    size_t n_connections;
};

/* A request or an answer, whole. */
struct message {
    char *bytes;
    size_t len, head_len;
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "harness/http_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void end_fd(int *fd, bool reset)
{
    const struct linger at_once = {.l_onoff = 1};
    if (*fd >= 0 && reset)
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Closed under the lock, for the end shuts whatever is open. */
static void end_sockets(struct connection *c, bool client, bool reset)
{
    pthread_mutex_lock(&c->proxy->lock);
    end_fd(&c->server, reset);
    if (client)
        end_fd(&c->client, reset);
    pthread_mutex_unlock(&c->proxy->lock);
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* More of a message; false at its connection's end. */
static bool read_more(int fd, struct message *m)
{
    if (m->len + CHUNK + 1 > MESSAGE_MAX)
        give_up("a message is too large");
    char *bytes = realloc(m->bytes, m->len + CHUNK + 1);
    if (!bytes)
        give_up("memory");
    m->bytes = bytes;
    ssize_t n = recv(fd, m->bytes + m->len, CHUNK, 0);
    if (n <= 0)
        return false;
    m->len += (size_t)n;
    m->bytes[m->len] = '\0';
    return true;
}

/* The value of a header in a message whose head is whole; NULL. */
static const char *header(const struct message *m, const char *name)
{
    size_t name_len = strlen(name);
    const char *line = m->bytes;
    while ((line = strstr(line, "\r\n")) && line < m->bytes + m->head_len - 2) {
        line += 2;
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            line += name_len + 1;
            return line + strspn(line, " \t");
        }
    }
    return NULL;
}

/* Reads one message; 'bodiless': an answer that has none whatever its headers say. What is read beyond it (no
 * client of ours sends two at once) is an error. False: the connection ended. */
static bool read_message(int fd, bool is_answer, bool bodiless, struct message *m)
{
    char *end = NULL;
    while (!(end = m->bytes ? strstr(m->bytes, "\r\n\r\n") : NULL)) {
        if (!read_more(fd, m))
            return false;
    }
    m->head_len = (size_t)(end - m->bytes) + 4;
    if (is_answer && (strncmp(m->bytes + strlen("HTTP/1.1 "), "204", 3) == 0 ||
                      strncmp(m->bytes + strlen("HTTP/1.1 "), "304", 3) == 0))
        bodiless = true;
    const char *length = header(m, "Content-Length"), *encoding = header(m, "Transfer-Encoding");
    if (bodiless) {
        return true;
    } else if (encoding && strncasecmp(encoding, "chunked", 7) == 0) {
        while (m->len < m->head_len + 5 || memcmp(m->bytes + m->len - 5, "0\r\n\r\n", 5) != 0) {
            if (!read_more(fd, m))
                return false;
        }
    } else if (length) {
        size_t whole = m->head_len + (size_t)strtoull(length, NULL, 10);
        while (m->len < whole) {
            if (!read_more(fd, m))
                return false;
        }
    } else if (is_answer) {
        while (read_more(fd, m))
            ;
    }
    return true;
}

/* What happens to this request; counts it. */
static enum http_proxy_fault fault_of(struct http_proxy *proxy, const struct message *m,
                                      unsigned *ret_generation)
{
    char method[16] = "", target[4096] = "";
    sscanf(m->bytes, "%15s %4095s", method, target);
    pthread_mutex_lock(&proxy->lock);
    const struct http_proxy_rule *rule = &proxy->rule;
    enum http_proxy_fault fault = HTTP_PROXY_FORWARD;
    *ret_generation = proxy->generation;
    if ((!rule->method || strcmp(rule->method, method) == 0) && (!rule->part || strstr(target, rule->part))) {
        if (proxy->passed < rule->after) {
            proxy->passed++;
        } else if (rule->times == 0 || proxy->met < rule->times) {
            proxy->met++;
            fault = rule->fault;
        }
    }
    pthread_mutex_unlock(&proxy->lock);
    return fault;
}

/* Until the rule changes; false when the client has gone by then. */
static bool hold(struct connection *c, unsigned generation)
{
    struct http_proxy *proxy = c->proxy;
    pthread_mutex_lock(&proxy->lock);
    while (proxy->generation == generation && !proxy->end)
        pthread_cond_wait(&proxy->changed, &proxy->lock);
    bool ended = proxy->end;
    pthread_mutex_unlock(&proxy->lock);
    struct pollfd client = {.fd = c->client, .events = POLLRDHUP};
    return !ended && poll(&client, 1, 0) == 0;
}

static bool connect_onward(struct connection *c)
{
    struct sockaddr_in to = loopback(c->proxy->to_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("socket");
    pthread_mutex_lock(&c->proxy->lock);
    c->server = fd;
    pthread_mutex_unlock(&c->proxy->lock);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static void answer_slowly(struct connection *c, const struct message *answer)
{
    const struct timespec pause = {0, 1000 * 1000};
    for (size_t i = 0; i < answer->len && send_all(c->client, answer->bytes + i, 1); i++)
        nanosleep(&pause, NULL);
}

/* One request and its answer. False: the client's connection has ended or is to end. */
static bool exchange(struct connection *c, struct message *request, struct message *answer)
{
    static const char unavailable[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    unsigned generation;
    if (!read_message(c->client, false, false, request))
        return false;
    enum http_proxy_fault fault = fault_of(c->proxy, request, &generation);
    if (fault == HTTP_PROXY_503)
        return send_all(c->client, unavailable, sizeof unavailable - 1);
    if (fault == HTTP_PROXY_HOLD && !hold(c, generation))
        return false;
    if (!connect_onward(c))
        return false;
    if (fault == HTTP_PROXY_CUT_REQUEST) {
        send_all(c->server, request->bytes, request->len / 2);
        end_sockets(c, true, true);
        return false;
    }
    if (!send_all(c->server, request->bytes, request->len) ||
        !read_message(c->server, true, strncmp(request->bytes, "HEAD ", 5) == 0, answer))
        return false;
    if (fault == HTTP_PROXY_HOLD_ANSWER && !hold(c, generation))
        return false;
    if (fault == HTTP_PROXY_CUT_ANSWER || fault == HTTP_PROXY_DROP_ANSWER) {
        if (fault == HTTP_PROXY_CUT_ANSWER)
            send_all(c->client, answer->bytes, answer->len / 2);
        end_sockets(c, true, true);
        return false;
    }
    if (fault == HTTP_PROXY_SLOW)
        answer_slowly(c, answer);
    else if (!send_all(c->client, answer->bytes, answer->len))
        return false;
    end_sockets(c, false, false);
    return answer->len == answer->head_len || header(answer, "Content-Length") ||
           header(answer, "Transfer-Encoding");
}

static void *serve(void *context)
{
    struct connection *c = context;
    bool more = true;
    while (more) {
        struct message request = {0}, answer = {0};
        more = exchange(c, &request, &answer);
        free(request.bytes);
        free(answer.bytes);
    }
    end_sockets(c, true, false);
    return NULL;
}

static void *accept_all(void *context)
{
    struct http_proxy *proxy = context;
    for (;;) {
        int fd = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_mutex_lock(&proxy->lock);
        struct connection *c = proxy->end || fd < 0 ? NULL : calloc(1, sizeof *c);
        if (!c || proxy->n_connections == CONNECTIONS_MAX) {
            pthread_mutex_unlock(&proxy->lock);
            if (proxy->end)
                return NULL;
            give_up("accept");
        }
        *c = (struct connection){.proxy = proxy, .client = fd, .server = -1};
        proxy->connections[proxy->n_connections++] = c;
        if (pthread_create(&c->thread, NULL, serve, c) != 0)
            give_up("thread");
        pthread_mutex_unlock(&proxy->lock);
    }
}

struct http_proxy *http_proxy_open(uint16_t to_port)
{
    struct http_proxy *proxy = calloc(1, sizeof *proxy);
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof address;
    if (!proxy)
        give_up("memory");
    proxy->to_port = to_port;
    pthread_mutex_init(&proxy->lock, NULL);
    pthread_cond_init(&proxy->changed, NULL);
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy->listener, SOMAXCONN) != 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&address, &len) != 0)
        give_up("listen");
    proxy->port = ntohs(address.sin_port);
    if (pthread_create(&proxy->acceptor, NULL, accept_all, proxy) != 0)
        give_up("thread");
    return proxy;
}

uint16_t http_proxy_port(const struct http_proxy *proxy)
{
    return proxy->port;
}

void http_proxy_set(struct http_proxy *proxy, const struct http_proxy_rule *rule)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->rule = *rule;
    proxy->generation++;
    proxy->passed = proxy->met = 0;
    pthread_cond_broadcast(&proxy->changed);
    pthread_mutex_unlock(&proxy->lock);
}

unsigned http_proxy_met(struct http_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    unsigned met = proxy->met;
    pthread_mutex_unlock(&proxy->lock);
    return met;
}

void http_proxy_close(struct http_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->end = true;
    pthread_cond_broadcast(&proxy->changed);
    shutdown(proxy->listener, SHUT_RDWR);
    for (size_t i = 0; i < proxy->n_connections; i++) {
        if (proxy->connections[i]->client >= 0)
            shutdown(proxy->connections[i]->client, SHUT_RDWR);
        if (proxy->connections[i]->server >= 0)
            shutdown(proxy->connections[i]->server, SHUT_RDWR);
    }
    pthread_mutex_unlock(&proxy->lock);
    pthread_join(proxy->acceptor, NULL);
    for (size_t i = 0; i < proxy->n_connections; i++) {
        pthread_join(proxy->connections[i]->thread, NULL);
        free(proxy->connections[i]);
    }
    close(proxy->listener);
    free(proxy);
}
