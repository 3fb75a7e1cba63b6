/* Calls that wait at their end, for tests of unwinding without call frame information. */
#include <unistd.h>

__attribute__((noinline)) static int deepest(int n) {
    int written = (int)write(1, "!", 1);
    pause();
    return written + n;
}

__attribute__((noinline)) static int middle(int n) {
    return deepest(n + 1) + n;
}

__attribute__((noinline)) static int outer(int n) {
    return middle(n + 1) + n;
}

int main(void) {
    return outer(1) + 1;
}
