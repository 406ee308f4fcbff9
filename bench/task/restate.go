package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// restate is the peer: a program and a module of its own, whose libraries are none of this
// project's. It runs until its input ends.
type restate struct {
	cmd   *exec.Cmd
	stdin io.Closer
	url   string
	http  *http.Client
}

func newRestate(ctx context.Context, dir string) (*restate, error) {
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
	cmd := exec.CommandContext(ctx, bin, "-server", strings.TrimSpace(string(path)))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &restate{cmd: cmd, stdin: stdin, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}}}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = r.close()
		return nil, fmt.Errorf("it didn't start: %w", err)
	}
	r.url = strings.TrimSpace(url)
	return r, nil
}

// one invokes the handler and waits for its end.
func (r *restate) one(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader([]byte("1")))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := r.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return err
}

func (r *restate) close() error {
	_ = r.stdin.Close() // what asks it to end
	return r.cmd.Wait()
}
