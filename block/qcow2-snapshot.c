/*
 * block/qcow2-snapshot.c  Internal snapshots and the VM state (specification: "Snapshots"). The table is read and
 * checked here; how an image changes from one plan to the next is qcow2-commit.c.
 */
#include "block/qcow2.h"

#define FIXED_BYTES 40
#define MAX_EXTRA   1024
#define OUR_EXTRA   24 /* size of the VM state, of the disk, icount */

enum {
    SN_L1_OFFSET = 0,
    SN_L1_SIZE = 8,
    SN_ID_LEN = 12,
    SN_NAME_LEN = 14,
    SN_DATE_SEC = 16,
    SN_DATE_NSEC = 20,
    SN_VM_CLOCK = 24,
    SN_VM_STATE_SIZE = 32,
    SN_EXTRA_LEN = 36,
    SN_EXTRA = 40,
};
enum { EXTRA_VM_STATE_SIZE = 0, EXTRA_DISK_SIZE = 8, EXTRA_ICOUNT = 16 };

/* ---- reading ---- */

typedef struct Reader {
    BlockNode *bs;
    int64_t at, end;
    Error **errp;
} Reader;

static bool read_bytes(Reader *r, void *buf, size_t bytes)
{
    if ((int64_t)bytes > r->end - r->at) {
        error_setg(r->errp, "Snapshot table is too large");
        return false;
    }
    int ret = bdrv_pread(r->bs->file, r->at, buf, bytes);
    r->at += bytes;
    if (ret < 0) {
        error_setg_errno(r->errp, -ret, "Could not read snapshot table");
    }
    return ret >= 0;
}

static bool read_string(Reader *r, char *to, size_t size, size_t len)
{
    if (len >= size) {
        error_setg(r->errp, "Snapshot ID or name of %zu bytes is too long", len);
        return false;
    }
    to[len] = 0;
    return read_bytes(r, to, len);
}

static void take_extra(Qcow2Snapshot *sn, const uint8_t *extra, uint32_t len)
{
    if (len >= EXTRA_VM_STATE_SIZE + 8) {
        sn->info.vm_state_size = ldq_be_p(extra + EXTRA_VM_STATE_SIZE);
    }
    if (len >= EXTRA_DISK_SIZE + 8) {
        sn->disk_size = ldq_be_p(extra + EXTRA_DISK_SIZE);
    }
    if (len >= EXTRA_ICOUNT + 8) {
        sn->info.icount = ldq_be_p(extra + EXTRA_ICOUNT);
    }
    if (len > OUR_EXTRA) {
        sn->unknown_extra = g_bytes_new(extra + OUR_EXTRA, len - OUR_EXTRA);
    }
}

static bool read_extra(Reader *r, Qcow2Snapshot *sn, uint32_t len)
{
    uint8_t extra[MAX_EXTRA];
    if (len > MAX_EXTRA) {
        error_setg(r->errp, "Too much extra metadata in snapshot table entry (%" PRIu32 " bytes)", len);
        return false;
    }
    if (!read_bytes(r, extra, len)) {
        return false;
    }
    take_extra(sn, extra, len);
    return true;
}

static bool check_snapshot(const Qcow2State *s, const Qcow2Snapshot *sn, Error **errp)
{
    bool good = qcow2_aligned(s, sn->l1_offset) && sn->l1_offset >= 0 &&
                sn->l1_offset < INT64_MAX - QCOW2_MAX_L1_BYTES && sn->l1_size <= QCOW2_MAX_L1_BYTES / 8 &&
                sn->disk_size >= 0 && sn->disk_size <= INT64_MAX - GiB &&
                sn->disk_size >> qcow2_l1_shift(s) < QCOW2_MAX_L1_BYTES / 8;
    if (!good) {
        error_setg(errp, "Snapshot '%s' has an invalid L1 table or disk size", sn->info.name);
    }
    return good;
}

static bool read_snapshot(Reader *r, Qcow2Snapshot *sn)
{
    Qcow2State *s = r->bs->opaque;
    uint8_t fixed[FIXED_BYTES];
    if (!read_bytes(r, fixed, sizeof(fixed))) {
        return false;
    }
    uint16_t id_len = lduw_be_p(fixed + SN_ID_LEN), name_len = lduw_be_p(fixed + SN_NAME_LEN);
    *sn = (Qcow2Snapshot){ .l1_offset = ldq_be_p(fixed + SN_L1_OFFSET),
                           .l1_size = ldl_be_p(fixed + SN_L1_SIZE),
                           .disk_size = s->size };
    sn->info.date_sec = ldl_be_p(fixed + SN_DATE_SEC);
    sn->info.date_nsec = ldl_be_p(fixed + SN_DATE_NSEC);
    sn->info.vm_clock_nsec = ldq_be_p(fixed + SN_VM_CLOCK);
    sn->info.vm_state_size = ldl_be_p(fixed + SN_VM_STATE_SIZE);
    sn->info.icount = UINT64_MAX;
    bool good = read_extra(r, sn, ldl_be_p(fixed + SN_EXTRA_LEN)) &&
                read_string(r, sn->info.id_str, sizeof(sn->info.id_str), id_len) &&
                read_string(r, sn->info.name, sizeof(sn->info.name), name_len) && check_snapshot(s, sn, r->errp);
    r->at = (r->at + 7) & ~7ll;
    return good;
}

bool qcow2_read_snapshots(BlockNode *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t count = ldl_be_p(s->header + HDR_NB_SNAPSHOTS), at = ldq_be_p(s->header + HDR_SNAPSHOTS_OFFSET);
    if (count > QCOW2_MAX_SNAPSHOTS) {
        error_setg(errp, "Snapshot table too large (%" PRIu64 " snapshots)", count);
        return false;
    }
    if (count && (!qcow2_aligned(s, at) || at > INT64_MAX - QCOW2_MAX_SNAPSHOT_TABLE)) {
        error_setg(errp, "Snapshot table offset invalid");
        return false;
    }
    Reader r = { .bs = bs, .at = at, .end = at + QCOW2_MAX_SNAPSHOT_TABLE, .errp = errp };
    s->snapshots_offset = at;
    s->snapshots = g_new0(Qcow2Snapshot, count);
    while (s->nb_snapshots < count) {
        if (!read_snapshot(&r, &s->snapshots[s->nb_snapshots++])) {
            return false;
        }
    }
    return true;
}

/* ---- writing ---- */

static void add_snapshot(GByteArray *table, const Qcow2Snapshot *sn)
{
    uint8_t fixed[FIXED_BYTES + OUR_EXTRA] = { 0 };
    size_t unknown_len = sn->unknown_extra ? g_bytes_get_size(sn->unknown_extra) : 0;
    size_t id_len = strlen(sn->info.id_str), name_len = strlen(sn->info.name);
    stq_be_p(fixed + SN_L1_OFFSET, sn->l1_offset);
    stl_be_p(fixed + SN_L1_SIZE, sn->l1_size);
    stl_be_p(fixed + SN_ID_LEN, id_len << 16 | name_len);
    stl_be_p(fixed + SN_DATE_SEC, sn->info.date_sec);
    stl_be_p(fixed + SN_DATE_NSEC, sn->info.date_nsec);
    stq_be_p(fixed + SN_VM_CLOCK, sn->info.vm_clock_nsec);
    stl_be_p(fixed + SN_VM_STATE_SIZE, MIN(sn->info.vm_state_size, UINT32_MAX));
    stl_be_p(fixed + SN_EXTRA_LEN, OUR_EXTRA + unknown_len);
    stq_be_p(fixed + SN_EXTRA + EXTRA_VM_STATE_SIZE, sn->info.vm_state_size);
    stq_be_p(fixed + SN_EXTRA + EXTRA_DISK_SIZE, sn->disk_size);
    stq_be_p(fixed + SN_EXTRA + EXTRA_ICOUNT, sn->info.icount);
    g_byte_array_append(table, fixed, sizeof(fixed));
    if (unknown_len) {
        g_byte_array_append(table, g_bytes_get_data(sn->unknown_extra, NULL), unknown_len);
    }
    g_byte_array_append(table, (const uint8_t *)sn->info.id_str, id_len);
    g_byte_array_append(table, (const uint8_t *)sn->info.name, name_len);
    static const uint8_t padding[8];
    g_byte_array_append(table, padding, -table->len & 7);
}

GByteArray *qcow2_snapshot_table(const Qcow2Snapshot *list, uint32_t count)
{
    GByteArray *table = g_byte_array_new();
    for (uint32_t i = 0; i < count; i++) {
        add_snapshot(table, &list[i]);
    }
    return table;
}

void qcow2_free_snapshots(Qcow2Snapshot *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        g_bytes_unref(list[i].unknown_extra);
    }
    g_free(list);
}

/* ---- operations ---- */

/* An ID first, then a name; -1: none. */
static int64_t find(const Qcow2State *s, const char *id_or_name)
{
    for (uint32_t i = 0; i < s->nb_snapshots; i++) {
        if (!strcmp(s->snapshots[i].info.id_str, id_or_name)) {
            return i;
        }
    }
    for (uint32_t i = 0; i < s->nb_snapshots; i++) {
        if (!strcmp(s->snapshots[i].info.name, id_or_name)) {
            return i;
        }
    }
    return -1;
}

static void choose_id(const Qcow2State *s, char *id, size_t size)
{
    uint64_t max = 0;
    for (uint32_t i = 0; i < s->nb_snapshots; i++) {
        uint64_t n = g_ascii_strtoull(s->snapshots[i].info.id_str, NULL, 10);
        max = n < INT64_MAX ? MAX(max, n) : max;
    }
    g_snprintf(id, size, "%" PRIu64, max + 1);
}

/* The list without number `without` (or all: -1) and with room for one more. */
static Qcow2Snapshot *copy_list(const Qcow2State *s, int64_t without, uint32_t *count)
{
    Qcow2Snapshot *list = g_new0(Qcow2Snapshot, s->nb_snapshots + 1);
    *count = 0;
    for (uint32_t i = 0; i < s->nb_snapshots; i++) {
        if (i != without) {
            list[*count] = s->snapshots[i];
            if (list[*count].unknown_extra) {
                g_bytes_ref(list[*count].unknown_extra);
            }
            (*count)++;
        }
    }
    return list;
}

static uint64_t l1_entries_for(const Qcow2State *s, int64_t size)
{
    return ((uint64_t)size + (1ull << qcow2_l1_shift(s)) - 1) >> qcow2_l1_shift(s);
}

int64_t qcow2_vm_state_offset(const Qcow2State *s)
{
    return l1_entries_for(s, s->size) << qcow2_l1_shift(s);
}

/* Commit with another list of snapshots: the old one is freed, or the new one. */
static int commit_list(BlockNode *bs, const Qcow2Plan *plan)
{
    Qcow2State *s = bs->opaque;
    Qcow2Snapshot *old = s->snapshots;
    uint32_t old_count = s->nb_snapshots;
    int ret = qcow2_commit(bs, plan);
    if (ret == 0) {
        qcow2_free_snapshots(old, old_count);
    } else {
        qcow2_free_snapshots(plan->snapshots, plan->nb_snapshots);
    }
    return ret;
}

/* The old L1 table becomes the snapshot's; the new one leaves the VM state behind. */
static int create_alone(BlockNode *bs, QEMUSnapshotInfo *sn)
{
    Qcow2State *s = bs->opaque;
    if (s->nb_snapshots >= QCOW2_MAX_SNAPSHOTS) {
        return -EFBIG;
    }
    if (!sn->id_str[0]) {
        choose_id(s, sn->id_str, sizeof(sn->id_str));
    }
    for (uint32_t i = 0; i < s->nb_snapshots; i++) {
        if (!strcmp(s->snapshots[i].info.id_str, sn->id_str)) {
            return -EEXIST;
        }
    }
    uint64_t used = MIN(l1_entries_for(s, s->size), s->l1.size);
    g_autofree uint64_t *l1 = g_new0(uint64_t, s->l1.size + 1);
    memcpy(l1, s->l1.entries, used * 8);
    Qcow2Plan plan = { .l1 = l1, .l1_size = s->l1.size, .size = s->size };
    plan.snapshots = copy_list(s, -1, &plan.nb_snapshots);
    plan.snapshots[plan.nb_snapshots++] =
        (Qcow2Snapshot){ .l1_offset = s->l1.offset, .l1_size = s->l1.size, .info = *sn, .disk_size = s->size };
    return commit_list(bs, &plan);
}

int qcow2_snapshot_create(BlockNode *bs, QEMUSnapshotInfo *sn)
{
    Qcow2Claim claim;
    int ret = qcow2_begin_alone(bs, &claim);
    if (ret == 0) {
        ret = create_alone(bs, sn);
        qcow2_end_alone(bs, &claim);
    }
    return ret;
}

/* The snapshot's L1 table, as large as its disk; NULL with *ret on error. */
static uint64_t *read_l1(BlockNode *bs, const Qcow2Snapshot *sn, uint32_t *size, int *ret)
{
    *size = MAX(sn->l1_size, l1_entries_for(bs->opaque, sn->disk_size));
    uint64_t *l1 = g_new0(uint64_t, *size + 1);
    *ret = bdrv_pread(bs->file, sn->l1_offset, l1, sn->l1_size * 8ull);
    for (uint32_t k = 0; k < sn->l1_size; k++) {
        l1[k] = ldq_be_p(&l1[k]);
    }
    if (*ret < 0) {
        g_clear_pointer(&l1, g_free);
    }
    return l1;
}

static int goto_alone(BlockNode *bs, const char *id_or_name)
{
    Qcow2State *s = bs->opaque;
    int64_t i = find(s, id_or_name);
    if (i < 0) {
        return -ENOENT;
    }
    const Qcow2Snapshot *sn = &s->snapshots[i];
    int ret;
    uint32_t size;
    g_autofree uint64_t *l1 = read_l1(bs, sn, &size, &ret);
    Qcow2Plan plan = {
        .l1 = l1, .l1_size = size, .snapshots = s->snapshots, .nb_snapshots = s->nb_snapshots, .size = sn->disk_size
    };
    return ret < 0 ? ret : qcow2_commit(bs, &plan);
}

/* An image that is not written shows the snapshot: its table takes the active one's place in memory only. */
static int show_locked(BlockNode *bs, const char *id_or_name)
{
    Qcow2State *s = bs->opaque;
    int64_t i = find(s, id_or_name);
    int ret = -ENOENT;
    uint32_t size = 0;
    uint64_t *l1 = i < 0 ? NULL : read_l1(bs, &s->snapshots[i], &size, &ret);
    if (l1) {
        g_free(s->l1.entries);
        s->l1.entries = l1;
        s->l1.size = size;
        s->size = s->snapshots[i].disk_size;
    }
    return ret;
}

static int show(BlockNode *bs, const char *id_or_name)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    int ret = show_locked(bs, id_or_name);
    g_mutex_unlock(&s->lock);
    return ret;
}

int qcow2_snapshot_goto(BlockNode *bs, const char *id_or_name)
{
    Qcow2State *s = bs->opaque;
    Qcow2Claim claim;
    if (!s->writable) {
        return show(bs, id_or_name);
    }
    int ret = qcow2_begin_alone(bs, &claim);
    if (ret == 0) {
        ret = goto_alone(bs, id_or_name);
        qcow2_end_alone(bs, &claim);
    }
    return ret;
}

static int delete_alone(BlockNode *bs, const char *id_or_name)
{
    Qcow2State *s = bs->opaque;
    int64_t i = find(s, id_or_name);
    if (i < 0) {
        return -ENOENT;
    }
    g_autofree uint64_t *l1 = g_new0(uint64_t, s->l1.size + 1);
    memcpy(l1, s->l1.entries, s->l1.size * 8ull);
    Qcow2Plan plan = { .l1 = l1, .l1_size = s->l1.size, .size = s->size };
    plan.snapshots = copy_list(s, i, &plan.nb_snapshots);
    return commit_list(bs, &plan);
}

int qcow2_snapshot_delete(BlockNode *bs, const char *id_or_name, Error **errp)
{
    Qcow2Claim claim;
    int ret = qcow2_begin_alone(bs, &claim);
    if (ret == 0) {
        ret = delete_alone(bs, id_or_name);
        qcow2_end_alone(bs, &claim);
    }
    if (ret == -ENOENT) {
        error_setg(errp, "Can't find the snapshot '%s'", id_or_name);
    } else if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to delete snapshot '%s'", id_or_name);
    }
    return ret;
}

int qcow2_snapshot_list(BlockNode *bs, QEMUSnapshotInfo **list)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    *list = g_new(QEMUSnapshotInfo, s->nb_snapshots + 1);
    for (uint32_t i = 0; i < s->nb_snapshots; i++) {
        (*list)[i] = s->snapshots[i].info;
    }
    int count = s->nb_snapshots;
    g_mutex_unlock(&s->lock);
    return count;
}

/* ---- VM state ---- */

static bool vmstate_in_range(const Qcow2State *s, int64_t pos, size_t bytes)
{
    return pos >= 0 && bytes <= INT_MAX && pos <= INT64_MAX / 2 - qcow2_vm_state_offset(s);
}

int qcow2_save_vmstate(BlockNode *bs, int64_t pos, const void *buf, size_t bytes)
{
    Qcow2State *s = bs->opaque;
    Qcow2Claim claim;
    int ret = s->writable ? qcow2_limit_dirty(bs) : -EPERM;
    if (ret < 0 || !bytes) {
        return ret;
    }
    g_mutex_lock(&s->lock);
    bool good = vmstate_in_range(s, pos, bytes);
    int64_t at = good ? qcow2_vm_state_offset(s) + pos : 0;
    qcow2_claim(s, &claim, at, good ? bytes : 0, true);
    ret = good ? qcow2_cover(bs, at + bytes) : -EFBIG;
    g_mutex_unlock(&s->lock);
    ret = ret < 0 ? ret : qcow2_write_claimed(bs, at, buf, bytes);
    g_mutex_lock(&s->lock);
    qcow2_unclaim(s, &claim);
    g_mutex_unlock(&s->lock);
    return ret;
}

int qcow2_load_vmstate(BlockNode *bs, int64_t pos, void *buf, size_t bytes)
{
    Qcow2State *s = bs->opaque;
    if (!vmstate_in_range(s, pos, bytes)) {
        return -EINVAL;
    }
    return bytes ? qcow2_read_any(bs, qcow2_vm_state_offset(s) + pos, buf, bytes) : 0;
}
