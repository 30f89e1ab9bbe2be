#include "tests/harness/product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/service.h"
#include "tests/harness/stack.h"

void harness_product_start(struct harness_product *product, const struct harness_product_options *options)
{
    const char *admin = harness_postgres_admin_url(options->postgres);
    const char *environment[] = {
        harness_text("DATABASE_URL=%.*s/quintet", (int)(strrchr(admin, '/') - admin), admin),
        "SECRET=" HARNESS_STACK_SECRET,
        "SITE=http://localhost:8080",
        "TRUSTED=http://localhost:3000",
        options->delete_by_mail ? "DELETE_BY_MAIL=1" : "DELETE_BY_MAIL=",
        harness_text("COOKIE_CACHE=%s", options->cookie_cache ? options->cookie_cache : ""),
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
