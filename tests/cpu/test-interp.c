/* LINK: accel/interp/block-cache.c accel/interp/fetch.c accel/interp/interp.c */
/*
 * tests/cpu/test-interp.c  The interpreter engine alone, on a processor with a dozen toy instructions and 64 KiB of
 * memory: budgets, block invalidation, page crossing, faults, traps and interrupt points, each to the exact
 * instruction.
 */
#include "accel/engine.h"
#include "accel/interp/block-cache.h"
#include "target/i386/access.h"
#include "target/i386/debug.h"
#include "target/i386/insn.h"
#include "tests/cpu/raise-stubs.h"

#define MEM_SIZE        0x10000
#define NB_PAGES        (MEM_SIZE >> PAGE_BITS)
#define MMIO_PAGE       15
#define FAULT_ENTRY     0x8000
#define TRAP_ENTRY      0x8100
#define INTERRUPT_ENTRY 0x8200

/* ---- the toy world ---- */

static uint8_t mem[MEM_SIZE];
static uint8_t page_flags[NB_PAGES];
static int page_map[NB_PAGES]; /* linear to physical page, -1 not mapped */
static CPUState *cpu;
static int faults, traps, interrupts, decodes;
static int last_vector;
static uint64_t last_ip;
static int64_t io_limit; /* what the I/O instruction lowers icount_limit to */
static bool interrupt_waits;

static MemoryRegion ram_region = { .name = "ram", .kind = MR_RAM, .size = MEM_SIZE };
static MemoryRegion io_region = { .name = "io", .kind = MR_IO, .size = PAGE_SIZE };
AddressSpace address_space_memory;

MemoryRegion *address_space_translate(AddressSpace *as, hwaddr addr, hwaddr *offset, hwaddr *len, bool *readonly)
{
    (void)as;
    (void)len;
    *offset = addr;
    *readonly = false;
    return addr >> PAGE_BITS == MMIO_PAGE ? &io_region : &ram_region;
}

uint8_t *memory_region_get_ram_ptr(MemoryRegion *mr)
{
    g_assert(mr == &ram_region);
    return mem;
}

uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size)
{
    (void)as;
    g_assert(size == 1);
    return mem[addr];
}

void ram_page_set_flag(ram_addr_t page, uint8_t flag)
{
    page_flags[page >> PAGE_BITS] |= flag;
}

void ram_page_clear_flag(ram_addr_t page, uint8_t flag)
{
    page_flags[page >> PAGE_BITS] &= ~flag;
}

uint64_t cpu_fetch_translate(CPUState *c, uint64_t la)
{
    unsigned page = (la >> PAGE_BITS) % NB_PAGES;
    if (page_map[page] < 0) {
        c->exception_cr2 = la;
        cpu_raise(c, EXCP_PF, 0x10);
    }
    c->fetch_page = (la & PAGE_MASK) | TLB_VALID;
    c->fetch_phys = (uint64_t)page_map[page] << PAGE_BITS;
    return c->fetch_phys;
}

void cpu_deliver_exception(CPUState *c)
{
    faults++;
    last_vector = c->exception_index;
    last_ip = c->insn_ip;
    c->eip = FAULT_ENTRY;
    c->eflags &= ~(RF_MASK | TF_MASK);
    c->icount++;
}

void cpu_deliver_debug_trap(CPUState *c)
{
    traps++;
    last_ip = c->eip;
    c->dr[6] |= c->pending_db;
    c->pending_db = 0;
    c->icount++;
}

bool cpu_has_interrupt(CPUState *c)
{
    return interrupt_waits && (c->eflags & IF_MASK) && !c->int_shadow;
}

bool cpu_take_interrupt(CPUState *c)
{
    interrupts++;
    interrupt_waits = false;
    last_ip = c->eip;
    c->halted = false;
    c->eip = INTERRUPT_ENTRY;
    c->icount++;
    return true;
}

void cpu_check_insn_breakpoint(CPUState *c)
{
    if (c->dr[0] == c->eip && !(c->eflags & RF_MASK)) {
        c->insn_ip = c->eip;
        cpu_raise_noerr(c, EXCP_DB);
    }
}

/* ---- the toy instructions ---- */

enum { NOP, ADD, JMP, STORE, REP, UD, STI, IO, HLT, MOVSS, SETTF, LONG, NB_TOYS };

static void store_byte(CPUState *c, unsigned addr, uint8_t value)
{
    if (page_flags[addr >> PAGE_BITS] & PAGE_CODE) {
        interp_engine.invalidate(c, addr, 1);
    }
    mem[addr] = value;
}

static void exec_nop(CPUState *c, const DecodedInsn *d)
{
    (void)c;
    (void)d;
}
static void exec_add(CPUState *c, const DecodedInsn *d)
{
    c->gpr[R_EAX] += d->imm;
}
static void exec_jmp(CPUState *c, const DecodedInsn *d)
{
    c->eip = d->imm;
}
static void exec_store(CPUState *c, const DecodedInsn *d)
{
    store_byte(c, d->imm & 0xffff, d->imm >> 16);
}
/* ECX times: add 1 to EAX; the iteration that finds ECX == EBX faults. */
static void exec_rep(CPUState *c, const DecodedInsn *d)
{
    (void)d;
    int64_t room = MAX(1, c->icount_limit - c->icount), done = 0;
    while (c->gpr[R_ECX] && done < room) {
        if (c->gpr[R_ECX] == c->gpr[R_EBX]) {
            c->icount += done;
            cpu_raise(c, EXCP_PF, 0);
        }
        c->gpr[R_EAX]++;
        c->gpr[R_ECX]--;
        done++;
    }
    c->icount += done ? done - 1 : 0;
    if (c->gpr[R_ECX]) {
        c->eip = c->insn_ip;
        cpu_end_block(c);
    }
}
static void exec_ud(CPUState *c, const DecodedInsn *d)
{
    (void)d;
    cpu_raise_noerr(c, EXCP_UD);
}
static void exec_sti(CPUState *c, const DecodedInsn *d)
{
    (void)d;
    c->eflags |= IF_MASK;
    c->int_shadow = SHADOW_STI;
    cpu_end_block(c);
}
static void exec_io(CPUState *c, const DecodedInsn *d)
{
    (void)d;
    if (io_limit) {
        c->icount_limit = MIN(c->icount_limit, io_limit);
    }
    cpu_interrupt_point(c);
}
static void exec_hlt(CPUState *c, const DecodedInsn *d)
{
    (void)d;
    c->halted = true;
    cpu_interrupt_point(c);
}
static void exec_movss(CPUState *c, const DecodedInsn *d)
{
    (void)d;
    c->int_shadow = SHADOW_MOVSS;
    cpu_end_block(c);
}
static void exec_settf(CPUState *c, const DecodedInsn *d)
{
    c->eflags = d->imm ? c->eflags | TF_MASK : c->eflags & ~TF_MASK;
}

static const struct {
    InsnHandler *exec;
    uint8_t len, prefix;
    InsnInfo info;
} toys[NB_TOYS] = {
    [NOP] = { exec_nop, 1, 0, { .mnemonic = "nop" } },
    [ADD] = { exec_add, 2, 0, { .mnemonic = "add" } },
    [JMP] = { exec_jmp, 3, 0, { .mnemonic = "jmp", .attributes = ENDS_BLOCK } },
    [STORE] = { exec_store, 4, 0, { .mnemonic = "store" } },
    [REP] = { exec_rep, 1, PREFIX_REP, { .mnemonic = "rep", .attributes = REP_OK } },
    [UD] = { exec_ud, 1, 0, { .mnemonic = "ud" } },
    [STI] = { exec_sti, 1, 0, { .mnemonic = "sti" } },
    [IO] = { exec_io, 1, 0, { .mnemonic = "io" } },
    [HLT] = { exec_hlt, 1, 0, { .mnemonic = "hlt", .attributes = ENDS_BLOCK } },
    [MOVSS] = { exec_movss, 1, 0, { .mnemonic = "movss" } },
    [SETTF] = { exec_settf, 2, 0, { .mnemonic = "settf", .attributes = ENDS_BLOCK } },
    [LONG] = { exec_nop, 15, 0, { .mnemonic = "long" } },
};

DecodeResult cpu_decode(const CPUState *c, const uint8_t *buf, size_t len, uint32_t mode, DecodedInsn *d)
{
    (void)c;
    (void)mode;
    unsigned op = buf[0] < NB_TOYS ? buf[0] : UD;
    decodes++;
    if (buf[0] == 0xf0 && len >= 15) {
        return DECODE_TOO_LONG;
    }
    if (len < toys[op].len || buf[0] == 0xf0) {
        return DECODE_NEED_MORE;
    }
    *d = (DecodedInsn){ .exec = toys[op].exec, .info = &toys[op].info, .len = toys[op].len, .prefix = toys[op].prefix };
    for (unsigned i = 1; i < toys[op].len && i < 8; i++) {
        d->imm |= (uint64_t)buf[i] << (8 * (i - 1));
    }
    return DECODE_OK;
}

void insn_table_init(void)
{
}

/* ---- helpers ---- */

static unsigned at; /* where emit() writes */

static void emit(uint8_t op, unsigned operand, unsigned extra)
{
    unsigned len = op == LONG ? 1 : toys[op].len;
    uint8_t bytes[4] = { op, (uint8_t)operand, (uint8_t)(operand >> 8), (uint8_t)extra };
    memcpy(mem + at, bytes, len);
    at += op == LONG ? 15 : len;
}

static void reset(unsigned ip)
{
    memset(mem, NOP, sizeof(mem));
    memset(cpu, 0, sizeof(*cpu));
    for (int i = 0; i < NB_PAGES; i++) {
        page_map[i] = i;
    }
    faults = traps = interrupts = 0;
    io_limit = 0;
    interrupt_waits = false;
    cpu->eip = at = ip;
    cpu->eflags = 2;
    cpu->mode = MODE_CODE32 | MODE_PROT;
    cpu->linear_mask = 0xffffffff;
    cpu->seg[R_CS].limit = 0xffffffff;
    cpu->gpr[R_EBX] = ~0ull;
    interp_engine.init_cpu(cpu);
    interp_engine.flush(cpu);
}

static uint64_t invalidations(void)
{
    return block_cache_stats(cpu->engine_data)->invalidations;
}

/* EAX += 1 twice, NOP, back: four instructions a round. */
static void emit_loop(unsigned ip)
{
    at = ip;
    emit(ADD, 1, 0);
    emit(ADD, 1, 0);
    emit(NOP, 0, 0);
    emit(JMP, ip, 0);
}

/* ---- tests ---- */

static void test_budget_exact(void)
{
    static const uint64_t ip_after[4] = { 0x1000, 0x1002, 0x1004, 0x1005 };
    for (int64_t budget = 1; budget < 50; budget++) {
        reset(0x1000);
        emit_loop(0x1000);
        g_assert_cmpint(interp_engine.exec(cpu, budget), ==, EXIT_BUDGET);
        g_assert_cmpint(cpu->icount, ==, budget);
        g_assert_cmpuint(cpu->eip, ==, ip_after[budget % 4]);
        g_assert_cmpuint(cpu->gpr[R_EAX], ==, budget / 4 * 2 + MIN(budget % 4, 2));
    }
}

static void test_budget_slices(void)
{
    reset(0x1000);
    emit_loop(0x1000);
    int64_t total = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t budget = g_test_rand_int_range(1, 90);
        total += budget;
        interp_engine.exec(cpu, budget);
        g_assert_cmpint(cpu->icount, ==, total);
    }
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, total / 4 * 2 + MIN(total % 4, 2));
}

static void test_blocks_are_reused(void)
{
    reset(0x1000);
    emit_loop(0x1000);
    interp_engine.exec(cpu, 8);
    decodes = 0;
    interp_engine.exec(cpu, 4000);
    g_assert_cmpint(decodes, ==, 0);
}

static void test_smc_own_block(void)
{
    reset(0x1000);
    emit(STORE, 0x1005, 7); /* the operand of the ADD behind it */
    emit(ADD, 1, 0);
    emit(NOP, 0, 0);
    interp_engine.exec(cpu, 3);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 7);
    g_assert_cmpint(cpu->icount, ==, 3);
}

static void test_smc_replaces_insn(void)
{
    reset(0x1000);
    emit(NOP, 0, 0);
    emit(STORE, 0x1000, UD); /* the NOP before it */
    emit(JMP, 0x1000, 0);
    interp_engine.exec(cpu, 4);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpint(last_vector, ==, EXCP_UD);
    g_assert_cmpuint(last_ip, ==, 0x1000);
    g_assert_cmpint(cpu->icount, ==, 4);
}

static void test_smc_again_and_again(void)
{
    reset(0x1000);
    emit(STORE, 0x1006, 3);
    emit(NOP, 0, 0);
    emit(ADD, 9, 0);
    emit(STORE, 0x1006, 5);
    emit(JMP, 0x1000, 0);
    uint64_t flushes = block_cache_stats(cpu->engine_data)->flushes;
    interp_engine.exec(cpu, 5 * 100000);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 3 * 100000);
    g_assert_cmpuint(block_cache_stats(cpu->engine_data)->flushes, ==, flushes); /* slots are used again */
}

static void test_data_beside_code(void)
{
    reset(0x1000);
    emit(STORE, 0x1040, 7); /* the next 64-byte line of the same page */
    emit(JMP, 0x1000, 0);
    uint64_t before = invalidations();
    interp_engine.exec(cpu, 2000);
    g_assert_cmpuint(invalidations(), ==, before);
    g_assert_cmpuint(page_flags[1] & PAGE_CODE, ==, PAGE_CODE);
}

static void test_page_forgotten(void)
{
    reset(0x1000);
    emit_loop(0x1000);
    interp_engine.exec(cpu, 8);
    interp_engine.invalidate(cpu, 0x1000, PAGE_SIZE);
    g_assert_cmpuint(page_flags[1], ==, PAGE_CODE);
    interp_engine.invalidate(cpu, 0x1800, 1);
    g_assert_cmpuint(page_flags[1], ==, 0);
    interp_engine.exec(cpu, 8);
    g_assert_cmpuint(page_flags[1], ==, PAGE_CODE);
}

static void test_crossing(void)
{
    reset(0x1ffe);
    emit(STORE, 0x5000, 0x77); /* 1FFE..2001 */
    emit(JMP, 0x1ffe, 0);
    interp_engine.exec(cpu, 7);
    g_assert_cmpuint(mem[0x5000], ==, 0x77);
    g_assert_cmpint(cpu->icount, ==, 7);
    page_map[2] = 3; /* the second half is another page now */
    memset(mem + 0x3000, NOP, 16);
    mem[0x3000] = 0x60;
    mem[0x3001] = 0x99;
    cpu->eip = 0x1ffe;
    cpu->fetch_page = 0;
    interp_engine.exec(cpu, 2);
    g_assert_cmpuint(mem[0x6000], ==, 0x99);
    g_assert_cmpuint(cpu->eip, ==, 0x2003);
}

static void test_crossing_smc(void)
{
    reset(0x1ffe);
    emit(STORE, 0x5000, 0x77);
    emit(JMP, 0x1ffe, 0);
    interp_engine.exec(cpu, 2);
    store_byte(cpu, 0x2001, 0x11); /* a byte of the second half */
    interp_engine.exec(cpu, 2);
    g_assert_cmpuint(mem[0x5000], ==, 0x11);
    store_byte(cpu, 0x1fff, 0x22); /* a byte of the first half */
    interp_engine.exec(cpu, 2);
    g_assert_cmpuint(mem[0x5022], ==, 0x11);
}

static void test_crossing_fault(void)
{
    reset(0x1ffc);
    emit(NOP, 0, 0);
    emit(NOP, 0, 0);
    emit(STORE, 0x5000, 0x77);
    page_map[2] = -1;
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpint(last_vector, ==, EXCP_PF);
    g_assert_cmpuint(last_ip, ==, 0x1ffe);
    g_assert_cmpuint(cpu->exception_cr2, ==, 0x2000);
    g_assert_cmpint(cpu->icount, ==, 3); /* two NOPs and the delivery */
    g_assert_cmpuint(mem[0x5000], ==, NOP);
}

/* Running to the end of a page must not touch the next one before control is there. */
static void test_no_early_fetch(void)
{
    reset(0x1ffe);
    page_map[2] = -1;
    interp_engine.exec(cpu, 2);
    g_assert_cmpint(faults, ==, 0);
    interp_engine.exec(cpu, 1);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpuint(last_ip, ==, 0x2000);
}

static void test_fault_mid_block(void)
{
    reset(0x1000);
    emit(ADD, 1, 0);
    emit(ADD, 1, 0);
    emit(UD, 0, 0);
    emit(ADD, 1, 0);
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpint(cpu->icount, ==, 3);
    g_assert_cmpuint(last_ip, ==, 0x1004);
    g_assert_cmpuint(cpu->eip, ==, FAULT_ENTRY);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 2);
}

static void test_too_long(void)
{
    reset(0x1000);
    emit(NOP, 0, 0);
    memset(mem + 0x1001, 0xf0, 20);
    interp_engine.exec(cpu, 2);
    g_assert_cmpint(last_vector, ==, EXCP_GP);
    g_assert_cmpuint(last_ip, ==, 0x1001);
}

static void test_limit(void)
{
    reset(0x1000);
    cpu->seg[R_CS].limit = 0x1004;
    emit(ADD, 1, 0);
    emit(ADD, 1, 0);
    emit(ADD, 1, 0); /* its second byte is beyond the limit */
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(last_vector, ==, EXCP_GP);
    g_assert_cmpuint(last_ip, ==, 0x1004);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 2);
}

static void test_limit_lowered(void)
{
    reset(0x1000);
    emit_loop(0x1000);
    interp_engine.exec(cpu, 8);
    cpu->seg[R_CS].limit = 0x1001; /* the block is decoded already */
    interp_engine.exec(cpu, 2);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpuint(last_ip, ==, 0x1002);
}

static void test_limit_before_page_fault(void)
{
    reset(0x1fff);
    cpu->seg[R_CS].limit = 0x1fff;
    page_map[2] = -1;
    interp_engine.exec(cpu, 2);
    g_assert_cmpint(last_vector, ==, EXCP_GP);
    g_assert_cmpuint(last_ip, ==, 0x2000);
}

static void test_ip_wraps(void)
{
    reset(0);
    cpu->eip = 0xffffffff;
    interp_engine.exec(cpu, 1);
    g_assert_cmphex(cpu->eip, ==, 0);
}

static void test_mmio_code(void)
{
    reset(MMIO_PAGE << PAGE_BITS);
    emit(ADD, 1, 0);
    emit(JMP, MMIO_PAGE << PAGE_BITS, 0);
    interp_engine.exec(cpu, 2);
    mem[(MMIO_PAGE << PAGE_BITS) + 1] = 5; /* nobody is told */
    interp_engine.exec(cpu, 2);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 6);
    g_assert_cmpuint(block_cache_stats(cpu->engine_data)->blocks, ==, 0);
}

static void test_rep_budget(void)
{
    reset(0x1000);
    emit(NOP, 0, 0);
    emit(REP, 0, 0);
    emit(NOP, 0, 0);
    cpu->gpr[R_ECX] = 10;
    interp_engine.exec(cpu, 4);
    g_assert_cmpint(cpu->icount, ==, 4);
    g_assert_cmpuint(cpu->gpr[R_ECX], ==, 7);
    g_assert_cmpuint(cpu->eip, ==, 0x1001);
    g_assert_cmpuint(cpu->eflags & RF_MASK, ==, RF_MASK);
    interp_engine.exec(cpu, 7);
    g_assert_cmpint(cpu->icount, ==, 11);
    g_assert_cmpuint(cpu->gpr[R_ECX], ==, 0);
    g_assert_cmpuint(cpu->eip, ==, 0x1002);
    g_assert_cmpuint(cpu->eflags & RF_MASK, ==, 0);
}

static void test_rep_any_slicing(void)
{
    for (int64_t slice = 1; slice < 30; slice++) {
        reset(0x1000);
        emit(REP, 0, 0);
        emit(ADD, 1, 0);
        emit(JMP, 0x1000, 0);
        cpu->gpr[R_ECX] = 25;
        while (cpu->icount < 60) {
            interp_engine.exec(cpu, MIN(slice, 60 - cpu->icount));
        }
        g_assert_cmpint(cpu->icount, ==, 60);
        /* 25 iterations, ADD, JMP, then rounds of three: an empty REP is one instruction */
        g_assert_cmpuint(cpu->gpr[R_EAX], ==, 25 + 1 + 11);
        g_assert_cmpuint(cpu->eip, ==, 0x1000);
    }
}

static void test_rep_fault(void)
{
    reset(0x1000);
    emit(REP, 0, 0);
    cpu->gpr[R_ECX] = 10;
    cpu->gpr[R_EBX] = 6;
    interp_engine.exec(cpu, 5);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpint(cpu->icount, ==, 5); /* four iterations and the delivery */
    g_assert_cmpuint(cpu->gpr[R_ECX], ==, 6);
    g_assert_cmpuint(last_ip, ==, 0x1000);
}

static void test_rep_trap(void)
{
    reset(0x1000);
    emit(REP, 0, 0);
    cpu->gpr[R_ECX] = 3;
    cpu->eflags |= TF_MASK;
    interp_engine.exec(cpu, 2);
    g_assert_cmpint(traps, ==, 1);
    g_assert_cmpuint(cpu->gpr[R_ECX], ==, 2);
    g_assert_cmpuint(last_ip, ==, 0x1000);
    interp_engine.exec(cpu, 4);
    g_assert_cmpint(traps, ==, 3);
    g_assert_cmpuint(cpu->eip, ==, 0x1001);
}

static void test_single_step(void)
{
    reset(0x1000);
    emit(SETTF, 1, 0); /* is not trapped itself */
    emit(NOP, 0, 0);
    emit(SETTF, 0, 0); /* is */
    emit(NOP, 0, 0);
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(traps, ==, 1);
    g_assert_cmpuint(last_ip, ==, 0x1003);
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(traps, ==, 2);
    g_assert_cmpuint(last_ip, ==, 0x1005);
    g_assert_cmpint(cpu->icount, ==, 6);
    g_assert_cmpuint(cpu->dr[6] & DR6_BS, ==, DR6_BS);
}

static void test_trap_waits_for_movss(void)
{
    reset(0x1000);
    emit(MOVSS, 0, 0);
    emit(NOP, 0, 0);
    cpu->eflags |= TF_MASK;
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(traps, ==, 1);
    g_assert_cmpuint(last_ip, ==, 0x1002);
}

static void test_trap_at_budget_end(void)
{
    reset(0x1000);
    cpu->eflags |= TF_MASK;
    interp_engine.exec(cpu, 1);
    g_assert_cmpint(traps, ==, 0);
    g_assert_cmpint(cpu->icount, ==, 1);
    g_assert_cmpuint(cpu->pending_db, ==, DR6_BS);
    interp_engine.exec(cpu, 1);
    g_assert_cmpint(traps, ==, 1);
    g_assert_cmpint(cpu->icount, ==, 2);
}

static void test_breakpoint(void)
{
    reset(0x1000);
    cpu->has_breakpoints = true;
    cpu->dr[0] = 0x1002;
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpuint(last_ip, ==, 0x1002);
    cpu->eip = 0x1002;
    cpu->eflags |= RF_MASK;
    interp_engine.exec(cpu, 2);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpuint(cpu->eip, ==, 0x1004);
    g_assert_cmpuint(cpu->eflags & RF_MASK, ==, 0);
}

static void test_sti_shadow(void)
{
    reset(0x1000);
    emit(STI, 0, 0);
    emit(NOP, 0, 0);
    emit(NOP, 0, 0);
    interrupt_waits = true;
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(interrupts, ==, 1);
    g_assert_cmpuint(last_ip, ==, 0x1002);
    g_assert_cmpint(cpu->icount, ==, 3);
    g_assert_cmpuint(cpu->eip, ==, INTERRUPT_ENTRY);
}

static void test_sti_hlt(void)
{
    reset(0x1000);
    emit(STI, 0, 0);
    emit(HLT, 0, 0);
    g_assert_cmpint(interp_engine.exec(cpu, 100), ==, EXIT_HALT);
    g_assert_cmpint(cpu->icount, ==, 2);
    g_assert_cmpuint(cpu->eip, ==, 0x1002);
    reset(0x1000);
    emit(STI, 0, 0);
    emit(HLT, 0, 0);
    interrupt_waits = true;
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(interrupts, ==, 1);
    g_assert_false(cpu->halted);
}

static void test_fault_in_shadow(void)
{
    reset(0x1000);
    emit(STI, 0, 0);
    emit(UD, 0, 0);
    interrupt_waits = true;
    interp_engine.exec(cpu, 3);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpint(interrupts, ==, 1);
    g_assert_cmpuint(last_ip, ==, FAULT_ENTRY);
}

static void test_io_is_interrupt_point(void)
{
    reset(0x1000);
    cpu->eflags |= IF_MASK;
    interrupt_waits = true;
    interp_engine.exec(cpu, 10);
    g_assert_cmpint(interrupts, ==, 0); /* nowhere else */
    emit_loop(0x1000);
    at = 0x100a;
    emit(IO, 0, 0);
    cpu->eip = 0x100a;
    interp_engine.exec(cpu, 2);
    g_assert_cmpint(interrupts, ==, 1);
    g_assert_cmpuint(last_ip, ==, 0x100b);
}

static void test_interrupt_not_beyond_budget(void)
{
    reset(0x1000);
    emit(IO, 0, 0);
    cpu->eflags |= IF_MASK;
    interrupt_waits = true;
    interp_engine.exec(cpu, 1);
    g_assert_cmpint(interrupts, ==, 0);
    g_assert_cmpint(cpu->icount, ==, 1);
    interp_engine.exec(cpu, 1);
    g_assert_cmpint(interrupts, ==, 1);
}

static void test_device_lowers_limit(void)
{
    reset(0x1000);
    emit(NOP, 0, 0);
    emit(IO, 0, 0);
    io_limit = 5;
    g_assert_cmpint(interp_engine.exec(cpu, 1000), ==, EXIT_BUDGET);
    g_assert_cmpint(cpu->icount, ==, 5);
}

static void test_exit_request(void)
{
    reset(0x1000);
    emit_loop(0x1000);
    cpu->exit_request = 1;
    g_assert_cmpint(interp_engine.exec(cpu, 1000), ==, EXIT_REQUEST);
    g_assert_cmpint(cpu->icount, ==, 0);
    g_assert_cmpint(cpu->exit_request, ==, 1);
}

/* More code than the cache holds: a block of 64 NOPs from every address, in two modes. */
static void test_cache_is_bounded(void)
{
    const BlockCacheStats *stats = block_cache_stats(block_cache_shared());
    reset(0x1000);
    uint64_t flushes = stats->flushes;
    for (unsigned i = 0; i < 120000; i++) {
        cpu->eip = 0x1000 + i / 2 % 0xd000;
        cpu->mode = MODE_CODE32 | (i & 1 ? MODE_PROT : 0);
        interp_engine.exec(cpu, 1);
        g_assert_cmpuint(stats->bytes, <=, 128 * MiB);
    }
    g_assert_cmpint(cpu->icount, ==, 120000);
    g_assert_cmpuint(stats->flushes, >, flushes);
}

/* 64-bit mode: control that reaches an address which is not canonical faults there, by jump or by running on. */
static void test_canonical_fetch(void)
{
    static const uint64_t hole = 0x0000800000000000ull;
    reset(0x1000);
    cpu->mode = MODE_CODE64 | MODE_SS64 | MODE_PROT;
    cpu->linear_mask = ~0ull;
    cpu->seg[R_CS].limit = 0; /* means nothing */
    cpu->eip = hole;
    interp_engine.exec(cpu, 1);
    g_assert_cmpint(faults, ==, 1);
    g_assert_cmpint(last_vector, ==, EXCP_GP);
    g_assert_cmphex(last_ip, ==, hole);
    cpu->eip = hole - 2;
    interp_engine.exec(cpu, 3); /* two NOPs, then the fault */
    g_assert_cmpint(faults, ==, 2);
    g_assert_cmphex(last_ip, ==, hole);
    mem[((hole - 1) >> PAGE_BITS) % NB_PAGES << PAGE_BITS | 0xfff] = LONG; /* an instruction that crosses into it */
    interp_engine.flush(cpu);
    cpu->eip = hole - 1;
    interp_engine.exec(cpu, 1);
    g_assert_cmpint(faults, ==, 3);
    g_assert_cmpint(last_vector, ==, EXCP_GP);
    g_assert_cmphex(last_ip, ==, hole - 1);
}

static void test_flush_mid_block(void)
{
    reset(0x1000);
    emit_loop(0x1000);
    for (int i = 0; i < 100; i++) {
        interp_engine.exec(cpu, 3);
        interp_engine.flush(cpu);
    }
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 150);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cpu = g_aligned_alloc0(1, sizeof(*cpu), _Alignof(CPUState));
    g_test_add_func("/interp/budget/exact", test_budget_exact);
    g_test_add_func("/interp/budget/slices", test_budget_slices);
    g_test_add_func("/interp/blocks/reused", test_blocks_are_reused);
    g_test_add_func("/interp/blocks/bounded", test_cache_is_bounded);
    g_test_add_func("/interp/blocks/flush", test_flush_mid_block);
    g_test_add_func("/interp/canonical-fetch", test_canonical_fetch);
    g_test_add_func("/interp/smc/own-block", test_smc_own_block);
    g_test_add_func("/interp/smc/replaces-insn", test_smc_replaces_insn);
    g_test_add_func("/interp/smc/again-and-again", test_smc_again_and_again);
    g_test_add_func("/interp/smc/data-beside-code", test_data_beside_code);
    g_test_add_func("/interp/smc/page-forgotten", test_page_forgotten);
    g_test_add_func("/interp/crossing/remapped", test_crossing);
    g_test_add_func("/interp/crossing/smc", test_crossing_smc);
    g_test_add_func("/interp/crossing/fault", test_crossing_fault);
    g_test_add_func("/interp/crossing/no-early-fetch", test_no_early_fetch);
    g_test_add_func("/interp/fault/mid-block", test_fault_mid_block);
    g_test_add_func("/interp/fault/too-long", test_too_long);
    g_test_add_func("/interp/limit/mid-insn", test_limit);
    g_test_add_func("/interp/limit/lowered", test_limit_lowered);
    g_test_add_func("/interp/limit/before-page-fault", test_limit_before_page_fault);
    g_test_add_func("/interp/fetch/ip-wraps", test_ip_wraps);
    g_test_add_func("/interp/fetch/mmio", test_mmio_code);
    g_test_add_func("/interp/rep/budget", test_rep_budget);
    g_test_add_func("/interp/rep/any-slicing", test_rep_any_slicing);
    g_test_add_func("/interp/rep/fault", test_rep_fault);
    g_test_add_func("/interp/rep/trap", test_rep_trap);
    g_test_add_func("/interp/trap/single-step", test_single_step);
    g_test_add_func("/interp/trap/waits-for-movss", test_trap_waits_for_movss);
    g_test_add_func("/interp/trap/at-budget-end", test_trap_at_budget_end);
    g_test_add_func("/interp/trap/breakpoint", test_breakpoint);
    g_test_add_func("/interp/interrupt/sti-shadow", test_sti_shadow);
    g_test_add_func("/interp/interrupt/sti-hlt", test_sti_hlt);
    g_test_add_func("/interp/interrupt/fault-in-shadow", test_fault_in_shadow);
    g_test_add_func("/interp/interrupt/io-point", test_io_is_interrupt_point);
    g_test_add_func("/interp/interrupt/not-beyond-budget", test_interrupt_not_beyond_budget);
    g_test_add_func("/interp/budget/lowered-by-device", test_device_lowers_limit);
    g_test_add_func("/interp/exit-request", test_exit_request);
    return g_test_run();
}
