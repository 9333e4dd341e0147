/*
 * tests/cpu/machine-stubs.h  What a whole processor (@cpu) asks of the machine around it, for tests that have no
 * machine: no replay, no local APIC, a clock that stands still or counts instructions. The includer says which engine runs (current_engine()).
 */
#ifndef TESTS_CPU_MACHINE_STUBS_H
#define TESTS_CPU_MACHINE_STUBS_H

#include "accel/engine.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "sysemu/runstate.h"
#include "target/i386/access.h"
#include "target/i386/insn.h"
#include "util/timer.h"

void qemu_system_reset_request(ShutdownCause cause)
{
#ifdef MACHINE_MAY_RESET
    (void)cause;
#else
    g_error("triple fault, cause %d", cause);
#endif
}
void replay_exception(void)
{
}
void replay_interrupt(void)
{
}
void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque)
{
}
uint64_t vmstate_digest_object(const VMStateDescription *vmsd, void *opaque)
{
    return 0;
}
void cpus_kick_for_interrupt(void)
{
}
void cpus_kick(void)
{
}
/* The clock stands still, unless it belongs to this CPU's instructions. */
static CPUState *machine_clock_cpu;
bool qemu_clock_virtual_line(uint64_t *ns_per_insn, uint64_t *ns_at_0)
{
    *ns_per_insn = 8;
    *ns_at_0 = 123456789012345;
    return machine_clock_cpu != NULL;
}
int64_t qemu_clock_get_ns(QEMUClockType type)
{
    uint64_t ns_per_insn, ns_at_0;
    bool moves = qemu_clock_virtual_line(&ns_per_insn, &ns_at_0);
    return moves ? machine_clock_cpu->icount * (int64_t)ns_per_insn + (int64_t)ns_at_0 : 0;
}
#define NO_APIC(name)                         \
    void name(void)                           \
    {                                         \
        g_error("%s without an APIC", #name); \
    }
NO_APIC(apic_get_base)
NO_APIC(apic_get_tpr)
NO_APIC(apic_set_tpr)
NO_APIC(apic_get_tsc_deadline)
NO_APIC(apic_msr_read)
NO_APIC(apic_msr_write)
NO_APIC(apic_reset_on_init)
NO_APIC(apic_set_base)
NO_APIC(apic_set_tsc_deadline)

#endif
