#ifndef TESTS_HARNESS_NODE_H
#define TESTS_HARNESS_NODE_H

#include <stdbool.h>

/* A script of tests/npm/GROUP as a child process, on the packages and the node of that group, which
 * tests/npm/install brings when they are not there. Test and script talk in lines: what the script prints is
 * read here, what is said here arrives on its standard input. What it complains of goes to the test's own
 * standard error. It dies with the test process.
 *
 * Whatever goes wrong in here, a script that says nothing for 60 s included, ends the test process. Not
 * thread-safe. */
struct harness_node;

struct harness_node_options {
    const char *group, *script;   /* "better-auth", "server.mjs" */
    const char *const *arguments; /* ended by NULL; may be NULL */
    /* "NAME=value", ended by NULL: all it gets beside PATH and TZ=UTC. May be NULL. */
    const char *const *environment;
};

struct harness_node *harness_node_start(const struct harness_node_options *options);

/* The next line that it prints, without its end; valid until the next call. NULL: it prints no more. */
const char *harness_node_line(struct harness_node *node);

/* The rest of the next line that begins with 'begin'; others are shown and passed over. Ends the test
 * process when none comes. */
const char *harness_node_expect(struct harness_node *node, const char *begin);

void harness_node_say(struct harness_node *node, const char *line);

/* Closes its standard input, at which it should end, and waits: its exit code, or minus the signal that ended
 * it. The node is gone then. */
int harness_node_end(struct harness_node *node);

#endif
