package auditlog

import (
	"context"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// part is a log from where it was begun anew: a Merkle tree of its own behind the rows that
// were there. The zero part is the log as it began first.
type part struct {
	after int64        // the rows before its first one
	id    core.EventID // of its first entry, so that no two parts are the same
}

// String returns the part as rows and checkpoints have it; "" for the first.
func (p part) String() string {
	if p == (part{}) {
		return ""
	}
	return strconv.FormatInt(p.after, 10) + "/" + string(p.id)
}

func parsePart(s string) (p part, err error) {
	if s == "" {
		return p, nil
	}
	after, id, _ := strings.Cut(s, "/")
	p.id = core.EventID(id)
	if p.after, err = strconv.ParseInt(after, 10, 64); err != nil || p.after < 0 || p.String() != s {
		return part{}, core.E(core.Invalid, "auditlog", "this names no part of a log").Because(err)
	}
	return p, nil
}

// place is a part of an org's log: what a checkpoint is of.
type place struct {
	org core.OrgID
	part
}

func (p place) String() string {
	if p.part == (part{}) {
		return string(p.org)
	}
	return string(p.org) + "/" + p.part.String()
}

func parsePlace(s string) (p place, err error) {
	org, in, _ := strings.Cut(s, "/")
	p.org = core.OrgID(org)
	p.part, err = parsePart(in)
	return p, err
}

// partOf returns the part that a row says it is of; the first for row 0, which is none.
// Whether that is so is for its signature to say. Errors: internal when it isn't there.
func (l *Log) partOf(ctx context.Context, org core.OrgID, number int64) (part, error) {
	if number == 0 {
		return part{}, nil
	}
	r, err := l.row(ctx, org, number)
	if err != nil {
		return part{}, err
	}
	p, err := parsePart(r.Part)
	if err != nil || p.after >= number {
		return part{}, damaged(org, number)
	}
	return p, nil
}
