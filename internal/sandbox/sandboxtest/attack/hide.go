package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// hide writes args[1] files of one MiB below args[2], each where somebody who
// counts from outside may not find it: it changes into a new folder, in which
// the hiding place is made. Arguments are those of fill.
func hide(place func(i int, block []byte) error) attack {
	return func(r report, args []string) {
		try := "hide " + args[1] + " MiB"
		raise(unix.RLIMIT_NOFILE)
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = byte(i) // not a hole
		}
		dir := filepath.Join(args[2], "hidden")
		must(os.MkdirAll(dir, 0o777))
		must(os.Chdir(dir))
		for i := range number(args[1]) {
			if err := place(i, block); err != nil {
				r.refused(try, fmt.Sprintf("%v after %d", err, i))
				return
			}
		}
		stay(args[0])
		r.done(try, "ok")
	}
}

// unlinked keeps files open that have no name any more.
func unlinked(i int, block []byte) error {
	name := fmt.Sprint(i)
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	if err := unix.Unlink(name); err != nil {
		return err
	}
	n, err := unix.Write(fd, block)
	if err == nil && n < len(block) {
		err = unix.ENOSPC
	}
	return err
}

// locked puts each file into a folder that nobody may enter.
func locked(i int, block []byte) error {
	name := fmt.Sprint(i)
	if err := os.Mkdir(name, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(name+"/file", block, 0o666); err != nil {
		return err
	}
	return os.Chmod(name, 0)
}

// deep goes ever deeper, to where a path is too long to be named.
func deep(_ int, block []byte) error {
	if err := os.WriteFile("file", block, 0o666); err != nil {
		return err
	}
	name := strings.Repeat("d", 200)
	if err := os.Mkdir(name, 0o777); err != nil {
		return err
	}
	return os.Chdir(name)
}
