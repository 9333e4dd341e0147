/*
 * util/rng.h  The machine's randomness: what RDRAND, RDSEED and virtio-rng hand to the guest. One generator for the
 * whole machine, seeded once per recording; its state is machine state. Implemented in util/rng.c.
 */
#ifndef UTIL_RNG_H
#define UTIL_RNG_H

#include <stddef.h>
#include <stdint.h>

/* At machine start, with replay_seed(); registers the state ("rng"). */
void guest_rng_init(uint64_t seed);
/* vCPU thread, or wherever the machine's state may change. */
uint64_t guest_random(void);
void guest_random_bytes(void *buf, size_t len);

#endif
