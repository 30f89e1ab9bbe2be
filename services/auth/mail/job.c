#include "services/auth/mail/job.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "common/core/id.h"
#include "common/core/metric.h"

/* A try: 1. built and sent on a thread  2. sent, or refused for good: done.
 * The server is away or says 4xx: a pause, and back to 1. No time left for it, or the process ends: dropped.
 */

enum {
    VALUES_MAX_BYTES = 64 * 1024,    /* of one mail that waits */
    RENDERED_MAX_BYTES = 512 * 1024, /* templates of 128 KiB with values */
    PAUSE_FIRST_MS = 1000,
    PAUSE_MAX_MS = 60000,
    TROUBLE_EVERY_MS = 100, /* between two lines about tries: a server that is away fails a queue of them */
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

void auth_mail_job_count(enum auth_mail_kind kind, const char *outcome)
{
    qn_metric_add(qn_metric_series(&mails_metric, auth_mail_kind_name(kind), outcome, NULL), 1);
}

static void show_waiting(const struct auth_mail *mail)
{
    qn_metric_set(qn_metric_series(&waiting_metric, NULL, NULL, NULL), (double)mail->jobs.len);
}

/* On a thread. */

static void render(const struct auth_mail_job *job, struct qn_str source, enum auth_mail_format format,
                   struct qn_buf *to)
{
    qn_buf_init(to, RENDERED_MAX_BYTES);
    auth_mail_template_render(source, &job->values, format, to);
}

static enum qn_status build(const struct auth_mail_job *job, struct qn_buf *ret_message)
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
    struct auth_mail_job *job = container_of(work, struct auth_mail_job, work);
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
static struct qn_str domain_of(const struct auth_mail_job *job)
{
    struct qn_str to = qn_str_c(job->to);
    ptrdiff_t at = qn_str_find(to, '@');
    return qn_str_n(to.ptr + at + 1, to.len - (size_t)at - 1);
}

static void note(const struct auth_mail_job *job, enum qn_log_level level, const char *text)
{
    qn_log(NULL, level, text, QN_F_C("mail", auth_mail_kind_name(job->kind)),
           QN_F_STR("domain", domain_of(job)), QN_F_INT("tries", job->tries),
           QN_F_C("why", job->why.message));
}

static void end(struct auth_mail_job *job, const char *outcome)
{
    struct auth_mail *mail = job->mail;
    auth_mail_job_count(job->kind, outcome);
    qn_list_remove(&mail->jobs, &job->node);
    show_waiting(mail);
    struct qn_arena arena = job->arena;
    qn_arena_fini(&arena);
}

void auth_mail_job_try(struct auth_mail_job *job)
{
    job->tries++;
    qn_work_start(job->mail->lane, &job->work, job->deadline_ms, run, worked);
}

static void on_pause_over(struct qn_timer *timer)
{
    auth_mail_job_try(container_of(timer, struct auth_mail_job, pause));
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

static void try_again(struct auth_mail_job *job)
{
    uint64_t wait_ms = pause_ms(job->tries);
    if (job->mail->draining || atomic_load(&job->mail->stop)) {
        note(job, QN_WARN, "a mail was dropped: the process ends");
        end(job, "ended");
    } else if (qn_clock_left_ms(job->deadline_ms) <= wait_ms) {
        note(job, QN_ERROR, "a mail was dropped: it could not be sent in time");
        end(job, "expired");
    } else {
        uint64_t held_back;
        if (qn_log_due(&job->mail->trouble, TROUBLE_EVERY_MS, &held_back))
            note(job, QN_WARN, "a mail was not sent, and will be tried again");
        qn_timer_start(job->mail->loop, &job->pause, wait_ms, on_pause_over);
    }
}

static void worked(struct qn_work *work, enum qn_status status)
{
    static const char *const OUTCOMES[] = {
        [AUTH_MAIL_SENT] = "sent", [AUTH_MAIL_TEMPORARY] = "temporary", [AUTH_MAIL_PERMANENT] = "permanent"};
    struct auth_mail_job *job = container_of(work, struct auth_mail_job, work);
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
    auth_mail_job_gone(mail);
}

struct auth_mail_job *auth_mail_job_new(struct auth_mail *mail, enum auth_mail_kind kind, struct qn_str to,
                                        const struct auth_mail_values *values)
{
    struct qn_arena arena;
    qn_arena_init(&arena, VALUES_MAX_BYTES + 4096);
    struct auth_mail_job *job = qn_arena_new(&arena, struct auth_mail_job);
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
    job->kind = kind;
    job->deadline_ms = qn_clock_now_ms() + (uint64_t)mail->settings->retry_for_ms;
    qn_list_push(&mail->jobs, &job->node);
    show_waiting(mail);
    return job;
}

void auth_mail_job_drop(struct auth_mail_job *job)
{
    qn_timer_cancel(job->mail->loop, &job->pause);
    note(job, QN_WARN, "a mail was dropped: the process ends");
    end(job, "ended");
}
