/*
 * t -> 0 on a case: the problem by matrices or by spectra, the differences of the modelled laws
 * there, and the files that show them (THEORY section 5).
 */
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "files/internal.h"
#include "internal.h"
#include <gref/trust.h>

DEFINE_DROP(gref_asymptotics_report)

static const char *const file_names[] = {"asymptotics.json", "asymptotics.csv", "asymptotics.svg",
                                         NULL};

/** Frees it; accepts NULL. */
void gref_asymptotics_report_free(gref_asymptotics_report *report)
{
    if (report != NULL)
        gref_asymptotics_free(report->a);
    free(report);
}

/* What gref_asymptotics_dense and its twin take, the defaults filled in. */
typedef struct {
    double *alphas;
    int n_alphas;
    double from, to;
} range;

static void range_free(range *r)
{
    free(r->alphas);
}

static void add_alpha(range *r, double alpha)
{
    for (int k = 0; k < r->n_alphas; k++)
        if (r->alphas[k] == alpha)
            return;
    if (alpha != 1.0)
        r->alphas[r->n_alphas++] = alpha;
}

/* The alphas that were asked for, or else those of the case and 2. */
static gref_status range_new(range *r, const gref_asymptotics_options *o, const gref_case *c)
{
    const gref_sampler_spec *specs;
    int count = gref_case_samplers(c, &specs);
    r->from = o->from != 0.0 ? o->from : 1e-1;
    r->to = o->to != 0.0 ? o->to : 1e-16;
    REQUIRE(!(r->from < 1.0 && r->to > 0.0 && r->to <= r->from && r->from < r->to * 9.99),
            GREF_ERR_RANGE,
            "one e has no slope: from %g to %g is less than a decade, and e goes down by decades",
            r->from, r->to);
    r->alphas = gref_alloc((size_t)(o->n_alphas + count + 1), sizeof *r->alphas);
    REQUIRE(r->alphas != NULL, GREF_ERR_NOMEM, "no memory for %d alphas", o->n_alphas + count + 1);
    for (int k = 0; k < o->n_alphas; k++)
        add_alpha(r, o->alphas[k]);
    for (int k = 0; k < count && o->n_alphas == 0; k++)
        if (strcmp(specs[k].name, "dps") == 0)
            add_alpha(r, specs[k].convention.alpha_dps);
    if (o->n_alphas == 0)
        add_alpha(r, 2.0);
    return GREF_OK;
}

static gref_status run_dense(gref_asymptotics_report *report, const range *r)
{
    SCOPED(gref_problem) p = {0};
    TRY(gref_case_problem(&p, report->c));
    report->rows = p.rows;
    report->cols = p.cols;
    report->sigma = p.sigma;
    return gref_asymptotics_dense(&report->a, &p, r->alphas, r->n_alphas, r->from, r->to);
}

static gref_status run_spectral(gref_asymptotics_report *report, const range *r)
{
    SCOPED(gref_stationary) p = {0};
    TRY(gref_case_stationary(&p, NULL, report->c));
    report->rows = p.rows;
    report->cols = p.cols;
    report->sigma = p.sigma;
    return gref_asymptotics_spectral(&report->a, &p, r->alphas, r->n_alphas, r->from, r->to);
}

/* The path, and the numbers on it. */
static gref_status compute(gref_asymptotics_report *report, const gref_asymptotics_options *o)
{
    SCOPED(range) r = {0};
    bool spectral;
    TRY(range_new(&r, o, report->c));
    TRY(gref_path_choose(&spectral, report->path_reason, sizeof report->path_reason, report->c,
                         o->path));
    report->path = gref_path_name(spectral ? GREF_PATH_SPECTRAL : GREF_PATH_DENSE);
    TRY(spectral ? run_spectral(report, &r) : run_dense(report, &r));
    report->holds = true;
    report->undecided = report->a->undecided;
    for (int k = 0; k < report->a->n_lines; k++) {
        const gref_asymptotics_line *line = &report->a->lines[k];
        report->holds = report->holds && line->holds;
        /* dps has the same order whether A mixes or not */
        report->undecided = report->undecided && (line->holds || line->alpha == 0.0);
    }
    return GREF_OK;
}

static gref_status write_files(gref_asymptotics_report *report, const char *dir)
{
    SCOPED_MEM char *summary = NULL, *csv = gref_asymptotics_csv(report);
    TRY(gref_file_write(dir, "asymptotics.csv", csv));
    TRY(gref_asymptotics_draw(report, dir));
    summary = gref_asymptotics_summary(report);
    return gref_file_write(dir, "asymptotics.json", summary);
}

/**
 * How the modelled laws of dps and pigdm meet CGDM's on a case as t -> 0, and the files that show
 * it.
 *
 * @param[out] report   owned by the caller; gref_asymptotics_report_free. Unchanged on error.
 * @param[in]  c        borrowed by the report: must outlive it.
 * @param[in]  options  see study.h.
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NUMERICS (self-test); GREF_ERR_EXISTS; GREF_ERR_IO; and what
 *         gref_case_problem and gref_asymptotics_dense return, or gref_case_stationary and
 *         gref_asymptotics_spectral. On error no file is left and none is changed.
 * @see    THEORY section 5. Tests: test_asymptotics.c, cli/spectral.sh
 */
gref_status gref_asymptotics_run(gref_asymptotics_report **out_report, const gref_case *c,
                                 const gref_asymptotics_options *options)
{
    SCOPED(gref_folder) folder = {0};
    SCOPED_PTR(gref_asymptotics_report) *report = gref_alloc(1, sizeof *report);
    REQUIRE(report != NULL, GREF_ERR_NOMEM, "no memory for a report");
    report->c = c;
    if (!options->skip_self_test)
        TRY(gref_trust_require());
    report->self_tested = !options->skip_self_test;
    if (options->dir != NULL)
        TRY(gref_folder_open(&folder, options->dir, file_names, options->force));
    TRY(compute(report, options));
    if (options->dir != NULL) {
        TRY(write_files(report, folder.stage));
        TRY(gref_folder_commit(&folder));
    }
    *out_report = TAKE(report);
    return GREF_OK;
}
