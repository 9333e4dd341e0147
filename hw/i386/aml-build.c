/* hw/i386/aml-build.c  Writer of ACPI machine language: encodings of ACPI 6.4, sections 20.2 (terms) and 6.4
 * (resources). */
#include "hw/i386/aml-build.h"

void aml_bytes(Aml *a, const void *data, size_t len)
{
    g_byte_array_append(a, data, len);
}

void aml_byte(Aml *a, uint8_t v)
{
    append_le(a, v, 1);
}

void aml_word(Aml *a, uint16_t v)
{
    append_le(a, v, 2);
}

void aml_dword(Aml *a, uint32_t v)
{
    append_le(a, v, 4);
}

/* ---- names and constants ---- */

static const char *aml_segment(Aml *a, const char *text)
{
    char segment[4] = { '_', '_', '_', '_' };
    for (unsigned i = 0; i < 4 && *text && *text != '.'; i++) {
        segment[i] = *text++;
    }
    aml_bytes(a, segment, 4);
    return *text == '.' ? text + 1 : text;
}

static unsigned segment_count(const char *path)
{
    unsigned n = *path != '\0';
    for (; *path; path++) {
        n += *path == '.';
    }
    return n;
}

/* NameString: root prefix, then DualNamePath 2Eh or MultiNamePath 2Fh when there are several segments. */
void aml_path(Aml *a, const char *path)
{
    if (*path == '\\') {
        aml_byte(a, *path++);
    }
    unsigned n = segment_count(path);
    if (n == 0) {
        aml_byte(a, 0);
    } else if (n == 2) {
        aml_byte(a, 0x2e);
    } else if (n > 2) {
        aml_byte(a, 0x2f);
        aml_byte(a, n);
    }
    while (*path) {
        path = aml_segment(a, path);
    }
}

void aml_int(Aml *a, uint64_t value)
{
    if (value <= 1) {
        aml_byte(a, value); /* ZeroOp, OneOp */
    } else if (value <= UINT8_MAX) {
        aml_byte(a, 0x0a);
        aml_byte(a, value);
    } else if (value <= UINT16_MAX) {
        aml_byte(a, 0x0b);
        aml_word(a, value);
    } else if (value <= UINT32_MAX) {
        aml_byte(a, 0x0c);
        aml_dword(a, value);
    } else {
        aml_byte(a, 0x0e);
        aml_dword(a, value);
        aml_dword(a, value >> 32);
    }
}

void aml_string(Aml *a, const char *text)
{
    aml_byte(a, 0x0d);
    aml_bytes(a, text, strlen(text) + 1);
}

/* Three letters of five bits, four hex digits; stored big-endian (section 19.3.4). */
void aml_eisaid(Aml *a, const char *id)
{
    uint32_t v = (uint32_t)(id[0] - 0x40) << 26 | (uint32_t)(id[1] - 0x40) << 21 | (uint32_t)(id[2] - 0x40) << 16;
    v |= (uint32_t)strtoul(id + 3, NULL, 16);
    aml_byte(a, 0x0c);
    aml_dword(a, GUINT32_SWAP_LE_BE(v));
}

/* ---- bodies ---- */

static void insert(Aml *a, AmlMark at, const uint8_t *bytes, guint len)
{
    guint old = a->len;
    g_byte_array_set_size(a, old + len);
    memmove(a->data + at + len, a->data + at, old - at);
    memcpy(a->data + at, bytes, len);
}

/* PkgLength (20.2.4): counts itself; 1 byte below 64, else low nibble plus 1 to 3 bytes. */
void aml_end(Aml *a, AmlMark mark)
{
    uint32_t body = a->len - mark;
    uint8_t bytes[4];
    guint len = body + 1 < 0x40 ? 1 : body + 2 < 0x1000 ? 2 : body + 3 < 0x100000 ? 3 : 4;
    uint32_t total = body + len;
    if (len == 1) {
        bytes[0] = total;
    } else {
        bytes[0] = (len - 1) << 6 | (total & 0xf);
        for (guint i = 1; i < len; i++) {
            bytes[i] = total >> (4 + 8 * (i - 1));
        }
    }
    insert(a, mark, bytes, len);
}

AmlMark aml_scope(Aml *a, const char *path)
{
    aml_byte(a, 0x10);
    AmlMark mark = a->len;
    aml_path(a, path);
    return mark;
}

AmlMark aml_device(Aml *a, const char *name)
{
    aml_byte(a, 0x5b);
    aml_byte(a, 0x82);
    AmlMark mark = a->len;
    aml_path(a, name);
    return mark;
}

AmlMark aml_method(Aml *a, const char *name, uint8_t args)
{
    aml_byte(a, 0x14);
    AmlMark mark = a->len;
    aml_path(a, name);
    aml_byte(a, args);
    return mark;
}

AmlMark aml_package(Aml *a, uint8_t elements)
{
    aml_byte(a, 0x12);
    AmlMark mark = a->len;
    aml_byte(a, elements);
    return mark;
}

AmlMark aml_if(Aml *a)
{
    aml_byte(a, 0xa0);
    return a->len;
}

AmlMark aml_field(Aml *a, const char *region)
{
    aml_byte(a, 0x5b);
    aml_byte(a, 0x81);
    AmlMark mark = a->len;
    aml_path(a, region);
    aml_byte(a, 0x01);
    return mark;
}

void aml_name(Aml *a, const char *name)
{
    aml_byte(a, 0x08);
    aml_path(a, name);
}

void aml_name_int(Aml *a, const char *name, uint64_t value)
{
    aml_name(a, name);
    aml_int(a, value);
}

void aml_name_eisaid(Aml *a, const char *name, const char *id)
{
    aml_name(a, name);
    aml_eisaid(a, id);
}

/* NamedField: the number of bits is encoded like a package length that does not count itself. */
void aml_field_unit(Aml *a, const char *name, unsigned bits)
{
    aml_path(a, name);
    if (bits < 0x40) {
        aml_byte(a, bits);
    } else {
        aml_byte(a, 0x40 | (bits & 0xf));
        aml_byte(a, bits >> 4);
    }
}

void aml_pci_config_region(Aml *a, const char *name, uint8_t offset, uint8_t len)
{
    aml_byte(a, 0x5b);
    aml_byte(a, 0x80);
    aml_path(a, name);
    aml_byte(a, 0x02);
    aml_int(a, offset);
    aml_int(a, len);
}

/* DefProcessor: no P_BLK. */
void aml_processor(Aml *a, const char *name, uint8_t id)
{
    aml_byte(a, 0x5b);
    aml_byte(a, 0x83);
    AmlMark mark = a->len;
    aml_path(a, name);
    aml_byte(a, id);
    aml_dword(a, 0);
    aml_byte(a, 0);
    aml_end(a, mark);
}

void aml_return(Aml *a)
{
    aml_byte(a, 0xa4);
}

/* ---- resources ---- */

AmlMark aml_resources(Aml *a)
{
    aml_byte(a, 0x11);
    return a->len;
}

/* Buffer (size) { descriptors, end tag }: the size goes in front of the bytes, then the package length. */
void aml_resources_end(Aml *a, AmlMark mark)
{
    aml_byte(a, 0x79);
    aml_byte(a, 0x00); /* checksum 0: not used */
    uint32_t size = a->len - mark;
    uint8_t prefix[3] = { 0x0b, size & 0xff, size >> 8 };
    insert(a, mark, prefix, sizeof(prefix));
    aml_end(a, mark);
}

/* 6.4.2.5, decodes 16 bits. */
void aml_res_io(Aml *a, uint16_t base, uint8_t len)
{
    aml_byte(a, 0x47);
    aml_byte(a, 0x01);
    aml_word(a, base);
    aml_word(a, base);
    aml_byte(a, 0x01);
    aml_byte(a, len);
}

/* 6.4.2.1, short form. */
void aml_res_irq(Aml *a, uint8_t irq)
{
    aml_byte(a, 0x22);
    aml_word(a, 1u << irq);
}

/* 6.4.3.6: consumer, level, active high, shared. */
void aml_res_interrupts(Aml *a, const uint32_t *irqs, uint8_t count)
{
    aml_byte(a, 0x89);
    aml_word(a, 2 + 4 * count);
    aml_byte(a, 0x09);
    aml_byte(a, count);
    for (unsigned i = 0; i < count; i++) {
        aml_dword(a, irqs[i]);
    }
}

/* 6.4.3.4, writable. */
void aml_res_memory32_fixed(Aml *a, uint32_t base, uint32_t len)
{
    aml_byte(a, 0x86);
    aml_word(a, 9);
    aml_byte(a, 0x01);
    aml_dword(a, base);
    aml_dword(a, len);
}

/* 6.4.3.5.3: minimum and maximum fixed, positive decode, producer. type 0 memory, 1 I/O, 2 bus numbers. */
static void word_window(Aml *a, uint8_t type, uint8_t type_flags, uint16_t first, uint16_t last)
{
    aml_byte(a, 0x88);
    aml_word(a, 13);
    aml_byte(a, type);
    aml_byte(a, 0x0c);
    aml_byte(a, type_flags);
    aml_word(a, 0);
    aml_word(a, first);
    aml_word(a, last);
    aml_word(a, 0);
    aml_word(a, last - first + 1);
}

void aml_res_bus(Aml *a, uint16_t first, uint16_t last)
{
    word_window(a, 2, 0, first, last);
}

void aml_res_io_window(Aml *a, uint16_t first, uint16_t last)
{
    word_window(a, 1, 0x03, first, last); /* the entire range */
}

/* 6.4.3.5.2 */
void aml_res_memory_window(Aml *a, uint32_t first, uint32_t last, bool cacheable)
{
    aml_byte(a, 0x87);
    aml_word(a, 23);
    aml_byte(a, 0);
    aml_byte(a, 0x0c);
    aml_byte(a, cacheable ? 0x03 : 0x01); /* read-write */
    aml_dword(a, 0);
    aml_dword(a, first);
    aml_dword(a, last);
    aml_dword(a, 0);
    aml_dword(a, last - first + 1);
}
