/*
 * How far results move when what they are made of moves: the one theory behind proved bounds
 * (diffusion/errors.c, model/modes_errors.c), tolerances of golden arrays (verify/golden_sizes.c)
 * and bounds between the two paths (spectral/crosscheck_bounds.c). They differ in the unit that
 * they put in, not in the formulas.
 *
 *   x     norm of a quantity, valid before and after the change: so every formula is exact, not of first order
 *   D_x   norm of its change. 2-norms; where D_Sigma, D_B, D_C or D_P is a Frobenius norm, so is the result
 *
 * Pure functions of numbers >= 0. Each result is inflated once, by far more than its few roundings.
 */
#ifndef GREF_ERRORS_PERTURB_H
#define GREF_ERRORS_PERTURB_H

#include <stdbool.h>

#define GREF_INFLATE (1.0 + 0x1p-20)

/*
 * f(lambda) = (n1 lambda + n0)/(abar lambda + qbar), a function of Sigma:
 *     J      sqrt(abar) lambda/s_t                 n1 = sqrt(abar), n0 = 0
 *     phi    qbar lambda/s_t (cgdm)                n1 = qbar, n0 = 0
 *     gain   (h lambda + c)/s_t of a step          n1 = h, n0 = c
 *     1/s_t                                        n1 = 0, n0 = 1
 */
typedef struct {
    double n1, n0, abar, qbar;
} gref_ratio;

/* f(Sigma), whose eigenvalues are at least `before` the change and `after`. Infinite where s_t may
 * reach 0. */
double gref_change_of_ratio(gref_ratio f, double before, double after, double D_Sigma);
/* Likewise, what |Sigma_t^-1 z| before the change is to be multiplied by to bound |(f(Sigma') - f(Sigma)) z|. */
double gref_change_of_white_ratio(gref_ratio f, double after, double D_Sigma);
/* X Y, and X Y X^T: C = B phi B^T + tau I, K = J Gamma J, M P M^T. */
double gref_change_of_product(double X, double D_X, double Y, double D_Y);
double gref_change_of_congruence(double X, double D_X, double Y, double D_Y);

/* Gamma = B^T C^-1 B, H = B^T C^-1 and g = H r, of the same r; w = |C^-1 r| and g before the
 * change. */
typedef struct {
    double Gamma, H, D_Gamma, D_g;
} gref_guidance_change;
/* C = phi B B^T + tau I, tau > 0: dps (phi = 0), pigdm (phi = r_t^2). */
gref_guidance_change gref_change_of_guidance(double phi, double tau, double B, double D_B, double w,
                                             double g);
/* C moves by D_C besides, in any way; H >= |B^T C^-1| for either B and either C. */
gref_guidance_change gref_change_of_free_guidance(double H, double B, double D_B, double D_C,
                                                  double w);

/*
 * Norms of z, a vector or a law, as it is, and as Sigma_t^-1 and J see it; or of a change D of a
 * matrix: |D z| <= plain |z| + white |Sigma_t^-1 z| + gained |J z|. A function of Sigma moves by
 * Sigma_t'^-1 dSigma Sigma_t^-1, most where z is least: |D| |z| would pair the one direction with
 * the other. Where D has 2-norms z has Frobenius norms, and the other way about; a covariance and a
 * spread are met by a 2-norm in `plain`, by Frobenius norms in `white` and `gained`.
 */
typedef struct {
    double plain, white, gained;
} gref_seen;
double gref_change_seen(gref_seen D, gref_seen z);

/*
 * One step z' = M z + c in coordinates centred on sqrt(abar) mu_post:
 *     M = gain - kappa J Gamma J,     c = kappa J y - push Sigma_t^-1 x,     y = g - Gamma J x,  x = sqrt(abar) d
 */
typedef struct {
    double kappa, J, inverse; /* sizes before the change; |Sigma_t^-1| */
    gref_seen Gamma, y, x;    /* likewise, 2-norms */
    gref_seen D_gain, D_J;
    double D_Gamma, D_g;
    double push;
    gref_seen D_shift; /* of Sigma_t^-1 */
} gref_step_parts;
typedef struct {
    gref_seen on; /* of M, on a law */
    double M, c;  /* |D_M|, |D_c| */
} gref_step_change;
gref_step_change gref_change_of_step(const gref_step_parts *p);

/*
 * The law after a step z' = M z + c + noise, P' = M P M^T + N. mean |m|, cov |P|_F and spread
 * sqrt(tr P + |m|^2) are of the law before the step and before the change; M holds for both. The
 * same noise on both laws moves nothing.
 */
typedef struct {
    double mean, cov, w2; /* |D_m|, |D_P|_F, W2 of the two laws */
} gref_law_change;
typedef struct {
    gref_seen mean, cov, spread;
} gref_law_norms;
/* What a step adds, before the error that was there is carried on; `rounding` is of its own
 * arithmetic. */
gref_law_change gref_change_by_step(gref_step_change d, double M, gref_law_norms law,
                                    gref_law_change rounding);
gref_law_change gref_change_carried(gref_law_change e, double M, gref_law_change fresh);

/*
 * What the arithmetic of one step does to a law in double, M and c being taken as they are. P is
 * `dense`, or its diagonal; so is M, of whose product the diagonal is a part by itself. M_off is | |M - diag(M)| |_2, trace tr P, shift |c|, floor a lower bound
 * of the eigenvalues of P' as the step leaves it. The noise itself is known to 8 u. `factor` >= 0:
 * the law is kept as a factor, of which that is the error in W2.
 */
typedef struct {
    int n;
    bool diagonal, dense; /* of M, of P */
    double M, M_off, mean, cov, trace, shift, noise, floor, factor;
} gref_step_arithmetic;
/* |rounding|_F of M X over |X|_F. */
double gref_rounding_of_product(int n, double M_off, double M);
gref_law_change gref_rounding_of_step(const gref_step_arithmetic *a);

/* W2 of N(0, P) and N(0, P + D), both >= least I: |D|_F/(2 sqrt(least)), and at most
 * sqrt(|D|_*) <= sqrt(sqrt(n)|D|_F). */
double gref_change_of_root(int n, double least, double D_P);

/*
 * Posterior of Sigma, A: G = Sigma A^T K^-1, K = A Sigma A^T + sigma^2 I. Gain |G|, keep |I - G A|,
 * post |Sigma_post|, y = K^-1 r, pull |A^T y|, d = G r. D_K is a change of K by itself.
 */
typedef struct {
    double gain, keep, post, y, pull, d;
    double D_Sigma, D_A, D_r, D_K;
} gref_posterior_parts;
double gref_change_of_posterior(const gref_posterior_parts *p);
double gref_change_of_posterior_mean(const gref_posterior_parts *p);

#endif
