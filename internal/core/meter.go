package core

// SetAside is what a hold asks the ledger for: credits for many calls of one key, or none.
type SetAside struct {
	ID      HoldID
	N       int // which of the hold's postings it is, from 1, without gaps
	Project ProjectID
	Key     KeyID // whose budget is used, too; "": nobody's
	// Amount is how much is added to the hold. Below zero, so much is given back.
	Amount Credits
	// Late says that so much was used already, by calls whose hold had ended before they were
	// charged. It is noted in the budgets whether they have it or not, and isn't held.
	Late bool
}

// MeteredCalls are calls of a model that are over and alike, without anything of what was
// said: numbers are those of all of them.
type MeteredCalls struct {
	N         int     `json:"n"`                   // how many they are
	At        int64   `json:"at"`                  // when the last was over, in milliseconds since 1970; all on the same day in UTC
	Op        string  `json:"op,omitempty"`        // "chat", "messages", ...
	Requested string  `json:"requested,omitempty"` // the model's name as it was asked for
	Provider  string  `json:"provider,omitempty"`  // who answered
	Model     string  `json:"model,omitempty"`     // with which model
	Usage     Usage   `json:"usage,omitzero"`
	Cost      Credits `json:"cost,omitempty"`     // 0: they aren't charged
	Prices    int     `json:"prices,omitempty"`   // the version of the price list
	Status    string  `json:"status,omitempty"`   // "ok", "failed", "canceled", "cached"
	TookMS    int     `json:"took_ms,omitempty"`  // from the request to the answer's end
	FirstMS   int     `json:"first_ms,omitempty"` // to the answer's first byte
	Attempts  int     `json:"attempts,omitempty"` // of providers
}

// The payloads of a hold's events.
type (
	// CallsMetered are calls that were paid from the hold.
	CallsMetered struct {
		Key   KeyID          `json:"key,omitempty"`
		Cost  Credits        `json:"cost,omitempty"` // of all of them
		Calls []MeteredCalls `json:"calls"`
	}
	// HoldEnded ends a hold: what it has left is given back.
	HoldEnded struct {
		Key     KeyID   `json:"key,omitempty"`
		Charged bool    `json:"charged,omitempty"` // the ledger knows of the hold
		Spent   Credits `json:"spent,omitempty"`   // what all its calls cost
		// Why is set if it wasn't the node whose hold it was that ended it.
		Why string `json:"why,omitempty"`
	}
)

// EventType implements Payload.
func (CallsMetered) EventType() string { return "calls.metered" }

// EventType implements Payload.
func (HoldEnded) EventType() string { return "hold.ended" }
