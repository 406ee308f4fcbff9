package skill

import (
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config is what a Service stands on.
type Config struct {
	Records store.Records
	Blobs   blob.Store
	// Shipped has a folder for each skill that comes with the program. nil: none does.
	Shipped fs.FS
	// Folder is the operator's, with a folder for each skill. It is looked at when skills are
	// asked for, and needn't be there. "": there is none.
	Folder string
	// Dir is a folder of this process alone, for what it unpacks and lends.
	Dir string
	Now func() time.Time // time.Now if nil
	Log *slog.Logger     // discarded if nil
}

// Service keeps skills. It is safe for concurrent use, by any number of nodes on one store.
type Service struct {
	cfg     Config
	shipped map[string]*Package
	folder  *folder
	lent    *library
}

// New returns the service. internal: what comes with the program isn't all skills.
func New(cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, shipped: map[string]*Package{}, folder: &folder{path: cfg.Folder, now: cfg.Now, log: cfg.Log}, lent: newLibrary(cfg.Dir, cfg.Blobs)}
	if cfg.Shipped == nil {
		return s, nil
	}
	entries, err := fs.ReadDir(cfg.Shipped, ".")
	if err != nil {
		return nil, core.E(core.Internal, "skill", "the skills that come with the program can't be read").Because(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		sub, err := fs.Sub(cfg.Shipped, e.Name())
		if err != nil {
			return nil, err
		}
		p, problems, err := Read(sub, e.Name())
		if err == nil {
			err = problems.Err()
		}
		if err != nil {
			return nil, core.E(core.Internal, "skill", "the skill "+e.Name()+" comes with the program and can't be read").Because(err)
		}
		s.shipped[p.Name] = p
	}
	return s, nil
}

// house is a skill of the installation's.
type house struct {
	*Package
	source  string // "folder" or "shipped"
	problem string // why the newest in the operator's folder isn't this
}

func (h house) version() Version {
	return Version{Number: 1, Digest: h.Digest, Source: h.source}
}

// installed returns the installation's skills by name, as they are now.
func (s *Service) installed(ctx context.Context) map[string]house {
	all := make(map[string]house, len(s.shipped))
	for name, p := range s.shipped {
		all[name] = house{p, "shipped", ""}
	}
	for name, at := range s.folder.look(ctx) {
		switch own := all[name]; {
		case at.pkg != nil:
			all[name] = house{at.pkg, "folder", at.problem}
		case own.Package != nil:
			own.problem = at.problem
			all[name] = own
		}
	}
	return all
}
