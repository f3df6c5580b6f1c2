/*
 * The schema of a case file, gref-case/1: one row per legal key, in the order of a printed case.
 *
 * An object with a "kind" (a sampler with a "name") has only the keys of that kind. What one row
 * cannot say (one key needing another) is in case_rules.c and case_samplers.c.
 */
#include <string.h>

#include "internal.h"

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
#define NUMBER_OR_WORD GREF_CASE_NUMBER_OR_WORD
#define NUMBER_OR_FILE GREF_CASE_NUMBER_OR_FILE
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
#define R2S "1-abar|(1-abar)/abar|(1-abar)/(2-abar)"

/* clang-format off */
static const gref_case_row rows[] = {
    /* object      kinds               key            type      default          range      words */
    {"", NULL,                         "schema",      KIND,     MUST,            NULL,      "gref-case/1"},
    {"", NULL,                         "title",       TEXT,     MAY,             NULL,      NULL},
    {"", NULL,                         "comment",     TEXT,     MAY,             NULL,      NULL},
    {"", NULL,                         "image",       OBJECT,   MAY,             NULL,      NULL},
    {"", NULL,                         "prior",       OBJECT,   "{}",            NULL,      NULL},
    {"", NULL,                         "operator",    OBJECT,   MUST,            NULL,      NULL},
    {"", NULL,                         "noise",       OBJECT,   MUST,            NULL,      NULL},
    {"", NULL,                         "observation", OBJECT,   "{}",            NULL,      NULL},
    {"", NULL,                         "schedule",    OBJECT,   "{}",            NULL,      NULL},
    {"", NULL,                         "samplers",    LIST,     THE_THREE,       NULL,      NULL},
    {"", NULL,                         "conventions", OBJECT,   "{}",            NULL,      NULL},
    {"", NULL,                         "report",      OBJECT,   "{}",            NULL,      NULL},

    {"image", NULL,                    "file",        FILENAME, MUST,            NULL,      NULL},
    {"image", NULL,                    "crop",        BOX,      MAY,             NULL,      NULL},
    {"image", NULL,                    "range",       SPAN,     "[-1, 1]",       NULL,      NULL},

    {"prior", NULL,                    "kind",        KIND,     "\"adsn\"",      NULL,      ADSN "|patches|gaussian"},
    {"prior", "adsn_window",           "window",      BOX,      MUST,            NULL,      NULL},
    {"prior", ADSN,                    "mean",        NUMBER_OR_WORD, "\"image\"", NULL,    "image|zero"},
    {"prior", "patches",               "size",        SIZE,     MUST,            "[1,inf)", NULL},
    {"prior", "patches",               "stride",      INT,      "1",             "[1,inf)", NULL},
    {"prior", "gaussian",              "mean",        NUMBER_OR_FILE, MUST,      NULL,      NULL},
    {"prior", "gaussian",              "cov",         FILENAME, MUST,            NULL,      NULL},
    {"prior", "gaussian",              "shape",       SIZE,     MAY,             "[1,inf)", NULL},

    {"operator", NULL,                 "kind",        KIND,     MUST,            NULL,      OPERATORS},
    {"operator", "gaussian_blur",      "std",         NUMBER,   MUST,            "(0,inf)", NULL},
    {"operator", "gaussian_blur",      "size",        ODD,      MUST,            "[1,4095]", NULL},
    {"operator", "motion_blur",        "length",      NUMBER,   MUST,            "(0,4095]", NULL},
    {"operator", "motion_blur",        "angle",       NUMBER,   "0",             NULL,      NULL},
    {"operator", "kernel",             "file",        FILENAME, MUST,            NULL,      NULL},
    {"operator", CONVOLUTIONS,         "boundary",    WORD,     "\"periodic\"",  NULL,      BOUNDARIES},
    {"operator", CONVOLUTIONS,         "correlate",   BOOL,     "false",         NULL,      NULL},
    {"operator", "super_resolution",   "factor",      INT,      MUST,            "[1,inf)", NULL},
    {"operator", "super_resolution",   "filter",      WORD,     "\"box\"",       NULL,      "box|bicubic|none"},
    {"operator", "inpainting",         "mask",        FILENAME, MAY,             NULL,      NULL},
    {"operator", "inpainting",         "box",         BOX,      MAY,             NULL,      NULL},
    {"operator", "inpainting",         "keep",        NUMBER,   MAY,             "(0,1]",   NULL},
    {"operator", "inpainting",         "seed",        SEED,     MAY,             "[0,inf)", NULL},
    {"operator", "matrix",             "file",        FILENAME, MUST,            NULL,      NULL},

    {"noise", NULL,                    "sigma",       NUMBER,   MUST,            "[0,inf)", NULL},

    {"observation", NULL,              "kind",        KIND,     "\"sample\"",    NULL,      "sample|image|file"},
    {"observation", "sample|image",    "seed",        SEED,     "1",             "[0,inf)", NULL},
    {"observation", "file",            "file",        FILENAME, MUST,            NULL,      NULL},

    {"schedule", NULL,                 "kind",        KIND,     "\"linear\"",    NULL,      "linear|cosine|file"},
    {"schedule", "linear",             "beta",        SPAN,     "[1e-4, 0.02]",  "(0,1)",   NULL},
    {"schedule", "linear|cosine",      "steps",       INT,      "1000",          "[1,1000000]", NULL},
    {"schedule", "file",               "file",        FILENAME, MUST,            NULL,      NULL},

    {"samplers", NULL,                 "name",        KIND,     MUST,            NULL,      "ddpm|dps|pigdm|cgdm"},
    {"samplers", NULL,                 "label",       LABEL,    MAY,             NULL,      NULL},
    {"samplers", "dps",                "alpha",       NUMBER,   "1.0",           "(0,inf)", NULL},
    {"samplers", "pigdm",              "r2",          WORD,     "\"1-abar\"",    NULL,      R2S},
    {"samplers", NULL,                 "guidance",    WORD,     MAY,             NULL,      "score|mean|after"},
    {"samplers", NULL,                 "zeta",        NUMBER,   MAY,             "(0,inf)", NULL},
    {"samplers", NULL,                 "variance",    WORD,     MAY,             NULL,      "beta|beta_tilde"},
    {"samplers", NULL,                 "last_noise",  BOOL,     MAY,             NULL,      NULL},
    {"samplers", NULL,                 "start",       WORD,     MAY,             NULL,      "standard|exact"},

    {"conventions", NULL,              "guidance",    WORD,     "\"score\"",     NULL,      "score|mean|after"},
    {"conventions", NULL,              "zeta",        NUMBER,   MAY,             "(0,inf)", NULL},
    {"conventions", NULL,              "variance",    WORD,     "\"beta_tilde\"", NULL,     "beta|beta_tilde"},
    {"conventions", NULL,              "last_noise",  BOOL,     "false",         NULL,      NULL},
    {"conventions", NULL,              "start",       WORD,     "\"standard\"",  NULL,      "standard|exact"},

    {"report", NULL,                   "laws_at",     INTS,     MAY,             "[0,inf)", NULL},
    {"report", NULL,                   "w2_every",    INT,      MAY,             "[1,inf)", NULL},
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
