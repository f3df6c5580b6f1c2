/*
 * First-order conditions: how far rounding may move the numbers that the oracle knows, in units of
 * EPS times a number of order n + m. Derivations in oracle_condition.c. Nothing here is a bound on
 * its own: test_oracle.c multiplies by (n + m) EPS and a constant.
 */
#ifndef GREF_TEST_ORACLE_CONDITION_H
#define GREF_TEST_ORACLE_CONDITION_H

#include <gref/sampler.h>

/* Absolute conditions of a mean, |.|_2, and of a covariance, |.|_F. */
typedef struct {
    double mean, cov;
} oracle_condition;

double spectral_norm(gref_cmat A);

/* Of the posterior by the route of gref_modes, and by the textbook one. */
oracle_condition condition_posterior(const gref_problem *p);
oracle_condition condition_textbook(const gref_problem *p);
/* Of the exact p_t(x | v), given the first of the two. */
oracle_condition condition_target(const gref_problem *p, const gref_schedule *s,
                                  oracle_condition posterior, gref_cmat mean, gref_cmat cov, int t);
/* Of C_{v|t}. */
double condition_likelihood(const gref_problem *p, const gref_schedule *s,
                            const gref_sampler_spec *spec, int t);
/* Of the modelled law by gref_conditional_precision, and by gref_conditional_bayes. */
oracle_condition condition_precision(const gref_problem *p, const gref_schedule *s,
                                     const gref_sampler_spec *spec, gref_cmat C, int t);
oracle_condition condition_bayes(const gref_problem *p, const gref_schedule *s,
                                 const gref_sampler_spec *spec, gref_cmat C, int t);

/* Of a law on its way down, updated step by step; the bias is condition.mean. */
typedef struct {
    const gref_problem *p;
    const gref_schedule *s;
    const gref_sampler_spec *spec;
    bool on_posterior;          /* the run is DDPM on N(mu_post, Sigma_post) */
    oracle_condition posterior; /* condition_posterior */
    gref_mat mu_post, Sigma_post;
    double S; /* |Sigma| */
    oracle_condition condition;
} oracle_chain;

/* At t = T. mu_post, Sigma_post are borrowed. */
oracle_chain chain_start(const gref_problem *p, const gref_schedule *s,
                         const gref_sampler_spec *spec, gref_mat mu_post, gref_mat Sigma_post);
/* From t to t - 1, with C_{v|t} (empty for ddpm), and the bias e and the covariance P of y_t. */
void chain_advance(oracle_chain *c, int t, gref_cmat C, gref_cmat e, gref_cmat P);

#endif
