/* gref doctor: may the numbers of this machine be believed? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gref/gref.h>

#include "base/json.h"
#include "cmd.h"
#include "options.h"

DEFINE_DROP_BY(gref_trust_report, gref_trust_free)

static json_t *checks_json(const gref_trust_report *r)
{
    json_t *checks = json_array();
    for (int k = 0; k < r->n_checks; k++) {
        const gref_trust_check *c = &r->checks[k];
        json_t *check =
            json_pack("{s:s, s:b, s:i, s:i, s:s}", "name", c->name, "passed", (int)c->passed,
                      "calls", c->calls, "wrong", c->wrong, "detail", c->detail);
        /* no infinity in JSON: null says that the error is beyond any bound */
        json_object_set_new(check, "worst", c->worst <= 1e300 ? json_real(c->worst) : json_null());
        json_array_append_new(checks, check);
    }
    return checks;
}

static int print_json(const gref_trust_report *r)
{
    const gref_backend *b = &r->backend;
    json_t *o = json_pack(
        "{s:s, s:s, s:b, s:f, s:o, s:{s:s, s:s, s:s, s:s, s:i, s:s}, s:{s:s, s:s}, s:s}", "schema",
        "gref-doctor/1", "version", gref_version(), "trusted", (int)gref_trust_ok(r), "seconds",
        r->seconds, "checks", checks_json(r), "blas", "name", b->blas, "config", b->blas_config,
        "path", b->blas_path, "core", b->core, "threads", b->threads, "flavour", b->flavour,
        "lapack", "version", b->lapack, "path", b->lapack_path, "cpu", b->cpu);
    return cmd_print("doctor", json_text(o));
}

static const char *or_unknown(const char *text)
{
    return text[0] != '\0' ? text : "unknown";
}

static void print_report(const gref_trust_report *r)
{
    const gref_backend *b = &r->backend;
    printf("gref    %s\n", gref_version());
    printf("BLAS    %s%s%s, %d thread%s%s%s\n", b->blas, b->core[0] != '\0' ? ", kernels " : "",
           b->core, b->threads, b->threads == 1 ? "" : "s",
           b->flavour[0] != '\0' ? ", flavour " : "", b->flavour);
    printf("        %s\n", or_unknown(b->blas_path));
    if (b->blas_config[0] != '\0')
        printf("        %s\n", b->blas_config);
    printf("LAPACK  %s\n        %s\n", or_unknown(b->lapack), or_unknown(b->lapack_path));
    printf("CPU     %s\n\n", or_unknown(b->cpu));
    for (int k = 0; k < r->n_checks; k++) {
        const gref_trust_check *c = &r->checks[k];
        printf("%-5s %-11s", c->passed ? "ok" : "FAIL", c->name);
        if (c->calls > 0 && c->passed)
            printf("%d calls, ", c->calls);
        printf("%s\n", c->detail);
    }
    printf("\n%s (%.2f s)\n", gref_trust_ok(r) ? "trusted" : "NOT TRUSTED", r->seconds);
}

/* Kernels for the next older processors, which every x86-64 of today runs. */
static const char *older_core(const char *core)
{
    static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    for (int k = 0; k < 3; k++)
        if (strcmp(core, avx512[k]) == 0)
            return "Haswell";
    return strcmp(core, "Nehalem") == 0 ? "Prescott" : "Nehalem";
}

#if defined(__x86_64__)
#define MULTIARCH "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#else
#define MULTIARCH "ARCHITECTURE"
#endif

static bool failed(const gref_trust_report *r, const char *name)
{
    for (int k = 0; k < r->n_checks; k++)
        if (strcmp(r->checks[k].name, name) == 0)
            return !r->checks[k].passed;
    return false;
}

static bool routine_failed(const gref_trust_report *r)
{
    for (int k = 0; k < r->n_checks; k++)
        if (r->checks[k].wrong > 0)
            return true;
    return false;
}

static void print_other_blas(const gref_backend *b)
{
#if defined(__x86_64__)
    if (strcmp(b->blas, "OpenBLAS") == 0 && b->core[0] != '\0')
        printf("  other kernels:  OPENBLAS_CORETYPE=%s gref doctor\n", older_core(b->core));
#endif
    if (b->threads > 1)
        printf("  one thread:     OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 gref doctor\n");
    printf("  another BLAS:   update-alternatives --config libblas.so.3-" MULTIARCH "\n"
           "  just for once:  LD_LIBRARY_PATH=/usr/lib/" MULTIARCH "/blas:/usr/lib/" MULTIARCH
           "/lapack gref doctor\n"
           "                  (the reference BLAS: packages libblas3 and liblapack3)\n");
}

/* What a user can do about it; on stdout, with the report. */
static void print_advice(const gref_trust_report *r)
{
    printf("\nWhat may help, to be tried with gref doctor:\n");
    if (failed(r, "rounding") || failed(r, "subnormals"))
        printf("  do without the library that changes the floating-point mode of this process\n"
               "  (LD_PRELOAD, or anything built with -ffast-math)\n");
    if (failed(r, "precision") || failed(r, "fma") || failed(r, "dot2"))
        printf("  build gref without -ffast-math, -ffp-contract=fast, -mfpmath=387\n");
    if (failed(r, "threading"))
        printf("  a BLAS that may be called from threads: package libopenblas0-pthread\n"
               "  or a single thread: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 gref doctor\n");
    if (routine_failed(r))
        print_other_blas(&r->backend);
}

/* The one line on stderr: every check that failed, and on what. */
static int complain(const gref_trust_report *r)
{
    const gref_backend *b = &r->backend;
    char names[512] = "";
    for (int k = 0; k < r->n_checks; k++)
        if (!r->checks[k].passed) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                     r->checks[k].name);
        }
    return cmd_complain(CMD_NUMERICS, "doctor", "not to be trusted: %s; %s%s%s%s", names, b->blas,
                        b->core[0] != '\0' ? " with " : "", b->core,
                        b->core[0] != '\0' ? " kernels" : "");
}

int cmd_doctor(int argc, char **argv)
{
    bool json = false;
    const option options[] = {
        OPTION_FLAG("json", &json, "print the report as JSON"),
        {0},
    };
    const usage u = {
        .command = "doctor",
        .arguments = "[options]",
        .about =
            "Tests the BLAS and LAPACK in use, and the arithmetic under them, against plain\n"
            "loops; says what they are. Exit code 3 if anything is wrong. gref study makes the\n"
            "same test before it writes numbers.",
        .options = options,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    SCOPED_PTR(gref_trust_report) *r = NULL;
    CMD_TRY("doctor", gref_trust_run(&r));
    if (json)
        code = print_json(r);
    else
        print_report(r);
    if (code == CMD_OK && !gref_trust_ok(r)) {
        if (!json)
            print_advice(r);
        code = complain(r);
    }
    return code;
}
