package encoder

import (
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// wordpiece takes texts apart as BERT does (Devlin et al., 2018): into words and signs, and words
// into the longest pieces that the vocabulary has.
type wordpiece struct {
	ids                  map[string]int
	unknown, first, last int
	prefix               string // of a piece that isn't a word's first
	longest              int    // characters of a word that is taken apart
	lower, accents       bool   // to lower case; without accents
	clean, chinese       bool   // without control characters; each Chinese character a word
}

func readWordpiece(root *os.Root, c config) (*wordpiece, error) {
	var file struct {
		Normalizer *struct {
			Type    string `json:"type"`
			Clean   bool   `json:"clean_text"`
			Chinese bool   `json:"handle_chinese_chars"`
			Accents *bool  `json:"strip_accents"` // nil: as with lower case
			Lower   bool   `json:"lowercase"`
		} `json:"normalizer"`
		Before *struct {
			Type string `json:"type"`
		} `json:"pre_tokenizer"`
		Model struct {
			Type    string         `json:"type"`
			Unknown string         `json:"unk_token"`
			Prefix  string         `json:"continuing_subword_prefix"`
			Longest int            `json:"max_input_chars_per_word"`
			IDs     map[string]int `json:"vocab"`
		} `json:"model"`
	}
	if err := readJSON(root, "tokenizer.json", &file); err != nil {
		return nil, err
	}
	n := file.Normalizer
	if file.Model.Type != "WordPiece" || n == nil || n.Type != "BertNormalizer" || file.Before == nil || file.Before.Type != "BertPreTokenizer" {
		return nil, unsupported("its tokenizer.json takes texts apart as " + name(file.Model.Type) + "; WordPiece as BERT has it runs in this process")
	}
	w := &wordpiece{ids: file.Model.IDs, prefix: file.Model.Prefix, longest: file.Model.Longest, clean: n.Clean, chinese: n.Chinese, lower: n.Lower, accents: n.Lower}
	if n.Accents != nil {
		w.accents = *n.Accents
	}
	for _, id := range w.ids {
		if id < 0 || id >= c.Vocabulary {
			return nil, unsupported("its tokenizer.json has words that its config.json has no place for")
		}
	}
	for token, at := range map[string]*int{file.Model.Unknown: &w.unknown, "[CLS]": &w.first, "[SEP]": &w.last} {
		id, there := w.ids[token]
		if !there {
			return nil, unsupported("its vocabulary has no " + name(token))
		}
		*at = id
	}
	return w, nil
}

// tokens returns at most most of a text, with what a text begins and ends with.
func (w *wordpiece) tokens(text string, most int) []int {
	ids := []int{w.first}
	w.split(text, func(word string) bool {
		ids = w.pieces(word, ids)
		return len(ids) < most-1
	})
	return append(ids[:min(len(ids), most-1)], w.last)
}

// split calls f for each word and sign of a text, until f says that it is enough.
func (w *wordpiece) split(text string, f func(word string) bool) {
	if w.accents {
		text = norm.NFD.String(text)
	}
	var word strings.Builder
	flush := func() bool {
		if word.Len() == 0 {
			return true
		}
		s := word.String()
		word.Reset()
		return f(s)
	}
	for _, r := range text {
		switch {
		case w.clean && (r == 0 || r == unicode.ReplacementChar || isControl(r)):
		case w.accents && unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r):
			if !flush() {
				return
			}
		case isSign(r) || w.chinese && isChinese(r):
			if !flush() || !f(string(r)) {
				return
			}
		case w.lower:
			word.WriteString(strings.ToLower(string(r)))
		default:
			word.WriteRune(r)
		}
	}
	flush()
}

// pieces appends a word's: at each place the longest that there is. A word that can't be made of
// any is unknown as a whole.
func (w *wordpiece) pieces(word string, ids []int) []int {
	chars := []rune(word)
	if len(chars) > w.longest {
		return append(ids, w.unknown)
	}
	before := len(ids)
	for from := 0; from < len(chars); {
		to, prefix := len(chars), ""
		if from > 0 {
			prefix = w.prefix
		}
		id, there := 0, false
		for ; to > from && !there; to-- {
			id, there = w.ids[prefix+string(chars[from:to])]
		}
		if !there {
			return append(ids[:before], w.unknown)
		}
		ids, from = append(ids, id), to+1 // past the last character that was in it
	}
	return ids
}

// isControl reports what BERT takes for a control character: tabs and line ends are spaces.
func isControl(r rune) bool {
	return r != '\t' && r != '\n' && r != '\r' && unicode.Is(unicode.C, r)
}

// isSign reports what is a word by itself: punctuation, and all of ASCII that is no letter, digit
// or space.
func isSign(r rune) bool {
	return r >= 33 && r <= 47 || r >= 58 && r <= 64 || r >= 91 && r <= 96 || r >= 123 && r <= 126 || unicode.IsPunct(r)
}

// isChinese reports the characters of the CJK blocks, as BERT lists them.
func isChinese(r rune) bool {
	for _, b := range [...][2]rune{{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F}} {
		if r >= b[0] && r <= b[1] {
			return true
		}
	}
	return false
}
