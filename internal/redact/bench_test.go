package redact_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/redact"
)

// source is this package's own text: code, with many of the words that rules look for.
func source(b *testing.B) string {
	b.Helper()
	files, err := filepath.Glob("*.go")
	ok(b, err)
	var all strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		ok(b, err)
		all.Write(text)
	}
	return all.String()
}

func BenchmarkRedact(b *testing.B) {
	many := redact.Config{}
	for i := range 50 {
		many.Secrets = append(many.Secrets, redact.Value{Name: "s", Text: fake(alnum, 24+i)})
	}
	prose := strings.Repeat("The quick brown fox jumps over the lazy dog, and a task goes on as it was. ", 1000)
	log := strings.Repeat(`{"time":"2026-01-02T03:04:05.000006Z","level":"INFO","msg":"request","method":"GET","path":"/v1/tasks/tsk_01m81121adj7cybt47y1ptc9cw","status":200,"took":1234567}`+"\n", 500)
	for name, cfg := range map[string]redact.Config{"shapes": {}, "and 50 known values": many} {
		s := newScanner(b, cfg)
		for kind, text := range map[string]string{"prose": prose, "log": log, "code": source(b), "a secret each KiB": strings.Repeat(log[:1000]+"ghp_"+fake(alnum, 36)+" ", 100)} {
			b.Run(fmt.Sprintf("%s/%s", kind, name), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					s.Redact(text)
				}
			})
		}
	}
}
