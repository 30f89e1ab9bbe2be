#ifndef MEDIA_PICTURE_CAGE_H
#define MEDIA_PICTURE_CAGE_H

#include <stdbool.h>
#include <stdint.h>

/* What a process that decodes strangers' pictures gives up, by itself and for good, before it reads the first
 * byte of one. Linux. Numbers: README.md. */

enum {
    MEDIA_CAGE_CPU_S = 30, /* for one picture; the slowest legitimate one takes 3 */
    /* Private memory, and all address space, libraries included. The hungriest legitimate picture (50 million
     * pixels, interlaced PNG of 16 bits with alpha) needs 610 MB. */
    MEDIA_CAGE_DATA_BYTES = 1073741824,
    MEDIA_CAGE_SPACE_BYTES = 1610612736,
};

/* As early as possible: dies with its parent, leaves no core, cannot be traced, can gain no rights, and is
 * the first to go when the machine's memory runs out. */
void media_cage_begin(void);

/* When everything is loaded: limits on memory, no file can be opened, grown or made, and a filter that leaves
 * of the kernel only memory, threads, clocks and the descriptors that are open. What else it asks for fails
 * with EPERM. False: this kernel has no such filter (or not for this processor); the limits hold all the
 * same. A process built with a sanitizer keeps memory and calls, which those want, and is told true. */
bool media_cage_shut(void);

/* Before each picture: so much time of a processor from now on, then SIGXCPU, which kills. */
void media_cage_allow_cpu(uint64_t seconds);

#endif
