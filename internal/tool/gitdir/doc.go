// Package gitdir is git in process, over a folder that no program of a task can write.
//
// The git tools and the repositories of projects use it. It holds what a bare repository
// holds: objects and references. It has no working tree of git's own: files go into a
// workspace, and come from one, through os.Root, by rules that are here.
//
// Nothing that a repository says is ever run or followed: there are no hooks, no filters, no
// helpers, no configuration of it, no alternates; submodules and what Git LFS keeps elsewhere
// are named and left alone. What comes over a network is measured before it is unpacked.
// It reaches a host only by the client and the dialer that it is given.
package gitdir

import (
	"time"
)

// Limits bound what is fetched and what is put into a workspace.
type Limits struct {
	Pack    int64 // bytes that a server sends
	Objects int   // in them
	Object  int64 // bytes of one object, unpacked
	Bytes   int64 // of all objects unpacked, and of a tree's files
	Files   int   // of a tree, and folders
	Commits int   // of history that is fetched
}

// DefaultLimits are the bounds of what isn't given any.
var DefaultLimits = Limits{Pack: 256 << 20, Objects: 500_000, Object: 64 << 20, Bytes: 1 << 30, Files: 20_000, Commits: 50}

// Signature is who made a commit, and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is one commit.
type Commit struct {
	Hash    string    `json:"hash"`
	Parents []string  `json:"parents,omitempty"`
	Author  string    `json:"author"` // NAME <EMAIL>
	When    time.Time `json:"when"`
	Message string    `json:"message"`
}
