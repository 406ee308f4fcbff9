// Package permission says which calls of tools are allowed, which a person is asked about, and
// which are denied: by rules of the org and of the project, and by what the tool does where no
// rule says anything.
//
// The agent asks it before each call; httpapi has people read and change the rules. It runs
// nothing, and asks nobody.
package permission
