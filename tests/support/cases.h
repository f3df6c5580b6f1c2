/* Case files for tests: one to be spoilt line by line, and one with a part of each kind. */
#ifndef GREF_TEST_CASES_H
#define GREF_TEST_CASES_H

#include <gref/npy.h>
#include <gref/random.h>

#include "files/internal.h"
#include "scratch.h"

/* A small case, one line of the file a string: the tests below replace lines of it. */
static const char *const lines[] = {
    "{\"schema\": \"gref-case/1\",",
    " \"image\": {\"file\": \"u.npy\", \"crop\": [0, 0, 4, 4]},",
    " \"prior\": {\"kind\": \"adsn\"},",
    " \"operator\": {\"kind\": \"gaussian_blur\",",
    "   \"std\": 1.5,",
    "   \"size\": 3},",
    " \"noise\": {\"sigma\": 0.25},",
    " \"samplers\": [{\"name\": \"cgdm\"},",
    "   {\"name\": \"dps\"}],",
    " \"schedule\": {\"steps\": 20},",
    " \"report\": {\"laws_at\": [10, 5]}}",
};
enum { LINES = sizeof lines / sizeof *lines };

/* Writes case.json with line `line` (from 1; 0 for none) replaced. */
static inline const char *write_lines(int line, const char *text)
{
    FILE *fp = fopen(scratch("case.json"), "w");
    ck_assert_ptr_nonnull(fp);
    for (int k = 1; k <= LINES; k++)
        fprintf(fp, "%s\n", k == line ? text : lines[k - 1]);
    ck_assert(fclose(fp) == 0);
    return scratch("case.json");
}

static inline const char *write_text(const char *text)
{
    spill(scratch("case.json"), text, strlen(text));
    return scratch("case.json");
}

static inline gref_case *load(const char *path, const char *const *sets)
{
    gref_case *c = NULL;
    int n = 0;
    while (sets != NULL && sets[n] != NULL)
        n++;
    ck_ok(gref_case_load(&c, path, sets, n));
    return c;
}

/* Refused, *c unchanged, and the message is `expected`, after the path unless an override's. */
static inline void assert_refused(const char *path, const char *const *sets, int n_sets,
                                  const char *expected)
{
    gref_case *c = (gref_case *)&lines; /* any address that is not NULL */
    char whole[8192];
    ck_fails(gref_case_load(&c, path, sets, n_sets), GREF_ERR_CASE);
    ck_assert_ptr_eq(c, &lines);
    snprintf(whole, sizeof whole, "%s%s", strncmp(expected, "--set", 5) == 0 ? "" : path, expected);
    ck_assert_str_eq(gref_last_error()->message, whole);
}

enum { ROWS = 6, COLS = 5 };
static const int crop[4] = {1, 0, 4, 4};

static inline void write_array(const char *name, gref_cmat A, int ndim)
{
    ck_ok(gref_npy_write(scratch(name), A, ndim));
}

static inline gref_mat random_matrix(int m, int n, uint64_t seed)
{
    gref_mat A = fresh(m, n);
    gref_random_normal(A, seed, GREF_STREAM_TEST, 0, 0);
    return A;
}

/* The image of all cases below, as the matrix of its crop; also written to u.npy. */
static inline gref_mat the_crop(void)
{
    gref_mat u = random_matrix(ROWS, COLS, 1), part = fresh(crop[2], crop[3]);
    write_array("u.npy", gref_const(u), 2);
    gref_mat_copy(part, gref_const(gref_mat_view(u, crop[0], crop[1], crop[2], crop[3])));
    gref_mat_free(&u);
    return part;
}

/*
 * case.json with the given parts, each on a line of its own: image 2, prior 3, operator 4,
 * observation 5. NULL stands for the crop of u.npy and for the simplest of the others.
 */
static inline const char *write_case(const char *image, const char *prior, const char *operator_,
                                     const char *observation)
{
    const char *path = scratch("case.json");
    FILE *fp = fopen(path, "w");
    ck_assert_ptr_nonnull(fp);
    fprintf(fp,
            "{\"schema\": \"gref-case/1\", \"noise\": {\"sigma\": 0.5},\n"
            "%s\n\"prior\": {%s},\n\"operator\": {%s},\n\"observation\": {%s}}\n",
            image == NULL ? "\"image\": {\"file\": \"u.npy\", \"crop\": [1, 0, 4, 4]}," : image,
            prior == NULL ? "" : prior, operator_ == NULL ? "\"kind\": \"identity\"" : operator_,
            observation == NULL ? "" : observation);
    ck_assert(fclose(fp) == 0);
    return path;
}

#endif
