#include "sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plain.h"
#include "support.h"
#include "toy.h"
#include <gref/random.h>

static const int every_other[] = {SWEEP_T, 5, 2, 0}, not_to_the_end[] = {SWEEP_T - 1, 4, 1};

/* Takes a digit of base `count` off *k. */
static int digit(int *k, int count)
{
    int d = *k % count;
    *k /= count;
    return d;
}

/* How many values a switch has, by its names. */
#define COUNT(type) count_names(gref_##type##_name_of)
static int count_names(const char *(*name)(int))
{
    int count = 0;
    while (strcmp(name(count), "unknown") != 0)
        count++;
    return count;
}
#define DEFINE_NAME_OF(type)                                                                       \
    static const char *gref_##type##_name_of(int k)                                                \
    {                                                                                              \
        return gref_##type##_name((gref_##type)k);                                                 \
    }
DEFINE_NAME_OF(scheme)
DEFINE_NAME_OF(guidance)
DEFINE_NAME_OF(variance)
DEFINE_NAME_OF(start)
DEFINE_NAME_OF(r2)
DEFINE_NAME_OF(eta_on)

static int count_rows(void)
{
    int count = 0;
    while (gref_sampler_name(count) != NULL)
        count++;
    return count;
}

static void choose_times(gref_sampler_spec *spec, int which)
{
    const int *const times[] = {NULL, every_other, not_to_the_end};
    const int counts[] = {0, sizeof every_other / sizeof *every_other,
                          sizeof not_to_the_end / sizeof *not_to_the_end};
    spec->times = times[which];
    spec->n_times = counts[which];
}

/* Numbers of the conventions that are no switch, by the switches. */
static void choose_numbers(gref_convention *c, int times)
{
    static const double etas[] = {0.0, 0.6, 1.0}, variance = 0.7;
    static const double variances[SWEEP_T] = {0.01, 0.02, 0.05, 0.1, 0.05, 0.2, 0.3, 0.1};
    c->alpha_dps = 1.0 + 0.5 * (int)c->r2;
    c->zeta = 0.15;
    c->eta = etas[(times + (int)c->guidance + (int)c->r2) % 3];
    c->eta_b = c->last_noise ? 1.0 : 0.7;
    c->fraction = 0.3;
    c->variances = variances;
    c->start_cov = (gref_cmat){&variance, 1, 1, 1};
}

bool sweep_spec(gref_sampler_spec *out, int k)
{
    int row = digit(&k, count_rows());
    gref_sampler_spec spec = make_spec(gref_sampler_name(row));
    gref_convention *c = &spec.convention;
    c->guidance = (gref_guidance)digit(&k, COUNT(guidance));
    c->scheme = (gref_scheme)digit(&k, COUNT(scheme));
    int times = digit(&k, 3);
    choose_times(&spec, times);
    c->start = (gref_start)digit(&k, COUNT(start));
    c->variance = (gref_variance)digit(&k, COUNT(variance));
    c->r2 = (gref_r2)digit(&k, COUNT(r2));
    c->last_noise = digit(&k, 2) != 0;
    c->eta_on = (gref_eta_on)digit(&k, COUNT(eta_on));
    choose_numbers(c, times);
    snprintf(spec.label, sizeof spec.label, "%s.%s.%s.%s.%s.%d%d%d%d", spec.name,
             gref_scheme_name(c->scheme), gref_guidance_name(c->guidance),
             gref_variance_name(c->variance), gref_start_name(c->start), times, (int)c->r2,
             c->last_noise, (int)c->eta_on);
    *out = spec;
    return k == 0;
}

bool sweep_is_refused(const gref_sampler_spec *spec, gref_schedule_kind kind)
{
    const gref_row *row = gref_row_find(spec->name);
    const gref_convention *c = &spec->convention;
    bool vp = kind == GREF_SCHEDULE_VP, edm = kind == GREF_SCHEDULE_EDM;
    if (c->start == GREF_START_PAPER && strcmp(spec->name, "ddrm") != 0)
        return true;
    if (row->project != NULL)
        return false;
    switch (c->scheme) {
    case GREF_SCHEME_EM:
    case GREF_SCHEME_RK4:
        if (!vp)
            return true;
        break;
    case GREF_SCHEME_EULER:
    case GREF_SCHEME_HEUN:
        if (!vp && !edm)
            return true;
        break;
    case GREF_SCHEME_DDPM:
    case GREF_SCHEME_DDIM:
    case GREF_SCHEME_EI:
        break;
    }
    return row->guided && row->placement == GREF_PLACED_BY_CONVENTION &&
           c->scheme != GREF_SCHEME_DDPM && c->guidance == GREF_GUIDANCE_MEAN;
}

void sweep_schedule(gref_schedule *s, gref_schedule_kind kind)
{
    const double rate[] = {0.1, 2.0}, span[] = {0.1, 1.0};
    if (kind == GREF_SCHEDULE_DISCRETE)
        ck_ok(gref_schedule_linear(s, 0.02, 0.5, SWEEP_T));
    else if (kind == GREF_SCHEDULE_VP)
        ck_ok(gref_schedule_vp(s, rate, span, SWEEP_T));
    else
        ck_ok(gref_schedule_edm(s, 0.2, 4.0, 7.0, SWEEP_T));
}

static gref_mat normals(int m, int n, uint32_t substream, double scale)
{
    gref_mat X = fresh(m, n);
    gref_random_normal(X, 3, GREF_STREAM_TEST, substream, 0);
    for (int k = 0; k < m * n; k++)
        X.a[k] *= scale;
    return X;
}

/* X X^T of a random X of rank below n: a covariance. */
static gref_mat covariance_of(int n, uint32_t substream)
{
    gref_mat X = normals(n, n - 1, substream, 0.4);
    gref_mat C = plain_product(gref_const(X), false, gref_const(X), true);
    gref_mat_symmetrise(C);
    gref_mat_free(&X);
    return C;
}

static gref_mat noise_of(gref_noise_kind kind, int n, uint32_t substream)
{
    if (kind == GREF_NOISE_MATRIX)
        return covariance_of(n, substream);
    gref_mat N = normals(kind == GREF_NOISE_DIAGONAL ? n : 1, 1, substream, 0.3);
    for (int i = 0; i < N.m; i++)
        N.a[i] *= N.a[i];
    return N;
}

bool sweep_chain(gref_chain *out, int k, int n)
{
    gref_noise_kind kind = (gref_noise_kind)digit(&k, GREF_NOISE_MATRIX + 1);
    int steps = digit(&k, 3), start = digit(&k, 2), abar = digit(&k, 3), K = steps == 2 ? 1 : 3;
    gref_chain c = {.K = K, .n = n, .n_M = steps == 1 ? 1 : K, .n_N = steps == 1 ? 1 : K};
    if (k > 0)
        return false;
    c.noise = kind;
    c.M = calloc((size_t)K, sizeof *c.M);
    c.N = calloc((size_t)K, sizeof *c.N);
    ck_assert(c.M != NULL && c.N != NULL);
    c.b = normals(n, K, 30, 1.0);
    for (int i = 0; i < c.n_M; i++)
        c.M[i] = normals(n, n, 31 + (uint32_t)i, 0.8 / sqrt(n));
    for (int i = 0; i < c.n_N; i++)
        c.N[i] = noise_of(kind, n, 41 + (uint32_t)i);
    if (start == 1) {
        c.start_mean = normals(n, 1, 51, 2.0);
        c.start_cov = covariance_of(n, 52);
    }
    if (abar > 0) {
        c.abar = calloc((size_t)K + 1, sizeof *c.abar);
        ck_assert_ptr_nonnull(c.abar);
        for (int i = 0; i <= K; i++)
            c.abar[i] = (i + 0.25 * abar) / (K + 0.25 * abar) - (abar == 2 ? 0.1 : 0.0);
    }
    *out = c;
    return true;
}

bool sweep_world_open(sweep_world *w, int k)
{
    const struct {
        int n, m, zeros;
        double sigma;
    } sizes[] = {{5, 3, 1, 0.5}, {4, 4, 0, 0.3}, {3, 5, 1, 0.8}, {1, 1, 0, 0.4}};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    int size = k % SIZES;
    if (k >= SIZES * SWEEP_KINDS)
        return false;
    *w = (sweep_world){.p = dense_problem(sizes[size].n, sizes[size].m, 10.0, sizes[size].zeros,
                                          sizes[size].sigma, 60 + (uint64_t)size)};
    sweep_schedule(&w->s, (gref_schedule_kind)(k / SIZES));
    ck_ok(gref_modes_new(&w->z, &w->p));
    w->start_mean = normals(sizes[size].n, 1, 51, 2.0);
    w->start_cov = covariance_of(sizes[size].n, 52);
    return true;
}

void sweep_world_close(sweep_world *w)
{
    gref_modes_free(&w->z);
    gref_mat_free(&w->start_mean);
    gref_mat_free(&w->start_cov);
    gref_schedule_free(&w->s);
    gref_problem_free(&w->p);
}

static char at_hand[128];

void sweep_bound(const char *name, double err, double bound)
{
    ck_assert_msg(err <= bound, "%s of %s: error %.3g, bound %.3g", name, at_hand, err, bound);
    note_ratio(name, err, bound);
}

/* Builds the sampler in its world, whose start it takes where it is to be given one. */
static void hold(sweep_property *holds, const sweep_world *w, const gref_sampler_spec *spec)
{
    gref_sampler_spec own = *spec;
    sweep_subject x = {.w = w, .spec = &own};
    if (own.convention.start == GREF_START_GIVEN && w->p.A.n > 1) {
        own.convention.start_mean = gref_const(w->start_mean);
        own.convention.start_cov = gref_const(w->start_cov);
    }
    if (!plain_can_run(&w->p, &w->s, &own))
        return;
    ck_ok(gref_sampler_new(&x.s, &w->z, &w->s, &own));
    snprintf(at_hand, sizeof at_hand, "%s, n = %d, schedule %d", own.label, w->p.A.n, w->s.kind);
    holds(&x);
    gref_sampler_free(x.s);
}

void sweep_each(sweep_property *holds, const sweep_world *w, int first, int stride)
{
    gref_sampler_spec spec;
    for (int k = first; sweep_spec(&spec, k); k += stride)
        if (!sweep_is_refused(&spec, w->s.kind))
            hold(holds, w, &spec);
}

void sweep_each_chain(sweep_property *holds, const sweep_world *w)
{
    gref_sampler_spec spec = make_spec("affine");
    gref_chain chain = {0};
    for (int k = 0; sweep_chain(&chain, k, w->p.A.n); k++) {
        spec.chain = &chain;
        snprintf(spec.label, sizeof spec.label, "affine.%d", k);
        hold(holds, w, &spec);
        gref_chain_free(&chain);
    }
}

void sweep_literal_step(gref_mat M, gref_mat b, const gref_sampler *s, int t)
{
    int n = M.n;
    gref_mat X = fresh(n, n + 1);
    for (int i = 0; i < n; i++)
        GREF_AT(X, i, i + 1) = 1.0;
    ck_ok(gref_sampler_eval(X, s, GREF_QUANTITY_STEP, gref_const(X), t));
    gref_mat_copy(b, gref_const(gref_mat_view(X, 0, 0, n, 1)));
    gref_mat_copy(M, gref_const(gref_mat_view(X, 0, 1, n, n)));
    for (int i = 0; i < n; i++)
        gref_mat_axpy(gref_mat_view(M, 0, i, n, 1), -1.0, gref_const(b));
    gref_mat_free(&X);
}
