/* asymptotics.svg by gnuplot (gp/asymptotics.gp): the numbers of asymptotics.csv that a logarithmic
 * axis can show. */
#include <stdio.h>

#include "base/internal.h"
#include "internal.h"

gref_status gref_asymptotics_draw(gref_asymptotics_report *report, const char *dir)
{
    SCOPED(gref_plot) plot = {0};
    FILE *f;
    const gref_asymptotics *a = report->a;
    const gref_asymptotics_line *first = &a->lines[0];
    int dps = 0;
    TRY(gref_plot_open(&plot, dir));
    TRY(gref_plot_file(&f, &plot, "asymptotics.txt"));
    for (int k = 0; k < a->n_lines; k++) {
        char name[40];
        gref_asymptotics_name(name, sizeof name, &a->lines[k]);
        fprintf(f, "%s, %s%s\n", a->lines[k].sampler, name,
                a->lines[k].equal ? ": equal at every e" : "");
        for (int i = 0; i < a->lines[k].n_points; i++) {
            const gref_asymptotics_point *p = &a->lines[k].points[i];
            fprintf(f, "%.17g\t%.17g\t%.17g\t%.17g\t%.17g\n", p->e, p->cov, p->mean, p->w2,
                    p->coefficient_error);
        }
        fprintf(f, "\n\n");
        dps += a->lines[k].alpha > 0.0;
    }
    fprintf(plot.script, "call 'asymptotics.gp' %d %d '%.17g' '%.17g'\n", a->n_lines, dps,
            first->points[0].e, first->points[first->n_points - 1].e);
    return gref_plot_draw(report->note, sizeof report->note, &plot);
}
