/*
 * A root of C = Y Y^T + tau I = R R^T, by Cholesky where rounding leaves C regular, else by the SVD
 * of Y:
 *
 *     Y = W diag(y) V^T     R = W diag(d), d_i = sqrt(y_i^2 + tau)
 *
 * Forming C loses tau beside the rounding of Y Y^T, u |Y|^2; the SVD knows y to u |Y|, and so d
 * wherever sqrt(tau) is above that.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

void gref_noisy_root_free(gref_noisy_root *root)
{
    gref_mat_free(&root->L);
    gref_mat_free(&root->d);
    gref_mat_free(&root->pull);
}

/* Y Y^T is known to m u |y_i| |y_j| in entry (i, j): does a factor of C say more than that? As
 * gref_posterior asks. */
static gref_status is_regular(bool *regular, gref_cmat L, gref_cmat Y, double tau)
{
    double fro = gref_mat_norm_fro(Y), delta = GREF_U * (Y.m + Y.n);
    SCOPED(gref_mat) D = {0};
    *regular = tau > delta * fro * fro;
    if (*regular)
        return GREF_OK;
    TRY(gref_mat_new(&D, Y.m, Y.m));
    for (int i = 0; i < Y.m; i++)
        GREF_AT(D, i, i) = gref_mat_norm_fro(gref_cmat_view(Y, i, 0, 1, Y.n));
    TRY(gref_trsm(D, true, L, false));
    fro = gref_mat_norm_fro(gref_const(D));
    *regular = delta * fro * fro < 1.0;
    return GREF_OK;
}

/* The Cholesky factor of C in root->L; *regular says whether it can be relied on. */
static gref_status by_cholesky(bool *regular, gref_noisy_root *root, gref_cmat Y, double tau)
{
    TRY(gref_syrk(root->L, 1.0, Y, false, 0.0));
    for (int i = 0; i < Y.m; i++)
        GREF_AT(root->L, i, i) += tau;
    *regular = gref_cholesky_succeeds(root->L);
    return *regular ? is_regular(regular, gref_const(root->L), Y, tau) : GREF_OK;
}

/* R^-1 Y x = diag(y/d) V^T x; no sum of large terms is left in a direction that Y does not
 * reach. */
static gref_status pull_by_svd(gref_noisy_root *root, gref_cmat y, gref_cmat VT, gref_cmat x)
{
    gref_mat part = gref_mat_view(root->pull, 0, 0, y.m, 1);
    TRY(gref_gemv(part, 1.0, gref_cmat_view(VT, 0, 0, y.m, VT.n), false, x, 0.0));
    for (int i = 0; i < y.m; i++)
        part.a[i] *= y.a[i] / root->d.a[i];
    return GREF_OK;
}

/* W in root->L and d; Y is used up. A d that is rounding is refused. */
static gref_status by_svd(gref_noisy_root *root, gref_mat Y, double tau, gref_cmat x)
{
    int k = Y.m < Y.n ? Y.m : Y.n;
    SCOPED(gref_mat) y = {0}, VT = {0};
    TRY(gref_mat_new(&root->d, Y.m, 1));
    TRY(gref_mat_new(&y, k, 1));
    TRY(gref_mat_new(&VT, Y.n, Y.n));
    TRY(gref_svd(root->L, y, VT, Y));
    double floor = 2 * GREF_U * (Y.m > Y.n ? Y.m : Y.n) * y.a[0], s = sqrt(tau);
    bool clear = y.a[k - 1] > floor && (Y.m <= Y.n || tau > 0.0);
    REQUIRE(s > floor || clear, GREF_ERR_NOT_PD, "singular values from %.3g to %.3g, tau = %g",
            y.a[k - 1], y.a[0], tau);
    for (int i = 0; i < Y.m; i++)
        root->d.a[i] = i < k ? hypot(y.a[i], s) : s;
    return x.a != NULL ? pull_by_svd(root, gref_const(y), gref_const(VT), x) : GREF_OK;
}

gref_status gref_noisy_root_new(gref_noisy_root *out, gref_mat Y, double tau, gref_cmat x)
{
    SCOPED(gref_noisy_root) root = {0};
    bool regular;
    TRY(gref_mat_new(&root.L, Y.m, Y.m));
    TRY(by_cholesky(&regular, &root, gref_const(Y), tau));
    if (x.a != NULL)
        TRY(gref_mat_new(&root.pull, Y.m, 1));
    if (!regular) {
        TRY(by_svd(&root, Y, tau, x));
    } else if (x.a != NULL) {
        TRY(gref_gemv(root.pull, 1.0, gref_const(Y), false, x, 0.0));
        TRY(gref_trsm(root.pull, true, gref_const(root.L), false));
    }
    *out = TAKE(root);
    return GREF_OK;
}

static void divide_rows(gref_mat X, gref_mat d)
{
    for (int k = 0; k < X.n; k++)
        for (int i = 0; i < X.m; i++)
            GREF_AT(X, i, k) /= d.a[i];
}

gref_status gref_noisy_root_divide(gref_mat X, const gref_noisy_root *root, bool transpose)
{
    SCOPED(gref_mat) old = {0};
    if (root->d.a == NULL)
        return gref_trsm(X, true, gref_const(root->L), transpose);
    if (transpose)
        divide_rows(X, root->d);
    TRY(gref_mat_new(&old, X.m, X.n));
    gref_mat_copy(old, gref_const(X));
    TRY(gref_gemm(X, 1.0, gref_const(root->L), !transpose, gref_const(old), false, 0.0));
    if (!transpose)
        divide_rows(X, root->d);
    return GREF_OK;
}
