#ifndef QN_TESTS_BENCH_ECHO_ECHO_H
#define QN_TESTS_BENCH_ECHO_ECHO_H

#include "tests/bench/echo/measure.h"

/* Both return the process' exit code. */

/* Serves tests/fixtures/rpc's TestService on opt->address until SIGTERM; says "ready <address>" on stdout
 * once it listens. */
int echo_serve(const struct measure_options *opt);

/* Keeps opt->in_flight calls under way to opt->address for the time asked, checks every answer, and prints
 * one line of JSON. The method "echo" is Echo, a message a call; "many" is EchoMany, which batches. */
int echo_ask(const struct measure_options *opt);

#endif
