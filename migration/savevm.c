/*
 * migration/savevm.c  Snapshots of the whole machine (migration/snapshot.h says where they go).
 *
 * The VM state, little-endian:
 *   u64 magic, u32 format, u64 bytes of the RAM space, CPU model
 *   machine   all described state (migration/vmstate.c)
 *   replay    place in the log, asynchronous work that waits (replay/snapshot.c)
 *   run       clocks and requests that are no described state
 *   ram       pages that are not all zero (migration/pages.c)
 *   disks     with rr=: what was written since the start, drive by drive
 *   u64       XXH3 of all the above
 *
 * The machine is drained first: no request is on a pool thread, so that what is saved is what the guest's completions
 * will bring.
 */
#include "migration/snapshot.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <time.h>

#include "accel/engine.h"
#include "block/block.h"
#include "exec/memory.h"
#include "hw/i386/pc.h"
#include "migration/vmstate.h"
#include "replay/replay.h"
#include "runstate-private.h"
#include "state-stream.h"
#include "sysemu/cpus.h"
#include "target/i386/access.h"
#include "util/info.h"

#define STATE_MAGIC   0x45544154534b434cull /* "LCKSTATE" */
#define STATE_FORMAT  1u
#define MAX_SECTION   (256u << 20)
#define STORE_CLUSTER 65536u
#define NO_STORE      "no block device can store vmstate for snapshot"

/* ---- the run: what is neither a device nor the log ---- */

typedef struct RunSection {
    int64_t virtual_ns, warp_start_ns;
    RunstateRequests requests;
} RunSection;

static void put_run(StateStream *s)
{
    RunSection run;
    cpus_get_clocks(&run.virtual_ns, &run.warp_start_ns);
    runstate_get_requests(&run.requests);
    state_put_u64(s, run.virtual_ns);
    state_put_u64(s, run.warp_start_ns);
    state_put_u32(s, run.requests.shutdown);
    state_put_u32(s, run.requests.reset);
    state_put_u32(s, run.requests.exit_status);
}

static RunSection get_run(StateStream *s)
{
    RunSection run;
    run.virtual_ns = state_get_u64(s);
    run.warp_start_ns = state_get_u64(s);
    run.requests.shutdown = state_get_u32(s);
    run.requests.reset = state_get_u32(s);
    run.requests.exit_status = state_get_u32(s);
    if (run.requests.shutdown >= SHUTDOWN_CAUSE_MAX || run.requests.reset >= SHUTDOWN_CAUSE_MAX || run.virtual_ns < 0) {
        state_stream_fail(s, "impossible run state (virtual clock %" PRId64 ", shutdown %u, reset %u)", run.virtual_ns,
                          run.requests.shutdown, run.requests.reset);
    }
    return run;
}

/* ---- RAM ---- */

static void put_ram(StateStream *s)
{
    PageWriter *w = page_writer_new(s);
    for (uint64_t page = 0; page < ram_size_used / STATE_UNIT; page++) {
        const uint8_t *data = ram_base + page * STATE_UNIT;
        if (!buffer_is_zero(data, STATE_UNIT)) {
            page_writer_data(w, page, data);
        }
    }
    page_writer_finish(w);
}

typedef struct RAMLoad {
    uint64_t next; /* first page not yet dealt with: pages come in order, those between are zero */
} RAMLoad;

static void set_page(uint64_t page, const uint8_t *data)
{
    uint8_t *to = ram_base + page * STATE_UNIT;
    if (data ? memcmp(to, data, STATE_UNIT) != 0 : !buffer_is_zero(to, STATE_UNIT)) {
        ram_notify_write(page * STATE_UNIT, STATE_UNIT);
        if (data) {
            memcpy(to, data, STATE_UNIT);
        } else {
            memset(to, 0, STATE_UNIT);
        }
    }
}

static void load_page(void *opaque, uint64_t unit, uint64_t count, const uint8_t *data)
{
    RAMLoad *load = opaque;
    (void)count;
    while (load->next < unit) {
        set_page(load->next++, NULL);
    }
    set_page(unit, data);
    load->next = unit + 1;
}

static void get_ram(StateStream *s)
{
    RAMLoad load = { 0 };
    uint64_t pages = ram_size_used / STATE_UNIT;
    page_reader_run(s, pages, load_page, &load);
    while (!s->error && load.next < pages) {
        set_page(load.next++, NULL);
    }
}

/* ---- disks, with rr=: the temporary overlays ---- */

#define MAX_EXTENT (1u << 20)

static int64_t disk_units(BlockNode *overlay)
{
    return (bdrv_getlength(overlay) + STATE_UNIT - 1) / STATE_UNIT;
}

static void put_extent(StateStream *s, PageWriter *w, BlockNode *overlay, int64_t offset, int64_t bytes)
{
    uint8_t unit[STATE_UNIT];
    for (int64_t end = offset + bytes; offset < end; offset += STATE_UNIT) {
        size_t n = MIN(STATE_UNIT, end - offset);
        memset(unit, 0, sizeof(unit));
        int ret = bdrv_pread(overlay, offset, unit, n);
        if (ret < 0) {
            state_stream_fail(s, "reading '%s': %s", overlay->filename, g_strerror(-ret));
            return;
        }
        page_writer_data(w, offset / STATE_UNIT, unit);
    }
}

static void put_disk(StateStream *s, BlockNode *overlay)
{
    PageWriter *w = page_writer_new(s);
    int64_t length = bdrv_getlength(overlay);
    for (int64_t offset = 0, bytes; offset < length; offset += bytes) {
        bytes = MIN(MAX_EXTENT, length - offset);
        BlockStatus status = bdrv_block_status(overlay, offset, &bytes);
        if (status == BLOCK_DATA) {
            put_extent(s, w, overlay, offset, bytes);
        } else if (status == BLOCK_ZERO) {
            page_writer_zeroes(w, offset / STATE_UNIT, (bytes + STATE_UNIT - 1) / STATE_UNIT);
        }
    }
    page_writer_finish(w);
}

static void put_disk_of(BlockBackend *blk, void *opaque)
{
    StateStream *s = opaque;
    BlockNode *overlay = blk_overlay(blk);
    if (overlay) {
        state_put_string(s, blk_name(blk));
        put_disk(s, overlay);
    }
}

static void put_disks(StateStream *s)
{
    blk_foreach(put_disk_of, s);
    state_put_string(s, "");
}

typedef struct DiskLoad {
    StateStream *s;
    BlockNode *overlay;
} DiskLoad;

static void load_units(void *opaque, uint64_t unit, uint64_t count, const uint8_t *data)
{
    DiskLoad *load = opaque;
    int64_t offset = unit * STATE_UNIT,
            bytes = MIN((int64_t)(count * STATE_UNIT), bdrv_getlength(load->overlay) - offset);
    int ret =
        data ? bdrv_pwrite(load->overlay, offset, data, bytes, 0) : bdrv_pwrite_zeroes(load->overlay, offset, bytes, 0);
    if (ret < 0) {
        state_stream_fail(load->s, "writing '%s': %s", load->overlay->filename, g_strerror(-ret));
    }
}

static void get_disk(StateStream *s, const char *name)
{
    Error *err = NULL;
    BlockBackend *blk = blk_find(name);
    if (!blk || !blk_overlay(blk)) {
        state_stream_fail(s, "there is no disk '%s'", name);
        return;
    }
    if (!blk_reset_overlay(blk, &err)) {
        state_stream_fail(s, "%s", error_get_pretty(err));
        error_free(err);
        return;
    }
    DiskLoad load = { s, blk_overlay(blk) };
    page_reader_run(s, disk_units(load.overlay), load_units, &load);
}

static void get_disks(StateStream *s)
{
    char *name = state_get_string(s);
    while (!s->error && *name) {
        get_disk(s, name);
        g_free(name);
        name = state_get_string(s);
    }
    g_free(name);
}

/* ---- the whole state ---- */

static void put_section(StateStream *s, void (*save)(GByteArray *out))
{
    GByteArray *bytes = g_byte_array_new();
    save(bytes);
    state_put_bytes(s, bytes);
    g_byte_array_unref(bytes);
}

static uint64_t write_state(StateStream *s)
{
    state_put_u64(s, STATE_MAGIC);
    state_put_u32(s, STATE_FORMAT);
    state_put_u64(s, ram_size_used);
    char *model = cpu_model_describe(first_cpu());
    state_put_string(s, model);
    g_free(model);
    put_section(s, vmstate_save_all);
    put_section(s, replay_snapshot_save);
    put_run(s);
    put_ram(s);
    put_disks(s);
    return state_stream_finish_writer(s);
}

static bool check_head(StateStream *s)
{
    uint64_t magic = state_get_u64(s);
    uint32_t format = state_get_u32(s);
    if (magic != STATE_MAGIC || format != STATE_FORMAT) {
        state_stream_fail(s, "this is no state that this emulator wrote (magic %016" PRIx64 ", format %u)", magic,
                          format);
        return false;
    }
    uint64_t ram = state_get_u64(s);
    char *model = state_get_string(s), *own_model = cpu_model_describe(first_cpu());
    if (ram != ram_size_used) {
        state_stream_fail(s, "it has %" PRIu64 " KiB of RAM and ROM, the machine %" PRIu64, ram / 1024,
                          ram_size_used / 1024);
    } else if (strcmp(model, own_model)) {
        state_stream_fail(s, "it was taken with -cpu %s, the machine has -cpu %s", model, own_model);
    }
    g_free(model);
    g_free(own_model);
    return !s->error;
}

static bool load_section(StateStream *s, const GByteArray *bytes,
                         bool (*load)(const uint8_t *buf, size_t len, Error **errp))
{
    Error *err = NULL;
    if (!s->error && !load(bytes->data, bytes->len, &err)) {
        state_stream_fail(s, "%s", error_get_pretty(err));
        error_free(err);
    }
    return !s->error;
}

static bool load_machine(StateStream *s, const GByteArray *machine, const GByteArray *replay)
{
    memory_region_transaction_begin();
    bool ok = load_section(s, machine, vmstate_load_all);
    memory_region_transaction_commit();
    return ok && load_section(s, replay, replay_snapshot_load);
}

/* All that is checked before it changes anything comes first; *half_loaded tells whether that is behind us. */
static void apply_state(StateStream *s, bool *half_loaded)
{
    g_autoptr(GByteArray) machine = state_get_bytes(s, MAX_SECTION);
    g_autoptr(GByteArray) replay = state_get_bytes(s, MAX_SECTION);
    RunSection run = get_run(s);
    if (!load_section(s, machine, vmstate_check_all) || !load_section(s, replay, replay_snapshot_check)) {
        return;
    }
    *half_loaded = true;
    if (!load_machine(s, machine, replay)) {
        return;
    }
    current_engine()->flush(first_cpu());
    get_ram(s);
    get_disks(s);
    tlb_rederive(first_cpu());
    runstate_set_requests(&run.requests);
    cpus_set_clocks(run.virtual_ns, run.warp_start_ns);
}

/* ---- where snapshots are ---- */

/* One image that takes part, of a drive or the store of a recording. */
typedef struct Image {
    char *name;
    BlockNode *node;
    bool opened; /* for this one use */
} Image;

static void image_free(gpointer data)
{
    Image *image = data;
    if (image->opened) {
        bdrv_unref(image->node);
    }
    g_free(image->name);
    g_free(image);
}

static void add_image(GPtrArray *images, const char *name, BlockNode *node, bool opened)
{
    Image *image = g_new(Image, 1);
    *image = (Image){ g_strdup(name), node, opened };
    g_ptr_array_add(images, image);
}

static void add_if_writable(BlockBackend *blk, void *opaque)
{
    if (blk_is_inserted(blk) && !blk_is_read_only(blk)) {
        add_image(opaque, blk_name(blk), blk_root_node(blk), false);
    }
}

static void add_if_store(BlockBackend *blk, void *opaque)
{
    GPtrArray *images = opaque;
    if (!images->len && blk_is_inserted(blk) && !blk_is_read_only(blk) && !blk_overlay(blk) &&
        blk_root_node(blk)->drv->snapshot_create) {
        add_image(images, blk_name(blk), blk_root_node(blk), false);
    }
}

static bool create_store(const char *path, Error **errp)
{
    return g_file_test(path, G_FILE_TEST_EXISTS) ||
           qcow2_create(path, STORE_CLUSTER, NULL, NULL, STORE_CLUSTER, 3, errp);
}

static bool add_store_file(GPtrArray *images, bool write, Error **errp)
{
    const char *path = replay_snapshots_path();
    bool ok = write ? create_store(path, errp) : true;
    if (ok && (write || g_file_test(path, G_FILE_TEST_EXISTS))) {
        BlockNode *node = bdrv_open(path, "qcow2", NULL, write ? BDRV_O_RDWR : 0, errp);
        ok = node != NULL;
        if (ok) {
            add_image(images, path, node, true);
        }
    }
    return ok;
}

/* The images that take part. NULL on error; none at all is no error. */
static GPtrArray *find_images(bool write, Error **errp)
{
    GPtrArray *images = g_ptr_array_new_with_free_func(image_free);
    bool ok = true;
    if (replay_active()) {
        blk_foreach(add_if_store, images);
        ok = images->len || add_store_file(images, write, errp);
    } else {
        blk_foreach(add_if_writable, images);
    }
    if (!ok) {
        g_ptr_array_free(images, true);
    }
    return ok ? images : NULL;
}

static bool all_can_store(GPtrArray *images, Error **errp)
{
    for (guint i = 0; i < images->len; i++) {
        Image *image = g_ptr_array_index(images, i);
        if (!image->node->drv->snapshot_create) {
            error_setg(errp, "Device '%s' is writable but does not support snapshots", image->name);
            return false;
        }
    }
    return true;
}

/* As above, for one that changes or follows what they hold: each must be able to. */
static GPtrArray *find_stores(bool write, Error **errp)
{
    GPtrArray *images = find_images(write, errp);
    if (images && !all_can_store(images, errp)) {
        g_ptr_array_free(images, true);
        return NULL;
    }
    if (images && !images->len && (write || !replay_log_path())) {
        error_setg(errp, NO_STORE);
        g_ptr_array_free(images, true);
        return NULL;
    }
    return images;
}

static const QEMUSnapshotInfo *find_in_list(const QEMUSnapshotInfo *list, int count, const char *name, bool ids)
{
    for (int i = 0; i < count; i++) {
        if (!strcmp(list[i].name, name)) {
            return &list[i];
        }
    }
    for (int i = 0; ids && i < count; i++) {
        if (!strcmp(list[i].id_str, name)) {
            return &list[i];
        }
    }
    return NULL;
}

/* By its name, or else, with `ids`, by its ID. */
static bool find_snapshot(BlockNode *node, const char *name, bool ids, QEMUSnapshotInfo *found)
{
    g_autofree QEMUSnapshotInfo *list = NULL;
    int count = node->drv->snapshot_list(node, &list);
    const QEMUSnapshotInfo *sn = find_in_list(list, count, name, ids);
    if (sn) {
        *found = *sn;
    }
    return sn;
}

/* *found stays when there is none of that name. */
static bool delete_from(GPtrArray *images, const char *name, bool ids, bool *found, Error **errp)
{
    for (guint i = 0; i < images->len; i++) {
        Image *image = g_ptr_array_index(images, i);
        QEMUSnapshotInfo sn;
        if (find_snapshot(image->node, name, ids, &sn)) {
            *found = true;
            if (image->node->drv->snapshot_delete(image->node, sn.id_str, errp) < 0) {
                error_prepend(errp, "Error while deleting snapshot on device '%s': ", image->name);
                return false;
            }
        }
    }
    return true;
}

/* ---- the machine stands still ---- */

static bool stand_still(void)
{
    bool was_running = runstate_is_running();
    vm_stop(RUN_STATE_PAUSED);
    blk_drain_all();
    return was_running;
}

static void go_on(bool was_running)
{
    if (was_running) {
        vm_start();
    }
}

/* ---- save ---- */

static void describe(QEMUSnapshotInfo *sn, const char *name)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *sn = (QEMUSnapshotInfo){ .date_sec = now.tv_sec,
                              .date_nsec = now.tv_nsec,
                              .vm_clock_nsec = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
                              .icount = icount_enabled() ? (uint64_t)icount_get() : UINT64_MAX };
    if (name && *name) {
        g_strlcpy(sn->name, name, sizeof(sn->name));
    } else {
        time_t seconds = now.tv_sec;
        struct tm local;
        strftime(sn->name, sizeof(sn->name), "vm-%Y%m%d%H%M%S", localtime_r(&seconds, &local));
    }
}

static bool save_state(Image *first, QEMUSnapshotInfo *sn, Error **errp)
{
    StateStream s;
    state_stream_init_writer(&s, first->node);
    sn->vm_state_size = write_state(&s);
    if (s.error) {
        error_setg(errp, "Could not save the VM state in '%s': %s", first->name, s.error);
    }
    bool ok = !s.error;
    state_stream_free(&s);
    return ok;
}

/* In all images or, when it fails, in none. */
static bool create_snapshots(GPtrArray *images, const QEMUSnapshotInfo *sn, Error **errp)
{
    for (guint i = 0; i < images->len; i++) {
        Image *image = g_ptr_array_index(images, i);
        QEMUSnapshotInfo own = *sn;
        own.vm_state_size = i ? 0 : sn->vm_state_size;
        int ret = image->node->drv->snapshot_create(image->node, &own);
        ret = ret < 0 ? ret : bdrv_flush(image->node);
        if (ret < 0) {
            bool found;
            error_setg(errp, "Error while creating snapshot on '%s': %s", image->name, g_strerror(-ret));
            delete_from(images, sn->name, false, &found, NULL);
            return false;
        }
    }
    return true;
}

static bool save_into(GPtrArray *images, const char *name, Error **errp)
{
    QEMUSnapshotInfo sn;
    bool replaced;
    describe(&sn, name);
    return delete_from(images, sn.name, false, &replaced, errp) &&
           save_state(g_ptr_array_index(images, 0), &sn, errp) && create_snapshots(images, &sn, errp);
}

bool save_snapshot(const char *name, Error **errp)
{
    QEMUSnapshotInfo sn;
    if (name && strlen(name) >= sizeof(sn.name)) {
        error_setg(errp, "Snapshot name '%.40s...' is longer than %zu bytes", name, sizeof(sn.name) - 1);
        return false;
    }
    GPtrArray *images = find_stores(true, errp);
    if (!images) {
        return false;
    }
    bool was_running = stand_still();
    bool ok = save_into(images, name, errp);
    g_ptr_array_free(images, true);
    go_on(was_running);
    return ok;
}

/* ---- load ---- */

static bool find_in_all(GPtrArray *images, const char *name, QEMUSnapshotInfo *sn, Error **errp)
{
    for (guint i = 0; i < images->len; i++) {
        Image *image = g_ptr_array_index(images, i);
        if (!find_snapshot(image->node, name, true, i ? &(QEMUSnapshotInfo){ 0 } : sn)) {
            error_setg(errp, "Snapshot '%s' does not exist in one or more devices", name);
            return false;
        }
    }
    if (!sn->vm_state_size) {
        error_setg(errp, "Snapshot '%s' is a disk-only snapshot. Revert to it offline using qemu-img", name);
        return false;
    }
    return true;
}

static bool go_to(GPtrArray *images, const char *name, Error **errp)
{
    for (guint i = 0; i < images->len; i++) {
        Image *image = g_ptr_array_index(images, i);
        QEMUSnapshotInfo sn;
        bool found = find_snapshot(image->node, name, true, &sn);
        int ret = found ? image->node->drv->snapshot_goto(image->node, sn.id_str) : -ENOENT;
        if (ret < 0) {
            error_setg(errp, "Error while activating snapshot '%s' on '%s': %s", name, image->name, g_strerror(-ret));
            return false;
        }
    }
    return true;
}

static bool load_state(Image *first, const char *name, uint64_t size, bool *half_loaded, Error **errp)
{
    StateStream s;
    state_stream_init_reader(&s, first->node, size);
    if (state_stream_verify(&s) && check_head(&s)) {
        apply_state(&s, half_loaded);
    }
    if (s.error) {
        error_setg(errp, "Could not load snapshot '%s': %s", name, s.error);
    }
    bool ok = !s.error;
    state_stream_free(&s);
    return ok;
}

static bool load_from(GPtrArray *images, const char *name, Error **errp)
{
    QEMUSnapshotInfo sn = { 0 };
    bool was_running = stand_still();
    bool ok = find_in_all(images, name, &sn, errp);
    bool half_loaded = ok && !replay_active(); /* the disks go first */
    ok = ok && go_to(images, name, errp) &&
         load_state(g_ptr_array_index(images, 0), name, sn.vm_state_size, &half_loaded, errp);
    if (half_loaded && !ok) {
        vm_stop(RUN_STATE_INTERNAL_ERROR);
        return false;
    }
    if (ok) {
        runstate_rewound();
    }
    go_on(was_running);
    return ok;
}

bool load_snapshot(const char *name, Error **errp)
{
    GPtrArray *images = replay_may_load(errp) ? find_stores(false, errp) : NULL;
    if (!images) {
        return false;
    }
    bool ok = false;
    if (images->len) {
        ok = load_from(images, name, errp);
    } else {
        error_setg(errp, "Snapshot '%s' does not exist: no snapshot was taken of '%s'", name, replay_log_path());
    }
    g_ptr_array_free(images, true);
    return ok;
}

/* ---- delete, list ---- */

bool delete_snapshot(const char *name, Error **errp)
{
    GPtrArray *images = find_stores(true, errp);
    bool found = false;
    if (!images) {
        return false;
    }
    blk_drain_all();
    bool ok = delete_from(images, name, true, &found, errp);
    g_ptr_array_free(images, true);
    if (ok && !found) {
        error_setg(errp, "Snapshot '%s' does not exist in one or more devices", name);
    }
    return ok && found;
}

static char *clock_text(uint64_t ns)
{
    uint64_t seconds = ns / NANOSECONDS_PER_SECOND;
    return g_strdup_printf("%02" PRIu64 ":%02d:%02d.%03d", seconds / 3600, (int)(seconds / 60 % 60),
                           (int)(seconds % 60), (int)(ns / 1000000 % 1000));
}

static char *size_text(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double value = bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < ARRAY_SIZE(units)) {
        value /= 1024;
        unit++;
    }
    return g_strdup_printf("%.3g %s", value, units[unit]);
}

static char *snapshot_line(const QEMUSnapshotInfo *sn)
{
    char date[64], icount[32] = "";
    struct tm local;
    time_t seconds = sn->date_sec;
    char *size = size_text(sn->vm_state_size), *clock = clock_text(sn->vm_clock_nsec);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &local));
    if (sn->icount != UINT64_MAX) {
        snprintf(icount, sizeof(icount), "%" PRIu64, sn->icount);
    }
    char *line = g_strdup_printf("%-9s %-16s %8s%20s%13s%11s", sn->id_str, sn->name, size, date, clock, icount);
    g_free(size);
    g_free(clock);
    return line;
}

static void print_list(BlockNode *node, InfoPrint *print, void *opaque)
{
    g_autofree QEMUSnapshotInfo *list = NULL;
    int count = node->drv->snapshot_list(node, &list);
    if (count <= 0) {
        print(opaque, "There is no snapshot available.");
        return;
    }
    char *head = g_strdup_printf("%-9s %-16s %8s%20s%13s%11s", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    print(opaque, "List of snapshots present on all disks:");
    print(opaque, head);
    g_free(head);
    for (int i = 0; i < count; i++) {
        char *line = snapshot_line(&list[i]);
        print(opaque, line);
        g_free(line);
    }
}

static BlockNode *first_store(GPtrArray *images)
{
    for (guint i = 0; i < images->len; i++) {
        BlockNode *node = ((Image *)g_ptr_array_index(images, i))->node;
        if (node->drv->snapshot_list) {
            return node;
        }
    }
    return NULL;
}

void snapshot_info(InfoPrint *print, void *opaque)
{
    Error *err = NULL;
    GPtrArray *images = find_images(false, &err);
    if (!images) {
        print(opaque, error_get_pretty(err));
        error_free(err);
        return;
    }
    BlockNode *store = first_store(images);
    if (store) {
        print_list(store, print, opaque);
    } else {
        print(opaque, replay_active() ? "There is no snapshot available." : NO_STORE);
    }
    g_ptr_array_free(images, true);
}
