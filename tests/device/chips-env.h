/* tests/device/chips-env.h  What the tests of the small chips share: ports by name, lines that can be looked at, state
 * that goes round. */
#ifndef TESTS_CHIPS_ENV_H
#define TESTS_CHIPS_ENV_H

#include "exec/memory.h"
#include "hw/core/device.h"
#include "util/timer.h"

static inline void outb(uint16_t port, uint8_t value)
{
    address_space_st(&address_space_io, port, value, 1);
}
static inline void outw(uint16_t port, uint16_t value)
{
    address_space_st(&address_space_io, port, value, 2);
}
static inline uint8_t inb(uint16_t port)
{
    return address_space_ld(&address_space_io, port, 1);
}
static inline uint16_t inw(uint16_t port)
{
    return address_space_ld(&address_space_io, port, 2);
}

/* A line that remembers its level and counts rising edges. */
typedef struct TestLine {
    int level, edges;
} TestLine;

static inline void test_line_set(void *opaque, int n, int level)
{
    TestLine *line = opaque;
    (void)n;
    line->edges += level && !line->level;
    line->level = level;
}
static inline IRQLine test_line(TestLine *line)
{
    return irq_line(test_line_set, line, 0);
}

/* Save, disturb by a reset, load, save again: nothing may have changed. */
static inline void check_state_goes_round(Device *dev)
{
    GByteArray *before = g_byte_array_new(), *after = g_byte_array_new();
    Error *err = NULL;
    vmstate_save_object(before, dev->type->vmsd, dev);
    if (dev->type->reset) {
        dev->type->reset(dev);
    }
    if (!vmstate_load_object(before->data, before->len, dev->type->vmsd, dev, &err)) {
        g_error("%s", error_get_pretty(err));
    }
    vmstate_save_object(after, dev->type->vmsd, dev);
    g_assert_cmpmem(before->data, before->len, after->data, after->len);
    g_byte_array_unref(before);
    g_byte_array_unref(after);
}

static inline uint8_t *find_number(const GByteArray *state, uint64_t number)
{
    for (guint i = 0; i + 8 <= state->len; i++) {
        if (ldq_le_p(state->data + i) == number) {
            return state->data + i;
        }
    }
    g_error("0x%" PRIx64 " is not in the state", number);
}

/* A snapshot in which the number `from` (one that stands once in the state) is `to` is refused. */
static inline void check_number_refused(Device *dev, uint64_t from, uint64_t to)
{
    GByteArray *state = g_byte_array_new();
    Error *err = NULL;
    vmstate_save_object(state, dev->type->vmsd, dev);
    uint8_t *at = find_number(state, from);
    stq_le_p(at, to);
    g_assert_false(vmstate_load_object(state->data, state->len, dev->type->vmsd, dev, &err));
    error_free(err);
    stq_le_p(at, from);
    g_assert_true(vmstate_load_object(state->data, state->len, dev->type->vmsd, dev, &error_fatal));
    g_byte_array_unref(state);
}

#endif
