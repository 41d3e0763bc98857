/* cfedit: edits a picture by a sentence. The program finds the command and runs it. */
#define _POSIX_C_SOURCE 200809L /* signals, file descriptors */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/console/options.h"

static const struct ce_command commands[] = {
    {"edit", "edit a picture by a sentence", ce_cmd_edit},
    {"train", "train a mapper for a sentence over many latents", ce_cmd_train},
    {"apply", "apply a trained mapper to latents", ce_cmd_apply},
    {"generate", "make pictures from seeds or latents", ce_cmd_generate},
    {"align", "find the faces of photos, straighten them, cut them out", ce_cmd_align},
    {"invert", "find the latents of photos", ce_cmd_invert},
    {"embed", "CLIP embeddings of texts and pictures", ce_cmd_embed},
    {"score", "which text fits which picture", ce_cmd_score},
    {"tokenize", "token ids of texts", ce_cmd_tokenize},
    {"info", "what is in a weight file or a picture; versions, BLAS and CPU in use", ce_cmd_info},
};

static int print_help(void)
{
    printf("Usage: cfedit COMMAND [OPTION]...\n\n"
           "Edits a picture by a sentence: StyleGAN2 draws it, CLIP judges it.\n\nCommands:\n");
    for (size_t i = 0; i < CE_COUNT(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n'cfedit COMMAND --help' shows the options of a command.\n\nExamples:\n"
           "  cfedit edit \"green lips\" --seed 7\n"
           "  cfedit generate --seeds 1-16 -o faces\n"
           "  cfedit score --text \"red hair\" --text \"blue hair\" --image faces/seed-1.png\n");
    return CE_OK;
}

static const struct ce_command *find_command(const char *name)
{
    for (size_t i = 0; i < CE_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const struct ce_run *run, const char *name)
{
    const char *names[CE_COUNT(commands)];
    const int status = ce_no_verbosity(run, name);
    if (status != CE_PARSED)
        return status;
    for (size_t i = 0; i < CE_COUNT(commands); i++)
        names[i] = commands[i].name;
    const char *near = ce_suggest(name, names, CE_COUNT(names));
    if (near)
        return ce_usage_error(run, "unknown command '%s' (did you mean '%s'?)", name, near);
    return ce_usage_error(run, "unknown %s '%s'", name[0] == '-' ? "option" : "command", name);
}

static int dispatch(struct ce_run *run, int argc, char **argv)
{
    char help[] = "--help";
    if (argc < 2)
        return ce_usage_error(run, "no command given");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2))
        return print_help();
    if (ce_asks_version(argv[1])) {
        ce_print_version();
        return CE_OK;
    }
    const bool wants_help = strcmp(argv[1], "help") == 0;
    const struct ce_command *command = find_command(argv[1 + wants_help]);
    if (!command)
        return unknown_command(run, argv[1 + wants_help]);
    run->command = command->name;
    if (wants_help)
        return command->run(run, 2, (char *[]){argv[2], help, NULL});
    return command->run(run, argc - 1, argv + 1);
}

/* A caller may have closed standard streams. The next files to be opened would take their numbers,
 * and messages would go into them. Each closed stream becomes /dev/null, read-only, so that writing
 * to it fails as it should. */
static void claim_standard_streams(void)
{
    while (1) {
        const int fd = open("/dev/null", O_RDONLY);
        if (fd < 0 || fd > STDERR_FILENO) {
            if (fd >= 0)
                close(fd);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct ce_run run = {0};

    claim_standard_streams();
    /* A reader that goes away, or a limit on the size of files, must be a write error like a full
     * disk and not end the process: temporary files are then removed. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int status = dispatch(&run, argc, argv);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CE_OK)
        status = ce_error(&run, "cannot write to the standard output%s%s", errno ? ": " : "",
                          errno ? strerror(errno) : "");
    ce_run_end(&run);
    return status;
}
