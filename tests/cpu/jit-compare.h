/*
 * tests/cpu/jit-compare.h  One machine (jit-machine.h), run from one start by both engines: all state must be equal.
 * For tests of random programs.
 */
#ifndef TESTS_CPU_JIT_COMPARE_H
#define TESTS_CPU_JIT_COMPARE_H

#include "tests/cpu/jit-machine.h"

static GRand *rnd;

static uint32_t below(uint32_t n)
{
    return g_rand_int(rnd) % n;
}

/* ---- the start ---- */

static uint8_t image[RAM_SIZE];  /* memory at the start */
static uint8_t low_memory[CODE]; /* tables */

static void image_begin(const uint8_t *code, unsigned len)
{
    memcpy(image, low_memory, CODE);
    memset(image + CODE, 0xf4, DATA - CODE);
    memcpy(image + CODE, code, len);
}

/* A random number that follows another. */
static uint32_t next_word(uint32_t v)
{
    return v * 1664525 + 1013904223;
}

/* Only pages that differ are written: translated code of the others stays. */
static void load_image(void)
{
    for (uint32_t a = 0; a < RAM_SIZE; a += PAGE_SIZE) {
        if (memcmp(mem + a, image + a, PAGE_SIZE)) {
            cpu_physical_memory_write(a, image + a, PAGE_SIZE);
        }
    }
}

static void load_run_state(uint32_t device_state)
{
    cpu->int_shadow = 0;
    cpu->eip = CODE;
    cpu->icount = 0;
    cpu->halted = false;
    cpu->int_point = false;
    cpu->pending_db = 0;
    cpu->exit_request = 0;
    cpu->cr2 = 0;
    mmio_state = device_state;
}

/* ---- the end ---- */

typedef struct Result {
    uint64_t gpr[16], eip, mmio, cr2, cr3, dr6, fetch_page, fetch_phys;
    uint32_t eflags, mode, pending_db, mxcsr;
    int64_t icount;
    bool halted;
    XMMReg xmm[16];
    uint64_t st[8], fpu_ip, fpu_dp;
    uint16_t st_high[8], cw, sw, opcode, ip_sel, dp_sel;
    uint8_t top, tag;
    TLBEntry tlb[NB_MMU_MODES][TLB_SIZE];
    uint8_t memory[RAM_SIZE];
} Result;

static Result by_interp, by_jit; /* padding stays zero */

static void save_fpu(Result *r)
{
    const FPUState *f = &cpu->fpu;
    for (int i = 0; i < 8; i++) {
        r->st[i] = f->st[i].low;
        r->st_high[i] = f->st[i].high;
    }
    r->fpu_ip = f->ip;
    r->fpu_dp = f->dp;
    r->cw = f->cw;
    r->sw = f->sw;
    r->opcode = f->opcode;
    r->ip_sel = f->ip_sel;
    r->dp_sel = f->dp_sel;
    r->top = f->top;
    r->tag = f->tag;
    g_assert_false(cpu->jit.x87_loaded);
}

static void save_result(Result *r)
{
    save_fpu(r);
    memcpy(r->gpr, cpu->gpr, sizeof(r->gpr));
    r->eip = cpu->eip;
    r->mmio = mmio_state;
    r->cr2 = cpu->cr2;
    r->cr3 = cpu->cr3;
    r->dr6 = cpu->dr[6];
    r->fetch_page = cpu->fetch_page;
    r->fetch_phys = cpu->fetch_page ? cpu->fetch_phys : 0;
    r->eflags = cpu_get_eflags(cpu);
    r->mode = cpu->mode;
    r->pending_db = cpu->pending_db;
    r->mxcsr = cpu->mxcsr;
    r->icount = cpu->icount;
    r->halted = cpu->halted;
    memcpy(r->xmm, cpu->xmm, sizeof(r->xmm));
    memcpy(r->tlb, cpu->tlb, sizeof(r->tlb));
    memcpy(r->memory, mem, sizeof(r->memory));
}

static void print_state(const char *name, const Result *r)
{
    fprintf(stderr, "%-6s eip %08lx eflags %05x icount %ld halted %d fetch %lx cr2 %lx mxcsr %x", name, (long)r->eip,
            r->eflags, (long)r->icount, r->halted, (long)r->fetch_page, (long)r->cr2, r->mxcsr);
    for (int i = 0; i < 16; i++) {
        fprintf(stderr, " %08lx", (long)r->gpr[i]);
    }
    fprintf(stderr, "\ncw %04x sw %04x top %u tag %02x opcode %03x ip %x:%lx dp %x:%lx", r->cw, r->sw, r->top, r->tag,
            r->opcode, r->ip_sel, (long)r->fpu_ip, r->dp_sel, (long)r->fpu_dp);
    for (int i = 0; i < 8; i++) {
        fprintf(stderr, " %04x:%016lx", r->st_high[i], (long)r->st[i]);
    }
    fprintf(stderr, "\n");
}

static void print_differences(const Result *a, const Result *b)
{
    for (int i = 0; i < 16; i++) {
        if (memcmp(&a->xmm[i], &b->xmm[i], 16)) {
            fprintf(stderr, "xmm%d %016lx%016lx %016lx%016lx\n", i, (long)a->xmm[i].q[1], (long)a->xmm[i].q[0],
                    (long)b->xmm[i].q[1], (long)b->xmm[i].q[0]);
        }
    }
    for (unsigned i = 0; i < NB_MMU_MODES * TLB_SIZE; i++) {
        const TLBEntry *x = &a->tlb[0][i], *y = &b->tlb[0][i];
        if (memcmp(x, y, sizeof(*x))) {
            fprintf(stderr, "TLB %x: %lx %lx, %lx %lx\n", i, (long)x->page, (long)x->phys, (long)y->page,
                    (long)y->phys);
        }
    }
    for (uint32_t i = 0; i < RAM_SIZE; i++) {
        if (a->memory[i] != b->memory[i]) {
            fprintf(stderr, "memory %x: %02x %02x\n", i, a->memory[i], b->memory[i]);
        }
    }
}

/* The same program, which is in `image`, for the same number of instructions on both engines. */
static void run_both(void (*load)(gconstpointer start), gconstpointer start, int64_t budget)
{
    load(start);
    run_for(&interp_engine, budget);
    save_result(&by_interp);
    load(start);
    run_for(&jit_engine, budget);
    save_result(&by_jit);
}

static void expect_equal(const char *what, uint32_t seed, int64_t budget, unsigned code_bytes)
{
    if (!memcmp(&by_interp, &by_jit, sizeof(by_jit))) {
        return;
    }
    fprintf(stderr, "%s, seed %u, %ld instructions\ncode:", what, seed, (long)budget);
    for (unsigned i = 0; i < code_bytes; i++) {
        fprintf(stderr, " %02x", image[CODE + i]);
    }
    fprintf(stderr, "\n");
    print_state("interp", &by_interp);
    print_state("jit", &by_jit);
    print_differences(&by_interp, &by_jit);
    g_error("the engines differ");
}

#endif
