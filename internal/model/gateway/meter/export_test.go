package meter

import "context"

// Work is what Run does when its time has come.
func (m *Meter) Work(ctx context.Context) int { return m.work(ctx, 1) }

// Backlog is how many settled calls wait.
func (m *Meter) Backlog() int64 { return m.backlog.Load() }

// MaxBacklog is how many may.
const MaxBacklog = maxBacklog
