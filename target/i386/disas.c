/* target/i386/disas.c  The one place that knows Zydis. */
#include "target/i386/disas.h"

#include <Zydis/Zydis.h>

DisasMode disas_mode(const CPUState *cpu)
{
    if (cpu_code64(cpu)) {
        return DISAS_CODE64;
    }
    return cpu->seg[R_CS].attr & SEG_DB ? DISAS_CODE32 : DISAS_CODE16;
}

static void init_decoder(ZydisDecoder *decoder, DisasMode mode)
{
    static const struct {
        ZydisMachineMode machine;
        ZydisStackWidth stack;
    } modes[] = {
        [DISAS_CODE16] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
        [DISAS_CODE32] = { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
        [DISAS_CODE64] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
    };
    ZydisDecoderInit(decoder, modes[mode].machine, modes[mode].stack);
}

size_t disas_insn(DisasMode mode, uint64_t addr, const uint8_t *bytes, size_t len, char text[DISAS_TEXT_MAX])
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisFormatter formatter;
    g_strlcpy(text, "(bad)", DISAS_TEXT_MAX);
    init_decoder(&decoder, mode);
    if (!len || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, len, &insn, operands))) {
        return MIN(len, 1);
    }
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
    ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, text, DISAS_TEXT_MAX, addr,
                                    NULL);
    return insn.length;
}
