/* Pairs of covariances whose W2 is known, or known to be hard (THEORY section 11). */
#ifndef GREF_TEST_PAIRS_H
#define GREF_TEST_PAIRS_H

#include <stdint.h>

#include <gref/matrix.h>

/*
 * C = H diag(d) H^T / n with H of Sylvester and Hadamard and dyadic d: exact in double while log2
 * n + bits of d <= 53. d1 = 2^-k, 0 <= k <= kappa_bits, d2 = d1 (1 + s 2^-gap_bits), s = 0 or 1;
 * the last `zeros` entries are 0 in both. Returns W2 in long double, relative error below n 2^-63.
 */
long double hadamard_pair(gref_mat *C1, gref_mat *C2, int n, int kappa_bits, int gap_bits,
                          int zeros, uint64_t seed);

typedef enum { PAIR_MULT, PAIR_ADD, PAIR_COMM } pair_kind;
/*
 * The random pairs of THEORY section 11: C1 = Q diag(geometric 1 .. 1/kappa) Q^T; C2 = B2 B2^T with
 * B2 = (I + gap S) Q diag(sqrt) (MULT), C1 + gap P P^T (ADD), or the same eigenvectors with
 * eigenvalues perturbed by up to gap (COMM).
 */
void random_pair(gref_mat *C1, gref_mat *C2, int n, double kappa, double gap, pair_kind kind,
                 uint64_t seed);

#endif
