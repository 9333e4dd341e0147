/* tests/device/fuzz-env.h  What the fuzzers of devices share: a generator that gives the same for the same seed, rounds
 * that can be played alone, and frames of all sorts. Include once per program, after fake-wire.h.
 *
 *     PROGRAM [DEVICE [SECONDS [SEED [ROUND]]]]      without DEVICE each in turn; SECONDS of CPU time; ROUND: that one
 * alone
 */
#ifndef TESTS_FUZZ_ENV_H
#define TESTS_FUZZ_ENV_H

#include <time.h>

#define ROUND_STEPS   1000
#define ROUND_SECONDS 10 /* of CPU time, with sanitizers; one takes a few ms */

/* ---- chance ---- */

static uint64_t rng_state;

static inline uint32_t rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state >> 16;
}

static inline uint32_t below(uint32_t n)
{
    return rnd() % n;
}

/* ---- rounds ---- */

typedef struct FuzzTarget {
    const char *name;
    void (*start)(void); /* nothing of the round before may be left */
    void (*step)(void);
} FuzzTarget;

static inline double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* CPU seconds that it took. */
static inline double play_round(const FuzzTarget *target, uint64_t seed, unsigned round)
{
    double before = cpu_seconds();
    rng_state = seed + round * 0x9e3779b97f4a7c15ull;
    rng_state += !rng_state;
    target->start();
    for (int i = 0; i < ROUND_STEPS; i++) {
        target->step();
    }
    double took = cpu_seconds() - before;
    if (took > ROUND_SECONDS) {
        g_error("%s: seed %" PRIu64 " round %u took %.1f s", target->name, seed, round, took);
    }
    return took;
}

static inline void play(const FuzzTarget *target, double seconds, uint64_t seed)
{
    double total = 0, longest = 0;
    unsigned rounds = 0;
    for (; total < seconds; rounds++) {
        double took = play_round(target, seed, rounds);
        total += took;
        longest = MAX(longest, took);
    }
    printf("%s: %u rounds of %d steps, seed %" PRIu64 ", the longest took %.3f s\n", target->name, rounds, ROUND_STEPS,
           seed, longest);
}

static inline bool fuzz_wants(int argc, char **argv, const char *name)
{
    return argc < 2 || g_str_equal(argv[1], name);
}

/* As the command line says; default_seconds without one. */
static inline void fuzz(int argc, char **argv, const FuzzTarget *target, double default_seconds)
{
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    if (argc > 4) {
        printf("%.3f s\n", play_round(target, seed, (unsigned)atoi(argv[4])));
    } else {
        play(target, argc > 2 ? atof(argv[2]) : default_seconds, seed);
    }
}

/* ---- frames ---- */

/* Headers that the cards look into, then garbage; at most NET_MAX_PACKET bytes, returned. */
static inline size_t some_frame(uint8_t *frame)
{
    static const char *const to[4] = { TO_CARD, TO_ALL, TO_MULTICAST, TO_OTHER };
    size_t len = NET_MIN_FRAME + (below(4) ? below(1460) : below(NET_MAX_PACKET - NET_MIN_FRAME + 1));
    make_frame(frame, len, to[below(4)]);
    if (below(2) && len > 60) {
        make_tcp(frame, len - 54);
        frame[23] = below(3) ? 6 : 17;
    }
    switch (below(8)) {
    case 0:
        memcpy(frame + 12, "\x81\x00\x00\x05\x08\x00", 6);
        break;
    case 1:
        memcpy(frame + 12, "\x86\xdd\x60", 3);
        break;
    }
    for (unsigned i = below(8); i > 0; i--) {
        frame[12 + below(50)] = rnd();
    }
    return len;
}

#endif
