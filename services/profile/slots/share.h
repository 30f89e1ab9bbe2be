#ifndef PROFILE_SLOTS_SHARE_H
#define PROFILE_SLOTS_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many of the database's connections are this process's, when several share one budget: the decisions,
 * without a socket or a clock of their own (slots.c has those). README.md beside this tells the rules.
 *
 * Each process reports what it claims to all others, and keeps what it heard last of each. A slot changes
 * hands in two ways only:
 *
 *   free        claim it ──▶ a round: report to everyone, hear everyone ──▶ still no more than the budget?
 *                                                                           yes: it is ours   no: not claimed
 *   another's   ask who has two more than we ──▶ he lets one go, says so ──▶ it is ours
 *
 * Of two that claim at once at least one hears of the other before its round ends, so as long as messages
 * arrive no more are claimed than there are. When they do not, the role's CONNECTION LIMIT decides. */

enum {
    SLOTS_PEERS_MAX = 64,  /* more are not heard */
    SLOTS_HEARD_MS = 3000, /* who is not heard for so long does not count: three reports are missing */
    SLOTS_GIVING_MAX_MS =
        2000,            /* how long a connection may take to fall idle, and the asker to take its slot */
    SLOTS_OVER_MS = 500, /* more claimed than there is, for so long: no claim that is about to be given up */
    SLOTS_NUMBER_MAX = 1000, /* a report with more connections than this is none */
};

/* What one process says of itself. */
struct slots_report {
    uint64_t process; /* random, never 0, another for each process */
    uint64_t number;  /* grows with each report, so that one that was late is known as such */
    unsigned budget;  /* its connection_limit */
    unsigned claimed; /* connections it has, may open, claims, or has not seen taken over yet */
    unsigned held;    /* connections it has, or is opening just now */
    unsigned taken;   /* slots it has been handed in its life */
    bool draining;    /* gives all back, wants none */
    bool refused;     /* has none, and PostgreSQL refused it one for want of a slot */
    unsigned up;      /* of those it has: that work */
};

/* Zeroed by slots_share_init(). */
struct slots_share {
    uint64_t self, number;
    unsigned limit;     /* our connection_limit */
    unsigned allowance; /* how many connections we may hold */
    unsigned pending;   /* claimed beyond that, until the round has ended */
    unsigned in_use;    /* connections that hold a slot, as the pool says */
    unsigned up;        /* of these: that work */
    bool refused;       /* there is none, for PostgreSQL said 53300 */
    unsigned taken;
    bool draining;
    uint64_t over_since_ms; /* since when more is claimed than there is; 0: it is not */
    struct {
        uint64_t to;    /* 0: nothing is given */
        unsigned taken; /* how many 'to' had taken before */
        bool let_go;    /* closed here; not yet seen as taken over */
        uint64_t until_ms;
    } giving;
    struct slots_peer {
        struct slots_report last;
        uint64_t heard_ms;
    } peers[SLOTS_PEERS_MAX];
    size_t n_peers;
};

void slots_share_init(struct slots_share *share, uint64_t self, unsigned limit);

/* What to tell the others now. */
struct slots_report slots_share_report(struct slots_share *share);

/* Whether a report can be meant. */
bool slots_share_plausible(const struct slots_report *report);

/* Another's report, however it came. One of our own, and one that is older than what is known, change
 * nothing. */
void slots_share_heard(struct slots_share *share, const struct slots_report *report, uint64_t now_ms);

/* The connection to a process broke: most likely it is dead. One that said it is draining hangs up by itself,
 * and is kept until it has not been heard for long. */
void slots_share_lost(struct slots_share *share, uint64_t process);

/* The pool has so many connections now; 'refused': none, because PostgreSQL said that there is no slot. */
void slots_share_uses(struct slots_share *share, unsigned in_use, bool refused);

/* So many of the pool's connections work. */
void slots_share_works(struct slots_share *share, unsigned up);

/* When a process that takes calls last said that it has a connection that works; 0: none does, as far as we
 * know. */
uint64_t slots_share_elsewhere_ms(const struct slots_share *share, uint64_t now_ms);

enum slots_step {
    SLOTS_REST,  /* nothing to be done */
    SLOTS_AGAIN, /* something has been decided: tell the others, and ask once more */
    SLOTS_CLAIM, /* something is claimed: tell the others, hear them all, then slots_share_claimed() */
    SLOTS_ASK,   /* ask 'process' for one */
};

/* What to do next. Requires: no claim is open. */
enum slots_step slots_share_next(struct slots_share *share, uint64_t now_ms, uint64_t *ret_process);

/* The round has ended: the claim becomes ours, or is given up. True: it is ours. */
bool slots_share_claimed(struct slots_share *share, uint64_t now_ms);

/* 'asker' asks for one. True: the allowance is one less, and slots_share_given() says when the slot is the
 * asker's. */
bool slots_share_give(struct slots_share *share, const struct slots_report *asker, uint64_t now_ms);
/* Whether the connection has gone: then the answer is yes. */
bool slots_share_given(struct slots_share *share);
/* The connection did not fall idle in time, or the asker has gone: it stays ours. */
void slots_share_keep(struct slots_share *share);

/* We asked, and one is ours now. */
void slots_share_received(struct slots_share *share);

/* Wants none any more, and gives up all beyond 'keep' as they fall idle. */
void slots_share_drain(struct slots_share *share, unsigned keep);

/* What is to be told to people. */
struct slots_view {
    unsigned processes; /* that share the budget, this one among them */
    unsigned budget;    /* the smallest of theirs */
    bool too_many;      /* there are more of them than connections, and this one has none */
};
struct slots_view slots_share_view(const struct slots_share *share, uint64_t now_ms);

#endif
