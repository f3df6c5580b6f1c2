/*
 * Conditions to first order. u is the unit roundoff, |.| a norm, dX the error of a computed X.
 *
 *   S = |Sigma|, a = |A|, K = A Sigma A^T + sigma^2 I, G = Sigma A^T K^-1, r = v - A mu, y = K^-1 r
 *   N = I - G A, F = A Sigma^1/2, phi = |F^T K^-1|
 *   Sigma_t = abar Sigma + q I, s = 1/|Sigma_t^-1|, W = A J, Z = C^-1 W, C = C_{v|t}
 *
 * The eigensolver gives the modes of a Sigma + dSigma with dSigma = O(n u S) (clipping included),
 * so every result is that of another prior: each derivative with respect to Sigma below is one. All
 * else is rounding of products and triangular solves, O((n + m) u) times the norms multiplied.
 */
#include "oracle_condition.h"

#include <math.h>
#include <string.h>

#include "dense/internal.h"
#include "plain.h"
#include "support.h"

/* Matrices that live until the end of a function. */
typedef struct {
    gref_mat mats[48];
    int n;
} bag;

/* ck_ok for inner loops: Check writes a record for every assertion that passes. */
static void need(gref_status status)
{
    if (status != GREF_OK)
        ck_abort_msg("%s: %s", gref_status_text(status), gref_last_error()->message);
}

static gref_cmat keep(bag *b, gref_mat A)
{
    if (b->n == 48)
        ck_abort_msg("a bag of 48 matrices is full");
    b->mats[b->n++] = A;
    return gref_const(A);
}

static void empty(bag *b)
{
    for (int k = 0; k < b->n; k++)
        gref_mat_free(b->mats + k);
    b->n = 0;
}

static gref_cmat product(bag *b, gref_cmat A, bool trans_a, gref_cmat B, bool trans_b)
{
    gref_mat C = fresh(trans_a ? A.n : A.m, trans_b ? B.m : B.n);
    need(gref_gemm(C, 1.0, A, trans_a, B, trans_b, 0.0));
    return keep(b, C);
}

static gref_cmat mul(bag *b, gref_cmat A, gref_cmat B)
{
    return product(b, A, false, B, false);
}

static gref_cmat mul_tn(bag *b, gref_cmat A, gref_cmat B)
{
    return product(b, A, true, B, false);
}

static gref_cmat mul_nt(bag *b, gref_cmat A, gref_cmat B)
{
    return product(b, A, false, B, true);
}

/* Inverse of a positive definite matrix. */
static gref_cmat inverse(bag *b, gref_cmat A)
{
    gref_mat L = fresh(A.n, A.n), X = plain_identity(A.n);
    gref_mat_copy(L, A);
    need(gref_cholesky(L));
    need(gref_cholesky_solve(X, gref_const(L)));
    gref_mat_free(&L);
    return keep(b, X);
}

/* x A + y I. */
static gref_cmat shift(bag *b, double x, gref_cmat A, double y)
{
    gref_cmat I = keep(b, plain_identity(A.n));
    return keep(b, plain_sum(x, A, y, I));
}

static double fro(gref_cmat A)
{
    return gref_mat_norm_fro(A);
}

double spectral_norm(gref_cmat A)
{
    gref_mat AtA = fresh(A.n, A.n), lambda = fresh(A.n, 1);
    need(gref_syrk(AtA, 1.0, A, true, 0.0));
    need(gref_eigh_values(lambda, AtA));
    double norm = sqrt(fmax(lambda.a[A.n - 1], 0.0));
    gref_mat_free(&AtA);
    gref_mat_free(&lambda);
    return norm;
}

/* v - A mu */
static gref_cmat residual(bag *b, const gref_problem *p)
{
    gref_cmat Amu = mul(b, gref_const(p->A), gref_const(p->mu));
    return keep(b, plain_sum(1, gref_const(p->v), -1, Amu));
}

/* |v| + a |mu|: the rounding of r. */
static double residual_size(const gref_problem *p)
{
    return fro(gref_const(p->v)) + spectral_norm(gref_const(p->A)) * fro(gref_const(p->mu));
}

/*
 * By modes: F = W diag(f) V^T and Sigma_post = Sigma^1/2 X Sigma^1/2, X = (I + F^T F/sigma^2)^-1.
 *     dX = -X (dF^T F + F^T dF) X/sigma^2, X F^T/sigma^2 = F^T K^-1, |X| <= 1:  |dX| <= 2 phi |dF|
 *     d Sigma_post = N dSigma N^T:                                              cov = |N|^2 S + 2 S |F| phi
 *     mu_post = mu + Sigma^1/2 F^T K^-1 r:  d(F^T K^-1) r = X dF^T y - F^T K^-1 dF F^T y
 *     and dSigma acts by N dSigma A^T y, dr by G.
 */
oracle_condition condition_posterior(const gref_problem *p)
{
    bag b = {0};
    gref_cmat Sigma = gref_const(p->Sigma), A = gref_const(p->A), r = residual(&b, p);
    gref_cmat SAt = mul_nt(&b, Sigma, A), K0 = mul(&b, A, SAt);
    gref_cmat Ki = inverse(&b, shift(&b, 1, K0, p->sigma * p->sigma));
    gref_cmat G = mul(&b, SAt, Ki), N = shift(&b, -1, mul(&b, G, A), 1), y = mul(&b, Ki, r);
    gref_cmat Aty = mul_tn(&b, A, y), KKK = mul(&b, Ki, mul(&b, K0, Ki)), Gr = mul(&b, G, r);
    double S = spectral_norm(Sigma), f = sqrt(spectral_norm(K0)), phi = sqrt(spectral_norm(KKK));
    double n2 = spectral_norm(N), Fy = sqrt(fabs(GREF_AT(mul_tn(&b, y, mul(&b, K0, y)), 0, 0)));
    oracle_condition c = {.cov = n2 * n2 * S + 2 * S * f * phi,
                          .mean = n2 * S * fro(Aty) + sqrt(S) * f * (fro(y) + phi * Fy) +
                                  spectral_norm(G) * residual_size(p) + fro(Gr) +
                                  fro(gref_const(p->mu))};
    empty(&b);
    return c;
}

/*
 * Textbook: Y = L^-1 A Sigma from a K that is known to u a^2 S, a product A Sigma known to u a S.
 *     d(Sigma A^T K^-1 A Sigma) = 2 G d(A Sigma) + G dK G^T:   cov = S (1 + |G| a)^2 + |G|^2 sigma^2
 */
oracle_condition condition_textbook(const gref_problem *p)
{
    bag b = {0};
    gref_cmat Sigma = gref_const(p->Sigma), A = gref_const(p->A), r = residual(&b, p);
    gref_cmat SAt = mul_nt(&b, Sigma, A), K0 = mul(&b, A, SAt);
    gref_cmat Ki = inverse(&b, shift(&b, 1, K0, p->sigma * p->sigma));
    gref_cmat Gm = mul(&b, SAt, Ki), y = mul(&b, Ki, r);
    double S = spectral_norm(Sigma), a = spectral_norm(A), G = spectral_norm(Gm),
           s2 = p->sigma * p->sigma;
    oracle_condition c = {.cov = S * (1 + G * a) * (1 + G * a) + G * G * s2,
                          .mean = (S * a * (1 + G * a) + G * s2) * fro(y) + G * residual_size(p) +
                                  fro(gref_const(p->mu))};
    empty(&b);
    return c;
}

/* sqrt(abar) mu_post, abar Sigma_post + q I: the posterior's errors, scaled, and the rounding of
 * the result. */
oracle_condition condition_target(const gref_problem *p, const gref_schedule *s,
                                  oracle_condition posterior, gref_cmat mean, gref_cmat cov, int t)
{
    (void)p;
    return (oracle_condition){.mean = sqrt(s->abar[t]) * posterior.mean + fro(mean),
                              .cov = s->abar[t] * posterior.cov + fro(cov)};
}

/* Smallest eigenvalue of Sigma_t. */
static double smallest(const gref_problem *p, const gref_schedule *s, int t)
{
    gref_mat C = plain_sum(1, gref_const(p->Sigma), 0, gref_const(p->Sigma)),
             lambda = fresh(C.n, 1);
    need(gref_eigh_values(lambda, C));
    double least = s->abar[t] * fmax(lambda.a[0], 0.0) + s->qbar[t];
    gref_mat_free(&C);
    gref_mat_free(&lambda);
    return least;
}

static double r2_of(const gref_schedule *s, gref_r2 r2, int t)
{
    double q = s->qbar[t];
    return r2 == GREF_R2_1_ABAR ? q : r2 == GREF_R2_1_ABAR_ABAR ? q / s->abar[t] : q / (1 + q);
}

/*
 * (19) sigma^2/alpha; (21) r^2 a^2 + sigma^2; (22) a^2 (|D| + |dD|) + sigma^2 with D = q Sigma
 * Sigma_t^-1, whose derivative with respect to an eigenvalue is (q/s)^2 <= 1.
 */
double condition_likelihood(const gref_problem *p, const gref_schedule *s,
                            const gref_sampler_spec *spec, int t)
{
    double s2 = p->sigma * p->sigma, a = spectral_norm(gref_const(p->A)), q = s->qbar[t];
    if (strcmp(spec->name, "dps") == 0)
        return sqrt(p->A.m) * s2 / spec->convention.alpha_dps;
    if (strcmp(spec->name, "pigdm") == 0)
        return r2_of(s, spec->convention.r2, t) * a * a + sqrt(p->A.m) * s2;
    double S = spectral_norm(gref_const(p->Sigma)), st = s->abar[t] * S + q;
    double ratio = t > 0 ? q / smallest(p, s, t) : 0.0, D = t > 0 ? q * S / st : 0.0;
    return a * a * (D + S * ratio * ratio) + sqrt(p->A.m) * s2;
}

/* What both routes share. */
typedef struct {
    double abar, q, S, a, G, N, y, Aty, Gr, L, r, mu;
    double w2; /* |C^-1/2 W Sigma_t^1/2|^2: E = I + (..)^T (..) */
} modelled;

/* L_t = C + abar A Sigma^2 Sigma_t^-1 A^T, G_t = Sigma A^T L_t^-1, y = L_t^-1 r. */
static modelled modelled_at(const gref_problem *p, const gref_schedule *s, gref_cmat C, int t)
{
    bag b = {0};
    double abar = s->abar[t], q = s->qbar[t];
    gref_cmat Sigma = gref_const(p->Sigma), A = gref_const(p->A), r = residual(&b, p);
    gref_cmat SAt = mul_nt(&b, Sigma, A), SS = Sigma;
    if (t > 0) {
        gref_cmat Si = inverse(&b, shift(&b, abar, Sigma, q));
        SS = keep(&b, plain_sum(abar, mul(&b, Sigma, mul(&b, Sigma, Si)), 0, Sigma));
    }
    gref_cmat X = mul_nt(&b, mul(&b, A, SS), A), L = keep(&b, plain_sum(1, C, 1, X));
    gref_cmat Li = inverse(&b, L), G = mul(&b, SAt, Li), y = mul(&b, Li, r);
    modelled k = {.abar = abar,
                  .q = q,
                  .S = spectral_norm(Sigma),
                  .a = spectral_norm(A),
                  .G = spectral_norm(G),
                  .N = spectral_norm(shift(&b, -1, mul(&b, G, A), 1)),
                  .y = fro(y),
                  .Aty = fro(mul_tn(&b, A, y)),
                  .Gr = fro(mul(&b, G, r)),
                  .L = spectral_norm(L),
                  .r = residual_size(p),
                  .mu = fro(gref_const(p->mu))};
    if (t > 0 || p->sigma > 0.0)
        k.w2 = spectral_norm(mul(&b, inverse(&b, C), X));
    empty(&b);
    return k;
}

/*
 * C_{t|v} = abar [Sigma - G_t A Sigma] + q I. With respect to Sigma: N_t dSigma N_t^T - G_t dL
 * G_t^T and twice the like, dL <= 2 a^2 dSigma; with respect to C: abar G_t dC G_t^T. Rounding of
 * E = I + f Gamma f and of its Cholesky factor: |Sigma_t| cond(E), cond(E) <= 1 + w2.
 */
oracle_condition condition_precision(const gref_problem *p, const gref_schedule *s,
                                     const gref_sampler_spec *spec, gref_cmat C, int t)
{
    modelled k = modelled_at(p, s, C, t);
    double cC = condition_likelihood(p, s, spec, t), root = sqrt(k.abar), E = 1 + k.w2;
    return (oracle_condition){
        .cov = k.abar * (k.S * (k.N * k.N + 3 * k.G * k.G * k.a * k.a) + k.G * k.G * cC) +
               (k.abar * k.S + k.q) * E,
        .mean = root * (k.N * k.S * k.Aty + k.G * (cC + 2 * k.a * k.a * k.S) * k.y + k.G * k.r +
                        k.Gr * E + k.mu)};
}

/* The same derivatives; rounding of L_t and of the products: dL <= |L|, G_t d(A Sigma) <= |G_t| a
 * S. */
oracle_condition condition_bayes(const gref_problem *p, const gref_schedule *s,
                                 const gref_sampler_spec *spec, gref_cmat C, int t)
{
    modelled k = modelled_at(p, s, C, t);
    double cC = condition_likelihood(p, s, spec, t), root = sqrt(k.abar);
    return (oracle_condition){
        .cov = k.abar * (k.S * (k.N * k.N + 3 * k.G * k.G * k.a * k.a + 2 * k.G * k.a) +
                         k.G * k.G * (cC + k.L)) +
               k.abar * k.S + k.q,
        .mean = root * (k.S * k.Aty + k.G * (cC + 2 * k.a * k.a * k.S + k.L) * k.y + k.G * k.r +
                        k.Gr + k.mu)};
}

/*
 * The chain. One step adds to an error of m and P, which it carries on with |M|_2 and |M|_2^2,
 *     d(M) m + dc + u |M m|,     2 |M| |d(M) P| + u (|M|^2 |P| + N)
 * where M = M_free - kappa J A^T C^-1 A J and, to first order,
 *     |dM_free P| <= |P|/sqrt(alpha) + beta/sqrt(alpha) |Sigma_t^-1 P| (1 + abar S/s)
 *     |d(W^T Z) P| <= 2 |Z| |W P| + |Z| |dC| |Z P| + sqrt(abar) q S/s (|A^T Z P|/s + |Z^T A| |Sigma_t^-1 P|)
 * for the rounding of the parts, for dC, and for dJ = sqrt(abar) q Sigma_t^-1 dSigma Sigma_t^-1.
 */
typedef struct {
    double beta, alpha, abar, q, S, si, kappa, noise, cC;
    gref_cmat Si, W, Z; /* W and Z empty without guidance */
    gref_cmat M, A;
} step_parts;

static double d_free(bag *b, const step_parts *k, gref_cmat P)
{
    double SiP = fro(mul(b, k->Si, P)), root = sqrt(k->alpha);
    return (fro(P) + k->beta * SiP * (1 + k->abar * k->S * k->si)) / root;
}

static double d_guidance(bag *b, const step_parts *k, gref_cmat P)
{
    if (k->W.a == NULL)
        return 0.0;
    gref_cmat ZP = mul(b, k->Z, P);
    double AtZP = fro(mul_tn(b, k->A, ZP)), ZtA = fro(mul_tn(b, k->Z, k->A)),
           SiP = fro(mul(b, k->Si, P));
    double dJ = sqrt(k->abar) * k->q * k->S * k->si * (k->si * AtZP + ZtA * SiP);
    return k->kappa * (2 * fro(k->Z) * fro(mul(b, k->W, P)) + fro(k->Z) * k->cC * fro(ZP) + dJ);
}

/* dc for c = kappa (Z^T (r - sqrt(abar) W d)) - beta sqrt(abar_{t-1}) Sigma_t^-1 d, d = mu_post -
 * mu. */
static double d_shift(bag *b, const step_parts *k, const oracle_chain *c, gref_cmat C, int t)
{
    gref_cmat d = keep(b, plain_sum(1, gref_const(c->mu_post), -1, gref_const(c->p->mu)));
    double Sid = fro(mul(b, k->Si, d)), root = sqrt(k->abar);
    double sum = k->beta * sqrt(c->s->abar[t - 1]) * Sid * (1 + k->abar * k->S * k->si);
    if (k->W.a == NULL)
        return sum;
    gref_cmat Wd = mul(b, k->W, d), x = keep(b, plain_sum(1, residual(b, c->p), -root, Wd));
    gref_cmat y = C.a != NULL ? mul(b, inverse(b, C), x) : x;
    double Aty = fro(mul_tn(b, k->A, y)), ZtA = fro(mul_tn(b, k->Z, k->A));
    double dJ = root * k->q * k->S * k->si * (k->si * Aty + root * ZtA * Sid);
    return sum + k->kappa * (2 * fro(k->Z) * (residual_size(c->p) + root * fro(Wd)) +
                             fro(k->Z) * k->cC * fro(y) + dJ);
}

/* M = (I - beta Sigma_t^-1)/sqrt(alpha) for Sigma_t = abar Sigma + q I, and its parts. */
static step_parts free_step(bag *b, const oracle_chain *c, gref_cmat Sigma, double S, int t)
{
    const gref_schedule *s = c->s;
    double root = sqrt(s->alpha[t]);
    const gref_convention *v = &c->spec->convention;
    double variance = v->variance == GREF_VARIANCE_BETA ? s->beta[t] : s->beta_tilde[t];
    step_parts k = {.beta = s->beta[t],
                    .alpha = s->alpha[t],
                    .abar = s->abar[t],
                    .q = s->qbar[t],
                    .S = S,
                    .noise = t == 1 && !v->last_noise ? 0.0 : variance};
    k.kappa = v->guidance == GREF_GUIDANCE_SCORE  ? k.beta / root
              : v->guidance == GREF_GUIDANCE_MEAN ? variance
                                                  : 2 * v->zeta;
    k.Si = inverse(b, shift(b, k.abar, Sigma, k.q));
    k.si = spectral_norm(k.Si);
    k.M = shift(b, -k.beta / root, k.Si, 1 / root);
    return k;
}

static void add_guidance(bag *b, step_parts *k, const oracle_chain *c, gref_cmat C, int t)
{
    k->A = gref_const(c->p->A);
    gref_cmat J =
        keep(b, plain_sum(sqrt(k->abar), mul(b, gref_const(c->p->Sigma), k->Si), 0, k->Si));
    k->W = mul(b, k->A, J);
    k->Z = C.a != NULL ? mul(b, inverse(b, C), k->W) : k->W;
    k->cC = C.a != NULL ? condition_likelihood(c->p, c->s, c->spec, t) : 0.0;
    k->M = keep(b, plain_sum(1, k->M, -k->kappa, mul_tn(b, k->W, k->Z)));
}

void chain_advance(oracle_chain *c, int t, gref_cmat C, gref_cmat e, gref_cmat P)
{
    bag b = {0};
    bool guided = strcmp(c->spec->name, "ddpm") != 0 && !c->on_posterior;
    step_parts k = c->on_posterior
                       ? free_step(&b, c, gref_const(c->Sigma_post), c->posterior.cov, t)
                       : free_step(&b, c, gref_const(c->p->Sigma), c->S, t);
    if (c->spec->convention.guidance == GREF_GUIDANCE_AFTER)
        C = (gref_cmat){0};
    if (guided)
        add_guidance(&b, &k, c, C, t);
    double M = spectral_norm(k.M), dc = c->on_posterior ? 0.0 : d_shift(&b, &k, c, C, t);
    double dm = d_free(&b, &k, e) + d_guidance(&b, &k, e) + fro(mul(&b, k.M, e));
    double dP =
        2 * M * (d_free(&b, &k, P) + d_guidance(&b, &k, P)) + M * M * fro(P) + sqrt(P.n) * k.noise;
    c->condition.mean = M * c->condition.mean + dm + dc;
    c->condition.cov = M * M * c->condition.cov + dP;
    empty(&b);
}

/* -sqrt(abar_T) mu_post and I, or exactly 0 and the target. */
oracle_chain chain_start(const gref_problem *p, const gref_schedule *s,
                         const gref_sampler_spec *spec, gref_mat mu_post, gref_mat Sigma_post)
{
    double abar = s->abar[s->T], q = s->qbar[s->T];
    oracle_chain c = {.p = p,
                      .s = s,
                      .spec = spec,
                      .posterior = condition_posterior(p),
                      .mu_post = mu_post,
                      .S = spectral_norm(gref_const(p->Sigma)),
                      .Sigma_post = Sigma_post};
    c.on_posterior =
        strcmp(spec->name, "cgdm") == 0 && spec->convention.guidance == GREF_GUIDANCE_SCORE;
    if (spec->convention.start == GREF_START_EXACT)
        c.condition.cov =
            abar * (c.posterior.cov + fro(gref_const(Sigma_post))) + sqrt(p->Sigma.n) * q;
    else
        c.condition =
            (oracle_condition){.mean = sqrt(abar) * (fro(gref_const(mu_post)) + c.posterior.mean),
                               .cov = sqrt(p->Sigma.n)};
    return c;
}
