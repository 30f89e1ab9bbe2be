#include <stdint.h>
#include <stdlib.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"
#include "services/profile/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a stranger can put into a page token or a profile's fields. Whatever it is: a token that is taken is
 * one that we would write, with a time that can be written and a user id that PostgreSQL takes; a field that
 * is taken keeps to its limits. */

static void try_token(struct qn_str token, const struct profile_filter *filter)
{
    uint8_t room[PROFILE_PAGE_TOKEN_MAX];
    char again[PROFILE_PAGE_TOKEN_MAX + 1];
    struct profile_page_key key;
    if (!profile_page_decode(token, filter, room, &key))
        return;
    QN_CHECK(key.created_at_ms >= PROFILE_TIME_MIN_MS && key.created_at_ms <= PROFILE_TIME_MAX_MS);
    QN_CHECK(qn_utf8_valid(key.user_id) && qn_str_find(key.user_id, '\0') < 0);
    size_t len = profile_page_encode(&key, filter, again);
    QN_CHECK(qn_str_eq(qn_str_n(again, len), token));
}

/* Tokens as a forger makes them, with a right check. */
static void try_forged(struct qn_str text, const struct profile_filter *filter)
{
    int64_t created_at_ms;
    char token[PROFILE_PAGE_TOKEN_MAX + 1];
    if (text.len <= sizeof(created_at_ms) || text.len > sizeof(created_at_ms) + PROFILE_USER_ID_MAX)
        return;
    memcpy(&created_at_ms, text.ptr, sizeof(created_at_ms));
    struct profile_page_key key = {
        created_at_ms, qn_str_n(text.ptr + sizeof(created_at_ms), text.len - sizeof(created_at_ms))};
    try_token(qn_str_n(token, profile_page_encode(&key, filter, token)), filter);
}

static void try_fields(struct qn_str text)
{
    const struct qn_date today = {2026, 11, 23};
    const struct profile_input input = {text, text, (int)text.len, text, text};
    for (unsigned field = 0; field < PROFILE_PHOTOS; field++) {
        struct profile_complaints complaints = {0};
        struct profile_fields fields;
        profile_validate(&input, PROFILE_BIT(field), today, &fields, &complaints);
        if (complaints.n > 0)
            continue;
        struct qn_str given = field == PROFILE_DISPLAY_NAME ? fields.display_name
                              : field == PROFILE_CITY       ? fields.city
                                                            : fields.bio;
        size_t max = field == PROFILE_DISPLAY_NAME ? PROFILE_DISPLAY_NAME_MAX
                     : field == PROFILE_CITY       ? PROFILE_CITY_MAX
                                                   : PROFILE_BIO_MAX;
        QN_CHECK(qn_utf8_valid(given) && qn_utf8_count(given) <= max && qn_str_find(given, '\0') < 0);
        int age = profile_age(fields.birth_date, today);
        QN_CHECK(fields.birth_date.year == 0 || (age >= PROFILE_AGE_MIN && age <= PROFILE_AGE_MAX));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16 * 1024)
        return 0;
    struct qn_str text = qn_str_n((const char *)data, size);
    const struct profile_filter filters[] = {
        {0}, {.gender = 2, .city = QN_STR("Wien"), .min_age = 20, .max_age = 30}, {.city = text}};
    char *encoded = malloc((size + 2) / 3 * 4 + 1);
    QN_CHECK(encoded);
    size_t len = qn_base64url_encode(encoded, data, size);
    for (size_t i = 0; i < QN_COUNT(filters); i++) {
        try_token(text, &filters[i]);
        try_token(qn_str_n(encoded, len), &filters[i]);
        try_forged(text, &filters[i]);
    }
    free(encoded);
    try_fields(text);
    return 0;
}
