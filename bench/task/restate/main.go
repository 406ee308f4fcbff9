// Command restate offers three durable steps of no work on Restate. It starts the server
// that it is given, on loopback, with its data in a temporary folder, prints the URL that
// runs the steps and runs until its input ends. bench/task runs it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

func main() {
	path := flag.String("server", "restate-server", "the server's program")
	flag.Parse()
	if err := run(context.Background(), *path); err != nil {
		fmt.Fprintln(os.Stderr, "restate:", err)
		os.Exit(1)
	}
}

// threeSteps is the handler: each step's result is stored before the next begins.
func threeSteps(ctx restate.Context, in int) (int, error) {
	for range 3 {
		_, err := restate.Run(ctx, func(restate.RunContext) (int, error) { return 1, nil })
		if err != nil {
			return 0, err
		}
	}
	return in, nil
}

func run(ctx context.Context, path string) error {
	dir, err := os.MkdirTemp("", "isekai-bench-restate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	service, ingress, admin, node := ports[0], ports[1], ports[2], ports[3]
	quiet := slog.NewTextHandler(io.Discard, nil)
	bench := restate.NewService("Bench").Handler("Run", restate.NewServiceHandler(threeSteps))
	go func() { _ = server.NewRestate().WithLogger(quiet, true).Bind(bench).Start(ctx, service) }()

	c := exec.CommandContext(ctx, path, "--no-logo")
	c.Dir = dir
	c.Env = append(os.Environ(), "RESTATE_BASE_DIR="+dir, "RESTATE_LISTEN_MODE=tcp", "RESTATE_BIND_ADDRESS="+node, "RESTATE_ADVERTISED_ADDRESS=http://"+node,
		"RESTATE_INGRESS__BIND_ADDRESS="+ingress, "RESTATE_ADMIN__BIND_ADDRESS="+admin, "RESTATE_LOG_FILTER=error", "DO_NOT_TRACK=1")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		return err
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	if err := register(ctx, admin, service); err != nil {
		return fmt.Errorf("%w\n%s", err, said.String())
	}
	fmt.Println("http://" + ingress + "/Bench/Run")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func freePorts(n int) (all []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all, nil
}

// register tells the server where the handler is, as soon as it listens.
func register(ctx context.Context, admin, service string) error {
	body, err := json.Marshal(map[string]any{"uri": "http://" + service})
	if err != nil {
		return err
	}
	last := errors.New("it doesn't answer")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+admin+"/deployments", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			last = err
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
		res.Body.Close()
		if res.StatusCode < 300 {
			return nil
		}
		last = fmt.Errorf("%s: %s", res.Status, text)
	}
	return last
}
