/* The module NAME with the functions `check` and `fatal`, which call `place` and `store` of the file that includes this. */
#define GIVEUP_TEXT_OF(name) #name
#define GIVEUP_TEXT(name) GIVEUP_TEXT_OF(name)
#define GIVEUP_JOIN_OF(a, b) a##b
#define GIVEUP_JOIN(a, b) GIVEUP_JOIN_OF(a, b)

static PyObject *check(PyObject *, PyObject *n) {
    return PyLong_FromLong(place(PyLong_AsLong(n)));
}

static PyObject *fatal(PyObject *, PyObject *n) {
    return PyLong_FromLong(store(PyLong_AsLong(n)));
}

static PyMethodDef methods[] = {{"check", check, METH_O, nullptr}, {"fatal", fatal, METH_O, nullptr}, {nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, GIVEUP_TEXT(NAME), nullptr, -1, methods};

PyMODINIT_FUNC GIVEUP_JOIN(PyInit_, NAME)() {
    return PyModule_Create(&module);
}
