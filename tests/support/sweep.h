/*
 * Every sampler there is, for tests that must hold for each: the rows of the table of methods,
 * times every scheme, switch and choice of times. A row, a scheme or a value of a switch is swept
 * because it is in its table.
 */
#ifndef GREF_TEST_SWEEP_H
#define GREF_TEST_SWEEP_H

#include "method/method.h"
#include <gref/chain.h>
#include <gref/modes.h>
#include <gref/problem.h>

enum { SWEEP_T = 8 };

/*
 * Sampler k = 0, 1, ... of the table with its conventions; false after the last. No row of a file,
 * none without a law. There are hundreds of thousands: a test takes every so many, a prime number
 * above the counts of all switches, so that any few switches meet in all of their values.
 */
bool sweep_spec(gref_sampler_spec *spec, int k);
/* True if the conventions exclude each other or the schedule, so that every path must refuse the
 * sampler. */
bool sweep_is_refused(const gref_sampler_spec *spec, gref_schedule_kind kind);
/* SWEEP_T steps of that kind. */
enum { SWEEP_KINDS = GREF_SCHEDULE_EDM + 1 };
void sweep_schedule(gref_schedule *s, gref_schedule_kind kind);

/*
 * Chain k = 0, 1, ... of affine steps on n pixels: every kind of noise, three steps of their own or
 * of one matrix, and one step; with and without a start, abar whole, abar that ends below 1, and
 * none. M is not symmetric, and shrinks.
 */
bool sweep_chain(gref_chain *chain, int k, int n);

/* A problem that is not stationary and its schedule; what the samplers borrow. */
typedef struct {
    gref_problem p;
    gref_modes z;
    gref_schedule s;
    gref_mat start_mean, start_cov; /* of samplers that are given their start */
} sweep_world;

/* World k = 0, 1, ...: every kind of schedule; fewer, as many and more measurements than pixels,
 * Sigma regular and singular. */
bool sweep_world_open(sweep_world *w, int k);
void sweep_world_close(sweep_world *w);

/* One sampler of the sweep, and what must hold for it. */
typedef struct {
    const sweep_world *w;
    const gref_sampler_spec *spec;
    gref_sampler *s;
} sweep_subject;
typedef void sweep_property(const sweep_subject *x);

/* Sampler `first` of the table and every `stride`-th after it, in one world, given its start. */
void sweep_each(sweep_property *holds, const sweep_world *w, int first, int stride);
/* Every chain. */
void sweep_each_chain(sweep_property *holds, const sweep_world *w);
/* ck_assert_bound, which names the sampler at hand. */
void sweep_bound(const char *name, double err, double bound);

/* b = F(0), and F(e_i) - F(0) as column i of M: the affine map that the literal algorithm F is,
 * from t. */
void sweep_literal_step(gref_mat M, gref_mat b, const gref_sampler *s, int t);

#endif
