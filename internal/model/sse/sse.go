package sse

import (
	"bytes"
	"errors"
	"io"
)

// The errors of an event that is longer than it may be, and than there is room for.
var (
	ErrTooLarge = errors.New("an event of the stream is too large")
	ErrNoRoom   = errors.New("there is no room for an event of the stream")
)

// ErrComment is no error: a comment has come, and Next goes on when it is called again.
var ErrComment = errors.New("a comment in the stream")

// Room bounds what several scanners have in memory.
type Room interface {
	// Hold says how many bytes a scanner's buffer is going to have, or has by now. false: it may
	// not be so large.
	Hold(bytes int) bool
}

// Event is a server-sent event.
type Event struct {
	Name string // of the field "event"
	ID   string // of this event's own field "id"
	Data []byte
}

// Append appends the event as it goes over the wire to b.
func (e Event) Append(b []byte) []byte {
	b = appendField(b, "id: ", e.ID)
	b = appendField(b, "event: ", e.Name)
	data := e.Data
	for {
		i := bytes.IndexAny(data, "\r\n")
		if i < 0 {
			break
		}
		b = append(append(append(b, "data: "...), data[:i]...), '\n')
		if data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n' {
			i++
		}
		data = data[i+1:]
	}
	return append(append(append(b, "data: "...), data...), "\n\n"...)
}

// appendField appends a field of one line, unless it is empty.
func appendField(b []byte, name, v string) []byte {
	from := len(b)
	b = append(b, name...)
	for i := range len(v) {
		if c := v[i]; c != '\r' && c != '\n' && c != 0 {
			b = append(b, c)
		}
	}
	if len(b) == from+len(name) {
		return b[:from]
	}
	return append(b, '\n')
}

const (
	firstBuffer = 4 << 10  // of a stream
	keptBuffer  = 64 << 10 // a longer one is given back after the event that needed it
	mostAtOnce  = keptBuffer / 2
	maxNames    = 64  // of events that a Scanner remembers
	maxNamed    = 128 // bytes of one of those
	maxEmpty    = 100 // reads without a byte
)

// Scanner reads server-sent events as the HTML standard says, with one buffer that grows for
// a long event alone. Lines end in CR, LF or CRLF; comments, other fields and events without
// data are dropped. Other than by the standard, a last event without its empty line counts: it
// is for the reader of the data to know whether the stream was whole.
//
// It is for one goroutine. It reads ahead no further than its buffer: a slow caller of Next
// slows the stream.
type Scanner struct {
	// Comment is called for each comment, which some servers send to show that they are alive.
	// stop: between two events Next returns ErrComment. nil: nobody wants to know.
	Comment func() (stop bool)

	// Room is asked for a buffer of more than 64 KiB. nil: there is enough.
	Room Room

	r       io.Reader
	max     int
	err     error // of r, when the buffer is used up
	names   map[string]string
	begun   bool // a byte order mark can't come any more
	afterCR bool // a line feed here belongs to the line before

	// buf[data:dataEnd] is the data of the event at hand, buf[next:end] is unread, and
	// buf[next:looked] has no end of a line.
	buf                              []byte
	data, dataEnd, next, looked, end int
}

// NewScanner returns a scanner of r whose events have at most so many bytes: of data so far,
// and the line at hand.
func NewScanner(r io.Reader, most int) *Scanner {
	return &Scanner{r: r, max: most, buf: make([]byte, min(firstBuffer, most+1))}
}

// Next returns the next event, whose Data is valid until Next is called again. It returns
// io.EOF after the last, ErrComment, ErrTooLarge, ErrNoRoom, or the reader's error, which takes an event with it that
// isn't whole.
func (s *Scanner) Next() (Event, error) {
	s.shrink()
	var e Event
	has := false
	for {
		from, to, err := s.line()
		switch {
		case err != nil && (err != io.EOF || !has): // as the reader gave it
			return Event{}, err
		case (err != nil || from == to) && has:
			e.Data = s.buf[s.data:s.dataEnd:s.dataEnd]
			return e, nil
		case from == to: // the end of an event without data
			e = Event{}
			continue
		}
		nameEnd, v := to, to
		if i := bytes.IndexByte(s.buf[from:to], ':'); i >= 0 {
			if nameEnd, v = from+i, from+i+1; v < to && s.buf[v] == ' ' {
				v++
			}
		}
		switch string(s.buf[from:nameEnd]) {
		case "": // nothing before the colon
			if s.Comment != nil && s.Comment() && !has && e.Name == "" && e.ID == "" {
				return Event{}, ErrComment
			}
		case "data":
			s.add(v, to, has)
			has = true
		case "event":
			e.Name = s.name(s.buf[v:to])
		case "id":
			if bytes.IndexByte(s.buf[v:to], 0) < 0 {
				e.ID = string(s.buf[v:to])
			}
		}
	}
}

// Ready reports whether Next is sure to return an event without reading. It may be false where
// Next would.
func (s *Scanner) Ready() bool {
	unread := s.buf[s.next:s.end]
	at := bytes.Index(unread, []byte("data:"))
	if at < 0 || at > 0 && unread[at-1] != '\n' {
		return false
	}
	return bytes.Contains(unread[at:], []byte("\n\n")) || bytes.Contains(unread[at:], []byte("\r\n\r\n"))
}

// add makes buf[from:to] a line of the event's data. The first stays where it is.
func (s *Scanner) add(from, to int, more bool) {
	if !more {
		s.data, s.dataEnd = from, to
		return
	}
	s.buf[s.dataEnd] = '\n'
	s.dataEnd += 1 + copy(s.buf[s.dataEnd+1:], s.buf[from:to])
}

// line returns where in the buffer the next line is.
func (s *Scanner) line() (from, to int, err error) {
	for {
		s.start()
		unseen := s.buf[s.looked:s.end]
		if i := bytes.IndexByte(unseen, '\n'); i >= 0 {
			unseen = unseen[:i+1]
		}
		end := bytes.IndexByte(unseen, '\r')
		if end < 0 && len(unseen) > 0 && unseen[len(unseen)-1] == '\n' {
			end = len(unseen) - 1
		}
		if end >= 0 {
			s.afterCR = unseen[end] == '\r'
			from, to = s.next, s.looked+end
			s.next, s.looked = to+1, to+1
			return from, to, nil
		}
		s.looked = s.end
		if s.err == nil {
			s.fill()
			continue
		}
		if s.err != io.EOF || s.next == s.end {
			return 0, 0, s.err
		}
		from, to = s.next, s.end
		s.next = s.end
		return from, to, nil
	}
}

// start skips what may stand before a line: the byte order mark of the stream, and the line
// feed after a carriage return that ended the line before.
func (s *Scanner) start() {
	const mark = "\ufeff"
	for !s.begun {
		got := string(s.buf[s.next:min(s.end, s.next+len(mark))])
		if got == mark {
			s.next, s.looked = s.next+len(mark), s.next+len(mark)
		}
		if s.begun = got == mark || got != mark[:len(got)] || s.err != nil; !s.begun {
			s.fill()
		}
	}
	if s.afterCR && s.next < s.end {
		if s.afterCR = false; s.buf[s.next] == '\n' {
			s.next++
			s.looked = max(s.looked, s.next)
		}
	}
}

// fill reads more into the buffer, which it moves together or enlarges if it is full.
func (s *Scanner) fill() {
	if s.end == len(s.buf) {
		s.room()
	}
	if s.err != nil {
		return
	}
	for range maxEmpty {
		n, err := s.r.Read(s.buf[s.end:min(len(s.buf), s.end+mostAtOnce)])
		s.end += n
		if s.err = err; n > 0 || err != nil {
			return
		}
	}
	s.err = io.ErrNoProgress
}

// room makes room in a full buffer: what is kept is the event's data and what is unread.
func (s *Scanner) room() {
	held, unread := s.dataEnd-s.data, s.end-s.next
	to := s.buf
	if held+unread > len(s.buf)/2 {
		if len(s.buf) > s.max {
			if held+unread > s.max {
				s.err, s.next, s.looked = ErrTooLarge, s.end, s.end
				return
			}
		} else {
			size := min(2*len(s.buf), s.max+1)
			if s.Room != nil && size > keptBuffer && !s.Room.Hold(size+len(s.buf)) {
				s.err, s.next, s.looked = ErrNoRoom, s.end, s.end
				return
			}
			to = make([]byte, size)
		}
	}
	s.move(to)
}

// shrink gives a long buffer back.
func (s *Scanner) shrink() {
	s.data, s.dataEnd = s.next, s.next
	if unread := s.end - s.next; len(s.buf) > keptBuffer && unread <= mostAtOnce {
		s.move(make([]byte, max(firstBuffer, 2*unread)))
		if s.Room != nil {
			s.Room.Hold(len(s.buf)) // less than it has
		}
	}
}

// move moves what is kept to the front of another buffer, or of the same.
func (s *Scanner) move(to []byte) {
	held := copy(to, s.buf[s.data:s.dataEnd])
	end := held + copy(to[held:], s.buf[s.next:s.end])
	s.looked += held - s.next
	s.buf, s.data, s.dataEnd, s.next, s.end = to, 0, held, held, end
}

// name returns the event's name without allocating it again and again.
func (s *Scanner) name(b []byte) string {
	if n, ok := s.names[string(b)]; ok {
		return n
	}
	n := string(b)
	if len(n) > maxNamed {
		return n
	}
	if s.names == nil {
		s.names = make(map[string]string)
	}
	if len(s.names) < maxNames {
		s.names[n] = n
	}
	return n
}
