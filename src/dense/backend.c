/* Which BLAS and LAPACK are loaded, asked of the dynamic linker: no symbol is required to exist. */
#define _GNU_SOURCE /* dladdr, RTLD_DEFAULT */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gref/backend.h>

/* The address of `name` as a function pointer, or NULL; POSIX grants the conversion. */
#define LOOK_UP(pointer, name)                                                                     \
    do {                                                                                           \
        void *address_ = dlsym(RTLD_DEFAULT, (name));                                              \
        memcpy(&(pointer), &address_, sizeof(pointer));                                            \
    } while (0)

static void path_of(char path[512], const char *symbol)
{
    char real[PATH_MAX];
    Dl_info info;
    void *address = dlsym(RTLD_DEFAULT, symbol);
    path[0] = '\0';
    if (address != NULL && dladdr(address, &info) != 0 && info.dli_fname != NULL)
        snprintf(path, 512, "%.511s",
                 realpath(info.dli_fname, real) != NULL ? real : info.dli_fname);
}

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        text[--length] = '\0';
}

/* The first "model name" of /proc/cpuinfo (x86), or "". */
static void cpu_model(char cpu[96])
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    cpu[0] = '\0';
    while (f != NULL && cpu[0] == '\0' && fgets(line, sizeof line, f) != NULL)
        sscanf(line, "model name : %95[^\n]", cpu);
    if (f != NULL)
        fclose(f);
    trim(cpu);
}

static const char *flavour_name(int parallel)
{
    static const char *const names[] = {"serial", "pthread", "OpenMP"};
    return parallel >= 0 && parallel <= 2 ? names[parallel] : "";
}

/**
 * Names the BLAS and LAPACK that gref calls in this process.
 *
 * Never fails: what a library does not say stays empty. The result may change when another BLAS is
 * loaded with RTLD_GLOBAL later.
 * @see Tests: test_backend.c
 */
gref_backend gref_backend_query(void)
{
    gref_backend b = {.blas = "unknown", .threads = 1};
    char *(*config)(void), *(*core)(void);
    int (*threads)(void), (*parallel)(void);
    const char *(*blis_version)(void);
    void (*version)(int *, int *, int *);
    LOOK_UP(config, "openblas_get_config");
    LOOK_UP(core, "openblas_get_corename");
    LOOK_UP(threads, "openblas_get_num_threads");
    LOOK_UP(parallel, "openblas_get_parallel");
    LOOK_UP(blis_version, "bli_info_get_version_str");
    LOOK_UP(version, "ilaver_");
    path_of(b.blas_path, "cblas_dgemm");
    path_of(b.lapack_path, "dsyevd_");
    if (config != NULL) {
        snprintf(b.blas, sizeof b.blas, "OpenBLAS");
        snprintf(b.blas_config, sizeof b.blas_config, "%s", config());
        trim(b.blas_config);
    } else if (blis_version != NULL) {
        snprintf(b.blas, sizeof b.blas, "BLIS");
        snprintf(b.blas_config, sizeof b.blas_config, "%s", blis_version());
    } else if (strstr(b.blas_path, "/blis") != NULL) {
        snprintf(b.blas, sizeof b.blas, "BLIS"); /* Debian's libblas.so.3 of it hides the version */
    } else if (strstr(b.blas_path, "/blas/libblas.so") != NULL) {
        snprintf(b.blas, sizeof b.blas, "reference BLAS");
    }
    if (core != NULL)
        snprintf(b.core, sizeof b.core, "%s", core());
    if (threads != NULL)
        b.threads = threads();
    if (parallel != NULL)
        snprintf(b.flavour, sizeof b.flavour, "%s", flavour_name(parallel()));
    cpu_model(b.cpu);
    if (version != NULL) {
        int major = 0, minor = 0, patch = 0;
        version(&major, &minor, &patch);
        snprintf(b.lapack, sizeof b.lapack, "%d.%d.%d", major, minor, patch);
    }
    return b;
}
