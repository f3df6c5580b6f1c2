/*
 * A sampler: a row of the table of methods with its conventions, for one problem and schedule, and
 * what of it is constant in t.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "internal.h"

/** Frees the sampler; accepts NULL. */
void gref_sampler_free(gref_sampler *s)
{
    if (s == NULL)
        return;
    gref_mat *owned[] = {&s->G, &s->Br, &s->W, &s->b, &s->VT, &s->Wr, &s->kernel, &s->centre};
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
        gref_mat_free(owned[k]);
    gref_schedule_free(&s->own);
    gref_schedule_free(&s->midpoints);
    free(s);
}

/** What the sampler was made of. */
const gref_sampler_spec *gref_sampler_get_spec(const gref_sampler *s)
{
    return &s->spec;
}

/** True if the sampler uses v. */
bool gref_sampler_is_guided(const gref_sampler *s)
{
    return s->row->guided;
}

/** The visited times: the start, the one after t (-1 where t is the end or is not visited), the end. */
int gref_sampler_first(const gref_sampler *s)
{
    return gref_times_first(&s->spec, s->schedule->T);
}

int gref_sampler_next(const gref_sampler *s, int t)
{
    return t >= 0 && t <= s->schedule->T ? gref_times_next(&s->spec, t) : -1;
}

int gref_sampler_last(const gref_sampler *s)
{
    return gref_times_last(&s->spec);
}

/** True if p_t(x | v) is known there: an affine chain without abar is measured at its end alone. */
bool gref_sampler_has_target(const gref_sampler *s, int t)
{
    return s->targets || t == gref_sampler_last(s);
}

/** True if the sampler takes p_t(x | v) to be some Gaussian law: rows without a likelihood say nothing of the kind. */
bool gref_sampler_has_model(const gref_sampler *s)
{
    return gref_row_has_likelihood(s->row) || !s->row->guided;
}

/* The user's steps, which bring times of their own. */
static gref_status take_chain(gref_sampler *s)
{
    const gref_chain *chain = s->spec.chain;
    REQUIRE(chain != NULL, GREF_ERR_RANGE, "%s has no chain of steps", s->row->name);
    REQUIRE(chain->n == s->z->n, GREF_ERR_SHAPE,
            "the steps of %s act on %d pixels, the problem has %d", s->spec.label, chain->n,
            s->z->n);
    TRY(gref_affine_schedule(&s->own, chain));
    s->schedule = &s->own;
    s->targets = chain->abar != NULL;
    s->spec.n_times = 0;
    s->spec.convention.start = GREF_START_GIVEN;
    s->spec.convention.start_mean = gref_const(chain->start_mean);
    s->spec.convention.start_cov = gref_const(chain->start_cov);
    return GREF_OK;
}

/* mu_post in the modes that the sampler runs in. */
static gref_status find_centre(gref_sampler *s)
{
    const gref_modes *z = s->z;
    SCOPED(gref_mat) x = {0};
    TRY(gref_mat_new(&x, z->n, 1));
    TRY(gref_mat_new(&s->centre, z->n, 1));
    gref_mat_copy(x, gref_const(z->d));
    TRY(gref_gemv(x, 1.0, gref_const(z->U), true, gref_const(z->mu), 1.0));
    if (gref_sampler_runs_on_posterior(s))
        return gref_gemv(s->centre, 1.0, gref_const(z->X), true, gref_const(x), 0.0);
    gref_mat_copy(s->centre, gref_const(x));
    return GREF_OK;
}

/* The steps of likelihood rows in ddpm and ddim, on given betas, from a start without data. */
static bool is_proved(const gref_sampler *s)
{
    const gref_convention *c = &s->spec.convention;
    return gref_sampler_has_model(s) && !s->row->rows_summed && c->fault == GREF_FAULT_NONE &&
           s->schedule->kind == GREF_SCHEDULE_DISCRETE &&
           (c->scheme == GREF_SCHEME_DDPM || c->scheme == GREF_SCHEME_DDIM) &&
           c->variance != GREF_VARIANCE_FRACTION && /* pow rounds as its library pleases */
           (c->start == GREF_START_STANDARD || c->start == GREF_START_EXACT);
}

/* Refuses what the row cannot do; keeps what is constant in t. */
static gref_status prepare(gref_sampler *s)
{
    const gref_row *row = s->row;
    const gref_modes *z = s->z;
    gref_row_problem facts = {.m = z->m,
                              .n = z->n,
                              .schedule = s->schedule,
                              .sigma = z->sigma,
                              .lambda_least = z->lambda.a[0]};
    if (row->chain)
        TRY(take_chain(s));
    facts.schedule = s->schedule;
    if (row->phi_constant || row->project != NULL ||
        gref_start_projects(row, &s->spec.convention)) {
        TRY(gref_sampler_form_svd(s));
        facts.largest = s->b.a[0];
        facts.least = s->b.a[s->b.m - 1];
    }
    TRY(gref_row_refuse(row, &s->spec, &facts));
    s->proved = is_proved(s);
    TRY(find_centre(s));
    if (s->spec.convention.fault == GREF_FAULT_NOISE_WITHOUT_VT)
        TRY(gref_projection_form_kernel(s));
    if (gref_sampler_has_stages(s) && s->spec.convention.scheme == GREF_SCHEME_RK4)
        TRY(gref_schedule_doubled(&s->midpoints, s->schedule));
    if (gref_guidance_is_plain(s) ? gref_row_has_guidance(row)
                                  : gref_row_has_guidance(row) && row->phi == NULL)
        TRY(gref_sampler_form_gram(s));
    return GREF_OK;
}

/**
 * A sampler for one problem and schedule.
 *
 * @param[out] s         owned by the caller; gref_sampler_free. Unchanged on error.
 * @param[in]  z         borrowed: must outlive the sampler.
 * @param[in]  schedule  borrowed likewise.
 * @param[in]  spec      method name and conventions; copied, but what it points to is borrowed.
 * @return GREF_OK; GREF_ERR_RANGE (unknown name; alpha <= 0; zeta <= 0 with guidance "after" or dps-norm;
 *         dps with sigma = 0; times or eta out of range; guidance "mean" with ddim); GREF_ERR_SHAPE (a chain); GREF_ERR_NOT_PD (pigdm with sigma = 0 and a singular A A^T); GREF_ERR_NOMEM;
 *         GREF_ERR_NUMERICS.
 * @cost   dps and "after": one m x n product; pigdm: one SVD of A; cgdm, ddpm: nothing.
 * @see    THEORY sections 4 and 7. Tests: test_sampler.c
 */
gref_status gref_sampler_new(gref_sampler **out, const gref_modes *z, const gref_schedule *schedule,
                             const gref_sampler_spec *spec)
{
    SCOPED_PTR(gref_sampler) *s = gref_alloc(1, sizeof *s);
    REQUIRE(s != NULL, GREF_ERR_NOMEM, "no memory for a sampler");
    s->spec = *spec;
    s->z = z;
    s->schedule = schedule;
    s->targets = true;
    s->B_norm = gref_norm_2_up(gref_const(z->B));
    s->row = gref_row_find(spec->name);
    REQUIRE(s->row != NULL, GREF_ERR_RANGE, "no sampler is called \"%s\"", spec->name);
    if (s->row->norm)
        s->spec.convention.guidance = GREF_GUIDANCE_AFTER;
    TRY(prepare(s));
    *out = TAKE(s);
    return GREF_OK;
}

bool gref_sampler_runs_on_posterior(const gref_sampler *s)
{
    const gref_convention *c = &s->spec.convention;
    bool starts_apart = c->start == GREF_START_GIVEN && c->start_cov.m > 1; /* in other modes */
    return s->row->exact && c->guidance == GREF_GUIDANCE_SCORE && !starts_apart;
}

double gref_mode_variance(const gref_sampler *s, int t, int i)
{
    return gref_forward_variance(gref_time_at(s->schedule, t), s->z->lambda.a[i]);
}

double gref_mode_gain(const gref_sampler *s, int t, int i)
{
    return gref_forward_gain(gref_time_at(s->schedule, t), s->z->lambda.a[i]);
}

gref_rule gref_sampler_rule(const gref_sampler *s, int t)
{
    return gref_rule_at(s->row, &s->spec.convention, s->schedule,
                        gref_times_hop(&s->spec, s->schedule->T, t));
}

double gref_step_noise(const gref_sampler *s, int t)
{
    return s->row->chain || gref_sampler_has_stages(s) ? 0.0 : gref_sampler_rule(s, t).noise;
}
