/*
 * Starts a program as another user with clean signals, environment and descriptors. Between fork
 * and exec only calls that are safe there: other threads may hold any lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "store_private.h"

enum { GROUPS_MAX = 64 };

/* Its own session: Ctrl-C in the terminal is ours to handle, not the database's. */
static void become(const struct spawn *s, const gid_t *groups, int group_count)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", locale[] = "LC_ALL=C.UTF-8";
    static char *const environment[] = {path, locale, NULL};
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;

    setsid();
    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (geteuid() == 0 &&
        (setgroups((size_t)group_count, groups) < 0 || setgid(s->gid) < 0 || setuid(s->uid) < 0))
        _exit(126);

    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(s->output, 1) < 0 || dup2(s->output, 2) < 0 ||
        chdir("/") < 0)
        _exit(126);
    if (s->keep > 2) {
        if (s->keep > 3)
            close_range(3, (unsigned)s->keep - 1, 0);
        close_range((unsigned)s->keep + 1, ~0U, 0);
        fcntl(s->keep, F_SETFD, 0);
    } else {
        close_range(3, ~0U, 0);
    }
    umask(077);
    execve(s->program, s->argv, environment);
    _exit(127);
}

int spawn_process(const struct spawn *s)
{
    gid_t groups[GROUPS_MAX] = {s->gid};
    int count = GROUPS_MAX;
    struct passwd *pw = getpwuid(s->uid);

    if (!pw || getgrouplist(pw->pw_name, s->gid, groups, &count) < 0)
        count = 1;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        become(s, groups, count);
    return pid;
}

int spawn_wait(int pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
