#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "tests/bench/echo/echo.h"

/* quintet-echo: what a call over common/rpc costs when nothing is done in it. Server and client are processes
 * of their own; tests/bench/peers/grpc_echo is the same over gRPC, with the same options and the same line.
 */

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* it never outlives the suite */
    struct measure_options opt;
    measure_options_read(argc, argv, &opt);
    return strcmp(opt.verb, "server") == 0 ? echo_serve(&opt) : echo_ask(&opt);
}
