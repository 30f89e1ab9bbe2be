#include "services/auth/mail/templates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/core/check.h"
#include "common/core/utf8.h"
#include "services/auth/mail/builtin.h"

enum { PATH_LEN_MAX = 1024 };

static const char *const KINDS[AUTH_MAIL_KINDS] = {
    [AUTH_MAIL_VERIFY_EMAIL] = "verify-email",
    [AUTH_MAIL_RESET_PASSWORD] = "reset-password",
    [AUTH_MAIL_CHANGE_EMAIL] = "change-email",
    [AUTH_MAIL_DELETE_ACCOUNT] = "delete-account",
};

const char *auth_mail_kind_name(enum auth_mail_kind kind)
{
    return KINDS[kind];
}

static struct qn_str builtin(const char *file)
{
    for (const struct auth_mail_builtin *at = auth_mail_builtins; at->file; at++) {
        if (strcmp(at->file, file) == 0)
            return qn_str_c(at->text);
    }
    QN_CHECK(!"every kind has its files in templates/");
    return QN_STR("");
}

/* The folder's file, whose text is the templates' own; the built-in one when the folder has none. */
static enum qn_status read_file(struct auth_mail_templates *templates, const char *folder, const char *name,
                                struct qn_str *ret_text, struct qn_error *err)
{
    char path[PATH_LEN_MAX];
    *ret_text = builtin(name);
    if (folder[0] == '\0')
        return QN_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return qn_error_set(err, QN_INVALID_ARGUMENT, "the path of %s is too long", name);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? QN_OK
                               : qn_error_set(err, QN_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    char *bytes = malloc(AUTH_MAIL_TEMPLATE_MAX_BYTES + 1);
    size_t len = bytes ? fread(bytes, 1, AUTH_MAIL_TEMPLATE_MAX_BYTES + 1, file) : 0;
    bool failed = !bytes || ferror(file);
    fclose(file);
    struct qn_str text = qn_str_n(bytes, len);
    const char *fault = failed                               ? "cannot be read"
                        : len > AUTH_MAIL_TEMPLATE_MAX_BYTES ? "is over 128 KiB"
                        : !qn_utf8_valid(text)               ? "is not UTF-8"
                                                             : NULL;
    if (fault) {
        free(bytes);
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s %s", path, fault);
    }
    templates->files[templates->n_files++] = bytes;
    *ret_text = text;
    return QN_OK;
}

static enum qn_status check(const char *file, struct qn_str text, struct qn_error *err)
{
    struct qn_error why = {0};
    if (auth_mail_template_check(text, &why) == QN_OK)
        return QN_OK;
    return qn_error_set(err, QN_INVALID_ARGUMENT, "%s: %s", file, why.message);
}

static struct qn_str without_cr(struct qn_str line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* "Subject: …", an empty line, the text. */
static bool split_subject(struct qn_str file, struct auth_mail_template *ret)
{
    const struct qn_str label = QN_STR("Subject:");
    struct qn_str first, second;
    if (!qn_str_next(&file, '\n', &first) || !qn_str_starts(first, label) ||
        !qn_str_next(&file, '\n', &second) || without_cr(second).len > 0)
        return false;
    first = without_cr(first);
    ret->subject = qn_str_trim(qn_str_n(first.ptr + label.len, first.len - label.len));
    ret->text = file;
    return ret->subject.len > 0;
}

static enum qn_status open_one(struct auth_mail_templates *templates, enum auth_mail_kind kind,
                               const char *folder, struct qn_error *err)
{
    struct auth_mail_template *to = &templates->of[kind];
    char name[64];
    struct qn_str text;
    snprintf(name, sizeof name, "%s.txt", KINDS[kind]);
    QN_TRY(read_file(templates, folder, name, &text, err));
    QN_TRY(check(name, text, err));
    if (!split_subject(text, to))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "%s must begin with \"Subject: …\" and an empty line",
                            name);
    snprintf(name, sizeof name, "%s.html", KINDS[kind]);
    QN_TRY(read_file(templates, folder, name, &to->html, err));
    return check(name, to->html, err);
}

enum qn_status auth_mail_templates_open(struct auth_mail_templates *templates, const char *folder,
                                        struct qn_error *err)
{
    struct stat info;
    *templates = (struct auth_mail_templates){0};
    if (folder[0] != '\0' && (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)))
        return qn_error_set(err, QN_INVALID_ARGUMENT, "there is no folder %s", folder);
    for (int kind = 0; kind < AUTH_MAIL_KINDS; kind++) {
        enum qn_status status = open_one(templates, (enum auth_mail_kind)kind, folder, err);
        if (status != QN_OK) {
            auth_mail_templates_close(templates);
            return status;
        }
    }
    return QN_OK;
}

void auth_mail_templates_close(struct auth_mail_templates *templates)
{
    for (size_t i = 0; i < templates->n_files; i++)
        free(templates->files[i]);
    *templates = (struct auth_mail_templates){0};
}
