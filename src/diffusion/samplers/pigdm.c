/*
 * pigdm: pseudo-inverse guidance (Song et al. 2023; THEORY (21)).
 *
 *   C_{v|t} = r_t^2 A A^T + sigma^2 I
 *   B       = W diag(b) V^T                    W m x k, b k x 1, V n x k, k = min(m, n)
 *   Gamma   = V diag(gamma) V^T,               gamma_i = b_i^2 / (r_t^2 b_i^2 + sigma^2)
 *   g       = V diag(gamma_i / b_i) W^T r
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"

typedef struct {
    gref_mat VT; /* k x n */
    gref_mat b;  /* k x 1, descending */
    gref_mat Wr; /* k x 1, W^T r */
} pigdm;

static void release(void *data)
{
    pigdm *p = data;
    if (p == NULL)
        return;
    gref_mat_free(&p->VT);
    gref_mat_free(&p->b);
    gref_mat_free(&p->Wr);
    free(p);
}

static gref_status prepare(gref_sampler *s)
{
    gref_status status = GREF_OK;
    const gref_modes *z = s->z;
    int k = z->m < z->n ? z->m : z->n;
    gref_mat B = {0}, W = {0};
    pigdm *p = gref_alloc(1, sizeof *p);
    REQUIRE(p != NULL, GREF_ERR_NOMEM, "no memory for pigdm");
    TRY(gref_mat_new(&B, z->m, z->n));
    TRY(gref_mat_new(&W, z->m, k));
    TRY(gref_mat_new(&p->VT, k, z->n));
    TRY(gref_mat_new(&p->b, k, 1));
    TRY(gref_mat_new(&p->Wr, k, 1));
    gref_mat_copy(B, gref_const(z->B));
    TRY(gref_svd(W, p->b, p->VT, B));
    TRY(gref_gemv(p->Wr, 1.0, gref_const(W), true, gref_const(z->r), 0.0));
    REQUIRE(z->sigma > 0.0 || (z->m <= z->n && p->b.a[k - 1] > 2 * GREF_U * z->n * p->b.a[0]),
            GREF_ERR_NOT_PD,
            "pigdm with sigma = 0 needs an invertible A A^T: singular values of A from %.3g to %.3g",
            p->b.a[k - 1], p->b.a[0]);
    s->data = p;
    p = NULL;
out:
    release(p);
    gref_mat_free(&B);
    gref_mat_free(&W);
    return status;
}

/* r_t^2 b^2 + sigma^2 */
static double denominator(const gref_sampler *s, int t, double b)
{
    double r2 = gref_r2_value(s->spec.convention.r2, s->schedule, t);
    return r2 * b * b + s->z->sigma * s->z->sigma;
}

static gref_status guidance(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t)
{
    gref_status status = GREF_OK;
    const pigdm *p = s->data;
    int k = p->b.m;
    gref_mat Y = {0}, w = {0};
    TRY(gref_mat_new(&Y, k, s->z->n));
    TRY(gref_mat_new(&w, k, 1));
    for (int i = 0; i < k; i++)
        w.a[i] = p->b.a[i] / sqrt(denominator(s, t, p->b.a[i]));
    gref_mat_copy(Y, gref_const(p->VT));
    gref_mat_scale_rows(Y, gref_const(w));
    TRY(gref_syrk(Gamma, 1.0, gref_const(Y), true, 0.0));
    for (int i = 0; i < k; i++)
        w.a[i] = p->b.a[i] / denominator(s, t, p->b.a[i]) * p->Wr.a[i];
    TRY(gref_gemv(g, 1.0, gref_const(p->VT), true, gref_const(w), 0.0));
out:
    gref_mat_free(&Y);
    gref_mat_free(&w);
    return status;
}

static gref_status likelihood(gref_mat C, const gref_sampler *s, int t)
{
    gref_status status = GREF_OK;
    double r2 = gref_r2_value(s->spec.convention.r2, s->schedule, t);
    TRY(gref_syrk(C, r2, gref_const(s->z->B), false, 0.0)); /* B B^T = A A^T */
    for (int i = 0; i < C.m; i++)
        GREF_AT(C, i, i) += s->z->sigma * s->z->sigma;
out:
    return status;
}

const gref_method gref_method_pigdm = {
    .name = "pigdm",
    .title = "PiGDM, C_{v|t} = r_t^2 A A^T + sigma^2 I (Song et al. 2023)",
    .guided = true,
    .prepare = prepare,
    .release = release,
    .guidance = guidance,
    .likelihood = likelihood,
};
