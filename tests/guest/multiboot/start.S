/* start.S  Multiboot header and entry: what the machine was like is noted first, then C runs on segments of our own. With
 * -DADDRESSES the header says where the image goes, so that it need not be ELF. */
#ifdef ADDRESSES
#define FLAGS 0x00010003
#else
#define FLAGS 0x00000003
#endif
#define MAGIC 0x1badb002

    .section .header, "a"
    .balign 4
header:
    .long MAGIC, FLAGS, -(MAGIC + FLAGS)
#ifdef ADDRESSES
    .long header, load_start, load_end, bss_end, start
#endif

    .section .text
    .globl start
start:
    movl %eax, entry_state
    movl %ebx, entry_state + 4
    movl $stack_top, %esp
    pushfl
    popl entry_state + 8
    movl %cr0, %eax
    movl %eax, entry_state + 12
    movw %cs, %ax
    call note_segment
    movw %ds, %ax
    call note_segment
    movw %es, %ax
    call note_segment
    movw %fs, %ax
    call note_segment
    movw %gs, %ax
    call note_segment
    movw %ss, %ax
    call note_segment
    lgdt gdt_pointer
    ljmp $8, $1f
1:  movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    cld
    call multiboot_main
2:  hlt
    jmp 2b

/* AX: a selector. Its limit and access rights, one after the other, into entry_segments. */
note_segment:
    movzwl %ax, %eax
    movl next_segment, %edi
    xorl %ecx, %ecx
    lsl %eax, %ecx
    movl %ecx, (%edi)
    xorl %ecx, %ecx
    lar %eax, %ecx
    movl %ecx, 4(%edi)
    addl $8, %edi
    movl %edi, next_segment
    ret

    .globl ud_stub, gp_stub, soft_stub
ud_stub:
    incl faults
    addl $2, (%esp)             /* past UD2 */
    iret
gp_stub:
    popl gp_error
    incl faults
    addl $2, (%esp)             /* past MOV AX, DS */
    iret
soft_stub:
    incl faults
    iret

    .data
    .globl entry_state, entry_segments
entry_state:
    .skip 16                    /* EAX, EBX, EFLAGS, CR0 */
entry_segments:
    .skip 48                    /* CS DS ES FS GS SS: limit, access rights */
next_segment:
    .long entry_segments

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 8: code, flat */
    .quad 0x00cf93000000ffff    /* 16: data, flat */
gdt_pointer:
    .word 23
    .long gdt

    .bss
    .balign 16
    .skip 8192
stack_top:

    .section .note.GNU-stack, "", @progbits
