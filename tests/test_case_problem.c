#include "cases.h"

#include <gref/operator.h>
#include <gref/prior.h>

static gref_problem problem_of(const char *path)
{
    gref_case *c = NULL;
    gref_problem p = {0};
    ck_ok(gref_case_load(&c, path, NULL, 0));
    ck_ok(gref_case_problem(&p, c));
    gref_case_free(c);
    return p;
}

static void assert_same(gref_mat A, gref_mat B)
{
    ck_assert(A.a != NULL && same_bits(gref_const(A), gref_const(B)));
}

/* The prior of the case, bit for bit that of the library's own function; both are freed. */
static void assert_prior(const char *prior, gref_mat mu, gref_mat Sigma, int rows, int cols)
{
    gref_problem p = problem_of(write_case(NULL, prior, NULL, NULL));
    assert_same(p.mu, mu);
    assert_same(p.Sigma, Sigma);
    ck_assert(p.rows == rows && p.cols == cols && p.v_rows == rows && p.v_cols == cols);
    ck_assert(p.image.m == crop[2] && p.image.n == crop[3] && p.sigma == 0.5);
    gref_mat_free(&mu);
    gref_mat_free(&Sigma);
    gref_problem_free(&p);
}

/* Every key of every kind reaches the function it is meant for. */
START_TEST(test_case_problem__builds_every_prior)
{
    gref_mat u = the_crop(), mu = {0}, Sigma = {0};
    const double zero = 0, number = -0.75;
    const int window[4] = {1, 2, 3, 2};
    ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), NULL));
    assert_prior("\"kind\": \"adsn\", \"mean\": \"image\"", mu, Sigma, 4, 4);
    ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), &zero));
    assert_prior("\"mean\": \"zero\"", mu, Sigma, 4, 4);
    ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), &number));
    assert_prior("\"mean\": -0.75", mu, Sigma, 4, 4);
    ck_ok(gref_prior_adsn_window(&mu, &Sigma, gref_const(u), window, &number));
    assert_prior("\"kind\": \"adsn_window\", \"window\": [1, 2, 3, 2], \"mean\": -0.75", mu, Sigma,
                 3, 2);
    ck_ok(gref_prior_adsn_window(&mu, &Sigma, gref_const(u), window, NULL));
    assert_prior("\"kind\": \"adsn_window\", \"window\": [1, 2, 3, 2]", mu, Sigma, 3, 2);
    ck_ok(gref_prior_patches(&mu, &Sigma, gref_const(u), 2, 3, 1));
    assert_prior("\"kind\": \"patches\", \"size\": [2, 3]", mu, Sigma, 2, 3);
    ck_ok(gref_prior_patches(&mu, &Sigma, gref_const(u), 3, 2, 2));
    assert_prior("\"kind\": \"patches\", \"size\": [3, 2], \"stride\": 2", mu, Sigma, 3, 2);
    gref_mat_free(&u);
}
END_TEST

static gref_mat write_covariance(const char *name, int n, uint64_t seed)
{
    gref_mat lambda = geometric_spectrum(n, 100, 1), C = random_spd(gref_const(lambda), seed);
    write_array(name, gref_const(C), 2);
    gref_mat_free(&lambda);
    return C;
}

/* x0 has the given shape, else the image's, else that of a 2-D mean, else it is n pixels; the mean
 * may be a file. */
START_TEST(test_case_problem__builds_a_gaussian_prior)
{
    gref_mat u = the_crop(), C6 = write_covariance("C6.npy", 6, 1);
    gref_mat C16 = write_covariance("C16.npy", 16, 2), mean = random_matrix(2, 3, 3),
             mu = fresh(6, 1);
    write_array("mean.npy", gref_const(mean), 2);
    gref_image_flatten(mu, gref_const(mean));
    const char *c6 = "\"kind\": \"gaussian\", \"mean\": \"mean.npy\", \"cov\": \"C6.npy\"";
    const char *shaped =
        "\"kind\": \"gaussian\", \"mean\": 0.25, \"cov\": \"C6.npy\", \"shape\": [2, 3]";
    const char *c16 = "\"kind\": \"gaussian\", \"mean\": 0.25, \"cov\": \"C16.npy\"";
    const char *wide =
        "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C16.npy\", \"shape\": [2, 8]";

    gref_problem p = problem_of(write_case("", c6, NULL, NULL));
    assert_same(p.Sigma, C6);
    assert_same(p.mu, mu);
    ck_assert(p.rows == 2 && p.cols == 3 && p.image.a == NULL);
    gref_problem_free(&p);

    p = problem_of(write_case("", shaped, NULL, NULL));
    gref_mat_fill(mu, 0.25);
    assert_same(p.mu, mu);
    ck_assert(p.rows == 2 && p.cols == 3);
    gref_problem_free(&p);

    p = problem_of(write_case("", wide, NULL, NULL));
    ck_assert(p.rows == 2 && p.cols == 8);
    gref_problem_free(&p);

    /* without a shape: identity, matrix, and inpainting by keep or a vector, the same as with any
     * shape */
    const char *keep = "\"kind\": \"inpainting\", \"keep\": 0.5",
               *mask = "\"kind\": \"inpainting\", \"mask\": \"half.npy\"";
    gref_mat half = fresh(16, 1), A = random_matrix(3, 16, 5);
    half.a[3] = half.a[7] = half.a[8] = 1;
    write_array("half.npy", gref_const(half), 1);
    write_array("A.npy", gref_const(A), 2);
    p = problem_of(write_case("", c16, NULL, NULL));
    ck_assert(p.rows == 16 && p.cols == 1 && p.v_rows == 16 && p.v_cols == 1);
    gref_problem_free(&p);
    p = problem_of(write_case("", c16, "\"kind\": \"matrix\", \"file\": \"A.npy\"", NULL));
    assert_same(p.A, A);
    gref_problem_free(&p);
    p = problem_of(write_case("", c16, mask, NULL));
    ck_assert(p.A.m == 3 && GREF_AT(p.A, 0, 3) == 1 && GREF_AT(p.A, 1, 7) == 1 &&
              GREF_AT(p.A, 2, 8) == 1);
    gref_problem_free(&p);
    p = problem_of(write_case("", c16, keep, NULL));
    gref_problem q = problem_of(write_case(NULL, c16, keep, NULL));
    assert_same(p.A, q.A);
    gref_problem_free(&p);
    gref_problem_free(&q);
    gref_mat_free(&half);
    gref_mat_free(&A);

    p = problem_of(write_case(NULL, c16, NULL, "\"kind\": \"image\""));
    assert_same(p.Sigma, C16);
    ck_assert(p.rows == 4 && p.cols == 4);
    ck_assert(p.x0.a[1] == GREF_AT(u, 0, 1));
    gref_problem_free(&p);
    gref_mat *all[] = {&u, &C6, &C16, &mean, &mu};
    for (int k = 0; k < 5; k++)
        gref_mat_free(all[k]);
}
END_TEST

/* A file that is symmetric but for rounding becomes symmetric: later code reads one half. */
START_TEST(test_case_problem__symmetrises_a_covariance)
{
    gref_mat u = the_crop(), C = fresh(2, 2);
    gref_mat_identity(C);
    GREF_AT(C, 1, 0) = 0.5;
    GREF_AT(C, 0, 1) = 0.5 + 0x1p-52;
    write_array("C.npy", gref_const(C), 2);
    gref_problem p = problem_of(
        write_case("", "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C.npy\"", NULL, NULL));
    ck_assert(GREF_AT(p.Sigma, 0, 1) == GREF_AT(p.Sigma, 1, 0));
    gref_problem_free(&p);
    gref_mat_free(&u);
    gref_mat_free(&C);
}
END_TEST

/* The operator of the case, bit for bit A, which is freed. */
static void assert_operator(const char *keys, gref_mat A, int v_rows, int v_cols)
{
    gref_problem p = problem_of(write_case(NULL, NULL, keys, NULL));
    assert_same(p.A, A);
    ck_assert_msg(p.v_rows == v_rows && p.v_cols == v_cols, "%s: v is %d x %d", keys, p.v_rows,
                  p.v_cols);
    ck_assert(p.v.m == A.m && p.v.n == 1);
    gref_mat_free(&A);
    gref_problem_free(&p);
}

static gref_mat convolution(gref_mat K, gref_boundary boundary, bool correlate)
{
    gref_mat A = {0};
    ck_ok(gref_operator_convolution(&A, gref_const(K), 4, 4, boundary, correlate));
    return A;
}

/* Bit for bit the direct call, with a kernel that no mixed-up key can leave the same. */
START_TEST(test_case_problem__builds_every_convolution)
{
    gref_mat u = the_crop(), K = {0};
    const char *names[] = {"periodic", "zero", "reflect", "symmetric", "replicate"};
    ck_ok(gref_kernel_gaussian(&K, 0.75, 3));
    assert_operator("\"kind\": \"gaussian_blur\", \"std\": 0.75, \"size\": 3",
                    convolution(K, GREF_BOUNDARY_PERIODIC, false), 4, 4);
    gref_mat_free(&K);
    ck_ok(gref_kernel_motion(&K, 1.5, 30));
    assert_operator("\"kind\": \"motion_blur\", \"length\": 1.5, \"angle\": 30",
                    convolution(K, GREF_BOUNDARY_PERIODIC, false), 4, 4);
    gref_mat_free(&K);
    ck_ok(gref_kernel_motion(&K, 1.5, 0));
    assert_operator("\"kind\": \"motion_blur\", \"length\": 1.5",
                    convolution(K, GREF_BOUNDARY_PERIODIC, false), 4, 4);
    gref_mat_free(&K);
    K = random_matrix(3, 1, 5); /* neither square nor symmetric: nothing can be mixed up */
    write_array("K.npy", gref_const(K), 2);
    for (int k = 0; k < 5; k++) {
        char keys[128];
        snprintf(keys, sizeof keys,
                 "\"kind\": \"kernel\", \"file\": \"K.npy\", \"boundary\": \"%s\"", names[k]);
        assert_operator(keys, convolution(K, (gref_boundary)k, false), 4, 4);
    }
    assert_operator("\"kind\": \"kernel\", \"file\": \"K.npy\", \"boundary\": \"valid\"",
                    convolution(K, GREF_BOUNDARY_VALID, false), 2, 4);
    assert_operator("\"kind\": \"kernel\", \"file\": \"K.npy\", \"correlate\": true",
                    convolution(K, GREF_BOUNDARY_PERIODIC, true), 4, 4);
    gref_mat_free(&K);
    gref_mat_free(&u);
}
END_TEST

static gref_mat super_resolution(gref_sr_filter filter)
{
    gref_mat A = {0};
    ck_ok(gref_operator_super_resolution(&A, 4, 4, 2, filter));
    return A;
}

static gref_mat inpainting(gref_mat keep)
{
    gref_mat A = {0};
    ck_ok(gref_operator_inpainting(&A, gref_const(keep)));
    return A;
}

/* As above; mask and box describe one mask, so a swapped reading of "0 = missing" shows. */
START_TEST(test_case_problem__builds_every_other_operator)
{
    gref_mat u = the_crop(), A = fresh(16, 16), keep = {0};
    const int box[4] = {1, 0, 2, 3};
    gref_mat_identity(A);
    assert_operator("\"kind\": \"identity\"", A, 4, 4);
    assert_operator("\"kind\": \"super_resolution\", \"factor\": 2", super_resolution(GREF_SR_BOX),
                    2, 2);
    assert_operator("\"kind\": \"super_resolution\", \"factor\": 2, \"filter\": \"bicubic\"",
                    super_resolution(GREF_SR_BICUBIC), 2, 2);
    assert_operator("\"kind\": \"super_resolution\", \"factor\": 2, \"filter\": \"none\"",
                    super_resolution(GREF_SR_NONE), 2, 2);
    ck_ok(gref_mask_box(&keep, 4, 4, box));
    assert_operator("\"kind\": \"inpainting\", \"box\": [1, 0, 2, 3]", inpainting(keep), 10, 1);
    write_array("mask.npy", gref_const(keep), 2);
    assert_operator("\"kind\": \"inpainting\", \"mask\": \"mask.npy\"", inpainting(keep), 10, 1);
    gref_mat_free(&keep);
    const uint64_t seeds[] = {1, 8};
    for (int k = 0; k < 2; k++) {
        ck_ok(gref_mask_keep(&keep, 4, 4, 0.5, seeds[k]));
        gref_mat by_seed = inpainting(keep);
        assert_operator(k == 0 ? "\"kind\": \"inpainting\", \"keep\": 0.5"
                               : "\"kind\": \"inpainting\", \"keep\": 0.5, \"seed\": 8",
                        by_seed, by_seed.m, 1);
        gref_mat_free(&keep);
    }
    A = random_matrix(3, 16, 9);
    write_array("A.npy", gref_const(A), 2);
    assert_operator("\"kind\": \"matrix\", \"file\": \"A.npy\"", A, 3, 1);
    gref_mat_free(&u);
}
END_TEST

/* x0 is the part of the image that the prior describes, and v is drawn with the given seed. */
START_TEST(test_case_problem__observes_the_image)
{
    const struct {
        const char *prior;
        int i, j, rows, cols;
    } t[] = {{NULL, 0, 0, 4, 4},
             {"\"kind\": \"adsn_window\", \"window\": [1, 2, 3, 2]", 1, 2, 3, 2},
             {"\"kind\": \"patches\", \"size\": [4, 4]", 0, 0, 4, 4}};
    gref_mat u = the_crop();
    for (int k = 0; k < 3; k++) {
        gref_problem p =
            problem_of(write_case(NULL, t[k].prior, NULL, "\"kind\": \"image\", \"seed\": 3"));
        gref_mat noise = fresh(p.v.m, 1);
        gref_random_normal(noise, 3, GREF_STREAM_OBSERVATION, 0, 0);
        for (int i = 0; i < t[k].rows; i++)
            for (int j = 0; j < t[k].cols; j++) {
                int at = i * t[k].cols + j;
                ck_assert(p.x0.a[at] == GREF_AT(u, t[k].i + i, t[k].j + j));
                ck_assert(p.v.a[at] == p.x0.a[at] + 0.5 * noise.a[at]);
            }
        gref_mat_free(&noise);
        gref_problem_free(&p);
    }
    gref_mat_free(&u);
}
END_TEST

/* A sample is what gref_problem_observe draws with the same seed; a file is taken as it is. */
START_TEST(test_case_problem__observes_a_sample_and_a_file)
{
    gref_mat u = the_crop(), v = random_matrix(2, 2, 4);
    const char *sr = "\"kind\": \"super_resolution\", \"factor\": 2";
    const char *samples[] = {NULL, "\"seed\": 7"};
    for (int k = 0; k < 2; k++) {
        gref_problem p = problem_of(write_case(NULL, NULL, sr, samples[k])), q = p;
        q.x0 = q.v = (gref_mat){0};
        ck_ok(gref_problem_observe(&q, k == 0 ? 1 : 7));
        assert_same(p.x0, q.x0);
        assert_same(p.v, q.v);
        gref_mat_free(&q.x0);
        gref_mat_free(&q.v);
        gref_problem_free(&p);
    }
    write_array("v.npy", gref_const(v), 2);
    gref_problem p =
        problem_of(write_case(NULL, NULL, sr, "\"kind\": \"file\", \"file\": \"v.npy\""));
    ck_assert(p.x0.a == NULL && p.v.m == 4 && p.v.a[1] == GREF_AT(v, 0, 1));
    gref_problem_free(&p);
    gref_mat_free(&u);
    gref_mat_free(&v);
}
END_TEST

/* range maps a PNG's 0 and maximum, and an absolute path is taken as it is. */
START_TEST(test_case_problem__reads_a_picture)
{
    char image[4500], folder[4096];
    gref_mat whole = {0};
    ck_assert_ptr_nonnull(realpath(reference_file("images/grass.png"), folder));
    snprintf(image, sizeof image,
             "\"image\": {\"file\": \"%s\", \"crop\": [100, 200, 3, 5], \"range\": [0, 255]},",
             folder);
    ck_ok(gref_png_read(&whole, folder, 0, 255));
    gref_problem p = problem_of(write_case(image, NULL, NULL, NULL));
    ck_assert(same_bits(gref_const(p.image), gref_const(gref_mat_view(whole, 100, 200, 3, 5))));
    gref_problem_free(&p);
    gref_mat part = fresh(4, 4); /* what a file is, is read in its first byte */
    gref_mat_copy(part, gref_const(gref_mat_view(whole, 0, 0, 4, 4)));
    write_array("image.png", gref_const(part), 2);
    p = problem_of(write_case("\"image\": {\"file\": \"image.png\"},", NULL, NULL, NULL));
    assert_same(p.image, part);
    gref_problem_free(&p);
    gref_mat_free(&part);
    gref_mat_free(&whole);
}
END_TEST

/* Bit for bit the direct call for each kind. */
START_TEST(test_case_schedule__is_the_librarys)
{
    const double betas[] = {0.1, 0.2, 0.05}, abar[] = {0.9, 0.2, 0.05}, sigmas[] = {0.1, 0.2, 3};
    gref_cmat column = {betas, 3, 1, 3}, row = {betas, 1, 3, 1};
    gref_mat u = the_crop();
    write_array("betas.npy", column, 1);
    write_array("row.npy", row, 2);
    write_array("abar.npy", (gref_cmat){abar, 3, 1, 3}, 1);
    write_array("sigmas.npy", (gref_cmat){sigmas, 3, 1, 3}, 1);
    enum { KINDS = 9 };
    gref_schedule direct[KINDS] = {0};
    ck_ok(gref_schedule_linear(&direct[0], 1e-4, 0.02, 37));
    ck_ok(gref_schedule_cosine(&direct[1], 37));
    ck_ok(gref_schedule_from_betas(&direct[2], betas, 3));
    ck_ok(gref_schedule_from_betas(&direct[3], betas, 3));
    ck_ok(gref_schedule_from_abar(&direct[4], abar, 3));
    ck_ok(gref_schedule_from_sigmas(&direct[5], sigmas, 3));
    ck_ok(gref_schedule_linear_scaled(&direct[6], 1e-4, 0.02, 37));
    ck_ok(gref_schedule_vp(&direct[7], (double[]){0.2, 9}, (double[]){0.125, 2}, 37));
    ck_ok(gref_schedule_edm(&direct[8], 0.01, 50, 5, 37));
    const char *sets[] = {
        "schedule.steps=37",
        "schedule={\"kind\":\"cosine\",\"steps\":37}",
        "schedule={\"kind\":\"file\",\"file\":\"betas.npy\"}",
        "schedule={\"kind\":\"file\",\"file\":\"row.npy\"}",
        "schedule={\"kind\":\"file\",\"abar\":\"abar.npy\"}",
        "schedule={\"kind\":\"file\",\"sigmas\":\"sigmas.npy\"}",
        "schedule={\"kind\":\"linear\",\"scaled\":true,\"steps\":37}",
        "schedule={\"kind\":\"vp\",\"beta\":[0.2,9],\"span\":[0.125,2],\"steps\":37}",
        "schedule={\"kind\":\"edm\",\"sigma\":[0.01,50],\"rho\":5,\"steps\":37}"};
    for (int k = 0; k < KINDS; k++) {
        gref_case *c = NULL;
        gref_schedule s = {0};
        ck_ok(gref_case_load(&c, write_case(NULL, NULL, NULL, NULL), &sets[k], 1));
        ck_ok(gref_case_schedule(&s, c));
        size_t bytes = ((size_t)s.T + 1) * sizeof(double);
        ck_assert_int_eq(s.T, direct[k].T);
        ck_assert(s.kind == direct[k].kind && s.least_steps == direct[k].least_steps);
        ck_assert(memcmp(s.rate, direct[k].rate, sizeof s.rate) == 0);
        const double *own[] = {s.beta, s.alpha, s.abar, s.qbar, s.beta_tilde, s.decay, s.time};
        const gref_schedule *d = &direct[k];
        const double *its[] = {d->beta,       d->alpha, d->abar, d->qbar,
                               d->beta_tilde, d->decay, d->time};
        ck_assert((s.time == NULL) == (d->time == NULL));
        for (int a = 0; a < (s.time == NULL ? 6 : 7); a++)
            ck_assert(memcmp(own[a], its[a], bytes) == 0);
        gref_schedule_free(&s);
        gref_schedule_free(&direct[k]);
        gref_case_free(c);
    }
    gref_mat_free(&u);
}
END_TEST

/* Every case that is shipped loads, prints to a fixed point, and describes a whole problem. */
START_TEST(test_reference_cases__build)
{
    DIR *dir = opendir(reference_file("cases"));
    int count = 0;
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char name[300];
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 5, ".json") != 0)
            continue;
        snprintf(name, sizeof name, "cases/%s", e->d_name);
        gref_case *c = NULL, *again = NULL;
        gref_problem p = {0};
        ck_ok(gref_case_load(&c, reference_file(name), NULL, 0));
        ck_ok(gref_case_problem(&p, c));
        ck_assert(p.rows * p.cols == p.Sigma.n && p.v_rows * p.v_cols == p.A.m && p.v.m == p.A.m);
        ck_assert(p.A.n == p.Sigma.n && p.mu.m == p.Sigma.n && p.x0.m == p.Sigma.n);
        char *first = gref_case_print(c);
        spill(scratch("again.json"), first, strlen(first));
        ck_ok(gref_case_load(&again, scratch("again.json"), NULL, 0));
        char *second = gref_case_print(again);
        ck_assert_str_eq(first, second);
        free(first);
        free(second);
        gref_problem_free(&p);
        gref_case_free(c);
        gref_case_free(again);
        count++;
    }
    closedir(dir);
    ck_assert_int_ge(count, 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("case_problem");
    TCase *tc = new_tcase(s, "case_problem");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_case_problem__builds_every_prior);
    tcase_add_test(tc, test_case_problem__builds_a_gaussian_prior);
    tcase_add_test(tc, test_case_problem__symmetrises_a_covariance);
    tcase_add_test(tc, test_case_problem__builds_every_convolution);
    tcase_add_test(tc, test_case_problem__builds_every_other_operator);
    tcase_add_test(tc, test_case_problem__observes_the_image);
    tcase_add_test(tc, test_case_problem__observes_a_sample_and_a_file);
    tcase_add_test(tc, test_case_problem__reads_a_picture);
    tcase_add_test(tc, test_case_schedule__is_the_librarys);
    tcase_add_test(tc, test_reference_cases__build);
    return run_suite(s);
}
