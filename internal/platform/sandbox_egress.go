package platform

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/command"
)

// outletOf is how sandboxes reach outside: by the guard, as all that users and models aim.
// The guard is asked for when it is needed, as it is made after the driver.
func outletOf(guard func() *egress.Guard) sandbox.Outlet {
	return func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		return guard().DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
	}
}

// way is command.Way: the project's list, and the audit log.
type way struct {
	hosts  *hosts.Service
	record func(context.Context, core.OrgID, auditlog.Entry) error
	log    *slog.Logger
}

var _ command.Way = way{}

// Hosts implements command.Way.
func (w way) Hosts(ctx context.Context, scope core.Scope) ([]sandbox.Destination, error) {
	all, _, err := w.hosts.Get(ctx, scope.Org, scope.Project)
	return all, err
}

// recordTime bounds how long a call that has ended waits for its entry.
const recordTime = 10 * time.Second

// Reached implements command.Way: one entry for each call, however much it did.
func (w way) Reached(ctx context.Context, c tool.Call, all []sandbox.Reach) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	var sent, received int64
	var reached, refused []string
	for _, r := range all {
		sent, received = sent+r.Sent, received+r.Received
		if r.Connections+r.Failed > 0 {
			reached = append(reached, r.Host)
		}
		if r.Refused > 0 {
			refused = append(refused, r.Host)
		}
	}
	e := auditlog.Entry{
		Action: "sandbox.egress", Actor: c.Scope.Actor, Project: c.Scope.Project, Target: string(c.Task),
		Detail: map[string]string{"call": string(c.ID), "sent": strconv.FormatInt(sent, 10), "received": strconv.FormatInt(received, 10)},
	}
	if len(reached) > 0 {
		e.Detail["hosts"] = strings.Join(reached, " ")
	} else {
		e.Outcome = auditlog.Refused
	}
	if len(refused) > 0 {
		e.Detail["refused"] = strings.Join(refused, " ")
	}
	if err := w.record(ctx, c.Scope.Org, e); err != nil {
		w.log.ErrorContext(ctx, "the audit log lacks an entry", "action", e.Action, "org", c.Scope.Org, "err", err)
	}
}

// egressOf is what `isekai sandbox exec --egress` asks for; nil without.
func egressOf(written []string, lost *failures) (*sandbox.Egress, error) {
	if len(written) == 0 {
		return nil, nil
	}
	all, err := hosts.Parse(written)
	return &sandbox.Egress{Allow: all, Observe: lost.observe}, err
}

// failures are why connections came to nothing, each once.
type failures struct {
	mu  sync.Mutex
	all map[string]bool
}

func (f *failures) observe(c sandbox.Connection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	const most = 100
	if c.Err == nil || len(f.all) >= most {
		return
	}
	if f.all == nil {
		f.all = map[string]bool{}
	}
	f.all[fmt.Sprintf("isekai: %s: %v\n", net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.Err)] = true
}

// String returns a line for each.
func (f *failures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(f.all)), "")
}
