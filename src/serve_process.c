/*
 * The process as the kernel sees it. Handlers only do what is async-signal-safe: the drain is a
 * flag and a wake-up, the backtrace goes straight to a descriptor that was opened at start.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "serve.h"
#include "stacgate/config.h"
#include "stacgate/http.h"
#include "stacgate/log.h"

enum { FRAMES_MAX = 64, CRASH_STACK = 65536 };

void process_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
            log_msg(LOG_WARN, "descriptors", "RLIMIT_NOFILE: %s", strerror(errno));
    }
    if (!config.core) {
        /* 1 and not 0: a core pattern that is a pipe ignores 0, but 1 stops it (core(5)); a file
         * needs more than a byte anyway. */
        struct rlimit core = {1, 1};
        setrlimit(RLIMIT_CORE, &core);
    }
}

/* ---- crashes ---- */

static int crash_fd = STDERR_FILENO;

static void put(const char *text)
{
    ssize_t ignored = write(crash_fd, text, strlen(text));
    (void)ignored;
}

static void on_crash(int sig)
{
    void *frames[FRAMES_MAX];

    put("stacgate: ");
    put(sig == SIGABRT   ? "aborted"
        : sig == SIGSEGV ? "invalid memory access"
        : sig == SIGBUS  ? "bus error"
                         : "fatal signal");
    put(", version " STACGATE_VERSION ", backtrace:\n");
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), crash_fd);
    raise(sig); /* SA_RESETHAND: the default now, which tells the parent the truth */
}

void process_catch_crashes(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    static uint8_t stack[CRASH_STACK];
    struct sigaction action = {.sa_handler = on_crash,
                               .sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER},
                     now;
    void *frames[1];

    if (config.log_file) {
        int fd = open(config.log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        crash_fd = fd >= 0 ? fd : STDERR_FILENO;
    }
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
    backtrace(frames, 1); /* the first call loads libgcc, which a handler must not */
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (sigaction(signals[i], NULL, &now) == 0 &&
            now.sa_handler == SIG_DFL) /* a sanitizer has its own */
            sigaction(signals[i], &action, NULL);
}

/* ---- the way to stop ---- */

static atomic_int stops;
static atomic_bool running;

static void on_stop(int sig)
{
    (void)sig;
    if (atomic_fetch_add(&stops, 1) > 0 && !atomic_load(&running))
        _exit(EXIT_FAILED); /* asked twice before there is anything to drain; a cluster left behind
                               is adopted by the next start */
    runtime_drain();
}

static void on_reload(int sig)
{
    (void)sig;
    http_reload();
}

/* Without a certificate there is nothing to read again: a terminal that closes ends the server. */
void process_catch_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};

    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        bool reload = signals[i] == SIGHUP && config.tls_cert;
        action.sa_handler = reload ? on_reload : on_stop;
        sigaction(signals[i], &action, NULL);
    }
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL); /* a peer that is gone is an EPIPE */
}

bool process_stopping(void)
{
    return atomic_load(&stops) > 0;
}

void process_running(bool on)
{
    atomic_store(&running, on);
}
