/*
 * Schemes of several evaluations of the score, heun and rk4, as one affine step (THEORY section 6). The
 * probability-flow ODE moves u, with g and e of the stage's time,
 *
 *     vp     u = y                 K = g (y + s~(y)),    g = beta(t) dt/2,              e = 1
 *     edm    u = y/sqrt(abar)      K = g s~(y),          g = (s - s') sqrt(1 - abar),   e = 0
 *
 *     stage i:   Y_i = rho_i (u + A_i K_{i-1}),          end:  y' = rho' (u + sum w_i K_i)
 *
 * rho = 1 or sqrt(abar). Every Y_i and K_i is an affine map of z = y - sqrt(abar) mu_post, a matrix and
 * a vector; where the score is diagonal, so are they. Karras' step to sigma = 0 is Euler's.
 */
#include <math.h>

#include "dense/internal.h"
#include "internal.h"

enum { MOST_STAGES = 4 };

/* An explicit Runge-Kutta method in which a stage needs only the one before. */
typedef struct {
    int stages;
    double node[MOST_STAGES], weight[MOST_STAGES]; /* A_i = node i */
} tableau;

static const tableau euler = {1, {0}, {1}};
static const tableau heun = {2, {0, 1}, {0.5, 0.5}};
static const tableau rk4 = {4, {0, 0.5, 0.5, 1}, {1 / 6.0, 1 / 3.0, 1 / 3.0, 1 / 6.0}};

/* X z + x. */
typedef struct {
    gref_mat X, x;
} map;

static void map_free(map *f)
{
    gref_mat_free(&f->X);
    gref_mat_free(&f->x);
}

static gref_status map_new(map *f, gref_mat M, gref_mat c)
{
    TRY(gref_mat_new(&f->X, M.m, M.n));
    return gref_mat_new(&f->x, c.m, c.n);
}

bool gref_row_has_stages(const gref_row *row, const gref_convention *c)
{
    return row->project == NULL && !row->chain &&
           (c->scheme == GREF_SCHEME_HEUN || c->scheme == GREF_SCHEME_RK4);
}

bool gref_sampler_has_stages(const gref_sampler *s)
{
    return gref_row_has_stages(s->row, &s->spec.convention);
}

bool gref_row_guides_score(const gref_row *row, const gref_convention *c)
{
    return row->guided && row->placement == GREF_PLACED_BY_CONVENTION &&
           c->guidance == GREF_GUIDANCE_SCORE;
}

/* beta(tau) of vp. */
static double beta_at(const gref_schedule *k, int t)
{
    return k->rate[0] + (k->rate[1] - k->rate[0]) * k->time[t];
}

gref_stages gref_stages_at(gref_scheme scheme, const gref_schedule *schedule,
                           const gref_schedule *midpoints, gref_hop hop)
{
    int t = hop.t, next = hop.next, fine = midpoints->abar != NULL ? 2 : 1;
    const gref_schedule *k = fine == 2 ? midpoints : schedule;
    bool vp = k->kind == GREF_SCHEDULE_VP;
    tableau b = !vp && schedule->qbar[next] == 0.0 ? euler
                : scheme == GREF_SCHEME_HEUN       ? heun
                                                   : rk4;
    gref_stages out = {.n = b.stages, .schedule = k, .e = vp ? 1.0 : 0.0};
    double leap = schedule->time[t] - schedule->time[next];
    for (int i = 0; i < b.stages; i++) {
        int at = fine * t - (int)(b.node[i] * fine * (t - next));
        gref_time time = gref_time_at(k, at);
        out.stage[i] = (gref_stage){.t = at,
                                    .g = leap * (vp ? 0.5 * beta_at(k, at) : sqrt(time.qbar)),
                                    .rho = vp ? 1.0 : sqrt(time.abar),
                                    .root = sqrt(time.abar),
                                    .node = b.node[i],
                                    .weight = b.weight[i]};
    }
    out.root = sqrt(schedule->abar[next]);
    out.rho = vp ? 1.0 : out.root;
    return out;
}

/* Y <- rho ((z + root m)/rho_0 + scale K) - root_i m: the state of a stage, or of the end, centred. */
static void state_of(map *Y, const map *K, const gref_stages *b, double rho, double root,
                     double scale, gref_cmat centre)
{
    const gref_stage *first = &b->stage[0];
    gref_mat_fill(Y->X, 0.0);
    gref_mat_fill(Y->x, 0.0);
    gref_mat_axpy(Y->X, rho * scale, gref_const(K->X));
    gref_mat_axpy(Y->x, rho * scale, gref_const(K->x));
    for (int i = 0; i < Y->X.m; i++)
        GREF_AT(Y->X, i, Y->X.n == 1 ? 0 : i) += rho / first->rho;
    if (b->e != 0.0) /* else rho root/rho_0 = root_i */
        gref_mat_axpy(Y->x, first->root - root, centre);
}

static void scale(gref_mat X, double f)
{
    for (int j = 0; j < X.n; j++)
        for (int i = 0; i < X.m; i++)
            GREF_AT(X, i, j) *= f;
}

/* K <- g (e (Y + root m) + S Y + score), S and its vector the map s~ at the stage, e I added to S here. */
static gref_status slope_of(map *K, map *S, const map *Y, const gref_stages *b, const gref_stage *k,
                            gref_cmat centre)
{
    bool diagonal = Y->X.n == 1;
    for (int i = 0; i < S->X.m; i++)
        GREF_AT(S->X, i, diagonal ? 0 : i) += b->e;
    gref_mat_copy(K->x, gref_const(S->x));
    if (b->e != 0.0)
        gref_mat_axpy(K->x, k->root, centre);
    if (diagonal) {
        gref_mat_copy(K->X, gref_const(Y->X));
        gref_mat_copy(S->x, gref_const(Y->x));
        gref_mat_scale_rows(K->X, gref_const(S->X));
        gref_mat_scale_rows(S->x, gref_const(S->X));
        gref_mat_axpy(K->x, 1.0, gref_const(S->x));
    } else {
        TRY(gref_gemm(K->X, 1.0, gref_const(S->X), false, gref_const(Y->X), false, 0.0));
        TRY(gref_gemm(K->x, 1.0, gref_const(S->X), false, gref_const(Y->x), false, 1.0));
    }
    scale(K->X, k->g);
    scale(K->x, k->g);
    return GREF_OK;
}

gref_status gref_stages_run(gref_mat M, gref_mat c, const gref_stages *b, gref_cmat centre,
                            bool in_score, gref_score_form form, const void *of)
{
    SCOPED(map) Y = {0}, K = {0}, S = {0}, sum = {0};
    TRY(map_new(&Y, M, c));
    TRY(map_new(&K, M, c));
    TRY(map_new(&S, M, c));
    TRY(map_new(&sum, M, c));
    for (int i = 0; i < b->n; i++) {
        const gref_stage *k = &b->stage[i];
        gref_rule rule = {.at = gref_time_at(b->schedule, k->t), .q = 1.0, .c = -1.0};
        rule.kappa = in_score ? 1.0 : 0.0;
        state_of(&Y, &K, b, k->rho, k->root, k->node, centre);
        TRY(form(S.X, S.x, of, &rule, k->t));
        TRY(slope_of(&K, &S, &Y, b, k, centre));
        gref_mat_axpy(sum.X, k->weight, gref_const(K.X));
        gref_mat_axpy(sum.x, k->weight, gref_const(K.x));
    }
    state_of(&Y, &sum, b, b->rho, b->root, 1.0, centre);
    gref_mat_copy(M, gref_const(Y.X));
    gref_mat_copy(c, gref_const(Y.x));
    return GREF_OK;
}

static gref_status form_score(gref_mat S, gref_mat x, const void *of, const gref_rule *rule, int t)
{
    return gref_step_form(S, x, of, rule, t);
}

static gref_status run(gref_mat M, gref_mat c, const gref_sampler *s, int t, bool in_score)
{
    gref_stages b = gref_sampler_stages(s, t);
    gref_sampler at = *s; /* the same, read at the times of the stages */
    at.schedule = b.schedule;
    return gref_stages_run(M, c, &b, gref_const(s->centre), in_score, form_score, &at);
}

gref_stages gref_sampler_stages(const gref_sampler *s, int t)
{
    return gref_stages_at(s->spec.convention.scheme, s->schedule, &s->midpoints,
                          gref_times_hop(&s->spec, s->schedule->T, t));
}

gref_status gref_stages_step(gref_step *step, double *free_norm, const gref_sampler *s, int t)
{
    gref_rule rule = gref_sampler_rule(s, t);
    gref_rule after = {.at = rule.at, .kappa = rule.kappa};
    bool in_score = gref_row_guides_score(s->row, &s->spec.convention);
    bool added = s->row->guided && !in_score;
    SCOPED(gref_mat) M = {0}, c = {0};
    TRY(gref_mat_new(&M, s->z->n, added ? s->z->n : 1));
    TRY(gref_mat_new(&c, s->z->n, 1));
    TRY(run(step->M, step->c, s, t, in_score));
    if (added) {
        TRY(gref_step_form(M, c, s, &after, t));
        gref_mat_axpy(step->M, 1.0, gref_const(M));
        gref_mat_axpy(step->c, 1.0, gref_const(c));
    }
    gref_mat gains = step->diagonal ? step->M : gref_mat_view(M, 0, 0, M.m, 1);
    if (!step->diagonal)
        TRY(run(gains, c, s, t, false));
    *free_norm = gref_mat_norm_max(gref_const(gains));
    step->noise = 0.0;
    return GREF_OK;
}
