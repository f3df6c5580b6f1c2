/*
 * How far Gamma = B^T C^-1 B and g = B^T C^-1 r may be from those of the exact problem of the given
 * doubles, by the three ways of guidance.c.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "internal.h"

static const gref_guidance_errors unknown = {INFINITY, INFINITY, INFINITY, INFINITY};

/* |A| and |B|, from above. */
static double operator_norm(const gref_sampler *s)
{
    return fmin(s->z->errors.A_norm, s->B_norm) + s->z->errors.B;
}

/* With the rounding of Gamma and of g besides. */
static gref_guidance_errors with_rounding(gref_guidance_change c, const gref_modes *z, double g,
                                          double D_Gamma, double D_g)
{
    return (gref_guidance_errors){.Gamma = c.Gamma + D_Gamma,
                                  .dGamma = c.D_Gamma + D_Gamma,
                                  .g = g + D_g,
                                  .dg = c.D_g + c.H * z->errors.r + D_g};
}

/* Gamma = p B^T B, its rounding measured, and g = p B^T r. */
static gref_guidance_errors gram_errors(const gref_sampler *s, double p)
{
    const gref_modes *z = s->z;
    double b = operator_norm(s), r = gref_norm_fro_up(gref_const(z->r));
    double fro = gref_norm_fro_up(gref_const(z->B)), round = gref_gamma_up(z->m + 8) * fro * r;
    return with_rounding(gref_change_of_guidance(0.0, 1.0 / p, b, z->errors.B, p * r, 0.0), z,
                         p * gref_norm_fro_up(gref_const(s->Br)),
                         p * (s->dG + 8 * GREF_U * b * fro), p * round);
}

/*
 * By the singular values of B. W and V stand for orthogonal matrices; their roundings are those of
 * k terms each, Gamma's relative to its trace.
 */
static gref_guidance_errors svd_errors(const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    int k = s->b.m;
    double tau = gref_guidance_denominator(s, t, 0.0), trace = 0.0, h = 0.0, w = 0.0, g = 0.0;
    double phi = s->row->phi(&s->spec.convention, gref_time_at(s->schedule, t), 0.0);
    for (int i = 0; i < k; i++) {
        double b = s->b.a[i], den = gref_guidance_denominator(s, t, b);
        trace += b * b / den;
        h = fmax(h, b / den);
        w = hypot(w, s->Wr.a[i] / den);
        g = hypot(g, b * s->Wr.a[i] / den);
    }
    double D_Wr = (s->dW + gref_gamma_up(z->m + 8) * sqrt(k)) * gref_norm_fro_up(gref_const(z->r));
    gref_guidance_change c =
        gref_change_of_guidance(phi, tau, operator_norm(s) + s->dB, z->errors.B + s->dB,
                                w + (D_Wr + s->off) / tau, g + h * D_Wr);
    return with_rounding(c, z, g, gref_gamma_up(k + 8) * trace + 2 * s->dV * c.Gamma,
                         (gref_gamma_up(k + 8) * sqrt(k) + s->dV) * g + h * D_Wr);
}

/* C >= tau I; its factorisation and the solve are backward stable, gamma_m tr C each, over tau. */
static gref_guidance_errors cholesky_errors(const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    int n = z->n, m = z->m;
    gref_time at = gref_time_at(s->schedule, t);
    double tau = z->sigma * z->sigma, b = operator_norm(s), phi = 0.0;
    double least = z->lambda.a[0];
    double fro = gref_norm_fro_up(gref_const(z->B)), r = gref_norm_fro_up(gref_const(z->r));
    for (int i = 0; i < n; i++)
        phi = fmax(phi, gref_forward_cov(at, z->lambda.a[i]));
    double D_phi = gref_change_of_ratio((gref_ratio){at.qbar, 0, at.abar, at.qbar}, least,
                                        least - z->errors.Sigma, z->errors.Sigma);
    double trace = fro * fro * phi + m * tau, gam = gref_gamma_up(2 * m + n + 16);
    double D_C = gref_change_of_congruence(b, z->errors.B, phi + D_phi, D_phi) + gam * trace;
    double solve = gam * (trace / tau + 2 * sqrt(trace / tau) + 1) * fro / tau;
    return with_rounding(gref_change_of_free_guidance(b / tau, b, z->errors.B, D_C, r / tau), z,
                         b / tau * r, solve * fro, solve * r);
}

gref_guidance_errors gref_guidance_errors_at(const gref_sampler *s, int t)
{
    if (gref_guidance_is_plain(s))
        return gram_errors(s, 1.0);
    if (!gref_row_has_likelihood(s->row) || !(s->z->sigma > 0.0))
        return unknown;
    if (s->row->phi == NULL)
        return gram_errors(s, 1.0 / gref_guidance_denominator(s, t, 0.0));
    return s->row->phi_constant ? svd_errors(s, t) : cholesky_errors(s, t);
}
