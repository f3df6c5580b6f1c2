/*
 * The switches of a sampler: which keys a row uses, where their values come from, and the same as
 * JSON. A value is the entry's own, else what the case writes in "conventions", else the default of
 * the row's authors, else that of the schema.
 */
#include <string.h>

#include "base/json.h"
#include "internal.h"
#include "method/method.h"

typedef enum { WORD, NUMBER, BOOL } type;

/* One key. `uses` may read the switches of the rows above. */
typedef struct {
    const char *key;
    type type;
    size_t offset;
    bool (*uses)(const gref_row *row, const gref_convention *c);
    bool (*parse)(gref_convention *c, const char *word);
    const char *(*name)(const gref_convention *c);
    const char *why; /* what the row or its scheme has instead */
} knob;

static bool has_scheme(const gref_row *row, const gref_convention *c)
{
    (void)c;
    return row->project == NULL;
}

static bool is_ddim(const gref_row *row, const gref_convention *c)
{
    return has_scheme(row, c) && c->scheme == GREF_SCHEME_DDIM;
}

static bool uses_eta(const gref_row *row, const gref_convention *c)
{
    return row->project != NULL || is_ddim(row, c);
}

static bool uses_guidance(const gref_row *row, const gref_convention *c)
{
    return has_scheme(row, c) && !row->norm && row->placement == GREF_PLACED_BY_CONVENTION;
}

static bool uses_zeta(const gref_row *row, const gref_convention *c)
{
    return row->norm || row->x_kept ||
           (uses_guidance(row, c) && c->guidance == GREF_GUIDANCE_AFTER);
}

static bool uses_variance(const gref_row *row, const gref_convention *c)
{
    return has_scheme(row, c) && c->scheme == GREF_SCHEME_DDPM;
}

static bool uses_fraction(const gref_row *row, const gref_convention *c)
{
    return uses_variance(row, c) && c->variance == GREF_VARIANCE_FRACTION;
}

static bool uses_last_noise(const gref_row *row, const gref_convention *c)
{
    return has_scheme(row, c) && (c->scheme == GREF_SCHEME_DDPM || c->scheme == GREF_SCHEME_EM ||
                                  c->scheme == GREF_SCHEME_EI);
}

static bool has_fault(const gref_row *row, const gref_convention *c)
{
    return gref_row_fault(row, c) != GREF_FAULT_NONE;
}

static bool always(const gref_row *row, const gref_convention *c)
{
    (void)row, (void)c;
    return true;
}

static bool is_pigdm(const gref_row *row, const gref_convention *c)
{
    (void)c;
    return row->phi_constant && row->placement == GREF_PLACED_BY_CONVENTION;
}

static bool uses_alpha(const gref_row *row, const gref_convention *c)
{
    (void)c;
    return row->tau != NULL && row->phi == NULL;
}

static bool is_ddrm(const gref_row *row, const gref_convention *c)
{
    (void)c;
    return row->authors == GREF_AUTHORS_DDRM;
}

static bool is_diffpir(const gref_row *row, const gref_convention *c)
{
    (void)c;
    return row->x_kept;
}

static bool decides_rank(const gref_row *row, const gref_convention *c)
{
    (void)c;
    return row->project != NULL || row->pseudo;
}

#define DEFINE_WORD(type, field)                                                                   \
    static bool parse_##type(gref_convention *c, const char *word)                                 \
    {                                                                                              \
        return gref_##type##_parse(&c->field, word);                                               \
    }                                                                                              \
    static const char *name_##type(const gref_convention *c)                                       \
    {                                                                                              \
        return gref_##type##_name(c->field);                                                       \
    }
DEFINE_WORD(scheme, scheme)
DEFINE_WORD(eta_on, eta_on)
DEFINE_WORD(guidance, guidance)
DEFINE_WORD(variance, variance)
DEFINE_WORD(start, start)
DEFINE_WORD(r2, r2)
DEFINE_WORD(fault, fault)

#define A_WORD(key, type, uses, why)                                                               \
    {                                                                                              \
        key, WORD, 0, uses, parse_##type, name_##type, why                                         \
    }
#define A_NUMBER(key, field, uses, why)                                                            \
    {                                                                                              \
        key, NUMBER, offsetof(gref_convention, field), uses, NULL, NULL, why                       \
    }

/* clang-format off */
static const knob knobs[] = {
    A_WORD("scheme", scheme, has_scheme, "it projects"),
    A_NUMBER("eta", eta, uses_eta, "only the scheme \"ddim\" and the rows that project have one"),
    A_WORD("eta_on", eta_on, is_ddim, "only the scheme \"ddim\" has one"),
    A_WORD("guidance", guidance, uses_guidance, "the row itself says where its guidance enters"),
    A_NUMBER("zeta", zeta, uses_zeta, "only guidance \"after\", dps-norm and diffpir have one"),
    A_WORD("variance", variance, uses_variance, "only the scheme \"ddpm\" has one"),
    A_NUMBER("fraction", fraction, uses_fraction, "only {\"fraction\": f} has one"),
    {"last_noise", BOOL, offsetof(gref_convention, last_noise), uses_last_noise, NULL, NULL,
     "only the schemes \"ddpm\", \"em\" and \"ei\" have one"},
    A_WORD("start", start, always, ""),
    A_WORD("r2", r2, is_pigdm, "only pigdm has one"),
    A_NUMBER("alpha", alpha_dps, uses_alpha, "only dps and dps-square have one"),
    A_NUMBER("eta_b", eta_b, is_ddrm, "only ddrm has one"),
    A_NUMBER("lambda", lambda, is_diffpir, "only diffpir has one"),
    A_NUMBER("rho_scale", rho_scale, is_diffpir, "only diffpir has one"),
    A_WORD("fault", fault, has_fault, "no published code of it has one"),
    A_NUMBER("rank_tol", rank_tol, decides_rank, "only rows that project, and pigdm-code, have one"),
};
/* clang-format on */
enum { N_KNOBS = sizeof knobs / sizeof *knobs };

/* What the case writes; all of it where the completed case is all that is known (golden files). */
static json_t *written(const gref_case *c, const char *key)
{
    const json_t *from = c->given != NULL ? c->given : c->completed;
    return json_object_get(json_object_get(from, "conventions"), key);
}

/* Objects stand for a word: {"fraction": f} and {"file": ...}, {"mean": ..., "cov": ...}. */
static const char *word_of(const json_t *value)
{
    if (!json_is_object(value))
        return json_string_value(value);
    return json_object_get(value, "fraction") != NULL ? "fraction"
           : json_object_get(value, "file") != NULL   ? "file"
                                                      : "given";
}

static bool set(gref_convention *c, const knob *k, const json_t *value)
{
    void *field = (char *)c + k->offset;
    if (k->type == WORD)
        return word_of(value) != NULL && k->parse(c, word_of(value));
    if (k->type == NUMBER)
        *(double *)field = json_number_value(value);
    else
        *(bool *)field = json_is_true(value);
    return true;
}

static json_t *value_of(const gref_convention *c, const knob *k)
{
    const void *field = (const char *)c + k->offset;
    return k->type == WORD     ? json_string(k->name(c))
           : k->type == NUMBER ? number(*(const double *)field)
                               : json_boolean(*(const bool *)field);
}

/* Where the schedule is edm the state is noise of its largest level, unless the authors say more. */
static void default_start(gref_convention *v, const gref_case *c, const gref_row *row)
{
    if (c->schedule.kind == GREF_SCHEDULE_EDM && row->authors == GREF_AUTHORS_STANDARD)
        v->start = GREF_START_NOISE;
}

/* A key of the entry that the row does not use. */
static gref_status refuse_unused(const gref_case *c, const char *at, const char *name,
                                 const knob *k)
{
    char key[GREF_CASE_KEY];
    gref_case_join(key, at, k->key);
    CASE_FAIL(c, key, "%s has no use for %s: %s", key, name, k->why);
    return GREF_OK;
}

/* Guidance "after" and dps-norm have a step size that nobody can guess. */
static gref_status require_zeta(const gref_case *c, const json_t *entry, const char *at,
                                const gref_row *row)
{
    char key[GREF_CASE_KEY] = "conventions.guidance";
    if (row->norm || json_object_get(entry, "guidance") != NULL)
        gref_case_join(key, at, row->norm ? "name" : "guidance");
    CASE_REQUIRE(!row->norm, c, key, "%s.zeta is missing (\"dps-norm\" needs it: its step size)",
                 at);
    CASE_FAIL(c, key, "conventions.zeta is missing (%s, \"%s\", has guidance \"after\")", at,
              json_string_value(json_object_get(entry, "name")));
    return GREF_OK;
}

/* The guidance "mean" multiplies by the step's variance, which only the scheme "ddpm" gives a
 * meaning. */
static gref_status check_mean(const gref_case *c, const json_t *entry, const char *at,
                              const gref_convention *v)
{
    char key[GREF_CASE_KEY] = "conventions.guidance";
    const gref_row *row = gref_row_find(json_string_value(json_object_get(entry, "name")));
    if (json_object_get(entry, "guidance") != NULL)
        gref_case_join(key, at, "guidance");
    CASE_REQUIRE(v->scheme == GREF_SCHEME_DDPM || v->guidance != GREF_GUIDANCE_MEAN ||
                     !uses_guidance(row, v),
                 c, key,
                 "%s is \"mean\", which goes with the scheme \"ddpm\" only: %s, \"%s\", has the "
                 "scheme \"%s\"",
                 key, at, row->name, gref_scheme_name(v->scheme));
    return GREF_OK;
}

gref_status gref_case_read_convention(gref_convention *out, const gref_case *c, const json_t *entry,
                                      const char *at)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const gref_row *row = gref_row_find(name);
    gref_convention v = gref_convention_of(name);
    default_start(&v, c, row);
    for (int k = 0; k < N_KNOBS; k++) {
        const json_t *own = json_object_get(entry, knobs[k].key);
        if (row->norm)
            v.guidance = GREF_GUIDANCE_AFTER;
        if (!knobs[k].uses(row, &v)) {
            if (own != NULL)
                TRY(refuse_unused(c, at, name, &knobs[k]));
            continue;
        }
        const json_t *value = own != NULL ? own : written(c, knobs[k].key);
        CASE_REQUIRE(value == NULL || set(&v, &knobs[k], value), c, at,
                     "%s: the schema has a word for %s that gref/convention.h does not", at,
                     knobs[k].key);
        if (value == NULL && knobs[k].uses == uses_zeta && !row->x_kept)
            TRY(require_zeta(c, entry, at, row));
        const json_t *part = json_object_get(value, "fraction");
        if (part != NULL)
            v.fraction = json_number_value(part);
    }
    TRY(check_mean(c, entry, at, &v));
    *out = v;
    return GREF_OK;
}

/* A value in force as the case, or the default of its schema, has it: 1.0 or 1, a word or an object. */
static json_t *as_written(const gref_case *c, const knob *k, const gref_convention *v)
{
    json_t *common = gref_case_get(c, "conventions", k->key), *value = value_of(v, k);
    double x = json_number_value(value);
    bool same = json_is_number(common) ? json_number_value(common) == x
                                       : json_is_object(common) && written(c, k->key) != NULL;
    if (!same && !(json_is_real(value) && x == (int)x))
        return value;
    json_decref(value);
    return same ? json_deep_copy(common) : json_integer((int)x);
}

/* Nobody is told that there is no fault. */
static bool is_silent(const knob *k, const gref_convention *v)
{
    return k->uses == has_fault && v->fault == GREF_FAULT_NONE;
}

gref_status gref_case_show_convention(json_t *entry, const gref_case *c, const gref_convention *v)
{
    const gref_row *row = gref_row_find(json_string_value(json_object_get(entry, "name")));
    for (int k = 0; k < N_KNOBS; k++) {
        bool inside = strcmp(knobs[k].key, "fraction") == 0; /* of {"fraction": f} */
        if (inside || is_silent(&knobs[k], v) || !knobs[k].uses(row, v) ||
            json_object_get(entry, knobs[k].key) != NULL)
            continue;
        json_t *value = as_written(c, &knobs[k], v);
        REQUIRE(json_object_set_new(entry, knobs[k].key, value) == 0, GREF_ERR_NOMEM,
                "no memory for a case");
    }
    return GREF_OK;
}

json_t *gref_convention_json(const gref_sampler_spec *spec)
{
    const gref_row *row = gref_row_find(spec->name);
    json_t *o = json_object();
    if (spec->chain != NULL)
        return o;
    for (int k = spec->convention.scheme == GREF_SCHEME_DDPM; k < N_KNOBS;
         k++) /* the default is not said */
        if (knobs[k].uses(row, &spec->convention) && !is_silent(&knobs[k], &spec->convention))
            json_object_set_new(o, knobs[k].key, value_of(&spec->convention, &knobs[k]));
    if (spec->n_times > 0) {
        json_t *times = json_array();
        for (int k = 0; k < spec->n_times; k++)
            json_array_append_new(times, json_integer(spec->times[k]));
        json_object_set_new(o, "times", times);
    }
    return o;
}
