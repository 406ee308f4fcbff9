package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// seen is what a look gave, to be compared.
type seen struct {
	Text   string  `json:"text"`   // at most MaxValue bytes
	Digest string  `json:"digest"` // of all of it
	Number float64 `json:"number"`
	IsNum  bool    `json:"is_number"`
}

func sight(text string) seen {
	sum := sha256.Sum256([]byte(text))
	s := seen{Text: text, Digest: hex.EncodeToString(sum[:16])}
	if len(text) > MaxValue {
		cut := MaxValue - len("…")
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		s.Text = text[:cut] + "…"
	}
	s.Number, s.IsNum = number(text)
	return s
}

// judge compares what is seen to what was, if anything was. told says whether it is to be told;
// holds whether a condition that begins and ends is true; keep whether what is seen is what the
// next look is compared to.
func (w When) judge(before *seen, held bool, now seen) (told, holds, keep bool, err error) {
	if w.Kind != Changes || w.By > 0 {
		if !now.IsNum {
			return false, held, false, lost("there is no number where one should be: " + strconv.Quote(now.Text[:min(len(now.Text), 60)]))
		}
	}
	switch {
	case w.Kind == Above:
		holds = now.Number > w.Than
		return holds && !held, holds, true, nil
	case w.Kind == Below:
		holds = now.Number < w.Than
		return holds && !held, holds, true, nil
	case before == nil:
		return false, false, true, nil
	case w.By > 0:
		moved := math.Abs(now.Number-before.Number) >= w.By
		return moved, false, moved, nil // so that small steps in one direction add up
	}
	return before.Digest != now.Digest, false, true, nil
}

var digits = regexp.MustCompile(`-?\d[\d.,'\x{00a0}\x{202f} ]*`)

// number returns the first number of a text, as people and machines write it: 1299.5, 1,299.50,
// 1.299,50 or 1 299,50. Where one separator alone is before three digits at the end, a comma is
// taken for thousands and a dot for a decimal point.
func number(text string) (float64, bool) {
	if f, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
		return f, !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	s := digits.FindString(text)
	if s == "" || len(s) > 40 {
		return 0, false
	}
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("' \u00a0\u202f", r) {
			return -1
		}
		return r
	}, strings.TrimRight(s, "., '\u00a0\u202f"))
	dot, comma := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	switch {
	case dot >= 0 && comma > dot: // 1.299,50
		s = strings.Replace(strings.ReplaceAll(s, ".", ""), ",", ".", 1)
	case comma >= 0 && dot < 0 && strings.Count(s, ",") == 1 && len(s)-comma != 4: // 12,5
		s = strings.Replace(s, ",", ".", 1)
	default: // 1,299.50 and 1,299
		s = strings.ReplaceAll(s, ",", "")
		if strings.Count(s, ".") > 1 { // 1.299.000
			s = strings.ReplaceAll(s, ".", "")
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}
