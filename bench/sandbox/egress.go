//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

// asClient is the first argument of this program as a client: of how many connections, to
// where, and through which proxy, if any.
const asClient = "client"

// here is a name whose address is loopback's.
type here struct{}

func (here) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// runEgress measures what it takes to connect to an echo server, and get a byte back: from a
// box by its proxy and the guard, and directly on the host. The two take turns.
func runEgress(ctx context.Context, n int) (err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go echo(l)
	port := l.Addr().(*net.TCPAddr).Port
	guard, err := egress.New(egress.Config{Allow: []string{l.Addr().String()}, Resolver: here{}})
	if err != nil {
		return err
	}
	defer guard.Close()
	dir, err := os.MkdirTemp("", "isekai-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	box, end, err := egressBox(ctx, dir, guard, port)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()

	const rounds = 5
	var direct, boxed []time.Duration
	to := net.JoinHostPort("echo.example", strconv.Itoa(port))
	for range rounds {
		more, err := exec.CommandContext(ctx, filepath.Join(dir, "tools", "client"), asClient, strconv.Itoa(n/rounds), l.Addr().String()).Output()
		if direct, err = times(direct, more, err); err != nil {
			return fmt.Errorf("directly: %w", err)
		}
		out := &buffer{}
		_, err = box.Exec(ctx, sandbox.Command{Argv: []string{"/tools/client", asClient, strconv.Itoa(n / rounds), to, sandbox.ProxyAddress}, Stdout: out, Stderr: os.Stderr})
		if boxed, err = times(boxed, out.b, err); err != nil {
			return fmt.Errorf("from a box: %w", err)
		}
	}
	fmt.Printf("connect, one byte there and back, close; uid %d, %d each in turn\n", os.Geteuid(), n/rounds*rounds)
	for _, w := range []way{{name: "direct", took: direct}, {name: "from a box", took: boxed}} {
		slices.Sort(w.took)
		fmt.Printf("%-12s median %6.0f us   p10 %6.0f us   p90 %6.0f us\n", w.name, 1e3*w.at(50), 1e3*w.at(10), 1e3*w.at(90))
	}
	return nil
}

// egressBox makes a box that reaches echo.example, with this program in /tools.
func egressBox(ctx context.Context, dir string, guard *egress.Guard, port int) (_ sandbox.Box, end func() error, err error) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return nil, nil, err
	}
	tools := filepath.Join(dir, "tools")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(tools, 0o755), os.WriteFile(filepath.Join(tools, "client"), self, 0o755)); err != nil {
		return nil, nil, err
	}
	d, err := ns.New(ns.Config{RunDir: filepath.Join(dir, "run"), Outlet: func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		return guard.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
	}})
	if err != nil {
		return nil, nil, err
	}
	to, err := sandbox.ParseDestination(net.JoinHostPort("echo.example", strconv.Itoa(port)))
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	box, err := d.Create(ctx, scope, sandbox.Spec{
		Egress: &sandbox.Egress{Allow: []sandbox.Destination{to}, Rate: 1 << 20},
		Mounts: []sandbox.Mount{{Host: tools, Target: "/tools"}}, Limits: sandbox.Limits{CPU: 2, Wall: -1},
	})
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return box, func() error { return errors.Join(box.Kill(ctx), d.Close()) }, nil
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}()
	}
}

type buffer struct{ b []byte }

func (b *buffer) Write(p []byte) (int, error) { b.b = append(b.b, p...); return len(p), nil }

// times appends what a client printed.
func times(all []time.Duration, printed []byte, err error) ([]time.Duration, error) {
	if err != nil {
		return nil, err
	}
	var more []time.Duration
	err = json.Unmarshal(printed, &more)
	return append(all, more...), err
}

// client connects n times, one after the other, and prints how long each took.
func client(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	to, proxy := args[1], ""
	if len(args) > 2 {
		proxy = args[2]
	}
	took := make([]time.Duration, 0, n)
	for range n + warmUp {
		begin := time.Now()
		if err := once(to, proxy); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	return json.NewEncoder(os.Stdout).Encode(took[warmUp:])
}

func once(to, proxy string) error {
	at := to
	if proxy != "" {
		at = proxy
	}
	c, err := net.Dial("tcp", at)
	if err != nil {
		return err
	}
	defer c.Close()
	if proxy != "" {
		if _, err := io.WriteString(c, "CONNECT "+to+" HTTP/1.1\r\nHost: "+to+"\r\n\r\n"); err != nil {
			return err
		}
		r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
		if err != nil || r.StatusCode != http.StatusOK {
			return fmt.Errorf("CONNECT: %v, %w", r, err)
		}
	}
	if _, err := c.Write([]byte{1}); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}
