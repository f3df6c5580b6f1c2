/*
 * Every number of the golden files of reference/golden/oracle, which ball arithmetic proved,
 * against the library, on a BLAS that passes its self-test: bounds on errors say nothing of one
 * that is wrong.
 *
 * The problem is rebuilt from the doubles in the file, so FLINT is not needed here. For each
 * quantity the worst of
 *     error / ((n + m) EPS condition)
 * is printed, the condition being that of support/oracle_condition.c: a sum of the norms that
 * multiply what is rounded or perturbed, to first order. It is held below the number of operations
 * of order n or m, each good for (n + m) EPS, that a result passes one after the other: 4 for a
 * covariance (into the modes of Sigma, of F = A Sigma^1/2, of Sigma_post, and back), 1 for a vector
 * or a number, whose one long product dominates.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/marginal.h>

#include "../reference/oracle/sha256.h"
#include "dense/internal.h"
#include "oracle_condition.h"
#include "oracle_file.h"
#include "support.h"

enum { COVARIANCE = 4, VECTOR = 1 };
#define MOST 64

/* `radius` is the golden file's own: how far its number may be from the truth. */
static void hold(const oracle_file *f, const char *what, int limit, double error, double radius,
                 double condition)
{
    double unit = (f->p.A.n + f->p.A.m) * EPS * condition;
    ck_assert_msg(error <= limit * unit + radius, "%s: %s: error %.3g, unit %.3g, condition %.3g",
                  f->name, what, error, unit, condition);
    note_ratio(what, fmax(error - radius, 0.0), unit);
}

static void hold_vector(const oracle_file *f, const char *what, const char *name, gref_mat x,
                        double condition)
{
    hold(f, what, VECTOR, oracle_distance(f, name, gref_const(x)), 0.0, condition);
}

static void hold_cov(const oracle_file *f, const char *what, const char *name, gref_mat x,
                     double condition)
{
    hold(f, what, COVARIANCE, oracle_distance(f, name, gref_const(x)), 0.0, condition);
}

static void hold_number(const oracle_file *f, const char *what, const char *name, double x,
                        double condition)
{
    hold(f, what, VECTOR, (double)fabsl(x - oracle_number(f, name)), oracle_radius(f, name),
         condition);
}

/* Runs `check` on every golden file. */
static void for_each_file(void (*check)(const oracle_file *f))
{
    char names[MOST][64];
    int n = oracle_file_list(names, MOST);
    for (int k = 0; k < n; k++) {
        oracle_file f = oracle_file_open(names[k]);
        check(&f);
        oracle_file_close(&f);
    }
}

/* Runs `check` on every sampler of every file. */
static void for_each_sampler(void (*check)(const oracle_file *f, const gref_sampler *s))
{
    char names[MOST][64];
    int n = oracle_file_list(names, MOST);
    for (int k = 0; k < n; k++) {
        oracle_file f = oracle_file_open(names[k]);
        for (int d = 0; d < f.n_samplers; d++) {
            gref_sampler *s = NULL;
            ck_ok(gref_sampler_new(&s, &f.z, &f.s, f.specs + d));
            check(&f, s);
            gref_sampler_free(s);
        }
        oracle_file_close(&f);
    }
}

static void check_hash(const oracle_file *f, const char *key, gref_mat A)
{
    gref_mat rows = fresh(A.n, A.m); /* column-major, so its storage is A row by row */
    char hash[65];
    gref_mat_transpose(rows, gref_const(A));
    ck_assert(oracle_sha256_doubles(hash, rows.a, (size_t)A.m * (size_t)A.n));
    json_t *entry = json_object_get(json_object_get(f->root, "inputs"), key);
    ck_assert_str_eq(json_string_value(json_object_get(entry, "sha256")), hash);
    gref_mat_free(&rows);
}

static void check_hashes(const oracle_file *f)
{
    check_hash(f, "Sigma", f->p.Sigma);
    check_hash(f, "mu", f->p.mu);
    check_hash(f, "A", f->p.A);
    check_hash(f, "v", f->p.v);
    check_hash(f, "beta", (gref_mat){f->s.beta + 1, f->s.T, 1, f->s.T});
}

/*
 * The inputs in the file are those that the oracle hashed: not one bit was lost on the way, neither
 * by hexadecimal printing, nor by storing triangles, nor by the schedule. "abc" is FIPS 180-4's own
 * example.
 */
START_TEST(test_oracle__inputs_have_their_hashes)
{
    char hash[65];
    oracle_sha256(hash, "abc", 3);
    ck_assert_str_eq(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for_each_file(check_hashes);
}
END_TEST

static void check_posterior(const oracle_file *f)
{
    int n = f->p.A.n;
    gref_mat mean = fresh(n, 1), cov = fresh(n, n);
    oracle_condition c = condition_posterior(&f->p), textbook = condition_textbook(&f->p);
    ck_ok(gref_modes_posterior(mean, cov, &f->z));
    hold_vector(f, "posterior mean", "posterior/mean", mean, c.mean);
    hold_cov(f, "posterior covariance", "posterior/cov", cov, c.cov);
    ck_ok(gref_posterior(mean, cov, gref_const(f->p.Sigma), gref_const(f->p.mu), gref_const(f->p.A),
                         f->p.sigma, gref_const(f->p.v)));
    hold_vector(f, "posterior mean, textbook route", "posterior/mean", mean, textbook.mean);
    hold_cov(f, "posterior covariance, textbook route", "posterior/cov", cov, textbook.cov);
    for (int k = 0; k < f->n_at; k++) {
        int t = f->at[k];
        ck_ok(gref_conditional_exact(mean, cov, &f->z, &f->s, t));
        oracle_condition at =
            condition_target(&f->p, &f->s, c, gref_const(mean), gref_const(cov), t);
        hold_vector(f, "exact mean of x_t given v", oracle_name("target", "mean", t), mean,
                    at.mean);
        hold_cov(f, "exact covariance of x_t given v", oracle_name("target", "cov", t), cov,
                 at.cov);
    }
    gref_mat_free(&mean);
    gref_mat_free(&cov);
}

/* The posterior by both routes, and the exact law of x_t given v. */
START_TEST(test_oracle__posterior_and_exact_laws)
{
    for_each_file(check_posterior);
}
END_TEST

static void check_modelled(const oracle_file *f, const gref_sampler *s)
{
    int n = f->p.A.n, m = f->p.A.m;
    const gref_sampler_spec *spec = gref_sampler_get_spec(s);
    if (!gref_sampler_is_guided(s))
        return;
    gref_mat mean = fresh(n, 1), cov = fresh(n, n), C = fresh(m, m);
    for (int k = 0; k < f->n_at; k++) {
        int t = f->at[k];
        ck_ok(gref_likelihood_cov(C, s, t));
        hold_cov(f, "C_{v|t}", oracle_name(spec->label, "C_vt", t), C,
                 condition_likelihood(&f->p, &f->s, spec, t));
        gref_cmat Ct = gref_const(C);
        oracle_condition c = condition_precision(&f->p, &f->s, spec, Ct, t);
        ck_ok(gref_conditional_precision(mean, cov, s, t));
        hold_vector(f, "mu_{t|v}", oracle_name(spec->label, "modelled_mean", t), mean, c.mean);
        hold_cov(f, "C_{t|v}", oracle_name(spec->label, "modelled_cov", t), cov, c.cov);
        c = condition_bayes(&f->p, &f->s, spec, Ct, t);
        ck_ok(gref_conditional_bayes(mean, cov, s, t));
        hold_vector(f, "mu_{t|v}, Bayes' route", oracle_name(spec->label, "modelled_mean", t), mean,
                    c.mean);
        hold_cov(f, "C_{t|v}, Bayes' route", oracle_name(spec->label, "modelled_cov", t), cov,
                 c.cov);
    }
    gref_mat_free(&mean);
    gref_mat_free(&cov);
    gref_mat_free(&C);
}

/* C_{v|t}, and the law that each sampler takes p_t(x | v) to be, by both routes. */
START_TEST(test_oracle__modelled_laws)
{
    for_each_sampler(check_modelled);
}
END_TEST

/* Root of the smallest eigenvalue that is not a rounded 0, and of the trace. */
static void root_sizes(double *least, double *trace, const oracle_file *f, const char *name)
{
    gref_mat C = oracle_array(f, name), lambda = fresh(C.n, 1);
    *trace = sqrt(gref_mat_trace(gref_const(C)));
    ck_ok(gref_eigh_values(lambda, C));
    int k = 0;
    while (k < C.n - 1 && lambda.a[k] <= 4 * C.n * EPS * lambda.a[C.n - 1])
        k++;
    *least = sqrt(fmax(lambda.a[k], 0.0));
    gref_mat_free(&C);
    gref_mat_free(&lambda);
}

/*
 * W2 of two laws whose covariances are known to dC1, dC2 (times EPS): |C1^1/2 - D^1/2|_F <= |C1 -
 * D|_F/(sqrt l1 + sqrt d1), l the smallest eigenvalues, on the range that both share; and the
 * factors' own rounding, |L1|_F + |L2|_F.
 */
static double condition_w2(const oracle_file *f, const char *name1, double dC1, const char *name2,
                           double dC2)
{
    double least1, trace1, least2, trace2;
    root_sizes(&least1, &trace1, f, name1);
    root_sizes(&least2, &trace2, f, name2);
    double c1 = least1 > 0 ? dC1 / (2 * least1) : sqrt(dC1 / EPS),
           c2 = least2 > 0 ? dC2 / (2 * least2) : sqrt(dC2 / EPS);
    return trace1 + trace2 + fmin(c1, sqrt(dC1 / EPS)) + fmin(c2, sqrt(dC2 / EPS));
}

/* WHAT, WHAT_mean and WHAT_cov of LABEL at t. */
static void hold_w2(const oracle_file *f, const char *what, const char *label, const char *key,
                    int t, gref_w2 w, double mean, double cov)
{
    char part[64], line[64];
    snprintf(part, sizeof part, "%s_mean", key);
    snprintf(line, sizeof line, "%s, mean part", what);
    hold_number(f, line, oracle_name(label, part, t), w.w2_mean, mean);
    snprintf(part, sizeof part, "%s_cov", key);
    snprintf(line, sizeof line, "%s, covariance part", what);
    hold_number(f, line, oracle_name(label, part, t), w.w2_cov, cov);
    hold_number(f, what, oracle_name(label, key, t), w.w2, hypot(mean, cov));
}

static void check_modelled_w2(const oracle_file *f, const gref_sampler *s)
{
    const gref_sampler_spec *spec = gref_sampler_get_spec(s);
    oracle_condition posterior = condition_posterior(&f->p);
    gref_mat C = fresh(f->p.A.m, f->p.A.m);
    for (int k = 0; k < f->n_at && gref_sampler_is_guided(s); k++) {
        int t = f->at[k];
        gref_w2 w;
        ck_ok(gref_conditional_w2(&w, s, t));
        ck_ok(gref_likelihood_cov(C, s, t));
        oracle_condition c = condition_precision(&f->p, &f->s, spec, gref_const(C), t);
        char name[192];
        snprintf(name, sizeof name, "%s", oracle_name(spec->label, "modelled_cov", t));
        double cov = condition_w2(f, name, c.cov, oracle_name("target", "cov", t),
                                  f->s.abar[t] * posterior.cov);
        hold_w2(f, "W2 of the modelled law", spec->label, "modelled_w2", t, w,
                c.mean + sqrt(f->s.abar[t]) * posterior.mean, cov);
    }
    gref_mat_free(&C);
}

/* Its distance to the truth, at t = 0 with singular covariances too. */
START_TEST(test_oracle__distance_of_the_modelled_laws)
{
    for_each_sampler(check_modelled_w2);
}
END_TEST

typedef struct {
    const oracle_file *f;
    const gref_sampler *s;
    gref_marginal *law;
    gref_mat mean, bias, cov, mu_post, Sigma_post, C;
    oracle_chain chain;
} walk;

static void check_law(walk *w, int t)
{
    const oracle_file *f = w->f;
    const char *label = gref_sampler_get_spec(w->s)->label;
    double root = sqrt(f->s.abar[t]), posterior = root * w->chain.posterior.mean;
    double bias = w->chain.condition.mean + posterior + gref_mat_norm_fro(gref_const(w->bias));
    double cov = w->chain.condition.cov + gref_mat_norm_fro(gref_const(w->cov));
    double mean = bias + root * (gref_mat_norm_fro(gref_const(f->p.mu)) +
                                 gref_mat_norm_fro(gref_const(w->mu_post)));
    ck_ok(gref_marginal_mean(w->mean, w->law));
    hold_vector(f, "mean of y_t", oracle_name(label, "mean", t), w->mean, mean);
    hold_cov(f, "covariance of y_t", oracle_name(label, "cov", t), w->cov, cov);
    hold_vector(f, "bias of y_t", oracle_name(label, "bias", t), w->bias, bias);
    gref_w2 d;
    char own[192];
    snprintf(own, sizeof own, "%s", oracle_name(label, "cov", t));
    ck_ok(gref_marginal_w2(&d, w->law));
    double target = f->s.abar[t] * w->chain.posterior.cov;
    double part = condition_w2(f, own, cov, oracle_name("target", "cov", t), target);
    hold_w2(f, "W2 of y_t to x_t given v", label, "w2", t, d, bias, part);
    if (gref_sampler_is_guided(w->s))
        return;
    char prior[192];
    snprintf(prior, sizeof prior, "%s", oracle_name(label, "modelled_cov", t));
    ck_ok(gref_marginal_w2_prior(&d, w->law));
    part = condition_w2(f, own, cov, prior, f->s.abar[t] * spectral_norm(gref_const(f->p.Sigma)));
    hold_w2(f, "W2 of y_t to x_t", label, "prior_w2", t, d, mean, part);
}

static bool wanted(const oracle_file *f, int t)
{
    for (int k = 0; k < f->n_at; k++)
        if (f->at[k] == t)
            return true;
    return false;
}

/* log10 sqrt(tr P/tr C): d = (dP/tr P + dC/tr C)/(2 ln 10), |tr dP| <= sqrt(n) |dP|_F; largest over
 * the chain. */
static double growth_condition(const walk *w, int t)
{
    double n = w->f->p.A.n, abar = w->f->s.abar[t];
    double trC = abar * gref_mat_trace(gref_const(w->Sigma_post)) + n * w->f->s.qbar[t];
    double trP = gref_mat_trace(gref_const(w->cov));
    double cov = w->chain.condition.cov + gref_mat_norm_fro(gref_const(w->cov));
    return 1 + sqrt(n) * (cov / trP + (abar * w->chain.posterior.cov + trC) / trC) / (2 * log(10));
}

static void advance_condition(walk *w, int t)
{
    gref_cmat C = {0};
    if (gref_sampler_is_guided(w->s)) {
        ck_ok(gref_likelihood_cov(w->C, w->s, t));
        C = gref_const(w->C);
    }
    chain_advance(&w->chain, t, C, gref_const(w->bias), gref_const(w->cov));
}

static void check_marginal(const oracle_file *f, const gref_sampler *s)
{
    int n = f->p.A.n;
    const gref_sampler_spec *spec = gref_sampler_get_spec(s);
    walk w = {.f = f,
              .s = s,
              .mean = fresh(n, 1),
              .bias = fresh(n, 1),
              .cov = fresh(n, n),
              .mu_post = fresh(n, 1),
              .Sigma_post = fresh(n, n),
              .C = fresh(f->p.A.m, f->p.A.m)};
    ck_ok(gref_modes_posterior(w.mu_post, w.Sigma_post, &f->z));
    ck_ok(gref_marginal_new(&w.law, s));
    w.chain = chain_start(&f->p, &f->s, spec, w.mu_post, w.Sigma_post);
    double growth = 0;
    for (int t = f->s.T; t >= 0; t--) {
        if (gref_marginal_diverged(w.law)) {
            /* the truth is as large; or, lost, small beside what rounding left of the largest: eps
             * of a variance */
            long double truth =
                wanted(f, t) ? oracle_number(f, oracle_name(spec->label, "w2", t)) : NAN;
            double rounding = sqrt(EPS) * pow(10, gref_marginal_growth(w.law));
            ck_assert(!wanted(f, t) ||
                      (gref_marginal_lost(w.law) ? truth < 100 * rounding : truth > 0x1p449L));
        } else if (gref_marginal_mean_lost(w.law)) {
            /* a mean of moderate size beside eps of what the law has grown to */
            double rounding = EPS * pow(10, gref_marginal_growth(w.law));
            ck_assert(!wanted(f, t) ||
                      oracle_number(f, oracle_name(spec->label, "w2_mean", t)) < 1e4 * rounding);
        } else {
            ck_ok(gref_marginal_cov(w.cov, w.law));
            ck_ok(gref_marginal_bias(w.bias, w.law));
            growth = fmax(growth, growth_condition(&w, t));
            if (wanted(f, t))
                check_law(&w, t);
            if (t > 0)
                advance_condition(&w, t);
        }
        if (t > 0)
            ck_ok(gref_marginal_advance(w.law));
    }
    ck_assert_int_eq(gref_marginal_first_unstable(w.law),
                     (int)oracle_number(f, oracle_name(spec->label, "first_unstable", -1)));
    if (!gref_marginal_diverged(w.law))
        hold_number(f, "growth", oracle_name(spec->label, "growth", -1),
                    gref_marginal_growth(w.law), growth);
    gref_marginal_free(w.law);
    gref_mat *all[] = {&w.mean, &w.bias, &w.cov, &w.mu_post, &w.Sigma_post, &w.C};
    for (int k = 0; k < 6; k++)
        gref_mat_free(all[k]);
}

/*
 * The exact law of every sampler, convention and start, its bias, its distance to the truth, where
 * it becomes unstable and how far it grows. Where the library says that a law has diverged (a
 * variance beyond 2^900), the oracle, which knows no overflow, must agree: W2 > 2^449.
 */
START_TEST(test_oracle__marginal_laws)
{
    for_each_sampler(check_marginal);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("oracle");
    TCase *tc = new_tcase(s, "oracle");
    tcase_add_test(tc, test_oracle__inputs_have_their_hashes);
    tcase_add_test(tc, test_oracle__posterior_and_exact_laws);
    tcase_add_test(tc, test_oracle__modelled_laws);
    tcase_add_test(tc, test_oracle__distance_of_the_modelled_laws);
    tcase_add_test(tc, test_oracle__marginal_laws);
    return run_guarded_suite(s);
}
