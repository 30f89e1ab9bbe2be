#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/loop/timer.h"
#include "common/rpc/transport.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/rounds.h"
#include "tests/harness/test.h"

/* Lines and a port that do whatever comes to mind, by a fixed row of numbers: ask, answer late, never or in
 * the midst, cancel, hang up, close, come again, also from within their callbacks. Throughout:
 *   - each trip is done once, whatever happens
 *   - no message arrives twice; one that was not sent never arrives
 *   - what is answered was asked, and is answered as the port did
 *   - nothing is left over at the end */

enum { LINES = 3, CONTEXTS = 5, SEATS = 4, TRIPS = LINES * CONTEXTS, LONG_MS = 20000 };

/* A message's first bytes. */
struct mark {
    uint64_t number;
    uint64_t len;
};

static struct qn_loop *loop;
static struct qn_gate *gate;
static struct qn_port *port;
static bool port_closing;
static struct qn_line *lines[LINES];
static char url[128];

static struct trip {
    struct qn_trip *trip;
    bool busy;
    size_t line;
    struct mark mark;
} trips[TRIPS];

static struct {
    struct qn_seat *seat;
    struct qn_message *message;
} held[SEATS];
static size_t n_held;

enum { ARRIVED = 1, NOT_SENT = 2, DONE = 4, ANSWERED = 8 };
static uint8_t *fates; /* of each number */
static size_t n_numbers, numbers_max;
static size_t n_ends[5], n_hung_up, n_ports;

static uint64_t state_of_chance;

static uint32_t chance(uint32_t below)
{
    state_of_chance = state_of_chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state_of_chance >> 33) % below;
}

static void some_start(size_t line);

static void close_line(size_t i, bool part)
{
    struct qn_line *line = lines[i];
    lines[i] = NULL;
    if (line == NULL)
        return;
    if (part)
        qn_line_part(line);
    else
        qn_line_close(line);
}

static void on_changed(void *context, uint32_t connection)
{
    (void)connection;
    size_t i = *(const size_t *)context;
    assert_non_null(lines[i]);
    if (chance(50) == 0)
        close_line(i, chance(2));
    else if (chance(4) == 0)
        some_start(i);
}

static void open_line(size_t i)
{
    struct qn_transport_options options = {.url = url, .contexts = CONTEXTS, .message_max_bytes = 1 << 20};
    static const size_t numbers[LINES] = {0, 1, 2};
    struct qn_line_events events = {on_changed, (void *)(uintptr_t)&numbers[i]};
    assert_int_equal(qn_line_open(gate, &options, &events, &lines[i], NULL), QN_OK);
}

static void on_done(void *context, enum qn_trip_end end, struct qn_message *answer)
{
    struct trip *trip = context;
    uint8_t *fate = &fates[trip->mark.number];
    assert_true(trip->busy);
    trip->busy = false;
    assert_false(*fate & DONE);
    *fate |= DONE;
    n_ends[end]++;
    if (end == QN_TRIP_NOT_SENT) {
        assert_false(*fate & ARRIVED);
        *fate |= NOT_SENT;
    }
    assert_true((end == QN_TRIP_ANSWERED) == (answer != NULL));
    if (answer != NULL) {
        struct qn_str body = qn_message_view(answer);
        struct mark mark;
        assert_true(*fate & ANSWERED);
        assert_int_equal(body.len, trip->mark.len);
        memcpy(&mark, body.ptr, sizeof(mark));
        assert_memory_equal(&mark, &trip->mark, sizeof(mark));
        assert_int_equal((uint8_t)body.ptr[body.len - 1], (uint8_t)mark.number);
    }
    qn_message_free(answer);
    size_t line = trip->line;
    if (chance(500) == 0)
        close_line(line, chance(2));
    else if (chance(3) == 0)
        some_start(line);
}

static void some_start(size_t i)
{
    size_t k = 0;
    if (lines[i] == NULL || qn_line_idle_trips(lines[i]) == 0 || n_numbers == numbers_max)
        return;
    while (k < TRIPS && trips[k].busy)
        k++;
    if (k == TRIPS)
        return; /* of lines that part */
    struct trip *trip = &trips[k];
    trip->busy = true;
    trip->line = i;
    trip->mark.number = n_numbers++;
    trip->mark.len = sizeof(struct mark) + 1 + chance(chance(20) == 0 ? 700000 : 3000);
    struct qn_message *message = qn_message_new(trip->mark.len);
    assert_non_null(message);
    char *bytes = qn_message_bytes(message);
    memset(bytes, (uint8_t)trip->mark.number, trip->mark.len);
    memcpy(bytes, &trip->mark, sizeof(trip->mark));
    uint64_t timeout_ms = chance(4) == 0 ? chance(5) : LONG_MS;
    trip->trip = qn_trip_start(lines[i], message, timeout_ms, on_done, trip);
    assert_true(trip->busy);
    if (chance(20) == 0)
        qn_trip_cancel(trip->trip);
}

static void some_cancel(void)
{
    struct trip *trip = &trips[chance(TRIPS)];
    if (!trip->busy)
        return;
    (chance(2) ? qn_trip_cancel : qn_trip_cancel_unsent)(trip->trip);
    assert_true(trip->busy);
}

static void close_port(void)
{
    if (port == NULL)
        return;
    struct qn_port *closing = port;
    port = NULL;
    port_closing = true;
    qn_port_close(closing);
    while (n_held > 0)
        qn_message_free(held[--n_held].message);
}

/* Answers one that is held; with what came, or not at all. */
static void some_answer(void)
{
    if (n_held == 0)
        return;
    size_t k = chance((uint32_t)n_held);
    struct qn_seat *seat = held[k].seat;
    struct qn_message *message = held[k].message;
    held[k] = held[--n_held];
    if (chance(30) == 0) {
        qn_message_free(message);
        qn_seat_answer(seat, NULL);
    } else if (chance(100) == 0) {
        qn_message_free(message);
        n_hung_up++;
        qn_seat_hang_up(seat);
    } else {
        struct mark mark;
        memcpy(&mark, qn_message_bytes(message), sizeof(mark));
        fates[mark.number] |= ANSWERED;
        qn_seat_answer(seat, message);
    }
}

static void on_arrived(void *context, struct qn_seat *seat, struct qn_message *message)
{
    (void)context;
    struct qn_str body = qn_message_view(message);
    assert_non_null(port);
    if (body.len < sizeof(struct mark)) { /* a goodbye */
        qn_message_free(message);
        qn_seat_hang_up(seat);
        return;
    }
    struct mark mark;
    memcpy(&mark, body.ptr, sizeof(mark));
    assert_true(mark.number < n_numbers && mark.len == body.len);
    assert_false(fates[mark.number] & (ARRIVED | NOT_SENT));
    fates[mark.number] |= ARRIVED;
    assert_true(n_held < SEATS);
    held[n_held].seat = seat;
    held[n_held++].message = message;
    if (chance(3) == 0)
        some_answer();
    if (chance(1000) == 0)
        close_port();
}

static void on_peers_changed(void *context)
{
    (void)context;
    assert_non_null(port);
    if (chance(300) == 0)
        close_port();
}

static void on_port_closed(void *context)
{
    (void)context;
    port_closing = false;
}

static void open_port(void)
{
    struct qn_transport_options options = {.url = url, .contexts = SEATS, .message_max_bytes = 1 << 20};
    struct qn_port_events events = {on_arrived, on_peers_changed, on_port_closed, NULL};
    struct qn_error err = {0};
    enum qn_status status = qn_port_open(gate, &options, &events, &port, &err);
    if (status != QN_OK)
        fail_msg("%s", err.message);
    n_ports++;
    if (qn_port_number(port) != 0) /* and so it stays */
        snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", qn_port_number(port));
}

static struct qn_timer moment;
static bool moment_passed;

static void on_moment(struct qn_timer *timer)
{
    (void)timer;
    moment_passed = true;
}

/* So that lines dial again, and times are up. */
static void pass_a_moment(void)
{
    moment_passed = false;
    qn_timer_start(loop, &moment, 1, on_moment);
    loop_fixture_run_until(&moment_passed, LONG_MS);
}

static void some_step(void)
{
    uint32_t what = chance(1000);
    size_t line = chance(LINES);
    if (lines[line] == NULL && chance(10) == 0)
        open_line(line);
    else if (port == NULL && !port_closing && chance(10) == 0)
        open_port();
    else if (what < 400)
        some_start(line);
    else if (what < 450)
        some_cancel();
    else if (what < 700)
        some_answer();
    else if (what < 701)
        close_line(line, chance(2));
    else if (what < 702)
        close_port();
    else if (what < 980)
        qn_loop_turn(loop);
    else
        pass_a_moment();
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static void wreak(const char *listen_at, uint64_t seed, size_t n_steps)
{
    state_of_chance = seed;
    n_numbers = 0;
    numbers_max = n_steps;
    n_hung_up = n_ports = 0;
    memset(n_ends, 0, sizeof(n_ends));
    fates = calloc(numbers_max, 1);
    assert_non_null(fates);
    snprintf(url, sizeof(url), "%s", listen_at);
    loop = loop_fixture_begin();
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    open_port();
    for (size_t i = 0; i < LINES; i++)
        open_line(i);
    for (size_t i = 0; i < n_steps; i++)
        some_step();
    bool closed = false;
    numbers_max = n_numbers; /* 'done' starts no more */
    for (size_t i = 0; i < LINES; i++)
        close_line(i, i % 2);
    close_port();
    qn_gate_close(gate, set_flag, &closed);
    loop_fixture_run_until(&closed, LONG_MS);
    qn_loop_turn(loop); /* pipes go later */
    loop_fixture_end();
    for (size_t i = 0; i < n_numbers; i++)
        if (!(fates[i] & DONE))
            fail_msg("trip %zu is not done", i);
    assert_int_equal(qn_message_live(), 0);
    /* It was chaos enough to mean something. */
    for (size_t i = 0; i < QN_COUNT(n_ends); i++)
        assert_true(n_ends[i] > 0);
    assert_true(n_ends[QN_TRIP_ANSWERED] > n_steps / 100 && n_hung_up > 0 && n_ports > 2);
    free(fates);
}

static void test_ipc(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof(path), "ipc:///tmp/quintet-sp-chaos-%d", (int)getpid());
    for (uint64_t seed = 1; seed <= harness_rounds(3, 500); seed++)
        wreak(path, seed, 20000);
}

static void test_tcp(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= harness_rounds(3, 500); seed++)
        wreak("tcp://127.0.0.1:0", seed, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ipc), cmocka_unit_test(test_tcp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
