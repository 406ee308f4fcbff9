// Command attack tries to break out of a sandbox. The hostile suite of package
// sandboxtest builds it, runs it outside to show that each attack works there,
// and then in a box, where it mustn't.
//
// Each attack is a subcommand that prints its findings (package finding) and
// exits 0, whatever it found; or else it is killed, which the suite also takes
// for a refusal if the signal is SIGSYS. No attack damages the machine when it
// works: it stops right behind the permission check, or is bounded by its
// arguments. It is one static program without cgo, so that it runs in any box.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest/finding"
)

// attack tries something and reports what came of it.
type attack func(r report, args []string)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	run, ok := attacks()[os.Args[1]]
	if !ok {
		usage()
	}
	run(report{}, os.Args[2:])
}

// attacks is every subcommand. One file holds one family.
func attacks() map[string]attack {
	all := map[string]attack{}
	for _, family := range []map[string]attack{
		namespaceAttacks(), kernelAttacks(), abiAttacks(), processAttacks(), fileAttacks(), walkAttacks(),
		socketAttacks(), reachAttacks(), ipcAttacks(), identityAttacks(), terminalAttacks(),
		resourceAttacks(), hogAttacks(), lingerAttacks(), probes(),
	} {
		maps.Copy(all, family)
	}
	return all
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: attack NAME [ARG...]; NAME is one of")
	for _, name := range slices.Sorted(maps.Keys(attacks())) {
		fmt.Fprintln(os.Stderr, "  "+name)
	}
	os.Exit(2)
}

// report prints findings on stdout.
type report struct{}

func (report) write(f finding.Finding) {
	if err := finding.Write(os.Stdout, f); err != nil {
		os.Exit(3)
	}
}

// done reports that the attack got what it wanted.
func (r report) done(try, got string) { r.write(finding.Finding{Try: try, Done: true, Got: got}) }

// refused reports that it didn't.
func (r report) refused(try, got string) { r.write(finding.Finding{Try: try, Got: got}) }

// call reports a system call by its error. EPERM, EACCES, ENOSYS and what is in
// also are refusals. Any other error is the kernel complaining of arguments that
// are wrong on purpose: the call got past every check of who makes it.
func (r report) call(try string, err error, also ...syscall.Errno) {
	var errno syscall.Errno
	switch {
	case err == nil:
		r.done(try, "ok")
	case !errors.As(err, &errno):
		r.refused(try, err.Error())
	case errno == unix.EPERM, errno == unix.EACCES, errno == unix.ENOSYS, slices.Contains(also, errno):
		r.refused(try, unix.ErrnoName(errno))
	default:
		r.done(try, unix.ErrnoName(errno))
	}
}

// must ends the program: what failed isn't the attack but its preparation.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack: can't prepare:", err)
		os.Exit(4)
	}
}

// asError is a raw call's errno as an error, nil for zero.
func asError(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
