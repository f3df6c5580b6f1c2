/* The rows that project, in project.c; not installed. */
#ifndef GREF_METHOD_PROJECT_H
#define GREF_METHOD_PROJECT_H

#include "method.h"

gref_five gref_project_ddrm(const gref_convention *c, const gref_rule *r, double sigma, double s);
gref_five gref_project_ddnm(const gref_convention *c, const gref_rule *r, double sigma, double s);
gref_five gref_project_ddnm_plus(const gref_convention *c, const gref_rule *r, double sigma,
                                 double s);
gref_five gref_project_diffpir(const gref_convention *c, const gref_rule *r, double sigma,
                               double s);

#endif
