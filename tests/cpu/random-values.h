/* tests/cpu/random-values.h  Random operands, by g_test_rand_int(): values at which flags change are likelier. */
#ifndef TESTS_CPU_RANDOM_VALUES_H
#define TESTS_CPU_RANDOM_VALUES_H

#include "util/osdep.h"

static inline uint64_t random64(void)
{
    return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

/* clang-format off */
static inline uint64_t random_corner(void)
{
    static const uint64_t corners[] = {
        0, 1, 2, 9, 15, 16, 31, 32, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        0x7fffffffffffffff, 0x8000000000000000, ~0ull,
    };
    return corners[g_test_rand_int_range(0, ARRAY_SIZE(corners))];
}
/* clang-format on */

static inline uint64_t random_small(void)
{
    return (uint64_t)(int64_t)g_test_rand_int_range(-70, 70);
}

#endif
