#include <stdio.h>

#include "tests/harness/test.h"
#include "tests/load/options.h"

enum { ARGUMENTS_MAX = 96 };

static struct load_options options;
static struct qn_error err;

/* Splits at blanks; '~' stands for one that does not split. */
static enum qn_status read_line(const char *line)
{
    static char copy[4096];
    static char *arguments[ARGUMENTS_MAX];
    int n = 0;
    char name[] = "quintet-load";
    arguments[n++] = name;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *rest = copy, *word; (word = strsep(&rest, " ")) && n < ARGUMENTS_MAX - 1;)
        if (*word)
            arguments[n++] = word;
    for (char *at = copy; at < copy + strlen(line); at++)
        if (*at == '~')
            *at = ' ';
    arguments[n] = NULL;
    err = (struct qn_error){0};
    return load_options_read(n, arguments, &options, &err);
}

static void takes(const char *line)
{
    if (read_line(line) != QN_OK)
        fail_msg("%s: %s", line, err.message);
}

#define BASE "--target ipc:///run/x --method a.B/C "

static void test_defaults(void **state)
{
    (void)state;
    takes(BASE "--rate 100");
    assert_int_equal(options.what, LOAD_RUN);
    assert_string_equal(options.asked.target, "ipc:///run/x");
    assert_int_equal(options.asked.mode, LOAD_OPEN);
    assert_int_equal(options.asked.arrival, LOAD_CONSTANT);
    assert_int_equal(options.asked.duration_ms, 10000);
    assert_int_equal(options.asked.warmup_ms, 1000);
    assert_int_equal(options.asked.timeout_ms, 5000);
    assert_int_equal(options.asked.concurrency, 256);
    assert_int_equal(options.asked.connections, 0); /* is settled when the methods are known */
    assert_int_equal(options.asked.seed, 1);
    assert_false(options.http);
    load_options_free(&options);
    takes(BASE "--find-max --slo p99=20ms");
    assert_true(options.find_max);
    assert_float_equal(options.asked.rate, 1000, 0);
    assert_int_equal(options.asked.duration_ms, 5000);
    load_options_free(&options);
}

static void test_all(void **state)
{
    (void)state;
    takes("--target=http://127.0.0.1:80 --method a.B/C=3 --data {\"a\":1} --method /p?q=r=0.5 --data-file f "
          "--pick zipf "
          "--cookie-file c --pick random --header X-A:~b:c --rate 2.5 --arrival poisson --ramp 1:250ms "
          "--duration 2m "
          "--warmup 0 --concurrency 9 --connections 8 --timeout 7s --seed 12 --slo p99=20ms,errors=0 --slo "
          "max=1s "
          "--json j --csv v --hgrm h --html m --watch-db postgresql://x --watch-role r --watch-metrics "
          "http://a/m "
          "--watch-metrics http://b --at 5s echo~hi --at 6s true --quiet --realtime");
    const struct load_asked *asked = &options.asked;
    assert_true(options.http && options.quiet && options.realtime);
    assert_int_equal(options.n_methods, 2);
    assert_string_equal(options.methods[0].name, "a.B/C");
    assert_float_equal(options.methods[0].weight, 3, 0);
    assert_string_equal(options.methods[0].data, "{\"a\":1}");
    assert_string_equal(options.methods[1].name, "/p?q=r");
    assert_float_equal(options.methods[1].weight, 0.5, 0);
    assert_string_equal(options.methods[1].data_file, "f");
    assert_int_equal(options.methods[1].pick, LOAD_PICK_ZIPF);
    assert_string_equal(options.cookie_file, "c");
    assert_int_equal(options.cookie_pick, LOAD_PICK_RANDOM);
    assert_int_equal(options.n_headers, 1);
    assert_str(options.headers[0].name, "X-A");
    assert_str(options.headers[0].value, "b:c");
    assert_float_equal(asked->rate, 2.5, 0);
    assert_int_equal(asked->arrival, LOAD_POISSON);
    assert_float_equal(asked->ramp_from, 1, 0);
    assert_int_equal(asked->ramp_ms, 250);
    assert_int_equal(asked->duration_ms, 120000);
    assert_int_equal(asked->warmup_ms, 0);
    assert_int_equal(asked->concurrency, 9);
    assert_int_equal(asked->connections, 8);
    assert_int_equal(asked->timeout_ms, 7000);
    assert_int_equal(asked->seed, 12);
    assert_int_equal(options.n_slos, 3);
    assert_string_equal(options.json, "j");
    assert_string_equal(options.csv, "v");
    assert_string_equal(options.hgrm, "h");
    assert_string_equal(options.html, "m");
    assert_string_equal(options.watch_db, "postgresql://x");
    assert_string_equal(options.watch_role, "r");
    assert_int_equal(options.n_scrapes, 2);
    assert_int_equal(options.n_at, 2);
    assert_int_equal(options.at[0].at_ms, 5000);
    assert_string_equal(options.at[0].command, "echo hi");
    assert_string_equal(options.at[1].command, "true");
    load_options_free(&options);
}

static void test_others(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int what;
    } cases[] = {{"--help", LOAD_HELP},
                 {"--version", LOAD_VERSION},
                 {"--rate 5 --help", LOAD_HELP},
                 {"--list-methods", LOAD_LIST_METHODS},
                 {"compare a.json b.json", LOAD_COMPARE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        takes(cases[i].line);
        assert_int_equal(options.what, cases[i].what);
        load_options_free(&options);
    }
}

/* Each says which option is wrong, and what would be right. */
static void test_bad_use(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "--target is missing: ipc://, tcp://, tls+tcp:// or http://"},
        {"--target ipc:///x", "--method is missing"},
        {BASE, "say how hard: --rate N (calls a second), --closed, or --find-max with --slo"},
        {"5000", "5000: stands alone; options begin with --"},
        {"-r 5", "-r: stands alone"},
        {"--", "--: stands alone"},
        {"--rat 5", "--rat: no such option; is it --rate?"},
        {"--conc 5", "--conc: no such option; is it --concurrency?"},
        {"--xyz", "--xyz: no such option (--help lists them)"},
        {"--rate", "--rate wants N"},
        {"--closed=yes", "--closed takes no value"},
        {"--at 5s", "--at wants TIME COMMAND"},
        {"--target udp://x", "--target: \"udp://x\": must begin with ipc://"},
        {"--target https://x", "put a proxy"},
        {"--target ipc:///x --target ipc:///y", "--target: given twice"},
        {"--method a.B/C=x", "--method: \"a.B/C=x\": the weight behind '=' must be a number above 0"},
        {"--method a.B/C=0", "the weight behind"},
        {"--method =5", "--method: wants a name"},
        {"--data {}", "--data: belongs to the --method before it"},
        {"--data-file f", "--data-file: belongs to the --method before it"},
        {"--method a --data {} --data {}", "--data: a has its data already"},
        {"--method a --data {} --data-file f", "--data-file: a has its data already"},
        {"--pick zipf", "--pick: belongs to the --data-file or --cookie-file before it"},
        {"--method a --data-file f --pick best", "--pick: \"best\": must be order, random or zipf"},
        {"--header X", "--header: \"X\": must be 'Name: value'"},
        {"--header :x", "must be 'Name: value'"},
        {"--rate 0", "--rate: \"0\" is no rate: calls a second, above 0 and at most 10000000"},
        {"--rate -5", "is no rate"},
        {"--rate 1e3", "is no rate"},
        {"--rate 1.2.3", "is no rate"},
        {"--rate 99999999", "is no rate"},
        {"--arrival random", "--arrival: \"random\": must be constant or poisson"},
        {"--ramp 100", "--ramp: \"100\": must be FROM:TIME"},
        {"--ramp x:10s", "--ramp: \"x\" is no rate"},
        {"--ramp 5:10", "--ramp: \"10\" is no duration"},
        {"--ramp 5:0", "--ramp: must be longer than 0"},
        {"--duration 10", "--duration: \"10\" is no duration: a whole number and a unit, as \"250ms\""},
        {"--duration 0", "--duration: must be longer than 0"},
        {"--duration 25h", "at most 24h"},
        {"--warmup soon", "--warmup: \"soon\" is no duration"},
        {"--timeout 0", "--timeout: must be longer than 0"},
        {"--concurrency 0", "--concurrency: \"0\": must be a whole number from 1 to 65536"},
        {"--concurrency many", "must be a whole number"},
        {"--connections 99999", "--connections: \"99999\": must be a whole number from 1 to 16384"},
        {"--seed x", "--seed: \"x\": must be a whole number"},
        {"--slo p99", "--slo p99: wants a duration"},
        {"--watch-metrics ipc://x", "--watch-metrics: \"ipc://x\": must be a URL"},
        {"--at now true", "--at: \"now\" is no duration"},
        {"--target tls+tcp://x:1 --method a --rate 1", "wants --tls-cert, --tls-key and --tls-ca"},
        {BASE "--rate 1 --tls-ca f", "go with a tls+tcp:// target"},
        {BASE "--rate 1 --header a:b", "--header goes with an http:// target"},
        {"--target http://x --method a --rate 1 --caller u", "--caller goes with an nng target"},
        {"--target ipc:///x --method a --rate 1 --callers",
         "--callers goes with an nng target and a --cookie-file"},
        {BASE "--closed --rate 5", "--rate is for the open loop"},
        {BASE "--closed --find-max --slo max=1s", "--find-max searches a rate"},
        {BASE "--closed --ramp 1:1s", "--ramp and --arrival are for the open loop"},
        {BASE "--closed --arrival poisson", "--ramp and --arrival are for the open loop"},
        {BASE "--find-max", "--find-max wants --slo"},
        {BASE "--find-max --slo max=1s --ramp 1:1s", "--ramp does not go with --find-max"},
        {BASE "--find-max --slo max=1s --at 1s true", "--at does not go with --find-max"},
        {BASE "--rate 1 --watch-role r", "--watch-role goes with --watch-db"},
        {BASE "--rate 1 --at 10s true", "--at: its time must lie within --duration"},
        {"compare a.json", "compare wants two reports"},
        {"compare a b c", "compare wants two reports"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_line(cases[i][0]) != QN_INVALID_ARGUMENT)
            fail_msg("\"%s\" was taken, should have said: %s", cases[i][0], cases[i][1]);
        if (!strstr(err.message, cases[i][1]))
            fail_msg("\"%s\" said \"%s\", should have said: %s", cases[i][0], err.message, cases[i][1]);
        load_options_free(&options);
    }
}

/* Every option has its line, and no line is wider than a terminal takes. */
static void test_help(void **state)
{
    (void)state;
    struct qn_buf text;
    qn_buf_init(&text, 64 * 1024);
    load_options_help(&text);
    assert_false(qn_buf_failed(&text));
    for (size_t i = 0; i < load_option_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "  --%s", load_option_table[i].name);
        if (!strstr(text.data, name))
            fail_msg("%s is not there", name);
    }
    struct qn_str rest = qn_buf_view(&text), line;
    while (qn_str_next(&rest, '\n', &line))
        if (line.len > 110)
            fail_msg("too wide: %.*s", QN_STR_ARG(line));
    qn_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_all),  cmocka_unit_test(test_others),
        cmocka_unit_test(test_bad_use),  cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
