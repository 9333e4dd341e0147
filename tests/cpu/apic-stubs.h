/*
 * tests/cpu/apic-stubs.h  A local APIC that is its base register, and its MSRs, each of which reads as its own number.
 */
#ifndef TESTS_CPU_APIC_STUBS_H
#define TESTS_CPU_APIC_STUBS_H

#include "hw/intc/intc.h"

#define STUB_APIC_RESET_BASE 0xfee00900

static uint64_t stub_apic_base = STUB_APIC_RESET_BASE;

uint64_t apic_get_base(Device *apic)
{
    (void)apic;
    return stub_apic_base;
}

/* The low byte is reserved. */
bool apic_set_base(Device *apic, uint64_t value)
{
    (void)apic;
    stub_apic_base = value;
    return !(value & 0xff);
}

void apic_reset_on_init(Device *apic)
{
    (void)apic;
    stub_apic_base = STUB_APIC_RESET_BASE;
}

bool apic_msr_read(Device *apic, uint32_t reg, uint64_t *value)
{
    (void)apic;
    *value = reg;
    return true;
}

bool apic_msr_write(Device *apic, uint32_t reg, uint64_t value)
{
    (void)apic;
    return reg == value;
}

uint64_t apic_get_tsc_deadline(Device *apic)
{
    (void)apic;
    return 0;
}

void apic_set_tsc_deadline(Device *apic, uint64_t tsc)
{
    (void)apic;
    (void)tsc;
}

#endif
