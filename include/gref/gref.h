/* Everything gref offers: one include for users of the library. */
#ifndef GREF_H
#define GREF_H

#include <gref/asymptotics.h>
#include <gref/backend.h>
#include <gref/case.h>
#include <gref/chain.h>
#include <gref/convention.h>
#include <gref/crosscheck.h>
#include <gref/golden.h>
#include <gref/law.h>
#include <gref/marginal.h>
#include <gref/matrix.h>
#include <gref/modes.h>
#include <gref/npy.h>
#include <gref/operator.h>
#include <gref/prior.h>
#include <gref/problem.h>
#include <gref/psd.h>
#include <gref/random.h>
#include <gref/sampler.h>
#include <gref/schedule.h>
#include <gref/spectral.h>
#include <gref/status.h>
#include <gref/study.h>
#include <gref/trust.h>
#include <gref/verify.h>
#include <gref/version.h>
#include <gref/wasserstein.h>

#endif
