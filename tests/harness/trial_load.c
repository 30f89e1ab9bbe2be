#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/test.h"
#include "tests/harness/trial_private.h"

/* Requests leave when they are due. Each takes a handle of libcurl that is free, or a new one; libcurl keeps
 * the connections. */

enum {
    BODY_MAX = 4096,
    /* An answer that has not come so long after its deadline never will; it is counted as a connection that
     * ended without one. */
    GIVE_UP_MS = 20000,
    CONNECTIONS_KEPT = 512,
    UNDER_WAY_MAX = 20000, /* at 100 a second more than three minutes' worth */
};

static const char AUTH[] = "/quintet.auth.v1.AuthService/", PROFILE[] = "/quintet.profile.v1.ProfileService/";

struct kind {
    const char *service, *method, *good;
    bool writes; /* QN_UNKNOWN is an honest answer */
};

static const struct kind kinds[TRIAL_KINDS] = {
    [TRIAL_CHECK] = {AUTH, "GetSessionWithProfileCheck", "\"authenticated\":true", false},
    [TRIAL_WRITE] = {PROFILE, "UpdateProfile", "\"profile\":", true},
    [TRIAL_LIST] = {PROFILE, "ListProfiles", "{", false},
    [TRIAL_SIGN_IN] = {AUTH, "SignIn", "\"session\":", true},
};

struct asker {
    CURL *curl;
    struct curl_slist *headers;
    size_t record;
    unsigned attempts;
    char json[256];
    char body[BODY_MAX];
    size_t body_len;
    char failure[CURL_ERROR_SIZE];
    struct asker *next; /* free ones */
};

struct asking {
    struct trial_load *load;
    CURLM *multi;
    struct asker *free;
    size_t under_way;
    size_t of_kind[TRIAL_KINDS]; /* sent so far */
};

static size_t gather(char *data, size_t size, size_t count, void *context)
{
    struct asker *asker = context;
    size_t n = size * count, room = BODY_MAX - 1 - asker->body_len, taken = n < room ? n : room;
    memcpy(asker->body + asker->body_len, data, taken);
    asker->body_len += taken;
    asker->body[asker->body_len] = '\0';
    return n;
}

static int before_each_attempt(void *context, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    ((struct asker *)context)->attempts++;
    return CURL_PREREQFUNC_OK;
}

/* Servers that the test starts meanwhile must not inherit it. */
static int close_on_exec(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)context, (void)purpose;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return CURL_SOCKOPT_OK;
}

static struct asker *asker_new(const struct trial_options *options)
{
    struct asker *asker = calloc(1, sizeof *asker);
    char deadline[64];
    assert_non_null(asker);
    snprintf(deadline, sizeof deadline, "Connect-Timeout-Ms: %u", options->deadline_ms);
    asker->headers = curl_slist_append(NULL, "Content-Type: application/json");
    asker->headers = curl_slist_append(asker->headers, "Expect:");
    asker->headers = curl_slist_append(asker->headers, deadline);
    asker->curl = curl_easy_init();
    assert_non_null(asker->curl);
    curl_easy_setopt(asker->curl, CURLOPT_HTTPHEADER, asker->headers);
    curl_easy_setopt(asker->curl, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(asker->curl, CURLOPT_WRITEDATA, asker);
    curl_easy_setopt(asker->curl, CURLOPT_PRIVATE, asker);
    curl_easy_setopt(asker->curl, CURLOPT_ERRORBUFFER, asker->failure);
    curl_easy_setopt(asker->curl, CURLOPT_PREREQFUNCTION, before_each_attempt);
    curl_easy_setopt(asker->curl, CURLOPT_PREREQDATA, asker);
    curl_easy_setopt(asker->curl, CURLOPT_SOCKOPTFUNCTION, close_on_exec);
    curl_easy_setopt(asker->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(asker->curl, CURLOPT_FORBID_REUSE, options->connection_each ? 1L : 0L);
    curl_easy_setopt(asker->curl, CURLOPT_TIMEOUT_MS, (long)options->deadline_ms + GIVE_UP_MS);
    return asker;
}

/* The k-th request's kind: the weights in turns, the rare ones spread. */
static enum trial_kind kind_of(const struct trial_options *options, size_t k)
{
    unsigned total = 0;
    for (int i = 0; i < TRIAL_KINDS; i++)
        total += options->weights[i];
    unsigned at = (unsigned)(k % total);
    int kind = 0;
    while (at >= options->weights[kind])
        at -= options->weights[kind++];
    return (enum trial_kind)kind;
}

static void write_json(char *json, size_t size, const struct trial *trial, const struct trial_record *record,
                       size_t k)
{
    switch ((enum trial_kind)record->kind) {
    case TRIAL_WRITE:
        snprintf(json, size, "{\"bio\":\"trial %u write %zu\",\"updateMask\":[\"bio\"]}", trial->number, k);
        break;
    case TRIAL_LIST:
        snprintf(json, size, "{\"pageSize\":3}");
        break;
    case TRIAL_SIGN_IN:
        snprintf(json, size, "{\"email\":\"%s\",\"password\":\"" HARNESS_PASSWORD "\"}",
                 trial->people[record->person].email);
        break;
    default:
        snprintf(json, size, "{}");
    }
}

static void send_one(struct asking *asking)
{
    struct trial_load *load = asking->load;
    const struct trial *trial = load->trial;
    struct asker *asker = asking->free;
    if (asker)
        asking->free = asker->next;
    else
        asker = asker_new(&trial->options);
    pthread_mutex_lock(&load->lock);
    if (load->n == load->room) {
        load->room = load->room ? 2 * load->room : 4096;
        load->records = realloc(load->records, load->room * sizeof *load->records);
        assert_non_null(load->records);
    }
    size_t k = load->n++;
    /* People take turns, so a person's writes are far apart, and which came last is known. */
    enum trial_kind which = kind_of(&trial->options, k);
    struct trial_record record = {.kind = (uint8_t)which,
                                  .person = (uint8_t)(asking->of_kind[which]++ % HARNESS_PEOPLE),
                                  .sent_us = trial_now_us(trial)};
    load->records[k] = record;
    pthread_cond_broadcast(&load->moved);
    pthread_mutex_unlock(&load->lock);
    char url[256];
    const struct kind *kind = &kinds[record.kind];
    snprintf(url, sizeof url, "%s%s%s", trial->options.stack->url, kind->service, kind->method);
    write_json(asker->json, sizeof asker->json, trial, &record, k);
    asker->record = k;
    asker->attempts = 0;
    asker->body_len = 0;
    asker->body[0] = asker->failure[0] = '\0';
    curl_easy_setopt(asker->curl, CURLOPT_URL, url);
    curl_easy_setopt(asker->curl, CURLOPT_POSTFIELDS, asker->json);
    curl_easy_setopt(asker->curl, CURLOPT_COOKIE,
                     record.kind == TRIAL_SIGN_IN ? NULL : trial->people[record.person].cookie);
    assert_int_equal(curl_multi_add_handle(asking->multi, asker->curl), CURLM_OK);
    asking->under_way++;
}

/* The text of "key":"…" in 'body', cut to size; "" when there is none. */
static void text_of(char *to, size_t size, const char *body, const char *key)
{
    char pattern[32];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *from = strstr(body, pattern);
    size_t len = from ? strcspn(from + strlen(pattern), "\"") : 0;
    len = len < size ? len : size - 1;
    if (from)
        memcpy(to, from + strlen(pattern), len);
    to[len] = '\0';
}

static void tally(struct trial_load *load, const char *text)
{
    size_t i = 0;
    while (i < load->n_tally && strcmp(load->tally[i].text, text) != 0)
        i++;
    if (i == TRIAL_TALLY_MAX)
        return; /* counted among the failures all the same */
    if (i == load->n_tally)
        snprintf(load->tally[load->n_tally++].text, sizeof load->tally[i].text, "%s", text);
    load->tally[i].n++;
}

/* Under the lock. */
static void judge_failure(struct trial_load *load, struct trial_record *record, const struct asker *asker,
                          int status)
{
    const struct kind *kind = &kinds[record->kind];
    char code[32] = "", reason[40] = "", text[sizeof load->tally[0].text];
    if (status >= 400) {
        text_of(code, sizeof code, asker->body, "code");
        text_of(reason, sizeof reason, asker->body, "reason");
    }
    record->denied =
        !strcmp(code, "unavailable") || !strcmp(code, "resource_exhausted") || !strcmp(code, "aborted");
    record->typed =
        record->denied || !strcmp(code, "deadline_exceeded") || (!strcmp(code, "unknown") && kind->writes);
    if (code[0])
        snprintf(text, sizeof text, "%s%s%s", code, reason[0] ? " " : "", reason);
    else
        snprintf(text, sizeof text, "HTTP %d %.60s", status, asker->failure);
    tally(load, text);
    load->failed++;
    snprintf(load->last_quote, sizeof load->last_quote, "%.3f s, after %.3f s: %s: %d %.60s%.200s",
             (double)record->sent_us / 1e6, (double)(record->ended_us - record->sent_us) / 1e6, kind->method,
             status, asker->failure, asker->body);
    if (load->n_quotes < TRIAL_QUOTES_MAX)
        memcpy(load->quotes[load->n_quotes++], load->last_quote, sizeof load->last_quote);
}

static void answered(struct asking *asking, struct asker *asker, CURLcode code)
{
    struct trial_load *load = asking->load;
    long status = 0;
    if (code == CURLE_OK)
        curl_easy_getinfo(asker->curl, CURLINFO_RESPONSE_CODE, &status);
    else if (!asker->failure[0])
        snprintf(asker->failure, sizeof asker->failure, "%s", curl_easy_strerror(code));
    pthread_mutex_lock(&load->lock);
    struct trial_record *record = &load->records[asker->record];
    record->ended_us = trial_now_us(load->trial);
    record->resent = asker->attempts > 1;
    record->good = status == 200 && strstr(asker->body, kinds[record->kind].good);
    if (!record->good)
        judge_failure(load, record, asker, (int)status);
    load->ended++;
    pthread_cond_broadcast(&load->moved);
    pthread_mutex_unlock(&load->lock);
    asker->next = asking->free;
    asking->free = asker;
    asking->under_way--;
}

static void read_answers(struct asking *asking)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(asking->multi, &left));) {
        struct asker *asker;
        CURL *curl = message->easy_handle;
        CURLcode code = message->data.result;
        curl_easy_getinfo(curl, CURLINFO_PRIVATE, &asker);
        curl_multi_remove_handle(asking->multi, curl);
        answered(asking, asker, code);
    }
}

static bool is_stopped(struct trial_load *load)
{
    pthread_mutex_lock(&load->lock);
    bool stop = load->stop;
    pthread_mutex_unlock(&load->lock);
    return stop;
}

static void *run(void *context)
{
    struct trial_load *load = context;
    struct asking asking = {.load = load, .multi = load->multi};
    unsigned rate = load->trial->options.rate;
    for (bool stop = false; !stop || asking.under_way > 0;) {
        int running;
        stop = stop || is_stopped(load);
        uint64_t now = trial_now_us(load->trial), next = 0;
        while (!stop && (next = load->n * 1000000 / rate) <= now && asking.under_way < UNDER_WAY_MAX)
            send_one(&asking);
        assert_int_equal(curl_multi_perform(asking.multi, &running), CURLM_OK);
        read_answers(&asking);
        now = trial_now_us(load->trial);
        int wait_ms = stop ? 100 : next > now ? (int)((next - now + 999) / 1000) : 0;
        if (wait_ms > 0)
            curl_multi_poll(asking.multi, NULL, 0, wait_ms, NULL);
    }
    for (struct asker *asker = asking.free, *next; asker; asker = next) {
        next = asker->next;
        curl_easy_cleanup(asker->curl);
        curl_slist_free_all(asker->headers);
        free(asker);
    }
    return NULL;
}

void trial_load_start(struct trial_load *load, const struct trial *trial)
{
    load->trial = trial;
    load->multi = curl_multi_init();
    assert_non_null(load->multi);
    curl_multi_setopt(load->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    pthread_mutex_init(&load->lock, NULL);
    pthread_cond_init(&load->moved, NULL);
    assert_int_equal(pthread_create(&load->thread, NULL, run, load), 0);
}

void trial_load_stop(struct trial_load *load)
{
    pthread_mutex_lock(&load->lock);
    load->stop = true;
    pthread_mutex_unlock(&load->lock);
    curl_multi_wakeup(load->multi);
    pthread_join(load->thread, NULL);
}

void trial_load_free(struct trial_load *load)
{
    curl_multi_cleanup(load->multi);
    pthread_mutex_destroy(&load->lock);
    pthread_cond_destroy(&load->moved);
    free(load->records);
}
