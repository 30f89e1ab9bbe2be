#ifndef TESTS_HARNESS_PRODUCT_H
#define TESTS_HARNESS_PRODUCT_H

#include "tests/harness/node.h"
#include "tests/harness/postgres.h"

/* The real Better Auth (tests/npm/better-auth/server.mjs) on the application's database, with the secret of
 * the stack (stack.h) and the site that the stack says it is. It connects as the superuser, so that the five
 * connections of our role stay ours. What goes wrong in here ends the test process. */
struct harness_product {
    struct harness_node *node;
    const char *url; /* "http://127.0.0.1:41873" */
};

struct harness_product_options {
    const struct harness_postgres *postgres; /* with the tables: harness_tables_start() */
    const char *cookie_cache;                /* its strategy; NULL: none */
    bool delete_by_mail;                     /* deletion must be confirmed by mail */
};

void harness_product_start(struct harness_product *product, const struct harness_product_options *options);

/* The next mail that it would have sent: "TO LINK"; valid until the next call. Waits for it. */
const char *harness_product_mail(struct harness_product *product);

void harness_product_stop(struct harness_product *product);

#endif
