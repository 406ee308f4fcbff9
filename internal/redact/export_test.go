package redact

// AtHand returns of how many orgs values are in memory.
func (s *Service) AtHand() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.orgs)
}
