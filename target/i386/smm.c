/*
 * target/i386/smm.c  System management mode: SMI entry, RSM, the 32-bit save area of the P6. SDM 3C chapter 34.
 *
 * Fields that the manual names are where table 34-1 puts them. Hidden state that it calls reserved is kept in a layout
 * of ours in the reserved part. I/O restart is not offered (revision 20000h: SMBASE relocation only). The 64-bit save
 * area comes with long mode.
 */
#include "target/i386/smm.h"

#include "target/i386/seg.h"

void (*cpu_smm_changed)(CPUState *cpu, bool in_smm);

#define SMM_ENTRY         0x8000
#define SMM_REVISION      0x20000
#define SAVE_HALT_RESTART 0x7f02 /* word */
#define SAVE_REVISION     0x7efc
#define SAVE_SMBASE       0x7ef8
/* Ours, in 7F04-7F9B: 8 times base, limit, attributes | null << 16; then tables and CR4. */
#define SAVE_SEGMENTS 0x7f04
#define SAVE_TABLES   0x7f64
#define SAVE_CR4      0x7f74

/* Offsets from SMBASE + 8000h of the general registers, R_EAX first. */
static const uint16_t save_gpr[8] = { 0x7fd0, 0x7fd4, 0x7fd8, 0x7fdc, 0x7fe0, 0x7fe4, 0x7fe8, 0x7fec };
/* ES CS SS DS FS GS LDTR TR */
static const uint16_t save_selector[CPU_NB_SEGS] = { 0x7fa8, 0x7fac, 0x7fb0, 0x7fb4, 0x7fb8, 0x7fbc, 0x7fc0, 0x7fc4 };
enum {
    SAVE_DR7 = 0x7fc8,
    SAVE_DR6 = 0x7fcc,
    SAVE_EIP = 0x7ff0,
    SAVE_EFLAGS = 0x7ff4,
    SAVE_CR3 = 0x7ff8,
    SAVE_CR0 = 0x7ffc
};

static hwaddr save_address(const CPUState *cpu, unsigned offset)
{
    return (uint32_t)(cpu->smbase + SMM_ENTRY + offset);
}

static void save32(CPUState *cpu, unsigned offset, uint32_t value)
{
    address_space_st(&address_space_memory, save_address(cpu, offset), value, 4);
}

static uint32_t load32(CPUState *cpu, unsigned offset)
{
    return address_space_ld(&address_space_memory, save_address(cpu, offset), 4);
}

static void switch_smram(CPUState *cpu, bool in_smm)
{
    cpu->in_smm = in_smm;
    if (cpu_smm_changed) {
        cpu_smm_changed(cpu, in_smm);
    }
}

/* ---- entry ---- */

static void save_segments(CPUState *cpu)
{
    for (int i = 0; i < CPU_NB_SEGS; i++) {
        const SegmentCache *s = &cpu->seg[i];
        unsigned at = SAVE_SEGMENTS + 12 * i;
        save32(cpu, save_selector[i], s->selector);
        save32(cpu, at, s->base);
        save32(cpu, at + 4, s->limit);
        save32(cpu, at + 8, s->attr | (uint32_t)s->null << 16);
    }
    save32(cpu, SAVE_TABLES, cpu->gdt.base);
    save32(cpu, SAVE_TABLES + 4, cpu->gdt.limit);
    save32(cpu, SAVE_TABLES + 8, cpu->idt.base);
    save32(cpu, SAVE_TABLES + 12, cpu->idt.limit);
}

static void save_state(CPUState *cpu, bool halted)
{
    for (int i = 0; i < 8; i++) {
        save32(cpu, save_gpr[i], cpu->gpr[i]);
    }
    save32(cpu, SAVE_EIP, cpu->eip);
    save32(cpu, SAVE_EFLAGS, cpu_get_eflags(cpu));
    save32(cpu, SAVE_CR0, cpu->cr0);
    save32(cpu, SAVE_CR3, cpu->cr3);
    save32(cpu, SAVE_CR4, cpu->cr4);
    save32(cpu, SAVE_DR6, cpu->dr[6]);
    save32(cpu, SAVE_DR7, cpu->dr[7]);
    save_segments(cpu);
    address_space_st(&address_space_memory, save_address(cpu, SAVE_HALT_RESTART), halted, 2);
    save32(cpu, SAVE_REVISION, SMM_REVISION);
    save32(cpu, SAVE_SMBASE, cpu->smbase);
}

/* Like real mode, but with 4 GiB limits. Table 34-4. */
static void enter_segments(CPUState *cpu)
{
    uint16_t attr = SEG_G | SEG_P | SEG_S | SEG_RW | SEG_A;
    for (int seg = R_ES; seg <= R_GS; seg++) {
        bool code = seg == R_CS;
        cpu_load_seg_cache(cpu, seg, code ? cpu->smbase >> 4 : 0, code ? cpu->smbase : 0, 0xffffffff, attr);
    }
}

void cpu_enter_smm(CPUState *cpu, bool halted)
{
    switch_smram(cpu, true);
    save_state(cpu, halted);
    cpu->nmi_blocked = true;
    flags_commit(cpu, 2);
    cpu_set_cr0(cpu, cpu->cr0 & ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG));
    cpu_set_cr4(cpu, 0);
    cpu_set_dr(cpu, 7, 0x400);
    enter_segments(cpu);
    cpu_set_cpl(cpu, 0);
    cpu->eip = SMM_ENTRY;
}

/* ---- RSM ---- */

static void load_segments(CPUState *cpu)
{
    for (int i = 0; i < CPU_NB_SEGS; i++) {
        unsigned at = SAVE_SEGMENTS + 12 * i;
        uint32_t rights = load32(cpu, at + 8);
        SegmentCache s = { .selector = load32(cpu, save_selector[i]), .base = load32(cpu, at) };
        s.limit = load32(cpu, at + 4);
        s.attr = rights & 0xf0ff;
        s.null = rights >> 16 & 1;
        seg_commit(cpu, i, &s);
    }
    cpu->gdt.base = load32(cpu, SAVE_TABLES);
    cpu->gdt.limit = load32(cpu, SAVE_TABLES + 4) & 0xffff;
    cpu->idt.base = load32(cpu, SAVE_TABLES + 8);
    cpu->idt.limit = load32(cpu, SAVE_TABLES + 12) & 0xffff;
}

/* CR3 and CR4 before CR0, so that paging starts with its tables. */
static void load_control(CPUState *cpu)
{
    cpu_set_cr4(cpu, load32(cpu, SAVE_CR4));
    cpu_set_cr3(cpu, load32(cpu, SAVE_CR3));
    cpu_set_cr0(cpu, load32(cpu, SAVE_CR0));
    cpu_set_dr(cpu, 7, load32(cpu, SAVE_DR7));
    cpu_set_dr(cpu, 6, load32(cpu, SAVE_DR6));
}

static void load_registers(CPUState *cpu)
{
    for (int i = 0; i < 8; i++) {
        cpu->gpr[i] = load32(cpu, save_gpr[i]);
    }
    cpu->eip = load32(cpu, SAVE_EIP);
    flags_commit(cpu, load32(cpu, SAVE_EFLAGS));
    load_segments(cpu);
    bool real = !(cpu->cr0 & CR0_PE);
    cpu_set_cpl(cpu, real ? 0 : cpu_v86(cpu) ? 3 : SEG_DPL(cpu->seg[R_SS].attr));
}

/* False when the control registers cannot have those values (34.4.2): their #GP is caught. */
static bool load_state(CPUState *cpu)
{
    sigjmp_buf outer;
    volatile bool ok = false;
    memcpy(&outer, &cpu->fault_jmp, sizeof(outer));
    if (sigsetjmp(cpu->fault_jmp, 0) == 0) {
        load_control(cpu);
        load_registers(cpu);
        ok = true;
    }
    memcpy(&cpu->fault_jmp, &outer, sizeof(outer));
    return ok;
}

void cpu_leave_smm(CPUState *cpu)
{
    bool halted = address_space_ld(&address_space_memory, save_address(cpu, SAVE_HALT_RESTART), 2) & 1;
    uint32_t smbase = load32(cpu, SAVE_SMBASE);
    if (!load_state(cpu)) {
        cpu_shutdown(cpu);
        return;
    }
    cpu->smbase = smbase;
    cpu->nmi_blocked = false;
    cpu->halted = halted;
    switch_smram(cpu, false);
    cpu_interrupt_point(cpu);
}
