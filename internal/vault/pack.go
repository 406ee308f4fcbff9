package vault

import (
	"encoding/binary"
	"errors"
)

// pack joins parts so that no other list of parts gives the same bytes: each is
// preceded by its length in four bytes, big-endian.
func pack[T ~string | ~[]byte](parts ...T) []byte {
	n := 0
	for _, p := range parts {
		n += 4 + len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// unpack is the inverse of pack.
func unpack(b []byte) (parts [][]byte, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, errors.New("a part without its length")
		}
		n := uint64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n > uint64(len(b)) {
			return nil, errors.New("a part that isn't whole")
		}
		parts, b = append(parts, b[:n:n]), b[n:]
	}
	return parts, nil
}
