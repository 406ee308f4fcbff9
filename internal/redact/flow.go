package redact

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// lookBehind is how much of the text before a keyword a rule looks at, in bytes.
const lookBehind = 3

// Flow is one text that comes in parts. What has been given out, together with what End
// gives, is what the policy would have made of the whole text, however it was divided. It
// holds back the end of what came, from where a secret may begin that isn't whole yet: mostly
// nothing or a few bytes, at most as far as a rule looks (16 KiB, of a private key). Not for
// concurrent use, unless each is of a look of its own.
type Flow struct {
	look *look
	text string // what may still be needed
	from int    // of it, what comes next was decided on up to here
	over int    // of it, what comes next begins here, after what a secret took
	// waits is the keyword that nothing after it goes out before, if it may still be that of
	// a secret; else no keyword.
	waits hit
}

// Push returns what can be given out when part has come. denied: the policy doesn't let it
// go; then nothing more may be given out.
func (f *Flow) Push(part string) (string, error) {
	if part == "" {
		return "", nil
	}
	f.text += part
	return f.flow(false)
}

// End returns the rest. The flow begins anew then.
func (f *Flow) End() (string, error) {
	out, err := f.flow(true)
	*f = Flow{look: f.look}
	return out, err
}

// flow decides on as much as can be.
func (f *Flow) flow(whole bool) (string, error) {
	found, upto := f.find(whole)
	found, err := f.look.saw(found)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, m := range merge(found) {
		if m.Start < f.over { // within what was taken before
			f.over = max(f.over, m.End)
			continue
		}
		b.WriteString(f.text[f.over:m.Start])
		b.WriteString(m.Kind.Marker())
		f.over = m.End
	}
	if upto > f.over {
		b.WriteString(f.text[f.over:upto])
		f.over = upto
	}
	f.from = upto
	if gone := f.from - 2*lookBehind; gone > 0 {
		f.text, f.from, f.over, f.waits.at = f.text[gone:], f.from-gone, f.over-gone, f.waits.at-gone
	}
	return b.String(), nil
}

// hit is a keyword in a text.
type hit struct {
	keyword
	at int
}

// find returns what is found by the keywords that stand before upto: nothing that may follow
// can change that, or have something else begin there.
func (f *Flow) find(whole bool) (found []Finding, upto int) {
	if w := f.waits; w.rule != nil && !whole && w.rule.open(f.text, w.at) {
		return nil, f.from
	}
	f.waits = hit{}
	var hits []hit
	s := f.look.scanner
	partial := s.words.scan(f.text[f.from:], func(end int, keywords []int32) {
		for _, k := range keywords {
			hits = append(hits, hit{s.of[k], f.from + end - s.of[k].size})
		}
	})
	slices.SortStableFunc(hits, func(a, b hit) int { return b.at - a.at })
	upto = len(f.text)
	if !whole {
		upto = f.rune(upto - partial)
	}
	for _, h := range hits { // the last first: each may have what is after it wait
		if h.at >= upto && !whole {
			continue
		}
		if !whole && h.rule.open(f.text, h.at) {
			upto, f.waits = f.rune(h.at), h
			continue
		}
		m := h.rule.match(f.text, h.at)
		switch {
		case m.end <= m.start:
		case m.start >= upto && !whole:
			upto, f.waits = f.rune(h.at), hit{}
		default:
			found = append(found, Finding{Kind: h.rule.kind, Name: h.rule.name, Start: m.start, End: m.end})
		}
	}
	return slices.DeleteFunc(found, func(m Finding) bool { return m.Start >= upto }), upto
}

// rune is at, or where the character begins that is there.
func (f *Flow) rune(at int) int {
	for at > f.from && at < len(f.text) && !utf8.RuneStart(f.text[at]) {
		at--
	}
	return at
}
