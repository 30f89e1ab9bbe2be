#include "services/auth/ticket.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"

enum { SWEEP_EVERY_MS = 60 * 1000 }; /* the product's */

char *auth_ticket_new_reset(struct qn_call *call)
{
    char id[QN_ID_LEN + 1];
    qn_id_new(id);
    char *token = qn_arena_copy(call->arena, id, AUTH_TICKET_RESET_LEN);
    if (token == NULL)
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
    return token;
}

/* Bytes beyond the last whole run of the alphabet are thrown away, so that all of it is equally likely. */
char *auth_ticket_new_delete(struct qn_call *call)
{
    static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    enum { N = sizeof(ALPHABET) - 1 };
    char *token = qn_arena_alloc(call->arena, AUTH_TICKET_DELETE_LEN + 1);
    if (token == NULL) {
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
        return NULL;
    }
    for (size_t len = 0; len < AUTH_TICKET_DELETE_LEN;) {
        uint8_t byte;
        qn_random_bytes(&byte, 1);
        if (byte < 256 / N * N)
            token[len++] = ALPHABET[byte % N];
    }
    token[AUTH_TICKET_DELETE_LEN] = '\0';
    return token;
}

static bool begin(struct auth_ticket *ticket, struct auth_service *service, struct qn_call *call,
                  const char *kind, const char *token, void (*then)(struct auth_ticket *ticket))
{
    *ticket = (struct auth_ticket){.service = service, .call = call, .then = then};
    quintet__store__v1__verification__init(&ticket->row);
    ticket->row.identifier = qn_arena_printf(call->arena, "%s%s", kind, token);
    if (ticket->row.identifier == NULL)
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
    return ticket->row.identifier != NULL;
}

static void on_written(struct qn_request *request)
{
    struct auth_ticket *ticket = container_of(request, struct auth_ticket, store);
    if (request->status == QN_OK)
        ticket->then(ticket);
    else
        qn_call_fail_from(ticket->call, request, true);
}

static void write_row(struct auth_ticket *ticket)
{
    auth_upstream_create_verification(ticket->service, &ticket->store, ticket->call, &ticket->row,
                                      on_written);
}

/* Whether that went well matters to the next one. */
static void on_swept(struct qn_request *request)
{
    write_row(container_of(request, struct auth_ticket, store));
}

void auth_ticket_issue(struct auth_ticket *ticket, struct auth_service *service, struct qn_call *call,
                       const char *kind, const char *token, const char *user_id, int64_t valid_ms,
                       void (*then)(struct auth_ticket *ticket))
{
    int64_t now_ms = qn_clock_wall_ms();
    char id[QN_ID_LEN + 1];
    qn_id_new(id);
    if (!begin(ticket, service, call, kind, token, then))
        return;
    ticket->row.id = qn_arena_strdup(call->arena, id);
    ticket->row.value = (char *)user_id;
    ticket->row.created_at_ms = ticket->row.updated_at_ms = now_ms;
    ticket->row.expires_at_ms = now_ms + valid_ms;
    if (ticket->row.id == NULL) {
        qn_call_fail_with(call, .status = QN_RESOURCE_EXHAUSTED);
    } else if (now_ms - service->swept_ms >= SWEEP_EVERY_MS) {
        service->swept_ms = now_ms;
        auth_upstream_sweep_verifications(service, &ticket->store, call, now_ms, on_swept);
    } else {
        write_row(ticket);
    }
}

static void judge(struct auth_ticket *ticket, const Quintet__Store__V1__Verification *row)
{
    ticket->user_id = row && row->expires_at_ms > qn_clock_wall_ms() ? row->value : NULL;
    ticket->then(ticket);
}

static void on_found(struct qn_request *request)
{
    struct auth_ticket *ticket = container_of(request, struct auth_ticket, store);
    const Quintet__Store__V1__GetVerificationResponse *out = request->out;
    if (request->status == QN_OK)
        judge(ticket, out->verification);
    else
        qn_call_fail_from(ticket->call, request, true);
}

static void on_taken(struct qn_request *request)
{
    struct auth_ticket *ticket = container_of(request, struct auth_ticket, store);
    const Quintet__Store__V1__TakeVerificationResponse *out = request->out;
    if (request->status == QN_OK)
        judge(ticket, out->verification);
    else
        qn_call_fail_from(ticket->call, request, true);
}

/* What cannot be one is not asked for. */
static bool is_token(const char *token)
{
    return token[0] != '\0' && strlen(token) <= AUTH_TICKET_TOKEN_MAX;
}

void auth_ticket_look(struct auth_ticket *ticket, struct auth_service *service, struct qn_call *call,
                      const char *kind, const char *token, void (*then)(struct auth_ticket *ticket))
{
    if (!begin(ticket, service, call, kind, token, then))
        return;
    if (is_token(token))
        auth_upstream_get_verification(service, &ticket->store, call, ticket->row.identifier, on_found);
    else
        then(ticket);
}

void auth_ticket_take(struct auth_ticket *ticket, struct auth_service *service, struct qn_call *call,
                      const char *kind, const char *token, void (*then)(struct auth_ticket *ticket))
{
    if (!begin(ticket, service, call, kind, token, then))
        return;
    if (is_token(token))
        auth_upstream_take_verification(service, &ticket->store, call, ticket->row.identifier, on_taken);
    else
        then(ticket);
}
