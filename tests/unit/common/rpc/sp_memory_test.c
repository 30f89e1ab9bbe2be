#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/rpc/transport.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* One allocation fails: each in turn, of all that a port, a line and a message there and back take. Whoever
 * is to be told is told, the next connection does what this one could not, and nothing is left over. The
 * linker puts these in front of libc's. */

enum { LONG_MS = 20000, BODY = 100000 /* more than an inbox buffers */ };

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool counting;
static size_t n_counted, fail_at;

static bool fails(void)
{
    return counting && ++n_counted == fail_at;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

static struct qn_loop *loop;
static struct qn_gate *gate;
static size_t n_ends[5];

struct asking {
    struct qn_line *line;
    bool done;
};

static void on_arrived(void *context, struct qn_seat *seat, struct qn_message *message)
{
    (void)context;
    qn_seat_answer(seat, message);
}

static void on_peers_changed(void *context)
{
    (void)context;
}

static void on_changed(void *context, uint32_t connection)
{
    (void)context, (void)connection;
}

static void on_done(void *context, enum qn_trip_end end, struct qn_message *answer)
{
    n_ends[end]++;
    assert_true((answer != NULL) == (end == QN_TRIP_ANSWERED));
    assert_true(answer == NULL || qn_message_view(answer).len == BODY);
    qn_message_free(answer);
    ((struct asking *)context)->done = true;
}

static void ask(struct asking *asking)
{
    counting = false;
    struct qn_message *message = qn_message_new(BODY);
    assert_non_null(message);
    counting = true;
    asking->done = false;
    qn_trip_start(asking->line, message, LONG_MS, on_done, asking);
    loop_fixture_run_until(&asking->done, LONG_MS);
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

/* False: there was no such allocation any more. */
static bool try_without(size_t number, const char *url)
{
    struct qn_transport_options options = {.url = url, .contexts = 1, .message_max_bytes = BODY};
    struct qn_port_events port_events = {on_arrived, on_peers_changed, NULL, NULL};
    struct qn_line_events line_events = {on_changed, NULL};
    struct qn_port *port = NULL;
    struct asking asking = {0};
    struct qn_error err = {0};
    loop = loop_fixture_begin();
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    fail_at = number;
    n_counted = 0;
    counting = true;
    enum qn_status status = qn_port_open(gate, &options, &port_events, &port, &err);
    if (status == QN_OK)
        status = qn_line_open(gate, &options, &line_events, &asking.line, &err);
    if (status == QN_OK) {
        ask(&asking);
        size_t n_answered = n_ends[QN_TRIP_ANSWERED];
        ask(&asking); /* by then it has recovered, unless it fails in this one */
        ask(&asking);
        assert_true(n_ends[QN_TRIP_ANSWERED] > n_answered);
    } else {
        assert_int_equal(status, QN_RESOURCE_EXHAUSTED);
    }
    counting = false;
    bool closed = false;
    if (asking.line != NULL)
        qn_line_close(asking.line);
    if (port != NULL)
        qn_port_close(port);
    qn_gate_close(gate, set_flag, &closed);
    loop_fixture_run_until(&closed, LONG_MS);
    qn_loop_turn(loop); /* pipes go later */
    loop_fixture_end();
    assert_int_equal(qn_message_live(), 0);
    assert_int_not_equal(access(url + strlen("ipc://"), F_OK), 0);
    return n_counted >= number;
}

static void test_each_allocation(void **state)
{
    (void)state;
    char url[64];
    size_t number = 1;
    snprintf(url, sizeof(url), "ipc:///tmp/quintet-sp-memory-%d", (int)getpid());
    while (try_without(number, url)) {
        assert_int_equal(n_ends[QN_TRIP_NOT_SENT] + n_ends[QN_TRIP_CANCELLED], 0);
        number++;
    }
    assert_in_range(number, 12, 40);       /* port, line, their polls; both pipes, buffers, six messages */
    assert_true(n_ends[QN_TRIP_LOST] > 0); /* those for whose messages there was no memory */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
