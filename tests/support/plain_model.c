#include "plain.h"

#include <math.h>
#include <string.h>

#include "support.h"

gref_mat plain_kept_sum(double a, gref_mat A, double b, gref_mat B)
{
    return plain_keep(plain_sum(a, gref_const(A), b, gref_const(B)));
}

gref_mat plain_kept_product(gref_mat A, bool trans_a, gref_mat B, bool trans_b)
{
    return plain_keep(plain_product(gref_const(A), trans_a, gref_const(B), trans_b));
}

static gref_mat copy(gref_mat A)
{
    return A.a != NULL ? plain_sum(1, gref_const(A), 0, gref_const(A)) : A;
}

/* A B A^T. */
static gref_mat sandwich(gref_mat A, gref_mat B)
{
    return plain_kept_product(plain_kept_product(A, false, B, false), false, A, true);
}

static gref_mat inverse(gref_mat A)
{
    return plain_keep(plain_inverse(gref_const(A)));
}

static double norm(gref_mat A)
{
    return gref_mat_norm_fro(gref_const(A));
}

gref_mat plain_pinv(gref_cmat A)
{
    plain_svd d = plain_svd_of(A);
    for (int i = 0; i < A.n; i++) {
        double s = d.s.a[i], f = s > 0 ? 1 / (s * s) : 0;
        for (int k = 0; k < A.n; k++)
            GREF_AT(d.V, k, i) *= f;
    }
    return plain_kept_product(d.V, false, d.AV, true);
}

int plain_next(const gref_sampler_spec *spec, int t)
{
    for (int k = 0; k + 1 < spec->n_times; k++)
        if (spec->times[k] == t)
            return spec->times[k + 1];
    return spec->n_times > 0 ? -1 : t - 1;
}

static int first(const gref_sampler_spec *spec, const gref_schedule *s)
{
    return spec->n_times > 0 ? spec->times[0] : s->T;
}

/* ---- C ---------------------------------------------------------------------------------------- */

static bool named(const plain_world *w, const char *names)
{
    const char *at = strstr(names, w->row->name);
    size_t length = strlen(w->row->name);
    while (at != NULL && !((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length])))
        at = strstr(at + 1, w->row->name);
    return at != NULL;
}

/* (1 - abar) A Sigma Sigma_t^-1 A^T. */
static gref_mat spread(const plain_world *w, double qbar, gref_mat Si)
{
    gref_mat S = sandwich(w->p->A, plain_kept_product(w->p->Sigma, false, Si, false));
    return plain_kept_sum(qbar, S, 0, S);
}

/* C_{v|t}, THEORY (19), (21), (22); of published code, whatever stands in its place. */
static gref_mat likelihood(const plain_world *w, double abar, double qbar, gref_mat Si)
{
    const gref_convention *c = &w->spec->convention;
    double s2 = w->p->sigma * w->p->sigma, r2 = 1;
    gref_mat I = plain_keep(plain_identity(w->p->A.m)), D = I;
    if (named(w, "dps"))
        return plain_kept_sum(s2 / c->alpha_dps, I, 0, I);
    if (named(w, "dps-square"))
        return plain_kept_sum(0.5 / c->alpha_dps, I, 0, I);
    if (named(w, "pigdm pigdm-weighted")) {
        D = plain_kept_product(w->p->A, false, w->p->A, true);
        if (named(w, "pigdm"))
            r2 = c->r2 == GREF_R2_1_ABAR        ? qbar
                 : c->r2 == GREF_R2_1_ABAR_ABAR ? qbar / abar
                                                : qbar / (2 - abar);
        return plain_kept_sum(r2, D, named(w, "pigdm") ? s2 : s2 / qbar, I);
    }
    ck_assert_msg(named(w, "cgdm mmps tmpd-full tmpd"), "the plain model has no C of %s",
                  w->row->name);
    D = spread(w, qbar, Si);
    for (int i = 0; i < D.m && named(w, "tmpd"); i++) { /* row sums on the diagonal */
        long double sum = 0;
        for (int j = 0; j < D.m; j++) {
            sum += GREF_AT(D, i, j);
            GREF_AT(D, i, j) = 0;
        }
        GREF_AT(D, i, i) = (double)sum;
    }
    return plain_kept_sum(1, D, s2, I);
}

static bool is_plain(const plain_world *w)
{
    return w->row->placement == GREF_PLACED_BY_CONVENTION &&
           w->spec->convention.guidance == GREF_GUIDANCE_AFTER;
}

plain_view plain_view_at(const plain_world *w, double abar, double qbar)
{
    const gref_problem *p = w->p;
    plain_view x = {.abar = abar, .qbar = qbar, .condition = 1 / qbar};
    gref_mat I = plain_keep(plain_identity(p->A.n)), B = {0};
    x.Sigma_t = plain_kept_sum(abar, p->Sigma, qbar, I);
    x.Si = inverse(x.Sigma_t);
    gref_mat SSi = plain_kept_product(p->Sigma, false, x.Si, false);
    x.J = plain_kept_sum(sqrt(abar), SSi, 0, SSi);
    x.lipschitz = norm(x.Si);
    if (!w->row->guided || w->row->project != NULL)
        return x;
    if (named(w, "pigdm-code")) {
        B = plain_pinv(gref_const(p->A));
        x.condition += norm(p->A) * norm(B);
    } else {
        x.C = likelihood(w, abar, qbar, x.Si);
        gref_mat Ci = inverse(x.C), E = plain_keep(plain_identity(p->A.m));
        B = plain_kept_product(p->A, true, is_plain(w) ? E : Ci, false);
        x.condition += is_plain(w) ? 1 : norm(x.C) * norm(Ci);
    }
    x.G = plain_kept_product(x.J, false, B, false);
    x.lipschitz += norm(x.G) * norm(plain_kept_product(p->A, false, x.J, false));
    return x;
}

/* ---- the model and its step ------------------------------------------------------------------ */

/* W^T P (.), with P = C^-1: the guidance's precision and its pull towards v - A mu. */
static void guidance(gref_mat *K, gref_mat *k, const plain_view *x, const gref_problem *p)
{
    gref_mat W = plain_kept_product(p->A, false, x->J, false);
    gref_mat WP = plain_kept_product(W, true, inverse(x->C), false);
    gref_mat r = plain_kept_sum(1, p->v, -1, plain_kept_product(p->A, false, p->mu, false));
    *K = plain_kept_product(WP, false, W, false);
    *k = plain_kept_product(WP, false, r, false);
}

static plain_world world_of(const gref_problem *p, const gref_schedule *s,
                            const gref_sampler_spec *spec)
{
    return (plain_world){p, s, spec, gref_row_find(spec->name), p->mu, p->v};
}

/* M of the images where there are no data, b from the image 0. */
static void affine_step(plain_model *q, const plain_world *w, int t)
{
    int n = w->p->A.n;
    plain_world linear = *w;
    linear.mu = plain_keep(fresh(n, 1));
    linear.v = plain_keep(fresh(w->p->A.m, 1));
    gref_mat I = plain_keep(plain_identity(n)), N = {0}, zero = linear.mu;
    q->M = copy(plain_step(&linear, I, t, &q->noise, &N, &q->size));
    q->b = copy(plain_step(w, zero, t, &q->noise, &N, &q->size));
    q->N = copy(N);
}

plain_model plain_model_at(const gref_problem *p, const gref_schedule *s,
                           const gref_sampler_spec *spec, int t)
{
    plain_world w = world_of(p, s, spec);
    plain_view x = plain_view_at(&w, s->abar[t], s->qbar[t]);
    plain_model q = {.Sigma_t = copy(x.Sigma_t), .J = copy(x.J)};
    if (gref_row_has_likelihood(w.row) || !w.row->guided) {
        gref_mat K = plain_keep(fresh(p->A.n, p->A.n)), k = plain_keep(fresh(p->A.n, 1));
        if (w.row->guided) {
            q.C = copy(x.C);
            guidance(&K, &k, &x, p);
        }
        gref_mat H = plain_kept_sum(1, x.Si, 1, K), cov = inverse(H);
        q.H = copy(H);
        q.cov = copy(cov);
        gref_mat mean = plain_kept_product(cov, false, k, false);
        q.mean = plain_sum(sqrt(s->abar[t]), gref_const(p->mu), 1, gref_const(mean));
    }
    if (plain_next(spec, t) >= 0)
        affine_step(&q, &w, t);
    plain_forget();
    return q;
}

bool plain_can_run(const gref_problem *p, const gref_schedule *s, const gref_sampler_spec *spec)
{
    plain_world w = world_of(p, s, spec);
    bool can = true;
    for (int t = first(spec, s); w.row->rows_summed && plain_next(spec, t) >= 0;
         t = plain_next(spec, t)) {
        gref_mat I = plain_keep(plain_identity(p->A.n));
        gref_mat S = plain_kept_sum(s->abar[t], p->Sigma, s->qbar[t], I);
        gref_mat C = likelihood(&w, s->abar[t], s->qbar[t], inverse(S));
        for (int i = 0; i < C.m; i++)
            can = can && GREF_AT(C, i, i) > 0;
    }
    plain_forget();
    return can;
}

void plain_model_free(plain_model *q)
{
    gref_mat *all[] = {&q->Sigma_t, &q->J, &q->C, &q->H, &q->M, &q->b, &q->N, &q->mean, &q->cov};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gref_mat_free(all[i]);
}

/* ---- other laws ------------------------------------------------------------------------------ */

void plain_exact(gref_mat *mean, gref_mat *cov, const gref_problem *p, const gref_schedule *s,
                 int t)
{
    gref_mat I = plain_keep(plain_identity(p->A.m)), E = plain_keep(plain_identity(p->A.n));
    gref_mat Ki = inverse(plain_kept_sum(1, sandwich(p->A, p->Sigma), p->sigma * p->sigma, I));
    gref_mat SA = plain_kept_product(p->Sigma, false, p->A, true);
    gref_mat post = plain_kept_sum(1, p->Sigma, -1, sandwich(SA, Ki));
    gref_mat r = plain_kept_sum(1, p->v, -1, plain_kept_product(p->A, false, p->mu, false));
    gref_mat d = plain_kept_product(SA, false, plain_kept_product(Ki, false, r, false), false);
    double root = sqrt(s->abar[t]);
    *mean = plain_sum(root, gref_const(p->mu), root, gref_const(d));
    *cov = plain_sum(s->abar[t], gref_const(post), s->qbar[t], gref_const(E));
    plain_forget();
}

/* DDRM's, a component of V at a time; divided by s_T in the code, by sqrt(1 + s_T^2) in the paper. */
static void start_ddrm(gref_mat *mean, gref_mat *cov, const plain_world *w, double s_T, bool paper)
{
    plain_svd d = plain_svd_of(gref_const(w->p->A));
    int n = w->p->A.n;
    double scale = paper ? sqrt(1 + s_T * s_T) : s_T, sigma = w->p->sigma;
    gref_mat VD = plain_kept_sum(1, d.V, 0, d.V), x = plain_keep(fresh(n, 1)),
             seen = plain_kept_product(d.AV, true, w->v, false);
    for (int i = 0; i < n; i++) {
        double s = d.s.a[i], variance = s_T * s_T;
        if (s * s_T > sigma) {
            x.a[i] = seen.a[i] / (s * s) / scale;
            variance -= sigma * sigma / (s * s);
        }
        for (int k = 0; k < n; k++)
            GREF_AT(VD, k, i) *= variance / (scale * scale);
    }
    *mean = plain_product(gref_const(d.V), false, gref_const(x), false);
    *cov = plain_product(gref_const(VD), false, gref_const(d.V), true);
}

/* N(mean, cov), each an array, one number for all, or nothing for N(0, I). */
static void start_given(gref_mat *mean, gref_mat *cov, const gref_convention *c, int n)
{
    bool constant = c->start_mean.m == 1;
    *mean = fresh(n, 1);
    *cov = plain_identity(n);
    for (int i = 0; i < n && c->start_mean.a != NULL; i++)
        mean->a[i] = c->start_mean.a[constant ? 0 : i];
    for (int i = 0; i < n * n && c->start_cov.a != NULL; i++)
        cov->a[i] = c->start_cov.m > 1 ? c->start_cov.a[i] : cov->a[i] * c->start_cov.a[0];
}

void plain_start(gref_mat *mean, gref_mat *cov, const gref_problem *p, const gref_schedule *s,
                 const gref_sampler_spec *spec)
{
    plain_world w = world_of(p, s, spec);
    gref_start start = spec->convention.start;
    int T = first(spec, s), n = p->A.n;
    gref_mat I = plain_keep(plain_identity(n));
    bool authors = start == GREF_START_AUTHORS || start == GREF_START_PAPER;
    double s_T = sqrt(s->qbar[T] / s->abar[T]);
    if (start == GREF_START_EXACT) {
        plain_exact(mean, cov, p, s, T);
    } else if (start == GREF_START_GIVEN) {
        start_given(mean, cov, &spec->convention, n);
    } else if (authors && named(&w, "ddrm")) {
        start_ddrm(mean, cov, &w, s_T, start == GREF_START_PAPER);
    } else if (authors && named(&w, "pigdm-code diffpir")) {
        gref_mat x = plain_kept_product(plain_pinv(gref_const(p->A)), false, p->v, false);
        *mean = plain_sum(sqrt(s->abar[T]), gref_const(x), 0, gref_const(x));
        *cov = plain_sum(s->qbar[T], gref_const(I), 0, gref_const(I));
    } else {
        *mean = fresh(n, 1);
        *cov =
            plain_sum(start == GREF_START_NOISE ? s->qbar[T] : 1, gref_const(I), 0, gref_const(I));
    }
    plain_forget();
}
