#ifndef QN_TESTS_ROWS_H
#define QN_TESTS_ROWS_H

#include "common/json/reader.h"

/* tests/fixtures/better-auth/rows.json: what the real Better Auth wrote. Read once; lives as long as the
 * process. What is not there ends the test process: fixtures are not optional. */

const struct qn_json *harness_rows(void);

/* The member 'key' of an object, as text (empty when it is null) or as it is. */
struct qn_str harness_rows_text(const struct qn_json *object, const char *key);
const struct qn_json *harness_rows_member(const struct qn_json *object, const char *key);

/* A table's rows: "user", "session" or "account". */
const struct qn_json *harness_rows_table(const char *table);

/* The same as JSON text, as PostgreSQL's json_populate_recordset() wants it; to be freed. */
char *harness_rows_table_json(const char *table);

/* "recordedAt" in milliseconds since 1970: what the dates of the rows lie around. */
int64_t harness_rows_recorded_ms(void);

/* The stored hash of a user's credential account; ptr NULL when it has none. */
struct qn_str harness_rows_hash(struct qn_str user_id);

/* The password that signs this user (an element of "users") in today; ptr NULL for one without. */
struct qn_str harness_rows_password(const struct qn_json *user);

#endif
