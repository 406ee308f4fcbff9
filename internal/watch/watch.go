package watch

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

// Bounds.
const (
	MaxProject = 20  // watches of a project
	MaxName    = 100 // bytes
	MaxPrompt  = 4000
	MaxValue   = 1000 // bytes of what was seen that are kept and shown
	maxURL     = 2000
	maxPart    = 1000
)

// Spec is what is to be watched.
type Spec struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Schedule string `json:"schedule"` // "every 15m", or cron's five fields, in UTC or after CRON_TZ=ZONE
	Part     Part   `json:"part"`
	When     When   `json:"when"`
	// Prompt is of a task that a change starts; empty: none. {name}, {url}, {before} and {after}
	// stand for what they say.
	Prompt string `json:"prompt,omitempty"`
}

// Part says which part of a page is looked at: an element by CSS selector, or a value by JSON
// pointer, or all of its text; and of that what a pattern finds.
type Part struct {
	Selector string `json:"selector,omitempty"` // the first element that it selects: its text
	Pointer  string `json:"pointer,omitempty"`  // RFC 6901: /items/0/price
	Pattern  string `json:"pattern,omitempty"`  // RE2: its first group, or all of what it matches
}

// When says what is told.
type When struct {
	Kind Kind    `json:"kind"`
	Than float64 `json:"than,omitempty"` // for above and below
	By   float64 `json:"by,omitempty"`   // for changes of a number: at least so much; 0: of any text
}

// Kind is a condition.
type Kind string

// The conditions. Above and below are told when they become true.
const (
	Changes Kind = "changes"
	Above   Kind = "above"
	Below   Kind = "below"
)

// Watch is a watch and what it has seen.
type Watch struct {
	ID      string         `json:"id"`
	Project core.ProjectID `json:"project"`
	Spec
	By      core.Actor  `json:"by"`
	Task    core.TaskID `json:"task,omitempty"` // in which it was asked for
	Created time.Time   `json:"created"`
	State
}

// State is what a watch has seen.
type State struct {
	Next     time.Time `json:"next"`
	Checked  time.Time `json:"checked"` // zero: not yet
	Changed  time.Time `json:"changed"` // when a change was told last; zero: never
	Value    string    `json:"value"`   // what was seen last, or when By is set what was told last
	Failures int       `json:"failures"`
	Trouble  string    `json:"trouble,omitempty"` // why the last look failed
	Told     int64     `json:"told"`              // how much was told by now
}

// Change is what is told. ID and Seq are the same however often it is.
type Change struct {
	ID            string         `json:"id"`
	Seq           int64          `json:"seq"` // of what the watch tells, from 1
	Watch         string         `json:"watch"`
	Project       core.ProjectID `json:"project"`
	Name          string         `json:"name"`
	URL           string         `json:"url"`
	Before, After string
	At            time.Time
	Task          core.TaskID `json:"task,omitempty"` // that was started for it
	By            core.Actor  `json:"by,omitzero"`    // whose watch it is
}

// check returns an invalid error for a spec that can't be used.
func (s *Spec) check(least time.Duration, now time.Time) error {
	s.Name, s.URL = strings.TrimSpace(s.Name), strings.TrimSpace(s.URL)
	u, err := url.Parse(s.URL)
	switch {
	case s.Name == "" || len(s.Name) > MaxName || !utf8.ValidString(s.Name) || strings.ContainsAny(s.Name, "\x00\n\r"):
		return bad("a watch has a name of 1 to " + strconv.Itoa(MaxName) + " bytes, in one line")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || len(s.URL) > maxURL:
		return bad("the address can't be watched").WithHint("as in https://example.com/page")
	case len(s.Prompt) > MaxPrompt || !utf8.ValidString(s.Prompt):
		return bad("the prompt is longer than " + strconv.Itoa(MaxPrompt) + " bytes, or no text")
	}
	if s.When.Kind == "" {
		s.When.Kind = Changes
	}
	switch s.When.Kind {
	case Changes:
		if s.When.By < 0 || s.When.Than != 0 {
			return bad("a change has no threshold, and is by more than nothing")
		}
	case Above, Below:
		if s.When.By != 0 {
			return bad("above and below have a threshold alone")
		}
	default:
		return bad("a watch tells when something changes, is above or below")
	}
	if err := s.Part.check(); err != nil {
		return err
	}
	_, err = parseSchedule(s.Schedule, least, now)
	return err
}

func bad(why string) *core.Error { return core.E(core.Invalid, "watch", why) }
