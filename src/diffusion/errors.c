/*
 * Bounds that travel with the law of y_t: how far the computed moments may be from those of the
 * exact sampler on the given doubles. O(n^2) a step, norms only; errors/perturb.c has the formulas,
 * this file the sizes and the units.
 *
 *   mean    |m_t - exact|, cov  |P_t - exact|_F, w2  W2(N(m_t, P_t), exact law)
 *   floor   P_t >= floor I for the computed P_t: a step leaves least^2 floor + N, M^T M >= least^2 I
 *   F       error of the spectrum that the steps are functions of: |U^^T Sigma U^ - diag(lambda)|_F, or that of
 *           Sigma_post for steps in its modes
 */
#include <float.h>
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "internal.h"

/* The spectrum that the steps are functions of: its ends, and F. */
typedef struct {
    double least, most, F;
} spectrum;

static spectrum spectrum_of(const gref_sampler *s)
{
    const gref_modes *z = s->z;
    double rho = z->rho.a[z->n - 1], most = z->rho.a[0] * z->rho.a[0];
    if (gref_sampler_runs_on_posterior(s))
        return (spectrum){rho * rho, most, z->errors.post_cov + 2 * most * z->errors.X};
    return (spectrum){z->lambda.a[0], z->lambda.a[z->n - 1], z->errors.Sigma};
}

int gref_target_kernel(const gref_sampler *s, int t)
{
    int count = 0, n = s->z->n;
    if (s->schedule->qbar[t] == 0.0)
        while (count < n && s->z->lambda.a[count] == 0.0)
            count++;
    return count;
}

/*
 * The exact law at t, as far as it is known: cov in Frobenius norm, w2 of the centred laws, mean.
 * Off the range of Sigma the roots of both laws are rounding, but not Lipschitz in it: for t = 0
 * the range is told apart.
 */
gref_law_errors gref_exact_errors(const gref_sampler *s, int t)
{
    const gref_modes_errors *z = &s->z->errors;
    double abar = s->schedule->abar[t], q = s->schedule->qbar[t], cov = abar * z->post_cov;
    double size = sqrt(s->z->n * (abar * s->z->rho.a[0] * s->z->rho.a[0] + q));
    double w2 = fmin(sqrt(abar) * z->post_w2, gref_change_of_root(s->z->n, q, cov));
    double range = z->post_range, kernel = z->post_kernel; /* abar = 1 where they matter */
    if (gref_sampler_runs_on_posterior(s)) { /* in the modes of the computed Sigma_post */
        int zeros = gref_target_kernel(s, t);
        double F = spectrum_of(s).F, rho = zeros < s->z->n ? s->z->rho.a[s->z->n - zeros - 1] : 0.0;
        range = gref_change_of_root(s->z->n, rho * rho - F, F);
        kernel = sqrt(zeros) * F;
    }
    return (gref_law_errors){.mean = sqrt(abar) * z->post_mean * GREF_INFLATE,
                             .cov = cov * GREF_INFLATE,
                             .w2 = (w2 + 8 * GREF_U * size) * GREF_INFLATE,
                             .floor = q,
                             .range = (range + 8 * GREF_U * size) * GREF_INFLATE,
                             .kernel = kernel * GREF_INFLATE};
}

gref_law_errors gref_start_errors(const gref_sampler *s)
{
    if (!s->proved)
        return (gref_law_errors){.mean = INFINITY, .cov = INFINITY, .w2 = INFINITY};
    int n = s->z->n, T = gref_sampler_first(s);
    bool posterior = gref_sampler_runs_on_posterior(s);
    if (s->spec.convention.start == GREF_START_EXACT) {
        gref_law_errors e = gref_exact_errors(s, T);
        e.w2 += posterior ? 0.0 : e.mean; /* both are inflated */
        return e;
    }
    double size = gref_norm_fro_up(gref_const(s->z->mu)) + gref_norm_fro_up(gref_const(s->z->d));
    double rounding = (s->z->errors.U + gref_gamma_up(2 * n + 8) * sqrt(n)) * size;
    double centre = posterior ? s->z->errors.post_mean + s->z->errors.X * size : 0.0;
    double mean = sqrt(s->schedule->abar[T]) * (rounding + centre) * GREF_INFLATE;
    return (gref_law_errors){.mean = mean, .w2 = mean, .floor = 1.0};
}

/* Sigma_t^-1 and J in mode i of the sampler's basis. */
typedef struct {
    double white, gain;
} mode_functions;

static mode_functions functions_at(const gref_sampler *s, int t, int i)
{
    double rho = s->z->rho.a[i];
    double value = gref_sampler_runs_on_posterior(s) ? rho * rho : s->z->lambda.a[i];
    gref_time at = gref_time_at(s->schedule, t);
    return (mode_functions){1.0 / gref_forward_variance(at, value), gref_forward_gain(at, value)};
}

static gref_seen seen_vector(const gref_sampler *s, int t, gref_cmat x)
{
    gref_seen z = {0};
    for (int i = 0; i < x.m; i++) {
        mode_functions f = functions_at(s, t, i);
        z = (gref_seen){hypot(z.plain, x.a[i]), hypot(z.white, f.white * x.a[i]),
                        hypot(z.gained, f.gain * x.a[i])};
    }
    return z;
}

/* What bounds the 2-norms of F P and F P F, F = diag(f) >= 0 and P = P^T: sums over columns of P. */
typedef struct {
    double fro, rows, columns, both, trace;
} weighted;

/* Adds a column of P: |p|, sum |p_i|, sum f_i |p_i|, and what belongs to its diagonal. */
static void weigh(weighted *w, double f, double fro, double sum, double seen, double diagonal)
{
    w->fro = hypot(w->fro, f * fro);
    w->rows = fmax(w->rows, f * sum);
    w->columns = fmax(w->columns, seen);
    w->both = fmax(w->both, f * seen);
    w->trace += f * f * diagonal;
}

static double seen_cov(const weighted *w)
{
    return fmin(w->fro, sqrt(w->rows) * sqrt(w->columns));
}

static double seen_spread(const weighted *w, double mean)
{
    return hypot(sqrt(fmin(w->trace, w->both)), mean);
}

gref_status gref_law_seen(gref_law_norms *law, const gref_sampler *s, int t, gref_cmat mean,
                          gref_cmat P)
{
    bool diagonal = P.n == 1;
    weighted plain = {0}, white = {0}, gained = {0};
    double scale = DBL_MIN; /* to 1 over the largest entry on the diagonal: of all, where P >= 0 */
    SCOPED(gref_mat) f = {0};
    TRY(gref_mat_new(&f, P.m, 2));
    double *const by_white = f.a, *const by_gain = f.a + P.m;
    for (int i = 0; i < P.m; i++) {
        mode_functions at = functions_at(s, t, i);
        by_white[i] = at.white;
        by_gain[i] = at.gain;
        scale = fmax(scale, fabs(GREF_AT(P, i, diagonal ? 0 : i)));
    }
    scale = 1.0 / scale;
    for (int j = 0; j < P.m; j++) {
        double sum = 0.0, squares = 0.0, of_white = 0.0, of_gain = 0.0;
        const double *p = diagonal ? P.a : &GREF_AT(P, 0, j);
        for (int i = diagonal ? j : 0; i < (diagonal ? j + 1 : P.m); i++) {
            double a = fabs(p[i]);
            sum += a;
            squares += a * scale * (a * scale);
            of_white += by_white[i] * a;
            of_gain += by_gain[i] * a;
        }
        double fro = sqrt(squares) / scale;
        weigh(&plain, 1.0, fro, sum, sum, fabs(p[j]));
        weigh(&white, by_white[j], fro, sum, of_white, fabs(p[j]));
        weigh(&gained, by_gain[j], fro, sum, of_gain, fabs(p[j]));
    }
    law->mean = seen_vector(s, t, mean);
    law->cov = (gref_seen){plain.fro, seen_cov(&white), seen_cov(&gained)};
    law->spread =
        (gref_seen){hypot(sqrt(plain.trace), law->mean.plain), seen_spread(&white, law->mean.white),
                    seen_spread(&gained, law->mean.gained)};
    return GREF_OK;
}

/*
 * Roundings, each relative and at most u, in a gain, and in q, which is kappa or more than is in
 * kappa; method/rule.c has the operations. abar, 1 - abar and alpha have one each, alpha of a hop
 * three; a root halves what is below it. ddpm has 3.5 in h and in c, a hop one more; ddim 8 in c.
 * The gain adds two.
 */
typedef struct {
    double gain, q;
} roundings;

static roundings roundings_of(const gref_sampler *s, int t)
{
    bool hop = gref_times_next(&s->spec, t) != t - 1;
    if (s->spec.convention.scheme == GREF_SCHEME_DDIM)
        return (roundings){10, 20};
    return (roundings){hop ? 6.5 : 5.5, 5};
}

/* The gain, largest at an end of the spectrum, and the shift: what separates a step without guidance
 * from the exact one. */
static gref_step_parts free_errors(const gref_sampler *s, gref_rule r, int t)
{
    spectrum k = spectrum_of(s);
    roundings count = roundings_of(s, t);
    double abar = r.at.abar, qbar = r.at.qbar, root = sqrt(abar), after = k.least - k.F;
    double gain = fmax(fabs(gref_rule_gain(&r, k.least)), fabs(gref_rule_gain(&r, k.most)));
    gref_step_parts p = {.inverse = 1.0 / (abar * k.least + qbar),
                         .D_gain.plain = GREF_U * count.gain * gain};
    p.D_gain.white = gref_change_of_white_ratio((gref_ratio){r.h, r.c, abar, qbar}, after, k.F);
    p.D_J.white = gref_change_of_white_ratio((gref_ratio){root, 0, abar, qbar}, after, k.F);
    p.D_J.gained = 7 * GREF_U * sqrt(s->z->n);
    if (gref_sampler_runs_on_posterior(s))
        return p; /* there c = 0 */
    p.push = r.q;
    p.x = seen_vector(s, t, gref_const(s->z->d));
    p.x = (gref_seen){root * p.x.plain, root * p.x.white, root * p.x.gained};
    p.D_shift.white = gref_change_of_white_ratio((gref_ratio){0, 1, abar, qbar}, after, k.F) +
                      (count.q + 8) * GREF_U;
    return p;
}

/* What separates M and c of a step from the exact ones: that of the data, and roundings. */
static gref_step_change step_errors(const gref_sampler *s, const gref_step *step, int t)
{
    int n = s->z->n;
    double count = roundings_of(s, t).q;
    gref_rule r = gref_sampler_rule(s, t);
    gref_step_parts p = free_errors(s, r, t);
    if (step->diagonal)
        return gref_change_of_step(&p);
    gref_guidance_errors g = gref_guidance_errors_at(s, t);
    for (int i = 0; i < n; i++)
        p.J = fmax(p.J, gref_mode_gain(s, t, i));
    p.D_gain.plain += GREF_U * step->norm; /* added to the guidance */
    p.kappa = r.kappa;
    p.Gamma = (gref_seen){g.Gamma, fmin(step->guidance.cov.white, p.inverse * g.Gamma),
                          fmin(step->guidance.cov.gained, p.J * g.Gamma)};
    p.D_Gamma = g.dGamma + (count + 4) * GREF_U * sqrt(n) * g.Gamma;
    p.y = step->guidance.mean;
    p.D_g = g.dg + gref_gamma_up(n + 12 + (int)count) * (sqrt(n) * g.Gamma * p.x.gained + g.g);
    return gref_change_of_step(&p);
}

/* Unknown stays unknown, never 0 times infinity; what a step adds is then an estimate, as if M were
 * well conditioned. */
static void estimate(gref_law_errors *e, const gref_step *step, const gref_law_size *p,
                     gref_law_change rounding)
{
    double unit = gref_gamma_up(step->M.m + 4) * step->norm_abs;
    e->mean = e->cov = e->w2 = INFINITY;
    e->fresh = unit * p->seen.spread.plain + rounding.w2;
    e->fresh_mean = unit * p->seen.mean.plain + rounding.mean;
}

void gref_errors_step(gref_law_errors *e, const gref_sampler *s, int t, const gref_step *step,
                      const gref_law_size *p)
{
    gref_step_arithmetic a = {
        .n = s->z->n,
        .diagonal = step->diagonal,
        .dense = p->dense,
        .M = step->norm,
        .M_off = step->norm_off,
        .mean = p->seen.mean.plain,
        .cov = p->seen.cov.plain,
        .trace = p->trace,
        .shift = p->shift,
        .noise = step->noise,
        .floor = fmax(step->noise + step->least * step->least * e->floor, p->least),
        .factor = p->factor_error};
    gref_law_change r = gref_rounding_of_step(&a);
    gref_step_change d = {.M = INFINITY, .c = INFINITY};
    e->floor = fmax(a.floor - r.cov, 0.0) / GREF_INFLATE;
    if (s->proved)
        d = step_errors(s, step, t);
    if (!isfinite(e->w2 + e->cov + e->mean + d.M + d.c)) {
        estimate(e, step, p, r);
        return;
    }
    double M = step->norm + d.M;
    gref_law_change fresh = gref_change_by_step(d, M, p->seen, r);
    gref_law_change next = gref_change_carried((gref_law_change){e->mean, e->cov, e->w2}, M, fresh);
    *e = (gref_law_errors){.mean = next.mean,
                           .cov = next.cov,
                           .w2 = next.w2,
                           .floor = e->floor,
                           .fresh = fresh.w2 + d.M * e->w2,
                           .fresh_mean = fresh.mean + d.M * e->mean};
}
