/* start.S  Reset vector of a 64 KiB ROM: to flat protected mode, data copied to RAM, then guest_main() in C. What CR0
 * held at reset is kept for guests that ask. */
    .code16
    .section .reset, "ax"
    .globl reset
reset:
    ljmp $0xf000, $start16

    .section .text16, "ax"
start16:
    cli
    movl %cr0, %ebp
    lgdtl %cs:gdt_pointer_offset
    movl %ebp, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $start32

    .code32
    .section .text
start32:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $stack_top, %esp
    movl $data_rom, %esi
    movl $data_start, %edi
    movl $data_size, %ecx
    rep movsb
    movl $bss_start, %edi
    movl $bss_size, %ecx
    xorl %eax, %eax
    rep stosb
    movl %ebp, reset_cr0
    call guest_main
1:  hlt
    jmp 1b

    .section .rodata
    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff /* 8: code, flat */
    .quad 0x00cf93000000ffff /* 16: data, flat */
    .globl gdt_pointer
gdt_pointer:
    .word 23
    .long gdt

    .bss
    .globl reset_cr0
reset_cr0:
    .long 0
