/*
 * tests/cpu/host-user.h  One instruction on the host CPU in user mode, in any code segment: 64-bit, 32-bit (Linux's
 * __USER32_CS or an LDT segment with a base) and 16-bit. x86-64 Linux only.
 *
 * A signal return loads every register that user mode has, CS and SS among them. So a case starts by raising SIGUSR1,
 * whose handler writes the case's state into its frame and returns; TF is set, so that the instruction ends in SIGTRAP,
 * or in the signal of the exception it raises. That handler copies the frame out and returns to where SIGUSR1 came. DS,
 * ES, FS and GS are not in the frame: the first instructions of the handlers, in assembler, move them.
 */
#ifndef TESTS_CPU_HOST_USER_H
#define TESTS_CPU_HOST_USER_H

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "target/i386/cpu.h"

/* What a program in user mode can see. vector: of the exception that ended the instruction; EXCP_DB when none did. */
typedef struct UserState {
    uint64_t gpr[16], ip, cr2;
    uint32_t flags, error;
    int vector;
    uint16_t selector[6];
    uint8_t fx[512]; /* FXSAVE image */
    YMMHigh upper[16];
} UserState;

uint16_t host_user_segments[6]; /* DS, ES, FS, GS on the way in and out, by R_* */
uint64_t host_user_fs_base;
void host_user_start(int sig, siginfo_t *info, void *context);
void host_user_end(int sig, siginfo_t *info, void *context);
void host_user_load(ucontext_t *context);
void host_user_store(ucontext_t *context);

__asm__(
    ".text\n"
    "host_user_start:\n"
    "sub $8, %rsp\n mov %rdx, %rdi\n call host_user_load\n add $8, %rsp\n"
    "mov host_user_segments+0(%rip), %es\n"
    "mov host_user_segments+6(%rip), %ds\n"
    "mov host_user_segments+10(%rip), %gs\n"
    "ret\n"
    "host_user_end:\n"
    "pushfq\n andl $~0x244500, (%rsp)\n popfq\n" /* AC, NT, DF and TF may have been the instruction's doing */
    "mov %es, host_user_segments+0(%rip)\n"
    "mov %ds, host_user_segments+6(%rip)\n"
    "mov %fs, host_user_segments+8(%rip)\n"
    "mov %gs, host_user_segments+10(%rip)\n"
    "push %rdx\n"
    "mov $158, %eax\n mov $0x1002, %edi\n mov host_user_fs_base(%rip), %rsi\n syscall\n" /* arch_prctl(ARCH_SET_FS) */
    "pop %rdi\n sub $8, %rsp\n call host_user_store\n add $8, %rsp\n ret\n");

static UserState *host_user;
static uint64_t host_user_first; /* where the instruction is */
static unsigned host_user_steps; /* further ones that a repeated instruction may take */
static gregset_t host_user_saved;
static uint8_t host_user_saved_fp[1024];

enum { XSTATE_BV = 512, XSTATE_YMM = 576, XSTATE_BASIC = 7 };
static const int host_user_order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                         REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

void host_user_load(ucontext_t *context)
{
    greg_t *g = context->uc_mcontext.gregs;
    uint8_t *fp = (uint8_t *)context->uc_mcontext.fpregs;
    memcpy(host_user_saved, g, sizeof(host_user_saved));
    memcpy(host_user_saved_fp, fp, sizeof(host_user_saved_fp));
    for (unsigned i = 0; i < 16; i++) {
        g[host_user_order[i]] = (greg_t)host_user->gpr[i];
    }
    g[REG_RIP] = (greg_t)host_user->ip;
    g[REG_EFL] = host_user->flags;
    g[REG_CSGSFS] = (greg_t)((uint64_t)host_user->selector[R_CS] | (uint64_t)host_user->selector[R_SS] << 48);
    memcpy(fp, host_user->fx, 416);
    stq_le_p(fp + XSTATE_BV, ldq_le_p(fp + XSTATE_BV) | (host_user_saved_fp[XSTATE_BV] & 4) | XSTATE_BASIC);
    memcpy(fp + XSTATE_YMM, host_user->upper, 256);
    memcpy(host_user_segments, host_user->selector, sizeof(host_user_segments));
}

/* Components in their initial state may be missing from the frame. */
static void host_user_read_fp(const uint8_t *fp, UserState *s)
{
    uint64_t present = ldq_le_p(fp + XSTATE_BV);
    memcpy(s->fx, fp, 512);
    if (!(present & 1)) {
        memset(s->fx, 0, 24);
        memset(s->fx + 32, 0, 128);
        stw_le_p(s->fx, 0x37f);
    }
    if (!(present & 2)) {
        memset(s->fx + 160, 0, 256);
    }
    memset(s->upper, 0, sizeof(s->upper));
    if (present & 4) {
        memcpy(s->upper, fp + XSTATE_YMM, 256);
    }
}

static void host_user_read(const ucontext_t *context, UserState *s)
{
    const greg_t *g = context->uc_mcontext.gregs;
    memcpy(s->selector, host_user_segments, sizeof(s->selector));
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = (uint64_t)g[host_user_order[i]];
    }
    s->ip = (uint64_t)g[REG_RIP];
    s->flags = (uint32_t)g[REG_EFL];
    s->selector[R_CS] = (uint16_t)g[REG_CSGSFS];
    s->selector[R_SS] = (uint16_t)((uint64_t)g[REG_CSGSFS] >> 48);
    s->vector = (int)g[REG_TRAPNO];
    s->error = (uint32_t)g[REG_ERR];
    s->cr2 = (uint64_t)g[REG_CR2];
    host_user_read_fp((const uint8_t *)context->uc_mcontext.fpregs, s);
}

void host_user_store(ucontext_t *context)
{
    greg_t *g = context->uc_mcontext.gregs;
    if (g[REG_TRAPNO] == EXCP_DB && (uint64_t)g[REG_RIP] == host_user_first && host_user_steps > 0) {
        host_user_steps--;
        return;
    }
    host_user_read(context, host_user);
    memcpy(g, host_user_saved, sizeof(host_user_saved));
    memcpy(context->uc_mcontext.fpregs, host_user_saved_fp, sizeof(host_user_saved_fp));
}

/* Run the instruction at s->ip; *s becomes the state after it. steps: how often it may go on when it is repeated and
 * not finished. */
static void host_user_run(UserState *s, unsigned steps)
{
    host_user = s;
    host_user_first = s->ip;
    host_user_steps = steps;
    raise(SIGUSR1);
}

static void host_user_init(void)
{
    static const int ends[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    stack_t stack = { .ss_sp = g_malloc(128 * KiB), .ss_size = 128 * KiB };
    struct sigaction action = { .sa_sigaction = host_user_start, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigfillset(&action.sa_mask);
    syscall(SYS_arch_prctl, ARCH_GET_FS, &host_user_fs_base);
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_sigaction = host_user_end;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        sigaction(ends[i], &action, NULL);
    }
}

#endif
