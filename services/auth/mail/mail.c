#include "services/auth/mail/mail.h"

#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/auth/mail/job.h"

enum {
    THREADS = 2, /* so that one slow exchange does not hold up all */
    TROUBLE_EVERY_MS = 100,
};

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
    qn_list_init(&mail->jobs);
    QN_TRY(auth_mail_templates_open(&mail->templates, mail->settings->templates, err));
    if (auth_mail_settings_given(mail->settings)) {
        enum qn_status status = open_server(mail, err);
        if (status != QN_OK)
            auth_mail_templates_close(&mail->templates);
        return status;
    }
    bool production = qn_str_eq(qn_str_c(*mail->env), QN_STR("production"));
    if (is_lenient(mail))
        qn_log(NULL, QN_INFO, "no SMTP_URL: the links of mails go to this log");
    else
        qn_log(NULL, production ? QN_WARN : QN_INFO,
               "no SMTP_URL: no mail can be sent; password reset, verification and change of address, and "
               "deletion by mail are off");
    return QN_OK;
}

static enum qn_status refuse(struct auth_mail *mail, enum auth_mail_kind kind, enum qn_status status,
                             const char *outcome)
{
    uint64_t held_back;
    auth_mail_job_count(kind, outcome);
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
        auth_mail_job_count(kind, "logged");
        return QN_OK;
    }
    struct auth_mail_job *job = NULL;
    if (mail->jobs.len < (size_t)mail->settings->queue_max && !mail->draining)
        job = auth_mail_job_new(mail, kind, to, values);
    if (!job)
        return refuse(mail, kind, QN_RESOURCE_EXHAUSTED, "full");
    auth_mail_job_try(job);
    return QN_OK;
}

void auth_mail_job_gone(struct auth_mail *mail)
{
    if (!mail->draining || mail->done == NULL || !qn_list_empty(&mail->jobs))
        return;
    void (*done)(struct qn_part *) = mail->done;
    mail->done = NULL;
    qn_timer_cancel(mail->loop, &mail->drain_limit);
    done(&mail->part);
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
        struct auth_mail_job *job = container_of(node, struct auth_mail_job, node);
        if (qn_timer_active(&job->pause)) {
            qn_timer_cancel(mail->loop, &job->pause);
            auth_mail_job_try(job);
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
        struct auth_mail_job *job = container_of(node, struct auth_mail_job, node);
        if (qn_timer_active(&job->pause))
            auth_mail_job_drop(job);
    }
    qn_lane_close(mail->lane, on_lane_closed, mail);
}
