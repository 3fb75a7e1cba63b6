/* Ways to sleep inside of the C++ run time while somebody else has the GIL. Only the stable ABI is used. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <unistd.h>

struct Slow {
    int value = 1;
    Slow() {
        usleep(300000);
        PyGILState_STATE state = PyGILState_Ensure();
        PyGILState_Release(state);
    }
};

static __attribute__((noinline)) Slow &slow_instance() {
    static Slow slow;
    return slow;
}

/* Initialises the static variable without the GIL, and takes it for that. */
static PyObject *guard_free(PyObject *, PyObject *) {
    int value;
    Py_BEGIN_ALLOW_THREADS
    value = slow_instance().value;
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(value);
}

static PyObject *guard_held(PyObject *, PyObject *) {
    return PyLong_FromLong(slow_instance().value);
}

static PyMethodDef methods[] = {
    {"guard_free", guard_free, METH_NOARGS, nullptr},
    {"guard_held", guard_held, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, "waits", nullptr, -1, methods};

PyMODINIT_FUNC PyInit_waits() {
    return PyModule_Create(&module);
}
