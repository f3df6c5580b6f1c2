# call 'budget.gp' COUNT
#
# Draws ../budget.svg: for each sampler its W2 at the end, and W2 with one source of error removed, as bars on a
# logarithmic axis. budget.txt has a line for each of the COUNT samplers, its fields between tabs: the label, W2 as it is,
# and W2 without initialisation, approximation, discretisation and truncation; NaN where there is none.
COUNT = @ARG1
COLORS = '#555555 #0072b2 #d55e00 #009e73 #cc79a7'
array TITLES[5] = ['as it is', 'without initialisation', 'without approximation', 'without discretisation', 'without truncation']
set datafile separator "\t"
set datafile missing NaN
positive(v) = v > 0 ? v : NaN
short(s) = strlen(s) > 20 ? s[1:19].'…' : s
LOW = 1e300; HIGH = 0
lowest(v) = (LOW = v > 0 && v < LOW ? v : LOW, HIGH = v > HIGH ? v : HIGH, v)
do for [k=2:6] { stats 'budget.txt' using (lowest(column(k))) nooutput }
if (HIGH == 0) { LOW = 0.1; HIGH = 1 }
BASE = 10.0**(floor(log10(LOW)) - 1)

set terminal svg enhanced size (COUNT > 4 ? 300 + 110*COUNT : 820),520 font 'DejaVu Sans,13' background rgb 'white'
set output '../budget.svg'
set logscale y
set format y '10^{%T}'
set yrange [BASE:10.0**(ceil(log10(HIGH)) + 0.2)]
set xrange [-0.6:COUNT - 0.4]
set border 3
set tics nomirror
set grid y lc rgb '#dddddd'
set xtics rotate by -30 noenhanced
set ylabel 'W₂ at the end, pixel units'
set key outside top center horizontal samplen 1.2
set bmargin at screen 0.3
set lmargin 10
set rmargin 16
set boxwidth 0.15 absolute
set style fill solid 0.9 noborder
plot 'budget.txt' using 0:(BASE):xtic(short(stringcolumn(1))) with points ps 0 notitle, \
    for [k=2:6] 'budget.txt' using ($0 + 0.16*(k - 4)):(positive(column(k))) with boxes \
    lc rgb word(COLORS, k - 1) title TITLES[k - 1]
unset output
reset
