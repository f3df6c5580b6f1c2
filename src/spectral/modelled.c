/*
 * The law N(mu_{t|v}, C_{t|v}) that a sampler takes p_t(x | v) to be, against the exact one (THEORY
 * sections 4 and 9). In a block, with w = lambda a, K = sum a^2 lambda + sigma^2 and
 * L = C_{v|t} + abar sum a^2 lambda^2/s,
 *
 *     C_{t|v}  = abar [diag(lambda) - w w^T/L] + (1 - abar) I      exact: K in the place of L
 *     mu_{t|v} = sqrt(abar) [mu + w r/L]
 *
 * so the two differ by multiples of w w^T and of w, and L - K = C_{v|t} - C_exact is known without
 * cancellation. Without guidance L is infinite. For the factor, with f = sqrt(abar) lambda
 * a/sqrt(s), |f|^2 = L - C:
 *
 *     C_{t|v} = diag(sqrt s) (I - (1 - sqrt(C/L)) f f^T/|f|^2)^2 diag(sqrt s)
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

gref_spectral_excess gref_spectral_modelled(const gref_spectral_sampler *s, double abar,
                                            double qbar, int b)
{
    const gref_spectral *z = s->z;
    gref_spectral_excess x = {.C = INFINITY, .L = INFINITY};
    double K = z->sigma * z->sigma, part = 0.0, gain = 0.0;
    for (int k = 0; k < z->q; k++) {
        double lambda = GREF_AT(z->lambda, k, b), a = GREF_AT(z->a, k, b);
        K += a * a * lambda;
        gain += lambda > 0.0
                    ? a * a * abar *
                          (lambda / gref_forward_variance((gref_time){abar, qbar}, lambda)) * lambda
                    : 0.0;
    }
    if (s->row->guided) {
        double excess = gref_spectral_likelihood_excess(s, abar, qbar, b);
        x.C = qbar == 0.0 && z->sigma == 0.0 ? 0.0 : gref_spectral_likelihood(s, abar, qbar, b);
        x.L = x.C + gain;
        part = excess == 0.0 ? 0.0 : excess / x.L / K; /* 1/K - 1/L */
    } else if (K > 0.0) {
        part = 1.0 / K;
    }
    x.mean_re = -sqrt(abar) * part * z->r.re.a[b];
    x.mean_im = -sqrt(abar) * part * z->r.im.a[b];
    x.cov = abar * part;
    return x;
}

void gref_spectral_modelled_factor(gref_mat L2, const gref_spectral_sampler *s, double abar,
                                   double qbar, int b)
{
    const gref_spectral *z = s->z;
    gref_spectral_excess x = gref_spectral_modelled(s, abar, qbar, b);
    double squared = 0.0, shrink = 0.0;
    gref_mat_fill(L2, 0.0);
    for (int k = 0; k < z->q; k++) { /* f on the diagonal, for a while */
        double lambda = GREF_AT(z->lambda, k, b),
               sk = gref_forward_variance((gref_time){abar, qbar}, lambda);
        double f = lambda > 0.0 ? sqrt(abar) * lambda * GREF_AT(z->a, k, b) / sqrt(sk) : 0.0;
        GREF_AT(L2, k, k) = f;
        squared += f * f;
    }
    if (s->row->guided && squared > 0.0)
        shrink = squared / x.L / (1.0 + sqrt(x.C / x.L)) / squared; /* (1 - sqrt(C/L))/|f|^2 */
    for (int j = 0; j < z->q; j++)
        for (int i = 0; i < j; i++)
            GREF_AT(L2, i, j) = GREF_AT(L2, j, i) = -shrink * GREF_AT(L2, i, i) * GREF_AT(L2, j, j);
    for (int k = 0; k < z->q; k++)
        GREF_AT(L2, k, k) = 1.0 - shrink * GREF_AT(L2, k, k) * GREF_AT(L2, k, k);
    for (int j = 0; j < z->q; j++)
        for (int i = 0; i < z->q; i++)
            GREF_AT(L2, i, j) *=
                sqrt(gref_forward_variance((gref_time){abar, qbar}, GREF_AT(z->lambda, i, b)));
}

void gref_spectral_exact_factor(gref_mat L1, const gref_spectral *z, double abar, double qbar,
                                int b)
{
    for (int j = 0; j < z->q; j++) {
        double sd = sqrt(gref_spectral_exact_variance(z, abar, qbar, j, b));
        for (int i = 0; i < z->q; i++)
            GREF_AT(L1, i, j) = z->q == 1 ? sd : sd * GREF_AT(z->X, j * z->q + i, b);
    }
}

/* |w|^2 of the mean's difference, and the squared covariance part, of a block of one frequency. */
static double scalar_w2(const gref_spectral *z, const gref_spectral_excess *x, double abar,
                        double qbar, int b)
{
    double lambda = z->lambda.a[b], a = z->a.a[b],
           s = gref_forward_variance((gref_time){abar, qbar}, lambda);
    double exact = gref_spectral_exact_variance(z, abar, qbar, 0, b);
    double modelled = isinf(x->L) ? s : x->L > 0.0 ? s * (x->C / x->L) : 0.0;
    double difference = x->cov * (lambda * a) * (lambda * a);
    double root = difference == 0.0 ? 0.0 : difference / (sqrt(exact) + sqrt(modelled));
    return root * root;
}

static gref_status block_w2(double *squared, gref_block *work, const gref_spectral_sampler *s,
                            const gref_spectral_excess *x, double abar, double qbar, int b)
{
    const gref_spectral *z = s->z;
    int q = z->q;
    for (int i = 0; i < q; i++) { /* X^T w in the first column of T */
        double sum = 0.0;
        for (int k = 0; k < q; k++)
            sum += GREF_AT(z->X, i * q + k, b) * (GREF_AT(z->lambda, k, b) * GREF_AT(z->a, k, b));
        GREF_AT(work->T, i, 0) = sum;
        work->e.a[i] = gref_spectral_exact_variance(z, abar, qbar, i, b);
    }
    for (int j = 0; j < q; j++)
        for (int i = 0; i < q; i++)
            GREF_AT(work->E, i, j) = x->cov * GREF_AT(work->T, i, 0) * GREF_AT(work->T, j, 0);
    if (gref_block_w2_close(squared, work))
        return GREF_OK;
    gref_spectral_exact_factor(work->L1, z, abar, qbar, b);
    gref_spectral_modelled_factor(work->L2, s, abar, qbar, b);
    return gref_block_w2_factors(squared, work);
}

gref_status gref_spectral_w2_modelled(gref_w2 *out_w2, const gref_mat terms[2],
                                      const gref_spectral_sampler *s, double abar, double qbar)
{
    const gref_spectral *z = s->z;
    SCOPED(gref_block) work = {0};
    gref_mat mean = terms[0], cov = terms[1];
    if (s->row->exact) {
        *out_w2 = (gref_w2){.certified = true, .rank = z->n, .method = "spectra"};
        return GREF_OK;
    }
    TRY(gref_block_new(&work, z->q));
    for (int b = 0; b < z->blocks; b++) {
        gref_spectral_excess x = gref_spectral_modelled(s, abar, qbar, b);
        double squared = 0.0;
        for (int k = 0; k < z->q; k++) {
            double w = GREF_AT(z->lambda, k, b) * GREF_AT(z->a, k, b);
            squared += w * w;
        }
        mean.a[b] = squared * (x.mean_re * x.mean_re + x.mean_im * x.mean_im);
        if (z->q == 1)
            cov.a[b] = scalar_w2(z, &x, abar, qbar, b);
        else
            TRY(block_w2(&cov.a[b], &work, s, &x, abar, qbar, b));
    }
    return gref_spectral_distance(out_w2, z, gref_const(mean), gref_const(cov));
}
