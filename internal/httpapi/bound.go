package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// bounds are what a request to a route may take.
type bounds struct {
	Body    int64 `json:"body_bytes"` // of its body; 0: it has none
	Seconds int   `json:"seconds"`    // to be answered in; 0: it is a stream, each of whose writes is bounded
}

// usual are the bounds of a route that unusual doesn't name.
var usual = bounds{Body: 64 << 10, Seconds: 30}

// unusual are the bounds of those, by operation, that need others.
var unusual = map[string]bounds{
	"fork-task":                    {Body: 256 << 10, Seconds: 30},
	"create-task":                  {Body: 256 << 10, Seconds: 30}, // 5,000 characters, however they are written, and limits
	"change-app":                   {Body: 256 << 10, Seconds: 30},
	"start-app":                    {Seconds: 180}, // until it answers
	"select-version":               {Body: 64 << 10, Seconds: 180},
	"stop-app":                     {Seconds: 60},
	"delete-app":                   {Seconds: 120},
	"diff-versions":                {Seconds: 60},
	"export-version":               {Seconds: 600},
	"rebuild-projection":           {Seconds: 3600}, // it reads every event
	"verify-projection":            {Seconds: 3600},
	"take-backup":                  {Seconds: 6 * 3600}, // it copies everything
	"rotate-keys":                  {Body: 64 << 10, Seconds: 600},
	"rotate-master-key":            {Seconds: 600},
	"shred-keys":                   {Body: 64 << 10, Seconds: 600},
	"replay-dead-letter":           {Seconds: 600},
	"export-audit":                 {Seconds: 600}, // the whole log
	"verify-audit":                 {Body: 512 << 10, Seconds: 600},
	"export-audit-of-installation": {Seconds: 600},
	"verify-audit-of-installation": {Body: 512 << 10, Seconds: 600},
	"put-secret":                   {Body: 256 << 10, Seconds: 30}, // 64 KiB, however they are written
	"put-secret-of-installation":   {Body: 256 << 10, Seconds: 30},
	"put-model-provider":           {Body: 256 << 10, Seconds: 30}, // 500 models with prices
	"test-model-provider":          {Seconds: 90},                  // its list, and then all calls at once

	"put-model-provider-of-installation":  {Body: 256 << 10, Seconds: 30},
	"test-model-provider-of-installation": {Seconds: 90},

	"task-events": {},
	"follow-logs": {},
}

const (
	maxBody  = 1 << 20          // bytes of a body that no route wants
	bodyTime = 10 * time.Second // for a body to come
	sendTime = 30 * time.Second // for an answer to go, besides its route's time
)

// boundsKey is under what an operation in the document has its bounds.
const boundsKey = "x-bounds"

// bounded gives an operation whose input is an In its bounds.
func bounded[In any](op huma.Operation) huma.Operation {
	b, ok := unusual[op.OperationID]
	if !ok {
		b = usual
		if _, takes := reflect.TypeFor[In]().FieldByName("Body"); !takes {
			b.Body = 0
		}
	}
	op.MaxBodyBytes = b.Body
	return extended(op, boundsKey, b)
}

// bound holds a request to its route's bounds.
func (s *server) bound(ctx huma.Context, next func(huma.Context)) {
	b, _ := ctx.Operation().Extensions[boundsKey].(bounds)
	r, w := humago.Unwrap(ctx)
	if b.Body != requestOf(ctx.Context()).most {
		r.Body = http.MaxBytesReader(w, r.Body, b.Body)
	}
	if b.Seconds == 0 {
		next(ctx)
		return
	}
	limit := time.Duration(b.Seconds) * time.Second
	// A writer without deadlines is a test's.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + sendTime))
	limited, stop := context.WithTimeout(ctx.Context(), limit)
	defer stop()
	next(huma.WithContext(ctx, limited))
}
