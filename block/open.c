/*
 * block/open.c  From names and options to nodes: formats over files, guessing a format, backing chains.
 *
 * Options are those of QEMU's -blockdev, flat: "driver", "node-name", "read-only", "cache.direct", "cache.no-flush",
 * "discard", "detect-zeroes", "file" (a node's name) or "file.driver", "file.filename" ..., "backing" likewise, and the
 * driver's own. An image names its backing file, and images are hostile: the chain's length is bounded, and no file
 * may come twice.
 */
#include <errno.h>

#include "block/node.h"

#define MAX_CHAIN   200
#define PROBE_BYTES 2048

static const BlockDriver *const drivers[] = {
    &bdrv_file, &bdrv_host_device, &bdrv_null_co, &bdrv_raw, &bdrv_qcow2, &bdrv_blkreplay,
};

/* The images whose backing file is being opened. */
typedef struct Chain Chain;
struct Chain {
    const Chain *above;
    const char *path; /* realpath() */
    unsigned depth;
};

typedef struct OpenRequest {
    const char *filename, *format; /* NULL: options say it; format: guessed */
    const QemuOpts *options;       /* NULL: none */
    int flags;
    bool blockdev; /* the user spoke of nodes, not of drives: words of errors */
    const Chain *chain;
} OpenRequest;

static BlockNode *open_node(OpenRequest rq, Error **errp);

const BlockDriver *bdrv_find_driver(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (!strcmp(drivers[i]->name, name)) {
            return drivers[i];
        }
    }
    return NULL;
}

const BlockDriver *bdrv_probe(const uint8_t *buf, size_t len)
{
    const BlockDriver *best = &bdrv_raw;
    int best_score = 0;
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        int score = drivers[i]->probe ? drivers[i]->probe(buf, len) : 0;
        if (score > best_score) {
            best_score = score;
            best = drivers[i];
        }
    }
    return best;
}

/* ---- options that every node has ---- */

static const char *option(const OpenRequest *rq, const char *key)
{
    return rq->options ? qemu_opt_get(rq->options, key) : NULL;
}

typedef struct KeyCheck {
    const BlockDriver *drv;
    const char *unknown;
} KeyCheck;

static bool begins_with_key(const char *key, const char *name)
{
    size_t len = strlen(name);
    return !strncmp(key, name, len) && (key[len] == '\0' || key[len] == '.');
}

static const char *child_key(const BlockDriver *drv)
{
    return drv->child ? drv->child : "file";
}

static void check_key(const char *key, const char *value, void *opaque)
{
    static const char *const common[] = { "driver",  "node-name",     "read-only",    "auto-read-only", "force-share",
                                          "discard", "detect-zeroes", "cache.direct", "cache.no-flush", NULL };
    KeyCheck *check = opaque;
    const BlockDriver *drv = check->drv;
    bool known = g_strv_contains(common, key) || (drv->options && g_strv_contains(drv->options, key)) ||
                 (!drv->is_protocol && begins_with_key(key, child_key(drv))) ||
                 (drv->has_backing && begins_with_key(key, "backing"));
    (void)value;
    if (!known && !check->unknown) {
        check->unknown = key;
    }
}

static bool check_keys(const OpenRequest *rq, const BlockDriver *drv, Error **errp)
{
    KeyCheck check = { .drv = drv };
    if (rq->options) {
        qemu_opts_foreach(rq->options, check_key, &check);
    }
    if (check.unknown && rq->blockdev) {
        error_setg(errp, "Parameter '%s' is unexpected", check.unknown);
    } else if (check.unknown) {
        error_setg(errp, "Block %s '%s' does not support the option '%s'", drv->is_protocol ? "protocol" : "format",
                   drv->name, check.unknown);
    }
    return !check.unknown;
}

static void flag_option(OpenRequest *rq, const char *key, int flag, Error **errp)
{
    bool on = qemu_opt_get_bool(rq->options, key, rq->flags & flag, errp);
    rq->flags = on ? rq->flags | flag : rq->flags & ~flag;
}

/* What nobody above allowed to be written, no option of a node makes writable. */
static bool apply_read_only(OpenRequest *rq, Error **errp)
{
    Error *err = NULL;
    if (qemu_opt_get_bool(rq->options, "read-only", false, &err)) {
        rq->flags &= ~BDRV_O_RDWR;
    }
    if (!err) {
        qemu_opt_get_bool(rq->options, "auto-read-only", false, &err);
    }
    error_propagate(errp, err);
    return !err;
}

static bool apply_discard(OpenRequest *rq, Error **errp)
{
    const char *discard = option(rq, "discard");
    if (!discard) {
        return true;
    }
    bool unmap = !strcmp(discard, "unmap") || !strcmp(discard, "on");
    if (!unmap && strcmp(discard, "ignore") && strcmp(discard, "off")) {
        error_setg(errp, "Invalid discard option");
        return false;
    }
    rq->flags = unmap ? rq->flags | BDRV_O_UNMAP : rq->flags & ~BDRV_O_UNMAP;
    return true;
}

static bool apply_cache(OpenRequest *rq, Error **errp)
{
    Error *err = NULL;
    flag_option(rq, "cache.direct", BDRV_O_NOCACHE, &err);
    if (!err) {
        flag_option(rq, "cache.no-flush", BDRV_O_NO_FLUSH, &err);
    }
    error_propagate(errp, err);
    return !err;
}

static bool apply_flags(OpenRequest *rq, Error **errp)
{
    return !rq->options || (apply_read_only(rq, errp) && apply_discard(rq, errp) && apply_cache(rq, errp));
}

static bool check_node_name(const char *name, Error **errp)
{
    if (name && !is_identifier(name)) {
        error_setg(errp, "Invalid node-name: '%s'", name);
    } else if (name && blk_find_root(name)) {
        error_setg(errp, "node-name=%s is conflicting with a device id", name);
    } else if (name && bdrv_find_node(name)) {
        error_setg(errp, "Duplicate nodes with node-name='%s'", name);
    } else {
        return true;
    }
    return false;
}

static bool parse_detect_zeroes(const OpenRequest *rq, BlockNode *bs, Error **errp)
{
    const char *value = option(rq, "detect-zeroes");
    if (value && strcmp(value, "on") && strcmp(value, "off") && strcmp(value, "unmap")) {
        error_setg(errp, "invalid parameter value: %s", value);
        return false;
    }
    bs->detect_zeroes = value && strcmp(value, "off");
    return true;
}

/* ---- one node ---- */

/* Takes over the reference to file, also when it fails. */
static BlockNode *make_node(const OpenRequest *rq, const BlockDriver *drv, const char *filename, BlockNode *file,
                            Error **errp)
{
    const char *name = option(rq, "node-name");
    if (!check_keys(rq, drv, errp) || !check_node_name(name, errp)) {
        bdrv_unref(file);
        return NULL;
    }
    BlockNode *bs = bdrv_new(drv, name, filename, rq->flags);
    bs->file = file;
    bs->read_only |= file && file->read_only;
    if (!parse_detect_zeroes(rq, bs, errp) || (drv->open && !drv->open(bs, rq->options, rq->flags, errp))) {
        bdrv_free(bs);
        return NULL;
    }
    return bs;
}

/* ---- files ---- */

/* "nbd:..." before any slash; the prefix's length, 0 for a plain name. */
static size_t protocol_length(const char *filename)
{
    size_t len = strcspn(filename, ":/");
    return filename[len] == ':' ? len : 0;
}

static const BlockDriver *protocol_of(const char **filename, Error **errp)
{
    size_t len = protocol_length(*filename);
    if (!len) {
        return &bdrv_file;
    }
    char *name = g_strndup(*filename, len);
    const BlockDriver *drv = bdrv_find_driver(name);
    if (!drv || !drv->is_protocol) {
        error_setg(errp, "Unknown protocol '%s'", name);
        drv = NULL;
    } else {
        *filename += len + 1;
    }
    g_free(name);
    return drv;
}

static BlockNode *open_protocol(const OpenRequest *rq, const BlockDriver *drv, Error **errp)
{
    const char *filename = rq->filename ? rq->filename : option(rq, "filename");
    if (!filename && drv->options && g_strv_contains(drv->options, "filename")) {
        error_setg(errp,
                   rq->blockdev ? "Parameter 'filename' is missing" : "The '%s' block driver requires a file name",
                   drv->name);
        return NULL;
    }
    if (drv == &bdrv_file && filename && g_str_has_prefix(filename, "file:")) {
        filename += strlen("file:");
    }
    return make_node(rq, drv, filename ? filename : "null-co://", NULL, errp);
}

/* What a format stands on, by file name. */
static BlockNode *open_named_file(const OpenRequest *rq, Error **errp)
{
    const char *filename = rq->filename;
    QemuOpts *sub = rq->options ? qemu_opts_sub(rq->options, "file.") : NULL;
    const BlockDriver *drv = protocol_of(&filename, errp);
    OpenRequest file = { .filename = filename, .options = sub, .flags = rq->flags, .blockdev = rq->blockdev };
    const char *other = sub ? qemu_opt_get(sub, "driver") : NULL;
    BlockNode *bs = NULL;
    if (drv && other) {
        drv = bdrv_find_driver(other);
        if (!drv || !drv->is_protocol) {
            error_setg(errp, "Unknown protocol '%s'", other);
            drv = NULL;
        }
    }
    if (drv && apply_flags(&file, errp)) {
        bs = open_protocol(&file, drv, errp);
    }
    qemu_opts_free(sub);
    return bs;
}

static BlockNode *find_reference(const char *name, Error **errp)
{
    BlockNode *bs = bdrv_find_node(name);
    bs = bs ? bs : blk_find_root(name);
    if (!bs) {
        error_setg(errp, "Cannot find device='%s' nor node-name='%s'", name, name);
    }
    return bs ? bdrv_ref(bs) : NULL;
}

/* What a format stands on, by options: "file" names a node, or "file.*" describe one. */
static BlockNode *open_described_file(const OpenRequest *rq, const char *key, Error **errp)
{
    const char *reference = option(rq, key);
    char *prefix = g_strdup_printf("%s.", key);
    QemuOpts *sub = rq->options ? qemu_opts_sub(rq->options, prefix) : NULL;
    BlockNode *bs = NULL;
    if (reference) {
        bs = find_reference(reference, errp);
    } else if (sub) {
        const char *format = qemu_opt_get(sub, "driver") ? NULL : "file";
        bs = open_node((OpenRequest){ .format = format, .options = sub, .flags = rq->flags, .blockdev = rq->blockdev },
                       errp);
    } else {
        error_setg(errp, rq->blockdev ? "Parameter '%s' is missing" : "A block device must be specified for \"%s\"",
                   key);
    }
    qemu_opts_free(sub);
    g_free(prefix);
    return bs;
}

static const BlockDriver *guess_format(BlockNode *file, Error **errp)
{
    uint8_t buf[PROBE_BYTES];
    int ret = bdrv_pread(file, 0, buf, sizeof(buf));
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read image for determining its format");
        return NULL;
    }
    return bdrv_probe(buf, sizeof(buf));
}

/* ---- backing files ---- */

static char *backing_path(const BlockNode *bs)
{
    const char *name = bs->backing_file;
    if (*name == '/' || protocol_length(name)) {
        return g_strdup(name);
    }
    char *folder = g_path_get_dirname(bs->filename);
    char *path = strcmp(folder, ".") || g_str_has_prefix(bs->filename, "./") ? g_build_filename(folder, name, NULL)
                                                                             : g_strdup(name);
    g_free(folder);
    return path;
}

static bool check_chain(const Chain *chain, const char *name, Error **errp)
{
    if (chain->depth > MAX_CHAIN) {
        error_setg(errp, "the backing chain is longer than %d images", MAX_CHAIN);
        return false;
    }
    for (const Chain *above = chain->above; above; above = above->above) {
        if (!strcmp(above->path, chain->path)) {
            error_setg(errp, "the backing chain comes back to '%s'", name);
            return false;
        }
    }
    return true;
}

static BlockNode *open_backing(const BlockNode *bs, const OpenRequest *rq, Error **errp)
{
    QemuOpts *sub = rq->options ? qemu_opts_sub(rq->options, "backing.") : NULL;
    bool described = sub && (qemu_opt_get(sub, "file") || qemu_opt_get(sub, "file.filename"));
    char *path = !described && bs->backing_file ? backing_path(bs) : NULL;
    char *real = realpath(bs->filename, NULL);
    Chain chain = { rq->chain, real ? real : bs->filename, rq->chain ? rq->chain->depth + 1 : 1 };
    BlockNode *backing = NULL;
    if (check_chain(&chain, bs->filename, errp)) {
        backing = open_node((OpenRequest){ .filename = path,
                                           .format = sub && qemu_opt_get(sub, "driver") ? NULL : bs->backing_format,
                                           .options = sub,
                                           .flags = rq->flags & ~BDRV_O_RDWR,
                                           .blockdev = rq->blockdev,
                                           .chain = &chain },
                            errp);
    }
    free(real);
    g_free(path);
    qemu_opts_free(sub);
    return backing;
}

static bool has_backing_options(const OpenRequest *rq)
{
    QemuOpts *sub = rq->options ? qemu_opts_sub(rq->options, "backing.") : NULL;
    qemu_opts_free(sub);
    return sub != NULL;
}

/* "backing": a node's name; empty: none, whatever the image says. */
static bool attach_backing(BlockNode *bs, const OpenRequest *rq, Error **errp)
{
    const char *reference = option(rq, "backing");
    Error *err = NULL;
    if (reference && *reference) {
        bs->backing = find_reference(reference, &err);
    } else if (!reference && !(rq->flags & BDRV_O_NO_BACKING) && (bs->backing_file || has_backing_options(rq))) {
        bs->backing = open_backing(bs, rq, &err);
    }
    if (err && !rq->chain) { /* once, however deep */
        error_prepend(&err, "Could not open backing file: ");
    }
    error_propagate(errp, err);
    return !err;
}

/* ---- formats ---- */

static void warn_guessed_raw(const BlockNode *bs)
{
    if (bs->probed && bs->drv == &bdrv_raw && !bs->read_only) {
        warn_report("Image format was not specified for '%s' and probing guessed raw: writes to its first sector that "
                    "look like another format will be refused (format=raw allows them)",
                    bs->filename);
    }
}

/* Takes over the reference to file. */
static BlockNode *open_format(const OpenRequest *rq, const BlockDriver *drv, BlockNode *file, Error **errp)
{
    bool probed = !drv;
    drv = drv ? drv : guess_format(file, errp);
    if (!drv) {
        bdrv_unref(file);
        return NULL;
    }
    BlockNode *bs = make_node(rq, drv, file->filename, file, errp);
    if (!bs) {
        return NULL;
    }
    bs->probed = probed;
    warn_guessed_raw(bs);
    if (!attach_backing(bs, rq, errp)) {
        bdrv_unref(bs);
        return NULL;
    }
    return bs;
}

/* *drv NULL: to be guessed. */
static bool choose_driver(const OpenRequest *rq, const BlockDriver **drv, Error **errp)
{
    const char *format = rq->format ? rq->format : option(rq, "driver");
    *drv = format ? bdrv_find_driver(format) : NULL;
    if (format && !*drv) {
        error_setg(errp, rq->blockdev ? "Parameter 'driver' does not accept value '%s'" : "Unknown driver '%s'",
                   format);
        return false;
    }
    return true;
}

static BlockNode *open_json(OpenRequest rq, Error **errp)
{
    QemuOpts *options = bdrv_parse_json(rq.filename + strlen("json:"), errp);
    if (!options) {
        return NULL;
    }
    rq.filename = NULL;
    rq.options = options;
    BlockNode *bs = open_node(rq, errp);
    qemu_opts_free(options);
    return bs;
}

static BlockNode *open_node(OpenRequest rq, Error **errp)
{
    const BlockDriver *drv;
    if (rq.filename && g_str_has_prefix(rq.filename, "json:")) {
        return open_json(rq, errp);
    }
    if (!choose_driver(&rq, &drv, errp) || !apply_flags(&rq, errp)) {
        return NULL;
    }
    if (drv && drv->is_protocol) {
        return open_protocol(&rq, drv, errp);
    }
    BlockNode *file =
        rq.filename ? open_named_file(&rq, errp) : open_described_file(&rq, drv ? child_key(drv) : "file", errp);
    return file ? open_format(&rq, drv, file, errp) : NULL;
}

BlockNode *bdrv_open(const char *filename, const char *format, const QemuOpts *options, int flags, Error **errp)
{
    return open_node((OpenRequest){ .filename = filename, .format = format, .options = options, .flags = flags }, errp);
}

BlockNode *bdrv_open_blockdev(const QemuOpts *options, int flags, Error **errp)
{
    if (!qemu_opt_get(options, "driver")) {
        error_setg(errp, "Parameter 'driver' is missing");
        return NULL;
    }
    if (!qemu_opt_get(options, "node-name")) {
        error_setg(errp, "'node-name' must be specified for the root node");
        return NULL;
    }
    return open_node((OpenRequest){ .options = options, .flags = flags, .blockdev = true }, errp);
}
