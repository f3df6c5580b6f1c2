/*
 * What rounding alone can put between the two paths: first-order perturbation bounds, one for each
 * quantity.
 *
 *     unit    4 sqrt(n) u: the rounding of products and decompositions of order n, whose errors have both signs
 *             (Higham & Mary 2019); that of the spectral path, 4 sqrt(M + N) u, is below it
 *     D(x)    bound of the deviation in x, in 2-norm. No entry of a matrix deviates more; those of an image share
 *             it evenly, because no pixel of a stationary problem is special, and the largest of n normal numbers
 *             is below 5: at most spread = min(1, 5/sqrt(n)) of it falls on one pixel
 *
 * The formulas are those of errors/perturb.c. What is of this pair of paths:
 *
 *     D(Sigma)       unit |Sigma|
 *     f(Sigma)       unit |f|, and of pairs of eigenvalues that differ: those that are zero are zero on both sides, so
 *                    no pair (0, 0) occurs, and one of s_t, s_t' is at least abar lambda+ + 1 - abar, lambda+ the least
 *                    eigenvalue above zero; Sigma^1/2 has the slope 1/sqrt(lambda+)
 *     step           crosscheck_steps.c
 *     posterior      a change of K by the unit besides; that of a mean is spread evenly, so a mean square of |G| enters
 *     C_{t|v}        besides, the dense path inverts E = I + Sigma_t^1/2 W^T C^-1 W Sigma_t^1/2: unit |Sigma_t||E|
 *
 * Norms of the spectral path's own blocks stand for those of the exact quantities.
 */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "crosscheck.h"
#include "dense/internal.h"
#include "errors/perturb.h"

static double squared(double x)
{
    return x * x;
}

/* 2-norm of the coordinates of an image. */
double gref_norm_of(const gref_spectral *z, gref_cplx x)
{
    double sum = 0.0;
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < x.re.m; k++)
            sum += z->weight.a[b] * (squared(GREF_AT(x.re, k, b)) + squared(GREF_AT(x.im, k, b)));
    return sqrt(sum);
}

gref_scales gref_scales_of(const gref_spectral *z, const gref_problem *p)
{
    gref_scales k = {.unit = 4.0 * (4.0 + sqrt((double)z->n)) * GREF_U,
                     .spread = fmin(1.0, 5.0 / sqrt((double)z->n)),
                     .least = INFINITY};
    for (size_t i = 0; i < (size_t)z->q * (size_t)z->blocks; i++)
        k.Sigma = fmax(k.Sigma, z->lambda.a[i]);
    double G_mean = 0.0, pull = 0.0;             /* mean of |G|^2; |A^T K^-1 r|^2 */
    double clip = 2.0 * GREF_U * z->n * k.Sigma; /* what gref_psd_eigh sets to zero */
    for (int b = 0; b < z->blocks; b++) {
        double a2 = 0.0, f2 = 0.0, w2 = 0.0;
        for (int i = 0; i < z->q; i++) {
            double lambda = GREF_AT(z->lambda, i, b), a = GREF_AT(z->a, i, b);
            if (lambda > clip)
                k.least = fmin(k.least, lambda);
            else
                k.lost = fmax(k.lost, lambda);
            a2 += a * a;
            f2 += a * a * lambda;
            w2 += squared(a * lambda);
            k.post = fmax(k.post, squared(GREF_AT(z->rho, i, b)));
        }
        double K = f2 + squared(z->sigma), G = K > 0.0 ? sqrt(w2) / K : 0.0;
        k.A = fmax(k.A, sqrt(a2));
        k.keep = fmax(k.keep, z->q == 1 ? 1.0 : 1.0 + G * sqrt(a2));
        k.G = fmax(k.G, G);
        G_mean += z->weight.a[b] * G * G / z->m;
        pull += z->weight.a[b] * (K > 0.0 ? a2 / squared(K) : 0.0) *
                (squared(z->r.re.a[b]) + squared(z->r.im.a[b]));
    }
    if (isinf(k.least)) /* Sigma = 0 */
        k.least = 1.0;
    k.r = gref_norm_of(z, z->r);
    k.d = gref_norm_of(z, z->d);
    k.mu = fabs(z->mean) * sqrt((double)z->n);
    k.x0 = p->x0.a != NULL ? gref_mat_norm_fro(gref_const(p->x0)) : 0.0;
    k.D_Sigma = k.unit * k.Sigma + k.lost;
    k.D_root = k.unit * sqrt(k.Sigma) + k.unit * k.Sigma / sqrt(k.least) + sqrt(k.lost);
    k.D_r = k.unit * (k.r + k.A * k.mu);
    gref_posterior_parts of_cov = {
        .gain = k.G, .keep = k.keep, .D_Sigma = k.D_Sigma, .D_K = k.unit * squared(k.A) * k.Sigma};
    gref_posterior_parts of_mean = {.gain = sqrt(G_mean),
                                    .keep = k.keep,
                                    .pull = sqrt(pull),
                                    .D_Sigma = k.D_Sigma,
                                    .D_r = k.D_r};
    k.D_post = gref_change_of_posterior(&of_cov) + k.unit * k.Sigma;
    k.D_d = gref_change_of_posterior_mean(&of_mean) + k.unit * k.d;
    return k;
}

double gref_bound_x0(const gref_scales *k, int n)
{
    /* xi has norm sqrt(n) to a few per cent */
    return k->spread * (k->D_root * sqrt((double)n) + k->unit * k->x0);
}

double gref_bound_v(const gref_scales *k, int n)
{
    return k->A * gref_bound_x0(k, n) + k->spread * k->unit * (k->A * (k->x0 + k->mu) + k->r);
}

double gref_bound_function(gref_ratio f, const gref_scales *k)
{
    return gref_change_of_ratio(f, k->least, 0.0, k->D_Sigma);
}

gref_bounds_at gref_bounds_of_time(const gref_scales *k, const gref_schedule *schedule, int t)
{
    double abar = schedule->abar[t], qbar = schedule->qbar[t], root = sqrt(abar);
    gref_bounds_at d = {.t = t, .abar = abar, .qbar = qbar};
    d.Sigma_t = abar * k->D_Sigma + k->unit * (abar * k->Sigma + qbar);
    d.J_norm = root * k->Sigma / (abar * k->Sigma + qbar);
    d.J = k->unit * d.J_norm + gref_bound_function((gref_ratio){root, 0, abar, qbar}, k);
    return d;
}

void gref_bounds_of_likelihood(gref_bounds_at *d, const gref_scales *k,
                               const gref_spectral_sampler *s)
{
    const gref_spectral *z = s->z;
    double most = 0.0;
    d->C_least = INFINITY;
    if (!s->row->guided)
        return;
    for (int b = 0; b < z->blocks; b++) {
        if (s->row->pseudo && gref_spectral_singular(s, b) == 0.0)
            continue; /* it does not guide */
        double C = gref_spectral_likelihood(s, d->abar, d->qbar, b);
        most = fmax(most, C);
        d->C_least = fmin(d->C_least, C);
    }
    d->C = k->unit * (most + squared(z->sigma));
    if (s->row->phi != NULL && !s->row->phi_constant) /* a row sum is e^T C 1 */
        d->C += (s->row->rows_summed ? sqrt((double)z->m) : 1.0) *
                gref_change_of_congruence(
                    k->A, 0, 0, gref_bound_function((gref_ratio){d->qbar, 0, d->abar, d->qbar}, k));
}

/* What the modelled law is made of, over the blocks. */
typedef struct {
    double G, keep; /* |G_L| and |I - G_L A| */
    double E;       /* |I + Sigma_t^1/2 W^T C^-1 W Sigma_t^1/2|, which the dense path inverts */
    double G_mean;  /* mean square of |G_L| */
    double pull;    /* |A^T L^-1 r|^2 */
    double fed;     /* |G_L L^-1 r|^2 */
    double white;   /* |Sigma_t^-1/2 (mu_{t|v} - sqrt(abar) mu)|^2 */
} modelled_norms;

static void add_block(modelled_norms *m, const gref_spectral_sampler *s, double abar, double qbar,
                      int b)
{
    const gref_spectral *z = s->z;
    gref_spectral_excess x = gref_spectral_modelled(s, abar, qbar, b);
    double w2 = 0.0, a2 = 0.0, f2 = 0.0, weight = z->weight.a[b];
    double r2 = squared(z->r.re.a[b]) + squared(z->r.im.a[b]);
    if (!(x.L > 0.0))
        return;
    for (int i = 0; i < z->q; i++) {
        double lambda = GREF_AT(z->lambda, i, b), a = GREF_AT(z->a, i, b);
        w2 += squared(lambda * a);
        a2 += squared(a);
        f2 += lambda > 0.0 ? abar * squared(a) * lambda *
                                 (lambda / gref_forward_variance((gref_time){abar, qbar}, lambda))
                           : 0.0;
    }
    double G = sqrt(w2) / x.L, GA = G * sqrt(a2);
    m->G = fmax(m->G, G);
    m->keep = fmax(m->keep, z->q == 1 ? fabs(1.0 - GA) : 1.0 + GA);
    m->E = x.C > 0.0 ? fmax(m->E, x.L / x.C) : m->E;
    m->G_mean += weight * G * G / z->m;
    m->pull += weight * a2 / squared(x.L) * r2;
    m->fed += weight * squared(G / x.L) * r2;
    m->white += weight * f2 * r2 / squared(x.L);
}

void gref_bounds_of_modelled(gref_bounds_at *d, const gref_scales *k,
                             const gref_spectral_sampler *s)
{
    double root = sqrt(d->abar), Sigma_t = d->abar * k->Sigma + d->qbar;
    modelled_norms m = {.keep = 1.0, .E = 1.0};
    gref_bounds_of_likelihood(d, k, s);
    if (!s->row->guided) {
        d->modelled_cov = d->Sigma_t;
        d->modelled_mean =
            root * (k->unit * (k->mu + k->d) + k->D_d); /* U d is added and taken away */
        return;
    }
    for (int b = 0; b < s->z->blocks; b++)
        add_block(&m, s, d->abar, d->qbar, b);
    double D_L = d->C + squared(k->A) * (k->D_Sigma + k->unit * k->Sigma);
    gref_posterior_parts of_cov = {.gain = m.G, .keep = m.keep, .D_Sigma = k->D_Sigma, .D_K = D_L};
    gref_posterior_parts of_mean = {.gain = sqrt(m.G_mean),
                                    .keep = m.keep,
                                    .pull = sqrt(m.pull),
                                    .y = m.G_mean > 0.0 ? sqrt(m.fed / m.G_mean) : 0.0,
                                    .D_Sigma = k->D_Sigma,
                                    .D_K = D_L,
                                    .D_r = k->D_r};
    d->modelled_cov = d->abar * (gref_change_of_posterior(&of_cov) + k->unit * k->Sigma) +
                      k->unit * (d->qbar + Sigma_t * m.E);
    d->modelled_mean = root * gref_change_of_posterior_mean(&of_mean) +
                       k->unit * (root * (k->d + k->mu) + m.E * sqrt(Sigma_t * m.white));
}

double gref_law_norm(const gref_spectral_law *law)
{
    double P = 0.0;
    for (int b = 0; b < law->P.n; b++)
        P = fmax(P, gref_mat_norm_fro(gref_const(gref_mat_view(law->P, 0, b, law->P.m, 1))));
    return P;
}

gref_status gref_law_least(double *least, const gref_spectral_law *law)
{
    int q = law->s.z->q;
    SCOPED(gref_mat) S = {0}, lambda = {0};
    *least = INFINITY;
    for (int i = 0; law->diagonal && i < law->P.m * law->P.n; i++)
        *least = fmin(*least, law->P.a[i]);
    TRY(gref_mat_new(&S, q, q));
    TRY(gref_mat_new(&lambda, q, 1));
    for (int b = 0; b < law->P.n && !law->diagonal; b++) {
        memcpy(S.a, &GREF_AT(law->P, 0, b), sizeof(double) * (size_t)(q * q));
        TRY(gref_eigh_values(lambda, S));
        *least = fmin(*least, lambda.a[0]);
    }
    *least = fmax(*least, 0.0);
    return GREF_OK;
}

/* The law is that before the step. What is squared counts where M is 0. */
void gref_bounds_advance(gref_drift *e, const gref_bounds_at *d, const gref_scales *k,
                         const gref_spectral_law *law)
{
    double P = gref_law_norm(law), mean = gref_norm_of(law->s.z, law->mean);
    gref_law_change products = {.mean = k->unit * d->M_norm * mean,
                                .cov = (k->unit * squared(d->M_norm) + squared(d->M)) * P + d->N};
    gref_step_change step = {.on.plain = d->M, .c = d->shift};
    gref_law_norms norms = {.mean.plain = mean, .cov.plain = P};
    gref_law_change fresh = gref_change_by_step(step, d->M_norm, norms, products);
    gref_law_change next =
        gref_change_carried((gref_law_change){e->mean, e->cov, 0.0}, d->M_norm, fresh);
    *e = (gref_drift){.mean = next.mean, .cov = next.cov};
}

double gref_bound_w2(double D_mean, double D_cov, double trace, double least, const gref_scales *k,
                     int n)
{
    return D_mean + gref_change_of_root(n, least, sqrt(n) * D_cov) + k->unit * sqrt(trace);
}
