/* manifest.json of a golden file: what was computed, on what, and what each array may differ by. */
#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "base/json.h"
#include "files/internal.h"
#include "golden_parts.h"
#include <gref/backend.h>
#include <gref/version.h>

void gref_golden_hash(char hex[65], gref_cmat A)
{
    gref_sha256 c;
    gref_sha256_begin(&c);
    for (int i = 0; i < A.m; i++)
        for (int j = 0; j < A.n; j++) {
            uint64_t bits;
            memcpy(&bits, &GREF_AT(A, i, j), sizeof bits);
            bits = htole64(bits);
            gref_sha256_add(&c, &bits, sizeof bits);
        }
    gref_sha256_end(hex, &c);
}

static json_t *shape_of(gref_cmat A, int ndim)
{
    json_t *shape = json_array();
    if (ndim >= 1)
        json_array_append_new(shape, json_integer(A.m));
    if (ndim == 2)
        json_array_append_new(shape, json_integer(A.n));
    return shape;
}

json_t *gref_golden_array_json(const gref_golden_entry *e, gref_cmat stored)
{
    char name[160], hex[65];
    const gref_array_row *row = gref_array_row_find(e->what);
    gref_golden_name(name, e);
    gref_golden_hash(hex, stored);
    json_t *flags = json_pack("[s]", row->kind);
    if (e->flag != NULL)
        json_array_append_new(flags, json_string(e->flag));
    if (e->condition >= 1e8)
        json_array_append_new(flags, json_string("ill-conditioned"));
    return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:s}", "name", name, "shape",
                     shape_of(stored, e->ndim), "dtype", "<f8", "sha256", hex, "norm",
                     number(gref_mat_norm_fro(stored)), "condition", number(e->condition),
                     "tolerance", number(e->tolerance), "basis", e->basis, "flags", flags, "notes",
                     row->note);
}

/* Without paths and processor: the same on every machine that gives the same bits. */
static json_t *backend_json(void)
{
    gref_backend b = gref_backend_query();
    return json_pack("{s:s, s:s, s:s, s:i, s:s}", "name", b.blas, "config", b.blas_config, "core",
                     b.core, "threads", b.threads, "lapack", b.lapack);
}

static json_t *samplers_json(const gref_golden_inputs *in, const gref_golden_fate *fates)
{
    json_t *samplers = json_array();
    for (int k = 0; k < in->n_samplers; k++) {
        const gref_sampler_spec *spec = &in->specs[k];
        json_t *diverged =
            fates[k].diverged_at >= 0 ? json_integer(fates[k].diverged_at) : json_null();
        json_array_append_new(samplers,
                              json_pack("{s:s, s:s, s:b, s:b, s:o, s:o}", "name", spec->name,
                                        "label", spec->label, "guided", (int)fates[k].guided,
                                        "affine", (int)fates[k].affine, "diverged_at", diverged,
                                        "conventions", gref_convention_json(spec)));
    }
    return samplers;
}

json_t *gref_golden_facts(const json_t *completed, const gref_golden_inputs *in,
                          const gref_golden_fate *fates)
{
    json_t *times = json_array();
    for (int k = 0; k < in->n_times; k++)
        json_array_append_new(times, json_integer(in->times[k]));
    return json_pack("{s:i, s:i, s:i, s:o, s:o, s:o}", "n", in->problem->A.n, "m", in->problem->A.m,
                     "T", in->schedule->T, "golden_t", times, "samplers", samplers_json(in, fates),
                     "conventions", gref_golden_words(completed, in));
}

json_t *gref_golden_manifest(const gref_case *c, const gref_golden_inputs *in,
                             const gref_golden_fate *fates, const gref_golden_options *o,
                             json_t *arrays, json_t *history)
{
    char commit[64];
    const json_t *completed = gref_case_completed(c);
    snprintf(commit, sizeof commit, "%.*s", (int)strcspn(gref_commit(), "-"), gref_commit());
    json_t *manifest =
        json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:o, s:o}", "schema", "gref-golden/1", "version",
                  gref_version(), "commit", commit, "dirty", (int)gref_commit_is_dirty(), "command",
                  o->command != NULL ? o->command : "library", "self_test",
                  o->skip_self_test ? "skipped" : "passed", "blas", backend_json(), "case",
                  json_deep_copy(completed));
    json_t *facts = gref_golden_facts(completed, in, fates);
    json_object_update(manifest, facts);
    json_decref(facts);
    json_object_set_new(manifest, "history", history);
    json_object_set_new(manifest, "arrays", arrays);
    return manifest;
}
