#ifndef RUN_WIRING_H
#define RUN_WIRING_H

#include "deploy/run/stack.h"

/* Who is told what: the services, by their environment; tools and people, by the endpoints file. */

/* Fills the service's environment. Secrets go to whom they concern. */
void run_wiring_service(struct run_stack *stack, enum run_stack_service which);

/* Writes the endpoints file anew: after each change of a pid. What fails is logged. */
void run_wiring_endpoints(struct run_stack *stack);

/* All have ended: removes what they leave in /tmp when the run folder's path is too long for sockets. */
void run_wiring_end(struct run_stack *stack);

/* Of the role that profile connects as; the embedded one has none before it runs. */
const char *run_wiring_database(const struct run_stack *stack);

#endif
