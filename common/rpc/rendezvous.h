#ifndef QN_RPC_RENDEZVOUS_H
#define QN_RPC_RENDEZVOUS_H

#include <stdint.h>

#include "common/core/str.h"

/* Which of several peers a key belongs to, without anybody keeping a table: each asker scores every peer for
 * the key and takes the highest (rendezvous hashing: Thaler and Ravishankar, 1998). All askers that see the
 * same peers choose the same one; when a peer comes or goes only the keys move that it wins or held. Pure;
 * the values are the same in every process and on every machine. Inside the room. */

/* A key as a number that is never 0: 0 says "no key". */
uint64_t qn_rendezvous_key(struct qn_str key);

/* What a peer is called by everyone who sees it: its url from the last slash on. Of tcp:// that is host and
 * port, of a folder's socket its file name, which is unique in the folder, wherever each asker has the folder
 * mounted.
 */
uint64_t qn_rendezvous_peer(const char *url);

/* The higher the nearer. Two peers of different names score alike once in 2^64. */
uint64_t qn_rendezvous_score(uint64_t key, uint64_t peer);

#endif
