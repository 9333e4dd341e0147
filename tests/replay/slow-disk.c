/*
 * slow-disk.c  Preloaded into the emulator: reads and writes of files on threads other than the main one take 3 ms more. So a
 * guest's requests are in flight for most of the time, although the host's page cache would answer at once.
 */
#include <dlfcn.h>
#include <errno.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void *slow(const char *name)
{
    if (gettid() != getpid()) {
        nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
    }
    return dlsym(RTLD_NEXT, name);
}

ssize_t pread64(int fd, void *buf, size_t bytes, off64_t offset)
{
    return ((ssize_t(*)(int, void *, size_t, off64_t))slow("pread64"))(fd, buf, bytes, offset);
}

ssize_t pwrite64(int fd, const void *buf, size_t bytes, off64_t offset)
{
    return ((ssize_t(*)(int, const void *, size_t, off64_t))slow("pwrite64"))(fd, buf, bytes, offset);
}

/* Nothing is in the page cache. */
ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags)
{
    (void)fd, (void)iov, (void)count, (void)offset, (void)flags;
    errno = EAGAIN;
    return -1;
}
