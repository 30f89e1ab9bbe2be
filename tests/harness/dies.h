#ifndef QN_TESTS_DIES_H
#define QN_TESTS_DIES_H

/* Runs 'run' in a child process and fails the test unless the child is aborted by a broken contract
 * (QN_CHECK) whose text holds 'says'. For tests with one thread: the child is a fork. */
void assert_dies(void (*run)(void *context), void *context, const char *says);

#endif
