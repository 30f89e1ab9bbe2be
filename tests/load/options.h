#ifndef QN_LOAD_OPTIONS_H
#define QN_LOAD_OPTIONS_H

#include "common/core/arena.h"
#include "common/core/buf.h"
#include "common/http/httpd.h" /* struct qn_header */
#include "tests/load/calls/calls.h"
#include "tests/load/engine/slo.h"
#include "tests/load/report/result.h"

/* The command line of quintet-load. */

enum { LOAD_AT_MAX = 16, LOAD_HEADERS_MAX = 32, LOAD_SCRAPES_MAX = 8 };

#define LOAD_WATCH_ROLE "quintet" /* as quintet-profile --provision calls it */

struct load_at_option {
    uint64_t at_ms;
    const char *command;
};

struct load_options {
    struct qn_arena arena; /* of what is not in argv */
    enum { LOAD_RUN, LOAD_HELP, LOAD_VERSION, LOAD_LIST_METHODS, LOAD_COMPARE } what;
    const char *compare[2];

    struct load_asked
        asked; /* 0 where it was not said, until load_options_read() has put the default there */
    bool http;
    struct load_calls_method methods[LOAD_CALLS_METHODS_MAX];
    size_t n_methods;
    const char *cookie_file;
    enum load_pick_kind cookie_pick;
    enum load_pick_kind *last_pick; /* what --pick speaks of: the file named last */
    struct qn_header headers[LOAD_HEADERS_MAX];
    size_t n_headers;
    const char *caller;
    bool callers; /* what stands in cookie_file are callers */
    const char *tls_certificate_file, *tls_key_file, *tls_ca_file;

    bool realtime;
    bool find_max;
    struct load_slo slos[LOAD_SLO_MAX];
    size_t n_slos;

    const char *json, *csv, *hgrm, *html;
    bool quiet;
    const char *watch_db, *watch_role;
    const char *scrapes[LOAD_SCRAPES_MAX];
    size_t n_scrapes;
    struct load_at_option at[LOAD_AT_MAX];
    size_t n_at;
};

/* Views of argv stay in 'ret_options'. QN_INVALID_ARGUMENT: 'err' says what is wrong and what is allowed;
 * either way load_options_free() is due. */
QN_MUST_USE enum qn_status load_options_read(int argc, char **argv, struct load_options *ret_options,
                                             struct qn_error *err);
void load_options_free(struct load_options *options);

void load_options_help(struct qn_buf *to);

/* options_table.c: one option. */
struct load_option {
    const char *name;   /* "rate" */
    const char *values; /* "N" for the help; NULL: it takes none */
    unsigned n_values;
    const char *help;
    /* Takes note of it. The message need not name the option. */
    enum qn_status (*take)(struct load_options *options, char *const *values, struct qn_error *err);
};
extern const struct load_option load_option_table[];
extern const size_t load_option_count;

#endif
