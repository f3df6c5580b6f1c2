/*
 * The algorithms line by line: through the score, the denoised image and the gradient of the
 * likelihood, never through M_t. Drawing, replay and evaluation share this one step, so that what
 * they say tests the exact laws and does not repeat them; diagnosis runs it with switches on. In
 * modes of Sigma, with e = y - sqrt(abar_t) mu:
 *
 *     score     slope (e + in)                                slope = -1/s_t, in = 0
 *     x0hat     mu + gain (e + in) + out + lift (guidance)    gain = j_t, out = 0, lift = (1 - abar_t)/sqrt(abar_t)
 *     guidance  J^T B^T C^-1 (v - A x0hat)
 *
 * where the values to the right are those with every switch off; `in` and `out` are the parts of mu
 * that a deviation puts in the wrong place.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dense/internal.h"
#include "literal.h"

gref_switches gref_switches_right(const gref_sampler_spec *spec)
{
    gref_switches d = {.row = gref_row_find(spec->name),
                       .convention = spec->convention,
                       .noise_factor = 1.0,
                       .guidance_factor = 1.0,
                       .sigma_factor = 1.0,
                       .score_sign = 1.0,
                       .start_factor = 1.0};
    if (d.row->norm) { /* + zeta J^T A^T r/|r|, where guidance "after" has 2 zeta */
        d.row = gref_row_find("dps");
        d.convention.guidance = GREF_GUIDANCE_AFTER;
        d.convention.zeta *= 0.5;
        d.norm = true;
    }
    return d;
}

void gref_literal_free(gref_literal *l)
{
    gref_schedule_free(&l->shifted);
    gref_mat_free(&l->zmu);
    for (int k = 0; k < l->n_slots; k++)
        gref_noisy_root_free(&l->slot[k].root);
    free(l->slot);
    *l = (gref_literal){0};
}

gref_status gref_literal_new(gref_literal *out, const gref_sampler *s, gref_forms *forms, int slots)
{
    SCOPED(gref_literal) l = {.s = s, .forms = forms, .d = gref_switches_right(&s->spec)};
    TRY(gref_mat_new(&l.zmu, s->z->n, 1));
    TRY(gref_gemv(l.zmu, 1.0, gref_const(s->z->U), true, gref_const(s->z->mu), 0.0));
    l.slot = gref_alloc((size_t)slots, sizeof *l.slot);
    REQUIRE(l.slot != NULL, GREF_ERR_NOMEM, "no memory for a sampler");
    l.n_slots = slots;
    *out = TAKE(l);
    return GREF_OK;
}

/* ---- the schedule as it is read -------------------------------------------------------------- */

static int clamp(int t, int lo, int hi)
{
    return t < lo ? lo : t > hi ? hi : t;
}

gref_status gref_literal_deviate(gref_literal *l, const gref_switches *d)
{
    const gref_schedule *s = l->s->schedule;
    SCOPED(gref_schedule) read = {0};
    if (d->beta_shift != 0 || d->abar_shift != 0) {
        TRY(gref_schedule_copy(&read, s));
        for (int t = 0; t <= s->T; t++) {
            int at = clamp(t + d->abar_shift, 0, s->T);
            read.abar[t] = s->abar[at];
            read.qbar[t] = s->qbar[at];
            read.beta[t] = t == 0 ? 0.0 : s->beta[clamp(t + d->beta_shift, 1, s->T)];
            read.decay[t] = t == 0 ? 0.0 : s->decay[clamp(t + d->beta_shift, 1, s->T)];
            read.alpha[t] = 1.0 - read.beta[t];
            read.beta_tilde[t] =
                t > 0 && read.qbar[t] > 0.0 ? read.decay[t] * read.qbar[t - 1] / read.qbar[t] : 0.0;
        }
    }
    gref_schedule_free(&l->shifted);
    l->shifted = TAKE(read);
    l->d = *d;
    return GREF_OK;
}

const gref_schedule *gref_literal_schedule(const gref_literal *l)
{
    return l->shifted.beta != NULL ? &l->shifted : l->s->schedule;
}

gref_rule gref_literal_rule(const gref_literal *l, int t)
{
    return gref_rule_at(l->d.row, &l->d.convention, gref_literal_schedule(l),
                        gref_times_hop(&l->s->spec, l->s->schedule->T, t));
}

double gref_literal_noise(const gref_literal *l, int t)
{
    double noise =
        l->s->row->chain || gref_sampler_has_stages(l->s) ? 0.0 : gref_literal_rule(l, t).noise;
    if (l->d.no_noise)
        return 0.0;
    return l->d.noise_factor * (l->d.noise_variance_for_std ? noise * noise : noise);
}

/* ---- pixels and modes ------------------------------------------------------------------------ */

double gref_literal_root(const gref_literal *l, int t)
{
    return sqrt(l->s->schedule->abar[t]);
}

gref_status gref_literal_enter(gref_mat E, const gref_literal *l, double root, gref_cmat Y)
{
    SCOPED(gref_mat) X = {0};
    TRY(gref_mat_new(&X, Y.m, Y.n));
    for (int k = 0; k < Y.n; k++)
        for (int i = 0; i < Y.m; i++)
            GREF_AT(X, i, k) =
                GREF_AT(Y, l->d.column_major ? l->forms->place[i] : i, k) - root * l->s->z->mu.a[i];
    return gref_gemm(E, 1.0, gref_const(l->s->z->U), true, gref_const(X), false, 0.0);
}

gref_status gref_literal_leave(gref_mat Y, const gref_literal *l, double root, gref_cmat E)
{
    SCOPED(gref_mat) X = {0};
    TRY(gref_mat_new(&X, Y.m, Y.n));
    TRY(gref_gemm(X, 1.0, gref_const(l->s->z->U), false, E, false, 0.0));
    for (int k = 0; k < Y.n; k++)
        for (int i = 0; i < Y.m; i++)
            GREF_AT(Y, l->d.column_major ? l->forms->place[i] : i, k) =
                GREF_AT(X, i, k) + root * l->s->z->mu.a[i];
    return GREF_OK;
}

/* ---- score and denoiser, diagonal in modes --------------------------------------------------- */

gref_literal_mode gref_literal_mode_at(const gref_literal *l, int t, int i)
{
    const gref_switches *d = &l->d;
    const gref_schedule *read = gref_literal_schedule(l);
    gref_time at = gref_time_at(read, t), step = {read->alpha[t], read->beta[t]};
    gref_time score = d->score_alpha ? step : at, tweedie = d->denoiser_alpha ? step : at;
    double lambda = l->s->z->lambda.a[i], zmu = l->zmu.a[i];
    double s = gref_forward_variance(score, lambda);
    double f = d->score_sign * (d->score_is_eps ? sqrt(at.qbar) : 1.0);
    double divisor = d->denoiser_unscaled ? 1.0
                     : d->denoiser_abar   ? tweedie.abar
                                          : sqrt(tweedie.abar);
    double share = sqrt(score.abar) / divisor;
    bool consistent = f == 1.0 && tweedie.abar == score.abar; /* then nothing cancels */
    return (gref_literal_mode){.slope = -f / s,
                               .gain = consistent ? gref_forward_gain(score, lambda) * share
                                                  : (1.0 - tweedie.qbar * f / s) / divisor,
                               .lift = tweedie.qbar / divisor,
                               .in = (gref_literal_root(l, t) - sqrt(score.abar)) * zmu,
                               .out = (share - 1.0) * zmu};
}

/* X = score, or x0hat - mu, at E. */
void gref_literal_look(gref_mat X, const gref_literal *l, int t, gref_cmat E, bool denoise)
{
    for (int i = 0; i < X.m; i++) {
        gref_literal_mode k = gref_literal_mode_at(l, t, i);
        for (int j = 0; j < X.n; j++)
            GREF_AT(X, i, j) = denoise ? k.gain * (GREF_AT(E, i, j) + k.in) + k.out
                                       : k.slope * (GREF_AT(E, i, j) + k.in);
    }
}

/* X = diag(factor gain) E. */
static void apply_gain(gref_mat X, const gref_literal *l, int t, gref_cmat E, double factor)
{
    for (int i = 0; i < X.m; i++) {
        double gain = factor * gref_literal_mode_at(l, t, i).gain;
        for (int j = 0; j < X.n; j++)
            GREF_AT(X, i, j) = gain * GREF_AT(E, i, j);
    }
}

/* ---- likelihood ------------------------------------------------------------------------------ */

static double tau_of(const gref_literal *l, int t)
{
    double sigma = l->s->z->sigma * l->d.sigma_factor;
    const double forms[] = {sigma, sqrt(sigma), 1.0, sigma * sigma};
    return l->d.row->tau(&l->d.convention, gref_time_at(gref_literal_schedule(l), t),
                         forms[l->d.sigma2_form]);
}

static double phi_of(const gref_literal *l, int t, double lambda)
{
    const gref_schedule *read = gref_literal_schedule(l);
    const gref_row *row = l->d.row;
    if (row->phi == NULL)
        return 0.0;
    double phi = row->phi(&l->d.convention, gref_time_at(read, t), lambda);
    if (!row->phi_constant || l->d.r2_form == GREF_R2_FORM)
        return phi;
    return l->d.r2_form == GREF_R2_FORM_ROOT ? sqrt(phi) : read->beta[t];
}

/* A U and v - A mu, or what stands there. */
static gref_status operator_of(gref_cmat *B, gref_cmat *r, gref_literal *l)
{
    if (l->d.operator_form != GREF_OPERATOR_GIVEN)
        return gref_forms_operator(B, r, l->forms, l->d.operator_form);
    *B = gref_const(l->s->z->B);
    *r = gref_const(l->s->z->r);
    return GREF_OK;
}

/* Y = B diag(sqrt phi), fresh: C = Y Y^T + tau I. */
static gref_status likelihood_factor(gref_mat *Y, gref_literal *l, int t)
{
    gref_cmat B, r;
    SCOPED(gref_mat) root = {0};
    TRY(operator_of(&B, &r, l));
    TRY(gref_mat_new(Y, B.m, B.n));
    TRY(gref_mat_new(&root, B.n, 1));
    gref_mat_copy(*Y, B);
    for (int j = 0; j < B.n; j++)
        root.a[j] = sqrt(phi_of(l, t, l->s->z->lambda.a[j]));
    gref_mat_scale_cols(*Y, gref_const(root));
    return GREF_OK;
}

/* The sums of the rows of A phi(Sigma) A^T, fresh, m x 1. */
static gref_status row_sums(gref_mat *sums, gref_literal *l, int t)
{
    SCOPED(gref_mat) Y = {0}, across = {0};
    TRY(likelihood_factor(&Y, l, t));
    TRY(gref_mat_new(sums, Y.m, 1));
    TRY(gref_mat_new(&across, Y.n, 1));
    gref_mat_fill(*sums, 1.0);
    TRY(gref_gemv(across, 1.0, gref_const(Y), true, gref_const(*sums), 0.0));
    return gref_gemv(*sums, 1.0, gref_const(Y), false, gref_const(across), 0.0);
}

gref_status gref_literal_likelihood(gref_mat C, gref_literal *l, int t)
{
    SCOPED(gref_mat) Y = {0}, sums = {0};
    if (l->d.row->rows_summed) {
        TRY(row_sums(&sums, l, t));
        gref_mat_fill(C, 0.0);
    } else {
        TRY(likelihood_factor(&Y, l, t));
        TRY(gref_syrk(C, 1.0, gref_const(Y), false, 0.0));
    }
    for (int i = 0; i < C.m; i++)
        GREF_AT(C, i, i) += tau_of(l, t) + (sums.a != NULL ? sums.a[i] : 0.0);
    return GREF_OK;
}

/* R's rows from the last to the first. */
static void reverse(gref_mat R)
{
    for (int k = 0; k < R.n; k++)
        for (int i = 0; i < R.m / 2; i++) {
            double r = GREF_AT(R, i, k);
            GREF_AT(R, i, k) = GREF_AT(R, R.m - 1 - i, k);
            GREF_AT(R, R.m - 1 - i, k) = r;
        }
}

/*
 * R <- C^-1 R by the SVD: W diag(1/(phi b^2 + tau)) W^T R + (R - W W^T R)/tau. Every form of A has
 * the same b, and the same W but for the order of its rows.
 */
static gref_status solve_by_svd(gref_mat R, const gref_literal *l, int t)
{
    gref_cmat W = gref_const(l->s->W);
    SCOPED(gref_mat) Y = {0};
    bool whole = W.m == W.n, flipped = l->d.operator_form == GREF_OPERATOR_FLIPPED;
    bool pseudo = l->d.row->pseudo;
    double phi = phi_of(l, t, 0.0), tau = tau_of(l, t);
    double beside = whole || pseudo ? 0.0 : 1.0 / tau;
    TRY(gref_mat_new(&Y, W.n, R.n));
    if (flipped)
        reverse(R);
    TRY(gref_gemm(Y, 1.0, W, true, gref_const(R), false, 0.0));
    if (!whole)
        TRY(gref_gemm(R, -beside, W, false, gref_const(Y), false, beside));
    for (int i = 0; i < Y.m; i++)
        for (int k = 0; k < Y.n; k++)
            GREF_AT(Y, i, k) /=
                pseudo && l->s->b.a[i] == 0.0 ? INFINITY : phi * l->s->b.a[i] * l->s->b.a[i] + tau;
    TRY(gref_gemm(R, 1.0, W, false, gref_const(Y), false, beside == 0.0 ? 0.0 : 1.0));
    if (flipped)
        reverse(R);
    return GREF_OK;
}

/* R <- C^-1 R by a root of C, kept for the next that needs it. */
static gref_status solve_by_root(gref_mat R, gref_literal *l, int t)
{
    const gref_modes *z = l->s->z;
    gref_literal_slot *slot = &l->slot[t % l->n_slots];
    const double key[4] = {l->d.operator_form, gref_literal_schedule(l)->abar[t], tau_of(l, t), t};
    SCOPED(gref_mat) Y = {0};
    if (slot->root.L.a == NULL || memcmp(slot->key, key, sizeof key) != 0) {
        gref_noisy_root_free(&slot->root);
        TRY(likelihood_factor(&Y, l, t));
        gref_status status = gref_noisy_root_new(&slot->root, Y, tau_of(l, t), (gref_cmat){0});
        REQUIRE(status != GREF_ERR_NOT_PD, GREF_ERR_NOT_PD,
                "C_{v|t} of %s at t = %d is singular to rounding: sigma = %g, A is %d x %d, Sigma "
                "%d x %d; its algorithm cannot be run in doubles",
                l->s->spec.name, t, z->sigma, z->m, z->n, z->n, z->n);
        TRY(status);
        memcpy(slot->key, key, sizeof key);
    }
    TRY(gref_noisy_root_divide(R, &slot->root, false));
    return gref_noisy_root_divide(R, &slot->root, true);
}

/* R <- R over the row sums of A phi(Sigma) A^T, and tau. */
static gref_status solve_by_row_sums(gref_mat R, gref_literal *l, int t)
{
    SCOPED(gref_mat) sums = {0};
    TRY(row_sums(&sums, l, t));
    for (int k = 0; k < R.n; k++)
        for (int i = 0; i < R.m; i++)
            GREF_AT(R, i, k) /= sums.a[i] + tau_of(l, t);
    return GREF_OK;
}

static gref_status solve(gref_mat R, gref_literal *l, int t)
{
    const gref_row *row = l->d.row;
    if (row->rows_summed)
        return solve_by_row_sums(R, l, t);
    if (row->phi != NULL)
        return row->phi_constant ? solve_by_svd(R, l, t) : solve_by_root(R, l, t);
    double tau = tau_of(l, t);
    for (int k = 0; k < R.n; k++)
        for (int i = 0; i < R.m; i++)
            GREF_AT(R, i, k) /= tau;
    return GREF_OK;
}

/* ---- guidance -------------------------------------------------------------------------------- */

/* Every column over its norm: -R/|R| is the gradient of |r| in r. A column of zeros stays. */
static void normalise(gref_mat R)
{
    for (int k = 0; k < R.n; k++) {
        gref_mat r = gref_mat_view(R, 0, k, R.m, 1);
        double norm = gref_mat_norm_fro(gref_const(r));
        for (int i = 0; i < R.m && norm > 0.0; i++)
            GREF_AT(r, i, 0) /= norm;
    }
}

/* A factor on the guidance that is no part of its placement. */
static double guidance_scale(const gref_literal *l, int t)
{
    const gref_schedule *read = gref_literal_schedule(l);
    double factor = l->d.guidance_factor;
    if (l->d.guidance_root >= 1)
        factor *= sqrt(read->abar[t]);
    if (l->d.guidance_root >= 2)
        factor *= sqrt(read->abar[gref_sampler_next(l->s, t)]);
    return factor;
}

/* D = J^T B^T C^-1 (v - A x0hat) at E; plain: C = I, as guidance "after" has it. With A in the
 * place of A^T, the map is not symmetric. */
gref_status gref_literal_guidance(gref_mat D, gref_literal *l, int t, gref_cmat E, bool plain,
                                  gref_part what)
{
    gref_cmat B, r, At;
    SCOPED(gref_mat) X = {0}, R = {0};
    bool swapped = l->d.adjoint_is_A;
    TRY(operator_of(&B, &r, l));
    TRY(gref_mat_new(&X, E.m, E.n));
    TRY(gref_mat_new(&R, B.m, E.n));
    if (swapped)
        TRY(gref_forms_adjoint(&At, l->forms, l->d.operator_form));
    if (what == GREF_PART_WHOLE) {
        gref_literal_look(X, l, t, E, true);
        for (int k = 0; k < R.n; k++)
            gref_mat_copy(gref_mat_view(R, 0, k, R.m, 1), r);
    } else {
        apply_gain(X, l, t, E, 1.0);
    }
    if (swapped && what == GREF_PART_TRANSPOSED)
        TRY(gref_gemm(R, -1.0, At, true, gref_const(X), false, 1.0));
    else
        TRY(gref_gemm(R, -1.0, B, false, gref_const(X), false, 1.0));
    if (l->d.norm)
        normalise(R);
    if (!plain)
        TRY(solve(R, l, t));
    if (swapped && what != GREF_PART_TRANSPOSED)
        TRY(gref_gemm(D, 1.0, At, false, gref_const(R), false, 0.0));
    else
        TRY(gref_gemm(D, 1.0, B, true, gref_const(R), false, 0.0));
    apply_gain(D, l, t, gref_const(D), guidance_scale(l, t));
    return GREF_OK;
}
