#include "common/app/parts.h"

#include <string.h>

#include "common/core/check.h"

static const char *given(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Whether "tcp://host:port" stays on this machine, whatever the network is like. */
static bool is_loopback(struct qn_str address)
{
    struct qn_str host = qn_str_n(address.ptr + strlen("tcp://"), address.len - strlen("tcp://"));
    return qn_str_starts(host, QN_STR("127.")) || qn_str_starts(host, QN_STR("localhost:")) ||
           qn_str_starts(host, QN_STR("[::1]:"));
}

void qn_parts_check_address(const char *name, const char *address, const struct qn_rpc_tls_settings *tls,
                            struct qn_config_report *report)
{
    static const struct qn_str schemes[] = {QN_STR("ipc://"), QN_STR("tcp://"), QN_STR("tls+tcp://"),
                                            QN_STR("inproc://")};
    struct qn_str text = qn_str_c(address);
    bool known = false;
    for (size_t i = 0; i < QN_COUNT(schemes); i++)
        known = known || (qn_str_starts(text, schemes[i]) && text.len > schemes[i].len);
    if (!known) {
        qn_config_complain(report, name, address,
                           "ipc://folder, tcp://host:port, tls+tcp://host:port or inproc://name");
        return;
    }
    if (qn_str_starts(text, QN_STR("tls+tcp://")) &&
        (!given(tls->certificate_file) || !given(tls->key_file) || !given(tls->ca_file)))
        qn_config_complain(
            report, name, address,
            "tls+tcp:// only with all of QUINTET_TLS_CERT, QUINTET_TLS_KEY and QUINTET_TLS_CA");
    if (qn_str_starts(text, QN_STR("tcp://")) && !tls->allow_plain && !is_loopback(text))
        qn_config_complain(
            report, name, address,
            "tcp:// beyond this machine only with QUINTET_RPC_ALLOW_PLAIN=true: it is neither encrypted "
            "nor asks who calls; tls+tcp:// does both");
}

/* The server. */

static struct qn_part_rpc_server *server_of(struct qn_part *part)
{
    return container_of(part, struct qn_part_rpc_server, part);
}

enum qn_status qn_parts_server_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct qn_part_rpc_server *self = server_of(part);
    struct qn_server_options options = {
        .listen = self->settings->listen,
        .tls_certificate_file = given(self->tls->certificate_file),
        .tls_key_file = given(self->tls->key_file),
        .tls_ca_file = given(self->tls->ca_file),
        .handlers = self->handlers,
        .n_handlers = self->n_handlers,
        .contexts = (size_t)self->settings->contexts,
    };
    QN_TRY(qn_server_open(loop, &options, &self->server, err));
    qn_log(NULL, QN_INFO, "listening for other services", QN_F_C("address", qn_server_address(self->server)));
    return QN_OK;
}

bool qn_parts_server_ready(struct qn_part *part, struct qn_buf *detail)
{
    qn_buf_printf(detail, "listening on %s", qn_server_address(server_of(part)->server));
    return true;
}

static void server_done(void *context)
{
    struct qn_part_rpc_server *self = context;
    void (*done)(struct qn_part *) = self->done;
    self->done = NULL;
    done(&self->part);
}

static void server_closed(void *context)
{
    struct qn_part_rpc_server *self = context;
    self->server = NULL;
    server_done(self);
}

void qn_parts_server_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct qn_part_rpc_server *self = server_of(part);
    QN_CHECK(self->done == NULL);
    self->done = done;
    qn_server_drain(self->server, limit_ms, server_done, self);
}

void qn_parts_server_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct qn_part_rpc_server *self = server_of(part);
    QN_CHECK(self->done == NULL);
    self->done = done;
    qn_server_close(self->server, server_closed, self);
}

/* The client. */

static struct qn_part_rpc_client *client_of(struct qn_part *part)
{
    return container_of(part, struct qn_part_rpc_client, part);
}

enum qn_status qn_parts_client_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct qn_part_rpc_client *self = client_of(part);
    struct qn_client_options options = {
        .name = part->name,
        .address = self->settings->address,
        .tls_certificate_file = given(self->tls->certificate_file),
        .tls_key_file = given(self->tls->key_file),
        .tls_ca_file = given(self->tls->ca_file),
    };
    self->loop = loop;
    return qn_client_open(loop, &options, &self->client, err);
}

bool qn_parts_client_ready(struct qn_part *part, struct qn_buf *detail)
{
    struct qn_part_rpc_client *self = client_of(part);
    bool ready = qn_client_ready(self->client);
    qn_buf_printf(detail, "%s at %s", ready ? "connected" : "no process that takes calls",
                  self->settings->address);
    return ready;
}

static void client_drained(struct qn_later *later)
{
    struct qn_part_rpc_client *self = container_of(later, struct qn_part_rpc_client, later);
    void (*done)(struct qn_part *) = self->done;
    self->done = NULL;
    done(&self->part);
}

void qn_parts_client_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct qn_part_rpc_client *self = client_of(part);
    (void)limit_ms; /* the parts that ask have had it */
    QN_CHECK(self->done == NULL);
    self->done = done;
    qn_client_cancel_all(self->client);
    qn_later_start(self->loop, &self->later, client_drained);
}

static void client_closed(void *context)
{
    struct qn_part_rpc_client *self = context;
    void (*done)(struct qn_part *) = self->done;
    self->client = NULL;
    self->done = NULL;
    done(&self->part);
}

void qn_parts_client_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct qn_part_rpc_client *self = client_of(part);
    QN_CHECK(self->done == NULL);
    self->done = done;
    qn_client_close(self->client, client_closed, self);
}
