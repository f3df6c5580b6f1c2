/*
 * The whole answer at one precision: posterior, laws of all samplers, distances; and the list they
 * go into.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

void oracle_result_clear(oracle_result *r)
{
    for (int k = 0; k < r->n; k++)
        arb_mat_clear(r->entries[k].value);
    free(r->entries);
    *r = (oracle_result){0};
}

oracle_entry *oracle_result_add(oracle_result *r, int rows, int cols, const char *fmt, ...)
{
    if (r->n == r->allocated) {
        r->allocated = 2 * r->allocated + 16;
        r->entries = realloc(r->entries, (size_t)r->allocated * sizeof *r->entries);
        if (r->entries == NULL)
            flint_abort();
    }
    oracle_entry *e = r->entries + r->n++;
    memset(e, 0, sizeof *e);
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->name, sizeof e->name, fmt, args);
    va_end(args);
    arb_mat_init(e->value, rows, cols);
    return e;
}

void oracle_result_add_mat(oracle_result *r, const arb_mat_t C, bool symmetric, const char *name)
{
    oracle_entry *e =
        oracle_result_add(r, (int)arb_mat_nrows(C), (int)arb_mat_ncols(C), "%s", name);
    e->symmetric = symmetric;
    arb_mat_set(e->value, C);
}

oracle_entry *oracle_result_add_arb(oracle_result *r, const arb_t x, const char *name)
{
    oracle_entry *e = oracle_result_add(r, 1, 1, "%s", name);
    e->scalar = true;
    arb_set(arb_mat_entry(e->value, 0, 0), x);
    return e;
}

/* log2 of radius/(rel norm), norm taken for 1 where the array may be 0. */
static double entry_excess(const oracle_entry *e, double rel)
{
    mag_t radius, x;
    arb_t norm;
    mag_init(radius);
    mag_init(x);
    arb_init(norm);
    bool finite = arb_mat_is_finite(e->value);
    for (slong i = 0; i < arb_mat_nrows(e->value); i++)
        for (slong j = 0; j < arb_mat_ncols(e->value); j++)
            mag_max(radius, radius, arb_radref(arb_mat_entry(e->value, i, j)));
    arb_mat_frobenius_norm(norm, e->value, 64);
    if (arb_contains_zero(norm))
        arb_one(norm);
    arb_get_mag_lower(x, norm);
    mag_div(radius, radius, x);
    mag_set_d(x, rel);
    mag_div(radius, radius, x);
    double excess = !finite ? 1e9 : mag_is_zero(radius) ? -1e9 : mag_get_d_log2_approx(radius);
    mag_clear(radius);
    mag_clear(x);
    arb_clear(norm);
    return excess;
}

double oracle_result_excess(const oracle_result *r, double rel, const oracle_entry **worst)
{
    double excess = -1e9;
    for (int k = 0; k < r->n; k++) {
        double own = r->entries[k].honest ? -1e9 : entry_excess(r->entries + k, rel);
        if (worst != NULL && (k == 0 || own > excess))
            *worst = r->entries + k;
        excess = own > excess ? own : excess;
    }
    return excess;
}

typedef struct {
    oracle_result *out;
    const oracle_inputs *in;
    oracle_world *w;
    oracle_time *s;
    double slack;
    int t;
} context;

static void name_of(char name[ORACLE_NAME], const oracle_walker *k, const char *what, int t)
{
    snprintf(name, ORACLE_NAME, "%s/%s/%d", k->d->label, what, t);
}

/* The three numbers of one distance: WHAT, WHAT_mean, WHAT_cov. */
static bool add_w2(const context *c, const oracle_walker *k, const char *what, const arb_mat_t m1,
                   const arb_mat_t C1, const arb_mat_t m2, const arb_mat_t C2)
{
    char name[ORACLE_NAME], part[32];
    const char *ends[] = {"", "_mean", "_cov"};
    arb_t x[3];
    for (int i = 0; i < 3; i++)
        arb_init(x[i]);
    double slack = c->t == 0 ? c->slack : 0.0;
    bool done = oracle_w2(x[0], x[1], x[2], m1, C1, m2, C2, slack, c->w->prec);
    for (int i = 0; i < 3; i++) {
        snprintf(part, sizeof part, "%s%s", what, ends[i]);
        name_of(name, k, part, c->t);
        oracle_entry *e = oracle_result_add_arb(c->out, x[i], name);
        e->distance = i != 1;
        e->honest = e->distance && slack > 0.0;
        arb_clear(x[i]);
    }
    return done;
}

static bool report_modelled(const context *c, const oracle_walker *k, const arb_mat_t mean,
                            const arb_mat_t cov)
{
    char name[ORACLE_NAME];
    int n = c->in->n, m = c->in->m;
    arb_mat_t mm, Cm, C;
    arb_mat_init(mm, n, 1);
    arb_mat_init(Cm, n, n);
    arb_mat_init(C, m, m);
    if (k->d->method != ORACLE_DDPM) {
        oracle_likelihood(C, c->w, c->s, k->d, c->t);
        name_of(name, k, "C_vt", c->t);
        oracle_result_add_mat(c->out, C, true, name);
    }
    bool done = oracle_modelled_law(mm, Cm, c->w, c->s, k->d, c->t);
    name_of(name, k, "modelled_mean", c->t);
    oracle_result_add_mat(c->out, mm, false, name);
    name_of(name, k, "modelled_cov", c->t);
    oracle_result_add_mat(c->out, Cm, true, name);
    done = done && add_w2(c, k, "modelled_w2", mm, Cm, mean, cov);
    arb_mat_clear(mm);
    arb_mat_clear(Cm);
    arb_mat_clear(C);
    return done;
}

/* W2 of N(m, P) to the prior's own p_t(x), which an unconditional sampler aims at. */
static bool report_prior(const context *c, const oracle_walker *k, const arb_mat_t m,
                         const arb_mat_t P)
{
    int n = c->in->n;
    arb_mat_t mean, cov;
    arb_mat_init(mean, n, 1);
    arb_mat_init(cov, n, n);
    bool done = oracle_modelled_law(mean, cov, c->w, c->s, k->d, c->t) &&
                add_w2(c, k, "prior_w2", m, P, mean, cov);
    arb_mat_clear(mean);
    arb_mat_clear(cov);
    return done;
}

static bool report(const context *c, const oracle_walker *k)
{
    char name[ORACLE_NAME];
    int n = c->in->n;
    arb_mat_t mean, cov, m, P, bias;
    arb_mat_init(mean, n, 1);
    arb_mat_init(cov, n, n);
    arb_mat_init(m, n, 1);
    arb_mat_init(P, n, n);
    arb_mat_init(bias, n, 1);
    oracle_exact_law(mean, cov, c->w, c->t);
    oracle_walker_law(m, P, k);
    name_of(name, k, "mean", c->t);
    oracle_result_add_mat(c->out, m, false, name);
    name_of(name, k, "cov", c->t);
    oracle_result_add_mat(c->out, P, true, name);
    arb_mat_sub(bias, m, mean, c->w->prec);
    name_of(name, k, "bias", c->t);
    oracle_result_add_mat(c->out, bias, false, name);
    bool done = add_w2(c, k, "w2", m, P, mean, cov);
    done = done && (k->d->method != ORACLE_DDPM || report_prior(c, k, m, P));
    done = done && report_modelled(c, k, mean, cov);
    arb_mat_struct *all[] = {mean, cov, m, P, bias};
    for (int i = 0; i < 5; i++)
        arb_mat_clear(all[i]);
    return done;
}

static bool wanted(const oracle_inputs *in, int t)
{
    for (int k = 0; k < in->n_at; k++)
        if (in->at[k] == t)
            return true;
    return false;
}

static bool run_time(context *c, oracle_walker *walkers)
{
    bool done = c->t == 0 || oracle_time_set(c->s, c->w, c->t);
    if (wanted(c->in, c->t)) {
        arb_mat_t mean, cov;
        char name[ORACLE_NAME];
        arb_mat_init(mean, c->in->n, 1);
        arb_mat_init(cov, c->in->n, c->in->n);
        oracle_exact_law(mean, cov, c->w, c->t);
        snprintf(name, sizeof name, "target/mean/%d", c->t);
        oracle_result_add_mat(c->out, mean, false, name);
        snprintf(name, sizeof name, "target/cov/%d", c->t);
        oracle_result_add_mat(c->out, cov, true, name);
        arb_mat_clear(mean);
        arb_mat_clear(cov);
        for (int k = 0; k < c->in->n_samplers && done; k++)
            done = report(c, walkers + k);
    }
    for (int k = 0; k < c->in->n_samplers && done; k++) {
        oracle_walker_note_growth(walkers + k, c->w, c->t);
        done = c->t == 0 || oracle_walker_advance(walkers + k, c->w, c->s);
    }
    return done;
}

static bool finish(const context *c, const oracle_walker *k)
{
    char name[ORACLE_NAME];
    arb_t x;
    arb_init(x);
    arb_set_si(x, k->first);
    snprintf(name, sizeof name, "%s/first_unstable", k->d->label);
    oracle_result_add_arb(c->out, x, name);
    snprintf(name, sizeof name, "%s/growth", k->d->label);
    oracle_result_add_arb(c->out, k->growth, name);
    arb_clear(x);
    return k->first >= 0;
}

bool oracle_run(oracle_result *r, const oracle_inputs *in, double slack, slong prec)
{
    oracle_world w;
    oracle_time s;
    context c = {.out = r, .in = in, .w = &w, .s = &s, .slack = slack};
    oracle_walker *walkers = flint_calloc((size_t)in->n_samplers + 1, sizeof *walkers);
    bool done = oracle_world_init(&w, in, prec);
    oracle_time_init(&s, &w);
    oracle_result_add_mat(r, w.mu_post, false, "posterior/mean");
    oracle_result_add_mat(r, w.Sigma_post, true, "posterior/cov");
    for (int k = 0; k < in->n_samplers; k++) {
        oracle_walker_init(walkers + k, in->samplers + k, &w);
        oracle_walker_start(walkers + k, &w);
    }
    for (c.t = in->T; c.t >= 0 && done; c.t--)
        done = run_time(&c, walkers);
    for (int k = 0; k < in->n_samplers; k++) {
        done = finish(&c, walkers + k) && done;
        oracle_walker_clear(walkers + k);
    }
    flint_free(walkers);
    oracle_time_clear(&s);
    oracle_world_clear(&w);
    return done;
}
