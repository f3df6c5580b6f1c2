/* Files for tests: the fixtures of tests/data, and a folder of its own for each test. */
#ifndef GREF_TEST_SCRATCH_H
#define GREF_TEST_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static char scratch_folder[4000];

static inline int scratch_files(bool remove);

/* A test that fails ends its process here. */
static inline void scratch_at_exit(void)
{
    if (scratch_folder[0] == '\0')
        return;
    scratch_files(true);
    rmdir(scratch_folder);
}

/* As fixtures of a TCase: the folder exists before a test, and is removed after it. */
static inline void scratch_make(void)
{
    const char *root = getenv("TMPDIR");
    if (root == NULL) /* thousands of small files: in memory if possible */
        root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(scratch_folder, sizeof scratch_folder, "%s/gref-test-XXXXXX", root);
    ck_assert_msg(mkdtemp(scratch_folder) != NULL, "cannot make %s", scratch_folder);
    atexit(scratch_at_exit);
}

/* Number of names in the folder, hidden ones too; `remove` also unlinks them. */
static inline int scratch_files(bool remove)
{
    int count = 0;
    DIR *dir = opendir(scratch_folder);
    for (struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        count++;
        if (remove && unlinkat(dirfd(dir), e->d_name, 0) != 0)
            unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
    }
    if (dir != NULL)
        closedir(dir);
    return dir == NULL ? -1 : count;
}

static inline void scratch_remove(void)
{
    scratch_files(true);
    ck_assert_msg(rmdir(scratch_folder) == 0, "%s is not empty", scratch_folder);
    scratch_folder[0] = '\0';
}

/* Path of a name in the folder; four are good at a time. */
static inline const char *scratch(const char *name)
{
    static char paths[4][4300];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

/* Path of a file of tests/data; four are good at a time. */
static inline const char *fixture(const char *name)
{
    static char paths[4][4300];
    static int next;
    char *path = paths[next++ % 4];
    const char *root = getenv("GREF_TEST_FIXTURES");
    snprintf(path, sizeof paths[0], "%s/%s", root != NULL ? root : "tests/data", name);
    return path;
}

/* The bytes of a file, in an allocation of just that size, so that ASan sees a step beyond. */
static inline unsigned char *slurp(const char *path, size_t *size)
{
    struct stat st;
    FILE *fp = fopen(path, "rb");
    ck_assert_msg(fp != NULL && fstat(fileno(fp), &st) == 0, "%s cannot be read", path);
    *size = (size_t)st.st_size;
    unsigned char *bytes = malloc(*size > 0 ? *size : 1);
    ck_assert(bytes != NULL && fread(bytes, 1, *size, fp) == *size);
    fclose(fp);
    return bytes;
}

static inline void spill(const char *path, const void *bytes, size_t size)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        unlink(path); /* ext4 waits for the disk when a file is cut and written again */
    FILE *fp = fopen(path, "wb");
    ck_assert_msg(fp != NULL, "%s cannot be written", path);
    ck_assert(fwrite(bytes, 1, size, fp) == size);
    ck_assert(fclose(fp) == 0);
}

static inline void assert_same_file(const char *a, const char *b)
{
    size_t size_a, size_b;
    unsigned char *x = slurp(a, &size_a), *y = slurp(b, &size_b);
    ck_assert_msg(size_a == size_b && memcmp(x, y, size_a) == 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

/* Every double of A and B has the same bits. */
static inline bool same_bits(gref_cmat A, gref_cmat B)
{
    bool same = A.m == B.m && A.n == B.n;
    for (int j = 0; same && j < A.n; j++)
        for (int i = 0; same && i < A.m; i++)
            same = memcmp(&GREF_AT(A, i, j), &GREF_AT(B, i, j), sizeof(double)) == 0;
    return same;
}

/* The last message contains `part`, and is one line. */
static inline void assert_message(const char *part)
{
    const char *message = gref_last_error()->message;
    ck_assert_msg(strstr(message, part) != NULL, "\"%s\" does not say \"%s\"", message, part);
    ck_assert_ptr_null(strchr(message, '\n'));
}

/* A matrix whose place in memory shows whether a failing call touched it. */
static inline gref_mat untouched(void)
{
    static double mark;
    return (gref_mat){&mark, 7, 11, 13};
}

static inline void assert_untouched(gref_mat A)
{
    ck_assert(A.a == untouched().a && A.m == 7 && A.n == 11 && A.ld == 13);
}

/* False under valgrind, which computes long double in 53 bits. */
static inline bool long_double_is_extended(void)
{
    volatile long double one = 1, little = 0x1p-60L;
    return one + little != one;
}

/*
 * From now on no file of this process grows beyond `bytes` (RLIM_INFINITY ends that): writing
 * gives EFBIG. Check keeps its own records in a file: no ck_ macro may stand before the end.
 */
static inline void limit_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCRATCH_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SCRATCH_SANITIZED 1
#endif
#endif

/* From now on this process has 1 GiB; false where that would kill a sanitizer or valgrind. */
static inline bool limit_memory(void)
{
#ifdef SCRATCH_SANITIZED
    return false;
#else
    const char *preload = getenv("LD_PRELOAD");
    struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30};
    if (preload != NULL && strstr(preload, "valgrind") != NULL)
        return false;
    return setrlimit(RLIMIT_AS, &limit) == 0;
#endif
}

#endif
