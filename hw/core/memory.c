/*
 * hw/core/memory.c  Guest-physical memory and I/O ports: the region tree, its flat views, and single and bulk accesses.
 *
 * A change in the tree renders the view of the address space it belongs to once, at the outermost commit; an access is
 * a binary search with a last-hit cache. Contract: include/exec/memory.h. RAM itself is in hw/core/ram.c. Left out on
 * purpose: address spaces of single devices (IOMMU), coalesced writes.
 */
#include "hw/core/memory-internal.h"
#include "util/info.h"

typedef __int128 wide; /* an address before clipping: aliases may begin "below" 0 */

AddressSpace address_space_memory, address_space_io;

static MemoryRegion system_memory, system_io;
#define MAX_SPACES 4
static AddressSpace *spaces[MAX_SPACES];
static size_t nb_spaces;
static MemoryMapChangedFn *map_changed;
static void *map_changed_opaque;
static unsigned transaction_depth;

MemoryRegion *get_system_memory(void)
{
    return &system_memory;
}

MemoryRegion *get_system_io(void)
{
    return &system_io;
}

void memory_init(void)
{
    if (address_space_memory.root) {
        return;
    }
    ram_space_init();
    memory_region_init(&system_memory, "system", UINT64_MAX); /* stands for 2^64: see region_last() */
    memory_region_init(&system_io, "io", 0x10000);
    address_space_init(&address_space_memory, &system_memory, "memory");
    address_space_init(&address_space_io, &system_io, "I/O");
}

void address_space_init(AddressSpace *as, MemoryRegion *root, const char *name)
{
    lockstep_assert(nb_spaces < MAX_SPACES, "too many address spaces: %s", name);
    spaces[nb_spaces++] = as;
    as->root = root;
    as->name = name;
    as->stale = true;
}

void memory_set_map_changed_hook(MemoryMapChangedFn *fn, void *opaque)
{
    map_changed = fn;
    map_changed_opaque = opaque;
}

/* ---- rendering ---- */

/* Offset of the region's last byte; a size of UINT64_MAX means the whole 64-bit space. */
static uint64_t region_last(const MemoryRegion *mr)
{
    return mr->size == UINT64_MAX ? UINT64_MAX : mr->size - 1;
}

/* Put [start, last] of mr into the gaps of the (sorted) view. base is where offset 0 of mr would lie. */
static void view_insert(GArray *view, MemoryRegion *mr, wide base, wide start, wide last, bool readonly)
{
    guint i = 0;
    while (start <= last) {
        while (i < view->len && g_array_index(view, FlatRange, i).last < start) {
            i++;
        }
        wide gap_last = last;
        if (i < view->len) {
            const FlatRange *r = &g_array_index(view, FlatRange, i);
            if (r->start <= start) {
                start = (wide)r->last + 1;
                continue;
            }
            gap_last = MIN(last, (wide)r->start - 1);
        }
        FlatRange fr = { .start = start, .last = gap_last, .mr = mr, .offset = start - base, .readonly = readonly };
        g_array_insert_val(view, i, fr);
        start = gap_last + 1;
    }
}

static void view_render(GArray *view, MemoryRegion *mr, wide base, wide clip_start, wide clip_last, bool readonly)
{
    wide start = MAX(base, clip_start);
    wide last = MIN(base + (wide)region_last(mr), clip_last);
    if (!mr->enabled || start > last) {
        return;
    }
    readonly = readonly || mr->readonly || mr->kind == MR_ROM;
    if (mr->kind == MR_ALIAS) {
        view_render(view, mr->alias, base - mr->alias_offset, start, last, readonly);
        return;
    }
    for (MemoryRegion *sub = mr->subregions; sub; sub = sub->next) {
        view_render(view, sub, base + sub->addr, start, last, readonly);
    }
    if (mr->kind != MR_CONTAINER) {
        view_insert(view, mr, base, start, last, readonly);
    }
}

static bool ranges_join(const FlatRange *a, const FlatRange *b)
{
    return a->last + 1 == b->start && a->mr == b->mr && a->readonly == b->readonly &&
           a->offset + (b->start - a->start) == b->offset;
}

static void view_merge(GArray *view)
{
    guint out = 0;
    for (guint i = 1; i < view->len; i++) {
        FlatRange *prev = &g_array_index(view, FlatRange, out), *next = &g_array_index(view, FlatRange, i);
        if (ranges_join(prev, next)) {
            prev->last = next->last;
        } else {
            g_array_index(view, FlatRange, ++out) = *next;
        }
    }
    g_array_set_size(view, MIN(view->len, out + 1));
}

static bool views_equal(const AddressSpace *as, const GArray *view)
{
    if (as->nb_ranges != view->len) {
        return false;
    }
    for (size_t i = 0; i < as->nb_ranges; i++) {
        const FlatRange *a = &as->ranges[i], *b = &g_array_index(view, FlatRange, i);
        if (a->start != b->start || a->last != b->last || a->mr != b->mr || a->offset != b->offset ||
            a->readonly != b->readonly) {
            return false;
        }
    }
    return true;
}

/* Returns whether the view is another one now. */
static bool address_space_render(AddressSpace *as)
{
    GArray *view = g_array_new(false, false, sizeof(FlatRange));
    view_render(view, as->root, 0, 0, UINT64_MAX, false);
    view_merge(view);
    as->stale = false;
    if (views_equal(as, view)) {
        g_array_free(view, true);
        return false;
    }
    g_free(as->ranges);
    as->nb_ranges = view->len;
    as->last_hit = 0;
    as->ranges = (FlatRange *)(void *)g_array_free(view, false);
    return true;
}

void memory_region_transaction_begin(void)
{
    transaction_depth++;
}

void memory_region_transaction_commit(void)
{
    lockstep_assert(transaction_depth > 0, "commit without begin");
    if (--transaction_depth > 0) {
        return;
    }
    for (size_t i = 0; i < nb_spaces; i++) {
        AddressSpace *as = spaces[i];
        if (as->stale && address_space_render(as) && as == &address_space_memory && map_changed) {
            map_changed(map_changed_opaque);
        }
    }
}

/*
 * The part of the tree that mr hangs in changed. Ports are never under memory nor the other way round; any other space
 * may see the change through a subtree or an alias.
 */
static void tree_changed(MemoryRegion *mr)
{
    while (mr->container) {
        mr = mr->container;
    }
    memory_region_transaction_begin();
    for (size_t i = 0; i < nb_spaces; i++) {
        AddressSpace *as = spaces[i];
        bool foreign = as == &address_space_io ? mr == &system_memory : mr == &system_io;
        as->stale = as->stale || !foreign;
    }
    memory_region_transaction_commit();
}

/* ---- regions ---- */

void memory_region_init(MemoryRegion *mr, const char *name, uint64_t size)
{
    *mr = (MemoryRegion){
        .name = name, .kind = MR_CONTAINER, .size = size, .ram_addr = RAM_ADDR_INVALID, .enabled = true
    };
}

void memory_region_init_ram(MemoryRegion *mr, const char *name, uint64_t size)
{
    memory_region_init(mr, name, (size + PAGE_SIZE - 1) & PAGE_MASK);
    mr->kind = MR_RAM;
    mr->ram_addr = ram_space_alloc(mr->size);
}

void memory_region_init_rom(MemoryRegion *mr, const char *name, uint64_t size)
{
    memory_region_init_ram(mr, name, size);
    mr->kind = MR_ROM;
}

void memory_region_init_io(MemoryRegion *mr, const MemoryRegionOps *ops, void *opaque, const char *name, uint64_t size)
{
    memory_region_init(mr, name, size);
    mr->kind = MR_IO;
    mr->ops = ops;
    mr->opaque = opaque;
}

void memory_region_init_alias(MemoryRegion *mr, const char *name, MemoryRegion *target, hwaddr offset, uint64_t size)
{
    memory_region_init(mr, name, size);
    mr->kind = MR_ALIAS;
    mr->alias = target;
    mr->alias_offset = offset;
}

void memory_region_add_subregion_overlap(MemoryRegion *container, hwaddr addr, MemoryRegion *mr, int priority)
{
    lockstep_assert(!mr->container, "region %s is already mapped", mr->name);
    mr->container = container;
    mr->addr = addr;
    mr->priority = priority;
    MemoryRegion **link = &container->subregions;
    while (*link && (*link)->priority > priority) {
        link = &(*link)->next;
    }
    mr->next = *link;
    *link = mr;
    tree_changed(container);
}

void memory_region_add_subregion(MemoryRegion *container, hwaddr addr, MemoryRegion *mr)
{
    memory_region_add_subregion_overlap(container, addr, mr, 0);
}

void memory_region_del_subregion(MemoryRegion *container, MemoryRegion *mr)
{
    lockstep_assert(mr->container == container, "region %s is not in %s", mr->name, container->name);
    MemoryRegion **link = &container->subregions;
    while (*link != mr) {
        link = &(*link)->next;
    }
    *link = mr->next;
    mr->next = NULL;
    mr->container = NULL;
    tree_changed(container);
}

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    if (mr->enabled != enabled) {
        mr->enabled = enabled;
        tree_changed(mr);
    }
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    if (mr->addr != addr) {
        mr->addr = addr;
        tree_changed(mr);
    }
}

void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset)
{
    if (mr->alias_offset != offset) {
        mr->alias_offset = offset;
        tree_changed(mr);
    }
}

void memory_region_set_readonly(MemoryRegion *mr, bool readonly)
{
    if (mr->readonly != readonly) {
        mr->readonly = readonly;
        tree_changed(mr);
    }
}

uint8_t *memory_region_get_ram_ptr(MemoryRegion *mr)
{
    while (mr->kind == MR_ALIAS) {
        mr = mr->alias;
    }
    lockstep_assert(mr->ram_addr != RAM_ADDR_INVALID, "region %s has no RAM", mr->name);
    return ram_base + mr->ram_addr;
}

/* ---- looking up ---- */

/* The range that holds addr, or NULL; *last is the last address for which the answer is the same. */
static const FlatRange *find_range(AddressSpace *as, hwaddr addr, hwaddr *last)
{
    if (as->last_hit < as->nb_ranges) {
        const FlatRange *r = &as->ranges[as->last_hit];
        if (r->start <= addr && addr <= r->last) {
            *last = r->last;
            return r;
        }
    }
    size_t low = 0, high = as->nb_ranges; /* first range that ends at or after addr */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (as->ranges[mid].last < addr) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < as->nb_ranges && as->ranges[low].start <= addr) {
        as->last_hit = low;
        *last = as->ranges[low].last;
        return &as->ranges[low];
    }
    *last = low < as->nb_ranges ? as->ranges[low].start - 1 : UINT64_MAX;
    return NULL;
}

MemoryRegion *address_space_translate(AddressSpace *as, hwaddr addr, hwaddr *offset, hwaddr *len, bool *readonly)
{
    hwaddr last;
    const FlatRange *r = find_range(as, addr, &last);
    if (*len - 1 > last - addr) {
        *len = last - addr + 1;
    }
    if (!r) {
        return NULL;
    }
    *offset = r->offset + (addr - r->start);
    *readonly = r->readonly;
    return r->mr;
}

/* ---- I/O callbacks, with the sizes that they implement ---- */

static uint64_t size_mask(unsigned size)
{
    return ~0ULL >> (64 - 8 * size);
}

static unsigned io_min(const MemoryRegion *mr)
{
    return mr->ops->min_access ? mr->ops->min_access : 1;
}

static unsigned io_max(const MemoryRegion *mr)
{
    return mr->ops->max_access ? mr->ops->max_access : 4;
}

static uint64_t io_call_read(MemoryRegion *mr, hwaddr offset, unsigned size)
{
    return (mr->ops->read ? mr->ops->read(mr->opaque, offset, size) : ~0ULL) & size_mask(size);
}

static void io_call_write(MemoryRegion *mr, hwaddr offset, uint64_t value, unsigned size)
{
    if (mr->ops->write) {
        mr->ops->write(mr->opaque, offset, value & size_mask(size), size);
    }
}

/* An access narrower than the region implements: byte lanes of the aligned units that it touches. */
static uint64_t io_read_narrow(MemoryRegion *mr, hwaddr offset, unsigned size, unsigned unit)
{
    uint64_t result = 0, word = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned lane = (offset + i) & (unit - 1);
        if (i == 0 || lane == 0) {
            word = io_call_read(mr, offset + i - lane, unit);
        }
        result |= ((word >> (8 * lane)) & 0xff) << (8 * i);
    }
    return result;
}

static void io_write_narrow(MemoryRegion *mr, hwaddr offset, uint64_t value, unsigned size, unsigned unit)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned lane = (offset + i) & (unit - 1);
        word |= ((value >> (8 * i)) & 0xff) << (8 * lane);
        if (i == size - 1 || lane == unit - 1) {
            io_call_write(mr, offset + i - lane, word, unit);
            word = 0;
        }
    }
}

static uint64_t io_read(MemoryRegion *mr, hwaddr offset, unsigned size)
{
    unsigned unit = MIN(size, io_max(mr));
    if (size < io_min(mr)) {
        return io_read_narrow(mr, offset, size, io_min(mr));
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i += unit) {
        value |= io_call_read(mr, offset + i, unit) << (8 * i);
    }
    return value;
}

static void io_write(MemoryRegion *mr, hwaddr offset, uint64_t value, unsigned size)
{
    unsigned unit = MIN(size, io_max(mr));
    if (size < io_min(mr)) {
        io_write_narrow(mr, offset, value, size, io_min(mr));
        return;
    }
    for (unsigned i = 0; i < size; i += unit) {
        io_call_write(mr, offset + i, value >> (8 * i), unit);
    }
}

/* ---- accesses. Ranges are copied before a callback, which may change the map. ---- */

static uint64_t load_le(const uint8_t *p, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, p, size);
    return GUINT64_FROM_LE(value);
}

static uint64_t range_read(const FlatRange *r, hwaddr addr, unsigned size)
{
    hwaddr offset = r->offset + (addr - r->start);
    if (r->mr->kind == MR_IO) {
        return io_read(r->mr, offset, size);
    }
    return load_le(ram_base + r->mr->ram_addr + offset, size);
}

static void range_write(const FlatRange *r, hwaddr addr, uint64_t value, unsigned size)
{
    hwaddr offset = r->offset + (addr - r->start);
    if (r->readonly) {
        return;
    }
    if (r->mr->kind == MR_IO) {
        io_write(r->mr, offset, value, size);
        return;
    }
    ram_addr_t ram_addr = r->mr->ram_addr + offset;
    ram_notify_write(ram_addr, size);
    value = GUINT64_TO_LE(value);
    memcpy(ram_base + ram_addr, &value, size);
}

/* The largest power of two that is no more than len and no more than limit. */
static unsigned chunk_size(hwaddr len, unsigned limit)
{
    unsigned size = limit;
    while (size > len) {
        size >>= 1;
    }
    return size;
}

MemoryUnassignedFn *memory_unassigned_hook;

static void unassigned(AddressSpace *as, hwaddr addr, unsigned size, bool write)
{
    if (unlikely(memory_unassigned_hook)) {
        memory_unassigned_hook(as, addr, size, write);
    }
}

uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size)
{
    uint64_t value = 0;
    for (unsigned done = 0; done < size;) {
        hwaddr last;
        const FlatRange *found = find_range(as, addr + done, &last);
        unsigned piece = chunk_size(MIN((hwaddr)(size - done) - 1, last - (addr + done)) + 1, 8);
        FlatRange r = found ? *found : (FlatRange){ 0 };
        uint64_t part = found ? range_read(&r, addr + done, piece) : size_mask(piece);
        if (!found) {
            unassigned(as, addr + done, piece, false);
        }
        value |= part << (8 * done);
        done += piece;
    }
    return value;
}

/* Nearly all accesses lie within one range: a device's registers. */
static const FlatRange *range_of_all(AddressSpace *as, hwaddr addr, unsigned size)
{
    hwaddr last;
    const FlatRange *found = find_range(as, addr, &last);
    return found && last - addr >= size - 1 ? found : NULL;
}

void address_space_st(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size)
{
    const FlatRange *all = range_of_all(as, addr, size);
    if (likely(all)) {
        FlatRange r = *all;
        range_write(&r, addr, value, size);
        return;
    }
    for (unsigned done = 0; done < size;) {
        hwaddr last;
        const FlatRange *found = find_range(as, addr + done, &last);
        unsigned piece = chunk_size(MIN((hwaddr)(size - done) - 1, last - (addr + done)) + 1, 8);
        if (found) {
            FlatRange r = *found;
            range_write(&r, addr + done, value >> (8 * done), piece);
        } else {
            unassigned(as, addr + done, piece, true);
        }
        done += piece;
    }
}

/* Size of the next access in a bulk transfer to I/O: as wide as the callbacks take, naturally aligned. */
static unsigned bulk_io_size(const FlatRange *r, hwaddr addr, hwaddr len)
{
    unsigned size = chunk_size(len, io_max(r->mr));
    while (addr & (size - 1)) {
        size >>= 1;
    }
    return size;
}

static hwaddr bulk_read_piece(AddressSpace *as, hwaddr addr, uint8_t *buf, hwaddr len)
{
    hwaddr last;
    const FlatRange *found = find_range(as, addr, &last);
    hwaddr piece = MIN(len - 1, last - addr) + 1;
    if (!found) {
        memset(buf, 0xff, piece);
        return piece;
    }
    FlatRange r = *found;
    if (r.mr->kind != MR_IO) {
        memcpy(buf, ram_base + r.mr->ram_addr + r.offset + (addr - r.start), piece);
        return piece;
    }
    unsigned size = bulk_io_size(&r, addr, piece);
    uint64_t value = GUINT64_TO_LE(range_read(&r, addr, size));
    memcpy(buf, &value, size);
    return size;
}

static hwaddr bulk_write_piece(AddressSpace *as, hwaddr addr, const uint8_t *buf, hwaddr len)
{
    hwaddr last;
    const FlatRange *found = find_range(as, addr, &last);
    hwaddr piece = MIN(len - 1, last - addr) + 1;
    if (!found || found->readonly) {
        return piece;
    }
    FlatRange r = *found;
    if (r.mr->kind != MR_IO) {
        ram_addr_t ram_addr = r.mr->ram_addr + r.offset + (addr - r.start);
        ram_notify_write(ram_addr, piece);
        memcpy(ram_base + ram_addr, buf, piece);
        return piece;
    }
    unsigned size = bulk_io_size(&r, addr, piece);
    range_write(&r, addr, load_le(buf, size), size);
    return size;
}

void address_space_read(AddressSpace *as, hwaddr addr, void *buf, hwaddr len)
{
    uint8_t *p = buf;
    while (len > 0) {
        hwaddr piece = bulk_read_piece(as, addr, p, len);
        addr += piece;
        p += piece;
        len -= piece;
    }
}

void address_space_write(AddressSpace *as, hwaddr addr, const void *buf, hwaddr len)
{
    const uint8_t *p = buf;
    while (len > 0) {
        hwaddr piece = bulk_write_piece(as, addr, p, len);
        addr += piece;
        p += piece;
        len -= piece;
    }
}

static bool region_peek(MemoryRegion *mr, hwaddr offset, uint8_t *buf, hwaddr len)
{
    if (mr->kind == MR_RAM || mr->kind == MR_ROM) {
        memcpy(buf, ram_base + mr->ram_addr + offset, len);
        return true;
    }
    for (hwaddr i = 0; mr->ops->peek && i < len; i++) {
        buf[i] = mr->ops->peek(mr->opaque, offset + i);
    }
    return mr->ops->peek != NULL;
}

bool address_space_peek(AddressSpace *as, hwaddr addr, void *buf, hwaddr len)
{
    for (uint8_t *p = buf; len;) {
        hwaddr offset, part = len;
        bool readonly;
        MemoryRegion *mr = address_space_translate(as, addr, &offset, &part, &readonly);
        if (!mr || !region_peek(mr, offset, p, part)) {
            return false;
        }
        p += part;
        addr += part;
        len -= part;
    }
    return true;
}

bool memory_region_test_and_clear_dirty_vga(MemoryRegion *mr, hwaddr offset, hwaddr len, unsigned long *page_bitmap)
{
    lockstep_assert(mr->ram_addr != RAM_ADDR_INVALID && offset + len <= mr->size, "%s+%" PRIx64, mr->name, offset);
    return len > 0 && ram_test_and_clear_dirty_vga(mr->ram_addr + offset, len, page_bitmap);
}

/* ---- info mtree ---- */

typedef struct MtreeOut {
    InfoSink out;
    GPtrArray *targets; /* roots of trees that aliases point into, to be shown once each */
} MtreeOut;

static const char *region_type_name(const MemoryRegion *mr, bool readonly)
{
    while (mr->kind == MR_ALIAS) {
        mr = mr->alias;
    }
    if (mr->kind == MR_ROM || (mr->kind == MR_RAM && readonly)) {
        return "rom";
    }
    return mr->kind == MR_RAM ? "ram" : "i/o";
}

static void mtree_note_target(MtreeOut *out, MemoryRegion *mr)
{
    while (mr->container) {
        mr = mr->container;
    }
    if (mr != &system_memory && mr != &system_io && !g_ptr_array_find(out->targets, mr, NULL)) {
        g_ptr_array_add(out->targets, mr);
    }
}

static int mtree_order(const void *a, const void *b)
{
    const MemoryRegion *x = *(MemoryRegion *const *)a, *y = *(MemoryRegion *const *)b;
    if (x->addr != y->addr) {
        return x->addr < y->addr ? -1 : 1;
    }
    return y->priority - x->priority;
}

static void mtree_line(MtreeOut *out, MemoryRegion *mr, hwaddr base, int level)
{
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", 2 * level, "", base,
                           base + region_last(mr), mr->priority, region_type_name(mr, mr->readonly));
    if (mr->kind == MR_ALIAS) {
        g_string_append_printf(line, "alias %s @%s %016" PRIx64 "-%016" PRIx64, mr->name, mr->alias->name,
                               mr->alias_offset, mr->alias_offset + region_last(mr));
        mtree_note_target(out, mr->alias);
    } else {
        g_string_append(line, mr->name);
    }
    g_string_append(line, mr->enabled ? "" : " [disabled]");
    info_line(&out->out, "%s", line->str);
    g_string_free(line, true);
}

static void mtree_print(MtreeOut *out, MemoryRegion *mr, hwaddr base, int level)
{
    mtree_line(out, mr, base, level);
    GPtrArray *subs = g_ptr_array_new();
    for (MemoryRegion *sub = mr->subregions; sub; sub = sub->next) {
        g_ptr_array_add(subs, sub);
    }
    g_ptr_array_sort(subs, mtree_order);
    for (guint i = 0; i < subs->len; i++) {
        MemoryRegion *sub = subs->pdata[i];
        mtree_print(out, sub, base + sub->addr, level + 1);
    }
    g_ptr_array_free(subs, true);
}

static void mtree_heading(MtreeOut *out, const char *kind, const char *name)
{
    info_line(&out->out, "%s: %s", kind, name);
}

static void mtree_print_trees(MtreeOut *out)
{
    for (size_t i = 0; i < nb_spaces; i++) {
        mtree_heading(out, "address-space", spaces[i]->name);
        mtree_print(out, spaces[i]->root, 0, 1);
        info_line(&out->out, "%s", "");
    }
    for (guint i = 0; i < out->targets->len; i++) { /* grows while it is walked */
        MemoryRegion *mr = out->targets->pdata[i];
        mtree_heading(out, "memory-region", mr->name);
        mtree_print(out, mr, 0, 1);
        info_line(&out->out, "%s", "");
    }
}

static void mtree_flat_range(MtreeOut *out, const FlatRange *r)
{
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", r->start, r->last,
                           r->mr->priority, region_type_name(r->mr, r->readonly), r->mr->name);
    if (r->offset) {
        g_string_append_printf(line, " @%016" PRIx64, r->offset);
    }
    info_line(&out->out, "%s", line->str);
    g_string_free(line, true);
}

static void mtree_print_flat(MtreeOut *out, AddressSpace *as, int n)
{
    const char *root = as->root->name;
    char *text =
        g_strdup_printf("FlatView #%d\n AS \"%s\", root: %s\n Root memory region: %s", n, as->name, root, root);
    char **lines = g_strsplit(text, "\n", 0);
    for (char **line = lines; *line; line++) {
        info_line(&out->out, "%s", *line);
    }
    g_strfreev(lines);
    g_free(text);
    for (size_t i = 0; i < as->nb_ranges; i++) {
        mtree_flat_range(out, &as->ranges[i]);
    }
    info_line(&out->out, "%s", "");
}

void memory_info_mtree(bool flat, InfoPrint *print, void *opaque)
{
    MtreeOut out = { .out = { print, opaque }, .targets = g_ptr_array_new() };
    if (flat) {
        for (size_t i = 0; i < nb_spaces; i++) {
            mtree_print_flat(&out, spaces[i], i);
        }
    } else {
        mtree_print_trees(&out);
    }
    g_ptr_array_free(out.targets, true);
}
