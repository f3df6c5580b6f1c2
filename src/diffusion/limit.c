/*
 * t -> 0 by matrices, for any problem: differences of the modelled laws without subtracting them
 * (THEORY section 5).
 *
 *     symbol   variable  shape   meaning
 *     B, r     z->B, r   m x n, m x R   A in modes of Sigma; v - A mu
 *     K        K         m x m   A Sigma A^T + sigma^2 I = R R^T
 *     G        G         n x m   Sigma A^T K^-1, in modes
 *     D        D         m x m   C_{v|t} - C_exact = L - K = B diag(f) B^T, known in closed form
 *     L        L         m x m   C_{v|t} + abar A Sigma^2 Sigma_t^-1 A^T
 *
 *     C_alg  - C_CGDM  = abar Sigma A^T (K^-1 - L^-1) A Sigma = abar G (D - D L^-1 D) G^T
 *     mu_alg - mu_CGDM = sqrt(abar) Sigma A^T (L^-1 - K^-1) r = -sqrt(abar) G D L^-1 r
 *
 * No two covariances are subtracted, so these are accurate to rounding relative to themselves,
 * however small e is. Where A does not mix the kernel of Sigma with its range, G A P0 = 0 and the
 * kernel is left out of D (not of L): what rounding makes of G A P0 would be a difference of first
 * order. dps with alpha != 1 is dps with alpha = 1 for the noise level sigma/sqrt(alpha): it tends
 * to that posterior.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "limit.h"
#include "wasserstein/internal.h"
#include <gref/marginal.h>
#include <gref/modes.h>

/* What is constant in e, for one noise level. */
typedef struct {
    gref_modes z;
    gref_mat K, G, BBt; /* m x m, n x m, m x m */
} setting;

static void setting_free(setting *s)
{
    gref_modes_free(&s->z);
    gref_mat_free(&s->K);
    gref_mat_free(&s->G);
    gref_mat_free(&s->BBt);
}

/* B diag(f) B^T for f >= 0 or of mixed signs. */
static gref_status sandwich(gref_mat D, gref_cmat B, gref_cmat f)
{
    SCOPED(gref_mat) Bf = {0};
    TRY(gref_mat_new(&Bf, B.m, B.n));
    gref_mat_copy(Bf, B);
    gref_mat_scale_cols(Bf, f);
    TRY(gref_gemm(D, 1.0, gref_const(Bf), false, B, true, 0.0));
    gref_mat_symmetrise(D);
    return GREF_OK;
}

static gref_status setting_new(setting *out_s, const gref_problem *p, double sigma)
{
    SCOPED(setting) s = {0};
    gref_problem q = *p; /* borrowed, with another noise level */
    SCOPED(gref_mat) Gt = {0}, R = {0};
    q.sigma = sigma;
    TRY(gref_modes_new(&s.z, &q));
    int n = s.z.n, m = s.z.m;
    TRY(gref_mat_new(&s.K, m, m));
    TRY(gref_mat_new(&s.G, n, m));
    TRY(gref_mat_new(&s.BBt, m, m));
    TRY(gref_mat_new(&R, m, m));
    TRY(gref_mat_new(&Gt, m, n));
    TRY(gref_syrk(s.BBt, 1.0, gref_const(s.z.B), false, 0.0));
    TRY(sandwich(s.K, gref_const(s.z.B), gref_const(s.z.lambda)));
    for (int i = 0; i < m; i++)
        GREF_AT(s.K, i, i) += sigma * sigma;
    gref_mat_copy(R, gref_const(s.K));
    TRY(gref_cholesky(R));
    gref_mat_copy(Gt, gref_const(s.z.B));
    gref_mat_scale_cols(Gt, gref_const(s.z.lambda));
    TRY(gref_cholesky_solve(Gt, gref_const(R)));
    gref_mat_transpose(s.G, gref_const(Gt));
    *out_s = TAKE(s);
    return GREF_OK;
}

/* A function of the eigenvalues of Sigma, n x 1. */
typedef double eigenvalue_function(const gref_asymptotics_line *line, double e, double lambda);

static double excess(const gref_asymptotics_line *line, double e, double lambda)
{
    return gref_asymptotics_excess(line, e, lambda);
}

static double leading(const gref_asymptotics_line *line, double e, double lambda)
{
    (void)e;
    return gref_asymptotics_leading(line, lambda);
}

/* abar lambda^2/s. */
static double kept(const gref_asymptotics_line *line, double e, double lambda)
{
    (void)line;
    return lambda > 0.0 ? (1.0 - e) * lambda * (lambda / ((1.0 - e) * lambda + e)) : 0.0;
}

/* C = B diag(g(lambda)) B^T. */
static gref_status apply(gref_mat C, const setting *s, eigenvalue_function *g,
                         const gref_asymptotics_line *line, double e)
{
    SCOPED(gref_mat) f = {0};
    TRY(gref_mat_new(&f, s->z.n, 1));
    for (int i = 0; i < s->z.n; i++)
        f.a[i] = g(line, e, s->z.lambda.a[i]);
    return sandwich(C, gref_const(s->z.B), gref_const(f));
}

/* G X G^T. */
static gref_status pull_back(gref_mat out_C, const setting *s, gref_cmat X)
{
    SCOPED(gref_mat) GX = {0};
    TRY(gref_mat_new(&GX, s->z.n, s->z.m));
    TRY(gref_gemm(GX, 1.0, gref_const(s->G), false, X, false, 0.0));
    TRY(gref_gemm(out_C, 1.0, gref_const(GX), false, gref_const(s->G), true, 0.0));
    gref_mat_symmetrise(out_C);
    return GREF_OK;
}

/* The difference of two laws at one e: E of the covariances in modes of Sigma, and of the means
 * likewise. */
typedef struct {
    gref_mat E, mean;
} difference;

static void difference_free(difference *d)
{
    gref_mat_free(&d->E);
    gref_mat_free(&d->mean);
}

/*
 * The law with C_{v|t} = `own` I or r2 A A^T + sigma^2 I, D = L - K given. L = C_{v|t} + abar A
 * Sigma^2 Sigma_t^-1 A^T is summed from parts that are all PSD, not from K and D.
 */
static gref_status differ(difference *d, const setting *s, gref_cmat D, gref_cmat L, double e)
{
    int m = s->z.m;
    SCOPED(gref_mat) R = {0}, Y = {0}, X = {0}, y = {0}, w = {0};
    TRY(gref_mat_new(&R, m, m));
    TRY(gref_mat_new(&Y, m, m));
    TRY(gref_mat_new(&X, m, m));
    TRY(gref_mat_new(&y, m, 1));
    TRY(gref_mat_new(&w, m, 1));
    gref_mat_copy(R, L);
    TRY(gref_cholesky(R));
    gref_mat_copy(Y, D);
    TRY(gref_trsm(Y, true, gref_const(R), false)); /* R^-1 D */
    gref_mat_copy(X, D);
    TRY(gref_syrk(X, -(1.0 - e), gref_const(Y), true, 1.0 - e)); /* abar (D - D L^-1 D) */
    TRY(pull_back(d->E, s, gref_const(X)));
    gref_mat_copy(y, gref_const(s->z.r));
    TRY(gref_cholesky_solve(y, gref_const(R)));
    TRY(gref_gemv(w, -sqrt(1.0 - e), D, false, gref_const(y), 0.0));
    return gref_gemv(d->mean, 1.0, gref_const(s->G), false, gref_const(w), 0.0);
}

/* L and D of a line at e; `shift` is added to D's diagonal: sigma^2 (1/alpha - 1) for dps against
 * CGDM. */
static gref_status likelihoods(gref_mat L, gref_mat D, const setting *s,
                               const gref_asymptotics_line *line, double e, double noise,
                               double shift)
{
    TRY(apply(D, s, excess, line, e));
    TRY(apply(L, s, kept, line, e));
    if (line->alpha == 0.0) /* pigdm */
        gref_mat_axpy(L, gref_r2_value(line->r2, (gref_time){1.0 - e, e}), gref_const(s->BBt));
    for (int i = 0; i < s->z.m; i++) {
        GREF_AT(L, i, i) += noise;
        GREF_AT(D, i, i) += shift;
    }
    return GREF_OK;
}

static double exact_variance(const setting *s, double e, int i)
{
    return (1.0 - e) * (s->z.rho.a[i] * s->z.rho.a[i]) + e;
}

/* X^T E X, in the modes of Sigma_post. */
static gref_status to_posterior(gref_mat E, const setting *s)
{
    SCOPED(gref_mat) XE = {0};
    TRY(gref_mat_new(&XE, s->z.n, s->z.n));
    TRY(gref_gemm(XE, 1.0, gref_const(s->z.X), true, gref_const(E), false, 0.0));
    TRY(gref_gemm(E, 1.0, gref_const(XE), false, gref_const(s->z.X), false, 0.0));
    gref_mat_symmetrise(E);
    return GREF_OK;
}

/* The covariance part of W2 between N(0, diag(v)) and N(0, diag(v) + E); *found = false where they
 * are too far apart. */
static gref_status w2_close(double *w, bool *found, gref_cmat E, gref_cmat v)
{
    SCOPED(gref_mat) own = {0}, D = {0}, R = {0}, S = {0};
    gref_mat *square[] = {&own, &D, &R, &S};
    double last;
    for (int k = 0; k < 4; k++)
        TRY(gref_mat_new(square[k], v.m, v.m));
    gref_mat_copy(own, E);
    TRY(gref_w2_close(w, &last, D, own, R, S, v));
    *found = last <= GREF_W2_SETTLED;
    return GREF_OK;
}

/* By factors, where the laws are far apart: through the sampler itself at the one step beta = e. */
static gref_status w2_far(double *w, const setting *s, const gref_asymptotics_line *line,
                          double alpha, double e)
{
    SCOPED(gref_schedule) schedule = {0};
    SCOPED_PTR(gref_sampler) *sampler = NULL;
    gref_w2 d;
    gref_sampler_spec spec = {.convention = gref_convention_default()};
    snprintf(spec.name, sizeof spec.name, "%s", line->sampler);
    spec.convention.r2 = line->r2;
    spec.convention.alpha_dps = alpha;
    TRY(gref_schedule_from_betas(&schedule, &e, 1));
    TRY(gref_sampler_new(&sampler, &s->z, &schedule, &spec));
    TRY(gref_conditional_w2(&d, sampler, e < 1.0 ? 1 : 0));
    *w = d.w2_cov;
    return GREF_OK;
}

/* |E|_2 / |C_exact|_2, |mean| and W2 of a difference; E is used up. */
static gref_status measure(double *cov, double *mean, double *w2, difference *d, const setting *s,
                           const gref_asymptotics_line *line, double alpha, double e)
{
    int n = s->z.n;
    bool close;
    SCOPED(gref_mat) v = {0}, lambda = {0};
    double part = 0.0, largest = 0.0;
    TRY(gref_mat_new(&v, n, 1));
    TRY(gref_mat_new(&lambda, n, 1));
    for (int i = 0; i < n; i++) {
        v.a[i] = exact_variance(s, e, i);
        largest = fmax(largest, v.a[i]);
    }
    TRY(to_posterior(d->E, s));
    TRY(w2_close(&part, &close, gref_const(d->E), gref_const(v)));
    if (!close)
        TRY(w2_far(&part, s, line, alpha, e));
    TRY(gref_eigh_values(lambda, d->E));
    *cov = fmax(fabs(lambda.a[0]), fabs(lambda.a[n - 1])) / largest;
    *mean = gref_mat_norm_fro(gref_const(d->mean));
    *w2 = hypot(*mean, part);
    return GREF_OK;
}

/* |E/e^order - coefficient|_F / |coefficient|_F; a coefficient of 0 is met by a difference of 0. */
static double relative_error(gref_cmat E, gref_cmat coefficient, double scale, double norm)
{
    double sum = 0.0;
    for (int j = 0; j < E.n; j++)
        for (int i = 0; i < E.m; i++) {
            double d = GREF_AT(E, i, j) / scale - GREF_AT(coefficient, i, j);
            sum += d * d;
        }
    return norm > 0.0 ? sqrt(sum) / norm : sqrt(sum);
}

/* One e of a line: `own` is the setting of the law that it tends to, `cgdm` that of CGDM; they may
 * be the same. */
static gref_status fill_point(gref_asymptotics_point *p, gref_asymptotics_line *line,
                              const setting *cgdm, const setting *own, gref_cmat coefficient)
{
    int n = cgdm->z.n, m = cgdm->z.m;
    double e = p->e, noise = own->z.sigma * own->z.sigma, sigma2 = cgdm->z.sigma * cgdm->z.sigma;
    SCOPED(difference) d = {0};
    SCOPED(gref_mat) L = {0}, D = {0};
    TRY(gref_mat_new(&d.E, n, n));
    TRY(gref_mat_new(&d.mean, n, 1));
    TRY(gref_mat_new(&L, m, m));
    TRY(gref_mat_new(&D, m, m));
    TRY(likelihoods(L, D, own, line, e, noise, 0.0));
    TRY(differ(&d, own, gref_const(D), gref_const(L), e));
    p->coefficient_error = relative_error(gref_const(d.E), coefficient,
                                          line->expected == 1 ? e : e * e, line->coefficient);
    TRY(measure(&p->apart, &p->apart_mean, &p->apart_w2, &d, own, line, 1.0, e));
    p->cov = p->apart;
    p->mean = p->apart_mean;
    p->w2 = p->apart_w2;
    if (own == cgdm)
        return GREF_OK;
    TRY(likelihoods(L, D, cgdm, line, e, noise, sigma2 * ((1.0 - line->alpha) / line->alpha)));
    TRY(differ(&d, cgdm, gref_const(D), gref_const(L), e));
    return measure(&p->cov, &p->mean, &p->w2, &d, cgdm, line, line->alpha, e);
}

/* W2 between the limits: the modelled law of dps at t = 0 against the posterior. */
static gref_status limit_distance(double *w, const setting *s, double alpha)
{
    SCOPED(gref_schedule) schedule = {0};
    SCOPED_PTR(gref_sampler) *sampler = NULL;
    gref_w2 d;
    double beta = 0.5;
    gref_sampler_spec spec = {.name = "dps", .convention = gref_convention_default()};
    spec.convention.alpha_dps = alpha;
    TRY(gref_schedule_from_betas(&schedule, &beta, 1));
    TRY(gref_sampler_new(&sampler, &s->z, &schedule, &spec));
    TRY(gref_conditional_w2(&d, sampler, 0));
    *w = d.w2;
    return GREF_OK;
}

static gref_status fill_line(gref_asymptotics_line *line, const setting *cgdm,
                             const gref_problem *p, bool mixed)
{
    gref_status status = GREF_OK;
    SCOPED(setting) other = {0};
    const setting *own = cgdm;
    SCOPED(gref_mat) coefficient = {0}, X = {0};
    if (line->alpha != 0.0 && line->alpha != 1.0) {
        status = setting_new(&other, p, p->sigma / sqrt(line->alpha));
        if (status != GREF_OK) {
            gref_fail_context(status,
                              "the limit of dps with alpha = %g has the noise sigma/sqrt(alpha)",
                              line->alpha);
            return status;
        }
        TRY(limit_distance(&line->limit_distance, cgdm, line->alpha));
        own = &other;
    }
    line->expected = gref_asymptotics_expected(line, mixed);
    TRY(gref_mat_new(&coefficient, own->z.n, own->z.n));
    TRY(gref_mat_new(&X, own->z.m, own->z.m));
    TRY(apply(X, own, leading, line, 0.0));
    TRY(pull_back(coefficient, own, gref_const(X)));
    line->coefficient = gref_mat_norm_fro(gref_const(coefficient));
    for (int k = 0; k < line->n_points; k++)
        TRY(fill_point(&line->points[k], line, cgdm, own, gref_const(coefficient)));
    gref_asymptotics_conclude(line);
    return status;
}

/*
 * zeros, mixing, mixed and blind. G A P0 = 0 just where A P0 is orthogonal to A Pi, for G A = Sigma
 * (A^T A Sigma + sigma^2 I)^-1 A^T A: so the decision is on A, against what rounding of the
 * eigenvectors, n eps |Sigma|/lambda+, makes of A^T A. G itself is off by cond(K) times that, which
 * passes for mixing where sigma is small.
 */
static gref_status classify(gref_asymptotics *a, const setting *s)
{
    const double most = 0.01; /* mixing that may go unseen */
    int n = s->z.n, m = s->z.m;
    SCOPED(gref_mat) GB = {0}, BB = {0};
    while (a->zeros < n && s->z.lambda.a[a->zeros] == 0.0)
        a->zeros++;
    a->blind = a->zeros == n;
    if (a->zeros == 0 || a->zeros == n)
        return GREF_OK;
    double rounding = 2.0 * GREF_U * n * s->z.lambda.a[n - 1] / s->z.lambda.a[a->zeros];
    gref_cmat B = gref_const(s->z.B);
    gref_cmat on_kernel = gref_const(gref_mat_view(s->z.B, 0, 0, m, a->zeros));
    gref_cmat on_range = gref_const(gref_mat_view(s->z.B, 0, a->zeros, m, n - a->zeros));
    a->blind = gref_mat_norm_fro(on_range) <= rounding * gref_mat_norm_fro(B);
    if (a->blind)
        return GREF_OK;
    TRY(gref_mat_new(&BB, n - a->zeros, a->zeros));
    TRY(gref_gemm(BB, 1.0, on_range, true, on_kernel, false, 0.0));
    a->mixed = gref_mat_norm_fro(gref_const(BB)) >
               rounding * gref_mat_norm_fro(on_range) * gref_mat_norm_fro(B);
    a->undecided = !a->mixed && rounding > most;
    if (!a->mixed)
        return GREF_OK;
    TRY(gref_mat_new(&GB, n, n));
    TRY(gref_gemm(GB, 1.0, gref_const(s->G), false, B, false, 0.0));
    a->mixing = gref_mat_norm_fro(gref_const(gref_mat_view(GB, 0, 0, n, a->zeros))) /
                gref_mat_norm_fro(gref_const(GB));
    return GREF_OK;
}

/**
 * How the modelled laws of dps and pigdm meet CGDM's, which is exact, as e = 1 - abar -> 0.
 *
 *     C_alg - C_limit = abar G (D - D L^-1 D) G^T,   D = C_{v|t} - C_exact in closed form: no cancellation
 *
 * and the order and the leading coefficient against THEORY section 5. W2 by the optimal map from
 * that difference while the laws are close, by factors where they are not.
 *
 * @param[out] a         owned by the caller; gref_asymptotics_free. Unchanged on error.
 * @param[in]  p         any problem; without dps if sigma = 0.
 * @param[in]  alphas    of dps besides 1, each > 0.
 * @param[in]  from, to  first and last e, in (0, 1), from >= to; decades between them.
 * @return GREF_OK; GREF_ERR_RANGE; and what gref_modes_new and gref_sampler_new return.
 * @error  differences: relative c (m + n) eps cond(K), not of the covariances but of the differences themselves.
 * @cost   per line and e about 14 products of order n.
 * @see    THEORY section 5. Tests: test_asymptotics.c
 */
gref_status gref_asymptotics_dense(gref_asymptotics **out_a, const gref_problem *p,
                                   const double *alphas, int n_alphas, double from, double to)
{
    SCOPED_PTR(gref_asymptotics) *a = NULL;
    SCOPED(setting) s = {0};
    TRY(gref_asymptotics_new(&a, p->sigma, alphas, n_alphas, from, to));
    TRY(setting_new(&s, p, p->sigma));
    a->n = s.z.n;
    a->m = s.z.m;
    TRY(classify(a, &s));
    for (int k = 0; k < a->n_lines; k++)
        TRY(a->blind ? gref_asymptotics_without(&a->lines[k])
                     : fill_line(&a->lines[k], &s, p, a->mixed));
    *out_a = TAKE(a);
    return GREF_OK;
}
