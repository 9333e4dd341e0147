/* replay/check.c  The report of a divergence: where, what the log says, what the machine did. */
#include "replay/replay-internal.h"

uint64_t (*replay_pc_hook)(void);
uint64_t (*replay_cpu_digest_hook)(void);
const ReplayStops *replay_stops;

char *check_expected(const ReplayEvent *ev, int64_t icount)
{
    char *event = replay_event_describe(ev);
    char *text = g_strdup_printf("%s at icount %" PRId64, event, icount);
    g_free(event);
    return text;
}

void check_report(Divergence *d)
{
    fprintf(stderr, "replay: diverged at icount %" PRId64 ", event %" PRIu64 " (byte %" PRIu64 " of '%s')\n", d->icount,
            d->event_number, d->offset, d->log);
    fprintf(stderr, "replay:   expected: %s\n", d->expected);
    fprintf(stderr, "replay:   found:    %s\n", d->found);
    if (replay_pc_hook) {
        fprintf(stderr, "replay:   rip:      0x%016" PRIx64 "\n", replay_pc_hook());
    }
    g_free(d->expected);
    g_free(d->found);
}
