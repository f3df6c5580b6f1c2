/*
 * How far the guidance may be scaled before a step turns a direction over and stretches it. M = D - f K
 * with K >= 0 has an eigenvalue below -1 where f lambda > 1,
 *
 *     lambda    the largest eigenvalue of (D + I)^-1/2 K (D + I)^-1/2,   K = (kappa/tau) diag(j) G diag(j)
 *
 * by power iteration: Rayleigh's quotient is below lambda, and here to three digits or better.
 */
#include <math.h>

#include "dense/internal.h"
#include "internal.h"

enum { ITERATIONS = 60 };

/* lambda of the step that leaves t; x is n x 1, started from and left at the direction found. */
static gref_status worst_direction(double *lambda, gref_mat x, const gref_sampler *s, int t)
{
    gref_rule rule = gref_sampler_rule(s, t);
    double tau = gref_guidance_is_plain(s) ? 1.0 : gref_guidance_denominator(s, t, 0.0);
    int n = s->z->n;
    SCOPED(gref_mat) w = {0}, y = {0}, Gy = {0};
    TRY(gref_mat_new(&w, n, 1));
    TRY(gref_mat_new(&y, n, 1));
    TRY(gref_mat_new(&Gy, n, 1));
    for (int i = 0; i < n; i++)
        w.a[i] = gref_mode_gain(s, t, i) / sqrt(1.0 + gref_rule_gain(&rule, s->z->lambda.a[i]));
    *lambda = 0.0;
    for (int k = 0; k < ITERATIONS; k++) {
        double norm = gref_mat_norm_fro(gref_const(x));
        if (!(norm > 0.0))
            return GREF_OK;
        for (int i = 0; i < n; i++)
            y.a[i] = w.a[i] * (x.a[i] /= norm);
        TRY(gref_gemv(Gy, rule.kappa / tau, gref_const(s->G), false, gref_const(y), 0.0));
        *lambda = 0.0;
        for (int i = 0; i < n; i++) {
            double next = w.a[i] * Gy.a[i];
            *lambda += x.a[i] * next;
            x.a[i] = next;
        }
    }
    return GREF_OK;
}

gref_status gref_sampler_stable_factor(double *factor, const gref_sampler *s)
{
    double lambda, most = 0.0;
    SCOPED(gref_mat) x = {0};
    *factor = NAN;
    if (s->G.a == NULL || s->row->project != NULL || gref_sampler_has_stages(s))
        return GREF_OK;
    TRY(gref_mat_new(&x, s->z->n, 1));
    for (int t = gref_sampler_first(s), next; (next = gref_sampler_next(s, t)) >= 0; t = next) {
        double norm = gref_mat_norm_fro(gref_const(x));
        for (int i = 0; i < x.m; i++) /* no direction is left out for good */
            x.a[i] = (norm > 0.0 ? x.a[i] / norm : 0.0) + 1e-3;
        TRY(worst_direction(&lambda, x, s, t));
        most = fmax(most, lambda);
    }
    *factor = 1.0 / most;
    return GREF_OK;
}
