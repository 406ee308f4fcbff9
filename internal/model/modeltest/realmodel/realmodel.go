// Package realmodel serves real models for tests: a small one that chats, calls tools and keeps to a JSON
// schema, and one for embeddings, on loopback, by the API of OpenAI. `make real-model` fetches what it
// runs; ADR 17 says what that is, and what to expect of it.
//
// A test binary should start one and share it: it answers one question at a time. The same question has the
// same answer, on one kind of processor. The product never imports it.
package realmodel

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	//go:embed serve.py
	program string
	//go:embed chat.jinja
	template string
	//go:embed requirements.txt
	requirements []byte
)

const (
	patience = 2 * time.Minute  // for models to load on a machine that has much else to do
	grace    = 10 * time.Second // to end
)

// Server is a process with both models. Its fields don't change.
type Server struct {
	ChatURL    string `json:"chat_url"` // a base URL: .../v1
	ChatModel  string `json:"chat_model"`
	EmbedURL   string `json:"embed_url"` // a base URL: .../v1
	EmbedModel string `json:"embed_model"`

	process *exec.Cmd
	life    io.Closer     // its standard input; it ends with that, and so with this process, even one that is killed
	ended   chan struct{} // closed when process has
}

// Start serves models for the rest of a test. A short test is skipped; without what `make real-model`
// fetches, the test fails.
func Start(t testing.TB) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a real model")
	}
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// New serves models and returns when they answer. Close it.
func New() (*Server, error) {
	python, err := interpreter()
	if err != nil {
		return nil, err
	}
	s := &Server{process: exec.Command(python, "-c", program, template), ended: make(chan struct{})}
	s.process.Env = append(os.Environ(), "OMP_NUM_THREADS=1")
	var said bytes.Buffer // written by the process until it has ended
	s.process.Stderr = &said
	if s.life, err = s.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	s.process.Stdout = in
	err = s.process.Start()
	_ = in.Close() // the process has its own
	if err != nil {
		return nil, err
	}
	go func() { defer close(s.ended); _ = s.process.Wait() }()
	if err := s.ready(out); err != nil {
		s.Close()
		return nil, fmt.Errorf("the real model doesn't come up: %w\n%s", err, said.Bytes()[max(0, said.Len()-4000):])
	}
	return s, nil
}

// ready reads where the models are, which is said once they answer.
func (s *Server) ready(out *os.File) error {
	if err := out.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, s)
}

// interpreter returns the Python of the folder that scripts/real-model has made, which is named for what is in it.
func interpreter() (string, error) {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(home, ".cache")
	}
	sum := sha256.Sum256(requirements)
	python := filepath.Join(cache, "isekai", "real-model-"+hex.EncodeToString(sum[:6]), "bin", "python3")
	if _, err := os.Stat(python); err != nil {
		return "", fmt.Errorf("no real model to test against: run `make real-model` (%w)", err)
	}
	return python, nil
}

// Close ends the process, also in the middle of an answer.
func (s *Server) Close() {
	_ = s.life.Close()
	select {
	case <-s.ended:
	case <-time.After(grace):
		_ = s.process.Process.Kill()
		<-s.ended
	}
}
