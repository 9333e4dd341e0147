/*
 * accel/jit/x87-state.c  The guest's x87 in the host's x87. SDM volume 1, chapter 8.
 *
 * Translated x87 and MMX code runs on the host's registers, with the guest's TOP, tags, control and status word. The
 * state is loaded when a block wants it and stays until C code other than the TLB's runs (cpu->jit.x87_loaded); then
 * FNSAVE stores it and leaves the host's x87 as C expects it. It is loaded only when nothing can be reported: CR0.EM
 * and TS clear, all exceptions masked, none pending. What might change that is done by handlers.
 *
 * Instruction and operand pointers are ours (docs/cpu.md), not the host's: translated code notes them once per block.
 */
#include "accel/jit/jit-private.h"
#include "target/i386/x87-common.h"

#define NO_SEGMENT 0xff

/* What FNSAVE stores and FRSTOR loads, 32 bits: SDM 1, figure 8-9; then ST(0) to ST(7). */
typedef struct __attribute__((packed)) Image {
    uint32_t cw, sw, tags, ip, cs_opcode, dp, ds;
    struct __attribute__((packed)) {
        uint64_t low;
        uint16_t high;
    } st[8];
} Image;
_Static_assert(sizeof(Image) == 108, "FNSAVE's format");

/* ---- to the host and back ---- */

static bool can_load(const CPUState *cpu)
{
    const FPUState *f = &cpu->fpu;
    return !(cpu->cr0 & (CR0_EM | CR0_TS)) && !(f->sw & FSW_ES) && jit_x87_control_is_native(f->cw);
}

static uint32_t full_tags(const FPUState *f)
{
    uint32_t tags = 0;
    for (unsigned n = 0; n < 8; n++) {
        tags |= (f->tag >> n & 1) * 3u << (2 * n);
    }
    return tags;
}

bool jit_x87_load(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    if (!can_load(cpu)) {
        return false;
    }
    Image image = { .cw = f->cw, .sw = f->sw | (uint32_t)f->top << 11, .tags = full_tags(f) };
    for (unsigned i = 0; i < 8; i++) {
        image.st[i].low = x87_get(f, i).low;
        image.st[i].high = x87_get(f, i).high;
    }
    __asm__ volatile("frstor %0" : : "m"(image));
    cpu->jit.x87_loaded = true;
    cpu->jit.x87_last = NULL;
    cpu->jit.x87_seg = NO_SEGMENT;
    jit_stats.x87_loads++;
    return true;
}

/* Selectors cannot have changed since: whatever changes them stores the state first. */
static void take_pointers(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    const JitX87Record *last = cpu->jit.x87_last;
    if (last) {
        f->ip = last->ip;
        f->ip_sel = cpu->seg[R_CS].selector;
        f->opcode = last->opcode;
    }
    if (cpu->jit.x87_seg != NO_SEGMENT) {
        f->dp_sel = cpu->seg[cpu->jit.x87_seg].selector;
    }
}

static uint8_t empty_bits(uint32_t tags)
{
    unsigned tag = 0;
    for (unsigned n = 0; n < 8; n++) {
        tag |= (unsigned)((tags >> (2 * n) & 3) == 3) << n;
    }
    return (uint8_t)tag;
}

void jit_x87_save(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    Image image;
    __asm__ volatile("fnsave %0" : "=m"(image));
    f->sw = (uint16_t)image.sw & (uint16_t)~FSW_TOP;
    f->top = image.sw >> 11 & 7;
    f->tag = empty_bits(image.tags);
    for (unsigned i = 0; i < 8; i++) {
        f->st[x87_physical(f, i)] = (floatx80){ .low = image.st[i].low, .high = image.st[i].high };
    }
    take_pointers(cpu);
    cpu->jit.x87_loaded = false;
}

void jit_x87_note_pointers(CPUState *cpu, const JitSite *site)
{
    if (site->x87_last) {
        cpu->jit.x87_last = site->x87_last;
    }
    if (site->x87_operand) {
        cpu->fpu.dp = insn_ea(cpu, site->x87_operand);
        cpu->jit.x87_seg = site->x87_operand->seg;
    }
}
