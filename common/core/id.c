#include "common/core/id.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/types.h>

#include "common/core/check.h"
#include "common/core/encode.h"

void qn_random_bytes(void *to, size_t len)
{
    char *at = to;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        QN_CHECK(got > 0);
        at += got;
        len -= (size_t)got;
    }
}

void qn_id_new(char to[QN_ID_LEN + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum { LETTERS = sizeof alphabet - 1, FAIR = 256 / LETTERS * LETTERS };

    size_t len = 0;
    while (len < QN_ID_LEN) {
        /* Eight of 256 values are thrown away; a quarter more than needed makes a second round rare. */
        uint8_t bytes[QN_ID_LEN + QN_ID_LEN / 4];
        qn_random_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes && len < QN_ID_LEN; i++) {
            if (bytes[i] < FAIR)
                to[len++] = alphabet[bytes[i] % LETTERS];
        }
    }
    to[len] = '\0';
}

/* Request ids are no secrets, but every request has one: a thread takes the randomness for many at once. */
enum { ID_BYTES = QN_REQUEST_ID_LEN / 2, IDS_AT_ONCE = 32 };

void qn_id_request(char to[QN_REQUEST_ID_LEN + 1])
{
    static _Thread_local uint8_t bytes[IDS_AT_ONCE * ID_BYTES];
    static _Thread_local size_t left;
    if (left == 0) {
        qn_random_bytes(bytes, sizeof bytes);
        left = sizeof bytes;
    }
    left -= ID_BYTES;
    qn_hex_encode(to, bytes + left, ID_BYTES);
}
