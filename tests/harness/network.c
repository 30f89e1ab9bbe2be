#include "tests/harness/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/daemon.h"
#include "tests/harness/service.h"
#include "tests/harness/slow_link.h"

/* A host's end of its cable is eth0, the router's is h<number>. A slow cable stands beside it, slow0 and
 * s<number>, and takes over by a route at each end: addresses, and so connections, stay. */

enum {
    FIRST_NUMBER = 2, /* 10.77.0.1 is the router */
    HOSTS_MAX = 32,
    NAMES_MAX = 32,
    NAME_SERVER_PORT = 53,
    GLANCE_US = 5000,
    GLANCES_MAX = 6000, /* half a minute */
};

struct network_host {
    int number, namespace;
    char address[32];
    struct slow_link *slow; /* NULL: its cable is a good one */
};

static struct network_host hosts[HOSTS_MAX];
static size_t n_hosts;

static struct name {
    char name[64], lines[1024]; /* of a hosts file */
} names[NAMES_MAX];
static size_t n_names;

static int router;               /* its namespace: the test's */
static const char *log_path;     /* what ip, nft and dnsmasq say */
static const char *records_path; /* the name server's */
static struct network_host *name_server;
static pid_t dnsmasq, owner;

/* Running things. */

static void enter(int namespace)
{
    if (setns(namespace, CLONE_NEWNET) != 0)
        harness_daemon_fail(NULL, "network: cannot enter a namespace: %s", strerror(errno));
}

static pid_t spawn(int namespace, const char *const argv[])
{
    fflush(NULL);
    pid_t test = getpid(), pid = fork();
    if (pid < 0)
        harness_daemon_fail(NULL, "network: fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (getppid() != test || log < 0 || setns(namespace, CLONE_NEWNET) != 0)
        _exit(126);
    dup2(log, 1);
    dup2(log, 2);
    execv(argv[0], (char *const *)argv); /* execv() changes none of them */
    _exit(127);
}

/* A shell's commands, each of which must succeed. */
static void __attribute__((format(printf, 2, 3))) run(int namespace, const char *format, ...)
{
    char commands[4096] = "PATH=$PATH:/usr/sbin:/sbin; set -x; ";
    size_t len = strlen(commands);
    va_list args;
    va_start(args, format);
    vsnprintf(commands + len, sizeof commands - len, format, args);
    va_end(args);
    pid_t pid = spawn(namespace, (const char *const[]){"/bin/sh", "-ec", commands, NULL});
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        harness_daemon_fail(log_path, "network: a command failed:");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        harness_daemon_fail(NULL, "network: cannot write %s: %s", path, strerror(errno));
}

/* The beginning. */

/* Rights that a program keeps when it becomes another: ip and nft need them, the last one to be shown our
 * namespaces by descriptor. */
static bool keep_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    static const int wanted[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_SYS_ADMIN,
                                 CAP_SYS_PTRACE};
    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        data[CAP_TO_INDEX(wanted[i])].inheritable |= CAP_TO_MASK(wanted[i]);
    if (syscall(SYS_capset, &header, data) != 0)
        return false;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, wanted[i], 0, 0) != 0)
            return false;
    return true;
}

/* Who is not root stays who he is, and may do what root may, with what belongs to the new namespaces. */
static bool leave_the_machines_network(void)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    if (user == 0)
        return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0)
        return false;
    char map[64];
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1\n", user, user);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1\n", group, group);
    write_file("/proc/self/gid_map", map);
    return keep_rights();
}

/* A file of ours in the place of the machine's, as our mount namespace sees it. */
static void cover(const char *path, const char *text)
{
    const char *own = harness_text("%s/%s", harness_folder(), strrchr(path, '/') + 1);
    write_file(own, text);
    if (mount(own, path, NULL, MS_BIND, NULL) != 0)
        harness_daemon_fail(NULL, "network: cannot cover %s: %s", path, strerror(errno));
}

static void start_router(void)
{
    router = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    write_file("/proc/sys/net/ipv4/ip_forward", "1\n");
    run(router, "ip link set lo up; ip address add " NETWORK_ROUTER "/32 dev lo; nft -f - <<'END'\n"
                "table inet faults {\n"
                "    set cut_off { type ipv4_addr; }\n"
                "    set resetting { type ipv4_addr; }\n"
                "    chain arrive { type filter hook prerouting priority 0;\n"
                "        ip saddr @cut_off drop; ip daddr @cut_off drop; }\n"
                "    chain leave { type filter hook postrouting priority 0; ip daddr @cut_off drop; }\n"
                "    chain pass { type filter hook forward priority 0; tcp flags & syn == 0 jump answer; }\n"
                "    chain stay { type filter hook input priority 0; tcp flags & syn == 0 jump answer; }\n"
                "    chain answer { ip saddr @resetting reject with tcp reset; ip daddr @resetting reject "
                "with tcp reset; }\n"
                "}\n"
                "END\n");
}

static void start_name_server(void)
{
    name_server = network_host();
    records_path = harness_text("%s/records", harness_folder());
    write_file(records_path, "");
    cover("/etc/resolv.conf",
          harness_text("nameserver %s\noptions timeout:1 attempts:2\n", network_address(name_server)));
    cover("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: dns\n");
    dnsmasq =
        spawn(name_server->namespace,
              (const char *const[]){"/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                                    "--pid-file=", "--no-resolv", "--no-hosts", "--user=root", "--group=root",
                                    "--local=/quintet.test/", harness_text("--addn-hosts=%s", records_path),
                                    "--cache-size=0", NULL});
    int fd;
    for (int i = 0; (fd = network_dial(name_server, name_server, NAME_SERVER_PORT)) < 0; i++) {
        if (i == GLANCES_MAX || waitpid(dnsmasq, NULL, WNOHANG) != 0)
            harness_daemon_fail(log_path, "network: dnsmasq does not start:");
        usleep(GLANCE_US);
    }
    close(fd);
}

/* Everything else goes by itself. */
static void clean_up(void)
{
    if (getpid() == owner && dnsmasq > 0)
        harness_daemon_end(dnsmasq, SIGKILL);
}

void network_begin(void)
{
    owner = getpid();
    atexit(clean_up);
    if (!leave_the_machines_network() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        harness_daemon_fail(NULL,
                            "network: this test makes network namespaces, and may not: %s. It wants root, or "
                            "user namespaces for everybody",
                            strerror(errno));
    log_path = harness_text("%s/network.log", harness_folder());
    start_router();
    start_name_server();
}

/* Hosts. */

struct network_host *network_host(void)
{
    if (n_hosts == HOSTS_MAX)
        harness_daemon_fail(NULL, "network: too many hosts");
    struct network_host *host = &hosts[n_hosts];
    host->number = FIRST_NUMBER + (int)n_hosts++;
    snprintf(host->address, sizeof host->address, "10.77.0.%d", host->number);
    if (unshare(CLONE_NEWNET) != 0)
        harness_daemon_fail(NULL, "network: no namespace for a host: %s", strerror(errno));
    host->namespace = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    enter(router);
    run(router,
        "ip link add h%d type veth peer name eth0 netns /proc/%d/fd/%d; ip link set h%d up; "
        "ip route add %s/32 dev h%d src " NETWORK_ROUTER,
        host->number, getpid(), host->namespace, host->number, host->address, host->number);
    run(host->namespace,
        "ip link set lo up; ip address add %s/32 dev eth0; ip link set eth0 up; "
        "ip route add default via " NETWORK_ROUTER " dev eth0 onlink",
        host->address);
    return host;
}

const char *network_address(const struct network_host *host)
{
    return host->address;
}

int network_namespace(const struct network_host *host)
{
    return host->namespace;
}

struct network_host *network_name_server(void)
{
    return name_server;
}

int network_dial(const struct network_host *from, const struct network_host *to, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, to->address, &address.sin_addr);
    enter(from->namespace);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enter(router);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

size_t network_connections(const struct network_host *host, uint16_t port)
{
    enum { ESTABLISHED = 1 }; /* TCP_ESTABLISHED, in the kernel's list */
    char line[256];
    unsigned own_port, state;
    size_t n = 0;
    enter(host->namespace);
    FILE *list = fopen("/proc/thread-self/net/tcp", "re");
    enter(router);
    if (list == NULL)
        harness_daemon_fail(NULL, "network: no list of connections: %s", strerror(errno));
    while (fgets(line, sizeof line, list) != NULL)
        n += sscanf(line, " %*u: %*x:%x %*x:%*x %x", &own_port, &state) == 2 && own_port == port &&
             state == ESTABLISHED;
    fclose(list);
    return n;
}

/* Names. */

static struct name *name_of(const char *text)
{
    for (size_t i = 0; i < n_names; i++)
        if (strcmp(names[i].name, text) == 0)
            return &names[i];
    if (n_names == NAMES_MAX)
        harness_daemon_fail(NULL, "network: too many names");
    snprintf(names[n_names].name, sizeof names[0].name, "%s", text);
    return &names[n_names++];
}

static void publish(void)
{
    const char *fresh = harness_text("%s.new", records_path);
    FILE *file = fopen(fresh, "we");
    for (size_t i = 0; file != NULL && i < n_names; i++)
        fputs(names[i].lines, file);
    if (file == NULL || fclose(file) != 0 || rename(fresh, records_path) != 0)
        harness_daemon_fail(NULL, "network: cannot write %s: %s", records_path, strerror(errno));
    kill(dnsmasq, SIGHUP);
}

void network_name(const char *text, struct network_host *const *list, size_t n)
{
    struct name *name = name_of(text);
    size_t len = 0;
    name->lines[0] = '\0';
    for (size_t i = 0; i < n; i++)
        len +=
            (size_t)snprintf(name->lines + len, sizeof name->lines - len, "%s %s\n", list[i]->address, text);
    publish();
}

void network_name_address(const char *text, const char *address)
{
    struct name *name = name_of(text);
    snprintf(name->lines, sizeof name->lines, "%s %s\n", address, text);
    publish();
}

/* Faults. */

void network_cut(const struct network_host *host)
{
    run(router, "nft add element inet faults cut_off '{ %s }'", host->address);
}

void network_reset(const struct network_host *host)
{
    run(router, "nft add element inet faults resetting '{ %s }'", host->address);
}

/* To add what is there already is no failure; to delete what is not, is one. */
void network_heal(const struct network_host *host)
{
    for (int i = 0; i < 2; i++) {
        const char *set = i == 0 ? "cut_off" : "resetting";
        run(router, "nft \"add element inet faults %s { %s }; delete element inet faults %s { %s }\"", set,
            host->address, set, host->address);
    }
}

void network_slow(struct network_host *host, unsigned delay_ms, unsigned loss_permille, uint64_t seed)
{
    const char *far = harness_text("s%d", host->number);
    host->slow = slow_link_open(&(const struct slow_link_options){
        .namespaces = {host->namespace, router},
        .devices = {"slow0", far},
        .delay_ms = delay_ms,
        .loss_permille = loss_permille,
        .seed = seed,
    });
    run(host->namespace, "ip link set slow0 up; ip route replace default dev slow0 src %s", host->address);
    run(router, "ip link set %s up; ip route replace %s/32 dev %s src " NETWORK_ROUTER, far, host->address,
        far);
}

uint64_t network_lost(struct network_host *host)
{
    return host->slow != NULL ? slow_link_count(host->slow).lost : 0;
}

void network_fast(struct network_host *host)
{
    run(host->namespace, "ip route replace default via " NETWORK_ROUTER " dev eth0 onlink");
    run(router, "ip route replace %s/32 dev h%d src " NETWORK_ROUTER, host->address, host->number);
    slow_link_close(host->slow);
    host->slow = NULL;
}
