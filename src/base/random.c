/*
 * Random numbers from Philox4x32-10 (Salmon et al. 2011; Random123 is their code).
 *
 * Counter = (block low, block high, stream, substream), key = seed. A block of four 32-bit words
 * makes two uniforms of 53 bits in (0, 1), and two normals by Box and Muller's transform. Nothing
 * is kept between calls: entry k of an array is number `first + k` of its stream, in storage order
 * of a column-major array without padding.
 */
#include <math.h>

#include <Random123/philox.h>

#include "internal.h"
#include <gref/random.h>

/* (2k + 1) 2^-54 for the top 53 bits k: symmetric about 1/2, never 0 or 1. */
static double unit(uint32_t high, uint32_t low)
{
    uint64_t k = (((uint64_t)high << 32) | low) >> 11;
    return ((double)k + 0.5) * 0x1p-53;
}

static void block(double u[2], uint64_t index, uint64_t seed, gref_stream stream,
                  uint32_t substream)
{
    philox4x32_ctr_t counter = {
        {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, substream}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t r = philox4x32(counter, key);
    u[0] = unit(r.v[0], r.v[1]);
    u[1] = unit(r.v[2], r.v[3]);
}

static void fill(gref_mat Z, uint64_t seed, gref_stream stream, uint32_t substream, uint64_t first,
                 bool normal)
{
    uint64_t k = first, have = UINT64_MAX;
    double u[2] = {0, 0};
    for (int j = 0; j < Z.n; j++)
        for (int i = 0; i < Z.m; i++, k++) {
            if (k / 2 != have) {
                have = k / 2;
                block(u, have, seed, stream, substream);
                if (normal) {
                    double radius = sqrt(-2.0 * log(u[0]));
                    double angle = 6.283185307179586476925286766559 * u[1];
                    u[0] = radius * cos(angle);
                    u[1] = radius * sin(angle);
                }
            }
            GREF_AT(Z, i, j) = u[k % 2];
        }
}

/**
 * Z(i, j) = standard normal number `first + j m + i` of (seed, stream, substream).
 *
 * @param[out] Z  any shape; entries in column order take consecutive numbers.
 * Reproducible to the rounding of libm's log, cos and sin.
 * @see   Salmon, Moraes, Dror & Shaw, SC 2011. Tests: test_random.c
 */
void gref_random_normal(gref_mat Z, uint64_t seed, gref_stream stream, uint32_t substream,
                        uint64_t first)
{
    fill(Z, seed, stream, substream, first, true);
}

/** As gref_random_normal, uniform on (0, 1); bit for bit the same everywhere. */
void gref_random_uniform(gref_mat Z, uint64_t seed, gref_stream stream, uint32_t substream,
                         uint64_t first)
{
    fill(Z, seed, stream, substream, first, false);
}
