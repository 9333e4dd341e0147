/*
 * hw/display/vga-internal.h  The state of the VGA, for its registers and memory (vga.c) and its picture (vga-draw.c).
 *
 * Video memory: byte p of the 32-bit word n is plane p at address n. Chain-4 and odd/even addresses are compressed, so
 * that what they write is contiguous, and what the CRTC reads is the word that its counter names, in every mode.
 */
#ifndef HW_DISPLAY_VGA_INTERNAL_H
#define HW_DISPLAY_VGA_INTERNAL_H

#include "hw/pci/pci.h"
#include "ui/console.h"

enum { SEQ_RESET, SEQ_CLOCK, SEQ_MAP_MASK, SEQ_CHAR_MAP, SEQ_MEMORY, SEQ_COUNT = 8 };
enum { SEQ_CLOCK_8_DOTS = 0x01, SEQ_CLOCK_HALF = 0x08, SEQ_CLOCK_SCREEN_OFF = 0x20 };
enum { SEQ_MEMORY_SEQUENTIAL = 0x04, SEQ_MEMORY_CHAIN4 = 0x08 };
enum {
    GR_SET_RESET,
    GR_ENABLE_SET_RESET,
    GR_COMPARE,
    GR_ROTATE,
    GR_READ_MAP,
    GR_MODE,
    GR_MISC,
    GR_DONT_CARE,
    GR_BIT_MASK,
    GR_COUNT = 16
};
enum {
    GR_MODE_WRITE = 0x03,
    GR_MODE_READ1 = 0x08,
    GR_MODE_ODD_EVEN = 0x10,
    GR_MODE_SHIFT_CGA = 0x20,
    GR_MODE_SHIFT_256 = 0x40
};
enum { AR_MODE = 0x10, AR_OVERSCAN, AR_PLANES, AR_PAN, AR_COLOR_SELECT, AR_COUNT };
enum {
    AR_MODE_MONO = 0x02,
    AR_MODE_LINE_GRAPHICS = 0x04,
    AR_MODE_BLINK = 0x08,
    AR_MODE_PAN_SPLIT = 0x20,
    AR_MODE_P54S = 0x80
};
enum { AR_INDEX_VIDEO_ON = 0x20 };
enum { MISC_COLOR = 0x01, MISC_RAM = 0x02 };
enum {
    CR_HTOTAL = 0x00,
    CR_HDISPLAY = 0x01,
    CR_VTOTAL = 0x06,
    CR_OVERFLOW = 0x07,
    CR_PRESET_ROW = 0x08,
    CR_MAX_SCAN = 0x09,
    CR_CURSOR_START = 0x0a,
    CR_CURSOR_END = 0x0b,
    CR_START = 0x0c,
    CR_CURSOR = 0x0e,
    CR_VSYNC_START = 0x10,
    CR_VSYNC_END = 0x11,
    CR_VDISPLAY = 0x12,
    CR_OFFSET = 0x13,
    CR_UNDERLINE = 0x14,
    CR_MODE = 0x17,
    CR_LINE_COMPARE = 0x18,
    CR_COUNT
};
enum {
    DISPI_ID,
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_COUNT,
    DISPI_VIDEO_MEMORY_64K = DISPI_COUNT
};
enum { DISPI_ENABLED = 0x01, DISPI_GETCAPS = 0x02, DISPI_8BIT_DAC = 0x20, DISPI_LFB = 0x40, DISPI_NOCLEAR = 0x80 };

typedef struct VGAState VGAState;

typedef struct VGAPorts {
    VGAState *vga;
    uint16_t base;
    MemoryRegion io;
} VGAPorts;

#define VGA_PORT_RANGES 5

struct VGAState {
    PCIDevice pci;
    uint32_t vgamem_mb;
    MemoryRegion vram, mmio, legacy, linear, dispi_io;
    VGAPorts ports[VGA_PORT_RANGES];
    uint8_t *vram_ptr;
    uint32_t vram_size; /* bytes, power of two */
    bool linear_on;     /* A0000h is mapped straight to video memory */
    uint32_t linear_offset;

    uint8_t misc, feature;
    uint8_t seq_index, seq[SEQ_COUNT];
    uint8_t crtc_index, crtc[CR_COUNT];
    uint8_t gr_index, gr[GR_COUNT];
    uint8_t attr_index, attr[AR_COUNT];
    bool attr_data; /* the flip-flop: the next write to 3C0h is data */
    uint8_t latch[4];
    uint8_t dac_mask, dac_read_index, dac_write_index, dac_component;
    bool dac_reading;
    uint8_t dac_cache[3]; /* a colour takes effect with its third component */
    uint8_t dac[768];
    uint16_t dispi_index, dispi[DISPI_COUNT];
};

static inline bool vga_vbe_enabled(const VGAState *s)
{
    return s->dispi[DISPI_ENABLE] & DISPI_ENABLED;
}

static inline bool vga_vbe_linear(const VGAState *s)
{
    return vga_vbe_enabled(s) && s->dispi[DISPI_BPP] > 4;
}

/* Vertical values of ten bits: low byte in a register, bits 8 and 9 in the overflow register. */
static inline unsigned vga_vertical(const VGAState *s, int reg, int bit8, int bit9)
{
    unsigned overflow = s->crtc[CR_OVERFLOW];
    return s->crtc[reg] | ((overflow >> bit8) & 1) << 8 | ((overflow >> bit9) & 1) << 9;
}

static inline unsigned vga_vdisplay(const VGAState *s)
{
    return vga_vertical(s, CR_VDISPLAY, 1, 6) + 1;
}

/* Bytes from one line to the next, in a VBE mode; of one plane with 4 bits per pixel. */
uint32_t vga_vbe_pitch(const VGAState *s);

void vga_draw(void *opaque, DisplaySurface *surface);
char *vga_text(void *opaque);

#endif
