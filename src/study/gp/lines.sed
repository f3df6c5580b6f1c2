# A line of a script as a line of C text.
s/[\\"]/\\&/g
s/.*/"&\\n",/
