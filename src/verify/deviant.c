/* A sampler with deviations: the literal algorithm with switches on, and the laws that belong to
 * it. */
#include <math.h>
#include <stdlib.h>

#include "dense/internal.h"
#include "internal.h"
#include <gref/psd.h>

enum { SLOTS = 16 };

void gref_deviant_free(gref_deviant *d)
{
    if (d == NULL)
        return;
    gref_literal_free(&d->l);
    gref_forms_free(&d->forms);
    gref_sampler_free(d->s);
    gref_modes_free(&d->z);
    free(d);
}

gref_status gref_deviant_new(gref_deviant **out_d, const gref_problem *p,
                             const gref_schedule *schedule, const gref_sampler_spec *spec)
{
    SCOPED_PTR(gref_deviant) *d = gref_alloc(1, sizeof *d);
    REQUIRE(d != NULL, GREF_ERR_NOMEM, "no memory for a diagnosis");
    REQUIRE(spec->chain == NULL, GREF_ERR_RANGE,
            "%s: its steps are given as matrices, no deviation of the catalogue is theirs",
            spec->label);
    d->p = p;
    TRY(gref_modes_new(&d->z, p));
    TRY(gref_sampler_new(&d->s, &d->z, schedule, spec));
    if (d->s->W.a == NULL) /* for a deviant that takes another likelihood */
        TRY(gref_sampler_form_svd(d->s));
    TRY(gref_forms_new(&d->forms, p, &d->z));
    TRY(gref_literal_new(&d->l, d->s, &d->forms, SLOTS));
    *out_d = TAKE(d);
    return GREF_OK;
}

/* Without a C_{v|t} of its own a row has no other, no forms of r_t^2, and no place for its guidance. */
static bool has_switches_of_likelihood(const gref_deviant *d, const gref_switches *s)
{
    return s->row != gref_switches_right(&d->s->spec).row || s->r2_form != GREF_R2_FORM ||
           s->norm != d->s->row->norm || s->convention.guidance != d->s->spec.convention.guidance;
}

bool gref_deviant_possible(const gref_deviant *d, const gref_switches *s)
{
    const gref_row *row = d->s->row;
    bool divides =
        s->row->guided && gref_row_has_likelihood(s->row) && s->row->phi == NULL; /* by sigma^2 */
    bool free = gref_row_has_likelihood(row) || row->norm || !row->guided;
    if (s->adjoint_is_A && d->p->A.m != d->p->A.n)
        return false;
    if (!free && has_switches_of_likelihood(d, s))
        return false;
    if (s->row->guided && s->convention.guidance == GREF_GUIDANCE_MEAN &&
        s->convention.scheme != GREF_SCHEME_DDPM)
        return false;
    return !divides || d->p->sigma > 0.0;
}

bool gref_deviant_affine(const gref_switches *s)
{
    return !s->norm || !s->row->guided;
}

/* guided(e) = g - H e, e centred: the law N(H^-1 g, H^-1) that the guided score belongs to. */
gref_status gref_deviant_modelled(gref_mat mean, gref_mat cov, gref_deviant *d, int t)
{
    int n = d->z.n;
    SCOPED(gref_mat) I = {0}, H = {0}, g = {0}, zero = {0};
    TRY(gref_mat_new(&I, n, n));
    TRY(gref_mat_new(&H, n, n));
    TRY(gref_mat_new(&g, n, 1));
    TRY(gref_mat_new(&zero, n, 1));
    gref_mat_identity(I);
    TRY(gref_literal_guided(H, &d->l, t, gref_const(I), true));
    for (int k = 0; k < n * n; k++)
        H.a[k] *= -1.0;
    gref_mat_symmetrise(H);
    TRY(gref_literal_guided(g, &d->l, t, gref_const(zero), false));
    TRY(gref_cholesky(H));
    TRY(gref_cholesky_solve(g, gref_const(H)));
    TRY(gref_cholesky_solve(I, gref_const(H)));
    TRY(gref_literal_leave(mean, &d->l, gref_literal_root(&d->l, t), gref_const(g)));
    TRY(gref_literal_leave(H, &d->l, 0.0, gref_const(I))); /* V H^-1, then V (V H^-1)^T */
    gref_mat_transpose(I, gref_const(H));
    TRY(gref_literal_leave(cov, &d->l, 0.0, gref_const(I)));
    gref_mat_symmetrise(cov);
    return GREF_OK;
}

/* N(mean, cov) of a start that is not the exact law, in pixels. */
static gref_status start_of(gref_mat mean, gref_mat cov, const gref_deviant *d)
{
    gref_sampler like = *d->s; /* the same with the deviant's convention */
    SCOPED(gref_moments) x = {0};
    like.spec.convention = d->l.d.convention;
    TRY(gref_start_moments(&x, &like));
    TRY(gref_gemv(mean, 1.0, gref_const(d->z.U), false, gref_const(x.mean), 0.0));
    if (x.cov.a != NULL)
        return gref_modes_cov_to_pixels(cov, &d->z, gref_const(x.cov));
    gref_mat_identity(cov);
    for (int i = 0; i < cov.n; i++)
        GREF_AT(cov, i, i) = x.variance;
    return GREF_OK;
}

gref_status gref_deviant_start(gref_mat mean, gref_mat cov, const gref_deviant *d)
{
    const gref_problem *p = d->p;
    gref_time at = gref_time_at(d->s->schedule, gref_sampler_first(d->s));
    double root = 1.0, f2 = d->l.d.start_factor * d->l.d.start_factor;
    bool exact = d->l.d.convention.start == GREF_START_EXACT;
    if (exact) {
        TRY(gref_posterior(mean, cov, gref_const(p->Sigma), gref_const(p->mu), gref_const(p->A),
                           p->sigma, gref_const(p->v)));
        root = sqrt(at.abar);
    } else {
        TRY(start_of(mean, cov, d));
    }
    for (int j = 0; j < cov.n; j++) {
        mean.a[j] *= root;
        for (int i = 0; i < cov.n; i++)
            GREF_AT(cov, i, j) *= root * root * f2;
        GREF_AT(cov, j, j) += exact ? at.qbar * f2 : 0.0;
    }
    return GREF_OK;
}
