/* Golden files of a small case: 4 x 5 pixels of grass, a blur by a kernel without symmetry or a missing
 * box, T = 12. */
#ifndef GREF_TEST_GOLDEN_CASE_H
#define GREF_TEST_GOLDEN_CASE_H

#include "plant.h"
#include "scratch.h"

#include "files/internal.h"
#include "verify/golden_parts.h"
#include <gref/random.h>

static const char *const discrete = "{\"kind\": \"linear\", \"beta\": [1e-3, 0.3], \"steps\": 12}";

/* case.json, with that schedule and sigma. */
static inline gref_case *load_case_on(const char *schedule, double sigma, const char *samplers,
                                      bool blur)
{
    gref_case *c = NULL;
    gref_mat K = fresh(3, 3);
    gref_random_uniform(K, 3, GREF_STREAM_TEST, 5, 0);
    ck_ok(gref_npy_write(scratch("k.npy"), gref_const(K), 2));
    gref_mat_free(&K);
    FILE *fp = fopen(scratch("case.json"), "w");
    ck_assert_ptr_nonnull(fp);
    fprintf(
        fp,
        "{\"schema\": \"gref-case/1\", \"image\": {\"file\": \"%s\", \"crop\": [300, 200, 4, 5]},\n"
        "\"operator\": {%s}, \"noise\": {\"sigma\": %.17g},\n"
        "\"schedule\": %s,\n"
        "\"report\": {\"laws_at\": [9, 6, 3, 0]}, \"samplers\": [%s]}\n",
        reference_file("images/grass.png"),
        blur ? "\"kind\": \"kernel\", \"file\": \"k.npy\""
             : "\"kind\": \"inpainting\", \"box\": [1, 1, 2, 3]",
        sigma, schedule, samplers);
    ck_assert(fclose(fp) == 0);
    ck_ok(gref_case_load(&c, scratch("case.json"), NULL, 0));
    return c;
}

static inline gref_case *load_case(const char *samplers, bool blur)
{
    return load_case_on(discrete, 0.2, samplers, blur);
}

static const gref_golden_options plain = {.allow_dirty = true, .skip_self_test = true};

static inline gref_golden_report *write_to(const gref_case *c, const char *file, const char *reason)
{
    gref_golden_report *r = NULL;
    gref_golden_options o = plain;
    o.out = file;
    o.reason = reason;
    ck_ok(gref_golden_write(&r, c, &o));
    return r;
}

/* Takes c over. */
static inline gref_truth *open_written(gref_case *c)
{
    gref_truth *truth = NULL;
    gref_golden_free(write_to(c, scratch("g.npz"), NULL));
    gref_case_free(c);
    ck_ok(gref_truth_open(&truth, scratch("g.npz")));
    return truth;
}

static inline gref_truth *write_and_open(const char *samplers, bool blur)
{
    return open_written(load_case(samplers, blur));
}

/* One key of the manifest's entry for an array. */
static inline json_t *entry_of(json_t *manifest, const char *name)
{
    size_t k;
    json_t *entry;
    json_array_foreach(json_object_get(manifest, "arrays"), k, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0)
            return entry;
    }
    ck_abort_msg("no entry %s", name);
    return NULL;
}

#endif
