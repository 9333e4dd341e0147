/*
 * hw/intc/apic.c  Local APIC: Intel SDM volume 3A, chapter 10 ("Advanced Programmable Interrupt Controller"), xAPIC by
 * the 4 KiB page at FEE00000h (movable) and x2APIC by MSRs 800h-83Fh. Section numbers below are the SDM's.
 *
 * Version 14h, six LVT entries. The timer counts at 1 GHz, one tick per ns of the virtual clock; so does the TSC.
 * Messages reach their targets at once: delivery status always reads idle, and the arbitration registers of the serial
 * bus read zero. Left out on purpose: CMCI, the suppression of EOI broadcasts, focus processors. Nothing raises the
 * thermal and performance entries. Polarity of LINT0 and LINT1 is kept for the guest and changes nothing: lines are
 * asserted or not.
 */
#include "hw/intc/intc.h"
#include "target/i386/cpu.h"
#include "target/i386/cpuid.h"
#include "util/info.h"

#define APIC_DEFAULT_BASE 0xfee00000ull
#define APIC_VERSION      0x14
#define MAX_APICS         255

/* IA32_APIC_BASE */
#define BASE_BSP  0x100ull
#define BASE_EXTD 0x400ull /* x2APIC mode */
#define BASE_EN   0x800ull

/* Registers: offset in the page >> 4, or MSR - 800h. */
enum {
    REG_ID = 0x02,
    REG_VERSION = 0x03,
    REG_TPR = 0x08,
    REG_APR = 0x09,
    REG_PPR = 0x0a,
    REG_EOI = 0x0b,
    REG_RRD = 0x0c,
    REG_LDR = 0x0d,
    REG_DFR = 0x0e,
    REG_SVR = 0x0f,
    REG_ISR = 0x10, /* eight registers each */
    REG_TMR = 0x18,
    REG_IRR = 0x20,
    REG_ESR = 0x28,
    REG_ICR = 0x30,
    REG_ICR_HIGH = 0x31, /* xAPIC only */
    REG_LVT = 0x32,      /* LVT_COUNT registers */
    REG_INITIAL_COUNT = 0x38,
    REG_CURRENT_COUNT = 0x39,
    REG_DIVIDE = 0x3e,
    REG_SELF_IPI = 0x3f /* x2APIC only */
};

enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
#define LVT_MODE(e)    ((e) >> 8 & 7)
#define LVT_ACTIVE_LOW (1u << 13)
#define LVT_REMOTE_IRR (1u << 14)
#define LVT_LEVEL      (1u << 15)
#define LVT_MASKED     (1u << 16)
#define LVT_PERIODIC   (1u << 17)
#define LVT_DEADLINE   (1u << 18)

#define SVR_ENABLED   0x100u
#define SVR_FOCUS_OFF 0x200u

enum { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_NMI = 4, MODE_INIT, MODE_SIPI, MODE_EXTINT };

#define ICR_LOGICAL  (1u << 11)
#define ICR_ASSERT   (1u << 14)
#define ICR_LEVEL    (1u << 15)
#define ICR_WRITABLE 0x000ccfffu
enum { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };

/* Error status (10.5.3) */
#define ESR_SEND_VECTOR    0x20u
#define ESR_RECEIVE_VECTOR 0x40u
#define ESR_REGISTER       0x80u

typedef struct APICState {
    Device dev;
    uint64_t base; /* IA32_APIC_BASE */
    uint8_t id;    /* as xAPIC software may have changed it */
    uint32_t tpr, svr;
    uint32_t ldr, dfr; /* of xAPIC mode; x2APIC derives its logical id */
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t esr, esr_pending; /* as last latched by a write of ESR; errors since */
    uint64_t icr;
    uint32_t lvt[LVT_COUNT];
    uint32_t initial_count;
    uint32_t divide;       /* bits 3, 1 and 0 */
    int64_t zero_ns;       /* virtual time at which the count reaches zero (periodic: one such time); -1: stopped */
    uint64_t tsc_deadline; /* 0: not armed */
    QEMUTimer timer;
    bool lint[2]; /* input levels; LINT0 is the PIC's INTR */
    bool extint;  /* an ExtINT message waits until INTR falls */
    CPUState *cpu;
    MemoryRegion mmio;
} APICState;

/* All local APICs, in the order of their processors. */
static APICState *apics[MAX_APICS];
static int nb_apics;

/* ---- 256-bit registers ---- */

static void set_bit256(uint32_t *reg, uint8_t n)
{
    reg[n >> 5] |= 1u << (n & 31);
}

static void clear_bit256(uint32_t *reg, uint8_t n)
{
    reg[n >> 5] &= ~(1u << (n & 31));
}

static bool test_bit256(const uint32_t *reg, uint8_t n)
{
    return reg[n >> 5] >> (n & 31) & 1;
}

/* The highest bit set, or -1. */
static int highest_bit256(const uint32_t *reg)
{
    uint32_t any = 0;
    for (int i = 0; i < 8; i++) {
        any |= reg[i];
    }
    if (!any) {
        return -1; /* mostly */
    }
    for (int i = 7; i >= 0; i--) {
        if (reg[i]) {
            return i * 32 + 31 - __builtin_clz(reg[i]);
        }
    }
    return -1;
}

/* ---- state in words ---- */

static bool globally_enabled(const APICState *s)
{
    return s->base & BASE_EN;
}

static bool software_enabled(const APICState *s)
{
    return globally_enabled(s) && (s->svr & SVR_ENABLED);
}

static bool x2apic_mode(const APICState *s)
{
    return (s->base & (BASE_EN | BASE_EXTD)) == (BASE_EN | BASE_EXTD);
}

static uint32_t initial_id(const APICState *s)
{
    return s->cpu ? s->cpu->index : s->dev.instance;
}

static uint32_t apic_id(const APICState *s)
{
    return x2apic_mode(s) ? initial_id(s) : s->id;
}

/* 10.12.10.2: the cluster is bits 19:4 of the id, the member one of 16. */
static uint32_t logical_id(const APICState *s)
{
    uint32_t id = initial_id(s);
    return x2apic_mode(s) ? (id >> 4) << 16 | 1u << (id & 15) : s->ldr;
}

static uint32_t processor_priority(const APICState *s)
{
    int in_service = highest_bit256(s->isr);
    uint32_t service_class = in_service < 0 ? 0 : in_service & 0xf0;
    return (s->tpr & 0xf0) >= service_class ? s->tpr : service_class;
}

/* The vector that the processor would get now, or -1. */
static int deliverable_vector(const APICState *s)
{
    int vector = globally_enabled(s) ? highest_bit256(s->irr) : -1;
    return vector >= 0 && (vector & 0xf0u) > (processor_priority(s) & 0xf0) ? vector : -1;
}

static bool accepts_pic(const APICState *s)
{
    uint32_t lint0 = s->lvt[LVT_LINT0];
    return !globally_enabled(s) || s->extint || (!(lint0 & LVT_MASKED) && LVT_MODE(lint0) == MODE_EXTINT);
}

/* INTR of the processor. */
static void apic_update(APICState *s)
{
    if (!s->cpu) {
        return;
    }
    if (deliverable_vector(s) >= 0 || (s->lint[0] && accepts_pic(s))) {
        cpu_interrupt(s->cpu, CPU_INTERRUPT_HARD);
    } else {
        cpu_reset_interrupt(s->cpu, CPU_INTERRUPT_HARD);
    }
}

/* ---- accepting an interrupt ---- */

static void deliver_local(APICState *s, int entry);

/* A log that was clear of this error also raises the LVT's error interrupt. */
static void report_error(APICState *s, uint32_t error)
{
    bool fresh = !(s->esr_pending & error);
    s->esr_pending |= error;
    if (fresh) {
        deliver_local(s, LVT_ERROR);
    }
}

static void accept_vector(APICState *s, uint8_t vector, bool level)
{
    if (vector < 16) {
        report_error(s, ESR_RECEIVE_VECTOR);
        return;
    }
    set_bit256(s->irr, vector);
    if (level) {
        set_bit256(s->tmr, vector);
    } else {
        clear_bit256(s->tmr, vector);
    }
    apic_update(s);
}

static void accept_extint(APICState *s)
{
    s->extint = s->lint[0]; /* without the PIC's INTR nobody would answer the INTA */
    apic_update(s);
}

static void accept_sipi(APICState *s, uint8_t vector)
{
    s->cpu->sipi_vector = vector;
    cpu_interrupt(s->cpu, CPU_INTERRUPT_SIPI);
}

/* 10.4.7.2: a software-disabled APIC still takes INIT, NMI, SMI and SIPI. */
static void apic_accept(APICState *s, uint8_t mode, uint8_t vector, bool level)
{
    switch (mode) {
    case MODE_FIXED:
    case MODE_LOWEST:
        if (software_enabled(s)) {
            accept_vector(s, vector, level);
        }
        break;
    case MODE_SMI:
        cpu_interrupt(s->cpu, CPU_INTERRUPT_SMI);
        break;
    case MODE_NMI:
        cpu_interrupt(s->cpu, CPU_INTERRUPT_NMI);
        break;
    case MODE_INIT:
        cpu_interrupt(s->cpu, CPU_INTERRUPT_INIT);
        break;
    case MODE_SIPI:
        accept_sipi(s, vector);
        break;
    case MODE_EXTINT:
        accept_extint(s);
        break;
    }
}

/* ---- destinations (10.6.2, 10.12.10) ---- */

typedef struct APICMessage {
    const APICState *source; /* of an IPI; NULL: from the board */
    uint32_t dest;
    uint8_t shorthand; /* TO_* */
    uint8_t mode, vector;
    bool wide; /* dest has 32 bits */
    bool logical, level;
} APICMessage;

static bool logical_match(const APICState *s, uint32_t dest)
{
    uint32_t id = logical_id(s);
    if (x2apic_mode(s)) {
        return dest >> 16 == id >> 16 && (dest & id & 0xffff);
    }
    uint32_t members = dest & id >> 24;
    if (s->dfr >> 28 == 0xf) {
        return members & 0xff;
    }
    return dest <= 0xff && (dest >> 4 == 0xf || dest >> 4 == id >> 28) && (members & 0xf);
}

static bool dest_match(const APICState *s, const APICMessage *m)
{
    bool broadcast = m->dest == (m->wide ? UINT32_MAX : 0xff);
    if (!m->logical) {
        return broadcast || m->dest == apic_id(s);
    }
    return (broadcast && m->wide) || logical_match(s, m->dest);
}

static bool is_target(const APICState *s, const APICMessage *m)
{
    if (!s->cpu || !globally_enabled(s)) {
        return false;
    }
    switch (m->shorthand) {
    case TO_SELF:
        return s == m->source;
    case TO_ALL:
        return true;
    case TO_OTHERS:
        return s != m->source;
    default:
        return dest_match(s, m);
    }
}

/* Among equals the first processor. */
static void send_to_lowest(const APICMessage *m)
{
    APICState *lowest = NULL;
    for (int i = 0; i < nb_apics; i++) {
        APICState *s = apics[i];
        if (is_target(s, m) && software_enabled(s) && (!lowest || processor_priority(s) < processor_priority(lowest))) {
            lowest = s;
        }
    }
    if (lowest) {
        apic_accept(lowest, m->mode, m->vector, m->level);
    }
}

static void send(const APICMessage *m)
{
    if (m->mode == MODE_LOWEST) {
        send_to_lowest(m);
        return;
    }
    for (int i = 0; i < nb_apics; i++) {
        if (is_target(apics[i], m)) {
            apic_accept(apics[i], m->mode, m->vector, m->level);
        }
    }
}

/* Only processors send start-up messages: mode 6 is reserved here. */
void apic_deliver(uint8_t dest, bool logical, uint8_t delivery_mode, uint8_t vector, bool level_trigger)
{
    APICMessage m = {
        .dest = dest, .logical = logical, .mode = delivery_mode, .vector = vector, .level = level_trigger
    };
    if (m.mode != MODE_SIPI) {
        send(&m);
    }
}

/* 10.11: the message of an MSI. The redirection hint is left to the delivery mode, as chip sets do. */
void apic_msi_write(uint64_t addr, uint32_t data)
{
    bool level = data & ICR_LEVEL;
    if (level && !(data & ICR_ASSERT)) {
        return;
    }
    apic_deliver(addr >> 12, addr >> 2 & 1, data >> 8 & 7, data, level);
}

/* 10.6.1. An IPI is an edge, whatever the trigger bit says; an INIT level de-assert does nothing since the Pentium 4.
 */
static void send_ipi(APICState *s)
{
    uint32_t low = s->icr;
    APICMessage m = {
        .source = s, .shorthand = low >> 18 & 3, .mode = low >> 8 & 7, .vector = low, .logical = low & ICR_LOGICAL
    };
    m.wide = x2apic_mode(s);
    m.dest = m.wide ? s->icr >> 32 : s->icr >> 56;
    if (m.mode <= MODE_LOWEST && m.vector < 16) {
        report_error(s, ESR_SEND_VECTOR);
    } else if (m.mode != MODE_INIT || (low & ICR_ASSERT) || !(low & ICR_LEVEL)) {
        send(&m);
    }
}

/* 10.12.11 */
static void send_self_ipi(APICState *s, uint8_t vector)
{
    send(&(APICMessage){ .source = s, .shorthand = TO_SELF, .mode = MODE_FIXED, .vector = vector });
}

/* ---- local interrupts (10.5.1) ---- */

/* Level-triggered LINT0 and LINT1 in fixed mode are sent once, then wait for their EOI. */
static void deliver_lint_level(APICState *s, int entry)
{
    uint32_t lvt = s->lvt[entry];
    if (s->lint[entry - LVT_LINT0] && !(lvt & (LVT_MASKED | LVT_REMOTE_IRR))) {
        s->lvt[entry] |= LVT_REMOTE_IRR;
        accept_vector(s, lvt, true);
    }
}

static bool is_level_lint(const APICState *s, int entry)
{
    uint32_t lvt = s->lvt[entry];
    return (entry == LVT_LINT0 || entry == LVT_LINT1) && (lvt & LVT_LEVEL) && LVT_MODE(lvt) == MODE_FIXED;
}

/* An edge at the entry's source. ExtINT is a level (apic_update), mode 6 reserved. */
static void deliver_local(APICState *s, int entry)
{
    uint32_t lvt = s->lvt[entry];
    if (!(lvt & LVT_MASKED) && LVT_MODE(lvt) < MODE_SIPI) {
        apic_accept(s, LVT_MODE(lvt), lvt, false);
    }
}

static void lint_input(APICState *s, int n, bool level)
{
    int entry = LVT_LINT0 + n;
    bool rising = level && !s->lint[n];
    s->lint[n] = level;
    if (globally_enabled(s) && is_level_lint(s, entry)) {
        deliver_lint_level(s, entry);
    } else if (globally_enabled(s) && rising) {
        deliver_local(s, entry);
    } else if (rising && n == 1) {
        cpu_interrupt(s->cpu, CPU_INTERRUPT_NMI); /* APIC off: the pin is NMI */
    }
}

void apic_set_pic_intr(void *apic, int n, int level)
{
    APICState *s = apic;
    (void)n;
    if (!level) {
        s->extint = false;
    }
    lint_input(s, 0, level);
    apic_update(s);
}

void apic_set_nmi(void *apic, int n, int level)
{
    (void)n;
    lint_input(apic, 1, level);
}

/* ---- the processor's side ---- */

/* 10.9: a request that lost its priority after INTR rose gets the spurious vector and no in-service bit. */
int apic_get_interrupt(Device *apic)
{
    APICState *s = (APICState *)apic;
    int vector = deliverable_vector(s);
    if (vector < 0) {
        bool pic = s->lint[0] && accepts_pic(s);
        return !pic && software_enabled(s) && highest_bit256(s->irr) >= 0 ? (int)(s->svr & 0xff) : -1;
    }
    clear_bit256(s->irr, vector);
    set_bit256(s->isr, vector);
    apic_update(s);
    return vector;
}

bool apic_accepts_pic(Device *apic)
{
    return accepts_pic((APICState *)apic);
}

uint8_t apic_get_tpr(Device *apic)
{
    return ((APICState *)apic)->tpr >> 4;
}

static void set_tpr(APICState *s, uint8_t tpr)
{
    s->tpr = tpr;
    apic_update(s);
}

void apic_set_tpr(Device *apic, uint8_t cr8)
{
    set_tpr((APICState *)apic, cr8 << 4);
}

static void end_lint(APICState *s, int entry, uint8_t vector)
{
    if ((s->lvt[entry] & LVT_REMOTE_IRR) && (uint8_t)s->lvt[entry] == vector) {
        s->lvt[entry] &= ~LVT_REMOTE_IRR;
        deliver_lint_level(s, entry);
    }
}

/* 10.8.5 */
static void end_of_interrupt(APICState *s)
{
    int vector = highest_bit256(s->isr);
    if (vector < 0) {
        return;
    }
    clear_bit256(s->isr, vector);
    if (test_bit256(s->tmr, vector)) {
        end_lint(s, LVT_LINT0, vector);
        end_lint(s, LVT_LINT1, vector);
        ioapic_eoi_broadcast(vector);
    }
    apic_update(s);
}

/* ---- timer (10.5.4) ---- */

static bool deadline_mode(const APICState *s)
{
    return s->lvt[LVT_TIMER] & LVT_DEADLINE;
}

/* log2 of the divisor: 2, 4, ... 128, 1 for values 0 to 7 */
static unsigned divide_shift(const APICState *s)
{
    return (((s->divide >> 1 & 4) | (s->divide & 3)) + 1) & 7;
}

static int64_t period_ns(const APICState *s)
{
    return (int64_t)s->initial_count << divide_shift(s);
}

/* When the count will next be zero, later than now; -1: it has stopped. Periods are exact multiples of each other. */
static int64_t next_zero_ns(const APICState *s, int64_t now)
{
    if (s->zero_ns > now || s->zero_ns < 0) {
        return s->zero_ns;
    }
    if (!(s->lvt[LVT_TIMER] & LVT_PERIODIC) || !s->initial_count) {
        return -1;
    }
    return s->zero_ns + period_ns(s) * ((now - s->zero_ns) / period_ns(s) + 1);
}

static uint32_t current_count(const APICState *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t zero = next_zero_ns(s, now), tick = 1ll << divide_shift(s);
    return zero < 0 ? 0 : (zero - now + tick - 1) >> divide_shift(s);
}

static uint64_t tsc_at(const APICState *s, int64_t ns)
{
    return (uint64_t)ns + s->cpu->tsc_offset;
}

static void arm_deadline(APICState *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    uint64_t tsc = tsc_at(s, now);
    uint64_t wait = s->tsc_deadline > tsc ? s->tsc_deadline - tsc : 0;
    if (s->tsc_deadline) {
        timer_mod(&s->timer, now + (int64_t)MIN(wait, (uint64_t)(INT64_MAX - now)));
    } else {
        timer_del(&s->timer);
    }
}

/* A masked count runs on without a host timer: its value follows from zero_ns. */
static void arm_timer(APICState *s)
{
    if (deadline_mode(s)) {
        arm_deadline(s);
    } else if (s->zero_ns < 0 || (s->lvt[LVT_TIMER] & LVT_MASKED)) {
        timer_del(&s->timer);
    } else {
        timer_mod(&s->timer, s->zero_ns);
    }
}

static void timer_expired(void *opaque)
{
    APICState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (!deadline_mode(s)) {
        s->zero_ns = next_zero_ns(s, now);
    } else if (tsc_at(s, now) >= s->tsc_deadline) {
        s->tsc_deadline = 0;
    } else { /* the TSC was set back meanwhile */
        arm_timer(s);
        return;
    }
    arm_timer(s);
    deliver_local(s, LVT_TIMER);
}

static void set_initial_count(APICState *s, uint32_t value)
{
    if (deadline_mode(s)) {
        return;
    }
    s->initial_count = value;
    s->zero_ns = value ? qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + period_ns(s) : -1;
    arm_timer(s);
}

/* The count goes on from where it is, at its new speed. */
static void set_divide(APICState *s, uint32_t value)
{
    int64_t count = current_count(s);
    s->divide = value & 0xb;
    s->zero_ns = count ? qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + (count << divide_shift(s)) : -1;
    arm_timer(s);
}

/* Going to or from TSC-deadline mode disarms (10.5.4.1). */
static void set_lvt_timer(APICState *s, uint32_t value)
{
    s->zero_ns = next_zero_ns(s, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    if ((s->lvt[LVT_TIMER] ^ value) & LVT_DEADLINE) {
        s->zero_ns = -1;
        s->tsc_deadline = 0;
    }
    s->lvt[LVT_TIMER] = value;
    arm_timer(s);
}

uint64_t apic_get_tsc_deadline(Device *apic)
{
    return ((APICState *)apic)->tsc_deadline;
}

/* A deadline that has passed fires at once. */
void apic_set_tsc_deadline(Device *apic, uint64_t tsc)
{
    APICState *s = (APICState *)apic;
    if (!deadline_mode(s)) {
        return;
    }
    s->tsc_deadline = tsc;
    arm_timer(s);
    if (tsc && tsc <= tsc_at(s, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL))) {
        timer_expired(s);
    }
}

/* ---- registers ---- */

static uint32_t lvt_writable(const APICState *s, int entry)
{
    switch (entry) {
    case LVT_TIMER:
        return 0x300ff | (cpu_has(s->cpu, FEAT_TSC_DEADLINE) ? LVT_DEADLINE : 0);
    case LVT_LINT0:
    case LVT_LINT1:
        return 0x1a7ff;
    case LVT_ERROR:
        return 0x100ff;
    default:
        return 0x107ff;
    }
}

static void set_lvt(APICState *s, int entry, uint32_t value)
{
    value &= lvt_writable(s, entry);
    if (!(s->svr & SVR_ENABLED)) {
        value |= LVT_MASKED;
    }
    if (entry == LVT_TIMER) {
        set_lvt_timer(s, value);
        return;
    }
    uint32_t waiting = s->lvt[entry] & LVT_REMOTE_IRR;
    s->lvt[entry] = value;
    if (is_level_lint(s, entry)) {
        s->lvt[entry] |= waiting;
        deliver_lint_level(s, entry);
    }
    apic_update(s);
}

static void set_svr(APICState *s, uint32_t value)
{
    s->svr = value & (SVR_FOCUS_OFF | SVR_ENABLED | 0xff);
    if (!(s->svr & SVR_ENABLED)) {
        for (int entry = 0; entry < LVT_COUNT; entry++) {
            set_lvt(s, entry, s->lvt[entry] | LVT_MASKED);
        }
    }
}

static void latch_errors(APICState *s)
{
    s->esr = s->esr_pending;
    s->esr_pending = 0;
}

/* False: there is no such register. */
static bool read_register(const APICState *s, unsigned reg, uint32_t *value)
{
    *value = 0;
    switch (reg) {
    case REG_ID:
        *value = x2apic_mode(s) ? initial_id(s) : (uint32_t)s->id << 24;
        return true;
    case REG_VERSION:
        *value = (LVT_COUNT - 1) << 16 | APIC_VERSION;
        return true;
    case REG_TPR:
        *value = s->tpr;
        return true;
    case REG_PPR:
        *value = processor_priority(s);
        return true;
    case REG_APR:
    case REG_RRD:
    case REG_EOI:
        return true;
    case REG_LDR:
        *value = logical_id(s);
        return true;
    case REG_DFR:
        *value = s->dfr;
        return true;
    case REG_SVR:
        *value = s->svr;
        return true;
    case REG_ISR ... REG_ISR + 7:
        *value = s->isr[reg - REG_ISR];
        return true;
    case REG_TMR ... REG_TMR + 7:
        *value = s->tmr[reg - REG_TMR];
        return true;
    case REG_IRR ... REG_IRR + 7:
        *value = s->irr[reg - REG_IRR];
        return true;
    case REG_ESR:
        *value = s->esr;
        return true;
    case REG_ICR:
        *value = s->icr;
        return true;
    case REG_ICR_HIGH:
        *value = s->icr >> 32;
        return true;
    case REG_LVT ... REG_LVT + LVT_COUNT - 1:
        *value = s->lvt[reg - REG_LVT];
        return true;
    case REG_INITIAL_COUNT:
        *value = s->initial_count;
        return true;
    case REG_CURRENT_COUNT:
        *value = deadline_mode(s) ? 0 : current_count(s);
        return true;
    case REG_DIVIDE:
        *value = s->divide;
        return true;
    default:
        return false;
    }
}

/* False: there is no such register. Those that are only read ignore the value. */
static bool write_register(APICState *s, unsigned reg, uint32_t value)
{
    uint32_t ignored;
    switch (reg) {
    case REG_ID:
        s->id = value >> 24;
        return true;
    case REG_TPR:
        set_tpr(s, value);
        return true;
    case REG_EOI:
        end_of_interrupt(s);
        return true;
    case REG_LDR:
        s->ldr = value & 0xff000000;
        return true;
    case REG_DFR:
        s->dfr = value | 0x0fffffff;
        return true;
    case REG_SVR:
        set_svr(s, value);
        return true;
    case REG_ESR:
        latch_errors(s);
        return true;
    case REG_ICR:
        s->icr = deposit64(s->icr, 0, 32, value & ICR_WRITABLE);
        send_ipi(s);
        return true;
    case REG_ICR_HIGH:
        s->icr = deposit64(s->icr, 32, 32, value & 0xff000000);
        return true;
    case REG_LVT ... REG_LVT + LVT_COUNT - 1:
        set_lvt(s, reg - REG_LVT, value);
        return true;
    case REG_INITIAL_COUNT:
        set_initial_count(s, value);
        return true;
    case REG_DIVIDE:
        set_divide(s, value);
        return true;
    default:
        return read_register(s, reg, &ignored);
    }
}

/* ---- xAPIC: the page (10.4.1). Only aligned 32-bit accesses are defined; bytes 4 to 15 of a register hold nothing.
 * ---- */

static uint64_t page_read(void *opaque, hwaddr addr, unsigned size)
{
    APICState *s = opaque;
    uint32_t value = 0;
    (void)size;
    if (addr & 0xc) {
        return 0;
    }
    if (!read_register(s, addr >> 4, &value)) {
        report_error(s, ESR_REGISTER);
    }
    return value >> (addr & 3) * 8;
}

static void page_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    APICState *s = opaque;
    if (size != 4 || (addr & 0xf)) {
        return;
    }
    if (!write_register(s, addr >> 4, value)) {
        report_error(s, ESR_REGISTER);
    }
}

static const MemoryRegionOps apic_ops = { .read = page_read, .write = page_write, .min_access = 1, .max_access = 4 };

/* ---- x2APIC: the MSRs (10.12.1, table 10-6) ---- */

static bool in_x2apic(unsigned reg)
{
    return reg != REG_APR && reg != REG_RRD && reg != REG_DFR && reg != REG_ICR_HIGH;
}

bool apic_msr_read(Device *apic, uint32_t reg, uint64_t *value)
{
    APICState *s = (APICState *)apic;
    uint32_t low;
    if (!x2apic_mode(s) || !in_x2apic(reg) || reg == REG_EOI || !read_register(s, reg, &low)) {
        return false;
    }
    *value = reg == REG_ICR ? s->icr : low;
    return true;
}

/* Bits that may be written without #GP; false: the register cannot be written. */
static bool msr_writable(const APICState *s, unsigned reg, uint64_t *bits)
{
    switch (reg) {
    case REG_EOI:
    case REG_ESR:
        *bits = 0;
        return true;
    case REG_TPR:
    case REG_SELF_IPI:
        *bits = 0xff;
        return true;
    case REG_SVR:
        *bits = SVR_FOCUS_OFF | SVR_ENABLED | 0xff;
        return true;
    case REG_ICR:
        *bits = 0xffffffff00000000ull | ICR_WRITABLE;
        return true;
    case REG_LVT ... REG_LVT + LVT_COUNT - 1: /* delivery status and remote IRR are read-only, not reserved */
        *bits = lvt_writable(s, reg - REG_LVT) | 1u << 12 |
                (lvt_writable(s, reg - REG_LVT) & LVT_LEVEL ? LVT_REMOTE_IRR : 0);
        return true;
    case REG_INITIAL_COUNT:
        *bits = UINT32_MAX;
        return true;
    case REG_DIVIDE:
        *bits = 0xb;
        return true;
    default:
        return false;
    }
}

bool apic_msr_write(Device *apic, uint32_t reg, uint64_t value)
{
    APICState *s = (APICState *)apic;
    uint64_t bits;
    if (!x2apic_mode(s) || !msr_writable(s, reg, &bits) || (value & ~bits)) {
        return false;
    }
    if (reg == REG_SELF_IPI) {
        send_self_ipi(s, value);
    } else if (reg == REG_ICR) {
        s->icr = value;
        send_ipi(s);
    } else {
        write_register(s, reg, value);
    }
    return true;
}

/* ---- IA32_APIC_BASE (10.4.3, 10.4.4, 10.12.5) ---- */

static void map_page(APICState *s)
{
    memory_region_transaction_begin();
    memory_region_set_address(&s->mmio, s->base & PAGE_MASK);
    memory_region_set_enabled(&s->mmio, globally_enabled(s) && !x2apic_mode(s));
    memory_region_transaction_commit();
}

static void reset_registers(APICState *s)
{
    s->tpr = s->ldr = s->esr = s->esr_pending = s->initial_count = s->divide = 0;
    s->dfr = UINT32_MAX;
    s->svr = 0xff;
    s->icr = s->tsc_deadline = 0;
    s->zero_ns = -1;
    s->extint = false;
    memset(s->isr, 0, sizeof(s->isr));
    memset(s->tmr, 0, sizeof(s->tmr));
    memset(s->irr, 0, sizeof(s->irr));
    for (int entry = 0; entry < LVT_COUNT; entry++) {
        s->lvt[entry] = LVT_MASKED;
    }
    timer_del(&s->timer);
}

uint64_t apic_get_base(Device *apic)
{
    return ((APICState *)apic)->base;
}

/* x2APIC mode is entered from xAPIC mode and left by switching the APIC off. */
static bool base_change_valid(const APICState *s, uint64_t value)
{
    uint64_t writable = ((1ull << s->cpu->model->phys_bits) - 1) & PAGE_MASK;
    uint64_t mode = value & (BASE_EN | BASE_EXTD), old = s->base & (BASE_EN | BASE_EXTD);
    writable |= BASE_BSP | BASE_EN | (cpu_has(s->cpu, FEAT_X2APIC) ? BASE_EXTD : 0);
    if ((value & ~writable) || mode == BASE_EXTD) {
        return false;
    }
    return mode == old || mode == 0 || (mode == BASE_EN && old == 0) ||
           (mode == (BASE_EN | BASE_EXTD) && old == BASE_EN);
}

bool apic_set_base(Device *apic, uint64_t value)
{
    APICState *s = (APICState *)apic;
    if (!base_change_valid(s, value)) {
        return false;
    }
    bool was_enabled = globally_enabled(s);
    s->base = value;
    if (was_enabled && !globally_enabled(s)) {
        reset_registers(s);
        s->id = initial_id(s);
    }
    map_page(s);
    apic_update(s);
    return true;
}

/* ---- monitor ---- */

static const char *timer_mode_name(uint32_t lvt)
{
    return lvt & LVT_DEADLINE ? "tsc-deadline" : lvt & LVT_PERIODIC ? "periodic" : "one-shot";
}

static void info_lvt(const InfoSink *out, const APICState *s, const char *name, int entry)
{
    static const char *const modes[8] = { "Fixed", "...", "SMI", "...", "NMI", "INIT", "...", "ExtINT" };
    uint32_t lvt = s->lvt[entry];
    info_line(out, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s (vec %u)", name, lvt,
              lvt & LVT_ACTIVE_LOW ? "active-lo" : "active-hi", lvt & LVT_LEVEL ? "level" : "edge",
              lvt & LVT_MASKED ? "masked" : "", "", entry == LVT_TIMER ? timer_mode_name(lvt) : "",
              modes[LVT_MODE(lvt)], lvt & 0xff);
}

static void info_icr(const InfoSink *out, const APICState *s)
{
    static const char *const shorthands[4] = { "no-shorthand", "self", "all-self", "all" };
    uint32_t low = s->icr, high = s->icr >> 32, dest = x2apic_mode(s) ? high : high >> 24;
    g_autofree char *target = g_strdup("");
    info_line(out, "ICR\t 0x%08x %s %s %s %s", low, low & ICR_LOGICAL ? "logical" : "physical",
              low & ICR_LEVEL ? "level" : "edge", low & ICR_ASSERT ? "assert" : "de-assert", shorthands[low >> 18 & 3]);
    if ((low >> 18 & 3) == TO_DEST) {
        g_free(target);
        target = g_strdup_printf(low & ICR_LOGICAL ? " mask %02X (logical)" : " cpu %X (APIC ID)", dest);
    }
    info_line(out, "ICR2\t 0x%08x%s", high, target);
}

static void info_vectors(const InfoSink *out, const APICState *s, const char *name, const uint32_t *reg)
{
    g_autoptr(GString) text = g_string_new("");
    for (int vector = 0; vector < 256; vector++) {
        if (test_bit256(reg, vector)) {
            g_string_append_printf(text, "%d%s ", vector, test_bit256(s->tmr, vector) ? "(level)" : "");
        }
    }
    info_line(out, "%s\t %s", name, text->len ? text->str : "(none)");
}

void apic_info(Device *apic, InfoPrint *print, void *opaque)
{
    APICState *s = (APICState *)apic;
    const InfoSink *out = &(InfoSink){ .print = print, .opaque = opaque };
    info_line(out, "dumping local APIC state for CPU %u \n", initial_id(s));
    info_lvt(out, s, "LVT0", LVT_LINT0);
    info_lvt(out, s, "LVT1", LVT_LINT1);
    info_lvt(out, s, "LVTPC", LVT_PERF);
    info_lvt(out, s, "LVTERR", LVT_ERROR);
    info_lvt(out, s, "LVTTHMR", LVT_THERMAL);
    info_lvt(out, s, "LVTT", LVT_TIMER);
    info_line(out, "Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u", s->divide,
              1u << divide_shift(s), s->initial_count, deadline_mode(s) ? 0 : current_count(s));
    info_line(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u", s->svr,
              s->svr & SVR_ENABLED ? "enabled" : "disabled", s->svr & SVR_FOCUS_OFF ? "on" : "off", s->svr & 0xff);
    info_icr(out, s);
    info_line(out, "ESR\t 0x%08x", s->esr);
    info_vectors(out, s, "ISR", s->isr);
    info_vectors(out, s, "IRR", s->irr);
    info_line(out, "\nAPR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x", 0, s->tpr, s->dfr >> 28,
              x2apic_mode(s) ? logical_id(s) : s->ldr >> 24, processor_priority(s));
}

/* ---- life ---- */

/* A processor model without APIC has it switched off for good: the PIC's INTR goes straight through. */
static uint64_t power_on_base(const APICState *s)
{
    bool present = s->cpu && cpu_has(s->cpu, FEAT_APIC);
    return APIC_DEFAULT_BASE | (present ? BASE_EN : 0) | (initial_id(s) == 0 ? BASE_BSP : 0);
}

/* The levels of LINT0 and LINT1 belong to the board and stay. */
static void apic_reset(Device *dev)
{
    APICState *s = (APICState *)dev;
    s->base = power_on_base(s);
    s->id = initial_id(s);
    reset_registers(s);
    map_page(s);
    apic_update(s);
}

/* 10.4.7.3: as after power-on, but the id, the mode and the page stay. */
void apic_reset_on_init(Device *apic)
{
    APICState *s = (APICState *)apic;
    reset_registers(s);
    apic_update(s);
}

void apic_connect(Device *apic, CPUState *cpu, Device *pic)
{
    APICState *s = (APICState *)apic;
    s->cpu = cpu;
    cpu->apic = apic;
    if (pic && cpu->index == 0) {
        i8259_connect(pic, irq_line(apic_set_pic_intr, s, 0));
    }
    apic_reset(apic);
}

static bool apic_realize(Device *dev, Error **errp)
{
    APICState *s = (APICState *)dev;
    if (nb_apics == MAX_APICS) {
        error_setg(errp, "at most %d processors are supported", MAX_APICS);
        return false;
    }
    apics[nb_apics++] = s;
    timer_init_ns(&s->timer, QEMU_CLOCK_VIRTUAL, timer_expired, s);
    memory_region_init_io(&s->mmio, &apic_ops, s, "apic", PAGE_SIZE);
    memory_region_add_subregion_overlap(get_system_memory(), APIC_DEFAULT_BASE, &s->mmio, 0x1000);
    apic_reset(dev);
    return true;
}

static bool apic_post_load(void *opaque, Error **errp)
{
    APICState *s = opaque;
    if (s->cpu && s->base >> s->cpu->model->phys_bits) {
        error_setg(errp, "apic: base 0x%" PRIx64 " is out of range", s->base);
        return false;
    }
    if (s->tpr > 0xff || s->zero_ns < -1 || s->zero_ns > INT64_MAX / 2 || (s->divide & ~0xbu)) {
        error_setg(errp, "apic: a register holds an impossible value");
        return false;
    }
    map_page(s);
    return true;
}

static const VMStateDescription vmstate_apic = {
    .name = "apic",
    .version = 1,
    .post_load = apic_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(APICState, dev),
            VMSTATE_INT(APICState, base),
            VMSTATE_INT(APICState, id),
            VMSTATE_INT(APICState, tpr),
            VMSTATE_INT(APICState, svr),
            VMSTATE_INT(APICState, ldr),
            VMSTATE_INT(APICState, dfr),
            VMSTATE_INT_ARRAY(APICState, isr),
            VMSTATE_INT_ARRAY(APICState, tmr),
            VMSTATE_INT_ARRAY(APICState, irr),
            VMSTATE_INT(APICState, esr),
            VMSTATE_INT(APICState, esr_pending),
            VMSTATE_INT(APICState, icr),
            VMSTATE_INT_ARRAY(APICState, lvt),
            VMSTATE_INT(APICState, initial_count),
            VMSTATE_INT(APICState, divide),
            VMSTATE_INT(APICState, zero_ns),
            VMSTATE_INT(APICState, tsc_deadline),
            VMSTATE_TIMER(APICState, timer),
            VMSTATE_INT_ARRAY(APICState, lint),
            VMSTATE_BOOL(APICState, extint),
            VMSTATE_DERIVED(APICState, cpu),
            VMSTATE_DERIVED(APICState, mmio),
            VMSTATE_END,
        },
};

const DeviceType apic_type = {
    .name = "apic",
    .size = sizeof(APICState),
    .vmsd = &vmstate_apic,
    .realize = apic_realize,
    .reset = apic_reset,
};
