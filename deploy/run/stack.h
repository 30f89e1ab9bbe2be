#ifndef RUN_STACK_H
#define RUN_STACK_H

#include "deploy/run/postgres.h"
#include "deploy/run/prepare.h"
#include "deploy/run/roll.h"
#include "deploy/run/service.h"
#include "deploy/run/settings.h"

/* The whole: a database and four services, from nothing to ready and back.
 *
 *   open: folder, lock, sockets, secret, --check of each service
 *   PostgreSQL → quintet-profile --provision → --migrate → profile, auth, media, gateway → ready
 *   gateway, media, auth, profile stopped → PostgreSQL stopped
 */
enum run_stack_service { RUN_PROFILE, RUN_AUTH, RUN_MEDIA, RUN_GATEWAY, RUN_SERVICES };

struct run_stack_kind {
    const char *name, *program;
};
extern const struct run_stack_kind run_stack_kinds[RUN_SERVICES];

struct run_stack {
    const struct run_settings *settings;
    struct qn_loop *loop;
    struct qn_arena arena; /* texts that live as long as the stack */
    char run_dir[RUN_PATH_MAX];
    const char *endpoints_path;
    const char *programs;             /* the folder of our own */
    const char *secret, *secret_path; /* NULL: given by the environment */
    char url[80], media_url[80];

    bool embedded;
    struct run_postgres postgres;
    struct run_prepare prepare;
    struct run_service *services[RUN_SERVICES]; /* one of each pair */
    struct run_service pairs[RUN_SERVICES][2];  /* the other one is there during a restart alone */
    struct {
        struct run_roll roll;
        unsigned wanted; /* a bit for each that is still to come */
        bool busy;
        enum run_stack_service which;
        uint64_t since_ms;
        void (*stopped)(struct run_stack *stack);
    } restart; /* private to restart.c */

    bool announced; /* that it is ready */
    bool stopping;
    int exit_code;
    size_t to_stop; /* services below this still run */
};

/* Everything that can be refused at once. QN_INVALID_ARGUMENT, QN_ALREADY_EXISTS: a setting is at fault,
 * 'err' names it. */
QN_MUST_USE enum qn_status run_stack_open(struct run_stack *stack, struct qn_loop *loop,
                                          const struct run_settings *settings, struct qn_error *err);
/* Begins; the loop is stopped when all has ended. */
void run_stack_start(struct run_stack *stack);
/* The orderly end; does nothing once it has begun. */
void run_stack_stop(struct run_stack *stack, int exit_code);
/* Kills everything. */
void run_stack_kill(struct run_stack *stack);
void run_stack_close(struct run_stack *stack);

/* For restarts: what the database needs before a release's services. */
void run_stack_prepare(struct run_stack *stack,
                       void (*done)(struct run_prepare *prepare, const struct qn_error *err));
/* So long a service may take to stop. */
uint64_t run_stack_stop_limit_ms(const struct run_stack *stack);

#endif
