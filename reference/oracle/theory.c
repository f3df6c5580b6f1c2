/*
 * THEORY sections 1, 3, 4, 6 and 7 as they are written: every inverse is a solve, every product a
 * product.
 *
 *   Sigma  n x n, A  m x n, mu  n x 1, r = v - A mu  m x 1        K0 = A Sigma A^T (world.K)
 *   S = Sigma Sigma_t^-1, J = sqrt(abar_t) S, W = A J             C = C_{v|t}  m x m
 *   Z = C^-1 W  m x n, G = W^T Z  n x n, g = Z^T r  n x 1         H = Sigma_t^-1 + G
 *
 * A matrix whose exact value is symmetric is known by its lower triangle (oracle_mirror).
 */
#include "oracle.h"

/* The matrices of a world with their shapes; m or n stand for themselves, 1 for a column. */
static void world_shapes(oracle_world *w, arb_mat_struct *mats[8], int shapes[8][2])
{
    int n = w->in->n, m = w->in->m;
    arb_mat_struct *all[8] = {w->Sigma,  w->A, w->mu,      w->r,
                              w->ASigma, w->K, w->mu_post, w->Sigma_post};
    const int sizes[8][2] = {{n, n}, {m, n}, {n, 1}, {m, 1}, {m, n}, {m, m}, {n, 1}, {n, n}};
    for (int k = 0; k < 8; k++) {
        mats[k] = all[k];
        shapes[k][0] = sizes[k][0];
        shapes[k][1] = sizes[k][1];
    }
}

/* alpha_t = 1 - beta_t, abar_t = alpha_1 ... alpha_t, 1 - abar_t. */
static void set_schedule(oracle_world *w)
{
    arb_one(w->alpha);
    arb_one(w->abar);
    for (int t = 1; t <= w->in->T; t++) {
        arb_set_d(w->beta + t, w->in->beta.a[t - 1]);
        arb_sub_ui(w->alpha + t, w->beta + t, 1, w->prec);
        arb_neg(w->alpha + t, w->alpha + t);
        arb_mul(w->abar + t, w->abar + (t - 1), w->alpha + t, w->prec);
        arb_sub_ui(w->qbar + t, w->abar + t, 1, w->prec);
        arb_neg(w->qbar + t, w->qbar + t);
    }
}

/* (ASigma)^T X, added to s C and s' ...: C = a C + b (A Sigma)^T L^-1 B, symmetric if B is A
 * Sigma. */
static bool add_gain(arb_mat_t C, const arb_t a, const arb_t b, const oracle_world *w,
                     const arb_mat_t L, const arb_mat_t B)
{
    arb_mat_t X, Y;
    arb_mat_init(X, arb_mat_nrows(B), arb_mat_ncols(B));
    arb_mat_init(Y, arb_mat_nrows(C), arb_mat_ncols(C));
    bool done = oracle_solve(X, L, B, w->prec);
    oracle_mul_tn(Y, w->ASigma, X, w->prec);
    oracle_combine(C, a, C, b, Y, w->prec);
    arb_mat_clear(X);
    arb_mat_clear(Y);
    return done;
}

/* Section 1: mu_post = mu + Sigma A^T K^-1 r, Sigma_post = Sigma - Sigma A^T K^-1 A Sigma. */
static bool set_posterior(oracle_world *w)
{
    arb_t one, minus;
    arb_mat_t K;
    arb_init(one);
    arb_init(minus);
    arb_one(one);
    arb_neg(minus, one);
    arb_mat_init(K, w->in->m, w->in->m);
    oracle_combine(K, one, w->K, w->sigma2, NULL, w->prec);
    arb_mat_set(w->mu_post, w->mu);
    arb_mat_set(w->Sigma_post, w->Sigma);
    bool done = add_gain(w->mu_post, one, one, w, K, w->r) &&
                add_gain(w->Sigma_post, one, minus, w, K, w->ASigma);
    oracle_mirror(w->Sigma_post);
    arb_mat_clear(K);
    arb_clear(one);
    arb_clear(minus);
    return done;
}

bool oracle_world_init(oracle_world *w, const oracle_inputs *in, slong prec)
{
    arb_mat_struct *mats[8];
    int shapes[8][2];
    *w = (oracle_world){.in = in, .prec = prec};
    world_shapes(w, mats, shapes);
    for (int k = 0; k < 8; k++)
        arb_mat_init(mats[k], shapes[k][0], shapes[k][1]);
    w->beta = _arb_vec_init(in->T + 1);
    w->alpha = _arb_vec_init(in->T + 1);
    w->abar = _arb_vec_init(in->T + 1);
    w->qbar = _arb_vec_init(in->T + 1);
    arb_init(w->sigma2);
    set_schedule(w);

    oracle_mat_set_doubles(w->Sigma, &in->Sigma);
    oracle_mat_set_doubles(w->A, &in->A);
    oracle_mat_set_doubles(w->mu, &in->mu);
    oracle_mat_set_doubles(w->mu_post, &in->mu);
    arb_set_d(w->sigma2, in->sigma);
    arb_mul(w->sigma2, w->sigma2, w->sigma2, prec);
    arb_mat_t v;
    arb_mat_init(v, in->m, 1);
    oracle_mat_set_doubles(v, &in->v);
    arb_mat_mul(w->r, w->A, w->mu, prec);
    arb_mat_sub(w->r, v, w->r, prec);
    arb_mat_clear(v);
    arb_mat_mul(w->ASigma, w->A, w->Sigma, prec);
    oracle_sandwich(w->K, w->A, w->Sigma, prec);
    return set_posterior(w);
}

void oracle_world_clear(oracle_world *w)
{
    arb_mat_struct *mats[8];
    int shapes[8][2];
    world_shapes(w, mats, shapes);
    for (int k = 0; k < 8; k++)
        arb_mat_clear(mats[k]);
    _arb_vec_clear(w->beta, w->in->T + 1);
    _arb_vec_clear(w->alpha, w->in->T + 1);
    _arb_vec_clear(w->abar, w->in->T + 1);
    _arb_vec_clear(w->qbar, w->in->T + 1);
    arb_clear(w->sigma2);
}

/* Section 6's target: N(sqrt(abar_t) mu_post, abar_t Sigma_post + (1 - abar_t) I). */
void oracle_exact_law(arb_mat_t mean, arb_mat_t cov, const oracle_world *w, int t)
{
    arb_t root;
    arb_init(root);
    arb_sqrt(root, w->abar + t, w->prec);
    arb_mat_scalar_mul_arb(mean, w->mu_post, root, w->prec);
    oracle_combine(cov, w->abar + t, w->Sigma_post, w->qbar + t, NULL, w->prec);
    arb_clear(root);
}

void oracle_time_init(oracle_time *s, const oracle_world *w)
{
    int n = w->in->n;
    arb_mat_init(s->Sigma_t, n, n);
    arb_mat_init(s->Sigma_t_inv, n, n);
    arb_mat_init(s->S, n, n);
    arb_mat_init(s->J, n, n);
    arb_mat_init(s->W, w->in->m, n);
}

void oracle_time_clear(oracle_time *s)
{
    arb_mat_struct *all[] = {s->Sigma_t, s->Sigma_t_inv, s->S, s->J, s->W};
    for (int k = 0; k < 5; k++)
        arb_mat_clear(all[k]);
}

/* Section 3. Sigma and Sigma_t commute, so S and J are symmetric. */
bool oracle_time_set(oracle_time *s, const oracle_world *w, int t)
{
    arb_t root;
    arb_init(root);
    s->t = t;
    oracle_combine(s->Sigma_t, w->abar + t, w->Sigma, w->qbar + t, NULL, w->prec);
    bool done = oracle_inverse(s->Sigma_t_inv, s->Sigma_t, w->prec);
    arb_mat_mul(s->S, w->Sigma, s->Sigma_t_inv, w->prec);
    oracle_mirror(s->S);
    arb_sqrt(root, w->abar + t, w->prec);
    arb_mat_scalar_mul_arb(s->J, s->S, root, w->prec);
    arb_mat_mul(s->W, w->A, s->J, w->prec);
    arb_clear(root);
    return done;
}

/* r_t^2 of PiGDM: (21) and the two other values in published code. */
static void set_r2(arb_t r2, const oracle_world *w, oracle_r2 which, int t)
{
    arb_t d;
    arb_init(d);
    arb_set(r2, w->qbar + t);
    if (which == ORACLE_R2_OVER_ABAR)
        arb_div(r2, r2, w->abar + t, w->prec);
    if (which == ORACLE_R2_OVER_2_ABAR) {
        arb_sub_ui(d, w->abar + t, 2, w->prec);
        arb_neg(d, d);
        arb_div(r2, r2, d, w->prec);
    }
    arb_clear(d);
}

/* C_{v|t} by (19), (21), (22). At t = 0 the first terms of the last two are 0, whatever Sigma. */
void oracle_likelihood(arb_mat_t C, const oracle_world *w, const oracle_time *s,
                       const oracle_sampler *d, int t)
{
    arb_t c, noise;
    arb_init(c);
    arb_init(noise);
    arb_set(noise, w->sigma2);
    arb_mat_zero(C);
    if (d->method == ORACLE_DPS) {
        arb_set_d(c, d->alpha);
        arb_div(noise, noise, c, w->prec);
        arb_zero(c);
    } else if (t > 0 && d->method == ORACLE_PIGDM) {
        set_r2(c, w, d->r2, t);
        oracle_mul_nt(C, w->A, w->A, w->prec);
    } else if (t > 0) {
        arb_set(c, w->qbar + t);
        oracle_sandwich(C, w->A, s->S, w->prec);
    }
    oracle_mirror(C);
    oracle_combine(C, c, C, noise, NULL, w->prec);
    arb_clear(c);
    arb_clear(noise);
}

/* G = W^T C^-1 W and g = W^T C^-1 r; C = NULL is the identity. */
static bool guidance(arb_mat_t G, arb_mat_t g, const oracle_world *w, const oracle_time *s,
                     const arb_mat_struct *C)
{
    arb_mat_t Z;
    arb_mat_init(Z, w->in->m, w->in->n);
    bool done = true;
    if (C == NULL)
        arb_mat_set(Z, s->W);
    else
        done = oracle_solve(Z, C, s->W, w->prec);
    oracle_mul_tn(G, s->W, Z, w->prec);
    oracle_mirror(G);
    oracle_mul_tn(g, Z, w->r, w->prec);
    arb_mat_clear(Z);
    return done;
}

/* L_t = C_{v|t} + abar_t A Sigma^2 Sigma_t^-1 A^T; at t = 0 Sigma^2 Sigma_0^-1 is Sigma. */
static void set_L(arb_mat_t L, const oracle_world *w, const oracle_time *s, int t)
{
    arb_mat_t D, SS;
    arb_mat_init(D, w->in->m, w->in->m);
    arb_mat_init(SS, w->in->n, w->in->n);
    if (t == 0) {
        arb_mat_set(D, w->K);
    } else {
        arb_mat_mul(SS, w->Sigma, s->S, w->prec);
        oracle_sandwich(D, w->A, SS, w->prec);
    }
    arb_t one;
    arb_init(one);
    arb_one(one);
    oracle_combine(L, one, L, w->abar + t, D, w->prec);
    arb_clear(one);
    arb_mat_clear(D);
    arb_mat_clear(SS);
}

/* The second route: C = H_t^-1, mean = sqrt(abar_t) mu + C W^T C_{v|t}^-1 r. */
static bool law_by_precision(arb_mat_t mean, arb_mat_t cov, const oracle_world *w,
                             const oracle_time *s, const arb_mat_t C)
{
    arb_mat_t G, g;
    arb_t one, root;
    arb_mat_init(G, w->in->n, w->in->n);
    arb_mat_init(g, w->in->n, 1);
    arb_init(one);
    arb_init(root);
    arb_one(one);
    arb_sqrt(root, w->abar + s->t, w->prec);
    bool done = guidance(G, g, w, s, C);
    arb_mat_add(G, G, s->Sigma_t_inv, w->prec);
    done = done && oracle_inverse(cov, G, w->prec);
    arb_mat_mul(mean, cov, g, w->prec);
    oracle_combine(mean, root, w->mu, one, mean, w->prec);
    arb_mat_clear(G);
    arb_mat_clear(g);
    arb_clear(one);
    arb_clear(root);
    return done;
}

static bool laws_meet(const arb_mat_t mean, const arb_mat_t cov, const oracle_world *w,
                      const oracle_time *s, const arb_mat_t C)
{
    arb_mat_t m2, C2;
    arb_mat_init(m2, w->in->n, 1);
    arb_mat_init(C2, w->in->n, w->in->n);
    bool met = law_by_precision(m2, C2, w, s, C) && arb_mat_overlaps(mean, m2) &&
               arb_mat_overlaps(cov, C2);
    arb_mat_clear(m2);
    arb_mat_clear(C2);
    return met;
}

bool oracle_modelled_law(arb_mat_t mean, arb_mat_t cov, const oracle_world *w, const oracle_time *s,
                         const oracle_sampler *d, int t)
{
    arb_mat_t C, L;
    arb_t root, c;
    arb_mat_init(C, w->in->m, w->in->m);
    arb_mat_init(L, w->in->m, w->in->m);
    arb_init(root);
    arb_init(c);
    arb_sqrt(root, w->abar + t, w->prec);
    arb_neg(c, w->abar + t);
    oracle_combine(cov, w->abar + t, w->Sigma, w->qbar + t, NULL, w->prec);
    arb_mat_scalar_mul_arb(mean, w->mu, root, w->prec);
    bool done = true;
    if (d->method != ORACLE_DDPM) {
        arb_t one;
        arb_init(one);
        arb_one(one);
        oracle_likelihood(C, w, s, d, t);
        arb_mat_set(L, C);
        set_L(L, w, s, t);
        done = add_gain(cov, one, c, w, L, w->ASigma) && add_gain(mean, one, root, w, L, w->r);
        oracle_mirror(cov);
        done = done && (t == 0 || laws_meet(mean, cov, w, s, C));
        arb_clear(one);
    }
    arb_mat_clear(C);
    arb_mat_clear(L);
    arb_clear(root);
    arb_clear(c);
    return done;
}

/* sigma_t^2: beta_t, or beta~_t = beta_t (1 - abar_{t-1})/(1 - abar_t). */
static void set_variance(arb_t x, const oracle_world *w, bool tilde, int t)
{
    arb_set(x, w->beta + t);
    if (tilde) {
        arb_mul(x, x, w->qbar + (t - 1), w->prec);
        arb_div(x, x, w->qbar + t, w->prec);
    }
}

/*
 * y_{t-1} = (y + beta_t s(y))/sqrt(alpha_t) + kappa W^T P (v - A x0hat(y)) + N(0, noise),
 * A x0hat(y) = A mu + W (y - sqrt(abar_t) mu), P = C_{v|t}^-1 or, for "after", I:
 *     M = (I - beta_t Sigma_t^-1)/sqrt(alpha_t) - kappa G
 *     b = [beta_t/sqrt(alpha_t) Sigma_t^-1 + kappa G] sqrt(abar_t) mu + kappa g
 * which for guidance "score", kappa = beta_t/sqrt(alpha_t), is section 6's M_t and b_t.
 */
bool oracle_step(arb_mat_t M, arb_mat_t b, arb_t noise, const oracle_world *w, const oracle_time *s,
                 const oracle_sampler *d)
{
    int n = w->in->n, t = s->t;
    slong prec = w->prec;
    bool done = true;
    arb_mat_t C, G, g, S;
    arb_t root, c, kappa, x;
    arb_mat_init(C, w->in->m, w->in->m);
    arb_mat_init(G, n, n);
    arb_mat_init(g, n, 1);
    arb_mat_init(S, n, n);
    arb_init(root);
    arb_init(c);
    arb_init(kappa);
    arb_init(x);
    set_variance(noise, w, d->beta_tilde, t);
    arb_rsqrt(root, w->alpha + t, prec);
    arb_mul(c, w->beta + t, root, prec); /* beta_t/sqrt(alpha_t) */
    if (d->method != ORACLE_DDPM) {
        oracle_likelihood(C, w, s, d, t);
        done = guidance(G, g, w, s, d->guidance == ORACLE_AFTER ? NULL : C);
        if (d->guidance == ORACLE_SCORE)
            arb_set(kappa, c);
        else if (d->guidance == ORACLE_MEAN)
            arb_set(kappa, noise);
        else
            arb_set_d(kappa, 2.0 * d->zeta);
    }
    oracle_combine(S, c, s->Sigma_t_inv, kappa, G, prec);
    arb_set_si(x, -1);
    oracle_combine(M, x, S, root, NULL, prec);
    arb_sqrt(x, w->abar + t, prec);
    arb_mat_mul(b, S, w->mu, prec);
    oracle_combine(b, x, b, kappa, g, prec);
    if (t == 1 && !d->last_noise)
        arb_zero(noise);
    arb_mat_clear(C);
    arb_mat_clear(G);
    arb_mat_clear(g);
    arb_mat_clear(S);
    arb_clear(root);
    arb_clear(c);
    arb_clear(kappa);
    arb_clear(x);
    return done;
}
