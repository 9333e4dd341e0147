/*
 * multiboot.c  A kernel that looks at what its Multiboot loader gave it (Multiboot Specification 0.6.96, sections 3.2
 * and 3.3), says so on COM1 and on port E9h, and leaves through isa-debug-exit at F4h: status 33 when all was right,
 * else 35.
 *
 * Words on its command line make it do more: "testdev" tries pc-testdev, "faults" raises an exception of each kind,
 * "errors" accesses what is not there.
 */
#include "tests/guest/machine.h"

/* ---- printing ---- */

#define COM1 0x3f8

static void put(char c)
{
    while (!(inb(COM1 + 5) & 0x20)) {
    }
    outb(COM1, (uint8_t)c);
    outb(0xe9, (uint8_t)c);
}

static void print(const char *s)
{
    while (*s) {
        put(*s++);
    }
}

static void print_hex(uint32_t v)
{
    for (int i = 28; i >= 0; i -= 4) {
        put("0123456789abcdef"[(v >> i) & 15]);
    }
}

static void print_decimal(uint32_t v)
{
    if (v >= 10) {
        print_decimal(v / 10);
    }
    put((char)('0' + v % 10));
}

static int failed;

static void check(int ok, const char *what)
{
    if (!ok) {
        print("FAILED: ");
        print(what);
        print("\n");
        failed = 1;
    }
}

/* ---- the state at entry ---- */

extern uint32_t entry_state[4];
extern struct {
    uint32_t limit, rights;
} entry_segments[6];

static void check_segments(void)
{
    for (int i = 0; i < 6; i++) {
        uint32_t rights = entry_segments[i].rights;
        check(entry_segments[i].limit == 0xffffffff, "segment limit");
        check((rights & 0x40f000) == 0x409000, "32-bit segment, present, level 0");
        check((rights & 0x800) == (i == 0 ? 0x800u : 0), "code or data");
        check((rights & 0x200) != 0, "readable code, writable data");
    }
}

static void check_a20(void)
{
    static volatile uint32_t here;
    volatile uint32_t *alias = (volatile uint32_t *)((uintptr_t)&here ^ 0x100000);
    uint32_t before = *alias;
    here = ~before;
    check(*alias == before, "A20");
}

static void check_state(void)
{
    check(entry_state[0] == 0x2badb002, "EAX");
    check(!(entry_state[2] & 0x20200), "EFLAGS: VM and IF are clear");
    check((entry_state[3] & 0x80000001) == 1, "CR0: PE is set, PG is clear");
    check_segments();
    check_a20();
}

/* ---- the image in memory ---- */

extern char bss_start[], bss_end[];
static char zeros[5000];

#ifndef ADDRESSES
const char linked_high[] __attribute__((section(".high"))) = "linked at 3 GiB, loaded at 3 MiB";

static void check_high(void)
{
    const char *p = (const char *)0x300000;
    static const char expected[] = "linked at 3 GiB, loaded at 3 MiB";
    for (unsigned i = 0; i < sizeof(expected); i++) {
        check(p[i] == expected[i], "segment at its physical address");
    }
}
#else
static void check_high(void)
{
}
#endif

static void check_image(void)
{
    char any = 0;
    for (unsigned i = 0; i < sizeof(zeros); i++) {
        any |= zeros[i];
    }
    check(!any, "BSS is zero");
    check_high();
}

/* ---- the information structure ---- */

struct info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr, config_table, boot_loader_name;
};

struct module {
    uint32_t start, end, string, zero;
};

struct map_entry {
    uint32_t size;
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));

/* [base, base + length) is RAM by the memory map. */
static int is_ram(const struct info *info, uint64_t base, uint64_t length)
{
    uint32_t p = info->mmap_addr, end = p + info->mmap_length;
    while (p < end) {
        const struct map_entry *e = (const struct map_entry *)p;
        if (e->type == 1 && base >= e->base && base + length <= e->base + e->length) {
            return 1;
        }
        p += e->size + 4;
    }
    return 0;
}

static void show_map(const struct info *info)
{
    uint32_t p = info->mmap_addr, end = p + info->mmap_length;
    while (p < end) {
        const struct map_entry *e = (const struct map_entry *)p;
        check(e->size >= 20, "size of a map entry");
        print("map: ");
        print_hex((uint32_t)(e->base >> 32));
        print_hex((uint32_t)e->base);
        print(" ");
        print_hex((uint32_t)(e->length >> 32));
        print_hex((uint32_t)e->length);
        print(" ");
        print_decimal(e->type);
        print("\n");
        p += e->size + 4;
    }
    check(p == end && info->mmap_length > 0, "length of the map");
}

static void show_memory(const struct info *info)
{
    print("memory: ");
    print_decimal(info->mem_lower);
    print(" KiB lower, ");
    print_decimal(info->mem_upper);
    print(" KiB upper\n");
    check(is_ram(info, 0, info->mem_lower * 1024u), "lower memory is RAM");
    check(is_ram(info, 0x100000, (uint64_t)info->mem_upper * 1024), "upper memory is RAM");
    check(!is_ram(info, 0x100000, (uint64_t)info->mem_upper * 1024 + 4096), "upper memory ends there");
}

static uint32_t sum_of(const struct module *m)
{
    uint32_t sum = 0;
    for (const uint8_t *p = (const uint8_t *)m->start; p < (const uint8_t *)m->end; p++) {
        sum = sum * 31 + *p;
    }
    return sum;
}

static void show_modules(const struct info *info)
{
    const struct module *m = (const struct module *)info->mods_addr;
    uint32_t used = (uint32_t)(uintptr_t)bss_end;
    for (uint32_t i = 0; i < info->mods_count; i++) {
        print("module \"");
        print((const char *)m[i].string);
        print("\": ");
        print_decimal(m[i].end - m[i].start);
        print(" bytes, sum ");
        print_hex(sum_of(&m[i]));
        print("\n");
        check(m[i].start % 4096 == 0, "modules are page-aligned");
        check(m[i].start >= used && m[i].end >= m[i].start, "modules do not overlap");
        check(m[i].end == m[i].start || is_ram(info, m[i].start, m[i].end - m[i].start), "modules are in RAM");
        check(m[i].zero == 0, "reserved");
        used = m[i].end;
    }
}

static void show_info(const struct info *info)
{
    check((info->flags & 0x24d) == 0x24d, "flags: memory, command line, modules, map, loader name");
    check(!(info->flags & 0x32), "flags: no boot device, no symbols");
    check(info->boot_loader_name && *(const char *)info->boot_loader_name, "loader name");
    print("cmdline: ");
    print((const char *)info->cmdline);
    print("\n");
    show_memory(info);
    show_map(info);
    show_modules(info);
}

/* ---- words on the command line ---- */

static int has_word(const struct info *info, const char *word)
{
    for (const char *s = (const char *)info->cmdline; *s; s++) {
        unsigned i = 0;
        while (word[i] && s[i] == word[i]) {
            i++;
        }
        if (!word[i]) {
            return 1;
        }
    }
    return 0;
}

static void try_latch(void)
{
    outl(0xe0, 0x12345678);
    check(inl(0xe0) == 0x12345678 && inw(0xe2) == 0x1234 && inb(0xe1) == 0x56, "latch in any size");
    outb(0xe3, 0x9a);
    check(inl(0xe0) == 0x9a345678, "latch, byte written");
    check(inb(0xe8) == 0x78 && inb(0xea) == 0x34, "latch by bytes");
    outl(0xe4, 0x100000);
    check(inl(0xe0) == 0x9a345678, "flush");
}

static uint8_t pic_requests(void)
{
    outb(0x20, 0x0a);
    return inb(0x20);
}

static void try_testdev(void)
{
    volatile uint32_t *memory = (volatile uint32_t *)0xff000000;
    volatile uint8_t *bytes = (volatile uint8_t *)memory;
    try_latch();
    outb(0x2005, 1);
    check(pic_requests() & 0x20, "line 5 high");
    outb(0x2005, 0);
    memory[0x100] = 0x11223344;
    bytes[0x402] = 0xee;
    check(memory[0x100] == 0x11ee3344, "device memory");
    bytes[0xffff] = 0x77;
    check(bytes[0xffff] == 0x77, "end of the device memory");
    print("testdev done\n");
}

static struct gate idt[256];
volatile uint32_t faults, gp_error;

static void set_gate(int vector, void (*handler)(void))
{
    uint32_t address = (uint32_t)(uintptr_t)handler;
    idt[vector] = (struct gate){ (uint16_t)address, 8, 0, 0x8e, (uint16_t)(address >> 16) };
}

static void try_faults(void)
{
    extern void ud_stub(void), gp_stub(void), soft_stub(void);
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint32_t)(uintptr_t)idt };
    set_gate(6, ud_stub);
    set_gate(13, gp_stub);
    set_gate(0x30, soft_stub);
    __asm__ volatile("lidt %0" : : "m"(pointer));
    __asm__ volatile("ud2" : : : "memory");
    __asm__ volatile("int $0x30" : : : "memory");
    __asm__ volatile("movl $0x28, %%eax\n\tmovw %%ax, %%ds" : : : "eax", "memory");
    check(faults == 3, "three handlers ran");
    check(gp_error == 0x28, "error code");
    print("faults done\n");
}

static void try_errors(void)
{
    check(*(volatile uint32_t *)0xe0000000 == 0xffffffff, "nothing at E0000000h");
    *(volatile uint16_t *)0xe0000010 = 1;
    check(inb(0x7777) == 0xff, "nothing at port 7777h");
    outb(0x7778, 1);
    print("errors done\n");
}

void multiboot_main(void)
{
    const struct info *info = (const struct info *)entry_state[1];
    print("multiboot guest\n");
    check_state();
    check_image();
    show_info(info);
    if (has_word(info, " testdev")) {
        try_testdev();
    }
    if (has_word(info, " faults")) {
        try_faults();
    }
    if (has_word(info, " errors")) {
        try_errors();
    }
    print(failed ? "multiboot guest: failed\n" : "multiboot guest: all right\n");
    outl(0xf4, failed ? 0x11 : 0x10);
}
