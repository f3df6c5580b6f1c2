/*
 * Sizes and errors of steps that are no p y + q s~(y): of rows that project, and of schemes of several
 * evaluations. With d = |y - sqrt(abar) mu|, the mean of such a step may be off by map d + rest.
 *
 *   f        one of the functions of a row that projects; D of V f V^T is
 *                sqrt(2) (slope of f) nu |A| + rel (size of f)
 *            slope: the largest difference quotient between neighbours among the singular values, for V f V^T
 *            is a function of |A|, and |A| moves by sqrt(2) as much as A (Araki & Yamagami 1981)
 *   f(A) v   V fv W^T v, fv odd in s: its component j moves by sqrt(2) S_j nu |A| |W^T v|_j, S_j the largest of
 *            |fv_i - fv_j|/|s_i - s_j|, (|fv_i| + |fv_j|)/(s_i + s_j) and |fv_j|/s_j
 *   rel      what sqrt(abar'), 1 - abar' and their differences lose
 *   map      D_x |J| + |x| D_J + D_e |E| + |e| D_E + nu ...          J, E: x0hat and eps as functions of y
 *   rest     (D_x + nu |x|) |mu| + (f(A) v's) + (rel + nu) |fv| |v|, and sqrt(abar) mu to `tick`
 *   stages   Y = rho (d/rho_0 + node K), K = g (e Y + S Y + P r): sizes and errors go through the stages
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "errors/perturb.h"
#include "golden_parts.h"

/* ---- functions of the singular values of A ---------------------------------------------------- */

enum { FX, FE, FV, FN, ROOT_N, IMAGE_X, IMAGE_V, CURVES };
enum { PULL, ROOT_VARIANCE };

typedef struct curves curves;
typedef void curve(double f[CURVES], const curves *c, double singular);

/* At one singular value: the functions, their slopes there, and |W^T v|. */
typedef struct {
    double f[CURVES], slope[CURVES], v;
} value;

struct curves {
    const gref_sampler *s;
    gref_rule rule;
    curve *at;
    value *of;           /* s->b.m of them */
    double base[CURVES]; /* at s = 0 */
    double size[CURVES], slope[CURVES];
    bool jumps; /* a singular value is within 1e-6 of a branch */
};

static void curves_free(curves *c)
{
    free(c->of);
}

static void step_at(double f[CURVES], const curves *c, double singular)
{
    const gref_row *row = c->s->row;
    gref_five v = row->project(&c->s->spec.convention, &c->rule, c->s->z->sigma, singular);
    gref_five image = gref_projected_image(row, &c->rule, v);
    const double all[CURVES] = {v.x, v.e, v.v, v.n, sqrt(v.n), image.x, image.v};
    memcpy(f, all, sizeof all);
}

static void start_at(double f[CURVES], const curves *c, double singular)
{
    gref_component v = gref_start_component(c->s->row, &c->s->spec.convention, c->rule.at,
                                            c->s->z->sigma, singular);
    f[PULL] = v.pull;
    f[ROOT_VARIANCE] = sqrt(v.variance);
}

/* Slopes at the i-th singular value; a relative change of 1e-6 moves a smooth function by less than 1e-4. */
static void look_around(curves *c, int i, double tolerance)
{
    const double h = 1e-6, singular = c->s->b.a[i];
    double above[CURVES] = {0}, below[CURVES] = {0};
    c->at(above, c, singular * (1.0 + h));
    c->at(below, c, singular * (1.0 - h));
    for (int k = 0; k < CURVES; k++) {
        double jump = fabs(above[k] - below[k]);
        c->of[i].slope[k] = jump / (2 * h * singular);
        c->slope[k] = fmax(c->slope[k], c->of[i].slope[k]);
        c->jumps = c->jumps || jump > 1e-4 * fmax(fabs(c->of[i].f[k]), fabs(c->base[k]));
    }
    c->jumps = c->jumps || singular * (1.0 - h) <= tolerance;
}

/* |f - before|/(from - s) between neighbours that are no copies of one another. */
static void look_between(curves *c, const double f[CURVES], const double before[CURVES],
                         double from, double singular)
{
    for (int k = 0; k < CURVES && from > singular * (1.0 + 1e-6); k++)
        c->slope[k] = fmax(c->slope[k], fabs(f[k] - before[k]) / (from - singular));
}

/* W^T v = W^T r + diag(b) V^T mu. */
static gref_status project_data(curves *c)
{
    const gref_modes *z = c->s->z;
    SCOPED(gref_mat) zmu = {0}, vmu = {0};
    TRY(gref_mat_new(&zmu, z->n, 1));
    TRY(gref_mat_new(&vmu, c->s->b.m, 1));
    TRY(gref_gemv(zmu, 1.0, gref_const(z->U), true, gref_const(z->mu), 0.0));
    TRY(gref_gemv(vmu, 1.0, gref_const(c->s->VT), false, gref_const(zmu), 0.0));
    for (int i = 0; i < c->s->b.m; i++)
        c->of[i].v = fabs(c->s->Wr.a[i] + c->s->b.a[i] * vmu.a[i]);
    return GREF_OK;
}

static gref_status measure(curves *c)
{
    const gref_sampler *s = c->s;
    gref_cmat b = gref_const(s->b);
    double tolerance = gref_rank_tolerance(&s->spec.convention, s->z->m, s->z->n, b.a[0]);
    c->of = gref_alloc((size_t)b.m, sizeof *c->of);
    REQUIRE(c->of != NULL, GREF_ERR_NOMEM, "no memory for %d singular values", b.m);
    TRY(project_data(c));
    c->at(c->base, c, 0.0);
    for (int i = 0; i < b.m; i++) {
        c->at(c->of[i].f, c, b.a[i]);
        for (int k = 0; k < CURVES; k++)
            c->size[k] = fmax(c->size[k], fabs(c->of[i].f[k]));
        if (i > 0)
            look_between(c, c->of[i].f, c->of[i - 1].f, b.a[i - 1], b.a[i]);
        if (b.a[i] > 0.0)
            look_around(c, i, tolerance);
    }
    if (b.m == s->z->n)
        return GREF_OK;
    for (int k = 0; k < CURVES; k++)
        c->size[k] = fmax(c->size[k], fabs(c->base[k]));
    look_between(c, c->base, c->of[b.m - 1].f, b.a[b.m - 1], 0.0);
    return GREF_OK;
}

static double moved(const curves *c, const gref_golden_scale *scale, int k)
{
    return sqrt(2.0) * c->slope[k] * scale->nu * scale->a;
}

/* S_j of function k, an odd one. */
static double odd_slope(const curves *c, int j, int k)
{
    const double *s = c->s->b.a;
    double f = c->of[j].f[k], most = s[j] > 0.0 ? fmax(fabs(f) / s[j], c->of[j].slope[k]) : 0.0;
    for (int i = 0; i < c->s->b.m; i++) {
        double other = c->of[i].f[k], gap = fabs(s[i] - s[j]), sum = s[i] + s[j];
        if (gap > 1e-6 * s[j])
            most = fmax(most, fabs(other - f) / gap);
        if (sum > 0.0)
            most = fmax(most, (fabs(other) + fabs(f)) / sum);
    }
    return most;
}

/* What V f W^T v moves by; data outside the range of A meet the steepest. */
static double pulled(const curves *c, const gref_golden_scale *scale, int k)
{
    double sum = 0.0, steepest = 0.0;
    for (int j = 0; j < c->s->b.m; j++) {
        double s = c->s->b.a[j], part = odd_slope(c, j, k) * c->of[j].v;
        sum += part * part;
        steepest = s > 0.0 ? fmax(steepest, fabs(c->of[j].f[k]) / s) : steepest;
    }
    double beyond = c->s->b.m < scale->m ? steepest * scale->v : 0.0;
    return sqrt(2.0 * (sum + beyond * beyond)) * scale->nu * scale->a;
}

/* What a root loses that is known to `lost` of its square. */
static double root_error(double lost, double root)
{
    return root > 0.0 ? fmin(sqrt(lost), lost / (2.0 * root)) : sqrt(lost);
}

/* ---- rows that project ------------------------------------------------------------------------ */

/* Relative error of sqrt(abar'), of 1 - abar' and of what is left of it beside the fresh noise. */
static double lost_at(const gref_golden_sizes *z, const gref_rule *r, double e, int t)
{
    double next = r->next.qbar, lost = 8.0 * sqrt(t) * GREF_U;
    double rel = z->tick + lost / z->q + (next > 0.0 ? lost / next : 0.0);
    return e > 0.0 ? rel * fmax(1.0, next / (e * e)) : rel;
}

static void noise_errors(gref_golden_sizes *z, const curves *c, const gref_golden_scale *scale,
                         double rel)
{
    double lost = 0.0, of_root = 0.0, least = c->base[FN];
    for (int i = -1; i < c->s->b.m; i++) {
        const double *f = i < 0 ? c->base : c->of[i].f;
        double whole = f[FN] == c->base[FN] ? f[FN] : c->rule.next.qbar; /* of which it is left */
        lost = fmax(lost, rel * whole);
        of_root = fmax(of_root, root_error(rel * whole, f[ROOT_N]));
        least = fmin(least, f[FN]);
    }
    z->noise_floor = least;
    z->noise = moved(c, scale, FN) + lost + 4.0 * GREF_U * c->size[FN];
    z->noise_root = moved(c, scale, ROOT_N) + of_root;
}

static gref_status projection(gref_golden_sizes *z, const gref_golden_scale *scale,
                              const gref_sampler *s, int t)
{
    SCOPED(curves) c = {.s = s, .rule = gref_sampler_rule(s, t), .at = step_at};
    TRY(measure(&c));
    double next = sqrt(c.rule.next.abar), nu = scale->nu, share = next;
    double rel = lost_at(z, &c.rule, c.base[FE], t);
    double D_x = moved(&c, scale, FX) + rel * fmax(next, c.size[FX]);
    double D_e = moved(&c, scale, FE) + rel * c.size[FE];
    double E = sqrt(z->q) / z->s_min, D_J = (z->delta * z->q / z->s_min + z->tick) / z->root;
    double xJ = c.size[FX] * z->j, eE = c.size[FE] * E;
    z->near_branch = c.jumps;
    z->contraction = xJ + eE;
    z->map = gref_change_of_product(c.size[FX], D_x, z->j, D_J) +
             gref_change_of_product(c.size[FE], D_e, E, z->delta * E) + nu * (xJ + eE + 1.0);
    z->rest = (D_x + (nu + z->tick) * c.size[FX]) * scale->mu +
              z->tick * (xJ + eE) * z->root * scale->mu + pulled(&c, scale, FV) +
              (rel + nu) * c.size[FV] * scale->v;
    if (s->row->x_kept)
        share = next - c.base[FE] * sqrt(c.rule.at.abar / c.rule.at.qbar);
    noise_errors(z, &c, scale, rel);
    rel *= next / share;
    z->image = c.size[IMAGE_X];
    z->image_error = moved(&c, scale, IMAGE_X) + (rel + nu) * fmax(1.0, z->image);
    z->image_rest = pulled(&c, scale, IMAGE_V) + (rel + nu) * c.size[IMAGE_V] * scale->v;
    return GREF_OK;
}

gref_status gref_golden_start_error(double *mean, double *w2, const gref_golden_scale *scale,
                                    const gref_sampler *s)
{
    int t = gref_sampler_first(s);
    SCOPED(curves) c = {.s = s, .rule = {.at = gref_time_at(s->schedule, t)}, .at = start_at};
    double rel = (4.0 + 8.0 * sqrt(t) * (1.0 + 1.0 / c.rule.at.qbar)) * GREF_U;
    *mean = *w2 = 0.0;
    if (s->b.a == NULL || !gref_start_projects(s->row, &s->spec.convention)) {
        *w2 = s->spec.convention.start == GREF_START_NOISE ? sqrt(scale->n) * rel : 0.0;
        return GREF_OK;
    }
    TRY(measure(&c));
    double whole = c.base[ROOT_VARIANCE] * c.base[ROOT_VARIANCE], of_root = 0.0;
    for (int i = 0; i < s->b.m; i++)
        of_root = fmax(of_root, root_error(rel * whole, c.of[i].f[ROOT_VARIANCE]));
    *mean = pulled(&c, scale, PULL) + (rel + scale->nu) * c.size[PULL] * scale->v;
    *w2 = sqrt(scale->n) * (moved(&c, scale, ROOT_VARIANCE) + of_root);
    return GREF_OK;
}

/* ---- schemes of several evaluations ------------------------------------------------------------ */

/* The score at a stage, S y + P r, and its errors. */
typedef struct {
    double S, D_S, P, D_P, tick;
} slope;

/* Size and error. */
typedef struct {
    double x, D;
} sized;

/* The end of the step, for d, |mu| and |r|. */
static sized run(const gref_stages *b, const slope *at, const gref_golden_scale *c, double d,
                 double mu, double r)
{
    sized K = {0}, sum = {0}, Y;
    double first = b->stage[0].root, start = b->stage[0].rho;
    double given = r > 0.0 ? c->nu * (c->v + c->a * c->mu) : 0.0;
    for (int i = 0; i < b->n; i++) {
        const gref_stage *k = &b->stage[i];
        double lost = at[i].tick + c->nu;
        Y.x = k->rho * (d / start + k->node * K.x) + b->e * fabs(first - k->root) * mu;
        Y.D = k->rho * k->node * K.D + lost * Y.x;
        K.x = k->g * (b->e * (Y.x + k->root * mu) + at[i].S * Y.x + at[i].P * r);
        K.D = k->g * (b->e * Y.D + gref_change_of_product(at[i].S, at[i].D_S, Y.x, Y.D) +
                      at[i].D_P * r + at[i].P * given) +
              lost * K.x;
        sum.x += k->weight * K.x;
        sum.D += k->weight * K.D;
    }
    Y.x = b->rho * (d / start + sum.x) + b->e * fabs(first - b->root) * mu;
    Y.D = b->rho * sum.D + (at[0].tick + c->nu) * Y.x;
    return Y;
}

static gref_status stages(gref_golden_sizes *z, const gref_golden_scale *c, const gref_sampler *s,
                          int t)
{
    gref_stages b = gref_sampler_stages(s, t);
    gref_sampler then = *s;
    slope at[4] = {{0}};
    bool guided = gref_row_guides_score(s->row, &s->spec.convention);
    then.schedule = b.schedule;
    for (int i = 0; i < b.n; i++) {
        gref_golden_sizes k;
        TRY(gref_golden_score_sizes(&k, c, &then, b.stage[i].t, guided));
        at[i] = (slope){1.0 / k.s_min, k.delta / k.s_min, 0.0, 0.0, k.tick};
        if (!guided)
            continue;
        at[i].S += k.gain;
        at[i].D_S += gref_golden_gain_error(&k, c);
        at[i].P = k.pull;
        at[i].D_P = gref_golden_pull_error(&k, c);
    }
    sized linear = run(&b, at, c, 1.0, 0.0, 0.0);
    z->contraction = linear.x;
    z->map = linear.D;
    z->rest = run(&b, at, c, 0.0, c->mu, guided ? c->r : 0.0).D;
    if (s->row->guided && !guided && !s->row->norm) { /* added after the step */
        double step = z->guidance_step, P = step * z->pull;
        z->contraction += step * z->gain;
        z->map += step * (gref_golden_gain_error(z, c) + z->tick * z->gain);
        z->rest += step * (gref_golden_pull_error(z, c) + z->tick * z->pull) * c->r +
                   P * c->nu * (c->v + c->a * c->mu);
    }
    return GREF_OK;
}

gref_status gref_golden_general_sizes(gref_golden_sizes *z, const gref_golden_scale *c,
                                      const gref_sampler *s, int t)
{
    z->general = true;
    return s->row->project != NULL ? projection(z, c, s, t) : stages(z, c, s, t);
}
