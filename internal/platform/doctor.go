package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

// Doctor implements cli.Instance. It changes nothing but a data directory that
// isn't there yet.
func (i instance) Doctor(ctx context.Context) []client.HealthCheck {
	checks, served := i.installationChecks(ctx)
	checks = append(checks, i.backupCheck(served), diskCheck(existing(i.cfg.DataDir)))
	checks = append(checks, i.cfg.Bus.reachable(ctx)...)
	checks = append(checks, i.cfg.certificateCheck(ctx, time.Now())...)
	checks = append(checks, i.cfg.Nodes.certificateCheck(time.Now())...)
	checks = append(checks, i.cfg.Public.domainCheck()...)
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
	checks = append(checks, i.cfg.coderChecks(ctx)...)
	return append(checks, i.modelChecks(ctx, served)...)
}

// modelChecks say which model tasks have where nobody names one and, where a server runs, which
// of the installation's providers it doesn't ask now.
func (i instance) modelChecks(ctx context.Context, served bool) []client.HealthCheck {
	m := newModels(ctx, i.cfg.Model, nil)
	usual := client.HealthCheck{Name: "model", OK: true, Detail: m.name()}
	if !m.configured {
		usual.Detail = "the built-in planner; isekai model add, OPENAI_API_KEY or an Ollama that runs give another"
	}
	if !served {
		return []client.HealthCheck{usual}
	}
	ctx, done := context.WithTimeout(ctx, healthTime)
	defer done()
	conn, err := remote(ctx, i.cfg.DataDir)
	if err != nil { // it was told with the data directory
		return []client.HealthCheck{usual}
	}
	defer conn.Close()
	if conn.Model != agent.Blueprint {
		usual.Detail = conn.Model
	}
	all, err := conn.Client.ModelProviders(ctx, true)
	if err != nil {
		return []client.HealthCheck{usual, check("providers", "", err)}
	}
	checks := []client.HealthCheck{usual}
	for _, p := range all {
		for _, s := range p.State {
			if s.State == gateway.StateOpen || s.State == gateway.StateLimited {
				checks = append(checks, client.HealthCheck{Name: "provider " + p.Name, Detail: s.Operation + ": " + s.State + ", " + s.Why,
					Hint: "isekai model show " + p.Name + " --installation, and test " + p.Name + " --installation, say more"})
			}
		}
	}
	if len(all) > 0 && len(checks) == 1 {
		checks = append(checks, client.HealthCheck{Name: "providers", OK: true, Detail: fmt.Sprintf("%d of models; none is left alone for now", len(all))})
	}
	return checks
}

// installationChecks ask the server that holds the data directory, or look at what it
// would open. served says that one runs.
func (i instance) installationChecks(ctx context.Context) (checks []client.HealthCheck, served bool) {
	const name = "data directory"
	ctx, done := context.WithTimeout(ctx, healthTime)
	defer done()
	dir, err := OpenDataDir(i.cfg.DataDir)
	if err == nil {
		checks = i.storeChecks(ctx)
		return append([]client.HealthCheck{check(name, i.cfg.DataDir+", not in use", dir.Close())}, checks...), false
	}
	if !Busy(err) {
		return []client.HealthCheck{check(name, "", err)}, false
	}
	conn, err := remote(ctx, i.cfg.DataDir)
	if err != nil {
		return []client.HealthCheck{check(name, "", err)}, false
	}
	checks = []client.HealthCheck{check(name, i.cfg.DataDir+", served at "+conn.URL, conn.Close())}
	h, err := conn.Client.Health(ctx)
	if err != nil {
		return append(checks, check("server", "", err)), true
	}
	for _, c := range h.Checks {
		if c.Name == "store" || c.Name == "keys" || c.Name == "outbox" || c.Name == "nodes" || c.Name == "memory" { // the others are looked at here, too
			checks = append(checks, c)
		}
	}
	return checks, true
}

// storeChecks open the store as it is, and keys in it. An older schema stays one.
func (i instance) storeChecks(ctx context.Context) []client.HealthCheck {
	one := func(detail string, err error) []client.HealthCheck {
		return []client.HealthCheck{check("store", i.cfg.driver()+", "+detail, err)}
	}
	c := i.cfg
	if c.driver() == onPostgres {
		c.Store.MigrateURL = "" // so that nothing is set up
	} else {
		if !exists(c.sqlite().Path) {
			return one("made at the first start", nil)
		}
		if current, newest, err := c.versions(ctx); err != nil || current < newest { // which to open would migrate
			return one(fmt.Sprintf("schema version %d of %d", current, newest), err)
		}
	}
	st, err := c.openDriver(ctx)
	if err != nil {
		return one("", err)
	}
	defer st.Close() // nothing was written
	checks := one("opens", nil)
	if path := c.masterFile(); path != "" && !exists(path) {
		if orgs, err := st.KeysetOrgs(ctx); err == nil && len(orgs) == 0 && c.Keys.named() == 0 {
			return append(checks, check("keys", "made at the first start", nil))
		}
	}
	v, err := c.openVault(ctx, st, slog.New(slog.DiscardHandler))
	checks = append(checks, check("keys", "the master key opens them", err))
	if err != nil {
		return checks
	}
	return append(checks, c.memoryCheck(ctx, st, v))
}

// reachable says which brokers can't be connected to; nothing without brokers.
func (b Bus) reachable(ctx context.Context) []client.HealthCheck {
	if b.Brokers == "" {
		return nil
	}
	var errs []error
	for _, address := range b.addresses() {
		conn, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, "tcp", address)
		if err == nil {
			err = conn.Close()
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return []client.HealthCheck{check("bus", "", core.E(core.Unavailable, "bus", "a broker can't be reached").
			WithHint("see that the brokers run, and that bus.brokers names them").Because(err))}
	}
	return []client.HealthCheck{check("bus", b.Brokers+", reachable", nil)}
}

// backupCheck says how old the newest backup is. Only a server that runs makes them by
// itself.
func (i instance) backupCheck(served bool) client.HealthCheck {
	const name, late = "backup", 2
	all, err := backup.New(backup.Config{Dir: i.cfg.backupDir()}).List()
	if err != nil {
		return check(name, "", err)
	}
	if len(all) == 0 {
		return check(name, "there is none yet in "+i.cfg.backupDir(), nil)
	}
	old := time.Since(all[0].At).Round(time.Second)
	if every := i.cfg.Backup.Every; served && every > 0 && old > late*every {
		return client.HealthCheck{Name: name, Detail: fmt.Sprintf("the newest is %s old, and one is due every %s", old, every),
			Hint: "isekai backup makes one, or says why it can't; so does the server's log"}
	}
	return check(name, fmt.Sprintf("the newest is %s old", old), nil)
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
