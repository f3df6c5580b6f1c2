/*
 * The step of the literal algorithms, and the functions of a sampler at given points (literal.c has
 * what they are made of).
 */
#include <math.h>

#include "dense/internal.h"
#include "literal.h"

/* ---- the step -------------------------------------------------------------------------------- */

/* What stands for 1/sqrt(alpha_t), over it. */
static double root_factor(const gref_literal *l, const gref_rule *r)
{
    switch (l->d.root) {
    case GREF_ROOT_ABAR:
        return 1.0 / (sqrt(r->at.abar) * r->p);
    case GREF_ROOT_NONE:
        return 1.0 / r->p;
    case GREF_ROOT_NOT_TAKEN:
        return r->p;
    case GREF_ROOT_ALPHA:
        break;
    }
    return 1.0;
}

/*
 * One mode of y' from e, that of y, and the guidance there, as the scheme is printed.
 *
 *     ddpm   (y + beta s~)/sqrt(alpha); em, ei, euler likewise p y + q s~
 *     ddim   sqrt(a') x0hat~ + sqrt(1 - a' - N) eps~,  x0hat~ = (y + (1 - a) s~)/sqrt(a),  eps~ = -sqrt(1 - a) s~
 */
static double backward(const gref_rule *r, const gref_literal_mode *k, gref_scheme scheme, double e,
                       double grad)
{
    double score = k->slope * (e + k->in) + grad;
    if (scheme != GREF_SCHEME_DDIM)
        return r->p * e + r->q * score;
    double x0hat = k->gain * (e + k->in) + k->out + k->lift * grad;
    return sqrt(r->taken.abar) * x0hat - sqrt(r->direction * r->at.qbar) * score;
}

static gref_status move(gref_mat E, gref_literal *l, int t, gref_part what)
{
    const gref_convention *c = &l->d.convention;
    gref_rule r = gref_literal_rule(l, t), right = gref_sampler_rule(l->s, t);
    bool by_convention = l->d.row->placement == GREF_PLACED_BY_CONVENTION;
    bool in_score = by_convention && c->guidance == GREF_GUIDANCE_SCORE;
    double f = root_factor(l, &r), inside = l->d.guidance_unscaled ? 1.0 / (f * r.p) : 1.0;
    double p = c->scheme != GREF_SCHEME_DDIM ? f * r.p / right.p
                                             : f * sqrt(r.taken.abar / right.taken.abar);
    double drift = what == GREF_PART_WHOLE /* of mu */
                       ? (p - 1.0) * sqrt(right.next.abar) + p * right.drift
                       : 0.0;
    SCOPED(gref_mat) D = {0};
    TRY(gref_mat_new(&D, E.m, E.n));
    if (l->d.row->guided)
        TRY(gref_literal_guidance(D, l, t, gref_const(E),
                                  by_convention && c->guidance == GREF_GUIDANCE_AFTER, what));
    for (int i = 0; i < E.m; i++) {
        gref_literal_mode k = gref_literal_mode_at(l, t, i);
        if (what != GREF_PART_WHOLE)
            k.in = k.out = 0.0;
        for (int j = 0; j < E.n; j++) {
            double grad = GREF_AT(D, i, j);
            double moved =
                backward(&r, &k, c->scheme, GREF_AT(E, i, j), in_score ? inside * grad : 0.0);
            GREF_AT(E, i, j) = f * moved + (in_score ? 0.0 : r.kappa * grad) + drift * l->zmu.a[i];
        }
    }
    return GREF_OK;
}

/* The user's steps, which are given in pixels. */
static gref_status affine_step(gref_mat E, gref_literal *l, int t)
{
    SCOPED(gref_mat) Y = {0};
    TRY(gref_mat_new(&Y, E.m, E.n));
    TRY(gref_literal_leave(Y, l, gref_literal_root(l, t), gref_const(E)));
    TRY(gref_affine_move(Y, l->s, t));
    return gref_literal_enter(E, l, gref_literal_root(l, t - 1), gref_const(Y));
}

static gref_status step(gref_mat E, gref_literal *l, int t, gref_part what)
{
    if (l->s->row->project != NULL)
        return gref_literal_project(E, l, t, what);
    if (gref_sampler_has_stages(l->s))
        return gref_literal_stages(E, l, t, what);
    return move(E, l, t, what);
}

gref_status gref_literal_step(gref_mat E, gref_literal *l, int t)
{
    return l->s->row->chain ? affine_step(E, l, t) : step(E, l, t, GREF_PART_WHOLE);
}

gref_status gref_literal_linear(gref_mat E, gref_literal *l, int t, bool transposed)
{
    return step(E, l, t, transposed ? GREF_PART_TRANSPOSED : GREF_PART_LINEAR);
}

gref_status gref_literal_add_noise(gref_mat E, const gref_literal *l, int t, gref_cmat Z)
{
    SCOPED(gref_mat) X = {0}, N = {0};
    TRY(gref_mat_new(&X, Z.m, Z.n));
    TRY(gref_mat_new(&N, Z.m, Z.n));
    gref_mat_copy(X, Z);
    if (l->s->row->chain)
        TRY(gref_affine_colour(X, l->s, t));
    TRY(gref_literal_enter(N, l, 0.0, gref_const(X)));
    if (!l->s->row->chain)
        TRY(gref_literal_colour(N, l, t));
    gref_mat_axpy(E, 1.0, gref_const(N));
    return GREF_OK;
}

bool gref_literal_is_noisy(const gref_literal *l, int t)
{
    return l->s->row->chain || l->s->row->n_varies || gref_literal_noise(l, t) > 0.0;
}

bool gref_literal_alive(gref_cmat E)
{
    return gref_mat_norm_max(E) <= 0x1p450;
}

/* ---- functions ------------------------------------------------------------------------------- */

gref_status gref_literal_guided(gref_mat G, gref_literal *l, int t, gref_cmat E, bool linear)
{
    SCOPED(gref_mat) S = {0};
    TRY(gref_mat_new(&S, E.m, E.n));
    gref_literal_look(S, l, t, E, false);
    for (int i = 0; linear && i < S.m; i++)
        for (int k = 0; k < S.n; k++)
            GREF_AT(S, i, k) = gref_literal_mode_at(l, t, i).slope * GREF_AT(E, i, k);
    gref_mat_fill(G, 0.0);
    if (l->d.row->guided)
        TRY(gref_literal_guidance(G, l, t, E, false, linear ? GREF_PART_LINEAR : GREF_PART_WHOLE));
    gref_mat_axpy(G, 1.0, gref_const(S));
    return GREF_OK;
}

gref_status gref_literal_evaluate(gref_mat F, gref_literal *l, int t, gref_quantity quantity,
                                  gref_cmat Y)
{
    SCOPED(gref_mat) E = {0}, X = {0};
    double root = 0.0; /* of mu, where the quantity is an image */
    TRY(gref_mat_new(&E, Y.m, Y.n));
    TRY(gref_mat_new(&X, Y.m, Y.n));
    TRY(gref_literal_enter(E, l, gref_literal_root(l, t), Y));
    switch (quantity) {
    case GREF_QUANTITY_SCORE:
        gref_literal_look(X, l, t, gref_const(E), false);
        break;
    case GREF_QUANTITY_X0HAT:
        gref_literal_look(X, l, t, gref_const(E), true);
        root = 1.0;
        break;
    case GREF_QUANTITY_X0HAT_PROJECTED:
        gref_literal_look(X, l, t, gref_const(E), true);
        TRY(gref_literal_project_image(X, l, t));
        root = 1.0;
        break;
    case GREF_QUANTITY_GUIDANCE:
        if (l->d.row->guided)
            TRY(gref_literal_guidance(X, l, t, gref_const(E), l->s->row->norm, GREF_PART_WHOLE));
        break;
    case GREF_QUANTITY_GUIDED_SCORE:
        TRY(gref_literal_guided(X, l, t, gref_const(E), false));
        break;
    case GREF_QUANTITY_STEP:
        TRY(gref_literal_step(E, l, t));
        gref_mat_copy(X, gref_const(E));
        root = gref_literal_root(l, gref_sampler_next(l->s, t));
        break;
    }
    return gref_literal_leave(F, l, root, gref_const(X));
}
