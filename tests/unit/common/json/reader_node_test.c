/* The reader against JavaScript itself: thousands of texts, the same in every run, are read here and by
 * node's JSON.parse. Both must take or refuse each, and what is taken must be the same value: node's
 * JSON.stringify and our writer must say it in the same bytes. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/check.h"
#include "common/core/encode.h"
#include "common/core/utf8.h"
#include "common/json/writer.h"
#include "tests/harness/test.h"

enum {
    VALUES = 3000,  /* well-formed texts */
    DAMAGED = 6000, /* the same, spoilt in up to three places */
    NUMBERS = 2000, /* arrays of numbers of any bits */
    ROOM = 1024 * 1024,
    LEVELS_MAX = 6
};

static uint64_t random_state = 20261123;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016. */
static uint64_t random_bits(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1du;
}

static size_t below(size_t n)
{
    return (size_t)(random_bits() >> 33) % n;
}

#define PICK(...)                                                                                            \
    pick((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const char *pick(const char *const *from, size_t n)
{
    return from[below(n)];
}

static void make_blanks(struct qn_buf *to)
{
    if (below(4) == 0)
        qn_buf_write_c(to, PICK(" ", "\n", "\t", "\r\n", "  \n"));
}

static void make_string(struct qn_buf *to, bool is_key)
{
    qn_buf_write_byte(to, '"');
    /* JavaScript sorts keys that look like array indices to the front; a letter keeps ours in their places.
     */
    if (is_key)
        qn_buf_write_byte(to, (char)('a' + below(4)));
    for (size_t n = below(is_key ? 3 : 8); n > 0; n--) {
        char utf8[4];
        switch (below(6)) {
        case 0:
            qn_buf_write_c(to, PICK("\\n", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\t"));
            break;
        case 1:
            qn_buf_printf(to, below(2) ? "\\u%04x" : "\\u%04X", (unsigned)below(0xd800));
            break;
        case 2:
            if (is_key) /* lone ones are all U+FFFD here, and keys of their own in JavaScript */
                qn_buf_write_c(to, "\\ud83d\\ude00");
            else
                qn_buf_printf(to, "\\u%04x", 0xd800u + (unsigned)below(0x800));
            break;
        case 3:
            qn_buf_write(to, utf8, qn_utf8_put(utf8, 0x80 + (uint32_t)below(0x10ff80)));
            break;
        default:
            qn_buf_write_c(to, PICK("a", "b", "xyz", " ", "'", "/", "\x7f", "é", "__proto__", "0"));
        }
    }
    qn_buf_write_byte(to, '"');
}

static void make_number(struct qn_buf *to)
{
    qn_buf_write_c(to, PICK("", "-", ""));
    qn_buf_printf(to, "%zu", below(3) ? below(100) : (size_t)random_bits());
    if (below(2))
        qn_buf_printf(to, ".%0*zu", (int)below(20) + 1, below(1000000));
    if (below(2))
        qn_buf_printf(to, "%s%zu", PICK("e", "E", "e+", "e-", "E-0"), below(below(4) ? 30 : 400));
}

static void make_value(struct qn_buf *to, unsigned level)
{
    make_blanks(to);
    size_t kind = below(level < LEVELS_MAX ? 7 : 4);
    if (kind == 0) {
        qn_buf_write_c(to, PICK("null", "true", "false"));
    } else if (kind == 1) {
        make_number(to);
    } else if (kind <= 3) {
        make_string(to, false);
    } else {
        bool object = kind == 6;
        size_t n = below(20) ? below(5) : below(60);
        qn_buf_write_byte(to, object ? '{' : '[');
        for (size_t i = 0; i < n; i++) {
            if (i)
                qn_buf_write_byte(to, ',');
            make_blanks(to);
            if (object) {
                make_string(to, true);
                make_blanks(to);
                qn_buf_write_byte(to, ':');
            }
            make_value(to, level + 1 + (n > 10));
        }
        make_blanks(to);
        qn_buf_write_byte(to, object ? '}' : ']');
    }
    make_blanks(to);
}

static void damage(struct qn_buf *text)
{
    static const char telling[] = "\"\\{}[],:0-+.eEu/ \n\t\0\x80\xff\xed\xef\xbb\xbftfn'a1d8";
    for (size_t n = 1 + below(3); n > 0 && text->len > 0; n--) {
        size_t at = below(text->len);
        switch (below(4)) {
        case 0: /* cut out */
            memmove(text->data + at, text->data + at + 1, text->len - at);
            text->len--;
            break;
        case 1: /* cut off */
            if (below(4) == 0)
                text->len = at;
            break;
        case 2: /* put in */
            qn_buf_write_byte(text, 'x');
            memmove(text->data + at + 1, text->data + at, text->len - at - 1);
            text->data[at] = telling[below(sizeof telling)];
            break;
        default: /* overwrite */
            text->data[at] = telling[below(sizeof telling)];
        }
    }
}

/* Doubles of any bits, powers of two and ten and their neighbours, written so that they read back. */
static void make_doubles(struct qn_buf *to)
{
    qn_buf_write_byte(to, '[');
    for (int i = 0; i < 8; i++) {
        uint64_t bits = random_bits();
        double number;
        memcpy(&number, &bits, sizeof number);
        if (i >= 6)
            number = ldexp(1, (int)below(2098) - 1074);
        else if (i >= 4)
            number = nextafter(
                strtod(PICK("1e21", "1e-6", "1e-7", "1e22", "1e15", "9007199254740992", "123e18"), NULL),
                below(2) ? INFINITY : 0);
        if (!isfinite(number))
            number = (double)i;
        qn_buf_printf(to, "%s%.17g", i ? "," : "", number);
    }
    qn_buf_write_byte(to, ']');
}

/* What node should answer. */
static void read_here(struct qn_str text, struct qn_buf *ret_answer)
{
    struct qn_arena arena;
    struct qn_json *value;
    struct qn_buf again;
    qn_arena_init(&arena, ROOM);
    qn_buf_init(&again, ROOM);
    qn_buf_clear(ret_answer);
    enum qn_status status = qn_json_parse(text, false, &arena, &value, NULL);
    if (status == QN_INVALID_ARGUMENT) {
        qn_buf_write_byte(ret_answer, '-');
    } else {
        assert_int_equal(status, QN_OK);
        struct qn_json_writer w = {.to = &again};
        qn_json_value(&w, value);
        assert_false(qn_buf_failed(&again));
        char *hex = qn_buf_reserve(ret_answer, 2 * again.len + 1);
        assert_non_null(hex);
        qn_hex_encode(hex, again.data, again.len);
        qn_buf_commit(ret_answer, 2 * again.len);
    }
    qn_buf_fini(&again);
    qn_arena_fini(&arena);
}

static void run_node(FILE *in, FILE *out)
{
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
}

static void send(FILE *to, struct qn_str text)
{
    for (size_t i = 0; i < text.len; i++)
        fprintf(to, "%02x", (unsigned char)text.ptr[i]);
    fputc('\n', to);
}

static void make_text(size_t i, struct qn_buf *to)
{
    qn_buf_clear(to);
    if (i < NUMBERS) {
        make_doubles(to);
        return;
    }
    make_value(to, 0);
    if (i >= NUMBERS + VALUES)
        damage(to);
    assert_false(qn_buf_failed(to));
}

static void javascript_agrees(void **state)
{
    (void)state;
    FILE *in = tmpfile(), *out = tmpfile();
    assert_true(in && out);
    struct qn_buf text, answer;
    qn_buf_init(&text, ROOM);
    qn_buf_init(&answer, ROOM);
    const size_t n = NUMBERS + VALUES + DAMAGED;

    uint64_t from_here = random_state;
    for (size_t i = 0; i < n; i++) {
        make_text(i, &text);
        send(in, qn_buf_view(&text));
    }
    assert_int_equal(fflush(in), 0);
    rewind(in);
    run_node(in, out);
    rewind(out);

    random_state = from_here; /* the same texts again */
    size_t taken = 0, refused = 0, room = 0;
    char *line = NULL;
    for (size_t i = 0; i < n; i++) {
        make_text(i, &text);
        read_here(qn_buf_view(&text), &answer);
        ssize_t len = getline(&line, &room, out);
        if (len <= 0)
            fail_msg("node has answered only %zu texts", i);
        if (!qn_str_eq(qn_buf_view(&answer), qn_str_n(line, (size_t)len - 1)))
            fail_msg("text %zu: %.*s\n  here %s\n  node %s", i, QN_STR_ARG(qn_buf_view(&text)), answer.data,
                     line);
        *(line[0] == '-' ? &refused : &taken) += 1;
    }
    /* Neither side of the question may go untried. */
    print_message("%zu texts taken, %zu refused\n", taken, refused);
    assert_true(taken >= NUMBERS + VALUES && refused > DAMAGED / 2);
    free(line);
    qn_buf_fini(&text);
    qn_buf_fini(&answer);
    fclose(in);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(javascript_agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
