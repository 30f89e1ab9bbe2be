#ifndef QN_TESTS_SMTP_H
#define QN_TESTS_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A mail server (RFC 5321) on a loopback port: takes mails and keeps them, or says what the test wants said.
 * With STARTTLS or TLS from the start it shows tests/fixtures/tls/server.pem (name "localhost", authority
 * ca.pem). Threads of its own, a connection each. What goes wrong in here ends the test process. */
struct harness_smtp;

enum harness_smtp_tls { HARNESS_SMTP_PLAIN, HARNESS_SMTP_STARTTLS, HARNESS_SMTP_TLS };

/* Where an answer is given. */
enum harness_smtp_stage {
    HARNESS_SMTP_GREETING,
    HARNESS_SMTP_EHLO,
    HARNESS_SMTP_AUTH,
    HARNESS_SMTP_MAIL,
    HARNESS_SMTP_RCPT,
    HARNESS_SMTP_DATA,
    HARNESS_SMTP_END, /* behind the dot */
    HARNESS_SMTP_STAGES,
};

/* 'user' and 'password' (NULL: nobody need sign in) are what AUTH PLAIN must show. */
struct harness_smtp *harness_smtp_start(enum harness_smtp_tls tls, const char *user, const char *password);
void harness_smtp_stop(struct harness_smtp *server);

uint16_t harness_smtp_port(const struct harness_smtp *server);

/* The next 'times' that this stage comes, the answer is 'reply' ("450 4.2.0 later"); "" hangs up without a
 * word, and NULL says nothing until the client hangs up. */
void harness_smtp_answer(struct harness_smtp *server, enum harness_smtp_stage stage, const char *reply,
                         unsigned times);

/* What was taken: with 250 behind the dot. Texts live until the stop. */
struct harness_smtp_mail {
    const char *from, *to; /* of the envelope, without brackets */
    const char *data;      /* as sent, dots no longer doubled, CRLF */
    bool tls, signed_in;
};

/* How many were taken, and how often somebody connected, so far. */
size_t harness_smtp_n_mails(struct harness_smtp *server);
size_t harness_smtp_n_connections(struct harness_smtp *server);
struct harness_smtp_mail harness_smtp_mail(struct harness_smtp *server, size_t nth);

struct qn_arena;

/* The mail without its quoted-printable, so that a link in it is in one piece; in the arena. */
char *harness_smtp_text(const struct harness_smtp_mail *mail, struct qn_arena *arena);

/* The first link in it; in the arena. A mail without one ends the test process. */
char *harness_smtp_link(const struct harness_smtp_mail *mail, struct qn_arena *arena);

/* Waits until so many were taken; after 30 s the test process ends. */
void harness_smtp_await(struct harness_smtp *server, size_t n_mails);

/* How often this stage was reached. */
size_t harness_smtp_n_reached(struct harness_smtp *server, enum harness_smtp_stage stage);

#endif
