/* LINK: target/i386/x87.c target/i386/x87-arith.c target/i386/x87-mov.c target/i386/x87-func.c target/i386/x87-state.c target/i386/x87-fxsave.c target/i386/flags.c fpu/softfloat.c fpu/remainder.c fpu/transcendental.c */
/*
 * tests/cpu/test-x87.c  x87 instructions. First every row of the table against the host's own x87, with random
 * registers, tags, control words and operands, masked and unmasked: FRSTOR, the instruction, FNSAVE on both sides,
 * everything compared. Then what the host cannot tell: #NM, #MF, FERR#, faults, the memory images, our own definitions.
 *
 * Where hosts differ from each other or from the manual, host_case() keeps away from it or ignored_status() says what
 * is not compared.
 */
#include "target/i386/flags.h"
#include "tests/cpu/x87-stubs.h"

#define IMAGE_BYTES 108
#define ROUNDS      4000

static uint64_t seed;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static bool one_in(unsigned n)
{
    return rnd() % n == 0;
}

/* ---- operands ---- */

static unsigned random_exponent(void)
{
    switch (rnd() % 9) {
    case 0:
        return 0;
    case 1:
        return 0x7fff;
    case 2:
        return 1 + (unsigned)(rnd() % 70);
    case 3:
        return 0x7ffe - (unsigned)(rnd() % 2);
    case 4:
    case 5:
        return 0x3fff + (unsigned)(rnd() % 140) - 70;
    case 6:
        return 0x3fff + (unsigned)(rnd() % 8) - 4;
    default:
        return rnd() & 0x7fff;
    }
}

static floatx80 random_number(void)
{
    floatx80 v = { .low = rnd(), .high = (uint16_t)random_exponent() };
    v.low = one_in(4) ? (one_in(2) ? 1ull << 63 : ~0ull) : v.low;
    v.low |= one_in(20) ? 0 : 1ull << 63;
    if (v.high == 0 && !one_in(4)) {
        v.low &= ~(1ull << 63);
    }
    v.low &= one_in(5) ? 0xffffff0000000001ull : ~0ull;
    if (one_in(12)) {
        v = (floatx80){ 0 };
    } else if (one_in(10)) { /* an integer or half of one */
        v = (floatx80){ .low = 1ull << 63 | rnd() << (rnd() % 64), .high = (uint16_t)(0x3fff + rnd() % 70) };
    }
    v.high |= (uint16_t)(rnd() << 15);
    return v;
}

static uint64_t random_ieee(unsigned exponent_bits, unsigned fraction_bits)
{
    uint64_t max = (1ull << exponent_bits) - 1, all = (1ull << fraction_bits) - 1;
    const uint64_t exponents[5] = { 0, max, 1, max - 1, max / 2 + rnd() % 40 - 20 };
    uint64_t f = one_in(4) ? 0 : rnd() & all;
    f &= one_in(4) ? 1ull << (fraction_bits - 1) | 1 : all;
    return (rnd() & 1) << (exponent_bits + fraction_bits) | exponents[rnd() % 5] << fraction_bits | f;
}

static void random_bcd(uint8_t *p)
{
    for (int i = 0; i < 9; i++) {
        p[i] = (uint8_t)(rnd() % 10 << 4 | rnd() % 10);
    }
    p[9] = one_in(2) ? 0x80 : 0;
}

static bool is_named(const InsnInfo *info, const char *prefix)
{
    return g_str_has_prefix(info->mnemonic, prefix);
}

static void random_memory(const InsnInfo *info, uint8_t *p)
{
    uint64_t v = rnd();
    bool integer = is_named(info, "fi");
    if (!integer && info->operands[0] == OPERAND_Md) {
        v = random_ieee(8, 23);
    } else if (!integer && info->operands[0] == OPERAND_Mq) {
        v = random_ieee(11, 52);
    }
    floatx80 ten = random_number();
    memset(p, 0xaa, 16);
    memcpy(p, &v, 8);
    if (is_named(info, "fbld")) {
        random_bcd(p);
    } else if (info->operands[0] == OPERAND_Mt) {
        memcpy(p, &ten.low, 8);
        memcpy(p + 8, &ten.high, 2);
    }
}

#if defined(__x86_64__)

/* ---- one instruction on the host ---- */

typedef struct HostCase {
    uint8_t image[IMAGE_BYTES], result[IMAGE_BYTES]; /* FRSTOR's and FNSAVE's */
    uint8_t operand[16];
    uint64_t eflags, eflags_result;
    uint8_t modrm;
} HostCase;

typedef uint64_t HostCode(void *operand, void *image, void *result, uint64_t eflags);
static uint8_t *host_page;

/* FRSTOR [rsi]; PUSH rcx; POPFQ; instruction on [rdi]; PUSHFQ; POP rax; FNSAVE [rdx]; FNINIT; RET */
static void run_on_host(const InsnInfo *info, HostCase *c)
{
    const uint8_t code[] = { 0xdd, 0x26, 0x51, 0x9d, info->opcode, c->modrm, 0x9c, 0x58, 0xdd, 0x32, 0xdb, 0xe3, 0xc3 };
    memcpy(host_page, code, sizeof(code));
    c->eflags_result = ((HostCode *)(uintptr_t)host_page)(c->operand, c->image, c->result, c->eflags);
}

static uint16_t image_cw(const uint8_t *image)
{
    return lduw_le_p(image);
}

static uint16_t image_sw(const uint8_t *image)
{
    return lduw_le_p(image + 4);
}

static floatx80 image_register(const uint8_t *image, unsigned i)
{
    return (floatx80){ .low = ldq_le_p(image + 28 + 10 * i), .high = lduw_le_p(image + 28 + 10 * i + 8) };
}

static void set_image_register(uint8_t *image, unsigned i, floatx80 v)
{
    stq_le_p(image + 28 + 10 * i, v.low);
    stw_le_p(image + 28 + 10 * i + 8, v.high);
}

static bool image_empty(const uint8_t *image, unsigned i)
{
    unsigned n = ((image_sw(image) >> 11) + i) & 7;
    return ((lduw_le_p(image + 8) >> (2 * n)) & 3) == 3;
}

/* ---- random states ---- */

static bool is_function(const InsnInfo *info)
{
    static const char *const names[] = { "f2xm1", "fyl2x", "fyl2xp1", "fptan", "fpatan", "fsin", "fcos", "fsincos" };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(info->mnemonic, names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_comparison(const InsnInfo *info)
{
    return is_named(info, "fcom") || is_named(info, "fucom") || is_named(info, "ficom") || is_named(info, "ftst");
}

static uint16_t random_tags(unsigned top)
{
    uint16_t tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        tags |= one_in(8) ? 3u << (2 * i) : 0;
    }
    tags = one_in(3) ? 0 : tags;
    return one_in(2) ? tags : tags | 3u << (2 * ((top + 7) & 7)); /* room to push */
}

static void random_state(HostCase *c, bool unmasked)
{
    uint16_t cw = (uint16_t)(0x40 | (rnd() & 0x1f00) | (unmasked && one_in(2) ? rnd() & 0x3f : 0x3f));
    cw |= (cw & 0x300) == 0x100 ? 0x200 : 0; /* precision 01 is reserved */
    uint16_t sw = (uint16_t)((rnd() & 0x7f40) | (rnd() & cw & 0x3f));
    memset(c->image, 0, sizeof(c->image));
    stl_le_p(c->image, cw);
    stl_le_p(c->image + 4, sw);
    stl_le_p(c->image + 8, random_tags(sw >> 11));
    for (unsigned i = 0; i < 8; i++) {
        set_image_register(c->image, i, random_number());
    }
    c->eflags = 0x202 | (rnd() & CC_ALL);
}

static void mask(HostCase *c, uint16_t flags)
{
    stw_le_p(c->image, image_cw(c->image) | flags);
}

/*
 * Functions outside what the manual defines, or where hosts reduce by another pi than ours: the operand is brought
 * below 1/2. FYL2XP1 gets an operand of either sign.
 */
static void tame_operand(const InsnInfo *info, HostCase *c)
{
    floatx80 st0 = image_register(c->image, 0);
    unsigned exp = st0.high & 0x7fff;
    if (strcmp(info->mnemonic, "fyl2x") && strcmp(info->mnemonic, "fpatan") && exp >= 0x3ffe && exp < 0x7fff) {
        st0.high = (uint16_t)((st0.high & 0x8000) | (0x3ffd - rnd() % 80));
        st0.low |= 1ull << 63;
        set_image_register(c->image, 0, st0);
    }
}

/* F2XM1 and FYL2XP1 of infinity: the manual does not say. */
static bool host_differs(const InsnInfo *info, const HostCase *c)
{
    floatx80 st0 = image_register(c->image, 0);
    bool infinite = (st0.high & 0x7fff) == 0x7fff && st0.low == 1ull << 63;
    bool no_infinity = is_named(info, "f2xm1") || is_named(info, "fyl2xp1");
    return no_infinity && infinite;
}

static HostCase host_case(const InsnInfo *info, bool unmasked)
{
    HostCase c;
    random_state(&c, unmasked);
    random_memory(info, c.operand);
    c.modrm =
        info->modrm.mod == MOD_MEM
            ? (uint8_t)(info->modrm.reg << 3 | 7)
            : (uint8_t)(0xc0 | info->modrm.reg << 3 | (info->modrm.rm < 0 ? rnd() & 7 : (unsigned)info->modrm.rm));
    if (is_comparison(info)) {
        mask(&c, FLOAT_FLAG_INVALID); /* AMD sets the condition codes, the manual does not */
    }
    if (is_named(info, "fld") && info->modrm.mod == MOD_MEM) {
        mask(&c, FLOAT_FLAG_DENORMAL); /* AMD pushes, the manual leaves TOP alone */
    }
    if (is_named(info, "fyl2x")) {
        mask(&c, FLOAT_FLAG_INEXACT); /* see ignored_status() */
    }
    if (is_function(info)) {
        tame_operand(info, &c);
    }
    return c;
}

/* ---- comparing ---- */

/* Bits of the status word that the manual leaves undefined, or in which processors differ. */
static uint16_t ignored_status(const InsnInfo *info)
{
    uint16_t ignored = is_comparison(info) || is_named(info, "fxam") || is_named(info, "fprem") ? 0 : FSW_CC;
    if (is_function(info)) {
        ignored = FSW_C0 | FSW_C3 | FSW_C1; /* a result that is one unit apart has another direction */
    }
    if (is_named(info, "fyl2x")) {
        ignored |= FLOAT_FLAG_INEXACT; /* exact logarithms of powers of 2: noted as inexact by AMD */
    }
    bool undefined_c1 = is_named(info, "ffree") || is_named(info, "fcmov") || strstr(info->mnemonic, "comi");
    return ignored | (undefined_c1 ? FSW_C1 : 0);
}

static void load_case(const HostCase *c)
{
    FPUState *f = &cpu->fpu;
    uint16_t sw = image_sw(c->image);
    f->cw = image_cw(c->image);
    f->top = (sw >> 11) & 7;
    f->sw = sw & ~FSW_TOP;
    f->tag = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = x87_physical(f, i);
        f->st[n] = image_register(c->image, i);
        f->tag |= (uint8_t)(image_empty(c->image, i) << n);
    }
    cc_set(cpu, c->eflags & CC_ALL);
    memcpy(mem + OPERAND, c->operand, 16);
}

/* One unit in the last place, also over a power of 2. */
static bool is_close(floatx80 a, floatx80 b)
{
    __int128 x = (__int128)(a.high & 0x7fff) << 63 | (a.low & ~0ull >> 1),
             y = (__int128)(b.high & 0x7fff) << 63 | (b.low & ~0ull >> 1);
    return (a.high ^ b.high) < 0x8000 && x - y <= 1 && y - x <= 1;
}

static bool same_register(const InsnInfo *info, floatx80 a, floatx80 b)
{
    return (a.low == b.low && a.high == b.high) || (is_function(info) && is_close(a, b));
}

static const char *difference(const InsnInfo *info, const HostCase *c)
{
    const FPUState *f = &cpu->fpu;
    uint16_t sw = (uint16_t)(f->sw | f->top << 11), ignored = ignored_status(info);
    if ((image_sw(c->result) ^ sw) & ~ignored) {
        return "status";
    }
    if (image_cw(c->result) != f->cw) {
        return "control";
    }
    /* How far one FPREM gets is the processor's own choice. */
    bool values = !(is_named(info, "fprem") && (sw & FSW_C2));
    for (unsigned i = 0; i < 8; i++) {
        if (image_empty(c->result, i) != x87_empty(f, i)) {
            return "tags";
        }
        if (values && !same_register(info, image_register(c->result, i), x87_get(f, i))) {
            return "value";
        }
    }
    if (memcmp(c->operand, mem + OPERAND, 16)) {
        return "memory";
    }
    return (c->eflags_result ^ cc_get(cpu)) & CC_ALL ? "eflags" : NULL;
}

static void check_on_host(const InsnInfo *info, bool unmasked)
{
    HostCase c = host_case(info, unmasked);
    if (host_differs(info, &c)) {
        return;
    }
    load_case(&c);
    run_on_host(info, &c);
    g_assert_cmpint(run_row(info, c.modrm, 2, OPERAND), ==, -1);
    const char *what = difference(info, &c);
    if (what) {
        floatx80 a = image_register(c.image, 0), b = image_register(c.image, 1), h = image_register(c.result, 0);
        floatx80 o = x87_get(&cpu->fpu, 0);
        g_error("%s %02x %02x: %s differs: cw %04x sw %04x tags %04x st0 %04x:%016" PRIx64 " st1 %04x:%016" PRIx64
                " memory %016" PRIx64 ": host sw %04x st0 %04x:%016" PRIx64 ", ours sw %04x st0 %04x:%016" PRIx64,
                info->mnemonic, info->opcode, c.modrm, what, image_cw(c.image), image_sw(c.image),
                lduw_le_p(c.image + 8), a.high, a.low, b.high, b.low, ldq_le_p(c.operand), image_sw(c.result), h.high,
                h.low, cpu->fpu.sw | cpu->fpu.top << 11, o.high, o.low);
    }
}

/* Control instructions have tests of their own; FSTPNCE is not the same everywhere. */
static bool host_comparable(const InsnInfo *info)
{
    static const char *const not [] = { "fldenv", "fnstenv", "fnsave", "frstor", "fnstcw",
                                        "fnstsw", "fldcw",   "fwait",  "fstpnce" };
    for (size_t i = 0; i < ARRAY_SIZE(not ); i++) {
        if (!strcmp(info->mnemonic, not [i])) {
            return false;
        }
    }
    return info->map == M_1B;
}

static void check_all_on_host(bool unmasked)
{
    seed = 88172645463325252ull;
    new_cpu();
    host_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (host_page == MAP_FAILED) {
        g_test_skip("no page that is writable and executable");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int n = 0; n < (coverage_only() ? 1 : ROUNDS) && host_comparable(&rows[i]); n++) {
            check_on_host(&rows[i], unmasked);
            coverage_row(&rows[i], COVERAGE_HOST);
        }
    }
    munmap(host_page, 4096);
}

static void test_host_masked(void)
{
    check_all_on_host(false);
}

static void test_host_unmasked(void)
{
    check_all_on_host(true);
}

static void test_host_coverage(void)
{
    unsigned compared = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        compared += host_comparable(&rows[i]);
    }
    g_test_message("%u of %zu rows are compared with the host", compared, ARRAY_SIZE(rows));
    g_assert_cmpuint(compared, >, ARRAY_SIZE(rows) / 2);
}

#endif

/* ---- reporting: #NM, #MF, FERR# ---- */

static void push(floatx80 v)
{
    x87_push(&cpu->fpu, v);
}

static void assert_st0(uint16_t high, uint64_t low)
{
    floatx80 v = x87_get(&cpu->fpu, 0);
    g_assert_false(x87_empty(&cpu->fpu, 0));
    g_assert_cmphex(v.high, ==, high);
    g_assert_cmphex(v.low, ==, low);
}

/* EM or TS: everything but FWAIT; that one wants MP and TS. */
static void test_not_available(void)
{
    new_cpu();
    cpu->cr0 = CR0_PE | CR0_NE | CR0_TS;
    g_assert_cmpint(run(0xd9, 0xe8), ==, EXCP_NM); /* FLD1 */
    g_assert_cmpint(run(0xdb, 0xe3), ==, EXCP_NM); /* FNINIT */
    g_assert_cmpint(run(0xdf, 0xe0), ==, EXCP_NM); /* FNSTSW AX */
    g_assert_cmpint(run_row(find_row(M_0F, 0xae, 0x07), 0x07, 2, OPERAND), ==, EXCP_NM);
    g_assert_cmpint(run(0x9b, 0), ==, -1);
    cpu->cr0 |= CR0_MP;
    g_assert_cmpint(run(0x9b, 0), ==, EXCP_NM);
    cpu->cr0 = CR0_PE | CR0_NE | CR0_EM | CR0_MP;
    g_assert_cmpint(run(0x9b, 0), ==, -1);
    g_assert_cmpint(run(0xd9, 0xe8), ==, EXCP_NM);
    g_assert_cmphex(cpu->fpu.tag, ==, 0xff);
}

static void divide_by_zero_unmasked(void)
{
    cpu->fpu.cw &= (uint16_t)~FLOAT_FLAG_DIVBYZERO;
    push(floatx80_zero);
    push(floatx80_one);
    g_assert_cmpint(run(0xd8, 0xf1), ==, -1); /* FDIV ST(0), ST(1) */
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_DIVBYZERO | FSW_ES | FSW_B);
    assert_st0(0x3fff, 1ull << 63);
}

static void test_pending(void)
{
    new_cpu();
    divide_by_zero_unmasked();
    g_assert_cmpint(run(0xd9, 0xe8), ==, EXCP_MF);
    g_assert_cmpint(run(0x9b, 0), ==, EXCP_MF);
    g_assert_cmpint(run(0xd9, 0x2f), ==, EXCP_MF); /* FLDCW waits */
    g_assert_cmpint(run(0xd9, 0x3f), ==, -1);      /* FNSTCW does not */
    g_assert_cmphex(lduw_le_p(mem + OPERAND), ==, 0x37b);
    g_assert_cmpint(run(0xdb, 0xe2), ==, -1); /* FNCLEX */
    g_assert_cmphex(cpu->fpu.sw, ==, 0);
    g_assert_cmpint(run(0x9b, 0), ==, -1);
}

/* FLDCW that unmasks a flag that stands makes it pending. */
static void test_unmask(void)
{
    new_cpu();
    cpu->fpu.sw = FLOAT_FLAG_INEXACT;
    stw_le_p(mem + OPERAND, 0x133f);
    g_assert_cmpint(run(0xd9, 0x2f), ==, -1);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x137f);
    stw_le_p(mem + OPERAND, 0xffdf);
    g_assert_cmpint(run(0xd9, 0x2f), ==, -1);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x1f5f);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_INEXACT | FSW_ES | FSW_B);
    g_assert_cmpint(run(0xd9, 0xd0), ==, EXCP_MF); /* FNOP */
}

static int ferr_calls;
static bool ferr_level, ignne;

static void note_ferr(CPUState *c)
{
    ferr_calls++;
    ferr_level = x87_ferr(c);
}

static bool ignne_level(CPUState *c)
{
    (void)c;
    return ignne;
}

static void test_legacy_reporting(void)
{
    new_cpu();
    cpu->cr0 &= ~(uint64_t)CR0_NE;
    cpu_ferr_hook = note_ferr;
    cpu_ignne_hook = ignne_level;
    ferr_calls = 0;
    divide_by_zero_unmasked();
    g_assert_cmpint(ferr_calls, ==, 1);
    g_assert_true(ferr_level && cpu->int_point);
    cpu->int_point = false;
    g_assert_cmpint(run(0xd9, 0xe8), ==, -1); /* stands still */
    g_assert_true(cpu->int_point);
    g_assert_cmphex(cpu->eip, ==, cpu->insn_ip);
    assert_st0(0x3fff, 1ull << 63);
    g_assert_cmpint(cpu->fpu.top, ==, 6);
    ignne = true;
    cpu->eip = cpu->insn_ip + 2;
    g_assert_cmpint(run(0xd9, 0xe8), ==, -1);
    g_assert_cmpint(cpu->fpu.top, ==, 5);
    g_assert_cmphex(cpu->eip, ==, cpu->insn_ip + 2);
    run(0xdb, 0xe2);
    g_assert_cmpint(ferr_calls, ==, 2);
    g_assert_false(ferr_level);
    ignne = false;
}

/* ---- faults leave no trace ---- */

static void assert_store_faults(uint8_t opcode, uint8_t modrm)
{
    FPUState before = cpu->fpu;
    fault_from = OPERAND + 8;
    g_assert_cmpint(run_at(opcode, modrm, 2, OPERAND + 7), ==, EXCP_PF);
    g_assert_cmpint(memcmp(&before, &cpu->fpu, sizeof(before)), ==, 0);
    fault_from = NO_FAULT;
}

static void test_faults(void)
{
    new_cpu();
    push((floatx80){ .low = ~0ull, .high = 0x3fff });
    assert_store_faults(0xd9, 0x1f); /* FSTP m32 */
    assert_store_faults(0xdf, 0x37); /* FBSTP */
    assert_store_faults(0xdd, 0x37); /* FNSAVE */
    memset(mem + OPERAND, 0x55, 16);
    fault_from = OPERAND + PAGE_SIZE; /* FSTP m80 over two pages, the second not writable: nothing is written */
    g_assert_cmpint(run_at(0xdb, 0x3f, 2, OPERAND + PAGE_SIZE - 9), ==, EXCP_PF);
    g_assert_cmphex(mem[OPERAND + PAGE_SIZE - 9], ==, 0);
    FPUState before = cpu->fpu;
    fault_from = NO_FAULT;
    g_assert_cmpint(run_at(0xdb, 0x2f, 2, MEM_SIZE - 9), ==, EXCP_GP); /* FLD m80 beyond the limit */
    g_assert_cmpint(memcmp(&before, &cpu->fpu, sizeof(before)), ==, 0);
}

/* ---- stack faults ---- */

static void test_stack_faults(void)
{
    new_cpu();
    run(0xd9, 0xe0); /* FCHS of an empty register */
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_INVALID | FSW_SF);
    assert_st0(0xffff, 3ull << 62);
    for (int i = 0; i < 7; i++) {
        run(0xd9, 0xee);
    }
    run(0xdb, 0xe2);
    run(0xd9, 0xe8); /* the ninth */
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_INVALID | FSW_SF | FSW_C1);
    assert_st0(0xffff, 3ull << 62);
    new_cpu();
    cpu->fpu.cw &= (uint16_t)~FLOAT_FLAG_INVALID;
    stl_le_p(mem + OPERAND, 0x12345678);
    g_assert_cmpint(run(0xdb, 0x1f), ==, -1); /* FISTP m32 */
    g_assert_cmphex(ldl_le_p(mem + OPERAND), ==, 0x12345678);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_INVALID | FSW_SF | FSW_ES | FSW_B);
    g_assert_cmpint(cpu->fpu.top, ==, 0);
}

/* ---- unmasked overflow and underflow: the exponent is wrapped in registers, memory is not written ---- */

static void test_wrapped(void)
{
    floatx80 big = { .low = 1ull << 63, .high = 0x7ffe }, small = { .low = 1ull << 63, .high = 1 };
    new_cpu();
    cpu->fpu.cw &= (uint16_t) ~(FLOAT_FLAG_OVERFLOW | FLOAT_FLAG_UNDERFLOW);
    push(big);
    run(0xdc, 0xc8); /* FMUL ST(0), ST(0) */
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_OVERFLOW | FSW_ES | FSW_B);
    assert_st0(0x7ffe + 0x3fff - 24576, 1ull << 63);
    run(0xdb, 0xe2);
    push(small);
    run(0xdc, 0xc8);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_UNDERFLOW | FSW_ES | FSW_B);
    assert_st0((uint16_t)(2 - 0x3fff + 24576), 1ull << 63);
    run(0xdb, 0xe2);
    push(big);
    stl_le_p(mem + OPERAND, 0xabcdabcd);
    run(0xd9, 0x1f);
    g_assert_cmphex(ldl_le_p(mem + OPERAND), ==, 0xabcdabcd);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_OVERFLOW | FSW_ES | FSW_B);
    assert_st0(0x7ffe, 1ull << 63);
}

/* ---- denormal loads: the manual's answer ---- */

static void test_denormal_load(void)
{
    new_cpu();
    stl_le_p(mem + OPERAND, 0x00000001);
    run(0xd9, 0x07);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_DENORMAL);
    assert_st0(16383 - 149, 1ull << 63);
    new_cpu();
    cpu->fpu.cw &= (uint16_t)~FLOAT_FLAG_DENORMAL;
    run(0xd9, 0x07);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_DENORMAL | FSW_ES | FSW_B);
    g_assert_cmpint(cpu->fpu.top, ==, 0);
    g_assert_cmphex(cpu->fpu.tag, ==, 0xff);
}

/* Unmasked, an invalid comparison leaves condition codes and EFLAGS. */
static void test_invalid_comparison(void)
{
    new_cpu();
    cpu->fpu.cw &= (uint16_t)~FLOAT_FLAG_INVALID;
    push(floatx80_one);
    push(floatx80_indefinite);
    cpu->fpu.sw = FSW_C0;
    cc_set(cpu, CC_S);
    run(0xd8, 0xd9); /* FCOMP ST(1) */
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_INVALID | FSW_C0 | FSW_ES | FSW_B);
    g_assert_cmpint(cpu->fpu.top, ==, 6);
    run(0xdb, 0xe2);
    run(0xdf, 0xf1); /* FCOMIP */
    g_assert_cmphex(cc_get(cpu), ==, CC_S);
    g_assert_cmpint(cpu->fpu.top, ==, 6);
    run(0xdb, 0xe2);
    run(0xdf, 0xe9); /* FUCOMIP takes quiet NaNs */
    g_assert_cmphex(cc_get(cpu), ==, CC_Z | CC_P | CC_C);
    g_assert_cmpint(cpu->fpu.top, ==, 7);
}

/* ---- control ---- */

static void test_control(void)
{
    new_cpu();
    push(floatx80_one);
    push(floatx80_one);
    cpu->fpu.sw = FSW_C3;
    cpu->gpr[R_EAX] = 0x1122334455667788;
    run(0xdf, 0xe0);
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x1122334455667000);
    run(0xdd, 0x3f);
    g_assert_cmphex(lduw_le_p(mem + OPERAND), ==, 0x7000);
    run(0xdb, 0xe0);
    run(0xdb, 0xe1);
    run(0xdb, 0xe4);
    g_assert_cmphex(cpu->fpu.sw, ==, FSW_C3);
    run(0xdb, 0xe3);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x37f);
    g_assert_cmphex(cpu->fpu.tag, ==, 0xff);
    g_assert_cmphex(cpu->fpu.sw | cpu->fpu.top, ==, 0);
    cpu->fpu.tag = 0;
    x87_emms(cpu);
    g_assert_cmphex(cpu->fpu.tag, ==, 0xff);
}

/* Pointers: every instruction that is none of the control instructions. */
static void test_pointers(void)
{
    new_cpu();
    stq_le_p(mem + OPERAND, 0);
    run(0xdd, 0x07);
    g_assert_cmphex(cpu->fpu.ip, ==, 0x12345678);
    g_assert_cmphex(cpu->fpu.ip_sel, ==, cpu->seg[R_CS].selector);
    g_assert_cmphex(cpu->fpu.dp, ==, OPERAND);
    g_assert_cmphex(cpu->fpu.dp_sel, ==, cpu->seg[R_DS].selector);
    g_assert_cmphex(cpu->fpu.opcode, ==, 0x507);
    cpu->insn_ip = 0x1000;
    run(0xdd, 0x3f); /* FNSTSW */
    g_assert_cmphex(cpu->fpu.ip, ==, 0x12345678);
    run(0xd9, 0xe8);
    g_assert_cmphex(cpu->fpu.ip, ==, 0x1000);
    g_assert_cmphex(cpu->fpu.opcode, ==, 0x1e8);
    g_assert_cmphex(cpu->fpu.dp, ==, OPERAND);
}

/* ---- FNSTENV, FNSAVE: four layouts ---- */

static void known_environment(void)
{
    new_cpu();
    FPUState *f = &cpu->fpu;
    f->cw = 0x1f60;
    f->top = 3;
    f->sw = FSW_C3 | FLOAT_FLAG_INEXACT;
    f->tag = 0x01; /* R0 empty */
    f->st[1] = floatx80_zero;
    f->st[2] = floatx80_indefinite;
    f->st[3] = (floatx80){ .low = 5, .high = 0 };
    for (unsigned n = 4; n < 8; n++) {
        f->st[n] = (floatx80){ .low = 1ull << 63 | n, .high = (uint16_t)(0x3fff + n) };
    }
    f->opcode = 0x5a7;
    f->ip_sel = 0x1234;
    f->ip = 0x89abcdef;
    f->dp_sel = 0x4321;
    f->dp = 0xfedcba98;
    memset(mem + OPERAND, 0xcc, 128);
}

#define KNOWN_SW   0x5820 /* TOP 3 */
#define KNOWN_TAGS 0x00a7

static void assert_words(unsigned size, const uint32_t *expected)
{
    for (unsigned i = 0; i < 7; i++) {
        uint32_t v = size == 4 ? ldl_le_p(mem + OPERAND + 4 * i) : lduw_le_p(mem + OPERAND + 2 * i);
        g_assert_cmphex(v, ==, expected[i]);
    }
    g_assert_cmphex(mem[OPERAND + 7 * size], ==, 0xcc);
}

static void test_environment_formats(void)
{
    const uint32_t prot32[7] = {
        0xffff1f60, 0xffff0000 | KNOWN_SW, 0xffff0000 | KNOWN_TAGS, 0x89abcdef, 0x05a71234, 0xfedcba98, 0xffff4321
    };
    const uint32_t prot16[7] = { 0x1f60, KNOWN_SW, KNOWN_TAGS, 0xcdef, 0x1234, 0xba98, 0x4321 };
    /* linear: 12340 + 89abcdef = 89acf12f, 43210 + fedcba98 = fee0eca8 */
    const uint32_t real32[7] = {
        0xffff1f60, 0xffff0000 | KNOWN_SW, 0xffff0000 | KNOWN_TAGS, 0xfffff12f, 0x089ac5a7, 0xffffeca8, 0x0fee0000
    };
    const uint32_t real16[7] = { 0x1f60, KNOWN_SW, KNOWN_TAGS, 0xf12f, 0xc5a7, 0xeca8, 0x0000 };
    const uint32_t *const expected[4] = { real16, real32, prot16, prot32 };
    for (unsigned i = 0; i < 4; i++) {
        known_environment();
        cpu->cr0 = i & 2 ? CR0_PE | CR0_NE : CR0_NE;
        g_assert_cmpint(run_at(0xd9, 0x37, 1 + (i & 1), OPERAND), ==, -1);
        assert_words(i & 1 ? 4 : 2, expected[i]);
        g_assert_cmphex(cpu->fpu.cw, ==, 0x1f7f); /* all masked now */
        g_assert_cmphex(cpu->fpu.sw, ==, KNOWN_SW & ~FSW_TOP);
    }
}

static void assert_same_but_pointers(const FPUState *a, const FPUState *b)
{
    g_assert_cmphex(a->cw, ==, b->cw);
    g_assert_cmphex(a->sw, ==, b->sw);
    g_assert_cmphex(a->top, ==, b->top);
    g_assert_cmphex(a->tag, ==, b->tag);
    for (unsigned n = 0; n < 8; n++) {
        g_assert_cmphex(a->st[n].low, ==, b->st[n].low);
        g_assert_cmphex(a->st[n].high, ==, b->st[n].high);
    }
}

/* Saved and restored in each layout; saving again gives the same bytes. */
static void test_save_restore(void)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned bytes = (i & 1 ? 28 : 14) + 80;
        uint8_t first[128];
        known_environment();
        cpu->cr0 = i & 2 ? CR0_PE | CR0_NE : CR0_NE;
        FPUState before = cpu->fpu;
        run_at(0xdd, 0x37, 1 + (i & 1), OPERAND);
        memcpy(first, mem + OPERAND, sizeof(first));
        g_assert_cmphex(first[bytes], ==, 0xcc);
        g_assert_cmphex(ldq_le_p(first + bytes - 80), ==, before.st[3].low); /* ST(0) first */
        g_assert_cmphex(cpu->fpu.tag, ==, 0xff);
        g_assert_cmphex(cpu->fpu.cw, ==, 0x37f);
        g_assert_cmpint(run_at(0xdd, 0x27, 1 + (i & 1), OPERAND), ==, -1);
        assert_same_but_pointers(&cpu->fpu, &before);
        g_assert_cmphex(cpu->fpu.opcode, ==, i == 2 ? 0 : 0x5a7);
        run_at(0xdd, 0x37, 1 + (i & 1), OPERAND);
        g_assert_cmpint(memcmp(first, mem + OPERAND, sizeof(first)), ==, 0);
    }
}

/* ES in the image does not count: it follows from flags and masks. */
static void test_load_environment(void)
{
    new_cpu();
    memset(mem + OPERAND, 0, 28);
    stl_le_p(mem + OPERAND, 0x037f);
    stl_le_p(mem + OPERAND + 4, 0xb8a0); /* B, ES, P, TOP 7 */
    stl_le_p(mem + OPERAND + 8, 0xfff0);
    run(0xd9, 0x27);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_INEXACT);
    g_assert_cmpint(cpu->fpu.top, ==, 7);
    g_assert_cmphex(cpu->fpu.tag, ==, 0xfc);
    stl_le_p(mem + OPERAND, 0x035f);
    stl_le_p(mem + OPERAND + 4, 0x0020);
    run(0xd9, 0x27);
    g_assert_cmphex(cpu->fpu.sw, ==, FLOAT_FLAG_INEXACT | FSW_ES | FSW_B);
}

/* ---- FXSAVE, FXRSTOR ---- */

static int run_fx(unsigned reg, unsigned op_size, uint64_t address)
{
    uint8_t modrm = (uint8_t)(reg << 3 | 7);
    coverage_row(find_row(M_0F, 0xae, modrm), COVERAGE_ANSWER);
    return run_row(find_row(M_0F, 0xae, modrm), modrm, op_size, address);
}

static void known_sse(void)
{
    known_environment();
    memset(mem + OPERAND, 0xcc, 512);
    cpu->fpu.ip |= 0x7700000000;
    cpu->mxcsr = 0x1fa5;
    for (unsigned i = 0; i < 16; i++) {
        cpu->xmm[i].q[0] = 0x1000 + i;
        cpu->xmm[i].q[1] = 0x2000 + i;
    }
}

static void test_fxsave(void)
{
    known_sse();
    g_assert_cmpint(run_fx(0, 2, OPERAND), ==, -1);
    g_assert_cmphex(ldq_le_p(mem + OPERAND), ==, 0x05a700fe58201f60);
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 8), ==, 0x0000123489abcdef);
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 16), ==, 0x00004321fedcba98);
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 24), ==, 0x0000ffff00001fa5);
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 32), ==, 5); /* ST(0) is R3 */
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 40), ==, 0);
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 160 + 7 * 16 + 8), ==, 0x2007);
    g_assert_cmphex(mem[OPERAND + 160 + 8 * 16], ==, 0xcc);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x1f60);
    cpu->mode = MODE_CODE64 | MODE_PROT;
    g_assert_cmpint(run_fx(0, 3, OPERAND), ==, -1);
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 8), ==, 0x7789abcdef);
    g_assert_cmphex(ldq_le_p(mem + OPERAND + 160 + 15 * 16), ==, 0x100f);
    g_assert_cmphex(mem[OPERAND + 416], ==, 0xcc);
}

static void test_fxrstor(void)
{
    known_sse();
    FPUState before = cpu->fpu;
    run_fx(0, 2, OPERAND);
    memset(&cpu->fpu, 0, sizeof(cpu->fpu));
    memset(cpu->xmm, 0, sizeof(cpu->xmm));
    cpu->mxcsr = 0;
    g_assert_cmpint(run_fx(1, 2, OPERAND), ==, -1);
    assert_same_but_pointers(&cpu->fpu, &before);
    g_assert_cmphex(cpu->fpu.ip, ==, 0x89abcdef);
    g_assert_cmphex(cpu->fpu.dp_sel, ==, 0x4321);
    g_assert_cmphex(cpu->mxcsr, ==, 0x1fa5);
    g_assert_cmphex(cpu->xmm[7].q[1], ==, 0x2007);
    g_assert_cmphex(cpu->xmm[8].q[0], ==, 0);
    stl_le_p(mem + OPERAND + 24, 0x10000);
    stw_le_p(mem + OPERAND, 0x37f);
    g_assert_cmpint(run_fx(1, 2, OPERAND), ==, EXCP_GP);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x1f60);
    g_assert_cmpint(run_fx(0, 2, OPERAND + 8), ==, EXCP_GP);
    g_assert_cmpint(run_fx(1, 2, OPERAND + 8), ==, EXCP_GP);
}

/* No SSE, or CR4.OSFXSR clear. */
static void test_fxsave_without_sse(void)
{
    known_sse();
    cpu->cr4 = 0;
    run_fx(0, 2, OPERAND);
    g_assert_cmphex(ldl_le_p(mem + OPERAND + 24), ==, 0x1fa5);
    g_assert_cmphex(mem[OPERAND + 160], ==, 0xcc);
    without_sse = true;
    stl_le_p(mem + OPERAND + 24, 0xffffffff);
    g_assert_cmpint(run_fx(1, 2, OPERAND), ==, -1);
    g_assert_cmphex(cpu->mxcsr, ==, 0x1fa5);
    memset(mem + OPERAND, 0xcc, 512);
    run_fx(0, 2, OPERAND);
    g_assert_cmphex(mem[OPERAND + 24], ==, 0xcc);
}

/* ---- FSTPNCE, our definition: as FSTP, but an empty ST(0) is no error and nothing is stored ---- */

static void test_fstpnce(void)
{
    new_cpu();
    push(floatx80_one);
    push(floatx80_zero);
    cpu->fpu.tag |= (uint8_t)(1u << cpu->fpu.top);
    run(0xd9, 0xd9);
    g_assert_cmphex(cpu->fpu.sw, ==, 0);
    assert_st0(0x3fff, 1ull << 63);
}

/* Constants in the four rounding modes. */
static void test_constants(void)
{
    static const uint64_t low[4] = { 0xc90fdaa22168c235, 0xc90fdaa22168c234, 0xc90fdaa22168c235, 0xc90fdaa22168c234 };
    for (unsigned rc = 0; rc < 4; rc++) {
        new_cpu();
        cpu->fpu.cw |= (uint16_t)(rc << 10);
        run(0xd9, 0xeb);
        assert_st0(0x4000, low[rc]);
        g_assert_cmphex(cpu->fpu.sw, ==, 0);
    }
}

/* Reduced to the end by repetition, over a difference of 32000 in the exponents. */
static void test_fprem_converges(void)
{
    new_cpu();
    push((floatx80){ .low = 0xfedcba9876543211ull, .high = 1 });
    push((floatx80){ .low = ~0ull, .high = 0x7ffe });
    int steps = 0;
    do {
        g_assert_cmpint(run(0xd9, 0xf8), ==, -1);
        steps++;
    } while (cpu->fpu.sw & FSW_C2);
    g_assert_cmpint(steps, >, 300);
    g_assert_cmpint(steps, <, 1100);
    g_assert_cmphex(cpu->fpu.sw & FSW_FLAGS & ~FLOAT_FLAG_DENORMAL, ==, 0);
    g_assert_cmphex(x87_get(&cpu->fpu, 0).high, <=, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#if defined(__x86_64__)
    g_test_add_func("/x87/host/coverage", test_host_coverage);
    g_test_add_func("/x87/host/masked", test_host_masked);
    g_test_add_func("/x87/host/unmasked", test_host_unmasked);
#endif
    g_test_add_func("/x87/not-available", test_not_available);
    g_test_add_func("/x87/pending", test_pending);
    g_test_add_func("/x87/unmask", test_unmask);
    g_test_add_func("/x87/legacy-reporting", test_legacy_reporting);
    g_test_add_func("/x87/faults", test_faults);
    g_test_add_func("/x87/stack-faults", test_stack_faults);
    g_test_add_func("/x87/wrapped-exponents", test_wrapped);
    g_test_add_func("/x87/denormal-load", test_denormal_load);
    g_test_add_func("/x87/invalid-comparison", test_invalid_comparison);
    g_test_add_func("/x87/control", test_control);
    g_test_add_func("/x87/pointers", test_pointers);
    g_test_add_func("/x87/environment/formats", test_environment_formats);
    g_test_add_func("/x87/environment/save-restore", test_save_restore);
    g_test_add_func("/x87/environment/load", test_load_environment);
    g_test_add_func("/x87/fxsave/save", test_fxsave);
    g_test_add_func("/x87/fxsave/restore", test_fxrstor);
    g_test_add_func("/x87/fxsave/without-sse", test_fxsave_without_sse);
    g_test_add_func("/x87/fstpnce", test_fstpnce);
    g_test_add_func("/x87/constants", test_constants);
    g_test_add_func("/x87/fprem-converges", test_fprem_converges);
    return g_test_run();
}
