/* The table of rows in words: functions of a singular value, the step, where it was published. */
#include "words.h"

/* a, a': abar at t and at the next time; p, q, N: of the scheme; k = sqrt(1 - eta^2). */
#define BY_SCHEME .x = "p sqrt(a)", .e = "p sqrt(1 - a) - q/sqrt(1 - a)", .v = "0", .n = "sqrt(N)"
#define GUIDED_STEP                                                                                \
    "the scheme moves the state by score + J A^T C^-1 (v - A x0hat), J the denoiser's Jacobian"
#define BY_SIGMA "none: J A^T C^-1 A is no function of s, as C mixes Sigma and A"
#define AFTER_STEP "the scheme's step without v, then the guidance with its fixed weight sqrt(a a')"
#define TMPD "B. Boys et al., Tweedie moment projected diffusions, 2023, arXiv:2310.06721"
#define DPS "H. Chung et al., Diffusion posterior sampling, ICLR 2023, arXiv:2209.14687"
#define PIGDM "J. Song et al., Pseudoinverse-guided diffusion models, ICLR 2023"
#define RED_DIFF "M. Mardani et al., RED-diff (its code), 2023, arXiv:2305.04391"
#define DDNM "Y. Wang et al., Denoising diffusion null-space model, ICLR 2023, arXiv:2212.00490"
#define GAUSSIAN_CASE                                                                              \
    "E. Pierret and B. Galerne, On the accuracy of diffusion models in Bayesian image inverse "    \
    "problems: a Gaussian case study, 2025"
#define EXACT_C "A (1 - a) Sigma Sigma_t^-1 A^T + sigma^2 I, Sigma_t = a Sigma + (1 - a) I"

static const gref_row_words rows[] = {
    {"unconditional", BY_SCHEME, .g = "0", .step = "the scheme moves the state by the score",
     .literature = "J. Ho, A. Jain, P. Abbeel, NeurIPS 2020, arXiv:2006.11239"},
    {"dps", BY_SCHEME, .C = "sigma^2/alpha I", .g = "kappa alpha s^2/sigma^2", .step = GUIDED_STEP,
     .literature = DPS},
    {"pigdm", BY_SCHEME, .C = "r_t^2 A A^T + sigma^2 I", .g = "kappa s^2/(r_t^2 s^2 + sigma^2)",
     .step = GUIDED_STEP, .literature = PIGDM},
    {"cgdm", BY_SCHEME, .C = EXACT_C, .g = BY_SIGMA, .step = GUIDED_STEP,
     .literature = GAUSSIAN_CASE},
    {"mmps", BY_SCHEME, .C = EXACT_C, .g = BY_SIGMA, .step = GUIDED_STEP,
     .literature = "F. Rozet et al., Learning diffusion priors from observations, NeurIPS 2024, "
                   "arXiv:2405.13712"},
    {"tmpd-full", BY_SCHEME, .C = EXACT_C, .g = BY_SIGMA, .step = GUIDED_STEP, .literature = TMPD},
    {"tmpd", BY_SCHEME, .C = "diag(A (1 - a) Sigma Sigma_t^-1 A^T 1) + sigma^2 I", .g = BY_SIGMA,
     .step = GUIDED_STEP, .literature = TMPD},
    {"pigdm-code", BY_SCHEME, .g = "sqrt(a a') where s > 0", .step = AFTER_STEP,
     .literature = RED_DIFF},
    {"pigdm-weighted", BY_SCHEME, .g = "sqrt(a a') s^2/(s^2 + sigma^2/(1 - a))", .step = AFTER_STEP,
     .literature = "H. Zheng et al., InverseBench (its code), ICLR 2025, arXiv:2503.11043"},
    {"dps-square", BY_SCHEME, .g = "2 alpha sqrt(a a') s^2", .step = AFTER_STEP,
     .literature = RED_DIFF},
    {"ddrm", .x = "sqrt(a') times 1 - k ss s/sigma (A), 1 - eta_b (B), 1 (C)",
     .e = "k sqrt(1 - a') (C), else 0", .v = "sqrt(a') times k ss/sigma (A), eta_b/s (B), 0 (C)",
     .g = "0", .n = "sqrt(a') times eta ss (A, C), sqrt(ss^2 - (sigma eta_b/s)^2) (B)",
     .step = "with ss = sqrt((1 - a')/a'): components of x0hat that the data know better than the "
             "next state does (B: s ss > sigma) become data; where the data are noisier (A) they "
             "move towards them; the unseen (C: s = 0, or equality) take a step of ddim",
     .literature = "B. Kawar et al., Denoising diffusion restoration models, NeurIPS 2022, "
                   "arXiv:2201.11793"},
    {"ddnm", .x = "sqrt(a') where s = 0, else 0", .e = "k sqrt(1 - a')",
     .v = "sqrt(a')/s where s > 0, else 0", .g = "0", .n = "eta sqrt(1 - a')",
     .step = "x0hat gets the data in the range of A^T; noise, old and fresh, is added",
     .literature = DDNM},
    {"ddnm+", .x = "sqrt(a') (1 - l) where s > 0, else sqrt(a')",
     .e = "k sqrt(1 - a') where s = 0, else 0", .v = "sqrt(a') l/s where s > 0", .g = "0",
     .n = "sqrt(1 - a' - a' sigma^2/s^2) where s sqrt(1 - a') > sqrt(a') sigma, else eta sqrt(1 - "
          "a')",
     .step = "as ddnm, with the share l = min(1, k s sqrt(1 - a')/(sqrt(a') sigma)) of the data "
             "(1 in the first case of fn)",
     .literature = DDNM},
    {"diffpir", .x = "(sqrt(a') - w sqrt(a)) rho/(s^2 + rho) + w sqrt(a)", .e = "w sqrt(1 - a)",
     .v = "(sqrt(a') - w sqrt(a)) s/(s^2 + rho)", .g = "0",
     .n = "sqrt(zeta (1 - a') + (1 - zeta) es^2)",
     .step = "x0hat by a proximal step of weight rho = rho_scale lambda sigma^2 a/(1 - a); of its "
             "noise the share w = sqrt((1 - zeta)(1 - a' - es^2)/(1 - a)) stays, "
             "es^2 = eta^2 beta_t (1 - a')/(1 - a)",
     .literature = "Y. Zhu et al., Denoising diffusion models for plug-and-play image restoration, "
                   "2023, arXiv:2305.08995"},
    {"affine", .step = "y' = M y + b + N(0, N), the M, b and N of a file",
     .literature = "the user"},
    {"dps-norm",
     .step = "the scheme's step without v, then zeta times the gradient of "
             "-|v - A x0hat|, which is not affine: it can be drawn and replayed",
     .literature = DPS},
};

static const gref_scheme_words schemes[] = {
    {"ddpm", "variance=beta_tilde last_noise=false", "any",
     "ancestral: (y + beta s)/sqrt(alpha), alpha = a/a', and noise of the variance's size",
     "J. Ho et al. 2020"},
    {"ddim", "eta=0 eta_on=std", "any",
     "sqrt(a') x0hat + sqrt(1 - a' - N) eps + sqrt(N) z, N = eta^2 beta~",
     "J. Song et al., ICLR 2021, arXiv:2010.02502"},
    {"em", "last_noise=false", "vp", "Euler-Maruyama of the reverse SDE",
     "Y. Song et al., ICLR 2021"},
    {"ei", "last_noise=false", "any", "exponential integrator of the reverse SDE",
     "Q. Zhang, Y. Chen, ICLR 2023"},
    {"euler", "", "vp, edm", "Euler's step of the probability-flow ODE",
     "Y. Song et al., ICLR 2021"},
    {"heun", "", "vp, edm", "Heun's step of the same: two evaluations",
     "T. Karras et al., NeurIPS 2022, Algorithm 1"},
    {"rk4", "", "vp", "the classical step of order four of the same: four evaluations",
     "W. Kutta 1901"},
};

static const gref_absent_words absent[] = {
    {"DPM-Solver++, PLMS, UniPC, DEIS",
     "multistep: affine in (y_t, x0hat of the step before), a state of 2n"}};

#define ENTRY(table, k) ((k) >= 0 && (size_t)(k) < sizeof table / sizeof *table ? &table[k] : NULL)

const gref_row_words *gref_words_of_row(const gref_row *row)
{
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (strcmp(rows[k].name, row->name) == 0)
            return &rows[k];
    return NULL;
}

const gref_scheme_words *gref_words_of_scheme(int k)
{
    return ENTRY(schemes, k);
}

const gref_absent_words *gref_words_of_absent(int k)
{
    return ENTRY(absent, k);
}
