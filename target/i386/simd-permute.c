/*
 * target/i386/simd-permute.c  AVX and AVX2 instructions that move data about, also across the two halves of a register:
 * broadcasts, permutations, inserts and extracts of halves, masked moves, gathers, shifts lane by lane. SDM volume 2.
 */
#include "target/i386/simd-avx.h"

/* ---- broadcast: the first lane of b everywhere ---- */

static inline XMMReg all_b(uint8_t v)
{
    return (XMMReg){ .q = { v * 0x0101010101010101ull, v * 0x0101010101010101ull } };
}

static inline XMMReg all_w(uint16_t v)
{
    return (XMMReg){ .q = { v * 0x0001000100010001ull, v * 0x0001000100010001ull } };
}

static inline XMMReg all_d(uint32_t v)
{
    return (XMMReg){ .l = { v, v, v, v } };
}

static inline XMMReg all_q(uint64_t v)
{
    return (XMMReg){ .q = { v, v } };
}

static inline XMMReg load_b(CPUState *cpu, const DecodedInsn *d)
{
    return simd_from64(seg_ld8(cpu, d->seg, insn_ea(cpu, d)));
}

#define BROADCAST(set, load, result)                                           \
    AVX_FORMS_128(set, load, result)                                           \
    AVX_FORM_256(set##_reg256, const XMMReg m = cpu->xmm[d->rm], m, m, result) \
    AVX_FORM_256(set##_mem256, const XMMReg m = load(cpu, d), m, m, result)    \
    AVX_SET(set, set##_reg128, set##_mem128, set##_reg256, set##_mem256)
BROADCAST(vpbroadcastb_V_W, load_b, all_b(b.b[0]))
BROADCAST(vpbroadcastw_V_W, load_w, all_w(b.w[0]))
BROADCAST(vpbroadcastd_V_W, load_d, all_d(b.l[0])) /* also VBROADCASTSS */
BROADCAST(vpbroadcastq_V_W, load_q, all_q(b.q[0])) /* also VBROADCASTSD */
BROADCAST(vbroadcasti128_V_M, load_unaligned, b)

/* ---- permutations within 16 bytes ---- */

static inline XMMReg permute_dwords(XMMReg a, XMMReg choice)
{
    return (XMMReg){ .l = { a.l[choice.l[0] & 3], a.l[choice.l[1] & 3], a.l[choice.l[2] & 3], a.l[choice.l[3] & 3] } };
}

/* Bit 1 of each lane chooses. */
static inline XMMReg permute_qwords(XMMReg a, XMMReg choice)
{
    return (XMMReg){ .q = { a.q[choice.q[0] >> 1 & 1], a.q[choice.q[1] >> 1 & 1] } };
}

AVX_OP(vpermilps_V_H_W, permute_dwords(a, b))
AVX_OP(vpermilpd_V_H_W, permute_qwords(a, b))

/* ---- across the whole register ---- */

static inline YMMReg permute_whole_qwords(YMMReg v, unsigned imm)
{
    return (YMMReg){ .q = { v.q[imm & 3], v.q[imm >> 2 & 3], v.q[imm >> 4 & 3], v.q[imm >> 6 & 3] } };
}

static inline YMMReg permute_whole_dwords(YMMReg choice, YMMReg v)
{
    YMMReg r;
    for (unsigned i = 0; i < 8; i++) {
        r.l[i] = v.l[choice.l[i] & 7];
    }
    return r;
}

/* Two bits choose one of four halves, the next clears instead. */
static inline XMMReg choose_half(YMMReg a, YMMReg b, unsigned choice)
{
    if (choice & 8) {
        return simd_from64(0);
    }
    return choice & 2 ? b.lane[choice & 1] : a.lane[choice & 1];
}

static inline YMMReg permute_halves(YMMReg a, YMMReg b, unsigned imm)
{
    return (YMMReg){ .lane = { choose_half(a, b, imm), choose_half(a, b, imm >> 4) } };
}

AVX_OP_WHOLE(vpermq_V_W_I, permute_whole_qwords(b, (unsigned)d->imm)) /* also VPERMPD */
AVX_OP_WHOLE(vpermd_V_H_W, permute_whole_dwords(a, b))                /* also VPERMPS */
AVX_OP_WHOLE(vperm2i128_V_H_W_I, permute_halves(a, b, (unsigned)d->imm))

/* ---- halves in and out ---- */

static YMMReg insert_half(YMMReg v, XMMReg half, unsigned at)
{
    v.lane[at & 1] = half;
    return v;
}

HANDLER vinserti128_reg(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    ymm_set(cpu, d->reg, insert_half(ymm_get(cpu, d->vvvv), cpu->xmm[d->rm], (unsigned)d->imm));
}

HANDLER vinserti128_mem(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    XMMReg half = load_unaligned(cpu, d);
    ymm_set(cpu, d->reg, insert_half(ymm_get(cpu, d->vvvv), half, (unsigned)d->imm));
}
AVX_SET(vinserti128_V_H_W_I, NULL, NULL, vinserti128_reg, vinserti128_mem)

HANDLER vextracti128_reg(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    avx_set128(cpu, d->rm, ymm_get(cpu, d->reg).lane[d->imm & 1]);
}

HANDLER vextracti128_mem(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    store_unaligned(cpu, d, ymm_get(cpu, d->reg).lane[d->imm & 1]);
}
AVX_SET(vextracti128_W_V_I, NULL, NULL, vextracti128_reg, vextracti128_mem)

/* ---- shifts with a count per lane; too large gives 0, or sign bits ---- */

#define SHIFT_LANES(name, field, n, expression)   \
    static inline XMMReg name(XMMReg a, XMMReg b) \
    {                                             \
        XMMReg r;                                 \
        for (unsigned i = 0; i < n; i++) {        \
            r.field[i] = expression;              \
        }                                         \
        return r;                                 \
    }
SHIFT_LANES(vpsllvd, l, 4, b.l[i] < 32 ? a.l[i] << b.l[i] : 0)
SHIFT_LANES(vpsllvq, q, 2, b.q[i] < 64 ? a.q[i] << b.q[i] : 0)
SHIFT_LANES(vpsrlvd, l, 4, b.l[i] < 32 ? a.l[i] >> b.l[i] : 0)
SHIFT_LANES(vpsrlvq, q, 2, b.q[i] < 64 ? a.q[i] >> b.q[i] : 0)
SHIFT_LANES(vpsravd, l, 4, (uint32_t)((int32_t)a.l[i] >> (b.l[i] < 32 ? b.l[i] : 31)))
AVX_OP(vpsllvd_V_H_W, vpsllvd(a, b))
AVX_OP(vpsllvq_V_H_W, vpsllvq(a, b))
AVX_OP(vpsrlvd_V_H_W, vpsrlvd(a, b))
AVX_OP(vpsrlvq_V_H_W, vpsrlvq(a, b))
AVX_OP(vpsravd_V_H_W, vpsravd(a, b))

/*
 * ---- masked moves: only lanes whose mask has its sign bit set are accessed ----
 * Segment limits are checked for each such lane. All of a store is checked before any of it is done.
 */

static inline uint64_t lane_mask(const YMMReg *m, unsigned i, unsigned size)
{
    return size == 8 ? m->q[i] >> 63 : m->l[i] >> 31;
}

static inline uint64_t load_lane(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    return size == 8 ? seg_ld64(cpu, seg, offset) : seg_ld32(cpu, seg, offset);
}

static inline void put_lane(YMMReg *r, unsigned i, unsigned size, uint64_t v)
{
    if (size == 8) {
        r->q[i] = v;
    } else {
        r->l[i] = (uint32_t)v;
    }
}

static inline uint64_t lane_offset(const CPUState *cpu, const DecodedInsn *d, unsigned i, unsigned size)
{
    return insn_ea(cpu, d) + i * size; /* as within any operand, without wrapping */
}

static void masked_load(CPUState *cpu, const DecodedInsn *d, unsigned size, unsigned bytes)
{
    avx_check(cpu);
    const YMMReg mask = ymm_get(cpu, d->vvvv);
    YMMReg r = { .q = { 0, 0, 0, 0 } };
    for (unsigned i = 0; i < bytes / size; i++) {
        if (lane_mask(&mask, i, size)) {
            put_lane(&r, i, size, load_lane(cpu, d->seg, lane_offset(cpu, d, i, size), size));
        }
    }
    ymm_set(cpu, d->reg, r);
}

static void masked_store(CPUState *cpu, const DecodedInsn *d, unsigned size, unsigned bytes)
{
    avx_check(cpu);
    const YMMReg mask = ymm_get(cpu, d->vvvv), v = ymm_get(cpu, d->reg);
    uint64_t at[8];
    for (unsigned i = 0; i < bytes / size; i++) {
        if (lane_mask(&mask, i, size)) {
            at[i] = seg_write_address(cpu, d->seg, lane_offset(cpu, d, i, size), size);
            cpu_probe(cpu, at[i], size, ACCESS_WRITE, cpu->mmu_mode);
        }
    }
    for (unsigned i = 0; i < bytes / size; i++) {
        if (lane_mask(&mask, i, size)) {
            if (size == 8) {
                cpu_st64(cpu, at[i], v.q[i]);
            } else {
                cpu_st32(cpu, at[i], v.l[i]);
            }
        }
    }
}

#define MASKED(set, function, size)                           \
    HANDLER set##_mem128(CPUState *cpu, const DecodedInsn *d) \
    {                                                         \
        function(cpu, d, size, 16);                           \
    }                                                         \
    HANDLER set##_mem256(CPUState *cpu, const DecodedInsn *d) \
    {                                                         \
        function(cpu, d, size, 32);                           \
    }                                                         \
    AVX_SET(set, set##_mem128, set##_mem128, set##_mem256, set##_mem256)
MASKED(vpmaskmovd_V_H_M, masked_load, 4)
MASKED(vpmaskmovq_V_H_M, masked_load, 8)
MASKED(vpmaskmovd_M_H_V, masked_store, 4)
MASKED(vpmaskmovq_M_H_V, masked_store, 8)

/*
 * ---- gathers ----
 * Lane by lane, lowest first; each one done clears its mask, so that a fault in the middle loses nothing and the
 * instruction can start again (SDM 2, VPGATHERDD).
 */

static uint64_t gather_offset(const CPUState *cpu, const DecodedInsn *d, int64_t index)
{
    return (cpu->regs[d->base] + ((uint64_t)index << d->scale) + (uint64_t)d->disp) & d->ea_mask;
}

/* Destination and mask get a lane's new value at once: what comes after may fault. */
static void gather_lane(CPUState *cpu, const DecodedInsn *d, unsigned i, unsigned size, int64_t index)
{
    uint64_t v = load_lane(cpu, d->seg, gather_offset(cpu, d, index), size);
    YMMReg r = ymm_get(cpu, d->reg), mask = ymm_get(cpu, d->vvvv);
    put_lane(&r, i, size, v);
    put_lane(&mask, i, size, 0);
    ymm_set(cpu, d->reg, r);
    ymm_set(cpu, d->vvvv, mask);
}

/* lanes of `size` bytes, indexes of `index_size`; the destination keeps that many bytes */
static void gather(CPUState *cpu, const DecodedInsn *d, unsigned lanes, unsigned size, unsigned index_size)
{
    avx_check(cpu);
    if (d->reg == d->vvvv || d->reg == d->index || d->vvvv == d->index) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    const YMMReg index = ymm_get(cpu, d->index), mask = ymm_get(cpu, d->vvvv);
    for (unsigned i = 0; i < lanes; i++) {
        if (lane_mask(&mask, i, size)) {
            gather_lane(cpu, d, i, size, index_size == 8 ? (int64_t)index.q[i] : (int32_t)index.l[i]);
        }
    }
    YMMReg r = ymm_get(cpu, d->reg);
    memset(&r.b[lanes * size], 0, sizeof(r) - lanes * size);
    ymm_set(cpu, d->reg, r);
    ymm_set(cpu, d->vvvv, (YMMReg){ .q = { 0, 0, 0, 0 } });
}

#define GATHER(set, lanes, size, index_size)                  \
    HANDLER set##_mem128(CPUState *cpu, const DecodedInsn *d) \
    {                                                         \
        gather(cpu, d, lanes, size, index_size);              \
    }                                                         \
    HANDLER set##_mem256(CPUState *cpu, const DecodedInsn *d) \
    {                                                         \
        gather(cpu, d, 2 * lanes, size, index_size);          \
    }                                                         \
    AVX_SET(set, set##_mem128, set##_mem128, set##_mem256, set##_mem256)
GATHER(vpgatherdd_V_M_H, 4, 4, 4)
GATHER(vpgatherdq_V_M_H, 2, 8, 4)
GATHER(vpgatherqd_V_M_H, 2, 4, 8)
GATHER(vpgatherqq_V_M_H, 2, 8, 8)
