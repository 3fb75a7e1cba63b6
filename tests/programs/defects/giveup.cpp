/* Code that ends the process by somebody else's function for that. Only the stable ABI is used. */
#define _GLIBCXX_ASSERTIONS
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <vector>

static std::vector<long> numbers(3, 1);
static volatile size_t beyond = 7;

static __attribute__((noinline)) long pick() {
    return numbers[beyond] + 1;
}

static PyObject *cpp_assertion(PyObject *, PyObject *) {
    return PyLong_FromLong(pick());
}

static PyMethodDef methods[] = {
    {"cpp_assertion", cpp_assertion, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, "giveup", nullptr, -1, methods};

PyMODINIT_FUNC PyInit_giveup() {
    return PyModule_Create(&module);
}
