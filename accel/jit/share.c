/*
 * accel/jit/share.c  Which memory accesses share a probe.
 *
 * Pushes, fields of a structure, locals: accesses that follow each other often go by the same registers, a few bytes
 * apart. The first of such a group asks the TLB once, for all bytes from the lowest to the highest; the others need
 * nothing but a displacement from the host address that it leaves in H_ADDR. Nothing between them may run C: that could
 * change the TLB. So a group consists of instructions that access what the group covers, or no memory at all, and cannot
 * fault. When the question is answered with no (mem.c), handlers run the group's instructions, one by one: the TLB is
 * filled by those alone that do access it.
 */
#include "accel/jit/translate.h"

#define ALL_REGISTERS 0xffffu
/* A group that lies across two pages costs more than it saves. */
#define MAX_SPAN 128

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
    return kind == ONE_ACCESS && is_linear(t, a, d) ? ONE_ACCESS : BARRIER;
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

/* ADD or SUB of a constant to ESP. */
static bool moves_stack(const Translator *t, const DecodedInsn *d, int64_t *by)
{
    unsigned op = d->info->map == M_1B ? d->info->opcode : 0, ext = (unsigned)d->info->modrm.reg;
    if ((op != 0x81 && op != 0x83) || insn_is_mem(d) || d->rm != R_ESP || d->op_size != native_size(t)) {
        return false;
    }
    *by = ext == 0 ? (int32_t)d->imm : -(int64_t)(int32_t)d->imm;
    return ext == 0 || ext == 5;
}

/* ---- groups ---- */

typedef struct Group {
    Access key;
    unsigned first, last, members;
    int64_t low, high; /* bytes [low, high), from where the registers pointed at the first access */
    int64_t moved;     /* ESP, since then */
    bool open, write;
} Group;

static void close_group(Translator *t, Group *g)
{
    if (g->open && g->members > 1) {
        Share *first = &t->share[g->first];
        first->role = SHARE_FIRST;
        first->last = (uint8_t)g->last;
        first->all = g->key;
        first->all.disp = g->low;
        first->all.size = (uint16_t)(g->high - g->low);
        first->all.write = g->write;
        for (unsigned k = g->first; k <= g->last; k++) {
            t->share[k].at -= (int32_t)g->low;
        }
    }
    g->open = false;
}

static bool same_registers(const Access *a, const Access *b)
{
    return a->seg == b->seg && a->base == b->base && a->index == b->index && a->scale == b->scale;
}

/* SS and DS are the same when both are flat. */
static Access key_of(const Translator *t, const Access *a)
{
    Access key = *a;
    key.seg = t->code64 && a->seg >= R_FS ? a->seg : R_DS;
    return key;
}

static bool joins(const Group *g, const Access *key, int64_t low)
{
    int64_t all_low = MIN(g->low, low), all_high = MAX(g->high, low + key->size);
    return g->open && same_registers(&g->key, key) && all_high - all_low <= MAX_SPAN;
}

static void add_access(Translator *t, Group *g, unsigned k, const Access *a)
{
    Access key = key_of(t, a);
    int64_t low = key.disp + (g->open && key.base == R_ESP ? g->moved : 0);
    if (!joins(g, &key, low)) {
        close_group(t, g);
        low = key.disp;
        *g = (Group){ .key = key, .first = k, .low = low, .high = low, .open = true };
    }
    g->last = k;
    g->members++;
    g->low = MIN(g->low, low);
    g->high = MAX(g->high, low + key.size);
    g->write |= key.write;
    t->share[k] = (Share){ .role = g->first == k ? SHARE_NONE : SHARE_LATER,
                           .at = (int32_t)low,
                           .size = key.size,
                           .write = key.write };
}

static void follow_registers(Translator *t, Group *g, const DecodedInsn *d)
{
    int64_t step = stack_step(t, d);
    uint32_t written = written_registers(d);
    if (moves_stack(t, d, &step)) {
        written &= ~(1u << R_ESP);
    }
    g->moved += step;
    if (step && (g->key.index == R_ESP)) {
        written |= 1u << R_ESP;
    }
    uint32_t used = (g->key.base < 16 ? 1u << g->key.base : 0) | (g->key.index < 16 ? 1u << g->key.index : 0);
    if (written & used) {
        close_group(t, g);
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

void share_analyse(Translator *t)
{
    Group g = { .open = false };
    bool states = uses_states(t);
    memset(t->share, 0, sizeof(t->share));
    if (t->from[0]->failed_groups >= JIT_MAX_FAILED_GROUPS) {
        return;
    }
    for (unsigned k = 0; k < t->n; k++) {
        Access a;
        Kind kind = access_of(t, k, &a);
        if (kind == BARRIER || (states && is_side_exit(t, k))) {
            close_group(t, &g);
            continue;
        }
        if (kind == ONE_ACCESS) {
            add_access(t, &g, k, &a);
        }
        follow_registers(t, &g, t->insn[k]);
    }
    close_group(t, &g);
}
