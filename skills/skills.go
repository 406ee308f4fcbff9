// Package skills are those that come with the program: a folder each, in the Agent Skills
// format. platform gives them to package skill. Another one is another folder here.
package skills

import "embed"

// Files has a folder for each skill.
//
//go:embed */*
var Files embed.FS
