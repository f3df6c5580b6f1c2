/*
 * The schema of a case file, gref-case/1: one row per legal key, in the order of a printed case.
 *
 * An object with a "kind" (a sampler with a "name") has only the keys of that kind. What one row
 * cannot say (one key needing another) is in case_rules.c and case_samplers.c.
 */
#include <string.h>

#include "internal.h"

#define ANY NULL
#define MUST GREF_CASE_REQUIRED
#define MAY GREF_CASE_OPTIONAL
#define KIND GREF_CASE_KIND
#define WORD GREF_CASE_WORD
#define TEXT GREF_CASE_TEXT
#define FILENAME GREF_CASE_FILE
#define LABEL GREF_CASE_LABEL
#define BOOL GREF_CASE_BOOL
#define INT GREF_CASE_INT
#define ODD GREF_CASE_ODD
#define SEED GREF_CASE_SEED
#define NUMBER GREF_CASE_NUMBER
#define NUM_WORD GREF_CASE_NUMBER_OR_WORD
#define NUM_FILE GREF_CASE_NUMBER_OR_FILE
#define VARIANCE GREF_CASE_VARIANCE
#define START GREF_CASE_START
#define BOX GREF_CASE_BOX
#define SIZE GREF_CASE_SIZE
#define SPAN GREF_CASE_SPAN
#define RISING GREF_CASE_RISING
#define INTS GREF_CASE_INTS
#define TIMES GREF_CASE_TIMES
#define OBJECT GREF_CASE_OBJECT
#define LIST GREF_CASE_LIST

#define ADSN "adsn|adsn_window"
#define CONVOLUTIONS "gaussian_blur|motion_blur|kernel"
#define THE_THREE                                                                                  \
    "[{\"name\": \"cgdm\"}, {\"name\": \"pigdm\", \"r2\": \"1-abar\"},"                            \
    " {\"name\": \"dps\", \"alpha\": 1.0}]"
#define OPERATORS                                                                                  \
    "none|identity|gaussian_blur|motion_blur|kernel|super_resolution|inpainting|matrix"
#define BOUNDARIES "periodic|zero|reflect|symmetric|replicate|valid"
#define SCHEMA "gref-case/1"
#define PRIORS ADSN "|patches|gaussian"
#define MEANS "image|zero"
#define FILTERS "box|bicubic|none"
#define OBSERVATIONS "sample|image|file"
#define SCHEDULES "linear|cosine|vp|edm|file"
#define SCHEDULE_FILES "file|abar|sigmas"
#define PRIOR_ROWS "unconditional|ddpm"
#define LIKELIHOODS "dps|pigdm|cgdm|mmps|tmpd-full|tmpd"
#define CODED "pigdm-code|pigdm-weighted|dps-square"
#define PROJECTIONS "ddrm|ddnm|ddnm+|diffpir"
#define GUIDED PRIOR_ROWS "|" LIKELIHOODS
#define SCHEMED GUIDED "|" CODED "|dps-norm"
#define METHODS SCHEMED "|" PROJECTIONS
#define SAMPLERS METHODS "|affine"
#define SCHEMES "ddpm|ddim|em|ei|euler|heun|rk4"
#define ETAS "std|variance|state"
#define SPACINGS "all|leading|linspace|trailing|skip|quad"
#define TARGETS "posterior|prior"
#define FAULTS "noise-over-sqrt2|diffusion-x2|previous-t|noise-without-VT"
#define GUIDANCES "score|mean|after"
#define VARIANCES "beta|beta_tilde|fixed_large"
#define STARTS "standard|exact|noise|authors|paper"
#define R2S "1-abar|(1-abar)/abar|(1-abar)/(2-abar)"

/*
 * KEY is a row that depends on no other key. ONE_OF is one of the keys of `group`, of which an
 * object has exactly one. WITH is a row that belongs to what it `needs`: another key, or another
 * key with that word.
 */
#define KEY(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__, NULL, NULL                                                                    \
    }
#define ONE_OF(group, ...)                                                                         \
    {                                                                                              \
        __VA_ARGS__, group, NULL                                                                   \
    }
#define WITH(needs, ...)                                                                           \
    {                                                                                              \
        __VA_ARGS__, NULL, needs                                                                   \
    }

/* clang-format off */
static const gref_case_row rows[] = {
    /*  object         kinds               key            type      default           legal */
    KEY("",            ANY,                "schema",      KIND,     MUST,             SCHEMA),
    KEY("",            ANY,                "title",       TEXT,     MAY,              NULL),
    KEY("",            ANY,                "comment",     TEXT,     MAY,              NULL),
    KEY("",            ANY,                "image",       OBJECT,   MAY,              NULL),
    KEY("",            ANY,                "prior",       OBJECT,   "{}",             NULL),
    KEY("",            ANY,                "operator",    OBJECT,   MUST,             NULL),
    KEY("",            ANY,                "noise",       OBJECT,   MUST,             NULL),
    KEY("",            ANY,                "observation", OBJECT,   "{}",             NULL),
    KEY("",            ANY,                "schedule",    OBJECT,   "{}",             NULL),
    KEY("",            ANY,                "samplers",    LIST,     THE_THREE,        NULL),
    KEY("",            ANY,                "conventions", OBJECT,   "{}",             NULL),
    KEY("",            ANY,                "report",      OBJECT,   "{}",             NULL),

    KEY("image",       ANY,                "file",        FILENAME, MUST,             NULL),
    KEY("image",       ANY,                "crop",        BOX,      MAY,              NULL),
    KEY("image",       ANY,                "range",       RISING,   "[-1, 1]",        NULL),

    KEY("prior",       ANY,                "kind",        KIND,     "\"adsn\"",       PRIORS),
    KEY("prior",       "adsn_window",      "window",      BOX,      MUST,             NULL),
    KEY("prior",       ADSN,               "mean",        NUM_WORD, "\"image\"",      MEANS),
    KEY("prior",       "patches",          "size",        SIZE,     MUST,             "[1,inf)"),
    KEY("prior",       "patches",          "stride",      INT,      "1",              "[1,inf)"),
    KEY("prior",       "gaussian",         "mean",        NUM_FILE, MUST,             NULL),
    KEY("prior",       "gaussian",         "cov",         FILENAME, MUST,             NULL),
    KEY("prior",       "gaussian",         "shape",       SIZE,     MAY,              "[1,inf)"),

    KEY("operator",    ANY,                "kind",        KIND,     MUST,             OPERATORS),
    KEY("operator",    "gaussian_blur",    "std",         NUMBER,   MUST,             "(0,inf)"),
    KEY("operator",    "gaussian_blur",    "size",        ODD,      MUST,             "[1,4095]"),
    KEY("operator",    "motion_blur",      "length",      NUMBER,   MUST,             "(0,4095]"),
    KEY("operator",    "motion_blur",      "angle",       NUMBER,   "0",              NULL),
    KEY("operator",    "kernel",           "file",        FILENAME, MUST,             NULL),
    KEY("operator",    CONVOLUTIONS,       "boundary",    WORD,     "\"periodic\"",   BOUNDARIES),
    KEY("operator",    CONVOLUTIONS,       "correlate",   BOOL,     "false",          NULL),
    KEY("operator",    "super_resolution", "factor",      INT,      MUST,             "[1,inf)"),
    KEY("operator",    "super_resolution", "filter",      WORD,     "\"box\"",        FILTERS),
    ONE_OF("mask|box|keep", "operator", "inpainting", "mask", FILENAME, MAY, NULL),
    ONE_OF("mask|box|keep", "operator", "inpainting", "box", BOX, MAY, NULL),
    ONE_OF("mask|box|keep", "operator", "inpainting", "keep", NUMBER, MAY, "(0,1]"),
    WITH("keep", "operator", "inpainting", "seed", SEED, "1", "[0,inf)"),
    KEY("operator",    "matrix",           "file",        FILENAME, MUST,             NULL),

    KEY("noise",       ANY,                "sigma",       NUMBER,   MUST,             "[0,inf)"),

    KEY("observation", ANY,                "kind",        KIND,     "\"sample\"",     OBSERVATIONS),
    KEY("observation", "sample|image",     "seed",        SEED,     "1",              "[0,inf)"),
    KEY("observation", "file",             "file",        FILENAME, MUST,             NULL),

    KEY("schedule",    ANY,                "kind",        KIND,     "\"linear\"",     SCHEDULES),
    KEY("schedule",    "linear",           "beta",        SPAN,     "[1e-4, 0.02]",   "(0,1)"),
    KEY("schedule",    "linear",           "scaled",      BOOL,     MAY,              NULL),
    KEY("schedule",    "vp",               "beta",        SPAN,     "[0.1, 20]",      "[0,inf)"),
    KEY("schedule",    "vp",               "span",        RISING,   "[1e-3, 1]",      "[0,inf)"),
    KEY("schedule",    "edm",              "sigma",       RISING,   "[0.002, 80]",    "(0,inf)"),
    KEY("schedule",    "edm",              "rho",         NUMBER,   "7",              "(0,inf)"),
    KEY("schedule",    "edm",              "steps",       INT,      "18",             "[2,1e6]"),
    KEY("schedule",    "linear|cosine|vp", "steps",       INT,      "1000",           "[1,1e6]"),
    ONE_OF(SCHEDULE_FILES, "schedule", "file", "file", FILENAME, MAY, NULL),
    ONE_OF(SCHEDULE_FILES, "schedule", "file", "abar", FILENAME, MAY, NULL),
    ONE_OF(SCHEDULE_FILES, "schedule", "file", "sigmas", FILENAME, MAY, NULL),

    KEY("samplers",    ANY,                "name",        KIND,     MUST,             SAMPLERS),
    KEY("samplers",    ANY,                "label",       LABEL,    MAY,              NULL),
    KEY("samplers",    METHODS,            "preset",      TEXT,     MAY,              NULL),
    WITH("preset", "samplers", METHODS, "faults", BOOL, MAY, NULL),
    KEY("samplers",    METHODS,            "fault",       WORD,     MAY,              FAULTS),
    KEY("samplers",    "affine",           "file",        FILENAME, MUST,             NULL),
    KEY("samplers",    SCHEMED,            "scheme",      WORD,     MAY,              SCHEMES),
    KEY("samplers",    METHODS,            "eta",         NUMBER,   MAY,              "[0,1]"),
    KEY("samplers",    SCHEMED,            "eta_on",      WORD,     MAY,              ETAS),
    KEY("samplers",    METHODS,            "times",       TIMES,    MAY,              "[0,inf)"),
    KEY("samplers",    METHODS,            "steps",       INT,      MAY,              "[1,inf)"),
    WITH("steps", "samplers", METHODS, "spacing", WORD, "\"leading\"", SPACINGS),
    KEY("samplers",    "dps|dps-square",   "alpha",       NUMBER,   MAY,              "(0,inf)"),
    KEY("samplers",    "pigdm",            "r2",          WORD,     MAY,              R2S),
    KEY("samplers",    GUIDED,             "guidance",    WORD,     MAY,              GUIDANCES),
    KEY("samplers",    "diffpir",          "zeta",        NUMBER,   MAY,              "[0,1]"),
    KEY("samplers",    SCHEMED,            "zeta",        NUMBER,   MAY,              "(0,inf)"),
    KEY("samplers",    SCHEMED,            "variance",    VARIANCE, MAY,              VARIANCES),
    KEY("samplers",    SCHEMED,            "last_noise",  BOOL,     MAY,              NULL),
    KEY("samplers",    METHODS,            "start",       START,    MAY,              STARTS),
    KEY("samplers",    "ddrm",             "eta_b",       NUMBER,   MAY,              "[0,1]"),
    KEY("samplers",    "diffpir",          "lambda",      NUMBER,   MAY,              "(0,inf)"),
    KEY("samplers",    "diffpir",          "rho_scale",   NUMBER,   MAY,              "(0,inf)"),
    KEY("samplers",    PROJECTIONS "|pigdm-code", "rank_tol", NUMBER, MAY,            "[0,inf)"),
    KEY("samplers",    ANY,                "target",      WORD,     MAY,              TARGETS),

    KEY("conventions", ANY,                "guidance",    WORD,     "\"score\"",      GUIDANCES),
    KEY("conventions", ANY,                "zeta",        NUMBER,   MAY,              "(0,inf)"),
    KEY("conventions", ANY,                "variance",    VARIANCE, "\"beta_tilde\"", VARIANCES),
    KEY("conventions", ANY,                "last_noise",  BOOL,     "false",          NULL),
    KEY("conventions", ANY,                "start",       START,    "\"standard\"",   STARTS),
    KEY("conventions", ANY,                "r2",          WORD,     "\"1-abar\"",     R2S),
    KEY("conventions", ANY,                "alpha",       NUMBER,   "1.0",            "(0,inf)"),

    KEY("report",      ANY,                "laws_at",     INTS,     MAY,              "[0,inf)"),
    KEY("report",      ANY,                "w2_every",    INT,      MAY,              "[1,inf)"),
};
/* clang-format on */

const gref_case_row *gref_case_rows(int *n)
{
    *n = (int)(sizeof rows / sizeof *rows);
    return rows;
}

bool gref_case_next_word(char word[64], const char **words)
{
    if (*words == NULL || **words == '\0')
        return false;
    size_t length = strcspn(*words, "|");
    snprintf(word, 64, "%.*s", (int)length, *words);
    *words += length + ((*words)[length] == '|');
    return true;
}

bool gref_case_word_in(const char *words, const char *word)
{
    char legal[64];
    while (gref_case_next_word(legal, &words))
        if (strcmp(legal, word) == 0)
            return true;
    return false;
}

int gref_case_list_words(char list[GREF_CASE_LIST_SIZE], const char *words, const char *quote)
{
    char word[64];
    int count = 0;
    *list = '\0';
    for (; gref_case_next_word(word, &words); count++) {
        size_t used = strlen(list);
        snprintf(list + used, GREF_CASE_LIST_SIZE - used, "%s%s%s%s", used == 0 ? "" : ", ", quote,
                 word, quote);
    }
    return count;
}

const gref_case_row *gref_case_row_of(const char *object, const char *kind, const char *key)
{
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (strcmp(rows[k].object, object) == 0 && strcmp(rows[k].key, key) == 0 &&
            (rows[k].kinds == NULL || gref_case_word_in(rows[k].kinds, kind)))
            return &rows[k];
    return NULL;
}

const gref_case_row *gref_case_selector(const char *object)
{
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (strcmp(rows[k].object, object) == 0 && rows[k].type == GREF_CASE_KIND)
            return &rows[k];
    return NULL;
}

void gref_case_kind(char kind[64], const char *object, const json_t *given)
{
    const gref_case_row *selector = gref_case_selector(object);
    *kind = '\0';
    if (selector == NULL)
        return;
    const char *word = json_string_value(json_object_get(given, selector->key));
    if (word != NULL)
        snprintf(kind, 64, "%s", word);
    else if (selector->fallback != NULL)
        sscanf(selector->fallback, "\"%63[^\"]", kind);
}
