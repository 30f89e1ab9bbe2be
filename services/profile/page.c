#include "services/profile/page.h"

#include "common/core/buf.h"
#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"

enum { VERSION = 1, HEAD_LEN = 1 + 8 + 8 };

/* Fixed, so that tokens outlive a process and pass between replicas. */
static const uint64_t sip_key[2] = {0x7175696e7465742eULL, 0x70726f66696c6573ULL};

static void put_u64le(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* Each part has a fixed length or comes last in a hash of its own, so no two lists look alike. */
static uint64_t check_of(const struct profile_page_key *key, const struct profile_filter *filter)
{
    uint8_t fixed[8 * 6];
    put_u64le(fixed, (uint64_t)filter->gender);
    put_u64le(fixed + 8, (uint64_t)filter->min_age);
    put_u64le(fixed + 16, (uint64_t)filter->max_age);
    put_u64le(fixed + 24, (uint64_t)key->created_at_ms);
    put_u64le(fixed + 32, qn_str_siphash13(sip_key, filter->city));
    put_u64le(fixed + 40, qn_str_siphash13(sip_key, key->user_id));
    return qn_str_siphash13(sip_key, qn_str_n((const char *)fixed, sizeof(fixed)));
}

size_t profile_page_encode(const struct profile_page_key *key, const struct profile_filter *filter,
                           char to[PROFILE_PAGE_TOKEN_MAX + 1])
{
    QN_CHECK(key->user_id.len > 0 && key->user_id.len <= PROFILE_USER_ID_MAX);
    uint8_t raw[HEAD_LEN + PROFILE_USER_ID_MAX];
    raw[0] = VERSION;
    put_u64le(raw + 1, check_of(key, filter));
    put_u64le(raw + 9, (uint64_t)key->created_at_ms);
    memcpy(raw + HEAD_LEN, key->user_id.ptr, key->user_id.len);
    return qn_base64url_encode(to, raw, HEAD_LEN + key->user_id.len);
}

/* Only what the encoder writes: the lax decoder would take padding and the other alphabet, too. */
static bool is_base64url(struct qn_str token)
{
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_'))
            return false;
    }
    return true;
}

bool profile_page_decode(struct qn_str token, const struct profile_filter *filter,
                         uint8_t room[PROFILE_PAGE_TOKEN_MAX], struct profile_page_key *ret_key)
{
    size_t len;
    if (token.len > PROFILE_PAGE_TOKEN_MAX || !is_base64url(token) ||
        !qn_base64_decode_lax(token, room, &len) || len <= HEAD_LEN || len > HEAD_LEN + PROFILE_USER_ID_MAX)
        return false;
    struct qn_reader reader = qn_reader_of(qn_str_n((const char *)room, len));
    uint8_t version;
    uint64_t check, created_at;
    if (qn_reader_u8(&reader, &version) != QN_OK || qn_reader_u64le(&reader, &check) != QN_OK ||
        qn_reader_u64le(&reader, &created_at) != QN_OK)
        return false;
    struct profile_page_key key = {(int64_t)created_at,
                                   qn_str_n((const char *)reader.next, qn_reader_left(&reader))};
    if (version != VERSION || check != check_of(&key, filter))
        return false;
    /* Anybody can make a right check over anything, so what goes on to PostgreSQL is looked at for itself. */
    if (key.created_at_ms < PROFILE_TIME_MIN_MS || key.created_at_ms > PROFILE_TIME_MAX_MS ||
        !qn_utf8_valid(key.user_id) || qn_str_find(key.user_id, '\0') >= 0)
        return false;
    *ret_key = key;
    return true;
}
