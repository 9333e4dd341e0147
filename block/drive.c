/*
 * block/drive.c  -drive and its short forms, -blockdev: tables of what was asked for, opened in order, handed to
 * devices.
 *
 * An option of -drive is about the drive (if, index, id, serial ...), about all nodes of its graph (cache, discard), or
 * the node's own; what the first two do not know goes to block/open.c. Words of errors are QEMU's, where users know
 * them.
 */
#include "block/backend.h"
#include "replay/replay.h"

bool drive_snapshot_all;

#define ANY_UNIT (-1)

typedef struct Drive {
    char *text;          /* "-drive file=x", for messages */
    char *interface;     /* "ide" */
    BlockInterface type; /* IF_COUNT: one that no machine of ours has */
    int bus, unit;
    bool cdrom, read_only, snapshot;
    bool snapshot_given; /* -snapshot does not overrule it */
    char *id, *file, *format;
    char *serial;
    bool write_cache;
    BlockErrorAction on_read_error, on_write_error;
    QemuOpts *node; /* what is left: options of the node */
    int flags;
    BlockBackend *blk;
    bool used; /* by the board, a device or another node */
} Drive;

typedef struct Blockdev {
    char *text;
    QemuOpts *opts;
    BlockNode *root;
} Blockdev;

static GPtrArray *drives;    /* of Drive * */
static GPtrArray *blockdevs; /* of Blockdev * */

/* ---- values that stand for something ---- */

typedef struct Word {
    const char *word;
    int value;
} Word;

static const Word *find_word(const Word *list, const char *word)
{
    while (list->word && strcmp(list->word, word)) {
        list++;
    }
    return list->word ? list : NULL;
}

static const Word interfaces[] = {
    { "none", IF_NONE }, { "ide", IF_IDE },   { "floppy", IF_FLOPPY }, { "virtio", IF_VIRTIO }, { "scsi", IF_COUNT },
    { "sd", IF_COUNT },  { "mtd", IF_COUNT }, { "pflash", IF_COUNT },  { "xen", IF_COUNT },     { NULL },
};

#define CACHE_WRITETHROUGH 0x100 /* beside BDRV_O_* */

static const Word cache_modes[] = {
    { "writeback", 0 },
    { "writethrough", CACHE_WRITETHROUGH },
    { "none", BDRV_O_NOCACHE },
    { "off", BDRV_O_NOCACHE },
    { "directsync", BDRV_O_NOCACHE | CACHE_WRITETHROUGH },
    { "unsafe", BDRV_O_NO_FLUSH },
    { NULL },
};

static const Word aio_modes[] = { { "threads" }, { "native" }, { "io_uring" }, { NULL } };

/* stop and enospc tell the guest as report does: the machine goes on. */
static const Word write_error_actions[] = {
    { "ignore", BLOCK_ERROR_IGNORE },
    { "report", BLOCK_ERROR_REPORT },
    { "stop", BLOCK_ERROR_REPORT },
    { "enospc", BLOCK_ERROR_REPORT },
    { NULL },
};
static const Word read_error_actions[] = {
    { "ignore", BLOCK_ERROR_IGNORE },
    { "report", BLOCK_ERROR_REPORT },
    { "stop", BLOCK_ERROR_REPORT },
    { NULL },
};

/* Take the option `key` out of the node's options; NULL when absent. g_free it. */
static char *take(Drive *d, const char *key)
{
    char *value = g_strdup(qemu_opt_get(d->node, key));
    qemu_opts_unset(d->node, key);
    return value;
}

/* Take an option whose value is one of a list. message has one %s. *value stays when it is absent. */
static bool take_word(Drive *d, const char *key, const Word *list, const char *message, int *value, Error **errp)
{
    char *text = take(d, key);
    const Word *found = text ? find_word(list, text) : NULL;
    if (found) {
        *value = found->value;
    } else if (text) {
        char *before = g_strndup(message, strcspn(message, "%"));
        const char *after = strchr(message, '%');
        error_setg(errp, "%s%s%s", before, after ? text : "", after ? after + 2 : "");
        g_free(before);
    }
    bool ok = found || !text;
    g_free(text);
    return ok;
}

static bool take_bool(Drive *d, const char *key, bool *value, Error **errp)
{
    char *text = take(d, key);
    bool ok = !text || parse_bool(text, value);
    if (!ok) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off', not '%s'", key, text);
    }
    g_free(text);
    return ok;
}

static bool take_number(Drive *d, const char *key, int *value, Error **errp)
{
    char *text = take(d, key);
    uint64_t number;
    bool ok = !text || parse_uint(text, INT_MAX, &number);
    if (!ok) {
        error_setg(errp, "Parameter '%s' expects a number, not '%s'", key, text);
    } else if (text) {
        *value = number;
    }
    g_free(text);
    return ok;
}

/* ---- where a drive goes ---- */

static int max_units(BlockInterface type)
{
    return type == IF_IDE ? 2 : 0; /* 0: one bus for all */
}

static Drive *find_at(const Drive *like, int bus, int unit)
{
    for (guint i = 0; drives && i < drives->len; i++) {
        Drive *d = g_ptr_array_index(drives, i);
        if (d != like && !strcmp(d->interface, like->interface) && d->bus == bus && d->unit == unit) {
            return d;
        }
    }
    return NULL;
}

static void choose_free_unit(Drive *d)
{
    int units = max_units(d->type);
    d->unit = 0;
    while (find_at(d, d->bus, d->unit)) {
        d->unit++;
        if (units && d->unit == units) {
            d->unit = 0;
            d->bus++;
        }
    }
}

static bool place_by_index(Drive *d, int index, Error **errp)
{
    int units = max_units(d->type);
    if (d->bus || d->unit != ANY_UNIT) {
        error_setg(errp, "index cannot be used with bus and unit");
        return false;
    }
    d->bus = units ? index / units : 0;
    d->unit = units ? index % units : index;
    return true;
}

static bool choose_place(Drive *d, Error **errp)
{
    int index = -1, units = max_units(d->type);
    if (!take_number(d, "bus", &d->bus, errp) || !take_number(d, "unit", &d->unit, errp) ||
        !take_number(d, "index", &index, errp) || (index >= 0 && !place_by_index(d, index, errp))) {
        return false;
    }
    if (d->unit == ANY_UNIT) {
        choose_free_unit(d);
    }
    if (units && d->unit >= units) {
        error_setg(errp, "unit %d too big (max is %d)", d->unit, units - 1);
        return false;
    }
    if (find_at(d, d->bus, d->unit)) {
        error_setg(errp, "drive with bus=%d, unit=%d (index=%d) exists", d->bus, d->unit, index);
        return false;
    }
    return true;
}

static bool choose_interface(Drive *d, Error **errp)
{
    char *name = take(d, "if");
    const Word *found = find_word(interfaces, name ? name : "ide");
    if (!found) {
        error_setg(errp, "unsupported bus type '%s'", name);
    } else {
        d->type = found->value;
        d->interface = g_strdup(found->word);
    }
    g_free(name);
    return found;
}

static bool choose_media(Drive *d, Error **errp)
{
    static const Word media[] = { { "disk", false }, { "cdrom", true }, { NULL } };
    int cdrom = false;
    if (!take_word(d, "media", media, "'%s' invalid media", &cdrom, errp)) {
        return false;
    }
    d->cdrom = cdrom;
    return true;
}

/* ---- what it is called ---- */

static Drive *find_drive(const char *id)
{
    for (guint i = 0; drives && i < drives->len; i++) {
        Drive *d = g_ptr_array_index(drives, i);
        if (!strcmp(d->id, id)) {
            return d;
        }
    }
    return NULL;
}

static char *default_id(const Drive *d)
{
    if (max_units(d->type)) {
        return g_strdup_printf("%s%d-%s%d", d->interface, d->bus, d->cdrom ? "cd" : "hd", d->unit);
    }
    return g_strdup_printf("%s%d", d->interface, d->unit);
}

static bool choose_id(Drive *d, Error **errp)
{
    d->id = take(d, "id");
    if (d->id && !is_identifier(d->id)) {
        error_setg(errp, "Parameter 'id' expects an identifier, not '%s'", d->id);
        return false;
    }
    if (!d->id) {
        d->id = default_id(d);
    }
    if (find_drive(d->id)) {
        error_setg(errp, "Duplicate ID '%s' for drive", d->id);
        return false;
    }
    return true;
}

/* ---- how it behaves ---- */

static void rename_option(Drive *d, const char *from, const char *to)
{
    char *value = take(d, from);
    if (value) {
        qemu_opts_set(d->node, to, value);
    }
    g_free(value);
}

static bool choose_cache(Drive *d, Error **errp)
{
    int cache = 0, unused = 0;
    bool writeback;
    if (!take_word(d, "cache", cache_modes, "invalid cache option", &cache, errp) ||
        !take_word(d, "aio", aio_modes, "invalid aio option", &unused, errp)) {
        return false;
    }
    writeback = !(cache & CACHE_WRITETHROUGH);
    if (!take_bool(d, "cache.writeback", &writeback, errp)) {
        return false;
    }
    d->write_cache = writeback;
    d->flags |= cache & ~CACHE_WRITETHROUGH;
    return true;
}

static bool choose_error_actions(Drive *d, Error **errp)
{
    int on_read = BLOCK_ERROR_REPORT, on_write = BLOCK_ERROR_REPORT;
    if (!take_word(d, "rerror", read_error_actions, "'%s' invalid read error action", &on_read, errp) ||
        !take_word(d, "werror", write_error_actions, "'%s' invalid write error action", &on_write, errp)) {
        return false;
    }
    d->on_read_error = on_read;
    d->on_write_error = on_write;
    return true;
}

static bool choose_protection(Drive *d, Error **errp)
{
    bool copy_on_read = false;
    rename_option(d, "readonly", "read-only");
    d->snapshot_given = qemu_opt_get(d->node, "snapshot");
    if (!take_bool(d, "read-only", &d->read_only, errp) || !take_bool(d, "snapshot", &d->snapshot, errp) ||
        !take_bool(d, "copy-on-read", &copy_on_read, errp)) {
        return false;
    }
    if (copy_on_read) {
        error_setg(errp, "copy-on-read=on is not available");
        return false;
    }
    d->read_only |= d->cdrom;
    return true;
}

static bool choose_format(Drive *d, Error **errp)
{
    char *driver = take(d, "driver");
    d->file = take(d, "file");
    d->format = take(d, "format");
    if (d->file && !*d->file) {
        g_clear_pointer(&d->file, g_free);
    }
    if (driver && d->format) {
        error_setg(errp, "Cannot specify both 'driver' and 'format'");
        g_free(driver);
        return false;
    }
    d->format = driver ? driver : d->format;
    return true;
}

/* ---- the table ---- */

static void free_drive(Drive *d)
{
    g_free(d->text);
    g_free(d->interface);
    g_free(d->id);
    g_free(d->file);
    g_free(d->format);
    g_free(d->serial);
    qemu_opts_free(d->node);
    g_free(d);
}

static bool fill_drive(Drive *d, Error **errp)
{
    d->serial = take(d, "serial");
    return choose_interface(d, errp) && choose_media(d, errp) && choose_place(d, errp) && choose_id(d, errp) &&
           choose_cache(d, errp) && choose_error_actions(d, errp) && choose_protection(d, errp) &&
           choose_format(d, errp);
}

/* Takes over opts and text. */
static bool add_drive(QemuOpts *opts, char *text, Error **errp)
{
    Drive *d = g_new0(Drive, 1);
    d->node = opts;
    d->text = text;
    d->unit = ANY_UNIT;
    if (!fill_drive(d, errp)) {
        free_drive(d);
        return false;
    }
    if (!drives) {
        drives = g_ptr_array_new();
    }
    g_ptr_array_add(drives, d);
    return true;
}

bool drive_add(const char *text, Error **errp)
{
    QemuOpts *opts = qemu_opts_parse(text, NULL, NULL, errp);
    return opts && add_drive(opts, g_strdup_printf("-drive %s", text), errp);
}

bool drive_add_short(const char *option, BlockInterface type, int index, const char *file, bool cdrom, Error **errp)
{
    static const char *const names[] = {
        [IF_NONE] = "none", [IF_IDE] = "ide", [IF_FLOPPY] = "floppy", [IF_VIRTIO] = "virtio"
    };
    QemuOpts *opts = qemu_opts_new();
    char *number = g_strdup_printf("%d", index);
    qemu_opts_set(opts, "if", names[type]);
    qemu_opts_set(opts, "index", number);
    qemu_opts_set(opts, "file", file);
    qemu_opts_set(opts, "media", cdrom ? "cdrom" : "disk");
    g_free(number);
    return add_drive(opts, option ? g_strdup_printf("%s %s", option, file) : g_strdup(file), errp);
}

bool blockdev_add(const char *text, Error **errp)
{
    QemuOpts *opts = *text == '{' ? bdrv_parse_json(text, errp) : qemu_opts_parse(text, "driver", NULL, errp);
    if (!opts) {
        return false;
    }
    if (!blockdevs) {
        blockdevs = g_ptr_array_new();
    }
    Blockdev *b = g_new(Blockdev, 1);
    *b = (Blockdev){ .text = g_strdup_printf("-blockdev %s", text), .opts = opts };
    g_ptr_array_add(blockdevs, b);
    return true;
}

/* ---- opening ---- */

static void prefix(Error **err, const char *text)
{
    if (*err) {
        error_prepend(err, "%s: ", text);
    }
}

static bool open_blockdev(Blockdev *b, Error **errp)
{
    Error *err = NULL;
    b->root = bdrv_open_blockdev(b->opts, replay_active() ? 0 : BDRV_O_RDWR, &err);
    prefix(&err, b->text);
    error_propagate(errp, err);
    return b->root;
}

static bool has_medium(const Drive *d)
{
    QemuOpts *sub = qemu_opts_sub(d->node, "file.");
    bool has = d->file || d->format || sub;
    qemu_opts_free(sub);
    return has;
}

/* With rr= and snapshot=on nothing is written to what the user named. */
static int open_flags(const Drive *d)
{
    bool protect = d->read_only || d->snapshot || replay_active();
    return d->flags | (protect ? 0 : BDRV_O_RDWR);
}

/* "image=" of a blkreplay: that drive belongs to this one now. */
static void mark_image(const Drive *d)
{
    const char *image = qemu_opt_get(d->node, "image");
    Drive *below = image ? find_drive(image) : NULL;
    if (below) {
        below->used = true;
    }
}

static void configure_backend(Drive *d)
{
    BlockBackend *blk = d->blk;
    blk->write_cache = d->write_cache;
    blk->removable = d->cdrom || d->type == IF_FLOPPY;
    blk->on_read_error = d->on_read_error;
    blk->on_write_error = d->on_write_error;
    blk->serial = g_strdup(d->serial);
}

static bool open_root(Drive *d, Error **errp)
{
    BlockNode *root = NULL;
    if (has_medium(d)) {
        root = bdrv_open(d->file, d->format, d->node, open_flags(d), errp);
        if (!root) {
            return false;
        }
        mark_image(d);
    }
    d->blk = blk_new(d->id, root);
    configure_backend(d);
    return !d->snapshot || d->read_only || !root || replay_active() || overlay_add(d->blk, errp);
}

static bool open_drive(Drive *d, Error **errp)
{
    Error *err = NULL;
    d->snapshot |= !d->snapshot_given && drive_snapshot_all;
    if (bdrv_find_node(d->id)) {
        error_setg(&err, "Device name '%s' conflicts with an existing node name", d->id);
    } else {
        open_root(d, &err);
    }
    prefix(&err, d->text);
    error_propagate(errp, err);
    return !err;
}

bool blk_open_all(Error **errp)
{
    for (guint i = 0; blockdevs && i < blockdevs->len; i++) {
        if (!open_blockdev(g_ptr_array_index(blockdevs, i), errp)) {
            return false;
        }
    }
    for (guint i = 0; drives && i < drives->len; i++) {
        if (!open_drive(g_ptr_array_index(drives, i), errp)) {
            return false;
        }
    }
    blkreplay_init();
    return true;
}

/* ---- who uses it ---- */

static bool use_drive(Drive *d, Error **errp)
{
    Error *err = NULL;
    d->used = true;
    overlay_prepare_replay(d->blk, d->read_only, &err);
    prefix(&err, d->text);
    error_propagate(errp, err);
    return !err;
}

BlockBackend *drive_get(BlockInterface type, int bus, int unit, bool *cdrom)
{
    for (guint i = 0; drives && i < drives->len; i++) {
        Drive *d = g_ptr_array_index(drives, i);
        if (d->type == type && d->bus == bus && d->unit == unit) {
            use_drive(d, &error_fatal);
            d->blk->user = g_strdup(d->id);
            if (cdrom) {
                *cdrom = d->cdrom;
            }
            return d->blk;
        }
    }
    return NULL;
}

static Blockdev *find_blockdev(const char *node_name)
{
    for (guint i = 0; blockdevs && i < blockdevs->len; i++) {
        Blockdev *b = g_ptr_array_index(blockdevs, i);
        if (!strcmp(b->root->node_name, node_name)) {
            return b;
        }
    }
    return NULL;
}

static BlockBackend *claim_drive(Drive *d, Error **errp)
{
    if (d->used) {
        error_setg(errp, "Drive '%s' is already in use by another device", d->id);
        return NULL;
    }
    return use_drive(d, errp) ? d->blk : NULL;
}

/* A node is given to one device; its back end has the node's name. */
static BlockBackend *claim_node(Blockdev *b, Error **errp)
{
    const char *name = b->root->node_name;
    if (blk_find(name)) {
        error_setg(errp, "Drive '%s' is already in use by another device", name);
        return NULL;
    }
    bool read_only = qemu_opt_get_bool(b->opts, "read-only", false, NULL);
    BlockBackend *blk = blk_new(name, bdrv_ref(b->root));
    return overlay_prepare_replay(blk, read_only, errp) ? blk : NULL;
}

BlockBackend *blk_claim(const char *id, const char *device, Error **errp)
{
    Drive *d = find_drive(id);
    Blockdev *b = d ? NULL : find_blockdev(id);
    if (!d && !b) {
        error_setg(errp, "Property '%s.drive' can't find value '%s'", device, id);
        return NULL;
    }
    BlockBackend *blk = d ? claim_drive(d, errp) : claim_node(b, errp);
    if (blk) {
        blk->user = g_strdup(device);
    }
    return blk;
}

const char *drive_first_orphan(void)
{
    static char *text;
    for (guint i = 0; drives && i < drives->len; i++) {
        const Drive *d = g_ptr_array_index(drives, i);
        if (!d->used && d->type != IF_NONE) {
            g_free(text);
            text = g_strdup_printf("%s: machine type does not support if=%s,bus=%d,unit=%d", d->text, d->interface,
                                   d->bus, d->unit);
            return text;
        }
    }
    return NULL;
}

static bool reopen_writable(Drive *d, Error **errp)
{
    Error *err = NULL;
    bdrv_unref(d->blk->root);
    d->blk->root = bdrv_open(d->file, d->format, d->node, d->flags | BDRV_O_RDWR, &err);
    d->blk->read_only = false;
    prefix(&err, d->text);
    error_propagate(errp, err);
    return !err;
}

bool drive_open_unused(Error **errp)
{
    for (guint i = 0; replay_active() && drives && i < drives->len; i++) {
        Drive *d = g_ptr_array_index(drives, i);
        bool store = !d->used && !d->read_only && !d->snapshot && d->blk->root;
        if (store && !reopen_writable(d, errp)) {
            return false;
        }
    }
    return true;
}

void drive_close_all(void)
{
    for (guint i = 0; drives && i < drives->len; i++) {
        free_drive(g_ptr_array_index(drives, i));
    }
    for (guint i = 0; blockdevs && i < blockdevs->len; i++) {
        Blockdev *b = g_ptr_array_index(blockdevs, i);
        bdrv_unref(b->root);
        qemu_opts_free(b->opts);
        g_free(b->text);
        g_free(b);
    }
    g_clear_pointer(&drives, g_ptr_array_unref);
    g_clear_pointer(&blockdevs, g_ptr_array_unref);
}
