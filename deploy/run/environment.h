#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include <stddef.h>

#include "common/core/arena.h"

/* The environment of a child: our own, less what is not meant for it, plus what is. */
struct run_environment {
    struct qn_arena *arena;
    char **entries; /* "NAME=value", ended by NULL */
    size_t n, room;
};

/* Takes 'from' (environ in earnest; its texts must live as long) without secrets, which each service gets
 * only if it needs them, and without what tells of sockets handed over, which were ours. Everything lives as
 * long as the arena. */
void run_environment_init(struct run_environment *environment, struct qn_arena *arena, char *const *from);

/* Sets, in place of what had that name. */
void run_environment_set(struct run_environment *environment, const char *name, const char *value);
/* The same, with our own value of that name; nothing when there is none. */
void run_environment_pass(struct run_environment *environment, const char *name);

/* NULL when it is not set. */
const char *run_environment_get(const struct run_environment *environment, const char *name);

#endif
