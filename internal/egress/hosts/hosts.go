// Package hosts keeps which hosts the sandboxes of each project may reach.
//
// httpapi shows and changes them; platform asks before a command that may reach outside
// runs. What is here only narrows what the installation's Guard lets out: a host that is
// listed and has a private address is still refused. It never connects to anything.
package hosts

import (
	"context"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store"
)

// Max is how many a project can list.
const Max = 100

// list is what is kept of a project: destinations as they are written.
type list struct {
	Hosts []string `json:"hosts"`
}

const lists store.Kind[list] = "egress.hosts"

// Service keeps the lists. Safe for concurrent use; a change counts for what begins after it.
type Service struct{ records store.Records }

// New returns a Service on sealed records.
func New(records store.Records) *Service { return &Service{records} }

// Get returns a project's list and its version: none and 0 if nobody has set it.
func (s *Service) Get(ctx context.Context, org core.OrgID, project core.ProjectID) ([]sandbox.Destination, int64, error) {
	d, err := lists.Find(ctx, s.records, org, string(project))
	if err != nil {
		return nil, 0, err
	}
	all, err := Parse(d.Data.Hosts)
	return all, d.Version, err
}

// Put replaces the list of a version. conflict: it isn't of the version any more.
func (s *Service) Put(ctx context.Context, org core.OrgID, project core.ProjectID, version int64, all []sandbox.Destination) error {
	var l list
	for _, d := range all {
		l.Hosts = append(l.Hosts, d.String())
	}
	return s.records.Write(ctx, org, lists.Put(store.Doc[list]{ID: string(project), Version: version, Data: l}))
}

// Parse reads destinations, each once. invalid: one isn't right, or there are more than Max.
func Parse(written []string) ([]sandbox.Destination, error) {
	var all []sandbox.Destination
	seen := map[sandbox.Destination]bool{}
	for _, s := range written {
		d, err := sandbox.ParseDestination(s)
		if err != nil {
			return nil, err
		}
		if !seen[d] {
			seen[d] = true
			all = append(all, d)
		}
	}
	if len(all) > Max {
		return nil, core.E(core.Invalid, "sandbox.egress", "a project can allow "+strconv.Itoa(Max)+" hosts, and these are more")
	}
	return all, nil
}
