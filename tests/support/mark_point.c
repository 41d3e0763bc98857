/* Check names the assertion after which a test crashed. For this, each assertion that holds writes
 * a message to a file, 20 microseconds with sanitizers; tests assert in loops over elements. The
 * linker's
 * --wrap=_mark_point brings those calls here, where only a place that is new to the test is
 * reported. */
#include <check.h>
#include <stddef.h>

void __real__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line);

void __wrap__mark_point(const char *file, int line)
{
    enum { PLACES = 1024 };
    static struct {
        const char *file;
        int line;
    } reported[PLACES];
    const size_t i = (size_t)line % PLACES;
    if (reported[i].file == file && reported[i].line == line)
        return;
    reported[i].file = file;
    reported[i].line = line;
    __real__mark_point(file, line);
}
