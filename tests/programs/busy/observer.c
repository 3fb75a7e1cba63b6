/* A thread that looks at the clock all the time, without Python's lock, and writes down the longest time between two looks: for
   so long it stood still. The first in line for a processor where we may be that (sched(7)), so that others' work does not count. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t *longest;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void *observe(void *slot)
{
    const struct timespec nap = {0, 200000};
    struct sched_param first = {.sched_priority = 10};
    volatile uint64_t *worst = longest + (intptr_t)slot;
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
    for (uint64_t last = now(), next;; last = next) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
        next = now();
        if (next - last > *worst)
            *worst = next - last;
    }
    return NULL;
}

/* Starts one. Its figure, nanoseconds, is word `slot` of the file, where others may set it to 0. */
int start(const char *path, int slot)
{
    pthread_t thread;
    if (!longest) {
        int file = open(path, O_RDWR | O_CREAT, 0600);
        void *at;
        if (file < 0 || ftruncate(file, 4096))
            return -1;
        at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (at == MAP_FAILED)
            return -1;
        longest = at;
    }
    return pthread_create(&thread, NULL, observe, (void *)(intptr_t)slot);
}
