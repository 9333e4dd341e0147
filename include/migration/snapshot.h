/*
 * migration/snapshot.h  The whole machine in a file and back: savevm, loadvm, delvm, info snapshots, rrsnapshot=.
 *
 * Where it goes: without rr= into internal snapshots of the machine's qcow2 images, the state itself into the first of
 * them; with rr=, where images are never written, into a qcow2 drive that no device uses or else into RRFILE.snapshots,
 * with all that was written to the disks since the start. Either can be looked at with `qemu-img snapshot -l`.
 *
 * machine_lock held; the caller need not stop the machine.
 */
#ifndef MIGRATION_SNAPSHOT_H
#define MIGRATION_SNAPSHOT_H

#include "util/error.h"
#include "util/info.h"

/* A snapshot of that name is replaced. NULL or "": "vm-YYYYMMDDHHMMSS". */
bool save_snapshot(const char *name, Error **errp);
/* In replay the log is taken up where it stood when the snapshot was taken. On error the machine is as before, or, when
 * the file turned out to be damaged half-way, stopped for good. */
bool load_snapshot(const char *name, Error **errp);
bool delete_snapshot(const char *name, Error **errp);
/* `info snapshots`. */
void snapshot_info(InfoPrint *print, void *opaque);

#endif
