/*
 * block/qcow2-compressed.c  Compressed clusters: raw deflate (RFC 1951) or zstd (RFC 8878), one cluster each
 * (specification: "Compressed Clusters Descriptor"). Read only: what is overwritten becomes a standard cluster. The
 * last one is kept, for readers that take a cluster in small pieces.
 */
#include <zlib.h>
#include <zstd.h>

#include "block/qcow2.h"

int64_t qcow2_compressed_range(const Qcow2State *s, uint64_t entry, uint32_t *bytes)
{
    unsigned shift = 62 - (s->cluster_bits - 8);
    uint64_t offset = entry & ((1ull << shift) - 1) & 0x00ffffffffffffffull;
    uint32_t sectors = (entry & ~(QCOW2_COPIED | QCOW2_COMPRESSED)) >> shift;
    *bytes = (sectors + 1) * 512 - (offset & 511);
    return offset;
}

static bool inflate_zlib(uint8_t *out, uint32_t out_len, const uint8_t *in, uint32_t in_len)
{
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = in_len, .next_out = out, .avail_out = out_len };
    if (inflateInit2(&z, -15) != Z_OK) {
        return false;
    }
    int ret = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    /* Padding may follow the end; the end may lie beyond what was asked for. */
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && z.avail_out == 0;
}

static bool inflate_zstd(uint8_t *out, uint32_t out_len, const uint8_t *in, uint32_t in_len)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer input = { in, in_len, 0 };
    ZSTD_outBuffer output = { out, out_len, 0 };
    size_t before, ret;
    do {
        before = input.pos + output.pos;
        ret = ZSTD_decompressStream(z, &output, &input);
    } while (!ZSTD_isError(ret) && output.pos < out_len && input.pos + output.pos != before);
    ZSTD_freeDStream(z);
    return !ZSTD_isError(ret) && output.pos == out_len;
}

static int load(BlockNode *bs, uint64_t entry)
{
    Qcow2State *s = bs->opaque;
    uint32_t bytes;
    int64_t at = qcow2_compressed_range(s, entry, &bytes);
    g_autofree uint8_t *in = g_malloc(bytes);
    int ret = bdrv_pread(bs->file, at, in, bytes);
    if (ret < 0) {
        return ret;
    }
    s->inflated_entry = 0;
    if (!s->inflated) {
        s->inflated = g_malloc(s->cluster_size);
    }
    bool good = (s->compression ? inflate_zstd : inflate_zlib)(s->inflated, s->cluster_size, in, bytes);
    s->inflated_entry = good ? entry : 0;
    return good ? 0 : -EIO;
}

int qcow2_read_compressed(BlockNode *bs, uint64_t entry, uint32_t at, void *buf, uint32_t bytes)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->inflate_lock);
    int ret = s->inflated_entry == entry ? 0 : load(bs, entry);
    if (ret == 0) {
        memcpy(buf, s->inflated + at, bytes);
    }
    g_mutex_unlock(&s->inflate_lock);
    return ret;
}

void qcow2_forget_compressed(Qcow2State *s)
{
    g_mutex_lock(&s->inflate_lock);
    s->inflated_entry = 0;
    g_mutex_unlock(&s->inflate_lock);
}
