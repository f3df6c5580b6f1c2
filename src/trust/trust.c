/*
 * The self-test: every routine that lapack.c calls, and the arithmetic under it, before its numbers
 * are believed. Published libraries have returned wrong results on some processors without a
 * message; residual checks at a few sizes missed two faults (k mod 16 = 5 in a kernel, every 50th
 * call) that this finds.
 *
 * A routine that is added to lapack.c gets a probe and a row here; tests/cli/doctor.sh holds the
 * table to the source. Calls are counted, not timed, and their numbers are seeded: the same machine
 * gives the same report. Each routine is called far more often than 50 times, in all variants on
 * all residues mod 16.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gref/trust.h>

#include "base/internal.h"
#include "internal.h"

const gref_probe_row gref_probe_rows[] = {
    {"dgemm", gref_probe_gemm, 3, 4, 720, false},  {"dsyrk", gref_probe_syrk, 2, 2, 300, false},
    {"dtrsm", gref_probe_trsm, 2, 4, 400, false},  {"dgemv", gref_probe_gemv, 2, 2, 300, false},
    {"dpotrf", gref_probe_potrf, 1, 1, 150, true}, {"dpstrf", gref_probe_pstrf, 1, 2, 160, true},
    {"dsyevd", gref_probe_syevd, 1, 2, 240, true}, {"dgesdd", gref_probe_gesdd, 2, 2, 160, true},
    {"dot2", gref_probe_dot2, 3, 4, 80, false},
};
const int gref_n_probe_rows = sizeof gref_probe_rows / sizeof *gref_probe_rows;

/* What a check says of its worst call. */
static void describe(gref_trust_check *c, const gref_probe *p, gref_status status)
{
    if (status != GREF_OK)
        snprintf(c->detail, sizeof c->detail, "%s: %.120s", p->shape, gref_last_error()->message);
    else if (!p->finite)
        snprintf(c->detail, sizeof c->detail, "NaN or infinity, at %s", p->shape);
    else if (p->ratio > 1e300)
        snprintf(c->detail, sizeof c->detail, "an error where there is no rounding, at %s",
                 p->shape);
    else
        snprintf(c->detail, sizeof c->detail,
                 p->ratio <= 1.0 ? "error at most %.2g of its bound, at %s"
                                 : "error %.2g times its bound, at %s",
                 p->ratio, p->shape);
}

/* All calls of one routine; *finite turns false for good when a result is NaN or infinite. */
static gref_status check_routine(gref_trust_check *c, const gref_probe_row *row, bool *finite)
{
    SCOPED(gref_probe) p = {0};
    TRY(gref_probe_open(&p, row));
    for (int call = 0; call < row->calls; call++) {
        gref_probe_begin(&p, call);
        gref_status result = row->run(&p);
        if (result == GREF_ERR_NOMEM)
            return result;
        if (result != GREF_OK)
            p.ratio = INFINITY;
        if (!p.finite || result == GREF_ERR_NONFINITE)
            *finite = false;
        c->wrong += p.ratio > 1.0;
        if (call == 0 || p.ratio > c->worst) {
            c->worst = p.ratio;
            describe(c, &p, result);
        }
    }
    c->calls = row->calls;
    c->passed = c->wrong == 0;
    if (c->wrong > 0) {
        char worst[sizeof c->detail];
        memcpy(worst, c->detail, sizeof worst);
        snprintf(c->detail, sizeof c->detail, "%d of %d calls wrong: %.200s", c->wrong, c->calls,
                 worst);
    }
    return GREF_OK;
}

static void check_machine(gref_trust_check *c, const gref_machine_check *check,
                          const gref_backend *backend)
{
    check->run(c->detail, backend);
    c->passed = c->detail[0] == '\0';
    if (c->passed)
        snprintf(c->detail, sizeof c->detail, "%s", check->about);
}

/* All checks, or as far as the first that fails. */
static gref_status make_checks(gref_trust_report *report, bool all)
{
    const char *broken = NULL; /* the routine that made a NaN */
    bool passed = true;
    for (int k = 0; k < gref_n_machine_checks && (all || passed); k++) {
        gref_trust_check *c = &report->checks[report->n_checks++];
        snprintf(c->name, sizeof c->name, "%s", gref_machine_checks[k].name);
        check_machine(c, &gref_machine_checks[k], &report->backend);
        passed = passed && c->passed;
    }
    for (int k = 0; k < gref_n_probe_rows && (all || passed); k++) {
        const gref_probe_row *row = &gref_probe_rows[k];
        gref_trust_check *c = &report->checks[report->n_checks++];
        bool finite = true;
        snprintf(c->name, sizeof c->name, "%s", row->name);
        if (row->lapack && broken != NULL) {
            snprintf(c->detail, sizeof c->detail, "not run: %s makes NaN, on which LAPACK may hang",
                     broken);
            continue;
        }
        TRY(check_routine(c, row, &finite));
        passed = passed && c->passed;
        if (!finite && broken == NULL)
            broken = row->name;
    }
    return GREF_OK;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void gref_trust_report_drop(gref_trust_report **report)
{
    gref_trust_free(*report);
}

static gref_status run_checks(gref_trust_report **report, bool all)
{
    double start = now();
    SCOPED_PTR(gref_trust_report) *r = gref_alloc(1, sizeof *r);
    REQUIRE(r != NULL, GREF_ERR_NOMEM, "no memory for the report of the self-test");
    r->checks = gref_alloc((size_t)(gref_n_machine_checks + gref_n_probe_rows), sizeof *r->checks);
    REQUIRE(r->checks != NULL, GREF_ERR_NOMEM, "no memory for the checks of the self-test");
    r->backend = gref_backend_query();
    TRY(make_checks(r, all));
    r->seconds = now() - start;
    *report = TAKE(r);
    return GREF_OK;
}

/**
 * Tests the BLAS and LAPACK routines that gref calls, and the arithmetic under them.
 *
 * Thousands of seeded calls on random shapes, each held against plain C loops: entry by entry
 * within the rounding error of any order of operations, or exactly where the operands are small
 * integers; eigen- and singular values against spectra that are known. Then products in twice the
 * precision against quadruple precision, the rounding mode, subnormals, FMA, and whether the BLAS
 * may be called from threads.
 *
 * Nothing is printed, and no state of the process is changed. What passes can still be wrong: on
 * shapes above 129 or so (1031 in one size), or in fewer than one call in a hundred.
 *
 * @param[out] report  gref_trust_free; unchanged on error. A failed check is in it and no error.
 * @return GREF_OK; GREF_ERR_NOMEM.
 * @cost   about 0.2 s on one core.
 * @see    Tests: test_trust.c, cli/doctor.sh (fault injection)
 */
gref_status gref_trust_run(gref_trust_report **report)
{
    return run_checks(report, true);
}

/** True if there is a report and each of its checks has passed. */
bool gref_trust_ok(const gref_trust_report *report)
{
    for (int k = 0; report != NULL && k < report->n_checks; k++)
        if (!report->checks[k].passed)
            return false;
    return report != NULL && report->n_checks > 0;
}

/** Frees a report; accepts NULL. */
void gref_trust_free(gref_trust_report *report)
{
    if (report == NULL)
        return;
    free(report->checks);
    free(report);
}

/**
 * Runs the self-test and fails unless all of it passes: what stands before any number that is
 * written.
 *
 * @return GREF_OK; GREF_ERR_NUMERICS, its message with the first failing check, the BLAS and its
 *         kernels; GREF_ERR_NOMEM.
 * @cost   that of gref_trust_run; less where it fails, since it stops there.
 * @see    Tests: cli/doctor.sh
 */
gref_status gref_trust_require(void)
{
    SCOPED_PTR(gref_trust_report) *report = NULL;
    TRY(run_checks(&report, false));
    for (int k = 0; k < report->n_checks; k++) {
        const gref_trust_check *c = &report->checks[k];
        const gref_backend *b = &report->backend;
        REQUIRE(c->passed, GREF_ERR_NUMERICS, "self-test failed: %s: %s; %s%s%s%s; see gref doctor",
                c->name, c->detail, b->blas, b->core[0] != '\0' ? " with " : "", b->core,
                b->core[0] != '\0' ? " kernels" : "");
    }
    return GREF_OK;
}
