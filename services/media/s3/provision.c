#include "services/media/s3/provision.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/encode.h"
#include "services/media/s3/call.h"

enum {
    DEADLINE_MS = 20000,
    RULE_BYTES_MAX = 16384,
    ARENA_BYTES = 64 * 1024,
    MAX_AGE_S = 3600, /* how long a browser remembers what it was told */
    EXIT_DONE = 0,
    EXIT_NOT_DONE = 1,
    EXIT_NO_BUCKET = 2,
};

/* By name, not "*": not every store lets everything through for that. What url.c has signed. */
static const char *const headers[] = {"content-type", "if-none-match", "x-amz-checksum-sha256"};
static const char *const methods[] = {"PUT", "GET", "HEAD"};

/* Origins were checked: letters, digits and what stands in host:port, or "*". Nothing to be escaped. */

void media_s3_provision_xml(const char *origins, struct qn_buf *to)
{
    struct qn_str rest = qn_str_c(origins), origin;
    qn_buf_write_c(to, "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><CORSRule>");
    while (qn_str_next(&rest, ',', &origin)) {
        origin = qn_str_trim(origin);
        qn_buf_printf(to, "<AllowedOrigin>%.*s</AllowedOrigin>", QN_STR_ARG(origin));
    }
    for (size_t i = 0; i < QN_COUNT(methods); i++)
        qn_buf_printf(to, "<AllowedMethod>%s</AllowedMethod>", methods[i]);
    for (size_t i = 0; i < QN_COUNT(headers); i++)
        qn_buf_printf(to, "<AllowedHeader>%s</AllowedHeader>", headers[i]);
    qn_buf_printf(to, "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>%d</MaxAgeSeconds>", MAX_AGE_S);
    qn_buf_write_c(to, "</CORSRule></CORSConfiguration>");
}

static void write_list(struct qn_buf *to, const char *name, const char *const *items, size_t n)
{
    qn_buf_printf(to, "    \"%s\": [", name);
    for (size_t i = 0; i < n; i++)
        qn_buf_printf(to, "%s\"%s\"", i ? ", " : "", items[i]);
    qn_buf_write_c(to, "],\n");
}

void media_s3_provision_json(const char *origins, struct qn_buf *to)
{
    struct qn_str rest = qn_str_c(origins), origin;
    qn_buf_write_c(to, "[\n  {\n    \"AllowedOrigins\": [");
    for (const char *between = ""; qn_str_next(&rest, ',', &origin); between = ", ") {
        origin = qn_str_trim(origin);
        qn_buf_printf(to, "%s\"%.*s\"", between, QN_STR_ARG(origin));
    }
    qn_buf_write_c(to, "],\n");
    write_list(to, "AllowedMethods", methods, QN_COUNT(methods));
    write_list(to, "AllowedHeaders", headers, QN_COUNT(headers));
    qn_buf_printf(to, "    \"ExposeHeaders\": [\"ETag\"],\n    \"MaxAgeSeconds\": %d\n  }\n]\n", MAX_AGE_S);
}

struct provision {
    struct media_s3_client client;
    struct media_s3_call call;
    struct media_bucket bucket;
    struct qn_arena arena;
    enum qn_status status;
};

static void on_closed(struct media_s3_line *line)
{
    (void)line; /* the loop is empty now, and ends */
}

static void on_put(struct media_s3_call *call, enum qn_status status)
{
    struct provision *self = container_of(call, struct provision, call);
    self->status = status;
    media_s3_client_close(&self->client, on_closed);
}

/* Asks, and waits for the end. */
static enum qn_status put_rule(struct provision *self, const struct media_settings *set, struct qn_str rule,
                               struct qn_error *err)
{
    struct qn_loop *loop;
    uint8_t md5[EVP_MAX_MD_SIZE];
    unsigned md5_len = 0;
    char md5_text[(EVP_MAX_MD_SIZE + 2) / 3 * 4 + 1];
    /* S3 wants this hash, and knows no better one everywhere. It guards against accidents alone. */
    if (EVP_Digest(rule.ptr, rule.len, md5, &md5_len, EVP_md5(), NULL) != 1)
        return qn_error_set(err, QN_INTERNAL, "no MD5 on this machine");
    qn_base64_encode(md5_text, md5, md5_len);
    QN_TRY(qn_loop_new(&loop));
    enum qn_status status = media_s3_client_open(&self->client, loop, &self->bucket, set, err);
    if (status == QN_OK) {
        qn_arena_init(&self->arena, ARENA_BYTES);
        self->call = (struct media_s3_call){
            .verb = "put_cors",
            .arena = &self->arena,
            .deadline_ms = qn_clock_now_ms() + DEADLINE_MS,
            .question = {.method = "PUT",
                         .query = {{QN_STR("cors"), QN_STR("")}},
                         .n_query = 1,
                         .headers = {{QN_STR("content-md5"), qn_str_c(md5_text)},
                                     {QN_STR("content-type"), QN_STR("application/xml")}},
                         .n_headers = 2,
                         .body = rule},
        };
        media_s3_call_start(&self->client, &self->call, on_put);
        qn_loop_run(loop);
        status = self->status;
        const struct media_s3_fault *fault = &self->call.fault;
        if (status != QN_OK)
            qn_error_set(err, status, "%s: HTTP %ld %s %s %s", qn_status_name(status),
                         self->call.ask.transfer.code, fault->code, fault->text, self->client.trouble);
        media_s3_call_fini(&self->call);
        qn_arena_fini(&self->arena);
    }
    bool empty = qn_loop_free(loop);
    QN_CHECK(empty);
    return status;
}

int media_s3_provision(void *settings)
{
    const struct media_settings *set = settings;
    struct provision self = {.status = QN_OK};
    struct qn_error err = {0};
    struct qn_buf rule, shown;
    if (!media_settings_bucket(set, &self.bucket)) {
        fputs("quintet-media: --provision: there is no bucket in the settings (R2_… or S3_…); the embedded "
              "folder "
              "needs none of this\n",
              stderr);
        return EXIT_NO_BUCKET;
    }
    signal(SIGPIPE, SIG_IGN); /* a connection that ends while TLS writes to it */
    qn_buf_init(&rule, RULE_BYTES_MAX);
    qn_buf_init(&shown, RULE_BYTES_MAX);
    media_s3_provision_xml(set->cors_origins, &rule);
    media_s3_provision_json(set->cors_origins, &shown);
    enum qn_status status = qn_buf_failed(&rule) || qn_buf_failed(&shown)
                                ? qn_error_set(&err, QN_RESOURCE_EXHAUSTED, "too many origins")
                                : put_rule(&self, set, qn_buf_view(&rule), &err);
    if (status == QN_OK)
        printf("The CORS rule of bucket %.*s at %s is now:\n\n%s", QN_STR_ARG(self.bucket.name),
               self.bucket.host, qn_buf_view(&shown).ptr);
    else
        fprintf(
            stderr,
            "quintet-media: --provision: bucket %.*s at %s: %s\nThe key may lack the right to this (R2: a "
            "token "
            "with \"Admin Read & Write\"); the rule can also be pasted where the bucket is managed:\n\n%s",
            QN_STR_ARG(self.bucket.name), self.bucket.host, err.message, qn_buf_view(&shown).ptr);
    qn_buf_fini(&rule);
    qn_buf_fini(&shown);
    return status == QN_OK ? EXIT_DONE : EXIT_NOT_DONE;
}
