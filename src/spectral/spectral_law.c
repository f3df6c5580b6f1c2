/*
 * Exact marginal laws of a sampler for a stationary problem (THEORY sections 6 and 9), block by
 * block:
 *
 *     j_k     sqrt(abar) lambda_k/s_k, s_k = abar lambda_k + 1 - abar
 *     w_k     j_k a_k: A J in the block
 *     tau     kappa_t/C, C = C_{v|t} (1 for guidance "after")
 *     M       diag(g) - tau w w^T,  g_k = (h lambda_k + c)/s_k, the gain of the scheme (method/rule.c)
 *     mean    E y_t - sqrt(abar_t) mu_post, complex: the bias itself                          [pixel]
 *     P       covariance, real in these coordinates                                         [pixel^2]
 *
 *     mean <- M mean + tau w (r - sqrt(abar) w^T d) - q sqrt(abar) d/s
 *     P    <- M P M + N I
 *
 * The diagonal of M does not cancel (see diffusion/step.c), and M < -1 in some direction exactly
 * where tau sum w^2/(1 + g) > 1. Where the likelihood is exact and guides through the score, the
 * run is DDPM on the posterior: in its modes every step is diagonal, and nothing is added to the
 * mean.
 *
 *     V       d d^T <= V, d the difference of their means                                         [pixel^2]
 *     W       E D D^T <= W, D the difference of coupled draws of the computed law and of the exact one [pixel^2]
 *
 * follows the rounding of a law once a step has overshot, as in diffusion/majorant.c; what a step
 * adds to it is here an estimate from the sizes of its operands, not a bound.
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

static void release(gref_marginal *head)
{
    gref_spectral_law *law = (gref_spectral_law *)head;
    gref_cplx_free(&law->mean);
    gref_mat_free(&law->P);
    gref_mat_free(&law->W);
    gref_mat_free(&law->V);
    gref_mat_free(&law->terms[0]);
    gref_mat_free(&law->terms[1]);
    gref_spectral_sampler_free(&law->s);
}

double gref_spectral_law_trace(const gref_spectral_law *law)
{
    const gref_spectral *z = law->s.z;
    double trace = 0.0;
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++)
            trace += z->weight.a[b] * GREF_AT(law->P, law->diagonal ? k : k * (z->q + 1), b);
    return trace;
}

static double spread(const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    const gref_spectral *z = law->s.z;
    gref_time at = gref_time_at(law->s.schedule, head->t);
    double target = 0.0;
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++)
            target += z->weight.a[b] * gref_spectral_exact_variance(z, at.abar, at.qbar, k, b);
    return sqrt(gref_spectral_law_trace(law) / target);
}

/* N(mean, cov) of the conventions, block by block, the mean less sqrt(abar_T) mu_post. */
static gref_status begin(gref_spectral_law *law)
{
    const gref_spectral *z = law->s.z;
    int q = z->q;
    SCOPED(gref_block_step) x = {0};
    SCOPED(gref_cplx) m = {0};
    TRY(gref_block_step_new(&x, q));
    TRY(gref_cplx_new(&m, q, z->blocks));
    for (int b = 0; b < z->blocks; b++) {
        gref_block_start(&x, &law->s, law->head.t, b);
        for (int k = 0; k < q; k++) {
            GREF_AT(m.re, k, b) = GREF_AT(x.c, k, 0);
            GREF_AT(m.im, k, b) = GREF_AT(x.c, k, 1);
            for (int i = 0; i < q && !law->diagonal; i++)
                GREF_AT(law->P, k * q + i, b) = gref_block_noise(&x, &law->s, i, k, b);
            if (law->diagonal)
                GREF_AT(law->P, k, b) = gref_block_noise(&x, &law->s, k, k, b);
        }
    }
    if (law->posterior) {
        gref_spectral_rotate(law->mean, z, m, true);
        return GREF_OK;
    }
    gref_mat_copy(law->mean.re, gref_const(m.re));
    gref_mat_copy(law->mean.im, gref_const(m.im));
    return GREF_OK;
}

/* The exact p_T(x | v): mean 0. */
static gref_status exact_start(gref_spectral_law *law)
{
    const gref_spectral *z = law->s.z;
    double abar = law->s.schedule->abar[law->head.t], qbar = law->s.schedule->qbar[law->head.t];
    SCOPED(gref_mat) L = {0};
    TRY(gref_mat_new(&L, z->q, z->q));
    for (int b = 0; b < z->blocks; b++) {
        if (law->diagonal) {
            for (int k = 0; k < z->q; k++)
                GREF_AT(law->P, k, b) = gref_spectral_exact_variance(z, abar, qbar, k, b);
        } else {
            gref_mat P = {&GREF_AT(law->P, 0, b), z->q, z->q, z->q};
            gref_spectral_exact_factor(L, z, abar, qbar, b);
            TRY(gref_syrk(P, 1.0, gref_const(L), false, 0.0));
        }
    }
    return GREF_OK;
}

/* The scheme on the posterior, in its own modes: every step is diagonal. */
static gref_status advance_on_posterior(gref_spectral_law *law, const gref_rule *w)
{
    int size = law->P.m * law->P.n;
    double noise = law->s.general ? 0.0 : w->noise;
    SCOPED(gref_mat) M = {0}, c = {0};
    TRY(gref_mat_new(&M, size, 1));
    TRY(gref_mat_new(&c, size, 2));
    TRY(gref_posterior_steps_at(M, c, &law->s, law->head.t));
    for (int i = 0; i < size; i++) {
        double g = M.a[i];
        law->mean.re.a[i] = g * law->mean.re.a[i] + GREF_AT(c, i, 0);
        law->mean.im.a[i] = g * law->mean.im.a[i] + GREF_AT(c, i, 1);
        law->P.a[i] = g * g * law->P.a[i] + noise;
    }
    return GREF_OK;
}

/* P <- (diag(g) - tau u u^T) P (.) + N I for a full P; y is scratch. */
static inline void congruence(double *P, const double *g, const double *u, double tau, double noise,
                              double *y, int q)
{
    double uy = 0.0;
    for (int i = 0; i < q; i++) { /* y = P u */
        y[i] = 0.0;
        for (int k = 0; k < q; k++)
            y[i] += P[k * q + i] * u[k];
        uy += u[i] * y[i];
    }
    for (int j = 0; j < q; j++)
        for (int i = 0; i <= j; i++) {
            double gi = g[i], gj = g[j];
            double p = gi * P[j * q + i] * gj - tau * (gi * y[i] * u[j] + u[i] * y[j] * gj) +
                       tau * uy * tau * u[i] * u[j];
            P[j * q + i] = P[i * q + j] = i == j ? p + noise : p;
        }
}

/* tr P and |m|^2 of block b. */
static void block_sizes(const gref_spectral_law *law, int b, double *spread, double *mean)
{
    int q = law->s.z->q;
    *mean = *spread = 0.0;
    for (int k = 0; k < q; k++) {
        double re = GREF_AT(law->mean.re, k, b), im = GREF_AT(law->mean.im, k, b);
        *spread += GREF_AT(law->P, law->diagonal ? k : k * (q + 1), b);
        *mean += re * re + im * im;
    }
}

/* Relative rounding of a step of q x q: an estimate. */
static double rounding_unit(int q)
{
    return (16 + 4 * q) * GREF_U;
}

/* What a step whose M has at most the norm `norm`, and adds `shift` to the mean, does to the digits
 * of block b. */
static double fresh_error(double spread, double mean, double norm, double shift, double noise,
                          int q)
{
    double unit = rounding_unit(q), size = sqrt(spread + mean);
    double dP = unit * norm * norm * spread, rounding = sqrt(sqrt(q) * dP);
    if (noise > 0.0)
        rounding = fmin(rounding, dP / sqrt(noise));
    return unit * (norm * size + shift + sqrt(q * noise)) + rounding;
}

/*
 * That of the law and that of its mean, from the moments before the step; scratch holds g, u and y
 * of the block, y the coefficient of d, and `pull` is |r - w^T (.)|.
 */
static void fresh_errors(double fresh[2], const gref_spectral_law *law, int b,
                         const double *scratch, double tau, double pull, double noise)
{
    int q = law->s.z->q;
    const double *g = scratch, *u = scratch + q, *y = scratch + 2 * q;
    double shift = 0.0, norm = 0.0, uu = 0.0, spread, mean;
    for (int k = 0; k < q; k++) {
        norm = fmax(norm, g[k]);
        uu += u[k] * u[k];
        shift =
            fmax(shift, y[k] * hypot(GREF_AT(law->s.z->d.re, k, b), GREF_AT(law->s.z->d.im, k, b)));
    }
    norm = fmax(norm, tau * uu);
    shift = sqrt(q) * shift + tau * sqrt(uu) * pull;
    block_sizes(law, b, &spread, &mean);
    fresh[0] = fresh_error(spread, mean, norm, shift, noise, q);
    fresh[1] = rounding_unit(q) * (norm * sqrt(mean) + shift);
}

/* W <- (1 + theta) W + (1 + 1/theta) fresh^2 I, q x q, after W <- M W M^T, with the theta that makes
 * the trace least. */
static void add_fresh(double *W, double fresh, int q)
{
    double trace = 0.0;
    for (int k = 0; k < q; k++)
        trace += W[k * (q + 1)];
    double added = fresh * fresh, theta = 1.0;
    if (trace > 0.0)
        theta = fmax(sqrt(q * added / trace), 0x1p-400);
    for (int k = 0; k < q * q; k++)
        W[k] *= 1.0 + theta;
    for (int k = 0; k < q; k++)
        W[k * (q + 1)] += (1.0 + 1.0 / theta) * added;
}

/* One step of block b; true if M has an eigenvalue below -1. With a constant q the loops over k
 * fold away. */
static inline bool advance_block(gref_spectral_law *law, const gref_rule *w, double *scratch, int b,
                                 const int q)
{
    const gref_spectral *z = law->s.z;
    const double *lambda = &GREF_AT(z->lambda, 0, b), *a = &GREF_AT(z->a, 0, b);
    const double *d_re = &GREF_AT(z->d.re, 0, b), *d_im = &GREF_AT(z->d.im, 0, b);
    double *re = &GREF_AT(law->mean.re, 0, b), *im = &GREF_AT(law->mean.im, 0, b);
    double *g = scratch, *u = scratch + q, *y = scratch + 2 * q;
    double tau = gref_spectral_strength(&law->s, w, b), root = sqrt(w->at.abar);
    double pull_re = z->r.re.a[b], pull_im = z->r.im.a[b], overshoot = 0.0;
    for (int k = 0; k < q; k++) {
        double inverse = 1.0 / gref_forward_variance(w->at, lambda[k]);
        g[k] = (w->h * lambda[k] + w->c) * inverse;
        u[k] = root * lambda[k] * inverse * a[k];
        y[k] = w->q * root * inverse;
        pull_re -= u[k] * (root * d_re[k] + re[k]);
        pull_im -= u[k] * (root * d_im[k] + im[k]);
        overshoot += tau * u[k] * u[k] / (1.0 + g[k]);
    }
    double fresh[2] = {0.0, 0.0};
    if (law->W.a != NULL)
        fresh_errors(fresh, law, b, scratch, tau, hypot(pull_re, pull_im), w->noise);
    for (int k = 0; k < q; k++) {
        re[k] = g[k] * re[k] + tau * u[k] * pull_re - y[k] * d_re[k] + w->drift * d_re[k];
        im[k] = g[k] * im[k] + tau * u[k] * pull_im - y[k] * d_im[k] + w->drift * d_im[k];
    }
    if (b == 0) { /* the constant image that mu is */
        double drift = w->drift * z->mean * sqrt((double)z->n);
        re[0] += drift * z->phase.re.a[0];
        im[0] += drift * z->phase.im.a[0];
    }
    if (q == 1) {
        double M = g[0] - tau * u[0] * u[0];
        law->P.a[b] = M * M * law->P.a[b] + w->noise;
    } else if (law->diagonal) {
        for (int k = 0; k < q; k++)
            GREF_AT(law->P, k, b) = g[k] * g[k] * GREF_AT(law->P, k, b) + w->noise;
    } else {
        congruence(&GREF_AT(law->P, 0, b), g, u, tau, w->noise, y, q);
    }
    if (law->W.a != NULL) {
        congruence(&GREF_AT(law->W, 0, b), g, u, tau, 0.0, y, q);
        congruence(&GREF_AT(law->V, 0, b), g, u, tau, 0.0, y, q);
        add_fresh(&GREF_AT(law->W, 0, b), fresh[0], q);
        add_fresh(&GREF_AT(law->V, 0, b), fresh[1], q);
    }
    return overshoot > 1.0;
}

/* All blocks; true if some M_t has an eigenvalue below -1. */
static bool advance_blocks(gref_spectral_law *law, const gref_rule *w, double *scratch)
{
    const gref_spectral *z = law->s.z;
    bool unstable = false;
    if (z->q == 1) {
        for (int b = 0; b < z->blocks; b++)
            unstable |= advance_block(law, w, scratch, b, 1);
    } else {
        for (int b = 0; b < z->blocks; b++)
            unstable |= advance_block(law, w, scratch, b, z->q);
    }
    return unstable;
}

/* P <- M P M^T, q x q; work likewise. */
static gref_status general_congruence(double *P, gref_cmat M, gref_mat work)
{
    gref_mat block = {P, M.m, M.m, M.m};
    TRY(gref_gemm(work, 1.0, M, false, gref_const(block), false, 0.0));
    TRY(gref_gemm(block, 1.0, gref_const(work), false, M, true, 0.0));
    gref_mat_symmetrise(block);
    return GREF_OK;
}

/* True if M stretches a direction more than 1, and than the step without data; work is q x q. */
static gref_status stretches(bool *out, const gref_block_step *x, gref_mat work)
{
    double bound = fmax(1.0, x->free_norm) * (1.0 + 1e-9);
    TRY(gref_syrk(work, -1.0, gref_const(x->M), true, 0.0));
    for (int i = 0; i < work.m; i++)
        GREF_AT(work, i, i) += bound * bound;
    *out = !gref_cholesky_succeeds(work);
    return GREF_OK;
}

/* Block b by a step that is a matrix; `work` and `old` are q x q and q x 2. */
static gref_status advance_general(gref_spectral_law *law, const gref_block_step *x, gref_mat work,
                                   gref_mat old, int b)
{
    const gref_spectral *z = law->s.z;
    int q = z->q;
    double spread, mean;
    double norm = gref_mat_norm_fro(gref_const(x->M)), shift = gref_mat_norm_fro(gref_const(x->c));
    block_sizes(law, b, &spread, &mean);
    double fresh = fresh_error(spread, mean, norm, shift, fmin(x->noise, x->along), q);
    for (int k = 0; k < q; k++) {
        GREF_AT(old, k, 0) = GREF_AT(law->mean.re, k, b);
        GREF_AT(old, k, 1) = GREF_AT(law->mean.im, k, b);
    }
    gref_mat moved = gref_mat_view(work, 0, 0, q, 1);
    for (int part = 0; part < 2; part++) {
        gref_mat m = part == 0 ? law->mean.re : law->mean.im;
        gref_mat_copy(moved, gref_cmat_view(gref_const(x->c), 0, part, q, 1));
        TRY(gref_gemv(moved, 1.0, gref_const(x->M), false,
                      gref_cmat_view(gref_const(old), 0, part, q, 1), 1.0));
        for (int k = 0; k < q; k++)
            GREF_AT(m, k, b) = moved.a[k];
    }
    double *P = &GREF_AT(law->P, 0, b);
    TRY(general_congruence(P, gref_const(x->M), work));
    for (int j = 0; j < q; j++)
        for (int i = 0; i < q; i++)
            P[j * q + i] += gref_block_noise(x, &law->s, i, j, b);
    if (law->W.a == NULL)
        return GREF_OK;
    TRY(general_congruence(&GREF_AT(law->W, 0, b), gref_const(x->M), work));
    TRY(general_congruence(&GREF_AT(law->V, 0, b), gref_const(x->M), work));
    add_fresh(&GREF_AT(law->W, 0, b), fresh, q);
    add_fresh(&GREF_AT(law->V, 0, b), rounding_unit(q) * (norm * sqrt(mean) + shift), q);
    return GREF_OK;
}

static gref_status advance_general_blocks(gref_spectral_law *law, const gref_rule *w,
                                          bool *unstable)
{
    int q = law->s.z->q;
    bool stretched;
    SCOPED(gref_block_step) x = {0};
    SCOPED(gref_mat) work = {0}, old = {0};
    TRY(gref_block_step_new(&x, q));
    TRY(gref_mat_new(&work, q, q));
    TRY(gref_mat_new(&old, q, 2));
    for (int b = 0; b < law->s.z->blocks; b++) {
        TRY(gref_block_step_at(&x, &law->s, w, law->head.t, b));
        TRY(stretches(&stretched, &x, work));
        *unstable = *unstable || stretched;
        TRY(advance_general(law, &x, work, old, b));
    }
    return GREF_OK;
}

/* W at the first step that overshoots: rounding of all the steps before. */
static gref_status begin_errors(gref_spectral_law *law)
{
    int q = law->s.z->q;
    double unit = law->s.schedule->T * rounding_unit(q), spread, mean;
    TRY(gref_mat_new(&law->W, q * q, law->s.z->blocks));
    TRY(gref_mat_new(&law->V, q * q, law->s.z->blocks));
    for (int b = 0; b < law->W.n; b++) {
        block_sizes(law, b, &spread, &mean);
        for (int k = 0; k < q; k++) {
            GREF_AT(law->W, k * (q + 1), b) = unit * unit * (spread + mean + q);
            GREF_AT(law->V, k * (q + 1), b) = unit * unit * mean;
        }
    }
    return GREF_OK;
}

/* sum over all frequencies of tr X (q^2 x blocks). */
static double whole_trace(const gref_spectral *z, gref_mat X)
{
    double sum = 0.0;
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++)
            sum += z->weight.a[b] * GREF_AT(X, k * (z->q + 1), b);
    return sum;
}

/*
 * No digit is left of a law that grew by unstable steps and shrank again, rounding of the largest
 * remains; nor of a mean whose rounding grew in its place.
 */
static void note_losses(gref_spectral_law *law)
{
    const gref_spectral *z = law->s.z;
    double own = 0.0, mean = 0.0, spread, m;
    if (law->W.a == NULL || law->head.diverged)
        return;
    for (int b = 0; b < z->blocks; b++) {
        block_sizes(law, b, &spread, &m);
        own += z->weight.a[b] * (spread + m);
        mean += z->weight.a[b] * m;
    }
    law->head.lost = law->head.diverged = !(sqrt(whole_trace(z, law->W)) <= 0.1 * sqrt(own));
    law->head.mean_lost =
        law->head.mean_lost || !(sqrt(whole_trace(z, law->V)) <= 0.1 * sqrt(mean));
}

static gref_status advance(gref_marginal *head)
{
    gref_spectral_law *law = (gref_spectral_law *)head;
    gref_rule w = gref_spectral_rule(&law->s, law->head.t);
    SCOPED_MEM double *scratch = gref_alloc(3 * (size_t)law->s.z->q, sizeof *scratch);
    REQUIRE(scratch != NULL, GREF_ERR_NOMEM, "no memory for a step");
    bool unstable = false;
    if (law->posterior)
        TRY(advance_on_posterior(law, &w));
    else if (law->s.general)
        TRY(advance_general_blocks(law, &w, &unstable));
    else
        unstable = advance_blocks(law, &w, scratch);
    if (unstable && law->head.first_unstable == 0) {
        law->head.first_unstable = law->head.t;
        TRY(begin_errors(law));
    }
    law->head.diverged = !(gref_mat_norm_max(gref_const(law->P)) <= GREF_VARIANCE_LIMIT &&
                           gref_mat_norm_max(gref_const(law->mean.re)) <= GREF_MEAN_LIMIT &&
                           gref_mat_norm_max(gref_const(law->mean.im)) <= GREF_MEAN_LIMIT);
    note_losses(law);
    return GREF_OK;
}

void gref_spectral_law_centred(gref_cplx m, const gref_spectral_law *law)
{
    if (law->posterior) {
        gref_spectral_rotate(m, law->s.z, law->mean, false);
        return;
    }
    gref_mat_copy(m.re, gref_const(law->mean.re));
    gref_mat_copy(m.im, gref_const(law->mean.im));
}

static gref_status bias_of(gref_mat bias, const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    SCOPED(gref_room) room = {0};
    SCOPED(gref_cplx) m = {0};
    TRY(gref_room_new(&room, law->s.z));
    TRY(gref_cplx_new(&m, law->s.z->q, law->s.z->blocks));
    gref_spectral_law_centred(m, law);
    return gref_spectral_synthesise(bias, law->s.z, &room, m);
}

static gref_status mean_of(gref_mat mean, const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    SCOPED(gref_room) room = {0};
    const gref_spectral *z = law->s.z;
    double root = sqrt(law->s.schedule->abar[law->head.t]);
    SCOPED(gref_cplx) m = {0};
    TRY(gref_room_new(&room, z));
    TRY(gref_cplx_new(&m, z->q, z->blocks));
    gref_spectral_law_centred(m, law);
    gref_mat_axpy(m.re, root, gref_const(z->d.re));
    gref_mat_axpy(m.im, root, gref_const(z->d.im));
    TRY(gref_spectral_synthesise(mean, z, &room, m));
    for (int i = 0; i < mean.m; i++)
        mean.a[i] += root * z->mean;
    return GREF_OK;
}

/* In a block of M = diag(g) - tau w w^T that is where tau sum w^2/(1 + g) > 1. */
static gref_status stable_factor(double *factor, const gref_marginal *head)
{
    const gref_spectral_sampler *s = &gref_spectral_law_of(head)->s;
    const gref_spectral *z = s->z;
    double most = 0.0;
    *factor = NAN;
    if (s->general || !gref_row_has_guidance(s->row) ||
        !(s->row->phi == NULL || gref_row_guides_plainly(s->row, &s->spec.convention)))
        return GREF_OK;
    for (int t = gref_times_first(&s->spec, s->schedule->T); gref_times_next(&s->spec, t) >= 0;
         t = gref_times_next(&s->spec, t)) {
        gref_rule rule = gref_spectral_rule(s, t);
        for (int b = 0; b < z->blocks; b++) {
            double sum = 0.0;
            for (int k = 0; k < z->q; k++) {
                double lambda = GREF_AT(z->lambda, k, b);
                double w = gref_forward_gain(rule.at, lambda) * GREF_AT(z->a, k, b);
                sum += w * w / (1.0 + gref_rule_gain(&rule, lambda));
            }
            most = fmax(most, gref_spectral_strength(s, &rule, b) * sum);
        }
    }
    *factor = 1.0 / most;
    return GREF_OK;
}

static const gref_law_kind by_spectra = {
    .stable_factor = stable_factor,
    .release = release,
    .advance = advance,
    .spread = spread,
    .mean = mean_of,
    .cov = gref_spectral_law_cov,
    .bias = bias_of,
    .w2 = gref_spectral_law_w2,
    .w2_prior = gref_spectral_law_w2_prior,
    .w2_modelled = gref_spectral_law_w2_modelled,
};

const gref_spectral_law *gref_spectral_law_of(const gref_marginal *law)
{
    return law->kind == &by_spectra ? (const gref_spectral_law *)law : NULL;
}

/**
 * The law at the first visited time, by the convention "start".
 *
 * @param[out] law   owned by the caller; gref_marginal_free. Unchanged on error.
 * @param[in]  z, schedule  borrowed: must outlive the law.
 * @param[in]  spec  method name and conventions; copied.
 * @return GREF_OK; GREF_ERR_RANGE, GREF_ERR_NOT_PD (as gref_sampler_new); GREF_ERR_NOMEM.
 * @cost   3 n doubles, and r^2 n more where the law is not diagonal (r > 1; not for ddpm, nor for cgdm guided
 *         through the score).
 * @see    THEORY sections 6 and 9. Tests: test_spectral.c
 */
gref_status gref_marginal_spectral(gref_marginal **out_law, const gref_spectral *z,
                                   const gref_schedule *schedule, const gref_sampler_spec *spec)
{
    gref_spectral_law *law = gref_alloc(1, sizeof *law);
    REQUIRE(law != NULL, GREF_ERR_NOMEM, "no memory for a law");
    SCOPED_PTR(gref_marginal) *head = &law->head;
    law->head.kind = &by_spectra;
    TRY(gref_spectral_sampler_init(&law->s, z, schedule, spec));
    bool exact = spec->convention.start == GREF_START_EXACT;
    law->head.t = gref_times_first(spec, schedule->T);
    law->head.row = law->s.row;
    law->head.spec = &law->s.spec;
    law->head.targets = true;
    law->posterior = gref_spectral_runs_on_posterior(&law->s);
    law->diagonal =
        z->q == 1 || law->posterior || (!law->s.row->guided && !exact && !law->s.general);
    TRY(gref_cplx_new(&law->mean, z->q, z->blocks));
    TRY(gref_mat_new(&law->P, law->diagonal ? z->q : z->q * z->q, z->blocks));
    TRY(gref_mat_new(&law->terms[0], 1, z->blocks));
    TRY(gref_mat_new(&law->terms[1], 1, z->blocks));
    TRY(exact ? exact_start(law) : begin(law));
    gref_law_begin(head, law->head.t);
    *out_law = TAKE(head);
    return GREF_OK;
}
