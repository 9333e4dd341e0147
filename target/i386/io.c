/*
 * target/i386/io.c  IN, OUT, INS, OUTS and the permission to use ports. SDM volume 1 chapter 18; volume 2.
 *
 * A repeated INS or OUTS goes on within one call as long as nothing asks for attention: a rule on machine state alone,
 * so that every engine stops at the same elements. Each element counts one instruction; a fault leaves the ones before
 * done.
 */
#include "target/i386/debug.h"
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"

#define TSS_IO_BASE     0x66
#define TSS32_MIN_LIMIT 0x67

/* Bits [port, port+size) of the TSS's bitmap, which is read two bytes at a time; beyond its limit means "no". */
static bool io_bitmap_allows(CPUState *cpu, uint16_t port, unsigned size)
{
    const SegmentCache *tr = &cpu->seg[R_TR];
    if (tr->null || !(tr->attr & SYS_32) || tr->limit < TSS32_MIN_LIMIT) {
        return false;
    }
    uint32_t offset = cpu_ld16_kernel(cpu, table_address(cpu, tr->base, TSS_IO_BASE)) + port / 8u;
    if (offset + 1 > tr->limit) {
        return false;
    }
    uint32_t bits = cpu_ld16_kernel(cpu, table_address(cpu, tr->base, offset));
    return !(bits >> (port & 7) & ((1u << size) - 1));
}

void cpu_check_io(CPUState *cpu, uint16_t port, unsigned size)
{
    bool by_bitmap = (cpu->cr0 & CR0_PE) && (cpu->cpl > cpu_iopl(cpu) || cpu_v86(cpu));
    if (by_bitmap && !io_bitmap_allows(cpu, port, size)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

static uint32_t port_read(CPUState *cpu, uint16_t port, unsigned size)
{
    cpu_interrupt_point(cpu);
    uint32_t value = address_space_ld(&address_space_io, port, size);
    cpu_check_io_breakpoint(cpu, port, size);
    return value;
}

static void port_write(CPUState *cpu, uint16_t port, uint32_t value, unsigned size)
{
    cpu_interrupt_point(cpu);
    address_space_st(&address_space_io, port, value, size);
    cpu_check_io_breakpoint(cpu, port, size);
}

uint32_t cpu_in(CPUState *cpu, uint16_t port, unsigned size)
{
    cpu_check_io(cpu, port, size);
    return port_read(cpu, port, size);
}

void cpu_out(CPUState *cpu, uint16_t port, uint32_t value, unsigned size)
{
    cpu_check_io(cpu, port, size);
    port_write(cpu, port, value, size);
}

/* Ports take at most four bytes, also with REX.W. */
static unsigned port_size(const DecodedInsn *d)
{
    return MIN(insn_op_bytes(d), 4u);
}

/* ---- IN, OUT ---- */

static void in_to_acc(CPUState *cpu, const DecodedInsn *d, uint16_t port)
{
    unsigned size = port_size(d);
    uint32_t value = cpu_in(cpu, port, size);
    if (size == 1) {
        set_reg8(cpu, R_EAX, value);
    } else if (size == 2) {
        set_reg16(cpu, R_EAX, value);
    } else {
        set_reg32(cpu, R_EAX, value);
    }
}

static void out_from_acc(CPUState *cpu, const DecodedInsn *d, uint16_t port)
{
    unsigned size = port_size(d);
    uint32_t value = reg32(cpu, R_EAX);
    cpu_out(cpu, port, size == 4 ? value : value & ((1u << 8 * size) - 1), size);
}

static void in_imm(CPUState *cpu, const DecodedInsn *d)
{
    in_to_acc(cpu, d, d->imm & 0xff);
}

static void in_dx(CPUState *cpu, const DecodedInsn *d)
{
    in_to_acc(cpu, d, reg16(cpu, R_EDX));
}

static void out_imm(CPUState *cpu, const DecodedInsn *d)
{
    out_from_acc(cpu, d, d->imm & 0xff);
}

static void out_dx(CPUState *cpu, const DecodedInsn *d)
{
    out_from_acc(cpu, d, reg16(cpu, R_EDX));
}

/* ---- INS, OUTS ---- */

static void set_addr_reg(CPUState *cpu, unsigned reg, uint64_t value, uint64_t mask)
{
    if (mask == 0xffff) {
        set_reg16(cpu, reg, value);
    } else {
        cpu->gpr[reg] = value & mask;
    }
}

static void advance(CPUState *cpu, const DecodedInsn *d, unsigned reg)
{
    set_addr_reg(cpu, reg, cpu->gpr[reg] + (int64_t)cpu->df * (int64_t)port_size(d), d->ea_mask);
}

/* Memory is checked before the port is read: what a port gives cannot be given back. */
static void ins_element(CPUState *cpu, const DecodedInsn *d)
{
    unsigned size = port_size(d);
    uint16_t port = reg16(cpu, R_EDX);
    cpu_check_io(cpu, port, size);
    uint64_t la = seg_write_address(cpu, R_ES, cpu->gpr[R_EDI] & d->ea_mask, size);
    cpu_probe(cpu, la, size, ACCESS_WRITE, cpu->mmu_mode);
    uint32_t value = port_read(cpu, port, size);
    if (size == 1) {
        cpu_st8(cpu, la, value);
    } else if (size == 2) {
        cpu_st16(cpu, la, value);
    } else {
        cpu_st32(cpu, la, value);
    }
    advance(cpu, d, R_EDI);
}

static void outs_element(CPUState *cpu, const DecodedInsn *d)
{
    unsigned size = port_size(d);
    uint16_t port = reg16(cpu, R_EDX);
    uint64_t offset = cpu->gpr[R_ESI] & d->ea_mask;
    cpu_check_io(cpu, port, size);
    uint32_t value = size == 1   ? seg_ld8(cpu, d->seg, offset)
                     : size == 2 ? seg_ld16(cpu, d->seg, offset)
                                 : seg_ld32(cpu, d->seg, offset);
    port_write(cpu, port, value, size);
    advance(cpu, d, R_ESI);
}

/* May the next element follow at once? limit: icount_limit at the start; a device that needs attention lowers it. */
static bool may_continue(CPUState *cpu, int64_t limit)
{
    return cpu->icount + 1 < limit && cpu->icount_limit == limit && !cpu->pending_db && !cpu->int_shadow &&
           !(cpu->eflags & TF_MASK) && !g_atomic_int_get(&cpu->exit_request) && !cpu_has_interrupt(cpu);
}

static void repeat(CPUState *cpu, const DecodedInsn *d, void (*element)(CPUState *, const DecodedInsn *))
{
    int64_t limit = cpu->icount_limit;
    if (!(d->prefix & (PREFIX_REP | PREFIX_REPNE))) {
        element(cpu, d);
        return;
    }
    while (cpu->gpr[R_ECX] & d->ea_mask) {
        element(cpu, d);
        set_addr_reg(cpu, R_ECX, cpu->gpr[R_ECX] - 1, d->ea_mask);
        if (!(cpu->gpr[R_ECX] & d->ea_mask)) {
            return;
        }
        if (!may_continue(cpu, limit)) {
            cpu->eip = cpu->insn_ip;
            return;
        }
        cpu->icount++;
    }
}

static void ins_insn(CPUState *cpu, const DecodedInsn *d)
{
    repeat(cpu, d, ins_element);
}

static void outs_insn(CPUState *cpu, const DecodedInsn *d)
{
    repeat(cpu, d, outs_element);
}

const InsnHandlers in_imm_port = HANDLERS_ALL(in_imm);
const InsnHandlers in_dx_port = HANDLERS_ALL(in_dx);
const InsnHandlers out_imm_port = HANDLERS_ALL(out_imm);
const InsnHandlers out_dx_port = HANDLERS_ALL(out_dx);
const InsnHandlers ins_Y_DX = HANDLERS_ALL(ins_insn);
const InsnHandlers outs_DX_X = HANDLERS_ALL(outs_insn);
