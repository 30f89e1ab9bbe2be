#ifndef QN_TESTS_PEOPLE_H
#define QN_TESTS_PEOPLE_H

#include "tests/harness/stack.h"

/* Who uses the site in a test: signed up, signed in, with a profile that is not complete. */

enum { HARNESS_PEOPLE = 8 };

#define HARNESS_PASSWORD "correct horse 1"

struct harness_person {
    char cookie[256]; /* as in a Cookie header */
    char user_id[64];
    char email[64];
};

/* Makes them through the gateway when a stack is first seen (one at a time in a process); else the same ones
 * again. What goes wrong fails the test. */
const struct harness_person *harness_people(const struct harness_stack *stack);

#endif
