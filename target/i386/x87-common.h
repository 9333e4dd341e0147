/*
 * target/i386/x87-common.h  What the x87 handlers (x87-*.c) share: entry checks, the register stack, exceptions.
 *
 * The order of every handler, so that a fault leaves everything unchanged: x87_enter(); memory operand read (may
 * fault); x87_record(); the operation. Stores: the value is made first, then written (may fault), then flags, pointers
 * and stack change.
 */
#ifndef TARGET_I386_X87_COMMON_H
#define TARGET_I386_X87_COMMON_H

#include "fpu/softfloat.h"
#include "target/i386/access.h"
#include "target/i386/handlers-x87.h"
#include "target/i386/insn.h"
#include "target/i386/x87.h"

/* Status word; the low six bits are FLOAT_FLAG_*. */
#define FSW_FLAGS 0x003f
#define FSW_SF    0x0040 /* stack fault */
#define FSW_ES    0x0080 /* an unmasked exception is pending; B follows */
#define FSW_C0    0x0100
#define FSW_C1    0x0200
#define FSW_C2    0x0400
#define FSW_TOP   0x3800
#define FSW_C3    0x4000
#define FSW_B     0x8000
#define FSW_CC    (FSW_C0 | FSW_C2 | FSW_C3)

/* Control word: bits that exist, and the one that always reads 1. */
#define FCW_BITS   0x1f3f
#define FCW_ONE    0x0040
#define FCW_INIT   0x037f
#define FCW_RC(cw) (((cw) >> 10) & 3)
#define FCW_PC(cw) (((cw) >> 8) & 3)

/* Found before the operation is done: unmasked, they leave the operands alone. */
#define FLAGS_BEFORE (FLOAT_FLAG_INVALID | FLOAT_FLAG_DENORMAL | FLOAT_FLAG_DIVBYZERO)
/* Unmasked, they keep a store to memory from happening. */
#define FLAGS_NO_STORE (FLAGS_BEFORE | FLOAT_FLAG_OVERFLOW | FLOAT_FLAG_UNDERFLOW)

#define X87_INLINE                  static inline __attribute__((always_inline))
#define X87_HANDLER(name, function) const InsnHandlers name = HANDLERS_ALL(function);

/* ---- x87.c ---- */
/* #NM, or the pending exception; false: stand still. */
bool x87_enter_slow(CPUState *cpu);
/* Set exception flags, ES, FERR#. True: all masked, or found only after the result was made. */
bool x87_raise(CPUState *cpu, const FloatStatus *s);
/* Stack overflow or underflow. True: masked. */
bool x87_stack_fault(CPUState *cpu, bool overflow);
/* ES, B and FERR# follow from flags and masks. */
void x87_update_summary(CPUState *cpu);

/* ---- entry ---- */

/* First in every waiting instruction. False: return at once. */
X87_INLINE bool x87_enter(CPUState *cpu)
{
    if (unlikely((cpu->cr0 & (CR0_EM | CR0_TS)) | (cpu->fpu.sw & FSW_ES))) {
        return x87_enter_slow(cpu);
    }
    return true;
}

/* First in every other one (FNxxx). */
X87_INLINE void x87_enter_no_wait(CPUState *cpu)
{
    if (unlikely(cpu->cr0 & (CR0_EM | CR0_TS))) {
        cpu_raise_noerr(cpu, EXCP_NM);
    }
}

/* Instruction pointer and opcode, kept for every instruction but the control instructions (SDM 1, 8.1.8). */
X87_INLINE void x87_record(CPUState *cpu, const DecodedInsn *d)
{
    FPUState *f = &cpu->fpu;
    f->ip = cpu->insn_ip;
    f->ip_sel = cpu->seg[R_CS].selector;
    f->opcode = (uint16_t)((d->info->opcode & 7) << 8 | d->modrm);
}

X87_INLINE void x87_record_operand(CPUState *cpu, const DecodedInsn *d, uint64_t ea)
{
    x87_record(cpu, d);
    cpu->fpu.dp = ea;
    cpu->fpu.dp_sel = cpu->seg[d->seg].selector;
}

/* ---- the stack ---- */

X87_INLINE unsigned x87_physical(const FPUState *f, unsigned i)
{
    return (f->top + i) & 7;
}

X87_INLINE bool x87_empty(const FPUState *f, unsigned i)
{
    return (f->tag >> x87_physical(f, i)) & 1;
}

X87_INLINE floatx80 x87_get(const FPUState *f, unsigned i)
{
    return f->st[x87_physical(f, i)];
}

X87_INLINE void x87_set(FPUState *f, unsigned i, floatx80 v)
{
    unsigned n = x87_physical(f, i);
    f->st[n] = v;
    f->tag &= (uint8_t) ~(1u << n);
}

X87_INLINE void x87_pop(FPUState *f)
{
    f->tag |= (uint8_t)(1u << f->top);
    f->top = (f->top + 1) & 7;
}

X87_INLINE void x87_push(FPUState *f, floatx80 v)
{
    f->top = (f->top - 1) & 7;
    x87_set(f, 0, v);
}

/* A register was empty: masked, `dst` gets the indefinite NaN. True: go on (pop). */
X87_INLINE bool x87_underflow(CPUState *cpu, unsigned dst)
{
    if (!x87_stack_fault(cpu, false)) {
        return false;
    }
    x87_set(&cpu->fpu, dst, floatx80_indefinite);
    return true;
}

/* Push v, or answer the overflow. */
X87_INLINE bool x87_push_checked(CPUState *cpu, floatx80 v)
{
    FPUState *f = &cpu->fpu;
    if (unlikely(!x87_empty(f, 7))) {
        if (!x87_stack_fault(cpu, true)) {
            return false;
        }
        v = floatx80_indefinite;
    }
    x87_push(f, v);
    return true;
}

/* ---- operations ---- */

X87_INLINE FloatStatus x87_status(const CPUState *cpu)
{
    static const uint8_t precisions[4] = { 24, 64, 53, 64 }; /* 01 is reserved */
    uint16_t cw = cpu->fpu.cw;
    return (FloatStatus){ .round = (FloatRound)FCW_RC(cw),
                          .x80_precision = precisions[FCW_PC(cw)],
                          .underflow_unmasked = !(cw & FLOAT_FLAG_UNDERFLOW),
                          .overflow_unmasked = !(cw & FLOAT_FLAG_OVERFLOW) };
}

/* Take over what an operation noted. True: its result may go to a register. */
X87_INLINE bool x87_commit(CPUState *cpu, const FloatStatus *s)
{
    cpu->fpu.sw &= (uint16_t)~FSW_C1;
    return likely(!s->flags) || x87_raise(cpu, s);
}

/* ---- handlers ---- */

/* A handler that reads `bits` from memory, as v, and does `statement`. Leaves when an exception is pending. */
#define X87_LOAD_HANDLER(name, bits, statement)                     \
    static void name##_handler(CPUState *cpu, const DecodedInsn *d) \
    {                                                               \
        if (!x87_enter(cpu)) {                                      \
            return;                                                 \
        }                                                           \
        uint64_t ea = insn_ea(cpu, d);                              \
        uint##bits##_t v = seg_ld##bits(cpu, d->seg, ea);           \
        x87_record_operand(cpu, d, ea);                             \
        statement;                                                  \
    }                                                               \
    X87_HANDLER(name, name##_handler)

#define X87_REG_HANDLER(name, statement)                            \
    static void name##_handler(CPUState *cpu, const DecodedInsn *d) \
    {                                                               \
        if (!x87_enter(cpu)) {                                      \
            return;                                                 \
        }                                                           \
        x87_record(cpu, d);                                         \
        statement;                                                  \
    }                                                               \
    X87_HANDLER(name, name##_handler)

/* Address of byte n of an operand at la. */
X87_INLINE uint64_t x87_address(const CPUState *cpu, uint64_t la, unsigned n)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? la + n : (uint32_t)(la + n);
}

#endif
