/* What the files of this folder share; not installed. */
#ifndef GREF_STUDY_INTERNAL_H
#define GREF_STUDY_INTERNAL_H

#include <gref/npy.h>
#include <gref/study.h>

enum { GREF_STUDY_SAMPLES = 4, GREF_STUDY_SEED = 1 };

/* problem.png, bias.png, samples.png, w2.svg into `dir` by gnuplot; study->note says why not. */
gref_status gref_study_draw(gref_study *study, const char *dir);

#endif
