package dialect

// Event is a server-sent event.
type Event struct {
	Name string
	ID   string
	Data []byte
}
