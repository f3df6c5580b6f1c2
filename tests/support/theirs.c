#include "theirs.h"

#include <math.h>
#include <string.h>

#include "plain.h"
#include "support.h"
#include "verify/internal.h"
#include <gref/psd.h>

/* The sampler: the problem as they see it, and what is wrong. */
typedef struct {
    const gref_truth *t;
    const char *names[2];
    char method[32];
    gref_problem p;
    gref_convention c;
    int n, m, T;
} their;

static bool is(const their *q, const char *name)
{
    return (q->names[0] != NULL && strcmp(q->names[0], name) == 0) ||
           (q->names[1] != NULL && strcmp(q->names[1], name) == 0);
}

/* Row-major index k of a rows x cols image, flattened by columns. */
static int by_columns(const gref_problem *p, int k)
{
    return k % p->cols * p->rows + k / p->cols;
}

static void permute_columns(gref_mat A, const gref_problem *p)
{
    gref_mat B = fresh(A.m, A.n);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(B, i, by_columns(p, j)) = GREF_AT(A, i, j);
    gref_mat_copy(A, gref_const(B));
    gref_mat_free(&B);
}

static void permute_rows(gref_mat A, const gref_problem *p)
{
    gref_mat B = fresh(A.m, A.n);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(B, by_columns(p, i), j) = GREF_AT(A, i, j);
    gref_mat_copy(A, gref_const(B));
    gref_mat_free(&B);
}

static gref_mat copy_of(gref_mat A)
{
    gref_mat B = fresh(A.m, A.n);
    gref_mat_copy(B, gref_const(A));
    return B;
}

static void bend_problem(their *q)
{
    static const struct {
        const char *name;
        double factor;
    } sigmas[] = {{"sigma-x2", 2},         {"sigma-half", 0.5},
                  {"sigma-x255", 255},     {"sigma-over-255", 1 / 255.0},
                  {"sigma-x127.5", 127.5}, {"sigma-over-127.5", 1 / 127.5}};
    const gref_problem *g = &q->t->problem;
    q->p = (gref_problem){.Sigma = copy_of(g->Sigma),
                          .mu = copy_of(g->mu),
                          .A = copy_of(g->A),
                          .v = copy_of(g->v),
                          .sigma = g->sigma,
                          .rows = g->rows,
                          .cols = g->cols};
    for (int k = 0; k < 6; k++)
        if (is(q, sigmas[k].name))
            q->p.sigma *= sigmas[k].factor;
    if (is(q, "kernel-flipped"))
        for (int j = 0; j < q->n; j++)
            for (int i = 0; i < q->m; i++)
                GREF_AT(q->p.A, i, j) = GREF_AT(g->A, q->m - 1 - i, q->n - 1 - j);
    if (is(q, "A-column-major"))
        permute_columns(q->p.A, g);
    if (is(q, "column-major")) {
        permute_columns(q->p.A, g);
        permute_columns(q->p.Sigma, g);
        permute_rows(q->p.Sigma, g);
        permute_rows(q->p.mu, g);
    }
}

static void bend_convention(their *q)
{
    const struct {
        const char *name;
        int *where, value;
    } list[] = {{"guidance-score", (int *)&q->c.guidance, GREF_GUIDANCE_SCORE},
                {"guidance-mean", (int *)&q->c.guidance, GREF_GUIDANCE_MEAN},
                {"guidance-after", (int *)&q->c.guidance, GREF_GUIDANCE_AFTER},
                {"variance-beta", (int *)&q->c.variance, GREF_VARIANCE_BETA},
                {"variance-beta-tilde", (int *)&q->c.variance, GREF_VARIANCE_BETA_TILDE},
                {"r2-1-abar", (int *)&q->c.r2, GREF_R2_1_ABAR},
                {"r2-abar", (int *)&q->c.r2, GREF_R2_1_ABAR_ABAR},
                {"r2-2-abar", (int *)&q->c.r2, GREF_R2_1_ABAR_2_ABAR},
                {"start-exact", (int *)&q->c.start, GREF_START_EXACT},
                {"start-standard", (int *)&q->c.start, GREF_START_STANDARD}};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        if (is(q, list[k].name))
            *list[k].where = list[k].value;
    q->c.last_noise =
        is(q, "last-noise-added") || (q->c.last_noise && !is(q, "last-noise-left-out"));
    const char *const models[] = {"dps", "pigdm", "cgdm"};
    for (int k = 0; k < 3; k++) {
        char name[32];
        snprintf(name, sizeof name, "likelihood-%s", models[k]);
        if (is(q, name))
            snprintf(q->method, sizeof q->method, "%s", models[k]);
    }
    if (is(q, "guidance-after"))
        q->c.zeta = THEIR_ZETA;
}

/* Everything at one t. */
typedef struct {
    double beta, alpha, a, before, root, kappa, N;
    gref_mat S, c, J, C, P, At,
        pull; /* score(x) = S (x - c), x0hat = J (x - c) + e, pull = J^T At P (P or I) */
    gref_mat pull_step, e;
} moment;

static double at_t(const double *x, int t, int lo, int T)
{
    return x[t < lo ? lo : t > T ? T : t];
}

static void scalars(moment *k, const their *q, int t)
{
    const gref_schedule *s = &q->t->schedule;
    int all = is(q, "t-late") - is(q, "t-early"),
        sb = all + is(q, "beta-late") - is(q, "beta-early");
    int sa = all + is(q, "abar-late") - is(q, "abar-early");
    k->beta = at_t(s->beta, t + sb, 1, q->T);
    k->alpha = 1 - k->beta;
    k->a = at_t(s->abar, t + sa, 0, q->T);
    k->before = at_t(s->abar, t - 1 + sa, 0, q->T);
    k->root = is(q, "step-abar")       ? sqrt(k->a)
              : is(q, "step-unscaled") ? 1
              : is(q, "step-alpha")    ? k->alpha
                                       : sqrt(k->alpha);
    double tilde = k->a < 1 ? k->beta * (1 - k->before) / (1 - k->a) : 0;
    double variance = q->c.variance == GREF_VARIANCE_BETA ? k->beta : tilde;
    k->kappa = q->c.guidance == GREF_GUIDANCE_MEAN    ? variance
               : q->c.guidance == GREF_GUIDANCE_AFTER ? 2 * q->c.zeta
               : is(q, "guidance-unscaled")           ? k->beta
                                                      : k->beta / k->root;
    k->N = is(q, "noise-variance-for-std") ? variance * variance : variance;
    k->N *= is(q, "noise-x2")           ? 4
            : is(q, "noise-half")       ? 0.25
            : is(q, "noise-sqrt2")      ? 2
            : is(q, "noise-over-sqrt2") ? 0.5
                                        : 1;
    if (is(q, "no-noise") || (t == 1 && !q->c.last_noise))
        k->N = 0;
}

static double guidance_factor(const their *q, const moment *k)
{
    double f = 1;
    f *= is(q, "no-guidance") ? 0 : is(q, "guidance-sign") ? -1 : is(q, "guidance-x2") ? 2 : 1;
    f *= is(q, "guidance-half")         ? 0.5
         : is(q, "guidance-sqrt2")      ? sqrt(2)
         : is(q, "guidance-over-sqrt2") ? sqrt(0.5)
                                        : 1;
    f *= is(q, "guidance-over-sigma") ? 1 / q->t->problem.sigma : 1;
    f *= is(q, "guidance-sqrt-abar")        ? sqrt(k->a)
         : is(q, "guidance-sqrt-abar-abar") ? sqrt(k->a * k->before)
                                            : 1;
    return f;
}

static gref_mat scaled(double a, gref_mat A)
{
    return plain_sum(a, gref_const(A), 0, gref_const(A));
}

static gref_mat likelihood(const their *q, const moment *k)
{
    double s = q->p.sigma, r2 = 1 - k->a;
    double s2 = is(q, "sigma-not-squared") ? s
                : is(q, "sigma-unused")    ? 1
                : is(q, "sigma-fourth")    ? s * s * s * s
                                           : s * s;
    r2 = q->c.r2 == GREF_R2_1_ABAR_ABAR     ? r2 / k->a
         : q->c.r2 == GREF_R2_1_ABAR_2_ABAR ? r2 / (2 - k->a)
                                            : r2;
    r2 = is(q, "r2-not-squared") ? sqrt(r2) : is(q, "r2-beta") ? k->beta : r2;
    gref_mat I = plain_identity(q->m), C;
    if (strcmp(q->method, "dps") == 0) {
        C = scaled(s2 / q->c.alpha_dps, I);
    } else {
        gref_mat In = plain_identity(q->n);
        gref_mat St = plain_sum(k->a, gref_const(q->p.Sigma), 1 - k->a, gref_const(In));
        gref_mat Si = plain_inverse(gref_const(St)),
                 SS = plain_product(gref_const(q->p.Sigma), false, gref_const(Si), false);
        gref_mat B = strcmp(q->method, "cgdm") == 0 ? SS : In;
        gref_mat AB = plain_product(gref_const(q->p.A), false, gref_const(B), false);
        gref_mat G = plain_product(gref_const(AB), false, gref_const(q->p.A), true);
        C = plain_sum(strcmp(q->method, "cgdm") == 0 ? 1 - k->a : r2, gref_const(G), s2,
                      gref_const(I));
        gref_mat *all[] = {&In, &St, &Si, &SS, &AB, &G};
        for (int i = 0; i < 6; i++)
            gref_mat_free(all[i]);
    }
    gref_mat_free(&I);
    return C;
}

static moment moment_at(const their *q, int t)
{
    moment k = {0};
    scalars(&k, q, t);
    double as = is(q, "score-alpha") ? k.alpha : k.a, ad = is(q, "denoiser-alpha") ? k.alpha : k.a;
    double f = (is(q, "score-sign") ? -1 : 1) * (is(q, "score-eps") ? sqrt(1 - k.a) : 1);
    double div = is(q, "denoiser-abar") ? ad : is(q, "denoiser-unscaled") ? 1 : sqrt(ad);
    gref_mat I = plain_identity(q->n),
             St = plain_sum(as, gref_const(q->p.Sigma), 1 - as, gref_const(I));
    gref_mat Si = plain_inverse(gref_const(St));
    k.S = scaled(-f, Si);
    k.c = scaled(sqrt(as), q->p.mu);
    k.J = plain_sum(1 / div, gref_const(I), (1 - ad) / div, gref_const(k.S));
    k.e = scaled(1 / div, k.c);
    k.C = likelihood(q, &k);
    k.P = plain_inverse(gref_const(k.C));
    k.At = fresh(q->n, q->m);
    if (is(q, "A-for-AT"))
        gref_mat_copy(k.At, gref_const(q->p.A));
    else
        gref_mat_transpose(k.At, gref_const(q->p.A));
    gref_mat JA = plain_product(gref_const(k.J), true, gref_const(k.At), false);
    gref_mat pull = plain_product(gref_const(JA), false, gref_const(k.P), false);
    double factor = guidance_factor(q, &k);
    k.pull = scaled(factor, pull);
    k.pull_step = q->c.guidance == GREF_GUIDANCE_AFTER ? scaled(factor, JA) : scaled(factor, pull);
    gref_mat *all[] = {&I, &St, &Si, &JA, &pull};
    for (int i = 0; i < 5; i++)
        gref_mat_free(all[i]);
    return k;
}

static void moment_free(moment *k)
{
    gref_mat *all[] = {&k->S, &k->c, &k->J, &k->C, &k->P, &k->At, &k->pull, &k->pull_step, &k->e};
    for (int i = 0; i < 9; i++)
        gref_mat_free(all[i]);
}

/* score, x0hat, guidance with the given pull, of one x. */
static void functions(gref_mat score, gref_mat x0hat, gref_mat guide, const their *q,
                      const moment *k, gref_mat pull, gref_mat x)
{
    gref_mat d = plain_sum(1, gref_const(x), -1, gref_const(k->c));
    gref_mat s = plain_product(gref_const(k->S), false, gref_const(d), false);
    gref_mat Jd = plain_product(gref_const(k->J), false, gref_const(d), false);
    gref_mat h = plain_sum(1, gref_const(Jd), 1, gref_const(k->e));
    gref_mat Ah = plain_product(gref_const(q->p.A), false, gref_const(h), false);
    gref_mat r = plain_sum(1, gref_const(q->p.v), -1, gref_const(Ah));
    double norm = is(q, "norm-for-square") ? gref_mat_norm_fro(gref_const(r)) : 1;
    gref_mat g = plain_product(gref_const(pull), false, gref_const(r), false);
    gref_mat_copy(score, gref_const(s));
    gref_mat_copy(x0hat, gref_const(h));
    gref_mat_fill(guide, 0);
    gref_mat_axpy(guide, 1 / norm, gref_const(g));
    gref_mat *all[] = {&d, &s, &Jd, &h, &Ah, &r, &g};
    for (int i = 0; i < 7; i++)
        gref_mat_free(all[i]);
}

/* x becomes the mean of the next one. */
static void step(gref_mat x, const their *q, const moment *k)
{
    gref_mat s = fresh(q->n, 1), h = fresh(q->n, 1), g = fresh(q->n, 1);
    functions(s, h, g, q, k, k->pull_step, x);
    for (int i = 0; i < q->n; i++)
        x.a[i] = (x.a[i] + k->beta * s.a[i]) / k->root + k->kappa * g.a[i];
    gref_mat_free(&s);
    gref_mat_free(&h);
    gref_mat_free(&g);
}

/* M = (I + beta S)/root - kappa pull A J */
static gref_mat step_matrix(const their *q, const moment *k)
{
    gref_mat I = plain_identity(q->n),
             F = plain_sum(1 / k->root, gref_const(I), k->beta / k->root, gref_const(k->S));
    gref_mat AJ = plain_product(gref_const(q->p.A), false, gref_const(k->J), false);
    gref_mat K = plain_product(gref_const(k->pull_step), false, gref_const(AJ), false);
    gref_mat M = plain_sum(1, gref_const(F), -k->kappa, gref_const(K));
    gref_mat *all[] = {&I, &F, &AJ, &K};
    for (int i = 0; i < 4; i++)
        gref_mat_free(all[i]);
    return M;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

typedef struct {
    gref_arrays *out;
    const gref_truth *t;
    const char *const *whats;
    bool single;
} shelf;

static void put(shelf *f, const char *what, int t, gref_mat A)
{
    bool wanted = false,
         alone = strcmp(what, "score") == 0 || strcmp(what, "x0hat") == 0 || strcmp(what, "A") == 0;
    for (int k = 0; f->whats[k] != NULL; k++)
        wanted = wanted || strcmp(f->whats[k], what) == 0;
    const gref_array *g = gref_truth_at(f->t, alone ? NULL : f->t->samplers[0].label, what, t);
    if (!wanted || g == NULL)
        return;
    gref_mat B = copy_of(A);
    for (int k = 0; f->single && k < B.m * B.n; k++)
        B.a[k] = (float)B.a[k];
    ck_ok(gref_arrays_add(f->out, g->name, gref_const(B), g->ndim));
    gref_mat_free(&B);
}

static void put_functions(shelf *f, const their *q, const moment *k, int t)
{
    const gref_array *probe = gref_truth_at(f->t, NULL, "probe", t);
    int K = probe == NULL ? 0 : probe->A.m;
    gref_mat S = fresh(K, q->n), H = fresh(K, q->n), G = fresh(K, q->n);
    gref_mat x = fresh(q->n, 1), s = fresh(q->n, 1), h = fresh(q->n, 1), g = fresh(q->n, 1);
    for (int p = 0; p < K; p++) {
        for (int i = 0; i < q->n; i++)
            x.a[i] = GREF_AT(probe->A, p, i);
        functions(s, h, g, q, k, k->pull, x);
        for (int i = 0; i < q->n; i++) {
            GREF_AT(S, p, i) = s.a[i];
            GREF_AT(H, p, i) = h.a[i];
            GREF_AT(G, p, i) = s.a[i] + g.a[i];
        }
    }
    put(f, "score", t, S);
    put(f, "x0hat", t, H);
    put(f, "guided_score", t, G);
    put(f, "C_vt", t, k->C);
    gref_mat *all[] = {&S, &H, &G, &x, &s, &h, &g};
    for (int i = 0; i < 7; i++)
        gref_mat_free(all[i]);
}

static void put_step(shelf *f, const their *q, const moment *k, int t)
{
    gref_mat M = step_matrix(q, k), b = fresh(q->n, 1), N = fresh(1, 1);
    step(b, q, k);
    N.a[0] = is(q, "N-as-std") ? sqrt(k->N) : k->N;
    put(f, "M", t, M);
    put(f, "b", t, b);
    put(f, "N", t, N);
    gref_mat_free(&M);
    gref_mat_free(&b);
    gref_mat_free(&N);
}

static void put_law(shelf *f, const their *q, int t, gref_mat mean, gref_mat P)
{
    gref_mat C = copy_of(P);
    if (is(q, "cov-as-root"))
        ck_ok(gref_psd_sqrt(C, gref_const(P), "P"));
    if (is(q, "cov-over-N"))
        gref_mat_axpy(C, -1.0 / THEIR_N, gref_const(P));
    put(f, "mean", t, mean);
    put(f, "cov", t, C);
    gref_mat_free(&C);
}

static void start_law(gref_mat mean, gref_mat P, const their *q)
{
    double a = q->t->schedule.abar[q->T];
    gref_mat_identity(P);
    if (q->c.start == GREF_START_STANDARD)
        return;
    const gref_problem *p = &q->t->problem; /* the exact law is not theirs to bend */
    gref_mat I = plain_identity(q->n);
    ck_ok(gref_posterior(mean, P, gref_const(p->Sigma), gref_const(p->mu), gref_const(p->A),
                         p->sigma, gref_const(p->v)));
    for (int i = 0; i < q->n; i++) {
        mean.a[i] *= sqrt(a);
        for (int j = 0; j < q->n; j++)
            GREF_AT(P, i, j) = a * GREF_AT(P, i, j) + (1 - a) * GREF_AT(I, i, j);
    }
    gref_mat_free(&I);
}

/* P <- M P M^T + N I */
static void advance(gref_mat P, gref_mat M, double N)
{
    gref_mat MP = plain_product(gref_const(M), false, gref_const(P), false);
    gref_mat Q = plain_product(gref_const(MP), false, gref_const(M), true);
    for (int i = 0; i < P.m; i++)
        GREF_AT(Q, i, i) += N;
    gref_mat_symmetrise(Q);
    gref_mat_copy(P, gref_const(Q));
    gref_mat_free(&MP);
    gref_mat_free(&Q);
}

static void run_chain(shelf *f, const their *q)
{
    gref_mat mean = fresh(q->n, 1), P = fresh(q->n, q->n);
    const gref_array *z = gref_arrays_find(&f->t->arrays, "z"),
                     *y_T = gref_arrays_find(&f->t->arrays, "y_T");
    gref_mat y = copy_of(y_T->A);
    bool affine = !is(q, "norm-for-square");
    start_law(mean, P, q);
    for (int t = q->T; t >= 0; t--) {
        put(f, "y", t, y);
        if (affine)
            put_law(f, q, t, mean, P);
        if (t == 0)
            break;
        moment k = moment_at(q, t);
        gref_mat M = step_matrix(q, &k);
        put_functions(f, q, &k, t);
        if (affine)
            put_step(f, q, &k, t);
        step(mean, q, &k);
        step(y, q, &k);
        for (int i = 0; i < q->n; i++)
            y.a[i] += sqrt(k.N) * GREF_AT(z->A, q->T - t, i);
        advance(P, M, k.N);
        gref_mat_free(&M);
        moment_free(&k);
    }
    gref_mat_free(&mean);
    gref_mat_free(&P);
    gref_mat_free(&y);
}

bool their_arrays(gref_arrays *out, const gref_truth *t, const char *const *whats, const char *a,
                  const char *b)
{
    their q = {.t = t,
               .names = {a, b},
               .c = t->samplers[0].convention,
               .n = t->problem.A.n,
               .m = t->problem.A.m,
               .T = t->schedule.T};
    shelf f = {out, t, whats, is(&q, "float32")};
    *out = (gref_arrays){0};
    if (is(&q, "A-for-AT") && q.n != q.m)
        return false;
    snprintf(q.method, sizeof q.method, "%s", t->samplers[0].name);
    bend_problem(&q);
    bend_convention(&q);
    run_chain(&f, &q);
    put(&f, "A", -1, q.p.A);
    for (int k = 0; k < t->arrays.n; k++) { /* W2 is theirs only as a report */
        gref_name part;
        gref_name_parse(&part, t->arrays.item[k].name);
        gref_mat w = copy_of(t->arrays.item[k].A);
        for (int i = 0; strcmp(part.what, "w2") == 0 && is(&q, "w2-squared") && i < w.m; i++)
            w.a[i] *= w.a[i];
        if (strcmp(part.what, "w2") == 0)
            put(&f, "w2", part.t, w);
        gref_mat_free(&w);
    }
    gref_problem_free(&q.p);
    return true;
}
