/* hw/intc/intc.h  Interrupt controllers: two 8259A, IO-APIC 82093AA, local APIC. */
#ifndef HW_INTC_INTC_H
#define HW_INTC_INTC_H

#include "hw/core/device.h"
#include "util/info.h"

struct CPUState;

/* 8259A pair at 20h/A0h (+ELCR 4D0h). Inputs 0..15. Output INTR to `intr`. */
extern const DeviceType i8259_type;
void i8259_connect(Device *pic, IRQLine intr);
void i8259_set_irq(void *pic, int n, int level); /* an IRQHandler */
int i8259_read_irq(Device *pic);                 /* INTA cycle: vector */
bool i8259_pending(Device *pic);
void i8259_info(Device *pic, InfoPrint *print, void *opaque); /* `info pic` */

/* IO-APIC at FEC00000h, 24 inputs. */
extern const DeviceType ioapic_type;
void ioapic_set_irq(void *ioapic, int n, int level); /* an IRQHandler */
void ioapic_eoi_broadcast(int vector);               /* from a local APIC */
void ioapic_info(Device *dev, InfoPrint *print, void *opaque);

/* Local APIC, page at FEE00000h (base by MSR 1Bh). One per CPU. */
extern const DeviceType apic_type;
void apic_connect(Device *apic, struct CPUState *cpu, Device *pic);
void apic_set_pic_intr(void *apic, int n, int level); /* the PIC's INTR on LINT0: an IRQHandler */
void apic_set_nmi(void *apic, int n, int level);      /* LINT1: an IRQHandler */
int apic_get_interrupt(Device *apic); /* accepted vector, or -1: then ask the PIC if apic_accepts_pic() */
bool apic_accepts_pic(Device *apic);
uint64_t apic_get_base(Device *apic);
bool apic_set_base(Device *apic, uint64_t value); /* false: reserved bits, #GP */
uint8_t apic_get_tpr(Device *apic);               /* CR8: bits 7:4 of TPR */
void apic_set_tpr(Device *apic, uint8_t cr8);
/* x2APIC MSRs 800h..; false: #GP. */
bool apic_msr_read(Device *apic, uint32_t reg, uint64_t *value);
bool apic_msr_write(Device *apic, uint32_t reg, uint64_t value);
/* IA32_TSC_DEADLINE */
uint64_t apic_get_tsc_deadline(Device *apic);
void apic_set_tsc_deadline(Device *apic, uint64_t tsc);
void apic_reset_on_init(Device *apic); /* INIT IPI keeps the id */
/* A message from the IO-APIC or MSI. */
void apic_deliver(uint8_t dest, bool logical, uint8_t delivery_mode, uint8_t vector, bool level_trigger);
void apic_msi_write(uint64_t addr, uint32_t data);
void apic_info(Device *apic, InfoPrint *print, void *opaque);

#endif
