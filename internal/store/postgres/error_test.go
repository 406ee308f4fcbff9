package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/isekai-run/isekai/internal/core"
)

func TestErrorsHaveCodes(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]core.Code{
		"28P01": core.Unauthenticated, "42501": core.Denied, "53100": core.Exhausted, "53200": core.Exhausted, "53300": core.Unavailable,
		"57014": core.Unavailable, "57P01": core.Unavailable, "57P03": core.Unavailable, "08006": core.Unavailable, "58030": core.Unavailable,
		"40001": core.Unavailable, "40P01": core.Unavailable, "55P03": core.Unavailable, "25006": core.Unavailable, "XX001": core.Unavailable,
		"3D000": core.Unavailable, "42P01": core.Unavailable, "22021": core.Invalid, "54000": core.Invalid, "23514": core.Invalid,
		"23505": core.Internal, "42601": core.Internal, "": core.Internal,
	} {
		err := translate("op", fmt.Errorf("while writing: %w", &pgconn.PgError{Code: state, Message: "m"}))
		if core.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", state, err, want)
		}
		if c := core.CodeOf(err); core.HintOf(err) == "" && c != core.Internal && c != core.Invalid {
			t.Errorf("%s: no hint", state)
		}
	}
	known := core.E(core.Conflict, "op", "m")
	for _, c := range []struct {
		err  error
		want core.Code
	}{
		{nil, ""}, {known, core.Conflict}, {context.Canceled, core.Canceled}, {context.DeadlineExceeded, core.Unavailable},
		{io.ErrUnexpectedEOF, core.Unavailable}, {net.ErrClosed, core.Unavailable}, {errors.New("conn closed"), core.Unavailable},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, core.Unavailable}, {errors.New("other"), core.Internal},
	} {
		if err := translate("op", c.err); core.CodeOf(err) != c.want {
			t.Errorf("%v: %v, want %q", c.err, err, c.want)
		}
	}
}

// What the server has answered is known to be undone, except when it was ending.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err            error
		unknown, again bool
	}{
		{io.ErrUnexpectedEOF, true, false}, {context.DeadlineExceeded, true, false},
		{&pgconn.PgError{Code: "57P01"}, true, false}, {&pgconn.PgError{Code: "08006"}, true, false}, {&pgconn.PgError{Code: "40003"}, true, false},
		{&pgconn.PgError{Code: "40P01"}, false, true}, {&pgconn.PgError{Code: "40001"}, false, true},
		{&pgconn.PgError{Code: "55P03"}, false, false}, {&pgconn.PgError{Code: "53100"}, false, false}, {&pgconn.PgError{Code: "22021"}, false, false},
		{&pgconn.ConnectError{}, false, false},
	} {
		if unknown(c.err) != c.unknown || again(c.err) != c.again {
			t.Errorf("%v: unknown %v, again %v", c.err, unknown(c.err), again(c.err))
		}
	}
}
