/*
 * target/i386/x87-arith.c  FADD FSUB FSUBR FMUL FDIV FDIVR with their P and I forms, FSQRT, and the comparisons: FCOM
 * FUCOM FICOM FCOMI FUCOMI FTST FXAM. SDM volume 1, 8.3.5-8.3.6; volume 2.
 */
#include "target/i386/flags.h"
#include "target/i386/x87-common.h"
#include "target/i386/x87-widen.h"

typedef floatx80 X87Binary(floatx80 a, floatx80 b, FloatStatus *s);

X87_INLINE floatx80 floatx80_subr(floatx80 a, floatx80 b, FloatStatus *s)
{
    return floatx80_sub(b, a, s);
}

X87_INLINE floatx80 floatx80_divr(floatx80 a, floatx80 b, FloatStatus *s)
{
    return floatx80_div(b, a, s);
}

/* ---- arithmetic ---- */

/* ST(dst) = ST(dst) op ST(src) */
X87_INLINE bool binary_reg(CPUState *cpu, unsigned dst, unsigned src, X87Binary *op)
{
    FPUState *f = &cpu->fpu;
    if (unlikely(x87_empty(f, dst) || x87_empty(f, src))) {
        return x87_underflow(cpu, dst);
    }
    FloatStatus s = x87_status(cpu);
    floatx80 r = op(x87_get(f, dst), x87_get(f, src), &s);
    if (!x87_commit(cpu, &s)) {
        return false;
    }
    f->st[x87_physical(f, dst)] = r;
    return true;
}

/* ST(0) = ST(0) op b */
X87_INLINE void binary_mem(CPUState *cpu, floatx80 b, bool denormal, X87Binary *op)
{
    FPUState *f = &cpu->fpu;
    if (unlikely(x87_empty(f, 0))) {
        x87_underflow(cpu, 0);
        return;
    }
    FloatStatus s = x87_status(cpu);
    floatx80 a = x87_get(f, 0), r = op(a, b, &s);
    if (unlikely(denormal)) {
        x87_note_denormal(&s, a);
    }
    if (x87_commit(cpu, &s)) {
        f->st[f->top] = r;
    }
}

X87_INLINE void binary_m32(CPUState *cpu, uint32_t v, X87Binary *op)
{
    bool denormal;
    floatx80 b = x87_widen32(v, &denormal);
    binary_mem(cpu, b, denormal, op);
}

X87_INLINE void binary_m64(CPUState *cpu, uint64_t v, X87Binary *op)
{
    bool denormal;
    floatx80 b = x87_widen64(v, &denormal);
    binary_mem(cpu, b, denormal, op);
}

X87_INLINE void binary_int(CPUState *cpu, int32_t v, X87Binary *op)
{
    binary_mem(cpu, floatx80_from_int64(v), false, op);
}

X87_INLINE void binary_pop(CPUState *cpu, unsigned dst, X87Binary *op)
{
    if (binary_reg(cpu, dst, 0, op)) {
        x87_pop(&cpu->fpu);
    }
}

#define X87_ARITHMETIC(name, op)                                          \
    X87_LOAD_HANDLER(name##_Md, 32, binary_m32(cpu, v, op))               \
    X87_LOAD_HANDLER(name##_Mq, 64, binary_m64(cpu, v, op))               \
    X87_LOAD_HANDLER(fi_##name##_Md, 32, binary_int(cpu, (int32_t)v, op)) \
    X87_LOAD_HANDLER(fi_##name##_Mw, 16, binary_int(cpu, (int16_t)v, op)) \
    X87_REG_HANDLER(name##_ST0_STi, binary_reg(cpu, 0, d->modrm & 7, op)) \
    X87_REG_HANDLER(name##_STi_ST0, binary_reg(cpu, d->modrm & 7, 0, op)) \
    X87_REG_HANDLER(name##p_STi_ST0, binary_pop(cpu, d->modrm & 7, op))
X87_ARITHMETIC(fadd, floatx80_add)
X87_ARITHMETIC(fmul, floatx80_mul)
X87_ARITHMETIC(fsub, floatx80_sub)
X87_ARITHMETIC(fsubr, floatx80_subr)
X87_ARITHMETIC(fdiv, floatx80_div)
X87_ARITHMETIC(fdivr, floatx80_divr)

static void square_root(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    if (x87_empty(f, 0)) {
        x87_underflow(cpu, 0);
        return;
    }
    FloatStatus s = x87_status(cpu);
    floatx80 r = floatx80_sqrt(x87_get(f, 0), &s);
    if (x87_commit(cpu, &s)) {
        x87_set(f, 0, r);
    }
}
X87_REG_HANDLER(fsqrt, square_root(cpu))

/* ---- comparison ---- */

typedef FloatRelation X87Compare(floatx80 a, floatx80 b, FloatStatus *s);

static void set_condition(FPUState *f, FloatRelation relation)
{
    static const uint16_t codes[4] = { FSW_C0, FSW_C3, 0, FSW_C0 | FSW_C2 | FSW_C3 };
    f->sw = (uint16_t)((f->sw & ~FSW_CC) | codes[relation + 1]);
}

/*
 * ST(0) with b. True: compared, or masked; pop. Unmasked, an invalid operand leaves the condition codes alone, a
 * denormal one does not (the manual's pseudocode sets them first).
 */
X87_INLINE bool compare_value(CPUState *cpu, floatx80 b, bool denormal, X87Compare *compare)
{
    FPUState *f = &cpu->fpu;
    FloatStatus s = { 0 };
    floatx80 a = x87_get(f, 0);
    FloatRelation relation = compare(a, b, &s);
    if (unlikely(denormal)) {
        x87_note_denormal(&s, a);
    }
    bool done = x87_commit(cpu, &s);
    if (done || relation != FLOAT_UNORDERED) {
        set_condition(f, relation);
    }
    return done;
}

static bool compare_underflow(CPUState *cpu)
{
    if (!x87_stack_fault(cpu, false)) {
        return false;
    }
    set_condition(&cpu->fpu, FLOAT_UNORDERED);
    return true;
}

X87_INLINE void compare_reg(CPUState *cpu, unsigned i, unsigned pops, X87Compare *compare)
{
    FPUState *f = &cpu->fpu;
    bool empty = x87_empty(f, 0) || x87_empty(f, i);
    if (empty ? compare_underflow(cpu) : compare_value(cpu, x87_get(f, i), false, compare)) {
        for (unsigned n = 0; n < pops; n++) {
            x87_pop(f);
        }
    }
}

X87_INLINE void compare_mem(CPUState *cpu, floatx80 b, bool denormal, bool pop)
{
    FPUState *f = &cpu->fpu;
    if ((x87_empty(f, 0) ? compare_underflow(cpu) : compare_value(cpu, b, denormal, floatx80_compare)) && pop) {
        x87_pop(f);
    }
}

X87_INLINE void compare_m32(CPUState *cpu, uint32_t v, bool pop)
{
    bool denormal;
    floatx80 b = x87_widen32(v, &denormal);
    compare_mem(cpu, b, denormal, pop);
}

X87_INLINE void compare_m64(CPUState *cpu, uint64_t v, bool pop)
{
    bool denormal;
    floatx80 b = x87_widen64(v, &denormal);
    compare_mem(cpu, b, denormal, pop);
}

X87_INLINE void compare_int(CPUState *cpu, int32_t v, bool pop)
{
    compare_mem(cpu, floatx80_from_int64(v), false, pop);
}

X87_REG_HANDLER(fcom_STi, compare_reg(cpu, d->modrm & 7, 0, floatx80_compare))
X87_REG_HANDLER(fcomp_STi, compare_reg(cpu, d->modrm & 7, 1, floatx80_compare))
X87_REG_HANDLER(fcompp, compare_reg(cpu, 1, 2, floatx80_compare))
X87_REG_HANDLER(fucom_STi, compare_reg(cpu, d->modrm & 7, 0, floatx80_compare_quiet))
X87_REG_HANDLER(fucomp_STi, compare_reg(cpu, d->modrm & 7, 1, floatx80_compare_quiet))
X87_REG_HANDLER(fucompp, compare_reg(cpu, 1, 2, floatx80_compare_quiet))
X87_REG_HANDLER(ftst, compare_mem(cpu, floatx80_zero, false, false))
X87_LOAD_HANDLER(fcom_Md, 32, compare_m32(cpu, v, false))
X87_LOAD_HANDLER(fcom_Mq, 64, compare_m64(cpu, v, false))
X87_LOAD_HANDLER(fcomp_Md, 32, compare_m32(cpu, v, true))
X87_LOAD_HANDLER(fcomp_Mq, 64, compare_m64(cpu, v, true))
X87_LOAD_HANDLER(ficom_Md, 32, compare_int(cpu, (int32_t)v, false))
X87_LOAD_HANDLER(ficom_Mw, 16, compare_int(cpu, (int16_t)v, false))
X87_LOAD_HANDLER(ficomp_Md, 32, compare_int(cpu, (int32_t)v, true))
X87_LOAD_HANDLER(ficomp_Mw, 16, compare_int(cpu, (int16_t)v, true))

/* EFLAGS instead of condition codes; OF, SF and AF become 0. */
static void set_eflags(CPUState *cpu, FloatRelation relation)
{
    static const uint32_t flags[4] = { CC_C, CC_Z, 0, CC_Z | CC_P | CC_C };
    cc_set(cpu, flags[relation + 1]);
}

X87_INLINE void compare_eflags(CPUState *cpu, unsigned i, bool pop, X87Compare *compare)
{
    FPUState *f = &cpu->fpu;
    FloatRelation relation = FLOAT_UNORDERED;
    FloatStatus s = { 0 };
    bool done;
    if (unlikely(x87_empty(f, 0) || x87_empty(f, i))) {
        done = x87_stack_fault(cpu, false);
    } else {
        relation = compare(x87_get(f, 0), x87_get(f, i), &s);
        done = x87_commit(cpu, &s);
    }
    if (done || relation != FLOAT_UNORDERED) {
        set_eflags(cpu, relation);
    }
    if (done && pop) {
        x87_pop(f);
    }
}
X87_REG_HANDLER(fcomi_STi, compare_eflags(cpu, d->modrm & 7, false, floatx80_compare))
X87_REG_HANDLER(fcomip_STi, compare_eflags(cpu, d->modrm & 7, true, floatx80_compare))
X87_REG_HANDLER(fucomi_STi, compare_eflags(cpu, d->modrm & 7, false, floatx80_compare_quiet))
X87_REG_HANDLER(fucomip_STi, compare_eflags(cpu, d->modrm & 7, true, floatx80_compare_quiet))

/* C3 C2 C0 of FXAM, volume 2. */
static uint16_t examine(const FPUState *f)
{
    floatx80 a = x87_get(f, 0);
    unsigned exp = a.high & 0x7fff;
    if (x87_empty(f, 0)) {
        return FSW_C3 | FSW_C0;
    }
    if (floatx80_is_unsupported(a)) {
        return 0;
    }
    if (exp == 0x7fff) {
        return a.low << 1 ? FSW_C0 : FSW_C2 | FSW_C0;
    }
    if (exp == 0) {
        return a.low ? FSW_C3 | FSW_C2 : FSW_C3;
    }
    return FSW_C2;
}

static void set_class(FPUState *f)
{
    bool sign = x87_get(f, 0).high >> 15;
    f->sw = (uint16_t)((f->sw & ~(FSW_CC | FSW_C1)) | examine(f) | (sign ? FSW_C1 : 0));
}
X87_REG_HANDLER(fxam, set_class(&cpu->fpu))
