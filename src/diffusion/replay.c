/*
 * Replay of given noise, and the functions of a sampler at given points: the literal algorithm, no
 * law.
 */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "literal.h"

static const char *const quantity_names[] = {
    [GREF_QUANTITY_SCORE] = "score",       [GREF_QUANTITY_X0HAT] = "x0hat",
    [GREF_QUANTITY_GUIDANCE] = "guidance", [GREF_QUANTITY_GUIDED_SCORE] = "guided_score",
    [GREF_QUANTITY_STEP] = "step",         [GREF_QUANTITY_X0HAT_PROJECTED] = "x0hat_projected",
};
enum { N_QUANTITIES = sizeof quantity_names / sizeof *quantity_names };

/** Name of quantity k = 0, 1, ...; NULL after the last. */
const char *gref_quantity_name(int k)
{
    return k >= 0 && k < N_QUANTITIES ? quantity_names[k] : NULL;
}

/** False, and *out unchanged, for an unknown name. */
bool gref_quantity_parse(gref_quantity *out, const char *name)
{
    for (int k = 0; k < N_QUANTITIES; k++)
        if (strcmp(quantity_names[k], name) == 0) {
            *out = (gref_quantity)k;
            return true;
        }
    return false;
}

/**
 * Runs the sampler on given noise.
 *
 *     y_{t-1} = (y_t + beta_t s~(y_t))/sqrt(alpha_t) + sqrt(N_t) z_t,  t = T..1       Algorithms 1, 8
 *
 * and as the conventions say where they differ; N_t is the step's variance, 0 at t = 1 without
 * last_noise. dps-norm: y_{t-1} = (y_t + beta_t s(y_t))/sqrt(alpha_t) + sqrt(N_t) z_t - zeta grad
 * |v - A x0hat(y_t)|  (28).
 *
 * @param[out] Y        n x (T + 1), column k is y_{T-k}; NAN at times that are not visited, and after `reached`. [pixel]
 * @param[out] reached  the last visited t whose y_t is finite: the end of the chain unless it diverges.
 * @param[in]  start    n x 1, y_T.                                                            [pixel]
 * @param[in]  Z        n x T, column k is the noise of step t = T - k, standard normal.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NONFINITE (start, Z); GREF_ERR_NOT_PD; GREF_ERR_NOMEM.
 * @error  per step that of gref_sampler_eval's "step".
 * @cost   per step one m x m Cholesky factorisation and a few products with A and U.
 * @see    THEORY section 6. Tests: test_replay.c
 */
gref_status gref_sampler_replay(gref_mat Y, int *reached, const gref_sampler *s, gref_cmat start,
                                gref_cmat Z)
{
    int n = s->z->n, T = s->schedule->T, t = gref_sampler_first(s);
    SCOPED(gref_literal) l = {0};
    SCOPED(gref_mat) E = {0};
    TRY(gref_require_shape(gref_const(Y), n, T + 1, "Y"));
    TRY(gref_require_shape(start, n, 1, "the start"));
    TRY(gref_require_shape(Z, n, T, "the noise"));
    TRY(gref_require_finite(start, "the start"));
    TRY(gref_require_finite(Z, "the noise"));
    TRY(gref_literal_new(&l, s, NULL, 1));
    gref_mat_fill(Y, NAN);
    gref_mat_copy(gref_mat_view(Y, 0, T - t, n, 1), start);
    TRY(gref_mat_new(&E, n, 1));
    TRY(gref_literal_enter(E, &l, gref_literal_root(&l, t), start));
    for (int next; (next = gref_sampler_next(s, t)) >= 0; t = next) {
        TRY(gref_literal_step(E, &l, t));
        TRY(gref_literal_add_noise(E, &l, t, gref_cmat_view(Z, 0, T - t, n, 1)));
        if (!gref_literal_alive(gref_const(E)))
            break;
        TRY(gref_literal_leave(gref_mat_view(Y, 0, T - next, n, 1), &l, gref_literal_root(&l, next),
                               gref_const(E)));
    }
    *reached = t;
    return GREF_OK;
}

/**
 * One function of a sampler at N points.
 *
 *     score         s(x, t) = -Sigma_t^-1 (x - sqrt(abar_t) mu)
 *     x0hat         mu + J (x - sqrt(abar_t) mu)                                                (23)
 *     guidance      W^T C^-1 (v - A x0hat(x)),  W = A J,  C = C_{v|t} whatever the placement;
 *                   dps-norm: -grad |v - A x0hat(x)|;  ddpm: 0
 *     guided_score  score + guidance                                          Algorithm 8, line 4
 *     step          the mean of y_{t-1} given y_t = x
 *     x0hat_projected  of rows that project: (V fx V^T x0hat + V fv W^T v)/sqrt(abar'), the image with the
 *                   data put in; diffpir: argmin |A u - v|^2 + rho |u - x0hat|^2
 *
 * @param[out] F  n x N, a value a column; may alias X. Undefined on error.
 * @param[in]  X  n x N, a point a column.                                                     [pixel]
 * @param[in]  t  a visited time that is not the last.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (t; X beyond 2^450; a quantity that the row does not have);
 *         GREF_ERR_NONFINITE (X); GREF_ERR_NOT_PD; GREF_ERR_NOMEM.
 * @error  score: c sqrt(n) eps cond(Sigma_t) |score|; x0hat: that times (1 - abar_t)/sqrt(abar_t); guidance:
 *         c sqrt(n) eps (cond(Sigma_t) + cond(C)) |W| |C^-1| |v - A x0hat|; c about 1.
 * @see    THEORY sections 3 and 4. Tests: test_replay.c
 */
gref_status gref_sampler_eval(gref_mat F, const gref_sampler *s, gref_quantity quantity,
                              gref_cmat X, int t)
{
    SCOPED(gref_literal) l = {0};
    TRY(gref_require_shape(X, s->z->n, X.n, "the points"));
    TRY(gref_require_shape(gref_const(F), s->z->n, X.n, "the values"));
    TRY(gref_require_finite(X, "the points"));
    REQUIRE(gref_mat_norm_max(X) <= 0x1p450, GREF_ERR_RANGE,
            "the points hold a value of %g, beyond 2^450 (2.9e135)", gref_mat_norm_max(X));
    TRY(gref_sampler_require_step(s, t));
    REQUIRE(!s->row->chain || quantity == GREF_QUANTITY_STEP, GREF_ERR_RANGE,
            "%s has no %s: it gives its steps as matrices", s->spec.label,
            gref_quantity_name((int)quantity));
    REQUIRE(!s->row->norm || quantity != GREF_QUANTITY_GUIDED_SCORE, GREF_ERR_RANGE,
            "%s has no guided score: its gradient is added after the step", s->row->name);
    REQUIRE(s->row->project == NULL ||
                (quantity != GREF_QUANTITY_GUIDANCE && quantity != GREF_QUANTITY_GUIDED_SCORE),
            GREF_ERR_RANGE, "%s has no %s: it projects x0hat", s->spec.label,
            gref_quantity_name((int)quantity));
    REQUIRE(s->row->project != NULL || quantity != GREF_QUANTITY_X0HAT_PROJECTED, GREF_ERR_RANGE,
            "%s has no %s: it does not project", s->spec.label, gref_quantity_name((int)quantity));
    TRY(gref_literal_new(&l, s, NULL, 1));
    return gref_literal_evaluate(F, &l, t, quantity, X);
}
