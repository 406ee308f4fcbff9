// Command start measures what a person waits for: isekai version, a server that
// is ready, and a prompt that has become a tested, running app.
//
//	go run ./bench/start -isekai bin/isekai
//
// It exits with 1 if a figure that we hold isn't held.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

var (
	program = flag.String("isekai", "bin/isekai", "the program to measure")
	rounds  = flag.Int("rounds", 15, "measurements of each; the median counts")
)

func main() {
	flag.Parse()
	ok := true
	show := func(what string, d, hold time.Duration) {
		mark := ""
		if hold > 0 {
			mark = fmt.Sprintf("hold %v: %s", hold, verdict(d <= hold))
			ok = ok && d <= hold
		}
		fmt.Printf("%-46s %8.1f ms  %s\n", what, float64(d.Microseconds())/1000, mark)
	}
	show("isekai version", median(*rounds, version), 50*time.Millisecond)
	show("isekai serve to ready, new data directory", median(*rounds, serve), 300*time.Millisecond)
	show("prompt to app ready (run --exit), whole command", median(max(3, *rounds/5), prompt), 0)
	if !ok {
		os.Exit(1)
	}
}

func verdict(ok bool) string {
	if ok {
		return "held"
	}
	return "NOT HELD"
}

func median(n int, measure func() (time.Duration, error)) time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		d, err := measure()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		all[i] = d
	}
	slices.Sort(all)
	return all[n/2]
}

func version() (time.Duration, error) {
	start := time.Now()
	err := exec.Command(*program, "version").Run()
	return time.Since(start), err
}

// withDir runs f with a folder of its own.
func withDir(f func(dir string) (time.Duration, error)) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "isekai-bench-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	return f(dir)
}

func serve() (time.Duration, error) {
	return withDir(func(dir string) (time.Duration, error) {
		c := exec.Command(*program, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir)
		start := time.Now()
		if err := c.Start(); err != nil {
			return 0, err
		}
		defer func() {
			_ = c.Process.Signal(os.Interrupt)
			_ = c.Wait()
		}()
		for time.Since(start) < 10*time.Second {
			if _, err := os.Stat(filepath.Join(dir, "server.json")); err == nil {
				return time.Since(start), nil
			}
			time.Sleep(200 * time.Microsecond)
		}
		return 0, fmt.Errorf("serve isn't ready after 10 s")
	})
}

func prompt() (time.Duration, error) {
	return withDir(func(dir string) (time.Duration, error) {
		start := time.Now()
		out, err := exec.Command(*program, "run", "--exit", "--json", "--model", "blueprint", "--data-dir", dir,
			"a reading list with title, author, pages, a finished flag and a rating from 1 to 5").Output()
		took := time.Since(start)
		if err != nil {
			return 0, fmt.Errorf("run: %w", err)
		}
		if !json.Valid(out[lastLine(out):]) {
			return 0, fmt.Errorf("run printed no result")
		}
		return took, nil
	})
}

// lastLine is where the last line begins.
func lastLine(b []byte) int {
	for i := len(b) - 2; i >= 0; i-- {
		if b[i] == '\n' {
			return i + 1
		}
	}
	return 0
}
