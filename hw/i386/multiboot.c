/*
 * hw/i386/multiboot.c  -kernel, -initrd, -append for kernels with a Multiboot header (Multiboot Specification 0.6.96).
 *
 * As with Linux, nothing is written into guest memory here: firmware comes up first and boots our option ROM
 * (pc-bios/multiboot.S). It executes a list of fw_cfg DMA commands made here, which put each piece into its place,
 * fills in what only the BIOS knows (memory sizes and map), and enters the kernel in flat protected mode.
 *
 * Memory: the kernel where it wants to be; above it, and above 1 MiB, module table, strings, modules on page
 * boundaries. The information structure and the memory map are in low memory (multiboot.S).
 *
 * Left out: ELF symbols (flag 5), drives, BIOS configuration, APM; VBE modes: a kernel that asks for a video mode is
 * told of the text mode that it has (flag 12), as section 3.3 allows.
 */
#include "hw/i386/multiboot.h"

#include "hw/i386/boot-rom.h"
#include "replay/replay.h"

/* ---- the specification's numbers ---- */

#define HEADER_SEARCH 8192 /* section 3.1.1: wholly within, 4-byte aligned */
#define HEADER_MAGIC  0x1badb002u

enum { HDR_FLAGS = 4, HDR_CHECKSUM = 8, HDR_LEN = 12 };
enum {
    HDR_HEADER_ADDR = 12,
    HDR_LOAD_ADDR = 16,
    HDR_LOAD_END = 20,
    HDR_BSS_END = 24,
    HDR_ENTRY = 28,
    HDR_ADDR_LEN = 32
};
#define HEADER_VIDEO     0x0004u
#define HEADER_ADDRESSES 0x10000u
#define HEADER_REQUIRED  0xffffu /* bits 0-15: a loader that does not know one must refuse */
#define HEADER_KNOWN     0x0007u

/* Offsets in the information structure, section 3.3. */
enum {
    INFO_FLAGS = 0,
    INFO_CMDLINE = 16,
    INFO_MODS_COUNT = 20,
    INFO_MODS_ADDR = 24,
    INFO_LOADER_NAME = 64,
    INFO_FRAMEBUFFER = 88,
    INFO_LEN = 120
};
#define INFO_HAS_CMDLINE     (1u << 2)
#define INFO_HAS_MODS        (1u << 3)
#define INFO_HAS_LOADER_NAME (1u << 9)
#define INFO_HAS_FRAMEBUFFER (1u << 12)
#define FRAMEBUFFER_TEXT     2
#define MODULE_ENTRY         16 /* start, end, string, 0 */

#define LOADER_NAME "qemu" /* guests know it */

/* ---- where things may lie; the ROM works below LOW_START, firmware's data is above LOW_END ---- */

#define LOW_START    0x10000u
#define LOW_END      0x90000u
#define HIGH_START   0x100000u
#define INFO_ADDRESS 0x9c00u /* as in multiboot.S */

/* ---- script for the ROM: u32 entry, u32 number of commands, 8 bytes unused; then commands as fw_cfg takes them ----
 */

#define SCRIPT_HEAD  16
#define MAX_COMMANDS 192 /* 3 KiB, as multiboot.S has room for */
#define DMA_READ     0x02u
#define DMA_SKIP     0x04u
#define DMA_SELECT   0x08u
#define KEY_ABSENT   0xffffu /* reads as zeros */

typedef struct DmaCommand {
    uint32_t control, length; /* big-endian */
    uint64_t address;
} DmaCommand;

typedef struct Multiboot {
    const char *path;
    const uint8_t *file;
    size_t len;
    uint64_t limit; /* end of the RAM that may be used */
    size_t header;  /* offset in the file */
    uint32_t flags; /* the header's */
    uint32_t entry;
    uint64_t end;      /* of the kernel */
    GArray *script;    /* of DmaCommand */
    GByteArray *top;   /* what lies above the kernel... */
    uint64_t top_addr; /* ...and where */
    uint8_t info[INFO_LEN];
} Multiboot;

/* ---- the header ---- */

static bool header_at(const uint8_t *h)
{
    return ldl_le_p(h) == HEADER_MAGIC && ldl_le_p(h) + ldl_le_p(h + HDR_FLAGS) + ldl_le_p(h + HDR_CHECKSUM) == 0;
}

static bool find_header(const uint8_t *file, size_t len, size_t *offset)
{
    len = MIN(len, HEADER_SEARCH);
    for (size_t i = 0; i + HDR_LEN <= len; i += 4) {
        if (header_at(file + i)) {
            *offset = i;
            return true;
        }
    }
    return false;
}

bool multiboot_detect(const uint8_t *file, size_t len)
{
    size_t offset;
    return find_header(file, len, &offset);
}

/* ---- the script ---- */

static void add_command(Multiboot *m, uint16_t key, uint32_t control, uint32_t length, uint64_t address)
{
    DmaCommand c = { GUINT32_TO_BE((control & DMA_SELECT ? (uint32_t)key << 16 : 0) | control), GUINT32_TO_BE(length),
                     GUINT64_TO_BE(address) };
    g_array_append_val(m->script, c);
}

static void add_copy(Multiboot *m, uint16_t key, uint32_t offset, uint32_t length, uint64_t address)
{
    if (length) {
        add_command(m, key, DMA_SELECT | DMA_SKIP, offset, 0);
        add_command(m, key, DMA_READ, length, address);
    }
}

static void add_zeros(Multiboot *m, uint32_t length, uint64_t address)
{
    if (length) {
        add_command(m, KEY_ABSENT, DMA_SELECT | DMA_READ, length, address);
    }
}

/* One piece of the kernel: file_len bytes at file_offset, zeros up to mem_len. All are checked against file and RAM. */
static bool add_segment(Multiboot *m, uint64_t file_offset, uint64_t file_len, uint64_t address, uint64_t mem_len,
                        Error **errp)
{
    uint64_t end = address + mem_len;
    if (file_offset > m->len || file_len > m->len - file_offset) {
        error_setg(errp, "kernel file '%s' is cut short: %#" PRIx64 " bytes at offset %#" PRIx64 " of %#zx", m->path,
                   file_len, file_offset, m->len);
    } else if (file_len > mem_len) {
        error_setg(errp, "kernel file '%s' is broken: %#" PRIx64 " bytes for %#" PRIx64 " bytes of memory", m->path,
                   file_len, mem_len);
    } else if ((address < LOW_START || end > LOW_END) && (address < HIGH_START || end > m->limit)) {
        error_setg(errp,
                   "kernel file '%s' wants memory from %#" PRIx64 " to %#" PRIx64
                   "; there is %#x to %#x, and %#x to %#" PRIx64,
                   m->path, address, end, LOW_START, LOW_END, HIGH_START, m->limit);
    } else if (m->script->len + 3 > MAX_COMMANDS) {
        error_setg(errp, "kernel file '%s' has too many segments", m->path);
    } else {
        add_copy(m, FW_CFG_KERNEL_DATA, file_offset, file_len, address);
        add_zeros(m, mem_len - file_len, address + file_len);
        m->end = MAX(m->end, end);
        return true;
    }
    return false;
}

/* ---- images that say in the header where they belong, section 3.1.3 ---- */

static bool load_by_addresses(Multiboot *m, Error **errp)
{
    const uint8_t *h = m->file + m->header;
    if (m->len - m->header < HDR_ADDR_LEN) {
        error_setg(errp, "kernel file '%s' is cut short in its multiboot header", m->path);
        return false;
    }
    uint64_t header_addr = ldl_le_p(h + HDR_HEADER_ADDR), load = ldl_le_p(h + HDR_LOAD_ADDR);
    uint64_t load_end = ldl_le_p(h + HDR_LOAD_END), bss_end = ldl_le_p(h + HDR_BSS_END);
    if (load > header_addr || header_addr - load > m->header) {
        error_setg(errp, "kernel file '%s': invalid multiboot addresses: header %#" PRIx64 ", load %#" PRIx64, m->path,
                   header_addr, load);
        return false;
    }
    uint64_t offset = m->header - (header_addr - load);
    load_end = load_end ? load_end : load + (m->len - offset);
    bss_end = bss_end ? bss_end : load_end;
    if (load_end < load || bss_end < load_end) {
        error_setg(errp,
                   "kernel file '%s': invalid multiboot addresses: load %#" PRIx64 ", load end %#" PRIx64
                   ", bss end %#" PRIx64,
                   m->path, load, load_end, bss_end);
        return false;
    }
    m->entry = ldl_le_p(h + HDR_ENTRY);
    return add_segment(m, offset, load_end - load, load, bss_end - load, errp);
}

/* ---- ELF32 ---- */

enum {
    ELF_CLASS = 4,
    ELF_DATA = 5,
    ELF_MACHINE = 18,
    ELF_ENTRY = 24,
    ELF_PHOFF = 28,
    ELF_PHENTSIZE = 42,
    ELF_PHNUM = 44
};
enum { PH_TYPE = 0, PH_OFFSET = 4, PH_VADDR = 8, PH_PADDR = 12, PH_FILESZ = 16, PH_MEMSZ = 20 };
#define ELF_HEADER_LEN 52
#define PH_LEN         32
#define PT_LOAD        1
#define EM_386         3
#define EM_X86_64      62

static bool is_elf(const Multiboot *m)
{
    return m->len >= ELF_HEADER_LEN && !memcmp(m->file, "\177ELF", 4);
}

static bool check_elf(const Multiboot *m, Error **errp)
{
    const uint8_t *e = m->file;
    uint64_t table = ldl_le_p(e + ELF_PHOFF), size = (uint64_t)lduw_le_p(e + ELF_PHNUM) * lduw_le_p(e + ELF_PHENTSIZE);
    unsigned machine = lduw_le_p(e + ELF_MACHINE);
    if (e[ELF_CLASS] == 2 || machine == EM_X86_64) {
        error_setg(errp, "Cannot load x86-64 image, give a 32bit one.");
    } else if (e[ELF_CLASS] != 1 || e[ELF_DATA] != 1 || machine != EM_386) {
        error_setg(errp, "kernel file '%s' is an ELF image for another machine", m->path);
    } else if (lduw_le_p(e + ELF_PHENTSIZE) < PH_LEN || table > m->len || size > m->len - table) {
        error_setg(errp, "kernel file '%s': broken ELF program headers", m->path);
    } else {
        return true;
    }
    return false;
}

/* Segments go to their physical addresses; an entry point that is a virtual one follows its segment. */
static bool load_elf_segment(Multiboot *m, const uint8_t *ph, uint32_t elf_entry, Error **errp)
{
    uint32_t vaddr = ldl_le_p(ph + PH_VADDR), paddr = ldl_le_p(ph + PH_PADDR), mem_len = ldl_le_p(ph + PH_MEMSZ);
    if (elf_entry >= vaddr && elf_entry - vaddr < mem_len) {
        m->entry = elf_entry - vaddr + paddr;
    }
    return add_segment(m, ldl_le_p(ph + PH_OFFSET), ldl_le_p(ph + PH_FILESZ), paddr, mem_len, errp);
}

static bool load_elf(Multiboot *m, Error **errp)
{
    if (!check_elf(m, errp)) {
        return false;
    }
    const uint8_t *ph = m->file + ldl_le_p(m->file + ELF_PHOFF);
    unsigned count = lduw_le_p(m->file + ELF_PHNUM), step = lduw_le_p(m->file + ELF_PHENTSIZE);
    uint32_t elf_entry = ldl_le_p(m->file + ELF_ENTRY);
    m->entry = elf_entry;
    for (unsigned i = 0; i < count; i++, ph += step) {
        bool wanted = ldl_le_p(ph + PH_TYPE) == PT_LOAD && ldl_le_p(ph + PH_MEMSZ);
        if (wanted && !load_elf_segment(m, ph, elf_entry, errp)) {
            return false;
        }
    }
    return true;
}

static bool load_kernel(Multiboot *m, Error **errp)
{
    bool ok = false;
    if (m->flags & HEADER_REQUIRED & ~HEADER_KNOWN) {
        error_setg(errp, "kernel file '%s' asks for multiboot features that do not exist: flags %#x", m->path,
                   m->flags);
    } else if (m->flags & HEADER_ADDRESSES) {
        ok = load_by_addresses(m, errp);
    } else if (is_elf(m)) {
        ok = load_elf(m, errp);
    } else {
        error_setg(errp, "kernel file '%s' is no ELF image, and its multiboot header has no addresses", m->path);
    }
    if (ok && !m->end) {
        error_setg(errp, "kernel file '%s' has nothing to load", m->path);
        ok = false;
    }
    return ok;
}

/* ---- strings ---- */

/*
 * What the guest reads as the names of its files is what was recorded, wherever they lie when it is replayed. (The
 * manifest has other bytes in place of those that are not UTF-8.)
 */
static char *guest_text(const char *property, const char *option, char *text, Error **errp)
{
    const char *recorded = replay_recorded_property(property);
    char *valid = g_utf8_make_valid(text, -1);
    if (recorded && strcmp(recorded, valid)) {
        g_free(text);
        text = g_strdup(recorded);
    }
    g_free(valid);
    replay_add_property(property, option, text, errp);
    return text;
}

static char *kernel_text(const PCConfig *config, Error **errp)
{
    const char *append = config->append;
    char *text = append && *append ? g_strdup_printf("%s %s", config->kernel, append) : g_strdup(config->kernel);
    return guest_text("multiboot-cmdline", "-kernel", text, errp);
}

/* "file args,file2 args": the next part, commas doubled. Advances *p past the comma. */
static char *next_module(const char **p)
{
    GString *part = g_string_new(NULL);
    for (; **p && (**p != ',' || (*p)[1] == ','); (*p)++) {
        *p += **p == ',';
        g_string_append_c(part, **p);
    }
    *p += **p == ',';
    return g_string_free(part, FALSE);
}

static GPtrArray *split_modules(const char *initrd)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    while (initrd && *initrd) {
        g_ptr_array_add(list, next_module(&initrd));
    }
    return list;
}

/* ---- what lies above the kernel ---- */

static uint32_t top_end(const Multiboot *m)
{
    return m->top_addr + m->top->len;
}

static bool top_has_room(const Multiboot *m, size_t len, const char *what, Error **errp)
{
    if (m->top_addr > m->limit || m->top->len + (uint64_t)len > m->limit - m->top_addr) {
        error_setg(errp, "'%s' does not fit: %zu bytes, and RAM ends at %#" PRIx64, what, len, m->limit);
        return false;
    }
    return true;
}

/* Where it starts in memory; 0 when there is no room. */
static uint32_t append_top(Multiboot *m, const void *data, size_t len, const char *what, Error **errp)
{
    uint32_t addr = top_end(m);
    if (!top_has_room(m, len, what, errp)) {
        return 0;
    }
    g_byte_array_append(m->top, data, len);
    return addr;
}

static uint32_t append_string(Multiboot *m, const char *text, Error **errp)
{
    return append_top(m, text, strlen(text) + 1, text, errp);
}

static bool align_top(Multiboot *m, const char *what, Error **errp)
{
    static const uint8_t zeros[PAGE_SIZE];
    return append_top(m, zeros, -m->top->len & (PAGE_SIZE - 1), what, errp);
}

static bool append_module(Multiboot *m, const char *text, unsigned n, Error **errp)
{
    uint8_t *data = NULL;
    gsize len = 0;
    char *path = g_strndup(text, strcspn(text, " "));
    bool ok = boot_read_file("module", "initrd", path, &data, &len, errp) && align_top(m, path, errp);
    uint32_t start = ok ? append_top(m, data, len, path, errp) : 0;
    if (start) {
        uint8_t *entry = m->top->data + n * MODULE_ENTRY;
        stl_le_p(entry, start);
        stl_le_p(entry + 4, start + len);
    }
    g_free(data);
    g_free(path);
    return start != 0;
}

static bool append_module_string(Multiboot *m, const char *text, unsigned n, Error **errp)
{
    Error *err = NULL;
    char property[32];
    snprintf(property, sizeof(property), "multiboot-module%u", n);
    char *known = guest_text(property, "-initrd", g_strdup(text), &err);
    uint32_t addr = err ? 0 : append_string(m, known, &err);
    stl_le_p(m->top->data + n * MODULE_ENTRY + 8, addr);
    g_free(known);
    error_propagate(errp, err);
    return addr != 0;
}

static bool append_modules(Multiboot *m, const GPtrArray *modules, Error **errp)
{
    for (guint i = 0; i < modules->len; i++) {
        if (!append_module_string(m, g_ptr_array_index(modules, i), i, errp)) {
            return false;
        }
    }
    for (guint i = 0; i < modules->len; i++) {
        if (!append_module(m, g_ptr_array_index(modules, i), i, errp)) {
            return false;
        }
    }
    return true;
}

/* The module table comes first, so that its offset is 0. */
static bool append_module_table(Multiboot *m, guint count, Error **errp)
{
    size_t size = (size_t)count * MODULE_ENTRY;
    uint8_t *table = g_malloc0(size);
    uint32_t addr = append_top(m, table, size, "-initrd", errp);
    stl_le_p(m->info + INFO_MODS_COUNT, count);
    stl_le_p(m->info + INFO_MODS_ADDR, addr);
    g_free(table);
    return addr != 0;
}

static bool append_texts(Multiboot *m, const char *cmdline, Error **errp)
{
    uint32_t cmdline_addr = append_string(m, cmdline, errp);
    uint32_t name_addr = cmdline_addr ? append_string(m, LOADER_NAME, errp) : 0;
    stl_le_p(m->info + INFO_CMDLINE, cmdline_addr);
    stl_le_p(m->info + INFO_LOADER_NAME, name_addr);
    return name_addr != 0;
}

static bool build_top(Multiboot *m, const PCConfig *config, Error **errp)
{
    Error *err = NULL;
    GPtrArray *modules = split_modules(config->initrd);
    char *cmdline = kernel_text(config, &err);
    m->top_addr = (MAX(m->end, HIGH_START) + PAGE_SIZE - 1) & PAGE_MASK;
    bool ok = !err && append_module_table(m, modules->len, &err) && append_texts(m, cmdline, &err) &&
              append_modules(m, modules, &err);
    g_free(cmdline);
    g_ptr_array_free(modules, true);
    error_propagate(errp, err);
    return ok;
}

/* ---- the information structure; the ROM adds what the BIOS tells ---- */

static void add_framebuffer(Multiboot *m)
{
    uint8_t *f = m->info + INFO_FRAMEBUFFER;
    stq_le_p(f, 0xb8000);
    stl_le_p(f + 8, 160); /* pitch */
    stl_le_p(f + 12, 80);
    stl_le_p(f + 16, 25);
    f[20] = 16; /* bits per character */
    f[21] = FRAMEBUFFER_TEXT;
}

static void fill_info(Multiboot *m, const PCConfig *config)
{
    uint32_t flags = INFO_HAS_CMDLINE | INFO_HAS_MODS | INFO_HAS_LOADER_NAME;
    if ((m->flags & HEADER_VIDEO) && config->vga) {
        add_framebuffer(m);
        flags |= INFO_HAS_FRAMEBUFFER;
    }
    stl_le_p(m->info + INFO_FLAGS, flags);
}

/* ---- putting it together ---- */

extern const uint8_t multiboot_rom[], multiboot_rom_end[]; /* pc-bios/multiboot.S */

static void add_items(Multiboot *m, Device *fw_cfg)
{
    add_copy(m, FW_CFG_CMDLINE_DATA, 0, INFO_LEN, INFO_ADDRESS);
    add_copy(m, FW_CFG_INITRD_DATA, 0, m->top->len, m->top_addr);
    GByteArray *script = g_byte_array_new();
    uint8_t head[SCRIPT_HEAD] = { 0 };
    stl_le_p(head, m->entry);
    stl_le_p(head + 4, m->script->len);
    g_byte_array_append(script, head, sizeof(head));
    g_byte_array_append(script, (const uint8_t *)m->script->data, m->script->len * sizeof(DmaCommand));
    fw_cfg_add_i32(fw_cfg, FW_CFG_SETUP_SIZE, script->len);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_SETUP_DATA, script->data, script->len);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_KERNEL_DATA, m->file, m->len);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_CMDLINE_DATA, m->info, INFO_LEN);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_INITRD_DATA, m->top->data, m->top->len);
    g_byte_array_free(script, true);
}

bool multiboot_load(const PCConfig *config, const uint8_t *file, size_t len, uint64_t ram_below_4g, Device *fw_cfg,
                    Error **errp)
{
    Multiboot m = { .path = config->kernel, .file = file, .len = len };
    m.limit = ram_below_4g > BOOT_FIRMWARE_TABLES ? ram_below_4g - BOOT_FIRMWARE_TABLES : 0;
    if (!find_header(file, len, &m.header) || len > UINT32_MAX) {
        error_setg(errp, "kernel file '%s' is not a multiboot image", m.path);
        return false;
    }
    m.flags = ldl_le_p(file + m.header + HDR_FLAGS);
    m.script = g_array_new(false, false, sizeof(DmaCommand));
    m.top = g_byte_array_new();
    bool ok = load_kernel(&m, errp) && build_top(&m, config, errp);
    if (ok) {
        fill_info(&m, config);
        add_items(&m, fw_cfg);
        boot_add_option_rom(fw_cfg, multiboot_rom, multiboot_rom_end);
    }
    g_array_free(m.script, true);
    g_byte_array_free(m.top, true);
    return ok;
}
