/*
 * A grid of image panels on one canvas, by gnuplot: titles above, labels left of the rows, a colour scale on the right.
 *
 * The terminal reads markup ("m_t", "μ_{t|v}"), for the heading alone: every other text, labels of the user among
 * them, is marked noenhanced where it is set.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "internal.h"

enum { PANEL = 220, GAP = 10, STEP = 34, RIGHT = 90, BOTTOM = 20 }; /* canvas pixels */
enum { LEAST_LEFT = 110, LABEL = 200 };                             /* room for labels of rows */
enum { MOST_LINES = 8, LINE = 256 };
enum { TITLE_FONT = 13, FONT = 11, NOTE_FONT = 10 };

typedef char wrapped[MOST_LINES][LINE];

/* Pixels that a letter takes at most about, of DejaVu Sans: a point is 4/3 pixels. */
static double advance(char c, int font)
{
    static const struct {
        const char *letters;
        double em;
    } widths[] = {{"mwMW%@", 0.99},
                  {"=+<>~", 0.84},
                  {"ABCDEFGHIJKLNOPQRSTUVXYZ", 0.74},
                  {"ijl .,:;|-()[]{}'", 0.36},
                  {"ftr", 0.42}};
    double em = ((unsigned char)c & 0xC0U) == 0x80U ? 0.0 : 0.64; /* 0 within a UTF-8 sequence */
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++)
        if (strchr(widths[k].letters, c) != NULL)
            em = widths[k].em;
    return em * font * 4.0 / 3.0;
}

/* Lines of at most `most` pixels, ending after one of `breaks` where there is one; returns how many. */
static int wrap(wrapped lines, const char *text, const char *breaks, int font, double most)
{
    int count = 0;
    while (*text != '\0' && count < MOST_LINES) {
        int end = 0, cut = 0;
        double x = 0.0;
        while (text[end] != '\0' && end < LINE - 1 && (x += advance(text[end], font)) <= most) {
            end++;
            if (strchr(breaks, text[end - 1]) != NULL)
                cut = end;
        }
        if (text[end] == '\0' || cut == 0)
            cut = end > 0 ? end : 1;
        int length = cut - (text[cut - 1] == ' ' ? 1 : 0);
        snprintf(lines[count++], LINE, "%.*s", length, text);
        text += cut;
    }
    return count;
}

static int wrap_label(wrapped lines, const char *label)
{
    return wrap(lines, label, " -_.+=", FONT, LABEL);
}

int gref_panels_label_width(const char *label)
{
    wrapped lines;
    double widest = 0.0;
    int count = wrap_label(lines, label);
    for (int k = 0; k < count; k++) {
        double x = 0.0;
        for (const char *c = lines[k]; *c != '\0'; c++)
            x += advance(*c, FONT);
        widest = fmax(widest, x);
    }
    return (int)ceil(widest);
}

/* Centred lines from y pixels below the upper edge; returns y below them. `tag` numbers gnuplot's labels. */
static int put_heading(const gref_panels *g, int *tag, wrapped lines, int count, int font, int y)
{
    for (int k = 0; k < count; k++) {
        y += 2 * font - (font + 1) / 2;
        fprintf(g->f, "set label %d ", (*tag)++);
        gref_gnuplot_quote(g->f, lines[k]);
        fprintf(g->f, " at screen 0.5, screen %.5f center enhanced font 'DejaVu Sans,%d'\n",
                1.0 - (y - font / 2.0) / g->height, font);
    }
    return y;
}

gref_panels gref_panels_open(FILE *f, const char *file, int rows, int cols, int label_width,
                             const char *title, const char *note)
{
    wrapped titles, notes;
    int left = label_width + 20 > LEAST_LEFT ? label_width + 20 : LEAST_LEFT;
    gref_panels g = {.f = f, .rows = rows, .cols = cols, .left = left, .width = 0};
    g.width = left + cols * (PANEL + GAP) + RIGHT;
    int n_titles = wrap(titles, title, " ", TITLE_FONT, g.width - 20.0);
    int n_notes = wrap(notes, note, " ", NOTE_FONT, g.width - 20.0);
    g.top = 42 + n_titles * (2 * TITLE_FONT - 7) + n_notes * (2 * NOTE_FONT - 5);
    g.height = g.top + rows * (PANEL + STEP) - STEP + BOTTOM;
    fprintf(f, "reset\nset terminal pngcairo enhanced size %d,%d font 'DejaVu Sans,%d'\n", g.width,
            g.height, FONT);
    fprintf(f, "set output '%s'\nset multiplot\nunset key\nunset tics\n", file);
    int tag = 100, y = put_heading(&g, &tag, titles, n_titles, TITLE_FONT, 5);
    put_heading(&g, &tag, notes, n_notes, NOTE_FONT, y + 6);
    return g;
}

void gref_panels_close(const gref_panels *g)
{
    fprintf(g->f, "unset multiplot\nunset output\n");
}

/* Puts the next plot into cell (i, j), the picture filling it without distortion. */
static void place(const gref_panels *g, int i, int j)
{
    double x0 = g->left + j * (PANEL + GAP), y1 = g->height - g->top - i * (PANEL + STEP);
    fprintf(g->f, "set lmargin at screen %.5f\nset rmargin at screen %.5f\n", x0 / g->width,
            (x0 + PANEL) / g->width);
    fprintf(g->f, "set tmargin at screen %.5f\nset bmargin at screen %.5f\n", y1 / g->height,
            (y1 - PANEL) / g->height);
}

void gref_panels_row(const gref_panels *g, int i, const char *label, const char *remark)
{
    wrapped lines[2];
    int count[2] = {wrap_label(lines[0], label),
                    wrap(lines[1], remark, " ", NOTE_FONT, g->left - 20.0)};
    double y = g->top + i * (PANEL + STEP) + PANEL / 2.0 - (count[0] + count[1] - 1) * 9.0;
    int tag = 20;
    for (int part = 0; part < 2; part++)
        for (int k = 0; k < count[part]; k++, y += 18.0) {
            fprintf(g->f, "set label %d ", tag++);
            gref_gnuplot_quote(g->f, lines[part][k]);
            fprintf(g->f,
                    " at screen %.5f, screen %.5f right noenhanced font 'DejaVu Sans,%d' tc rgb "
                    "'%s'\n",
                    (g->left - 10.0) / g->width, 1.0 - y / g->height, part == 0 ? FONT : NOTE_FONT,
                    part == 0 ? "black" : "#a03000");
        }
}

/* Centre of an axis of `length` pixels that a panel can show: where it begins, and how many there are. */
static int shown(int *first, int length)
{
    int count = length < GREF_PANEL_MOST ? length : GREF_PANEL_MOST;
    *first = (length - count) / 2;
    return count;
}

void gref_panels_image(const gref_panels *g, int i, int j, gref_cmat pixels, int rows, int cols,
                       const char *title)
{
    FILE *f = g->f;
    int top, left, height = shown(&top, rows), width = shown(&left, cols);
    place(g, i, j);
    fprintf(f, "set title ");
    gref_gnuplot_quote(f, title);
    fprintf(f, " offset 0,-0.6 noenhanced\n$image << END\n");
    for (int a = top; a < top + height; a++) {
        for (int b = left; b < left + width; b++) {
            double x = pixels.a[(size_t)a * cols + b];
            if (isfinite(x))
                fprintf(f, "%.6g ", x);
            else
                fprintf(f, "NaN ");
        }
        fprintf(f, "\n");
    }
    int span = height > width ? height : width;
    fprintf(f, "END\nset xrange [%g:%g]\nset yrange [%g:%g]\n", (width - span) / 2.0 - 0.5,
            (width + span) / 2.0 - 0.5, (height + span) / 2.0 - 0.5, (height - span) / 2.0 - 0.5);
    fprintf(f, "unset border\nplot $image matrix with image\nunset label\nunset colorbox\n");
}

void gref_panels_words(const gref_panels *g, int i, int j, const char *title, const char *words)
{
    place(g, i, j);
    fprintf(g->f, "set xrange [0:1]\nset yrange [0:1]\nset title ");
    gref_gnuplot_quote(g->f, title);
    fprintf(g->f, " offset 0,-0.6 noenhanced\nset border 15 lc rgb '#cccccc'\nset label 1 ");
    gref_gnuplot_quote(g->f, words);
    fprintf(g->f, " at 0.5,0.5 center noenhanced\nplot NaN\nunset label\n");
}

void gref_panels_gray(const gref_panels *g, double lo, double hi)
{
    fprintf(g->f, "set palette gray\nset cbrange [%.6g:%.6g]\nunset colorbox\n", lo,
            hi > lo ? hi : lo + 1);
}

void gref_panels_color_box(const gref_panels *g)
{
    double x = g->left + g->cols * (PANEL + GAP) + 8.0;
    int length = g->rows * (PANEL + STEP) - STEP;
    fprintf(g->f,
            "set colorbox user origin screen %.5f, screen %.5f size screen %.5f, screen %.5f\n",
            x / g->width, (g->height - g->top - length) / (double)g->height, 14.0 / g->width,
            length / (double)g->height);
    fprintf(g->f, "set cbtics font 'DejaVu Sans,9'\nset format cb '%%g'\n");
}
