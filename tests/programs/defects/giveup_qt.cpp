/* Code that ends the process by Qt. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* As in qlogging.h and qglobal.h: the library alone is there. */
class QMessageLogger {
  public:
    [[noreturn]] void fatal(const char *format, ...) const;

  private:
    const void *context[4] = {nullptr};
};

[[noreturn]] void qt_assert_x(const char *where, const char *what, const char *file, int line);

static volatile long limit = 3;

static __attribute__((noinline)) long place(long n) {
    if (n >= limit) qt_assert_x("place", "no room for the order", __FILE__, __LINE__);
    return limit;
}

static __attribute__((noinline)) long store(long n) {
    QMessageLogger().fatal("the store %s is gone: %ld", "main", n);
    return limit;
}

#define NAME giveup_qt
#include "giveup.h"
