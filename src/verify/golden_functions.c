/*
 * Golden arrays that are functions of the problem: the problem itself, the schedule, the functions
 * at the probes, C_{v|t} and the steps. Tolerances, with the symbols of golden_sizes.c:
 *
 *   score         delta |s| + tick (|x| + sqrt(abar) |mu|)/s_min
 *   x0hat         Tweedie: ((1 - abar) (score's) + tick (|x| + (1 - abar) |s|))/sqrt(abar) + tick |mu|
 *   guided_score  score's + |W^T C^-1| [ nu (|v| + |A| |x0hat|) + |A| (x0hat's) + (delta + nu kappa_C) |v - A x0hat| ]
 *   C_vt          nu C_max + delta (C_max - C_min) + tick |A|^2
 *   M             score_step delta/s_min + guidance_step (nu kappa_C |W^T C^-1 W| + 2 delta |W^T C^-1| |W|) + nu
 *                 + what a jump loses (golden_sizes.c); steps of an affine chain are given: nu max |M|, nu max |b|, nu max |N|
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

/* Error of N_t: a quotient of two 1 - abar, and in a jump another, beta = 1 - abar_t/abar_next. */
static double noise_error(const gref_sampler *s, int t)
{
    gref_rule r = gref_sampler_rule(s, t);
    double before = r.next.qbar > 0.0 ? 1.0 / r.next.qbar : 0.0;
    double jump = gref_sampler_next(s, t) == t - 1 ? 0.0 : 1.0 / (1.0 - r.at.abar / r.next.abar);
    return r.noise * GREF_U * (4.0 + 8.0 * sqrt(t) * (before + 1.0 / r.at.qbar + jump));
}

/* Entry t is the variance of the noise of the step that leaves t, 0 where none does. */
static gref_status emit_sigma2(const gref_golden_walk *w, const char *label, const char *what,
                               const gref_sampler *s)
{
    SCOPED(gref_mat) noise = {0};
    double error = 0.0;
    TRY(gref_mat_new(&noise, s->schedule->T + 1, 1));
    for (int t = gref_sampler_first(s); t > gref_sampler_last(s); t = gref_sampler_next(s, t)) {
        noise.a[t] = gref_step_noise(s, t);
        error = fmax(error, noise_error(s, t));
    }
    gref_golden_entry e = {.label = label,
                           .what = what,
                           .t = -1,
                           .A = gref_const(noise),
                           .ndim = 1,
                           .grid = -1.0,
                           .tolerance = error,
                           .condition = 1.0 / s->schedule->qbar[1]};
    return gref_golden_emit(w, &e,
                            "max_t N_t u (4 + 8 sqrt(t) (1/(1 - abar_{t-1}) + 1/(1 - abar_t)))");
}

/* N_t is a number: neither given as a matrix nor one. */
static bool has_sigma2(const gref_sampler_spec *spec)
{
    return spec->chain == NULL && !gref_row_find(spec->name)->n_varies;
}

/* The sampler that schedule/sigma2 is of: the first that has one. */
static gref_status first_sampler(gref_sampler **s, const gref_golden_walk *w)
{
    gref_sampler_spec prior = {.name = "unconditional", .convention = gref_convention_default()};
    const gref_sampler_spec *spec = &prior;
    for (int k = w->in->n_samplers - 1; k >= 0; k--)
        if (has_sigma2(&w->in->specs[k]))
            spec = &w->in->specs[k];
    return gref_sampler_new(s, &w->z, w->in->schedule, spec);
}

static gref_status schedule_arrays(const gref_golden_walk *w)
{
    const gref_schedule *s = w->in->schedule;
    int T = s->T;
    gref_cmat beta = {s->beta, T + 1, 1, T + 1}, alpha = {s->alpha, T + 1, 1, T + 1};
    gref_cmat abar = {s->abar, T + 1, 1, T + 1};
    SCOPED_PTR(gref_sampler) *first = NULL;
    if (s->kind == GREF_SCHEDULE_DISCRETE) {
        TRY(input(w, "schedule/beta", -1, beta, 1, 4.0 * GREF_U, "4 u"));
        TRY(input(w, "schedule/alpha", -1, alpha, 1, 4.0 * GREF_U, "4 u"));
        TRY(input(w, "schedule/abar", -1, abar, 1, 8.0 * sqrt(T) * GREF_U,
                  "8 sqrt(T) u, a product of T"));
    } else {
        gref_cmat time = {s->time, T + 1, 1, T + 1};
        double unit = 256.0 * GREF_U, most = fmax(1.0, gref_mat_norm_max(beta));
        const char *basis = "256 u max: another order of Karras' powers, rho <= 8";
        TRY(input(w, "schedule/beta", -1, beta, 1, unit * most, basis));
        TRY(input(w, "schedule/alpha", -1, alpha, 1, unit * most, basis));
        TRY(input(w, "schedule/abar", -1, abar, 1, unit, basis));
        TRY(input(w, "schedule/time", -1, time, 1, unit * gref_mat_norm_max(time), basis));
    }
    TRY(first_sampler(&first, w));
    return emit_sigma2(w, "", "schedule/sigma2", first);
}

/* Where the noise is not that of schedule/sigma2. */
static gref_status own_sigma2(const gref_golden_walk *w, const gref_sampler *s)
{
    SCOPED_PTR(gref_sampler) *first = NULL;
    bool differs = false;
    if (!has_sigma2(&s->spec))
        return GREF_OK;
    TRY(first_sampler(&first, w));
    for (int t = 1; t <= s->schedule->T; t++) {
        bool here = gref_sampler_next(s, t) >= 0, there = gref_sampler_next(first, t) >= 0;
        double own = here ? gref_step_noise(s, t) : 0.0;
        differs = differs || own != (there ? gref_step_noise(first, t) : 0.0);
    }
    return differs ? emit_sigma2(w, s->spec.label, "sigma2", s) : GREF_OK;
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
    gref_sampler_spec spec = {.name = "unconditional", .convention = gref_convention_default()};
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

/* The row's own function at the probes: guidance alone, or with the score where C_{v|t} is its own, or
 * the projected image. */
static gref_quantity own_function(const gref_row *row)
{
    return row->project != NULL           ? GREF_QUANTITY_X0HAT_PROJECTED
           : gref_row_has_likelihood(row) ? GREF_QUANTITY_GUIDED_SCORE
                                          : GREF_QUANTITY_GUIDANCE;
}

/* Its error at a point of norm x with that score, image and residual. */
static double own_error(const gref_golden_walk *w, const gref_golden_sizes *z, gref_quantity of,
                        double x, double score, double image, double residual)
{
    const gref_golden_scale *c = &w->scale;
    if (of == GREF_QUANTITY_X0HAT_PROJECTED)
        return z->image_error * image + z->image * gref_golden_x0hat_error(z, c, x, score) +
               z->image_rest;
    double error = gref_golden_guidance_error(z, c, x, score, residual);
    return of == GREF_QUANTITY_GUIDANCE ? error : error + gref_golden_score_error(z, c, x, score);
}

static gref_status function_at_probes(const gref_golden_walk *w, const gref_sampler *s, int k,
                                      const gref_golden_sizes *sizes)
{
    int t = w->in->times[k];
    gref_cmat X = gref_const(w->in->probes[k]);
    gref_quantity of = own_function(s->row);
    gref_golden_sizes z;
    gref_golden_entry e = {.label = s->spec.label, .what = gref_quantity_name((int)of), .t = t};
    double residual[GREF_GOLDEN_PROBES];
    SCOPED(gref_mat) F = {0}, S = {0};
    TRY(gref_mat_new(&F, X.m, X.n));
    TRY(gref_mat_new(&S, X.m, X.n));
    TRY(gref_golden_sizes_at(&z, &w->scale, s, t, true));
    if (!gref_guidance_is_plain(s))
        z = sizes[t];
    TRY(gref_sampler_eval(F, s, GREF_QUANTITY_X0HAT, X, t));
    TRY(residuals(residual, w, gref_const(F)));
    TRY(gref_sampler_eval(S, s, GREF_QUANTITY_SCORE, X, t));
    for (int i = 0; i < X.n; i++) {
        double x = column_norm(X, i), f = column_norm(gref_const(S), i);
        double image = column_norm(gref_const(F), i);
        e.tolerance = fmax(e.tolerance, own_error(w, &z, of, x, f, image, residual[i]));
    }
    e.condition = z.kappa_s + z.kappa_C;
    e.flag = z.near_branch ? "near-branch" : NULL;
    TRY(gref_sampler_eval(F, s, of, X, t));
    return emit_points(
        w, &e, gref_const(F),
        of == GREF_QUANTITY_X0HAT_PROJECTED
            ? "D_x |x0hat| + |f_x| x0hat's + (D_v + nu |f_v|) |v|, see golden_maps.c"
            : "score's + |W^T C^-1| (nu (|v| + |A| |x0hat|) + |A| x0hat's + (delta + nu "
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
                  (flat ? 0.0 : z.delta * (z.C_max - z.C_min) + z.tick * c->a * c->a / z.abar) +
                  z.D_C;
    e.condition = z.kappa_C;
    e.A = gref_const(C);
    TRY(gref_golden_emit(w, &e,
                         "nu C_max + delta (C_max - C_min) + tick |A|^2/abar; C from %.3g to %.3g",
                         z.C_min, z.C_max));
    return GREF_OK;
}

/* The noise of the step, a number or a matrix. */
static gref_status step_noise(const gref_golden_walk *w, const gref_sampler *s, int t,
                              const gref_golden_sizes *z)
{
    bool matrix = gref_sampler_noise_kind(s) == GREF_NOISE_MATRIX;
    int n = matrix ? w->scale.n : 1;
    SCOPED(gref_mat) N = {0};
    TRY(gref_mat_new(&N, n, n));
    TRY(gref_sampler_noise(N, s, t));
    double error = matrix ? z->noise : noise_error(s, t);
    gref_golden_entry e = {.label = s->spec.label,
                           .what = "N",
                           .t = t,
                           .A = gref_const(N),
                           .ndim = matrix ? 2 : 0,
                           .grid = -1.0,
                           .tolerance = fmax(error, gref_golden_noise_floor(s->schedule, t)),
                           .condition = 1.0 / s->schedule->qbar[t],
                           .flag = z->near_branch ? "near-branch" : NULL};
    if (matrix)
        return gref_golden_emit(w, &e, "D of V fn^2 V^T, see golden_maps.c");
    return gref_golden_emit(w, &e, "N u (4 + 8 sqrt(t) (1/(1 - abar_{t-1}) + 1/(1 - abar_t)))");
}

/* Tolerances of M, and of b for their |b|. */
static void step_tolerances(gref_golden_entry *of_M, gref_golden_entry *of_b,
                            const gref_golden_scale *c, const gref_golden_sizes *z)
{
    double gain = gref_golden_gain_error(z, c), pull = gref_golden_pull_error(z, c);
    double size = c->nu * (gref_mat_norm_fro(of_b->A) + c->mu_post);
    of_M->condition = of_b->condition = z->kappa_s + z->kappa_C;
    of_M->flag = of_b->flag = z->near_branch ? "near-branch" : NULL;
    if (z->general) {
        of_M->tolerance = z->map + c->nu;
        of_b->tolerance = z->map * z->root * c->mu + z->rest + size;
        return;
    }
    of_M->tolerance =
        z->score_step * z->delta / z->s_min + z->guidance_step * gain + c->nu + z->jump;
    of_b->tolerance = of_M->tolerance * z->root * c->mu + z->guidance_step * pull * c->r + size;
}

static gref_status step(const gref_golden_walk *w, const gref_sampler *s, int t,
                        const gref_golden_sizes *z)
{
    double noise;
    SCOPED(gref_mat) M = {0}, b = {0};
    TRY(gref_mat_new(&M, w->scale.n, w->scale.n));
    TRY(gref_mat_new(&b, w->scale.n, 1));
    TRY(gref_sampler_step(M, b, &noise, s, t));
    gref_golden_entry e = {
        .label = s->spec.label, .what = "M", .t = t, .A = gref_const(M), .ndim = 2};
    gref_golden_entry at_b = {
        .label = s->spec.label, .what = "b", .t = t, .A = gref_const(b), .ndim = 1};
    step_tolerances(&e, &at_b, &w->scale, z);
    if (z->general) {
        TRY(gref_golden_emit(w, &e, "map + nu, map %.2g, see golden_maps.c", z->map));
        TRY(gref_golden_emit(
            w, &at_b, "map sqrt(abar) |mu| + rest + nu (|b| + |mu_post|), rest %.2g", z->rest));
        return step_noise(w, s, t, z);
    }
    TRY(gref_golden_emit(w, &e,
                         "%.3g delta/s_min + %.3g (nu kappa_C |W^T C^-1 W| + 2 delta |W^T C^-1| "
                         "|W|) + nu; delta %.2g, "
                         "s_min %.3g, kappa_C %.3g, norms %.3g, %.3g, %.3g",
                         z->score_step, z->guidance_step, z->delta, z->s_min, z->kappa_C, z->gain,
                         z->pull, z->w));
    TRY(gref_golden_emit(w, &at_b,
                         "M's sqrt(abar) |mu| + %.3g (delta + nu kappa_C) |W^T C^-1| |v - A mu| + "
                         "nu (|b| + |mu_post|)",
                         z->guidance_step));
    return step_noise(w, s, t, z);
}

/* ---- affine chains -------------------------------------------------------------------------- */

/* An array of the sampler that the user gave. */
static gref_status given(const gref_golden_walk *w, const gref_sampler *s, const char *what, int t,
                         gref_cmat A, int ndim)
{
    gref_golden_entry e = {.label = s->spec.label,
                           .what = what,
                           .t = t,
                           .A = A,
                           .ndim = ndim,
                           .grid = -1.0,
                           .condition = 1.0};
    if (A.a == NULL)
        return GREF_OK;
    e.tolerance = w->scale.nu * gref_mat_norm_max(A);
    return gref_golden_emit(w, &e, "given; nu max |entry|");
}

/* `count` matrices one below the other; a single one `times` times. */
static gref_status stack(gref_mat *S, const gref_mat *all, int count, int times)
{
    int m = all[0].m, n = all[0].n;
    TRY(gref_mat_new(S, m * times, n));
    for (int k = 0; k < times; k++)
        gref_mat_copy(gref_mat_view(*S, k * m, 0, m, n), gref_const(all[count == 1 ? 0 : k]));
    return GREF_OK;
}

/* The whole chain, so that the file is verified without the user's; truth_chain.c reads it. */
static gref_status chain_arrays(const gref_golden_walk *w, const gref_sampler *s)
{
    const gref_chain *chain = s->spec.chain;
    gref_cmat abar = {chain->abar, chain->K + 1, 1, chain->K + 1};
    SCOPED(gref_mat) M = {0}, N = {0}, b = {0}, across = {0};
    TRY(stack(&M, chain->M, chain->n_M, chain->n_M));
    TRY(stack(&N, chain->N, chain->n_N, chain->K));
    TRY(gref_mat_new(&b, chain->K, chain->n));
    gref_mat_transpose(b, gref_const(chain->b));
    TRY(given(w, s, "chain/M", -1, gref_const(M), 2));
    TRY(given(w, s, "chain/b", -1, gref_const(b), 2));
    if (chain->noise == GREF_NOISE_DIAGONAL) { /* a step a row */
        TRY(gref_mat_new(&across, chain->K, chain->n));
        for (int k = 0; k < chain->K; k++)
            gref_mat_transpose(gref_mat_view(across, k, 0, 1, chain->n),
                               gref_cmat_view(gref_const(N), k * chain->n, 0, chain->n, 1));
        TRY(given(w, s, "chain/N", -1, gref_const(across), 2));
    } else {
        TRY(given(w, s, "chain/N", -1, gref_const(N), chain->noise == GREF_NOISE_SCALAR ? 1 : 2));
    }
    TRY(given(w, s, "chain/abar", -1, abar, 1));
    TRY(given(w, s, "chain/start_mean", -1, gref_const(chain->start_mean), 1));
    return given(w, s, "chain/start_cov", -1, gref_const(chain->start_cov), 2);
}

static gref_status chain_step(const gref_golden_walk *w, const gref_sampler *s, int t)
{
    const gref_chain *chain = s->spec.chain;
    int k = chain->K - t;
    TRY(given(w, s, "M", t, gref_const(chain->M[chain->n_M == 1 ? 0 : k]), 2));
    TRY(given(w, s, "b", t, gref_cmat_view(gref_const(chain->b), 0, k, chain->n, 1), 1));
    return given(w, s, "N", t, gref_const(chain->N[chain->n_N == 1 ? 0 : k]), (int)chain->noise);
}

/* What a case gives in files, so that the golden file needs none. */
static gref_status convention_arrays(const gref_golden_walk *w, const gref_sampler *s)
{
    const gref_convention *c = &s->spec.convention;
    int T = s->schedule->T;
    bool file = c->scheme == GREF_SCHEME_DDPM && c->variance == GREF_VARIANCE_FILE;
    gref_cmat variances = {file ? c->variances : NULL, T, 1, T};
    TRY(given(w, s, "variances", -1, variances, 1));
    if (c->start != GREF_START_GIVEN)
        return GREF_OK;
    TRY(given(w, s, "start_mean", -1, c->start_mean, 1));
    return given(w, s, "start_cov", -1, c->start_cov, 2);
}

gref_status gref_golden_sampler_arrays(const gref_golden_walk *w, const gref_sampler *s,
                                       const gref_golden_sizes *sizes)
{
    bool likelihood_too = gref_row_has_likelihood(s->row);
    bool function = gref_row_has_guidance(s->row) || s->row->project != NULL;
    if (!s->row->chain)
        TRY(convention_arrays(w, s));
    TRY(s->row->chain ? chain_arrays(w, s) : own_sigma2(w, s));
    for (int k = 0; k < w->in->n_times; k++) {
        int t = w->in->times[k];
        bool left = gref_sampler_next(s, t) >= 0;
        if (function && left)
            TRY(function_at_probes(w, s, k, sizes));
        if (likelihood_too && gref_golden_visits(s, t))
            TRY(likelihood(w, s, t));
        if (left)
            TRY(s->row->chain ? chain_step(w, s, t) : step(w, s, t, &sizes[t]));
    }
    return GREF_OK;
}
