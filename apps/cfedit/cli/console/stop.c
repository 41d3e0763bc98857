/* The signals that ask to stop. */
#define _POSIX_C_SOURCE 200809L /* sigaction, SA_RESTART */
#include "cli/console/stop.h"

#include <signal.h>
#include <string.h>

/* A signal's handler can reach nothing but a variable of the file. */
static volatile sig_atomic_t asked;

static void on_signal(int number)
{
    (void)number;
    asked = 1;
}

void ce_stop_catch(bool on)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on ? on_signal : SIG_DFL;
    /* SA_RESTART: a result that waits for the reader of a pipe is written to its end all the same.
     */
    action.sa_flags = on ? (int)SA_RESETHAND | SA_RESTART : 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool ce_stop_asked(void) { return asked != 0; }
