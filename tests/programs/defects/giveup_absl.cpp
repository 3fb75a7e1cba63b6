/* Code that ends the process by Abseil. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <absl/base/internal/raw_logging.h>

static volatile long limit = 3;

static __attribute__((noinline)) long place(long n) {
    ABSL_RAW_CHECK(n < limit, "no room for the order");
    return limit;
}

static __attribute__((noinline)) long store(long n) {
    ABSL_RAW_LOG(FATAL, "the store is gone: %ld", n);
    return limit;
}

#define NAME giveup_absl
#include "giveup.h"
