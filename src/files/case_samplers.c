/* The samplers of a case: effective conventions of each, and a label that is its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "internal.h"

/* The value in force for a sampler: its own, else that of "conventions". */
static json_t *in_force(const gref_case *c, const json_t *entry, const char *key)
{
    json_t *own = json_object_get(entry, key);
    return own != NULL ? own : gref_case_get(c, "conventions", key);
}

static bool is_dps_norm(const json_t *entry)
{
    return strcmp(json_string_value(json_object_get(entry, "name")), "dps-norm") == 0;
}

/* Where guidance "after" was asked for, so a missing zeta is said there; dps-norm always has a
 * zeta. */
static gref_status check_zeta(const gref_case *c, const json_t *entry, const char *at,
                              gref_guidance guidance)
{
    char key[GREF_CASE_KEY] = "conventions.guidance";
    if (is_dps_norm(entry)) {
        gref_case_join(key, at, "name");
        CASE_REQUIRE(in_force(c, entry, "zeta") != NULL, c, key,
                     "%s.zeta is missing (\"dps-norm\" needs it: its step size)", at);
    } else if (guidance == GREF_GUIDANCE_AFTER) {
        if (json_object_get(entry, "guidance") != NULL)
            gref_case_join(key, at, "guidance");
        CASE_REQUIRE(in_force(c, entry, "zeta") != NULL, c, key,
                     "conventions.zeta is missing (%s, \"%s\", has guidance \"after\")", at,
                     json_string_value(json_object_get(entry, "name")));
    } else {
        gref_case_join(key, at, "zeta");
        CASE_REQUIRE(json_object_get(entry, "zeta") == NULL, c, key,
                     "%s has no use: the guidance of %s is \"%s\", not \"after\"", key, at,
                     gref_guidance_name(guidance));
    }
    return GREF_OK;
}

/* The guidance "mean" multiplies by the step's variance, which only the scheme "ddpm" gives a
 * meaning. */
static gref_status check_mean(const gref_case *c, const json_t *entry, const char *at,
                              const gref_convention *v)
{
    char key[GREF_CASE_KEY] = "conventions.guidance";
    if (json_object_get(entry, "guidance") != NULL)
        gref_case_join(key, at, "guidance");
    CASE_REQUIRE(v->scheme == GREF_SCHEME_DDPM || v->guidance != GREF_GUIDANCE_MEAN, c, key,
                 "%s is \"mean\", which goes with the scheme \"ddpm\" only: %s, \"%s\", has the "
                 "scheme \"%s\"",
                 key, at, json_string_value(json_object_get(entry, "name")),
                 gref_scheme_name(v->scheme));
    return GREF_OK;
}

/* The scheme "ddim" has a noise of its own: a key of the entry that asks for another is refused. */
static gref_status check_noise_keys(const gref_case *c, const json_t *entry, const char *at,
                                    gref_scheme scheme)
{
    static const char *const names[] = {"variance", "last_noise"};
    char key[GREF_CASE_KEY];
    for (size_t k = 0; k < 2; k++) {
        gref_case_join(key, at, names[k]);
        CASE_REQUIRE(scheme == GREF_SCHEME_DDPM || json_object_get(entry, names[k]) == NULL, c, key,
                     "%s has no use: the scheme \"%s\" has the noise eta^2 beta~", key,
                     gref_scheme_name(scheme));
    }
    return GREF_OK;
}

static gref_status read_convention(gref_convention *out_convention, const gref_case *c,
                                   const json_t *entry, const char *at)
{
    gref_convention v = gref_convention_default();
    const char *scheme = json_string_value(json_object_get(entry, "scheme"));
    const char *r2 = json_string_value(in_force(c, entry, "r2"));
    const char *guidance = json_string_value(in_force(c, entry, "guidance"));
    const char *variance = json_string_value(in_force(c, entry, "variance"));
    const char *start = json_string_value(in_force(c, entry, "start"));
    bool known = gref_guidance_parse(&v.guidance, guidance) &&
                 gref_variance_parse(&v.variance, variance) && gref_start_parse(&v.start, start) &&
                 gref_r2_parse(&v.r2, r2) &&
                 (scheme == NULL || gref_scheme_parse(&v.scheme, scheme));
    CASE_REQUIRE(known, c, at, "%s: the schema has a word that gref/convention.h does not", at);
    if (is_dps_norm(entry))
        v.guidance = GREF_GUIDANCE_AFTER;
    TRY(check_zeta(c, entry, at, v.guidance));
    TRY(check_mean(c, entry, at, &v));
    TRY(check_noise_keys(c, entry, at, v.scheme));
    v.eta = json_number_value(json_object_get(entry, "eta"));
    if (v.guidance == GREF_GUIDANCE_AFTER)
        v.zeta = json_number_value(in_force(c, entry, "zeta"));
    v.last_noise = json_is_true(in_force(c, entry, "last_noise"));
    v.alpha_dps = json_number_value(in_force(c, entry, "alpha"));
    *out_convention = v;
    return GREF_OK;
}

/* Appends "-key=value" if it fits; what a label may not have is left out, '/' becomes '_'. */
static void append_value(char label[64], const char *key, const json_t *value)
{
    char shown[GREF_CASE_SHOWN], part[GREF_CASE_SHOWN + 24];
    gref_case_show(shown, value);
    size_t used = (size_t)snprintf(part, sizeof part, "-%.20s=", key), length = strlen(label);
    for (const char *p = shown; *p != '\0'; p++)
        if (strchr("()\" ", *p) == NULL)
            part[used++] = *p == '/' ? '_' : *p;
    if (length + used < 64)
        snprintf(label + length, 64 - length, "%.*s", (int)used, part);
}

static bool same_value(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return a == b || json_equal(a, b);
}

/* True if the unlabelled samplers of one name do not all have the same value in force. */
static bool differs(const gref_case *c, const json_t *samplers, const char *name, const char *key)
{
    size_t k;
    json_t *entry;
    const json_t *first = NULL, *value;
    bool any = false;
    json_array_foreach(samplers, k, entry)
    {
        const char *other = json_string_value(json_object_get(entry, "name"));
        if (json_object_get(entry, "label") != NULL || strcmp(other, name) != 0)
            continue;
        value = in_force(c, entry, key);
        if (any && !same_value(first, value))
            return true;
        first = value;
        any = true;
    }
    return false;
}

/* The name, and what tells this sampler from the other unlabelled ones of its name. */
static void suggest_label(char label[64], const gref_case *c, const json_t *samplers,
                          const json_t *entry)
{
    const char *keys[] = {"scheme",   "eta",  "steps",    "spacing",    "alpha", "r2",
                          "guidance", "zeta", "variance", "last_noise", "start"};
    const char *name = json_string_value(json_object_get(entry, "name"));
    snprintf(label, 64, "%s", name);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        json_t *value = in_force(c, entry, keys[k]);
        if (value != NULL && differs(c, samplers, name, keys[k]))
            append_value(label, keys[k], value);
    }
}

/* Index of the sampler that has the label, or n. */
static int labelled(const gref_case *c, int n, const char *label)
{
    int k = 0;
    while (k < n && strcmp(c->samplers[k].label, label) != 0)
        k++;
    return k;
}

static gref_status take_given_labels(gref_case *c, const json_t *samplers)
{
    char key[GREF_CASE_KEY];
    for (int k = 0; k < c->n_samplers; k++) {
        json_t *entry = json_array_get(samplers, (size_t)k);
        const char *label = json_string_value(json_object_get(entry, "label"));
        if (label == NULL)
            continue;
        gref_case_join_index(key, "samplers", (size_t)k);
        gref_case_join(key, key, "label");
        CASE_REQUIRE(strcmp(label, "target") != 0, c, key,
                     "%s cannot be \"target\", which names the true law in the files written", key);
        int other = labelled(c, k, label);
        CASE_REQUIRE(other == k, c, key, "%s \"%s\" is also the label of samplers.%d", key, label,
                     other);
        snprintf(c->samplers[k].label, sizeof c->samplers[k].label, "%s", label);
    }
    return GREF_OK;
}

/* Labels for the rest; what is still equal is numbered -2, -3, ... */
static gref_status make_labels(gref_case *c, json_t *samplers)
{
    SCOPED_MEM char(*made)[64] = gref_alloc((size_t)c->n_samplers, sizeof *made);
    REQUIRE(made != NULL, GREF_ERR_NOMEM, "no memory for a case");
    for (int k = 0; k < c->n_samplers; k++)
        suggest_label(made[k], c, samplers, json_array_get(samplers, (size_t)k));
    for (int k = 0; k < c->n_samplers; k++) {
        char label[64];
        json_t *entry = json_array_get(samplers, (size_t)k);
        if (json_object_get(entry, "label") != NULL)
            continue;
        snprintf(label, sizeof label, "%s", made[k]);
        for (int copy = 2; labelled(c, c->n_samplers, label) < c->n_samplers; copy++) {
            int digits = snprintf(NULL, 0, "-%d", copy);
            snprintf(label, sizeof label, "%.*s-%d", 63 - digits, made[k], copy);
        }
        memcpy(c->samplers[k].label, label, sizeof label);
        REQUIRE(json_object_set_new(entry, "label", json_string(label)) == 0, GREF_ERR_NOMEM,
                "no memory for a case");
    }
    return GREF_OK;
}

/* Puts "label" behind "name", where the schema has it. */
static gref_status reorder(json_t *entry)
{
    json_auto_t *copy = json_copy(entry);
    bool failed = copy == NULL;
    const char *first[] = {"name", "label"};
    json_object_clear(entry);
    for (int k = 0; k < 2 && !failed; k++)
        failed = json_object_set(entry, first[k], json_object_get(copy, first[k])) != 0;
    failed = failed || json_object_update_missing(entry, copy) != 0;
    REQUIRE(!failed, GREF_ERR_NOMEM, "no memory for a case");
    return GREF_OK;
}

/* The steps of the sampler "affine", which need no convention. */
static gref_status read_chain(gref_case *c, int k, const json_t *entry, const char *at)
{
    char key[GREF_CASE_KEY];
    SCOPED_MEM char *path = gref_case_file(c, json_string_value(json_object_get(entry, "file")));
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    gref_case_join(key, at, "file");
    CASE_TRY(c, key, gref_chain_read(&c->owned[k].chain, path));
    c->samplers[k].chain = &c->owned[k].chain;
    c->samplers[k].convention = gref_convention_default();
    return GREF_OK;
}

static gref_status read_sampler(gref_case *c, int k, const json_t *entry)
{
    gref_sampler_spec *spec = &c->samplers[k];
    char at[GREF_CASE_KEY];
    gref_case_join_index(at, "samplers", (size_t)k);
    snprintf(spec->name, sizeof spec->name, "%s",
             json_string_value(json_object_get(entry, "name")));
    if (strcmp(spec->name, "affine") == 0)
        return read_chain(c, k, entry, at);
    TRY(read_convention(&spec->convention, c, entry, at));
    return gref_case_read_times(c, k, entry, at);
}

/* c->samplers from the completed case, which gets the labels that were not given. */
gref_status gref_case_read_samplers(gref_case *c)
{
    json_t *samplers = json_object_get(c->completed, "samplers"), *entry;
    size_t k;
    size_t n = json_array_size(samplers);
    c->samplers = gref_alloc(n, sizeof *c->samplers);
    c->owned = gref_alloc(n, sizeof *c->owned);
    REQUIRE(c->samplers != NULL && c->owned != NULL, GREF_ERR_NOMEM, "no memory for a case");
    c->n_samplers = (int)n;
    json_array_foreach(samplers, k, entry) TRY(read_sampler(c, (int)k, entry));
    TRY(take_given_labels(c, samplers));
    TRY(make_labels(c, samplers));
    json_array_foreach(samplers, k, entry) TRY(reorder(entry));
    return GREF_OK;
}

json_t *gref_convention_json(const gref_sampler_spec *spec)
{
    const gref_convention *c = &spec->convention;
    if (spec->chain != NULL)
        return json_object();
    json_t *o = json_object();
    if (strcmp(spec->name, "dps-norm") != 0)
        json_object_set_new(o, "guidance", json_string(gref_guidance_name(c->guidance)));
    json_object_set_new(o, "variance", json_string(gref_variance_name(c->variance)));
    json_object_set_new(o, "last_noise", json_boolean(c->last_noise));
    json_object_set_new(o, "start", json_string(gref_start_name(c->start)));
    if (c->guidance == GREF_GUIDANCE_AFTER)
        json_object_set_new(o, "zeta", number(c->zeta));
    if (strcmp(spec->name, "pigdm") == 0)
        json_object_set_new(o, "r2", json_string(gref_r2_name(c->r2)));
    if (strcmp(spec->name, "dps") == 0)
        json_object_set_new(o, "alpha", number(c->alpha_dps));
    if (c->scheme != GREF_SCHEME_DDPM) {
        json_object_set_new(o, "scheme", json_string(gref_scheme_name(c->scheme)));
        json_object_set_new(o, "eta", number(c->eta));
    }
    if (spec->n_times > 0) {
        json_t *times = json_array();
        for (int k = 0; k < spec->n_times; k++)
            json_array_append_new(times, json_integer(spec->times[k]));
        json_object_set_new(o, "times", times);
    }
    return o;
}
