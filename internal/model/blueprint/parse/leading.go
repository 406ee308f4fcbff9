package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// leading makes the first field one that an entry can be called by. What the
// lexicon knows as another part of the thing isn't one: an item isn't called by
// its supplier.
func (r *reader) leading(e *draft) {
	best := -1
	parts := e.parts()
	for i, f := range e.fields {
		if f.Type != spec.Text || f.many || e.named && (poorNames[lastWord(f.key)] || parts[f.key]) {
			continue
		}
		if best < 0 || nameLike[lastWord(f.key)] && !nameLike[lastWord(e.fields[best].key)] {
			best = i
		}
	}
	if best < 0 {
		f := field{Field: spec.Field{Label: "Title", Type: spec.Text}, key: "title"}
		if e.thing != nil {
			if d := defaults(e.thing); len(d) > 0 && d[0].Type == spec.Text {
				f = d[0]
			}
		} else if len(r.entities) > 1 || len(e.noun) > 0 {
			f.Label, f.key = "Name", "name"
		}
		e.add(f)
		best = len(e.fields) - 1
		r.note("I added " + article(small(f.Label)) + ", by which " + article(e.Name) + " is called.")
		r.closing(e)
	}
	f := e.fields[best]
	f.Required = true
	e.fields = append([]field{f}, append(append([]field(nil), e.fields[:best]...), e.fields[best+1:]...)...)
}

// parts are the keys of what the lexicon knows a thing to have besides its name;
// none for a thing that has no name as such: an invoice, a loan.
func (e *draft) parts() map[string]bool {
	if e.thing == nil {
		return nil
	}
	d := defaults(e.thing)
	if len(d) == 0 || !nameLike[lastWord(d[0].key)] {
		return nil
	}
	m := map[string]bool{}
	for _, f := range d[1:] {
		m[f.key] = !nameLike[lastWord(f.key)]
	}
	return m
}

// closing gives a thing that gets done a mark for it, when the prompt says only
// what else it has.
func (r *reader) closing(e *draft) {
	if e.thing == nil || r.board && e == r.entities[0] {
		return
	}
	if d := defaults(e.thing); len(d) > 1 && d[1].Type == spec.Money && e.number() == nil {
		e.add(d[1])
		r.note("I added " + article(small(d[1].Label)) + ".")
	}
	for _, f := range e.fields {
		if f.Type == spec.Boolean || statusLike[lastWord(f.key)] {
			return
		}
	}
	for _, f := range defaults(e.thing) {
		if f.key == "done" {
			e.add(f)
			r.note("I added a mark for what is done.")
		}
	}
}

// nameLike are the fields that an entry is called by before any other.
var nameLike = set("title,name,username,subject,headline,description")

// poorNames are texts that don't tell one entry from another.
var poorNames = set("colour,color,location,address,phone,city,country,shape,material,genre,category,type,kind,brand,room,shelf,assignee,reporter,owner,source,language,region,currency,seat,place,unit,label,department,team,format,role,status,size,isbn,frequency,sku,code,barcode,reference,assigned,payment,supplier,vendor,by,at,from,to")

func lastWord(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }
