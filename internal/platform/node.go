package platform

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	callmeter "github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/relay"
	"github.com/isekai-run/isekai/internal/repo"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
	remoteskill "github.com/isekai-run/isekai/internal/tool/remote"
	"github.com/isekai-run/isekai/internal/tool/web"
	"github.com/isekai-run/isekai/internal/vault"
	"github.com/isekai-run/isekai/internal/vault/credential"
	"github.com/isekai-run/isekai/internal/watch"
)

// node is one process of an installation: the parts, wired.
type node struct {
	cfg   Config
	mode  cli.Mode
	log   *slog.Logger
	dir   *DataDir
	token string
	url   string
	name  string // by which people know it: that of the machine, unless nodes need one of their own

	driver  store.Store // as it is, with everything sealed
	vault   *vault.Vault
	store   store.Store // as modules see it
	blobs   blob.Store
	files   blob.Sizer // the blobs as they are stored
	backups *backup.Backups
	bus     bus.Bus
	hub     *notify.Hub
	views   []*store.Projector
	letters *deadletter.Service

	keysOpen    lately
	memoryWhole lately
	sandbox     sandbox.Driver
	models      models
	tools       *tool.Registry
	apps        *app.Service
	homes       app.Homes // nil: all apps are at home here
	peers       peers
	tasks       *agent.Service
	permissions *permission.Service
	repos       *repo.Service
	jobs        *remoteskill.Jobs // of services elsewhere
	relay       *relay.Relay
	worker      *agent.Worker
	audit       *auditlog.Log
	people      *identity.Service
	books       *ledger.Service
	outside     *egress.Guard // the way to what users and models aim
	secrets     *credential.Service
	fetcher     *web.Fetcher // of pages, politely
	watches     *watch.Service
	talks       *conversation.Service
	filter      *redact.Scanner // of what is logged
	catalog     *catalog.Catalog
	guard       *redact.Service
	skills      *skill.Service
	meter       *callmeter.Meter
	gateway     *gateway.Gateway
	metrics     *metrics
	index       memory.Index // as it is, with everything sealed
	memory      *recall.Service
	embedder    *embedder // nil: no model of embeddings runs in this process
	mcp         *mcp.Service
	sources     []tool.Source // of tenants' own tools
	notices     *notify.Service
	// modelSecrets are what providers of models take for credentials.
	modelSecrets *catalog.Secrets
	// reachable are the hosts that projects let their sandboxes reach.
	reachable *hosts.Service

	setup string // the token with which the first user is made; "" when there is one
	// setupFile is where that token is kept for the owner of the data directory.
	setupFile string

	listener net.Listener // nil in cli.Direct mode
	owner    net.Listener // on loopback, for who can read the data directory; listener itself unless that is public
	local    *pipes
	server   *http.Server
	stages   stages
	failed   chan error
}

// open wires a node and starts it as far as mode says. It owns dir from here on.
func (i instance) open(ctx context.Context, dir *DataDir, mode cli.Mode) (_ *node, err error) {
	n := &node{cfg: i.cfg, mode: mode, dir: dir, token: newToken(), local: newPipes(), failed: make(chan error, 1)}
	n.stages.add("data directory", func(context.Context) error { return dir.Close() })
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.filter, err = i.cfg.filter(n.token); err != nil {
		return nil, err
	}
	n.log = newLogger(os.Stderr, i.cfg.Log, n.filter)
	n.metrics = newMetrics(n.log)
	if mode != cli.Serving { // a person at a terminal wants a task, and no word of its store's
		n.metrics.slow.level = slog.LevelInfo
	}
	openStorage := func(ctx context.Context) error { return n.openStorage(ctx, i.wrap) }
	for _, step := range []func(context.Context) error{
		n.openListener, n.listenToNodes, openStorage, n.openSandbox, n.openAccounts, n.openGuard, n.openNodes, n.openModules, n.catchUp, n.startBackground, n.startNodes, n.startServer,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// newLogger returns the log of a process, in which no secret is shown that the filter knows.
func newLogger(w io.Writer, c Log, filter *redact.Scanner) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // checked with the configuration
	o := &slog.HandlerOptions{Level: level}
	var to slog.Handler = slog.NewTextHandler(w, o)
	if c.Format == "json" {
		to = slog.NewJSONHandler(w, o)
	}
	return slog.New(filter.Handler(to))
}

// openListener comes first: a port in use is found before anything is touched.
func (n *node) openListener(context.Context) (err error) {
	switch n.mode {
	case cli.Direct:
		return nil
	case cli.Serving:
		n.listener, err = n.open(n.cfg.Listen)
	default:
		n.listener, err = n.open("127.0.0.1:0")
	}
	n.owner = n.listener
	if err == nil && n.cfg.Public.URL != "" && n.mode == cli.Serving {
		n.owner, err = n.open("127.0.0.1:0")
	}
	if err == nil {
		n.url = "http://" + n.owner.Addr().String()
	}
	return err
}

// open opens an address until the listeners' stage of the stop.
func (n *node) open(address string) (net.Listener, error) {
	l, err := listen(address)
	if err == nil {
		n.stages.add("listener", func(context.Context) error { return ignoreClosed(l.Close()) })
	}
	return l, err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// openModules wires the modules; none of them runs yet.
func (n *node) openModules(ctx context.Context) (err error) {
	_, wakeWatchers := wakes(n.driver)
	n.hub = notify.New(notify.Config{Events: n.driver, Wake: wakeWatchers})
	n.apps = app.New(struct {
		store.Events
		store.Views
		store.Terms
	}{n.store, n.store, n.store}, n.blobs, n.sandbox, app.Config{
		Dir: n.dir.Join("apps"), URL: n.previewURL, Logger: n.log, Homes: n.homes, Nodes: n.peers.nodes(),
	})
	n.stages.add("previews", n.apps.Shutdown)
	folder := func(path string) (string, error) { return realFolder(n.dir.Path, path) }
	if err := n.openSkills(); err != nil {
		return err
	}
	n.tasks = &agent.Service{Events: n.store, IDs: core.NewID, Folder: folder, Charge: n.cfg.Credits.Charge}
	n.openConversations()
	if err := n.openMemory(ctx); err != nil {
		return err
	}
	n.permissions = permission.New(n.store, nil)
	development, err := n.developmentTools()
	if err != nil {
		return err
	}
	coders, err := n.coderTools(ctx)
	if err != nil {
		return err
	}
	if n.tools, err = newTools(n.metrics.tools, n.sandbox, n.apps, n.skills, n.guard, slices.Concat(n.moreTools(), development, coders)...); err != nil {
		return err
	}
	if err = n.openMCP(ctx); err != nil {
		return err
	}
	n.models = newModels(ctx, n.cfg.Model, newPlanner())
	if err := n.openCatalog(); err != nil {
		return err
	}
	if err := n.openGateway(ctx); err != nil {
		return err
	}
	if err := n.openNotify(ctx); err != nil {
		return err
	}
	if err := n.openBus(ctx); err != nil {
		return err
	}
	wakeWorkers, _ := wakes(n.driver)
	n.worker = agent.NewWorker(agent.WorkerConfig{
		Name: core.NewID("wrk"), Events: n.store, Work: n.store, Blobs: n.blobs, Tools: n.tools, Models: n.modelOf,
		Changed: n.hub.Watch, Wake: wakeWorkers, Dir: n.dir.Join("workspaces"),
		Concurrency: n.cfg.Worker.Concurrency, Grace: n.cfg.Worker.Grace, Lease: lease, Permissions: n.permissions, Sources: n.sources, Skills: n.skills, Turns: turns{n}, AppFiles: n.appFiles, Prices: prices{n.books, n.catalog}, Logger: n.log,
	})
	return nil
}

// lease is how long a worker that says nothing keeps a task: with the look for work
// that follows it, less than the 10 s in which a lost worker's task has to go on.
const lease = 6 * time.Second

// catchUp brings the views up to date and removes what a killed process left.
func (n *node) catchUp(ctx context.Context) error {
	if n.mode != cli.Direct {
		if _, err := n.sandbox.Sweep(ctx); err != nil {
			n.log.Warn("sweep sandboxes", "err", err)
		}
		if err := n.apps.Sweep(ctx); err != nil {
			n.log.Warn("sweep apps", "err", err)
		}
	}
	// The relay tries again. An event that can't be applied must not keep everything
	// else from working.
	if err := n.relay.Drain(ctx); err != nil && ctx.Err() == nil {
		n.log.Error("the lists are behind", "err", err)
	}
	return n.apps.Restore(ctx)
}

// startBackground starts the relay and, where this process works on tasks, the
// worker. They stop in the reverse order: the relay carries what the worker
// appended last.
func (n *node) startBackground(context.Context) error {
	n.background("watchers", n.hub.Run)
	n.background("audit log", n.audit.Run)
	n.background("bus", n.bus.Run)
	n.background("relay", n.relay.Run)
	if n.mode != cli.Direct {
		n.background("sessions with MCP servers", n.mcp.Run)
		n.background("shredded orgs", n.watchGone)
		n.background("expired records", n.sweepRecords)
		n.background("uses of keys", n.people.Run)
		n.background("first user", n.watchSetup)
		n.background("budgets", n.watchBudgets)
		n.background("calls", n.meter.Run)
		n.background("memory", n.memory.Run)
		n.background("worker", n.worker.Run)
	}
	if n.mode == cli.Serving {
		n.background("credentials", n.secrets.Run)
		n.background("watches", n.watches.Run)
	}
	if n.mode == cli.Serving {
		n.background("meter", n.newMeter().run)
	}
	n.sendNotices()
	if every := n.cfg.Backup.Every; every > 0 && n.mode == cli.Serving {
		n.background("backup", func(ctx context.Context) error {
			return n.backups.Schedule(ctx, every, n.driver, core.NewID("nod"), n.log)
		})
	}
	return nil
}

// background runs f until its stage of the stop.
func (n *node) background(name string, f func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := f(ctx)
		if err != nil && ctx.Err() == nil {
			n.fail(name, err)
		}
		done <- err
	}()
	n.stages.add(name, func(limit context.Context) error {
		stop()
		select {
		case err := <-done:
			if core.CodeOf(err) == core.Canceled {
				err = nil
			}
			return err
		case <-limit.Done():
			return core.E(core.Unavailable, "stop", name+" didn't stop in time")
		}
	})
}

func (n *node) fail(name string, err error) {
	n.log.Error("can't go on", "part", name, "err", err)
	select {
	case n.failed <- err:
	default: // the first failure is told
	}
}

// startServer serves the API to this process, and with the previews on the
// listener, and announces it.
func (n *node) startServer(context.Context) error {
	stopping, stop := context.WithCancel(context.Background())
	api, err := httpapi.New(httpapi.Config{
		Version: BuildVersion, Tasks: n.tasks, Permissions: n.permissions, Repositories: n.repos, Apps: n.apps, Events: n.store, Views: n.store, Blobs: n.blobs,
		Projectors: n.views, Backups: n.backups, Keys: keys{n}, DeadLetters: n.letters,
		Authenticate: n.authenticate, Model: n.resolveModel, Gateway: n.gateway, Watch: n.hub.Watch, Feed: n.feed(), Health: n.health,
		Metrics: n.metrics.handler(), Requests: n.metrics.requests.of, Diagnostics: n.diagnostics, Callbacks: n.jobs, Records: n.store, Previews: n.listener != nil, Stopping: stopping, Logger: n.log,
		Origins: commas(n.cfg.Public.Origins), TLSOnly: n.cfg.Public.URL != "", Quotas: n.quotas(), Rates: n.cfg.Rates.rates(), Accounts: n.accounts(),
		Console: n.console(),
	})
	if err != nil {
		stop()
		return err
	}
	public, err := n.front()
	if err != nil {
		stop()
		return err
	}
	if domain := n.cfg.Public.shared(); domain != "" {
		n.log.Warn("public.previews and public.url are one site to browsers: an app can keep its visitors from public.url", "domain", domain, "hint", sharedHint)
	}
	running, end := context.WithCancel(context.Background())
	handler, err := n.handler(api)
	if err != nil {
		stop()
		end()
		return err
	}
	n.server = &http.Server{
		Handler:           handler,
		BaseContext:       n.mark(running),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	serve := func(l net.Listener) {
		if err := n.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.fail("server", err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { serve(n.local) })
	if public != nil {
		wg.Go(func() { serve(public) })
	}
	if n.owner != n.listener {
		wg.Go(func() { serve(n.owner) })
	}
	n.stages.add("server", func(limit context.Context) error {
		stop()
		limit, done := context.WithTimeout(limit, n.cfg.Worker.Grace)
		defer done()
		err := n.server.Shutdown(limit)
		if end(); err != nil { // who is still answered may be told that it ends
			last, done := context.WithTimeout(context.WithoutCancel(limit), lastWord)
			defer done()
			err = n.server.Shutdown(last)
		}
		if err != nil { // a reader that doesn't go: its connection is cut
			err = n.server.Close()
		}
		wg.Wait()
		return err
	})
	if n.listener == nil {
		return nil
	}
	return n.dir.Announce(n.url, n.token)
}

// lastWord is how long requests that the stop ends may take to say so, and to settle what they cost.
const lastWord = 2 * time.Second

// quotas limit requests where others than the owner of this process come.
func (n *node) quotas() store.Quotas {
	if n.mode != cli.Serving {
		return nil
	}
	return n.driver
}

// close stops the node in stages.
func (n *node) close() error { return n.stages.run() }

// stages are what has to happen at a stop, in the reverse order of the start.
type stages struct {
	once sync.Once
	list []stage
	err  error
}

type stage struct {
	name string
	stop func(context.Context) error
}

const stageTime = 20 * time.Second

func (s *stages) add(name string, stop func(context.Context) error) {
	s.list = append(s.list, stage{name, stop})
}

// run stops everything once; a stage that fails doesn't keep the next from
// stopping.
func (s *stages) run() error {
	s.once.Do(func() {
		for i := len(s.list) - 1; i >= 0; i-- {
			ctx, done := context.WithTimeout(context.Background(), stageTime)
			s.err = errors.Join(s.err, s.list[i].stop(ctx))
			done()
		}
	})
	return s.err
}
