/*
 * Matrices of balls: products, solves, and the proof that a matrix is positive definite.
 *
 *   C, A, B, X   matrices of balls      prec   bits of the midpoints; radii take what is lost
 */
#include "oracle.h"

void oracle_mat_set_doubles(arb_mat_t C, const oracle_doubles *x)
{
    for (int i = 0; i < x->rows; i++)
        for (int j = 0; j < x->cols; j++)
            arb_set_d(arb_mat_entry(C, i, j), x->a[(size_t)i * (size_t)x->cols + (size_t)j]);
}

void oracle_mirror(arb_mat_t C)
{
    for (slong i = 0; i < arb_mat_nrows(C); i++)
        for (slong j = 0; j < i; j++)
            arb_set(arb_mat_entry(C, j, i), arb_mat_entry(C, i, j));
}

void oracle_mul_nt(arb_mat_t C, const arb_mat_t A, const arb_mat_t B, slong prec)
{
    arb_mat_t Bt;
    arb_mat_init(Bt, arb_mat_ncols(B), arb_mat_nrows(B));
    arb_mat_transpose(Bt, B);
    arb_mat_mul(C, A, Bt, prec);
    arb_mat_clear(Bt);
}

void oracle_mul_tn(arb_mat_t C, const arb_mat_t A, const arb_mat_t B, slong prec)
{
    arb_mat_t At;
    arb_mat_init(At, arb_mat_ncols(A), arb_mat_nrows(A));
    arb_mat_transpose(At, A);
    arb_mat_mul(C, At, B, prec);
    arb_mat_clear(At);
}

void oracle_sandwich(arb_mat_t C, const arb_mat_t A, const arb_mat_t P, slong prec)
{
    arb_mat_t AP;
    arb_mat_init(AP, arb_mat_nrows(A), arb_mat_ncols(P));
    arb_mat_mul(AP, A, P, prec);
    oracle_mul_nt(C, AP, A, prec);
    oracle_mirror(C);
    arb_mat_clear(AP);
}

void oracle_combine(arb_mat_t C, const arb_t a, const arb_mat_t A, const arb_t b,
                    const arb_mat_struct *B, slong prec)
{
    arb_t x;
    arb_init(x);
    for (slong i = 0; i < arb_mat_nrows(C); i++)
        for (slong j = 0; j < arb_mat_ncols(C); j++) {
            arb_mul(x, a, arb_mat_entry(A, i, j), prec);
            if (B != NULL)
                arb_addmul(x, b, arb_mat_entry(B, i, j), prec);
            else if (i == j)
                arb_add(x, x, b, prec);
            arb_set(arb_mat_entry(C, i, j), x);
        }
    arb_clear(x);
}

bool oracle_solve(arb_mat_t X, const arb_mat_t C, const arb_mat_t B, slong prec)
{
    return arb_mat_solve(X, C, B, prec) != 0;
}

bool oracle_inverse(arb_mat_t X, const arb_mat_t C, slong prec)
{
    bool done = arb_mat_inv(X, C, prec) != 0;
    oracle_mirror(X);
    return done;
}

/* C = L D L^T without pivoting: by Sylvester, C > 0 iff all of D is, and the first D < 0 disproves
 * it. */
int oracle_definite(const arb_mat_t C, slong prec)
{
    slong n = arb_mat_nrows(C);
    int verdict = 1;
    arb_mat_t L;
    arb_t f;
    arb_mat_init(L, n, n);
    arb_mat_set(L, C);
    arb_init(f);
    for (slong k = 0; k < n && verdict == 1; k++) {
        arb_srcptr d = arb_mat_entry(L, k, k);
        verdict = arb_is_positive(d) ? 1 : arb_is_negative(d) ? -1 : 0;
        for (slong i = k + 1; i < n && verdict == 1; i++) {
            arb_div(f, arb_mat_entry(L, i, k), d, prec);
            for (slong j = k + 1; j <= i; j++)
                arb_submul(arb_mat_entry(L, i, j), f, arb_mat_entry(L, j, k), prec);
        }
    }
    arb_mat_clear(L);
    arb_clear(f);
    return verdict;
}
