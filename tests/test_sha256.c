/* The hash against the standard's examples and published vectors; exact. */
#include "support.h"

#include <string.h>

#include "base/internal.h"

static void hold(const char *expected, const void *bytes, size_t size)
{
    char hex[65] = "";
    gref_sha256 c;
    gref_sha256_begin(&c);
    gref_sha256_add(&c, bytes, size);
    gref_sha256_end(hex, &c);
    ck_assert_str_eq(hex, expected);
}

/* FIPS 180-4's examples: the empty message, one block, two blocks, and a million times 'a'. */
START_TEST(test_sha256__gives_the_digests_of_the_standard)
{
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    char *million = malloc(1000000);
    ck_assert_ptr_nonnull(million);
    memset(million, 'a', 1000000);
    hold("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", 0);
    hold("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc", 3);
    hold("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", two, strlen(two));
    hold("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", million, 1000000);
    free(million);
}
END_TEST

/*
 * Lengths around the end of a block, where the padding needs one block more or not: n zero bytes,
 * digests by another implementation (Python's hashlib).
 */
START_TEST(test_sha256__pads_at_every_edge)
{
    static const struct {
        size_t n;
        const char *digest;
    } edges[] = {
        {55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
        {56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
        {63, "c7723fa1e0127975e49e62e753db53924c1bd84b8ac1ac08df78d09270f3d971"},
        {64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
        {65, "98ce42deef51d40269d542f5314bef2c7468d401ad5d85168bfab4c0108f75f7"},
        {119, "f616b0d54e78571a9611f343c9f8e022e859e920381ab0e4d3da01e193a7bd7e"},
        {120, "6edd9f6f9cc92cded36e6c4a580933f9c9f1b90562b46903b806f21902a1a54f"},
    };
    static const unsigned char zeros[128];
    for (size_t k = 0; k < sizeof edges / sizeof *edges; k++)
        hold(edges[k].digest, zeros, edges[k].n);
}
END_TEST

/* However a message is cut into pieces, the digest is the same. */
START_TEST(test_sha256__does_not_see_how_the_message_is_cut)
{
    unsigned char bytes[200];
    char whole[65], cut[65];
    gref_sha256 c;
    for (int k = 0; k < 200; k++)
        bytes[k] = (unsigned char)(7 * k + 3);
    gref_sha256_begin(&c);
    gref_sha256_add(&c, bytes, sizeof bytes);
    gref_sha256_end(whole, &c);
    for (size_t a = 0; a <= 130; a += 13)
        for (size_t b = a; b <= 200; b += 17) {
            gref_sha256_begin(&c);
            gref_sha256_add(&c, bytes, a);
            gref_sha256_add(&c, bytes + a, b - a);
            gref_sha256_add(&c, bytes + b, 200 - b);
            gref_sha256_end(cut, &c);
            ck_assert_str_eq(cut, whole);
        }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sha256");
    TCase *tc = new_tcase(s, "sha256");
    tcase_add_test(tc, test_sha256__gives_the_digests_of_the_standard);
    tcase_add_test(tc, test_sha256__pads_at_every_edge);
    tcase_add_test(tc, test_sha256__does_not_see_how_the_message_is_cut);
    return run_suite(s);
}
