/*
 * t -> 0 by spectra, for stationary problems (THEORY sections 5 and 9). In a block, with w = lambda
 * a, the scalars K = sum a^2 lambda + sigma^2, D = sum a^2 f(lambda) and L = C_{v|t} + abar sum a^2
 * lambda^2/s, both laws' differences are of rank one,
 *
 *     C_alg - C_CGDM = abar D/(K L) w w^T,   mu_alg - mu_CGDM = -sqrt(abar) D/(K L) r w
 *
 * and so is the leading coefficient, sum a^2 c(lambda)/K^2 w w^T. Shares with the dense route what
 * a line is and what theory says of f; the sums, norms and distances are its own.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/limit.h"
#include "internal.h"

/* What a block is made of at one e. */
typedef struct {
    double K, D, L, w2, r, leading; /* w2 = |w|^2, r = |r| */
    double exact;                   /* largest exact variance */
} scalars;

static scalars block_at(const gref_spectral *z, const gref_asymptotics_line *line, double e,
                        double noise, double shift, int b)
{
    scalars x = {.K = z->sigma * z->sigma, .D = shift, .L = noise};
    for (int k = 0; k < z->q; k++) {
        double lambda = GREF_AT(z->lambda, k, b), a2 = GREF_AT(z->a, k, b) * GREF_AT(z->a, k, b);
        x.K += a2 * lambda;
        x.D += a2 * gref_asymptotics_excess(line, e, lambda);
        x.L += lambda > 0.0 ? a2 * (1.0 - e) * lambda * (lambda / ((1.0 - e) * lambda + e)) : 0.0;
        x.L += line->alpha == 0.0 ? a2 * gref_r2_value(line->r2, (gref_time){1.0 - e, e}) : 0.0;
        x.w2 += a2 * lambda * lambda;
        x.leading += a2 * gref_asymptotics_leading(line, lambda);
        x.exact = fmax(x.exact, gref_spectral_exact_variance(z, 1.0 - e, e, k, b));
    }
    x.r = hypot(z->r.re.a[b], z->r.im.a[b]);
    return x;
}

/* |C_alg - C_exact|_2/|C_exact|_2, |mu_alg - mu_exact|, and how far E/e^order is from the
 * coefficient. */
static void measure(double *cov, double *mean, double *error, const gref_spectral *z,
                    const gref_asymptotics_line *line, double e, double noise, double shift)
{
    double most = 0.0, exact = 0.0, means = 0.0, off = 0.0, all = 0.0,
           scale = line->expected == 1 ? e : e * e;
    for (int b = 0; b < z->blocks; b++) {
        scalars x = block_at(z, line, e, noise, shift, b);
        double weight = z->weight.a[b], part = x.D == 0.0 ? 0.0 : x.D / x.K / x.L;
        double limit = x.leading == 0.0 ? 0.0 : x.leading / x.K / x.K;
        double deviation = (1.0 - e) * part / scale - limit;
        most = fmax(most, (1.0 - e) * fabs(part) * x.w2);
        exact = fmax(exact, x.exact);
        means += weight * (1.0 - e) * part * part * x.w2 * x.r * x.r;
        off += weight * deviation * deviation * x.w2 * x.w2;
        all += weight * limit * limit * x.w2 * x.w2;
    }
    *cov = most / exact;
    *mean = sqrt(means);
    *error = all > 0.0 ? sqrt(off / all) : sqrt(off);
}

static double coefficient_norm(const gref_spectral *z, const gref_asymptotics_line *line)
{
    double all = 0.0;
    for (int b = 0; b < z->blocks; b++) {
        scalars x = block_at(z, line, 0.5, 1.0, 0.0, b);
        double limit = x.leading == 0.0 ? 0.0 : x.leading / x.K / x.K * x.w2;
        all += z->weight.a[b] * limit * limit;
    }
    return sqrt(all);
}

/* W2 of the modelled law to the exact one of z, for the sampler of the line with that alpha. */
static gref_status distance(double *w2, const gref_mat terms[2], const gref_spectral *z,
                            const gref_asymptotics_line *line, double alpha, double abar, double e)
{
    gref_spectral_sampler s;
    gref_w2 d;
    gref_sampler_spec spec = {.convention = gref_convention_default()};
    snprintf(spec.name, sizeof spec.name, "%s", line->sampler);
    spec.convention.r2 = line->r2;
    spec.convention.alpha_dps = alpha;
    TRY(gref_spectral_sampler_init(&s, z, NULL, &spec));
    TRY(gref_spectral_w2_modelled(&d, terms, &s, abar, e));
    *w2 = d.w2;
    return GREF_OK;
}

static gref_status fill_points(gref_asymptotics_line *line, const gref_mat terms[2],
                               const gref_spectral *cgdm, const gref_spectral *own)
{
    double noise = own->sigma * own->sigma, sigma2 = cgdm->sigma * cgdm->sigma, unused;
    for (int k = 0; k < line->n_points; k++) {
        gref_asymptotics_point *p = &line->points[k];
        measure(&p->apart, &p->apart_mean, &p->coefficient_error, own, line, p->e, noise, 0.0);
        TRY(distance(&p->apart_w2, terms, own, line, 1.0, 1.0 - p->e, p->e));
        p->cov = p->apart;
        p->mean = p->apart_mean;
        p->w2 = p->apart_w2;
        if (own == cgdm)
            continue;
        measure(&p->cov, &p->mean, &unused, cgdm, line, p->e, noise,
                sigma2 * ((1.0 - line->alpha) / line->alpha));
        TRY(distance(&p->w2, terms, cgdm, line, line->alpha, 1.0 - p->e, p->e));
    }
    return GREF_OK;
}

static gref_status fill_line(gref_asymptotics_line *line, const gref_spectral *cgdm,
                             const gref_stationary *p, bool mixed)
{
    const gref_spectral *own = cgdm;
    SCOPED_PTR(gref_spectral) *other = NULL;
    gref_stationary q = *p; /* borrowed, with another noise level */
    SCOPED(gref_mat) mean = {0}, cov = {0};
    TRY(gref_mat_new(&mean, 1, cgdm->blocks));
    TRY(gref_mat_new(&cov, 1, cgdm->blocks));
    const gref_mat terms[2] = {mean, cov};
    if (line->alpha != 0.0 && line->alpha != 1.0) {
        q.sigma = p->sigma / sqrt(line->alpha);
        gref_status status = gref_spectral_new(&other, &q);
        if (status != GREF_OK)
            return gref_fail_context(
                status, "the limit of dps with alpha = %g has the noise sigma/sqrt(alpha)",
                line->alpha);
        TRY(distance(&line->limit_distance, terms, cgdm, line, line->alpha, 1.0, 0.0));
        own = other;
    }
    line->expected = gref_asymptotics_expected(line, mixed);
    line->coefficient = coefficient_norm(own, line);
    TRY(fill_points(line, terms, cgdm, own));
    gref_asymptotics_conclude(line);
    return GREF_OK;
}

/*
 * zeros, mixing, mixed and blind: G A P0 and G A in a block are w/K times the row a, on the kernel
 * and on all of it. Only a block with r > 1 can mix, and only frequencies that A sees (|a| above
 * rounding) do.
 */
static void classify(gref_asymptotics *a, const gref_spectral *z)
{
    double part = 0.0, whole = 0.0, most = gref_mat_norm_max(gref_const(z->a));
    double rounding = (GREF_U * z->n * most) * (GREF_U * z->n * most); /* of a^2 */
    a->blind = true;
    for (int b = 0; b < z->blocks; b++) {
        double K = z->sigma * z->sigma, w2 = 0.0, seen = 0.0, all = 0.0;
        for (int k = 0; k < z->q; k++) {
            double lambda = GREF_AT(z->lambda, k, b),
                   a2 = GREF_AT(z->a, k, b) * GREF_AT(z->a, k, b);
            a->zeros += lambda == 0.0 ? (int)z->weight.a[b] : 0;
            if (a2 <= rounding)
                continue;
            K += a2 * lambda;
            w2 += a2 * lambda * lambda;
            all += a2;
            seen += lambda == 0.0 ? a2 : 0.0;
            a->blind = a->blind && lambda == 0.0;
        }
        if (w2 > 0.0 && K > 0.0) {
            part += z->weight.a[b] * w2 / K / K * seen;
            whole += z->weight.a[b] * w2 / K / K * all;
        }
    }
    a->mixing = whole > 0.0 && !a->blind ? sqrt(part / whole) : 0.0;
    a->mixed = a->mixing > 0.0;
}

/**
 * As gref_asymptotics_dense, for a stationary problem of any size.
 *
 * @param[in]  p  complete: prior, operator, sigma and v.
 * @return GREF_OK; GREF_ERR_RANGE; and what gref_spectral_new returns. *a unchanged on error.
 * @error  differences: relative c (rows + cols + r^2) eps.
 * @cost   O(r^2 n) per line and e; W2 as gref_spectral_law_w2_modelled.
 * @see    THEORY sections 5 and 9. Tests: test_asymptotics.c (against gref_asymptotics_dense)
 */
gref_status gref_asymptotics_spectral(gref_asymptotics **out_a, const gref_stationary *p,
                                      const double *alphas, int n_alphas, double from, double to)
{
    SCOPED_PTR(gref_asymptotics) *a = NULL;
    SCOPED_PTR(gref_spectral) *z = NULL;
    TRY(gref_asymptotics_new(&a, p->sigma, alphas, n_alphas, from, to));
    TRY(gref_spectral_new(&z, p));
    a->n = z->n;
    a->m = z->m;
    classify(a, z);
    for (int k = 0; k < a->n_lines; k++)
        TRY(a->blind ? gref_asymptotics_without(&a->lines[k])
                     : fill_line(&a->lines[k], z, p, a->mixed));
    *out_a = TAKE(a);
    return GREF_OK;
}
