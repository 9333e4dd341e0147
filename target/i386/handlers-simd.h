#include "target/i386/insn.h"
