package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

type (
	letterQuery struct {
		Consumer string `query:"consumer" maxLength:"64"`
		OrgQuery
		PageQuery
	}
	letterPath struct {
		Consumer string        `path:"consumer" maxLength:"64"`
		Stream   core.StreamID `path:"stream" maxLength:"64"`
		Version  int64         `path:"version" minimum:"1"`
		OrgQuery
	}
	lettersAnswer struct {
		Body client.Page[client.DeadLetter]
	}
	letterAnswer struct{ Body client.DeadLetterDetail }
	replayAnswer struct{ Body client.Replayed }
	dropAnswer   struct{ Body client.Dropped }
)

func (s *server) deadLetters() {
	handle(s, identity.OperateRead, huma.Operation{
		OperationID: "list-dead-letters", Method: http.MethodGet, Path: "/v1/deadletters", Summary: "List events that a consumer couldn't apply",
	}, s.listLetters)
	const one = "/v1/deadletters/{consumer}/{stream}/{version}"
	handle(s, identity.OperateRead, huma.Operation{
		OperationID: "show-dead-letter", Method: http.MethodGet, Path: one, Summary: "Show a dead letter with its event",
	}, func(ctx context.Context, _ core.Scope, in *letterPath) (*letterAnswer, error) {
		scope, err := s.within(ctx, in.OrgQuery)
		if err != nil {
			return nil, err
		}
		l, e, err := s.cfg.DeadLetters.Show(ctx, scope, in.Consumer, in.Stream, in.Version)
		if err == nil { // whose content an operator sees, learns of it
			err = s.announce(ctx, scope.Org, auditlog.Entry{
				Action: "dead_letter.show", Target: fmt.Sprintf("%s/%s/%d", in.Consumer, in.Stream, in.Version),
			})
		}
		if err != nil {
			return nil, err
		}
		return &letterAnswer{Body: client.DeadLetterDetail{DeadLetter: wireLetter(l), Content: e}}, nil
	})
	handle(s, identity.Operate, huma.Operation{
		OperationID: "replay-dead-letter", Method: http.MethodPost, Path: one + "/replay", Summary: "Give the event to its consumer once more",
		Description: "And those that wait behind it in its stream. It stops at the first that fails, which stays a dead letter.",
	}, func(ctx context.Context, _ core.Scope, in *letterPath) (*replayAnswer, error) {
		scope, err := s.within(ctx, in.OrgQuery)
		if err != nil {
			return nil, err
		}
		applied, err := s.cfg.DeadLetters.Replay(ctx, scope, in.Consumer, in.Stream, in.Version)
		return &replayAnswer{Body: client.Replayed{Applied: applied}}, err
	})
	handle(s, identity.Operate, huma.Operation{
		OperationID: "drop-dead-letter", Method: http.MethodDelete, Path: one, Summary: "Remove a dead letter without applying its event",
	}, func(ctx context.Context, _ core.Scope, in *letterPath) (*dropAnswer, error) {
		scope, err := s.within(ctx, in.OrgQuery)
		if err != nil {
			return nil, err
		}
		behind, err := s.cfg.DeadLetters.Drop(ctx, scope, in.Consumer, in.Stream, in.Version)
		return &dropAnswer{Body: client.Dropped{Behind: behind}}, err
	})
}

func (s *server) listLetters(ctx context.Context, _ core.Scope, in *letterQuery) (*lettersAnswer, error) {
	after, err := parseLetter(in.Cursor)
	if err != nil {
		return nil, err
	}
	scope, err := s.within(ctx, in.OrgQuery)
	if err != nil {
		return nil, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = store.DefaultLimit
	}
	letters, err := s.cfg.DeadLetters.List(ctx, scope, in.Consumer, after, limit+1)
	if err != nil {
		return nil, err
	}
	a := &lettersAnswer{Body: client.Page[client.DeadLetter]{Items: []client.DeadLetter{}}}
	if len(letters) > limit {
		letters = letters[:limit]
		last := letters[limit-1]
		a.Body.Next = fmt.Sprintf("%s/%s/%d", last.Consumer, last.Stream, last.Version)
	}
	for _, l := range letters {
		a.Body.Items = append(a.Body.Items, wireLetter(l))
	}
	return a, nil
}

// parseLetter reads a cursor: the letter after which a list goes on.
func parseLetter(cursor string) (store.Letter, error) {
	if cursor == "" {
		return store.Letter{}, nil
	}
	p := strings.Split(cursor, "/")
	if len(p) == 3 {
		if version, err := strconv.ParseInt(p[2], 10, 64); err == nil {
			return store.Letter{Consumer: p[0], Mark: store.Mark{Stream: core.StreamID(p[1]), Version: version}}, nil
		}
	}
	return store.Letter{}, core.E(core.Invalid, "deadletters", "the cursor isn't one of this list's").WithHint("start again from the first page")
}

func wireLetter(l store.Letter) client.DeadLetter {
	return client.DeadLetter{
		Consumer: l.Consumer, Stream: l.Stream, Version: l.Version, Event: l.Event, Type: l.Type, Reason: l.Reason, Tries: l.Tries, At: l.At,
	}
}
