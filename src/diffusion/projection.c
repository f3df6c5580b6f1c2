/*
 * The step of a row that projects (THEORY section 4), in modes of Sigma. With f0 the five functions at s = 0,
 * which the directions beyond the rank have too:
 *
 *     T  k x n   diag(fx - fx0) V^T diag(j) + diag(fe - fe0) V^T diag(e),  j the denoiser's gain, e = sqrt(1 - a)/s_t
 *     M  n x n   diag(fx0 j + fe0 e) + V T: one product
 *     c  n x 1   M sqrt(a) d - sqrt(a') d + V diag(fv) W^T r
 *     N  n x n   V diag(fn^2) V^T
 *
 * M is not symmetric. The fault "noise-without-VT" has V diag(fe) eps for V diag(fe) V^T eps, where fe is 0
 * off the kernel of A: entry i of eps multiplies column i of V, so the law depends on the basis V0 of the
 * kernel. Published bases differ with the operator; here it is that which Gram and Schmidt make of the unit
 * vectors of the pixels in their order.
 */
#include <math.h>

#include "dense/internal.h"
#include "internal.h"

static gref_five five_at(const gref_sampler *s, const gref_rule *rule, double singular)
{
    return s->row->project(&s->spec.convention, rule, s->z->sigma, singular);
}

gref_status gref_projection_noise(gref_mat N, const gref_sampler *s, const gref_rule *rule,
                                  bool root)
{
    SCOPED(gref_mat) n = {0};
    TRY(gref_mat_new(&n, s->b.m, 1));
    double base = five_at(s, rule, 0.0).n;
    for (int i = 0; i < n.m; i++) {
        double value = five_at(s, rule, s->b.a[i]).n;
        n.a[i] = root ? sqrt(value) : value;
    }
    return gref_in_singular_basis(N, s, gref_const(n), root ? sqrt(base) : base);
}

/* Q += the part of e_i that is orthogonal to its columns, with unit norm, if there is one. */
static gref_status extend(gref_mat Q, int *columns, int i)
{
    gref_mat w = gref_mat_view(Q, 0, *columns, Q.m, 1);
    gref_cmat before = gref_const(gref_mat_view(Q, 0, 0, Q.m, *columns));
    SCOPED(gref_mat) share = {0};
    TRY(gref_mat_new(&share, *columns + 1, 1));
    share.m = *columns;
    gref_mat_fill(w, 0.0);
    w.a[i] = 1.0;
    for (int pass = 0; pass < 2 && *columns > 0; pass++) {
        TRY(gref_gemv(share, 1.0, before, true, gref_const(w), 0.0));
        TRY(gref_gemv(w, -1.0, before, false, gref_const(share), 1.0));
    }
    double norm = gref_mat_norm_fro(gref_const(w));
    for (int k = 0; k < Q.m && norm > 1e-6; k++)
        w.a[k] /= norm;
    *columns += norm > 1e-6;
    return GREF_OK;
}

gref_status gref_projection_form_kernel(gref_sampler *s)
{
    const gref_modes *z = s->z;
    int n = z->n, rank = 0;
    SCOPED(gref_mat) Q = {0}, F = {0};
    TRY(gref_mat_new(&Q, n, n));
    TRY(gref_mat_new(&F, n, n));
    TRY(gref_mat_new(&s->kernel, n, n));
    while (rank < s->b.m && s->b.a[rank] > 0.0)
        rank++;
    if (rank > 0)
        TRY(gref_gemm(gref_mat_view(Q, 0, 0, n, rank), 1.0, gref_const(z->U), false,
                      gref_cmat_view(gref_const(s->VT), 0, 0, rank, n), true, 0.0));
    int columns = rank;
    for (int i = 0; i < n && columns < n; i++)
        TRY(extend(Q, &columns, i));
    gref_mat_fill(gref_mat_view(Q, 0, 0, n, rank), 0.0);
    TRY(gref_gemm(F, 1.0, gref_const(z->U), true, gref_const(Q), false, 0.0));
    return gref_gemm(s->kernel, 1.0, gref_const(F), false, gref_const(z->U), false, 0.0);
}

/* T, and the data of fv. */
static void form_factor(gref_mat T, gref_mat data, const gref_sampler *s, const gref_rule *rule,
                        gref_cmat j, gref_cmat e)
{
    gref_five f0 = five_at(s, rule, 0.0);
    for (int i = 0; i < T.m; i++) {
        gref_five f = five_at(s, rule, s->b.a[i]);
        data.a[i] = f.v * s->Wr.a[i];
        for (int l = 0; l < T.n; l++)
            GREF_AT(T, i, l) =
                GREF_AT(s->VT, i, l) * ((f.x - f0.x) * j.a[l] + (f.e - f0.e) * e.a[l]);
    }
}

/* The noise that is kept goes through `kernel`: into M, and out of e. */
static void take_apart(gref_mat M, gref_mat e, gref_cmat kernel, double kept)
{
    for (int l = 0; l < M.n; l++)
        for (int i = 0; i < M.m; i++)
            GREF_AT(M, i, l) = kept * GREF_AT(kernel, i, l) * e.a[l];
    gref_mat_fill(e, 0.0);
}

gref_status gref_projection_step(gref_step *step, double *free_norm, const gref_sampler *s,
                                 const gref_rule *rule)
{
    const gref_modes *z = s->z;
    int n = z->n;
    double root = sqrt(rule->at.abar);
    gref_five f0 = five_at(s, rule, 0.0);
    *free_norm = 0.0;
    SCOPED(gref_mat) T = {0}, data = {0}, j = {0}, e = {0};
    TRY(gref_mat_new(&T, s->b.m, n));
    TRY(gref_mat_new(&data, s->b.m, 1));
    TRY(gref_mat_new(&j, n, 1));
    TRY(gref_mat_new(&e, n, 1));
    for (int i = 0; i < n; i++) {
        j.a[i] = gref_forward_gain(rule->at, z->lambda.a[i]);
        e.a[i] = sqrt(rule->at.qbar) / gref_forward_variance(rule->at, z->lambda.a[i]);
        *free_norm = fmax(*free_norm, f0.x * j.a[i] + f0.e * e.a[i]);
    }
    if (s->kernel.a != NULL)
        take_apart(step->M, e, gref_const(s->kernel), f0.e);
    form_factor(T, data, s, rule, gref_const(j), gref_const(e));
    TRY(gref_gemm(step->M, 1.0, gref_const(s->VT), true, gref_const(T), false,
                  s->kernel.a != NULL ? 1.0 : 0.0));
    for (int i = 0; i < n; i++)
        GREF_AT(step->M, i, i) += f0.x * j.a[i] + f0.e * e.a[i];
    gref_mat_copy(step->c, gref_const(z->d));
    TRY(gref_gemv(step->c, root, gref_const(step->M), false, gref_const(z->d),
                  -sqrt(rule->next.abar)));
    TRY(gref_gemv(step->c, 1.0, gref_const(s->VT), true, gref_const(data), 1.0));
    step->noise = rule->noise;
    if (!s->row->n_varies)
        return GREF_OK;
    if (step->N.a == NULL)
        TRY(gref_mat_new(&step->N, n, n));
    return gref_projection_noise(step->N, s, rule, false);
}
