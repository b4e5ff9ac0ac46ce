/* SPDX-License-Identifier: MIT */
#include "plot.h"

#include "html.h"

#include <stdbool.h>

#define WIDTH 300
#define HEIGHT 60

static double largest(const struct plot_point *points, size_t count)
{
    double most = -1;

    for (size_t i = 0; i < count; i++) {
        most = points[i].value > most ? points[i].value : most;
    }
    return most;
}

static void append_value(struct buf *out, double value, const char *unit)
{
    if (value < 0) {
        buf_append_text(out, "unknown");
    } else {
        buf_printf(out, value == (double)(int64_t)value ? "%.0f%s" : "%.1f%s", value, unit);
    }
}

/* A line for each run of known values; the frame's top is the largest value. */
static void append_lines(struct buf *out, const struct plot_point *points, size_t count, int64_t from_us,
                         int64_t to_us, double most)
{
    bool open = false;

    for (size_t i = 0; i < count; i++) {
        bool known = points[i].value >= 0 && points[i].at_us >= from_us && points[i].at_us <= to_us;

        if (known) {
            double x = (double)(points[i].at_us - from_us) * WIDTH / (double)(to_us - from_us);
            double y = HEIGHT - (most > 0 ? points[i].value / most * HEIGHT : 0);

            buf_printf(out, "%s%.1f,%.1f", open ? " " : "<polyline points=\"", x, y);
        } else if (open) {
            buf_append_text(out, "\"/>");
        }
        open = known;
    }
    if (open) {
        buf_append_text(out, "\"/>");
    }
}

void plot_append(struct buf *out, const char *title, const char *unit, const struct plot_point *points,
                 size_t count, int64_t from_us, int64_t to_us)
{
    double most = largest(points, count);

    html_print(out, "<figure><figcaption>%s: ", title);
    append_value(out, count == 0 ? -1 : points[count - 1].value, unit);
    buf_append_text(out, ", at most ");
    append_value(out, most, unit);
    buf_printf(out,
               "</figcaption><svg class=\"plot\" viewBox=\"0 -2 %d %d\" preserveAspectRatio=\"none\""
               " aria-hidden=\"true\" focusable=\"false\">",
               WIDTH, HEIGHT + 4);
    if (to_us > from_us) {
        append_lines(out, points, count, from_us, to_us, most);
    }
    buf_append_text(out, "</svg></figure>\n");
}
