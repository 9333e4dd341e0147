/*
 * target/i386/smm.c  System management mode: SMI entry, RSM, and two save areas. SDM 3C chapter 34.
 *
 * Models without long mode have the 32-bit area of the P6 (table 34-1); hidden state that the manual calls reserved is
 * kept in a layout of ours in the reserved part. Models with long mode have, whatever their vendor, AMD's 64-bit area
 * (AMD64 manual volume 2, table 10-1), the one whose hidden state is documented and that firmware knows for virtual
 * machines. I/O restart is not offered (revision: SMBASE relocation only).
 */
#include "target/i386/smm.h"

#include "target/i386/seg.h"

#define MSR_EFER 0xc0000080

void (*cpu_smm_changed)(CPUState *cpu, bool in_smm);

#define SMM_ENTRY         0x8000
#define SMM_REVISION      0x20000
#define SMM_REVISION_64   0x20064
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

/* The 64-bit area. */
enum {
    SAVE64_SEGMENTS = 0x7e00, /* 16 bytes each: selector, attributes, limit, base */
    SAVE64_GDT = 0x7e60,      /* limit at 4, base at 8, like segments */
    SAVE64_IDT = 0x7e80,
    SAVE64_HALT_RESTART = 0x7ec9, /* byte */
    SAVE64_NMI_MASK = 0x7eca,
    SAVE64_CPL = 0x7ecb,
    SAVE64_EFER = 0x7ed0,
    SAVE64_REVISION = 0x7efc,
    SAVE64_SMBASE = 0x7f00,
    SAVE64_CR4 = 0x7f48,
    SAVE64_CR3 = 0x7f50,
    SAVE64_CR0 = 0x7f58,
    SAVE64_DR7 = 0x7f60,
    SAVE64_DR6 = 0x7f68,
    SAVE64_RFLAGS = 0x7f70,
    SAVE64_RIP = 0x7f78,
    SAVE64_R15 = 0x7f80 /* then R14 ... R8, and the others in save64_gpr's order */
};
#define SAVE64_NULL 0x8000u /* ours, in the attributes: loaded with a null selector */
static const uint8_t save64_gpr[16] = { 15,    14,    13,    12,    11,    10,    9,     8,
                                        R_EDI, R_ESI, R_EBP, R_ESP, R_EBX, R_EDX, R_ECX, R_EAX };
/* ES CS SS DS FS GS LDTR TR; GDTR and IDTR lie between the last ones. */
static const uint8_t save64_segment[CPU_NB_SEGS] = { 0, 1, 2, 3, 4, 5, 7, 9 };

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

static void save_n(CPUState *cpu, unsigned offset, uint64_t value, unsigned size)
{
    address_space_st(&address_space_memory, save_address(cpu, offset), value, size);
}

static uint64_t load_n(CPUState *cpu, unsigned offset, unsigned size)
{
    return address_space_ld(&address_space_memory, save_address(cpu, offset), size);
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

/* Descriptor attributes without the limit bits between them. */
static uint16_t pack_attr(const SegmentCache *s)
{
    return (s->attr & 0xff) | (s->attr >> 4 & 0xf00) | (s->null ? SAVE64_NULL : 0);
}

static void save_segments64(CPUState *cpu)
{
    for (int i = 0; i < CPU_NB_SEGS; i++) {
        const SegmentCache *s = &cpu->seg[i];
        unsigned at = SAVE64_SEGMENTS + 16 * save64_segment[i];
        save_n(cpu, at, s->selector, 2);
        save_n(cpu, at + 2, pack_attr(s), 2);
        save_n(cpu, at + 4, s->limit, 4);
        save_n(cpu, at + 8, s->base, 8);
    }
    save_n(cpu, SAVE64_GDT + 4, cpu->gdt.limit, 4);
    save_n(cpu, SAVE64_GDT + 8, cpu->gdt.base, 8);
    save_n(cpu, SAVE64_IDT + 4, cpu->idt.limit, 4);
    save_n(cpu, SAVE64_IDT + 8, cpu->idt.base, 8);
}

static void save_state64(CPUState *cpu, bool halted)
{
    for (unsigned i = 0; i < 16; i++) {
        save_n(cpu, SAVE64_R15 + 8 * i, cpu->gpr[save64_gpr[i]], 8);
    }
    save_n(cpu, SAVE64_RIP, cpu->eip, 8);
    save_n(cpu, SAVE64_RFLAGS, cpu_get_eflags(cpu), 8);
    save_n(cpu, SAVE64_DR6, cpu->dr[6], 8);
    save_n(cpu, SAVE64_DR7, cpu->dr[7], 8);
    save_n(cpu, SAVE64_CR0, cpu->cr0, 8);
    save_n(cpu, SAVE64_CR3, cpu->cr3, 8);
    save_n(cpu, SAVE64_CR4, cpu->cr4, 8);
    save_n(cpu, SAVE64_EFER, cpu->efer, 8);
    save_segments64(cpu);
    save_n(cpu, SAVE64_HALT_RESTART, halted, 1);
    save_n(cpu, SAVE64_NMI_MASK, cpu->nmi_blocked, 1);
    save_n(cpu, SAVE64_CPL, cpu->cpl, 1);
    save_n(cpu, SAVE64_REVISION, SMM_REVISION_64, 4);
    save_n(cpu, SAVE64_SMBASE, cpu->smbase, 4);
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

/* Out of long mode and of PCIDs, which MOV CR would not allow in this order. */
static void leave_long_mode(CPUState *cpu)
{
    cpu->efer = 0;
    cpu->cr4 &= ~(uint64_t)CR4_PCIDE;
    cpu_mode_derive(cpu);
}

static bool has_area64(const CPUState *cpu)
{
    return cpu_has(cpu, FEAT_LM);
}

void cpu_enter_smm(CPUState *cpu, bool halted)
{
    switch_smram(cpu, true);
    if (has_area64(cpu)) {
        save_state64(cpu, halted);
    } else {
        save_state(cpu, halted);
    }
    cpu->nmi_blocked = true;
    flags_commit(cpu, 2);
    leave_long_mode(cpu);
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

static void load_segments64(CPUState *cpu)
{
    for (int i = 0; i < CPU_NB_SEGS; i++) {
        unsigned at = SAVE64_SEGMENTS + 16 * save64_segment[i];
        uint16_t packed = load_n(cpu, at + 2, 2);
        SegmentCache s = { .selector = load_n(cpu, at, 2), .limit = load_n(cpu, at + 4, 4) };
        s.attr = (packed & 0xff) | (packed & 0xf00) << 4;
        s.null = packed & SAVE64_NULL;
        s.base = load_n(cpu, at + 8, 8);
        seg_commit(cpu, i, &s);
    }
    cpu->gdt.limit = load_n(cpu, SAVE64_GDT + 4, 2);
    cpu->gdt.base = load_n(cpu, SAVE64_GDT + 8, 8);
    cpu->idt.limit = load_n(cpu, SAVE64_IDT + 4, 2);
    cpu->idt.base = load_n(cpu, SAVE64_IDT + 8, 8);
}

/* CR3 and CR4 again once long mode is on: what they may hold depends on it. */
static void load_control64(CPUState *cpu)
{
    uint64_t efer = load_n(cpu, SAVE64_EFER, 8), cr3 = load_n(cpu, SAVE64_CR3, 8), cr4 = load_n(cpu, SAVE64_CR4, 8);
    leave_long_mode(cpu);          /* the handler may have entered it */
    cpu->seg[R_CS].attr &= ~SEG_L; /* its own CS and TR are no obstacle to the return */
    cpu->seg[R_TR].null = true;
    cpu_set_cr0(cpu, cpu->cr0 & ~(uint64_t)CR0_PG);
    if (!cpu_wrmsr(cpu, MSR_EFER, efer)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu_set_cr4(cpu, cr4 & ~(uint64_t)CR4_PCIDE);
    cpu_set_cr3(cpu, cr3 & 0xfffff000);
    cpu_set_cr0(cpu, load_n(cpu, SAVE64_CR0, 8));
    if (cr4 & CR4_PCIDE) {
        cpu_set_cr3(cpu, cr3 & PAGE_MASK);
        cpu_set_cr4(cpu, cr4);
    }
    cpu_set_cr3(cpu, cr3);
    cpu_set_dr(cpu, 7, load_n(cpu, SAVE64_DR7, 4));
    cpu_set_dr(cpu, 6, load_n(cpu, SAVE64_DR6, 4));
}

static void load_registers64(CPUState *cpu)
{
    for (unsigned i = 0; i < 16; i++) {
        cpu->gpr[save64_gpr[i]] = load_n(cpu, SAVE64_R15 + 8 * i, 8);
    }
    cpu->eip = load_n(cpu, SAVE64_RIP, 8);
    flags_commit(cpu, load_n(cpu, SAVE64_RFLAGS, 4));
    load_segments64(cpu);
    cpu_set_cpl(cpu, load_n(cpu, SAVE64_CPL, 1) & 3);
}

/* False when the control registers cannot have those values (34.4.2): their #GP is caught. */
static bool load_state(CPUState *cpu)
{
    sigjmp_buf outer;
    volatile bool ok = false;
    memcpy(&outer, &cpu->fault_jmp, sizeof(outer));
    if (sigsetjmp(cpu->fault_jmp, 0) == 0) {
        if (has_area64(cpu)) {
            load_control64(cpu);
            load_registers64(cpu);
        } else {
            load_control(cpu);
            load_registers(cpu);
        }
        ok = true;
    }
    memcpy(&cpu->fault_jmp, &outer, sizeof(outer));
    return ok;
}

void cpu_leave_smm(CPUState *cpu)
{
    bool wide = has_area64(cpu);
    bool halted = load_n(cpu, wide ? SAVE64_HALT_RESTART : SAVE_HALT_RESTART, 1) & 1;
    bool nmi_blocked = wide && (load_n(cpu, SAVE64_NMI_MASK, 1) & 1);
    uint32_t smbase = load32(cpu, wide ? SAVE64_SMBASE : SAVE_SMBASE);
    if (!load_state(cpu)) {
        cpu_shutdown(cpu);
        return;
    }
    cpu->smbase = smbase;
    cpu->nmi_blocked = nmi_blocked;
    cpu->halted = halted;
    switch_smram(cpu, false);
    cpu_interrupt_point(cpu);
}
