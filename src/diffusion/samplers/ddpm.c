/* ddpm: the unconditional backward process (THEORY, Algorithm 1; Ho et al. 2020). Knows nothing of v. */
#include "diffusion/internal.h"

const gref_method gref_method_ddpm = {
    .name = "ddpm",
    .title = "unconditional DDPM (Algorithm 1): samples the prior, ignores v",
    .guided = false,
};
