/*
 * How far is the law of the samples from the exact one in W2, and how small a W2 would they show?
 *
 * To second order in D = C - P, C the covariance of the sampled law, in the eigenbasis of P:
 *
 *     W2^2 = |d|^2 + 1/2 sum_ij D_ij^2 / (lambda_i + lambda_j)
 *          = sum_i lambda_i d_i^2 + 1/2 sum_ij g_ij D_ij^2       whitened, g_ij = lambda_i lambda_j/(lambda_i + lambda_j)
 *
 * Unbiased, for Gaussian samples and any C: |d|^2 loses tr S/N, and (S_ij - I_ij)^2 loses the
 * unbiased estimate of Var S_ij = (C_ii C_jj + C_ij^2)/nu, from E S_ij^2 and E S_ii S_jj. Under the
 * law itself the estimate is sum w (chi^2_1 - 1) with the weights
 *
 *     lambda_i/N,    lambda_i/(2 nu),    g_ij/nu (i < j)
 */
#include <math.h>

#include "internal.h"
#include "samples.h"

/* lambda_i lambda_j/(lambda_i + lambda_j) */
static double weight(const gref_sample_space *q, int i, int j)
{
    double a = q->lambda.a[i], b = q->lambda.a[j];
    return a * (b / (a + b));
}

/* Unbiased estimate of the variance of S_ij. */
static double variance(const gref_sample_space *q, int i, int j)
{
    double nu = q->N - 1, sij = GREF_AT(q->S, i, j),
           product = GREF_AT(q->S, i, i) * GREF_AT(q->S, j, j);
    if (i == j)
        return 2 * sij * sij / (nu + 2);
    double square = (sij * sij - product / nu) / ((1 - 1 / nu) * (1 + 2 / nu)); /* of C_ij^2 */
    return (square + product - 2 * square / nu) / nu;
}

/* Cumulants of the estimate under the law. */
static void null_cumulants(double k[3], const gref_sample_space *q)
{
    double nu = q->N - 1, two = 0.0, three = 0.0;
    for (int i = 0; i < q->r; i++) {
        double w[2] = {q->lambda.a[i] / q->N, q->lambda.a[i] / (2 * nu)};
        for (int a = 0; a < 2; a++) {
            two += w[a] * w[a];
            three += w[a] * w[a] * w[a];
        }
        for (int j = 0; j < i; j++) {
            double g = weight(q, i, j) / nu;
            two += g * g;
            three += g * g * g;
        }
    }
    k[0] = 0.0;
    k[1] = 2 * two;
    k[2] = 8 * three;
}

/* The estimate, and the variance it has besides that of null_cumulants when the laws differ. */
static double estimate(double *linear, const gref_sample_space *q)
{
    double nu = q->N - 1, sum = q->outside2, mean_part = 0.0, cov_part = 0.0;
    for (int i = 0; i < q->r; i++) {
        double lambda = q->lambda.a[i], excess = q->w.a[i] * q->w.a[i] - GREF_AT(q->S, i, i) / q->N;
        sum += lambda * excess;
        mean_part += lambda * lambda * excess;
        for (int j = 0; j < q->r; j++) {
            double d = GREF_AT(q->S, i, j) - (i == j), g = weight(q, i, j);
            double square = d * d - variance(q, i, j);
            sum += 0.5 * g * square;
            cov_part += g * g * square;
        }
    }
    *linear = 4 * fmax(0.0, mean_part) / q->N + 2 * fmax(0.0, cov_part) / nu;
    return sum;
}

/* The W2 whose estimate exceeds the 99 % quantile of the null law with probability 0.95, by
 * iteration. */
static double visible(const double k[3], const gref_sample_space *q)
{
    double edge = gref_pearson3_quantile(0.01, k), square = edge;
    for (int pass = 0; pass < 50; pass++)
        square = edge + 1.645 * sqrt(k[1] + 4 * q->lambda.a[0] / q->N * square);
    return sqrt(square);
}

void gref_samples_w2(gref_sample_report *report, const gref_sample_space *q, double resolve)
{
    double k[3], linear;
    report->estimated = q->r > 0;
    if (!report->estimated)
        return;
    null_cumulants(k, q);
    double square = estimate(&linear, q), half = 1.96 * sqrt(k[1] + linear);
    report->w2_squared = square;
    report->w2 = sqrt(fmax(0.0, square));
    report->lower = sqrt(fmax(0.0, square - half));
    report->upper = sqrt(fmax(0.0, square + half));
    report->visible = visible(k, q);
    double ratio = report->visible / (resolve * report->spread);
    report->needed = ceil(q->N * ratio * ratio);
}
