#include "tests/integration/media_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/test.h"

enum {
    ENVIRONMENT_MAX = 24,
    CALL_MS = 30000,
    LIMIT_MS = 60000,
    ARENA_BYTES = 16 * 1024 * 1024,
    GLANCE_MS = 20,
    AT_ONCE_MAX = 8
};

static const char *address(const char *service)
{
    return harness_text("ipc://%s/%s", harness_folder(), service);
}

void media_fixture_start_profile(struct media_fixture *fixture)
{
    const char *const environment[] = {
        harness_text("DATABASE_URL=%s", harness_postgres_app_url(fixture->postgres)),
        harness_text("QUINTET_RPC_LISTEN=%s", address("profile")),
        NULL,
    };
    fixture->profile = harness_service_start(
        &(const struct harness_service_options){.program = "quintet-profile", .environment = environment});
}

static void start(struct media_fixture *fixture, bool bucket)
{
    struct qn_error err;
    fixture->postgres = harness_postgres_start_ready(NULL);
    fixture->admin = harness_postgres_admin(fixture->postgres, NULL);
    if (bucket) {
        fixture->bucket = harness_bucket_start();
    } else {
        fixture->folder = harness_text("%s/objects", harness_folder());
        if (media_object_file_place(fixture->folder, &fixture->place, &err) != QN_OK)
            fail_msg("%s", err.message);
    }
    media_fixture_start_profile(fixture);
    harness_service_await(fixture->profile, true);
}

void media_fixture_start(struct media_fixture *fixture)
{
    start(fixture, harness_bucket_wanted());
}

void media_fixture_start_with_bucket(struct media_fixture *fixture)
{
    start(fixture, true);
}

static struct harness_service *start_media(struct media_fixture *fixture, const char *const *more)
{
    const char *const usual[] = {
        harness_text("QUINTET_RPC_LISTEN=%s", address("media")),
        harness_text("QUINTET_PROFILE_ADDRESS=%s", address("profile")),
    };
    const char *const in_folder[] = {
        harness_text("QUINTET_MEDIA_FOLDER=%s", fixture->folder ? fixture->folder : ""),
        "QUINTET_MEDIA_ACCESS_KEY_ID=" MEDIA_FIXTURE_KEY_ID,
        "QUINTET_MEDIA_SECRET_ACCESS_KEY=" MEDIA_FIXTURE_SECRET,
    };
    const char *const in_bucket[] = {
        harness_text("S3_ENDPOINT=http://127.0.0.1:%u",
                     fixture->bucket ? harness_bucket_port(fixture->bucket) : 0),
        "S3_BUCKET=" HARNESS_BUCKET_NAME,
        "S3_ACCESS_KEY_ID=" HARNESS_BUCKET_KEY_ID,
        "S3_SECRET_ACCESS_KEY=" HARNESS_BUCKET_SECRET,
        "S3_REGION=" HARNESS_BUCKET_REGION,
        "S3_CONDITIONAL_WRITES=on",
    };
    /* The first of a name is the one that counts. */
    const char *environment[ENVIRONMENT_MAX + 1] = {NULL};
    const char *const *store = fixture->bucket ? in_bucket : in_folder;
    size_t n = 0, n_store = fixture->bucket ? QN_COUNT(in_bucket) : QN_COUNT(in_folder);
    for (; more && *more; more++) {
        assert_true(n < ENVIRONMENT_MAX - QN_COUNT(usual) - QN_COUNT(in_bucket));
        environment[n++] = *more;
    }
    for (size_t i = 0; i < QN_COUNT(usual); i++)
        environment[n++] = usual[i];
    for (size_t i = 0; i < n_store; i++)
        environment[n++] = store[i];
    struct harness_service *media = harness_service_start(&(const struct harness_service_options){
        .program = "quintet-media", .environment = environment, .http = true});
    harness_service_await(media, true);
    return media;
}

void media_fixture_start_media(struct media_fixture *fixture, const char *const *more)
{
    fixture->media = start_media(fixture, more);
    fixture->address = harness_text("127.0.0.1:%u", harness_service_http_port(fixture->media));
}

void media_fixture_start_another(struct media_fixture *fixture, const char *const *more)
{
    fixture->another = start_media(fixture, more);
}

void media_fixture_stop_media(struct media_fixture *fixture)
{
    if (fixture->another && harness_service_pid(fixture->another))
        assert_int_equal(harness_service_stop(fixture->another), 0);
    if (fixture->media && harness_service_pid(fixture->media))
        assert_int_equal(harness_service_stop(fixture->media), 0);
    fixture->media = fixture->another = NULL;
}

void media_fixture_kill_media(struct media_fixture *fixture)
{
    harness_service_signal(fixture->media, SIGKILL);
    assert_int_equal(harness_service_wait(fixture->media), -SIGKILL);
    fixture->media = NULL;
}

void media_fixture_stop(struct media_fixture *fixture)
{
    media_fixture_stop_media(fixture);
    if (fixture->profile && harness_service_pid(fixture->profile))
        assert_int_equal(harness_service_stop(fixture->profile), 0);
    if (fixture->bucket)
        harness_bucket_stop(fixture->bucket);
    if (fixture->folder)
        media_object_file_leave(&fixture->place);
    if (fixture->admin)
        PQfinish(fixture->admin);
    if (fixture->postgres)
        harness_postgres_stop(fixture->postgres);
    *fixture = (struct media_fixture){0};
}

/* Calls. */

void media_fixture_connect(struct media_fixture *fixture)
{
    fixture->loop = loop_fixture_begin();
    qn_arena_init(&fixture->arena, ARENA_BYTES);
    struct qn_error err = {0};
    const struct qn_client_options options = {.name = "media", .address = address("media")};
    if (qn_client_open(fixture->loop, &options, &fixture->client, &err) != QN_OK)
        fail_msg("%s", err.message);
    /* nng 1.5.2 loses a few kilobytes when a dialer is closed in the middle of its handshake. */
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    while (!qn_client_ready(fixture->client)) {
        qn_loop_wait(fixture->loop);
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("media does not answer");
    }
}

static void client_closed(void *context)
{
    *(bool *)context = true;
}

void media_fixture_hang_up(struct media_fixture *fixture)
{
    bool closed = false;
    qn_client_close(fixture->client, client_closed, &closed);
    loop_fixture_run_until(&closed, LIMIT_MS);
    fixture->client = NULL;
}

void media_fixture_disconnect(struct media_fixture *fixture)
{
    if (fixture->client)
        media_fixture_hang_up(fixture);
    loop_fixture_end();
    qn_arena_fini(&fixture->arena);
    qn_metric_reset();
    fixture->loop = NULL;
}

struct answer {
    struct qn_request request;
    bool done;
};

static void on_answer(struct qn_request *request)
{
    container_of(request, struct answer, request)->done = true;
}

static struct qn_context context_of(const char *user)
{
    return (struct qn_context){
        .deadline_ms = qn_clock_now_ms() + CALL_MS,
        .request_id = QN_STR("integration-test"),
        .caller = {.known = user != NULL, .user_id = qn_str_c(user), .session_id = QN_STR("a session")},
    };
}

const void *media_fixture_ask(struct media_fixture *fixture, const struct qn_method *method, const void *in,
                              const char *user, enum qn_status status, const char *reason)
{
    struct answer answer = {.done = false};
    const struct qn_context ctx = context_of(user);
    qn_request_start(&answer.request, fixture->client, method, in, &ctx, &fixture->arena, on_answer);
    loop_fixture_run_until(&answer.done, LIMIT_MS);
    const struct qn_request *r = &answer.request;
    if (r->status != status || !qn_str_eq(r->reason, qn_str_c(reason)))
        fail_msg("%s: %s (%.*s) \"%.*s\", not %s (%s)", method->name, qn_status_name(r->status),
                 QN_STR_ARG(r->reason), QN_STR_ARG(r->message), qn_status_name(status), reason ? reason : "");
    return status == QN_OK ? r->out : NULL;
}

/* Those that are asked at once. */
static struct answer at_once[AT_ONCE_MAX];
static struct qn_context at_once_ctx;

void media_fixture_begin_at_once(struct media_fixture *fixture, struct media_fixture_call *calls, size_t n,
                                 const char *user)
{
    assert_true(n <= AT_ONCE_MAX);
    at_once_ctx = context_of(user);
    for (size_t i = 0; i < n; i++) {
        at_once[i] = (struct answer){.done = false};
        qn_request_start(&at_once[i].request, fixture->client, calls[i].method, calls[i].in, &at_once_ctx,
                         &fixture->arena, on_answer);
    }
}

void media_fixture_end_at_once(struct media_fixture *fixture, struct media_fixture_call *calls, size_t n)
{
    (void)fixture;
    for (size_t i = 0; i < n; i++) {
        loop_fixture_run_until(&at_once[i].done, LIMIT_MS);
        calls[i].status = at_once[i].request.status;
        calls[i].out = at_once[i].request.out;
    }
}

void media_fixture_ask_at_once(struct media_fixture *fixture, struct media_fixture_call *calls, size_t n,
                               const char *user)
{
    media_fixture_begin_at_once(fixture, calls, n, user);
    media_fixture_end_at_once(fixture, calls, n);
}

/* The call that is not waited for. */
static struct answer begun;
static struct qn_context begun_ctx;

void media_fixture_begin(struct media_fixture *fixture, const struct qn_method *method, const void *in,
                         const char *user, uint64_t timeout_ms)
{
    begun = (struct answer){.done = false};
    begun_ctx = context_of(user);
    begun_ctx.deadline_ms = qn_clock_now_ms() + timeout_ms;
    qn_request_start(&begun.request, fixture->client, method, in, &begun_ctx, &fixture->arena, on_answer);
}

bool media_fixture_ended(struct media_fixture *fixture)
{
    qn_loop_turn(fixture->loop);
    return begun.done;
}

void media_fixture_abandon(struct media_fixture *fixture)
{
    (void)fixture;
    if (!begun.done)
        qn_request_cancel(&begun.request);
    loop_fixture_run_until(&begun.done, LIMIT_MS);
}

enum qn_status media_fixture_end(struct media_fixture *fixture)
{
    (void)fixture;
    loop_fixture_run_until(&begun.done, LIMIT_MS);
    return begun.request.status;
}

const Quintet__Media__V1__CreateUploadResponse *
media_fixture_create(struct media_fixture *fixture, const char *user, const char *type, int64_t size_bytes)
{
    Quintet__Media__V1__CreateUploadRequest in = QUINTET__MEDIA__V1__CREATE_UPLOAD_REQUEST__INIT;
    in.content_type = (char *)type;
    in.size_bytes = size_bytes;
    return media_fixture_ask(fixture, &quintet_media_v1_media_service_create_upload, &in, user, QN_OK, NULL);
}

const Quintet__Media__V1__Photo *media_fixture_complete(struct media_fixture *fixture, const char *user,
                                                        const char *upload_id, enum qn_status status,
                                                        const char *reason)
{
    Quintet__Media__V1__CompleteUploadRequest in = QUINTET__MEDIA__V1__COMPLETE_UPLOAD_REQUEST__INIT;
    in.upload_id = (char *)upload_id;
    const Quintet__Media__V1__CompleteUploadResponse *out = media_fixture_ask(
        fixture, &quintet_media_v1_media_service_complete_upload, &in, user, status, reason);
    return out ? out->photo : NULL;
}

const Quintet__Media__V1__ListPhotosResponse *media_fixture_list(struct media_fixture *fixture,
                                                                 const char *user)
{
    Quintet__Media__V1__ListPhotosRequest in = QUINTET__MEDIA__V1__LIST_PHOTOS_REQUEST__INIT;
    return media_fixture_ask(fixture, &quintet_media_v1_media_service_list_photos, &in, user, QN_OK, NULL);
}

void media_fixture_delete(struct media_fixture *fixture, const char *user, const char *photo_id,
                          enum qn_status status, const char *reason)
{
    Quintet__Media__V1__DeletePhotoRequest in = QUINTET__MEDIA__V1__DELETE_PHOTO_REQUEST__INIT;
    in.photo_id = (char *)photo_id;
    media_fixture_ask(fixture, &quintet_media_v1_media_service_delete_photo, &in, user, status, reason);
}

const Quintet__Media__V1__Photo *media_fixture_set_main(struct media_fixture *fixture, const char *user,
                                                        const char *photo_id, enum qn_status status,
                                                        const char *reason)
{
    Quintet__Media__V1__SetMainPhotoRequest in = QUINTET__MEDIA__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    in.photo_id = (char *)photo_id;
    const Quintet__Media__V1__SetMainPhotoResponse *out =
        media_fixture_ask(fixture, &quintet_media_v1_media_service_set_main_photo, &in, user, status, reason);
    return out ? out->photo : NULL;
}

/* The browser. */

/* Bodies live as long as the process; held here, so that a leak checker does not take them for lost. */
struct picture {
    struct picture *next;
    char bytes[];
};
static struct picture *pictures;

static uint32_t crc_of(const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

static uint8_t *write_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        *to++ = (uint8_t)(value >> (24 - 8 * i));
    return to;
}

/* One of PNG's chunks; 'data' NULL: zeros. */
static uint8_t *write_chunk(uint8_t *to, const char *name, const void *data, size_t len)
{
    uint8_t *begin = write_u32(to, (uint32_t)len);
    memcpy(begin, name, 4);
    if (data)
        memcpy(begin + 4, data, len);
    else
        memset(begin + 4, 0, len);
    return write_u32(begin + 4 + len, crc_of(begin, 4 + len));
}

/* A PNG of one grey pixel; a private chunk fills it up ("fiLl": may be ignored, of nobody's standard). */
static void write_png(uint8_t *to, size_t size_bytes)
{
    static const uint8_t header[] = {0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0};
    /* zlib's head, a stored block of two bytes (filter 0, grey), Adler-32. */
    static const uint8_t pixel[] = {0x78, 0x01, 0x01, 2, 0, 0xFD, 0xFF, 0, 0x80, 0, 0x82, 0, 0x81};
    enum { REST = 8 + 12 + sizeof header + 12 + 12 + sizeof pixel + 12 };
    _Static_assert((int)REST <= (int)MEDIA_FIXTURE_PICTURE_MIN, "room for the rest");
    memcpy(to, "\x89PNG\r\n\x1A\n", 8);
    to = write_chunk(to + 8, "IHDR", header, sizeof header);
    to = write_chunk(to, "fiLl", NULL, size_bytes - REST);
    to = write_chunk(to, "IDAT", pixel, sizeof pixel);
    write_chunk(to, "IEND", NULL, 0);
}

struct qn_str media_fixture_picture(const char *type, size_t size_bytes)
{
    static const struct {
        const char *type;
        struct qn_str front;
    } fronts[] = {
        {"image/jpeg", QN_STR("\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0")},
        {"image/png", QN_STR("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0")},
        {"image/webp", QN_STR("RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0")},
        {"image/avif", QN_STR("\0\0\0\x1C"
                              "ftypavif\0\0\0\0avifmif1miaf")},
        {"image/heic", QN_STR("\0\0\0\x18"
                              "ftypheic\0\0\0\0heicmif1")},
    };
    struct picture *picture = malloc(sizeof *picture + size_bytes + 1);
    assert_non_null(picture);
    picture->next = pictures;
    pictures = picture;
    char *bytes = picture->bytes;
    for (size_t i = 0; i < size_bytes; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    for (size_t i = 0; i < QN_COUNT(fronts); i++) {
        if (strcmp(type, fronts[i].type) == 0)
            memcpy(bytes, fronts[i].front.ptr,
                   fronts[i].front.len < size_bytes ? fronts[i].front.len : size_bytes);
    }
    if (strcmp(type, "image/png") == 0 && size_bytes >= MEDIA_FIXTURE_PICTURE_MIN)
        write_png((uint8_t *)bytes, size_bytes);
    bytes[size_bytes] = '\0';
    return qn_str_n(bytes, size_bytes);
}

int media_fixture_put(const Quintet__Media__V1__CreateUploadResponse *upload, struct qn_str body)
{
    struct harness_http_request request = {.method = upload->method, .url = upload->url, .body = body};
    assert_true(upload->n_headers < HARNESS_HTTP_HEADERS_MAX);
    for (size_t i = 0; i < upload->n_headers; i++)
        request.headers[i] = harness_text("%s: %s", upload->headers[i]->name, upload->headers[i]->value);
    struct harness_http_reply reply = harness_http(&request);
    int status = reply.status;
    harness_http_free(&reply);
    return status;
}

int media_fixture_get(const char *url)
{
    struct harness_http_reply reply = harness_http(&(const struct harness_http_request){.url = url});
    int status = reply.status;
    harness_http_free(&reply);
    return status;
}

const Quintet__Media__V1__Photo *media_fixture_add(struct media_fixture *fixture, const char *user,
                                                   const char *type, size_t size_bytes)
{
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(fixture, user, type, (int64_t)size_bytes);
    assert_int_equal(media_fixture_put(upload, media_fixture_picture(type, size_bytes)), 200);
    return media_fixture_complete(fixture, user, upload->upload_id, QN_OK, NULL);
}

const Quintet__Media__V1__CreateUploadResponse *media_fixture_upload(struct media_fixture *fixture,
                                                                     const char *user)
{
    const Quintet__Media__V1__CreateUploadResponse *upload =
        media_fixture_create(fixture, user, "image/png", MEDIA_FIXTURE_PICTURE_MIN);
    assert_int_equal(media_fixture_put(upload, media_fixture_picture("image/png", MEDIA_FIXTURE_PICTURE_MIN)),
                     200);
    return upload;
}

/* Looking from outside; at objects: media_objects.c. */

const char *media_fixture_user(struct media_fixture *fixture)
{
    char id[QN_ID_LEN + 1];
    qn_id_new(id);
    harness_postgres_do(
        fixture->admin,
        harness_text("insert into public.\"user\" (id, name, email, \"emailVerified\", \"createdAt\", "
                     "\"updatedAt\") values ('%s', 'Ada', '%s@example.com', false, now(), now())",
                     id, id));
    return harness_text("%s", id);
}

void media_fixture_complete_profile(struct media_fixture *fixture, const char *user)
{
    harness_postgres_do(
        fixture->admin,
        harness_text("insert into quintet.profile (user_id, display_name, birth_date, gender, city, bio,"
                     " created_at, updated_at) values ('%s', 'Ada', '1990-12-10', 'female', 'London',"
                     " 'Numbers.', now(), now())",
                     user));
}

long media_fixture_number(struct media_fixture *fixture, const char *format, ...)
{
    char sql[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    assert_in_range(len, 1, sizeof(sql) - 1);
    return harness_postgres_number(fixture->admin, sql);
}

void media_fixture_until(struct media_fixture *fixture, bool (*holds)(struct media_fixture *fixture),
                         const char *what)
{
    uint64_t deadline_ms = qn_clock_now_ms() + LIMIT_MS;
    while (!holds(fixture)) {
        if (qn_clock_left_ms(deadline_ms) == 0)
            fail_msg("not within %d ms: %s", LIMIT_MS, what);
        poll(NULL, 0, GLANCE_MS);
    }
}
