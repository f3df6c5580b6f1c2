/*
 * cgdm: the conditional Gaussian diffusion model, whose likelihood is exact (THEORY (22)).
 *
 *   C_{v|t} = (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I
 *           = B diag(c) B^T + sigma^2 I,   c_i = (1 - abar_t) lambda_i / s_t(i)
 *   C = L L^T,  Y = L^-1 B:   Gamma = Y^T Y,  g = Y^T L^-1 r
 *
 * With guidance "score" none of this is needed: the run is DDPM on N(mu_post, Sigma_post), and its
 * steps are diagonal in the modes of Sigma_post (sampler.c).
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "diffusion/internal.h"

static gref_status likelihood(gref_mat C, const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    SCOPED(gref_mat) Y = {0};
    TRY(gref_mat_new(&Y, z->m, z->n));
    gref_mat_copy(Y, gref_const(z->B));
    for (int j = 0; j < z->n; j++) {
        double st = gref_mode_variance(s, t, j);
        double c = t > 0 ? s->schedule->qbar[t] * (z->lambda.a[j] / st) : 0.0;
        for (int i = 0; i < z->m; i++)
            GREF_AT(Y, i, j) *= sqrt(c);
    }
    TRY(gref_syrk(C, 1.0, gref_const(Y), false, 0.0));
    for (int i = 0; i < C.m; i++)
        GREF_AT(C, i, i) += z->sigma * z->sigma;
    return GREF_OK;
}

static gref_status guidance(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    SCOPED(gref_mat) L = {0}, Y = {0}, y = {0};
    TRY(gref_mat_new(&L, z->m, z->m));
    TRY(gref_mat_new(&Y, z->m, z->n));
    TRY(gref_mat_new(&y, z->m, 1));
    TRY(likelihood(L, s, t));
    TRY(gref_cholesky(L));
    gref_mat_copy(Y, gref_const(z->B));
    gref_mat_copy(y, gref_const(z->r));
    TRY(gref_trsm(Y, true, gref_const(L), false));
    TRY(gref_trsm(y, true, gref_const(L), false));
    TRY(gref_syrk(Gamma, 1.0, gref_const(Y), true, 0.0));
    return gref_gemv(g, 1.0, gref_const(Y), true, gref_const(y), 0.0);
}

/*
 * C >= sigma^2 I. Gamma = B^T C^-1 B moves by 2 |B| dB/sigma^2 + |B|^2 dC/sigma^4; c_i = q lambda/s_t has slope
 * q^2/s^2 <= 1. Rounding: the factorisation and the solve are backward stable, gamma_m tr C each, over sigma^2.
 */
static gref_guidance_errors errors(const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    int n = z->n, m = z->m;
    double s2 = z->sigma * z->sigma, b = z->errors.A_norm + z->errors.B, dB = z->errors.B, c = 0.0;
    double fro = gref_norm_fro_up(gref_const(z->B)), r = gref_norm_fro_up(gref_const(z->r));
    if (!(z->sigma > 0.0))
        return (gref_guidance_errors){INFINITY, INFINITY, INFINITY, INFINITY};
    for (int i = 0; i < n; i++)
        c = fmax(c, s->schedule->qbar[t] * (z->lambda.a[i] / gref_mode_variance(s, t, i)));
    double trace = fro * fro * c + m * s2, gam = gref_gamma_up(2 * m + n + 16);
    double dC = (2 * b + dB) * dB * c + b * b * z->errors.Sigma * 1.003 + gam * trace;
    double solve = gam * (trace / s2 + 2 * sqrt(trace / s2) + 1);
    return (gref_guidance_errors){
        .Gamma = (b + dB) * (b + dB) / s2,
        .dGamma = (2 * b + dB) * dB / s2 + b * b * dC / (s2 * s2) + solve * fro * fro / s2,
        .g = b * r / s2,
        .dg = (dB + b * dC / s2) * r / s2 + b * z->errors.r / s2 + solve * fro * r / s2};
}

const gref_method gref_method_cgdm = {
    .name = "cgdm",
    .title = "CGDM, the exact C_{v|t} (Pierret & Galerne 2025)",
    .guided = true,
    .exact_likelihood = true,
    .guidance = guidance,
    .likelihood = likelihood,
    .errors = errors,
};
