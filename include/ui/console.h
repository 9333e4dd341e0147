/* ui/console.h  A display source: a chip that can draw itself. Headless by default; screendump and displays pull. */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include "util/error.h"

typedef struct DisplaySurface {
    int width, height;
    uint32_t *pixels; /* width * height, 0x00RRGGBB */
} DisplaySurface;

typedef struct GraphicHwOps {
    /* Draw the present picture into *surface (resized with display_surface_resize when needed). machine_lock held; no
     * guest-visible effect. */
    void (*update)(void *opaque, DisplaySurface *surface);
    /* Text mode: the characters as rows ended by newline; NULL when in a graphics mode. g_free it. */
    char *(*text)(void *opaque);
} GraphicHwOps;

void graphic_console_register(const GraphicHwOps *ops, void *opaque);
bool graphic_console_present(void);
void display_surface_resize(DisplaySurface *s, int width, int height);
void graphic_console_update(DisplaySurface *surface);
char *graphic_console_text(void);
/* machine_lock held. format: "png" or "ppm". */
bool screendump(const char *path, const char *format, Error **errp);

#endif
