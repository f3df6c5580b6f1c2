/*
 * t -> 0: which samplers are compared, what theory says of each, and what a line of measured
 * differences says of it (THEORY section 5). With e = 1 - abar and s = (1 - e) lambda + e, per
 * eigenvalue lambda of Sigma:
 *
 *                      C_{v|t} - C_exact = A f(Sigma) A^T        as e -> 0, lambda > 0       lambda = 0
 *     dps, alpha = 1   f = -e lambda/s                           -e                          0
 *     pigdm            f = e r2 (1 - c lambda)/s                 e^2 (1 - c lambda)/lambda   e
 *                      c = 1, 0, 2 for r2 = e, e/(1 - e), e/(1 + e)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "limit.h"
#include "method/method.h"

/** Frees it; accepts NULL. */
void gref_asymptotics_free(gref_asymptotics *a)
{
    if (a == NULL)
        return;
    for (int k = 0; a->lines != NULL && k < a->n_lines; k++)
        free(a->lines[k].points);
    free(a->lines);
    free(a);
}

/** The parameter of a line, as text: "alpha = 2" of dps, "r2 = 1-abar" of pigdm. */
void gref_asymptotics_name(char *name, int size, const gref_asymptotics_line *line)
{
    if (line->alpha > 0.0)
        snprintf(name, (size_t)size, "alpha = %g", line->alpha);
    else
        snprintf(name, (size_t)size, "r2 = %s", gref_r2_name(line->r2));
}

/* e = from, from/10, ... >= to; the last one may miss `to` by rounding. */
static gref_status make_points(gref_asymptotics_line *line, double from, double to)
{
    int count = (int)floor(log10(from / to) + 1e-6) + 1;
    line->points = gref_alloc((size_t)count, sizeof *line->points);
    REQUIRE(line->points != NULL, GREF_ERR_NOMEM, "no memory for %d values of e", count);
    line->n_points = count;
    for (int k = 0; k < count; k++)
        line->points[k].e = from / pow(10.0, k);
    return GREF_OK;
}

gref_status gref_asymptotics_new(gref_asymptotics **out_a, double sigma, const double *alphas,
                                 int n_alphas, double from, double to)
{
    SCOPED_PTR(gref_asymptotics) *a = gref_alloc(1, sizeof *a);
    REQUIRE(a != NULL, GREF_ERR_NOMEM, "no memory for the asymptotics");
    REQUIRE(from > 0.0 && from < 1.0, GREF_ERR_RANGE,
            "e = 1 - abar must lie between 0 and 1, not %g", from);
    REQUIRE(to > 0.0 && to < 1.0, GREF_ERR_RANGE, "e = 1 - abar must lie between 0 and 1, not %g",
            to);
    REQUIRE(to <= from, GREF_ERR_RANGE, "e goes down: from %g it does not come to %g", from, to);
    REQUIRE(to >= GREF_ASYMPTOTICS_LEAST, GREF_ERR_RANGE,
            "e = %g is too small: below %g differences of order e^2 underflow", to,
            GREF_ASYMPTOTICS_LEAST);
    a->lines = gref_alloc((size_t)n_alphas + 4, sizeof *a->lines);
    REQUIRE(a->lines != NULL, GREF_ERR_NOMEM, "no memory for the asymptotics");
    for (int k = -1; k < n_alphas && sigma > 0.0; k++) {
        double alpha = k < 0 ? 1.0 : alphas[k];
        REQUIRE(alpha > 0.0 && isfinite(alpha), GREF_ERR_RANGE, "dps needs alpha > 0, not %g",
                alpha);
        REQUIRE(alpha >= 1.0 / GREF_ASYMPTOTICS_ALPHA && alpha <= GREF_ASYMPTOTICS_ALPHA,
                GREF_ERR_RANGE, "dps needs alpha between %g and %g, not %g",
                1.0 / GREF_ASYMPTOTICS_ALPHA, GREF_ASYMPTOTICS_ALPHA, alpha);
        a->lines[a->n_lines++] = (gref_asymptotics_line){.sampler = "dps", .alpha = alpha};
    }
    for (int k = 0; k < 3; k++)
        a->lines[a->n_lines++] = (gref_asymptotics_line){.sampler = "pigdm", .r2 = (gref_r2)k};
    for (int k = 0; k < a->n_lines; k++)
        TRY(make_points(&a->lines[k], from, to));
    *out_a = TAKE(a);
    return GREF_OK;
}

static bool is_dps(const gref_asymptotics_line *line)
{
    return strcmp(line->sampler, "dps") == 0;
}

int gref_asymptotics_expected(const gref_asymptotics_line *line, bool mixed)
{
    return is_dps(line) || mixed ? 1 : 2;
}

double gref_asymptotics_excess(const gref_asymptotics_line *line, double e, double lambda)
{
    const gref_row *row = gref_row_find(line->sampler);
    const gref_convention c = {.alpha_dps = 1.0, .r2 = line->r2};
    if (!is_dps(line) && lambda == 0.0 && line->expected == 2)
        return 0.0;
    return row->phi_excess(&c, (gref_time){1.0 - e, e}, lambda);
}

double gref_asymptotics_leading(const gref_asymptotics_line *line, double lambda)
{
    if (is_dps(line))
        return lambda > 0.0 ? -1.0 : 0.0;
    if (line->expected == 1)
        return lambda > 0.0 ? 0.0 : 1.0;
    return lambda > 0.0 ? (1.0 - gref_r2_slope(line->r2) * lambda) / lambda : 0.0;
}

/* log10 of the ratio of two neighbours, per decade of e. */
static double slope_between(double before, double now, double e_before, double e_now)
{
    return before > 0.0 && now > 0.0 ? log10(before / now) / log10(e_before / e_now) : NAN;
}

void gref_asymptotics_conclude(gref_asymptotics_line *line)
{
    const double close = 0.01, exact = 1e-6;
    int last = line->n_points - 1;
    gref_asymptotics_point *p = line->points;
    line->equal = true;
    line->order = line->order_mean = line->order_w2 = NAN;
    for (int k = 0; k <= last; k++) {
        p[k].slope = k == 0 ? NAN : slope_between(p[k - 1].apart, p[k].apart, p[k - 1].e, p[k].e);
        line->equal = line->equal && p[k].apart == 0.0 && p[k].apart_mean == 0.0;
    }
    line->coefficient_error = p[last].coefficient_error;
    line->decades = 0;
    for (int k = last; k >= 1 && fabs(p[k].slope - line->expected) <= close; k--)
        line->decades++;
    if (last >= 1 && !line->equal) {
        line->order = p[last].slope;
        line->order_mean =
            slope_between(p[last - 1].apart_mean, p[last].apart_mean, p[last - 1].e, p[last].e);
        line->order_w2 =
            slope_between(p[last - 1].apart_w2, p[last].apart_w2, p[last - 1].e, p[last].e);
    }
    line->holds = line->equal ||
                  (fabs(line->order - line->expected) <= close && line->coefficient_error <= exact);
}

gref_status gref_asymptotics_without(gref_asymptotics_line *line)
{
    line->expected = gref_asymptotics_expected(line, false);
    gref_asymptotics_conclude(line); /* the points are 0 */
    return GREF_OK;
}
