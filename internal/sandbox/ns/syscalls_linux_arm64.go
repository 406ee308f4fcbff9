package ns

import "golang.org/x/sys/unix"

// auditArch is this architecture in struct seccomp_data.
const auditArch = unix.AUDIT_ARCH_AARCH64

// allowedHere are further system calls of this architecture: it has none.
var allowedHere []uint32

// modeCallsHere are those of this architecture alone that give a file its mode: none.
var modeCallsHere []modeCall
