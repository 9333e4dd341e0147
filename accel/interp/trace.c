/*
 * accel/interp/trace.c  What -d in_asm, exec, cpu, int and guest_errors write. The lines are QEMU's, with the
 * instruction count where QEMU has a host address, so that two runs of the same recording can be compared.
 */
#include "accel/interp/trace.h"

#include "accel/interp/fetch.h"
#include "target/i386/access.h"
#include "target/i386/cpu-log.h"
#include "target/i386/disas.h"
#include "util/log.h"

#define BYTES_PER_LINE 8

static int address_digits(const CPUState *cpu)
{
    return cpu_long_mode(cpu) ? 16 : 8;
}

static uint64_t linear_pc(const CPUState *cpu)
{
    return fetch_linear(cpu, cpu->eip);
}

/* ---- state ---- */

/* FPU and SSE registers are the last part of the dump; they begin with FCW. */
static void print_state_line(void *opaque, const char *line)
{
    bool *in_fpu = opaque;
    *in_fpu |= g_str_has_prefix(line, "FCW=");
    if (!*in_fpu || log_enabled(LOG_FPU)) {
        log_printf("%s\n", line);
    }
}

static void print_state(CPUState *cpu)
{
    bool in_fpu = false;
    cpu_dump_state(cpu, print_state_line, &in_fpu);
}

/* ---- in_asm ---- */

/* The bytes that were decoded; of a block that is not kept, and so is one instruction, what memory holds. */
static size_t block_bytes(CPUState *cpu, const Block *block, uint8_t *bytes)
{
    size_t len = 0;
    for (unsigned i = 0; i < block->nb_spans; i++) {
        memcpy(bytes + len, ram_base + block->span[i].addr, block->span[i].len);
        len += block->span[i].len;
    }
    if (!len && cpu_memory_read_debug(cpu, linear_pc(cpu), bytes, block->bytes)) {
        len = block->bytes;
    }
    return len;
}

/* "0x000fe05b:  2e 66 83 3e c8 61 00     cmpl ..."; more than eight bytes go on in the next line. */
static void print_insn(uint64_t addr, const uint8_t *bytes, size_t len, const char *text)
{
    for (size_t i = 0; i < len; i += BYTES_PER_LINE) {
        char hex[3 * BYTES_PER_LINE + 1] = "";
        for (size_t j = i; j < MIN(len, i + BYTES_PER_LINE); j++) {
            snprintf(hex + 3 * (j - i), 4, "%02x ", bytes[j]);
        }
        log_printf("0x%08" PRIx64 ":  %-25s%s\n", addr + i, hex, i ? "" : text);
    }
}

static void block_decoded(CPUState *cpu, const Block *block)
{
    static uint8_t bytes[UINT16_MAX];
    uint64_t addr = linear_pc(cpu);
    if (!log_in_filter(addr)) {
        return;
    }
    size_t len = block_bytes(cpu, block, bytes);
    log_printf("----------------\nIN: \n");
    if (!len) {
        log_printf("0x%08" PRIx64 ":  (not in RAM)\n", addr);
    }
    for (size_t at = 0, insn = 0; at < len && insn < block->count; insn++) {
        char text[DISAS_TEXT_MAX];
        size_t insn_len = block->insn[insn].len; /* ours: the two may disagree about what is no instruction */
        disas_insn(disas_mode(cpu), addr + at, bytes + at, MIN(insn_len, len - at), text);
        print_insn(addr + at, bytes + at, MIN(insn_len, len - at), text);
        at += insn_len;
    }
    log_printf("\n");
}

/* ---- exec, cpu ---- */

static void block_executes(CPUState *cpu, const Block *block)
{
    uint64_t addr = linear_pc(cpu);
    int digits = address_digits(cpu);
    (void)block;
    if (!log_in_filter(addr)) {
        return;
    }
    if (log_enabled(LOG_EXEC)) {
        log_printf("Trace %d: 0x%012" PRIx64 " [%0*" PRIx64 "/%0*" PRIx64 "/%08x] \n", cpu->index,
                   (uint64_t)cpu->icount, digits, cpu->seg[R_CS].base, digits, addr, cpu->mode);
    }
    if (log_enabled(LOG_CPU)) {
        print_state(cpu);
    }
}

/* ---- int ---- */

static void print_event(CPUState *cpu, bool software, int vector, uint32_t error)
{
    static unsigned count;
    int digits = address_digits(cpu);
    log_printf("%6u: v=%02x e=%04x i=%d cpl=%d IP=%04x:%0*" PRIx64 " pc=%0*" PRIx64 " SP=%04x:%0*" PRIx64, count++,
               vector, error, software, cpu->cpl, cpu->seg[R_CS].selector, digits, cpu->insn_ip, digits,
               fetch_linear(cpu, cpu->insn_ip), cpu->seg[R_SS].selector, digits, cpu->gpr[R_ESP]);
    if (vector == EXCP_PF) {
        log_printf(" CR2=%0*" PRIx64 "\n", digits, cpu->cr2);
    } else {
        log_printf(" env->regs[R_EAX]=%0*" PRIx64 "\n", digits, cpu->gpr[R_EAX]);
    }
    print_state(cpu);
}

static void interrupt_event(CPUState *cpu, CPULogKind kind, int vector, uint32_t error)
{
    switch (kind) {
    case CPU_LOG_ACKNOWLEDGED:
        log_printf("Servicing hardware INT=0x%02x\n", vector);
        break;
    case CPU_LOG_SMI:
        log_printf("SMM: enter\n");
        print_state(cpu);
        break;
    case CPU_LOG_SHUTDOWN:
        log_printf("Triple fault\n");
        break;
    default:
        print_event(cpu, kind == CPU_LOG_SOFTWARE, vector, error);
    }
}

/* ---- guest_errors ---- */

static void access_to_nothing(const char *space, hwaddr addr, unsigned size, bool write)
{
    log_guest_error("Invalid %s at %s 0x%" PRIX64 ", size %u, region '(null)', reason: rejected",
                    write ? "write" : "read", space, addr, size);
}

static void unassigned_access(AddressSpace *as, hwaddr addr, unsigned size, bool write)
{
    access_to_nothing(as == &address_space_io ? "port" : "addr", addr, size, write);
}

void trace_install(void)
{
    interp_trace.decoded = log_enabled(LOG_IN_ASM) ? block_decoded : NULL;
    interp_trace.executes = log_enabled(LOG_EXEC | LOG_CPU) ? block_executes : NULL;
    cpu_log_interrupt = log_enabled(LOG_INT) ? interrupt_event : NULL;
    memory_unassigned_hook = log_enabled(LOG_GUEST_ERRORS) ? unassigned_access : NULL;
}
