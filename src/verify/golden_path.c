/*
 * Golden trajectory of a sampler: the literal algorithm on the noise of the file.
 *
 *   e   error of y_t:  e <- |M| e + score_step (score's) + guidance_step (guidance's) + 2 nu |y_t|
 *       e <- |M| e + map |y_t - sqrt(abar) mu| + rest + (error of N^1/2) |z_t| + 2 nu |y_t|      golden_maps.c
 *
 * with the errors of one evaluation at y_t from golden_sizes.c. For dps-norm the guidance is W^T
 * r/|r|: its error is |W| (error of r) 2/|r| + (delta + nu) |W|, and its derivative at most
 * |W|^2/|r|.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "golden_parts.h"

/* Norms at one point of the trajectory. */
typedef struct {
    double y, score, residual, noise; /* noise: of the step's z */
} point;

static gref_status look(point *at, const gref_golden_walk *w, const gref_sampler *s, gref_cmat y,
                        int t, gref_mat x, gref_mat r)
{
    at->y = gref_mat_norm_fro(y);
    TRY(gref_sampler_eval(x, s, GREF_QUANTITY_SCORE, y, t));
    at->score = gref_mat_norm_fro(gref_const(x));
    TRY(gref_sampler_eval(x, s, GREF_QUANTITY_X0HAT, y, t));
    gref_mat_copy(r, gref_const(w->in->problem->v));
    TRY(gref_gemv(r, -1.0, gref_const(w->in->problem->A), false, gref_const(x), 1.0));
    at->residual = gref_mat_norm_fro(gref_const(r));
    return GREF_OK;
}

static double propagate(double e, const gref_golden_walk *w, const gref_sampler *s,
                        const gref_golden_sizes *z, const point *at)
{
    const gref_golden_scale *c = &w->scale;
    double M = z->contraction,
           guidance = gref_golden_guidance_error(z, c, at->y, at->score, at->residual);
    if (s->row->norm) {
        guidance = 2.0 * guidance / at->residual + (z->delta + c->nu) * z->w;
        M = fmax(z->general ? M : z->free, z->guidance_step * z->w * z->w / at->residual);
    }
    if (z->general)
        return M * e + z->map * (at->y + z->root * c->mu) + z->rest + z->noise_root * at->noise +
               (s->row->norm ? z->guidance_step * guidance : 0.0) + 2.0 * c->nu * at->y;
    return M * e + z->jump * at->y +
           z->score_step * gref_golden_score_error(z, c, at->y, at->score) +
           z->guidance_step * guidance + 2.0 * c->nu * at->y;
}

static gref_status emit(const gref_golden_walk *w, const gref_sampler *s, gref_cmat y, int t,
                        double e)
{
    double norm = gref_mat_norm_fro(y);
    gref_golden_entry entry = {.label = s->spec.label,
                               .what = "y",
                               .t = t,
                               .A = y,
                               .ndim = 1,
                               .tolerance = e + 8.0 * GREF_U * norm,
                               .condition = 1.0 + e / (w->scale.nu * norm)};
    return gref_golden_emit(w, &entry, "e + 8 u |y|, e of the trajectory, see golden_path.c");
}

/* e after the step that leaves t; of an affine chain, whose steps are given, without score and
 * guidance. */
static gref_status carry(double *e, const gref_golden_walk *w, const gref_sampler *s,
                         const gref_golden_sizes *z, gref_cmat y, int t, double next)
{
    point at = {0};
    SCOPED(gref_mat) x = {0}, r = {0};
    if (s->row->chain) {
        double M = z->contraction;
        *e = M * *e + 2.0 * w->scale.nu * (M * gref_mat_norm_fro(y) + next);
        return GREF_OK;
    }
    at.noise = gref_mat_norm_fro(
        gref_cmat_view(gref_const(w->in->Z), 0, s->schedule->T - t, w->scale.n, 1));
    TRY(gref_mat_new(&x, w->scale.n, 1));
    TRY(gref_mat_new(&r, w->scale.m, 1));
    TRY(look(&at, w, s, y, t, x, r));
    *e = propagate(*e, w, s, z, &at);
    return GREF_OK;
}

/* Column T - t of the file's noise drives the step that leaves t; a chain with more steps than it
 * has columns is not run. */
gref_status gref_golden_path_arrays(const gref_golden_walk *w, const gref_sampler *s,
                                    const gref_golden_sizes *sizes)
{
    int n = w->scale.n, T = s->schedule->T, spare = w->in->Z.n - T, reached;
    double e = 0.0;
    SCOPED(gref_mat) Y = {0};
    if (spare < 0)
        return GREF_OK;
    TRY(gref_mat_new(&Y, n, T + 1));
    TRY(gref_sampler_replay(Y, &reached, s, gref_const(w->in->y_T),
                            gref_cmat_view(gref_const(w->in->Z), 0, spare, n, T)));
    for (int t = gref_sampler_first(s); t >= reached && isfinite(e); t = gref_sampler_next(s, t)) {
        gref_cmat y = gref_cmat_view(gref_const(Y), 0, T - t, n, 1);
        if (gref_golden_is_time(w->in, t))
            TRY(emit(w, s, y, t, e));
        if (t == reached || t <= w->in->times[w->in->n_times - 1])
            break;
        int next = gref_sampler_next(s, t);
        TRY(carry(&e, w, s, &sizes[t], y, t,
                  gref_mat_norm_fro(gref_cmat_view(gref_const(Y), 0, T - next, n, 1))));
    }
    return GREF_OK;
}
