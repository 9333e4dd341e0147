/*
 * accel/jit/emit.h  Assembler for x86-64 hosts: encodes one host instruction per call. SDM volume 2, chapter 2.
 *
 * Code is written through a writable view of memory and runs in another one (W^X): `rx_delta` leads from the first to
 * the second. Operand sizes are log2 bytes: 0 byte, 1 word, 2 dword, 3 qword. Two-byte opcodes are written 0x0fNN.
 */
#ifndef ACCEL_JIT_EMIT_H
#define ACCEL_JIT_EMIT_H

#include "util/osdep.h"

enum {
    H_RAX,
    H_RCX,
    H_RDX,
    H_RBX,
    H_RSP,
    H_RBP,
    H_RSI,
    H_RDI,
    H_R8,
    H_R9,
    H_R10,
    H_R11,
    H_R12,
    H_R13,
    H_R14,
    H_R15,
    H_NONE
};
#define H_LOW  0x20 /* byte registers SPL BPL SIL DIL: H_LOW | 4..7 (they need a REX prefix) */
#define H_HIGH 0x40 /* byte registers AH CH DH BH: H_HIGH | 0..3 (they exclude one) */

typedef struct Emit {
    uint8_t *p;        /* next byte, in the writable view */
    intptr_t rx_delta; /* executable address = writable address + rx_delta */
} Emit;

/* Host condition codes are the guest's: see flags.h of target/i386. */

static inline void em8(Emit *e, unsigned v)
{
    *e->p++ = (uint8_t)v;
}
static inline void em16(Emit *e, unsigned v)
{
    memcpy(e->p, &(uint16_t){ (uint16_t)v }, 2);
    e->p += 2;
}
static inline void em32(Emit *e, uint32_t v)
{
    memcpy(e->p, &v, 4);
    e->p += 4;
}
static inline void em64(Emit *e, uint64_t v)
{
    memcpy(e->p, &v, 8);
    e->p += 8;
}
/* Where the next byte will run. */
static inline uint8_t *em_here(const Emit *e)
{
    return e->p + e->rx_delta;
}

/* ModRM forms: reg is a register or an opcode extension. */
void em_rr(Emit *e, unsigned size, unsigned opcode, unsigned reg, unsigned rm);
void em_rm(Emit *e, unsigned size, unsigned opcode, unsigned reg, unsigned base, int32_t disp);
/* base or index may be H_NONE; scale is a shift. */
void em_rx(Emit *e, unsigned size, unsigned opcode, unsigned reg, unsigned base, unsigned index, unsigned scale,
           int32_t disp);
/* An absolute address below 2 GiB. */
void em_ra(Emit *e, unsigned size, unsigned opcode, unsigned reg, const void *address);

/* ALU operations by their number in the opcode map: 0 add 1 or 2 adc 3 sbb 4 and 5 sub 6 xor 7 cmp. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
void em_alu_ri(Emit *e, unsigned size, unsigned op, unsigned rm, int32_t imm);
void em_alu_mi(Emit *e, unsigned size, unsigned op, unsigned base, int32_t disp, int32_t imm);
static inline void em_alu_rr(Emit *e, unsigned size, unsigned op, unsigned reg, unsigned rm) /* reg op= rm */
{
    em_rr(e, size, op * 8 + (size ? 3 : 2), reg, rm);
}
void em_imm(Emit *e, unsigned size, int32_t imm); /* an immediate of the operand's size, at most four bytes */

static inline void em_mov_rr(Emit *e, unsigned size, unsigned to, unsigned from)
{
    em_rr(e, size, size ? 0x8b : 0x8a, to, from);
}
static inline void em_load(Emit *e, unsigned size, unsigned to, unsigned base, int32_t disp)
{
    em_rm(e, size, size ? 0x8b : 0x8a, to, base, disp);
}
static inline void em_store(Emit *e, unsigned size, unsigned from, unsigned base, int32_t disp)
{
    em_rm(e, size, size ? 0x89 : 0x88, from, base, disp);
}
void em_mov_ri32(Emit *e, unsigned to, uint32_t imm); /* zero-extends */
void em_mov_ri64(Emit *e, unsigned to, uint64_t imm);
void em_shift_ri(Emit *e, unsigned size, unsigned op, unsigned rm,
                 unsigned count); /* op: 4 shl 5 shr 7 sar 0 rol 1 ror */

void em_push_imm(Emit *e, int32_t imm); /* eight bytes, sign-extended */

/* Branches. The ones to an address take an executable one; the others return the writable address of their rel32. */
void em_call(Emit *e, const void *target);
void em_jmp(Emit *e, const void *target);
uint8_t *em_jmp_later(Emit *e);
uint8_t *em_jcc_later(Emit *e, unsigned cond);
uint8_t *em_call_later(Emit *e);
uint8_t *em_lea_later(Emit *e, unsigned to); /* the register = the address */
/* Let the rel32 at `at` (writable) lead to `target` (executable). */
void em_patch(uint8_t *at, intptr_t rx_delta, const void *target);

#endif
