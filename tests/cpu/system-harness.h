/*
 * tests/cpu/system-harness.h  Shared by test-seg.c and test-longmode.c: handlers called one by one on a processor with
 * real memory, TLB and control registers, without decoder or engine; and what stands for the engine, replay and the
 * local APIC.
 */
#ifndef TESTS_CPU_SYSTEM_HARNESS_H
#define TESTS_CPU_SYSTEM_HARNESS_H

#include "accel/engine.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "target/i386/debug.h"
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"
#include "target/i386/smm.h"
#include "tests/cpu/apic-stubs.h"
#include "tests/cpu/coverage.h"
#include "util/main-loop.h"

/* ---- stubs ---- */

static int resets, kicks, replayed_interrupts, replayed_exceptions;
static uint8_t tpr; /* the local APIC's, as CR8 sees it */

static void stub_invalidate(CPUState *cpu, ram_addr_t addr, uint64_t len)
{
    (void)cpu;
    (void)addr;
    (void)len;
}
static const ExecEngine stub_engine = { .name = "stub", .invalidate = stub_invalidate };

const ExecEngine *current_engine(void)
{
    return &stub_engine;
}
void qemu_notify_event(void)
{
}
void qemu_system_reset_request(ShutdownCause cause)
{
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_GUEST_RESET);
    resets++;
}
void cpus_kick_for_interrupt(void)
{
    kicks++;
}
void cpus_kick(void)
{
    kicks++;
}
void replay_interrupt(void)
{
    replayed_interrupts++;
}
void replay_exception(void)
{
    replayed_exceptions++;
}
uint8_t apic_get_tpr(Device *apic)
{
    (void)apic;
    return tpr;
}
void apic_set_tpr(Device *apic, uint8_t cr8)
{
    (void)apic;
    tpr = cr8;
}

/* ---- memory; the GDT is at the same place in both tests ---- */

enum { GDT = 0x1000, IDT = 0x2000, RAM_SIZE = 0x400000 };
static CPUState *cpu;
static MemoryRegion ram;
static uint8_t *mem;

static inline uint64_t ld64(uint64_t at)
{
    return ldq_le_p(mem + at);
}
static inline uint32_t ld32(uint64_t at)
{
    return ldl_le_p(mem + at);
}
static inline uint16_t ld16(uint64_t at)
{
    return lduw_le_p(mem + at);
}
static inline void st64(uint64_t at, uint64_t v)
{
    stq_le_p(mem + at, v);
}
static inline void st32(uint64_t at, uint32_t v)
{
    stl_le_p(mem + at, v);
}

static inline void st16(uint64_t at, uint16_t v)
{
    stw_le_p(mem + at, v);
}

/* flags: G 8, D 4, L 2 */
static void put_segment(unsigned selector, uint32_t base, uint32_t limit, unsigned rights, unsigned flags)
{
    unsigned at = GDT + (selector & ~7);
    st32(at, (limit & 0xffff) | base << 16);
    st32(at + 4, (base & 0xff000000) | flags << 20 | (limit & 0xf0000) | rights << 8 | (base >> 16 & 0xff));
}

static void load(int seg, uint16_t selector)
{
    Descriptor d = { .lo = ld32(GDT + (selector & ~7)), .hi = ld32(GDT + (selector & ~7) + 4) };
    SegmentCache s = desc_cache(&d, selector);
    seg_commit(cpu, seg, &s);
}

/* ---- running one handler ---- */

enum { FINE = -1 };
static const InsnInfo info_plain = { .mnemonic = "plain" };
static const InsnInfo info_modrm = { .mnemonic = "modrm", .modrm = MODRM };

typedef struct Args {
    unsigned bytes; /* operand size; 0: the includer's DEFAULT_SIZE, as log2 */
    uint64_t imm;
    int reg, rm;  /* rm: register operand */
    uint64_t mem; /* memory operand, when not 0 */
    int seg;      /* its segment, when not 0 (ES); else DS */
    bool modrm;
    uint8_t prefix;
    bool addr16;
} Args;

static unsigned operand_log2(const Args *a)
{
    return a->bytes ? (unsigned)__builtin_ctz(a->bytes) : DEFAULT_SIZE;
}

static DecodedInsn make_insn(const Args *a)
{
    bool modrm = a->modrm || a->mem, wide = cpu_code64(cpu);
    DecodedInsn d = { .info = modrm ? &info_modrm : &info_plain, .imm = a->imm, .disp = (int64_t)a->mem, .len = 2 };
    d.op_size = (uint8_t)operand_log2(a);
    d.addr_size = wide ? 3 : a->addr16 ? 1 : 2;
    d.ea_mask = wide ? ~0ull : a->addr16 ? 0xffff : 0xffffffff;
    d.base = d.index = R_ZERO;
    d.seg = a->seg ? (uint8_t)a->seg : R_DS;
    d.reg = (uint8_t)a->reg;
    d.rm = (uint8_t)a->rm;
    d.prefix = a->prefix;
    d.modrm = (uint8_t)((a->mem ? 0x05 : 0xc0) | (a->reg & 7) << 3 | (a->mem ? 0 : a->rm & 7));
    return d;
}

/* Vector of the exception it raised, or FINE. Instructions are two bytes long. name: the handler's, for coverage.py. */
static int run_args(const char *name, const InsnHandlers *h, Args a)
{
    DecodedInsn d = make_insn(&a);
    cpu->insn_ip = cpu->eip;
    cpu->eip += 2;
    cpu->int_point = false;
    cpu->run_end = &d + 1;
    if (sigsetjmp(cpu->fault_jmp, 0)) {
        cpu->eip = cpu->insn_ip;
        return cpu->exception_index;
    }
    h->fn[!!a.mem][operand_log2(&a)](cpu, &d);
    cpu->icount++;
    coverage_handler(name);
    return FINE;
}
#define RUN(h, ...) run_args(#h, &h, (Args){ __VA_ARGS__ })
#define ASSERT_FAULT(vector, error, run)             \
    do {                                             \
        g_assert_cmpint(run, ==, vector);            \
        g_assert_true(cpu->has_error_code);          \
        g_assert_cmphex(cpu->error_code, ==, error); \
    } while (0)
#define ASSERT_UD(run)                       \
    do {                                     \
        g_assert_cmpint(run, ==, EXCP_UD);   \
        g_assert_false(cpu->has_error_code); \
    } while (0)
#define ASSERT_FINE(run) g_assert_cmpint(run, ==, FINE)

static void raise_and_deliver(int vector, bool has_error, uint32_t error)
{
    cpu->insn_ip = cpu->eip;
    cpu->exception_index = vector;
    cpu->has_error_code = has_error;
    cpu->error_code = error;
    cpu_deliver_exception(cpu);
}

static void assert_at(uint16_t cs, uint64_t rip, unsigned cpl)
{
    g_assert_cmphex(cpu->seg[R_CS].selector, ==, cs);
    g_assert_cmphex(cpu->eip, ==, rip);
    g_assert_cmpint(cpu->cpl, ==, cpl);
    g_assert_cmpint(cpu->mmu_mode, ==, cpl == 3 ? MMU_USER : MMU_KERNEL);
}

#endif
