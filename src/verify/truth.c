/*
 * A golden file in memory: its arrays, the problem and schedule they speak of, its samplers, its
 * tolerances.
 *
 * Names: SIMPLE (Sigma), WHAT/T (score/500), LABEL/WHAT/T (dps/M/500, dps/modelled/mean/500).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "files/internal.h"
#include "golden_parts.h"

void gref_truth_free(gref_truth *truth)
{
    if (truth == NULL)
        return;
    free(truth->path);
    gref_problem_free(&truth->problem);
    gref_schedule_free(&truth->schedule);
    free(truth->samplers);
    gref_case_free(truth->owner);
    gref_arrays_free(&truth->arrays);
    free(truth->tolerance);
    free(truth->diverged_at);
    free(truth);
}

int gref_truth_sampler(const gref_truth *truth, const char *label)
{
    if (label == NULL)
        return truth->n_samplers == 1 ? 0 : -1;
    for (int k = 0; k < truth->n_samplers; k++)
        if (strcmp(truth->samplers[k].label, label) == 0)
            return k;
    return -1;
}

/* "cgdm, pigdm, dps", cut short where it is long. */
static void list_labels(char list[400], const gref_truth *truth)
{
    list[0] = '\0';
    for (int k = 0; k < truth->n_samplers && strlen(list) < 300; k++)
        snprintf(list + strlen(list), 400 - strlen(list), "%s%s", k > 0 ? ", " : "",
                 truth->samplers[k].label);
}

gref_status gref_truth_default_label(const char **label, const gref_truth *truth,
                                     const char *sampler)
{
    char list[400];
    list_labels(list, truth);
    REQUIRE(sampler == NULL || gref_truth_sampler(truth, sampler) >= 0, GREF_ERR_RANGE,
            "no sampler '%s' in the golden file, it has %s", sampler, list);
    int k = gref_truth_sampler(truth, sampler);
    *label = k >= 0 ? truth->samplers[k].label : NULL;
    return GREF_OK;
}

const gref_array *gref_truth_at(const gref_truth *truth, const char *label, const char *what, int t)
{
    char name[192];
    bool alone = label == NULL || label[0] == '\0';
    if (t < 0)
        snprintf(name, sizeof name, "%s%s%s", alone ? "" : label, alone ? "" : "/", what);
    else
        snprintf(name, sizeof name, "%s%s%s/%d", alone ? "" : label, alone ? "" : "/", what, t);
    return gref_arrays_find(&truth->arrays, name);
}

const gref_array *gref_truth_resolve(const gref_truth *truth, const char *name, const char *label)
{
    const gref_array *g = gref_arrays_find(&truth->arrays, name);
    return g != NULL || label == NULL ? g : gref_truth_at(truth, label, name, -1);
}

/* True if `name` lacks nothing but the label; mean and cov are those at t = 0. */
static bool lacks_label(const gref_truth *truth, const char *name)
{
    bool law = strcmp(name, "mean") == 0 || strcmp(name, "cov") == 0;
    for (int k = 0; k < truth->n_samplers; k++)
        if (gref_truth_at(truth, truth->samplers[k].label, name, law ? 0 : -1) != NULL)
            return true;
    return false;
}

gref_status gref_truth_refuse_diverged(const gref_truth *truth, const char *name, const char *label,
                                       int t)
{
    int k = gref_truth_sampler(truth, label);
    REQUIRE(k < 0 || truth->diverged_at == NULL || truth->diverged_at[k] < 0 || t < 0 ||
                t > truth->diverged_at[k],
            GREF_ERR_FORMAT, "the golden file has no '%s': %s diverged at t = %d", name,
            truth->samplers[k].label, truth->diverged_at[k]);
    return GREF_OK;
}

/* Fails for a name that gref_truth_resolve does not find, with the nearest that would have been
 * understood. */
gref_status gref_truth_refuse_name(const gref_truth *truth, const char *name, const char *label)
{
    gref_guess g = {.word = name};
    char list[400];
    size_t skip = label != NULL ? strlen(label) : 0;
    list_labels(list, truth);
    gref_name part;
    gref_name_parse(&part, name);
    if (part.row->moment == GREF_MOMENT_LAW || strcmp(part.what, "w2") == 0)
        TRY(gref_truth_refuse_diverged(truth, name, part.label[0] != '\0' ? part.label : label,
                                       part.t));
    REQUIRE(label != NULL || !lacks_label(truth, name), GREF_ERR_FORMAT,
            "'%s': of which sampler? --sampler LABEL says it; the golden file has %s", name, list);
    for (int pass = 0; pass < 2; pass++)
        for (int a = 0; a < truth->arrays.n; a++) {
            const char *known = truth->arrays.item[a].name;
            bool labelled = skip > 0 && strncmp(known, label, skip) == 0 && known[skip] == '/';
            gref_guess_consider(&g, pass == 1 && labelled ? known + skip + 1 : known);
        }
    gref_guess_consider(&g, "samples");
    gref_guess_consider(&g, "mean");
    gref_guess_consider(&g, "cov");
    REQUIRE(g.best[0] == '\0', GREF_ERR_FORMAT, "the golden file has no '%s', did you mean '%s'?",
            name, g.best);
    FAIL(GREF_ERR_FORMAT, "the golden file has no '%s'", name);
    return GREF_OK;
}

/* Fails unless x has the shape of g. */
gref_status gref_truth_refuse_shape(const gref_array *x, const gref_array *g)
{
    bool turned = x->A.m == g->A.n && x->A.n == g->A.m;
    bool image = g->ndim == 1 && (long)x->A.m * x->A.n == g->A.m;
    REQUIRE(x->A.m == g->A.m && x->A.n == g->A.n, GREF_ERR_SHAPE,
            "%s is %d x %d, the golden array %d x %d%s", x->name, x->A.m, x->A.n, g->A.m, g->A.n,
            turned  ? ": transposed?"
            : image ? ": flatten it, row by row"
                    : "");
    return GREF_OK;
}

/*
 * Rounding errors are proportional to the unit roundoff, 2^-24 instead of 2^-53, whatever the
 * condition numbers: the same computation in single precision has at most 2^29 times the bound.
 * Added is half an ulp of the largest entry, for the rounding of the result itself.
 */
double gref_truth_bound(const gref_truth *truth, const gref_array *g, bool single)
{
    double tolerance = truth->tolerance[g - truth->arrays.item];
    return single ? 0x1p29 * tolerance + 0x1p-24 * gref_mat_norm_max(gref_const(g->A)) : tolerance;
}

/*
 * What counts as agreement. A bound for any case is far above the errors of this one: times 2^29 it
 * can exceed the array itself, and would let everything pass. So in single precision no more than
 * GREF_SINGLE_MOST of the largest entry agrees; from there to the bound nothing can be said.
 */
double gref_truth_tolerance(const gref_truth *truth, const gref_array *g, bool single)
{
    double most = single ? GREF_SINGLE_MOST * gref_mat_norm_max(gref_const(g->A)) : INFINITY;
    return fmin(gref_truth_bound(truth, g, single), fmax(most, gref_truth_bound(truth, g, false)));
}

/* ---- the file ------------------------------------------------------------------------------- */

/* manifest.json, of a .npz or a folder. */
gref_status gref_manifest_read(json_t **manifest, const char *path)
{
    SCOPED_PTR(gref_npz_reader) *r = NULL;
    SCOPED_MEM unsigned char *bytes = NULL;
    SCOPED_MEM char *file = NULL;
    size_t size;
    struct stat st;
    json_error_t error;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        file = gref_format("%s/manifest.json", path);
        REQUIRE(file != NULL, GREF_ERR_NOMEM, "%s: no memory to read it", path);
        TRY(gref_read_file(&bytes, &size, file));
    } else {
        TRY(gref_npz_open(&r, path));
        REQUIRE(gref_npz_has(r, "manifest.json"), GREF_ERR_FORMAT,
                "%s: no golden file: it has no manifest.json", path);
        TRY(gref_npz_bytes(&bytes, &size, r, "manifest.json"));
    }
    *manifest = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, &error);
    REQUIRE(*manifest != NULL, GREF_ERR_FORMAT, "%s: manifest.json:%d: %s", path, error.line,
            error.text);
    return GREF_OK;
}

static gref_status check_schema(const json_t *manifest, const char *path)
{
    const char *schema = json_string_value(json_object_get(manifest, "schema"));
    REQUIRE(schema != NULL && strncmp(schema, "gref-golden/", 12) == 0, GREF_ERR_FORMAT,
            "%s: no golden file: manifest.json has schema \"%.60s\"", path,
            schema == NULL ? "" : schema);
    REQUIRE(strcmp(schema, "gref-golden/1") == 0, GREF_ERR_FORMAT,
            "%s: schema \"%.60s\", this program reads \"gref-golden/1\"", path, schema);
    return GREF_OK;
}

/* Older files do not say; they count as tested. */
static gref_status read_self_test(gref_truth *truth, const json_t *manifest)
{
    const json_t *said = json_object_get(manifest, "self_test");
    const char *word = said == NULL ? "passed" : json_string_value(said);
    truth->untested = word != NULL && strcmp(word, "skipped") == 0;
    REQUIRE(truth->untested || (word != NULL && strcmp(word, "passed") == 0), GREF_ERR_FORMAT,
            "%s: manifest.json: self_test is neither \"passed\" nor \"skipped\"", truth->path);
    return GREF_OK;
}

static bool is_affine(const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    return name != NULL && strcmp(name, "affine") == 0;
}

/* Fails unless every sampler has a name, and a word for each convention that is one. */
static gref_status check_words(const json_t *completed, const char *path)
{
    static const char *const words[] = {"name", "guidance", "variance", "start", "r2"};
    const json_t *shared = json_object_get(completed, "conventions");
    size_t k;
    json_t *entry;
    json_array_foreach(json_object_get(completed, "samplers"), k, entry)
    {
        for (size_t a = 0; a < sizeof words / sizeof *words; a++) {
            const json_t *own = json_object_get(entry, words[a]);
            const json_t *word = own != NULL || a == 0 ? own : json_object_get(shared, words[a]);
            REQUIRE(json_is_string(word) || json_is_object(word), GREF_ERR_FORMAT,
                    "%s: manifest.json: case.samplers.%zu has no word for %s", path, k, words[a]);
        }
        const json_t *times = json_object_get(entry, "times");
        REQUIRE(times == NULL || json_array_size(times) > 1, GREF_ERR_FORMAT,
                "%s: manifest.json: case.samplers.%zu.times is no list of two times or more", path,
                k);
    }
    return GREF_OK;
}

/* A part of a convention that the case had in a file; borrowed from the arrays. */
static gref_status borrow(gref_cmat *X, const gref_truth *truth, const char *label,
                          const char *what, int m, int n)
{
    const gref_array *g = gref_truth_at(truth, label, what, -1);
    if (g == NULL)
        return GREF_OK;
    if (g->A.m != 1 || g->A.n != 1) /* a number stands for all of it */
        TRY(gref_require_shape(gref_const(g->A), m, n, g->name));
    TRY(gref_require_finite(gref_const(g->A), g->name));
    *X = gref_const(g->A);
    return GREF_OK;
}

static gref_status borrow_conventions(gref_sampler_spec *spec, const gref_truth *truth)
{
    int n = truth->problem.Sigma.n, T = truth->schedule.T;
    gref_convention *c = &spec->convention;
    gref_cmat variances = {0};
    TRY(borrow(&variances, truth, spec->label, "variances", T, 1));
    TRY(borrow(&c->start_mean, truth, spec->label, "start_mean", n, 1));
    TRY(borrow(&c->start_cov, truth, spec->label, "start_cov", n, n));
    REQUIRE(variances.a == NULL || variances.m == T, GREF_ERR_FORMAT,
            "%s: %s/variances has %d entries, not %d", truth->path, spec->label, variances.m, T);
    c->variances = variances.a;
    return GREF_OK;
}

/* Where the chain of each sampler diverged, -1 where it did not. */
static gref_status read_fates(gref_truth *truth, const json_t *manifest)
{
    const json_t *samplers = json_object_get(manifest, "samplers");
    truth->diverged_at = gref_alloc((size_t)truth->n_samplers, sizeof *truth->diverged_at);
    REQUIRE(truth->diverged_at != NULL, GREF_ERR_NOMEM, "%s: no memory for its samplers",
            truth->path);
    for (int k = 0; k < truth->n_samplers; k++) {
        const json_t *at = json_object_get(json_array_get(samplers, (size_t)k), "diverged_at");
        truth->diverged_at[k] = json_is_integer(at) ? (int)json_integer_value(at) : -1;
    }
    return GREF_OK;
}

/*
 * The samplers of the completed case. The case that reads them borrows the schedule for that long,
 * and then owns what they point to. An affine chain is in the golden file: its entry is read as any
 * other, and the chain taken from the arrays.
 */
static gref_status read_samplers(gref_truth *truth, const json_t *completed)
{
    SCOPED_PTR(gref_case) *c = gref_alloc(1, sizeof *c);
    json_t *entry;
    size_t k;
    REQUIRE(c != NULL, GREF_ERR_NOMEM, "%s: no memory for its samplers", truth->path);
    c->completed = json_deep_copy(completed);
    json_t *samplers = json_object_get(c->completed, "samplers");
    REQUIRE(json_array_size(samplers) > 0, GREF_ERR_FORMAT,
            "%s: manifest.json has no completed case with a sampler", truth->path);
    TRY(check_words(c->completed, truth->path));
    c->path = gref_strdup(truth->path);
    c->text = gref_strdup("{}");
    REQUIRE(c->path != NULL && c->text != NULL, GREF_ERR_NOMEM, "%s: no memory for its samplers",
            truth->path);
    json_array_foreach(samplers, k, entry) if (is_affine(entry))
        json_object_set_new(entry, "name", json_string("ddpm"));
    c->schedule = truth->schedule;
    gref_status status = gref_case_read_samplers(c);
    c->schedule = (gref_schedule){0};
    TRY(status);
    json_array_foreach(json_object_get(completed, "samplers"), k, entry) if (is_affine(entry))
        TRY(gref_truth_read_chain(&c->samplers[k], &c->owned[k].chain, truth));
    for (int i = 0; i < c->n_samplers; i++)
        TRY(borrow_conventions(&c->samplers[i], truth));
    truth->n_samplers = c->n_samplers;
    truth->samplers = TAKE(c->samplers);
    truth->owner = TAKE(c);
    return GREF_OK;
}

/* Shape of x0 as a picture: what the case says, or else the factors of n nearest to a square. */
static void find_shape(gref_problem *p, const json_t *completed)
{
    static const struct {
        const char *object, *key;
        size_t first;
    } places[] = {{"prior", "size", 0}, {"prior", "window", 2}, {"image", "crop", 2}};
    int n = p->Sigma.n;
    for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
        json_t *list = json_object_get(json_object_get(completed, places[k].object), places[k].key);
        int rows = (int)json_integer_value(json_array_get(list, places[k].first));
        int cols = (int)json_integer_value(json_array_get(list, places[k].first + 1));
        if (rows > 0 && (long)rows * cols == n) {
            p->rows = rows;
            p->cols = cols;
            return;
        }
    }
    for (p->rows = (int)sqrt(n); p->rows > 1 && n % p->rows != 0; p->rows--)
        continue;
    p->cols = n / p->rows;
}

static gref_status take(gref_mat *A, const gref_truth *truth, const char *name)
{
    const gref_array *g = gref_arrays_find(&truth->arrays, name);
    REQUIRE(g != NULL, GREF_ERR_FORMAT, "%s: has no array '%s'", truth->path, name);
    TRY(gref_require_finite(gref_const(g->A), name));
    TRY(gref_mat_new(A, g->A.m, g->A.n));
    gref_mat_copy(*A, gref_const(g->A));
    return GREF_OK;
}

/* By what it was made from: sigmas, abar or betas in an array; vp, the numbers of its case. */
static gref_status read_schedule(gref_truth *truth, const json_t *given)
{
    SCOPED(gref_mat) x = {0};
    double beta[2] = {0}, span[2] = {0};
    const char *kind = json_string_value(json_object_get(given, "kind"));
    bool vp = kind != NULL && strcmp(kind, "vp") == 0;
    bool sigmas = !vp && gref_arrays_find(&truth->arrays, "schedule/time") != NULL;
    bool abar = json_object_get(given, "abar") != NULL;
    const char *name = sigmas ? "schedule/time" : abar ? "schedule/abar" : "schedule/beta";
    TRY(take(&x, truth, name));
    REQUIRE(x.m >= 2 && x.n == 1, GREF_ERR_FORMAT, "%s: %s is %d x %d", truth->path, name, x.m,
            x.n);
    for (size_t k = 0; k < 2; k++) {
        beta[k] = json_number_value(json_array_get(json_object_get(given, "beta"), k));
        span[k] = json_number_value(json_array_get(json_object_get(given, "span"), k));
    }
    TRY_IN(vp       ? gref_schedule_vp(&truth->schedule, beta, span, x.m - 1)
           : sigmas ? gref_schedule_from_sigmas(&truth->schedule, x.a + 1, x.m - 1)
           : abar   ? gref_schedule_from_abar(&truth->schedule, x.a + 1, x.m - 1)
                    : gref_schedule_from_betas(&truth->schedule, x.a + 1, x.m - 1),
           "%s: %s", truth->path, name);
    return GREF_OK;
}

static gref_status read_problem(gref_truth *truth, const json_t *completed)
{
    gref_problem *p = &truth->problem;
    json_t *sigma = json_object_get(json_object_get(completed, "noise"), "sigma");
    TRY(take(&p->Sigma, truth, "Sigma"));
    TRY(take(&p->mu, truth, "mu"));
    TRY(take(&p->A, truth, "A"));
    TRY(take(&p->v, truth, "v"));
    int n = p->Sigma.n, m = p->A.m;
    REQUIRE(n > 0 && m > 0, GREF_ERR_FORMAT, "%s: an image of %d pixels, a measurement of %d",
            truth->path, n, m);
    REQUIRE(p->Sigma.m == n && p->mu.m == n && p->A.n == n && p->v.m == m, GREF_ERR_FORMAT,
            "%s: Sigma is %d x %d, mu %d, A %d x %d, v %d", truth->path, p->Sigma.m, n, p->mu.m, m,
            p->A.n, p->v.m);
    REQUIRE(json_is_number(sigma), GREF_ERR_FORMAT, "%s: manifest.json has no case.noise.sigma",
            truth->path);
    p->sigma = json_number_value(sigma);
    TRY(read_schedule(truth, json_object_get(completed, "schedule")));
    find_shape(p, completed);
    return GREF_OK;
}

static gref_status read_tolerances(gref_truth *truth, const json_t *manifest)
{
    size_t k;
    json_t *entry;
    char hex[65];
    truth->tolerance = gref_alloc((size_t)truth->arrays.n, sizeof *truth->tolerance);
    REQUIRE(truth->tolerance != NULL, GREF_ERR_NOMEM, "%s: no memory for its tolerances",
            truth->path);
    for (int a = 0; a < truth->arrays.n; a++)
        truth->tolerance[a] = -1.0;
    json_array_foreach(json_object_get(manifest, "arrays"), k, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const gref_array *g = name == NULL ? NULL : gref_arrays_find(&truth->arrays, name);
        REQUIRE(g != NULL, GREF_ERR_FORMAT, "%s: manifest.json lists '%s', which is not there",
                truth->path, name == NULL ? "" : name);
        const char *hash = json_string_value(json_object_get(entry, "sha256"));
        gref_golden_hash(hex, gref_const(g->A));
        REQUIRE(hash != NULL && strcmp(hash, hex) == 0, GREF_ERR_FORMAT,
                "%s: '%s' is not what manifest.json says: SHA-256 %.16s..., not %.16s...",
                truth->path, name, hex, hash == NULL ? "(none)" : hash);
        const json_t *tolerance = json_object_get(entry, "tolerance");
        REQUIRE(json_is_number(tolerance), GREF_ERR_FORMAT,
                "%s: manifest.json gives no tolerance of '%s'", truth->path, name);
        truth->tolerance[g - truth->arrays.item] = json_number_value(tolerance);
    }
    for (int a = 0; a < truth->arrays.n; a++)
        REQUIRE(truth->tolerance[a] >= 0.0, GREF_ERR_FORMAT,
                "%s: manifest.json says nothing of '%s'", truth->path, truth->arrays.item[a].name);
    return GREF_OK;
}

/* Older files say that an N of 0 may be off by nothing. */
static void widen_noise(gref_truth *truth)
{
    for (int k = 0; k < truth->arrays.n; k++) {
        gref_name part;
        gref_name_parse(&part, truth->arrays.item[k].name);
        if (part.row->view == GREF_VIEW_N)
            truth->tolerance[k] =
                fmax(truth->tolerance[k], gref_golden_noise_floor(&truth->schedule, part.t));
    }
}

/**
 * Opens a golden file.
 *
 * @param[out] truth  for gref_truth_free. Unchanged on error.
 * @param[in]  path   a .npz with the member manifest.json, or a folder of .npy with the file.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_FORMAT (foreign, truncated, another schema, an array that is missing
 *         or not as its hash); GREF_ERR_NOMEM.
 * @see    Tests: test_check.c, cli/check.sh
 */
gref_status gref_truth_open(gref_truth **truth, const char *path)
{
    json_auto_t *manifest = NULL;
    SCOPED_PTR(gref_truth) *t = gref_alloc(1, sizeof *t);
    REQUIRE(t != NULL, GREF_ERR_NOMEM, "%s: no memory to open it", path);
    t->path = gref_strdup(path);
    REQUIRE(t->path != NULL, GREF_ERR_NOMEM, "%s: no memory to open it", path);
    TRY(gref_manifest_read(&manifest, path));
    TRY(check_schema(manifest, path));
    TRY(read_self_test(t, manifest));
    TRY(gref_arrays_read(&t->arrays, path, NULL));
    TRY(read_tolerances(t, manifest));
    TRY(read_problem(t, json_object_get(manifest, "case")));
    TRY(read_samplers(t, json_object_get(manifest, "case")));
    TRY(read_fates(t, manifest));
    widen_noise(t);
    *truth = TAKE(t);
    return GREF_OK;
}
