/* The clock by which the engine and the program measure durations. */
#ifndef CFEDIT_CLOCK_H
#define CFEDIT_CLOCK_H

/* Seconds of the system's monotonic clock, counted from an unspecified moment. */
double ce_seconds(void);

#endif
