#include "tests/harness/product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/service.h"
#include "tests/harness/stack.h"

void harness_product_start(struct harness_product *product, const struct harness_postgres *postgres,
                           const char *cookie_cache)
{
    const char *admin = harness_postgres_admin_url(postgres);
    const char *environment[] = {
        harness_text("DATABASE_URL=%.*s/quintet", (int)(strrchr(admin, '/') - admin), admin),
        "SECRET=" HARNESS_STACK_SECRET,
        "SITE=http://localhost:8080",
        "TRUSTED=http://localhost:3000",
        cookie_cache ? harness_text("COOKIE_CACHE=%s", cookie_cache) : NULL,
        NULL,
    };
    product->node = harness_node_start(&(const struct harness_node_options){
        .group = "better-auth", .script = "server.mjs", .environment = environment});
    product->url = harness_text("%s", harness_node_expect(product->node, "ready "));
}

const char *harness_product_mail(struct harness_product *product)
{
    return harness_node_expect(product->node, "mail ");
}

void harness_product_stop(struct harness_product *product)
{
    int outcome = harness_node_end(product->node);
    if (outcome != 0) {
        fprintf(stderr, "harness/product: ended with %d\n", outcome);
        exit(1);
    }
}
