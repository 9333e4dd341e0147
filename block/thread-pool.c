/*
 * block/thread-pool.c  A few threads for work that blocks. They sleep when there is nothing to do; none is woken, or
 * started, while another is awake and about to look. Small pieces may be put off: their issuer does them himself if he
 * has nothing else to do soon, which costs no wake-up at all.
 *
 * Order of execution is undefined here: who needs an order (block/blkreplay.c) submits only what may run now.
 */
#include "block/block-int.h"

#define MAX_THREADS 4

typedef struct Work {
    ThreadPoolFunc *fn;
    void *opaque;
} Work;

static struct {
    GMutex lock;
    GCond wanted;
    GQueue work, put_off; /* of Work */
    gint put_off_count;   /* read without the lock */
    unsigned threads;
    unsigned idle; /* asleep and not yet called */
} pool = { .work = G_QUEUE_INIT, .put_off = G_QUEUE_INIT };

static Work *new_work(ThreadPoolFunc *fn, void *opaque)
{
    Work *work = g_new(Work, 1);
    *work = (Work){ .fn = fn, .opaque = opaque };
    return work;
}

static void run_work(Work *work)
{
    work->fn(work->opaque);
    g_free(work);
}

static void *pool_thread(void *unused)
{
    (void)unused;
    g_mutex_lock(&pool.lock);
    for (;;) {
        while (g_queue_is_empty(&pool.work)) {
            pool.idle++;
            g_cond_wait(&pool.wanted, &pool.lock);
        }
        Work *work = g_queue_pop_head(&pool.work);
        g_mutex_unlock(&pool.lock);
        run_work(work);
        g_mutex_lock(&pool.lock);
    }
    return NULL;
}

/* Whoever calls a sleeper counts it as awake at once, so that the next piece of work calls another one. */
static void submit(Work *work)
{
    g_mutex_lock(&pool.lock);
    g_queue_push_tail(&pool.work, work);
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

void thread_pool_submit(ThreadPoolFunc *fn, void *opaque)
{
    submit(new_work(fn, opaque));
}

/* ---- put off ---- */

void thread_pool_put_off(ThreadPoolFunc *fn, void *opaque)
{
    g_mutex_lock(&pool.lock);
    g_queue_push_tail(&pool.put_off, new_work(fn, opaque));
    g_atomic_int_inc(&pool.put_off_count);
    g_mutex_unlock(&pool.lock);
}

bool thread_pool_has_put_off(void)
{
    return g_atomic_int_get(&pool.put_off_count) > 0;
}

static void take_put_off(void (*fn)(Work *work))
{
    Work *work;
    do {
        g_mutex_lock(&pool.lock);
        work = g_queue_pop_head(&pool.put_off);
        g_atomic_int_set(&pool.put_off_count, (gint)pool.put_off.length);
        g_mutex_unlock(&pool.lock);
        if (work) {
            fn(work);
        }
    } while (work);
}

void thread_pool_run_put_off(void)
{
    take_put_off(run_work);
}

void thread_pool_call_for_put_off(void)
{
    take_put_off(submit);
}
