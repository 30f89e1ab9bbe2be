#include "common/core/check.h"
#include "common/core/clock.h"
#include "profile.qn.h"
#include "services/profile/store/trash.h"
#include "store.qn.h"
#include "tests/harness/store.h"
#include "tests/harness/test.h"

/* No statement of the stores ever reads a table from one end to the other. PostgreSQL itself is asked: it
 * counts sequential scans a table. Plans are generic, so they hold for one token as for 64. */

static struct harness_store store;

enum { USERS = 20000 };

static char *user_id(int i)
{
    return harness_store_text(&store, "crowd%027d", i);
}

static void ask_sessions(int n)
{
    const struct qn_method *const methods[] = {
        &quintet_store_v1_session_store_get_session_with_profile,
        &quintet_store_v1_session_store_get_session,
        &quintet_store_v1_account_store_get_credential,
    };
    for (size_t m = 0; m < QN_COUNT(methods); m++) {
        for (int i = 0; i < n; i++) {
            int who = 1 + i * 37;
            Quintet__Store__V1__GetSessionWithProfileRequest checked =
                QUINTET__STORE__V1__GET_SESSION_WITH_PROFILE_REQUEST__INIT;
            Quintet__Store__V1__GetSessionRequest plain = QUINTET__STORE__V1__GET_SESSION_REQUEST__INIT;
            Quintet__Store__V1__GetCredentialRequest credential =
                QUINTET__STORE__V1__GET_CREDENTIAL_REQUEST__INIT;
            checked.token = plain.token = harness_store_text(&store, "token%d", who);
            credential.email = harness_store_text(&store, "crowd%d@example.com", who);
            const void *const in[] = {&checked, &plain, &credential};
            harness_store_start(&store, methods[m], in[m], NULL);
        }
        harness_store_wait(&store);
    }
}

static void ask_lists(char *user)
{
    for (int filters = 0; filters < 8; filters++) {
        Quintet__Profile__V1__ListProfilesRequest in = QUINTET__PROFILE__V1__LIST_PROFILES_REQUEST__INIT;
        in.city = (char *)(filters & 1 ? "city 7" : "");
        in.gender = filters & 2 ? QUINTET__PROFILE__V1__GENDER__GENDER_MALE : 0;
        in.min_age = filters & 4 ? 30 : 0;
        in.max_age = filters & 4 ? 31 : 0;
        for (int pages = 0; pages < 3; pages++) {
            const Quintet__Profile__V1__ListProfilesResponse *out =
                harness_store_ask(&store, &quintet_profile_v1_profile_service_list_profiles, &in, user);
            in.page_token = out->next_page_token;
        }
    }
}

static void ask_profile(char *user)
{
    Quintet__Profile__V1__CreateProfileRequest create = QUINTET__PROFILE__V1__CREATE_PROFILE_REQUEST__INIT;
    harness_store_ask(&store, &quintet_profile_v1_profile_service_create_profile, &create, user);
    Quintet__Profile__V1__UpdateProfileRequest update = QUINTET__PROFILE__V1__UPDATE_PROFILE_REQUEST__INIT;
    update.update_mask = (char *[]){(char *)"city"};
    update.n_update_mask = 1;
    harness_store_ask(&store, &quintet_profile_v1_profile_service_update_profile, &update, user);
    Quintet__Profile__V1__GetMyProfileRequest mine = QUINTET__PROFILE__V1__GET_MY_PROFILE_REQUEST__INIT;
    harness_store_ask(&store, &quintet_profile_v1_profile_service_get_my_profile, &mine, user);
    Quintet__Profile__V1__DeleteProfileRequest gone = QUINTET__PROFILE__V1__DELETE_PROFILE_REQUEST__INIT;
    harness_store_ask(&store, &quintet_profile_v1_profile_service_delete_profile, &gone, user);
}

static void ask_photos(char *user)
{
    Quintet__Store__V1__Photo photo = QUINTET__STORE__V1__PHOTO__INIT;
    Quintet__Store__V1__CreatePhotoRequest create = QUINTET__STORE__V1__CREATE_PHOTO_REQUEST__INIT;
    photo.id = photo.object_key = harness_store_id(&store);
    photo.user_id = user;
    photo.content_type = (char *)"image/png";
    photo.size_bytes = 1;
    create.photo = &photo;
    create.max_photos = 6;
    create.upload_expires_at_ms = qn_clock_wall_ms() + 600000;
    harness_store_ask(&store, &quintet_store_v1_photo_store_create_photo, &create, NULL);
    Quintet__Store__V1__CompletePhotoRequest complete = QUINTET__STORE__V1__COMPLETE_PHOTO_REQUEST__INIT;
    complete.user_id = user;
    complete.photo_id = photo.id;
    complete.max_photos = 6;
    complete.object_key = complete.small_key = harness_store_text(&store, "photos/%s/x", photo.id);
    complete.content_type = (char *)"image/webp";
    complete.size_bytes = complete.width = complete.height = 1;
    complete.blur_data_url = (char *)"data:,";
    harness_store_ask(&store, &quintet_store_v1_photo_store_complete_photo, &complete, NULL);
    Quintet__Store__V1__GetPhotoRequest get = QUINTET__STORE__V1__GET_PHOTO_REQUEST__INIT;
    get.user_id = user;
    get.photo_id = photo.id;
    harness_store_ask(&store, &quintet_store_v1_photo_store_get_photo, &get, NULL);
    Quintet__Store__V1__ListPhotosRequest list = QUINTET__STORE__V1__LIST_PHOTOS_REQUEST__INIT;
    list.user_id = user;
    harness_store_ask(&store, &quintet_store_v1_photo_store_list_photos, &list, NULL);
    Quintet__Store__V1__ReorderPhotosRequest order = QUINTET__STORE__V1__REORDER_PHOTOS_REQUEST__INIT;
    order.user_id = user;
    order.photo_ids = &photo.id;
    order.n_photo_ids = 1;
    harness_store_ask(&store, &quintet_store_v1_photo_store_reorder_photos, &order, NULL);
    Quintet__Store__V1__SetMainPhotoRequest set_main = QUINTET__STORE__V1__SET_MAIN_PHOTO_REQUEST__INIT;
    set_main.user_id = user;
    set_main.photo_id = photo.id;
    harness_store_ask(&store, &quintet_store_v1_photo_store_set_main_photo, &set_main, NULL);
    Quintet__Store__V1__DeletePhotoRequest gone = QUINTET__STORE__V1__DELETE_PHOTO_REQUEST__INIT;
    gone.user_id = user;
    gone.photo_id = photo.id;
    harness_store_ask(&store, &quintet_store_v1_photo_store_delete_photo, &gone, NULL);
}

/* A page's photos, whole and of each profile the main one. */
static void ask_photos_of_profiles(void)
{
    enum { PAGE = 100 };
    char *users[PAGE];
    for (int i = 0; i < PAGE; i++)
        users[i] = user_id(1 + i * 37);
    Quintet__Store__V1__ListProfilePhotosRequest in = QUINTET__STORE__V1__LIST_PROFILE_PHOTOS_REQUEST__INIT;
    in.user_ids = users;
    in.n_user_ids = PAGE;
    for (int main_only = 0; main_only < 2; main_only++) {
        in.main_only = main_only;
        harness_store_ask(&store, &quintet_store_v1_photo_store_list_profile_photos, &in, NULL);
    }
    in.n_user_ids = 1;
    in.main_only = false;
    harness_store_ask(&store, &quintet_store_v1_photo_store_list_profile_photos, &in, NULL);
}

static bool looked;

static void on_looked(struct pg_query *query)
{
    struct store_trash_state state;
    assert_int_equal(query->status, QN_OK);
    assert_true(store_trash_read_state(query->steps[0].result, &state));
    assert_true(state.due > 0);
    looked = true;
}

/* As services/profile/trash_watch.c, each minute. */
static void ask_what_waits(void)
{
    struct store_steps steps;
    store_steps_init(&steps, &store.arena);
    store_trash_look(&steps);
    struct pg_query query = {
        .steps = steps.at,
        .n_steps = steps.n,
        .deadline_ms = qn_clock_now_ms() + 60000,
        .done = on_looked,
    };
    looked = false;
    pg_query_start(&query, store.pool);
    while (!looked)
        qn_loop_turn(store.loop);
}

/* What empties the object store. */
static void ask_trash(void)
{
    Quintet__Store__V1__SweepPhotosRequest sweep = QUINTET__STORE__V1__SWEEP_PHOTOS_REQUEST__INIT;
    sweep.before_ms = qn_clock_wall_ms();
    sweep.max = 10;
    harness_store_ask(&store, &quintet_store_v1_photo_store_sweep_photos, &sweep, NULL);
    Quintet__Store__V1__ClaimTrashRequest claim = QUINTET__STORE__V1__CLAIM_TRASH_REQUEST__INIT;
    claim.max = 100;
    claim.lease_ms = 60000;
    const Quintet__Store__V1__ClaimTrashResponse *out =
        harness_store_ask(&store, &quintet_store_v1_photo_store_claim_trash, &claim, NULL);
    assert_int_equal(out->n_entries, 100);
    Quintet__Store__V1__FailTrashRequest fail = QUINTET__STORE__V1__FAIL_TRASH_REQUEST__INIT;
    fail.entries = out->entries;
    fail.n_entries = 50;
    harness_store_ask(&store, &quintet_store_v1_photo_store_fail_trash, &fail, NULL);
    Quintet__Store__V1__FinishTrashRequest finish = QUINTET__STORE__V1__FINISH_TRASH_REQUEST__INIT;
    finish.entries = out->entries + 50;
    finish.n_entries = 50;
    harness_store_ask(&store, &quintet_store_v1_photo_store_finish_trash, &finish, NULL);
    ask_what_waits();
}

static void ask_account(char *user, char *token)
{
    Quintet__Store__V1__ListSessionsRequest sessions = QUINTET__STORE__V1__LIST_SESSIONS_REQUEST__INIT;
    sessions.user_id = user;
    sessions.after_ms = qn_clock_wall_ms();
    harness_store_ask(&store, &quintet_store_v1_session_store_list_sessions, &sessions, NULL);
    Quintet__Store__V1__RefreshSessionRequest refresh = QUINTET__STORE__V1__REFRESH_SESSION_REQUEST__INIT;
    refresh.token = token;
    refresh.expires_at_ms = refresh.updated_at_ms = qn_clock_wall_ms();
    harness_store_ask(&store, &quintet_store_v1_session_store_refresh_session, &refresh, NULL);
    Quintet__Store__V1__DeleteSessionsRequest others = QUINTET__STORE__V1__DELETE_SESSIONS_REQUEST__INIT;
    others.user_id = user;
    others.except_token = token;
    harness_store_ask(&store, &quintet_store_v1_session_store_delete_sessions, &others, NULL);

    Quintet__Store__V1__GetPasswordRequest password = QUINTET__STORE__V1__GET_PASSWORD_REQUEST__INIT;
    password.user_id = user;
    harness_store_ask(&store, &quintet_store_v1_account_store_get_password, &password, NULL);
    Quintet__Store__V1__SetPasswordRequest set = QUINTET__STORE__V1__SET_PASSWORD_REQUEST__INIT;
    Quintet__Store__V1__Session session = QUINTET__STORE__V1__SESSION__INIT;
    set.user_id = session.user_id = user;
    set.password_hash = session.id = harness_store_id(&store);
    session.token = token;
    set.session = &session;
    harness_store_ask(&store, &quintet_store_v1_account_store_set_password, &set, NULL);
    set.session = NULL;
    set.new_account_id = harness_store_id(&store);
    harness_store_ask(&store, &quintet_store_v1_account_store_set_password, &set, NULL);
    Quintet__Store__V1__UpdateUserRequest update = QUINTET__STORE__V1__UPDATE_USER_REQUEST__INIT;
    update.user_id = user;
    update.update_mask = (char *[]){(char *)"image"};
    update.n_update_mask = 1;
    harness_store_ask(&store, &quintet_store_v1_account_store_update_user, &update, NULL);
    Quintet__Store__V1__ListAccountsRequest accounts = QUINTET__STORE__V1__LIST_ACCOUNTS_REQUEST__INIT;
    accounts.user_id = user;
    const Quintet__Store__V1__ListAccountsResponse *listed =
        harness_store_ask(&store, &quintet_store_v1_account_store_list_accounts, &accounts, NULL);
    Quintet__Store__V1__DeleteAccountRequest unlink = QUINTET__STORE__V1__DELETE_ACCOUNT_REQUEST__INIT;
    unlink.user_id = user;
    unlink.id = listed->accounts[0]->id;
    harness_store_ask(&store, &quintet_store_v1_account_store_delete_account, &unlink, NULL);
}

/* The sweep reads the whole table, which holds what was mailed of late. */
static void ask_verification(void)
{
    Quintet__Store__V1__Verification row = QUINTET__STORE__V1__VERIFICATION__INIT;
    Quintet__Store__V1__CreateVerificationRequest create =
        QUINTET__STORE__V1__CREATE_VERIFICATION_REQUEST__INIT;
    row.id = row.identifier = harness_store_id(&store);
    create.verification = &row;
    harness_store_ask(&store, &quintet_store_v1_verification_store_create_verification, &create, NULL);
    Quintet__Store__V1__GetVerificationRequest get = QUINTET__STORE__V1__GET_VERIFICATION_REQUEST__INIT;
    get.identifier = row.identifier;
    harness_store_ask(&store, &quintet_store_v1_verification_store_get_verification, &get, NULL);
    Quintet__Store__V1__TakeVerificationRequest take = QUINTET__STORE__V1__TAKE_VERIFICATION_REQUEST__INIT;
    take.identifier = row.identifier;
    harness_store_ask(&store, &quintet_store_v1_verification_store_take_verification, &take, NULL);
}

/* Every method, GetSession and its kin for one token and for a whole message. */
static void ask_everything(void)
{
    char *token, *user = harness_store_user(&store, &token); /* CreateUser */
    ask_sessions(1);
    ask_sessions(64);
    ask_profile(user);
    ask_photos(user);
    ask_photos_of_profiles();
    ask_trash();
    ask_lists(user);
    ask_account(user, token);
    ask_verification();
    Quintet__Store__V1__DeleteSessionRequest gone = QUINTET__STORE__V1__DELETE_SESSION_REQUEST__INIT;
    gone.token = token;
    harness_store_ask(&store, &quintet_store_v1_session_store_delete_session, &gone, NULL);
    gone.user_id = user;
    harness_store_ask(&store, &quintet_store_v1_session_store_delete_session, &gone, NULL);
    Quintet__Store__V1__DeleteUserRequest user_gone = QUINTET__STORE__V1__DELETE_USER_REQUEST__INIT;
    user_gone.user_id = user;
    harness_store_ask(&store, &quintet_store_v1_account_store_delete_user, &user_gone, NULL);
}

static void seed(void)
{
    harness_store_do(
        &store,
        "insert into \"user\" (id, name, email, \"emailVerified\", image, \"createdAt\", \"updatedAt\")"
        " select 'crowd' || lpad(i::text, 27, '0'), 'N', 'crowd' || i || '@example.com', false, null,"
        " now(), now() from generate_series(1, %d) i",
        USERS);
    harness_store_do(
        &store,
        "insert into session (id, \"expiresAt\", token, \"createdAt\", \"updatedAt\", \"ipAddress\","
        " \"userAgent\", \"userId\") select 's' || i, now(), 'token' || i, now(), now(), '', '',"
        " 'crowd' || lpad(i::text, 27, '0') from generate_series(1, %d) i",
        USERS);
    harness_store_do(
        &store,
        "insert into account (id, \"accountId\", \"providerId\", \"userId\", password, \"createdAt\","
        " \"updatedAt\") select 'a' || i, 'crowd' || lpad(i::text, 27, '0'), 'credential',"
        " 'crowd' || lpad(i::text, 27, '0'), 'x', now(), now() from generate_series(1, %d) i",
        USERS);
    harness_store_do(
        &store,
        "insert into quintet.profile (user_id, display_name, birth_date, gender, city, bio, created_at,"
        " updated_at) select 'crowd' || lpad(i::text, 27, '0'), 'N', date '1960-01-01' + i %% 16000,"
        " (array['female', 'male', 'non_binary'])[1 + i %% 3], 'City ' || i %% 100,"
        " case when i %% 5 > 0 then 'B' end, now() - i * interval '1 second', now()"
        " from generate_series(1, %d) i",
        USERS);
    harness_store_do(
        &store,
        "insert into quintet.photo select 'p' || k || '-' || i, 'crowd' || lpad(i::text, 27, '0'),"
        " 'k' || k || '-' || i, 'image/png', 1, true, k = 1, now(), now()"
        " from generate_series(1, %d) i, generate_series(1, 2) k",
        USERS);
    /* Uploads that came to nothing, and what must go from the object store. */
    harness_store_do(
        &store,
        "insert into quintet.photo select 'u' || i, 'crowd' || lpad(i::text, 27, '0'), 'pending/' || i,"
        " 'image/png', 1, false, false, now(), now() - i * interval '1 second' from generate_series(1, %d) i",
        USERS / 10);
    harness_store_do(&store,
                     "insert into quintet.photo_trash (prefix, due_at, not_before)"
                     " select 'photos/' || i || '/', at, at from generate_series(1, %d) i,"
                     " lateral (select now() - (i - %d) * interval '1 second' as at) times",
                     USERS, USERS / 2);
    harness_store_do(&store,
                     "insert into verification (id, identifier, value, \"expiresAt\", \"createdAt\","
                     " \"updatedAt\") select 'v' || i, 'reset-password:' || i, 'x', now(), now(), now()"
                     " from generate_series(1, %d) i",
                     USERS);
    harness_store_do(&store, "vacuum (analyze)"); /* as it is after a while: index-only plans are worth it */
    harness_store_do(&store, "select pg_stat_force_next_flush()");
    harness_store_do(&store, "select 1");
}

static void test_no_statement_reads_a_whole_table(void **state)
{
    (void)state;
    static const char *const tables[] = {"user",  "session",     "account",     "profile",
                                         "photo", "photo_trash", "verification"};
    static const char *const indexes[] = {
        "user_pkey",
        "user_email_key",
        "session_token_key",
        "account_userId_idx",
        "session_userId_idx",
        "verification_identifier_idx",
        "profile_pkey",
        "profile_list_idx",
        "profile_list_gender_idx",
        "profile_list_city_idx",
        "photo_pkey",
        "photo_user_idx",
        "profile_user_hash",
        "photo_main_hash",
        "photo_main_key",
        "photo_pending_idx",
        "photo_trash_pkey",
        "photo_trash_next_idx",
        "photo_trash_due_idx",
    };
    static const char *const of_the_check[] = {"profile_user_hash", "photo_main_hash"};
    enum { ROUNDS = 3 };
    seed();
    harness_store_do(&store, "select pg_stat_reset()");
    for (int i = 0; i < ROUNDS; i++)
        ask_everything();
    harness_store_drain_pool(&store); /* what a connection has counted is in when it ends */
    harness_store_do(&store, "delete from \"user\" where id = '%s'", user_id(1)); /* down every foreign key */
    harness_store_do(&store, "select pg_stat_force_next_flush()");
    for (size_t i = 0; i < QN_COUNT(tables); i++) {
        long scans = harness_store_number(
            &store, "select seq_scan from pg_stat_user_tables where relname = '%s'", tables[i]);
        if (scans != 0)
            fail_msg("%s was read from end to end %ld times", tables[i], scans);
    }
    for (size_t i = 0; i < QN_COUNT(indexes); i++)
        if (harness_store_number(&store,
                                 "select idx_scan from pg_stat_user_indexes where indexrelname = '%s'",
                                 indexes[i]) == 0)
            fail_msg("%s is never used", indexes[i]);
    /* Each session check asks both, though B-trees could answer as well. */
    for (size_t i = 0; i < QN_COUNT(of_the_check); i++) {
        long scans = harness_store_number(
            &store, "select idx_scan from pg_stat_user_indexes where indexrelname = '%s'", of_the_check[i]);
        if (scans < ROUNDS * (1 + 64))
            fail_msg("%s was asked %ld times only", of_the_check[i], scans);
    }
}

HARNESS_STORE_SETUPS()

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_statement_reads_a_whole_table),
    };
    return HARNESS_STORE_RUN(tests);
}
