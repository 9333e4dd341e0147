/* ui/screendump.c  The picture as a file: PPM (P6) or PNG. */
#include "ui/console.h"

#include <errno.h>
#include <png.h>

static void row_to_rgb(const DisplaySurface *s, int y, uint8_t *out)
{
    const uint32_t *row = s->pixels + (size_t)y * s->width;
    for (int x = 0; x < s->width; x++) {
        *out++ = row[x] >> 16;
        *out++ = row[x] >> 8;
        *out++ = row[x];
    }
}

static bool write_ppm(FILE *f, const DisplaySurface *s, uint8_t *row)
{
    bool ok = fprintf(f, "P6\n%d %d\n255\n", s->width, s->height) > 0;
    for (int y = 0; ok && y < s->height; y++) {
        row_to_rgb(s, y, row);
        ok = fwrite(row, 3, s->width, f) == (size_t)s->width;
    }
    return ok;
}

/* libpng leaves by longjmp on an error; nothing changed since setjmp is used after it. */
static bool write_png(FILE *f, const DisplaySurface *s, uint8_t *row)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, f);
    png_set_IHDR(png, info, s->width, s->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < s->height; y++) {
        row_to_rgb(s, y, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return true;
}

static bool write_surface(const char *path, const DisplaySurface *s, bool as_png, Error **errp)
{
    FILE *f = fopen(path, "wbe");
    if (!f) {
        error_setg_errno(errp, errno, "failed to open file '%s'", path);
        return false;
    }
    uint8_t *row = g_malloc((size_t)s->width * 3);
    errno = 0;
    bool ok = as_png ? write_png(f, s, row) : write_ppm(f, s, row);
    int saved = errno;
    g_free(row);
    if (fclose(f) != 0 && ok) {
        ok = false;
        saved = errno;
    }
    if (!ok) {
        error_setg_errno(errp, saved ? saved : EIO, "failed to write file '%s'", path);
    }
    return ok;
}

bool screendump(const char *path, const char *format, Error **errp)
{
    DisplaySurface surface = { 0 };
    bool as_png = format && !strcmp(format, "png");
    if (format && !as_png && strcmp(format, "ppm")) {
        error_setg(errp, "screendump: format '%s' is neither png nor ppm", format);
        return false;
    }
    if (!graphic_console_present()) {
        error_setg(errp, "There is no console to take a screendump from");
        return false;
    }
    graphic_console_update(&surface);
    bool ok = write_surface(path, &surface, as_png, errp);
    g_free(surface.pixels);
    return ok;
}
