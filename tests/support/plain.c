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
        ck_assert_msg(strcmp(spec->name, "cgdm") == 0, "the plain model has no C of %s",
                      spec->name);
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

int plain_next(const gref_sampler_spec *spec, int t)
{
    for (int k = 0; k + 1 < spec->n_times; k++)
        if (spec->times[k] == t)
            return spec->times[k + 1];
    return spec->n_times > 0 ? -1 : t - 1;
}

/*
 * y' = p y + q s~(y): as printed for ddpm; for ddim from x0hat = (y + (1 - a) s~)/sqrt(a) and
 * eps = -sqrt(1 - a) s~, y' = sqrt(a') x0hat + sqrt(1 - a' - N) eps. `variance` is sigma_t^2 of the
 * convention.
 */
static void scheme(long double *p, long double *q, double *noise, double *variance,
                   const gref_schedule *s, const gref_convention *c, int t, int next)
{
    long double alpha = 1, a = s->abar[t], e = s->qbar[t], a2 = s->abar[next], e2 = s->qbar[next];
    for (int j = next + 1; j <= t; j++)
        alpha *= s->alpha[j];
    long double beta = 1 - alpha, tilde = beta * e2 / e;
    *variance = (double)(c->variance == GREF_VARIANCE_BETA ? beta : tilde);
    *noise = next == 0 && !c->last_noise ? 0 : *variance;
    *p = 1 / sqrtl(alpha);
    *q = beta / sqrtl(alpha);
    if (c->scheme == GREF_SCHEME_DDIM) {
        long double N = (long double)c->eta * c->eta * tilde;
        *noise = (double)N;
        *p = sqrtl(a2 / a);
        *q = sqrtl(a2 / a) * e - sqrtl(e2 > N ? e2 - N : 0) * sqrtl(e);
    }
}

/* THEORY sections 6 and 7: y -> M y + b, to the next visited time. */
static void affine_step(plain_model *q, const gref_problem *p, const gref_schedule *s,
                        const gref_sampler_spec *spec, int t, gref_cmat Si, gref_cmat W,
                        gref_cmat Ci)
{
    int n = p->A.n;
    const gref_convention *c = &spec->convention;
    long double keep, pull;
    double variance;
    scheme(&keep, &pull, &q->noise, &variance, s, c, t, plain_next(spec, t));
    q->keep = (double)keep;
    gref_mat I = plain_identity(n), K = fresh(n, n), k = fresh(n, 1);
    if (Ci.a != NULL) {
        gref_mat P = plain_identity(p->A.m);
        gref_mat_free(&K);
        gref_mat_free(&k);
        guidance(&K, &k, W, c->guidance == GREF_GUIDANCE_AFTER ? gref_const(P) : Ci, p);
        q->kappa = c->guidance == GREF_GUIDANCE_SCORE  ? (double)pull
                   : c->guidance == GREF_GUIDANCE_MEAN ? variance
                                                       : 2 * c->zeta;
        gref_mat_free(&P);
    }
    /* p y + q s(y), then kappa times W^T P (v - A x0hat(y)), A x0hat = A mu + W (y - ..) */
    gref_mat F = plain_sum((double)keep, gref_const(I), -(double)pull, Si);
    q->M = plain_sum(1, gref_const(F), -q->kappa, gref_const(K));
    gref_mat S = plain_sum((double)pull, Si, q->kappa, gref_const(K));
    gref_mat Smu = plain_product(gref_const(S), false, gref_const(p->mu), false);
    q->b = plain_sum(sqrt(s->abar[t]), gref_const(Smu), q->kappa, gref_const(k));
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
    if (plain_next(spec, t) >= 0)
        affine_step(&q, p, s, spec, t, gref_const(Si), gref_const(W), gref_const(Ci));
    gref_mat *all[] = {&I, &k, &Si, &SSi, &W, &Ci, &K, &Ck};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gref_mat_free(all[i]);
    return q;
}

void plain_exact(gref_mat *mean, gref_mat *cov, const gref_problem *p, const gref_schedule *s,
                 int t)
{
    gref_mat I = plain_identity(p->A.m), E = plain_identity(p->A.n);
    gref_mat ASA = sandwich(gref_const(p->A), gref_const(p->Sigma));
    gref_mat K = plain_sum(1, gref_const(ASA), p->sigma * p->sigma, gref_const(I));
    gref_mat Ki = plain_inverse(gref_const(K));
    gref_mat SA = plain_product(gref_const(p->Sigma), false, gref_const(p->A), true);
    gref_mat drop = sandwich(gref_const(SA), gref_const(Ki));
    gref_mat post = plain_sum(1, gref_const(p->Sigma), -1, gref_const(drop));
    gref_mat Amu = plain_product(gref_const(p->A), false, gref_const(p->mu), false);
    gref_mat r = plain_sum(1, gref_const(p->v), -1, gref_const(Amu));
    gref_mat Kr = plain_product(gref_const(Ki), false, gref_const(r), false);
    gref_mat d = plain_product(gref_const(SA), false, gref_const(Kr), false);
    *mean = plain_sum(sqrt(s->abar[t]), gref_const(p->mu), sqrt(s->abar[t]), gref_const(d));
    *cov = plain_sum(s->abar[t], gref_const(post), s->qbar[t], gref_const(E));
    gref_mat *all[] = {&I, &E, &ASA, &K, &Ki, &SA, &drop, &post, &Amu, &r, &Kr, &d};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gref_mat_free(all[i]);
}

void plain_model_free(plain_model *q)
{
    gref_mat *all[] = {&q->Sigma_t, &q->J, &q->C, &q->H, &q->M, &q->b, &q->mean, &q->cov};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gref_mat_free(all[i]);
}
