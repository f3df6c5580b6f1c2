/*
 * The start of a chain as moments in modes of Sigma. In the basis V of A = W diag(s) V^T what the
 * authors of a row draw is a component at a time (method/project.c):
 *
 *     mean   V (pull W^T v),  W^T v = W^T r + s V^T mu                                      [pixel]
 *     cov    V diag(variance) V^T                                                         [pixel^2]
 */
#include <math.h>

#include "dense/internal.h"
#include "internal.h"

void gref_moments_free(gref_moments *x)
{
    gref_mat_free(&x->mean);
    gref_mat_free(&x->cov);
}

/* V diag(f) V^T less base, plus base I: V has k rows, the rest of the space has f = base. */
gref_status gref_in_singular_basis(gref_mat F, const gref_sampler *s, gref_cmat f, double base)
{
    SCOPED(gref_mat) rest = {0}, T = {0};
    TRY(gref_mat_new(&rest, f.m, 1));
    TRY(gref_mat_new(&T, f.m, s->z->n));
    for (int i = 0; i < f.m; i++)
        rest.a[i] = f.a[i] - base;
    gref_mat_copy(T, gref_const(s->VT));
    gref_mat_scale_rows(T, gref_const(rest));
    TRY(gref_gemm(F, 1.0, gref_const(s->VT), true, gref_const(T), false, 0.0));
    gref_mat_symmetrise(F);
    for (int i = 0; i < F.m; i++)
        GREF_AT(F, i, i) += base;
    return GREF_OK;
}

static gref_status by_components(gref_moments *x, const gref_sampler *s)
{
    const gref_modes *z = s->z;
    gref_time at = gref_time_at(s->schedule, gref_sampler_first(s));
    const gref_convention *c = &s->spec.convention;
    int k = s->b.m;
    bool varies = false;
    SCOPED(gref_mat) zmu = {0}, data = {0}, f = {0};
    x->variance = gref_start_component(s->row, c, at, z->sigma, 0.0).variance;
    if (!gref_start_projects(s->row, c))
        return GREF_OK;
    TRY(gref_mat_new(&zmu, z->n, 1));
    TRY(gref_mat_new(&data, k, 1));
    TRY(gref_mat_new(&f, k, 1));
    TRY(gref_gemv(zmu, 1.0, gref_const(z->U), true, gref_const(z->mu), 0.0));
    TRY(gref_gemv(data, 1.0, gref_const(s->VT), false, gref_const(zmu), 0.0));
    for (int i = 0; i < k; i++) {
        gref_component one = gref_start_component(s->row, c, at, z->sigma, s->b.a[i]);
        data.a[i] = one.pull * (s->Wr.a[i] + s->b.a[i] * data.a[i]);
        f.a[i] = one.variance;
        varies = varies || f.a[i] != x->variance;
    }
    TRY(gref_gemv(x->mean, 1.0, gref_const(s->VT), true, gref_const(data), 0.0));
    if (!varies)
        return GREF_OK;
    TRY(gref_mat_new(&x->cov, z->n, z->n));
    return gref_in_singular_basis(x->cov, s, gref_const(f), x->variance);
}

/* N(mean, cov) of the case, or of an affine chain. */
static gref_status given(gref_moments *x, const gref_sampler *s)
{
    const gref_modes *z = s->z;
    gref_cmat mean = s->spec.convention.start_mean, cov = s->spec.convention.start_cov;
    SCOPED(gref_mat) image = {0}, work = {0};
    x->variance = cov.a != NULL && cov.m == 1 ? cov.a[0] : 1.0;
    if (mean.a != NULL) {
        TRY(gref_mat_new(&image, z->n, 1));
        for (int i = 0; i < z->n; i++)
            image.a[i] = mean.a[mean.m == 1 ? 0 : i];
        TRY(gref_gemv(x->mean, 1.0, gref_const(z->U), true, gref_const(image), 0.0));
    }
    if (cov.a == NULL || (cov.m == 1 && z->n > 1))
        return GREF_OK;
    TRY(gref_require_shape(cov, z->n, z->n, "the covariance of the start"));
    TRY(gref_mat_new(&work, z->n, z->n));
    TRY(gref_mat_new(&x->cov, z->n, z->n));
    TRY(gref_gemm(work, 1.0, cov, false, gref_const(z->U), false, 0.0));
    TRY(gref_gemm(x->cov, 1.0, gref_const(z->U), true, gref_const(work), false, 0.0));
    gref_mat_symmetrise(x->cov);
    return GREF_OK;
}

gref_status gref_start_moments(gref_moments *out, const gref_sampler *s)
{
    SCOPED(gref_moments) x = {.variance = 1.0};
    TRY(gref_mat_new(&x.mean, s->z->n, 1));
    if (s->spec.convention.start == GREF_START_GIVEN)
        TRY(given(&x, s));
    else
        TRY(by_components(&x, s));
    *out = TAKE(x);
    return GREF_OK;
}
