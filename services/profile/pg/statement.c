#include "services/profile/pg/statement.h"

/* A handful of pointers: walking them beats hashing. */
struct pg_statement_entry *pg_statement_find(struct pg_statements *statements,
                                             const struct pg_statement *statement)
{
    for (unsigned i = 0; i < statements->n; i++)
        if (statements->entries[i].statement == statement)
            return &statements->entries[i];
    if (statements->n == PG_STATEMENTS_MAX)
        return NULL;
    struct pg_statement_entry *entry = &statements->entries[statements->n];
    *entry = (struct pg_statement_entry){
        .statement = statement,
        .number = statements->n,
        .seconds = pg_metrics_statement_seconds(statement->name),
    };
    qn_list_init(&entry->held);
    qn_list_init(&entry->held_writes);
    statements->n++;
    return entry;
}

void pg_statement_count(struct pg_statement_entry *entry, enum qn_status status, uint64_t took_us)
{
    if (!entry)
        return;
    if (!entry->by_code[status])
        entry->by_code[status] = pg_metrics_statements(entry->statement->name, status);
    qn_metric_add(entry->by_code[status], 1);
    qn_metric_observe(entry->seconds, (double)took_us / 1e6);
}
