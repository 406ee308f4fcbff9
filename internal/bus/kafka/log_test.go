package kafka

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// An outage that says the same over and over is told of once in a while, with how often;
// something else is told at once.
func TestSparing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log := logger{spare(slog.New(slog.NewTextHandler(&b, nil)), 10*time.Second).With("of", "the bus")}
		told := func() (lines []string) {
			lines = strings.Split(strings.TrimSpace(b.String()), "\n")
			b.Reset()
			return lines
		}
		for range 95 { // 9.5 s
			log.Log(kgo.LogLevelWarn, "unable to dial", "broker", 1)
			time.Sleep(100 * time.Millisecond)
		}
		log.Log(kgo.LogLevelError, "something else")
		if lines := told(); len(lines) != 2 || !strings.Contains(lines[0], "kafka: unable to dial") || !strings.Contains(lines[0], "broker=1") ||
			!strings.Contains(lines[0], `of="the bus"`) || strings.Contains(lines[0], "untold") || !strings.Contains(lines[1], "level=ERROR") {
			t.Errorf("told of %q", lines)
		}
		time.Sleep(time.Second)
		log.Log(kgo.LogLevelWarn, "unable to dial", "broker", 2)
		if lines := told(); len(lines) != 1 || !strings.Contains(lines[0], "untold=94") || !strings.Contains(lines[0], "broker=2") {
			t.Errorf("told of %q", lines)
		}
	})
}
