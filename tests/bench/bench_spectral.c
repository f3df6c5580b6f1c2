/*
 * Speed and memory of the spectral path: dps, pigdm and cgdm, the law and W2 at each of T steps, in
 * a process of their own; and how both grow with the image.
 *
 *     bench_spectral                      deblurring up to 512 x 512, super-resolution by 4 up to 256 x 256
 *     bench_spectral FACTOR ROWS COLS     one problem, FACTOR 1 for deblurring
 */
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { T = 1000, SIZES = 4 };

static const double seconds_wanted = 60.0, mebibytes_wanted = 1024.0;

/* What a run cost; `cpu` is the time of all its threads. */
typedef struct {
    double wall, cpu, mebibytes;
} cost;

/* The upper left corner of the grass texture of reference/, which is 512 x 512; white noise without
 * GREF_TEST_DATA. */
static void make_image(gref_mat *u, int rows, int cols)
{
    const char *data = getenv("GREF_TEST_DATA");
    char path[4096];
    gref_mat whole = {0};
    check(gref_mat_new(u, rows, cols));
    if (data == NULL) {
        gref_random_uniform(*u, 3, GREF_STREAM_TEST, 0, 0);
        return;
    }
    snprintf(path, sizeof path, "%s/images/grass.png", data);
    check(gref_png_read(&whole, path, -1.0, 1.0));
    gref_mat_copy(*u, gref_const(gref_mat_view(whole, 0, 0, rows, cols)));
    gref_mat_free(&whole);
}

static gref_stationary make_problem(int factor, int rows, int cols)
{
    gref_stationary p = {0};
    gref_mat u = {0}, K = {0};
    make_image(&u, rows, cols);
    check(gref_stationary_adsn(&p, gref_const(u), NULL));
    p.sigma = 0.5;
    if (factor > 1) {
        check(gref_stationary_super_resolution(&p, factor, GREF_SR_BICUBIC));
    } else {
        check(gref_kernel_gaussian(&K, 2.0, 13));
        check(gref_stationary_convolution(&p, gref_const(K), false));
    }
    check(gref_stationary_observe(&p, 1));
    gref_mat_free(&u);
    gref_mat_free(&K);
    return p;
}

/* The law and W2 at t = T..0; the sum of all W2, so that none is left out. */
static double run_sampler(const gref_spectral *z, const gref_schedule *s, const char *name)
{
    gref_sampler_spec spec = {.convention = gref_convention_default()};
    gref_marginal *law = NULL;
    gref_w2 w = {0};
    double sum = 0.0;
    snprintf(spec.name, sizeof spec.name, "%s", name);
    check(gref_marginal_spectral(&law, z, s, &spec));
    for (;;) {
        if (!gref_marginal_diverged(law)) {
            check(gref_marginal_w2(&w, law));
            sum += w.w2;
        }
        if (gref_marginal_t(law) == 0)
            break;
        check(gref_marginal_advance(law));
    }
    gref_marginal_free(law);
    return sum;
}

static void run_problem(int factor, int rows, int cols)
{
    static const char *const names[] = {"cgdm", "pigdm", "dps"};
    gref_stationary p = make_problem(factor, rows, cols);
    gref_spectral *z = NULL;
    gref_schedule s = {0};
    check(gref_schedule_linear(&s, 1e-4, 0.02, T));
    check(gref_spectral_new(&z, &p));
    for (int k = 0; k < 3; k++) {
        double start = now(), sum = run_sampler(z, &s, names[k]);
        printf("    %-6s %7.2f s, mean of W2 over t %.6e\n", names[k], now() - start,
               sum / (T + 1));
        fflush(stdout);
    }
    gref_spectral_free(z);
    gref_schedule_free(&s);
    gref_stationary_free(&p);
}

/* This program on one problem, in a child: its peak memory is that of the problem alone. */
static cost measure(const char *self, int factor, int rows, int cols)
{
    char text[3][16];
    snprintf(text[0], sizeof text[0], "%d", factor);
    snprintf(text[1], sizeof text[1], "%d", rows);
    snprintf(text[2], sizeof text[2], "%d", cols);
    fflush(stdout);
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        execl(self, self, text[0], text[1], text[2], (char *)NULL);
        _exit(127);
    }
    int status = 0;
    struct rusage u = {0};
    if (child < 0 || wait4(child, &status, 0, &u) < 0 || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench: the run failed\n");
        exit(EXIT_FAILURE);
    }
    double user = (double)u.ru_utime.tv_sec + 1e-6 * (double)u.ru_utime.tv_usec;
    double kernel = (double)u.ru_stime.tv_sec + 1e-6 * (double)u.ru_stime.tv_usec;
    return (cost){now() - start, user + kernel, (double)u.ru_maxrss / 1024.0};
}

static cost report(const char *self, int factor, int side)
{
    printf("%d x %d, %s:\n", side, side, factor == 1 ? "deblurring" : "super-resolution by 4");
    cost c = measure(self, factor, side, side);
    printf("    all    %7.2f s (cpu %.2f s), peak memory %.0f MiB\n", c.wall, c.cpu, c.mebibytes);
    return c;
}

/* Four sizes; the exponent p of time ~ n^p and of memory between neighbours. */
static cost report_growth(const char *self, int factor, const int *sides)
{
    cost before = {0}, c = {0};
    for (int k = 0; k < SIZES; k++) {
        c = report(self, factor, sides[k]);
        double more = k > 0 ? 2.0 * log((double)sides[k] / sides[k - 1]) : 1.0;
        if (k > 0)
            printf("    growth: cpu ~ n^%.2f, memory ~ n^%.2f\n", log(c.cpu / before.cpu) / more,
                   log(c.mebibytes / before.mebibytes) / more);
        before = c;
    }
    return c;
}

int main(int argc, char **argv)
{
    static const int blurred[SIZES] = {64, 128, 256, 512}, reduced[SIZES] = {64, 128, 192, 256};
    if (argc == 4 && atoi(argv[1]) > 0 && atoi(argv[2]) > 0 && atoi(argv[3]) > 0) {
        run_problem(atoi(argv[1]), atoi(argv[2]), atoi(argv[3]));
        return 0;
    }
    gref_backend b = gref_backend_query();
    printf("BLAS %s %s, %d threads; T = %d, the law and W2 at every t\n", b.blas, b.core, b.threads,
           T);
    cost c = report_growth(argv[0], 1, blurred);
    printf("512 x 512 deblurring in %.0f s: %s; in %.0f MiB: %s\n", seconds_wanted,
           c.wall <= seconds_wanted  ? "met"
           : c.cpu <= seconds_wanted ? "met by its cpu time"
                                     : "NOT met",
           mebibytes_wanted, c.mebibytes <= mebibytes_wanted ? "met" : "NOT met");
    report_growth(argv[0], 4, reduced);
    return 0;
}
