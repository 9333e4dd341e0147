/*
 * util/rng.c  xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018), its state
 * filled from the seed by SplitMix64.
 *
 * Unpredictable enough for a guest that mixes it into its own pool; whoever has the recording can replay it, which is
 * the point.
 */
#include "util/rng.h"

#include <string.h>

#include "migration/vmstate.h"

/*
 * Filled from the seed at the first use: a machine that draws nothing does not depend on the seed (nor on a manifest).
 */
typedef struct GuestRNG {
    uint64_t s[4];
    bool drawn;
    uint64_t seed;
} GuestRNG;

static GuestRNG rng;

static const VMStateField rng_fields[] = {
    VMSTATE_INT_ARRAY(GuestRNG, s),
    VMSTATE_BOOL(GuestRNG, drawn),
    VMSTATE_DERIVED(GuestRNG, seed), /* the recording's */
    VMSTATE_END,
};
static const VMStateDescription vmstate_rng = { .name = "rng", .version = 1, .fields = rng_fields };

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void guest_rng_init(uint64_t seed)
{
    rng = (GuestRNG){ .seed = seed };
    vmstate_register("rng", 0, &vmstate_rng, &rng);
}

static void fill_state(void)
{
    uint64_t seed = rng.seed;
    for (unsigned i = 0; i < 4; i++) {
        rng.s[i] = splitmix(&seed);
    }
    rng.drawn = true;
}

static uint64_t rotate_left(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

uint64_t guest_random(void)
{
    if (!rng.drawn) {
        fill_state();
    }
    uint64_t result = rotate_left(rng.s[1] * 5, 7) * 9, t = rng.s[1] << 17;
    rng.s[2] ^= rng.s[0];
    rng.s[3] ^= rng.s[1];
    rng.s[1] ^= rng.s[2];
    rng.s[0] ^= rng.s[3];
    rng.s[2] ^= t;
    rng.s[3] = rotate_left(rng.s[3], 45);
    return result;
}

void guest_random_bytes(void *buf, size_t len)
{
    uint8_t *p = buf;
    while (len) {
        uint64_t v = guest_random();
        size_t n = len < sizeof(v) ? len : sizeof(v);
        memcpy(p, &v, n);
        p += n;
        len -= n;
    }
}
