#ifndef QN_TESTS_TRIAL_H
#define QN_TESTS_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/harness/stack.h"

/* A trial: something is done to a running stack while people use it, and it is counted what they noticed.
 *
 *     struct trial *trial = trial_start(&(const struct trial_options){
 *         .name = "profile_rolling_restart", .what = "profile replaced five times", .stack = &stack});
 *     trial_pass(trial, 500);
 *     trial_mark(trial, "profile SIGTERM");
 *     … trial_await_good(trial, 100) …
 *     trial_stop(trial, &verdict);
 *     trial_judge(&verdict, &(const struct trial_bounds){.failed_max = 0});
 *
 * The load is open loop: requests leave by the clock, at a fixed rate well below what the stack can do,
 * whether or not earlier ones were answered, from a thread of its own. Another thread looks at
 * pg_stat_activity every 10 ms as the superuser. Both, and the marks, are on one clock. All calls of this
 * header are made on the test's thread; one trial at a time.
 *
 * With QUINTET_RESULTS naming a folder, each judged trial leaves <folder>/<name>.json there, one row of
 * tests/system/RESULTS.md (`make results`). */

struct trial;

enum trial_kind {
    TRIAL_CHECK,   /* GetSessionWithProfileCheck with a valid cookie; good: "authenticated":true */
    TRIAL_WRITE,   /* UpdateProfile of one's own bio; each writes another text, which is looked for at the end
                    */
    TRIAL_LIST,    /* ListProfiles, three a page */
    TRIAL_SIGN_IN, /* with the right password: 100 ms of hashing in auth, so a few a second at most */
    TRIAL_KINDS,
};

enum { TRIAL_ROLES_MAX = 4, TRIAL_MARKS_MAX = 256, TRIAL_QUOTES_MAX = 8, TRIAL_TALLY_MAX = 24 };

struct trial_options {
    const char *name; /* stable: the row in RESULTS.md, and a file's name: "postgres_restart_fast" */
    const char *what; /* what is done, for the table: "PostgreSQL restarted, -m fast, three times" */
    const struct harness_stack *stack;
    unsigned rate;                 /* requests a second; 0: 100 */
    unsigned weights[TRIAL_KINDS]; /* how often each kind comes; all 0: 8 checks, 1 write, 1 list */
    bool connection_each;          /* each request on a connection of its own; else they are kept */
    unsigned deadline_ms;          /* Connect-Timeout-Ms of each request; 0: 2,000 */
    /* Roles whose connections are counted, ended by NULL; empty: "quintet", the application's. */
    const char *roles[TRIAL_ROLES_MAX];
};

/* Makes its users (on the stack's first trial), then starts both threads. */
struct trial *trial_start(const struct trial_options *options);

/* An event, now. What fails from here on to the next mark belongs to it. The second is the beginning of an
 * outage that a later mark ends: it is not asked how soon it recovered. */
void trial_mark(struct trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trial_outage(struct trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Waits until so many requests more have been sent as the load sends in that time. */
void trial_pass(struct trial *trial, unsigned ms);
/* Waits until that many requests in a row have been answered well, all of them sent after this call, and
 * nothing that was sent before them is left. Ends the test when that has not come within 'limit_ms'. */
void trial_await_good(struct trial *trial, size_t n, unsigned limit_ms);
/* How many have failed so far. */
size_t trial_failed(struct trial *trial);

struct trial_mark_seen {
    char what[80];
    uint64_t at_ms; /* since the trial's start */
    size_t failed;
    bool outage;
    /* The first moment after which everything that was sent was answered well (until the next mark): counted
     * from the mark to when the first request after the last failing one was sent. 0: nothing that was sent
     * after the mark failed. -1: it did not recover. */
    int64_t recovered_ms;
};

struct trial_verdict {
    char name[64], what[160];
    unsigned rate, deadline_ms;
    double seconds;
    size_t requests, good, failed; /* failed = typed + untyped */
    size_t typed; /* Connect's error with one of the codes that a failure may have: unavailable, unknown (of
                     writes and sign-ins alone), deadline_exceeded, resource_exhausted, aborted */
    size_t
        untyped; /* anything else: a connection that ended, another code, an answer that says wrong things */
    size_t by_kind[TRIAL_KINDS], failed_by_kind[TRIAL_KINDS];
    /* Sent once more by libcurl because the kept connection had been closed before the first byte of an
     * answer. Every HTTP client does so; a server that drains well gives no reason to. */
    size_t resent;
    double slowest_ms; /* answer, from when it was sent; */
    size_t late;       /* those that took more than the deadline and the slack; filled by trial_judge() */
    const uint32_t *took_ms; /* of every request, in the order in which they were sent */

    /* Writes that were answered well and are not in the database, though nothing came after them; and writes
     * that were said not to have been executed and are there. Neither may be. */
    size_t lost_writes, denied_writes;

    struct trial_peak {
        const char *role;
        long peak;
        uint64_t at_ms;
    } peaks[TRIAL_ROLES_MAX];
    size_t n_roles, samples;
    struct trial_mark_seen marks[TRIAL_MARKS_MAX];
    size_t n_marks;
    int64_t recovered_ms; /* the longest of the marks', outages left out; -1: one did not recover */

    /* How often each failure came: "unavailable CANNOT_CONNECT" (code and reason; or the HTTP status). */
    struct trial_tally {
        char text[80];
        size_t n;
    } tally[TRIAL_TALLY_MAX];
    size_t n_tally;
    /* The first failures in full: when, which kind, status, body; and the last one. */
    char quotes[TRIAL_QUOTES_MAX][320];
    size_t n_quotes;
    char last_quote[320];
};

/* Stops the load, waits for what is under way, and fills the verdict, which is valid until the next
 * trial_start(). */
void trial_stop(struct trial *trial, struct trial_verdict *ret_verdict);

/* How often a failure with that code ("unavailable"; NULL: any) and reason ("CANNOT_CONNECT"; NULL: any). */
size_t trial_tallied(const struct trial_verdict *verdict, const char *code, const char *reason);

struct trial_bounds {
    size_t failed_max;     /* SIZE_MAX: any number, as long as they are typed */
    long budget;           /* of connections of the first role; 0: 5 */
    unsigned slack_ms;     /* beyond the deadline; 0: 1,000 (a tenth of a second, with tenfold slack) */
    int64_t recover_in_ms; /* after each mark; 0: not bounded, but it must recover */
};

/* Prints the verdict as one line for people and one for each failure, leaves it where QUINTET_RESULTS says,
 * and fails the test when a bound was crossed: untyped failures, lost or denied writes, late answers, a peak
 * over the budget, too few samples to tell. */
void trial_judge(struct trial_verdict *verdict, const struct trial_bounds *bounds);

/* For a test that loads and counts by itself, but belongs in the table: leaves the row, of what is filled in.
 * 'broken': which bound was crossed, NULL for none. */
void trial_leave(const struct trial_verdict *verdict, long budget, const char *broken);

#endif
