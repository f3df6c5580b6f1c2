/*
 * asymptotics.svg by gnuplot, on logarithmic axes against e: the three distances to CGDM's law, with slopes 1 and 2, and
 * how far the covariances' difference over e^order is from its leading coefficient. One legend below the four.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "internal.h"

enum { PANELS = 4, WIDTH = 1080, HEIGHT = 960 };

static double value(const gref_asymptotics_point *p, int panel)
{
    const double of[PANELS] = {p->cov, p->mean, p->w2, p->coefficient_error};
    return of[panel];
}

/* True if the logarithm shows anything of it: gnuplot refuses an empty block of data. */
static bool has_data(const gref_asymptotics_line *line, int panel)
{
    for (int i = 0; i < line->n_points; i++)
        if (value(&line->points[i], panel) > 0.0)
            return true;
    return false;
}

static void put_data(FILE *f, int panel, int k, const gref_asymptotics_line *line)
{
    fprintf(f, "$d%d_%d << END\n", panel, k);
    for (int i = 0; i < line->n_points; i++)
        if (value(&line->points[i], panel) > 0.0)
            fprintf(f, "%.17g %.17g\n", line->points[i].e, value(&line->points[i], panel));
    fprintf(f, "END\n");
}

/* Thin lines of slope 1 and 2 above the largest value of a panel at the largest e; rounding ends the last panel's. */
static void put_guides(FILE *f, const gref_asymptotics *a, int panel)
{
    double top = 0.0, from = a->lines[0].points[0].e;
    for (int k = 0; k < a->n_lines; k++)
        top = fmax(top, value(&a->lines[k].points[0], panel));
    for (int order = 1; order <= (panel == 3 ? 1 : 2) && top > 0.0; order++)
        fprintf(f, ", %.17g*(x/%.17g)**%d with lines lw 1.5 dt 2 lc rgb '#777777' title '%s'",
                4.0 * top, from, order, panel == 0 && order == 1 ? "slopes 1 and 2" : "");
}

/* One curve; pigdm's nearly coincide, so the first of them are drawn wide. */
static void put_curve(FILE *f, int panel, int k, const gref_asymptotics_line *line)
{
    static const char *const colors[] = {"#009e73", "#e69f00", "#cc79a7", "#56b4e9"};
    static const char *const of_pigdm[] = {"#0072b2", "#d55e00", "#000000"};
    char name[40], title[64];
    bool dps = line->alpha > 0.0;
    gref_asymptotics_name(name, sizeof name, line);
    snprintf(title, sizeof title, "%s, %s", line->sampler, name);
    fprintf(f, "$d%d_%d using 1:2 with linespoints lw %d ps 0.6 pt %d lc rgb '%s' title ", panel, k,
            dps ? 2 : 5 - 2 * (int)line->r2, 4 + k % 10,
            dps ? colors[k % 4] : of_pigdm[line->r2 % 3]);
    gref_gnuplot_quote(f, panel == 0 ? title : "");
    fprintf(f, " noenhanced");
}

static void draw_panel(FILE *f, const gref_asymptotics *a, int panel)
{
    static const char *const titles[PANELS] = {
        "|C - C\u2080|\u2082 / |C\u2080|\u2082", "|\u03bc - \u03bc\u2080|, pixel units",
        "W\u2082 between the laws, pixel units", "relative error of the leading coefficient of C"};
    bool first = true;
    fprintf(f, "set title \"%s\"\n", titles[panel]);
    for (int k = 0; k < a->n_lines; k++)
        if (has_data(&a->lines[k], panel))
            put_data(f, panel, k, &a->lines[k]);
    for (int k = 0; k < a->n_lines; k++)
        if (has_data(&a->lines[k], panel)) {
            fprintf(f, "%s", first ? "plot " : ", ");
            put_curve(f, panel, k, &a->lines[k]);
            first = false;
        }
    if (first)
        fprintf(f, "plot NaN notitle");
    else
        put_guides(f, a, panel);
    fprintf(f, "\n");
}

/* Axes from the largest and the smallest value of a panel; gnuplot's own if there is none. */
static void put_ranges(FILE *f, const gref_asymptotics *a, int panel)
{
    double lo = INFINITY, hi = 0.0;
    for (int k = 0; k < a->n_lines; k++)
        for (int i = 0; i < a->lines[k].n_points; i++) {
            double v = value(&a->lines[k].points[i], panel);
            lo = v > 0.0 ? fmin(lo, v) : lo;
            hi = fmax(hi, v);
        }
    if (hi > 0.0)
        fprintf(f, "set yrange [%.3e:%.3e]\n", lo / 3.0, hi * 10.0);
    else
        fprintf(f,
                "set yrange [1e-16:1]\nset label 1 'equal at every e' at graph 0.5,0.5 center\n");
}

static gref_status write_script(FILE *f, const void *what)
{
    const gref_asymptotics *a = what;
    const gref_asymptotics_point *p = a->lines[0].points;
    int rows =
        (a->n_lines + 1 + 2) / 3; /* of the legend: a line each and the slopes, in 3 columns */
    fprintf(
        f,
        "reset\nset terminal svg enhanced size %d,%d font 'DejaVu Sans,14' background rgb "
        "'white'\n"
        "set output 'asymptotics.svg'\nset logscale xy\nset format xy '10^{%%T}'\nset border 3\n"
        "set tics nomirror\nunset mxtics\nunset mytics\nset grid lc rgb '#dddddd'\n"
        "set key at screen 0.5, screen 0.005 center bottom vertical maxrows %d samplen 3\n"
        "set xlabel 'e = 1 - abar'\nset xrange [%.3e:%.3e]\n"
        "set multiplot layout 2,2 margins 0.08,0.98,%.4f,0.9 spacing 0.11,0.13 title 'modelled law "
        "N(\u03bc, C) of each sampler against that of cgdm, N(\u03bc\u2080, C\u2080)'\n",
        WIDTH, HEIGHT, rows, p[a->lines[0].n_points - 1].e / 2.0, p[0].e * 2.0,
        0.085 + 0.0225 * rows);
    for (int panel = 0; panel < PANELS; panel++) {
        put_ranges(f, a, panel);
        draw_panel(f, a, panel);
        fprintf(f, "unset label 1\n");
    }
    fprintf(f, "unset multiplot\nunset output\n");
    return GREF_OK;
}

gref_status gref_asymptotics_draw(gref_asymptotics_report *report, const char *dir)
{
    return gref_gnuplot(report->note, sizeof report->note, dir, write_script, report->a);
}
