/*
 * Are the doubles of a matrix exactly positive semi-definite? Decided in integers, so also for a
 * singular one.
 *
 *   S   n x n integers, 2^k Sigma: doubles are integers times a power of 2
 *   d   the last pivot: fraction-free elimination (Bareiss 1968) divides by it exactly
 *
 * After k symmetric eliminations S is a Schur complement times a positive integer: Sigma >= 0 iff
 * no diagonal entry is ever negative, and rows whose diagonal entry is 0 are 0.
 */
#include <math.h>

#include <flint/fmpz.h>
#include <flint/fmpz_mat.h>

#include "oracle.h"

/* Smallest exponent of the last bit of any entry. */
static int last_bit(const oracle_doubles *x)
{
    int least = 0, e;
    for (int k = 0; k < x->rows * x->cols; k++)
        if (x->a[k] != 0.0) {
            frexp(x->a[k], &e);
            least = e - 53 < least ? e - 53 : least;
        }
    return least;
}

static void set_integers(fmpz_mat_t S, const oracle_doubles *x)
{
    int least = last_bit(x), e;
    for (int i = 0; i < x->rows; i++)
        for (int j = 0; j < x->cols; j++) {
            double f = frexp(x->a[i * x->cols + j], &e);
            fmpz_set_d(fmpz_mat_entry(S, i, j), ldexp(f, 53));
            if (f != 0.0)
                fmpz_mul_2exp(fmpz_mat_entry(S, i, j), fmpz_mat_entry(S, i, j),
                              (ulong)(e - 53 - least));
        }
}

/* 1: go on with pivot p; 0: nothing is left; -1: not positive semi-definite. */
static int next_pivot(slong *p, const fmpz_mat_t S, const bool *used)
{
    slong n = fmpz_mat_nrows(S);
    *p = -1;
    for (slong i = 0; i < n; i++) {
        if (used[i])
            continue;
        int sign = fmpz_sgn(fmpz_mat_entry(S, i, i));
        if (sign < 0)
            return -1;
        if (sign > 0)
            *p = i;
        for (slong j = 0; j < n && sign == 0; j++)
            if (!used[j] && !fmpz_is_zero(fmpz_mat_entry(S, i, j)))
                return -1;
    }
    return *p >= 0;
}

static void eliminate(fmpz_mat_t S, fmpz_t d, slong p, const bool *used)
{
    slong n = fmpz_mat_nrows(S);
    fmpz_t x;
    fmpz_init(x);
    for (slong i = 0; i < n; i++)
        for (slong j = 0; j <= i && !used[i]; j++) {
            if (used[j])
                continue;
            fmpz_mul(x, fmpz_mat_entry(S, i, j), fmpz_mat_entry(S, p, p));
            fmpz_submul(x, fmpz_mat_entry(S, i, p), fmpz_mat_entry(S, j, p));
            fmpz_divexact(x, x, d);
            fmpz_set(fmpz_mat_entry(S, i, j), x);
            fmpz_set(fmpz_mat_entry(S, j, i), x);
        }
    fmpz_set(d, fmpz_mat_entry(S, p, p));
    fmpz_clear(x);
}

int oracle_psd_exact(int *rank, const oracle_doubles *Sigma)
{
    slong n = Sigma->rows, p;
    int more;
    fmpz_mat_t S;
    fmpz_t d;
    bool *used = flint_calloc((size_t)n + 1, sizeof *used);
    fmpz_mat_init(S, n, n);
    fmpz_init_set_ui(d, 1);
    set_integers(S, Sigma);
    *rank = 0;
    while ((more = next_pivot(&p, S, used)) > 0) {
        used[p] = true;
        eliminate(S, d, p, used);
        ++*rank;
    }
    fmpz_mat_clear(S);
    fmpz_clear(d);
    flint_free(used);
    return more == 0;
}
