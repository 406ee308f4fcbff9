package mcp

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

// Transport is how a server is spoken with.
type Transport string

// The transports.
const (
	Stdio Transport = "stdio" // a program in a sandbox
	HTTP  Transport = "http"  // streamable HTTP
)

// Spec is what a project says about a server.
type Spec struct {
	Name      string    `json:"name"` // in the project, and before the names of its tools
	Transport Transport `json:"transport"`

	// Address is where an HTTP server is: its endpoint, as in https://mcp.example.com/mcp.
	Address string `json:"address,omitempty"`
	// Credential is the name of the credential or connection that an HTTP server is sent.
	Credential string `json:"credential,omitempty"`

	// Argv is a program's command line. Its folder is FilesMount, where the server's files are.
	Argv []string `json:"argv,omitempty"`
	// Env is a program's environment; there is nothing else in it but PATH, HOME, LANG and TMPDIR.
	Env map[string]string `json:"env,omitempty"`
	// Secrets are more of it: names of credentials, by variable.
	Secrets map[string]string `json:"secrets,omitempty"`

	// Tools are those that may be called, by the server's own names; none: all.
	Tools []string `json:"tools,omitempty"`
	// Trust says that the server's hints about its tools' effects are believed. Without it each
	// tool may do anything, once.
	Trust   bool          `json:"trust,omitempty"`
	Off     bool          `json:"off,omitempty"`     // offered to nobody
	Timeout time.Duration `json:"timeout,omitempty"` // of a call; 0: DefaultTimeout
	Note    string        `json:"note,omitempty"`
}

// Server is a server that a project has.
type Server struct {
	Spec
	ID      string // "mcp_..."
	Files   Files  // a program's; the zero ones: it has none
	Version int64  // of what is said here, from 1
	Changed time.Time
}

// Bounds of a Spec.
const (
	DefaultTimeout = time.Minute
	MaxTimeout     = 10 * time.Minute

	maxArgv  = 64
	maxEnv   = 64
	maxValue = 4096 // bytes of an argument or of a variable's value
	maxAllow = 200
	maxNote  = 500
)

var (
	serverName = regexp.MustCompile(`^[a-z][a-z0-9]{0,23}$`) // without "_", so that what follows it is the tool's
	variable   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	credential = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

func invalid(msg, hint string) error { return core.E(core.Invalid, "mcp", msg).WithHint(hint) }

// Check returns an invalid error for what no server can be.
func (s Spec) Check() error {
	switch {
	case !serverName.MatchString(s.Name):
		return invalid("that can't be a server's name", "use up to 24 lower-case letters and digits, a letter first, as in github")
	case s.Timeout < 0 || s.Timeout > MaxTimeout:
		return invalid("a call can't take that long", "at most "+MaxTimeout.String())
	case len(s.Note) > maxNote || !isText(s.Note):
		return invalid("the note is too long, or isn't text", "500 bytes are enough for one")
	case len(s.Tools) > maxAllow || slices.ContainsFunc(s.Tools, func(t string) bool { return t == "" || len(t) > maxName || !isText(t) }):
		return invalid("the list of tools that may be called can't be right", "name at most 200, as the server does; none allows all")
	}
	switch s.Transport {
	case Stdio:
		return s.checkProgram()
	case HTTP:
		return s.checkAddress()
	}
	return invalid("a server's transport is stdio or http", "stdio is a program in a sandbox, http is streamable HTTP")
}

func (s Spec) checkAddress() error {
	if len(s.Argv) > 0 || len(s.Env) > 0 || len(s.Secrets) > 0 {
		return invalid("an HTTP server has no program, and no environment", "leave them out, or make its transport stdio")
	}
	u, err := url.Parse(s.Address)
	if err != nil || len(s.Address) > 2000 || !isText(s.Address) || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && !(u.Scheme == "http" && local(u.Hostname())) {
		return invalid("that can't be a server's address", "as in https://mcp.example.com/mcp: https, without a user, a password or a fragment. Secrets are stored with isekai secret set")
	}
	if s.Credential != "" && !credential.MatchString(s.Credential) {
		return invalid("that can't be a credential's name", "name a stored credential or connection, never the secret itself")
	}
	return nil
}

// local reports whether a host is this machine, where nobody listens on the way.
func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

func (s Spec) checkProgram() error {
	if s.Address != "" || s.Credential != "" {
		return invalid("a program has no address and is sent no credential", "give it secrets as variables of its environment, or make its transport http")
	}
	if len(s.Argv) == 0 || len(s.Argv) > maxArgv || s.Argv[0] == "" {
		return invalid("which program it is isn't said", "as in node dist/index.js: the program and its arguments, 64 at most")
	}
	if strings.HasPrefix(s.Argv[0], "/") && path.Clean(s.Argv[0]) != s.Argv[0] {
		return invalid("the program's path isn't clean", "as in /usr/bin/python3, or python3")
	}
	for _, a := range s.Argv {
		if len(a) > maxValue || strings.ContainsRune(a, 0) || !utf8.ValidString(a) {
			return invalid("an argument is too long, or isn't text", "at most 4096 bytes each; pass more in a file")
		}
	}
	if len(s.Env)+len(s.Secrets) > maxEnv {
		return invalid("there are too many variables", "at most 64")
	}
	for name, value := range s.Env {
		if !variable.MatchString(name) || len(value) > maxValue || strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
			return invalid(fmt.Sprintf("%.80q can't be a variable, or its value can't be one", name), "names are of letters, digits and _; values are at most 4096 bytes")
		}
	}
	for name, of := range s.Secrets {
		if _, twice := s.Env[name]; twice || !variable.MatchString(name) || !credential.MatchString(of) {
			return invalid(fmt.Sprintf("the variable %.80q can't have that credential", name), "give each variable a value or the name of a stored credential, as in GITHUB_TOKEN=github")
		}
	}
	return nil
}

// isText reports whether s is a line of text.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// timeout is that of a call.
func (s Spec) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return DefaultTimeout
}

// allows reports whether a tool of the server's may be called.
func (s Spec) allows(tool string) bool { return len(s.Tools) == 0 || slices.Contains(s.Tools, tool) }
