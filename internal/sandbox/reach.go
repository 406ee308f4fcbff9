package sandbox

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
)

// Reach is what a box did with one host and port.
type Reach struct {
	Host        string `json:"host"` // with its port
	Connections int    `json:"connections,omitempty"`
	Refused     int    `json:"refused,omitempty"`  // not allowed, by the project or the installation
	Failed      int    `json:"failed,omitempty"`   // not there, or cut
	Sent        int64  `json:"sent,omitempty"`     // bytes
	Received    int64  `json:"received,omitempty"` // bytes
}

// maxReach bounds the hosts that are told apart: a program can ask for as many as it likes.
const maxReach = 30

// maxSaid bounds those of which a model is told.
const maxSaid = 8

// Reached adds up what a box did. The zero value is ready, and it is safe for concurrent use.
type Reached struct {
	mu sync.Mutex
	by map[string]*Reach
}

// Observe is Egress.Observe.
func (s *Reached) Observe(c Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host := net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	if s.by[host] == nil && len(s.by) >= maxReach {
		host = "others"
	}
	r := s.by[host]
	if r == nil {
		if s.by == nil {
			s.by = map[string]*Reach{}
		}
		r = &Reach{Host: host}
		s.by[host] = r
	}
	switch {
	case core.CodeOf(c.Err) == core.Denied:
		r.Refused++
	case c.Err != nil:
		r.Failed++
	default:
		r.Connections++
	}
	r.Sent, r.Received = r.Sent+c.Sent, r.Received+c.Received
}

// List returns all, by host.
func (s *Reached) List() []Reach {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Reach
	for _, r := range s.by {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Reach) int { return cmp.Compare(a.Host, b.Host) })
	return all
}

// Network says to a model what a box did with the network.
func Network(all []Reach) string {
	if len(all) == 0 {
		return "it asked for no host"
	}
	var parts []string
	for i, r := range all {
		if i == maxSaid {
			parts = append(parts, fmt.Sprintf("and %d hosts more", len(all)-i))
			break
		}
		parts = append(parts, r.String())
	}
	return "network: " + strings.Join(parts, "; ")
}

// String implements fmt.Stringer.
func (r Reach) String() string {
	var parts []string
	if r.Connections > 0 || r.Sent+r.Received > 0 {
		parts = append(parts, fmt.Sprintf("%d connections, %d bytes sent and %d received", r.Connections, r.Sent, r.Received))
	}
	if r.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", r.Failed))
	}
	if r.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused: not allowed", r.Refused))
	}
	return r.Host + " " + strings.Join(parts, ", ")
}
