package skill

import (
	"regexp"
	"slices"
	"strings"
)

// The bounds of a SKILL.md. Those of name, description and compatibility are the format's.
const (
	MaxName          = 64
	MaxDescription   = 1024 // UTF-16 code units, as the reference implementation counts
	MaxCompatibility = 500  // likewise
	MaxFront         = 16 << 10
	MaxMain          = 128 << 10 // bytes of SKILL.md
	maxMetadata      = 64        // entries
	maxAllowed       = 100       // tools
	maxPattern       = 500       // bytes
)

// Meta is the front matter of a SKILL.md.
type Meta struct {
	Name          string
	Description   string
	License       string            `json:",omitempty"`
	Compatibility string            `json:",omitempty"`
	Metadata      map[string]string `json:",omitempty"`
	Allowed       []Allowed         `json:",omitempty"` // none: the skill says nothing about tools
}

// Allowed is a tool that a skill wants to be used, or some calls of one.
type Allowed struct {
	Tool    string // as the skill has it
	Pattern string `json:",omitempty"` // what was in parentheses; "" is every call
}

// String returns it as the front matter has it.
func (a Allowed) String() string {
	if a.Pattern == "" {
		return a.Tool
	}
	return a.Tool + "(" + a.Pattern + ")"
}

// foreign are the names that skills written for others have for what tools here do.
var foreign = map[string]string{
	"Bash": "run_command", "Read": "read_file", "Write": "write_file", "Edit": "edit_file", "MultiEdit": "edit_file", "Glob": "list_files", "LS": "list_files",
	"Grep": "search_code", "WebFetch": "web_fetch", "WebSearch": "web_search", "AskUserQuestion": "ask_person",
}

// Name is the tool's name here.
func (a Allowed) Name() string {
	if ours, ok := foreign[a.Tool]; ok {
		return ours
	}
	return a.Tool
}

// Match reports whether a call is meant. subject says what the call is about: a path, or a
// command's program and arguments with a space between them. In a pattern "*" stands for
// anything; "git:*" is git alone or with any arguments.
func (a Allowed) Match(tool, subject string) bool {
	if a.Name() != tool {
		return false
	}
	if a.Pattern == "" || a.Pattern == "*" {
		return true
	}
	if program, ok := strings.CutSuffix(a.Pattern, ":*"); ok {
		return subject == program || strings.HasPrefix(subject, program+" ")
	}
	parts := strings.Split(a.Pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	matched, err := regexp.MatchString(`(?s)\A`+strings.Join(parts, ".*")+`\z`, subject)
	return err == nil && matched
}

// Allows reports whether the skill lets a call be made: see Allowed.Match. A skill that says
// nothing about tools lets every call be made. It widens nothing: what the project denies
// stays denied.
func (m Meta) Allows(tool, subject string) bool {
	return len(m.Allowed) == 0 || slices.ContainsFunc(m.Allowed, func(a Allowed) bool { return a.Match(tool, subject) })
}

// Tools are the names of the tools that the skill wants to be used, each once, in its order.
// Empty: it says nothing about tools.
func (m Meta) Tools() []string {
	var all []string
	for _, a := range m.Allowed {
		if !slices.Contains(all, a.Name()) {
			all = append(all, a.Name())
		}
	}
	return all
}

var toolWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.:-]{0,127}$`)

// parseAllowed reads "read_file run_command(git:*)": tools with a space or a comma between
// them. bad is what isn't one.
func parseAllowed(text string) (all []Allowed, bad string) {
	for rest := strings.TrimLeft(text, " \t\n,"); rest != ""; rest = strings.TrimLeft(rest, " \t\n,") {
		end := strings.IndexAny(rest, " \t\n,(")
		if end < 0 {
			end = len(rest)
		}
		a := Allowed{Tool: rest[:end]}
		rest = rest[end:]
		if strings.HasPrefix(rest, "(") {
			closing := strings.IndexByte(rest, ')')
			if closing < 0 {
				return nil, a.Tool + rest
			}
			a.Pattern, rest = rest[1:closing], rest[closing+1:]
			if a.Pattern == "" || rest != "" && !strings.ContainsAny(rest[:1], " \t\n,") {
				return nil, a.String() + rest
			}
		}
		if !toolWord.MatchString(a.Tool) || len(a.Pattern) > maxPattern {
			return nil, a.String()
		}
		all = append(all, a)
	}
	return all, ""
}
