#ifndef QN_TESTS_CROWD_H
#define QN_TESTS_CROWD_H

#include <stdbool.h>
#include <stddef.h>

/* Many HTTP clients at once, each in a loop on a connection of its own: a closed-loop load by libcurl in the
 * calling thread. */

struct crowd_answer {
    int status;          /* 0: the connection failed or ended without an answer */
    const char *body;    /* NUL-terminated, cut at 4 KiB */
    double seconds;      /* from the request's start */
    const char *failure; /* of the connection, when the status is 0 */
};

struct crowd_options {
    const char *url;
    size_t clients;
    size_t requests;            /* in all; the crowd disperses when that many have been answered */
    const char *const *cookies; /* each request takes the next; NULL: none */
    size_t n_cookies;
    const char *json;  /* the body of each POST */
    const char *extra; /* a further header line; NULL: none */
    /* Called for each answer, with how many have come so far. False: no more are sent, what is under way is
     * awaited. */
    bool (*answered)(void *context, const struct crowd_answer *answer, size_t so_far);
    void *context;
};

/* Returns when every request that was sent has ended. */
void crowd_run(const struct crowd_options *options);

/* The highest number that 'sql' answered, asked every 10 ms on a connection and thread of its own. */
struct crowd_watch;
struct crowd_watch *crowd_watch_start(const char *database_url, const char *sql);
struct crowd_watched {
    long peak;
    size_t samples;
};
struct crowd_watched crowd_watch_stop(struct crowd_watch *watch);

#endif
