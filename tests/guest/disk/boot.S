/*
 * tests/guest/disk/boot.S  A boot sector that works its disk through the firmware (int 13h, extensions): 64 times it reads 8
 * sectors, sums their dwords, adds the round's number to each, and writes them elsewhere. tests/replay/disk-images.py computes
 * the same. In the end the sum goes to COM1 in hexadecimal, and isa-debug-exit (port 501h) ends the machine.
 */
    .code16
    .globl _start
#define BUFFER  0x1000
#define ROUNDS  64
#define BLOCKS  256 /* of 8 sectors, from sector 8 on */

_start:
    ljmp $0, $1f
1:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    movb %dl, drive
    cld

next_round:
    imull $37, round, %eax
    movb $0x42, command
    call transfer
    movl round, %ebx
    movw $BUFFER, %si
    movw $1024, %cx
add:
    movl (%si), %eax
    addl %eax, sum
    addl %ebx, %eax
    movl %eax, (%si)
    addw $4, %si
    loop add
    imull $53, round, %eax
    addl $7, %eax
    movb $0x43, command
    call transfer
    incl round
    cmpl $ROUNDS, round
    jb next_round

    movw $8, %cx
digit:
    roll $4, sum
    movb sum, %al
    andb $0x0f, %al
    addb $'0', %al
    cmpb $'9', %al
    jbe 1f
    addb $'a' - '9' - 1, %al
1:  call put
    loop digit
    movb $'\n', %al
    call put
    jmp leave

put:
    movw $0x3f8, %dx
    outb %al, %dx
    ret

/* Block number in eax, modulo BLOCKS; what to do with it in `command`. */
transfer:
    andl $BLOCKS - 1, %eax
    shll $3, %eax
    addl $8, %eax
    movl %eax, packet + 8
    movw $8, packet + 2 /* the firmware may have changed it */
    movw $packet, %si
    movb drive, %dl
    movb command, %ah
    movb $0, %al
    int $0x13
    jc failed
    ret

failed:
    movb $'!', %al
    call put
leave:
    movw $0x501, %dx
    movb $0, %al
    outb %al, %dx
    hlt
    jmp leave

    .balign 4
packet:
    .byte 16, 0
    .word 8
    .word BUFFER, 0
    .quad 0
round:
    .long 0
sum:
    .long 0
drive:
    .byte 0
command:
    .byte 0

    .org 510
    .word 0xaa55
