#include "plain.h"

#include <math.h>
#include <string.h>

#include "support.h"

gref_mat plain_identity(int n)
{
    gref_mat I = fresh(n, n);
    gref_mat_identity(I);
    return I;
}

gref_mat plain_sum(double a, gref_cmat A, double b, gref_cmat B)
{
    gref_mat C = fresh(A.m, A.n);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(C, i, j) =
                (double)((long double)a * GREF_AT(A, i, j) + (long double)b * GREF_AT(B, i, j));
    return C;
}

gref_mat plain_inverse(gref_cmat A)
{
    int n = A.n;
    long double *w = calloc((size_t)(2 * n * n), sizeof *w);
    ck_assert_ptr_nonnull(w);
#define W(i, j) w[(size_t)(i) * (size_t)(2 * n) + (size_t)(j)]
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++)
            W(i, j) = GREF_AT(A, i, j);
        W(i, n + i) = 1;
    }
    for (int k = 0; k < n; k++) {
        int p = k;
        for (int i = k + 1; i < n; i++)
            if (fabsl(W(i, k)) > fabsl(W(p, k)))
                p = i;
        ck_assert_msg(W(p, k) != 0, "plain_inverse: singular matrix");
        for (int j = 0; j < 2 * n; j++) {
            long double x = W(k, j);
            W(k, j) = W(p, j);
            W(p, j) = x;
        }
        long double pivot = W(k, k);
        for (int j = 0; j < 2 * n; j++)
            W(k, j) /= pivot;
        for (int i = 0; i < n; i++)
            if (i != k) {
                long double f = W(i, k);
                for (int j = 0; j < 2 * n; j++)
                    W(i, j) -= f * W(k, j);
            }
    }
    gref_mat X = fresh(n, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(X, i, j) = (double)W(i, n + j);
#undef W
    free(w);
    return X;
}

/* A B A^T, fresh. */
static gref_mat sandwich(gref_cmat A, gref_cmat B)
{
    gref_mat AB = plain_product(A, false, B, false);
    gref_mat C = plain_product(gref_const(AB), false, A, true);
    gref_mat_free(&AB);
    return C;
}

static double r2_of(const gref_schedule *s, gref_r2 r2, int t)
{
    double abar = s->abar[t], q = s->qbar[t];
    return r2 == GREF_R2_1_ABAR ? q : r2 == GREF_R2_1_ABAR_ABAR ? q / abar : q / (2 - abar);
}

/* C_{v|t}, THEORY (19), (21), (22). */
static gref_mat likelihood(const gref_problem *p, const gref_schedule *s,
                           const gref_sampler_spec *spec, int t, gref_cmat Sigma_t_inv)
{
    int m = p->A.m;
    gref_mat I = plain_identity(m), D = {0};
    double s2 = p->sigma * p->sigma;
    gref_mat C;
    if (strcmp(spec->name, "dps") == 0) {
        C = plain_sum(s2 / spec->convention.alpha_dps, gref_const(I), 0, gref_const(I));
    } else if (strcmp(spec->name, "pigdm") == 0) {
        D = plain_product(gref_const(p->A), false, gref_const(p->A), true);
        C = plain_sum(r2_of(s, spec->convention.r2, t), gref_const(D), s2, gref_const(I));
    } else {
        gref_mat SS = plain_product(gref_const(p->Sigma), false, Sigma_t_inv, false);
        D = sandwich(gref_const(p->A), gref_const(SS));
        C = plain_sum(s->qbar[t], gref_const(D), s2, gref_const(I));
        gref_mat_free(&SS);
    }
    gref_mat_free(&I);
    gref_mat_free(&D);
    return C;
}

/* W^T P (.), with P = C^-1 or I: the guidance's precision and its pull towards v - A mu. */
static void guidance(gref_mat *K, gref_mat *k, gref_cmat W, gref_cmat P, const gref_problem *p)
{
    gref_mat WP = plain_product(W, true, P, false);
    gref_mat Amu = plain_product(gref_const(p->A), false, gref_const(p->mu), false);
    gref_mat r = plain_sum(1, gref_const(p->v), -1, gref_const(Amu));
    *K = plain_product(gref_const(WP), false, W, false);
    *k = plain_product(gref_const(WP), false, gref_const(r), false);
    gref_mat_free(&WP);
    gref_mat_free(&Amu);
    gref_mat_free(&r);
}

/* THEORY section 6 for guidance "score", section 7 for the others: y -> M y + b. */
static void affine_step(plain_model *q, const gref_problem *p, const gref_schedule *s,
                        const gref_sampler_spec *spec, int t, gref_cmat Si, gref_cmat W,
                        gref_cmat Ci)
{
    int n = p->A.n;
    double beta = s->beta[t], ra = sqrt(s->alpha[t]), rabar = sqrt(s->abar[t]);
    const gref_convention *c = &spec->convention;
    double variance = c->variance == GREF_VARIANCE_BETA ? beta : beta * s->qbar[t - 1] / s->qbar[t];
    q->noise = t == 1 && !c->last_noise ? 0 : variance;
    gref_mat I = plain_identity(n), K = fresh(n, n), k = fresh(n, 1);
    double kappa = beta / ra;
    if (strcmp(spec->name, "ddpm") != 0) {
        gref_mat P = plain_identity(p->A.m);
        gref_mat_free(&K);
        gref_mat_free(&k);
        guidance(&K, &k, W, c->guidance == GREF_GUIDANCE_AFTER ? gref_const(P) : Ci, p);
        kappa = c->guidance == GREF_GUIDANCE_SCORE  ? beta / ra
                : c->guidance == GREF_GUIDANCE_MEAN ? variance
                                                    : 2 * c->zeta;
        gref_mat_free(&P);
    }
    /* y + beta s(y) over sqrt(alpha), then kappa times W^T P (v - A x0hat(y)), A x0hat = A mu + W(y - ..) */
    gref_mat F = plain_sum(1 / ra, gref_const(I), -beta / ra, Si);
    q->M = plain_sum(1, gref_const(F), -kappa, gref_const(K));
    gref_mat S = plain_sum(beta / ra, Si, kappa, gref_const(K));
    gref_mat Smu = plain_product(gref_const(S), false, gref_const(p->mu), false);
    q->b = plain_sum(rabar, gref_const(Smu), kappa, gref_const(k));
    gref_mat_free(&I);
    gref_mat_free(&K);
    gref_mat_free(&k);
    gref_mat_free(&F);
    gref_mat_free(&S);
    gref_mat_free(&Smu);
}

plain_model plain_model_at(const gref_problem *p, const gref_schedule *s,
                           const gref_sampler_spec *spec, int t)
{
    plain_model q = {0};
    int n = p->A.n;
    gref_mat I = plain_identity(n), k = fresh(n, 1);
    q.Sigma_t = plain_sum(s->abar[t], gref_const(p->Sigma), s->qbar[t], gref_const(I));
    gref_mat Si = plain_inverse(gref_const(q.Sigma_t));
    gref_mat SSi = plain_product(gref_const(p->Sigma), false, gref_const(Si), false);
    q.J = plain_sum(sqrt(s->abar[t]), gref_const(SSi), 0, gref_const(SSi));
    gref_mat W = plain_product(gref_const(p->A), false, gref_const(q.J), false), Ci = {0}, K = {0};
    if (strcmp(spec->name, "ddpm") == 0) {
        q.H = plain_sum(1, gref_const(Si), 0, gref_const(Si));
    } else {
        q.C = likelihood(p, s, spec, t, gref_const(Si));
        Ci = plain_inverse(gref_const(q.C));
        gref_mat_free(&k);
        guidance(&K, &k, gref_const(W), gref_const(Ci), p);
        q.H = plain_sum(1, gref_const(Si), 1, gref_const(K));
    }
    q.cov = plain_inverse(gref_const(q.H));
    gref_mat Ck = plain_product(gref_const(q.cov), false, gref_const(k), false);
    q.mean = plain_sum(sqrt(s->abar[t]), gref_const(p->mu), 1, gref_const(Ck));
    if (t >= 1)
        affine_step(&q, p, s, spec, t, gref_const(Si), gref_const(W), gref_const(Ci));
    gref_mat *all[] = {&I, &k, &Si, &SSi, &W, &Ci, &K, &Ck};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gref_mat_free(all[i]);
    return q;
}

void plain_model_free(plain_model *q)
{
    gref_mat *all[] = {&q->Sigma_t, &q->J, &q->C, &q->H, &q->M, &q->b, &q->mean, &q->cov};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gref_mat_free(all[i]);
}
