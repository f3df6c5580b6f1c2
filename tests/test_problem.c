/*
 * The exact posterior by the textbook route, against the information form in 113 bits, and draws of
 * (x0, v).
 *
 * Bounds. Cholesky of K errs by dK, |dK| <= (m + n) u |K|, which moves Sigma_post by G dK G^T,
 * where G = Sigma A^T K^-1, and mu_post by G dK K^-1 r; the rest is the rounding of what is added
 * up. cond(K) is the worst that |G|^2 |K|/|Sigma| can be, and is what gref_posterior documents.
 */
#include "dense.h"
#include "toy.h"
#include "wide.h"

#include <math.h>
#include <string.h>

#include <gref/problem.h>

enum { MOST = 50 };
typedef struct {
    int m, n;
    quad a[MOST * MOST];
} wide;
#define AT(A, i, j) ((A)->a[(j) * (A)->m + (i)])

static void wide_of(wide *B, gref_cmat A)
{
    B->m = A.m;
    B->n = A.n;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            AT(B, i, j) = GREF_AT(A, i, j);
}

/* C = op(A) B */
static void wide_times(wide *C, const wide *A, bool trans, const wide *B)
{
    C->m = trans ? A->n : A->m;
    C->n = B->n;
    for (int j = 0; j < C->n; j++)
        for (int i = 0; i < C->m; i++) {
            quad sum = 0;
            for (int k = 0; k < B->m; k++)
                sum += (trans ? AT(A, k, i) : AT(A, i, k)) * AT(B, k, j);
            AT(C, i, j) = sum;
        }
}

/* A = A^-1 by Gauss-Jordan; A is positive definite, so no pivoting. */
static void wide_invert(wide *A)
{
    for (int k = 0; k < A->n; k++) {
        quad pivot = 1 / AT(A, k, k);
        AT(A, k, k) = 1;
        for (int j = 0; j < A->n; j++)
            AT(A, k, j) *= pivot;
        for (int i = 0; i < A->n; i++) {
            quad f = AT(A, i, k);
            if (i == k)
                continue;
            AT(A, i, k) = 0;
            for (int j = 0; j < A->n; j++)
                AT(A, i, j) -= f * AT(A, k, j);
        }
    }
}

/* |A - B|_F */
static double wide_distance(gref_cmat A, const wide *B)
{
    quad sum = 0;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            sum += (GREF_AT(A, i, j) - AT(B, i, j)) * (GREF_AT(A, i, j) - AT(B, i, j));
    return sqrt((double)sum);
}

static double wide_norm(const wide *A)
{
    quad sum = 0;
    for (int k = 0; k < A->m * A->n; k++)
        sum += A->a[k] * A->a[k];
    return sqrt((double)sum);
}

static gref_mat padded_copy(gref_mat A)
{
    gref_mat B = padded(A.m, A.n);
    gref_mat_copy(B, gref_const(A));
    return B;
}

/* A Sigma A^T + sigma^2 I */
static void bracket(wide *K, const gref_problem *p)
{
    static wide A, At, SAt, Sigma;
    gref_mat T = fresh(p->A.n, p->A.m);
    gref_mat_transpose(T, gref_const(p->A));
    wide_of(&A, gref_const(p->A));
    wide_of(&At, gref_const(T));
    wide_of(&Sigma, gref_const(p->Sigma));
    wide_times(&SAt, &Sigma, false, &At);
    wide_times(K, &A, false, &SAt);
    for (int i = 0; i < K->m; i++)
        AT(K, i, i) += (quad)p->sigma * p->sigma;
    gref_mat_free(&T);
}

/*
 * Posterior of p in NaN padding, compared with the information form; p->Sigma is positive definite.
 */
static void compare(const gref_problem *p)
{
    static wide Sigma, A, P, Q, K, G, mu, v, right, w;
    int m = p->A.m, n = p->A.n;
    quad precision = 1 / ((quad)p->sigma * p->sigma);
    wide_of(&Sigma, gref_const(p->Sigma)); /* P = (Sigma^-1 + A^T A/sigma^2)^-1 */
    wide_of(&A, gref_const(p->A));
    wide_of(&mu, gref_const(p->mu));
    wide_of(&v, gref_const(p->v));
    Q = Sigma;
    wide_invert(&Q);
    wide_times(&P, &A, true, &A);
    for (int k = 0; k < n * n; k++)
        P.a[k] = P.a[k] * precision + Q.a[k];
    wide_invert(&P);
    wide_times(&right, &Q, false, &mu); /* mu_post = P (Sigma^-1 mu + A^T v/sigma^2) */
    wide_times(&w, &A, true, &v);
    for (int i = 0; i < n; i++)
        right.a[i] += w.a[i] * precision;
    wide_times(&w, &P, false, &right);
    bracket(&K, p);
    wide_times(&G, &A, false, &P); /* G^T sigma^2 */
    double g = wide_norm(&G) * (double)precision, k = wide_norm(&K), s = wide_norm(&Sigma);
    double seen = wide_norm(&v) + wide_norm(&A) * wide_norm(&mu);
    wide_invert(&K);

    gref_mat S = padded_copy(p->Sigma), B = padded_copy(p->A), b = padded_copy(p->v),
             c = padded_copy(p->mu);
    gref_mat Sigma_post = padded(n, n), mu_post = padded(n, 1);
    ck_ok(gref_posterior(mu_post, Sigma_post, gref_const(S), gref_const(c), gref_const(B), p->sigma,
                         gref_const(b)));
    check_padding(Sigma_post);
    check_padding(mu_post);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            ck_assert(GREF_AT(Sigma_post, i, j) == GREF_AT(Sigma_post, j, i));
    ck_assert_bound("Sigma_post", wide_distance(gref_const(Sigma_post), &P),
                    (m + n) * EPS * (s + g * g * k));
    ck_assert_bound("mu_post", wide_distance(gref_const(mu_post), &w),
                    (m + n) * EPS * (wide_norm(&mu) + g * seen * (1 + k * wide_norm(&K))));
    ck_ok(gref_posterior(mu_post, S, gref_const(S), gref_const(c), gref_const(B), p->sigma,
                         gref_const(b)));
    ck_assert(gref_mat_diff_max(gref_const(S), gref_const(Sigma_post)) == 0.0);
    FREE_ALL(&S, &B, &b, &c, &Sigma_post, &mu_post);
}

/*
 * Sigma_post = (Sigma^-1 + A^T A/sigma^2)^-1 shares no formula with Sigma - Sigma A^T K^-1 A Sigma,
 * and holds for every positive definite Sigma. All inputs and outputs have NaN padding; Sigma_post
 * may be Sigma, bit for bit the same. Worst ratios 0.46 and 0.59.
 */
START_TEST(test_posterior__equals_the_information_form)
{
    const int sizes[][2] = {{1, 1}, {2, 1}, {1, 3}, {3, 3}, {5, 2}, {10, 10}, {10, 15}, {40, 20}};
    const double kappas[] = {1, 1e4, 1e8}, sigmas[] = {1, 0.1, 1e-3};
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 3; k++)
            for (int s = 0; s < 3; s++) {
                gref_problem p =
                    dense_problem(sizes[i][0], sizes[i][1], kappas[k], 0, sigmas[s], 300 + i);
                compare(&p);
                gref_problem_free(&p);
            }
}
END_TEST

/*
 * Without noise the posterior is certain of what was measured: A mu_post = v and A Sigma_post = 0,
 * also for a singular Sigma as long as K is regular. As A G = I, an error dK of K shows as dK K^-1
 * r and dK G^T, whatever cond(K); the rest is the rounding of sums. Worst ratios 0.54 and 0.50.
 */
START_TEST(test_posterior__without_noise_reproduces_the_measurement)
{
    const struct {
        int n, m, zeros;
        double kappa;
    } table[] = {{1, 1, 0, 1},   {3, 2, 0, 10},     {10, 10, 0, 100},
                 {10, 4, 3, 10}, {40, 20, 10, 1e4}, {8, 8, 0, 1e11}};
    for (int i = 0; i < 6; i++) {
        static wide K, A, P, G;
        int m = table[i].m, n = table[i].n;
        gref_problem p = dense_problem(n, m, table[i].kappa, table[i].zeros, 0.0, 310 + i);
        gref_mat mu_post = fresh(n, 1), S = fresh(n, n);
        ck_ok(gref_posterior(mu_post, S, gref_const(p.Sigma), gref_const(p.mu), gref_const(p.A),
                             0.0, gref_const(p.v)));
        bracket(&K, &p);
        double k = wide_norm(&K), a = gref_mat_norm_fro(gref_const(p.A));
        wide_invert(&K);
        wide_of(&A, gref_const(p.A));
        wide_of(&P, gref_const(p.Sigma));
        wide_times(&G, &A, false, &P); /* G^T = K^-1 A Sigma */
        P = G;
        wide_times(&G, &K, false, &P);
        double g = wide_norm(&G);
        gref_mat r = plain_product(gref_const(p.A), false, gref_const(p.mu), false);
        for (int l = 0; l < m; l++)
            r.a[l] = p.v.a[l] - r.a[l];
        wide_of(&P, gref_const(r));
        wide_times(&G, &K, false, &P); /* K^-1 (v - A mu) */
        double seen = gref_mat_norm_fro(gref_const(p.v)) + a * gref_mat_norm_fro(gref_const(p.mu));
        gref_mat Av = plain_product(gref_const(p.A), false, gref_const(mu_post), false);
        gref_mat AS = plain_product(gref_const(p.A), false, gref_const(S), false);
        ck_assert_bound(
            "A mu_post - v", gref_mat_diff_fro(gref_const(Av), gref_const(p.v)),
            2 * EPS * (seen + k * wide_norm(&G) + a * gref_mat_norm_fro(gref_const(mu_post))));
        ck_assert_bound("A Sigma_post", gref_mat_norm_fro(gref_const(AS)),
                        2 * EPS * (a * gref_mat_norm_fro(gref_const(p.Sigma)) + g * k));
        FREE_ALL(&mu_post, &S, &Av, &AS, &r);
        gref_problem_free(&p);
    }
}
END_TEST

/*
 * sigma = 0 and a singular K: rounding may leave every pivot of Cholesky positive (it did for 88 of
 * 200 such problems, and gave them a posterior), so the refusal is asked of many. A rank below m, a
 * repeated row, a row in the kernel of Sigma, a zero row, more measurements than pixels. sigma > 0
 * makes each of them regular.
 */
START_TEST(test_posterior__without_noise_refuses_a_singular_bracket)
{
    for (uint64_t seed = 1; seed <= 100; seed++)
        for (int kind = 0; kind < 5; kind++) {
            int n = 6, m = kind == 4 ? 8 : 3;
            gref_problem p = dense_problem(n, m, 10, kind == 0 ? 4 : kind == 2 ? 1 : 0, 0.0, seed);
            for (int j = 0; j < n; j++)
                if (kind == 1)
                    GREF_AT(p.A, 2, j) = GREF_AT(p.A, 0, j) - 3 * GREF_AT(p.A, 1, j);
                else if (kind == 3)
                    GREF_AT(p.A, 1, j) = 0.0;
            if (kind == 2) { /* the last column of the Q that random_spd took */
                gref_mat Q = random_orthogonal(n, seed);
                for (int j = 0; j < n; j++)
                    GREF_AT(p.A, 1, j) = GREF_AT(Q, j, n - 1);
                gref_mat_free(&Q);
            }
            gref_mat mu_post = fresh(n, 1), S = fresh(n, n);
            gref_status status = gref_posterior(mu_post, S, gref_const(p.Sigma), gref_const(p.mu),
                                                gref_const(p.A), 0.0, gref_const(p.v));
            ck_assert_msg(status == GREF_ERR_NOT_PD, "kind %d, seed %d: %s", kind, (int)seed,
                          gref_status_text(status));
            ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "sigma = 0"));
            ck_ok(gref_posterior(mu_post, S, gref_const(p.Sigma), gref_const(p.mu), gref_const(p.A),
                                 0.5, gref_const(p.v)));
            FREE_ALL(&mu_post, &S);
            gref_problem_free(&p);
        }
}
END_TEST

/*
 * Rows of A in units 10^-12 apart make K ill-conditioned by scaling only, which costs nothing: the
 * refusal must not mistake it. With Sigma = I and A = diag(a), mu_post = v/a to a few roundings.
 * And nothing measured: the posterior is the prior to the bit.
 */
START_TEST(test_posterior__does_not_mind_units_or_no_measurement)
{
    gref_problem p = dense_problem(4, 4, 1, 0, 0.0, 320);
    gref_mat mu_post = fresh(4, 1), S = fresh(4, 4);
    gref_mat_identity(p.Sigma);
    gref_mat_identity(p.A);
    for (int i = 0; i < 4; i++)
        GREF_AT(p.A, i, i) = pow(10, -4.0 * i);
    ck_ok(gref_posterior(mu_post, S, gref_const(p.Sigma), gref_const(p.mu), gref_const(p.A), 0.0,
                         gref_const(p.v)));
    for (int i = 0; i < 4; i++) {
        double exact = p.v.a[i] / GREF_AT(p.A, i, i), size = fabs(exact) + 2 * fabs(p.mu.a[i]);
        ck_assert_bound("v/a", fabs(mu_post.a[i] - exact), 4 * EPS * size);
    }
    ck_assert_bound("Sigma_post", gref_mat_norm_max(gref_const(S)), 4 * EPS);
    gref_problem q = dense_problem(4, 0, 100, 0, 0.0, 321);
    ck_ok(gref_posterior(mu_post, S, gref_const(q.Sigma), gref_const(q.mu), gref_const(q.A), 0.0,
                         gref_const(q.v)));
    ck_assert(gref_mat_diff_max(gref_const(mu_post), gref_const(q.mu)) == 0.0);
    ck_assert(gref_mat_diff_max(gref_const(S), gref_const(q.Sigma)) == 0.0);
    FREE_ALL(&mu_post, &S);
    gref_problem_free(&p);
    gref_problem_free(&q);
}
END_TEST

/* One thing wrong at a time. */
START_TEST(test_posterior__refuses)
{
    gref_problem p = dense_problem(4, 3, 10, 0, 0.5, 330);
    gref_mat mu_post = fresh(4, 1), S = fresh(4, 4), other = fresh(5, 5), three = fresh(3, 1);
    gref_cmat Sigma = gref_const(p.Sigma), mu = gref_const(p.mu), A = gref_const(p.A),
              v = gref_const(p.v);
    ck_fails(gref_posterior(mu_post, S, gref_const(other), mu, A, 0.5, v), GREF_ERR_SHAPE);
    ck_fails(gref_posterior(mu_post, S, Sigma, v, A, 0.5, v), GREF_ERR_SHAPE);
    ck_fails(gref_posterior(mu_post, S, Sigma, mu, gref_const(other), 0.5, v), GREF_ERR_SHAPE);
    ck_fails(gref_posterior(mu_post, S, Sigma, mu, A, 0.5, mu), GREF_ERR_SHAPE);
    ck_assert_str_eq(gref_last_error()->message, "v is 4 x 1, not 3 x 1");
    ck_fails(gref_posterior(three, S, Sigma, mu, A, 0.5, v), GREF_ERR_SHAPE);
    ck_fails(gref_posterior(mu_post, other, Sigma, mu, A, 0.5, v), GREF_ERR_SHAPE);
    const double sigmas[] = {-1e-300, NAN, INFINITY};
    for (int k = 0; k < 3; k++)
        ck_fails(gref_posterior(mu_post, S, Sigma, mu, A, sigmas[k], v), GREF_ERR_RANGE);
    double *entries[] = {p.Sigma.a + 7, p.mu.a + 2, p.A.a + 5, p.v.a + 1};
    for (int k = 0; k < 4; k++) {
        double kept = *entries[k];
        *entries[k] = NAN;
        ck_fails(gref_posterior(mu_post, S, Sigma, mu, A, 0.5, v), GREF_ERR_NONFINITE);
        *entries[k] = kept;
    }
    GREF_AT(p.Sigma, 0, 0) = -100.0; /* no covariance, so K is not positive definite */
    ck_fails(gref_posterior(mu_post, S, Sigma, mu, A, 0.5, v), GREF_ERR_NOT_PD);
    ck_assert_ptr_nonnull(
        strstr(gref_last_error()->message,
               "A Sigma A^T + sigma^2 I is not positive definite to rounding: sigma = 0.5, A is "));
    FREE_ALL(&mu_post, &S, &other, &three);
    gref_problem_free(&p);
}
END_TEST

/*
 * x0 = mu + Sigma^1/2 xi and v = A x0 + sigma n with the documented streams. Sigma^1/2 is exactly H
 * diag(sqrt d) H / n, although the eigenvectors of Sigma are arbitrary; sums of n and the root's
 * own error: sqrt(n) u each. Worst ratios 0.50 and 0.52.
 */
START_TEST(test_observe__draws_by_the_symmetric_root)
{
    const int n = 16, m = 5;
    double d[16], root[16];
    for (int i = 0; i < n; i++) {
        root[i] = i % 2 ? 1.0 : i % 4 ? 0.5 : 0.0;
        d[i] = root[i] * root[i];
    }
    gref_problem p = dense_problem(n, m, 1, 0, 0.25, 340);
    gref_mat_free(&p.Sigma);
    p.Sigma = hadamard_times(n, d);
    gref_mat R = hadamard_times(n, root), xi = fresh(n, 1), noise = fresh(m, 1);
    for (uint64_t seed = 0; seed < 20; seed++) {
        ck_ok(gref_problem_observe(&p, seed));
        gref_random_normal(xi, seed, GREF_STREAM_PRIOR, 0, 0);
        gref_random_normal(noise, seed, GREF_STREAM_OBSERVATION, 0, 0);
        gref_mat x0 = plain_product(gref_const(R), false, gref_const(xi), false);
        gref_mat_axpy(x0, 1.0, gref_const(p.mu));
        gref_mat v = plain_product(gref_const(p.A), false, gref_const(p.x0), false);
        gref_mat_axpy(v, 0.25, gref_const(noise));
        ck_assert_bound(
            "x0", gref_mat_diff_fro(gref_const(p.x0), gref_const(x0)),
            1.5 * sqrt(n) * EPS *
                (gref_mat_norm_fro(gref_const(p.mu)) + gref_mat_norm_fro(gref_const(xi))));
        ck_assert_bound("v", gref_mat_diff_fro(gref_const(p.v), gref_const(v)),
                        EPS * gref_mat_norm_fro(gref_const(p.A)) *
                            gref_mat_norm_fro(gref_const(p.x0)));
        gref_mat_free(&x0);
        gref_mat_free(&v);
    }
    FREE_ALL(&R, &xi, &noise);
    gref_problem_free(&p);
}
END_TEST

/*
 * Moments over seeds 1..4000, |z| <= 5 (a fair z exceeds it once in 2e6; the seeds are fixed) of
 * the joint vector (x0 - mu, v - A x0), whose covariance is diag(Sigma, sigma^2 I). For a Gaussian,
 * the mean of y_i y_j over N draws has variance (S_ii S_jj + S_ij^2)/N, and that of y_i S_ii/N.
 * Worst 2.0.
 */
START_TEST(test_observe__has_the_right_moments)
{
    enum { N = 4000, D = 7 };
    gref_problem p = dense_problem(4, 3, 10, 1, 0.3, 350);
    gref_mat joint = fresh(D, D), sum = fresh(D, 1), square = fresh(D, D), y = fresh(D, 1);
    gref_mat_copy(gref_mat_view(joint, 0, 0, 4, 4), gref_const(p.Sigma));
    for (int i = 4; i < D; i++)
        GREF_AT(joint, i, i) = 0.3 * 0.3;
    for (uint64_t seed = 1; seed <= N; seed++) {
        ck_ok(gref_problem_observe(&p, seed));
        gref_mat Ax = plain_product(gref_const(p.A), false, gref_const(p.x0), false);
        for (int i = 0; i < D; i++)
            y.a[i] = i < 4 ? p.x0.a[i] - p.mu.a[i] : p.v.a[i - 4] - Ax.a[i - 4];
        gref_mat_axpy(sum, 1.0 / N, gref_const(y));
        for (int j = 0; j < D; j++)
            for (int i = 0; i < D; i++)
                GREF_AT(square, i, j) += y.a[i] * y.a[j] / N;
        gref_mat_free(&Ax);
    }
    for (int j = 0; j < D; j++) {
        ck_assert_bound("mean, in standard errors", fabs(sum.a[j]) / sqrt(GREF_AT(joint, j, j) / N),
                        5.0);
        for (int i = 0; i < D; i++) {
            double S = GREF_AT(joint, i, j),
                   var = GREF_AT(joint, i, i) * GREF_AT(joint, j, j) + S * S;
            ck_assert_bound("covariance, in standard errors",
                            fabs(GREF_AT(square, i, j) - S) / sqrt(var / N), 5.0);
        }
    }
    FREE_ALL(&joint, &sum, &square, &y);
    gref_problem_free(&p);
}
END_TEST

/*
 * x0 depends on (Sigma, mu, seed) alone and to the bit; a new seed changes all of it; observe_from
 * keeps it.
 */
START_TEST(test_observe__is_a_function_of_the_seed)
{
    gref_problem p = dense_problem(6, 3, 10, 0, 0.3, 360), q = dense_problem(6, 5, 10, 0, 0.0, 360);
    gref_mat x0 = fresh(6, 1), v = fresh(3, 1);
    ck_ok(gref_problem_observe(&p, 1));
    ck_ok(gref_problem_observe(&q, 1));
    gref_mat_copy(x0, gref_const(p.x0));
    gref_mat_copy(v, gref_const(p.v));
    ck_assert(gref_mat_diff_max(gref_const(q.x0), gref_const(x0)) == 0.0); /* other A, m, sigma */
    ck_assert_int_eq(q.v.m, 5);
    ck_ok(gref_problem_observe(&p, 2));
    for (int i = 0; i < 6; i++)
        ck_assert(p.x0.a[i] != x0.a[i]);
    for (int i = 0; i < 3; i++)
        ck_assert(p.v.a[i] != v.a[i]);
    ck_ok(gref_problem_observe(&p, 1));
    ck_assert(gref_mat_diff_max(gref_const(p.x0), gref_const(x0)) == 0.0);
    ck_assert(gref_mat_diff_max(gref_const(p.v), gref_const(v)) == 0.0);
    ck_ok(gref_problem_observe_from(&p, 2));
    ck_assert(gref_mat_diff_max(gref_const(p.x0), gref_const(x0)) == 0.0);
    for (int i = 0; i < 3; i++)
        ck_assert(p.v.a[i] != v.a[i]);
    ck_ok(gref_problem_observe_from(&p, 1));
    ck_assert(gref_mat_diff_max(gref_const(p.v), gref_const(v)) == 0.0);
    FREE_ALL(&x0, &v);
    gref_problem_free(&p);
    gref_problem_free(&p);
    gref_problem_free(&q);
}
END_TEST

/* Whatever is refused, x0 and v stay the matrices that they were. */
START_TEST(test_observe__refuses_and_leaves_the_draw_alone)
{
    gref_problem p = dense_problem(4, 3, 10, 0, 0.3, 370);
    ck_fails(gref_problem_observe_from(&p, 1), GREF_ERR_SHAPE); /* no x0 yet */
    ck_ok(gref_problem_observe(&p, 1));
    gref_problem kept = p;
    gref_mat v = fresh(3, 1), x0 = fresh(4, 1), A = fresh(3, 5), mu = fresh(5, 1);
    gref_mat_copy(v, gref_const(p.v));
    gref_mat_copy(x0, gref_const(p.x0));
    for (int k = 0; k < 8; k++) {
        gref_problem q = kept;
        gref_status expected = k < 3 ? GREF_ERR_RANGE : GREF_ERR_SHAPE;
        q.sigma = k == 0 ? -1.0 : k == 1 ? NAN : k == 2 ? INFINITY : 0.3;
        q.A = k == 3 ? A : kept.A;
        q.mu = k == 4 ? mu : kept.mu;
        if (k >= 5) {
            GREF_AT(q.Sigma, 3, 3) = k == 5 ? NAN : k == 6 ? -9.0 : 1.0;
            GREF_AT(q.Sigma, 0, 3) += k == 7 ? 1.0 : 0.0;
            expected = k == 5   ? GREF_ERR_NONFINITE
                       : k == 6 ? GREF_ERR_NOT_PSD
                                : GREF_ERR_NOT_SYMMETRIC;
        }
        ck_fails(gref_problem_observe(&q, 2), expected);
        if (k < 4)
            ck_fails(gref_problem_observe_from(&q, 2), expected);
        ck_assert(q.x0.a == kept.x0.a && q.v.a == kept.v.a);
        ck_assert(gref_mat_diff_max(gref_const(q.v), gref_const(v)) == 0.0);
        ck_assert(gref_mat_diff_max(gref_const(q.x0), gref_const(x0)) == 0.0);
    }
    FREE_ALL(&v, &x0, &A, &mu);
    gref_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("problem");
    TCase *tc = new_tcase(s, "posterior");
    tcase_add_test(tc, test_posterior__equals_the_information_form);
    tcase_add_test(tc, test_posterior__without_noise_reproduces_the_measurement);
    tcase_add_test(tc, test_posterior__without_noise_refuses_a_singular_bracket);
    tcase_add_test(tc, test_posterior__does_not_mind_units_or_no_measurement);
    tcase_add_test(tc, test_posterior__refuses);
    tc = new_tcase(s, "observe");
    tcase_add_test(tc, test_observe__draws_by_the_symmetric_root);
    tcase_add_test(tc, test_observe__has_the_right_moments);
    tcase_add_test(tc, test_observe__is_a_function_of_the_seed);
    tcase_add_test(tc, test_observe__refuses_and_leaves_the_draw_alone);
    return run_suite(s);
}
