#include "tests/harness/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* QN_BUILD_DIR: from CMakeLists.txt. */

enum {
    LIMIT_MS = 30000,     /* for a start or an end that hangs; never a measure */
    ANSWER_MS = 10000,    /* of one GET */
    GLANCE_MS = 5,        /* between two looks at something that does not ring */
    ENVIRONMENT_MAX = 64, /* what a test and the harness set */
    ARGUMENTS_MAX = 32,
    FIRST_FD = 3 /* SD_LISTEN_FDS_START */
};

struct harness_service {
    char program[64];
    pid_t pid; /* 0 once it has been waited for */
    int outcome;
    uint16_t admin_port, http_port;
    int http_fd; /* held for those that come after; -1 when it is not */
    char log[128];
    struct harness_service *next;
};

static struct harness_service *services;
static pid_t owner; /* children of the test must not clean up behind it */
static char folder[32];

static void print_log(const struct harness_service *service)
{
    FILE *log = fopen(service->log, "r");
    fprintf(stderr, "--- %s:\n", service->program);
    for (int c; log && (c = fgetc(log)) != EOF;)
        fputc(c, stderr);
    if (log)
        fclose(log);
}

static _Noreturn __attribute__((format(printf, 2, 3))) void fail(const struct harness_service *service,
                                                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "harness/service: %s: ", service ? service->program : "");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    for (const struct harness_service *s = services; s; s = s->next)
        print_log(s);
    exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void glance(void)
{
    poll(NULL, 0, GLANCE_MS);
}

/* Folders and texts. */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static void clean_up(void)
{
    if (getpid() != owner)
        return;
    for (struct harness_service *s = services; s; s = s->next) {
        if (s->pid > 0) {
            kill(s->pid, SIGKILL);
            waitpid(s->pid, NULL, 0);
        }
    }
    while (services) {
        struct harness_service *next = services->next;
        free(services);
        services = next;
    }
    if (folder[0])
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void own(void)
{
    if (owner == 0) {
        owner = getpid();
        atexit(clean_up);
    }
}

const char *harness_folder(void)
{
    own();
    if (folder[0] == '\0') {
        snprintf(folder, sizeof(folder), "/tmp/quintet-test.XXXXXX");
        if (mkdtemp(folder) == NULL)
            fail(NULL, "mkdtemp: %s", strerror(errno));
    }
    return folder;
}

/* Kept in a list that ends with the process, so that leak checkers see them held. */
struct text {
    struct text *next;
    char content[];
};

const char *harness_text(const char *format, ...)
{
    static struct text *texts;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    struct text *text = malloc(sizeof(*text) + (size_t)len + 1);
    if (text == NULL)
        fail(NULL, "no memory");
    va_start(args, format);
    vsnprintf(text->content, (size_t)len + 1, format, args);
    va_end(args);
    text->next = texts;
    texts = text;
    return text->content;
}

/* Starting. */

static int listen_on_free_port(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail(NULL, "no listening socket: %s", strerror(errno));
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* In the child, where nothing may be allocated: other threads of the test may have held malloc's lock at the
 * fork. */
static void write_pid(char *to, pid_t pid)
{
    char digits[16];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid > 0);
    while (n > 0)
        *to++ = digits[--n];
    *to = '\0';
}

static _Noreturn void become(const char *path, char *const *arguments, char *const *environment,
                             char *pid_text, const int *sockets, size_t n_sockets, int log, pid_t parent,
                             int network)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    if (network != 0 && setns(network, CLONE_NEWNET) != 0)
        _exit(125);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
    /* Out of the way first: a socket may itself stand where another belongs. */
    int moved[2];
    for (size_t i = 0; i < n_sockets; i++)
        moved[i] = fcntl(sockets[i], F_DUPFD, 64);
    for (size_t i = 0; i < n_sockets; i++)
        dup2(moved[i], FIRST_FD + (int)i);
    for (int fd = FIRST_FD + (int)n_sockets; fd < 1024; fd++)
        close(fd);
    write_pid(pid_text, getpid());
    execve(path, arguments, environment);
    _exit(127);
}

/* The http socket to hand over, which the caller closes. */
static int http_socket(struct harness_service *service, const struct harness_service_options *options)
{
    const struct harness_service *before = options->http_of;
    if (before && before->http_fd < 0)
        fail(service, "the http socket of the service before was not held");
    int fd = before ? fcntl(before->http_fd, F_DUPFD_CLOEXEC, 0) : listen_on_free_port(&service->http_port);
    if (before)
        service->http_port = before->http_port;
    if (before || options->hold_http)
        service->http_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || ((before || options->hold_http) && service->http_fd < 0))
        fail(service, "no second descriptor for a socket: %s", strerror(errno));
    return fd;
}

struct harness_service *harness_service_start(const struct harness_service_options *options)
{
    own();
    struct harness_service *service = calloc(1, sizeof(*service));
    if (service == NULL)
        fail(NULL, "no memory");
    service->next = services;
    services = service;
    snprintf(service->program, sizeof(service->program), "%s", options->program);
    static unsigned n_started;
    snprintf(service->log, sizeof(service->log), "%s/%u-%s.log", harness_folder(), ++n_started,
             options->program);

    char path[512], pid_text[32] = "LISTEN_PID=";
    snprintf(path, sizeof(path), "%s/bin/%s", QN_BUILD_DIR, options->program);
    if (access(path, X_OK) != 0)
        fail(service, "%s is not built", path);

    const char *arguments[ARGUMENTS_MAX + 2] = {path};
    for (size_t i = 0; options->arguments && options->arguments[i]; i++) {
        if (i == ARGUMENTS_MAX)
            fail(service, "too many arguments");
        arguments[i + 1] = options->arguments[i];
    }

    int sockets[2];
    size_t n_sockets = 0;
    sockets[n_sockets++] = listen_on_free_port(&service->admin_port);
    service->http_fd = -1;
    if (options->http)
        sockets[n_sockets++] = http_socket(service, options);

    const char *environment[ENVIRONMENT_MAX + 8];
    size_t n = 0;
    environment[n++] = pid_text;
    environment[n++] = options->http ? "LISTEN_FDS=2" : "LISTEN_FDS=1";
    environment[n++] = options->http ? "LISTEN_FDNAMES=admin:http" : "LISTEN_FDNAMES=admin";
    static const char *const kept[] = {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                                       "LSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (getenv(kept[i]))
            environment[n++] = harness_text("%s=%s", kept[i], getenv(kept[i]));
    for (size_t i = 0; options->environment && options->environment[i]; i++) {
        if (i == ENVIRONMENT_MAX)
            fail(service, "too large an environment");
        environment[n++] = options->environment[i];
    }
    environment[n] = NULL;

    int log = open(service->log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        fail(service, "%s: %s", service->log, strerror(errno));
    pid_t parent = getpid();
    service->pid = fork();
    if (service->pid < 0)
        fail(service, "fork: %s", strerror(errno));
    if (service->pid == 0)
        become(path, (char *const *)arguments, (char *const *)environment, strchr(pid_text, '=') + 1, sockets,
               n_sockets, log, parent, options->network);
    close(log);
    for (size_t i = 0; i < n_sockets; i++)
        close(sockets[i]);
    return service;
}

/* Looking. */

/* Takes note of an end; true while it runs. */
static bool running(struct harness_service *service)
{
    int status;
    if (service->pid > 0 && waitpid(service->pid, &status, WNOHANG) == service->pid) {
        service->outcome = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        service->pid = 0;
    }
    return service->pid > 0;
}

/* The whole answer to a GET, NUL-terminated; NULL when there is none. */
static char *exchange(uint16_t port, const char *path)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
    char request[512];
    int request_len =
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n", path, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    char *answer = NULL;
    size_t len = 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, request, (size_t)request_len, MSG_NOSIGNAL) == request_len) {
        ssize_t got;
        do {
            answer = realloc(answer, len + 65536 + 1);
            if (answer == NULL)
                fail(NULL, "no memory");
            got = recv(fd, answer + len, 65536, 0);
            len += got > 0 ? (size_t)got : 0;
        } while (got > 0);
        answer[len] = '\0';
    }
    close(fd);
    return answer;
}

int harness_service_get(struct harness_service *service, const char *path, char **ret_body)
{
    char *answer = running(service) ? exchange(service->admin_port, path) : NULL;
    static const char version[] = "HTTP/1.1 ";
    char *head_end = answer ? strstr(answer, "\r\n\r\n") : NULL;
    bool whole = head_end && strncmp(answer, version, strlen(version)) == 0;
    int status = whole ? (int)strtol(answer + strlen(version), NULL, 10) : 0;
    if (ret_body)
        *ret_body = strdup(status ? head_end + 4 : "");
    free(answer);
    return status;
}

bool harness_service_ready(struct harness_service *service)
{
    return harness_service_get(service, "/readyz", NULL) == 200;
}

void harness_service_await(struct harness_service *service, bool want)
{
    for (uint64_t end = now_ms() + LIMIT_MS; harness_service_ready(service) != want; glance()) {
        if (!running(service))
            fail(service, "ended (%d) before it was %s", service->outcome, want ? "ready" : "seen not ready");
        if (now_ms() > end)
            fail(service, "still %s after %d ms", want ? "not ready" : "ready", LIMIT_MS);
    }
}

double harness_service_metric(struct harness_service *service, const char *series)
{
    char *body;
    double value = -1;
    size_t len = strlen(series);
    if (harness_service_get(service, "/metrics", &body) == 200) {
        for (const char *line = body; line; line = strchr(line, '\n')) {
            line += line[0] == '\n';
            if (strncmp(line, series, len) == 0 && line[len] == ' ')
                value = strtod(line + len, NULL);
        }
    }
    free(body);
    return value;
}

uint16_t harness_service_admin_port(const struct harness_service *service)
{
    return service->admin_port;
}

uint16_t harness_service_http_port(const struct harness_service *service)
{
    return service->http_port;
}

pid_t harness_service_pid(const struct harness_service *service)
{
    return service->pid;
}

char *harness_service_log(struct harness_service *service)
{
    FILE *file = fopen(service->log, "r");
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (file == NULL || to == NULL)
        fail(service, "%s: %s", service->log, strerror(errno));
    for (int c; (c = fgetc(file)) != EOF;)
        fputc(c, to);
    fclose(file);
    fclose(to);
    return text;
}

bool harness_service_logged(struct harness_service *service, const char *text)
{
    char *log = harness_service_log(service);
    bool found = strstr(log, text) != NULL;
    free(log);
    return found;
}

/* Ending. */

void harness_service_signal(struct harness_service *service, int signal)
{
    if (service->pid > 0)
        kill(service->pid, signal);
}

int harness_service_wait(struct harness_service *service)
{
    for (uint64_t end = now_ms() + LIMIT_MS; running(service); glance())
        if (now_ms() > end)
            fail(service, "did not end within %d ms", LIMIT_MS);
    return service->outcome;
}

int harness_service_stop(struct harness_service *service)
{
    harness_service_signal(service, SIGTERM);
    return harness_service_wait(service);
}
