#ifndef QN_TESTS_SERVICE_H
#define QN_TESTS_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Built service programs as child processes: started with an environment of the test's making, watched
 * through their admin port, stopped by pid. They die with the test process, however that ends.
 *
 * Ports are never guessed: the harness makes the listening sockets on free loopback ports and hands them over
 * as systemd does (LISTEN_FDS), so nobody can take one in between, and the test knows its number before the
 * service runs.
 *
 * Whatever goes wrong in here ends the test process with a message and the service's log. Not thread-safe. */
struct harness_service;

struct harness_service_options {
    const char *program;          /* "quintet-auth", in the build's bin/ */
    const char *const *arguments; /* after the program's name, ended by NULL; may be NULL */
    /* "NAME=value", ended by NULL: all the service gets, beside PATH, the sanitizers' options and what hands
     * over its sockets. Copied. */
    const char *const *environment;
    bool http; /* also hand over a socket named "http" (the gateway's port) */
    /* The test process keeps the http socket open too, until it ends, as a supervisor does: who connects
     * while no service runs waits in its queue, and a later service can be started on it. */
    bool hold_http;
    /* The http socket is the one that was held for this service, which may still run (NULL: a new one). */
    const struct harness_service *http_of;
    /* Where it runs: a network namespace (harness/network.h); 0: the test's own. Its admin and http sockets
     * are the test's all the same, so that it is reached on loopback wherever it is. */
    int network;
};

/* The folder of this test process for sockets and files: short enough for unix sockets, always the same,
 * removed when the process ends. */
const char *harness_folder(void);

/* Text in memory that lives as long as the process: for environments. */
const char *harness_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs the program; does not wait for anything. */
struct harness_service *harness_service_start(const struct harness_service_options *options);

/* Whether /readyz says 200 now. False while it does not answer, or when the service has ended. */
bool harness_service_ready(struct harness_service *service);

/* Waits until it is ready (or, with 'want' false, until it is not); after 30 s, or when the service ends
 * first, the test process ends with the log. */
void harness_service_await(struct harness_service *service, bool want);

/* GET on the admin port: the status, 0 when there is no answer. '*ret_body' (may be NULL) is NUL-terminated,
 * to be freed. */
int harness_service_get(struct harness_service *service, const char *path, char **ret_body);

/* The value of one series of /metrics, as "quintet_work_refused_total{lane=\"hash\"}"; -1 when it is not
 * there. */
double harness_service_metric(struct harness_service *service, const char *series);

uint16_t harness_service_admin_port(const struct harness_service *service);
uint16_t harness_service_http_port(const struct harness_service *service); /* 0 without 'http' */
pid_t harness_service_pid(const struct harness_service *service);          /* 0 once it has ended */

/* Whether a line of its log holds 'text'. */
bool harness_service_logged(struct harness_service *service, const char *text);
/* The whole log so far, to be freed. */
char *harness_service_log(struct harness_service *service);

void harness_service_signal(struct harness_service *service, int signal);

/* Waits for its end, at most 30 s: the exit code, or minus the signal that killed it. */
int harness_service_wait(struct harness_service *service);

/* SIGTERM, then waits. */
int harness_service_stop(struct harness_service *service);

#endif
