package redact_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

// mute answers nothing at once.
type mute struct{}

func (mute) Stream(context.Context, model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) { yield(model.Chunk{Done: true}, nil) }
}

// BenchmarkModel is what a request costs besides the model: a conversation about code, half
// of it files that were read and half calls that wrote some.
func BenchmarkModel(b *testing.B) {
	st := sqlitetest.Open(b, sqlite.Config{})
	var kept []redact.Value
	for i := range 50 {
		kept = append(kept, redact.Value{Name: "s", Text: fake(alnum, 24+i)})
	}
	code := source(b)
	for name, secrets := range map[string][]redact.Value{"no values": nil, "50 values": kept} {
		s := redact.NewService(redact.ServiceConfig{Records: st, Secrets: func(context.Context, core.OrgID) ([]redact.Value, error) { return secrets, nil }})
		for _, size := range []int{64 << 10, 1 << 20} {
			r := model.Request{System: "Do the step."}
			for n := 0; n < size; n += 16 << 10 {
				part := strings.Repeat(code, 1+(8<<10)/len(code))[:8<<10]
				args, err := json.Marshal(map[string]string{"path": "a.go", "content": part})
				ok(b, err)
				r.Messages = append(r.Messages, model.Message{Role: model.Tool, Text: part}, model.Message{Role: model.Assistant, Calls: []core.Call{{Tool: "write_file", Arguments: args}}})
			}
			m := s.Model(scopeOf("org_a"), "tsk_1", mute{})
			b.Run(fmt.Sprintf("%d KiB/%s", size>>10, name), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := model.Collect(b.Context(), m, r, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkSettings is what it costs to take an org's values at hand, every CacheFor at most.
func BenchmarkSettings(b *testing.B) {
	cfg := redact.Config{}
	for i := range 50 {
		cfg.Secrets = append(cfg.Secrets, redact.Value{Name: "s", Text: fake(alnum, 24+i)})
	}
	for b.Loop() {
		if _, err := redact.New(cfg); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBody is what a small request of a caller of the API costs.
func BenchmarkBody(b *testing.B) {
	s := redact.NewService(redact.ServiceConfig{Records: sqlitetest.Open(b, sqlite.Config{})})
	body := []byte(`{"model":"m","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"` +
		strings.Repeat("tell me a story ", 16) + `"}],"max_tokens":16,"stream":false}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Body(b.Context(), redact.Sighting{Scope: scopeOf("org_a"), Where: "model"}, body); err != nil {
			b.Fatal(err)
		}
	}
}
