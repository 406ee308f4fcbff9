package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

func TestCheckPrompt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prompt string
		ok     bool
	}{
		"words":            {"a reading list", true},
		"one letter":       {"x", true},
		"another script":   {"читательский дневник 読書", true},
		"lines and tabs":   {"a\r\n\tb", true},
		"at the bound":     {strings.Repeat("é", core.MaxPrompt), true},
		"past the bound":   {strings.Repeat("é", core.MaxPrompt+1), false},
		"empty":            {"", false},
		"blank":            {" \n\t\r ", false},
		"not UTF-8":        {"a\xff", false},
		"a NUL":            {"a\x00b", false},
		"an escape":        {"a\x1b[2J", false},
		"DEL":              {"a\x7f", false},
		"a lost character": {"a\ufffd", false},
	} {
		err := core.CheckPrompt(c.prompt)
		if (err == nil) != c.ok || err != nil && (core.CodeOf(err) != core.Invalid || core.HintOf(err) == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimitsOrDefault(t *testing.T) {
	t.Parallel()
	if l := (core.Limits{}).OrDefault(); l != core.DefaultLimits {
		t.Errorf("%+v", l)
	}
	own := core.Limits{Attempts: 1, Plans: 2, Steps: 3, Calls: 4, Tokens: 5, Wall: time.Second, Credits: 6}
	if l := own.OrDefault(); l != own {
		t.Errorf("%+v", l)
	}
	if l := (core.Limits{Calls: -1, Wall: -1, Credits: -1}).OrDefault(); l != core.DefaultLimits {
		t.Errorf("below zero: %+v", l)
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	for s, want := range map[core.TaskStatus]bool{
		core.StatusQueued: false, core.StatusRunning: false, core.StatusWaiting: false,
		core.StatusSucceeded: true, core.StatusFailed: true, core.StatusCanceled: true,
	} {
		if s.Terminal() != want {
			t.Errorf("%s: %t", s, !want)
		}
	}
}
