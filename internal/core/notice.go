package core

// NoticeRaised tells people of an org what no other event says: that a page has changed
// which somebody has watched, that a credential is due. Each has a stream of its own, named
// by what it is about, so that nothing is told twice.
type NoticeRaised struct {
	Type    string `json:"type"`              // "watch.changed": one of package notify's
	Title   string `json:"title"`             // one line for a person, without anything confidential
	Detail  string `json:"detail,omitempty"`  // what else there is to say, of at most MaxInline bytes
	Subject string `json:"subject,omitempty"` // the id or the name of what it is about
	User    UserID `json:"user,omitempty"`    // whom it concerns; "": who administers the org
}

// EventType implements Payload.
func (NoticeRaised) EventType() string { return "notice.raised" }
