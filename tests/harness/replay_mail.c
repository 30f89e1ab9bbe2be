#include "tests/harness/replay_mail.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "common/core/encode.h"
#include "tests/harness/stack.h"

#define JWT_BEGIN "eyJ" /* base64 of {" */

enum { MAC_BYTES = 32, MAC_TEXT = 44 };

static struct qn_str sign(struct replay *replay, const char *secret, struct qn_str text)
{
    unsigned char mac[MAC_BYTES];
    char *url = qn_arena_alloc(&replay->arena, MAC_TEXT + 1);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text.ptr, text.len, mac, NULL);
    return qn_str_n(url, qn_base64url_encode(url, mac, sizeof mac));
}

/* The JSON of a JWT's payload, if it is signed with this secret; ptr NULL otherwise. */
static struct qn_str payload_of(struct replay *replay, const char *secret, struct qn_str jwt)
{
    ptrdiff_t first = qn_str_find(jwt, '.'), last = qn_str_rfind(jwt, '.');
    size_t len;
    if (first < 0 || first == last)
        return (struct qn_str){0};
    struct qn_str signature = sign(replay, secret, qn_str_n(jwt.ptr, (size_t)last));
    struct qn_str middle = qn_str_n(jwt.ptr + first + 1, (size_t)(last - first) - 1);
    char *text = qn_arena_alloc(&replay->arena, middle.len + 4);
    if (!qn_str_eq(qn_str_n(jwt.ptr + last + 1, jwt.len - (size_t)last - 1), signature) ||
        !qn_base64_decode_lax(middle, (uint8_t *)text, &len))
        return (struct qn_str){0};
    return qn_str_n(text, len);
}

static const struct qn_json *parse(struct replay *replay, struct qn_str text)
{
    struct qn_json *parsed;
    return text.ptr && qn_json_parse(text, false, &replay->arena, &parsed, NULL) == QN_OK ? parsed : NULL;
}

/* A text from 'at' up to one of the characters that end it. */
static struct qn_str until(const char *at, const char *ends)
{
    return qn_str_n(at, strcspn(at, ends));
}

void replay_mail_sign(struct replay_mail *mail, const struct replay_exchange *exchange)
{
    struct replay *replay = mail->replay;
    const char *at = strstr(exchange->path, "token=" JWT_BEGIN);
    if (!at)
        return;
    struct qn_str recorded = until(at + strlen("token="), "&");
    struct qn_str text = payload_of(replay, HARNESS_STACK_SECRET, recorded);
    if (!text.ptr || !qn_str_eq(replay_text(replay, recorded), recorded))
        return;
    const struct qn_json *claims = parse(replay, text);
    if (claims->n_items != 3) /* those by hand say an address and the two times */
        return;
    int64_t later_s = replay->later_ms / 1000;
    char *moved = qn_arena_printf(&replay->arena, "{\"email\":\"%.*s\",\"iat\":%lld,\"exp\":%lld}",
                                  QN_STR_ARG(qn_json_get(claims, "email")->text),
                                  (long long)((int64_t)qn_json_get(claims, "iat")->number + later_s),
                                  (long long)((int64_t)qn_json_get(claims, "exp")->number + later_s));
    char *middle = qn_arena_alloc(&replay->arena, strlen(moved) * 2 + 4);
    qn_base64url_encode(middle, moved, strlen(moved));
    char *head =
        qn_arena_printf(&replay->arena, "%.*s.%s", (int)qn_str_find(recorded, '.'), recorded.ptr, middle);
    struct qn_str signature = sign(replay, mail->target->secret, qn_str_c(head));
    replay_bind(replay, recorded,
                qn_str_c(qn_arena_printf(&replay->arena, "%s.%.*s", head, QN_STR_ARG(signature))));
}

/* Waits for the next one. */
static const char *next_mail(struct replay_mail *mail, struct harness_smtp_mail *ret_mail)
{
    harness_smtp_await(mail->server, mail->seen + 1);
    *ret_mail = harness_smtp_mail(mail->server, mail->seen++);
    return harness_smtp_text(ret_mail, &mail->replay->arena);
}

static const char *subject_of(struct qn_str kind)
{
    static const struct {
        const char *kind, *subject;
    } KINDS[] = {
        {"reset", "Subject: Choose a new password\r\n"},
        {"verify", "Subject: Confirm your email address\r\n"},
        {"change-email", "Subject: Confirm the change of your email address\r\n"},
        {"delete", "Subject: Confirm that your account is to be deleted\r\n"},
    };
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (qn_str_eq(kind, qn_str_c(KINDS[i].kind)))
            return KINDS[i].subject;
    }
    replay_fail("sent.kind", "is not known");
}

static void differ(struct qn_buf *differences, const char *what, struct qn_str was, struct qn_str is)
{
    qn_buf_printf(differences, "    %s: recorded \"%.*s\", here \"%.*s\"\n", what, QN_STR_ARG(was),
                  QN_STR_ARG(is));
}

static void compare_claims(struct replay_mail *mail, struct qn_str was, struct qn_str is,
                           struct qn_buf *differences)
{
    struct replay *replay = mail->replay;
    const struct qn_json *old = parse(replay, payload_of(replay, HARNESS_STACK_SECRET, was)),
                         *new = parse(replay, payload_of(replay, mail->target->secret, is));
    if (!old || !new || old->n_items != new->n_items) {
        differ(differences, "token", was, is);
        return;
    }
    for (size_t i = 0; i < old->n_items; i++) {
        const struct qn_json *one = &old->items[i], *other = &new->items[i];
        if (!qn_str_eq(old->keys[i], new->keys[i]) || one->kind != other->kind)
            differ(differences, "a claim", old->keys[i], new->keys[i]);
        else if (one->kind == QN_JSON_STRING && !qn_str_eq(replay_text(replay, one->text), other->text))
            differ(differences, "a claim", replay_text(replay, one->text), other->text);
    }
    double was_s = qn_json_get(old, "exp")->number - qn_json_get(old, "iat")->number,
           is_s = qn_json_get(new, "exp")->number - qn_json_get(new, "iat")->number;
    if (was_s != is_s)
        differ(differences, "how long a token works", was, is);
}

/* Of the same length, of letters and digits, and of small letters alone where it was. */
static bool is_alike(struct qn_str was, struct qn_str is)
{
    bool small = true;
    for (size_t i = 0; i < was.len; i++)
        small = small && !(was.ptr[i] >= 'A' && was.ptr[i] <= 'Z');
    for (size_t i = 0; i < is.len; i++) {
        char c = is.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && (small || !(c >= 'A' && c <= 'Z')))
            return false;
    }
    return was.len == is.len;
}

bool replay_mail_compare(struct replay_mail *mail, const struct replay_exchange *exchange,
                         struct qn_buf *differences)
{
    const struct qn_json *sent = qn_json_get(exchange->recorded, "sent");
    struct harness_smtp_mail got;
    size_t before = differences->len;
    if (!sent)
        return true;
    const char *text = next_mail(mail, &got), *link = strstr(text, "http://");
    struct qn_str was_url = qn_json_get(sent, "url")->text, was = qn_json_get(sent, "token")->text;
    struct qn_str to = replay_text(mail->replay, qn_json_get(sent, "email")->text);
    if (!qn_str_eq(to, qn_str_c(got.to)))
        differ(differences, "receiver", to, qn_str_c(got.to));
    if (!strstr(text, subject_of(qn_json_get(sent, "kind")->text)))
        differ(differences, "kind of mail", qn_json_get(sent, "kind")->text, qn_str_c(text));
    const char *token_at = memmem(was_url.ptr, was_url.len, was.ptr, was.len);
    size_t token_from = (size_t)(token_at - was_url.ptr);
    struct qn_str url = until(link ? link : "", " \r\n");
    if (url.len < token_from) {
        differ(differences, "link", was_url, url);
        return false;
    }
    struct qn_str is = until(url.ptr + token_from, "?& \r\n");
    struct qn_str should_be = qn_str_c(
        qn_arena_printf(&mail->replay->arena, "%.*s%.*s%.*s", (int)token_from, was_url.ptr, QN_STR_ARG(is),
                        (int)(was_url.len - token_from - was.len), was_url.ptr + token_from + was.len));
    if (!qn_str_eq(should_be, url))
        differ(differences, "link", was_url, url);
    if (qn_str_starts(was, QN_STR(JWT_BEGIN)))
        compare_claims(mail, was, is, differences);
    else if (!is_alike(was, is))
        differ(differences, "token", was, is);
    replay_bind(mail->replay, was, is);
    return differences->len == before;
}

void replay_mail_skip(struct replay_mail *mail, const char *recorded)
{
    static const char RESET[] = "/reset-password/";
    struct harness_smtp_mail got;
    const char *at = strstr(next_mail(mail, &got), RESET);
    if (recorded && at)
        replay_bind(mail->replay, qn_str_c(recorded), until(at + sizeof RESET - 1, "?"));
}
