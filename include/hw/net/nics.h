/* hw/net/nics.h  The network cards. */
#ifndef HW_NET_NICS_H
#define HW_NET_NICS_H

#include "hw/core/device.h"

extern const DeviceType e1000_type;    /* Intel 82540EM, PCI 8086:100e */
extern const DeviceType ne2k_pci_type; /* Realtek RTL8029, PCI 10ec:8029 */
extern const DeviceType rtl8139_type;  /* Realtek RTL8139C+, PCI 10ec:8139 */

#endif
