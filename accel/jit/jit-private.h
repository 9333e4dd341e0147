/*
 * accel/jit/jit-private.h  What the parts of the JIT share. docs: DESIGN.md section 4.
 *
 * Host registers while translated code runs:
 *   RAX RCX RDX RBX RBP RSI RDI   the guest registers of the same name       R12   guest ESP
 *   R15  CPUState + CPU_BIAS
 *   R8   linear, then host address of the memory operand; indirect target    R9 R13  scratch
 *   R14  instructions left before icount_limit, those of the running block already taken off
 *   RSP  a stack of translated code's own, for predicted returns (JitReturns)
 * 64-bit code has cpu->jit.budget instead of R14; there R10, R11 and R14 hold copies of those of the guest's R8-R15
 * that a block uses just now (translate.c: slots). CPUState has these registers always, the others outside only.
 *
 * Guest flags are in cpu->jit.flags at every block boundary; inside a block flags.c knows where. Outside translated
 * code everything is in CPUState, as the interpreter has it.
 */
#ifndef ACCEL_JIT_PRIVATE_H
#define ACCEL_JIT_PRIVATE_H

#include "accel/engine.h"
#include "accel/interp/block-cache.h"
#include "accel/jit/code-cache.h"
#include "accel/jit/emit.h"
#include "target/i386/access.h"
#include "target/i386/flags.h"
#include "target/i386/hostfloat.h"
#include "target/i386/insn.h"

#define H_CPU     H_R15
#define H_BUDGET  H_R14
#define H_ADDR    H_R8
#define H_T1      H_R9
#define H_T2      H_R13
#define NB_SLOTS  3
#define JIT_PARKS (int)ARRAY_SIZE(((CPUState *)0)->jit.parked)

/* H_CPU points into the middle of CPUState's hot part, so that short displacements reach it. */
#define CPU_BIAS       128
#define CPU_OFF(field) ((int32_t)(offsetof(CPUState, field) - CPU_BIAS))
#define CPU_REG_OFF(r) ((int32_t)(offsetof(CPUState, gpr) + (r)*8 - CPU_BIAS))

#define JIT_MAX_CONTEXTS 512
/*
 * What translated code takes for granted about the CPU's state besides registers. Small numbers name them; code is
 * translated for one context and leads, by itself, only to code of the same context.
 */
typedef struct JitContext {
    uint32_t mode;              /* cpu->mode */
    uint32_t flat;              /* bit R_ES, R_SS, R_DS: base 0, everything readable and writable */
    uint64_t cs_base, cs_limit; /* as they count in 64-bit mode: 0 and all ones */
    uint32_t id;                /* below JIT_MAX_CONTEXTS */
} JitContext;

typedef struct JitBlock JitBlock;
typedef struct JitExit JitExit;

typedef enum JitExitKind {
    JIT_EXIT_LINK,     /* to a known address, not linked (yet) */
    JIT_EXIT_INDIRECT, /* to the address in cpu->eip, not found in the branch cache */
    JIT_EXIT_BUDGET,   /* the block is longer than what may run, or what is next is for the dispatcher */
    JIT_EXIT_LEAVE,    /* an instruction asks for attention; icount is already up to date */
    JIT_EXIT_STATE,    /* x87 or SSE state cannot be loaded: the interpreter runs the block at eip */
    JIT_EXIT_COUNT
} JitExitKind;

/*
 * Where code lies: a page, as code of one privilege sees it; there is one JitPlace for each. While translated code runs
 * the fetch latch is the place of that code, and is not stored anywhere: what leaves tells where it was.
 *
 * cpu->tlb_place says which place a TLB entry is known to lead to. In the page of the latch it never names another one
 * than the latch: an entry that changes forgets its place, and gets one (jit_enter_place()) only where the page is
 * entered through that entry, or is not the latch's.
 */
typedef struct JitPlace {
    uint64_t page;            /* linear */
    uint64_t page_tag;        /* as cpu->fetch_page has it */
    uint64_t phys_page;       /* guest-physical */
    uint32_t mmu_mode, index; /* of its TLB entry */
    int32_t known_off;        /* from H_CPU: the entry's tlb_place */
    struct JitPlace *next;
} JitPlace;

/* A RET that is predicted, for the continuation that it comes to. Pointers are below 2 GiB. */
typedef struct JitRet {
    uint32_t from; /* JitPlace */
    uint32_t miss; /* its way out when that is not the right continuation */
} JitRet;

#define JIT_NOWHERE 1u /* no JitPlace has this address */

/* A way out of translated code; LINK: also the place where two blocks may be joined. */
struct JitExit {
    uint64_t eip;    /* all but INDIRECT and LEAVE */
    uint32_t kind;   /* JitExitKind */
    uint32_t refund; /* instructions of the block that did not run: icount = limit - R14 - refund */
    bool crosses;    /* LINK: into another page */
    uint8_t *patch;  /* LINK: writable rel32 that leads to `stub` or to the other block */
    uint8_t *patch2; /* another one, or NULL */
    const uint8_t *stub;
    const JitContext *ctx; /* LINK */
    Block *block;          /* LINK: out of this one */
    const JitPlace *from;  /* the fetch latch; NULL: it is in cpu->jit.from */
    bool entered;          /* `block` was entered, and none of it has run */
    uint8_t *place_patch;  /* LINK that crosses: the constants of emit_place_compare(), writable, or NULL */
    uint8_t *from_patch;   /* of a continuation: its constant for comparing with the place of the RET, or NULL */
    JitBlock *to;          /* NULL: not linked */
    JitExit *next;         /* also leading to `to` */
    JitExit *sibling;      /* LINK: also out of the same translation */
};

/* A translation is made of decoded blocks, and each knows the translations that it is part of. */
typedef struct JitPart {
    JitBlock *jb;
    Block *block;
    struct JitPart *next; /* of the same Block */
} JitPart;

/* One translation of a decoded block, and maybe of some that often follow it: for one context and one value of EIP. */
struct JitBlock {
    const uint8_t *entry;
    const JitPlace *place;
    const JitPlace *last_place; /* where the fetch latch is at the end: the next page, for a block that crosses */
    unsigned states;            /* bits: loaded before its first instruction, or else it is left at once */
    const JitContext *ctx;
    Block *block; /* its first; NULL: it, or another part, was dropped */
    JitPart *parts;
    unsigned nb_parts, n; /* n: instructions */
    uint64_t eip;
    JitExit *links; /* the ways out of it that may be joined to others */
    JitExit *incoming;
};

/* An x87 instruction, for the instruction pointer and opcode that the guest may see later. */
typedef struct JitX87Record {
    uint64_t ip;
    uint16_t opcode;
} JitX87Record;

/* What C needs to know about an instruction that calls it: everything else is in registers. */
typedef struct JitSite {
    const JitBlock *follows; /* ran last time after this instruction, if it ends its block; or NULL */
    const DecodedInsn *d;
    Block *block;
    const JitBlock *jb; /* goes on only while none of its parts is dropped */
    const JitContext *ctx;
    const JitX87Record *x87_last;   /* the last x87 instruction, and the last memory operand of one, that have to be */
    const DecodedInsn *x87_operand; /* noted yet; or NULL. Registers are as they were then. */
    uint64_t ip, next_ip;
    uint16_t left; /* instructions of the block not retired before this one */
    uint8_t size;  /* bytes of the memory access */
    bool write;
    bool uses_flags; /* the handler reads or changes arithmetic flags */
    bool may_change_context;
    bool ends_block; /* the handler leaves eip and all else to the dispatcher */
    bool is_rep;
    bool of_group; /* of accesses that share a probe: C runs, because they are not in one page or not for us */
} JitSite;

/* Indirect branch cache: direct-mapped by EIP, pages shifted against each other. Pointers are below 2 GiB. */
#define JIT_IBTC_BITS 14
#define JIT_IBTC_FOLD 11
#define JIT_IBTC_SIZE (1u << JIT_IBTC_BITS)
typedef struct JitIBTC {
    uint64_t eip;
    uint32_t ctx;   /* 0: empty */
    uint32_t entry; /* of the block */
    uint32_t place, block;
    int32_t known_off; /* of the place */
    uint32_t unused;   /* half a cache line */
} JitIBTC;

/*
 * Translated code does not look at exit_request: a slice is so short that whoever asks can wait for its end, a fraction
 * of a millisecond. C code that runs on its behalf does look. Slices that others see are made of several of these.
 */
#define JIT_SLICE (64 * KiB)

/*
 * Predicted returns (translate-call.c): what the host returns to. At the base lies an entry for when there is no other.
 * A slice begins with at most JIT_RETURNS entries, or none, and each of its instructions adds at most one. There is
 * room for what host signals push.
 */
#define JIT_RETURNS       2048
#define JIT_RETURNS_SLACK (64 * KiB)
typedef struct JitReturns {
    uint8_t *limit, *base; /* the stack is empty at `base`; too full to begin a slice with below `limit` */
    uint8_t *sp;           /* of translated code, while C runs */
    uint64_t c_sp;         /* of C, while translated code runs */
} JitReturns;

/* ---- jit.c ---- */
typedef struct JitStats {
    uint64_t blocks, insns, native_insns, flushes, entries, exits[JIT_EXIT_COUNT], slow_accesses, failed_groups,
        handler_calls, links, resumed, x87_loads, sse_loads;
} JitStats;

typedef struct JitConfig {
    size_t cache_bytes;
    unsigned threshold; /* executions before a block is translated */
    unsigned max_insns; /* instructions per translated block: stress */
    bool no_native;     /* stress: every instruction through its handler */
    bool no_links;      /* stress */
    bool random;        /* stress: slices and blocks are cut by jit_random() */
    bool exact; /* the end of a slice too is run by a translation, one that is short enough, not by the interpreter */
    uint64_t
        wrong; /* test of the tests: the translation of the instruction at this linear address spoils EAX; ~0: none */
} JitConfig;

extern JitStats jit_stats;
uint32_t jit_random(void);
extern JitConfig jit_config;
extern CodeCache jit_cache;
extern JitIBTC *jit_ibtc;
extern JitReturns *jit_returns;  /* below 2 GiB, as is the stack */
extern uint32_t *jit_host_mxcsr; /* what C runs with; below 2 GiB */
/* True while translated code runs: arithmetic flags are in cpu->jit.flags, not in cpu->cc. */
extern bool jit_flags_out;
extern uint64_t jit_generation; /* of the code cache: changes when all is dropped */

/* Flags in cpu->jit.flags: AL = OF, AH = SF ZF AF PF CF as LAHF gives them. */
static inline void jit_flags_to_cc(CPUState *cpu)
{
    uint16_t packed = (uint16_t)cpu->jit.flags; /* as wide as translated code stores them */
    cc_set(cpu, (packed >> 8 & 0xff) | (packed & 1) << 11);
}
static inline void jit_flags_from_cc(CPUState *cpu)
{
    uint32_t flags = cc_get(cpu);
    cpu->jit.flags = (flags & 0xff) << 8 | (flags >> 11 & 1);
}
uint32_t jit_flat_segments(const CPUState *cpu);
static inline bool jit_context_is_64(const JitContext *ctx)
{
    return (ctx->mode & MODE_CODE_MASK) == MODE_CODE64;
}
enum { STATE_X87, STATE_SSE, NB_STATES };
/* SSE instructions raise neither #UD nor #NM, and floating point no exceptions. */
static inline bool jit_sse_can_load(const CPUState *cpu)
{
    return !(cpu->cr0 & (CR0_EM | CR0_TS)) && (cpu->cr4 & CR4_OSFXSR) && (cpu->mxcsr & MXCSR_MASKS) == MXCSR_MASKS;
}
/*
 * After an instruction that ended its block: where translated code goes on, when that is known and nothing has to be
 * done before; else NULL. A fetch from another page must be in the TLB; it sets the latch. The guess may be NULL, or a
 * block that was dropped.
 */
const JitBlock *jit_next_block(CPUState *cpu, const JitBlock *guess);
bool jit_context_matches(const CPUState *cpu, const JitContext *ctx);
/*
 * Handlers had to run a group of accesses (share.c). Where that happens so often within so many instructions each, the
 * block is translated again, without groups.
 */
#define JIT_MAX_FAILED_GROUPS  50
#define JIT_FAILED_GROUP_INSNS 4000
void jit_group_failed(const CPUState *cpu, const JitBlock *jb);

/* ---- thunks.c: the fixed pieces of generated code, and the C functions behind them ---- */
typedef struct JitThunks {
    JitExit *(*enter)(void *cpu_biased, const uint8_t *code);
    const uint8_t *exit;     /* R9: JitExit */
    const uint8_t *indirect; /* R8: where to; cpu->jit.from. Leaves to look for the block there */
    const uint8_t *handler;  /* R9: JitSite. Runs the instruction; returns, or leaves */
    const uint8_t
        *access; /* R9: JitSite, R8: linear address. Returns R8 and ZF clear: host address; ZF set: instruction done. */
    const uint8_t *x87_load, *sse_load; /* load the state; ZF set: impossible */
} JitThunks;
extern JitThunks jit_thunks[2]; /* by jit_context_is_64() */
/* C code that was called by translated code did not go back: now CPUState has the latch, unless it was forgotten. */
void jit_latch_of_site(CPUState *cpu);
/* A RET was led to the wrong place: back. R9: JitRet. */
extern const uint8_t *jit_mispredicted;
extern const uint8_t *jit_no_return; /* where jit_returns->base leads */
extern JitExit jit_exit_leave_record, jit_exit_indirect_record;
void jit_thunks_emit(void);

/* ---- mem.c ---- */
typedef struct ProbeKind {
    bool code64, write;
    int mmu_mode;
    unsigned size;
} ProbeKind;
const uint8_t *mem_emit_refill(Emit *e, const ProbeKind *kind);
extern const uint8_t *jit_refill[2][NB_MMU_MODES][2][5]; /* code64, mode, write, log2 bytes */

/* ---- translate.c ---- */
/* NULL: this block is not for us, or the block cache was flushed. There must be room: JIT_ROOM_*. */
#define JIT_ROOM_CODE (96 * KiB)
#define JIT_ROOM_DATA (64 * KiB)
/* most: instructions that it may have; fewer than BLOCK_MAX_INSNS: of this block only */
JitBlock *jit_translate(CPUState *cpu, Block *block, const JitContext *ctx, uint64_t eip, unsigned most);

/* ---- x87-state.c ---- */
/* Control words that translated code can run with: everything masked, and not the reserved precision. */
#define JIT_X87_MASKS       0x3f
#define JIT_X87_PC          0x300
#define JIT_X87_PC_RESERVED 0x100
static inline bool jit_x87_control_is_native(uint16_t cw)
{
    return (cw & JIT_X87_MASKS) == JIT_X87_MASKS && (cw & JIT_X87_PC) != JIT_X87_PC_RESERVED;
}
/* The guest's x87 state into the host's x87; false: it must stay where it is. */
bool jit_x87_load(CPUState *cpu);
/* And back: with x87_loaded, before C code runs that looks at it or uses the x87. */
void jit_x87_save(CPUState *cpu);
/* Once, before anything is translated: instructions that this host does otherwise than we are left to handlers. */
void jit_x87_check_host(CPUState *cpu);
/* With x87_loaded, C code runs for this site. */
void jit_x87_note_pointers(CPUState *cpu, const JitSite *site);

/* ---- chain.c ---- */
void jit_link(JitExit *exit, JitBlock *to);
void jit_unlink_block(JitBlock *jb); /* nothing leads to it any more */
void jit_ibtc_insert(JitBlock *jb);
static inline JitIBTC *jit_ibtc_slot(uint64_t eip)
{
    return &jit_ibtc[((uint32_t)eip ^ (uint32_t)eip >> JIT_IBTC_FOLD) & (JIT_IBTC_SIZE - 1)];
}
/* Or NULL. */
static inline const JitBlock *jit_ibtc_find(uint64_t eip, const JitContext *ctx)
{
    const JitIBTC *slot = jit_ibtc_slot(eip);
    return slot->eip == eip && slot->ctx == ctx->id ? (const JitBlock *)(uintptr_t)slot->block : NULL;
}
/* Of a page that code of this context is fetched from. There must be room, as for a translation. */
const JitPlace *jit_place(const JitContext *ctx, uint64_t page, uint64_t phys_page);
void jit_forget_places(void); /* with all code */
/* Does the TLB lead there? Then translated code knows. Not for another physical page of the latch's page. */
bool jit_enter_place(CPUState *cpu, const JitPlace *place);
static inline void jit_set_latch(CPUState *cpu, const JitPlace *place)
{
    cpu->fetch_page = place->page_tag;
    cpu->fetch_phys = place->phys_page;
}
/* What cpu->fetch_page holds while translated code runs; C code on its behalf may forget it like any other page. */
#define JIT_LATCH_RUNNING 2u

#endif
