package core

// WatchChanged is recorded when what a watch looks at changed as it was asked to tell. What it
// holds of the page is data from outside.
type WatchChanged struct {
	Watch  string `json:"watch"`
	Name   string `json:"name"`
	URL    string `json:"url"`
	Before string `json:"before"`
	After  string `json:"after"`
	Task   TaskID `json:"task,omitempty"` // that was started for it
	By     Actor  `json:"by,omitzero"`    // whose watch it is
}

// WatchFailing is recorded once when a watch can't look for a while.
type WatchFailing struct {
	Watch    string `json:"watch"`
	Name     string `json:"name"`
	URL      string `json:"url"`
	Failures int    `json:"failures"`
	Why      string `json:"why"`
	By       Actor  `json:"by,omitzero"` // whose watch it is
}

// EventType implements Payload.
func (WatchChanged) EventType() string { return "watch.changed" }

// EventType implements Payload.
func (WatchFailing) EventType() string { return "watch.failing" }
