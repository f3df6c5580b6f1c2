#include "files/internal.h"
#include "scratch.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>

#include <gref/npy.h>

/* A .npy file of version `major`, put together from the text of the specification. */
static unsigned char *build(size_t *size, int major, const char *header, const void *data,
                            size_t data_size)
{
    size_t length = strlen(header), begin = major == 1 ? 10 : 12;
    unsigned char *bytes = malloc(begin + length + data_size);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)major;
    bytes[7] = 0;
    for (size_t k = 0; k < begin - 8; k++)
        bytes[8 + k] = (unsigned char)(length >> 8 * k);
    memcpy(bytes + begin, header, length);
    if (data_size > 0)
        memcpy(bytes + begin + length, data, data_size);
    *size = begin + length + data_size;
    return bytes;
}

/* build, then parse; *A must be freed when GREF_OK. */
static gref_status parse(gref_mat *A, int *ndim, int major, const char *header, const void *data,
                         size_t data_size)
{
    size_t size;
    unsigned char *bytes = build(&size, major, header, data, data_size);
    gref_status status = gref_npy_parse(A, ndim, bytes, size, "x.npy");
    free(bytes);
    return status;
}

static void expected_values(double x[12], const char *code)
{
    const double nan_ = NAN;
    const double f2[] = {0,        -0.0,      1,          -1.5,    0x1p-24, 65504,
                         INFINITY, -INFINITY, 0x1.554p-2, 0x1p-14, -100.25, nan_};
    const double f4[] = {0,         -0.0,          1,        -1.5,    0x1p-149, FLT_MAX, INFINITY,
                         -INFINITY, 0x1.555556p-2, 0x1p-126, -100.25, nan_};
    const double f8[] = {0,         -0.0,      1,
                         -1.5,      0x1p-1074, DBL_MAX,
                         INFINITY,  -INFINITY, 0x1.5555555555555p-2,
                         0x1p-1022, -100.25,   nan_};
    const struct {
        const char *code;
        double low, high;
    } ends[] = {{"i1", -128, 127},
                {"i2", -32768, 32767},
                {"i4", -0x1p31, 0x1p31 - 1},
                {"i8", -0x1p63, 0x1.fffffffffffffp62},
                {"u1", 0, 255},
                {"u2", 0, 65535},
                {"u4", 0, 0x1p32 - 1},
                {"u8", 0, 0x1.fffffffffffffp63}};
    for (int k = 0; k < 12; k++)
        x[k] = code[0] == 'b'   ? k % 3 == 1
               : code[0] == 'g' ? f8[k]
               : code[0] == 'f' ? (code[1] == '2'   ? f2
                                   : code[1] == '4' ? f4
                                                    : f8)[k]
               : k < 6          ? k
               : k < 9          ? 94 + k
                                : 7;
    for (size_t e = 0; e < sizeof ends / sizeof *ends; e++)
        if (strcmp(code, ends[e].code) == 0) {
            x[9] = ends[e].low;
            x[10] = ends[e].high;
        }
    if (code[0] == 'g') {
        x[2] = 1;
        x[3] = 1 + 0x1p-52;
    }
}

/*
 * numpy wrote each dtype in both byte orders and layouts; the expected values are written down here
 * from the definition of each type. A wrong byte order, sign extension, stride or half-float would
 * change one of them: 3 x 4 is not square, all ends of the ranges are there.
 */
START_TEST(test_npy_read__every_dtype_order_and_layout)
{
    static const char *const codes[] = {"b1", "i1", "i2", "i4", "i8", "u1", "u2",
                                        "u4", "u8", "f2", "f4", "f8", "g"};
    gref_npz_reader *r = NULL;
    ck_ok(gref_npz_open(&r, fixture("dtypes.npz")));
    ck_assert_int_eq(gref_npz_count(r), 13 * 4);
    for (int k = 0; k < 13 * 4; k++) {
        const char *code = codes[k / 4];
        char name[32];
        double x[12];
        gref_mat A = {0};
        int ndim = -1;
        snprintf(name, sizeof name, "%s/%s/%c", code, k / 2 % 2 ? "big" : "little", "CF"[k % 2]);
        if (code[0] == 'g' && !(GREF_NPY_X86 && sizeof(long double) == 16)) {
            ck_fails(gref_npz_get(&A, &ndim, r, name), GREF_ERR_FORMAT);
            assert_message("long double of another machine");
            continue;
        }
        if (code[0] == 'g' && !long_double_is_extended())
            continue;
        ck_ok(gref_npz_get(&A, &ndim, r, name));
        expected_values(x, code);
        ck_assert(ndim == 2 && A.m == 3 && A.n == 4);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 4; j++) {
                double a = GREF_AT(A, i, j), e = x[4 * i + j];
                ck_assert_msg(isnan(e) ? isnan(a) : a == e && !signbit(a) == !signbit(e),
                              "%s (%d, %d): %.17g, not %.17g", name, i, j, a, e);
            }
        gref_mat_free(&A);
    }
    gref_npz_close(r);
}
END_TEST

/*
 * numpy wrote x[k, i, j] = 100 k + 10 i + j in C order, and in Fortran order as big-endian float32:
 * no two entries are the same, so a wrong stride of either order gives another number.
 */
START_TEST(test_npy_parse_pages__numpys_stacks)
{
    gref_npz_reader *r = NULL;
    gref_pages p = {0};
    ck_ok(gref_npz_open(&r, fixture("stacks.npz")));
    for (int order = 0; order < 2; order++) {
        ck_ok(gref_npz_get_pages(&p, r, order == 0 ? "C" : "F"));
        ck_assert(p.ndim == 3 && p.count == 2 && p.page[1].m == 3 && p.page[1].n == 4);
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 4; j++)
                    ck_assert(GREF_AT(p.page[k], i, j) == 100 * k + 10 * i + j);
        gref_pages_free(&p);
    }
    ck_ok(gref_npz_get_pages(&p, r, "none"));
    ck_assert(p.ndim == 3 && p.count == 0);
    gref_pages_free(&p);
    ck_fails(gref_npz_get_pages(&p, r, "four"), GREF_ERR_FORMAT);
    assert_message("stacks.npz[four]: shape (1, 2, 3, 4) has 4 dimensions, at most 3 can be read");
    ck_assert(p.page == NULL && p.count == 0);
    gref_npz_close(r);
}
END_TEST

/* The order characters that numpy.save never writes: '=' and '|' are this machine's order. */
START_TEST(test_npy_read__native_order_characters)
{
    const double x[2] = {1.5, -2};
    const char *headers[] = {"{'descr': '=f8', 'fortran_order': False, 'shape': (2,), }",
                             "{'descr': '|f8', 'fortran_order': False, 'shape': (2,), }"};
    for (int k = 0; k < 2; k++) {
        gref_mat A = {0};
        ck_ok(parse(&A, NULL, 1, headers[k], x, sizeof x));
        ck_assert(A.m == 2 && A.n == 1 && A.a[0] == 1.5 && A.a[1] == -2);
        gref_mat_free(&A);
    }
}
END_TEST

/*
 * All 65536 halves against IEEE 754's definition, s (1 + f/1024) 2^(e - 15) and s f/1024 2^-14,
 * summed bit by bit; the reader uses ldexp on integers instead.
 */
START_TEST(test_npy_read__every_half)
{
    unsigned char *data = malloc(2 * 65536);
    gref_mat A = {0};
    ck_assert_ptr_nonnull(data);
    for (int k = 0; k < 65536; k++) {
        data[2 * k] = (unsigned char)(k & 255);
        data[2 * k + 1] = (unsigned char)(k >> 8);
    }
    ck_ok(parse(&A, NULL, 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (65536,), }", data,
                2 * 65536));
    for (int k = 0; k < 65536; k++) {
        int e = k / 1024 % 32;
        double x = e > 0;
        for (int b = 0; b < 10; b++)
            x += (k >> b & 1) * pow(2, b - 10);
        x *= (k < 32768 ? 1 : -1) * pow(2, e > 0 ? e - 15 : -14);
        if (e == 31 && k % 1024 != 0)
            ck_assert(isnan(A.a[k]));
        else if (e == 31)
            ck_assert(isinf(A.a[k]) && (A.a[k] < 0) == (k >= 32768));
        else
            ck_assert(A.a[k] == x && !signbit(A.a[k]) == (k < 32768));
    }
    gref_mat_free(&A);
    free(data);
}
END_TEST

/*
 * One array in every version and spelling that Python's literal syntax and numpy's history allow.
 */
START_TEST(test_npy_read__versions_and_spellings)
{
    static const char *const headers[] = {
        "{'descr': '<u1', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '<u1', 'fortran_order': False, 'shape': (2, 3), }             \n",
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<u1'}",
        "{\"fortran_order\":False,\"shape\":(2,3,),\"descr\":\"<u1\"}",
        " \t{ 'descr' :\n'|u1' ,'shape': ( 2L , 3L ), 'fortran_order' : False , } \r\n ",
    };
    const unsigned char x[] = {1, 2, 3, 4, 5, 6};
    for (int major = 1; major <= 3; major++)
        for (size_t k = 0; k < sizeof headers / sizeof *headers; k++) {
            gref_mat A = {0};
            ck_ok(parse(&A, NULL, major, headers[k], x, sizeof x));
            ck_assert(A.m == 2 && A.n == 3);
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 3; j++)
                    ck_assert(GREF_AT(A, i, j) == 3 * i + j + 1);
            gref_mat_free(&A);
        }
}
END_TEST

/* Version 2 exists for headers above 65535 bytes: only all four length bytes find the entries. */
START_TEST(test_npy_read__long_header)
{
    enum { LENGTH = 70000 };
    char *header = malloc(LENGTH + 1);
    const unsigned char x[] = {3, 4};
    gref_mat A = {0};
    ck_assert_ptr_nonnull(header);
    memset(header, ' ', LENGTH);
    header[LENGTH] = '\0';
    memcpy(header, "{'descr': '|i1', 'fortran_order': True, 'shape': (2,)}", 54);
    ck_ok(parse(&A, NULL, 2, header, x, sizeof x));
    ck_assert(A.m == 2 && A.a[0] == 3 && A.a[1] == 4);
    gref_mat_free(&A);
    free(header);
}
END_TEST

/* numpy wrote one array of each kind; the member's name is what the refusal must say. */
START_TEST(test_npy_read__refuses_other_arrays_by_name)
{
    gref_npz_reader *r = NULL;
    ck_ok(gref_npz_open(&r, fixture("refused.npz")));
    ck_assert_int_eq(gref_npz_count(r), 10);
    for (int k = 0; k < gref_npz_count(r); k++) {
        gref_mat A = untouched();
        int ndim = 42;
        ck_fails(gref_npz_get(&A, &ndim, r, gref_npz_name(r, k)), GREF_ERR_FORMAT);
        /* after "FILE[NAME]: ", which has the name too */
        const char *told = strstr(gref_last_error()->message, "]: ");
        ck_assert(told != NULL && strstr(told, gref_npz_name(r, k)) != NULL);
        assert_untouched(A);
        ck_assert_int_eq(ndim, 42);
    }
    gref_npz_close(r);
}
END_TEST

/* Integers on both sides of what a double can hold: IEEE 754 has 53 bits and the powers of two. */
START_TEST(test_npy_read__refuses_integers_no_double_equals)
{
    static const struct {
        int64_t v;
        double x; /* 0: refused */
    } ints[] = {{INT64_C(1) << 53, 0x1p53},
                {(INT64_C(1) << 53) + 1, 0},
                {(INT64_C(1) << 53) + 2, 0x1p53 + 2},
                {-(INT64_C(1) << 53) - 1, 0},
                {INT64_MIN, -0x1p63},
                {INT64_MAX, 0},
                {INT64_MIN + 1, 0},
                {-1, -1}};
    for (size_t k = 0; k < sizeof ints / sizeof *ints; k++) {
        gref_mat A = untouched();
        int64_t pair[2] = {1, ints[k].v};
        gref_status status = parse(
            &A, NULL, 1, "{'descr': '=i8', 'fortran_order': False, 'shape': (2,), }", pair, 16);
        if (ints[k].x != 0) {
            ck_ok(status);
            ck_assert(A.a[1] == ints[k].x);
            gref_mat_free(&A);
        } else {
            char value[64];
            snprintf(value, sizeof value, "x.npy: entry %" PRId64 " at row 1, column 0", ints[k].v);
            ck_fails(status, GREF_ERR_FORMAT);
            assert_message(value);
            assert_untouched(A);
        }
    }
    gref_mat A = {0};
    uint64_t u = UINT64_C(1) << 63, top = UINT64_MAX;
    ck_ok(parse(&A, NULL, 1, "{'descr': '=u8', 'fortran_order': False, 'shape': (), }", &u, 8));
    ck_assert(A.a[0] == 0x1p63);
    gref_mat_free(&A);
    ck_fails(parse(&A, NULL, 1, "{'descr': '=u8', 'fortran_order': False, 'shape': (), }", &top, 8),
             GREF_ERR_FORMAT);
    assert_message("18446744073709551615");
}
END_TEST

/* A long double beyond the doubles would become infinity; infinity itself is data. */
START_TEST(test_npy_read__refuses_long_double_overflow)
{
#if defined(__x86_64__)
    if (!long_double_is_extended())
        return;
    gref_mat A = untouched();
    long double x[2] = {INFINITY, 0x1p1024L};
    const char *header = "{'descr': '<f16', 'fortran_order': False, 'shape': (2,), }";
    ck_fails(parse(&A, NULL, 1, header, x, sizeof x), GREF_ERR_FORMAT);
    assert_message("entry 1.79769313486231590773e+308 at row 1, column 0 is no double");
    assert_untouched(A);
    x[1] = DBL_MAX;
    ck_ok(parse(&A, NULL, 1, header, x, sizeof x));
    ck_assert(A.a[0] == INFINITY && A.a[1] == DBL_MAX);
    gref_mat_free(&A);
#endif
}
END_TEST

/*
 * Each header breaks one rule, and the message names that rule with the value: no other rule
 * caught it.
 */
START_TEST(test_npy_read__refuses_malformed_headers)
{
#define REST "'descr': '<f8', 'fortran_order': False, "
    static const struct {
        const char *header, *told;
    } cases[] = {
        {"", "'{' expected"},
        {"['descr']", "'{' expected before \"['descr']\""},
        {"{" REST "'shape': (2,)", "',' expected before \"\""},
        {"{" REST, "a quoted name expected at \"\""},
        {"{" REST "'shape': (2,)} x", "\"x\" after its end"},
        {"{" REST "}", "no key 'shape'"},
        {"{'descr': '<f8', 'shape': (2,)}", "no key 'fortran_order'"},
        {"{'fortran_order': False, 'shape': (2,)}", "no key 'descr'"},
        {"{" REST "'shape': (2,), 'shape': (2,)}", "key 'shape' twice"},
        {"{" REST "'shape': (2,), 'extra': 1}", "unknown key 'extra'"},
        {"{" REST "'shape': (2,), 0: 1}", "a quoted name expected at \"0: 1}\""},
        {"{" REST "'sha\\x70e': (2,)}", "a quoted name expected"},
        {"{" REST "'sha\npe': (2,)}", "a quoted name expected at \"'sha?pe'"},
        {"{" REST "'shape' (2,)}", "':' expected"},
        {"{'descr': '<f8' 'fortran_order': False}", "',' expected"},
        {"{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}", "'False' expected before \"0, "},
        {"{'descr': '<f8', 'fortran_order': Falsehood, 'shape': (2,)}",
         "',' expected before \"hood"},
        {"{" REST "'shape': 2}", "'(' expected"},
        {"{" REST "'shape': (2)}", "shape (2) is no tuple"},
        {"{" REST "'shape': (2,,)}", "a size expected at \",)}\""},
        {"{" REST "'shape': (2 1)}", "',' expected before \"1)}\""},
        {"{" REST "'shape': (2.0,)}", "',' expected before \".0,)}\""},
        {"{" REST "'shape': (1e3,)}", "',' expected before \"e3,)}\""},
        {"{" REST "'shape': (None,)}", "a size expected"},
        {"{" REST "'shape': (-3, 2)}", "size -3 in the shape is negative"},
        {"{" REST "'shape': (2147483648,)}", "size 2147483648 in the shape is above 2147483647"},
        {"{" REST "'shape': (18446744073709551618,)}", "size 18446744073709551618"},
        {"{" REST "'shape': (2147483647, 2147483647)}",
         "shape (2147483647, 2147483647) of dtype '<f8' needs more bytes than can be counted"},
        {"{" REST "'shape': (1, 2, 1)}", "shape (1, 2, 1) has 3 dimensions, at most 2"},
        {"{" REST "'shape': (3, 4)}",
         "truncated: shape (3, 4) of dtype '<f8' needs 96 bytes of data, not 16"},
        {"{" REST "'shape': (1,)}",
         "trailing bytes: shape (1,) of dtype '<f8' needs 8 bytes of data, not 16"},
        {"{" REST "'shape': (0, 5)}", "trailing bytes: shape (0, 5)"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", "unknown dtype ''"},
        {"{'descr': '<', 'fortran_order': False, 'shape': (2,)}", "unknown dtype '<'"},
        {"{'descr': 'f8', 'fortran_order': False, 'shape': (2,)}", "unknown dtype 'f8'"},
        {"{'descr': '<f88', 'fortran_order': False, 'shape': (2,)}", "unknown dtype '<f88'"},
        {"{'descr': '<f', 'fortran_order': False, 'shape': (2,)}", "unknown dtype '<f'"},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (2,)}", "unknown dtype '<f3'"},
        {"{'descr': '<i16', 'fortran_order': False, 'shape': (2,)}", "unknown dtype '<i16'"},
        {"{'descr': '!f8', 'fortran_order': False, 'shape': (2,)}", "unknown dtype '!f8'"},
        {"{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (2,)}", "(structured)"},
    };
    const double data[2] = {1, 2};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gref_mat A = untouched();
        ck_fails(parse(&A, NULL, 1, cases[k].header, data, sizeof data), GREF_ERR_FORMAT);
        assert_message(cases[k].told);
        assert_message("x.npy: ");
        assert_untouched(A);
    }
}
END_TEST

/* Before the header: no magic, no such version, and the empty file. */
START_TEST(test_npy_read__refuses_other_files)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *told;
    } cases[] = {{"", 0, "x.npy: is empty"},
                 {"PK\x03\x04 and more", 13, "not a .npy file, it begins with \"PK?? a\""},
                 {"x", 1, "not a .npy file, it begins with \"x\""},
                 {"\x93NUM", 4, "truncated: 4 bytes"},
                 {"\x93NUMPY\x01\x00\x76", 9, "truncated: 9 bytes"},
                 {"\x93NUMPY\x01\x00\x76\x00{", 11, "the header needs 128 bytes, the file has 11"},
                 {"\x93NUMPY\x02\x00\x76\x00\x00", 11, "truncated: the header needs 130 bytes"},
                 {"\x93NUMPY\x04\x00\x01\x00\x00\x00{}", 14, "format version 4.0"},
                 {"\x93NUMPY\x01\x01\x02\x00{}", 12, "format version 1.1"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gref_mat A = untouched();
        unsigned char *copy = malloc(cases[k].size + !cases[k].size);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, cases[k].bytes, cases[k].size);
        ck_fails(gref_npy_parse(&A, NULL, copy, cases[k].size, "x.npy"), GREF_ERR_FORMAT);
        assert_message(cases[k].told);
        assert_untouched(A);
        free(copy);
    }
}
END_TEST

/*
 * Every cut and every one-byte change of a real file, in an allocation of its exact size: a step
 * beyond it is ASan's, a crash is Check's, and a changed byte of the entries must not be refused.
 */
START_TEST(test_npy_read__survives_cuts_and_changed_bytes)
{
    size_t size;
    unsigned char *bytes = slurp(fixture("c_3x4.npy"), &size);
    for (size_t cut = 0; cut < size; cut++) {
        gref_mat A = untouched();
        unsigned char *part = malloc(cut + !cut);
        ck_assert_ptr_nonnull(part);
        memcpy(part, bytes, cut);
        ck_fails(gref_npy_parse(&A, NULL, part, cut, "x.npy"), GREF_ERR_FORMAT);
        assert_untouched(A);
        free(part);
    }
    for (size_t at = 0; at < size; at++)
        for (int flip = 1; flip < 256; flip++) {
            gref_mat A = {0};
            bytes[at] ^= (unsigned char)flip;
            gref_status status = gref_npy_parse(&A, NULL, bytes, size, "x.npy");
            ck_assert(status == GREF_OK || (status == GREF_ERR_FORMAT && at < 128));
            ck_assert((status == GREF_OK) == (A.a != NULL));
            gref_mat_free(&A);
            bytes[at] ^= (unsigned char)flip;
        }
    free(bytes);
}
END_TEST

/* A pipe has no size to ask for: the reader must grow beyond its first 64 KiB. */
START_TEST(test_npy_read__from_a_pipe)
{
    gref_mat A = fresh(300, 200), B = {0};
    for (int k = 0; k < 300 * 200; k++)
        A.a[k] = k;
    ck_ok(gref_npy_write(scratch("x.npy"), gref_const(A), 2));
    ck_assert(mkfifo(scratch("pipe"), 0600) == 0);
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        size_t size;
        unsigned char *bytes = slurp(scratch("x.npy"), &size);
        spill(scratch("pipe"), bytes, size);
        free(bytes);
        _exit(0);
    }
    ck_ok(gref_npy_read(&B, NULL, scratch("pipe")));
    ck_assert(same_bits(gref_const(A), gref_const(B)));
    gref_mat_free(&A);
    gref_mat_free(&B);
}
END_TEST

/*
 * With 1 GiB of address space, 16 GiB of columns without rows, and 32 rows of 16 GiB, cannot be
 * had.
 */
START_TEST(test_npy__out_of_memory)
{
    gref_mat A = untouched();
    const gref_cmat wide = {NULL, 32, INT_MAX, 32};
    if (!limit_memory())
        return;
    ck_fails(parse(&A, NULL, 1,
                   "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2147483647)}", NULL, 0),
             GREF_ERR_NOMEM);
    assert_message("x.npy: no memory for a 0 x 2147483647 matrix");
    assert_untouched(A);
    ck_fails(gref_npy_write(scratch("x.npy"), wide, 2), GREF_ERR_NOMEM);
    spill(scratch("big.npy"), "", 0);
    ck_assert(truncate(scratch("big.npy"), (off_t)1 << 32) == 0); /* sparse */
    ck_fails(gref_npy_read(&A, NULL, scratch("big.npy")), GREF_ERR_NOMEM);
    assert_message("/big.npy: no memory for its 4294967297 bytes");
    ck_assert_int_eq(scratch_files(false), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("npy");
    TCase *tc = new_tcase(s, "npy");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_npy_read__every_dtype_order_and_layout);
    tcase_add_test(tc, test_npy_parse_pages__numpys_stacks);
    tcase_add_test(tc, test_npy_read__native_order_characters);
    tcase_add_test(tc, test_npy_read__every_half);
    tcase_add_test(tc, test_npy_read__versions_and_spellings);
    tcase_add_test(tc, test_npy_read__long_header);
    tcase_add_test(tc, test_npy_read__refuses_other_arrays_by_name);
    tcase_add_test(tc, test_npy_read__refuses_integers_no_double_equals);
    tcase_add_test(tc, test_npy_read__refuses_long_double_overflow);
    tcase_add_test(tc, test_npy_read__refuses_malformed_headers);
    tcase_add_test(tc, test_npy_read__refuses_other_files);
    tcase_add_test(tc, test_npy_read__survives_cuts_and_changed_bytes);
    tcase_add_test(tc, test_npy_read__from_a_pipe);
    tcase_add_test(tc, test_npy__out_of_memory);
    return run_suite(s);
}
