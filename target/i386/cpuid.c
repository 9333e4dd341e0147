/*
 * target/i386/cpuid.c  CPU models, features, and the CPUID instruction. SDM 2A, CPUID; AMD CPUID Specification for
 * 8000_00xxh.
 *
 * One table joins a feature's name, its CPUID bit and whether it is implemented; a model lists the features that the
 * real part has, and gets those of them that are implemented. So CPUID never promises what the instruction table lacks.
 */
#include "target/i386/cpuid.h"

#include "hw/intc/intc.h"

#define FEAT_BIT(f) (1ull << (f))
_Static_assert(FEAT_COUNT <= 64, "features are kept as bits of a uint64_t");

typedef enum CPUIDReg { REG_EAX, REG_EBX, REG_ECX, REG_EDX } CPUIDReg;

typedef struct FeatureInfo {
    const char *name; /* QEMU's; '_' and '.' are accepted for '-' */
    const char *alias;
    uint32_t leaf; /* subleaf 0; leaf 0Dh: subleaf 1 */
    uint8_t reg, bit;
    bool implemented;
} FeatureInfo;

static const FeatureInfo features[FEAT_COUNT] = {
    [FEAT_FPU] = { "fpu", NULL, 1, REG_EDX, 0, true },
    [FEAT_VME] = { "vme", NULL, 1, REG_EDX, 1, true },
    [FEAT_DE] = { "de", NULL, 1, REG_EDX, 2, true },
    [FEAT_PSE] = { "pse", NULL, 1, REG_EDX, 3, true },
    [FEAT_TSC] = { "tsc", NULL, 1, REG_EDX, 4, true },
    [FEAT_MSR] = { "msr", NULL, 1, REG_EDX, 5, true },
    [FEAT_PAE] = { "pae", NULL, 1, REG_EDX, 6, true },
    [FEAT_MCE] = { "mce", NULL, 1, REG_EDX, 7, true },
    [FEAT_CX8] = { "cx8", NULL, 1, REG_EDX, 8, true },
    [FEAT_APIC] = { "apic", NULL, 1, REG_EDX, 9, true },
    [FEAT_SEP] = { "sep", NULL, 1, REG_EDX, 11, true },
    [FEAT_MTRR] = { "mtrr", NULL, 1, REG_EDX, 12, true },
    [FEAT_PGE] = { "pge", NULL, 1, REG_EDX, 13, true },
    [FEAT_MCA] = { "mca", NULL, 1, REG_EDX, 14, true },
    [FEAT_CMOV] = { "cmov", NULL, 1, REG_EDX, 15, true },
    [FEAT_PAT] = { "pat", NULL, 1, REG_EDX, 16, true },
    [FEAT_PSE36] = { "pse36", NULL, 1, REG_EDX, 17, true },
    [FEAT_CLFLUSH] = { "clflush", "clfsh", 1, REG_EDX, 19, true },
    [FEAT_MMX] = { "mmx", NULL, 1, REG_EDX, 23, true },
    [FEAT_FXSR] = { "fxsr", NULL, 1, REG_EDX, 24, true },
    [FEAT_SSE] = { "sse", NULL, 1, REG_EDX, 25, true },
    [FEAT_SSE2] = { "sse2", NULL, 1, REG_EDX, 26, true },
    [FEAT_SSE3] = { "pni", "sse3", 1, REG_ECX, 0, true },
    [FEAT_PCLMUL] = { "pclmulqdq", "pclmuldq", 1, REG_ECX, 1, true },
    [FEAT_MONITOR] = { "monitor", NULL, 1, REG_ECX, 3, false },
    [FEAT_SSSE3] = { "ssse3", NULL, 1, REG_ECX, 9, true },
    [FEAT_FMA] = { "fma", NULL, 1, REG_ECX, 12, true },
    [FEAT_CX16] = { "cx16", NULL, 1, REG_ECX, 13, true },
    [FEAT_PCID] = { "pcid", NULL, 1, REG_ECX, 17, true },
    [FEAT_SSE41] = { "sse4.1", NULL, 1, REG_ECX, 19, true },
    [FEAT_SSE42] = { "sse4.2", NULL, 1, REG_ECX, 20, true },
    [FEAT_X2APIC] = { "x2apic", NULL, 1, REG_ECX, 21, true },
    [FEAT_MOVBE] = { "movbe", NULL, 1, REG_ECX, 22, true },
    [FEAT_POPCNT] = { "popcnt", NULL, 1, REG_ECX, 23, true },
    [FEAT_TSC_DEADLINE] = { "tsc-deadline", NULL, 1, REG_ECX, 24, true },
    [FEAT_AES] = { "aes", NULL, 1, REG_ECX, 25, true },
    [FEAT_XSAVE] = { "xsave", NULL, 1, REG_ECX, 26, true },
    [FEAT_AVX] = { "avx", NULL, 1, REG_ECX, 28, true },
    [FEAT_F16C] = { "f16c", NULL, 1, REG_ECX, 29, true },
    [FEAT_RDRAND] = { "rdrand", NULL, 1, REG_ECX, 30, true },
    [FEAT_FSGSBASE] = { "fsgsbase", NULL, 7, REG_EBX, 0, true },
    [FEAT_BMI1] = { "bmi1", NULL, 7, REG_EBX, 3, true },
    [FEAT_AVX2] = { "avx2", NULL, 7, REG_EBX, 5, true },
    [FEAT_SMEP] = { "smep", NULL, 7, REG_EBX, 7, true },
    [FEAT_BMI2] = { "bmi2", NULL, 7, REG_EBX, 8, true },
    [FEAT_RDSEED] = { "rdseed", NULL, 7, REG_EBX, 18, true },
    [FEAT_ADX] = { "adx", NULL, 7, REG_EBX, 19, true },
    [FEAT_SMAP] = { "smap", NULL, 7, REG_EBX, 20, true },
    [FEAT_SHA] = { "sha-ni", NULL, 7, REG_EBX, 29, true },
    [FEAT_INVPCID] = { "invpcid", NULL, 7, REG_EBX, 10, true },
    [FEAT_UMIP] = { "umip", NULL, 7, REG_ECX, 2, true },
    [FEAT_XSAVEOPT] = { "xsaveopt", NULL, 0xd, REG_EAX, 0, true },
    [FEAT_SYSCALL] = { "syscall", NULL, 0x80000001, REG_EDX, 11, true },
    [FEAT_NX] = { "nx", "xd", 0x80000001, REG_EDX, 20, true },
    [FEAT_PDPE1GB] = { "pdpe1gb", NULL, 0x80000001, REG_EDX, 26, true },
    [FEAT_RDTSCP] = { "rdtscp", NULL, 0x80000001, REG_EDX, 27, true },
    [FEAT_LM] = { "lm", "i64", 0x80000001, REG_EDX, 29, true },
    [FEAT_LAHF_LM] = { "lahf-lm", NULL, 0x80000001, REG_ECX, 0, true },
    [FEAT_LZCNT] = { "abm", "lzcnt", 0x80000001, REG_ECX, 5, true },
    [FEAT_3DNOWPREFETCH] = { "3dnowprefetch", NULL, 0x80000001, REG_ECX, 8, true },
};

/* ---- models ---- */

#define FEATURES_486 (FEAT_BIT(FEAT_FPU) | FEAT_BIT(FEAT_VME) | FEAT_BIT(FEAT_PSE))
#define FEATURES_PENTIUM                                                                               \
    (FEATURES_486 | FEAT_BIT(FEAT_DE) | FEAT_BIT(FEAT_TSC) | FEAT_BIT(FEAT_MSR) | FEAT_BIT(FEAT_MCE) | \
     FEAT_BIT(FEAT_CX8) | FEAT_BIT(FEAT_APIC) | FEAT_BIT(FEAT_MMX))
#define FEATURES_P6                                                                                          \
    (FEATURES_PENTIUM | FEAT_BIT(FEAT_PAE) | FEAT_BIT(FEAT_SEP) | FEAT_BIT(FEAT_MTRR) | FEAT_BIT(FEAT_PGE) | \
     FEAT_BIT(FEAT_MCA) | FEAT_BIT(FEAT_CMOV) | FEAT_BIT(FEAT_PAT) | FEAT_BIT(FEAT_PSE36) | FEAT_BIT(FEAT_FXSR))
#define FEATURES_QEMU32 \
    (FEATURES_P6 | FEAT_BIT(FEAT_CLFLUSH) | FEAT_BIT(FEAT_SSE) | FEAT_BIT(FEAT_SSE2) | FEAT_BIT(FEAT_SSE3))
#define FEATURES_QEMU64                                                                                       \
    (FEATURES_QEMU32 | FEAT_BIT(FEAT_CX16) | FEAT_BIT(FEAT_LM) | FEAT_BIT(FEAT_SYSCALL) | FEAT_BIT(FEAT_NX) | \
     FEAT_BIT(FEAT_LAHF_LM))
#define BRAND "Lockstep virtual CPU"

static const CPUModel models[] = {
    { .name = "486",
      .vendor = "GenuineIntel",
      .family = 4,
      .model = 8,
      .stepping = 0,
      .level = 1,
      .phys_bits = 32,
      .features = FEATURES_486 },
    { .name = "pentium3",
      .vendor = "GenuineIntel",
      .family = 6,
      .model = 8,
      .stepping = 3,
      .level = 3,
      .phys_bits = 36,
      .features = FEATURES_P6 | FEAT_BIT(FEAT_SSE) },
    { .name = "qemu32",
      .vendor = "GenuineIntel",
      .family = 6,
      .model = 6,
      .stepping = 3,
      .level = 4,
      .xlevel = 0x80000004,
      .phys_bits = 36,
      .features = FEATURES_QEMU32,
      .model_id = BRAND },
    { .name = "qemu64",
      .vendor = "AuthenticAMD",
      .family = 15,
      .model = 107,
      .stepping = 1,
      .level = 0xd,
      .xlevel = 0x8000000a,
      .phys_bits = 40,
      .features = FEATURES_QEMU64,
      .model_id = BRAND },
    { .name = "max",
      .vendor = "AuthenticAMD",
      .family = 15,
      .model = 107,
      .stepping = 1,
      .level = 0xd,
      .xlevel = 0x8000000a,
      .phys_bits = 40,
      .features = ~0ull,
      .model_id = BRAND },
};
#define DEFAULT_MODEL "qemu32"
static const char *target_name = "i386";

void cpu_set_target_name(const char *name)
{
    target_name = name;
}

const char *cpu_feature_name(CPUFeature feature)
{
    return features[feature].name;
}

static uint64_t implemented_features(void)
{
    uint64_t set = 0;
    for (int f = 0; f < FEAT_COUNT; f++) {
        set |= features[f].implemented ? FEAT_BIT(f) : 0;
    }
    return set;
}

static const CPUModel *model_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        if (strcmp(models[i].name, name) == 0) {
            return &models[i];
        }
    }
    return NULL;
}

/* QEMU spells "sse4.1", "sse4_1" and "sse4-1" alike. */
static bool feature_name_equal(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        char ca = *a == '_' || *a == '.' ? '-' : *a;
        char cb = *b == '_' || *b == '.' ? '-' : *b;
        if (ca != cb) {
            return false;
        }
    }
    return *a == *b;
}

static CPUFeature feature_find(const char *name)
{
    for (int f = 0; f < FEAT_COUNT; f++) {
        const FeatureInfo *info = &features[f];
        if (info->name &&
            (feature_name_equal(info->name, name) || (info->alias && feature_name_equal(info->alias, name)))) {
            return f;
        }
    }
    return FEAT_NONE;
}

static bool no_property(const CPUModel *m, const char *key, Error **errp)
{
    error_setg(errp, "Property '%s-%s-cpu.%s' not found", m->name, target_name, key);
    return false;
}

static bool model_set_feature(CPUModel *m, const char *name, bool on, Error **errp)
{
    CPUFeature f = feature_find(name);
    if (f == FEAT_NONE) {
        if (strcmp(name, "hypervisor") == 0 && !on) {
            return true; /* never set anyway */
        }
        return no_property(m, name, errp);
    }
    if (on && !features[f].implemented) {
        error_setg(errp, "CPU feature '%s' is not implemented", name);
        return false;
    }
    m->features = on ? m->features | FEAT_BIT(f) : m->features & ~FEAT_BIT(f);
    return true;
}

static bool bad_value(const char *key, const char *value, Error **errp)
{
    error_setg(errp, "Parameter '%s' does not accept value '%s'", key, value);
    return false;
}

typedef struct NumberProperty {
    const char *key;
    size_t offset; /* of an unsigned int in CPUModel */
    uint32_t min, max;
} NumberProperty;
static const NumberProperty numbers[] = {
    { "family", offsetof(CPUModel, family), 0, 0xff + 0xf },
    { "model", offsetof(CPUModel, model), 0, 0xff },
    { "stepping", offsetof(CPUModel, stepping), 0, 0xf },
    { "level", offsetof(CPUModel, level), 1, 0xd },
    { "xlevel", offsetof(CPUModel, xlevel), 0x80000000, 0x8000000a },
    { "phys-bits", offsetof(CPUModel, phys_bits), 32, 52 },
};

static bool model_set_number(CPUModel *m, const NumberProperty *p, const char *value, Error **errp)
{
    char *end;
    guint64 n = g_ascii_strtoull(value, &end, 0);
    if (end == value || *end || n < p->min || n > p->max) {
        return bad_value(p->key, value, errp);
    }
    *(uint32_t *)((char *)m + p->offset) = (uint32_t)n;
    return true;
}

static bool model_set_vendor(CPUModel *m, const char *value, Error **errp)
{
    if (strlen(value) != 12) {
        return bad_value("vendor", value, errp);
    }
    memcpy(m->vendor, value, 12);
    return true;
}

static bool model_set_feature_value(CPUModel *m, const char *key, const char *value, Error **errp)
{
    bool on = strcmp(value, "on") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
    if (!on && strcmp(value, "off") != 0 && strcmp(value, "no") != 0 && strcmp(value, "false") != 0) {
        return bad_value(key, value, errp);
    }
    return model_set_feature(m, key, on, errp);
}

static bool model_set_property(CPUModel *m, const char *key, const char *value, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (feature_name_equal(numbers[i].key, key)) {
            return model_set_number(m, &numbers[i], value, errp);
        }
    }
    if (strcmp(key, "vendor") == 0) {
        return model_set_vendor(m, value, errp);
    }
    if (feature_name_equal(key, "model-id")) {
        g_strlcpy(m->model_id, value, sizeof(m->model_id));
        return true;
    }
    return model_set_feature_value(m, key, value, errp);
}

/* One of "+feature", "-feature", "key=value", "feature". */
static bool model_apply(CPUModel *m, const char *item, Error **errp)
{
    const char *eq = strchr(item, '=');
    if (item[0] == '+' || item[0] == '-') {
        return model_set_feature(m, item + 1, item[0] == '+', errp);
    }
    if (!eq) {
        return model_set_feature(m, item, true, errp);
    }
    char *key = g_strndup(item, (gsize)(eq - item));
    bool ok = model_set_property(m, key, eq + 1, errp);
    g_free(key);
    return ok;
}

/* A feature's leaf must be within reach. */
static void model_raise_levels(CPUModel *m)
{
    for (int f = 0; f < FEAT_COUNT; f++) {
        if (!(m->features & FEAT_BIT(f)) || !features[f].name) {
            continue;
        }
        uint32_t *level = features[f].leaf >> 31 ? &m->xlevel : &m->level;
        *level = MAX(*level, features[f].leaf);
    }
    if (m->features & FEAT_BIT(FEAT_LM)) {
        m->xlevel = MAX(m->xlevel, 0x80000008u);
    }
    if (!(m->features & (FEAT_BIT(FEAT_PAE) | FEAT_BIT(FEAT_PSE36)))) {
        m->phys_bits = 32;
    }
}

CPUModel *cpu_model_parse(const char *arg, Error **errp)
{
    char **items = g_strsplit(arg && *arg ? arg : DEFAULT_MODEL, ",", -1);
    const CPUModel *base = model_find(items[0]);
    CPUModel *m = NULL;
    bool ok = base != NULL;
    if (!base) {
        error_setg(errp, "unable to find CPU model '%s'", items[0]);
    } else {
        m = g_memdup2(base, sizeof(*base));
        m->features &= implemented_features();
    }
    for (size_t i = 1; ok && items[i]; i++) {
        ok = model_apply(m, items[i], errp);
    }
    g_strfreev(items);
    if (!ok) {
        g_free(m);
        return NULL;
    }
    model_raise_levels(m);
    return m;
}

char *cpu_model_describe(const CPUState *cpu)
{
    const CPUModel *m = cpu->model;
    return g_strdup_printf("%s (%s, features 0x%" PRIx64 ")", m->name, m->vendor, m->features);
}

static const char *model_description(const CPUModel *m)
{
    return m->features == ~0ull ? "everything that is implemented" : m->model_id;
}

void cpu_models_help(FILE *out)
{
    fprintf(out, "Available CPUs:\n");
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        fprintf(out, "x86 %-20s  %s\n", models[i].name, model_description(&models[i]));
    }
    fprintf(out, "\nRecognized CPUID flags:\n ");
    for (int f = 0; f < FEAT_COUNT; f++) {
        if (features[f].implemented) {
            fprintf(out, " %s", features[f].name);
        }
    }
    fprintf(out, "\n");
}

bool cpu_has(const CPUState *cpu, CPUFeature feature)
{
    if (feature == FEAT_3DNOWPREFETCH && (cpu->model->features & FEAT_BIT(FEAT_LM))) {
        return true; /* PREFETCH and PREFETCHW come with either bit (AMD64 manual volume 3) */
    }
    return feature == FEAT_NONE || feature == FEAT_486 || (cpu->model->features >> feature & 1);
}

/* ---- the instruction ---- */

uint32_t cpu_model_signature(const CPUModel *m)
{
    uint32_t base_family = MIN(m->family, 15u);
    return m->stepping | (m->model & 0xf) << 4 | base_family << 8 | (m->model >> 4) << 16 |
           (m->family - base_family) << 20;
}

typedef struct CPUIDRegs {
    uint32_t r[4]; /* EAX, EBX, ECX, EDX */
} CPUIDRegs;

static void add_feature_bits(const CPUModel *m, uint32_t leaf, CPUIDRegs *out)
{
    for (int f = 0; f < FEAT_COUNT; f++) {
        if (features[f].name && features[f].leaf == leaf && (m->features & FEAT_BIT(f))) {
            out->r[features[f].reg] |= 1u << features[f].bit;
        }
    }
}

static void put_vendor(const CPUModel *m, CPUIDRegs *out)
{
    out->r[REG_EBX] = ldl_le_p(m->vendor);
    out->r[REG_EDX] = ldl_le_p(m->vendor + 4);
    out->r[REG_ECX] = ldl_le_p(m->vendor + 8);
}

/* The APIC bit follows the enable bit of IA32_APIC_BASE, OSXSAVE follows CR4. */
static void leaf_1(const CPUState *cpu, CPUIDRegs *out)
{
    add_feature_bits(cpu->model, 1, out);
    out->r[REG_EAX] = cpu_model_signature(cpu->model);
    out->r[REG_EBX] = (uint32_t)cpu->index << 24 | (cpu_has(cpu, FEAT_CLFLUSH) ? 8 << 8 : 0); /* 64-byte lines */
    if (!cpu->apic || !(apic_get_base(cpu->apic) & 0x800)) {
        out->r[REG_EDX] &= ~(1u << 9);
    }
    if (cpu->cr4 & CR4_OSXSAVE) {
        out->r[REG_ECX] |= 1u << 27;
    }
}

/* Type 1 data, 2 instruction, 3 unified; sizes: 64-byte lines, 8 ways. */
static void put_cache(CPUIDRegs *out, unsigned type, unsigned level, unsigned sets)
{
    *out = (CPUIDRegs){ { type | level << 5 | 1 << 8, 63 | 7u << 22, sets - 1, 0 } };
}

static void leaf_4(uint32_t subleaf, CPUIDRegs *out)
{
    switch (subleaf) {
    case 0:
        put_cache(out, 1, 1, 64); /* 32 KiB */
        break;
    case 1:
        put_cache(out, 2, 1, 64);
        break;
    case 2:
        put_cache(out, 3, 2, 4096); /* 2 MiB */
        break;
    default:
        break;
    }
}

/* Topology: one thread per core, the cores in one package; x2APIC id in EDX. */
static void leaf_b(const CPUState *cpu, uint32_t subleaf, CPUIDRegs *out)
{
    static const uint32_t types[2] = { 1, 2 }; /* thread, core */
    if (!cpu_has(cpu, FEAT_X2APIC)) {
        return;
    }
    out->r[REG_ECX] = (subleaf & 0xff) | (subleaf < 2 ? types[subleaf] << 8 : 0);
    out->r[REG_EBX] = subleaf < 2;
    out->r[REG_EDX] = (uint32_t)cpu->index;
}

uint64_t cpu_model_xstate(const CPUModel *m)
{
    if (!(m->features & FEAT_BIT(FEAT_XSAVE))) {
        return 0;
    }
    return XSTATE_X87 | XSTATE_SSE | (m->features & FEAT_BIT(FEAT_AVX) ? XSTATE_AVX : 0);
}

static uint32_t xsave_area_size(uint64_t components)
{
    return components & XSTATE_AVX ? XSTATE_AVX_OFFSET + XSTATE_AVX_SIZE : 576;
}

/* XSAVE: components and sizes, extensions, where AVX state lies. */
static void leaf_d(const CPUState *cpu, uint32_t subleaf, CPUIDRegs *out)
{
    uint64_t all = cpu_model_xstate(cpu->model);
    if (!all) {
        return;
    }
    if (subleaf == 0) {
        *out = (CPUIDRegs){ { (uint32_t)all, xsave_area_size(cpu->xcr0), xsave_area_size(all), 0 } };
    } else if (subleaf == 1) {
        add_feature_bits(cpu->model, 0xd, out);
    } else if (subleaf == 2 && (all & XSTATE_AVX)) {
        *out = (CPUIDRegs){ { XSTATE_AVX_SIZE, XSTATE_AVX_OFFSET, 0, 0 } };
    }
}

/* AMD repeats leaf 1's EDX here, but for what AMD defines otherwise. */
static void leaf_80000001(const CPUState *cpu, CPUIDRegs *out)
{
    add_feature_bits(cpu->model, 0x80000001, out);
    if (cpu_model_is_amd(cpu->model)) {
        CPUIDRegs basic = { 0 };
        leaf_1(cpu, &basic);
        out->r[REG_EAX] = basic.r[REG_EAX];
        out->r[REG_EDX] |= basic.r[REG_EDX] & 0x0183f3ff;
    }
}

static void leaf_brand(const CPUModel *m, uint32_t leaf, CPUIDRegs *out)
{
    for (unsigned i = 0; i < 4; i++) {
        out->r[i] = ldl_le_p(m->model_id + 16 * (leaf - 0x80000002) + 4 * i);
    }
}

static void leaf_basic(const CPUState *cpu, uint32_t leaf, uint32_t subleaf, CPUIDRegs *out)
{
    switch (leaf) {
    case 0:
        put_vendor(cpu->model, out);
        out->r[REG_EAX] = cpu->model->level;
        break;
    case 1:
        leaf_1(cpu, out);
        break;
    case 2: /* 32 KiB L1 data and code, 2 MiB L2 */
        *out = (CPUIDRegs){ { 1, 0, 0, 0x002c307d } };
        break;
    case 4:
        leaf_4(subleaf, out);
        break;
    case 7:
        if (subleaf == 0) {
            add_feature_bits(cpu->model, 7, out);
        }
        break;
    case 0xb:
        leaf_b(cpu, subleaf, out);
        break;
    case 0xd:
        leaf_d(cpu, subleaf, out);
        break;
    default: /* the other leaves describe what is absent: serial number, MWAIT, thermal, performance counters */
        break;
    }
}

static void leaf_extended(const CPUState *cpu, uint32_t leaf, CPUIDRegs *out)
{
    switch (leaf) {
    case 0x80000000:
        if (cpu_model_is_amd(cpu->model)) {
            put_vendor(cpu->model, out);
        }
        out->r[REG_EAX] = cpu->model->xlevel;
        break;
    case 0x80000001:
        leaf_80000001(cpu, out);
        break;
    case 0x80000002 ... 0x80000004:
        leaf_brand(cpu->model, leaf, out);
        break;
    case 0x80000005: /* AMD: L1 TLBs of 255 entries, L1 caches: 32 KiB, 8 ways, 64-byte lines */
        if (cpu_model_is_amd(cpu->model)) {
            *out = (CPUIDRegs){ { 0x01ff01ff, 0x01ff01ff, 0x20080140, 0x20080140 } };
        }
        break;
    case 0x80000006: /* L2: 2 MiB, 8 ways (code 6), 64-byte lines */
        out->r[REG_ECX] = 0x08006140;
        break;
    case 0x80000008:
        out->r[REG_EAX] = cpu->model->phys_bits | (cpu_has(cpu, FEAT_LM) ? 48u : 32u) << 8;
        break;
    default:
        break;
    }
}

/* A leaf beyond the highest: Intel answers with its highest basic leaf, AMD with zeros. */
void cpu_cpuid(CPUState *cpu, uint32_t leaf, uint32_t subleaf, uint32_t *eax, uint32_t *ebx, uint32_t *ecx,
               uint32_t *edx)
{
    const CPUModel *m = cpu->model;
    CPUIDRegs out = { 0 };
    if (leaf >> 31 && leaf <= m->xlevel) {
        leaf_extended(cpu, leaf, &out);
    } else if (leaf <= m->level) {
        leaf_basic(cpu, leaf, subleaf, &out);
    } else if (!cpu_model_is_amd(m)) {
        leaf_basic(cpu, m->level, subleaf, &out);
    }
    if (leaf == 1 && cpu_has(cpu, FEAT_MSR)) {
        cpu->bios_sign_id = 1ull << 32; /* leaf 1 loads the microcode revision into IA32_BIOS_SIGN_ID */
    }
    *eax = out.r[REG_EAX];
    *ebx = out.r[REG_EBX];
    *ecx = out.r[REG_ECX];
    *edx = out.r[REG_EDX];
}
