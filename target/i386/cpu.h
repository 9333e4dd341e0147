/*
 * target/i386/cpu.h  The state of one x86 processor, and who may do what with it.
 *
 * One source serves qemu-system-i386 and qemu-system-x86_64: registers are 64 bits wide everywhere; a CPU model without
 * long mode simply never enters it. Little-endian hosts (byte and word registers are reached in place).
 *
 * Precision contract, for every engine and every handler:
 *   - before a handler runs, insn_ip is the address (offset in CS) of its instruction and eip that of the next one;
 *   - icount counts the instructions retired before this one; the engine adds one when the handler returns;
 *   - a handler that raises an exception (cpu_raise*, or a faulting memory access, which both leave by longjmp) must
 *     not have changed anything that the architecture says is unchanged: first all reads, checks and the
 *     (checked) memory write, then registers and flags;
 *   - delivering an exception or a hardware interrupt adds one to icount; INT n and friends count as the one instruction they are.
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include <setjmp.h>

#include "exec/memory.h"
#include "fpu/softfloat-types.h"
#include "migration/vmstate.h"
#include "util/osdep.h"
#include "util/info.h"

typedef struct CPUState CPUState;
typedef struct DecodedInsn DecodedInsn;
typedef struct CPUModel CPUModel;
struct Device;

enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI, R_ZERO = 16, R_EIP = 17, CPU_NB_REGS = 18 };
enum { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS, R_LDTR, R_TR, CPU_NB_SEGS };

/* EFLAGS */
#define CC_C 0x0001u
#define CC_P 0x0004u
#define CC_A 0x0010u
#define CC_Z 0x0040u
#define CC_S 0x0080u
#define CC_O 0x0800u
#define CC_ALL (CC_C | CC_P | CC_A | CC_Z | CC_S | CC_O)
#define TF_MASK 0x00000100u
#define IF_MASK 0x00000200u
#define DF_MASK 0x00000400u
#define IOPL_MASK 0x00003000u
#define IOPL_SHIFT 12
#define NT_MASK 0x00004000u
#define RF_MASK 0x00010000u
#define VM_MASK 0x00020000u
#define AC_MASK 0x00040000u
#define VIF_MASK 0x00080000u
#define VIP_MASK 0x00100000u
#define ID_MASK 0x00200000u

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)
#define CR4_VME (1u << 0)
#define CR4_PVI (1u << 1)
#define CR4_TSD (1u << 2)
#define CR4_DE (1u << 3)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_PGE (1u << 7)
#define CR4_PCE (1u << 8)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_PCIDE (1u << 17)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

enum {
    EXCP_DE = 0, EXCP_DB = 1, EXCP_NMI = 2, EXCP_BP = 3, EXCP_OF = 4, EXCP_BR = 5, EXCP_UD = 6, EXCP_NM = 7, EXCP_DF = 8,
    EXCP_TS = 10, EXCP_NP = 11, EXCP_SS = 12, EXCP_GP = 13, EXCP_PF = 14, EXCP_MF = 16, EXCP_AC = 17, EXCP_MC = 18, EXCP_XM = 19
};

/*
 * A segment register with its hidden part. attr has the layout of a descriptor's second dword, bits 8-23, shifted down
 * by 8: 3:0 type, 4 S, 6:5 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G. limit is in bytes (granularity applied).
 * read_end and write_end: an access whose last byte lies below is inside; 0 when the segment is not readable or writable
 * at all or is expand-down (then the slow path checks), all ones in 64-bit mode. linear_base: what is added to an offset,
 * 0 where 64-bit mode ignores the base. Derived; kept by cpu_segment_derive().
 */
typedef struct SegmentCache {
    uint16_t selector;
    uint16_t attr;
    uint32_t limit;
    uint64_t base;
    bool null; /* loaded with a null selector: unusable */
    uint64_t read_end, write_end;
    uint64_t linear_base;
} SegmentCache;
#define SEG_TYPE(attr) ((attr)&0xf)
#define SEG_A 0x0001
#define SEG_RW 0x0002 /* code: readable; data: writable */
#define SEG_CE 0x0004 /* code: conforming; data: expand-down */
#define SEG_CODE 0x0008
#define SEG_S 0x0010
#define SEG_DPL(attr) (((attr) >> 5) & 3)
#define SEG_P 0x0080
#define SEG_AVL 0x1000
#define SEG_L 0x2000
#define SEG_DB 0x4000
#define SEG_G 0x8000

/* ---- TLB: machine state (DESIGN 2.6). Direct-mapped; supervisor and user accesses have tables of their own. ---- */
#define TLB_BITS 14
#define TLB_SIZE (1u << TLB_BITS)
enum { MMU_KERNEL, MMU_USER, NB_MMU_MODES };

/* What the architecture could see: part of snapshots and digests. */
typedef struct TLBEntry {
    uint64_t page;  /* linear page address | TLB_VALID, or 0 */
    uint64_t phys;  /* guest-physical page address | TLB_* permission bits */
} TLBEntry;
#define TLB_VALID 1u
#define TLB_W 2u      /* in phys: page tables allow writing at this privilege, ignoring CR0.WP */
#define TLB_U 4u      /* user page */
#define TLB_D 8u      /* dirty bit already set */
#define TLB_G 16u     /* global */
#define TLB_NX 32u
#define TLB_LARGE 64u /* came from a large page (INVLPG drops every entry of it) */
#define TLB_HUGE 128u /* with TLB_LARGE: of 1 GiB */

/* What engines probe: derived from the TLBEntry, the memory map and the page flags. A tag that cannot match is TLB_NEVER. */
typedef struct TLBFast {
    uint64_t read, write, exec; /* linear page address when RAM may be accessed directly */
    uintptr_t addend;           /* host address = linear address + addend */
} TLBFast;
#define TLB_NEVER 0x800ull /* no page address, nor one with an offset below 16: see the JIT's mem.c */
/* Copies of the entries that were used last, one per register that addresses memory, then FS and GS. */
#define TLB_RECENT 18

typedef struct LazyFlags {
    /* The last result-producing operation; see target/i386/flags.h. Materialised before state is saved or hashed. */
    uint32_t op; /* CCOp */
    uint64_t dst, src;
} LazyFlags;

typedef union XMMReg {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t l[4];
    uint64_t q[2];
} XMMReg;

typedef union YMMHigh {
    uint64_t q[2];
} YMMHigh;

typedef struct FPUState {
    floatx80 st[8];  /* physical registers R0..R7; ST(i) = st[(top + i) & 7]; MMn is st[n].low */
    uint16_t cw, sw; /* sw without TOP (bits 13:11 zero; see top) */
    uint8_t top;     /* 0..7 */
    uint8_t tag;     /* bit i: st[i] is empty */
    uint16_t opcode; /* 11 bits */
    uint16_t ip_sel, dp_sel;
    uint64_t ip, dp;
} FPUState;

/* interrupt_request bits: lines and messages waiting; set and cleared with the BQL held. */
#define CPU_INTERRUPT_HARD 0x01 /* INTR: PIC or local APIC has a vector */
#define CPU_INTERRUPT_NMI 0x02
#define CPU_INTERRUPT_SMI 0x04
#define CPU_INTERRUPT_INIT 0x08
#define CPU_INTERRUPT_SIPI 0x10

/* int_shadow */
#define SHADOW_STI 1   /* one instruction after STI that set IF: maskable interrupts wait */
#define SHADOW_MOVSS 2 /* one instruction after MOV SS / POP SS: also NMI, SMI and debug traps wait */

typedef struct MTRRRange {
    uint64_t base, mask;
} MTRRRange;

struct CPUState {
    /* ---- hot: registers ---- */
    union {
        uint64_t regs[CPU_NB_REGS];
        struct {
            uint64_t gpr[16];
            uint64_t zero; /* always 0: the register number for "no base", "no index" */
            uint64_t eip;  /* while a handler runs: of the next instruction */
        };
    };
    uint64_t insn_ip;  /* of the instruction that runs */
    LazyFlags cc;      /* CC_ALL bits live here */
    uint32_t eflags;   /* all other bits, bit 1 set; CC_ALL bits are garbage: use cpu_get_eflags() */
    int32_t df;        /* +1 or -1, follows DF_MASK */

    /* ---- run control, owned by the engine ---- */
    int64_t icount;                  /* exact */
    int64_t icount_limit;            /* the engine stops when icount reaches it */
    const DecodedInsn *insn;         /* running */
    const DecodedInsn *run_end;      /* the interpreter's block loop ends here; NULL: end after this instruction (cpu_end_block) */
    bool int_point;                  /* after this instruction look at interrupt_request */
    int exit_request;                /* set by any thread (atomic): leave the slice at the next block */
    struct {
        uint32_t flags;              /* arithmetic flags while translated code runs */
        uint32_t ctx;                /* and the context of that code */
        uint64_t fa, fb;             /* operands of the instruction whose flags may have to be recomputed */
        int64_t budget;              /* 64-bit code: see H_BUDGET */
        uint64_t tmp;
        uint64_t parked[4];          /* host addresses, within a block: accel/jit/share.c */
        uint32_t from;               /* JitPlace of the code that was left: see JitExit.from */
        uint64_t ns_per_insn, ns_at_0; /* the virtual clock is ns_at_0 + icount * ns_per_insn; 0: it is not */
        const struct JitX87Record *x87_last; /* accel/jit/x87-state.c, while x87_loaded */
        bool x87_loaded, sse_loaded; /* translate-state.c */
        uint8_t x87_seg;
        struct {
            uint64_t raw;            /* the descriptor in the GDT that the last load found... */
            uint64_t index;          /* ...at this offset */
            uint32_t end, selector;  /* its last byte; ~0: not known, or not for each privilege level */
        } loaded[4];                 /* ES, DS, FS, VERW: see seg_note_loaded() */
        SegmentCache fs;             /* outside 64-bit mode: what loaded[2] gives */
    } jit;                           /* accel/jit's, between two instructions of a block only */
    sigjmp_buf fault_jmp;            /* cpu_raise*() and faulting accesses land here... */
    sigjmp_buf *fault_to;            /* ...unless this is not NULL: the delivery of an event catches its own faults */

    /* ---- addressing ---- */
    SegmentCache seg[CPU_NB_SEGS];
    uint8_t cpl;       /* 0..3; 0 in real mode, 3 in v86 */
    uint8_t mmu_mode;  /* MMU_USER when cpl == 3 */
    uint32_t mode;     /* decode mode, see target/i386/insn.h; derived by cpu_mode_derive() */
    uint64_t linear_mask; /* linear addresses that code here makes: 32 bits, all 64 in 64-bit mode; derived like mode */
    TLBEntry tlb[NB_MMU_MODES][TLB_SIZE];
    /* No entry lies across two of the host's cache lines: half of them would, and every probe is slower, else. */
    _Alignas(64) TLBFast tlb_fast[NB_MMU_MODES][TLB_SIZE];
    TLBFast tlb_recent[NB_MMU_MODES][TLB_RECENT]; /* the JIT's; forgotten whenever an entry of tlb_fast changes */
    uint32_t tlb_recent_used;                     /* there may be something in it */
    uint32_t tlb_place[NB_MMU_MODES][TLB_SIZE];   /* the JIT's: to which JitPlace the entry leads for fetching; 0: not known */
    /*
     * The page instructions come from: within it, no fetch asks the TLB. Loaded from the TLB when control enters another
     * page; forgotten with any flush, and when cpl or a paging control changes. Machine state.
     */
    uint64_t fetch_page; /* linear page address | TLB_VALID, or 0 */
    uint64_t fetch_phys; /* guest-physical page address */
    uint64_t a20_mask;   /* ~0 or ~(1 << 20) */
    struct { uint64_t base; uint32_t limit; } gdt, idt;

    /* ---- system registers ---- */
    uint64_t cr0, cr2, cr3, cr4, cr8, efer;
    uint64_t dr[8];
    uint64_t pdpte[4]; /* PAE: loaded by MOV CR3 */
    uint32_t sysenter_cs;
    uint64_t sysenter_esp, sysenter_eip;
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t tsc_offset;  /* TSC = virtual clock in TSC ticks + tsc_offset */
    uint64_t pat, mcg_status, misc_enable, feature_control, bios_sign_id;
    uint64_t mtrr_def_type, mtrr_fixed[11];
    MTRRRange mtrr_var[8];
    uint32_t smbase;
    bool in_smm, nmi_blocked, halted;
    uint8_t int_shadow;

    /* ---- pending events ---- */
    uint32_t interrupt_request;
    uint8_t sipi_vector;
    uint32_t pending_db; /* DR6 bits of debug traps to deliver after this instruction */
    /* Exception in flight from cpu_raise to delivery; not state between instructions. */
    int exception_index;
    uint32_t error_code;
    bool has_error_code;
    uint64_t exception_cr2;

    /* ---- floating point and SIMD ---- */
    FPUState fpu;
    XMMReg xmm[16];
    YMMHigh ymmh[16];
    uint32_t mxcsr;
    uint64_t xcr0;

    /* ---- wiring and derived data ---- */
    int index;            /* 0-based CPU number = APIC id */
    const CPUModel *model; /* what CPUID says; target/i386/cpuid.c */
    struct Device *apic;
    void *engine_data;    /* block cache */
    int (*intr_ack)(CPUState *cpu); /* INTA: vector or -1 */
    bool has_breakpoints; /* DR7 or debugger: execution must look, see debug.c */
    bool align_check;     /* #AC may arise at CPL 3: user entries of tlb_fast never match; kept by cpu_alignment_derive() */
    struct TLBIndex *tlb_index; /* tlb.c: which entries are in use, and by which RAM page */
};

/* ---- life ---- */
CPUState *cpu_new(const char *model_arg, int index, Error **errp); /* -cpu argument "pentium3,-sse" */
void cpu_reset(CPUState *cpu);       /* power-on / RESET# (SDM 3A, table 9-1) */
void cpu_reset_on_init(CPUState *cpu); /* INIT: keeps FPU, SSE, MSRs, cache controls */
void cpu_models_help(FILE *out);
/* Name, vendor and features of its model, for comparing; g_free it. */
char *cpu_model_describe(const CPUState *cpu);
void cpu_set_target_name(const char *name); /* "i386" (if never called) or "x86_64": the program's, for error messages */
extern const VMStateDescription vmstate_cpu;

/* ---- flags: target/i386/flags.h has the fast forms ---- */
uint32_t cpu_get_eflags(CPUState *cpu);                   /* all bits */
void cpu_set_eflags(CPUState *cpu, uint32_t eflags);      /* all bits as given (bit 1 forced); keeps df; no checks */

/* ---- exceptions (excp.c) ---- */
void cpu_raise(CPUState *cpu, int vector, uint32_t error_code) __attribute__((noreturn)); /* with error code */
void cpu_raise_noerr(CPUState *cpu, int vector) __attribute__((noreturn));
/*
 * After a longjmp to fault_jmp: deliver exception_index (eip = insn_ip for faults), with #DF and shutdown rules; adds one to icount.
 * Itself survives faults in delivery. After a triple fault it has called qemu_system_reset_request().
 */
void cpu_deliver_exception(CPUState *cpu);
/*
 * Take the highest-priority waiting event if it may be taken here (SMI, INIT, NMI, hardware interrupt; halted CPUs wake up).
 * Returns true when one was taken (icount advanced). Calls replay_interrupt() for NMI, SMI and hardware interrupts.
 */
bool cpu_take_interrupt(CPUState *cpu);
/* Would cpu_take_interrupt() take something now? */
bool cpu_has_interrupt(CPUState *cpu);
/* Deliver pending_db (single step, data breakpoints) after an instruction: adds one to icount. */
void cpu_deliver_debug_trap(CPUState *cpu);
/* Interrupt n by INT n, INT3, INTO (software: gate DPL is checked; v86 rules are the caller's). */
void cpu_software_interrupt(CPUState *cpu, int vector);
/* Lines, from devices. BQL held. */
void cpu_interrupt(CPUState *cpu, uint32_t mask);
void cpu_reset_interrupt(CPUState *cpu, uint32_t mask);

/* Below every instruction: an engine that sees that nothing waits may go on with the block. */
#define RUN_END_INT_POINT ((const DecodedInsn *)1)
/* The engine's loop leaves after the present instruction. */
static inline void cpu_end_block(CPUState *cpu)
{
    cpu->run_end = NULL;
}
/* ...and interrupts are looked at there: after I/O, and after whatever opens the interrupt window. */
static inline void cpu_interrupt_point(CPUState *cpu)
{
    cpu->int_point = true;
    cpu->run_end = cpu->run_end ? RUN_END_INT_POINT : NULL;
}

/* ---- segments (seg.c) ---- */
void cpu_segment_derive(CPUState *cpu, int seg);                         /* read_end, write_end, linear_base */
void cpu_load_seg(CPUState *cpu, int seg, uint16_t selector);            /* MOV/POP Sreg, all checks (not CS) */
void cpu_load_seg_real(CPUState *cpu, int seg, uint16_t selector);       /* real and v86 mode */
/* Hidden part as given: reset, SMM, SYSENTER, multiboot. */
void cpu_load_seg_cache(CPUState *cpu, int seg, uint16_t selector, uint64_t base, uint32_t limit, uint16_t attr);
void cpu_set_cpl(CPUState *cpu, int cpl);
void cpu_mode_derive(CPUState *cpu);                                     /* after any change of CR0.PE, CS.D/L, SS.B, EFLAGS.VM, EFER */
static inline bool cpu_protected(const CPUState *cpu) /* PE=1 and not v86 */
{
    return (cpu->cr0 & CR0_PE) && !(cpu->eflags & VM_MASK);
}
static inline bool cpu_v86(const CPUState *cpu)
{
    return (cpu->cr0 & CR0_PE) && (cpu->eflags & VM_MASK);
}
static inline bool cpu_long_mode(const CPUState *cpu)
{
    return cpu->efer & EFER_LMA;
}
static inline bool cpu_code64(const CPUState *cpu)
{
    return (cpu->efer & EFER_LMA) && (cpu->seg[R_CS].attr & SEG_L);
}
/* Bits 63:47 all equal: the form that 4-level paging demands of linear addresses. */
static inline bool address_is_canonical(uint64_t la)
{
    return (uint64_t)((int64_t)(la << 16) >> 16) == la;
}

/* ---- control registers, MSRs, CPUID (sysreg.c, msr.c, cpuid.c) ---- */
void cpu_set_cr0(CPUState *cpu, uint64_t value); /* #GP for impossible combinations */
void cpu_set_cr3(CPUState *cpu, uint64_t value);
void cpu_set_cr4(CPUState *cpu, uint64_t value);
bool cpu_rdmsr(CPUState *cpu, uint32_t index, uint64_t *value); /* false: #GP */
bool cpu_wrmsr(CPUState *cpu, uint32_t index, uint64_t value);
void cpu_cpuid(CPUState *cpu, uint32_t leaf, uint32_t subleaf, uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx);
uint64_t cpu_get_tsc(CPUState *cpu); /* 1 GHz by the virtual clock: one tick per ns, plus tsc_offset */
void cpu_set_dr(CPUState *cpu, int n, uint64_t value);
void cpu_set_a20(CPUState *cpu, bool enabled);
/* CPU features that rows of the instruction table name. */
typedef enum CPUFeature {
    FEAT_NONE, FEAT_FPU, FEAT_VME, FEAT_DE, FEAT_PSE, FEAT_TSC, FEAT_MSR, FEAT_PAE, FEAT_CX8, FEAT_APIC, FEAT_SEP, FEAT_MTRR, FEAT_PGE, FEAT_CMOV,
    FEAT_PAT, FEAT_PSE36, FEAT_CLFLUSH, FEAT_MMX, FEAT_FXSR, FEAT_SSE, FEAT_SSE2, FEAT_SSE3, FEAT_SSSE3, FEAT_SSE41, FEAT_SSE42, FEAT_POPCNT,
    FEAT_MOVBE, FEAT_AES, FEAT_PCLMUL, FEAT_CX16, FEAT_XSAVE, FEAT_AVX, FEAT_F16C, FEAT_FMA, FEAT_RDRAND, FEAT_RDSEED, FEAT_AVX2, FEAT_BMI1,
    FEAT_BMI2, FEAT_ADX, FEAT_SHA, FEAT_LM, FEAT_SYSCALL, FEAT_NX, FEAT_RDTSCP, FEAT_LAHF_LM, FEAT_LZCNT, FEAT_3DNOWPREFETCH, FEAT_PDPE1GB, FEAT_FSGSBASE,
    FEAT_SMEP, FEAT_SMAP, FEAT_PCID, FEAT_X2APIC, FEAT_TSC_DEADLINE, FEAT_UMIP, FEAT_MONITOR, FEAT_MCE, FEAT_MCA, FEAT_486, FEAT_INVPCID,
    FEAT_XSAVEOPT, FEAT_COUNT
} CPUFeature;
bool cpu_has(const CPUState *cpu, CPUFeature feature);

/* ---- monitor ---- */
void cpu_dump_state(CPUState *cpu, InfoPrint *print, void *opaque); /* `info registers`, QEMU's layout */
/* Digest of the CPU's state alone (flags materialised, TLB included). */
uint64_t cpu_digest(CPUState *cpu);

#endif
