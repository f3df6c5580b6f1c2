# call 'panels.gp' NAME ROWS COLS LINES LO HI
#
# Draws ../NAME.png: a grid of image panels, each row of panels below LINES lines of text, on the palette in force,
# which shows the values from LO to HI. NAME.txt has a line for each thing drawn, its fields between tabs:
#     kind  row  col  height  width  offset  text
# An "image" has height x width pixels in NAME.bin, doubles by rows, `offset` bytes from its beginning; those that are
# NaN show what lies below them, which a "hatch" marks. Every other kind is a text, by its place: "title" and "note" of
# the picture (note `row` below the title), "label" of a row, "panel" above a panel, "words" in its middle.
# Coordinates are those of the canvas: pixels, from the upper left corner.
NAME = ARG1; ROWS = @ARG2; COLS = @ARG3; LINES = @ARG4
TEXT = NAME.'.txt'
PIXELS = NAME.'.bin'
PANEL = 220; GAP = 10; LINE = 24; LEFT = 20; RIGHT = 90
STEP = PANEL + LINES*LINE + GAP
set datafile separator "\t"

# What a loop over images needs, five words an image.
images = 0; notes = 0; spec = ''
next(s) = (images = images + 1, spec = spec.' '.s, images)
stats TEXT using (strcol(1) eq 'image' \
    ? next(strcol(2).' '.strcol(3).' '.strcol(4).' '.strcol(5).' '.strcol(6)) \
    : strcol(1) eq 'note' ? (notes = notes + 1) : 0) nooutput
field(k, i) = images == 0 ? 1 : int(word(spec, 5*k + i))   # gnuplot looks at a loop once even where it is empty

LEAST = 820   # of the width: what a line of text takes
GRID = COLS*(PANEL + GAP) - GAP
WIDTH = LEFT + GRID + RIGHT < LEAST ? LEAST : LEFT + GRID + RIGHT
TOP = 44 + 18*notes + LINES*LINE
HEIGHT = TOP + ROWS*STEP - LINES*LINE + GAP
x(col) = LEFT + col*(PANEL + GAP)
y(row) = TOP + row*STEP
pick(kind, value) = strcol(1) eq kind ? value : NaN
# The picture fills its panel without distortion.
side(h, w) = PANEL/(1.0*(h > w ? h : w))
indent(h, w) = 0.5*(PANEL - side(h, w)*w)
d(k) = side(field(k, 3), field(k, 4))
x0(k) = x(field(k, 2)) + indent(field(k, 3), field(k, 4)) + 0.5*d(k)
y0(k) = y(field(k, 1)) + indent(field(k, 4), field(k, 3)) + 0.5*d(k)

set terminal pngcairo enhanced size WIDTH,HEIGHT font 'DejaVu Sans,11'
set output '../'.NAME.'.png'
set lmargin at screen 0; set rmargin at screen 1; set bmargin at screen 0; set tmargin at screen 1
set xrange [0:WIDTH]; set yrange [HEIGHT:0]
unset key; unset tics; unset border
set cbrange [@ARG5:@ARG6]
set cbtics font ',9'; set format cb '%g'
set colorbox user origin screen (x(COLS) + 8.0)/WIDTH, screen 1 - (TOP + ROWS*STEP - LINES*LINE - GAP)/(1.0*HEIGHT) \
    size screen 14.0/WIDTH, screen (ROWS*STEP - LINES*LINE - GAP)/(1.0*HEIGHT)
plot TEXT using (pick('hatch', x($3) + 0.5*PANEL)):(y($2) + 0.5*PANEL):(0.5*PANEL - indent($4, $5)):(0.5*PANEL - indent($5, $4)) \
        with boxxyerror fs pattern 4 noborder lc rgb '#d9b38c', \
    TEXT using (pick('words', x($3) + 0.5*PANEL)):(y($2) + 0.5*PANEL):(0.5*PANEL):(0.5*PANEL) \
        with boxxyerror lc rgb '#cccccc' fs empty, \
    for [k=0:images - 1] PIXELS binary skip=field(k, 5) array=(field(k, 4),field(k, 3)) format='%double' \
        origin=(x0(k),y0(k)) dx=d(k) dy=d(k) using 1 with image, \
    TEXT using (pick('title', WIDTH/2)):(20):7 with labels center font ',13', \
    TEXT using (pick('note', WIDTH/2)):(44 + 18*$2):7 with labels center font ',10', \
    TEXT using (pick('label', LEFT)):(y($2) - LINES*LINE + 12):7 with labels left font ',11' noenhanced, \
    TEXT using (pick('panel', x($3) + PANEL/2)):(y($2) - 12):7 with labels center noenhanced, \
    TEXT using (pick('words', x($3) + PANEL/2)):(y($2) + PANEL/2):7 with labels center noenhanced
unset output
reset
