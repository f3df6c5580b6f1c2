/* The forward process in one mode of Sigma (THEORY section 3): the only home of s_t, j_t and Cov(x0
 * | x_t). */
#include <math.h>

#include "method.h"

gref_time gref_time_at(const gref_schedule *schedule, int t)
{
    return (gref_time){schedule->abar[t], schedule->qbar[t]};
}

double gref_forward_variance(gref_time at, double lambda)
{
    return at.abar * lambda + at.qbar;
}

double gref_forward_gain(gref_time at, double lambda)
{
    double s = gref_forward_variance(at, lambda);
    return s > 0.0 ? sqrt(at.abar) * lambda / s : 0.0;
}

double gref_forward_cov(gref_time at, double lambda)
{
    return lambda > 0.0 && at.qbar > 0.0 ? at.qbar * (lambda / gref_forward_variance(at, lambda))
                                         : 0.0;
}
