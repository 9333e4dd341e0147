/*
 * target/i386/int-common.h  What the integer handlers (int-*.c) share: memory operands, read-modify-write, the stack, near
 * branch targets, and how handlers are put into sets by form and size.
 */
#ifndef TARGET_I386_INT_COMMON_H
#define TARGET_I386_INT_COMMON_H

#include "target/i386/access.h"
#include "target/i386/flags.h"
#include "target/i386/handlers-int.h"
#include "target/i386/insn.h"

/* ---- handler sets: `name_reg8`, `name_mem32`... -> InsnHandlers. Byte rows have one handler whatever op_size says. ---- */
#define SET_BYTE(set, name)                                                              \
    const InsnHandlers set = { { { name##_reg8, name##_reg8, name##_reg8, name##_reg8 }, \
                                 { name##_mem8, name##_mem8, name##_mem8, name##_mem8 } } };
#define SET_SIZED(set, name)                                                         \
    const InsnHandlers set = { { { NULL, name##_reg16, name##_reg32, name##_reg64 }, \
                                 { NULL, name##_mem16, name##_mem32, name##_mem64 } } };
/* No ModRM operand, or only one form exists: `name_16`... in both rows. */
#define SET_PLAIN(set, name) \
    const InsnHandlers set = { { { NULL, name##_16, name##_32, name##_64 }, { NULL, name##_16, name##_32, name##_64 } } };
#define SET_ONE(set, function) const InsnHandlers set = HANDLERS_ALL(function);

#define FOR_SIZES(X) X(16) X(32) X(64)
#define FOR_ALL_SIZES(X) X(8) X(16) X(32) X(64)

/* ---- memory operand E ---- */
#define OPERAND_DEFINE(bits)                                                                   \
    static inline uint##bits##_t operand_ld##bits(CPUState *cpu, const DecodedInsn *d)         \
    {                                                                                          \
        return seg_ld##bits(cpu, d->seg, insn_ea(cpu, d));                                     \
    }                                                                                          \
    static inline void operand_st##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v) \
    {                                                                                          \
        seg_st##bits(cpu, d->seg, insn_ea(cpu, d), v);                                         \
    }
FOR_ALL_SIZES(OPERAND_DEFINE)

/* RAM behind a logical address, or NULL: then the general way. */
static inline const void *host_read(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    return seg_host_address(cpu, &cpu->seg[seg], offset, size, false);
}
static inline void *host_write(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    return seg_host_address(cpu, &cpu->seg[seg], offset, size, true);
}

/*
 * Read-modify-write, the general way: after rmw_open_at() neither the load nor the store can fault, and a page without write
 * permission has faulted as a write.
 */
static inline uint64_t rmw_open_at(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    uint64_t la = seg_write_address(cpu, seg, offset, size);

    cpu_probe(cpu, la, size, ACCESS_WRITE, cpu->mmu_mode);
    return la;
}

/*
 * Handlers with a memory operand, in two bodies: on plain RAM straight through a host pointer, with no call and so no stack
 * frame; anything else through the general access functions, out of line.
 *
 *   LOAD_HANDLER(name, bits, statement)     statement sees the operand as v
 *   STORE_HANDLER(name, bits, value)        the operand gets value
 *   RMW_HANDLER(name, bits, ea, statement)  statement sees the operand at ea as a and leaves the new one in r; it
 *                                           may change flags and registers: nothing faults after it
 * All see cpu and d.
 */
#define COLD static __attribute__((cold, noinline)) void

#define LOAD_HANDLER(name, bits, statement)                                                \
    static inline void name##_value(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v) \
    {                                                                                      \
        statement;                                                                         \
    }                                                                                      \
    COLD name##_slow(CPUState *cpu, const DecodedInsn *d)                                  \
    {                                                                                      \
        name##_value(cpu, d, operand_ld##bits(cpu, d));                                    \
    }                                                                                      \
    static void name(CPUState *cpu, const DecodedInsn *d)                                  \
    {                                                                                      \
        const void *host = host_read(cpu, d->seg, insn_ea(cpu, d), bits / 8);              \
        if (unlikely(!host)) {                                                             \
            name##_slow(cpu, d);                                                           \
            return;                                                                        \
        }                                                                                  \
        uint##bits##_t v;                                                                  \
        memcpy(&v, host, sizeof(v));                                                       \
        name##_value(cpu, d, v);                                                           \
    }

#define STORE_HANDLER(name, bits, value)                                 \
    COLD name##_slow(CPUState *cpu, const DecodedInsn *d)                \
    {                                                                    \
        operand_st##bits(cpu, d, value);                                 \
    }                                                                    \
    static void name(CPUState *cpu, const DecodedInsn *d)                \
    {                                                                    \
        void *host = host_write(cpu, d->seg, insn_ea(cpu, d), bits / 8); \
        if (unlikely(!host)) {                                           \
            name##_slow(cpu, d);                                         \
            return;                                                      \
        }                                                                \
        uint##bits##_t v = value;                                        \
        memcpy(host, &v, sizeof(v));                                     \
    }

#define RMW_HANDLER(name, bits, ea, statement)                                                       \
    static inline uint##bits##_t name##_value(CPUState *cpu, const DecodedInsn *d, uint##bits##_t a) \
    {                                                                                                \
        uint##bits##_t r;                                                                            \
        (void)d;                                                                                     \
        (void)cpu;                                                                                   \
        statement;                                                                                   \
        return r;                                                                                    \
    }                                                                                                \
    COLD name##_slow(CPUState *cpu, const DecodedInsn *d)                                            \
    {                                                                                                \
        uint64_t la = rmw_open_at(cpu, d->seg, ea, bits / 8);                                        \
        uint##bits##_t a = cpu_ld##bits(cpu, la);                                                    \
        cpu_st##bits(cpu, la, name##_value(cpu, d, a));                                              \
    }                                                                                                \
    static void name(CPUState *cpu, const DecodedInsn *d)                                            \
    {                                                                                                \
        void *host = host_write(cpu, d->seg, ea, bits / 8);                                          \
        if (unlikely(!host)) {                                                                       \
            name##_slow(cpu, d);                                                                     \
            return;                                                                                  \
        }                                                                                            \
        uint##bits##_t v;                                                                            \
        memcpy(&v, host, sizeof(v));                                                                 \
        v = name##_value(cpu, d, v);                                                                 \
        memcpy(host, &v, sizeof(v));                                                                 \
    }

/* ---- address-size registers: CX/ECX/RCX and friends ---- */
static inline uint64_t addr_mask(const DecodedInsn *d)
{
    return d->addr_size == 1 ? 0xffff : d->addr_size == 2 ? 0xffffffffu : ~0ull;
}
static inline uint64_t addr_reg(const CPUState *cpu, const DecodedInsn *d, unsigned r)
{
    return cpu->gpr[r] & addr_mask(d);
}
static inline void set_addr_reg(CPUState *cpu, const DecodedInsn *d, unsigned r, uint64_t v)
{
    if (unlikely(d->addr_size == 1)) {
        set_reg16(cpu, r, v);
    } else {
        cpu->gpr[r] = v & addr_mask(d);
    }
}

/* ---- stack: SP, ESP or RSP by the stack segment ---- */
static inline uint64_t stack_mask(const CPUState *cpu)
{
    if (unlikely(cpu->mode & MODE_SS64)) {
        return ~0ull;
    }
    return likely(cpu->mode & MODE_SS32) ? 0xffffffffu : 0xffff;
}
static inline void set_sp(CPUState *cpu, uint64_t sp, uint64_t mask)
{
    if (unlikely(mask == 0xffff)) {
        set_reg16(cpu, R_ESP, sp);
    } else {
        cpu->gpr[R_ESP] = sp & mask;
    }
}
#define STACK_DEFINE(bits)                                                          \
    COLD push_slow##bits(CPUState *cpu, uint##bits##_t v)                           \
    {                                                                               \
        uint64_t mask = stack_mask(cpu), sp = (cpu->gpr[R_ESP] - sizeof(v)) & mask; \
        seg_st##bits(cpu, R_SS, sp, v);                                             \
        set_sp(cpu, sp, mask);                                                      \
    }                                                                               \
    static inline void push##bits(CPUState *cpu, uint##bits##_t v)                  \
    {                                                                               \
        uint64_t mask = stack_mask(cpu), sp = (cpu->gpr[R_ESP] - sizeof(v)) & mask; \
        void *host = host_write(cpu, R_SS, sp, sizeof(v));                          \
        if (unlikely(!host)) {                                                      \
            push_slow##bits(cpu, v);                                                \
            return;                                                                 \
        }                                                                           \
        memcpy(host, &v, sizeof(v));                                                \
        set_sp(cpu, sp, mask);                                                      \
    }                                                                               \
    static inline uint##bits##_t pop##bits(CPUState *cpu)                           \
    {                                                                               \
        uint64_t mask = stack_mask(cpu), sp = cpu->gpr[R_ESP] & mask;               \
        uint##bits##_t v = seg_ld##bits(cpu, R_SS, sp);                             \
        set_sp(cpu, sp + sizeof(v), mask);                                          \
        return v;                                                                   \
    }
FOR_SIZES(STACK_DEFINE)

/* ---- near branch targets: #GP(0) before anything changes when outside CS or not canonical ---- */
static inline void check_target16(CPUState *cpu, uint64_t target)
{
    if (unlikely(target > cpu->seg[R_CS].limit)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}
static inline void check_target32(CPUState *cpu, uint64_t target)
{
    check_target16(cpu, target);
}
static inline void check_target64(CPUState *cpu, uint64_t target)
{
    if (unlikely(!address_is_canonical(target))) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}
#define RELATIVE_DEFINE(bits)                                                        \
    static inline uint##bits##_t relative##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                                \
        uint##bits##_t target = (uint##bits##_t)(cpu->eip + d->imm);                 \
        check_target##bits(cpu, target);                                             \
        return target;                                                               \
    }
FOR_SIZES(RELATIVE_DEFINE)

#endif
