/*
 * target/i386/int-branch.c  Near control transfer: Jcc, JCXZ, LOOPcc, JMP, CALL, RET. SDM volume 2.
 *
 * The target is checked against CS (or for canonical form) before anything changes. The run loop sees the new eip because
 * these rows end a block. Far transfers are system instructions.
 */
#include "target/i386/int-common.h"

#define JCC_SIZE(cc, cond, bits)                                    \
    static void j##cc##_##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                               \
        if (cc_test(cpu, cond)) {                                   \
            cpu->eip = relative##bits(cpu, d);                      \
        }                                                           \
    }
#define JCC_DEFINE(cc, cond) JCC_SIZE(cc, cond, 16) JCC_SIZE(cc, cond, 32) JCC_SIZE(cc, cond, 64) SET_PLAIN(j##cc##_J, j##cc)
CONDITIONS(JCC_DEFINE)

/* The count register is as wide as an address. */
#define LOOP_SIZE(name, bits, extra)                               \
    static void name##_##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                              \
        uint64_t count = (cpu->gpr[R_ECX] - 1) & addr_mask(d);     \
        uint64_t target = cpu->eip;                                \
        if (count != 0 && (extra)) {                               \
            target = relative##bits(cpu, d);                       \
        }                                                          \
        set_addr_reg(cpu, d, R_ECX, count);                        \
        cpu->eip = target;                                         \
    }
#define LOOP_DEFINE(name, extra) \
    LOOP_SIZE(name, 16, extra) LOOP_SIZE(name, 32, extra) LOOP_SIZE(name, 64, extra) SET_PLAIN(name##_Jb, name)
LOOP_DEFINE(loop, true)
LOOP_DEFINE(loope, cc_z(cpu))
LOOP_DEFINE(loopne, !cc_z(cpu))

#define NEAR_DEFINE(bits)                                                          \
    static void jcxz_##bits(CPUState *cpu, const DecodedInsn *d)                   \
    {                                                                              \
        if (addr_reg(cpu, d, R_ECX) == 0) {                                        \
            cpu->eip = relative##bits(cpu, d);                                     \
        }                                                                          \
    }                                                                              \
    static void jmp_##bits(CPUState *cpu, const DecodedInsn *d)                    \
    {                                                                              \
        cpu->eip = relative##bits(cpu, d);                                         \
    }                                                                              \
    static inline void jump_to##bits(CPUState *cpu, uint##bits##_t target)         \
    {                                                                              \
        check_target##bits(cpu, target);                                           \
        cpu->eip = target;                                                         \
    }                                                                              \
    COLD call_slow##bits(CPUState *cpu, uint##bits##_t target)                     \
    {                                                                              \
        push_slow##bits(cpu, (uint##bits##_t)cpu->eip);                            \
        cpu->eip = target;                                                         \
    }                                                                              \
    static inline void call_to##bits(CPUState *cpu, uint##bits##_t target)         \
    {                                                                              \
        uint##bits##_t back = (uint##bits##_t)cpu->eip;                            \
        uint64_t mask = stack_mask(cpu), sp = (cpu->gpr[R_ESP] - bits / 8) & mask; \
        void *host = host_write(cpu, R_SS, sp, bits / 8);                          \
        check_target##bits(cpu, target);                                           \
        if (unlikely(!host)) {                                                     \
            call_slow##bits(cpu, target);                                          \
            return;                                                                \
        }                                                                          \
        memcpy(host, &back, sizeof(back));                                         \
        set_sp(cpu, sp, mask);                                                     \
        cpu->eip = target;                                                         \
    }                                                                              \
    COLD return_slow##bits(CPUState *cpu, uint16_t release)                        \
    {                                                                              \
        uint64_t mask = stack_mask(cpu), sp = cpu->gpr[R_ESP] & mask;              \
        uint##bits##_t target = seg_ld##bits(cpu, R_SS, sp);                       \
        check_target##bits(cpu, target);                                           \
        set_sp(cpu, sp + bits / 8 + release, mask);                                \
        cpu->eip = target;                                                         \
    }                                                                              \
    static inline void return_near##bits(CPUState *cpu, uint16_t release)          \
    {                                                                              \
        uint64_t mask = stack_mask(cpu), sp = cpu->gpr[R_ESP] & mask;              \
        const void *host = host_read(cpu, R_SS, sp, bits / 8);                     \
        if (unlikely(!host)) {                                                     \
            return_slow##bits(cpu, release);                                       \
            return;                                                                \
        }                                                                          \
        uint##bits##_t target;                                                     \
        memcpy(&target, host, sizeof(target));                                     \
        check_target##bits(cpu, target);                                           \
        set_sp(cpu, sp + bits / 8 + release, mask);                                \
        cpu->eip = target;                                                         \
    }                                                                              \
    static void call_##bits(CPUState *cpu, const DecodedInsn *d)                   \
    {                                                                              \
        call_to##bits(cpu, (uint##bits##_t)(cpu->eip + d->imm));                   \
    }                                                                              \
    static void jmp_E_reg##bits(CPUState *cpu, const DecodedInsn *d)               \
    {                                                                              \
        jump_to##bits(cpu, reg##bits(cpu, d->rm));                                 \
    }                                                                              \
    static void jmp_E_mem##bits(CPUState *cpu, const DecodedInsn *d)               \
    {                                                                              \
        jump_to##bits(cpu, operand_ld##bits(cpu, d));                              \
    }                                                                              \
    static void call_E_reg##bits(CPUState *cpu, const DecodedInsn *d)              \
    {                                                                              \
        call_to##bits(cpu, reg##bits(cpu, d->rm));                                 \
    }                                                                              \
    static void call_E_mem##bits(CPUState *cpu, const DecodedInsn *d)              \
    {                                                                              \
        call_to##bits(cpu, operand_ld##bits(cpu, d));                              \
    }                                                                              \
    static void ret_##bits(CPUState *cpu, const DecodedInsn *d)                    \
    {                                                                              \
        (void)d;                                                                   \
        return_near##bits(cpu, 0);                                                 \
    }                                                                              \
    static void ret_I_##bits(CPUState *cpu, const DecodedInsn *d)                  \
    {                                                                              \
        return_near##bits(cpu, (uint16_t)d->imm);                                  \
    }
FOR_SIZES(NEAR_DEFINE)
SET_PLAIN(jcxz_Jb, jcxz)
SET_PLAIN(jmp_J, jmp)
SET_PLAIN(call_Jz, call)
SET_SIZED(jmp_Ev, jmp_E)
SET_SIZED(call_Ev, call_E)
SET_PLAIN(ret_near, ret)
SET_PLAIN(ret_near_Iw, ret_I)
