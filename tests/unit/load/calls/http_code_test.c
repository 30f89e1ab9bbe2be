#include "tests/harness/test.h"
#include "tests/load/calls/http_code.h"

static void test_codes(void **state)
{
    (void)state;
    static const struct {
        unsigned http_status;
        const char *body;
        enum qn_status code;
    } cases[] = {
        {200, "{}", QN_OK},
        {204, "", QN_OK},
        {200, "{\"code\":\"not_found\"}", QN_OK}, /* a message may have such a field */
        {404, "{\"code\":\"not_found\",\"message\":\"no such user\"}", QN_NOT_FOUND},
        {401, "{\"code\":\"unauthenticated\"}", QN_UNAUTHENTICATED},
        {499, "{\"code\":\"canceled\"}", QN_CANCELLED},
        {504, "{\"code\":\"deadline_exceeded\"}", QN_DEADLINE_EXCEEDED},
        {429, "{\"code\":\"resource_exhausted\"}", QN_RESOURCE_EXHAUSTED},
        {500, "{\"code\":\"data_loss\"}", QN_DATA_LOSS},
        /* Without a code of the protocol's: its table. */
        {400, "", QN_INTERNAL},
        {401, "no", QN_UNAUTHENTICATED},
        {403, "{\"code\":\"ok\"}", QN_PERMISSION_DENIED},
        {404, "<html>", QN_UNIMPLEMENTED},
        {429, "{\"code\":7}", QN_UNAVAILABLE},
        {502, "[\"code\"]", QN_UNAVAILABLE},
        {503, "{\"code\":\"Unavailable\"}", QN_UNAVAILABLE},
        {504, "null", QN_UNAVAILABLE},
        {500, "{\"message\":\"boom\"}", QN_UNKNOWN},
        {302, "", QN_UNKNOWN},
        {418, "{\"code\":\"teapot\"}", QN_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum qn_status code = load_http_code(cases[i].http_status, qn_str_c(cases[i].body));
        if (code != cases[i].code)
            fail_msg("%u %s: %s", cases[i].http_status, cases[i].body, qn_status_name(code));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
