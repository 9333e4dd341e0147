/*
 * target/i386/x87-state.c  x87 control: FNINIT FNCLEX FLDCW FNSTCW FNSTSW FLDENV FNSTENV FRSTOR FNSAVE FWAIT, FFREE
 * FINCSTP FDECSTP FNOP and the 8087's FENI, FDISI, 287's FSETPM, which do nothing. SDM volume 1, 8.1 and 8.3.11;
 * volume 2.
 *
 * The tag word is one bit per register in FPUState; the two-bit form is made when it is stored (SDM 1, 8.1.7).
 */
#include "target/i386/x87-common.h"

/* ---- small ones ---- */

X87_REG_HANDLER(fnop, (void)0)

static void rotate(FPUState *f, unsigned by)
{
    f->top = (f->top + by) & 7;
    f->sw &= (uint16_t)~FSW_C1;
}
X87_REG_HANDLER(fincstp, rotate(&cpu->fpu, 1))
X87_REG_HANDLER(fdecstp, rotate(&cpu->fpu, 7))

static void free_register(FPUState *f, unsigned i)
{
    f->sw &= (uint16_t)~FSW_C1;
    f->tag |= (uint8_t)(1u << x87_physical(f, i));
}
X87_REG_HANDLER(ffree_STi, free_register(&cpu->fpu, d->modrm & 7))

static void free_and_pop(FPUState *f, unsigned i)
{
    free_register(f, i);
    x87_pop(f);
}
X87_REG_HANDLER(ffreep_STi, free_and_pop(&cpu->fpu, d->modrm & 7))

static void fn_nop_handler(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    x87_enter_no_wait(cpu);
}
X87_HANDLER(fn_nop, fn_nop_handler)

/* Looks at TS only together with MP, and not at EM (SDM 3A, table 2-2). */
static void fwait_handler(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
        cpu_raise_noerr(cpu, EXCP_NM);
    }
    if (cpu->fpu.sw & FSW_ES) {
        x87_report_pending(cpu);
    }
}
X87_HANDLER(fwait, fwait_handler)

static void fnclex_handler(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    x87_enter_no_wait(cpu);
    cpu->fpu.sw &= (uint16_t) ~(FSW_FLAGS | FSW_SF);
    x87_update_summary(cpu);
}
X87_HANDLER(fnclex, fnclex_handler)

void x87_init(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    f->cw = FCW_INIT;
    f->sw &= FSW_ES;
    x87_update_summary(cpu);
    f->top = 0;
    f->tag = 0xff;
    f->opcode = f->ip_sel = f->dp_sel = 0;
    f->ip = f->dp = 0;
}

static void fninit_handler(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    x87_enter_no_wait(cpu);
    x87_init(cpu);
}
X87_HANDLER(fninit, fninit_handler)

/* ---- control and status word ---- */

static void set_control(CPUState *cpu, uint16_t v)
{
    cpu->fpu.cw = (v & FCW_BITS) | FCW_ONE;
    x87_update_summary(cpu);
}

static void fldcw_handler(CPUState *cpu, const DecodedInsn *d)
{
    if (x87_enter(cpu)) {
        set_control(cpu, seg_ld16(cpu, d->seg, insn_ea(cpu, d)));
    }
}
X87_HANDLER(fldcw, fldcw_handler)

static void fnstcw_handler(CPUState *cpu, const DecodedInsn *d)
{
    x87_enter_no_wait(cpu);
    seg_st16(cpu, d->seg, insn_ea(cpu, d), cpu->fpu.cw);
}
X87_HANDLER(fnstcw, fnstcw_handler)

static uint16_t status_word(const FPUState *f)
{
    return (uint16_t)(f->sw | f->top << 11);
}

static void fnstsw_mem(CPUState *cpu, const DecodedInsn *d)
{
    x87_enter_no_wait(cpu);
    seg_st16(cpu, d->seg, insn_ea(cpu, d), status_word(&cpu->fpu));
}
X87_HANDLER(fnstsw_Mw, fnstsw_mem)

static void fnstsw_ax(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    x87_enter_no_wait(cpu);
    set_reg16(cpu, R_EAX, status_word(&cpu->fpu));
}
X87_HANDLER(fnstsw_AX, fnstsw_ax)

/* ---- environment: 14 or 28 bytes, in a real and a protected mode layout (SDM 1, figures 8-9 to 8-12) ---- */

#define REGISTER_BYTES 80
#define IMAGE_MAX      (28 + REGISTER_BYTES)

typedef struct Layout {
    bool wide;      /* 32-bit fields */
    bool protected; /* selectors, not linear addresses */
    unsigned bytes;
} Layout;

static Layout layout(const CPUState *cpu, const DecodedInsn *d)
{
    bool wide = d->op_size >= 2;
    return (Layout){ .wide = wide, .protected = cpu_protected(cpu), .bytes = wide ? 28 : 14 };
}

/* 0 valid, 1 zero, 2 special, 3 empty. */
static unsigned tag_of(const FPUState *f, unsigned n)
{
    unsigned exp = f->st[n].high & 0x7fff;
    if ((f->tag >> n) & 1) {
        return 3;
    }
    if (exp == 0) {
        return f->st[n].low ? 2 : 1;
    }
    return exp == 0x7fff || !(f->st[n].low >> 63) ? 2 : 0;
}

static uint16_t full_tag_word(const FPUState *f)
{
    unsigned word = 0;
    for (unsigned n = 0; n < 8; n++) {
        word |= tag_of(f, n) << (2 * n);
    }
    return (uint16_t)word;
}

static uint8_t empty_bits(uint16_t word)
{
    unsigned tag = 0;
    for (unsigned n = 0; n < 8; n++) {
        tag |= ((word >> (2 * n)) & 3) == 3 ? 1u << n : 0;
    }
    return (uint8_t)tag;
}

static uint32_t linear_pointer(uint16_t sel, uint64_t offset)
{
    return (uint32_t)(((uint32_t)sel << 4) + offset);
}

/* Upper halves of 16-bit fields are all ones, except where pointers have something there. */
static void put_wide(const FPUState *f, bool protected, uint8_t *p)
{
    stl_le_p(p, 0xffff0000 | f->cw);
    stl_le_p(p + 4, 0xffff0000 | status_word(f));
    stl_le_p(p + 8, 0xffff0000 | full_tag_word(f));
    if (protected) {
        stl_le_p(p + 12, (uint32_t)f->ip);
        stl_le_p(p + 16, f->ip_sel | (uint32_t)f->opcode << 16);
        stl_le_p(p + 20, (uint32_t)f->dp);
        stl_le_p(p + 24, 0xffff0000 | f->dp_sel);
    } else {
        uint32_t ip = linear_pointer(f->ip_sel, f->ip), dp = linear_pointer(f->dp_sel, f->dp);
        stl_le_p(p + 12, 0xffff0000 | ip);
        stl_le_p(p + 16, (ip >> 16) << 12 | f->opcode);
        stl_le_p(p + 20, 0xffff0000 | dp);
        stl_le_p(p + 24, (dp >> 16) << 12);
    }
}

static void put_narrow(const FPUState *f, bool protected, uint8_t *p)
{
    uint32_t ip = linear_pointer(f->ip_sel, f->ip), dp = linear_pointer(f->dp_sel, f->dp);
    stw_le_p(p, f->cw);
    stw_le_p(p + 2, status_word(f));
    stw_le_p(p + 4, full_tag_word(f));
    stw_le_p(p + 6, (uint16_t)(protected ? f->ip : ip));
    stw_le_p(p + 8, (uint16_t)(protected ? f->ip_sel : (ip >> 16) << 12 | f->opcode));
    stw_le_p(p + 10, (uint16_t)(protected ? f->dp : dp));
    stw_le_p(p + 12, (uint16_t)(protected ? f->dp_sel : (dp >> 16) << 12));
}

static void put_environment(const FPUState *f, const Layout *l, uint8_t *p)
{
    if (l->wide) {
        put_wide(f, l->protected, p);
    } else {
        put_narrow(f, l->protected, p);
    }
}

/* A linear address comes back as an offset with selector 0. */
static void take_pointers_real(FPUState *f, uint32_t ip_low, uint32_t ip_high, uint32_t dp_low, uint32_t dp_high)
{
    f->ip = (ip_low & 0xffff) | (ip_high & 0x0ffff000) << 4;
    f->dp = (dp_low & 0xffff) | (dp_high & 0x0ffff000) << 4;
    f->opcode = ip_high & 0x7ff;
    f->ip_sel = f->dp_sel = 0;
}

static void take_wide(FPUState *f, bool protected, const uint8_t *p)
{
    uint32_t word[4] = { ldl_le_p(p + 12), ldl_le_p(p + 16), ldl_le_p(p + 20), ldl_le_p(p + 24) };
    if (!protected) {
        take_pointers_real(f, word[0], word[1], word[2], word[3]);
        return;
    }
    f->ip = word[0];
    f->ip_sel = (uint16_t)word[1];
    f->opcode = (word[1] >> 16) & 0x7ff;
    f->dp = word[2];
    f->dp_sel = (uint16_t)word[3];
}

static void take_narrow(FPUState *f, bool protected, const uint8_t *p)
{
    uint16_t word[4] = { lduw_le_p(p + 6), lduw_le_p(p + 8), lduw_le_p(p + 10), lduw_le_p(p + 12) };
    if (!protected) {
        take_pointers_real(f, word[0], word[1], word[2], word[3]);
        return;
    }
    f->ip = word[0];
    f->ip_sel = word[1];
    f->opcode = 0; /* this layout has no room for it */
    f->dp = word[2];
    f->dp_sel = word[3];
}

static void take_environment(CPUState *cpu, const Layout *l, const uint8_t *p)
{
    FPUState *f = &cpu->fpu;
    unsigned step = l->wide ? 4 : 2;
    uint16_t sw = lduw_le_p(p + step);
    if (l->wide) {
        take_wide(f, l->protected, p);
    } else {
        take_narrow(f, l->protected, p);
    }
    f->tag = empty_bits(lduw_le_p(p + 2 * step));
    f->top = (sw >> 11) & 7;
    f->sw = (uint16_t)((sw & ~(FSW_TOP | FSW_ES | FSW_B)) | (f->sw & (FSW_ES | FSW_B)));
    set_control(cpu, lduw_le_p(p));
}

/* Images have an even length. */
static void write_image(CPUState *cpu, const DecodedInsn *d, const uint8_t *p, unsigned bytes)
{
    uint64_t la = seg_write_address(cpu, d->seg, insn_ea(cpu, d), bytes);
    cpu_probe(cpu, la, bytes, ACCESS_WRITE, cpu->mmu_mode);
    for (unsigned n = 0; n < bytes; n += 2) {
        cpu_st16(cpu, x87_address(cpu, la, n), lduw_le_p(p + n));
    }
}

static void read_image(CPUState *cpu, const DecodedInsn *d, uint8_t *p, unsigned bytes)
{
    uint64_t la = seg_read_address(cpu, d->seg, insn_ea(cpu, d), bytes);
    for (unsigned n = 0; n < bytes; n += 2) {
        stw_le_p(p + n, cpu_ld16(cpu, x87_address(cpu, la, n)));
    }
}

/* All exceptions are masked afterwards. */
static void fnstenv_handler(CPUState *cpu, const DecodedInsn *d)
{
    uint8_t image[IMAGE_MAX];
    Layout l = layout(cpu, d);
    x87_enter_no_wait(cpu);
    put_environment(&cpu->fpu, &l, image);
    write_image(cpu, d, image, l.bytes);
    set_control(cpu, cpu->fpu.cw | FSW_FLAGS);
}
X87_HANDLER(fnstenv, fnstenv_handler)

static void fldenv_handler(CPUState *cpu, const DecodedInsn *d)
{
    uint8_t image[IMAGE_MAX];
    Layout l = layout(cpu, d);
    if (x87_enter(cpu)) {
        read_image(cpu, d, image, l.bytes);
        take_environment(cpu, &l, image);
    }
}
X87_HANDLER(fldenv, fldenv_handler)

/* The registers follow, ST(0) first. */
static void fnsave_handler(CPUState *cpu, const DecodedInsn *d)
{
    uint8_t image[IMAGE_MAX];
    Layout l = layout(cpu, d);
    x87_enter_no_wait(cpu);
    put_environment(&cpu->fpu, &l, image);
    for (unsigned i = 0; i < 8; i++) {
        floatx80 v = x87_get(&cpu->fpu, i);
        stq_le_p(image + l.bytes + 10 * i, v.low);
        stw_le_p(image + l.bytes + 10 * i + 8, v.high);
    }
    write_image(cpu, d, image, l.bytes + REGISTER_BYTES);
    x87_init(cpu);
}
X87_HANDLER(fnsave, fnsave_handler)

static void frstor_handler(CPUState *cpu, const DecodedInsn *d)
{
    uint8_t image[IMAGE_MAX];
    Layout l = layout(cpu, d);
    FPUState *f = &cpu->fpu;
    if (!x87_enter(cpu)) {
        return;
    }
    read_image(cpu, d, image, l.bytes + REGISTER_BYTES);
    take_environment(cpu, &l, image);
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *p = image + l.bytes + 10 * i;
        f->st[x87_physical(f, i)] = (floatx80){ .low = ldq_le_p(p), .high = lduw_le_p(p + 8) };
    }
}
X87_HANDLER(frstor, frstor_handler)
