/* What the bench reads off the machine: CPU and memory of processes, and the percentiles of what it
 * timed. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CPU time of a process, all its threads that live, in nanoseconds; 0 when it is not there. */
uint64_t cpu_of(pid_t pid);

/* The same of its first thread alone: with --loops 1 the server's loop, without its thread pool. */
uint64_t cpu_of_first_thread(pid_t pid);

/* CPU time of a process and its children, dead ones included, in nanoseconds at the kernel's tick
 * (10 ms). */
uint64_t cpu_of_family(pid_t parent);

/* Proportional set size in bytes; 0 when it cannot be read. */
uint64_t memory_of(pid_t pid);

/* Microseconds, up to SAMPLES_MAX of them; more replace random earlier ones, so that the sample
 * stays fair. */
#define SAMPLES_MAX 2000000
struct samples {
    uint32_t *us;
    size_t count, cap;
    uint64_t seen;
};
void samples_add(struct samples *s, int64_t us);
uint32_t samples_percentile(struct samples *s, double percent); /* sorts; 0 when empty */
void samples_finish(struct samples *s);

#endif
