/*
 * A stationary problem in the Fourier basis (THEORY section 9), with its exact posterior.
 *
 *     x^        unitary DFT of x; frequency xi of x aliases to xi mod (M/r, N/r) of v
 *     lambda    |t^|^2 n: the eigenvalues of Sigma, lambda(0) = 0 because t has mean 0, and 0 is
 *                                          what rounding cannot tell from it             [pixel^2]
 *     a^        conj(DFT of the taps): (A x)^(eta) = (1/r) sum_k a^(xi_k) x^(xi_k)   [measurement/pixel]
 *     z         q x blocks, exp(i arg a^(xi_k)) x^(xi_k), q = r^2: A becomes the real row a = |a^|/r >= 0
 *     K         sum_k a_k^2 lambda_k + sigma^2, a scalar per frequency of v          [measurement^2]
 *     f         sqrt(sum_k a_k^2 lambda_k), h = sqrt(f^2 + sigma^2)                    [measurement]
 *     d         lambda a r^/K: mu_post - mu                                                 [pixel]
 *     S         diag(sqrt lambda) (I - (1 - sigma/h) e e^T), e = a sqrt(lambda)/f:  Sigma_post = S S^T
 *     X, rho    S = X diag(rho) (.)^T
 *
 * A diagonal unitary has made every block real, so each of them is one small real problem with one
 * measurement, and everything that r^2 x r^2 Hermitian matrices are needed for is done on real
 * symmetric ones; only means are complex. As in modes.c, Sigma_post is never formed by a
 * subtraction.
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include "model/internal.h"
#include <gref/random.h>

gref_status gref_cplx_new(gref_cplx *x, int m, int n)
{
    SCOPED(gref_cplx) made = {0};
    TRY(gref_mat_new(&made.re, m, n));
    TRY(gref_mat_new(&made.im, m, n));
    *x = TAKE(made);
    return GREF_OK;
}

void gref_cplx_free(gref_cplx *x)
{
    gref_mat_free(&x->re);
    gref_mat_free(&x->im);
}

/** Frees it; accepts NULL. */
void gref_spectral_free(gref_spectral *z)
{
    if (z == NULL)
        return;
    gref_dft_free(&z->dft);
    gref_dft_free(&z->low);
    gref_cplx *complex[] = {&z->phase, &z->r, &z->d};
    gref_mat *real[] = {&z->weight, &z->lambda, &z->a, &z->rho, &z->X};
    for (size_t k = 0; k < sizeof complex / sizeof *complex; k++)
        gref_cplx_free(complex[k]);
    for (size_t k = 0; k < sizeof real / sizeof *real; k++)
        gref_mat_free(real[k]);
    free(z->place);
    free(z);
}

static gref_status check_problem(const gref_stationary *p)
{
    int n = 0, r = p->factor;
    TRY(gref_pixel_count(&n, p->rows, p->cols, "an image"));
    TRY(gref_require_shape(gref_const(p->texton), n, 1, "texton"));
    TRY(gref_require_shape(gref_const(p->taps), n, 1, "taps"));
    REQUIRE(r >= 1 && p->rows % r == 0 && p->cols % r == 0, GREF_ERR_RANGE,
            "factor %d does not divide an image of %d x %d", r, p->rows, p->cols);
    REQUIRE(p->sigma >= 0.0 && isfinite(p->sigma), GREF_ERR_RANGE, "sigma must be >= 0, not %g",
            p->sigma);
    REQUIRE(isfinite(p->mean), GREF_ERR_NONFINITE, "the mean of the prior is %g", p->mean);
    TRY(gref_require_finite(gref_const(p->texton), "texton"));
    return gref_require_finite(gref_const(p->taps), "taps");
}

/* Where the DFT of x stores frequency (k, l): its index, or -1 - the index of its conjugate. */
static int place_of(const gref_dft *f, int k, int l)
{
    if (l < f->half)
        return k * f->half + l;
    return -1 - ((f->rows - k) % f->rows * f->half + (f->cols - l));
}

/* place and weight of every block. */
static gref_status index_blocks(gref_spectral *z)
{
    int low_cols = z->cols / z->factor;
    z->place = gref_alloc((size_t)z->q * (size_t)z->blocks, sizeof *z->place);
    REQUIRE(z->place != NULL, GREF_ERR_NOMEM, "no memory for the order of %d frequencies", z->n);
    TRY(gref_mat_new(&z->weight, 1, z->blocks));
    for (int b = 0; b < z->blocks; b++) {
        int k = b / z->low_half, l = b % z->low_half;
        z->weight.a[b] = l > 0 && 2 * l < low_cols ? 2.0 : 1.0;
        for (int i = 0; i < z->factor; i++)
            for (int j = 0; j < z->factor; j++)
                z->place[(size_t)b * z->q + i * z->factor + j] =
                    place_of(&z->dft, k + i * z->low_rows, l + j * low_cols);
    }
    return GREF_OK;
}

/* Coefficient `place` of a stored spectrum. */
static void fetch(double *re, double *im, gref_cplx x, int place)
{
    bool conjugate = place < 0;
    size_t at = (size_t)(conjugate ? -1 - place : place);
    *re = x.re.a[at];
    *im = conjugate ? -x.im.a[at] : x.im.a[at];
}

/* What rounding makes of an eigenvalue 0 of Sigma: the square of the error of a root, as in
 * gref_spectral_new. */
static double rounded_zero(const gref_spectral *z, gref_cmat texton)
{
    double t = GREF_U * gref_mat_norm_fro(texton);
    return (double)(z->rows + z->cols) * z->n * t * t;
}

/* lambda, a and phase from the transforms of texton and taps. */
static gref_status transform_problem(gref_spectral *z, const gref_stationary *p)
{
    double root = sqrt((double)z->n), zero = rounded_zero(z, gref_const(p->texton)), re, im;
    SCOPED(gref_room) room = {0};
    TRY(gref_room_new(&room, z));
    gref_cplx x = room.spectrum;
    TRY(gref_dft_forward(x.re, x.im, &z->dft, &room.dft, gref_const(p->texton)));
    size_t size = (size_t)z->q * (size_t)z->blocks;
    for (size_t i = 0; i < size; i++) {
        fetch(&re, &im, x, z->place[i]);
        double lambda = (root * re) * (root * re) + (root * im) * (root * im);
        z->lambda.a[i] = z->place[i] == 0 || lambda <= zero ? 0.0 : lambda;
    }
    TRY(gref_require_finite(gref_const(z->lambda), "the spectrum of the texton"));
    TRY(gref_dft_forward(x.re, x.im, &z->dft, &room.dft, gref_const(p->taps)));
    for (size_t i = 0; i < size; i++) {
        fetch(&re, &im, x, z->place[i]);
        double modulus = hypot(re, im);
        z->a.a[i] = root * modulus / z->factor;
        z->phase.re.a[i] = modulus > 0.0 ? re / modulus : 1.0;
        z->phase.im.a[i] =
            modulus > 0.0 ? -im / modulus : 0.0; /* a^ is the conjugate of the taps' DFT */
    }
    return gref_require_finite(gref_const(z->a), "the spectrum of A");
}

gref_status gref_spectral_modes_new(gref_spectral **out_z, const gref_stationary *p)
{
    SCOPED_PTR(gref_spectral) *z = gref_alloc(1, sizeof *z);
    REQUIRE(z != NULL, GREF_ERR_NOMEM, "no memory for a stationary problem");
    TRY(check_problem(p));
    int r = p->factor;
    z->rows = p->rows;
    z->cols = p->cols;
    z->factor = r;
    z->n = p->rows * p->cols;
    z->q = r * r;
    z->m = z->n / z->q;
    z->low_rows = p->rows / r;
    z->low_half = p->cols / r / 2 + 1;
    z->blocks = z->low_rows * z->low_half;
    z->sigma = p->sigma;
    z->mean = p->mean;
    TRY(gref_dft_new(&z->dft, p->rows, p->cols));
    TRY(gref_dft_new(&z->low, p->rows / r, p->cols / r));
    TRY(index_blocks(z));
    TRY(gref_mat_new(&z->lambda, z->q, z->blocks));
    TRY(gref_mat_new(&z->a, z->q, z->blocks));
    TRY(gref_cplx_new(&z->phase, z->q, z->blocks));
    TRY(transform_problem(z, p));
    *out_z = TAKE(z);
    return GREF_OK;
}

void gref_room_free(gref_room *room)
{
    gref_dft_work_free(&room->dft);
    gref_cplx_free(&room->spectrum);
}

gref_status gref_room_new(gref_room *out_room, const gref_spectral *z)
{
    SCOPED(gref_room) room = {0};
    TRY(gref_dft_work_new(&room.dft, &z->dft));
    TRY(gref_cplx_new(&room.spectrum, z->dft.half, z->rows));
    *out_room = TAKE(room);
    return GREF_OK;
}

gref_status gref_spectral_analyse(gref_cplx coordinates, const gref_spectral *z, gref_room *room,
                                  gref_cmat x)
{
    gref_cplx s = room->spectrum;
    TRY(gref_dft_forward(s.re, s.im, &z->dft, &room->dft, x));
    size_t size = (size_t)z->q * (size_t)z->blocks;
    for (size_t i = 0; i < size; i++) {
        double re, im, c = z->phase.re.a[i], d = z->phase.im.a[i];
        fetch(&re, &im, s, z->place[i]);
        coordinates.re.a[i] = c * re - d * im;
        coordinates.im.a[i] = c * im + d * re;
    }
    return GREF_OK;
}

gref_status gref_spectral_synthesise(gref_mat x, const gref_spectral *z, gref_room *room,
                                     gref_cplx coordinates)
{
    gref_cplx s = room->spectrum;
    size_t size = (size_t)z->q * (size_t)z->blocks;
    for (size_t i = 0; i < size; i++) {
        double re = coordinates.re.a[i], im = coordinates.im.a[i];
        double c = z->phase.re.a[i], d = -z->phase.im.a[i];
        bool conjugate = z->place[i] < 0;
        size_t at = (size_t)(conjugate ? -1 - z->place[i] : z->place[i]);
        s.re.a[at] = c * re - d * im;
        s.im.a[at] = conjugate ? -(c * im + d * re) : c * im + d * re;
    }
    return gref_dft_inverse(x, &z->dft, &room->dft, gref_const(s.re), gref_const(s.im));
}

gref_status gref_spectral_low_forward(gref_cplx low, const gref_spectral *z, gref_cmat y)
{
    SCOPED(gref_dft_work) work = {0};
    TRY(gref_dft_work_new(&work, &z->low));
    return gref_dft_forward(low.re, low.im, &z->low, &work, y);
}

gref_status gref_spectral_low_inverse(gref_mat y, const gref_spectral *z, gref_cplx low)
{
    SCOPED(gref_dft_work) work = {0};
    TRY(gref_dft_work_new(&work, &z->low));
    return gref_dft_inverse(y, &z->low, &work, gref_const(low.re), gref_const(low.im));
}

void gref_spectral_rotate(gref_cplx turned, const gref_spectral *z, gref_cplx m, bool transpose)
{
    int q = z->q;
    for (int b = 0; b < z->blocks; b++)
        for (int i = 0; i < q; i++) {
            double re = 0.0, im = 0.0;
            for (int k = 0; k < q; k++) {
                double x = q == 1 ? 1.0 : GREF_AT(z->X, transpose ? i * q + k : k * q + i, b);
                re += x * GREF_AT(m.re, k, b);
                im += x * GREF_AT(m.im, k, b);
            }
            GREF_AT(turned.re, i, b) = re;
            GREF_AT(turned.im, i, b) = im;
        }
}

double gref_spectral_sum(const gref_spectral *z, gref_cmat terms)
{
    double total = 0.0;
    for (int k = 0; k < z->low_rows;
         k++) { /* row by row: the rounding of a sum grows with its longest chain */
        double row = 0.0;
        for (int b = k * z->low_half; b < (k + 1) * z->low_half; b++) {
            double block = 0.0;
            for (int i = 0; i < terms.m; i++)
                block += GREF_AT(terms, i, b);
            row += z->weight.a[b] * block;
        }
        total += row;
    }
    return total;
}

gref_status gref_spectral_distance(gref_w2 *out_w2, const gref_spectral *z, gref_cmat mean,
                                   gref_cmat cov)
{
    double m = sqrt(gref_spectral_sum(z, mean)), c = sqrt(gref_spectral_sum(z, cov)),
           w = hypot(m, c);
    REQUIRE(isfinite(w), GREF_ERR_RANGE, "W2 overflows: mean part %g, covariance part %g", m, c);
    *out_w2 = (gref_w2){
        .w2 = w, .w2_mean = m, .w2_cov = c, .upper = INFINITY, .rank = z->n, .method = "spectra"};
    return GREF_OK;
}

/* r = v - A mu, in the Fourier basis: A mu is constant. */
static gref_status transform_measurement(gref_spectral *z, gref_cmat v)
{
    double sum = 0.0;
    gref_cplx r = {z->r.re, z->r.im};
    r.re.m = r.im.m = r.re.ld = r.im.ld = z->low_half; /* 1 x blocks, seen as low_half x low_rows */
    r.re.n = r.im.n = z->low_rows;
    TRY(gref_spectral_low_forward(r, z, v));
    sum = GREF_AT(z->a, 0, 0) * z->phase.re.a[0]; /* a^(0)/r: real */
    z->r.re.a[0] -= sum * z->mean * sqrt((double)z->n);
    return GREF_OK;
}

/* The largest and the smallest singular value of A Sigma^1/2 must let the problem be told from a
 * singular one. */
static gref_status require_regular(const gref_spectral *z)
{
    double most = 0.0, least = INFINITY;
    for (int b = 0; b < z->blocks; b++) {
        double f2 = 0.0;
        for (int k = 0; k < z->q; k++)
            f2 += GREF_AT(z->a, k, b) * GREF_AT(z->a, k, b) * GREF_AT(z->lambda, k, b);
        most = fmax(most, sqrt(f2));
        least = fmin(least, sqrt(f2));
    }
    return gref_require_regular(most, least, z->m, z->n, z->sigma);
}

/* d and, for q = 1, rho; for q > 1 the factor S of Sigma_post (q x q). */
static void condition_block(gref_spectral *z, gref_mat S, int b)
{
    double f2 = 0.0;
    for (int k = 0; k < z->q; k++)
        f2 += GREF_AT(z->a, k, b) * GREF_AT(z->a, k, b) * GREF_AT(z->lambda, k, b);
    double f = sqrt(f2), h = hypot(f, z->sigma);
    double shrink = f > 0.0 ? f / h * (f / (h + z->sigma)) : 0.0; /* 1 - sigma/h */
    for (int k = 0; k < z->q; k++) {
        double gain = f > 0.0 ? GREF_AT(z->lambda, k, b) * GREF_AT(z->a, k, b) / h / h : 0.0;
        GREF_AT(z->d.re, k, b) = gain * z->r.re.a[b];
        GREF_AT(z->d.im, k, b) = gain * z->r.im.a[b];
    }
    if (z->q == 1) {
        z->rho.a[b] = sqrt(z->lambda.a[b]) * (f > 0.0 ? z->sigma / h : 1.0);
        return;
    }
    for (int l = 0; l < z->q; l++)
        for (int k = 0; k < z->q; k++) {
            double root = sqrt(GREF_AT(z->lambda, k, b)), e = 0.0;
            if (f > 0.0)
                e = (GREF_AT(z->a, k, b) * root / f) *
                    (GREF_AT(z->a, l, b) * sqrt(GREF_AT(z->lambda, l, b)) / f);
            GREF_AT(S, k, l) = root * ((k == l ? 1.0 : 0.0) - shrink * e);
        }
}

gref_status gref_spectral_condition(gref_spectral *z, gref_cmat v)
{
    int q = z->q;
    SCOPED(gref_mat) S = {0}, VT = {0};
    TRY(gref_require_shape(v, z->m, 1, "v"));
    TRY(gref_require_finite(v, "v"));
    TRY(require_regular(z));
    TRY(transform_measurement(z, v));
    TRY(gref_mat_new(&S, q, q));
    TRY(gref_mat_new(&VT, q, q));
    for (int b = 0; b < z->blocks; b++) {
        condition_block(z, S, b);
        if (q > 1)
            TRY(gref_svd((gref_mat){&GREF_AT(z->X, 0, b), q, q, q},
                         gref_mat_view(z->rho, 0, b, q, 1), VT, S));
    }
    return GREF_OK;
}

/**
 * The problem in the Fourier basis, with its exact posterior.
 *
 *     Sigma = F* diag(lambda) F,  A in blocks of aliased frequencies,  Sigma_post = X diag(rho^2) X^T per block
 *
 * @param[out] z  owned by the caller; gref_spectral_free. Unchanged on error. Does not keep p.
 * @param[in]  p  complete: prior, operator, sigma and v.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_NONFINITE; GREF_ERR_NOT_PD (A Sigma A^T
 *         singular, sigma 0 or lost in its rounding); GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @error  sqrt lambda: absolute c sqrt(rows + cols) eps |t| sqrt n. rho: relative to that, no cancellation.
 * @cost   O(n (rows + cols)) for three transforms, and for r > 1 m decompositions of order r^2; about
 *         (r^2 + 8) n doubles.
 * @see    THEORY section 9. Tests: test_spectral.c
 */
gref_status gref_spectral_new(gref_spectral **out_z, const gref_stationary *p)
{
    SCOPED_PTR(gref_spectral) *z = NULL;
    TRY(gref_spectral_modes_new(&z, p));
    TRY(gref_cplx_new(&z->r, 1, z->blocks));
    TRY(gref_mat_new(&z->rho, z->q, z->blocks));
    TRY(gref_cplx_new(&z->d, z->q, z->blocks));
    if (z->q > 1)
        TRY(gref_mat_new(&z->X, z->q * z->q, z->blocks));
    TRY(gref_spectral_condition(z, gref_const(p->v)));
    *out_z = TAKE(z);
    return GREF_OK;
}

/** n, the number of pixels of x0. */
int gref_spectral_pixels(const gref_spectral *z)
{
    return z->n;
}

/** mu_post, n x 1. GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM. Undefined on error. */
gref_status gref_spectral_posterior_mean(gref_mat mu_post, const gref_spectral *z)
{
    SCOPED(gref_room) room = {0};
    TRY(gref_room_new(&room, z));
    TRY(gref_spectral_synthesise(mu_post, z, &room, z->d));
    for (int i = 0; i < mu_post.m; i++)
        mu_post.a[i] += z->mean;
    return GREF_OK;
}

/** sqrt tr Sigma_post. [pixel] */
double gref_spectral_posterior_spread(const gref_spectral *z)
{
    double total = 0.0;
    for (int k = 0; k < z->low_rows; k++) {
        double row = 0.0;
        for (int b = k * z->low_half; b < (k + 1) * z->low_half; b++)
            for (int i = 0; i < z->q; i++)
                row += z->weight.a[b] * GREF_AT(z->rho, i, b) * GREF_AT(z->rho, i, b);
        total += row;
    }
    return sqrt(total);
}
