/*
 * target/i386/int-string.c  MOVS STOS LODS CMPS SCAS, alone and with REP. SDM volume 2, "REP/REPE/REPZ/REPNE/REPNZ".
 * (INS, OUTS: system part.)
 *
 * A repeated instruction retires one per iteration. One call does as many as the budget (icount_limit) allows; when
 * some are left, eip stays on the instruction and the block ends. Counter, index registers, flags and icount are up to
 * date after each iteration, so an access may fault at any time and a device sees the exact time. After an iteration
 * that touched I/O or tripped a data breakpoint the instruction stops as if the budget had ended.
 *
 * The first iteration of each pass goes the ordinary way: it fills the TLB and takes the faults, in order. What follows
 * on the same pages, inside segment and address-size limits, is done in bulk on host pointers: no iteration is done
 * there that could behave differently one by one.
 */
#include "target/i386/int-common.h"
#include "util/bytes.h"

/* ---- iterations ---- */
static inline bool is_repeated(const DecodedInsn *d)
{
    return d->prefix & (PREFIX_REP | PREFIX_REPNE);
}

/* A call never keeps somebody who waits for the machine longer than this many iterations take. Where it stops does not
 * show. */
#define REP_CALL_MAX 16384

/* Iterations to do in this call, 0 when the counter is zero. Single step traps after each. */
static uint64_t rep_budget(const CPUState *cpu, const DecodedInsn *d)
{
    uint64_t count = addr_reg(cpu, d, R_ECX);
    int64_t budget = cpu->icount_limit - cpu->icount;

    if (budget < 1 || (cpu->mode & MODE_TF)) {
        budget = 1;
    }
    return MIN(count, MIN((uint64_t)budget, REP_CALL_MAX));
}

static inline void rep_done(CPUState *cpu, const DecodedInsn *d, uint64_t n)
{
    set_addr_reg(cpu, d, R_ECX, cpu->gpr[R_ECX] - n);
    cpu->icount += (int64_t)n;
}

static inline bool rep_interrupted(const CPUState *cpu)
{
    return cpu->int_point || cpu->pending_db;
}

/* The engine counts one for the instruction itself. */
static void rep_end(CPUState *cpu, const DecodedInsn *d, bool finished)
{
    cpu->icount--;
    if (!finished && addr_reg(cpu, d, R_ECX) != 0) {
        cpu->eip = cpu->insn_ip;
        cpu_end_block(cpu);
    }
}

static inline void advance(CPUState *cpu, const DecodedInsn *d, unsigned r, uint64_t bytes)
{
    set_addr_reg(cpu, d, r, cpu->gpr[r] + (cpu->df < 0 ? -bytes : bytes));
}

/* ---- bulk: a run of elements that lies in one page ---- */
typedef struct StringRun {
    uint64_t la;    /* linear address of the first element */
    uint64_t count; /* 0: none */
} StringRun;

static StringRun string_run(CPUState *cpu, const DecodedInsn *d, int seg, unsigned r, unsigned size, AccessKind kind)
{
    const SegmentCache *s = &cpu->seg[seg];
    uint64_t offset = addr_reg(cpu, d, r), last = addr_mask(d), la = seg_linear(cpu, s, offset);
    bool flat64 = (cpu->mode & MODE_CODE_MASK) == MODE_CODE64;

    if (!flat64) {
        uint64_t end = kind == ACCESS_WRITE ? s->write_end : s->read_end;
        last = end == 0 ? 0 : MIN(last, end - 1);
    } else if (!address_is_canonical(la)) {
        last = 0; /* the next ordinary iteration faults */
    }
    uint64_t in_page = la & ~PAGE_MASK;
    if (last < size || offset > last - (size - 1) || in_page + size > PAGE_SIZE) {
        return (StringRun){ la, 0 };
    }
    if (cpu->df < 0) {
        return (StringRun){ la, MIN(in_page, offset) / size + 1 };
    }
    return (StringRun){ la, MIN((PAGE_SIZE - in_page) / size, (last - (size - 1) - offset) / size + 1) };
}

/* Host address of the lowest of n elements, or NULL. */
static uint8_t *string_host(CPUState *cpu, StringRun run, uint64_t n, unsigned size, AccessKind kind)
{
    uint64_t la = cpu->df < 0 ? run.la - (n - 1) * size : run.la;
    TLBFast *e = tlb_fast_entry(cpu, la, cpu->mmu_mode);

    if (likely((kind == ACCESS_WRITE ? e->write : e->read) == (la & PAGE_MASK))) {
        return (uint8_t *)(uintptr_t)(la + e->addend);
    }
    return cpu_host_ptr(cpu, la, (unsigned)(n * size), kind, cpu->mmu_mode);
}

/* As n single copies in the direction of df would: a destination just ahead of the source repeats a pattern. */
static void copy_elements(uint8_t *to, const uint8_t *from, uint64_t n, unsigned size, bool down)
{
    uint64_t bytes = n * size;
    bool pattern = down ? to < from && from < to + bytes : from < to && to < from + bytes;

    if (!pattern) {
        memmove(to, from, bytes);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = (down ? n - 1 - i : i) * size;
        uint8_t element[8];
        memcpy(element, from + at, size);
        memcpy(to + at, element, size);
    }
}

static void fill_elements(uint8_t *to, uint64_t value, uint64_t n, unsigned size)
{
    if (size == 1 || value == 0) {
        memset(to, (uint8_t)value, n * size);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        memcpy(to + i * size, &value, size);
    }
}

/* Each does at most `left` iterations and returns how many. */
static uint64_t movs_bulk(CPUState *cpu, const DecodedInsn *d, uint64_t left, unsigned size)
{
    StringRun from = string_run(cpu, d, d->seg, R_ESI, size, ACCESS_READ);
    StringRun to = string_run(cpu, d, R_ES, R_EDI, size, ACCESS_WRITE);
    uint64_t n = MIN(left, MIN(from.count, to.count));
    uint8_t *source = n ? string_host(cpu, from, n, size, ACCESS_READ) : NULL;
    uint8_t *target = source ? string_host(cpu, to, n, size, ACCESS_WRITE) : NULL;

    if (!target) {
        return 0;
    }
    copy_elements(target, source, n, size, cpu->df < 0);
    advance(cpu, d, R_ESI, n * size);
    advance(cpu, d, R_EDI, n * size);
    return n;
}

static uint64_t stos_bulk(CPUState *cpu, const DecodedInsn *d, uint64_t left, unsigned size)
{
    StringRun to = string_run(cpu, d, R_ES, R_EDI, size, ACCESS_WRITE);
    uint64_t n = MIN(left, to.count);
    uint8_t *target = n ? string_host(cpu, to, n, size, ACCESS_WRITE) : NULL;

    if (!target) {
        return 0;
    }
    fill_elements(target, cpu->gpr[R_EAX], n, size);
    advance(cpu, d, R_EDI, n * size);
    return n;
}

/* Only the last element stays: jump to it and let the next ordinary iteration load it. */
static uint64_t lods_bulk(CPUState *cpu, const DecodedInsn *d, uint64_t left, unsigned size)
{
    StringRun from = string_run(cpu, d, d->seg, R_ESI, size, ACCESS_READ);
    uint64_t n = MIN(left, from.count);

    if (n < 2 || !string_host(cpu, from, n, size, ACCESS_READ)) {
        return 0;
    }
    advance(cpu, d, R_ESI, (n - 1) * size);
    return n - 1;
}

/* How many bytes at the beginning are the same in both. */
static uint64_t equal_bytes(const uint8_t *p, const uint8_t *q, uint64_t bytes)
{
    uint64_t i = 0;
    for (; bytes - i >= 8; i += 8) {
        uint64_t differing = ldq_le_p(p + i) ^ ldq_le_p(q + i);
        if (differing) {
            return i + (unsigned)__builtin_ctzll(differing) / 8;
        }
    }
    while (i < bytes && p[i] == q[i]) {
        i++;
    }
    return i;
}

/* Of n elements, how many CMPS passes without ending, as far as that can be told fast; less than n. */
static uint64_t cmps_pass(const CPUState *cpu, const uint8_t *p, const uint8_t *q, uint64_t n, unsigned size,
                          bool while_zf)
{
    return while_zf && cpu->df > 0 ? MIN(equal_bytes(p, q, n * size) / size, n - 1) : 0;
}

/* SCAS. An area that is full of one value equals itself, one element further. */
static uint64_t scas_pass(const CPUState *cpu, const uint8_t *p, uint64_t n, unsigned size, bool while_zf)
{
    if (cpu->df < 0) {
        return 0;
    }
    if (while_zf) {
        bool begins = memcmp(p, &cpu->gpr[R_EAX], size) == 0;
        return begins ? MIN(1 + equal_bytes(p, p + size, (n - 1) * size) / size, n - 1) : 0;
    }
    const uint8_t *found = size == 1 ? memchr(p, (uint8_t)cpu->gpr[R_EAX], n) : p;
    return found ? (uint64_t)(found - p) : n - 1;
}

/* MOVS, STOS, LODS: after a failed attempt at bulk (MMIO, code page) go one by one for a while before the next. */
#define BULK_RETRY 32
#define COPY_DEFINE(name, bits)                                    \
    static void name##_##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                              \
        if (likely(!is_repeated(d))) {                             \
            name##_step##bits(cpu, d);                             \
            return;                                                \
        }                                                          \
        uint64_t left = rep_budget(cpu, d);                        \
        if (left == 0) {                                           \
            return;                                                \
        }                                                          \
        unsigned wait = 0;                                         \
        do {                                                       \
            name##_step##bits(cpu, d);                             \
            rep_done(cpu, d, 1);                                   \
            left--;                                                \
            if (wait) {                                            \
                wait--;                                            \
            } else if (left && !rep_interrupted(cpu)) {            \
                uint64_t n = name##_bulk(cpu, d, left, bits / 8);  \
                rep_done(cpu, d, n);                               \
                left -= n;                                         \
                wait = n ? 0 : BULK_RETRY;                         \
            }                                                      \
        } while (left && !rep_interrupted(cpu));                   \
        rep_end(cpu, d, false);                                    \
    }

/* CMPS, SCAS: also end when ZF is not what the prefix waits for. */
#define COMPARE_DEFINE(name, bits)                                               \
    static void name##_##bits(CPUState *cpu, const DecodedInsn *d)               \
    {                                                                            \
        if (!is_repeated(d)) {                                                   \
            name##_step##bits(cpu, d);                                           \
            return;                                                              \
        }                                                                        \
        uint64_t left = rep_budget(cpu, d);                                      \
        if (left == 0) {                                                         \
            return;                                                              \
        }                                                                        \
        unsigned wait = 0, while_zf = !(d->prefix & PREFIX_REPNE);               \
        do {                                                                     \
            name##_step##bits(cpu, d);                                           \
            rep_done(cpu, d, 1);                                                 \
            left--;                                                              \
            if (wait) {                                                          \
                wait--;                                                          \
            } else if (left && cc_z(cpu) == while_zf && !rep_interrupted(cpu)) { \
                uint64_t n = name##_bulk##bits(cpu, d, left, while_zf);          \
                rep_done(cpu, d, n);                                             \
                left -= n;                                                       \
                wait = n ? 0 : BULK_RETRY;                                       \
            }                                                                    \
        } while (left && cc_z(cpu) == while_zf && !rep_interrupted(cpu));        \
        rep_end(cpu, d, cc_z(cpu) != while_zf);                                  \
    }

#define STRING_DEFINE(bits)                                                                                \
    static inline void movs_step##bits(CPUState *cpu, const DecodedInsn *d)                                \
    {                                                                                                      \
        uint##bits##_t v = seg_ld##bits(cpu, d->seg, addr_reg(cpu, d, R_ESI));                             \
        seg_st##bits(cpu, R_ES, addr_reg(cpu, d, R_EDI), v);                                               \
        advance(cpu, d, R_ESI, bits / 8);                                                                  \
        advance(cpu, d, R_EDI, bits / 8);                                                                  \
    }                                                                                                      \
    static inline void stos_step##bits(CPUState *cpu, const DecodedInsn *d)                                \
    {                                                                                                      \
        seg_st##bits(cpu, R_ES, addr_reg(cpu, d, R_EDI), reg##bits(cpu, R_EAX));                           \
        advance(cpu, d, R_EDI, bits / 8);                                                                  \
    }                                                                                                      \
    static inline void lods_step##bits(CPUState *cpu, const DecodedInsn *d)                                \
    {                                                                                                      \
        set_reg##bits(cpu, R_EAX, seg_ld##bits(cpu, d->seg, addr_reg(cpu, d, R_ESI)));                     \
        advance(cpu, d, R_ESI, bits / 8);                                                                  \
    }                                                                                                      \
    static inline void cmps_step##bits(CPUState *cpu, const DecodedInsn *d)                                \
    {                                                                                                      \
        uint##bits##_t a = seg_ld##bits(cpu, d->seg, addr_reg(cpu, d, R_ESI));                             \
        uint##bits##_t b = seg_ld##bits(cpu, R_ES, addr_reg(cpu, d, R_EDI));                               \
        cc_sub##bits(cpu, a, b, 0);                                                                        \
        advance(cpu, d, R_ESI, bits / 8);                                                                  \
        advance(cpu, d, R_EDI, bits / 8);                                                                  \
    }                                                                                                      \
    static inline void scas_step##bits(CPUState *cpu, const DecodedInsn *d)                                \
    {                                                                                                      \
        cc_sub##bits(cpu, reg##bits(cpu, R_EAX), seg_ld##bits(cpu, R_ES, addr_reg(cpu, d, R_EDI)), 0);     \
        advance(cpu, d, R_EDI, bits / 8);                                                                  \
    }                                                                                                      \
    static inline uint##bits##_t element##bits(const uint8_t *lowest, uint64_t i, uint64_t n, bool down)   \
    {                                                                                                      \
        uint##bits##_t v;                                                                                  \
        memcpy(&v, lowest + (down ? n - 1 - i : i) * sizeof(v), sizeof(v));                                \
        return v;                                                                                          \
    }                                                                                                      \
    static uint64_t cmps_bulk##bits(CPUState *cpu, const DecodedInsn *d, uint64_t left, unsigned while_zf) \
    {                                                                                                      \
        StringRun first = string_run(cpu, d, d->seg, R_ESI, bits / 8, ACCESS_READ);                        \
        StringRun second = string_run(cpu, d, R_ES, R_EDI, bits / 8, ACCESS_READ);                         \
        uint64_t n = MIN(left, MIN(first.count, second.count)), i = 0;                                     \
        uint8_t *p = n ? string_host(cpu, first, n, bits / 8, ACCESS_READ) : NULL;                         \
        uint8_t *q = p ? string_host(cpu, second, n, bits / 8, ACCESS_READ) : NULL;                        \
        uint##bits##_t a, b;                                                                               \
        if (!q) {                                                                                          \
            return 0;                                                                                      \
        }                                                                                                  \
        i = cmps_pass(cpu, p, q, n, bits / 8, while_zf);                                                   \
        do {                                                                                               \
            a = element##bits(p, i, n, cpu->df < 0);                                                       \
            b = element##bits(q, i, n, cpu->df < 0);                                                       \
        } while (++i < n && (a == b) == while_zf);                                                         \
        cc_sub##bits(cpu, a, b, 0);                                                                        \
        advance(cpu, d, R_ESI, i *(bits / 8));                                                             \
        advance(cpu, d, R_EDI, i *(bits / 8));                                                             \
        return i;                                                                                          \
    }                                                                                                      \
    static uint64_t scas_bulk##bits(CPUState *cpu, const DecodedInsn *d, uint64_t left, unsigned while_zf) \
    {                                                                                                      \
        StringRun run = string_run(cpu, d, R_ES, R_EDI, bits / 8, ACCESS_READ);                            \
        uint64_t n = MIN(left, run.count), i = 0;                                                          \
        uint8_t *p = n ? string_host(cpu, run, n, bits / 8, ACCESS_READ) : NULL;                           \
        uint##bits##_t a = reg##bits(cpu, R_EAX), b;                                                       \
        if (!p) {                                                                                          \
            return 0;                                                                                      \
        }                                                                                                  \
        i = scas_pass(cpu, p, n, bits / 8, while_zf);                                                      \
        do {                                                                                               \
            b = element##bits(p, i, n, cpu->df < 0);                                                       \
        } while (++i < n && (a == b) == while_zf);                                                         \
        cc_sub##bits(cpu, a, b, 0);                                                                        \
        advance(cpu, d, R_EDI, i *(bits / 8));                                                             \
        return i;                                                                                          \
    }                                                                                                      \
    COPY_DEFINE(movs, bits)                                                                                \
    COPY_DEFINE(stos, bits)                                                                                \
    COPY_DEFINE(lods, bits)                                                                                \
    COMPARE_DEFINE(cmps, bits)                                                                             \
    COMPARE_DEFINE(scas, bits)
FOR_ALL_SIZES(STRING_DEFINE)

#define STRING_SETS(name)       \
    SET_ONE(name##_b, name##_8) \
    SET_PLAIN(name##_v, name)
STRING_SETS(movs)
STRING_SETS(stos)
STRING_SETS(lods)
STRING_SETS(cmps)
STRING_SETS(scas)
