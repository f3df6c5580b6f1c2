/*
 * Perturbation bounds, term by term: one quantity is changed, by much and by little, in its worst
 * direction and in random ones; everything else stays. In long double the change of the result is
 * known, and must lie below the bound whose other D are 0, that is below that one term: always at
 * most 1 times, somewhere more than `reach` times. So no term can be dropped, halved or doubled,
 * and no bound scaled. 2-norms and Frobenius norms are held alike.
 *
 *   N     order of the matrices; trial 0 is the worst direction, made of diagonal matrices; the others are random
 */
#include <math.h>

#include "errors/perturb.h"
#include "support.h"

enum { N = 2, TRIALS = 300 };
#define ATTAINED                                                                                   \
    0.999 /* the worst direction is exact but for the inflation and the second order of `tiny` */

typedef struct {
    long double a[N][N];
} mat;

static uint64_t state;

/* In (-1, 1). */
static double random_number(void)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (double)(state >> 11) * 0x1p-52 - 1.0;
}

static mat random_mat(double size)
{
    mat X;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            X.a[i][j] = size * random_number();
    return X;
}

static mat diagonal(double x, double y)
{
    return (mat){{{x, 0}, {0, y}}};
}

static mat mul(mat X, mat Y)
{
    mat Z = {{{0}}};
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++)
                Z.a[i][j] += X.a[i][k] * Y.a[k][j];
    return Z;
}

static mat transposed(mat X)
{
    return (mat){{{X.a[0][0], X.a[1][0]}, {X.a[0][1], X.a[1][1]}}};
}

static mat sum(mat X, long double y, mat Y)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            X.a[i][j] += y * Y.a[i][j];
    return X;
}

static mat scaled(long double x, mat X)
{
    return sum((mat){{{0}}}, x, X);
}

static mat inverse(mat X)
{
    long double det = X.a[0][0] * X.a[1][1] - X.a[0][1] * X.a[1][0];
    return (mat){{{X.a[1][1] / det, -X.a[0][1] / det}, {-X.a[1][0] / det, X.a[0][0] / det}}};
}

/* X Y X^T */
static mat congruence(mat X, mat Y)
{
    return mul(mul(X, Y), transposed(X));
}

static mat gram(double size)
{
    return congruence(random_mat(sqrt(size)), diagonal(1, 1));
}

static double frobenius(mat X)
{
    long double s = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            s += X.a[i][j] * X.a[i][j];
    return (double)sqrtl(s);
}

/* Largest singular value: s1^2 + s2^2 = |X|_F^2, s1 s2 = |det X|. */
static double norm(mat X)
{
    long double f = frobenius(X), det = fabsl(X.a[0][0] * X.a[1][1] - X.a[0][1] * X.a[1][0]);
    return (double)(0.5L * (sqrtl(f * f + 2 * det) + sqrtl(fmaxl(f * f - 2 * det, 0))));
}

/* Smallest eigenvalue of a symmetric matrix. */
static double least_eigenvalue(mat X)
{
    long double half = 0.5L * (X.a[0][0] + X.a[1][1]),
                det = X.a[0][0] * X.a[1][1] - X.a[0][1] * X.a[1][0];
    return (double)(half - sqrtl(fmaxl(half * half - det, 0)));
}

static double larger(mat X, mat Y)
{
    return fmax(norm(X), norm(Y));
}

/* The ratios of one term over all trials. */
typedef struct {
    const char *name;
    double most;
} term;

static void hold(term *t, double change, double bound)
{
    ck_assert_msg(change * (1 + 0x1p-21) <= bound, "%s: change %.17g, bound %.17g", t->name, change,
                  bound); /* with the inflation in it */
    if (bound > 0)
        t->most = fmax(t->most, change / bound);
}

/* Both norms, D being the change of what was changed. */
#define HOLD_MATRIX(t, change, D, bound_of_D)                                                      \
    do {                                                                                           \
        mat change_ = (change), moved_ = (D);                                                      \
        double d_ = norm(moved_);                                                                  \
        hold(t, norm(change_), bound_of_D(d_));                                                    \
        d_ = frobenius(moved_);                                                                    \
        hold(t, frobenius(change_), bound_of_D(d_));                                               \
    } while (0)

static void reached(const term *t, double reach)
{
    note_ratio(t->name, t->most, 1.0);
    ck_assert_msg(t->most > reach, "%s: only %.3g of the term is ever reached", t->name, t->most);
}

/* Sizes of changes: tiny in trial 0, then from tiny to as large as the quantity. */
static double step_of(int trial)
{
    return trial == 0 ? 0x1p-16 : exp2(-16.0 * fabs(random_number()));
}

/* ---- functions of Sigma ---------------------------------------------------------------------- */

static mat ratio_of(gref_ratio f, mat Sigma)
{
    mat I = diagonal(1, 1), s = sum(scaled(f.abar, Sigma), f.qbar, I);
    return mul(sum(scaled(f.n1, Sigma), f.n0, I), inverse(s));
}

/* J, phi of cgdm, a step's gain and Sigma_t^-1: downwards along the least eigenvalue the bound is
 * an equality. */
START_TEST(test_change_of_ratio__is_attained_for_every_function)
{
    const gref_ratio all[] = {{0.6, 0, 0.36, 0.64}, {0.64, 0, 0.36, 0.64}, {0.4, 0.7, 0.36, 0.64},
                              {0, 1, 0.36, 0.64},   {0, 1, 1, 0},          {0.4, -0.2, 0.9, 0.1}};
    for (int k = 0; k < 6; k++) {
        gref_ratio f = all[k];
        term t = {.name = "f(Sigma)"}, white = {.name = "f(Sigma) Sigma_t"};
        for (int trial = 0; trial < TRIALS; trial++) {
            double h = step_of(trial);
            mat Sigma = trial ? sum(gram(3), 0.05, diagonal(1, 1)) : diagonal(0.3, 2);
            double least = least_eigenvalue(Sigma);
            mat D = trial ? sum(gram(h), -1, gram(h)) : diagonal(-h, 0);
            mat change = sum(ratio_of(f, sum(Sigma, 1, D)), -1, ratio_of(f, Sigma));
            double after = least_eigenvalue(sum(Sigma, 1, D));
            if (after <= 0)
                continue; /* not a covariance */
#define BOUND(d) gref_change_of_ratio(f, least, after, d)
            HOLD_MATRIX(&t, change, D, BOUND);
#undef BOUND
            mat Sigma_t = sum(scaled(f.abar, Sigma), f.qbar, diagonal(1, 1));
#define BOUND(d) gref_change_of_white_ratio(f, after, d)
            HOLD_MATRIX(&white, mul(change, Sigma_t), D, BOUND);
#undef BOUND
        }
        reached(&t, ATTAINED);
        reached(&white, ATTAINED);
    }
    gref_ratio prior = {0, 1, 0.5, 0};
    ck_assert_double_eq(gref_change_of_ratio(prior, 0.1, 0.1, 0.0), 0.0);
    ck_assert(isinf(gref_change_of_ratio(prior, 0.1, 0.0, 0.1)) &&
              isinf(gref_change_of_ratio(prior, 0.0, 0.1, 0.1)));
}
END_TEST

/* ---- products -------------------------------------------------------------------------------- */

/* Each factor alone: X Y by D_X and by D_Y, X Y X^T likewise. */
START_TEST(test_change_of_product__each_factor)
{
    term t[4] = {{.name = "X of X Y"},
                 {.name = "Y of X Y"},
                 {.name = "X of X Y X^T"},
                 {.name = "Y of X Y X^T"}};
    for (int trial = 0; trial < TRIALS; trial++) {
        double h = step_of(trial);
        mat X = trial ? random_mat(4) : diagonal(4, 1),
            Y = trial ? random_mat(0.3) : diagonal(0.3, 0.1);
        mat S = trial ? sum(gram(0.3), -1, gram(0.3)) : Y,
            D = trial ? random_mat(h) : diagonal(h, 0);
        mat E = trial ? sum(gram(h), -1, gram(h)) : D, X2 = sum(X, 1, D);
        double x = larger(X, X2);
#define BOUND(d) gref_change_of_product(x, d, norm(Y), 0)
        HOLD_MATRIX(&t[0], sum(mul(X2, Y), -1, mul(X, Y)), D, BOUND);
#undef BOUND
#define BOUND(d) gref_change_of_product(norm(X), 0, larger(Y, sum(Y, 1, D)), d)
        HOLD_MATRIX(&t[1], mul(X, D), D, BOUND);
#undef BOUND
#define BOUND(d) gref_change_of_congruence(x, d, norm(S), 0)
        HOLD_MATRIX(&t[2], sum(congruence(X2, S), -1, congruence(X, S)), D, BOUND);
#undef BOUND
#define BOUND(d) gref_change_of_congruence(norm(X), 0, larger(S, sum(S, 1, E)), d)
        HOLD_MATRIX(&t[3], congruence(X, E), E, BOUND);
#undef BOUND
    }
    for (int k = 0; k < 4; k++)
        reached(&t[k], ATTAINED);
}
END_TEST

/* ---- guidance -------------------------------------------------------------------------------- */

static mat pulled(mat B, mat C)
{
    return mul(transposed(B), inverse(C));
}

/* phi B B^T + tau I */
static mat noisy(double phi, mat B, double tau)
{
    mat I = diagonal(1, 1);
    return sum(scaled(phi, congruence(B, I)), tau, I);
}

/* Vectors are matrices with a second column of 0. */
static mat column(mat X)
{
    return mul(X, diagonal(1, 0));
}

/*
 * C = phi B B^T + tau I. With phi B^2 = x tau the derivative of Gamma is 2 x/(1 + x)^2 tau/B at B,
 * below 2 H = 2/(1 + x) up to x = 1 by 1/(1 + x); where x is allowed to be larger it is largest
 * at x = 1/3, 0.65 times 2 H.
 */
START_TEST(test_change_of_guidance__constant_phi)
{
    const struct {
        double phi, B, reach;
    } all[] = {{0, 3, ATTAINED}, {0.01, 1, 0.96}, {0.7, 5, 0.64}, {40, 0.05, 0.66}};
    double tau = 0.25;
    for (int k = 0; k < 4; k++) {
        double phi = all[k].phi, b = phi > 0 ? fmin(all[k].B, sqrt(tau / (3 * phi))) : all[k].B;
        term t[3] = {{.name = "B of Gamma"}, {.name = "Gamma"}, {.name = "H"}};
        for (int trial = 0; trial < TRIALS; trial++) {
            double h = all[k].B * step_of(trial);
            mat B = trial ? random_mat(all[k].B) : diagonal(b, all[k].B),
                D = trial ? random_mat(h) : diagonal(h, 0);
            mat B1 = sum(B, 1, D), C = noisy(phi, B, tau), C1 = noisy(phi, B1, tau);
            double size = larger(B, B1);
            gref_guidance_change g = gref_change_of_guidance(phi, tau, size, 0, 1, 1);
            mat peak = diagonal(phi > 0 ? fmin(size, sqrt(tau / phi)) : size, 0);
            hold(&t[1], larger(mul(pulled(B, C), B), mul(pulled(B1, C1), B1)), g.Gamma);
            hold(&t[2], larger(pulled(B, C), pulled(B1, C1)), g.H);
            ck_assert_inflated("H, over all B of that size", g.H,
                               norm(pulled(peak, noisy(phi, peak, tau))));
            ck_assert(g.D_Gamma == 0 && g.D_g == 0);
#define BOUND(d) gref_change_of_guidance(phi, tau, size, d, 0, 0).D_Gamma
            HOLD_MATRIX(&t[0], sum(mul(pulled(B1, C1), B1), -1, mul(pulled(B, C), B)), D, BOUND);
#undef BOUND
        }
        reached(&t[0], all[k].reach);
        reached(&t[1], ATTAINED);
        reached(&t[2], ATTAINED);
    }
}
END_TEST

/*
 * g by its two terms, each by itself: of w where g = 0, at B = 0; of g where dB^T w = 0, as dB
 * maps onto the second measurement and w lies in the first. Random changes obey their sum.
 */
START_TEST(test_change_of_guidance__of_a_residual)
{
    double tau = 0.25;
    for (int k = 0; k < 3; k++) {
        double phi = (double[]){0, 0.7, 40}[k], peak = phi > 0 ? sqrt(tau / phi) : 1;
        term t[2] = {{.name = "g by w"}, {.name = "g by g"}};
        for (int trial = 0; trial < TRIALS; trial++) {
            double h = step_of(trial);
            mat r = column(random_mat(4)), E = trial ? random_mat(h) : diagonal(h, 0);
            mat B = trial ? random_mat(4) : diagonal(0, 0), C = noisy(phi, B, tau),
                B1 = sum(B, 1, E), w = mul(inverse(C), trial ? r : diagonal(3, 0));
            mat change =
                sum(mul(pulled(B1, noisy(phi, B1, tau)), mul(C, w)), -1, mul(transposed(B), w));
            hold(&t[0], norm(change),
                 gref_change_of_guidance(phi, tau, larger(B, B1), norm(E), norm(w),
                                         norm(mul(transposed(B), w)))
                     .D_g);
            mat P = diagonal(4, peak), across = {{{0, 0}, {h, 0}}}, P1 = sum(P, 1, across),
                v = diagonal(3, 0);
            change = sum(mul(pulled(P1, noisy(phi, P1, tau)), mul(noisy(phi, P, tau), v)), -1,
                         mul(transposed(P), v));
            hold(&t[1], norm(change),
                 gref_change_of_guidance(phi, tau, larger(P, P1), h, 0, 12).D_g);
        }
        reached(&t[0], ATTAINED);
        if (phi > 0)
            reached(&t[1], ATTAINED);
    }
}
END_TEST

/* B and C each by itself. */
START_TEST(test_change_of_free_guidance__each_part)
{
    term t[5] = {{.name = "B of Gamma"},
                 {.name = "B of g"},
                 {.name = "C of Gamma"},
                 {.name = "C of g"},
                 {.name = "Gamma"}};
    for (int trial = 0; trial < TRIALS; trial++) {
        double h = 0.1 * step_of(trial);
        mat I = diagonal(1, 1), B = trial ? random_mat(3) : diagonal(3, 1),
            C = trial ? sum(gram(2), 0.3, I) : diagonal(0.3, 2);
        mat D = trial ? random_mat(h) : diagonal(h, 0),
            E = trial ? sum(gram(h), -1, gram(h)) : diagonal(-h, 0);
        mat B1 = sum(B, 1, D), C1 = sum(C, 1, E),
            r = trial ? column(random_mat(4)) : diagonal(4, 0);
        double H1 = larger(pulled(B, C), pulled(B1, C)), H2 = larger(pulled(B, C), pulled(B, C1)),
               w = norm(mul(inverse(C), r));
        gref_guidance_change g = gref_change_of_free_guidance(norm(pulled(B, C)), norm(B), 0, 0, 1);
        hold(&t[4], norm(mul(pulled(B, C), B)), g.Gamma);
        ck_assert(g.H == norm(pulled(B, C)));
#define BOUND(d) gref_change_of_free_guidance(H1, larger(B, B1), d, 0, 0).D_Gamma
        HOLD_MATRIX(&t[0], sum(mul(pulled(B1, C), B1), -1, mul(pulled(B, C), B)), D, BOUND);
#undef BOUND
#define BOUND(d) gref_change_of_free_guidance(H1, larger(B, B1), d, 0, w).D_g
        HOLD_MATRIX(&t[1], mul(pulled(D, C), r), D, BOUND);
#undef BOUND
#define BOUND(d) gref_change_of_free_guidance(H2, norm(B), 0, d, 0).D_Gamma
        HOLD_MATRIX(&t[2], sum(mul(pulled(B, C1), B), -1, mul(pulled(B, C), B)), E, BOUND);
#undef BOUND
#define BOUND(d) gref_change_of_free_guidance(H2, norm(B), 0, d, w).D_g
        HOLD_MATRIX(&t[3], mul(sum(pulled(B, C1), -1, pulled(B, C)), r), E, BOUND);
#undef BOUND
    }
    for (int k = 0; k < 5; k++)
        reached(&t[k], ATTAINED);
}
END_TEST

/* ---- the step -------------------------------------------------------------------------------- */

typedef struct {
    mat gain, J, Gamma, g, inverse, d;
    double kappa, root, push;
} step;

static mat step_M(step s)
{
    return sum(s.gain, -s.kappa, congruence(s.J, s.Gamma));
}

static mat step_y(step s)
{
    return sum(s.g, -s.root, mul(s.Gamma, mul(s.J, s.d)));
}

static mat step_c(step s)
{
    return sum(scaled(s.kappa, mul(s.J, step_y(s))), -s.push * s.root, mul(s.inverse, s.d));
}

/* y < 0 < Gamma J x, so that a change of J moves both terms of J y the same way. */
static step make_step(int trial)
{
    step s = {.kappa = 0.3, .root = 0.6, .push = 1.7};
    s.gain = diagonal(0.9, 0.4);
    s.J = trial ? diagonal(2 + random_number(), random_number()) : diagonal(2, 1);
    s.Gamma = trial ? gram(5) : diagonal(5, 0.1);
    s.d = trial ? column(random_mat(4)) : diagonal(4, 0);
    s.g = trial ? column(random_mat(40)) : diagonal(4, 0);
    s.inverse = trial ? diagonal(3 + random_number(), 0.1) : diagonal(3, 1);
    return s;
}

/* z as it is, and as Sigma_t^-1 and J see it. */
static gref_seen seen(step s, mat z, double (*size)(mat))
{
    return (gref_seen){size(z), size(mul(s.inverse, z)), size(mul(s.J, z))};
}

/*
 * gain, J, Gamma, g and Sigma_t^-1, each by itself, in M, in M z and in c. A change of a matrix is
 * one of its three kinds at a time: E, E Sigma_t^-1 or E J, of which E has the size d. Frobenius
 * norms pair with 2-norms.
 */
START_TEST(test_change_of_step__each_part)
{
    const char *const part[5] = {"gain", "J", "Gamma", "g", "1/s"};
    for (int k = 0; k < 5; k++)
        for (int view = 0; view < (k == 2 || k == 3 ? 1 : 3); view++) {
            term M = {.name = part[k]}, Mz = {.name = part[k]}, c = {.name = part[k]};
            for (int trial = 0; trial < TRIALS; trial++) {
                double h = step_of(trial);
                step s = make_step(trial), r = s;
                mat D = trial ? random_mat(h) : diagonal(h, 0), I = diagonal(1, 1);
                mat z = trial ? random_mat(3) : diagonal(3, 0);
                mat *const moved[] = {&r.gain, &r.J, &r.Gamma, &r.g, &r.inverse};
                if (k == 1)
                    D = trial ? diagonal(h * random_number(), h * random_number()) : D;
                if (k == 2)
                    D = trial ? sum(gram(h), -1, gram(h)) : D;
                if (k == 3)
                    D = column(D);
                *moved[k] = sum(*moved[k], 1, mul(D, view == 0 ? I : view == 1 ? s.inverse : s.J));
                for (int kind = 0; kind < 2; kind++) {
                    double d = kind ? frobenius(D) : norm(D);
                    gref_step_parts p = {.kappa = s.kappa,
                                         .J = norm(s.J),
                                         .inverse = norm(s.inverse),
                                         .Gamma = seen(s, s.Gamma, norm),
                                         .y = seen(s, step_y(s), norm),
                                         .x = seen(s, scaled(s.root, s.d), norm),
                                         .push = s.push};
                    gref_seen *const by[] = {&p.D_gain, &p.D_J, NULL, NULL, &p.D_shift};
                    if (k == 2 || k == 3)
                        *(k == 2 ? &p.D_Gamma : &p.D_g) = d;
                    else
                        *(view == 0   ? &by[k]->plain
                          : view == 1 ? &by[k]->white
                                      : &by[k]->gained) = d;
                    gref_step_change b = gref_change_of_step(&p);
                    mat change = sum(step_M(r), -1, step_M(s));
                    hold(&M, kind ? frobenius(change) : norm(change), b.M);
                    hold(&Mz, frobenius(mul(change, z)),
                         gref_change_seen(b.on, seen(s, z, kind ? norm : frobenius)) *
                             GREF_INFLATE);
                    hold(&c, norm(sum(step_c(r), -1, step_c(s))), b.c);
                }
            }
            if (k < 3) {
                reached(&M, ATTAINED);
                reached(&Mz, ATTAINED);
            }
            if (k > 0)
                reached(&c, ATTAINED);
        }
}
END_TEST

/* ---- the law --------------------------------------------------------------------------------- */

/*
 * One dimension, where W2^2 = (m - m')^2 + (sd - sd')^2: a change of M scales mean and deviation
 * alike, whichever way it sees them; one of c moves the mean alone; what was there before is
 * carried by M. Rounding is added as it is.
 */
START_TEST(test_change_of_law__each_part)
{
    for (int view = 0; view < 3; view++)
        for (double h = 1.0; h > 1e-6; h *= 0.1) {
            double m = -2.5, sd = 0.7, M = 3.0, reach = 1 - 1.01 * h,
                   sees = (double[]){1, 8, 0.2}[view];
            term t[8] = {{.name = "M of mean"}, {.name = "M of cov"}, {.name = "M of W2"},
                         {.name = "c of mean"}, {.name = "c of W2"},  {.name = "mean"},
                         {.name = "cov"},       {.name = "W2"}};
            gref_law_norms law = {.mean = {fabs(m), 8 * fabs(m), 0.2 * fabs(m)},
                                  .cov = {sd * sd, 8 * sd * sd, 0.2 * sd * sd},
                                  .spread = {hypot(m, sd), 8 * hypot(m, sd), 0.2 * hypot(m, sd)}};
            gref_step_change of_M = {.on = {view == 0 ? h / sees : 0, view == 1 ? h / sees : 0,
                                            view == 2 ? h / sees : 0}};
            gref_law_change none = {0}, b = gref_change_by_step(of_M, M + h, law, none);
            hold(&t[0], h * fabs(m), b.mean);
            hold(&t[1], ((M + h) * (M + h) - M * M) * sd * sd, b.cov);
            hold(&t[2], hypot(h * m, h * sd), b.w2);
            b = gref_change_by_step((gref_step_change){.c = h}, M, law, none);
            hold(&t[3], h, b.mean);
            hold(&t[4], h, b.w2);
            gref_law_change e = {.mean = 0.1 * h, .cov = 0.2 * h, .w2 = 0.3 * h};
            b = gref_change_carried(e, M, none);
            hold(&t[5], M * e.mean, b.mean);
            hold(&t[6], M * M * e.cov, b.cov);
            hold(&t[7], M * e.w2, b.w2);
            for (int k = 0; k < 8; k++)
                reached(&t[k], k == 1 ? fmin(ATTAINED, reach) : ATTAINED);
            b = gref_change_by_step((gref_step_change){0}, M, law, e);
            ck_assert(b.mean >= e.mean && b.mean < e.mean * 1.00001 && b.cov >= e.cov &&
                      b.cov < e.cov * 1.00001);
            ck_assert(b.w2 >= e.w2 && b.w2 < e.w2 * 1.00001);
            b = gref_change_carried(none, M, e);
            ck_assert(b.mean >= e.mean && b.mean < e.mean * 1.00001 && b.cov >= e.cov &&
                      b.cov < e.cov * 1.00001);
            ck_assert(b.w2 >= e.w2 && b.w2 < e.w2 * 1.00001);
        }
}
END_TEST

/* n variances that move alike. Far from 0 the root is linear; at 0, or without a bound below, it is
 * the root of D. */
START_TEST(test_change_of_root__both_ways)
{
    for (int n = 1; n <= 100; n *= 10)
        for (double h = 1e-9; h < 10; h *= 10) {
            term t[3] = {{.name = "from 0"}, {.name = "unknown"}, {.name = "above"}};
            double D = sqrt(n) * h, root = sqrt(n);
            hold(&t[0], root * sqrt(h), gref_change_of_root(n, 0, D));
            hold(&t[1], root * sqrt(h), gref_change_of_root(n, -1, D));
            reached(&t[0], ATTAINED);
            reached(&t[1], ATTAINED);
            /* one variance: D/(2 sqrt least) = h/2 against sqrt(1 + h) - 1 */
            hold(&t[2], sqrt(1 + h) - 1, gref_change_of_root(n, 1, h));
            ck_assert_double_le(gref_change_of_root(n, 1, h), 0.5 * h * GREF_INFLATE);
            if (h <= 1e-3)
                reached(&t[2], 0.999 - h);
        }
}
END_TEST

/*
 * Rounding, which no computation attains: the formulas, evaluated here by themselves. n = 9;
 * gamma_13 = 13 u; P as its diagonal, P dense after a diagonal M, after a dense M far from 0 and at
 * 0, and as a factor.
 */
START_TEST(test_rounding_of_step__each_kind)
{
    const double u = EPS, M = 0.7, off = 0.25, mean = 3, cov = 5, trace = 11, shift = 1.25,
                 noise = 0.04, factor = 4e-15;
    double sd = sqrt(9 * noise), sum = 4 * u * M * M * cov + 10 * u * 3 * noise,
           product = 13 * u * off + 2 * u * M, dense = 2 * product * M * cov + sum;
    double by_one = 3 * u * M * mean + 2 * u * shift, by_n = by_one + 13 * u * off * mean;
    const struct {
        bool diagonal, dense;
        double floor, factor, mean, cov, w2;
    } all[] = {
        {true, false, 0.3, -1, by_one, sum, 2 * u * (M * sqrt(trace) + sd)},
        {true, true, 0.3, -1, by_one, sum, sum / (2 * sqrt(0.3))},
        {false, true, 0.3, -1, by_n, dense, dense / (2 * sqrt(0.3))},
        {false, true, 0, -1, by_n, dense, sqrt(3 * dense)},
        {false, true, 0, factor, by_n, 2 * M * sqrt(trace) * factor + 13 * u * M * M * trace,
         factor},
    };
    for (int k = 0; k < 5; k++) {
        gref_step_arithmetic a = {.n = 9,
                                  .diagonal = all[k].diagonal,
                                  .dense = all[k].dense,
                                  .M = M,
                                  .M_off = off,
                                  .mean = mean,
                                  .cov = cov,
                                  .trace = trace,
                                  .shift = shift,
                                  .noise = noise,
                                  .floor = all[k].floor,
                                  .factor = all[k].factor};
        gref_law_change r = gref_rounding_of_step(&a);
        ck_assert_inflated("product", gref_rounding_of_product(9, off, M), product);
        ck_assert_inflated("mean", r.mean, all[k].mean);
        ck_assert_inflated("cov", r.cov, all[k].cov);
        ck_assert_inflated("w2", r.w2, all[k].w2 + all[k].mean + 4 * u * sd);
    }
}
END_TEST

/* ---- the posterior --------------------------------------------------------------------------- */

typedef struct {
    mat Sigma, A, K_more, r;
    double s2;
} problem;

typedef struct {
    mat G, post, keep, y, pull, d;
} posterior;

static posterior posterior_of(problem p)
{
    posterior q;
    mat I = diagonal(1, 1), K = sum(sum(congruence(p.A, p.Sigma), p.s2, I), 1, p.K_more);
    q.y = mul(inverse(K), p.r);
    q.G = mul(mul(p.Sigma, transposed(p.A)), inverse(K));
    q.keep = sum(I, -1, mul(q.G, p.A));
    q.post = mul(q.keep, p.Sigma);
    q.pull = mul(transposed(p.A), q.y);
    q.d = mul(q.G, p.r);
    return q;
}

/* Sigma, A, K and r each by itself. In the mean a skew change of A adds up both of its terms; its Frobenius norm is
 * sqrt 2 times its 2-norm. */
START_TEST(test_change_of_posterior__each_part)
{
    term cov[4] = {{.name = "Sigma of the posterior"},
                   {.name = "A of the posterior"},
                   {.name = "K of the posterior"}},
         mean[4] = {{.name = "Sigma of its mean"},
                    {.name = "A of its mean"},
                    {.name = "K of its mean"},
                    {.name = "r of its mean"}};
    for (int trial = -1; trial < TRIALS; trial++)
        for (int k = 0; k < 4; k++) {
            double h = 0.1 * step_of(trial < 0 ? 0 : trial);
            problem p = {.s2 = 0.3};
            p.Sigma = trial > 0 ? gram(3) : diagonal(3, trial < 0 ? 3 : 0.5);
            p.A = trial > 0 ? random_mat(2) : diagonal(0.4, trial < 0 ? 0.4 : 0.2);
            p.r = trial > 0 ? column(random_mat(5)) : diagonal(5, 0);
            mat D =
                trial > 0 ? (k == 1 ? random_mat(h) : sum(gram(h), -1, gram(h))) : diagonal(h, 0);
            if (trial < 0 && k == 1)
                D = (mat){{{0, h}, {-h, 0}}};
            D = k == 3 ? column(D) : D;
            problem r = p;
            mat *const moved[] = {&r.Sigma, &r.A, &r.K_more, &r.r};
            *moved[k] = sum(*moved[k], 1, D);
            if (least_eigenvalue(r.Sigma) < 0)
                continue;
            posterior x = posterior_of(p), z = posterior_of(r);
            mat y2 = k == 3 ? x.y : z.y;
            for (int kind = 0; kind < 2; kind++) {
                double d = kind ? frobenius(D) : norm(D);
                gref_posterior_parts b = {.gain = larger(x.G, z.G),
                                          .keep = larger(x.keep, z.keep),
                                          .post = larger(x.post, z.post),
                                          .y = larger(x.y, y2),
                                          .pull = larger(x.pull, z.pull),
                                          .d = larger(x.d, z.d)};
                double *const D_of[] = {&b.D_Sigma, &b.D_A, &b.D_K, &b.D_r};
                *D_of[k] = d;
                mat change = sum(z.post, -1, x.post);
                if (k < 3)
                    hold(&cov[k], kind ? frobenius(change) : norm(change),
                         gref_change_of_posterior(&b));
                hold(&mean[k], norm(sum(z.d, -1, x.d)), gref_change_of_posterior_mean(&b));
            }
        }
    for (int k = 0; k < 3; k++)
        reached(&cov[k], ATTAINED);
    for (int k = 0; k < 4; k++)
        reached(&mean[k], ATTAINED);
}
END_TEST

static void seed(void)
{
    state = 1;
}

int main(void)
{
    Suite *s = suite_create("perturb");
    TCase *tc = new_tcase(s, "perturb");
    tcase_add_checked_fixture(tc, seed, NULL);
    tcase_add_test(tc, test_change_of_ratio__is_attained_for_every_function);
    tcase_add_test(tc, test_change_of_product__each_factor);
    tcase_add_test(tc, test_change_of_guidance__constant_phi);
    tcase_add_test(tc, test_change_of_guidance__of_a_residual);
    tcase_add_test(tc, test_change_of_free_guidance__each_part);
    tcase_add_test(tc, test_change_of_step__each_part);
    tcase_add_test(tc, test_change_of_law__each_part);
    tcase_add_test(tc, test_change_of_root__both_ways);
    tcase_add_test(tc, test_change_of_posterior__each_part);
    tcase_add_test(tc, test_rounding_of_step__each_kind);
    return run_suite(s);
}
