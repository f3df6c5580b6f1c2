/*
 * Exact marginal laws of a sampler (THEORY section 6).
 *
 *   mean   n x 1, E y_t - sqrt(abar_t) mu_post in the basis of the sampler: the bias itself   [pixel]
 *   P      n x n, or n x 1 when every step and the start are diagonal                       [pixel^2]
 *
 *   mean <- M mean + c,     P <- M P M^T + N I
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "internal.h"
#include "law.h"
#include <gref/psd.h>

static void release(gref_marginal *head)
{
    gref_dense_law *law = (gref_dense_law *)head;
    gref_mat_free(&law->mean);
    gref_mat_free(&law->P);
    gref_mat_free(&law->L);
    gref_mat_free(&law->W);
    gref_mat_free(&law->V);
    gref_mat_free(&law->work);
    gref_step_free(&law->step);
}

double gref_dense_law_trace(const gref_dense_law *law)
{
    double trace = 0.0;
    for (int i = 0; i < law->P.m; i++)
        trace += law->diagonal ? law->P.a[i] : GREF_AT(law->P, i, i);
    return trace;
}

static double spread(const gref_marginal *head)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    double target = 0.0;
    for (int i = 0; i < law->s->z->n; i++)
        target += gref_exact_variance(law->s->z, law->s->schedule, law->head.t, i);
    return sqrt(gref_dense_law_trace(law) / target);
}

/* N(mean, cov) in the basis of the law, the mean less sqrt(abar_T) mu_post. */
static gref_status begin_at(gref_dense_law *law, const gref_moments *x)
{
    const gref_modes *z = law->s->z;
    bool posterior = law->basis == GREF_BASIS_POSTERIOR;
    if (posterior)
        TRY(gref_gemv(law->mean, 1.0, gref_const(z->X), true, gref_const(x->mean), 0.0));
    else
        gref_mat_copy(law->mean, gref_const(x->mean));
    gref_mat_axpy(law->mean, -sqrt(law->s->schedule->abar[law->head.t]),
                  gref_const(law->s->centre));
    if (x->cov.a == NULL) {
        for (int i = 0; i < z->n; i++)
            GREF_AT(law->P, i, law->diagonal ? 0 : i) = x->variance;
    } else if (posterior) {
        TRY(gref_gemm(law->work, 1.0, gref_const(x->cov), false, gref_const(z->X), false, 0.0));
        TRY(gref_gemm(law->P, 1.0, gref_const(z->X), true, gref_const(law->work), false, 0.0));
        gref_mat_symmetrise(law->P);
    } else {
        gref_mat_copy(law->P, gref_const(x->cov));
    }
    return GREF_OK;
}

/* The exact p_T(x | v): mean 0. */
static gref_status exact_start(gref_dense_law *law)
{
    if (law->diagonal) {
        for (int i = 0; i < law->P.m; i++)
            law->P.a[i] = gref_exact_variance(law->s->z, law->s->schedule, law->head.t, i);
    } else {
        gref_exact_factor(law->work, law->s->z, law->s->schedule, law->head.t);
        TRY(gref_syrk(law->P, 1.0, gref_const(law->work), false, 0.0));
    }
    return GREF_OK;
}

/*
 * The diagonal of a dense M is applied by itself: a product of n terms is charged n roundings of
 * what it adds up, which then is M - diag(M), small where steps are.
 */
static void exchange_diagonal(gref_step *step)
{
    for (int i = 0; i < step->M.m; i++) {
        double d = GREF_AT(step->M, i, i);
        GREF_AT(step->M, i, i) = step->diag.a[i];
        step->diag.a[i] = d;
    }
}

/* Y <- M X, M without its diagonal. */
static gref_status push(gref_mat Y, const gref_step *step, gref_cmat X)
{
    TRY(gref_gemm(Y, 1.0, gref_const(step->M), false, X, false, 0.0));
    for (int j = 0; j < Y.n; j++)
        for (int i = 0; i < Y.m; i++)
            GREF_AT(Y, i, j) += step->diag.a[i] * GREF_AT(X, i, j);
    return GREF_OK;
}

static gref_status advance_mean(gref_dense_law *law)
{
    const gref_step *step = &law->step;
    SCOPED(gref_mat) old = {0};
    if (step->diagonal) {
        gref_mat_scale_rows(law->mean, gref_const(step->M));
    } else {
        TRY(gref_mat_new(&old, law->mean.m, 1));
        gref_mat_copy(old, gref_const(law->mean));
        TRY(push(law->mean, step, gref_const(old)));
    }
    gref_mat_axpy(law->mean, 1.0, gref_const(step->c));
    return GREF_OK;
}

static gref_status advance_cov(gref_dense_law *law)
{
    gref_mat_free(&law->L);
    const gref_step *step = &law->step;
    gref_cmat M = gref_const(step->M);
    if (step->diagonal) {
        gref_mat_scale_rows(law->P, M);
        if (law->diagonal)
            gref_mat_scale_rows(law->P, M);
        else
            gref_mat_scale_cols(law->P, M);
    } else {
        TRY(push(law->work, step, gref_const(law->P)));
        TRY(gref_gemm(law->P, 1.0, gref_const(law->work), false, M, step->general, 0.0));
        gref_mat_scale_cols(law->work, gref_const(step->diag));
        gref_mat_axpy(law->P, 1.0, gref_const(law->work));
        gref_mat_symmetrise(law->P);
    }
    for (int i = 0; i < law->P.m; i++)
        GREF_AT(law->P, i, law->diagonal ? 0 : i) += step->noise;
    if (step->N.a != NULL)
        gref_mat_axpy(law->P, 1.0, gref_const(step->N));
    return GREF_OK;
}

/* Sizes of the law before the step at hand. */
static gref_status law_size(gref_law_size *size, const gref_dense_law *law)
{
    *size = (gref_law_size){.dense = !law->diagonal,
                            .trace = gref_dense_law_trace(law),
                            .shift = gref_mat_norm_fro(gref_const(law->step.c)),
                            .least = -INFINITY,
                            .factor_error = -1.0};
    return gref_law_seen(&size->seen, law->s, law->head.t, gref_const(law->mean),
                         gref_const(law->P));
}

gref_status gref_dense_law_root(gref_mat L, double *radius, const gref_dense_law *law)
{
    int rank;
    double residual;
    TRY(gref_psd_factor(L, &rank, gref_const(law->P)));
    TRY(gref_cholesky_residual(&residual, gref_const(law->P), gref_const(L)));
    *radius = gref_change_of_root(law->P.m, law->errors.floor - residual, residual);
    return GREF_OK;
}

/*
 * A step without noise leaves a law that may be singular: the law is kept as a factor, L <- M L,
 * whose rounding costs W2 no square root. *error in W2 units: that of the first factor, pushed by
 * M, and the rounding of the product.
 */
static gref_status advance_factor(gref_dense_law *law, double *error)
{
    double before = 0.0;
    if (law->L.a == NULL) {
        TRY(gref_mat_new(&law->L, law->P.m, law->P.m));
        TRY(gref_dense_law_root(law->L, &before, law));
    }
    TRY(push(law->work, &law->step, gref_const(law->L)));
    double product = gref_rounding_of_product(law->P.m, law->step.norm_off, law->step.norm) *
                     gref_mat_norm_fro(gref_const(law->L));
    gref_mat_copy(law->L, gref_const(law->work));
    TRY(gref_syrk(law->P, 1.0, gref_const(law->L), false, 0.0));
    *error = law->step.norm * before + product;
    return GREF_OK;
}

static gref_status advance(gref_marginal *head)
{
    gref_dense_law *law = (gref_dense_law *)head;
    gref_law_size size;
    TRY(gref_step_at(&law->step, law->s, law->head.t));
    if (law->step.overshoots && law->head.first_unstable == 0)
        law->head.first_unstable = law->head.t;
    TRY(law_size(&size, law));
    bool noiseless =
        !law->diagonal && !law->step.diagonal && law->step.noise == 0.0 && law->step.N.a == NULL;
    TRY(gref_majorant_push(law));
    if (!law->step.diagonal)
        exchange_diagonal(&law->step);
    TRY(advance_mean(law));
    TRY(noiseless ? advance_factor(law, &size.factor_error) : advance_cov(law));
    if (!law->step.diagonal)
        exchange_diagonal(&law->step);
    if (!law->diagonal)
        size.least = gref_gershgorin_down(gref_const(law->P));
    gref_errors_step(&law->errors, law->s, law->head.t, &law->step, &size);
    gref_majorant_close(law);
    law->head.diverged = !(gref_mat_norm_max(gref_const(law->P)) <= GREF_VARIANCE_LIMIT &&
                           gref_mat_norm_max(gref_const(law->mean)) <= GREF_MEAN_LIMIT);
    law->head.lost = !law->head.diverged && gref_majorant_exhausted(law);
    law->head.diverged = law->head.diverged || law->head.lost;
    law->head.mean_lost = law->head.mean_lost || gref_majorant_mean_exhausted(law);
    return GREF_OK;
}

/* z, n x 1 in the basis of the law, to pixels. */
static gref_status basis_to_pixels(gref_mat x, const gref_dense_law *law, gref_cmat zvec)
{
    SCOPED(gref_mat) w = {0};
    if (law->basis == GREF_BASIS_POSTERIOR) {
        TRY(gref_mat_new(&w, zvec.m, 1));
        TRY(gref_gemv(w, 1.0, gref_const(law->s->z->X), false, zvec, 0.0));
        zvec = gref_const(w);
    }
    return gref_modes_to_pixels(x, law->s->z, zvec);
}

static gref_status bias_of(gref_mat bias, const gref_marginal *head)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    return basis_to_pixels(bias, law, gref_const(law->mean));
}

/* N(0, I) as it was given: in pixels without the roundings of a basis. */
static bool is_standard_start(const gref_dense_law *law)
{
    return law->head.t == gref_sampler_first(law->s) &&
           law->s->spec.convention.start == GREF_START_STANDARD;
}

/* y <- y + A x, the product in twice the working precision. */
static gref_status add_product(gref_mat y, gref_cmat A, gref_cmat x)
{
    SCOPED(gref_mat) H = {0}, L = {0};
    TRY(gref_mat_new(&H, y.m, 1));
    TRY(gref_mat_new(&L, y.m, 1));
    TRY(gref_dot2_gemm(H, L, A, false, x, false));
    gref_mat_axpy(y, 1.0, gref_const(L));
    gref_mat_axpy(y, 1.0, gref_const(H));
    return GREF_OK;
}

static gref_status mean_of(gref_mat mean, const gref_marginal *head)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    const gref_modes *z = law->s->z;
    double root = sqrt(law->s->schedule->abar[law->head.t]);
    SCOPED(gref_mat) w = {0};
    TRY(gref_require_shape(gref_const(mean), z->n, 1, "mean"));
    gref_mat_fill(mean, 0.0);
    if (is_standard_start(law))
        return GREF_OK;
    TRY(gref_mat_new(&w, z->n, 1));
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(add_product(w, gref_const(z->X), gref_const(law->mean)));
    else
        gref_mat_copy(w, gref_const(law->mean));
    gref_mat_axpy(w, root, gref_const(z->d));
    gref_mat_axpy(mean, root, gref_const(z->mu));
    return add_product(mean, gref_const(z->U), gref_const(w));
}

static gref_status cov_of(gref_mat cov, const gref_marginal *head)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    const gref_modes *z = law->s->z;
    SCOPED(gref_mat) L = {0}, UL = {0};
    if (is_standard_start(law)) {
        TRY(gref_require_shape(gref_const(cov), z->n, z->n, "cov"));
        gref_mat_identity(cov);
        return GREF_OK;
    }
    if (!law->diagonal) {
        TRY(gref_modes_cov_to_pixels(cov, z, gref_const(law->P)));
        return GREF_OK;
    }
    TRY(gref_mat_new(&UL, z->n, z->n));
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(gref_gemm(UL, 1.0, gref_const(z->U), false, gref_const(z->X), false, 0.0));
    else
        gref_mat_copy(UL, gref_const(z->U));
    TRY(gref_mat_new(&L, z->n, 1));
    for (int i = 0; i < z->n; i++)
        L.a[i] = sqrt(law->P.a[i]);
    gref_mat_scale_cols(UL, gref_const(L));
    return gref_syrk(cov, 1.0, gref_const(UL), false, 0.0);
}

double gref_marginal_step_norm(const gref_marginal *law)
{
    return gref_dense_law_of(law)->step.norm;
}

/* Diagonal of P in the modes of Sigma. */
static double mode_variance_of(const gref_dense_law *law, int i)
{
    if (!law->diagonal)
        return GREF_AT(law->P, i, i);
    if (law->basis == GREF_BASIS_SIGMA)
        return law->P.a[i];
    double sum = 0.0;
    for (int j = 0; j < law->P.m; j++)
        sum += GREF_AT(law->s->z->X, i, j) * GREF_AT(law->s->z->X, i, j) * law->P.a[j];
    return sum;
}

gref_status gref_marginal_sizes_of(gref_marginal_sizes *out, const gref_marginal *head)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    const gref_sampler *s = law->s;
    int n = s->z->n;
    gref_marginal_sizes z = {.spread = sqrt(gref_dense_law_trace(law)),
                             .cov = gref_mat_norm_fro(gref_const(law->P))};
    SCOPED(gref_mat) e = {0}; /* m_t - sqrt(abar_t) mu in modes of Sigma */
    TRY(gref_law_require_alive(head));
    TRY(gref_mat_new(&e, n, 1));
    gref_mat_axpy(e, sqrt(s->schedule->abar[law->head.t]), gref_const(s->z->d));
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(gref_gemv(e, 1.0, gref_const(s->z->X), false, gref_const(law->mean), 1.0));
    else
        gref_mat_axpy(e, 1.0, gref_const(law->mean));
    z.shift = gref_mat_norm_fro(gref_const(e));
    for (int i = 0; i < n; i++) {
        double st = gref_mode_variance(s, law->head.t, i);
        z.whitened += mode_variance_of(law, i) / (st * st);
        z.score += e.a[i] * e.a[i] / (st * st);
    }
    z.whitened = sqrt(z.whitened);
    z.score = sqrt(z.score);
    *out = z;
    return GREF_OK;
}

/* The law's own errors, and those of bringing it to pixels as mean_of and cov_of do. */
static void errors_of(double *mean, double *cov, double *w2, const gref_marginal *head)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    const gref_modes *z = law->s->z;
    bool posterior = law->basis == GREF_BASIS_POSTERIOR;
    double basis = z->errors.U + (posterior ? z->errors.X : 0.0), n = z->n;
    double size = gref_mat_norm_fro(gref_const(law->P)), trace = gref_dense_law_trace(law);
    double centre = gref_norm_fro_up(gref_const(z->mu)) + gref_norm_fro_up(gref_const(z->d));
    double vectors = gref_mat_norm_fro(gref_const(law->mean)) + centre;
    double by_vector = 8 * GREF_U + 2 * gref_dot2_error_up(z->n) * n;
    double product = 2 * gref_gamma_up(z->n + 4) * sqrt(n); /* two with U, or U X and its square */
    double rounding = product * size;
    if (law->diagonal)
        rounding =
            gref_gamma_up(z->n + 8) * trace + (posterior ? product * sqrt(trace * size) : 0.0);
    *mean = (law->errors.mean + (basis + by_vector) * vectors +
             (posterior ? z->errors.post_mean : 0.0)) * /* centred on the exact mu_post */
            GREF_INFLATE;
    *cov = (law->errors.cov + 2 * basis * size + rounding) * GREF_INFLATE;
    *w2 = law->errors.w2;
    if (isnan(*mean) || isnan(*cov))
        *mean = *cov = INFINITY;
}

static gref_status stable_factor(double *factor, const gref_marginal *head)
{
    return gref_sampler_stable_factor(factor, gref_dense_law_of(head)->s);
}

static const gref_law_kind dense = {
    .stable_factor = stable_factor,
    .release = release,
    .advance = advance,
    .spread = spread,
    .mean = mean_of,
    .cov = cov_of,
    .bias = bias_of,
    .w2 = gref_dense_law_w2,
    .w2_prior = gref_dense_law_w2_prior,
    .w2_modelled = gref_dense_law_w2_modelled,
    .certify = gref_dense_law_certify,
    .errors = errors_of,
};

/**
 * The law at the first visited time, by the convention "start".
 *
 * @param[out] law  owned by the caller; gref_marginal_free. Unchanged on error.
 * @param[in]  s    borrowed: must outlive the law.
 * @return GREF_OK; GREF_ERR_NOMEM; GREF_ERR_SHAPE.
 * @see    THEORY section 6. Tests: test_marginal.c
 */
gref_status gref_marginal_new(gref_marginal **out, const gref_sampler *s)
{
    int n = s->z->n;
    bool exact = s->spec.convention.start == GREF_START_EXACT;
    SCOPED(gref_moments) start = {0};
    if (!exact)
        TRY(gref_start_moments(&start, s));
    gref_dense_law *law = gref_alloc(1, sizeof *law);
    REQUIRE(law != NULL, GREF_ERR_NOMEM, "no memory for a law");
    SCOPED_PTR(gref_marginal) *head = &law->head;
    law->head =
        (gref_marginal){.kind = &dense, .row = s->row, .spec = &s->spec, .targets = s->targets};
    law->s = s;
    law->head.t = gref_sampler_first(s);
    law->basis = gref_sampler_runs_on_posterior(s) ? GREF_BASIS_POSTERIOR : GREF_BASIS_SIGMA;
    TRY(gref_step_new(&law->step, s));
    law->diagonal =
        law->step.diagonal && start.cov.a == NULL && (law->basis == GREF_BASIS_POSTERIOR || !exact);
    TRY(gref_mat_new(&law->mean, n, 1));
    TRY(gref_mat_new(&law->P, n, law->diagonal ? 1 : n));
    if (!law->diagonal)
        TRY(gref_mat_new(&law->work, n, n));
    TRY(exact ? exact_start(law) : begin_at(law, &start));
    law->errors = gref_start_errors(s);
    gref_law_begin(head, law->head.t);
    *out = TAKE(head);
    return GREF_OK;
}
