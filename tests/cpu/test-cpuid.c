/* LINK: target/i386/tlb.c target/i386/paging.c target/i386/sysreg.c target/i386/msr.c target/i386/cpuid.c target/i386/debug.c target/i386/cpu.c target/i386/flags.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/qemu-timer.c */
/* tests/cpu/test-cpuid.c  CPU models, -cpu arguments, CPUID leaves, and the MSRs that go with them. */
#include "tests/cpu/cpu-stubs.h"

#include "target/i386/cpuid.h"

typedef struct Leaf {
    uint32_t a, b, c, d;
} Leaf;

static CPUState *new_cpu(const char *arg)
{
    static int index;
    CPUState *cpu = cpu_new(arg, index++, &error_fatal);
    cpu->apic = &stub_apic;
    return cpu;
}

static Leaf leaf(CPUState *cpu, uint32_t number, uint32_t sub)
{
    Leaf l;
    cpu_cpuid(cpu, number, sub, &l.a, &l.b, &l.c, &l.d);
    return l;
}

/* All zero when there is no such leaf. */
static Leaf existing_leaf(CPUState *cpu, uint32_t number)
{
    uint32_t last = number >> 31 ? cpu->model->xlevel : cpu->model->level;
    return number <= last ? leaf(cpu, number, 0) : (Leaf){ 0 };
}

static void assert_vendor(CPUState *cpu, const char *vendor)
{
    Leaf l = leaf(cpu, 0, 0);
    char text[13] = { 0 };
    memcpy(text, &l.b, 4);
    memcpy(text + 4, &l.d, 4);
    memcpy(text + 8, &l.c, 4);
    g_assert_cmpstr(text, ==, vendor);
}

/* SDM 2A, CPUID, tables 3-10 and 3-11; only what is implemented may show. */
#define EDX_486      0x0000000bu
#define EDX_PENTIUM3 0x0383fbffu
#define EDX_QEMU32   0x078bfbffu

static void test_models(void)
{
    CPUState *cpu = new_cpu("486");
    g_assert_cmphex(leaf(cpu, 0, 0).a, ==, 1);
    g_assert_cmphex(leaf(cpu, 1, 0).a, ==, 0x480);
    g_assert_cmphex(leaf(cpu, 1, 0).d, ==, EDX_486);
    g_assert_cmphex(leaf(cpu, 0x80000000, 0).a, ==, 0x480); /* no extended leaves: the highest basic one answers */
    cpu = new_cpu("pentium3");
    g_assert_cmphex(leaf(cpu, 1, 0).a, ==, 0x683);
    g_assert_cmphex(leaf(cpu, 1, 0).d, ==, EDX_PENTIUM3);
    g_assert_cmphex(leaf(cpu, 1, 0).c, ==, 0);
    g_assert_cmphex(leaf(cpu, 0, 0).a, ==, 3);
    assert_vendor(cpu, "GenuineIntel");
    cpu = new_cpu("qemu32");
    g_assert_cmphex(leaf(cpu, 1, 0).a, ==, 0x663);
    g_assert_cmphex(leaf(cpu, 1, 0).d, ==, EDX_QEMU32);
    g_assert_cmphex(leaf(cpu, 1, 0).b, ==, (uint32_t)cpu->index << 24 | 0x800);
    g_assert_cmphex(leaf(cpu, 0x80000000, 0).a, ==, 0x80000004);
    g_assert_cmphex(leaf(cpu, 0x80000001, 0).d & (1 << 20), ==, 0);
    cpu = new_cpu("qemu64");
    assert_vendor(cpu, "AuthenticAMD");
    g_assert_cmphex(leaf(cpu, 1, 0).a, ==, 0x00060fb1);
    g_assert_cmphex(leaf(cpu, 0x80000008, 0).a & 0xff, ==, 40);
    g_assert_cmphex(leaf(cpu, 0x80000001, 0).d & (1 << 20), !=, 0);
    g_assert_cmphex(leaf(cpu, 0x80000001, 0).d & 0x0183f3ff, ==, leaf(cpu, 1, 0).d & 0x0183f3ff);
    g_assert_cmphex(leaf(cpu, 0x12345, 0).a, ==, 0);
    g_assert_cmpstr(new_cpu(NULL)->model->name, ==, "qemu32");
}

static void test_brand(void)
{
    CPUState *cpu = new_cpu("qemu32");
    char text[48];
    for (unsigned i = 0; i < 3; i++) {
        Leaf l = leaf(cpu, 0x80000002 + i, 0);
        memcpy(text + 16 * i, &l, 16);
    }
    g_assert_cmpstr(text, ==, "Lockstep virtual CPU");
    cpu = new_cpu("qemu32,model-id=Mine");
    Leaf l = leaf(cpu, 0x80000002, 0);
    g_assert_cmpmem(&l, 5, "Mine", 5);
}

/* cpu_has(), CPUID and the names agree for every feature of every model. */
static void test_table_agrees(void)
{
    static const char *const names[] = { "486", "pentium3", "qemu32", "qemu64", "max" };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CPUState *cpu = new_cpu(names[i]);
        for (int f = FEAT_NONE + 1; f < FEAT_COUNT; f++) {
            if (!cpu_feature_name(f)) {
                g_assert_cmpint(f, ==, FEAT_486);
                continue;
            }
            if (!(cpu->model->features >> f & 1)) {
                continue;
            }
            g_autofree char *without = g_strdup_printf("%s,-%s", names[i], cpu_feature_name(f));
            CPUState *less = new_cpu(without);
            Leaf l1 = leaf(cpu, 1, 0), m1 = leaf(less, 1, 0), l7 = existing_leaf(cpu, 7), m7 = existing_leaf(less, 7);
            Leaf lx = existing_leaf(cpu, 0x80000001), mx = existing_leaf(less, 0x80000001);
            uint32_t xsave = f == FEAT_XSAVEOPT ? leaf(cpu, 0xd, 1).a ^ leaf(less, 0xd, 1).a : 0;
            uint32_t basic = (l1.c ^ m1.c) | (l1.d ^ m1.d) | (l7.b ^ m7.b) | (l7.c ^ m7.c);
            uint32_t extended = (lx.c ^ mx.c) | ((lx.d ^ mx.d) & ~0x0183f3ffu); /* but for AMD's copy of leaf 1 */
            g_assert_cmpint(cpu_has(less, f), ==, f == FEAT_3DNOWPREFETCH && cpu_has(less, FEAT_LM));
            g_assert_cmpint(__builtin_popcount(basic) + __builtin_popcount(extended) + __builtin_popcount(xsave), ==, 1);
        }
        g_assert_true(cpu_has(cpu, FEAT_NONE) && cpu_has(cpu, FEAT_486));
    }
}

static void assert_refused(const char *arg, const char *message)
{
    Error *err = NULL;
    g_assert_null(cpu_model_parse(arg, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, message);
    error_free(err);
}

static void test_arguments(void)
{
    CPUState *cpu = new_cpu("pentium3,-sse,+popcnt,mmx=off,family=5,model=2,stepping=12,clflush=on");
    g_assert_false(cpu_has(cpu, FEAT_SSE));
    g_assert_false(cpu_has(cpu, FEAT_MMX));
    g_assert_true(cpu_has(cpu, FEAT_POPCNT));
    g_assert_true(cpu_has(cpu, FEAT_CLFLUSH));
    g_assert_cmphex(leaf(cpu, 1, 0).a, ==, 0x52c);
    g_assert_cmphex(leaf(new_cpu("pentium3,nx"), 0x80000001, 0).d, ==, 1 << 20); /* the leaf appears */
    new_cpu("qemu32,-hypervisor,-sse4_1,sse4-2=off,-lahf_lm");
    assert_refused("foo", "unable to find CPU model 'foo'");
    assert_refused("pentium3,+foo", "Property 'pentium3-i386-cpu.foo' not found");
    assert_refused("qemu32,foo=on", "Property 'qemu32-i386-cpu.foo' not found");
    assert_refused("qemu32,sse=maybe", "Parameter 'sse' does not accept value 'maybe'");
    assert_refused("qemu32,family=4000", "Parameter 'family' does not accept value '4000'");
    assert_refused("qemu32,vendor=Short", "Parameter 'vendor' does not accept value 'Short'");
    assert_refused("qemu32,+monitor", "CPU feature 'monitor' is not implemented");
}

static void test_dynamic_bits(void)
{
    CPUState *cpu = new_cpu("qemu32");
    g_assert_cmphex(leaf(cpu, 1, 0).d & (1 << 9), !=, 0);
    stub_apic_base = 0xfee00000; /* disabled */
    g_assert_cmphex(leaf(cpu, 1, 0).d & (1 << 9), ==, 0);
    stub_apic_base = 0xfee00900;
    cpu->apic = NULL;
    g_assert_cmphex(leaf(cpu, 1, 0).d & (1 << 9), ==, 0);
}

static void test_caches(void)
{
    CPUState *cpu = new_cpu("qemu32");
    Leaf l2 = leaf(cpu, 4, 2);
    g_assert_cmphex(leaf(cpu, 2, 0).a & 0xff, ==, 1);
    g_assert_cmphex(leaf(cpu, 4, 0).a & 0xff, ==, 0x21);
    g_assert_cmphex(leaf(cpu, 4, 3).a, ==, 0);
    g_assert_cmpuint(((l2.b & 0xfff) + 1) * ((l2.b >> 22) + 1) * (l2.c + 1), ==, 2 * MiB);
}

/* ---- MSRs ---- */

static uint64_t rd(CPUState *cpu, uint32_t index)
{
    uint64_t v = 0;
    g_assert_true(cpu_rdmsr(cpu, index, &v));
    return v;
}

static void test_msr_memory_types(void)
{
    CPUState *cpu = new_cpu("qemu32");
    uint64_t v;
    g_assert_cmphex(rd(cpu, 0xfe), ==, 0x508);
    g_assert_false(cpu_wrmsr(cpu, 0xfe, 0));
    g_assert_true(cpu_wrmsr(cpu, 0x2ff, 0xc06));
    g_assert_cmphex(rd(cpu, 0x2ff), ==, 0xc06);
    g_assert_false(cpu_wrmsr(cpu, 0x2ff, 0xc02)); /* type 2 */
    g_assert_false(cpu_wrmsr(cpu, 0x2ff, 0x1000));
    g_assert_true(cpu_wrmsr(cpu, 0x200, 0xe0000000));
    g_assert_true(cpu_wrmsr(cpu, 0x20f, 0xfe0000800ull));
    g_assert_cmphex(cpu->mtrr_var[7].mask, ==, 0xfe0000800ull);
    g_assert_false(cpu_wrmsr(cpu, 0x201, 1ull << 36));
    g_assert_false(cpu_wrmsr(cpu, 0x200, 0x100));
    g_assert_false(cpu_wrmsr(cpu, 0x210, 0));
    g_assert_true(cpu_wrmsr(cpu, 0x26f, 0x0506040106050400ull));
    g_assert_cmphex(cpu->mtrr_fixed[10], ==, 0x0506040106050400ull);
    g_assert_true(cpu_wrmsr(cpu, 0x250, 0x0606060606060606ull));
    g_assert_true(cpu_wrmsr(cpu, 0x259, 0));
    g_assert_false(cpu_wrmsr(cpu, 0x259, 0x0700));
    g_assert_false(cpu_rdmsr(cpu, 0x251, &v));
    g_assert_cmphex(rd(cpu, 0x277), ==, 0x0007040600070406ull);
    g_assert_true(cpu_wrmsr(cpu, 0x277, 0x0007010600070106ull));
    g_assert_false(cpu_wrmsr(cpu, 0x277, 2));
    g_assert_false(cpu_rdmsr(new_cpu("qemu32,-mtrr"), 0x2ff, &v));
    g_assert_false(cpu_rdmsr(new_cpu("qemu32,-pat"), 0x277, &v));
}

static void test_msr_tsc(void)
{
    CPUState *cpu = new_cpu("qemu32");
    uint64_t start = rd(cpu, 0x10);
    qemu_clock_step(1000);
    g_assert_cmpuint(rd(cpu, 0x10), ==, start + 1000);
    g_assert_true(cpu_wrmsr(cpu, 0x10, 5));
    qemu_clock_step(7);
    g_assert_cmpuint(cpu_get_tsc(cpu), ==, 12);
    cpu_reset(cpu);
    g_assert_cmpuint(cpu_get_tsc(cpu), ==, 0);
}

static void test_msr_system(void)
{
    CPUState *cpu = new_cpu("qemu32");
    uint64_t v;
    g_assert_true(cpu_wrmsr(cpu, 0x174, 0x60));
    g_assert_cmphex(cpu->sysenter_cs, ==, 0x60);
    g_assert_true(cpu_wrmsr(cpu, 0x176, 0xc0001000));
    g_assert_cmphex(rd(cpu, 0x176), ==, 0xc0001000);
    g_assert_false(cpu_wrmsr(cpu, 0x175, 1ull << 32));
    g_assert_false(cpu_wrmsr(new_cpu("486"), 0x174, 0));
    g_assert_cmphex(rd(cpu, 0x1b), ==, 0xfee00900);
    g_assert_false(cpu_wrmsr(cpu, 0x1b, 0xfee00901));
    cpu->apic = NULL;
    g_assert_false(cpu_rdmsr(cpu, 0x1b, &v));
    g_assert_true(cpu_wrmsr(cpu, 0x8b, 0)); /* how software asks for the microcode revision */
    leaf(cpu, 1, 0);
    g_assert_cmphex(rd(cpu, 0x8b), ==, 1ull << 32);
    g_assert_cmphex(rd(cpu, 0x17), ==, 0);
    g_assert_cmphex(rd(cpu, 0x179), ==, 0);
    g_assert_true(cpu_wrmsr(cpu, 0x17a, 5));
    g_assert_cmphex(rd(cpu, 0x17a), ==, 5);
    g_assert_false(cpu_wrmsr(cpu, 0x17a, 8));
    g_assert_false(cpu_rdmsr(cpu, 0xc0000080, &v)); /* no NX, SYSCALL, LM: no EFER */
    g_assert_false(cpu_rdmsr(cpu, 0xc0000082, &v));
    g_assert_false(cpu_rdmsr(cpu, 0x4b564d00, &v));
    g_assert_false(cpu_wrmsr(cpu, 0x40000000, 0));
    cpu = new_cpu("qemu32,+nx");
    g_assert_true(cpu_wrmsr(cpu, 0xc0000080, EFER_NXE));
    g_assert_false(cpu_wrmsr(cpu, 0xc0000080, EFER_SCE));
    g_assert_cmphex(rd(cpu, 0xc0000080), ==, EFER_NXE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    g_test_add_func("/cpuid/models", test_models);
    g_test_add_func("/cpuid/brand", test_brand);
    g_test_add_func("/cpuid/table-agrees", test_table_agrees);
    g_test_add_func("/cpuid/arguments", test_arguments);
    g_test_add_func("/cpuid/dynamic-bits", test_dynamic_bits);
    g_test_add_func("/cpuid/caches", test_caches);
    g_test_add_func("/msr/memory-types", test_msr_memory_types);
    g_test_add_func("/msr/tsc", test_msr_tsc);
    g_test_add_func("/msr/system", test_msr_system);
    return g_test_run();
}
