/* What a golden file says in words of its conventions. */
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "files/internal.h"
#include "golden_parts.h"

static const char *const about[][2] = {
    {"images", "flattened row by row: pixel (i, j) of a rows x cols image is entry i cols + j"},
    {"pixels", "image.range of the case gives the values of black and white; sigma, mu, v and W2 "
               "are in that unit"},
    {"time", "step t = T..1 maps y_t to y_{t-1}; schedule arrays have T + 1 entries, entry t "
             "belongs to t; entry 0 is "
             "beta = 0, alpha = 1, abar = 1, sigma2 = 0"},
    {"forward", "alpha_t = 1 - beta_t, abar_t = alpha_1 ... alpha_t, x_t = sqrt(abar_t) x0 + "
                "sqrt(1 - abar_t) eps"},
    {"measurement", "v = A x0 + sigma n, sigma a standard deviation, n standard normal"},
    {"score",
     "of the prior's p_t = N(sqrt(abar_t) mu, Sigma_t), Sigma_t = abar_t Sigma + (1 - abar_t) I: "
     "-Sigma_t^-1 (x - sqrt(abar_t) mu)"},
    {"x0hat", "(x + (1 - abar_t) score)/sqrt(abar_t)"},
    {"guided_score", "score + W^T C_vt^-1 (v - A x0hat), W = A J, J = sqrt(abar_t) Sigma "
                     "Sigma_t^-1; the same whatever "
                     "the placement of the guidance"},
    {"step", "y_{t-1} = M y_t + b + sqrt(N) z_t, N a variance"},
    {"covariances", "of the law itself; nothing is estimated, nothing divided by N or N - 1"},
    {"w2", "the distance, not its square: w2, its mean part, its covariance part"},
    {"trajectory",
     "y_T and z are the same for every sampler, whatever its start law; row k of z is the noise of "
     "step "
     "t = T - k, standard normal, times sqrt(N_t); where N_1 = 0 the last row has no effect"},
    {"probes", "a point a row: two of sqrt(abar_t) x0 + sqrt(1 - abar_t) eps, one of N(0, I), and "
               "sqrt(abar_t) mu"},
};

static const char *likelihood_words(const gref_sampler_spec *spec)
{
    if (strcmp(spec->name, "ddpm") == 0)
        return "none: v is ignored";
    if (strcmp(spec->name, "dps") == 0)
        return "C_vt = sigma^2/alpha I";
    if (strcmp(spec->name, "dps-norm") == 0)
        return "none: the gradient is of |v - A x0hat|, and sigma is not used";
    if (strcmp(spec->name, "cgdm") == 0)
        return "C_vt = (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I, the exact one";
    switch (spec->convention.r2) {
    case GREF_R2_1_ABAR_ABAR:
        return "C_vt = r_t^2 A A^T + sigma^2 I, r_t^2 = (1 - abar_t)/abar_t";
    case GREF_R2_1_ABAR_2_ABAR:
        return "C_vt = r_t^2 A A^T + sigma^2 I, r_t^2 = (1 - abar_t)/(2 - abar_t)";
    case GREF_R2_1_ABAR:
        break;
    }
    return "C_vt = r_t^2 A A^T + sigma^2 I, r_t^2 = 1 - abar_t";
}

static const char *guidance_words(const gref_sampler_spec *spec)
{
    if (strcmp(spec->name, "ddpm") == 0)
        return "none: y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + noise";
    if (strcmp(spec->name, "dps-norm") == 0)
        return "y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + noise - zeta grad |v - A "
               "x0hat(y_t)|";
    switch (spec->convention.guidance) {
    case GREF_GUIDANCE_MEAN:
        return "on the mean: y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + sigma_t^2 W^T C_vt^-1 "
               "(v - A x0hat) + noise, "
               "sigma_t^2 the step's variance before last_noise";
    case GREF_GUIDANCE_AFTER:
        return "after the step: y_{t-1} = (y_t + beta_t score)/sqrt(alpha_t) + noise + 2 zeta W^T "
               "(v - A x0hat); C_vt is "
               "not used";
    case GREF_GUIDANCE_SCORE:
        break;
    }
    return "in the score: y_{t-1} = (y_t + beta_t guided_score)/sqrt(alpha_t) + noise";
}

static const char *noise_words(const gref_convention *c)
{
    if (c->scheme == GREF_SCHEME_DDIM)
        return "variance N_t = eta^2 beta~_t, beta~_t = (1 - abar_t/abar_s) (1 - abar_s)/(1 - "
               "abar_t), s the time after t";
    return c->variance == GREF_VARIANCE_BETA
               ? "variance N_t = beta_t"
               : "variance N_t = beta~_t = beta_t (1 - abar_{t-1})/(1 - abar_t)";
}

/* What a scheme and visited times change in the words of the step; NULL for ddpm through every
 * t. */
static const char *scheme_words(const gref_sampler_spec *spec)
{
    if (spec->convention.scheme == GREF_SCHEME_DDIM)
        return "ddim: y_s = sqrt(abar_s) x0hat~ + sqrt(1 - abar_s - N_t) eps~ + noise in place of "
               "(y_t + beta_t score)/sqrt(alpha_t) + noise, s the time after t, x0hat~ and eps~ "
               "those of the score that the guidance is in, if it is";
    return spec->n_times > 0 ? "ddpm with alpha_t = abar_t/abar_s, beta_t = 1 - alpha_t, s the "
                               "time after t, which stands for t - 1"
                             : NULL;
}

static json_t *sampler_words(const gref_sampler_spec *spec)
{
    const gref_convention *c = &spec->convention;
    if (spec->chain != NULL)
        return json_pack("{s:s}", "steps",
                         "given: chain/M, chain/b and chain/N, the first step run at the top; the "
                         "step that leaves t is t - 1 steps before the end");
    json_t *words =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "likelihood", likelihood_words(spec), "guidance",
                  guidance_words(spec), "noise", noise_words(c), "last step",
                  c->last_noise ? "N_1 as at every other t" : "N_1 = 0: no noise at t = 1", "start",
                  c->start == GREF_START_STANDARD ? "y_T ~ N(0, I)" : "y_T ~ the exact p_T(x | v)");
    if (scheme_words(spec) != NULL)
        json_object_set_new(words, "scheme", json_string(scheme_words(spec)));
    return words;
}

/*
 * "about the file", and an object for each label; a label has no space, so the names cannot clash.
 */
json_t *gref_golden_words(const json_t *completed, const gref_golden_inputs *in)
{
    json_t *file = json_object(), *words = json_object();
    for (size_t k = 0; k < sizeof about / sizeof *about; k++)
        json_object_set_new(file, about[k][0], json_string(about[k][1]));
    const json_t *operator= json_object_get(completed, "operator");
    const char *boundary = json_string_value(json_object_get(operator, "boundary"));
    bool correlates = json_is_true(json_object_get(operator, "correlate"));
    if (boundary != NULL) {
        char *text = gref_format("A is the %s of the image with the kernel, outside the image: %s",
                                 correlates ? "correlation" : "convolution", boundary);
        json_object_set_new(file, "operator", text == NULL ? NULL : json_string(text));
        free(text);
    }
    json_object_set_new(words, "about the file", file);
    for (int k = 0; k < in->n_samplers; k++)
        json_object_set_new(words, in->specs[k].label, sampler_words(&in->specs[k]));
    return words;
}
