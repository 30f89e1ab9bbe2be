#include "tests/load/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/core/log.h"
#include "tests/load/engine/run.h"
#include "tests/load/options.h"
#include "tests/load/report/compare.h"
#include "tests/load/report/report.h"

enum { HELP_MAX = 64 * 1024 };

/* Reports to files. They are opened before the run: one that cannot be written is told before ten minutes are
 * spent. */
struct outputs {
    struct {
        const char *path;
        bool (*report)(FILE *to, const struct load_result *result);
        FILE *file;
    } all[4];
};

enum { N_OUTPUTS = 4 };

static bool outputs_open(struct outputs *outputs, const struct load_options *options)
{
    *outputs = (struct outputs){{{options->json, load_report_json},
                                 {options->csv, load_report_csv},
                                 {options->hgrm, load_report_hgrm},
                                 {options->html, load_report_html}}};
    for (int i = 0; i < N_OUTPUTS; i++) {
        const char *path = outputs->all[i].path;
        if (!path)
            continue;
        outputs->all[i].file = fopen(path, "we");
        if (!outputs->all[i].file) {
            fprintf(stderr, "quintet-load: %s: %s\n", path, strerror(errno));
            return false;
        }
    }
    return true;
}

static bool outputs_write(struct outputs *outputs, const struct load_result *result)
{
    bool good = true;
    for (int i = 0; i < N_OUTPUTS; i++)
        if (outputs->all[i].file && !outputs->all[i].report(outputs->all[i].file, result)) {
            fprintf(stderr, "quintet-load: %s: %s\n", outputs->all[i].path, strerror(errno));
            good = false;
        }
    return good;
}

static void outputs_close(struct outputs *outputs)
{
    for (int i = 0; i < N_OUTPUTS; i++)
        if (outputs->all[i].file)
            fclose(outputs->all[i].file);
}

static int run(struct load_options *options, struct load_calls *calls)
{
    struct load_result result;
    struct outputs outputs;
    struct qn_error err = {0};
    int code = LOAD_EXIT_BAD_USE;
    load_run_settle(options, calls);
    if (outputs_open(&outputs, options)) {
        if (load_run(options, calls, &result, &err) == QN_OK) {
            bool met = load_slo_check(&result);
            bool written = outputs_write(&outputs, &result);
            if (!options->quiet)
                load_report_table(stdout, &result);
            code = !written         ? LOAD_EXIT_BAD_USE
                   : result.is_void ? LOAD_EXIT_VOID
                   : met            ? LOAD_EXIT_GOOD
                                    : LOAD_EXIT_SLO;
        } else {
            fprintf(stderr, "quintet-load: %s\n", err.message);
        }
        load_result_fini(&result);
    }
    outputs_close(&outputs);
    return code;
}

static int prepare_and_run(struct load_options *options, const struct qn_service *const *services,
                           size_t n_services)
{
    struct load_calls *calls;
    struct qn_error err = {0};
    struct load_calls_options wanted = {
        .services = services,
        .n_services = n_services,
        .http = options->http,
        .methods = options->methods,
        .n_methods = options->n_methods,
        .cookie_file = options->cookie_file,
        .cookie_pick = options->cookie_pick,
        .seed = options->asked.seed,
    };
    if (load_calls_open(&wanted, &calls, &err) != QN_OK) {
        fprintf(stderr, "quintet-load: %s\n", err.message);
        return LOAD_EXIT_BAD_USE;
    }
    int code = run(options, calls);
    load_calls_close(calls);
    return code;
}

static void help(void)
{
    struct qn_buf text;
    qn_buf_init(&text, HELP_MAX);
    load_options_help(&text);
    fwrite(qn_buf_view(&text).ptr, 1, text.len, stdout);
    qn_buf_fini(&text);
}

static void list_methods(const struct qn_service *const *services, size_t n_services)
{
    static const char *const access[] = {"internal", "anyone", "session"};
    for (size_t i = 0; i < n_services; i++)
        for (size_t k = 0; k < services[i]->n_methods; k++) {
            const struct qn_method *method = services[i]->methods[k];
            printf("%-58s %-8s%s\n", method->path, access[method->access],
                   method->batchable ? "  batchable" : "");
        }
}

static int dispatch(struct load_options *options, const struct qn_service *const *services, size_t n_services)
{
    switch (options->what) {
    case LOAD_HELP:
        help();
        return LOAD_EXIT_GOOD;
    case LOAD_VERSION:
        printf("quintet-load %s\n", QN_VERSION);
        return LOAD_EXIT_GOOD;
    case LOAD_LIST_METHODS:
        list_methods(services, n_services);
        return LOAD_EXIT_GOOD;
    case LOAD_COMPARE:
        return load_compare(stdout, options->compare[0], options->compare[1]);
    case LOAD_RUN:
    default:
        return prepare_and_run(options, services, n_services);
    }
}

int load_program(int argc, char **argv, const struct qn_service *const *services, size_t n_services)
{
    struct load_options options;
    struct qn_error err = {0};
    /* The client's own warnings would be a line for each call that fails; the report counts them. */
    qn_log_setup("quintet-load", QN_ERROR, false);
    signal(SIGPIPE, SIG_IGN);
    int code = LOAD_EXIT_BAD_USE;
    if (load_options_read(argc, argv, &options, &err) == QN_OK)
        code = dispatch(&options, services, n_services);
    else
        fprintf(stderr, "quintet-load: %s\n", err.message);
    load_options_free(&options);
    return code;
}
