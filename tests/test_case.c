#include "cases.h"

#include <gref/sampler.h>

/* The completed value at a key as JSON text, keys sorted, "" if there is none. */
static void value_at(char text[512], const gref_case *c, const char *key)
{
    json_t *value = gref_case_completed(c);
    char copy[128], *rest = copy;
    snprintf(copy, sizeof copy, "%s", key);
    for (char *name = strtok_r(rest, ".", &rest); name != NULL; name = strtok_r(NULL, ".", &rest))
        value = json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10))
                                     : json_object_get(value, name);
    char *dump = value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    snprintf(text, 512, "%s", dump == NULL ? "" : dump);
    free(dump);
}

/* What a printed entry says besides its own keys, sorted. */
#define SCORE "\"guidance\": \"score\", "
#define NOISE "\"last_noise\": false, "
#define DDPM "\"scheme\": \"ddpm\", \"start\": \"standard\", \"variance\": \"beta_tilde\""
/* The same as lines, in the order of the schema. */
#define SCHEME_LINE "      \"scheme\": \"ddpm\",\n"
#define OTHER_LINES                                                                                \
    "      \"guidance\": \"score\",\n"                                                             \
    "      \"variance\": \"beta_tilde\",\n"                                                        \
    "      \"last_noise\": false,\n"                                                               \
    "      \"start\": \"standard\"\n"

/* Each row says what one key of the completed case becomes. */
START_TEST(test_case_override__sets_creates_appends_and_drops)
{
    const struct {
        const char *sets[4], *key, *value;
    } t[] = {
        {{"operator.std=2"}, "operator.std", "2"},
        {{"operator.std=2", "operator.std=2.5"}, "operator.std", "2.5"},
        {{"observation.seed=9223372036854775807"},
         "observation",
         "{\"kind\": \"sample\", \"seed\": 9223372036854775807}"},
        {{"title=a=b"}, "title", "\"a=b\""},
        {{"title=\"3\""}, "title", "\"3\""},
        {{"title="}, "title", "\"\""},
        {{"image.crop=[1,2,3,4]"}, "image.crop", "[1, 2, 3, 4]"},
        {{"image.crop.2=9"}, "image.crop", "[0, 0, 9, 4]"},
        {{"image.range.0=0"}, "image.range", "[0, 1]"}, /* a default, materialised */
        {{"schedule.beta.1=0.5"}, "schedule.beta", "[0.0001, 0.5]"},
        {{"report.laws_at.0=1"}, "report.laws_at", "[5, 1]"}, /* and sorted */
        {{"report.laws_at.2=7"}, "report.laws_at", "[10, 7, 5]"},
        {{"samplers=[{\"name\":\"ddpm\"}]"},
         "samplers",
         "[{" SCORE "\"label\": \"ddpm\", " NOISE "\"name\": \"ddpm\", " DDPM "}]"},
        {{"samplers.2.name=ddpm"},
         "samplers.2",
         "{" SCORE "\"label\": \"ddpm\", " NOISE "\"name\": \"ddpm\", " DDPM "}"},
        {{"samplers.1.alpha=2"}, "samplers.1.alpha", "2"},
        {{"conventions.start=exact"}, "conventions.start", "\"exact\""},
        {{"operator.kind=motion_blur", "operator.length=5"},
         "operator",
         "{\"angle\": 0, \"boundary\": \"periodic\", \"correlate\": false, \"kind\": "
         "\"motion_blur\", "
         "\"length\": 5}"},
        {{"operator.length=5", "operator.boundary=zero", "operator.kind=motion_blur"},
         "operator",
         "{\"angle\": 0, \"boundary\": \"zero\", \"correlate\": false, \"kind\": \"motion_blur\", "
         "\"length\": 5}"},
        {{"operator.kind=identity"}, "operator", "{\"kind\": \"identity\"}"},
        {{"operator={\"kind\":\"identity\"}"}, "operator", "{\"kind\": \"identity\"}"},
        {{"operator.kind=inpainting", "operator.keep=0.5"},
         "operator",
         "{\"keep\": 0.5, \"kind\": \"inpainting\", \"seed\": 1}"},
        {{"operator={\"kind\":\"inpainting\",\"keep\":0.5,\"seed\":3}", "operator.kind=identity",
          "operator={\"kind\":\"inpainting\",\"keep\":0.25}"},
         "operator",
         "{\"keep\": 0.25, \"kind\": \"inpainting\", \"seed\": 1}"},
        {{"operator.kind=inpainting", "operator.keep=1"}, "operator.keep", "1"},
        {{"prior.kind=gaussian", "prior.mean=0", "prior.cov=C.npy"},
         "prior",
         "{\"cov\": \"C.npy\", \"kind\": \"gaussian\", \"mean\": 0}"},
        {{"samplers.1.name=pigdm", "samplers.1.r2=(1-abar)/abar"},
         "samplers.1",
         "{" SCORE "\"label\": \"pigdm\", " NOISE
         "\"name\": \"pigdm\", \"r2\": \"(1-abar)/abar\", " DDPM "}"},
        {{"samplers.1.scheme=ddim"},
         "samplers.1",
         "{\"alpha\": 4, \"eta\": 0, \"eta_on\": \"std\", " SCORE
         "\"label\": \"dps\", \"name\": \"dps\", \"scheme\": \"ddim\", \"start\": \"standard\"}"},
        {{"samplers.1.times=[20,7,1]", "samplers.1.times.1=6"}, "samplers.1.times", "[20, 6, 1]"},
        {{"schedule.kind=cosine"}, "schedule", "{\"kind\": \"cosine\", \"steps\": 20}"},
        {{"schedule.scaled=true", "schedule.beta=[0.125,0.25]"},
         "schedule",
         "{\"beta\": [0.125, 0.25], \"kind\": \"linear\", \"scaled\": true, \"steps\": 20}"},
        {{"schedule.scaled=true", "schedule={\"kind\":\"vp\"}", "schedule.steps=30"},
         "schedule",
         "{\"beta\": [0.10000000000000001, 20], \"kind\": \"vp\", \"span\": [0.001, 1], \"steps\": "
         "30}"},
        {{"schedule={\"kind\":\"edm\",\"steps\":30}", "schedule.rho=5"},
         "schedule",
         "{\"kind\": \"edm\", \"rho\": 5, \"sigma\": [0.002, 80], \"steps\": 30}"},
    };
    const char *path = write_lines(9, "   {\"name\": \"dps\", \"alpha\": 4}],");
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        char value[512];
        gref_case *c = load(path, t[k].sets);
        value_at(value, c, t[k].key);
        ck_assert_str_eq(value, t[k].value);
        gref_case_free(c);
    }
    const char *least = "{\"schema\": \"gref-case/1\", \"image\": {\"file\": \"u.npy\"},"
                        " \"operator\": {\"kind\": \"identity\"}, \"noise\": {\"sigma\": 1}}";
    const char *sets[] = {"samplers.2.alpha=3", NULL}; /* of the three that stand for none */
    char value[512];
    gref_case *c = load(write_text(least), sets);
    value_at(value, c, "samplers.2");
    ck_assert_str_eq(value, "{\"alpha\": 3, " SCORE "\"label\": \"dps\", " NOISE
                            "\"name\": \"dps\", " DDPM "}");
    gref_case_free(c);
}
END_TEST

/* A key that means something else in the new kind would be a silent error if it stayed. */
START_TEST(test_case_override__drops_what_the_new_kind_does_not_mean)
{
    const char *text =
        "{\"schema\": \"gref-case/1\", \"image\": {\"file\": \"u.npy\"},\n"
        " \"prior\": {\"kind\": \"gaussian\", \"mean\": \"mu.npy\", \"cov\": \"C.npy\"},\n"
        " \"operator\": {\"kind\": \"inpainting\", \"keep\": 0.5, \"seed\": 7},\n"
        " \"noise\": {\"sigma\": 1}, \"typo\": 1}";
    const char *sets[] = {"prior.kind=adsn", "operator.box=[0,0,1,1]", NULL};
    char value[512];
    gref_case *c = NULL;
    assert_refused(
        write_text(text), sets, 2,
        ":4: unknown key typo (known here: schema, title, comment, image, prior, operator, "
        "noise, observation, schedule, samplers, conventions, report)");
    char *typo = strstr((char *)memcpy(value, text, strlen(text) + 1), ", \"typo\"");
    ck_assert_ptr_nonnull(typo);
    memcpy(typo, "}", 2);
    c = load(write_text(value), sets);
    value_at(value, c, "prior");
    ck_assert_str_eq(value, "{\"kind\": \"adsn\", \"mean\": \"image\"}");
    value_at(value, c, "operator");
    ck_assert_str_eq(value, "{\"box\": [0, 0, 1, 1], \"kind\": \"inpainting\"}");
    gref_case_free(c);
}
END_TEST

/* The printed case of the least one: the defaults that the documentation promises, in order. */
START_TEST(test_case_print__fills_in_every_default)
{
    const char *least = "{\"schema\": \"gref-case/1\", \"noise\": {\"sigma\": 0.1},"
                        " \"operator\": {\"kind\": \"super_resolution\", \"factor\": 2},"
                        " \"image\": {\"file\": \"\\u00e9.png\"}}";
    const char *expected =
        "{\n"
        "  \"schema\": \"gref-case/1\",\n"
        "  \"image\": {\n"
        "    \"file\": \"\xc3\xa9.png\",\n"
        "    \"range\": [-1, 1]\n"
        "  },\n"
        "  \"prior\": {\n"
        "    \"kind\": \"adsn\",\n"
        "    \"mean\": \"image\"\n"
        "  },\n"
        "  \"operator\": {\n"
        "    \"kind\": \"super_resolution\",\n"
        "    \"factor\": 2,\n"
        "    \"filter\": \"box\"\n"
        "  },\n"
        "  \"noise\": {\n"
        "    \"sigma\": 0.10000000000000001\n"
        "  },\n"
        "  \"observation\": {\n"
        "    \"kind\": \"sample\",\n"
        "    \"seed\": 1\n"
        "  },\n"
        "  \"schedule\": {\n"
        "    \"kind\": \"linear\",\n"
        "    \"beta\": [0.0001, 0.02],\n"
        "    \"steps\": 1000\n"
        "  },\n"
        "  \"samplers\": [\n"
        "    {\n"
        "      \"name\": \"cgdm\",\n"
        "      \"label\": \"cgdm\",\n" SCHEME_LINE OTHER_LINES "    },\n"
        "    {\n"
        "      \"name\": \"pigdm\",\n"
        "      \"label\": \"pigdm\",\n" SCHEME_LINE "      \"r2\": \"1-abar\",\n" OTHER_LINES
        "    },\n"
        "    {\n"
        "      \"name\": \"dps\",\n"
        "      \"label\": \"dps\",\n" SCHEME_LINE "      \"alpha\": 1.0,\n" OTHER_LINES "    }\n"
        "  ],\n"
        "  \"conventions\": {\n"
        "    \"guidance\": \"score\",\n"
        "    \"variance\": \"beta_tilde\",\n"
        "    \"last_noise\": false,\n"
        "    \"start\": \"standard\",\n"
        "    \"r2\": \"1-abar\",\n"
        "    \"alpha\": 1.0\n"
        "  },\n"
        "  \"report\": {\n"
        "    \"laws_at\": [800, 600, 400, 200, 50, 0],\n"
        "    \"w2_every\": 10\n"
        "  }\n"
        "}\n";
    gref_case *c = load(write_text(least), NULL);
    char *text = gref_case_print(c);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
    free(text);
    gref_case_free(c);
}
END_TEST

/* print is a fixed point: what it writes loads to the same text and the same doubles. */
START_TEST(test_case_print__loads_again_to_the_same_case)
{
    const char *const sets[] = {"noise.sigma=0.1234567890123456789",
                                "observation.seed=9223372036854775807",
                                "title=a \"title\"\\\xc3\xa9",
                                "conventions.guidance=after",
                                "conventions.zeta=1e-300",
                                "samplers.2.name=dps",
                                "samplers.2.alpha=0.3",
                                "samplers.3={\"name\":\"pigdm\",\"guidance\":\"mean\"}",
                                "samplers.4={\"name\":\"dps-norm\",\"scheme\":\"ddim\",\"eta\":0.5,"
                                "\"times\":[20,7,0]}",
                                "operator.kind=inpainting",
                                "operator.keep=0.7",
                                "report.w2_every=3",
                                NULL};
    gref_case *a = load(write_lines(11, " \"comment\": \"\"}"), sets);
    char *first = gref_case_print(a);
    ck_assert_ptr_nonnull(first);
    gref_case *b = load(write_text(first), NULL);
    char *second = gref_case_print(b);
    ck_assert_ptr_nonnull(second);
    ck_assert_str_eq(first, second);
    ck_assert(gref_case_number(a, "noise", "sigma") == 0.1234567890123456789);
    ck_assert(json_equal(gref_case_completed(a), gref_case_completed(b)));
    free(first);
    free(second);
    gref_case_free(a);
    gref_case_free(b);
}
END_TEST

/* Labels are what tells rows and files apart: unique whatever the samplers are. */
START_TEST(test_case_samplers__labels_are_unique_and_telling)
{
    const struct {
        const char *samplers, *labels;
    } t[] = {
        {"[{\"name\": \"dps\"}]", "dps "},
        {"[{\"name\": \"dps\"}, {\"name\": \"dps\"}, {\"name\": \"dps\"}]", "dps dps-2 dps-3 "},
        {"[{\"name\": \"dps\"}, {\"name\": \"dps\", \"alpha\": 0.5}]",
         "dps-alpha=1.0 dps-alpha=0.5 "},
        {"[{\"name\": \"dps\"}, {\"name\": \"dps\", \"alpha\": 1}]", "dps dps-2 "},
        {"[{\"name\": \"pigdm\"}, {\"name\": \"pigdm\", \"r2\": \"(1-abar)/(2-abar)\"}]",
         "pigdm-r2=1-abar pigdm-r2=1-abar_2-abar "},
        {"[{\"name\": \"cgdm\"}, {\"name\": \"cgdm\", \"variance\": \"beta\", \"last_noise\": "
         "true}]",
         "cgdm-variance=beta_tilde-last_noise=false cgdm-variance=beta-last_noise=true "},
        {"[{\"name\": \"cgdm\", \"label\": \"dps\"}, {\"name\": \"dps\"}]", "dps dps-2 "},
        {"[{\"name\": \"dps\"}, {\"name\": \"cgdm\", \"label\": \"dps\"}]", "dps-2 dps "},
        {"[{\"name\": \"dps\"}, {\"name\": \"dps\", \"alpha\": 2, \"label\": \"mine\"}]",
         "dps mine "},
        {"[{\"name\": \"cgdm\"}, {\"name\": \"cgdm\", \"scheme\": \"ddim\"}, {\"name\": \"cgdm\", "
         "\"scheme\": \"ddim\", \"eta\": 0.5, \"times\": [20, 0]}]",
         "cgdm cgdm-scheme=ddim-eta=0 cgdm-scheme=ddim-eta=0.5 "},
        {"[{\"name\": \"cgdm\"}, {\"name\": \"cgdm\", \"guidance\": \"after\", \"zeta\": 0.5,"
         " \"variance\": \"beta\", \"last_noise\": true, \"start\": \"exact\"}]",
         "cgdm-guidance=score-variance=beta_tilde-last_noise=false "
         "cgdm-guidance=after-zeta=0.5-variance=beta-last_noise=true "},
    };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        char set[1024], labels[512] = "";
        snprintf(set, sizeof set, "samplers=%s", t[k].samplers);
        const char *sets[] = {set, NULL};
        gref_case *c = load(write_lines(0, NULL), sets);
        const gref_sampler_spec *spec = NULL;
        int n = gref_case_samplers(c, &spec);
        for (int s = 0; s < n; s++) {
            strcat(labels, spec[s].label);
            strcat(labels, " ");
        }
        ck_assert_str_eq(labels, t[k].labels);
        gref_case_free(c);
    }
}
END_TEST

/* Own convention before the common one before the default; r2 and alpha are conventions like the
 * others. */
START_TEST(test_case_samplers__conventions_in_force)
{
    const char *const sets[] = {
        "conventions={\"guidance\":\"mean\",\"zeta\":2,\"last_noise\":true,\"alpha\":7,"
        "\"r2\":\"(1-abar)/(2-abar)\"}",
        "samplers=[{\"name\":\"cgdm\"},"
        "{\"name\":\"dps\",\"alpha\":3,\"guidance\":\"after\"},"
        "{\"name\":\"dps\",\"guidance\":\"after\",\"zeta\":5,\"start\":\"exact\"},"
        "{\"name\":\"pigdm\",\"r2\":\"(1-abar)/abar\",\"variance\":\"beta\","
        "\"last_noise\":false},"
        "{\"name\":\"cgdm\",\"scheme\":\"ddim\",\"eta\":0.5,\"guidance\":\"score\","
        "\"times\":[20,3]}]",
        NULL};
    gref_case *c = load(write_lines(0, NULL), sets);
    const gref_sampler_spec *s = NULL;
    ck_assert_int_eq(gref_case_samplers(c, &s), 5);
    const gref_convention expected[] = {
        {.scheme = GREF_SCHEME_DDPM,
         .eta = 0.0,
         .guidance = GREF_GUIDANCE_MEAN,
         .zeta = 0,
         .variance = GREF_VARIANCE_BETA_TILDE,
         .last_noise = true,
         .start = GREF_START_STANDARD,
         .r2 = GREF_R2_1_ABAR,
         .alpha_dps = 1},
        {.scheme = GREF_SCHEME_DDPM,
         .eta = 0.0,
         .guidance = GREF_GUIDANCE_AFTER,
         .zeta = 2,
         .variance = GREF_VARIANCE_BETA_TILDE,
         .last_noise = true,
         .start = GREF_START_STANDARD,
         .r2 = GREF_R2_1_ABAR,
         .alpha_dps = 3},
        {.scheme = GREF_SCHEME_DDPM,
         .eta = 0.0,
         .guidance = GREF_GUIDANCE_AFTER,
         .zeta = 5,
         .variance = GREF_VARIANCE_BETA_TILDE,
         .last_noise = true,
         .start = GREF_START_EXACT,
         .r2 = GREF_R2_1_ABAR,
         .alpha_dps = 7},
        {.scheme = GREF_SCHEME_DDPM,
         .eta = 0.0,
         .guidance = GREF_GUIDANCE_MEAN,
         .zeta = 0,
         .variance = GREF_VARIANCE_BETA,
         .last_noise = false,
         .start = GREF_START_STANDARD,
         .r2 = GREF_R2_1_ABAR_ABAR,
         .alpha_dps = 1},
        {.scheme = GREF_SCHEME_DDIM,
         .eta = 0.5,
         .guidance = GREF_GUIDANCE_SCORE,
         .zeta = 0,
         .variance = GREF_VARIANCE_BETA_TILDE,
         .last_noise = false,
         .start = GREF_START_STANDARD,
         .r2 = GREF_R2_1_ABAR,
         .alpha_dps = 1},
    };
    for (int k = 0; k < 5; k++) {
        const gref_convention *a = &s[k].convention, *b = &expected[k];
        ck_assert(a->guidance == b->guidance && a->zeta == b->zeta && a->variance == b->variance);
        ck_assert(a->last_noise == b->last_noise && a->start == b->start && a->r2 == b->r2);
        ck_assert(a->alpha_dps == b->alpha_dps && a->scheme == b->scheme && a->eta == b->eta);
        ck_assert(s[k].n_times == (k == 4 ? 2 : 0) && (s[k].times != NULL) == (k == 4));
    }
    ck_assert(s[4].times[0] == 20 && s[4].times[1] == 3);
    gref_case_free(c);
}
END_TEST

/* The schema's words are those of the modules they belong to, and so are its defaults. */
START_TEST(test_case_schema__agrees_with_the_library)
{
    gref_case *c = load(write_lines(9, "   {\"name\": \"pigdm\"}],"), NULL);
    const gref_sampler_spec *s = NULL;
    gref_convention d = gref_convention_default();
    ck_assert_int_eq(gref_case_samplers(c, &s), 2);
    for (int k = 0; k < 2; k++) {
        const gref_convention *a = &s[k].convention;
        ck_assert(a->guidance == d.guidance && a->variance == d.variance && a->start == d.start);
        ck_assert(a->last_noise == d.last_noise && a->r2 == d.r2 && a->alpha_dps == d.alpha_dps);
    }
    gref_case_free(c);
    int n;
    const gref_case_row *row = gref_case_rows(&n);
    for (int k = 0; k < n; k++) {
        const char *words = row[k].legal, *key = row[k].key;
        char word[64];
        while (gref_case_next_word(word, &words)) {
            if (strcmp(key, "scheme") == 0)
                ck_assert(gref_scheme_parse(&d.scheme, word));
            if (strcmp(key, "guidance") == 0)
                ck_assert(gref_guidance_parse(&d.guidance, word));
            if (strcmp(key, "variance") == 0)
                ck_assert(gref_variance_parse(&d.variance, word));
            if (strcmp(key, "start") == 0)
                ck_assert(gref_start_parse(&d.start, word));
            if (strcmp(key, "r2") == 0)
                ck_assert(gref_r2_parse(&d.r2, word));
        }
    }
    const char *names = gref_case_row_of("samplers", "", "name")->legal;
    for (int k = 0; gref_sampler_name(k) != NULL; k++)
        ck_assert_msg(gref_case_word_in(names, gref_sampler_name(k)), "no %s",
                      gref_sampler_name(k));
}
END_TEST

/* Times are a fraction of T, each once; T below the fractions' resolution must not repeat one. */
START_TEST(test_case_report__defaults_follow_the_schedule)
{
    const struct {
        int T, every;
        const char *laws;
    } t[] = {{1, 1, "[1, 0]"},
             {2, 1, "[2, 1, 0]"},
             {4, 1, "[3, 2, 1, 0]"},
             {20, 1, "[16, 12, 8, 4, 1, 0]"},
             {199, 1, "[159, 119, 80, 40, 10, 0]"},
             {250, 2, "[200, 150, 100, 50, 13, 0]"},
             {1000, 10, "[800, 600, 400, 200, 50, 0]"}};
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        char set[64], value[512];
        const char *sets[] = {set, NULL};
        const int *laws = NULL;
        snprintf(set, sizeof set, "schedule.steps=%d", t[k].T);
        gref_case *c = load(write_lines(11, " \"report\": {}}"), sets);
        value_at(value, c, "report.laws_at");
        ck_assert_str_eq(value, t[k].laws);
        ck_assert_int_eq(gref_case_w2_every(c), t[k].every);
        int n = gref_case_laws_at(c, &laws);
        ck_assert_int_eq(laws[n - 1], 0);
        for (int i = 1; i < n; i++)
            ck_assert(laws[i - 1] > laws[i]);
        gref_case_free(c);
    }
}
END_TEST

/* Lines counted by hand in a text with everything that could mislead a scanner. */
START_TEST(test_case_locate__finds_lines)
{
    const char *text =
        "\n{\"a\": \"}\\\"{\\n\",\n \"b\"\n:\n[1, [2,\n{\"c\": [ ]}], {}, {\"a\":\n3}],\r\n"
        "\"b.1\": 4, \"d\": {\"b\": -1e5},\n\"\\u0065\": true}\n";
    const struct {
        const char *key;
        int line;
    } t[] = {{"", 2},        {"a", 2},   {"b", 3},       {"b.0", 5},   {"b.1", 5},   {"b.1.1", 6},
             {"b.1.1.c", 6}, {"b.2", 6}, {"b.3", 6},     {"b.3.a", 6}, {"b.4", 0},   {"d.b", 8},
             {"e", 9},       {"c", 0},   {"b.1.1.d", 0}, {"a.b", 0},   {"d.b.c", 0}, {"b.x", 0}};
    for (size_t k = 0; k < sizeof t / sizeof *t; k++)
        ck_assert_msg(gref_case_locate(text, t[k].key) == t[k].line, "%s: %d, not %d", t[k].key,
                      gref_case_locate(text, t[k].key), t[k].line);
    ck_assert_int_eq(gref_case_locate("{\"x\": 1,\n\"a\": {\"b\": 1},\n\"a.c\": 1}", "a.c"), 3);
    ck_assert_int_eq(gref_case_locate("{\"a\": {\"b\": 1},\n\"ab\": 1}", "ab"), 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("case");
    TCase *tc = new_tcase(s, "case");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_case_override__sets_creates_appends_and_drops);
    tcase_add_test(tc, test_case_override__drops_what_the_new_kind_does_not_mean);
    tcase_add_test(tc, test_case_print__fills_in_every_default);
    tcase_add_test(tc, test_case_print__loads_again_to_the_same_case);
    tcase_add_test(tc, test_case_samplers__labels_are_unique_and_telling);
    tcase_add_test(tc, test_case_samplers__conventions_in_force);
    tcase_add_test(tc, test_case_schema__agrees_with_the_library);
    tcase_add_test(tc, test_case_report__defaults_follow_the_schedule);
    tcase_add_test(tc, test_case_locate__finds_lines);
    return run_suite(s);
}
