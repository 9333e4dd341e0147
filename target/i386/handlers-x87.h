/* target/i386/handlers-x87.h  The handler sets that insns-x87.h names; defined in x87-*.c. */
#ifndef TARGET_I386_HANDLERS_X87_H
#define TARGET_I386_HANDLERS_X87_H

#include "target/i386/insn.h"

/* x87-arith.c */
#define X87_ARITHMETIC_HANDLERS(name)                                                                               \
    extern const InsnHandlers name##_Md, name##_Mq, fi_##name##_Md, fi_##name##_Mw, name##_ST0_STi, name##_STi_ST0, \
        name##p_STi_ST0;
X87_ARITHMETIC_HANDLERS(fadd)
X87_ARITHMETIC_HANDLERS(fmul)
X87_ARITHMETIC_HANDLERS(fsub)
X87_ARITHMETIC_HANDLERS(fsubr)
X87_ARITHMETIC_HANDLERS(fdiv)
X87_ARITHMETIC_HANDLERS(fdivr)
#undef X87_ARITHMETIC_HANDLERS
extern const InsnHandlers fsqrt, fcom_STi, fcomp_STi, fcompp, fucom_STi, fucomp_STi, fucompp, ftst, fxam;
extern const InsnHandlers fcom_Md, fcom_Mq, fcomp_Md, fcomp_Mq, ficom_Md, ficom_Mw, ficomp_Md, ficomp_Mw;
extern const InsnHandlers fcomi_STi, fcomip_STi, fucomi_STi, fucomip_STi;
/* x87-mov.c */
extern const InsnHandlers fld_Md, fld_Mq, fld_Mt, fld_STi, fild_Mw, fild_Md, fild_Mq, fbld_Mt;
extern const InsnHandlers fst_Md, fst_Mq, fst_STi, fstp_Md, fstp_Mq, fstp_Mt, fstp_STi, fstpnce_STi;
extern const InsnHandlers fist_Mw, fist_Md, fistp_Mw, fistp_Md, fistp_Mq, fisttp_Mw, fisttp_Md, fisttp_Mq, fbstp_Mt;
extern const InsnHandlers fld1, fldl2t, fldl2e, fldpi, fldlg2, fldln2, fldz, fxch_STi;
extern const InsnHandlers fcmovb, fcmove, fcmovbe, fcmovu, fcmovnb, fcmovne, fcmovnbe, fcmovnu;
/* x87-func.c */
extern const InsnHandlers fchs, fabs_ST0, f2xm1, fyl2x, fptan, fpatan, fxtract, fprem1, fprem, fyl2xp1, fsincos,
    frndint;
extern const InsnHandlers fscale, fsin, fcos;
/* x87-state.c */
extern const InsnHandlers fnop, fdecstp, fincstp, ffree_STi, ffreep_STi, fwait, fnclex, fninit, fn_nop;
extern const InsnHandlers fldcw, fnstcw, fnstsw_Mw, fnstsw_AX, fldenv, fnstenv, fnsave, frstor;
/* x87-fxsave.c */
extern const InsnHandlers fxsave, fxrstor;

#endif
