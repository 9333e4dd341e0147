/* target/i386/handlers-simd2.h  The handler sets that insns-simd2.h and insns-avx.h name; defined in simd-*.c and int-bmi.c. */
#ifndef TARGET_I386_HANDLERS_SIMD2_H
#define TARGET_I386_HANDLERS_SIMD2_H

#include "target/i386/insn.h"

#define SIMD2_HANDLERS(X) \
    X(pshufb_P_Q) X(pshufb_V_W) X(phaddw_P_Q) X(phaddw_V_W) X(phaddd_P_Q) X(phaddd_V_W) X(phaddsw_P_Q) \
    X(phaddsw_V_W) X(pmaddubsw_P_Q) X(pmaddubsw_V_W) X(phsubw_P_Q) X(phsubw_V_W) X(phsubd_P_Q) X(phsubd_V_W) \
    X(phsubsw_P_Q) X(phsubsw_V_W) X(psignb_P_Q) X(psignb_V_W) X(psignw_P_Q) X(psignw_V_W) X(psignd_P_Q) \
    X(psignd_V_W) X(pmulhrsw_P_Q) X(pmulhrsw_V_W) X(pabsb_P_Q) X(pabsb_V_W) X(pabsw_P_Q) X(pabsw_V_W) X(pabsd_P_Q) \
    X(pabsd_V_W) X(palignr_P_Q_I) X(palignr_V_W_I) X(pblendvb_V_W) X(blendvps_V_W) X(blendvpd_V_W) X(ptest_V_W) \
    X(pmovsxbw_V_W) X(pmovsxbd_V_W) X(pmovsxbq_V_W) X(pmovsxwd_V_W) X(pmovsxwq_V_W) X(pmovsxdq_V_W) X(pmovzxbw_V_W) \
    X(pmovzxbd_V_W) X(pmovzxbq_V_W) X(pmovzxwd_V_W) X(pmovzxwq_V_W) X(pmovzxdq_V_W) X(pmuldq_V_W) X(pcmpeqq_V_W) \
    X(packusdw_V_W) X(pcmpgtq_V_W) X(pminsb_V_W) X(pminsd_V_W) X(pminuw_V_W) X(pminud_V_W) X(pmaxsb_V_W) \
    X(pmaxsd_V_W) X(pmaxuw_V_W) X(pmaxud_V_W) X(pmulld_V_W) X(phminposuw_V_W) X(blendps_V_W_I) X(blendpd_V_W_I) \
    X(pblendw_V_W_I) X(mpsadbw_V_W_I) X(pextrb_E_V_I) X(pextrw_E_V_I) X(pextrd_E_V_I) X(extractps_E_V_I) \
    X(pinsrb_V_E_I) X(insertps_V_W_I) X(pinsrd_V_E_I) X(roundps_V_W) X(roundpd_V_W) X(roundss_V_W) X(roundsd_V_W) \
    X(dpps_V_W) X(dppd_V_W) X(pcmpestrm_V_W_I) X(pcmpestri_V_W_I) X(pcmpistrm_V_W_I) X(pcmpistri_V_W_I) \
    X(aesimc_V_W) X(aesenc_V_W) X(aesenclast_V_W) X(aesdec_V_W) X(aesdeclast_V_W) X(aeskeygenassist_V_W_I) \
    X(pclmulqdq_V_W_I) X(sha1nexte_V_W) X(sha1msg1_V_W) X(sha1msg2_V_W) X(sha256rnds2_V_W) X(sha256msg1_V_W) \
    X(sha256msg2_V_W) X(sha1rnds4_V_W_I) X(crc32_Gy_Eb) X(crc32_Gy_Ev) X(adcx_Gy_Ey) X(adox_Gy_Ey) X(random_Rv) \
    X(andn_Gy_By_Ey) X(blsr_By_Ey) X(blsmsk_By_Ey) X(blsi_By_Ey) X(bextr_Gy_Ey_By) X(bzhi_Gy_Ey_By) X(pext_Gy_By_Ey) \
    X(pdep_Gy_By_Ey) X(mulx_Gy_By_Ey) X(shlx_Gy_Ey_By) X(sarx_Gy_Ey_By) X(shrx_Gy_Ey_By) X(rorx_Gy_Ey_Ib) \
    X(vmov_V_W_unaligned) X(vmov_W_V_unaligned) X(vmov_V_W_aligned) X(vmov_W_V_aligned) X(vmovd_V_E) X(vmovd_E_V) \
    X(vmovq_V_W) X(vmovq_W_V) X(vmovss_V_W) X(vload_d_V_M) X(vmovss_W_V) X(vmovsd_V_W) X(vload_q_V_M) X(vmovsd_W_V) \
    X(vmovlps_V_H_M) X(vstore_q_M_V) X(vmovhps_V_H_M) X(vstore_upper_M_V) X(vmovhlps_V_H_U) X(vmovddup_V_W) \
    X(vmovsldup_V_W) X(vmovshdup_V_W) X(vmaskmovdqu_V_U) X(vzero) X(vldmxcsr_M) X(vstmxcsr_M) X(vpaddb_V_H_W) \
    X(vpaddw_V_H_W) X(vpaddd_V_H_W) X(vpaddq_V_H_W) X(vpaddsb_V_H_W) X(vpaddsw_V_H_W) X(vpaddusb_V_H_W) \
    X(vpaddusw_V_H_W) X(vpsubb_V_H_W) X(vpsubw_V_H_W) X(vpsubd_V_H_W) X(vpsubq_V_H_W) X(vpsubsb_V_H_W) \
    X(vpsubsw_V_H_W) X(vpsubusb_V_H_W) X(vpsubusw_V_H_W) X(vpcmpeqb_V_H_W) X(vpcmpeqw_V_H_W) X(vpcmpeqd_V_H_W) \
    X(vpcmpgtb_V_H_W) X(vpcmpgtw_V_H_W) X(vpcmpgtd_V_H_W) X(vpmullw_V_H_W) X(vpmulhw_V_H_W) X(vpmulhuw_V_H_W) \
    X(vpmuludq_V_H_W) X(vpmaddwd_V_H_W) X(vpsadbw_V_H_W) X(vpand_V_H_W) X(vpandn_V_H_W) X(vpor_V_H_W) X(vpxor_V_H_W) \
    X(vpavgb_V_H_W) X(vpavgw_V_H_W) X(vpminub_V_H_W) X(vpmaxub_V_H_W) X(vpminsw_V_H_W) X(vpmaxsw_V_H_W) \
    X(vpacksswb_V_H_W) X(vpackuswb_V_H_W) X(vpackssdw_V_H_W) X(vpunpckhbw_V_H_W) X(vpunpckhwd_V_H_W) \
    X(vpunpckhdq_V_H_W) X(vpunpcklbw_V_H_W) X(vpunpcklwd_V_H_W) X(vpunpckldq_V_H_W) X(vpunpcklqdq_V_H_W) \
    X(vpunpckhqdq_V_H_W) X(vpsllw_V_H_W) X(vpslld_V_H_W) X(vpsllq_V_H_W) X(vpsrlw_V_H_W) X(vpsrld_V_H_W) \
    X(vpsrlq_V_H_W) X(vpsraw_V_H_W) X(vpsrad_V_H_W) X(vpsrlw_H_U_I) X(vpsraw_H_U_I) X(vpsllw_H_U_I) X(vpsrld_H_U_I) \
    X(vpsrad_H_U_I) X(vpslld_H_U_I) X(vpsrlq_H_U_I) X(vpsrldq_H_U_I) X(vpsllq_H_U_I) X(vpslldq_H_U_I) \
    X(vpshufb_V_H_W) X(vphaddw_V_H_W) X(vphaddd_V_H_W) X(vphaddsw_V_H_W) X(vpmaddubsw_V_H_W) X(vphsubw_V_H_W) \
    X(vphsubd_V_H_W) X(vphsubsw_V_H_W) X(vpsignb_V_H_W) X(vpsignw_V_H_W) X(vpsignd_V_H_W) X(vpmulhrsw_V_H_W) \
    X(vpabsb_V_H_W) X(vpabsw_V_H_W) X(vpabsd_V_H_W) X(vpmuldq_V_H_W) X(vpcmpeqq_V_H_W) X(vpackusdw_V_H_W) \
    X(vpcmpgtq_V_H_W) X(vpminsb_V_H_W) X(vpminsd_V_H_W) X(vpminuw_V_H_W) X(vpminud_V_H_W) X(vpmaxsb_V_H_W) \
    X(vpmaxsd_V_H_W) X(vpmaxuw_V_H_W) X(vpmaxud_V_H_W) X(vpmulld_V_H_W) X(vphminposuw_V_W) X(vpmovsxbw_V_W) \
    X(vpmovsxbd_V_W) X(vpmovsxbq_V_W) X(vpmovsxwd_V_W) X(vpmovsxwq_V_W) X(vpmovsxdq_V_W) X(vpmovzxbw_V_W) \
    X(vpmovzxbd_V_W) X(vpmovzxbq_V_W) X(vpmovzxwd_V_W) X(vpmovzxwq_V_W) X(vpmovzxdq_V_W) X(vpshufd_V_W_I) \
    X(vpshufhw_V_W_I) X(vpshuflw_V_W_I) X(vpalignr_V_H_W_I) X(vpblendw_V_H_W_I) X(vmpsadbw_V_H_W_I) \
    X(vblendps_V_H_W_I) X(vpblendvb_V_H_W_L) X(vpmovmskb_G_U) X(vpextrb_E_V_I) X(vpextrw_E_V_I) X(vpextrw_G_U_I) \
    X(vpextrd_E_V_I) X(vpinsrb_V_H_E_I) X(vpinsrw_V_H_E_I) X(vpinsrd_V_H_E_I) X(vptest_V_W) X(pcmpestrm_vex_w0) \
    X(pcmpestrm_vex_w1) X(pcmpestri_vex_w0) X(pcmpestri_vex_w1) X(pcmpistrm_vex) X(pcmpistri_vex) X(vaesimc_V_W) \
    X(vaesenc_V_H_W) X(vaesenclast_V_H_W) X(vaesdec_V_H_W) X(vaesdeclast_V_H_W) X(vaeskeygenassist_V_W_I) \
    X(vpclmulqdq_V_H_W_I) X(vaddps_V_H_W) X(vaddpd_V_H_W) X(vaddss_V_H_W) X(vaddsd_V_H_W) X(vmulps_V_H_W) \
    X(vmulpd_V_H_W) X(vmulss_V_H_W) X(vmulsd_V_H_W) X(vsubps_V_H_W) X(vsubpd_V_H_W) X(vsubss_V_H_W) X(vsubsd_V_H_W) \
    X(vminps_V_H_W) X(vminpd_V_H_W) X(vminss_V_H_W) X(vminsd_V_H_W) X(vdivps_V_H_W) X(vdivpd_V_H_W) X(vdivss_V_H_W) \
    X(vdivsd_V_H_W) X(vmaxps_V_H_W) X(vmaxpd_V_H_W) X(vmaxss_V_H_W) X(vmaxsd_V_H_W) X(vsqrtps_V_H_W) \
    X(vsqrtpd_V_H_W) X(vsqrtss_V_H_W) X(vsqrtsd_V_H_W) X(vrsqrtps_V_W) X(vrsqrtss_V_H_W) X(vrcpps_V_W) \
    X(vrcpss_V_H_W) X(vshufps_V_H_W_I) X(vshufpd_V_H_W_I) X(vcmpps_V_H_W_I) X(vcmppd_V_H_W_I) X(vcmpss_V_H_W_I) \
    X(vcmpsd_V_H_W_I) X(vucomiss_V_W) X(vucomisd_V_W) X(vcomiss_V_W) X(vcomisd_V_W) X(vhaddps_V_H_W) \
    X(vhaddpd_V_H_W) X(vhsubps_V_H_W) X(vhsubpd_V_H_W) X(vaddsubps_V_H_W) X(vaddsubpd_V_H_W) X(vmovmskps_G_U) \
    X(vmovmskpd_G_U) X(vroundps_V_H_W) X(vroundpd_V_H_W) X(vroundss_V_H_W) X(vroundsd_V_H_W) X(vdpps_V_H_W) \
    X(vdppd_V_H_W) X(vblendpd_V_H_W_I) X(vblendvps_V_H_W_L) X(vblendvpd_V_H_W_L) X(vextractps_E_V_I) \
    X(vinsertps_V_H_W_I) X(vtestps_V_W) X(vtestpd_V_W) X(vcvtdq2ps_V_H_W) X(vcvtps2dq_V_H_W) X(vcvttps2dq_V_H_W) \
    X(vcvtdq2pd_V_H_W) X(vcvttpd2dq_V_H_W) X(vcvtpd2dq_V_H_W) X(vcvtps2pd_V_H_W) X(vcvtpd2ps_V_H_W) \
    X(vcvtss2sd_V_H_W) X(vcvtsd2ss_V_H_W) X(vcvtsi2ss_V_H_E) X(vcvttss2si_G_W) X(vcvtss2si_G_W) X(vcvtsi2sd_V_H_E) \
    X(vcvttsd2si_G_W) X(vcvtsd2si_G_W) X(vcvtph2ps_V_W) X(vcvtps2ph_W_V_I) X(vpbroadcastd_V_W) X(vpbroadcastq_V_W) \
    X(vbroadcasti128_V_M) X(vpbroadcastb_V_W) X(vpbroadcastw_V_W) X(vpermilps_V_H_W) X(vpermilpd_V_H_W) \
    X(vpermilpd_V_W_I) X(vpermq_V_W_I) X(vpermd_V_H_W) X(vperm2i128_V_H_W_I) X(vinserti128_V_H_W_I) \
    X(vextracti128_W_V_I) X(vpsrlvd_V_H_W) X(vpsrlvq_V_H_W) X(vpsravd_V_H_W) X(vpsllvd_V_H_W) X(vpsllvq_V_H_W) \
    X(vpmaskmovd_V_H_M) X(vpmaskmovd_M_H_V) X(vpmaskmovq_V_H_M) X(vpmaskmovq_M_H_V) X(vpgatherdd_V_M_H) \
    X(vpgatherdq_V_M_H) X(vpgatherqd_V_M_H) X(vpgatherqq_V_M_H) X(vfmaddsub132ps_V_H_W) X(vfmaddsub132pd_V_H_W) \
    X(vfmsubadd132ps_V_H_W) X(vfmsubadd132pd_V_H_W) X(vfmadd132ps_V_H_W) X(vfmadd132pd_V_H_W) X(vfmsub132ps_V_H_W) \
    X(vfmsub132pd_V_H_W) X(vfnmadd132ps_V_H_W) X(vfnmadd132pd_V_H_W) X(vfnmsub132ps_V_H_W) X(vfnmsub132pd_V_H_W) \
    X(vfmadd132ss_V_H_W) X(vfmadd132sd_V_H_W) X(vfmsub132ss_V_H_W) X(vfmsub132sd_V_H_W) X(vfnmadd132ss_V_H_W) \
    X(vfnmadd132sd_V_H_W) X(vfnmsub132ss_V_H_W) X(vfnmsub132sd_V_H_W) X(vfmaddsub213ps_V_H_W) \
    X(vfmaddsub213pd_V_H_W) X(vfmsubadd213ps_V_H_W) X(vfmsubadd213pd_V_H_W) X(vfmadd213ps_V_H_W) \
    X(vfmadd213pd_V_H_W) X(vfmsub213ps_V_H_W) X(vfmsub213pd_V_H_W) X(vfnmadd213ps_V_H_W) X(vfnmadd213pd_V_H_W) \
    X(vfnmsub213ps_V_H_W) X(vfnmsub213pd_V_H_W) X(vfmadd213ss_V_H_W) X(vfmadd213sd_V_H_W) X(vfmsub213ss_V_H_W) \
    X(vfmsub213sd_V_H_W) X(vfnmadd213ss_V_H_W) X(vfnmadd213sd_V_H_W) X(vfnmsub213ss_V_H_W) X(vfnmsub213sd_V_H_W) \
    X(vfmaddsub231ps_V_H_W) X(vfmaddsub231pd_V_H_W) X(vfmsubadd231ps_V_H_W) X(vfmsubadd231pd_V_H_W) \
    X(vfmadd231ps_V_H_W) X(vfmadd231pd_V_H_W) X(vfmsub231ps_V_H_W) X(vfmsub231pd_V_H_W) X(vfnmadd231ps_V_H_W) \
    X(vfnmadd231pd_V_H_W) X(vfnmsub231ps_V_H_W) X(vfnmsub231pd_V_H_W) X(vfmadd231ss_V_H_W) X(vfmadd231sd_V_H_W) \
    X(vfmsub231ss_V_H_W) X(vfmsub231sd_V_H_W) X(vfnmadd231ss_V_H_W) X(vfnmadd231sd_V_H_W) X(vfnmsub231ss_V_H_W) \
    X(vfnmsub231sd_V_H_W)

#define SIMD2_HANDLERS_DECLARE(name) extern const InsnHandlers name;
SIMD2_HANDLERS(SIMD2_HANDLERS_DECLARE)

#endif
