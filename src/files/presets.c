/*
 * Presets: what published code does by default, as keys of a sampler's entry.
 *
 * An entry with "preset" gets the keys of that row which it does not write itself, and "faults": true
 * those of the row's published fault, before the case is completed. Commits are those at which the
 * unmodified code was run; clipping is left out everywhere, as laws would not be Gaussian. What a row
 * cannot follow is said in `samples`.
 */
#include <string.h>

#include "base/guess.h"
#include "base/json.h"
#include "internal.h"

#define LINEAR "{\"kind\": \"linear\", \"beta\": [0.0001, 0.02], \"steps\": 1000}"
/* abar = exp(2 t^2 log 1e-3) from 1 down to where it is 1 - 1e-6. */
#define AZULA                                                                                      \
    "{\"kind\": \"vp\", \"beta\": [0, 27.631021115928547], \"span\": [0.0002690412, 1], "          \
    "\"steps\": 64}"

static const gref_preset presets[] = {
    {"dps-repo", "DPS2022/diffusion-posterior-sampling effbde7",
     "{\"name\": \"dps-norm\", \"scheme\": \"ddpm\", \"zeta\": 0.3, \"variance\": {\"fraction\": "
     "0.5}, \"last_noise\": false, \"start\": \"standard\"}",
     LINEAR, NULL,
     "DPS on the norm, scale 0.3 of its deblurring and super-resolution; learned_range as of a "
     "network that answers 0; not affine",
     NULL},
    {"guided-diffusion", "openai/guided-diffusion 22e0df8",
     "{\"name\": \"cgdm\", \"scheme\": \"ddpm\", \"guidance\": \"mean\", \"variance\": "
     "\"fixed_large\", \"last_noise\": false, \"start\": \"standard\"}",
     LINEAR, NULL,
     "condition_mean with FIXED_LARGE; the gradient of its classifier is the exact one here", NULL},
    {"ddrm-repo", "bahjat-kawar/ddrm 32b6b3c",
     "{\"name\": \"ddrm\", \"eta\": 0.85, \"eta_b\": 1.0, \"steps\": 20, \"spacing\": \"skip\", "
     "\"start\": \"authors\", \"rank_tol\": 0.03}",
     LINEAR, NULL, "the README's --timesteps 20; singular values below 0.03 count as 0", NULL},
    {"ddnm-repo", "wyhuai/DDNM 00b58ea",
     "{\"name\": \"ddnm+\", \"eta\": 0.85, \"steps\": 100, \"spacing\": \"leading\", \"start\": "
     "\"authors\", \"rank_tol\": 0.03}",
     LINEAR, "{\"fault\": \"noise-without-VT\"}",
     "svd_based_ddnm_plus, T_sampling 100, no time travel; singular values below 0.03 count as 0",
     "SuperResolution.Lambda_noise lacks V^T: the law depends on the basis of the kernel of A"},
    {"diffpir-repo", "yuanzhi-zhu/DiffPIR 111d26e",
     "{\"name\": \"diffpir\", \"eta\": 0.0, \"lambda\": 1.0, \"zeta\": 0.1, \"rho_scale\": 1.0, "
     "\"steps\": 100, \"spacing\": \"quad\", \"start\": \"authors\"}",
     LINEAR, "{\"rho_scale\": 0.25}", "configs/deblur.yaml; starts at A^+ v, theirs at v itself",
     "sigma for [0, 1] beside images in [-1, 1]: rho is a quarter of what it should be"},
    {"nvlabs-pgdm", "NVlabs/RED-diff 66482f2",
     "{\"name\": \"pigdm-code\", \"scheme\": \"ddim\", \"eta\": 0.0, \"eta_on\": \"std\", "
     "\"steps\": 50, \"spacing\": \"leading\", \"start\": \"authors\"}",
     LINEAR, NULL, "PGDM of _configs/algo/pgdm.yaml, 50 steps; sigma is not used", NULL},
    {"azula-pgdm", "probabilists/azula bec12b8",
     "{\"name\": \"pigdm-code\", \"scheme\": \"ddim\", \"eta\": 0.0, \"eta_on\": \"variance\", "
     "\"start\": \"standard\"}",
     AZULA, NULL, "PGDMSampler on VPSchedule, 64 steps; sigma is not used", NULL},
    {"azula-mmps", "probabilists/azula bec12b8",
     "{\"name\": \"mmps\", \"scheme\": \"ddim\", \"eta\": 1.0, \"eta_on\": \"variance\", "
     "\"guidance\": \"score\", \"start\": \"standard\"}",
     AZULA, NULL,
     "MMPSDenoiser under DDPMSampler, 64 steps, solved exactly: its one GMRES iteration is not "
     "affine",
     NULL},
    {"inversebench-pigdm", "devzhk/InverseBench b113d67",
     "{\"name\": \"pigdm-weighted\", \"scheme\": \"ddim\", \"eta\": 0.2, \"eta_on\": \"state\", "
     "\"start\": \"noise\"}",
     "{\"kind\": \"edm\", \"sigma\": [0.01, 100], \"rho\": 1000, \"steps\": 100}", NULL,
     "noisy: True; rho 1000 is its logarithmic grid to 1 %; the last step goes to 0, theirs stays "
     "at "
     "0.01",
     NULL},
    {"deepinv-ddrm", "deepinv/deepinv 3f832a7",
     "{\"name\": \"ddrm\", \"eta\": 0.85, \"eta_b\": 1.0, \"start\": \"paper\", \"rank_tol\": "
     "\"noise.sigma\"}",
     "{\"kind\": \"edm\", \"sigma\": [0.010101010101010102, 1], \"rho\": 1, \"steps\": 99}",
     "{\"fault\": \"noise-over-sqrt2\"}",
     "sigmas linspace(1, 0, 100); singular values below sigma count as 0",
     "every noise is divided by sqrt 2, that of the start too"},
    {"deepinv-diffpir", "deepinv/deepinv 3f832a7",
     "{\"name\": \"diffpir\", \"eta\": 0.0, \"lambda\": 7.0, \"zeta\": 0.1, \"rho_scale\": 1.0, "
     "\"steps\": 100, \"spacing\": \"quad\", \"start\": \"authors\"}",
     LINEAR, "{\"rho_scale\": 0.5}", "DiffPIR's defaults; starts at A^+ v, theirs at A^T v",
     "a proximal step of weight 2 rho with sigma for [0, 1]: rho is half of what it should be"},
    {"deepinv-vpsde", "deepinv/deepinv 3f832a7",
     "{\"name\": \"unconditional\", \"scheme\": \"em\", \"last_noise\": true, \"start\": "
     "\"standard\", \"target\": \"prior\"}",
     "{\"kind\": \"vp\", \"beta\": [0.1, 20], \"span\": [0.001, 1], \"steps\": 999}",
     "{\"fault\": \"diffusion-x2\"}",
     "VariancePreservingDiffusion, alpha 1, timesteps linspace(1, 0.001, 1000)",
     "g^2 is twice beta(t), in the drift and in the noise"},
    {"diffusers-ddim", "huggingface/diffusers 58eb52c",
     "{\"name\": \"unconditional\", \"scheme\": \"ddim\", \"eta\": 0.0, \"eta_on\": \"std\", "
     "\"steps\": 50, \"spacing\": \"leading\", \"start\": \"standard\", \"target\": \"prior\"}",
     LINEAR, "{\"spacing\": \"linspace\", \"fault\": \"previous-t\"}",
     "DDIMPipeline, 50 steps, set_alpha_to_one",
     "a' is read at t - T/K whatever the spacing: wrong for linspace, which the fault takes"},
};

const gref_preset *gref_preset_at(int k)
{
    return k >= 0 && (size_t)k < sizeof presets / sizeof *presets ? &presets[k] : NULL;
}

/* The schedule that the preset needs: written into a case that writes none, else the case's own. On
 * vp and edm the number of steps is the case's choice. */
static gref_status require_schedule(gref_case *c, const gref_preset *p, const char *at)
{
    json_auto_t *needed = json_loads(p->schedule, 0, NULL);
    json_t *given = json_object_get(c->given, "schedule"), *value;
    const char *key, *kind = json_string_value(json_object_get(needed, "kind"));
    REQUIRE(needed != NULL, GREF_ERR_NOMEM, "no memory for a case");
    if (given == NULL) {
        REQUIRE(json_object_set(c->given, "schedule", needed) == 0, GREF_ERR_NOMEM,
                "no memory for a case");
        return GREF_OK;
    }
    json_object_foreach(needed, key, value)
    {
        const gref_case_row *row = gref_case_row_of("schedule", kind, key);
        json_auto_t *fallback =
            row->fallback == NULL ? NULL : json_loads(row->fallback, JSON_DECODE_ANY, NULL);
        json_t *own = json_object_get(given, key);
        bool free = strcmp(key, "steps") == 0 && strcmp(kind, "linear") != 0;
        CASE_REQUIRE(free || gref_case_same(own != NULL ? own : fallback, value), c, at,
                     "%s \"%s\" needs \"schedule\": %s", at, p->name, p->schedule);
    }
    return GREF_OK;
}

/* The preset of that name, or a refusal that says which one may have been meant. */
static gref_status find(const gref_preset **out, const gref_case *c, const char *name,
                        const char *at)
{
    gref_guess g = {.word = name};
    const gref_preset *p;
    for (int k = 0; (p = gref_preset_at(k)) != NULL; k++) {
        gref_guess_consider(&g, p->name);
        if (strcmp(p->name, name) == 0)
            break;
    }
    CASE_REQUIRE(p != NULL || g.best[0] == '\0', c, at,
                 "%s: no preset is called \"%s\" (did you mean \"%s\"?)", at, name, g.best);
    CASE_REQUIRE(p != NULL, c, at, "%s: no preset is called \"%s\" (gref samplers lists them)", at,
                 name);
    *out = p;
    return GREF_OK;
}

/* Puts the keys of the preset into the entry that names it. */
static gref_status expand(gref_case *c, json_t *entry, const char *entry_at)
{
    char at[GREF_CASE_KEY], faults_at[GREF_CASE_KEY], name_at[GREF_CASE_KEY];
    const char *name = json_string_value(json_object_get(entry, "preset"));
    json_t *own = json_object_get(entry, "name");
    bool faulty = json_is_true(json_object_get(entry, "faults"));
    const gref_preset *p = NULL;
    gref_case_join(at, entry_at, "preset");
    CASE_REQUIRE(name != NULL || json_object_get(entry, "preset") == NULL, c, at,
                 "%s must be the name of a preset (gref samplers lists them)", at);
    if (name == NULL)
        return GREF_OK;
    gref_case_join(faults_at, entry_at, "faults");
    gref_case_join(name_at, entry_at, "name");
    TRY(find(&p, c, name, at));
    CASE_REQUIRE(!faulty || p->faults != NULL, c, faults_at,
                 "%s: the preset \"%s\" has no fault to put in", faults_at, name);
    json_auto_t *keys = json_loads(p->keys, 0, NULL);
    json_auto_t *faults = faulty ? json_loads(p->faults, 0, NULL) : json_object();
    const char *row = json_string_value(json_object_get(keys, "name"));
    CASE_REQUIRE(own == NULL || gref_case_same(own, json_object_get(keys, "name")), c, name_at,
                 "%s: the preset \"%s\" is of the sampler \"%s\", no other", name_at, name, row);
    if (json_is_string(json_object_get(keys, "rank_tol"))) /* it stands for a number of the case */
        json_object_set(keys, "rank_tol",
                        json_object_get(json_object_get(c->given, "noise"), "sigma"));
    bool merged = json_object_update(keys, faults) == 0;
    if (json_object_get(entry, "times") != NULL) {
        json_object_del(keys, "steps");
        json_object_del(keys, "spacing");
    }
    REQUIRE(merged && json_object_update_missing(entry, keys) == 0, GREF_ERR_NOMEM,
            "no memory for a case");
    return require_schedule(c, p, at);
}

gref_status gref_case_expand_presets(gref_case *c)
{
    json_t *entry;
    size_t k;
    char at[GREF_CASE_KEY];
    json_array_foreach(json_object_get(c->given, "samplers"), k, entry)
    {
        gref_case_join_index(at, "samplers", k);
        TRY(expand(c, entry, at));
    }
    return GREF_OK;
}
