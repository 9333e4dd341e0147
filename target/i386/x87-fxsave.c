/*
 * target/i386/x87-fxsave.c  FXSAVE and FXRSTOR: x87, MMX and SSE state in 512 bytes. SDM volume 1, 10.5; volume 2.
 *
 * Reserved and software-available bytes are neither written nor read, except the fillings between fields of the first
 * 160 bytes, which are written as zero. MXCSR belongs to the image when the processor has SSE; the XMM registers when
 * also CR4.OSFXSR is set.
 */
#include "target/i386/x87-common.h"

#define FXSAVE_BYTES 512
#define OFFSET_ST    32
#define OFFSET_XMM   160
#define MXCSR_MASK   0xffffu /* all bits that exist, DAZ included */

static bool is_code64(const CPUState *cpu)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64;
}

static unsigned xmm_count(const CPUState *cpu)
{
    return !(cpu->cr4 & CR4_OSFXSR) ? 0 : is_code64(cpu) ? 16 : 8;
}

static uint64_t image_address(CPUState *cpu, const DecodedInsn *d, AccessKind kind)
{
    uint64_t ea = insn_ea(cpu, d);
    uint64_t la = kind == ACCESS_WRITE ? seg_write_address(cpu, d->seg, ea, FXSAVE_BYTES)
                                       : seg_read_address(cpu, d->seg, ea, FXSAVE_BYTES);
    if (la & 15) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu_probe(cpu, la, FXSAVE_BYTES, kind, cpu->mmu_mode);
    return la;
}

static void store(CPUState *cpu, uint64_t la, unsigned offset, uint64_t v)
{
    cpu_st64(cpu, x87_address(cpu, la, offset), v);
}

static uint64_t load(CPUState *cpu, uint64_t la, unsigned offset)
{
    return cpu_ld64(cpu, x87_address(cpu, la, offset));
}

/* Bytes 0-23. With REX.W the pointers have 64 bits, else 32 and a selector. */
static void store_environment(CPUState *cpu, const DecodedInsn *d, uint64_t la)
{
    const FPUState *f = &cpu->fpu;
    uint64_t sw = (uint16_t)(f->sw | f->top << 11), tag = (uint8_t)~f->tag;
    bool wide = d->op_size == 3;
    store(cpu, la, 0, f->cw | sw << 16 | tag << 32 | (uint64_t)f->opcode << 48);
    store(cpu, la, 8, wide ? f->ip : (uint32_t)f->ip | (uint64_t)f->ip_sel << 32);
    store(cpu, la, 16, wide ? f->dp : (uint32_t)f->dp | (uint64_t)f->dp_sel << 32);
}

void x87_store_image(CPUState *cpu, const DecodedInsn *d, uint64_t la)
{
    const FPUState *f = &cpu->fpu;
    store_environment(cpu, d, la);
    for (unsigned i = 0; i < 8; i++) {
        floatx80 v = x87_get(f, i);
        store(cpu, la, OFFSET_ST + 16 * i, v.low);
        store(cpu, la, OFFSET_ST + 16 * i + 8, v.high);
    }
}

static void fxsave_handler(CPUState *cpu, const DecodedInsn *d)
{
    x87_enter_no_wait(cpu);
    uint64_t la = image_address(cpu, d, ACCESS_WRITE);
    x87_store_image(cpu, d, la);
    if (cpu_has(cpu, FEAT_SSE)) {
        store(cpu, la, 24, cpu->mxcsr | (uint64_t)MXCSR_MASK << 32);
    }
    for (unsigned i = 0; i < xmm_count(cpu); i++) {
        store(cpu, la, OFFSET_XMM + 16 * i, cpu->xmm[i].q[0]);
        store(cpu, la, OFFSET_XMM + 16 * i + 8, cpu->xmm[i].q[1]);
    }
}
X87_HANDLER(fxsave, fxsave_handler)

static void load_environment(CPUState *cpu, const DecodedInsn *d, const uint64_t *word)
{
    FPUState *f = &cpu->fpu;
    bool wide = d->op_size == 3;
    uint16_t sw = (uint16_t)(word[0] >> 16);
    f->cw = (word[0] & FCW_BITS) | FCW_ONE;
    f->top = (sw >> 11) & 7;
    f->sw = (uint16_t)((sw & ~(FSW_TOP | FSW_ES | FSW_B)) | (f->sw & (FSW_ES | FSW_B)));
    f->tag = (uint8_t) ~(word[0] >> 32);
    f->opcode = (word[0] >> 48) & 0x7ff;
    f->ip = wide ? word[1] : (uint32_t)word[1];
    f->ip_sel = wide ? 0 : (uint16_t)(word[1] >> 32);
    f->dp = wide ? word[2] : (uint32_t)word[2];
    f->dp_sel = wide ? 0 : (uint16_t)(word[2] >> 32);
    x87_update_summary(cpu);
}

void x87_load_image(CPUState *cpu, const DecodedInsn *d, uint64_t la)
{
    FPUState *f = &cpu->fpu;
    uint64_t word[3] = { load(cpu, la, 0), load(cpu, la, 8), load(cpu, la, 16) };
    load_environment(cpu, d, word);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t low = load(cpu, la, OFFSET_ST + 16 * i), high = load(cpu, la, OFFSET_ST + 16 * i + 8);
        f->st[x87_physical(f, i)] = (floatx80){ .low = low, .high = (uint16_t)high };
    }
}

/* The whole image is checked before; the loads cannot fault. */
static void fxrstor_handler(CPUState *cpu, const DecodedInsn *d)
{
    x87_enter_no_wait(cpu);
    uint64_t la = image_address(cpu, d, ACCESS_READ);
    uint32_t mxcsr = (uint32_t)load(cpu, la, 24);
    if (cpu_has(cpu, FEAT_SSE)) {
        if (mxcsr & ~MXCSR_MASK) {
            cpu_raise(cpu, EXCP_GP, 0);
        }
        cpu->mxcsr = mxcsr;
    }
    x87_load_image(cpu, d, la);
    for (unsigned i = 0; i < xmm_count(cpu); i++) {
        cpu->xmm[i].q[0] = load(cpu, la, OFFSET_XMM + 16 * i);
        cpu->xmm[i].q[1] = load(cpu, la, OFFSET_XMM + 16 * i + 8);
    }
}
X87_HANDLER(fxrstor, fxrstor_handler)
