/*
 * The pictures of a study: what problem.png, bias.png, samples.png (gp/panels.gp) and w2.svg
 * (gp/w2.gp) show and say. A gnuplot that is missing or fails costs the pictures, not the study,
 * and is said in study->note.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "internal.h"

enum { PANEL_MOST = 192 }; /* pixels of a side: more would not be seen in a panel */

/* The two files of data that gp/panels.gp draws a picture from. */
typedef struct {
    FILE *texts, *pixels;
} panels;

static gref_status panels_open(panels *g, gref_plot *plot, const char *name)
{
    char file[32];
    snprintf(file, sizeof file, "%s.txt", name);
    TRY(gref_plot_file(&g->texts, plot, file));
    snprintf(file, sizeof file, "%s.bin", name);
    return gref_plot_file(&g->pixels, plot, file);
}

/* A text of that kind; its place is (i, j). */
static void GREF_PRINTF(5, 6)
    put_text(const panels *g, const char *kind, int i, int j, const char *format, ...)
{
    va_list values;
    fprintf(g->texts, "%s\t%d\t%d\t0\t0\t0\t", kind, i, j);
    va_start(values, format);
    vfprintf(g->texts, format, values);
    va_end(values);
    fputc('\n', g->texts);
}

/* Centre of an axis of `length` pixels that a panel can show: where it begins, and how many there
 * are. */
static int shown(int *first, int length)
{
    int count = length < PANEL_MOST ? length : PANEL_MOST;
    *first = (length - count) / 2;
    return count;
}

/* One image, or the centre of a large one, in panel (i, j). */
static void put_image(const panels *g, int i, int j, gref_cmat x, int rows, int cols)
{
    int top, left, height = shown(&top, rows), width = shown(&left, cols);
    fprintf(g->texts, "image\t%d\t%d\t%d\t%d\t%ld\t\n", i, j, height, width, ftell(g->pixels));
    for (int a = top; a < top + height; a++)
        fwrite(&x.a[(size_t)a * cols + left], sizeof *x.a, (size_t)width, g->pixels);
}

static void put_centres_only(const panels *g, int line, const gref_study *s)
{
    if (s->rows > PANEL_MOST || s->cols > PANEL_MOST)
        put_text(g, "note", line, 0, "Centres only.");
}

static void range_of(gref_cmat x, double *lo, double *hi)
{
    for (int j = 0; j < x.n; j++)
        for (int i = 0; i < x.m; i++) {
            *lo = fmin(*lo, GREF_AT(x, i, j));
            *hi = fmax(*hi, GREF_AT(x, i, j));
        }
}

/* On one gray scale v or the images would keep little contrast: A has a gain, or no pixel units. */
static bool needs_own_scale(const double v[2], const double images[2])
{
    double together = fmax(v[1], images[1]) - fmin(v[0], images[0]), span = images[1] - images[0];
    return together > 2.0 * span || 8.0 * (v[1] - v[0]) < span;
}

/* v in panel j of problem.png, taken from the scale `from` to the scale `to`: in its own shape, or measured pixels at
 * their places. */
static gref_status put_measurement(const panels *g, int j, const gref_study *s,
                                   const double from[2], const double to[2])
{
    SCOPED(gref_mat) picture = {0};
    bool placed = s->v_place.a != NULL;
    int rows = placed ? s->rows : s->v_rows, cols = placed ? s->cols : s->v_cols;
    double gain = (to[1] - to[0]) / (from[1] > from[0] ? from[1] - from[0] : 1.0);
    TRY(gref_mat_new(&picture, rows * cols, 1));
    gref_mat_fill(picture, NAN);
    for (int i = 0; i < s->m; i++)
        picture.a[placed ? (int)s->v_place.a[i] : i] = to[0] + gain * (s->v.a[i] - from[0]);
    if (placed)
        fprintf(g->texts, "hatch\t0\t%d\t%d\t%d\t0\t\n", j, rows, cols);
    put_image(g, 0, j, gref_const(picture), rows, cols);
    return GREF_OK;
}

/* The original, x0 and the posterior's mean; returns the panel left free for v. */
static gref_status put_images(int *free_panel, int *count, const panels *g, const gref_study *s)
{
    SCOPED(gref_mat) image = {0};
    int j = 0;
    if (s->image.a != NULL) {
        TRY(gref_mat_new(&image, s->image.n, s->image.m)); /* by rows */
        gref_mat_transpose(image, gref_const(s->image));
        put_text(g, "panel", 0, j, "image");
        put_image(g, 0, j++, gref_const(image), s->image.m, s->image.n);
    }
    if (s->x0.a != NULL) {
        put_text(g, "panel", 0, j, "x₀, to be found");
        put_image(g, 0, j++, gref_const(s->x0), s->rows, s->cols);
    }
    *free_panel = j++;
    put_text(g, "panel", 0, j, "exact posterior mean");
    put_image(g, 0, j++, gref_const(s->mu_post), s->rows, s->cols);
    *count = j;
    return GREF_OK;
}

static gref_status draw_problem(gref_plot *plot, const gref_study *s)
{
    panels g;
    double images[2] = {INFINITY, -INFINITY}, v[2] = {INFINITY, -INFINITY};
    char own[64] = "";
    int j, count;
    range_of(gref_const(s->image), &images[0], &images[1]);
    range_of(gref_const(s->x0), &images[0], &images[1]);
    range_of(gref_const(s->mu_post), &images[0], &images[1]);
    range_of(gref_const(s->v), &v[0], &v[1]);
    bool apart = needs_own_scale(v, images);
    if (apart)
        snprintf(own, sizeof own, ", on [%.3g, %.3g]", v[0], v[1]);
    else
        range_of(gref_const(s->v), &images[0], &images[1]);
    double scale[2] = {images[0], images[1] > images[0] ? images[1] : images[0] + 1.0};
    TRY(panels_open(&g, plot, "problem"));
    put_text(&g, "title", 0, 0, "v = A x_0 + σ n:  n = %d, m = %d, σ = %g", s->n, s->m, s->sigma);
    put_text(&g, "note", 0, 0, "Gray scale [%.3g, %.3g]%s.", images[0], images[1],
             apart ? ", but for v, which has its own" : " in all panels");
    put_centres_only(&g, 1, s);
    TRY(put_images(&j, &count, &g, s));
    put_text(&g, "panel", 0, j, "%s%s", s->v_place.a == NULL ? "v" : "v (hatched: missing)", own);
    TRY(put_measurement(&g, j, s, apart ? v : scale, scale));
    fprintf(plot->script, "set palette gray\ncall 'panels.gp' 'problem' 1 %d 1 '%.6g' '%.6g'\n",
            count, scale[0], scale[1]);
    return GREF_OK;
}

/* Largest |bias| of sampler s at the k-th t of laws_at; -1 if there is none. */
static double largest_bias(const gref_study *s, const gref_study_sampler *sampler, int k, int t)
{
    double largest = 0.0;
    if (sampler->diverged_at >= t || gref_study_row_at(sampler, t) == NULL)
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
 * Half the common scale: the largest |bias| of the stable samplers, so that an unstable one hides
 * no other. Without any, the largest that is not beyond OUTLIER times the smallest panel's. The
 * notes say which.
 */
static double bias_scale(const panels *g, const gref_study *s, const int *t, int count)
{
    enum { OUTLIER = 100 };
    const char *rule = "", *clipped = "Panels that exceed it are clipped.";
    double all = 0.0, stable = 0.0, least = INFINITY, scale = 0.0;
    for (int i = 0; i < s->n_samplers * count; i++) {
        const gref_study_sampler *sampler = &s->samplers[i / count];
        double b = largest_bias(s, sampler, i % count, t[i % count]);
        all = fmax(all, b);
        stable = sampler->stable ? fmax(stable, b) : stable;
        least = b > 0.0 ? fmin(least, b) : least;
    }
    for (int i = 0; i < s->n_samplers * count && stable == 0.0; i++) {
        double b = largest_bias(s, &s->samplers[i / count], i % count, t[i % count]);
        scale = b <= OUTLIER * least ? fmax(scale, b) : scale;
    }
    if (stable > 0.0) {
        scale = stable;
        rule = " of the stable samplers";
        clipped = "Panels of unstable ones that exceed it are clipped.";
    } else if (scale < all) {
        put_text(g, "note", 2, 0, "No sampler is stable.");
        rule = " up to 100 times the smallest panel's";
    }
    put_text(g, "note", 0, 0, "One colour scale, ±%.3g: the largest |m_t − μ_{t|v}|%s.",
             scale > 0.0 ? scale : 1.0, scale < all ? rule : "");
    if (scale < all)
        put_text(g, "note", 1, 0, "%s", clipped);
    return scale > 0.0 ? scale : 1.0;
}

/* The bias of a sampler at the k-th t of laws_at, in panel (i, k). Less than FAINT of the scale is
 * white to the eye. */
static void put_bias(const panels *g, int i, int k, const gref_study *s, int t, double scale)
{
    const double FAINT = 0.02;
    const gref_study_sampler *sampler = &s->samplers[i];
    double largest = largest_bias(s, sampler, k, t);
    if (largest >= 0.0) {
        put_text(g, "panel", i, k, "t = %d, max %.2g%s", t, largest,
                 largest > scale           ? ", clipped"
                 : largest < FAINT * scale ? ", faint"
                                           : "");
        put_image(g, i, k, gref_const(gref_mat_view(sampler->bias, 0, k, s->n, 1)), s->rows,
                  s->cols);
    } else {
        put_text(g, "panel", i, k, "t = %d", t);
        put_text(g, "words", i, k, "%s",
                 gref_study_row_at(sampler, t) == NULL         ? gref_study_absence(sampler, t)
                 : sampler->diverged_at >= t && !sampler->lost ? "diverged"
                                                               : "lost to rounding");
    }
}

static gref_status draw_bias(gref_plot *plot, const gref_study *s)
{
    panels g;
    const int *t = NULL;
    int count = gref_case_laws_at(s->c, &t);
    TRY(panels_open(&g, plot, "bias"));
    put_text(&g, "title", 0, 0, "Bias m_t − μ_{t|v} of each sampler's mean, pixel units");
    double scale = bias_scale(&g, s, t, count);
    put_centres_only(&g, 3, s);
    for (int i = 0; i < s->n_samplers; i++) {
        put_text(&g, "label", i, 0, "%s%s", s->samplers[i].spec.label,
                 s->samplers[i].stable ? "" : ", unstable");
        for (int k = 0; k < count; k++)
            put_bias(&g, i, k, s, t[k], scale);
    }
    fprintf(plot->script,
            "set palette defined (-1 '#053061', -0.5 '#4393c3', 0 '#f7f7f7', 0.5 '#d6604d', 1 "
            "'#67001f')\ncall 'panels.gp' 'bias' %d %d 2 '%.6g' '%.6g'\n",
            s->n_samplers, count, -scale, scale);
    return GREF_OK;
}

/* The samples of one sampler, in row i, after what the reader of the row must know. */
static void put_samples(const panels *g, int i, const gref_study *s,
                        const gref_study_sampler *sampler, double lo, double hi)
{
    char remark[64] = "";
    double least = INFINITY, most = -INFINITY;
    range_of(gref_const(sampler->samples), &least, &most);
    if (least < lo || most > hi)
        snprintf(remark, sizeof remark, ", clipped: values in [%.3g, %.3g]", least, most);
    int end = sampler->rows[sampler->n_rows - 1].t;
    char where[24] = "";
    if (end != 0)
        snprintf(where, sizeof where, " at t = %d", end);
    put_text(g, "label", i, 0, "%s%s%s%s", sampler->spec.label, where,
             sampler->stable ? "" : ", unstable", remark);
    for (int k = 0; k < s->samples.n; k++)
        if (sampler->samples.a != NULL)
            put_image(g, i, k, gref_const(gref_mat_view(sampler->samples, 0, k, s->n, 1)), s->rows,
                      s->cols);
        else
            put_text(g, "words", i, k, "%s",
                     sampler->lost || sampler->mean_lost ? "lost to rounding" : "diverged");
}

/* The gray scale is that of the posterior and of the stable samplers: an unstable one would leave
 * no contrast. */
static gref_status draw_samples(gref_plot *plot, const gref_study *s)
{
    panels g;
    double lo = INFINITY, hi = -INFINITY;
    bool any_unstable = false;
    range_of(gref_const(s->samples), &lo, &hi);
    for (int i = 0; i < s->n_samplers; i++) {
        any_unstable |= !s->samplers[i].stable;
        if (s->samplers[i].stable)
            range_of(gref_const(s->samplers[i].samples), &lo, &hi);
    }
    TRY(panels_open(&g, plot, "samples"));
    put_text(&g, "title", 0, 0, "Samples at t = 0");
    put_text(&g, "note", 0, 0,
             "Samplers: same noise in every row of a column (common seed). Posterior: exact, drawn "
             "independently of it.");
    put_text(&g, "note", 1, 0, "Gray scale [%.3g, %.3g]%s.", lo, hi,
             any_unstable ? " of the posterior and the stable samplers" : "");
    put_centres_only(&g, 2, s);
    put_text(&g, "label", 0, 0, "posterior");
    for (int k = 0; k < s->samples.n; k++)
        put_image(&g, 0, k, gref_const(gref_mat_view(s->samples, 0, k, s->n, 1)), s->rows, s->cols);
    for (int i = 0; i < s->n_samplers; i++)
        put_samples(&g, i + 1, s, &s->samplers[i], lo, hi);
    fprintf(plot->script, "set palette gray\ncall 'panels.gp' 'samples' %d %d 1 '%.6g' '%.6g'\n",
            s->n_samplers + 1, s->samples.n, lo, hi > lo ? hi : lo + 1.0);
    return GREF_OK;
}

/* One curve: of the law of a sampler, or of its modelled law. False if a logarithmic axis can show
 * none of it. */
static bool put_curve(FILE *f, const gref_study_sampler *s, bool modelled)
{
    int count = 0;
    for (int k = 0; k < s->n_rows; k++) {
        const gref_study_row *row = &s->rows[k];
        double w2 = modelled ? row->modelled.w2 : row->diverged ? 0.0 : row->w2.w2;
        if (w2 <= 0.0)
            continue;
        if (count++ == 0 && modelled)
            fprintf(f, "%s, modelled law\n", s->spec.label);
        else if (count == 1 && s->stable)
            fprintf(f, "%s\n", s->spec.label);
        else if (count == 1)
            fprintf(f, "%s, unstable from t = %d\n", s->spec.label, s->first_unstable);
        fprintf(f, "%d\t%.9g\t%.9g\n", row->t, w2, modelled || s->stable ? w2 : 0.0);
    }
    fprintf(f, "%s", count > 0 ? "\n\n" : "");
    return count > 0;
}

static gref_status draw_w2(gref_plot *plot, const gref_study *s)
{
    FILE *f;
    bool grows = false;
    int start = s->T;
    TRY(gref_plot_file(&f, plot, "w2.txt"));
    fprintf(plot->script, "call 'w2.gp' '");
    for (int i = 0; i < s->n_samplers; i++) {
        for (int modelled = 0; modelled < 2; modelled++)
            if (put_curve(f, &s->samplers[i], modelled != 0))
                fprintf(plot->script, "%d ", 2 * i + modelled);
        grows |= !s->samplers[i].stable;
        start = s->samplers[i].rows[0].t > start ? s->samplers[i].rows[0].t : start;
    }
    fprintf(plot->script, "' %d %d\n", start, grows);
    return GREF_OK;
}

gref_status gref_study_draw(gref_study *study, const char *dir)
{
    SCOPED(gref_plot) plot = {0};
    TRY(gref_plot_open(&plot, dir));
    TRY(draw_problem(&plot, study));
    TRY(draw_bias(&plot, study));
    TRY(draw_samples(&plot, study));
    TRY(draw_w2(&plot, study));
    return gref_plot_draw(study->note, sizeof study->note, &plot);
}
