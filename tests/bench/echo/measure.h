#ifndef QN_TESTS_BENCH_ECHO_MEASURE_H
#define QN_TESTS_BENCH_ECHO_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

/* How both echoes are measured, ours in C and gRPC's in C++, so that neither is measured more kindly: a
 * closed loop's options, latencies, CPU time of the two processes, and the one line of JSON that a client
 * prints. Included by one file of a program; one thread. */

/* Latencies in ns, in buckets of a 64th of a power of two: a value read back is off by 1.6% at most. */
enum { MEASURE_PARTS = 64, MEASURE_BUCKETS = 64 * MEASURE_PARTS };

struct measure_options {
    const char *verb;    /* "server" or "client" */
    const char *address; /* as the program's own library writes it */
    const char *method;  /* "echo"; the client of an rpc that batches takes "many" as well */
    pid_t server_pid;
    size_t in_flight;
    size_t payload_bytes;
    double warmup_s, seconds;
};

struct measure {
    uint64_t count, buckets[MEASURE_BUCKETS];
    uint64_t begin_ns, client_cpu_ns, server_cpu_ns; /* where it began; 0: still warming up */
    clockid_t server_clock;
};

static inline uint64_t measure_clock_ns(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) {
        perror("clock");
        exit(1);
    }
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t measure_now_ns(void)
{
    return measure_clock_ns(CLOCK_MONOTONIC);
}

static inline size_t measure_bucket(uint64_t ns)
{
    if (ns < MEASURE_PARTS)
        return (size_t)ns;
    int shift = 63 - __builtin_clzll(ns) - 6; /* 6 bits remain behind the leading one */
    return (size_t)(shift + 1) * MEASURE_PARTS + (size_t)((ns >> shift) - MEASURE_PARTS);
}

/* The middle of a bucket. */
static inline double measure_value(size_t bucket)
{
    if (bucket < MEASURE_PARTS)
        return (double)bucket;
    int shift = (int)(bucket / MEASURE_PARTS) - 1;
    return ((double)(bucket % MEASURE_PARTS + MEASURE_PARTS) + 0.5) * (double)(UINT64_C(1) << shift);
}

static inline double measure_at_us(const struct measure *m, double quantile)
{
    uint64_t wanted = (uint64_t)((double)m->count * quantile), seen = 0;
    for (size_t i = 0; i < MEASURE_BUCKETS; i++) {
        seen += m->buckets[i];
        if (seen > wanted)
            return measure_value(i) / 1000;
    }
    return 0;
}

/* A call that began at 'begun_ns' has ended. Not counted while warming up. */
static inline void measure_call(struct measure *m, uint64_t begun_ns)
{
    if (m->begin_ns == 0)
        return;
    m->count++;
    m->buckets[measure_bucket(measure_now_ns() - begun_ns)]++;
}

/* CPU time is read from the processes' own clocks (every thread of theirs, user and system, in ns). */
static inline void measure_begin(struct measure *m, const struct measure_options *opt)
{
    if (clock_getcpuclockid(opt->server_pid, &m->server_clock) != 0) {
        fprintf(stderr, "no such server process: %d\n", (int)opt->server_pid);
        exit(1);
    }
    m->client_cpu_ns = measure_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    m->server_cpu_ns = measure_clock_ns(m->server_clock);
    m->begin_ns = measure_now_ns();
}

static inline void measure_end(const struct measure *m, const struct measure_options *opt,
                               const char *library)
{
    double took_s = (double)(measure_now_ns() - m->begin_ns) / 1e9, calls = (double)m->count;
    double client = (double)(measure_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - m->client_cpu_ns) / 1e3 / calls;
    double server = (double)(measure_clock_ns(m->server_clock) - m->server_cpu_ns) / 1e3 / calls;
    printf("{\"library\":\"%s\",\"method\":\"%s\",\"address\":\"%s\",\"in_flight\":%zu,"
           "\"payload_bytes\":%zu,\"seconds\":%.2f,\"calls\":%.0f,\"rate\":%.0f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"client_cpu_us\":%.2f,\"server_cpu_us\":%.2f}\n",
           library, opt->method, opt->address, opt->in_flight, opt->payload_bytes, took_s, calls,
           calls / took_s, measure_at_us(m, 0.5), measure_at_us(m, 0.99), client, server);
    fflush(stdout);
}

static inline double measure_number(const char *name, const char *text, double least, double most)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= least && number <= most)) {
        fprintf(stderr, "%s: \"%s\" is not allowed; a number from %g to %g\n", name, text, least, most);
        exit(2);
    }
    return number;
}

/* server ADDRESS | client ADDRESS --server-pid N [--in-flight N] [--seconds N] [--warmup N] [--payload N]
 * [--method NAME]. Ends the process on anything else. */
static inline void measure_options_read(int argc, char **argv, struct measure_options *opt)
{
    memset(opt, 0, sizeof(*opt));
    opt->method = "echo", opt->in_flight = 1, opt->payload_bytes = 100, opt->seconds = 5, opt->warmup_s = 1;
    bool odd = argc % 2 == 0;
    if (argc < 3 || odd || (strcmp(argv[1], "server") != 0 && strcmp(argv[1], "client") != 0)) {
        fprintf(stderr,
                "%s server ADDRESS\n%s client ADDRESS --server-pid N [--in-flight 1] [--seconds 5] "
                "[--warmup 1] [--payload 100] [--method echo]\n",
                argv[0], argv[0]);
        exit(2);
    }
    opt->verb = argv[1], opt->address = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        const char *name = argv[i], *text = argv[i + 1];
        if (strcmp(name, "--server-pid") == 0) {
            opt->server_pid = (pid_t)measure_number(name, text, 1, 1 << 22);
        } else if (strcmp(name, "--in-flight") == 0) {
            opt->in_flight = (size_t)measure_number(name, text, 1, 4096);
        } else if (strcmp(name, "--payload") == 0) {
            opt->payload_bytes = (size_t)measure_number(name, text, 0, 1 << 20);
        } else if (strcmp(name, "--seconds") == 0) {
            opt->seconds = measure_number(name, text, 0.1, 600);
        } else if (strcmp(name, "--warmup") == 0) {
            opt->warmup_s = measure_number(name, text, 0, 60);
        } else if (strcmp(name, "--method") == 0) {
            opt->method = text;
        } else {
            fprintf(stderr, "%s: no such option\n", name);
            exit(2);
        }
    }
    if (strcmp(opt->verb, "client") == 0 && opt->server_pid == 0) {
        fputs("--server-pid is missing: whose CPU time is to be read?\n", stderr);
        exit(2);
    }
}

#endif
