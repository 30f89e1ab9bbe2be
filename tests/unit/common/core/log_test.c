#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/utf8.h"
#include "tests/harness/test.h"

static struct qn_buf seen;
static size_t seen_lines;

static void keep(void *context, struct qn_str line)
{
    struct qn_buf *to = context;
    qn_buf_write_str(to, line);
    seen_lines++;
}

static int set_up(void **state)
{
    (void)state;
    qn_buf_init(&seen, 4 * 1024 * 1024);
    seen_lines = 0;
    qn_log_setup("service", QN_INFO, false);
    qn_log_redirect(keep, &seen);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    qn_log_redirect(NULL, NULL);
    qn_buf_fini(&seen);
    return 0;
}

/* The one line seen, without its time; then forgets it. */
static void assert_line(const char *should_be)
{
    struct qn_str line = qn_buf_view(&seen);
    int64_t wall_ms;
    assert_int_equal(seen_lines, 1);
    assert_true(line.len > QN_TIME_TEXT_LEN);
    assert_true(qn_time_parse(qn_str_n(line.ptr, QN_TIME_TEXT_LEN), &wall_ms));
    assert_str(qn_str_n(line.ptr + QN_TIME_TEXT_LEN, line.len - QN_TIME_TEXT_LEN), should_be);
    qn_buf_clear(&seen);
    seen_lines = 0;
}

static void test_a_line_in_logfmt(void **state)
{
    (void)state;
    qn_log(NULL, QN_INFO, "started");
    assert_line(" INFO  service: started\n");
    qn_log(NULL, QN_WARN, "tried", QN_F_C("user", "ann"), QN_F_INT("tries", -3),
           QN_F_STATUS("status", QN_NOT_FOUND), QN_F_STR("view", QN_STR("a/b")));
    assert_line(" WARN  service: tried user=ann tries=-3 status=not_found view=a/b\n");
    qn_log(NULL, QN_ERROR, "failed", QN_F_C("empty", ""), QN_F_C("none", NULL));
    assert_line(" ERROR service: failed empty=\"\" none=\"\"\n");
}

static void test_a_line_in_json(void **state)
{
    (void)state;
    qn_log_setup("service", QN_INFO, true);
    qn_log(NULL, QN_WARN, "tried", QN_F_C("user", "a\"n\\n"), QN_F_INT("tries", 3),
           QN_F_STATUS("status", QN_OK));
    struct qn_str line = qn_buf_view(&seen);
    assert_true(qn_str_starts(line, QN_STR("{\"time\":\"2")));
    const size_t head = sizeof "{\"time\":\"" - 1 + QN_TIME_TEXT_LEN;
    assert_str(
        qn_str_n(line.ptr + head, line.len - head),
        "\",\"level\":\"warn\",\"name\":\"service\",\"text\":\"tried\",\"user\":\"a\\\"n\\\\n\",\"tries\":3,"
        "\"status\":\"ok\"}\n");
}

/* A peer who sends a name with a line end in it must not be able to write a log line of its own. */
static void test_values_from_a_peer_cannot_begin_a_line_or_a_field(void **state)
{
    (void)state;
    static const struct {
        struct qn_str value;
        const char *quoted;
    } values[] = {
        {{"a\n2026 ERROR x: y", 17}, "\"a\\n2026 ERROR x: y\""},
        {{"a b=c", 5}, "\"a b=c\""},
        {{"say \"hi\"", 8}, "\"say \\\"hi\\\"\""},
        {{"back\\slash", 10}, "\"back\\\\slash\""},
        {{"\r\t\x1b[31m\x7f", 8}, "\"\\r\\t\\u001b[31m\\u007f\""},
        {{"nul\0in", 6}, "\"nul\\u0000in\""},
        {{"\xc2\x9b", 2}, "\"\\u009b\""},                      /* CSI of C1: a terminal obeys it as ESC [ */
        {{"\xe2\x80\xa8", 3}, "\"\\u2028\""},                  /* LINE SEPARATOR */
        {{"gr\xc3\xbc\xc3\x9f", 6}, "\"gr\xc3\xbc\xc3\x9f\""}, /* text stays text */
        {{"bad\xff\xc3", 5}, "\"bad\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < QN_COUNT(values); i++) {
        char should_be[128];
        qn_log(NULL, QN_INFO, "got", QN_F_STR("value", values[i].value), QN_F_INT("next", 1));
        snprintf(should_be, sizeof should_be, " INFO  service: got value=%s next=1\n", values[i].quoted);
        assert_line(should_be);
    }
}

static void test_contexts_chain_from_the_service_to_the_call(void **state)
{
    (void)state;
    const struct qn_log service = {.name = "profile", .fields = {QN_F_C("pid", "7")}, .n_fields = 1};
    const struct qn_log call = {
        .parent = &service,
        .fields = {QN_F_C("request", "4f1c"), QN_F_C("method", "Get")},
        .n_fields = 2,
    };
    const struct qn_log query = {.parent = &call, .name = "pg"};
    qn_log(&call, QN_INFO, "done", QN_F_INT("took_ms", 83));
    assert_line(" INFO  profile: done pid=7 request=4f1c method=Get took_ms=83\n");
    qn_log(&query, QN_INFO, "sent");
    assert_line(" INFO  pg: sent pid=7 request=4f1c method=Get\n");
}

static void test_levels(void **state)
{
    (void)state;
    qn_log_setup("service", QN_WARN, false);
    assert_false(qn_log_enabled(QN_INFO));
    assert_true(qn_log_enabled(QN_WARN));
    qn_log(NULL, QN_INFO, "unseen");
    assert_int_equal(seen_lines, 0);
    qn_log_setup("service", QN_DEBUG, false);
    qn_log(NULL, QN_DEBUG, "seen");
    assert_line(" DEBUG service: seen\n");

    enum qn_log_level level;
    assert_true(qn_log_level_parse(QN_STR("debug"), &level) && level == QN_DEBUG);
    assert_true(qn_log_level_parse(QN_STR("info"), &level) && level == QN_INFO);
    assert_true(qn_log_level_parse(QN_STR("warn"), &level) && level == QN_WARN);
    assert_true(qn_log_level_parse(QN_STR("error"), &level) && level == QN_ERROR);
    assert_false(qn_log_level_parse(QN_STR("INFO"), &level));
    assert_false(qn_log_level_parse(QN_STR(""), &level));
}

/* Without surrogate pairs, numbers or \u escapes other than ours: enough to know that a cut line was closed.
 */
static bool is_closed_json(struct qn_str line)
{
    bool in_string = false;
    int depth = 0;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string)
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    }
    return !in_string && depth == 0 && qn_str_ends(line, QN_STR("}\n"));
}

/* Lines of any length, cut at every place there is: a cut must never pass the limit, split a code point or
 * leave a quote open. */
static void test_long_lines_are_cut_and_closed(void **state)
{
    (void)state;
    static char filler[5000];
    for (size_t i = 0; i + 2 < sizeof filler; i += 2)
        memcpy(filler + i, i % 10 == 0 ? "\n\"" : "\xc3\xa9", 2);
    for (int json = 0; json <= 1; json++) {
        qn_log_setup("service", QN_INFO, json);
        for (size_t first = 0; first < 1100; first++) {
            qn_log(NULL, QN_INFO, "long", QN_F_STR("a", qn_str_n(filler, 4000)),
                   QN_F_STR("b", qn_str_n(filler, 4000)), QN_F_STR("c", qn_str_n(filler, 4000)),
                   QN_F_STR("d", qn_str_n(filler, first / 2 * 2)), QN_F_STR("e", qn_str_n(filler, 200)),
                   QN_F_INT("f", INT64_MIN), QN_F_C("g", "bare"), QN_F_C("h", "last"));
            struct qn_str line = qn_buf_view(&seen);
            assert_true(line.len <= 4096);
            assert_true(qn_utf8_valid(line));
            assert_int_equal(qn_str_find(line, '\n'), (ptrdiff_t)line.len - 1);
            if (json && !is_closed_json(line))
                fail_msg("not closed: %.*s", QN_STR_ARG(line));
            qn_buf_clear(&seen);
        }
    }
}

/* One long value is cut by itself, so that those after it are still seen. */
static void test_a_long_value_leaves_room_for_the_others(void **state)
{
    (void)state;
    static char filler[100000];
    memset(filler, 'x', sizeof filler);
    qn_log(NULL, QN_INFO, "long", QN_F_STR("a", qn_str_n(filler, sizeof filler)), QN_F_INT("after", 1));
    struct qn_str line = qn_buf_view(&seen);
    assert_true(line.len < 1200);
    assert_true(qn_str_ends(line, QN_STR("x\xe2\x80\xa6\" after=1\n")));
}

/* The last value of a full line is cut as well, also one that would have stood without quotes. */
static void test_a_value_at_the_end_of_a_full_line_is_cut(void **state)
{
    (void)state;
    static char filler[1000];
    memset(filler, 'x', sizeof filler);
    const struct qn_str text = qn_str_n(filler, sizeof filler), shorter = qn_str_n(filler, 900);
    qn_log(NULL, QN_INFO, "long", QN_F_STR("a", shorter), QN_F_STR("b", text), QN_F_STR("c", text),
           QN_F_STR("d", text), QN_F_STR("e", text), QN_F_INT("after", 1));
    struct qn_str line = qn_buf_view(&seen);
    assert_true(line.len > 4080 && line.len <= 4096);
    assert_true(qn_str_ends(line, QN_STR("xxx\xe2\x80\xa6\"\n")));
    ptrdiff_t last_quoted = qn_str_find(line, '"');
    assert_true(last_quoted > 0 && qn_str_ends(qn_str_n(line.ptr, (size_t)last_quoted), QN_STR(" e=")));
}

static void test_errno_is_left_alone(void **state)
{
    (void)state;
    qn_log_redirect(NULL, NULL);
    int saved = dup(STDERR_FILENO);
    close(STDERR_FILENO); /* write(2) fails with EBADF */
    errno = ENOTTY;
    qn_log(NULL, QN_INFO, "to nowhere");
    int after = errno;
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(after, ENOTTY);
}

enum { WRITERS = 4, LINES_EACH = 2000 };

static const char line_filler[] = "............................................................";

static void *write_lines(void *context)
{
    const char *name = context;
    for (int i = 0; i < LINES_EACH; i++)
        qn_log(NULL, QN_INFO, "from a thread", QN_F_C("thread", name), QN_F_INT("line", i),
               QN_F_C("filler", line_filler));
    return NULL;
}

static void *read_all(void *context)
{
    int fd = *(int *)context;
    char bytes[4096];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        qn_buf_write(&seen, bytes, (size_t)got);
    return NULL;
}

/* Several threads, one stderr, a pipe: each line arrives whole. */
static void test_lines_of_several_threads_do_not_mix(void **state)
{
    (void)state;
    qn_log_redirect(NULL, NULL);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    int saved = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);

    pthread_t reader, writers[WRITERS];
    static const char *const names[WRITERS] = {"a", "b", "c", "d"};
    assert_int_equal(pthread_create(&reader, NULL, read_all, &fds[0]), 0);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_lines, (void *)names[i]), 0);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    dup2(saved, STDERR_FILENO); /* the last writer's end closes; the reader sees the end */
    close(saved);
    pthread_join(reader, NULL);
    close(fds[0]);

    int next[WRITERS] = {0};
    struct qn_str rest = qn_buf_view(&seen), line;
    assert_true(qn_str_ends(rest, QN_STR("\n")));
    rest.len--;
    while (qn_str_next(&rest, '\n', &line)) {
        size_t writer = 0;
        char should_be[256];
        ptrdiff_t at = qn_str_find(line, '=');
        assert_true(at > QN_TIME_TEXT_LEN && (size_t)at + 1 < line.len);
        while (writer < WRITERS && line.ptr[at + 1] != *names[writer])
            writer++;
        assert_true(writer < WRITERS);
        snprintf(should_be, sizeof should_be, " INFO  service: from a thread thread=%s line=%d filler=%s",
                 names[writer], next[writer]++, line_filler);
        assert_str(qn_str_n(line.ptr + QN_TIME_TEXT_LEN, line.len - QN_TIME_TEXT_LEN), should_be);
    }
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(next[i], LINES_EACH);
}

static void test_a_limit_counts_what_it_holds_back(void **state)
{
    (void)state;
    struct qn_log_limit limit = {0};
    uint64_t held_back = 99;
    const uint64_t an_hour = 3600 * 1000;
    assert_true(qn_log_due(&limit, an_hour, &held_back));
    assert_int_equal(held_back, 0);
    assert_false(qn_log_due(&limit, an_hour, &held_back));
    assert_false(qn_log_due(&limit, an_hour, &held_back));
    limit.next_ms = qn_clock_now_ms(); /* the hour has passed */
    assert_true(qn_log_due(&limit, an_hour, &held_back));
    assert_int_equal(held_back, 2);
    limit.next_ms = qn_clock_now_ms();
    assert_true(qn_log_due(&limit, an_hour, &held_back));
    assert_int_equal(held_back, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line_in_logfmt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_line_in_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_from_a_peer_cannot_begin_a_line_or_a_field, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_contexts_chain_from_the_service_to_the_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines_are_cut_and_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_value_leaves_room_for_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_value_at_the_end_of_a_full_line_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errno_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines_of_several_threads_do_not_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_limit_counts_what_it_holds_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
