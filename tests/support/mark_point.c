/* If a test crashes, Check names the last assertion that held. To know it, each assertion that
 * holds writes a message to a file, which takes 20 microseconds with sanitizers: far too long in
 * loops over elements. The linker passes these calls to this file (--wrap=_mark_point), and only a
 * place in the source that is new to the running test is reported. */
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
