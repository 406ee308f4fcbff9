package core

// Checkout is the git repository that a task's workspace is of, and where it began.
type Checkout struct {
	Repository string `json:"repository,omitempty"` // of the project, by name; "" if the task cloned it by itself
	URL        string `json:"url"`
	Credential string `json:"credential,omitempty"` // of the project, by name
	HostKey    string `json:"host_key,omitempty"`   // of a host that is reached by SSH
	Dir        string `json:"dir,omitempty"`        // the folder of the workspace; "" or "." is all of it
	Branch     string `json:"branch"`               // that the task's commits are on
	From       string `json:"from"`                 // the remote's branch that it began at
	Base       string `json:"base"`                 // the commit that it began at
	State      Digest `json:"state"`                // the repository itself, as a tree of blobs
}
