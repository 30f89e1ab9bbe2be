#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "services/profile/slots/private.h"
#include "slots.qn.h"

/* What is asked of the other processes: reports to all of them, and one for a connection. */

enum {
    REPORT_LIMIT_MS = 300,                    /* a claim waits so long for one that does not answer */
    ASK_LIMIT_MS = SLOTS_GIVING_MAX_MS + 500, /* the answer comes when the connection is closed */
    ARENA_MAX_BYTES = 16 << 10,
};

Quintet__Slots__V1__Share slots_talk_share(struct slots *slots)
{
    slots_share_works(&slots->share, (unsigned)pg_pool_up(slots->options.pool));
    struct slots_report report = slots_share_report(&slots->share);
    Quintet__Slots__V1__Share message = QUINTET__SLOTS__V1__SHARE__INIT;
    message.process = report.process;
    message.number = report.number;
    message.budget = report.budget;
    message.claimed = report.claimed;
    message.held = report.held;
    message.taken = report.taken;
    message.draining = report.draining;
    message.refused = report.refused;
    message.up = report.up;
    return message;
}

bool slots_talk_unpack(const Quintet__Slots__V1__Share *message, struct slots_report *ret_report)
{
    if (!message)
        return false;
    *ret_report = (struct slots_report){
        .process = message->process,
        .number = message->number,
        .budget = message->budget,
        .claimed = message->claimed,
        .held = message->held,
        .taken = message->taken,
        .draining = message->draining,
        .refused = message->refused,
        .up = message->up,
    };
    return slots_share_plausible(ret_report);
}

static void begin(struct slots_talk *talk, struct slots *slots, uint64_t peer_id, uint64_t limit_ms)
{
    QN_CHECK(!talk->busy);
    talk->busy = true;
    talk->slots = slots;
    talk->peer_id = peer_id;
    talk->request = (struct qn_request){0};
    talk->ctx = (struct qn_context){.deadline_ms = qn_clock_now_ms() + limit_ms, .log = slots->log};
    qn_arena_init(&talk->arena, ARENA_MAX_BYTES);
}

static void end(struct slots_talk *talk)
{
    qn_arena_fini(&talk->arena);
    talk->busy = false;
    slots_wake(talk->slots);
}

/* Who answers at this address. Our own answer is no news. */
static void hear(struct slots_talk *talk, const Quintet__Slots__V1__Share *message)
{
    struct slots *slots = talk->slots;
    struct slots_report report;
    if (!slots_talk_unpack(message, &report))
        return;
    slots_share_heard(&slots->share, &report, qn_clock_now_ms());
    size_t place = QN_CLIENT_PEERS_MAX;
    for (size_t i = QN_CLIENT_PEERS_MAX; i-- > 0;) {
        if (slots->known[i].peer_id == talk->peer_id)
            return;
        if (slots->known[i].peer_id == 0)
            place = i;
    }
    if (place < QN_CLIENT_PEERS_MAX) {
        slots->known[place].peer_id = talk->peer_id;
        slots->known[place].process = report.process;
    }
}

/* Reports. */

static bool is_ours(const struct slots *slots, uint64_t peer_id)
{
    for (size_t i = 0; i < QN_CLIENT_PEERS_MAX; i++)
        if (slots->known[i].peer_id == peer_id)
            return slots->known[i].process == slots->share.self;
    return false;
}

static void on_reported(struct qn_request *request)
{
    struct slots_talk *talk = container_of(request, struct slots_talk, request);
    const Quintet__Slots__V1__ReportResponse *out = request->out;
    if (request->status == QN_OK)
        hear(talk, out->share);
    talk->slots->open--;
    end(talk);
}

void slots_talk_report(struct slots *slots)
{
    struct qn_client_peer peers[QN_CLIENT_PEERS_MAX];
    bool looked;
    size_t n = qn_client_peers(slots->client, peers, &looked);
    QN_CHECK(slots->open == 0);
    for (size_t i = 0; i < n; i++) {
        if (!peers[i].ready || is_ours(slots, peers[i].id))
            continue;
        struct slots_talk *talk = &slots->talks[slots->open++];
        Quintet__Slots__V1__Share share = slots_talk_share(slots);
        Quintet__Slots__V1__ReportRequest in = QUINTET__SLOTS__V1__REPORT_REQUEST__INIT;
        in.share = &share;
        begin(talk, slots, peers[i].id, REPORT_LIMIT_MS);
        qn_request_start_at(&talk->request, slots->client, peers[i].id, &quintet_slots_v1_slot_service_report,
                            &in, &talk->ctx, &talk->arena, on_reported);
    }
}

/* For one connection. */

static void on_asked(struct qn_request *request)
{
    struct slots_talk *talk = container_of(request, struct slots_talk, request);
    struct slots *slots = talk->slots;
    const Quintet__Slots__V1__HandOverResponse *out = request->out;
    bool given = request->status == QN_OK && out->given;
    if (request->status == QN_OK)
        hear(talk, out->share);
    if (given) {
        slots_share_received(&slots->share);
        qn_metric_add(slots->taken, 1);
        slots->dirty = true;
        slots_apply(slots);
    }
    end(talk);
    if (!given)
        slots_pause_asking(slots);
}

bool slots_talk_ask(struct slots *slots, uint64_t process)
{
    for (size_t i = 0; i < QN_CLIENT_PEERS_MAX; i++) {
        if (slots->known[i].peer_id == 0 || slots->known[i].process != process)
            continue;
        Quintet__Slots__V1__Share share = slots_talk_share(slots);
        Quintet__Slots__V1__HandOverRequest in = QUINTET__SLOTS__V1__HAND_OVER_REQUEST__INIT;
        in.share = &share;
        begin(&slots->ask, slots, slots->known[i].peer_id, ASK_LIMIT_MS);
        qn_request_start_at(&slots->ask.request, slots->client, slots->known[i].peer_id,
                            &quintet_slots_v1_slot_service_hand_over, &in, &slots->ask.ctx, &slots->ask.arena,
                            on_asked);
        return true;
    }
    return false;
}

/* Who is there. */

bool slots_talk_all_there(const struct slots *slots)
{
    struct qn_client_peer peers[QN_CLIENT_PEERS_MAX];
    bool looked;
    size_t n = qn_client_peers(slots->client, peers, &looked);
    for (size_t i = 0; i < n; i++)
        looked = looked && peers[i].ready;
    return looked;
}

void slots_talk_peers_changed(struct slots *slots)
{
    struct qn_client_peer peers[QN_CLIENT_PEERS_MAX];
    bool looked;
    size_t n = qn_client_peers(slots->client, peers, &looked);
    for (size_t i = 0; i < QN_CLIENT_PEERS_MAX; i++) {
        bool there = slots->known[i].peer_id == 0;
        for (size_t k = 0; k < n && !there; k++)
            there = peers[k].id == slots->known[i].peer_id && peers[k].ready;
        if (there)
            continue;
        slots_share_lost(&slots->share, slots->known[i].process);
        slots->known[i].peer_id = slots->known[i].process = 0;
    }
    slots->dirty = true; /* whoever is new is greeted */
    slots_wake(slots);
}
