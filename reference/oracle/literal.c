/*
 * Sigma and mu once more, from the words of the case, in balls; and how far the library's doubles
 * are off.
 *
 *   u       the image, M x N            m_u     its mean, whatever the law's mean is
 *   gamma   gamma(d) = (1/MN) sum_x (u(x) - m_u)(u(x + d) - m_u), indices modulo M, N     (THEORY section 2)
 *   Sigma   gamma(p - q) for pixels p, q; for patches (1/P) sum_k (x_k - mu)(x_k - mu)^T
 *
 * The deviation of an array is max |double - ball| in units of eps max |double|, eps = 2^-53: 1 is
 * one rounding of its largest entry. Small entries may be off by more of their own roundings, as
 * the sums that make them cancel.
 */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "oracle.h"

/* A few roundings of the largest entry: one of the result, some of the sums behind it. Weights of a kernel that
 * meet in one entry of A are added in double: one rounding more for each. */
#define ALLOWED 4.0
#define PREC 192

static arb_ptr at(const arb_mat_t C, int i, int j)
{
    return arb_mat_entry(C, i, j);
}

/* max |x - C| / (eps max |x|), rounded up. */
static double deviation(const oracle_doubles *x, const arb_mat_t C)
{
    double worst = 0.0, largest = 0.0;
    arb_t d;
    mag_t m;
    arb_init(d);
    mag_init(m);
    for (int i = 0; i < x->rows; i++)
        for (int j = 0; j < x->cols; j++) {
            arb_set_d(d, x->a[i * x->cols + j]);
            arb_sub(d, d, at(C, i, j), PREC);
            arb_get_mag(m, d);
            worst = fmax(worst, mag_get_d(m));
            largest = fmax(largest, fabs(x->a[i * x->cols + j]));
        }
    arb_clear(d);
    mag_clear(m);
    return worst == 0.0 ? 0.0 : worst / (0x1p-53 * largest);
}

/* Mean of the entries of u. */
static void image_mean(arb_t mean, const arb_mat_t u)
{
    arb_zero(mean);
    for (int i = 0; i < arb_mat_nrows(u); i++)
        for (int j = 0; j < arb_mat_ncols(u); j++)
            arb_add(mean, mean, at(u, i, j), PREC);
    arb_div_si(mean, mean, arb_mat_nrows(u) * arb_mat_ncols(u), PREC);
}

/* gamma at the lag (a, b), any integers. */
static void autocorrelation(arb_t gamma, const arb_mat_t u, const arb_t m_u, int a, int b)
{
    int M = (int)arb_mat_nrows(u), N = (int)arb_mat_ncols(u);
    arb_t x, y;
    arb_init(x);
    arb_init(y);
    arb_zero(gamma);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            arb_sub(x, at(u, i, j), m_u, PREC);
            arb_sub(y, at(u, ((i + a) % M + M) % M, ((j + b) % N + N) % N), m_u, PREC);
            arb_addmul(gamma, x, y, PREC);
        }
    arb_div_si(gamma, gamma, M * N, PREC);
    arb_clear(x);
    arb_clear(y);
}

/* ADSN seen through a window of in->rows x in->cols pixels. mean: "image", "zero" or a number. */
static void adsn(arb_mat_t mu, arb_mat_t Sigma, const oracle_inputs *in, const json_t *mean)
{
    int h = in->rows, w = in->cols;
    arb_mat_t u;
    arb_t m_u, gamma;
    arb_mat_init(u, in->image.rows, in->image.cols);
    arb_init(m_u);
    arb_init(gamma);
    oracle_mat_set_doubles(u, &in->image);
    image_mean(m_u, u);
    for (int a = 1 - h; a < h; a++)
        for (int b = 1 - w; b < w; b++) {
            autocorrelation(gamma, u, m_u, a, b);
            for (int p = 0; p < in->n; p++) {
                int i = p / w + a, j = p % w + b; /* the pixel at that lag from p */
                if (i >= 0 && i < h && j >= 0 && j < w)
                    arb_set(at(Sigma, p, i * w + j), gamma);
            }
        }
    if (json_is_number(mean))
        arb_set_d(m_u, json_number_value(mean));
    else if (strcmp(json_string_value(mean), "zero") == 0)
        arb_zero(m_u);
    for (int p = 0; p < in->n; p++)
        arb_set(at(mu, p, 0), m_u);
    arb_mat_clear(u);
    arb_clear(m_u);
    arb_clear(gamma);
}

/* X: one patch a column, h x w pixels flattened row-major, corners `stride` apart. */
static void cut_patches(arb_mat_t X, const oracle_inputs *in, int stride, int down, int across)
{
    for (int k = 0; k < down * across; k++)
        for (int p = 0; p < in->n; p++) {
            int i = k / across * stride + p / in->cols, j = k % across * stride + p % in->cols;
            arb_set_d(at(X, p, k), in->image.a[i * in->image.cols + j]);
        }
}

static void patches(arb_mat_t mu, arb_mat_t Sigma, const oracle_inputs *in, int stride)
{
    int down = (in->image.rows - in->rows) / stride + 1,
        across = (in->image.cols - in->cols) / stride + 1;
    int P = down * across;
    arb_mat_t X;
    arb_mat_init(X, in->n, P);
    cut_patches(X, in, stride, down, across);
    for (int p = 0; p < in->n; p++) {
        for (int k = 0; k < P; k++)
            arb_add(at(mu, p, 0), at(mu, p, 0), at(X, p, k), PREC);
        arb_div_si(at(mu, p, 0), at(mu, p, 0), P, PREC);
        for (int k = 0; k < P; k++)
            arb_sub(at(X, p, k), at(X, p, k), at(mu, p, 0), PREC);
    }
    oracle_mul_nt(Sigma, X, X, PREC);
    arb_mat_scalar_div_si(Sigma, Sigma, P, PREC);
    arb_mat_clear(X);
}

/* From files: the mean of the two triangles, for a matrix that is symmetric up to rounding. */
static void gaussian(arb_mat_t mu, arb_mat_t Sigma, const oracle_inputs *in, const json_t *mean)
{
    arb_mat_t C;
    arb_mat_init(C, in->n, in->n);
    oracle_mat_set_doubles(Sigma, &in->prior_cov);
    arb_mat_transpose(C, Sigma);
    arb_mat_add(Sigma, Sigma, C, PREC);
    arb_mat_scalar_mul_2exp_si(Sigma, Sigma, -1);
    arb_mat_clear(C);
    for (int p = 0; p < in->n; p++)
        arb_set_d(at(mu, p, 0),
                  in->prior_mean.a != NULL ? in->prior_mean.a[p] : json_number_value(mean));
}

static void prior(arb_mat_t mu, arb_mat_t Sigma, const oracle_inputs *in, const json_t *words)
{
    const char *kind = json_string_value(json_object_get(words, "kind"));
    const json_t *mean = json_object_get(words, "mean");
    if (strcmp(kind, "patches") == 0)
        patches(mu, Sigma, in, (int)json_integer_value(json_object_get(words, "stride")));
    else if (strcmp(kind, "gaussian") == 0)
        gaussian(mu, Sigma, in, mean);
    else
        adsn(mu, Sigma, in, mean);
}

bool oracle_literal(oracle_deviation *d, const oracle_inputs *in)
{
    json_t *words = json_loads(in->case_text, 0, NULL);
    arb_mat_t Sigma, mu, A;
    arb_mat_init(Sigma, in->n, in->n);
    arb_mat_init(mu, in->n, 1);
    arb_mat_init(A, in->m, in->n);
    prior(mu, Sigma, in, json_object_get(words, "prior"));
    int terms = 1;
    bool done = oracle_literal_operator(A, &terms, in, json_object_get(words, "operator"), PREC);
    d->Sigma = deviation(&in->Sigma, Sigma);
    d->mu = deviation(&in->mu, mu);
    d->A = deviation(&in->A, A);
    arb_mat_clear(Sigma);
    arb_mat_clear(mu);
    arb_mat_clear(A);
    json_decref(words);
    return done && d->Sigma <= ALLOWED && d->mu <= ALLOWED && d->A <= ALLOWED + terms - 1;
}
