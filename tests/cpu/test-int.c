/* LINK: target/i386/flags.c target/i386/int-alu.c target/i386/int-shift.c target/i386/int-muldiv.c target/i386/int-bits.c target/i386/int-mov.c target/i386/int-stack.c target/i386/int-string.c target/i386/int-branch.c */
/*
 * tests/cpu/test-int.c  Integer handlers on a bare CPUState.
 *
 * /int/host/...: every row that user mode can run is encoded with random registers, immediates and memory operands,
 * executed on the host CPU (x86-64 only) and by the handler; registers, memory and the flags that the row does not call
 * undefined must agree. The rest: known answers, and REP against a model that goes element by element.
 */
#include <signal.h>
#include <sys/mman.h>

#include "target/i386/access.h"
#include "target/i386/flags.h"
#include "target/i386/handlers-int.h"
#include "target/i386/insn.h"
#include "tests/cpu/coverage.h"
#include "tests/cpu/raise-stubs.h"
#include "tests/cpu/random-values.h"

static const InsnInfo rows[] = {
#include "target/i386/insns-int.h"
};

/* ---- the world: RAM at one place for guest and host, so addend is 0 ---- */

#define RAM_BASE 0x10000000ull
#define RAM_SIZE 0x40000u
#define NB_PAGES (RAM_SIZE >> PAGE_BITS)

typedef enum PageKind { PAGE_RAM, PAGE_READONLY, PAGE_ABSENT, PAGE_MMIO } PageKind;

static uint8_t *ram;
static PageKind pages[NB_PAGES];
static CPUState *cpu;
static int mmio_accesses, probes;
static bool feature_lahf = true;

bool cpu_has(const CPUState *c, CPUFeature feature)
{
    (void)c;
    return feature != FEAT_LAHF_LM || feature_lahf;
}

static PageKind page_kind(uint64_t la)
{
    g_assert(la >= RAM_BASE && la < RAM_BASE + RAM_SIZE);
    return pages[(la - RAM_BASE) >> PAGE_BITS];
}

static void check_page(CPUState *c, uint64_t la, bool write)
{
    PageKind kind = page_kind(la);
    if (kind == PAGE_ABSENT || (write && kind == PAGE_READONLY)) {
        c->exception_cr2 = la;
        cpu_raise(c, EXCP_PF, write ? 2 : 0);
    }
    if (kind == PAGE_MMIO) {
        mmio_accesses++;
        cpu_interrupt_point(c);
    }
}

uint64_t cpu_ld_slow(CPUState *c, uint64_t la, unsigned size, int mmu_mode)
{
    (void)mmu_mode;
    uint64_t v = 0;
    check_page(c, la, false);
    if ((la + size - 1) >> PAGE_BITS != la >> PAGE_BITS) {
        check_page(c, la + size - 1, false);
    }
    memcpy(&v, (void *)(uintptr_t)la, size);
    return v;
}

void cpu_st_slow(CPUState *c, uint64_t la, uint64_t value, unsigned size, int mmu_mode)
{
    (void)mmu_mode;
    check_page(c, la, true);
    if ((la + size - 1) >> PAGE_BITS != la >> PAGE_BITS) {
        check_page(c, la + size - 1, true);
    }
    memcpy((void *)(uintptr_t)la, &value, size);
}

void cpu_probe(CPUState *c, uint64_t la, unsigned size, AccessKind kind, int mmu_mode)
{
    (void)mmu_mode;
    bool point = c->int_point;
    int count = mmio_accesses;
    const DecodedInsn *end = c->run_end;
    probes++;
    check_page(c, la, kind == ACCESS_WRITE);
    check_page(c, la + size - 1, kind == ACCESS_WRITE);
    c->int_point = point;
    c->run_end = end;
    mmio_accesses = count;
}

void *cpu_host_ptr(CPUState *c, uint64_t la, unsigned size, AccessKind kind, int mmu_mode)
{
    g_assert_cmpuint(la >> PAGE_BITS, ==, (la + size - 1) >> PAGE_BITS);
    if (page_kind(la) == PAGE_MMIO) {
        return NULL;
    }
    cpu_probe(c, la, size, kind, mmu_mode);
    return (void *)(uintptr_t)la;
}

uint64_t seg_address_slow(CPUState *c, int seg, uint64_t offset, unsigned size, AccessKind kind)
{
    (void)kind;
    if (offset + size - 1 > c->seg[seg].limit) {
        cpu_raise(c, seg == R_SS ? EXCP_SS : EXCP_GP, 0);
    }
    return (uint32_t)(c->seg[seg].base + offset);
}

/* fast: what may be reached directly is; otherwise every access takes the slow way. */
static void derive_tlb(bool fast)
{
    for (unsigned i = 0; i < NB_PAGES; i++) {
        uint64_t la = RAM_BASE + i * PAGE_SIZE;
        TLBFast *e = tlb_fast_entry(cpu, la, MMU_KERNEL);
        *e = (TLBFast){ TLB_NEVER, TLB_NEVER, TLB_NEVER, 0 };
        if (fast && (pages[i] == PAGE_RAM || pages[i] == PAGE_READONLY)) {
            e->read = la;
            e->write = pages[i] == PAGE_RAM ? la : TLB_NEVER;
        }
    }
}

static void set_segment(int seg, uint64_t base, uint32_t limit)
{
    cpu->seg[seg] = (SegmentCache){
        .base = base, .limit = limit, .read_end = limit + 1ull, .write_end = limit + 1ull, .linear_base = base
    };
}

static void set_segments(uint64_t base, uint32_t limit)
{
    for (int seg = R_ES; seg <= R_GS; seg++) {
        set_segment(seg, base, limit);
    }
}

static void world_reset(void)
{
    memset(pages, 0, sizeof(pages));
    memset(cpu->regs, 0, sizeof(cpu->regs));
    memset(ram, 0, RAM_SIZE);
    cpu->mode = MODE_CODE32 | MODE_SS32;
    cpu->linear_mask = 0xffffffff;
    cpu->icount = 0;
    cpu->icount_limit = 1000000;
    cpu->int_point = false;
    cpu->pending_db = 0;
    cpu->insn_ip = 0x100;
    cpu->eip = 0x102;
    cpu_set_eflags(cpu, 2);
    set_segments(RAM_BASE, RAM_SIZE - 1);
    derive_tlb(true);
}

/* Runs the handler; returns the exception's vector or -1. */
static int run(const DecodedInsn *d)
{
    static const DecodedInsn block;
    cpu->run_end = &block;
    if (sigsetjmp(cpu->fault_jmp, 0)) {
        return cpu->exception_index;
    }
    d->exec(cpu, d);
    return -1;
}

/* ---- building instructions ---- */

static const InsnInfo *find_row(InsnMap map, uint8_t opcode, int ext)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const InsnInfo *r = &rows[i];
        bool here = r->modrm.plus_r ? (opcode & 0xf8) == r->opcode : opcode == r->opcode;
        if (r->map == map && here && (ext < 0 || r->modrm.reg < 0 || r->modrm.reg == ext) && r->prefix == PFX_ANY) {
            return r;
        }
    }
    g_error("no row %u %02x /%d", map, opcode, ext);
}

/* A row without memory operand, or register form; op_size as log2. Fill in the rest by hand. */
static DecodedInsn build(const InsnInfo *row, unsigned op_size)
{
    DecodedInsn d = { .info = row,
                      .op_size = op_size,
                      .addr_size = 2,
                      .ea_mask = 0xffffffff,
                      .seg = R_DS,
                      .modrm = 0xc0,
                      .base = R_ZERO,
                      .index = R_ZERO };
    d.exec = row->handlers->fn[0][op_size];
    return d;
}

static DecodedInsn build_op(InsnMap map, uint8_t opcode, int ext, unsigned op_size)
{
    DecodedInsn d = build(find_row(map, opcode, ext), op_size);
    coverage_row(d.info, COVERAGE_ANSWER);
    d.reg = opcode & 7;
    return d;
}

static void make_memory(DecodedInsn *d, unsigned base, int64_t disp)
{
    d->modrm = 0;
    d->base = (uint8_t)base;
    d->disp = disp;
    d->seg = base == R_ESP || base == R_EBP ? R_SS : R_DS;
    d->exec = d->info->handlers->fn[1][d->op_size];
}

static int run_op(InsnMap map, uint8_t opcode, int ext, unsigned op_size)
{
    DecodedInsn d = build_op(map, opcode, ext, op_size);
    return run(&d);
}

/* ---- comparison with the host ---- */
#ifdef __x86_64__

typedef struct HostState {
    uint64_t gpr[16], flags;
} HostState;
void host_run(HostState *s, const void *code);
__asm__(".text\n"
        "host_run:\n"
        "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "push %rdi\n push %rsi\n"
        "pushq 128(%rdi)\n popfq\n"
        "mov 0(%rdi), %rax\n mov 8(%rdi), %rcx\n mov 16(%rdi), %rdx\n mov 24(%rdi), %rbx\n mov 40(%rdi), %rbp\n"
        "mov 48(%rdi), %rsi\n mov 64(%rdi), %r8\n mov 72(%rdi), %r9\n mov 80(%rdi), %r10\n mov 88(%rdi), %r11\n"
        "mov 96(%rdi), %r12\n mov 104(%rdi), %r13\n mov 112(%rdi), %r14\n mov 120(%rdi), %r15\n mov 56(%rdi), %rdi\n"
        "call *(%rsp)\n"
        "xchg %rdi, 8(%rsp)\n"
        "mov %rax, 0(%rdi)\n mov %rcx, 8(%rdi)\n mov %rdx, 16(%rdi)\n mov %rbx, 24(%rdi)\n mov %rbp, 40(%rdi)\n"
        "mov %rsi, 48(%rdi)\n mov %r8, 64(%rdi)\n mov %r9, 72(%rdi)\n mov %r10, 80(%rdi)\n mov %r11, 88(%rdi)\n"
        "mov %r12, 96(%rdi)\n mov %r13, 104(%rdi)\n mov %r14, 112(%rdi)\n mov %r15, 120(%rdi)\n"
        "pushfq\n popq 128(%rdi)\n cld\n"
        "mov 8(%rsp), %rax\n mov %rax, 56(%rdi)\n"
        "add $16, %rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

#define WINDOW      0x8000u /* offset in RAM of what memory operands reach */
#define WINDOW_SIZE 512u
#define CASES       400

static uint8_t *code;
static sigjmp_buf host_fault;

static void on_sigfpe(int sig)
{
    (void)sig;
    siglongjmp(host_fault, 1);
}

/* False on a divide error. */
static bool run_on_host(HostState *s)
{
    HostState copy = *s;
    if (sigsetjmp(host_fault, 1)) {
        return false;
    }
    host_run(&copy, code);
    *s = copy;
    return true;
}

static uint64_t random_value(void)
{
    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        return random_corner();
    case 1:
        return random_small();
    default:
        return random64();
    }
}

static bool has_operand(const InsnInfo *r, OperandKind kind)
{
    return r->operands[0] == kind || r->operands[1] == kind || r->operands[2] == kind || r->operands[3] == kind;
}

static bool is_byte_row(const InsnInfo *r)
{
    return r->attributes & BYTE_OP;
}

static bool has_memory_form(const InsnInfo *r)
{
    return r->modrm.has_modrm && r->modrm.mod != MOD_REG;
}

/* What user mode in 64-bit code cannot show, or another test does. */
static bool host_can_run(const InsnInfo *r)
{
    return !(r->attributes & (NO64 | DEF64 | ENDS_BLOCK | REP_OK)) && !has_operand(r, OPERAND_Ob) &&
           !has_operand(r, OPERAND_Ov) && r->opcode != 0xd7;
}

static unsigned immediate_bytes(const InsnInfo *r, unsigned size)
{
    if (has_operand(r, OPERAND_Ib) || has_operand(r, OPERAND_sIb)) {
        return 1;
    }
    if (has_operand(r, OPERAND_Iz)) {
        return size == 1 ? 2 : 4;
    }
    return has_operand(r, OPERAND_Iv) ? 1u << size : 0;
}

static uint64_t immediate_value(const InsnInfo *r, uint64_t v, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;
    if (has_operand(r, OPERAND_I1)) {
        return 1;
    }
    if (bytes == 0) {
        return 0;
    }
    bool zero_extended = has_operand(r, OPERAND_Ib) || has_operand(r, OPERAND_Iv);
    return zero_extended ? v << shift >> shift : (uint64_t)((int64_t)(v << shift) >> shift);
}

/* A register number that may be encoded here; RSP stays out of it. */
static unsigned pick_register(bool byte, bool rex)
{
    for (;;) {
        unsigned r = (unsigned)g_test_rand_int_range(0, rex ? 16 : 8);
        if (r != R_ESP || (byte && !rex)) {
            return r;
        }
    }
}

static uint8_t operand_register(unsigned r, bool byte, bool rex)
{
    return byte && !rex && r >= 4 ? (uint8_t)(REG8_HIGH | (r & 3)) : (uint8_t)r;
}

/* Writes the bytes for the host and fills d, which says the same. */
static void encode(const InsnInfo *r, unsigned size, bool mem, DecodedInsn *d)
{
    bool rex = size == 3 || g_test_rand_bit();
    bool byte_reg = has_operand(r, OPERAND_Gb) || has_operand(r, OPERAND_Zb), byte_rm = has_operand(r, OPERAND_Eb);
    unsigned reg = r->modrm.reg >= 0 ? (unsigned)r->modrm.reg : pick_register(byte_reg, rex);
    unsigned rm = mem ? R_EBX : pick_register(byte_rm, rex);
    unsigned bytes = immediate_bytes(r, size);
    uint64_t immediate = random_value();
    int8_t disp = (int8_t)g_test_rand_int_range(-100, 100);
    uint8_t *p = code;

    if (r->modrm.plus_r && r->opcode == 0x90 && reg == 0) {
        reg = R_ECX; /* that one is NOP */
    }
    if (r->attributes & LOCKABLE && r->opcode == 0xc7 && size == 3) {
        disp &= ~15;
    }
    d->imm = immediate_value(r, immediate, bytes);
    d->reg = operand_register(reg, byte_reg, rex);
    d->rm = operand_register(rm, byte_rm, rex);
    d->modrm = (uint8_t)(mem ? 0x40 | (reg & 7) << 3 | R_EBX : 0xc0 | (reg & 7) << 3 | (rm & 7));
    d->base = mem ? R_EBX : R_ZERO;
    d->disp = disp;
    if (size == 1) {
        *p++ = 0x66;
    }
    if (r->prefix == PFX_F3) {
        *p++ = 0xf3;
    }
    if (rex) {
        unsigned b = r->modrm.plus_r ? reg >> 3 : rm >> 3, high = r->modrm.plus_r || r->modrm.reg >= 0 ? 0 : reg >> 3;
        *p++ = (uint8_t)(0x40 | (size == 3) << 3 | (r->modrm.has_modrm ? high << 2 : 0) |
                         (r->modrm.has_modrm || r->modrm.plus_r ? b : 0));
    }
    if (r->map != M_1B) {
        *p++ = 0x0f;
    }
    if (r->map == M_0F38) {
        *p++ = 0x38;
    }
    *p++ = (uint8_t)(r->modrm.plus_r ? r->opcode | (reg & 7) : r->opcode);
    if (r->modrm.has_modrm) {
        *p++ = d->modrm;
        if (mem) {
            *p++ = (uint8_t)disp;
        }
    }
    memcpy(p, &immediate, bytes);
    p[bytes] = 0xc3;
}

/* Flags, or results, that the manual leaves open for this count. 0: compare nothing. */
static bool count_is_defined(const InsnInfo *r, unsigned size, unsigned count, uint32_t *mask)
{
    if (!g_str_has_prefix(r->mnemonic, "sh")) {
        return true;
    }
    count &= size == 3 ? 63 : 31;
    if (size == 1 && count > 16) {
        *mask &= ~CC_C;
        return r->map != M_0F;
    }
    if ((size == 1 && count == 16) || (size == 0 && count >= 8)) {
        *mask &= ~CC_C;
    }
    return true;
}

static unsigned shift_count(const InsnInfo *r, const DecodedInsn *d, const HostState *s)
{
    return has_operand(r, OPERAND_CL) ? (uint8_t)s->gpr[R_ECX] : (unsigned)d->imm & 0xff;
}

static bool is_shift(const InsnInfo *r)
{
    return (r->map == M_1B && (r->opcode & 0xec) == 0xc0 && r->opcode != 0xc2 && r->opcode != 0xc3 &&
            (r->opcode & 2) == 0) ||
           (r->map == M_1B && r->opcode >= 0xd0 && r->opcode <= 0xd3) || g_str_has_prefix(r->mnemonic, "shld") ||
           g_str_has_prefix(r->mnemonic, "shrd");
}

static void prepare_case(const InsnInfo *r, unsigned size, bool mem, const DecodedInsn *d, HostState *s)
{
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = random_value();
    }
    s->flags = (random64() & CC_ALL) | 2;
    if (mem) {
        s->gpr[R_EBX] = RAM_BASE + WINDOW + WINDOW_SIZE / 2;
    }
    bool bit_string = mem && r->map == M_0F && has_operand(r, OPERAND_Gv) &&
                      (r->opcode == 0xa3 || r->opcode == 0xab || r->opcode == 0xb3 || r->opcode == 0xbb);
    if (bit_string && d->reg != R_EBX) {
        s->gpr[d->reg] = (uint64_t)(int64_t)g_test_rand_int_range(-900, 900);
    }
    uint64_t *w = (uint64_t *)(void *)(ram + WINDOW);
    for (unsigned i = 0; i < WINDOW_SIZE / 8; i++) {
        w[i] = random_value();
    }
    if (g_str_has_prefix(r->mnemonic, "cmpxchg") && g_test_rand_bit()) {
        uint64_t la = s->gpr[R_EBX] + (uint64_t)d->disp;
        if (mem) {
            memcpy(&s->gpr[R_EAX], (void *)(uintptr_t)la, 8);
            memcpy(&s->gpr[R_EDX], (void *)(uintptr_t)(la + (size == 3 ? 8 : 4)), 8);
        } else {
            s->gpr[R_EAX] = s->gpr[d->rm & 15];
        }
    }
    if (g_str_has_suffix(r->mnemonic, "div") && g_test_rand_bit()) {
        s->gpr[R_EDX] = g_test_rand_bit() ? 0 : ~0ull; /* quotients that fit */
    }
}

static bool self_addressed_bit_string(const InsnInfo *r, bool mem, const DecodedInsn *d)
{
    return mem && r->map == M_0F && has_operand(r, OPERAND_Gv) && d->reg == R_EBX &&
           (r->opcode == 0xa3 || r->opcode == 0xab || r->opcode == 0xb3 || r->opcode == 0xbb);
}

static void check_case(const InsnInfo *r, unsigned size, bool mem)
{
    static uint8_t before[WINDOW_SIZE], expected[WINDOW_SIZE];
    DecodedInsn d = { .info = r, .op_size = size, .addr_size = 3, .ea_mask = ~0ull, .seg = R_DS, .index = R_ZERO };
    HostState s, start;
    uint32_t mask = CC_ALL & ~r->flags_undefined;

    encode(r, size, mem, &d);
    if (self_addressed_bit_string(r, mem, &d)) {
        return;
    }
    prepare_case(r, size, mem, &d, &s);
    if (is_shift(r) && (shift_count(r, &d, &s) & (size == 3 ? 63 : 31)) == 0) {
        mask = CC_ALL;
    } else if (!count_is_defined(r, size, shift_count(r, &d, &s), &mask)) {
        return;
    }
    memcpy(before, ram + WINDOW, WINDOW_SIZE);
    start = s;
    bool ok = run_on_host(&s);
    memcpy(expected, ram + WINDOW, WINDOW_SIZE);
    memcpy(ram + WINDOW, before, WINDOW_SIZE);

    memcpy(cpu->gpr, start.gpr, sizeof(start.gpr));
    cpu_set_eflags(cpu, (uint32_t)start.flags);
    derive_tlb(g_test_rand_bit());
    d.exec = r->handlers->fn[mem][size];
    g_assert_nonnull(d.exec);
    int vector = run(&d);

    g_assert_cmpint(vector, ==, ok ? -1 : EXCP_DE);
    for (unsigned i = 0; i < 16; i++) {
        if (i != R_ESP && cpu->gpr[i] != s.gpr[i]) {
            g_error("%s (%02x /%d) size %u mem %d: register %u is %#" PRIx64 ", host %#" PRIx64 ", was %#" PRIx64
                    " (reg %u rm %u imm %#" PRIx64 ")",
                    r->mnemonic, r->opcode, r->modrm.reg, 8u << size, mem, i, cpu->gpr[i], s.gpr[i], start.gpr[i],
                    d.reg, d.rm, d.imm);
        }
    }
    if (ok && ((cpu_get_eflags(cpu) ^ s.flags) & mask)) {
        g_error("%s (%02x /%d) size %u mem %d: flags %#x, host %#x, were %#x, mask %#x (rax %#" PRIx64 " reg %#" PRIx64
                " rm %#" PRIx64 " imm %#" PRIx64 ")",
                r->mnemonic, r->opcode, r->modrm.reg, 8u << size, mem, cpu_get_eflags(cpu) & CC_ALL,
                (uint32_t)s.flags & CC_ALL, (uint32_t)start.flags & CC_ALL, mask, start.gpr[0], start.gpr[d.reg & 15],
                start.gpr[d.rm & 15], d.imm);
    }
    g_assert_cmpmem(ram + WINDOW, WINDOW_SIZE, expected, WINDOW_SIZE);
}

static void check_row(const InsnInfo *r)
{
    bool eight_bytes = has_operand(r, OPERAND_My) || has_operand(r, OPERAND_Mq);
    unsigned first = is_byte_row(r) ? 0 : eight_bytes || r->opcode == 0xc8 ? 2 : 1, last = is_byte_row(r) ? 0 : 3;
    if (r->map == M_0F38) {
        first = r->prefix == PFX_66 ? 1 : 2;
        last = r->prefix == PFX_66 ? 1 : 3;
    }
    for (unsigned size = first; size <= last; size++) {
        for (unsigned i = 0; i < (coverage_only() ? 1 : CASES); i++) {
            if (r->modrm.mod != MOD_MEM) {
                check_case(r, size, false);
            }
            if (has_memory_form(r) && r->opcode != 0x8d) {
                check_case(r, size, true);
            }
        }
    }
}

static void test_host(gconstpointer mnemonic)
{
    world_reset();
    set_segments(0, 0xffffffff);
    unsigned n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (g_str_equal(rows[i].mnemonic, mnemonic) && host_can_run(&rows[i])) {
            check_row(&rows[i]);
            coverage_row(&rows[i], COVERAGE_HOST);
            n++;
        }
    }
    g_assert_cmpuint(n, >, 0);
}

static void test_host_coverage(void)
{
    unsigned compared = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        compared += host_can_run(&rows[i]);
    }
    g_test_message("%u of %zu rows are compared with the host", compared, ARRAY_SIZE(rows));
    g_assert_cmpuint(compared, >, ARRAY_SIZE(rows) / 2);
}

static void add_host_tests(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    struct sigaction action = { .sa_handler = on_sigfpe, .sa_flags = SA_NODEFER };
    code = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert(code != MAP_FAILED);
    sigaction(SIGFPE, &action, NULL);
    g_test_add_func("/int/host-coverage", test_host_coverage);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (host_can_run(&rows[i]) && g_hash_table_add(seen, (gpointer)rows[i].mnemonic)) {
            g_autofree char *path = g_strdup_printf("/int/host/%s", rows[i].mnemonic);
            g_test_add_data_func(path, rows[i].mnemonic, test_host);
        }
    }
}
#else
static void add_host_tests(void)
{
}
#endif

/* ---- the table ---- */

static void test_rows_have_handlers(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const InsnInfo *r = &rows[i];
        unsigned form = r->modrm.mod == MOD_MEM;
        unsigned size = r->attributes & BYTE_OP ? 0 : 2;
        g_assert_nonnull(r->handlers->fn[form][size]);
        if (r->modrm.has_modrm && r->modrm.mod == MOD_ANY) {
            g_assert_nonnull(r->handlers->fn[1][size]);
        }
        g_assert_cmphex((r->flags_written | r->flags_undefined | r->flags_read) & ~CC_ALL, ==, 0);
    }
    for (int ext = 0; ext < 8; ext++) {
        g_assert(find_row(M_1B, 0x82, ext)->handlers == find_row(M_1B, 0x80, ext)->handlers);
    }
}

/* ---- flags ---- */

static bool reference_condition(uint32_t f, unsigned cond)
{
    bool c = f & CC_C, z = f & CC_Z, s = f & CC_S, o = f & CC_O, p = f & CC_P;
    const bool values[8] = { o, c, z, c || z, s, p, s != o, z || s != o };
    return values[cond >> 1] != (cond & 1);
}

static void test_flags_round_trip(void)
{
    world_reset();
    for (uint32_t f = 0; f < 0x1000; f++) {
        if (f & ~CC_ALL) {
            continue;
        }
        cpu_set_eflags(cpu, f);
        g_assert_cmphex(cpu_get_eflags(cpu), ==, f | 2);
        for (unsigned cond = 0; cond < 16; cond++) {
            g_assert_cmpint(cc_test(cpu, cond), ==, reference_condition(f, cond));
        }
        LazyFlags canonical = cpu->cc;
        cc_materialize(cpu);
        g_assert_cmpmem(&cpu->cc, sizeof(LazyFlags), &canonical, sizeof(LazyFlags));
        cc_set_c(cpu, 0);
        g_assert_cmphex(cpu_get_eflags(cpu), ==, (f & ~CC_C) | 2);
        cc_set_c(cpu, 1);
        g_assert_cmphex(cpu_get_eflags(cpu), ==, f | CC_C | 2);
        cc_set_co(cpu, 0, 1);
        g_assert_cmphex(cpu_get_eflags(cpu), ==, (f & ~CC_C) | CC_O | 2);
    }
}

static void test_flags_system_bits(void)
{
    cpu_set_eflags(cpu, DF_MASK | IF_MASK | CC_Z);
    g_assert_cmpint(cpu->df, ==, -1);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, DF_MASK | IF_MASK | CC_Z | 2);
    run_op(M_1B, 0xfc, -1, 2);
    g_assert_cmpint(cpu->df, ==, 1);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, IF_MASK | CC_Z | 2);
    run_op(M_1B, 0xfd, -1, 2);
    g_assert_cmpint(cpu->df, ==, -1);
}

/* Our values for what the manual leaves undefined. */
static uint32_t flags_after(uint8_t opcode, int ext, unsigned size, uint64_t a, uint8_t count, uint32_t before)
{
    world_reset();
    cpu_set_eflags(cpu, before);
    DecodedInsn d = build_op(M_1B, opcode, ext, size);
    d.rm = R_EAX;
    d.imm = count;
    cpu->gpr[R_EAX] = a;
    g_assert_cmpint(run(&d), ==, -1);
    return cpu_get_eflags(cpu) & CC_ALL;
}

static void test_flags_undefined(void)
{
    g_assert_cmphex(flags_after(0xc1, 4, 2, 0x40000000, 2, CC_A), ==, CC_C | CC_Z | CC_P | CC_O); /* shl: 0 ^ 1 */
    g_assert_cmphex(flags_after(0xc1, 5, 2, 0x80000002, 2, CC_A), ==, CC_C | CC_P); /* shr: bit 30 of 20000000 is 0 */
    g_assert_cmphex(flags_after(0xc0, 4, 0, 1, 8, 0), ==, CC_C | CC_Z | CC_P | CC_O);
    g_assert_cmphex(flags_after(0xc0, 4, 0, 1, 9, 0), ==, CC_Z | CC_P);
    g_assert_cmphex(flags_after(0xc0, 0, 0, 0x81, 8, CC_A | CC_Z), ==,
                    CC_C | CC_A | CC_Z);                               /* rol by 8: result the same */
    g_assert_cmphex(flags_after(0xc0, 2, 0, 0x81, 9, CC_C), ==, CC_C); /* rcl by 9: likewise */
    g_assert_cmphex(flags_after(0xc1, 4, 2, 5, 32, CC_ALL), ==, CC_ALL);
    g_assert_cmphex(flags_after(0xf7, 4, 2, 0x80000000, 0, CC_A), ==,
                    CC_C | CC_O | CC_Z | CC_P);                         /* mul eax: low half 0 */
    g_assert_cmphex(flags_after(0xf7, 6, 2, 7, 0, CC_ALL), ==, CC_ALL); /* div eax */
}

/* ---- decimal ---- */

typedef struct Decimal {
    uint8_t opcode;
    uint16_t ax;
    uint32_t flags;
    uint8_t imm;
    uint16_t result;
    uint32_t out;
} Decimal;

static void test_decimal(void)
{
    static const Decimal cases[] = {
        { 0x27, 0x00ae, 0, 0, 0x0014, CC_C | CC_A | CC_P },
        { 0x27, 0x0079, CC_A, 0, 0x007f, CC_A },
        { 0x27, 0x009a, 0, 0, 0x0000, CC_C | CC_A | CC_Z | CC_P },
        { 0x27, 0x0012, CC_C, 0, 0x0072, CC_C | CC_P },
        { 0x2f, 0x0047, CC_A, 0, 0x0041, CC_A | CC_P },
        { 0x2f, 0x00ee, 0, 0, 0x0088, CC_C | CC_A | CC_S | CC_P },
        { 0x2f, 0x0003, CC_A, 0, 0x00fd, CC_C | CC_A | CC_S },
        { 0x2f, 0x0005, CC_C, 0, 0x00a5, CC_C | CC_S | CC_P },
        { 0x37, 0x000b, 0, 0, 0x0101, CC_C | CC_A },
        { 0x37, 0x02ff, 0, 0, 0x0405, CC_C | CC_A | CC_P },
        { 0x37, 0x0135, 0, 0, 0x0105, CC_P },
        { 0x3f, 0x020b, 0, 0, 0x0105, CC_C | CC_A | CC_P },
        { 0x3f, 0x0200, CC_A, 0, 0x000a, CC_C | CC_A | CC_P },
        { 0xd4, 0x0047, 0, 10, 0x0701, 0 },
        { 0xd4, 0x00ff, CC_ALL, 16, 0x0f0f, CC_P },
        { 0xd5, 0x0701, CC_ALL, 10, 0x0047, CC_P },
        { 0xd5, 0x1010, 0, 16, 0x0010, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const Decimal *c = &cases[i];
        world_reset();
        cpu_set_eflags(cpu, c->flags);
        cpu->gpr[R_EAX] = 0x12340000 | c->ax;
        DecodedInsn d = build_op(M_1B, c->opcode, -1, 2);
        d.imm = c->imm;
        g_assert_cmpint(run(&d), ==, -1);
        g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x12340000u | c->result);
        g_assert_cmphex(cpu_get_eflags(cpu) & CC_ALL, ==, c->out);
    }
    cpu->gpr[R_EAX] = 0x1234;
    g_assert_cmpint(run_op(M_1B, 0xd4, -1, 2), ==, EXCP_DE);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x1234);
}

/* ---- registers only ---- */

static void test_inc_dec_short(void)
{
    world_reset();
    cpu_set_eflags(cpu, CC_C);
    cpu->gpr[R_ESI] = 0x7fffffff;
    run_op(M_1B, 0x46, -1, 2);
    g_assert_cmphex(cpu->gpr[R_ESI], ==, 0x80000000);
    g_assert_cmphex(cpu_get_eflags(cpu) & CC_ALL, ==, CC_C | CC_O | CC_S | CC_A | CC_P);
    run_op(M_1B, 0x4e, -1, 2);
    g_assert_cmphex(cpu->gpr[R_ESI], ==, 0x7fffffff);
    g_assert_cmphex(cpu_get_eflags(cpu) & CC_ALL, ==, CC_C | CC_O | CC_A | CC_P);
    cpu->gpr[R_ESI] = 0x1ffff;
    run_op(M_1B, 0x46, -1, 1);
    g_assert_cmphex(cpu->gpr[R_ESI], ==, 0x10000);
}

static void test_salc_bswap16_lahf(void)
{
    world_reset();
    cpu->gpr[R_EAX] = 0x11223344;
    cpu_set_eflags(cpu, CC_C);
    run_op(M_1B, 0xd6, -1, 2);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x112233ff);
    run_op(M_0F, 0xc8, -1, 1);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x11220000);
    cpu->mode = MODE_CODE64;
    feature_lahf = false;
    g_assert_cmpint(run_op(M_1B, 0x9f, -1, 2), ==, EXCP_UD);
    feature_lahf = true;
    g_assert_cmpint(run_op(M_1B, 0x9f, -1, 2), ==, -1);
}

static void test_lea(void)
{
    world_reset();
    DecodedInsn d = build_op(M_1B, 0x8d, -1, 2);
    make_memory(&d, R_ESI, -2);
    d.index = R_EDI;
    d.scale = 2;
    d.reg = R_EAX;
    cpu->gpr[R_ESI] = 0x10001;
    cpu->gpr[R_EDI] = 0x40000000;
    run(&d);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0xffff);
    d.ea_mask = 0xffff;
    cpu->gpr[R_ESI] = 1;
    run(&d);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0xffff);
    g_assert_null(find_row(M_1B, 0x8d, -1)->modrm.mod == MOD_MEM ? NULL : "register form");
}

static void test_moffs_xlat(void)
{
    world_reset();
    ram[0x123] = 0x5a;
    DecodedInsn d = build_op(M_1B, 0xa0, -1, 0);
    d.imm = 0x123;
    run(&d);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x5a);
    d = build_op(M_1B, 0xa3, -1, 2);
    d.imm = 0x200;
    run(&d);
    g_assert_cmphex(ldl_le_p(ram + 0x200), ==, 0x5a);
    d = build_op(M_1B, 0xd7, -1, 2);
    d.addr_size = 1;
    cpu->gpr[R_EBX] = 0x500c9; /* 16 bits: 00c9 + 5a */
    run(&d);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x5a);
}

/* ---- faults change nothing ---- */

static void test_rmw_faults_as_write(void)
{
    static const uint8_t opcodes[] = { 0x01, 0x29, 0x11, 0x31, 0x87 };
    for (int fast = 0; fast < 2; fast++) {
        for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
            world_reset();
            pages[3] = PAGE_READONLY;
            derive_tlb(fast);
            DecodedInsn d = build_op(M_1B, opcodes[i], -1, 2);
            make_memory(&d, R_EBX, 0);
            d.reg = R_EAX;
            cpu->gpr[R_EBX] = 0x3010;
            cpu->gpr[R_EAX] = 1;
            g_assert_cmpint(run(&d), ==, EXCP_PF);
            g_assert_cmphex(cpu->error_code, ==, 2);
            g_assert_cmphex(cpu_get_eflags(cpu), ==, 2);
            cpu->gpr[R_EBX] = 0x2ffe; /* crosses into it */
            g_assert_cmpint(run(&d), ==, EXCP_PF);
            g_assert_cmphex(ldl_le_p(ram + 0x2ffe), ==, 0);
            cpu->gpr[R_EBX] = RAM_SIZE - 2; /* crosses the limit */
            g_assert_cmpint(run(&d), ==, EXCP_GP);
            g_assert_cmphex(cpu->gpr[R_EAX], ==, 1);
        }
    }
}

static void test_rmw_mmio(void)
{
    world_reset();
    pages[3] = PAGE_MMIO;
    derive_tlb(true);
    DecodedInsn d = build_op(M_1B, 0x83, 0, 2);
    make_memory(&d, R_EBX, 0);
    d.imm = 5;
    cpu->gpr[R_EBX] = 0x3010;
    mmio_accesses = 0;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmpint(mmio_accesses, ==, 2);
    g_assert_cmphex(ldl_le_p(ram + 0x3010), ==, 5);
}

static void test_cmpxchg16b_alignment(void)
{
    world_reset();
    DecodedInsn d = build_op(M_0F, 0xc7, 1, 3);
    make_memory(&d, R_ESI, 8);
    cpu->gpr[R_ESI] = 0x1000;
    g_assert_cmpint(run(&d), ==, EXCP_GP);
}

/* ---- branches ---- */

static DecodedInsn branch(uint8_t opcode, unsigned size, int64_t displacement)
{
    DecodedInsn d = build_op(M_1B, opcode, -1, size);
    d.imm = (uint64_t)displacement;
    return d;
}

static void test_jcc(void)
{
    for (unsigned cond = 0; cond < 16; cond++) {
        for (uint32_t f = 0; f < 0x1000; f++) {
            if (f & ~CC_ALL) {
                continue;
            }
            world_reset();
            cpu_set_eflags(cpu, f);
            DecodedInsn d = branch((uint8_t)(0x70 + cond), 2, 0x10);
            g_assert_cmpint(run(&d), ==, -1);
            g_assert_cmphex(cpu->eip, ==, reference_condition(f, cond) ? 0x112 : 0x102);
        }
    }
}

static void test_branch_limits(void)
{
    world_reset();
    DecodedInsn d = branch(0xe9, 2, 0x50000);
    g_assert_cmpint(run(&d), ==, EXCP_GP);
    g_assert_cmphex(cpu->eip, ==, 0x102);
    d = branch(0xe9, 1, -0x110); /* 16 bits wrap */
    set_segment(R_CS, RAM_BASE, 0xffff);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->eip, ==, 0xfff2);
    cpu->eip = 0x102;
    d = branch(0xe8, 2, 0x20000); /* call: nothing pushed */
    cpu->gpr[R_ESP] = 0x1000;
    g_assert_cmpint(run(&d), ==, EXCP_GP);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1000);
    d = branch(0xe2, 2, 0x20000); /* loop: ECX as before */
    cpu->gpr[R_ECX] = 5;
    g_assert_cmpint(run(&d), ==, EXCP_GP);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 5);
    stl_le_p(ram + 0x1000, 0x10000); /* ret */
    g_assert_cmpint(run_op(M_1B, 0xc3, -1, 2), ==, EXCP_GP);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1000);
    d = branch(0xe9, 3, 0x7fffffff);
    cpu->eip = 0x7ffffffffff0;
    g_assert_cmpint(run(&d), ==, EXCP_GP); /* not canonical */
}

static void test_call_ret(void)
{
    world_reset();
    cpu->gpr[R_ESP] = 0x1000;
    DecodedInsn d = branch(0xe8, 2, 0x200);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->eip, ==, 0x302);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0xffc);
    g_assert_cmphex(ldl_le_p(ram + 0xffc), ==, 0x102);
    d = build_op(M_1B, 0xc2, -1, 2);
    d.imm = 8;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->eip, ==, 0x102);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1008);
    d = build_op(M_1B, 0xff, 2, 2); /* call [esp+4]: address before the push */
    make_memory(&d, R_ESP, 4);
    stl_le_p(ram + 0x100c, 0x444);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->eip, ==, 0x444);
    d = build_op(M_1B, 0xff, 4, 1); /* jmp cx: only 16 bits count */
    d.rm = R_ECX;
    cpu->gpr[R_ECX] = 0xffff0123;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->eip, ==, 0x123);
}

static void test_loop_jcxz(void)
{
    world_reset();
    DecodedInsn d = branch(0xe2, 2, 0x10);
    d.addr_size = 1;
    cpu->gpr[R_ECX] = 0x20000; /* CX 0 -> FFFF */
    run(&d);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0x2ffff);
    g_assert_cmphex(cpu->eip, ==, 0x112);
    cpu->eip = 0x102;
    cpu->gpr[R_ECX] = 0x20001;
    run(&d);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0x20000);
    g_assert_cmphex(cpu->eip, ==, 0x102);
    d = branch(0xe3, 2, 0x10);
    run(&d);
    g_assert_cmphex(cpu->eip, ==, 0x102); /* ECX is not 0 */
    d.addr_size = 1;
    run(&d);
    g_assert_cmphex(cpu->eip, ==, 0x112);
    d = branch(0xe1, 2, 0x10); /* loope */
    cpu->eip = 0x102;
    cpu->gpr[R_ECX] = 2;
    run(&d);
    g_assert_cmphex(cpu->eip, ==, 0x102);
    cpu_set_eflags(cpu, CC_Z);
    cpu->gpr[R_ECX] = 2;
    run(&d);
    g_assert_cmphex(cpu->eip, ==, 0x112);
}

/* ---- stack ---- */

static void test_push_pop_widths(void)
{
    world_reset();
    cpu->mode = MODE_CODE16;
    set_segments(RAM_BASE, 0xffff);
    cpu->gpr[R_ESP] = 0x55550000; /* SP 0: wraps */
    cpu->gpr[R_EAX] = 0xabcd1234;
    g_assert_cmpint(run_op(M_1B, 0x50, -1, 1), ==, -1);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x5555fffe);
    g_assert_cmphex(lduw_le_p(ram + 0xfffe), ==, 0x1234);
    g_assert_cmpint(run_op(M_1B, 0x59, -1, 1), ==, -1);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x55550000);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0x1234);
    cpu->gpr[R_ESP] = 2; /* a dword at FFFE crosses the limit */
    g_assert_cmpint(run_op(M_1B, 0x50, -1, 2), ==, EXCP_SS);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 2);
    cpu->gpr[R_ESP] = 0xffff;
    g_assert_cmpint(run_op(M_1B, 0x58, -1, 1), ==, EXCP_SS);
    cpu->mode = MODE_CODE32 | MODE_SS32;
    cpu->gpr[R_ESP] = 0x1000;
    run_op(M_1B, 0x54, -1, 2); /* push esp */
    g_assert_cmphex(ldl_le_p(ram + 0xffc), ==, 0x1000);
    stl_le_p(ram + 0xffc, 0x2222);
    run_op(M_1B, 0x5c, -1, 2); /* pop esp */
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x2222);
    cpu->mode = MODE_CODE64 | MODE_SS64;
    cpu->gpr[R_ESP] = 0x1000;
    cpu->gpr[R_EAX] = 0x123456789abcdef0;
    run_op(M_1B, 0x50, -1, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0xff8);
    run_op(M_1B, 0x59, -1, 3);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0x123456789abcdef0);
}

static void test_push_imm_mem(void)
{
    world_reset();
    cpu->gpr[R_ESP] = 0x1000;
    DecodedInsn d = build_op(M_1B, 0x6a, -1, 1);
    d.imm = (uint64_t)-3;
    run(&d);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0xffe);
    g_assert_cmphex(lduw_le_p(ram + 0xffe), ==, 0xfffd);
    d = build_op(M_1B, 0xff, 6, 2); /* push [esp+2] */
    make_memory(&d, R_ESP, 2);
    stl_le_p(ram + 0x1000, 0xcafe);
    run(&d);
    g_assert_cmphex(ldl_le_p(ram + 0xffa), ==, 0xcafe);
}

static void test_pop_mem_esp(void)
{
    world_reset();
    cpu->gpr[R_ESP] = 0x1000;
    stl_le_p(ram + 0x1000, 0x1111);
    DecodedInsn d = build_op(M_1B, 0x8f, 0, 2);
    make_memory(&d, R_ESP, 8);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(ldl_le_p(ram + 0x100c), ==, 0x1111);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1004);
    pages[2] = PAGE_READONLY;
    derive_tlb(true);
    make_memory(&d, R_ESP, 0x1000);
    g_assert_cmpint(run(&d), ==, EXCP_PF);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1004);
}

static void test_pusha_popa(void)
{
    world_reset();
    for (unsigned r = 0; r < 8; r++) {
        cpu->gpr[r] = 0x1000 + r;
    }
    cpu->gpr[R_ESP] = 0x2000;
    g_assert_cmpint(run_op(M_1B, 0x60, -1, 2), ==, -1);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1fe0);
    g_assert_cmphex(ldl_le_p(ram + 0x1ffc), ==, 0x1000);
    g_assert_cmphex(ldl_le_p(ram + 0x1fec), ==, 0x2000);
    g_assert_cmphex(ldl_le_p(ram + 0x1fe0), ==, 0x1007);
    memset(cpu->gpr, 0, 4 * 8);
    stl_le_p(ram + 0x1fec, 0x7777);
    g_assert_cmpint(run_op(M_1B, 0x61, -1, 2), ==, -1);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x1000);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x2000);
    cpu->gpr[R_ESP] = 0x2010; /* half on page 1, which is not writable: nothing stored */
    pages[1] = PAGE_READONLY;
    derive_tlb(true);
    memset(ram + 0x2000, 0, 16);
    g_assert_cmpint(run_op(M_1B, 0x60, -1, 2), ==, EXCP_PF);
    g_assert_cmphex(ldl_le_p(ram + 0x200c), ==, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x2010);
}

static void test_enter_leave(void)
{
    for (unsigned level = 0; level < 32; level++) {
        world_reset();
        cpu->gpr[R_ESP] = 0x2000;
        cpu->gpr[R_EBP] = 0x3000;
        for (unsigned i = 1; i < 32; i++) {
            stl_le_p(ram + 0x3000 - 4 * i, 0xf0000000 + i);
        }
        DecodedInsn d = build_op(M_1B, 0xc8, -1, 2);
        d.imm = 0x20;
        d.imm2 = level | 0x40; /* only five bits count */
        g_assert_cmpint(run(&d), ==, -1);
        g_assert_cmphex(cpu->gpr[R_EBP], ==, 0x1ffc);
        g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1ffc - 4 * level - 0x20);
        g_assert_cmphex(ldl_le_p(ram + 0x1ffc), ==, 0x3000);
        for (unsigned i = 1; i < level; i++) {
            g_assert_cmphex(ldl_le_p(ram + 0x1ffc - 4 * i), ==, 0xf0000000 + i);
        }
        if (level) {
            g_assert_cmphex(ldl_le_p(ram + 0x1ffc - 4 * level), ==, 0x1ffc);
        }
        g_assert_cmpint(run_op(M_1B, 0xc9, -1, 2), ==, -1);
        g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x2000);
        g_assert_cmphex(cpu->gpr[R_EBP], ==, 0x3000);
    }
}

static void test_enter_16_and_fault(void)
{
    world_reset();
    cpu->mode = MODE_CODE16;
    cpu->gpr[R_ESP] = 0xaaaa0002;
    cpu->gpr[R_EBP] = 0xbbbb1234;
    DecodedInsn d = build_op(M_1B, 0xc8, -1, 1);
    d.imm = 4;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->gpr[R_EBP], ==, 0xbbbb0000);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0xaaaafffc);
    world_reset();
    pages[1] = PAGE_ABSENT; /* the locals end there */
    derive_tlb(true);
    cpu->gpr[R_ESP] = 0x2100;
    cpu->gpr[R_EBP] = 0x3000;
    d = build_op(M_1B, 0xc8, -1, 2);
    d.imm = 0x200;
    g_assert_cmpint(run(&d), ==, EXCP_PF);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x2100);
    g_assert_cmphex(cpu->gpr[R_EBP], ==, 0x3000);
}

static void test_bound(void)
{
    world_reset();
    stl_le_p(ram + 0x100, (uint32_t)-5);
    stl_le_p(ram + 0x104, 10);
    DecodedInsn d = build_op(M_1B, 0x62, -1, 2);
    make_memory(&d, R_ZERO, 0x100);
    d.reg = R_EAX;
    for (int i = -8; i < 14; i++) {
        cpu->gpr[R_EAX] = (uint32_t)i;
        g_assert_cmpint(run(&d), ==, i < -5 || i > 10 ? EXCP_BR : -1);
    }
}

/* ---- strings ---- */

typedef struct StringState {
    uint64_t cx, si, di, ax;
    int64_t icount;
    uint32_t flags;
    uint64_t eip;
    int vector;
} StringState;

static StringState string_state(int vector)
{
    return (StringState){ cpu->gpr[R_ECX], cpu->gpr[R_ESI],     cpu->gpr[R_EDI], cpu->gpr[R_EAX],
                          cpu->icount,     cpu_get_eflags(cpu), cpu->eip,        vector };
}

/* One element by the unrepeated handler, which has no bulk and no loop. */
static int single_step(const DecodedInsn *d)
{
    DecodedInsn one = *d;
    one.prefix = 0;
    return run(&one);
}

static void model_count(const DecodedInsn *d)
{
    if (d->addr_size == 1) {
        set_reg16(cpu, R_ECX, (uint16_t)(cpu->gpr[R_ECX] - 1));
    } else {
        cpu->gpr[R_ECX] = (uint32_t)(cpu->gpr[R_ECX] - 1);
    }
}

static uint64_t model_counter(const DecodedInsn *d)
{
    return d->addr_size == 1 ? (uint16_t)cpu->gpr[R_ECX] : (uint32_t)cpu->gpr[R_ECX];
}

static int model_rep(const DecodedInsn *d)
{
    bool compares = d->info->attributes & REP_STRING_ZF;
    int64_t start = cpu->icount, end = MAX(cpu->icount_limit, start + 1);
    if (model_counter(d) == 0) {
        return -1;
    }
    while (cpu->icount < end) {
        int vector = single_step(d);
        if (vector >= 0) {
            return vector;
        }
        model_count(d);
        cpu->icount++;
        bool wrong = compares && cc_z(cpu) != !(d->prefix & PREFIX_REPNE);
        if (model_counter(d) == 0 || wrong) {
            cpu->icount--;
            return -1;
        }
        if (cpu->int_point) {
            break;
        }
    }
    cpu->icount--;
    cpu->eip = cpu->insn_ip;
    return -1;
}

static void random_string_world(DecodedInsn *d)
{
    static const uint8_t opcodes[] = { 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };
    static const PageKind kinds[] = { PAGE_READONLY, PAGE_ABSENT, PAGE_MMIO };
    uint8_t opcode = opcodes[g_test_rand_int_range(0, ARRAY_SIZE(opcodes))];

    world_reset();
    *d = build_op(M_1B, opcode, -1, opcode & 1 ? (unsigned)g_test_rand_int_range(1, 4) : 0);
    d->prefix = g_test_rand_bit() ? PREFIX_REP : PREFIX_REPNE;
    d->addr_size = (uint8_t)g_test_rand_int_range(1, 3);
    for (unsigned i = 0; i < 4096; i++) {
        ram[g_test_rand_int_range(0, 0x10000)] = (uint8_t)g_test_rand_int_range(0, 3);
    }
    for (unsigned i = 0; i < 2; i++) {
        pages[g_test_rand_int_range(0, 20)] = g_test_rand_bit() ? PAGE_RAM : kinds[g_test_rand_int_range(0, 3)];
    }
    derive_tlb(g_test_rand_bit());
    set_segments(RAM_BASE, g_test_rand_bit() ? 0x1ffff : 0x9fff);
    cpu_set_eflags(cpu, (g_test_rand_bit() ? DF_MASK : 0) | ((uint32_t)g_test_rand_int() & CC_ALL));
    cpu->gpr[R_ESI] = (unsigned)g_test_rand_int_range(0, 0xa100);
    bool near = g_test_rand_bit();
    cpu->gpr[R_EDI] = near ? cpu->gpr[R_ESI] + (unsigned)g_test_rand_int_range(0, 40) - 20
                           : (unsigned)g_test_rand_int_range(0, 0xa100);
    cpu->gpr[R_EDI] = (uint32_t)cpu->gpr[R_EDI];
    cpu->gpr[R_ECX] = (unsigned)g_test_rand_int_range(0, g_test_rand_bit() ? 10 : 0x3000);
    static const uint64_t sought[] = { 0, 2, 0x0102030401020304 }; /* everywhere, now and then, nowhere */
    cpu->gpr[R_EAX] = sought[g_test_rand_int_range(0, ARRAY_SIZE(sought))];
    if (d->addr_size == 1) {
        cpu->gpr[R_ESI] |= 0x770000;
        cpu->gpr[R_EDI] |= 0x880000;
        cpu->gpr[R_ECX] |= 0x990000;
    }
    cpu->icount = 100;
    cpu->icount_limit = 100 + (g_test_rand_bit() ? 100000 : g_test_rand_int_range(-1, 5000));
}

static void test_rep_against_model(void)
{
    static uint8_t before[RAM_SIZE], expected[RAM_SIZE];
    for (unsigned i = 0; i < 4000; i++) {
        DecodedInsn d;
        random_string_world(&d);
        memcpy(before, ram, RAM_SIZE);
        StringState start = string_state(-1);
        StringState model = string_state(model_rep(&d));
        model = string_state(model.vector);
        bool point = cpu->int_point;
        memcpy(expected, ram, RAM_SIZE);

        memcpy(ram, before, RAM_SIZE);
        cpu->gpr[R_ECX] = start.cx;
        cpu->gpr[R_ESI] = start.si;
        cpu->gpr[R_EDI] = start.di;
        cpu->gpr[R_EAX] = start.ax;
        cpu->icount = start.icount;
        cpu->eip = start.eip;
        cpu->int_point = false;
        cpu_set_eflags(cpu, start.flags);
        int vector = run(&d);
        StringState real = string_state(vector);

        g_assert_cmpint(real.vector, ==, model.vector);
        g_assert_cmphex(real.cx, ==, model.cx);
        g_assert_cmphex(real.si, ==, model.si);
        g_assert_cmphex(real.di, ==, model.di);
        g_assert_cmphex(real.ax, ==, model.ax);
        g_assert_cmpint(real.icount, ==, model.icount);
        g_assert_cmphex(real.flags, ==, model.flags);
        g_assert_cmphex(real.eip, ==, model.eip);
        g_assert_cmpint(cpu->int_point, ==, point);
        g_assert_cmpmem(ram, RAM_SIZE, expected, RAM_SIZE);
        if (vector < 0 && real.eip == cpu->insn_ip) {
            g_assert_null(cpu->run_end);
        }
    }
}

static void test_rep_zero_count(void)
{
    world_reset();
    pages[0] = PAGE_ABSENT;
    derive_tlb(true);
    DecodedInsn d = build_op(M_1B, 0xa4, -1, 0);
    d.prefix = PREFIX_REP;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmpint(cpu->icount, ==, 0);
    g_assert_cmphex(cpu->eip, ==, 0x102);
    g_assert_nonnull(cpu->run_end);
}

static void test_rep_fault_is_exact(void)
{
    world_reset();
    pages[2] = PAGE_ABSENT;
    derive_tlb(true);
    DecodedInsn d = build_op(M_1B, 0xab, -1, 2);
    d.prefix = PREFIX_REP;
    cpu->gpr[R_EDI] = 0x1ff6; /* the third crosses into page 2 */
    cpu->gpr[R_ECX] = 10;
    g_assert_cmpint(run(&d), ==, EXCP_PF);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 8);
    g_assert_cmphex(cpu->gpr[R_EDI], ==, 0x1ffe);
    g_assert_cmpint(cpu->icount, ==, 2);
}

static void test_rep_budget_resumes(void)
{
    world_reset();
    DecodedInsn d = build_op(M_1B, 0xaa, -1, 0);
    d.prefix = PREFIX_REP;
    cpu->gpr[R_EDI] = 0x1800;
    cpu->gpr[R_ECX] = 10000;
    cpu->gpr[R_EAX] = 0x77;
    unsigned calls = 0;
    do {
        cpu->icount_limit = cpu->icount + 3000;
        cpu->eip = 0x102;
        g_assert_cmpint(run(&d), ==, -1);
        cpu->icount++; /* as the loop does */
        calls++;
    } while (cpu->eip == cpu->insn_ip);
    g_assert_cmpuint(calls, ==, 4);
    g_assert_cmpint(cpu->icount, ==, 10000);
    g_assert_cmphex(ram[0x1800 + 9999], ==, 0x77);
    g_assert_cmphex(ram[0x1800 + 10000], ==, 0);
}

static void test_rep_single_step(void)
{
    world_reset();
    cpu->mode |= MODE_TF;
    DecodedInsn d = build_op(M_1B, 0xaa, -1, 0);
    d.prefix = PREFIX_REP;
    cpu->gpr[R_ECX] = 3;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 2);
    g_assert_cmphex(cpu->eip, ==, cpu->insn_ip);
}

static void test_rep_segment_override(void)
{
    world_reset();
    DecodedInsn d = build_op(M_1B, 0xa5, -1, 2);
    d.prefix = PREFIX_REP;
    d.seg = R_FS;
    set_segment(R_FS, RAM_BASE + 0x4000, 0xffff);
    stl_le_p(ram + 0x4100, 0xfeed);
    cpu->gpr[R_ESI] = 0x100;
    cpu->gpr[R_EDI] = 0x300;
    cpu->gpr[R_ECX] = 1;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(ldl_le_p(ram + 0x300), ==, 0xfeed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ram = mmap((void *)(uintptr_t)RAM_BASE, RAM_SIZE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    g_assert((uintptr_t)ram == RAM_BASE);
    cpu = g_aligned_alloc0(1, sizeof(*cpu), _Alignof(CPUState));
    world_reset();
    g_test_add_func("/int/table/handlers", test_rows_have_handlers);
    g_test_add_func("/int/flags/round-trip", test_flags_round_trip);
    g_test_add_func("/int/flags/system-bits", test_flags_system_bits);
    g_test_add_func("/int/flags/undefined", test_flags_undefined);
    g_test_add_func("/int/decimal", test_decimal);
    g_test_add_func("/int/inc-dec-short", test_inc_dec_short);
    g_test_add_func("/int/salc-bswap16-lahf", test_salc_bswap16_lahf);
    g_test_add_func("/int/lea", test_lea);
    g_test_add_func("/int/moffs-xlat", test_moffs_xlat);
    g_test_add_func("/int/rmw/faults-as-write", test_rmw_faults_as_write);
    g_test_add_func("/int/rmw/mmio", test_rmw_mmio);
    g_test_add_func("/int/rmw/cmpxchg16b-alignment", test_cmpxchg16b_alignment);
    g_test_add_func("/int/branch/jcc", test_jcc);
    g_test_add_func("/int/branch/limits", test_branch_limits);
    g_test_add_func("/int/branch/call-ret", test_call_ret);
    g_test_add_func("/int/branch/loop-jcxz", test_loop_jcxz);
    g_test_add_func("/int/stack/widths", test_push_pop_widths);
    g_test_add_func("/int/stack/push-imm-mem", test_push_imm_mem);
    g_test_add_func("/int/stack/pop-mem-esp", test_pop_mem_esp);
    g_test_add_func("/int/stack/pusha-popa", test_pusha_popa);
    g_test_add_func("/int/stack/enter-leave", test_enter_leave);
    g_test_add_func("/int/stack/enter-16-and-fault", test_enter_16_and_fault);
    g_test_add_func("/int/bound", test_bound);
    g_test_add_func("/int/rep/model", test_rep_against_model);
    g_test_add_func("/int/rep/zero-count", test_rep_zero_count);
    g_test_add_func("/int/rep/fault-is-exact", test_rep_fault_is_exact);
    g_test_add_func("/int/rep/budget-resumes", test_rep_budget_resumes);
    g_test_add_func("/int/rep/single-step", test_rep_single_step);
    g_test_add_func("/int/rep/segment-override", test_rep_segment_override);
    add_host_tests();
    return g_test_run();
}
