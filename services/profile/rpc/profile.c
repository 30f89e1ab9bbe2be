/* quintet.profile.v1.ProfileService. The caller is whom the gateway has let in. */
#include "services/profile/store/profile.h"

#include "profile.qn.h"
#include "services/profile/rpc/ask.h"
#include "services/profile/rpc/message.h"

QUINTET_PROFILE_V1_PROFILE_SERVICE_HANDLERS(profile_rpc_profile, profile_rpc_)

static struct qn_date today(void)
{
    return qn_date_of(qn_clock_wall_ms()); /* in UTC: nobody is let in early by a time zone of their choice */
}

/* The gateway fills the caller for these methods; who comes round it is nobody. */
static bool known(struct qn_call *call)
{
    if (call->ctx.caller.known && call->ctx.caller.user_id.len > 0)
        return true;
    qn_call_fail_with(call, .status = QN_UNAUTHENTICATED, .message = "sign in first");
    return false;
}

static void fail_not_found(struct qn_call *call)
{
    qn_call_fail_with(call, .status = QN_NOT_FOUND, .message = "there is no such profile",
                      .reason = "PROFILE_NOT_FOUND");
}

static void fail_read(struct profile_ask *ask, enum qn_status status)
{
    if (status == QN_RESOURCE_EXHAUSTED)
        profile_ask_fail_memory(ask->call);
    else
        profile_ask_fail_row(ask->call, ask->steps.at[0].statement->name);
}

/* The profile of the only step as a message; NULL: the call has been answered. */
static Quintet__Profile__V1__Profile *take_profile(struct profile_ask *ask)
{
    struct qn_call *call = ask->call;
    const PGresult *result = profile_ask_result(ask, 0);
    if (pg_result_rows(result) == 0) {
        fail_not_found(call);
        return NULL;
    }
    struct profile profile;
    enum qn_status status = store_profile_read(result, 0, call->arena, &profile);
    if (status != QN_OK) {
        fail_read(ask, status);
        return NULL;
    }
    bool own = qn_str_eq(profile.user_id, call->ctx.caller.user_id);
    if (!own && !profile_complete(&profile)) {
        fail_not_found(call);
        return NULL;
    }
    Quintet__Profile__V1__Profile *message = profile_message_profile(&profile, own, today(), call->arena);
    if (message == NULL)
        profile_ask_fail_memory(call);
    return message;
}

static void on_created(struct profile_ask *ask)
{
    if (pg_result_rows(profile_ask_result(ask, 0)) == 0) {
        qn_call_fail_with(ask->call, .status = QN_ALREADY_EXISTS, .message = "you have a profile",
                          .reason = "PROFILE_ALREADY_EXISTS");
        return;
    }
    Quintet__Profile__V1__CreateProfileResponse out = QUINTET__PROFILE__V1__CREATE_PROFILE_RESPONSE__INIT;
    out.profile = take_profile(ask);
    if (out.profile)
        qn_call_reply(ask->call, &out);
}

static bool on_not_created(struct profile_ask *ask)
{
    if (ask->query.status != QN_NOT_FOUND)
        return false;
    qn_call_fail_with(ask->call, .status = QN_NOT_FOUND, .message = "there is no such user",
                      .reason = "USER_NOT_FOUND");
    return true;
}

void profile_rpc_create_profile(struct qn_call *call)
{
    const Quintet__Profile__V1__CreateProfileRequest *in = call->in;
    if (!known(call))
        return;
    struct profile_input input = {
        .display_name = qn_str_c(in->display_name),
        .birth_date = qn_str_c(in->birth_date),
        .gender = (int)in->gender,
        .city = qn_str_c(in->city),
        .bio = qn_str_c(in->bio),
    };
    struct profile_complaints complaints = {0};
    struct profile_fields fields;
    profile_validate(&input, PROFILE_OWN_FIELDS, today(), &fields, &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_profile_insert(&ask->steps, call->ctx.caller.user_id, &fields, qn_clock_wall_ms());
    ask->answer = on_created;
    ask->refuse = on_not_created;
    profile_ask_start(ask);
}

static void on_got(struct profile_ask *ask)
{
    Quintet__Profile__V1__GetProfileResponse out = QUINTET__PROFILE__V1__GET_PROFILE_RESPONSE__INIT;
    out.profile = take_profile(ask);
    if (out.profile)
        qn_call_reply(ask->call, &out);
}

void profile_rpc_get_profile(struct qn_call *call)
{
    const Quintet__Profile__V1__GetProfileRequest *in = call->in;
    if (!known(call))
        return;
    struct profile_complaints complaints = {0};
    if (in->user_id[0] == '\0')
        profile_complain(&complaints, "user_id", "must be given");
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_profile_get(&ask->steps, qn_str_c(in->user_id));
    ask->answer = on_got;
    profile_ask_start(ask);
}

static void on_got_mine(struct profile_ask *ask)
{
    Quintet__Profile__V1__GetMyProfileResponse out = QUINTET__PROFILE__V1__GET_MY_PROFILE_RESPONSE__INIT;
    out.profile = take_profile(ask);
    if (out.profile)
        qn_call_reply(ask->call, &out);
}

void profile_rpc_get_my_profile(struct qn_call *call)
{
    if (!known(call))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_profile_get(&ask->steps, call->ctx.caller.user_id);
    ask->answer = on_got_mine;
    profile_ask_start(ask);
}

static void on_updated(struct profile_ask *ask)
{
    Quintet__Profile__V1__UpdateProfileResponse out = QUINTET__PROFILE__V1__UPDATE_PROFILE_RESPONSE__INIT;
    out.profile = take_profile(ask);
    if (out.profile)
        qn_call_reply(ask->call, &out);
}

void profile_rpc_update_profile(struct qn_call *call)
{
    const Quintet__Profile__V1__UpdateProfileRequest *in = call->in;
    if (!known(call))
        return;
    struct profile_input input = {
        .display_name = qn_str_c(in->display_name),
        .birth_date = qn_str_c(in->birth_date),
        .gender = (int)in->gender,
        .city = qn_str_c(in->city),
        .bio = qn_str_c(in->bio),
    };
    struct profile_complaints complaints = {0};
    struct profile_fields fields;
    unsigned which =
        profile_mask((const char *const *)in->update_mask, in->n_update_mask, call->arena, &complaints);
    profile_validate(&input, which, today(), &fields, &complaints);
    if (!profile_ask_fine(call, &complaints))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_profile_update(&ask->steps, call->ctx.caller.user_id, &fields, which, qn_clock_wall_ms());
    ask->answer = on_updated;
    profile_ask_start(ask);
}

static void on_deleted(struct profile_ask *ask)
{
    if (pg_result_rows(profile_ask_result(ask, 2)) == 0) {
        fail_not_found(ask->call);
        return;
    }
    Quintet__Profile__V1__DeleteProfileResponse out = QUINTET__PROFILE__V1__DELETE_PROFILE_RESPONSE__INIT;
    qn_call_reply(ask->call, &out);
}

void profile_rpc_delete_profile(struct qn_call *call)
{
    if (!known(call))
        return;
    struct profile_ask *ask = profile_ask_new(call);
    store_profile_delete(&ask->steps, call->ctx.caller.user_id);
    ask->answer = on_deleted;
    profile_ask_start(ask);
}

/* ListProfiles: 1. check filters and token  2. ask for a page and one row more  3. reply; if that row was
 * there, with the token of the page's last profile. */

enum { PAGE_SIZE_DEFAULT = 20, PAGE_SIZE_MAX = 100 };
_Static_assert(PAGE_SIZE_MAX + 1 == STORE_PROFILE_LIST_MAX, "the row more");

struct list {
    struct profile_ask ask;
    struct profile_filter filter;
    size_t page_size;
    struct profile_page_key after; /* user id in 'room' */
    uint8_t room[PROFILE_PAGE_TOKEN_MAX];
    char token[PROFILE_PAGE_TOKEN_MAX + 1];
};
_Static_assert(sizeof(struct list) <= 4096, "what qn_call_new() always has");

static enum qn_status read_page(struct list *list, size_t n, struct qn_date day,
                                Quintet__Profile__V1__ListProfilesResponse *out)
{
    struct qn_arena *arena = list->ask.call->arena;
    struct profile last = {0};
    out->profiles = qn_arena_array(arena, n + 1, sizeof(Quintet__Profile__V1__Profile *));
    if (out->profiles == NULL)
        return QN_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < n; i++) {
        QN_TRY(store_profile_read(profile_ask_result(&list->ask, 0), (int)i, arena, &last));
        out->profiles[i] = profile_message_profile(&last, false, day, arena);
        if (out->profiles[i] == NULL)
            return QN_RESOURCE_EXHAUSTED;
        out->n_profiles++;
    }
    if ((size_t)pg_result_rows(profile_ask_result(&list->ask, 0)) > n && n > 0) {
        if (last.user_id.len > PROFILE_USER_ID_MAX) /* the table's constraint is gone */
            return QN_INTERNAL;
        struct profile_page_key key = {last.created_at_ms, last.user_id};
        profile_page_encode(&key, &list->filter, list->token);
        out->next_page_token = list->token;
    }
    return QN_OK;
}

static void on_listed(struct profile_ask *ask)
{
    struct list *list = container_of(ask, struct list, ask);
    size_t rows = (size_t)pg_result_rows(profile_ask_result(ask, 0));
    Quintet__Profile__V1__ListProfilesResponse out = QUINTET__PROFILE__V1__LIST_PROFILES_RESPONSE__INIT;
    enum qn_status status = read_page(list, rows < list->page_size ? rows : list->page_size, today(), &out);
    if (status == QN_OK)
        qn_call_reply(ask->call, &out);
    else
        fail_read(ask, status);
}

void profile_rpc_list_profiles(struct qn_call *call)
{
    const Quintet__Profile__V1__ListProfilesRequest *in = call->in;
    if (!known(call))
        return;
    struct list *list = qn_call_new(call, struct list);
    profile_ask_prepare(&list->ask, call);
    list->filter = (struct profile_filter){
        .gender = (int)in->gender,
        .city = qn_str_c(in->city),
        .min_age = in->min_age,
        .max_age = in->max_age,
    };
    struct profile_complaints complaints = {0};
    profile_filter_validate(&list->filter, &complaints);
    if (in->page_size < 0 || in->page_size > PAGE_SIZE_MAX)
        profile_complain(&complaints, "page_size", "must be 1 to 100, or 0 for 20");
    list->page_size = in->page_size > 0 ? (size_t)in->page_size : PAGE_SIZE_DEFAULT;
    struct qn_str token = qn_str_c(in->page_token);
    if (token.len > 0 && !profile_page_decode(token, &list->filter, list->room, &list->after))
        profile_complain(&complaints, "page_token", "must be the next_page_token of the same list");
    if (!profile_ask_fine(call, &complaints))
        return;
    struct store_profile_list asked = {
        .not_user_id = call->ctx.caller.user_id,
        .filter = &list->filter,
        .births = profile_births_of(&list->filter, today()),
        .after = token.len > 0 ? &list->after : NULL,
        .limit = (int)list->page_size + 1,
    };
    store_profile_list(&list->ask.steps, &asked);
    list->ask.answer = on_listed;
    profile_ask_start(&list->ask);
}
