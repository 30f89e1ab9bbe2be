#include <semaphore.h>

#include "common/core/check.h"
#include "common/core/log.h"
#include "common/rpc/gate.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

/* Objects whose library comes back, and one whose library does not. */

struct object {
    struct qn_gated gated;
    struct qn_gate_event event;
    sem_t *block;  /* stop waits for it; NULL: it does not */
    sem_t *passed; /* stop tells it */
    size_t n_events;
    bool stopped, gone;
};

static void stop(struct qn_gated *gated)
{
    struct object *object = container_of(gated, struct object, gated);
    qn_gate_ring(&object->event); /* as nng's aios do when they are stopped */
    if (object->block != NULL)
        sem_wait(object->block);
    object->stopped = true;
    if (object->passed != NULL)
        sem_post(object->passed);
}

static void gone(struct qn_gated *gated)
{
    container_of(gated, struct object, gated)->gone = true;
}

static void on_event(struct qn_gate_event *event)
{
    container_of(event, struct object, event)->n_events++;
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static void enter(struct qn_gate *gate, struct object *object)
{
    qn_gate_enter(gate, &object->gated, stop, gone);
    object->event = (struct qn_gate_event){.gated = &object->gated, .run = on_event};
}

static void test_leave(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_gate *gate;
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    struct object a = {0}, b = {0};
    enter(gate, &a);
    enter(gate, &b);
    qn_gate_ring(&b.event);
    qn_gate_leave(&a.gated);
    assert_false(a.gone);
    bool closed = false;
    qn_gate_close(gate, set_flag, &closed); /* waits for both */
    loop_fixture_run_until(&a.gone, 10000);
    assert_true(a.stopped);
    assert_false(a.gated.given_up);
    assert_int_equal(a.n_events, 1); /* before it was gone */
    assert_int_equal(b.n_events, 1);
    assert_false(closed);
    qn_gate_leave(&b.gated);
    loop_fixture_run_until(&closed, 10000);
    assert_true(b.gone);
    loop_fixture_end();
}

static void test_leave_now(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_gate *gate;
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    struct object a = {0};
    enter(gate, &a);
    qn_gate_leave_now(&a.gated);
    assert_true(a.stopped && a.gone);
    bool closed = false;
    qn_gate_close(gate, set_flag, &closed);
    loop_fixture_run_until(&closed, 10000);
    loop_fixture_end();
}

static void no_line(void *context, struct qn_str line)
{
    (void)line;
    ++*(size_t *)context;
}

/* nng 1.5.2 in its worst hour: nng_close() does not return. The loop and all others go on; the object's
 * memory stays its library's. */
static void test_given_up(void **state)
{
    (void)state;
    struct qn_loop *loop = loop_fixture_begin();
    struct qn_gate *gate;
    size_t n_lines = 0;
    qn_log_redirect(no_line, &n_lines);
    assert_int_equal(qn_gate_open(loop, &gate), QN_OK);
    static sem_t block, passed;
    sem_init(&block, 0, 0);
    sem_init(&passed, 0, 0);
    static struct object stuck; /* its thread may outlive the test */
    stuck = (struct object){.block = &block, .passed = &passed};
    struct object other = {0};
    enter(gate, &stuck);
    enter(gate, &other);
    qn_gate_leave(&stuck.gated);
    qn_gate_leave(&other.gated);
    loop_fixture_run_until(&other.gone, 10000);
    bool closed = false;
    qn_gate_close(gate, set_flag, &closed);
    loop_fixture_run_until(&closed, 30000);
    assert_true(stuck.gone && stuck.gated.given_up);
    assert_false(stuck.stopped);
    assert_int_equal(n_lines, 1);
    loop_fixture_end();
    /* It comes back after all, and rings: nobody hears, nothing is touched. */
    qn_gate_ring(&stuck.event);
    sem_post(&block);
    sem_wait(&passed);
    qn_log_redirect(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_leave_now),
        cmocka_unit_test(test_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
