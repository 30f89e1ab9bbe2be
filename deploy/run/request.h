#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H

#include "deploy/run/stack.h"

/* "quintet-run --restart [NAME…]": the names go into a file of the run folder, and SIGUSR1 to the copy that
 * runs there. A SIGUSR1 by hand, without such a file, asks for all. */

/* Reads "auth gateway", separated by blanks and line ends, into a bit each; nothing at all means every
 * service. QN_INVALID_ARGUMENT: 'err' says which name is none. */
QN_MUST_USE enum qn_status run_request_parse(struct qn_str text, unsigned *ret_services,
                                             struct qn_error *err);

/* Asks. '*ret_pid' is whom. QN_NOT_FOUND: nothing runs in this folder. */
QN_MUST_USE enum qn_status run_request_send(const char *run_dir, const char *const *names, size_t n_names,
                                            pid_t *ret_pid, struct qn_error *err);

/* What was asked of a copy that is no more. */
void run_request_forget(const char *run_dir);

/* The other side, at SIGUSR1: takes the file away. */
QN_MUST_USE enum qn_status run_request_take(const char *run_dir, unsigned *ret_services,
                                            struct qn_error *err);

#endif
