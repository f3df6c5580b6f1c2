/* What the tests of proved bounds share: a bound from both sides, and a sampler whose modes have
 * made-up errors. */
#ifndef GREF_TEST_HELD_H
#define GREF_TEST_HELD_H

#include <gref/marginal.h>
#include <gref/modes.h>

#include "diffusion/internal.h"
#include "support.h"
#include "toy.h"

static inline void hold(const char *name, double change, double bound, double reach)
{
    ck_assert_msg(change <= bound && bound > 0, "%s: change %.9g, bound %.9g", name, change, bound);
    ck_assert_msg(change > reach * bound, "%s: change %.9g is only %.3g of its bound", name, change,
                  change / bound);
    note_ratio(name, change, bound);
}

typedef struct {
    gref_problem p;
    gref_modes z;
    gref_schedule schedule;
    gref_sampler *s;
} bench;

/* Modes whose errors are 0 but for what a test makes up. */
static inline void bench_of(bench *w, gref_problem p, const char *row, gref_start start)
{
    gref_sampler_spec spec = make_spec(row);
    *w = (bench){.p = p};
    ck_ok(gref_modes_new(&w->z, &w->p));
    w->z.errors = (gref_modes_errors){.A_norm = 1.5};
    ck_ok(gref_schedule_linear(&w->schedule, 0.1, 0.2, 7));
    spec.convention.start = start;
    ck_ok(gref_sampler_new(&w->s, &w->z, &w->schedule, &spec));
}

static inline void bench_start(bench *w, const char *row, gref_start start)
{
    bench_of(w, diagonal_problem(), row, start);
}

static inline void bench_end(bench *w)
{
    gref_sampler_free(w->s);
    gref_schedule_free(&w->schedule);
    gref_modes_free(&w->z);
    gref_problem_free(&w->p);
}

#endif
