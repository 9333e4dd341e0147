/*
 * net/filter-dump.c  -object filter-dump,id=,netdev=,file=[,maxlen=]: both directions of a netdev as a pcap file (the
 * classic format, version 2.4, Ethernet), which tcpdump and wireshark read.
 *
 * Time stamps come from the virtual clock, and packets are seen at the guest's side, so a capture made in replay equals
 * the one made while recording byte for byte. Integers are little-endian on every host.
 */
#include "net/net-int.h"

#include <errno.h>

#include "util/timer.h"

#define PCAP_MAGIC        0xa1b2c3d4u /* time stamps in microseconds */
#define PCAP_HEADER_SIZE  24
#define PCAP_RECORD_SIZE  16
#define LINKTYPE_ETHERNET 1
#define DUMP_MAXLEN       65536
#define DUMP_MAXLEN_LIMIT (16 * MiB)

typedef struct Dump {
    FILE *file;
    char *path;
    uint32_t maxlen;
    bool failed;
} Dump;

static void dump_write(Dump *d, const void *buf, size_t len)
{
    if (!d->failed && fwrite(buf, 1, len, d->file) != len) {
        d->failed = true;
        warn_report("filter-dump: could not write '%s': %s; the capture ends here", d->path, g_strerror(errno));
    }
}

static void write_header(Dump *d)
{
    uint8_t header[PCAP_HEADER_SIZE] = { 0 };
    stl_le_p(header, PCAP_MAGIC);
    stw_le_p(header + 4, 2);
    stw_le_p(header + 6, 4);
    stl_le_p(header + 16, d->maxlen);
    stl_le_p(header + 20, LINKTYPE_ETHERNET);
    dump_write(d, header, sizeof(header));
}

static void dump_packet(NetFilter *f, NetDirection direction, const uint8_t *buf, size_t len)
{
    Dump *d = f->state;
    (void)direction;
    int64_t us = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / 1000;
    uint32_t kept = MIN(len, d->maxlen);
    uint8_t record[PCAP_RECORD_SIZE];
    stl_le_p(record, us / 1000000);
    stl_le_p(record + 4, us % 1000000);
    stl_le_p(record + 8, kept);
    stl_le_p(record + 12, len);
    dump_write(d, record, sizeof(record));
    dump_write(d, buf, kept);
}

static bool dump_options(Dump *d, const QemuOpts *opts, Error **errp)
{
    Error *err = NULL;
    const char *path = qemu_opt_get(opts, "file");
    uint64_t maxlen = qemu_opt_get_number(opts, "maxlen", DUMP_MAXLEN, &err);
    if (!err && !path) {
        error_setg(&err, "Parameter 'file' is missing");
    }
    if (!err && (maxlen == 0 || maxlen > DUMP_MAXLEN_LIMIT)) {
        error_setg(&err, "maxlen=%" PRIu64 ": must be from 1 to %llu", maxlen, DUMP_MAXLEN_LIMIT);
    }
    d->path = g_strdup(path);
    d->maxlen = maxlen;
    error_propagate(errp, err);
    return !err;
}

static bool dump_init(NetFilter *f, const QemuOpts *opts, Error **errp)
{
    Dump *d = f->state = g_new0(Dump, 1);
    if (!dump_options(d, opts, errp)) {
        return false;
    }
    d->file = fopen(d->path, "we");
    if (!d->file) {
        error_setg_errno(errp, errno, "filter-dump: can't open %s", d->path);
        return false;
    }
    write_header(d);
    return true;
}

static void dump_cleanup(NetFilter *f)
{
    Dump *d = f->state;
    if (d && d->file && fclose(d->file) != 0 && !d->failed) {
        warn_report("filter-dump: could not write '%s': %s", d->path, g_strerror(errno));
    }
    if (d) {
        g_free(d->path);
    }
    g_free(d);
}

static void dump_info(const NetFilter *f, GString *out)
{
    const Dump *d = f->state;
    g_string_append_printf(out, ",file=%s,maxlen=%u", d->path, d->maxlen);
}

static const char *const dump_options_known[] = { "file", "maxlen", NULL };

const NetFilterDriver net_filter_dump = { .name = "filter-dump",
                                          .options = dump_options_known,
                                          .init = dump_init,
                                          .packet = dump_packet,
                                          .cleanup = dump_cleanup,
                                          .info = dump_info };
