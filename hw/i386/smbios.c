/*
 * hw/i386/smbios.c  SMBIOS 2.8 structures (DMTF DSP0134): system, enclosure, processor, memory. SeaBIOS adds type 0.
 */
#include "hw/i386/pc-internal.h"

enum {
    HANDLE_SYSTEM = 0x100,
    HANDLE_ENCLOSURE = 0x300,
    HANDLE_PROCESSOR = 0x400,
    HANDLE_MEMORY_ARRAY = 0x1000,
    HANDLE_MEMORY_DEVICE = 0x1100,
    HANDLE_MEMORY_MAP = 0x1300,
    HANDLE_BOOT = 0x2000,
    HANDLE_END = 0x7f00
};

typedef struct SmbiosTables {
    GByteArray *blob;
    unsigned count, max_size;
    guint start; /* of the structure being written */
} SmbiosTables;

/* Formatted part; len includes the 4-byte header. */
static uint8_t *structure_begin(SmbiosTables *t, uint8_t type, uint8_t len, uint16_t handle)
{
    t->start = t->blob->len;
    g_byte_array_set_size(t->blob, t->start + len);
    uint8_t *p = t->blob->data + t->start;
    memset(p, 0, len);
    p[0] = type;
    p[1] = len;
    stw_le_p(p + 2, handle);
    return p;
}

/* Strings are numbered from 1 in the order given; the set ends with an empty one. */
static void structure_end(SmbiosTables *t, const char *const *strings)
{
    for (size_t i = 0; strings && strings[i]; i++) {
        g_byte_array_append(t->blob, (const uint8_t *)strings[i], strlen(strings[i]) + 1);
    }
    g_byte_array_append(t->blob, (const uint8_t *)"\0", strings ? 1 : 2);
    t->max_size = MAX(t->max_size, t->blob->len - t->start);
    t->count++;
}

static void build_system(SmbiosTables *t)
{
    uint8_t *p = structure_begin(t, 1, 0x1b, HANDLE_SYSTEM);
    p[4] = 1;
    p[5] = 2;
    p[6] = 3;
    p[0x18] = 6; /* wake-up: power switch */
    structure_end(t, (const char *const[]){ "QEMU", "Standard PC (i440FX + PIIX, 1996)", "lockstep", NULL });
}

static void build_enclosure(SmbiosTables *t)
{
    uint8_t *p = structure_begin(t, 3, 0x16, HANDLE_ENCLOSURE);
    p[4] = 1;
    p[5] = 1; /* other */
    p[6] = 2;
    p[9] = p[10] = p[11] = 3; /* states: safe */
    p[12] = 2;                /* security: unknown */
    structure_end(t, (const char *const[]){ "QEMU", "lockstep", NULL });
}

static void build_processor(SmbiosTables *t, unsigned n)
{
    char *socket = g_strdup_printf("CPU %u", n);
    uint8_t *p = structure_begin(t, 4, 0x2a, HANDLE_PROCESSOR + n);
    p[4] = 1;
    p[5] = 3; /* CPU */
    p[6] = 1; /* family: other */
    p[7] = 2;
    p[0x10] = 3;
    stw_le_p(p + 0x14, 1000); /* MHz */
    stw_le_p(p + 0x16, 1000);
    p[0x18] = 0x41; /* populated, enabled */
    p[0x19] = 1;    /* upgrade: other */
    stw_le_p(p + 0x1a, 0xffff);
    stw_le_p(p + 0x1c, 0xffff);
    stw_le_p(p + 0x1e, 0xffff);
    p[0x23] = p[0x24] = p[0x25] = 1; /* cores, enabled, threads */
    stw_le_p(p + 0x26, 0x02);
    stw_le_p(p + 0x28, 0x01);
    structure_end(t, (const char *const[]){ socket, "QEMU", "lockstep", NULL });
    g_free(socket);
}

static void build_memory_array(SmbiosTables *t, uint64_t total)
{
    uint8_t *p = structure_begin(t, 16, 0x17, HANDLE_MEMORY_ARRAY);
    p[4] = 1; /* location: other */
    p[5] = 3; /* system memory */
    p[6] = 6; /* multi-bit ECC */
    stl_le_p(p + 7, total / KiB < 0x80000000u ? total / KiB : 0x80000000u);
    stw_le_p(p + 0x0b, 0xfffe);
    stw_le_p(p + 0x0d, 1);
    if (total / KiB >= 0x80000000u) {
        stq_le_p(p + 0x0f, total);
    }
    structure_end(t, NULL);
}

static void build_memory_device(SmbiosTables *t, uint64_t total)
{
    uint64_t mib = total / MiB;
    uint8_t *p = structure_begin(t, 17, 0x28, HANDLE_MEMORY_DEVICE);
    stw_le_p(p + 4, HANDLE_MEMORY_ARRAY);
    stw_le_p(p + 6, 0xfffe);
    stw_le_p(p + 8, 0xffff);
    stw_le_p(p + 10, 0xffff);
    stw_le_p(p + 0x0c, mib < 0x7fff ? mib : 0x7fff);
    p[0x0e] = 9; /* DIMM */
    p[0x10] = 1;
    p[0x12] = 7; /* RAM */
    stw_le_p(p + 0x13, 2);
    p[0x17] = 2;
    if (mib >= 0x7fff) {
        stl_le_p(p + 0x1c, mib);
    }
    structure_end(t, (const char *const[]){ "DIMM 0", "QEMU", NULL });
}

static void build_memory_map(SmbiosTables *t, unsigned n, uint64_t start, uint64_t size)
{
    uint8_t *p = structure_begin(t, 19, 0x1f, HANDLE_MEMORY_MAP + n);
    uint64_t last_kib = (start + size) / KiB - 1;
    if (last_kib < UINT32_MAX) {
        stl_le_p(p + 4, start / KiB);
        stl_le_p(p + 8, last_kib);
    } else {
        stl_le_p(p + 4, UINT32_MAX);
        stl_le_p(p + 8, UINT32_MAX);
        stq_le_p(p + 0x0f, start);
        stq_le_p(p + 0x17, start + size - 1);
    }
    stw_le_p(p + 0x0c, HANDLE_MEMORY_ARRAY);
    p[0x0e] = 1;
    structure_end(t, NULL);
}

/* 5.2.1. The firmware fills in the address and both checksums. */
static void add_anchor(const SmbiosTables *t, Device *fw_cfg)
{
    uint8_t anchor[0x1f] = { 0 };
    memcpy(anchor, "_SM_", 4);
    anchor[5] = sizeof(anchor);
    anchor[6] = 2;
    anchor[7] = 8;
    stw_le_p(anchor + 8, t->max_size);
    memcpy(anchor + 0x10, "_DMI_", 5);
    stw_le_p(anchor + 0x16, t->blob->len);
    stw_le_p(anchor + 0x1c, t->count);
    anchor[0x1e] = 0x28;
    fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", anchor, sizeof(anchor));
}

void smbios_build(uint64_t ram_below_4g, uint64_t ram_above_4g, uint8_t smp, Device *fw_cfg)
{
    SmbiosTables t = { .blob = g_byte_array_new() };
    uint64_t total = ram_below_4g + ram_above_4g;
    build_system(&t);
    build_enclosure(&t);
    for (unsigned i = 0; i < smp; i++) {
        build_processor(&t, i);
    }
    build_memory_array(&t, total);
    build_memory_device(&t, total);
    build_memory_map(&t, 0, 0, ram_below_4g);
    if (ram_above_4g) {
        build_memory_map(&t, 1, 4 * GiB, ram_above_4g);
    }
    structure_begin(&t, 32, 0x0b, HANDLE_BOOT);
    structure_end(&t, NULL);
    structure_begin(&t, 127, 4, HANDLE_END);
    structure_end(&t, NULL);
    fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", t.blob->data, t.blob->len);
    add_anchor(&t, fw_cfg);
    g_byte_array_free(t.blob, true);
}
