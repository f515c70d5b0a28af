/*
 * What our own sources must not call; the build puts this file in front of each of them (-include).
 * Their declarations are taken in first, so that only a use of ours is an error. Instead: snprintf
 * and struct buf for text, strtoul and friends for numbers, random_bytes() for chance,
 * spawn_process() for programs, the _r forms for time.
 */
#ifndef STACGATE_BANNED_H
#define STACGATE_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok
#undef alloca
#pragma GCC poison alloca system popen tmpnam tempnam mktemp
#pragma GCC poison gmtime localtime ctime asctime
#pragma GCC poison srand srandom drand48 rand_r

#endif
