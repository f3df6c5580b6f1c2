/*
 * W2 between two close covariances from their difference, in a basis where the first is diagonal.
 *
 *     T = I + D carries N(0, e) to N(0, e + E):   D e + e D + D e D = E,   W2^2 = tr(D e D)      (e = diag(e))
 *
 * The fixed point D <- Lyap(E) - Lyap(D e D), Lyap(X)_ij = X_ij/(e_i + e_j), starts from E itself,
 * so that laws which nearly agree cost no accuracy.
 */
#include <math.h>

#include "base/internal.h"
#include "internal.h"

/* X <- Lyap(X). */
static void lyapunov(gref_mat X, gref_cmat e)
{
    for (int j = 0; j < X.n; j++)
        for (int i = 0; i < X.m; i++)
            if (GREF_AT(X, i, j) != 0.0)
                GREF_AT(X, i, j) /= e.a[i] + e.a[j];
}

/* True if a few power steps find |X|_2 < 0.3, X symmetric: the fixed point may be tried. x, y are
 * scratch. */
static bool is_small(gref_cmat X, gref_mat x, gref_mat y)
{
    const double close = 0.3;
    double norm = gref_mat_norm_fro(X);
    if (norm < close)
        return true;
    if (!(gref_mat_norm_max(X) < close)) /* nor may an overflow of what follows pass for small */
        return false;
    for (int i = 0; i < X.n; i++)
        x.a[i] = 1.0 + 0.37 * (i % 5);
    for (int k = 0; k < 12; k++) {
        double size = gref_mat_norm_fro(gref_const(x));
        if (!(size > 0.0) || gref_gemv(y, 1.0 / size, X, false, gref_const(x), 0.0) != GREF_OK)
            break;
        norm = gref_mat_norm_fro(gref_const(y));
        gref_mat_copy(x, gref_const(y));
    }
    return norm < close;
}

/* D <- E - Lyap(D e D), R, S scratch; |X|_e^2 = tr(X e X) of the new D and of what changed. */
static gref_status iterate(double *size, double *step, gref_mat D, gref_cmat E, gref_mat R,
                           gref_mat S, gref_cmat e)
{
    double sum = 0.0, changed = 0.0;
    for (int j = 0; j < D.n; j++)
        for (int i = 0; i < D.m; i++)
            GREF_AT(S, i, j) = GREF_AT(D, i, j) * sqrt(e.a[j]);
    TRY(gref_syrk(R, 1.0, gref_const(S), false, 0.0));
    lyapunov(R, e);
    for (int j = 0; j < D.n; j++)
        for (int i = 0; i < D.m; i++) {
            double fresh = GREF_AT(E, i, j) - GREF_AT(R, i, j), d = fresh - GREF_AT(D, i, j);
            double weight = 0.5 * (e.a[i] + e.a[j]);
            changed += weight * d * d;
            sum += weight * fresh * fresh;
            GREF_AT(D, i, j) = fresh;
        }
    *size = sqrt(sum);
    *step = sqrt(changed);
    return GREF_OK;
}

gref_status gref_w2_close(double *w, double *last, gref_mat D, gref_mat E, gref_mat R, gref_mat S,
                          gref_cmat e)
{
    enum { MOST = 60 };
    double best = INFINITY, size = 0.0, step = 0.0;
    gref_mat_symmetrise(E);
    lyapunov(E, e);
    *w = 0.0;
    *last = INFINITY;
    if (!is_small(gref_const(E), gref_mat_view(R, 0, 0, R.m, 1), gref_mat_view(S, 0, 0, S.m, 1)))
        return GREF_OK;
    gref_mat_copy(D, gref_const(E));
    for (int round = 0; round < MOST; round++) {
        TRY(iterate(&size, &step, D, gref_const(E), R, S, e));
        if (!(step < 0.5 * best) || step <= GREF_U * size)
            break;
        best = step;
    }
    *w = size;
    *last = step == 0.0 ? 0.0 : step / size;
    return GREF_OK;
}
