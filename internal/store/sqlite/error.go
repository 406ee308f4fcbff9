package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"syscall"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/isekai-run/isekai/internal/core"
)

// translate gives an error of the driver's its code, and a hint where a person
// can help. An error that has a code already stays as it is.
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
	case errors.Is(err, sql.ErrConnDone):
		return closed()
	case errors.As(err, &e):
		return translateCode(op, e)
	}
	return core.E(core.Internal, op, "the database failed").Because(err)
}

func translateCode(op string, e *driver.Error) error {
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL:
		return full(op, e)
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		return core.E(core.Denied, op, "the database can't be written").
			WithHint("make the data directory and its files writable for this user").Because(e)
	case lib.SQLITE_CANTOPEN:
		return core.E(core.Unavailable, op, "the database can't be opened").
			WithHint("check that the data directory is there and writable for this user").Because(e)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return core.E(core.Unavailable, op, "the database file is damaged").
			WithHint("keep a copy of it, then restore the latest backup").Because(e)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return core.E(core.Unavailable, op, "another process holds the database").
			WithHint("try again; end other programs that have the file open").Because(e)
	case lib.SQLITE_IOERR:
		if e.Code() == lib.SQLITE_IOERR_SHMSIZE { // no room for the index of the log
			return full(op, e)
		}
		return core.E(core.Unavailable, op, "the disk failed").
			WithHint("check the disk of the data directory").Because(e)
	case lib.SQLITE_TOOBIG:
		return core.E(core.Invalid, op, "too large to be stored").Because(e)
	case lib.SQLITE_NOMEM:
		return core.E(core.Exhausted, op, "out of memory").Because(e)
	}
	return core.E(core.Internal, op, "the database failed").Because(e)
}

func full(op string, err error) error {
	return core.E(core.Exhausted, op, "the disk is full").
		WithHint("free space on the disk of the data directory, then try again; nothing that was stored is lost").Because(err)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
