/*
 * target/i386/x87-func.c  x87 functions of ST(0) and ST(1): transcendental ones, FPREM, FSCALE, FXTRACT, FRNDINT, FCHS,
 * FABS. SDM volume 1, 8.3.5-8.3.10; volume 2. The arithmetic is in fpu/.
 */
#include "target/i386/x87-common.h"

/* ---- ST(0) = f(ST(0)) ---- */

typedef floatx80 X87Unary(floatx80 a, FloatStatus *s);

X87_INLINE void unary(CPUState *cpu, X87Unary *function)
{
    FPUState *f = &cpu->fpu;
    if (unlikely(x87_empty(f, 0))) {
        x87_underflow(cpu, 0);
        return;
    }
    FloatStatus s = x87_status(cpu);
    floatx80 r = function(x87_get(f, 0), &s);
    if (x87_commit(cpu, &s)) {
        x87_set(f, 0, r);
    }
}
X87_REG_HANDLER(frndint, unary(cpu, floatx80_round_to_int))
X87_REG_HANDLER(f2xm1, unary(cpu, floatx80_2xm1))

/* Only the sign bit, whatever the number: `keep` and then `flip`. */
X87_INLINE void change_sign(CPUState *cpu, uint16_t keep, uint16_t flip)
{
    FPUState *f = &cpu->fpu;
    f->sw &= (uint16_t)~FSW_C1;
    if (unlikely(x87_empty(f, 0))) {
        x87_underflow(cpu, 0);
        return;
    }
    floatx80 *st0 = &f->st[f->top];
    st0->high = (uint16_t)((st0->high & keep) ^ flip);
}
X87_REG_HANDLER(fchs, change_sign(cpu, 0xffff, 0x8000))
X87_REG_HANDLER(fabs_ST0, change_sign(cpu, 0x7fff, 0))

/* ---- ST(1) = f(ST(1), ST(0)), pop ---- */

typedef floatx80 X87Function2(floatx80 y, floatx80 x, FloatStatus *s);

X87_INLINE void function_pop(CPUState *cpu, X87Function2 *function)
{
    FPUState *f = &cpu->fpu;
    if (unlikely(x87_empty(f, 0) || x87_empty(f, 1))) {
        if (x87_underflow(cpu, 1)) {
            x87_pop(f);
        }
        return;
    }
    FloatStatus s = x87_status(cpu);
    floatx80 r = function(x87_get(f, 1), x87_get(f, 0), &s);
    if (x87_commit(cpu, &s)) {
        x87_set(f, 1, r);
        x87_pop(f);
    }
}
X87_REG_HANDLER(fyl2x, function_pop(cpu, floatx80_yl2x))
X87_REG_HANDLER(fyl2xp1, function_pop(cpu, floatx80_yl2xp1))
X87_REG_HANDLER(fpatan, function_pop(cpu, floatx80_atan2))

/* ---- FSCALE, FPREM: ST(0) with ST(1) ---- */

static void scale(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    if (x87_empty(f, 0) || x87_empty(f, 1)) {
        x87_underflow(cpu, 0);
        return;
    }
    FloatStatus s = x87_status(cpu);
    floatx80 r = floatx80_scale(x87_get(f, 0), x87_get(f, 1), &s);
    if (x87_commit(cpu, &s)) {
        x87_set(f, 0, r);
    }
}
X87_REG_HANDLER(fscale, scale(cpu))

/* Q2 Q1 Q0 of the quotient go to C0 C3 C1; when there is none C0 and C3 stay. C2: not reduced to the end. */
static void set_quotient(FPUState *f, const FloatRemainder *r)
{
    f->sw |= r->partial ? FSW_C2 : 0;
    if (!r->special) {
        f->sw &= (uint16_t) ~(FSW_C0 | FSW_C3);
        f->sw |= (r->quotient & 4 ? FSW_C0 : 0) | (r->quotient & 2 ? FSW_C3 : 0) | (r->quotient & 1 ? FSW_C1 : 0);
    }
}

static void remainder_of(CPUState *cpu, bool nearest)
{
    FPUState *f = &cpu->fpu;
    f->sw &= (uint16_t)~FSW_C2;
    if (x87_empty(f, 0) || x87_empty(f, 1)) {
        x87_underflow(cpu, 0);
        return;
    }
    FloatStatus s = x87_status(cpu);
    FloatRemainder r = floatx80_remainder(x87_get(f, 0), x87_get(f, 1), nearest, &s);
    if (x87_commit(cpu, &s)) {
        x87_set(f, 0, r.value);
        set_quotient(f, &r);
    }
}
X87_REG_HANDLER(fprem, remainder_of(cpu, false))
X87_REG_HANDLER(fprem1, remainder_of(cpu, true))

/* ---- functions with two results: ST(0) is replaced, then something pushed ---- */

/* What stands in the way of it. True: nothing; false: answered. */
static bool room_for_two(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    bool empty = x87_empty(f, 0);
    if (likely(!empty && x87_empty(f, 7))) {
        return true;
    }
    if (x87_stack_fault(cpu, !empty)) {
        x87_set(f, 0, floatx80_indefinite);
        x87_push(f, floatx80_indefinite);
    }
    return false;
}

static void replace_and_push(CPUState *cpu, const FloatStatus *s, floatx80 replaced, floatx80 pushed)
{
    FPUState *f = &cpu->fpu;
    if (x87_commit(cpu, s)) {
        x87_set(f, 0, replaced);
        x87_push(f, pushed);
    }
}

static void extract(CPUState *cpu)
{
    FloatStatus s = x87_status(cpu);
    floatx80 exponent, significand;
    if (room_for_two(cpu)) {
        floatx80_extract(x87_get(&cpu->fpu, 0), &exponent, &significand, &s);
        replace_and_push(cpu, &s, exponent, significand);
    }
}
X87_REG_HANDLER(fxtract, extract(cpu))

/* ---- sine, cosine, tangent: C2 tells that the operand is out of range, and then nothing has happened ---- */

static void out_of_range(FPUState *f)
{
    f->sw = (uint16_t)((f->sw & ~FSW_C1) | FSW_C2);
}

static void tangent(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    FloatStatus s = x87_status(cpu);
    floatx80 tan;
    f->sw &= (uint16_t)~FSW_C2;
    if (!room_for_two(cpu)) {
        return;
    }
    if (floatx80_tan(x87_get(f, 0), &tan, &s)) {
        replace_and_push(cpu, &s, tan, floatx80_is_nan(tan) ? tan : floatx80_one);
    } else {
        out_of_range(f);
    }
}
X87_REG_HANDLER(fptan, tangent(cpu))

static void sine_and_cosine(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    FloatStatus s = x87_status(cpu);
    floatx80 sin, cos;
    f->sw &= (uint16_t)~FSW_C2;
    if (!room_for_two(cpu)) {
        return;
    }
    if (floatx80_sincos(x87_get(f, 0), &sin, &cos, &s)) {
        replace_and_push(cpu, &s, sin, cos);
    } else {
        out_of_range(f);
    }
}
X87_REG_HANDLER(fsincos, sine_and_cosine(cpu))

typedef bool X87Trig(floatx80 a, floatx80 *result, FloatStatus *s);

static void sine_or_cosine(CPUState *cpu, X87Trig *function)
{
    FPUState *f = &cpu->fpu;
    FloatStatus s = x87_status(cpu);
    floatx80 r;
    f->sw &= (uint16_t)~FSW_C2;
    if (x87_empty(f, 0)) {
        x87_underflow(cpu, 0);
    } else if (!function(x87_get(f, 0), &r, &s)) {
        out_of_range(f);
    } else if (x87_commit(cpu, &s)) {
        x87_set(f, 0, r);
    }
}
X87_REG_HANDLER(fsin, sine_or_cosine(cpu, floatx80_sin))
X87_REG_HANDLER(fcos, sine_or_cosine(cpu, floatx80_cos))
