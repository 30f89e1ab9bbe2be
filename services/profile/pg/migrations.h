#ifndef PROFILE_PG_MIGRATIONS_H
#define PROFILE_PG_MIGRATIONS_H

#include <stddef.h>
#include <stdint.h>

/* services/profile/migrations/NNNN_name.sql, put into the program by CMake (embed.cmake), in order of NNNN.
 */
struct pg_migration {
    int64_t version;  /* NNNN; from 1, without gaps */
    const char *name; /* "0001_better_auth" */
    const char *sql;  /* :"auth_schema" stands for the quoted schema of Better Auth's tables */
};

extern const struct pg_migration pg_migrations[];
extern const size_t pg_migrations_n;

/* The version that this program wants: that of the last one. */
static inline int64_t pg_migrations_version(void)
{
    return pg_migrations[pg_migrations_n - 1].version;
}

#endif
