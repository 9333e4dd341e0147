/*
 * target/i386/x87-mov.c  x87 loads and stores: FLD FST FILD FIST FISTTP FBLD FBSTP, the constants, FXCH, FCMOVcc. SDM
 * volume 1, 8.3.3-8.3.4; volume 2.
 */
#include "target/i386/flags.h"
#include "target/i386/x87-common.h"
#include "target/i386/x87-widen.h"

/* ---- loads ---- */

/* Push v, which was a NaN or denormal in memory. Nothing is pushed when that is unmasked, or the stack is full. */
static void load_special(CPUState *cpu, floatx80 v, bool denormal)
{
    FloatStatus s = { .flags = denormal ? FLOAT_FLAG_DENORMAL : 0 };
    if (!x87_empty(&cpu->fpu, 7)) {
        x87_push_checked(cpu, v);
        return;
    }
    if (floatx80_is_signaling_nan(v)) {
        s.flags = FLOAT_FLAG_INVALID;
        v.low |= 1ull << 62;
    }
    if (x87_commit(cpu, &s)) {
        x87_push(&cpu->fpu, v);
    }
}

X87_INLINE void load_exact(CPUState *cpu, floatx80 v)
{
    cpu->fpu.sw &= (uint16_t)~FSW_C1;
    x87_push_checked(cpu, v);
}

X87_INLINE void load_m32(CPUState *cpu, uint32_t v)
{
    bool denormal;
    floatx80 x = x87_widen32(v, &denormal);
    if (unlikely(denormal || (x.high & 0x7fff) == 0x7fff)) {
        load_special(cpu, x, denormal);
    } else {
        load_exact(cpu, x);
    }
}

X87_INLINE void load_m64(CPUState *cpu, uint64_t v)
{
    bool denormal;
    floatx80 x = x87_widen64(v, &denormal);
    if (unlikely(denormal || (x.high & 0x7fff) == 0x7fff)) {
        load_special(cpu, x, denormal);
    } else {
        load_exact(cpu, x);
    }
}

X87_INLINE void load_int(CPUState *cpu, int64_t v)
{
    load_exact(cpu, floatx80_from_int64(v));
}

X87_LOAD_HANDLER(fld_Md, 32, load_m32(cpu, v))
X87_LOAD_HANDLER(fld_Mq, 64, load_m64(cpu, v))
X87_LOAD_HANDLER(fild_Mw, 16, load_int(cpu, (int16_t)v))
X87_LOAD_HANDLER(fild_Md, 32, load_int(cpu, (int32_t)v))
X87_LOAD_HANDLER(fild_Mq, 64, load_int(cpu, (int64_t)v))

/* Ten bytes: 8 and 2. */
static floatx80 load_ten(CPUState *cpu, const DecodedInsn *d, uint64_t ea)
{
    uint64_t la = seg_read_address(cpu, d->seg, ea, 10);
    floatx80 v = { .low = cpu_ld64(cpu, la) };
    v.high = cpu_ld16(cpu, x87_address(cpu, la, 8));
    return v;
}

static void fld_ten(CPUState *cpu, const DecodedInsn *d)
{
    if (!x87_enter(cpu)) {
        return;
    }
    uint64_t ea = insn_ea(cpu, d);
    floatx80 v = load_ten(cpu, d, ea);
    x87_record_operand(cpu, d, ea);
    load_exact(cpu, v);
}
X87_HANDLER(fld_Mt, fld_ten)

static void load_register(CPUState *cpu, unsigned i)
{
    FPUState *f = &cpu->fpu;
    if (unlikely(x87_empty(f, i))) {
        if (x87_stack_fault(cpu, false)) {
            x87_push(f, floatx80_indefinite);
        }
        return;
    }
    load_exact(cpu, x87_get(f, i));
}
X87_REG_HANDLER(fld_STi, load_register(cpu, d->modrm & 7))

/* ---- constants: rounded by RC to 64 bits (SDM 1, 8.3.4) ---- */

/* Truncated; `below`: the true value is nearer to the next number up. One ulp more when rounding says so. */
static void load_constant(CPUState *cpu, uint16_t high, uint64_t low, bool nearer_up)
{
    FloatRound round = FCW_RC(cpu->fpu.cw);
    low += round == FLOAT_ROUND_UP || (round == FLOAT_ROUND_NEAREST && nearer_up);
    load_exact(cpu, (floatx80){ .low = low, .high = high });
}
X87_REG_HANDLER(fld1, load_exact(cpu, floatx80_one))
X87_REG_HANDLER(fldz, load_exact(cpu, floatx80_zero))
X87_REG_HANDLER(fldl2t, load_constant(cpu, 0x4000, 0xd49a784bcd1b8afeull, false))
X87_REG_HANDLER(fldl2e, load_constant(cpu, 0x3fff, 0xb8aa3b295c17f0bbull, true))
X87_REG_HANDLER(fldpi, load_constant(cpu, 0x4000, 0xc90fdaa22168c234ull, true))
X87_REG_HANDLER(fldlg2, load_constant(cpu, 0x3ffd, 0x9a209a84fbcff798ull, true))
X87_REG_HANDLER(fldln2, load_constant(cpu, 0x3ffe, 0xb17217f7d1cf79abull, true))

/* ---- stores ---- */

/* After the store, or instead of it: then an inexact result is not reported (SDM 1, 8.5.6). */
static void store_done(CPUState *cpu, bool empty, bool stored, bool pop, FloatStatus *s)
{
    if (unlikely(!stored)) {
        s->flags &= (uint8_t)~FLOAT_FLAG_INEXACT;
        s->rounded_up = false;
    }
    if (unlikely(empty)) {
        x87_stack_fault(cpu, false);
    } else {
        x87_commit(cpu, s);
    }
    if (stored && pop) {
        x87_pop(&cpu->fpu);
    }
}

/* What an empty ST(0) raises, for the question whether to store. */
X87_INLINE FloatStatus store_status(const CPUState *cpu, bool empty)
{
    FloatStatus s = x87_status(cpu);
    s.flags = empty ? FLOAT_FLAG_INVALID : 0;
    return s;
}

#define STORE_HANDLER(name, bits, convert, indefinite, pop)                                   \
    static void name##_handler(CPUState *cpu, const DecodedInsn *d)                           \
    {                                                                                         \
        if (!x87_enter(cpu)) {                                                                \
            return;                                                                           \
        }                                                                                     \
        FPUState *f = &cpu->fpu;                                                              \
        bool empty = x87_empty(f, 0);                                                         \
        FloatStatus s = store_status(cpu, empty);                                             \
        uint##bits##_t v = (uint##bits##_t)(empty ? indefinite : convert(x87_get(f, 0), &s)); \
        bool stored = !(s.flags & ~f->cw & FLAGS_NO_STORE);                                   \
        uint64_t ea = insn_ea(cpu, d);                                                        \
        if (likely(stored)) {                                                                 \
            seg_st##bits(cpu, d->seg, ea, v);                                                 \
        }                                                                                     \
        x87_record_operand(cpu, d, ea);                                                       \
        store_done(cpu, empty, stored, pop, &s);                                              \
    }                                                                                         \
    X87_HANDLER(name, name##_handler)
STORE_HANDLER(fst_Md, 32, floatx80_to_float32, FLOAT32_INDEFINITE, false)
STORE_HANDLER(fst_Mq, 64, floatx80_to_float64, FLOAT64_INDEFINITE, false)
STORE_HANDLER(fstp_Md, 32, floatx80_to_float32, FLOAT32_INDEFINITE, true)
STORE_HANDLER(fstp_Mq, 64, floatx80_to_float64, FLOAT64_INDEFINITE, true)
STORE_HANDLER(fist_Mw, 16, floatx80_to_int16, INT16_MIN, false)
STORE_HANDLER(fist_Md, 32, floatx80_to_int32, INT32_MIN, false)
STORE_HANDLER(fistp_Mw, 16, floatx80_to_int16, INT16_MIN, true)
STORE_HANDLER(fistp_Md, 32, floatx80_to_int32, INT32_MIN, true)
STORE_HANDLER(fistp_Mq, 64, floatx80_to_int64, INT64_MIN, true)
STORE_HANDLER(fisttp_Mw, 16, floatx80_to_int16_trunc, INT16_MIN, true)
STORE_HANDLER(fisttp_Md, 32, floatx80_to_int32_trunc, INT32_MIN, true)
STORE_HANDLER(fisttp_Mq, 64, floatx80_to_int64_trunc, INT64_MIN, true)

/* Checked as a whole first: it may lie in two pages. */
static void store_ten(CPUState *cpu, const DecodedInsn *d, uint64_t ea, uint64_t low, uint16_t high)
{
    uint64_t la = seg_write_address(cpu, d->seg, ea, 10);
    if (unlikely((la & ~PAGE_MASK) > PAGE_SIZE - 10)) {
        cpu_probe(cpu, la, 10, ACCESS_WRITE, cpu->mmu_mode);
    }
    cpu_st64(cpu, la, low);
    cpu_st16(cpu, x87_address(cpu, la, 8), high);
}

static void fstp_ten(CPUState *cpu, const DecodedInsn *d)
{
    if (!x87_enter(cpu)) {
        return;
    }
    FPUState *f = &cpu->fpu;
    bool empty = x87_empty(f, 0), stored = !empty || (f->cw & FLOAT_FLAG_INVALID);
    floatx80 v = empty ? floatx80_indefinite : x87_get(f, 0);
    uint64_t ea = insn_ea(cpu, d);
    if (stored) {
        store_ten(cpu, d, ea, v.low, v.high);
    }
    FloatStatus s = { 0 };
    x87_record_operand(cpu, d, ea);
    store_done(cpu, empty, stored, true, &s);
}
X87_HANDLER(fstp_Mt, fstp_ten)

X87_INLINE void store_register(CPUState *cpu, unsigned i, bool pop)
{
    FPUState *f = &cpu->fpu;
    f->sw &= (uint16_t)~FSW_C1;
    if (unlikely(x87_empty(f, 0))) {
        if (!x87_underflow(cpu, i)) {
            return;
        }
    } else {
        x87_set(f, i, x87_get(f, 0));
    }
    if (pop) {
        x87_pop(f);
    }
}
X87_REG_HANDLER(fst_STi, store_register(cpu, d->modrm & 7, false))
X87_REG_HANDLER(fstp_STi, store_register(cpu, d->modrm & 7, true))

/* D9 D8+i: an FSTP that takes an empty ST(0) without complaint, and then stores nothing. */
X87_INLINE void store_no_check(CPUState *cpu, unsigned i)
{
    FPUState *f = &cpu->fpu;
    f->sw &= (uint16_t)~FSW_C1;
    if (!x87_empty(f, 0)) {
        x87_set(f, i, x87_get(f, 0));
    }
    x87_pop(f);
}
X87_REG_HANDLER(fstpnce_STi, store_no_check(cpu, d->modrm & 7))

/* ---- packed decimal: 18 digits, sign in bit 79 ---- */

#define BCD_DIGITS          18
#define BCD_LIMIT           1000000000000000000ll
#define BCD_INDEFINITE_LOW  0xc000000000000000ull
#define BCD_INDEFINITE_HIGH 0xffff

/* Digits above 9 are undefined by the manual: here they count as what they are. */
static floatx80 from_bcd(floatx80 packed)
{
    int64_t v = (packed.high & 0xf) + 10 * ((packed.high >> 4) & 0xf);
    for (int i = 15; i >= 0; i--) {
        v = v * 10 + (int64_t)((packed.low >> (4 * i)) & 0xf);
    }
    floatx80 r = floatx80_from_int64(v);
    r.high |= packed.high & 0x8000;
    return r;
}

static void fbld_handler(CPUState *cpu, const DecodedInsn *d)
{
    if (!x87_enter(cpu)) {
        return;
    }
    uint64_t ea = insn_ea(cpu, d);
    floatx80 packed = load_ten(cpu, d, ea);
    x87_record_operand(cpu, d, ea);
    load_exact(cpu, from_bcd(packed));
}
X87_HANDLER(fbld_Mt, fbld_handler)

static floatx80 to_bcd(floatx80 a, FloatStatus *s)
{
    floatx80 packed = { .high = a.high & 0x8000 };
    int64_t v = floatx80_to_int64(a, s);
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (magnitude >= BCD_LIMIT) {
        s->flags = FLOAT_FLAG_INVALID;
        s->rounded_up = false;
        return (floatx80){ .low = BCD_INDEFINITE_LOW, .high = BCD_INDEFINITE_HIGH };
    }
    for (int i = 0; i < BCD_DIGITS; i++, magnitude /= 10) {
        uint64_t digit = magnitude % 10;
        if (i < 16) {
            packed.low |= digit << (4 * i);
        } else {
            packed.high |= (uint16_t)(digit << (4 * (i - 16)));
        }
    }
    return packed;
}

static void fbstp_handler(CPUState *cpu, const DecodedInsn *d)
{
    if (!x87_enter(cpu)) {
        return;
    }
    FPUState *f = &cpu->fpu;
    bool empty = x87_empty(f, 0);
    FloatStatus s = store_status(cpu, empty);
    floatx80 v = { .low = BCD_INDEFINITE_LOW, .high = BCD_INDEFINITE_HIGH };
    if (!empty) {
        v = to_bcd(x87_get(f, 0), &s);
    }
    bool stored = !(s.flags & ~f->cw & FLAGS_NO_STORE);
    uint64_t ea = insn_ea(cpu, d);
    if (stored) {
        store_ten(cpu, d, ea, v.low, v.high);
    }
    x87_record_operand(cpu, d, ea);
    store_done(cpu, empty, stored, true, &s);
}
X87_HANDLER(fbstp_Mt, fbstp_handler)

/* ---- between registers ---- */

/* An empty register takes part as the indefinite NaN. */
static void exchange(CPUState *cpu, unsigned i)
{
    FPUState *f = &cpu->fpu;
    bool empty0 = x87_empty(f, 0), empty = x87_empty(f, i);
    f->sw &= (uint16_t)~FSW_C1;
    if (unlikely((empty0 || empty) && !x87_stack_fault(cpu, false))) {
        return;
    }
    floatx80 a = empty0 ? floatx80_indefinite : x87_get(f, 0), b = empty ? floatx80_indefinite : x87_get(f, i);
    x87_set(f, 0, b);
    x87_set(f, i, a);
}
X87_REG_HANDLER(fxch_STi, exchange(cpu, d->modrm & 7))

X87_INLINE void move_if(CPUState *cpu, unsigned i, bool condition)
{
    FPUState *f = &cpu->fpu;
    if (unlikely(x87_empty(f, 0) || x87_empty(f, i))) {
        x87_underflow(cpu, 0);
    } else if (condition) {
        x87_set(f, 0, x87_get(f, i));
    }
}
X87_REG_HANDLER(fcmovb, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_B)))
X87_REG_HANDLER(fcmove, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_E)))
X87_REG_HANDLER(fcmovbe, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_BE)))
X87_REG_HANDLER(fcmovu, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_P)))
X87_REG_HANDLER(fcmovnb, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_AE)))
X87_REG_HANDLER(fcmovne, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_NE)))
X87_REG_HANDLER(fcmovnbe, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_A)))
X87_REG_HANDLER(fcmovnu, move_if(cpu, d->modrm & 7, cc_test(cpu, COND_NP)))
