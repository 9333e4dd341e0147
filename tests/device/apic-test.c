/* LINK: hw/intc/apic.c hw/intc/ioapic.c hw/intc/i8259.c hw/core/device.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/apic-test.c  Two local APICs, one by its page and one by its MSRs, with the real IO-APIC and PIC. */
#include "exec/memory.h"
#include "hw/intc/intc.h"
#include "target/i386/cpu.h"
#include "target/i386/cpuid.h"
#include "util/main-loop.h"

#define PAGE0 0xfee00000ull
#define PAGE1 0xfee10000ull /* the second APIC is moved here */
#define EN    0x800ull
#define EXTD  0x400ull
#define BSP   0x100ull

enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    ICR = 0x300,
    ICR2 = 0x310,
    LVTT = 0x320,
    LVT0 = 0x350,
    LVT1 = 0x360,
    LVTERR = 0x370,
    TMICT = 0x380,
    TMCCT = 0x390,
    TDCR = 0x3e0
};

static Device *apic, *apic1, *ioapic, *pic;
static CPUState cpu[2];
static bool has_apic, has_x2apic;

/* ---- what others own ---- */

void qemu_notify_event(void)
{
}

void cpu_interrupt(CPUState *c, uint32_t mask)
{
    c->interrupt_request |= mask;
}

void cpu_reset_interrupt(CPUState *c, uint32_t mask)
{
    c->interrupt_request &= ~mask;
}

bool cpu_has(const CPUState *c, CPUFeature feature)
{
    (void)c;
    return feature == FEAT_APIC ? has_apic : feature == FEAT_X2APIC ? has_x2apic : true;
}

/* ---- access ---- */

static uint32_t ld(hwaddr reg)
{
    return address_space_ld(&address_space_memory, PAGE0 + reg, 4);
}

static void st(hwaddr reg, uint32_t value)
{
    address_space_st(&address_space_memory, PAGE0 + reg, value, 4);
}

static uint32_t ld1(hwaddr reg)
{
    return address_space_ld(&address_space_memory, PAGE1 + reg, 4);
}

static void st1(hwaddr reg, uint32_t value)
{
    address_space_st(&address_space_memory, PAGE1 + reg, value, 4);
}

static uint64_t rdmsr(Device *dev, hwaddr reg)
{
    uint64_t value = 0xdead;
    g_assert_true(apic_msr_read(dev, reg >> 4, &value));
    return value;
}

static void wrmsr(Device *dev, hwaddr reg, uint64_t value)
{
    g_assert_true(apic_msr_write(dev, reg >> 4, value));
}

static void wrmsr_gp(Device *dev, hwaddr reg, uint64_t value)
{
    g_assert_false(apic_msr_write(dev, reg >> 4, value));
}

static void rdmsr_gp(Device *dev, hwaddr reg)
{
    uint64_t value;
    g_assert_false(apic_msr_read(dev, reg >> 4, &value));
}

static bool intr(int n)
{
    return cpu[n].interrupt_request & CPU_INTERRUPT_HARD;
}

static bool bit(hwaddr reg, uint8_t vector)
{
    return ld(reg + (vector >> 5) * 16) >> (vector & 31) & 1;
}

static void out(uint16_t port, uint8_t value)
{
    address_space_st(&address_space_io, port, value, 1);
}

static int64_t now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void reset_one(Device *dev, CPUState *c)
{
    dev->type->reset(dev);
    c->interrupt_request = 0;
    c->sipi_vector = 0;
    c->tsc_offset = 0;
}

/* Both enabled as an operating system does: SVR vector FFh, flat logical ids 1 and 2. */
static void start(void)
{
    has_apic = has_x2apic = true;
    for (int n = 0; n < 16; n++) {
        i8259_set_irq(pic, n, 0);
    }
    apic_set_nmi(apic, 0, 0);
    pic->type->reset(pic);
    ioapic->type->reset(ioapic);
    reset_one(apic1, &cpu[1]);
    g_assert_true(apic_set_base(apic1, PAGE1 | EN));
    reset_one(apic, &cpu[0]);
    st(SVR, 0x1ff);
    st1(SVR, 0x1ff);
    st(LDR, 0x01000000);
    st1(LDR, 0x02000000);
}

static void send_ipi(uint32_t dest, uint32_t low)
{
    st(ICR2, dest << 24);
    st(ICR, low);
}

/* ---- registers and interrupts ---- */

static void test_reset(void)
{
    start();
    apic->type->reset(apic);
    g_assert_cmphex(apic_get_base(apic), ==, PAGE0 | EN | BSP);
    g_assert_cmphex(apic_get_base(apic1), ==, PAGE1 | EN);
    g_assert_cmphex(ld(ID), ==, 0);
    g_assert_cmphex(ld1(ID), ==, 0x01000000);
    g_assert_cmphex(ld(VERSION), ==, 0x00050014);
    g_assert_cmphex(ld(SVR), ==, 0xff);
    g_assert_cmphex(ld(DFR), ==, 0xffffffff);
    for (hwaddr lvt = LVTT; lvt <= LVTERR; lvt += 0x10) {
        g_assert_cmphex(ld(lvt), ==, 0x10000);
    }
    st(LVT0, 0x700); /* software-disabled: the mask bit stays */
    g_assert_cmphex(ld(LVT0), ==, 0x10700);
}

static void test_access(void)
{
    start();
    st(TPR, 0x35);
    g_assert_cmphex(address_space_ld(&address_space_memory, PAGE0 + TPR, 1), ==, 0x35);
    g_assert_cmphex(address_space_ld(&address_space_memory, PAGE0 + TPR, 8), ==, 0x35);
    address_space_st(&address_space_memory, PAGE0 + TPR, 0x70, 1); /* not defined: ignored */
    g_assert_cmphex(ld(TPR), ==, 0x35);
    g_assert_cmphex(ld(ISR + 4), ==, 0);
    st(DFR, 0);
    g_assert_cmphex(ld(DFR), ==, 0x0fffffff);
    st(LVTT, 0xffffffff);
    g_assert_cmphex(ld(LVTT), ==, 0x000700ff);
    st(LVT0, 0xffffffff);
    g_assert_cmphex(ld(LVT0), ==, 0x0001a7ff);
    st(ESR, 0);
    g_assert_cmphex(ld(0x3f0), ==, 0); /* reserved */
    st(ESR, 0);
    g_assert_cmphex(ld(ESR), ==, 0x80);
}

static void test_priority(void)
{
    start();
    apic_deliver(0, false, 0, 0x45, false);
    g_assert_true(intr(0));
    g_assert_true(bit(IRR, 0x45));
    st(TPR, 0x40); /* same class */
    g_assert_false(intr(0));
    apic_set_tpr(apic, 3);
    g_assert_cmphex(ld(TPR), ==, 0x30);
    g_assert_true(intr(0));
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x45);
    g_assert_true(bit(ISR, 0x45));
    g_assert_false(bit(IRR, 0x45));
    g_assert_cmphex(ld(PPR), ==, 0x40);
    apic_deliver(0, false, 0, 0x4f, false);
    g_assert_false(intr(0));
    apic_deliver(0, false, 0, 0x52, false);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x52); /* nests */
    st(EOI, 0);
    g_assert_false(intr(0));
    st(EOI, 0);
    g_assert_true(intr(0));
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x4f);
    st(EOI, 0);
    st(EOI, 0); /* nothing in service */
    g_assert_cmphex(apic_get_tpr(apic), ==, 3);
}

static void test_spurious(void)
{
    start();
    g_assert_cmpint(apic_get_interrupt(apic), ==, -1);
    apic_deliver(0, false, 0, 0x45, false);
    st(TPR, 0xf0);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0xff);
    g_assert_false(bit(ISR, 0xff));
    g_assert_true(bit(IRR, 0x45));
}

static void test_software_disable(void)
{
    start();
    st(LVT0, 0x00700);
    st(LVTT, 0x20030);
    st(SVR, 0x0ff);
    g_assert_cmphex(ld(LVT0), ==, 0x10700);
    g_assert_cmphex(ld(LVTT), ==, 0x30030);
    apic_deliver(0, false, 0, 0x45, false);
    g_assert_false(intr(0));
    apic_deliver(0, false, 4, 0, false);
    g_assert_true(cpu[0].interrupt_request & CPU_INTERRUPT_NMI);
}

static void test_errors(void)
{
    start();
    st(LVTERR, 0xfe);
    send_ipi(1, 0x0000f); /* vector 15 */
    g_assert_cmphex(ld(ESR), ==, 0);
    g_assert_true(bit(IRR, 0xfe));
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0xfe);
    st(EOI, 0);
    send_ipi(1, 0x0000f); /* logged already */
    g_assert_false(intr(0));
    apic_deliver(0, false, 0, 0x03, false);
    st(ESR, 0);
    g_assert_cmphex(ld(ESR), ==, 0x60);
    st(ESR, 0);
    g_assert_cmphex(ld(ESR), ==, 0);
    st(LVTERR, 0x05); /* an error interrupt that is itself an error ends */
    apic_deliver(0, false, 0, 0x03, false);
    st(ESR, 0);
    g_assert_cmphex(ld(ESR), ==, 0x40);
}

/* ---- destinations ---- */

/* Which of the two got vector 51h? Bit 0, bit 1. */
static int receivers(void)
{
    int set = 0;
    set |= apic_get_interrupt(apic) == 0x51 ? 1 : 0;
    set |= apic_get_interrupt(apic1) == 0x51 ? 2 : 0;
    st(EOI, 0);
    if (apic_get_base(apic1) & EXTD) {
        wrmsr(apic1, EOI, 0);
    } else {
        st1(EOI, 0);
    }
    return set;
}

static void test_physical(void)
{
    start();
    apic_deliver(1, false, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 2);
    apic_deliver(0xff, false, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 3);
    apic_deliver(7, false, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 0);
    st1(ID, 0x07000000);
    apic_deliver(7, false, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 2);
}

static void test_logical(void)
{
    start();
    apic_deliver(2, true, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 2);
    apic_deliver(3, true, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 3);
    apic_deliver(0xfc, true, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 0);
    st(DFR, 0x0fffffff); /* clusters */
    st1(DFR, 0x0fffffff);
    st(LDR, 0x11000000);
    st1(LDR, 0x21000000);
    apic_deliver(0x21, true, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 2);
    apic_deliver(0x1f, true, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 1);
    apic_deliver(0xf1, true, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 3);
    apic_deliver(0xf2, true, 0, 0x51, false);
    g_assert_cmpint(receivers(), ==, 0);
}

static void test_lowest_priority(void)
{
    start();
    st(TPR, 0x20);
    apic_deliver(3, true, 1, 0x51, false);
    g_assert_cmpint(receivers(), ==, 2);
    st1(TPR, 0x30);
    apic_deliver(3, true, 1, 0x51, false);
    g_assert_cmpint(receivers(), ==, 1);
    st1(TPR, 0x20);
    apic_deliver(3, true, 1, 0x51, false);
    g_assert_cmpint(receivers(), ==, 1);
    st(SVR, 0xff);
    apic_deliver(3, true, 1, 0x51, false);
    g_assert_cmpint(receivers(), ==, 2);
}

static void test_ipi(void)
{
    start();
    send_ipi(1, 0x00051);
    g_assert_cmpint(receivers(), ==, 2);
    send_ipi(1, 0x00851);
    g_assert_cmpint(receivers(), ==, 1);
    send_ipi(9, 0x40051);
    g_assert_cmpint(receivers(), ==, 1);
    send_ipi(9, 0x80051);
    g_assert_cmpint(receivers(), ==, 3);
    send_ipi(9, 0xc0051);
    g_assert_cmpint(receivers(), ==, 2);
    g_assert_cmphex(ld(ICR), ==, 0xc0051);
    g_assert_cmphex(ld(ICR2), ==, 0x09000000);
    st(ICR, 0xffffffff & ~0xc0700u);
    g_assert_cmphex(ld(ICR) & 0x1000, ==, 0); /* delivery status */
}

static void test_init_sipi(void)
{
    start();
    send_ipi(1, 0x0c500);
    g_assert_cmphex(cpu[1].interrupt_request, ==, CPU_INTERRUPT_INIT);
    cpu[1].interrupt_request = 0;
    send_ipi(1, 0x08500); /* level de-assert */
    g_assert_cmphex(cpu[1].interrupt_request, ==, 0);
    send_ipi(1, 0x0069f);
    g_assert_cmphex(cpu[1].interrupt_request, ==, CPU_INTERRUPT_SIPI);
    g_assert_cmphex(cpu[1].sipi_vector, ==, 0x9f);
    send_ipi(0, 0xc4400);
    g_assert_true(cpu[1].interrupt_request & CPU_INTERRUPT_NMI);
    g_assert_cmphex(cpu[0].interrupt_request, ==, 0);
    send_ipi(0, 0x00200);
    g_assert_cmphex(cpu[0].interrupt_request, ==, CPU_INTERRUPT_SMI);
    st(TPR, 0x50);
    apic_reset_on_init(apic);
    g_assert_cmphex(ld(TPR), ==, 0);
    g_assert_cmphex(ld(SVR), ==, 0xff);
}

static void test_msi(void)
{
    start();
    apic_msi_write(0xfee01000, 0x0051);
    g_assert_cmpint(receivers(), ==, 2);
    apic_msi_write(0xfee03004, 0x0051);
    g_assert_cmpint(receivers(), ==, 3);
    apic_msi_write(0xfee0300c, 0x0151);
    g_assert_cmpint(receivers(), ==, 1);
    apic_msi_write(0xfee00000, 0x8051); /* de-assert */
    g_assert_cmpint(receivers(), ==, 0);
    apic_msi_write(0xfee00000, 0x0400);
    g_assert_true(cpu[0].interrupt_request & CPU_INTERRUPT_NMI);
}

/* ---- the PIC, LINT0 and LINT1 ---- */

static void init_pic(void)
{
    static const uint8_t words[] = { 0x11, 0x08, 0x04, 0x01 };
    for (int i = 0; i < 4; i++) {
        out(i ? 0x21 : 0x20, words[i]);
    }
}

static void test_virtual_wire(void)
{
    start();
    init_pic();
    i8259_set_irq(pic, 1, 1);
    g_assert_false(intr(0)); /* LINT0 is masked at reset */
    g_assert_false(apic_accepts_pic(apic));
    st(LVT0, 0x08700);
    g_assert_true(intr(0));
    g_assert_cmpint(apic_get_interrupt(apic), ==, -1);
    g_assert_true(apic_accepts_pic(apic));
    g_assert_cmpint(i8259_read_irq(pic), ==, 0x09);
    g_assert_false(intr(0));
    i8259_set_irq(pic, 0, 1);
    g_assert_true(intr(0));
    st(TPR, 0xff); /* ExtINT has no priority */
    g_assert_true(intr(0));
    apic_deliver(0, false, 0, 0x51, false);
    st(TPR, 0);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x51); /* the APIC's own first */
    g_assert_true(intr(0));
}

static void test_apic_off(void)
{
    start();
    init_pic();
    i8259_set_irq(pic, 1, 1);
    apic_deliver(0, false, 0, 0x51, false);
    g_assert_true(apic_set_base(apic, PAGE0 | BSP));
    g_assert_true(apic_accepts_pic(apic));
    g_assert_true(intr(0));
    g_assert_cmpint(apic_get_interrupt(apic), ==, -1);
    g_assert_cmphex(ld(VERSION), ==, 0xffffffff);
    apic_set_nmi(apic, 0, 1);
    g_assert_true(cpu[0].interrupt_request & CPU_INTERRUPT_NMI);
    g_assert_true(apic_set_base(apic, PAGE0 | BSP | EN));
    g_assert_false(intr(0));
    g_assert_cmphex(ld(SVR), ==, 0xff);
}

/* A processor model that has no APIC. */
static void test_absent(void)
{
    start();
    has_apic = false;
    apic->type->reset(apic);
    g_assert_cmphex(apic_get_base(apic) & EN, ==, 0);
    init_pic();
    i8259_set_irq(pic, 1, 1);
    g_assert_true(intr(0));
    g_assert_cmphex(ld(VERSION), ==, 0xffffffff);
}

static void test_extint_message(void)
{
    start();
    init_pic();
    apic_deliver(0, false, 7, 0, false);
    g_assert_false(intr(0)); /* the PIC has nothing */
    i8259_set_irq(pic, 1, 1);
    g_assert_false(intr(0));
    apic_deliver(0, false, 7, 0, false);
    g_assert_true(intr(0));
    g_assert_true(apic_accepts_pic(apic));
    g_assert_cmpint(i8259_read_irq(pic), ==, 0x09);
    g_assert_false(intr(0));
    g_assert_false(apic_accepts_pic(apic));
}

static void test_lint_fixed(void)
{
    start();
    init_pic();
    st(LVT0, 0x00055); /* edge */
    i8259_set_irq(pic, 1, 1);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x55);
    st(EOI, 0);
    g_assert_false(intr(0));
    st(LVT0, 0x08055); /* level: still asserted */
    g_assert_cmphex(ld(LVT0), ==, 0x0c055);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x55);
    g_assert_true(bit(TMR, 0x55));
    st(EOI, 0);
    g_assert_true(intr(0));
    i8259_set_irq(pic, 1, 0);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x55);
    st(EOI, 0);
    g_assert_false(intr(0));
    g_assert_cmphex(ld(LVT0), ==, 0x08055);
}

static void test_lint1_nmi(void)
{
    start();
    apic_set_nmi(apic, 0, 1);
    g_assert_cmphex(cpu[0].interrupt_request, ==, 0);
    apic_set_nmi(apic, 0, 0);
    st(LVT1, 0x00400);
    apic_set_nmi(apic, 0, 1);
    g_assert_cmphex(cpu[0].interrupt_request, ==, CPU_INTERRUPT_NMI);
}

static void test_ioapic_level(void)
{
    start();
    address_space_st(&address_space_memory, 0xfec00000, 0x10 + 2 * 11, 4);
    address_space_st(&address_space_memory, 0xfec00010, 0x08061, 4);
    ioapic_set_irq(ioapic, 11, 1);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x61);
    g_assert_true(bit(TMR, 0x61));
    g_assert_cmphex(address_space_ld(&address_space_memory, 0xfec00010, 4), ==, 0x0c061);
    st(EOI, 0);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x61); /* asserted still: again */
    ioapic_set_irq(ioapic, 11, 0);
    st(EOI, 0);
    g_assert_false(intr(0));
    g_assert_cmphex(address_space_ld(&address_space_memory, 0xfec00010, 4), ==, 0x08061);
    apic_deliver(0, false, 0, 0x61, false); /* an edge takes the trigger mark away */
    g_assert_false(bit(TMR, 0x61));
}

/* ---- timer ---- */

static void take_timer(void)
{
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x40);
    st(EOI, 0);
}

static void test_one_shot(void)
{
    start();
    st(LVTT, 0x00040);
    st(TDCR, 0xb); /* by 1 */
    st(TMICT, 1000);
    g_assert_cmpint(ld(TMCCT), ==, 1000);
    qemu_clock_step(400);
    g_assert_cmpint(ld(TMCCT), ==, 600);
    qemu_clock_step(599);
    g_assert_false(intr(0));
    qemu_clock_step(1);
    take_timer();
    g_assert_cmpint(ld(TMCCT), ==, 0);
    qemu_clock_step(5000);
    g_assert_false(intr(0));
    st(TMICT, 100);
    st(TMICT, 0); /* stops */
    qemu_clock_step(1000);
    g_assert_false(intr(0));
}

static void test_divide(void)
{
    static const uint32_t codes[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };
    for (unsigned shift = 0; shift < 8; shift++) {
        start();
        st(LVTT, 0x00040);
        st(TDCR, codes[shift]);
        g_assert_cmphex(ld(TDCR), ==, codes[shift]);
        st(TMICT, 10);
        qemu_clock_step((10 << shift) - 1);
        g_assert_false(intr(0));
        g_assert_cmpint(ld(TMCCT), ==, 1);
        qemu_clock_step(1);
        take_timer();
    }
}

static void test_divide_while_running(void)
{
    start();
    st(LVTT, 0x00040);
    st(TDCR, 0xb);
    st(TMICT, 1000);
    qemu_clock_step(500);
    st(TDCR, 0x1); /* by 4 */
    g_assert_cmpint(ld(TMCCT), ==, 500);
    qemu_clock_step(1999);
    g_assert_false(intr(0));
    qemu_clock_step(1);
    take_timer();
}

static void test_periodic(void)
{
    start();
    st(TDCR, 0x0); /* by 2 */
    st(LVTT, 0x20040);
    st(TMICT, 500);
    int64_t armed = now();
    for (int i = 1; i <= 5; i++) {
        qemu_clock_step(armed + 1000 * i - now() - 1);
        g_assert_false(intr(0));
        qemu_clock_step(1);
        take_timer();
        g_assert_cmpint(ld(TMCCT), ==, 500);
    }
    qemu_clock_step(10300); /* ten more came, as one */
    take_timer();
    g_assert_false(intr(0));
    g_assert_cmpint(ld(TMCCT), ==, 350);
    st(LVTT, 0x30040); /* masked: counts on, in phase */
    qemu_clock_step(3500);
    g_assert_false(intr(0));
    g_assert_cmpint(ld(TMCCT), ==, 100);
    st(LVTT, 0x20040);
    qemu_clock_step(199);
    g_assert_false(intr(0));
    qemu_clock_step(1);
    take_timer();
    st(LVTT, 0x00040); /* becomes one-shot: one more */
    qemu_clock_step(1000);
    take_timer();
    qemu_clock_step(10000);
    g_assert_false(intr(0));
    st(LVTT, 0x20040); /* stopped counters stay so */
    qemu_clock_step(10000);
    g_assert_false(intr(0));
}

static void test_fast_periodic(void)
{
    start();
    st(TDCR, 0xb);
    st(LVTT, 0x20040);
    st(TMICT, 1); /* every ns */
    qemu_clock_step(1000);
    take_timer();
    st(TMICT, 0);
    apic_get_interrupt(apic);
    st(EOI, 0);
    g_assert_false(intr(0));
}

static void test_tsc_deadline(void)
{
    start();
    cpu[0].tsc_offset = 5000000;
    apic_set_tsc_deadline(apic, now() + 5000000 + 100); /* not in this mode */
    g_assert_cmphex(apic_get_tsc_deadline(apic), ==, 0);
    st(LVTT, 0x40040);
    st(TMICT, 100); /* ignored */
    g_assert_cmphex(ld(TMICT), ==, 0);
    uint64_t deadline = now() + 5000000 + 100;
    apic_set_tsc_deadline(apic, deadline);
    g_assert_cmphex(apic_get_tsc_deadline(apic), ==, deadline);
    qemu_clock_step(99);
    g_assert_false(intr(0));
    qemu_clock_step(1);
    take_timer();
    g_assert_cmphex(apic_get_tsc_deadline(apic), ==, 0);
    apic_set_tsc_deadline(apic, deadline); /* has passed */
    take_timer();
    apic_set_tsc_deadline(apic, deadline + 1000);
    apic_set_tsc_deadline(apic, 0); /* disarmed */
    qemu_clock_step(5000);
    g_assert_false(intr(0));
    apic_set_tsc_deadline(apic, UINT64_MAX); /* far */
    qemu_clock_step(5000);
    g_assert_false(intr(0));
    apic_set_tsc_deadline(apic, now() + 5000000 + 100);
    cpu[0].tsc_offset -= 50; /* the TSC was set back */
    qemu_clock_step(149);
    g_assert_false(intr(0));
    qemu_clock_step(1);
    take_timer();
    apic_set_tsc_deadline(apic, now() + 10000000);
    st(LVTT, 0x00040); /* leaving the mode disarms */
    g_assert_cmphex(apic_get_tsc_deadline(apic), ==, 0);
}

/* ---- IA32_APIC_BASE and x2APIC ---- */

static void test_relocate(void)
{
    start();
    st(TPR, 0x20);
    g_assert_true(apic_set_base(apic, 0xfed50000 | EN | BSP));
    g_assert_cmphex(ld(TPR), ==, 0xffffffff);
    g_assert_cmphex(address_space_ld(&address_space_memory, 0xfed50000 + TPR, 4), ==, 0x20);
    g_assert_false(apic_set_base(apic, PAGE0 | EN | BSP | 1));
    g_assert_false(apic_set_base(apic, PAGE0 | EN | BSP | 0x200));
    g_assert_false(apic_set_base(apic, PAGE0 | EN | BSP | 1ull << 36));
    g_assert_true(apic_set_base(apic, PAGE0 | EN | BSP));
    g_assert_cmphex(ld(TPR), ==, 0x20);
}

static void test_mode_changes(void)
{
    start();
    has_x2apic = false;
    g_assert_false(apic_set_base(apic, PAGE0 | BSP | EN | EXTD));
    has_x2apic = true;
    g_assert_false(apic_set_base(apic, PAGE0 | BSP | EXTD));
    g_assert_true(apic_set_base(apic, PAGE0 | BSP));
    g_assert_false(apic_set_base(apic, PAGE0 | BSP | EN | EXTD));
    g_assert_true(apic_set_base(apic, PAGE0 | BSP | EN));
    rdmsr_gp(apic, ID);
    g_assert_true(apic_set_base(apic, PAGE0 | BSP | EN | EXTD));
    g_assert_false(apic_set_base(apic, PAGE0 | BSP | EN));
    g_assert_cmphex(ld(ID), ==, 0xffffffff);
    g_assert_true(apic_set_base(apic, PAGE0 | BSP));
    g_assert_true(apic_set_base(apic, PAGE0 | BSP | EN));
}

static void test_x2apic_registers(void)
{
    start();
    st1(TPR, 0x20);
    g_assert_true(apic_set_base(apic1, PAGE1 | EN | EXTD));
    g_assert_cmphex(rdmsr(apic1, ID), ==, 1);
    g_assert_cmphex(rdmsr(apic1, LDR), ==, 2);
    g_assert_cmphex(rdmsr(apic1, TPR), ==, 0x20);
    g_assert_cmphex(rdmsr(apic1, VERSION), ==, 0x00050014);
    wrmsr(apic1, TPR, 0x30);
    wrmsr_gp(apic1, TPR, 0x100);
    g_assert_cmphex(rdmsr(apic1, PPR), ==, 0x30);
    static const hwaddr none[] = { 0x00, 0x10,  0x40,  0x90,  0xc0,  DFR,    ICR2,
                                   EOI,  0x2f0, 0x3a0, 0x3f0, 0x400, 0x3ff0, ~0xfull };
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        rdmsr_gp(apic1, none[i]);
    }
    static const hwaddr read_only[] = { ID, VERSION, PPR, LDR, ISR, TMR, IRR, TMCCT, DFR, ICR2, 0x90 };
    for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
        wrmsr_gp(apic1, read_only[i], 0);
    }
    wrmsr(apic1, EOI, 0);
    wrmsr_gp(apic1, EOI, 1);
    wrmsr(apic1, ESR, 0);
    wrmsr_gp(apic1, ESR, 1);
    wrmsr_gp(apic1, LVTT, 1u << 31);
    wrmsr(apic1, LVT0, 0x1d7ff);
    g_assert_cmphex(rdmsr(apic1, LVT0), ==, 0x187ff);
    wrmsr_gp(apic1, TMICT, 1ull << 32);
    wrmsr_gp(apic1, TDCR, 4);
    wrmsr_gp(apic1, ICR, 1u << 12);
}

static void test_x2apic_ipi(void)
{
    start();
    g_assert_true(apic_set_base(apic1, PAGE1 | EN | EXTD));
    wrmsr(apic1, ICR, 0x0000000000000051);
    g_assert_cmpint(receivers(), ==, 1);
    wrmsr(apic1, ICR, 0x0000000100000051);
    g_assert_cmphex(rdmsr(apic1, ICR), ==, 0x0000000100000051);
    g_assert_cmpint(receivers(), ==, 2);
    wrmsr(apic1, ICR, 0xffffffff00000051);
    g_assert_cmpint(receivers(), ==, 3);
    wrmsr(apic1, ICR, 0x0000000200000851); /* logical */
    g_assert_cmpint(receivers(), ==, 2);
    wrmsr(apic1, ICR, 0x0001000200000851); /* another cluster */
    g_assert_cmpint(receivers(), ==, 0);
    wrmsr(apic1, 0x3f0, 0x51);
    g_assert_cmpint(receivers(), ==, 2);
    wrmsr(apic1, 0x3f0, 0x03);
    wrmsr(apic1, ESR, 0);
    g_assert_cmphex(rdmsr(apic1, ESR), ==, 0x40);
    apic_deliver(2, true, 0, 0x51, false); /* the board's eight bits */
    g_assert_cmpint(receivers(), ==, 2);
}

/* ---- state, monitor ---- */

static void test_state(void)
{
    start();
    st(TDCR, 0xb);
    st(LVTT, 0x20040);
    st(TMICT, 1000);
    apic_deliver(0, false, 0, 0x51, true);
    g_assert_true(apic_set_base(apic, 0xfed50000 | EN | BSP));
    g_autoptr(GByteArray) saved = g_byte_array_new();
    vmstate_save_object(saved, apic->type->vmsd, apic);
    uint64_t digest = vmstate_digest_object(apic->type->vmsd, apic);
    start();
    g_assert_true(vmstate_load_object(saved->data, saved->len, apic->type->vmsd, apic, &error_fatal));
    g_assert_cmphex(vmstate_digest_object(apic->type->vmsd, apic), ==, digest);
    g_assert_cmphex(address_space_ld(&address_space_memory, 0xfed50000 + TMICT, 4), ==, 1000);
    g_assert_cmpint(apic_get_interrupt(apic), ==, 0x51);
    qemu_clock_step(1000);
    g_assert_true(apic_set_base(apic, PAGE0 | EN | BSP));
    g_assert_true(bit(IRR, 0x40));
}

static void append_line(void *opaque, const char *line)
{
    g_string_append_printf(opaque, "%s\n", line);
}

/* As QEMU 7.2 prints it. */
static void test_info(void)
{
    start();
    apic->type->reset(apic);
    g_autoptr(GString) text = g_string_new("");
    apic_info(apic, append_line, text);
    g_assert_cmpstr(text->str, ==,
                    "dumping local APIC state for CPU 0 \n\n"
                    "LVT0\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
                    "LVT1\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
                    "LVTPC\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
                    "LVTERR\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
                    "LVTTHMR\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
                    "LVTT\t 0x00010000 active-hi edge  masked         one-shot     Fixed  (vec 0)\n"
                    "Timer\t DCR=0x0 (divide by 2) initial_count = 0 current_count = 0\n"
                    "SPIV\t 0x000000ff APIC disabled, focus=off, spurious vec 255\n"
                    "ICR\t 0x00000000 physical edge de-assert no-shorthand\n"
                    "ICR2\t 0x00000000 cpu 0 (APIC ID)\n"
                    "ESR\t 0x00000000\n"
                    "ISR\t (none)\n"
                    "IRR\t (none)\n\n"
                    "APR 0x00 TPR 0x00 DFR 0x0f LDR 0x00 PPR 0x00\n");
    st(SVR, 0x1ff);
    apic_deliver(0, false, 0, 236, false);
    st(TDCR, 3);
    g_string_truncate(text, 0);
    apic_info(apic, append_line, text);
    g_assert_nonnull(strstr(text->str, "IRR\t 236 \n"));
    g_assert_nonnull(strstr(text->str, "DCR=0x3 (divide by 16)"));
}

static CPUModel test_model = { .phys_bits = 36 };

static Device *create(int n)
{
    Device *dev = device_create(&apic_type);
    cpu[n].index = n;
    cpu[n].model = &test_model;
    apic_connect(dev, &cpu[n], pic);
    g_assert_true(cpu[n].apic == dev);
    return dev;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    has_apic = true;
    pic = device_create(&i8259_type);
    ioapic = device_create(&ioapic_type);
    apic = create(0);
    apic1 = create(1);
    g_test_add_func("/apic/reset", test_reset);
    g_test_add_func("/apic/access", test_access);
    g_test_add_func("/apic/priority", test_priority);
    g_test_add_func("/apic/spurious", test_spurious);
    g_test_add_func("/apic/software-disable", test_software_disable);
    g_test_add_func("/apic/errors", test_errors);
    g_test_add_func("/apic/dest/physical", test_physical);
    g_test_add_func("/apic/dest/logical", test_logical);
    g_test_add_func("/apic/dest/lowest-priority", test_lowest_priority);
    g_test_add_func("/apic/ipi", test_ipi);
    g_test_add_func("/apic/init-sipi", test_init_sipi);
    g_test_add_func("/apic/msi", test_msi);
    g_test_add_func("/apic/virtual-wire", test_virtual_wire);
    g_test_add_func("/apic/off", test_apic_off);
    g_test_add_func("/apic/absent", test_absent);
    g_test_add_func("/apic/extint-message", test_extint_message);
    g_test_add_func("/apic/lint/fixed", test_lint_fixed);
    g_test_add_func("/apic/lint/nmi", test_lint1_nmi);
    g_test_add_func("/apic/ioapic-level", test_ioapic_level);
    g_test_add_func("/apic/timer/one-shot", test_one_shot);
    g_test_add_func("/apic/timer/divide", test_divide);
    g_test_add_func("/apic/timer/divide-while-running", test_divide_while_running);
    g_test_add_func("/apic/timer/periodic", test_periodic);
    g_test_add_func("/apic/timer/fast-periodic", test_fast_periodic);
    g_test_add_func("/apic/timer/tsc-deadline", test_tsc_deadline);
    g_test_add_func("/apic/base/relocate", test_relocate);
    g_test_add_func("/apic/base/modes", test_mode_changes);
    g_test_add_func("/apic/x2apic/registers", test_x2apic_registers);
    g_test_add_func("/apic/x2apic/ipi", test_x2apic_ipi);
    g_test_add_func("/apic/state", test_state);
    g_test_add_func("/apic/info", test_info);
    return g_test_run();
}
