/*
 * hw/display/vga.c  Standard VGA (IBM VGA Technical Reference) with the Bochs VBE registers, as PCI device 1234:1111:
 * registers and memory.
 *
 * BAR 0 is video memory, BAR 2 has the registers in memory: VGA ports 3C0h-3DFh at 400h, VBE at 500h, sizes and byte
 * order at 600h. The retrace bits follow the CRTC's timing on the virtual clock. Left out on purpose: the vertical
 * interrupt, EDID, big-endian pixels, light pen.
 */
#include "hw/display/vga-internal.h"
#include "hw/i386/chipset.h"
#include "hw/isa/chips.h"
#include "util/timer.h"

#define VGA_WINDOW_BASE 0xa0000
#define VGA_WINDOW_SIZE 0x20000
#define VBE_BANK_SIZE   0x10000
#define VBE_ID_FIRST    0xb0c0
#define VBE_ID          0xb0c5
#define VBE_MAX_XRES    16000
#define VBE_MAX_YRES    12000

/* ---- the window at A0000h ---- */

/* Offset in the selected part of the window, or false: not decoded. */
static bool vga_decode_window(const VGAState *s, hwaddr addr, uint32_t *offset)
{
    static const struct {
        uint32_t base, size;
    } maps[4] = { { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 } };
    unsigned map = (s->gr[GR_MISC] >> 2) & 3;
    *offset = addr - maps[map].base;
    return (s->misc & MISC_RAM) && addr >= maps[map].base && *offset < maps[map].size;
}

/* One access: which planes take part, and the address in them. */
typedef struct PlaneAccess {
    uint32_t word;
    uint8_t planes; /* one bit each */
} PlaneAccess;

static uint32_t vga_wrap(const VGAState *s, uint32_t word)
{
    if (vga_vbe_enabled(s)) {
        return (word + s->dispi[DISPI_BANK] * VBE_BANK_SIZE) & (s->vram_size / 4 - 1);
    }
    return word & 0xffff;
}

static PlaneAccess vga_plane_access(const VGAState *s, uint32_t offset, bool odd_even)
{
    PlaneAccess a = { .word = offset, .planes = 0x0f };
    if (s->seq[SEQ_MEMORY] & SEQ_MEMORY_CHAIN4) {
        a.planes = 1u << (offset & 3);
        a.word = offset >> 2;
    } else if (odd_even) {
        a.planes = offset & 1 ? 0x0a : 0x05;
        a.word = offset >> 1;
    }
    a.word = vga_wrap(s, a.word);
    return a;
}

/* Read mode 1: a bit is set where all planes that matter have the colour to compare with. */
static uint8_t vga_color_compare(const VGAState *s)
{
    uint8_t differs = 0;
    for (int p = 0; p < 4; p++) {
        if (s->gr[GR_DONT_CARE] & (1u << p)) {
            differs |= s->latch[p] ^ (s->gr[GR_COMPARE] & (1u << p) ? 0xff : 0);
        }
    }
    return ~differs;
}

static uint8_t vga_read_planes(VGAState *s, uint32_t offset)
{
    bool odd_even = s->gr[GR_MODE] & GR_MODE_ODD_EVEN;
    PlaneAccess a = vga_plane_access(s, offset, odd_even);
    memcpy(s->latch, s->vram_ptr + a.word * 4, 4);
    if (s->gr[GR_MODE] & GR_MODE_READ1) {
        return vga_color_compare(s);
    }
    if (s->seq[SEQ_MEMORY] & SEQ_MEMORY_CHAIN4) {
        return s->latch[offset & 3];
    }
    return s->latch[odd_even ? (s->gr[GR_READ_MAP] & 2) | (offset & 1) : s->gr[GR_READ_MAP] & 3];
}

static uint64_t vga_mem_read(void *opaque, hwaddr addr, unsigned size)
{
    VGAState *s = opaque;
    uint32_t offset;
    (void)size;
    if (vga_vbe_linear(s)) {
        uint32_t linear = s->dispi[DISPI_BANK] * VBE_BANK_SIZE + addr;
        return addr < VBE_BANK_SIZE ? s->vram_ptr[linear & (s->vram_size - 1)] : 0xff;
    }
    return vga_decode_window(s, addr, &offset) ? vga_read_planes(s, offset) : 0xff;
}

static uint8_t rotate_right(uint8_t v, unsigned n)
{
    return n ? v >> n | v << (8 - n) : v;
}

/* Logical function of the data rotate register, with the latch. */
static uint8_t vga_alu(const VGAState *s, uint8_t value, uint8_t latch)
{
    switch ((s->gr[GR_ROTATE] >> 3) & 3) {
    case 1:
        return value & latch;
    case 2:
        return value | latch;
    case 3:
        return value ^ latch;
    default:
        return value;
    }
}

static uint8_t bit_mask(uint8_t mask, uint8_t value, uint8_t latch)
{
    return (value & mask) | (latch & ~mask);
}

static uint8_t fill(unsigned bits, int plane)
{
    return bits & (1u << plane) ? 0xff : 0;
}

/* What one plane gets, by write mode. */
static uint8_t vga_plane_value(const VGAState *s, int p, uint8_t value)
{
    uint8_t latch = s->latch[p], mask = s->gr[GR_BIT_MASK];
    uint8_t rotated = rotate_right(value, s->gr[GR_ROTATE] & 7);
    switch (s->gr[GR_MODE] & GR_MODE_WRITE) {
    case 0:
        value = s->gr[GR_ENABLE_SET_RESET] & (1u << p) ? fill(s->gr[GR_SET_RESET], p) : rotated;
        return bit_mask(mask, vga_alu(s, value, latch), latch);
    case 1:
        return latch;
    case 2:
        return bit_mask(mask, vga_alu(s, fill(value, p), latch), latch);
    default:
        return bit_mask(mask & rotated, vga_alu(s, fill(s->gr[GR_SET_RESET], p), latch), latch);
    }
}

static void vga_write_planes(VGAState *s, uint32_t offset, uint8_t value)
{
    PlaneAccess a = vga_plane_access(s, offset, !(s->seq[SEQ_MEMORY] & SEQ_MEMORY_SEQUENTIAL));
    uint8_t planes = a.planes & s->seq[SEQ_MAP_MASK];
    ram_notify_write(s->vram.ram_addr + a.word * 4, 4);
    for (int p = 0; p < 4; p++) {
        if (planes & (1u << p)) {
            s->vram_ptr[a.word * 4 + p] = vga_plane_value(s, p, value);
        }
    }
}

static void vga_write_linear(VGAState *s, hwaddr addr, uint8_t value)
{
    uint32_t linear = (s->dispi[DISPI_BANK] * VBE_BANK_SIZE + addr) & (s->vram_size - 1);
    if (addr < VBE_BANK_SIZE) {
        ram_notify_write(s->vram.ram_addr + linear, 1);
        s->vram_ptr[linear] = value;
    }
}

static void vga_mem_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VGAState *s = opaque;
    uint32_t offset;
    (void)size;
    if (vga_vbe_linear(s)) {
        vga_write_linear(s, addr, value);
    } else if (vga_decode_window(s, addr, &offset)) {
        vga_write_planes(s, offset, value);
    }
}

/* A read loads the latches. */
static uint8_t vga_mem_peek(void *opaque, hwaddr addr)
{
    VGAState *s = opaque;
    uint8_t latch[sizeof(s->latch)];
    memcpy(latch, s->latch, sizeof(latch));
    uint8_t value = vga_mem_read(s, addr, 1);
    memcpy(s->latch, latch, sizeof(latch));
    return value;
}

static const MemoryRegionOps vga_mem_ops = {
    .read = vga_mem_read, .write = vga_mem_write, .min_access = 1, .max_access = 1, .peek = vga_mem_peek
};

/* Chain-4 with a graphics controller that changes nothing (mode 13h): bytes go straight to memory. */
static bool vga_chain4_is_plain(const VGAState *s)
{
    return !vga_vbe_enabled(s) && (s->misc & MISC_RAM) && (s->seq[SEQ_MEMORY] & SEQ_MEMORY_CHAIN4) &&
           s->seq[SEQ_MAP_MASK] == 0x0f && ((s->gr[GR_MISC] >> 2) & 3) <= 1 && s->gr[GR_ENABLE_SET_RESET] == 0 &&
           s->gr[GR_ROTATE] == 0 && s->gr[GR_BIT_MASK] == 0xff && !(s->gr[GR_MODE] & (GR_MODE_WRITE | GR_MODE_READ1));
}

static void vga_apply_linear_window(VGAState *s)
{
    memory_region_transaction_begin();
    memory_region_set_alias_offset(&s->linear, s->linear_offset);
    memory_region_set_enabled(&s->linear, s->linear_on);
    memory_region_transaction_commit();
}

static void vga_update_linear_window(VGAState *s)
{
    uint32_t bank = vga_vbe_linear(s) ? s->dispi[DISPI_BANK] * VBE_BANK_SIZE : 0;
    bool on = (vga_vbe_linear(s) || vga_chain4_is_plain(s)) && bank <= s->vram_size - VBE_BANK_SIZE;
    uint32_t offset = on ? bank : 0;
    if (on != s->linear_on || offset != s->linear_offset) {
        s->linear_on = on;
        s->linear_offset = offset;
        vga_apply_linear_window(s);
    }
}

/* ---- retrace ---- */

typedef struct CRTTiming {
    uint64_t clock_hz;
    unsigned char_dots, line_chars, lines; /* whole line, whole frame */
    unsigned shown_chars, shown_lines, sync_start, sync_lines;
} CRTTiming;

/* A CRTC that is not programmed yet counts as 640x480 at 60 Hz, so that who waits for a retrace gets one. */
static CRTTiming vga_timing(const VGAState *s)
{
    CRTTiming t = { .clock_hz = ((s->misc >> 2) & 3) == 1 ? 28322000 : 25175000,
                    .char_dots = s->seq[SEQ_CLOCK] & SEQ_CLOCK_8_DOTS ? 8 : 9,
                    .line_chars = s->crtc[CR_HTOTAL] + 5,
                    .lines = vga_vertical(s, CR_VTOTAL, 0, 5) + 2,
                    .shown_chars = s->crtc[CR_HDISPLAY] + 1,
                    .shown_lines = vga_vdisplay(s),
                    .sync_start = vga_vertical(s, CR_VSYNC_START, 2, 7) };
    t.sync_lines = ((s->crtc[CR_VSYNC_END] - t.sync_start) & 0x0f);
    t.sync_lines = t.sync_lines ? t.sync_lines : 16;
    if (s->seq[SEQ_CLOCK] & SEQ_CLOCK_HALF) {
        t.clock_hz /= 2;
    }
    if (t.shown_chars >= t.line_chars || t.shown_lines >= t.lines || t.sync_start + t.sync_lines > t.lines ||
        t.lines < 100) {
        t = (CRTTiming){ 25175000, 8, 100, 525, 80, 480, 490, 2 };
    }
    return t;
}

static uint8_t vga_input_status1(const VGAState *s)
{
    CRTTiming t = vga_timing(s);
    uint64_t dots = muldiv64(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), t.clock_hz, NANOSECONDS_PER_SECOND);
    unsigned line_dots = t.line_chars * t.char_dots;
    unsigned in_frame = dots % ((uint64_t)line_dots * t.lines);
    unsigned line = in_frame / line_dots, character = in_frame % line_dots / t.char_dots;
    bool sync = line >= t.sync_start && line < t.sync_start + t.sync_lines;
    bool shown = line < t.shown_lines && character < t.shown_chars;
    return (sync ? 0x08 : 0) | (shown ? 0 : 0x01);
}

/* ---- registers ---- */

static void vga_write_seq(VGAState *s, uint8_t value)
{
    static const uint8_t writable[SEQ_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
    s->seq[s->seq_index] = value & writable[s->seq_index];
    vga_update_linear_window(s);
}

static void vga_write_gr(VGAState *s, uint8_t value)
{
    static const uint8_t writable[GR_COUNT] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
    s->gr[s->gr_index] = value & writable[s->gr_index];
    vga_update_linear_window(s);
}

/* Bit 7 of register 11h protects registers 0 to 7, except the line compare bit. */
static void vga_write_crtc(VGAState *s, uint8_t value)
{
    uint8_t index = s->crtc_index;
    if (index >= CR_COUNT) {
        return;
    }
    if (index <= CR_OVERFLOW && (s->crtc[CR_VSYNC_END] & 0x80)) {
        if (index == CR_OVERFLOW) {
            s->crtc[index] = (s->crtc[index] & ~0x10) | (value & 0x10);
        }
        return;
    }
    s->crtc[index] = value;
}

static void vga_write_attr(VGAState *s, uint8_t value)
{
    static const uint8_t writable[AR_COUNT] = { [0 ... 15] = 0x3f,  [AR_MODE] = 0xef, [AR_OVERSCAN] = 0xff,
                                                [AR_PLANES] = 0x3f, [AR_PAN] = 0x0f,  [AR_COLOR_SELECT] = 0x0f };
    uint8_t index = s->attr_index & 0x1f;
    if (!s->attr_data) {
        s->attr_index = value & 0x3f;
    } else if (index < AR_COUNT) {
        s->attr[index] = value & writable[index];
    }
    s->attr_data = !s->attr_data;
}

static uint8_t vga_read_attr(const VGAState *s)
{
    uint8_t index = s->attr_index & 0x1f;
    return index < AR_COUNT ? s->attr[index] : 0;
}

static void vga_write_dac(VGAState *s, uint8_t value)
{
    uint8_t mask = s->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC ? 0xff : 0x3f;
    s->dac_cache[s->dac_component++] = value & mask;
    if (s->dac_component == 3) {
        memcpy(s->dac + 3 * s->dac_write_index++, s->dac_cache, 3);
        s->dac_component = 0;
    }
}

static uint8_t vga_read_dac(VGAState *s)
{
    uint8_t value = s->dac[3 * s->dac_read_index + s->dac_component++];
    if (s->dac_component == 3) {
        s->dac_component = 0;
        s->dac_read_index++;
    }
    return value;
}

static void vga_set_dac_index(VGAState *s, uint8_t index, bool reading)
{
    s->dac_reading = reading;
    s->dac_component = 0;
    *(reading ? &s->dac_read_index : &s->dac_write_index) = index;
}

static uint8_t vga_read_status1(VGAState *s)
{
    s->attr_data = false;
    return vga_input_status1(s);
}

/* CRTC and status 1 answer at 3Bxh or 3Dxh, as the miscellaneous register says. */
static bool vga_port_selected(const VGAState *s, uint16_t port)
{
    bool color_port = port >= 0x3d0, mono_port = port < 0x3c0;
    return s->misc & MISC_COLOR ? !mono_port : !color_port;
}

static uint8_t vga_port_read(VGAState *s, uint16_t port)
{
    if (!vga_port_selected(s, port)) {
        return 0xff;
    }
    switch (port) {
    case 0x3c0:
        return s->attr_index;
    case 0x3c1:
        return vga_read_attr(s);
    case 0x3c2: /* input status 0: a colour monitor is there */
        return 0x10;
    case 0x3c4:
        return s->seq_index;
    case 0x3c5:
        return s->seq[s->seq_index];
    case 0x3c6:
        return s->dac_mask;
    case 0x3c7:
        return s->dac_reading ? 3 : 0;
    case 0x3c8:
        return s->dac_write_index;
    case 0x3c9:
        return vga_read_dac(s);
    case 0x3ca:
        return s->feature;
    case 0x3cc:
        return s->misc;
    case 0x3ce:
        return s->gr_index;
    case 0x3cf:
        return s->gr[s->gr_index];
    case 0x3b4:
    case 0x3d4:
        return s->crtc_index;
    case 0x3b5:
    case 0x3d5:
        return s->crtc_index < CR_COUNT ? s->crtc[s->crtc_index] : 0;
    case 0x3ba:
    case 0x3da:
        return vga_read_status1(s);
    default:
        return 0;
    }
}

static void vga_port_write(VGAState *s, uint16_t port, uint8_t value)
{
    if (!vga_port_selected(s, port)) {
        return;
    }
    switch (port) {
    case 0x3c0:
        vga_write_attr(s, value);
        break;
    case 0x3c2:
        s->misc = value & 0xef;
        vga_update_linear_window(s);
        break;
    case 0x3c4:
        s->seq_index = value & 7;
        break;
    case 0x3c5:
        vga_write_seq(s, value);
        break;
    case 0x3c6:
        s->dac_mask = value;
        break;
    case 0x3c7:
    case 0x3c8:
        vga_set_dac_index(s, value, port == 0x3c7);
        break;
    case 0x3c9:
        vga_write_dac(s, value);
        break;
    case 0x3ce:
        s->gr_index = value & 0x0f;
        break;
    case 0x3cf:
        vga_write_gr(s, value);
        break;
    case 0x3b4:
    case 0x3d4:
        s->crtc_index = value;
        break;
    case 0x3b5:
    case 0x3d5:
        vga_write_crtc(s, value);
        break;
    case 0x3ba:
    case 0x3da:
        s->feature = value & 0x0b;
        break;
    default:
        break;
    }
}

static uint64_t vga_io_read(void *opaque, hwaddr addr, unsigned size)
{
    VGAPorts *ports = opaque;
    (void)size;
    return vga_port_read(ports->vga, ports->base + addr);
}

static void vga_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VGAPorts *ports = opaque;
    (void)size;
    vga_port_write(ports->vga, ports->base + addr, value);
}

static const MemoryRegionOps vga_io_ops = {
    .read = vga_io_read, .write = vga_io_write, .min_access = 1, .max_access = 1
};

/* ---- VBE registers ---- */

uint32_t vga_vbe_pitch(const VGAState *s)
{
    uint32_t bits = s->dispi[DISPI_BPP] == 15 ? 16 : s->dispi[DISPI_BPP];
    uint32_t width = MAX(s->dispi[DISPI_VIRT_WIDTH], s->dispi[DISPI_XRES]);
    return bits == 4 ? width / 8 : width * (bits / 8);
}

static uint32_t vga_vbe_memory(const VGAState *s)
{
    return s->dispi[DISPI_BPP] == 4 ? s->vram_size / 4 : s->vram_size;
}

/* As many lines as fit into memory. */
static void vga_vbe_set_virtual_size(VGAState *s, uint16_t width)
{
    s->dispi[DISPI_VIRT_WIDTH] = MAX(width & ~7, s->dispi[DISPI_XRES]);
    uint32_t pitch = vga_vbe_pitch(s);
    s->dispi[DISPI_VIRT_HEIGHT] = pitch ? MIN(vga_vbe_memory(s) / pitch, 0xffff) : 0;
}

static void vga_vbe_clear(VGAState *s)
{
    uint64_t bytes = (uint64_t)vga_vbe_pitch(s) * s->dispi[DISPI_YRES] * (s->dispi[DISPI_BPP] == 4 ? 4 : 1);
    bytes = MIN(bytes, s->vram_size);
    if (bytes) {
        ram_notify_write(s->vram.ram_addr, bytes);
        memset(s->vram_ptr, 0, bytes);
    }
}

static void vga_vbe_write_enable(VGAState *s, uint16_t value)
{
    bool turned_on = (value & DISPI_ENABLED) && !vga_vbe_enabled(s);
    s->dispi[DISPI_ENABLE] = value & (DISPI_ENABLED | DISPI_GETCAPS | DISPI_8BIT_DAC | DISPI_LFB | DISPI_NOCLEAR);
    if (turned_on) {
        s->dispi[DISPI_BANK] = s->dispi[DISPI_X_OFFSET] = s->dispi[DISPI_Y_OFFSET] = 0;
        vga_vbe_set_virtual_size(s, s->dispi[DISPI_XRES]);
        if (!(value & DISPI_NOCLEAR)) {
            vga_vbe_clear(s);
        }
    }
}

static bool vga_vbe_depth_valid(uint16_t bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* Values out of range are ignored. */
static void vga_dispi_write(VGAState *s, uint16_t value)
{
    switch (s->dispi_index) {
    case DISPI_ID:
        if (value >= VBE_ID_FIRST && value <= VBE_ID) {
            s->dispi[DISPI_ID] = value;
        }
        break;
    case DISPI_XRES:
        if (value <= VBE_MAX_XRES && !(value & 7)) {
            s->dispi[DISPI_XRES] = value;
        }
        break;
    case DISPI_YRES:
        if (value <= VBE_MAX_YRES) {
            s->dispi[DISPI_YRES] = value;
        }
        break;
    case DISPI_BPP:
        if (value == 0 || vga_vbe_depth_valid(value)) {
            s->dispi[DISPI_BPP] = value ? value : 8;
        }
        break;
    case DISPI_ENABLE:
        vga_vbe_write_enable(s, value);
        break;
    case DISPI_BANK:
        s->dispi[DISPI_BANK] = value & (s->vram_size / VBE_BANK_SIZE - 1);
        break;
    case DISPI_VIRT_WIDTH:
        vga_vbe_set_virtual_size(s, value);
        break;
    case DISPI_X_OFFSET:
    case DISPI_Y_OFFSET:
        s->dispi[s->dispi_index] = value;
        break;
    default:
        break;
    }
    vga_update_linear_window(s);
}

static uint16_t vga_dispi_read(const VGAState *s)
{
    if (s->dispi[DISPI_ENABLE] & DISPI_GETCAPS) {
        static const uint16_t caps[4] = { [DISPI_XRES] = VBE_MAX_XRES, [DISPI_YRES] = VBE_MAX_YRES, [DISPI_BPP] = 32 };
        if (s->dispi_index >= DISPI_XRES && s->dispi_index <= DISPI_BPP) {
            return caps[s->dispi_index];
        }
    }
    if (s->dispi_index == DISPI_VIDEO_MEMORY_64K) {
        return s->vram_size / VBE_BANK_SIZE;
    }
    return s->dispi_index < DISPI_COUNT ? s->dispi[s->dispi_index] : 0;
}

/* Ports 1CEh index, 1CFh (odd, yet 16 bits wide) and 1D0h data. */
static uint64_t dispi_io_read(void *opaque, hwaddr addr, unsigned size)
{
    const VGAState *s = opaque;
    (void)size;
    return addr == 0 ? s->dispi_index : vga_dispi_read(s);
}

static void dispi_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VGAState *s = opaque;
    (void)size;
    if (addr == 0) {
        s->dispi_index = value;
    } else {
        vga_dispi_write(s, value);
    }
}

static const MemoryRegionOps dispi_io_ops = {
    .read = dispi_io_read, .write = dispi_io_write, .min_access = 1, .max_access = 2
};

/* ---- BAR 2 ---- */

enum { MMIO_VGA = 0x400, MMIO_DISPI = 0x500, MMIO_EXT = 0x600, MMIO_DISPI_END = MMIO_DISPI + 2 * (DISPI_COUNT + 1) };

static uint8_t mmio_read_ext(hwaddr addr)
{
    static const uint8_t ext[8] = { 8, 0, 0, 0, 0x1e, 0x1e, 0x1e, 0x1e }; /* size; byte order: little-endian */
    return addr < sizeof(ext) ? ext[addr] : 0;
}

static uint16_t mmio_read_dispi(VGAState *s, unsigned index)
{
    uint16_t saved = s->dispi_index;
    s->dispi_index = index;
    uint16_t value = vga_dispi_read(s);
    s->dispi_index = saved;
    return value;
}

static uint8_t mmio_read_byte(VGAState *s, hwaddr addr)
{
    if (addr >= MMIO_VGA && addr < MMIO_VGA + 0x20) {
        return vga_port_read(s, 0x3c0 + addr - MMIO_VGA);
    }
    if (addr >= MMIO_DISPI && addr < MMIO_DISPI_END) {
        return mmio_read_dispi(s, (addr - MMIO_DISPI) / 2) >> (8 * (addr & 1));
    }
    return addr >= MMIO_EXT ? mmio_read_ext(addr - MMIO_EXT) : 0;
}

static uint64_t vga_mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)mmio_read_byte(opaque, addr + i) << (8 * i);
    }
    return value;
}

static void mmio_write_dispi(VGAState *s, unsigned index, uint16_t value)
{
    uint16_t saved = s->dispi_index;
    s->dispi_index = index;
    vga_dispi_write(s, value);
    s->dispi_index = saved;
}

static void vga_mmio_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VGAState *s = opaque;
    if (addr >= MMIO_DISPI && addr < MMIO_DISPI_END && !(addr & 1)) {
        for (unsigned i = 0; i < size; i += 2) {
            mmio_write_dispi(s, (addr + i - MMIO_DISPI) / 2, value >> (8 * i));
        }
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        if (addr + i >= MMIO_VGA && addr + i < MMIO_VGA + 0x20) {
            vga_port_write(s, 0x3c0 + addr + i - MMIO_VGA, value >> (8 * i));
        }
    }
}

static const MemoryRegionOps vga_mmio_ops = {
    .read = vga_mmio_read, .write = vga_mmio_write, .min_access = 1, .max_access = 4
};

/* ---- the device ---- */

static void vga_map_legacy(VGAState *s)
{
    static const struct {
        uint16_t base, len;
    } ranges[VGA_PORT_RANGES] = { { 0x3b4, 2 }, { 0x3ba, 1 }, { 0x3c0, 16 }, { 0x3d4, 2 }, { 0x3da, 1 } };
    for (int i = 0; i < VGA_PORT_RANGES; i++) {
        VGAPorts *p = &s->ports[i];
        p->vga = s;
        p->base = ranges[i].base;
        memory_region_init_io(&p->io, &vga_io_ops, p, "vga", ranges[i].len);
        memory_region_add_subregion(get_system_io(), p->base, &p->io);
    }
    memory_region_init_io(&s->dispi_io, &dispi_io_ops, s, "vbe", 4);
    memory_region_add_subregion(get_system_io(), 0x1ce, &s->dispi_io);
    memory_region_init_io(&s->legacy, &vga_mem_ops, s, "vga-lowmem", VGA_WINDOW_SIZE);
    memory_region_add_subregion_overlap(pci_memory(), VGA_WINDOW_BASE, &s->legacy, 1);
    memory_region_init_alias(&s->linear, "vga-linear", &s->vram, 0, VBE_BANK_SIZE);
    memory_region_set_enabled(&s->linear, false);
    memory_region_add_subregion_overlap(pci_memory(), VGA_WINDOW_BASE, &s->linear, 2);
}

static bool vga_realize(Device *dev, Error **errp)
{
    VGAState *s = (VGAState *)dev;
    static const PCIIdentity identity = { .vendor_id = 0x1234,
                                          .device_id = 0x1111,
                                          .revision = 2,
                                          .class_id = 0x0300,
                                          .subsystem_vendor_id = 0x1af4,
                                          .subsystem_id = 0x1100 };
    static const GraphicHwOps graphic_ops = { .update = vga_draw, .text = vga_text };
    if (s->vgamem_mb < 1 || s->vgamem_mb > 512 || (s->vgamem_mb & (s->vgamem_mb - 1))) {
        error_setg(errp, "VGA.vgamem_mb=%u: must be a power of two from 1 to 512", s->vgamem_mb);
        return false;
    }
    if (!s->pci.romfile) {
        s->pci.romfile = g_strdup("vgabios-stdvga.bin");
    }
    if (!pci_register(&s->pci, &identity, errp)) {
        return false;
    }
    s->vram_size = s->vgamem_mb * MiB;
    memory_region_init_ram(&s->vram, "vga.vram", s->vram_size);
    s->vram_ptr = memory_region_get_ram_ptr(&s->vram);
    memory_region_init_io(&s->mmio, &vga_mmio_ops, s, "vga.mmio", 0x1000);
    pci_register_bar(&s->pci, 0, PCI_BAR_MEM32_PREFETCH, &s->vram);
    pci_register_bar(&s->pci, 2, PCI_BAR_MEM32, &s->mmio);
    vga_map_legacy(s);
    graphic_console_register(&graphic_ops, s);
    return true;
}

static void vga_reset(Device *dev)
{
    VGAState *s = (VGAState *)dev;
    pci_device_reset(&s->pci);
    s->misc = s->feature = 0;
    s->seq_index = s->crtc_index = s->gr_index = s->attr_index = 0;
    memset(s->seq, 0, sizeof(s->seq));
    memset(s->crtc, 0, sizeof(s->crtc));
    memset(s->gr, 0, sizeof(s->gr));
    memset(s->attr, 0, sizeof(s->attr));
    memset(s->latch, 0, sizeof(s->latch));
    memset(s->dac, 0, sizeof(s->dac));
    memset(s->dac_cache, 0, sizeof(s->dac_cache));
    s->attr_data = s->dac_reading = false;
    s->dac_mask = 0xff;
    s->dac_read_index = s->dac_write_index = s->dac_component = 0;
    memset(s->dispi, 0, sizeof(s->dispi));
    s->dispi_index = 0;
    s->dispi[DISPI_ID] = VBE_ID;
    s->dispi[DISPI_BPP] = 8;
    vga_update_linear_window(s);
}

static bool vga_post_load(void *opaque, Error **errp)
{
    VGAState *s = opaque;
    bool ok = s->seq_index < SEQ_COUNT && s->gr_index < GR_COUNT && s->dac_component < 3 &&
              vga_vbe_depth_valid(s->dispi[DISPI_BPP]) && s->dispi[DISPI_XRES] <= VBE_MAX_XRES &&
              s->dispi[DISPI_YRES] <= VBE_MAX_YRES;
    if (!ok) {
        error_setg(errp, "VGA: a register is out of range");
        return false;
    }
    vga_update_linear_window(s);
    return true;
}

static const VMStateField vga_fields[] = {
    VMSTATE_STRUCT(VGAState, pci, vmstate_pci_device),
    VMSTATE_INT(VGAState, misc),
    VMSTATE_INT(VGAState, feature),
    VMSTATE_INT(VGAState, seq_index),
    VMSTATE_BYTES(VGAState, seq),
    VMSTATE_INT(VGAState, crtc_index),
    VMSTATE_BYTES(VGAState, crtc),
    VMSTATE_INT(VGAState, gr_index),
    VMSTATE_BYTES(VGAState, gr),
    VMSTATE_INT(VGAState, attr_index),
    VMSTATE_BYTES(VGAState, attr),
    VMSTATE_BOOL(VGAState, attr_data),
    VMSTATE_BYTES(VGAState, latch),
    VMSTATE_INT(VGAState, dac_mask),
    VMSTATE_INT(VGAState, dac_read_index),
    VMSTATE_INT(VGAState, dac_write_index),
    VMSTATE_INT(VGAState, dac_component),
    VMSTATE_BOOL(VGAState, dac_reading),
    VMSTATE_BYTES(VGAState, dac_cache),
    VMSTATE_BYTES(VGAState, dac),
    VMSTATE_INT(VGAState, dispi_index),
    VMSTATE_INT_ARRAY(VGAState, dispi),
    VMSTATE_DERIVED(VGAState, vgamem_mb),
    VMSTATE_DERIVED(VGAState, vram),
    VMSTATE_DERIVED(VGAState, mmio),
    VMSTATE_DERIVED(VGAState, legacy),
    VMSTATE_DERIVED(VGAState, linear),
    VMSTATE_DERIVED(VGAState, dispi_io),
    VMSTATE_DERIVED(VGAState, ports),
    VMSTATE_DERIVED(VGAState, vram_ptr),
    VMSTATE_DERIVED(VGAState, vram_size),
    VMSTATE_DERIVED(VGAState, linear_on),
    VMSTATE_DERIVED(VGAState, linear_offset),
    VMSTATE_END,
};

static const VMStateDescription vga_vmsd = {
    .name = "vga", .version = 1, .fields = vga_fields, .post_load = vga_post_load
};

static const DeviceProperty vga_properties[] = {
    DEFINE_PROP_UINT32("vgamem_mb", VGAState, vgamem_mb, 16),
    { .name = NULL },
};

const DeviceType vga_pci_type = {
    .name = "VGA",
    .description = "standard VGA with VBE",
    .size = sizeof(VGAState),
    .vmsd = &vga_vmsd,
    .properties = vga_properties,
    .realize = vga_realize,
    .reset = vga_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};
