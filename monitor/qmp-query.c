/* monitor/qmp-query.c  The query-* commands: the machine as JSON, in QEMU's shapes. */
#include "block/block-int.h"
#include "block/block.h"
#include "exec/memory.h"
#include "hw/pci/pci.h"
#include "qmp-internal.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#include "version.h"

static JsonNode *query_version(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *version = json_object_new(), *numbers = json_object_new();
    /* The protocol's: what clients compare is which of QEMU's commands they may expect. */
    json_object_set_int_member(numbers, "major", 7);
    json_object_set_int_member(numbers, "minor", 2);
    json_object_set_int_member(numbers, "micro", 0);
    json_object_set_object_member(version, "qemu", numbers);
    json_object_set_string_member(version, "package", "Lockstep " LOCKSTEP_VERSION);
    return qmp_object(version);
}

static void add_name(const QMPCommand *cmd, void *opaque)
{
    JsonObject *entry = json_object_new();
    json_object_set_string_member(entry, "name", cmd->name);
    json_array_add_object_element(opaque, entry);
}

static JsonNode *query_commands(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    static const QMPCommand capabilities = { .name = "qmp_capabilities" };
    JsonArray *list = json_array_new();
    add_name(&capabilities, list);
    qmp_foreach_command(add_name, list);
    return qmp_array(list);
}

static JsonNode *query_status(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *status = json_object_new();
    json_object_set_string_member(status, "status", runstate_name(runstate_get()));
    json_object_set_boolean_member(status, "singlestep", false);
    json_object_set_boolean_member(status, "running", runstate_is_running());
    return qmp_object(status);
}

static JsonNode *query_name(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *name = json_object_new();
    if (machine_identity.name) {
        json_object_set_string_member(name, "name", machine_identity.name);
    }
    return qmp_object(name);
}

static JsonNode *query_uuid(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *uuid = json_object_new();
    char *text = uuid_text(machine_identity.uuid);
    json_object_set_string_member(uuid, "UUID", text);
    g_free(text);
    return qmp_object(uuid);
}

static JsonNode *query_kvm(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *kvm = json_object_new();
    json_object_set_boolean_member(kvm, "enabled", false);
    json_object_set_boolean_member(kvm, "present", false);
    return qmp_object(kvm);
}

static JsonNode *query_target(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *target = json_object_new();
    json_object_set_string_member(target, "arch", machine_identity.target);
    return qmp_object(target);
}

static JsonNode *query_cpus_fast(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonArray *list = json_array_new();
    JsonObject *cpu = json_object_new(), *props = json_object_new();
    json_object_set_int_member(props, "core-id", 0);
    json_object_set_int_member(props, "socket-id", 0);
    json_object_set_int_member(props, "thread-id", 0);
    json_object_set_int_member(cpu, "cpu-index", 0);
    json_object_set_string_member(cpu, "qom-path", "/machine/unattached/device[0]");
    json_object_set_int_member(cpu, "thread-id", cpus_thread_id());
    json_object_set_string_member(cpu, "target", machine_identity.target);
    json_object_set_object_member(cpu, "props", props);
    json_array_add_object_element(list, cpu);
    return qmp_array(list);
}

static JsonNode *query_memory(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *memory = json_object_new();
    json_object_set_int_member(memory, "base-memory", (gint64)machine_identity.ram_size);
    json_object_set_int_member(memory, "plugged-memory", 0);
    return qmp_object(memory);
}

static void add_chardev(const char *label, const char *filename, bool open, void *opaque)
{
    JsonObject *chr = json_object_new();
    json_object_set_string_member(chr, "label", label);
    json_object_set_string_member(chr, "filename", filename);
    json_object_set_boolean_member(chr, "frontend-open", open);
    json_array_add_object_element(opaque, chr);
}

static JsonNode *query_chardev(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonArray *list = json_array_new();
    qemu_chr_foreach(add_chardev, list);
    return qmp_array(list);
}

/* ---- block ---- */

static JsonObject *image_object(BlockBackend *blk, BlockNode *node)
{
    JsonObject *image = json_object_new();
    json_object_set_string_member(image, "filename", node->filename ? node->filename : "");
    json_object_set_string_member(image, "format", node->drv->name);
    json_object_set_int_member(image, "virtual-size", blk_length(blk));
    json_object_set_boolean_member(image, "dirty-flag", false);
    return image;
}

static JsonObject *cache_object(BlockBackend *blk)
{
    JsonObject *cache = json_object_new();
    json_object_set_boolean_member(cache, "writeback", blk_write_cache_enabled(blk));
    json_object_set_boolean_member(cache, "direct", false);
    json_object_set_boolean_member(cache, "no-flush", false);
    return cache;
}

/* There is no throttling, encryption or detection of zeroes; clients expect the members all the same. */
static JsonObject *inserted_object(BlockBackend *blk)
{
    static const char *const none[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr", "write_threshold" };
    BlockNode *node = blk_root_node(blk);
    JsonObject *inserted = json_object_new();
    json_object_set_string_member(inserted, "file", node->filename ? node->filename : "");
    json_object_set_string_member(inserted, "node-name", node->node_name ? node->node_name : "");
    json_object_set_string_member(inserted, "drv", node->drv->name);
    json_object_set_boolean_member(inserted, "ro", blk_is_read_only(blk));
    json_object_set_boolean_member(inserted, "encrypted", false);
    json_object_set_string_member(inserted, "detect_zeroes", "off");
    json_object_set_int_member(inserted, "backing_file_depth", node->backing ? 1 : 0);
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        json_object_set_int_member(inserted, none[i], 0);
    }
    json_object_set_object_member(inserted, "cache", cache_object(blk));
    json_object_set_object_member(inserted, "image", image_object(blk, node));
    return inserted;
}

static void add_block(BlockBackend *blk, void *opaque)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "device", blk_name(blk));
    json_object_set_string_member(object, "type", "unknown");
    json_object_set_boolean_member(object, "locked", false);
    json_object_set_boolean_member(object, "removable", !blk_is_inserted(blk));
    if (blk_is_inserted(blk)) {
        json_object_set_object_member(object, "inserted", inserted_object(blk));
    }
    json_array_add_object_element(opaque, object);
}

static JsonNode *query_block(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonArray *list = json_array_new();
    blk_foreach(add_block, list);
    return qmp_array(list);
}

/* ---- PCI ---- */

static JsonArray *regions_of(const PCIDevice *pci)
{
    JsonArray *regions = json_array_new();
    for (int bar = 0; bar < PCI_NUM_BARS; bar++) {
        const PCIBar *b = &pci->bars[bar];
        if (b->kind != PCI_BAR_NONE) {
            JsonObject *region = json_object_new();
            json_object_set_int_member(region, "bar", bar);
            json_object_set_string_member(region, "type", b->kind == PCI_BAR_IO ? "io" : "memory");
            json_object_set_int_member(region, "address", b->mapped_at == PCI_BAR_UNMAPPED ? -1 : (gint64)b->mapped_at);
            json_object_set_int_member(region, "size", (gint64)b->size);
            if (b->kind != PCI_BAR_IO) {
                json_object_set_boolean_member(region, "prefetch", b->kind != PCI_BAR_MEM32);
                json_object_set_boolean_member(region, "mem_type_64", b->kind == PCI_BAR_MEM64_PREFETCH);
            }
            json_array_add_object_element(regions, region);
        }
    }
    return regions;
}

static JsonObject *class_object(const PCIDevice *pci)
{
    uint16_t class_id = lduw_le_p(pci->config + PCI_CLASS_DEVICE);
    JsonObject *class_info = json_object_new();
    json_object_set_int_member(class_info, "class", class_id);
    if (pci_class_name(class_id)) {
        json_object_set_string_member(class_info, "desc", pci_class_name(class_id));
    }
    return class_info;
}

static JsonObject *id_object(const PCIDevice *pci)
{
    JsonObject *id = json_object_new();
    json_object_set_int_member(id, "vendor", lduw_le_p(pci->config + PCI_VENDOR_ID));
    json_object_set_int_member(id, "device", lduw_le_p(pci->config + PCI_DEVICE_ID));
    json_object_set_int_member(id, "subsystem-vendor", lduw_le_p(pci->config + PCI_SUBSYSTEM_VENDOR_ID));
    json_object_set_int_member(id, "subsystem", lduw_le_p(pci->config + PCI_SUBSYSTEM_ID));
    return id;
}

static void add_pci(PCIDevice *pci, void *opaque)
{
    JsonObject *device = json_object_new();
    json_object_set_int_member(device, "bus", 0);
    json_object_set_int_member(device, "slot", PCI_SLOT(pci->devfn));
    json_object_set_int_member(device, "function", PCI_FUNC(pci->devfn));
    json_object_set_object_member(device, "class_info", class_object(pci));
    json_object_set_object_member(device, "id", id_object(pci));
    json_object_set_int_member(device, "irq_pin", pci->config[PCI_INTERRUPT_PIN]);
    if (pci->config[PCI_INTERRUPT_PIN]) {
        json_object_set_int_member(device, "irq", pci->config[PCI_INTERRUPT_LINE]);
    }
    json_object_set_string_member(device, "qdev_id", pci->dev.id ? pci->dev.id : "");
    json_object_set_array_member(device, "regions", regions_of(pci));
    json_array_add_object_element(opaque, device);
}

static JsonNode *query_pci(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonArray *buses = json_array_new(), *devices = json_array_new();
    JsonObject *bus = json_object_new();
    pci_foreach(add_pci, devices);
    json_object_set_int_member(bus, "bus", 0);
    json_object_set_array_member(bus, "devices", devices);
    json_array_add_object_element(buses, bus);
    return qmp_array(buses);
}

/* ---- replay ---- */

static JsonNode *query_replay(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonObject *replay = json_object_new();
    json_object_set_string_member(replay, "mode", replay_recording() ? "record" : replay_playing() ? "play" : "none");
    if (replay_log_path()) {
        json_object_set_string_member(replay, "filename", replay_log_path());
    }
    json_object_set_int_member(replay, "icount", icount_get());
    return qmp_object(replay);
}

static JsonNode *query_nothing(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    return qmp_array(json_array_new());
}

const QMPCommand qmp_query_commands[] = {
    { "query-block", "", query_block },
    { "query-chardev", "", query_chardev },
    { "query-commands", "", query_commands },
    { "query-cpus-fast", "", query_cpus_fast },
    { "query-iothreads", "", query_nothing },
    { "query-kvm", "", query_kvm },
    { "query-memory-size-summary", "", query_memory },
    { "query-name", "", query_name },
    { "query-pci", "", query_pci },
    { "query-replay", "", query_replay },
    { "query-status", "", query_status },
    { "query-target", "", query_target },
    { "query-uuid", "", query_uuid },
    { "query-version", "", query_version },
    { 0 },
};
