/* target/i386/handlers-sys.h  Handlers of insns-sys.h: segments, far transfers, interrupts, system registers, ports. */
#ifndef TARGET_I386_HANDLERS_SYS_H
#define TARGET_I386_HANDLERS_SYS_H

#include "target/i386/insn.h"

/* segops.c */
extern const InsnHandlers mov_Ev_Sw, mov_Sw_Ew;
extern const InsnHandlers push_es, push_cs, push_ss, push_ds, push_fs, push_gs;
extern const InsnHandlers pop_es, pop_ss, pop_ds, pop_fs, pop_gs;
extern const InsnHandlers les_Gv_Mp, lss_Gv_Mp, lds_Gv_Mp, lfs_Gv_Mp, lgs_Gv_Mp;
extern const InsnHandlers sgdt_Ms, sidt_Ms, lgdt_Ms, lidt_Ms;
extern const InsnHandlers sldt_Ev, str_Ev, lldt_Ew, ltr_Ew;
extern const InsnHandlers lar_Gv_Ew, lsl_Gv_Ew, verr_Ew, verw_Ew, arpl_Ew_Gw;
/* far.c */
extern const InsnHandlers jmpf_Ap, jmpf_Mp, callf_Ap, callf_Mp, retf, retf_Iw;
/* iret.c */
extern const InsnHandlers int_Ib, int3, into, int1, iret;
/* syscall.c */
extern const InsnHandlers sysenter, sysexit, syscall_, sysret_, swapgs;
extern const InsnHandlers rdfsbase_Ry, rdgsbase_Ry, wrfsbase_Ry, wrgsbase_Ry;
/* xsave.c */
extern const InsnHandlers xsave_M, xsaveopt_M, xrstor_M, xgetbv, xsetbv;
/* eflags.c */
extern const InsnHandlers pushf_F, popf_F, cli, sti;
/* sys.c */
extern const InsnHandlers mov_Rd_Cd, mov_Cd_Rd, mov_Rd_Dd, mov_Dd_Rd;
extern const InsnHandlers smsw_Ev, lmsw_Ew, clts, hlt, flush_cache, invlpg_M, invpcid_Gy_M, stac, clac, rsm;
extern const InsnHandlers cpuid, rdtsc, rdtscp, rdpmc, rdmsr, wrmsr;
/* io.c */
extern const InsnHandlers in_imm_port, in_dx_port, out_imm_port, out_dx_port, ins_Y_DX, outs_DX_X;

#endif
