package platform

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

// minFree is how much room a data directory should have.
const minFree = 256 << 20

// health says how each dependency of a running node is.
func (n *node) health(ctx context.Context) client.Health {
	ctx, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	h := client.Health{Status: "ok", Version: BuildVersion, Model: n.models.name(), Notice: n.models.notice()}
	_, err := n.driver.Orgs(ctx)
	h.Checks = append(h.Checks, check("store", n.cfg.driver(), err), check("keys", "the master key opens them", n.keysOpen.check(ctx, n.vault.Check)), diskCheck(n.dir.Path))
	h.Checks = append(h.Checks, check("sandbox", "Linux namespaces", n.sandbox.Probe(ctx).Err()))
	_, err = appRuntime()
	h.Checks = append(h.Checks, check("runtime", "for generated apps", err))
	for _, c := range h.Checks {
		if !c.OK {
			h.Status = "degraded"
		}
	}
	return h
}

// lately remembers what a check found that others pay for: a key server, say.
type lately struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

const fresh = 30 * time.Second

// check asks f, unless it was asked lately.
func (l *lately) check(ctx context.Context, f func(context.Context) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > fresh {
		l.at, l.err = time.Now(), f(ctx)
	}
	return l.err
}

// check is the health of something that has an error or not.
func check(name, detail string, err error) client.HealthCheck {
	if err != nil {
		return client.HealthCheck{Name: name, Detail: err.Error(), Hint: core.HintOf(err)}
	}
	return client.HealthCheck{Name: name, OK: true, Detail: detail}
}

func diskCheck(path string) client.HealthCheck {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return check("disk", "", diskError("disk", path, err))
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < minFree {
		return client.HealthCheck{Name: "disk", Detail: "less than 256 MiB are free", Hint: "free some space, or move the data directory"}
	}
	return client.HealthCheck{Name: "disk", OK: true, Detail: "enough room"}
}

// Doctor implements cli.Instance. It changes nothing but a data directory that
// isn't there yet.
func (i instance) Doctor(ctx context.Context) []client.HealthCheck {
	checks := []client.HealthCheck{i.dataDirCheck(ctx), diskCheck(existing(i.cfg.DataDir))}
	checks = append(checks, sandboxChecks(ctx)...)
	for _, t := range ns.Toolchains(ctx) {
		c := client.HealthCheck{Name: t.Name, OK: t.Found(), Detail: t.Path + " " + t.Version}
		if !t.Found() {
			c.Detail = "not found"
			_, err := appRuntime()
			c.OK = err == nil // one of the runtimes is enough
			c.Hint = core.HintOf(err)
		}
		checks = append(checks, c)
	}
	m := newModels(ctx, i.cfg.Model, nil)
	detail := m.name()
	if m.configured == nil {
		detail = "the built-in planner; set OPENAI_API_KEY or start Ollama to use a model"
	}
	return append(checks, client.HealthCheck{Name: "model", OK: true, Detail: detail})
}

func (i instance) dataDirCheck(ctx context.Context) client.HealthCheck {
	dir, err := OpenDataDir(i.cfg.DataDir)
	if err == nil {
		return check("data directory", i.cfg.DataDir+", not in use", dir.Close())
	}
	if !Busy(err) {
		return check("data directory", "", err)
	}
	conn, err := remote(ctx, i.cfg.DataDir)
	if err != nil {
		return check("data directory", "", err)
	}
	return check("data directory", i.cfg.DataDir+", served at "+conn.URL, conn.Close())
}

// existing returns path, or the nearest folder above it that exists.
func existing(path string) string {
	for !exists(path) && path != "/" && path != "." {
		path = filepath.Dir(path)
	}
	return path
}

func sandboxChecks(ctx context.Context) []client.HealthCheck {
	dir, err := os.MkdirTemp("", "isekai-doctor-*")
	if err != nil {
		return []client.HealthCheck{check("sandbox", "", diskError("sandbox", os.TempDir(), err))}
	}
	var report sandbox.Report
	driver, err := ns.New(ns.Config{RunDir: dir})
	if err == nil {
		report = driver.Probe(ctx)
		err = driver.Close()
	}
	if err != nil {
		report = noSandbox{err}.Probe(ctx)
	}
	var out []client.HealthCheck
	for _, c := range report.Checks {
		out = append(out, client.HealthCheck{Name: c.Name, OK: c.OK, Detail: c.Detail, Hint: c.Hint})
	}
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		out = append(out, check("temporary files", "", diskError("sandbox", dir, err)))
	}
	return out
}
