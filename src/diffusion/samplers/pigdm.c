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
#include "dense/bound.h"
#include "dense/internal.h"
#include "diffusion/internal.h"

typedef struct {
    double eB;   /* |B - W diag(b) V^T|_F and all that W, V lack to be orthogonal, in units of B */
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

/* p->eB: residual of the decomposition, and b_1 times the defects of W and V, by plain products. */
static gref_status measure(pigdm *p, gref_cmat W, gref_cmat B)
{
    int k = p->b.m;
    SCOPED(gref_mat) S = {0}, R = {0}, WW = {0}, VV = {0};
    TRY(gref_mat_new(&S, W.m, k));
    TRY(gref_mat_new(&R, B.m, B.n));
    TRY(gref_mat_new(&WW, k, k));
    TRY(gref_mat_new(&VV, k, k));
    gref_mat_copy(S, W);
    gref_mat_scale_cols(S, gref_const(p->b));
    gref_mat_copy(R, B);
    TRY(gref_gemm(R, -1.0, gref_const(S), false, gref_const(p->VT), false, 1.0));
    gref_mat_identity(WW);
    gref_mat_identity(VV);
    TRY(gref_syrk(WW, -1.0, W, true, 1.0));
    TRY(gref_syrk(VV, -1.0, gref_const(p->VT), false, 1.0));
    double b = gref_norm_fro_up(gref_const(p->b)), rounding = gref_gamma_up(B.m + B.n + 8);
    double residual = gref_norm_fro_up(gref_const(R)) + rounding * sqrt(k) * b;
    double defects =
        gref_norm_fro_up(gref_const(WW)) + gref_norm_fro_up(gref_const(VV)) + 2 * rounding * k;
    p->eB = residual + 2 * p->b.a[0] * defects;
    return GREF_OK;
}

static gref_status prepare(gref_sampler *s)
{
    gref_status status = GREF_OK;
    const gref_modes *z = s->z;
    int k = z->m < z->n ? z->m : z->n;
    gref_mat B = {0}, W = {0};
    pigdm *p = gref_alloc(1, sizeof *p);
    REQUIRE_OUT(p != NULL, GREF_ERR_NOMEM, "no memory for pigdm");
    TRY_OUT(gref_mat_new(&B, z->m, z->n));
    TRY_OUT(gref_mat_new(&W, z->m, k));
    TRY_OUT(gref_mat_new(&p->VT, k, z->n));
    TRY_OUT(gref_mat_new(&p->b, k, 1));
    TRY_OUT(gref_mat_new(&p->Wr, k, 1));
    gref_mat_copy(B, gref_const(z->B));
    TRY_OUT(gref_svd(W, p->b, p->VT, B));
    TRY_OUT(gref_gemv(p->Wr, 1.0, gref_const(W), true, gref_const(z->r), 0.0));
    double floor = 2 * GREF_U * z->n * p->b.a[0]; /* below it b_i and sigma are as good as 0 */
    bool regular = p->b.a[k - 1] > floor && (z->m <= z->n || z->sigma > 0.0);
    REQUIRE_OUT(
        z->sigma > floor || regular, GREF_ERR_NOT_PD,
        "pigdm with sigma = %g needs an invertible A A^T: singular values of A from %.3g to %.3g",
        z->sigma, p->b.a[k - 1], p->b.a[0]);
    TRY_OUT(measure(p, gref_const(W), gref_const(z->B)));
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
    const pigdm *p = s->data;
    int k = p->b.m;
    SCOPED(gref_mat) Y = {0}, w = {0};
    TRY(gref_mat_new(&Y, k, s->z->n));
    TRY(gref_mat_new(&w, k, 1));
    for (int i = 0; i < k; i++)
        w.a[i] = p->b.a[i] / sqrt(denominator(s, t, p->b.a[i]));
    gref_mat_copy(Y, gref_const(p->VT));
    gref_mat_scale_rows(Y, gref_const(w));
    TRY(gref_syrk(Gamma, 1.0, gref_const(Y), true, 0.0));
    for (int i = 0; i < k; i++)
        w.a[i] = p->b.a[i] / denominator(s, t, p->b.a[i]) * p->Wr.a[i];
    return gref_gemv(g, 1.0, gref_const(p->VT), true, gref_const(w), 0.0);
}

static gref_status likelihood(gref_mat C, const gref_sampler *s, int t)
{
    double r2 = gref_r2_value(s->spec.convention.r2, s->schedule, t);
    TRY(gref_syrk(C, r2, gref_const(s->z->B), false, 0.0)); /* B B^T = A A^T */
    for (int i = 0; i < C.m; i++)
        GREF_AT(C, i, i) += s->z->sigma * s->z->sigma;
    return GREF_OK;
}

/*
 * Gamma = f(B^T B) with f(x) = x/(r^2 x + sigma^2), |f'| <= 1/sigma^2; g = h(B) r, and
 * |h(B + dB) - h(B)| <= 2.25 |dB|/sigma^2 from d(B^T C^-1) = dB^T C^-1 - B^T C^-1 r^2 (dB B^T + B dB^T) C^-1.
 */
static gref_guidance_errors errors(const gref_sampler *s, int t)
{
    const pigdm *p = s->data;
    const gref_modes *z = s->z;
    double s2 = z->sigma * z->sigma, r2 = gref_r2_value(s->spec.convention.r2, s->schedule, t);
    double b = z->errors.A_norm + z->errors.B, dB = z->errors.B + p->eB, trace = 0.0;
    double r = gref_norm_fro_up(gref_const(z->r));
    if (!(z->sigma > 0.0))
        return (gref_guidance_errors){INFINITY, INFINITY, INFINITY, INFINITY};
    for (int i = 0; i < p->b.m; i++)
        trace += p->b.a[i] * p->b.a[i] / denominator(s, t, p->b.a[i]);
    double largest = b * b / (r2 * b * b + s2),
           pull = fmin(b / s2, r2 > 0.0 ? 0.5 / sqrt(r2 * s2) : INFINITY);
    double round = gref_gamma_up(p->b.m + 8);
    return (gref_guidance_errors){.Gamma = largest + (2 * b + dB) * dB / s2,
                                  .dGamma = (2 * b + dB) * dB / s2 + round * trace,
                                  .g = pull * r,
                                  .dg =
                                      2.25 * dB / s2 * r + pull * z->errors.r +
                                      (round + gref_gamma_up(z->m + 8)) * sqrt(p->b.m) * pull * r};
}

const gref_method gref_method_pigdm = {
    .name = "pigdm",
    .title = "PiGDM, C_{v|t} = r_t^2 A A^T + sigma^2 I (Song et al. 2023)",
    .guided = true,
    .prepare = prepare,
    .release = release,
    .guidance = guidance,
    .likelihood = likelihood,
    .errors = errors,
};
