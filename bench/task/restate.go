package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// restate runs the peer, which is a program and a module of its own: its libraries are
// none of this project's.
func restate(ctx context.Context, dir string, n int) (*figures, error) {
	fetch := exec.CommandContext(ctx, "scripts/restate")
	fetch.Stderr = os.Stderr
	path, err := fetch.Output()
	if err != nil {
		return nil, fmt.Errorf("scripts/restate: %w", err)
	}
	bin := filepath.Join(dir, "restate")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, ".")
	build.Dir, build.Stderr = "bench/task/restate", os.Stderr
	if err := build.Run(); err != nil {
		return nil, err
	}
	run := exec.CommandContext(ctx, bin, "-server", strings.TrimSpace(string(path)), "-n", strconv.Itoa(n), "-in-flight", strconv.Itoa(inFlight))
	run.Stderr = os.Stderr
	out, err := run.Output()
	if err != nil {
		return nil, err
	}
	var got struct {
		Alone     float64 `json:"alone_seconds"`
		PerSecond float64 `json:"per_second"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return nil, err
	}
	return &figures{name: "Restate", alone: time.Duration(got.Alone * float64(time.Second)), perSec: got.PerSecond}, nil
}
