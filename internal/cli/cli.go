// Package cli is the command line: one file per command.
//
// It is the first user of the HTTP API's Go client: every command that touches
// tasks and apps goes through it, whether a server runs or the data directory is
// opened within this process. It knows no driver and no module; what it needs of
// the platform is the interface below.
package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// Platform is what the commands need of the platform.
type Platform interface {
	// Load reads the configuration: path is a file or empty, overrides are flags.
	Load(path string, overrides map[string]any) (Instance, error)
	// Version says what was built.
	Version() Version
	// NewMasterKey makes a master key in a new file. It needs no configuration.
	NewMasterKey(path string) error
	// ReadPDF reads a PDF from in and writes its parts to out, as JSON, in a process that does
	// nothing else. It needs no configuration.
	ReadPDF(in io.Reader, out io.Writer) error
	// Embed makes embeddings of texts by the model in a folder. It needs no configuration.
	Embed(ctx context.Context, dir string, texts []string) (Embeddings, error)
	// IssueNode makes the certificate of a node. It needs no configuration.
	IssueNode(r NodeRequest) (IssuedNode, error)
	Auditor
	Skills
}

// Instance is a configured installation.
type Instance interface {
	// Config returns the effective configuration, secrets masked, for printing.
	Config() any
	// Connect reaches the server that holds the data directory. If none runs it
	// opens the data directory within this process, as far as mode says.
	Connect(ctx context.Context, mode Mode) (*Conn, error)
	// Doctor checks this host and this installation.
	Doctor(ctx context.Context) []client.HealthCheck
	// Sandbox runs one command in a sandbox.
	Sandbox(ctx context.Context, c SandboxCommand) (code int, err error)
	// Restore puts a backup back, the newest if id is empty: into an empty place, or
	// with verify into a scratch one. No server may run.
	Restore(ctx context.Context, id string, verify bool) (Restored, error)
	// RecoverKeys gives a store that was taken back to an earlier time the keys beside the
	// backups. No server may run on it.
	RecoverKeys(ctx context.Context) (RecoveredKeys, error)
	// Schema returns the version of the store's schema, and Migrate takes it to one.
	// No server may run. conflict: the version has no place for something that is there;
	// with drop that is dropped, as far as the rest could still be read.
	Schema(ctx context.Context) (Schema, error)
	Migrate(ctx context.Context, version int64, drop bool) (Schema, error)
	// Move carries the SQLite store of the data directory over to the configured one.
	// No server may run on either. progress is told how far an org is.
	Move(ctx context.Context, progress func(org core.OrgID, events int64)) (Moved, error)
}

// Mode says what this process has to do when no server runs.
type Mode int

// The modes.
const (
	Direct  Mode = iota // answer requests, nothing else
	Working             // also work on tasks and run apps, at a free port
	Serving             // the same at the configured address; a server that runs is a conflict
)

// SandboxCommand is a command for an operator to try in a sandbox.
type SandboxCommand struct {
	Argv   []string
	Dir    string   // host folder to mount at /workspace; may be empty
	Egress []string // hosts that it may reach, as in "api.example.com:443"
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Version says what was built.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// IO is the process's terminal or pipes.
type IO struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Home is the folder where sign-ins are kept; isekai in the user's configuration
	// folder if "".
	Home string
	// Clean takes secrets out of what is said of an error, which may quote what somebody
	// typed, or a URL with a password. nil: nothing is taken out.
	Clean func(string) string
}

// shell is what every command has at hand.
type shell struct {
	platform Platform
	io       IO
	in       *bufio.Reader // of io.In, when something is read of it
	json     bool
	config   string
	dataDir  string
	project  string
}

// Main runs the command line and returns the exit code. The first end of ctx is
// a wish to stop cleanly.
func Main(ctx context.Context, p Platform, stdio IO, args []string) int {
	sh := &shell{platform: p, io: stdio, json: wantsJSON(args)}
	root := sh.root()
	root.SetArgs(args)
	root.SetIn(stdio.In)
	root.SetOut(stdio.Out)
	root.SetErr(stdio.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		err = stopped(err)
	}
	sh.complain(err)
	return exitCode(err)
}

// stopped is what a person is told of an error that came of Ctrl-C. What the part below was
// at then, which its operation names, is nobody's mistake.
func stopped(err error) error {
	var below *core.Error
	if core.CodeOf(err) != core.Canceled || errors.As(err, &below) && below.Op == "" {
		return err
	}
	return core.E(core.Canceled, "", "stopped").WithHint("what wasn't done by then is undone, or goes on when the command is repeated")
}

func (sh *shell) root() *cobra.Command {
	root := &cobra.Command{
		Use: "isekai", Short: "Prompts go in; finished tasks and running, tested web apps come out",
		SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return core.E(core.Invalid, "", err.Error()).WithHint(c.CommandPath() + " --help lists the flags")
	})
	f := root.PersistentFlags()
	f.BoolVar(&sh.json, "json", sh.json, "print JSON")
	f.StringVar(&sh.config, "config", "", "configuration file (YAML)")
	f.StringVar(&sh.dataDir, "data-dir", "", "folder with everything that is kept")
	f.StringVar(&sh.project, "project", "", "work in this project of the org (default: that of the sign-in or key)")
	root.AddCommand(sh.runCommand(), sh.chatCommand(), sh.serveCommand(), sh.taskCommand(), sh.appCommand(),
		sh.loginCommand(), sh.logoutCommand(), sh.whoamiCommand(), sh.userCommand(), sh.orgCommand(), sh.projectCommand(), sh.keyCommand(),
		sh.creditCommand(), sh.auditCommand(), sh.secretCommand(), sh.redactCommand(), sh.permissionCommand(), sh.modelCommand(), sh.watchCommand(), sh.conversationCommand(), sh.memoryCommand(), sh.skillCommand(), sh.scaffoldCommand(), sh.readPDFCommand(), sh.usageCommand(), sh.projectionCommand(), sh.deadletterCommand(), sh.keysCommand(), sh.dbCommand(), sh.storeCommand(), sh.nodeCommand(), sh.backupCommand(), sh.restoreCommand(), sh.mcpCommand(), sh.webhookCommand(), sh.notifyCommand(), sh.eventsCommand(), sh.repoCommand(),
		sh.sandboxCommand(), sh.doctorCommand(), sh.diagnosticsCommand(), sh.configCommand(), sh.versionCommand())
	explainArgs(root)
	return root
}

// group is a command that has others.
func group(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
}

// explainArgs makes what cobra says of wrong arguments an error like every other.
func explainArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if err != nil && core.CodeOf(err) == core.Internal {
				msg := err.Error()
				if strings.Contains(msg, "arg(s)") {
					msg = "it takes other arguments: " + c.UseLine()
				}
				err = core.E(core.Invalid, "", msg).WithHint(c.CommandPath() + " --help says what it takes")
			}
			return err
		}
	}
	for _, sub := range c.Commands() {
		explainArgs(sub)
	}
}

// wantsJSON looks for --json before the flags are read: a flag that can't be is
// told as JSON, too.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// instance reads the configuration.
func (sh *shell) instance(overrides map[string]any) (Instance, error) {
	o := map[string]any{}
	for k, v := range overrides {
		o[k] = v
	}
	if sh.dataDir != "" {
		o["data_dir"] = sh.dataDir
	}
	return sh.platform.Load(sh.config, o)
}

// connect reaches a server, in the project that the command line names.
func (sh *shell) connect(ctx context.Context, mode Mode) (*Conn, error) {
	conn, err := sh.reach(ctx, mode)
	if err == nil && sh.project != "" {
		conn.into(core.ProjectID(sh.project))
	}
	return conn, err
}

// reach reaches the server that somebody has signed in to, unless the command line names
// a data directory or a configuration; else it reads the configuration and reaches that
// installation's.
func (sh *shell) reach(ctx context.Context, mode Mode) (*Conn, error) {
	if conn, err := sh.away(ctx, mode); conn != nil || err != nil {
		return conn, err
	}
	in, err := sh.instance(nil)
	if err != nil {
		return nil, err
	}
	return in.Connect(ctx, mode)
}

// with runs f against a server and releases it. Where a server that has just ended took
// nothing of a request, f runs again with what answers now: it prints when it has all.
func (sh *shell) with(ctx context.Context, mode Mode, f func(*Conn) error) (err error) {
	c, err := sh.connect(ctx, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for tries := 0; ; tries++ {
		err := f(c)
		if !client.Unsent(err) || c.Again == nil || tries == maxRejoin || ctx.Err() != nil {
			return err
		}
		next, err := c.Again(ctx)
		if err != nil {
			return err
		}
		*c = *next
	}
}

// print writes v as JSON with --json, else text.
func (sh *shell) print(v any, text func(io.Writer)) error {
	if !sh.json {
		text(plain{sh.io.Out})
		return nil
	}
	return sh.printJSON(v)
}

func (sh *shell) printJSON(v any) error {
	enc := json.NewEncoder(sh.io.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// complain tells a person, or a program, what went wrong and how to go on.
func (sh *shell) complain(err error) {
	var quiet *exitError
	if errors.As(err, &quiet) && quiet.quiet {
		return
	}
	f := core.Fail(err)
	f.Msg = inLine(f.Msg)
	if clean := sh.io.Clean; clean != nil {
		f.Msg, f.Hint = clean(f.Msg), clean(f.Hint)
	}
	if sh.json {
		enc := json.NewEncoder(sh.io.Err)
		_ = enc.Encode(map[string]any{"error": f}) // nowhere left to complain to
		return
	}
	w := plain{sh.io.Err}
	fmt.Fprintln(w, "isekai: "+f.Msg)
	if f.Hint != "" {
		fmt.Fprintln(w, "  "+f.Hint)
	}
}

// inLine puts the lines of a message into one, each once: a driver that has tried two ways
// has a line for each.
func inLine(s string) string {
	var parts []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(parts, line) {
			parts = append(parts, line)
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), ":; ", ": ")
}
