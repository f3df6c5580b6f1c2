/*
 * SHA-256 (FIPS 180-4): the hash that ties a manifest to its arrays.
 *
 *   H    h, 8 x 32 bits, the state          W   w, 64 x 32 bits, the message schedule of one block
 *   K    k, cube roots of the first primes  Ch, Maj, Sigma0, Sigma1, sigma0, sigma1   section 4.1.2
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void schedule(uint32_t w[64], const unsigned char block[64])
{
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
               (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
    for (int t = 16; t < 64; t++) {
        uint32_t a = w[t - 15], b = w[t - 2];
        uint32_t sigma0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
        uint32_t sigma1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }
}

static void absorb(uint32_t h[8], const unsigned char block[64])
{
    uint32_t w[64], s[8];
    schedule(w, block);
    memcpy(s, h, sizeof s);
    for (int t = 0; t < 64; t++) {
        uint32_t Sigma1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        uint32_t Ch = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t T1 = s[7] + Sigma1 + Ch + k[t] + w[t];
        uint32_t Sigma0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        uint32_t Maj = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += T1;
        s[0] = T1 + Sigma0 + Maj;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

void gref_sha256_begin(gref_sha256 *c)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    *c = (gref_sha256){0};
    memcpy(c->h, initial, sizeof initial);
}

void gref_sha256_add(gref_sha256 *c, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    size_t used = (size_t)(c->length % 64);
    c->length += size;
    while (size > 0) {
        size_t part = size < 64 - used ? size : 64 - used;
        memcpy(c->block + used, p, part);
        used += part;
        p += part;
        size -= part;
        if (used == 64) {
            absorb(c->h, c->block);
            used = 0;
        }
    }
}

void gref_sha256_end(char hex[65], gref_sha256 *c)
{
    static const unsigned char padding[64] = {0x80};
    unsigned char length[8];
    uint64_t bits = 8 * c->length;
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    gref_sha256_add(c, padding, (size_t)((119 - c->length % 64) % 64 + 1)); /* to 56 modulo 64 */
    gref_sha256_add(c, length, sizeof length);
    for (int i = 0; i < 8; i++)
        snprintf(hex + (size_t)(8 * i), 9, "%08x", (unsigned)c->h[i]);
}
