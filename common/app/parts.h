#ifndef QN_APP_PARTS_H
#define QN_APP_PARTS_H

#include "common/app/app.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"

/* The two parts that nearly every service has: what it serves to the others, and whom it asks. With their
 * settings, so that all services read them by the same names:
 *
 *   static struct auth_settings set; // holds the three settings structs below as members tls, rpc, profile
 *   static struct qn_part_rpc_client profile = QN_PART_RPC_CLIENT("profile", &set.profile, &set.tls);
 *   static struct qn_part_rpc_server rpc = QN_PART_RPC_SERVER(&set.rpc, &set.tls, handlers, n_handlers);
 *   static struct qn_part *const parts[] = {&profile.part, &rpc.part};
 *
 * Name the server last: parts are drained and closed in reverse, so it stops taking calls first and those in
 * hand can still ask. Everything on the loop's thread. */

/* Files for tls+tcp:// addresses, PEM, read again when they change; empty: not given. One identity for all
 * that a process serves and asks. */
struct qn_rpc_tls_settings {
    char *certificate_file; /* QUINTET_TLS_CERT */
    char *key_file;         /* QUINTET_TLS_KEY */
    char *ca_file;          /* QUINTET_TLS_CA */
    bool allow_plain;       /* QUINTET_RPC_ALLOW_PLAIN */
};

#define QN_RPC_TLS_SETTINGS(type, member)                                                                    \
    QN_SETTING_STRING("QUINTET_TLS_CERT", type, member.certificate_file, "",                                 \
                      "certificate shown to other services, PEM file"),                                      \
        QN_SETTING_STRING("QUINTET_TLS_KEY", type, member.key_file, "", "its private key, PEM file"),        \
        QN_SETTING_STRING("QUINTET_TLS_CA", type, member.ca_file, "",                                        \
                          "authority that other services' certificates must come from, PEM file"),           \
        QN_SETTING_BOOL("QUINTET_RPC_ALLOW_PLAIN", type, member.allow_plain, "false",                        \
                        "tcp:// beyond this machine: unencrypted, and open to whoever reaches the port")

struct qn_rpc_server_settings {
    char *listen;     /* QUINTET_RPC_LISTEN: as in struct qn_server_options */
    int64_t contexts; /* QUINTET_RPC_CONTEXTS: messages served at once, the back pressure */
};

#define QN_RPC_SERVER_SETTINGS(type, member, default_listen)                                                 \
    QN_SETTING_STRING("QUINTET_RPC_LISTEN", type, member.listen, default_listen,                             \
                      "where other services reach this one: ipc://folder, tcp:// or tls+tcp://host:port"),   \
        QN_SETTING_INT("QUINTET_RPC_CONTEXTS", type, member.contexts, "256", 1, 256,                         \
                       "messages of other services served at once")

struct qn_rpc_client_settings {
    char *address; /* QUINTET_<SERVICE>_ADDRESS: as in struct qn_client_options */
};

/* QN_RPC_CLIENT_SETTINGS("PROFILE", struct auth_settings, profile, "ipc://.quintet/rpc/profile") */
#define QN_RPC_CLIENT_SETTINGS(SERVICE, type, member, default_address)                                       \
    QN_SETTING_STRING("QUINTET_" SERVICE "_ADDRESS", type, member.address, default_address,                  \
                      "where that service listens: ipc://folder, tcp:// or tls+tcp://host:port")

/* For a service's check(): complains, under 'name', about an address of a scheme that there is not, about one
 * of tls+tcp:// without the three files, and about one of tcp:// whose host is not this machine's loopback
 * unless that is allowed; files themselves are read when the part opens. */
void qn_parts_check_address(const char *name, const char *address, const struct qn_rpc_tls_settings *tls,
                            struct qn_config_report *report);

/* Serves handlers. Open fails (the process ends) when the address cannot be listened on. Ready as soon as it
 * listens: what the handlers need are parts of their own. Draining answers what is in hand, closing removes
 * the socket. */
struct qn_part_rpc_server {
    struct qn_part part;
    const struct qn_rpc_server_settings *settings;
    const struct qn_rpc_tls_settings *tls;
    const struct qn_handlers *const *handlers;
    size_t n_handlers;
    struct qn_server *server;           /* NULL unless open */
    void (*done)(struct qn_part *part); /* private: of the drain or close that runs */
};

#define QN_PART_RPC_SERVER(settings_, tls_, handlers_, n_handlers_)                                          \
    {                                                                                                        \
        .part = {.name = "rpc",                                                                              \
                 .open = qn_parts_server_open,                                                               \
                 .ready = qn_parts_server_ready,                                                             \
                 .drain = qn_parts_server_drain,                                                             \
                 .close = qn_parts_server_close},                                                            \
        .settings = (settings_), .tls = (tls_), .handlers = (handlers_), .n_handlers = (n_handlers_)         \
    }

/* Asks another service through 'client' (valid from open to close). Opens whether or not the service is
 * there; ready while some peer is connected and takes calls. Its turn to drain comes after that of the parts
 * that ask: what they have not finished by then is cancelled, so that a call whose deadline outlasts the
 * shutdown's does not hold the process up. */
struct qn_part_rpc_client {
    struct qn_part part;
    const struct qn_rpc_client_settings *settings;
    const struct qn_rpc_tls_settings *tls;
    struct qn_client *client; /* NULL unless open */
    struct qn_loop *loop;     /* private from here */
    struct qn_later later;
    void (*done)(struct qn_part *part); /* of the drain or close that runs */
};

/* 'name': the service asked, static; names the part, its metrics and log lines. */
#define QN_PART_RPC_CLIENT(name_, settings_, tls_)                                                           \
    {                                                                                                        \
        .part = {.name = (name_),                                                                            \
                 .open = qn_parts_client_open,                                                               \
                 .ready = qn_parts_client_ready,                                                             \
                 .drain = qn_parts_client_drain,                                                             \
                 .close = qn_parts_client_close},                                                            \
        .settings = (settings_), .tls = (tls_)                                                               \
    }

/* What the macros above put in. */
enum qn_status qn_parts_server_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool qn_parts_server_ready(struct qn_part *part, struct qn_buf *detail);
void qn_parts_server_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void qn_parts_server_close(struct qn_part *part, void (*done)(struct qn_part *part));
enum qn_status qn_parts_client_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err);
bool qn_parts_client_ready(struct qn_part *part, struct qn_buf *detail);
void qn_parts_client_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part));
void qn_parts_client_close(struct qn_part *part, void (*done)(struct qn_part *part));

#endif
