/* hw/core/irq.h  An output line is a value: who to tell, and which of its inputs. Called with the BQL held. */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

typedef void IRQHandler(void *opaque, int n, int level);

typedef struct IRQLine {
    IRQHandler *handler; /* NULL: not connected */
    void *opaque;
    int n;
} IRQLine;

static inline IRQLine irq_line(IRQHandler *handler, void *opaque, int n)
{
    return (IRQLine){ .handler = handler, .opaque = opaque, .n = n };
}

/* level: 0 or 1. */
static inline void irq_set(IRQLine line, int level)
{
    if (line.handler) {
        line.handler(line.opaque, line.n, level);
    }
}

static inline void irq_raise(IRQLine line)
{
    irq_set(line, 1);
}

static inline void irq_lower(IRQLine line)
{
    irq_set(line, 0);
}

static inline void irq_pulse(IRQLine line)
{
    irq_set(line, 1);
    irq_set(line, 0);
}

#endif
