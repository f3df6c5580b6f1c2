/*
 * Rows that project (THEORY section 4): the singular value s of A, which is exactly 0 where it counts
 * as 0, decides what becomes of the component of its right singular vector.
 *
 *     y' = V fx V^T x0hat + V fe V^T eps + V fv W^T v + V fn V^T z         A = W diag(s) V^T, k = sqrt(1 - eta^2)
 *
 *     ddnm     s > 0: fv = sqrt(a')/s; s = 0: fx = sqrt(a'); fe = k sqrt(1 - a'), fn^2 = eta^2 (1 - a')
 *     ddnm+    ratio = sqrt(1 - a') s/(sqrt(a') sigma): below 1 the data are too noisy for the state to hold
 *              them, l = k ratio; else l = 1. fx = sqrt(a')(1 - l), fv = sqrt(a') l/s; above 1
 *              fn^2 = 1 - a' - a' sigma^2/s^2
 *     ddrm     the same ratio, with eta_b above 1 and the noise of the data below
 *     diffpir  x0p = argmin |A u - v|^2 + rho |u - x0hat|^2, y' = sqrt(a') x0p + w (y - sqrt(a) x0p) + noise
 *
 * Every row keeps x + s v = sqrt(a'): shifting the images shifts the state.
 */
#include <math.h>

#include "project.h"

/* The sign of x - y, both >= 0; 0 where they agree to 1e-12, so that rounding decides no branch. */
static int compare(double x, double y)
{
    if (x == y || fabs(x / y - 1.0) <= 1e-12)
        return 0;
    return x > y ? 1 : -1;
}

/* Whether the state at the next time is noisier (1) than the datum of s, or less (-1), or s = 0 (0). */
static int noisier_than_data(const gref_rule *r, double sigma, double s)
{
    return s > 0.0 ? compare(s * sqrt(r->next.qbar), sqrt(r->next.abar) * sigma) : 0;
}

/* The unobserved component: ddim's step with eta on the state. */
static gref_five unobserved(const gref_convention *c, const gref_rule *r)
{
    double spread = sqrt(r->next.qbar);
    return (gref_five){.x = sqrt(r->next.abar),
                       .e = sqrt(1.0 - c->eta * c->eta) * spread,
                       .n = c->eta * c->eta * r->next.qbar};
}

gref_five gref_project_ddnm(const gref_convention *c, const gref_rule *r, double sigma, double s)
{
    gref_five f = unobserved(c, r);
    (void)sigma;
    if (s > 0.0) {
        f.v = f.x / s;
        f.x = 0.0;
    }
    return f;
}

gref_five gref_project_ddnm_plus(const gref_convention *c, const gref_rule *r, double sigma,
                                 double s)
{
    gref_five f = unobserved(c, r);
    int side = noisier_than_data(r, sigma, s);
    double root = f.x, level = root * sigma;
    if (!(s > 0.0))
        return f;
    double share = side < 0 ? f.e * s / level : 1.0;
    if (side > 0)
        f.n = r->next.qbar - (level / s) * (level / s);
    return (gref_five){.x = root * (1.0 - share), .v = root * share / s, .n = f.n};
}

/* Of ddrm's variances. */
static double noise_factor(const gref_convention *c)
{
    return c->fault == GREF_FAULT_NOISE_OVER_SQRT2 ? 0.5 : 1.0;
}

static gref_five ddrm(const gref_convention *c, const gref_rule *r, double sigma, double s)
{
    gref_five f = unobserved(c, r);
    int side = noisier_than_data(r, sigma, s);
    double root = f.x, kept = root * sigma * c->eta_b / s;
    if (side == 0)
        return f;
    if (side < 0)
        return (gref_five){.x = root - f.e * s / sigma, .v = f.e / sigma, .n = f.n};
    return (gref_five){
        .x = root * (1.0 - c->eta_b), .v = root * c->eta_b / s, .n = r->next.qbar - kept * kept};
}

gref_five gref_project_ddrm(const gref_convention *c, const gref_rule *r, double sigma, double s)
{
    gref_five f = ddrm(c, r, sigma, s);
    f.n *= noise_factor(c);
    return f;
}

gref_five gref_project_diffpir(const gref_convention *c, const gref_rule *r, double sigma, double s)
{
    double a = r->at.abar, q = r->at.qbar;
    double rho = c->rho_scale * c->lambda * sigma * sigma * a / q;
    double fresh = c->eta * c->eta * r->beta * r->next.qbar / q; /* es^2 */
    double w = sqrt(1.0 - c->zeta) * sqrt(fmax(r->next.qbar - fresh, 0.0)) / sqrt(q);
    double moved = sqrt(r->next.abar) - w * sqrt(a);
    double prior = s > 0.0 ? rho / (s * s + rho) : 1.0, data = s > 0.0 ? s / (s * s + rho) : 0.0;
    return (gref_five){.x = moved * prior + w * sqrt(a),
                       .e = w * sqrt(q),
                       .v = moved * data,
                       .n = c->zeta * r->next.qbar + (1.0 - c->zeta) * fresh};
}

bool gref_start_projects(const gref_row *row, const gref_convention *c)
{
    return (c->start == GREF_START_AUTHORS || c->start == GREF_START_PAPER) &&
           row->authors != GREF_AUTHORS_STANDARD;
}

/*
 * ddrm: data of the noise sigma/s in a state of the noise s_T = sqrt((1 - a)/a), divided by s_T in the
 * code and by sqrt(1 + s_T^2) in the paper.
 */
static gref_component start_ddrm(gref_time at, double sigma, double s, bool paper)
{
    double noise = sqrt(at.qbar / at.abar), scale = paper ? sqrt(at.abar) : 1.0 / noise;
    gref_component x = {0.0, scale * noise * scale * noise};
    if (s > 0.0 && compare(s * noise, sigma) > 0) {
        double level = scale * sigma / s;
        x = (gref_component){scale / s, x.variance - level * level};
    }
    return x;
}

gref_component gref_start_component(const gref_row *row, const gref_convention *c, gref_time at,
                                    double sigma, double s)
{
    if (c->start == GREF_START_NOISE)
        return (gref_component){0.0, at.qbar};
    if (!gref_start_projects(row, c))
        return (gref_component){0.0, 1.0};
    if (row->authors == GREF_AUTHORS_DDRM) {
        gref_component x = start_ddrm(at, sigma, s, c->start == GREF_START_PAPER);
        x.variance *= noise_factor(c);
        return x;
    }
    return (gref_component){s > 0.0 ? sqrt(at.abar) / s : 0.0, at.qbar};
}
