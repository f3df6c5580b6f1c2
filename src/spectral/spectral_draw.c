/*
 * Samples of whole chains for a stationary problem. A step by one evaluation of the score is Algorithms 1
 * and 8 line by line, as diffusion/draw.c: through the score, the denoised image and the gradient of the
 * likelihood, never through M_t. Other steps and the starts are those of spectral_step.c.
 *
 *     E    q x blocks, y_t - sqrt(abar_t) mu in the coordinates of z, one image                   [pixel]
 *     Z    q x blocks, the step's noise: that of pixels, transformed                              [1]
 *
 * The chains share their noise, so each is transformed once whatever the number of chains.
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/random.h>

/* Samples beyond this have diverged, as in diffusion/draw.c. */
#define SAMPLE_LIMIT 0x1p450

static gref_status noise(gref_cplx Z, gref_mat pixels, const gref_spectral *z, gref_room *room,
                         uint64_t seed, gref_stream stream, uint32_t substream, int sample)
{
    gref_random_normal(pixels, seed, stream, substream, (uint64_t)sample * (uint64_t)z->n);
    return gref_spectral_analyse(Z, z, room, gref_const(pixels));
}

/* m <- X diag(sqrt(abar rho^2 + qbar)) X^T m: the symmetric root of the exact covariance. T is
 * scratch. */
static void apply_exact_root(gref_cplx m, gref_cplx T, const gref_spectral *z, double abar,
                             double qbar)
{
    gref_spectral_rotate(T, z, m, true);
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++) {
            double sd = sqrt(gref_spectral_exact_variance(z, abar, qbar, k, b));
            GREF_AT(T.re, k, b) *= sd;
            GREF_AT(T.im, k, b) *= sd;
        }
    gref_spectral_rotate(m, z, T, false);
}

/**
 * Samples of the exact posterior.
 *
 *     mu_post + Sigma_post^1/2 xi,  the symmetric root, xi normal numbers of (seed, GREF_STREAM_PRIOR, 1)
 *
 * @param[out] Y  n x N, one sample a column, sample k from numbers k n .. (k + 1) n - 1. Undefined on error.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM.
 * @see    Tests: test_spectral.c
 */
gref_status gref_spectral_posterior_draw(gref_mat Y, const gref_spectral *z, uint64_t seed)
{
    SCOPED(gref_room) room = {0};
    SCOPED(gref_cplx) E = {0}, T = {0};
    TRY(gref_require_shape(gref_const(Y), z->n, Y.n, "Y"));
    TRY(gref_room_new(&room, z));
    TRY(gref_cplx_new(&E, z->q, z->blocks));
    TRY(gref_cplx_new(&T, z->q, z->blocks));
    for (int k = 0; k < Y.n; k++) {
        gref_mat column = gref_mat_view(Y, 0, k, z->n, 1);
        TRY(noise(E, column, z, &room, seed, GREF_STREAM_PRIOR, 1, k));
        apply_exact_root(E, T, z, 1.0, 0.0);
        gref_mat_axpy(E.re, 1.0, gref_const(z->d.re));
        gref_mat_axpy(E.im, 1.0, gref_const(z->d.im));
        TRY(gref_spectral_synthesise(column, z, &room, E));
        for (int i = 0; i < z->n; i++)
            column.a[i] += z->mean;
    }
    return GREF_OK;
}

/* e <- M (e - root d) + c + next d + N^1/2 noise, the symmetric root, for one part of block b: the real or
 * the imaginary. Largest coordinate, or NaN. */
static double move_part(double *e, const double *d, const double *noise, double *moved,
                        const gref_spectral_sampler *s, const gref_block_step *x, int part,
                        const double roots[2], int b)
{
    int q = s->z->q;
    const double *a = &GREF_AT(s->z->a, 0, b);
    double singular = gref_spectral_singular(s, b), sd = sqrt(x->noise), across = 0.0, most = 0.0;
    for (int k = 0; singular > 0.0 && k < q; k++)
        across += (sqrt(x->along) - sd) * a[k] / singular * noise[k];
    for (int i = 0; i < q; i++) {
        moved[i] = GREF_AT(x->c, i, part) + roots[1] * d[i] + sd * noise[i];
        if (singular > 0.0)
            moved[i] += across * a[i] / singular;
        for (int k = 0; k < q; k++)
            moved[i] += GREF_AT(x->M, i, k) * (e[k] - roots[0] * d[k]);
    }
    for (int i = 0; i < q; i++) {
        e[i] = moved[i];
        most = isnan(e[i]) ? NAN : fmax(most, fabs(e[i]));
        if (isnan(most))
            break;
    }
    return most;
}

/* An affine step of block b, or a start, whose M is 0. T is scratch; `roots` are sqrt(abar) before and after. */
static double move_block(gref_cplx E, gref_cplx Z, gref_cplx T, const gref_spectral_sampler *s,
                         const gref_block_step *x, const double roots[2], int b)
{
    const gref_spectral *z = s->z;
    double re = move_part(&GREF_AT(E.re, 0, b), &GREF_AT(z->d.re, 0, b), &GREF_AT(Z.re, 0, b),
                          &GREF_AT(T.re, 0, b), s, x, 0, roots, b);
    double im = move_part(&GREF_AT(E.im, 0, b), &GREF_AT(z->d.im, 0, b), &GREF_AT(Z.im, 0, b),
                          &GREF_AT(T.im, 0, b), s, x, 1, roots, b);
    return isnan(re) || isnan(im) ? NAN : fmax(re, im);
}

/* y_T - sqrt(abar_T) mu from its noise Z. T and x are scratch. */
static void start(gref_cplx E, gref_cplx Z, gref_cplx T, gref_block_step *x,
                  const gref_spectral_sampler *s)
{
    const gref_spectral *z = s->z;
    int first = gref_times_first(&s->spec, s->schedule->T);
    gref_time at = gref_time_at(s->schedule, first);
    double roots[2] = {0.0, sqrt(at.abar)};
    if (s->spec.convention.start != GREF_START_EXACT) {
        gref_mat_fill(x->M, 0.0);
        for (int b = 0; b < z->blocks; b++) {
            gref_block_start(x, s, first, b);
            move_block(E, Z, T, s, x, roots, b);
        }
        return;
    }
    gref_mat_copy(E.re, gref_const(Z.re));
    gref_mat_copy(E.im, gref_const(Z.im));
    apply_exact_root(E, T, z, at.abar, at.qbar);
    gref_mat_axpy(E.re, roots[1], gref_const(z->d.re));
    gref_mat_axpy(E.im, roots[1], gref_const(z->d.im));
}

/* y_{t-1} from y_t and the noise: largest coordinate, or NaN. */
static double backward_step(gref_cplx E, gref_cplx Z, const gref_spectral_sampler *s,
                            const gref_rule *w)
{
    const gref_spectral *z = s->z;
    double sd = sqrt(w->noise), most = 0.0, drift = w->drift * z->mean * sqrt((double)z->n);
    for (int b = 0; b < z->blocks; b++) {
        double strength = gref_spectral_strength(s, w, b), re = z->r.re.a[b], im = z->r.im.a[b];
        for (int k = 0; k < z->q; k++) { /* v - A x0hat */
            double lambda = GREF_AT(z->lambda, k, b);
            double gain = GREF_AT(z->a, k, b) * gref_forward_gain(w->at, lambda);
            re -= gain * GREF_AT(E.re, k, b);
            im -= gain * GREF_AT(E.im, k, b);
        }
        for (int k = 0; k < z->q; k++) {
            double lambda = GREF_AT(z->lambda, k, b), s_k = gref_forward_variance(w->at, lambda);
            double pull = strength * (GREF_AT(z->a, k, b) * gref_forward_gain(w->at, lambda));
            double *e_re = &GREF_AT(E.re, k, b), *e_im = &GREF_AT(E.im, k, b);
            *e_re = w->p * *e_re - w->q * *e_re / s_k + pull * re + sd * GREF_AT(Z.re, k, b);
            *e_im = w->p * *e_im - w->q * *e_im / s_k + pull * im + sd * GREF_AT(Z.im, k, b);
            if (k == 0 && b == 0) { /* the constant image that mu is */
                *e_re += drift * z->phase.re.a[0];
                *e_im += drift * z->phase.im.a[0];
            }
            most = fmax(most, fmax(fabs(*e_re), fabs(*e_im)));
            if (isnan(*e_re) || isnan(*e_im))
                return NAN;
        }
    }
    return most;
}

/* Everything of a draw: E[k * N + i] is sample i of chain k. */
typedef struct {
    int count, N;
    gref_spectral_sampler *s;
    gref_cplx *E, Z, T;
    gref_block_step x;
    gref_mat pixels;
    gref_room room;
} chains;

static void chains_free(chains *c)
{
    for (int i = 0; c->E != NULL && i < c->count * c->N; i++)
        gref_cplx_free(&c->E[i]);
    free(c->E);
    for (int k = 0; c->s != NULL && k < c->count; k++)
        gref_spectral_sampler_free(&c->s[k]);
    free(c->s);
    gref_block_step_free(&c->x);
    gref_cplx_free(&c->Z);
    gref_cplx_free(&c->T);
    gref_mat_free(&c->pixels);
    gref_room_free(&c->room);
}

static gref_status chains_new(chains *c, const gref_spectral *z, const gref_schedule *schedule,
                              const gref_sampler_spec *const *specs, int count, int N)
{
    *c = (chains){.count = count, .N = N};
    c->s = gref_alloc((size_t)count, sizeof *c->s);
    c->E = gref_alloc((size_t)count * (size_t)N, sizeof *c->E);
    REQUIRE(c->s != NULL && c->E != NULL, GREF_ERR_NOMEM, "no memory for %d chains", count);
    for (int k = 0; k < count; k++)
        TRY(gref_spectral_sampler_init(&c->s[k], z, schedule, specs[k]));
    TRY(gref_block_step_new(&c->x, z->q));
    for (int i = 0; i < count * N; i++)
        TRY(gref_cplx_new(&c->E[i], z->q, z->blocks));
    TRY(gref_cplx_new(&c->Z, z->q, z->blocks));
    TRY(gref_cplx_new(&c->T, z->q, z->blocks));
    TRY(gref_mat_new(&c->pixels, z->n, 1));
    return gref_room_new(&c->room, z);
}

/* True if a step of the chain leaves t. */
static bool leaves(const gref_spectral_sampler *s, int t)
{
    return t <= gref_times_first(&s->spec, s->schedule->T) && gref_times_next(&s->spec, t) >= 0;
}

/* True if some chain has noise at t. */
static bool any_noise(const chains *c, int t)
{
    for (int k = 0; k < c->count; k++)
        if (leaves(&c->s[k], t) &&
            (c->s[k].row->project != NULL || gref_spectral_rule(&c->s[k], t).noise > 0.0))
            return true;
    return false;
}

/* The i-th sample of chain k from t on; *diverged is set where it leaves what is held. */
static gref_status step_one(chains *c, bool *diverged, int k, int i, int t)
{
    const gref_spectral_sampler *s = &c->s[k];
    gref_rule w = gref_spectral_rule(s, t);
    gref_cplx E = c->E[k * c->N + i];
    double roots[2] = {sqrt(w.at.abar), sqrt(w.next.abar)}, most = 0.0;
    if (!s->general)
        most = backward_step(E, c->Z, s, &w);
    for (int b = 0; s->general && b < s->z->blocks && !isnan(most); b++) {
        TRY(gref_block_step_at(&c->x, s, &w, t, b));
        double own = move_block(E, c->Z, c->T, s, &c->x, roots, b);
        most = isnan(own) ? NAN : fmax(most, own);
    }
    *diverged = !(most <= SAMPLE_LIMIT);
    return GREF_OK;
}

static gref_status step_all(chains *c, bool *diverged, const gref_spectral *z, uint64_t seed, int t)
{
    bool noisy = any_noise(c, t);
    for (int i = 0; i < c->N; i++) {
        if (noisy)
            TRY(noise(c->Z, c->pixels, z, &c->room, seed, GREF_STREAM_STEP, (uint32_t)t, i));
        for (int k = 0; k < c->count; k++)
            if (leaves(&c->s[k], t) && !diverged[k])
                TRY(step_one(c, &diverged[k], k, i, t));
    }
    return GREF_OK;
}

/**
 * Draws samples of the last y by running samplers side by side on the same noise.
 *
 *     y_{t-1} = (y_t + beta_t s~(y_t))/sqrt(alpha_t) + sigma_t z_t        Algorithms 1, 8
 *
 * The numbers are gref_sampler_draw's: sample i uses numbers i n .. (i + 1) n - 1 of the streams
 * START (y_T) and STEP, substream t (z_t, in pixels), so the samples are those of the dense path to
 * rounding.
 *
 * @param[out] Y         Y[k]: n x N, samples of chain k, one a column; the same N for all. Undefined on error.
 * @param[out] diverged  diverged[k]: the samples of chain k have left 2^450, Y[k] is undefined.
 * @param[in]  specs     the samplers, `count` of them.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE, GREF_ERR_NOT_PD (as gref_sampler_new); GREF_ERR_NOMEM.
 * @cost   per step and sample one transform, n random numbers, and O(n) for each chain; 2 n (count N + 3) doubles.
 * @see    THEORY section 6. Tests: test_spectral.c (against gref_sampler_draw)
 */
gref_status gref_spectral_draw(gref_mat *Y, bool *diverged, const gref_spectral *z,
                               const gref_schedule *schedule, const gref_sampler_spec *const *specs,
                               int count, uint64_t seed)
{
    int N = count > 0 ? Y[0].n : 0;
    SCOPED(chains) c = {0};
    if (count == 0)
        return GREF_OK;
    for (int k = 0; k < count; k++)
        TRY(gref_require_shape(gref_const(Y[k]), z->n, N, "Y"));
    TRY(chains_new(&c, z, schedule, specs, count, N));
    for (int i = 0; i < N; i++) {
        TRY(noise(c.Z, c.pixels, z, &c.room, seed, GREF_STREAM_START, 0, i));
        for (int k = 0; k < count; k++)
            start(c.E[k * N + i], c.Z, c.T, &c.x, &c.s[k]);
    }
    for (int k = 0; k < count; k++)
        diverged[k] = false;
    for (int t = schedule->T; t >= 1; t--)
        TRY(step_all(&c, diverged, z, seed, t));
    for (int k = 0; k < count; k++)
        for (int i = 0; i < N && !diverged[k]; i++) {
            gref_mat column = gref_mat_view(Y[k], 0, i, z->n, 1);
            double root = sqrt(schedule->abar[gref_times_last(specs[k])]);
            TRY(gref_spectral_synthesise(column, z, &c.room, c.E[k * N + i]));
            for (int p = 0; p < z->n; p++)
                column.a[p] += root * z->mean;
        }
    return GREF_OK;
}
