#include "services/profile/slots/share.h"

#include "common/core/check.h"

void slots_share_init(struct slots_share *share, uint64_t self, unsigned limit)
{
    QN_CHECK(self != 0 && limit > 0);
    *share = (struct slots_share){.self = self, .limit = limit};
}

/* What stands between us and others: what is on its way to another is ours until that has said that it has
 * it, and a connection that is still closing takes a slot whatever was decided. */
static unsigned claimed(const struct slots_share *share)
{
    unsigned n = share->allowance + share->pending + (share->giving.to != 0);
    return n > share->in_use ? n : share->in_use;
}

/* May have connections, but PostgreSQL gives us none: one that nobody hears of has them, or nobody of ours.
 */
static bool starves(const struct slots_share *share)
{
    return share->allowance > 0 && share->in_use == 0 && share->refused;
}

struct slots_report slots_share_report(struct slots_share *share)
{
    return (struct slots_report){
        .process = share->self,
        .number = ++share->number,
        .budget = share->limit,
        .claimed = claimed(share),
        .held = share->in_use,
        .taken = share->taken,
        .draining = share->draining,
        .refused = starves(share),
        .up = share->up < share->in_use ? share->up : share->in_use,
    };
}

bool slots_share_plausible(const struct slots_report *report)
{
    return report->process != 0 && report->budget >= 1 && report->budget <= SLOTS_NUMBER_MAX &&
           report->claimed <= SLOTS_NUMBER_MAX && report->held <= report->claimed &&
           report->up <= report->held;
}

/* Others. */

static struct slots_peer *find(struct slots_share *share, uint64_t process)
{
    for (size_t i = 0; i < share->n_peers; i++)
        if (share->peers[i].last.process == process)
            return &share->peers[i];
    return NULL;
}

static void forget(struct slots_share *share, struct slots_peer *peer)
{
    *peer = share->peers[--share->n_peers];
}

static void forget_silent(struct slots_share *share, uint64_t now_ms)
{
    for (size_t i = share->n_peers; i-- > 0;)
        if (now_ms - share->peers[i].heard_ms > SLOTS_HEARD_MS)
            forget(share, &share->peers[i]);
}

void slots_share_heard(struct slots_share *share, const struct slots_report *report, uint64_t now_ms)
{
    QN_CHECK(slots_share_plausible(report));
    if (report->process == share->self)
        return;
    struct slots_peer *peer = find(share, report->process);
    if (!peer) {
        forget_silent(share, now_ms);
        if (share->n_peers == SLOTS_PEERS_MAX)
            return;
        peer = &share->peers[share->n_peers++];
        *peer = (struct slots_peer){0};
    }
    if (report->number <= peer->last.number)
        return;
    *peer = (struct slots_peer){.last = *report, .heard_ms = now_ms};
    if (report->process == share->giving.to && share->giving.let_go && report->taken > share->giving.taken)
        share->giving.to = 0;
}

void slots_share_lost(struct slots_share *share, uint64_t process)
{
    struct slots_peer *peer = find(share, process);
    if (peer && !peer->last.draining)
        forget(share, peer);
}

/* All of them together. */

struct sum {
    unsigned budget;
    unsigned claimed; /* by all, us included */
    unsigned sharers; /* others that are not draining */
    bool smallest;    /* nobody has less than we; among equals the number of the process decides */
    bool largest;
    const struct slots_report *richest; /* of the sharers, by what they claim; NULL: there are none */
    const struct slots_report *holder;  /* the same by what they hold */
};

static bool less(unsigned a_claimed, uint64_t a, unsigned b_claimed, uint64_t b)
{
    return a_claimed < b_claimed || (a_claimed == b_claimed && a < b);
}

static struct sum add_up(const struct slots_share *share, uint64_t now_ms)
{
    unsigned mine = claimed(share);
    struct sum sum = {.budget = share->limit, .claimed = mine, .smallest = true, .largest = true};
    for (size_t i = 0; i < share->n_peers; i++) {
        const struct slots_report *last = &share->peers[i].last;
        if (now_ms - share->peers[i].heard_ms > SLOTS_HEARD_MS)
            continue;
        sum.claimed += last->claimed;
        if (last->draining)
            continue;
        sum.sharers++;
        sum.budget = last->budget < sum.budget ? last->budget : sum.budget;
        sum.smallest = sum.smallest && less(mine, share->self, last->claimed, last->process);
        sum.largest = sum.largest && less(last->claimed, last->process, mine, share->self);
        if (!sum.richest || less(sum.richest->claimed, sum.richest->process, last->claimed, last->process))
            sum.richest = last;
        if (!sum.holder || less(sum.holder->held, sum.holder->process, last->held, last->process))
            sum.holder = last;
    }
    return sum;
}

/* What was given is taken for lost when nobody says that he has it: then it is free for all. */
static void end_giving(struct slots_share *share, uint64_t now_ms)
{
    if (share->giving.to && share->giving.let_go &&
        (now_ms >= share->giving.until_ms || !find(share, share->giving.to)))
        share->giving.to = 0;
}

/* Our own. */

void slots_share_uses(struct slots_share *share, unsigned in_use, bool refused)
{
    share->in_use = in_use;
    share->refused = refused;
}

void slots_share_works(struct slots_share *share, unsigned up)
{
    share->up = up;
}

uint64_t slots_share_elsewhere_ms(const struct slots_share *share, uint64_t now_ms)
{
    uint64_t latest_ms = 0;
    for (size_t i = 0; i < share->n_peers; i++) {
        const struct slots_peer *peer = &share->peers[i];
        bool serves = peer->last.up > 0 && !peer->last.draining && now_ms - peer->heard_ms <= SLOTS_HEARD_MS;
        if (serves && peer->heard_ms > latest_ms)
            latest_ms = peer->heard_ms;
    }
    return latest_ms;
}

enum slots_step slots_share_next(struct slots_share *share, uint64_t now_ms, uint64_t *ret_process)
{
    QN_CHECK(share->pending == 0);
    forget_silent(share, now_ms);
    end_giving(share, now_ms);
    if (share->draining)
        return SLOTS_REST;
    struct sum sum = add_up(share, now_ms);
    bool settled = !share->giving.to && share->in_use <= share->allowance;
    if (sum.claimed > sum.budget) {
        if (share->over_since_ms == 0)
            share->over_since_ms = now_ms;
        /* Who waits for a connection that is not there gives way first; the last one is kept. */
        bool lasting = now_ms - share->over_since_ms >= SLOTS_OVER_MS;
        bool gives_way = share->in_use < share->allowance || (sum.largest && share->allowance > 1);
        if (!lasting || !gives_way || !settled)
            return SLOTS_REST;
        share->over_since_ms = 0;
        share->allowance--;
        return SLOTS_AGAIN;
    }
    share->over_since_ms = 0;
    unsigned mine = claimed(share), free_slots = sum.budget - sum.claimed;
    if (free_slots > 0 && sum.smallest) {
        share->pending = sum.sharers == 0 ? free_slots : 1;
        return SLOTS_CLAIM;
    }
    if (sum.richest && sum.richest->claimed >= mine + 2 && settled) {
        *ret_process = sum.richest->process;
        return SLOTS_ASK;
    }
    if (starves(share) && sum.holder && sum.holder->held >= 2) {
        *ret_process = sum.holder->process;
        return SLOTS_ASK;
    }
    return SLOTS_REST;
}

bool slots_share_claimed(struct slots_share *share, uint64_t now_ms)
{
    struct sum sum = add_up(share, now_ms);
    bool ours = share->pending > 0 && !share->draining && sum.claimed <= sum.budget;
    if (ours)
        share->allowance += share->pending;
    share->pending = 0;
    return ours;
}

bool slots_share_give(struct slots_share *share, const struct slots_report *asker, uint64_t now_ms)
{
    slots_share_heard(share, asker, now_ms);
    end_giving(share, now_ms);
    bool starving = asker->refused && asker->held == 0 && share->in_use >= 2;
    bool rich = share->allowance >= 2 && (share->allowance >= asker->claimed + 2 || starving);
    bool busy = share->giving.to || share->in_use > share->allowance;
    if (share->draining || asker->draining || asker->process == share->self || !rich || busy)
        return false;
    share->allowance--;
    share->giving.to = asker->process;
    share->giving.taken = asker->taken;
    share->giving.let_go = false;
    share->giving.until_ms = now_ms + SLOTS_GIVING_MAX_MS;
    return true;
}

bool slots_share_given(struct slots_share *share)
{
    share->giving.let_go = share->giving.to && share->in_use <= share->allowance;
    return share->giving.let_go;
}

void slots_share_keep(struct slots_share *share)
{
    QN_CHECK(share->giving.to && !share->giving.let_go);
    share->giving.to = 0;
    if (!share->draining)
        share->allowance++;
}

void slots_share_received(struct slots_share *share)
{
    share->taken++;
    if (!share->draining && share->allowance < share->limit)
        share->allowance++;
}

void slots_share_drain(struct slots_share *share, unsigned keep)
{
    share->draining = true;
    share->pending = 0;
    share->allowance = share->allowance < keep ? share->allowance : keep;
}

struct slots_view slots_share_view(const struct slots_share *share, uint64_t now_ms)
{
    struct sum sum = add_up(share, now_ms);
    return (struct slots_view){
        .processes = sum.sharers + 1,
        .budget = sum.budget,
        .too_many = sum.sharers + 1 > sum.budget && claimed(share) == 0,
    };
}
