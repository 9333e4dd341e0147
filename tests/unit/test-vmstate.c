/* LINK: migration/vmstate.c util/qemu-timer.c util/error.c -lxxhash */
/* migration/vmstate: what is saved comes back, what does not fit changes nothing, differences have names. */
#include "migration/vmstate.h"
#include "util/main-loop.h"

void qemu_notify_event(void)
{
}

typedef struct Inner {
    uint16_t a;
    bool on;
} Inner;

typedef struct Thing {
    bool flag;
    uint8_t u8;
    int32_t i32;
    uint64_t u64;
    uint32_t regs[4];
    bool lines[3];
    uint8_t ram[8];
    Inner one;
    Inner many[2];
    QEMUTimer timer, second;
    uint32_t len;
    uint8_t *buf;
    void *wiring;
    int loads;
} Thing;

static const VMStateDescription vmstate_inner = {
    .name = "inner",
    .version = 3,
    .fields = (const VMStateField[]){ VMSTATE_INT(Inner, a), VMSTATE_BOOL(Inner, on), VMSTATE_END },
};

static bool thing_post_load(void *opaque, Error **errp)
{
    Thing *t = opaque;
    t->loads++;
    if (t->u8 == 0xee) {
        error_setg(errp, "u8 must not be 0xee");
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_thing = {
    .name = "thing",
    .version = 2,
    .post_load = thing_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_BOOL(Thing, flag),
            VMSTATE_INT(Thing, u8),
            VMSTATE_INT(Thing, i32),
            VMSTATE_INT(Thing, u64),
            VMSTATE_INT_ARRAY(Thing, regs),
            VMSTATE_INT_ARRAY(Thing, lines),
            VMSTATE_BYTES(Thing, ram),
            VMSTATE_STRUCT(Thing, one, vmstate_inner),
            VMSTATE_STRUCT_ARRAY(Thing, many, vmstate_inner),
            VMSTATE_TIMER(Thing, timer),
            VMSTATE_TIMER(Thing, second),
            VMSTATE_INT(Thing, len),
            VMSTATE_BUFFER(Thing, buf, len),
            VMSTATE_DERIVED(Thing, wiring),
            VMSTATE_DERIVED(Thing, loads),
            VMSTATE_END,
        },
};

static GString *fired;

static void fire(void *opaque)
{
    g_string_append(fired, opaque);
}

static void thing_init(Thing *t, const char *first, const char *second)
{
    memset(t, 0, sizeof(*t));
    timer_init_ns(&t->timer, QEMU_CLOCK_VIRTUAL, fire, (void *)first);
    timer_init_ns(&t->second, QEMU_CLOCK_VIRTUAL, fire, (void *)second);
}

static void thing_fill(Thing *t)
{
    t->flag = true;
    t->u8 = 0x12;
    t->i32 = -5;
    t->u64 = 0x1122334455667788;
    for (int i = 0; i < 4; i++) {
        t->regs[i] = 0x100 + i;
    }
    t->lines[1] = true;
    memcpy(t->ram, "abcdefgh", 8);
    t->one = (Inner){ 7, true };
    t->many[1] = (Inner){ 9, false };
    t->len = 5;
    t->buf = g_memdup2("hello", 5);
}

static void thing_free(Thing *t)
{
    timer_del(&t->timer);
    timer_del(&t->second);
    g_free(t->buf);
}

static GByteArray *save(Thing *t)
{
    GByteArray *out = g_byte_array_new();
    vmstate_save_object(out, &vmstate_thing, t);
    return out;
}

static void test_round_trip(void)
{
    Thing a, b;
    thing_init(&a, "1", "2");
    thing_init(&b, "3", "4");
    thing_fill(&a);
    timer_mod(&a.timer, 123456);
    b.buf = g_malloc(99);
    b.len = 99;
    GByteArray *state = save(&a);
    Error *err = NULL;
    g_assert_true(vmstate_load_object(state->data, state->len, &vmstate_thing, &b, &err));
    g_assert_null(err);
    g_assert_true(b.flag && b.lines[1] && !b.lines[0] && b.one.on);
    g_assert_cmpint(b.i32, ==, -5);
    g_assert_cmphex(b.u64, ==, 0x1122334455667788);
    g_assert_cmpint(b.regs[3], ==, 0x103);
    g_assert_cmpint(b.many[1].a, ==, 9);
    g_assert_cmpmem(b.ram, 8, "abcdefgh", 8);
    g_assert_cmpmem(b.buf, b.len, "hello", 5);
    g_assert_cmpint(timer_expire_time_ns(&b.timer), ==, 123456);
    g_assert_false(timer_pending(&b.second));
    g_assert_cmpint(b.loads, ==, 1);
    g_assert_cmphex(vmstate_digest_object(&vmstate_thing, &b), !=, 0);
    /* Alone, as both timers at the same time would be in each other's order. */
    timer_del(&b.timer);
    timer_del(&a.timer);
    g_assert_cmphex(vmstate_digest_object(&vmstate_thing, &a), ==, vmstate_digest_object(&vmstate_thing, &b));
    b.regs[2]++;
    g_assert_cmphex(vmstate_digest_object(&vmstate_thing, &a), !=, vmstate_digest_object(&vmstate_thing, &b));
    g_byte_array_unref(state);
    thing_free(&a);
    thing_free(&b);
}

static void test_truncated_changes_nothing(void)
{
    Thing a, b;
    thing_init(&a, "", "");
    thing_init(&b, "", "");
    thing_fill(&a);
    GByteArray *state = save(&a);
    GByteArray *before = save(&b);
    for (guint len = 0; len < state->len; len++) {
        Error *err = NULL;
        uint8_t *copy = g_memdup2(state->data, len ? len : 1); /* so that the sanitizer sees any overrun */
        g_assert_false(vmstate_load_object(copy, len, &vmstate_thing, &b, &err));
        g_assert_nonnull(err);
        error_free(err);
        g_free(copy);
        GByteArray *after = save(&b);
        g_assert_cmpmem(before->data, before->len, after->data, after->len);
        g_byte_array_unref(after);
    }
    g_byte_array_unref(state);
    g_byte_array_unref(before);
    thing_free(&a);
    thing_free(&b);
}

static void test_flipped_bits(void)
{
    Thing a, b;
    thing_init(&a, "", "");
    thing_fill(&a);
    GByteArray *state = save(&a);
    for (guint bit = 0; bit < state->len * 8; bit++) {
        Error *err = NULL;
        uint8_t *copy = g_memdup2(state->data, state->len);
        copy[bit / 8] ^= 1 << bit % 8;
        thing_init(&b, "", "");
        if (!vmstate_load_object(copy, state->len, &vmstate_thing, &b, &err)) {
            g_assert_nonnull(err);
            error_free(err);
        }
        for (uint32_t i = 0; i < b.len; i++) {
            g_assert_cmpint(b.buf[i] | 1, !=, 0);
        }
        thing_free(&b);
        g_free(copy);
    }
    g_byte_array_unref(state);
    thing_free(&a);
}

static void expect_error(GByteArray *state, Thing *t, const char *part)
{
    Error *err = NULL;
    g_assert_false(vmstate_load_object(state->data, state->len, &vmstate_thing, t, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), part));
    error_free(err);
}

static void test_errors_name_the_field(void)
{
    Thing a, b;
    thing_init(&a, "", "");
    thing_init(&b, "", "");
    thing_fill(&a);
    GByteArray *state = save(&a);
    state->data[0] = 9;
    expect_error(state, &b, "thing: version 9, expected 2");
    state->data[0] = 2;
    state->data[4 + 9] = 2; /* flag: neither 0 nor 1 */
    expect_error(state, &b, "flag: neither true nor false");
    state->data[4 + 9] = 1;
    state->data[4 + 10] = VMS_BYTES + 1;
    expect_error(state, &b, "thing.u8: field of kind 2, expected 1");
    g_byte_array_unref(state);
    a.u8 = 0xee;
    state = save(&a);
    expect_error(state, &b, "u8 must not be 0xee");
    g_byte_array_unref(state);
    thing_free(&a);
    thing_free(&b);
}

static void test_diff(void)
{
    Thing a, b;
    thing_init(&a, "", "");
    thing_init(&b, "", "");
    thing_fill(&a);
    thing_fill(&b);
    static const struct {
        size_t offset;
        const char *text;
    } cases[] = {
        { offsetof(Thing, regs) + 8, "regs[2]: 0x102 != 0x103" },
        { offsetof(Thing, many) + sizeof(Inner), "many[1].a: 0x9 != 0x8" },
        { offsetof(Thing, ram) + 3, "ram[3]: 0x64 != 0x65" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ((uint8_t *)&b)[cases[i].offset] ^= 1;
        GByteArray *x = save(&a), *y = save(&b);
        char *text = vmstate_diff(&vmstate_thing, x->data, x->len, y->data, y->len);
        g_assert_cmpstr(text, ==, cases[i].text);
        g_free(text);
        g_assert_null(vmstate_diff(&vmstate_thing, x->data, x->len, x->data, x->len));
        g_byte_array_unref(x);
        g_byte_array_unref(y);
        ((uint8_t *)&b)[cases[i].offset] ^= 1;
    }
    thing_free(&a);
    thing_free(&b);
}

static void test_timer_order(void)
{
    Thing a, b;
    thing_init(&a, "a", "b");
    thing_init(&b, "c", "d");
    vmstate_register("thing", 0, &vmstate_thing, &a);
    vmstate_register("thing", 1, &vmstate_thing, &b);
    fired = g_string_new("");
    int64_t at = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + 1000;
    timer_mod(&b.second, at);
    timer_mod(&a.second, at);
    timer_mod(&b.timer, at);
    timer_mod(&a.timer, at - 1);
    GByteArray *state = g_byte_array_new();
    vmstate_save_all(state);
    timer_del(&b.second);
    timer_mod(&b.second, at);
    GByteArray *other = g_byte_array_new();
    vmstate_save_all(other);
    char *text = vmstate_diff_all(state->data, state->len, other->data, other->len);
    g_assert_cmpstr(text, ==, "thing 0: second: order among equal deadlines 1 != 2");
    g_free(text);
    g_assert_true(vmstate_load_all(state->data, state->len, NULL));
    qemu_clock_step(2000);
    g_assert_cmpstr(fired->str, ==, "adbc");
    g_byte_array_set_size(other, 0);
    g_assert_true(vmstate_load_all(state->data, state->len, NULL));
    vmstate_save_all(other);
    g_assert_cmpmem(state->data, state->len, other->data, other->len);
    g_string_free(fired, true);
    g_byte_array_unref(state);
    g_byte_array_unref(other);
    vmstate_unregister_all();
    thing_free(&a);
    thing_free(&b);
}

static void expect_load_all_error(GByteArray *state, const char *part)
{
    Error *err = NULL;
    g_assert_false(vmstate_load_all(state->data, state->len, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), part));
    error_free(err);
}

static void test_objects_must_match(void)
{
    Inner x = { 1, true }, y = { 2, false };
    vmstate_register("x", 0, &vmstate_inner, &x);
    vmstate_register("y", 0, &vmstate_inner, &y);
    GByteArray *state = g_byte_array_new();
    vmstate_save_all(state);
    vmstate_unregister_all();
    vmstate_register("x", 0, &vmstate_inner, &x);
    expect_load_all_error(state, "the machine has no 'y' 0");
    vmstate_register("y", 0, &vmstate_inner, &y);
    vmstate_register("z", 3, &vmstate_inner, &y);
    expect_load_all_error(state, "the state of 'z' 3 is missing");
    for (guint len = 0; len < state->len; len++) {
        GByteArray *cut = g_byte_array_new();
        g_byte_array_append(cut, state->data, len);
        expect_load_all_error(cut, "");
        g_byte_array_unref(cut);
    }
    g_byte_array_unref(state);
    vmstate_unregister_all();
}

/* Every field that differs, in every object; what comes behind an array that differs too. */
static void test_diff_list(void)
{
    Inner x = { 1, true };
    Thing t;
    thing_init(&t, "1", "2");
    thing_fill(&t);
    vmstate_register("thing", 0, &vmstate_thing, &t);
    vmstate_register("x", 4, &vmstate_inner, &x);
    GByteArray *a = g_byte_array_new(), *b = g_byte_array_new();
    vmstate_save_all(a);
    t.regs[1] ^= 1;
    t.regs[2] ^= 1;
    t.many[1].a = 10;
    x.on = false;
    vmstate_save_all(b);
    GPtrArray *list = vmstate_diff_list(a->data, a->len, b->data, b->len);
    g_ptr_array_add(list, NULL);
    g_autofree char *text = g_strjoinv("; ", (char **)list->pdata);
    g_assert_cmpstr(text, ==, "thing 0: regs[1]: 0x101 != 0x100; thing 0: many[1].a: 0x9 != 0xa; x 4: on: 0x1 != 0x0");
    g_ptr_array_unref(list);
    list = vmstate_diff_list(a->data, a->len, a->data, a->len);
    g_assert_cmpuint(list->len, ==, 0);
    g_ptr_array_unref(list);
    g_byte_array_unref(a);
    g_byte_array_unref(b);
    vmstate_unregister_all();
    thing_free(&t);
}

static void test_json(void)
{
    Thing a;
    char *text = NULL;
    size_t len = 0;
    thing_init(&a, "", "");
    vmstate_register("thing", 0, &vmstate_thing, &a);
    FILE *f = open_memstream(&text, &len);
    vmstate_dump_json(f);
    fclose(f);
    g_assert_nonnull(strstr(text, "{\"name\": \"regs\", \"kind\": \"int\", \"size\": 4, \"count\": 4}"));
    g_assert_nonnull(strstr(text, "\"struct\": {\"name\": \"inner\", \"version\": 3"));
    g_assert_null(strstr(text, "wiring"));
    free(text);
    vmstate_unregister_all();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vmstate/round-trip", test_round_trip);
    g_test_add_func("/vmstate/truncated-changes-nothing", test_truncated_changes_nothing);
    g_test_add_func("/vmstate/flipped-bits", test_flipped_bits);
    g_test_add_func("/vmstate/errors-name-the-field", test_errors_name_the_field);
    g_test_add_func("/vmstate/diff", test_diff);
    g_test_add_func("/vmstate/timer-order", test_timer_order);
    g_test_add_func("/vmstate/objects-must-match", test_objects_must_match);
    g_test_add_func("/vmstate/diff-list", test_diff_list);
    g_test_add_func("/vmstate/json", test_json);
    return g_test_run();
}
