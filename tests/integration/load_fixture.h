#ifndef QN_TESTS_LOAD_FIXTURE_H
#define QN_TESTS_LOAD_FIXTURE_H

#include <sys/types.h>

#include "common/loop/loop.h"
#include "tests/load/report/result.h"

/* quintet-load as people run it: a process of its own, of which exit code, words and report are looked at.
 * What goes wrong in here fails the test. */
struct load_fixture {
    pid_t pid;
    int exit_code;   /* -1: a signal ended it */
    char *out, *err; /* NUL-terminated */
    bool has_result; /* it left a JSON report */
    struct load_result result;
};

/* Starts it; 'program' is in the build folder ("bin/quintet-load"), the arguments end with NULL. Unless
 * the first is "compare", a --json into the fixture's folder is added. */
void load_fixture_start(struct load_fixture *run, const char *program, const char *const *arguments);
/* The same with this descriptor for its stderr. */
void load_fixture_start_on(struct load_fixture *run, const char *program, int err_fd,
                           const char *const *arguments);

/* Waits for its end; 'loop' (may be NULL) runs meanwhile, with the service that is called on it. */
void load_fixture_wait(struct load_fixture *run, struct qn_loop *loop);
void load_fixture_free(struct load_fixture *run);

/* Until its stderr holds 'text'. */
void load_fixture_await_words(struct load_fixture *run, struct qn_loop *loop, const char *text);

/* That the exit code is what the report says: 3 for a void run (a busy machine makes one), 1 when a condition
 * was not met, 0 otherwise. */
void load_fixture_expect_honest(const struct load_fixture *run);

/* A folder of this process, removed at its end; a file in it. */
const char *load_fixture_folder(void);
const char *load_fixture_file(const char *name, const char *text); /* NULL: only its path */
/* A file whole, to be freed; NULL when it is not there. */
char *load_fixture_read(const char *path);

#define LOAD_ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
