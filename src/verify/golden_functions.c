/*
 * Golden arrays that are functions of the problem: the problem itself, the schedule, the functions
 * at the probes, C_{v|t} and the steps. Tolerances, with the symbols of golden_sizes.c:
 *
 *   score         delta |s| + tick (|x| + sqrt(abar) |mu|)/s_min
 *   x0hat         Tweedie: ((1 - abar) (score's) + tick (|x| + (1 - abar) |s|))/sqrt(abar) + tick |mu|
 *   guided_score  score's + |W^T C^-1| [ nu (|v| + |A| |x0hat|) + |A| (x0hat's) + (delta + nu kappa_C) |v - A x0hat| ]
 *   C_vt          nu C_max + delta (C_max - C_min) + tick |A|^2
 *   M             score_step delta/s_min + guidance_step (nu kappa_C |W^T C^-1 W| + 2 delta |W^T C^-1| |W|) + nu
 *   b             (M's) sqrt(abar) |mu| + guidance_step (delta + nu kappa_C) |W^T C^-1| |v - A mu| + nu (|b| + |mu_post|)
 *   N             4 u N + N 8 sqrt(t) u (1/(1 - abar_{t-1}) + 1/(1 - abar_t))
 *
 * delta is nu cond(Sigma_t), and what 1 - abar_t loses; the largest of the probes counts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "golden_parts.h"

static double column_norm(gref_cmat X, int k)
{
    return gref_mat_norm_fro(gref_cmat_view(X, 0, k, X.m, 1));
}

/* ---- problem and schedule ------------------------------------------------------------------- */

/* An input: stored as it is. `error` is what a right construction of it may differ by. */
static gref_status input(const gref_golden_walk *w, const char *what, int t, gref_cmat A, int ndim,
                         double error, const char *basis)
{
    gref_golden_entry e = {.label = "",
                           .what = what,
                           .t = t,
                           .A = A,
                           .ndim = ndim,
                           .grid = -1.0,
                           .condition = 1.0,
                           .tolerance = error};
    if (strcmp(what, "Sigma") == 0 && w->scale.lambda_min == 0.0)
        e.flag = "singular";
    return A.a == NULL ? GREF_OK : gref_golden_emit(w, &e, "%s", basis);
}

/*
 * x0 = mu + Sigma^1/2 xi: a root of a matrix known to nu |Sigma| is known to nu |Sigma|/sqrt(least
 * positive eigenvalue); v = A x0 + sigma n.
 */
static double drawn_error(const gref_golden_walk *w)
{
    const gref_golden_scale *c = &w->scale;
    double least = c->lambda_max;
    for (int i = w->z.n - 1; i >= 0 && w->z.lambda.a[i] > 0.0; i--)
        least = w->z.lambda.a[i];
    double root = least > 0.0 ? c->lambda_max / sqrt(least) : 0.0;
    return c->nu * (c->mu + root * sqrt(c->n));
}

static gref_status problem_itself(const gref_golden_walk *w)
{
    const gref_problem *p = w->in->problem;
    const gref_golden_scale *c = &w->scale;
    double sigma = p->sigma, drawn = drawn_error(w);
    gref_cmat noise = {&sigma, 1, 1, 1};
    TRY(input(w, "Sigma", -1, gref_const(p->Sigma), 2,
              c->nu * gref_mat_norm_max(gref_const(p->Sigma)), "nu max |Sigma|, nu = 8 sqrt(n) u"));
    TRY(input(w, "A", -1, gref_const(p->A), 2, c->nu * gref_mat_norm_max(gref_const(p->A)),
              "nu max |A|, nu = 8 sqrt(n) u"));
    TRY(input(w, "mu", -1, gref_const(p->mu), 1, c->nu * gref_mat_norm_max(gref_const(p->mu)),
              "nu max |mu|, nu = 8 sqrt(n) u"));
    TRY(input(w, "v", -1, gref_const(p->v), 1, c->a * drawn + c->nu * c->v,
              "given; made again: nu (|v| + |A| (|mu| + |Sigma| sqrt(n)/sqrt(least positive "
              "eigenvalue)))"));
    TRY(input(w, "sigma", -1, noise, 0, 0.0, "given exactly"));
    TRY(input(w, "x0", -1, gref_const(p->x0), 1, drawn,
              "given; made again: nu (|mu| + |Sigma| sqrt(n)/sqrt(least positive eigenvalue))"));
    return GREF_OK;
}

/* The variance of every step's noise, entry 0 being 0; `noise` has T + 1 entries. */
static void step_noise(gref_mat noise, const gref_sampler *s)
{
    noise.a[0] = 0.0;
    for (int t = 1; t <= s->schedule->T; t++)
        noise.a[t] = gref_step_noise(s, t);
}

/* Error of N_t: a quotient of two 1 - abar. */
static double noise_error(const gref_schedule *s, int t, double noise)
{
    double before = t > 1 ? 1.0 / s->qbar[t - 1] : 0.0;
    return noise * GREF_U * (4.0 + 8.0 * sqrt(t) * (before + 1.0 / s->qbar[t]));
}

static gref_status emit_sigma2(const gref_golden_walk *w, const char *label, const char *what,
                               gref_mat noise)
{
    double error = 0.0;
    for (int t = 1; t < noise.m; t++)
        error = fmax(error, noise_error(w->in->schedule, t, noise.a[t]));
    gref_golden_entry e = {.label = label,
                           .what = what,
                           .t = -1,
                           .A = gref_const(noise),
                           .ndim = 1,
                           .grid = -1.0,
                           .tolerance = error,
                           .condition = 1.0 / w->in->schedule->qbar[1]};
    return gref_golden_emit(w, &e,
                            "max_t N_t u (4 + 8 sqrt(t) (1/(1 - abar_{t-1}) + 1/(1 - abar_t)))");
}

/* schedule/sigma2 is that of the first sampler; others have their own if it is another. */
static gref_status schedule_arrays(const gref_golden_walk *w)
{
    const gref_schedule *s = w->in->schedule;
    int T = s->T;
    gref_cmat beta = {s->beta, T + 1, 1, T + 1}, alpha = {s->alpha, T + 1, 1, T + 1};
    gref_cmat abar = {s->abar, T + 1, 1, T + 1};
    SCOPED(gref_mat) noise = {0};
    SCOPED_PTR(gref_sampler) *first = NULL;
    TRY(input(w, "schedule/beta", -1, beta, 1, 4.0 * GREF_U, "4 u"));
    TRY(input(w, "schedule/alpha", -1, alpha, 1, 4.0 * GREF_U, "4 u"));
    TRY(input(w, "schedule/abar", -1, abar, 1, 8.0 * sqrt(T) * GREF_U,
              "8 sqrt(T) u, a product of T"));
    TRY(gref_mat_new(&noise, T + 1, 1));
    TRY(gref_sampler_new(&first, &w->z, s, &w->in->specs[0]));
    step_noise(noise, first);
    return emit_sigma2(w, "", "schedule/sigma2", noise);
}

static gref_status own_sigma2(const gref_golden_walk *w, const gref_sampler *s)
{
    SCOPED(gref_mat) own = {0}, shared = {0};
    SCOPED_PTR(gref_sampler) *first = NULL;
    TRY(gref_mat_new(&own, s->schedule->T + 1, 1));
    TRY(gref_mat_new(&shared, s->schedule->T + 1, 1));
    TRY(gref_sampler_new(&first, &w->z, s->schedule, &w->in->specs[0]));
    step_noise(own, s);
    step_noise(shared, first);
    if (gref_mat_diff_max(gref_const(own), gref_const(shared)) > 0.0)
        TRY(emit_sigma2(w, s->spec.label, "sigma2", own));
    return GREF_OK;
}

/* ---- functions at the probes ---------------------------------------------------------------- */

/* Emits the columns of X as rows. */
static gref_status emit_points(const gref_golden_walk *w, gref_golden_entry *e, gref_cmat X,
                               const char *basis)
{
    SCOPED(gref_mat) rows = {0};
    TRY(gref_mat_new(&rows, X.n, X.m));
    gref_mat_transpose(rows, X);
    e->A = gref_const(rows);
    e->ndim = 2;
    return gref_golden_emit(w, e, "%s", basis);
}

/* Probe, score and x0hat at one time; any sampler will do for s. */
static gref_status prior_functions(const gref_golden_walk *w, const gref_sampler *s, int k)
{
    int t = w->in->times[k];
    gref_cmat X = gref_const(w->in->probes[k]);
    gref_golden_sizes z;
    gref_golden_entry probe = {
        .label = "", .what = "probe", .t = t, .condition = 1.0, .grid = -1.0};
    gref_golden_entry score = {.label = "", .what = "score", .t = t},
                      x0hat = {.label = "", .what = "x0hat", .t = t};
    SCOPED(gref_mat) F = {0};
    TRY(gref_mat_new(&F, X.m, X.n));
    gref_golden_prior_sizes(&z, &w->scale, w->in->schedule, t);
    score.condition = x0hat.condition = z.kappa_s;
    probe.tolerance = z.tick * gref_mat_norm_max(X) + drawn_error(w);
    TRY(emit_points(w, &probe, X, "given; made again: tick |x|, and the error of x0"));
    TRY(gref_sampler_eval(F, s, GREF_QUANTITY_SCORE, X, t));
    for (int i = 0; i < X.n; i++) {
        double x = column_norm(X, i), f = column_norm(gref_const(F), i);
        score.tolerance = fmax(score.tolerance, gref_golden_score_error(&z, &w->scale, x, f));
        x0hat.tolerance = fmax(x0hat.tolerance, gref_golden_x0hat_error(&z, &w->scale, x, f));
    }
    TRY(emit_points(w, &score, gref_const(F), "delta |s| + tick (|x| + sqrt(abar) |mu|)/s_min"));
    TRY(gref_sampler_eval(F, s, GREF_QUANTITY_X0HAT, X, t));
    return emit_points(w, &x0hat, gref_const(F),
                       "((1 - abar) score's + tick (|x| + (1 - abar) |s|))/sqrt(abar) + tick |mu|");
}

gref_status gref_golden_problem_arrays(const gref_golden_walk *w)
{
    const gref_golden_inputs *in = w->in;
    int n = in->problem->Sigma.n, T = in->schedule->T;
    SCOPED_PTR(gref_sampler) *s = NULL;
    gref_sampler_spec spec = {.name = "ddpm", .convention = gref_convention_default()};
    SCOPED(gref_mat) rows = {0};
    TRY(problem_itself(w));
    TRY(schedule_arrays(w));
    TRY(gref_mat_new(&rows, T, n));
    gref_mat_transpose(rows, gref_const(in->Z));
    TRY(input(w, "z", -1, gref_const(rows), 2, 64.0 * GREF_U,
              "given; made again: 64 u, of Box and Muller's formula"));
    TRY(input(w, "y_T", -1, gref_const(in->y_T), 1, 64.0 * GREF_U,
              "given; made again: 64 u, of Box and Muller's formula"));
    TRY(gref_sampler_new(&s, &w->z, in->schedule, &spec));
    for (int k = 0; k < in->n_times && in->times[k] >= 1; k++)
        TRY(prior_functions(w, s, k));
    return GREF_OK;
}

/* |v - A x0hat(x)| of every column of X0. */
static gref_status residuals(double *norms, const gref_golden_walk *w, gref_cmat X0)
{
    SCOPED(gref_mat) R = {0};
    TRY(gref_mat_new(&R, w->z.m, X0.n));
    for (int k = 0; k < X0.n; k++)
        gref_mat_copy(gref_mat_view(R, 0, k, R.m, 1), gref_const(w->in->problem->v));
    TRY(gref_gemm(R, -1.0, gref_const(w->in->problem->A), false, X0, false, 1.0));
    for (int k = 0; k < X0.n; k++)
        norms[k] = column_norm(gref_const(R), k);
    return GREF_OK;
}

static gref_status guided_score(const gref_golden_walk *w, const gref_sampler *s, int k,
                                const gref_golden_sizes *sizes)
{
    int t = w->in->times[k];
    gref_cmat X = gref_const(w->in->probes[k]);
    gref_golden_sizes z;
    gref_golden_entry e = {.label = s->spec.label, .what = "guided_score", .t = t};
    double residual[GREF_GOLDEN_PROBES];
    SCOPED(gref_mat) F = {0}, S = {0};
    TRY(gref_mat_new(&F, X.m, X.n));
    TRY(gref_mat_new(&S, X.m, X.n));
    TRY(gref_golden_sizes_at(&z, &w->scale, s, t, true));
    if (s->spec.convention.guidance != GREF_GUIDANCE_AFTER)
        z = sizes[t];
    TRY(gref_sampler_eval(F, s, GREF_QUANTITY_X0HAT, X, t));
    TRY(residuals(residual, w, gref_const(F)));
    TRY(gref_sampler_eval(S, s, GREF_QUANTITY_SCORE, X, t));
    for (int i = 0; i < X.n; i++) {
        double x = column_norm(X, i), f = column_norm(gref_const(S), i);
        double error = gref_golden_score_error(&z, &w->scale, x, f) +
                       gref_golden_guidance_error(&z, &w->scale, x, f, residual[i]);
        e.tolerance = fmax(e.tolerance, error);
    }
    e.condition = z.kappa_s + z.kappa_C;
    TRY(gref_sampler_eval(F, s, GREF_QUANTITY_GUIDED_SCORE, X, t));
    return emit_points(w, &e, gref_const(F),
                       "score's + |W^T C^-1| (nu (|v| + |A| |x0hat|) + |A| x0hat's + (delta + nu "
                       "kappa_C) |v - A x0hat|)");
}

/* ---- C_{v|t} and the steps ------------------------------------------------------------------ */

static gref_status likelihood(const gref_golden_walk *w, const gref_sampler *s, int t)
{
    const gref_golden_scale *c = &w->scale;
    gref_golden_sizes z;
    gref_golden_entry e = {.label = s->spec.label, .what = "C_vt", .t = t, .ndim = 2};
    SCOPED(gref_mat) C = {0};
    TRY(gref_mat_new(&C, c->m, c->m));
    TRY(gref_golden_sizes_at(&z, c, s, t, true));
    TRY(gref_likelihood_cov(C, s, t));
    bool flat = t == 0 || z.C_max - z.C_min <= c->nu * z.C_max; /* a multiple of I */
    e.tolerance = c->nu * z.C_max +
                  (flat ? 0.0 : z.delta * (z.C_max - z.C_min) + z.tick * c->a * c->a / z.abar);
    e.condition = z.kappa_C;
    e.A = gref_const(C);
    TRY(gref_golden_emit(w, &e,
                         "nu C_max + delta (C_max - C_min) + tick |A|^2/abar; C from %.3g to %.3g",
                         z.C_min, z.C_max));
    return GREF_OK;
}

static gref_status step(const gref_golden_walk *w, const gref_sampler *s, int t,
                        const gref_golden_sizes *z)
{
    const gref_golden_scale *c = &w->scale;
    const char *label = s->spec.label;
    double noise;
    SCOPED(gref_mat) M = {0}, b = {0};
    TRY(gref_mat_new(&M, c->n, c->n));
    TRY(gref_mat_new(&b, c->n, 1));
    TRY(gref_sampler_step(M, b, &noise, s, t));
    double gain = gref_golden_gain_error(z, c), pull = z->pull * gref_golden_pull_error(z, c);
    double of_M = z->score_step * z->delta / z->s_min + z->guidance_step * gain + c->nu;
    double of_b = of_M * z->root * c->mu + z->guidance_step * pull * c->r +
                  c->nu * (gref_mat_norm_fro(gref_const(b)) + c->mu_post);
    gref_golden_entry at_M = {.label = label,
                              .what = "M",
                              .t = t,
                              .A = gref_const(M),
                              .ndim = 2,
                              .tolerance = of_M,
                              .condition = z->kappa_s + z->kappa_C};
    gref_golden_entry at_b = {.label = label,
                              .what = "b",
                              .t = t,
                              .A = gref_const(b),
                              .ndim = 1,
                              .tolerance = of_b,
                              .condition = z->kappa_s + z->kappa_C};
    gref_golden_entry at_N = {.label = label,
                              .what = "N",
                              .t = t,
                              .A = {&noise, 1, 1, 1},
                              .ndim = 0,
                              .grid = -1.0,
                              .tolerance = noise_error(s->schedule, t, noise),
                              .condition = 1.0 / z->q};
    TRY(gref_golden_emit(w, &at_M,
                         "%.3g delta/s_min + %.3g (nu kappa_C |W^T C^-1 W| + 2 delta |W^T C^-1| "
                         "|W|) + nu; delta %.2g, "
                         "s_min %.3g, kappa_C %.3g, norms %.3g, %.3g, %.3g",
                         z->score_step, z->guidance_step, z->delta, z->s_min, z->kappa_C, z->gain,
                         z->pull, z->w));
    TRY(gref_golden_emit(w, &at_b,
                         "M's sqrt(abar) |mu| + %.3g (delta + nu kappa_C) |W^T C^-1| |v - A mu| + "
                         "nu (|b| + |mu_post|)",
                         z->guidance_step));
    return gref_golden_emit(w, &at_N, "N u (4 + 8 sqrt(t) (1/(1 - abar_{t-1}) + 1/(1 - abar_t)))");
}

gref_status gref_golden_sampler_arrays(const gref_golden_walk *w, const gref_sampler *s,
                                       const gref_golden_sizes *sizes)
{
    bool guided = gref_sampler_is_guided(s);
    TRY(own_sigma2(w, s));
    for (int k = 0; k < w->in->n_times; k++) {
        int t = w->in->times[k];
        if (guided && t >= 1)
            TRY(guided_score(w, s, k, sizes));
        if (guided)
            TRY(likelihood(w, s, t));
        if (t >= 1)
            TRY(step(w, s, t, &sizes[t]));
    }
    return GREF_OK;
}
