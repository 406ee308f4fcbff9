package meter

import "context"

// Work is what Run does when its time has come, after what is set aside ahead of need.
func (m *Meter) Work(ctx context.Context) int {
	m.fills.Wait()
	return m.work(ctx, 1)
}

// Backlog is how many settled calls wait.
func (m *Meter) Backlog() int64 { return m.backlog.Load() }

// MaxBacklog is how many may.
const MaxBacklog = maxBacklog
