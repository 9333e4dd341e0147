/*
 * block/qcow2-header.c  The header cluster: fields, extensions, feature bits (specification: "Header", "Header
 * extensions", "Feature name table"). What we lack is refused here, by name.
 */
#include "block/qcow2.h"

#define MAGIC            0x514649fbu
#define MAX_BACKING_NAME 1023
enum { EXT_END = 0, EXT_BACKING_FORMAT = 0xe2792aca, EXT_FEATURE_NAMES = 0x6803f857 };

/* ---- features ---- */

#define FEATURE_NAME_BYTES 46

static const struct {
    uint8_t type, bit; /* type 0: incompatible, 1: compatible, 2: autoclear */
    const char *name;
} feature_names[] = {
    { 0, 0, "dirty bit" },        { 0, 1, "corrupt bit" },         { 0, 2, "external data file" },
    { 0, 3, "compression type" }, { 0, 4, "extended L2 entries" }, { 1, 0, "lazy refcounts" },
    { 2, 0, "bitmaps" },          { 2, 1, "raw external data" },
};

typedef struct Header {
    const uint8_t *bytes; /* the first cluster */
    uint32_t cluster_size, length;
    const uint8_t *names; /* feature name table in it */
    uint32_t names_count;
} Header;

/* The image's own table first: it knows what came after us. */
static char *feature_name(const Header *h, unsigned bit)
{
    for (uint32_t i = 0; i < h->names_count; i++) {
        const uint8_t *row = h->names + i * (FEATURE_NAME_BYTES + 2);
        if (row[0] == 0 && row[1] == bit && row[2]) {
            g_autofree char *raw = g_strndup((const char *)row + 2, FEATURE_NAME_BYTES);
            return g_utf8_make_valid(
                g_strcanon(raw, " -_./()abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", '?'), -1);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++) {
        if (feature_names[i].type == 0 && feature_names[i].bit == bit) {
            return g_strdup(feature_names[i].name);
        }
    }
    return g_strdup_printf("unknown incompatible feature, bit %u", bit);
}

static bool check_features(const Header *h, Error **errp)
{
    uint64_t lacking =
        ldq_be_p(h->bytes + HDR_INCOMPATIBLE) & ~(uint64_t)(INCOMPAT_DIRTY | INCOMPAT_CORRUPT | INCOMPAT_COMPRESSION);
    if (!lacking) {
        return true;
    }
    g_autoptr(GString) list = g_string_new(NULL);
    for (unsigned bit = 0; bit < 64; bit++) {
        if (lacking >> bit & 1) {
            g_autofree char *name = feature_name(h, bit);
            g_string_append_printf(list, "%s%s", list->len ? ", " : "", name);
        }
    }
    error_setg(errp, "Unsupported qcow2 feature(s): %s", list->str);
    return false;
}

/* ---- extensions ---- */

static void take_extension(BlockNode *bs, Header *h, uint32_t type, const uint8_t *data, uint32_t len)
{
    if (type == EXT_BACKING_FORMAT && !bs->backing_format) {
        bs->backing_format = g_strndup((const char *)data, len);
    } else if (type == EXT_FEATURE_NAMES) {
        h->names = data;
        h->names_count = len / (FEATURE_NAME_BYTES + 2);
    }
}

static bool read_extensions(BlockNode *bs, Header *h, Error **errp)
{
    uint64_t backing = ldq_be_p(h->bytes + HDR_BACKING_OFFSET);
    uint64_t end = backing && backing < h->cluster_size ? backing : h->cluster_size;
    for (uint64_t at = h->length; at + 8 <= end;) {
        uint32_t type = ldl_be_p(h->bytes + at), len = ldl_be_p(h->bytes + at + 4);
        at += 8;
        if (type == EXT_END) {
            return true;
        }
        if (len > end - at) {
            error_setg(errp, "Header extension 0x%" PRIx32 " of %" PRIu32 " bytes is too large", type, len);
            return false;
        }
        take_extension(bs, h, type, h->bytes + at, len);
        at += (len + 7ull) & ~7ull;
    }
    return true;
}

static bool read_backing_name(BlockNode *bs, const Header *h, Error **errp)
{
    uint64_t at = ldq_be_p(h->bytes + HDR_BACKING_OFFSET);
    uint32_t len = ldl_be_p(h->bytes + HDR_BACKING_SIZE);
    if (!at) {
        return true;
    }
    if (len > MAX_BACKING_NAME || at > h->cluster_size || len > h->cluster_size - at) {
        error_setg(errp, "Backing file name too long");
        return false;
    }
    bs->backing_file = g_strndup((const char *)h->bytes + at, len);
    return true;
}

/* ---- fields ---- */

static bool read_version(Qcow2State *s, Error **errp)
{
    if (ldl_be_p(s->header + HDR_MAGIC) != MAGIC) {
        error_setg(errp, "Image is not in qcow2 format");
        return false;
    }
    uint32_t version = ldl_be_p(s->header + HDR_VERSION), bits = ldl_be_p(s->header + HDR_CLUSTER_BITS);
    if (version != 2 && version != 3) {
        error_setg(errp, "Unsupported qcow2 version %" PRIu32, version);
        return false;
    }
    if (bits < 9 || bits > 21) {
        error_setg(errp, "Unsupported cluster size: 2^%" PRIu32, bits);
        return false;
    }
    s->version = version;
    s->cluster_bits = bits;
    s->cluster_size = 1u << bits;
    s->l2_bits = bits - 3;
    return true;
}

static bool read_v3_fields(Qcow2State *s, Header *h, Error **errp)
{
    h->length = HDR_V2_LENGTH;
    s->refcount_order = 4;
    if (s->version == 3) {
        h->length = ldl_be_p(h->bytes + HDR_LENGTH);
        s->refcount_order = ldl_be_p(h->bytes + HDR_REFCOUNT_ORDER);
        if (h->length < HDR_COMPRESSION || h->length > s->cluster_size) {
            error_setg(errp, "qcow2 header length %" PRIu32 " is wrong", h->length);
            return false;
        }
    }
    if (s->refcount_order > 6) {
        error_setg(errp, "Reference count entry width too large; may not exceed 64 bits");
        return false;
    }
    s->refcount_max = s->refcount_order == 6 ? UINT64_MAX : (1ull << (1u << s->refcount_order)) - 1;
    return true;
}

static bool read_compression(Qcow2State *s, const Header *h, Error **errp)
{
    bool flag = s->version == 3 && ldq_be_p(h->bytes + HDR_INCOMPATIBLE) & INCOMPAT_COMPRESSION;
    s->compression = s->version == 3 && h->length > HDR_COMPRESSION ? h->bytes[HDR_COMPRESSION] : 0;
    if (s->compression > 1) {
        error_setg(errp, "Unknown compression type: %d", s->compression);
        return false;
    }
    if (flag != (s->compression != 0)) {
        error_setg(errp, "Compression type incompatible feature bit must %sbe set", flag ? "not " : "");
        return false;
    }
    return true;
}

static bool check_encryption(const Header *h, Error **errp)
{
    uint32_t method = ldl_be_p(h->bytes + HDR_CRYPT_METHOD);
    if (method) {
        error_setg(errp, "Encrypted images (%s) are not supported",
                   method == 1   ? "AES"
                   : method == 2 ? "LUKS"
                                 : "unknown method");
    }
    return !method;
}

static bool read_table_place(const Qcow2State *s, Qcow2Top *top, const char *name, uint64_t entries, int at,
                             int64_t max, Error **errp)
{
    uint64_t offset = ldq_be_p(s->header + at);
    if (entries > (uint64_t)max / 8) {
        error_setg(errp, "%s table too large", name);
        return false;
    }
    if (!qcow2_aligned(s, offset) || (int64_t)offset < 0 || (int64_t)offset > INT64_MAX - max || (entries && !offset)) {
        error_setg(errp, "%s table offset invalid", name);
        return false;
    }
    top->offset = offset;
    top->size = entries;
    return true;
}

static bool read_places(Qcow2State *s, Error **errp)
{
    uint64_t size = ldq_be_p(s->header + HDR_SIZE), l1_size = ldl_be_p(s->header + HDR_L1_SIZE);
    uint64_t clusters = ldl_be_p(s->header + HDR_REFTABLE_CLUSTERS);
    s->size = size;
    if (size > INT64_MAX - GiB || (size >> qcow2_l1_shift(s)) > QCOW2_MAX_L1_BYTES / 8) {
        error_setg(errp, "Image is too big (%" PRIu64 " bytes)", size);
        return false;
    }
    if (!clusters) {
        error_setg(errp, "Image does not contain a reference count table");
        return false;
    }
    return read_table_place(s, &s->l1, "Active L1", l1_size, HDR_L1_OFFSET, QCOW2_MAX_L1_BYTES, errp) &&
           read_table_place(s, &s->reftable, "Reference count", clusters << (s->cluster_bits - 3), HDR_REFTABLE_OFFSET,
                            QCOW2_MAX_REFTABLE_BYTES, errp);
}

static bool check_l1(const Qcow2State *s, Error **errp)
{
    uint64_t needed = ((uint64_t)s->size + (1ull << qcow2_l1_shift(s)) - 1) >> qcow2_l1_shift(s);
    if (s->l1.size < needed) {
        error_setg(errp, "L1 table is too small");
    }
    return s->l1.size >= needed;
}

static bool parse(BlockNode *bs, Header *h, Error **errp)
{
    Qcow2State *s = bs->opaque;
    return read_v3_fields(s, h, errp) && read_extensions(bs, h, errp) && (s->version == 2 || check_features(h, errp)) &&
           read_compression(s, h, errp) && check_encryption(h, errp) && read_backing_name(bs, h, errp) &&
           read_places(s, errp) && check_l1(s, errp);
}

bool qcow2_read_header(BlockNode *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;
    int ret = bdrv_pread(bs->file, 0, s->header, sizeof(s->header));
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read qcow2 header");
        return false;
    }
    if (!read_version(s, errp)) {
        return false;
    }
    g_autofree uint8_t *cluster = g_malloc(s->cluster_size);
    ret = bdrv_pread(bs->file, 0, cluster, s->cluster_size);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read qcow2 header");
        return false;
    }
    Header h = { .bytes = cluster, .cluster_size = s->cluster_size };
    return parse(bs, &h, errp);
}

uint64_t qcow2_incompatible(const Qcow2State *s)
{
    return s->version == 3 ? ldq_be_p(s->header + HDR_INCOMPATIBLE) : 0;
}

int qcow2_write_header(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    return bdrv_pwrite(bs->file, 0, s->header, sizeof(s->header), 0);
}

/* ---- a new one ---- */

static size_t put_extension(uint8_t *p, uint32_t type, const void *data, size_t len)
{
    stl_be_p(p, type);
    stl_be_p(p + 4, len);
    memcpy(p + 8, data, len);
    return 8 + ((len + 7) & ~(size_t)7);
}

static size_t put_feature_names(uint8_t *p)
{
    uint8_t table[ARRAY_SIZE(feature_names)][FEATURE_NAME_BYTES + 2] = { 0 };
    for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++) {
        table[i][0] = feature_names[i].type;
        table[i][1] = feature_names[i].bit;
        memcpy(table[i] + 2, feature_names[i].name, strlen(feature_names[i].name));
    }
    return put_extension(p, EXT_FEATURE_NAMES, table, sizeof(table));
}

static size_t put_fields(Qcow2State *s, uint8_t *p)
{
    stl_be_p(p + HDR_MAGIC, MAGIC);
    stl_be_p(p + HDR_VERSION, s->version);
    stl_be_p(p + HDR_CLUSTER_BITS, s->cluster_bits);
    if (s->version == 2) {
        return HDR_V2_LENGTH;
    }
    stl_be_p(p + HDR_REFCOUNT_ORDER, s->refcount_order);
    stl_be_p(p + HDR_LENGTH, HDR_V3_LENGTH);
    return HDR_V3_LENGTH;
}

bool qcow2_make_header(Qcow2State *s, uint8_t *cluster, const char *backing_file, const char *backing_format)
{
    size_t name_len = backing_file ? strlen(backing_file) : 0;
    size_t format_len = backing_file && backing_format ? strlen(backing_format) : 0;
    size_t names = (FEATURE_NAME_BYTES + 2) * ARRAY_SIZE(feature_names) + 8;
    size_t needed = HDR_V3_LENGTH + (format_len ? 16 + format_len : 0) + 8 + name_len;
    if (name_len > MAX_BACKING_NAME || needed > s->cluster_size) {
        return false;
    }
    size_t at = put_fields(s, cluster);
    if (format_len) {
        at += put_extension(cluster + at, EXT_BACKING_FORMAT, backing_format, format_len);
    }
    if (s->version == 3 && needed + names <= s->cluster_size) {
        at += put_feature_names(cluster + at);
    }
    if (name_len) {
        at += 8; /* the end of the extensions */
        stq_be_p(cluster + HDR_BACKING_OFFSET, at);
        stl_be_p(cluster + HDR_BACKING_SIZE, name_len);
        memcpy(cluster + at, backing_file, name_len);
    }
    memcpy(s->header, cluster, sizeof(s->header));
    return true;
}

/* ---- corruption ---- */

int qcow2_mark_corrupt(BlockNode *bs, const char *fmt, ...)
{
    Qcow2State *s = bs->opaque;
    if (s->corrupt) {
        return -EIO;
    }
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    s->corrupt = true;
    error_report("qcow2: Image '%s' is corrupt: %s%s", bs->filename, what,
                 s->writable ? "; it takes no more writes" : "");
    if (s->writable && s->version == 3) {
        stq_be_p(s->header + HDR_INCOMPATIBLE, qcow2_incompatible(s) | INCOMPAT_CORRUPT);
        qcow2_write_header(bs);
    }
    return -EIO;
}
