/* SHA-256, for the inputs of golden files; the oracle writes it and tests/test_oracle.c checks
 * it. */
#ifndef ORACLE_SHA256_H
#define ORACLE_SHA256_H

#include <stdbool.h>
#include <stddef.h>

/* 64 digits and a 0. */
void oracle_sha256(char hex[65], const void *bytes, size_t size);
bool oracle_sha256_doubles(char hex[65], const double *x, size_t count);

#endif
