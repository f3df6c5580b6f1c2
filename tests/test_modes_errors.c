/*
 * The proved errors of modes, held against another evaluation of their formulas. The modes are made
 * by hand, and each of their products and quotients is exact in double: nothing is left of what is
 * measured, and the terms of rounding stand alone.
 *
 *   E_i   1 + lambda_i |b_i|^2/sigma^2 = 4^k_i: measurement j of mode i has T = 2^floor(j/3), and
 *         3 (1 + 4 + .. + 4^(k-1)) = 4^k - 1. r = 2 B (1, .., 1)^T, so that d_i = 2 - 2/E_i
 *   rho_i sqrt(lambda_i)/2^k_i; G = Sigma_post B^T/sigma^2, I - G B = diag(1/E)
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
} made;

/* Each term counts in one of them by more than 1e-5 of a sum. Terms of the gain count where a mode
 * of small variance is measured beside a large one; those of |d E| where E is large. */
static const made all[] = {
    {"plain", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9}},
    {"a kernel", 3, {NONE, NONE, 1}, {0, 0, 2}, -1, {.A_norm = 2}},
    {"a small mode measured", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9}},
    {"the same, Sigma", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9, .Sigma = 0x1p-50}},
    {"the same, A", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9, .B = 0x1p-60}},
    {"the same, v", 2, {-22, 1}, {1, 0}, -22, {.A_norm = 9, .r = 1e3}},
    {"strong measurement, v", 1, {0}, {20}, 0, {.A_norm = 0x1p30, .r = 1}},
    {"strong measurement", 1, {0}, {20}, 0, {.A_norm = 0x1p30}},
    {"strong and none", 2, {-1, 1}, {14, 0}, -1, {.A_norm = 0x1p30}},
    {"E barely known", 2, {-1, 1}, {23, 0}, -1, {.A_norm = 0x1p30}},
    {"E unknown", 1, {0}, {25}, 0, {.A_norm = 0x1p30}},
    {"Sigma", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9, .Sigma = 1e-3}},
    {"A", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9, .B = 1e-3}},
    {"A, small norm", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 1, .B = 1e-3}},
    {"v", 3, {-3, 0, 1}, {0, 2, 1}, -1, {.A_norm = 9, .r = 0.5}},
    {"all, a kernel", 3, {NONE, NONE, 1}, {0, 0, 3}, -1, {.A_norm = 3, .Sigma = 2e-4, .B = 3e-3}},
    {"all, strong", 2, {-1, 1}, {14, 0}, -1, {.A_norm = 1, .Sigma = 1e-4, .B = 2e-4, .r = 0.1}},
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
        z.rho.a[rank] = rho;
        GREF_AT(z.X, i, rank) = 1;
        z.d.a[i] = 2 - ldexp(2, -2 * w->k[i]);
        for (int j = 0; j < 3 * w->k[i]; j++) {
            GREF_AT(z.B, row, i) = ldexp(z.sigma / root, j / 3);
            z.r.a[row] = 2 * GREF_AT(z.B, row, i);
            row++;
        }
    }
    return z;
}

static double fro(gref_mat A)
{
    return gref_norm_fro_up(gref_const(A));
}

/* What the formulas are made of. */
typedef struct {
    double rho0, largest, eL, route,
        off;               /* rho_0, sqrt(lambda_max), errors of L, of X diag(rho), of Sigma_post */
    double gain, keep;     /* |G|, |I - G B|, with their rounding */
    double mean, residual; /* |d* - d|, |r - B d*| */
    gref_mat S, L, G, Z;
} sizes;

static void roots(sizes *q, const gref_modes *z)
{
    int n = z->n;
    gref_mat T = fresh(z->m, n), E = fresh(n, n), R = fresh(n, n), root = fresh(n, n),
             zero = fresh(n, 1);
    gref_w2 w;
    double residual;
    q->S = fresh(n, n);
    q->L = fresh(n, n);
    for (int i = 0; i < n; i++) {
        GREF_AT(E, i, i) = 1;
        for (int j = 0; j < z->m; j++) {
            GREF_AT(T, j, i) = GREF_AT(z->B, j, i) * sqrt(z->lambda.a[i]) / z->sigma;
            GREF_AT(E, i, i) += pow(GREF_AT(T, j, i), 2);
        }
        GREF_AT(root, i, i) = sqrt(z->lambda.a[i]);
        GREF_AT(R, i, i) = sqrt(GREF_AT(E, i, i));
        GREF_AT(q->L, i, i) = GREF_AT(root, i, i) / GREF_AT(R, i, i);
        for (int j = 0; j < n; j++)
            GREF_AT(q->S, i, j) = GREF_AT(z->X, i, j) * z->rho.a[j];
    }
    ck_ok(gref_cholesky_residual(&residual, gref_const(E), gref_const(R)));
    double dE = residual + 8 * EPS * gref_norm_2_up(gref_const(T)) * fro(T) + 3 * EPS * fro(E);
    q->rho0 = z->rho.a[0];
    q->largest = sqrt(z->lambda.a[n - 1]);
    q->eL = dE < 0.5 ? gref_dot2_error_up(n) * fro(q->L) * fro(R) + EPS * fro(root) +
                           q->largest * dE / (2 - 4 * dE)
                     : INFINITY;
    ck_ok(gref_w2_certify_factors(&w, gref_const(zero), gref_const(q->S), gref_const(zero),
                                  gref_const(q->L)));
    q->route = w.upper + q->eL + 2 * EPS * fro(q->S);
    q->off = (2 * q->rho0 + q->route) * q->route;
    FREE_ALL(&T, &E, &R, &root, &zero);
}

static void gains(sizes *q, const gref_modes *z, double A)
{
    int n = z->n;
    double s2 = z->sigma * z->sigma, p2 = 0;
    q->G = fresh(n, z->m);
    q->Z = fresh(n, n);
    for (int i = 0; i < n; i++) {
        double p = pow(GREF_AT(q->L, i, i), 2);
        p2 += p * p;
        GREF_AT(q->Z, i, i) = z->lambda.a[i] > 0 ? p / z->lambda.a[i] : 1;
        for (int j = 0; j < z->m; j++)
            GREF_AT(q->G, i, j) = p * GREF_AT(z->B, j, i) / s2;
    }
    double dP = (2 * sqrt(q->rho0 * q->rho0 + q->off) + q->eL) * q->eL +
                gref_gamma_up(n + 2) * pow(fro(q->L), 2);
    double dG = (dP * A + gref_gamma_up(n + 2) * sqrt(p2) * fro(z->B)) / s2;
    double dZ = dG * A + gref_gamma_up(z->m + 2) * fro(q->G) * fro(z->B) + 4 * EPS * sqrt(n);
    q->gain = gref_norm_2_up(gref_const(q->G)) + dG;
    q->keep = gref_norm_2_up(gref_const(q->Z)) + dZ;
}

/* d is exact and so is R = r - B d. */
static void mean(sizes *q, const gref_modes *z)
{
    gref_mat R = fresh(z->m, 1);
    double e = 0, b = fro(z->B), s2 = z->sigma * z->sigma;
    for (int j = 0; j < z->m; j++) {
        R.a[j] = z->r.a[j];
        for (int i = 0; i < z->n; i++)
            R.a[j] -= GREF_AT(z->B, j, i) * z->d.a[i];
    }
    for (int i = 0; i < z->n; i++)
        e = hypot(e, z->lambda.a[i] > 0 ? z->d.a[i] / sqrt(z->lambda.a[i]) : 0);
    double here = fro(R) * (1 + 4 * EPS) + gref_dot2_error_up(z->n) * b * fro(z->d);
    double off = here - gref_mat_norm_fro(gref_const(R));
    double rounding = (gref_gamma_up(z->m + 8) * here + off) * b * q->largest / s2 + 4 * EPS * e;
    q->mean = sqrt(q->rho0 * q->rho0 + q->off) * rounding;
    q->residual = here + b * q->mean;
    gref_mat_free(&R);
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
    printf("# %s: covariance %.3g + %.3g, mean %.3g + %.3g\n", w->what, q.off, cov, q.mean,
           of_mean);
    if (isinf(q.eL)) {
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
    FREE_ALL(&q.S, &q.L, &q.G, &q.Z);
    gref_modes_free(&z);
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
    tcase_add_loop_test(tc, test_modes_errors__of_the_data_are_their_formulas, 0, 3);
    return run_guarded_suite(s);
}
