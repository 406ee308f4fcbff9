package skill

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Problem is one thing that is wrong with a skill, or that its author should look at.
type Problem struct {
	File    string // relative to the skill's folder; "" for the folder itself
	Line    int    // from 1; 0 if it is of no line
	Msg     string
	Hint    string // how to mend it; may be empty
	Warning bool   // it is a skill all the same
}

// String returns "SKILL.md:3: what is wrong".
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Msg
	case p.Line == 0:
		return p.File + ": " + p.Msg
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Msg)
}

// Problems are all that was found in one skill.
type Problems []Problem

// Errors are those for which it is no skill.
func (p Problems) Errors() Problems {
	return slices.DeleteFunc(slices.Clone(p), func(p Problem) bool { return p.Warning })
}

// told is how many problems one error tells of.
const told = 10

// Err returns nil if it is a skill, else an invalid error that tells of every error, and how
// to mend the first that says so.
func (p Problems) Err() error {
	bad := p.Errors()
	if len(bad) == 0 {
		return nil
	}
	var words []string
	hint := ""
	for i, b := range bad {
		if i == told {
			words = append(words, fmt.Sprintf("and %d more", len(bad)-told))
			break
		}
		words = append(words, b.String())
		if hint == "" {
			hint = b.Hint
		}
	}
	return core.E(core.Invalid, "skill", strings.Join(words, "; ")).WithHint(hint)
}
