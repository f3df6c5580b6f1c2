/*
 * The proved errors of modes, held against another evaluation of their formulas. The modes are made
 * by hand, and each of their products and quotients is exact in double: nothing is left of what is
 * measured, and the terms of rounding stand alone.
 *
 *   E_i   1 + lambda_i |b_i|^2/sigma^2 = 4^k_i: measurement j of mode i has T = 2^floor(j/3), and
 *         3 (1 + 4 + .. + 4^(k-1)) = 4^k - 1. r = 2 B (1, .., 1)^T, so that d_i = 2 - 2/E_i
 *   rho_i sqrt(lambda_i)/2^k_i, but for the last where it is spoilt; G = Sigma_post B^T/sigma^2, I - G B = diag(1/E)
 */
#include "base/internal.h"
#include "dense.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "toy.h"

#include <gref/wasserstein.h>

enum { MODES = 3 };

/* sqrt(lambda_i) = 2^exponent_i, 0 from NONE on; ascending. */
enum { NONE = -1000 };
typedef struct {
    const char *what;
    int n, exponent[MODES], k[MODES], sigma; /* 2^sigma */
    gref_modes_errors errors;                /* of (Sigma, A) against (lambda, B) */
    double spoilt; /* what the last column of S is off by, relatively where it is not 0 */
    bool no_d;     /* d = 0 */
} made;

/* Each term counts in one of them by more than 1e-5 of a sum. Terms of the gain count where a mode
 * of small variance is measured beside a large one; those of |d E| where E is large. */
static const made all[] = {
    {"plain", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9}, 0, false},
    {"a kernel", 3, {NONE, NONE, 1}, {0, 0, 2}, -1, {.A_norm = 2}, 0, false},
    {"a small mode measured", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9}, 0, false},
    {"the same, Sigma", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9, .Sigma = 0x1p-50}, 0, false},
    {"the same, A", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9, .B = 0x1p-60}, 0, false},
    {"the same, v", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9, .r = 1e3}, 0, false},
    {"strong measurement, v", 1, {0}, {20}, 0, {.A_norm = 0x1p30, .r = 1}, 0, false},
    {"strong measurement", 1, {0}, {20}, 0, {.A_norm = 0x1p30}, 0, false},
    {"strong and none", 2, {-1, 1}, {14, 0}, -1, {.A_norm = 0x1p30}, 0, false},
    {"E barely known", 2, {-1, 1}, {23, 0}, -1, {.A_norm = 0x1p30}, 0, false},
    {"E unknown", 1, {0}, {25}, 0, {.A_norm = 0x1p30}, 0, false},
    {"Sigma", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9, .Sigma = 1e-3}, 0, false},
    {"A", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9, .B = 1e-3}, 0, false},
    {"A, small norm", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 1, .B = 1e-3}, 0, false},
    {"v", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9, .r = 0.5}, 0, false},
    {"all", 3, {NONE, NONE, 1}, {0, 0, 3}, -1, {.A_norm = 3, .Sigma = 2e-4, .B = 3e-3}, 0, false},
    {"all", 2, {-1, 1}, {14, 0}, -1, {.A_norm = 1, .Sigma = 1e-4, .B = 2e-4, .r = 0.1}, 0, false},
    {"d = 0", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9}, 0, true},
    {"d = 0, strong", 2, {-1, 1}, {14, 0}, -1, {.A_norm = 9}, 0, true},
    {"S off in a large mode", 1, {0}, {1}, -1, {.A_norm = 9}, 0x1p-20, false},
    {"S off in a small mode", 2, {-9, 1}, {0, 0}, -1, {.A_norm = 9}, 0x1p-20, false},
    {"S where Sigma is 0", 2, {NONE, 1}, {0, 14}, -1, {.A_norm = 9}, 0x1p-30, false},
    {"S far off", 2, {-9, 1}, {0, 0}, -1, {.A_norm = 9}, 0.25, true},
};

static gref_modes make(const made *w)
{
    int m = 1, row = 0, n = w->n;
    for (int i = 0; i < n; i++)
        m += 3 * w->k[i];
    gref_modes z = {.n = n, .m = m, .sigma = ldexp(1, w->sigma), .errors = w->errors};
    z.errors.post_cov = z.errors.post_w2 = z.errors.post_mean = INFINITY;
    gref_mat *const squares[] = {&z.U, &z.X}, *const vectors[] = {&z.lambda, &z.mu, &z.rho, &z.d};
    for (int i = 0; i < 2; i++)
        *squares[i] = fresh(n, n);
    for (int i = 0; i < 4; i++)
        *vectors[i] = fresh(n, 1);
    z.B = fresh(m, n);
    z.r = fresh(m, 1);
    gref_mat_identity(z.U);
    for (int i = 0; i < n; i++) {
        double root = w->exponent[i] == NONE ? 0 : ldexp(1, w->exponent[i]);
        double rho = ldexp(root, -w->k[i]);
        int rank = 0;
        for (int j = 0; j < n; j++)
            rank += j != i && ldexp(1, w->exponent[j] - w->k[j]) > rho;
        z.lambda.a[i] = root * root;
        z.rho.a[rank] = rank == n - 1 ? rho + w->spoilt * (rho > 0 ? rho : 1) : rho;
        GREF_AT(z.X, i, rank) = 1;
        z.d.a[i] = w->no_d ? 0 : 2 - ldexp(2, -2 * w->k[i]);
        for (int j = 0; j < 3 * w->k[i]; j++) {
            GREF_AT(z.B, row, i) = ldexp(z.sigma / root, j / 3);
            z.r.a[row] = 2 * GREF_AT(z.B, row, i);
            row++;
        }
    }
    if (w->exponent[0] == NONE && w->spoilt > 0)
        GREF_AT(z.X, n - 1, n - 1) = 0.5; /* on the range of Sigma too */
    return z;
}

static double fro(gref_mat A)
{
    return gref_norm_fro_up(gref_const(A));
}

/* What the formulas are made of. */
typedef struct {
    double rho0, largest;                  /* rho_0, sqrt(lambda_max) */
    double by_cholesky, left, by_residual; /* errors of S by either way, what S leaves of I */
    double route, off;                     /* errors of X diag(rho), of Sigma_post */
    double gain, keep;                     /* |G|, |I - G B|, with their rounding */
    double mean, residual;                 /* |d* - d|, |r - B d*| */
    gref_mat S, Y, G, Z;
} sizes;

static void by_cholesky(sizes *q, const gref_modes *z)
{
    int n = z->n;
    gref_mat T = fresh(z->m, n), E = fresh(n, n), R = fresh(n, n), root = fresh(n, n),
             zero = fresh(n, 1), L = fresh(n, n);
    gref_w2 w;
    double residual;
    for (int i = 0; i < n; i++) {
        GREF_AT(E, i, i) = 1;
        for (int j = 0; j < z->m; j++) {
            GREF_AT(T, j, i) = GREF_AT(z->B, j, i) * sqrt(z->lambda.a[i]) / z->sigma;
            GREF_AT(E, i, i) += pow(GREF_AT(T, j, i), 2);
        }
        GREF_AT(root, i, i) = sqrt(z->lambda.a[i]);
        GREF_AT(R, i, i) = sqrt(GREF_AT(E, i, i));
        GREF_AT(L, i, i) = GREF_AT(root, i, i) / GREF_AT(R, i, i);
    }
    ck_ok(gref_cholesky_residual(&residual, gref_const(E), gref_const(R)));
    double dE = residual + 8 * EPS * gref_norm_2_up(gref_const(T)) * fro(T) + 3 * EPS * fro(E);
    ck_ok(gref_w2_certify_factors(&w, gref_const(zero), gref_const(q->S), gref_const(zero),
                                  gref_const(L)));
    double turned = gref_dot2_error_up(n) * fro(L) * fro(R) + EPS * fro(root);
    q->by_cholesky =
        dE < 0.5 ? w.upper + turned / sqrt(1 - dE) + q->largest * dE / (2 - 4 * dE) : INFINITY;
    FREE_ALL(&T, &E, &R, &root, &zero, &L);
}

/* Of T^T T, T known to dT. */
static double gram_error(gref_mat T, double dT)
{
    return gref_dot2_error_up(T.m) * pow(fro(T), 2) + (2 * gref_norm_2_up(gref_const(T)) + dT) * dT;
}

/* Y and B S/sigma are exact, and so is D. */
static void by_residual(sizes *q, const gref_modes *z)
{
    int n = z->n, kernel = 0;
    while (z->lambda.a[kernel] == 0)
        kernel++;
    int r = n - kernel;
    gref_mat D = fresh(r, r), half = fresh(r, r), V = fresh(z->m, r),
             Y = gref_mat_view(q->Y, kernel, 0, r, r), S = gref_mat_view(q->S, kernel, 0, r, r),
             B = gref_mat_view(z->B, 0, kernel, z->m, r);
    ck_ok(gref_gemm(V, 1 / z->sigma, gref_const(B), false, gref_const(S), false, 0));
    gref_mat_copy(Y, gref_const(S));
    for (int i = 0; i < r; i++) {
        for (int j = 0; j < r; j++)
            GREF_AT(Y, i, j) /= sqrt(z->lambda.a[kernel + i]);
        GREF_AT(half, i, i) = -1;
    }
    ck_ok(gref_gemm(half, 1, gref_const(Y), true, gref_const(Y), false, 1));
    gref_mat_copy(D, gref_const(half));
    ck_ok(gref_gemm(D, 1, gref_const(V), true, gref_const(V), false, 1));
    double dV = gref_dot2_error_up(r) * fro(B) * fro(S) / z->sigma + 2 * EPS * fro(V);
    q->left = fro(D) + 2 * EPS * (fro(half) + fro(D)) + gram_error(Y, 2 * EPS * fro(Y)) +
              gram_error(V, dV);
    double rest = hypot(fro(gref_mat_view(q->S, 0, 0, kernel, n)),
                        fro(gref_mat_view(q->S, kernel, r, r, kernel)));
    q->by_residual = q->left < 0.25 ? q->rho0 * q->left / (2 - 4 * q->left) + rest : INFINITY;
    FREE_ALL(&D, &half, &V);
}

static void roots(sizes *q, const gref_modes *z)
{
    int n = z->n;
    q->S = fresh(n, n);
    q->Y = fresh(n, n);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            GREF_AT(q->S, i, j) = GREF_AT(z->X, i, j) * z->rho.a[j];
    q->rho0 = z->rho.a[0];
    q->largest = sqrt(z->lambda.a[n - 1]);
    by_cholesky(q, z);
    by_residual(q, z);
    q->route = fmin(q->by_cholesky, q->by_residual) + 2 * EPS * fro(q->S);
    q->off = (2 * q->rho0 + q->route) * q->route;
}

static void gains(sizes *q, const gref_modes *z, double A)
{
    int n = z->n;
    double s2 = z->sigma * z->sigma, p2 = 0;
    q->G = fresh(n, z->m);
    q->Z = fresh(n, n);
    for (int i = 0; i < n; i++) {
        double p = 0;
        for (int j = 0; j < n; j++)
            p += pow(GREF_AT(q->S, i, j), 2);
        p2 += p * p;
        GREF_AT(q->Z, i, i) = 1;
        for (int j = 0; j < z->m; j++) {
            GREF_AT(q->G, i, j) = p * GREF_AT(z->B, j, i) / s2;
            GREF_AT(q->Z, i, i) -= GREF_AT(q->G, i, j) * GREF_AT(z->B, j, i);
        }
    }
    double dP = (2 * sqrt(q->rho0 * q->rho0 + q->off) + q->route) * q->route +
                gref_gamma_up(n + 2) * pow(fro(q->S), 2);
    double dG = (dP * A + gref_gamma_up(n + 2) * sqrt(p2) * fro(z->B)) / s2;
    double dZ = dG * A + gref_gamma_up(z->m + 2) * fro(q->G) * fro(z->B) + 4 * EPS * sqrt(n);
    q->gain = gref_norm_2_up(gref_const(q->G)) + dG;
    q->keep = gref_norm_2_up(gref_const(q->Z)) + dZ;
}

/* R = r - B d and B^T R are exact, and so is the gradient w. */
static void mean(sizes *q, const gref_modes *z)
{
    int n = z->n;
    gref_mat R = fresh(z->m, 1), w = fresh(n, 1), y = fresh(n, 1);
    double e = 0, pull = 0, b = fro(z->B), s2 = z->sigma * z->sigma;
    for (int j = 0; j < z->m; j++) {
        R.a[j] = z->r.a[j];
        for (int i = 0; i < n; i++)
            R.a[j] -= GREF_AT(z->B, j, i) * z->d.a[i];
    }
    for (int i = 0; i < n; i++) {
        double pulled = 0, scaled = z->lambda.a[i] > 0 ? z->d.a[i] / sqrt(z->lambda.a[i]) : 0;
        for (int j = 0; j < z->m; j++)
            pulled += sqrt(z->lambda.a[i]) * GREF_AT(z->B, j, i) * R.a[j] / s2;
        w.a[i] = pulled - scaled;
        e = hypot(e, scaled);
        pull = hypot(pull, pulled);
    }
    ck_ok(gref_gemv(y, 1, gref_const(q->Y), true, gref_const(w), 0));
    double here = fro(R) * (1 + 4 * EPS) + gref_dot2_error_up(n) * b * fro(z->d);
    double off = (gref_dot2_error_up(z->m) * here + here - gref_mat_norm_fro(gref_const(R))) * b *
                     q->largest / s2 +
                 6 * EPS * (pull + e);
    double by_Y = q->rho0 / (1 - q->left) *
                  (fro(y) + gref_norm_2_up(gref_const(q->Y)) * off +
                   gref_gamma_up(n + 4) * fro(q->Y) * fro(w));
    q->mean =
        fmin(sqrt(q->rho0 * q->rho0 + q->off) * (fro(w) + off), q->left < 0.25 ? by_Y : INFINITY);
    q->residual = here + b * q->mean;
    FREE_ALL(&R, &w, &y);
}

/* The shift from (lambda, B) to (Sigma, A) by errors/perturb.c: first from sizes that hold for any
 * problem, then twice from those that follow. */
static void shifts(double *cov, double *of_mean, const sizes *q, const gref_modes *z)
{
    const gref_modes_errors *e = &z->errors;
    double s2 = z->sigma * z->sigma, Sigma = pow(q->largest, 2) + e->Sigma, r = fro(z->r) + e->r;
    double A = fmin(e->A_norm, gref_norm_2_up(gref_const(z->B)) + e->B);
    double most = sqrt(Sigma) / (2 * z->sigma), gain = fmin(most, q->gain),
           keep = fmin(1 + most * A, q->keep);
    double post = q->rho0 * q->rho0 + q->off, d = fro(z->d) + q->mean;
    double D_K = gref_change_of_congruence(A, e->B, Sigma, e->Sigma);
    double y = fmin(r / s2, q->residual / s2 * (1 + D_K / s2));
    gref_posterior_parts p = {.gain = most,
                              .keep = 1 + most * A,
                              .post = Sigma,
                              .y = y,
                              .pull = A * y,
                              .d = most * r,
                              .D_Sigma = e->Sigma,
                              .D_A = e->B,
                              .D_r = e->r};
    for (int round = 0; round <= 2; round++) {
        *cov = gref_change_of_posterior(&p);
        *of_mean = gref_change_of_posterior_mean(&p);
        double D_G = (*cov * A + post * e->B) / s2;
        p.gain = fmin(p.gain, gain + D_G);
        p.keep = fmin(p.keep, keep + D_G * A + p.gain * e->B);
        p.post = post + *cov;
        p.d = fmin(p.d, d + *of_mean);
    }
}

START_TEST(test_modes_errors__of_the_posterior_are_their_formulas)
{
    const made *w = &all[_i];
    gref_modes z = make(w);
    sizes q = {0};
    double cov, of_mean;
    int n = z.n, kernel = 0;
    ck_ok(gref_modes_measure_posterior(&z));
    roots(&q, &z);
    gains(&q, &z, fmin(z.errors.A_norm, gref_norm_2_up(gref_const(z.B)) + z.errors.B));
    mean(&q, &z);
    shifts(&cov, &of_mean, &q, &z);
    while (z.lambda.a[kernel] == 0)
        kernel++;
    double least = z.rho.a[n - kernel - 1], floor = least * least - q.off - cov;
    printf("# %s: covariance %.3g + %.3g, mean %.3g + %.3g, S by Cholesky %.3g, by what it leaves "
           "%.3g\n",
           w->what, q.off, cov, q.mean, of_mean, q.by_cholesky, q.by_residual);
    if (isinf(q.route)) {
        ck_assert(isinf(z.errors.post_cov) && isinf(z.errors.post_mean) && isinf(z.errors.post_w2));
    } else {
        ck_assert_inflated("covariance", z.errors.post_cov, q.off + cov);
        ck_assert_inflated("mean", z.errors.post_mean, q.mean + of_mean);
        ck_assert_inflated("W2", z.errors.post_w2,
                           q.route + gref_change_of_root(n, kernel ? 0 : floor, cov));
        ck_assert_inflated("W2, range", z.errors.post_range,
                           q.route + gref_change_of_root(n, floor, cov));
        ck_assert(kernel || z.errors.post_kernel == 0);
        ck_assert_same("kernel", z.errors.post_kernel, sqrt(kernel) * cov);
    }
    FREE_ALL(&q.S, &q.Y, &q.G, &q.Z);
    gref_modes_free(&z);
}
END_TEST

/*
 * One pixel of variance 1, measured with E = 1 + b^2 about 10^8: rho = E^-1/2 is rounded, and what S
 * leaves of I is a rounding or two, high and low parts of its squares together. E itself is far less
 * known.
 */
START_TEST(test_modes_errors__of_a_rounded_root)
{
    for (int k = 1; k <= 20; k++) {
        double b = 1e4 * sqrt(k), rho = 1 / sqrt(1 + b * b), V = b * rho;
        gref_problem p = scalar_problem(0, 1, b, 1, 2);
        gref_modes z = {0};
        ck_ok(gref_modes_new(&z, &p));
        z.B.a[0] = b;
        z.rho.a[0] = rho;
        z.errors.Sigma = z.errors.B = z.errors.r = z.errors.X = 0;
        z.errors.A_norm = b;
        ck_ok(gref_modes_measure_posterior(&z));
        double half = -1 + rho * rho + fma(rho, rho, -rho * rho), high = half + V * V,
               D = high + fma(V, V, -V * V), dot2 = gref_dot2_error_up(1);
        double dY = 2 * EPS * rho, dV = 2 * EPS * V + dot2 * b * rho;
        double left = fabs(D) + 2 * EPS * (fabs(half) + fabs(high)) + dot2 * (rho * rho + V * V) +
                      2 * rho * dY + 2 * V * dV;
        ck_assert_inflated("W2", z.errors.post_w2, rho * left / 2 + 2 * EPS * rho);
        gref_modes_free(&z);
        gref_problem_free(&p);
    }
}
END_TEST

/*
 * The basis and the data: U is Hadamard's, A U is exact where the high and the low parts of its
 * product are added, and A mu = 0 by cancellation, or 2 e_1. A U of another size is far from
 * orthogonal: then |U^T U - I| rules.
 */
START_TEST(test_modes_errors__of_the_data_are_their_formulas)
{
    enum { N = 4 };
    const double lambda[N] = {1, 2, 2, 8}, stretch = _i == 2 ? 1.25 : 1;
    gref_modes z = {.n = N,
                    .m = 1,
                    .U = hadamard(N),
                    .X = fresh(N, N),
                    .lambda = fresh(N, 1),
                    .B = fresh(1, N),
                    .r = fresh(1, 1)};
    gref_problem p = {
        .Sigma = hadamard_times(N, lambda), .A = fresh(1, N), .mu = fresh(N, 1), .v = fresh(1, 1)};
    gref_mat H = fresh(1, N), L = fresh(1, N);
    const gref_modes_errors *e = &z.errors;
    p.A.a[0] = 2;
    p.A.a[1] = p.A.a[2] = EPS * 2;
    p.mu.a[0] = _i == 1 ? 1 : 0;
    p.mu.a[1] = -(p.mu.a[2] = _i == 1 ? 0 : 1);
    z.r.a[0] = p.v.a[0] = 1;
    z.r.a[0] -= p.A.a[0] * p.mu.a[0];
    gref_mat_identity(z.X);
    for (int i = 0; i < N * N; i++) {
        z.U.a[i] *= 0.5 * stretch;
        p.Sigma.a[i] *= stretch * stretch;
    }
    for (int i = 0; i < N; i++)
        z.lambda.a[i] = lambda[i];
    ck_ok(gref_dot2_gemm(H, L, gref_const(p.A), false, gref_const(z.U), false));
    for (int i = 0; i < N; i++)
        z.B.a[i] = H.a[i] + L.a[i];
    ck_ok(gref_modes_measure(&z, &p));
    double dot2 = gref_dot2_error_up(N), A = gref_norm_2_up(gref_const(p.A)), u = fro(z.U),
           low = fro(L), high = gref_mat_diff_fro(gref_const(H), gref_const(z.B));
    double scaled = sqrt(1 + 4 + 4 + 64) * stretch, U = _i == 2 ? 2 * (1.25 * 1.25 - 1) : dot2 * 2;
    ck_assert(low > 0 && high > 0);
    ck_assert_same("U", e->U, U);
    ck_assert_same("X", e->X, 2 * dot2);
    ck_assert_same("|A|", e->A_norm, A);
    ck_assert_inflated("B", e->B, 2 * EPS * (high + low) + dot2 * A * u + A * U);
    ck_assert_inflated("Sigma", e->Sigma, dot2 * scaled * u + EPS * scaled + 8 * U * (2 + U));
    ck_assert_inflated("r", e->r, _i == 1 ? 2 * EPS : dot2 * A * fro(p.mu));
    FREE_ALL(&H, &L);
    gref_modes_free(&z);
    gref_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("modes_errors");
    TCase *tc = new_tcase(s, "modes_errors");
    tcase_add_loop_test(tc, test_modes_errors__of_the_posterior_are_their_formulas, 0,
                        sizeof all / sizeof *all);
    tcase_add_test(tc, test_modes_errors__of_a_rounded_root);
    tcase_add_loop_test(tc, test_modes_errors__of_the_data_are_their_formulas, 0, 3);
    return run_guarded_suite(s);
}
