#include <libpq-fe.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "services/profile/pg/conninfo.h"
#include "tests/harness/test.h"

#define SESSION                                                                                              \
    " -c TimeZone=UTC -c DateStyle=ISO -c plan_cache_mode=force_generic_plan"                                \
    " -c default_transaction_isolation=read\\ committed"

static struct pg_url parse(const char *text)
{
    struct pg_url url;
    assert_int_equal(pg_url_parse(qn_str_c(text), &url, NULL), QN_OK);
    return url;
}

static const char *value_of(const struct pg_conninfo *info, const char *key)
{
    for (size_t i = 0; info->keys[i]; i++)
        if (strcmp(info->keys[i], key) == 0)
            return info->values[i];
    return NULL;
}

/* libpq refuses a key that it does not know; so each one we use is held against its own list. */
static void test_libpq_knows_every_key(void **state)
{
    (void)state;
    struct pg_url url = parse("postgresql://a:b@h/d?sslmode=verify-full&sslcert=/c&sslkey=/k&sslrootcert=/r"
                              "&channel_binding=prefer&options=-c%20jit=off&socket_timeout=3");
    struct pg_conninfo info;
    assert_int_equal(pg_conninfo_init(&info, &url, "127.0.0.1"), QN_OK);
    PQconninfoOption *known = PQconndefaults();
    size_t n = 0;
    for (; info.keys[n]; n++) {
        bool found = false;
        for (PQconninfoOption *option = known; option->keyword; option++)
            found = found || strcmp(option->keyword, info.keys[n]) == 0;
        if (!found)
            fail_msg("libpq does not know %s", info.keys[n]);
    }
    assert_int_equal(n, info.n);
    PQconninfoFree(known);
    assert_string_equal(value_of(&info, "options"), "-c lock_timeout=1s -c jit=off" SESSION
                                                    " -c search_path=\"public\" -c statement_timeout=3000");
    /* The address for the socket, the name for verify-full and SNI. */
    assert_string_equal(value_of(&info, "host"), "h");
    assert_string_equal(value_of(&info, "hostaddr"), "127.0.0.1");
    pg_url_free(&url);
}

static void test_pgbouncer_is_told_nothing_of_the_session(void **state)
{
    (void)state;
    struct pg_url url = parse("postgresql://a:b@h/d?pgbouncer=true&socket_timeout=3");
    struct pg_conninfo info;
    assert_int_equal(pg_conninfo_init(&info, &url, NULL), QN_OK);
    assert_null(value_of(&info, "options"));
    assert_null(value_of(&info, "hostaddr"));
    pg_url_free(&url);
}

static void test_schema_is_quoted(void **state)
{
    (void)state;
    struct pg_url url = parse("postgresql://a:b@h/d?schema=my%20%22odd%22%5Cschema");
    struct pg_conninfo info;
    assert_int_equal(pg_conninfo_init(&info, &url, NULL), QN_OK);
    assert_string_equal(value_of(&info, "options"),
                        "-c lock_timeout=1s " SESSION " -c search_path=\"my\\ \"\"odd\"\"\\\\schema\"");
    pg_url_free(&url);
}

static void test_options_too_long(void **state)
{
    (void)state;
    char text[2048] = "postgresql://a:b@h/d?options=";
    size_t len = strlen(text);
    memset(text + len, 'x', 1000);
    text[len + 1000] = '\0';
    struct pg_url url = parse(text);
    struct pg_conninfo info;
    assert_int_equal(pg_conninfo_init(&info, &url, NULL), QN_INVALID_ARGUMENT);
    pg_url_free(&url);
}

static void test_set_replaces(void **state)
{
    (void)state;
    struct pg_url url = parse("postgresql://a:b@h/d");
    struct pg_conninfo info;
    assert_int_equal(pg_conninfo_init(&info, &url, NULL), QN_OK);
    size_t n = info.n;
    pg_conninfo_set(&info, "dbname", "other");
    assert_int_equal(info.n, n);
    assert_string_equal(value_of(&info, "dbname"), "other");
    pg_conninfo_set(&info, "service", "x");
    assert_int_equal(info.n, n + 1);
    assert_null(info.keys[info.n]);
    pg_url_free(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libpq_knows_every_key),
        cmocka_unit_test(test_pgbouncer_is_told_nothing_of_the_session),
        cmocka_unit_test(test_schema_is_quoted),
        cmocka_unit_test(test_options_too_long),
        cmocka_unit_test(test_set_replaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
