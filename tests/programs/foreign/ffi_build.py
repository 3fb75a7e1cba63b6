"""Writes the C source of the cffi module to the path that the argument names."""

import sys

import cffi

ffi = cffi.FFI()
ffi.cdef("long measure(long *gauge); void vent(void);")
ffi.set_source("gauges", """
#include <stdlib.h>
static __attribute__((noinline)) long read_gauge(long *gauge) { return *gauge + 1; }
static long measure(long *gauge) { return read_gauge(gauge); }
static __attribute__((noinline)) void vent(void) { void *volatile block = malloc(64); free(block); free(block); }
""")
ffi.emit_c_code(sys.argv[1])
