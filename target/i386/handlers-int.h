/* target/i386/handlers-int.h  The handler sets that insns-int.h names; defined in int-*.c. */
#ifndef TARGET_I386_HANDLERS_INT_H
#define TARGET_I386_HANDLERS_INT_H

#include "target/i386/insn.h"

#define INT_HANDLERS(X) \
    X(add_Eb_Gb) X(add_Ev_Gv) X(add_Gb_Eb) X(add_Gv_Ev) X(add_AL_Ib) X(add_rAX_Iz) X(or_Eb_Gb) X(or_Ev_Gv) \
    X(or_Gb_Eb) X(or_Gv_Ev) X(or_AL_Ib) X(or_rAX_Iz) X(adc_Eb_Gb) X(adc_Ev_Gv) X(adc_Gb_Eb) X(adc_Gv_Ev) \
    X(adc_AL_Ib) X(adc_rAX_Iz) X(sbb_Eb_Gb) X(sbb_Ev_Gv) X(sbb_Gb_Eb) X(sbb_Gv_Ev) X(sbb_AL_Ib) X(sbb_rAX_Iz) \
    X(and_Eb_Gb) X(and_Ev_Gv) X(and_Gb_Eb) X(and_Gv_Ev) X(and_AL_Ib) X(and_rAX_Iz) X(sub_Eb_Gb) X(sub_Ev_Gv) \
    X(sub_Gb_Eb) X(sub_Gv_Ev) X(sub_AL_Ib) X(sub_rAX_Iz) X(xor_Eb_Gb) X(xor_Ev_Gv) X(xor_Gb_Eb) X(xor_Gv_Ev) \
    X(xor_AL_Ib) X(xor_rAX_Iz) X(cmp_Eb_Gb) X(cmp_Ev_Gv) X(cmp_Gb_Eb) X(cmp_Gv_Ev) X(cmp_AL_Ib) X(cmp_rAX_Iz) \
    X(add_Eb_Ib) X(or_Eb_Ib) X(adc_Eb_Ib) X(sbb_Eb_Ib) X(and_Eb_Ib) X(sub_Eb_Ib) X(xor_Eb_Ib) X(cmp_Eb_Ib) \
    X(add_Ev_Iz) X(or_Ev_Iz) X(adc_Ev_Iz) X(sbb_Ev_Iz) X(and_Ev_Iz) X(sub_Ev_Iz) X(xor_Ev_Iz) X(cmp_Ev_Iz) \
    X(test_Eb_Gb) X(test_Ev_Gv) X(test_AL_Ib) X(test_rAX_Iz) X(test_Eb_Ib) X(not_Eb) X(neg_Eb) X(mul_Eb) \
    X(imul_Eb) X(div_Eb) X(idiv_Eb) X(test_Ev_Iz) X(not_Ev) X(neg_Ev) X(mul_Ev) X(imul_Ev) X(div_Ev) X(idiv_Ev) \
    X(imul_Gv_Ev) X(imul_Gv_Ev_Iz) X(inc_Zv) X(dec_Zv) X(inc_Eb) X(dec_Eb) X(inc_Ev) X(dec_Ev) X(cmpxchg_Eb_Gb) \
    X(cmpxchg_Ev_Gv) X(xadd_Eb_Gb) X(xadd_Ev_Gv) X(cmpxchg8b_Mq) X(daa) X(das) X(aaa) X(aas) X(aam_Ib) X(aad_Ib) \
    X(rol_Eb_Ib) X(ror_Eb_Ib) X(rcl_Eb_Ib) X(rcr_Eb_Ib) X(shl_Eb_Ib) X(shr_Eb_Ib) X(sar_Eb_Ib) X(rol_Ev_Ib) \
    X(ror_Ev_Ib) X(rcl_Ev_Ib) X(rcr_Ev_Ib) X(shl_Ev_Ib) X(shr_Ev_Ib) X(sar_Ev_Ib) X(rol_Eb_I1) X(ror_Eb_I1) \
    X(rcl_Eb_I1) X(rcr_Eb_I1) X(shl_Eb_I1) X(shr_Eb_I1) X(sar_Eb_I1) X(rol_Ev_I1) X(ror_Ev_I1) X(rcl_Ev_I1) \
    X(rcr_Ev_I1) X(shl_Ev_I1) X(shr_Ev_I1) X(sar_Ev_I1) X(rol_Eb_CL) X(ror_Eb_CL) X(rcl_Eb_CL) X(rcr_Eb_CL) \
    X(shl_Eb_CL) X(shr_Eb_CL) X(sar_Eb_CL) X(rol_Ev_CL) X(ror_Ev_CL) X(rcl_Ev_CL) X(rcr_Ev_CL) X(shl_Ev_CL) \
    X(shr_Ev_CL) X(sar_Ev_CL) X(shld_Ev_Gv_Ib) X(shld_Ev_Gv_CL) X(shrd_Ev_Gv_Ib) X(shrd_Ev_Gv_CL) X(bt_Ev_Gv) \
    X(bt_Ev_Ib) X(bts_Ev_Gv) X(bts_Ev_Ib) X(btr_Ev_Gv) X(btr_Ev_Ib) X(btc_Ev_Gv) X(btc_Ev_Ib) X(bsf_Gv_Ev) \
    X(bsr_Gv_Ev) X(tzcnt_Gv_Ev) X(lzcnt_Gv_Ev) X(popcnt_Gv_Ev) X(bswap_Zv) X(movbe_Gv_Mv) X(movbe_Mv_Gv) \
    X(mov_Eb_Gb) X(mov_Ev_Gv) X(mov_Gb_Eb) X(mov_Gv_Ev) X(mov_Eb_Ib) X(mov_Ev_Iz) X(mov_Zb_Ib) X(mov_Zv_Iv) \
    X(mov_AL_Ob) X(mov_rAX_Ov) X(mov_Ob_AL) X(mov_Ov_rAX) X(movzx_Gv_Eb) X(movzx_Gv_Ew) X(movsx_Gv_Eb) \
    X(movsx_Gv_Ew) X(movsxd_Gv_Ed) X(movnti_My_Gy) X(xchg_Eb_Gb) X(xchg_Ev_Gv) X(xchg_Zv_rAX) X(lea_Gv_M) \
    X(xlat) X(cbw) X(cwd) X(nop) X(lahf) X(sahf) X(cmc) X(clc) X(stc) X(cld) X(std) X(salc) X(jo_J) X(jno_J) \
    X(jb_J) X(jae_J) X(je_J) X(jne_J) X(jbe_J) X(ja_J) X(js_J) X(jns_J) X(jp_J) X(jnp_J) X(jl_J) X(jge_J) \
    X(jle_J) X(jg_J) X(seto_Eb) X(setno_Eb) X(setb_Eb) X(setae_Eb) X(sete_Eb) X(setne_Eb) X(setbe_Eb) X(seta_Eb) \
    X(sets_Eb) X(setns_Eb) X(setp_Eb) X(setnp_Eb) X(setl_Eb) X(setge_Eb) X(setle_Eb) X(setg_Eb) X(cmovo_Gv_Ev) \
    X(cmovno_Gv_Ev) X(cmovb_Gv_Ev) X(cmovae_Gv_Ev) X(cmove_Gv_Ev) X(cmovne_Gv_Ev) X(cmovbe_Gv_Ev) X(cmova_Gv_Ev) \
    X(cmovs_Gv_Ev) X(cmovns_Gv_Ev) X(cmovp_Gv_Ev) X(cmovnp_Gv_Ev) X(cmovl_Gv_Ev) X(cmovge_Gv_Ev) X(cmovle_Gv_Ev) \
    X(cmovg_Gv_Ev) X(loopne_Jb) X(loope_Jb) X(loop_Jb) X(jcxz_Jb) X(call_Jz) X(jmp_J) X(ret_near_Iw) X(ret_near) \
    X(call_Ev) X(jmp_Ev) X(push_Zv) X(pop_Zv) X(push_I) X(push_Ev) X(pop_Ev) X(pusha) X(popa) X(enter_Iw_Ib) \
    X(leave) X(bound_Gv_Ma) X(movs_b) X(movs_v) X(cmps_b) X(cmps_v) X(stos_b) X(stos_v) X(lods_b) X(lods_v) \
    X(scas_b) X(scas_v)

#define INT_HANDLERS_DECLARE(name) extern const InsnHandlers name;
INT_HANDLERS(INT_HANDLERS_DECLARE)

#endif
