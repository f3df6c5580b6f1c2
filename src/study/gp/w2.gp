# call 'w2.gp' COUNT T GROWS
#
# Draws ../w2.svg: W2 of every sampler's law, and of its modelled law, against t, from T down to 0. w2.txt has a block a
# sampler, its fields between tabs: nothing and the titles of both curves, then t, W2, W2 of the modelled law, and what the
# axis has room for where GROWS is 1: there a law grows out of the picture, and the others stay visible. A curve without
# points has no title; a value that is not known is nan.
COUNT = @ARG1; T = @ARG2; GROWS = @ARG3
COLORS = '#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9'
set datafile separator "\t"
positive(v) = v > 0 ? v : NaN

# The axis ends below every law, above what the modelled laws come to by rounding at t = 0.
stats 'w2.txt' using (positive($2)) nooutput
LOW = exists('STATS_min') ? 10.0**floor(log10(STATS_min/2)) : 1e-12
stats 'w2.txt' using (positive($4)) nooutput
HIGH = GROWS && exists('STATS_max') ? 10.0**ceil(log10(STATS_max) + 2) : NaN

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
plot for [k=0:2*COUNT - 1] 'w2.txt' index k/2 using 1:(positive(column(2 + k%2))) with lines \
    lw (k%2 ? 1.5 : 2.5) dt 1 + k%2 lc rgb word(COLORS, 1 + (k/2)%6) title columnheader(2 + k%2) noenhanced
unset output
reset
