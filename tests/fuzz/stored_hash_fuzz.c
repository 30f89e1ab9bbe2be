#include <stdint.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "services/auth/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What stands in the column of password hashes, which anybody may have written who writes to the database.
 * What is whole reads the same when it is written again, and no salt is longer than scrypt should read. */

enum { STORED_MAX = 8 * 1024 };

static void check_whole(const struct auth_password_parts *parts)
{
    char again[AUTH_PASSWORD_SALT_MAX + 1 + 2 * AUTH_PASSWORD_KEY_BYTES + 1];
    struct auth_password_parts read;
    memcpy(again, parts->salt.ptr, parts->salt.len);
    again[parts->salt.len] = ':';
    qn_hex_encode(again + parts->salt.len + 1, parts->key, sizeof(parts->key));
    QN_CHECK(auth_password_read(qn_str_n(again, parts->salt.len + 1 + 2 * sizeof(parts->key)), &read) ==
             QN_OK);
    QN_CHECK(read.whole && qn_str_eq(read.salt, parts->salt));
    QN_CHECK(memcmp(read.key, parts->key, sizeof(parts->key)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auth_password_parts parts;
    if (size > STORED_MAX)
        return 0;
    struct qn_str stored = qn_str_n((const char *)data, size);
    enum qn_status status = auth_password_read(stored, &parts);
    QN_CHECK(status == QN_OK || status == QN_INTERNAL);
    if (status != QN_OK)
        return 0;
    QN_CHECK(parts.salt.len > 0 && parts.salt.len <= AUTH_PASSWORD_SALT_MAX);
    QN_CHECK(parts.salt.ptr == stored.ptr && stored.ptr[parts.salt.len] == ':');
    QN_CHECK(qn_str_find(parts.salt, ':') < 0);
    if (parts.whole)
        check_whole(&parts);
    return 0;
}
