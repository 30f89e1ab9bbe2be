/* The reverse direction: what is made here must pass in Better Auth, which is JavaScript on node. Hashes are
 * verified by node's scrypt, and the normal form that is hashed is held against String.prototype.normalize:
 * every character that both sides know, and many sequences of those that compose, reorder and decompose. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utf8proc.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "services/auth/password.h"
#include "tests/harness/test.h"

enum { SEQUENCES = 100000, SEQUENCE_MAX = 8, UNICODE_END = 0x110000 };

static uint64_t random_state = 20261123;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016. */
static uint32_t below(uint32_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545f4914f6cdd1du >> 33) % n;
}

/* A character that utf8proc's Unicode knows, and so any newer one, whose normal form can then never change
 * (UAX #15, section 3). */
static bool known(uint32_t c)
{
    return !(c >= 0xD800 && c < 0xE000) && utf8proc_category((utf8proc_int32_t)c) != UTF8PROC_CATEGORY_CN;
}

static void write_hex(FILE *to, struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++)
        fprintf(to, "%02x", (unsigned char)text.ptr[i]);
}

static void send_normal_form(FILE *to, struct qn_str text)
{
    struct qn_buf normal;
    qn_buf_init(&normal, AUTH_PASSWORD_GROWTH_MAX * text.len);
    assert_int_equal(auth_password_normalise(text, &normal), QN_OK);
    fprintf(to, "nfkc ");
    write_hex(to, text);
    fputc(' ', to);
    write_hex(to, qn_buf_view(&normal));
    fputc('\n', to);
    qn_buf_fini(&normal);
}

/* Gives node what was written and expects "ok" for each line. */
static void expect_agreement(FILE *in, size_t lines)
{
    FILE *out = tmpfile();
    assert_non_null(out);
    assert_int_equal(fflush(in), 0);
    rewind(in);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (dup2(fileno(in), STDIN_FILENO) >= 0 && dup2(fileno(out), STDOUT_FILENO) >= 0)
            execlp("node", "node", QN_SCRIPT, (char *)NULL);
        perror("node");
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    rewind(out);
    char *line = NULL;
    size_t room = 0, answers = 0;
    while (getline(&line, &room, out) > 0) {
        answers++;
        if (strcmp(line, "ok\n") != 0)
            fail_msg("%s", line);
    }
    assert_int_equal(answers, lines);
    free(line);
    fclose(in);
    fclose(out);
}

static void test_every_character(void **state)
{
    (void)state;
    FILE *in = tmpfile();
    assert_non_null(in);
    size_t lines = 0;
    for (uint32_t c = 0; c < UNICODE_END; c++) {
        char text[4];
        if (known(c)) {
            send_normal_form(in, qn_str_n(text, qn_utf8_put(text, c)));
            lines++;
        }
    }
    assert_true(lines > 280000);
    expect_agreement(in, lines);
}

static void test_sequences(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, end;
    } blocks[] = {
        {0x0000, 0x0250},  {0x0300, 0x0370},   {0x0590, 0x0700},   {0x0900, 0x0E00},
        {0x1100, 0x1200},  {0x1DC0, 0x2200},   {0x3040, 0x3100},   {0xAC00, 0xD7A4},
        {0xF900, 0x10000}, {0x11000, 0x11500}, {0x1D100, 0x1D200}, {0x1F100, 0x1F700},
    };
    FILE *in = tmpfile();
    assert_non_null(in);
    for (size_t i = 0; i < SEQUENCES; i++) {
        char text[4 * SEQUENCE_MAX];
        size_t len = 0;
        for (uint32_t n = 1 + below(SEQUENCE_MAX); n > 0;) {
            uint32_t block = below(QN_COUNT(blocks));
            uint32_t c = blocks[block].first + below(blocks[block].end - blocks[block].first);
            if (known(c)) {
                len += qn_utf8_put(text + len, c);
                n--;
            }
        }
        send_normal_form(in, qn_str_n(text, len));
    }
    expect_agreement(in, SEQUENCES);
}

static void test_hashes(void **state)
{
    (void)state;
    static const struct qn_str passwords[] = {
        QN_STR("correct horse battery staple"),
        QN_STR(""),
        QN_STR("abc\0defgh"),
        QN_STR("pa\xcc\x88sswo\xcc\x88rd"),                          /* decomposed */
        QN_STR("\xe2\x85\xa3\xe2\x91\xa0\xef\xac\x81 \xef\xbc\xa1"), /* roman numeral, circled, ligature, full
                                                                        width */
        QN_STR("\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9"),      /* emoji with a joiner */
        QN_STR("\xea\xb0\x80\xe1\x86\xa7 password"),                 /* what utf8proc 2.8 would cut */
        QN_STR("\xef\xbf\xbd replaced"),
        QN_STR(" \t\n\"\\ "),
    };
    FILE *in = tmpfile();
    assert_non_null(in);
    for (size_t i = 0; i < QN_COUNT(passwords); i++) {
        char hash[AUTH_PASSWORD_HASH_LEN + 1];
        assert_int_equal(auth_password_hash(passwords[i], hash), QN_OK);
        fprintf(in, "hash ");
        write_hex(in, passwords[i]);
        fprintf(in, " %s\n", hash);
    }
    expect_agreement(in, QN_COUNT(passwords));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
