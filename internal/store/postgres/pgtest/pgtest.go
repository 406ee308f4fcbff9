// Package pgtest runs a real PostgreSQL for tests and benchmarks: a private cluster in a
// temporary directory, of an ordinary user, gone at the end. It is no part of the
// product, and knows of the driver only how to set a database up.
//
// A test package starts one cluster for all its tests in TestMain, and each test takes
// databases of its own from it:
//
//	var cluster *pgtest.Cluster
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, &cluster)) }
//
// Beside is for packages of which not all tests take it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Config says what cluster to make.
type Config struct {
	// Fast turns syncing off, and keeps the cluster in memory where there is room: it
	// survives a kill of PostgreSQL, not of the machine.
	Fast bool
	// Settings are lines of postgresql.conf.
	Settings []string
}

// Cluster is a running PostgreSQL. Its methods are safe for concurrent use, but for
// Kill, Restart and Stop.
type Cluster struct {
	dir  string // of everything; data in data, the socket in the folder itself
	bin  string
	port int

	done chan struct{} // closed when the postmaster has ended
	post *os.Process

	template func() error
	mu       sync.Mutex
	count    int // of databases
}

// Start starts a cluster for one test, which ends with it.
func Start(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

// New makes a cluster and starts it. Stop ends it.
func New(cfg Config) (*Cluster, error) {
	bin, err := Programs()
	if err != nil {
		return nil, err
	}
	place := ""
	if cfg.Fast {
		place = memory()
	}
	dir, err := os.MkdirTemp(place, "pgtest")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, bin: bin}
	c.template = sync.OnceValue(c.makeTemplate)
	if err := errors.Join(own(dir), c.init(cfg)); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := c.start(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return c, nil
}

// Programs returns the folder of PostgreSQL's programs.
func Programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian
	if len(found) == 0 {
		return "", errors.New("PostgreSQL isn't here: install the package postgresql (scripts/setup does)")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// init makes the data directory.
func (c *Cluster) init(cfg Config) error {
	data := filepath.Join(c.dir, "data")
	cmd := exec.Command(filepath.Join(c.bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd.Dir = c.dir
	unprivileged(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Whoever gets to the socket is let in, and on loopback who knows the password.
	access := "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	settings := append([]string{
		"listen_addresses = '127.0.0.1'", "unix_socket_directories = '" + c.dir + "'", "max_connections = 400",
		"shared_buffers = 128MB", "log_min_messages = fatal", "log_checkpoints = off",
	}, cfg.Settings...)
	if cfg.Fast {
		settings = append(settings, "fsync = off", "full_page_writes = off", "wal_level = minimal", "max_wal_senders = 0")
	}
	return errors.Join(
		os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(access), 0o600),
		appendTo(filepath.Join(data, "postgresql.conf"), strings.Join(settings, "\n")+"\n"),
	)
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// start starts the postmaster and waits until it lets somebody in.
func (c *Cluster) start() error {
	if c.port == 0 {
		port, err := freePort()
		if err != nil {
			return err
		}
		c.port = port
	}
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(filepath.Join(c.bin, "postgres"), "-D", filepath.Join(c.dir, "data"), "-p", strconv.Itoa(c.port))
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, log, log
	if c.post, c.done, err = launch(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.URL("postgres", "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.done:
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
			continue
		}
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("PostgreSQL doesn't start: %w\n%s", err, text)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Dir is the folder of the cluster; its data directory is data in it.
func (c *Cluster) Dir() string { return c.dir }

// Bin returns the path of one of PostgreSQL's programs.
func (c *Cluster) Bin(program string) string { return filepath.Join(c.bin, program) }

// Port is the one on 127.0.0.1.
func (c *Cluster) Port() int { return c.port }

// URL leads a role to a database over the socket, without a password.
func (c *Cluster) URL(role, database string) string {
	q := url.Values{"host": {c.dir}, "port": {strconv.Itoa(c.port)}}
	return (&url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: q.Encode()}).String()
}

// TCP leads a role to a database over loopback, with a password.
func (c *Cluster) TCP(role, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: fmt.Sprintf("127.0.0.1:%d", c.port), Path: "/" + database}
	return u.String()
}
