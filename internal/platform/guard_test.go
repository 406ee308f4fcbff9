package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/tool"
)

// TestTheLogHasNoSecret of the configuration, wherever a field for one is.
func TestTheLogHasNoSecret(t *testing.T) {
	t.Parallel()
	c := Defaults()
	c.Model.APIKey, c.Bus.Password, c.Keys.Key, c.OldKeys.Key, c.Store.MigrateURL = "plain words one", "plain words two", "plain words three", "plain words four", "postgres://own:plain%20words%20five@db/isekai"
	c.Store.URL, c.Store.RelayURL = "postgres://app:plain%20words%20six@db/isekai", "postgres://relay:plain%20words%20seven@db/isekai"
	c.Connections.Providers = []OAuthProvider{{ClientSecret: "plain words eight"}}
	f, err := c.filter("plain words nine")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := newLogger(&out, Log{Level: "debug", Format: format}, f)
		for _, word := range []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"} {
			log.Debug("x", "err", errors.New("refused: plain words "+word+"."))
		}
		log.Info("x", "url", c.Store.URL.Reveal(), "token", "ghp_"+strings.Repeat("a1B2", 9))
		if text := out.String(); strings.Contains(text, "plain") || strings.Contains(text, "ghp_") || strings.Count(text, "[redacted:") != 11 {
			t.Error(text)
		}
		out.Reset()
		log.Info("a task goes on", "task", "tsk_1", "model", c.Model.Name, "listen", c.Listen)
		if text := out.String(); strings.Contains(text, "redacted") || !strings.Contains(text, "127.0.0.1:7777") {
			t.Error(text)
		}
	}
}

// TestShortSettingsAreNoSecrets: they would be found in every line.
func TestShortSettingsAreNoSecrets(t *testing.T) {
	t.Parallel()
	c := Defaults()
	c.Model.APIKey, c.Store.URL = "k", "postgres://app:app@db/isekai"
	f, err := c.filter()
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Redact("the app works"); got != "the app works" {
		t.Error(got)
	}
}

// told is an audit log.
type told struct {
	entries []auditlog.Entry
	full    error
}

func (l *told) record(_ context.Context, org core.OrgID, e auditlog.Entry) error {
	e.Org = org
	l.entries = append(l.entries, e)
	return l.full
}

func TestSightingsAreTold(t *testing.T) {
	t.Parallel()
	log, now := &told{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var out bytes.Buffer
	s := newSightings(log.record, slog.New(slog.NewTextHandler(&out, nil)))
	s.now = func() time.Time { return now }
	scope := core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorWorker, ID: "wrk_1"}}
	see := func(org core.OrgID, task int, did redact.Action, kinds ...redact.Kind) int {
		before := len(log.entries)
		at := scope
		at.Org = org
		s.tell(t.Context(), redact.Sighting{Scope: at, Task: core.TaskID(fmt.Sprint("tsk_", task)), Where: "model", Outcome: did, Kinds: kinds, Names: []string{"deploy", "wiki"}})
		return len(log.entries) - before
	}
	if see("org_a", 1, redact.Redact, redact.AWS, redact.JWT) != 1 || see("org_a", 1, redact.Redact, redact.AWS, redact.JWT) != 0 {
		t.Errorf("once each: %+v", log.entries)
	}
	e := log.entries[0]
	if e.Action != "redact.found" || e.Outcome != "" || e.Org != "org_a" || e.Target != "tsk_1" || e.Project != "prj_a" || e.Actor != scope.Actor {
		t.Errorf("%+v", e)
	}
	if got, err := json.Marshal(e.Detail); err != nil || string(got) != `{"did":"redact","kinds":"aws_key, jwt","names":"deploy, wiki","where":"model"}` {
		t.Errorf("%s, %v", got, err)
	}
	for i := range 3 * sightingsPerMinute {
		see("org_a", i, redact.Redact, redact.GitHub)
	}
	if n := len(log.entries); n != sightingsPerMinute {
		t.Errorf("%d are told in a minute", n)
	}
	if see("org_b", 1, redact.Redact, redact.GitHub) != 1 {
		t.Error("another org's are lost")
	}
	for range 2 {
		if see("org_a", 1, redact.Refuse, redact.AWS, redact.Canary) != 1 {
			t.Error("a canary isn't told")
		}
	}
	if e := log.entries[len(log.entries)-1]; e.Action != "redact.refused" || e.Outcome != auditlog.Refused || strings.Count(out.String(), "a canary was found") != 2 {
		t.Errorf("%+v; %s", e, &out)
	}
	now = now.Add(time.Minute)
	see("org_a", 1, redact.Redact, redact.GitHub)
	if e := log.entries[len(log.entries)-1]; e.Detail["not_told_before"] != "43" {
		t.Errorf("after that: %+v", e)
	}
	log.full = core.E(core.Unavailable, "auditlog", "no room")
	see("org_a", 2, redact.Redact, redact.GitHub)
	if !strings.Contains(out.String(), "the audit log lacks an entry") {
		t.Error("nobody is told that it isn't")
	}
}

// BenchmarkLogLine is what a line costs with the filter, and without.
func BenchmarkLogLine(b *testing.B) {
	c := Defaults()
	c.Model.APIKey, c.Store.URL = "plain words one", "postgres://app:plain%20words%20six@db/isekai"
	f, err := c.filter("plain words nine")
	if err != nil {
		b.Fatal(err)
	}
	plain := slog.NewTextHandler(io.Discard, nil)
	for name, h := range map[string]slog.Handler{"with": f.Handler(plain), "without": plain} {
		log := slog.New(h)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				log.Info("request", "method", "GET", "path", "/v1/tasks/tsk_01m81121adj7cybt47y1ptc9cw", "status", 200, "took", 1234567*time.Nanosecond, "org", core.OrgID("org_default"))
			}
		})
	}
}

// BenchmarkLogFilter is what making the filter adds to a start.
func BenchmarkLogFilter(b *testing.B) {
	c := Defaults()
	for b.Loop() {
		if _, err := c.filter("plain words nine"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWhatReachesOutside: a tool that is new has to be thought of here.
func TestWhatReachesOutside(t *testing.T) {
	t.Parallel()
	guard := redact.NewService(redact.ServiceConfig{})
	tools := everyTool(t, guard)
	f, err := Defaults().filter()
	if err != nil {
		t.Fatal(err)
	}
	var outside []string
	for _, s := range tools.All() {
		if !s.Contained {
			outside = append(outside, s.Name)
		}
		if said := s.Description + string(s.Schema); f.Redact(said) != said { // it goes to models in each request
			t.Errorf("%s is said with a secret: %s", s.Name, f.Redact(said))
		}
	}
	want := []string{
		"azure_pull_request", "azure_read", "azure_work_items", "control_device", "forget", "git_clone", "git_pull", "git_push",
		"github_issue", "github_pull_request", "github_read", "github_review", "http_get", "http_request", "list_devices", "read_device",
		"remote_skill", "run_online", "watch", "web_fetch", "web_search",
	}
	if !slices.Equal(outside, want) {
		t.Errorf("outside reach %q, want %q", outside, want)
	}
}

// everyTool is a registry of all tools that an installation can have.
func everyTool(t *testing.T, guard *redact.Service) *tool.Registry {
	t.Helper()
	n := &node{cfg: Defaults(), dir: &DataDir{Path: t.TempDir()}}
	n.cfg.Search, n.cfg.Home = Search{Kind: "brave"}, Home{Kind: "homey"}
	n.outside = must(n.cfg.Egress.guard())(t)
	tools, err := newTools(newToolMetrics(prometheus.NewRegistry()), noSandbox{errors.New("none")}, nil, nil, guard, append(n.moreTools(), must(n.developmentTools())(t)...)...)
	if err != nil {
		t.Fatal(err)
	}
	return tools
}
