package skill

import (
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The records of an org.
const (
	heads    store.Kind[headDoc]    = "skill"         // by OWNER/NAME, where OWNER is "org" or a project
	versions store.Kind[versionDoc] = "skill_version" // by digest: of its own skills, and of the installation's that it has used
	uses     store.Kind[useDoc]     = "skill_use"     // by TASK/NAME, for useLasts
	switches store.Kind[switchDoc]  = "skill_switch"  // by project: which are off
)

// headDoc is a skill of an org or of a project.
type headDoc struct {
	Meta     Meta      // of the newest version
	Versions []Version // the newest last, at most keepVersions
}

// Version is one version of a skill.
type Version struct {
	Number int
	Digest core.Digest // of its files
	Source string      // whence it is: "upload", "folder", "shipped"
	At     time.Time   // zero for what nobody has added
	By     core.Actor
}

// versionDoc is what a version is. It never changes, nor goes: tasks refer to it.
type versionDoc struct {
	Meta  Meta
	Tree  core.Digest // of the blobs
	Files []File
}

// useDoc is what a task goes on with, once it has begun to.
type useDoc struct {
	Digest core.Digest
	Number int
	Owner  Owner
	Source string
}

// switchDoc has the names of the skills that are off.
type switchDoc struct {
	Off map[string]time.Time
}

const (
	// MaxSkills bounds those of an org, of each project, and of the operator's folder.
	MaxSkills    = 200
	keepVersions = 20
	// useLasts is for how long a task keeps the version that it has begun with.
	useLasts = 30 * 24 * time.Hour
)

// Owner says whose a skill is.
type Owner string

// The owners, the one that hides the others first.
const (
	OfProject      Owner = "project"
	OfOrg          Owner = "org"
	OfInstallation Owner = "installation"
)

// place is where the records of an owner are.
func (o Owner) place(scope core.Scope) string {
	if o == OfProject {
		return string(scope.Project) + "/"
	}
	return "org/"
}

func (d headDoc) current() Version { return d.Versions[len(d.Versions)-1] }
