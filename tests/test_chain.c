#include "cases.h"

#include <math.h>

#include <gref/chain.h>

/* One array of the file: numpy's C order, shape as text. */
typedef struct {
    const char *name, *shape;
    double x[27];
    int count;
} array;

/* x of shape `shape` as the bytes of a .npy file, put together from its specification. */
static void add(gref_npz_writer *w, const array *a)
{
    unsigned char bytes[512] = "\x93NUMPY\x01\x00\x76\x00";
    char member[40];
    memset(bytes + 10, ' ', 118);
    int end = 10 + snprintf((char *)bytes + 10, 118,
                            "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", a->shape);
    bytes[end] = ' ';
    bytes[127] = '\n';
    memcpy(bytes + 128, a->x, (size_t)a->count * 8);
    snprintf(member, sizeof member, "%s.npy", a->name);
    ck_ok(gref_npz_add_bytes(w, member, bytes, 128 + (size_t)a->count * 8));
}

/* Writes good[], with the array `other` (or NULL) in place of that of its name, or beside them. */
static const char *chain_file(const array *good, int count, const array *other)
{
    gref_npz_writer *w = NULL;
    ck_ok(gref_npz_create(&w, scratch("chain.npz")));
    for (int k = 0; k < count; k++)
        if (other == NULL || strcmp(good[k].name, other->name) != 0)
            add(w, &good[k]);
    if (other != NULL && other->shape != NULL)
        add(w, other);
    ck_ok(gref_npz_finish(w));
    return scratch("chain.npz");
}

/* Two steps on three pixels, no two entries the same. */
static const array full[] = {
    {"M", "(2, 3, 3)", {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}, 18},
    {"b", "(2, 3)", {21, 22, 23, 24, 25, 26}, 6},
    {"N", "(2, 3, 3)", {4, 1, 0, 1, 5, 0, 0, 0, 6, 7, 0, 2, 0, 8, 0, 2, 0, 9}, 18},
    {"start_mean", "(3,)", {31, 32, 33}, 3},
    {"start_cov", "(3, 3)", {2, 1, 0, 1, 2, 0, 0, 0, 3}, 9},
    {"abar", "(3,)", {0, 0.25, 0.875}, 3}};
enum { FULL = sizeof full / sizeof *full };

/*
 * Every entry is where the file's row-major order says: step, row, column. All entries of M differ,
 * so that a transposed or exchanged one would be seen.
 */
START_TEST(test_chain_read__every_entry)
{
    gref_chain c = {0};
    ck_ok(gref_chain_read(&c, chain_file(full, FULL, NULL)));
    ck_assert(c.K == 2 && c.n == 3 && c.n_M == 2 && c.n_N == 2 && c.noise == GREF_NOISE_MATRIX);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++) {
                ck_assert(GREF_AT(c.M[k], i, j) == full[0].x[9 * k + 3 * i + j]);
                ck_assert(GREF_AT(c.N[k], i, j) == full[2].x[9 * k + 3 * i + j]);
                ck_assert(GREF_AT(c.start_cov, i, j) == full[4].x[3 * i + j]);
            }
            ck_assert(GREF_AT(c.b, i, k) == full[1].x[3 * k + i]);
            ck_assert(c.start_mean.a[i] == full[3].x[i] && c.abar[i] == full[5].x[i]);
        }
    gref_chain_free(&c);
    ck_assert(c.M == NULL && c.abar == NULL);
    gref_chain_free(&c);
}
END_TEST

/* The other shapes: each kind of noise for each step and for all, one M; nothing optional. */
START_TEST(test_chain_read__one_for_all_and_every_kind_of_noise)
{
    const array M = {"M", "(1, 3, 3)", {1, 2, 3, 4, 5, 6, 7, 8, 9}, 9};
    const struct {
        array N;
        gref_noise_kind kind;
        int n_N, m, n;
    } cases[] = {{{"N", "(2,)", {0, 3}, 2}, GREF_NOISE_SCALAR, 2, 1, 1},
                 {{"N", "(1,)", {5}, 1}, GREF_NOISE_SCALAR, 1, 1, 1},
                 {{"N", "(2, 3)", {1, 2, 3, 4, 5, 6}, 6}, GREF_NOISE_DIAGONAL, 2, 3, 1},
                 {{"N", "(1, 3)", {1, 2, 0}, 3}, GREF_NOISE_DIAGONAL, 1, 3, 1},
                 {{"N", "(1, 3, 3)", {1, 1, 0, 1, 1, 0, 0, 0, 0}, 9}, GREF_NOISE_MATRIX, 1, 3, 3}};
    for (size_t s = 0; s < sizeof cases / sizeof *cases; s++) {
        const array given[] = {M, full[1], cases[s].N};
        gref_chain c = {0};
        ck_ok(gref_chain_read(&c, chain_file(given, 3, NULL)));
        ck_assert(c.n_M == 1 && GREF_AT(c.M[0], 0, 2) == 3);
        ck_assert(c.noise == cases[s].kind && c.n_N == cases[s].n_N);
        for (int k = 0; k < c.n_N; k++) {
            ck_assert(c.N[k].m == cases[s].m && c.N[k].n == cases[s].n);
            for (int i = 0; i < c.N[k].m && c.N[k].n == 1; i++)
                ck_assert(c.N[k].a[i] == cases[s].N.x[k * c.N[k].m + i]);
        }
        ck_assert(c.start_mean.a == NULL && c.start_cov.a == NULL && c.abar == NULL);
        gref_chain_free(&c);
    }
}
END_TEST

/* One thing wrong with the file at a time: the status, the array and the value are named. */
START_TEST(test_chain_read__refuses)
{
    const struct {
        array bad; /* without a shape: the array is left out */
        gref_status status;
        const char *message;
    } cases[] = {
        {{"M", NULL, {0}, 0}, GREF_ERR_FORMAT, "has no array 'M'"},
        {{"b", NULL, {0}, 0}, GREF_ERR_FORMAT, "has no array 'b'"},
        {{"N", NULL, {0}, 0}, GREF_ERR_FORMAT, "has no array 'N'"},
        {{"M", "(3, 3)", {0}, 9}, GREF_ERR_SHAPE, "M has 2 dimensions"},
        {{"M", "(2, 3, 2)", {0}, 12}, GREF_ERR_SHAPE, "step 0: M is 3 x 2, not 3 x 3"},
        {{"M", "(3, 3, 3)", {0}, 27}, GREF_ERR_SHAPE, "M has 3 entries for the 2 steps of b"},
        {{"M", "(0, 3, 3)", {0}, 0}, GREF_ERR_SHAPE, "M has 0 entries"},
        {{"M", "(1, 3, 3)", {0, 0, 0, 0, 0, NAN}, 9}, GREF_ERR_NONFINITE, "M (3 x 3) holds nan"},
        {{"M", "(1, 2, 3, 3)", {0}, 18}, GREF_ERR_FORMAT, "4 dimensions, at most 3"},
        {{"b", "(0, 3)", {0}, 0}, GREF_ERR_SHAPE, "b is 0 x 3"},
        {{"b", "(2, 0)", {0}, 0}, GREF_ERR_SHAPE, "b is 2 x 0"},
        {{"b", "(2, 3)", {0, 0, INFINITY}, 6}, GREF_ERR_NONFINITE, "b (2 x 3) holds inf"},
        {{"N", "()", {1}, 1}, GREF_ERR_SHAPE, "N is one number"},
        {{"N", "(3,)", {0}, 3}, GREF_ERR_SHAPE, "N has 3 entries for the 2 steps"},
        {{"N", "(2, 2)", {0}, 4}, GREF_ERR_SHAPE, "N is 2 x 1, not 3 x 1"},
        {{"N", "(2,)", {1, -0.5}, 2},
         GREF_ERR_NOT_PSD,
         "N of step 1 is not positive semi-definite: its most negative eigenvalue is -0.5"},
        {{"N", "(1, 3)", {1, -1, -2}, 3}, GREF_ERR_NOT_PSD, "eigenvalue is -2"},
        {{"N", "(2,)", {NAN, 1}, 2}, GREF_ERR_NONFINITE, "step 0: N (1 x 1) holds nan"},
        {{"N", "(1, 3, 3)", {1, 0, 0, 0, -3, 0, 0, 0, 1}, 9},
         GREF_ERR_NOT_PSD,
         "N of step 0 is not positive semi-definite: its most negative eigenvalue is -3"},
        {{"N", "(1, 3, 3)", {1, 1, 0, 0, 1, 0, 0, 0, 1}, 9},
         GREF_ERR_NOT_SYMMETRIC,
         "N of step 0 is not symmetric"},
        {{"start_mean", "(2,)", {0}, 2}, GREF_ERR_SHAPE, "start_mean is 2 x 1, not 3 x 1"},
        {{"start_mean", "(3,)", {NAN}, 3}, GREF_ERR_NONFINITE, "start_mean (3 x 1) holds nan"},
        {{"start_cov", "(3,)", {0}, 3}, GREF_ERR_SHAPE, "start_cov is 3 x 1, not 3 x 3"},
        {{"start_cov", "(3, 3)", {-1}, 9},
         GREF_ERR_NOT_PSD,
         "start_cov is not positive semi-definite: its most negative eigenvalue is -1"},
        {{"abar", "(2,)", {0}, 2}, GREF_ERR_SHAPE, "abar is 2 x 1, not 3 x 1"},
        {{"abar", "(3,)", {0, 1, 1.5}, 3}, GREF_ERR_RANGE, "abar[2] is 1.5, not in [0, 1]"},
        {{"abar", "(3,)", {-0.25, 1, 1}, 3}, GREF_ERR_RANGE, "abar[0] is -0.25"},
        {{"abar", "(3,)", {0, NAN, 1}, 3}, GREF_ERR_RANGE, "abar[1] is nan"}};
    for (size_t s = 0; s < sizeof cases / sizeof *cases; s++) {
        const gref_chain before = {.K = 42};
        gref_chain c = before;
        ck_fails(gref_chain_read(&c, chain_file(full, FULL, &cases[s].bad)), cases[s].status);
        assert_message("chain.npz");
        assert_message(cases[s].message);
        ck_assert(memcmp(&c, &before, sizeof c) == 0);
    }
}
END_TEST

/* The case names the file relative to its folder, and a broken file is blamed on the key that names
 * it. */
START_TEST(test_case_load__affine_chain)
{
    const array bad = {"N", "(2,)", {1, -1}, 2};
    write_lines(9, "   {\"name\": \"affine\", \"file\": \"chain.npz\"}], \"conventions\": "
                   "{\"guidance\": \"after\", \"zeta\": 1},");
    const gref_sampler_spec *s = NULL;
    gref_case *c = NULL;
    chain_file(full, FULL, NULL);
    ck_ok(gref_case_load(&c, scratch("case.json"), NULL, 0));
    ck_assert_int_eq(gref_case_samplers(c, &s), 2);
    ck_assert(s[0].chain == NULL && s[1].chain != NULL && s[1].chain->K == 2);
    ck_assert(strcmp(s[1].label, "affine") == 0 && s[1].times == NULL);
    gref_case_free(c);
    chain_file(full, FULL, &bad);
    ck_fails(gref_case_load(&c, scratch("case.json"), NULL, 0), GREF_ERR_NOT_PSD);
    assert_message("case.json:9: samplers.1.file: ");
    assert_message("N of step 1 is not positive semi-definite: its most negative eigenvalue is -1");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("chain");
    TCase *tc = new_tcase(s, "chain");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_chain_read__every_entry);
    tcase_add_test(tc, test_chain_read__one_for_all_and_every_kind_of_noise);
    tcase_add_test(tc, test_chain_read__refuses);
    tcase_add_test(tc, test_case_load__affine_chain);
    return run_suite(s);
}
