/*
 * migration/vmstate.h  State described once: save, load, digest, -dump-vmstate and "what differs" walk the same list.
 *
 * Each member of a device's struct is either described or listed with VMSTATE_DERIVED (it follows from the others, or
 * is wiring set up at creation); tests/unit/test-vmstate-cover checks that against the compiler's debug information.
 */
#ifndef MIGRATION_VMSTATE_H
#define MIGRATION_VMSTATE_H

#include "util/error.h"
#include "util/timer.h"

typedef enum VMStateKind {
    VMS_BOOL,
    VMS_INT,    /* signed or unsigned integer or enum of 1, 2, 4 or 8 bytes, and arrays of them */
    VMS_BYTES,  /* bytes as they are */
    VMS_TIMER,  /* QEMUTimer: deadline and order */
    VMS_STRUCT, /* nested struct or array of structs, described by .vmsd */
    VMS_BUFFER, /* pointer to heap bytes whose length is in the uint32_t at .length_offset */
    VMS_DERIVED,
    VMS_END
} VMStateKind;

typedef struct VMStateDescription VMStateDescription;

typedef struct VMStateField {
    const char *name;
    VMStateKind kind;
    size_t offset;
    size_t size;  /* of one element, bytes */
    size_t count; /* 1, or elements of an array */
    const VMStateDescription *vmsd;
    size_t length_offset;
} VMStateField;

struct VMStateDescription {
    const char *name;
    int version;
    const VMStateField *fields; /* ends with VMSTATE_END */
    void (*pre_save)(void *opaque);
    bool (*post_load)(void *opaque, Error **errp); /* recompute what is derived; refuse impossible values */
};

#define VMS_FIELD_SIZE(type, m) sizeof(((type *)0)->m)
#define VMSTATE_SCALAR_(type, m, k)                                                                     \
    {                                                                                                   \
        .name = #m, .kind = k, .offset = offsetof(type, m), .size = VMS_FIELD_SIZE(type, m), .count = 1 \
    }
#define VMSTATE_BOOL(type, m) VMSTATE_SCALAR_(type, m, VMS_BOOL)
/* A bool declared as an integer is loaded as a bool: only 0 and 1 are accepted. */
#define VMS_INT_KIND_(lvalue)    (__builtin_types_compatible_p(__typeof__(lvalue), bool) ? VMS_BOOL : VMS_INT)
#define VMSTATE_INT(type, m)     VMSTATE_SCALAR_(type, m, VMS_INT_KIND_(((type *)0)->m))
#define VMSTATE_TIMER(type, m)   VMSTATE_SCALAR_(type, m, VMS_TIMER)
#define VMSTATE_BYTES(type, m)   VMSTATE_SCALAR_(type, m, VMS_BYTES)
#define VMSTATE_DERIVED(type, m) VMSTATE_SCALAR_(type, m, VMS_DERIVED)
/* One-dimensional array of integers (or of bool). */
#define VMSTATE_INT_ARRAY(type, m)                                                                        \
    {                                                                                                     \
        .name = #m, .kind = VMS_INT_KIND_(((type *)0)->m[0]), .offset = offsetof(type, m),                \
        .size = VMS_FIELD_SIZE(type, m[0]), .count = VMS_FIELD_SIZE(type, m) / VMS_FIELD_SIZE(type, m[0]) \
    }
#define VMSTATE_STRUCT(type, m, desc)                                                                             \
    {                                                                                                             \
        .name = #m, .kind = VMS_STRUCT, .offset = offsetof(type, m), .size = VMS_FIELD_SIZE(type, m), .count = 1, \
        .vmsd = &(desc)                                                                                           \
    }
#define VMSTATE_STRUCT_ARRAY(type, m, desc)                                                              \
    {                                                                                                    \
        .name = #m, .kind = VMS_STRUCT, .offset = offsetof(type, m), .size = VMS_FIELD_SIZE(type, m[0]), \
        .count = VMS_FIELD_SIZE(type, m) / VMS_FIELD_SIZE(type, m[0]), .vmsd = &(desc)                   \
    }
#define VMSTATE_BUFFER(type, m, len_member)                                                 \
    {                                                                                       \
        .name = #m, .kind = VMS_BUFFER, .offset = offsetof(type, m), .size = 1, .count = 1, \
        .length_offset = offsetof(type, len_member)                                         \
    }
#define VMSTATE_END     \
    {                   \
        .kind = VMS_END \
    }

/*
 * Everything that has state, in order of registration (the machine's order; never the linker's).
 * instance distinguishes several of one kind. opaque must outlive the machine.
 */
void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque);
void vmstate_unregister_all(void); /* tests */
typedef void VMStateVisitor(const char *id, int instance, const VMStateDescription *vmsd, void *opaque, void *data);
void vmstate_foreach(VMStateVisitor *visit, void *data);

/* A loaded VMSTATE_BUFFER is a new g_malloc'ed block of exactly the saved length. Timers are re-armed when all is
 * loaded, in the saved order. */
/* Append the state of one object / of all registered objects to out. Calls pre_save. */
void vmstate_save_object(GByteArray *out, const VMStateDescription *vmsd, void *opaque);
void vmstate_save_all(GByteArray *out);
/* Bounded; a wrong byte is an error that names object and field, never a crash. */
bool vmstate_load_object(const uint8_t *buf, size_t len, const VMStateDescription *vmsd, void *opaque, Error **errp);
bool vmstate_load_all(const uint8_t *buf, size_t len, Error **errp);
/* The first half of that: is it the state of a machine like this one? Changes nothing; what a post_load finds comes
 * later. */
bool vmstate_check_all(const uint8_t *buf, size_t len, Error **errp);

/* 64-bit XXH3 of one object's described state. */
uint64_t vmstate_digest_object(const VMStateDescription *vmsd, void *opaque);
/* Digest of all registered objects and of all RAM (exec/memory.h), 16 hex digits. Caller holds the BQL. */
uint64_t machine_digest(void);
/* Object and field in which two results of vmstate_save_all() differ: "rtc 0: index: 0x1 != 0x2"; NULL when equal.
 * g_free it. */
char *vmstate_diff_all(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
/* The same for every field that differs (of an array the first element): of char *, empty when equal. g_ptr_array_unref
 * it. */
GPtrArray *vmstate_diff_list(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
/*
 * First field in which two saved states of one description differ: "field[3]: 0x1 != 0x2"; NULL when equal. g_free it.
 */
char *vmstate_diff(const VMStateDescription *vmsd, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
/* -dump-vmstate: all descriptions as JSON. */
void vmstate_dump_json(FILE *out);

#endif
