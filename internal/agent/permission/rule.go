package permission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Rule says what is to be done about some calls. In its patterns * is any text and ? any
// character; letters are as they are.
type Rule struct {
	Do   core.Permission `json:"do"`
	Tool string          `json:"tool"` // a pattern of tools' names
	// With has patterns of arguments, by name, all of which a call matches. A list is its items
	// with a space between, a path is relative to the workspace, and what is no text is its JSON. An address
	// (url) counts as it is written and as programs read it.
	With  map[string]string `json:"with,omitempty"`
	Skill string            `json:"skill,omitempty"` // whose tasks' calls it is about; "": all
}

// Policy is what an org or a project says.
type Policy struct {
	Rules []Rule `json:"rules"`
	// Wait is for how many seconds a task waits for a person; 0: DefaultWait.
	Wait int64 `json:"wait,omitempty"`
}

// Bounds of a policy.
const (
	MaxRules    = 200
	maxPattern  = 300
	maxWith     = 10
	minWait     = time.Minute
	maxWait     = 30 * 24 * time.Hour
	DefaultWait = 24 * time.Hour
)

// String is the rule as a person reads it: "ask git_push with branch=main".
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Do, r.Tool)
	for i, name := range slices.Sorted(maps.Keys(r.With)) {
		word := ","
		if i == 0 {
			word = " with"
		}
		fmt.Fprintf(&b, "%s %s=%s", word, name, r.With[name])
	}
	if r.Skill != "" {
		b.WriteString(" in " + r.Skill)
	}
	return b.String()
}

// Check returns an invalid error for a policy that can't be right.
func (p Policy) Check() error {
	const op = "permission"
	wait := time.Duration(p.Wait) * time.Second
	switch {
	case len(p.Rules) > MaxRules:
		return core.E(core.Invalid, op, fmt.Sprintf("there are %d rules", len(p.Rules))).WithHint(fmt.Sprintf("up to %d", MaxRules))
	case p.Wait != 0 && (p.Wait < 0 || p.Wait > int64(maxWait/time.Second) || wait < minWait):
		return core.E(core.Invalid, op, "a task can't wait so long, or so short, for a person").WithHint("from 60 seconds to 30 days")
	}
	for _, r := range p.Rules {
		if err := r.check(); err != nil {
			return err
		}
	}
	return nil
}

func (r Rule) check() error {
	const op = "permission"
	switch {
	case !slices.Contains([]core.Permission{core.Allow, core.Ask, core.Deny}, r.Do):
		return core.E(core.Invalid, op, fmt.Sprintf("a rule can't say %.20q", r.Do)).WithHint("use allow, ask or deny")
	case r.Tool == "":
		return core.E(core.Invalid, op, "a rule names no tool").WithHint(`name one, or a pattern: git_*, or * for all`)
	case len(r.With) > maxWith:
		return core.E(core.Invalid, op, "a rule is about too many arguments").WithHint(fmt.Sprintf("up to %d", maxWith))
	}
	texts := []string{r.Tool, r.Skill}
	for name, pattern := range r.With {
		if name == "" {
			return core.E(core.Invalid, op, "a rule is about an argument without a name").WithHint("leave it out, or name the argument that the pattern is of")
		}
		texts = append(texts, name, pattern)
	}
	for _, s := range texts {
		if len(s) > maxPattern || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return core.E(core.Invalid, op, fmt.Sprintf("the rule's %.40q can't be a pattern", s)).WithHint(fmt.Sprintf("up to %d characters of text", maxPattern))
		}
	}
	return nil
}

// matches reports whether the rule is about a call.
func (r Rule) matches(w Wanted, args map[string]json.RawMessage) bool {
	if !match(r.Tool, w.Tool) || r.Skill != "" && r.Skill != w.Skill {
		return false
	}
	for name, pattern := range r.With {
		v, ok := args[name]
		if !ok || !r.about(pattern, name, text(name, v)) {
			return false
		}
	}
	return true
}

// about reports whether an argument is of a pattern. An address can be written in many ways: it
// is denied or asked about if any of its two is of the pattern, and allowed only if both are.
func (r Rule) about(pattern, name, s string) bool {
	is := match(pattern, s)
	if name != "url" || is != (r.Do == core.Allow) {
		return is
	}
	return match(pattern, plainURL(s))
}

// plainURL is an address as programs read it: without who asks, with its host in small letters,
// and without the port and the dot that change nothing.
func plainURL(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" {
		return s
	}
	u.User = nil
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && !(u.Scheme == "http" && port == "80") && !(u.Scheme == "https" && port == "443") {
		host += ":" + port
	}
	u.Host = host
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// text is an argument as patterns see it.
func text(name string, v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		if clean, err := tool.CleanPath(s); err == nil && (name == "path" || name == "dir") {
			return clean
		}
		return s
	}
	var list []string
	if json.Unmarshal(v, &list) == nil {
		return strings.Join(list, " ")
	}
	var b bytes.Buffer
	if json.Compact(&b, v) != nil {
		return string(v)
	}
	return b.String()
}

// match reports whether s is of a pattern. It takes time in the product of their lengths at most.
func match(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	star, mark := -1, 0 // the last *, and from where in t it was tried
	i, k := 0, 0
	for k < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, k
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[k]):
			i, k = i+1, k+1
		case star >= 0:
			mark++
			i, k = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
