#ifndef TESTS_SYSTEM_BESIDE_FIXTURE_H
#define TESTS_SYSTEM_BESIDE_FIXTURE_H

#include "common/core/arena.h"
#include "common/json/reader.h"
#include "tests/harness/http.h"
#include "tests/harness/product.h"
#include "tests/harness/smtp.h"
#include "tests/harness/stack.h"
#include "tests/harness/tables.h"
#include "tests/harness/test.h"

/* The gateway and a real Better Auth server on one database, as while a site moves over. A test asks one of
 * them ("here") and then the other ("there"), in both directions. What goes wrong in here fails the test;
 * texts live as long as the process, or as the group's arena. */

#define BESIDE_TOKEN "better-auth.session_token"
#define BESIDE_SITE  "http://localhost:8080"

struct beside {
    struct harness_stack stack;
    struct harness_product product;
    struct harness_smtp *smtp; /* takes the stack's mails; the product prints its own */
    size_t n_mails;
    PGconn *admin; /* its TimeZone is UTC */
    struct qn_arena arena;
};
extern struct beside beside;

/* 'cache': the strategy of the cookie cache, on both; NULL: none. Either may delete users, once they followed
 * a link. */
void beside_start(enum harness_tables made_by, const char *cache);
int beside_stop(void **state);

/* The tests on the tables of Better Auth's own migration, then on Prisma's; how many failed. */
int beside_run_on_both_layouts(const struct CMUnitTest *tests, size_t n);

/* Two lines of a table of tests. */
struct beside_direction {
    const char *const *here, *const *there; /* where they listen */
};
extern const struct beside_direction beside_from_ours, beside_from_theirs;
#define BESIDE_BOTH_WAYS(test)                                                                               \
    {.name = #test ": ours, theirs", .test_func = (test), .initial_state = (void *)&beside_from_ours},       \
    {                                                                                                        \
        .name = #test ": theirs, ours", .test_func = (test), .initial_state = (void *)&beside_from_theirs    \
    }
const char *beside_here(void **state);
const char *beside_there(void **state);

/* As a page of the site posts, from always the same address. 'route': after the base path; 'cookies' may be
 * NULL. */
struct harness_http_reply beside_post(const char *url, const char *route, const char *cookies,
                                      const char *json);
struct harness_http_reply beside_get(const char *url, const char *route, const char *cookies);

/* These take a reply, and free it. 'part': of its body. */
void beside_expect(struct harness_http_reply reply, int status, const char *part);
void beside_expect_location(struct harness_http_reply reply, const char *location);
/* The cookie of a session that was made. */
const char *beside_session_of(struct harness_http_reply reply);

/* One that nobody has had. */
const char *beside_new_address(void);

/* The password as JSON text, for escapes that no text stands behind. */
#define BESIDE_PASSWORD "\"correct horse 1\""
struct harness_http_reply beside_sign_up_as(const char *url, const char *email, const char *password_json);
struct harness_http_reply beside_sign_in_as(const char *url, const char *email, const char *password_json);
/* The session's cookie. */
const char *beside_sign_up(const char *url, const char *email);
const char *beside_sign_in(const char *url, const char *email);

/* What /get-session says. */
const char *beside_shown(const char *url, const char *cookies);
/* Both say the same of it, to the letter; both say that there is none. */
void beside_expect_read_by_both(const char *cookies);
void beside_expect_gone(const char *cookies);

/* The session token in a cookie. */
const char *beside_token_of(const char *cookie);

/* The part after the base path of the link in the next mail that 'url' sends: it leads to the site, where
 * either may serve it. */
const char *beside_mailed(const char *url, const char *to);

/* 'format' is a statement with one %s. */
long beside_count(const char *format, const char *text);

const struct qn_json *beside_parse(const char *json);
/* Members in any order, items in theirs. */
bool beside_same(const struct qn_json *one, const struct qn_json *other);

#endif
