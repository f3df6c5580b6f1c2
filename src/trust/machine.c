/*
 * Checks of the arithmetic that the compiler, the processor and this process's floating-point
 * environment make together, and of the BLAS's threading. Operands are volatile, so that nothing is
 * folded.
 *
 *   u = 2^-53, half an ulp of 1; the smallest positive double is 2^-1074, the smallest normal one
 *   2^-1022.
 */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* One expression and its only right value. */
typedef struct {
    const char *text;
    double value, right;
} fact;

/* Bits, not ==: where subnormals count as zero, x == 0 is true of them. */
static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void find_false(char wrong[256], const fact *facts, size_t count)
{
    for (size_t k = 0; k < count && wrong[0] == '\0'; k++)
        if (!same_bits(facts[k].value, facts[k].right))
            snprintf(wrong, 256, "%s gave %a, not %a", facts[k].text, facts[k].value,
                     facts[k].right);
}
#define FIND_FALSE(wrong, facts) find_false((wrong), (facts), sizeof(facts) / sizeof *(facts))

/* Sums and quotients whose rounding tells the four modes apart, and what the C library says. */
static void rounding(char wrong[256], const gref_backend *backend)
{
    (void)backend;
    volatile double one = 1.0, u = 0x1p-53, three = 3.0, two = 2.0;
    const fact facts[] = {
        {"1 + 2^-53", one + u, 1.0},
        {"-1 - 2^-53", -one - u, -1.0},
        {"(1 + 2^-52) + 2^-53", (one + two * u) + u, 0x1.0000000000002p0},
        {"1 + 1.5 * 2^-53", one + 1.5 * u, 0x1.0000000000001p0},
        {"-1 - 1.5 * 2^-53", -one - 1.5 * u, -0x1.0000000000001p0},
        {"1 / 3", one / three, 0x1.5555555555555p-2},
        {"-2 / 3", -two / three, -0x1.5555555555555p-1},
        {"sqrt(2)", sqrt(two), 0x1.6a09e667f3bcdp0},
        {"sqrt(3)", sqrt(three), 0x1.bb67ae8584caap0},
    };
    FIND_FALSE(wrong, facts);
    if (fegetround() != FE_TONEAREST)
        snprintf(wrong, 256,
                 "the rounding mode of this thread is not to nearest (fegetround() = %d)",
                 fegetround());
}

/* Excess precision, fused or reordered operations, and comparisons that ignore NaN. */
static void precision(char wrong[256], const gref_backend *backend)
{
    (void)backend;
    volatile double va = 1.0, vb = 0x1p-53 + 0x1p-65, vc = 1.0 + 0x1p-30, vd = 1.0 - 0x1p-30,
                    vnan = NAN, vbig = DBL_MAX;
    double a = va, b = vb, c = vc, d = vd, x = vnan, big = vbig;
    double sum = a + b, part = sum - a;
    const fact facts[] = {
        {"1 + (2^-53 + 2^-65), rounded once", sum, 0x1.0000000000001p0},
        {"the error of this sum by TwoSum", (a - (sum - part)) + (b - part), 0x1p-65 - 0x1p-53},
        {"(1 + 2^-30)(1 - 2^-30) - 1, unfused", c * d - a, 0.0},
        {"(max + max) - max", (big + big) - big, INFINITY},
        {"!(NaN <= 1)", x <= 1.0 ? 0.0 : 1.0, 1.0},
        {"NaN != NaN", x == x ? 0.0 : 1.0, 1.0},
    };
    FIND_FALSE(wrong, facts);
    if (FLT_EVAL_METHOD != 0)
        snprintf(wrong, 256, "doubles are evaluated in another precision (FLT_EVAL_METHOD = %d)",
                 (int)FLT_EVAL_METHOD);
}

/* Flush to zero and denormals are zero, here and in the BLAS. */
static void subnormals(char wrong[256], const gref_backend *backend)
{
    (void)backend;
    volatile double tiny = 0x1p-1022, least = 0x1p-1074, half = 0.5, large = 0x1p600;
    const fact facts[] = {
        {"2^-1022 / 2", tiny * half, 0x1p-1023},
        {"1.5 * 2^-1022 - 2^-1022", 1.5 * tiny - tiny, 0x1p-1023},
        {"2^-1074 * 2^600", least * large, 0x1p-474},
        {"2^-1074 + 2^-1074", least + least, 0x1p-1073},
        {"sqrt(2^-1074)", sqrt(least), 0x1p-537},
    };
    FIND_FALSE(wrong, facts);
    double a[64], b[64], c[64];
    for (int k = 0; k < 64; k++) { /* 8 x 8: every product 2^-1060, every sum of eight 2^-1057 */
        a[k] = 0x1p-1000;
        b[k] = 0x1p-60;
        c[k] = NAN;
    }
    gref_status status = gref_gemm((gref_mat){c, 8, 8, 8}, 1.0, (gref_cmat){a, 8, 8, 8}, false,
                                   (gref_cmat){b, 8, 8, 8}, false, 0.0);
    for (int k = 0; k < 64 && wrong[0] == '\0'; k++)
        if (status != GREF_OK || !same_bits(c[k], 0x1p-1057))
            snprintf(wrong, 256, "dgemm gave %a for 8 products of 2^-1000 and 2^-60", c[k]);
}

/* fma() and the compiler's own, as Dot2 uses it: rounded once, without overflow on the way. */
static void fused(char wrong[256], const gref_backend *backend)
{
    (void)backend;
    volatile double vc = 1.0 + 0x1p-30, vd = 1.0 - 0x1p-30, vb = DBL_MAX, vt = 2.0,
                    ve = 1.0 + 0x1p-52;
    double c = vc, d = vd, b = vb, two = vt, e = ve;
    const fact facts[] = {
        {"fma(1 + 2^-30, 1 - 2^-30, -1)", fma(c, d, -1.0), -0x1p-60},
        {"its built-in", __builtin_fma(c, d, -1.0), -0x1p-60},
        {"fma(max, 2, -max)", fma(b, two, -b), DBL_MAX},
        {"fma(1 + 2^-52, 1 + 2^-52, -(1 + 2^-51))", fma(e, e, -(1.0 + 0x1p-51)), 0x1p-104},
        {"fma(1 + 2^-52, 2^-53, 1), rounded once", fma(e, 0x1p-53, 1.0), 0x1.0000000000001p0},
    };
    FIND_FALSE(wrong, facts);
}

/* Threads of this process, or 1 where /proc does not say. */
static int process_threads(void)
{
    int threads = 1;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return threads;
}

/*
 * A serial OpenBLAS is built without locks: its buffers are shared by whoever calls at the same
 * time, and two threads that do get wrong numbers without any message. It is accepted only in a
 * process that has one thread and where nobody asked for more.
 */
static void threading(char wrong[256], const gref_backend *backend)
{
    static const char *const asks[] = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
                                       "GOTO_NUM_THREADS"};
    if (strcmp(backend->blas, "OpenBLAS") != 0 || strcmp(backend->flavour, "serial") != 0)
        return;
    int threads = process_threads();
    if (threads > 1)
        snprintf(wrong, 256,
                 "this process has %d threads, and a serial OpenBLAS is not safe in them", threads);
    for (int k = 0; k < 3; k++) {
        const char *value = getenv(asks[k]);
        if (value != NULL && atoi(value) > 1)
            snprintf(wrong, 256, "%s = %.20s, but a serial OpenBLAS is not safe in threads",
                     asks[k], value);
    }
}

const gref_machine_check gref_machine_checks[] = {
    {"rounding", "to nearest, ties to even", rounding},
    {"precision", "double throughout, nothing fused or reordered, NaN compares false", precision},
    {"subnormals", "kept, in the BLAS too", subnormals},
    {"fma", "rounded once", fused},
    {"threading", "this BLAS may be called as this process does", threading},
};
const int gref_n_machine_checks = sizeof gref_machine_checks / sizeof *gref_machine_checks;
