/* Output folders: all or nothing, subfolders too. */
#include "files/internal.h"
#include "scratch.h"

#include <unistd.h>

/* Removes what lies below a folder: scratch_remove expects plain files alone. */
static void clear(const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        char path[5000];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (unlink(path) != 0) {
            clear(path);
            rmdir(path);
        }
    }
    if (d != NULL)
        closedir(d);
}

static void clean_up(void)
{
    clear(scratch_folder);
    scratch_remove();
}

static const char *const names[] = {"manifest.json", NULL};

static void put(const gref_folder *f, const char *name, const char *text)
{
    char *path = NULL;
    ck_ok(gref_folder_path(&path, f, name));
    spill(path, text, strlen(text));
    free(path);
}

static void holds(const char *name, const char *text)
{
    char have[64] = "";
    FILE *fp = fopen(scratch(name), "r");
    ck_assert_msg(fp != NULL, "no file %s", name);
    ck_assert_uint_eq(fread(have, 1, sizeof have - 1, fp), strlen(text));
    fclose(fp);
    ck_assert_str_eq(have, text);
}

/* Files arrive under their names with the folders between; a second run with force replaces and
 * merges. */
START_TEST(test_folder__moves_files_with_their_subfolders)
{
    gref_folder f = {0};
    ck_ok(gref_folder_open(&f, scratch("a/out"), names, false));
    put(&f, "manifest.json", "one");
    put(&f, "dps/M/5.npy", "M");
    put(&f, "dps/b/5.npy", "b");
    ck_assert(access(scratch("a"), F_OK) != 0); /* nothing shows before commit */
    ck_ok(gref_folder_commit(&f));
    holds("a/out/manifest.json", "one");
    holds("a/out/dps/M/5.npy", "M");
    holds("a/out/dps/b/5.npy", "b");
    ck_assert_int_eq(scratch_files(false), 1); /* a: no staging folder is left */
    ck_fails(gref_folder_open(&f, scratch("a/out"), names, false), GREF_ERR_EXISTS);
    ck_ok(gref_folder_open(&f, scratch("a/out"), names, true));
    put(&f, "dps/M/5.npy", "new");
    put(&f, "dps/M/6.npy", "six");
    ck_ok(gref_folder_commit(&f));
    holds("a/out/manifest.json", "one");
    holds("a/out/dps/M/5.npy", "new");
    holds("a/out/dps/M/6.npy", "six");
    holds("a/out/dps/b/5.npy", "b");
}
END_TEST

/* A run that gives up leaves nothing; a link to a folder in the stage is removed, not what it leads
 * to. */
START_TEST(test_folder__discard_removes_everything_but_follows_no_link)
{
    gref_folder f = {0};
    char *path = NULL;
    ck_assert(mkdir(scratch("kept"), 0700) == 0);
    spill(scratch("kept/file"), "x", 1);
    ck_ok(gref_folder_open(&f, scratch("out"), names, false));
    put(&f, "deep/er/file", "x");
    ck_ok(gref_folder_path(&path, &f, "deep/link"));
    ck_assert(symlink(scratch("kept"), path) == 0);
    free(path);
    gref_folder_free(&f);
    gref_folder_free(&f);
    holds("kept/file", "x");
    ck_assert_int_eq(scratch_files(false), 1);
}
END_TEST

/* A file where a folder has to be: said by name, and the stage goes. */
START_TEST(test_folder__refuses_a_file_in_the_way)
{
    gref_folder f = {0};
    ck_assert(mkdir(scratch("out"), 0700) == 0);
    spill(scratch("out/dps"), "x", 1);
    ck_ok(gref_folder_open(&f, scratch("out"), names, false));
    put(&f, "dps/M/5.npy", "M");
    ck_fails(gref_folder_commit(&f), GREF_ERR_IO);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "out/dps"));
    holds("out/dps", "x");
    ck_assert_int_eq(scratch_files(false), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("folder");
    TCase *tc = new_tcase(s, "folder");
    tcase_add_checked_fixture(tc, scratch_make, clean_up);
    tcase_add_test(tc, test_folder__moves_files_with_their_subfolders);
    tcase_add_test(tc, test_folder__discard_removes_everything_but_follows_no_link);
    tcase_add_test(tc, test_folder__refuses_a_file_in_the_way);
    return run_suite(s);
}
