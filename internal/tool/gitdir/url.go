package gitdir

import (
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/isekai-run/isekai/internal/core"
)

// URL is where a repository is.
type URL struct {
	Scheme string // "https", "http" or "ssh"
	User   string // of ssh
	Host   string
	Port   int    // 0: the scheme's own
	Path   string // begins with "/", or with "~" for ssh
}

var (
	scpLike  = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):([^:].*)$`)
	userName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?$`)
)

// ParseURL reads the address of a repository: https://HOST/PATH, ssh://USER@HOST/PATH or
// USER@HOST:PATH. invalid: anything else, such as a path, file:// or a helper's ext::, and
// credentials within it.
func ParseURL(s string) (URL, error) {
	bad := func(why string) (URL, error) {
		return URL{}, core.E(core.Invalid, "git.url", "the address of the repository "+why).
			WithHint("give it as https://HOST/PATH.git, or as ssh://git@HOST/PATH.git with a credential that is an SSH key")
	}
	if len(s) > 2000 || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' || r > unicode.MaxASCII
	}) {
		return bad("is too long, or holds characters that don't belong there")
	}
	if m := scpLike.FindStringSubmatch(s); m != nil && !strings.Contains(s, "://") {
		return finish(URL{Scheme: "ssh", User: m[1], Host: m[2], Path: m[3]})
	}
	u, err := url.Parse(s)
	if err != nil {
		return bad("can't be read")
	}
	_, password := u.User.Password()
	switch {
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return bad("isn't of https or ssh")
	case password, u.User != nil && u.Scheme != "ssh":
		return bad("holds a name or a password")
	case u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || u.ForceQuery || strings.Contains(s, "#"):
		return bad("has more than a host and a path")
	case strings.Contains(u.EscapedPath(), "%"):
		return bad("has a path with escapes")
	}
	r := URL{Scheme: u.Scheme, User: u.User.Username(), Host: u.Hostname(), Path: u.Path}
	if p := u.Port(); p != "" {
		if r.Port, err = strconv.Atoi(p); err != nil || r.Port < 1 || r.Port > 65535 {
			return bad("has a port that is none")
		}
	}
	return finish(r)
}

// finish checks the parts.
func finish(u URL) (URL, error) {
	bad := func(why string) (URL, error) {
		return URL{}, core.E(core.Invalid, "git.url", "the address of the repository "+why).WithHint("as in https://example.com/team/project.git")
	}
	if !hostName.MatchString(u.Host) && net.ParseIP(u.Host) == nil {
		return bad("names no host")
	}
	if u.Scheme == "ssh" {
		if u.User == "" {
			u.User = "git"
		}
		if !userName.MatchString(u.User) {
			return bad("has a user that is none")
		}
	}
	trimmed := strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), "/")
	if trimmed == "" || strings.HasPrefix(trimmed, "-") || strings.ContainsAny(trimmed, `'"$;|&<>()#?%[]{}*!^`+"`") {
		return bad("names no repository")
	}
	for part := range strings.SplitSeq(trimmed, "/") {
		if part == "" || part == "." || part == ".." {
			return bad("has a path that leads elsewhere")
		}
	}
	return u, nil
}

// String writes the address. It holds no secret.
func (u URL) String() string {
	host := u.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port > 0 {
		host += ":" + strconv.Itoa(u.Port)
	}
	if u.Scheme == "ssh" {
		host = u.User + "@" + host
	}
	return u.Scheme + "://" + host + "/" + strings.TrimPrefix(u.Path, "/")
}

// port returns the port to dial.
func (u URL) port() int {
	if u.Port > 0 {
		return u.Port
	}
	return map[string]int{"https": 443, "http": 80, "ssh": 22}[u.Scheme]
}

var (
	branchName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+@#-]*$`)
	badBranch  = regexp.MustCompile(`\.\.|//|@\{|/\.|\.lock(/|$)|[./]$`)
)

// CheckBranch returns an invalid error for what can't be a branch's name (git
// check-ref-format, and less).
func CheckBranch(name string) error {
	if len(name) > 200 || !branchName.MatchString(name) || badBranch.MatchString(name) || name == "HEAD" || strings.HasPrefix(name, "refs/") {
		return core.E(core.Invalid, "git.branch", "this can't be the name of a branch").WithHint("use letters, digits, - and /, as in fix/login")
	}
	return nil
}

// Place is where a credential for the repository is sent, as those who name the hosts of
// credentials write it: HOST and HOST:PORT are by TLS or SSH, http://HOST is in the clear.
func (u URL) Place() string {
	host := u.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Scheme == "ssh" || u.Port > 0 {
		host += ":" + strconv.Itoa(u.port())
	}
	if u.Scheme == "http" {
		return "http://" + host
	}
	return host
}

// Private reports whether nobody listens on the way: TLS, SSH, or within this machine.
func (u URL) Private() bool {
	ip := net.ParseIP(u.Host)
	return u.Scheme != "http" || u.Host == "localhost" || ip != nil && ip.IsLoopback()
}
