/* replay/char.c  Input of character devices: copied when the host has it, delivered at a checkpoint. */
#include "replay/replay-internal.h"

#include "util/error.h"

#define MAX_DRIVERS 256    /* the id is one byte of the log */
#define CHUNK       65536u /* bytes of one event */

static struct Chardev *drivers[MAX_DRIVERS];
static unsigned driver_count;

int replay_register_char_driver(struct Chardev *chr)
{
    lockstep_assert(driver_count < MAX_DRIVERS, "more than %d recorded character devices", MAX_DRIVERS);
    drivers[driver_count] = chr;
    return driver_count++;
}

void replay_char_read(int id, const uint8_t *buf, size_t len)
{
    lockstep_assert(id >= 0 && (unsigned)id < driver_count, "character device %d", id);
    while (len) {
        uint32_t n = MIN(len, CHUNK);
        async_enqueue(
            &(ReplayEvent){ .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_CHAR_READ, id }, .data = buf, .len = n });
        buf += n;
        len -= n;
    }
}

char *char_problem(const ReplayEvent *ev)
{
    uint64_t id = ev->arg[ASYNC_ARG_FIRST];
    return id < driver_count ? NULL : g_strdup_printf("the machine has no recorded character device %" PRIu64, id);
}

void char_dispatch(const ReplayEvent *ev)
{
    if (ev->len) {
        qemu_chr_be_write_impl(drivers[ev->arg[ASYNC_ARG_FIRST]], ev->data, ev->len);
    }
}

void char_reset(void)
{
    driver_count = 0;
}
