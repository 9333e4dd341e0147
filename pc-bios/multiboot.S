/*
 * pc-bios/multiboot.S  Option ROM that starts a Multiboot kernel given with -kernel.
 *
 * A PnP option ROM (PnP BIOS Specification 1.0a, section 3) with a bootstrap entry vector, as linuxboot.S. boot asks the
 * BIOS for the memory map, lets fw_cfg's DMA execute the commands that hw/i386/multiboot.c prepared (they copy kernel,
 * modules and information structure to their places), and enters the kernel in the state of section 3.2 of the
 * Multiboot Specification 0.6.96.
 *
 * Assembled into the emulator's read-only data as is; hw/i386/boot-rom.c fills in the length and the checksums.
 * All references are relative to the ROM's first byte: it runs at any segment, IP 0.
 */
#include "boot-rom.h"

#define SETUP_SIZE      0x17 /* keys of include/hw/nvram/fw_cfg.h */
#define SETUP_DATA      0x18

/* Low memory while loading; the kernel is kept out of all of it by hw/i386/multiboot.c. */
#define GDT_POINTER     0x7c10
#define SCRIPT          0x8000 /* entry point, number of commands, 8 bytes, commands: at most 4 KiB */
#define SCRIPT_COMMANDS (SCRIPT + 16)
#define MAP             0x9000 /* entries of section 3.3, 24 bytes each; stays for the kernel */
#define MAP_END         0x9c00
#define INFO            0x9c00 /* information structure; stays for the kernel */

/* In the information structure. */
#define INFO_MEM_LOWER  4
#define INFO_MEM_UPPER  8
#define INFO_MAP_LENGTH 44
#define INFO_MAP_ADDR   48
#define HAS_MEM         0x01
#define HAS_MAP         0x40

#define SMAP  0x534d4150
#define MAGIC 0x2badb002

#define AT(label) (label - multiboot_rom)

    ROM_START multiboot, "Multiboot loader"
    call read_script
    call read_map               /* EBP: its length */
    call run_script
    call fill_info
    jmp enter_kernel

/* ES = DS = 0 from here on. */
read_script:
    movw $SETUP_SIZE, %ax
    call read_u32
    movl $(SETUP_DATA << 16 | DMA_SELECT_READ), %edx
    movl $SCRIPT, %esi
    jmp fetch

/* Each command is complete when the OUT returns. */
run_script:
    movl SCRIPT + 4, %ecx
    movl $SCRIPT_COMMANDS, %esi
1:  movl %esi, %eax
    call run_command
    addl $16, %esi
    decl %ecx
    jnz 1b
    ret

    ROM_ROUTINES

/* INT 15h, E820h, until it has no more, fails, or there is no more room. EBP = length of the map. */
read_map:
    movw $MAP, %di
    xorl %ebx, %ebx
3:  movl $20, (%di)             /* size of the rest of the entry */
    addw $4, %di
    movl $0xe820, %eax
    movl $20, %ecx
    movl $SMAP, %edx
    int $0x15
    jc 4f
    cmpl $SMAP, %eax
    jne 4f
    addw $20, %di
    testl %ebx, %ebx
    jz 5f
    cmpw $MAP_END, %di
    jb 3b
    jmp 5f
4:  subw $4, %di                /* nothing came */
5:  movzwl %di, %ebp
    subl $MAP, %ebp
    ret

/* Memory sizes and map. Without a map, neither is there: the flags stay as they are. */
fill_info:
    testl %ebp, %ebp
    jz 9f
    orl $(HAS_MEM | HAS_MAP), INFO
    movl %ebp, INFO + INFO_MAP_LENGTH
    movl $MAP, INFO + INFO_MAP_ADDR
    int $0x12
    movzwl %ax, %eax
    movl %eax, INFO + INFO_MEM_LOWER
    movw $MAP, %si
    addw %si, %bp               /* end of the map; BP's base is SS = 0 */
6:  cmpl $1, 20(%si)            /* RAM, from 1 MiB or below... */
    jne 8f
    cmpl $0, 8(%si)
    jne 8f
    movl 4(%si), %eax
    cmpl $0x100000, %eax
    ja 8f
    movl 16(%si), %edx
    addl 12(%si), %eax
    adcl $0, %edx               /* ...to EDX:EAX: in KiB, less 1 MiB; all that 32 bits hold if it is beyond 4 GiB */
    jz 7f
    movl $0xffffffff, %eax
7:  subl $0x100000, %eax
    jbe 8f
    shrl $10, %eax
    movl %eax, INFO + INFO_MEM_UPPER
    ret
8:  addw $24, %si
    cmpw %bp, %si
    jb 6b
9:  ret

/* Section 3.2: flat 32-bit segments, A20 open, paging off, interrupts off, EAX and EBX. */
enter_kernel:
    inb $0x92, %al
    orb $0x02, %al
    andb $0xfe, %al             /* bit 0 would reset */
    outb %al, $0x92
    xorl %ebp, %ebp
    movw %cs, %bp
    shll $4, %ebp
    leal AT(gdt)(%ebp), %eax
    movw $(gdt_end - gdt - 1), GDT_POINTER
    movl %eax, GDT_POINTER + 2
    lgdtl GDT_POINTER
    movl SCRIPT, %esi
    leal AT(start32)(%ebp), %ecx
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    pushl $8
    pushl %ecx
    lretl

    .code32
start32:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl $STACK_TOP, %esp
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %edi, %edi
    xorl %ebp, %ebp
    movl $MAGIC, %eax
    movl $INFO, %ebx
    jmp *%esi

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 8: code, flat */
    .quad 0x00cf93000000ffff    /* 16: data, flat */
gdt_end:
    ROM_END multiboot
