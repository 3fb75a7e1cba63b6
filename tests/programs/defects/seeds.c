/* Mistakes with reference counts, each of a kind that extension modules make, and holders that make none.
   Only the stable ABI, so that one build serves several versions. */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- Released too often. --- */

static PyObject *over_decref(PyObject *self, PyObject *thing) {
    Py_DECREF(thing);
    Py_RETURN_NONE;
}

/* A borrowed reference is returned as if it were a new one. */
static PyObject *first_of_list(PyObject *self, PyObject *list) { return PyList_GetItem(list, 0); }
static PyObject *first_of_tuple(PyObject *self, PyObject *tuple) { return PyTuple_GetItem(tuple, 0); }

static PyObject *value_of_dict(PyObject *self, PyObject *args) {
    PyObject *dict, *key;
    if (!PyArg_ParseTuple(args, "OO", &dict, &key)) return NULL;
    return PyDict_GetItem(dict, key);
}

/* Functions that take over a reference are given a borrowed one. */
static PyObject *steal_into_list(PyObject *self, PyObject *args) {
    PyObject *list, *thing;
    if (!PyArg_ParseTuple(args, "OO", &list, &thing)) return NULL;
    if (PyList_SetItem(list, 0, thing) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *steal_twice(PyObject *self, PyObject *thing) {
    PyObject *pair = PyTuple_New(2);
    Py_INCREF(thing);
    PyTuple_SetItem(pair, 0, thing);
    PyTuple_SetItem(pair, 1, thing);
    return pair;
}

static PyObject *build_value_steals(PyObject *self, PyObject *thing) { return Py_BuildValue("[N]", thing); }

static PyObject *add_object_twice(PyObject *self, PyObject *args) {
    PyObject *module, *thing;
    if (!PyArg_ParseTuple(args, "OO", &module, &thing)) return NULL;
    Py_INCREF(thing);
    PyModule_AddObject(module, "added", thing);
    Py_DECREF(thing); /* it belongs to the module now */
    Py_RETURN_NONE;
}

static PyObject *append_and_release(PyObject *self, PyObject *args) {
    PyObject *list, *thing;
    if (!PyArg_ParseTuple(args, "OO", &list, &thing)) return NULL;
    if (PyList_Append(list, thing) < 0) return NULL;
    Py_DECREF(thing); /* as if it had been made here */
    Py_RETURN_NONE;
}

/* --- Never released. --- */

static PyObject *extra_incref(PyObject *self, PyObject *thing) {
    Py_INCREF(thing);
    Py_RETURN_NONE;
}

/* The new object is in the list and has a second reference. */
static PyObject *append_and_keep(PyObject *self, PyObject *args) {
    PyObject *list, *type, *made;
    if (!PyArg_ParseTuple(args, "OO", &list, &type)) return NULL;
    made = PyObject_CallObject(type, NULL);
    if (!made || PyList_Append(list, made) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *set_item_and_keep(PyObject *self, PyObject *args) {
    PyObject *dict, *key, *type, *made;
    if (!PyArg_ParseTuple(args, "OOO", &dict, &key, &type)) return NULL;
    made = PyObject_CallObject(type, NULL);
    if (!made || PyDict_SetItem(dict, key, made) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *make_and_forget(PyObject *self, PyObject *type) {
    if (!PyObject_CallObject(type, NULL)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *attribute_and_forget(PyObject *self, PyObject *thing) {
    if (!PyObject_GetAttrString(thing, "attribute")) return NULL;
    Py_RETURN_NONE;
}

static PyObject *iterate_and_forget(PyObject *self, PyObject *thing) {
    PyObject *iterator = PyObject_GetIter(thing), *item;
    if (!iterator) return NULL;
    while ((item = PyIter_Next(iterator))) {} /* no item is released */
    Py_DECREF(iterator);
    Py_RETURN_NONE;
}

static PyObject *swallow_error(PyObject *self, PyObject *callable) {
    PyObject *type, *value, *traceback, *result = PyObject_CallObject(callable, NULL);
    Py_XDECREF(result);
    PyErr_Fetch(&type, &value, &traceback); /* none of the three is released */
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_RETURN_NONE;
}

/* --- Holders that do nothing wrong. --- */

static PyObject *in_static;
static struct node { PyObject *held; struct node *next; } *in_malloc;

static PyObject *hold_static(PyObject *self, PyObject *thing) {
    Py_INCREF(thing);
    Py_XDECREF(in_static);
    in_static = thing;
    Py_RETURN_NONE;
}

static PyObject *hold_malloc(PyObject *self, PyObject *thing) {
    struct node *node = malloc(sizeof *node);
    Py_INCREF(thing);
    node->held = thing;
    node->next = in_malloc;
    in_malloc = node;
    Py_RETURN_NONE;
}

static PyObject *hold_state(PyObject *self, PyObject *thing) {
    PyObject **state = PyModule_GetState(self);
    Py_INCREF(thing);
    Py_XDECREF(*state);
    *state = thing;
    Py_RETURN_NONE;
}

static void release(PyObject *capsule) { Py_DECREF((PyObject *)PyCapsule_GetPointer(capsule, NULL)); }

static PyObject *hold_capsule(PyObject *self, PyObject *thing) {
    Py_INCREF(thing);
    return PyCapsule_New(thing, NULL, release);
}

/* A type that takes no part in garbage collection. */
typedef struct { PyObject_HEAD PyObject *held; } Box;

static int box_init(Box *self, PyObject *args, PyObject *kwargs) {
    PyObject *thing;
    if (!PyArg_ParseTuple(args, "O", &thing)) return -1;
    Py_INCREF(thing);
    Py_XDECREF(self->held);
    self->held = thing;
    return 0;
}

static void box_dealloc(Box *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(self->held);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyType_Slot box_slots[] = {{Py_tp_init, box_init}, {Py_tp_dealloc, box_dealloc}, {0, NULL}};
static PyType_Spec box_spec = {"seeds.Box", sizeof(Box), 0, Py_TPFLAGS_DEFAULT, box_slots};
static PyType_Spec bag_spec = {"seeds.Bag", sizeof(Box), 0, Py_TPFLAGS_DEFAULT, box_slots};

/* Calls while the only reference to a new list is on the C stack; the callable does not come back. */
static PyObject *hold_stack(PyObject *self, PyObject *args) {
    PyObject *type, *callable, *volatile held, *result;
    if (!PyArg_ParseTuple(args, "OO", &type, &callable)) return NULL;
    held = PyObject_CallObject(type, NULL);
    if (!held) return NULL;
    result = PyObject_CallObject(callable, NULL);
    Py_DECREF(held);
    return result;
}

/* glibc 2.33 and later: malloc.h. */
struct numbers { size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost; };

/* What malloc says of itself, to standard output; nothing happens after that. */
static PyObject *say_malloc_and_die(PyObject *self, PyObject *nothing) {
    struct numbers (*ask)(void) = (struct numbers (*)(void))dlsym(RTLD_DEFAULT, "mallinfo2");
    char text[300];
    if (ask) {
        struct numbers n = ask();
        int length = snprintf(text, sizeof text, "%zu %zu %zu %zu %zu %zu\n", n.arena, n.hblks, n.hblkhd, n.uordblks,
                              n.fordblks, n.keepcost);
        if (write(1, text, length) < 0) _exit(1);
    }
#ifdef Py_GIL_DISABLED
    PyObject *blocks = PyObject_CallObject(PySys_GetObject("getallocatedblocks"), NULL);
    int length = snprintf(text, sizeof text, "blocks=%ld\n", PyLong_AsLong(blocks));
    Py_DECREF(blocks);
    if (write(1, text, length) < 0) _exit(1);
#endif
    abort();
}

static PyMethodDef methods[] = {
    {"say_malloc_and_die", say_malloc_and_die, METH_NOARGS},
    {"over_decref", over_decref, METH_O}, {"first_of_list", first_of_list, METH_O},
    {"first_of_tuple", first_of_tuple, METH_O}, {"value_of_dict", value_of_dict, METH_VARARGS},
    {"steal_into_list", steal_into_list, METH_VARARGS}, {"steal_twice", steal_twice, METH_O},
    {"build_value_steals", build_value_steals, METH_O}, {"add_object_twice", add_object_twice, METH_VARARGS},
    {"append_and_release", append_and_release, METH_VARARGS}, {"extra_incref", extra_incref, METH_O},
    {"append_and_keep", append_and_keep, METH_VARARGS}, {"set_item_and_keep", set_item_and_keep, METH_VARARGS},
    {"make_and_forget", make_and_forget, METH_O}, {"attribute_and_forget", attribute_and_forget, METH_O},
    {"iterate_and_forget", iterate_and_forget, METH_O}, {"swallow_error", swallow_error, METH_O},
    {"hold_static", hold_static, METH_O}, {"hold_malloc", hold_malloc, METH_O}, {"hold_state", hold_state, METH_O},
    {"hold_capsule", hold_capsule, METH_O}, {"hold_stack", hold_stack, METH_VARARGS}, {NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "seeds", NULL, sizeof(PyObject *), methods};

PyMODINIT_FUNC PyInit_seeds(void) {
    PyObject *module = PyModule_Create(&definition);
    if (!module) return NULL;
    PyModule_AddObject(module, "Box", PyType_FromSpec(&box_spec));
    PyModule_AddObject(module, "Bag", PyType_FromSpec(&bag_spec));
    return module;
}
