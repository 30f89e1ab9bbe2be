#include <stdio.h>

#include "common/core/check.h"
#include "services/profile/pg/sqlstate.h"
#include "tests/harness/test.h"

static void judged(const char *sqlstate, enum qn_status status, bool drop, bool prepare_again)
{
    struct pg_verdict verdict = pg_sqlstate_judge(sqlstate);
    if (verdict.status != status)
        fail_msg("%s is %s, not %s", sqlstate, qn_status_name(verdict.status), qn_status_name(status));
    assert_int_equal(verdict.drop_connection, drop);
    assert_int_equal(verdict.prepare_again, prepare_again);
    assert_non_null(verdict.reason);
}

static void test_verdicts(void **state)
{
    (void)state;
    judged("23505", QN_ALREADY_EXISTS, false, false);
    judged("23503", QN_NOT_FOUND, false, false);
    judged("23502", QN_INVALID_ARGUMENT, false, false);
    judged("23514", QN_INVALID_ARGUMENT, false, false);
    judged("23P01", QN_INTERNAL, false, false); /* no statement of ours has an exclusion constraint */
    judged("22P02", QN_INVALID_ARGUMENT, false, false);
    judged("22001", QN_INVALID_ARGUMENT, false, false);
    judged("40001", QN_ABORTED, false, false);
    judged("40P01", QN_ABORTED, false, false);
    judged("55P03", QN_ABORTED, false, false);
    judged("57014", QN_DEADLINE_EXCEEDED, false, false);
    judged("26000", QN_INTERNAL, false, true);
    judged("0A000", QN_INTERNAL, false, true);
    judged("42P05", QN_INTERNAL, false, true);
    judged("42P01", QN_FAILED_PRECONDITION, false, false);
    judged("42703", QN_FAILED_PRECONDITION, false, false);
    judged("42501", QN_FAILED_PRECONDITION, false, false);
    judged("25006", QN_UNAVAILABLE, true, false);
    judged("25P02", QN_INTERNAL, true, false);
    judged("57P01", QN_UNAVAILABLE, true, false);
    judged("08006", QN_UNAVAILABLE, true, false);
    judged("53200", QN_UNAVAILABLE, false, false);
    judged("XX000", QN_INTERNAL, true, false);
    judged("42601", QN_INTERNAL, false, false);
    judged("ZZZZZ", QN_INTERNAL, false, false);
    judged("2", QN_INTERNAL, false, false);
    judged("", QN_UNAVAILABLE, true, false);
    judged(NULL, QN_UNAVAILABLE, true, false);
}

static void refused(const char *text, enum pg_refusal refusal, const char *sqlstate)
{
    char code[PG_SQLSTATE_LEN + 1];
    assert_int_equal(pg_sqlstate_refusal(text, code), refusal);
    assert_string_equal(code, sqlstate);
}

/* Texts as libpq 15 wrote them, with PQERRORS_VERBOSE. */
static void test_refusals(void **state)
{
    (void)state;
    refused("connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  53300: too many connections "
            "for role "
            "\"quintet\"\nLOCATION:  InitializeSessionUserId, miscinit.c:853\n",
            PG_REFUSAL_ROLE_SLOTS, "53300");
    refused("connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  53300: sorry, too many clients "
            "already\n"
            "LOCATION:  InitProcess, proc.c:362\n",
            PG_REFUSAL_SERVER_SLOTS, "53300");
    refused("connection to server at \"::1\", port 5432 failed: FATAL:  53300: remaining connection slots "
            "are reserved "
            "for non-replication superuser connections\nLOCATION:  InitPostgres, postinit.c:828\n",
            PG_REFUSAL_SERVER_SLOTS, "53300");
    refused("connection to server on socket \"/tmp/.s.PGSQL.5432\" failed: FATAL:  53300: too many "
            "connections for "
            "database \"quintet\"\nLOCATION:  CheckMyDatabase, postinit.c:402\n",
            PG_REFUSAL_DATABASE_SLOTS, "53300");
    refused("connection to server at \"h\", port 5432 failed: FATAL:  57P03: the database system is starting "
            "up\n",
            PG_REFUSAL_STARTING, "57P03");
    refused("connection to server at \"h\", port 5432 failed: FATAL:  28P01: password authentication failed "
            "for user "
            "\"quintet\"\n",
            PG_REFUSAL_DENIED, "28P01");
    refused(
        "connection to server at \"h\", port 5432 failed: FATAL:  3D000: database \"nope\" does not exist\n",
        PG_REFUSAL_OTHER, "3D000");
    refused("connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server "
            "running on that "
            "host and accepting TCP/IP connections?\n",
            PG_REFUSAL_UNREACHABLE, "");
    refused("", PG_REFUSAL_UNREACHABLE, "");
}

/* PgBouncer says all it has to say of itself with one code. */
static void test_pgbouncers_words(void **state)
{
    (void)state;
    static const char failed[] = "connection to server at \"h\", port 6432 failed: FATAL:  08P01: ";
    static const struct {
        const char *says;
        enum pg_refusal refusal;
        const char *name, *slots;
        bool not_passed_on;
    } words[] = {
        {"no more connections allowed (max_client_conn)", PG_REFUSAL_POOLER_SLOTS, "no_slot", "pooler",
         false},
        {"client connections exceeded (max_db_client_connections)", PG_REFUSAL_POOLER_SLOTS, "no_slot",
         "pooler", false},
        {"query_wait_timeout", PG_REFUSAL_POOLER_SLOTS, "no_slot", "pooler", true},
        {"server login has been failing, try again later (server_login_retry)", PG_REFUSAL_POOLER, "pooler",
         NULL, true},
        {"server login has been failing, cached error: connect failed (server_login_retry)",
         PG_REFUSAL_POOLER, "pooler", NULL, true},
        {"server login has been failing, cached error: too many connections for role \"quintet\" "
         "(server_login_retry)",
         PG_REFUSAL_ROLE_SLOTS, "no_slot", "role", true},
        {"too many connections for role \"quintet\"", PG_REFUSAL_ROLE_SLOTS, "no_slot", "role", false},
        {"sorry, too many clients already", PG_REFUSAL_SERVER_SLOTS, "no_slot", "server", false},
        {"client_login_timeout (server down)", PG_REFUSAL_POOLER, "pooler", NULL, false},
        {"SASL authentication failed", PG_REFUSAL_DENIED, "denied", NULL, false},
        {"unsupported startup parameter: options", PG_REFUSAL_SETTINGS, "settings", NULL, false},
        {"no such database: nope", PG_REFUSAL_OTHER, "other", NULL, false},
        /* It may have been passed on, and executed. */
        {"server conn crashed?", PG_REFUSAL_OTHER, "other", NULL, false},
        {"query_timeout", PG_REFUSAL_OTHER, "other", NULL, false},
    };
    for (size_t i = 0; i < QN_COUNT(words); i++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s\n", failed, words[i].says);
        refused(text, words[i].refusal, "08P01");
        assert_string_equal(pg_refusal_name(words[i].refusal), words[i].name);
        const char *slots = pg_refusal_slots(words[i].refusal);
        assert_string_equal(slots ? slots : "", words[i].slots ? words[i].slots : "");
        assert_int_equal(pg_sqlstate_not_passed_on("08P01", words[i].says), words[i].not_passed_on);
        assert_false(pg_sqlstate_not_passed_on("57P01", words[i].says));
    }
    assert_false(pg_sqlstate_not_passed_on(NULL, "query_wait_timeout"));
    assert_false(pg_sqlstate_not_passed_on("08P01", NULL));
    /* As a site's own text might have it, in the midst of something else. */
    assert_false(pg_sqlstate_not_passed_on("08P01", "no query_wait_timeout"));
}

/* The server's language is its own affair: severity and message are translated, its functions are not. */
static void test_another_language(void **state)
{
    (void)state;
    refused(
        "connection to server at \"h\", port 5432 failed: СБОЙ:  53300: слишком много подключений для роли "
        "\"quintet\"\nLOCATION:  InitializeSessionUserId, miscinit.c:853\n",
        PG_REFUSAL_ROLE_SLOTS, "53300");
    refused("connection to server at \"h\", port 5432 failed: VALVONTA:  53300: yhteyksiä on jo liikaa\n"
            "LOCATION:  InitProcess, proc.c:362\n",
            PG_REFUSAL_SERVER_SLOTS, "53300");
}

/* A host or user called so must not pass for a code. */
static void test_no_code_where_there_is_none(void **state)
{
    (void)state;
    refused("could not translate host name \"x:  53300\" to address", PG_REFUSAL_UNREACHABLE, "");
    refused("failed:  5330: short", PG_REFUSAL_UNREACHABLE, "");
    refused("failed:  53300", PG_REFUSAL_UNREACHABLE, "");
    refused(":  ", PG_REFUSAL_UNREACHABLE, "");
    refused(":  :  28000: late", PG_REFUSAL_DENIED, "28000");
}

static void test_names(void **state)
{
    (void)state;
    for (int refusal = 0; refusal < PG_REFUSALS; refusal++)
        assert_non_null(pg_refusal_name((enum pg_refusal)refusal));
    assert_string_equal(pg_refusal_slots(PG_REFUSAL_ROLE_SLOTS), "role");
    assert_string_equal(pg_refusal_slots(PG_REFUSAL_SERVER_SLOTS), "server");
    assert_null(pg_refusal_slots(PG_REFUSAL_DENIED));
    assert_string_equal(pg_sqlstate_end("57P01"), "terminated");
    assert_true(pg_sqlstate_is_operators("57P01"));
    assert_false(pg_sqlstate_is_operators("57P02"));
    assert_false(pg_sqlstate_is_operators(NULL));
    assert_string_equal(pg_sqlstate_end("23505"), "lost");
    assert_string_equal(pg_sqlstate_end(""), "lost");
    assert_string_equal(pg_sqlstate_end(NULL), "lost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_pgbouncers_words),
        cmocka_unit_test(test_another_language),
        cmocka_unit_test(test_no_code_where_there_is_none),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
