/* target/i386/handlers-simd.h  The handler sets that insns-simd.h names; defined in simd-*.c. */
#ifndef TARGET_I386_HANDLERS_SIMD_H
#define TARGET_I386_HANDLERS_SIMD_H

#include "target/i386/insn.h"

#define SIMD_HANDLERS(X) \
    X(movd_P_E) X(movd_E_P) X(movq_P_Q) X(movq_Q_P) X(movntq_M_P) X(maskmovq_P_N) X(movq2dq_V_N) X(movdq2q_P_U) \
    X(movd_V_E) X(movd_E_V) X(movq_V_W) X(movq_W_V) X(mov_V_W_unaligned) X(mov_W_V_unaligned) X(mov_V_W_aligned) \
    X(mov_W_V_aligned) X(maskmovdqu_V_U) X(movss_V_W) X(movss_W_V) X(movsd_V_W) X(movsd_W_V) X(movlps_V_M) \
    X(movhlps_V_U) X(movlps_M_V) X(movhps_V_M) X(movlhps_V_U) X(movhps_M_V) X(movddup_V_W) X(movsldup_V_W) \
    X(movshdup_V_W) X(paddb_P_Q) X(paddb_V_W) X(paddw_P_Q) X(paddw_V_W) X(paddd_P_Q) X(paddd_V_W) X(paddsb_P_Q) \
    X(paddsb_V_W) X(paddsw_P_Q) X(paddsw_V_W) X(paddusb_P_Q) X(paddusb_V_W) X(paddusw_P_Q) X(paddusw_V_W) \
    X(psubb_P_Q) X(psubb_V_W) X(psubw_P_Q) X(psubw_V_W) X(psubd_P_Q) X(psubd_V_W) X(psubsb_P_Q) X(psubsb_V_W) \
    X(psubsw_P_Q) X(psubsw_V_W) X(psubusb_P_Q) X(psubusb_V_W) X(psubusw_P_Q) X(psubusw_V_W) X(pcmpeqb_P_Q) \
    X(pcmpeqb_V_W) X(pcmpeqw_P_Q) X(pcmpeqw_V_W) X(pcmpeqd_P_Q) X(pcmpeqd_V_W) X(pcmpgtb_P_Q) X(pcmpgtb_V_W) \
    X(pcmpgtw_P_Q) X(pcmpgtw_V_W) X(pcmpgtd_P_Q) X(pcmpgtd_V_W) X(pmullw_P_Q) X(pmullw_V_W) X(pmulhw_P_Q) \
    X(pmulhw_V_W) X(pmaddwd_P_Q) X(pmaddwd_V_W) X(pand_P_Q) X(pand_V_W) X(pandn_P_Q) X(pandn_V_W) X(por_P_Q) \
    X(por_V_W) X(pxor_P_Q) X(pxor_V_W) X(psllw_P_Q) X(psllw_V_W) X(pslld_P_Q) X(pslld_V_W) X(psllq_P_Q) X(psllq_V_W) \
    X(psrlw_P_Q) X(psrlw_V_W) X(psrld_P_Q) X(psrld_V_W) X(psrlq_P_Q) X(psrlq_V_W) X(psraw_P_Q) X(psraw_V_W) \
    X(psrad_P_Q) X(psrad_V_W) X(pavgb_P_Q) X(pavgb_V_W) X(pavgw_P_Q) X(pavgw_V_W) X(pminub_P_Q) X(pminub_V_W) \
    X(pmaxub_P_Q) X(pmaxub_V_W) X(pminsw_P_Q) X(pminsw_V_W) X(pmaxsw_P_Q) X(pmaxsw_V_W) X(pmulhuw_P_Q) \
    X(pmulhuw_V_W) X(psadbw_P_Q) X(psadbw_V_W) X(paddq_P_Q) X(paddq_V_W) X(psubq_P_Q) X(psubq_V_W) X(pmuludq_P_Q) \
    X(pmuludq_V_W) X(psrlw_N_I) X(psrlw_U_I) X(psraw_N_I) X(psraw_U_I) X(psllw_N_I) X(psllw_U_I) X(psrld_N_I) \
    X(psrld_U_I) X(psrad_N_I) X(psrad_U_I) X(pslld_N_I) X(pslld_U_I) X(psrlq_N_I) X(psrlq_U_I) X(psllq_N_I) \
    X(psllq_U_I) X(psrldq_U_I) X(pslldq_U_I) X(andps_V_W) X(andnps_V_W) X(orps_V_W) X(xorps_V_W) X(packsswb_P_Q) \
    X(packsswb_V_W) X(packuswb_P_Q) X(packuswb_V_W) X(packssdw_P_Q) X(packssdw_V_W) X(punpckhbw_P_Q) \
    X(punpckhbw_V_W) X(punpckhwd_P_Q) X(punpckhwd_V_W) X(punpckhdq_P_Q) X(punpckhdq_V_W) X(punpcklbw_P_Q) \
    X(punpcklbw_V_W) X(punpcklwd_P_Q) X(punpcklwd_V_W) X(punpckldq_P_Q) X(punpckldq_V_W) X(punpcklqdq_V_W) \
    X(punpckhqdq_V_W) X(unpcklps_V_W) X(unpcklpd_V_W) X(unpckhps_V_W) X(unpckhpd_V_W) X(pshufw_P_Q_I) \
    X(pshufd_V_W_I) X(pshufhw_V_W_I) X(pshuflw_V_W_I) X(shufps_V_W_I) X(shufpd_V_W_I) X(pinsrw_P_E_I) \
    X(pinsrw_V_E_I) X(pextrw_G_N_I) X(pextrw_G_U_I) X(pmovmskb_G_N) X(pmovmskb_G_U) X(movmskps_G_U) X(movmskpd_G_U) \
    X(addps_V_W) X(addpd_V_W) X(addss_V_W) X(addsd_V_W) X(mulps_V_W) X(mulpd_V_W) X(mulss_V_W) X(mulsd_V_W) \
    X(subps_V_W) X(subpd_V_W) X(subss_V_W) X(subsd_V_W) X(minps_V_W) X(minpd_V_W) X(minss_V_W) X(minsd_V_W) \
    X(divps_V_W) X(divpd_V_W) X(divss_V_W) X(divsd_V_W) X(maxps_V_W) X(maxpd_V_W) X(maxss_V_W) X(maxsd_V_W) \
    X(sqrtps_V_W) X(sqrtpd_V_W) X(sqrtss_V_W) X(sqrtsd_V_W) X(rsqrtps_V_W) X(rsqrtss_V_W) X(rcpps_V_W) X(rcpss_V_W) \
    X(cmpps_V_W_I) X(cmppd_V_W_I) X(cmpss_V_W_I) X(cmpsd_V_W_I) X(ucomiss_V_W) X(ucomisd_V_W) X(comiss_V_W) \
    X(comisd_V_W) X(haddps_V_W) X(haddpd_V_W) X(hsubps_V_W) X(hsubpd_V_W) X(addsubps_V_W) X(addsubpd_V_W) \
    X(cvtpi2ps_V_Q) X(cvtpi2pd_V_Q) X(cvtsi2ss_V_E) X(cvtsi2sd_V_E) X(cvttps2pi_P_W) X(cvttpd2pi_P_W) \
    X(cvttss2si_G_W) X(cvttsd2si_G_W) X(cvtps2pi_P_W) X(cvtpd2pi_P_W) X(cvtss2si_G_W) X(cvtsd2si_G_W) \
    X(cvtps2pd_V_W) X(cvtpd2ps_V_W) X(cvtss2sd_V_W) X(cvtsd2ss_V_W) X(cvtdq2ps_V_W) X(cvtps2dq_V_W) X(cvttps2dq_V_W) \
    X(cvtdq2pd_V_W) X(cvttpd2dq_V_W) X(cvtpd2dq_V_W) X(emms) X(ldmxcsr_M) X(stmxcsr_M) X(clflush_M) X(fence)

#define SIMD_HANDLERS_DECLARE(name) extern const InsnHandlers name;
SIMD_HANDLERS(SIMD_HANDLERS_DECLARE)

#endif
