/*
 * hw/char/virtio-serial.c  Virtio console device with several ports (Virtual I/O Device Version 1.1, section 5.3).
 *
 * A port is a device of its own, with a chardev. What the chardev says arrives at a checkpoint (chardev/char.c) when
 * the guest has the port open and a buffer for it; until then it waits in the chardev's queue. Whether anybody is at
 * the chardev's other end is the host's affair: to the guest every port's other end is open. Left out on purpose: sizes
 * of consoles, removal of ports.
 */
#include "hw/core/backends.h"
#include "hw/virtio/virtio.h"

#define MAX_PORTS          31
#define CONTROL_RX         2
#define CONTROL_TX         3
#define PORT_QUEUE_SIZE    128
#define CONTROL_QUEUE_SIZE 32
#define PORT_UNSET         UINT32_MAX
#define WRITE_MAX          (4 * MiB) /* of one buffer; what a driver puts behind it is lost */

enum { F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
enum { CONFIG_MAX_PORTS = 4, CONFIG_EMERG_WRITE = 8, CONFIG_SIZE = 12 }; /* 5.3.4 */

/* 5.3.6.2: u32 port, u16 event, u16 value; a name follows the event of that name. */
#define MESSAGE_BYTES 8
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME };

typedef struct VirtIOSerial VirtIOSerial;

typedef struct VirtSerialPort {
    Device dev;
    char *bus, *name; /* properties */
    uint32_t nr;
    VirtIOSerial *serial;
    Chardev *chr;
    bool guest_open;
    uint8_t due; /* bit n: the guest has not been told event n yet */
} VirtSerialPort;

struct VirtIOSerial {
    VirtIODevice vdev;
    uint32_t max_ports;
    VirtSerialPort *ports[MAX_PORTS];
};

static int rx_queue(uint32_t nr)
{
    return nr ? 2 * nr + 2 : 0;
}

static uint32_t port_of_queue(int queue)
{
    return queue < CONTROL_RX ? 0 : queue / 2 - 1;
}

static bool is_console(const VirtSerialPort *port)
{
    return port->dev.type == &virtconsole_type;
}

/* ---- control messages ---- */

/* One message into one buffer; false: there is none. */
static bool send_message(VirtSerialPort *port, unsigned event)
{
    VirtIODevice *vdev = &port->serial->vdev;
    VirtElement *elem = virtio_pop(vdev, CONTROL_RX);
    uint8_t message[MESSAGE_BYTES];
    if (!elem) {
        return false;
    }
    stl_le_p(message, port->nr);
    stw_le_p(message + 4, event);
    stw_le_p(message + 6, 1);
    uint64_t len = virtio_write(vdev, elem, 0, message, sizeof(message));
    if (event == PORT_NAME) {
        len += virtio_write(vdev, elem, len, port->name, strlen(port->name));
    }
    virtio_push(vdev, CONTROL_RX, elem, len);
    return true;
}

static bool send_due(VirtSerialPort *port)
{
    static const uint8_t order[] = { PORT_ADD, CONSOLE_PORT, PORT_NAME, PORT_OPEN };
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        uint8_t bit = 1 << order[i];
        if ((port->due & bit) && !send_message(port, order[i])) {
            return false;
        }
        port->due &= ~bit;
    }
    return true;
}

static void send_all_due(VirtIOSerial *s)
{
    bool room = true;
    for (int i = 0; i < MAX_PORTS && room; i++) {
        room = !s->ports[i] || send_due(s->ports[i]);
    }
    virtio_notify(&s->vdev, CONTROL_RX);
}

static void announce_all(VirtIOSerial *s)
{
    for (int i = 0; i < MAX_PORTS; i++) {
        if (s->ports[i]) {
            s->ports[i]->due |= 1 << PORT_ADD;
        }
    }
}

static void describe_port(VirtSerialPort *port)
{
    port->due |= 1 << PORT_OPEN | (is_console(port) ? 1 << CONSOLE_PORT : 0) | (port->name ? 1 << PORT_NAME : 0);
}

static void set_guest_open(VirtSerialPort *port, bool open)
{
    port->guest_open = open;
    qemu_chr_accept_input(port->chr);
}

static void handle_message(VirtIOSerial *s, const uint8_t *message)
{
    uint32_t nr = ldl_le_p(message);
    uint16_t event = lduw_le_p(message + 4), value = lduw_le_p(message + 6);
    VirtSerialPort *port = nr < MAX_PORTS ? s->ports[nr] : NULL;
    if (event == DEVICE_READY && value) {
        announce_all(s);
    } else if (port && event == PORT_READY && value) {
        describe_port(port);
    } else if (port && event == PORT_OPEN) {
        set_guest_open(port, value);
    }
}

static void control_tx_kicked(VirtIODevice *vdev, int queue)
{
    VirtElement *elem;
    while ((elem = virtio_pop(vdev, queue))) {
        uint8_t message[MESSAGE_BYTES];
        if (virtio_read(vdev, elem, 0, message, sizeof(message)) == sizeof(message)) {
            handle_message((VirtIOSerial *)vdev, message);
        }
        virtio_push(vdev, queue, elem, 0);
    }
    virtio_notify(vdev, queue);
    send_all_due((VirtIOSerial *)vdev);
}

static void control_rx_kicked(VirtIODevice *vdev, int queue)
{
    (void)queue;
    send_all_due((VirtIOSerial *)vdev);
}

/* ---- bytes ---- */

/* A driver that knows one port only never opens it; consoles are always read. */
static bool guest_reads(const VirtSerialPort *port)
{
    return port->guest_open || is_console(port) || !virtio_has_feature(&port->serial->vdev, F_MULTIPORT);
}

static int port_can_receive(void *opaque)
{
    VirtSerialPort *port = opaque;
    VirtIODevice *vdev = &port->serial->vdev;
    VirtElement *elem = guest_reads(port) ? virtio_pop(vdev, rx_queue(port->nr)) : NULL;
    int room = elem ? (int)elem->in_len : 0;
    if (elem) {
        virtio_unpop(vdev, rx_queue(port->nr), elem);
    }
    return room;
}

static void port_receive(void *opaque, const uint8_t *buf, int len)
{
    VirtSerialPort *port = opaque;
    VirtIODevice *vdev = &port->serial->vdev;
    int queue = rx_queue(port->nr);
    VirtElement *elem = virtio_pop(vdev, queue);
    if (elem) { /* port_can_receive() has just seen it; but a ring that lies upon itself may have changed by that */
        virtio_push(vdev, queue, elem, virtio_write(vdev, elem, 0, buf, len));
        virtio_notify(vdev, queue);
    }
}

static void rx_kicked(VirtIODevice *vdev, int queue)
{
    VirtSerialPort *port = ((VirtIOSerial *)vdev)->ports[port_of_queue(queue)];
    if (port) {
        qemu_chr_accept_input(port->chr);
    }
}

static void write_out(VirtIODevice *vdev, const VirtElement *elem, Chardev *chr)
{
    uint8_t bytes[65536];
    uint64_t n;
    for (uint64_t done = 0; done < WRITE_MAX && (n = virtio_read(vdev, elem, done, bytes, sizeof(bytes))); done += n) {
        qemu_chr_write(chr, bytes, n);
    }
}

static void tx_kicked(VirtIODevice *vdev, int queue)
{
    VirtSerialPort *port = ((VirtIOSerial *)vdev)->ports[port_of_queue(queue)];
    VirtElement *elem;
    while ((elem = virtio_pop(vdev, queue))) {
        if (port) {
            write_out(vdev, elem, port->chr);
        }
        virtio_push(vdev, queue, elem, 0);
    }
    virtio_notify(vdev, queue);
}

/* ---- the device ---- */

static uint64_t serial_features(VirtIODevice *vdev)
{
    (void)vdev;
    return VIRTIO_BIT(F_MULTIPORT) | VIRTIO_BIT(F_EMERG_WRITE);
}

static void serial_get_config(VirtIODevice *vdev, uint8_t *config)
{
    stl_le_p(config + CONFIG_MAX_PORTS, ((VirtIOSerial *)vdev)->max_ports);
}

/* 5.3.4: a character for the first console, from a driver that has set up nothing yet. */
static void serial_set_config(VirtIODevice *vdev, uint32_t offset, const uint8_t *config, uint32_t len)
{
    const VirtSerialPort *console = ((VirtIOSerial *)vdev)->ports[0];
    (void)len;
    if (offset == CONFIG_EMERG_WRITE && console) {
        qemu_chr_write(console->chr, config + CONFIG_EMERG_WRITE, 1);
    }
}

static void serial_device_reset(VirtIODevice *vdev)
{
    VirtIOSerial *s = (VirtIOSerial *)vdev;
    for (int i = 0; i < MAX_PORTS; i++) {
        if (s->ports[i]) {
            s->ports[i]->guest_open = false;
            s->ports[i]->due = 0;
        }
    }
}

static const VirtIOClass serial_class = {
    .device_type = 3,
    .class_id = 0x0780,
    .config_size = CONFIG_SIZE,
    .features = serial_features,
    .get_config = serial_get_config,
    .set_config = serial_set_config,
    .reset = serial_device_reset,
};

static bool serial_realize(Device *dev, Error **errp)
{
    VirtIOSerial *s = (VirtIOSerial *)dev;
    if (!s->max_ports || s->max_ports > MAX_PORTS) {
        error_setg(errp, "maximum number of ports supported is between 1 and %d, not %u", MAX_PORTS, s->max_ports);
        return false;
    }
    if (!virtio_realize(&s->vdev, &serial_class, errp)) {
        return false;
    }
    virtio_add_queue(&s->vdev, CONTROL_RX, CONTROL_QUEUE_SIZE, control_rx_kicked);
    virtio_add_queue(&s->vdev, CONTROL_TX, CONTROL_QUEUE_SIZE, control_tx_kicked);
    for (uint32_t nr = 0; nr < s->max_ports; nr++) {
        virtio_add_queue(&s->vdev, rx_queue(nr), PORT_QUEUE_SIZE, rx_kicked);
        virtio_add_queue(&s->vdev, rx_queue(nr) + 1, PORT_QUEUE_SIZE, tx_kicked);
    }
    return true;
}

static void serial_reset(Device *dev)
{
    VirtIOSerial *s = (VirtIOSerial *)dev;
    virtio_reset(&s->vdev);
    pci_device_reset(&s->vdev.pci);
}

static const VMStateField serial_fields[] = {
    VMSTATE_STRUCT(VirtIOSerial, vdev, vmstate_virtio_device),
    VMSTATE_DERIVED(VirtIOSerial, max_ports),
    VMSTATE_DERIVED(VirtIOSerial, ports),
    VMSTATE_END,
};
static const VMStateDescription vmstate_serial = { .name = "virtio-serial", .version = 1, .fields = serial_fields };

static const DeviceProperty serial_properties[] = {
    DEFINE_PROP_UINT32("max_ports", VirtIOSerial, max_ports, MAX_PORTS),
    VIRTIO_PROPERTIES(VirtIOSerial),
    { .name = NULL },
};

const DeviceType virtio_serial_pci_type = {
    .name = "virtio-serial-pci",
    .description = "virtio console device; its ports are virtconsole and virtserialport",
    .size = sizeof(VirtIOSerial),
    .vmsd = &vmstate_serial,
    .properties = serial_properties,
    .realize = serial_realize,
    .reset = serial_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};

/* ---- ports ---- */

/* The first free number; only consoles take 0 by themselves. */
static uint32_t free_number(const VirtIOSerial *s, bool console)
{
    uint32_t nr = console ? 0 : 1;
    while (nr < s->max_ports && s->ports[nr]) {
        nr++;
    }
    return nr;
}

typedef struct BusSearch {
    const VirtSerialPort *port;
    VirtIOSerial *found;
} BusSearch;

/* "ID.0" is the bus of device ID; that of the second one without an id is "virtio-serial-bus.1". */
static bool is_bus_of(const Device *dev, const char *bus)
{
    char *name = dev->id ? g_strdup_printf("%s.0", dev->id) : g_strdup_printf("virtio-serial-bus.%d", dev->instance);
    bool same = g_str_equal(name, bus);
    g_free(name);
    return same;
}

static void match_bus(Device *dev, void *opaque)
{
    BusSearch *search = opaque;
    VirtIOSerial *s = (VirtIOSerial *)dev;
    if (dev->type != &virtio_serial_pci_type || search->found) {
        return;
    }
    const char *bus = search->port->bus;
    if (bus ? is_bus_of(dev, bus) : free_number(s, is_console(search->port)) < s->max_ports) {
        search->found = s;
    }
}

static bool find_bus(VirtSerialPort *port, Error **errp)
{
    BusSearch search = { .port = port };
    device_foreach(match_bus, &search);
    port->serial = search.found;
    if (!port->serial && port->bus) {
        error_setg(errp, "Bus '%s' not found", port->bus);
    } else if (!port->serial) {
        error_setg(errp, "No 'virtio-serial-bus' bus found for device '%s'", port->dev.type->name);
    }
    return port->serial != NULL;
}

static bool choose_number(VirtSerialPort *port, Error **errp)
{
    const VirtIOSerial *s = port->serial;
    if (port->nr == PORT_UNSET) {
        port->nr = free_number(s, is_console(port));
    }
    if (port->nr == 0 && !is_console(port)) {
        error_setg(errp, "Port number 0 on virtio-serial devices is reserved for virtconsole devices");
    } else if (port->nr >= s->max_ports) {
        error_setg(errp, "Out-of-range port id specified, max. allowed: %u", s->max_ports - 1);
    } else if (s->ports[port->nr]) {
        error_setg(errp, "A port already exists at id %u", port->nr);
    } else {
        return true;
    }
    return false;
}

/* A port without a chardev still takes its number in the log. */
static Chardev *port_null_chardev(const VirtSerialPort *port)
{
    char *label = g_strdup_printf("%s%d", port->dev.type->name, port->dev.instance);
    Chardev *chr = qemu_chr_null_new(label);
    g_free(label);
    return chr;
}

static bool port_realize(Device *dev, Error **errp)
{
    VirtSerialPort *port = (VirtSerialPort *)dev;
    const ChrFrontend fe = { .can_receive = port_can_receive, .receive = port_receive, .opaque = port, .guest = true };
    if (!find_bus(port, errp) || !choose_number(port, errp)) {
        return false;
    }
    port->chr = port->chr ? port->chr : port_null_chardev(port);
    if (!qemu_chr_attach(port->chr, &fe, errp)) {
        return false;
    }
    port->serial->ports[port->nr] = port;
    return true;
}

static const VMStateField port_fields[] = {
    VMSTATE_DERIVED(VirtSerialPort, dev),
    VMSTATE_DERIVED(VirtSerialPort, bus),
    VMSTATE_DERIVED(VirtSerialPort, name),
    VMSTATE_DERIVED(VirtSerialPort, nr),
    VMSTATE_DERIVED(VirtSerialPort, serial),
    VMSTATE_DERIVED(VirtSerialPort, chr),
    VMSTATE_BOOL(VirtSerialPort, guest_open),
    VMSTATE_INT(VirtSerialPort, due),
    VMSTATE_END,
};

static bool port_post_load(void *opaque, Error **errp)
{
    VirtSerialPort *port = opaque;
    if ((port->due & 1 << PORT_NAME) && !port->name) {
        error_setg(errp, "port %u has no name", port->nr);
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_port = {
    .name = "virtio-serial-port", .version = 1, .fields = port_fields, .post_load = port_post_load
};

static const DeviceProperty port_properties[] = {
    DEFINE_PROP_STRING("bus", VirtSerialPort, bus),
    DEFINE_PROP_CHARDEV(VirtSerialPort, chr),
    DEFINE_PROP_STRING("name", VirtSerialPort, name),
    DEFINE_PROP_UINT32("nr", VirtSerialPort, nr, PORT_UNSET),
    { .name = NULL },
};

const DeviceType virtio_serial_port_type = { .name = "virtio-serial-port", .size = sizeof(VirtSerialPort) };

#define PORT_TYPE(type_name, text)                                                                     \
    {                                                                                                  \
        .name = type_name, .description = text, .size = sizeof(VirtSerialPort), .vmsd = &vmstate_port, \
        .properties = port_properties, .realize = port_realize, .user_creatable = true,                \
        .parent = &virtio_serial_port_type                                                             \
    }

const DeviceType virtconsole_type = PORT_TYPE("virtconsole", "console on a virtio-serial device");
const DeviceType virtserialport_type = PORT_TYPE("virtserialport", "port of a virtio-serial device");
