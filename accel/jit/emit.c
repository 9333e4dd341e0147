/* accel/jit/emit.c  Encodings. See emit.h. */
#include "accel/jit/emit.h"

/* A byte register as it is encoded: AH..BH are 4..7 without REX. */
static unsigned low_bits(unsigned reg)
{
    return reg & H_HIGH ? (reg & 3) + 4 : reg & 7;
}

static unsigned extension(unsigned reg)
{
    return reg != H_NONE && !(reg & H_HIGH) && (reg & 8) ? 1 : 0;
}

static void prefixes(Emit *e, unsigned size, unsigned opcode, unsigned reg, unsigned base, unsigned index)
{
    unsigned rex = (size == 3 ? 8 : 0) | extension(reg) << 2 | extension(index) << 1 | extension(base);
    if (size == 1) {
        em8(e, 0x66);
    }
    if (rex || ((reg | base) & H_LOW)) {
        em8(e, 0x40 | rex);
    }
    if (opcode > 0xff) {
        em8(e, opcode >> 8);
    }
    em8(e, opcode);
}

void em_rr(Emit *e, unsigned size, unsigned opcode, unsigned reg, unsigned rm)
{
    prefixes(e, size, opcode, reg, rm, H_NONE);
    em8(e, 0xc0 | low_bits(reg) << 3 | low_bits(rm));
}

static void displacement(Emit *e, unsigned mod, int32_t disp)
{
    if (mod == 1) {
        em8(e, (unsigned)disp);
    } else if (mod == 2) {
        em32(e, (uint32_t)disp);
    }
}

static unsigned mod_for(unsigned base, int32_t disp)
{
    if (disp == 0 && (base & 7) != H_RBP) {
        return 0;
    }
    return disp >= -128 && disp <= 127 ? 1 : 2;
}

void em_rm(Emit *e, unsigned size, unsigned opcode, unsigned reg, unsigned base, int32_t disp)
{
    unsigned mod = mod_for(base, disp);
    prefixes(e, size, opcode, reg, base, H_NONE);
    em8(e, mod << 6 | low_bits(reg) << 3 | (base & 7));
    if ((base & 7) == H_RSP) {
        em8(e, 0x24);
    }
    displacement(e, mod, disp);
}

void em_rx(Emit *e, unsigned size, unsigned opcode, unsigned reg, unsigned base, unsigned index, unsigned scale,
           int32_t disp)
{
    if (index == H_NONE && base != H_NONE) {
        em_rm(e, size, opcode, reg, base, disp);
        return;
    }
    unsigned mod = base == H_NONE ? 0 : mod_for(base, disp);
    prefixes(e, size, opcode, reg, base, index);
    em8(e, mod << 6 | low_bits(reg) << 3 | 4);
    em8(e, scale << 6 | (index == H_NONE ? 4 : index & 7) << 3 | (base == H_NONE ? 5 : base & 7));
    if (base == H_NONE) {
        em32(e, (uint32_t)disp);
    } else {
        displacement(e, mod, disp);
    }
}

void em_ra(Emit *e, unsigned size, unsigned opcode, unsigned reg, const void *address)
{
    em_rx(e, size, opcode, reg, H_NONE, H_NONE, 0, (int32_t)(intptr_t)address);
}

void em_imm(Emit *e, unsigned size, int32_t imm)
{
    if (size == 0) {
        em8(e, (unsigned)imm);
    } else if (size == 1) {
        em16(e, (unsigned)imm);
    } else {
        em32(e, (uint32_t)imm);
    }
}

static bool fits_byte(unsigned size, int32_t imm)
{
    return size && (size == 1 ? (int16_t)imm : imm) >= -128 && (size == 1 ? (int16_t)imm : imm) <= 127;
}

void em_alu_ri(Emit *e, unsigned size, unsigned op, unsigned rm, int32_t imm)
{
    bool byte = fits_byte(size, imm);
    em_rr(e, size, size == 0 ? 0x80 : byte ? 0x83 : 0x81, op, rm);
    em_imm(e, byte ? 0 : size, imm);
}

void em_alu_mi(Emit *e, unsigned size, unsigned op, unsigned base, int32_t disp, int32_t imm)
{
    bool byte = fits_byte(size, imm);
    em_rm(e, size, size == 0 ? 0x80 : byte ? 0x83 : 0x81, op, base, disp);
    em_imm(e, byte ? 0 : size, imm);
}

void em_mov_ri32(Emit *e, unsigned to, uint32_t imm)
{
    if (extension(to)) {
        em8(e, 0x41);
    }
    em8(e, 0xb8 | (to & 7));
    em32(e, imm);
}

void em_mov_ri64(Emit *e, unsigned to, uint64_t imm)
{
    if (imm <= UINT32_MAX) {
        em_mov_ri32(e, to, (uint32_t)imm);
        return;
    }
    if ((int64_t)imm == (int32_t)imm) {
        em_rr(e, 3, 0xc7, 0, to);
        em32(e, (uint32_t)imm);
        return;
    }
    em8(e, 0x48 | extension(to));
    em8(e, 0xb8 | (to & 7));
    em64(e, imm);
}

void em_shift_ri(Emit *e, unsigned size, unsigned op, unsigned rm, unsigned count)
{
    if (count == 1) {
        em_rr(e, size, size ? 0xd1 : 0xd0, op, rm);
        return;
    }
    em_rr(e, size, size ? 0xc1 : 0xc0, op, rm);
    em8(e, count);
}

void em_push_imm(Emit *e, int32_t imm)
{
    em8(e, 0x68);
    em32(e, (uint32_t)imm);
}

static void relative(Emit *e, const void *target)
{
    em32(e, (uint32_t)((intptr_t)target - (intptr_t)(em_here(e) + 4)));
}

void em_call(Emit *e, const void *target)
{
    em8(e, 0xe8);
    relative(e, target);
}

void em_jmp(Emit *e, const void *target)
{
    em8(e, 0xe9);
    relative(e, target);
}

uint8_t *em_jmp_later(Emit *e)
{
    em8(e, 0xe9);
    em32(e, 0);
    return e->p - 4;
}

uint8_t *em_jcc_later(Emit *e, unsigned cond)
{
    em8(e, 0x0f);
    em8(e, 0x80 | cond);
    em32(e, 0);
    return e->p - 4;
}

uint8_t *em_call_later(Emit *e)
{
    em8(e, 0xe8);
    em32(e, 0);
    return e->p - 4;
}

uint8_t *em_lea_later(Emit *e, unsigned to)
{
    em8(e, extension(to) ? 0x4c : 0x48);
    em8(e, 0x8d);
    em8(e, (to & 7) << 3 | 5);
    em32(e, 0);
    return e->p - 4;
}

void em_patch(uint8_t *at, intptr_t rx_delta, const void *target)
{
    int32_t rel = (int32_t)((intptr_t)target - ((intptr_t)at + rx_delta + 4));
    memcpy(at, &rel, 4);
}
