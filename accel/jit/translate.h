/*
 * accel/jit/translate.h  The translator's state while it works on one block, and what its parts do for each other.
 */
#ifndef ACCEL_JIT_TRANSLATE_H
#define ACCEL_JIT_TRANSLATE_H

#include "accel/jit/jit-private.h"

/* How to make the flags again from the operands that were kept in cpu->jit.fa and fb. */
typedef struct FlagRecipe {
    enum { RECIPE_NONE, RECIPE_ALU, RECIPE_LOGIC, RECIPE_SHIFT, RECIPE_NEG, RECIPE_IMUL } kind;
    uint8_t op, size, count;
    bool has_imm;
    int32_t imm;
} FlagRecipe;

/* Where the guest's arithmetic flags are. Several may hold. */
typedef struct FlagState {
    bool host;   /* in the host's flags... */
    bool af_bad; /* ...but AF there is not ours: ours is 0 */
    bool mem;    /* in cpu->jit.flags */
    FlagRecipe recipe;
} FlagState;

/*
 * 64-bit code has more registers than we: R8-R15 live in CPUState, and host registers hold copies of those that the
 * block uses just now. What changes a copy writes it through at the end of its instruction, so C needs no telling.
 */
typedef struct Slots {
    uint8_t guest[NB_SLOTS]; /* 0: free */
} Slots;

/* Bytes of memory, by the registers that lead there; R_ZERO: none. */
typedef struct Access {
    uint8_t seg, base, index, scale;
    uint16_t size;
    bool write;
    int64_t disp;
} Access;

/* Accesses that share a probe (share.c). */
typedef struct Group {
    Access all;          /* together; by way of ESP: from where it was when the block began */
    uint8_t first, last; /* instructions */
    uint8_t end;         /* the last instruction of all groups that overlap with it */
    bool parked;         /* others use H_ADDR between: */
    uint8_t park;        /* the host address is kept in place number so-and-so */
} Group;

/* The access of an instruction that belongs to a group. */
typedef struct Share {
    uint8_t group; /* its number + 1; 0: none */
    bool write;
    uint16_t size;
    int32_t at; /* from the group's lowest byte */
} Share;

/* Code that runs rarely, emitted behind the block. */
typedef struct Cold {
    enum { COLD_ACCESS, COLD_SEGMENT, COLD_STATE, COLD_GROUP } kind;
    uint8_t *jump;       /* rel32 that leads here */
    const uint8_t *back; /* ACCESS: with the host address in H_ADDR; STATE: it is loaded */
    const uint8_t *next; /* the instruction was done */
    JitSite *site;
    int recent; /* ACCESS: which of cpu->tlb_recent missed, -1: the TLB itself did */
    FlagState before, after;
    Slots slots_before, slots_after;
    bool flags_after;    /* somebody wants the flags after the instruction */
    bool own_recipe;     /* the recipe after it is the instruction's own */
    unsigned states;     /* to be loaded before the hot code goes on */
    JitExit *state_exit; /* STATE: when it cannot be */
    uint64_t next_ip;    /* after the instruction, */
    unsigned left;       /* and what the block has left then */
    const Group *group;  /* GROUP */
} Cold;

#define MAX_COLD (6 * BLOCK_MAX_INSNS + 2)

/* Where a way out of the block leads. */
typedef struct Stub {
    JitExit *exit;
    uint8_t *jump;
    FlagState flags; /* LINK: in the host's flags or in memory */
    unsigned refund; /* LINK: instructions of the block behind this one */
} Stub;

#define MAX_SIDE_EXITS 4 /* ways out before the last instruction */
#define MAX_STUBS      (MAX_SIDE_EXITS + 6)

typedef struct Translator Translator;
typedef void Rule(Translator *t);

struct Translator {
    Emit e;     /* to where code is going now... */
    Emit other; /* ...and the other of the two parts, hot and cold */
    JitBlock *jb;
    const JitContext *ctx;
    const JitThunks *thunks;
    int mmu_mode;
    bool code64;
    bool is_loop;       /* the block jumps to itself */
    bool may_end_slice; /* it runs once, and the slice may be over then */
    /* the instruction */
    const DecodedInsn *d;
    unsigned k, n;
    uint64_t ip, next_ip;
    /* all of them, in the order in which they run, and the decoded blocks they are of */
    const DecodedInsn *insn[BLOCK_MAX_INSNS];
    Block *from[BLOCK_MAX_INSNS];
    uint64_t ips[BLOCK_MAX_INSNS];
    /* R8-R15 */
    Slots slots;
    unsigned slot_dirty, slot_busy; /* bits: changed, wanted by the present instruction */
    unsigned slot_turn;
    /* flags */
    FlagState flags;
    uint32_t needed[BLOCK_MAX_INSNS];  /* after instruction k: read or observed before they are written */
    uint32_t on_path[BLOCK_MAX_INSNS]; /* the same, but for what only side exits want */
    bool crossing[BLOCK_MAX_INSNS];    /* and something destroys the host's flags before that */
    bool own_recipe;
    Rule *rules[BLOCK_MAX_INSNS];
    /* memory */
    Share share[BLOCK_MAX_INSNS];
    Group groups[BLOCK_MAX_INSNS];
    unsigned nb_groups;
    int64_t moved[BLOCK_MAX_INSNS + 1]; /* ESP before instruction k, since the block began: while a group goes by it */
    const Group *pointer;               /* whose host address is in H_ADDR */
    int32_t at;                         /* the operand, from H_ADDR on */
    const uint8_t *handled[BLOCK_MAX_INSNS]; /* cold code: where handlers go on with instruction k */
    unsigned states;                         /* bits: surely loaded here */
    /* x87: as in JitSite */
    const JitX87Record *x87_last;
    const DecodedInsn *x87_operand;
    /* exits */
    Cold cold[MAX_COLD];
    unsigned nb_cold, first_cold; /* first of the present instruction */
    Stub stubs[MAX_STUBS];
    unsigned nb_stubs;
};

/* ---- superblock.c ---- */
/*
 * Collect at most `most` instructions that begin with a block's at CS:eip: its own; and where BLOCK_MAX_INSNS are
 * allowed those of blocks on its page that often follow it. False: this block is not for us, or the block cache was
 * flushed.
 */
bool superblock_collect(Translator *t, CPUState *cpu, Block *block, uint64_t eip, unsigned most);

/* ---- translate.c: registers ---- */
/*
 * Where a guest register is while this instruction lasts; R8-R15 are fetched when they are nowhere (which touches no
 * flags, but may not stand in a conditional part of the code). Three of them at most.
 */
unsigned host_reg(Translator *t, unsigned guest);
/* The same when it is overwritten as a whole. */
unsigned host_reg_out(Translator *t, unsigned guest);
/* The instruction changes it: to be said in the rule, once it is fetched. */
void reg_changed(Translator *t, unsigned guest);
/* Byte registers: AH..BH are H_HIGH | 0..3. */
unsigned host_reg_sized(Translator *t, unsigned guest, unsigned size);
static inline bool is_high_byte(unsigned reg, unsigned size)
{
    return size == 0 && (reg & REG8_HIGH);
}
/* From code that runs to code that hardly does, or back. */
void switch_part(Translator *t);
void slots_emit_reload(Emit *e, const Slots *slots);
/* Instruction k is a conditional jump out of the block's middle. */
static inline bool is_side_exit(const Translator *t, unsigned k)
{
    const InsnInfo *info = t->insn[k]->info;
    return k + 1 < t->n && (info->attributes & ENDS_BLOCK) && info->flags_read;
}
/* log2 bytes of an address, of a near branch's target and of a stack item. */
static inline unsigned native_size(const Translator *t)
{
    return t->code64 ? 3 : 2;
}

/* ---- flags.c ---- */
void flags_analyse(Translator *t);
bool insn_observes(const Translator *t, unsigned k);
/* Something that destroys the host's flags follows: keep what is needed. */
void flags_before_clobber(Translator *t);
void flags_want_host(Translator *t);
void flags_want_mem(Translator *t);
/* Jump on a guest condition: emits a test when that is cheaper than restoring; returns the host's condition. */
unsigned flags_want_condition(Translator *t, unsigned cond);
/* The instruction has set the host's flags (af_bad: but for AF). */
void flags_set(Translator *t, bool af_bad);
void flags_set_recipe(Translator *t, bool host_valid, FlagRecipe recipe);
/* Should the operands be kept for a recipe? Else, when flags_lost_later(), they are saved at once. */
bool flags_keep_operands(const Translator *t);
/* The first and the second operand, before they change. */
static inline void flags_keep_first(Translator *t, unsigned reg)
{
    em_store(&t->e, 3, reg, H_CPU, CPU_OFF(jit.fa));
}
static inline void flags_keep_second(Translator *t, unsigned reg)
{
    em_store(&t->e, 3, reg, H_CPU, CPU_OFF(jit.fb));
}
void flags_emit_recipe_to_mem(Emit *e, const FlagRecipe *r); /* cold paths */
void flags_emit_restore(Emit *e);                            /* uses H_T2 */
void flags_emit_save(Emit *e, bool af_bad);                  /* uses H_T2 */

/* ---- share.c ---- */
/* Fills in t->share and t->groups; rules are chosen. */
void share_analyse(Translator *t);
/* Needs no probe any more. */
static inline bool is_later_access(const Translator *t, unsigned k)
{
    return t->share[k].group && t->groups[t->share[k].group - 1].first < k;
}

/* ---- mem.c ---- */
/* H_ADDR + t->at = host address of the memory operand. */
void mem_operand(Translator *t, unsigned size, bool write);
void mem_operand_aligned(Translator *t, unsigned size, bool write,
                         bool aligned); /* aligned: else the handler raises #GP */
/* H_ADDR + t->at = host address of that item of a bit string (BT and its like) in which bit number `guest` lies; of the
 * native address size. */
void mem_bit_string(Translator *t, unsigned guest, bool write);
/* The same for seg:[register + disp]; addresses are of the native size. */
void mem_at(Translator *t, unsigned seg, unsigned guest_base, int32_t disp, unsigned size, bool write);
static inline void mem_stack(Translator *t, unsigned guest_base, int32_t disp, unsigned size, bool write)
{
    mem_at(t, R_SS, guest_base, disp, size, write);
}
/* Register = offset of an instruction's memory operand in its segment. Changes no flags. */
void mem_offset(Translator *t, const DecodedInsn *d, unsigned reg);
/* When the host condition holds, the handler does this instruction instead. Nothing of it may have been done. */
void handler_if(Translator *t, unsigned cond);
/* H_ADDR: linear -> host address of something to be read, at the present privilege; else the same. */
void mem_linear_or_handler(Translator *t, unsigned size);
/*
 * host = host address of what register `reg` points to, if the TLB has its page and the `more` (a register; fewer than
 * the TLB's pages hold) bytes behind the first one lie on it too; else the jump that is returned is taken. `host` may
 * be H_T1; H_T1 and H_T2 are gone.
 */
uint8_t *mem_probe_run(Translator *t, unsigned host, unsigned reg, unsigned more, bool write);
void mem_emit_cold(Translator *t);
/* The instruction at which the translator is from now on. */
void set_insn(Translator *t, unsigned k);
JitSite *new_site(Translator *t);
void call_handler_in_place(Translator *t);

/* ---- rules: NULL when an instruction is left to its handler ---- */
Rule *rule_for_alu(const Translator *t, const DecodedInsn *d);
Rule *rule_for_mov(const Translator *t, const DecodedInsn *d);
Rule *rule_for_branch(const Translator *t, const DecodedInsn *d, uint64_t next_ip);
Rule *rule_for_sse(const DecodedInsn *d);
/* Of the operand that may be memory; 0: of a kind that is not for us. */
unsigned sse_operand_bytes(const DecodedInsn *d);
Rule *rule_for_x87(const DecodedInsn *d);
Rule *rule_for_mmx(const DecodedInsn *d);
/* is_last: of its translation */
Rule *rule_for_system(const Translator *t, const DecodedInsn *d, bool is_last);
/* translate-rep.c. The last of its translation. */
Rule *rule_for_rep(const Translator *t, const DecodedInsn *d);
bool system_rule_observes(const DecodedInsn *d);
/* Its flags cannot be made: it is left to its handler where they are wanted. */
bool rule_needs_dead_flags(const DecodedInsn *d);
/* What a rule does with guest flags where it differs from the table's row. */
uint32_t rule_flags_read(const DecodedInsn *d);
uint32_t rule_flags_killed(const DecodedInsn *d);

/* ---- translate-state.c ---- */
/* Before instruction k: load the states that surely are needed, before a handler may change that. Flags go to memory.
 * If that is impossible, the block is left for ip. */
void states_guard(Translator *t, unsigned k, uint64_t ip);
/* Bit set of loaded states that instructions from k on may need, before a handler may change that. */
unsigned states_kept(const Translator *t, unsigned k);
/* Cold paths: the same, without jumping. */
void states_emit_load(Translator *t, unsigned states, const JitExit *otherwise);
JitExit *states_new_exit(const Translator *t, uint64_t ip, unsigned left);

/* ---- translate-x87.c ---- */
/* Register forms, opcode D8h-DFh: for us, unless this host's result is another than ours (x87-state.c). */
bool x87_register_form_is_native(unsigned opcode, unsigned modrm);
void x87_leave_to_handler(unsigned opcode, unsigned modrm);
void x87_emit_register_form(Emit *e, unsigned opcode, unsigned modrm);
/* Before instruction k, which is not left to its handler: pointers are noted as far as that must be now. Keeps flags.
 */
void x87_before_insn(Translator *t);
void x87_flush_pointers(Translator *t);

/* ---- translate-branch.c ---- */
/* The rel32 at `jump` is to lead to `target` (an offset in CS). */
void emit_link(Translator *t, uint8_t *jump, uint64_t target);
/* On to `target`, here. */
void emit_goto(Translator *t, uint64_t target);
/* Is it in another page than the end of the block? */
bool link_crosses(const Translator *t, uint64_t target);
void emit_entry(Translator *t);
/* A near jump with one target, conditional or not, that has a rule. */
bool branch_is_known(const Translator *t, const DecodedInsn *d, uint64_t next_ip, uint64_t *target);
/* What the jumps out of the middle have left undone. */
void emit_side_exits(Translator *t);
/* The stubs behind the block. */
void emit_stubs(Translator *t);
uint64_t branch_target(const DecodedInsn *d, uint64_t next_ip);
uint64_t linear_page(const Translator *t, uint64_t ip);
/* A way out that leads to eip; refund, and the jumps to what emit_exit() makes, are the caller's. */
JitExit *alloc_exit(const Translator *t, JitExitKind kind, uint64_t eip);
/* This one may be joined to a block: by the rel32 at `jump`. */
void add_link(Translator *t, JitExit *exit, uint8_t *jump);
void emit_exit(Translator *t, const JitExit *exit);
/* ZF set: the TLB is known to lead to the place of the block that the exit is joined to. */
void emit_link_compare(Translator *t, JitExit *exit);

/* ---- translate-call.c ---- */
Rule rule_call, rule_ret, rule_jmp_e, rule_call_e;

#endif
