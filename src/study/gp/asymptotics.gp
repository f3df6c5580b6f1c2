# call 'asymptotics.gp' COUNT DPS FROM TO
#
# Draws ../asymptotics.svg, four panels against e = 1 - abar on logarithmic axes: the three distances to cgdm's law, with
# slopes 1 and 2, and how far the covariances' difference over e^order is from its leading coefficient. One legend below
# the four. asymptotics.txt has a block a line, DPS of them of dps and the rest of pigdm, its fields between tabs: the
# title, then e, from FROM down to TO, and the values of the four panels.
COUNT = @ARG1; DPS = @ARG2; FROM = @ARG3; TO = @ARG4
OF_DPS = '#009e73 #e69f00 #cc79a7 #56b4e9'
OF_PIGDM = '#0072b2 #d55e00 #000000'
array TITLES[4] = ['|C - C₀|₂ / |C₀|₂', '|μ - μ₀|, pixel units', 'W₂ between the laws, pixel units', \
    'relative error of the leading coefficient of C']
set datafile separator "\t"
positive(v) = v > 0 ? v : NaN
color(k) = k < DPS ? word(OF_DPS, 1 + k%4) : word(OF_PIGDM, 1 + (k - DPS)%3)
width(k) = k < DPS ? 2 : 5 - 2*((k - DPS)%3)   # pigdm's nearly coincide, so the first of them are drawn wide
ROWS = (COUNT + 2)/2                            # of the legend: a line each and the slopes, in 2 columns

set terminal svg enhanced size 1080,960 font 'DejaVu Sans,14' background rgb 'white'
set output '../asymptotics.svg'
set logscale xy
set format xy '10^{%T}'
set border 3
set tics nomirror
unset mxtics
unset mytics
set grid lc rgb '#dddddd'
set key at screen 0.5, screen 0.005 center bottom vertical maxrows ROWS samplen 3
set xlabel 'e = 1 - abar'
set xrange [TO/2:2*FROM]
set multiplot layout 2,2 margins 0.08,0.98,0.085 + 0.0225*ROWS,0.9 spacing 0.11,0.13 \
    title 'modelled law N(μ, C) of each sampler against that of cgdm, N(μ₀, C₀)'
do for [p=1:4] {
    set title TITLES[p]
    stats 'asymptotics.txt' using (positive(column(p + 1))) nooutput
    if (!exists('STATS_max')) {
        set yrange [1e-16:1]
        set label 1 'equal at every e' at graph 0.5,0.5 center
        plot NaN notitle
        unset label 1
    } else {
        set yrange [STATS_min/3:10*STATS_max]
        # Thin lines above the largest value at the largest e; rounding ends the slope 2 of the last panel.
        stats 'asymptotics.txt' using ($1 > 0.99*FROM ? positive(column(p + 1)) : NaN) nooutput
        largest = exists('STATS_max') ? STATS_max : NaN
        guide(x, order) = order <= (p < 4 ? 2 : 1) ? 4*largest*(x/FROM)**order : NaN
        plot for [k=0:COUNT - 1] 'asymptotics.txt' index k using 1:(positive(column(p + 1))) with linespoints \
            lw width(k) ps 0.6 pt 4 + k%10 lc rgb color(k) title (p == 1 ? columnheader(1) : '') noenhanced, \
            for [order=1:2] guide(x, order) with lines lw 1.5 dt 2 lc rgb '#777777' \
            title (p == 1 && order == 1 ? 'slopes 1 and 2' : '')
    }
}
unset multiplot
unset output
reset
