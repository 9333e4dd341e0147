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
#define FW_CFG_SELECTOR 0x510
#define FW_CFG_DATA     0x511
#define FW_CFG_DMA_LOW  0x518
#define DMA_SELECT_READ 0x0a

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

/* While loading: stack below 7C00h, the 16-byte DMA command above it. Nothing is loaded there. */
#define STACK_TOP   0x7c00
#define DMA_COMMAND 0x7c00
/* SP for the setup code, in its own segment: under the command line. */
#define SETUP_STACK 0xfff0

#define AT(label) (label - linuxboot_rom)

    .section .rodata
    .code16
    .globl linuxboot_rom, linuxboot_rom_end
    .balign 16
linuxboot_rom:
    .byte 0x55, 0xaa
    .byte 0                     /* length in 512-byte units: filled in */
    jmp init                    /* offset 3 */
    .org linuxboot_rom + 0x1a, 0
    .word AT(pnp)
    .org linuxboot_rom + 0x20, 0
pnp:
    .ascii "$PnP"
    .byte 1                     /* revision */
    .byte 2                     /* length in 16-byte units */
    .word 0                     /* next header */
    .byte 0
    .byte 0                     /* checksum: filled in */
    .long 0                     /* device id */
    .word AT(manufacturer)
    .word AT(product)
    .byte 0x01, 0x80, 0x00      /* device type: mass storage, other */
    .byte 0x14                  /* may be shadowed, is an initial program load device */
    .word 0                     /* boot connection vector */
    .word 0                     /* disconnect vector */
    .word AT(boot)              /* bootstrap entry vector */
    .word 0
    .word 0                     /* static resources */
manufacturer:
    .asciz "Lockstep"
product:
    .asciz "Linux loader"

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
    movw $DMA_COMMAND, %di      /* big-endian: control, length, address */
    shll $16, %edx
    orl $DMA_SELECT_READ, %edx
    bswapl %edx
    movl %edx, (%di)
    bswapl %eax
    movl %eax, 4(%di)
    movl $0, 8(%di)
    bswapl %esi
    movl %esi, 12(%di)
    movl $DMA_COMMAND, %eax
    bswapl %eax
    movw $FW_CFG_DMA_LOW, %dx
    outl %eax, %dx              /* the copy is complete when this returns */
1:  ret

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
linuxboot_rom_end:
    .byte 0

    .section .note.GNU-stack, "", @progbits
