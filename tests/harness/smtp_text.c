#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/arena.h"
#include "common/core/encode.h"
#include "tests/harness/smtp.h"

char *harness_smtp_text(const struct harness_smtp_mail *mail, struct qn_arena *arena)
{
    char *text = qn_arena_alloc(arena, strlen(mail->data) + 1), *to = text;
    for (const char *p = mail->data; *p; p++) {
        uint8_t byte;
        if (*p != '=') {
            *to++ = *p;
        } else if (strncmp(p + 1, "\r\n", 2) == 0) {
            p += 2;
        } else if (p[1] && p[2] && qn_hex_decode(qn_str_n(p + 1, 2), &byte)) {
            *to++ = (char)byte;
            p += 2;
        }
    }
    *to = '\0';
    return text;
}

char *harness_smtp_link(const struct harness_smtp_mail *mail, struct qn_arena *arena)
{
    char *text = harness_smtp_text(mail, arena), *link = strstr(text, "http");
    if (!link) {
        fprintf(stderr, "harness/smtp: no link in %s\n", text);
        exit(1);
    }
    link[strcspn(link, " \"<>\r\n")] = '\0';
    return link;
}
