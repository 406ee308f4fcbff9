package core

// ManifestName is the file at the root of an app's tree that says how the app
// runs. Whatever generates an app writes it.
const ManifestName = "isekai.json"

// Manifest says how an app runs, read from ManifestName. The app is started in
// its tree (read-only) with PORT, the port to listen on at 127.0.0.1, and
// DATA_DIR, a writable folder that outlives versions, in its environment. It
// must answer GET / with 200.
type Manifest struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Runtime     string   `json:"runtime"` // "python" or "node"
	Start       []string `json:"start"`   // argv; argv[0] is "python3" or "node"
	Test        []string `json:"test"`    // argv; exit 0 is success; the last line of output counts: "N passed, N failed"
	Suggestions []string `json:"suggestions,omitempty"`
	Notes       []string `json:"notes,omitempty"` // what the generator didn't understand
}

// TestReport is how an app version's tests went.
type TestReport struct {
	Passed int `json:"passed"`
	Failed int `json:"failed"`
}

// Publication is a built folder on its way to become a version of an app.
type Publication struct {
	App    AppID
	Base   int // the version that it changes; 0 makes the app
	Task   TaskID
	Call   CallID // the idempotency key: one call publishes one version
	Prompt string
	Dir    string // absolute; holds the files, ManifestName among them
	Tests  TestReport
}

// Preview is a version of an app that runs at a URL, and what was seen there.
type Preview struct {
	App      AppID
	Version  int
	URL      string
	Evidence Evidence
}

// The events of an app.
type (
	// AppCreated starts an app. It is appended together with its first
	// AppVersioned, so an app without a version never exists.
	AppCreated struct {
		Name  string `json:"name"` // its label in a host name, unique within the installation
		Title string `json:"title"`
	}
	// AppVersioned adds an immutable version and selects it.
	AppVersioned struct {
		Number   int        `json:"number"` // from 1
		Parent   int        `json:"parent"` // 0 for the first
		Tree     Digest     `json:"tree"`
		Prompt   string     `json:"prompt"`
		Task     TaskID     `json:"task"`
		Call     CallID     `json:"call"` // the call that published it: its idempotency key
		Manifest Manifest   `json:"manifest"`
		Tests    TestReport `json:"tests"`
	}
	// AppRetracted takes a version back, when the build that made it failed
	// after publishing. The selection returns to To; 0 leaves the app deleted.
	AppRetracted struct {
		Number int    `json:"number"`
		To     int    `json:"to"`
		Call   CallID `json:"call"`
	}
	// AppSelected makes another version the current one: a roll back or forward.
	AppSelected struct {
		Number int `json:"number"`
	}
	// AppStarted says that a preview should run, and that it answered.
	AppStarted struct {
		Number int `json:"number"`
	}
	// AppStopped says that no preview should run.
	AppStopped struct {
		Reason string `json:"reason,omitempty"`
	}
	// AppDeleted is terminal.
	AppDeleted struct{}
)

func (AppCreated) EventType() string   { return "app.created" }
func (AppVersioned) EventType() string { return "app.versioned" }
func (AppRetracted) EventType() string { return "app.retracted" }
func (AppSelected) EventType() string  { return "app.selected" }
func (AppStarted) EventType() string   { return "app.started" }
func (AppStopped) EventType() string   { return "app.stopped" }
func (AppDeleted) EventType() string   { return "app.deleted" }
