/*
 * Which BLAS these tests run on. A test setup that asks for another library through LD_LIBRARY_PATH
 * proves nothing when the loader found none there: the setup names what it expects, and this holds
 * it.
 */
#define _GNU_SOURCE /* dladdr */
#include <cblas.h>
#include <dlfcn.h>
#include <lapacke.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gref/backend.h>

#include "support.h"

/* The file that holds `symbol`, symbolic links resolved; "" when nothing does. */
static const char *file_of(const char *symbol)
{
    static char path[PATH_MAX];
    Dl_info info = {0};
    void *address = dlsym(RTLD_DEFAULT, symbol);
    path[0] = '\0';
    if (address != NULL && dladdr(address, &info) != 0 && realpath(info.dli_fname, path) == NULL)
        path[0] = '\0';
    return path;
}

/* The address of `name` as a function pointer, or NULL; POSIX grants the conversion. */
#define LOOK_UP(pointer, name)                                                                     \
    do {                                                                                           \
        void *address_ = dlsym(RTLD_DEFAULT, (name));                                              \
        memcpy(&(pointer), &address_, sizeof(pointer));                                            \
    } while (0)

/*
 * OpenBLAS exports openblas_get_config and no other BLAS does; and the path must be in the folder
 * of the expected one, so that a third library cannot pass for netlib.
 */
START_TEST(test_backend__is_what_the_setup_expects)
{
    double one = 1, product = 0;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, 1, 1, 1, 1.0, &one, 1, &one, 1, 0.0,
                &product, 1);
    ck_assert(product == 1.0);
    ck_assert(LAPACKE_dlamch('E') == EPS);
    char *(*config)(void);
    LOOK_UP(config, "openblas_get_config");
    char *(*core)(void);
    LOOK_UP(core, "openblas_get_corename");
    const char *expected = getenv("GREF_EXPECT_BLAS");
    char blas[PATH_MAX];
    snprintf(blas, sizeof blas, "%s", file_of("cblas_dgemm"));
    const char *lapack = file_of("dsyevd_");
    printf("# BLAS: %s (%s)\n# LAPACK: %s\n", blas,
           config == NULL ? "not OpenBLAS"
           : core == NULL ? "OpenBLAS"
                          : core(),
           lapack);
    if (expected == NULL || expected[0] == '\0')
        return;
    static const char *const names[][2] = {
        {"openblas", "OpenBLAS"}, {"netlib", "reference BLAS"}, {"blis", "BLIS"}};
    for (int k = 0; k < 3; k++)
        if (strcmp(expected, names[k][0]) == 0)
            ck_assert_str_eq(gref_backend_query().blas, names[k][1]);
    if (strcmp(expected, "openblas") == 0)
        ck_assert_msg(config != NULL && strstr(blas, "openblas") != NULL,
                      "expected OpenBLAS, loaded %s; see update-alternatives --config "
                      "libblas.so.3-<architecture>",
                      blas);
    else if (strcmp(expected, "netlib") == 0)
        ck_assert_msg(config == NULL && strstr(blas, "/blas/libblas.so.3") != NULL &&
                          strstr(lapack, "/lapack/liblapack.so.3") != NULL,
                      "expected netlib, loaded %s and %s; packages libblas3 and liblapack3?", blas,
                      lapack);
    else if (strcmp(expected, "blis") == 0)
        ck_assert_msg(
            config == NULL && strstr(blas, "/blis") != NULL &&
                strstr(lapack, "/lapack/liblapack.so.3") != NULL,
            "expected BLIS and netlib's LAPACK, loaded %s and %s; packages libblis4-pthread "
            "and liblapack3?",
            blas, lapack);
    else
        ck_abort_msg("GREF_EXPECT_BLAS is '%s', not openblas, netlib or blis", expected);
}
END_TEST

/* The environment of a test must not hide the setup's OPENBLAS_NUM_THREADS; OpenBLAS says what it
 * got. */
START_TEST(test_backend__threads_are_those_of_the_setup)
{
    int (*get_num_threads)(void);
    LOOK_UP(get_num_threads, "openblas_get_num_threads");
    const char *wanted = getenv("OPENBLAS_NUM_THREADS");
    if (get_num_threads == NULL || wanted == NULL)
        return;
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN), threads = atoi(wanted);
    ck_assert_int_eq(get_num_threads(), threads < cores ? threads : cores);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend");
    TCase *tc = new_tcase(suite, "backend");
    tcase_add_test(tc, test_backend__is_what_the_setup_expects);
    tcase_add_test(tc, test_backend__threads_are_those_of_the_setup);
    return run_suite(suite);
}
