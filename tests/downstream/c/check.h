#pragma once

#include <stdio.h>
#include <stdlib.h>

// Ends the program with a message if a condition does not hold; assert() would vanish with NDEBUG.
#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)
