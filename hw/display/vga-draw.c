/*
 * hw/display/vga-draw.c  The VGA's picture: every dot that a monitor would show, drawn when somebody looks.
 *
 * Modes that a monitor shows with each pixel and line twice (320x200) come out that large. Blinking text and cursor are
 * shown steadily.
 */
#include "hw/display/vga-internal.h"

#define BLANK_WIDTH  640
#define BLANK_HEIGHT 480
#define MAX_COLUMNS  257 /* 256 characters and one for panning */
#define MAX_DOTS     (MAX_COLUMNS * 18)

/* ---- colours ---- */

static uint32_t dac_color(const VGAState *s, uint8_t index)
{
    const uint8_t *c = s->dac + 3 * (index & s->dac_mask);
    if (s->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC) {
        return c[0] << 16 | c[1] << 8 | c[2];
    }
    uint32_t r = c[0] << 2 | c[0] >> 4, g = c[1] << 2 | c[1] >> 4, b = c[2] << 2 | c[2] >> 4;
    return (r & 0xff) << 16 | (g & 0xff) << 8 | (b & 0xff);
}

/* Attribute palette, then DAC. */
static uint32_t attribute_color(const VGAState *s, uint8_t index)
{
    uint8_t v = s->attr[index & s->attr[AR_PLANES] & 0x0f], select = s->attr[AR_COLOR_SELECT];
    if (s->attr[AR_MODE] & AR_MODE_P54S) {
        v = (v & 0x0f) | (select & 3) << 4;
    }
    return dac_color(s, (v & 0x3f) | (select & 0x0c) << 4);
}

typedef struct Palette {
    uint32_t attribute[16], dac[256];
} Palette;

static void make_palette(const VGAState *s, Palette *p)
{
    for (int i = 0; i < 16; i++) {
        p->attribute[i] = attribute_color(s, i);
    }
    for (int i = 0; i < 256; i++) {
        p->dac[i] = dac_color(s, i);
    }
}

/* ---- standard modes, one scan line at a time ---- */

typedef struct Scan {
    const VGAState *s;
    Palette palette;
    unsigned columns;
    unsigned row_address; /* memory counter at the start of the row */
    unsigned row_scan;    /* line in the character or row */
    unsigned pan;         /* pixels */
    uint32_t dots[MAX_DOTS];
} Scan;

static bool is_text(const VGAState *s)
{
    return !vga_vbe_enabled(s) && !(s->gr[GR_MISC] & 1);
}

static unsigned char_dots(const VGAState *s)
{
    return is_text(s) && !(s->seq[SEQ_CLOCK] & SEQ_CLOCK_8_DOTS) ? 9 : 8;
}

static unsigned register16(const VGAState *s, int reg)
{
    return s->crtc[reg] << 8 | s->crtc[reg + 1];
}

/* Where one of eight fonts begins in plane 2. */
static unsigned font_base(unsigned map)
{
    return (map & 3) * 0x4000 + (map & 4 ? 0x2000 : 0);
}

static unsigned font_of(const VGAState *s, uint8_t attribute)
{
    uint8_t r = s->seq[SEQ_CHAR_MAP];
    unsigned a = ((r >> 2) & 3) | ((r >> 5) & 1) << 2, b = (r & 3) | ((r >> 4) & 1) << 2;
    return font_base(attribute & 8 ? a : b);
}

static bool cursor_here(const Scan *scan, unsigned address)
{
    const VGAState *s = scan->s;
    unsigned first = s->crtc[CR_CURSOR_START] & 0x1f, last = s->crtc[CR_CURSOR_END] & 0x1f;
    return address == register16(s, CR_CURSOR) && !(s->crtc[CR_CURSOR_START] & 0x20) && scan->row_scan >= first &&
           scan->row_scan <= last;
}

/* The nine dots of one line of a character, the first in bit 8. */
static unsigned glyph_line(const Scan *scan, unsigned address)
{
    const VGAState *s = scan->s;
    const uint8_t *cell = s->vram_ptr + 4 * (address & 0xffff);
    unsigned font = (font_of(s, cell[1]) + cell[0] * 32 + scan->row_scan) & 0xffff;
    unsigned bits = s->vram_ptr[4 * font + 2] << 1;
    bool joins = cell[0] >= 0xc0 && cell[0] <= 0xdf && (s->attr[AR_MODE] & AR_MODE_LINE_GRAPHICS);
    bool underlined =
        (s->attr[AR_MODE] & AR_MODE_MONO) && (cell[1] & 7) == 1 && scan->row_scan == (s->crtc[CR_UNDERLINE] & 0x1fu);
    if (underlined || cursor_here(scan, address)) {
        return 0x1ff;
    }
    return bits | (joins ? (bits >> 1) & 1 : 0);
}

static unsigned text_character(Scan *scan, unsigned address, uint32_t *out)
{
    const VGAState *s = scan->s;
    uint8_t attribute = s->vram_ptr[4 * (address & 0xffff) + 1];
    unsigned bits = glyph_line(scan, address), dots = char_dots(s);
    uint32_t fg = scan->palette.attribute[attribute & 0x0f];
    uint32_t bg = scan->palette.attribute[(attribute >> 4) & (s->attr[AR_MODE] & AR_MODE_BLINK ? 7 : 15)];
    for (unsigned i = 0; i < dots; i++) {
        out[i] = bits & (0x100u >> i) ? fg : bg;
    }
    return dots;
}

/* The counter's bits that the row scan counter replaces (CGA and Hercules interleave their lines). */
static unsigned graphics_address(const Scan *scan, unsigned counter)
{
    const VGAState *s = scan->s;
    unsigned shift = s->crtc[CR_UNDERLINE] & 0x40 ? 2 : s->crtc[CR_MODE] & 0x40 ? 0 : 1;
    for (unsigned bit = 0; bit < 2; bit++) {
        if (!(s->crtc[CR_MODE] & (1u << bit))) {
            counter = deposit64(counter, 13 + bit - shift, 1, (scan->row_scan >> bit) & 1);
        }
    }
    return counter & 0xffff;
}

static void planar_pixels(const Palette *palette, const uint8_t *planes, uint32_t *out)
{
    for (int i = 0; i < 8; i++) {
        unsigned v = 0;
        for (int p = 0; p < 4; p++) {
            v |= ((planes[p] >> (7 - i)) & 1u) << p;
        }
        out[i] = palette->attribute[v];
    }
}

/* Two bits of plane 0 (then 1), and two of plane 2 (then 3) above them. */
static void cga_pixels(const Palette *palette, const uint8_t *planes, uint32_t *out)
{
    for (int i = 0; i < 8; i++) {
        unsigned shift = 6 - 2 * (i & 3), odd = i >> 2;
        out[i] = palette->attribute[((planes[odd] >> shift) & 3) | ((planes[2 + odd] >> shift) & 3) << 2];
    }
}

static void pixels_256(const Palette *palette, const uint8_t *planes, uint32_t *out)
{
    for (int i = 0; i < 8; i++) {
        out[i] = palette->dac[planes[i >> 1]];
    }
}

static unsigned graphics_column(Scan *scan, unsigned counter, uint32_t *out)
{
    const uint8_t *planes = scan->s->vram_ptr + 4 * graphics_address(scan, counter);
    uint8_t mode = scan->s->gr[GR_MODE];
    if (mode & GR_MODE_SHIFT_256) {
        pixels_256(&scan->palette, planes, out);
    } else if (mode & GR_MODE_SHIFT_CGA) {
        cga_pixels(&scan->palette, planes, out);
    } else {
        planar_pixels(&scan->palette, planes, out);
    }
    return 8;
}

/* Panning of nine-dot characters counts from 8 (none), then 0 (one dot) upwards; of 256 colours in half pixels. */
static unsigned pan_dots(const VGAState *s)
{
    unsigned pan = s->attr[AR_PAN];
    if (char_dots(s) == 9) {
        return pan >= 8 ? 0 : pan + 1;
    }
    return pan & 7;
}

static void draw_scan_line(Scan *scan, uint32_t *out, unsigned width)
{
    const VGAState *s = scan->s;
    bool text = is_text(s), wide = s->seq[SEQ_CLOCK] & SEQ_CLOCK_HALF;
    unsigned n = 0;
    for (unsigned column = 0; column <= scan->columns; column++) {
        unsigned counter = (scan->row_address + column) & 0xffff;
        n += text ? text_character(scan, counter, scan->dots + n) : graphics_column(scan, counter, scan->dots + n);
    }
    for (unsigned x = 0; x < width; x++) {
        out[x] = scan->dots[scan->pan + (wide ? x / 2 : x)];
    }
}

/* Below the split the counter starts at 0, and panning may end. */
static void begin_split(Scan *scan)
{
    scan->row_address = scan->row_scan = 0;
    if (scan->s->attr[AR_MODE] & AR_MODE_PAN_SPLIT) {
        scan->pan = 0;
    }
}

static void next_line(Scan *scan, unsigned y)
{
    const VGAState *s = scan->s;
    if ((s->crtc[CR_MAX_SCAN] & 0x80) && !(y & 1)) {
        return; /* each line is shown twice */
    }
    if (scan->row_scan == (s->crtc[CR_MAX_SCAN] & 0x1fu)) {
        scan->row_scan = 0;
        scan->row_address += 2 * s->crtc[CR_OFFSET];
    } else {
        scan->row_scan = (scan->row_scan + 1) & 0x1f;
    }
}

static unsigned line_compare(const VGAState *s)
{
    return s->crtc[CR_LINE_COMPARE] | ((s->crtc[CR_OVERFLOW] >> 4) & 1) << 8 | ((s->crtc[CR_MAX_SCAN] >> 6) & 1) << 9;
}

static unsigned standard_width(const VGAState *s)
{
    return (s->crtc[CR_HDISPLAY] + 1) * char_dots(s) * (s->seq[SEQ_CLOCK] & SEQ_CLOCK_HALF ? 2 : 1);
}

static void draw_standard(const VGAState *s, DisplaySurface *surface)
{
    Scan *scan = g_new0(Scan, 1);
    unsigned width = standard_width(s), height = vga_vdisplay(s), split = line_compare(s);
    scan->s = s;
    scan->columns = s->crtc[CR_HDISPLAY] + 1;
    scan->row_address = register16(s, CR_START) + ((s->crtc[CR_PRESET_ROW] >> 5) & 3);
    scan->row_scan = s->crtc[CR_PRESET_ROW] & 0x1f;
    scan->pan = pan_dots(s);
    make_palette(s, &scan->palette);
    display_surface_resize(surface, width, height);
    for (unsigned y = 0; y < height; y++) {
        draw_scan_line(scan, surface->pixels + (size_t)y * width, width);
        next_line(scan, y);
        if (y == split) {
            begin_split(scan);
        }
    }
    g_free(scan);
}

/* ---- VBE modes ---- */

static uint32_t color15(uint16_t v)
{
    uint32_t r = (v >> 10) & 31, g = (v >> 5) & 31, b = v & 31;
    return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static uint32_t color16(uint16_t v)
{
    uint32_t r = v >> 11, g = (v >> 5) & 63, b = v & 31;
    return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

static unsigned vbe_pixel_bytes(const VGAState *s)
{
    return (s->dispi[DISPI_BPP] + 7) / 8;
}

static uint32_t vbe_pixel(const VGAState *s, const Palette *palette, const uint8_t *p)
{
    switch (s->dispi[DISPI_BPP]) {
    case 8:
        return palette->dac[p[0]];
    case 15:
        return color15(lduw_le_p(p));
    case 16:
        return color16(lduw_le_p(p));
    case 24:
        return p[0] | p[1] << 8 | p[2] << 16;
    default:
        return ldl_le_p(p) & 0xffffff;
    }
}

static void draw_vbe_linear(const VGAState *s, const Palette *palette, DisplaySurface *surface, uint64_t start)
{
    unsigned bytes = vbe_pixel_bytes(s);
    for (int y = 0; y < surface->height; y++) {
        uint64_t line = start + (uint64_t)y * vga_vbe_pitch(s);
        for (int x = 0; x < surface->width; x++) {
            uint64_t at = line + (uint64_t)x * bytes;
            surface->pixels[(size_t)y * surface->width + x] =
                at + bytes <= s->vram_size ? vbe_pixel(s, palette, s->vram_ptr + at) : 0;
        }
    }
}

static void draw_vbe_planar(const VGAState *s, const Palette *palette, DisplaySurface *surface)
{
    uint32_t words = s->vram_size / 4;
    for (int y = 0; y < surface->height; y++) {
        uint64_t line = (uint64_t)(y + s->dispi[DISPI_Y_OFFSET]) * vga_vbe_pitch(s) + s->dispi[DISPI_X_OFFSET] / 8;
        for (int x = 0; x < surface->width / 8; x++) {
            uint32_t *out = surface->pixels + (size_t)y * surface->width + 8 * x;
            planar_pixels(palette, s->vram_ptr + 4 * ((line + x) & (words - 1)), out);
        }
    }
}

/* Height is cut to what video memory can hold, so that no guest makes us allocate more than a few times that. */
static unsigned vbe_height(const VGAState *s)
{
    uint32_t pitch = vga_vbe_pitch(s), memory = s->dispi[DISPI_BPP] == 4 ? s->vram_size / 4 : s->vram_size;
    return pitch ? MIN(s->dispi[DISPI_YRES], memory / pitch) : 0;
}

static void draw_vbe(const VGAState *s, DisplaySurface *surface)
{
    Palette palette;
    make_palette(s, &palette);
    display_surface_resize(surface, s->dispi[DISPI_XRES], vbe_height(s));
    if (s->dispi[DISPI_BPP] == 4) {
        draw_vbe_planar(s, &palette, surface);
        return;
    }
    uint64_t start =
        (uint64_t)s->dispi[DISPI_Y_OFFSET] * vga_vbe_pitch(s) + s->dispi[DISPI_X_OFFSET] * vbe_pixel_bytes(s);
    draw_vbe_linear(s, &palette, surface, start);
}

/* ---- entry points ---- */

static bool is_blank(const VGAState *s)
{
    if (!(s->attr_index & AR_INDEX_VIDEO_ON) || (s->seq[SEQ_CLOCK] & SEQ_CLOCK_SCREEN_OFF)) {
        return true;
    }
    return vga_vbe_enabled(s) && (!s->dispi[DISPI_XRES] || !vbe_height(s));
}

static void draw_blank(DisplaySurface *surface)
{
    if (!surface->pixels || surface->width <= 0 || surface->height <= 0) {
        display_surface_resize(surface, BLANK_WIDTH, BLANK_HEIGHT);
    }
    memset(surface->pixels, 0, (size_t)surface->width * surface->height * sizeof(uint32_t));
}

void vga_draw(void *opaque, DisplaySurface *surface)
{
    const VGAState *s = opaque;
    if (is_blank(s)) {
        draw_blank(surface);
    } else if (vga_vbe_enabled(s)) {
        draw_vbe(s, surface);
    } else {
        draw_standard(s, surface);
    }
}

/* clang-format off */
/* Code page 437 from 80h on. */
static const gunichar2 cp437[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
    0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
    0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
    0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
    0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
    0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};
/* clang-format on */

static gunichar character(uint8_t c)
{
    return c >= 0x80 ? cp437[c - 0x80] : c >= 0x20 && c < 0x7f ? c : ' ';
}

char *vga_text(void *opaque)
{
    const VGAState *s = opaque;
    unsigned columns = s->crtc[CR_HDISPLAY] + 1, height = (s->crtc[CR_MAX_SCAN] & 0x1f) + 1;
    unsigned rows = vga_vdisplay(s) / (s->crtc[CR_MAX_SCAN] & 0x80 ? 2 * height : height);
    if (!is_text(s)) {
        return NULL;
    }
    GString *text = g_string_new(NULL);
    for (unsigned y = 0; y < rows; y++) {
        for (unsigned x = 0; x < columns; x++) {
            unsigned address = register16(s, CR_START) + y * 2 * s->crtc[CR_OFFSET] + x;
            g_string_append_unichar(text, character(s->vram_ptr[4 * (address & 0xffff)]));
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}
