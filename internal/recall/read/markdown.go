package read

import "strings"

// markdown reads blocks under their headings (CommonMark's, with # or underlined). Fenced code
// stays together, and is no heading. The title is the front matter's, or the first heading.
func markdown(s string) (title string, _ []block) {
	var p paragraphs
	var path headings
	fence, front := "", false
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		bare := strings.TrimSpace(line)
		switch {
		case p.n == 0 && line == "---":
			front = true
			p.n++
			continue
		case front:
			if p.n++; bare == "---" || bare == "..." {
				front = false
			} else if t, ok := strings.CutPrefix(line, "title:"); ok && title == "" {
				title = strings.Trim(strings.TrimSpace(t), `"'`)
			}
			continue
		case fence != "":
			if strings.HasPrefix(bare, fence) && strings.Trim(bare, fence[:1]) == "" {
				fence = ""
			}
			if bare == "" { // keeps the block together
				line = " "
			}
			p.code(line)
			continue
		}
		if f := opensFence(bare); f != "" {
			fence = f
			p.code(line)
			continue
		}
		if level, words := heading(line); level > 0 {
			p.flush()
			p.at.Heading = path.set(level, words)
			p.n++
		} else if level := underline(bare); level > 0 && len(p.now) == 1 {
			words := p.now[0]
			p.now = nil
			p.at.Heading = path.set(level, words)
			p.n++
		} else {
			p.line(line)
		}
		if title == "" && path.depth() > 0 {
			title = path.last()
		}
	}
	return title, p.end()
}

// code takes a line that ends no block, however empty.
func (p *paragraphs) code(line string) {
	p.n++
	if len(p.now) == 0 {
		p.at.Line = p.n
	}
	p.now = append(p.now, line)
}

func opensFence(bare string) string {
	for _, c := range []string{"`", "~"} {
		if n := len(bare) - len(strings.TrimLeft(bare, c)); n >= 3 && !strings.Contains(bare[n:], "`") {
			return bare[:n]
		}
	}
	return ""
}

// heading returns the level of a line that is one.
func heading(line string) (level int, words string) {
	line = strings.TrimPrefix(line, "\ufeff")
	rest := strings.TrimLeft(line, "#")
	level = len(line) - len(rest)
	if level == 0 || level > 6 || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return 0, ""
	}
	return level, strings.TrimSpace(strings.TrimRight(strings.TrimSpace(rest), "#"))
}

// underline returns the level that an underline gives the line above.
func underline(bare string) int {
	switch {
	case len(bare) >= 2 && strings.Trim(bare, "=") == "":
		return 1
	case len(bare) >= 2 && strings.Trim(bare, "-") == "":
		return 2
	}
	return 0
}

// headings are those that are above a place, by level.
type headings [7]string

// set enters a heading, and returns the path to it.
func (h *headings) set(level int, words string) string {
	h[level] = tidy(words)
	clear(h[level+1:])
	return h.path()
}

// path is the headings from the highest: "Operating > Backups".
func (h *headings) path() string {
	var all []string
	for _, w := range h {
		if w != "" {
			all = append(all, w)
		}
	}
	return tidyPath(all)
}

// tidyPath joins headings. Of those that are too long the last stay.
func tidyPath(all []string) string {
	for len(all) > 1 && len(strings.Join(all, " > ")) > 200 {
		all = all[1:]
	}
	return strings.Join(all, " > ")
}

func (h *headings) depth() (n int) {
	for _, w := range h {
		if w != "" {
			n++
		}
	}
	return n
}

func (h *headings) last() (word string) {
	for _, w := range h {
		if w != "" {
			word = w
		}
	}
	return word
}
