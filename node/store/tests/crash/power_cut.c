/* A disk that keeps nothing but what was synced. Preloaded into a writer; see power.rs.
 *
 * fsync and fdatasync copy the file aside, into $POWER_CUT_ASIDE, under its inode number. After
 * the cut, the test puts the copies in the place of the files. Renames and unlinks are durable at
 * once; what they remove takes its copy along, so that its inode may be used again.
 * $POWER_CUT_DEAF names a call that is to do nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void name(char *path, ino_t inode, const char *suffix) {
    snprintf(path, 4096, "%s/%llu%s", getenv("POWER_CUT_ASIDE"), (unsigned long long)inode, suffix);
}

static int copy_aside(int fd, const char *call) {
    char from[64], turn[64], half[4096], copy[4096];
    const char *deaf = getenv("POWER_CUT_DEAF");
    struct stat st;
    if (fstat(fd, &st) != 0) return -1;
    if (!S_ISREG(st.st_mode) || (deaf && strcmp(deaf, call) == 0)) return 0;
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    snprintf(turn, sizeof turn, ".half%ld", syscall(SYS_gettid));
    name(half, st.st_ino, turn);
    name(copy, st.st_ino, "");
    int in = open(from, O_RDONLY), out = open(half, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0) abort();
    ssize_t n;
    while ((n = sendfile(out, in, NULL, 1 << 30)) > 0) {}
    /* The system call: a cut in the middle of copying leaves the copy before. */
    if (n < 0 || close(in) || close(out) || syscall(SYS_rename, half, copy)) abort();
    return 0;
}

static void forget(const char *path) {
    char copy[4096];
    struct stat st;
    if (lstat(path, &st) != 0) return;
    name(copy, st.st_ino, "");
    syscall(SYS_unlink, copy);
}

int fsync(int fd) { return copy_aside(fd, "fsync"); }
int fdatasync(int fd) { return copy_aside(fd, "fdatasync"); }
int unlink(const char *path) { forget(path); return syscall(SYS_unlink, path); }
int rename(const char *from, const char *to) { forget(to); return syscall(SYS_rename, from, to); }
