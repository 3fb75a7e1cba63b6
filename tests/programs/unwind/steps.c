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

#ifdef IN_A_THREAD
#include <pthread.h>

static void *in_a_thread(void *argument) {
    return (char *)argument + outer(1);
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, in_a_thread, 0);
    return pthread_join(thread, 0);
}
#else
int main(void) {
    return outer(1) + 1;
}
#endif
