#include "auth.qn.h"
#include "media.qn.h"
#include "profile.qn.h"
#include "store.qn.h"
#include "tests/load/program.h"

/* quintet-load: loads one service of Quintet over nng, or the gateway over HTTP. README.md says how it
 * measures. */

static const struct qn_service *const services[] = {
    &quintet_auth_v1_auth_service,   &quintet_media_v1_media_service, &quintet_profile_v1_profile_service,
    &quintet_store_v1_account_store, &quintet_store_v1_session_store, &quintet_store_v1_photo_store,
};

int main(int argc, char **argv)
{
    return load_program(argc, argv, services, sizeof services / sizeof services[0]);
}
