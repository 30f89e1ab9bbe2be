#ifndef RUN_RESTART_H
#define RUN_RESTART_H

#include "deploy/run/stack.h"

/* Services restarted because somebody asked for it, one after the other in the order in which they are
 * started, each while the others work: first what the database needs (profile's --provision and --migrate),
 * then the roll of each. The first that is not ready in time ends it: it and those after it stay as they
 * were, since a new gateway may rest on methods that only a new auth has. The log tells. */

/* The time a service takes to become ready, many times over: with a hand-over of connections, or a machine
 * that is busy. */
enum { RUN_RESTART_PATIENCE_MS = 15000 };

/* 'services': a bit each, 1 << RUN_AUTH; one that is asked for while it is restarted is restarted again. */
void run_restart_ask(struct run_stack *stack, unsigned services);

/* 'stopped' once no service has two processes, perhaps before this returns. Nothing is restarted after. */
void run_restart_stop(struct run_stack *stack, void (*stopped)(struct run_stack *stack));

void run_restart_kill(struct run_stack *stack);

#endif
