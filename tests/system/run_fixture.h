#ifndef QN_TESTS_RUN_FIXTURE_H
#define QN_TESTS_RUN_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Copies of the built quintet-run as child processes, seen as their user sees them: the line on stdout, the
 * log, the endpoints file, HTTP. Each listens on free ports. They and all that they started die with the test
 * process, however that ends, and their folders go with it.
 *
 * Whatever goes wrong in here fails the test, with the end of the copy's log. Not thread-safe. */

/* The folder that all of a test's folders lie in: anybody may enter it. Made at the first call. */
const char *run_folder(void);

/* A folder with copies of the five programs, each of which the test may replace. */
const char *run_programs(void);

/* Puts a shell script in a program's place: at once, also while somebody starts it. */
void run_replace(const char *programs, const char *name, const char *script);
/* Puts the real one back. */
void run_restore(const char *programs, const char *name);

struct run_copy {
    const char *dir;       /* $QUINTET_RUN_DIR */
    pid_t pid;             /* 0 once it has ended */
    int outcome;           /* then: its exit code, or minus the signal that killed it */
    const char *out, *log; /* files: stdout and stderr since this start */
};

struct run_options {
    const char *dir;      /* absolute; it need not be there */
    const char *programs; /* of run_programs(); NULL: as they were built */
    /* Further "NAME=value", ended by NULL; may be NULL. Goes before what all copies get. */
    const char *const *environment;
    uid_t user; /* to become, with a group of the same number; 0: stay who we are */
};

/* Starts it, in a process group of its own; does not wait. */
void run_start(struct run_copy *copy, const struct run_options *options);
/* Until the line on stdout says that it is ready. */
void run_await_ready(struct run_copy *copy);
void run_start_ready(struct run_copy *copy, const struct run_options *options);
/* Starts it and returns its exit code. */
int run_to_end(struct run_copy *copy, const struct run_options *options);

/* Waits for its end: the exit code, or minus the signal. */
int run_wait(struct run_copy *copy);
/* SIGTERM; the exit code must be 0. */
void run_stop(struct run_copy *copy);
/* Until no process is left of all that this test has started through here, children's children included. */
void run_await_nobody(void);
/* A server of the test's own, which is not meant. */
void run_spare(pid_t pid);

/* Text in memory that lives as long as the process. */
const char *run_out(const struct run_copy *copy);
const char *run_log(const struct run_copy *copy);
/* Its last lines, to stderr. */
void run_show_log(const struct run_copy *copy);
bool run_logged(const struct run_copy *copy, const char *text);
size_t run_count(const struct run_copy *copy, const char *text); /* in its log */
void run_await_log(struct run_copy *copy, const char *text);
/* The texts stand in its log, one behind the other; NULL ends. */
void run_assert_order(const struct run_copy *copy, const char *const *texts);

/* The value of a key of the endpoints file: "HTTP", "ADMIN_AUTH"; must be there. */
const char *run_endpoint(const struct run_copy *copy, const char *key);
bool run_has_endpoint(const struct run_copy *copy, const char *key);
/* "AUTH", "POSTGRES": its process. */
pid_t run_pid(const struct run_copy *copy, const char *name);
/* The file behind a path in the run folder. */
const char *run_path(const struct run_copy *copy, const char *name);
bool run_exists(const char *path);

/* The status that GET url+path answers; 0: none. */
int run_get(const char *url, const char *path);
/* Until it answers that status. */
void run_await_get(const char *url, const char *path, int status);
/* The status that a POST of JSON with a Cookie header (NULL: none) answers. */
int run_post(const struct run_copy *copy, const char *path, const char *cookie, const char *json);

/* Signs up with the password "correct horse 1"; the cookie. */
const char *run_sign_up(const struct run_copy *copy, const char *email);
/* The status of signing in with that password. */
int run_sign_in(const struct run_copy *copy, const char *email);
/* A call through each of the four services and the database works with this cookie. */
void run_assert_works(const struct run_copy *copy, const char *cookie);

/* Looks 200 times a second until 'holds' does; fails the test with 'what' after a limit. */
#define run_await(copy, what, holds)                                                                         \
    for (unsigned looks_ = 0; !(holds); run_look_again((copy), (what), ++looks_))
void run_look_again(struct run_copy *copy, const char *what, unsigned looks);

#endif
