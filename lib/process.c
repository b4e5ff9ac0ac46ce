/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "clock.h"
#include "metrics.h"
#include "regular_file.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BUILD, STARTED, CPU, MEMORY, OPEN_FDS, MAX_FDS, METRICS };

static struct metric metrics[METRICS] = {
    [BUILD] = {"sluice_build_info", "version=\"" SLUICE_VERSION "\"", "1, for the release that runs.",
               METRIC_GAUGE, 1},
    [STARTED] = {"process_start_time_seconds", NULL, "When the process started, in seconds since 1970.",
                 METRIC_TIMESTAMP, 0},
    [CPU] = {"process_cpu_seconds_total", NULL, "CPU time that the process has used, in seconds.",
             METRIC_SECONDS_TOTAL, 0},
    [MEMORY] = {"process_resident_memory_bytes", NULL, "Memory of the process that is in RAM, in bytes.",
                METRIC_ESTIMATE, -1},
    [OPEN_FDS] = {"process_open_fds", NULL, "File descriptors that are open.", METRIC_ESTIMATE, -1},
    [MAX_FDS] = {"process_max_fds", NULL, "File descriptors that may be open.", METRIC_ESTIMATE, -1},
};

static int64_t cpu_us(void)
{
    struct timespec used;

    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0
               ? used.tv_sec * CLOCK_US_PER_S + used.tv_nsec / 1000
               : 0;
}

/* -1 when /proc can't be read, as for the others. */
static int64_t resident_bytes(void)
{
    struct error error;
    FILE *file = regular_file_stream("/proc/self/statm", &error);
    long long total, resident;
    bool found;

    if (file == NULL) {
        return -1;
    }
    found = fscanf(file, "%lld %lld", &total, &resident) == 2; /* NOLINT(cert-err34-c): the kernel's */
    (void)fclose(file);
    return found ? resident * sysconf(_SC_PAGESIZE) : -1;
}

static int64_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = -1; /* its own */
    const struct dirent *entry;

    if (folder == NULL) {
        return -1;
    }
    while ((entry = readdir(folder)) != NULL) { /* NOLINT(concurrency-mt-unsafe): nobody shares folder */
        count += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    return count;
}

static int64_t most_descriptors(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (int64_t)limit.rlim_cur : -1;
}

static void refresh(void)
{
    metric_set(&metrics[CPU], cpu_us());
    metric_set(&metrics[MEMORY], resident_bytes());
    metric_set(&metrics[OPEN_FDS], open_descriptors());
    metric_set(&metrics[MAX_FDS], most_descriptors());
}

void process_register(void)
{
    metric_set(&metrics[STARTED], clock_wall_us());
    metrics_register(metrics, METRICS);
    metrics_before_render(refresh);
}
