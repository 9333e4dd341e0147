/*
 * pc-bios/linuxboot.S  Option ROM that starts a Linux kernel given with -kernel.
 *
 * A PnP option ROM (PnP BIOS Specification 1.0a, section 3) with a bootstrap entry vector. Firmware finds it as fw_cfg
 * file genroms/linuxboot.bin, runs init, and calls boot when its turn in the boot order comes. boot lets fw_cfg's DMA copy the
 * setup code, the command line, the kernel and the initrd to where hw/i386/linuxboot.c wants them, then enters the setup
 * code as Documentation/x86/boot.rst asks ("Running the kernel").
 *
 * Assembled into the emulator's read-only data as is; hw/i386/linuxboot.c fills in the length and the checksums.
 * All references are relative to the ROM's first byte: it runs at any segment, IP 0.
 */
#include "boot-rom.h"

/* Keys of include/hw/nvram/fw_cfg.h: address, size and data of each piece. */
#define KERNEL_ADDR  0x07
#define KERNEL_SIZE  0x08
#define KERNEL_DATA  0x11
#define INITRD_ADDR  0x0a
#define INITRD_SIZE  0x0b
#define INITRD_DATA  0x12
#define CMDLINE_ADDR 0x13
#define CMDLINE_SIZE 0x14
#define CMDLINE_DATA 0x15
#define SETUP_ADDR   0x16
#define SETUP_SIZE   0x17
#define SETUP_DATA   0x18

/* SP for the setup code, in its own segment: under the command line. */
#define SETUP_STACK 0xfff0

    ROM_START linuxboot, "Linux loader"
    movw $SETUP_ADDR, %bx
    movl $SETUP_DATA, %edx
    call load
    movw $CMDLINE_ADDR, %bx
    movl $CMDLINE_DATA, %edx
    call load
    movw $KERNEL_ADDR, %bx
    movl $KERNEL_DATA, %edx
    call load
    movw $INITRD_ADDR, %bx
    movl $INITRD_DATA, %edx
    call load

    /* All segments are the setup code's; control goes to its second sector. Interrupts stay off. */
    movw $SETUP_ADDR, %ax
    call read_u32
    shrl $4, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl $SETUP_STACK, %esp
    addw $0x20, %ax
    pushw %ax
    pushw $0
    xorl %eax, %eax
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %ebp, %ebp
    lretw

/* Copy one piece. BX: key of its address (that of its size is BX + 1); EDX: key of its data. ES = DS = 0. */
load:
    movw %bx, %ax
    call read_u32
    movl %eax, %esi             /* address */
    leaw 1(%bx), %ax
    call read_u32
    testl %eax, %eax
    jz 1f
    shll $16, %edx
    orl $DMA_SELECT_READ, %edx
    call fetch
1:  ret

    ROM_ROUTINES
    ROM_END linuxboot
