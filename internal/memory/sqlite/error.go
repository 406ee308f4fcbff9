package sqlite

import (
	"context"
	"errors"
	"strings"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/isekai-run/isekai/internal/core"
)

// translate gives an error of the driver's its code, and a hint where a person can help. An
// error that has a code already stays as it is.
func translate(op string, err error) error {
	var known *core.Error
	var e *driver.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return core.E(core.Canceled, op, "canceled").Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return core.E(core.Unavailable, op, "the time was up").Because(err)
	case strings.Contains(err.Error(), "database is closed"): // database/sql has no name for it
		return core.E(core.Unavailable, op, "the index is closed")
	case errors.As(err, &e):
		return translateCode(op, e)
	}
	return core.E(core.Internal, op, "the index failed").Because(err)
}

func translateCode(op string, e *driver.Error) error {
	code, msg, hint := core.Internal, "the index failed", ""
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL:
		code, msg, hint = core.Exhausted, "the disk is full", "free space on the disk of the data directory, then try again"
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		code, msg, hint = core.Denied, "the index can't be written", "make the data directory and its files writable for this user"
	case lib.SQLITE_CANTOPEN, lib.SQLITE_IOERR:
		code, msg, hint = core.Unavailable, "the disk failed", "check the disk of the data directory"
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		code, msg, hint = core.Unavailable, "the index is damaged", "remove memory.db from the data directory and start again: isekai memory reindex builds it from the documents"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		code, msg, hint = core.Unavailable, "another process holds the index", "try again"
	case lib.SQLITE_TOOBIG:
		code, msg = core.Invalid, "too large to be stored"
	case lib.SQLITE_NOMEM:
		code, msg = core.Exhausted, "out of memory"
	}
	return core.E(code, op, msg).WithHint(hint).Because(e)
}
