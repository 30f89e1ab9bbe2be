#include "rpctest.qn.h"
#include "tests/load/program.h"

/* quintet-load that knows the service of tests/fixtures/rpc instead of Quintet's own. */

int main(int argc, char **argv)
{
    static const struct qn_service *const services[] = {&quintet_rpctest_v1_test_service};
    return load_program(argc, argv, services, 1);
}
