package sqlite

import "time"

// slowly tells of statements that take long.
type slowly struct {
	after time.Duration
	tell  func(statement string, took time.Duration) // nil: nobody is told
}

// ended is called when a statement is over that began at a time.
func (s slowly) ended(statement string, began time.Time) {
	if s.tell == nil {
		return
	}
	if took := time.Since(began); took >= s.after {
		s.tell(statement, took)
	}
}
