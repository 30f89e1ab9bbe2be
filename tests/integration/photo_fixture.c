#include "tests/integration/photo_fixture.h"

#include "common/core/clock.h"
#include "tests/harness/test.h"

struct harness_store store;

Quintet__Store__V1__CreatePhotoRequest *photo_fixture_new(char *user_id)
{
    Quintet__Store__V1__CreatePhotoRequest *in =
        qn_arena_new(&store.arena, Quintet__Store__V1__CreatePhotoRequest);
    quintet__store__v1__create_photo_request__init(in);
    in->photo = qn_arena_new(&store.arena, Quintet__Store__V1__Photo);
    quintet__store__v1__photo__init(in->photo);
    in->photo->id = harness_store_id(&store);
    in->photo->user_id = user_id;
    in->photo->object_key = harness_store_text(&store, "pending/%s/%s", user_id, in->photo->id);
    in->photo->content_type = (char *)"image/avif";
    in->photo->size_bytes = 10485760;
    in->photo->created_at_ms = qn_clock_wall_ms();
    in->max_photos = PHOTO_FIXTURE_MAX;
    in->upload_expires_at_ms = in->photo->created_at_ms + PHOTO_FIXTURE_UPLOAD_MS;
    return in;
}

char *photo_fixture_create(char *user_id)
{
    Quintet__Store__V1__CreatePhotoRequest *in = photo_fixture_new(user_id);
    harness_store_ask(&store, CREATE_PHOTO, in, NULL);
    return in->photo->id;
}

const Quintet__Store__V1__Photo *photo_fixture_get(char *user_id, char *photo_id)
{
    Quintet__Store__V1__GetPhotoRequest in = QUINTET__STORE__V1__GET_PHOTO_REQUEST__INIT;
    in.user_id = user_id;
    in.photo_id = photo_id;
    const Quintet__Store__V1__GetPhotoResponse *out = harness_store_ask(&store, GET_PHOTO, &in, NULL);
    return out->photo;
}

Quintet__Store__V1__CompletePhotoRequest *photo_fixture_made(char *user_id, char *photo_id)
{
    Quintet__Store__V1__CompletePhotoRequest *in =
        qn_arena_new(&store.arena, Quintet__Store__V1__CompletePhotoRequest);
    quintet__store__v1__complete_photo_request__init(in);
    in->user_id = user_id;
    in->photo_id = photo_id;
    in->max_photos = PHOTO_FIXTURE_MAX;
    in->object_key = harness_store_text(&store, "photos/%s/%s.webp", photo_id, harness_store_id(&store));
    in->small_key = harness_store_text(&store, "photos/%s/%s.webp", photo_id, harness_store_id(&store));
    in->content_type = (char *)"image/webp";
    in->size_bytes = 200000;
    in->width = 1600;
    in->height = 1200;
    in->blur_data_url = (char *)"data:image/webp;base64,UklGRg==";
    return in;
}

const Quintet__Store__V1__Photo *photo_fixture_complete(char *user_id, char *photo_id)
{
    const Quintet__Store__V1__CompletePhotoResponse *out =
        harness_store_ask(&store, COMPLETE_PHOTO, photo_fixture_made(user_id, photo_id), NULL);
    return out->photo;
}

char *photo_fixture_add(char *user_id)
{
    char *id = photo_fixture_create(user_id);
    photo_fixture_complete(user_id, id);
    return id;
}

const char *photo_fixture_ids(Quintet__Store__V1__Photo *const *photos, size_t n)
{
    const char *text = "";
    for (size_t i = 0; i < n; i++) {
        assert_true(photos[i]->ready);
        text = harness_store_text(&store, photos[i]->main ? "%s%s(%s)" : "%s%s%s", text, i > 0 ? " " : "",
                                  photos[i]->id);
    }
    return text;
}

const char *photo_fixture_list(char *user_id)
{
    Quintet__Store__V1__ListPhotosRequest in = QUINTET__STORE__V1__LIST_PHOTOS_REQUEST__INIT;
    in.user_id = user_id;
    const Quintet__Store__V1__ListPhotosResponse *out = harness_store_ask(&store, LIST_PHOTOS, &in, NULL);
    return photo_fixture_ids(out->photos, out->n_photos);
}

void photo_fixture_delete(char *user_id, char *photo_id)
{
    Quintet__Store__V1__DeletePhotoRequest in = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    in.user_id = user_id;
    in.photo_id = photo_id;
    harness_store_ask(&store, DELETE_PHOTO, &in, NULL);
}
