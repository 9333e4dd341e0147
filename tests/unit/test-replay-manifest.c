/* LINK: replay/replay.c replay/snapshot.c replay/none.c replay/record.c replay/play.c replay/async.c replay/clock.c replay/input.c replay/char.c replay/manifest.c replay/file-hash.c replay/check.c replay/log.c util/error.c util/option.c util/qemu-timer.c -lxxhash -ljson-glib-1.0 */
/* replay/manifest.c and -icount's rr keys: what is recorded, and the one sentence that refuses a replay. */
#include "replay-stubs.h"

static char *log_path, *kernel_path, *disk_path;

static void make_recording(void)
{
    log_path = temp_path("log");
    kernel_path = temp_path("kernel");
    disk_path = temp_path("disk");
    write_file(kernel_path, "kernel", 6);
    write_file(disk_path, "disk", 4);
    begin("record", log_path);
    g_assert_true(replay_add_property("memory", "-m", "256M", NULL));
    g_assert_true(replay_add_property("cpu", "-cpu", "qemu32 \"\xff\"", NULL));
    g_assert_true(replay_add_input("kernel", kernel_path, &error_fatal));
    g_assert_true(replay_add_input("disk", disk_path, &error_fatal));
    g_assert_true(replay_start(&error_fatal));
    fake_icount = 1000;
    expect_finish(0x1234, 0, "record: end at icount 1000, digest 0000000000001234\n");
}

static void forget_recording(void)
{
    replay_reset_for_test();
    g_clear_pointer(&log_path, g_free);
    g_clear_pointer(&kernel_path, g_free);
    g_clear_pointer(&disk_path, g_free);
    fake_shift = 7;
    remove_temp_dir();
}

static bool begin_replay(Error **errp)
{
    begin("replay", log_path);
    return replay_add_property("memory", "-m", "256M", errp) &&
           replay_add_property("cpu", "-cpu", "qemu32 \"\xff\"", errp) &&
           replay_add_input("kernel", kernel_path, errp) && replay_add_input("disk", disk_path, errp) &&
           replay_start(errp);
}

static void test_lines(void)
{
    make_recording();
    char *manifest = g_strdup_printf("%s.manifest", log_path), *text;
    g_assert_true(g_file_get_contents(manifest, &text, NULL, NULL));
    g_assert_true(g_str_has_prefix(text,
                                   "{\"manifest\":1,\"version\":\"0xe02007\",\"argv\":[\"qemu-system-i386\",\"-m\","
                                   "\"128M\"],\"machine\":{\"memory\":\"256M\","));
    g_assert_nonnull(strstr(text, "\"shift\":7,\"seed\":\""));
    g_assert_nonnull(strstr(text, "\"inputs\":[{\"role\":\"kernel\",\"path\":\""));
    g_assert_true(g_str_has_suffix(text, "\n{\"end\":true,\"icount\":1000,\"digest\":\"0000000000001234\",\"events\":2,"
                                         "\"bytes\":18}\n"));
    g_free(text);
    g_free(manifest);
    forget_recording();
}

static void test_same(void)
{
    make_recording();
    g_assert_true(begin_replay(&error_fatal));
    g_assert_cmpstr(replay_recorded_property("memory"), ==, "256M");
    g_assert_null(replay_recorded_property("smp"));
    g_assert_cmpint(replay_get_budget(), ==, 1000);
    fake_icount = 1000;
    expect_finish(0x1234, 0, "replay: end at icount 1000, digest 0000000000001234, same as recorded\n");
    forget_recording();
}

static void test_changed_property(void)
{
    Error *err = NULL;
    make_recording();
    begin("replay", log_path);
    g_assert_false(replay_add_property("memory", "-m", "128M", &err));
    take_message(&err, "-m 128M: the recording was made with -m 256M");
    g_assert_true(replay_add_property("revision", "machine revision", "1", &err));
    g_assert_false(replay_add_property("revision", "machine revision", "2", &err));
    take_message(&err, "machine revision 2: the recording was made with machine revision 1");
    fake_shift = 5;
    g_assert_false(replay_start(&err));
    take_message(&err, "-icount shift=5: the recording was made with -icount shift=7");
    forget_recording();
}

static void test_changed_input(void)
{
    Error *err = NULL;
    make_recording();
    write_file(kernel_path, "kernal", 6);
    g_assert_false(begin_replay(&err));
    char *text = g_strdup(error_get_pretty(err));
    char *prefix = g_strdup_printf("kernel file '%s' differs from the recording: xxh3 ", kernel_path);
    g_assert_true(g_str_has_prefix(text, prefix));
    g_assert_nonnull(strstr(text, ", recorded "));
    error_free(err);
    err = NULL;
    write_file(kernel_path, "kernels", 7);
    g_assert_false(begin_replay(&err));
    char *expected = g_strdup_printf("kernel file '%s' differs from the recording: 7 bytes, recorded 6", kernel_path);
    take_message(&err, expected);
    g_free(expected);
    g_free(prefix);
    g_free(text);
    forget_recording();
}

static void test_other_inputs(void)
{
    Error *err = NULL;
    make_recording();
    begin("replay", log_path);
    g_assert_false(replay_add_input("initrd", disk_path, &err));
    char *expected = g_strdup_printf("initrd file '%s' was not part of the recording", disk_path);
    take_message(&err, expected);
    g_free(expected);
    g_assert_true(replay_add_input("kernel", kernel_path, &err));
    g_assert_false(replay_start(&err));
    expected = g_strdup_printf("the recording was made with disk file '%s', which is missing now", disk_path);
    take_message(&err, expected);
    g_free(expected);
    forget_recording();
}

static void configure_replay(void *result)
{
    char *options = g_strdup_printf("rr=replay,rrfile=%s", log_path);
    *(bool *)result = configure(options, &error_fatal);
    g_free(options);
}

static void test_lost_manifest(void)
{
    bool ok = false;
    make_recording();
    char *manifest = g_strdup_printf("%s.manifest", log_path);
    g_unlink(manifest);
    replay_reset_for_test();
    char *text = capture_stderr(configure_replay, &ok);
    g_assert_true(ok);
    g_assert_nonnull(strstr(text, "has no manifest"));
    g_assert_true(replay_add_property("memory", "-m", "1M", &error_fatal));
    g_assert_true(replay_add_input("kernel", "/nonexistent", &error_fatal));
    g_assert_true(replay_start(&error_fatal));
    fake_icount = 1000;
    expect_finish(9, 0, "replay: end at icount 1000, digest 0000000000000009, no digest recorded\n");
    g_free(text);
    g_free(manifest);
    forget_recording();
}

/* The recorder was killed: no last line, perhaps a torn one. */
static void test_torn_manifest(void)
{
    make_recording();
    char *manifest = g_strdup_printf("%s.manifest", log_path), *text;
    g_assert_true(g_file_get_contents(manifest, &text, NULL, NULL));
    size_t head = strchr(text, '\n') + 1 - text, whole = strlen(text);
    for (size_t len = head; len < whole; len++) {
        write_file(manifest, text, len);
        g_assert_true(begin_replay(&error_fatal));
    }
    g_free(text);
    g_free(manifest);
    forget_recording();
}

static void expect_bad_manifest(const char *text, size_t len, const char *message)
{
    Manifest m;
    Error *err = NULL;
    manifest_init(&m, "x");
    g_assert_false(manifest_parse(&m, text, len, &err));
    take_message(&err, message);
    manifest_free(&m);
}

#define HEAD "{\"manifest\":1,\"shift\":7,\"seed\":\"0123456789abcdef\"}\n"

static void test_hostile(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "[]\n", "'x.manifest' line 1: not a JSON object" },
        { "{}\n", "'x.manifest' line 1: \"manifest\" must be a number, 0 or more" },
        { "{\"manifest\":2}\n", "'x.manifest' line 1: this is no manifest of version 1" },
        { "{\"manifest\":1,\"shift\":7,\"seed\":5}\n", "'x.manifest' line 1: \"seed\" has the wrong type" },
        { "{\"manifest\":1,\"shift\":7,\"seed\":\"12\"}\n", "'x.manifest' line 1: \"seed\" must be 16 hex digits" },
        { "{\"manifest\":1,\"shift\":64,\"seed\":\"0123456789abcdef\"}\n", "'x.manifest' line 1: impossible shift 64" },
        { "{\"manifest\":1,\"shift\":7,\"seed\":\"0123456789abcdef\",\"inputs\":[3]}\n",
          "'x.manifest' line 1: an input must be an object" },
        { "{\"manifest\":1,\"shift\":7,\"seed\":\"0123456789abcdef\",\"machine\":{\"m\":[]}}\n",
          "'x.manifest' line 1: \"m\" has the wrong type" },
        { HEAD "{\"icount\":-4,\"digest\":\"0123456789abcdef\"}\n",
          "'x.manifest' line 2: \"icount\" must be a number, 0 or more" },
        { HEAD "{\"icount\":4,\"digest\":\"0123456789abcdef\"}\n{\"icount\":4,\"digest\":\"0123456789abcdef\"}\n",
          "'x.manifest' line 3: icount 4 does not follow 4" },
        { HEAD "{\"end\":true,\"icount\":4,\"digest\":\"0123456789abcdef\"}\n{\"icount\":5,\"digest\":\"\"}\n",
          "'x.manifest' line 3: nothing may follow the end" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        expect_bad_manifest(cases[i].text, strlen(cases[i].text), cases[i].message);
    }
    size_t len = 1000001;
    char *deep = g_malloc(len);
    memset(deep, '[', len);
    deep[len - 1] = '\n';
    expect_bad_manifest(deep, len, "'x.manifest' line 1: too long or too deep");
    g_free(deep);
    GString *wide = g_string_new("{\"manifest\":1,\"shift\":7,\"seed\":\"0123456789abcdef\",\"machine\":{");
    for (int i = 0; i <= 4096; i++) {
        g_string_append_printf(wide, "%s\"%d\":\"\"", i ? "," : "", i);
    }
    g_string_append(wide, "}}\n");
    expect_bad_manifest(wide->str, wide->len, "'x.manifest' line 1: more than 4096 properties of the machine");
    g_string_free(wide, true);
}

static void test_flipped_bits(void)
{
    make_recording();
    char *manifest = g_strdup_printf("%s.manifest", log_path), *text;
    gsize len;
    g_assert_true(g_file_get_contents(manifest, &text, &len, NULL));
    for (gsize bit = 0; bit < len * 8; bit += 3) {
        Manifest m;
        Error *err = NULL;
        char *copy = g_memdup2(text, len);
        copy[bit / 8] ^= 1 << bit % 8;
        manifest_init(&m, "x");
        g_assert_true(manifest_parse(&m, copy, len, &err) == !err);
        error_free(err);
        manifest_free(&m);
        g_free(copy);
    }
    g_free(text);
    g_free(manifest);
    forget_recording();
}

static uint64_t hash_of(const char *path, bool whole)
{
    uint64_t size, xxh3;
    g_assert_true(file_hash(path, whole, &size, &xxh3, &error_fatal));
    return xxh3;
}

static void poke(const char *path, off_t offset)
{
    int fd = open(path, O_RDWR);
    g_assert_cmpint(pwrite(fd, "X", 1, offset), ==, 1);
    close(fd);
}

/* Of a large file the ends and samples count; of all of it with rrhash=full. */
static void test_large_file(void)
{
    char *path = temp_path("large");
    write_file(path, "", 0);
    g_assert_cmpint(truncate(path, 64 * MiB), ==, 0);
    uint64_t small = hash_of(path, false);
    g_assert_cmphex(small, ==, hash_of(path, true));
    poke(path, 40 * MiB + 5);
    g_assert_cmphex(small, !=, hash_of(path, false));
    g_assert_cmpint(truncate(path, 100 * MiB), ==, 0);
    uint64_t sampled = hash_of(path, false), whole = hash_of(path, true);
    g_assert_cmphex(sampled, !=, whole);
    poke(path, 50 * MiB + 5000); /* between samples */
    g_assert_cmphex(sampled, ==, hash_of(path, false));
    g_assert_cmphex(whole, !=, hash_of(path, true));
    poke(path, 50 * MiB); /* a sample: size / 256 * 128 */
    g_assert_cmphex(sampled, !=, hash_of(path, false));
    sampled = hash_of(path, false);
    poke(path, 100 * MiB - 1);
    g_assert_cmphex(sampled, !=, hash_of(path, false));
    g_free(path);
    remove_temp_dir();
}

static void expect_option_error(const char *options, const char *message)
{
    Error *err = NULL;
    replay_reset_for_test();
    g_assert_false(configure(options, &err));
    take_message(&err, message);
}

static void test_options(void)
{
    char *garbage = temp_path("garbage"), *options = g_strdup_printf("rr=replay,rrfile=%s", garbage), *message;
    expect_option_error("rr=record", "rr=record needs rrfile=FILE");
    expect_option_error("rr=replay,rrfile=", "rr=replay needs rrfile=FILE");
    expect_option_error("rr=play,rrfile=x", "Parameter 'rr' expects 'record' or 'replay', not 'play'");
    expect_option_error("rrfile=x", "rrfile=x needs rr=record or rr=replay");
    expect_option_error("rr=replay,rrfile=/nonexistent/x",
                        "Could not open '/nonexistent/x': No such file or directory");
    expect_option_error("rr=record,rrfile=/nonexistent/x",
                        "Could not open '/nonexistent/x': No such file or directory");
    expect_option_error("rr=record,rrfile=/dev/full", "Could not write '/dev/full': No space left on device");
    expect_option_error("rr=replay,rrfile=/tmp,rrsync=half", "Parameter 'rrsync' expects 'full', not 'half'");
    expect_option_error("rr=replay,rrfile=/tmp", "'/tmp': the log cannot be read (Is a directory) at byte 0");
    write_file(garbage,
               "\x7f"
               "ELF and so on",
               14);
    message = g_strdup_printf("'%s' is not a replay log (version 0x7f454c46, expected 0xe02007)", garbage);
    expect_option_error(options, message);
    g_free(message);
    write_file(garbage, "\0\xe0\x20", 3);
    message = g_strdup_printf("'%s' is not a replay log (3 bytes, its header alone has 12)", garbage);
    expect_option_error(options, message);
    g_free(message);
    g_free(options);
    g_free(garbage);
    replay_reset_for_test();
    g_assert_true(configure("shift=7", NULL));
    g_assert_false(replay_active());
    g_assert_true(replay_configure(NULL, 0, NULL, NULL));
    remove_temp_dir();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    use_all_stubs();
    g_test_add_func("/replay/manifest/lines", test_lines);
    g_test_add_func("/replay/manifest/same", test_same);
    g_test_add_func("/replay/manifest/changed-property", test_changed_property);
    g_test_add_func("/replay/manifest/changed-input", test_changed_input);
    g_test_add_func("/replay/manifest/other-inputs", test_other_inputs);
    g_test_add_func("/replay/manifest/lost", test_lost_manifest);
    g_test_add_func("/replay/manifest/torn", test_torn_manifest);
    g_test_add_func("/replay/manifest/hostile", test_hostile);
    g_test_add_func("/replay/manifest/flipped-bits", test_flipped_bits);
    g_test_add_func("/replay/manifest/large-file", test_large_file);
    g_test_add_func("/replay/options", test_options);
    return g_test_run();
}
