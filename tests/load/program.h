#ifndef QN_LOAD_PROGRAM_H
#define QN_LOAD_PROGRAM_H

#include "common/rpc/method.h"

/* quintet-load, but for the list of services: from the command line to the exit code. */

enum {
    LOAD_EXIT_GOOD = 0,
    LOAD_EXIT_SLO = 1,     /* --slo was not met */
    LOAD_EXIT_BAD_USE = 2, /* or it could not run: bad address, unreadable file */
    LOAD_EXIT_VOID = 3,    /* it ran, and the numbers are not to be trusted */
};

int load_program(int argc, char **argv, const struct qn_service *const *services, size_t n_services);

#endif
