#include "tests/harness/smtp.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/core/encode.h"

/* QN_SOURCE_DIR: from CMakeLists.txt. */

enum { CONNECTIONS_MAX = 64, MAILS_MAX = 256, LINE_MAX_BYTES = 4096, DATA_MAX_BYTES = 1 << 20, WAIT_S = 30 };

struct connection {
    struct harness_smtp *server;
    pthread_t thread;
    int fd;
    SSL *ssl; /* NULL: plain */
    bool tls, signed_in;
    char in[LINE_MAX_BYTES];
    size_t in_at, in_len;
    char from[512], to[512];
};

struct harness_smtp {
    enum harness_smtp_tls tls;
    char credentials[512]; /* base64 of AUTH PLAIN; "": none wanted */
    int listener, stop_pipe[2];
    uint16_t port;
    SSL_CTX *context;
    pthread_t acceptor;
    struct connection *connections[CONNECTIONS_MAX];
    size_t n_connections;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    struct {
        const char *reply;
        unsigned times;
        size_t reached;
    } stages[HARNESS_SMTP_STAGES];
    struct harness_smtp_mail mails[MAILS_MAX];
    size_t n_mails;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "harness/smtp: %s\n", what);
    ERR_print_errors_fp(stderr);
    _exit(1);
}

/* Bytes. */

static ssize_t read_some(struct connection *c)
{
    return c->ssl ? SSL_read(c->ssl, c->in, sizeof c->in) : recv(c->fd, c->in, sizeof c->in, 0);
}

static int read_byte(struct connection *c)
{
    if (c->in_at == c->in_len) {
        ssize_t got = read_some(c);
        if (got <= 0)
            return -1;
        c->in_at = 0;
        c->in_len = (size_t)got;
    }
    return (unsigned char)c->in[c->in_at++];
}

/* A line without its CRLF. False: the client is gone, or the line is no line: LF alone, or too long. */
static bool read_line(struct connection *c, char line[LINE_MAX_BYTES])
{
    size_t len = 0;
    for (int byte, before = 0; (byte = read_byte(c)) >= 0; before = byte) {
        if (byte == '\n') {
            if (before != '\r')
                return false;
            line[len - 1] = '\0';
            return true;
        }
        if (len + 1 == LINE_MAX_BYTES)
            return false;
        line[len++] = (char)byte;
    }
    return false;
}

static bool say(struct connection *c, const char *text)
{
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof line, "%s\r\n", text);
    return (c->ssl ? SSL_write(c->ssl, line, len) : send(c->fd, line, (size_t)len, MSG_NOSIGNAL)) == len;
}

/* Says what the stage is to say, or 'usual'. False: the exchange is over. */
static bool answer(struct connection *c, enum harness_smtp_stage stage, const char *usual)
{
    struct harness_smtp *server = c->server;
    const char *reply = usual;
    pthread_mutex_lock(&server->lock);
    server->stages[stage].reached++;
    bool scripted = server->stages[stage].times > 0;
    if (scripted) {
        server->stages[stage].times--;
        reply = server->stages[stage].reply;
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    while (reply == NULL) {
        if (read_byte(c) < 0)
            return false;
    }
    return reply[0] != '\0' && say(c, reply) &&
           (!scripted || stage != HARNESS_SMTP_GREETING || reply[0] == '2');
}

static bool is_refused(const struct harness_smtp *server, enum harness_smtp_stage stage)
{
    return server->stages[stage].times > 0;
}

/* The exchange. */

static bool start_tls(struct connection *c)
{
    c->ssl = SSL_new(c->server->context);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
        fail("TLS cannot be set up");
    c->in_at = c->in_len = 0;
    c->tls = SSL_accept(c->ssl) == 1;
    return c->tls;
}

/* "MAIL FROM:<a@b> …" → "a@b". */
static void read_path(const char *line, char to[512])
{
    const char *open = strchr(line, '<'), *close = open ? strchr(open, '>') : NULL;
    snprintf(to, 512, "%.*s", close ? (int)(close - open - 1) : 0, close ? open + 1 : "");
}

static bool read_data(struct connection *c)
{
    char line[LINE_MAX_BYTES], *data = malloc(DATA_MAX_BYTES);
    size_t len = 0;
    if (!data)
        fail("no memory");
    while (read_line(c, line)) {
        if (strcmp(line, ".") == 0) {
            data[len] = '\0';
            pthread_mutex_lock(&c->server->lock);
            bool refused = is_refused(c->server, HARNESS_SMTP_END);
            if (!refused && c->server->n_mails < MAILS_MAX)
                c->server->mails[c->server->n_mails++] =
                    (struct harness_smtp_mail){strdup(c->from), strdup(c->to), data, c->tls, c->signed_in};
            pthread_mutex_unlock(&c->server->lock);
            if (refused)
                free(data);
            return answer(c, HARNESS_SMTP_END, "250 2.0.0 taken");
        }
        const char *content = line[0] == '.' ? line + 1 : line;
        if (len + strlen(content) + 3 > DATA_MAX_BYTES)
            break;
        len += (size_t)sprintf(data + len, "%s\r\n", content);
    }
    free(data);
    return false;
}

static bool on_auth(struct connection *c, const char *line)
{
    const char *shown = strncasecmp(line, "AUTH PLAIN ", 11) == 0 ? line + 11 : "";
    char next[LINE_MAX_BYTES];
    if (strcasecmp(line, "AUTH PLAIN") == 0) {
        if (!say(c, "334 ") || !read_line(c, next))
            return false;
        shown = next;
    }
    c->signed_in = strcmp(shown, c->server->credentials) == 0;
    return answer(c, HARNESS_SMTP_AUTH, c->signed_in ? "235 2.7.0 welcome" : "535 5.7.8 who are you");
}

static bool on_ehlo(struct connection *c)
{
    struct harness_smtp *server = c->server;
    bool offer = server->tls == HARNESS_SMTP_STARTTLS && !c->tls;
    return answer(c, HARNESS_SMTP_EHLO,
                  offer                    ? "250-smtp.test\r\n250 STARTTLS"
                  : server->credentials[0] ? "250-smtp.test\r\n250 AUTH PLAIN"
                                           : "250 smtp.test");
}

static bool on_mail(struct connection *c, const char *line)
{
    read_path(line, c->from);
    bool open = c->server->credentials[0] == '\0' || c->signed_in;
    return answer(c, HARNESS_SMTP_MAIL, open ? "250 2.1.0 ok" : "530 5.7.0 sign in first");
}

static bool on_data(struct connection *c)
{
    pthread_mutex_lock(&c->server->lock);
    bool refused = is_refused(c->server, HARNESS_SMTP_DATA);
    pthread_mutex_unlock(&c->server->lock);
    return answer(c, HARNESS_SMTP_DATA, "354 go on") && (refused || read_data(c));
}

static bool on_command(struct connection *c, const char *line)
{
    if (strncasecmp(line, "EHLO ", 5) == 0)
        return on_ehlo(c);
    if (strcasecmp(line, "STARTTLS") == 0 && c->server->tls == HARNESS_SMTP_STARTTLS && !c->tls)
        return say(c, "220 2.0.0 go on") && start_tls(c);
    if (strncasecmp(line, "AUTH ", 5) == 0)
        return on_auth(c, line);
    if (strncasecmp(line, "MAIL FROM:", 10) == 0)
        return on_mail(c, line);
    if (strncasecmp(line, "RCPT TO:", 8) == 0) {
        read_path(line, c->to);
        return answer(c, HARNESS_SMTP_RCPT, "250 2.1.5 ok");
    }
    if (strcasecmp(line, "DATA") == 0)
        return on_data(c);
    if (strcasecmp(line, "QUIT") == 0)
        return say(c, "221 2.0.0 bye") && false;
    return say(c, "502 5.5.1 what");
}

static void *serve(void *context)
{
    struct connection *c = context;
    char line[LINE_MAX_BYTES];
    bool going = (c->server->tls != HARNESS_SMTP_TLS || start_tls(c)) &&
                 answer(c, HARNESS_SMTP_GREETING, "220 smtp.test ready");
    while (going && read_line(c, line))
        going = on_command(c, line);
    if (c->ssl && c->tls)
        SSL_shutdown(c->ssl);
    shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *context)
{
    struct harness_smtp *server = context;
    struct pollfd polled[2] = {{.fd = server->listener, .events = POLLIN},
                               {.fd = server->stop_pipe[0], .events = POLLIN}};
    while (poll(polled, 2, -1) > 0 && polled[1].revents == 0) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            continue;
        struct connection *c = calloc(1, sizeof *c);
        if (!c || server->n_connections == CONNECTIONS_MAX)
            fail("too many connections");
        c->server = server;
        c->fd = fd;
        if (pthread_create(&c->thread, NULL, serve, c) != 0)
            fail("no thread");
        pthread_mutex_lock(&server->lock);
        server->connections[server->n_connections++] = c;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

/* Start and stop. */

static void load_certificate(struct harness_smtp *server)
{
    server->context = SSL_CTX_new(TLS_server_method());
    if (!server->context ||
        SSL_CTX_use_certificate_file(server->context, QN_SOURCE_DIR "/tests/fixtures/tls/server.pem",
                                     SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(server->context, QN_SOURCE_DIR "/tests/fixtures/tls/server.key",
                                    SSL_FILETYPE_PEM) != 1)
        fail("no certificate");
}

struct harness_smtp *harness_smtp_start(enum harness_smtp_tls tls, const char *user, const char *password)
{
    struct harness_smtp *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (!server)
        fail("no memory");
    signal(SIGPIPE, SIG_IGN); /* a client that hung up is no end of the test */
    server->tls = tls;
    if (user) {
        char plain[256];
        int n = snprintf(plain, sizeof plain, "%c%s%c%s", 0, user, 0, password);
        qn_base64_encode(server->credentials, plain, (size_t)n);
    }
    load_certificate(server);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) != 0 ||
        pipe(server->stop_pipe) != 0 || pthread_create(&server->acceptor, NULL, accept_all, server) != 0)
        fail("cannot listen");
    server->port = ntohs(address.sin_port);
    return server;
}

void harness_smtp_stop(struct harness_smtp *server)
{
    if (write(server->stop_pipe[1], "x", 1) != 1)
        fail("cannot stop");
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < server->n_connections; i++) {
        struct connection *c = server->connections[i];
        shutdown(c->fd, SHUT_RDWR);
        pthread_join(c->thread, NULL);
        SSL_free(c->ssl);
        close(c->fd);
        free(c);
    }
    for (size_t i = 0; i < server->n_mails; i++) {
        free((char *)server->mails[i].from);
        free((char *)server->mails[i].to);
        free((char *)server->mails[i].data);
    }
    close(server->listener);
    close(server->stop_pipe[0]);
    close(server->stop_pipe[1]);
    SSL_CTX_free(server->context);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* Looking. */

uint16_t harness_smtp_port(const struct harness_smtp *server)
{
    return server->port;
}

void harness_smtp_answer(struct harness_smtp *server, enum harness_smtp_stage stage, const char *reply,
                         unsigned times)
{
    pthread_mutex_lock(&server->lock);
    server->stages[stage].reply = reply;
    server->stages[stage].times = times;
    pthread_mutex_unlock(&server->lock);
}

static size_t look(struct harness_smtp *server, const size_t *at)
{
    pthread_mutex_lock(&server->lock);
    size_t value = *at;
    pthread_mutex_unlock(&server->lock);
    return value;
}

size_t harness_smtp_n_mails(struct harness_smtp *server)
{
    return look(server, &server->n_mails);
}

size_t harness_smtp_n_connections(struct harness_smtp *server)
{
    return look(server, &server->n_connections);
}

size_t harness_smtp_n_reached(struct harness_smtp *server, enum harness_smtp_stage stage)
{
    return look(server, &server->stages[stage].reached);
}

struct harness_smtp_mail harness_smtp_mail(struct harness_smtp *server, size_t nth)
{
    pthread_mutex_lock(&server->lock);
    if (nth >= server->n_mails)
        fail("no such mail");
    struct harness_smtp_mail mail = server->mails[nth];
    pthread_mutex_unlock(&server->lock);
    return mail;
}

void harness_smtp_await(struct harness_smtp *server, size_t n_mails)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_S;
    pthread_mutex_lock(&server->lock);
    while (server->n_mails < n_mails) {
        if (pthread_cond_timedwait(&server->changed, &server->lock, &end) != 0)
            fail("the mail does not come");
    }
    pthread_mutex_unlock(&server->lock);
}
