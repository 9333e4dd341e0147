/*
 * block/file.c  Files and block devices of the host.
 *
 * With cache.direct the host's page cache is bypassed (O_DIRECT, open(2)): what is not aligned goes through an aligned
 * buffer. Holes: lseek(2) SEEK_DATA and SEEK_HOLE, fallocate(2).
 *
 * Locking as QEMU's, so that both respect each other: open file description locks (fcntl(2)), all of them read locks,
 * on single bytes of the image: byte 100 + n: "I do n"; byte 200 + n: "nobody else may do n", with n = 0 read, 1 write,
 * 3 resize. An opener takes its bytes, then looks for opposite ones.
 */
#define _GNU_SOURCE /* O_DIRECT, fallocate(), locks of open file descriptions */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "block/block-int.h"

#define MEMORY_ALIGN 4096

typedef struct FileState {
    int fd;
    bool direct, is_device;
    unsigned align;     /* of O_DIRECT */
    GMutex modify_lock; /* unaligned writes: read, modify, write */
} FileState;

/* ---- locks ---- */

enum { BYTE_DO = 100, BYTE_DENY = 200, PERM_READ = 0, PERM_WRITE = 1, PERM_RESIZE = 3 };

static int lock_op(int fd, int op, int type, int64_t at)
{
    struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    int ret = fcntl(fd, op, &fl);
    return ret < 0 ? -errno : fl.l_type;
}

/* Is there a lock of somebody else on this byte? */
static bool lock_seen(int fd, int64_t at)
{
    return lock_op(fd, F_OFD_GETLK, F_WRLCK, at) == F_RDLCK;
}

static bool take_locks(int fd, bool write)
{
    static const int bytes[] = { BYTE_DENY + PERM_WRITE, BYTE_DENY + PERM_RESIZE, BYTE_DO + PERM_READ,
                                 BYTE_DO + PERM_WRITE, BYTE_DO + PERM_RESIZE };
    size_t count = write ? ARRAY_SIZE(bytes) : 3;
    for (size_t i = 0; i < count; i++) {
        if (lock_op(fd, F_OFD_SETLK, F_RDLCK, bytes[i]) < 0) {
            return false;
        }
    }
    return true;
}

static const char *find_conflict(int fd, bool write)
{
    static const struct {
        int number;
        const char *name, *shared;
    } kinds[] = { { PERM_WRITE, "\"write\"", "shared \"write\"" }, { PERM_RESIZE, "\"resize\"", "shared \"resize\"" } };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (write && lock_seen(fd, BYTE_DENY + kinds[i].number)) {
            return kinds[i].name;
        }
        if (lock_seen(fd, BYTE_DO + kinds[i].number)) {
            return kinds[i].shared;
        }
    }
    return NULL;
}

/* A file system without such locks is used without. */
static bool lock_image(BlockNode *bs, int fd, Error **errp)
{
    bool write = !bs->read_only;
    const char *conflict = take_locks(fd, write) ? find_conflict(fd, write) : NULL;
    if (conflict) {
        error_setg(errp, "Failed to get %s lock: is another process using the image [%s]?", conflict, bs->filename);
    }
    return !conflict;
}

static bool wants_lock(const QemuOpts *options, bool *wanted, Error **errp)
{
    const char *locking = options ? qemu_opt_get(options, "locking") : NULL;
    *wanted = !locking || strcmp(locking, "off");
    if (locking && strcmp(locking, "auto") && strcmp(locking, "on") && strcmp(locking, "off")) {
        error_setg(errp, "Parameter 'locking' does not accept value '%s'", locking);
        return false;
    }
    return true;
}

/* ---- opening ---- */

static bool check_kind(BlockNode *bs, FileState *s, Error **errp)
{
    struct stat st;
    if (fstat(s->fd, &st) < 0) {
        error_setg_errno(errp, errno, "Could not stat '%s'", bs->filename);
        return false;
    }
    s->is_device = S_ISBLK(st.st_mode);
    if (!S_ISREG(st.st_mode) && !s->is_device) {
        error_setg(errp, "'%s' driver requires '%s' to be a regular file", bs->drv->name, bs->filename);
        return false;
    }
    return true;
}

/* Some devices take 512 bytes, some want their 4096. */
static unsigned probe_align(int fd)
{
    void *buf = aligned_alloc(MEMORY_ALIGN, MEMORY_ALIGN);
    bool small = pread(fd, buf, 512, 0) >= 0;
    free(buf);
    return small ? 512 : MEMORY_ALIGN;
}

static void file_close(BlockNode *bs)
{
    FileState *s = bs->opaque;
    close(s->fd);
    g_mutex_clear(&s->modify_lock);
}

static int open_fd(const char *filename, bool read_only, bool direct)
{
    int mode = read_only ? O_RDONLY : O_RDWR;
    /* O_NONBLOCK: a FIFO without a writer is no image, and must not stop us. */
    return open(filename, mode | O_CLOEXEC | O_NONBLOCK | (direct ? O_DIRECT : 0));
}

static bool file_open(BlockNode *bs, const QemuOpts *options, int flags, Error **errp)
{
    FileState *s = bs->opaque;
    bool lock;
    if (!wants_lock(options, &lock, errp)) {
        return false;
    }
    s->direct = flags & BDRV_O_NOCACHE;
    s->fd = open_fd(bs->filename, bs->read_only, s->direct);
    if (s->fd < 0) {
        /* A directory that is opened for writing: say what is wrong with it. */
        s->fd = errno == EISDIR ? open_fd(bs->filename, true, false) : -1;
    }
    if (s->fd < 0) {
        bool no_direct = s->direct && errno == EINVAL;
        error_setg_errno(errp, errno, "Could not open '%s'%s", bs->filename,
                         no_direct ? ": filesystem does not support O_DIRECT" : "");
        return false;
    }
    g_mutex_init(&s->modify_lock);
    if (!check_kind(bs, s, errp) || (lock && !lock_image(bs, s->fd, errp))) {
        file_close(bs);
        return false;
    }
    s->align = s->direct ? probe_align(s->fd) : 1;
    return true;
}

static int64_t file_getlength(BlockNode *bs)
{
    FileState *s = bs->opaque;
    off_t end = lseek(s->fd, 0, SEEK_END);
    return end < 0 ? -errno : end;
}

/* ---- data ---- */

/* Beyond the end there are zeroes. */
static int read_all(int fd, int64_t offset, uint8_t *buf, size_t bytes)
{
    while (bytes) {
        ssize_t n = pread(fd, buf, bytes, offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            memset(buf, 0, bytes);
            return 0;
        }
        buf += n;
        offset += n;
        bytes -= n;
    }
    return 0;
}

static int write_all(int fd, int64_t offset, const uint8_t *buf, size_t bytes)
{
    while (bytes) {
        ssize_t n = pwrite(fd, buf, bytes, offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -ENOSPC;
        }
        buf += n;
        offset += n;
        bytes -= n;
    }
    return 0;
}

static bool is_aligned(const FileState *s, int64_t offset, const void *buf, size_t bytes)
{
    return !s->direct ||
           ((offset | (int64_t)bytes) % s->align == 0 && (uintptr_t)buf % MIN(s->align, MEMORY_ALIGN) == 0);
}

typedef struct Bounce {
    int64_t offset;
    size_t bytes;
    uint8_t *buf;
} Bounce;

/* The smallest aligned range around a request. */
static Bounce bounce_new(const FileState *s, int64_t offset, size_t bytes)
{
    Bounce b = { .offset = offset - offset % s->align };
    b.bytes = (offset + bytes - b.offset + s->align - 1) / s->align * s->align;
    b.buf = aligned_alloc(MEMORY_ALIGN, (b.bytes + MEMORY_ALIGN - 1) & ~(size_t)(MEMORY_ALIGN - 1));
    lockstep_assert(b.buf, "%zu bytes", b.bytes);
    return b;
}

static int read_bounced(FileState *s, int64_t offset, void *buf, size_t bytes)
{
    Bounce b = bounce_new(s, offset, bytes);
    int ret = read_all(s->fd, b.offset, b.buf, b.bytes);
    memcpy(buf, b.buf + (offset - b.offset), bytes);
    free(b.buf);
    return ret;
}

/* Two of these may touch the same aligned block: one after the other. The file may grow to a multiple of the block. */
static int write_bounced(FileState *s, int64_t offset, const void *buf, size_t bytes)
{
    Bounce b = bounce_new(s, offset, bytes);
    g_mutex_lock(&s->modify_lock);
    int ret = read_all(s->fd, b.offset, b.buf, b.bytes);
    if (ret == 0) {
        memcpy(b.buf + (offset - b.offset), buf, bytes);
        ret = write_all(s->fd, b.offset, b.buf, b.bytes);
    }
    g_mutex_unlock(&s->modify_lock);
    free(b.buf);
    return ret;
}

static int file_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    FileState *s = bs->opaque;
    return is_aligned(s, offset, buf, bytes) ? read_all(s->fd, offset, buf, bytes)
                                             : read_bounced(s, offset, buf, bytes);
}

/* What the page cache has all of (preadv2(2), RWF_NOWAIT); with O_DIRECT there is none. */
static int file_pread_now(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    FileState *s = bs->opaque;
    struct iovec iov = { .iov_base = buf, .iov_len = bytes };
    return !s->direct && preadv2(s->fd, &iov, 1, offset, RWF_NOWAIT) == (ssize_t)bytes ? 0 : -EAGAIN;
}

static int file_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    FileState *s = bs->opaque;
    (void)flags;
    return is_aligned(s, offset, buf, bytes) ? write_all(s->fd, offset, buf, bytes)
                                             : write_bounced(s, offset, buf, bytes);
}

static int file_flush(BlockNode *bs)
{
    FileState *s = bs->opaque;
    if (bs->open_flags & BDRV_O_NO_FLUSH) {
        return 0;
    }
    return fdatasync(s->fd) < 0 ? -errno : 0;
}

static int file_truncate(BlockNode *bs, int64_t length)
{
    FileState *s = bs->opaque;
    if (s->is_device) {
        return length <= file_getlength(bs) ? 0 : -ENOTSUP;
    }
    return ftruncate(s->fd, length) < 0 ? -errno : 0;
}

/* ---- holes ---- */

/* What the file system or device cannot do is -ENOTSUP; the caller has another way. */
static int hole_result(int ret)
{
    if (ret == 0) {
        return 0;
    }
    bool unsupported = errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == ENODEV || errno == ENOTTY;
    return unsupported ? -ENOTSUP : -errno;
}

static int device_range(int fd, unsigned long op, int64_t offset, int64_t bytes)
{
    uint64_t range[2] = { offset, bytes };
    return hole_result(ioctl(fd, op, range));
}

static int punch_hole(int fd, int64_t offset, int64_t bytes)
{
    return hole_result(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes));
}

static int file_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    FileState *s = bs->opaque;
    if (s->is_device) {
        return device_range(s->fd, BLKZEROOUT, offset, bytes);
    }
    /* A hole never makes the file longer. */
    if ((flags & BDRV_REQ_MAY_UNMAP) && offset + bytes <= file_getlength(bs)) {
        return punch_hole(s->fd, offset, bytes);
    }
    return hole_result(fallocate(s->fd, FALLOC_FL_ZERO_RANGE, offset, bytes));
}

static int file_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    FileState *s = bs->opaque;
    return s->is_device ? device_range(s->fd, BLKDISCARD, offset, bytes) : punch_hole(s->fd, offset, bytes);
}

static BlockStatus file_block_status(BlockNode *bs, int64_t offset, int64_t *bytes)
{
    FileState *s = bs->opaque;
    off_t data = lseek(s->fd, offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        return BLOCK_ZERO; /* nothing but a hole, or beyond the end */
    }
    if (data > offset) {
        *bytes = MIN(*bytes, data - offset);
        return BLOCK_ZERO;
    }
    off_t hole = data < 0 ? -1 : lseek(s->fd, offset, SEEK_HOLE);
    if (hole > offset) {
        *bytes = MIN(*bytes, hole - offset);
    }
    return BLOCK_DATA;
}

static const char *const file_options[] = { "filename", "locking", "aio", NULL };

#define HOST_DRIVER(driver_name)                                                                                      \
    {                                                                                                                 \
        .name = driver_name, .instance_size = sizeof(FileState), .options = file_options, .is_protocol = true,        \
        .open = file_open, .close = file_close, .getlength = file_getlength, .pread = file_pread,                     \
        .pread_now = file_pread_now, .pwrite = file_pwrite, .pwrite_zeroes = file_pwrite_zeroes,                      \
        .pdiscard = file_pdiscard, .flush = file_flush, .truncate = file_truncate, .block_status = file_block_status, \
    }

const BlockDriver bdrv_file = HOST_DRIVER("file");
const BlockDriver bdrv_host_device = HOST_DRIVER("host_device");
