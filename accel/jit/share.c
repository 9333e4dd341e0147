/*
 * accel/jit/share.c  Which memory accesses share a probe.
 *
 * Pushes, fields of a structure, locals: accesses that follow each other often go by the same registers, a few bytes
 * apart. The first of such a group asks the TLB once, for all bytes from the lowest to the highest; the others need
 * nothing but a displacement from the host address that it leaves in H_ADDR. Nothing between them may run C: that could
 * change the TLB. So between the first and the last there are only accesses that belong to groups too, and instructions
 * that access no memory and cannot fault. When the answer is no (mem.c), the access that asked is done as the
 * interpreter does it, which often fills the TLB; then all groups that live ask again; and when it is still no,
 * handlers run the instructions, one by one, up to where no group lives any more.
 */
#include "accel/jit/translate.h"

#define ALL_REGISTERS 0xffffu
/* A group that lies across two pages costs more than it saves. */
#define MAX_SPAN 256
/* BLOCK_MAX_INSNS of them are still far from the 2 GiB of a displacement. */
#define MAX_STACK_STEP (1 << 20)

typedef enum Kind {
    NO_ACCESS,
    ONE_ACCESS,
    BARRIER, /* no part of a group */
} Kind;

/* ---- what an instruction accesses ---- */

static Kind one(Access *a, unsigned size, bool write)
{
    a->size = (uint16_t)size;
    a->write = write;
    return ONE_ACCESS;
}

static Kind stack_item(const Translator *t, Access *a, unsigned base, bool push)
{
    unsigned bytes = 1u << native_size(t);
    *a = (Access){ .seg = R_SS, .base = (uint8_t)base, .index = R_ZERO, .disp = push ? -(int64_t)bytes : 0 };
    return one(a, bytes, push);
}

static Kind one_byte_access(const Translator *t, const DecodedInsn *d, Access *a)
{
    unsigned op = d->info->opcode, ext = (unsigned)d->info->modrm.reg, bytes = 1u << d->op_size;
    switch (op) {
    case 0x00 ... 0x3f:
        return (op & 7) < 4 ? one(a, bytes, (op & 7) < 2 && op < 0x38) : BARRIER;
    case 0x50 ... 0x57:
    case 0x68:
    case 0x6a:
    case 0xe8:
        return stack_item(t, a, R_ESP, true);
    case 0x58 ... 0x5f:
    case 0xc2:
    case 0xc3:
        return stack_item(t, a, R_ESP, false);
    case 0xc9:
        return stack_item(t, a, R_EBP, false);
    case 0x63:
        return one(a, 4, false);
    case 0x80 ... 0x83:
        return one(a, bytes, ext != 7);
    case 0x69:
    case 0x6b:
    case 0x84:
    case 0x85:
    case 0x8a:
    case 0x8b:
    case 0xa0:
    case 0xa1:
        return one(a, bytes, false);
    case 0x86 ... 0x89:
    case 0xa2:
    case 0xa3:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xc7:
    case 0xd0:
    case 0xd1:
    case 0xfe:
        return one(a, bytes, true);
    case 0xf6:
    case 0xf7:
        return ext < 6 ? one(a, bytes, ext == 2 || ext == 3) : BARRIER;
    case 0xff:
        return ext < 2 ? one(a, bytes, true) : BARRIER;
    default:
        return BARRIER;
    }
}

static Kind two_byte_access(const DecodedInsn *d, Access *a)
{
    unsigned op = d->info->opcode, bytes = 1u << d->op_size;
    if (d->info->attributes & SSE) {
        unsigned operand = sse_operand_bytes(d);
        return operand && op != 0xae ? one(a, operand, d->info->attributes & WRITES_MEM) : BARRIER;
    }
    switch (op) {
    case 0x40 ... 0x4f:
    case 0xaf:
    case 0xbc:
    case 0xbd:
        return one(a, bytes, false);
    case 0x90 ... 0x9f:
        return one(a, 1, true);
    case 0xb0:
    case 0xb1:
    case 0xc0:
    case 0xc1:
        return one(a, bytes, true);
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf:
        return one(a, 1u << (op & 1), false);
    case 0xba:
        return one(a, bytes, d->info->modrm.reg != 4);
    default:
        return BARRIER;
    }
}

/*
 * Sums of its displacement and what ESP moves by fit into an instruction again, and constant addresses are so near zero
 * that their difference is one.
 */
static bool is_summable(const Access *a)
{
    bool constant = a->base == R_ZERO && a->index == R_ZERO;
    int64_t limit = constant ? 1ll << 62 : a->base == R_ESP ? 1ll << 30 : INT64_MAX;
    return -limit < a->disp && a->disp < limit;
}

/* Its linear address is the sum of what the group knows: no segment limit, no truncation. */
static bool is_linear(const Translator *t, const Access *a, const DecodedInsn *d)
{
    bool flat = t->code64 || (a->seg < R_FS && (t->ctx->flat & 1u << a->seg));
    return flat && (!insn_is_mem(d) || d->addr_size == native_size(t));
}

static Kind access_of(const Translator *t, unsigned k, Access *a)
{
    const DecodedInsn *d = t->insn[k];
    const InsnInfo *info = d->info;
    if (!t->rules[k] || (info->attributes & (X87 | MMX | ALIGN16))) {
        return BARRIER;
    }
    if (!insn_observes(t, k)) {
        return NO_ACCESS;
    }
    *a = (Access){ .seg = d->seg, .base = d->base, .index = d->index, .scale = d->scale, .disp = d->disp };
    if (d->base == R_EIP) {
        uint64_t next_ip = t->ips[k] + d->len;
        a->base = R_ZERO;
        a->disp += (int64_t)(t->code64 ? next_ip : (uint32_t)next_ip);
    }
    Kind kind = info->map == M_1B ? one_byte_access(t, d, a) : info->map == M_0F ? two_byte_access(d, a) : BARRIER;
    return kind == ONE_ACCESS && is_linear(t, a, d) && is_summable(a) ? ONE_ACCESS : BARRIER;
}

/* ---- what it does to the registers ---- */

static uint32_t register_bit(unsigned reg)
{
    return 1u << (reg & REG8_HIGH ? reg & 3 : reg & 15);
}

static uint32_t written_by_one_byte(const DecodedInsn *d, uint32_t e, uint32_t r)
{
    unsigned op = d->info->opcode, ext = (unsigned)d->info->modrm.reg;
    const uint32_t a = 1u << R_EAX, dx = 1u << R_EDX;
    switch (op) {
    case 0x38 ... 0x3d:
    case 0x50 ... 0x57:
    case 0x68:
    case 0x6a:
    case 0x70 ... 0x7f:
    case 0x84:
    case 0x85:
    case 0xa2:
    case 0xa3:
    case 0xa8:
    case 0xa9:
    case 0xeb:
    case 0xe9:
        return 0;
    case 0x00 ... 0x37:
        return (op & 7) < 2 ? e : (op & 7) < 4 ? r : (op & 7) < 6 ? a : ALL_REGISTERS;
    case 0x40 ... 0x4f:
    case 0x58 ... 0x5f:
    case 0x63:
    case 0x69:
    case 0x6b:
    case 0x8a:
    case 0x8b:
    case 0x8d:
    case 0xb0 ... 0xbf:
        return r;
    case 0x80 ... 0x83:
        return ext == 7 ? 0 : e;
    case 0x86:
    case 0x87:
        return e | r;
    case 0x88:
    case 0x89:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xc7:
    case 0xd0 ... 0xd3:
        return e;
    case 0x90 ... 0x97:
        return d->info->modrm.plus_r ? r | a : 0;
    case 0x98:
    case 0xa0:
    case 0xa1:
        return a;
    case 0x99:
        return dx;
    case 0xf6:
    case 0xf7:
        return ext < 2 ? 0 : ext < 4 ? e : a | dx;
    case 0xfe:
        return e;
    case 0xff:
        return ext < 2 ? e : ALL_REGISTERS;
    default:
        return ALL_REGISTERS;
    }
}

static bool is_general(unsigned kind)
{
    return kind == OPERAND_Gy || kind == OPERAND_Gd;
}

static uint32_t written_by_two_byte(const DecodedInsn *d, uint32_t e, uint32_t r)
{
    unsigned op = d->info->opcode;
    if (d->info->attributes & SSE) {
        return is_general(d->info->operands[0]) ? r : d->info->operands[0] == OPERAND_Ey ? e : 0;
    }
    switch (op) {
    case 0x18 ... 0x1f:
    case 0x80 ... 0x8f:
    case 0xa3:
        return 0;
    case 0x40 ... 0x4f:
    case 0xaf:
    case 0xb6:
    case 0xb7:
    case 0xbc ... 0xbf:
    case 0xc8:
        return r;
    case 0x90 ... 0x9f:
    case 0xa4:
    case 0xa5:
    case 0xab:
    case 0xac:
    case 0xad:
    case 0xb3:
    case 0xbb:
        return e;
    case 0xb0:
    case 0xb1:
        return e | 1u << R_EAX;
    case 0xba:
        return d->info->modrm.reg == 4 ? 0 : e;
    case 0xc0:
    case 0xc1:
        return e | r;
    default:
        return ALL_REGISTERS;
    }
}

/* Bits: the general registers that it may change, but for what stack_step() tells. */
static uint32_t written_registers(const DecodedInsn *d)
{
    uint32_t e = insn_is_mem(d) ? 0 : register_bit(d->rm), r = register_bit(d->reg);
    switch (d->info->map) {
    case M_1B:
        return written_by_one_byte(d, e, r);
    case M_0F:
        return written_by_two_byte(d, e, r);
    default:
        return ALL_REGISTERS;
    }
}

/* By what a constant it moves ESP. */
static int64_t stack_step(const Translator *t, const DecodedInsn *d)
{
    int64_t item = 1 << native_size(t);
    unsigned op = d->info->map == M_1B ? d->info->opcode : 0;
    return op == 0x50 || op == 0x68 || op == 0x6a ? -item : op == 0x58 && d->reg != R_ESP ? item : 0;
}

/* ADD or SUB of a constant to ESP, not too large a one. */
static bool moves_stack(const Translator *t, const DecodedInsn *d, int64_t *by)
{
    unsigned op = d->info->map == M_1B ? d->info->opcode : 0, ext = (unsigned)d->info->modrm.reg;
    if ((op != 0x81 && op != 0x83) || insn_is_mem(d) || d->rm != R_ESP || d->op_size != native_size(t)) {
        return false;
    }
    int64_t imm = (int32_t)d->imm;
    if ((ext != 0 && ext != 5) || imm < -MAX_STACK_STEP || imm > MAX_STACK_STEP) {
        return false;
    }
    *by = ext == 0 ? imm : -imm;
    return true;
}

/* ---- groups ---- */

#define MAX_OPEN 4

/* Those that more accesses may join, in the order of their last use. */
typedef struct OpenGroups {
    uint8_t group[MAX_OPEN];
    unsigned n;
} OpenGroups;

static void close_one(OpenGroups *open, unsigned i)
{
    open->n--;
    memmove(&open->group[i], &open->group[i + 1], open->n - i);
}

static void use_again(OpenGroups *open, unsigned i)
{
    uint8_t group = open->group[i];
    close_one(open, i);
    open->group[open->n++] = group;
}

/* SS and DS are the same when both are flat. Where ESP was when the block began is where its accesses count from. */
static Access key_of(const Translator *t, unsigned k, const Access *a)
{
    Access key = *a;
    key.seg = t->code64 && a->seg >= R_FS ? a->seg : R_DS;
    key.disp += a->base == R_ESP ? t->moved[k] : 0;
    return key;
}

static int64_t end_of(const Access *a)
{
    return a->disp + a->size;
}

static bool joins(const Access *all, const Access *key)
{
    bool same = all->seg == key->seg && all->base == key->base && all->index == key->index && all->scale == key->scale;
    return same && MAX(end_of(all), end_of(key)) - MIN(all->disp, key->disp) <= MAX_SPAN;
}

static void join(Group *g, const Access *key, unsigned k)
{
    int64_t end = MAX(end_of(&g->all), end_of(key));
    g->all.disp = MIN(g->all.disp, key->disp);
    g->all.size = (uint16_t)(end - g->all.disp);
    g->all.write |= key->write;
    g->last = (uint8_t)k;
}

static unsigned group_for(Translator *t, OpenGroups *open, unsigned k, const Access *key)
{
    for (unsigned i = open->n; i-- > 0;) {
        if (joins(&t->groups[open->group[i]].all, key)) {
            use_again(open, i);
            return open->group[open->n - 1];
        }
    }
    if (open->n == MAX_OPEN) {
        close_one(open, 0);
    }
    t->groups[t->nb_groups] = (Group){ .all = *key, .first = (uint8_t)k, .last = (uint8_t)k };
    open->group[open->n++] = (uint8_t)t->nb_groups;
    return t->nb_groups++;
}

static void add_access(Translator *t, OpenGroups *open, unsigned k, const Access *a)
{
    const Access key = key_of(t, k, a);
    unsigned group = group_for(t, open, k, &key);
    join(&t->groups[group], &key, k);
    t->share[k] = (Share){ .group = (uint8_t)(group + 1), .size = a->size, .write = a->write };
    t->share[k].at = (int32_t)key.disp;
}

static bool uses_register(const Access *a, uint32_t bits)
{
    return (a->base < 16 && bits >> a->base & 1) || (a->index < 16 && bits >> a->index & 1);
}

static void follow_registers(Translator *t, OpenGroups *open, unsigned k)
{
    int64_t step = stack_step(t, t->insn[k]);
    uint32_t written = written_registers(t->insn[k]);
    if (moves_stack(t, t->insn[k], &step)) {
        written &= ~(1u << R_ESP);
    }
    t->moved[k + 1] = t->moved[k] + step;
    for (unsigned i = open->n; i-- > 0;) {
        if (uses_register(&t->groups[open->group[i]].all, written)) {
            close_one(open, i);
        }
    }
}

static bool uses_states(const Translator *t)
{
    for (unsigned k = 0; k < t->n; k++) {
        if (t->insn[k]->info->attributes & (X87 | MMX | SSE)) {
            return true;
        }
    }
    return false;
}

static void collect_groups(Translator *t)
{
    OpenGroups open = { .n = 0 };
    bool states = uses_states(t);
    for (unsigned k = 0; k < t->n; k++) {
        Access a;
        Kind kind = access_of(t, k, &a);
        if (kind == BARRIER || (states && is_side_exit(t, k))) {
            open.n = 0;
        } else if (kind == ONE_ACCESS) {
            add_access(t, &open, k, &a);
        }
        follow_registers(t, &open, k);
    }
}

/* ---- regions: groups that overlap ---- */

static bool is_inside(const Group *inner, const Group *outer)
{
    return outer->first < inner->first && inner->first < outer->last;
}

/* Alone, and no other group lives on behind it: an access like any other. */
static bool is_alone(const Translator *t, const Group *g)
{
    for (unsigned i = 0; i < t->nb_groups; i++) {
        if (is_inside(g, &t->groups[i])) {
            return false;
        }
    }
    return g->first == g->last;
}

static void leave_alone(Translator *t)
{
    for (unsigned k = 0; k < t->n; k++) {
        Share *share = &t->share[k];
        if (share->group && is_alone(t, &t->groups[share->group - 1])) {
            share->group = 0;
        } else if (share->group) {
            share->at -= (int32_t)t->groups[share->group - 1].all.disp;
        }
    }
}

/* Is there an access of another group between? */
static bool is_interrupted(const Translator *t, unsigned group)
{
    const Group *g = &t->groups[group];
    for (unsigned k = g->first; k < g->last; k++) {
        if (t->share[k].group && t->share[k].group != group + 1) {
            return true;
        }
    }
    return false;
}

/* Lowest number that no earlier group has which lives as well. */
static unsigned free_park(const Translator *t, unsigned group)
{
    unsigned used = 0;
    for (unsigned i = 0; i < group; i++) {
        const Group *g = &t->groups[i];
        used |= g->parked && g->last > t->groups[group].first ? 1u << g->park : 0;
    }
    return (unsigned)__builtin_ctz(~used);
}

static void assign_parks(Translator *t)
{
    for (unsigned i = 0; i < t->nb_groups; i++) {
        t->groups[i].parked = is_interrupted(t, i);
        t->groups[i].park = (uint8_t)free_park(t, i);
        lockstep_assert(!t->groups[i].parked || t->groups[i].park < JIT_PARKS, "jit: too many groups of accesses");
    }
}

/* The last instruction of groups that overlap. They are in the order of their first one. */
static void find_ends(Translator *t)
{
    for (unsigned i = 0; i < t->nb_groups;) {
        unsigned begin = i, end = t->groups[i].last;
        for (; i < t->nb_groups && t->groups[i].first <= end; i++) {
            end = MAX(end, t->groups[i].last);
        }
        for (unsigned j = begin; j < i; j++) {
            t->groups[j].end = (uint8_t)end;
        }
    }
}

void share_analyse(Translator *t)
{
    memset(t->share, 0, sizeof(t->share));
    t->nb_groups = 0;
    if (t->from[0]->failed_groups < JIT_MAX_FAILED_GROUPS) {
        collect_groups(t);
        leave_alone(t);
        assign_parks(t);
        find_ends(t);
    }
}
