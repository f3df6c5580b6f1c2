/*
 * Speed of the exact laws, in units of one n x n x n dgemm of the same BLAS measured in the same
 * run, and the peak memory of a study in units of n^2 doubles.
 *
 *     bench_chain [rows cols]      default 24 x 24 (n = 576) and 32 x 32 (n = 1024)
 */
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { T = 1000, ROUNDS = 7 };

/* ADSN of a random image, a dense random A with m = n: nothing commutes. */
static gref_problem make_problem(int rows, int cols)
{
    gref_problem p = {.sigma = 0.1, .rows = rows, .cols = cols, .v_rows = rows, .v_cols = cols};
    int n = rows * cols;
    gref_mat u = {0};
    check(gref_mat_new(&u, rows, cols));
    gref_random_uniform(u, 3, GREF_STREAM_TEST, 0, 0);
    check(gref_prior_adsn(&p.mu, &p.Sigma, gref_const(u), NULL));
    check(gref_mat_new(&p.A, n, n));
    gref_random_normal(p.A, 4, GREF_STREAM_TEST, 0, 0);
    for (int k = 0; k < n * n; k++)
        p.A.a[k] /= sqrt(n);
    check(gref_mat_new(&p.v, n, 1));
    gref_random_normal(p.v, 5, GREF_STREAM_TEST, 0, 0);
    gref_mat_free(&u);
    return p;
}

/* Least time of one step of the law, over steps all along the chain. */
static double time_step(const gref_modes *z, const gref_schedule *s, const char *name)
{
    gref_sampler_spec spec = {.convention = gref_convention_default()};
    snprintf(spec.name, sizeof spec.name, "%s", name);
    gref_sampler *sampler = NULL;
    gref_marginal *law = NULL;
    check(gref_sampler_new(&sampler, z, s, &spec));
    check(gref_marginal_new(&law, sampler));
    double best = INFINITY;
    for (int k = 0; k < 4 * ROUNDS; k++) {
        double start = now();
        check(gref_marginal_advance(law));
        double used = now() - start;
        best = k > 0 && used < best ? used : best;
    }
    gref_marginal_free(law);
    gref_sampler_free(sampler);
    return best;
}

/* Everything that CGDM's laws at all t cost, from Sigma and A: modes, posterior, T steps, W2 at
 * each. */
static double time_cgdm(const gref_problem *p, const gref_schedule *s)
{
    double best = INFINITY;
    for (int k = 0; k < 3; k++) {
        gref_sampler_spec spec = {.name = "cgdm", .convention = gref_convention_default()};
        gref_modes z = {0};
        gref_sampler *sampler = NULL;
        gref_marginal *law = NULL;
        gref_w2 w;
        double start = now();
        check(gref_modes_new(&z, p));
        check(gref_sampler_new(&sampler, &z, s, &spec));
        check(gref_marginal_new(&law, sampler));
        for (int t = s->T; t >= 1; t--) {
            check(gref_marginal_advance(law));
            check(gref_marginal_w2(&w, law));
        }
        double used = now() - start;
        best = used < best ? used : best;
        gref_marginal_free(law);
        gref_sampler_free(sampler);
        gref_modes_free(&z);
    }
    return best;
}

static double time_w2(const gref_modes *z, const gref_schedule *s)
{
    gref_sampler_spec spec = {.name = "dps", .convention = gref_convention_default()};
    gref_sampler *sampler = NULL;
    gref_w2 w;
    check(gref_sampler_new(&sampler, z, s, &spec));
    double best = INFINITY;
    for (int k = 0; k < 3; k++) {
        double start = now();
        check(gref_conditional_w2(&w, sampler, 100));
        double used = now() - start;
        best = used < best ? used : best;
    }
    gref_sampler_free(sampler);
    return best;
}

static void bench_size(int rows, int cols)
{
    int n = rows * cols;
    gref_problem p = make_problem(rows, cols);
    gref_schedule s = {0};
    gref_modes z = {0};
    check(gref_schedule_linear(&s, 1e-4, 0.02, T));
    check(gref_modes_new(&z, &p));
    double unit = time_dgemm(n);
    double dps = time_step(&z, &s, "dps") / unit, pigdm = time_step(&z, &s, "pigdm") / unit;
    double cgdm = time_cgdm(&p, &s) / unit, w2 = time_w2(&z, &s) / unit;
    unit = fmin(unit, time_dgemm(n));
    printf("%6d %10.2f %8.1f %10.2f %10.2f %12.1f %14.1f\n", n, 1e3 * unit, 2e-9 * n * n * n / unit,
           dps, pigdm, cgdm, w2);
    fflush(stdout);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}

/* Peak resident memory of a child that runs `gref study` on n = rows*cols; without gnuplot, whose
 * peak would count. */
static double study_peak(const char *gref, const char *image, int rows)
{
    char crop[64];
    fflush(stdout);
    snprintf(crop, sizeof crop, "image.crop=[0,0,%d,%d]", rows, rows);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        setenv("PATH", "/nonexistent", 1);
        execl(gref, gref, "study", image, "--json", "--out", "bench-study", "--force", "--set",
              crop, "--set", "schedule.steps=4", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    struct rusage usage = {0};
    if (child < 0 || wait4(child, &status, 0, &usage) < 0 || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench: the study failed\n");
        exit(EXIT_FAILURE);
    }
    return 1024.0 * (double)usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    gref_backend b = gref_backend_query();
    printf("BLAS %s %s, %d threads; T = %d\n", b.blas, b.core, b.threads, T);
    printf("%6s %10s %8s %10s %10s %12s %14s\n", "n", "dgemm, ms", "GF/s", "dps step", "pigdm step",
           "cgdm, chain", "factor-form W2");
    printf("%6s %10s %8s %37s\n", "", "", "", "in units of that dgemm");
    if (argc == 3 && atoi(argv[1]) > 0) {
        bench_size(atoi(argv[1]), atoi(argv[2]));
        return 0;
    }
    bench_size(24, 24);
    bench_size(32, 32);
    const char *gref = getenv("GREF"), *data = getenv("GREF_TEST_DATA");
    if (gref != NULL && data != NULL) {
        char path[4096];
        snprintf(path, sizeof path, "%s/cases/grass-blur.json", data);
        double base = study_peak(gref, path, 8);
        for (int rows = 24; rows <= 32; rows += 8) {
            double n = rows * rows, peak = study_peak(gref, path, rows);
            printf("study, n = m = %4.0f: peak memory %.1f n^2 doubles (%.1f MiB over the %.1f MiB "
                   "of n = 64)\n",
                   n, (peak - base) / (8 * n * n), (peak - base) / 1048576, base / 1048576);
        }
    }
    return 0;
}
