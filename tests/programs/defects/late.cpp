/* A library whose thread calls into Python, and that waits for it when the process ends: in a static destructor or in a function
 * of Py_AtExit, when there is no interpreter any more. Only the stable ABI is used. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <atomic>
#include <signal.h>
#include <thread>
#include <unistd.h>

static std::atomic<bool> stop{false};

static __attribute__((noinline)) void call_python() {
    PyGILState_STATE state = PyGILState_Ensure();
    PyGILState_Release(state);
}

static std::thread *worker;

/* Once the interpreter is gone, and not before. */
static void call_late() {
    while (!stop)
        usleep(1000);
    call_python();
}

static void wait_for_worker() {
    stop = true;
    if (worker != nullptr)
        worker->join();
    worker = nullptr;
}

struct AtEnd {
    ~AtEnd() { wait_for_worker(); }
};

static PyObject *start(PyObject *, PyObject *how) {
    worker = new std::thread(call_late);
    if (PyLong_AsLong(how) != 0)
        Py_AtExit(wait_for_worker);
    else
        static AtEnd at_end;
    if (fork() == 0) {
        pid_t parent = getppid();
        sleep(2);
        kill(parent, SIGABRT);
        _exit(0);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"start", start, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, "late", nullptr, -1, methods};

PyMODINIT_FUNC PyInit_late() {
    return PyModule_Create(&module);
}
