#ifndef TESTS_HARNESS_DAEMON_H
#define TESTS_HARNESS_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

/* What the servers that are not ours (postgres.h, bouncer.h) have in common: child processes that refuse to
 * run as root, write to a log file and die with the test process. Whatever goes wrong ends the test process
 * with a message and that log. Not thread-safe. */

/* 'log' is a file's path, shown after the message; may be NULL. */
_Noreturn void harness_daemon_fail(const char *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Runs a program to its end, which must be good. 'drop': as the unprivileged user, when the test runs as
 * root; the program then cannot rely on its working directory, which is "/". 'argv' begins with the program's
 * path. */
void harness_daemon_run(bool drop, const char *log, const char *const argv[]);

/* Starts one as the unprivileged user, in a session of its own, and returns its pid; 'death_signal' is what
 * it gets when the test process ends. Does not wait for anything. */
pid_t harness_daemon_spawn(const char *log, int death_signal, const char *const argv[]);

/* Sends 'signal' and waits for the end. */
void harness_daemon_end(pid_t pid, int signal);

/* Gives a file, or a folder and all in it, to the user that servers run as. */
void harness_daemon_give(const char *path);
/* Makes a file with this text that only that user reads. */
void harness_daemon_write(const char *path, const char *text);

/* Removes a folder and all in it; what cannot be removed stays. */
void harness_daemon_remove(const char *path);

/* A port of 127.0.0.1 for a server that sets SO_REUSEADDR, as all do: bound here until the test's end and
 * never listened on, so nobody else is given it while the server is away. */
int harness_daemon_port(void);

#endif
