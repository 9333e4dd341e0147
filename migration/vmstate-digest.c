/*
 * migration/vmstate-digest.c  One number for the whole machine: XXH3 over the described state of all objects in the
 * machine's order, the digest of RAM, and the instruction count.
 */
#include "exec/memory.h"
#include "migration/vmstate.h"
#include "sysemu/cpus.h"

#include <xxhash.h>

uint64_t machine_digest(void)
{
    GByteArray *state = g_byte_array_sized_new(64 * KiB);
    uint8_t tail[16];

    vmstate_save_all(state);
    stq_le_p(tail, ram_digest(0));
    stq_le_p(tail + 8, icount_get());
    g_byte_array_append(state, tail, sizeof(tail));
    uint64_t digest = XXH3_64bits(state->data, state->len);
    g_byte_array_unref(state);
    return digest;
}
