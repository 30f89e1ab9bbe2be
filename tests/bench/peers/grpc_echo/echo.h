#ifndef QN_BENCH_GRPC_ECHO_H
#define QN_BENCH_GRPC_ECHO_H

#include "tests/bench/echo/measure.h"

// Both return the process' exit code. Addresses are gRPC's: "127.0.0.1:7000", "unix:/path".

// Serves until SIGTERM; says "ready <address>" on stdout once it listens. Port 0 picks a free one.
int serve(const measure_options &opt);

// Keeps opt.in_flight calls under way for the time asked, checks every answer, prints one line of JSON.
int ask(const measure_options &opt);

#endif
