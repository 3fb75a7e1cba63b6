/* A module with one defect per function, for tests of what pyinquest says of each.
 *
 * Only the stable ABI is used, so that one build serves interpreters whose headers are not at hand. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

/* Keeps the compiler from seeing through what is about to go wrong. */
static void *volatile hidden;
static volatile long hidden_number;

struct record {
    long id;
    char padding[16];
    long key;
};

static NOINLINE long scan_key(struct record *record) {
    return record->key + 1;
}

static PyObject *null_field(PyObject *self, PyObject *arg) {
    hidden = NULL;
    return PyLong_FromLong(scan_key(hidden));
}

static NOINLINE void store(long *place, long value) {
    *place = value;
}

static PyObject *null_write(PyObject *self, PyObject *arg) {
    hidden = NULL;
    store(hidden, 42);
    Py_RETURN_NONE;
}

static PyObject *wild_read(PyObject *self, PyObject *arg) {
    hidden = (void *)0x4141414141414141;
    return PyLong_FromLong(scan_key(hidden));
}

static PyObject *read_only(PyObject *self, PyObject *arg) {
    hidden = (void *)(((size_t)"a constant that nobody may change") & ~7UL);
    store(hidden, 42);
    Py_RETURN_NONE;
}

static PyObject *null_call(PyObject *self, PyObject *arg) {
    hidden = NULL;
    long (*function)(long) = (long (*)(long))hidden;
    return PyLong_FromLong(function(1) + 1);
}

static NOINLINE long sum(long *block) {
    long total = 0;
    for (int i = 0; i < 8; i++)
        total += block[i];
    return total;
}

/* Large enough to be given back to the system at once. */
static PyObject *use_after_free(PyObject *self, PyObject *arg) {
    long *block = malloc(4 << 20);
    hidden = block;
    memset(hidden, 1, 4 << 20);
    free(hidden);
    return PyLong_FromLong(sum(hidden));
}

static PyObject *wrong_format(PyObject *self, PyObject *arg) {
    hidden_number = 42;
    PyObject *made = PyUnicode_FromFormat("value %s", hidden_number);
    hidden = made; /* no tail call: this frame is to be on the stack */
    return made;
}

static PyObject *over_decref(PyObject *self, PyObject *arg) {
    hidden = arg;
    Py_DECREF((PyObject *)hidden);
    Py_DECREF((PyObject *)hidden);
    /* Someone else gets the memory. */
#ifdef Py_GIL_DISABLED
    memset((char *)hidden + 16, 0x58, 16); /* its allocator would wait too long */
#endif
    for (size_t size = 16; size <= 512; size += 16)
        for (int i = 0; i < 4; i++)
            memset(PyObject_Malloc(size), 0x58, size);
    Py_RETURN_NONE;
}

/* The second word of an object (the fourth in free-threaded builds) is its type. */
static PyObject *smash_type(PyObject *self, PyObject *arg) {
    void **words = (void **)arg;
    PyTypeObject *type = Py_TYPE(arg);
    for (int i = 0; i < 4; i++)
        if (words[i] == (void *)type)
            words[i] = (void *)0x5858585858585858;
    Py_RETURN_NONE;
}

static NOINLINE PyObject *make_list(long n) {
    PyObject *list = PyList_New(0);
    for (long i = 0; i < n; i++) {
        PyObject *number = PyLong_FromLong(1000000 + i);
        PyList_Append(list, number);
        Py_DECREF(number);
    }
    PyErr_SetString(PyExc_ValueError, "made without the GIL");
    return list;
}

static PyObject *no_gil(PyObject *self, PyObject *arg) {
    PyThreadState *state = PyEval_SaveThread();
    PyObject *list = make_list(3);
    PyEval_RestoreThread(state);
    return list;
}

static NOINLINE void fill(char *text, int length) {
    for (int i = 0; i < length; i++)
        text[i] = 'A';
    hidden = text;
}

static NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) int smash(int length) {
    char buffer[16];
    fill(buffer, length);
    return buffer[3];
}

static PyObject *stack_smash(PyObject *self, PyObject *arg) {
    hidden_number = 64;
    return PyLong_FromLong(smash((int)hidden_number));
}

static PyObject *double_free(PyObject *self, PyObject *arg) {
    hidden = malloc(100);
    free(hidden);
    free(hidden);
    Py_RETURN_NONE;
}

/* What programs that embed Python do with an exception. */
static PyObject *print_and_abort(PyObject *self, PyObject *arg) {
    PyErr_SetString(PyExc_ValueError, "the disk is full");
    PyErr_Print();
    abort();
}

/* A pointer that no allocator has given out. */
static PyObject *wild_free(PyObject *self, PyObject *arg) {
    char *volatile hidden = (char *)0x123456789ab0;
    free(hidden);
    return PyLong_FromLong(hidden != NULL);
}

static PyObject *invalid_free(PyObject *self, PyObject *arg) {
    char *block = calloc(1, 100);
    hidden = block + 8;
    free(hidden);
    Py_RETURN_NONE;
}

static NOINLINE long descend(long depth, long *above) {
    volatile long here[16];
    here[0] = depth + *above;
    return descend(depth + 1, (long *)here) + here[0];
}

static PyObject *c_recursion(PyObject *self, PyObject *arg) {
    long start = 0;
    return PyLong_FromLong(descend(0, &start));
}

static PyObject *exception_left_set(PyObject *self, PyObject *arg) {
    PyErr_SetString(PyExc_KeyError, "left behind");
    Py_RETURN_NONE;
}

static PyObject *null_without_exception(PyObject *self, PyObject *arg) {
    return NULL;
}

static NOINLINE void check(long n) {
    assert(n > 0 && "n must be positive");
    hidden_number = n;
}

static PyObject *assertion(PyObject *self, PyObject *arg) {
    hidden_number = -1;
    check(hidden_number);
    Py_RETURN_NONE;
}

static NOINLINE long quotient(long a, long b) {
    return a / b;
}

static PyObject *divide(PyObject *self, PyObject *arg) {
    hidden_number = 0;
    return PyLong_FromLong(quotient(7, hidden_number));
}

static PyObject *trap(PyObject *self, PyObject *arg) {
    if (hidden_number >= 0)
        __builtin_trap();
    Py_RETURN_NONE;
}

static PyObject *short_file(PyObject *self, PyObject *arg) {
    FILE *file = tmpfile();
    char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    hidden = map;
    return PyLong_FromLong(sum(hidden));
}

static PyObject *guard_page(PyObject *self, PyObject *arg) {
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(map + 4096, 4096, PROT_NONE);
    hidden = map + 4096 - 16;
    return PyLong_FromLong(sum(hidden));
}

static char *low_end;

/* A local variable that ends below its stack, in the guard there. */
static NOINLINE void overrun_stack(void) {
    size_t left = (char *)__builtin_frame_address(0) - low_end;
    volatile char *large = __builtin_alloca(left + 1024);
    *large = 1;
}

static PyObject *large_local(PyObject *self, PyObject *arg) {
    static ucontext_t here, there;
    char *map = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(map, 1 << 16, PROT_NONE);
    low_end = map + (1 << 16);
    getcontext(&there);
    there.uc_stack.ss_sp = low_end;
    there.uc_stack.ss_size = (1 << 18) - (1 << 16);
    there.uc_link = &here;
    makecontext(&there, overrun_stack, 0);
    swapcontext(&here, &there);
    Py_RETURN_NONE;
}

static PyObject *jump_to_data(PyObject *self, PyObject *arg) {
    static long table[8] = {1, 2, 3};
    hidden = table;
    long (*function)(long) = (long (*)(long))hidden;
    return PyLong_FromLong(function(1) + 1);
}

/* No processor in 64-bit mode knows this one byte (push %es). */
static NOINLINE void unknown_instruction(void) {
#ifdef __x86_64__
    __asm__ volatile(".byte 0x06");
#else
    /* Nor aarch64 and riscv64 this word. */
    __asm__ volatile(".word 0");
#endif
}

static PyObject *illegal(PyObject *self, PyObject *arg) {
    unknown_instruction();
    Py_RETURN_NONE;
}

static NOINLINE void overrun(char *block) {
    memset(block, 0x41, 2000);
}

static PyObject *heap_overrun(PyObject *self, PyObject *arg) {
    /* Blocks too large for the thread's own lists, so that free() looks at what lies behind them. */
    char *block = malloc(1500), *next = malloc(1500);
    hidden = block;
    overrun(hidden);
    free(next);
    free(block);
    Py_RETURN_NONE;
}

static void without_state(void *unused) {
    hidden = make_list(3);
}

static PyObject *foreign_thread(PyObject *self, PyObject *arg) {
    /* Not pthread_create: its symbol version would keep the module from older systems. */
    Py_BEGIN_ALLOW_THREADS
    PyThread_start_new_thread(without_state, NULL);
    sleep(10);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* What _FORTIFY_SOURCE makes of memcpy. */
extern void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);

static NOINLINE int copy(const char *text, size_t size) {
    char buffer[16];
    __memcpy_chk(buffer, text, size, sizeof buffer);
    hidden = buffer;
    return *(volatile char *)hidden;
}

static PyObject *buffer_overflow(PyObject *self, PyObject *arg) {
    hidden_number = 20;
    return PyLong_FromLong(copy("a text that is longer than the buffer", hidden_number));
}

/* With the flag AC an x86-64 processor refuses unaligned accesses, as others always do. */
static NOINLINE long read_odd(char *place) {
    long value;
#ifdef __x86_64__
    __asm__ volatile("pushfq\n\torq $0x40000, (%%rsp)\n\tpopfq\n\tmovq (%1), %0" : "=r"(value) : "r"(place) : "memory", "cc");
#elif defined __aarch64__
    /* What waits for others must be aligned. */
    __asm__ volatile("ldaxr %0, [%1]" : "=r"(value) : "r"(place) : "memory");
#else
    __asm__ volatile("lr.d %0, (%1)" : "=r"(value) : "r"(place) : "memory");
#endif
    return value;
}

static PyObject *misaligned(PyObject *self, PyObject *arg) {
    static char block[32] __attribute__((aligned(16)));
    hidden = block + 1;
    return PyLong_FromLong(read_odd(hidden));
}

/* Gives away a reference to None again and again. */
static PyObject *none_decref(PyObject *self, PyObject *arg) {
    for (int i = 0; i < 1000000; i++)
        Py_DecRef(Py_None);
    Py_RETURN_NONE;
}

/* The API is given an object that was freed before. */
static NOINLINE PyObject *look_up(PyObject *object) {
    return PyObject_GetAttr(object, hidden);
}

/* The last reference to an object goes, and the object is used. */
static PyObject *released_argument(PyObject *self, PyObject *arg) {
    hidden = (void *)16;
    Py_DECREF(arg);
    PyObject *found = look_up(arg);
    hidden = found;
    return found;
}

static PyObject *freed_argument(PyObject *self, PyObject *arg) {
    hidden = (void *)16;
#ifdef Py_GIL_DISABLED
    arg->ob_ref_local = 0;
    arg->ob_ref_shared = 0;
#else
    arg->ob_refcnt = 0;
#endif
    PyObject *found = look_up(arg);
    hidden = found;
    return found;
}

static NOINLINE void give_up(void) {
    Py_FatalError("the flux capacitor is empty");
}

static PyObject *fatal(PyObject *self, PyObject *arg) {
    give_up();
    Py_RETURN_NONE;
}

static NOINLINE void plain(void) {
    abort();
}

static PyObject *c_abort(PyObject *self, PyObject *arg) {
    plain();
    Py_RETURN_NONE;
}

static void late(void) {
    PyObject *list = PyList_New(3);
    PyErr_SetString(PyExc_ValueError, "too late");
    hidden = list;
}

static PyObject *after_finalize(PyObject *self, PyObject *arg) {
    atexit(late);
    Py_RETURN_NONE;
}

/* Holds a pointer that was never an object. */
typedef struct {
    PyObject ob_base;
    PyObject *member;
} Holder;

static PyObject *holder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *made = PyType_GenericNew(type, args, kwargs);
    if (made != NULL)
        ((Holder *)made)->member = (PyObject *)0x10;
    return made;
}

static int holder_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((Holder *)self)->member);
    return 0;
}

static int holder_clear(PyObject *self) {
    ((Holder *)self)->member = NULL;
    return 0;
}

static void holder_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyType_Slot holder_slots[] = {
    {Py_tp_new, holder_new},         {Py_tp_traverse, holder_traverse}, {Py_tp_clear, holder_clear},
    {Py_tp_dealloc, holder_dealloc}, {0, NULL},
};
static PyType_Spec holder_spec = {"defects.Holder", sizeof(Holder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, holder_slots};

/* Frees what it never had. */
static NOINLINE void release(struct record *record) {
    hidden_number = record->key;
}

/* Refers to itself, so that only the collector can end it. */
static PyObject *clearer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *made = PyType_GenericNew(type, args, kwargs);
    if (made != NULL) {
        Py_INCREF(made);
        ((Holder *)made)->member = made;
    }
    return made;
}

static int clearer_clear(PyObject *self) {
    hidden = NULL;
    release(hidden);
    ((Holder *)self)->member = NULL;
    return 0;
}

static PyType_Slot clearer_slots[] = {
    {Py_tp_new, clearer_new},         {Py_tp_traverse, holder_traverse}, {Py_tp_clear, clearer_clear},
    {Py_tp_dealloc, holder_dealloc}, {0, NULL},
};
static PyType_Spec clearer_spec = {"defects.Clearer", sizeof(Holder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                                   clearer_slots};

static void owner_dealloc(PyObject *self) {
    hidden = NULL;
    release(hidden);
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyType_Slot owner_slots[] = {{Py_tp_dealloc, owner_dealloc}, {0, NULL}};
static PyType_Spec owner_spec = {"defects.Owner", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, owner_slots};

/* Handlers that pass a fault on, as crash reporters of servers and programs do. */

static void fault_with(void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigfillset(&action.sa_mask);
    sigaction(SIGSEGV, &action, NULL);
    hidden = NULL;
    hidden_number = scan_key(hidden);
}

static void raise_it(int number) {
    signal(number, SIG_DFL);
    raise(number); /* blocked: it comes when this handler has returned */
}

static PyObject *raised_again(PyObject *self, PyObject *arg) {
    fault_with(raise_it, 0);
    Py_RETURN_NONE;
}

static void kill_it(int number) {
    signal(number, SIG_DFL);
    kill(getpid(), number);
}

static PyObject *killed_again(PyObject *self, PyObject *arg) {
    fault_with(kill_it, 0);
    Py_RETURN_NONE;
}

static void queue_it(int number) {
    union sigval value = {0};
    signal(number, SIG_DFL);
    sigqueue(getpid(), number, value);
}

static PyObject *queued_again(PyObject *self, PyObject *arg) {
    fault_with(queue_it, 0);
    Py_RETURN_NONE;
}

static void kill_by_abort(int number) {
    kill(getpid(), SIGABRT); /* blocked as well */
}

static PyObject *other_signal(PyObject *self, PyObject *arg) {
    fault_with(kill_by_abort, 0);
    Py_RETURN_NONE;
}

static void abort_it(int number) {
    abort();
}

static PyObject *handler_aborts(PyObject *self, PyObject *arg) {
    fault_with(abort_it, 0);
    Py_RETURN_NONE;
}

static NOINLINE long handler_scan(struct record *record) {
    return record->key + 2;
}

static void fault_again(int number) {
    signal(number, SIG_DFL);
    hidden = (void *)0x100;
    hidden_number = handler_scan(hidden);
}

static PyObject *handler_faults(PyObject *self, PyObject *arg) {
    fault_with(fault_again, SA_NODEFER);
    Py_RETURN_NONE;
}

/* A watchdog thread that ends the process when another has faulted. */
static volatile int faulted;

static void *watch(void *unused) {
    while (!faulted)
        usleep(1000);
    abort();
}

static void tell_watchdog(int number) {
    faulted = 1;
    for (;;)
        pause();
}

static PyObject *watchdog_aborts(PyObject *self, PyObject *arg) {
    pthread_t thread;
    pthread_create(&thread, NULL, watch, NULL);
    fault_with(tell_watchdog, 0);
    Py_RETURN_NONE;
}

/* A fault that a handler has dealt with, and then a time limit: the fault is not the cause. */
static sigjmp_buf back;

static void jump_back(int number) {
    siglongjmp(back, 1);
}

static PyObject *time_limit(PyObject *self, PyObject *arg) {
    if (sigsetjmp(back, 1) == 0)
        fault_with(jump_back, 0);
    signal(SIGALRM, abort_it);
    ualarm(20000, 0);
    for (;;)
        hidden_number++;
}

/* Signals that are only sent. */

static PyObject *raise_abort(PyObject *self, PyObject *arg) {
    raise(SIGABRT);
    Py_RETURN_NONE;
}

static PyObject *raise_segv(PyObject *self, PyObject *arg) {
    raise(SIGSEGV);
    Py_RETURN_NONE;
}

/* Bad pointers of other kinds. */

static PyObject *map_failed(PyObject *self, PyObject *arg) {
    hidden = (void *)-1; /* MAP_FAILED */
    return PyLong_FromLong(scan_key(hidden));
}

static NOINLINE long element(long *array, long index) {
    return array[index] + 1;
}

static PyObject *null_array(PyObject *self, PyObject *arg) {
    hidden = NULL;
    hidden_number = 6;
    return PyLong_FromLong(element(hidden, hidden_number));
}

/* The last reference is given away; the caller still has the object. */
static PyObject *free_it(PyObject *self, PyObject *arg) {
    hidden = arg;
    Py_ssize_t count = Py_REFCNT(arg);
    while (count-- > 0)
        Py_DECREF((PyObject *)hidden);
    Py_RETURN_NONE;
}

/* Blocks of Python's allocator, for PYTHONMALLOC=debug. */

static PyObject *mem_twice(PyObject *self, PyObject *arg) {
    hidden = PyMem_Malloc(24);
    PyMem_Free(hidden);
    PyMem_Free(hidden);
    Py_RETURN_NONE;
}

static PyObject *mem_beyond(PyObject *self, PyObject *arg) {
    char *block = PyMem_Malloc(24);
    hidden = block;
    ((char *)hidden)[24] = 7;
    PyMem_Free(hidden);
    Py_RETURN_NONE;
}

static PyObject *mem_family(PyObject *self, PyObject *arg) {
    hidden = PyMem_Malloc(24);
    PyObject_Free(hidden);
    Py_RETURN_NONE;
}

/* A library that calls whom it was told to call. */
static long (*volatile subscriber)(long);

static PyObject *subscribe(PyObject *self, PyObject *address) {
    subscriber = (long (*)(long))PyLong_AsVoidPtr(address);
    Py_RETURN_NONE;
}

static NOINLINE long notify(long n) {
    return subscriber(n) + 1;
}

static PyObject *publish(PyObject *self, PyObject *arg) {
    return PyLong_FromLong(notify(1) + notify(2));
}

static PyMethodDef methods[] = {
    {"subscribe", subscribe, METH_O, NULL},
    {"publish", publish, METH_O, NULL},
    {"null_field", null_field, METH_O, NULL},
    {"null_write", null_write, METH_O, NULL},
    {"wild_read", wild_read, METH_O, NULL},
    {"read_only", read_only, METH_O, NULL},
    {"null_call", null_call, METH_O, NULL},
    {"use_after_free", use_after_free, METH_O, NULL},
    {"wrong_format", wrong_format, METH_O, NULL},
    {"over_decref", over_decref, METH_O, NULL},
    {"smash_type", smash_type, METH_O, NULL},
    {"no_gil", no_gil, METH_O, NULL},
    {"stack_smash", stack_smash, METH_O, NULL},
    {"double_free", double_free, METH_O, NULL},
    {"invalid_free", invalid_free, METH_O, NULL},
    {"wild_free", wild_free, METH_O, NULL},
    {"print_and_abort", print_and_abort, METH_O, NULL},
    {"c_recursion", c_recursion, METH_O, NULL},
    {"exception_left_set", exception_left_set, METH_O, NULL},
    {"null_without_exception", null_without_exception, METH_O, NULL},
    {"assertion", assertion, METH_O, NULL},
    {"divide", divide, METH_O, NULL},
    {"trap", trap, METH_O, NULL},
    {"short_file", short_file, METH_O, NULL},
    {"guard_page", guard_page, METH_O, NULL},
    {"jump_to_data", jump_to_data, METH_O, NULL},
    {"large_local", large_local, METH_O, NULL},
    {"illegal", illegal, METH_O, NULL},
    {"heap_overrun", heap_overrun, METH_O, NULL},
    {"foreign_thread", foreign_thread, METH_O, NULL},
    {"buffer_overflow", buffer_overflow, METH_O, NULL},
    {"misaligned", misaligned, METH_O, NULL},
    {"none_decref", none_decref, METH_O, NULL},
    {"freed_argument", freed_argument, METH_O, NULL},
    {"released_argument", released_argument, METH_O, NULL},
    {"fatal", fatal, METH_O, NULL},
    {"c_abort", c_abort, METH_O, NULL},
    {"after_finalize", after_finalize, METH_O, NULL},
    {"raised_again", raised_again, METH_O, NULL},
    {"killed_again", killed_again, METH_O, NULL},
    {"queued_again", queued_again, METH_O, NULL},
    {"other_signal", other_signal, METH_O, NULL},
    {"handler_aborts", handler_aborts, METH_O, NULL},
    {"handler_faults", handler_faults, METH_O, NULL},
    {"watchdog_aborts", watchdog_aborts, METH_O, NULL},
    {"time_limit", time_limit, METH_O, NULL},
    {"raise_abort", raise_abort, METH_O, NULL},
    {"raise_segv", raise_segv, METH_O, NULL},
    {"map_failed", map_failed, METH_O, NULL},
    {"null_array", null_array, METH_O, NULL},
    {"free_it", free_it, METH_O, NULL},
    {"mem_twice", mem_twice, METH_O, NULL},
    {"mem_beyond", mem_beyond, METH_O, NULL},
    {"mem_family", mem_family, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "defects", NULL, -1, methods, NULL, NULL, NULL, NULL};

static int add_type(PyObject *made, const char *name, PyType_Spec *spec) {
    PyObject *type = PyType_FromSpec(spec);
    return type == NULL ? -1 : PyModule_AddObject(made, name, type);
}

PyMODINIT_FUNC PyInit_defects(void) {
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || add_type(made, "Holder", &holder_spec) < 0 || add_type(made, "Owner", &owner_spec) < 0 ||
        add_type(made, "Clearer", &clearer_spec) < 0)
        return NULL;
    return made;
}
