/* What AddressSanitizer and UndefinedBehaviorSanitizer report. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <stdlib.h>

static __attribute__((noinline)) long total(const long *numbers, long count) {
    long sum = 0;
    for (long i = 0; i < count; i++) sum += numbers[i];
    return sum;
}

static PyObject *use_freed(PyObject *self, PyObject *arg) {
    long *numbers = calloc(5, sizeof *numbers);
    free(numbers);
    return PyLong_FromLong(total(numbers, 5));
}

static PyObject *beyond(PyObject *self, PyObject *count) {
    long *numbers = calloc(5, sizeof *numbers);
    return PyLong_FromLong(total(numbers, PyLong_AsLong(count)));
}

static __attribute__((noinline)) int add(int a, int b) {
    return a + b;
}

static PyObject *overflow(PyObject *self, PyObject *n) {
    return PyLong_FromLong(add(INT_MAX, (int)PyLong_AsLong(n)));
}

static PyMethodDef methods[] = {
    {"use_freed", use_freed, METH_O, NULL},
    {"beyond", beyond, METH_O, NULL},
    {"overflow", overflow, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "giveup_sanitized", NULL, -1, methods};

PyMODINIT_FUNC PyInit_giveup_sanitized(void) {
    return PyModule_Create(&module);
}
