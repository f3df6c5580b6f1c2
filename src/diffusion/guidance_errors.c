/*
 * How far Gamma = B^T C^-1 B and g = B^T C^-1 r may be from those of the exact problem of the given doubles, by the
 * three ways of guidance.c.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "internal.h"

static const gref_guidance_errors unknown = {INFINITY, INFINITY, INFINITY, INFINITY};

/* Gamma = p B^T B and g = p B^T r, B and r known to their measured errors. */
static gref_guidance_errors gram_errors(const gref_sampler *s, double p)
{
    const gref_modes_errors *z = &s->z->errors;
    double b = z->A_norm + z->B, r = gref_norm_fro_up(gref_const(s->z->r));
    double round = gref_gamma_up(s->z->m + 4) * gref_norm_fro_up(gref_const(s->z->B)) * r;
    return (gref_guidance_errors){.Gamma = p * b * b,
                                  .dGamma = p * (2 * b * z->B + z->B * z->B + s->dG) +
                                            4 * 0x1p-53 * p * b * b,
                                  .g = p * b * r,
                                  .dg = p * (b * z->r + z->B * (r + z->r) + round)};
}

/*
 * Gamma = f(B^T B) with f(x) = x/(phi x + tau), |f'| <= 1/tau; g = h(B) r, and |h(B + dB) - h(B)| <= 2.25 |dB|/tau from
 * d(B^T C^-1) = dB^T C^-1 - B^T C^-1 phi (dB B^T + B dB^T) C^-1.
 */
static gref_guidance_errors svd_errors(const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    double tau = gref_guidance_denominator(s, t, 0.0);
    double phi = s->row->phi(&s->spec.convention, gref_time_at(s->schedule, t), 0.0);
    double b = z->errors.A_norm + z->errors.B, dB = z->errors.B + s->dB, trace = 0.0;
    double r = gref_norm_fro_up(gref_const(z->r));
    for (int i = 0; i < s->b.m; i++)
        trace += s->b.a[i] * s->b.a[i] / gref_guidance_denominator(s, t, s->b.a[i]);
    double largest = b * b / gref_guidance_denominator(s, t, b),
           pull = fmin(b / tau, phi > 0.0 ? 0.5 / sqrt(phi * tau) : INFINITY);
    double round = gref_gamma_up(s->b.m + 8);
    return (gref_guidance_errors){.Gamma = largest + (2 * b + dB) * dB / tau,
                                  .dGamma = (2 * b + dB) * dB / tau + round * trace,
                                  .g = pull * r,
                                  .dg =
                                      2.25 * dB / tau * r + pull * z->errors.r +
                                      (round + gref_gamma_up(z->m + 8)) * sqrt(s->b.m) * pull * r};
}

/*
 * C >= tau I. Gamma moves by 2 |B| dB/tau + |B|^2 dC/tau^2; phi = q lambda/s_t has slope q^2/s^2 <= 1. Rounding: the
 * factorisation and the solve are backward stable, gamma_m tr C each, over tau.
 */
static gref_guidance_errors cholesky_errors(const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    int n = z->n, m = z->m;
    double tau = z->sigma * z->sigma, b = z->errors.A_norm + z->errors.B, dB = z->errors.B, c = 0.0;
    double fro = gref_norm_fro_up(gref_const(z->B)), r = gref_norm_fro_up(gref_const(z->r));
    for (int i = 0; i < n; i++)
        c = fmax(c, gref_forward_cov(gref_time_at(s->schedule, t), z->lambda.a[i]));
    double trace = fro * fro * c + m * tau, gam = gref_gamma_up(2 * m + n + 16);
    double dC = (2 * b + dB) * dB * c + b * b * z->errors.Sigma * 1.003 + gam * trace;
    double solve = gam * (trace / tau + 2 * sqrt(trace / tau) + 1);
    return (gref_guidance_errors){
        .Gamma = (b + dB) * (b + dB) / tau,
        .dGamma = (2 * b + dB) * dB / tau + b * b * dC / (tau * tau) + solve * fro * fro / tau,
        .g = b * r / tau,
        .dg = (dB + b * dC / tau) * r / tau + b * z->errors.r / tau + solve * fro * r / tau};
}

gref_guidance_errors gref_guidance_errors_at(const gref_sampler *s, int t)
{
    if (s->spec.convention.guidance == GREF_GUIDANCE_AFTER)
        return gram_errors(s, 1.0);
    if (!gref_row_has_likelihood(s->row) || !(s->z->sigma > 0.0))
        return unknown;
    if (s->row->phi == NULL)
        return gram_errors(s, 1.0 / gref_guidance_denominator(s, t, 0.0));
    return s->row->phi_constant ? svd_errors(s, t) : cholesky_errors(s, t);
}
