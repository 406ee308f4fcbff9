package cli_test

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/platform"
)

// VerifyExport implements cli.Auditor, as the platform does.
func (neighbour) VerifyExport(export io.Reader, keys, checkpoints []string) (client.AuditReport, error) {
	return platform.New().VerifyExport(export, keys, checkpoints)
}

// VerifyGrowth implements cli.Auditor.
func (neighbour) VerifyGrowth(g client.AuditGrowth, keys []string) error {
	return platform.New().VerifyGrowth(g, keys)
}

// edit writes a file anew with one thing done to its lines, which count from 1, and from
// the last by 0: edit FROM TO delete N, swap N M, or replace N OLD NEW.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.SplitAfter(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	at := func(i int) int {
		n, err := strconv.Atoi(args[i])
		ts.Check(err)
		return (n + len(lines) - 1) % len(lines)
	}
	before := slices.Clone(lines)
	switch n := at(3); args[2] {
	case "delete":
		lines = slices.Delete(lines, n, n+1)
	case "swap":
		lines[n], lines[at(4)] = lines[at(4)], lines[n]
	case "replace":
		lines[n] = strings.ReplaceAll(lines[n], args[4], args[5])
	}
	if slices.Equal(before, lines) {
		ts.Fatalf("nothing is edited")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines, "")), 0o600))
}
