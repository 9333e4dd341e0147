/*
 * tests/cpu/machine-stubs.h  What a whole processor (@cpu) asks of the machine around it, for tests that have no
 * machine: no replay, no local APIC, a clock that stands still. The includer says which engine runs (current_engine()).
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
void cpus_kick(void)
{
}
int64_t qemu_clock_get_ns(QEMUClockType type)
{
    return 0;
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
