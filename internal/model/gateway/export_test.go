package gateway

// Large is how many bytes large answers have.
func (g *Gateway) Large() int64 {
	g.room.mu.Lock()
	defer g.room.mu.Unlock()
	return g.room.all
}
