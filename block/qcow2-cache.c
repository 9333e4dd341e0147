/*
 * block/qcow2-cache.c  L2 tables and refcount blocks in memory: least recently used are dropped, changed ones never
 * before qcow2-flush.c has written them.
 */
#include "block/qcow2.h"

#define MIN_TABLES 8 /* so that those in use by one operation stay */

void qcow2_cache_init(Qcow2Cache *c, uint32_t cluster_size, int64_t bytes)
{
    c->tables = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_queue_init(&c->lru);
    c->cluster_size = cluster_size;
    c->limit = MAX(bytes / cluster_size, MIN_TABLES);
    c->dirty = 0;
}

static void drop(Qcow2Cache *c, Qcow2Table *table)
{
    g_hash_table_remove(c->tables, &table->offset);
    g_queue_unlink(&c->lru, &table->lru);
    free(table->data);
    g_free(table);
}

void qcow2_cache_clear(Qcow2Cache *c)
{
    while (c->lru.tail) {
        drop(c, c->lru.tail->data);
    }
    c->dirty = 0;
}

void qcow2_cache_destroy(Qcow2Cache *c)
{
    if (c->tables) {
        qcow2_cache_clear(c);
        g_hash_table_destroy(c->tables);
    }
}

static void use(Qcow2Cache *c, Qcow2Table *table)
{
    g_queue_unlink(&c->lru, &table->lru);
    g_queue_push_head_link(&c->lru, &table->lru);
}

static bool is_idle(const Qcow2Table *table)
{
    return table->dirty_lo == table->dirty_hi && !table->writing;
}

/* From the end; what must stay goes to the front. The latest few are in use. */
static void make_room(Qcow2Cache *c)
{
    unsigned tries = c->lru.length > MIN_TABLES / 2 ? MIN(c->lru.length - MIN_TABLES / 2, 16) : 0;
    while (tries-- && c->lru.length >= c->limit) {
        Qcow2Table *table = c->lru.tail->data;
        if (is_idle(table)) {
            drop(c, table);
        } else {
            use(c, table);
        }
    }
}

static Qcow2Table *insert(Qcow2Cache *c, int64_t offset)
{
    make_room(c);
    Qcow2Table *table = g_new0(Qcow2Table, 1);
    table->offset = offset;
    table->data = aligned_alloc(MIN(c->cluster_size, 4096), c->cluster_size);
    lockstep_assert(table->data, "no memory for a table of %u bytes", c->cluster_size);
    table->lru.data = table;
    g_queue_push_head_link(&c->lru, &table->lru);
    g_hash_table_insert(c->tables, &table->offset, table);
    return table;
}

int qcow2_cache_get(BlockNode *bs, Qcow2Cache *c, int64_t offset, Qcow2Table **result)
{
    Qcow2Table *table = g_hash_table_lookup(c->tables, &offset);
    if (table) {
        use(c, table);
        *result = table;
        return 0;
    }
    table = insert(c, offset);
    int ret = bdrv_pread(bs->file, offset, table->data, c->cluster_size);
    if (ret < 0) {
        drop(c, table);
        return ret;
    }
    *result = table;
    return 0;
}

Qcow2Table *qcow2_cache_new(Qcow2Cache *c, int64_t offset)
{
    Qcow2Table *old = g_hash_table_lookup(c->tables, &offset); /* of a freed cluster that is used again */
    if (!old) {
        old = insert(c, offset);
    }
    memset(old->data, 0, c->cluster_size);
    qcow2_cache_dirty(c, old, 0, c->cluster_size);
    return old;
}

void qcow2_cache_dirty(Qcow2Cache *c, Qcow2Table *table, uint32_t at, uint32_t bytes)
{
    if (table->dirty_lo == table->dirty_hi) {
        c->dirty++;
        table->dirty_lo = at;
        table->dirty_hi = at + bytes;
    } else {
        table->dirty_lo = MIN(table->dirty_lo, at);
        table->dirty_hi = MAX(table->dirty_hi, at + bytes);
    }
}
