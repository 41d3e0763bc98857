/* Stopping at a good moment: Ctrl-C (SIGINT) and SIGTERM end a long loop where nothing is lost. */
#ifndef CFEDIT_STOP_H
#define CFEDIT_STOP_H

#include <stdbool.h>

/* Exit status after a stop, the same as shells give for SIGINT. */
#define CE_INTERRUPTED 130

/* With `on`, the first SIGINT or SIGTERM only asks to stop, and a second one ends the process; else
 * a signal ends it at once. */
void ce_stop_catch(bool on);

/* Whether a signal has asked to stop. */
bool ce_stop_asked(void);

#endif
