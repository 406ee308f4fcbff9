package dialect

// Parts are what a request shows a model besides words.
type Parts struct {
	Pictures         int
	Documents, Sound int // bytes of those that are in the request
	Elsewhere        int // documents that aren't, but at an address, or kept by the provider
}

// Parts returns what the request shows besides words. It is for estimates.
func (r Request) Parts() Parts {
	if !r.Op.generates() {
		return Parts{}
	}
	p := parter{b: r.Body, document: "file"}
	if r.Op.Dialect() == Messages {
		p.document = "document" // a file is the source of one
	}
	p.value(space(r.Body, 0))
	return p.Parts
}

// parter finds the parts in a value that was scanned, in one pass.
type parter struct {
	Parts
	b        []byte
	document string // the type of a document
}

// content is what is in a value whose part isn't known yet.
type content struct {
	file  int  // bytes of base64
	words bool // its text is counted as such
}

func (c *content) add(o content) { c.file, c.words = c.file+o.file, c.words || o.words }

// value reads the value at b[i].
func (p *parter) value(i int) (next int, in content) {
	switch p.b[i] {
	case '{':
		return p.object(i)
	case '[':
		for i = space(p.b, i+1); p.b[i] != ']'; {
			var c content
			i, c = p.value(i)
			in.add(c)
			i = p.next(i)
		}
		return i + 1, in
	}
	return value(p.b, i, 0), in
}

func (p *parter) object(i int) (next int, in content) {
	var kind []byte
	for i = space(p.b, i+1); p.b[i] != '}'; i = p.next(i) {
		nameAt := i + 1
		i = text(p.b, nameAt)
		name := p.b[nameAt : i-1]
		from := space(p.b, space(p.b, i)+1)
		var c content
		i, c = p.value(from)
		if in.add(c); p.b[from] != '"' {
			continue
		}
		raw := p.b[from+1 : i-1]
		switch string(name) {
		case "type":
			kind = raw
		case "data", "file_data":
			if string(name) == "data" && worded(name, raw) {
				in.words = true
			} else {
				in.file += len(raw) / 4 * 3
			}
		}
	}
	switch string(kind) {
	case "image_url", "input_image", "image":
		p.Pictures++
	case "input_audio":
		p.Sound += in.file
	case p.document, "input_file":
		p.Documents += in.file
		if in == (content{}) {
			p.Elsewhere++
		}
	default:
		return i + 1, in
	}
	return i + 1, content{}
}

// next returns where the next member or element is, or the closing bracket.
func (p *parter) next(i int) int {
	if i = space(p.b, i); p.b[i] == ',' {
		i = space(p.b, i+1)
	}
	return i
}
