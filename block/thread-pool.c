/*
 * block/thread-pool.c  A few threads for work that blocks. They sleep when there is nothing to do; none is woken, or
 * started, while another is awake and about to look.
 *
 * Order of execution is undefined here: who needs an order (block/blkreplay.c) submits only what may run now.
 */
#include "block/block-int.h"

#define MAX_THREADS 4

typedef struct Work Work;
struct Work {
    ThreadPoolFunc *fn;
    void *opaque;
    Work *next;
};

static struct {
    GMutex lock;
    GCond wanted;
    Work *first, **tail;
    unsigned threads;
    unsigned idle; /* asleep and not yet called */
} pool = { .tail = &pool.first };

static Work *take_locked(void)
{
    Work *work = pool.first;
    pool.first = work->next;
    if (!pool.first) {
        pool.tail = &pool.first;
    }
    return work;
}

static void *pool_thread(void *unused)
{
    (void)unused;
    g_mutex_lock(&pool.lock);
    for (;;) {
        while (!pool.first) {
            pool.idle++;
            g_cond_wait(&pool.wanted, &pool.lock);
        }
        Work *work = take_locked();
        g_mutex_unlock(&pool.lock);
        work->fn(work->opaque);
        g_free(work);
        g_mutex_lock(&pool.lock);
    }
    return NULL;
}

/* Whoever calls a sleeper counts it as awake at once, so that the next piece of work calls another one. */
void thread_pool_submit(ThreadPoolFunc *fn, void *opaque)
{
    Work *work = g_new(Work, 1);
    *work = (Work){ .fn = fn, .opaque = opaque };
    g_mutex_lock(&pool.lock);
    *pool.tail = work;
    pool.tail = &work->next;
    bool call = pool.idle > 0, start = !call && pool.threads < MAX_THREADS;
    pool.idle -= call;
    pool.threads += start;
    g_mutex_unlock(&pool.lock);
    if (call) {
        g_cond_signal(&pool.wanted);
    } else if (start) {
        g_thread_unref(g_thread_new("block", pool_thread, NULL));
    }
}
