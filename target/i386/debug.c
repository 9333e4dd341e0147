/*
 * target/i386/debug.c  Debug registers DR0-DR7 and what they watch. SDM 3B, chapter 18.2.
 *
 * Data breakpoints cost nothing while none is set: a watched page has no fast TLB tag, so that its accesses come to
 * tlb.c's slow path, which asks here. Breakpoints of the debugger outside the guest are not these.
 */
#include "target/i386/debug.h"

/* R/W field of DR7 */
enum { DR_EXECUTE, DR_WRITE, DR_IO, DR_READ_WRITE };

static bool dr_enabled(const CPUState *cpu, int n)
{
    return (cpu->dr[7] >> (2 * n)) & 3;
}

static unsigned dr_type(const CPUState *cpu, int n)
{
    return (cpu->dr[7] >> (16 + 4 * n)) & 3;
}

/* Bytes: LEN 00 one, 01 two, 11 four, 10 eight. */
static unsigned dr_length(const CPUState *cpu, int n)
{
    static const uint8_t bytes[4] = { 1, 2, 8, 4 };
    return bytes[(cpu->dr[7] >> (18 + 4 * n)) & 3];
}

static bool dr_watches_data(const CPUState *cpu, int n, bool write)
{
    unsigned type = dr_type(cpu, n);
    return dr_enabled(cpu, n) && (type == DR_READ_WRITE || (type == DR_WRITE && write));
}

/* Do [la, la+size) and the breakpoint's naturally aligned range overlap? */
static bool dr_overlaps(const CPUState *cpu, int n, uint64_t la, unsigned size)
{
    unsigned length = dr_length(cpu, n);
    uint64_t start = cpu->dr[n] & ~(uint64_t)(length - 1);
    return la - start < length || start - la < size;
}

static void debug_hit(CPUState *cpu, uint32_t dr6_bits)
{
    if (dr6_bits) {
        cpu->pending_db |= dr6_bits;
        cpu_end_block(cpu);
    }
}

bool cpu_page_watched(const CPUState *cpu, uint64_t page, bool write)
{
    for (int n = 0; n < 4; n++) {
        if (dr_watches_data(cpu, n, write) && ((cpu->dr[n] ^ page) & PAGE_MASK) == 0) {
            return true;
        }
    }
    return false;
}

void cpu_check_watchpoints(CPUState *cpu, uint64_t la, unsigned size, bool write)
{
    uint32_t hit = 0;
    if (!(cpu->dr[7] & 0xff)) {
        return;
    }
    for (int n = 0; n < 4; n++) {
        if (dr_watches_data(cpu, n, write) && dr_overlaps(cpu, n, la, size)) {
            hit |= 1u << n;
        }
    }
    debug_hit(cpu, hit);
}

void cpu_check_io_breakpoint(CPUState *cpu, uint16_t port, unsigned size)
{
    uint32_t hit = 0;
    if (!(cpu->cr4 & CR4_DE) || !(cpu->dr[7] & 0xff)) {
        return;
    }
    for (int n = 0; n < 4; n++) {
        if (dr_enabled(cpu, n) && dr_type(cpu, n) == DR_IO && dr_overlaps(cpu, n, port, size)) {
            hit |= 1u << n;
        }
    }
    debug_hit(cpu, hit);
}

uint32_t cpu_insn_breakpoints(const CPUState *cpu, uint64_t la)
{
    uint32_t hit = 0;
    for (int n = 0; n < 4; n++) {
        if (dr_enabled(cpu, n) && dr_type(cpu, n) == DR_EXECUTE && cpu->dr[n] == la) {
            hit |= 1u << n;
        }
    }
    return hit;
}

void cpu_check_insn_breakpoint(CPUState *cpu)
{
    uint64_t la = (cpu->seg[R_CS].linear_base + cpu->eip) & cpu->linear_mask;
    uint32_t hit = cpu_insn_breakpoints(cpu, la);
    if (hit && !(cpu->eflags & RF_MASK)) {
        cpu->insn_ip = cpu->eip;
        cpu->dr[6] |= hit;
        cpu_raise_noerr(cpu, EXCP_DB);
    }
}

void cpu_debug_derive(CPUState *cpu)
{
    cpu->has_breakpoints = false;
    for (int n = 0; n < 4; n++) {
        cpu->has_breakpoints |= dr_enabled(cpu, n) && dr_type(cpu, n) == DR_EXECUTE;
    }
    tlb_rederive(cpu);
    cpu_end_block(cpu);
}

static uint64_t dr_fixed_bits(int n, uint64_t value)
{
    if (n == 6) {
        return (value & DR6_WRITABLE) | DR6_FIXED_1;
    }
    if (n == 7) {
        return (value & DR7_WRITABLE) | DR7_FIXED_1;
    }
    return value;
}

/* DR4 and DR5 mean DR6 and DR7; that CR4.DE forbids them, and DR7.GD, are checked by the instruction. */
void cpu_set_dr(CPUState *cpu, int n, uint64_t value)
{
    if (n == 4 || n == 5) {
        n += 2;
    }
    if (n >= 6 && value >> 32) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    value = dr_fixed_bits(n, value);
    bool same = cpu->dr[n] == value;
    cpu->dr[n] = value;
    if (!same && n != 6 && (n == 7 || dr_enabled(cpu, n))) {
        cpu_debug_derive(cpu);
    }
}
