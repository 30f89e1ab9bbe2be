#include "tests/harness/crowd.h"

#include <curl/curl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness/test.h"

enum { BODY_MAX = 4096, SAMPLE_MS = 10, LIMIT_S = 120, WAIT_MS = 1000 };

struct client {
    CURL *curl;
    struct curl_slist *headers;
    char body[BODY_MAX];
    size_t body_len;
    char failure[CURL_ERROR_SIZE];
};

static size_t gather(char *data, size_t size, size_t count, void *context)
{
    struct client *client = context;
    size_t n = size * count, room = BODY_MAX - 1 - client->body_len, taken = n < room ? n : room;
    memcpy(client->body + client->body_len, data, taken);
    client->body_len += taken;
    client->body[client->body_len] = '\0';
    return n;
}

static void client_open(struct client *client, const struct crowd_options *options)
{
    client->curl = curl_easy_init();
    assert_non_null(client->curl);
    client->headers = curl_slist_append(NULL, "Content-Type: application/json");
    client->headers = curl_slist_append(client->headers, "Expect:");
    if (options->extra)
        client->headers = curl_slist_append(client->headers, options->extra);
    curl_easy_setopt(client->curl, CURLOPT_URL, options->url);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, options->json);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(client->curl, CURLOPT_PRIVATE, client);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->failure);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, (long)LIMIT_S);
}

static void client_send(struct client *client, CURLM *multi, const struct crowd_options *options, size_t nth)
{
    client->body_len = 0;
    client->body[0] = client->failure[0] = '\0';
    if (options->n_cookies)
        curl_easy_setopt(client->curl, CURLOPT_COOKIE, options->cookies[nth % options->n_cookies]);
    assert_int_equal(curl_multi_add_handle(multi, client->curl), CURLM_OK);
}

static bool client_answered(struct client *client, CURLcode code, const struct crowd_options *options,
                            size_t so_far)
{
    struct crowd_answer answer = {.body = client->body, .failure = client->failure};
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(client->curl, CURLINFO_TOTAL_TIME, &answer.seconds);
    answer.status = code == CURLE_OK ? (int)status : 0;
    if (code != CURLE_OK && !client->failure[0])
        answer.failure = curl_easy_strerror(code);
    return options->answered(options->context, &answer, so_far);
}

void crowd_run(const struct crowd_options *options)
{
    struct client *clients = calloc(options->clients, sizeof *clients);
    CURLM *multi = curl_multi_init();
    size_t sent = 0, ended = 0;
    bool more = true;
    assert_non_null(clients);
    assert_non_null(multi);
    /* Each client keeps its connection: the crowd is as many sockets as clients. */
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)options->clients);
    for (size_t i = 0; i < options->clients; i++)
        client_open(&clients[i], options);
    for (size_t i = 0; i < options->clients && sent < options->requests; i++)
        client_send(&clients[i], multi, options, sent++);
    while (ended < sent) {
        int running, left;
        assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            struct client *client;
            CURL *curl = message->easy_handle;
            CURLcode code = message->data.result;
            curl_easy_getinfo(curl, CURLINFO_PRIVATE, &client);
            curl_multi_remove_handle(multi, curl);
            if (!client_answered(client, code, options, ++ended))
                more = false;
            if (more && sent < options->requests)
                client_send(client, multi, options, sent++);
        }
        if (ended < sent)
            curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL);
    }
    for (size_t i = 0; i < options->clients; i++) {
        curl_easy_cleanup(clients[i].curl);
        curl_slist_free_all(clients[i].headers);
    }
    curl_multi_cleanup(multi);
    free(clients);
}

struct crowd_watch {
    pthread_t thread;
    PGconn *conn;
    const char *sql;
    atomic_bool stop;
    struct crowd_watched seen;
};

static void *watch(void *context)
{
    struct crowd_watch *watch = context;
    do { /* at least once, however short the watch was */
        PGresult *result = PQexec(watch->conn, watch->sql);
        if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
            long now = strtol(PQgetvalue(result, 0, 0), NULL, 10);
            watch->seen.samples++;
            if (now > watch->seen.peak)
                watch->seen.peak = now;
        }
        PQclear(result);
        nanosleep(&(const struct timespec){.tv_nsec = SAMPLE_MS * 1000000L}, NULL);
    } while (!atomic_load(&watch->stop));
    return NULL;
}

struct crowd_watch *crowd_watch_start(const char *database_url, const char *sql)
{
    struct crowd_watch *started = calloc(1, sizeof *started);
    assert_non_null(started);
    started->sql = sql;
    started->conn = PQconnectdb(database_url);
    if (PQstatus(started->conn) != CONNECTION_OK)
        fail_msg("watch: %s", PQerrorMessage(started->conn));
    assert_int_equal(pthread_create(&started->thread, NULL, watch, started), 0);
    return started;
}

struct crowd_watched crowd_watch_stop(struct crowd_watch *watch)
{
    struct crowd_watched seen;
    atomic_store(&watch->stop, true);
    pthread_join(watch->thread, NULL);
    seen = watch->seen;
    PQfinish(watch->conn);
    free(watch);
    return seen;
}
