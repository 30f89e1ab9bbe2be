#include "services/auth/mail/mail_settings.h"

#include <unistd.h>

#include "services/auth/mail/message.h"

bool auth_mail_settings_given(const struct auth_mail_settings *settings)
{
    return settings->smtp_url != NULL && settings->smtp_url[0] != '\0';
}

/* Behind the scheme, the user and the password; without a path. */
struct qn_str auth_mail_settings_host(const struct auth_mail_settings *settings)
{
    struct qn_str url = qn_str_c(settings->smtp_url);
    ptrdiff_t slashes = qn_str_find(url, '/');
    if (slashes < 0 || (size_t)slashes + 2 > url.len)
        return QN_STR("");
    struct qn_str rest = qn_str_n(url.ptr + slashes + 2, url.len - (size_t)slashes - 2);
    ptrdiff_t path = qn_str_find(rest, '/');
    if (path >= 0)
        rest.len = (size_t)path;
    ptrdiff_t at = qn_str_rfind(rest, '@');
    return qn_str_n(rest.ptr + at + 1, rest.len - (size_t)(at + 1));
}

static bool is_this_machine(struct qn_str host)
{
    ptrdiff_t colon = qn_str_rfind(host, ':'), bracket = qn_str_rfind(host, ']');
    if (colon > bracket)
        host.len = (size_t)colon;
    return qn_str_eq_nocase(host, QN_STR("localhost")) || qn_str_eq(host, QN_STR("127.0.0.1")) ||
           qn_str_eq(host, QN_STR("[::1]"));
}

enum auth_mail_tls auth_mail_settings_tls(const struct auth_mail_settings *settings)
{
    struct qn_str tls = qn_str_c(settings->smtp_tls);
    if (qn_str_eq(tls, QN_STR("auto")))
        return is_this_machine(auth_mail_settings_host(settings)) ? AUTH_MAIL_TLS_TRIED
                                                                  : AUTH_MAIL_TLS_REQUIRED;
    return qn_str_eq(tls, QN_STR("tried")) ? AUTH_MAIL_TLS_TRIED : AUTH_MAIL_TLS_REQUIRED;
}

struct qn_str auth_mail_settings_site(const struct auth_mail_settings *settings)
{
    struct qn_str name, address;
    if (settings->site && settings->site[0] != '\0')
        return qn_str_c(settings->site);
    if (!auth_mail_address_parse(qn_str_c(settings->smtp_from), &name, &address))
        return QN_STR("the site");
    if (name.len > 0)
        return name;
    ptrdiff_t at = qn_str_find(address, '@');
    return qn_str_n(address.ptr + at + 1, address.len - (size_t)at - 1);
}

static bool is_smtp_url(const struct auth_mail_settings *settings)
{
    struct qn_str url = qn_str_c(settings->smtp_url);
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~')
            return false;
    }
    return (qn_str_starts(url, QN_STR("smtp://")) || qn_str_starts(url, QN_STR("smtps://"))) &&
           auth_mail_settings_host(settings).len > 0;
}

void auth_mail_settings_check(const struct auth_mail_settings *settings, struct qn_config_report *report)
{
    struct qn_str name, address, from = qn_str_c(settings->smtp_from);
    bool given = auth_mail_settings_given(settings);
    if (given && !is_smtp_url(settings))
        qn_config_complain(
            report, "SMTP_URL", "(not shown)",
            "smtp://user:password@host:587 or smtps://user:password@host:465, with user and password "
            "percent-encoded");
    if ((given || from.len > 0) && !auth_mail_address_parse(from, &name, &address))
        qn_config_complain(report, "SMTP_FROM", settings->smtp_from,
                           "an address, or Name <address>; must be given with SMTP_URL");
    if (settings->smtp_ca_file && settings->smtp_ca_file[0] != '\0' &&
        access(settings->smtp_ca_file, R_OK) != 0)
        qn_config_complain(report, "SMTP_CA_FILE", settings->smtp_ca_file, "a PEM file that can be read");
}
