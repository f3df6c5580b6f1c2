#include "cases.h"

#include <math.h>

/* The files that the refusals below are about. */
static void write_bad_files(void)
{
    gref_mat A = random_matrix(4, 4, 2), v = random_matrix(3, 1, 2), empty = fresh(0, 4),
             C = fresh(16, 16);
    gref_mat_identity(C);
    write_array("C16.npy", gref_const(C), 2);
    write_array("v16.npy", gref_const(gref_mat_view(C, 0, 0, 16, 1)), 1);
    gref_mat_free(&C);
    write_array("v3.npy", gref_const(v), 1);
    write_array("empty.npy", gref_const(empty), 2);
    write_array("asymmetric.npy", gref_const(A), 2);
    write_array("even.npy", gref_const(A), 2);
    gref_mat_identity(A);
    GREF_AT(A, 0, 1) = GREF_AT(A, 1, 0) = 2; /* eigenvalues 3 and -1 */
    write_array("indefinite.npy", gref_const(A), 2);
    write_array("wide.npy", gref_const(gref_mat_view(A, 0, 0, 3, 4)), 2);
    gref_mat_fill(A, 0);
    write_array("zeros.npy", gref_const(A), 2);
    GREF_AT(A, 2, 1) = NAN;
    write_array("nan.npy", gref_const(A), 2);
    spill(scratch("text.npy"), "hello", 5);
    spill(scratch("short.png"), "\x89PNG\r\n\x1a\n", 8);
    gref_mat_free(&A);
    gref_mat_free(&v);
    gref_mat_free(&empty);
}

/* Every refusal names the file, the line, the key and the value, and leaves *p alone. */
START_TEST(test_case_problem__refuses_bad_input)
{
    const struct {
        const char *image, *prior, *operator_, *observation;
        gref_status status;
        const char *parts[3]; /* of the message; the first follows the case's name */
    } t[] = {
        {.image = "\"image\": {\"file\": \"none.png\"},",
         .status = GREF_ERR_IO,
         .parts = {":2: image.file: ", "/none.png: No such file or directory"}},
        {.image = "\"image\": {\"file\": \"text.npy\"},",
         .status = GREF_ERR_FORMAT,
         .parts = {":2: image.file: ", "/text.npy: "}},
        {.image = "\"image\": {\"file\": \"short.png\"},",
         .status = GREF_ERR_FORMAT,
         .parts = {":2: image.file: ", "/short.png: "}},
        {.image = "\"image\": {\"file\": \"nan.npy\"},",
         .status = GREF_ERR_NONFINITE,
         .parts = {":2: image.file: nan.npy (4 x 4) holds nan at row 2, column 1"}},
        {.image = "\"image\": {\"file\": \"empty.npy\"},",
         .status = GREF_ERR_CASE,
         .parts = {":2: image.file: empty.npy is empty, 0 x 4"}},
        {.image = "\"image\": {\"file\": \"v3.npy\"},",
         .status = GREF_ERR_CASE,
         .parts = {":2: image.file: v3.npy is an array of dimension 1, not a picture"}},
        {.image = "\"image\": {\"file\": \"u.npy\",\n\n \"crop\": [3, 0, 4, 4]},",
         .status = GREF_ERR_CASE,
         .parts = {":4: image.crop [3, 0, 4, 4] reaches outside the image of 6 x 5"}},
        {.image = "\"image\": {\"file\": \"u.npy\", \"crop\": [0, 2147483647, 1, 2147483647]},",
         .status = GREF_ERR_CASE,
         .parts = {":2: image.crop [0, 2147483647, 1, 2147483647] reaches outside"}},
        {.prior = "\"kind\": \"adsn_window\", \"window\": [0, 2, 1, 3]",
         .status = GREF_ERR_CASE,
         .parts = {":3: prior.window [0, 2, 1, 3] reaches outside the image of 4 x 4"}},
        {.prior = "\"kind\": \"patches\", \"size\": [5, 1]",
         .status = GREF_ERR_CASE,
         .parts = {":3: prior.size [5, 1] does not fit in the image of 4 x 4"}},
        {.prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"wide.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":3: prior.cov: wide.npy is 3 x 4, not square"}},
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"asymmetric.npy\"",
         .status = GREF_ERR_NOT_SYMMETRIC,
         .parts = {":3: prior.cov: asymmetric.npy"}},
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"indefinite.npy\"",
         .status = GREF_ERR_NOT_PSD,
         .parts = {":3: prior.cov: indefinite.npy", "-1"}},
        {.prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"nan.npy\"",
         .status = GREF_ERR_NONFINITE,
         .parts = {":3: prior.cov: nan.npy (4 x 4) holds nan"}},
        {.prior = "\"kind\": \"gaussian\", \"mean\": \"v3.npy\", \"cov\": \"zeros.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":3: prior.mean: v3.npy has 3 entries (3 x 1), a row of prior.cov has 4"}},
        {.prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"zeros.npy\",\n\"shape\": [2, 3]",
         .status = GREF_ERR_CASE,
         .parts = {":4: prior.shape is 2 x 3, 6 pixels, but prior.cov is 4 x 4"}},
        {.prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"zeros.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":2: the image is 4 x 4, 16 pixels, but prior.cov is 4 x 4"}},
        {.prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C16.npy\", \"shape\": [2, 8]",
         .status = GREF_ERR_CASE,
         .parts = {":2: the image is 4 x 4, but prior.shape is 2 x 8: x0 has one shape"}},
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": \"even.npy\", \"cov\": \"C16.npy\", "
                  "\"shape\": [2, 8]",
         .status = GREF_ERR_CASE,
         .parts = {":3: prior.mean is 4 x 4, but prior.shape is 2 x 8: x0 has one shape"}},
        /* x0 was a column of 16 pixels, blurred along it */
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": \"v16.npy\", \"cov\": \"C16.npy\"",
         .operator_ = "\"kind\": \"gaussian_blur\", \"std\": 1, \"size\": 3",
         .status = GREF_ERR_CASE,
         .parts =
             {":4: operator.kind: gaussian_blur needs the shape of x0, of which only its 16 pixels",
              "prior.shape"}},
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C16.npy\"",
         .operator_ = "\"kind\": \"super_resolution\", \"factor\": 2",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.kind: super_resolution needs the shape of x0", "prior.shape"}},
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C16.npy\"",
         .operator_ = "\"kind\": \"inpainting\", \"box\": [0, 0, 2, 1]",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.box: a box needs the shape of x0", "prior.shape"}},
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C16.npy\"",
         .operator_ = "\"kind\": \"inpainting\", \"mask\": \"even.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.mask: even.npy needs the shape of x0", "prior.shape"}},
        {.image = "",
         .prior = "\"kind\": \"gaussian\", \"mean\": 0, \"cov\": \"C16.npy\"",
         .operator_ = "\"kind\": \"inpainting\", \"mask\": \"v3.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.mask: v3.npy is 3 x 1, x0 is 16 x 1"}},
        {.operator_ = "\"kind\": \"inpainting\", \"mask\": \"v16.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.mask: v16.npy is an array of dimension 1, not a picture"}},
        /* the top left patch was taken for the image */
        {.prior = "\"kind\": \"patches\", \"size\": [2, 3]",
         .observation = "\"kind\": \"image\"",
         .status = GREF_ERR_CASE,
         .parts = {":5: observation.kind is \"image\", but the image is 4 x 4 and x0 is 2 x 3"}},
        {.operator_ = "\"kind\": \"kernel\", \"file\": \"even.npy\"",
         .status = GREF_ERR_SHAPE,
         .parts = {":4: operator: ", "4 x 4"}},
        {.operator_ =
             "\"kind\": \"gaussian_blur\", \"std\": 1, \"size\": 5, \"boundary\": \"valid\"",
         .status = GREF_ERR_SHAPE,
         .parts = {":4: operator: ", "5 x 5", "4 x 4"}},
        {.operator_ = "\"kind\": \"super_resolution\", \"factor\": 3",
         .status = GREF_ERR_RANGE,
         .parts = {":4: operator.factor: ", "3", "4 x 4"}},
        {.operator_ = "\"kind\": \"inpainting\", \"mask\": \"zeros.npy\"",
         .status = GREF_ERR_RANGE,
         .parts = {":4: operator.mask: ", "none", "4 x 4"}},
        {.operator_ = "\"kind\": \"inpainting\", \"mask\": \"wide.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.mask: wide.npy is 3 x 4, the image is 4 x 4"}},
        {.operator_ = "\"kind\": \"inpainting\", \"box\": [0, 0, 4, 4]",
         .status = GREF_ERR_RANGE,
         .parts = {":4: operator.box: ", "none", "4 x 4"}},
        {.operator_ = "\"kind\": \"inpainting\", \"box\": [0, 0, 5, 1]",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.box [0, 0, 5, 1] reaches outside the image of 4 x 4"}},
        {.operator_ = "\"kind\": \"matrix\", \"file\": \"even.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":4: operator.file: even.npy is 4 x 4, but x0 has 16 pixels"}},
        {.observation = "\"kind\": \"file\", \"file\": \"v3.npy\"",
         .status = GREF_ERR_CASE,
         .parts = {":5: observation.file: v3.npy has 3 entries (3 x 1), A x0 has 16"}},
        {.observation = "\"kind\": \"file\", \"file\": \"nan.npy\"",
         .status = GREF_ERR_NONFINITE,
         .parts = {":5: observation.file: nan.npy (4 x 4) holds nan at row 2, column 1"}},
    };
    gref_mat u = the_crop();
    write_bad_files();
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        gref_case *c = NULL;
        gref_problem p = {.A = untouched(), .rows = 3}, q = p;
        char start[8192];
        const char *path = write_case(t[k].image, t[k].prior, t[k].operator_, t[k].observation);
        ck_ok(gref_case_load(&c, path, NULL, 0));
        ck_fails(gref_case_problem(&p, c), t[k].status);
        ck_assert(memcmp(&p, &q, sizeof p) == 0);
        snprintf(start, sizeof start, "%s%s", path, t[k].parts[0]);
        const char *message = gref_last_error()->message;
        ck_assert_msg(strncmp(message, start, strlen(start)) == 0, "%s", message);
        for (int i = 1; i < 3 && t[k].parts[i] != NULL; i++)
            assert_message(t[k].parts[i]);
        gref_case_free(c);
    }
    gref_mat_free(&u);
}
END_TEST

/* A schedule is made when the case is loaded, so its faults appear there. */
START_TEST(test_case_load__refuses_a_bad_schedule_file)
{
    const struct {
        const char *file;
        gref_status status;
        const char *message;
    } t[] = {{"none.npy", GREF_ERR_IO, "/none.npy: No such file"},
             {"zeros.npy", GREF_ERR_CASE, "schedule.file: zeros.npy is 4 x 4, not a list of betas"},
             {"v3.npy", GREF_ERR_RANGE, "schedule.file: beta_2 = 2.48"}};
    const struct {
        const char *set;
        gref_status status;
        const char *message;
    } kinds[] = {{"schedule={\"kind\":\"file\",\"abar\":\"v3.npy\"}", GREF_ERR_RANGE,
                  "schedule.abar: abar_2 = 2.48"},
                 {"schedule={\"kind\":\"file\",\"sigmas\":\"zeros.npy\"}", GREF_ERR_CASE,
                  "schedule.sigmas: zeros.npy is 4 x 4, not a list of sigmas"},
                 {"schedule={\"kind\":\"vp\",\"beta\":[20,0.5]}", GREF_ERR_RANGE,
                  "schedule: beta [20, 0.5] must not decrease, with 0 <= first and 0 < last"},
                 {"schedule={\"kind\":\"vp\",\"span\":[0,10]}", GREF_ERR_RANGE,
                  "schedule: abar_1000 = 0 is below every normal double"}};
    gref_mat u = the_crop();
    write_bad_files();
    for (int k = 0; k < 3; k++) {
        char set[128];
        const char *sets[] = {set};
        gref_case *c = NULL;
        snprintf(set, sizeof set, "schedule={\"kind\":\"file\",\"file\":\"%s\"}", t[k].file);
        ck_fails(gref_case_load(&c, write_case(NULL, NULL, NULL, NULL), sets, 1), t[k].status);
        ck_assert_ptr_null(c);
        assert_message(t[k].message);
        ck_assert(strncmp(gref_last_error()->message, "--set schedule=", 15) == 0);
    }
    for (int k = 0; k < 4; k++) {
        gref_case *c = NULL;
        ck_fails(gref_case_load(&c, write_case(NULL, NULL, NULL, NULL), &kinds[k].set, 1),
                 kinds[k].status);
        ck_assert_ptr_null(c);
        assert_message(kinds[k].message);
    }
    gref_mat_free(&u);
}
END_TEST

/* The whole of a shipped image: 16 matrices of order 262144 are 8 TiB, which nobody has. */
START_TEST(test_case_problem__refuses_what_does_not_fit_in_memory)
{
    char image[4500], folder[4096];
    ck_assert_ptr_nonnull(realpath(reference_file("images/grass.png"), folder));
    snprintf(image, sizeof image, "\"image\": {\"file\": \"%s\"},", folder);
    const char *windows[] = {NULL, "\"kind\": \"adsn_window\", \"window\": [0, 0, 512, 512]",
                             "\"kind\": \"patches\", \"size\": [512, 512]"};
    const char *places[] = {":2: image: ", ":3: prior.window: ", ":3: prior.size: "};
    for (int k = 0; k < 3; k++) {
        gref_case *c = NULL;
        gref_problem p = {0};
        ck_ok(gref_case_load(&c, write_case(image, windows[k], NULL, NULL), NULL, 0));
        ck_fails(gref_case_problem(&p, c), GREF_ERR_CASE);
        assert_message(places[k]);
        assert_message("matrices of order 262144 need 8192.0 GiB of memory, ");
        gref_case_free(c);
    }
    gref_mat u = the_crop(), tall = fresh(300000, 1); /* n is 1 here, but m is not */
    write_array("A.npy", gref_const(tall), 2);
    gref_case *c = NULL;
    gref_problem p = {0};
    ck_ok(gref_case_load(&c,
                         write_case("\"image\": {\"file\": \"u.npy\", \"crop\": [0, 0, 1, 1]},",
                                    NULL, "\"kind\": \"matrix\", \"file\": \"A.npy\"", NULL),
                         NULL, 0));
    ck_fails(gref_case_problem(&p, c), GREF_ERR_CASE);
    assert_message(":4: operator.file: matrices of order 300000 need 10728.8 GiB of memory, ");
    gref_case_free(c);
    gref_mat_free(&u);
    gref_mat_free(&tall);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("case_bad_input");
    TCase *tc = new_tcase(s, "case_bad_input");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_case_problem__refuses_bad_input);
    tcase_add_test(tc, test_case_load__refuses_a_bad_schedule_file);
    tcase_add_test(tc, test_case_problem__refuses_what_does_not_fit_in_memory);
    return run_suite(s);
}
