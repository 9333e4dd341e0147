/*
 * hw/i386/aml-build.h  A small writer of ACPI machine language (ACPI 6.4, chapter 20). Implemented in aml-build.c.
 *
 * Everything appends to one byte array. Objects with a body are opened by a function that returns a mark, and closed by
 * aml_end(), which puts the package length in front of what was written since.
 */
#ifndef HW_I386_AML_BUILD_H
#define HW_I386_AML_BUILD_H

#include "util/osdep.h"

typedef GByteArray Aml;
typedef guint AmlMark;

void aml_bytes(Aml *a, const void *data, size_t len);
void aml_byte(Aml *a, uint8_t v);
void aml_word(Aml *a, uint16_t v);
void aml_dword(Aml *a, uint32_t v);

/* "\\_SB.PCI0", "_HID", "LNKA": segments shorter than four are padded. */
void aml_path(Aml *a, const char *path);
void aml_int(Aml *a, uint64_t value);
void aml_string(Aml *a, const char *text);
void aml_eisaid(Aml *a, const char *id); /* "PNP0A03" */

AmlMark aml_scope(Aml *a, const char *path);
AmlMark aml_device(Aml *a, const char *name);
AmlMark aml_method(Aml *a, const char *name, uint8_t args);
AmlMark aml_package(Aml *a, uint8_t elements);
AmlMark aml_if(Aml *a);                        /* the predicate follows */
AmlMark aml_field(Aml *a, const char *region); /* byte access, no lock, preserve */
void aml_end(Aml *a, AmlMark mark);

/* Name (name, ...): the object follows. */
void aml_name(Aml *a, const char *name);
void aml_name_int(Aml *a, const char *name, uint64_t value);
void aml_name_eisaid(Aml *a, const char *name, const char *id);
void aml_field_unit(Aml *a, const char *name, unsigned bits);
void aml_pci_config_region(Aml *a, const char *name, uint8_t offset, uint8_t len);
void aml_processor(Aml *a, const char *name, uint8_t id);
void aml_return(Aml *a); /* the value follows */

/* Resource template: descriptors between begin and end. */
AmlMark aml_resources(Aml *a);
void aml_resources_end(Aml *a, AmlMark mark);
void aml_res_io(Aml *a, uint16_t base, uint8_t len);
void aml_res_irq(Aml *a, uint8_t irq);                                /* ISA: edge, active high, exclusive */
void aml_res_interrupts(Aml *a, const uint32_t *irqs, uint8_t count); /* level, active high, shared */
void aml_res_memory32_fixed(Aml *a, uint32_t base, uint32_t len);
void aml_res_bus(Aml *a, uint16_t first, uint16_t last);
void aml_res_io_window(Aml *a, uint16_t first, uint16_t last);
void aml_res_memory_window(Aml *a, uint32_t first, uint32_t last, bool cacheable);

#endif
