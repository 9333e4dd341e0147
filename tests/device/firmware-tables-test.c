/* LINK: hw/i386/acpi-build.c hw/i386/aml-build.c hw/i386/smbios.c hw/i386/linuxboot.c pc-bios/linuxboot.S hw/i386/boot-rom.c hw/i386/multiboot.c pc-bios/multiboot.S util/error.c util/option.c */
/*
 * tests/device/firmware-tables-test.c  What firmware is handed: ACPI blobs run through the loader script, SMBIOS,
 * -kernel.
 * "--dump DIR" writes the ACPI tables there, for iasl; "--dump-raw DIR" the blobs as firmware gets them.
 */
#include <glib/gstdio.h>

#include "hw/i386/pc-internal.h"
#include "hw/isa/chips.h"
#include "replay/replay.h"

static uint16_t pm_base = 0xb000;

uint16_t piix4_pm_io_base(Device *pm)
{
    (void)pm;
    return pm_base;
}

const char *replay_recorded_property(const char *name)
{
    return NULL;
}

bool replay_add_property(const char *name, const char *option, const char *value, Error **errp)
{
    return true;
}

bool replay_add_input(const char *role, const char *path, Error **errp)
{
    (void)role, (void)path, (void)errp;
    return true;
}

/* ---- a fw_cfg that keeps what it is given ---- */

typedef struct Item {
    const char *name; /* NULL: by key */
    uint16_t key;
    GByteArray *data;
} Item;
static Item items[64];
static unsigned nb_items;
static FWCfgUpdate *tables_update;
static void *tables_opaque;

static void add(const char *name, uint16_t key, const void *data, size_t len)
{
    g_assert_cmpuint(nb_items, <, ARRAY_SIZE(items));
    items[nb_items] = (Item){ .name = name, .key = key, .data = g_byte_array_new() };
    g_byte_array_append(items[nb_items++].data, data, len);
}

void fw_cfg_add_bytes(Device *fw, uint16_t key, const void *data, size_t len)
{
    (void)fw;
    add(NULL, key, data, len);
}

void fw_cfg_add_i32(Device *fw, uint16_t key, uint32_t value)
{
    (void)fw;
    add(NULL, key, &value, 4);
}

void fw_cfg_add_file(Device *fw, const char *name, const void *data, size_t len)
{
    (void)fw;
    add(name, 0, data, len);
}

void fw_cfg_add_file_callback(Device *fw, const char *name, const void *data, size_t len, FWCfgUpdate *update,
                              void *opaque)
{
    (void)fw;
    add(name, 0, data, len);
    tables_update = update;
    tables_opaque = opaque;
}

static GByteArray *file(const char *name)
{
    for (unsigned i = 0; i < nb_items; i++) {
        if (items[i].name && g_str_equal(items[i].name, name)) {
            return items[i].data;
        }
    }
    return NULL;
}

static GByteArray *keyed(uint16_t key)
{
    for (unsigned i = 0; i < nb_items; i++) {
        if (!items[i].name && items[i].key == key) {
            return items[i].data;
        }
    }
    return NULL;
}

static uint32_t keyed_u32(uint16_t key)
{
    g_assert_nonnull(keyed(key));
    return ldl_le_p(keyed(key)->data);
}

static void forget(void)
{
    for (unsigned i = 0; i < nb_items; i++) {
        g_byte_array_free(items[i].data, true);
    }
    nb_items = 0;
}

static PCConfig config = { .smp = 1, .hpet = true, .acpi = true, .serial_present = { true, true } };

/* ---- ACPI: play the firmware's part ---- */

#define TABLES_AT 0x07fe0000u /* where "firmware" puts the blob */

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t s = 0;
    while (len--) {
        s += *p++;
    }
    return s;
}

static void run_loader(void)
{
    GByteArray *loader = file("etc/table-loader");
    g_assert_nonnull(loader);
    g_assert_cmpuint(loader->len % 128, ==, 0);
    for (guint i = 0; i < loader->len; i += 128) {
        uint8_t *e = loader->data + i;
        GByteArray *dest = file((char *)e + 4);
        g_assert_nonnull(dest);
        if (ldl_le_p(e) == 1) {
            g_assert_cmpuint(ldl_le_p(e + 60), ==, g_str_equal((char *)e + 4, "etc/acpi/rsdp") ? 16 : 64);
        } else if (ldl_le_p(e) == 2) {
            uint32_t offset = ldl_le_p(e + 116);
            g_assert_cmpstr((char *)e + 60, ==, "etc/acpi/tables");
            g_assert_cmpuint(offset + e[120], <=, dest->len);
            stl_le_p(dest->data + offset, ldl_le_p(dest->data + offset) + TABLES_AT);
        } else {
            uint32_t result = ldl_le_p(e + 60), start = ldl_le_p(e + 64), len = ldl_le_p(e + 68);
            g_assert_cmpuint(ldl_le_p(e), ==, 3);
            g_assert_cmpuint(start + len, <=, dest->len);
            g_assert_cmpuint(dest->data[result], ==, 0);
            dest->data[result] = -sum(dest->data + start, len);
        }
    }
}

static void build_acpi(void)
{
    forget();
    acpi_build(&config, 128 * MiB, NULL, NULL);
    GByteArray *tables = file("etc/acpi/tables");
    tables_update(tables_opaque, tables->data, tables->len);
    run_loader();
}

static const uint8_t *table_at(uint32_t addr)
{
    return file("etc/acpi/tables")->data + (addr - TABLES_AT);
}

static const uint8_t *find_table(const char *signature)
{
    const uint8_t *rsdt = table_at(ldl_le_p(file("etc/acpi/rsdp")->data + 16));
    for (uint32_t i = 36; i < ldl_le_p(rsdt + 4); i += 4) {
        const uint8_t *t = table_at(ldl_le_p(rsdt + i));
        if (!memcmp(t, signature, 4)) {
            return t;
        }
    }
    return NULL;
}

static void check_table(const uint8_t *t, const char *signature)
{
    g_assert_nonnull(t);
    g_assert_cmpmem(t, 4, signature, 4);
    g_assert_cmpuint(sum(t, ldl_le_p(t + 4)), ==, 0);
}

static void test_acpi_roots(void)
{
    build_acpi();
    const uint8_t *rsdp = file("etc/acpi/rsdp")->data;
    g_assert_cmpmem(rsdp, 8, "RSD PTR ", 8);
    g_assert_cmpuint(sum(rsdp, 20), ==, 0);
    g_assert_cmpuint(sum(rsdp, 36), ==, 0);
    const uint8_t *rsdt = table_at(ldl_le_p(rsdp + 16)), *xsdt = table_at(ldl_le_p(rsdp + 24));
    check_table(rsdt, "RSDT");
    check_table(xsdt, "XSDT");
    g_assert_cmpuint(ldl_le_p(rsdt + 4) - 36, ==, 4 * 4);
    for (int i = 0; i < 4; i++) {
        g_assert_cmphex(ldl_le_p(rsdt + 36 + 4 * i), ==, ldq_le_p(xsdt + 36 + 8 * i));
    }
}

static void test_acpi_tables(void)
{
    build_acpi();
    const uint8_t *fadt = find_table("FACP");
    check_table(fadt, "FACP");
    check_table(find_table("APIC"), "APIC");
    check_table(find_table("HPET"), "HPET");
    check_table(find_table("WAET"), "WAET");
    check_table(table_at(ldl_le_p(fadt + 40)), "DSDT");
    g_assert_cmphex(ldq_le_p(fadt + 140), ==, ldl_le_p(fadt + 40));
    g_assert_cmpmem(table_at(ldl_le_p(fadt + 36)), 4, "FACS", 4);
    g_assert_cmphex(ldl_le_p(fadt + 36) & 63, ==, 0);
    g_assert_cmphex(ldl_le_p(fadt + 76), ==, 0xb008); /* follows PMBA */
    g_assert_cmphex(ldl_le_p(fadt + 208 + 4), ==, 0xb008);
}

static void test_acpi_without_hpet(void)
{
    config.hpet = false;
    build_acpi();
    g_assert_null(find_table("HPET"));
    g_assert_nonnull(find_table("APIC"));
    config.hpet = true;
}

static char *work_dir;
static char *make_kernel(uint16_t version, uint8_t loadflags);

static void dump(const char *dir)
{
    static const char *const names[] = { "FACP", "APIC", "HPET", "WAET", "DSDT" };
    build_acpi();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const uint8_t *t = i < 4 ? find_table(names[i]) : table_at(ldl_le_p(find_table("FACP") + 40));
        char *path = g_strdup_printf("%s/%s.aml", dir, names[i]);
        g_assert_true(g_file_set_contents(path, (const char *)t, ldl_le_p(t + 4), NULL));
        g_free(path);
    }
}

/* The blobs as firmware gets them, "/" in their names turned into "-": another machine's fw_cfg can serve them. */
static void dump_raw(const char *dir)
{
    forget();
    pm_base = 0;
    acpi_build(&config, 128 * MiB, NULL, NULL);
    smbios_build(128 * MiB, 0, 1, NULL);
    char *kernel = make_kernel(0x20f, 1);
    g_assert_true(linuxboot_load(&(PCConfig){ .kernel = kernel }, 128 * MiB, NULL, NULL));
    for (unsigned i = 0; i < nb_items; i++) {
        if (items[i].name) {
            char *name = g_strdelimit(g_strdup(items[i].name), "/", '-');
            char *path = g_build_filename(dir, name, NULL);
            g_assert_true(g_file_set_contents(path, (char *)items[i].data->data, items[i].data->len, NULL));
            g_free(path);
            g_free(name);
        }
    }
    g_free(kernel);
}

/* ---- SMBIOS ---- */

static const uint8_t *next_structure(const uint8_t *p)
{
    p += p[1];
    while (p[0] || p[1]) {
        p++;
    }
    return p + 2;
}

static void test_smbios(void)
{
    static const uint8_t types[] = { 1, 3, 4, 16, 17, 19, 19, 32, 127 };
    forget();
    smbios_build(3584 * MiB, 1 * GiB, 1, NULL);
    GByteArray *tables = file("etc/smbios/smbios-tables"), *anchor = file("etc/smbios/smbios-anchor");
    g_assert_cmpuint(anchor->len, ==, 31);
    g_assert_cmpuint(lduw_le_p(anchor->data + 0x16), ==, tables->len);
    g_assert_cmpuint(lduw_le_p(anchor->data + 0x1c), ==, ARRAY_SIZE(types));
    const uint8_t *p = tables->data;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        g_assert_cmpuint(p[0], ==, types[i]);
        if (types[i] == 17) {
            g_assert_cmpuint(lduw_le_p(p + 0x0c), ==, 4608);
        }
        p = next_structure(p);
    }
    g_assert_true(p == tables->data + tables->len);
}

/* ---- -kernel ---- */

static char *make_file(const char *name, const uint8_t *data, size_t len)
{
    char *path = g_build_filename(work_dir, name, NULL);
    g_assert_true(g_file_set_contents(path, (const char *)data, len, NULL));
    return path;
}

/* One setup sector beside the boot sector; 0x3000 bytes of kernel. */
static char *make_kernel(uint16_t version, uint8_t loadflags)
{
    uint8_t image[0x400 + 0x3000] = { 0 };
    image[0x1f1] = 1;
    stw_le_p(image + 0x1fe, 0xaa55);
    memcpy(image + 0x202, "HdrS", 4);
    stw_le_p(image + 0x206, version);
    image[0x211] = loadflags;
    stl_le_p(image + 0x22c, 0x7fffffff);
    stl_le_p(image + 0x238, 2047);
    memset(image + 0x400, 0xcc, 0x3000);
    return make_file("kernel", image, sizeof(image));
}

static void expect_error(PCConfig *c, const char *format, const char *path)
{
    Error *err = NULL;
    char *text = g_strdup_printf(format, path);
    g_assert_false(linuxboot_load(c, 128 * MiB, NULL, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
    g_free(text);
}

static void test_kernel(void)
{
    forget();
    char *kernel = make_kernel(0x20f, 1), *initrd = make_file("initrd", (const uint8_t *)"0123456789", 10);
    PCConfig c = { .kernel = kernel, .initrd = initrd, .append = "console=ttyS0 vga=0x314" };
    g_assert_true(linuxboot_load(&c, 128 * MiB, NULL, NULL));
    g_assert_cmphex(keyed_u32(FW_CFG_SETUP_ADDR), ==, 0x10000);
    g_assert_cmphex(keyed_u32(FW_CFG_SETUP_SIZE), ==, 0x400);
    g_assert_cmphex(keyed_u32(FW_CFG_KERNEL_ADDR), ==, 0x100000);
    g_assert_cmphex(keyed_u32(FW_CFG_KERNEL_SIZE), ==, 0x3000);
    g_assert_cmphex(keyed_u32(FW_CFG_CMDLINE_ADDR), ==, 0x20000);
    g_assert_cmpstr((char *)keyed(FW_CFG_CMDLINE_DATA)->data, ==, c.append);
    g_assert_cmphex(keyed_u32(FW_CFG_INITRD_ADDR), ==, 0x7f7f000);
    g_assert_cmphex(keyed_u32(FW_CFG_INITRD_SIZE), ==, 10);
    const uint8_t *setup = keyed(FW_CFG_SETUP_DATA)->data;
    g_assert_cmphex(setup[0x210], ==, 0xb0);
    g_assert_cmphex(setup[0x211], ==, 0x81);
    g_assert_cmphex(lduw_le_p(setup + 0x1fa), ==, 0x314);
    g_assert_cmphex(ldl_le_p(setup + 0x218), ==, 0x7f7f000);
    g_assert_cmphex(ldl_le_p(setup + 0x228), ==, 0x20000);
    g_assert_cmphex(lduw_le_p(setup + 0x224), ==, 0xfe00);
    g_free(kernel);
    g_free(initrd);
}

static void test_option_rom(void)
{
    GByteArray *rom = file("genroms/linuxboot.bin");
    g_assert_nonnull(rom);
    g_assert_cmphex(lduw_le_p(rom->data), ==, 0xaa55);
    g_assert_cmpuint(rom->data[2] * 512, ==, rom->len);
    g_assert_cmpuint(sum(rom->data, rom->len), ==, 0);
    const uint8_t *pnp = rom->data + lduw_le_p(rom->data + 0x1a);
    g_assert_cmpmem(pnp, 4, "$PnP", 4);
    g_assert_cmpuint(sum(pnp, 32), ==, 0);
    g_assert_cmphex(rom->data[lduw_le_p(pnp + 0x1a)], ==, 0xfa); /* CLI at the bootstrap entry */
}

static void test_kernel_errors(void)
{
    forget();
    PCConfig c = { .kernel = "/nonexistent/k" };
    expect_error(&c, "could not open kernel file '%s': No such file or directory", c.kernel);
    char *path = make_file("text", (const uint8_t *)"not a kernel", 12);
    c.kernel = path;
    expect_error(&c, "kernel file '%s' is not a Linux bzImage", path);
    g_free(path);
    path = make_kernel(0x201, 1);
    c.kernel = path;
    expect_error(&c, "kernel file '%s' has boot protocol 2.01: 2.02 or later is needed", path);
    g_free(path);
    path = make_kernel(0x20f, 1);
    c = (PCConfig){ .kernel = path, .initrd = "/nonexistent/i" };
    expect_error(&c, "could not open initrd '%s': No such file or directory", c.initrd);
    g_free(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    work_dir = g_dir_make_tmp("firmware-tables-XXXXXX", NULL);
    if (argc == 3 && g_str_has_prefix(argv[1], "--dump")) {
        (g_str_equal(argv[1], "--dump") ? dump : dump_raw)(argv[2]);
        return 0;
    }
    g_test_add_func("/acpi/roots", test_acpi_roots);
    g_test_add_func("/acpi/tables", test_acpi_tables);
    g_test_add_func("/acpi/without-hpet", test_acpi_without_hpet);
    g_test_add_func("/smbios/structures", test_smbios);
    g_test_add_func("/linuxboot/kernel", test_kernel);
    g_test_add_func("/linuxboot/option-rom", test_option_rom);
    g_test_add_func("/linuxboot/errors", test_kernel_errors);
    int status = g_test_run();
    static const char *const made[] = { "kernel", "initrd", "text" };
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        char *path = g_build_filename(work_dir, made[i], NULL);
        g_remove(path);
        g_free(path);
    }
    g_rmdir(work_dir);
    g_free(work_dir);
    return status;
}
