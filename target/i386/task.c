/*
 * target/i386/task.c  Task switch: 32-bit and 16-bit TSS, by JMP, CALL, IRET and task gates. SDM 3A chapter 7.
 *
 * What may fault before the switch (both TSSs, the descriptors) is touched first. Then all registers change at once,
 * and the segments are loaded one by one in the new task's context: a fault there belongs to the new task (7.3, step
 * 12).
 */
#include "target/i386/debug.h"
#include "target/i386/seg.h"

#define TSS32_MIN_LIMIT   0x67
#define TSS16_MIN_LIMIT   0x2b
#define DR7_LOCAL_ENABLES 0x155 /* L0-L3, LE: cleared by each switch (SDM 3B 18.2.4) */

/* Where things are in the two forms. Selectors and 16-bit registers are 2 bytes; slots 4 or 2 apart. */
typedef struct TSSLayout {
    unsigned width; /* of a slot */
    unsigned ip, flags, gpr, seg, nb_segs, ldt;
    uint32_t min_limit;
} TSSLayout;
static const TSSLayout tss32 = { 4, 0x20, 0x24, 0x28, 0x48, 6, 0x60, TSS32_MIN_LIMIT };
static const TSSLayout tss16 = { 2, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a, TSS16_MIN_LIMIT };
#define TSS32_CR3  0x1c
#define TSS32_TRAP 0x64

typedef struct TaskState {
    uint32_t cr3, ip, flags, gpr[8];
    uint16_t seg[6]; /* ES CS SS DS FS GS, as R_ES... number them */
    uint16_t ldt;
    bool trap;
} TaskState;

static const TSSLayout *tss_layout(const SegmentCache *tss)
{
    return tss->attr & SYS_32 ? &tss32 : &tss16;
}

static uint32_t tss_ld(CPUState *cpu, const SegmentCache *tss, unsigned offset, unsigned width)
{
    uint32_t la = tss->base + offset;
    return width == 4 ? cpu_ld32_kernel(cpu, la) : cpu_ld16_kernel(cpu, la);
}

static void tss_st(CPUState *cpu, const SegmentCache *tss, unsigned offset, unsigned width, uint32_t value)
{
    uint32_t la = tss->base + offset;
    if (width == 4) {
        cpu_st32_kernel(cpu, la, value);
    } else {
        cpu_st16_kernel(cpu, la, value);
    }
}

/* A 16-bit TSS knows no upper halves: they become all ones, as processors do it. */
static void task_read(CPUState *cpu, const SegmentCache *tss, TaskState *t)
{
    const TSSLayout *l = tss_layout(tss);
    *t = (TaskState){ 0 };
    t->ip = tss_ld(cpu, tss, l->ip, l->width);
    t->flags = tss_ld(cpu, tss, l->flags, l->width);
    for (unsigned i = 0; i < 8; i++) {
        t->gpr[i] = tss_ld(cpu, tss, l->gpr + i * l->width, l->width) | (l->width == 2 ? 0xffff0000u : 0);
    }
    for (unsigned i = 0; i < l->nb_segs; i++) {
        t->seg[i] = tss_ld(cpu, tss, l->seg + i * l->width, 2);
    }
    t->ldt = tss_ld(cpu, tss, l->ldt, 2);
    if (l->width == 4) {
        t->cr3 = tss_ld(cpu, tss, TSS32_CR3, 4);
        t->trap = tss_ld(cpu, tss, TSS32_TRAP, 2) & 1;
    }
}

static void task_save(CPUState *cpu, const SegmentCache *tss, uint32_t ip, uint32_t eflags)
{
    const TSSLayout *l = tss_layout(tss);
    tss_st(cpu, tss, l->ip, l->width, ip);
    tss_st(cpu, tss, l->flags, l->width, eflags);
    for (unsigned i = 0; i < 8; i++) {
        tss_st(cpu, tss, l->gpr + i * l->width, l->width, cpu->gpr[i]);
    }
    for (unsigned i = 0; i < l->nb_segs; i++) {
        tss_st(cpu, tss, l->seg + i * l->width, 2, cpu->seg[i].selector);
    }
}

static void probe_save_area(CPUState *cpu, const SegmentCache *tss)
{
    const TSSLayout *l = tss_layout(tss);
    cpu_probe(cpu, (uint32_t)(tss->base + l->ip), l->seg + l->nb_segs * l->width - l->ip, ACCESS_WRITE, MMU_KERNEL);
}

/* ---- descriptors ---- */

void task_check_tss(CPUState *cpu, uint16_t selector, Descriptor *tss)
{
    if (selector & SELECTOR_TI) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_require(cpu, selector, tss, EXCP_GP);
    if (!desc_is_tss(tss) || (desc_type(tss) & SYS_BUSY)) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_check_present(cpu, selector, tss, EXCP_NP);
}

/* The descriptor of the task that is left; false when TR was never loaded. */
static bool old_descriptor(CPUState *cpu, Descriptor *d)
{
    uint16_t selector = cpu->seg[R_TR].selector;
    if (selector_is_null(selector) || !desc_read(cpu, selector, d)) {
        return false;
    }
    cpu_probe(cpu, d->la + 5, 1, ACCESS_WRITE, MMU_KERNEL);
    return true;
}

static bool task_nests(TaskSwitch kind)
{
    return kind == TASK_CALL || kind == TASK_INTERRUPT;
}

/* ---- loading the new task ---- */

/* Everything but the hidden parts of segments. From here on faults are the new task's. */
static void task_commit_registers(CPUState *cpu, const TaskState *t, bool wide)
{
    flags_commit(cpu, t->flags);
    for (unsigned i = 0; i < 8; i++) {
        cpu->gpr[i] = t->gpr[i];
    }
    cpu->eip = cpu->insn_ip = t->ip;
    seg_commit_null(cpu, R_LDTR, t->ldt);
    for (int seg = R_ES; seg <= R_GS; seg++) {
        seg_commit_null(cpu, seg, t->seg[seg]);
    }
    cpu_set_cpl(cpu, cpu_v86(cpu) ? 3 : selector_rpl(t->seg[R_CS]));
    cpu_set_dr(cpu, 7, cpu->dr[7] & ~(uint64_t)DR7_LOCAL_ENABLES);
    if (wide && (cpu->cr0 & CR0_PG)) {
        cpu_set_cr3(cpu, t->cr3);
    }
}

static void task_load_ldt(CPUState *cpu, uint16_t selector)
{
    Descriptor d;
    if (selector_is_null(selector)) {
        return;
    }
    bool ok = !(selector & SELECTOR_TI) && desc_read(cpu, selector, &d);
    if (!ok || !desc_is_system(&d) || desc_type(&d) != SYS_LDT || !desc_present(&d)) {
        cpu_raise_selector(cpu, EXCP_TS, selector);
    }
    SegmentCache s = desc_cache(&d, selector);
    seg_commit(cpu, R_LDTR, &s);
}

static void task_load_segment(CPUState *cpu, int seg, Descriptor *d, uint16_t selector)
{
    desc_set_accessed(cpu, d);
    SegmentCache s = desc_cache(d, selector);
    seg_commit(cpu, seg, &s);
}

static void task_load_code(CPUState *cpu, uint16_t selector)
{
    Descriptor d;
    desc_require(cpu, selector, &d, EXCP_TS);
    unsigned dpl = desc_dpl(&d), rpl = selector_rpl(selector);
    if (!desc_is_code(&d) || (desc_is_conforming(&d) ? dpl > rpl : dpl != rpl)) {
        cpu_raise_selector(cpu, EXCP_TS, selector);
    }
    desc_check_present(cpu, selector, &d, EXCP_NP);
    task_load_segment(cpu, R_CS, &d, selector);
}

static void task_load_protected(CPUState *cpu, const TaskState *t)
{
    static const int data_segs[] = { R_DS, R_ES, R_FS, R_GS };
    Descriptor d;
    task_load_code(cpu, t->seg[R_CS]);
    seg_check_stack(cpu, t->seg[R_SS], &d, cpu->cpl, EXCP_TS);
    task_load_segment(cpu, R_SS, &d, t->seg[R_SS]);
    for (size_t i = 0; i < ARRAY_SIZE(data_segs); i++) {
        uint16_t selector = t->seg[data_segs[i]];
        if (!selector_is_null(selector)) {
            seg_check_data(cpu, selector, &d, cpu->cpl, EXCP_TS);
            task_load_segment(cpu, data_segs[i], &d, selector);
        }
    }
}

static void task_load_segments(CPUState *cpu, const TaskState *t)
{
    task_load_ldt(cpu, t->ldt);
    if (!cpu_v86(cpu)) {
        task_load_protected(cpu, t);
    }
    code_check_limit(cpu, &cpu->seg[R_CS], cpu->eip);
}

static void task_load_v86(CPUState *cpu, const TaskState *t)
{
    for (int seg = R_ES; cpu_v86(cpu) && seg <= R_GS; seg++) {
        cpu_load_seg_real(cpu, seg, t->seg[seg]);
    }
}

static void task_enter(CPUState *cpu, const TaskState *t, bool wide)
{
    task_commit_registers(cpu, t, wide);
    task_load_v86(cpu, t);
    task_load_segments(cpu, t);
    if (t->trap) {
        cpu->pending_db |= DR6_BT;
    }
    cpu_interrupt_point(cpu);
    flags_check_virtual_interrupt(cpu);
}

/* Busy bits, back link, old state, TR: nothing here faults, for all of it was probed. */
static void task_leave(CPUState *cpu, uint16_t selector, Descriptor *tss, TaskSwitch kind, uint32_t ip, uint32_t eflags)
{
    Descriptor old;
    SegmentCache tr = cpu->seg[R_TR], next = desc_cache(tss, selector);
    if (!task_nests(kind) && old_descriptor(cpu, &old)) {
        desc_set_busy(cpu, &old, false);
    }
    task_save(cpu, &tr, ip, kind == TASK_IRET ? eflags & ~NT_MASK : eflags);
    if (task_nests(kind)) {
        tss_st(cpu, &next, 0, 2, tr.selector);
    }
    if (kind != TASK_IRET) {
        desc_set_busy(cpu, tss, true);
    }
    next.attr |= SYS_BUSY;
    seg_commit(cpu, R_TR, &next);
    cpu->cr0 |= CR0_TS;
}

void task_switch(CPUState *cpu, uint16_t selector, Descriptor *tss, TaskSwitch kind, uint32_t eip, uint32_t eflags)
{
    TaskState t;
    SegmentCache next = desc_cache(tss, selector);
    if (next.limit < tss_layout(&next)->min_limit) {
        cpu_raise_selector(cpu, EXCP_TS, selector);
    }
    probe_save_area(cpu, &cpu->seg[R_TR]);
    cpu_probe(cpu, tss->la + 5, 1, ACCESS_WRITE, MMU_KERNEL);
    if (task_nests(kind)) {
        cpu_probe(cpu, (uint32_t)next.base, 2, ACCESS_WRITE, MMU_KERNEL);
    }
    task_read(cpu, &next, &t);
    if (task_nests(kind)) {
        t.flags |= NT_MASK;
    }
    task_leave(cpu, selector, tss, kind, eip, eflags);
    task_enter(cpu, &t, next.attr & SYS_32);
}
