#include "services/media/picture/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/core/check.h"

/* Descriptors 0 to 3 are open: nothing, nothing, the service's stderr, the pool. */
enum { FDS_MAX = 4 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

static void limit(int what, rlim_t most)
{
    const struct rlimit both = {most, most};
    /* Lowering what one has cannot fail; where the hard limit is lower already, that one stays. */
    setrlimit(what, &both);
}

void media_cage_begin(void)
{
    /* Raising one's own is allowed to everybody. A system without /proc has no such preference. */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t written = write(fd, "1000", 4);
        (void)written;
        close(fd);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
}

void media_cage_allow_cpu(uint64_t seconds)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    const struct rlimit until = {(rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1 + seconds,
                                 RLIM_INFINITY};
    setrlimit(RLIMIT_CPU, &until);
}

#if !defined(SANITIZED) && (defined(__x86_64__) || defined(__aarch64__))

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field)         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARGUMENT(n)    LOAD(args[n]) /* its lower half: both processors are little-endian */
#define ANSWER(what)        BPF_STMT(BPF_RET | BPF_K, (what))
#define IF(value, then)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), ANSWER(then)
#define UNLESS(value, then) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0), ANSWER(then)
#define ALLOW(call)         IF(__NR_##call, SECCOMP_RET_ALLOW)
#define REFUSE              (SECCOMP_RET_ERRNO | EPERM)

/* Only with this as its argument of that number. */
#define ALLOW_IF(call, n, value)                                                                             \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 4), LOAD_ARGUMENT(n),                                \
        IF((value), SECCOMP_RET_ALLOW), ANSWER(REFUSE)

static bool filter_calls(void)
{
    const uint32_t self = (uint32_t)getpid();
    struct sock_filter calls[] = {
        LOAD(arch),
        UNLESS(ARCHITECTURE, SECCOMP_RET_KILL_PROCESS), /* numbers mean something else there */
        LOAD(nr),
        /* the pool, and a last word on stderr */
        ALLOW(read),
        ALLOW(write),
        ALLOW(close),
        /* memory */
        ALLOW(mmap),
        ALLOW(munmap),
        ALLOW(mremap),
        ALLOW(mprotect),
        ALLOW(madvise),
        ALLOW(brk),
        /* threads, and their end */
        ALLOW(futex),
        ALLOW(set_robust_list),
        ALLOW(rseq),
        ALLOW(membarrier),
        ALLOW(sched_yield),
        ALLOW(sched_getaffinity),
        ALLOW(rt_sigaction),
        ALLOW(rt_sigprocmask),
        ALLOW(rt_sigreturn),
        ALLOW(sigaltstack),
        ALLOW(restart_syscall),
        ALLOW(exit),
        ALLOW(exit_group),
        ALLOW(getpid),
        ALLOW(gettid),
        ALLOW_IF(tgkill, 0,
                 self), /* abort(); whoever started us has the same user, and must not be reached */
        /* clocks, randomness, what one has used */
        ALLOW(clock_gettime),
        ALLOW(clock_nanosleep),
        ALLOW(gettimeofday),
        ALLOW(getrandom),
        ALLOW(getrusage),
        ALLOW_IF(prlimit64, 0, 0), /* its own */
        /* glibc then takes clone(), whose flags can be read here: a thread, no process */
        IF(__NR_clone3, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4),
        LOAD_ARGUMENT(0),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        ANSWER(SECCOMP_RET_ALLOW),
        ANSWER(REFUSE),
        ALLOW_IF(prctl, 0, PR_SET_NAME),
        ANSWER(REFUSE),
    };
    const struct sock_fprog program = {.len = QN_COUNT(calls), .filter = calls};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#else

static bool filter_calls(void)
{
#ifdef SANITIZED
    return true;
#else
    return false;
#endif
}

#endif

bool media_cage_shut(void)
{
#ifndef SANITIZED
    limit(RLIMIT_DATA, MEDIA_CAGE_DATA_BYTES);
    limit(RLIMIT_AS, MEDIA_CAGE_SPACE_BYTES);
#endif
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, FDS_MAX);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
    return filter_calls();
}
