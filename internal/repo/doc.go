// Package repo keeps the git repositories of projects: where each is, with which credential it
// is reached, and what was last seen of it.
//
// httpapi calls it: people add, list, sync and remove repositories, and a task that is created
// with one begins with the newest files of a branch. The task's own commits are the git tools'.
// It gives skill the files of repositories that aren't kept, too.
// It reaches a host by tool.Outside alone, keeps no secret, and writes to no remote.
package repo
