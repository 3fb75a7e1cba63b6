"""A thread of a library calls Python when the interpreter has ended: see defects/late.cpp."""

import sys
import time

import late

late.start(int(sys.argv[1]))
time.sleep(0.1)
