#include <pthread.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/loop/post.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

struct letter {
    struct qn_node node;
    size_t sender;
    size_t number;
};

enum { SENDERS = 4, LETTERS_EACH = 20000 };

struct office {
    struct qn_loop *loop;
    struct qn_post *post;
    size_t next[SENDERS];
    size_t taken;
    size_t close_after; /* 0: not by itself */
    bool closed;
    size_t taken_when_closed;
};

static void on_closed(void *context)
{
    struct office *office = context;
    assert_false(office->closed);
    office->closed = true;
    office->taken_when_closed = office->taken;
}

static void take(void *context, struct qn_node *node)
{
    struct office *office = context;
    struct letter *letter = container_of(node, struct letter, node);
    assert_int_equal(letter->number, office->next[letter->sender]++);
    office->taken++;
    if (office->taken == office->close_after)
        qn_post_close(office->post, on_closed, office);
}

static void office_open(struct office *office)
{
    office->loop = loop_fixture_begin();
    assert_int_equal(qn_post_open(office->loop, take, office, &office->post), QN_OK);
}

static void test_nodes_arrive_in_order_and_not_inside_post(void **state)
{
    (void)state;
    struct office office = {0};
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    office_open(&office);
    for (size_t i = 0; i < QN_COUNT(letters); i++)
        qn_post(office.post, &letters[i].node);
    assert_int_equal(office.taken, 0);
    loop_fixture_run_until_count(&office.taken, 3, 10000);
    qn_post_close(office.post, on_closed, &office);
    assert_false(office.closed);
    loop_fixture_run_until(&office.closed, 10000);
    loop_fixture_end();
}

struct sender {
    struct office *office;
    size_t number;
    struct letter *letters;
};

static void *send_all(void *context)
{
    struct sender *sender = context;
    for (size_t i = 0; i < LETTERS_EACH; i++) {
        sender->letters[i] = (struct letter){.sender = sender->number, .number = i};
        qn_post(sender->office->post, &sender->letters[i].node);
    }
    return NULL;
}

/* Each thread's nodes in its own order, none lost, whatever wakes are merged. */
static void test_several_threads_post_at_once(void **state)
{
    (void)state;
    struct office office = {0};
    office_open(&office);
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&office, i, calloc(LETTERS_EACH, sizeof(struct letter))};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    loop_fixture_run_until_count(&office.taken, (size_t)SENDERS * LETTERS_EACH, 60000);
    for (size_t i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        free(senders[i].letters);
    }
    qn_post_close(office.post, on_closed, &office);
    loop_fixture_run_until(&office.closed, 10000);
    assert_int_equal(office.taken, SENDERS * LETTERS_EACH);
    loop_fixture_end();
}

static void test_what_is_queued_is_taken_before_closed(void **state)
{
    (void)state;
    struct office office = {0};
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    office_open(&office);
    for (size_t i = 0; i < QN_COUNT(letters); i++)
        qn_post(office.post, &letters[i].node);
    qn_post_close(office.post, on_closed, &office);
    assert_int_equal(office.taken, 0); /* not inside close either */
    loop_fixture_run_until(&office.closed, 10000);
    assert_int_equal(office.taken_when_closed, 3);
    loop_fixture_end();
}

static void test_it_may_be_closed_while_nodes_are_taken(void **state)
{
    (void)state;
    struct office office = {.close_after = 2};
    struct letter letters[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    office_open(&office);
    for (size_t i = 0; i < QN_COUNT(letters); i++)
        qn_post(office.post, &letters[i].node);
    loop_fixture_run_until(&office.closed, 10000);
    assert_int_equal(office.taken_when_closed, 4);
    loop_fixture_end();
}

static void *send_one(void *context)
{
    struct sender *sender = context;
    qn_post(sender->office->post, &sender->letters->node);
    return NULL;
}

/* The last poster is still on its way out of qn_post() when the loop has its node and closes the queue: the
 * memory it stands on must not go away. A thousand tries, and the sanitizers watch. */
static void test_the_last_poster_and_the_close(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct office office = {.close_after = 1};
        struct letter letter = {0};
        struct sender sender = {&office, 0, &letter};
        pthread_t thread;
        office_open(&office);
        assert_int_equal(pthread_create(&thread, NULL, send_one, &sender), 0);
        loop_fixture_run_until(&office.closed, 60000);
        pthread_join(thread, NULL);
        loop_fixture_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_arrive_in_order_and_not_inside_post),
        cmocka_unit_test(test_several_threads_post_at_once),
        cmocka_unit_test(test_what_is_queued_is_taken_before_closed),
        cmocka_unit_test(test_it_may_be_closed_while_nodes_are_taken),
        cmocka_unit_test(test_the_last_poster_and_the_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
