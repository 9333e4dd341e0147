/*
 * target/i386/int-stack.c  PUSH POP PUSHA POPA ENTER LEAVE BOUND. SDM volume 2. (PUSHF, POPF and segment registers:
 * system part.)
 *
 * Item width is the operand size; the stack pointer's width is the stack segment's. Registers change only after the
 * last access that could fault.
 */
#include "target/i386/int-common.h"

#define PUSH_DEFINE(bits)                                                         \
    static void push_Z_##bits(CPUState *cpu, const DecodedInsn *d)                \
    {                                                                             \
        push##bits(cpu, reg##bits(cpu, d->reg));                                  \
    }                                                                             \
    static void push_I_##bits(CPUState *cpu, const DecodedInsn *d)                \
    {                                                                             \
        push##bits(cpu, (uint##bits##_t)d->imm);                                  \
    }                                                                             \
    static void push_E_reg##bits(CPUState *cpu, const DecodedInsn *d)             \
    {                                                                             \
        push##bits(cpu, reg##bits(cpu, d->rm));                                   \
    }                                                                             \
    LOAD_HANDLER(push_E_mem##bits, bits, (void)d; push##bits(cpu, v))             \
    COLD pop_Z_slow##bits(CPUState *cpu, const DecodedInsn *d)                    \
    {                                                                             \
        uint##bits##_t v = pop##bits(cpu);                                        \
        set_reg##bits(cpu, d->reg, v);                                            \
    }                                                                             \
    static void pop_Z_##bits(CPUState *cpu, const DecodedInsn *d)                 \
    {                                                                             \
        uint64_t mask = stack_mask(cpu), sp = cpu->gpr[R_ESP] & mask;             \
        const void *host = host_read(cpu, R_SS, sp, bits / 8);                    \
        if (unlikely(!host)) {                                                    \
            pop_Z_slow##bits(cpu, d);                                             \
            return;                                                               \
        }                                                                         \
        uint##bits##_t v;                                                         \
        memcpy(&v, host, sizeof(v));                                              \
        set_sp(cpu, sp + bits / 8, mask);                                         \
        set_reg##bits(cpu, d->reg, v);                                            \
    }                                                                             \
    static void pop_E_reg##bits(CPUState *cpu, const DecodedInsn *d)              \
    {                                                                             \
        uint##bits##_t v = pop##bits(cpu);                                        \
        set_reg##bits(cpu, d->rm, v);                                             \
    }                                                                             \
    /* An address made with ESP sees the incremented one; the store may fault. */ \
    static void pop_E_mem##bits(CPUState *cpu, const DecodedInsn *d)              \
    {                                                                             \
        uint64_t before = cpu->gpr[R_ESP];                                        \
        uint##bits##_t v = pop##bits(cpu);                                        \
        uint64_t after = cpu->gpr[R_ESP], ea = insn_ea(cpu, d);                   \
        cpu->gpr[R_ESP] = before;                                                 \
        seg_st##bits(cpu, d->seg, ea, v);                                         \
        cpu->gpr[R_ESP] = after;                                                  \
    }
FOR_SIZES(PUSH_DEFINE)
SET_PLAIN(push_Zv, push_Z)
SET_PLAIN(push_I, push_I)
SET_SIZED(push_Ev, push_E)
SET_PLAIN(pop_Zv, pop_Z)
SET_SIZED(pop_Ev, pop_E)

/* ---- PUSHA, POPA: EAX highest, EDI lowest ---- */
#define PUSHA_DEFINE(bits)                                                                      \
    static void pusha_##bits(CPUState *cpu, const DecodedInsn *d)                               \
    {                                                                                           \
        (void)d;                                                                                \
        uint64_t mask = stack_mask(cpu), sp = cpu->gpr[R_ESP], la[8];                           \
        for (unsigned r = 0; r < 8; r++) {                                                      \
            la[r] = seg_write_address(cpu, R_SS, (sp - (r + 1) * (bits / 8)) & mask, bits / 8); \
            cpu_probe(cpu, la[r], bits / 8, ACCESS_WRITE, cpu->mmu_mode);                       \
        }                                                                                       \
        for (unsigned r = 0; r < 8; r++) {                                                      \
            cpu_st##bits(cpu, la[r], reg##bits(cpu, r));                                        \
        }                                                                                       \
        set_sp(cpu, sp - 8 * (bits / 8), mask);                                                 \
    }                                                                                           \
    static void popa_##bits(CPUState *cpu, const DecodedInsn *d)                                \
    {                                                                                           \
        (void)d;                                                                                \
        uint64_t mask = stack_mask(cpu), sp = cpu->gpr[R_ESP];                                  \
        uint##bits##_t v[8];                                                                    \
        for (unsigned r = 0; r < 8; r++) {                                                      \
            v[7 - r] = seg_ld##bits(cpu, R_SS, (sp + r * (bits / 8)) & mask);                   \
        }                                                                                       \
        for (unsigned r = 0; r < 8; r++) {                                                      \
            if (r != R_ESP) {                                                                   \
                set_reg##bits(cpu, r, v[r]);                                                    \
            }                                                                                   \
        }                                                                                       \
        set_sp(cpu, sp + 8 * (bits / 8), mask);                                                 \
    }
PUSHA_DEFINE(16)
PUSHA_DEFINE(32)
const InsnHandlers pusha = { { { NULL, pusha_16, pusha_32 } } };
const InsnHandlers popa = { { { NULL, popa_16, popa_32 } } };

/*
 * ENTER: push the frame pointer, copy level-1 pointers of the outer frames, push the new frame's, reserve the locals.
 * An operand at the final stack pointer must be writable. On a 16-bit stack a 32-bit EBP gets the upper half of ESP
 * with it.
 */
#define ENTER_DEFINE(bits)                                                                                 \
    static void enter_##bits(CPUState *cpu, const DecodedInsn *d)                                          \
    {                                                                                                      \
        unsigned level = d->imm2 & 31;                                                                     \
        uint64_t mask = stack_mask(cpu), sp = (cpu->gpr[R_ESP] - bits / 8) & mask;                         \
        uint64_t frame = (cpu->gpr[R_ESP] & ~mask) | sp, bp = cpu->gpr[R_EBP];                             \
        seg_st##bits(cpu, R_SS, sp, reg##bits(cpu, R_EBP));                                                \
        for (unsigned i = 1; i < level; i++) {                                                             \
            bp -= bits / 8;                                                                                \
            sp = (sp - bits / 8) & mask;                                                                   \
            seg_st##bits(cpu, R_SS, sp, seg_ld##bits(cpu, R_SS, bp &mask));                                \
        }                                                                                                  \
        if (level > 0) {                                                                                   \
            sp = (sp - bits / 8) & mask;                                                                   \
            seg_st##bits(cpu, R_SS, sp, (uint##bits##_t)frame);                                            \
        }                                                                                                  \
        sp = (sp - (uint16_t)d->imm) & mask;                                                               \
        cpu_probe(cpu, seg_write_address(cpu, R_SS, sp, bits / 8), bits / 8, ACCESS_WRITE, cpu->mmu_mode); \
        set_sp(cpu, sp, mask);                                                                             \
        set_reg##bits(cpu, R_EBP, (uint##bits##_t)frame);                                                  \
    }                                                                                                      \
    static void leave_##bits(CPUState *cpu, const DecodedInsn *d)                                          \
    {                                                                                                      \
        (void)d;                                                                                           \
        uint64_t mask = stack_mask(cpu), sp = cpu->gpr[R_EBP] & mask;                                      \
        uint##bits##_t v = seg_ld##bits(cpu, R_SS, sp);                                                    \
        set_sp(cpu, sp + bits / 8, mask);                                                                  \
        set_reg##bits(cpu, R_EBP, v);                                                                      \
    }
FOR_SIZES(ENTER_DEFINE)
SET_PLAIN(enter_Iw_Ib, enter)
SET_PLAIN(leave, leave)

/* ---- BOUND: signed bounds, lower then upper, in memory ---- */
#define BOUND_DEFINE(bits)                                                                           \
    static void bound_##bits(CPUState *cpu, const DecodedInsn *d)                                    \
    {                                                                                                \
        uint64_t ea = insn_ea(cpu, d);                                                               \
        int##bits##_t low = (int##bits##_t)seg_ld##bits(cpu, d->seg, ea);                            \
        int##bits##_t high = (int##bits##_t)seg_ld##bits(cpu, d->seg, (ea + bits / 8) & d->ea_mask); \
        int##bits##_t index = (int##bits##_t)reg##bits(cpu, d->reg);                                 \
        if (index < low || index > high) {                                                           \
            cpu_raise_noerr(cpu, EXCP_BR);                                                           \
        }                                                                                            \
    }
BOUND_DEFINE(16)
BOUND_DEFINE(32)
const InsnHandlers bound_Gv_Ma = { { { NULL }, { NULL, bound_16, bound_32 } } };
