// Package ns runs boxes with Linux namespaces and no other program.
//
// Platform makes one Driver and gives it to whoever needs the sandbox port. A box
// is a set of new user, mount, PID, network, IPC, UTS and cgroup namespaces. Its
// first process is this very binary (package boot), which builds a root of
// read-only binds of the host's toolchain, stays, and starts each command as a PID
// namespace of its own under a uid of the box's own (as root) or the caller's (as
// an ordinary user), without capabilities, under Landlock and a seccomp allow-list.
//
// Memory, processes and CPU are limited by cgroup v2 or v1 where their controllers
// can be written, else by rlimits and by the box's first process, which looks every
// few milliseconds, and stops or ends what uses too much. The disk limit is the
// size of /tmp's file system, and the same kind of look at writable mounts.
//
// It needs Linux 5.14 with user namespaces, Landlock and seccomp, and fails closed:
// where one of them is missing, Create returns unsupported with what to do. It never
// runs a shell, never opens a port on the host, and never lets a box share a
// descriptor, a process or a network with another.
//
// A box with Egress has one port of its own loopback served by this process (package
// proxy), on a socket that its first process has made and handed over.
package ns
