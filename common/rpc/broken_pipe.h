#ifndef QN_RPC_BROKEN_PIPE_H
#define QN_RPC_BROKEN_PIPE_H

/* Hides from a library that what it sends goes nowhere, because the other side has hung up: its sendmsg() on
 * such a connection succeeds, and it learns of the end where it reads. To the other side it is the same:
 * bytes that are sent are not bytes that arrive.
 *
 * nng 1.5.2 needs that twice, where its library carries tls+tcp:// (our own transport has no such trouble,
 * and is not covered, though its calls pass here as well). A connection that breaks with EPIPE while it is
 * being accepted ends as NNG_ECLOSED, and its listener takes that for its own close and accepts nothing any
 * more: three lines of Python by anybody who reaches the port, or a client killed at the wrong moment. And a
 * send that fails closes a connection in the midst of a receive, which can stop nng for ever (gate.h).
 *
 * broken_pipe.c defines sendmsg() itself, in front of libc's; all calls go through, and only failed ones of
 * the covered library are changed. */

/* 'code': any function of the library. Once, before its threads run. */
void qn_broken_pipe_cover(const void *code);

#endif
