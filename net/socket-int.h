/* net/socket-int.h  What the two halves of -netdev socket share. All of it runs on the I/O thread. */
#ifndef NET_SOCKET_INT_H
#define NET_SOCKET_INT_H

#include <netinet/in.h>

#include "net/frame.h"
#include "net/net-int.h"
#include "util/timer.h"

typedef struct SocketNet {
    NetDev nd;
    bool datagrams;
    int fd;           /* -1: nobody is connected */
    bool reading;     /* the loop watches fd for input */
    char *connection; /* for `info network`; NULL */

    /* Streams. */
    int listen_fd; /* -1: we connect */
    bool connecting;
    struct sockaddr_in address; /* to connect to; datagrams: to send to */
    uint64_t reconnect_s;
    QEMUTimer retry;
    FrameReader in;
    GByteArray *out; /* framed, from out_pos */
    size_t out_pos;
} SocketNet;

void socket_watch(SocketNet *s);

/* socket-stream.c */
/* local: NULL, streams have none. */
bool stream_listen(SocketNet *s, const char *spec, const char *local, Error **errp);
bool stream_connect(SocketNet *s, const char *spec, const char *local, Error **errp);
void stream_adopt(SocketNet *s, int fd);
void stream_transmit(SocketNet *s, const uint8_t *buf, size_t len);
void stream_readable(SocketNet *s);
void stream_writable(SocketNet *s);
void stream_cleanup(SocketNet *s);

/* socket.c: "host:port"; an empty host is any address. */
bool socket_parse_address(const char *spec, struct sockaddr_in *addr, Error **errp);
char *socket_address_text(const struct sockaddr_in *addr);
/* A socket that does not block; -1: none to be had. */
int socket_new(int type);

#endif
