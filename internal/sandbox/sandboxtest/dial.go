package sandboxtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest/finding"
)

func dialTests() tests {
	return tests{
		"dial reaches a server in the box":    dialEcho,
		"many dial at once":                   dialMany,
		"a port that nobody has is an error":  dialRefused,
		"an address outside isn't reached":    dialOutside,
		"dial reaches both kinds of loopback": dialSix,
		"kill closes connections":             dialKilled,
		"dial doesn't reach the host":         dialHost,
		"half of a connection can be closed":  dialHalf,
		"dial ends with the caller's context": dialCanceled,
	}
}

// server starts the echo server in the box and returns its address there.
func server(t *testing.T, box sandbox.Box, listen string) string {
	t.Helper()
	return announced(t, box, program("serve", listen))
}

// announced starts a program that goes on, and returns the Got of the first
// finding that it prints.
func announced(t *testing.T, box sandbox.Box, c sandbox.Command) string {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = r.Close() }) // a pipe in memory
	c.Stdout = w
	ended := background(t, box, c)
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(r).ReadString('\n')
		first <- line
		_, _ = io.Copy(io.Discard, r) // the program may go on talking
	}()
	select {
	case line := <-first:
		all, err := finding.Parse([]byte(line))
		if err != nil || len(all) != 1 || !all[0].Done {
			t.Fatalf("%q: %v %v", c.Argv, all, err)
		}
		return all[0].Got
	case o := <-ended:
		t.Fatalf("%q ended: %+v\nstderr: %s", c.Argv, o.Exit, o.err)
	case <-time.After(soon):
		t.Fatalf("%q says nothing", c.Argv)
	}
	return ""
}

func echo(ctx context.Context, box sandbox.Box, address, text string) error {
	c, err := box.Dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(soon)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != text {
		return fmt.Errorf("sent %q, got %q", text, got)
	}
	return nil
}

func dialEcho(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: -1}})
	if err := echo(t.Context(), box, server(t, box, "127.0.0.1:0"), "hello"); err != nil {
		t.Error(err)
	}
}

func dialMany(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: -1, CPU: 2, OpenFiles: 1000}}) // the server closes when it gets to it
	address := server(t, box, "127.0.0.1:8000")
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			for j := range 5 {
				if err := echo(t.Context(), box, address, strings.Repeat(fmt.Sprint(i, j), 1000)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func dialRefused(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	start := time.Now()
	for _, address := range []string{"127.0.0.1:9", "127.0.0.1", "", "127.0.0.1:99999", "nonsense:1"} {
		wantNoConn(t, box, "tcp", address)
	}
	wantNoConn(t, box, "nonsense", "127.0.0.1:9")
	if d := time.Since(start); d > soon {
		t.Errorf("it took %v", d)
	}
}

func wantNoConn(t *testing.T, box sandbox.Box, network, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	c, err := box.Dial(ctx, network, address)
	if err == nil {
		_ = c.Close() // it shouldn't be there
		t.Errorf("dial %s %q: connected to %v", network, address, c.RemoteAddr())
	}
}

func dialOutside(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	for _, address := range []string{"169.254.169.254:80", "198.51.100.1:53", "[2001:db8::1]:53"} {
		wantNoConn(t, box, "tcp", address)
	}
}

func dialSix(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: -1}})
	if err := echo(t.Context(), box, server(t, box, "[::1]:0"), "six"); err != nil {
		t.Error(err)
	}
}

// dialHost has a server on the host's loopback that a dial into the box, with
// the same address, mustn't find.
func dialHost(t *testing.T, g rig) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	wantNoConn(t, g.box(t, sandbox.Spec{}), "tcp", l.Addr().String())
}

func dialKilled(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: -1}})
	c, err := box.Dial(t.Context(), "tcp", server(t, box, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantKilled(t, box)
	if err := c.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("the connection goes on: %d bytes", n)
	} else if ne, isNet := err.(net.Error); isNet && ne.Timeout() {
		t.Error("the connection hangs")
	}
}

func dialHalf(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: -1}})
	c, err := box.Dial(t.Context(), "tcp", server(t, box, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	half, able := c.(interface{ CloseWrite() error })
	if !able {
		t.Fatalf("a %T can't close one half", c)
	}
	if _, err := io.WriteString(c, "last words"); err != nil {
		t.Fatal(err)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || string(b) != "last words" {
		t.Errorf("%q, %v", b, err)
	}
}

func dialCanceled(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: -1}})
	address := server(t, box, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := box.Dial(ctx, "tcp", address); err == nil {
		_ = c.Close() // it shouldn't be there
		t.Error("connected")
	}
	if err := echo(t.Context(), box, address, "afterwards"); err != nil {
		t.Error(err)
	}
}
