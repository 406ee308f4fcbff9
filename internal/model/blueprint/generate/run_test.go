package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// write puts the app's files into a new folder and returns it.
func write(t *testing.T, a spec.App) string {
	t.Helper()
	files, err := Files(a)
	if err != nil {
		t.Fatalf("Files: %v", err)
	}
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// manifest reads how the app in the folder runs.
func manifest(t *testing.T, dir string) core.Manifest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, core.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	var m core.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// command prepares one of the app's own commands, without this process's environment.
func command(ctx context.Context, dir string, argv []string, env ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Dir = dir
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1"}, env...)
	return c
}

// server is an app that runs.
type server struct {
	t    *testing.T
	url  string
	stop func() // idempotent; returns when the process has ended
}

// start runs the app in dir on the data, and waits until it answers.
func start(t *testing.T, dir, data string) *server {
	t.Helper()
	port := freePort(t)
	ctx, cancel := context.WithCancel(context.Background())
	var log bytes.Buffer
	c := command(ctx, dir, manifest(t, dir).Start, fmt.Sprintf("PORT=%d", port), "DATA_DIR="+data)
	c.Stdout, c.Stderr = &log, &log
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	s := &server{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port), stop: func() { cancel(); <-ended }}
	t.Cleanup(s.stop)
	for {
		response, err := http.Get(s.url + "/healthz")
		if err == nil {
			_ = response.Body.Close()
			return s
		}
		select {
		case <-ended:
			t.Fatalf("the app ended: %s", log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// answer is what the app says.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// do sends a request with an optional JSON body and pairs of headers.
func (s *server) do(method, path string, body any, headers ...string) answer {
	s.t.Helper()
	var reader io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		reader, kind = strings.NewReader(b), "text/csv"
	default:
		text, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, s.url+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if reader != nil {
		request.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	if len(text) > 0 && strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &a.json); err != nil {
			s.t.Fatalf("%s %s: %v in %q", method, path, err, text)
		}
	}
	return a
}

// must is do that expects a status.
func (s *server) must(status int, method, path string, body any, headers ...string) answer {
	s.t.Helper()
	a := s.do(method, path, body, headers...)
	if a.status != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.text)
	}
	return a
}
