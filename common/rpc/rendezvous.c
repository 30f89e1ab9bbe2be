#include "common/rpc/rendezvous.h"

/* SipHash with a key that everybody has. Who chooses keys so that they all fall to one peer gains nothing: it
 * then has more to do than the others. */
static const uint64_t PUBLIC_KEY[2] = {0x7175696e74657431, 0x72656e64657a766f}; /* "quintet1", "rendezvo" */

uint64_t qn_rendezvous_key(struct qn_str key)
{
    uint64_t hash = qn_str_siphash13(PUBLIC_KEY, key);
    return hash == 0 ? 1 : hash;
}

uint64_t qn_rendezvous_peer(const char *url)
{
    struct qn_str name = qn_str_c(url);
    ptrdiff_t slash = qn_str_rfind(name, '/');
    return qn_str_siphash13(PUBLIC_KEY, qn_str_n(name.ptr + slash + 1, name.len - (size_t)(slash + 1)));
}

uint64_t qn_rendezvous_score(uint64_t key, uint64_t peer)
{
    const uint64_t both[2] = {key, peer};
    return qn_str_siphash13(both, QN_STR(""));
}
