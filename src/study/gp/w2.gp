# call 'w2.gp' CURVES T GROWS
#
# Draws ../w2.svg: W2 of the samplers' laws, and of their modelled laws, against t, from T down to 0. w2.txt has a block a
# curve, its fields between tabs: the title, then t, W2, and what the axis has room for where GROWS is 1: there a law grows
# out of the picture, and the others stay visible. CURVES has a word for each: twice the number of its sampler, and 1 more
# for the modelled law.
CURVES = ARG1; T = @ARG2; GROWS = @ARG3
COLORS = '#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9'
set datafile separator "\t"
sampler(k) = int(word(CURVES, k))/2
modelled(k) = int(word(CURVES, k))%2
color(k) = word(COLORS, 1 + sampler(k)%6)
dot(k) = k > words(DOTS) ? 1 : int(word(DOTS, k))   # gnuplot looks at a loop once even where it is empty

# The axis ends below every law, above what the modelled laws come to by rounding at t = 0.
lowest(x) = (LOW = x < LOW ? x : LOW, x)
LOW = 1e300
DOTS = ''   # curves of one point
do for [k=1:words(CURVES)] {
    stats 'w2.txt' index k - 1 using (modelled(k) ? $2 : lowest($2)) nooutput
    DOTS = DOTS.(STATS_records == 1 ? ' '.k : '')
}
STATS_max = 0
if (words(CURVES) > 0) { stats 'w2.txt' using 3 nooutput }
LOW = LOW < 1e300 ? 10.0**floor(log10(LOW/2)) : 1e-12
HIGH = words(CURVES) == 0 ? 1.0 : GROWS && STATS_max > 0 ? 10.0**ceil(log10(STATS_max) + 2) : NaN

set terminal svg enhanced size 860,560 font 'DejaVu Sans,13' background rgb 'white'
set output '../w2.svg'
set logscale y
set format y '%g'
set xrange [T:0]
if (HIGH > 0) { set yrange [LOW:HIGH] } else { set yrange [LOW:*] }
set xlabel 't (backward process runs from left to right)'
set ylabel 'W_2 to p_t(x | v), pixel units'
set grid lc rgb '#dddddd'
set key outside right top Left reverse samplen 2
set border 3
set tics nomirror
if (words(CURVES) == 0) {   # every law has diverged or is lost, or has no target: the frame alone
    plot NaN notitle
} else {
plot for [k=1:words(CURVES)] 'w2.txt' index k - 1 using 1:2 with lines lw (modelled(k) ? 1.5 : 2.5) \
        dt 1 + modelled(k) lc rgb color(k) title columnheader(1) noenhanced, \
    for [k=1:words(DOTS)] 'w2.txt' index dot(k) - 1 using 1:2 with points pt 7 ps 0.9 lc rgb color(dot(k)) notitle
}
unset output
reset
