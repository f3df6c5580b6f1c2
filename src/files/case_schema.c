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
#define NUM_OR_WORD GREF_CASE_NUMBER_OR_WORD
#define NUM_OR_FILE GREF_CASE_NUMBER_OR_FILE
#define BOX GREF_CASE_BOX
#define SIZE GREF_CASE_SIZE
#define SPAN GREF_CASE_SPAN
#define INTS GREF_CASE_INTS
#define OBJECT GREF_CASE_OBJECT
#define LIST GREF_CASE_LIST

#define ADSN "adsn|adsn_window"
#define CONVOLUTIONS "gaussian_blur|motion_blur|kernel"
#define THE_THREE                                                                                  \
    "[{\"name\": \"cgdm\"}, {\"name\": \"pigdm\", \"r2\": \"1-abar\"},"                            \
    " {\"name\": \"dps\", \"alpha\": 1.0}]"
#define OPERATORS "identity|gaussian_blur|motion_blur|kernel|super_resolution|inpainting|matrix"
#define BOUNDARIES "periodic|zero|reflect|symmetric|replicate|valid"
#define SCHEMA "gref-case/1"
#define PRIORS ADSN "|patches|gaussian"
#define MEANS "image|zero"
#define FILTERS "box|bicubic|none"
#define OBSERVATIONS "sample|image|file"
#define SCHEDULES "linear|cosine|file"
#define AFFINE "ddpm|dps|pigdm|cgdm"
#define SAMPLERS AFFINE "|dps-norm"
#define GUIDANCES "score|mean|after"
#define VARIANCES "beta|beta_tilde"
#define STARTS "standard|exact"
#define R2S "1-abar|(1-abar)/abar|(1-abar)/(2-abar)"

/* clang-format off */
static const gref_case_row rows[] = {
    /* object       kinds               key            type         default           legal */
    {"",            ANY,                "schema",      KIND,        MUST,             SCHEMA},
    {"",            ANY,                "title",       TEXT,        MAY,              NULL},
    {"",            ANY,                "comment",     TEXT,        MAY,              NULL},
    {"",            ANY,                "image",       OBJECT,      MAY,              NULL},
    {"",            ANY,                "prior",       OBJECT,      "{}",             NULL},
    {"",            ANY,                "operator",    OBJECT,      MUST,             NULL},
    {"",            ANY,                "noise",       OBJECT,      MUST,             NULL},
    {"",            ANY,                "observation", OBJECT,      "{}",             NULL},
    {"",            ANY,                "schedule",    OBJECT,      "{}",             NULL},
    {"",            ANY,                "samplers",    LIST,        THE_THREE,        NULL},
    {"",            ANY,                "conventions", OBJECT,      "{}",             NULL},
    {"",            ANY,                "report",      OBJECT,      "{}",             NULL},

    {"image",       ANY,                "file",        FILENAME,    MUST,             NULL},
    {"image",       ANY,                "crop",        BOX,         MAY,              NULL},
    {"image",       ANY,                "range",       SPAN,        "[-1, 1]",        NULL},

    {"prior",       ANY,                "kind",        KIND,        "\"adsn\"",       PRIORS},
    {"prior",       "adsn_window",      "window",      BOX,         MUST,             NULL},
    {"prior",       ADSN,               "mean",        NUM_OR_WORD, "\"image\"",      MEANS},
    {"prior",       "patches",          "size",        SIZE,        MUST,             "[1,inf)"},
    {"prior",       "patches",          "stride",      INT,         "1",              "[1,inf)"},
    {"prior",       "gaussian",         "mean",        NUM_OR_FILE, MUST,             NULL},
    {"prior",       "gaussian",         "cov",         FILENAME,    MUST,             NULL},
    {"prior",       "gaussian",         "shape",       SIZE,        MAY,              "[1,inf)"},

    {"operator",    ANY,                "kind",        KIND,        MUST,             OPERATORS},
    {"operator",    "gaussian_blur",    "std",         NUMBER,      MUST,             "(0,inf)"},
    {"operator",    "gaussian_blur",    "size",        ODD,         MUST,             "[1,4095]"},
    {"operator",    "motion_blur",      "length",      NUMBER,      MUST,             "(0,4095]"},
    {"operator",    "motion_blur",      "angle",       NUMBER,      "0",              NULL},
    {"operator",    "kernel",           "file",        FILENAME,    MUST,             NULL},
    {"operator",    CONVOLUTIONS,       "boundary",    WORD,        "\"periodic\"",   BOUNDARIES},
    {"operator",    CONVOLUTIONS,       "correlate",   BOOL,        "false",          NULL},
    {"operator",    "super_resolution", "factor",      INT,         MUST,             "[1,inf)"},
    {"operator",    "super_resolution", "filter",      WORD,        "\"box\"",        FILTERS},
    {"operator",    "inpainting",       "mask",        FILENAME,    MAY,              NULL},
    {"operator",    "inpainting",       "box",         BOX,         MAY,              NULL},
    {"operator",    "inpainting",       "keep",        NUMBER,      MAY,              "(0,1]"},
    {"operator",    "inpainting",       "seed",        SEED,        MAY,              "[0,inf)"},
    {"operator",    "matrix",           "file",        FILENAME,    MUST,             NULL},

    {"noise",       ANY,                "sigma",       NUMBER,      MUST,             "[0,inf)"},

    {"observation", ANY,                "kind",        KIND,        "\"sample\"",     OBSERVATIONS},
    {"observation", "sample|image",     "seed",        SEED,        "1",              "[0,inf)"},
    {"observation", "file",             "file",        FILENAME,    MUST,             NULL},

    {"schedule",    ANY,                "kind",        KIND,        "\"linear\"",     SCHEDULES},
    {"schedule",    "linear",           "beta",        SPAN,        "[1e-4, 0.02]",   "(0,1)"},
    {"schedule",    "linear|cosine",    "steps",       INT,         "1000",           "[1,1e6]"},
    {"schedule",    "file",             "file",        FILENAME,    MUST,             NULL},

    {"samplers",    ANY,                "name",        KIND,        MUST,             SAMPLERS},
    {"samplers",    ANY,                "label",       LABEL,       MAY,              NULL},
    {"samplers",    "dps",              "alpha",       NUMBER,      MAY,              "(0,inf)"},
    {"samplers",    "pigdm",            "r2",          WORD,        MAY,              R2S},
    {"samplers",    AFFINE,             "guidance",    WORD,        MAY,              GUIDANCES},
    {"samplers",    ANY,                "zeta",        NUMBER,      MAY,              "(0,inf)"},
    {"samplers",    ANY,                "variance",    WORD,        MAY,              VARIANCES},
    {"samplers",    ANY,                "last_noise",  BOOL,        MAY,              NULL},
    {"samplers",    ANY,                "start",       WORD,        MAY,              STARTS},

    {"conventions", ANY,                "guidance",    WORD,        "\"score\"",      GUIDANCES},
    {"conventions", ANY,                "zeta",        NUMBER,      MAY,              "(0,inf)"},
    {"conventions", ANY,                "variance",    WORD,        "\"beta_tilde\"", VARIANCES},
    {"conventions", ANY,                "last_noise",  BOOL,        "false",          NULL},
    {"conventions", ANY,                "start",       WORD,        "\"standard\"",   STARTS},
    {"conventions", ANY,                "r2",          WORD,        "\"1-abar\"",     R2S},
    {"conventions", ANY,                "alpha",       NUMBER,      "1.0",            "(0,inf)"},

    {"report",      ANY,                "laws_at",     INTS,        MAY,              "[0,inf)"},
    {"report",      ANY,                "w2_every",    INT,         MAY,              "[1,inf)"},
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
