// Two Pythons in one process: the first has run to its end, the second aborts in the middle.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void run(const char *library, const char *home, const char *code) {
    void *python = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!python) {
        puts(dlerror());
        exit(3);
    }
    void (*set_home)(const wchar_t *) = (void (*)(const wchar_t *))dlsym(python, "Py_SetPythonHome");
    void (*initialize)(int) = (void (*)(int))dlsym(python, "Py_InitializeEx");
    int (*run_string)(const char *) = (int (*)(const char *))dlsym(python, "PyRun_SimpleString");
    static wchar_t homes[2][4096];
    static int number;
    wchar_t *wide = homes[number++];
    mbstowcs(wide, home, 4095);
    set_home(wide);
    initialize(0);
    run_string(code);
}

int main(int count, char **words) {
    run(words[1], words[2], "def first():\n    global kept\n    kept = 1\nfirst()\n");
    run(words[3], words[4], "import posix\ndef second(n):\n    posix.abort()\nsecond(2)\n");
    return 0;
}
