#ifndef QN_TESTS_REPLAY_H
#define QN_TESTS_REPLAY_H

#include "common/core/buf.h"
#include "common/json/reader.h"

/* tests/fixtures/better-auth/exchanges.json: what the real Better Auth was asked and what it answered. Here
 * the same is asked of the gateway, and the answers are held against each other.
 *
 * The exchanges of a configuration build on each other: later ones show tokens and signatures that earlier
 * ones issued. So what the recording issued is remembered beside what was issued here in its place, and put
 * in its place before a request is sent. Ids are remembered too: a user who was the same one there must be
 * the same one here.
 *
 * What is not there, or not as expected of the file, ends the test process: fixtures are not optional. */

enum { REPLAY_PAIRS_MAX = 2048 };

struct replay_pair {
    struct qn_str recorded, ours;
};

struct replay_exchange {
    const char *id;     /* "default/sign-up-email.ok" */
    const char *config; /* "default" */
    const char *method, *path;
    int status;
    const struct qn_json *recorded;
};

struct replay {
    struct qn_arena arena; /* holds everything; lives until replay_close() */
    struct replay_exchange *exchanges;
    size_t n_exchanges;
    struct replay_pair pairs[REPLAY_PAIRS_MAX];
    size_t n_pairs;
    int64_t later_ms; /* so much later than the recording this replay began */
};

void replay_open(struct replay *replay);
void replay_close(struct replay *replay);

/* Whether it was answered as something that is no route: 404 without a body and without a header. */
bool replay_is_no_route(const struct replay_exchange *exchange);

/* The member of an exchange's "after", what was then in the database; NULL when nothing is said. */
const struct qn_json *replay_after(const struct replay_exchange *exchange, const char *what);

/* The session token that a request shows in its cookie, as it is here; NULL when it shows none. */
const char *replay_token(struct replay *replay, const struct replay_exchange *exchange);

/* A text in the JSON object that a request carries, as it is here; NULL when there is none. */
const char *replay_body_member(struct replay *replay, const struct replay_exchange *exchange,
                               const char *key);

struct replay_target {
    const char *url;
    const char *secret; /* that cookies are signed with there */
};

/* Asks, and compares: the status; the headers content-type, cache-control, pragma and location, and that none
 * of them is there which was not; every Set-Cookie in order, with its attributes, its value signed; the
 * body's members in order (with the cookie cache, whose order is another, in any), values equal, but for ids
 * and tokens (of the right shape, and the same ones where they were the same) and times (milliseconds and Z,
 * and as far from now as they were then). Of a page, whose recorded text was not kept, that it is one.
 *
 * 'verbatim': the request goes out as it was recorded, nothing put in its place. False when something
 * differs: then 'differences' says what. */
bool replay_ask(struct replay *replay, const struct replay_exchange *exchange,
                const struct replay_target *target, bool verbatim, struct qn_buf *differences);

/* For the other files of replay. */

struct harness_http_reply;

/* The text with what was issued here in the place of what was issued there; in the arena, NUL-terminated. */
struct qn_str replay_text(struct replay *replay, struct qn_str recorded);

/* Remembers what stands here for what was issued there. False: one of the two is known already, beside
 * another.
 */
bool replay_bind(struct replay *replay, struct qn_str recorded, struct qn_str ours);

void replay_compare(struct replay *replay, const struct replay_exchange *exchange,
                    const struct replay_target *target, const struct harness_http_reply *reply,
                    struct qn_buf *differences);

_Noreturn void replay_fail(const char *what, const char *why);

#endif
