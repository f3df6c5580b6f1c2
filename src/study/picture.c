/*
 * The pictures of a study: problem.png, bias.png, samples.png by panels.c, and w2.svg. Scripts carry their data inline; a
 * gnuplot that is missing or fails costs the pictures, not the study, and is said in study->note.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "files/internal.h"
#include "internal.h"

static void range_of(gref_cmat x, double *lo, double *hi)
{
    for (int j = 0; j < x.n; j++)
        for (int i = 0; i < x.m; i++) {
            *lo = fmin(*lo, GREF_AT(x, i, j));
            *hi = fmax(*hi, GREF_AT(x, i, j));
        }
}

static int widest_label(const gref_study *s)
{
    int widest = 0;
    for (int i = 0; i < s->n_samplers; i++) {
        int width = gref_panels_label_width(s->samplers[i].spec.label);
        widest = width > widest ? width : widest;
    }
    return widest;
}

/*
 * v as a picture: measured pixels at their places, or its own shape. `own` is the scale if it is not that of the other
 * panels, else "".
 */
static gref_status draw_measurement(const gref_panels *g, int j, const gref_study *s,
                                    const char *own)
{
    SCOPED(gref_mat) filled = {0};
    char title[128];
    snprintf(title, sizeof title, "%s%s", s->v_place.a == NULL ? "v" : "v (hatched: missing)", own);
    if (s->v_place.a == NULL) {
        gref_panels_image(g, 0, j, gref_const(s->v), s->v_rows, s->v_cols, title);
        return GREF_OK;
    }
    TRY(gref_mat_new(&filled, s->n, 1));
    gref_mat_fill(filled, NAN);
    for (int i = 0; i < s->m; i++)
        filled.a[(int)s->v_place.a[i]] = s->v.a[i];
    gref_panels_image(g, 0, j, gref_const(filled), s->rows, s->cols, title);
    return GREF_OK;
}

/* On one gray scale v or the images would keep little contrast: A has a gain, or no pixel units. */
static bool needs_own_scale(const double v[2], const double images[2])
{
    double together = fmax(v[1], images[1]) - fmin(v[0], images[0]), span = images[1] - images[0];
    return together > 2.0 * span || 8.0 * (v[1] - v[0]) < span;
}

static gref_status draw_problem(FILE *f, const gref_study *s)
{
    SCOPED(gref_mat) image = {0};
    double images[2] = {INFINITY, -INFINITY}, v[2] = {INFINITY, -INFINITY};
    char title[128], note[128], own[64] = "";
    int count = (s->image.a != NULL) + (s->x0.a != NULL) + 2, j = 0;
    if (s->image.a != NULL) {
        TRY(gref_mat_new(&image, s->image.m * s->image.n, 1));
        for (int i = 0; i < image.m; i++)
            image.a[i] = GREF_AT(s->image, i / s->image.n, i % s->image.n);
        range_of(gref_const(image), &images[0], &images[1]);
    }
    range_of(gref_const(s->x0), &images[0], &images[1]);
    range_of(gref_const(s->mu_post), &images[0], &images[1]);
    range_of(gref_const(s->v), &v[0], &v[1]);
    bool apart = needs_own_scale(v, images);
    if (apart)
        snprintf(own, sizeof own, ", on [%.3g, %.3g]", v[0], v[1]);
    else
        range_of(gref_const(s->v), &images[0], &images[1]);
    snprintf(title, sizeof title, "v = A x_0 + σ n:  n = %d, m = %d, σ = %g", s->n, s->m, s->sigma);
    snprintf(note, sizeof note, "Gray scale [%.3g, %.3g]%s.%s", images[0], images[1],
             apart ? ", but for v, which has its own" : " in all panels",
             s->rows > GREF_PANEL_MOST || s->cols > GREF_PANEL_MOST ? " Centres only." : "");
    gref_panels g = gref_panels_open(f, "problem.png", 1, count, 0, title, note);
    gref_panels_gray(&g, images[0], images[1]);
    fprintf(
        f,
        "set object 1 rectangle from graph 0,0 to graph 1,1 behind fc rgb '#d9b38c' fs pattern 4 "
        "noborder\n");
    if (s->image.a != NULL)
        gref_panels_image(&g, 0, j++, gref_const(image), s->image.m, s->image.n, "image");
    if (s->x0.a != NULL)
        gref_panels_image(&g, 0, j++, gref_const(s->x0), s->rows, s->cols, "x₀, to be found");
    if (apart)
        gref_panels_gray(&g, v[0], v[1]);
    TRY(draw_measurement(&g, j++, s, own));
    gref_panels_gray(&g, images[0], images[1]);
    gref_panels_image(&g, 0, j, gref_const(s->mu_post), s->rows, s->cols, "exact posterior mean");
    gref_panels_close(&g);
    return GREF_OK;
}

/* Largest |bias| of sampler s at the k-th t of laws_at; -1 if there is none. */
static double largest_bias(const gref_study *s, const gref_study_sampler *sampler, int k, int t)
{
    double largest = 0.0;
    if (sampler->diverged_at >= t)
        return -1.0;
    for (int p = 0; p < s->n; p++) {
        double b = fabs(GREF_AT(sampler->bias, p, k));
        if (!isfinite(b))
            return -1.0;
        largest = fmax(largest, b);
    }
    return largest;
}

/*
 * Half the common scale: the largest |bias| of the stable samplers, so that an unstable one hides no other. Without
 * any, the largest that is not beyond OUTLIER times the smallest panel's. `rule` says which.
 */
static double bias_scale(const char **rule, const gref_study *s, const int *t, int count)
{
    enum { OUTLIER = 100 };
    double all = 0.0, stable = 0.0, least = INFINITY, near = 0.0;
    for (int i = 0; i < s->n_samplers * count; i++) {
        const gref_study_sampler *sampler = &s->samplers[i / count];
        double b = largest_bias(s, sampler, i % count, t[i % count]);
        all = fmax(all, b);
        stable = sampler->stable ? fmax(stable, b) : stable;
        least = b > 0.0 ? fmin(least, b) : least;
    }
    for (int i = 0; i < s->n_samplers * count; i++) {
        double b = largest_bias(s, &s->samplers[i / count], i % count, t[i % count]);
        near = b <= OUTLIER * least ? fmax(near, b) : near;
    }
    if (stable > 0.0) {
        *rule = stable < all ? "the largest |m_t − μ_{t|v}| of the stable samplers; panels of "
                               "unstable ones that exceed it are clipped"
                             : "the largest |m_t − μ_{t|v}|";
        return stable;
    }
    *rule = near < all ? "no sampler is stable: the largest |m_t − μ_{t|v}| up to 100 times the "
                         "smallest panel's; panels that exceed it are clipped"
                       : "the largest |m_t − μ_{t|v}|";
    return near > 0.0 ? near : 1.0;
}

/* Less than FAINT of the scale is white to the eye. */
static void bias_title(char *title, size_t size, int t, double largest, double scale)
{
    const double FAINT = 0.02;
    snprintf(title, size, "t = %d, max %.2g%s", t, largest,
             largest > scale           ? ", clipped"
             : largest < FAINT * scale ? ", faint"
                                       : "");
}

static void draw_bias(FILE *f, const gref_study *s)
{
    const int *t = NULL;
    const char *rule = NULL;
    int count = gref_case_laws_at(s->c, &t);
    double scale = bias_scale(&rule, s, t, count);
    char title[128], note[256];
    snprintf(note, sizeof note, "One colour scale, ±%.3g: %s.%s", scale, rule,
             s->rows > GREF_PANEL_MOST || s->cols > GREF_PANEL_MOST ? " Centres only." : "");
    gref_panels g =
        gref_panels_open(f, "bias.png", s->n_samplers, count, widest_label(s),
                         "Bias m_t − μ_{t|v} of each sampler's mean, pixel units", note);
    fprintf(f,
            "set palette defined (-1 '#053061', -0.5 '#4393c3', 0 '#f7f7f7', 0.5 '#d6604d', 1 "
            "'#67001f')\n"
            "set cbrange [%.6g:%.6g]\n",
            -scale, scale);
    gref_panels_color_box(&g);
    for (int i = 0; i < s->n_samplers; i++)
        for (int k = 0; k < count; k++) {
            const gref_study_sampler *sampler = &s->samplers[i];
            double largest = largest_bias(s, sampler, k, t[k]);
            if (k == 0)
                gref_panels_row(&g, i, sampler->spec.label, sampler->stable ? "" : "unstable");
            if (largest >= 0.0) {
                bias_title(title, sizeof title, t[k], largest, scale);
                gref_panels_image(&g, i, k, gref_const(gref_mat_view(sampler->bias, 0, k, s->n, 1)),
                                  s->rows, s->cols, title);
            } else {
                snprintf(title, sizeof title, "t = %d", t[k]);
                gref_panels_words(&g, i, k, title,
                                  sampler->diverged_at >= t[k] && !sampler->lost
                                      ? "diverged"
                                      : "lost to rounding");
            }
        }
    gref_panels_close(&g);
}

/* What the reader of row i must know besides its label. */
static void samples_remark(char *remark, size_t size, const gref_study_sampler *s, double lo,
                           double hi)
{
    double least = INFINITY, most = -INFINITY;
    range_of(gref_const(s->samples), &least, &most);
    remark[0] = '\0';
    if (least < lo || most > hi)
        snprintf(remark, size, "%sclipped: values in [%.3g, %.3g]", s->stable ? "" : "unstable, ",
                 least, most);
    else if (!s->stable)
        snprintf(remark, size, "unstable");
}

/* The gray scale is that of the posterior and of the stable samplers: an unstable one would leave no contrast. */
static void draw_samples(FILE *f, const gref_study *s)
{
    double lo = INFINITY, hi = -INFINITY;
    char note[256], remark[128];
    bool any_unstable = false;
    range_of(gref_const(s->samples), &lo, &hi);
    for (int i = 0; i < s->n_samplers; i++) {
        any_unstable |= !s->samplers[i].stable;
        if (s->samplers[i].stable)
            range_of(gref_const(s->samplers[i].samples), &lo, &hi);
    }
    snprintf(note, sizeof note,
             "Samplers: same noise in every row of a column (common seed). Posterior: exact, drawn "
             "independently of it. Gray scale [%.3g, %.3g]%s.%s",
             lo, hi, any_unstable ? " of the posterior and the stable samplers" : "",
             s->rows > GREF_PANEL_MOST || s->cols > GREF_PANEL_MOST ? " Centres only." : "");
    gref_panels g = gref_panels_open(f, "samples.png", s->n_samplers + 1, s->samples.n,
                                     widest_label(s), "Samples at t = 0", note);
    gref_panels_gray(&g, lo, hi);
    gref_panels_color_box(&g);
    for (int k = 0; k < s->samples.n; k++) {
        if (k == 0)
            gref_panels_row(&g, 0, "posterior", "");
        gref_panels_image(&g, 0, k, gref_const(gref_mat_view(s->samples, 0, k, s->n, 1)), s->rows,
                          s->cols, " ");
    }
    for (int i = 0; i < s->n_samplers; i++)
        for (int k = 0; k < s->samples.n; k++) {
            const gref_study_sampler *sampler = &s->samplers[i];
            samples_remark(remark, sizeof remark, sampler, lo, hi);
            if (k == 0)
                gref_panels_row(&g, i + 1, sampler->spec.label, remark);
            if (sampler->samples.a != NULL)
                gref_panels_image(&g, i + 1, k,
                                  gref_const(gref_mat_view(sampler->samples, 0, k, s->n, 1)),
                                  s->rows, s->cols, " ");
            else
                gref_panels_words(&g, i + 1, k, " ",
                                  sampler->lost || sampler->mean_lost ? "lost to rounding"
                                                                      : "diverged");
        }
    gref_panels_close(&g);
}

static void put_curve_data(FILE *f, int i, const gref_study_sampler *s)
{
    fprintf(f, "$w%d << END\n", i);
    for (int k = 0; k < s->n_rows; k++)
        if (!s->rows[k].diverged && s->rows[k].w2.w2 > 0.0)
            fprintf(f, "%d %.9g\n", s->rows[k].t, s->rows[k].w2.w2);
    fprintf(f, "END\n$m%d << END\n", i);
    for (int k = 0; k < s->n_rows; k++)
        if (s->rows[k].modelled.w2 > 0.0)
            fprintf(f, "%d %.9g\n", s->rows[k].t, s->rows[k].modelled.w2);
    fprintf(f, "END\n");
}

/* True if a curve has a point at all: gnuplot refuses an empty data block. */
static bool has_curve(const gref_study_sampler *s, bool modelled)
{
    for (int k = 0; k < s->n_rows; k++)
        if (modelled ? s->rows[k].modelled.w2 > 0.0
                     : !s->rows[k].diverged && s->rows[k].w2.w2 > 0.0)
            return true;
    return false;
}

/* Bottom of the axis: below every law, above what the modelled laws come to by rounding at t = 0. */
static double lowest_law(const gref_study *s)
{
    double lowest = INFINITY;
    for (int i = 0; i < s->n_samplers; i++)
        for (int k = 0; k < s->samplers[i].n_rows; k++) {
            const gref_study_row *row = &s->samplers[i].rows[k];
            if (!row->diverged && row->w2.w2 > 0.0)
                lowest = fmin(lowest, row->w2.w2);
        }
    return isfinite(lowest) ? pow(10.0, floor(log10(lowest / 2.0))) : 1e-12;
}

/* Top of the axis, so that a law that grows leaves the others visible; 0 for gnuplot's own choice. */
static double highest_law(const gref_study *s)
{
    double highest = 0.0;
    bool grows = false;
    for (int i = 0; i < s->n_samplers; i++)
        for (int k = 0; k < s->samplers[i].n_rows; k++) {
            const gref_study_row *row = &s->samplers[i].rows[k];
            grows |= !s->samplers[i].stable;
            highest = fmax(highest, row->modelled.w2);
            highest = s->samplers[i].stable ? fmax(highest, row->w2.w2) : highest;
        }
    return grows && highest > 0.0 ? pow(10.0, ceil(log10(highest) + 2.0)) : 0.0;
}

static void put_curve_title(FILE *f, const gref_study_sampler *s, bool modelled)
{
    char title[160];
    if (modelled)
        snprintf(title, sizeof title, "%s, modelled law", s->spec.label);
    else if (!s->stable)
        snprintf(title, sizeof title, "%s, unstable from t = %d", s->spec.label, s->first_unstable);
    else
        snprintf(title, sizeof title, "%s", s->spec.label);
    gref_gnuplot_quote(f, title);
}

static void draw_w2(FILE *f, const gref_study *s)
{
    static const char *const colors[] = {"#0072b2", "#d55e00", "#009e73",
                                         "#cc79a7", "#e69f00", "#56b4e9"};
    fprintf(f,
            "reset\nset terminal svg enhanced size 860,560 font 'DejaVu Sans,13' background rgb "
            "'white'\n"
            "set output 'w2.svg'\nset logscale y\nset format y '%%g'\nset xrange [%d:0]\n"
            "set xlabel 't (backward process runs from left to right)'\n"
            "set ylabel 'W_2 to p_t(x | v), pixel units'\nset grid lc rgb '#dddddd'\n"
            "set key outside right top Left reverse samplen 2\nset border 3\nset tics nomirror\n",
            s->T);
    if (highest_law(s) > 0.0)
        fprintf(f, "set yrange [%.3e:%.3e]\n", lowest_law(s), highest_law(s));
    else
        fprintf(f, "set yrange [%.3e:*]\n", lowest_law(s));
    for (int i = 0; i < s->n_samplers; i++)
        put_curve_data(f, i, &s->samplers[i]);
    const char *separator = "plot ";
    for (int i = 0; i < s->n_samplers; i++)
        for (int modelled = 0; modelled < 2; modelled++) {
            if (!has_curve(&s->samplers[i], modelled != 0))
                continue;
            fprintf(f, "%s$%c%d using 1:2 with lines lw %s lc rgb '%s' title ", separator,
                    modelled ? 'm' : 'w', i, modelled ? "1.5 dt 2" : "2.5", colors[i % 6]);
            put_curve_title(f, &s->samplers[i], modelled != 0);
            fprintf(f, " noenhanced");
            separator = ", ";
        }
    fprintf(f, "\nunset output\n");
}

static gref_status write_script(FILE *f, const void *what)
{
    const gref_study *study = what;
    TRY(draw_problem(f, study));
    draw_bias(f, study);
    draw_samples(f, study);
    draw_w2(f, study);
    return GREF_OK;
}

gref_status gref_study_draw(gref_study *study, const char *dir)
{
    return gref_gnuplot(study->note, sizeof study->note, dir, write_script, study);
}
