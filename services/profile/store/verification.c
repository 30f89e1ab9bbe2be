#include "services/profile/store/verification.h"

#define COLUMNS "v.id, v.identifier, v.value, v.\"expiresAt\", v.\"createdAt\", v.\"updatedAt\""

static const struct pg_statement insert = {
    .name = "verification_insert",
    .sql = "insert into verification (id, identifier, value, \"expiresAt\", \"createdAt\", \"updatedAt\")"
           " values ($1, $2, $3, $4, $5, $6)",
};

static const struct pg_statement find = {
    .name = "verification_find",
    .sql = "select " COLUMNS " from verification v where v.identifier = $1"
           " order by v.\"createdAt\" desc, v.id limit 1",
    .plain_select = true,
    .binary = true,
};

static const struct pg_statement take = {
    .name = "verification_take",
    .sql = "delete from verification v where v.identifier = $1 returning " COLUMNS,
    .binary = true,
};

/* No index has the end: the table holds what was mailed of late. */
static const struct pg_statement sweep = {
    .name = "verification_sweep",
    .sql = "delete from verification where \"expiresAt\" < $1",
};

void store_verification_insert(struct store_steps *steps, const struct store_verification *verification)
{
    store_steps_add(steps, &insert);
    store_steps_str(steps, verification->id);
    store_steps_str(steps, verification->identifier);
    store_steps_str(steps, verification->value);
    store_steps_time(steps, verification->expires_at_ms);
    store_steps_time(steps, verification->created_at_ms);
    store_steps_time(steps, verification->updated_at_ms);
}

void store_verification_find(struct store_steps *steps, const char *identifier)
{
    store_steps_add(steps, &find);
    store_steps_c(steps, identifier);
}

void store_verification_take(struct store_steps *steps, const char *identifier)
{
    store_steps_add(steps, &take);
    store_steps_c(steps, identifier);
}

void store_verification_sweep(struct store_steps *steps, int64_t before_ms)
{
    store_steps_add(steps, &sweep);
    store_steps_time(steps, before_ms);
}

bool store_verification_read(const PGresult *result, int row, struct store_verification *ret_verification)
{
    struct store_row r = store_row_of(result, row);
    ret_verification->id = store_row_str(&r);
    ret_verification->identifier = store_row_str(&r);
    ret_verification->value = store_row_str(&r);
    ret_verification->expires_at_ms = store_row_time(&r);
    ret_verification->created_at_ms = store_row_time(&r);
    ret_verification->updated_at_ms = store_row_time(&r);
    return !r.bad;
}
