/*
 * Perturbation bounds; perturb.h says what the letters mean. A prime marks what has moved.
 *
 *   ratio       f(Sigma') - f(Sigma) = (n1 qbar - n0 abar) Sigma_t^-1 (Sigma' - Sigma) Sigma_t'^-1, since f is
 *               n1/abar + (n0 - n1 qbar/abar)/s_t (resolvent identity)
 *   guidance    S = phi B^T B + tau I:
 *                 Gamma' - Gamma = tau S^-1 (dB^T B' + B^T dB) S'^-1,   |B S^-1| <= H = max x/(phi x^2 + tau), x <= |B|
 *                 g' - g = S'^-1 (tau dB^T - phi B'^T dB B^T) w,       w = C^-1 r
 *   free        Gamma' - Gamma = H' dB + dB^T C'^-1 B - H dC C'^-1 B,    g' - g = (dB^T - H' dC) w
 *   law         couple the two laws: M' z' - M z = M' (z' - z) + (M' - M) z
 *   root        |P'^1/2 - P^1/2|_F <= |P' - P|_F/(sqrt least + sqrt least'); Powers and Stoermer without `least`
 *   posterior   Sigma_post' - Sigma_post = (I - G' A') dSigma (I - G A)^T - G' dA Sigma_post - Sigma_post' dA^T G^T
 *               G' - G = (I - G A) dSigma A'^T K'^-1 + Sigma_post dA^T K'^-1 - G dA G'
 *               from Sigma_post^-1 = Sigma^-1 + A^T A/sigma^2, by continuity for singular Sigma. A change of K
 *               alone moves Sigma_post by G' dK G^T and d by G dK y'
 */
#include <math.h>

#include "dense/bound.h"
#include "dense/internal.h"
#include "perturb.h"

double gref_change_of_white_ratio(gref_ratio f, double after, double D_Sigma)
{
    double s = f.abar * after + f.qbar, numerator = fabs(f.n1 * f.qbar - f.n0 * f.abar) * D_Sigma;
    if (numerator == 0.0)
        return 0.0;
    return s > 0.0 ? numerator / s * GREF_INFLATE : INFINITY;
}

double gref_change_of_ratio(gref_ratio f, double before, double after, double D_Sigma)
{
    double s = f.abar * before + f.qbar, white = gref_change_of_white_ratio(f, after, D_Sigma);
    if (white == 0.0)
        return 0.0;
    return s > 0.0 ? white / s * GREF_INFLATE : INFINITY;
}

double gref_change_of_product(double X, double D_X, double Y, double D_Y)
{
    return (D_X * Y + X * D_Y) * GREF_INFLATE;
}

double gref_change_of_congruence(double X, double D_X, double Y, double D_Y)
{
    return (2 * X * D_X * Y + X * X * D_Y) * GREF_INFLATE;
}

gref_guidance_change gref_change_of_guidance(double phi, double tau, double B, double D_B, double w,
                                             double g)
{
    double peak = phi * B * B > tau ? sqrt(tau / phi) : B, H = peak / (phi * peak * peak + tau);
    return (gref_guidance_change){.Gamma = B * B / (phi * B * B + tau) * GREF_INFLATE,
                                  .H = H * GREF_INFLATE,
                                  .D_Gamma = 2 * H * D_B * GREF_INFLATE,
                                  .D_g = D_B * (w + phi * H * g) * GREF_INFLATE};
}

gref_guidance_change gref_change_of_free_guidance(double H, double B, double D_B, double D_C,
                                                  double w)
{
    return (gref_guidance_change){.Gamma = H * B * GREF_INFLATE,
                                  .H = H,
                                  .D_Gamma = (2 * H * D_B + H * H * D_C) * GREF_INFLATE,
                                  .D_g = (D_B + H * D_C) * w * GREF_INFLATE};
}

double gref_change_seen(gref_seen D, gref_seen z)
{
    return D.plain * z.plain + D.white * z.white + D.gained * z.gained;
}

static gref_seen plus(gref_seen x, double scale, gref_seen y)
{
    return (gref_seen){x.plain + scale * y.plain, x.white + scale * y.white,
                       x.gained + scale * y.gained};
}

gref_step_change gref_change_of_step(const gref_step_parts *p)
{
    gref_seen all = {1.0, p->inverse, p->J};
    double D_Jx = gref_change_seen(p->D_J, p->x);
    double left = gref_change_seen(p->D_J, plus(p->Gamma, p->D_Gamma, all)) + p->J * p->D_Gamma;
    double D_y = p->D_g + p->D_Gamma * (p->x.gained + D_Jx) + p->Gamma.plain * D_Jx;
    gref_seen K = plus((gref_seen){.gained = left}, left + p->Gamma.gained, p->D_J);
    double c = gref_change_seen(p->D_J, plus(p->y, D_y, all)) + p->J * D_y;
    gref_step_change d = {.on = plus(p->D_gain, p->kappa, K)};
    d.M = gref_change_seen(d.on, all) * GREF_INFLATE;
    d.c = (p->kappa * c + p->push * gref_change_seen(p->D_shift, p->x)) * GREF_INFLATE;
    return d;
}

gref_law_change gref_change_by_step(gref_step_change d, double M, gref_law_norms law,
                                    gref_law_change rounding)
{
    double mean = gref_change_seen(d.on, law.mean), cov = gref_change_seen(d.on, law.cov),
           spread = gref_change_seen(d.on, law.spread);
    return (gref_law_change){.mean = (mean + d.c + rounding.mean) * GREF_INFLATE,
                             .cov = (2 * M * cov + rounding.cov) * GREF_INFLATE,
                             .w2 = (spread + d.c + rounding.w2) * GREF_INFLATE};
}

gref_law_change gref_change_carried(gref_law_change e, double M, gref_law_change fresh)
{
    return (gref_law_change){.mean = (M * e.mean + fresh.mean) * GREF_INFLATE,
                             .cov = (M * M * e.cov + fresh.cov) * GREF_INFLATE,
                             .w2 = (M * e.w2 + fresh.w2) * GREF_INFLATE};
}

double gref_change_of_root(int n, double least, double D_P)
{
    double any = sqrt(sqrt(n) * D_P);
    return (least > 0.0 ? fmin(any, D_P / (2 * sqrt(least))) : any) * GREF_INFLATE;
}

double gref_change_of_posterior(const gref_posterior_parts *p)
{
    return (p->keep * p->keep * p->D_Sigma + 2 * p->gain * p->post * p->D_A +
            p->gain * p->gain * p->D_K) *
           GREF_INFLATE;
}

double gref_change_of_posterior_mean(const gref_posterior_parts *p)
{
    return (p->keep * p->D_Sigma * p->pull + (p->post * p->y + p->gain * p->d) * p->D_A +
            p->gain * p->y * p->D_K + p->gain * p->D_r) *
           GREF_INFLATE;
}

/* A product of n terms, one with the diagonal, and their sum. */
double gref_rounding_of_product(int n, double M_off, double M)
{
    return (gref_gamma_up(n + 4) * M_off + 2 * GREF_U * M) * GREF_INFLATE;
}

/*
 * A diagonal M: two products a variance and one sum, relative to it. A dense one: two products, the
 * symmetric part, and the sum. A mean: a product and the sum.
 */
gref_law_change gref_rounding_of_step(const gref_step_arithmetic *a)
{
    double u = GREF_U, gamma = gref_gamma_up(a->n + 4), sd = sqrt(a->n * a->noise);
    double product = gref_rounding_of_product(a->n, a->diagonal ? 0.0 : a->M_off, a->M);
    double cov = a->M * a->M * a->cov, sum = 4 * u * cov + 10 * u * sqrt(a->n) * a->noise;
    gref_law_change r = {.mean = (product + u * a->M) * a->mean + 2 * u * a->shift, .cov = sum};
    if (!a->diagonal)
        r.cov += 2 * product * a->M * a->cov;
    if (a->factor >= 0.0) { /* P' = L L^T of n terms each, its covariance to what W2 says of it */
        r.w2 = a->factor;
        r.cov =
            (2 * a->M * sqrt(a->trace) + a->factor) * a->factor + gamma * a->M * a->M * a->trace;
    } else if (a->dense)
        r.w2 = gref_change_of_root(a->n, a->floor - r.cov, r.cov);
    else
        r.w2 = 2 * u * (a->M * sqrt(a->trace) + sd);
    r.mean *= GREF_INFLATE;
    r.cov *= GREF_INFLATE;
    r.w2 = (r.w2 + r.mean + 4 * u * sd) * GREF_INFLATE;
    return r;
}
