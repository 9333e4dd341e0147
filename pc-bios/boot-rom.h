/*
 * pc-bios/boot-rom.h  What the option ROMs that start a kernel have in common: the header, the way in, and fw_cfg.
 *
 * A PnP option ROM (PnP BIOS Specification 1.0a, section 3) with a bootstrap entry vector. hw/i386/boot-rom.c fills in the length and
 * the checksums.
 */
#define FW_CFG_SELECTOR 0x510
#define FW_CFG_DATA     0x511
#define FW_CFG_DMA_LOW  0x518
#define DMA_SELECT_READ 0x0a

/* While loading: stack below 7C00h, the 16-byte DMA command above it. Nothing is loaded there. */
#define STACK_TOP   0x7c00
#define DMA_COMMAND 0x7c00

/* All up to the first own instruction of boot: stack set, DS = ES = 0, interrupts off. */
.macro ROM_START name, product
    .section .rodata
    .code16
    .globl \name\()_rom, \name\()_rom_end
    .balign 16
\name\()_rom:
    .byte 0x55, 0xaa
    .byte 0                     /* length in 512-byte units: filled in */
    jmp init                    /* offset 3 */
    .org \name\()_rom + 0x1a, 0
    .word pnp - \name\()_rom
    .org \name\()_rom + 0x20, 0
pnp:
    .ascii "$PnP"
    .byte 1                     /* revision */
    .byte 2                     /* length in 16-byte units */
    .word 0                     /* next header */
    .byte 0
    .byte 0                     /* checksum: filled in */
    .long 0                     /* device id */
    .word manufacturer - \name\()_rom
    .word product - \name\()_rom
    .byte 0x01, 0x80, 0x00      /* device type: mass storage, other */
    .byte 0x14                  /* may be shadowed, is an initial program load device */
    .word 0                     /* boot connection vector */
    .word 0                     /* disconnect vector */
    .word boot - \name\()_rom              /* bootstrap entry vector */
    .word 0
    .word 0                     /* static resources */
manufacturer:
    .asciz "Lockstep"
product:
    .asciz "\product"

/* AX: bit 5 says that an IPL device is attached (section 3.3). */
init:
    movw $0x0020, %ax
    lretw

boot:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ss
    movw $STACK_TOP, %sp
    movw %ax, %ds
    movw %ax, %es
.endm

.macro ROM_ROUTINES
/* Copy an item of fw_cfg. EAX: length; EDX: key << 16 | DMA_SELECT_READ; ESI: address. */
fetch:
    movw $DMA_COMMAND, %di      /* big-endian: control, length, address */
    bswapl %edx
    movl %edx, (%di)
    bswapl %eax
    movl %eax, 4(%di)
    movl $0, 8(%di)
    bswapl %esi
    movl %esi, 12(%di)
    movl $DMA_COMMAND, %eax
/* EAX: linear address of a DMA command. It is complete when the OUT returns. */
run_command:
    bswapl %eax
    movw $FW_CFG_DMA_LOW, %dx
    outl %eax, %dx
    ret

/* EAX = little-endian 32-bit item with key AX. */
read_u32:
    pushw %dx
    pushw %cx
    movw $FW_CFG_SELECTOR, %dx
    outw %ax, %dx
    movw $FW_CFG_DATA, %dx
    movw $4, %cx
2:  inb %dx, %al
    rorl $8, %eax
    loop 2b
    popw %cx
    popw %dx
    ret
.endm

.macro ROM_END name
\name\()_rom_end:
    .byte 0

    .section .note.GNU-stack, "", @progbits
.endm
