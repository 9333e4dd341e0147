/*
 * accel/jit/x87-state.c  The guest's x87 in the host's x87. SDM volume 1, chapter 8.
 *
 * Translated x87 and MMX code runs on the host's registers, with the guest's TOP, tags, control and status word. The
 * state is loaded when a block wants it and stays until C code other than the TLB's runs (cpu->jit.x87_loaded); then
 * FNSAVE stores it and leaves the host's x87 as C expects it. It is loaded only when nothing can be reported: CR0.EM
 * and TS clear, all exceptions masked, none pending. What might change that is done by handlers.
 *
 * What the manual leaves undefined (condition codes of arithmetic, for the most part) is the same on all hosts that we
 * know, but for C1 after FCOMI. To be sure, each register form is tried at the start and compared with its handler.
 *
 * Instruction and operand pointers are ours (docs/cpu.md), not the host's: translated code notes them once per block.
 */
#include "accel/jit/translate.h"
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

static void make_image(const FPUState *f, Image *image)
{
    *image = (Image){ .cw = f->cw, .sw = f->sw | (uint32_t)f->top << 11, .tags = full_tags(f) };
    for (unsigned i = 0; i < 8; i++) {
        image->st[i].low = x87_get(f, i).low;
        image->st[i].high = x87_get(f, i).high;
    }
}

bool jit_x87_load(CPUState *cpu)
{
    Image image;
    if (!can_load(cpu)) {
        return false;
    }
    make_image(&cpu->fpu, &image);
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

static void take_image(FPUState *f, const Image *image)
{
    f->sw = (uint16_t)image->sw & (uint16_t)~FSW_TOP;
    f->top = image->sw >> 11 & 7;
    f->tag = empty_bits(image->tags);
    for (unsigned i = 0; i < 8; i++) {
        f->st[x87_physical(f, i)] = (floatx80){ .low = image->st[i].low, .high = image->st[i].high };
    }
}

void jit_x87_save(CPUState *cpu)
{
    Image image;
    __asm__ volatile("fnsave %0" : "=m"(image));
    take_image(&cpu->fpu, &image);
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

/* ---- does this host agree with us? ---- */

/* Returns EFLAGS. */
typedef uint64_t HostInsn(const Image *before, Image *after, uint64_t eflags);

static HostInsn *emit_host_insn(Emit *e, unsigned opcode, unsigned modrm)
{
    HostInsn *start = (HostInsn *)(uintptr_t)em_here(e);
    em_rm(e, 2, 0xdd, 4, H_RDI, 0); /* frstor */
    em16(e, 0x9d52);                /* push rdx; popfq */
    x87_emit_register_form(e, opcode, modrm);
    em16(e, 0x589c);                /* pushfq; pop rax */
    em_rm(e, 2, 0xdd, 6, H_RSI, 0); /* fnsave */
    em8(e, 0xc3);
    return start;
}

/* Numbers, then what is no number; with all condition codes set or none; ST(7) free or several registers. */
static void make_trial(FPUState *f, unsigned trial)
{
    static const floatx80 values[2][8] = {
        { { 1ull << 63, 0x3fff },
          { 1ull << 63, 0x4000 },
          { 0xc90fdaa22168c235, 0xbffe },
          { 1ull << 63, 0x3fff },
          { 0, 0 },
          { 3ull << 62, 0xc003 },
          { 0xaaaaaaaaaaaaaaab, 0x403d },
          { 1, 0 } },
        { { 3ull << 62, 0xffff },
          { 0xa000000000000000, 0x7fff },
          { 1ull << 63, 0x7fff },
          { 0, 0x8000 },
          { 1, 0 },
          { 1ull << 62, 0x3fff },
          { 1ull << 63, 0 },
          { ~0ull, 0x7ffe } },
    };
    *f = (FPUState){
        .cw = FCW_INIT, .sw = trial & 2 ? FSW_CC | FSW_C1 : 0, .top = trial & 7, .tag = trial & 4 ? 0xa5 : 0
    };
    f->tag |= (uint8_t)(1u << x87_physical(f, 7));
    memcpy(f->st, values[trial & 1], sizeof(f->st));
}

static bool same_state(const FPUState *f, const FPUState *g)
{
    bool same = f->sw == g->sw && f->top == g->top && f->tag == g->tag;
    for (unsigned n = 0; n < 8; n++) {
        same &= f->st[n].low == g->st[n].low && f->st[n].high == g->st[n].high;
    }
    return same;
}

static bool host_agrees(CPUState *cpu, const DecodedInsn *d, HostInsn *insn)
{
    bool same = true;
    for (unsigned trial = 0; trial < 8; trial++) {
        Image before, after;
        FPUState host;
        make_trial(&cpu->fpu, trial);
        uint32_t flags = trial & 2 ? CC_ALL : 0;
        make_image(&cpu->fpu, &before);
        cc_set(cpu, flags);
        uint64_t host_flags = insn(&before, &after, flags | IF_MASK | 2) & CC_ALL;
        d->exec(cpu, d);
        take_image(&host, &after);
        same &= same_state(&cpu->fpu, &host) && host_flags == cc_get(cpu);
    }
    return same;
}

static void check_insn(CPUState *cpu, Emit *e, unsigned opcode, unsigned modrm)
{
    uint8_t bytes[2] = { (uint8_t)opcode, (uint8_t)modrm };
    DecodedInsn d;
    bool known =
        cpu_decode(cpu, bytes, sizeof(bytes), MODE_CODE32 | MODE_PROT, &d) == DECODE_OK && (d.info->attributes & X87);
    if (known && !host_agrees(cpu, &d, emit_host_insn(e, opcode, modrm))) {
        x87_leave_to_handler(opcode, modrm);
    }
}

void jit_x87_check_host(CPUState *cpu)
{
    CPUState *scratch = g_memdup2(cpu, sizeof(*cpu));
    Emit e = { .p = jit_cache.rw + jit_cache.used, .rx_delta = jit_cache.rx - jit_cache.rw };
    scratch->cr0 &= ~(uint64_t)(CR0_EM | CR0_TS);
    for (unsigned opcode = 0xd8; opcode <= 0xdf; opcode++) {
        for (unsigned modrm = 0xc0; modrm <= 0xff; modrm++) {
            if (x87_register_form_is_native(opcode, modrm)) {
                check_insn(scratch, &e, opcode, modrm);
            }
        }
    }
    g_free(scratch);
}
