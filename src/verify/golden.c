/*
 * Golden files: written from a case, and held against a fresh computation.
 *
 * How a tolerance comes about. Every array has a bound on what a right implementation in double
 * precision may differ by, whatever its BLAS, its number of threads and its route (a solve or an
 * inverse, Tweedie's formula or J, Bayes' rule or the precision). With u = 2^-53 and nu = 8 sqrt(n)
 * u, what products and solves lose:
 *
 *   class         tolerance                                                     derived in
 *   inputs        nu max|X|; what is drawn, from its construction               golden_functions.c
 *   functions     nu cond(Sigma_t), nu cond(C_{v|t}) times the norms involved   golden_functions.c
 *   steps         those, times the step's coefficients                          golden_functions.c
 *   laws          steps' errors carried down the chain, in W2 units             golden_laws.c
 *   distances     the laws' errors, and what singular covariances add           golden_laws.c
 *   trajectories  steps' errors at the points met, carried down the path        golden_path.c
 *
 * Everything but the inputs is computed from the Sigma, A, mu, v, sigma, betas, probes and noise in
 * the file, so a file is verified without its case's images and matrices.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/internal.h"
#include "base/json.h"
#include "files/internal.h"
#include "golden_parts.h"
#include <gref/trust.h>
#include <gref/version.h>

/* What a run holds; everything but the problem that `in` borrows is freed with it. */
typedef struct {
    gref_truth *truth; /* what is there already, or NULL */
    json_t *manifest;  /* its manifest.json */
    bool *seen;        /* of its arrays */
    gref_golden_inputs in;
    gref_golden_fate *fates;
    gref_golden_report *report;
    gref_npz_writer *npz; /* one of these two when something is written */
    gref_folder folder;
    json_t *arrays;
} run;

/** Frees a report; accepts NULL. */
void gref_golden_free(gref_golden_report *report)
{
    if (report == NULL)
        return;
    free(report->rows);
    free(report);
}

static void run_free(run *r)
{
    gref_truth_free(r->truth);
    json_decref(r->manifest);
    free(r->seen);
    gref_golden_inputs_free(&r->in);
    free(r->fates);
    gref_golden_free(r->report);
    gref_npz_abandon(r->npz);
    gref_folder_free(&r->folder);
    json_decref(r->arrays);
}

/* Room for the report, and what is at `path` already, if that is no NULL. */
static gref_status run_begin(run *r, const char *path)
{
    r->report = gref_alloc(1, sizeof *r->report);
    REQUIRE(r->report != NULL, GREF_ERR_NOMEM, "no memory for a report");
    if (path == NULL)
        return GREF_OK;
    TRY(gref_truth_open(&r->truth, path));
    TRY(gref_manifest_read(&r->manifest, path));
    r->seen = gref_alloc((size_t)r->truth->arrays.n, sizeof *r->seen);
    REQUIRE(r->seen != NULL, GREF_ERR_NOMEM, "no memory for a report");
    return GREF_OK;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void note(gref_golden_report *report, const char *text, const char *name)
{
    size_t used = strlen(report->note);
    snprintf(report->note + used, sizeof report->note - used, "%s%s%s%s", used > 0 ? ", " : "",
             text, name[0] != '\0' ? " " : "", name);
}

/* Worst entry; a NaN or another shape is infinitely far. */
static void measure(gref_golden_row *row, gref_cmat computed, const gref_array *golden, int ndim)
{
    if (golden->A.m != computed.m || golden->A.n != computed.n || golden->ndim != ndim) {
        row->max_abs = INFINITY;
        return;
    }
    for (int i = 0; i < computed.m; i++)
        for (int j = 0; j < computed.n; j++) {
            double d = fabs(GREF_AT(computed, i, j) - GREF_AT(golden->A, i, j));
            if (d <= row->max_abs)
                continue;
            row->max_abs = isnan(d) ? INFINITY : d;
            row->i = i;
            row->j = j;
            row->golden = GREF_AT(golden->A, i, j);
            row->computed = GREF_AT(computed, i, j);
        }
}

/* A row for one entry; the tolerance is that of the file. */
static gref_status compare(run *r, const gref_golden_entry *e)
{
    gref_golden_report *report = r->report;
    gref_golden_row row = {.tolerance = e->tolerance};
    gref_golden_name(row.name, e);
    const gref_array *golden = gref_arrays_find(&r->truth->arrays, row.name);
    if (golden == NULL) {
        note(report, "no array", row.name);
        return GREF_OK;
    }
    int k = (int)(golden - r->truth->arrays.item);
    r->seen[k] = true;
    row.tolerance = r->truth->tolerance[k];
    measure(&row, e->A, golden, e->ndim);
    row.agrees = row.max_abs <= row.tolerance;
    if (!(e->tolerance <= 1.5 * row.tolerance && row.tolerance <= 1.5 * e->tolerance))
        note(report, "another tolerance for", row.name);
    gref_golden_row *grown = realloc(report->rows, ((size_t)report->n_rows + 1) * sizeof *grown);
    REQUIRE(grown != NULL, GREF_ERR_NOMEM, "no memory for a report");
    report->rows = grown;
    report->rows[report->n_rows++] = row;
    report->n_differ += !row.agrees;
    return GREF_OK;
}

/* What the file has and the computation does not; x0 is an input that nothing is computed from. */
static void note_unseen(run *r)
{
    for (int k = 0; k < r->truth->arrays.n; k++)
        if (!r->seen[k] && strcmp(r->truth->arrays.item[k].name, "x0") != 0)
            note(r->report, "nothing computed for", r->truth->arrays.item[k].name);
}

/* What the manifest says of the file beside its arrays, in words and in numbers, against what it
 * should say. */
static gref_status compare_facts(run *r)
{
    const char *key;
    json_t *due;
    json_auto_t *facts = gref_golden_facts(json_object_get(r->manifest, "case"), &r->in, r->fates);
    REQUIRE(facts != NULL, GREF_ERR_NOMEM, "no memory for a report");
    json_object_foreach(facts, key, due) if (!json_equal(json_object_get(r->manifest, key), due))
        note(r->report, "manifest.json: another", key);
    return GREF_OK;
}

static bool differs(const gref_golden_report *report)
{
    return report->n_differ > 0 || report->note[0] != '\0';
}

/* ---- writing -------------------------------------------------------------------------------- */

/* B = A on the grid of the entry; ties to even. */
static void snap(gref_mat B, gref_cmat A, double grid)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++) {
            double x = GREF_AT(A, i, j);
            bool coarse =
                grid > 0.0 && fabs(x) < 0x1p52 * grid; /* beyond, x is a multiple of it already */
            GREF_AT(B, i, j) = coarse ? rint(x / grid) * grid : x;
        }
}

static gref_status write_array(run *r, const char *name, gref_cmat A, int ndim)
{
    SCOPED_MEM char *file = NULL, *path = NULL;
    if (r->npz != NULL)
        TRY(gref_npz_add(r->npz, name, A, ndim));
    if (r->folder.stage != NULL) {
        file = gref_format("%s.npy", name);
        REQUIRE(file != NULL, GREF_ERR_NOMEM, "no memory for a file name");
        TRY(gref_folder_path(&path, &r->folder, file));
        TRY(gref_npy_write(path, A, ndim));
    }
    return GREF_OK;
}

static gref_status take(void *context, const gref_golden_entry *e)
{
    run *r = context;
    char name[160];
    SCOPED(gref_mat) stored = {0};
    if (r->truth != NULL)
        TRY(compare(r, e));
    if (r->npz == NULL && r->folder.stage == NULL)
        return GREF_OK;
    gref_golden_name(name, e);
    TRY(gref_mat_new(&stored, e->A.m, e->A.n));
    snap(stored, e->A, e->grid);
    TRY(write_array(r, name, gref_const(stored), e->ndim));
    REQUIRE(json_array_append_new(r->arrays, gref_golden_array_json(e, gref_const(stored))) == 0,
            GREF_ERR_NOMEM, "no memory for the manifest");
    return GREF_OK;
}

static gref_status compute(run *r)
{
    r->fates = gref_alloc((size_t)r->in.n_samplers, sizeof *r->fates);
    REQUIRE(r->fates != NULL, GREF_ERR_NOMEM, "no memory for %d samplers", r->in.n_samplers);
    return gref_golden_compute(r->fates, &r->in, take, r);
}

/* The history of what is there, and why it was replaced. */
static json_t *history_of(const json_t *old, const char *reason)
{
    json_t *history = old == NULL ? json_array() : json_deep_copy(json_object_get(old, "history"));
    if (history == NULL)
        history = json_array();
    if (old != NULL)
        json_array_append_new(
            history, json_pack("{s:O?, s:O?, s:s}", "commit", json_object_get(old, "commit"),
                               "version", json_object_get(old, "version"), "reason", reason));
    return history;
}

static gref_status write_manifest(run *r, const gref_case *c, const gref_golden_options *o)
{
    SCOPED_MEM char *text = NULL;
    json_auto_t *manifest = gref_golden_manifest(c, &r->in, r->fates, o, json_incref(r->arrays),
                                                 history_of(r->manifest, o->reason));
    REQUIRE(manifest != NULL, GREF_ERR_NOMEM, "no memory for the manifest");
    text = json_text(TAKE(manifest));
    REQUIRE(text != NULL, GREF_ERR_NOMEM, "no memory for the manifest");
    if (r->npz != NULL)
        TRY(gref_npz_add_bytes(r->npz, "manifest.json", text, strlen(text)));
    else
        TRY(gref_file_write(r->folder.stage, "manifest.json", text));
    return GREF_OK;
}

static bool is_empty(const char *path)
{
    int others = 0;
    DIR *folder = opendir(path);
    for (const struct dirent *e = NULL; folder != NULL && (e = readdir(folder)) != NULL;)
        others += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (folder != NULL)
        closedir(folder);
    return folder != NULL && others == 0;
}

static gref_status check_options(const gref_golden_options *o)
{
    struct stat st;
    const char *path = o->out != NULL ? o->out : o->dir;
    REQUIRE((o->out == NULL) != (o->dir == NULL), GREF_ERR_RANGE,
            "a golden file goes to a .npz or to a folder");
    REQUIRE(o->allow_dirty || !gref_commit_is_dirty(), GREF_ERR_RANGE,
            "this program was built from a tree with uncommitted changes: commit them, or "
            "--allow-dirty, which "
            "is recorded");
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode) && o->dir != NULL) {
        char *manifest = gref_format("%s/manifest.json", path);
        REQUIRE(manifest != NULL, GREF_ERR_NOMEM, "no memory for a file name");
        there = stat(manifest, &st) == 0;
        free(manifest);
        REQUIRE(there || is_empty(path), GREF_ERR_EXISTS,
                "%s holds other files: a golden folder is filled from empty", path);
    }
    REQUIRE(!there || o->reason != NULL, GREF_ERR_EXISTS,
            "%s exists; --rewrite --reason TEXT replaces it if it differs", path);
    REQUIRE(there || o->reason == NULL, GREF_ERR_IO, "%s: there is nothing to rewrite", path);
    REQUIRE(o->reason == NULL || o->reason[0] != '\0', GREF_ERR_RANGE,
            "the reason for a rewrite is empty");
    return GREF_OK;
}

/* A tested computation replaces one that was not, or does not say, even if no number moves. */
static void note_self_test(gref_golden_report *report, const json_t *old,
                           const gref_golden_options *o)
{
    const json_t *said = json_object_get(old, "self_test");
    if (said == NULL)
        note(report, "no self_test in manifest.json", "");
    else if (!o->skip_self_test && strcmp(json_string_value(said), "skipped") == 0)
        note(report, "the self-test was skipped", "");
}

static gref_status open_target(run *r, const gref_golden_options *o)
{
    static const char *const names[] = {"manifest.json", NULL};
    if (o->out != NULL) {
        TRY(gref_npz_create(&r->npz, o->out));
        gref_npz_deflate(r->npz);
    } else {
        TRY(gref_folder_open(&r->folder, o->dir, names, o->reason != NULL));
    }
    r->arrays = json_array();
    REQUIRE(r->arrays != NULL, GREF_ERR_NOMEM, "no memory for the manifest");
    return GREF_OK;
}

/* Shows what was written, unless it says what is there already. */
static gref_status close_target(run *r, const gref_golden_options *o)
{
    if (r->truth != NULL && !differs(r->report)) {
        r->report->outcome = GREF_GOLDEN_UNCHANGED;
        return GREF_OK;
    }
    r->report->outcome = o->reason != NULL ? GREF_GOLDEN_REPLACED : GREF_GOLDEN_WRITTEN;
    return r->npz != NULL ? gref_npz_finish(TAKE(r->npz)) : gref_folder_commit(&r->folder);
}

/* Older files leave the conventions of a sampler to "conventions"; its arrays say if another is meant. */
static bool same_case(const json_t *old, const json_t *due)
{
    size_t k;
    json_t *entry;
    json_auto_t *copy = json_deep_copy(old);
    const json_t *samplers = json_object_get(due, "samplers");
    json_array_foreach(json_object_get(copy, "samplers"), k, entry)
        json_object_update_missing(entry, json_array_get(samplers, k));
    return json_equal(copy, due);
}

/**
 * Writes the golden file of a case.
 *
 * With `reason` replaces the file that is there, if it differs beyond its tolerances, in its
 * arrays, its case or its tolerances, or if its BLAS is not known to have passed the self-test; the
 * report then holds the comparison. The same case gives the
 * same bytes on the same program, BLAS, kernels and number of threads.
 *
 * @param[out] report  for gref_golden_free. Unchanged on error.
 * @param[in]  c       a loaded case.
 * @return GREF_OK; GREF_ERR_RANGE (options; a dirty tree); GREF_ERR_EXISTS; GREF_ERR_IO; GREF_ERR_FORMAT (what is
 *         there is no golden file); GREF_ERR_NUMERICS (the BLAS fails its self-test); what gref_case_problem,
 *         gref_modes_new and gref_sampler_new return. On error nothing is written.
 * @cost   per sampler T steps of gref_marginal_advance and T literal ones.
 * @see    Tests: test_golden.c, cli/golden.sh
 */
gref_status gref_golden_write(gref_golden_report **report, const gref_case *c,
                              const gref_golden_options *o)
{
    const int *laws_at = NULL;
    SCOPED(gref_problem) problem = {0};
    SCOPED(gref_schedule) schedule = {0};
    SCOPED(run) r = {.in = {.problem = &problem, .schedule = &schedule}};
    TRY(check_options(o));
    if (!o->skip_self_test)
        TRY(gref_trust_require());
    TRY(run_begin(&r, o->reason == NULL ? NULL : o->out != NULL ? o->out : o->dir));
    TRY(gref_case_problem(&problem, c));
    TRY(gref_case_schedule(&schedule, c));
    r.in.n_samplers = gref_case_samplers(c, &r.in.specs);
    int n_laws = gref_case_laws_at(c, &laws_at);
    TRY(gref_golden_inputs_draw(&r.in, laws_at, n_laws));
    TRY(open_target(&r, o));
    TRY(compute(&r));
    if (r.truth != NULL) {
        note_unseen(&r);
        if (!same_case(json_object_get(r.manifest, "case"), gref_case_completed(c)))
            note(r.report, "another case", "");
        note_self_test(r.report, r.manifest, o);
    }
    TRY(write_manifest(&r, c, o));
    TRY(close_target(&r, o));
    *report = TAKE(r.report);
    return GREF_OK;
}

/**
 * Computes every array of a golden file again, from the problem, betas, probes and noise in it, and
 * compares.
 *
 * @param[out] report  a row for each array, and in `note` what else differs. Unchanged on error.
 * @param[in]  path    a .npz or a folder. Never written to.
 * @return GREF_OK, also where values differ; GREF_ERR_IO; GREF_ERR_FORMAT (foreign, truncated, another schema, a
 *         hash that does not match, an array that is missing or of another shape); GREF_ERR_NUMERICS (the BLAS
 *         fails its self-test); what gref_modes_new and gref_sampler_new return.
 * @see    Tests: test_golden.c, cli/golden.sh
 */
gref_status gref_golden_verify(gref_golden_report **report, const char *path, bool skip_self_test)
{
    SCOPED(run) r = {0};
    TRY(run_begin(&r, path));
    if (!skip_self_test)
        TRY(gref_trust_require());
    r.in = (gref_golden_inputs){.problem = &r.truth->problem,
                                .schedule = &r.truth->schedule,
                                .specs = r.truth->samplers,
                                .n_samplers = r.truth->n_samplers};
    TRY(gref_golden_inputs_read(&r.in, r.truth));
    TRY(compute(&r));
    note_unseen(&r);
    TRY(compare_facts(&r));
    r.report->outcome = GREF_GOLDEN_UNCHANGED;
    r.report->untested = r.truth->untested;
    *report = TAKE(r.report);
    return GREF_OK;
}
