#include "services/auth/mail/mail.h"

#include "common/core/arena.h"
#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"

/* A mail: 1. copied and put into the lane's queue  2. built and sent on a thread  3. done.
 * The server is away or says 4xx: waits, and back to 2. 5xx: dropped. No time left, or the process ends:
 * dropped. */

enum {
    THREADS = 2,                     /* so that one slow exchange does not hold up all */
    VALUES_MAX_BYTES = 64 * 1024,    /* of one mail that waits */
    RENDERED_MAX_BYTES = 512 * 1024, /* templates of 128 KiB with values */
    PAUSE_FIRST_MS = 1000,
    PAUSE_MAX_MS = 60000,
    TROUBLE_EVERY_MS = 100,
};

struct job {
    struct qn_node node;
    struct auth_mail *mail;
    struct qn_arena arena; /* holds this */
    enum auth_mail_kind kind;
    char *to;
    struct auth_mail_values values;
    uint64_t deadline_ms;
    unsigned tries;
    struct qn_work work;
    struct qn_timer pause; /* active: between two tries */
    enum auth_mail_outcome outcome;
    struct qn_error why;
};

static struct qn_metric mails_metric = {
    .name = "quintet_auth_mail_total",
    .help = "Mails by what became of them: sent, logged, refused (5xx), expired, full, invalid, off, ended "
            "(shutdown)",
    .kind = QN_COUNTER,
    .labels = {"mail", "outcome"},
};
static struct qn_metric tries_metric = {
    .name = "quintet_auth_mail_tries_total",
    .help = "Tries to send a mail: sent, temporary, permanent",
    .kind = QN_COUNTER,
    .labels = {"outcome"},
};
static struct qn_metric waiting_metric = {
    .name = "quintet_auth_mail_waiting",
    .help = "Mails that are being sent or wait to be",
    .kind = QN_GAUGE,
};

static void count(enum auth_mail_kind kind, const char *outcome)
{
    qn_metric_add(qn_metric_series(&mails_metric, auth_mail_kind_name(kind), outcome, NULL), 1);
}

/* On a thread. */

static void render(const struct job *job, struct qn_str source, enum auth_mail_format format,
                   struct qn_buf *to)
{
    qn_buf_init(to, RENDERED_MAX_BYTES);
    auth_mail_template_render(source, &job->values, format, to);
}

static enum qn_status build(const struct job *job, struct qn_buf *ret_message)
{
    const struct auth_mail_template *template = &job->mail->templates.of[job->kind];
    struct qn_buf subject, text, html;
    char id[QN_ID_LEN + 1];
    qn_id_new(id);
    render(job, template->subject, AUTH_MAIL_TEXT, &subject);
    render(job, template->text, AUTH_MAIL_TEXT, &text);
    render(job, template->html, AUTH_MAIL_HTML, &html);
    /* Three bytes for one, and the line ends. */
    qn_buf_init(ret_message, 8 * RENDERED_MAX_BYTES);
    const struct auth_mail_message message = {
        .from_name = job->mail->from_name,
        .from_address = qn_str_c(job->mail->from_address),
        .to_address = qn_str_c(job->to),
        .subject = qn_buf_view(&subject),
        .text = qn_buf_view(&text),
        .html = qn_buf_view(&html),
        .wall_ms = qn_clock_wall_ms(),
        .id = id,
    };
    enum qn_status status = qn_buf_failed(&subject) || qn_buf_failed(&text) || qn_buf_failed(&html)
                                ? QN_RESOURCE_EXHAUSTED
                                : auth_mail_message_write(&message, ret_message);
    qn_buf_fini(&subject);
    qn_buf_fini(&text);
    qn_buf_fini(&html);
    return status;
}

static void run(struct qn_work *work)
{
    struct job *job = container_of(work, struct job, work);
    struct auth_mail *mail = job->mail;
    struct qn_buf message;
    enum qn_status status = build(job, &message);
    job->why = (struct qn_error){0};
    if (status == QN_OK) {
        job->outcome =
            auth_mail_smtp_send(&mail->server, mail->from_address, job->to, qn_buf_view(&message), &job->why);
    } else {
        job->outcome = status == QN_RESOURCE_EXHAUSTED ? AUTH_MAIL_TEMPORARY : AUTH_MAIL_PERMANENT;
        qn_error_set(&job->why, status, "the mail could not be built: %s", qn_status_name(status));
    }
    qn_buf_fini(&message);
}

/* On the loop. */

static void worked(struct qn_work *work, enum qn_status status);

/* Only the domain: who writes to whom is nobody's business who reads the log. */
static struct qn_str domain_of(const struct job *job)
{
    struct qn_str to = qn_str_c(job->to);
    ptrdiff_t at = qn_str_find(to, '@');
    return qn_str_n(to.ptr + at + 1, to.len - (size_t)at - 1);
}

static void note(const struct job *job, enum qn_log_level level, const char *text)
{
    qn_log(NULL, level, text, QN_F_C("mail", auth_mail_kind_name(job->kind)),
           QN_F_STR("domain", domain_of(job)), QN_F_INT("tries", job->tries),
           QN_F_C("why", job->why.message));
}

static void drained_if_empty(struct auth_mail *mail)
{
    if (!mail->draining || mail->done == NULL || !qn_list_empty(&mail->jobs))
        return;
    void (*done)(struct qn_part *) = mail->done;
    mail->done = NULL;
    qn_timer_cancel(mail->loop, &mail->drain_limit);
    done(&mail->part);
}

static void end(struct job *job, const char *outcome)
{
    struct auth_mail *mail = job->mail;
    count(job->kind, outcome);
    qn_list_remove(&mail->jobs, &job->node);
    qn_metric_set(mail->waiting, (double)mail->jobs.len);
    struct qn_arena arena = job->arena;
    qn_arena_fini(&arena);
}

static void try(struct job *job)
{
    job->tries++;
    qn_work_start(job->mail->lane, &job->work, job->deadline_ms, run, worked);
}

static void on_pause_over(struct qn_timer *timer)
{
    try(container_of(timer, struct job, pause));
}

/* Doubling, and at random between half of it and all, so that what failed together does not come back
 * together. */
static uint64_t pause_ms(unsigned tries)
{
    uint64_t longest = PAUSE_FIRST_MS;
    for (unsigned i = 1; i < tries && longest < PAUSE_MAX_MS; i++)
        longest *= 2;
    if (longest > PAUSE_MAX_MS)
        longest = PAUSE_MAX_MS;
    uint16_t random;
    qn_random_bytes(&random, sizeof random);
    return longest / 2 + longest / 2 * random / UINT16_MAX;
}

static void try_again(struct job *job)
{
    uint64_t wait_ms = pause_ms(job->tries);
    if (job->mail->draining || atomic_load(&job->mail->stop)) {
        note(job, QN_WARN, "a mail was dropped: the process ends");
        end(job, "ended");
    } else if (qn_clock_left_ms(job->deadline_ms) <= wait_ms) {
        note(job, QN_ERROR, "a mail was dropped: it could not be sent in time");
        end(job, "expired");
    } else {
        note(job, QN_WARN, "a mail was not sent, and will be tried again");
        qn_timer_start(job->mail->loop, &job->pause, wait_ms, on_pause_over);
    }
}

static void worked(struct qn_work *work, enum qn_status status)
{
    static const char *const OUTCOMES[] = {
        [AUTH_MAIL_SENT] = "sent", [AUTH_MAIL_TEMPORARY] = "temporary", [AUTH_MAIL_PERMANENT] = "permanent"};
    struct job *job = container_of(work, struct job, work);
    struct auth_mail *mail = job->mail;
    if (status == QN_OK)
        qn_metric_add(qn_metric_series(&tries_metric, OUTCOMES[job->outcome], NULL, NULL), 1);
    if (status == QN_DEADLINE_EXCEEDED) {
        note(job, QN_ERROR, "a mail was dropped: it could not be sent in time");
        end(job, "expired");
    } else if (status != QN_OK) {
        note(job, QN_WARN, "a mail was dropped: the process ends");
        end(job, "ended");
    } else if (job->outcome == AUTH_MAIL_SENT) {
        note(job, QN_INFO, "mail sent");
        end(job, "sent");
    } else if (job->outcome == AUTH_MAIL_PERMANENT) {
        note(job, QN_ERROR, "a mail was dropped: the server refuses it");
        end(job, "refused");
    } else {
        try_again(job);
    }
    drained_if_empty(mail);
}

/* The part. */

static bool is_lenient(const struct auth_mail *mail)
{
    struct qn_str env = qn_str_c(*mail->env);
    return qn_str_eq(env, QN_STR("development")) || qn_str_eq(env, QN_STR("test"));
}

bool auth_mail_can_send(const struct auth_mail *mail)
{
    return mail->lane != NULL || is_lenient(mail);
}

static enum qn_status open_server(struct auth_mail *mail, struct qn_error *err)
{
    const struct auth_mail_settings *set = mail->settings;
    struct qn_str address;
    if (!auth_mail_address_parse(qn_str_c(set->smtp_from), &mail->from_name, &address))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "SMTP_FROM is no sender");
    memcpy(mail->from_address, address.ptr, address.len);
    mail->from_address[address.len] = '\0';
    mail->server = (struct auth_mail_server){
        .url = set->smtp_url,
        .tls = auth_mail_settings_tls(set),
        .ca_file = set->smtp_ca_file,
        .timeout_ms = (uint32_t)set->timeout_ms,
        .stop = &mail->stop,
    };
    if (auth_mail_smtp_init() != QN_OK)
        return qn_error_set(err, QN_INTERNAL, "libcurl cannot be set up");
    const struct qn_lane_options options = {
        .name = "mail", .threads = THREADS, .queue_max = (size_t)set->queue_max};
    if (qn_lane_open(mail->loop, &options, &mail->lane) != QN_OK) {
        auth_mail_smtp_fini();
        return qn_error_set(err, QN_RESOURCE_EXHAUSTED, "no threads for sending mail");
    }
    qn_log(NULL, QN_INFO, "mail", QN_F_STR("server", auth_mail_settings_host(set)),
           QN_F_C("from", mail->from_address),
           QN_F_C("tls", qn_str_starts(qn_str_c(set->smtp_url), QN_STR("smtps:")) ? "from the start"
                         : mail->server.tls == AUTH_MAIL_TLS_REQUIRED             ? "required"
                                                                                  : "tried"));
    return QN_OK;
}

enum qn_status auth_mail_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct auth_mail *mail = container_of(part, struct auth_mail, part);
    mail->loop = loop;
    mail->site = auth_mail_settings_site(mail->settings);
    mail->waiting = qn_metric_series(&waiting_metric, NULL, NULL, NULL);
    qn_list_init(&mail->jobs);
    QN_TRY(auth_mail_templates_open(&mail->templates, mail->settings->templates, err));
    if (auth_mail_settings_given(mail->settings)) {
        enum qn_status status = open_server(mail, err);
        if (status != QN_OK)
            auth_mail_templates_close(&mail->templates);
        return status;
    }
    if (is_lenient(mail))
        qn_log(NULL, QN_INFO, "no SMTP_URL: the links of mails go to this log");
    else
        qn_log(NULL, QN_WARN,
               "no SMTP_URL: no mail can be sent; password reset, verification and change of address, and "
               "deletion by "
               "mail are off");
    return QN_OK;
}

static struct job *job_new(struct auth_mail *mail, struct qn_str to, const struct auth_mail_values *values)
{
    struct qn_arena arena;
    qn_arena_init(&arena, VALUES_MAX_BYTES + 4096);
    struct job *job = qn_arena_new(&arena, struct job);
    if (!job)
        return NULL;
    job->to = qn_arena_copy(&arena, to.ptr, to.len);
    bool whole = job->to != NULL;
    for (int i = 0; i < AUTH_MAIL_VALUES && whole; i++) {
        struct qn_str value = values->of[i].len > 0 ? values->of[i] : QN_STR("");
        job->values.of[i] = qn_arena_str(&arena, value);
        whole = job->values.of[i].ptr != NULL;
    }
    if (!whole) {
        qn_arena_fini(&arena);
        return NULL;
    }
    job->values.of[AUTH_MAIL_SITE] = mail->site;
    job->mail = mail;
    job->arena = arena;
    return job;
}

static enum qn_status refuse(struct auth_mail *mail, enum auth_mail_kind kind, enum qn_status status,
                             const char *outcome)
{
    uint64_t held_back;
    count(kind, outcome);
    if (qn_log_due(&mail->trouble, TROUBLE_EVERY_MS, &held_back))
        qn_log(NULL, QN_ERROR, "a mail was not taken", QN_F_C("mail", auth_mail_kind_name(kind)),
               QN_F_C("why", outcome));
    return status;
}

enum qn_status auth_mail_post(struct auth_mail *mail, enum auth_mail_kind kind, struct qn_str to,
                              const struct auth_mail_values *values)
{
    struct qn_str link = values->of[AUTH_MAIL_LINK];
    if (!auth_mail_can_send(mail))
        return refuse(mail, kind, QN_FAILED_PRECONDITION, "off");
    if (!auth_mail_address_valid(to) ||
        (!qn_str_starts(link, QN_STR("https://")) && !qn_str_starts(link, QN_STR("http://"))))
        return refuse(mail, kind, QN_INVALID_ARGUMENT, "invalid");
    if (!mail->lane) {
        qn_log(NULL, QN_INFO, "mail not sent, for want of SMTP_URL",
               QN_F_C("mail", auth_mail_kind_name(kind)), QN_F_STR("to", to), QN_F_STR("link", link));
        count(kind, "logged");
        return QN_OK;
    }
    struct job *job = NULL;
    if (mail->jobs.len < (size_t)mail->settings->queue_max && !mail->draining)
        job = job_new(mail, to, values);
    if (!job)
        return refuse(mail, kind, QN_RESOURCE_EXHAUSTED, "full");
    job->kind = kind;
    job->deadline_ms = qn_clock_now_ms() + (uint64_t)mail->settings->retry_for_ms;
    qn_list_push(&mail->jobs, &job->node);
    qn_metric_set(mail->waiting, (double)mail->jobs.len);
    try(job);
    return QN_OK;
}

static void on_later(struct qn_later *later)
{
    struct auth_mail *mail = container_of(later, struct auth_mail, later);
    void (*done)(struct qn_part *) = mail->done;
    mail->done = NULL;
    done(&mail->part);
}

static void on_drain_limit(struct qn_timer *timer)
{
    on_later(&container_of(timer, struct auth_mail, drain_limit)->later);
}

/* Those that pause are tried at once, for the last time. */
void auth_mail_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct auth_mail *mail = container_of(part, struct auth_mail, part);
    mail->draining = true;
    mail->done = done;
    if (qn_list_empty(&mail->jobs)) {
        qn_later_start(mail->loop, &mail->later, on_later);
        return;
    }
    qn_timer_start(mail->loop, &mail->drain_limit, limit_ms, on_drain_limit);
    qn_list_each (node, &mail->jobs) {
        struct job *job = container_of(node, struct job, node);
        if (qn_timer_active(&job->pause)) {
            qn_timer_cancel(mail->loop, &job->pause);
            try(job);
        }
    }
}

static void close_templates(struct auth_mail *mail)
{
    auth_mail_templates_close(&mail->templates);
    void (*done)(struct qn_part *) = mail->done;
    mail->done = NULL;
    done(&mail->part);
}

static void on_nothing_to_close(struct qn_later *later)
{
    close_templates(container_of(later, struct auth_mail, later));
}

static void on_lane_closed(void *context)
{
    struct auth_mail *mail = context;
    QN_CHECK(qn_list_empty(&mail->jobs));
    mail->lane = NULL;
    auth_mail_smtp_fini();
    close_templates(mail);
}

void auth_mail_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct auth_mail *mail = container_of(part, struct auth_mail, part);
    qn_timer_cancel(mail->loop, &mail->drain_limit);
    mail->draining = false; /* the drain has been answered */
    mail->done = done;
    if (!mail->lane) {
        qn_later_start(mail->loop, &mail->later, on_nothing_to_close);
        return;
    }
    atomic_store(&mail->stop, true);
    qn_list_each (node, &mail->jobs) {
        struct job *job = container_of(node, struct job, node);
        if (qn_timer_active(&job->pause)) {
            qn_timer_cancel(mail->loop, &job->pause);
            note(job, QN_WARN, "a mail was dropped: the process ends");
            end(job, "ended");
        }
    }
    qn_lane_close(mail->lane, on_lane_closed, mail);
}
