/*
 * block/overlay.c  Temporary images: -snapshot, and with rr= every drive that the machine uses, so that a recording can
 * be replayed from the very images it was made with.
 *
 * An overlay is a qcow2 file whose name is gone once it is open; its backing node is set by hand. With rr= the graph
 * of a drive becomes recording point -> overlay -> what the user named, and each host file in the latter is an input.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "block/backend.h"
#include "replay/replay.h"

#define OVERLAY_CLUSTER (64 * KiB)

/* ---- the file ---- */

static BlockNode *open_new_file(const char *path, int64_t length, int flags, Error **errp)
{
    if (!qcow2_create(path, length, NULL, NULL, OVERLAY_CLUSTER, 3, errp)) {
        return NULL;
    }
    BlockNode *bs = bdrv_open(path, "qcow2", NULL, flags, errp);
    g_unlink(path);
    return bs;
}

/* Guests write in it as long as the machine runs, and nobody reads it afterwards: never flushed. */
static BlockNode *new_overlay(const BlockNode *base, int64_t length, Error **errp)
{
    const char *tmp = g_getenv("TMPDIR");
    char *dir = g_build_filename(tmp && *tmp ? tmp : "/var/tmp", "lockstep-XXXXXX", NULL);
    if (!g_mkdtemp_full(dir, 0700)) {
        error_setg_errno(errp, errno, "Could not make a temporary directory '%s'", dir);
        g_free(dir);
        return NULL;
    }
    char *path = g_build_filename(dir, "overlay.qcow2", NULL);
    int flags = BDRV_O_RDWR | BDRV_O_NO_FLUSH | BDRV_O_NO_BACKING | (base->open_flags & BDRV_O_UNMAP);
    BlockNode *bs = open_new_file(path, length, flags, errp);
    g_rmdir(dir);
    g_free(path);
    g_free(dir);
    return bs;
}

/* ---- its place in the graph ---- */

/* What stands below the recording point, if the user put one on top. */
static BlockNode **below_recording_point(BlockBackend *blk)
{
    bool marked = blk->root && blk->root->drv == &bdrv_blkreplay;
    return marked ? &blk->root->file : &blk->root;
}

BlockNode *blk_root_node(BlockBackend *blk)
{
    return *below_recording_point(blk);
}

BlockNode *blk_overlay(BlockBackend *blk)
{
    return replay_active() ? blk->overlay : NULL;
}

static void set_writable(BlockBackend *blk)
{
    blk->root->read_only = false;
    blk->root->open_flags = blk->overlay->open_flags;
    blk->read_only = false;
}

bool overlay_add(BlockBackend *blk, Error **errp)
{
    BlockNode **place = below_recording_point(blk);
    BlockNode *base = *place;
    BlockNode *bs = new_overlay(base, blk->length, errp);
    if (!bs) {
        return false;
    }
    bs->backing = base;
    bs->detect_zeroes = base->detect_zeroes;
    *place = blk->overlay = bs;
    set_writable(blk);
    return true;
}

bool blk_reset_overlay(BlockBackend *blk, Error **errp)
{
    BlockNode **place = below_recording_point(blk), *old = blk->overlay;
    lockstep_assert(old && *place == old, "%s: no overlay", blk->name);
    *place = bdrv_ref(old->backing);
    blk->overlay = NULL;
    if (overlay_add(blk, errp)) {
        bdrv_unref(old);
        return true;
    }
    bdrv_unref(old->backing);
    *place = blk->overlay = old;
    return false;
}

/* ---- replay ---- */

static bool add_inputs(const BlockNode *bs, Error **errp)
{
    if (!bs) {
        return true;
    }
    if (bs->drv == &bdrv_file || bs->drv == &bdrv_host_device) {
        return replay_add_input("disk", bs->filename, errp);
    }
    return add_inputs(bs->file, errp) && add_inputs(bs->backing, errp);
}

/* What the guest can see of a drive besides its contents. */
static bool add_property(const BlockBackend *blk, Error **errp)
{
    char *name = g_strdup_printf("drive %s", blk->name);
    char *value = g_strdup_printf("%" PRId64 " bytes%s%s%s%s", blk->length, blk->read_only ? ", read-only" : "",
                                  blk->write_cache ? "" : ", writethrough", blk->serial ? ", serial " : "",
                                  blk->serial ? blk->serial : "");
    bool ok = replay_add_property(name, name, value, errp);
    g_free(name);
    g_free(value);
    return ok;
}

bool overlay_prepare_replay(BlockBackend *blk, bool read_only, Error **errp)
{
    if (!replay_active() || !blk->root) {
        return true;
    }
    if (!add_inputs(blk->root, errp) || (!read_only && !overlay_add(blk, errp)) || !add_property(blk, errp)) {
        return false;
    }
    if (blk->root->drv != &bdrv_blkreplay) {
        blk->root = bdrv_new_filter(&bdrv_blkreplay, blk->root);
    }
    return true;
}
