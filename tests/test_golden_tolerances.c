/*
 * The tolerance, condition and grid of every golden array, held against another evaluation of what
 * its `basis` says. Sizes are those that test_golden_sizes.c holds by pencil; the errors of the
 * laws are carried from step to step here once more. An array without a rule here fails.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "diffusion/internal.h"
#include "support.h"
#include "sweep.h"
#include "toy.h"
#include "verify/golden_parts.h"

enum { T = 7, TIMES = 4, SAMPLERS = 7, MOST = 400 };
static const int at[TIMES] = {T, 5, 1, 0};

typedef struct {
    char name[160];
    double tolerance, condition, grid;
    gref_mat A;
    bool seen;
} entry;

typedef struct {
    gref_problem p;
    gref_modes z;
    gref_schedule schedule;
    gref_sampler_spec specs[SAMPLERS];
    gref_chain chains[2];
    gref_golden_inputs in;
    gref_golden_scale c;
    entry all[MOST];
    int count;
} world;

static gref_status keep(void *context, const gref_golden_entry *e)
{
    world *w = context;
    entry *to = &w->all[w->count++];
    ck_assert_int_lt(w->count, MOST);
    *to = (entry){.tolerance = e->tolerance,
                  .condition = e->condition,
                  .grid = e->grid,
                  .A = fresh(e->A.m, e->A.n)};
    gref_golden_name(to->name, e);
    gref_mat_copy(to->A, e->A);
    return GREF_OK;
}

/* Every guidance, scheme and start: pigdm, cgdm from the exact start, dps after the step, ddim over
 * jumps, no guidance, and two chains of the user's. */
static void world_open(world *w)
{
    const char *names[SAMPLERS] = {"pigdm", "cgdm", "dps", "cgdm", "ddpm", "affine", "affine"};
    gref_golden_fate fates[SAMPLERS];
    *w = (world){.p = diagonal_problem()};
    w->p.x0 = fresh(3, 1);
    ck_ok(gref_modes_new(&w->z, &w->p));
    ck_ok(gref_schedule_linear(&w->schedule, 0.1, 0.2, T));
    ck_ok(gref_golden_scale_of(&w->c, &w->z, &w->p));
    for (int k = 0; k < SAMPLERS; k++) {
        w->specs[k] = make_spec(names[k]);
        snprintf(w->specs[k].label, sizeof w->specs[k].label, "s%d", k);
    }
    w->specs[1].convention.start = GREF_START_EXACT;
    w->specs[2].convention.guidance = GREF_GUIDANCE_AFTER;
    w->specs[2].convention.zeta = 0.05;
    w->specs[3].convention.scheme = GREF_SCHEME_DDIM;
    w->specs[3].convention.eta = 0.5;
    w->specs[3].times = at;
    w->specs[3].n_times = TIMES;
    for (int k = 0; k < 2; k++) {
        ck_assert(sweep_chain(&w->chains[k], 27 + k, 3));
        w->specs[5 + k].chain = &w->chains[k];
    }
    w->in = (gref_golden_inputs){
        .problem = &w->p, .schedule = &w->schedule, .specs = w->specs, .n_samplers = SAMPLERS};
    ck_ok(gref_golden_inputs_draw(&w->in, at, TIMES));
    ck_ok(gref_golden_compute(fates, &w->in, keep, w));
}

static void world_close(world *w)
{
    for (int k = 0; k < w->count; k++)
        gref_mat_free(&w->all[k].A);
    for (int k = 0; k < 2; k++)
        gref_chain_free(&w->chains[k]);
    gref_golden_inputs_free(&w->in);
    gref_schedule_free(&w->schedule);
    gref_modes_free(&w->z);
    gref_problem_free(&w->p);
}

static double fro(gref_mat A)
{
    return gref_mat_norm_fro(gref_const(A));
}

static double largest(gref_mat A)
{
    return gref_mat_norm_max(gref_const(A));
}

static double power_of_two_below(double x)
{
    return x > 0 ? exp2(floor(log2(x))) : 0;
}

enum { GIVEN = -1 }; /* stored as it is */

static entry *find(world *w, const char *label, const char *what, int t)
{
    char name[160];
    gref_golden_entry named = {.label = label, .what = what, .t = t};
    gref_golden_name(name, &named);
    for (int k = 0; k < w->count; k++)
        if (strcmp(w->all[k].name, name) == 0)
            return &w->all[k];
    ck_abort_msg("no array %s", name);
}

/* Marks the array; grid 0: 1/64 of the tolerance. */
static gref_mat expect(world *w, const char *label, const char *what, int t, double tolerance,
                       double condition, double grid)
{
    entry *e = find(w, label, what, t);
    ck_assert_same(e->name, e->tolerance, tolerance);
    ck_assert_same(e->name, e->condition, condition);
    ck_assert_same(e->name, e->grid,
                   grid == GIVEN ? 0 : power_of_two_below(grid > 0 ? grid : e->tolerance / 64));
    e->seen = true;
    return e->A;
}

/* Errors of a jump's and of a step's noise; t to `next`. */
static double noise_error(const world *w, double N, int t, int next)
{
    double q = w->schedule.qbar[next], terms = 1 / w->schedule.qbar[t] + (q > 0 ? 1 / q : 0);
    if (next < t - 1)
        terms += 1 / (1 - w->schedule.abar[t] / w->schedule.abar[next]);
    return N * EPS * (4 + 8 * sqrt(t) * terms);
}

static void expect_sigma2(world *w, const gref_sampler *s, const char *label, const char *what)
{
    double most = 0;
    for (int t = gref_sampler_first(s); t > gref_sampler_last(s); t = gref_sampler_next(s, t))
        most = fmax(most, noise_error(w, gref_step_noise(s, t), t, gref_sampler_next(s, t)));
    expect(w, label, what, -1, most, 1 / w->schedule.qbar[1], GIVEN);
}

/* x0 = mu + Sigma^1/2 xi from the least eigenvalue, 0.01. */
static void expect_inputs(world *w, const gref_sampler *first)
{
    double nu = w->c.nu, drawn = nu * (fro(w->p.mu) + 3 / sqrt(0.01) * sqrt(3));
    expect(w, "", "Sigma", -1, nu * 3, 1, GIVEN);
    expect(w, "", "A", -1, nu * 1.5, 1, GIVEN);
    expect(w, "", "mu", -1, nu * largest(w->p.mu), 1, GIVEN);
    expect(w, "", "v", -1, 1.5 * drawn + nu * fro(w->p.v), 1, GIVEN);
    expect(w, "", "sigma", -1, 0, 1, GIVEN);
    expect(w, "", "x0", -1, drawn, 1, GIVEN);
    expect(w, "", "schedule/beta", -1, 4 * EPS, 1, GIVEN);
    expect(w, "", "schedule/alpha", -1, 4 * EPS, 1, GIVEN);
    gref_mat abar = expect(w, "", "schedule/abar", -1, 8 * sqrt(T) * EPS, 1, GIVEN);
    ck_assert(abar.m == T + 1 && abar.a[T] == w->schedule.abar[T]);
    expect_sigma2(w, first, "", "schedule/sigma2");
    expect(w, "", "z", -1, 64 * EPS, 1, GIVEN);
    expect(w, "", "y_T", -1, 64 * EPS, 1, GIVEN);
    for (int k = 0; k < TIMES - 1; k++) {
        gref_golden_sizes z;
        gref_golden_prior_sizes(&z, &w->c, &w->schedule, at[k]);
        gref_mat X =
            expect(w, "", "probe", at[k], z.tick * largest(w->in.probes[k]) + drawn, 1, GIVEN);
        double score = 0, x0hat = 0;
        for (int i = 0; i < X.m; i++) {
            double x2 = 0, s2 = 0;
            for (int j = 0; j < 3; j++) { /* Sigma_t is diagonal */
                double x = GREF_AT(X, i, j), d = x - z.root * w->p.mu.a[j];
                x2 += x * x;
                s2 += pow(d / (z.abar * GREF_AT(w->p.Sigma, j, j) + z.q), 2);
            }
            score = fmax(score, gref_golden_score_error(&z, &w->c, sqrt(x2), sqrt(s2)));
            x0hat = fmax(x0hat, gref_golden_x0hat_error(&z, &w->c, sqrt(x2), sqrt(s2)));
        }
        expect(w, "", "score", at[k], score, z.kappa_s, 0);
        expect(w, "", "x0hat", at[k], x0hat, z.kappa_s, 0);
    }
}

/* ---- laws ------------------------------------------------------------------------------------ */

/* A mean and its covariance, which is diagonal but for a chain's. */
static void expect_law(world *w, const char *label, const char *prefix, int t, double of_mean,
                       double of_cov, double condition, double *variance)
{
    char mean[32], cov[32];
    snprintf(mean, sizeof mean, "%smean", prefix);
    snprintf(cov, sizeof cov, "%scov", prefix);
    gref_mat m = find(w, label, mean, t)->A, C = find(w, label, cov, t)->A;
    double most = 0;
    for (int i = 0; i < C.m; i++)
        most = fmax(most, GREF_AT(C, i, i));
    if (variance != NULL) {
        of_cov += 2 * *variance * sqrt(most) + 4 * w->c.omega * most;
        condition = 1 + of_cov / (w->c.nu * most);
        *variance = most;
    }
    expect(w, label, mean, t, of_mean + 8 * EPS * (fro(m) + w->c.mu_post), condition, 0);
    expect(w, label, cov, t, of_cov, condition, sqrt(3) / 4 * EPS * most);
}

static void target_errors(double *mean, double *cov, const world *w, double abar, double q)
{
    const gref_golden_scale *c = &w->c;
    *mean = c->nu * c->K_max / c->K_min * sqrt(3 / c->K_min) * c->r * sqrt(abar);
    *cov = 4 * c->omega * (abar * (c->K * 3 / c->K_min + fro(w->p.Sigma)) + q);
}

typedef struct {
    double mean, w2, cov, last;
} errors;

static void expect_laws_at(world *w, const gref_sampler *s, const gref_marginal *law,
                           const errors *e)
{
    const gref_golden_scale *c = &w->c;
    const char *label = s->spec.label;
    int t = gref_marginal_t(law);
    double abar = s->schedule->abar[t], q = s->schedule->qbar[t], mean, cov, spread = e->w2;
    gref_golden_sizes z;
    if (gref_sampler_has_model(s)) {
        ck_ok(gref_golden_sizes_at(&z, c, s, t, true));
        double inverse = t >= 1 ? z.kappa_s + z.kappa_C : 1, both = z.kappa_L + inverse;
        expect_law(w, label, "modelled/", t,
                   gref_sampler_is_guided(s) ? c->nu * both * sqrt(z.s_max / z.C_min) * c->r : 0,
                   c->nu * (abar * 3 * z.kappa_L + z.s_max * inverse), both, NULL);
    }
    expect_law(w, label, "", t, e->mean, e->cov, 0, &spread);
    if (!gref_sampler_has_target(s, t))
        return;
    target_errors(&mean, &cov, w, abar, q);
    expect(w, label, "bias", t, e->mean + mean + 16 * EPS * c->mu_post, 1 + e->mean / c->nu, 0);
    gref_w2 d;
    ck_ok(gref_marginal_w2(&d, law));
    double regular = q > 0 ? fmin(cov / (2 * sqrt(q)), sqrt(sqrt(3) * cov)) : 0,
           tau = sqrt(3) * (e->last + (q > 0 ? 0 : cov));
    double tolerance =
        e->mean + mean + e->w2 + regular + fmin(sqrt(tau), tau / (2 * d.w2_cov)) + 8 * EPS * d.w2;
    expect(w, label, "w2", t, tolerance, tolerance / (c->nu * d.w2), 0);
}

/* Of diag(Sigma_t): |Sigma_t^-1 mu|. */
static double mu_white(const world *w, const gref_sampler *s, int t)
{
    double sum = 0;
    for (int i = 0; i < 3; i++)
        sum += pow(w->p.mu.a[i] /
                       (s->schedule->abar[t] * GREF_AT(w->p.Sigma, i, i) + s->schedule->qbar[t]),
                   2);
    return sqrt(sum);
}

static void advance(world *w, errors *e, gref_marginal *law, gref_golden_sizes *z,
                    const gref_sampler *s)
{
    const gref_golden_scale *c = &w->c;
    int t = gref_marginal_t(law);
    gref_marginal_sizes p;
    ck_ok(gref_marginal_sizes_of(&p, law));
    ck_ok(gref_marginal_advance(law));
    double M = gref_marginal_step_norm(law),
           m = p.shift + sqrt(s->schedule->abar[t]) * fro(w->p.mu), N = 0;
    double dP, of_w2 = c->nu * M * p.spread, of_mean = 2 * c->nu * (M * m + c->mu_post);
    if (!s->row->chain) {
        ck_assert(M <= z->free * 1.0001); /* none overshoots */
        gref_golden_sizes_refine(z, fmax(M, z->free));
        M = z->contraction;
        N = gref_step_noise(s, t);
        double K = z->guidance_step * gref_golden_gain_error(z, c) + z->jump;
        of_w2 = z->score_step * z->delta * p.whitened + K * p.spread;
        of_mean =
            z->score_step * z->delta * (p.score + 2 * z->root * mu_white(w, s, t)) +
            z->guidance_step * gref_golden_guidance_error(z, c, m, p.score, c->r + z->w * p.shift) +
            (2 * c->nu + z->jump) * m;
    }
    dP = 4 * c->omega * M * M * p.cov;
    e->mean = M * e->mean + of_mean;
    e->cov = hypot(M * M * e->cov, dP);
    e->last = M * M * e->last + dP;
    e->w2 = M * e->w2 + of_w2 + (N > 0 ? e->last / (2 * sqrt(N)) : 0);
    e->last = N > 0 ? 0 : e->last;
}

static bool is_golden(int t)
{
    return t == at[0] || t == at[1] || t == at[2] || t == at[3];
}

static void expect_laws(world *w, const gref_sampler *s, gref_golden_sizes *sizes)
{
    gref_marginal *law = NULL;
    errors e = {0};
    const gref_chain *chain = s->spec.chain;
    ck_ok(gref_marginal_new(&law, s));
    if (chain != NULL)
        e = (errors){.mean = w->c.nu * fro(chain->start_mean),
                     .cov = 4 * w->c.omega * fro(chain->start_cov)};
    else if (s->spec.convention.start == GREF_START_EXACT)
        target_errors(&e.mean, &e.cov, w, w->schedule.abar[T], w->schedule.qbar[T]);
    for (;;) {
        int t = gref_marginal_t(law);
        if (is_golden(t))
            expect_laws_at(w, s, law, &e);
        if (t == 0)
            break;
        ck_ok(gref_golden_sizes_at(&sizes[t], &w->c, s, t, false));
        advance(w, &e, law, &sizes[t], s);
    }
    gref_marginal_free(law);
}

/* ---- functions and steps --------------------------------------------------------------------- */

static double column_norm(gref_mat X, int k)
{
    return fro(gref_mat_view(X, 0, k, X.m, 1));
}

static void expect_guided_score(world *w, const gref_sampler *s, int k,
                                const gref_golden_sizes *step)
{
    gref_golden_sizes z = *step;
    gref_mat X = w->in.probes[k], S = fresh(3, X.n), X0 = fresh(3, X.n);
    double most = 0;
    if (s->spec.convention.guidance == GREF_GUIDANCE_AFTER)
        ck_ok(gref_golden_sizes_at(&z, &w->c, s, at[k], true));
    ck_ok(gref_sampler_eval(S, s, GREF_QUANTITY_SCORE, gref_const(X), at[k]));
    ck_ok(gref_sampler_eval(X0, s, GREF_QUANTITY_X0HAT, gref_const(X), at[k]));
    for (int i = 0; i < X.n; i++) {
        double r =
            hypot(w->p.v.a[0] - 0.8 * GREF_AT(X0, 0, i), w->p.v.a[1] - 1.5 * GREF_AT(X0, 1, i));
        double x = column_norm(X, i), f = column_norm(S, i);
        most = fmax(most, gref_golden_score_error(&z, &w->c, x, f) +
                              gref_golden_guidance_error(&z, &w->c, x, f, r));
    }
    expect(w, s->spec.label, "guided_score", at[k], most, z.kappa_s + z.kappa_C, 0);
    gref_mat_free(&S);
    gref_mat_free(&X0);
}

static void expect_step(world *w, const gref_sampler *s, int t, const gref_golden_sizes *z)
{
    const gref_golden_scale *c = &w->c;
    const char *label = s->spec.label;
    double condition = z->kappa_s + z->kappa_C, N = gref_step_noise(s, t);
    double M = z->score_step * z->delta / z->s_min +
               z->guidance_step * gref_golden_gain_error(z, c) + c->nu + z->jump;
    expect(w, label, "M", t, M, condition, 0);
    gref_mat b = fresh(3, 1), unused = fresh(3, 3);
    ck_ok(gref_sampler_step(unused, b, &N, s, t));
    expect(w, label, "b", t,
           M * sqrt(w->schedule.abar[t]) * fro(w->p.mu) +
               z->guidance_step * gref_golden_pull_error(z, c) * c->r +
               c->nu * (fro(b) + c->mu_post),
           condition, 0);
    expect(w, label, "N", t,
           fmax(noise_error(w, N, t, gref_sampler_next(s, t)), EPS * w->schedule.beta[t]),
           1 / w->schedule.qbar[t], GIVEN);
    gref_mat_free(&b);
    gref_mat_free(&unused);
}

static void expect_functions(world *w, const gref_sampler *s, const gref_golden_sizes *sizes)
{
    for (int k = 0; k < TIMES; k++) {
        int t = at[k];
        if (gref_row_has_likelihood(s->row)) {
            gref_golden_sizes z;
            ck_ok(gref_golden_sizes_at(&z, &w->c, s, t, true));
            bool flat = t == 0 || s->row->phi == NULL; /* C is a multiple of I */
            expect(w, s->spec.label, "C_vt", t,
                   w->c.nu * z.C_max +
                       (flat ? 0 : z.delta * (z.C_max - z.C_min) + z.tick * 1.5 * 1.5 / z.abar),
                   z.kappa_C, 0);
        }
        if (t > 0 && gref_row_has_likelihood(s->row))
            expect_guided_score(w, s, k, &sizes[t]);
        if (t > 0)
            expect_step(w, s, t, &sizes[t]);
    }
}

/* What the user gave, and every step of it that is at a golden time. */
static void expect_chain(world *w, const gref_sampler *s)
{
    const char *label = s->spec.label,
               *whole[] = {"chain/M",    "chain/b",          "chain/N",
                           "chain/abar", "chain/start_mean", "chain/start_cov"};
    for (int k = 0; k < w->count; k++) {
        const char *name = w->all[k].name;
        if (strncmp(name, label, strlen(label)) != 0 || w->all[k].seen)
            continue;
        for (int i = 0; i < 6; i++)
            if (strcmp(name + 3, whole[i]) == 0)
                expect(w, label, whole[i], -1, w->c.nu * largest(w->all[k].A), 1, GIVEN);
        for (int i = 0; i < 3; i++) {
            char step[8];
            snprintf(step, sizeof step, "%c/1", "MbN"[i]);
            if (strcmp(name + 3, step) == 0)
                expect(w, label, (const char *[]){"M", "b", "N"}[i], 1,
                       w->c.nu * largest(w->all[k].A), 1, GIVEN);
        }
    }
}

START_TEST(test_golden_tolerances__are_their_formulas)
{
    static world w;
    world_open(&w);
    for (int k = 0; k < TIMES; k++) {
        double mean, cov;
        target_errors(&mean, &cov, &w, w.schedule.abar[at[k]], w.schedule.qbar[at[k]]);
        expect_law(&w, "", "target/", at[k], mean, cov, w.c.K_max / w.c.K_min, NULL);
    }
    for (int k = 0; k < SAMPLERS; k++) {
        gref_sampler *s = NULL;
        gref_golden_sizes sizes[T + 1];
        ck_ok(gref_sampler_new(&s, &w.z, &w.schedule, &w.specs[k]));
        if (k == 0)
            expect_inputs(&w, s);
        expect_laws(&w, s, sizes);
        if (w.specs[k].chain != NULL)
            expect_chain(&w, s);
        else
            expect_functions(&w, s, sizes);
        if (k == 3)
            expect_sigma2(&w, s, s->spec.label, "sigma2");
        gref_sampler_free(s);
    }
    for (int k = 0; k < w.count; k++) /* the trajectory is slow to repeat: test_golden.c */
        ck_assert_msg(w.all[k].seen || strncmp(w.all[k].name + 3, "y/", 2) == 0, "%s has no rule",
                      w.all[k].name);
    world_close(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden_tolerances");
    TCase *tc = new_tcase(s, "golden_tolerances");
    tcase_add_test(tc, test_golden_tolerances__are_their_formulas);
    return run_guarded_suite(s);
}
