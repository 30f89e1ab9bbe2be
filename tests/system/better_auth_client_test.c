#include "common/core/arena.h"
#include "common/core/check.h"
#include "tests/harness/product.h"
#include "tests/harness/smtp.h"
#include "tests/harness/stack.h"
#include "tests/harness/tables.h"
#include "tests/harness/test.h"

/* Better Auth's own client, as pages use it, against the gateway: the life of an account, a chapter of
 * tests/npm/better-auth/client.mjs after the other. And the same against the real Better Auth, so that what
 * is expected of the gateway is what the product does. */

#define SITE "http://localhost:8080" /* of links and cookies: BETTER_AUTH_URL */

static struct harness_stack stack; /* of the gateway alone */
static struct harness_postgres *postgres;
static struct harness_smtp *smtp; /* the gateway's mails; the product's come from 'product' */
static size_t n_mails;
static struct harness_product product; /* of Better Auth alone */
static struct harness_node *client;
static PGconn *admin;
static struct qn_arena arena;

static void set_up(const char *server)
{
    admin = harness_postgres_admin(postgres, NULL);
    client = harness_node_start(&(const struct harness_node_options){
        .group = "better-auth",
        .script = "client.mjs",
        .environment = (const char *const[]){harness_text("SERVER=%s", server), "SITE=" SITE, NULL}});
}

static int set_up_gateway(void **state)
{
    (void)state;
    qn_arena_init(&arena, 16 * 1024 * 1024);
    smtp = harness_smtp_start(HARNESS_SMTP_PLAIN, NULL, NULL);
    n_mails = 0;
    harness_stack_start(
        &stack,
        (const char *const[]){"SMTP_FROM=no-reply@example.com", "QUINTET_AUTH_CHANGE_EMAIL=true",
                              "QUINTET_AUTH_DELETE_USER=true", "QUINTET_TIMEOUT=20s",
                              harness_text("SMTP_URL=smtp://127.0.0.1:%u", harness_smtp_port(smtp)), NULL});
    postgres = stack.postgres;
    set_up(stack.url);
    return 0;
}

static int tear_down_gateway(void **state)
{
    (void)state;
    assert_int_equal(harness_node_end(client), 0);
    PQfinish(admin);
    harness_stack_stop(&stack);
    assert_int_equal(harness_smtp_n_mails(smtp), n_mails); /* nobody else was written to */
    harness_smtp_stop(smtp);
    qn_arena_fini(&arena);
    return 0;
}

static int set_up_product(void **state)
{
    (void)state;
    postgres = harness_tables_start_empty(HARNESS_TABLES_KYSELY);
    harness_product_start(&product, &(const struct harness_product_options){.postgres = postgres});
    set_up(product.url);
    return 0;
}

static int tear_down_product(void **state)
{
    (void)state;
    assert_int_equal(harness_node_end(client), 0);
    harness_product_stop(&product);
    PQfinish(admin);
    harness_postgres_stop(postgres);
    return 0;
}

/* "mail": whom the next one is to, and where its link leads. */
static void show_mail(void)
{
    if (product.url) {
        harness_node_say(client, harness_product_mail(&product));
        return;
    }
    harness_smtp_await(smtp, n_mails + 1);
    struct harness_smtp_mail mail = harness_smtp_mail(smtp, n_mails++);
    harness_node_say(client, harness_text("%s %s", mail.to, harness_smtp_link(&mail, &arena)));
}

/* "sql STATEMENT": how many rows it changed or found. */
static void run_statement(const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(admin));
    harness_node_say(client,
                     status == PGRES_TUPLES_OK ? harness_text("%d", PQntuples(result)) : PQcmdTuples(result));
    PQclear(result);
}

static void test_chapter(void **state)
{
    const char *line;
    harness_node_say(client, harness_text("run %s", (const char *)*state));
    while ((line = harness_node_line(client)) && strcmp(line, "passed") != 0) {
        if (strcmp(line, "mail") == 0)
            show_mail();
        else if (strncmp(line, "sql ", 4) == 0)
            run_statement(line + 4);
        else
            fail_msg("%s", line);
    }
    assert_non_null(line);
}

/* In this order: each goes on where the one before has ended. */
static const char *const CHAPTERS[] = {
    "sign_up",       "get_session",     "refresh",      "update_user",  "second_sign_in",
    "sessions",      "change_password", "verification", "change_email", "forgotten_password",
    "session_store", "sign_out",        "delete_user",  "strangers",
};

int main(void)
{
    struct CMUnitTest tests[QN_COUNT(CHAPTERS)];
    for (size_t i = 0; i < QN_COUNT(CHAPTERS); i++)
        tests[i] = (struct CMUnitTest){
            .name = CHAPTERS[i], .test_func = test_chapter, .initial_state = (void *)CHAPTERS[i]};
    return cmocka_run_group_tests_name("the gateway", tests, set_up_gateway, tear_down_gateway) +
           cmocka_run_group_tests_name("Better Auth", tests, set_up_product, tear_down_product);
}
