/* What the file modules share; not installed. */
#ifndef GREF_FILES_INTERNAL_H
#define GREF_FILES_INTERNAL_H

#include <stddef.h>
#include <stdio.h>

#include <gref/npy.h>

#include "base/guess.h"
#include "base/internal.h"

/*
 * A file being written: the bytes go to a temporary name in the target's folder, which commit
 * renames.
 *
 *     SCOPED(gref_output) o = {0};
 *     TRY(gref_output_open(&o, path));
 *     fprintf(o.fp, ...);
 *     TRY(gref_output_commit(&o));
 */
typedef struct {
    FILE *fp;
    char *target; /* where the file will appear, symbolic links followed */
    char *temp;   /* what it is called until then */
} gref_output;

gref_status gref_output_open(gref_output *o, const char *path);
gref_status gref_output_commit(gref_output *o); /* *o is {0} afterwards, also on error */
void gref_output_free(gref_output *o); /* removes the temporary; accepts {0}, and a second call */

/* The name that a file written to `path` must be renamed to; refuses what is no regular file. */
gref_status gref_output_target(char **target, const char *path);
/*
 * A folder being filled: files are written into `stage`, which commit moves into the target (made
 * with its parents), over files of the same names; folders inside are merged. Free removes the
 * stage.
 */
typedef struct {
    char *target, *stage;
} gref_folder;

/* Refuses with GREF_ERR_EXISTS if one of `names` (NULL-terminated) is there and force is false. */
gref_status gref_folder_open(gref_folder *f, const char *path, const char *const *names,
                             bool force);
gref_status gref_folder_commit(gref_folder *f); /* *f is {0} afterwards, also on error */
void gref_folder_free(gref_folder *f);          /* accepts {0}, and a second call */
/* Where the file `name` ("a/b.npy") is to be written; its folders are made. The caller frees it. */
gref_status gref_folder_path(char **path, const gref_folder *f, const char *name);
/* Writes `text` to the file `name` of a folder; GREF_ERR_NOMEM if text is NULL. */
gref_status gref_file_write(const char *dir, const char *name, const char *text);

/* Length of the folder part of a path, its last slash included. */
int gref_folder_length(const char *path);

enum { GREF_NPY_DIMS = 3, GREF_NPY_EXCERPT = 60, GREF_NPY_WRITTEN = 128, GREF_NPZ_NAME = 65000 };
#if defined(__x86_64__) || defined(__i386__)
#define GREF_NPY_X86 1 /* long double is the 80-bit format, f12 or f16 */
#else
#define GREF_NPY_X86 0
#endif

/* What the header of a .npy file says. */
typedef struct {
    char dtype[64];               /* as it stands there: "<f8" */
    char order, kind;             /* '<', 'f' */
    int size;                     /* bytes of one entry */
    bool fortran;                 /* entries stored column by column */
    int ndim;                     /* any */
    int dim[GREF_NPY_DIMS];       /* the first ones; dim[k] is 1 for k >= ndim */
    char shape[GREF_NPY_EXCERPT]; /* as it stands there: "(3, 4)" */
} gref_npy_header;

/* Fails for what gref_npy_read refuses; *data is where the entries begin. */
gref_status gref_npy_read_header(gref_npy_header *h, size_t *data, const unsigned char *bytes,
                                 size_t size, const char *name);
/* The header of A as an ndim-dimensional array of '<f8' in C order. */
void gref_npy_write_header(char text[GREF_NPY_WRITTEN], gref_cmat A, int ndim);
/* Takes the next bytes of a file that is being written. Messages of the two below name no file. */
typedef gref_status gref_sink(void *to, const void *bytes, size_t size);
/* Fails unless A can be an ndim-dimensional array. */
gref_status gref_npy_require(gref_cmat A, int ndim);
/* The bytes of A as an ndim-dimensional .npy file. */
gref_status gref_npy_emit(gref_sink *put, void *to, gref_cmat A, int ndim);

/*
 * An array of dimension 0 to 3 as matrices: x[k, i, j] is entry (i, j) of page k. An array of
 * dimension 2 or less is one page, as gref_npy_read has it.
 */
typedef struct {
    gref_mat *page;
    int count, ndim;
    double u; /* entries were rounded to it: 2^-11 and 2^-24 for float16 and float32, else 2^-53 */
} gref_pages;
void gref_pages_free(gref_pages *p);

/* The array in the bytes of a .npy file; `name` stands for the file in messages. */
gref_status gref_npy_parse_pages(gref_pages *p, const unsigned char *bytes, size_t size,
                                 const char *name);
/* The same for an array of dimension 0 to 2. */
gref_status gref_npy_parse(gref_mat *A, int *ndim, const unsigned char *bytes, size_t size,
                           const char *name);
/* This, gref_npy_read and gref_npz_get, with the u of gref_pages. */
gref_status gref_npy_parse_rounded(gref_mat *A, int *ndim, double *u, const unsigned char *bytes,
                                   size_t size, const char *name);
gref_status gref_npy_read_rounded(gref_mat *A, int *ndim, double *u, const char *path);
gref_status gref_npz_get_rounded(gref_mat *A, double *u, gref_npz_reader *r, const char *name);

/* As gref_npz_get, for an array of dimension 0 to 3. */
gref_status gref_npz_get_pages(gref_pages *p, gref_npz_reader *r, const char *name);
/* The inflated bytes of a member, whatever it holds; free(*bytes). */
gref_status gref_npz_bytes(unsigned char **bytes, size_t *size, gref_npz_reader *r,
                           const char *name);
/* Adds a member that is no array ("manifest.json"). */
gref_status gref_npz_add_bytes(gref_npz_writer *w, const char *member, const void *bytes,
                               size_t size);
/* Members that are added from now on are deflated. */
void gref_npz_deflate(gref_npz_writer *w);
DEFINE_DROP_BY(gref_npz_reader, gref_npz_close)
DEFINE_DROP_BY(gref_npz_writer, gref_npz_abandon)

/* ---- case files: case.c and case_*.c --------------------------------------------------------- */

#include <jansson.h>

#include <gref/case.h>
#include <gref/chain.h>
#include <gref/operator.h>

DEFINE_DROP(gref_case)

/* One override, in the order given. */
typedef struct {
    char *text; /* "operator.std=2", as given */
    char *key;  /* "operator.std" */
} gref_case_override;

/* What the entry of a sampler points to. */
typedef struct {
    int *times;
    gref_chain chain;
    gref_mat variances, start_mean, start_cov;
} gref_case_owned;

struct gref_case {
    char *path; /* of the case file, as given */
    char *dir;  /* what stands before a relative file name: "" or ends in '/' */
    char *text; /* the JSON text, for line numbers */
    gref_case_override *sets;
    int n_sets;
    json_t *given;     /* the file with its overrides */
    json_t *completed; /* checked, every default filled in, keys in the order of the schema */
    gref_schedule schedule;
    gref_sampler_spec *samplers;
    gref_case_owned *owned; /* what samplers[k] borrows is owned[k] */
    int n_samplers;
    int *laws_at;
    int n_laws_at;
    int w2_every;
};

/* The completed case; borrowed, lives as long as the case. */
json_t *gref_case_completed(const gref_case *c);

/* Sizes of the caller's text buffers. */
enum { GREF_CASE_KEY = 256, GREF_CASE_SHOWN = 96 };

/* Line of the key at dotted path `key` of a valid JSON text, 0 if there is none; "" is the root. */
int gref_case_locate(const char *text, const char *key);
/* key = parent.name, or name at the root; control characters become '?'. */
void gref_case_join(char key[GREF_CASE_KEY], const char *parent, const char *name);
void gref_case_join_index(char key[GREF_CASE_KEY], const char *parent, size_t index);
/* The value as short JSON text on one line. */
void gref_case_show(char shown[GREF_CASE_SHOWN], const json_t *value);
/* True if `key` is `ancestor` or lies inside it. */
bool gref_case_within(const char *key, const char *ancestor);
/* The override responsible for the value at `key`, or NULL if it stands in the file. */
const gref_case_override *gref_case_override_of(const gref_case *c, const char *key);
/* Puts "FILE:LINE: " or "--set KEY=VALUE: " before the current error; returns `status`. */
gref_status gref_case_blame(const gref_case *c, const char *key, gref_status status);
gref_status gref_case_blame_override(const gref_case_override *set, gref_status status);

/* FAIL and TRY that say where in the case the trouble comes from. */
#define CASE_FAIL(c, key, ...)                                                                     \
    return gref_case_blame((c), (key),                                                             \
                           gref_fail(GREF_ERR_CASE, __FILE__, __LINE__, __func__, 0, __VA_ARGS__))
#define CASE_REQUIRE(cond, c, key, ...)                                                            \
    do {                                                                                           \
        if (!(cond))                                                                               \
            CASE_FAIL(c, key, __VA_ARGS__);                                                        \
    } while (0)
#define CASE_TRY(c, key, call)                                                                     \
    do {                                                                                           \
        gref_status status_ = (call);                                                              \
        if (status_ != GREF_OK) {                                                                  \
            gref_fail_context(status_, "%s", (key));                                               \
            return gref_case_blame((c), (key), status_);                                           \
        }                                                                                          \
    } while (0)

/* What a key's value may be. */
typedef enum {
    GREF_CASE_KIND,           /* one of `legal`; decides which other keys are legal */
    GREF_CASE_WORD,           /* one of `legal` */
    GREF_CASE_TEXT,           /* any string */
    GREF_CASE_FILE,           /* a file name */
    GREF_CASE_LABEL,          /* a sampler's label */
    GREF_CASE_BOOL,           /* true or false */
    GREF_CASE_INT,            /* an int in `legal` */
    GREF_CASE_ODD,            /* an odd int in `legal` */
    GREF_CASE_SEED,           /* 0 .. 2^63 - 1 */
    GREF_CASE_NUMBER,         /* a number in `legal` */
    GREF_CASE_NUMBER_OR_WORD, /* a number, or one of `legal` */
    GREF_CASE_NUMBER_OR_FILE, /* a number, or a file name */
    GREF_CASE_VARIANCE,       /* one of `legal`, {"fraction": f} or {"file": name} */
    GREF_CASE_START,  /* one of `legal`, or {"mean": .., "cov": ..} of numbers or file names */
    GREF_CASE_BOX,    /* [row, col, rows, cols] */
    GREF_CASE_SIZE,   /* [rows, cols], each in `legal` */
    GREF_CASE_SPAN,   /* two numbers, each in `legal` */
    GREF_CASE_RISING, /* two numbers, the second one larger */
    GREF_CASE_INTS,   /* a list of ints in `legal`, not empty */
    GREF_CASE_TIMES,  /* a list of ints in `legal`, decreasing, at least two */
    GREF_CASE_OBJECT, /* the object of the key's name */
    GREF_CASE_LIST    /* a list of such objects, not empty */
} gref_case_type;

/* One legal key: a row of the schema. */
typedef struct {
    const char *object; /* the object it belongs to, "" for the root */
    const char *kinds;  /* the kinds of that object that have it, "a|b", NULL for all */
    const char *key;
    gref_case_type type;
    const char *fallback; /* default as JSON text, GREF_CASE_REQUIRED, or GREF_CASE_OPTIONAL */
    const char *legal;    /* of numbers the range "(0,1]", of words "a|b"; NULL for any */
    const char
        *group; /* keys "a|b|c" of which the object has exactly one, this among them; or NULL */
    const char *needs; /* "key" or "key=word" without which this one is not legal; or NULL */
} gref_case_row;

#define GREF_CASE_REQUIRED "!"
#define GREF_CASE_OPTIONAL NULL

/* The rows of the schema in order; the row of a key of an object of a kind, or NULL. */
const gref_case_row *gref_case_rows(int *n);
const gref_case_row *gref_case_row_of(const char *object, const char *kind, const char *key);
/* The row that decides the kind of an object, or NULL; the kind of a given object, "" for none. */
const gref_case_row *gref_case_selector(const char *object);
void gref_case_kind(char kind[64], const char *object, const json_t *given);
/* True if `word` is one of "a|b|c"; takes the next word off such a list, false at its end. */
bool gref_case_word_in(const char *words, const char *word);
bool gref_case_next_word(char word[64], const char **words);
/* list = the words between quotes, "a, b, c"; returns their number. */
enum { GREF_CASE_LIST_SIZE = 512 };
int gref_case_list_words(char list[GREF_CASE_LIST_SIZE], const char *words, const char *quote);

/* True if `done` holds what a row needs, or it needs nothing. */
bool gref_case_needs_met(const gref_case_row *row, const json_t *done);
gref_status gref_case_check_value(const gref_case *c, const gref_case_row *row, const char *key,
                                  const json_t *value);
gref_status gref_case_override_all(gref_case *c, const char *const *sets, int n_sets);
/* presets.c: the keys of published code, put into the entries that name it. */
gref_status gref_case_expand_presets(gref_case *c);
typedef struct {
    const char *name, *repository; /* the latter with its commit */
    const char *keys, *schedule;   /* JSON; the schedule without which these keys mean nothing */
    const char *faults;            /* JSON: the keys that put its published fault in; NULL: none */
    const char *samples, *fault;   /* in words */
} gref_preset;
const gref_preset *gref_preset_at(int k); /* NULL after the last */
gref_status gref_case_complete(gref_case *c);
gref_status gref_case_check_rules(gref_case *c);
gref_status gref_case_read_schedule(gref_case *c);
gref_status gref_case_read_samplers(gref_case *c);
gref_status gref_case_read_times(gref_case *c, int k, const json_t *entry, const char *at);
/* case_conventions.c: the switches of an entry; what is in force, put into the entry. */
gref_status gref_case_read_convention(gref_convention *out, const gref_case *c, const json_t *entry,
                                      const char *at);
gref_status gref_case_show_convention(json_t *entry, const gref_case *c, const gref_convention *v);
/* What is in force for a sampler, and no convention that its method does not read: for summaries
 * and manifests. */
json_t *gref_convention_json(const gref_sampler_spec *spec);
/* Fails if the time that stands at `key` is later than the schedule's last. */
gref_status gref_case_require_time(const gref_case *c, const char *key, int t);

/* Values of the completed case, which are known to be of the right type; NULL, 0 if absent. */
json_t *gref_case_get(const gref_case *c, const char *object, const char *key);
const char *gref_case_string(const gref_case *c, const char *object, const char *key);
double gref_case_number(const gref_case *c, const char *object, const char *key);
int gref_case_int(const gref_case *c, const char *object, const char *key);
uint64_t gref_case_seed(const gref_case *c, const char *object);
bool gref_case_is(const gref_case *c, const char *object, const char *kind);
/* A list of `count` ints. False if the key is absent. */
bool gref_case_ints(int *x, int count, const gref_case *c, const char *object, const char *key);

/* Equal, numbers by their value: 1 is 1.0. */
bool gref_case_same(const json_t *a, const json_t *b);

/* Path of a file named in the case; the caller frees it; NULL without memory. */
char *gref_case_file(const gref_case *c, const char *name);
/*
 * What stands in the file named at `key`: a finite, non-empty array of any shape; the same in
 * reading order, `n` entries wanted for `what`; a picture from a PNG (mapped to span) or a 2-D .npy
 * (as is); any of these, the dimension of an array in *ndim (untouched by a PNG), span = NULL for
 * arrays only.
 */
gref_status gref_case_read_array(gref_mat *X, const gref_case *c, const char *object,
                                 const char *key);
gref_status gref_case_read_vector(gref_mat *x, const gref_case *c, const char *object,
                                  const char *key, int n, const char *what);
/* The second step of read_vector, for an array that was read: n entries in reading order. */
gref_status gref_case_vector_of(gref_mat *x, gref_cmat X, const gref_case *c, const char *object,
                                const char *key, int n, const char *what);
gref_status gref_case_read_picture(gref_mat *X, const gref_case *c, const char *object,
                                   const char *key, const double span[2]);
gref_status gref_case_read_any(gref_mat *X, int *ndim, const gref_case *c, const char *object,
                               const char *key, const double *span);
/* The image of a case, cropped; stays empty if the case has none. */
gref_status gref_case_image(gref_mat *image, const gref_case *c);
/* The mean of an ADSN prior in *value, or NULL for that of its image. */
const double *gref_case_prior_mean(double *value, const gref_case *c);
/* The kernel of a convolution, and the filter of a super-resolution. */
gref_status gref_case_kernel(gref_mat *K, const gref_case *c);
gref_sr_filter gref_case_filter(const gref_case *c);
/* Fails if the box at `key` does not lie in a rows x cols image. */
gref_status gref_case_require_inside(const gref_case *c, const char *key, const int box[4],
                                     int rows, int cols);
/*
 * Fails where squares of squares would overflow: of the prior, by its spread sqrt tr Sigma in n
 * pixels; of the noise; of A, with the prior's spread.
 */
gref_status gref_case_require_spread(const gref_case *c, double spread, int n);
gref_status gref_case_require_prior(const gref_case *c, gref_cmat Sigma);
gref_status gref_case_require_sigma(const gref_case *c);
gref_status gref_case_require_product(const gref_case *c, gref_cmat A, gref_cmat Sigma);
/* The place noise.sigma before the message of GREF_ERR_NOT_PD: only a larger one makes a singular
 * problem regular. */
gref_status gref_case_blame_sigma(const gref_case *c, gref_status status);
/* Fails if matrices of rows * cols unknowns or measurements cannot be held. */
gref_status gref_case_require_memory(const gref_case *c, const char *key, int rows, int cols);
/*
 * A on rows x cols images, and the shape of v as a picture. shaped = false: x0 has rows pixels and
 * a shape that nothing gives, so that only an operator that needs none can be built.
 */
gref_status gref_case_operator(gref_mat *A, int *v_rows, int *v_cols, const gref_case *c, int rows,
                               int cols, bool shaped);

#endif
