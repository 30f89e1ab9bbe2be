#include "services/auth/email.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_letter_or_digit(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

/* Dot-separated pieces, none empty, of letters, digits and _ ' + - ; the last character is no apostrophe. */
static bool local_part_valid(struct qn_str local)
{
    if (local.len == 0 || local.ptr[local.len - 1] == '\'')
        return false;
    char before = '.';
    for (size_t i = 0; i < local.len; i++) {
        char c = local.ptr[i];
        if (c == '.' ? before == '.' : !is_letter_or_digit(c) && !strchr("_'+-", c))
            return false;
        before = c;
    }
    return before != '.';
}

/* Two or more labels, each beginning with a letter or digit and going on with letters, digits and hyphens (a
 * hyphen at the end is let through, as the product does); the last is two or more letters and nothing else.
 */
static bool domain_valid(struct qn_str domain)
{
    size_t label_len = 0, labels = 1, letters = 0;
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        if (c == '.') {
            if (label_len == 0)
                return false;
            labels++;
            label_len = letters = 0;
            continue;
        }
        if (!is_letter_or_digit(c) && !(c == '-' && label_len > 0))
            return false;
        label_len++;
        letters += is_letter(c);
    }
    return labels >= 2 && label_len >= 2 && letters == label_len;
}

bool auth_email_valid(struct qn_str email)
{
    /* strchr() above finds the NUL too, so one must not reach it. */
    if (email.len > AUTH_EMAIL_MAX_BYTES || qn_str_find(email, '\0') >= 0)
        return false;
    ptrdiff_t at = qn_str_find(email, '@');
    if (at < 0)
        return false;
    return local_part_valid(qn_str_n(email.ptr, (size_t)at)) &&
           domain_valid(qn_str_n(email.ptr + at + 1, email.len - (size_t)at - 1));
}

char *auth_email_fold(struct qn_str email, struct qn_arena *arena)
{
    char *folded = qn_arena_copy(arena, email.ptr, email.len);
    for (size_t i = 0; folded && i < email.len; i++)
        if (folded[i] >= 'A' && folded[i] <= 'Z')
            folded[i] = (char)(folded[i] - 'A' + 'a');
    return folded;
}
