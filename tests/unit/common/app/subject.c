#include <stdio.h>
#include <string.h>

#include "common/app/admin.h"
#include "common/core/check.h"
#include "common/core/log.h"
#include "common/loop/timer.h"

/* A service that is nothing but its life, for app_test: three parts that log each step, and misbehave when
 * told to. */

struct subject_settings {
    struct qn_app_settings app;
    char *fail;  /* "second": its open fails */
    char *drain; /* of the second part: at-once, in-time, never */
    bool leak;   /* leave a timer behind */
    bool asleep; /* the second part is not ready until /switch */
    char *odd;   /* refused by check() when "odd" */
};

static const struct qn_setting table[] = {
    QN_APP_SETTINGS(struct subject_settings, app),
    QN_SETTING_STRING("SUBJECT_FAIL", struct subject_settings, fail, "", "the part whose open fails"),
    QN_SETTING_CHOICE("SUBJECT_DRAIN", struct subject_settings, drain, "at-once", "at-once|in-time|never",
                      "how the second part drains"),
    QN_SETTING_BOOL("SUBJECT_LEAK", struct subject_settings, leak, "no", "leave a timer behind"),
    QN_SETTING_BOOL("SUBJECT_ASLEEP", struct subject_settings, asleep, "no", "the second part is not ready"),
    QN_SETTING_STRING("SUBJECT_ODD", struct subject_settings, odd, "", "\"odd\" is refused"),
};

static struct subject_settings set;

struct piece {
    struct qn_part part;
    struct qn_loop *loop;
    bool ready;
    struct qn_timer timer;
    void (*done)(struct qn_part *part);
};

static struct qn_timer leaked;

static struct piece *piece_of(struct qn_part *part)
{
    return container_of(part, struct piece, part);
}

static void on_never(struct qn_timer *timer)
{
    (void)timer;
}

static enum qn_status piece_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct piece *piece = piece_of(part);
    if (strcmp(set.fail, part->name) == 0)
        return qn_error_set(err, QN_UNAVAILABLE, "told to fail");
    piece->loop = loop;
    piece->ready = !(set.asleep && strcmp(part->name, "second") == 0);
    qn_log(NULL, QN_INFO, "opened", QN_F_C("part", part->name));
    if (set.leak && !qn_timer_active(&leaked))
        qn_timer_start(loop, &leaked, 3600000, on_never);
    return QN_OK;
}

static bool piece_ready(struct qn_part *part, struct qn_buf *detail)
{
    struct piece *piece = piece_of(part);
    qn_buf_write_c(detail, piece->ready ? "all is well" : "switched off");
    return piece->ready;
}

static void on_timer(struct qn_timer *timer)
{
    struct piece *piece = container_of(timer, struct piece, timer);
    piece->done(&piece->part);
}

static void piece_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct piece *piece = piece_of(part);
    qn_log(NULL, QN_INFO, "draining", QN_F_C("part", part->name), QN_F_INT("limit_ms", limit_ms));
    piece->done = done;
    bool second = strcmp(part->name, "second") == 0;
    if (second && strcmp(set.drain, "never") == 0)
        return;
    qn_timer_start(piece->loop, &piece->timer, second && strcmp(set.drain, "in-time") == 0 ? limit_ms : 0,
                   on_timer);
}

static void piece_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct piece *piece = piece_of(part);
    qn_log(NULL, QN_INFO, "closing", QN_F_C("part", part->name));
    piece->done = done;
    qn_timer_start(piece->loop, &piece->timer, 0, on_timer);
}

#define PIECE(name_)                                                                                         \
    {                                                                                                        \
        .part = {                                                                                            \
            .name = (name_),                                                                                 \
            .open = piece_open,                                                                              \
            .ready = piece_ready,                                                                            \
            .drain = piece_drain,                                                                            \
            .close = piece_close                                                                             \
        }                                                                                                    \
    }

static struct piece first = PIECE("first"), second = PIECE("second"), third = PIECE("third");

static void on_switch(void *context, struct qn_exchange *exchange)
{
    struct piece *piece = context;
    piece->ready = !piece->ready;
    qn_exchange_reply(exchange, 200, NULL, 0, piece->ready ? QN_STR("on") : QN_STR("off"));
}

static void check(void *settings, struct qn_config_report *report)
{
    const struct subject_settings *given = settings;
    if (strcmp(given->odd, "odd") == 0)
        qn_config_complain(report, "SUBJECT_ODD", given->odd, "anything even");
}

static int verb_hello(void *settings)
{
    const struct subject_settings *given = settings;
    printf("hello, admin would be %s\n", given->app.admin_listen);
    return 7;
}

int main(int argc, char **argv)
{
    static const struct qn_part bare = {.name = "bare"}; /* every member but the name is optional */
    static struct qn_part *const parts[] = {&first.part, &second.part, (struct qn_part *)&bare, &third.part};
    static const struct qn_verb verbs[] = {{"--hello", "says hello", verb_hello}};
    qn_admin_page("/switch", on_switch, &second);
    const struct qn_app app = {
        .name = "subject",
        .summary = "Nothing but a life.",
        .settings_table = table,
        .n_settings = QN_COUNT(table),
        .settings = &set,
        .check = check,
        .parts = parts,
        .n_parts = QN_COUNT(parts),
        .verbs = verbs,
        .n_verbs = QN_COUNT(verbs),
    };
    return qn_app_run(&app, argc, argv);
}
