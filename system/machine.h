/* system/machine.h  From options to the machine; and the parts of that which have a file of their own. */
#ifndef SYSTEM_MACHINE_H
#define SYSTEM_MACHINE_H

#include "hw/i386/pc.h"

/* Build all that opts asks for. -icount is configured before. A mistake of the user's ends the process. */
void machine_build(void);

/* system/consoles.c, in the order of their calls: */
void create_chardevs(void);          /* -chardev */
void create_ports(PCConfig *config); /* -serial and -parallel, for the board */
void create_debugcon(void);          /* a device on the board */
void create_monitors(void);          /* last: commands find the whole machine */

#endif
