// Command restate measures three durable steps of no work on Restate: one after the
// other and so many at a time. It starts the server that it is given, on loopback, with
// its data in a temporary folder, and prints what it measured as JSON. bench/task runs it.
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
	"slices"
	"sync"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

func main() {
	path := flag.String("server", "restate-server", "the server's program")
	n := flag.Int("n", 1000, "invocations with several in flight; a tenth of that alone")
	atOnce := flag.Int("in-flight", 50, "invocations at once")
	flag.Parse()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	defer stop()
	if err := run(ctx, *path, *n, *atOnce); err != nil {
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

func run(ctx context.Context, path string, n, atOnce int) error {
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
	r := runner{url: "http://" + ingress + "/Bench/Run", http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}}
	return r.measure(ctx, n, atOnce)
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

type runner struct {
	url  string
	http *http.Client
}

// one invokes the handler and waits for its end.
func (r runner) one(ctx context.Context) error {
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

func (r runner) measure(ctx context.Context, n, atOnce int) error {
	if _, err := r.many(ctx, 2*atOnce, atOnce); err != nil { // not counted
		return err
	}
	var took []time.Duration
	for range max(n/10, 20) {
		begin := time.Now()
		if err := r.one(ctx); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	d, err := r.many(ctx, n, atOnce)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"alone_seconds": took[len(took)/2].Seconds(), "per_second": float64(n) / d.Seconds(),
	})
}

func (r runner) many(ctx context.Context, n, atOnce int) (time.Duration, error) {
	begin := time.Now()
	todo := make(chan struct{}, n)
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	errs := make(chan error, atOnce)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for range todo {
				if err := r.one(ctx); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return time.Since(begin), <-errs
}
