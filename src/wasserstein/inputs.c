/*
 * What every distance does to its inputs before it measures (wasserstein.c): the mean part, a
 * scaling by a power of two, the symmetric part of a covariance, and how far laws may lie that
 * round to the same doubles.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"

double gref_w2_norm(gref_mat d)
{
    int e = gref_w2_exponent(gref_const(d), gref_const(d));
    for (int i = 0; i < d.m; i++)
        d.a[i] = ldexp(d.a[i], -e);
    return ldexp(sqrt(gref_dot2(gref_const(d), gref_const(d))), e);
}

double gref_w2_size(gref_cmat X)
{
    return X.a != NULL ? gref_norm_fro_up(X) : 0.0;
}

/* Half the distance of the least numbers of the format that rounds to u: float16, float32, double
 * (twice that). */
double gref_w2_underflow(double u)
{
    return u >= 0x1p-11 ? 0x1p-25 : u >= 0x1p-24 ? 0x1p-150 : 0x1p-1074;
}

double gref_w2_rounding_radius(gref_cmat A, double u)
{
    return u * gref_mat_norm_fro(A) + sqrt((double)A.m * A.n) * gref_w2_underflow(u);
}

/* |m1 - m2| to 4 u, and how far means may lie that round to the same. */
gref_status gref_w2_mean_part(double *part, double *r_in, const gref_w2_law *a,
                              const gref_w2_law *b, int n)
{
    gref_cmat m1 = a->m, m2 = b->m;
    SCOPED(gref_mat) d = {0};
    TRY(gref_require_shape(m1, n, 1, "m1"));
    TRY(gref_require_shape(m2, n, 1, "m2"));
    TRY(gref_require_finite(m1, "m1"));
    TRY(gref_require_finite(m2, "m2"));
    TRY(gref_mat_new(&d, n, 1));
    for (int i = 0; i < n; i++)
        d.a[i] = m1.a[i] - m2.a[i]; /* rounded: u relative */
    double largest = gref_mat_norm_max(gref_const(d));
    REQUIRE(isfinite(largest), GREF_ERR_RANGE, "W2 overflows: mean part %g", largest);
    *part = gref_w2_norm(d);
    *r_in = gref_w2_rounding_radius(m1, a->u_mean) + gref_w2_rounding_radius(m2, b->u_mean);
    return GREF_OK;
}

/* Copies with r columns (zeros on the right), both times 2^e. */
gref_status gref_w2_scaled_copy(gref_mat *copy, gref_cmat A, int r, int e)
{
    TRY(gref_mat_new(copy, A.m, r));
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(*copy, i, j) = ldexp(GREF_AT(A, i, j), e);
    return GREF_OK;
}

/* Exponent of the largest entry of both; 0 if both are 0. */
int gref_w2_exponent(gref_cmat A, gref_cmat B)
{
    int e = 0;
    frexp(fmax(gref_mat_norm_max(A), gref_mat_norm_max(B)), &e);
    return e;
}

/* Undoes the scaling by 2^-e, and takes in what the scaling itself may have lost: entries below
 * 2^-1074. */
gref_w2_cov gref_w2_unscale(gref_w2_cov c, int e, int n)
{
    double lost = ldexp(n, -530); /* W2 <= sqrt |.|_* <= sqrt(n^2 2^-1074) a matrix */
    c.w = ldexp(c.w, e);
    c.error = ldexp(c.error + lost, e);
    c.lower = fmax(gref_down(ldexp(gref_down(c.lower - lost), e)), 0.0);
    c.upper = gref_up(ldexp(gref_up(c.upper + lost), e));
    return c;
}

/* C <- (C + C^T)/2, rounded; returns |C - C^T|_F/2, what that changed. */
double gref_w2_make_symmetric(gref_mat C)
{
    double changed = 0.0;
    for (int j = 0; j < C.n; j++)
        for (int i = j + 1; i < C.n; i++) {
            double a = GREF_AT(C, i, j), b = GREF_AT(C, j, i);
            changed = hypot(changed, (a - b) * M_SQRT1_2);
        }
    gref_mat_symmetrise(C);
    return changed;
}

bool gref_w2_identical(gref_cmat A, gref_cmat B)
{
    if (A.m != B.m || A.n != B.n)
        return false;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            if (GREF_AT(A, i, j) != GREF_AT(B, i, j))
                return false;
    return true;
}

/* Radius of the covariances within d of one of order n, in |.|_F; least <= its least eigenvalue. */
double gref_w2_input_radius(int n, double d, double least)
{
    double any = sqrt(sqrt(n) * d);
    return least > d ? fmin(any, d / (sqrt(least) + sqrt(least - d))) : any;
}
