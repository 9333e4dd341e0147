/* ui/console.c  The one display source of the machine, and the surfaces it draws into. */
#include "ui/console.h"

static const GraphicHwOps *console_ops;
static void *console_opaque;

/* The first display adapter is the primary one. */
void graphic_console_register(const GraphicHwOps *ops, void *opaque)
{
    if (!console_ops) {
        console_ops = ops;
        console_opaque = opaque;
    }
}

bool graphic_console_present(void)
{
    return console_ops != NULL;
}

void display_surface_resize(DisplaySurface *s, int width, int height)
{
    if (s->pixels && s->width == width && s->height == height) {
        return;
    }
    g_free(s->pixels);
    s->pixels = g_new0(uint32_t, (size_t)width * height);
    s->width = width;
    s->height = height;
}

void graphic_console_update(DisplaySurface *surface)
{
    if (console_ops) {
        console_ops->update(console_opaque, surface);
    } else {
        display_surface_resize(surface, 640, 480);
    }
}

char *graphic_console_text(void)
{
    return console_ops && console_ops->text ? console_ops->text(console_opaque) : NULL;
}
