// grpc-echo: C++ gRPC's unary echo with the completion-queue interface on both sides, a thread each, as gRPC's own
// benchmark drives it. The options and the line it prints are quintet-echo's: tests/bench/echo/measure.h.

#include <csignal>
#include <cstring>
#include <sys/prctl.h>

#include "echo.h"

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); // it never outlives the suite
    measure_options opt;
    measure_options_read(argc, argv, &opt);
    return std::strcmp(opt.verb, "server") == 0 ? serve(opt) : ask(opt);
}
