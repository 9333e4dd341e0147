/*
 * hw/ide/bmdma.c  The bus master of an IDE channel (PIIX3 datasheet 290550, "Bus Master IDE registers"; SFF-8038i).
 *
 * A table of physical region descriptors, {u32 address, u16 bytes (0: 64 KiB), u16 with bit 15 = last}, says where in
 * memory the drive's data lie. Data move when a drive has them (or wants them) and the master is started in the same
 * direction; a table that ends before the drive is satisfied leaves it waiting for another start. Tables lie within 64
 * KiB, which bounds the walk.
 */
#include "hw/ide/ide-internal.h"

enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };
enum { CMD_START = 0x01, CMD_TO_MEMORY = 0x08 };
enum { BMST_ACTIVE = 0x01, BMST_ERROR = 0x02, BMST_INTERRUPT = 0x04, BMST_CAPABLE = 0x60 };

#define PRD_BYTES 8u
#define PRD_MAX   (64 * KiB / PRD_BYTES)

/* ---- the table ---- */

static void rewind_table(IDEChannel *ch)
{
    ch->prd_next = ch->bm_table;
    ch->prd_addr = ch->prd_left = ch->prd_count = 0;
    ch->prd_last = false;
}

static bool fetch_descriptor(IDEChannel *ch)
{
    uint8_t prd[PRD_BYTES];
    if (ch->prd_count == PRD_MAX) {
        ch->bm_status = (ch->bm_status & ~BMST_ACTIVE) | BMST_ERROR;
        return false;
    }
    pci_dma_read(ch->pci, ch->prd_next, prd, sizeof(prd));
    ch->prd_next += PRD_BYTES;
    ch->prd_count++;
    ch->prd_addr = ldl_le_p(prd) & ~1u;
    ch->prd_left = lduw_le_p(prd + 4) & ~1u;
    ch->prd_left = ch->prd_left ? ch->prd_left : 64 * KiB;
    ch->prd_last = prd[7] & 0x80;
    return true;
}

bool bmdma_may_run(const IDEChannel *ch, bool to_memory)
{
    return (ch->bm_status & BMST_ACTIVE) && ((ch->bm_command & CMD_TO_MEMORY) != 0) == to_memory &&
           (lduw_le_p(ch->pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER);
}

static uint32_t move_piece(IDEChannel *ch, uint8_t *buf, size_t len, bool to_memory)
{
    uint64_t room = (1ULL << 32) - ch->prd_addr; /* addresses wrap */
    uint32_t n = MIN(MIN(len, (size_t)ch->prd_left), room);
    if (to_memory) {
        pci_dma_write(ch->pci, ch->prd_addr, buf, n);
    } else {
        pci_dma_read(ch->pci, ch->prd_addr, buf, n);
    }
    ch->prd_addr += n;
    ch->prd_left -= n;
    if (!ch->prd_left && ch->prd_last) {
        ch->bm_status &= ~BMST_ACTIVE;
    }
    return n;
}

size_t bmdma_transfer(IDEChannel *ch, uint8_t *buf, size_t len, bool to_memory)
{
    size_t done = 0;
    while (done < len && bmdma_may_run(ch, to_memory) && (ch->prd_left || fetch_descriptor(ch))) {
        done += move_piece(ch, buf + done, len - done, to_memory);
    }
    return done;
}

/* ---- registers ---- */

void bmdma_kick(IDEChannel *ch)
{
    for (int i = 0; i < IDE_CHANNEL_DRIVES; i++) {
        IDEDrive *d = ch->drives[i];
        if (d && !d->request && (d->move == MOVE_DMA_IN || d->move == MOVE_DMA_OUT)) {
            ide_dma_advance(d);
        }
    }
}

void bmdma_interrupt(IDEChannel *ch)
{
    ch->bm_status |= BMST_INTERRUPT;
}

static void write_command(IDEChannel *ch, uint8_t value)
{
    uint8_t old = ch->bm_command;
    ch->bm_command = value & (CMD_START | CMD_TO_MEMORY);
    if (!(value & CMD_START)) {
        ch->bm_status &= ~BMST_ACTIVE;
    } else if (!(old & CMD_START)) {
        rewind_table(ch);
        ch->bm_status |= BMST_ACTIVE;
        bmdma_kick(ch);
    }
}

static void write_status(IDEChannel *ch, uint8_t value)
{
    ch->bm_status &= ~(value & (BMST_ERROR | BMST_INTERRUPT)) & ~BMST_CAPABLE;
    ch->bm_status |= value & BMST_CAPABLE;
}

uint8_t bmdma_read(IDEChannel *ch, unsigned reg)
{
    switch (reg) {
    case BM_COMMAND:
        return ch->bm_command;
    case BM_STATUS:
        return ch->bm_status;
    default:
        return reg < BM_TABLE ? 0 : ch->bm_table >> (8 * (reg - BM_TABLE));
    }
}

void bmdma_write(IDEChannel *ch, unsigned reg, uint8_t value)
{
    switch (reg) {
    case BM_COMMAND:
        write_command(ch, value);
        break;
    case BM_STATUS:
        write_status(ch, value);
        break;
    default:
        if (reg >= BM_TABLE) {
            ch->bm_table = deposit64(ch->bm_table, 8 * (reg - BM_TABLE), 8, value) & ~3u;
        }
    }
}

void bmdma_reset(IDEChannel *ch)
{
    ch->bm_command = ch->bm_status = 0;
    ch->bm_table = 0;
    rewind_table(ch);
}
