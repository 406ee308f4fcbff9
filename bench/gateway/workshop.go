//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// workshop is what contenders are made in: a folder, the upstream, and every process that
// was begun. Only one goroutine uses it.
type workshop struct {
	dir      string
	self     string // this program
	isekai   string // the program to measure
	wrk      string
	upstream *contender
	begun    []*process
}

// openWorkshop starts the upstream. The caller closes it.
func openWorkshop(ctx context.Context, program string) (*workshop, error) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		return nil, fmt.Errorf("%w: scripts/setup installs it", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "isekai-bench-gateway-")
	if err != nil {
		return nil, err
	}
	shop := &workshop{dir: dir, self: self, isekai: program, wrk: wrk}
	shop.upstream, err = shop.start(nil, func(address string) []string { return []string{self, roleUpstream, address} })
	if err == nil {
		err = shop.upstream.ready(ctx)
	}
	if err != nil {
		_ = shop.close()
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return shop, nil
}

// close ends every process, the last first, and removes the folder.
func (w *workshop) close() error {
	for i := len(w.begun) - 1; i >= 0; i-- {
		w.begun[i].end()
	}
	return os.RemoveAll(w.dir)
}

// begin starts a program that close ends.
func (w *workshop) begin(env []string, argv ...string) (*process, error) {
	p, err := begin(w.dir, env, argv...)
	if err == nil {
		w.begun = append(w.begun, p)
	}
	return p, err
}

// start starts a contender that listens at the address that argv is given.
func (w *workshop) start(env []string, argv func(address string) []string) (*contender, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := w.begin(env, argv(address)...)
	if err != nil {
		return nil, err
	}
	return &contender{url: "http://" + address, process: p}, nil
}

// freeAddress is one of loopback that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// fetched runs a script that puts a peer where it finds it again, and returns the path
// that the script prints.
func fetched(ctx context.Context, script string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, 15*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, script)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", script, err)
	}
	return string(out[:max(0, len(out)-1)]), nil
}
