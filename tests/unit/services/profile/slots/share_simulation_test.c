#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "services/profile/slots/share.h"
#include "tests/harness/test.h"

/* A world of many processes and one database, in simulated time: processes come, drain, are killed and stand
 * still, messages are late, come in another order, or are lost. All by a seed, so that what fails can be run
 * again.
 *
 * As long as messages arrive, the decisions alone keep the budget: PostgreSQL never has to refuse. And
 * whatever happened: once it is over, the slots are shared out evenly, and all are used. */

enum {
    PROCESSES = 40, /* over a world's life */
    MESSAGES = 512,
    DELAY_MAX_MS = 20,
    ROUND_LIMIT_MS = 300,
    ASK_LIMIT_MS = 2500,
    ASK_PAUSE_MS = 50,
    REPORT_EVERY_MS = 1000,
    QUIET_MS = 12000,
};

enum kind { REPORT, REPORTED, ASK, ASKED };

struct message {
    bool used;
    enum kind kind;
    size_t from, to;
    uint64_t at_ms, round;
    struct slots_report report;
    bool given;
};

struct process {
    bool alive, stopped;
    struct slots_share share;
    unsigned in_use;
    bool running, settled, dirty, claiming;
    uint64_t round, round_until_ms, next_round_ms;
    size_t open; /* answers that the round waits for */
    uint64_t asking_until_ms, ask_pause_ms;
    bool answer_owed; /* to share.giving.to */
    size_t owed_to;
    uint64_t owed_round;
    uint64_t leaves_ms; /* draining: when nothing is kept any more */
};

static struct world {
    uint64_t now_ms;
    unsigned budget, db_used, refused;
    unsigned loss_percent;
    struct process list[PROCESSES];
    size_t n;
    struct message messages[MESSAGES];
    struct {
        uint64_t at_ms;
        unsigned n;
    } ghosts[PROCESSES]; /* slots of killed processes, until the database notices */
} w;

static unsigned below(unsigned n)
{
    return (unsigned)random() % n;
}

static void post(struct message message)
{
    if (below(100) < w.loss_percent)
        return;
    for (size_t i = 0; i < MESSAGES; i++) {
        if (w.messages[i].used)
            continue;
        message.used = true;
        message.at_ms = w.now_ms + 1 + below(DELAY_MAX_MS);
        w.messages[i] = message;
        return;
    }
    fail_msg("too many messages");
}

static void begin_round(struct process *p)
{
    p->running = true;
    p->dirty = false;
    p->round++;
    p->round_until_ms = w.now_ms + ROUND_LIMIT_MS;
    p->next_round_ms = w.now_ms + REPORT_EVERY_MS;
    p->open = 0;
    for (size_t i = 0; i < w.n; i++) {
        if (!w.list[i].alive || &w.list[i] == p)
            continue;
        p->open++;
        post((struct message){.kind = REPORT,
                              .from = (size_t)(p - w.list),
                              .to = i,
                              .round = p->round,
                              .report = slots_share_report(&p->share)});
    }
}

static void ask(struct process *p, uint64_t process)
{
    for (size_t i = 0; i < w.n; i++) {
        if (w.list[i].share.self != process)
            continue;
        p->asking_until_ms = w.now_ms + ASK_LIMIT_MS;
        post((struct message){.kind = ASK,
                              .from = (size_t)(p - w.list),
                              .to = i,
                              .round = ++p->round,
                              .report = slots_share_report(&p->share)});
    }
}

static void end_round(struct process *p)
{
    p->running = false;
    p->settled = true;
    if (p->claiming && slots_share_claimed(&p->share, w.now_ms))
        p->dirty = true;
    p->claiming = false;
}

/* As slots.c does. */
static void decide(struct process *p)
{
    if (p->running && (p->open == 0 || w.now_ms >= p->round_until_ms))
        end_round(p);
    if (p->running)
        return;
    if (p->dirty || !p->settled || w.now_ms >= p->next_round_ms) {
        begin_round(p);
        return;
    }
    if (w.now_ms < p->asking_until_ms || w.now_ms < p->ask_pause_ms)
        return;
    uint64_t process;
    switch (slots_share_next(&p->share, w.now_ms, &process)) {
    case SLOTS_CLAIM:
        p->claiming = true;
        begin_round(p);
        break;
    case SLOTS_AGAIN:
        begin_round(p);
        break;
    case SLOTS_ASK:
        ask(p, process);
        break;
    case SLOTS_REST:
        break;
    }
}

static void answer_ask(struct process *p, size_t to, uint64_t round, bool given)
{
    post((struct message){.kind = ASKED,
                          .from = (size_t)(p - w.list),
                          .to = to,
                          .round = round,
                          .given = given,
                          .report = slots_share_report(&p->share)});
}

static void receive(const struct message *m)
{
    struct process *p = &w.list[m->to];
    switch (m->kind) {
    case REPORT:
        slots_share_heard(&p->share, &m->report, w.now_ms);
        post((struct message){.kind = REPORTED,
                              .from = m->to,
                              .to = m->from,
                              .round = m->round,
                              .report = slots_share_report(&p->share)});
        break;
    case REPORTED:
        slots_share_heard(&p->share, &m->report, w.now_ms);
        if (p->running && m->round == p->round)
            p->open--;
        break;
    case ASK:
        if (slots_share_give(&p->share, &m->report, w.now_ms)) {
            p->answer_owed = true;
            p->owed_to = m->from;
            p->owed_round = m->round;
        } else {
            answer_ask(p, m->from, m->round, false);
        }
        break;
    case ASKED:
        slots_share_heard(&p->share, &m->report, w.now_ms);
        if (m->round != p->round || w.now_ms >= p->asking_until_ms)
            break; /* given up; what was given is lost */
        p->asking_until_ms = 0;
        if (m->given)
            slots_share_received(&p->share);
        else
            p->ask_pause_ms = w.now_ms + ASK_PAUSE_MS;
        p->dirty = p->dirty || m->given;
        break;
    }
}

/* The pool: opens what it may, and gives up what falls idle. */
static void pool(struct process *p)
{
    unsigned before = p->in_use;
    bool refused = false;
    if (p->in_use < p->share.allowance) {
        if (w.db_used < w.budget) {
            p->in_use++;
            w.db_used++;
        } else {
            w.refused++;
            refused = true;
        }
    } else if (p->in_use > p->share.allowance && below(4) == 0) {
        p->in_use--;
        w.db_used--;
    }
    slots_share_uses(&p->share, p->in_use, refused && p->in_use == 0);
    p->dirty = p->dirty || before != p->in_use;
    if (p->answer_owed && slots_share_given(&p->share)) {
        p->answer_owed = false;
        answer_ask(p, p->owed_to, p->owed_round, true);
    } else if (p->answer_owed && w.now_ms >= p->share.giving.until_ms) {
        p->answer_owed = false;
        slots_share_keep(&p->share);
        answer_ask(p, p->owed_to, p->owed_round, false);
    }
}

static void step(void)
{
    w.now_ms++;
    for (size_t i = 0; i < MESSAGES; i++) {
        struct message *m = &w.messages[i];
        if (!m->used || m->at_ms > w.now_ms || w.list[m->to].stopped)
            continue;
        m->used = false;
        if (w.list[m->to].alive)
            receive(m);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        if (w.ghosts[i].n > 0 && w.now_ms >= w.ghosts[i].at_ms) {
            w.db_used -= w.ghosts[i].n;
            w.ghosts[i].n = 0;
        }
    }
    for (size_t i = 0; i < w.n; i++) {
        struct process *p = &w.list[i];
        if (!p->alive || p->stopped)
            continue;
        pool(p);
        decide(p);
        if (p->share.draining && w.now_ms >= p->leaves_ms)
            slots_share_drain(&p->share, 0);
        if (p->share.draining && p->in_use == 0 && p->share.allowance == 0 && !p->dirty && !p->running &&
            !p->answer_owed)
            p->alive = false;
    }
    assert_true(w.db_used <= w.budget);
}

static void run_for(uint64_t ms, void (*each)(void))
{
    for (uint64_t until_ms = w.now_ms + ms; w.now_ms < until_ms;) {
        step();
        if (each)
            each();
    }
}

static struct process *join(unsigned limit)
{
    assert_true(w.n < PROCESSES);
    struct process *p = &w.list[w.n++];
    *p = (struct process){.alive = true};
    slots_share_init(&p->share, (uint64_t)random() + 1, limit);
    return p;
}

static void drain(struct process *p)
{
    if (p->answer_owed) {
        p->answer_owed = false;
        slots_share_keep(&p->share);
        answer_ask(p, p->owed_to, p->owed_round, false);
    }
    slots_share_drain(&p->share, 1);
    p->dirty = true;
    p->leaves_ms = w.now_ms + below(200);
}

static void kill_one(struct process *p)
{
    p->alive = false;
    w.ghosts[p - w.list].n = p->in_use;
    w.ghosts[p - w.list].at_ms = w.now_ms + below(600);
    for (size_t i = 0; i < w.n; i++)
        if (w.list[i].alive)
            slots_share_lost(&w.list[i].share, p->share.self);
}

static size_t n_alive(bool sharing)
{
    size_t n = 0;
    for (size_t i = 0; i < w.n; i++)
        n += w.list[i].alive && !(sharing && w.list[i].share.draining);
    return n;
}

/* One that is alive and not draining; NULL: none. */
static struct process *any(void)
{
    size_t n = n_alive(true), at = n > 0 ? below((unsigned)n) : 0;
    for (size_t i = 0; i < w.n; i++)
        if (w.list[i].alive && !w.list[i].share.draining && at-- == 0)
            return &w.list[i];
    return NULL;
}

static void world(unsigned seed, unsigned budget)
{
    srandom(seed);
    w = (struct world){.budget = budget, .now_ms = 1000000};
}

/* What the decisions alone come to, wherever the connections are. */
static void never_beyond_the_budget(void)
{
    unsigned sum = 0;
    for (size_t i = 0; i < w.n; i++) {
        const struct slots_share *share = &w.list[i].share;
        unsigned mine = share->allowance + (share->giving.to != 0 && share->giving.let_go == false);
        if (w.list[i].alive)
            sum += mine > w.list[i].in_use ? mine : w.list[i].in_use;
    }
    if (sum > w.budget)
        fail_msg("at %llu ms %u connections are given out", (unsigned long long)w.now_ms, sum);
    assert_int_equal(w.refused, 0);
}

static void expect_even(unsigned budget)
{
    unsigned sum = 0, most = 0, fewest = UINT32_MAX;
    size_t n = n_alive(true);
    for (size_t i = 0; i < w.n; i++) {
        const struct process *p = &w.list[i];
        if (!p->alive || p->share.draining)
            continue;
        assert_int_equal(p->in_use, p->share.allowance);
        sum += p->in_use;
        most = p->in_use > most ? p->in_use : most;
        fewest = p->in_use < fewest ? p->in_use : fewest;
        assert_int_equal(slots_share_view(&p->share, w.now_ms).processes, n);
        assert_int_equal(slots_share_view(&p->share, w.now_ms).too_many, p->in_use == 0);
    }
    if (n == 0)
        return;
    assert_int_equal(sum, budget);
    assert_true(most - fewest <= 1);
    assert_true(n > budget || fewest >= 1);
    assert_int_equal(w.db_used, budget);
}

/* Processes come and end in order, at any time, up to as many as there are slots and beyond. */
static void test_messages_arrive(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        world(seed, 1 + seed % 7);
        for (int event = 0; event < 25; event++) {
            struct process *p = any();
            if (w.n < PROCESSES && (!p || below(2) == 0))
                join(w.budget);
            else if (p)
                drain(p);
            run_for(below(event % 5 == 0 ? 1500 : 60), never_beyond_the_budget);
        }
        if (n_alive(true) == 0)
            join(w.budget);
        run_for(QUIET_MS, never_beyond_the_budget);
        expect_even(w.budget);
    }
}

/* Kills, stand-stills and lost messages: now it is PostgreSQL that holds the budget. */
static void test_nothing_can_be_relied_on(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        world(seed + 1000, 1 + seed % 7);
        w.loss_percent = 1 + below(30);
        for (int event = 0; event < 25; event++) {
            struct process *p = any();
            unsigned dice = below(10);
            if (w.n < PROCESSES && (!p || dice < 4))
                join(w.budget);
            else if (p && dice < 6)
                kill_one(p);
            else if (p && dice < 8)
                drain(p);
            else if (p)
                p->stopped = !p->stopped;
            run_for(below(event % 5 == 0 ? 5000 : 100), NULL);
        }
        w.loss_percent = 0;
        for (size_t i = 0; i < w.n; i++)
            w.list[i].stopped = false;
        if (n_alive(true) == 0)
            join(w.budget);
        run_for(QUIET_MS, NULL);
        expect_even(w.budget);
    }
}

/* A lone process takes all, at once; one that comes gets half, and when it has gone all are the first one's
 * again. */
static void test_alone_again(void **state)
{
    (void)state;
    world(7, 5);
    struct process *first = join(5);
    run_for(10, never_beyond_the_budget);
    assert_int_equal(first->in_use, 5);
    struct process *second = join(5);
    run_for(1000, never_beyond_the_budget);
    assert_int_equal(first->in_use, 3);
    assert_int_equal(second->in_use, 2);
    kill_one(second);
    run_for(1000, NULL);
    assert_int_equal(first->in_use, 5);
}

/* A deploy changes connection_limit: the smaller one holds as long as both are there. */
static void test_budgets_differ(void **state)
{
    (void)state;
    world(8, 5);
    struct process *old = join(5);
    run_for(100, never_beyond_the_budget);
    struct process *new = join(3);
    run_for(3000, never_beyond_the_budget);
    assert_int_equal(old->in_use + new->in_use, 3);
    assert_true(old->in_use >= 1 && new->in_use >= 1);
    drain(old);
    run_for(2000, never_beyond_the_budget);
    assert_false(old->alive);
    assert_int_equal(new->in_use, 3);
    struct process *larger = join(5);
    run_for(3000, never_beyond_the_budget);
    assert_int_equal(larger->in_use + new->in_use, 3);
    drain(new);
    run_for(2000, never_beyond_the_budget);
    assert_int_equal(larger->in_use, 5);
}

/* One stands still with its connections and is not heard of: who comes then is given one of the other's all
 * the same. */
static void test_next_to_one_that_hangs(void **state)
{
    (void)state;
    world(9, 5);
    struct process *hangs = join(5), *other = join(5);
    run_for(2000, never_beyond_the_budget);
    hangs->stopped = true;
    run_for(5000, NULL);
    struct process *comes = join(5);
    run_for(2000, NULL);
    assert_int_equal(hangs->in_use + other->in_use + comes->in_use, 5);
    assert_true(comes->in_use >= 1 && other->in_use >= 1);
    hangs->stopped = false;
    run_for(QUIET_MS, NULL);
    expect_even(5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_again),
        cmocka_unit_test(test_budgets_differ),
        cmocka_unit_test(test_next_to_one_that_hangs),
        cmocka_unit_test(test_messages_arrive),
        cmocka_unit_test(test_nothing_can_be_relied_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
