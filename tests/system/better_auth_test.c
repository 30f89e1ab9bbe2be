#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "tests/harness/replay_mail.h"
#include "tests/harness/stack.h"
#include "tests/harness/tables.h"
#include "tests/harness/test.h"

/* Better Auth's face against Better Auth: every exchange that was recorded with the real product is either
 * asked of the gateway, and must be answered the same, or stands in the table of what this release
 * leaves out, with the reason. */

/* The configurations that differ by settings which this release has. Each gets an auth and a gateway of its
 * own, on the one database. */
struct configuration {
    const char *name;
    const char *secret;
    const char *environment[8]; /* NULL: what harness_stack_start() says */
    bool mail;                  /* there is a mail server */
};

#define NEWER_SECRET "qJ8nV3xTz6Lw1Rk9Ys4Hb7Md2Pf5Gc0Ea"

static const struct configuration CONFIGURATIONS[] = {
    {"default", HARNESS_STACK_SECRET, {NULL}},
    {"https", HARNESS_STACK_SECRET, {"BETTER_AUTH_URL=https://app.example.com"}},
    {"nobase", HARNESS_STACK_SECRET, {"BETTER_AUTH_URL="}},
    {"basepath", HARNESS_STACK_SECRET, {"BETTER_AUTH_URL=http://localhost:8080/auth/v1"}},
    {"wildcard",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080",
      "BETTER_AUTH_TRUSTED_ORIGINS=https://*.example.com,*.example.org,http://192.168.*:3000,"
      "http://tail-slash.example/"}},
    {"secrets",
     NEWER_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080",
      "BETTER_AUTH_SECRETS=2:" NEWER_SECRET ",1:" HARNESS_STACK_SECRET}},
    {"production", HARNESS_STACK_SECRET, {"BETTER_AUTH_URL=http://localhost:8080", "NODE_ENV=production"}},
    {"production-no-base-url", HARNESS_STACK_SECRET, {"BETTER_AUTH_URL=", "NODE_ENV=production"}},
    {"development", HARNESS_STACK_SECRET, {"BETTER_AUTH_URL=http://localhost:8080", "NODE_ENV=development"}},
    {"fetch-handler", HARNESS_STACK_SECRET, {NULL}},
    {"ratelimit",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "BETTER_AUTH_RATE_LIMIT_ENABLED=true"}},
    {"ratelimitdb",
     /* where it counted in the database; here auth's replicas count */ HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "BETTER_AUTH_RATE_LIMIT_ENABLED=true"}},
    {"emaildisabled", HARNESS_STACK_SECRET, {"QUINTET_AUTH_EMAIL_PASSWORD=false"}},
    {"signupdisabled", HARNESS_STACK_SECRET, {"QUINTET_AUTH_DISABLE_SIGN_UP=true"}},
    {"defer",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_DEFER_SESSION_REFRESH=true"}},
    {"cachecompact",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_COOKIE_CACHE=true"}},
    {"cachejwt",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_COOKIE_CACHE=true",
      "QUINTET_AUTH_COOKIE_CACHE_STRATEGY=jwt"}},
    {"cachejwe",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_COOKIE_CACHE=true",
      "QUINTET_AUTH_COOKIE_CACHE_STRATEGY=jwe"}},
    {"bearer", HARNESS_STACK_SECRET, {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_BEARER=true"}},
    {"bearersigned",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_BEARER=signed"}},
    {"mail",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_DELETE_USER=true",
      "QUINTET_AUTH_CHANGE_EMAIL=true", "BETTER_AUTH_TRUSTED_ORIGINS=http://localhost:3000"},
     true},
    {"mailverify",
     HARNESS_STACK_SECRET,
     {"BETTER_AUTH_URL=http://localhost:8080", "QUINTET_AUTH_DELETE_USER=true",
      "QUINTET_AUTH_DELETE_USER_BY_MAIL=true", "QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION=true",
      "QUINTET_AUTH_SIGN_IN_AFTER_VERIFICATION=true", "QUINTET_AUTH_REVOKE_SESSIONS_ON_RESET=true"},
     true},
};

/* Node's server does not hand on a body without a type, and none that is empty; a route handler of fetch's
 * sort does. Behind it the product answers 415 and 400, behind Node's server
 * (default/sign-in-email.body-no-type, .empty-body, default/sign-up-email.body-no-type) what it answers to no
 * body. One answer it must be: Node's. */
#define BODILESS                                                                                             \
    "bodies without a type, or empty: to the same request the product answers otherwise behind a Node "      \
    "server"

/* What is left out, by the ids of the exchanges. */
static const struct {
    const char *ids, *reason;
} LEFT_OUT[] = {
    {"fetch-handler/sign-in.no-content-type", BODILESS},
    {"fetch-handler/sign-in.empty-json", BODILESS},
    {"fetch-handler/sign-out.no-content-type", BODILESS},
};

/* What the recorder did to the rows before an exchange. "$1" is the session token that the exchange shows,
 * or the token in its body. */
static const struct {
    const char *id, *sql;
} PREPARED[] = {
    {"default/expiry.get-session-expired",
     "update session set \"expiresAt\" = now() - interval '1 minute' where token = $1"},
    {"default/expiry.list-sessions-expired",
     "update session set \"expiresAt\" = now() - interval '1 minute' where token = $1"},
    {"default/expiry.update-user-expired",
     "update session set \"expiresAt\" = now() - interval '1 minute' where token = $1"},
    {"default/refresh.not-due",
     "update session set \"expiresAt\" = now() + interval '6 days 1 minute' where token = $1"},
    {"default/refresh.due-but-disabled",
     "update session set \"expiresAt\" = now() + interval '5 days 23 hours' where token = $1"},
    {"default/refresh.due-on-list-sessions",
     "update session set \"expiresAt\" = now() + interval '5 days 23 hours' where token = $1"},
    {"default/refresh.dont-remember",
     "update session set \"expiresAt\" = now() + interval '1 hour' where token = $1"},
    {"default/fresh.list-sessions-not-fresh",
     "update session set \"createdAt\" = now() - interval '25 hours' where token = $1"},
    {"mail/reset-password.expired",
     "update verification set \"expiresAt\" = now() - interval '1 minute' where "
     "identifier = 'reset-password:' || $1"},
    {"mail/delete-user.not-fresh",
     "update session set \"createdAt\" = now() - interval '25 hours' where token = $1"},
    {"cachecompact/get-session.cached-row-gone", "delete from session where token = $1"},
    {"cachejwt/get-session.cached-row-gone", "delete from session where token = $1"},
    {"cachejwe/get-session.cached-row-gone", "delete from session where token = $1"},
    {"defer/get-session.needs-refresh",
     "update session set \"expiresAt\" = now() + interval '5 days' where token = $1"},
};

/* The recorder asked the same so often before, and kept only the first and the last of it. */
static const struct {
    const char *id;
    unsigned times;
} REPEATED[] = {
    {"ratelimit/get-session.100", 98},
};

/* Asked for a mail that the recorder did not keep, and the token of it that a later request shows. */
static const struct {
    const char *id, *token;
} MAIL_NOT_KEPT[] = {
    {"mail/request-password-reset.upper-email", NULL},
    {"mail/reset-password.request-3", "4W38j658BnrbQztktZMxxkYL"},
};

/* Shown as they were recorded: their point is a signature that is not quite ours, and of our own some
 * spellings would be. Their secret is ours, so that a gateway that took them would tell by expiring the
 * cookies. */
static const char *const VERBATIM[] = {
    "default/get-session.signature-base64url",
    "default/get-session.signature-missing-pad",
};

static struct harness_stack stack;
static struct replay replay;
static PGconn *admin;
static size_t n_mails; /* that should have been sent in the configuration just asked */

static int read_recording(void **state)
{
    (void)state;
    replay_open(&replay);
    return 0;
}

static int forget_recording(void **state)
{
    (void)state;
    replay_close(&replay);
    return 0;
}

static int set_up(void **state)
{
    read_recording(state);
    harness_stack_start_on(&stack, harness_tables_start_empty(harness_tables_layout()), NULL);
    admin = harness_postgres_admin(stack.postgres, NULL);
    harness_postgres_do(admin, "set timezone to 'UTC'"); /* what Prisma's columns hold */
    return 0;
}

static int tear_down(void **state)
{
    PQfinish(admin);
    harness_stack_stop(&stack);
    return forget_recording(state);
}

static const struct configuration *configuration_of(const struct replay_exchange *exchange)
{
    for (size_t i = 0; i < QN_COUNT(CONFIGURATIONS); i++) {
        if (strcmp(CONFIGURATIONS[i].name, exchange->config) == 0)
            return &CONFIGURATIONS[i];
    }
    return NULL;
}

/* The line of LEFT_OUT; -1: in none. */
static int line_left_out(const struct replay_exchange *exchange)
{
    for (size_t i = 0; i < QN_COUNT(LEFT_OUT); i++) {
        if (fnmatch(LEFT_OUT[i].ids, exchange->id, 0) == 0)
            return (int)i;
    }
    return -1;
}

/* Nothing is skipped in silence, and no line of the tables outlives what it was for. */
static void test_every_exchange_is_replayed_or_left_out_for_a_reason(void **state)
{
    (void)state;
    enum { LINES = QN_COUNT(LEFT_OUT) };
    size_t left_out[LINES] = {0}, replayed = 0, total = 0, lost = 0;
    for (size_t i = 0; i < replay.n_exchanges; i++) {
        const struct replay_exchange *exchange = &replay.exchanges[i];
        int line = line_left_out(exchange);
        if (line >= 0) {
            left_out[line]++;
            total++;
        } else if (configuration_of(exchange)) {
            replayed++;
        } else {
            print_error("%s (%s %s) is neither replayed nor left out\n", exchange->id, exchange->method,
                        exchange->path);
            lost++;
        }
    }
    print_message("%zu exchanges: %zu replayed, %zu left out:\n", replay.n_exchanges, replayed, total);
    for (int i = 0; i < LINES; i++) {
        size_t n = left_out[i];
        if (n == 0)
            fail_msg("nothing is left out by line %d (%s) any more", i, LEFT_OUT[i].reason);
        for (int k = i + 1; k < LINES && strcmp(LEFT_OUT[k].reason, LEFT_OUT[i].reason) == 0; k++, i++)
            n += left_out[k];
        print_message("  %4zu  %s\n", n, LEFT_OUT[i].reason);
    }
    for (size_t i = 0; i < QN_COUNT(PREPARED) + QN_COUNT(VERBATIM); i++) {
        const char *id = i < QN_COUNT(PREPARED) ? PREPARED[i].id : VERBATIM[i - QN_COUNT(PREPARED)];
        size_t k = 0;
        while (k < replay.n_exchanges && strcmp(replay.exchanges[k].id, id) != 0)
            k++;
        if (k == replay.n_exchanges || line_left_out(&replay.exchanges[k]) >= 0)
            fail_msg("%s is prepared for, but not replayed", id);
    }
    assert_int_equal(lost, 0);
    assert_int_equal(replayed + total, replay.n_exchanges);
}

/* The table as a document: for each reason the exchanges that it keeps out. */
static void write_exclusions(struct qn_buf *to)
{
    enum { LINES = QN_COUNT(LEFT_OUT) };
    size_t total = 0;
    for (size_t i = 0; i < replay.n_exchanges; i++)
        total += line_left_out(&replay.exchanges[i]) >= 0;
    qn_buf_printf(
        to,
        "# Recorded exchanges that are not replayed\n\n"
        "`better_auth_test.c` asks the gateway what the real Better Auth was asked, %zu times in all "
        "(`tests/fixtures/better-auth/`),\nand compares the answers. These %zu it leaves out; the other %zu "
        "are answered the same. The test writes this list from its\ntables and fails when it differs.\n",
        replay.n_exchanges, total, replay.n_exchanges - total);
    for (int line = 0; line < LINES; line++) {
        const char *reason = LEFT_OUT[line].reason;
        bool first = true, told = false;
        for (int k = 0; k < line; k++)
            told = told || strcmp(LEFT_OUT[k].reason, reason) == 0;
        for (size_t i = 0; !told && i < replay.n_exchanges; i++) {
            const struct replay_exchange *exchange = &replay.exchanges[i];
            int of = line_left_out(exchange);
            if (of < 0 || strcmp(LEFT_OUT[of].reason, reason) != 0)
                continue;
            if (first)
                qn_buf_printf(to, "\n## %c%s\n\n", reason[0] - 'a' + 'A', reason + 1);
            first = false;
            qn_buf_printf(to, "- %s\n", exchange->id);
        }
    }
}

/* QN_WRITE_EXCLUSIONS=1 writes it anew. */
static void test_the_list_of_exclusions_is_the_tables(void **state)
{
    (void)state;
    static const char PATH[] = QN_SOURCE_DIR "/tests/system/better-auth-exclusions.md";
    enum { DOCUMENT_MAX = 64 * 1024 };
    static char is[DOCUMENT_MAX];
    struct qn_buf should_be;
    qn_buf_init(&should_be, DOCUMENT_MAX);
    write_exclusions(&should_be);
    assert_false(qn_buf_failed(&should_be));
    if (getenv("QN_WRITE_EXCLUSIONS")) {
        FILE *out = fopen(PATH, "w");
        assert_non_null(out);
        assert_int_equal(fwrite(should_be.data, 1, should_be.len, out), should_be.len);
        assert_int_equal(fclose(out), 0);
    }
    FILE *in = fopen(PATH, "r");
    size_t len = in ? fread(is, 1, sizeof is, in) : 0;
    if (in)
        fclose(in);
    if (!qn_str_eq(qn_str_n(is, len), qn_buf_view(&should_be)))
        fail_msg(
            "better-auth-exclusions.md is not what the tables say; QN_WRITE_EXCLUSIONS=1 writes it anew");
    qn_buf_fini(&should_be);
}

/* Runs a statement with the exchange's token; how many rows it changed or found. */
static int with_token(const char *sql, const char *token)
{
    PGresult *result = PQexecParams(admin, sql, 1, NULL, &token, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(admin));
    int rows = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : atoi(PQcmdTuples(result));
    PQclear(result);
    return rows;
}

static void prepare(const struct replay_exchange *exchange)
{
    for (size_t i = 0; i < QN_COUNT(PREPARED); i++) {
        if (strcmp(PREPARED[i].id, exchange->id) != 0)
            continue;
        const char *token = replay_token(&replay, exchange);
        if (with_token(PREPARED[i].sql, token ? token : replay_body_member(&replay, exchange, "token")) != 1)
            fail_msg("%s: there was no row to prepare", exchange->id);
    }
}

/* What was asked before it, unrecorded; each time the answer must be the same. */
static bool repeat(const struct replay_exchange *exchange, const struct replay_target *target,
                   struct qn_buf *differences)
{
    bool same = true;
    for (size_t i = 0; i < QN_COUNT(REPEATED); i++) {
        for (unsigned k = 0; strcmp(REPEATED[i].id, exchange->id) == 0 && k < REPEATED[i].times && same; k++)
            same = replay_ask(&replay, exchange, target, false, differences);
    }
    return same;
}

static bool is_verbatim(const struct replay_exchange *exchange)
{
    for (size_t i = 0; i < QN_COUNT(VERBATIM); i++) {
        if (strcmp(VERBATIM[i], exchange->id) == 0)
            return true;
    }
    return false;
}

/* What the recorder then looked up in the database. */
static bool is_row_as_recorded(const struct replay_exchange *exchange)
{
    static const char SQL[] = "select 1 from session where token = $1";
    const struct qn_json *own = replay_after(exchange, "sessionRowExists"),
                         *others = replay_after(exchange, "otherUsersSessionRowExists");
    return (!own || own->boolean == (with_token(SQL, replay_token(&replay, exchange)) == 1)) &&
           (!others ||
            others->boolean == (with_token(SQL, replay_body_member(&replay, exchange, "token")) == 1));
}

/* A ticket as recorded: whose it is, and for how long. */
static bool is_ticket_as_recorded(const struct replay_exchange *exchange)
{
    const struct qn_json *row = replay_after(exchange, "verificationRow");
    if (!row)
        return true;
    const char *values[] = {replay_text(&replay, qn_json_get(row, "identifier")->text).ptr,
                            replay_text(&replay, qn_json_get(row, "value")->text).ptr,
                            harness_text("%.0f", qn_json_get(qn_json_get(row, "ttl"), "hours")->number)};
    PGresult *result =
        PQexecParams(admin,
                     "select 1 from verification where identifier = $1 and value = $2 and \"expiresAt\" - "
                     "\"createdAt\" = $3::int * interval '1 hour'",
                     3, NULL, values, NULL, NULL, 0);
    bool there = PQntuples(result) == 1;
    PQclear(result);
    return there;
}

/* Everything that was mailed, also what the recorder did not keep. */
static bool is_mail_as_recorded(struct replay_mail *mail, const struct replay_exchange *exchange,
                                struct qn_buf *differences)
{
    for (size_t i = 0; i < QN_COUNT(MAIL_NOT_KEPT); i++) {
        if (strcmp(MAIL_NOT_KEPT[i].id, exchange->id) == 0)
            replay_mail_skip(mail, MAIL_NOT_KEPT[i].token);
    }
    return replay_mail_compare(mail, exchange, differences);
}

static void ask_all(const struct configuration *configuration, const char *url, struct harness_smtp *smtp)
{
    const struct replay_target target = {url, configuration->secret};
    struct replay_mail mail = {&replay, &target, smtp};
    size_t asked = 0, failed = 0;
    for (size_t i = 0; i < replay.n_exchanges; i++) {
        const struct replay_exchange *exchange = &replay.exchanges[i];
        if (configuration_of(exchange) != configuration || line_left_out(exchange) >= 0)
            continue;
        struct qn_buf differences;
        qn_buf_init(&differences, 1024 * 1024);
        prepare(exchange);
        replay_mail_sign(&mail, exchange);
        bool same = repeat(exchange, &target, &differences) &&
                    replay_ask(&replay, exchange, &target, is_verbatim(exchange), &differences);
        if (!is_row_as_recorded(exchange)) {
            qn_buf_write_c(&differences, "    whether the session's row is there\n");
            same = false;
        }
        if (same && smtp && !is_mail_as_recorded(&mail, exchange, &differences))
            same = false;
        if (!is_ticket_as_recorded(exchange)) {
            qn_buf_write_c(&differences, "    the row of the token\n");
            same = false;
        }
        if (!same)
            print_error("  %s\n%s", exchange->id, differences.data);
        qn_buf_fini(&differences);
        asked++;
        failed += !same;
    }
    print_message("%s: %zu exchanges\n", configuration->name, asked);
    assert_true(asked > 0);
    if (failed)
        fail_msg("%zu of %zu were answered otherwise", failed, asked);
    n_mails = mail.seen;
}

static const char *smtp_url; /* of a configuration with mail */

static struct harness_service *start(const char *program, const struct configuration *configuration,
                                     const char *first, const char *second, const char *third, bool http)
{
    const char *environment[16] = {"QUINTET_LOG_LEVEL=info", first, second, third};
    size_t n = 4;
    for (size_t i = 0; configuration->environment[i]; i++)
        environment[n++] = configuration->environment[i];
    if (configuration->mail) {
        environment[n++] = smtp_url;
        environment[n++] = "SMTP_FROM=Example <no-reply@example.com>";
    }
    return harness_service_start(&(const struct harness_service_options){
        .program = program, .environment = environment, .http = http});
}

static void test_configuration(void **state)
{
    const struct configuration *configuration = *state;
    if (!configuration->environment[0]) {
        ask_all(configuration, stack.url, NULL);
        return;
    }
    const char *folder = harness_folder(), *name = configuration->name;
    struct harness_smtp *smtp =
        configuration->mail ? harness_smtp_start(HARNESS_SMTP_PLAIN, NULL, NULL) : NULL;
    smtp_url = smtp ? harness_text("SMTP_URL=smtp://127.0.0.1:%u", harness_smtp_port(smtp)) : NULL;
    struct harness_service *auth =
        start("quintet-auth", configuration, harness_text("QUINTET_RPC_LISTEN=ipc://%s/a-%s", folder, name),
              harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", folder),
              "BETTER_AUTH_SECRET=" HARNESS_STACK_SECRET, false);
    struct harness_service *gateway = start(
        "quintet-gateway", configuration, harness_text("QUINTET_AUTH_ADDRESS=ipc://%s/a-%s", folder, name),
        harness_text("QUINTET_PROFILE_ADDRESS=ipc://%s/profile", folder),
        harness_text("QUINTET_MEDIA_ADDRESS=ipc://%s/media", folder), true);
    harness_service_await(auth, true);
    harness_service_await(gateway, true);
    ask_all(configuration, harness_text("http://127.0.0.1:%u", harness_service_http_port(gateway)), smtp);
    assert_int_equal(harness_service_stop(gateway), 0);
    assert_int_equal(harness_service_stop(auth), 0); /* what was still to be sent has been */
    if (smtp) {
        assert_int_equal(harness_smtp_n_mails(smtp), n_mails); /* nobody else was written to */
        harness_smtp_stop(smtp);
    }
}

int main(void)
{
    const struct CMUnitTest lists[] = {
        cmocka_unit_test(test_every_exchange_is_replayed_or_left_out_for_a_reason),
        cmocka_unit_test(test_the_list_of_exclusions_is_the_tables)};
    struct CMUnitTest replays[QN_COUNT(CONFIGURATIONS)];
    for (size_t i = 0; i < QN_COUNT(CONFIGURATIONS); i++)
        replays[i] = (struct CMUnitTest){.name = CONFIGURATIONS[i].name,
                                         .test_func = test_configuration,
                                         .initial_state = (void *)&CONFIGURATIONS[i]};
    return cmocka_run_group_tests(lists, read_recording, forget_recording) +
           harness_tables_run_on_each(replays, QN_COUNT(replays), set_up, tear_down);
}
