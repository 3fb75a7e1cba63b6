/* Code that ends the process by glog. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <glog/logging.h>

static volatile long limit = 3;

static __attribute__((noinline)) long place(long n) {
    CHECK_LT(n, limit) << "no room for order " << n;
    return limit;
}

static __attribute__((noinline)) long store(long n) {
    LOG(FATAL) << "the store is gone: " << n;
    return limit;
}

#define NAME giveup_glog
#include "giveup.h"
