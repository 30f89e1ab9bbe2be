#include "services/profile/pg/sqlstate.h"

#include <string.h>

#include "common/core/check.h"

/* The longest prefix wins: whole codes stand before their class. */
static const struct {
    const char *prefix;
    struct pg_verdict verdict;
} verdicts[] = {
    {"23505", {QN_ALREADY_EXISTS, "unique", .expected = true}},
    {"23503", {QN_NOT_FOUND, "foreign key", .expected = true}},
    {"23502", {QN_INVALID_ARGUMENT, "not null", .expected = true}},
    {"23514", {QN_INVALID_ARGUMENT, "check", .expected = true}},
    {"22", {QN_INVALID_ARGUMENT, "data", .expected = true}},
    {"40", {QN_ABORTED, "conflict", .expected = true}}, /* serialisation, deadlock */
    {PG_SQLSTATE_LOCKED, {QN_ABORTED, "locked", .expected = true}},
    {"57014", {QN_DEADLINE_EXCEEDED, "query slow", .expected = true}}, /* statement_timeout, or our cancel */
    {"26000", {QN_INTERNAL, "not prepared", .prepare_again = true}},
    {"42P05", {QN_INTERNAL, "prepared twice", .prepare_again = true}},
    /* "cached plan must not change result type": somebody has altered a table. */
    {"0A000", {QN_INTERNAL, "plan outdated", .prepare_again = true}},
    {"42P01", {QN_FAILED_PRECONDITION, "schema"}}, /* no such table */
    {"42703", {QN_FAILED_PRECONDITION, "schema"}}, /* no such column */
    {"42704", {QN_FAILED_PRECONDITION, "schema"}}, /* no such object */
    {"42883", {QN_FAILED_PRECONDITION, "schema"}}, /* no such function */
    {"3F000", {QN_FAILED_PRECONDITION, "schema"}}, /* no such schema */
    {"42501", {QN_FAILED_PRECONDITION, "no permission"}},
    {"25006", {QN_UNAVAILABLE, "read only", .drop_connection = true}}, /* a demoted primary */
    {"25", {QN_INTERNAL, "transaction state", .drop_connection = true}},
    {"08", {QN_UNAVAILABLE, "connection", .drop_connection = true}},
    {"53", {QN_UNAVAILABLE, "server resources"}}, /* disk or memory full */
    {"57P", {QN_UNAVAILABLE, "server stopping", .drop_connection = true}},
    {"58", {QN_INTERNAL, "server system"}},
    {"XX", {QN_INTERNAL, "server internal", .drop_connection = true}},
};

struct pg_verdict pg_sqlstate_judge(const char *sqlstate)
{
    if (!sqlstate || sqlstate[0] == '\0') /* libpq's own words, not the server's */
        return (struct pg_verdict){QN_UNAVAILABLE, "connection lost", .drop_connection = true};
    for (size_t i = 0; i < QN_COUNT(verdicts); i++)
        if (strncmp(sqlstate, verdicts[i].prefix, strlen(verdicts[i].prefix)) == 0)
            return verdicts[i].verdict;
    return (struct pg_verdict){.status = QN_INTERNAL, .reason = "unexpected"};
}

const char *pg_sqlstate_end(const char *sqlstate)
{
    static const struct {
        const char *sqlstate, *end;
    } ends[] = {
        {"57P01", "terminated"},   /* pg_terminate_backend(), or a fast shutdown */
        {"57P02", "server crash"}, /* or an immediate shutdown */
        {"57P03", "server stopping"},    {"57P04", "database dropped"},
        {"57P05", "idle timeout"},     /* idle_session_timeout */
        {"25P03", "idle transaction"}, /* idle_in_transaction_session_timeout */
        {"25006", "read only"},        /* a demoted primary */
        {"08P01", "protocol violation"},
    };
    for (size_t i = 0; sqlstate && i < QN_COUNT(ends); i++)
        if (strcmp(sqlstate, ends[i].sqlstate) == 0)
            return ends[i].end;
    return "lost";
}

bool pg_sqlstate_is_operators(const char *sqlstate)
{
    return sqlstate && strcmp(sqlstate, "57P01") == 0;
}

static bool is_code_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* The code follows the severity, which may be in any language: ":  53300: ". */
static bool find_code(const char *text, char to[PG_SQLSTATE_LEN + 1])
{
    for (const char *at = text; (at = strstr(at, ":  ")) != NULL; at++) {
        const char *code = at + 3;
        size_t len = 0;
        while (len < PG_SQLSTATE_LEN && is_code_character(code[len]))
            len++;
        if (len == PG_SQLSTATE_LEN && strncmp(code + len, ": ", 2) == 0) {
            memcpy(to, code, PG_SQLSTATE_LEN);
            to[PG_SQLSTATE_LEN] = '\0';
            return true;
        }
    }
    to[0] = '\0';
    return false;
}

/* Messages are translated by the server, names of its functions are not. */
static enum pg_refusal whose_slots(const char *text)
{
    if (strstr(text, "InitializeSessionUserId") || strstr(text, "too many connections for role"))
        return PG_REFUSAL_ROLE_SLOTS;
    if (strstr(text, "CheckMyDatabase") || strstr(text, "too many connections for database"))
        return PG_REFUSAL_DATABASE_SLOTS;
    return PG_REFUSAL_SERVER_SLOTS;
}

/* What PgBouncer 1.18 to 1.25 say of themselves: always FATAL, always 08P01, never translated (src/objects.c,
 * client.c, janitor.c). The second list also holds what it passes on of PostgreSQL's refusal of its own
 * login. */
static const char pooler_code[] = "08P01";
static const char *const not_passed_on[] = {
    "query_wait_timeout",            /* all of its connections were busy, or it was paused */
    "server login has been failing", /* PostgreSQL is away, or refuses it */
};
static const struct {
    const char *words;
    enum pg_refusal refusal;
} pooler_refusals[] = {
    {"no more connections allowed", PG_REFUSAL_POOLER_SLOTS}, /* max_client_conn */
    {"client connections exceeded", PG_REFUSAL_POOLER_SLOTS}, /* max_db_client_connections and the like */
    {"query_wait_timeout", PG_REFUSAL_POOLER_SLOTS},
    {"too many connections for role", PG_REFUSAL_ROLE_SLOTS},
    {"too many connections for database", PG_REFUSAL_DATABASE_SLOTS},
    {"too many clients already", PG_REFUSAL_SERVER_SLOTS},
    {"remaining connection slots are reserved", PG_REFUSAL_SERVER_SLOTS},
    {"authentication failed", PG_REFUSAL_DENIED},
    {"server login has been failing", PG_REFUSAL_POOLER},
    {"client_login_timeout", PG_REFUSAL_POOLER},
    {"unsupported startup parameter", PG_REFUSAL_SETTINGS}, /* pgbouncer=true is missing in DATABASE_URL */
};

bool pg_sqlstate_not_passed_on(const char *sqlstate, const char *message)
{
    if (!sqlstate || !message || strcmp(sqlstate, pooler_code) != 0)
        return false;
    for (size_t i = 0; i < QN_COUNT(not_passed_on); i++)
        if (strncmp(message, not_passed_on[i], strlen(not_passed_on[i])) == 0)
            return true;
    return false;
}

static enum pg_refusal pooler_refusal(const char *text)
{
    for (size_t i = 0; i < QN_COUNT(pooler_refusals); i++)
        if (strstr(text, pooler_refusals[i].words))
            return pooler_refusals[i].refusal;
    return PG_REFUSAL_OTHER;
}

enum pg_refusal pg_sqlstate_refusal(const char *text, char ret_sqlstate[PG_SQLSTATE_LEN + 1])
{
    if (!find_code(text, ret_sqlstate))
        return PG_REFUSAL_UNREACHABLE;
    if (strcmp(ret_sqlstate, "53300") == 0)
        return whose_slots(text);
    if (strcmp(ret_sqlstate, pooler_code) == 0)
        return pooler_refusal(text);
    if (strcmp(ret_sqlstate, "57P03") == 0)
        return PG_REFUSAL_STARTING;
    return strncmp(ret_sqlstate, "28", 2) == 0 ? PG_REFUSAL_DENIED : PG_REFUSAL_OTHER;
}

const char *pg_refusal_name(enum pg_refusal refusal)
{
    static const char *const names[PG_REFUSALS] = {
        [PG_REFUSAL_NONE] = "ok",
        [PG_REFUSAL_UNREACHABLE] = "unreachable",
        [PG_REFUSAL_TIMEOUT] = "timeout",
        [PG_REFUSAL_ROLE_SLOTS] = "no_slot",
        [PG_REFUSAL_DATABASE_SLOTS] = "no_slot",
        [PG_REFUSAL_SERVER_SLOTS] = "no_slot",
        [PG_REFUSAL_POOLER_SLOTS] = "no_slot",
        [PG_REFUSAL_POOLER] = "pooler",
        [PG_REFUSAL_STARTING] = "starting",
        [PG_REFUSAL_DENIED] = "denied",
        [PG_REFUSAL_READ_ONLY] = "read_only",
        [PG_REFUSAL_SETTINGS] = "settings",
        [PG_REFUSAL_OTHER] = "other",
        [PG_REFUSAL_ABANDONED] = "abandoned",
    };
    return names[refusal];
}

const char *pg_refusal_slots(enum pg_refusal refusal)
{
    switch (refusal) {
    case PG_REFUSAL_ROLE_SLOTS:
        return "role";
    case PG_REFUSAL_DATABASE_SLOTS:
        return "database";
    case PG_REFUSAL_SERVER_SLOTS:
        return "server";
    case PG_REFUSAL_POOLER_SLOTS:
        return "pooler";
    default:
        return NULL;
    }
}
