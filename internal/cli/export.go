package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) appExport() *cobra.Command {
	var version int
	var out string
	c := &cobra.Command{Use: "export APP", Short: "Write a version as an archive (.zip or .tar.gz)", Args: one("app"),
		RunE: func(c *cobra.Command, args []string) error {
			format, err := archiveFormat(out)
			if err != nil {
				return err
			}
			return sh.withApp(c.Context(), Direct, args[0], func(conn *Conn, a client.AppDetail) error {
				if out == "" {
					out = a.Name + ".zip"
				}
				if err := writeNew(out, func(w io.Writer) error {
					return conn.Client.Export(c.Context(), a.ID, version, format, w)
				}); err != nil {
					return err
				}
				return sh.print(map[string]string{"file": out}, func(w io.Writer) { fmt.Fprintln(w, out) })
			})
		}}
	versionFlag(c, &version)
	c.Flags().StringVarP(&out, "output", "o", "", "file to write, .zip, .tar.gz or .tgz (default APP.zip)")
	return c
}

// archiveFormat returns the format that a file's name asks for.
func archiveFormat(path string) (string, error) {
	switch {
	case path == "", strings.HasSuffix(path, ".zip"):
		return "zip", nil
	case strings.HasSuffix(path, ".tar.gz"), strings.HasSuffix(path, ".tgz"):
		return "tar.gz", nil
	}
	return "", core.E(core.Invalid, "", path+" isn't named like an archive").WithHint("let it end in .zip, .tar.gz or .tgz")
}

// writeNew writes a file that isn't there yet, whole or not at all: what somebody has under its
// name is never replaced.
func writeNew(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // the name is taken, until the file has it
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return unwritable(path, err)
	}
	if err := writeFile(path, write); err != nil {
		_ = os.Remove(path) // what is wrong is told already
		return err
	}
	return nil
}

// writeFile writes a file whole or not at all, in place of what was there.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".isekai-*")
	if err != nil {
		return unwritable(path, err)
	}
	defer os.Remove(f.Name()) // after the rename it isn't there any more
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return unwritable(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return unwritable(path, err)
	}
	return nil
}

// unwritable says why a file can't be written. The name in err is of a file that
// nobody knows.
func unwritable(path string, err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	code, hint := core.Unavailable, "name another file with -o"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code, hint = core.NotFound, "make its folder first, or name another file with -o"
	case errors.Is(err, fs.ErrPermission):
		code = core.Denied
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		code, hint = core.Exhausted, "free some space, or name a file on another disk with -o"
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		code = core.Invalid
	}
	return core.E(code, "", "can't write "+path).WithHint(hint).Because(err)
}
